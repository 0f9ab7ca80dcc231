//! The host's own recipient: what the laptop seals recovered keys to.
//!
//! Its identity lies in the state directory (mode 0700) as `delivery_identity` (mode 0600), one line as `age-keygen`
//! writes it, so that stock `age -d -i` opens a delivery too. Whoever reads it can open every delivery that was sealed to
//! it: a file that others can read or write, that is reachable elsewhere, or that anybody else owns is refused.

use std::ffi::OsStr;
use std::fs::File;
use std::io::Read;
use std::os::fd::{AsFd, OwnedFd};
use std::path::{Path, PathBuf};

use rustix::fs::{AtFlags, FileType, FlockOperation, Mode, OFlags, Stat};
use rustix::io::Errno;
use zeroize::Zeroizing;

use crate::ceremony::event::Refused;
use crate::files;
use crate::refusal::Refuse;
use crate::secret::{Secret32, SecretText};
use crate::vault::recipient::OneTimeRecipient;

/// The identity's name in the state directory.
pub const IDENTITY_FILE: &str = "delivery_identity";

/// Longest identity file that is read, in bytes; an identity has 74 letters and a line end.
const MAX_IDENTITY: usize = 128;

/// Why there is no identity. Texts hold public facts only.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum IdentityFault {
    /// No state directory, or no identity in it.
    #[error("This host has no recipient yet: {} is not there.", .path.display())]
    Absent {
        /// The identity's path.
        path: PathBuf,
    },
    /// The state directory is a link or no directory.
    #[error("The state directory {} is a symbolic link or no directory.", .path.display())]
    StateKind {
        /// The directory.
        path: PathBuf,
    },
    /// Others can reach the state directory.
    #[error("The state directory {} has mode {mode:04o}, and others than its owner can reach it; it must have 0700.", .path.display())]
    StateMode {
        /// The directory.
        path: PathBuf,
        /// Permission bits.
        mode: u32,
    },
    /// Somebody else owns the state directory.
    #[error("The state directory {} belongs to user {uid}, and this program runs as user {own}.", .path.display())]
    StateOwner {
        /// The directory.
        path: PathBuf,
        /// Its owner.
        uid: u32,
        /// Who runs the program.
        own: u32,
    },
    /// Not a regular file.
    #[error("{} is a symbolic link or no file.", .path.display())]
    Kind {
        /// The identity's path.
        path: PathBuf,
    },
    /// Others can read or write it.
    #[error("{} has mode {mode:04o}, and others than its owner can reach it; it must have 0600.", .path.display())]
    Mode {
        /// The identity's path.
        path: PathBuf,
        /// Permission bits.
        mode: u32,
    },
    /// Somebody else owns it.
    #[error("{} belongs to user {uid}, and this program runs as user {own}.", .path.display())]
    Owner {
        /// The identity's path.
        path: PathBuf,
        /// Its owner.
        uid: u32,
        /// Who runs the program.
        own: u32,
    },
    /// It has other names.
    #[error("{} has {links} names (hard links), so it is reachable elsewhere.", .path.display())]
    HardLinked {
        /// The identity's path.
        path: PathBuf,
        /// Number of names.
        links: u64,
    },
    /// Other content.
    #[error("{} does not hold one age identity and a line end.", .path.display())]
    Content {
        /// The identity's path.
        path: PathBuf,
    },
    /// The system refused.
    #[error("{} can't be used: {reason}.", .path.display())]
    System {
        /// The path.
        path: PathBuf,
        /// The operating system's words.
        reason: String,
    },
    /// Not written.
    #[error("{}", .0.what)]
    NotWritten(Refused),
}

