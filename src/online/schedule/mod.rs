//! When snapshots are due, and what makes them happen: timers of systemd, or a file for cron.
//!
//! 1. Slots are fixed, in UTC (requirements 4.1 and 4.3). Computing them is pure: what time it is, is an argument.
//! 2. A class is due if its latest slot is later than its last snapshot. A run that was missed, or failed, is caught up by
//!    the next one, once: ten missed slots make one snapshot. One snapshot serves all classes that are due with it.
//! 3. So a timer that fires too often does no harm, and whatever wakes the program need not know which class it wakes.
//! 4. Installing shows each file and the reason for it before anything is written, and replaces nothing of others.

mod cron;
mod crontab;
mod fault;
mod installed;
mod last;
mod plan;
mod systemd;
mod units;

use std::collections::BTreeMap;

use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp, ToSpan};

pub use cron::{CronFault, check as check_cron};
pub use fault::InstallFault;
pub use installed::{Installed, installed};
pub use last::{LAST_FILE, LastFault, LastSnapshots};
pub use plan::{Change, Plan, Step, below};
pub use units::{By, Host, Role, UnitFile, files};

use crate::online::class::Class;

/// The file in the state directory that says that the node was stopped by us. It is written before the node is stopped,
/// and removed after it was started again.
pub const STOPPED_MARKER: &str = "node-stopped.json";

/// How far a snapshot's time may lie ahead of ours: two clocks never agree.
const CLOCKS_DIFFER: SignedDuration = SignedDuration::from_hours(1);

const HOUR: i64 = 3600;
const DAY: i64 = 24 * HOUR;

/// The latest slot of the class at or before `now`.
pub fn latest(class: Class, now: Timestamp) -> Timestamp {
    match class {
        Class::Hot => on_grid(now, 6 * HOUR, 0),
        Class::Daily => on_grid(now, DAY, 2 * HOUR),
        // 1970-01-01 was a Thursday, so the first Sunday is three days later.
        Class::Weekly => on_grid(now, 7 * DAY, 3 * DAY + 3 * HOUR),
        Class::Monthly => {
            let this = monthly(now, 0);
            if this <= now { this } else { monthly(now, -1) }
        }
    }
}

/// The first slot of the class after `now`.
pub fn next(class: Class, now: Timestamp) -> Timestamp {
    let after = |period| {
        latest(class, now)
            .checked_add(SignedDuration::from_secs(period))
            .unwrap_or(Timestamp::MAX)
    };
    match class {
        Class::Hot => after(6 * HOUR),
        Class::Daily => after(DAY),
        Class::Weekly => after(7 * DAY),
        Class::Monthly => {
            let this = monthly(now, 0);
            if this > now { this } else { monthly(now, 1) }
        }
    }
}

/// The next slot of each class.
pub fn next_slots(now: Timestamp) -> BTreeMap<Class, Timestamp> {
    Class::ALL
        .into_iter()
        .map(|class| (class, next(class, now)))
        .collect()
}

/// The classes that are due, shortest-lived first. A class without a last snapshot is due. So is one whose last snapshot
/// lies in the future: it was written under a wrong clock, and would otherwise put off all others until then.
pub fn due(now: Timestamp, last: &BTreeMap<Class, Timestamp>) -> Vec<Class> {
    let horizon = now.checked_add(CLOCKS_DIFFER).unwrap_or(Timestamp::MAX);
    Class::ALL
        .into_iter()
        .filter(|class| {
            last.get(class)
                .is_none_or(|last| *last > horizon || latest(*class, now) > *last)
        })
        .collect()
}

/// The last point of a grid of `period` seconds, shifted by `offset`, at or before `now`.
fn on_grid(now: Timestamp, period: i64, offset: i64) -> Timestamp {
    // Timestamps are whole seconds and a fraction of the same sign; the grid needs the second at or before.
    let mut second = now.as_second();
    if now.subsec_nanosecond() < 0 {
        second -= 1;
    }
    let past = (second - offset).rem_euclid(period);
    Timestamp::from_second(second - past).unwrap_or(Timestamp::MIN)
}

/// 04:00 on the 1st of the month of `now`, shifted by some months.
fn monthly(now: Timestamp, months: i64) -> Timestamp {
    now.to_zoned(TimeZone::UTC)
        .date()
        .first_of_month()
        .checked_add(months.months())
        .map(|date| date.at(4, 0, 0, 0))
        .and_then(|slot| slot.to_zoned(TimeZone::UTC))
        .map_or(
            if months < 0 {
                Timestamp::MIN
            } else {
                Timestamp::MAX
            },
            |slot| slot.timestamp(),
        )
}

#[cfg(test)]
mod tests {
    use jiff::civil::Weekday;
    use proptest::prelude::*;

    use super::*;

    fn at(text: &str) -> Timestamp {
        text.parse().expect("a time")
    }

    fn all(now: &str) -> [String; 4] {
        Class::ALL.map(|class| latest(class, at(now)).to_string())
    }

