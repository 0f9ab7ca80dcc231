//! Secure deletion of a plaintext file, and what it proves.
//!
//! 1. The file is opened once, without following a link, through its directory; what is overwritten, renamed and unlinked
//!    is that file and no other. If another takes its place meanwhile, as editors do when they save, that one stays.
//! 2. Every allocated byte is overwritten, with random bytes and then with zeros, each pass synced to the medium.
//! 3. What that proves depends on the medium, and mostly it is little. [`proof`] says so in plain words. A key that once
//!    lay on a disk in the clear counts as exposed whatever the verdict.

mod proof;

use std::ffi::{OsStr, OsString};
use std::fs::File;
use std::io::{Seek, SeekFrom, Write};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use rustix::fs::{AtFlags, Mode, OFlags, RenameFlags};
use rustix::io::Errno;

use crate::refusal::Refuse;
use crate::vault::keystore;

pub use proof::{Proof, Verdict};

/// Overwritten at a time, in bytes.
const CHUNK: usize = 1 << 20;

/// Why a file was not deleted. Texts name the file, never its content.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ShredFault {
    /// Nothing there.
    #[error("There is no file {file}.")]
    Absent {
        /// The file.
        file: String,
    },
    /// A link.
    #[error("{file} is a symbolic link; the file that it points to would stay.")]
    Link {
        /// The file.
        file: String,
    },
    /// A directory, a device, a pipe.
    #[error("{file} is {what}, not a file.")]
    NotAFile {
        /// The file.
        file: String,
        /// What it is.
        what: &'static str,
    },
    /// More names than one.
    #[error("{file} has {count} names (hard links); the content would stay under the others.")]
    HardLinks {
        /// The file.
        file: String,
        /// How many names.
        count: u64,
    },
    /// Another file has its name by now.
    #[error("{file} is not the file any more that was looked at: another took its place. {state}")]
    Replaced {
        /// The file.
        file: String,
        /// What state the former file is in.
        state: &'static str,
    },
    /// A key that a node uses.
    #[error("{file} is named like a key of a keystore; a node may be using it.")]
    KeystoreFile {
        /// The file.
        file: String,
    },
    /// The file system takes no changes.
    #[error("{file} lies on a file system that is mounted read-only.")]
    ReadOnly {
        /// The file.
        file: String,
    },
    /// Not ours to change, or marked immutable or append-only.
    #[error(
        "{file} can't be changed: {reason}. It may belong to somebody else, or be marked immutable or append-only (lsattr tells)."
    )]
    NotPermitted {
        /// The file.
        file: String,
        /// What the system says.
        reason: String,
    },
    /// The operating system failed in the middle.
    #[error("{file}: {doing} failed: {reason}. {state}")]
    Failed {
        /// The file.
        file: String,
        /// What was being done.
        doing: &'static str,
        /// What the system says.
        reason: String,
        /// What state the file is in.
        state: String,
    },
}

impl Refuse for ShredFault {
    fn name(&self) -> &'static str {
        match self {
            Self::Absent { .. } => "shred-absent",
            Self::Link { .. } => "shred-link",
            Self::NotAFile { .. } => "shred-not-a-file",
            Self::HardLinks { .. } => "shred-hard-links",
            Self::Replaced { .. } => "shred-replaced",
            Self::KeystoreFile { .. } => "shred-keystore-file",
            Self::ReadOnly { .. } => "shred-read-only",
            Self::NotPermitted { .. } => "shred-not-permitted",
            Self::Failed { .. } => "shred-failed",
        }
    }

    fn way_on(&self) -> &'static str {
        match self {
            Self::Absent { .. } => {
                "Look at the path. If somebody deleted it, its blocks were not overwritten."
            }
            Self::Link { .. } => {
                "Delete the file itself first (readlink -f tells which), then the link."
            }
            Self::NotAFile { .. } => {
                "Give the file itself; a whole device is not overwritten by this program."
            }
            Self::HardLinks { .. } => {
                "Find the other names (find MOUNTPOINT -samefile FILE), remove them, then start again."
            }
            Self::Replaced { .. } => {
                "Close what still writes there, such as an editor, then start again for the file that is there now."
            }
            Self::KeystoreFile { .. } => {
                "If the node no longer needs it, stop the node and say --keystore-file."
            }
            Self::ReadOnly { .. } => "Mount it writable, or destroy the medium.",
            Self::NotPermitted { .. } => {
                "Run it as the file's owner or as root; chattr -i -a takes the marks away."
            }
            Self::Failed { .. } => {
                "Look at the medium, then start again: it begins anew and ends what is left."
            }
        }
    }
}

