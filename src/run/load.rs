//! What is read at the begin of a recovery: the sealed file's public header, and the record.

use std::path::Path;

use data_encoding::HEXLOWER;

use super::backup::sidecar_path;
use super::driver::{Driver, sha256_hex};
use crate::ceremony::event::{Outcome, PublicKey, RecordFacts, Refused, SealedFacts};
use crate::files::{self, from_error, refused};
use crate::transcript::record::{MAX_RECORD, Record};
use crate::vault::header::{Header, PublicKey as HeaderKey};
use crate::vault::sealed::{MAX_SEALED, Sealed};
use crate::vault::sidecar::MAX_SIDECAR;

/// Reads a sealed file, and the sidecar beside an age file.
pub(super) fn read_sealed(path: &Path) -> Result<Sealed, Refused> {
    let bytes = files::read(path, MAX_SEALED)?;
    let beside = sidecar_path(path);
    let sidecar = if bytes.starts_with(b"age-encryption.org") && beside.exists() {
        Some(files::read(&beside, MAX_SIDECAR)?)
    } else {
        None
    };
    Sealed::read(bytes, sidecar.as_deref()).map_err(|error| from_error(&error))
}

impl Driver {
    pub(super) fn load_sealed(&mut self, path: &str, record: &str) -> Result<Outcome, Refused> {
        let path = Path::new(path);
        let sealed = read_sealed(path)?;
        let record = if record.trim().is_empty() {
            None
        } else {
            Some(self.read_record(record)?)
        };
        let header = sealed.header().cloned();
        let Some(header) = header.or_else(|| record.as_ref().and_then(|(r, _)| header_from(r)))
        else {
            return Err(refused(
                "sidecar-missing",
                format!("The sidecar {} is missing.", sidecar_path(path).display()),
                "Bring it from another copy of the backup, or bring the record.",
            ));
        };
        if header.rehearsal != self.state.opened.rehearsal {
            let (name, what) = if header.rehearsal {
                (
                    "sealed-of-rehearsal",
                    "This sealed file is of a rehearsal; no real key is in it.",
                )
            } else {
                (
                    "sealed-not-of-rehearsal",
                    "This is a real backup, and this is a rehearsal.",
                )
            };
            return Err(refused(name, what, "Give the right file."));
        }
        let sha256 = HEXLOWER.encode(&sealed.sha256());
        if let Some((record, _)) = &record {
            let same_set = record
                .set_id
                .as_ref()
                .is_some_and(|id| id.0 == header.set_id);
            let same_check = record
                .key_check
                .as_ref()
                .is_some_and(|check| check.0 == header.key_check);
            if !same_set || record.ceremony != header.ceremony {
                return Err(refused(
                    "record-of-other-backup",
                    format!(
                        "The record is of ceremony {}, the sealed file of {}.",
                        record.ceremony, header.ceremony
                    ),
                    "Bring the record and the sealed file of the same backup.",
                ));
            }
            let same_file = record.sealed.iter().any(|s| s.sha256.to_string() == sha256);
            if !same_check || !same_file {
                return Err(refused(
                    "sealed-changed",
                    "The sealed file is not the one that the record names: it was changed or damaged since.",
                    "Take another copy of the sealed file.",
                ));
            }
        }
        let facts = SealedFacts {
            file: path
                .file_name()
                .map_or_else(String::new, |n| n.to_string_lossy().into_owned()),
            sha256,
            ceremony: header.ceremony.clone(),
            set_id: header.set_id_hex(),
            key_check: HEXLOWER.encode(&header.key_check),
            k: header.k,
            n: header.n,
            keys: header.public_keys.iter().map(public_key).collect(),
            record_sha256: record
                .as_ref()
                .map(|(_, hash)| hash.clone())
                .unwrap_or_default(),
            commitments: record.is_some(),
        };
        self.record = record.map(|(record, _)| record);
        self.sealed = Some(sealed);
        // Shares entered for another file of the same set are checked anew against this header.
        if self
            .slots
            .scanned
            .as_ref()
            .is_some_and(|s| s.expected().key_check.map(|c| c.0) != Some(header.key_check))
        {
            self.slots.scanned = None;
        }
        Ok(Outcome::SealedLoaded(Box::new(facts)))
    }

    fn read_record(&self, path: &str) -> Result<(Record, String), Refused> {
        let bytes = files::read(Path::new(path), MAX_RECORD)?;
        let record = Record::parse(&bytes).map_err(|error| from_error(&error))?;
        if record.rehearsal != self.state.opened.rehearsal {
            return Err(refused(
                "record-of-rehearsal",
                "The record is of a rehearsal and this is none, or the other way round.",
                "Give the record of the backup at hand.",
            ));
        }
        Ok((record, sha256_hex(&bytes)))
    }

    pub(super) fn load_record(&mut self, path: &str) -> Result<Outcome, Refused> {
        let (record, sha256) = self.read_record(path)?;
        let (Some(set_id), Some(key_check), Some(k), Some(n)) =
            (&record.set_id, &record.key_check, record.k, record.n)
        else {
            return Err(refused(
                "record-without-shares",
                "This record is of a ceremony that made no shares.",
                "Give the record of the backup.",
            ));
        };
        let facts = RecordFacts {
            sha256,
            ceremony: record.ceremony.clone(),
            set_id: set_id.to_string(),
            key_check: key_check.to_string(),
            k,
            n,
            commitments: record
                .commitments
                .iter()
                .map(|c| (c.commitment.to_string(), c.label.clone()))
                .collect(),
        };
        self.record = Some(record);
        Ok(Outcome::RecordLoaded(Box::new(facts)))
    }
}

/// What a lost sidecar would say, as far as the record says it too; the key check is what counts.
fn header_from(record: &Record) -> Option<Header> {
    Some(Header {
        ceremony: record.ceremony.clone(),
        created: record.started.clone(),
        k: record.k?,
        n: record.n?,
        public_keys: record
            .public_keys
            .iter()
            .filter(|key| !key.key_type.starts_with("network/"))
            .map(|key| HeaderKey {
                key_type: key.key_type.clone(),
                scheme: key.scheme.clone(),
                public: key.public.clone(),
            })
            .collect(),
        key_check: record.key_check.as_ref()?.0,
        rehearsal: record.rehearsal,
        set_id: record.set_id.as_ref()?.0,
    })
}

fn public_key(key: &HeaderKey) -> PublicKey {
    PublicKey {
        key_type: key.key_type.clone(),
        scheme: key.scheme.clone(),
        public: key.public.clone(),
    }
}
