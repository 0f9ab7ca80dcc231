//! Keys: read and proven, matched, opened, written.

use std::path::Path;

use data_encoding::HEXLOWER;

use super::driver::{Driver, names};
use crate::ceremony::dates;
use crate::ceremony::effect::{Against, Source};
use crate::ceremony::event::{Outcome, PublicKey, Refused};
use crate::ceremony::policy::Slot;
use crate::device::picture;
use crate::files::{self, from_error, refused};
use crate::transcript::six_words::six_words;
use crate::vault::bundle::Bundle;
use crate::vault::contents::{BundleFile, BundleKey, Network};
use crate::vault::delivery::{Purpose, open_with};
use crate::vault::gather::{Selection, gather, places, prove_all, type_and_public};
use crate::vault::keystore::{self, KeystoreFault, NetworkPath, ProvenNetworkFile};
use crate::vault::recipient::OneTimeRecipient;
use crate::vault::registered::{self, Registered, Verdict};
use crate::vault::schemes::KeyType;
use crate::vault::token::is_token_key;

fn inspected(files: Vec<String>) -> Outcome {
    Outcome::Inspected {
        files,
        stays: vec![],
    }
}

fn hex_key(public: &[u8]) -> String {
    format!("0x{}", HEXLOWER.encode(public))
}

pub(super) fn public_keys(keys: &[BundleKey], files: &[ProvenNetworkFile]) -> Vec<PublicKey> {
    let network = files.iter().map(|file| PublicKey {
        key_type: file.path().path().to_owned(),
        scheme: file.scheme().to_string(),
        public: hex_key(file.public()),
    });
    keys.iter()
        .map(|key| PublicKey {
            key_type: key.key_type.clone(),
            scheme: key.scheme.clone(),
            public: key.public.clone(),
        })
        .chain(network)
        .collect()
}

/// A document's bytes: the file's own, or those of the one QR code in a picture of the host's screen.
fn document(path: &Path) -> Result<Vec<u8>, Refused> {
    let bytes = files::read(path, picture::MAX_FILE)?;
    if !bytes.starts_with(b"\x89PNG") && !bytes.starts_with(b"\xff\xd8") {
        return Ok(bytes);
    }
    let found = picture::decode(&bytes).map_err(|error| from_error(&error))?;
    let mut texts = found.iter().map(|read| read.text.expose().as_bytes());
    match (texts.next(), texts.next()) {
        (Some(text), None) => Ok(text.to_vec()),
        _ => Err(refused(
            "picture-of-several-codes",
            format!("{} shows more than one QR code.", path.display()),
            "Take a picture of the one code that `qh-online registered` shows.",
        )),
    }
}

impl Driver {
    pub(super) fn make_recipient(&mut self) -> Outcome {
        let own = OneTimeRecipient::generate();
        let recipient = own.recipient.as_str().to_owned();
        let fingerprint = six_words(&own.recipient.fingerprint());
        self.residues
            .bytes("recipient identity", own.identity.expose().as_bytes());
        self.slots.identity = Some(own);
        Outcome::Recipient {
            recipient,
            fingerprint,
        }
    }

    /// Real keys never enter a rehearsal: its sources and targets lie below its own directory.
    pub(super) fn own_world(&self, path: &str) -> Result<(), Refused> {
        if !self.state.opened.rehearsal {
            return Ok(());
        }
        let path = Path::new(path);
        let whole = |p: &Path| p.canonicalize().unwrap_or_else(|_| p.to_owned());
        let base = whole(&self.dir);
        let parent = path.parent().map_or_else(|| whole(path), whole);
        let around = base.parent().unwrap_or(&base).to_owned();
        let own =
            if self.dir.join(names::SHEETS).exists() || self.dir.join("keystore-source").exists() {
                base
            } else {
                around
            };
        if whole(path).starts_with(&own) || parent.starts_with(&own) {
            return Ok(());
        }
        Err(refused(
            "not-of-this-rehearsal",
            format!(
                "{} lies outside of this rehearsal, and real keys never enter one.",
                path.display()
            ),
            "Give a path in the rehearsal's own directory.",
        ))
    }