    #[test]
    fn slots_are_those_of_the_requirements() {
        assert_eq!(
            all("2026-03-01T05:59:59.999Z"),
            [
                "2026-03-01T00:00:00Z",
                "2026-03-01T02:00:00Z",
                "2026-03-01T03:00:00Z", // a Sunday
                "2026-03-01T04:00:00Z",
            ]
        );
        assert_eq!(
            all("2026-03-01T01:59:59Z"),
            [
                "2026-03-01T00:00:00Z",
                "2026-02-28T02:00:00Z",
                "2026-02-22T03:00:00Z",
                "2026-02-01T04:00:00Z",
            ]
        );
        // A slot is its own latest, and not its own next.
        let slot = at("2026-03-01T04:00:00Z");
        assert_eq!(latest(Class::Monthly, slot), slot);
        let following = next_slots(slot).into_values().map(|slot| slot.to_string());
        assert_eq!(
            following.collect::<Vec<_>>(),
            [
                "2026-03-01T06:00:00Z",
                "2026-03-02T02:00:00Z",
                "2026-03-08T03:00:00Z",
                "2026-04-01T04:00:00Z",
            ]
        );
        assert_eq!(
            next(Class::Monthly, at("2026-12-31T23:59:59Z")),
            at("2027-01-01T04:00:00Z")
        );
        assert_eq!(
            latest(Class::Monthly, at("2027-01-01T03:59:59Z")),
            at("2026-12-01T04:00:00Z")
        );
    }

    #[test]
    fn what_is_due_is_caught_up_once() {
        let now = at("2026-11-25T13:00:00Z");
        assert_eq!(due(now, &BTreeMap::new()), Class::ALL, "a first run");
        let last = |time: &str| BTreeMap::from(Class::ALL.map(|class| (class, at(time))));
        assert_eq!(due(now, &last("2026-11-25T12:00:00Z")), []);
        assert_eq!(due(now, &last("2026-11-25T11:59:59Z")), [Class::Hot]);
        assert_eq!(
            due(now, &last("2026-11-24T09:00:00Z")),
            [Class::Hot, Class::Daily]
        );
        assert_eq!(due(now, &last("2026-10-03T00:00:00Z")), Class::ALL);
        // Weeks were missed; one snapshot makes all of it good.
        assert_eq!(due(now, &last("2026-11-25T13:00:00Z")), []);
    }

    #[test]
    fn a_snapshot_of_the_future_puts_nothing_off() {
        let now = at("2026-11-25T13:00:00Z");
        let last = |time: &str| BTreeMap::from([(Class::Hot, at(time))]);
        assert!(!due(now, &last("2026-11-25T14:00:00Z")).contains(&Class::Hot));
        assert!(due(now, &last("2026-11-25T14:00:01Z")).contains(&Class::Hot));
        assert!(due(now, &last("2031-01-01T00:00:00Z")).contains(&Class::Hot));
    }

    #[test]
    fn the_ends_of_time_end_nothing() {
        for now in [Timestamp::MIN, Timestamp::MAX, Timestamp::UNIX_EPOCH] {
            for class in Class::ALL {
                assert!(latest(class, now) <= now);
                assert!(next(class, now) >= now);
            }
            assert_eq!(due(now, &BTreeMap::new()), Class::ALL);
        }
    }

    /// The same slots, said as a cron line says them.
    fn is_slot(class: Class, time: Timestamp) -> bool {
        let zoned = time.to_zoned(TimeZone::UTC);
        let sharp = zoned.minute() == 0 && zoned.second() == 0 && zoned.subsec_nanosecond() == 0;
        sharp
            && match class {
                Class::Hot => zoned.hour() % 6 == 0,
                Class::Daily => zoned.hour() == 2,
                Class::Weekly => zoned.hour() == 3 && zoned.weekday() == Weekday::Sunday,
                Class::Monthly => zoned.hour() == 4 && zoned.day() == 1,
            }
    }

    proptest! {
        #[test]
        fn between_two_slots_there_is_none(second in -4_000_000_000_i64..20_000_000_000, nano in 0_i32..1_000_000_000) {
            let now = Timestamp::new(second, nano).unwrap();
            for class in Class::ALL {
                let (before, after) = (latest(class, now), next(class, now));
                prop_assert!(before <= now && now < after);
                prop_assert!(is_slot(class, before) && is_slot(class, after));
                let mut hour = before + SignedDuration::from_hours(1);
                while hour < after {
                    prop_assert!(!is_slot(class, hour), "{class} {hour}");
                    hour += SignedDuration::from_hours(1);
                }
            }
        }

        #[test]
        fn after_a_snapshot_nothing_is_due_until_the_next_slot(second in 0_i64..4_000_000_000, wait in 0_i64..3_000_000) {
            let taken = Timestamp::from_second(second).unwrap();
            let now = taken + SignedDuration::from_secs(wait);
            let last = BTreeMap::from(Class::ALL.map(|class| (class, taken)));
            for class in Class::ALL {
                prop_assert_eq!(due(now, &last).contains(&class), next(class, taken) <= now);
            }
        }
    }
}
