//! Keys: read and proven, matched, opened, written.

use std::path::Path;

use data_encoding::HEXLOWER;

use super::driver::{Driver, names};
use crate::ceremony::dates;
use crate::ceremony::effect::{Against, Source};
use crate::ceremony::event::{Outcome, PublicKey, Refused};
use crate::ceremony::next;
use crate::ceremony::policy::Slot;
use crate::files::{self, from_error, refused};
use crate::secret::SecretText;
use crate::transcript::six_words::six_words;
use crate::vault::bundle::Bundle;
use crate::vault::contents::{BundleFile, BundleKey, FilePath, Network};
use crate::vault::delivery::{Purpose, open_with};
use crate::vault::keystore::{
    self, KeyClaim, NetworkPath, NotProven, ProvenKey, ProvenNetworkFile, UnprovableKey,
    is_chain_dir, read_network,
};
use crate::vault::recipient::OneTimeRecipient;
use crate::vault::registered::{self, KeyMatch, Registered, Validator, Verdict};
use crate::vault::schemes::{KeyType, PairFault};

fn hex_key(public: &[u8]) -> String {
    format!("0x{}", HEXLOWER.encode(public))
}

fn network_path(path: FilePath) -> NetworkPath {
    match path {
        FilePath::PqcTransportIdentity => NetworkPath::PqcIdentity,
        FilePath::SecretEd25519 => NetworkPath::NodeKey,
    }
}

fn file_path(path: NetworkPath) -> FilePath {
    match path {
        NetworkPath::PqcIdentity => FilePath::PqcTransportIdentity,
        NetworkPath::NodeKey => FilePath::SecretEd25519,
    }
}

/// The keystore directory of a path that may be the chain directory around it, and the chain directory if it is one.
pub(super) fn places(path: &str) -> (std::path::PathBuf, Option<std::path::PathBuf>) {
    let path = Path::new(path);
    if is_chain_dir(path) {
        (path.join("keystore"), Some(path.to_owned()))
    } else {
        (path.to_owned(), None)
    }
}

fn bundle_key(claim: KeyClaim, scheme: &str) -> BundleKey {
    BundleKey {
        key_type: claim.key_type.to_string(),
        scheme: scheme.to_owned(),
        public: hex_key(&claim.public),
        secret: claim.secret_text,
        source: claim.source,
    }
}

/// Pairs of a bundle or delivery, each proven anew.
pub(super) type Proven = (Vec<ProvenKey>, Vec<UnprovableKey>, Vec<ProvenNetworkFile>);

