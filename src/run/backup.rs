//! Secret, seal, shares: made, printed, read back, validated, and the sealed file opened.

use std::path::{Path, PathBuf};

use data_encoding::HEXLOWER;

use super::driver::{Driver, names, random32};
use super::files::{self, from_error, refused};
use crate::ceremony::dates;
use crate::ceremony::event::{Outcome, PublicKey, RecordFacts, Refused, SealedFacts};
use crate::ceremony::policy::Cipher;
use crate::secret::entropy::Pool;
use crate::share::derive;
use crate::share::quorum::{Expected, QuorumRefusal, UntrustedQuorum};
use crate::share::split::split;
use crate::share::{Commitment, KeyCheck, SetId, sheets};
use crate::transcript::record::Record;
use crate::vault::bundle::Threshold;
use crate::vault::header::{Header, PublicKey as HeaderKey};
use crate::vault::sealed::{MAX_SEALED, SealKeys, Sealed};
use crate::vault::{seal_age, seal_jwe};

fn lost(what: &str) -> Refused {
    refused(
        "slot-empty",
        format!("{what} is not in memory."),
        "Start the step again, or stop the ceremony.",
    )
}

fn set_id_of(hex: &str) -> Result<SetId, Refused> {
    hex.parse().map_err(|_| lost("The set id"))
}

fn hash_of(hex: &str) -> Result<[u8; 32], Refused> {
    HEXLOWER
        .decode(hex.as_bytes())
        .ok()
        .and_then(|bytes| bytes.try_into().ok())
        .ok_or_else(|| lost("The key check"))
}

/// The sidecar's path of an age file.
fn sidecar_path(path: &Path) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(".json");
    PathBuf::from(name)
}

/// Reads a sealed file, and the sidecar beside an age file.
pub(super) fn read_sealed(path: &Path) -> Result<Sealed, Refused> {
    let bytes = files::read(path, MAX_SEALED)?;
    let beside = sidecar_path(path);
    let sidecar = if bytes.starts_with(b"age-encryption.org") && beside.exists() {
        Some(files::read(&beside, crate::vault::sidecar::MAX_SIDECAR)?)
    } else {
        None
    };
    Sealed::read(bytes, sidecar.as_deref()).map_err(|error| from_error(&error))
}

impl Driver {
    pub(super) fn draw_entropy(&mut self) -> Result<Outcome, Refused> {
        let failed = || {
            refused(
                "no-randomness",
                "The operating system gives no randomness.",
                "Restart the laptop.",
            )
        };
        let first = random32().map_err(|_| failed())?;
        let second = random32().map_err(|_| failed())?;
        let mut os = zeroize::Zeroizing::new([0u8; 64]);
        os[..32].copy_from_slice(first.expose());
        os[32..].copy_from_slice(second.expose());
        let dice = zeroize::Zeroizing::new(
            self.slots
                .dice
                .as_ref()
                .map(|d| {
                    d.expose()
                        .bytes()
                        .filter(u8::is_ascii_digit)
                        .collect::<Vec<u8>>()
                })
                .unwrap_or_default(),
        );
        let pool = Pool::gather(&dice, &[], &os);
        let secret = pool.secret();
        self.residues.bytes("secret S", secret.expose());
        self.residues
            .bytes("coefficient seed", pool.coefficient_seed().expose());
        let set_id = HEXLOWER.encode(&pool.set_id());
        self.slots.dice = None;
        self.slots.secret = Some(secret);
        self.slots.pool = Some(pool);
        Ok(Outcome::Entropy { set_id })
    }

