//! The directory that a snapshot is restored to, before it is put in place or read by an engine.
//!
//! It may lie in a directory of the node's user, and is filled by root: it is made 0700 and held open, and everything in it
//! is reached through the descriptor. Whoever may write beside it can move it away, and gains nothing by that.

use std::fs::{self, File};
use std::io;
use std::os::fd::AsFd;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};

use rustix::fs::{AtFlags, FileType, FlockOperation, Mode, OFlags};

use super::fetch::FetchFault;
use crate::ceremony::event::Refused;
use crate::files::{Dir, from_error};

/// Bytes that must stay free besides what is written.
const SPARE: u64 = 64 * 1024 * 1024;

/// A staging directory, held open.
#[derive(Debug)]
pub struct Staging {
    path: PathBuf,
    dir: Dir,
}

impl Staging {
    /// Makes the directory at `path`, or goes on with one that this program made before.
    ///
    /// # Errors
    /// `restore-not-written`, also if somebody else made what is there.
    pub fn open(path: PathBuf) -> Result<Self, Refused> {
        let made = match rustix::fs::mkdir(&path, Mode::RWXU) {
            Ok(()) | Err(rustix::io::Errno::EXIST) => Dir::open(&path),
            Err(errno) => Err(errno.into()),
        };
        let ours = made.and_then(|dir| {
            let found = rustix::fs::fstat(&dir)?;
            if found.st_uid == rustix::process::geteuid().as_raw() && found.st_mode & 0o077 == 0 {
                Ok(dir)
            } else {
                Err(io::Error::other(
                    "it was not made by this program: move it away",
                ))
            }
        });
        let staging = match ours {
            Ok(dir) => Self { path, dir },
            Err(error) => return Err(not_written(&path, &error)),
        };
        // Two runs in one directory: the second would go on writing when the first has put it in place. Where directories
        // have no locks (NFS), nothing tells.
        let lock = FlockOperation::NonBlockingLockExclusive;
        if rustix::fs::flock(&staging.dir, lock) == Err(rustix::io::Errno::WOULDBLOCK) {
            return Err(from_error(&FetchFault::Running { path: staging.path }));
        }
        // Who had the lock may have put it in place before we took it.
        match staging.lies() {
            Ok(()) => Ok(staging),
            Err(error) => Err(not_written(&staging.path, &error)),
        }
    }

    /// As [`Staging::open`], with nothing in it.
    ///
    /// # Errors
    /// As [`Staging::open`].
    pub fn fresh(path: PathBuf) -> Result<Self, Refused> {
        // A link goes itself, not what it leads to. Nothing else is touched before the directory is ours alone.
        if fs::symlink_metadata(&path).is_ok_and(|found| found.is_symlink()) {
            fs::remove_file(&path).map_err(|error| not_written(&path, &error))?;
        }
        let staging = Self::open(path)?;
        staging.keep(|_| false)?;
        Ok(staging)
    }

    /// Where it was made.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Opens a file in it for reading and writing.
    ///
    /// # Errors
    /// `restore-not-written`.
    pub fn file(&self, name: &str) -> Result<File, Refused> {
        self.dir
            .file(name, OFlags::RDWR, 0)
            .map_err(|error| self.failed(name, &error))
    }

    /// Makes a file of `size` bytes, which its owner may read and write whatever `mode` says. One that is there keeps its
    /// content.
    ///
    /// # Errors
    /// `restore-not-written`.
    pub fn make(&self, name: &str, size: u64, mode: u32) -> Result<File, Refused> {
        let made = || {
            let file = self.dir.file(name, OFlags::RDWR | OFlags::CREATE, 0o600)?;
            file.set_len(size)?;
            file.set_permissions(fs::Permissions::from_mode(mode & 0o777 | 0o600))?;
            Ok(file)
        };
        made().map_err(|error| self.failed(name, &error))
    }