pub(super) fn prove_all(
    keys: &[BundleKey],
    files: &[BundleFile],
    password: Option<&SecretText>,
) -> Result<Proven, Refused> {
    let (mut proven, mut unproven) = (vec![], vec![]);
    for key in keys {
        let malformed = || {
            refused(
                "key-malformed",
                format!("The {} key is not a keystore key.", key.key_type),
                "Look for another copy of the backup.",
            )
        };
        let key_type = KeyType::parse(&key.key_type).ok_or_else(malformed)?;
        let public = HEXLOWER
            .decode(key.public.trim_start_matches("0x").as_bytes())
            .map_err(|_| malformed())?;
        let claim = KeyClaim {
            key_type,
            public,
            secret_text: crate::secret::SecretBytes::new(key.secret.expose().to_vec()),
            source: key.source.clone(),
        };
        match claim.prove(password) {
            Ok(key) => proven.push(key),
            Err(NotProven::Unprovable(key)) => unproven.push(key),
            Err(NotProven::Wrong(fault)) => return Err(from_error(&fault)),
        }
    }
    let files = files
        .iter()
        .map(|file| {
            let content = crate::secret::SecretBytes::new(file.content.expose().to_vec());
            ProvenNetworkFile::prove(network_path(file.path), content)
                .map_err(|fault| from_error(&fault))
        })
        .collect::<Result<_, _>>()?;
    Ok((proven, unproven, files))
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

    pub(super) fn inspect_source(&self, source: Source, path: &str) -> Result<Outcome, Refused> {
        self.own_world(path)?;
        if source == Source::Delivery {
            let bytes = files::read(Path::new(path), crate::vault::delivery::MAX_SEALED_DELIVERY)?;
            let line = format!(
                "delivery, {} bytes, SHA-256 {}",
                bytes.len(),
                &super::driver::sha256_hex(&bytes)[..16]
            );
            return Ok(Outcome::Inspected { files: vec![line] });
        }
        let (dir, chain) = places(path);
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
        Ok(Outcome::Inspected { files })
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
            let (_, unproven, _) = prove_all(
                &delivery.keys,
                &delivery.files,
                self.slots.password.as_ref(),
            )?;
            if let Some(key) = unproven.first()
                && !allow_unproven
            {
                return Err(from_error(&key.fault()));
            }
            (delivery.keys, delivery.files)
        } else {
            let (dir, chain) = places(path);
            let password = if password {
                self.slots.password.as_ref()
            } else {
                None
            };
            let examined = keystore::examine(&dir, password).map_err(|fault| from_error(&fault))?;
            let wrong = examined.findings.iter().find(|f| {
                let excused = matches!(
                    &f.fault,
                    keystore::FileFault::Pair(PairFault::Unprovable { .. })
                );
                !(excused && allow_unproven)
            });
            if let Some(finding) = wrong {
                return Err(from_error(finding));
            }
            for entry in &examined.listing.entries {
                notes.extend(entry.warnings.iter().map(ToString::to_string));
            }
            let mut keys = vec![];
            for key in examined.proven {
                let scheme = key.scheme().name();
                keys.push(bundle_key(key.into_claim(), scheme));
            }
            for key in examined.unprovable {
                keys.push(bundle_key(key.into_claim(), "unproven"));
            }
            let network = match chain {
                Some(chain) => read_network(&chain).map_err(|fault| from_error(&fault))?,
                None => vec![],
            };
            let files = network
                .into_iter()
                .map(|file| BundleFile {
                    path: file_path(file.path()),
                    content: crate::secret::SecretBytes::new(file.content().expose().to_vec()),
                })
                .collect();
            (keys, files)
        };
        for key in &keys {
            self.residues
                .key(&format!("{} secret", key.key_type), key.secret.expose());
        }
        for file in &network_files {
            self.residues
                .network_file(file.path.as_str(), file.content.expose());
        }
        let (_, _, proven_files) = prove_all(&[], &network_files, None)?;
        let public = public_keys(&keys, &proven_files);
        notes.sort();
        notes.dedup();
        notes.truncate(16);
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
            Against::Registered => registered::parse(&files::read(path, registered::MAX_DOCUMENT)?),
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
        let decoded: Vec<(KeyType, Vec<u8>)> = bundle
            .keys
            .iter()
            .filter_map(|key| {
                let public = HEXLOWER
                    .decode(key.public.trim_start_matches("0x").as_bytes())
                    .ok()?;
                Some((KeyType::parse(&key.key_type)?, public))
            })
            .collect();
        let keys: Vec<registered::PublicKey<'_>> = decoded
            .iter()
            .map(|(key_type, public)| registered::PublicKey {
                key_type: *key_type,
                public,
            })
            .collect();
        let report = registered::match_keys(&registered, &keys);
        let mut lines = vec![];
        for (key, found) in bundle.keys.iter().zip(&report.keys) {
            let short = next::short(&key.public);
            lines.push(match found {
                KeyMatch::Registered { .. } => format!("{} {short} registered", key.key_type),
                KeyMatch::OtherType { key_type } => {
                    format!("{} {short} registered as {key_type}", key.key_type)
                }
                KeyMatch::NotRegistered => format!("{} {short} not registered", key.key_type),
            });
        }
        match &report.validator {
            Validator::One(account) => lines.push(format!("of validator {account}")),
            Validator::Several(accounts) => {
                lines.push(format!("of {} different validators", accounts.len()));
            }
            Validator::Unnamed => {
                lines.push("an authority whose account the file doesn't tell".into())
            }
            Validator::None => {}
        }
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
