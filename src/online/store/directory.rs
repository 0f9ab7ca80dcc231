//! A store that is a directory: a disk, a mounted share.
//!
//! An object is written to a temporary name (`.part-...`, which no object has), and given its name by a hard link, which
//! fails if the name is taken; where links are not possible, by a rename that doesn't replace. [`Store::settle`] syncs the
//! whole file system once, instead of each object. Links inside the store are not followed.

use std::fs;
use std::io::{self, Read, Write};
use std::path::Path;
use std::sync::Arc;

use jiff::Timestamp;
use rustix::fs::{AtFlags, FileType, OFlags, RenameFlags};

use super::{Listed, Put, Store, StoreFault, valid_name};
use crate::files::Dir;
use crate::transcript::visible::visible_short;

/// How names of temporary files begin. No object's name has a part that begins with a dot.
const PART: &str = ".part-";

/// A directory as a store.
#[derive(Debug, Clone)]
pub struct Directory {
    root: Arc<Dir>,
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
                    root: Arc::new(Dir::open(&root).map_err(|error| address(&error.to_string()))?),
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
            io::ErrorKind::NotADirectory => StoreFault::Failed {
                store,
                reason: format!("{what}: its path leads over a link, or what is no directory"),
            },
            _ => StoreFault::Failed { store, reason },
        }
    }

    /// The directory `below` (as a prefix of names: empty, or ended by `/`).
    fn below(&self, below: &str) -> io::Result<Arc<Dir>> {
        let mut dir = self.root.clone();
        for part in below.split_terminator('/') {
            dir = Arc::new(dir.below(part)?);
        }
        Ok(dir)
    }

    /// The objects in `dir`, whose names begin with `below`. What has an object's name and is no file is refused, not
    /// skipped: a listing that leaves things out could hide them.
    fn walk(&self, dir: &Dir, below: &str, found: &mut Vec<Listed>) -> Result<(), StoreFault> {
        let fail = |error: io::Error| self.failed(below, &error);
        for (file_name, kind) in dir.names().map_err(fail)? {
            let part = file_name.to_string_lossy();
            let gone = kind == FileType::Unknown;
            if gone || part.starts_with('.') || (below.is_empty() && part == "lost+found") {
                continue;
            }
            let name = format!("{below}{part}");
            if !valid_name(&name) {
                continue; // no object of ours has such a name, and whoever may write could stop us with one
            }
            if !matches!(kind, FileType::Directory | FileType::RegularFile) {
                return Err(StoreFault::StrangeName {
                    store: self.address.clone(),
                    name: visible_short(&name, 200),
                });
            }
            let deeper = if kind == FileType::Directory {
                dir.below(&part).map(Some)
            } else {
                dir.stat(&file_name).map(|stat| {
                    let size = u64::try_from(stat.st_size).unwrap_or(0);
                    found.push(Listed {
                        name: name.clone(),
                        size,
                    });
                    None
                })
            };
            match deeper {
                Ok(None) => {}
                Ok(Some(deeper)) => self.walk(&deeper, &format!("{name}/"), found)?,
                Err(error) if error.kind() == io::ErrorKind::NotFound => {} // deleted while we list
                Err(error) => return Err(fail(error)),
            }
        }
        Ok(())
    }
}

/// The directory of a name (empty, or ended by `/`), and the name in it.
fn split(name: &str) -> (&str, &str) {
    debug_assert!(valid_name(name), "{name}");
    name.split_at(name.rfind('/').map_or(0, |slash| slash + 1))
}

/// A name for a temporary file: random, so that two runs never share one.
fn temporary() -> io::Result<String> {
    let mut random = [0; 8];
    getrandom::fill(&mut random).map_err(|error| io::Error::other(error.to_string()))?;
    Ok(format!("{PART}{}", data_encoding::HEXLOWER.encode(&random)))
}

