//! Time on a machine without a network.
//!
//! - The laptop's clock is a claim. A witness reads a watch aloud, and the difference goes into the record: nobody
//!   sets the laptop's clock.
//! - Time is an argument everywhere; [`now_utc`] is the one place that reads the clock, and only `run` calls it.
//! - A clock that goes backward between two entries is written down as what it is, never corrected.

use jiff::civil::DateTime;
use jiff::tz::Offset;
use jiff::{SignedDuration, Timestamp};

use crate::refusal::Refuse;

/// Why a stated time is not accepted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ClockError {
    /// It isn't written as asked.
    #[error(
        "This is not a date and time. It is written year-month-day hour:minute, as in 2026-11-22 14:32."
    )]
    NotATime,
    /// It's written as asked, but no such moment exists.
    #[error("No such date or time exists. Read the watch again.")]
    NoSuchTime,
    /// The difference to UTC isn't one that any place has.
    #[error(
        "No place on earth is that many minutes away from UTC. The difference lies between -12 and +14 hours."
    )]
    NoSuchZone,
}

impl Refuse for ClockError {
    fn name(&self) -> &'static str {
        match self {
            Self::NotATime => "clock-not-a-time",
            Self::NoSuchTime => "clock-no-such-time",
            Self::NoSuchZone => "clock-no-such-zone",
        }
    }

    fn way_on(&self) -> &'static str {
        match self {
            Self::NotATime | Self::NoSuchTime => {
                "Read the watch again and type the date and time anew."
            }
            Self::NoSuchZone => {
                "State the watch's difference to UTC in minutes, as in 60 for Berlin in winter."
            }
        }
    }
}

/// A witness's watch against the laptop's clock.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub struct WatchOffset {
    /// Laptop minus watch, in seconds: positive if the laptop is ahead.
    pub seconds: i64,
    /// How coarsely the watch was read: 60 without seconds, else 1.
    pub precision: u8,
}

/// Compares what a witness's watch says with the laptop's clock.
///
/// `stated` is `YYYY-MM-DD HH:MM` or `YYYY-MM-DD HH:MM:SS` in the watch's zone, which is `zone_minutes` ahead of UTC.
pub fn watch_offset(
    stated: &str,
    zone_minutes: i32,
    now: Timestamp,
) -> Result<WatchOffset, ClockError> {
    if !(-12 * 60..=14 * 60).contains(&zone_minutes) {
        return Err(ClockError::NoSuchZone);
    }
    let stated = stated.trim_matches(' ');
    let precision = match shape(stated).as_str() {
        "0000-00-00 00:00" => 60,
        "0000-00-00 00:00:00" => 1,
        _ => return Err(ClockError::NotATime),
    };
    let format = if precision == 60 {
        "%Y-%m-%d %H:%M"
    } else {
        "%Y-%m-%d %H:%M:%S"
    };
    // Second 60 is a leap second; watches don't show it, and jiff would turn it into 59.
    if stated.ends_with(":60") {
        return Err(ClockError::NoSuchTime);
    }
    let civil = DateTime::strptime(format, stated).map_err(|_| ClockError::NoSuchTime)?;
    let zone = Offset::from_seconds(zone_minutes * 60).map_err(|_| ClockError::NoSuchZone)?;
    let watch = zone
        .to_timestamp(civil)
        .map_err(|_| ClockError::NoSuchTime)?;
    // A watch read without seconds stands somewhere in that minute: compare whole minutes.
    let laptop = if precision == 60 {
        now.as_second().div_euclid(60) * 60
    } else {
        now.as_second()
    };
    Ok(WatchOffset {
        seconds: laptop - watch.as_second(),
        precision,
    })
}

/// Digits as 0, everything else as it is: the shape of a date.
fn shape(text: &str) -> String {
    text.chars()
        .map(|c| if c.is_ascii_digit() { '0' } else { c })
        .collect()
}

/// UTC to the second as in RFC 3339: `2026-11-22T14:32:05Z`.
pub fn rfc3339(at: Timestamp) -> String {
    let whole = Timestamp::from_second(at.as_second()).unwrap_or(at);
    format!("{whole:.0}")
}

/// Reads what [`rfc3339`] writes, and nothing else.
pub fn parse_rfc3339(text: &str) -> Result<Timestamp, ClockError> {
    if shape(text) != "0000-00-00T00:00:00Z" {
        return Err(ClockError::NotATime);
    }
    let at: Timestamp = text.parse().map_err(|_| ClockError::NoSuchTime)?;
    if rfc3339(at) == text {
        Ok(at)
    } else {
        Err(ClockError::NoSuchTime)
    }
}