    pub(super) fn inspect_source(
        &mut self,
        source: Source,
        path: &str,
    ) -> Result<Outcome, Refused> {
        if source == Source::Hsm {
            return self.inspect_token(path);
        }
        self.own_world(path)?;
        if source == Source::Delivery {
            let bytes = files::read(Path::new(path), crate::vault::delivery::MAX_SEALED_DELIVERY)?;
            let line = format!(
                "delivery, {} bytes, SHA-256 {}",
                bytes.len(),
                &super::driver::sha256_hex(&bytes)[..16]
            );
            return Ok(inspected(vec![line]));
        }
        let (dir, chain) = places(Path::new(path));
        let listing = keystore::inspect(&dir).map_err(|fault| from_error(&fault))?;
        let mut files: Vec<String> = listing
            .entries
            .iter()
            .map(|entry| match (&entry.key, &entry.fault) {
                (_, Some(fault)) => {
                    format!("{}: {}", entry.file, crate::refusal::Refuse::name(fault))
                }
                (Some((key_type, public)), None) => {
                    let hex = HEXLOWER.encode(public);
                    format!(
                        "{key_type} {} mode {:04o}",
                        &hex[..hex.len().min(16)],
                        entry.mode & 0o7777
                    )
                }
                (None, None) => entry.file.clone(),
            })
            .collect();
        if let Some(chain) = chain {
            for path in NetworkPath::ALL {
                if chain.join(path.path()).exists() {
                    files.push(path.path().to_owned());
                }
            }
        }
        files.truncate(64);
        Ok(inspected(files))
    }

    pub(super) fn read_keys(
        &mut self,
        source: Source,
        path: &str,
        node: &str,
        password: bool,
        allow_unproven: bool,
    ) -> Result<Outcome, Refused> {
        let mut notes = vec![];
        if source == Source::Hsm {
            let (keys, files) = self.export_token(path, password, &mut notes)?;
            self.slots.token_pin = None;
            return self.take_in(node, password, keys, files, notes);
        }
        self.source = self.devices.mounted_medium(path);
        let (keys, network_files) = if source == Source::Delivery {
            let bytes = files::read(Path::new(path), crate::vault::delivery::MAX_SEALED_DELIVERY)?;
            let Some(identity) = &self.slots.identity else {
                return Err(refused(
                    "recipient-lost",
                    "This ceremony's recipient is gone with the memory.",
                    "Start the export again: a new recipient is made, and the host seals anew.",
                ));
            };
            let delivery = open_with(&bytes, &identity.identity)
                .and_then(|d| d.require(Purpose::ToLaptop).map(|()| d))
                .map_err(|error| from_error(&error))?;
            if delivery.rehearsal != self.state.opened.rehearsal {
                return Err(refused(
                    "delivery-of-rehearsal",
                    "The delivery is of a rehearsal and this is none, or the other way round.",
                    "Have the host seal the right keys.",
                ));
            }
            let proven = prove_all(
                &delivery.keys,
                &delivery.files,
                self.slots.password.as_ref(),
            )
            .map_err(|fault| from_error(&fault))?;
            if let Some(key) = proven.unproven.first()
                && !allow_unproven
            {
                return Err(from_error(&key.fault()));
            }
            (delivery.keys, delivery.files)
        } else {
            let password = if password {
                self.slots.password.as_ref()
            } else {
                None
            };
            let selection = Selection {
                unprovable: allow_unproven,
                ..Selection::default()
            };
            let gathered =
                gather(Path::new(path), selection, password).map_err(|fault| match &fault {
                    // A screen has room for one; the next shows when this one is dealt with.
                    KeystoreFault::Files(findings) => match findings.first() {
                        Some(finding) => from_error(finding),
                        None => from_error(&fault),
                    },
                    _ => from_error(&fault),
                })?;
            notes.extend(
                gathered
                    .warnings
                    .iter()
                    .map(|(_, warning)| warning.to_string()),
            );
            notes.sort();
            notes.dedup();
            notes.truncate(16);
            (gathered.keys, gathered.files)
        };
        self.take_in(node, password, keys, network_files, notes)
    }

    /// Proven keys go into the bundle's slot.
    fn take_in(
        &mut self,
        node: &str,
        password: bool,
        keys: Vec<BundleKey>,
        network_files: Vec<BundleFile>,
        mut notes: Vec<String>,
    ) -> Result<Outcome, Refused> {
        self.residues.bundle(&keys, &network_files);
        let proven = prove_all(&[], &network_files, None).map_err(|fault| from_error(&fault))?;
        let public = public_keys(&keys, &proven.files);
        notes.truncate(400);
        self.slots.bundle = Some(Bundle {
            ceremony: self.state.opened.ceremony.clone(),
            rehearsal: self.state.opened.rehearsal,
            set_id: [0; 6],
            key_check: [0; 32],
            threshold: None,
            network: Network {
                chain_id: String::new(),
                genesis_hash: None,
            },
            node: node.to_owned(),
            created: dates::rfc3339(super::driver::now()),
            keystore_password: password,
            keys,
            files: network_files,
        });
        Ok(Outcome::Keys {
            keys: public,
            notes,
        })
    }

