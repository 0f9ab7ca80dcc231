//! What the quorum refuses, by name. Sheets are named by number, set id and commitment, all public.

use crate::refusal::Refuse;
use crate::share::public::{Commitment, SetId};

/// Why a share is not taken. Those taken before still stand.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ShareRefusal {
    /// The same 48 bytes were taken before.
    #[error("Sheet {x} of this set was entered already.")]
    Duplicate {
        /// The sheet's number.
        x: u8,
    },
    /// A sheet of the same number with other content was taken before.
    #[error(
        "There are two sheets with number {x} and different content, so at least one is not genuine. \
         The first has commitment {}, this one {}.", .before.grouped(), .now.grouped()
    )]
    SameNumber {
        /// The number of both.
        x: u8,
        /// The commitment of the sheet taken before.
        before: Commitment,
        /// The commitment of this sheet.
        now: Commitment,
    },
    /// The sheet is of another set.
    #[error("This sheet is from another set: it has set {}, this backup has set {}.", .found.grouped(), .expected.grouped())]
    ForeignSet {
        /// The set looked for.
        expected: SetId,
        /// The sheet's set.
        found: SetId,
    },
    /// A rehearsal's sheet in production.
    #[error("Sheet {x} of set {} is from a rehearsal. It never had a real key behind it.", .set_id.grouped())]
    OfRehearsal {
        /// The sheet's number.
        x: u8,
        /// The sheet's set.
        set_id: SetId,
    },
    /// A real sheet in a rehearsal.
    #[error("Sheet {x} of set {} is a real sheet, and this is a rehearsal.", .set_id.grouped())]
    NotOfRehearsal {
        /// The sheet's number.
        x: u8,
        /// The sheet's set.
        set_id: SetId,
    },
    /// Its commitment is not in the record.
    #[error(
        "Sheet {x} is forged: it reads well, but the record has no sheet with this content \
         (commitment {}).", .commitment.grouped()
    )]
    Forged {
        /// The sheet's number.
        x: u8,
        /// The commitment that the record doesn't have.
        commitment: Commitment,
    },
    /// Sixteen sheets are held already.
    #[error("Sixteen sheets are entered already, and no set has more.")]
    TooMany,
}

impl Refuse for ShareRefusal {
    fn name(&self) -> &'static str {
        match self {
            Self::Duplicate { .. } => "share-duplicate",
            Self::SameNumber { .. } => "share-same-number-different-content",
            Self::ForeignSet { .. } => "share-foreign-set",
            Self::OfRehearsal { .. } => "share-of-rehearsal",
            Self::NotOfRehearsal { .. } => "share-not-of-rehearsal",
            Self::Forged { .. } => "share-forged",
            Self::TooMany => "share-too-many",
        }
    }

    fn way_on(&self) -> &'static str {
        match self {
            Self::Duplicate { .. } => "Bring another custodian's sheet.",
            Self::SameNumber { .. } => {
                "Keep both sheets and find out which is genuine by the commitments in the record; go on \
                 with other sheets."
            }
            Self::ForeignSet { .. } => {
                "It is not damaged: look for the sheet with the set id of this backup."
            }
            Self::OfRehearsal { .. } => "Set it aside, and bring a sheet of the real backup.",
            Self::NotOfRehearsal { .. } => {
                "Put it back into its bag and note that the bag was opened; use the rehearsal's sheets."
            }
            Self::Forged { .. } => {
                "Keep this sheet as evidence, write it down, and bring another custodian's."
            }
            Self::TooMany => "Remove a sheet that is doubted before another is entered.",
        }
    }
}

