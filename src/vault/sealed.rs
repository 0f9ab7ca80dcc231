//! A sealed backup of either kind, as it comes from a medium.
//!
//! The kind is told by content, never by file name. Reading needs no key and proves nothing; opening compares the key
//! check first, then the seal, then every member of the public header with the bundle inside.

use super::age_file;
use super::bundle::{Bundle, BundleError};
use super::checked::CheckedKey;
use super::document::{Document, DocumentError};
use super::header::Header;
use super::sidecar::Sidecar;
use super::{seal_age, seal_jwe};
use crate::refusal::Refuse;
use crate::secret::{Secret32, SecretBytes, SecretText};
use sha2::{Digest, Sha256};
use thiserror::Error;

/// The largest sealed file in bytes.
pub const MAX_SEALED: usize = 4 << 20;

/// Why a sealed file was refused. Texts hold public facts only.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum SealedError {
    /// Header, sidecar or the JWE's JSON break their format.
    #[error(transparent)]
    Document(#[from] DocumentError),
    /// The bundle breaks its format, or says something else than the header.
    #[error(transparent)]
    Bundle(#[from] BundleError),
    /// Too many bytes for a sealed file.
    #[error("The sealed file has {bytes} bytes; at most {limit} are allowed.")]
    TooLarge {
        /// Its size in bytes.
        bytes: usize,
        /// The largest size in bytes.
        limit: usize,
    },
    /// Neither a JWE nor an age file.
    #[error("This is no sealed backup: it is neither a JWE nor an age file.")]
    UnknownKind,
    /// A member that RFC 7516 allows and this format forbids.
    #[error("The sealed file has the member `{member}`, which this format forbids.")]
    Forbidden {
        /// The member's name.
        member: &'static str,
    },
    /// Not base64url, or not the one way to write these bytes.
    #[error(
        "The sealed file's `{member}` is not base64url without padding and with unused bits zero."
    )]
    Base64Url {
        /// The member's name.
        member: &'static str,
    },
    /// Another algorithm than the format's.
    #[error("The sealed file's header names another algorithm: `{member}` must be `{wanted}`.")]
    Algorithm {
        /// `alg` or `enc`.
        member: &'static str,
        /// The only value allowed.
        wanted: &'static str,
    },
    /// An age file in ASCII armor.
    #[error("The age file is in ASCII armor; a sealed backup is binary.")]
    Armored,
    /// An age file of another version.
    #[error("The age file is of another version than v1.")]
    AgeVersion,
    /// The first lines of the age file are damaged.
    #[error("The age file's first lines are damaged or cut off.")]
    AgeHeader,
    /// Sealed to something else than one passphrase.
    #[error("The age file is not sealed to one passphrase, so it is not a sealed backup.")]
    NotPassphrase,
    /// The file demands more work than is sane.
    #[error("The age file demands scrypt work of 2^{log_n}; at most 2^{limit} is done.")]
    WorkFactor {
        /// log2 of N in the file.
        log_n: u64,
        /// log2 of the largest N.
        limit: u8,
    },
    /// An age file came without its sidecar.
    #[error("The sidecar of the age file is missing, so its set and key check are not known.")]
    SidecarMissing,
    /// A sidecar came with a JWE, which has none.
    #[error("A sidecar was given with a JWE; only an age file has one.")]
    SidecarUnexpected,
    /// The sidecar states another SHA-256.
    #[error(
        "The sidecar belongs to another file: it states SHA-256 {stated}, this file has {found}."
    )]
    SidecarHash {
        /// In the sidecar, hex.
        stated: String,
        /// Of the file, hex.
        found: String,
    },
    /// The shares' secret isn't the one of this file.
    #[error(
        "The key check differs: the secret of these shares is not the one that sealed the file of set {set_id}."
    )]
    KeyCheck {
        /// The file's set id, hex.
        set_id: String,
    },
    /// The right key doesn't open it.
    #[error("The sealed file was changed or damaged since it was sealed: its seal does not hold.")]
    Changed,
    /// The bundle doesn't say k and n.
    #[error("The bundle does not say how many shares open it (k and n).")]
    ThresholdMissing,
}

const OTHER_COPY: &str =
    "Take another copy of the sealed file; every copy has the SHA-256 that the record states.";

