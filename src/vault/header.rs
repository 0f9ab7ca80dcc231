//! The public part of a sealed backup.
//!
//! A header says which ceremony, set and keys a sealed file belongs to, without opening it. In a JWE it stands in the
//! `protected` header (`kid` is the set id, the rest is the object `qh`) and so is authenticated by the seal; beside an
//! age file it stands in a clear sidecar, which proves nothing until the file is open. In both cases each member stands
//! again inside the bundle, and opening compares them.

use super::document::{Document, DocumentError, Object, Rules, version};
use data_encoding::HEXLOWER;
use serde::{Deserialize, Serialize};

/// The `format` of a sealed backup.
pub const SEALED_FORMAT: &str = "qh-sealed/1";

/// The most shares that a ceremony makes.
pub const MAX_SHARES: u8 = 16;

/// The most keys in a bundle.
pub const MAX_KEYS: usize = 64;

/// A public key of the validator.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PublicKey {
    /// Substrate's four-letter key type, such as `aura`.
    pub key_type: String,
    /// The signature scheme's name.
    pub scheme: String,
    /// `0x` and lower-case hex.
    pub public: String,
}

/// What anyone may know about a sealed backup (`qh-sealed/1`).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Header {
    /// The ceremony's id, such as `BR-2026-11-22-01`.
    pub ceremony: String,
    /// When the backup was made: RFC 3339, UTC, whole seconds, `Z`.
    pub created: String,
    /// How many shares open it.
    pub k: u8,
    /// How many shares were made.
    pub n: u8,
    /// The public keys of the sealed key pairs, in the bundle's order.
    pub public_keys: Vec<PublicKey>,
    /// HMAC(S, `qh-ceremony check v1` and set id): whether shares give the right secret, before anything is opened.
    pub key_check: [u8; 32],
    /// Whether a rehearsal made it. The caller compares this with its own kind of ceremony.
    pub rehearsal: bool,
    /// The id of the share set, 6 bytes; `kid` in a JWE.
    pub set_id: [u8; 6],
}

impl Header {
    /// The set id in lower-case hex.
    pub fn set_id_hex(&self) -> String {
        HEXLOWER.encode(&self.set_id)
    }

    /// Checks every rule of the format: 2 <= k <= n <= 16, names, time, keys.
    pub(super) fn check(&self, document: Document) -> Result<(), DocumentError> {
        let rules = Rules(document);
        rules.short_name("ceremony", &self.ceremony)?;
        rules.time("created", &self.created)?;
        threshold(&rules, self.k, self.n)?;
        rules.hold(
            (1..=MAX_KEYS).contains(&self.public_keys.len()),
            "public_keys",
            "there must be 1 to 64",
        )?;
        for (i, key) in self.public_keys.iter().enumerate() {
            rules.short_name(format!("public_keys[{i}].key_type"), &key.key_type)?;
            rules.short_name(format!("public_keys[{i}].scheme"), &key.scheme)?;
            rules.public(format!("public_keys[{i}].public"), &key.public)?;
            let twice = self.public_keys[..i]
                .iter()
                .any(|other| (&other.key_type, &other.public) == (&key.key_type, &key.public));
            rules.hold(
                !twice,
                format!("public_keys[{i}]"),
                "the same key stands twice",
            )?;
        }
        Ok(())
    }
}

/// Checks a threshold: 2 <= k <= n <= 16.
pub(super) fn threshold(rules: &Rules, k: u8, n: u8) -> Result<(), DocumentError> {
    rules.hold(
        2 <= k && k <= n && n <= MAX_SHARES,
        "k",
        "2 <= k <= n <= 16 must hold",
    )
}

/// The object `qh` of the JWE header, as written.
#[derive(Serialize)]
pub(super) struct QhOut<'a> {
    format: &'static str,
    ceremony: &'a str,
    created: &'a str,
    k: u8,
    n: u8,
    public_keys: &'a [PublicKey],
    key_check: String,
    rehearsal: bool,
}

impl<'a> QhOut<'a> {
    pub(super) fn of(header: &'a Header) -> Self {
        Self {
            format: SEALED_FORMAT,
            ceremony: &header.ceremony,
            created: &header.created,
            k: header.k,
            n: header.n,
            public_keys: &header.public_keys,
            key_check: HEXLOWER.encode(&header.key_check),
            rehearsal: header.rehearsal,
        }
    }
}

/// The object `qh` of the JWE header, as read.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct QhIn {
    pub(super) format: String,
    pub(super) ceremony: String,
    pub(super) created: String,
    pub(super) k: u8,
    pub(super) n: u8,
    pub(super) public_keys: Vec<Object<PublicKey>>,
    pub(super) key_check: String,
    pub(super) rehearsal: bool,
}

impl QhIn {
    /// A checked header; `set_id` is the hex text of `kid`, or of the sidecar's `set_id`, named `set_id_member`.
    pub(super) fn into_header(
        self,
        document: Document,
        set_id_member: &str,
        set_id: &str,
    ) -> Result<Header, DocumentError> {
        version(document, &self.format, SEALED_FORMAT)?;
        let rules = Rules(document);
        let header = Header {
            ceremony: self.ceremony,
            created: self.created,
            k: self.k,
            n: self.n,
            public_keys: self
                .public_keys
                .into_iter()
                .map(|Object(key)| key)
                .collect(),
            key_check: rules.hex("key_check", &self.key_check)?,
            rehearsal: self.rehearsal,
            set_id: rules.hex(set_id_member, set_id)?,
        };
        header.check(document)?;
        Ok(header)
    }
}
