//! Strict reading, and wiped writing, of our JSON documents.
//!
//! Rules: the size is checked before anything is parsed; an object is an object (the derived readers of `serde` would
//! take an array too); unknown, duplicate and missing members, trailing bytes and other versions are refused by name.
//! Temporary texts of `serde_json` (strings with escapes, its own error texts) lie on the heap, which the program's
//! allocator wipes.

use super::document::{Document, DocumentError};
use serde::de::value::MapAccessDeserializer;
use serde::de::{Deserialize, DeserializeOwned, Deserializer, IgnoredAny, MapAccess, Visitor};
use std::fmt;
use zeroize::{Zeroize, Zeroizing};

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
