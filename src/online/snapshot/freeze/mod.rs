//! A database held still while it is read.
//!
//! 1. A snapshot of the file system (btrfs, ZFS, LVM) is right for both engines: it is what a power cut would leave.
//! 2. A stopped node is right for both, as long as we hold the database's own lock: files are cloned, or read meanwhile.
//!    RocksDB's tables never change, so links are enough for them; ParityDB's change in place, so links are wrong.
//! 3. A live RocksDB is right by the protocol of [`live`]. A live ParityDB is refused: there is no protocol.
//!
//! What was made on the way (pins, snapshots of a file system) is noted before it is made, and removed when it is no
//! longer needed, or by the next run.

pub mod held;
pub mod live;
pub mod lock;
pub mod pin;
pub mod volume;

use std::path::{Path, PathBuf};

use super::database::{Contents, Database, DatabaseFault, DatabaseFile};
use super::manifest::Method;
use crate::files::Dir;
use crate::online::engine::Engine;
use crate::refusal::Refuse;

/// Where the bytes of a file are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Content {
    /// In the file of this name in [`Still::dir`], its first `size` bytes.
    File,
    /// Here.
    Bytes(Vec<u8>),
}

/// One file, as it is read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StillFile {
    /// Its name.
    pub name: String,
    /// Bytes that count.
    pub size: u64,
    /// Permission bits.
    pub mode: u32,
    /// What tells that it is a file that was read before, if its content can't change under that.
    pub unchanging: Option<(u64, i128)>,
    /// Where its bytes are.
    pub content: Content,
}

/// A database that doesn't change while this lives.
pub struct Still {
    /// How.
    pub method: Method,
    /// Where its files are.
    pub dir: PathBuf,
    /// The same, held open.
    pub open: Dir,
    /// Its files, by name.
    pub files: Vec<StillFile>,
    /// What is left out.
    pub left_out: Vec<String>,
    /// What keeps it still.
    pub keeper: Keeper,
}

impl Still {
    /// Lets it go: closes its directory first, since a file system that is in use can't be unmounted or destroyed.
    ///
    /// # Errors
    /// Of [`Keeper::release`].
    pub fn release(self) -> Result<(), FreezeFault> {
        drop(self.open);
        self.keeper.release()
    }
}

/// What keeps a database still. Dropping it gives up locks; what was made on disk is removed by [`Keeper::release`].
pub enum Keeper {
    /// The database's lock.
    Lock(lock::Held),
    /// Something that was made on disk.
    Made(held::Held),
    /// Nothing: it may change.
    Nothing,
}

impl Keeper {
    /// Gives up the lock or removes what was made.
    ///
    /// # Errors
    /// [`FreezeFault`]; what stays is noted, and removed by the next run.
    pub fn release(self) -> Result<(), FreezeFault> {
        match self {
            Self::Lock(_) | Self::Nothing => Ok(()),
            Self::Made(held) => held.remove(),
        }
    }
}

/// Why a database can't be held still.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum FreezeFault {
    /// The directory is not as it must be.
    #[error(transparent)]
    Database(#[from] DatabaseFault),
    /// The node runs, and nothing allows a snapshot of a running node.
    #[error("The node runs, and its {engine} can't be read consistently meanwhile: {reason}.")]
    Live {
        /// The engine.
        engine: Engine,
        /// Why the other methods are out.
        reason: String,
    },
    /// The node was to be stopped and still holds the lock.
    #[error("The node still holds {} {seconds} seconds after it was told to stop.", .path.display())]
    StillRunning {
        /// The lock.
        path: PathBuf,
        /// How long was waited.
        seconds: u64,
    },
    /// A precondition of the protocol for live databases does not hold.
    #[error("The live RocksDB can't be read consistently: {reason}.")]
    Precondition {
        /// Which, with the setting.
        reason: String,
    },
    /// The database changed too fast.
    #[error("The live RocksDB changed its MANIFEST during each of {tries} tries in two minutes.")]
    Restless {
        /// How many.
        tries: u32,
    },
    /// A program that makes or removes snapshots of file systems failed.
    #[error("`{command}` failed: {reason}.")]
    Command {
        /// What was run.
        command: String,
        /// Its words, or the system's.
        reason: String,
    },
    /// The method doesn't fit this place.
    #[error("{method} is not possible for {}: {reason}.", .path.display())]
    Unfit {
        /// The method.
        method: &'static str,
        /// The database.
        path: PathBuf,
        /// Why.
        reason: String,
    },
    /// The system refused.
    #[error("{}: {reason}.", .path.display())]
    System {
        /// The path.
        path: PathBuf,
        /// The system's words.
        reason: String,
    },
}

impl FreezeFault {
    pub(super) fn system(path: &Path, error: &std::io::Error) -> Self {
        Self::System {
            path: path.to_owned(),
            reason: error.to_string(),
        }
    }
}

