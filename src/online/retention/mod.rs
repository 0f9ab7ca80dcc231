//! What a store may forget: a plan with a reason for each item, made before anything is deleted.
//!
//! 1. Pure: what is there and what time it is are arguments. The time is the store's; the host's is believed by nobody.
//! 2. A class says how long a snapshot is listed (requirements 4.1). What is deleted is an epoch as a whole, since its
//!    snapshots share objects: when its end and 30 days are past, which is how long its objects are locked, and when no
//!    snapshot in it is retained. A weekly or monthly snapshot is retained there until a good archive has taken it over.
//! 3. Archives expire by their class, each alone.
//! 4. The last good snapshot of a source is never deleted, nor the last good archive, however old. Of a source with no good
//!    snapshot, the newest epoch that has any stays.
//! 5. What can't be judged is kept and named: a manifest without a valid signature has a time that nobody vouches for, and
//!    one with an attestation of a key that is not pinned may be the last good one.
//! 6. A clock that can't be right deletes nothing at all.

#[cfg(test)]
mod cases;
mod clock;
mod plan;
#[cfg(test)]
mod properties;

use std::collections::BTreeSet;

use jiff::{SignedDuration, Timestamp};

pub use clock::{ClockFault, MAX_SILENCE, TOLERANCE};
pub use plan::{Decision, Item, Plan, Reason, What, plan};

use crate::online::class::Class;

/// How long after its end an epoch's objects are locked.
pub const LOCKED: SignedDuration = SignedDuration::from_hours(30 * 24);

/// What a store holds.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Holdings {
    /// All epochs of all sources.
    pub epochs: Vec<Epoch>,
    /// All archives of all sources.
    pub archives: Vec<Archive>,
}

/// One epoch of one source.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Epoch {
    /// The source, e.g. `dev3/node-1`.
    pub source: String,
    /// The epoch's id.
    pub id: String,
    /// When it ends.
    pub ends: Timestamp,
    /// The snapshots in it, the unreadable ones too.
    pub manifests: Vec<Manifest>,
}

/// One snapshot, as its manifest's clear part tells it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Manifest {
    /// When it was made.
    pub time: Timestamp,
    /// The classes that it serves.
    pub classes: BTreeSet<Class>,
    /// Whether a verifier has attested it, with a valid signature.
    pub good: bool,
    /// Whether an attestation lies there that can't be judged: of a key that is not pinned, say.
    pub doubtful: bool,
    /// Whether a pinned host has signed it. Otherwise nothing else here counts.
    pub signed: bool,
}

/// One archive.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Archive {
    /// The source.
    pub source: String,
    /// The archive's name in the store.
    pub name: String,
    /// The time of the snapshot that it was made from.
    pub time: Timestamp,
    /// Its class, weekly or monthly.
    pub class: Class,
    /// Whether a verifier has attested it.
    pub good: bool,
    /// Whether its parts are signed by a pinned verifier.
    pub signed: bool,
    /// Whether it has a clear part at all; without one it is what an interrupted run left.
    pub finished: bool,
}

impl Manifest {
    /// The classes under which it is listed now: signed, and not yet expired.
    pub fn listed(&self, now: Timestamp) -> BTreeSet<Class> {
        let listed = |class: &Class| self.signed && now < expiry(self.time, *class);
        self.classes.iter().copied().filter(listed).collect()
    }

    /// Whether it counts as a snapshot that restores.
    pub fn is_good(&self) -> bool {
        self.good && self.signed
    }
}

impl Archive {
    /// Whether it counts as one that restores.
    pub fn is_good(&self) -> bool {
        self.good && self.signed
    }
}

/// When a snapshot of this class and time is no longer kept.
pub fn expiry(time: Timestamp, class: Class) -> Timestamp {
    later(time, SignedDuration::from_hours(class.kept_hours()))
}

/// The sum, or the end of time.
fn later(time: Timestamp, by: SignedDuration) -> Timestamp {
    time.checked_add(by).unwrap_or(Timestamp::MAX)
}
