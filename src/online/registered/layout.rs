//! Which types the keys in `NextKeys` have. The chain tells by `KeyOwner`, one question a type; what one account shows
//! is tried first with the others, and confirmed by one question each.

use super::super::node::{BlockHash, Node};
use super::{MAX_VALUE, ReadFault, ask};
use crate::vault::registered::{Account, Item, State};
use crate::vault::schemes::KeyType;

/// Types and public-key lengths of QuantumHarmony and of stock chains.
const KNOWN: [(KeyType, usize); 9] = [
    (KeyType::AURA, 64),
    (KeyType::AURA, 32),
    (KeyType::from_bytes(*b"gran"), 32),
    (KeyType::from_bytes(*b"babe"), 32),
    (KeyType::from_bytes(*b"imon"), 32),
    (KeyType::from_bytes(*b"para"), 32),
    (KeyType::from_bytes(*b"asgn"), 32),
    (KeyType::from_bytes(*b"audi"), 32),
    (KeyType::from_bytes(*b"beef"), 33),
];

/// Most accounts that are searched type by type; the others stay with what the layout says.
const MAX_SEARCHES: usize = 8;

/// Reads keys of accounts into a state.
pub(super) struct Reader<'a> {
    nodes: &'a [Node],
    at: &'a BlockHash,
    state: State,
    layout: Vec<(KeyType, usize)>,
    searches: usize,
}

impl<'a> Reader<'a> {
    pub(super) fn new(nodes: &'a [Node], at: &'a BlockHash, state: State) -> Self {
        Self {
            nodes,
            at,
            state,
            layout: Vec::new(),
            searches: 0,
        }
    }

    pub(super) fn state(&self) -> &State {
        &self.state
    }

    /// The account that owns a key. Not kept: the account's own keys are read afterwards.
    pub(super) fn owner(
        &self,
        key_type: KeyType,
        public: &[u8],
    ) -> Result<Option<Account>, ReadFault> {
        let item = Item::KeyOwner(key_type, public.to_vec());
        let value = ask::entry(self.nodes, &item, self.at)?;
        Ok(value.and_then(|value| value.try_into().ok()).map(Account))
    }

    /// Reads the keys of an account and their owners; false if it has none.
    pub(super) fn next_keys(&mut self, account: Account) -> Result<bool, ReadFault> {
        let item = Item::NextKeys(account);
        let Some(value) = ask::entry(self.nodes, &item, self.at)? else {
            return Ok(false);
        };
        if value.len() <= MAX_VALUE && !self.fits(&value)? && self.searches < MAX_SEARCHES {
            self.searches += 1;
            self.search(account, &value)?;
        }
        self.state.put(&item.storage_key(), value);
        Ok(true)
    }

    /// Whether the layout that is known has this length; then its first key's owner is read as confirmation.
    fn fits(&mut self, value: &[u8]) -> Result<bool, ReadFault> {
        let len: usize = self.layout.iter().map(|(_, len)| len).sum();
        let Some((key_type, first)) = self.layout.first().copied() else {
            return Ok(false);
        };
        if len != value.len() {
            return Ok(false);
        }
        self.keep_owner(key_type, value.get(..first).unwrap_or_default())
            .map(|owner| owner.is_some())
    }

    fn search(&mut self, account: Account, value: &[u8]) -> Result<(), ReadFault> {
        let mut rest = value;
        let mut layout = Vec::new();
        while !rest.is_empty() {
            let mut found = None;
            for (key_type, len) in KNOWN {
                let Some(public) = rest.get(..len) else {
                    continue;
                };
                if self.keep_owner(key_type, public)? == Some(account) {
                    found = Some((key_type, len));
                    break;
                }
            }
            let Some((key_type, len)) = found else {
                // A key of a type that is not known here: 32 bytes on all chains that have one.
                layout.clear();
                rest = rest.get(32..).unwrap_or_default();
                continue;
            };
            layout.push((key_type, len));
            rest = rest.get(len..).unwrap_or_default();
        }
        if layout.iter().map(|(_, len)| len).sum::<usize>() == value.len() {
            self.layout = layout;
        }
        Ok(())
    }

    /// Reads an owner and keeps the entry as the chain has it, so that a contradiction shows later.
    fn keep_owner(
        &mut self,
        key_type: KeyType,
        public: &[u8],
    ) -> Result<Option<Account>, ReadFault> {
        let item = Item::KeyOwner(key_type, public.to_vec());
        let Some(value) = ask::entry(self.nodes, &item, self.at)? else {
            return Ok(None);
        };
        let owner = value.as_slice().try_into().ok().map(Account);
        self.state.put(&item.storage_key(), value);
        Ok(owner)
    }
}
