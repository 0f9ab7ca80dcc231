//! A place that keeps a snapshot's objects under names: a directory, or a bucket that speaks S3.
//!
//! 1. A name is given once. [`Store::put_new`] never replaces what is there; who finds a name taken takes another.
//! 2. A retry sends identical bytes. If it can't be told whether an earlier try arrived, the name counts as taken, unless
//!    the store itself says that what lies there is what was sent.
//! 3. Nothing that a store answers is believed: sizes are bounded, and what is read is compared with a signed manifest.
//! 4. The host writes and lists; it needs neither reading nor deleting. The verifier has an identity of its own.
//! 5. Time is the store's: a host whose clock is wrong must not make snapshots expire.

mod directory;
mod fault;
mod open;
pub mod s3;

pub use directory::Directory;
pub use fault::StoreFault;
pub use open::open;

use jiff::Timestamp;

/// Longest object that is written or read, in bytes: one chunk, or a manifest.
pub const MAX_OBJECT: u64 = 256 * 1024 * 1024;

/// What became of a put.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Put {
    /// These bytes lie under the name; durably after [`Store::settle`].
    Stored,
    /// Something else lies under it, or it can't be told what does. Nothing was replaced.
    Taken,
}

/// One object of a listing.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Listed {
    /// The object's whole name, below the store's prefix, e.g. `dev3/node-1/2026-W48-0123456789abcdef/restore.sh`.
    pub name: String,
    /// Its size in bytes, as the store says.
    pub size: u64,
}

/// A store. Names are ASCII, parts separated by `/`, made by this program; see [`valid_name`].
pub trait Store: Send + Sync {
    /// Its address, for people and for the state directory: `file:///dir`, `s3://bucket/prefix`. Holds no secret.
    fn address(&self) -> &str;

    /// Stores `bytes` under a name that nothing has yet. `locked_until` asks a bucket with object lock to keep the object
    /// until then (compliance is the bucket's choice); a directory ignores it.
    ///
    /// # Errors
    /// [`StoreFault`], when it is certain that the object can't be stored, or retries are used up.
    fn put_new(
        &self,
        name: &str,
        bytes: &[u8],
        locked_until: Option<Timestamp>,
    ) -> Result<Put, StoreFault>;

    /// Makes all that was put durable, before something is put that refers to it. A bucket has nothing to do.
    ///
    /// # Errors
    /// [`StoreFault`].
    fn settle(&self) -> Result<(), StoreFault>;

    /// Reads the object, of at most `limit` bytes.
    ///
    /// # Errors
    /// [`StoreFault::Absent`] if there is none; [`StoreFault::TooLarge`]; else what went wrong.
    fn get(&self, name: &str, limit: u64) -> Result<Vec<u8>, StoreFault>;

    /// All objects whose names begin with `prefix` (which ends in `/` or is empty), in order of their names.
    ///
    /// # Errors
    /// [`StoreFault`]; a listing is whole or an error, never short.
    fn list(&self, prefix: &str) -> Result<Vec<Listed>, StoreFault>;

    /// The first parts of the names below `prefix` (which ends in `/` or is empty) that have further parts: its
    /// directories, without `/`, in order.
    ///
    /// # Errors
    /// As [`Store::list`].
    fn directories(&self, prefix: &str) -> Result<Vec<String>, StoreFault>;

    /// Deletes the object; that it is absent already is no error.
    ///
    /// # Errors
    /// [`StoreFault::Locked`] if an object lock holds it; else what went wrong.
    fn delete(&self, name: &str) -> Result<(), StoreFault>;

    /// Bytes that are free, where the store has an end that it tells.
    fn free(&self) -> Option<u64> {
        None
    }

    /// The store's own time.
    ///
    /// # Errors
    /// [`StoreFault`].
    fn now(&self) -> Result<Timestamp, StoreFault>;
}

/// Whether a name may be given to an object: at most 512 bytes, parts of `A-Z a-z 0-9 . _ -` separated by `/`, none of
/// them empty or begun with a dot.
pub fn valid_name(name: &str) -> bool {
    name.len() <= 512
        && name.split('/').all(|part| {
            !part.is_empty()
                && !part.starts_with('.')
                && part
                    .bytes()
                    .all(|b| b.is_ascii_alphanumeric() || b"._-".contains(&b))
        })
}
