//! From a database that is held still to objects in every store.
//!
//! Threads take work from one list: small files whole, large ones chunk by chunk. A chunk is read, hashed, and, where a
//! store lacks it, packed and sealed once and put into each store that lacks it. Memory: one chunk and its object for
//! each thread, whatever the database's size.
//!
//! A store that fails is left out from then on, and the others go on; the snapshot is not committed there.

mod remembered;
mod target;
mod worker;

use std::path::PathBuf;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

use super::freeze::{Content, Still, StillFile};
use super::names::SourceName;
use super::parallel;
use crate::refusal::Refuse;
use crate::transcript::hex::Hash;
use crate::vault::recipient::Recipient;

pub use remembered::Remembered;
pub use target::Target;

use worker::Worker;

/// A file of more chunks than this is worked on by several threads; its own hash is then computed apart.
const CHUNKS_OF_ONE_THREAD: u64 = 32;

/// A file as it was read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PlainFile {
    /// Its name.
    pub name: String,
    /// Bytes.
    pub size: u64,
    /// Permission bits.
    pub mode: u32,
    /// SHA-256.
    pub sha256: Hash,
    /// SHA-256 and bytes of each chunk.
    pub chunks: Vec<(Hash, u64)>,
}

/// Why nothing was shipped.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ShipFault {
    /// A file of the database can't be read.
    #[error("{} could not be read: {reason}.", .path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// The system's words.
        reason: String,
    },
    /// The node was stopped for as long as it may be.
    #[error(
        "The node was stopped for {seconds} seconds, which is as long as it may be, and the snapshot was not done."
    )]
    Window {
        /// The bound.
        seconds: u64,
    },
    /// Every store failed.
    #[error("No store took the snapshot. {0}")]
    NoStore(String),
    /// A thread could not start to work.
    #[error("A worker could not start: {0}.")]
    Worker(String),
}

impl Refuse for ShipFault {
    fn name(&self) -> &'static str {
        match self {
            Self::Unreadable { .. } => "database-unreadable",
            Self::Window { .. } => "snapshot-window-exceeded",
            Self::NoStore(_) => "snapshot-no-store",
            Self::Worker(_) => "snapshot-worker",
        }
    }

    fn way_on(&self) -> &'static str {
        match self {
            Self::Unreadable { .. } => "Look at the disk below the database; nothing was changed.",
            Self::Window { .. } => {
                "Start again: what was sent is not sent again. Or allow a longer stop (max_stop_seconds), or use a file system with snapshots. A node that you stopped yourself may be held longer: --method stopped-copy."
            }
            Self::NoStore(_) => {
                "Look at the stores, then start again: what is stored is not sent twice."
            }
            Self::Worker(_) => "Look at the memory that is free, and start again.",
        }
    }
}

/// How far it is. Others read it while it goes on.
#[derive(Debug, Default)]
pub struct Progress {
    /// Plain bytes of all files.
    pub total: AtomicU64,
    /// Plain bytes that are done.
    pub done: AtomicU64,
    /// Bytes that were sent to all stores.
    pub sent: AtomicU64,
}

/// How the work is done.
pub struct Work<'a> {
    /// The stores.
    pub targets: &'a [Target],
    /// Where objects go in them.
    pub source: &'a SourceName,
    /// To whom objects are sealed.
    pub recipients: &'a [Recipient],
    /// Size of chunks, in bytes.
    pub chunk: u64,
    /// Number of threads.
    pub threads: usize,
    /// Until when it must be done, and how many seconds that was.
    pub deadline: Option<(Instant, u64)>,
    /// What is known of unchanging files.
    pub remembered: &'a Remembered,
    /// How far it is.
    pub progress: &'a Progress,
    /// Whether files may change and vanish meanwhile: then nothing is given, and what can be shipped is shipped.
    pub tolerant: bool,
}

#[derive(Clone, Copy)]
enum Job {
    /// All chunks of a file, and its hash.
    File(usize),
    /// One chunk of a large file.
    Chunk(usize, u64),
    /// The hash of a large file.
    Hash(usize),
}

/// What is known of a file so far: its hash, and hash and size of each chunk.
type Found = (Option<Hash>, Vec<Option<(Hash, u64)>>);

struct Results {
    files: Vec<Found>,
}

/// Ships every file of `still`, and gives what was read. Every target has every chunk then, or a fault.
///
/// # Errors
/// [`ShipFault`].
pub fn ship(still: &Still, work: &Work<'_>) -> Result<Vec<PlainFile>, ShipFault> {
    let total = still.files.iter().map(|file| file.size).sum();
    work.progress.total.store(total, Ordering::Relaxed);
    work.progress.done.store(0, Ordering::Relaxed);
    let count = |file: &StillFile| file.size.div_ceil(work.chunk);
    let mut jobs = Vec::new();
    for (at, file) in still.files.iter().enumerate() {
        let chunks = count(file);
        if chunks <= CHUNKS_OF_ONE_THREAD || matches!(file.content, Content::Bytes(_)) {
            jobs.push(Job::File(at));
        } else {
            jobs.push(Job::Hash(at));
            jobs.extend((0..chunks).map(|chunk| Job::Chunk(at, chunk)));
        }
    }
    let empty = |file: &StillFile| {
        (
            None,
            vec![None; usize::try_from(count(file)).expect("chunks fit in memory")],
        )
    };
    let results = Mutex::new(Results {
        files: still.files.iter().map(empty).collect(),
    });
    let worker = || Worker::new(still, work, &results);
    parallel::each(work.threads, &jobs, worker, |worker, job| {
        worker.check()?;
        match worker.work(*job) {
            Err(ShipFault::Unreadable { .. }) if work.tolerant => Ok(()),
            done => done,
        }
    })?;
    if work.tolerant {
        return Ok(vec![]);
    }
    let results = results.into_inner().expect("no panic inside").files;
    let plain = |(file, (hash, chunks)): (&StillFile, Found)| PlainFile {
        name: file.name.clone(),
        size: file.size,
        mode: file.mode,
        sha256: hash.expect("every file was hashed"),
        chunks: chunks
            .into_iter()
            .map(|chunk| chunk.expect("every chunk was read"))
            .collect(),
    };
    Ok(still.files.iter().zip(results).map(plain).collect())
}
