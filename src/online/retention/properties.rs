//! What holds for any store.

use std::collections::BTreeSet;

use proptest::prelude::*;

use super::cases::{DAY, NOW, at, epoch, hours, manifest};
use super::*;

fn any_class() -> impl Strategy<Value = Class> {
    prop::sample::select(&Class::ALL[..])
}

fn any_manifest() -> impl Strategy<Value = Manifest> {
    let classes = prop::collection::btree_set(any_class(), 0..4);
    (
        0_i64..12_000,
        classes,
        any::<bool>(),
        prop::bool::weighted(0.9),
    )
        .prop_map(|(ago, classes, good, signed)| Manifest {
            time: at(NOW) - hours(ago),
            classes,
            good,
            doubtful: signed && ago % 11 == 0,
            signed,
        })
}

fn even_hour(time: jiff::Timestamp) -> bool {
    time.as_second() / 3600 % 2 == 0
}

fn any_holdings() -> impl Strategy<Value = Holdings> {
    let source = || prop::sample::select(vec!["dev3/node-1", "dev3/node-2"]);
    let epochs = (
        source(),
        -200_i64..12_000,
        prop::collection::vec(any_manifest(), 0..4),
    )
        .prop_map(|(source, ago, manifests)| Epoch {
            source: source.into(),
            id: format!("{ago}"),
            ends: at(NOW) - hours(ago),
            manifests,
        });
    let archive = (source(), any_class(), any_manifest()).prop_map(|(source, class, of)| Archive {
        source: source.into(),
        name: format!("{}-{class}", of.time),
        time: of.time,
        class,
        good: of.good,
        signed: of.signed,
        finished: of.signed || even_hour(of.time),
    });
    (
        prop::collection::vec(epochs, 0..6),
        prop::collection::vec(archive, 0..6),
        any::<bool>(),
    )
        .prop_map(|(epochs, archives, good)| {
            // Half of the archives are of snapshots that are there.
            let mut held = Holdings { epochs, archives };
            let made: Vec<Archive> = held
                .epochs
                .iter()
                .flat_map(|epoch| {
                    epoch
                        .manifests
                        .iter()
                        .take(1)
                        .map(|of| (epoch.source.clone(), of))
                })
                .map(|(source, of)| Archive {
                    source,
                    name: "made".into(),
                    time: of.time,
                    class: Class::Weekly,
                    good: true,
                    signed: true,
                    finished: true,
                })
                .collect();
            held.archives.extend(made);
            // Most stores are written to; without this, most plans would be refused.
            let fresh = vec![manifest(at(NOW), &[Class::Hot], good)];
            held.epochs.push(epoch("fresh", at(NOW), fresh));
            held
        })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    #[test]
    fn the_last_good_is_kept_and_nothing_unexpired_goes(held in any_holdings(), ahead in 0_i64..200) {
        let now = at(NOW) + hours(ahead);
        let Ok(plan) = plan(now, None, &held) else { return Ok(()) };
        prop_assert_eq!(plan.items.len(), held.epochs.len() + held.archives.len());
        let (epochs, archives) = plan.items.split_at(held.epochs.len());
        for source in ["dev3/node-1", "dev3/node-2"] {
            let good = |epoch: &Epoch| epoch.manifests.iter().filter(|m| m.is_good()).map(|m| m.time).max();
            let of_source = || held.epochs.iter().zip(epochs).filter(|(epoch, _)| epoch.source == source);
            let before = of_source().filter_map(|(epoch, _)| good(epoch)).max();
            let kept = of_source().filter(|(_, item)| item.decision == Decision::Keep);
            prop_assert_eq!(kept.filter_map(|(epoch, _)| good(epoch)).max(), before);
            let of_source = || held.archives.iter().zip(archives).filter(|(archive, _)| archive.source == source && archive.is_good());
            let before = of_source().map(|(archive, _)| archive.time).max();
            let kept = of_source().filter(|(_, item)| item.decision == Decision::Keep);
            prop_assert_eq!(kept.map(|(archive, _)| archive.time).max(), before);
        }
        for (epoch, item) in held.epochs.iter().zip(epochs).filter(|(_, item)| item.decision == Decision::Delete) {
            prop_assert!(now >= epoch.ends + hours(30 * DAY), "{:?}", item);
            for manifest in &epoch.manifests {
                prop_assert!(manifest.signed);
                for class in &manifest.classes {
                    let kept = manifest.time + hours(class.kept_hours());
                    let archived = held.archives.iter().zip(archives).any(|(archive, item)| {
                        archive.source == epoch.source && archive.class == *class && archive.time == manifest.time
                            && archive.is_good() && item.decision == Decision::Keep
                    });
                    prop_assert!(now >= kept || archived, "{:?} {:?}", item, manifest);
                }
            }
        }
        for (archive, item) in held.archives.iter().zip(archives).filter(|(_, item)| item.decision == Decision::Delete) {
            prop_assert!((archive.signed || !archive.finished) && now >= archive.time + hours(archive.class.kept_hours()), "{:?}", item);
        }
    }

    #[test]
    fn more_time_never_saves_what_less_time_deleted(held in any_holdings(), first in -20_i64..200, more in 0_i64..200) {
        let at = |ahead| plan(at(NOW) + hours(ahead), None, &held);
        if let (Ok(early), Ok(late)) = (at(first), at(first + more)) {
            let late: BTreeSet<_> = late.deleted().cloned().collect();
            for what in early.deleted() {
                prop_assert!(late.contains(what), "{}", what);
            }
        }
    }

    #[test]
    fn who_can_not_sign_can_not_delete(held in any_holdings(), time in any_manifest(), which in any::<prop::sample::Index>()) {
        let mut more = held.clone();
        let which = which.index(more.epochs.len());
        more.epochs[which].manifests.push(Manifest { signed: false, ..time });
        if let (Ok(before), Ok(after)) = (plan(at(NOW), None, &held), plan(at(NOW), None, &more)) {
            let before: BTreeSet<_> = before.deleted().cloned().collect();
            for what in after.deleted() {
                prop_assert!(before.contains(what), "{}", what);
            }
        }
    }
}
