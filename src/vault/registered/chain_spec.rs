//! Registered keys from a raw chain spec: the map `genesis.raw.top` from storage key to value, both 0x-hex.
//!
//! `KeyOwner` tells the type of each key, `NextKeys` whose it is. On QuantumHarmony the value of `NextKeys` is the one
//! 64-byte aura key. On stock chains it is the concatenation of keys whose types only `KeyOwner` tells; without that,
//! each 32 bytes count as a key of unknown type.

use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::fmt;

use serde::de::{IgnoredAny, MapAccess, Visitor};
use serde::{Deserialize, Deserializer};
use twox_hash::XxHash64;

use super::document::{chain_id, malformed};
use super::scale;
use super::{
    Account, Place, Registered, RegisteredFault, RegisteredKey, Source, SourceKind, UNKNOWN_TYPE,
};
use crate::vault::schemes::{KeyType, sphincs};

/// Longest chain spec that is read, in bytes. They hold the runtime and may be tens of megabytes.
pub const MAX_CHAIN_SPEC: usize = 256 * 1024 * 1024;

/// twox128("Session").
const SESSION: &str = "cec5070d609dd3497f72bde07fc96ba0";
/// twox128 of "NextKeys", "KeyOwner", "QueuedKeys", "Validators", each after [`SESSION`].
const NEXT_KEYS: &str = "4c014e6bf8b8c2c011e7290b85696bb3";
const KEY_OWNER: &str = "726380404683fc89e8233450c8aa1950";
const QUEUED_KEYS: &str = "e0cdd062e6eaf24295ad4ccfc41d4609";
const VALIDATORS: &str = "88dcde934c658227ee1dfafcd6e16903";
/// twox128("Aura") and twox128("Authorities").
const AUTHORITIES: &str = "57f8dc2f5ab09467896f47300f0424385e0621c4869aa60c02be9adcc98a0d1d";