/// A file that may be deleted: open, and looked at.
pub struct Target {
    shown: String,
    dir: File,
    name: OsString,
    file: File,
    size: u64,
    allocated: u64,
    device: u64,
    inode: u64,
}

impl Target {
    /// Opens the file and looks whether it can be deleted. Nothing is changed.
    ///
    /// # Errors
    /// [`ShredFault`].
    pub fn open(path: &Path, keystore_file: bool) -> Result<Self, ShredFault> {
        let shown = path.display().to_string();
        let name = path
            .file_name()
            .ok_or_else(|| ShredFault::NotAFile {
                file: shown.clone(),
                what: "a directory",
            })?
            .to_owned();
        let parent = path.parent().filter(|dir| !dir.as_os_str().is_empty());
        let parent = parent.unwrap_or(Path::new("."));
        let refuse = |errno: Errno| open_fault(&shown, errno);
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
        let dir: File = rustix::fs::open(parent, flags, Mode::empty())
            .map_err(refuse)?
            .into();
        let about = rustix::fs::statat(&dir, &name, AtFlags::SYMLINK_NOFOLLOW).map_err(refuse)?;
        match rustix::fs::FileType::from_raw_mode(about.st_mode) {
            rustix::fs::FileType::RegularFile => {}
            rustix::fs::FileType::Symlink => return Err(ShredFault::Link { file: shown }),
            other => {
                let what = match other {
                    rustix::fs::FileType::Directory => "a directory",
                    rustix::fs::FileType::BlockDevice | rustix::fs::FileType::CharacterDevice => {
                        "a device"
                    }
                    _ => "a pipe or socket",
                };
                return Err(ShredFault::NotAFile { file: shown, what });
            }
        }
        if keystore::parse_name(name.as_encoded_bytes()).is_ok() && !keystore_file {
            return Err(ShredFault::KeystoreFile { file: shown });
        }
        // O_NONBLOCK: what stands there now may be a pipe that was put in the file's place.
        let flags = OFlags::RDWR | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
        let file: File = rustix::fs::openat(&dir, &name, flags, Mode::empty())
            .map_err(refuse)?
            .into();
        let about = file.metadata().map_err(|error| {
            open_fault(&shown, Errno::from_io_error(&error).unwrap_or(Errno::IO))
        })?;
        if !about.is_file() {
            return Err(ShredFault::NotAFile {
                file: shown,
                what: "no file any more",
            });
        }
        if about.nlink() != 1 {
            return Err(ShredFault::HardLinks {
                file: shown,
                count: about.nlink(),
            });
        }
        Ok(Self {
            shown,
            dir,
            name,
            file,
            size: about.size(),
            allocated: allocated(&about),
            device: about.dev(),
            inode: about.ino(),
        })
    }

    /// Size of the content, in bytes.
    pub fn size(&self) -> u64 {
        self.size
    }

    /// What overwriting this file proves, as far as this machine tells.
    pub fn proof(&self) -> Proof {
        // Only what is written out has its blocks.
        let _ = self.file.sync_all();
        Proof::of(&self.file, self.device)
    }

    /// Processes that have the file open, by id. They keep its content until they close it.
    pub fn open_in(&self) -> Vec<u32> {
        proof::open_in(self.device, self.inode)
    }

    /// Overwrites with what `random` fills in and with zeros, each synced; then takes the name away.
    ///
    /// # Errors
    /// [`ShredFault::Failed`] and [`ShredFault::Replaced`] with the state that the file is in;
    /// [`ShredFault::HardLinks`] if it got another name meanwhile, and then nothing was changed.
    pub fn erase(mut self, random: &mut dyn FnMut(&mut [u8])) -> Result<(), ShredFault> {
        const UNTOUCHED: &str = "Nothing was changed.";
        const PARTLY: &str = "It is still there, and may be overwritten in part.";
        const OVERWRITTEN: &str = "Its content is overwritten; its name is still there.";
        const NAMELESS: &str = "The former file is overwritten.";
        // Somebody may have thought long about the question.
        self.still_named(&self.name, UNTOUCHED)?;
        let about = self
            .file
            .metadata()
            .map_err(|error| self.failed("looking at it", &error, UNTOUCHED))?;
        if about.nlink() != 1 {
            return Err(ShredFault::HardLinks {
                file: self.shown,
                count: about.nlink(),
            });
        }
        self.allocated = allocated(&about);
        self.size = about.size();
        let mut chunk = vec![0; CHUNK];
        self.pass(&mut |bytes| random(bytes), &mut chunk, PARTLY)?;
        self.pass(&mut |bytes| bytes.fill(0), &mut chunk, OVERWRITTEN)?;
        rustix::fs::ftruncate(&self.file, 0)
            .map_err(|errno| self.failed("cutting it to nothing", &errno.into(), OVERWRITTEN))?;
        self.still_named(&self.name, NAMELESS)?;
        let name = self.neutral();
        if let Err(replaced) = self.still_named(&name, NAMELESS) {
            // It took the place just now: it gets its name back.
            self.rename(&name, &self.name).ok();
            return Err(replaced);
        }
        let state = format!(
            "Its content is overwritten; an empty file {} is still there.",
            name.display()
        );
        rustix::fs::unlinkat(&self.dir, &name, AtFlags::empty())
            .map_err(|errno| self.failed("removing its name", &errno.into(), &state))?;
        rustix::fs::fsync(&self.dir).map_err(|errno| {
            let state = "It is deleted; after a power cut its empty file may be there again.";
            self.failed("syncing its directory", &errno.into(), state)
        })
    }

