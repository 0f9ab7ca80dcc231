//! The annex: who and what is behind the labels of a record.
//!
//! It is confidential, and kept apart from the record. The record holds a salted hash for each label, so that the
//! annex cannot be exchanged later, and one person's line can be shown to an auditor without the others. The salts
//! are random: without them, a short list of likely names could be tried against the hashes.

use serde::{Deserialize, Serialize};

use super::hex::{Hash, Hex, sha256};
use super::record::{Record, RecordError, read, repeats, written};
use crate::refusal::Refuse;

/// The format name.
pub const FORMAT: &str = "qh-annex/1";

/// The names and places of one ceremony.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Annex {
    /// [`FORMAT`].
    pub format: String,
    /// Whether this was a rehearsal.
    pub rehearsal: bool,
    /// The ceremony's name.
    pub ceremony: String,
    /// One for each label.
    pub entries: Vec<AnnexEntry>,
}

/// What is behind one label.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AnnexEntry {
    /// The label in the record: `C1`, `W`, `O`, `place A`.
    pub label: String,
    /// The name of the person, or the place, with what the witness stated.
    pub text: String,
    /// 32 random bytes.
    pub salt: Hash,
}

/// A label and its salted hash, in the record.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Link {
    /// The label.
    pub label: String,
    /// [`AnnexEntry::hash`].
    pub hash: Hash,
}

/// Why an annex does not belong to a record.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum AnnexFault {
    /// Of another ceremony.
    #[error("The annex is of another ceremony than the record, or of a rehearsal.")]
    OtherCeremony,
    /// A label of the record is not in the annex.
    #[error("The annex has no entry for the label \"{0}\" of the record.")]
    Missing(String),
    /// A label of the annex is not in the record.
    #[error("The record has no label \"{0}\", which is in the annex.")]
    Unknown(String),
    /// The hash differs.
    #[error("What the annex says about \"{0}\" is not what the record was linked to.")]
    Mismatch(String),
}

impl Refuse for AnnexFault {
    fn name(&self) -> &'static str {
        match self {
            Self::OtherCeremony => "annex-other-ceremony",
            Self::Missing(_) => "annex-missing-label",
            Self::Unknown(_) => "annex-unknown-label",
            Self::Mismatch(_) => "annex-mismatch",
        }
    }

    fn way_on(&self) -> &'static str {
        "Use the annex that was made with this record; if it is, somebody changed it: ask the other holders."
    }
}

impl AnnexEntry {
    /// SHA-256(`qh-ceremony annex v1` ‖ salt ‖ label ‖ 0x00 ‖ text), both as UTF-8; a label holds no NUL.
    pub fn hash(&self) -> Hash {
        let mut bytes = b"qh-ceremony annex v1".to_vec();
        bytes.extend(self.salt.0);
        bytes.extend(self.label.as_bytes());
        bytes.push(0);
        bytes.extend(self.text.as_bytes());
        Hex(sha256(&bytes))
    }
}

impl Annex {
    /// Reads an annex, at most 1 MiB.
    ///
    /// # Errors
    /// [`RecordError`].
    pub fn parse(bytes: &[u8]) -> Result<Self, RecordError> {
        let own: Self = read("annex", FORMAT, bytes)?;
        let labels = own.entries.iter().map(|entry| entry.label.as_str());
        if labels
            .into_iter()
            .any(|label| label.is_empty() || label.contains('\0'))
            || repeats(&own.entries, |entry| entry.label.as_str())
            || repeats(&own.entries, |entry| entry.salt)
        {
            return Err(RecordError::Value("annex", "entries"));
        }
        Ok(own)
    }

    /// The annex as it is written to a file: pretty JSON, two spaces, ending in LF.
    pub fn to_json(&self) -> String {
        written(self)
    }

    /// What the record holds about it.
    pub fn links(&self) -> Vec<Link> {
        let link = |entry: &AnnexEntry| Link {
            label: entry.label.clone(),
            hash: entry.hash(),
        };
        self.entries.iter().map(link).collect()
    }

