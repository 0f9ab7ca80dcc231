//! Forgetting: what a store holds, as the pure plan of [`retention`] wants it, and the deletion of what the plan says.
//!
//! An epoch goes in an order in which an interruption leaves nothing that is listed and doesn't restore: heads first, then
//! what they refer to. What an object lock holds stays, and is named.

use std::collections::BTreeSet;

use jiff::Timestamp;

use super::archive;
use super::catalog::{self, Entry, Worth};
use super::names::{Epoch, SourceName, epoch_prefix};
use super::trust::Trust;
use crate::ceremony::event::Refused;
use crate::files::{from_error, refused};
use crate::online::retention::{self, Holdings, Plan, What};
use crate::online::store::{Listed, Store, StoreFault};

/// What a store holds of these sources.
///
/// # Errors
/// [`StoreFault`].
pub fn holdings(
    store: &dyn Store,
    sources: &[SourceName],
    trust: &Trust,
) -> Result<Holdings, StoreFault> {
    let mut held = Holdings::default();
    for source in sources {
        let entries = catalog::snapshots(store, source, trust)?;
        for epoch in catalog::epochs(store, source)? {
            let own = entries.iter().filter(|entry| entry.epoch == epoch);
            held.epochs.push(retention::Epoch {
                source: source.to_string(),
                id: epoch.to_string(),
                ends: epoch.end().unwrap_or(Timestamp::MAX),
                manifests: own.map(manifest).collect(),
            });
        }
        held.archives.extend(archive::list(store, source, trust)?);
    }
    Ok(held)
}

fn manifest(entry: &Entry) -> retention::Manifest {
    retention::Manifest {
        time: entry.name.time,
        classes: entry.classes().into_iter().collect::<BTreeSet<_>>(),
        good: entry.is_good(),
        doubtful: matches!(entry.worth, Worth::Unattested(Some(_))),
        signed: !matches!(entry.worth, Worth::Refused(_)),
    }
}

/// The plan for a store, by its own time; `own` is this machine's.
///
/// # Errors
/// `clock-...` of the retention room, if a clock can't be right.
pub fn plan(now: Timestamp, own: Timestamp, held: &Holdings) -> Result<Plan, Refused> {
    retention::plan(now, Some(own), held).map_err(|fault| from_error(&fault))
}

/// What was deleted.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Pruned {
    /// Number of objects.
    pub objects: u64,
    /// Their bytes.
    pub bytes: u64,
    /// Objects that a lock holds.
    pub locked: Vec<String>,
}

/// Deletes one item of a plan.
///
/// # Errors
/// [`StoreFault`] as a refusal, of the first object that can't be deleted for another reason than a lock.
pub fn delete(store: &dyn Store, what: &What, pruned: &mut Pruned) -> Result<(), Refused> {
    let fail = |fault: StoreFault| from_error(&fault);
    let prefix = match what {
        What::Epoch { source, id } => {
            let (chain, name) = source.split_once('/').ok_or_else(|| strange(source))?;
            let source = SourceName::new(chain, name).ok_or_else(|| strange(source))?;
            let epoch: Epoch = id.parse().map_err(|()| strange(id))?;
            epoch_prefix(&source, &epoch)
        }
        What::Archive { source, name, .. } => {
            let (chain, own) = source.split_once('/').ok_or_else(|| strange(source))?;
            let source = SourceName::new(chain, own).ok_or_else(|| strange(source))?;
            for listed in archive::parts(store, &source, name).map_err(fail)? {
                delete_one(store, &listed, pruned)?;
            }
            return Ok(());
        }
    };
    let mut listed = store.list(&prefix).map_err(fail)?;
    listed.sort_by_key(|listed| (rank(&listed.name), listed.name.clone()));
    for listed in listed {
        // A head that a lock holds still counts, so what it refers to stays.
        if rank(&listed.name) > 0
            && pruned
                .locked
                .iter()
                .any(|name| name.starts_with(&prefix) && rank(name) == 0)
        {
            break;
        }
        delete_one(store, &listed, pruned)?;
    }
    Ok(())
}

/// Heads, what belongs to them, objects, and the script last.
fn rank(name: &str) -> u8 {
    if name.ends_with(".json") {
        0
    } else if name.contains("/manifests/") {
        1
    } else if name.contains("/objects/") {
        2
    } else {
        3
    }
}