impl Refuse for IdentityFault {
    fn name(&self) -> &'static str {
        match self {
            Self::Absent { .. } => "host-identity-absent",
            Self::StateKind { .. } => "state-not-a-directory",
            Self::StateMode { .. } => "state-mode-open",
            Self::StateOwner { .. } => "state-owner-differs",
            Self::Kind { .. } => "host-identity-not-a-file",
            Self::Mode { .. } => "host-identity-mode-open",
            Self::Owner { .. } => "host-identity-owner-differs",
            Self::HardLinked { .. } => "host-identity-hard-linked",
            Self::Content { .. } => "host-identity-malformed",
            Self::System { .. } => "host-identity-unreadable",
            Self::NotWritten(_) => "host-identity-not-written",
        }
    }

    fn way_on(&self) -> &'static str {
        match self {
            Self::Absent { .. } => {
                "Make it with `qh-online keys recipient`, and have the laptop seal to it; or give the right --state."
            }
            Self::StateKind { .. } => "Give the directory itself with --state.",
            Self::StateMode { .. } | Self::StateOwner { .. } => {
                "Find out who had access, and close it (chmod 700, chown). If the host's identity lay in it, make a new recipient with `qh-online keys recipient --renew`."
            }
            Self::Kind { .. }
            | Self::Mode { .. }
            | Self::Owner { .. }
            | Self::HardLinked { .. }
            | Self::Content { .. } => {
                "Find out who changed it. Then move it away, and make a new recipient with `qh-online keys recipient`."
            }
            Self::System { .. } | Self::NotWritten(_) => {
                "Look at the state directory, its permissions and its free space."
            }
        }
    }
}

/// The state directory, open and checked. Other programs of ours wait while it is held.
struct State {
    fd: OwnedFd,
    path: PathBuf,
}

impl State {
    fn open(path: &Path) -> Result<Self, IdentityFault> {
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let own = path.to_owned();
        let fd = rustix::fs::open(path, flags, Mode::empty()).map_err(|errno| match errno {
            Errno::NOENT => IdentityFault::Absent {
                path: path.join(IDENTITY_FILE),
            },
            Errno::LOOP | Errno::NOTDIR => IdentityFault::StateKind { path: own.clone() },
            errno => system(path, errno),
        })?;
        let stat = rustix::fs::fstat(&fd).map_err(|errno| system(path, errno))?;
        let mode = stat.st_mode & 0o7777;
        if stat.st_uid != user() {
            return Err(IdentityFault::StateOwner {
                path: own,
                uid: stat.st_uid,
                own: user(),
            });
        }
        if mode & 0o077 != 0 {
            return Err(IdentityFault::StateMode { path: own, mode });
        }
        rustix::fs::flock(&fd, FlockOperation::LockExclusive)
            .map_err(|errno| system(path, errno))?;
        Ok(Self { fd, path: own })
    }

    fn file(&self) -> PathBuf {
        self.path.join(IDENTITY_FILE)
    }

    /// Reads the identity; `None` if there is none.
    fn read(&self) -> Result<Option<OneTimeRecipient>, IdentityFault> {
        let path = self.file();
        let flags =
            OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::NOCTTY | OFlags::CLOEXEC;
        let fd = match rustix::fs::openat(&self.fd, IDENTITY_FILE, flags, Mode::empty()) {
            Ok(fd) => fd,
            Err(Errno::NOENT) => return Ok(None),
            Err(Errno::LOOP | Errno::NXIO) => return Err(IdentityFault::Kind { path }),
            Err(errno) => return Err(system(&path, errno)),
        };
        let stat = rustix::fs::fstat(&fd).map_err(|errno| system(&path, errno))?;
        check_file(&path, &stat)?;
        // Longer than any identity, so that it is never moved while it is read.
        let mut bytes = Zeroizing::new(Vec::with_capacity(2 * MAX_IDENTITY));
        File::from(fd)
            .take(MAX_IDENTITY as u64 + 1)
            .read_to_end(&mut bytes)
            .map_err(|error| IdentityFault::System {
                path: path.clone(),
                reason: error.to_string(),
            })?;
        let content = || IdentityFault::Content { path: path.clone() };
        let line = bytes.strip_suffix(b"\n").ok_or_else(content)?;
        let text = std::str::from_utf8(line).map_err(|_| content())?;
        let text = SecretText::new(text.to_owned());
        OneTimeRecipient::of_identity(&text)
            .map(Some)
            .map_err(|_| content())
    }

    fn make(&self, secret: &Secret32) -> Result<OneTimeRecipient, IdentityFault> {
        let own = OneTimeRecipient::from_secret(secret);
        let mut line = Zeroizing::new(String::with_capacity(MAX_IDENTITY));
        line.push_str(own.identity.expose());
        line.push('\n');
        files::write(&self.file(), line.as_bytes()).map_err(IdentityFault::NotWritten)?;
        // What counts is what lies there.
        self.read()?
            .filter(|read| read.recipient == own.recipient)
            .ok_or(IdentityFault::Content { path: self.file() })
    }