    /// Whether a name is still this file's.
    fn still_named(&self, name: &OsStr, state: &'static str) -> Result<(), ShredFault> {
        match rustix::fs::statat(&self.dir, name, AtFlags::SYMLINK_NOFOLLOW) {
            Ok(about) if (about.st_dev, about.st_ino) == (self.device, self.inode) => Ok(()),
            Err(errno) if errno != Errno::NOENT => {
                Err(self.failed("looking at its name", &errno.into(), state))
            }
            _ => Err(ShredFault::Replaced {
                file: self.shown.clone(),
                state,
            }),
        }
    }

    fn failed(&self, doing: &'static str, error: &std::io::Error, state: &str) -> ShredFault {
        ShredFault::Failed {
            file: self.shown.clone(),
            doing,
            reason: error.to_string(),
            state: state.to_owned(),
        }
    }

    /// Writes over every allocated byte, and syncs.
    fn pass(
        &mut self,
        fill: &mut dyn FnMut(&mut [u8]),
        chunk: &mut [u8],
        state: &'static str,
    ) -> Result<(), ShredFault> {
        self.file
            .seek(SeekFrom::Start(0))
            .map_err(|error| self.failed("overwriting", &error, state))?;
        let mut left = self.allocated;
        while left > 0 {
            let now = usize::try_from(left).map_or(CHUNK, |left| left.min(CHUNK));
            let part = &mut chunk[..now];
            fill(part);
            match self.file.write_all(part) {
                Ok(()) => left -= now as u64,
                // The rounding up needs a block that a full disk doesn't have: the content itself is overwritten.
                Err(error)
                    if error.kind() == std::io::ErrorKind::StorageFull
                        && self.allocated - left >= self.size =>
                {
                    break;
                }
                Err(error) => return Err(self.failed("overwriting", &error, state)),
            }
        }
        self.file
            .sync_all()
            .map_err(|error| self.failed("overwriting", &error, state))
    }

    /// Renames the file so that its name stays in no directory block; gives the name that it has now.
    fn neutral(&self) -> OsString {
        let width = self.name.len().clamp(2, 64);
        for number in 0..100 {
            let name = OsString::from(format!("{number:0>width$}"));
            match self.rename(&self.name, &name) {
                Ok(()) => {
                    let _ = rustix::fs::fsync(&self.dir);
                    return name;
                }
                Err(Errno::EXIST) => {}
                // Not every file system knows the flag; the name then stays until it is removed.
                Err(_) => break,
            }
        }
        self.name.clone()
    }

    /// Renames within the directory, and never over another file.
    fn rename(&self, from: &OsStr, to: &OsStr) -> Result<(), Errno> {
        rustix::fs::renameat_with(&self.dir, from, &self.dir, to, RenameFlags::NOREPLACE)
    }

    /// The path as it was given.
    pub fn path(&self) -> PathBuf {
        PathBuf::from(&self.shown)
    }
}

fn open_fault(file: &str, errno: Errno) -> ShredFault {
    let file = file.to_owned();
    match errno {
        Errno::NOENT | Errno::NOTDIR => ShredFault::Absent { file },
        Errno::LOOP => ShredFault::Link { file },
        Errno::ROFS => ShredFault::ReadOnly { file },
        errno => ShredFault::NotPermitted {
            file,
            reason: std::io::Error::from(errno).to_string(),
        },
    }
}

/// What is overwritten: every block, and the content rounded up to blocks.
fn allocated(about: &std::fs::Metadata) -> u64 {
    (about.blocks() * 512).max(about.size().next_multiple_of(4096))
}
