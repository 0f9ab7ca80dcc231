//! `qh-registered/1`: read strictly, written in one form.

use std::collections::{BTreeSet, HashSet};
use std::fmt;
use std::marker::PhantomData;

use serde::de::{MapAccess, Visitor, value::MapAccessDeserializer};
use serde::{Deserialize, Deserializer, Serialize};
use sha2::Digest;

use super::{Account, Registered, RegisteredFault, RegisteredKey, Source, SourceKind};
use crate::vault::schemes::KeyType;

/// Longest document that is read, in bytes.
pub const MAX_DOCUMENT: usize = 4 * 1024 * 1024;

const FORMAT: &str = "qh-registered/1";

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Document {
    format: String,
    rehearsal: bool,
    chain_id: String,
    #[serde(
        default,
        deserialize_with = "present",
        skip_serializing_if = "Option::is_none"
    )]
    genesis_hash: Option<String>,
    block_number: u64,
    #[serde(
        default,
        deserialize_with = "present",
        skip_serializing_if = "Option::is_none"
    )]
    block_hash: Option<String>,
    sources: Vec<Object<SourceEntry>>,
    keys: Vec<Object<KeyEntry>>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct SourceEntry {
    kind: SourceKind,
    name: String,
    genesis_state: bool,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct KeyEntry {
    key_type: String,
    public: String,
    #[serde(
        default,
        deserialize_with = "present",
        skip_serializing_if = "Option::is_none"
    )]
    account: Option<String>,
}

/// A member that may be absent, yet is not `null`.
fn present<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<String>, D::Error> {
    String::deserialize(deserializer).map(Some)
}

/// A JSON object. Derived structs also take an array of their members' values, which is not our format.
struct Object<T>(T);

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Object<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct ObjectVisitor<T>(PhantomData<T>);

        impl<'de, T: Deserialize<'de>> Visitor<'de> for ObjectVisitor<T> {
            type Value = Object<T>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Self::Value, A::Error> {
                T::deserialize(MapAccessDeserializer::new(map)).map(Object)
            }
        }

        deserializer.deserialize_map(ObjectVisitor(PhantomData))
    }
}

impl<T: Serialize> Serialize for Object<T> {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.0.serialize(serializer)
    }
}

/// Reads a `qh-registered/1` document.
///
/// # Errors
/// [`RegisteredFault`]: too large, unknown or duplicate members, trailing bytes, another format or version, values not in
/// their form, one key twice, no source.
pub fn parse(bytes: &[u8]) -> Result<Registered, RegisteredFault> {
    if bytes.len() > MAX_DOCUMENT {
        return Err(RegisteredFault::TooLarge { max: MAX_DOCUMENT });
    }
    let Object(document): Object<Document> =
        serde_json::from_slice(bytes).map_err(|error| malformed(&error))?;
    if document.format != FORMAT {
        return Err(RegisteredFault::Format {
            found: shown(&document.format),
        });
    }
    if document.sources.is_empty() {
        return Err(value("sources", "a list with at least one source"));
    }
    let mut seen = HashSet::new();
    let mut keys = Vec::new();
    for (index, Object(entry)) in document.keys.into_iter().enumerate() {
        let key = key(index, &entry)?;
        if !seen.insert((key.key_type, key.public.clone())) {
            return Err(RegisteredFault::DuplicateKey {
                public: entry.public,
            });
        }
        keys.push(key);
    }
    Ok(Registered {
        chain_id: chain_id(document.chain_id)?,
        genesis_hash: document
            .genesis_hash
            .map(|hash| plain_hash("genesis_hash", &hash))
            .transpose()?,
        block_number: document.block_number,
        block_hash: document
            .block_hash
            .map(|hash| plain_hash("block_hash", &hash))
            .transpose()?,
        rehearsal: document.rehearsal,
        sources: document
            .sources
            .into_iter()
            .map(source)
            .collect::<Result<_, _>>()?,
        keys,
    })
}

/// Writes a `qh-registered/1` document: members in the order of the format, two spaces of indentation, one LF at the end.
pub fn emit(registered: &Registered) -> String {
    let mut text =
        serde_json::to_string_pretty(&document(registered)).expect("strings, numbers and lists");
    text.push('\n');
    text
}

