//! What the verifier knows.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::family::{Family, count, flag, seconds};
use crate::online::class::Class;

/// One source, by its verifier.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct VerifierMeasured {
    /// The source, e.g. `dev3/node-1`.
    pub source: String,
    /// When the last run ended.
    pub last_run: Option<Timestamp>,
    /// Whether it came to its end, whatever it found.
    pub last_run_success: bool,
    /// How long it took.
    pub duration_seconds: Option<f64>,
    /// Each store, the primary too: its lag is 0.
    pub stores: Vec<VerifiedStore>,
}

/// One store, by the verifier.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct VerifiedStore {
    /// The store's address.
    pub store: String,
    /// Whether it could be asked.
    pub reachable: bool,
    /// Whether the last verification found all well.
    pub success: Option<bool>,
    /// When that was.
    pub verified: Option<Timestamp>,
    /// When the newest snapshot was made that is attested as good.
    pub last_good: Option<Timestamp>,
    /// Age of the oldest good manifest that this store lacks; 0 if it lacks none.
    pub replication_lag_seconds: Option<f64>,
    /// How many snapshots are listed, by class.
    pub retained: BTreeMap<Class, u64>,
}

impl VerifierMeasured {
    pub(super) fn families(&self) -> Vec<Family> {
        let source = [("source", self.source.as_str())];
        let mut families = vec![
            self.each(
                "qh_backup_verification_success",
                "Whether the last verification of the store's snapshots found all well: 1, else 0.",
                |store| store.success.map(flag),
            ),
            self.each(
                "qh_backup_verification_timestamp_seconds",
                "When the store's snapshots were last verified, in Unix seconds.",
                |store| store.verified.map(seconds),
            ),
            self.each(
                "qh_snapshot_last_good_timestamp_seconds",
                "Time of the newest snapshot that is attested as good, in Unix seconds.",
                |store| store.last_good.map(seconds),
            ),
            self.each(
                "qh_backup_replication_lag_seconds",
                "Age of the oldest good snapshot that the store lacks, 0 if it lacks none.",
                |store| store.replication_lag_seconds,
            ),
            self.each(
                "qh_backup_store_reachable",
                "Whether the store could be asked: 1, else 0.",
                |store| Some(flag(store.reachable)),
            ),
        ];
        let mut retained = Family::new(
            "qh_snapshot_retained",
            "Snapshots that the store lists, by class.",
        );
        for store in &self.stores {
            for (class, number) in &store.retained {
                let labels = [
                    ("source", self.source.as_str()),
                    ("store", &store.store),
                    ("class", &class.to_string()),
                ];
                retained.add(&labels, Some(count(*number)));
            }
        }
        families.push(retained);
        for (name, help, value) in [
            (
                "qh_backup_verification_duration_seconds",
                "How long the last verification took.",
                self.duration_seconds,
            ),
            (
                "qh_backup_verification_last_run_timestamp_seconds",
                "When the verifier's last run ended, in Unix seconds.",
                self.last_run.map(seconds),
            ),
            (
                "qh_backup_verification_last_run_success",
                "Whether the verifier's last run came to its end: 1, else 0.",
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
        value: impl Fn(&VerifiedStore) -> Option<f64>,
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
