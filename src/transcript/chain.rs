//! Writing a transcript: one line an entry, on the disk before anything else happens.
//!
//! The file is created once, never replaced, and locked while it is written. A failed write ends the writer: what
//! reached the disk is then unknown, and [`super::resume`] finds out. Nothing follows `closed`.

use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use serde::Serialize;

use super::entry::{Entry, LineFault};
use super::visible::visible;
use crate::refusal::Refuse;

/// The largest transcript that is read, in bytes: 64 MiB, a thousand entries of the greatest length.
pub const MAX_FILE: u64 = 64 * 1024 * 1024;

/// The last line of a chain.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Head {
    /// Its entry number.
    pub seq: u64,
    /// SHA-256 of the line without its LF.
    pub hash: [u8; 32],
}

/// Appends entries to one transcript file.
pub struct Writer {
    file: File,
    path: PathBuf,
    length: u64,
    head: Option<Head>,
    state: State,
}

#[derive(PartialEq)]
enum State {
    Open,
    Closed,
    Failed,
}

/// Why a transcript is not created, resumed or appended to.
#[derive(Debug, thiserror::Error)]
pub enum ChainError {
    /// A file of that name is there already.
    #[error("{0} exists already. A transcript never replaces another file.")]
    Exists(String),
    /// No file of that name.
    #[error("{0} does not exist.")]
    Absent(String),
    /// The name is a link, a directory or a device.
    #[error("{0} is not a regular file.")]
    NotAFile(String),
    /// Another program holds the lock.
    #[error("{0} is in use by another program.")]
    InUse(String),
    /// Larger than [`MAX_FILE`].
    #[error("{0} is larger than 64 MiB, which no ceremony writes.")]
    TooLarge(String),
    /// The operating system failed.
    #[error("{doing} {path} failed: {cause}.")]
    Io {
        /// What was tried, as in "Writing".
        doing: &'static str,
        /// The file.
        path: String,
        /// The system's reason.
        cause: io::Error,
    },
    /// Somebody else changed the file while the ceremony ran.
    #[error(
        "{path} is {found} bytes long; the last entry ended at byte {expected}. Another program changed it."
    )]
    Changed {
        /// The file.
        path: String,
        /// Its length in bytes by our count.
        expected: u64,
        /// Its length in bytes now.
        found: u64,
    },
    /// An entry that would be refused when read.
    #[error("The entry was not written, because {0}.")]
    Entry(LineFault),
    /// The first entry is not `opened`, or another one is.
    #[error(
        "The entry \"{kind}\" was not written as entry {seq}: entry 0, and no other, is \"opened\"."
    )]
    Opening {
        /// The entry's type.
        kind: String,
        /// The number it would have had.
        seq: u64,
    },
    /// Appending after `closed`.
    #[error("{0} is closed. Nothing follows the closing entry.")]
    Closed(String),
    /// No `closed` at the end.
    #[error("{0} is not closed: its ceremony goes on.")]
    NotClosed(String),
    /// Appending after a failed write.
    #[error("An earlier write to {0} failed, so it is not known what reached the disk.")]
    Failed(String),
    /// The file has not one whole entry.
    #[error("{0} has no complete entry: the ceremony stopped before anything was done.")]
    NothingToResume(String),
    /// A complete line is damaged.
    #[error("{path}, line {line}: {fault}")]
    Damaged {
        /// The file.
        path: String,
        /// The line, from 1.
        line: usize,
        /// What is wrong with it, a sentence.
        fault: String,
        /// The name of the fault.
        name: &'static str,
    },
}

impl Refuse for ChainError {
    fn name(&self) -> &'static str {
        match self {
            Self::Exists(_) => "transcript-exists",
            Self::Absent(_) => "transcript-absent",
            Self::NotAFile(_) => "transcript-not-a-file",
            Self::InUse(_) => "transcript-in-use",
            Self::TooLarge(_) => "transcript-too-large",
            Self::Io { .. } => "transcript-io",
            Self::Changed { .. } => "transcript-changed",
            Self::Entry(fault) => fault.name(),
            Self::Opening { .. } => "transcript-opening",
            Self::Closed(_) => "transcript-closed",
            Self::NotClosed(_) => "transcript-not-closed",
            Self::Failed(_) => "transcript-write-failed",
            Self::NothingToResume(_) => "transcript-nothing-to-resume",
            Self::Damaged { name, .. } => name,
        }
    }

    fn way_on(&self) -> &'static str {
        match self {
            Self::Exists(_) => "Choose an empty directory, or resume the ceremony that lies there.",
            Self::Absent(_) | Self::NotAFile(_) => {
                "Check the name, and that its medium is plugged in."
            }
            Self::InUse(_) => "Close the other program, then try again.",
            Self::TooLarge(_) => "This is not a transcript of ours; choose the right file.",
            Self::Io { .. } | Self::Failed(_) => {
                "Check the medium, then resume the ceremony: the transcript shows what stands."
            }
            Self::Changed { .. } => {
                "Stop the ceremony. Keep the file as it is and find out who else writes to the medium."
            }
            Self::Entry(_) | Self::Opening { .. } => {
                "This is a fault of the program. Stop the ceremony and report it with the program's version."
            }
            Self::Closed(_) => "Start a new ceremony with a transcript of its own.",
            Self::NotClosed(_) => "Resume the ceremony, and end it.",
            Self::NothingToResume(_) => "Set the file aside and start the ceremony anew.",
            Self::Damaged { .. } => {
                "Do not resume. Keep the file for the auditor; void what this ceremony made, and start a new one."
            }
        }
    }
}