    fn registered(&self, against: Against, path: &str) -> Result<Registered, Refused> {
        let path = Path::new(path);
        let name = path
            .file_name()
            .map_or_else(String::new, |n| n.to_string_lossy().into_owned());
        let registered = match against {
            Against::Registered => registered::parse(&document(path)?),
            Against::ChainSpec => {
                registered::from_chain_spec(&files::read(path, registered::MAX_CHAIN_SPEC)?, &name)
            }
            Against::ReadOut => {
                return Err(refused(
                    "match-needs-a-file",
                    "Keys that were read out are compared by the people.",
                    "Give the registered keys or the chain spec.",
                ));
            }
        }
        .map_err(|fault| from_error(&fault))?;
        if self.state.opened.rehearsal && !registered.rehearsal {
            return Err(refused(
                "registered-not-of-rehearsal",
                format!("{name} is of a real chain, and this is a rehearsal."),
                "Rehearse with the files that the rehearsal made; real keys never enter it.",
            ));
        }
        if registered.rehearsal && !self.state.opened.rehearsal {
            return Err(refused(
                "registered-of-rehearsal",
                format!("{name} is of a rehearsal; it says nothing about the chain."),
                "Give the file that `qh-online registered` wrote, or the raw chain spec.",
            ));
        }
        Ok(registered)
    }

    pub(super) fn match_keys(
        &mut self,
        from: Slot,
        against: Against,
        path: &str,
    ) -> Result<Outcome, Refused> {
        let registered = self.registered(against, path)?;
        let bundle = match from {
            Slot::Opened => self.slots.opened.as_ref().map(|o| &o.bundle),
            _ => self.slots.bundle.as_ref(),
        };
        let Some(bundle) = bundle else {
            return Err(refused(
                "slot-empty",
                "There are no keys to compare.",
                "Start the step again.",
            ));
        };
        if from == Slot::Opened && bundle.network.chain_id != registered.chain_id {
            return Err(refused(
                "match-other-chain",
                format!(
                    "The backup is of chain {}, this file of chain {}.",
                    bundle.network.chain_id, registered.chain_id
                ),
                "Give the registered keys of the backup's chain.",
            ));
        }
        if let (Slot::Opened, Some(own), Some(found)) =
            (from, bundle.network.genesis_hash, registered.genesis_hash)
            && own != found
        {
            return Err(refused(
                "match-other-chain",
                format!(
                    "The backup's chain has genesis {}, this file's chain of the same id has {}.",
                    HEXLOWER.encode(&own),
                    HEXLOWER.encode(&found)
                ),
                "Give the registered keys of the backup's chain.",
            ));
        }
        let decoded: Vec<(KeyType, Vec<u8>)> =
            bundle.keys.iter().filter_map(type_and_public).collect();
        if decoded.is_empty() {
            return Err(refused(
                "no-session-keys",
                "None of these keys is one that the chain registers: they are keys of a token alone.",
                "If the chain has nothing to compare with, let two people read the keys out; else look for the token that holds the session keys.",
            ));
        }
        let keys: Vec<registered::PublicKey<'_>> = decoded
            .iter()
            .map(|(key_type, public)| registered::PublicKey {
                key_type: *key_type,
                public,
            })
            .collect();
        let report = registered::match_keys(&registered, &keys);
        let mut lines = report.lines(&keys);
        let alone = bundle.keys.iter().filter(|key| is_token_key(&key.key_type));
        lines.extend(alone.map(|key| {
            format!(
                "{}: a token's key, on no chain, compared with nothing",
                key.key_type
            )
        }));
        if report.verdict != Verdict::Match {
            return Err(refused(
                "keys-not-registered",
                format!(
                    "These are not the registered validator's keys: {}.",
                    lines.join("; ")
                ),
                "Look whether key source and file belong to the same validator and chain. This is never excepted.",
            ));
        }
        if against == Against::Registered {
            let words = six_words(&registered::fingerprint(&registered));
            lines.push(format!("six words of the file: {words}"));
        }
        let source = format!(
            "{}{}",
            Path::new(path)
                .file_name()
                .map_or_else(String::new, |n| n.to_string_lossy().into_owned()),
            if registered.is_genesis_state() {
                " (genesis state)"
            } else {
                ""
            }
        );
        if from == Slot::Bundle
            && let Some(bundle) = &mut self.slots.bundle
        {
            bundle.network = Network {
                chain_id: registered.chain_id.clone(),
                genesis_hash: registered.genesis_hash,
            };
        }
        Ok(Outcome::Matched {
            chain_id: registered.chain_id.clone(),
            genesis_hash: registered.genesis_hash.map(|h| HEXLOWER.encode(&h)),
            lines,
            source,
        })
    }
}
