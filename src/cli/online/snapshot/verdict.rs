//! What a verification found of one snapshot, for people, programs and the log.

use serde::Serialize;

use super::exit_of;
use super::watch::Watch;
use crate::ceremony::event::Refused;
use crate::online::audit_log::{Entry, Level};
use crate::online::snapshot::manifest::Attestation;
use crate::online::snapshot::names::SnapshotName;

/// What was found of one snapshot, or of a store as a whole.
#[derive(Serialize)]
pub(super) struct Verdict {
    store: String,
    source: String,
    pub(super) snapshot: Option<String>,
    pub(super) good: bool,
    refused: Option<String>,
    what: Option<String>,
    finalized: Option<u64>,
    nodes: u64,
    archived: bool,
    seconds: f64,
}

impl Verdict {
    /// 3 where the verifier itself was kept from looking, 4 where it looked and found fault.
    pub(super) fn exit(&self) -> u8 {
        match &self.refused {
            None => 0,
            Some(name) if name == "recipient-not-given" || exit_of(name) == 3 => 3,
            Some(_) => 4,
        }
    }

    /// Of a snapshot, or of the store if none is named: its attestation and whether it was archived, or what is wrong.
    pub(super) fn new(
        store: &str,
        source: &str,
        snapshot: Option<SnapshotName>,
        result: Result<(Attestation, bool), Refused>,
        seconds: f64,
    ) -> Self {
        let good = result.as_ref().ok();
        let refused = result.as_ref().err();
        Self {
            store: store.to_owned(),
            source: source.to_owned(),
            snapshot: snapshot.map(|name| name.to_string()),
            good: good.is_some(),
            refused: refused.map(|refused| refused.name.clone()),
            what: refused.map(|refused| refused.what.clone()),
            finalized: good
                .and_then(|(good, _)| good.finalized)
                .map(|block| block.number),
            nodes: good.map_or(0, |(good, _)| good.nodes),
            archived: good.is_some_and(|(_, archived)| *archived),
            seconds,
        }
    }

    /// Says it to people.
    pub(super) fn say(&self, json: bool) {
        if json {
            return;
        }
        let name = self.snapshot.as_deref().unwrap_or("the store");
        match &self.what {
            None => {
                let block = self.finalized.map_or_else(
                    || " as a database; there is no chain in it".to_owned(),
                    |number| format!(", finalized block {number}"),
                );
                let nodes = if self.nodes > 0 {
                    format!(", {} nodes agree", self.nodes)
                } else {
                    String::new()
                };
                let archived = if self.archived { ", archived" } else { "" };
                println!(
                    "{}  {}  {name}: GOOD{block}{nodes}{archived} ({:.1} s)",
                    self.store, self.source, self.seconds
                );
            }
            Some(what) => println!(
                "{}  {}  {name}: FAILED. {what} [{}]",
                self.store,
                self.source,
                self.refused.as_deref().unwrap_or_default()
            ),
        }
    }

    /// Logs it, and tells who is to be told of failures.
    pub(super) fn note(&self, watch: &Watch<'_>) {
        match (&self.refused, &self.what) {
            (Some(refused), Some(what)) => watch.failed("verify", "failed", refused, what),
            _ => watch.log(
                &Entry::new(Level::Info, "verify", "good")
                    .with_text("snapshot", self.snapshot.clone().unwrap_or_default())
                    .with_text("store", self.store.clone())
                    .with("nodes", self.nodes),
            ),
        }
    }
}
