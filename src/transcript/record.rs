//! The record: what one ceremony made and where it went, for custodians and later ceremonies.
//!
//! A record is public to those who hold it: no names (those are in the [`super::annex`]), no secrets. It is read
//! strictly: exactly these members, each once, `null` where there is nothing to say.

use serde::{Deserialize, Serialize};

use super::annex::Link;
use super::entry::{Program, Script, is_name, is_time};
use super::hex::{Hash, Hex, sha256};
use super::strict;
use crate::refusal::Refuse;

/// The format name.
pub const FORMAT: &str = "qh-record/1";

/// The largest record that is read, in bytes: 1 MiB.
pub const MAX_RECORD: usize = 1024 * 1024;

/// The record of one ceremony.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Record {
    /// [`FORMAT`].
    pub format: String,
    /// Whether this was a rehearsal.
    pub rehearsal: bool,
    /// The ceremony's name, e.g. `BR-2026-11-22-01`.
    pub ceremony: String,
    /// The kind: `backup`, `recovery`, `verification` or `share-check`.
    pub kind: String,
    /// Why it was held.
    pub purpose: String,
    /// On whose decision.
    pub authority: String,
    /// Where, by label.
    pub location: String,
    /// UTC, RFC 3339 with `Z`.
    pub started: String,
    /// UTC, RFC 3339 with `Z`.
    pub ended: String,
    /// What a watch said about the laptop's clock; `null` if nobody was asked.
    pub clock: Option<Clock>,
    /// The script followed.
    pub script: Script,
    /// The program used.
    pub program: Program,
    /// Shares needed.
    pub k: Option<u8>,
    /// Shares made.
    pub n: Option<u8>,
    /// The set id of the shares, 6 bytes.
    pub set_id: Option<Hex<6>>,
    /// The key check of the secret S, 32 bytes.
    pub key_check: Option<Hash>,
    /// One for each share.
    pub commitments: Vec<Commitment>,
    /// The keys backed up, recovered or verified.
    pub public_keys: Vec<PublicKeyLine>,
    /// The sealed files and where their copies lie.
    pub sealed: Vec<Sealed>,
    /// Every sheet printed, void ones too.
    pub sheets: Vec<SheetLine>,
    /// What is to be done after the ceremony.
    pub due: Vec<Due>,
    /// Where the ceremony left its script, each signed by two.
    pub exceptions: Vec<Exception>,
    /// SHA-256 of the record that this one follows.
    pub previous_record: Option<Hash>,
    /// For each label the salted hash of what is behind it.
    pub annex: Vec<Link>,
    /// The transcript that this record closes.
    pub transcript: Transcript,
}

/// What ties a record to its transcript: without it, a forger could rewrite the whole chain around the record's hash.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Transcript {
    /// The id in entry 0.
    pub id: Hash,
    /// The ceremony's public key in force, OpenSSH text.
    pub ceremony_key: String,
    /// The head just before the `record` entry.
    pub head: Hash,
}

/// The laptop's clock against a watch.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Clock {
    /// Seconds by which the watch was ahead of the laptop.
    pub offset_seconds: i64,
    /// The label of the person who read the watch.
    pub stated_by: String,
}

/// The commitment to one share: SHA-256(`qh-ceremony commitment v1` ‖ 48 bytes).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Commitment {
    /// The hash.
    pub commitment: Hash,
    /// The custodian's label.
    pub label: String,
}

/// One public key.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PublicKeyLine {
    /// Four letters, e.g. `aura`, or the name of an extra.
    pub key_type: String,
    /// The signature scheme.
    pub scheme: String,
    /// `0x` and lower-case hex.
    pub public: String,
}

/// One sealed file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Sealed {
    /// The file's name, without directory.
    pub file: String,
    /// Its SHA-256.
    pub sha256: Hash,
    /// Where it lies.
    pub copies: Vec<Copy>,
}

/// One copy of a sealed file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Copy {
    /// The medium's label.
    pub label: String,
    /// The place, by label.
    pub place: String,
}

/// One sheet of paper.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SheetLine {
    /// The number printed on it, from 1.
    pub number: u32,
    /// The custodian's label.
    pub label: String,
    /// Where it stands at the end.
    pub state: SheetState,
    /// The number of the bag that it is sealed in.
    pub bag: Option<String>,
}

/// What has become of a sheet.
#[derive(Debug, Clone, std::marker::Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum SheetState {
    /// Printed, not yet read back.
    Printed,
    /// Read back and accepted.
    Accepted,
    /// In its bag.
    Bagged,
    /// With its custodian.
    #[serde(rename = "handed over")]
    HandedOver,
    /// Counts for nothing; to be destroyed.
    Void,
    /// Destroyed before witnesses.
    Destroyed,
}

/// Something to be done after the ceremony.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Due {
    /// `YYYY-MM-DD`.
    pub date: String,
    /// What.
    pub task: String,
    /// Whose task, by label.
    pub label: String,
}

/// A signed exception.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Exception {
    /// Its stable kebab-case name, e.g. `not-matched-to-chain`, `resumed`, `not-post-quantum`.
    pub name: String,
    /// What and why.
    pub text: String,
    /// The labels of those who signed.
    pub signed: Vec<String>,
}

