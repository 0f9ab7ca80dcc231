//! A store that is a directory: a disk, a mounted share.
//!
//! An object is written to a temporary name (`.part-...`, which no object has), and given its name by a hard link, which
//! fails if the name is taken; where links are not possible, by a rename that doesn't replace. [`Store::settle`] syncs the
//! whole file system once, instead of each object. Links inside the store are not followed.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use jiff::Timestamp;
use rustix::fs::{CWD, OFlags, RenameFlags};

use super::{Listed, Put, Store, StoreFault, valid_name};
use crate::transcript::visible::visible_short;

/// How names of temporary files begin. No object's name has a part that begins with a dot.
const PART: &str = ".part-";

/// A directory as a store.
#[derive(Debug, Clone)]
pub struct Directory {
    root: PathBuf,
    address: String,
}

impl Directory {
    /// The store in the directory `root`, an absolute path. It must be there: a mount that is missing must not be
    /// replaced by an empty directory.
    ///
    /// # Errors
    /// [`StoreFault::Address`] for a path that is not absolute or no directory.
    pub fn open(root: &Path) -> Result<Self, StoreFault> {
        let given = root.display().to_string();
        let address = |reason: &str| StoreFault::Address {
            given: format!("file://{given}"),
            reason: reason.to_owned(),
        };
        if !root.is_absolute() {
            return Err(address("the path is not absolute"));
        }
        // However it is written, one directory is one store.
        let real = fs::canonicalize(root).and_then(|real| Ok((fs::metadata(&real)?, real)));
        match real {
            Ok((found, root)) if found.is_dir() => match root.to_str() {
                Some(text) => Ok(Self {
                    address: format!("file://{text}"),
                    root,
                }),
                None => Err(address("its path is not UTF-8")),
            },
            Ok(_) => Err(address("it is not a directory")),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Err(address(
                "there is no such directory (make it, or mount what belongs there)",
            )),
            Err(error) => Err(address(&error.to_string())),
        }
    }

    fn failed(&self, what: &str, error: &io::Error) -> StoreFault {
        let (store, reason) = (self.address.clone(), format!("{what}: {error}"));
        match error.kind() {
            io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => {
                StoreFault::Full { store, reason }
            }
            io::ErrorKind::PermissionDenied | io::ErrorKind::ReadOnlyFilesystem => {
                StoreFault::Denied { store, reason }
            }
            _ => StoreFault::Failed { store, reason },
        }
    }

    fn path(&self, name: &str) -> PathBuf {
        debug_assert!(valid_name(name), "{name}");
        self.root.join(name)
    }

    /// The objects below a directory. What is no object of ours (temporary files apart) is refused, not skipped: a
    /// listing that leaves things out could hide them.
    fn walk(&self, below: &str, found: &mut Vec<Listed>) -> io::Result<Result<(), StoreFault>> {
        let entries = match fs::read_dir(self.root.join(below)) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Ok(())),
            entries => entries?,
        };
        for entry in entries {
            let entry = entry?;
            let file_name = entry.file_name();
            let part = file_name.to_string_lossy();
            if part.starts_with('.') || (below.is_empty() && part == "lost+found") {
                continue;
            }
            let name = format!("{below}{part}");
            let kind = entry.file_type()?;
            if !valid_name(&name) || !(kind.is_dir() || kind.is_file()) {
                return Ok(Err(StoreFault::StrangeName {
                    store: self.address.clone(),
                    name: visible_short(&name, 200),
                }));
            }
            if kind.is_dir() {
                if let Err(fault) = self.walk(&format!("{name}/"), found)? {
                    return Ok(Err(fault));
                }
            } else {
                match entry.metadata() {
                    Ok(metadata) => found.push(Listed {
                        name,
                        size: metadata.len(),
                    }),
                    // Deleted while we list.
                    Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                    Err(error) => return Err(error),
                }
            }
        }
        Ok(Ok(()))
    }
}

/// A name for a temporary file in `directory`: random, so that two runs never share one.
fn temporary(directory: &Path) -> io::Result<PathBuf> {
    let mut random = [0; 8];
    getrandom::fill(&mut random).map_err(|error| io::Error::other(error.to_string()))?;
    let random = data_encoding::HEXLOWER.encode(&random);
    Ok(directory.join(format!("{PART}{random}")))
}

