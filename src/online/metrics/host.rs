//! What the host that makes snapshots knows.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::family::{Family, count, flag, seconds};
use crate::online::class::Class;

/// One source, by its host. A run that fails changes the members of the run, and leaves those of the last snapshot.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct HostMeasured {
    /// The source, e.g. `dev3/node-1`.
    pub source: String,
    /// When the last run ended.
    pub last_run: Option<Timestamp>,
    /// Whether it did what was due.
    pub last_run_success: bool,
    /// How long the last snapshot took.
    pub duration_seconds: Option<f64>,
    /// How long the node stood for it; 0 if it was not stopped.
    pub stop_window_seconds: Option<f64>,
    /// How long it may stand.
    pub stop_window_limit_seconds: Option<f64>,
    /// Each store.
    pub stores: Vec<StoreMeasured>,
}

/// One store, by the host.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct StoreMeasured {
    /// The store's address.
    pub store: String,
    /// When the last snapshot was made that it holds whole, of any class.
    pub last_backup: Option<Timestamp>,
    /// The same by class.
    pub by_class: BTreeMap<Class, Timestamp>,
    /// Plain size of the last snapshot, in bytes.
    pub size: Option<u64>,
    /// The same of those before it.
    pub previous_sizes: Vec<u64>,
    /// Bytes that the last snapshot sent.
    pub shipped: Option<u64>,
    /// Objects that the last snapshot refers to.
    pub objects: Option<u64>,
}

impl HostMeasured {
    pub(super) fn families(&self) -> Vec<Family> {
        let source = [("source", self.source.as_str())];
        let mut families = vec![
            self.each("qh_last_backup_timestamp", "Time of the last snapshot of any class that the store holds whole, in Unix seconds.", |store| {
                store.last_backup.map(seconds)
            }),
            self.each("qh_snapshot_size_bytes", "Plain size of the last snapshot.", |store| store.size.map(count)),
            self.each("qh_snapshot_size_variance_ratio", "How far the last snapshot's size is from the median of those before it, as a part of that median.", |store| {
                variance(store.size?, &store.previous_sizes)
            }),
            self.each("qh_snapshot_shipped_bytes", "Bytes that the last snapshot sent to the store.", |store| store.shipped.map(count)),
            self.each("qh_snapshot_objects", "Objects that the last snapshot refers to.", |store| store.objects.map(count)),
        ];
        let mut by_class = Family::new(
            "qh_snapshot_last_timestamp_seconds",
            "Time of the last snapshot of the class that the store holds whole, in Unix seconds.",
        );
        for store in &self.stores {
            for (class, time) in &store.by_class {
                let labels = [
                    ("source", self.source.as_str()),
                    ("store", &store.store),
                    ("class", &class.to_string()),
                ];
                by_class.add(&labels, Some(seconds(*time)));
            }
        }
        families.push(by_class);
        for (name, help, value) in [
            (
                "qh_snapshot_duration_seconds",
                "How long the last snapshot took.",
                self.duration_seconds,
            ),
            (
                "qh_snapshot_stop_window_seconds",
                "How long the node stood for the last snapshot, 0 if it was not stopped.",
                self.stop_window_seconds,
            ),
            (
                "qh_snapshot_stop_window_limit_seconds",
                "How long the node may stand for a snapshot.",
                self.stop_window_limit_seconds,
            ),
            (
                "qh_snapshot_last_run_timestamp_seconds",
                "When the last run ended, in Unix seconds.",
                self.last_run.map(seconds),
            ),
            (
                "qh_snapshot_last_run_success",
                "Whether the last run did what was due: 1, else 0.",
                self.last_run.map(|_| flag(self.last_run_success)),
            ),
        ] {
            families.push(Family::one(name, help, &source, value));
        }
        families
    }

    fn each(
        &self,
        name: &'static str,
        help: &'static str,
        value: impl Fn(&StoreMeasured) -> Option<f64>,
    ) -> Family {
        let mut family = Family::new(name, help);
        for store in &self.stores {
            family.add(
                &[("source", &self.source), ("store", &store.store)],
                value(store),
            );
        }
        family
    }
}

/// How far `size` is from the median of `previous`, as a part of that; nothing if there are none. Above 0.5, requirement 9.1
/// warns.
pub fn variance(size: u64, previous: &[u64]) -> Option<f64> {
    let mut sorted = previous.to_vec();
    sorted.sort_unstable();
    let upper = *sorted.get(sorted.len() / 2)?;
    let lower = sorted[(sorted.len() - 1) / 2];
    let median = f64::midpoint(count(lower), count(upper));
    let away = (count(size) - median).abs();
    Some(if away == 0.0 { 0.0 } else { away / median })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn variance_is_against_the_median() {
        assert_eq!(variance(5, &[]), None);
        assert_eq!(variance(150, &[100]), Some(0.5));
        assert_eq!(variance(50, &[100]), Some(0.5));
        assert_eq!(variance(100, &[100, 1, 1000]), Some(0.0));
        assert_eq!(variance(300, &[400, 100, 300, 200]), Some(0.2));
        assert_eq!(variance(0, &[0, 0]), Some(0.0));
        assert_eq!(variance(1, &[0]), Some(f64::INFINITY));
    }
}
