//! From sheets that people bring to the secret.
//!
//! [`UntrustedQuorum`] takes shares one at a time and refuses by name what cannot belong: duplicates, other sets,
//! rehearsal against production, forgeries by the record's commitments. What it refuses is dropped; what it holds
//! stays. [`UntrustedQuorum::validate`] gives a [`Quorum`], the only type that has the secret, once some k of the shares
//! give the key check. The key check is always needed: k shares alone, one of them forged, give a wrong secret without
//! a word, and AES-GCM does not commit to its key.
//!
//! With more than k shares and no commitments, a forged share is found by trying subsets: at most 65,535 of 16 sheets.
//! That is proof against one forger. Two forgers who know each other's shares can make theirs agree with a third one
//! and contradict the genuine ones; if it comes out even, no sheet is named and the record must decide.

use super::interpolate::{agreeing, lies_on, pick, proven_secret};
use super::public::{Commitment, KeyCheck, SetId};
use super::split::{K_MIN, N_MAX};
use super::subsets::subsets;
use super::wire::Share;
use crate::refusal::Refuse;
use crate::secret::Secret32;

/// The public facts about the set that is looked for, as far as they are known.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Expected {
    /// Whether this is a rehearsal: its sheets and production's never mix.
    pub rehearsal: bool,
    /// The set, from the sealed header or the record. Unknown, the first sheet decides it.
    pub set_id: Option<SetId>,
    /// The key check, from the sealed header or the record. Without it nothing is validated.
    pub key_check: Option<KeyCheck>,
    /// The threshold. Unknown, it is found.
    pub k: Option<u8>,
    /// The commitments of all sheets, from the record.
    pub commitments: Option<Vec<Commitment>>,
}

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
    /// A quorum stands, and these sheets contradict it.
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
pub(super) fn list(numbers: &[u8]) -> String {
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
                "Keep that sheet as evidence, write it down, remove it here, and go on with the others."
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

/// A share was taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Added {
    /// The sheet's number.
    pub x: u8,
    /// The sheet's set.
    pub set_id: SetId,
    /// How many sheets are held now.
    pub held: usize,
}

/// Shares of one set, as people brought them. Not yet proven to give the secret.
pub struct UntrustedQuorum {
    expected: Expected,
    shares: Vec<Share>,
}

impl UntrustedQuorum {
    /// An empty quorum for the set that these facts describe.
    pub fn new(expected: Expected) -> Self {
        Self {
            expected,
            shares: Vec::new(),
        }
    }

    /// Takes a share, or refuses it by name and drops it; those held stay.
    ///
    /// # Errors
    /// In this order: rehearsal against production, another set, the same sheet again, not in the record, the same
    /// number with other content, a seventeenth sheet.
    pub fn add(&mut self, share: Share) -> Result<Added, ShareRefusal> {
        let (x, set_id) = (share.x(), share.set_id());
        match (self.expected.rehearsal, share.is_rehearsal()) {
            (false, true) => return Err(ShareRefusal::OfRehearsal { x, set_id }),
            (true, false) => return Err(ShareRefusal::NotOfRehearsal { x, set_id }),
            (false, false) | (true, true) => {}
        }
        if let Some(expected) = self.set_id().filter(|expected| *expected != set_id) {
            return Err(ShareRefusal::ForeignSet {
                expected,
                found: set_id,
            });
        }
        if self.shares.iter().any(|held| held.same_as(&share)) {
            return Err(ShareRefusal::Duplicate { x });
        }
        let commitment = share.commitment();
        let recorded = self.expected.commitments.as_ref();
        if recorded.is_some_and(|recorded| !recorded.contains(&commitment)) {
            return Err(ShareRefusal::Forged { x, commitment });
        }
        if let Some(held) = self.shares.iter().find(|held| held.x() == x) {
            return Err(ShareRefusal::SameNumber {
                x,
                before: held.commitment(),
                now: commitment,
            });
        }
        if self.shares.len() == usize::from(N_MAX) {
            return Err(ShareRefusal::TooMany);
        }
        self.shares.push(share);
        Ok(Added {
            x,
            set_id,
            held: self.shares.len(),
        })
    }

    /// Sets the share with number `x` aside and wipes it; whether there was one.
    pub fn remove(&mut self, x: u8) -> bool {
        let before = self.shares.len();
        self.shares.retain(|share| share.x() != x);
        self.shares.len() < before
    }

