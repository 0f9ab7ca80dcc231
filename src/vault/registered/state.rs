//! Session storage, raw, and the keys that it names. A chain spec and a node's answers go through the same code.
//!
//! `KeyOwner` tells the type of each key, `NextKeys` whose it is. On QuantumHarmony the value of `NextKeys` is the one
//! 64-byte aura key. On stock chains it is the concatenation of keys whose types only `KeyOwner` tells. The keys of one
//! account that are owned without a gap give the layout, which then holds for every value of the same length: a
//! queued key that was replaced has no owner any more. Without any owner, each 32 bytes count as a key of unknown type.

use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::fmt;

use twox_hash::XxHash64;

use super::item::{AURA, AUTHORITIES, KEY_OWNER, NEXT_KEYS, QUEUED_KEYS, SESSION, VALIDATORS};
use super::scale;
use super::{Account, Place, RegisteredFault, RegisteredKey, UNKNOWN_TYPE};
use crate::vault::schemes::{KeyType, sphincs};

/// Where the storage was read; faults speak of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Origin {
    /// A raw chain spec.
    ChainSpec,
    /// The chain itself, through its nodes.
    Chain,
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::ChainSpec => "The chain spec",
            Self::Chain => "The chain",
        })
    }
}

/// The storage entries that matter here, raw.
pub struct State {
    origin: Origin,
    next_keys: Vec<(Vec<u8>, Vec<u8>)>,
    key_owner: Vec<(Vec<u8>, Vec<u8>)>,
    queued_keys: Option<Vec<u8>>,
    validators: Option<Vec<u8>>,
    authorities: Option<Vec<u8>>,
}

type Keys = BTreeMap<(KeyType, Vec<u8>), (Option<Account>, BTreeSet<Place>)>;

impl State {
    /// No entries yet.
    pub fn new(origin: Origin) -> Self {
        Self {
            origin,
            next_keys: Vec::new(),
            key_owner: Vec::new(),
            queued_keys: None,
            validators: None,
            authorities: None,
        }
    }

    /// Whether an entry with this storage key would be kept.
    pub(super) fn wants(key: &[u8]) -> bool {
        key.starts_with(&SESSION) || *key == [AURA, AUTHORITIES].concat()
    }

    /// Takes one entry, storage key and value as raw bytes. Other entries are passed over.
    pub fn put(&mut self, key: &[u8], value: Vec<u8>) {
        let Some((pallet, rest)) = key.split_first_chunk::<16>() else {
            return;
        };
        let Some((item, rest)) = rest.split_first_chunk::<16>() else {
            return;
        };
        let plain = rest.is_empty();
        match (*pallet, *item) {
            (SESSION, NEXT_KEYS) => self.next_keys.push((rest.to_vec(), value)),
            (SESSION, KEY_OWNER) => self.key_owner.push((rest.to_vec(), value)),
            (SESSION, QUEUED_KEYS) if plain => self.queued_keys = Some(value),
            (SESSION, VALIDATORS) if plain => self.validators = Some(value),
            (AURA, AUTHORITIES) if plain => self.authorities = Some(value),
            _ => {}
        }
    }

    /// The accounts of `Session.Validators`, in its order; none if the entry is absent.
    ///
    /// # Errors
    /// [`RegisteredFault::Storage`] if it is damaged.
    pub fn validators(&self) -> Result<Vec<Account>, RegisteredFault> {
        let item = "Session.Validators";
        let Some(value) = &self.validators else {
            return Ok(Vec::new());
        };
        let entries = self.entries(item, value)?;
        entries
            .into_iter()
            .map(|id| self.account(item, id))
            .collect()
    }

    /// The accounts of `Session.QueuedKeys` with their keys, in its order; none if the entry is absent.
    ///
    /// # Errors
    /// [`RegisteredFault::Storage`] if it is damaged.
    pub fn queued(&self) -> Result<Vec<(Account, &[u8])>, RegisteredFault> {
        let item = "Session.QueuedKeys";
        let Some(value) = &self.queued_keys else {
            return Ok(Vec::new());
        };
        let mut queued = Vec::new();
        for entry in self.entries(item, value)? {
            let (id, value) = entry
                .split_first_chunk::<32>()
                .ok_or_else(|| self.damaged(item, "an entry is shorter than an account"))?;
            queued.push((Account(*id), value));
        }
        Ok(queued)
    }

