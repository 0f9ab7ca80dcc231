//! From objects in a store back to files in a staging directory.
//!
//! The manifest is the one whose hash stands in a signed head. Each chunk is opened, unpacked, and compared with the hash
//! in the manifest before a byte of it is written. An interrupted fetch goes on: chunks that are there already are read
//! and compared instead of being fetched again.

use std::fs::File;
use std::io::{self, Read as _};
use std::os::unix::fs::FileExt;
use std::path::PathBuf;
use std::sync::atomic::Ordering;

use super::catalog::Entry;
use super::manifest::{self, Chunk, FileEntry, Head, MANIFEST_FORMAT, Manifest, read};
use super::names::{self, Epoch, SourceName};
use super::object::{Opener, sha256};
use super::parallel;
use super::ship::Progress;
use super::staging::Staging;
use crate::ceremony::event::Refused;
use crate::files::from_error;
use crate::online::amount::bytes;
use crate::online::store::{MAX_OBJECT, Store, StoreFault};
use crate::refusal::Refuse;
use crate::vault::object::{Identities, Unopened};

/// By how much the age header of an object may be longer than that of the same object sealed before, in bytes.
const HEADER: u64 = 64 * 1024;

/// Why a snapshot was not fetched.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum FetchFault {
    /// The sealed manifest is not the one of the head.
    #[error("The manifest of {snapshot} in {store} is not the one that was signed.")]
    Manifest {
        /// The snapshot.
        snapshot: String,
        /// The store.
        store: String,
    },
    /// None of the identities opens it.
    #[error("{what} is not sealed to this identity.")]
    OtherRecipient {
        /// The object.
        what: String,
    },
    /// An object was changed, replaced or damaged.
    #[error(
        "The object {object} of {file} in {store} is {how}. Until it is removed, snapshots of its epoch that hold the same bytes refer to it."
    )]
    Object {
        /// The object.
        object: String,
        /// The file that it belongs to.
        file: String,
        /// The store.
        store: String,
        /// What is wrong.
        how: &'static str,
    },
    /// Not enough space.
    #[error("{} has {} free, and {} are needed.", .path.display(), bytes(*.free), bytes(*.needed))]
    Space {
        /// The directory.
        path: PathBuf,
        /// Bytes needed.
        needed: u64,
        /// Bytes free.
        free: u64,
    },
    /// Another restore is at it.
    #[error("{} is being filled by another run.", .path.display())]
    Running {
        /// The directory.
        path: PathBuf,
    },
    /// A file can't be written.
    #[error("{} can't be written: {reason}.", .path.display())]
    NotWritten {
        /// The file.
        path: PathBuf,
        /// The system's words.
        reason: String,
    },
}

impl Refuse for FetchFault {
    fn name(&self) -> &'static str {
        match self {
            Self::Manifest { .. } => "snapshot-manifest-swapped",
            Self::OtherRecipient { .. } => "snapshot-other-recipient",
            Self::Object { .. } => "snapshot-object-swapped",
            Self::Space { .. } => "restore-no-space",
            Self::Running { .. } => "restore-running",
            Self::NotWritten { .. } => "restore-not-written",
        }
    }

    fn way_on(&self) -> &'static str {
        match self {
            Self::Object { .. } => {
                "Restore from another store (--store) or another snapshot, and find out what happened to this one. Remove the object with the identity that prunes: the host's next snapshot sends it anew."
            }
            Self::Manifest { .. } => {
                "Restore from another store (--store) or another snapshot, and find out what happened to this one."
            }
            Self::OtherRecipient { .. } => {
                "Give the identity (--identity) of one of the recipients that the host seals to."
            }
            Self::Space { .. } => {
                "Make space, or give another place; what was fetched stays, and is not fetched again."
            }
            Self::Running { .. } => "Wait until it is done, or end it; what it fetched stays.",
            Self::NotWritten { .. } => "Look at the directory, its permissions and its disk.",
        }
    }
}

/// Fetches and opens the manifest of a snapshot whose head was judged.
///
/// # Errors
/// [`FetchFault`], faults of the store or of the manifest, as refusals.
pub fn manifest(
    store: &dyn Store,
    source: &SourceName,
    entry: &Entry,
    head: &Head,
    identities: &Identities,
) -> Result<Manifest, Refused> {
    let snapshot = entry.name.to_string();
    let path = names::manifest(source, &entry.epoch, &entry.name, "age");
    let sealed = store
        .get(&path, MAX_OBJECT)
        .map_err(|fault| from_error(&fault))?;
    let fault = |fault: FetchFault| from_error(&fault);
    if sha256(&sealed) != head.manifest_sha256 {
        return Err(fault(FetchFault::Manifest {
            snapshot,
            store: store.address().to_owned(),
        }));
    }
    let unopened = |unopened| {
        fault(match unopened {
            Unopened::OtherRecipient => FetchFault::OtherRecipient {
                what: format!("{snapshot} in {}", store.address()),
            },
            _ => FetchFault::Manifest {
                snapshot: snapshot.clone(),
                store: store.address().to_owned(),
            },
        })
    };
    let text = identities.reading(&sealed[..]).map_err(unopened)?;
    let manifest = match manifest::read_own(text.take(MAX_OBJECT)) {
        Some(manifest) => manifest,
        None => {
            let mut plain = Vec::new();
            identities
                .open(&sealed, MAX_OBJECT, &mut plain)
                .map_err(unopened)?;
            read("manifest", &snapshot, MANIFEST_FORMAT, &plain)
                .map_err(|fault| from_error(&fault))?
        }
    };
    manifest
        .check(head, &snapshot)
        .map_err(|fault| from_error(&fault))?;
    Ok(manifest)
}

