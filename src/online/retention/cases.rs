//! What is said in the cases that matter, and what they are made of.

use std::collections::BTreeSet;

use jiff::{SignedDuration, Timestamp};

use super::*;

pub(super) const DAY: i64 = 24;

pub(super) fn at(text: &str) -> Timestamp {
    text.parse().expect("a time")
}

pub(super) fn hours(hours: i64) -> SignedDuration {
    SignedDuration::from_hours(hours)
}

pub(super) fn manifest(time: Timestamp, classes: &[Class], good: bool) -> Manifest {
    Manifest {
        time,
        classes: classes.iter().copied().collect(),
        good,
        doubtful: false,
        signed: true,
    }
}

pub(super) fn epoch(id: &str, ends: Timestamp, manifests: Vec<Manifest>) -> Epoch {
    Epoch {
        source: "dev3/node-1".into(),
        id: id.into(),
        ends,
        manifests,
    }
}

fn archive(time: Timestamp, class: Class, good: bool) -> Archive {
    Archive {
        source: "dev3/node-1".into(),
        name: format!("{time}-{class}"),
        time,
        class,
        good,
        signed: true,
        finished: true,
    }
}

pub(super) const NOW: &str = "2026-11-27T06:00:00Z";

/// A store whose newest snapshot was good and made just now, with an old epoch beside it.
fn store(old: Vec<Manifest>, ended_days_ago: i64, archives: Vec<Archive>) -> Holdings {
    let now = at(NOW);
    Holdings {
        epochs: vec![
            epoch("old", now - hours(ended_days_ago * DAY), old),
            epoch(
                "new",
                now + hours(3 * DAY),
                vec![manifest(now, &[Class::Hot], true)],
            ),
        ],
        archives,
    }
}

fn old_reason(held: &Holdings) -> Reason {
    let plan = plan(at(NOW), None, held).unwrap();
    assert_eq!(plan.items[1].decision, Decision::Keep);
    plan.items[0].reason.clone()
}

#[test]
fn an_epoch_goes_when_its_lock_is_over_and_nothing_in_it_is_retained() {
    let hot = |days| {
        vec![manifest(
            at(NOW) - hours(days * DAY),
            &[Class::Hot, Class::Daily],
            true,
        )]
    };
    assert_eq!(old_reason(&store(hot(40), 36, vec![])), Reason::Expired(1));
    assert_eq!(old_reason(&store(hot(40), 30, vec![])), Reason::Expired(1));
    let until = at(NOW) + hours(DAY);
    assert_eq!(
        old_reason(&store(hot(40), 29, vec![])),
        Reason::LockedUntil(until)
    );
    // A daily one that is later than its epoch's end: a slow clock; it is kept for its own time.
    let kept = Reason::Retained(Class::Daily, at(NOW) + hours(DAY));
    assert_eq!(old_reason(&store(hot(29), 31, vec![])), kept);
    assert_eq!(old_reason(&store(vec![], 31, vec![])), Reason::Empty);
}

#[test]
fn weekly_and_monthly_snapshots_stay_until_they_are_archived() {
    let time = at(NOW) - hours(40 * DAY);
    let held = |archives| {
        store(
            vec![manifest(time, &[Class::Weekly, Class::Monthly], true)],
            35,
            archives,
        )
    };
    let until = time + hours(365 * DAY);
    assert_eq!(
        old_reason(&held(vec![])),
        Reason::NotArchived(Class::Monthly, until)
    );
    let monthly = archive(time, Class::Monthly, true);
    let until = time + hours(90 * DAY);
    assert_eq!(
        old_reason(&held(vec![monthly.clone()])),
        Reason::NotArchived(Class::Weekly, until)
    );
    let weekly = archive(time, Class::Weekly, true);
    assert_eq!(
        old_reason(&held(vec![monthly.clone(), weekly.clone()])),
        Reason::Expired(1)
    );
    // An archive that nobody attested, or of another source or snapshot, takes nothing over.
    let bad = Archive {
        good: false,
        ..weekly.clone()
    };
    let unsigned = Archive {
        signed: false,
        ..weekly.clone()
    };
    let other = Archive {
        source: "dev3/node-2".into(),
        ..weekly.clone()
    };
    let earlier = Archive {
        time: time - hours(1),
        ..weekly
    };
    for none in [bad, unsigned, other, earlier] {
        let reason = old_reason(&held(vec![monthly.clone(), none]));
        assert_eq!(reason, Reason::NotArchived(Class::Weekly, until));
    }
}

#[test]
fn what_nobody_vouches_for_is_kept_and_reported() {
    let time = at(NOW) - hours(400 * DAY);
    let unsigned = Manifest {
        signed: false,
        ..manifest(time, &[Class::Hot], true)
    };
    let old = vec![manifest(time, &[Class::Hot], true), unsigned];
    let mut stray = archive(time, Class::Weekly, true);
    stray.signed = false;
    let held = store(old, 396, vec![stray]);
    let plan = plan(at(NOW), None, &held).unwrap();
    assert_eq!(plan.items[0].reason, Reason::Unjudged(1));
    assert_eq!(plan.items[2].reason, Reason::UnjudgedArchive);
    assert_eq!(plan.deleted().count(), 0);
    assert_eq!(plan.unjudged().count(), 2);
}

#[test]
fn what_an_interrupted_archiver_left_goes_once_nobody_can_finish_it() {
    let unfinished = |days| Archive {
        signed: false,
        finished: false,
        ..archive(at(NOW) - hours(days * DAY), Class::Weekly, false)
    };
    let held = store(vec![], 396, vec![unfinished(89), unfinished(90)]);
    let plan = plan(at(NOW), None, &held).unwrap();
    let until = at(NOW) + hours(DAY);
    assert_eq!(plan.items[2].reason, Reason::UnfinishedArchive(until));
    assert_eq!(plan.items[3].reason, Reason::ArchiveExpired(at(NOW)));
    assert_eq!(plan.items[3].decision, Decision::Delete);
}