    /// The keys of `Aura.Authorities`, in its order, which is that of the slots; none if the entry is absent.
    ///
    /// # Errors
    /// [`RegisteredFault::Storage`] if it is damaged.
    pub fn authorities(&self) -> Result<Vec<&[u8]>, RegisteredFault> {
        let item = "Aura.Authorities";
        let Some(value) = &self.authorities else {
            return Ok(Vec::new());
        };
        let entries = self.entries(item, value)?;
        match entries.first().map(|first| first.len()) {
            None | Some(32 | sphincs::PUBLIC_LEN) => Ok(entries),
            Some(_) => Err(self.damaged(item, "its keys have neither 32 nor 64 bytes")),
        }
    }

    /// The keys that the entries name, ordered by type and public key.
    ///
    /// # Errors
    /// [`RegisteredFault`]: damaged or contradicting entries, no keys.
    pub fn keys(&self) -> Result<Vec<RegisteredKey>, RegisteredFault> {
        let keys = self.collect()?;
        if keys.is_empty() {
            let origin = self.origin;
            return Err(RegisteredFault::NoKeys { origin });
        }
        let keys = keys
            .into_iter()
            .map(|((key_type, public), (account, found_in))| RegisteredKey {
                key_type,
                public,
                account,
                found_in,
            });
        Ok(keys.collect())
    }

    fn damaged(&self, item: &'static str, reason: &'static str) -> RegisteredFault {
        let origin = self.origin;
        RegisteredFault::Storage {
            origin,
            item,
            reason,
        }
    }