/// Why the shares held do not make a quorum. They still stand.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum QuorumRefusal {
    /// No key check is known.
    #[error("Without the key check, a right secret cannot be told from a wrong one.")]
    NoKeyCheck,
    /// The threshold stated is none that a set can have.
    #[error("A threshold of {k} is none that a set of shares can have: it is 2 to 16.")]
    Threshold {
        /// The threshold stated.
        k: u8,
    },
    /// Fewer shares than the threshold, or than any threshold.
    #[error("{have} of {need} sheets are entered.")]
    TooFew {
        /// Sheets held.
        have: usize,
        /// Sheets needed at least.
        need: usize,
    },
    /// Some k sheets give the key check, and these contradict them.
    ///
    /// With one forger that is proof. If the others are only k, two or more of them acting together could also have
    /// brought it about; the secret is right in either case, and the record's commitments tell.
    #[error("Forged: sheet {}. The other sheets give the key check, and it contradicts them.", list(.numbers))]
    Forged {
        /// The numbers of the forged sheets.
        numbers: Vec<u8>,
    },
    /// Several groups of sheets give the key check and contradict each other: forgers act together.
    #[error(
        "Sheets {} give the key check, and so do sheets {}, but the two contradict each other: at least \
         two sheets are forged, and it cannot be said which.", list(.one), list(.other)
    )]
    Contradiction {
        /// The numbers of one group.
        one: Vec<u8>,
        /// The numbers of another group of the same size.
        other: Vec<u8>,
    },
    /// Exactly k shares, or an unknown threshold: it can't be said which is wrong.
    #[error(
        "Sheets {} together do not give the key check: one of them is forged, or the key check is of \
         another backup. With these sheets alone it cannot be said which.", list(.numbers)
    )]
    Undecided {
        /// The numbers of the sheets held.
        numbers: Vec<u8>,
    },
    /// The threshold isn't known, and no combination gives the key check.
    #[error(
        "No combination of sheets {} gives the key check: more sheets are needed, or some are forged, \
         or the key check is of another backup.", list(.numbers)
    )]
    NoThreshold {
        /// The numbers of the sheets held.
        numbers: Vec<u8>,
    },
    /// More than k shares, and no k of them give the key check.
    #[error(
        "No {k} of sheets {} give the key check: more than one is forged, or the key check is of \
         another backup.", list(.numbers)
    )]
    NoCombination {
        /// The threshold.
        k: u8,
        /// The numbers of the sheets held.
        numbers: Vec<u8>,
    },
    /// All sheets are those of the record, and yet they don't give the key check.
    #[error(
        "Sheets {} are those of the record, and yet do not give the key check: record and sealed file \
         are not of the same backup.", list(.numbers)
    )]
    RecordMismatch {
        /// The numbers of the sheets held.
        numbers: Vec<u8>,
    },
}

/// Numbers as people read them: `1, 2 and 4`.
pub(in crate::share) fn list(numbers: &[u8]) -> String {
    let mut text = String::new();
    for (at, number) in numbers.iter().enumerate() {
        text += match at {
            0 => "",
            _ if at + 1 == numbers.len() => " and ",
            _ => ", ",
        };
        text += &number.to_string();
    }
    text
}

impl Refuse for QuorumRefusal {
    fn name(&self) -> &'static str {
        match self {
            Self::NoKeyCheck => "quorum-no-key-check",
            Self::Threshold { .. } => "quorum-threshold",
            Self::TooFew { .. } => "quorum-too-few",
            Self::Forged { .. } => "quorum-forged-share",
            Self::Contradiction { .. } => "quorum-contradiction",
            Self::Undecided { .. } => "quorum-undecided",
            Self::NoThreshold { .. } => "quorum-no-threshold",
            Self::NoCombination { .. } => "quorum-no-combination",
            Self::RecordMismatch { .. } => "quorum-record-mismatch",
        }
    }

    fn way_on(&self) -> &'static str {
        match self {
            Self::NoKeyCheck => {
                "Read the sealed file's header or the record, which state the key check."
            }
            Self::Threshold { .. } => "Compare the threshold with the record or the certificate.",
            Self::TooFew { .. } => "Bring another custodian's sheet.",
            Self::Forged { .. } => {
                "Keep that sheet as evidence, write it down, remove it here and go on with the others; \
                 compare the record's commitments before anyone is accused."
            }
            Self::Contradiction { .. } => {
                "Bring the record, whose commitments tell the genuine sheets, or more sheets."
            }
            Self::Undecided { .. } | Self::NoThreshold { .. } => {
                "Bring another custodian's sheet, or the record, which tells the genuine ones."
            }
            Self::NoCombination { .. } => {
                "Check that the sealed file is the one of this set, and bring the record, which tells the \
                 genuine sheets."
            }
            Self::RecordMismatch { .. } => {
                "Bring the sealed file that the record names, by its SHA-256."
            }
        }
    }
}