/// Where a snapshot is fetched from, and how.
pub struct Fetch<'a> {
    /// The store.
    pub store: &'a dyn Store,
    /// The source.
    pub source: &'a SourceName,
    /// The epoch.
    pub epoch: &'a Epoch,
    /// Opens its objects.
    pub identities: &'a Identities,
    /// Number of threads.
    pub threads: usize,
    /// How far it is.
    pub progress: &'a Progress,
}

/// Fetches all files into `staging`, and makes them durable.
///
/// # Errors
/// [`FetchFault`] or a fault of the store. What was fetched stays, for the next try.
pub fn fetch(fetch: &Fetch<'_>, manifest: &Manifest, staging: &Staging) -> Result<(), Refused> {
    staging.keep(|name| {
        let found = manifest
            .files
            .binary_search_by(|file| file.path.as_str().cmp(name));
        found.is_ok()
    })?;
    let files = manifest.files.iter();
    let there: u64 = files.map(|file| staging.allocated(&file.path)).sum();
    staging.has_room(manifest.bytes().unwrap_or(u64::MAX).saturating_sub(there))?;
    let total = manifest.bytes().unwrap_or(0);
    fetch.progress.total.store(total, Ordering::Relaxed);
    fetch.progress.done.store(0, Ordering::Relaxed);
    let mut jobs = Vec::new();
    for file in &manifest.files {
        staging.make(&file.path, file.size, file.mode().unwrap_or(0o600))?;
        let mut start = 0;
        for chunk in &file.chunks {
            jobs.push((file, chunk, start));
            start += chunk.size;
        }
    }
    let worker = || {
        let opener = Opener::new(fetch.identities).map_err(|error| {
            from_error(&FetchFault::NotWritten {
                path: staging.path().to_owned(),
                reason: error.to_string(),
            })
        })?;
        Ok(Worker {
            fetch,
            staging,
            opener,
            buffer: Vec::new(),
        })
    };
    parallel::each(
        fetch.threads,
        &jobs,
        worker,
        |worker, (file, chunk, start)| {
            worker.chunk(file, chunk, *start)?;
            fetch.progress.done.fetch_add(chunk.size, Ordering::Relaxed);
            Ok(())
        },
    )?;
    staging.sync()
}

struct Worker<'a> {
    fetch: &'a Fetch<'a>,
    staging: &'a Staging,
    opener: Opener<'a>,
    buffer: Vec<u8>,
}

impl Worker<'_> {
    fn chunk(&mut self, file: &FileEntry, chunk: &Chunk, start: u64) -> Result<(), Refused> {
        let failed = |error: io::Error| {
            from_error(&FetchFault::NotWritten {
                path: self.staging.path().join(&file.path),
                reason: error.to_string(),
            })
        };
        let target = self.staging.file(&file.path)?;
        if is_there(&mut self.buffer, &target, chunk, start).map_err(failed)? {
            return Ok(());
        }
        let Fetch {
            store,
            source,
            epoch,
            ..
        } = self.fetch;
        let name = names::object(source, epoch, &chunk.object);
        let wrong = |how| {
            from_error(&FetchFault::Object {
                object: name.clone(),
                file: file.path.clone(),
                store: store.address().to_owned(),
                how,
            })
        };
        // The manifest, which is signed for, says how long it is; a store can't make us read much more. What was lost and
        // sent again was sealed anew, under a header of another length.
        let limit = chunk.stored_size.saturating_add(HEADER).min(MAX_OBJECT);
        let sealed = store.get(&name, limit).map_err(|fault| match fault {
            StoreFault::Absent { .. } => wrong("absent"),
            StoreFault::TooLarge { .. } => wrong("of another size than the one that was saved"),
            fault => from_error(&fault),
        })?;
        let plain = self
            .opener
            .open(&sealed, chunk.codec, chunk.size)
            .ok()
            .filter(|plain| sha256(plain) == chunk.sha256);
        let Some(plain) = plain else {
            // Only now it matters what exactly is wrong.
            return Err(wrong(if sealed.len() as u64 != chunk.stored_size {
                "of another size than the one that was saved"
            } else if sha256(&sealed) != chunk.stored_sha256 {
                "not the one that was saved"
            } else {
                "the one that was saved, but does not open to the bytes that were saved"
            }));
        };
        self.fetch
            .progress
            .sent
            .fetch_add(sealed.len() as u64, Ordering::Relaxed);
        // What is all zeros is a hole already.
        if plain.iter().any(|byte| *byte != 0) || !is_hole(&target, start, chunk.size) {
            target.write_all_at(plain, start).map_err(failed)?;
        }
        Ok(())
    }
}

/// Whether the chunk's bytes are in the file already. A hole is looked at only if zeros are wanted.
fn is_there(buffer: &mut Vec<u8>, target: &File, chunk: &Chunk, start: u64) -> io::Result<bool> {
    if is_hole(target, start, chunk.size) {
        return Ok(false);
    }
    buffer.resize(usize::try_from(chunk.size).unwrap_or(0), 0);
    target.read_exact_at(buffer, start)?;
    Ok(sha256(buffer) == chunk.sha256)
}

/// Whether nothing was written at this place yet.
fn is_hole(file: &File, start: u64, size: u64) -> bool {
    match rustix::fs::seek(file, rustix::fs::SeekFrom::Data(start)) {
        Ok(data) => data >= start + size,
        Err(rustix::io::Errno::NXIO) => true, // no data from here to the end
        Err(_) => false,
    }
}
