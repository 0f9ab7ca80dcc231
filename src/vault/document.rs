//! Strict reading of our JSON documents.
//!
//! Rules: the size is checked before anything is parsed; an object is an object (the derived readers of `serde` would
//! take an array too); unknown, duplicate and missing members, trailing bytes and other versions are refused by name.
//! What `serde_json` says about a fault may quote the input, so its text never goes into an error: some of these
//! documents hold keys. Only names of members that this program knows are repeated.

use crate::refusal::Refuse;
use data_encoding::HEXLOWER;
use serde::de::value::MapAccessDeserializer;
use serde::de::{Deserialize, DeserializeOwned, Deserializer, IgnoredAny, MapAccess, Visitor};
use std::fmt;
use thiserror::Error;
use zeroize::{Zeroize, Zeroizing};

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

/// Refuses more than `limit` bytes.
pub(super) fn bounded(document: Document, bytes: &[u8], limit: usize) -> Result<(), DocumentError> {
    if bytes.len() <= limit {
        Ok(())
    } else {
        Err(DocumentError::TooLarge {
            document,
            bytes: bytes.len(),
            limit,
        })
    }
}

/// Reads one JSON object, and nothing after it but white space.
pub(super) fn read<T: DeserializeOwned>(
    document: Document,
    bytes: &[u8],
    limit: usize,
) -> Result<T, DocumentError> {
    bounded(document, bytes, limit)?;
    let mut reader = serde_json::Deserializer::from_slice(bytes);
    let Object(value) =
        Object::<T>::deserialize(&mut reader).map_err(|error| fault(document, &error))?;
    reader
        .end()
        .map_err(|_| DocumentError::TrailingBytes { document })?;
    Ok(value)
}

/// As [`read`], for a document with a `format` (its own, or that of its `qh`): members that a later version added, or
/// left out, are reported as what they are, another version.
pub(super) fn read_version<T: DeserializeOwned>(
    document: Document,
    bytes: &[u8],
    limit: usize,
    reads: &'static str,
) -> Result<T, DocumentError> {
    #[derive(serde::Deserialize)]
    struct Probe {
        format: Option<String>,
        qh: Option<Box<Probe>>,
    }
    read(document, bytes, limit).map_err(|error| {
        let strange = matches!(
            error,
            DocumentError::UnknownMember { .. }
                | DocumentError::MissingMember { .. }
                | DocumentError::WrongType { .. }
        );
        let other = |probe: Probe| {
            let format = probe.format.or(probe.qh.and_then(|qh| qh.format));
            format.is_some_and(|format| format != reads)
        };
        if strange && read::<Probe>(document, bytes, limit).is_ok_and(other) {
            DocumentError::Version { document, reads }
        } else {
            error
        }
    })
}

fn fault(document: Document, error: &serde_json::Error) -> DocumentError {
    let (line, column) = (error.line(), error.column());
    if !error.is_data() {
        return DocumentError::NotJson {
            document,
            line,
            column,
        };
    }
    // `serde` has no kinds of data errors, only texts. These three begin with fixed words; the names quoted in the last
    // two are those of our own structs. Wiped, since the text of any other error may quote a key.
    let text = Zeroizing::new(error.to_string());
    let quoted = || text.split('`').nth(1).unwrap_or_default().to_owned();
    if text.starts_with("unknown field") {
        DocumentError::UnknownMember {
            document,
            line,
            column,
        }
    } else if text.starts_with("duplicate field") {
        DocumentError::DuplicateMember {
            document,
            member: quoted(),
        }
    } else if text.starts_with("missing field") {
        DocumentError::MissingMember {
            document,
            member: quoted(),
        }
    } else {
        DocumentError::WrongType {
            document,
            line,
            column,
        }
    }
}

/// Refuses any `format` but `reads`.
pub(super) fn version(
    document: Document,
    found: &str,
    reads: &'static str,
) -> Result<(), DocumentError> {
    if found == reads {
        Ok(())
    } else {
        Err(DocumentError::Version { document, reads })
    }
}

/// A value that has to be a JSON object.
pub(super) struct Object<T>(pub(super) T);

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Object<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct ObjectVisitor<T>(std::marker::PhantomData<T>);
        impl<'de, T: Deserialize<'de>> Visitor<'de> for ObjectVisitor<T> {
            type Value = Object<T>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Self::Value, A::Error> {
                T::deserialize(MapAccessDeserializer::new(map)).map(Object)
            }
        }
        deserializer.deserialize_map(ObjectVisitor(std::marker::PhantomData))
    }
}

/// Notes that a forbidden member is there, whatever its value, so that it can be refused by its name.
#[derive(Default)]
pub(super) struct Present(pub(super) bool);