impl Refuse for SealedError {
    fn name(&self) -> &'static str {
        match self {
            Self::Document(error) => error.name(),
            Self::Bundle(error) => error.name(),
            Self::TooLarge { .. } => "sealed-too-large",
            Self::UnknownKind => "sealed-unknown-kind",
            Self::Forbidden { member } => match *member {
                "unprotected" => "jwe-unprotected",
                "header" => "jwe-recipient-header",
                "encrypted_key" => "jwe-encrypted-key",
                "recipients" => "jwe-recipients",
                _ => "jwe-aad",
            },
            Self::Base64Url { .. } => "jwe-base64url",
            Self::Algorithm { .. } => "jwe-algorithm",
            Self::Armored => "age-armored",
            Self::AgeVersion => "age-version",
            Self::AgeHeader => "age-header",
            Self::NotPassphrase => "age-not-passphrase",
            Self::WorkFactor { .. } => "age-work-factor",
            Self::SidecarMissing => "sidecar-missing",
            Self::SidecarUnexpected => "sidecar-unexpected",
            Self::SidecarHash { .. } => "sidecar-of-other-file",
            Self::KeyCheck { .. } => "key-check-differs",
            Self::Changed => "sealed-changed",
            Self::ThresholdMissing => "bundle-threshold-missing",
        }
    }

    fn way_on(&self) -> &'static str {
        match self {
            Self::Document(error) => error.way_on(),
            Self::Bundle(error) => error.way_on(),
            Self::UnknownKind | Self::TooLarge { .. } | Self::NotPassphrase => {
                "Choose the file that the record of the backup names, ending in .jwe or .age."
            }
            Self::Forbidden { .. }
            | Self::Base64Url { .. }
            | Self::Algorithm { .. }
            | Self::AgeVersion
            | Self::AgeHeader
            | Self::WorkFactor { .. }
            | Self::Changed => OTHER_COPY,
            Self::Armored => "Remove the armor with stock tools, or take another copy.",
            Self::SidecarMissing => {
                "Bring NAME.age.json from another copy, or have it made again from the record."
            }
            Self::SidecarUnexpected => "Give the JWE alone.",
            Self::SidecarHash { .. } => {
                "Compare both SHA-256 values with the record, and take file and sidecar of one copy."
            }
            Self::KeyCheck { .. } => {
                "Compare the set id on each sheet with that of the sealed file, and bring one more sheet."
            }
            Self::ThresholdMissing => "Take k and n from the record of the backup.",
        }
    }
}

/// Both keys that a secret gives, for a file whose kind isn't known beforehand.
pub struct SealKeys {
    /// For a JWE.
    pub jwe: Secret32,
    /// For an age file.
    pub age: SecretText,
}

/// A sealed backup as read, unopened. All of it is public.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Sealed {
    /// A JWE and the header it carries.
    Jwe {
        /// The file.
        file: Vec<u8>,
        /// Its header, unproven.
        header: Header,
    },
    /// An age passphrase file.
    Age {
        /// The file.
        file: Vec<u8>,
        /// Its sidecar, unproven; `None` if lost.
        sidecar: Option<Sidecar>,
    },
}

impl Sealed {
    /// Reads a sealed file, and the sidecar that lay beside it.
    ///
    /// # Errors
    /// [`SealedError`], each fault of file, header and sidecar that shows without a key.
    pub fn read(file: Vec<u8>, sidecar: Option<&[u8]>) -> Result<Self, SealedError> {
        if file.len() > MAX_SEALED {
            return Err(too_large(&file));
        }
        if age_file::looks_like_age(&file) {
            seal_age::check_first_lines(&file)?;
            let sidecar = sidecar.map(Sidecar::parse).transpose()?;
            if let Some(sidecar) = &sidecar {
                sidecar.belongs_to(&file)?;
            }
            Ok(Self::Age { file, sidecar })
        } else if file.trim_ascii_start().starts_with(b"{") {
            let header = seal_jwe::read_header(&file)?;
            if sidecar.is_some() {
                return Err(SealedError::SidecarUnexpected);
            }
            Ok(Self::Jwe { file, header })
        } else {
            Err(SealedError::UnknownKind)
        }
    }

    /// The public header, unproven until opened; `None` for an age file without sidecar.
    pub fn header(&self) -> Option<&Header> {
        match self {
            Self::Jwe { header, .. } => Some(header),
            Self::Age { sidecar, .. } => sidecar.as_ref().map(|sidecar| &sidecar.header),
        }
    }

    /// The sealed file's bytes.
    pub fn file(&self) -> &[u8] {
        match self {
            Self::Jwe { file, .. } | Self::Age { file, .. } => file,
        }
    }

    /// SHA-256 of the sealed file.
    pub fn sha256(&self) -> [u8; 32] {
        Sha256::digest(self.file()).into()
    }

    /// Compares `computed` with the header's key check, opens, and compares the header with the bundle.
    ///
    /// # Errors
    /// [`SealedError::SidecarMissing`] for an age file without sidecar (see [`seal_age::open_without_sidecar`]), and
    /// those of [`seal_jwe::open`] and [`seal_age::open`].
    pub fn open(&self, computed: [u8; 32], keys: SealKeys) -> Result<Bundle, SealedError> {
        match self {
            Self::Jwe { file, header } => {
                seal_jwe::open(file, &CheckedKey::new(header, computed, keys.jwe)?)
            }
            Self::Age { file, sidecar } => {
                let sidecar = sidecar.as_ref().ok_or(SealedError::SidecarMissing)?;
                let key = CheckedKey::new(&sidecar.header, computed, keys.age)?;
                seal_age::open(file, sidecar, &key)
            }
        }
    }
}

/// The bundle's JSON, after everything that opening will check has been checked.
pub(super) fn checked_json(
    bundle: &Bundle,
    header: &Header,
    document: Document,
) -> Result<SecretBytes, SealedError> {
    if bundle.threshold.is_none() {
        return Err(SealedError::ThresholdMissing);
    }
    bundle.header_agrees(header)?;
    header.check(document)?;
    Ok(bundle.to_json()?)
}

pub(super) fn too_large(file: &[u8]) -> SealedError {
    SealedError::TooLarge {
        bytes: file.len(),
        limit: MAX_SEALED,
    }
}
