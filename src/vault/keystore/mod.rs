//! Keystore directories of stock Substrate nodes, and the two secret files beside them.
//!
//! Rules of a keystore (`sc_keystore::LocalKeystore`): a file is named hex(key type) and hex(public key), lower case, no
//! `0x`; its content is one JSON string, nothing before or after it; mode 0600.
//!
//! 1. A listing reads no secret. Reading opens each file once, never follows a link, and reads a bounded number of bytes.
//! 2. A key that was read is a claim. [`KeyClaim::prove`] turns it into a [`ProvenKey`], the only form that seals or
//!    writes take. A key that no known scheme can prove becomes an [`UnprovableKey`]; it travels only by an exception.
//! 3. Everything in the directory is accounted for. What the node silently ignores is a fault here, by name.
//! 4. Writing never overwrites: a file appears under its name complete and on disk, or not at all, with 0600 from its
//!    first byte. Afterwards the directory is listed, read and proven again.
//! 5. A round trip is byte-identical; what can't be written back byte by byte is refused when it is read.

mod dir;
mod examine;
mod fault;
mod file;
mod key;
mod network;
mod write;

pub use dir::{Entry, Listing, inspect};
pub use examine::{Examined, examine, read};
pub use fault::{FileFault, FileWarning, Finding, KeystoreFault, WriteFault};
pub use file::{MAX_KEY_FILE, MAX_NAME, file_name, parse_name};
pub(in crate::vault) use file::{content_of, text_of};
pub use key::{KeyClaim, NotProven, ProvenKey, UnprovableKey};
pub use network::{
    NetworkPath, ProvenNetworkFile, examine_network, is_chain_dir, read_network, write_network,
};
pub use write::{Owner, State, Written, WrittenFile, discard_unfinished, prepare, write};
