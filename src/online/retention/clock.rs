//! Whether the time can be right. A store whose clock jumps ahead makes everything look expired at once.

use jiff::{SignedDuration, Timestamp};

use super::{Holdings, later};
use crate::refusal::Refuse;

/// How far two clocks may differ, in hours: 1.
pub const TOLERANCE: SignedDuration = SignedDuration::from_hours(1);

/// How long no source may have written: 7 days. Then backups have stopped, or the clock is ahead; in both cases nothing old
/// is to go.
pub const MAX_SILENCE: SignedDuration = SignedDuration::from_hours(7 * 24);

/// Why nothing is deleted.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ClockFault {
    /// A signed snapshot of the future.
    #[error(
        "The store says that it is {now}, and holds a signed snapshot of {time}, which is later: one of two clocks is wrong. Nothing is deleted."
    )]
    Future {
        /// The store's time.
        now: Timestamp,
        /// The snapshot's.
        time: Timestamp,
    },
    /// Nothing new for too long.
    #[error(
        "The store says that it is {now}, and its newest signed snapshot is of {newest}: the store's clock is ahead, or backups have stopped. Nothing is deleted."
    )]
    Silence {
        /// The store's time.
        now: Timestamp,
        /// The newest snapshot's.
        newest: Timestamp,
    },
    /// The store's clock and this machine's.
    #[error(
        "The store says that it is {now}, and this machine says {own}: one of them is wrong. Nothing is deleted."
    )]
    Differ {
        /// The store's time.
        now: Timestamp,
        /// This machine's.
        own: Timestamp,
    },
}

impl Refuse for ClockFault {
    fn name(&self) -> &'static str {
        match self {
            Self::Future { .. } => "retention-snapshot-of-future",
            Self::Silence { .. } => "retention-nothing-new",
            Self::Differ { .. } => "retention-clocks-differ",
        }
    }

    fn way_on(&self) -> &'static str {
        match self {
            Self::Future { .. } | Self::Differ { .. } => {
                "Find out which clock is wrong and set it; a snapshot of the future stops being one with time."
            }
            Self::Silence { .. } => {
                "Make a new snapshot first, or set the clock; a store that is given up is deleted by its owner."
            }
        }
    }
}

/// Checks the store's time against what it holds, and against this machine's own clock if that is told.
pub(super) fn check(
    now: Timestamp,
    own: Option<Timestamp>,
    held: &Holdings,
) -> Result<(), ClockFault> {
    if let Some(own) = own
        && now.duration_since(own).abs() > TOLERANCE
    {
        return Err(ClockFault::Differ { now, own });
    }
    let manifests = held.epochs.iter().flat_map(|epoch| &epoch.manifests);
    let signed = manifests
        .filter(|manifest| manifest.signed)
        .map(|manifest| manifest.time);
    let archives = held
        .archives
        .iter()
        .filter(|archive| archive.signed)
        .map(|archive| archive.time);
    // Without any signed snapshot there is nothing to compare with, and nothing good to lose.
    let Some(newest) = signed.chain(archives).max() else {
        return Ok(());
    };
    if newest > later(now, TOLERANCE) {
        return Err(ClockFault::Future { now, time: newest });
    }
    if now > later(newest, MAX_SILENCE) {
        return Err(ClockFault::Silence { now, newest });
    }
    Ok(())
}