    /// The entries of a vector of equal entries. One without bytes would be no entry.
    fn entries<'a>(
        &self,
        item: &'static str,
        value: &'a [u8],
    ) -> Result<Vec<&'a [u8]>, RegisteredFault> {
        match scale::vector(value) {
            Some((0, [])) if value != [0] => {
                Err(self.damaged(item, "it is no list of equal entries"))
            }
            Some((size, entries)) => Ok(entries.chunks_exact(size.max(1)).collect()),
            None => Err(self.damaged(item, "it is no list of equal entries")),
        }
    }

    /// The map key after `twox64` of itself (`Twox64Concat`).
    fn unhashed<'a>(
        &self,
        item: &'static str,
        suffix: &'a [u8],
    ) -> Result<&'a [u8], RegisteredFault> {
        let (hash, key) = suffix
            .split_first_chunk::<8>()
            .ok_or_else(|| self.damaged(item, "its key is cut off"))?;
        if u64::from_le_bytes(*hash) == XxHash64::oneshot(0, key) {
            Ok(key)
        } else {
            Err(self.damaged(item, "the hash in its key does not fit the key"))
        }
    }

    fn account(&self, item: &'static str, bytes: &[u8]) -> Result<Account, RegisteredFault> {
        bytes
            .try_into()
            .map(Account)
            .map_err(|_| self.damaged(item, "an account does not have 32 bytes"))
    }

    fn collect(&self) -> Result<Keys, RegisteredFault> {
        let owners = self.owners()?;
        let mut next = Vec::new();
        for (suffix, value) in &self.next_keys {
            let item = "Session.NextKeys";
            let account = self.account(item, self.unhashed(item, suffix)?)?;
            next.push((account, value.as_slice()));
        }
        let layouts = layouts(&owners, &next);
        let mut keys = Keys::new();
        let mut take = |key_type, public, account, place| {
            self.add(&mut keys, &owners, key_type, public, account, place)
        };
        for (account, value) in next {
            for (key_type, public) in self.session_keys(&owners, &layouts, account, value, true)? {
                take(key_type, public, Some(account), Place::NextKeys)?;
            }
        }
        for (account, value) in self.queued()? {
            for (key_type, public) in self.session_keys(&owners, &layouts, account, value, false)? {
                take(key_type, public, Some(account), Place::QueuedKeys)?;
            }
        }
        for public in self.authorities()? {
            take(KeyType::AURA, public.to_vec(), None, Place::Authorities)?;
        }
        let active: HashSet<Account> = self.validators()?.into_iter().collect();
        for (account, places) in keys.values_mut() {
            if account.is_some_and(|account| active.contains(&account)) {
                places.insert(Place::Validators);
            }
        }
        Ok(keys)
    }

    fn owners(&self) -> Result<Owners, RegisteredFault> {
        let item = "Session.KeyOwner";
        let mut owners = Owners::new();
        for (suffix, value) in &self.key_owner {
            let key = self.unhashed(item, suffix)?;
            let (key_type, rest) = key
                .split_first_chunk::<4>()
                .ok_or_else(|| self.damaged(item, "its key is cut off"))?;
            if !key_type.iter().all(u8::is_ascii_graphic) {
                return Err(self.damaged(item, "its key type is not four printable characters"));
            }
            let public = match scale::compact(rest) {
                Some((len, public)) if len == public.len() => public.to_vec(),
                _ => return Err(self.damaged(item, "its key does not hold one public key")),
            };
            owners.insert(
                (KeyType::from_bytes(*key_type), public),
                self.account(item, value)?,
            );
        }
        Ok(owners)
    }

    /// Takes the session keys of one account apart. In `NextKeys` (`whole`) every key that the account owns must stand
    /// in the value; queued keys may be older ones.
    fn session_keys(
        &self,
        owners: &Owners,
        layouts: &Layouts,
        account: Account,
        value: &[u8],
        whole: bool,
    ) -> Result<Vec<(KeyType, Vec<u8>)>, RegisteredFault> {
        let mut found = Vec::new();
        for ((key_type, public), owner) in owners.iter().filter(|(_, owner)| **owner == account) {
            if position(value, public).is_some() {
                found.push((*key_type, public.clone()));
            } else if whole {
                return Err(RegisteredFault::NotAmongKeys {
                    origin: self.origin,
                    public: shown(public),
                    account: *owner,
                });
            }
        }
        if let Some(layout) = layouts.get(&value.len()) {
            for key in apart(layout, value) {
                if !found.contains(&key) {
                    found.push(key);
                }
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
        &self,
        keys: &mut Keys,
        owners: &Owners,
        key_type: KeyType,
        public: Vec<u8>,
        account: Option<Account>,
        place: Place,
    ) -> Result<(), RegisteredFault> {
        let contradiction = |one, other| {
            Err(RegisteredFault::Contradiction {
                origin: self.origin,
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
}

type Owners = BTreeMap<(KeyType, Vec<u8>), Account>;

/// For each length of a value: types and lengths of its keys, in order.
type Layouts = BTreeMap<usize, Vec<(KeyType, usize)>>;

/// The layouts that accounts show whose keys are owned without a gap. Two that differ for one length cancel.
fn layouts(owners: &Owners, next: &[(Account, &[u8])]) -> Layouts {
    let mut layouts = Layouts::new();
    let mut conflicting = BTreeSet::new();
    for (account, value) in next {
        let mut parts: Vec<(usize, KeyType, usize)> = owners
            .iter()
            .filter(|(_, owner)| *owner == account)
            .filter_map(|((key_type, public), _)| {
                position(value, public).map(|at| (at, *key_type, public.len()))
            })
            .collect();
        parts.sort();
        let mut end = 0;
        let whole = parts.iter().all(|(at, _, len)| {
            let fits = *at == end;
            end = at + len;
            fits
        }) && end == value.len();
        if !whole || parts.is_empty() {
            continue;
        }
        let layout: Vec<_> = parts.into_iter().map(|(_, t, len)| (t, len)).collect();
        if let Some(known) = layouts.insert(value.len(), layout.clone())
            && known != layout
        {
            conflicting.insert(value.len());
        }
    }
    layouts.retain(|len, _| !conflicting.contains(len));
    layouts
}

fn apart(layout: &[(KeyType, usize)], value: &[u8]) -> Vec<(KeyType, Vec<u8>)> {
    let mut rest = value;
    let mut keys = Vec::new();
    for (key_type, len) in layout {
        let Some((public, after)) = rest.split_at_checked(*len) else {
            return Vec::new();
        };
        keys.push((*key_type, public.to_vec()));
        rest = after;
    }
    keys
}

fn position(value: &[u8], public: &[u8]) -> Option<usize> {
    if public.is_empty() {
        return None;
    }
    value.windows(public.len()).position(|part| part == public)
}

fn shown(public: &[u8]) -> String {
    format!("0x{}", data_encoding::HEXLOWER.encode(public))
}