    /// Overwrites and removes the identity, whatever it holds.
    fn retire(&self) -> Result<(), IdentityFault> {
        let path = self.file();
        let failed = |errno| system(&path, errno);
        let flags = OFlags::WRONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
        match rustix::fs::openat(&self.fd, IDENTITY_FILE, flags, Mode::empty()) {
            Ok(fd) => {
                let stat = rustix::fs::fstat(&fd).map_err(failed)?;
                check_file(&path, &stat)?;
                let size = usize::try_from(stat.st_size).unwrap_or(0);
                rustix::io::write(&fd, &vec![0; size.min(MAX_IDENTITY)]).map_err(failed)?;
                rustix::fs::fsync(&fd).map_err(failed)?;
            }
            Err(Errno::NOENT) => return Ok(()),
            Err(Errno::LOOP | Errno::NXIO | Errno::ISDIR) => {
                return Err(IdentityFault::Kind { path });
            }
            Err(errno) => return Err(failed(errno)),
        }
        rustix::fs::unlinkat(&self.fd, OsStr::new(IDENTITY_FILE), AtFlags::empty())
            .and_then(|()| rustix::fs::fsync(self.fd.as_fd()))
            .map_err(failed)
    }
}

fn check_file(path: &Path, stat: &Stat) -> Result<(), IdentityFault> {
    let path = path.to_owned();
    let (mode, links) = (stat.st_mode & 0o7777, stat.st_nlink);
    if FileType::from_raw_mode(stat.st_mode) != FileType::RegularFile {
        Err(IdentityFault::Kind { path })
    } else if stat.st_uid != user() {
        Err(IdentityFault::Owner {
            path,
            uid: stat.st_uid,
            own: user(),
        })
    } else if mode & 0o077 != 0 {
        Err(IdentityFault::Mode { path, mode })
    } else if links > 1 {
        Err(IdentityFault::HardLinked { path, links })
    } else {
        Ok(())
    }
}

fn user() -> u32 {
    rustix::process::geteuid().as_raw()
}

fn system(path: &Path, errno: Errno) -> IdentityFault {
    IdentityFault::System {
        path: path.to_owned(),
        reason: std::io::Error::from(errno).to_string(),
    }
}

/// Makes the state directory (0700) if it is not there. The directory around it must exist, so that a mistyped path
/// makes nothing.
///
/// # Errors
/// [`IdentityFault::System`].
pub fn make_state(state: &Path) -> Result<(), IdentityFault> {
    match rustix::fs::mkdir(state, Mode::RWXU) {
        Ok(()) | Err(Errno::EXIST) => Ok(()),
        Err(errno) => Err(system(state, errno)),
    }
}

/// Makes the state directory if it is not there, and checks that it is its owner's alone.
///
/// # Errors
/// [`IdentityFault`] about the directory.
pub fn check_state(state: &Path) -> Result<(), IdentityFault> {
    make_state(state)?;
    State::open(state).map(|_| ())
}

/// Reads the host's identity.
///
/// # Errors
/// [`IdentityFault`]; [`IdentityFault::Absent`] if it was never made.
pub fn open(state: &Path) -> Result<OneTimeRecipient, IdentityFault> {
    let state = State::open(state)?;
    state
        .read()?
        .ok_or_else(|| IdentityFault::Absent { path: state.file() })
}

/// Reads the host's identity, or makes it of `secret`, 32 random bytes; says whether it was made now.
///
/// # Errors
/// [`IdentityFault`].
pub fn open_or_make(
    state: &Path,
    secret: &Secret32,
) -> Result<(OneTimeRecipient, bool), IdentityFault> {
    make_state(state)?;
    let state = State::open(state)?;
    match state.read()? {
        Some(own) => Ok((own, false)),
        None => Ok((state.make(secret)?, true)),
    }
}

/// Retires the host's identity (overwritten with zeros, synced, unlinked; on flash that proves nothing), and makes a new
/// one of `secret`. What was sealed to the old one can't be opened any more.
///
/// # Errors
/// [`IdentityFault`]. A file that is not ours alone is left where it is.
pub fn renew(state: &Path, secret: &Secret32) -> Result<OneTimeRecipient, IdentityFault> {
    make_state(state)?;
    let state = State::open(state)?;
    state.retire()?;
    state.make(secret)
}
