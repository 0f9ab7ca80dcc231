//! What an auditor is told about a transcript, by name.

use super::compare::Comparison;
use super::entry::LineFault;
use super::hex::Hash;
use crate::refusal::Refuse;

/// How much a finding weighs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Weight {
    /// Worth knowing; the verdict does not change.
    Note,
    /// The file may be right, but that is not shown.
    Incomplete,
    /// The file is not what the ceremony wrote.
    Fault,
}

/// One finding. Lines count from 1, entries (`seq`) from 0.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Finding {
    /// No bytes at all.
    #[error("The file is empty.")]
    Empty,
    /// Larger than 64 MiB.
    #[error("The file is larger than 64 MiB, which no ceremony writes.")]
    TooLarge,
    /// A line that is damaged by itself.
    #[error("Line {line} is no entry: {fault}.")]
    Line {
        /// The line.
        line: usize,
        /// What is wrong.
        fault: LineFault,
    },
    /// Bytes behind the last LF.
    #[error("The file ends with {bytes} bytes that are no whole line.")]
    Trailing {
        /// The line they would be.
        line: usize,
        /// How many.
        bytes: usize,
    },
    /// Line 1 is not `opened`.
    #[error("Line 1 is no opening entry; it is \"{0}\".")]
    NotOpened(String),
    /// Entry 0 names another format.
    #[error("Entry 0 names the format \"{0}\"; this program reads qh-transcript/1.")]
    UnknownVersion(String),
    /// `opened` again.
    #[error("Line {line} opens a transcript again.")]
    SecondOpening {
        /// The line.
        line: usize,
    },
    /// `prev` is not the hash of the entry before.
    #[error(
        "Line {line} (entry {seq}) does not continue the line before it: line {before} was changed after it was \
         written, or another was put in its place."
    )]
    BrokenLink {
        /// The line whose `prev` is wrong.
        line: usize,
        /// Its entry number.
        seq: u64,
        /// The line that it should continue.
        before: usize,
    },
    /// Entry 0 names a line before itself.
    #[error("Line 1 is entry 0, but its \"prev\" is not zeros.")]
    FirstLink,
    /// Entries are missing.
    #[error("Before line {line}, entries {from} to {to} are missing.")]
    Cut {
        /// The line after the gap.
        line: usize,
        /// The first missing entry.
        from: u64,
        /// The last missing entry.
        to: u64,
    },
    /// An entry stands in another's place.
    #[error(
        "Line {line} is entry {seq} where entry {expected} belongs: lines were put in another order."
    )]
    Reordered {
        /// The line.
        line: usize,
        /// The entry that stands there.
        seq: u64,
        /// The entry that belongs there.
        expected: u64,
    },
    /// The same line twice.
    #[error("Line {line} repeats line {first} (entry {seq}).")]
    Duplicate {
        /// The line.
        line: usize,
        /// Its first occurrence.
        first: usize,
        /// Its entry number.
        seq: u64,
    },
    /// The same number, another predecessor.
    #[error("Line {line} has the number {seq}, which line {first} has already.")]
    DuplicateSeq {
        /// The line.
        line: usize,
        /// The line that has the number.
        first: usize,
        /// The number.
        seq: u64,
    },
    /// Two different entries continue the same entry.
    #[error(
        "A fork: lines {first} and {line} are both entry {seq} and continue the same entry in two ways."
    )]
    Fork {
        /// The second line.
        line: usize,
        /// The first line.
        first: usize,
        /// Their number.
        seq: u64,
    },
    /// An entry behind `closed`.
    #[error("Line {line} follows the closing entry.")]
    AfterClosed {
        /// The line.
        line: usize,
    },
    /// The clock went back.
    #[error("Line {line} (entry {seq}) is earlier than the entry before it: the clock went back.")]
    TimeBackwards {
        /// The line.
        line: usize,
        /// Its entry number.
        seq: u64,
    },
    /// No `closed`.
    #[error(
        "OPEN: the transcript has no closing entry. The ceremony was not finished, or the end was cut off."
    )]
    Open,
    /// Neither head nor record given.
    #[error(
        "UNANCHORED: the file agrees with itself, which whoever rewrites all of it can also achieve. Nothing shows \
         that this is the file of the ceremony."
    )]
    Unanchored,
    /// The head is another.
    #[error("The head does not match. On paper: {given}. This file: {head}.")]
    HeadMismatch {
        /// The head that was given.
        given: Hash,
        /// The head of the file.
        head: Hash,
    },
    /// The head that was given belongs to an earlier entry.
    #[error("The head given is that of entry {seq}; {after} lines were added after it.")]
    Extended {
        /// The entry whose hash was given.
        seq: u64,
        /// How many lines follow it.
        after: usize,
    },
    /// The record given is not the one that the transcript names.
    #[error("The record does not match. The file given: {given}. The transcript names: {named}.")]
    RecordMismatch {
        /// SHA-256 of the record given.
        given: Hash,
        /// The hash in the transcript.
        named: Hash,
    },
    /// A record was given, but the transcript names none.
    #[error("A record was given, but the transcript names none.")]
    RecordNotNamed,
    /// A closed transcript that names no record.
    #[error("The transcript names no record.")]
    NoRecord,
    /// The record given cannot be read.
    #[error("The record given was not read: {0}")]
    BadRecord(String),
    /// Record and entry 0 say different things.
    #[error("The record and the transcript disagree about \"{0}\".")]
    RecordDisagrees(&'static str),
    /// No signature.
    #[error("There is no signature for this file.")]
    SignatureMissing {
        /// Whether the anchor counts only together with the signature.
        needed: bool,
    },
    /// A signature exists, but the file that it covers went on to a closing entry.
    #[error(
        "The file was cut at its end: it is not closed, but a signature of its ceremony key exists, and only a closed file is signed."
    )]
    CutEnd,
    /// A signature that does not check.
    #[error("The signature was not accepted: {0}")]
    SignatureBad(String),
    /// The other file.
    #[error("{0}")]
    Other(Comparison),
    /// The other file is damaged itself.
    #[error("The other file was not compared, because it is damaged: {0}")]
    OtherDamaged(String),
}

