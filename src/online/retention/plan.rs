//! The plan: each epoch and each archive, what becomes of it, and why.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use jiff::Timestamp;
use serde::Serialize;

use super::clock::{self, ClockFault};
use super::{Archive, Epoch, Holdings, LOCKED, Manifest, expiry, later};
use crate::online::class::Class;

/// What an item is about.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase", tag = "kind")]
pub enum What {
    /// An epoch with all that is in it.
    Epoch {
        /// The source.
        source: String,
        /// The epoch's id.
        id: String,
    },
    /// One archive.
    Archive {
        /// The source.
        source: String,
        /// The archive's name.
        name: String,
    },
}

/// What becomes of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Decision {
    /// It stays.
    Keep,
    /// It goes.
    Delete,
}

/// Why. The first that holds, in this order, is told.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Reason {
    /// Its objects are locked, or it isn't over.
    LockedUntil(Timestamp),
    /// So many of its manifests have no valid signature of a pinned key.
    Unjudged(usize),
    /// The archive has none.
    UnjudgedArchive,
    /// The archive's run was interrupted; its parts are kept until then.
    UnfinishedArchive(Timestamp),
    /// So many of its snapshots were attested by a key that is not pinned.
    Doubtful(usize),
    /// No snapshot of the source is known to be good, and this is its newest epoch that has one.
    NoneGood,
    /// The source's last good snapshot, of this time, is in it.
    LastGood(Timestamp),
    /// It is the source's last good archive.
    LastGoodArchive,
    /// A snapshot in it, or the archive itself, is kept under a class until then.
    Retained(Class, Timestamp),
    /// The same, though an archive would have taken it over: there is no good one.
    NotArchived(Class, Timestamp),
    /// All of its snapshots, so many, have expired or are archived.
    Expired(usize),
    /// There is no snapshot in it: runs that never ended.
    Empty,
    /// The archive expired then.
    ArchiveExpired(Timestamp),
}

impl Reason {
    /// What becomes of an item for this reason.
    pub fn decision(&self) -> Decision {
        match self {
            Self::LockedUntil(_)
            | Self::Unjudged(_)
            | Self::UnjudgedArchive
            | Self::UnfinishedArchive(_)
            | Self::Doubtful(_)
            | Self::NoneGood
            | Self::LastGood(_)
            | Self::LastGoodArchive
            | Self::Retained(..)
            | Self::NotArchived(..) => Decision::Keep,
            Self::Expired(_) | Self::Empty | Self::ArchiveExpired(_) => Decision::Delete,
        }
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::LockedUntil(until) => write!(
                f,
                "it is not over, or its objects are locked, until {until}"
            ),
            Self::Unjudged(1) => f.write_str(
                "1 snapshot in it has no signature by a pinned key, so its age is not known",
            ),
            Self::Unjudged(count) => write!(
                f,
                "{count} snapshots in it have no signature by a pinned key, so their age is not known"
            ),
            Self::UnjudgedArchive => {
                f.write_str("it has no signature by a pinned key, so its age is not known")
            }
            Self::UnfinishedArchive(until) => write!(
                f,
                "nobody finished it; a verifier may until {until}"
            ),
            Self::Doubtful(count) => write!(
                f,
                "an attestation of {count} of its snapshots can't be judged: see `snapshot list`"
            ),
            Self::NoneGood => f.write_str(
                "no snapshot of the source is known to be good, and this is its newest epoch that has one",
            ),
            Self::LastGoodArchive => f.write_str("it is the source's last good archive"),
            Self::LastGood(time) => {
                write!(f, "the source's last good snapshot, of {time}, is in it")
            }
            Self::Retained(class, until) => {
                write!(f, "the {class} retention keeps it until {until}")
            }
            Self::NotArchived(class, until) => write!(
                f,
                "its {class} snapshot has no good archive yet; kept until that, or {until}"
            ),
            Self::Expired(1) => f.write_str("its 1 snapshot has expired or is archived"),
            Self::Expired(count) => write!(f, "its {count} snapshots have expired or are archived"),
            Self::Empty => f.write_str("there is no snapshot in it"),
            Self::ArchiveExpired(then) => write!(f, "it expired on {then}"),
        }
    }
}

/// One item of the plan.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Item {
    /// What it is about.
    pub what: What,
    /// What becomes of it.
    pub decision: Decision,
    /// Why.
    pub reason: Reason,
}

/// All items: epochs first, as they were given, then archives.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Plan {
    /// The items.
    pub items: Vec<Item>,
}

impl Plan {
    /// What goes.
    pub fn deleted(&self) -> impl Iterator<Item = &What> {
        let gone = self
            .items
            .iter()
            .filter(|item| item.decision == Decision::Delete);
        gone.map(|item| &item.what)
    }

    /// What nobody can judge, for the operator to look at.
    pub fn unjudged(&self) -> impl Iterator<Item = &What> {
        let strange = self.items.iter().filter(|item| {
            matches!(
                item.reason,
                Reason::Unjudged(_) | Reason::UnjudgedArchive | Reason::Doubtful(_)
            )
        });
        strange.map(|item| &item.what)
    }
}

impl fmt::Display for What {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Epoch { source, id } => write!(f, "epoch {source}/{id}"),
            Self::Archive { source, name } => write!(f, "archive {source}/{name}"),
        }
    }
}

