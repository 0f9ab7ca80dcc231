//! The time of the last snapshot of each class, as the host's state directory keeps it.
//!
//! It decides what is due and nothing else: lost or damaged, every class is due, which costs a snapshot and loses none.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::ceremony::event::Refused;
use crate::files::{self, from_error};
use crate::online::class::Class;
use crate::refusal::Refuse;
use crate::transcript::strict;

/// The file's name in the state directory.
pub const LAST_FILE: &str = "last-snapshots.json";

const FORMAT: &str = "qh-last-snapshots/1";

/// Longest file that is read, in bytes.
const MAX: usize = 4096;

/// Why the file was not read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum LastFault {
    /// Not a document of ours.
    #[error("{path} is not what this program wrote: {reason}.", path = path.display())]
    Malformed {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
}

impl Refuse for LastFault {
    fn name(&self) -> &'static str {
        "last-snapshots-malformed"
    }

    fn way_on(&self) -> &'static str {
        "Delete it: every class is due then, and one snapshot serves them all."
    }
}

/// The last snapshot of each class.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct LastSnapshots(pub BTreeMap<Class, Timestamp>);

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Document {
    format: String,
    last: BTreeMap<Class, String>,
}

impl LastSnapshots {
    /// Reads them from the state directory; a file that isn't there knows of none.
    ///
    /// # Errors
    /// `last-snapshots-malformed`, `file-unreadable`, `file-too-large`.
    pub fn load(state: &Path) -> Result<Self, Refused> {
        let path = state.join(LAST_FILE);
        if !path.exists() {
            return Ok(Self::default());
        }
        let bytes = files::read(&path, MAX)?;
        Self::parse(&bytes).map_err(|reason| from_error(&LastFault::Malformed { path, reason }))
    }

    fn parse(bytes: &[u8]) -> Result<Self, String> {
        let document: Document = strict::value(bytes)
            .and_then(|value| strict::typed(&value))
            .map_err(|fault| fault.to_string())?;
        if document.format != FORMAT {
            return Err(format!("its format is not {FORMAT}"));
        }
        let read = |(class, time): (Class, String)| match time.parse::<Timestamp>() {
            Ok(parsed) if parsed.to_string() == time => Ok((class, parsed)),
            _ => Err(format!("the time of {class} is none")),
        };
        document
            .last
            .into_iter()
            .map(read)
            .collect::<Result<_, _>>()
            .map(Self)
    }

    /// Notes a snapshot that served these classes.
    pub fn note(&mut self, classes: &[Class], time: Timestamp) {
        self.0.extend(classes.iter().map(|class| (*class, time)));
    }

    /// Writes them to the state directory, whole or not at all.
    ///
    /// # Errors
    /// `file-not-written`.
    pub fn save(&self, state: &Path) -> Result<(), Refused> {
        let document = Document {
            format: FORMAT.into(),
            last: self
                .0
                .iter()
                .map(|(class, time)| (*class, time.to_string()))
                .collect(),
        };
        let mut text = serde_json::to_string_pretty(&document).expect("strings");
        text.push('\n');
        files::write(&state.join(LAST_FILE), text.as_bytes())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn they_are_kept_and_noted() {
        let dir = tempfile::tempdir().unwrap();
        let mut last = LastSnapshots::load(dir.path()).unwrap();
        assert_eq!(last, LastSnapshots::default());
        last.note(
            &[Class::Hot, Class::Monthly],
            Timestamp::from_second(5).unwrap(),
        );
        last.note(&[Class::Hot], Timestamp::from_second(7).unwrap());
        last.save(dir.path()).unwrap();
        let again = LastSnapshots::load(dir.path()).unwrap();
        assert_eq!(again, last);
        assert_eq!(again.0[&Class::Hot].as_second(), 7);
        assert_eq!(again.0[&Class::Monthly].as_second(), 5);
    }

    #[test]
    fn what_is_no_document_of_ours_is_refused() {
        let dir = tempfile::tempdir().unwrap();
        for text in [
            "",
            "{}",
            r#"{"format":"qh-last-snapshots/2","last":{}}"#,
            r#"{"format":"qh-last-snapshots/1","last":{"hourly":"2026-01-01T00:00:00Z"}}"#,
            r#"{"format":"qh-last-snapshots/1","last":{"hot":"yesterday"}}"#,
            r#"{"format":"qh-last-snapshots/1","last":{"hot":"2026-01-01T00:00:00+01:00"}}"#,
            r#"{"format":"qh-last-snapshots/1","last":{},"more":1}"#,
            r#"{"format":"qh-last-snapshots/1","last":{}}{}"#,
        ] {
            std::fs::write(dir.path().join(LAST_FILE), text).unwrap();
            let refused = LastSnapshots::load(dir.path()).unwrap_err();
            assert_eq!(refused.name, "last-snapshots-malformed", "{text}");
            assert!(refused.what.contains(LAST_FILE));
        }
    }
}