impl Finding {
    /// How much it weighs.
    pub fn weight(&self) -> Weight {
        match self {
            Self::TimeBackwards { .. } | Self::NoRecord => Weight::Note,
            Self::Other(comparison) => comparison.weight(),
            Self::SignatureMissing { needed: false } => Weight::Note,
            Self::Open
            | Self::Unanchored
            | Self::SignatureMissing { needed: true }
            | Self::OtherDamaged(_) => Weight::Incomplete,
            _ => Weight::Fault,
        }
    }

    /// Whether the file is wrong.
    pub fn is_fault(&self) -> bool {
        self.weight() == Weight::Fault
    }

    /// The line concerned, from 1.
    pub fn line(&self) -> Option<usize> {
        match self {
            Self::Line { line, .. }
            | Self::Trailing { line, .. }
            | Self::SecondOpening { line }
            | Self::BrokenLink { line, .. }
            | Self::Cut { line, .. }
            | Self::Reordered { line, .. }
            | Self::Duplicate { line, .. }
            | Self::DuplicateSeq { line, .. }
            | Self::Fork { line, .. }
            | Self::AfterClosed { line }
            | Self::TimeBackwards { line, .. } => Some(*line),
            Self::NotOpened(_) | Self::UnknownVersion(_) | Self::FirstLink => Some(1),
            _ => None,
        }
    }
}

impl Refuse for Finding {
    fn name(&self) -> &'static str {
        match self {
            Self::Empty => "transcript-empty",
            Self::TooLarge => "transcript-too-large",
            Self::Line { fault, .. } => fault.name(),
            Self::Trailing { .. } => "transcript-trailing",
            Self::NotOpened(_) => "transcript-not-opened",
            Self::UnknownVersion(_) => "transcript-unknown-version",
            Self::SecondOpening { .. } => "transcript-second-opening",
            Self::BrokenLink { .. } | Self::FirstLink => "transcript-broken-link",
            Self::Cut { .. } => "transcript-cut",
            Self::Reordered { .. } => "transcript-reordered",
            Self::Duplicate { .. } => "transcript-duplicate-line",
            Self::DuplicateSeq { .. } => "transcript-duplicate-seq",
            Self::Fork { .. } => "transcript-fork",
            Self::AfterClosed { .. } => "transcript-after-closed",
            Self::TimeBackwards { .. } => "transcript-time-backwards",
            Self::Open => "transcript-open",
            Self::Unanchored => "transcript-unanchored",
            Self::HeadMismatch { .. } => "transcript-head-mismatch",
            Self::Extended { .. } => "transcript-extended",
            Self::RecordMismatch { .. } | Self::RecordNotNamed => "transcript-record-mismatch",
            Self::NoRecord => "transcript-no-record",
            Self::BadRecord(_) => "transcript-bad-record",
            Self::RecordDisagrees(_) => "transcript-record-disagrees",
            Self::SignatureMissing { .. } => "transcript-signature-missing",
            Self::CutEnd => "transcript-cut",
            Self::SignatureBad(_) => "transcript-signature-bad",
            Self::OtherDamaged(_) => "transcript-other-damaged",
            Self::Other(comparison) => comparison.name(),
        }
    }

    fn way_on(&self) -> &'static str {
        match self {
            Self::TimeBackwards { .. } => {
                "Look in the transcript for the entry that explains it; the order of entries stands by the chain."
            }
            Self::Open => {
                "Resume the ceremony and close it, or ask who holds the closed transcript and its signature."
            }
            Self::Unanchored => {
                "Read the 64 digits of the head off the signed certificate and give them with --head."
            }
            Self::NoRecord => "Expect this only where a ceremony ended before it made anything.",
            Self::OtherDamaged(_) => "Ask for an intact copy to compare with.",
            Self::SignatureMissing { .. } => {
                "Put the signature beside the transcript as FILE.sig, or name it with --sig."
            }
            Self::HeadMismatch { .. } => {
                "Read the head on the certificate again. If it was read right, this is not the file of that \
                 ceremony: keep it, and ask the other holders for their copies."
            }
            Self::RecordMismatch { .. }
            | Self::RecordNotNamed
            | Self::BadRecord(_)
            | Self::RecordDisagrees(_) => {
                "Check that the record is of this ceremony; then compare its hash with the signed certificate."
            }
            Self::Other(comparison) => comparison.way_on(),
            _ => {
                "Do not rely on this file. Keep it as evidence, and ask the other holders for their copies; the \
                 one whose head is on the signed certificate stands."
            }
        }
    }
}