impl Refuse for FreezeFault {
    fn name(&self) -> &'static str {
        match self {
            Self::Database(fault) => fault.name(),
            Self::Live { .. } => "snapshot-node-running",
            Self::StillRunning { .. } => "snapshot-node-not-stopped",
            Self::Precondition { .. } => "snapshot-live-precondition",
            Self::Restless { .. } => "snapshot-live-restless",
            Self::Command { .. } => "snapshot-command-failed",
            Self::Unfit { .. } => "snapshot-method-unfit",
            Self::System { .. } => "snapshot-system",
        }
    }

    fn way_on(&self) -> &'static str {
        match self {
            Self::Database(fault) => fault.way_on(),
            Self::Live { .. } => {
                "Put the database on btrfs, ZFS or LVM; or allow a stop (allow_stop); or stop the node yourself. Best: take snapshots of a node that is no validator."
            }
            Self::StillRunning { .. } => {
                "Look at the node; the database was not read. It is started again by the command that is set."
            }
            Self::Precondition { .. } => {
                "Take the snapshot from a stopped node or a file system's snapshot."
            }
            Self::Restless { .. } => "Try again when the node is less busy, or stop it.",
            Self::Command { .. } | Self::Unfit { .. } => {
                "Look at the file system and the rights of this program, or choose another method with --method."
            }
            Self::System { .. } => "Look at the directory, its permissions and its free space.",
        }
    }
}

/// Holds a directory open.
pub(super) fn open(dir: &Path) -> Result<Dir, FreezeFault> {
    Dir::open(dir).map_err(|error| FreezeFault::system(dir, &error))
}

/// Files as they lie in `dir`, an image of the database that no longer changes.
pub(super) fn still_files(engine: Engine, files: Vec<DatabaseFile>) -> Vec<StillFile> {
    let still = |file: DatabaseFile| StillFile {
        unchanging: unchanging(engine, &file),
        name: file.name,
        size: file.size,
        mode: file.mode,
        content: Content::File,
    };
    files.into_iter().map(still).collect()
}

/// RocksDB writes a table once: what has the same inode, size and time is the same. ParityDB's files have no such mark.
fn unchanging(engine: Engine, file: &DatabaseFile) -> Option<(u64, i128)> {
    let table =
        engine == Engine::RocksDb && (file.name.ends_with(".sst") || file.name.ends_with(".blob"));
    table.then_some(file.identity)
}

/// The database while we hold its lock: read where it lies.
///
/// # Errors
/// [`FreezeFault`].
pub fn in_place(database: &Database, lock: lock::Held) -> Result<Still, FreezeFault> {
    let Contents { files, left_out } = database.contents(&database.dir)?;
    Ok(Still {
        method: Method::StoppedCopy,
        open: open(&database.dir)?,
        dir: database.dir.clone(),
        files: still_files(database.engine, files),
        left_out,
        keeper: Keeper::Lock(lock),
    })
}

/// The database pinned while we hold its lock: cloned, or for RocksDB linked. `None` where neither is possible; then it is
/// read in place.
///
/// # Errors
/// [`FreezeFault`].
pub fn pinned(
    database: &Database,
    _lock: &lock::Held,
    state: &Path,
) -> Result<Option<Still>, FreezeFault> {
    let Contents { files, left_out } = database.contents(&database.dir)?;
    let (held, pin) = held::Held::pin(database, state)?;
    match pin_into(database, &pin, files) {
        Ok(Some((method, files))) => Ok(Some(Still {
            method,
            open: pin,
            dir: held.path().to_owned(),
            files,
            left_out,
            keeper: Keeper::Made(held),
        })),
        Ok(None) => {
            held.remove()?;
            Ok(None)
        }
        Err(fault) => {
            let _ = held.remove(); // the fault matters more; what stays is noted
            Err(fault)
        }
    }
}

/// Pins files into what is held; `None` if that is not possible here.
fn pin_into(
    database: &Database,
    pin: &Dir,
    files: Vec<DatabaseFile>,
) -> Result<Option<(Method, Vec<StillFile>)>, FreezeFault> {
    let method = match pin::clone_all(&database.dir, pin, &files)? {
        true => Method::StoppedReflink,
        false if database.engine == Engine::RocksDb => {
            pin::link_tables(&database.dir, pin, &files)?;
            Method::StoppedLinks
        }
        false => return Ok(None),
    };
    let mut still = still_files(database.engine, files);
    if method == Method::StoppedLinks {
        for file in &mut still {
            if file.unchanging.is_none() {
                // Small, and changed or deleted once the node runs again: WALs alone are linked, they only lose their name.
                file.content = pin::content_now(&database.dir, file)?;
            }
        }
    }
    Ok(Some((method, still)))
}
