//! The key bundle, `qh-key-bundle/1`: everything a sealed backup holds.
//!
//! The header's members stand again inside, so that a header can't be exchanged without being noticed; `k` and `n` are
//! always written, and may be absent in a bundle that was sealed by hand. The same rules hold before writing and after
//! reading: what this program seals, it can open. The JSON is compact, so that every byte of it means something.

use super::contents::{self, BundleFile, BundleKey, FileIn, FileOut, KeyIn, KeyOut, Network};
use super::contents::{NetworkIn, NetworkOut};
use super::document::{self, Document, DocumentError, Object, Rules};
use super::header::{self, Header};
use crate::refusal::Refuse;
use crate::secret::SecretBytes;
use data_encoding::HEXLOWER;
use serde::{Deserialize, Serialize};
use thiserror::Error;

/// The `format` of a key bundle.
pub const BUNDLE_FORMAT: &str = "qh-key-bundle/1";

/// The largest bundle in bytes of JSON.
pub const MAX_BUNDLE: usize = 1 << 20;

const RULES: Rules = Rules(Document::Bundle);

/// How many shares open a backup, of how many.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Threshold {
    /// Shares that open it.
    pub k: u8,
    /// Shares made.
    pub n: u8,
}

/// Everything a sealed backup holds. It has neither `Debug` nor `Clone`.
pub struct Bundle {
    /// The ceremony's id.
    pub ceremony: String,
    /// Whether a rehearsal made it.
    pub rehearsal: bool,
    /// The share set's id.
    pub set_id: [u8; 6],
    /// The key check of secret and set.
    pub key_check: [u8; 32],
    /// Shares needed and made. Sealing needs it; a bundle sealed by hand may lack it.
    pub threshold: Option<Threshold>,
    /// The network of the keys.
    pub network: Network,
    /// The node's name, for people.
    pub node: String,
    /// When the backup was made: RFC 3339, UTC, whole seconds, `Z`.
    pub created: String,
    /// Whether the node runs with a keystore password, which is part of each SURI and is not in the bundle.
    pub keystore_password: bool,
    /// The key pairs, 1 to 64.
    pub keys: Vec<BundleKey>,
    /// The files of the closed list.
    pub files: Vec<BundleFile>,
}

/// Why a bundle was refused.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum BundleError {
    /// The bundle breaks its format.
    #[error(transparent)]
    Document(#[from] DocumentError),
    /// A public member says something else outside of the seal than inside.
    #[error(
        "The sealed file's header and the bundle inside differ in `{member}`: the header was changed or exchanged."
    )]
    HeaderDiffers {
        /// The member's name.
        member: &'static str,
    },
}

impl Refuse for BundleError {
    fn name(&self) -> &'static str {
        match self {
            Self::Document(error) => error.name(),
            Self::HeaderDiffers { .. } => "sealed-header-differs",
        }
    }

    fn way_on(&self) -> &'static str {
        match self {
            Self::Document(error) => error.way_on(),
            Self::HeaderDiffers { .. } => {
                "Take another copy of the sealed file, and compare its SHA-256 with the record."
            }
        }
    }
}

impl Bundle {
    /// The public header of this bundle; `None` if the bundle doesn't say k and n.
    pub fn header(&self) -> Option<Header> {
        let Threshold { k, n } = self.threshold?;
        Some(Header {
            ceremony: self.ceremony.clone(),
            created: self.created.clone(),
            k,
            n,
            public_keys: self.keys.iter().map(BundleKey::public_key).collect(),
            key_check: self.key_check,
            rehearsal: self.rehearsal,
            set_id: self.set_id,
        })
    }

    /// Compact JSON of at most [`MAX_BUNDLE`] bytes, built without unwiped copies.
    ///
    /// # Errors
    /// [`BundleError::Document`] if [`Bundle::parse`] would refuse the result.
    pub fn to_json(&self) -> Result<SecretBytes, BundleError> {
        self.check()?;
        let mut json = document::write_secret(&BundleOut {
            format: BUNDLE_FORMAT,
            rehearsal: self.rehearsal,
            ceremony: &self.ceremony,
            set_id: HEXLOWER.encode(&self.set_id),
            key_check: HEXLOWER.encode(&self.key_check),
            k: self.threshold.map(|t| t.k),
            n: self.threshold.map(|t| t.n),
            network: NetworkOut::of(&self.network),
            node: &self.node,
            created: &self.created,
            keystore_password: self.keystore_password,
            keys: contents::keys_out(&self.keys),
            files: contents::files_out(&self.files),
        });
        document::bounded(Document::Bundle, &json, MAX_BUNDLE)?;
        Ok(SecretBytes::new(std::mem::take(&mut *json)))
    }

