//! Which of our documents was refused, and why.
//!
//! One name for each pair of document and fault, such as `sidecar-duplicate-member`. Some of these documents hold keys,
//! and what `serde_json` says about a fault may quote its input, so no text of its goes into an error: only places, and
//! names of members that this program knows, are repeated.

use crate::refusal::Refuse;
use std::fmt;
use thiserror::Error;

/// Which of our documents an error speaks of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Document {
    /// The JWE file as a whole (RFC 7516, flattened JSON).
    Jwe,
    /// The JWE's `protected` header.
    JweHeader,
    /// The clear sidecar of an age file.
    Sidecar,
    /// The key bundle inside a sealed backup.
    Bundle,
    /// The key delivery between host and laptop.
    Delivery,
}

impl fmt::Display for Document {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Jwe => "sealed file (JWE)",
            Self::JweHeader => "header of the sealed file (JWE `protected`)",
            Self::Sidecar => "sidecar of the age file",
            Self::Bundle => "key bundle",
            Self::Delivery => "key delivery",
        })
    }
}

/// Why a document was refused. Texts hold no value out of the document.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum DocumentError {
    /// More bytes than the format allows.
    #[error("The {document} has {bytes} bytes; at most {limit} are allowed.")]
    TooLarge {
        /// The document.
        document: Document,
        /// Its size in bytes.
        bytes: usize,
        /// The largest size in bytes.
        limit: usize,
    },
    /// The text isn't JSON (RFC 8259).
    #[error("The {document} is not valid JSON (line {line}, column {column}).")]
    NotJson {
        /// The document.
        document: Document,
        /// Line of the fault, from 1.
        line: usize,
        /// Column of the fault, from 1.
        column: usize,
    },
    /// Bytes follow the JSON text.
    #[error("The {document} goes on after its end: bytes follow the JSON text.")]
    TrailingBytes {
        /// The document.
        document: Document,
    },
    /// A member that the format doesn't have.
    #[error(
        "The {document} has a member that the format does not know (line {line}, column {column})."
    )]
    UnknownMember {
        /// The document.
        document: Document,
        /// Line of the fault, from 1.
        line: usize,
        /// Column of the fault, from 1.
        column: usize,
    },
    /// A member stands twice.
    #[error("The {document} has the member `{member}` twice.")]
    DuplicateMember {
        /// The document.
        document: Document,
        /// The member's name.
        member: String,
    },
    /// A member is missing.
    #[error("The {document} lacks the member `{member}`.")]
    MissingMember {
        /// The document.
        document: Document,
        /// The member's name.
        member: String,
    },
    /// A member has another JSON type or range.
    #[error(
        "The {document} has a member of the wrong type or range (line {line}, column {column})."
    )]
    WrongType {
        /// The document.
        document: Document,
        /// Line of the fault, from 1.
        line: usize,
        /// Column of the fault, from 1.
        column: usize,
    },
    /// `format` names another format or version.
    #[error("The {document} is of another format or version: this program reads `{reads}`.")]
    Version {
        /// The document.
        document: Document,
        /// The format that this program reads.
        reads: &'static str,
    },
    /// A member's value breaks a rule of the format.
    #[error("The {document} has a bad `{member}`: {why}.")]
    Member {
        /// The document.
        document: Document,
        /// The member's path, such as `keys[2].public`.
        member: String,
        /// The rule that it breaks.
        why: &'static str,
    },
}

macro_rules! names {
    ($prefix:literal, $error:expr) => {
        match $error {
            DocumentError::TooLarge { .. } => concat!($prefix, "-too-large"),
            DocumentError::NotJson { .. } => concat!($prefix, "-not-json"),
            DocumentError::TrailingBytes { .. } => concat!($prefix, "-trailing-bytes"),
            DocumentError::UnknownMember { .. } => concat!($prefix, "-unknown-member"),
            DocumentError::DuplicateMember { .. } => concat!($prefix, "-duplicate-member"),
            DocumentError::MissingMember { .. } => concat!($prefix, "-missing-member"),
            DocumentError::WrongType { .. } => concat!($prefix, "-wrong-type"),
            DocumentError::Version { .. } => concat!($prefix, "-version"),
            DocumentError::Member { .. } => concat!($prefix, "-bad-member"),
        }
    };
}

impl DocumentError {
    /// The document that was refused.
    pub fn document(&self) -> Document {
        match self {
            Self::TooLarge { document, .. }
            | Self::NotJson { document, .. }
            | Self::TrailingBytes { document }
            | Self::UnknownMember { document, .. }
            | Self::DuplicateMember { document, .. }
            | Self::MissingMember { document, .. }
            | Self::WrongType { document, .. }
            | Self::Version { document, .. }
            | Self::Member { document, .. } => *document,
        }
    }
}

impl Refuse for DocumentError {
    fn name(&self) -> &'static str {
        match self.document() {
            Document::Jwe => names!("jwe", self),
            Document::JweHeader => names!("jwe-header", self),
            Document::Sidecar => names!("sidecar", self),
            Document::Bundle => names!("bundle", self),
            Document::Delivery => names!("delivery", self),
        }
    }

    fn way_on(&self) -> &'static str {
        if matches!(self, Self::Version { .. }) {
            return "Use the program version that the certificate of this backup names.";
        }
        match self.document() {
            Document::Jwe | Document::JweHeader => {
                "Take another copy of the sealed file; every copy has the SHA-256 that the record states."
            }
            Document::Sidecar => {
                "Take the sidecar from another copy, or rebuild it from the record of the backup."
            }
            Document::Bundle => {
                "The file was not sealed by this program; open it with stock tools and look at it by hand."
            }
            Document::Delivery => "Have the host make the delivery again.",
        }
    }
}
