//! What a key bundle and a key delivery have in common: the network, the keys, the files.
//!
//! A key's secret is the text that the node's keystore holds, between its quotes: `0x` and 256 hex digits for an aura
//! key, a SURI (phrase or hex seed, with derivation) for the others. Files come from a closed list of paths, so that
//! nothing in a bundle can choose where it is written.

use super::document::{DocumentError, HiddenText, Object, Rules};
use super::header::{MAX_KEYS, PublicKey};
use crate::secret::SecretBytes;
use data_encoding::{BASE64, HEXLOWER};
use serde::{Deserialize, Deserializer, Serialize};
use zeroize::Zeroizing;

/// The mode of every file in a bundle, as on the node.
pub const FILE_MODE: u32 = 0o600;

const FILE_MODE_TEXT: &str = "0600";
const MAX_SECRET: usize = 16 * 1024;
const MAX_FILE: usize = 64 * 1024;

/// The network that the keys belong to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Network {
    /// The chain id, such as `quantumharmony_prod`.
    pub chain_id: String,
    /// The genesis block's hash; `None` if the source of the keys did not tell it.
    pub genesis_hash: Option<[u8; 32]>,
}

/// One key pair. The secret has no `Debug`, and so neither has this.
pub struct BundleKey {
    /// Substrate's four-letter key type, such as `aura`.
    pub key_type: String,
    /// The signature scheme's name.
    pub scheme: String,
    /// `0x` and lower-case hex.
    pub public: String,
    /// The keystore's text: `0x` and hex, or a SURI. UTF-8, at most 16 KiB.
    pub secret: SecretBytes,
    /// Where the key came from, for people: a keystore's path, a token's label.
    pub source: String,
}

impl BundleKey {
    /// The public half.
    pub fn public_key(&self) -> PublicKey {
        PublicKey {
            key_type: self.key_type.clone(),
            scheme: self.scheme.clone(),
            public: self.public.clone(),
        }
    }
}

/// The files that a bundle may hold, relative to the node's `chains/<id>/`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FilePath {
    /// The Falcon-1024 P2P identity.
    PqcTransportIdentity,
    /// The ed25519 node key.
    SecretEd25519,
}

impl FilePath {
    /// Every path of the closed list.
    pub const ALL: [Self; 2] = [Self::PqcTransportIdentity, Self::SecretEd25519];

    /// The relative path.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::PqcTransportIdentity => "network/pqc_transport_identity.json",
            Self::SecretEd25519 => "network/secret_ed25519",
        }
    }

    /// The path of exactly this text.
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|path| path.as_str() == text)
    }
}

/// One file, to be written with mode [`FILE_MODE`].
pub struct BundleFile {
    /// Where it belongs.
    pub path: FilePath,
    /// Its bytes, 1 to 65,536.
    pub content: SecretBytes,
}

/// Checks the rules that a bundle and a delivery share, before writing and after reading.
pub(super) fn check(
    rules: &Rules,
    network: &Network,
    node: &str,
    keys: &[BundleKey],
    files: &[BundleFile],
) -> Result<(), DocumentError> {
    rules.short_name("network.chain_id", &network.chain_id)?;
    rules.free_text("node", node)?;
    rules.hold(keys.len() <= MAX_KEYS, "keys", "there must be at most 64")?;
    for (i, key) in keys.iter().enumerate() {
        let at = |member: &str| format!("keys[{i}].{member}");
        rules.short_name(at("key_type"), &key.key_type)?;
        rules.short_name(at("scheme"), &key.scheme)?;
        rules.public(at("public"), &key.public)?;
        rules.free_text(at("source"), &key.source)?;
        rules.hold(
            (1..=MAX_SECRET).contains(&key.secret.len()),
            at("secret"),
            "it must have 1 to 16384 bytes",
        )?;
        rules.hold(
            std::str::from_utf8(key.secret.expose()).is_ok(),
            at("secret"),
            "it must be text (UTF-8)",
        )?;
        let twice = keys[..i]
            .iter()
            .any(|other| (&other.key_type, &other.public) == (&key.key_type, &key.public));
        rules.hold(!twice, format!("keys[{i}]"), "the same key stands twice")?;
    }
    for (i, file) in files.iter().enumerate() {
        let twice = files[..i].iter().any(|other| other.path == file.path);
        rules.hold(
            !twice,
            format!("files[{i}].path"),
            "the same path stands twice",
        )?;
        rules.hold(
            (1..=MAX_FILE).contains(&file.content.len()),
            format!("files[{i}].content"),
            "it must have 1 to 65536 bytes",
        )?;
    }
    Ok(())
}

