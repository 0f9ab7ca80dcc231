//! Two files that claim to be the transcript of one ceremony.

use super::entry::Entry;
use super::finding::Weight;
use crate::refusal::Refuse;

/// How two files relate, line by line.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Comparison {
    /// Byte for byte the same.
    #[error("The other file is identical.")]
    Same,
    /// The first file is a beginning of the second.
    #[error("The file was cut: it has {here} lines and the other file goes on to {there}.")]
    FirstIsShorter {
        /// Lines of the first file.
        here: usize,
        /// Lines of the second file.
        there: usize,
    },
    /// The second file is a beginning of the first.
    #[error("The other file ends earlier, after {there} of {here} lines, and agrees up to there.")]
    SecondIsShorter {
        /// Lines of the first file.
        here: usize,
        /// Lines of the second file.
        there: usize,
    },
    /// One beginning, two continuations.
    #[error(
        "A fork: both files agree for {common} lines and part at entry {common}. One ceremony has been told in two \
         ways."
    )]
    Fork {
        /// How many lines agree; as a number, the entry at which they part.
        common: usize,
    },
    /// Entry 0 differs, and so does the id in it.
    #[error("The other file is the transcript of another ceremony.")]
    Unrelated,
}

/// Compares two transcripts by their lines. Neither is verified by this.
pub fn compare(first: &[u8], second: &[u8]) -> Comparison {
    let lines = |bytes: &[u8]| bytes.split_inclusive(|b| *b == b'\n').count();
    let (mut a, mut b) = (
        first.split_inclusive(|b| *b == b'\n'),
        second.split_inclusive(|b| *b == b'\n'),
    );
    let mut common = 0;
    loop {
        match (a.next(), b.next()) {
            (None, None) => return Comparison::Same,
            (Some(a), Some(b)) if a == b => common += 1,
            (None, Some(_)) => {
                return Comparison::FirstIsShorter {
                    here: common,
                    there: lines(second),
                };
            }
            (Some(_), None) => {
                return Comparison::SecondIsShorter {
                    here: lines(first),
                    there: common,
                };
            }
            // A torn last line is a beginning, not another story.
            (Some(a), Some(b)) if !a.ends_with(b"\n") && b.starts_with(a) => {
                return Comparison::FirstIsShorter {
                    here: common,
                    there: lines(second),
                };
            }
            (Some(a), Some(b)) if !b.ends_with(b"\n") && a.starts_with(b) => {
                return Comparison::SecondIsShorter {
                    here: lines(first),
                    there: common,
                };
            }
            (Some(a), Some(b)) if common == 0 && !same_id(a, b) => return Comparison::Unrelated,
            (Some(_), Some(_)) => return Comparison::Fork { common },
        }
    }
}

fn same_id(a: &[u8], b: &[u8]) -> bool {
    id(a).is_some_and(|own| id(b) == Some(own))
}

/// The ceremony's id in line 1.
fn id(line: &[u8]) -> Option<String> {
    let entry = Entry::parse(line.strip_suffix(b"\n").unwrap_or(line)).ok()?;
    Some(entry.body.get("id")?.as_str()?.to_owned())
}

impl Comparison {
    /// What it means for the first file.
    pub fn weight(&self) -> Weight {
        match self {
            Self::Same | Self::SecondIsShorter { .. } => Weight::Note,
            Self::FirstIsShorter { .. } | Self::Fork { .. } | Self::Unrelated => Weight::Fault,
        }
    }
}

impl Refuse for Comparison {
    fn name(&self) -> &'static str {
        match self {
            Self::Same => "transcript-same",
            Self::FirstIsShorter { .. } => "transcript-cut",
            Self::SecondIsShorter { .. } => "transcript-other-shorter",
            Self::Fork { .. } => "transcript-fork",
            Self::Unrelated => "transcript-other-ceremony",
        }
    }

    fn way_on(&self) -> &'static str {
        match self {
            Self::Same | Self::SecondIsShorter { .. } => "Nothing to do.",
            Self::FirstIsShorter { .. } => "Use the longer file, and find out who cut this one.",
            Self::Fork { .. } => {
                "Keep both files. The one whose head is on the signed certificate stands; find out who made the \
                 other, and treat what the ceremony made as compromised until then."
            }
            Self::Unrelated => "Choose the other holder's copy of the same ceremony.",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn relations_are_named() {
        assert_eq!(compare(b"a\nb\n", b"a\nb\n"), Comparison::Same);
        assert_eq!(
            compare(b"a\n", b"a\nb\n"),
            Comparison::FirstIsShorter { here: 1, there: 2 }
        );
        assert_eq!(
            compare(b"a\nb\nc\n", b"a\n"),
            Comparison::SecondIsShorter { here: 3, there: 1 }
        );
        assert_eq!(
            compare(b"a\nb\n", b"a\nc\n"),
            Comparison::Fork { common: 1 }
        );
        assert_eq!(
            compare(b"a\nb", b"a\nbc\n"),
            Comparison::FirstIsShorter { here: 1, there: 2 }
        );
        assert_eq!(
            compare(b"a\nbc\n", b"a\nb"),
            Comparison::SecondIsShorter { here: 2, there: 1 }
        );
        assert_eq!(compare(b"a\n", b"b\n"), Comparison::Unrelated);
        assert_eq!(
            compare(b"a\nb\n", b"a\nc\n").to_string(),
            "A fork: both files agree for 1 lines and part at entry 1. One ceremony has been told in two ways."
        );
    }
}