impl<'de> Deserialize<'de> for Present {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        IgnoredAny::deserialize(deserializer).map(|_| Self(true))
    }
}

/// Secret text on its way in: wiped when dropped.
pub(super) struct HiddenText(pub(super) Zeroizing<Vec<u8>>);

impl<'de> Deserialize<'de> for HiddenText {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct HiddenVisitor;
        impl Visitor<'_> for HiddenVisitor {
            type Value = HiddenText;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("text")
            }

            fn visit_str<E>(self, text: &str) -> Result<Self::Value, E> {
                Ok(HiddenText(Zeroizing::new(text.as_bytes().to_vec())))
            }

            fn visit_string<E>(self, mut text: String) -> Result<Self::Value, E> {
                let hidden = HiddenText(Zeroizing::new(text.as_bytes().to_vec()));
                text.zeroize();
                Ok(hidden)
            }
        }
        deserializer.deserialize_str(HiddenVisitor)
    }
}

/// Names the member of a document whose value breaks a rule.
pub(super) struct Rules(pub(super) Document);

impl Rules {
    /// The error for a member's value.
    pub(super) fn bad(&self, member: impl Into<String>, why: &'static str) -> DocumentError {
        DocumentError::Member {
            document: self.0,
            member: member.into(),
            why,
        }
    }

    /// `Ok` if `holds`.
    pub(super) fn hold(
        &self,
        holds: bool,
        member: impl Into<String>,
        why: &'static str,
    ) -> Result<(), DocumentError> {
        if holds {
            Ok(())
        } else {
            Err(self.bad(member, why))
        }
    }

    /// Reads exactly `N` bytes of lower-case hex without prefix.
    pub(super) fn hex<const N: usize>(
        &self,
        member: &str,
        text: &str,
    ) -> Result<[u8; N], DocumentError> {
        HEXLOWER
            .decode(text.as_bytes())
            .ok()
            .and_then(|bytes| bytes.try_into().ok())
            .ok_or_else(|| self.bad(member, "it is not lower-case hex of the right length"))
    }

    /// A short name: 1 to 64 printable ASCII characters, so that it can be shown on any terminal and sheet.
    pub(super) fn short_name(
        &self,
        member: impl Into<String>,
        text: &str,
    ) -> Result<(), DocumentError> {
        let printable = text.bytes().all(|b| (b' '..=b'~').contains(&b));
        self.hold(
            printable && (1..=64).contains(&text.len()),
            member,
            "it must be 1 to 64 printable ASCII characters",
        )
    }

    /// A free text: at most 1024 bytes, no control characters.
    pub(super) fn free_text(
        &self,
        member: impl Into<String>,
        text: &str,
    ) -> Result<(), DocumentError> {
        self.hold(
            text.len() <= 1024 && !text.chars().any(char::is_control),
            member,
            "it must be at most 1024 bytes without control characters",
        )
    }

    /// A time: RFC 3339, UTC, whole seconds, `Z`.
    pub(super) fn time(&self, member: &str, text: &str) -> Result<(), DocumentError> {
        let canonical = text.len() == 20
            && text
                .parse::<jiff::Timestamp>()
                .is_ok_and(|time| time.to_string() == text);
        self.hold(
            canonical,
            member,
            "it must be a time such as 2026-11-22T14:32:00Z",
        )
    }

    /// A public key as Substrate writes it: `0x` and lower-case hex, 1 to 2048 bytes.
    pub(super) fn public(
        &self,
        member: impl Into<String>,
        text: &str,
    ) -> Result<(), DocumentError> {
        let length = text
            .strip_prefix("0x")
            .and_then(|hex| HEXLOWER.decode(hex.as_bytes()).ok())
            .map_or(0, |bytes| bytes.len());
        self.hold(
            (1..=2048).contains(&length),
            member,
            "it must be 0x and lower-case hex of 1 to 2048 bytes",
        )
    }
}

/// Writes `value` as compact JSON into memory of exactly the right size, so that no growing buffer leaves copies.
pub(super) fn write_secret(value: &impl serde::Serialize) -> Zeroizing<Vec<u8>> {
    struct Count(usize);
    impl std::io::Write for Count {
        fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
            self.0 += bytes.len();
            Ok(bytes.len())
        }

        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }
    const WHY: &str = "our structs have text keys and memory takes every byte";
    let mut count = Count(0);
    serde_json::to_writer(&mut count, value).expect(WHY);
    let mut bytes = Zeroizing::new(Vec::with_capacity(count.0));
    serde_json::to_writer(&mut *bytes, value).expect(WHY);
    bytes
}
