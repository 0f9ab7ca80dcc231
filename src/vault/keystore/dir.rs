use std::collections::HashMap;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use rustix::fs::{AtFlags, Dir, Mode, OFlags, Stat};
use rustix::io::Errno;

use super::file::{parse_name, printable, reason, require_regular};
use super::write::is_unfinished;
use super::{FileFault, FileWarning, KeystoreFault};
use crate::vault::schemes::KeyType;

/// Most entries of a directory that are looked at.
const MAX_ENTRIES: usize = 1024;

/// A keystore directory's public facts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Listing {
    /// The directory, as given.
    pub dir: PathBuf,
    /// User id of the directory.
    pub uid: u32,
    /// Permission bits of the directory.
    pub mode: u32,
    /// Everything in it, by name.
    pub entries: Vec<Entry>,
}

/// One entry of a keystore directory.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// File name, escaped for display.
    pub file: String,
    /// Key type and public key (raw bytes), if the name gives them.
    pub key: Option<(KeyType, Vec<u8>)>,
    /// Size in bytes.
    pub size: u64,
    /// Permission bits.
    pub mode: u32,
    /// User id.
    pub uid: u32,
    /// Group id.
    pub gid: u32,
    /// What is wrong with it, as far as that shows without reading it.
    pub fault: Option<FileFault>,
    /// What deserves a look.
    pub warnings: Vec<FileWarning>,
}

impl Listing {
    /// Entries without a fault: the keys that can be read.
    pub fn keys(&self) -> impl Iterator<Item = &Entry> {
        self.entries.iter().filter(|entry| entry.fault.is_none())
    }
}

/// An open directory: everything below goes through its descriptor, so that the path can't change underneath.
pub(super) struct Directory {
    fd: OwnedFd,
    path: PathBuf,
    stat: Stat,
}

impl Directory {
    pub(super) fn open(path: &Path) -> Result<Self, KeystoreFault> {
        let dir = path.to_path_buf();
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
        let fd = match rustix::fs::open(path, flags, Mode::empty()) {
            Ok(fd) => fd,
            Err(Errno::NOENT) => return Err(KeystoreFault::Absent { dir }),
            Err(Errno::NOTDIR) => return Err(KeystoreFault::NotDirectory { dir }),
            Err(errno) => {
                return Err(KeystoreFault::Unreadable {
                    dir,
                    reason: reason(errno),
                });
            }
        };
        let stat = rustix::fs::fstat(&fd).map_err(|errno| KeystoreFault::Unreadable {
            dir,
            reason: reason(errno),
        })?;
        Ok(Self {
            fd,
            path: path.to_path_buf(),
            stat,
        })
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    fn unreadable(&self, errno: Errno) -> KeystoreFault {
        KeystoreFault::Unreadable {
            dir: self.path.clone(),
            reason: reason(errno),
        }
    }

    /// Names of all entries but `.` and `..`, sorted.
    pub(super) fn names(&self) -> Result<Vec<Vec<u8>>, KeystoreFault> {
        let mut names = Vec::new();
        for entry in Dir::read_from(&self.fd).map_err(|errno| self.unreadable(errno))? {
            let entry = entry.map_err(|errno| self.unreadable(errno))?;
            let name = entry.file_name().to_bytes();
            if name != b"." && name != b".." {
                names.push(name.to_vec());
            }
            if names.len() > MAX_ENTRIES {
                let dir = self.path.clone();
                return Err(KeystoreFault::TooManyFiles {
                    dir,
                    max: MAX_ENTRIES,
                });
            }
        }
        names.sort();
        Ok(names)
    }

    /// Stats one entry without following a link.
    pub(super) fn stat(&self, name: &[u8]) -> Result<Stat, Errno> {
        rustix::fs::statat(
            &self.fd,
            std::ffi::OsStr::from_bytes(name),
            AtFlags::SYMLINK_NOFOLLOW,
        )
    }

    /// What the entry's owner, mode and links tell.
    pub(super) fn warnings(&self, stat: &Stat) -> Vec<FileWarning> {
        let mut warnings = Vec::new();
        let mode = stat.st_mode & 0o7777;
        if mode & 0o077 != 0 {
            warnings.push(FileWarning::ModeOpen { mode });
        }
        if stat.st_uid != self.stat.st_uid {
            let (uid, dir_uid) = (stat.st_uid, self.stat.st_uid);
            warnings.push(FileWarning::OwnerDiffers { uid, dir_uid });
        }
        let links = u64::from(stat.st_nlink);
        if links > 1 {
            warnings.push(FileWarning::HardLinked { links });
        }
        warnings
    }

    pub(super) fn listing(&self) -> Result<Listing, KeystoreFault> {
        let names = self.names()?;
        let mut spellings: HashMap<Vec<u8>, usize> = HashMap::new();
        for name in &names {
            *spellings.entry(name.to_ascii_lowercase()).or_default() += 1;
        }
        let mut entries = Vec::new();
        for name in &names {
            let mut entry = self.entry(name)?;
            // Only one spelling can be the right one, and that keeps its own judgement.
            let spelled = spellings
                .get(&name.to_ascii_lowercase())
                .copied()
                .unwrap_or(0);
            if entry.fault == Some(FileFault::NameUpperCase) && spelled > 1 {
                entry.fault = Some(FileFault::DuplicatePublic);
            }
            entries.push(entry);
        }
        let (uid, mode) = (self.stat.st_uid, self.stat.st_mode & 0o7777);
        Ok(Listing {
            dir: self.path.clone(),
            uid,
            mode,
            entries,
        })
    }

    fn entry(&self, name: &[u8]) -> Result<Entry, KeystoreFault> {
        let stat = self.stat(name).map_err(|errno| self.unreadable(errno))?;
        let parsed = parse_name(name);
        let fault = if is_unfinished(name) {
            Some(FileFault::UnfinishedWrite)
        } else {
            require_regular(&stat)
                .err()
                .or_else(|| parsed.as_ref().err().cloned())
        };
        let regular = require_regular(&stat).is_ok();
        Ok(Entry {
            file: printable(name),
            key: parsed.ok(),
            size: u64::try_from(stat.st_size).unwrap_or(0),
            mode: stat.st_mode & 0o7777,
            uid: stat.st_uid,
            gid: stat.st_gid,
            fault,
            warnings: if regular {
                self.warnings(&stat)
            } else {
                Vec::new()
            },
        })
    }
}

impl AsFd for Directory {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.fd.as_fd()
    }
}

/// Lists a keystore directory. Reads names and attributes, no content.
///
/// # Errors
/// [`KeystoreFault`] if the directory as a whole can't be listed. An empty one is a listing without entries.
pub fn inspect(dir: &Path) -> Result<Listing, KeystoreFault> {
    Directory::open(dir)?.listing()
}