impl Writer {
    /// Makes an empty transcript at `path`, mode 0644: the file and its directory entry are on the disk on return.
    ///
    /// # Errors
    /// [`ChainError::Exists`], [`ChainError::InUse`], [`ChainError::Io`].
    pub fn create_new(path: &Path) -> Result<Self, ChainError> {
        let made = OpenOptions::new()
            .append(true)
            .create_new(true)
            .mode(0o644)
            .open(path);
        let file = made.map_err(|cause| match cause.kind() {
            io::ErrorKind::AlreadyExists => ChainError::Exists(shown(path)),
            _ => failed("Creating", path)(cause),
        })?;
        lock(&file, path)?;
        file.sync_all().map_err(failed("Flushing", path))?;
        sync_parent(path)?;
        Ok(Self {
            file,
            path: path.to_owned(),
            length: 0,
            head: None,
            state: State::Open,
        })
    }

    /// Goes on behind `head` in a locked file of `length` bytes, opened for appending.
    pub(super) fn continued(file: File, path: &Path, length: u64, head: Head) -> Self {
        Self {
            file,
            path: path.to_owned(),
            length,
            head: Some(head),
            state: State::Open,
        }
    }

    /// A closed file: nothing is appended.
    pub(super) fn ended(file: File, path: &Path, length: u64, head: Head) -> Self {
        Self {
            state: State::Closed,
            ..Self::continued(file, path, length, head)
        }
    }

    /// The last entry on the disk.
    pub fn head(&self) -> Option<Head> {
        self.head
    }

    /// The file.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Whether `closed` was written.
    pub fn is_closed(&self) -> bool {
        self.state == State::Closed
    }

    /// Writes one entry at `time` (UTC, RFC 3339 with `Z`) and returns once it is on the disk.
    ///
    /// `entry` becomes a JSON object with a member `type`. It holds no secret: that is the caller's promise.
    ///
    /// # Errors
    /// [`ChainError::Entry`], [`ChainError::Opening`], [`ChainError::Closed`]: nothing was written.
    /// [`ChainError::Io`], [`ChainError::Changed`]: the writer is finished, and so are all later calls.
    pub fn append<T: Serialize>(&mut self, time: &str, entry: &T) -> Result<Head, ChainError> {
        let (line, entry) = self.line(time, entry)?;
        if let Err(fault) = self.write(&line) {
            self.state = State::Failed;
            return Err(fault);
        }
        self.length += line.len() as u64;
        let head = Head {
            seq: entry.seq,
            hash: entry.hash,
        };
        self.head = Some(head);
        if entry.kind() == "closed" {
            self.state = State::Closed;
        }
        Ok(head)
    }

    /// The line, with its LF, that [`Writer::append`] would write now. Nothing is written.
    ///
    /// # Errors
    /// [`ChainError::Entry`], [`ChainError::Opening`], [`ChainError::Closed`], [`ChainError::Failed`].
    pub fn next_line<T: Serialize>(&self, time: &str, entry: &T) -> Result<Vec<u8>, ChainError> {
        self.line(time, entry).map(|(line, _)| line)
    }

    fn line<T: Serialize>(&self, time: &str, entry: &T) -> Result<(Vec<u8>, Entry), ChainError> {
        match self.state {
            State::Open => {}
            State::Closed => return Err(ChainError::Closed(shown(&self.path))),
            State::Failed => return Err(ChainError::Failed(shown(&self.path))),
        }
        let (seq, prev) = match self.head {
            None => (0, [0; 32]),
            Some(head) => (head.seq + 1, head.hash),
        };
        let (mut line, entry) = Entry::line(seq, time, prev, entry).map_err(ChainError::Entry)?;
        if (seq == 0) != (entry.kind() == "opened") {
            return Err(ChainError::Opening {
                kind: visible(entry.kind()),
                seq,
            });
        }
        if let Some(Err(fault)) = entry.known() {
            return Err(ChainError::Entry(fault));
        }
        line.push(b'\n');
        Ok((line, entry))
    }

    fn write(&mut self, line: &[u8]) -> Result<(), ChainError> {
        let found = self
            .file
            .metadata()
            .map_err(failed("Reading", &self.path))?
            .len();
        if found != self.length {
            let path = shown(&self.path);
            return Err(ChainError::Changed {
                path,
                expected: self.length,
                found,
            });
        }
        self.file
            .write_all(line)
            .map_err(failed("Writing", &self.path))?;
        self.file
            .sync_data()
            .map_err(failed("Flushing", &self.path))
    }
}

/// Takes the file's lock, which lasts until it is closed.
pub(super) fn lock(file: &File, path: &Path) -> Result<(), ChainError> {
    file.try_lock().map_err(|fault| match fault {
        std::fs::TryLockError::WouldBlock => ChainError::InUse(shown(path)),
        std::fs::TryLockError::Error(cause) => failed("Locking", path)(cause),
    })
}

/// Flushes the directory entry of `path`.
pub(super) fn sync_parent(path: &Path) -> Result<(), ChainError> {
    let parent = path
        .parent()
        .filter(|dir| !dir.as_os_str().is_empty())
        .unwrap_or(Path::new("."));
    let flushed = File::open(parent).and_then(|dir| dir.sync_all());
    flushed.map_err(failed("Flushing", parent))
}

/// An I/O error on `path` as a [`ChainError`].
pub(super) fn failed(doing: &'static str, path: &Path) -> impl FnOnce(io::Error) -> ChainError {
    let path = shown(path);
    move |cause| ChainError::Io { doing, path, cause }
}

/// A path as it is shown.
pub(super) fn shown(path: &Path) -> String {
    visible(&path.to_string_lossy())
}
