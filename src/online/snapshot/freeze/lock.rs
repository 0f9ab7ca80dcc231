//! The database's own lock. Who holds it knows that the node doesn't run, on the same host and mount.
//!
//! ParityDB takes `flock` on `lock`; RocksDB takes a POSIX record lock (`fcntl`) on the whole of `LOCK`. A record lock
//! is given up when any descriptor of the file is closed, so the file is opened here alone.

use std::fs::{File, OpenOptions};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::Path;

use rustix::fs::{FlockOperation, OFlags};
use rustix::io::Errno;

use super::FreezeFault;
use crate::online::engine::Engine;
use crate::online::snapshot::database::Database;

/// The lock, held. Given up when dropped.
pub struct Held(#[expect(dead_code, reason = "held, not read")] File);

/// Takes the lock; `None` if another process has it. A lock file that is absent is made for the database's owner, so that
/// the node can open it afterwards.
///
/// # Errors
/// [`FreezeFault::System`].
pub fn try_hold(database: &Database) -> Result<Option<Held>, FreezeFault> {
    let path = database.lock_file();
    let fail = |error: std::io::Error| FreezeFault::system(&path, &error);
    let file = match open(&path, false) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            let file = open(&path, true).map_err(fail)?;
            let owner = std::fs::metadata(&database.dir).map_err(fail)?;
            std::os::unix::fs::fchown(&file, Some(owner.uid()), Some(owner.gid())).map_err(fail)?;
            file
        }
        opened => opened.map_err(fail)?,
    };
    take(database.engine, &file)
        .map(|taken| taken.then(|| Held(file)))
        .map_err(fail)
}

/// Whether another process has the lock. Makes nothing.
///
/// # Errors
/// [`FreezeFault::System`].
pub fn is_held(database: &Database) -> Result<bool, FreezeFault> {
    let path = database.lock_file();
    let fail = |error: std::io::Error| FreezeFault::system(&path, &error);
    match open(&path, false) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(false),
        opened => Ok(!take(database.engine, &opened.map_err(fail)?).map_err(fail)?),
    }
}

fn open(path: &Path, make: bool) -> std::io::Result<File> {
    OpenOptions::new()
        .read(true)
        .write(true)
        .create_new(make)
        .mode(0o644)
        .custom_flags((OFlags::NOFOLLOW | OFlags::NONBLOCK).bits().cast_signed())
        .open(path)
}

fn take(engine: Engine, file: &File) -> std::io::Result<bool> {
    let operation = FlockOperation::NonBlockingLockExclusive;
    let taken = match engine {
        Engine::ParityDb => rustix::fs::flock(file, operation),
        Engine::RocksDb => rustix::fs::fcntl_lock(file, operation),
    };
    match taken {
        Ok(()) => Ok(true),
        Err(Errno::WOULDBLOCK | Errno::ACCESS) => Ok(false),
        Err(errno) => Err(errno.into()),
    }
}