/// `14:32 UTC`, for a screen.
pub fn short_utc(at: Timestamp) -> String {
    at.strftime("%H:%M UTC").to_string()
}

/// By how much the clock went backward between two readings, rounded up to whole seconds; `None` if it did not.
pub fn backward_jump(previous: Timestamp, now: Timestamp) -> Option<SignedDuration> {
    let gone = previous.duration_since(now);
    if !gone.is_positive() {
        return None;
    }
    let whole = gone.as_secs() + i64::from(gone.subsec_nanos() > 0);
    Some(SignedDuration::from_secs(whole))
}

/// The laptop's clock now, to the second. Only `run` and `cli` call this; everything else takes time as an argument.
pub fn now_utc() -> Timestamp {
    let now = Timestamp::now();
    Timestamp::from_second(now.as_second()).unwrap_or(now)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    #[test]
    fn the_laptop_ahead_is_positive_and_behind_is_negative() {
        let now = at("2026-11-22T14:32:05Z");
        let offset =
            |stated, zone| watch_offset(stated, zone, now).map(|o| (o.seconds, o.precision));
        assert_eq!(offset("2026-11-22 14:32:05", 0), Ok((0, 1)));
        assert_eq!(offset("2026-11-22 14:32", 0), Ok((0, 60)));
        assert_eq!(offset("2026-11-22 15:32:00", 60), Ok((5, 1)));
        assert_eq!(offset("2026-11-22 14:40", 0), Ok((-480, 60)));
        assert_eq!(offset("2026-11-23 04:32:05", 14 * 60), Ok((0, 1)));
        assert_eq!(offset("2026-11-22 11:02:05", -210), Ok((0, 1)));
        assert_eq!(offset(" 2024-02-29 00:00 ", 0).map(|o| o.1), Ok(60));
    }

    #[test]
    fn what_is_not_a_time_is_refused_by_name() {
        let now = at("2026-11-22T14:32:05Z");
        let refused = |stated| watch_offset(stated, 0, now).unwrap_err().name();
        for stated in [
            "",
            "14:32",
            "22.11.2026 14:32",
            "2026-11-22T14:32",
            "2026-11-22  14:32",
        ] {
            assert_eq!(refused(stated), "clock-not-a-time", "{stated}");
        }
        for stated in [
            "2026-02-29 10:00",
            "2026-13-01 10:00",
            "2026-11-22 24:00",
            "2026-11-22 14:32:60",
            "2026-11-22 14:60",
        ] {
            assert_eq!(refused(stated), "clock-no-such-time", "{stated}");
        }
        assert_eq!(
            watch_offset("2026-11-22 14:32", 900, now),
            Err(ClockError::NoSuchZone)
        );
        assert_eq!(
            watch_offset("2026-11-22 14:32", i32::MIN, now),
            Err(ClockError::NoSuchZone)
        );
        assert_eq!(
            ClockError::NotATime.to_string(),
            "This is not a date and time. It is written year-month-day hour:minute, as in 2026-11-22 14:32."
        );
    }

    #[test]
    fn utc_is_written_to_the_second_and_read_back() {
        let now = at("2026-11-22T14:32:05.987Z");
        assert_eq!(rfc3339(now), "2026-11-22T14:32:05Z");
        assert_eq!(short_utc(now), "14:32 UTC");
        assert_eq!(
            parse_rfc3339("2026-11-22T14:32:05Z"),
            Ok(at("2026-11-22T14:32:05Z"))
        );
        for text in [
            "2026-11-22T14:32:05+00:00",
            "2026-11-22t14:32:05z",
            "2026-11-22T14:32:05.0Z",
            "2026-11-22 14:32:05Z",
            "",
        ] {
            assert_eq!(parse_rfc3339(text), Err(ClockError::NotATime), "{text}");
        }
        for text in [
            "2026-02-30T14:32:05Z",
            "2026-11-22T25:32:05Z",
            "2026-11-22T14:32:60Z",
        ] {
            assert_eq!(parse_rfc3339(text), Err(ClockError::NoSuchTime), "{text}");
        }
    }

    #[test]
    fn a_clock_that_goes_backward_is_seen() {
        let (early, late) = (at("2026-11-22T14:32:05Z"), at("2026-11-22T14:32:09Z"));
        assert_eq!(backward_jump(early, late), None);
        assert_eq!(backward_jump(early, early), None);
        assert_eq!(
            backward_jump(late, early),
            Some(SignedDuration::from_secs(4))
        );
        let half = at("2026-11-22T14:32:04.500Z");
        assert_eq!(
            backward_jump(early, half),
            Some(SignedDuration::from_secs(1))
        );
    }

    #[test]
    fn now_has_no_fraction() {
        assert_eq!(now_utc().subsec_nanosecond(), 0);
    }
}