/// Gives the file at `from` the name `to`, if nothing has it.
fn name_new(from: &Path, to: &Path) -> io::Result<Put> {
    let linked = fs::hard_link(from, to).and_then(|()| fs::remove_file(from));
    let named = match linked {
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => {
            // FAT, some network file systems: no hard links.
            rustix::fs::renameat_with(CWD, from, CWD, to, RenameFlags::NOREPLACE)
                .map_err(io::Error::from)
        }
        linked => linked,
    };
    match named {
        Ok(()) => Ok(Put::Stored),
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(Put::Taken),
        Err(error) => Err(error),
    }
}

impl Store for Directory {
    fn address(&self) -> &str {
        &self.address
    }

    fn put_new(
        &self,
        name: &str,
        bytes: &[u8],
        _locked_until: Option<Timestamp>,
    ) -> Result<Put, StoreFault> {
        let path = self.path(name);
        let fail = |error: io::Error| self.failed(name, &error);
        if path.symlink_metadata().is_ok() {
            return Ok(Put::Taken);
        }
        let directory = path.parent().expect("a name below the root");
        fs::create_dir_all(directory).map_err(fail)?;
        let part = temporary(directory).map_err(fail)?;
        let put = OpenOptions::new()
            .write(true)
            .create_new(true)
            .mode(0o640)
            .open(&part)
            .and_then(|mut file| file.write_all(bytes))
            .and_then(|()| name_new(&part, &path));
        if !matches!(put, Ok(Put::Stored)) {
            // Ours alone: its name is random.
            let _ = fs::remove_file(&part);
        }
        put.map_err(fail)
    }

    fn settle(&self) -> Result<(), StoreFault> {
        let synced = File::open(&self.root).and_then(|root| {
            rustix::fs::syncfs(&root)?;
            Ok(())
        });
        synced.map_err(|error| self.failed("sync", &error))
    }