    /// Reads a bundle strictly.
    ///
    /// # Errors
    /// [`BundleError::Document`] for anything but a `qh-key-bundle/1` of at most [`MAX_BUNDLE`] bytes.
    pub fn parse(json: &[u8]) -> Result<Self, BundleError> {
        let read: BundleIn =
            document::read_version(Document::Bundle, json, MAX_BUNDLE, BUNDLE_FORMAT)?;
        document::version(Document::Bundle, &read.format, BUNDLE_FORMAT)?;
        let threshold = match (read.k, read.n) {
            (Some(k), Some(n)) => Some(Threshold { k, n }),
            (None, None) => None,
            _ => return Err(RULES.bad("k", "k and n must stand together").into()),
        };
        let Object(network) = read.network;
        let bundle = Self {
            ceremony: read.ceremony,
            rehearsal: read.rehearsal,
            set_id: RULES.hex("set_id", &read.set_id)?,
            key_check: RULES.hex("key_check", &read.key_check)?,
            threshold,
            network: network.into_network(&RULES)?,
            node: read.node,
            created: read.created,
            keystore_password: read.keystore_password,
            keys: contents::keys_in(read.keys),
            files: contents::files_in(&RULES, read.files)?,
        };
        bundle.check()?;
        Ok(bundle)
    }

    /// Whether the header says what the bundle says.
    ///
    /// # Errors
    /// [`BundleError::HeaderDiffers`] names the first member that differs.
    pub fn header_agrees(&self, header: &Header) -> Result<(), BundleError> {
        let keys_agree = self.keys.len() == header.public_keys.len()
            && self
                .keys
                .iter()
                .zip(&header.public_keys)
                .all(|(own, stated)| {
                    (&own.key_type, &own.scheme, &own.public)
                        == (&stated.key_type, &stated.scheme, &stated.public)
                });
        let agreement = [
            ("ceremony", self.ceremony == header.ceremony),
            ("created", self.created == header.created),
            ("k", self.threshold.is_none_or(|t| t.k == header.k)),
            ("n", self.threshold.is_none_or(|t| t.n == header.n)),
            ("public_keys", keys_agree),
            ("key_check", self.key_check == header.key_check),
            ("rehearsal", self.rehearsal == header.rehearsal),
            ("set_id", self.set_id == header.set_id),
        ];
        match agreement.into_iter().find(|(_, agrees)| !agrees) {
            None => Ok(()),
            Some((member, _)) => Err(BundleError::HeaderDiffers { member }),
        }
    }

    fn check(&self) -> Result<(), DocumentError> {
        RULES.short_name("ceremony", &self.ceremony)?;
        RULES.time("created", &self.created)?;
        if let Some(Threshold { k, n }) = self.threshold {
            header::threshold(&RULES, k, n)?;
        }
        RULES.hold(!self.keys.is_empty(), "keys", "there must be at least one")?;
        contents::check(&RULES, &self.network, &self.node, &self.keys, &self.files)
    }
}

#[derive(Serialize)]
struct BundleOut<'a> {
    format: &'static str,
    rehearsal: bool,
    ceremony: &'a str,
    set_id: String,
    key_check: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    k: Option<u8>,
    #[serde(skip_serializing_if = "Option::is_none")]
    n: Option<u8>,
    network: NetworkOut<'a>,
    node: &'a str,
    created: &'a str,
    keystore_password: bool,
    keys: Vec<KeyOut<'a>>,
    files: Vec<FileOut>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct BundleIn {
    format: String,
    rehearsal: bool,
    ceremony: String,
    set_id: String,
    key_check: String,
    #[serde(default, deserialize_with = "contents::some_u8")]
    k: Option<u8>,
    #[serde(default, deserialize_with = "contents::some_u8")]
    n: Option<u8>,
    network: Object<NetworkIn>,
    node: String,
    created: String,
    keystore_password: bool,
    keys: Vec<Object<KeyIn>>,
    files: Vec<Object<FileIn>>,
}
