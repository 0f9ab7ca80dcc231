//! `genesis.raw` of a chain spec: the storage entries of block 0, read in one pass.

use std::collections::BTreeMap;
use std::fmt;

use serde::de::{DeserializeSeed, IgnoredAny, MapAccess, Visitor};
use serde::{Deserialize, Deserializer};

use super::{GenesisFault, Hex};

/// Longest storage key that is read, in bytes. Those of known chains have less than 200; the trie's depth grows with it.
pub const MAX_STORAGE_KEY: usize = 512;

/// How every child trie's place in the top trie begins, and how that of the one kind that exists does.
const CHILD_STORAGE: &[u8] = b":child_storage:";
const DEFAULT_CHILD: &[u8] = b":child_storage:default:";

/// Storage key to value.
pub(super) type Entries = BTreeMap<Vec<u8>, Vec<u8>>;

/// The state of block 0.
pub(super) struct State {
    pub(super) top: Entries,
    /// By the place of each child's root in the top trie.
    pub(super) children: BTreeMap<Vec<u8>, Entries>,
}

#[derive(Deserialize)]
struct Spec {
    genesis: Genesis,
}

/// The other forms (`runtime`, `runtimeGenesis`, `stateRootHash`) are whatever has no `raw`.
#[derive(Deserialize)]
struct Genesis {
    raw: Option<Raw>,
}

/// An object, or in old chain specs an array of the two.
#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct Raw {
    top: Storage,
    #[serde(default)]
    children_default: Children,
}

#[derive(Default)]
struct Storage(Entries, Option<GenesisFault>);

#[derive(Default)]
struct Children(BTreeMap<Vec<u8>, Entries>, Option<GenesisFault>);

pub(super) fn parse(bytes: &[u8]) -> Result<State, GenesisFault> {
    let spec: Spec = serde_json::from_slice(bytes).map_err(|error| GenesisFault::Malformed {
        reason: shown(&error.to_string()),
    })?;
    let raw = spec.genesis.raw.ok_or(GenesisFault::NotRaw)?;
    if let Some(fault) = raw.top.1.or(raw.children_default.1) {
        return Err(fault);
    }
    let (top, children) = (raw.top.0, raw.children_default.0);
    if let Some(key) = top.keys().find(|key| key.starts_with(CHILD_STORAGE)) {
        return Err(GenesisFault::ChildInTop {
            key: Hex(key).to_string(),
        });
    }
    Ok(State { top, children })
}

/// Foreign text for a message: short, and without control characters.
fn shown(text: &str) -> String {
    let escaped = text.chars().take(120).flat_map(char::escape_debug);
    escaped.collect()
}

fn unhex(text: &str) -> Option<Vec<u8>> {
    let digits = text.strip_prefix("0x")?.as_bytes();
    data_encoding::HEXLOWER_PERMISSIVE.decode(digits).ok()
}

fn key(text: &str) -> Result<Vec<u8>, GenesisFault> {
    let key = unhex(text).ok_or_else(|| GenesisFault::NotHex { key: shown(text) })?;
    match key.len() {
        found if found > MAX_STORAGE_KEY => Err(GenesisFault::KeyTooLong { found }),
        _ => Ok(key),
    }
}

/// A map from `0x` and hex to whatever `seed` reads. After the first fault the rest is passed over, unkept.
struct MapOf<S, V>(S, BTreeMap<Vec<u8>, V>);

impl<'de, V, S> Visitor<'de> for MapOf<S, V>
where
    S: DeserializeSeed<'de, Value = Result<V, GenesisFault>> + Copy,
{
    type Value = (BTreeMap<Vec<u8>, V>, Option<GenesisFault>);

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a map from storage keys, 0x and hex")
    }

    fn visit_map<A: MapAccess<'de>>(mut self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut fault = None;
        while let Some(text) = map.next_key::<&str>()? {
            if fault.is_some() {
                map.next_value::<IgnoredAny>()?;
                continue;
            }
            let value = map.next_value_seed(self.0)?;
            fault = match (key(text), value) {
                (Err(wrong), _) => Some(wrong),
                (Ok(_), Err(GenesisFault::NotHex { key })) if key.is_empty() => {
                    Some(GenesisFault::NotHex { key: shown(text) })
                }
                (Ok(_), Err(wrong)) => Some(wrong),
                (Ok(key), Ok(value)) => {
                    let duplicate = self.1.insert(key, value).is_some();
                    duplicate.then(|| GenesisFault::Duplicate {
                        key: text.to_owned(),
                    })
                }
            };
        }
        Ok((self.1, fault))
    }
}

/// A value in hex. It doesn't know its key, so a fault names none, and the map puts it in.
#[derive(Clone, Copy)]
struct HexValue;

impl<'de> DeserializeSeed<'de> for HexValue {
    type Value = Result<Vec<u8>, GenesisFault>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        let text = <&str>::deserialize(deserializer)?;
        Ok(unhex(text).ok_or(GenesisFault::NotHex { key: String::new() }))
    }
}

/// The entries of one child trie.
#[derive(Clone, Copy)]
struct Child;

impl<'de> DeserializeSeed<'de> for Child {
    type Value = Result<Entries, GenesisFault>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        let (entries, fault) = deserializer.deserialize_map(MapOf(HexValue, BTreeMap::new()))?;
        Ok(match fault {
            None => Ok(entries),
            Some(fault) => Err(fault),
        })
    }
}

impl<'de> Deserialize<'de> for Storage {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let (entries, fault) = deserializer.deserialize_map(MapOf(HexValue, BTreeMap::new()))?;
        Ok(Self(entries, fault))
    }
}

impl<'de> Deserialize<'de> for Children {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let (children, fault) = deserializer.deserialize_map(MapOf(Child, BTreeMap::new()))?;
        let placed = children
            .into_iter()
            .map(|(key, entries)| ([DEFAULT_CHILD, &key].concat(), entries));
        Ok(Self(placed.collect(), fault))
    }
}