    fn get(&self, name: &str, limit: u64) -> Result<Vec<u8>, StoreFault> {
        let fail = |error: io::Error| self.failed(name, &error);
        let opened = OpenOptions::new()
            .read(true)
            .custom_flags((OFlags::NOFOLLOW | OFlags::NONBLOCK).bits().cast_signed())
            .open(self.path(name));
        let file = match opened {
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                return Err(StoreFault::Absent {
                    store: self.address.clone(),
                    name: name.to_owned(),
                });
            }
            opened => opened.map_err(fail)?,
        };
        let metadata = file.metadata().map_err(fail)?;
        if !metadata.is_file() {
            return Err(fail(io::Error::other("it is not a file")));
        }
        let too_large = || StoreFault::TooLarge {
            store: self.address.clone(),
            name: name.to_owned(),
            limit,
        };
        if metadata.len() > limit {
            return Err(too_large());
        }
        let mut bytes = Vec::with_capacity(usize::try_from(metadata.len()).unwrap_or(0) + 1);
        file.take(limit + 1).read_to_end(&mut bytes).map_err(fail)?;
        if bytes.len() as u64 > limit {
            return Err(too_large());
        }
        Ok(bytes)
    }

    fn list(&self, prefix: &str) -> Result<Vec<Listed>, StoreFault> {
        let mut found = Vec::new();
        self.walk(prefix, &mut found)
            .map_err(|error| self.failed(prefix, &error))??;
        found.sort();
        Ok(found)
    }

    fn directories(&self, prefix: &str) -> Result<Vec<String>, StoreFault> {
        let fail = |error: io::Error| self.failed(prefix, &error);
        let entries = match fs::read_dir(self.root.join(prefix)) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(vec![]),
            entries => entries.map_err(fail)?,
        };
        let mut found = Vec::new();
        for entry in entries {
            let entry = entry.map_err(fail)?;
            let name = entry.file_name().to_string_lossy().into_owned();
            if valid_name(&name)
                && name != "lost+found"
                && entry.file_type().map_err(fail)?.is_dir()
            {
                found.push(name);
            }
        }
        found.sort();
        Ok(found)
    }

    fn delete(&self, name: &str) -> Result<(), StoreFault> {
        let path = self.path(name);
        match fs::remove_file(&path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(self.failed(name, &error)),
            _ => {
                // Directories that became empty go too, up to the root.
                let mut above = path.parent();
                while let Some(directory) = above.filter(|d| *d != self.root) {
                    if fs::remove_dir(directory).is_err() {
                        break;
                    }
                    above = directory.parent();
                }
                Ok(())
            }
        }
    }

    fn free(&self) -> Option<u64> {
        let found = rustix::fs::statvfs(&self.root).ok()?;
        Some(found.f_bavail * found.f_frsize)
    }

    fn now(&self) -> Result<Timestamp, StoreFault> {
        // The time that the file system gives a file made now: a file server's own clock, where it is one.
        let fail = |error: io::Error| self.failed("time", &error);
        let part = temporary(&self.root).map_err(fail)?;
        let made = OpenOptions::new()
            .write(true)
            .create_new(true)
            .mode(0o600)
            .open(&part);
        let file = match made {
            // Who may only read has no other clock than the machine's own.
            Err(error)
                if matches!(
                    error.kind(),
                    io::ErrorKind::PermissionDenied | io::ErrorKind::ReadOnlyFilesystem
                ) =>
            {
                return Ok(Timestamp::now());
            }
            made => made.map_err(fail)?,
        };
        let time = file.metadata().and_then(|metadata| metadata.modified());
        let _ = fs::remove_file(&part);
        Timestamp::try_from(time.map_err(fail)?).map_err(|error| fail(io::Error::other(error)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn store() -> (tempfile::TempDir, Directory) {
        let dir = tempfile::tempdir().unwrap();
        let store = Directory::open(dir.path()).unwrap();
        (dir, store)
    }

    #[test]
    fn a_name_is_given_once() {
        let (dir, store) = store();
        assert_eq!(store.put_new("a/b/c", b"one", None), Ok(Put::Stored));
        assert_eq!(store.put_new("a/b/c", b"two", None), Ok(Put::Taken));
        assert_eq!(store.get("a/b/c", 3).unwrap(), b"one");
        assert_eq!(
            store.get("a/b/c", 2).unwrap_err().to_string(),
            format!(
                "a/b/c in file://{} has more than 2 bytes.",
                dir.path().display()
            )
        );
        assert!(matches!(
            store.get("a/b/d", 2),
            Err(StoreFault::Absent { .. })
        ));
        store.put_new("a/d", b"", None).unwrap();
        store.put_new("e", b"x", None).unwrap();
        let names: Vec<_> = store
            .list("")
            .unwrap()
            .into_iter()
            .map(|l| (l.name, l.size))
            .collect();
        assert_eq!(
            names,
            [("a/b/c".into(), 3), ("a/d".into(), 0), ("e".into(), 1)]
        );
        assert_eq!(store.list("a/b/").unwrap().len(), 1);
        assert_eq!(store.list("none/").unwrap(), []);
        assert_eq!(store.directories("").unwrap(), ["a"]);
        assert_eq!(store.directories("a/").unwrap(), ["b"]);
        store.delete("a/b/c").unwrap();
        store.delete("a/b/c").unwrap();
        assert!(!dir.path().join("a/b").exists() && dir.path().join("a").exists());
        let now = store.now().unwrap();
        assert!(now.duration_since(Timestamp::now()).abs().as_secs() < 60);
        assert_eq!(
            fs::read_dir(dir.path()).unwrap().count(),
            2,
            "no temporary file is left"
        );
    }

    #[test]
    fn links_are_not_followed_and_strange_names_not_hidden() {
        let (dir, store) = store();
        fs::write(dir.path().join("secret"), b"s").unwrap();
        std::os::unix::fs::symlink(dir.path().join("secret"), dir.path().join("link")).unwrap();
        assert!(store.get("link", 10).is_err());
        assert_eq!(store.put_new("link", b"x", None), Ok(Put::Taken));
        assert!(matches!(
            store.list(""),
            Err(StoreFault::StrangeName { .. })
        ));
        fs::remove_file(dir.path().join("link")).unwrap();
        fs::write(dir.path().join("a b"), b"").unwrap();
        assert!(matches!(
            store.list(""),
            Err(StoreFault::StrangeName { .. })
        ));
    }

    #[test]
    fn a_missing_directory_is_no_store() {
        let absent = Directory::open(Path::new("/absent/store")).unwrap_err();
        assert!(absent.to_string().contains("no such directory"), "{absent}");
        assert!(Directory::open(Path::new("relative")).is_err());
    }
}
