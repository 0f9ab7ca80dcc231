//! Secret, seal, shares: made, printed, read back, validated, and the sealed file opened.

use std::path::{Path, PathBuf};

use data_encoding::HEXLOWER;

use super::driver::{Driver, names, random32};
use super::load::read_sealed;
use crate::ceremony::dates;
use crate::ceremony::event::{Outcome, Refused};
use crate::ceremony::policy::Cipher;
use crate::files::{self, from_error, refused};
use crate::secret::entropy::Pool;
use crate::share::derive;
use crate::share::quorum::{Expected, QuorumRefusal, UntrustedQuorum};
use crate::share::split::split;
use crate::share::{Commitment, KeyCheck, SetId, sheets};
use crate::vault::bundle::{Bundle, Threshold};
use crate::vault::header::Header;
use crate::vault::sealed::{SealKeys, Sealed};
use crate::vault::sidecar::Sidecar;
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
pub(super) fn sidecar_path(path: &Path) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(".json");
    PathBuf::from(name)
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
        let token = self.slots.token_random.take();
        let token = token.as_ref().map_or(&[][..], |own| own.expose());
        let token_bytes = u32::try_from(token.len()).unwrap_or(u32::MAX);
        let pool = Pool::gather(&dice, token, &os);
        let secret = pool.secret();
        self.residues.bytes("secret S", secret.expose());
        self.residues
            .bytes("coefficient seed", pool.coefficient_seed().expose());
        let set_id = HEXLOWER.encode(&pool.set_id());
        self.slots.dice = None;
        self.slots.secret = Some(secret);
        self.slots.pool = Some(pool);
        Ok(Outcome::Entropy {
            set_id,
            token_bytes,
        })
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
        files::make_dir(&dir)?;
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
        let bundle = match sealed {
            Sealed::Age {
                file,
                sidecar: None,
            } => {
                let bundle = seal_age::open_without_sidecar(file, computed, &keys.age)
                    .map_err(|error| from_error(&error))?;
                self.rebuild_sidecar(&bundle, file)?;
                bundle
            }
            Sealed::Age { .. } | Sealed::Jwe { .. } => sealed
                .open(computed, keys)
                .map_err(|error| from_error(&error))?,
        };
        let outcome = self.prove_opened(bundle)?;
        // The shares on the table still stand; their copies in memory are needed no more.
        self.slots.quorum = None;
        self.slots.scanned = None;
        self.slots.shares.clear();
        Ok(outcome)
    }

    /// A lost sidecar is made again from the opened bundle, and lies in the journal directory from now on.
    fn rebuild_sidecar(&self, bundle: &Bundle, file: &[u8]) -> Result<(), Refused> {
        let sidecar = Sidecar::rebuild(bundle, file).map_err(|error| from_error(&error))?;
        let dir = self.dir.join(names::SEALED);
        files::make_dir(&dir)?;
        let path = dir.join(Cipher::Age.file_name());
        files::write(&sidecar_path(&path), &sidecar.to_json())
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