#[test]
fn the_last_good_stays_however_old() {
    let old = at(NOW) - hours(1000 * DAY);
    let mut held = store(
        vec![manifest(old, &[Class::Hot], true)],
        996,
        vec![archive(old, Class::Weekly, true)],
    );
    // Snapshots are made, and none of them is good.
    held.epochs[1].manifests[0].good = false;
    assert_eq!(old_reason(&held), Reason::LastGood(old));
    let plan = plan(at(NOW), None, &held).unwrap();
    assert_eq!(plan.items[2].reason, Reason::LastGoodArchive);
    // Another source's good snapshots are no help to this one.
    held.epochs.push(Epoch {
        source: "dev3/node-2".into(),
        ..held.epochs[1].clone()
    });
    held.epochs[2].manifests[0].good = true;
    assert_eq!(old_reason(&held), Reason::LastGood(old));
    held.epochs[1].manifests[0].good = true;
    assert_eq!(old_reason(&held), Reason::Expired(1));
}

#[test]
fn an_attestation_that_nobody_can_judge_keeps_its_epoch() {
    let now = at(NOW);
    let mut old = manifest(now - hours(100 * DAY), &[Class::Hot], false);
    let held = store(vec![old.clone()], 90, vec![]);
    assert_eq!(old_reason(&held), Reason::Expired(1));
    old.doubtful = true;
    let held = store(vec![old], 90, vec![]);
    assert_eq!(old_reason(&held), Reason::Doubtful(1));
    assert_eq!(old_reason(&held).decision(), Decision::Keep);
}

#[test]
fn of_a_source_without_a_good_snapshot_the_newest_epoch_stays() {
    let now = at(NOW);
    let of = |days: i64| {
        let time = now - hours(days * DAY);
        let ends = time + hours(DAY);
        epoch(
            &days.to_string(),
            ends,
            vec![manifest(time, &[Class::Hot], false)],
        )
    };
    let mut other = epoch("other", now, vec![manifest(now, &[Class::Hot], true)]);
    other.source = "dev3/node-2".into();
    let held = Holdings {
        epochs: vec![of(200), of(100), other],
        archives: vec![],
    };
    let plan = plan(now, None, &held).unwrap();
    let reasons: Vec<&Reason> = plan.items.iter().map(|item| &item.reason).collect();
    assert_eq!(reasons[..2], [&Reason::Expired(1), &Reason::NoneGood]);
}

#[test]
fn a_clock_that_is_wrong_deletes_nothing() {
    let now = at(NOW);
    let held = store(
        vec![manifest(now - hours(40 * DAY), &[Class::Hot], true)],
        36,
        vec![],
    );
    assert_eq!(
        plan(now, Some(now + TOLERANCE), &held)
            .unwrap()
            .deleted()
            .count(),
        1
    );
    let own = now + TOLERANCE + SignedDuration::from_secs(1);
    assert_eq!(
        plan(now, Some(own), &held),
        Err(ClockFault::Differ { now, own })
    );
    assert!(plan(now, Some(now - hours(2)), &held).is_err());
    // The store's clock jumps a year ahead: nobody wrote for so long.
    let year = now + hours(365 * DAY);
    assert_eq!(
        plan(year, None, &held),
        Err(ClockFault::Silence {
            now: year,
            newest: now
        })
    );
    assert!(plan(now + MAX_SILENCE, None, &held).is_ok());
    // It falls back, or a host was ahead.
    let before = now - hours(2);
    assert_eq!(
        plan(before, None, &held),
        Err(ClockFault::Future {
            now: before,
            time: now
        })
    );
    assert!(plan(now - TOLERANCE, None, &held).is_ok());
    // What isn't signed can't bring pruning to a stop.
    let mut forged = held.clone();
    forged.epochs[1].manifests.push(Manifest {
        signed: false,
        ..manifest(year, &[Class::Hot], true)
    });
    assert!(plan(now, None, &forged).is_ok());
}

#[test]
fn the_plan_reads() {
    let time = at(NOW) - hours(40 * DAY);
    let held = store(
        vec![manifest(time, &[Class::Hot], true)],
        36,
        vec![archive(time, Class::Weekly, true)],
    );
    let plan = plan(at(NOW), None, &held).unwrap();
    assert_eq!(
        plan.to_string(),
        "delete  epoch dev3/node-1/old: its 1 snapshot has expired or is archived\n\
         keep    epoch dev3/node-1/new: it is not over, or its objects are locked, until 2026-12-30T06:00:00Z\n\
         keep    archive dev3/node-1/2026-10-18T06:00:00Z-weekly: it is the source's last good archive\n\
         1 of 3 deleted, 0 can't be judged.\n"
    );
}

#[test]
fn listing_follows_the_class() {
    let now = at(NOW);
    let found = |hours_ago: i64| {
        manifest(now - hours(hours_ago), &Class::ALL, true)
            .listed(now)
            .len()
    };
    assert_eq!(
        [0, 47, 48, 719, 720, 2159, 2160, 8759, 8760].map(found),
        [4, 4, 3, 3, 2, 2, 1, 1, 0]
    );
    let unsigned = Manifest {
        signed: false,
        ..manifest(now, &Class::ALL, true)
    };
    assert_eq!(unsigned.listed(now), BTreeSet::new());
}