/// Removes temporary files that killed runs left, if nothing else is left in `dir`. A run that goes on has younger ones.
fn forget_parts(dir: &Dir) -> io::Result<()> {
    let names = dir.names()?;
    let part = |name: &std::ffi::OsString| name.to_string_lossy().starts_with(PART);
    if !names.iter().all(|(name, _)| part(name)) {
        return Ok(());
    }
    let now = Timestamp::now().as_second();
    for (name, _) in names {
        if now - dir.stat(&name)?.st_mtime > 24 * 3600 {
            dir.remove(&name, AtFlags::empty())?;
        }
    }
    Ok(())
}

/// Gives the file `from` in `dir` the name `to`, if nothing has it.
fn name_new(dir: &Dir, from: &str, to: &str) -> io::Result<Put> {
    let linked = rustix::fs::linkat(dir, from, dir, to, AtFlags::empty())
        .map_err(io::Error::from)
        .and_then(|()| dir.remove(from, AtFlags::empty()));
    let named = match linked {
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => {
            // FAT, some network file systems: no hard links.
            rustix::fs::renameat_with(dir, from, dir, to, RenameFlags::NOREPLACE)
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

const NEW: OFlags = OFlags::WRONLY.union(OFlags::CREATE).union(OFlags::EXCL);

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
        let fail = |error: io::Error| self.failed(name, &error);
        let (below, leaf) = split(name);
        let mut dir = self.root.clone();
        for part in below.split_terminator('/') {
            dir = Arc::new(dir.make(part).map_err(fail)?);
        }
        match dir.stat(leaf.as_ref()) {
            Ok(_) => return Ok(Put::Taken),
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(fail(error)),
        }
        let part = temporary().map_err(fail)?;
        let put = dir
            .file(&part, NEW, 0o640)
            .and_then(|mut file| {
                file.write_all(bytes)?;
                // What counts by its name alone must not have the name before the bytes; objects count only once settled.
                if name.contains("/objects/") {
                    Ok(())
                } else {
                    file.sync_data()
                }
            })
            .and_then(|()| name_new(&dir, &part, leaf));
        if !matches!(put, Ok(Put::Stored)) {
            // Ours alone: its name is random.
            let _ = dir.remove(&part, AtFlags::empty());
        }
        put.map_err(fail)
    }

    fn settle(&self) -> Result<(), StoreFault> {
        rustix::fs::syncfs(&*self.root).map_err(|errno| self.failed("sync", &errno.into()))
    }

    fn get(&self, name: &str, limit: u64) -> Result<Vec<u8>, StoreFault> {
        let fail = |error: io::Error| self.failed(name, &error);
        let (below, leaf) = split(name);
        let opened = self
            .below(below)
            .and_then(|dir| dir.file(leaf, OFlags::RDONLY, 0));
        let file = match opened {
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                return Err(StoreFault::Absent {
                    store: self.address.clone(),
                    name: name.to_owned(),
                });
            }
            opened => opened.map_err(fail)?,
        };
        let size = file.metadata().map_err(fail)?.len();
        let too_large = || StoreFault::TooLarge {
            store: self.address.clone(),
            name: name.to_owned(),
            limit,
        };
        if size > limit {
            return Err(too_large());
        }
        let mut bytes = Vec::with_capacity(usize::try_from(size).unwrap_or(0) + 1);
        file.take(limit + 1).read_to_end(&mut bytes).map_err(fail)?;
        if bytes.len() as u64 > limit {
            return Err(too_large());
        }
        Ok(bytes)
    }

    fn list(&self, prefix: &str) -> Result<Vec<Listed>, StoreFault> {
        let mut found = Vec::new();
        match self.below(prefix) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(self.failed(prefix, &error)),
            Ok(dir) => self.walk(&dir, prefix, &mut found)?,
        }
        found.sort();
        Ok(found)
    }

    fn directories(&self, prefix: &str) -> Result<Vec<String>, StoreFault> {
        let names = match self.below(prefix).and_then(|dir| dir.names()) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(vec![]),
            names => names.map_err(|error| self.failed(prefix, &error))?,
        };
        let mut found: Vec<_> = names
            .into_iter()
            .filter(|(_, kind)| *kind == FileType::Directory)
            .map(|(name, _)| name.to_string_lossy().into_owned())
            .filter(|name| valid_name(name) && name != "lost+found")
            .collect();
        found.sort();
        Ok(found)
    }

    fn delete(&self, name: &str) -> Result<(), StoreFault> {
        let (mut below, mut leaf) = split(name);
        let removed = self
            .below(below)
            .and_then(|dir| dir.remove(leaf, AtFlags::empty()));
        match removed {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                return Err(self.failed(name, &error));
            }
            _ => {}
        }
        // Directories that became empty go too, up to the root.
        while let Some(directory) = below.strip_suffix('/') {
            let emptied = self.below(below).and_then(|dir| forget_parts(&dir));
            (below, leaf) = split(directory);
            let removed = emptied
                .and_then(|()| self.below(below))
                .and_then(|dir| dir.remove(leaf, AtFlags::REMOVEDIR));
            if removed.is_err() {
                break;
            }
        }
        Ok(())
    }

    fn free(&self) -> Option<u64> {
        let found = rustix::fs::fstatvfs(&*self.root).ok()?;
        Some(found.f_bavail * found.f_frsize)
    }

    fn now(&self) -> Result<Timestamp, StoreFault> {
        // The time that the file system gives a file made now: a file server's own clock, where it is one.
        let fail = |error: io::Error| self.failed("time", &error);
        let part = temporary().map_err(fail)?;
        let made = self.root.file(&part, NEW, 0o600);
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
        let _ = self.root.remove(&part, AtFlags::empty());
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
        // A directory in its path that is a link leads nowhere either.
        let elsewhere = tempfile::tempdir().unwrap();
        fs::write(elsewhere.path().join("c"), b"c").unwrap();
        std::os::unix::fs::symlink(elsewhere.path(), dir.path().join("a")).unwrap();
        let over_a_link = |fault: StoreFault| {
            let said = fault.to_string();
            assert!(said.contains("leads over a link"), "{said}");
        };
        over_a_link(store.get("a/c", 10).unwrap_err());
        over_a_link(store.put_new("a/d", b"d", None).unwrap_err());
        over_a_link(store.put_new("a/b/d", b"d", None).unwrap_err());
        over_a_link(store.delete("a/c").unwrap_err());
        over_a_link(store.list("a/").unwrap_err());
        over_a_link(store.directories("a/").unwrap_err());
        assert_eq!(store.directories("").unwrap(), Vec::<String>::new());
        assert_eq!(fs::read(elsewhere.path().join("c")).unwrap(), b"c");
        assert_eq!(fs::read_dir(elsewhere.path()).unwrap().count(), 1);
        fs::remove_file(dir.path().join("a")).unwrap();
        // A name that no object has hides none.
        fs::write(dir.path().join("a b"), b"").unwrap();
        let names: Vec<_> = store
            .list("")
            .unwrap()
            .into_iter()
            .map(|l| l.name)
            .collect();
        assert_eq!(names, ["secret"]);
    }

    #[test]
    fn what_killed_runs_left_goes_with_the_last_object() {
        let (dir, store) = store();
        store.put_new("a/b/c", b"one", None).unwrap();
        store.put_new("a/d/e", b"one", None).unwrap();
        let (old, new) = (
            dir.path().join("a/b/.part-0"),
            dir.path().join("a/d/.part-1"),
        );
        fs::write(&old, b"x").unwrap();
        fs::write(&new, b"x").unwrap();
        let two_days = std::time::SystemTime::now() - std::time::Duration::from_secs(2 * 86_400);
        let file = fs::File::options().write(true).open(&old).unwrap();
        file.set_modified(two_days).unwrap();
        store.delete("a/b/c").unwrap();
        store.delete("a/d/e").unwrap();
        assert!(!dir.path().join("a/b").exists());
        assert!(new.exists(), "it may be of a run that goes on");
    }

    #[test]
    fn a_missing_directory_is_no_store() {
        let absent = Directory::open(Path::new("/absent/store")).unwrap_err();
        assert!(absent.to_string().contains("no such directory"), "{absent}");
        assert!(Directory::open(Path::new("relative")).is_err());
    }
}
