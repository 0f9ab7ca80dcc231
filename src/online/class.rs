//! The classes of snapshots (requirements 4.1): how often each is due, and how long it is kept.

use std::fmt;
use std::str::FromStr;

/// A class. The order is that of how long they live.
#[derive(
    Debug,
    Clone,
    Copy,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    Hash,
    serde::Serialize,
    serde::Deserialize,
    clap::ValueEnum,
)]
#[serde(rename_all = "lowercase")]
pub enum Class {
    /// Every 6 hours, kept for 48 hours.
    Hot,
    /// Daily at 02:00 UTC, kept for 30 days.
    Daily,
    /// On Sundays at 03:00 UTC, kept for 90 days.
    Weekly,
    /// On the 1st at 04:00 UTC, kept for a year.
    Monthly,
}

impl Class {
    /// All of them, shortest-lived first.
    pub const ALL: [Self; 4] = [Self::Hot, Self::Daily, Self::Weekly, Self::Monthly];

    /// How long a snapshot of the class is kept, in hours.
    pub const fn kept_hours(self) -> i64 {
        match self {
            Self::Hot => 48,
            Self::Daily => 30 * 24,
            Self::Weekly => 90 * 24,
            Self::Monthly => 365 * 24,
        }
    }
}

impl fmt::Display for Class {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Hot => "hot",
            Self::Daily => "daily",
            Self::Weekly => "weekly",
            Self::Monthly => "monthly",
        })
    }
}

impl FromStr for Class {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        Self::ALL
            .into_iter()
            .find(|class| class.to_string() == text)
            .ok_or(())
    }
}
