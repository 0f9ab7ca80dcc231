//! Registered keys from a raw chain spec: the map `genesis.raw.top` from storage key to value, both 0x-hex.

use std::collections::HashSet;
use std::fmt;

use serde::de::{IgnoredAny, MapAccess, Visitor};
use serde::{Deserialize, Deserializer};

use super::document::{chain_id, malformed};
use super::state::{Origin, State};
use super::{Registered, RegisteredFault, Source, SourceKind};

/// Longest chain spec that is read, in bytes. They hold the runtime and may be tens of megabytes.
pub const MAX_CHAIN_SPEC: usize = 256 * 1024 * 1024;

/// Derives the registered keys from a raw chain spec; `name` says which file it was. The genesis hash is not in a chain
/// spec (it needs the state root), so it stays open.
///
/// # Errors
/// [`RegisteredFault`]: too large, not JSON, not raw, a storage key twice, damaged or contradicting entries, no keys.
pub fn from_chain_spec(bytes: &[u8], name: &str) -> Result<Registered, RegisteredFault> {
    if bytes.len() > MAX_CHAIN_SPEC {
        return Err(RegisteredFault::TooLarge {
            max: MAX_CHAIN_SPEC,
        });
    }
    let spec: Spec = serde_json::from_slice(bytes).map_err(|error| malformed(&error))?;
    let top = spec.genesis.raw.ok_or(RegisteredFault::NotRaw)?.top;
    if let Some(key) = top.duplicate {
        return Err(RegisteredFault::DuplicateStorage { key });
    }
    let keys = top.state.keys()?;
    // A file name may hold anything; a document's source may not.
    let name = name.chars().filter(|c| !c.is_control()).take(64).collect();
    let source = Source {
        kind: SourceKind::ChainSpec,
        name,
        genesis_state: true,
    };
    Ok(Registered {
        chain_id: chain_id(spec.id)?,
        genesis_hash: None,
        block_number: 0,
        block_hash: None,
        rehearsal: false,
        sources: vec![source],
        keys,
    })
}

#[derive(Deserialize)]
struct Spec {
    id: String,
    genesis: Genesis,
}

/// The other forms (`runtime`, `runtimeGenesis`, `stateRootHash`) are whatever has no `raw`.
#[derive(Deserialize)]
struct Genesis {
    raw: Option<Raw>,
}

/// An object, or, in specs of the first years such as Kusama's, the list of its members' values.
#[derive(Deserialize)]
struct Raw {
    top: Top,
    #[serde(rename = "childrenDefault", default)]
    _children: Option<IgnoredAny>,
}

/// The storage entries that matter here, and the first storage key that stands there twice.
struct Top {
    duplicate: Option<String>,
    state: State,
}

impl<'de> Deserialize<'de> for Top {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct TopVisitor;

        impl<'de> Visitor<'de> for TopVisitor {
            type Value = Top;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a map from storage keys to values, all 0x and hex")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Top, A::Error> {
                let no_hex = || serde::de::Error::custom("a storage entry is not 0x and hex");
                let mut top = Top {
                    duplicate: None,
                    state: State::new(Origin::ChainSpec),
                };
                let mut seen = HashSet::new();
                while let Some(text) = map.next_key::<&str>()? {
                    let key = unhex(text).ok_or_else(no_hex)?;
                    if State::wants(&key) {
                        let value = unhex(map.next_value::<&str>()?).ok_or_else(no_hex)?;
                        top.state.put(&key, value);
                    } else {
                        map.next_value::<IgnoredAny>()?;
                    }
                    if !seen.insert(key) && top.duplicate.is_none() {
                        top.duplicate = Some(text.to_owned());
                    }
                }
                Ok(top)
            }
        }

        deserializer.deserialize_map(TopVisitor)
    }
}

fn unhex(text: &str) -> Option<Vec<u8>> {
    data_encoding::HEXLOWER_PERMISSIVE
        .decode(text.strip_prefix("0x")?.as_bytes())
        .ok()
}
