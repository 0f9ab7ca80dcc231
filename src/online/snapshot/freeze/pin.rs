//! Files pinned in a directory beside the database: cloned (reflink), or linked where their content can't change.

use std::fs::{File, OpenOptions};
use std::io;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use rustix::fs::{AtFlags, CWD, OFlags};
use rustix::io::Errno;

use super::{Content, FreezeFault, StillFile};
use crate::files::Dir;
use crate::online::snapshot::database::DatabaseFile;

/// Files that are neither tables nor logs and are held in memory: MANIFEST, CURRENT, OPTIONS, IDENTITY, db_version.
pub(super) const MAX_IN_MEMORY: u64 = 64 * 1024 * 1024;

/// Clones every file into `pin`; false if the file system has no clones. What was cloned until then stays in `pin`.
pub(super) fn clone_all(
    dir: &Path,
    pin: &Dir,
    files: &[DatabaseFile],
) -> Result<bool, FreezeFault> {
    for file in files {
        let from = dir.join(&file.name);
        let fail = |error: io::Error| FreezeFault::system(&from, &error);
        let source = open(&from).map_err(fail)?;
        let new = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL;
        let target = pin.file(&file.name, new, 0o600).map_err(fail)?;
        match rustix::fs::ioctl_ficlone(&target, &source) {
            Ok(()) => {}
            Err(Errno::OPNOTSUPP | Errno::NOTTY | Errno::INVAL | Errno::XDEV | Errno::NOSYS) => {
                pin.remove(&file.name, AtFlags::empty()).map_err(fail)?;
                return Ok(false);
            }
            Err(errno) => return Err(fail(errno.into())),
        }
    }
    Ok(true)
}

/// Links tables and logs of a RocksDB into `pin`.
pub(super) fn link_tables(
    dir: &Path,
    pin: &Dir,
    files: &[DatabaseFile],
) -> Result<(), FreezeFault> {
    for file in files.iter().filter(|file| linkable(&file.name)) {
        let from = dir.join(&file.name);
        rustix::fs::linkat(CWD, &from, pin, &file.name, AtFlags::empty())
            .map_err(|errno| FreezeFault::system(&from, &errno.into()))?;
    }
    Ok(())
}

/// Whether a RocksDB file only loses its name: tables are written once, a log is never written again by another process.
pub(super) fn linkable(name: &str) -> bool {
    name.rsplit_once('.')
        .is_some_and(|(_, end)| matches!(end, "sst" | "blob" | "log"))
}

/// Where a file's bytes are once the pin is made: in the pin, or in memory.
pub(super) fn content_now(dir: &Path, file: &StillFile) -> Result<Content, FreezeFault> {
    if linkable(&file.name) {
        return Ok(Content::File);
    }
    let path = dir.join(&file.name);
    prefix(&path, file.size).map(Content::Bytes)
}

/// The first `size` bytes of a file.
pub(super) fn prefix(path: &Path, size: u64) -> Result<Vec<u8>, FreezeFault> {
    use std::io::Read;
    let fail = |error: io::Error| FreezeFault::system(path, &error);
    if size > MAX_IN_MEMORY {
        return Err(fail(too_long(size)));
    }
    let mut bytes = Vec::new();
    open(path)
        .map_err(fail)?
        .take(size)
        .read_to_end(&mut bytes)
        .map_err(fail)?;
    if bytes.len() as u64 == size {
        Ok(bytes)
    } else {
        Err(fail(io::Error::other(
            "it became shorter while it was read",
        )))
    }
}

pub(super) fn too_long(size: u64) -> io::Error {
    io::Error::other(format!(
        "it has {size} bytes, more than such a file ever has"
    ))
}

pub(super) fn open(path: &Path) -> io::Result<File> {
    OpenOptions::new()
        .read(true)
        .custom_flags((OFlags::NOFOLLOW | OFlags::NONBLOCK).bits().cast_signed())
        .open(path)
}