    /// Removes what `known` doesn't know: an interrupted run leaves none of it, so somebody else put it there, or an engine
    /// that opened the directory.
    ///
    /// # Errors
    /// `restore-not-written`, also for a directory that is not empty.
    pub fn keep(&self, known: impl Fn(&str) -> bool) -> Result<(), Refused> {
        let names = self
            .dir
            .names()
            .map_err(|error| not_written(&self.path, &error))?;
        for (name, kind) in names {
            let kept = name.to_str().is_some_and(&known) && kind == FileType::RegularFile;
            let flags = match kind {
                _ if kept => continue,
                FileType::Directory => AtFlags::REMOVEDIR,
                _ => AtFlags::empty(),
            };
            self.dir
                .remove(&name, flags)
                .map_err(|error| not_written(&self.path.join(&name), &error))?;
        }
        Ok(())
    }

    /// Bytes that a file takes on the disk; 0 if it is absent.
    pub fn allocated(&self, name: &str) -> u64 {
        let found = self.dir.stat(name.as_ref());
        found.map_or(0, |stat| u64::try_from(stat.st_blocks).unwrap_or(0) * 512)
    }

    /// Whether `bytes` more fit, with [`SPARE`] to spare.
    ///
    /// # Errors
    /// `restore-no-space`.
    pub fn has_room(&self, bytes: u64) -> Result<(), Refused> {
        let needed = bytes.saturating_add(SPARE);
        let free =
            rustix::fs::fstatvfs(&self.dir).map_or(0, |found| found.f_bavail * found.f_frsize);
        if needed > free {
            return Err(from_error(&FetchFault::Space {
                path: self.path.clone(),
                needed,
                free,
            }));
        }
        Ok(())
    }

    /// Makes what was written durable.
    ///
    /// # Errors
    /// `restore-not-written`.
    pub fn sync(&self) -> Result<(), Refused> {
        rustix::fs::syncfs(&self.dir).map_err(|errno| not_written(&self.path, &errno.into()))
    }

    /// Gives it and its `files` to a user, and gives it the mode of the directory that it will replace.
    ///
    /// # Errors
    /// The path, and the system's reason.
    pub fn give(
        &self,
        files: &[String],
        (uid, gid): (u32, u32),
        mode: Option<u32>,
    ) -> Result<(), (PathBuf, io::Error)> {
        let give = |fd: &dyn AsFd, found: (u32, u32)| {
            if found == (uid, gid) {
                return Ok(());
            }
            std::os::unix::fs::fchown(fd.as_fd(), Some(uid), Some(gid))
        };
        for name in files {
            let given = self.dir.file(name, OFlags::RDONLY, 0).and_then(|file| {
                let found = file.metadata()?;
                give(&file, (found.uid(), found.gid()))
            });
            given.map_err(|error| (self.path.join(name), error))?;
        }
        let itself = || {
            let found = rustix::fs::fstat(&self.dir)?;
            give(&self.dir, (found.st_uid, found.st_gid))?;
            match mode {
                Some(mode) => Ok(rustix::fs::fchmod(&self.dir, Mode::from_raw_mode(mode))?),
                None => Ok(()),
            }
        };
        itself().map_err(|error| (self.path.clone(), error))
    }

    /// Takes it back after [`Staging::give`], for the next run to go on with: its files it takes as they are.
    pub fn take_back(&self) {
        let own = (rustix::process::geteuid(), rustix::process::getegid());
        let _ = rustix::fs::fchmod(&self.dir, Mode::RWXU); // else the next run says that it isn't its own
        let _ = rustix::fs::fchown(&self.dir, Some(own.0), Some(own.1));
    }

    /// Whether it still lies where it was made: nobody moved it away and put another in its place.
    ///
    /// # Errors
    /// The system's, or our own words.
    pub fn lies(&self) -> io::Result<()> {
        let found = fs::symlink_metadata(&self.path)?;
        let held = rustix::fs::fstat(&self.dir)?;
        if (found.dev(), found.ino()) == (held.st_dev, held.st_ino) {
            Ok(())
        } else {
            Err(io::Error::other(
                "another directory lies there than the one that was filled",
            ))
        }
    }

    /// Removes it with all that is in it.
    ///
    /// # Errors
    /// The system's.
    pub fn remove(self) -> io::Result<()> {
        fs::remove_dir_all(&self.path)
    }

    fn failed(&self, name: &str, error: &io::Error) -> Refused {
        not_written(&self.path.join(name), error)
    }
}

