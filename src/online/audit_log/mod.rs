//! The log of what was done, for machines: JSON lines in the format of the node's audit log.
//!
//! ```json
//! {"timestamp":"2026-11-27T06:00:03.123456Z","level":"INFO","target":"snapshot","event":"created","fields":{"bytes":1},"node_id":"validator-1","version":"0.1.0"}
//! ```
//!
//! 1. A line is appended by one write call to a file opened for appending, so that lines of two writers never mix. The file
//!    is opened for each line: who rotates logs need not tell us.
//! 2. Names of levels, targets, events and fields are fixed in the program. Values are numbers, flags, times, durations,
//!    classes and texts made for people to read; secret types can't become one.
//! 3. A line has at most [`MAX_LINE`] bytes; what is longer is cut, and says so. Control characters, and those that turn or
//!    hide text on a terminal, are escaped.

mod file;
mod line;
mod value;

use std::path::PathBuf;

use jiff::Timestamp;

use crate::refusal::Refuse;

pub use line::{Entry, Level, MAX_LINE};
pub use value::Value;

/// Why a line was not written. The program goes on: who calls decides what that means.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum LogFault {
    /// The system said no.
    #[error("The log {path} could not be written: {reason}.", path = path.display())]
    NotWritten {
        /// The file.
        path: PathBuf,
        /// The system's words.
        reason: String,
    },
    /// A link, a directory, a device.
    #[error("The log {path} is no regular file.", path = .0.display())]
    NoFile(PathBuf),
    /// Everyone may write to it.
    #[error("The log {path} can be written by everyone.", path = .0.display())]
    OthersWrite(PathBuf),
}

impl Refuse for LogFault {
    fn name(&self) -> &'static str {
        match self {
            Self::NotWritten { .. } => "log-not-written",
            Self::NoFile(_) => "log-no-file",
            Self::OthersWrite(_) => "log-others-write",
        }
    }

    fn way_on(&self) -> &'static str {
        match self {
            Self::NotWritten { .. } => "Look at the directory, its rights and its free space.",
            Self::NoFile(_) => "Name a file of its own for the log, not a link.",
            Self::OthersWrite(_) => {
                "Find out who wrote to it, then take the right away: chmod o-w."
            }
        }
    }
}

/// Where lines go, and who writes them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AuditLog {
    file: Option<PathBuf>,
    stderr: bool,
    node_id: String,
}

impl AuditLog {
    /// A log of the node `node_id`, into a file, or to the standard error, or both, or nowhere.
    pub fn new(file: Option<PathBuf>, stderr: bool, node_id: impl Into<String>) -> Self {
        Self {
            file,
            stderr,
            node_id: node_id.into(),
        }
    }

    /// Writes an entry.
    ///
    /// # Errors
    /// [`LogFault`] of the file. What can't be written to the standard error is lost.
    pub fn write(&self, now: Timestamp, entry: &Entry) -> Result<(), LogFault> {
        let line = entry.line(now, &self.node_id);
        if self.stderr {
            // One call here too; there is nobody to tell if it fails.
            let _ = std::io::Write::write_all(&mut std::io::stderr().lock(), line.as_bytes());
        }
        match &self.file {
            Some(path) => file::append(path, line.as_bytes()),
            None => Ok(()),
        }
    }
}
