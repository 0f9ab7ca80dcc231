//! The keys of a directory, gathered for a bundle or a delivery, and proven anew when they come out of one.
//!
//! The laptop's ceremony and the validator host both go through here. Gathering takes nothing that is not proven,
//! except a key that no known scheme can prove, if the caller says that people let it pass.

use std::path::{Path, PathBuf};

use data_encoding::HEXLOWER;

use super::contents::{BundleFile, BundleKey, FilePath};
use super::keystore::{
    self, FileFault, FileWarning, Finding, KeyClaim, KeystoreFault, NetworkPath, NotProven,
    ProvenKey, ProvenNetworkFile, UnprovableKey, is_chain_dir, read_network,
};
use super::schemes::{KeyType, PairFault};
use super::token::{TokenFault, is_token_key, token_key};
use crate::refusal::Refuse;
use crate::secret::{SecretBytes, SecretText};

/// The keystore directory of a path that may be the chain directory (`chains/ID`) around it, and the chain directory if
/// it is one.
pub fn places(path: &Path) -> (PathBuf, Option<PathBuf>) {
    if is_chain_dir(path) {
        (path.join("keystore"), Some(path.to_owned()))
    } else {
        (path.to_owned(), None)
    }
}

/// What to gather.
#[derive(Clone, Copy, Debug, Default)]
pub struct Selection<'a> {
    /// Only these key types, and no network files; empty for everything. Files of other types are then not judged.
    pub key_types: &'a [KeyType],
    /// Whether keys are taken that no known scheme can prove.
    pub unprovable: bool,
}

impl Selection<'_> {
    /// Whether a finding concerns what is gathered. A file whose name tells no key type could be anything, and counts.
    fn concerns(&self, finding: &Finding) -> bool {
        let unprovable = matches!(finding.fault, FileFault::Pair(PairFault::Unprovable { .. }));
        self.takes_file(&finding.file) && !(unprovable && self.unprovable)
    }

    /// Whether the file of that name is of a type that is gathered, or of none.
    pub fn takes_file(&self, file: &str) -> bool {
        match keystore::parse_name(file.as_bytes()) {
            Ok((key_type, _)) => self.takes(key_type),
            Err(_) => true,
        }
    }

    /// Whether keys of this type are gathered.
    pub fn takes(&self, key_type: KeyType) -> bool {
        self.key_types.is_empty() || self.key_types.contains(&key_type)
    }
}

/// What a directory held.
pub struct Gathered {
    /// The keys, in the order of their file names.
    pub keys: Vec<BundleKey>,
    /// The network files, if the path was a chain directory.
    pub files: Vec<BundleFile>,
    /// What deserves a look, each with its file.
    pub warnings: Vec<(String, FileWarning)>,
}

/// Reads and proves the keys of a keystore directory, or of a chain directory with its network files. `password` is the
/// keystore password, if the node has one.
///
/// # Errors
/// [`KeystoreFault`] of the directory; [`KeystoreFault::Files`] with every fault that concerns the selection;
/// [`KeystoreFault::Empty`] if the selection takes no key.
pub fn gather(
    path: &Path,
    selection: Selection<'_>,
    password: Option<&SecretText>,
) -> Result<Gathered, KeystoreFault> {
    let (dir, chain) = places(path);
    let examined = keystore::examine(&dir, password)?;
    let wrong: Vec<Finding> = examined
        .findings
        .into_iter()
        .filter(|finding| selection.concerns(finding))
        .collect();
    if !wrong.is_empty() {
        return Err(KeystoreFault::Files(wrong));
    }
    let mut warnings = vec![];
    for entry in examined.listing.entries {
        if selection.takes_file(&entry.file) {
            let named = entry.warnings.into_iter();
            warnings.extend(named.map(|warning| (entry.file.clone(), warning)));
        }
    }
    let mut keys = vec![];
    for key in examined.proven {
        let scheme = key.scheme().name();
        if selection.takes(key.key_type()) {
            keys.push(bundle_key(key.into_claim(), scheme));
        }
    }
    for key in examined.unprovable {
        if selection.takes(key.key_type()) {
            keys.push(bundle_key(key.into_claim(), "unproven"));
        }
    }
    if keys.is_empty() {
        return Err(KeystoreFault::Empty { dir });
    }
    let network = match chain {
        Some(chain) if selection.key_types.is_empty() => read_network(&chain)?,
        _ => vec![],
    };
    let files = network
        .into_iter()
        .map(|file| BundleFile {
            path: file_path(file.path()),
            content: SecretBytes::new(file.content().expose().to_vec()),
        })
        .collect();
    Ok(Gathered {
        keys,
        files,
        warnings,
    })
}