impl fmt::Display for Plan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for Item {
            what,
            decision,
            reason,
        } in &self.items
        {
            let word = match decision {
                Decision::Keep => "keep",
                Decision::Delete => "delete",
            };
            writeln!(f, "{word:<6}  {what}: {reason}")?;
        }
        let gone = self.deleted().count();
        writeln!(
            f,
            "{gone} of {} deleted, {} can't be judged.",
            self.items.len(),
            self.unjudged().count()
        )
    }
}

/// Makes the plan. `now` is the store's time; `own`, this machine's, is compared with it and used for nothing else.
///
/// # Errors
/// [`ClockFault`]: nothing is deleted then.
pub fn plan(now: Timestamp, own: Option<Timestamp>, held: &Holdings) -> Result<Plan, ClockFault> {
    clock::check(now, own, held)?;
    let archived: BTreeSet<(&str, Class, Timestamp)> = held
        .archives
        .iter()
        .filter(|archive| archive.is_good() && now < expiry(archive.time, archive.class))
        .map(|archive| (archive.source.as_str(), archive.class, archive.time))
        .collect();
    let last_good = last(held.epochs.iter().flat_map(|epoch| {
        let good = epoch.manifests.iter().filter(|manifest| manifest.is_good());
        good.map(|manifest| (epoch.source.as_str(), manifest.time))
    }));
    let last_archive = last(
        held.archives
            .iter()
            .filter(|archive| archive.is_good())
            .map(|archive| (archive.source.as_str(), archive.time)),
    );
    // The newest epoch with a snapshot, of sources without a good one.
    let newest = last(held.epochs.iter().filter_map(|epoch| {
        let source = epoch.source.as_str();
        let signed = epoch.manifests.iter().any(|one| one.signed);
        let counts = signed && !last_good.contains_key(source);
        counts.then_some((source, epoch.ends))
    }));
    let item = |what, reason: Reason| Item {
        what,
        decision: reason.decision(),
        reason,
    };
    let epochs = held.epochs.iter().map(|epoch| {
        let what = What::Epoch {
            source: epoch.source.clone(),
            id: epoch.id.clone(),
        };
        let last = last_good.get(epoch.source.as_str()).copied();
        let newest = newest.get(epoch.source.as_str()) == Some(&epoch.ends);
        item(what, epoch_reason(now, epoch, last, newest, &archived))
    });
    let archives = held.archives.iter().map(|archive| {
        let what = What::Archive {
            source: archive.source.clone(),
            name: archive.name.clone(),
        };
        let last = last_archive.get(archive.source.as_str()).copied();
        item(what, archive_reason(now, archive, last))
    });
    Ok(Plan {
        items: epochs.chain(archives).collect(),
    })
}

/// The latest time of each source.
fn last<'a>(times: impl Iterator<Item = (&'a str, Timestamp)>) -> BTreeMap<&'a str, Timestamp> {
    let mut found = BTreeMap::new();
    for (source, time) in times {
        let latest = found.entry(source).or_insert(time);
        *latest = time.max(*latest);
    }
    found
}

fn epoch_reason(
    now: Timestamp,
    epoch: &Epoch,
    last_good: Option<Timestamp>,
    newest_of_none_good: bool,
    archived: &BTreeSet<(&str, Class, Timestamp)>,
) -> Reason {
    let unlocked = later(epoch.ends, LOCKED);
    if now < unlocked {
        return Reason::LockedUntil(unlocked);
    }
    let unsigned = epoch
        .manifests
        .iter()
        .filter(|manifest| !manifest.signed)
        .count();
    if unsigned > 0 {
        return Reason::Unjudged(unsigned);
    }
    let has_last = |manifest: &Manifest| manifest.is_good() && Some(manifest.time) == last_good;
    if let Some(last) = last_good.filter(|_| epoch.manifests.iter().any(has_last)) {
        return Reason::LastGood(last);
    }
    let doubtful = epoch.manifests.iter().filter(|one| one.doubtful).count();
    if doubtful > 0 {
        return Reason::Doubtful(doubtful);
    }
    if newest_of_none_good && !epoch.manifests.is_empty() {
        return Reason::NoneGood;
    }
    // The longest reason to stay, so that its end is the day when the epoch may go.
    let kept = epoch.manifests.iter().flat_map(|manifest| {
        let listed = manifest.listed(now).into_iter();
        listed
            .filter(|class| !archived.contains(&(epoch.source.as_str(), *class, manifest.time)))
            .map(|class| (expiry(manifest.time, class), class))
    });
    match kept.max() {
        Some((until, class @ (Class::Weekly | Class::Monthly))) => {
            Reason::NotArchived(class, until)
        }
        Some((until, class)) => Reason::Retained(class, until),
        None if epoch.manifests.is_empty() => Reason::Empty,
        None => Reason::Expired(epoch.manifests.len()),
    }
}

fn archive_reason(now: Timestamp, archive: &Archive, last_good: Option<Timestamp>) -> Reason {
    let until = expiry(archive.time, archive.class);
    if !archive.finished {
        if now < until {
            Reason::UnfinishedArchive(until)
        } else {
            Reason::ArchiveExpired(until)
        }
    } else if !archive.signed {
        Reason::UnjudgedArchive
    } else if archive.good && Some(archive.time) == last_good {
        Reason::LastGoodArchive
    } else if now < until {
        Reason::Retained(archive.class, until)
    } else {
        Reason::ArchiveExpired(until)
    }
}