fn delete_one(store: &dyn Store, listed: &Listed, pruned: &mut Pruned) -> Result<(), Refused> {
    match store.delete(&listed.name) {
        Ok(()) => {
            pruned.objects += 1;
            pruned.bytes += listed.size;
            Ok(())
        }
        Err(StoreFault::Locked { .. }) => {
            pruned.locked.push(listed.name.clone());
            Ok(())
        }
        Err(fault) => Err(from_error(&fault)),
    }
}

fn strange(what: &str) -> Refused {
    refused(
        "prune-strange-name",
        format!("\"{what}\" is no source or epoch."),
        "Tell the makers of this program.",
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::online::store::Put;
    use std::sync::Mutex;

    /// A store that notes what is deleted, and keeps locked what it is told to.
    struct Noted {
        names: Mutex<Vec<String>>,
        locked: &'static str,
        deleted: Mutex<Vec<String>>,
    }

    impl Store for Noted {
        fn address(&self) -> &'static str {
            "file:///noted"
        }
        fn put_new(&self, _: &str, _: &[u8], _: Option<Timestamp>) -> Result<Put, StoreFault> {
            Ok(Put::Taken)
        }
        fn settle(&self) -> Result<(), StoreFault> {
            Ok(())
        }
        fn get(&self, name: &str, _: u64) -> Result<Vec<u8>, StoreFault> {
            Err(StoreFault::Absent {
                store: self.address().into(),
                name: name.into(),
            })
        }
        fn list(&self, prefix: &str) -> Result<Vec<Listed>, StoreFault> {
            let names = self.names.lock().unwrap();
            let own = names.iter().filter(|name| name.starts_with(prefix));
            Ok(own
                .map(|name| Listed {
                    name: name.clone(),
                    size: 10,
                })
                .collect())
        }
        fn directories(&self, _: &str) -> Result<Vec<String>, StoreFault> {
            Ok(vec![])
        }
        fn delete(&self, name: &str) -> Result<(), StoreFault> {
            if !self.locked.is_empty() && name.ends_with(self.locked) {
                return Err(StoreFault::Locked {
                    store: self.address().into(),
                    name: name.into(),
                    reason: "until later".into(),
                });
            }
            self.deleted.lock().unwrap().push(name.to_owned());
            Ok(())
        }
        fn now(&self) -> Result<Timestamp, StoreFault> {
            Ok(Timestamp::UNIX_EPOCH)
        }
    }

    const EPOCH: &str = "dev3/n/2026-W40-0011223344556677";

    /// Deletes the one epoch of a store; what was deleted, in order, by the last parts of the names.
    fn deleted(locked: &'static str) -> (Vec<String>, Pruned) {
        let names = [
            "objects/ab/abcd",
            "manifests/1-hot.json",
            "manifests/1-hot.json.sig",
            "manifests/1-hot.age",
            "restore.sh",
        ];
        let mut names: Vec<String> = names.iter().map(|name| format!("{EPOCH}/{name}")).collect();
        names.push("dev3/n/2026-W41-0011223344556677/objects/ab/abcd".into());
        let store = Noted {
            names: Mutex::new(names),
            locked,
            deleted: Mutex::default(),
        };
        let what = What::Epoch {
            source: "dev3/n".into(),
            id: "2026-W40-0011223344556677".into(),
        };
        let mut pruned = Pruned::default();
        delete(&store, &what, &mut pruned).unwrap();
        let deleted = store.deleted.into_inner().unwrap();
        let last = |name: &String| name.rsplit('/').next().unwrap().to_owned();
        (deleted.iter().map(last).collect(), pruned)
    }

    #[test]
    fn heads_go_first_and_other_epochs_stay() {
        let (names, pruned) = deleted("");
        assert_eq!(
            names,
            [
                "1-hot.json",
                "1-hot.age",
                "1-hot.json.sig",
                "abcd",
                "restore.sh"
            ]
        );
        assert_eq!(
            (pruned.objects, pruned.bytes, pruned.locked.len()),
            (5, 50, 0)
        );
    }

    #[test]
    fn what_a_locked_head_refers_to_stays() {
        let (names, pruned) = deleted(".json");
        assert_eq!(names, Vec::<String>::new());
        assert_eq!(pruned.locked, [format!("{EPOCH}/manifests/1-hot.json")]);
        // A locked object stays by itself.
        let (names, pruned) = deleted("abcd");
        assert_eq!((names.len(), pruned.locked.len()), (4, 1));
    }
}
