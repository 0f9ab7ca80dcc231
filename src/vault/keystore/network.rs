//! The two secret files in `chains/<id>/network`. They are kept byte by byte, whatever else stands in them.

use std::path::Path;

use serde::Deserialize;
use zeroize::Zeroizing;

use super::dir::Directory;
use super::file::read_bounded;
use super::write::{Planned, names_beside, write_files};
use super::{FileFault, Finding, KeystoreFault, Owner, WriteFault, Written};
use crate::secret::SecretBytes;
use crate::vault::schemes::{PairFault, Scheme, falcon, node_key};

/// Longest content of such a file that is read, in bytes. An identity has about 8.3 kB.
const MAX_FILE: usize = 64 * 1024;

/// The closed list of files that travel beside the keystore.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum NetworkPath {
    /// The Falcon-1024 P2P identity.
    PqcIdentity,
    /// The legacy ed25519 node key.
    NodeKey,
}

impl NetworkPath {
    /// The whole list.
    pub const ALL: [Self; 2] = [Self::PqcIdentity, Self::NodeKey];

    /// The path relative to `chains/<id>`, as a bundle writes it.
    pub const fn path(self) -> &'static str {
        match self {
            Self::PqcIdentity => "network/pqc_transport_identity.json",
            Self::NodeKey => "network/secret_ed25519",
        }
    }

    /// The entry with exactly that path; `None` for any other text.
    pub fn from_path(path: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|entry| entry.path() == path)
    }

    fn file(self) -> &'static str {
        match self {
            Self::PqcIdentity => "pqc_transport_identity.json",
            Self::NodeKey => "secret_ed25519",
        }
    }
}

/// A network file whose content is proven. For [`NetworkPath::NodeKey`] the public key is derived, since no file holds
/// it: it proves the form, and it is what people compare.
pub struct ProvenNetworkFile {
    path: NetworkPath,
    public: Vec<u8>,
    content: SecretBytes,
}

impl ProvenNetworkFile {
    /// Proves the content of a file. Further members of an identity are left alone.
    ///
    /// # Errors
    /// [`FileFault`]: too large, of another form, or a pair that is wrong.
    pub fn prove(path: NetworkPath, content: SecretBytes) -> Result<Self, FileFault> {
        if content.len() > MAX_FILE {
            return Err(FileFault::TooLarge { max: MAX_FILE });
        }
        let public = match path {
            NetworkPath::PqcIdentity => prove_identity(content.expose())?,
            NetworkPath::NodeKey => node_key::public_of(content.expose())?.to_vec(),
        };
        Ok(Self {
            path,
            public,
            content,
        })
    }

    /// Which file it is.
    pub fn path(&self) -> NetworkPath {
        self.path
    }

    /// The scheme of its key.
    pub fn scheme(&self) -> Scheme {
        match self.path {
            NetworkPath::PqcIdentity => Scheme::Falcon1024,
            NetworkPath::NodeKey => Scheme::NodeKeyEd25519,
        }
    }

    /// Its public key, raw bytes.
    pub fn public(&self) -> &[u8] {
        &self.public
    }

    /// Whether the public key stood beside the secret and was compared; otherwise it was derived.
    pub fn public_was_stated(&self) -> bool {
        self.path == NetworkPath::PqcIdentity
    }

    /// The whole content, byte by byte.
    pub fn content(&self) -> &SecretBytes {
        &self.content
    }
}

/// Borrowed from the file's bytes, so that no copy of the secret is made. Escapes can't be borrowed and are refused.
#[derive(Deserialize)]
struct Identity<'a> {
    falcon_public_key: &'a str,
    falcon_secret_key: &'a str,
}

fn prove_identity(content: &[u8]) -> Result<Vec<u8>, FileFault> {
    if content.is_empty() {
        return Err(FileFault::Empty);
    }
    // A derived struct would also take an array of its members' values.
    if content.iter().find(|byte| !byte.is_ascii_whitespace()) != Some(&b'{') {
        return Err(FileFault::IdentityForm);
    }
    let identity: Identity<'_> = serde_json::from_slice(content).map_err(|error| {
        if error.is_eof() {
            FileFault::CutOff
        } else {
            FileFault::IdentityForm
        }
    })?;
    let public = decode(identity.falcon_public_key)?;
    let secret = decode(identity.falcon_secret_key)?;
    falcon::prove(&secret, &public)?;
    Ok(public.to_vec())
}

fn decode(text: &str) -> Result<Zeroizing<Vec<u8>>, FileFault> {
    let digits = text
        .strip_prefix("0x")
        .ok_or(FileFault::Pair(PairFault::NotHex))?;
    data_encoding::HEXLOWER_PERMISSIVE
        .decode(digits.as_bytes())
        .map(Zeroizing::new)
        .map_err(|_| FileFault::Pair(PairFault::NotHex))
}

/// Whether `dir` is a chain directory (`chains/<id>`): it has a `keystore` or a `network` directory.
pub fn is_chain_dir(dir: &Path) -> bool {
    dir.join("keystore").is_dir() || dir.join("network").is_dir()
}

/// Reads and judges those of the two files that are there, below the chain directory `chain_dir`.
///
/// # Errors
/// [`KeystoreFault`] if the network directory can't be opened. An absent one has no files.
pub fn examine_network(
    chain_dir: &Path,
) -> Result<(Vec<ProvenNetworkFile>, Vec<Finding>), KeystoreFault> {
    let dir = match Directory::open(&chain_dir.join("network")) {
        Ok(dir) => dir,
        Err(KeystoreFault::Absent { .. }) => return Ok((Vec::new(), Vec::new())),
        Err(fault) => return Err(fault),
    };
    let (mut proven, mut findings) = (Vec::new(), Vec::new());
    for path in NetworkPath::ALL {
        if matches!(
            dir.stat(path.file().as_bytes()),
            Err(rustix::io::Errno::NOENT)
        ) {
            continue;
        }
        let file = read_bounded(&dir, path.file().as_bytes(), MAX_FILE)
            .map(|mut content| SecretBytes::new(std::mem::take(&mut *content)))
            .and_then(|content| ProvenNetworkFile::prove(path, content));
        match file {
            Ok(file) => proven.push(file),
            Err(fault) => findings.push(Finding {
                file: path.path().to_owned(),
                fault,
            }),
        }
    }
    Ok((proven, findings))
}

/// Reads those of the two files that are there, below the chain directory `chain_dir`.
///
/// # Errors
/// As [`examine_network`]; [`KeystoreFault::Files`] with every finding if there is one.
pub fn read_network(chain_dir: &Path) -> Result<Vec<ProvenNetworkFile>, KeystoreFault> {
    match examine_network(chain_dir)? {
        (proven, findings) if findings.is_empty() => Ok(proven),
        (_, findings) => Err(KeystoreFault::Files(findings)),
    }
}

/// Writes network files below the chain directory `chain_dir`, whose `network` directory must exist. The rules are those
/// of [`super::write`].
///
/// # Errors
/// [`WriteFault`].
pub fn write_network(
    chain_dir: &Path,
    files: &[ProvenNetworkFile],
    owner: Option<Owner>,
) -> Result<Written, WriteFault> {
    let dir = Directory::open(&chain_dir.join("network"))?;
    let planned: Vec<Planned> = files
        .iter()
        .map(|file| Planned {
            name: file.path.file().to_owned(),
            content: Zeroizing::new(file.content.expose().to_vec()),
        })
        .collect();
    let files = write_files(&dir, &planned, owner)?;
    let others = names_beside(&dir, &files)?;
    Ok(Written { files, others })
}
