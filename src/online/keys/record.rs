//! What an insertion leaves for the auditor: `inserts/TIME.json` in the state directory (0600), public facts only.
//!
//! It is there, as `begun`, before the first key is written, and says at the end what came of it. One that stays `begun`
//! was cut short: the keystore tells what was written.

use std::path::{Path, PathBuf};

use serde::Serialize;

use super::chain::Matched;
use super::evidence::Statement;
use super::identity::{IdentityFault, make_state};
use super::silence::Silent;
use crate::ceremony::event::Refused;
use crate::files::{self, from_error};
use crate::vault::delivery::Delivery;
use crate::vault::header::PublicKey;

/// How far it came.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Stage {
    /// Everything has agreed; keys are being written.
    Begun,
    /// Written, listed back and proven again.
    Written,
    /// Not written, or not all.
    Failed,
}

/// Blocks without one of the key's.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
struct SilentOut {
    from: u64,
    to: u64,
    listed: u64,
    authorities: u64,
}

/// The record, `qh-insert/1`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Record {
    format: &'static str,
    rehearsal: bool,
    time: String,
    node: String,
    chain_id: String,
    genesis_hash: Option<String>,
    delivery_sha256: String,
    delivery_created: String,
    keystore: String,
    keys: Vec<PublicKey>,
    files: Vec<&'static str>,
    account: Option<String>,
    matched_with: String,
    genesis_state: bool,
    statement: Statement,
    silence_measured: Option<Vec<SilentOut>>,
    stage: Stage,
    refused: Option<String>,
    written: Vec<String>,
    others: Vec<String>,
}

/// What the record is made of.
pub struct Facts<'a> {
    /// RFC 3339, UTC.
    pub time: String,
    /// The delivery.
    pub delivery: &'a Delivery,
    /// Its SHA-256, in lower-case hex.
    pub sha256: String,
    /// Where the keys go.
    pub keystore: &'a Path,
    /// Whose they are.
    pub matched: &'a Matched,
    /// What two people stated.
    pub statement: &'a Statement,
    /// What the chain showed; `None` is stated, not measured.
    pub silence: Option<&'a [Silent]>,
    /// What else lies in the keystore.
    pub others: &'a [String],
}

impl Record {
    /// A record of what is about to happen.
    pub fn begun(facts: &Facts<'_>) -> Self {
        let delivery = facts.delivery;
        let hex = |hash: [u8; 32]| data_encoding::HEXLOWER.encode(&hash);
        Self {
            format: "qh-insert/1",
            rehearsal: delivery.rehearsal,
            time: facts.time.clone(),
            node: delivery.node.clone(),
            chain_id: delivery.network.chain_id.clone(),
            genesis_hash: delivery.network.genesis_hash.map(hex),
            delivery_sha256: facts.sha256.clone(),
            delivery_created: delivery.created.clone(),
            keystore: facts.keystore.display().to_string(),
            keys: delivery.keys.iter().map(|key| key.public_key()).collect(),
            files: delivery
                .files
                .iter()
                .map(|file| file.path.as_str())
                .collect(),
            account: facts.matched.account.map(|account| account.to_string()),
            matched_with: facts.matched.source.clone(),
            genesis_state: facts.matched.genesis_state,
            statement: facts.statement.clone(),
            silence_measured: facts.silence.map(|silent| {
                let out = silent.iter().map(|s| SilentOut {
                    from: s.from,
                    to: s.to,
                    listed: s.listed,
                    authorities: s.authorities,
                });
                out.collect()
            }),
            stage: Stage::Begun,
            refused: None,
            written: vec![],
            others: facts.others.to_vec(),
        }
    }

    /// What came of it.
    pub fn ended(&mut self, outcome: Result<Vec<String>, String>) {
        match outcome {
            Ok(written) => {
                self.stage = Stage::Written;
                self.written = written;
            }
            Err(name) => {
                self.stage = Stage::Failed;
                self.refused = Some(name);
            }
        }
    }

    fn text(&self) -> String {
        let mut text = serde_json::to_string_pretty(self).expect("strings, numbers and lists");
        text.push('\n');
        text
    }

    /// Writes it to a new file of the state directory, and gives the path. Two of one second get a number.
    ///
    /// # Errors
    /// The directory can't be made; `file-exists` (too many in one second); `file-not-written`.
    pub fn write_new(&self, state: &Path) -> Result<PathBuf, Refused> {
        let dir = state.join("inserts");
        make_state(&dir).map_err(|fault: IdentityFault| from_error(&fault))?;
        let name: String = self.time.chars().filter(|c| !"-:".contains(*c)).collect();
        let mut path = dir.join(format!("{name}.json"));
        for number in 2..=9 {
            match files::write_new(&path, self.text().as_bytes()) {
                Ok(()) => return Ok(path),
                Err(refused) if refused.name == "file-exists" => {}
                Err(refused) => return Err(refused),
            }
            path = dir.join(format!("{name}-{number}.json"));
        }
        files::write_new(&path, self.text().as_bytes()).map(|()| path)
    }

    /// Writes it anew, with what came of it.
    ///
    /// # Errors
    /// `file-not-written`.
    pub fn rewrite(&self, path: &Path) -> Result<(), Refused> {
        files::write(path, self.text().as_bytes())
    }
}
