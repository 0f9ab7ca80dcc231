//! Names in a store: `CHAIN/SOURCE/EPOCH/objects/..`, `manifests/TIME-CLASS.json`, and what they say.

use std::fmt;
use std::str::FromStr;

use jiff::{Timestamp, civil::ISOWeekDate, tz::TimeZone};

use crate::online::class::Class;
use crate::online::store::valid_name;
use crate::transcript::hex::Hex;

/// A source's place in a store: a chain and a host, each one part of a name.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct SourceName {
    /// The chain id, e.g. `quantumharmony_prod`.
    pub chain: String,
    /// The source's name, e.g. the host's.
    pub source: String,
}

impl SourceName {
    /// A source; `None` if a name can't stand in a store.
    pub fn new(chain: &str, source: &str) -> Option<Self> {
        let part = |name: &str| valid_name(name) && !name.contains('/') && name.len() <= 64;
        (part(chain) && part(source)).then(|| Self {
            chain: chain.to_owned(),
            source: source.to_owned(),
        })
    }

    /// `CHAIN/SOURCE/`
    pub fn prefix(&self) -> String {
        format!("{}/{}/", self.chain, self.source)
    }
}

impl fmt::Display for SourceName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.chain, self.source)
    }
}

/// An epoch: an ISO week and 8 random bytes, e.g. `2026-W48-0123456789abcdef`. Nothing refers across epochs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Epoch {
    /// ISO year and week.
    pub week: (i16, i8),
    /// Random.
    pub id: Hex<8>,
}

impl Epoch {
    /// The epoch of the week that holds `now`.
    pub fn new(now: Timestamp, id: [u8; 8]) -> Self {
        Self {
            week: week(now),
            id: Hex(id),
        }
    }

    /// Whether `now` lies in its week.
    pub fn is_now(&self, now: Timestamp) -> bool {
        self.week == week(now)
    }

    /// When its week ends: Monday, 00:00 UTC. `None` if the week is none.
    pub fn end(&self) -> Option<Timestamp> {
        let monday =
            ISOWeekDate::new(self.week.0, self.week.1, jiff::civil::Weekday::Monday).ok()?;
        let next = monday.date().checked_add(jiff::Span::new().days(7)).ok()?;
        next.to_zoned(TimeZone::UTC)
            .ok()
            .map(|zoned| zoned.timestamp())
    }
}

fn week(now: Timestamp) -> (i16, i8) {
    let week = now.to_zoned(TimeZone::UTC).date().iso_week_date();
    (week.year(), week.week())
}

impl fmt::Display for Epoch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:04}-W{:02}-{}", self.week.0, self.week.1, self.id)
    }
}

impl FromStr for Epoch {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        let mut parts = text.split('-');
        let (year, week, id) = (parts.next(), parts.next(), parts.next());
        let epoch = Self {
            week: (
                year.and_then(|y| y.parse().ok()).ok_or(())?,
                week.and_then(|w| w.strip_prefix('W'))
                    .and_then(|w| w.parse().ok())
                    .ok_or(())?,
            ),
            id: id.and_then(|id| id.parse().ok()).ok_or(())?,
        };
        // One spelling, and a week that exists.
        (epoch.to_string() == text && epoch.end().is_some())
            .then_some(epoch)
            .ok_or(())
    }
}

/// A snapshot's name within its epoch: when it was taken and its longest-lived class, e.g. `20261127T020000Z-daily`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct SnapshotName {
    /// When, to the second.
    pub time: Timestamp,
    /// The longest-lived class that it serves.
    pub class: Class,
}

impl fmt::Display for SnapshotName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{}", self.time.strftime("%Y%m%dT%H%M%SZ"), self.class)
    }
}

impl FromStr for SnapshotName {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        let (time, class) = text.split_once('-').ok_or(())?;
        let time = jiff::civil::DateTime::strptime("%Y%m%dT%H%M%SZ", time).map_err(|_| ())?;
        let time = time.to_zoned(TimeZone::UTC).map_err(|_| ())?.timestamp();
        let name = Self {
            time,
            class: class.parse()?,
        };
        (name.to_string() == text).then_some(name).ok_or(())
    }
}

/// `CHAIN/SOURCE/EPOCH/`
pub fn epoch_prefix(source: &SourceName, epoch: &Epoch) -> String {
    format!("{}{epoch}/", source.prefix())
}

/// `CHAIN/SOURCE/EPOCH/objects/AB/OBJECT`
pub fn object(source: &SourceName, epoch: &Epoch, object: &str) -> String {
    let two = object.get(..2).unwrap_or("00");
    format!("{}objects/{two}/{object}", epoch_prefix(source, epoch))
}

/// `CHAIN/SOURCE/EPOCH/manifests/TIME-CLASS.END`
pub fn manifest(source: &SourceName, epoch: &Epoch, name: &SnapshotName, end: &str) -> String {
    format!("{}manifests/{name}.{end}", epoch_prefix(source, epoch))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_have_one_spelling() {
        let time: Timestamp = "2026-11-27T02:00:00Z".parse().unwrap();
        let name = SnapshotName {
            time,
            class: Class::Daily,
        };
        assert_eq!(name.to_string(), "20261127T020000Z-daily");
        assert_eq!(name.to_string().parse(), Ok(name));
        for bad in [
            "",
            "20261127T020000Z",
            "20261127T020000Z-dayly",
            "2026-11-27T02:00:00Z-daily",
            "20261327T020000Z-daily",
            "20261127T020000Z-daily ",
        ] {
            assert_eq!(bad.parse::<SnapshotName>(), Err(()), "{bad}");
        }
        let epoch = Epoch::new(time, [1, 2, 3, 4, 5, 6, 7, 8]);
        assert_eq!(epoch.to_string(), "2026-W48-0102030405060708");
        assert_eq!(epoch.to_string().parse(), Ok(epoch));
        assert_eq!(epoch.end().unwrap().to_string(), "2026-11-30T00:00:00Z");
        assert!(epoch.is_now(time) && !epoch.is_now(epoch.end().unwrap()));
        for bad in [
            "2026-W54-0102030405060708",
            "2026-W48-01",
            "2026-W48-0102030405060708-x",
            "26-W48-0102030405060708",
            "2026-W48-010203040506070G",
            "2026-48-0102030405060708",
        ] {
            assert_eq!(bad.parse::<Epoch>(), Err(()), "{bad}");
        }
        // The ISO year is not the calendar's: the last days of 2024 lie in the first week of 2025.
        let new_year: Timestamp = "2024-12-31T23:59:59Z".parse().unwrap();
        assert_eq!(Epoch::new(new_year, [0; 8]).week, (2025, 1));
    }

    #[test]
    fn a_source_is_two_parts_of_a_name() {
        let source = SourceName::new("dev3", "node-1").unwrap();
        assert_eq!(
            object(&source, &Epoch::new(Timestamp::UNIX_EPOCH, [0; 8]), "abcd"),
            "dev3/node-1/1970-W01-0000000000000000/objects/ab/abcd"
        );
        for (chain, name) in [
            ("", "a"),
            ("a", ""),
            ("a/b", "c"),
            ("..", "c"),
            ("a", ".x"),
            ("a b", "c"),
            ("ü", "c"),
        ] {
            assert!(SourceName::new(chain, name).is_none());
        }
    }
}
