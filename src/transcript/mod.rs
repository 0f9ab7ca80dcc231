//! What the auditor reads: transcript, record, annex, certificate data, signature, verification.
//!
//! - [`chain`] writes the transcript. It is JSON lines; each line carries the SHA-256 of the line before, and an
//!   entry is on the disk before [`chain::Writer::append`] returns. [`resume`] goes on after a power cut: a torn
//!   tail is set aside and named, any other damage is refused with its line.
//! - [`entry`] is one line, read strictly, and the bodies of the entries that this room itself knows.
//! - [`verify`] judges a file as an auditor does. It reports every fault as a named [`finding`]. A chain proves
//!   only that the file agrees with itself: whoever can write one line can compute all later ones anew. So a file
//!   counts only against an anchor that the forger cannot reach, which is the head on the signed paper.
//! - [`compare`] lays two files of one ceremony side by side, and names the entry where they part.
//! - [`record`] is the summary that custodians keep; [`annex`] holds the names behind its labels, linked by salted
//!   hashes; [`certificate`] is what is printed and signed by hand.
//! - [`sign`] is the ceremony's key: one detached SSH signature over the closed file, then the key is wiped.
//!
//! Nothing here holds a secret but the ceremony key. Entries are free of secrets because the types that describe
//! them cannot hold any. Text from a file is foreign: [`visible`] escapes it before anyone sees it.

pub mod annex;
pub mod certificate;
pub mod chain;
pub mod compare;
pub mod entry;
pub mod finding;
pub mod hex;
mod links;
pub mod record;
pub mod resume;
pub mod sign;
pub mod six_words;
pub mod strict;
pub mod verify;
pub mod visible;

pub use six_words::six_words;