/// Why the keys of a bundle or delivery are not proven.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ProveFault {
    /// Type or public key can't be those of a keystore key.
    #[error("The {key_type} key is not a keystore key.")]
    Malformed {
        /// The key type, as it stands there.
        key_type: String,
    },
    /// A pair is wrong.
    #[error(transparent)]
    Pair(#[from] PairFault),
    /// A token's key is wrong.
    #[error(transparent)]
    Token(#[from] TokenFault),
    /// A network file is wrong.
    #[error(transparent)]
    File(#[from] FileFault),
}

impl Refuse for ProveFault {
    fn name(&self) -> &'static str {
        match self {
            Self::Malformed { .. } => "key-malformed",
            Self::Pair(fault) => fault.name(),
            Self::Token(fault) => fault.name(),
            Self::File(fault) => fault.name(),
        }
    }

    fn way_on(&self) -> &'static str {
        match self {
            Self::Malformed { .. } => "Look for another copy of the backup.",
            Self::Pair(fault) => fault.way_on(),
            Self::Token(fault) => fault.way_on(),
            Self::File(fault) => fault.way_on(),
        }
    }
}

/// The pairs of a bundle or delivery, each proven anew.
pub struct ProvenAll {
    /// Proven keys.
    pub keys: Vec<ProvenKey>,
    /// Keys that no known scheme can prove.
    pub unproven: Vec<UnprovableKey>,
    /// Network files.
    pub files: Vec<ProvenNetworkFile>,
}

/// Proves every pair of a bundle or delivery; the keys of a token (`hsm/...`) too, which no keystore holds. `password` is the keystore password, if the node has one.
///
/// # Errors
/// [`ProveFault`] of the first that is wrong.
pub fn prove_all(
    keys: &[BundleKey],
    files: &[BundleFile],
    password: Option<&SecretText>,
) -> Result<ProvenAll, ProveFault> {
    let (mut proven, mut unproven) = (vec![], vec![]);
    for key in keys {
        if is_token_key(&key.key_type) {
            token_key(key)?;
            continue;
        }
        let malformed = || ProveFault::Malformed {
            key_type: key.key_type.clone(),
        };
        let (key_type, public) = type_and_public(key).ok_or_else(malformed)?;
        let claim = KeyClaim {
            key_type,
            public,
            secret_text: SecretBytes::new(key.secret.expose().to_vec()),
            source: key.source.clone(),
        };
        match claim.prove(password) {
            Ok(key) => proven.push(key),
            Err(NotProven::Unprovable(key)) => unproven.push(key),
            Err(NotProven::Wrong(fault)) => return Err(fault.into()),
        }
    }
    let files = files
        .iter()
        .map(|file| {
            let content = SecretBytes::new(file.content.expose().to_vec());
            ProvenNetworkFile::prove(network_path(file.path), content)
        })
        .collect::<Result<_, _>>()?;
    Ok(ProvenAll {
        keys: proven,
        unproven,
        files,
    })
}

/// Type and raw public key, as the chain knows keys; `None` if a member isn't in its form.
pub fn type_and_public(key: &BundleKey) -> Option<(KeyType, Vec<u8>)> {
    let digits = key.public.strip_prefix("0x").unwrap_or(&key.public);
    let public = HEXLOWER.decode(digits.as_bytes()).ok()?;
    Some((KeyType::parse(&key.key_type)?, public))
}

pub(super) fn bundle_key(claim: KeyClaim, scheme: &str) -> BundleKey {
    BundleKey {
        key_type: claim.key_type.to_string(),
        scheme: scheme.to_owned(),
        public: format!("0x{}", HEXLOWER.encode(&claim.public)),
        secret: claim.secret_text,
        source: claim.source,
    }
}

pub(super) fn network_path(path: FilePath) -> NetworkPath {
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