    pub(super) fn seal(&mut self, cipher: Cipher, k: u8, n: u8) -> Result<Outcome, Refused> {
        let (Some(secret), Some(pool)) = (&self.slots.secret, &self.slots.pool) else {
            return Err(lost("The secret"));
        };
        let set_id = SetId(pool.set_id());
        let key_check = derive::key_check(secret, set_id);
        let jwe_key = derive::jwe_key(secret, set_id);
        let passphrase = derive::age_passphrase(secret, set_id);
        let iv = pool.jwe_iv();
        let chain = self
            .state
            .facts
            .matched
            .as_ref()
            .map(|m| m.chain_id.clone());
        let Some(bundle) = &mut self.slots.bundle else {
            return Err(lost("The bundle"));
        };
        bundle.set_id = set_id.0;
        bundle.key_check = key_check.0;
        bundle.threshold = Some(Threshold { k, n });
        if let Some(chain) = chain
            && bundle.network.chain_id.is_empty()
        {
            bundle.network.chain_id = chain;
        }
        let header = Header {
            ceremony: bundle.ceremony.clone(),
            created: bundle.created.clone(),
            k,
            n,
            public_keys: bundle.keys.iter().map(|key| key.public_key()).collect(),
            key_check: key_check.0,
            rehearsal: bundle.rehearsal,
            set_id: set_id.0,
        };
        self.residues.bytes("JWE key", jwe_key.expose());
        self.residues.words("age passphrase", passphrase.expose());
        let (file, sidecar) = match cipher {
            Cipher::AesGcm => {
                let file = seal_jwe::seal(bundle, &header, &jwe_key, iv)
                    .map_err(|error| from_error(&error))?;
                (file, None)
            }
            Cipher::Age => {
                let (file, sidecar) = seal_age::seal(bundle, &header, &passphrase)
                    .map_err(|error| from_error(&error))?;
                (file, Some(sidecar))
            }
        };
        let dir = self.dir.join(names::SEALED);
        std::fs::create_dir_all(&dir).map_err(|error| {
            refused(
                "file-not-written",
                format!("{} can't be made: {error}.", dir.display()),
                "Look at the journal's medium.",
            )
        })?;
        let path = dir.join(cipher.file_name());
        files::write(&path, &file)?;
        if let Some(sidecar) = sidecar {
            files::write(&sidecar_path(&path), &sidecar)?;
        }
        let sealed = read_sealed(&path)?;
        let sha256 = HEXLOWER.encode(&sealed.sha256());
        self.sealed = Some(sealed);
        // The plaintext is needed no more: what is opened later comes from the sealed file alone.
        self.slots.bundle = None;
        Ok(Outcome::Sealed {
            file: cipher.file_name().into(),
            sha256,
            key_check: HEXLOWER.encode(&key_check.0),
        })
    }

    pub(super) fn split(&mut self, k: u8, n: u8) -> Result<Outcome, Refused> {
        let (Some(secret), Some(pool)) = (&self.slots.secret, &self.slots.pool) else {
            return Err(lost("The secret"));
        };
        let rehearsal = self.state.opened.rehearsal;
        let shares = split(
            secret,
            k,
            n,
            SetId(pool.set_id()),
            rehearsal,
            &pool.coefficient_seed(),
        )
        .map_err(|error| from_error(&error))?;
        let commitments = shares.iter().map(|s| s.commitment().to_string()).collect();
        for share in &shares {
            self.residues.share(share);
        }
        self.slots.shares = shares;
        // From here on the secret exists in the shares alone.
        self.slots.secret = None;
        self.slots.pool = None;
        Ok(Outcome::Split { commitments })
    }

    pub(super) fn expected(&self) -> Result<Expected, Refused> {
        let facts = &self.state.facts;
        let Some(sealed) = &facts.sealed else {
            return Err(lost("The sealed file's header"));
        };
        let commitments = if facts.commitments.is_empty() {
            self.record.as_ref().map(|r| {
                r.commitments
                    .iter()
                    .map(|c| Commitment(c.commitment.0))
                    .collect()
            })
        } else {
            Some(
                facts
                    .commitments
                    .iter()
                    .filter_map(|c| c.parse().ok())
                    .collect(),
            )
        };
        Ok(Expected {
            rehearsal: self.state.opened.rehearsal,
            set_id: Some(set_id_of(&sealed.set_id)?),
            key_check: Some(KeyCheck(hash_of(&sealed.key_check)?)),
            k: Some(sealed.k),
            commitments,
        })
    }

    pub(super) fn prove_sheets(&self, k: u8) -> Result<Outcome, Refused> {
        let Some(scanned) = &self.slots.scanned else {
            return Err(lost("The scanned shares"));
        };
        let Some(key_check) = scanned.expected().key_check else {
            return Err(lost("The key check"));
        };
        let proof = sheets::prove_sheets(scanned.shares(), k, &key_check)
            .map_err(|error| from_error(&error))?;
        Ok(Outcome::SheetsProven {
            subsets: proof.subsets,
            all: proof.all,
        })
    }

