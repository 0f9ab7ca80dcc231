//! The database's own lock. Who holds it knows that the node doesn't run, on the same host and mount.
//!
//! ParityDB takes `flock` on `lock`; RocksDB takes a POSIX record lock (`fcntl`) on the whole of `LOCK`. A record lock
//! is given up when any descriptor of the file is closed, so the file is opened here alone.

use std::fs::{File, OpenOptions};
use std::os::unix::fs::OpenOptionsExt;

use rustix::fs::{FlockOperation, OFlags};
use rustix::io::Errno;

use super::FreezeFault;
use crate::online::engine::Engine;
use crate::online::snapshot::database::Database;

/// The lock, held. Given up when dropped.
pub struct Held(#[expect(dead_code, reason = "held, not read")] File);

/// Takes the lock; `None` if another process has it.
///
/// # Errors
/// [`FreezeFault::System`].
pub fn try_hold(database: &Database) -> Result<Option<Held>, FreezeFault> {
    let path = database.lock_file();
    let file = OpenOptions::new()
        .read(true)
        .write(true)
        .create(true)
        .truncate(false)
        .mode(0o644)
        .custom_flags((OFlags::NOFOLLOW | OFlags::NONBLOCK).bits().cast_signed())
        .open(&path)
        .map_err(|error| FreezeFault::system(&path, &error))?;
    let operation = FlockOperation::NonBlockingLockExclusive;
    let taken = match database.engine {
        Engine::ParityDb => rustix::fs::flock(&file, operation),
        Engine::RocksDb => rustix::fs::fcntl_lock(&file, operation),
    };
    match taken {
        Ok(()) => Ok(Some(Held(file))),
        Err(Errno::WOULDBLOCK | Errno::ACCESS) => Ok(None),
        Err(errno) => Err(FreezeFault::system(&path, &errno.into())),
    }
}