/// Why a record or annex was not read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RecordError {
    /// Larger than the format allows.
    #[error("The {0} is larger than 1 MiB.")]
    TooLarge(&'static str),
    /// JSON, members or types are wrong.
    #[error("The {0} was not read: {1}.")]
    Malformed(&'static str, String),
    /// Another format or version.
    #[error("The file names the format \"{found}\"; {expected} was expected.")]
    Version {
        /// The format in the file, made visible.
        found: String,
        /// The format expected.
        expected: &'static str,
    },
    /// A value that cannot be.
    #[error("The {0} was not read: its member \"{1}\" cannot be as it is.")]
    Value(&'static str, &'static str),
}

impl Refuse for RecordError {
    fn name(&self) -> &'static str {
        match self {
            Self::TooLarge(_) => "record-too-large",
            Self::Malformed(..) => "record-malformed",
            Self::Version { .. } => "record-unknown-version",
            Self::Value(..) => "record-bad-value",
        }
    }

    fn way_on(&self) -> &'static str {
        "Use another copy of the file; its SHA-256 is in the transcript and on the certificate."
    }
}

impl Record {
    /// Reads a record.
    ///
    /// # Errors
    /// [`RecordError`].
    pub fn parse(bytes: &[u8]) -> Result<Self, RecordError> {
        let own: Self = read("record", FORMAT, bytes)?;
        own.check()?;
        Ok(own)
    }

    /// The record as it is written to a file: pretty JSON, two spaces, ending in LF.
    pub fn to_json(&self) -> String {
        written(self)
    }

    /// SHA-256 of [`Record::to_json`].
    pub fn sha256(&self) -> Hash {
        Hex(sha256(self.to_json().as_bytes()))
    }

    /// The sheets that are neither handed over nor destroyed.
    pub fn open_sheets(&self) -> impl Iterator<Item = &SheetLine> {
        let ends = [SheetState::HandedOver, SheetState::Destroyed];
        self.sheets
            .iter()
            .filter(move |sheet| !ends.contains(&sheet.state))
    }

    /// Whether the exception `name` was made.
    pub fn has_exception(&self, name: &str) -> bool {
        self.exceptions
            .iter()
            .any(|exception| exception.name == name)
    }

    fn check(&self) -> Result<(), RecordError> {
        let fail = |member| Err(RecordError::Value("record", member));
        if !is_name(&self.kind) {
            return fail("kind");
        }
        if !is_time(&self.started) {
            return fail("started");
        }
        if !is_time(&self.ended) {
            return fail("ended");
        }
        match (self.k, self.n) {
            (None, None) => {}
            (Some(k), Some(n)) if 2 <= k && k <= n && n <= 16 => {}
            _ => return fail("k"),
        }
        if self.commitments.len() > self.n.unwrap_or(0).into()
            || repeats(&self.commitments, |c| c.commitment)
        {
            return fail("commitments");
        }
        if !self.public_keys.iter().all(|key| is_public(&key.public)) {
            return fail("public_keys");
        }
        if self.sealed.iter().any(|sealed| !is_file_name(&sealed.file))
            || repeats(&self.sealed, |s| s.file.as_str())
        {
            return fail("sealed");
        }
        if self.sheets.iter().any(|sheet| sheet.number == 0)
            || repeats(&self.sheets, |sheet| sheet.number)
        {
            return fail("sheets");
        }
        if self.due.iter().any(|due| !is_date(&due.date)) {
            return fail("due");
        }
        if self
            .exceptions
            .iter()
            .any(|exception| !is_name(&exception.name))
        {
            return fail("exceptions");
        }
        if repeats(&self.annex, |link| link.label.as_str()) {
            return fail("annex");
        }
        Ok(())
    }
}

/// Reads a document of the format `format`, called `what` in errors.
pub(super) fn read<T: serde::de::DeserializeOwned + Serialize>(
    what: &'static str,
    format: &'static str,
    bytes: &[u8],
) -> Result<T, RecordError> {
    if bytes.len() > MAX_RECORD {
        return Err(RecordError::TooLarge(what));
    }
    let malformed = |fault: strict::StrictError| RecordError::Malformed(what, fault.to_string());
    let value = strict::value(bytes).map_err(malformed)?;
    // Before the members: another version may have others.
    match value.get("format").and_then(|found| found.as_str()) {
        Some(found) if found != format => {
            let found = super::visible::visible_short(found, 60);
            Err(RecordError::Version {
                found,
                expected: format,
            })
        }
        _ => strict::typed(&value).map_err(malformed),
    }
}

/// A document of ours as a file: pretty JSON ending in LF.
pub(super) fn written<T: Serialize>(document: &T) -> String {
    let json = serde_json::to_string_pretty(document);
    json.expect("string keys and plain values always serialise") + "\n"
}

/// Whether two elements have the same `key`.
pub(super) fn repeats<'a, T, K: Eq + std::hash::Hash>(
    list: &'a [T],
    key: impl Fn(&'a T) -> K,
) -> bool {
    let mut seen = std::collections::HashSet::new();
    !list.iter().all(|element| seen.insert(key(element)))
}

fn is_public(text: &str) -> bool {
    text.strip_prefix("0x").is_some_and(|hex| {
        !hex.is_empty() && data_encoding::HEXLOWER.decode(hex.as_bytes()).is_ok()
    })
}

fn is_file_name(text: &str) -> bool {
    (1..=255).contains(&text.len()) && !text.contains(['/', '\0']) && text != "." && text != ".."
}

fn is_date(text: &str) -> bool {
    text.len() == 10 && is_time(&format!("{text}T00:00:00Z"))
}

#[cfg(test)]
#[path = "record_tests.rs"]
pub(super) mod tests;