    /// Checks that this is the annex that `record` was linked to.
    ///
    /// # Errors
    /// [`AnnexFault`], for the first difference.
    pub fn verify(&self, record: &Record) -> Result<(), AnnexFault> {
        if (&self.ceremony, self.rehearsal) != (&record.ceremony, record.rehearsal) {
            return Err(AnnexFault::OtherCeremony);
        }
        let shown = super::visible::visible;
        for link in &record.annex {
            match self.entries.iter().find(|entry| entry.label == link.label) {
                None => return Err(AnnexFault::Missing(shown(&link.label))),
                Some(entry) if entry.hash() != link.hash => {
                    return Err(AnnexFault::Mismatch(shown(&link.label)));
                }
                Some(_) => {}
            }
        }
        let known = |label: &str| record.annex.iter().any(|link| link.label == label);
        match self.entries.iter().find(|entry| !known(&entry.label)) {
            Some(entry) => Err(AnnexFault::Unknown(shown(&entry.label))),
            None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn annex() -> Annex {
        let entry = |label: &str, text: &str, salt| AnnexEntry {
            label: label.into(),
            text: text.into(),
            salt: Hex([salt; 32]),
        };
        Annex {
            format: FORMAT.into(),
            rehearsal: true,
            ceremony: "BR-2026-11-22-01".into(),
            entries: vec![
                entry("C1", "Ada Example, passport", 1),
                entry("place A", "Bank, box 114", 2),
            ],
        }
    }

    #[test]
    fn an_annex_belongs_to_the_record_it_was_linked_to() {
        let own = annex();
        let mut record = super::super::record::tests::sample();
        record.annex = own.links();
        assert_eq!(own.verify(&record), Ok(()));
        assert_eq!(Annex::parse(own.to_json().as_bytes()).unwrap(), own);

        let mut changed = own.clone();
        changed.entries[0].text = "Eve Example, passport".into();
        assert_eq!(
            changed.verify(&record),
            Err(AnnexFault::Mismatch("C1".into()))
        );
        let mut swapped = own.clone();
        swapped.entries[0].label = "place A".into();
        swapped.entries[1].label = "C1".into();
        assert!(matches!(
            swapped.verify(&record),
            Err(AnnexFault::Mismatch(_))
        ));
        let mut fewer = own.clone();
        fewer.entries.pop();
        assert_eq!(
            fewer.verify(&record),
            Err(AnnexFault::Missing("place A".into()))
        );
        let mut more = own.clone();
        more.entries.push(AnnexEntry {
            label: "W".into(),
            text: "x".into(),
            salt: Hex([3; 32]),
        });
        assert_eq!(more.verify(&record), Err(AnnexFault::Unknown("W".into())));
        record.rehearsal = false;
        assert_eq!(own.verify(&record), Err(AnnexFault::OtherCeremony));
    }

    #[test]
    fn an_annex_is_read_strictly() {
        let good = annex().to_json();
        for (from, to, name) in [
            ("qh-annex/1", "qh-annex/2", "record-unknown-version"),
            ("\"place A\"", "\"C1\"", "record-bad-value"),
            ("\"rehearsal\": true,", "", "record-malformed"),
            (
                "\"rehearsal\": true,",
                "\"rehearsal\": true, \"rehearsal\": true,",
                "record-malformed",
            ),
            (
                "\"rehearsal\": true,",
                "\"rehearsal\": true, \"x\": 1,",
                "record-malformed",
            ),
        ] {
            let bad = good.replace(from, to);
            assert_eq!(
                Annex::parse(bad.as_bytes()).unwrap_err().name(),
                name,
                "{bad}"
            );
        }
        let mut repeated = annex();
        repeated.entries[1].salt = repeated.entries[0].salt;
        assert_eq!(
            Annex::parse(repeated.to_json().as_bytes())
                .unwrap_err()
                .name(),
            "record-bad-value"
        );
    }

    #[test]
    fn the_hash_is_over_label_salt_and_text() {
        // printf 'qh-ceremony annex v1' + 32 bytes 01 + 'C1' + NUL + 'Ada Example, passport' | sha256sum
        assert_eq!(
            annex().entries[0].hash().to_string(),
            "c1a710b17bb7828bac04111e3f9a249a803722f4d824f0c1a9c9f5a10f94ad92"
        );
    }
}