fn not_written(path: &Path, error: &io::Error) -> Refused {
    from_error(&FetchFault::NotWritten {
        path: path.to_owned(),
        reason: error.to_string(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_directory_of_somebody_else_or_a_link_is_not_taken() {
        let dir = tempfile::tempdir().unwrap();
        let (theirs, elsewhere) = (dir.path().join("theirs"), dir.path().join("elsewhere"));
        fs::create_dir(&theirs).unwrap();
        fs::set_permissions(&theirs, fs::Permissions::from_mode(0o755)).unwrap();
        fs::create_dir(&elsewhere).unwrap();
        fs::set_permissions(&elsewhere, fs::Permissions::from_mode(0o700)).unwrap();
        let link = dir.path().join("link");
        std::os::unix::fs::symlink(&elsewhere, &link).unwrap();
        for path in [&theirs, &link] {
            let refused = Staging::open(path.clone()).unwrap_err();
            assert_eq!(refused.name, "restore-not-written", "{}", refused.what);
        }
        // A link is removed itself, not what it leads to.
        fs::write(elsewhere.join("file"), b"x").unwrap();
        Staging::fresh(link.clone()).unwrap();
        assert!(link.symlink_metadata().unwrap().is_dir());
        assert!(elsewhere.join("file").exists());
    }

    #[test]
    fn two_runs_never_have_one_directory() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("staging");
        let first = Staging::open(path.clone()).unwrap();
        assert_eq!(
            Staging::open(path.clone()).unwrap_err().name,
            "restore-running"
        );
        first.make("metadata", 3, 0o600).unwrap();
        assert_eq!(
            Staging::fresh(path.clone()).unwrap_err().name,
            "restore-running"
        );
        assert!(path.join("metadata").exists());
        drop(first);
        let fresh = Staging::fresh(path.clone()).unwrap();
        assert!(!path.join("metadata").exists());
        drop(fresh);
        Staging::open(path).unwrap();
    }

    #[test]
    fn what_was_given_away_can_be_taken_back() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("staging");
        let staging = Staging::open(path.clone()).unwrap();
        staging.make("metadata", 3, 0o644).unwrap();
        let own = (
            rustix::process::geteuid().as_raw(),
            rustix::process::getegid().as_raw(),
        );
        staging
            .give(&["metadata".into()], own, Some(0o755))
            .unwrap();
        assert_eq!(fs::metadata(&path).unwrap().mode() & 0o777, 0o755);
        drop(staging);
        assert!(Staging::open(path.clone()).is_err());
        fs::set_permissions(&path, fs::Permissions::from_mode(0o700)).unwrap();
        let staging = Staging::open(path.clone()).unwrap();
        staging
            .give(&["metadata".into()], own, Some(0o755))
            .unwrap();
        staging.take_back();
        drop(staging);
        Staging::open(path).unwrap();
    }

    #[test]
    fn what_is_put_in_its_place_or_in_it_is_not_written_to() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("staging");
        let staging = Staging::open(path.clone()).unwrap();
        staging.lies().unwrap();
        let outside = dir.path().join("outside");
        fs::write(&outside, b"outside").unwrap();
        // A link under a file's name.
        std::os::unix::fs::symlink(&outside, path.join("table_00_16")).unwrap();
        assert!(staging.make("table_00_16", 3, 0o644).is_err());
        assert!(staging.file("table_00_16").is_err());
        staging.keep(|name| name == "table_00_16").unwrap();
        assert!(path.join("table_00_16").symlink_metadata().is_err());
        // The directory moved away, and another put in its place.
        let moved = dir.path().join("moved");
        fs::rename(&path, &moved).unwrap();
        let other = dir.path().join("other");
        fs::create_dir(&other).unwrap();
        std::os::unix::fs::symlink(&other, &path).unwrap();
        staging.make("metadata", 3, 0o640).unwrap();
        assert!(moved.join("metadata").exists());
        assert_eq!(fs::read_dir(&other).unwrap().count(), 0);
        assert!(staging.lies().is_err());
        assert_eq!(fs::read(&outside).unwrap(), b"outside");
    }
}