    /// How many shares are held.
    pub fn len(&self) -> usize {
        self.shares.len()
    }

    /// Whether no share is held.
    pub fn is_empty(&self) -> bool {
        self.shares.is_empty()
    }

    /// The numbers of the shares held, in the order they came in. Public.
    pub fn numbers(&self) -> Vec<u8> {
        self.shares.iter().map(Share::x).collect()
    }

    /// The shares held.
    pub fn shares(&self) -> &[Share] {
        &self.shares
    }

    /// The set that this quorum takes: the one expected, or that of the shares held.
    pub fn set_id(&self) -> Option<SetId> {
        self.expected
            .set_id
            .or_else(|| self.shares.first().map(Share::set_id))
    }

    /// What is expected of the shares.
    pub fn expected(&self) -> &Expected {
        &self.expected
    }

    /// The secret, if some k of the shares give the key check and none contradicts them.
    ///
    /// # Errors
    /// See [`QuorumRefusal`]; the shares stay, so that one more can be brought or a forged one removed.
    pub fn validate(&self) -> Result<Quorum, QuorumRefusal> {
        let key_check = self.expected.key_check.ok_or(QuorumRefusal::NoKeyCheck)?;
        let need = self.expected.k.unwrap_or(K_MIN);
        if !(K_MIN..=N_MAX).contains(&need) {
            return Err(QuorumRefusal::Threshold { k: need });
        }
        if self.shares.len() < usize::from(need) {
            return Err(QuorumRefusal::TooFew {
                have: self.shares.len(),
                need: usize::from(need),
            });
        }
        let most = self.expected.k.unwrap_or(N_MAX);
        // Ascending: without a known threshold, the smallest size that gives the key check is the threshold.
        let found = (need..=most)
            .flat_map(|size| subsets(self.shares.len(), usize::from(size)))
            .map(|chosen| pick(&self.shares, &chosen))
            .find_map(|chosen| proven_secret(&chosen, &key_check).map(|secret| (chosen, secret)));
        let Some((chosen, secret)) = found else {
            return Err(self.nothing_gives_it());
        };
        if !self.shares.iter().all(|share| lies_on(&chosen, share)) {
            return Err(self.contradicted(chosen.len(), &key_check));
        }
        Ok(Quorum {
            secret,
            set_id: chosen[0].set_id(),
            used: chosen.iter().map(|share| share.x()).collect(),
            key_check,
        })
    }

    fn contradicted(&self, k: usize, key_check: &KeyCheck) -> QuorumRefusal {
        let groups = agreeing(&self.shares, k, key_check);
        match groups.as_slice() {
            [one, other, ..] if one.len() == other.len() => QuorumRefusal::Contradiction {
                one: one.clone(),
                other: other.clone(),
            },
            groups => {
                let agreed = groups.first().map_or(&[][..], Vec::as_slice);
                let mut numbers = self.numbers();
                numbers.retain(|x| !agreed.contains(x));
                QuorumRefusal::Forged { numbers }
            }
        }
    }

    fn nothing_gives_it(&self) -> QuorumRefusal {
        let numbers = self.numbers();
        match self.expected.k {
            None => QuorumRefusal::NoThreshold { numbers },
            Some(_) if self.expected.commitments.is_some() => {
                QuorumRefusal::RecordMismatch { numbers }
            }
            Some(k) if self.shares.len() > usize::from(k) => {
                QuorumRefusal::NoCombination { k, numbers }
            }
            Some(_) => QuorumRefusal::Undecided { numbers },
        }
    }
}

/// The secret, proven by the key check.
pub struct Quorum {
    secret: Secret32,
    set_id: SetId,
    used: Vec<u8>,
    key_check: KeyCheck,
}

impl Quorum {
    /// The secret S.
    pub fn secret(&self) -> &Secret32 {
        &self.secret
    }

    /// The set that it belongs to.
    pub fn set_id(&self) -> SetId {
        self.set_id
    }

    /// The key check that it was proven by.
    pub fn key_check(&self) -> KeyCheck {
        self.key_check
    }

    /// The numbers of the shares that it was computed from; as many as the threshold.
    pub fn used(&self) -> &[u8] {
        &self.used
    }
}

#[cfg(test)]
#[path = "quorum_tests.rs"]
mod tests;