    pub(super) fn validate(&mut self) -> Result<Outcome, Refused> {
        let Some(scanned) = &mut self.slots.scanned else {
            return Err(lost("The entered shares"));
        };
        match scanned.validate() {
            Ok(quorum) => {
                self.residues.bytes("secret S", quorum.secret().expose());
                let used = quorum.used().to_vec();
                self.slots.quorum = Some(quorum);
                Ok(Outcome::Quorum { used })
            }
            Err(error) => {
                let dropped = match &error {
                    QuorumRefusal::Forged { numbers } => numbers.clone(),
                    _ => vec![],
                };
                for x in &dropped {
                    scanned.remove(*x);
                }
                Ok(Outcome::QuorumFailed {
                    refused: from_error(&error),
                    dropped,
                })
            }
        }
    }

    pub(super) fn open_sealed(&mut self) -> Result<Outcome, Refused> {
        if self.slots.quorum.is_none() {
            let Some(scanned) = &self.slots.scanned else {
                return Err(lost("The shares"));
            };
            let quorum = scanned.validate().map_err(|error| from_error(&error))?;
            self.slots.quorum = Some(quorum);
        }
        let (Some(quorum), Some(sealed)) = (&self.slots.quorum, &self.sealed) else {
            return Err(lost("The sealed file"));
        };
        let set = quorum.set_id();
        let keys = SealKeys {
            jwe: derive::jwe_key(quorum.secret(), set),
            age: derive::age_passphrase(quorum.secret(), set),
        };
        let computed = derive::key_check(quorum.secret(), set).0;
        let bundle = sealed
            .open(computed, keys)
            .map_err(|error| from_error(&error))?;
        let outcome = self.prove_opened(bundle)?;
        // The shares on the table still stand; their copies in memory are needed no more.
        self.slots.quorum = None;
        self.slots.scanned = None;
        self.slots.shares.clear();
        Ok(outcome)
    }

    pub(super) fn load_sealed(&mut self, path: &str, record: &str) -> Result<Outcome, Refused> {
        let path = Path::new(path);
        let sealed = read_sealed(path)?;
        let record = if record.trim().is_empty() {
            None
        } else {
            Some(self.read_record(record)?)
        };
        let Some(header) = sealed.header().cloned() else {
            return Err(refused(
                "sidecar-missing",
                format!("The sidecar {} is missing.", sidecar_path(path).display()),
                "Bring it from another copy of the backup.",
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
        let bytes = files::read(Path::new(path), crate::transcript::record::MAX_RECORD)?;
        let record = Record::parse(&bytes).map_err(|error| from_error(&error))?;
        if record.rehearsal != self.state.opened.rehearsal {
            return Err(refused(
                "record-of-rehearsal",
                "The record is of a rehearsal and this is none, or the other way round.",
                "Give the record of the backup at hand.",
            ));
        }
        Ok((record, super::driver::sha256_hex(&bytes)))
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

    /// The empty quorum that entered shares go into.
    pub(super) fn empty_quorum(&self) -> Result<UntrustedQuorum, Refused> {
        if let Some(record) = &self.state.facts.record {
            return Ok(UntrustedQuorum::new(Expected {
                rehearsal: self.state.opened.rehearsal,
                set_id: Some(set_id_of(&record.set_id)?),
                key_check: Some(KeyCheck(hash_of(&record.key_check)?)),
                k: Some(record.k),
                commitments: Some(
                    record
                        .commitments
                        .iter()
                        .filter_map(|(c, _)| c.parse().ok())
                        .collect(),
                ),
            }));
        }
        Ok(UntrustedQuorum::new(self.expected()?))
    }

    /// When the set was made, for the sheet.
    pub(super) fn today(&self) -> String {
        dates::rfc3339(self.state.began)[..10].to_owned()
    }
}

fn public_key(key: &HeaderKey) -> PublicKey {
    PublicKey {
        key_type: key.key_type.clone(),
        scheme: key.scheme.clone(),
        public: key.public.clone(),
    }
}
