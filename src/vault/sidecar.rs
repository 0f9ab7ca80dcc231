//! The clear sidecar of an age file, `NAME.age.json`: what a JWE carries in its header.
//!
//! An age file has no room for a public header, so its members stand beside it, with the file's SHA-256. The sidecar is
//! public and unproven: the hash ties it to the file, and opening compares every member with the bundle. When it is
//! lost, [`Sidecar::new`] makes it again from the record's facts, or [`Sidecar::rebuild`] after opening.

use super::bundle::Bundle;
use super::document::{self, Document, DocumentError, Object, Rules};
use super::header::{Header, PublicKey, QhIn, SEALED_FORMAT};
use super::sealed::SealedError;
use data_encoding::HEXLOWER;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

/// The largest sidecar in bytes.
pub const MAX_SIDECAR: usize = 512 * 1024;

/// The sidecar of one age file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sidecar {
    /// The public header.
    pub header: Header,
    /// SHA-256 of the age file.
    pub sha256: [u8; 32],
}

impl Sidecar {
    /// The sidecar of `age_file`.
    ///
    /// # Errors
    /// [`DocumentError`] if the header breaks a rule of the format.
    pub fn new(header: Header, age_file: &[u8]) -> Result<Self, DocumentError> {
        header.check(Document::Sidecar)?;
        Ok(Self {
            header,
            sha256: Sha256::digest(age_file).into(),
        })
    }

    /// Makes a lost sidecar again after its file was opened.
    ///
    /// # Errors
    /// [`SealedError::ThresholdMissing`] if the bundle doesn't say k and n (the record does).
    pub fn rebuild(bundle: &Bundle, age_file: &[u8]) -> Result<Self, SealedError> {
        let header = bundle.header().ok_or(SealedError::ThresholdMissing)?;
        Ok(Self::new(header, age_file)?)
    }

    /// Whether this sidecar belongs to `age_file`.
    ///
    /// # Errors
    /// [`SealedError::SidecarHash`] if the hash differs.
    pub fn belongs_to(&self, age_file: &[u8]) -> Result<(), SealedError> {
        let found: [u8; 32] = Sha256::digest(age_file).into();
        if found == self.sha256 {
            Ok(())
        } else {
            Err(SealedError::SidecarHash {
                stated: HEXLOWER.encode(&self.sha256),
                found: HEXLOWER.encode(&found),
            })
        }
    }

    /// Compact JSON, without a newline at its end.
    pub fn to_json(&self) -> Vec<u8> {
        let header = &self.header;
        serde_json::to_vec(&SidecarOut {
            format: SEALED_FORMAT,
            ceremony: &header.ceremony,
            set_id: header.set_id_hex(),
            created: &header.created,
            k: header.k,
            n: header.n,
            public_keys: &header.public_keys,
            key_check: HEXLOWER.encode(&header.key_check),
            rehearsal: header.rehearsal,
            sha256: HEXLOWER.encode(&self.sha256),
        })
        .expect("our structs have text keys and memory takes every byte")
    }

    /// Reads a sidecar strictly; at most [`MAX_SIDECAR`] bytes.
    ///
    /// # Errors
    /// [`DocumentError`], always of [`Document::Sidecar`].
    pub fn parse(json: &[u8]) -> Result<Self, DocumentError> {
        let document = Document::Sidecar;
        let read: SidecarIn = document::read_version(document, json, MAX_SIDECAR, SEALED_FORMAT)?;
        let sha256 = Rules(document).hex("sha256", &read.sha256)?;
        let set_id = read.set_id.clone();
        let header = QhIn::from(read).into_header(document, "set_id", &set_id)?;
        Ok(Self { header, sha256 })
    }
}

#[derive(Serialize)]
struct SidecarOut<'a> {
    format: &'static str,
    ceremony: &'a str,
    set_id: String,
    created: &'a str,
    k: u8,
    n: u8,
    public_keys: &'a [PublicKey],
    key_check: String,
    rehearsal: bool,
    sha256: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct SidecarIn {
    format: String,
    ceremony: String,
    set_id: String,
    created: String,
    k: u8,
    n: u8,
    public_keys: Vec<Object<PublicKey>>,
    key_check: String,
    rehearsal: bool,
    sha256: String,
}

impl From<SidecarIn> for QhIn {
    fn from(read: SidecarIn) -> Self {
        Self {
            format: read.format,
            ceremony: read.ceremony,
            created: read.created,
            k: read.k,
            n: read.n,
            public_keys: read.public_keys,
            key_check: read.key_check,
            rehearsal: read.rehearsal,
        }
    }
}