/// The same document in the fewest bytes, for a QR code: no white space, no LF. [`parse`] reads it as well.
pub fn emit_compact(registered: &Registered) -> String {
    serde_json::to_string(&document(registered)).expect("strings, numbers and lists")
}

/// The document's fingerprint, the same for the file and the QR code: SHA-256 of `qh-ceremony registered v1` and the
/// compact form. People compare its first 66 bits as six words.
pub fn fingerprint(registered: &Registered) -> [u8; 32] {
    sha2::Sha256::new()
        .chain_update(b"qh-ceremony registered v1")
        .chain_update(emit_compact(registered))
        .finalize()
        .into()
}

fn document(registered: &Registered) -> Document {
    let hex = |bytes: &[u8]| data_encoding::HEXLOWER.encode(bytes);
    let sources = registered.sources.iter().map(|source| {
        Object(SourceEntry {
            kind: source.kind,
            name: source.name.clone(),
            genesis_state: source.genesis_state,
        })
    });
    let keys = registered.keys.iter().map(|key| {
        Object(KeyEntry {
            key_type: key.key_type.to_string(),
            public: format!("0x{}", hex(&key.public)),
            account: key.account.map(|account| account.to_string()),
        })
    });
    Document {
        format: FORMAT.to_owned(),
        rehearsal: registered.rehearsal,
        chain_id: registered.chain_id.clone(),
        genesis_hash: registered.genesis_hash.map(|hash| hex(&hash)),
        block_number: registered.block_number,
        block_hash: registered.block_hash.map(|hash| hex(&hash)),
        sources: sources.collect(),
        keys: keys.collect(),
    }
}

fn key(index: usize, entry: &KeyEntry) -> Result<RegisteredKey, RegisteredFault> {
    let member = |name: &str| format!("keys[{index}].{name}");
    let key_type = KeyType::parse(&entry.key_type)
        .ok_or_else(|| value(&member("key_type"), "four printable characters"))?;
    let public = prefixed(&entry.public)
        .filter(|public| (1..=4096).contains(&public.len()))
        .ok_or_else(|| value(&member("public"), "0x and lower-case hex"))?;
    let account = entry.account.as_ref().map(|account| {
        prefixed(account)
            .and_then(|bytes| bytes.try_into().ok())
            .map(Account)
            .ok_or_else(|| value(&member("account"), "0x and 64 lower-case hex digits"))
    });
    Ok(RegisteredKey {
        key_type,
        public,
        account: account.transpose()?,
        found_in: BTreeSet::new(),
    })
}

fn source(Object(entry): Object<SourceEntry>) -> Result<Source, RegisteredFault> {
    if entry.name.chars().any(char::is_control) || entry.name.len() > 256 {
        return Err(value(
            "sources",
            "named by at most 256 bytes without control characters",
        ));
    }
    if entry.kind == SourceKind::ChainSpec && !entry.genesis_state {
        return Err(value(
            "sources",
            "right: a chain spec is always genesis state",
        ));
    }
    Ok(Source {
        kind: entry.kind,
        name: entry.name,
        genesis_state: entry.genesis_state,
    })
}

pub(super) fn chain_id(id: String) -> Result<String, RegisteredFault> {
    if (1..=64).contains(&id.len()) && id.bytes().all(|byte| byte.is_ascii_graphic()) {
        Ok(id)
    } else {
        Err(value("chain_id", "1 to 64 printable characters"))
    }
}

fn plain_hash(member: &str, text: &str) -> Result<[u8; 32], RegisteredFault> {
    data_encoding::HEXLOWER
        .decode(text.as_bytes())
        .ok()
        .and_then(|bytes| bytes.try_into().ok())
        .ok_or_else(|| value(member, "64 lower-case hex digits without prefix"))
}

fn prefixed(text: &str) -> Option<Vec<u8>> {
    data_encoding::HEXLOWER
        .decode(text.strip_prefix("0x")?.as_bytes())
        .ok()
}

fn value(member: &str, expected: &'static str) -> RegisteredFault {
    RegisteredFault::Value {
        member: member.to_owned(),
        expected,
    }
}

pub(super) fn malformed(error: &serde_json::Error) -> RegisteredFault {
    RegisteredFault::Json {
        reason: shown(&error.to_string()),
    }
}

/// Foreign text for a message: short, and without control characters.
fn shown(text: &str) -> String {
    text.chars()
        .take(120)
        .flat_map(char::escape_debug)
        .collect()
}