#[derive(Serialize)]
pub(super) struct NetworkOut<'a> {
    chain_id: &'a str,
    genesis_hash: Option<String>,
}

impl<'a> NetworkOut<'a> {
    pub(super) fn of(network: &'a Network) -> Self {
        Self {
            chain_id: &network.chain_id,
            genesis_hash: network.genesis_hash.map(|hash| HEXLOWER.encode(&hash)),
        }
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct NetworkIn {
    chain_id: String,
    // `null` says that the hash isn't known; a missing member says nothing, and is refused.
    #[serde(deserialize_with = "Option::deserialize")]
    genesis_hash: Option<String>,
}

impl NetworkIn {
    pub(super) fn into_network(self, rules: &Rules) -> Result<Network, DocumentError> {
        let genesis_hash = self
            .genesis_hash
            .map(|hex| rules.hex("network.genesis_hash", &hex))
            .transpose()?;
        Ok(Network {
            chain_id: self.chain_id,
            genesis_hash,
        })
    }
}

#[derive(Serialize)]
pub(super) struct KeyOut<'a> {
    key_type: &'a str,
    scheme: &'a str,
    public: &'a str,
    secret: &'a str,
    source: &'a str,
}

/// Borrows the keys for writing. They are checked: a secret that isn't text never gets here.
pub(super) fn keys_out(keys: &[BundleKey]) -> Vec<KeyOut<'_>> {
    keys.iter()
        .map(|key| KeyOut {
            key_type: &key.key_type,
            scheme: &key.scheme,
            public: &key.public,
            secret: std::str::from_utf8(key.secret.expose()).unwrap_or_default(),
            source: &key.source,
        })
        .collect()
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct KeyIn {
    key_type: String,
    scheme: String,
    public: String,
    secret: HiddenText,
    source: String,
}

pub(super) fn keys_in(keys: Vec<Object<KeyIn>>) -> Vec<BundleKey> {
    keys.into_iter()
        .map(|Object(mut key)| BundleKey {
            key_type: key.key_type,
            scheme: key.scheme,
            public: key.public,
            secret: SecretBytes::take(&mut key.secret.0),
            source: key.source,
        })
        .collect()
}

#[derive(Serialize)]
pub(super) struct FileOut {
    path: &'static str,
    mode: &'static str,
    content: HiddenBase64,
}

struct HiddenBase64(Zeroizing<String>);

impl Serialize for HiddenBase64 {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0)
    }
}

pub(super) fn files_out(files: &[BundleFile]) -> Vec<FileOut> {
    files
        .iter()
        .map(|file| FileOut {
            path: file.path.as_str(),
            mode: FILE_MODE_TEXT,
            content: HiddenBase64(Zeroizing::new(BASE64.encode(file.content.expose()))),
        })
        .collect()
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct FileIn {
    path: String,
    mode: String,
    content: HiddenText,
}

pub(super) fn files_in(
    rules: &Rules,
    files: Vec<Object<FileIn>>,
) -> Result<Vec<BundleFile>, DocumentError> {
    let mut read = Vec::with_capacity(files.len());
    for (i, Object(file)) in files.into_iter().enumerate() {
        let path = FilePath::parse(&file.path).ok_or_else(|| {
            rules.bad(
                format!("files[{i}].path"),
                "it is not on the closed list of paths",
            )
        })?;
        rules.hold(
            file.mode == FILE_MODE_TEXT,
            format!("files[{i}].mode"),
            "every file has the mode 0600",
        )?;
        let content = BASE64.decode(&file.content.0).map_err(|_| {
            rules.bad(
                format!("files[{i}].content"),
                "it is not base64 as RFC 4648 writes it",
            )
        })?;
        read.push(BundleFile {
            path,
            content: SecretBytes::new(content),
        });
    }
    Ok(read)
}

/// Reads a number that may be absent but not `null`.
pub(super) fn some_u8<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<u8>, D::Error> {
    u8::deserialize(deserializer).map(Some)
}