type Keys = BTreeMap<(KeyType, Vec<u8>), (Option<Account>, BTreeSet<Place>)>;

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
    let state = spec.genesis.raw.ok_or(RegisteredFault::NotRaw)?.top;
    if let Some(key) = state.duplicate {
        return Err(RegisteredFault::DuplicateStorage { key });
    }
    let keys = collect(&state)?;
    if keys.is_empty() {
        return Err(RegisteredFault::NoKeys);
    }
    let source = Source {
        kind: SourceKind::ChainSpec,
        name: name.to_owned(),
        genesis_state: true,
    };
    let keys = keys
        .into_iter()
        .map(|((key_type, public), (account, found_in))| RegisteredKey {
            key_type,
            public,
            account,
            found_in,
        });
    Ok(Registered {
        chain_id: chain_id(spec.id)?,
        genesis_hash: None,
        block_number: 0,
        block_hash: None,
        rehearsal: false,
        sources: vec![source],
        keys: keys.collect(),
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

#[derive(Deserialize)]
struct Raw {
    top: State,
}

/// The storage entries that matter here, raw, and the first storage key that stands there twice.
#[derive(Default)]
struct State {
    duplicate: Option<String>,
    next_keys: Vec<(Vec<u8>, Vec<u8>)>,
    key_owner: Vec<(Vec<u8>, Vec<u8>)>,
    queued_keys: Option<Vec<u8>>,
    validators: Option<Vec<u8>>,
    authorities: Option<Vec<u8>>,
}

impl<'de> Deserialize<'de> for State {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct TopVisitor;

        impl<'de> Visitor<'de> for TopVisitor {
            type Value = State;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a map from storage keys to values, all 0x and hex")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<State, A::Error> {
                let no_hex = || serde::de::Error::custom("a storage entry is not 0x and hex");
                let mut state = State::default();
                let mut seen = HashSet::new();
                while let Some(text) = map.next_key::<&str>()? {
                    let key = unhex(text).ok_or_else(no_hex)?;
                    if state.wants(&key) {
                        let value = unhex(map.next_value::<&str>()?).ok_or_else(no_hex)?;
                        state.put(&key, value);
                    } else {
                        map.next_value::<IgnoredAny>()?;
                    }
                    if !seen.insert(key) && state.duplicate.is_none() {
                        state.duplicate = Some(text.to_owned());
                    }
                }
                Ok(state)
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

/// What a storage key names: the item's prefix in hex, and the bytes after it.
fn split(key: &[u8]) -> Option<(String, &[u8])> {
    let (prefix, rest) = key.split_first_chunk::<32>()?;
    Some((data_encoding::HEXLOWER.encode(prefix), rest))
}

impl State {
    fn wants(&self, key: &[u8]) -> bool {
        let session = |prefix: &str| prefix.starts_with(SESSION);
        split(key).is_some_and(|(prefix, _)| session(&prefix) || prefix == AUTHORITIES)
    }

    fn put(&mut self, key: &[u8], value: Vec<u8>) {
        let Some((prefix, rest)) = split(key) else {
            return;
        };
        let plain = rest.is_empty();
        match prefix.strip_prefix(SESSION) {
            Some(NEXT_KEYS) => self.next_keys.push((rest.to_vec(), value)),
            Some(KEY_OWNER) => self.key_owner.push((rest.to_vec(), value)),
            Some(QUEUED_KEYS) if plain => self.queued_keys = Some(value),
            Some(VALIDATORS) if plain => self.validators = Some(value),
            None if plain => self.authorities = Some(value),
            _ => {}
        }
    }
}

fn damaged(item: &'static str, reason: &'static str) -> RegisteredFault {
    RegisteredFault::Storage { item, reason }
}

/// The map key after `twox64` of itself (`Twox64Concat`).
fn unhashed<'a>(item: &'static str, suffix: &'a [u8]) -> Result<&'a [u8], RegisteredFault> {
    let (hash, key) = suffix
        .split_first_chunk::<8>()
        .ok_or_else(|| damaged(item, "its key is cut off"))?;
    if u64::from_le_bytes(*hash) == XxHash64::oneshot(0, key) {
        Ok(key)
    } else {
        Err(damaged(item, "the hash in its key does not fit the key"))
    }
}

fn account(item: &'static str, bytes: &[u8]) -> Result<Account, RegisteredFault> {
    bytes
        .try_into()
        .map(Account)
        .map_err(|_| damaged(item, "an account does not have 32 bytes"))
}

fn collect(state: &State) -> Result<Keys, RegisteredFault> {
    let owners = owners(state)?;
    let mut keys = Keys::new();
    for (suffix, value) in &state.next_keys {
        let item = "Session.NextKeys";
        let account = account(item, unhashed(item, suffix)?)?;
        for (key_type, public) in session_keys(&owners, account, value, true)? {
            add(
                &mut keys,
                &owners,
                key_type,
                public,
                Some(account),
                Place::NextKeys,
            )?;
        }
    }
    if let Some(value) = &state.queued_keys {
        let item = "Session.QueuedKeys";
        let (size, entries) =
            scale::vector(value).ok_or_else(|| damaged(item, "it is no list of equal entries"))?;
        for entry in entries.chunks_exact(size.max(1)) {
            let (id, value) = entry
                .split_first_chunk::<32>()
                .ok_or_else(|| damaged(item, "an entry is shorter than an account"))?;
            for (key_type, public) in session_keys(&owners, Account(*id), value, false)? {
                add(
                    &mut keys,
                    &owners,
                    key_type,
                    public,
                    Some(Account(*id)),
                    Place::QueuedKeys,
                )?;
            }
        }
    }
    if let Some(value) = &state.authorities {
        let item = "Aura.Authorities";
        let (size, entries) =
            scale::vector(value).ok_or_else(|| damaged(item, "it is no list of equal entries"))?;
        if !matches!(size, 0 | 32 | sphincs::PUBLIC_LEN) {
            return Err(damaged(item, "its keys have neither 32 nor 64 bytes"));
        }
        for public in entries.chunks_exact(size.max(1)) {
            add(
                &mut keys,
                &owners,
                KeyType::AURA,
                public.to_vec(),
                None,
                Place::Authorities,
            )?;
        }
    }
    if let Some(value) = &state.validators {
        let item = "Session.Validators";
        let (size, entries) =
            scale::vector(value).ok_or_else(|| damaged(item, "it is no list of equal entries"))?;
        if !matches!(size, 0 | 32) {
            return Err(damaged(item, "an account does not have 32 bytes"));
        }
        let active: HashSet<&[u8]> = entries.chunks_exact(32).collect();
        for (account, places) in keys.values_mut() {
            if account.is_some_and(|account| active.contains(account.0.as_slice())) {
                places.insert(Place::Validators);
            }
        }
    }
    Ok(keys)
}

type Owners = BTreeMap<(KeyType, Vec<u8>), Account>;

fn owners(state: &State) -> Result<Owners, RegisteredFault> {
    let item = "Session.KeyOwner";
    let mut owners = Owners::new();
    for (suffix, value) in &state.key_owner {
        let key = unhashed(item, suffix)?;
        let (key_type, rest) = key
            .split_first_chunk::<4>()
            .ok_or_else(|| damaged(item, "its key is cut off"))?;
        let public = match scale::compact(rest) {
            Some((len, public)) if len == public.len() => public.to_vec(),
            _ => return Err(damaged(item, "its key does not hold one public key")),
        };
        owners.insert(
            (KeyType::from_bytes(*key_type), public),
            account(item, value)?,
        );
    }
    Ok(owners)
}

/// Takes the session keys of one account apart. In `NextKeys` (`whole`) every key that the account owns must stand in
/// the value; queued keys may be older ones.
fn session_keys(
    owners: &Owners,
    account: Account,
    value: &[u8],
    whole: bool,
) -> Result<Vec<(KeyType, Vec<u8>)>, RegisteredFault> {
    let mut found = Vec::new();
    for ((key_type, public), owner) in owners.iter().filter(|(_, owner)| **owner == account) {
        let there = !public.is_empty() && value.windows(public.len()).any(|part| part == public);
        if there {
            found.push((*key_type, public.clone()));
        } else if whole {
            return Err(RegisteredFault::NotAmongKeys {
                public: shown(public),
                account: *owner,
            });
        }
    }
    if found.is_empty() {
        if value.len() == sphincs::PUBLIC_LEN {
            found.push((KeyType::AURA, value.to_vec()));
        } else if value.len().is_multiple_of(32) {
            found.extend(
                value
                    .chunks_exact(32)
                    .map(|key| (UNKNOWN_TYPE, key.to_vec())),
            );
        }
    }
    Ok(found)
}

fn add(
    keys: &mut Keys,
    owners: &Owners,
    key_type: KeyType,
    public: Vec<u8>,
    account: Option<Account>,
    place: Place,
) -> Result<(), RegisteredFault> {
    let contradiction = |one, other| {
        Err(RegisteredFault::Contradiction {
            public: shown(&public),
            one,
            other,
        })
    };
    if let (Some(owner), Some(account)) = (owners.get(&(key_type, public.clone())), account)
        && *owner != account
    {
        return contradiction(*owner, account);
    }
    let (known, places) = keys.entry((key_type, public.clone())).or_default();
    match (*known, account) {
        (Some(one), Some(other)) if one != other => return contradiction(one, other),
        (None, Some(_)) => *known = account,
        _ => {}
    }
    places.insert(place);
    Ok(())
}

fn shown(public: &[u8]) -> String {
    format!("0x{}", data_encoding::HEXLOWER.encode(public))
}
