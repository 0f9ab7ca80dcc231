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

mod refusal;

pub(super) use refusal::list;
pub use refusal::{QuorumRefusal, ShareRefusal};

use crate::secret::Secret32;
use crate::share::interpolate::{agreeing, lies_on, pick, proven_secret};
use crate::share::public::{Commitment, KeyCheck, SetId};
use crate::share::split::{K_MIN, N_MAX};
use crate::share::subsets::subsets;
use crate::share::wire::Share;

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
mod tests;
