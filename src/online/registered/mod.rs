//! The registered validators, read at one block from every node given.
//!
//! 1. The block is the lowest of the nodes' finalized ones. Every node must have the same block at that height, the
//!    same genesis, and the same value of every storage item. A difference is refused with both answers.
//! 2. A node that is syncing, one that is far behind the others, slow finality and an old block are refused: what such
//!    a chain calls registered may be long replaced.
//! 3. Validators and queued keys come from the chain itself; `KeyOwner` tells key types. Nothing is computed from keys.
//! 4. A read of genesis is asked for by name, and its document says so.

mod ask;
mod block;
mod fault;
mod layout;

pub use block::{Block, time, today};
pub use fault::ReadFault;

use std::collections::BTreeSet;

use super::config::Limits;
use super::node::{MAX_NODES, Node};
use crate::vault::registered::{
    Account, Item, Origin, Registered, RegisteredKey, Source, SourceKind, State,
};
use crate::vault::schemes::KeyType;

/// Most accounts whose keys are read.
pub const MAX_ACCOUNTS: usize = 2_000;

/// Longest value of `NextKeys` that is taken apart, in bytes.
const MAX_VALUE: usize = 1_024;

/// What is to be read.
pub struct Request<'a> {
    /// The chain's id, from its spec or from who asks: no node tells it.
    pub chain_id: &'a str,
    /// Accounts to read besides the active and the queued ones.
    pub accounts: &'a [Account],
    /// Keys of the host, of which owners are looked up.
    pub local: &'a [(KeyType, Vec<u8>)],
    /// What counts as healthy.
    pub limits: &'a Limits,
    /// Whether to read block 0 instead of the last finalized one.
    pub genesis: bool,
    /// The time, in milliseconds since 1970.
    pub now: u64,
}

/// What the nodes agree on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reading {
    /// The document's content.
    pub registered: Registered,
    /// The block's age in seconds by its own time; `None` if the chain keeps no time, or for genesis.
    pub age: Option<u64>,
    /// `Session.Validators`, in its order.
    pub active: Vec<Account>,
    /// Accounts of `Session.QueuedKeys`, in its order.
    pub queued: Vec<Account>,
    /// Public keys of `Aura.Authorities`, in the order of slots.
    pub authorities: Vec<Vec<u8>>,
    /// How many nodes were believed.
    pub nodes: usize,
}

/// Reads the registered validators.
///
/// # Errors
/// [`ReadFault`].
pub fn read(nodes: &[Node], request: &Request<'_>) -> Result<Reading, ReadFault> {
    if nodes.len() > MAX_NODES {
        return Err(ReadFault::TooManyNodes {
            given: nodes.len(),
            max: MAX_NODES,
        });
    }
    let block = if request.genesis {
        block::first(nodes)?
    } else {
        block::today(nodes, request.limits, request.now)?
    };
    let at = &block.hash;
    let mut state = State::new(Origin::Chain);
    for item in [Item::Validators, Item::QueuedKeys, Item::Authorities] {
        if let Some(value) = ask::entry(nodes, &item, at)? {
            state.put(&item.storage_key(), value);
        }
    }
    let active = state.validators()?;
    let queued: Vec<(Account, Vec<u8>)> = state
        .queued()?
        .into_iter()
        .map(|(account, value)| (account, value.to_vec()))
        .collect();
    let authorities: Vec<Vec<u8>> = state
        .authorities()?
        .into_iter()
        .map(<[u8]>::to_vec)
        .collect();
    for (item, count) in [
        ("Session.Validators", active.len()),
        ("Session.QueuedKeys", queued.len()),
        ("Aura.Authorities", authorities.len()),
    ] {
        bounded(item, count)?;
    }

    let mut reader = layout::Reader::new(nodes, at, state);
    let mut accounts: BTreeSet<Account> = active.iter().copied().collect();
    accounts.extend(queued.iter().map(|(account, _)| account));
    accounts.extend(request.accounts);
    for (key_type, public) in request.local {
        accounts.extend(reader.owner(*key_type, public)?);
    }
    bounded("The chain", accounts.len())?;
    for account in &accounts {
        let found = reader.next_keys(*account)?;
        if !found && request.accounts.contains(account) {
            return Err(ReadFault::NoSuchAccount {
                account: account.to_string(),
                number: block.number,
            });
        }
    }
    let keys = reader.state().keys()?;
    let sources = nodes.iter().map(|node| Source {
        kind: SourceKind::Rpc,
        name: node.name().to_owned(),
        genesis_state: request.genesis,
    });
    Ok(Reading {
        registered: Registered {
            chain_id: request.chain_id.to_owned(),
            genesis_hash: Some(block.genesis),
            block_number: block.number,
            block_hash: Some(block.hash),
            rehearsal: false,
            sources: sources.collect(),
            keys,
        },
        age: block.age,
        active,
        queued: queued.into_iter().map(|(account, _)| account).collect(),
        authorities,
        nodes: nodes.len(),
    })
}

fn bounded(item: &'static str, count: usize) -> Result<(), ReadFault> {
    let max = MAX_ACCOUNTS;
    if count <= max {
        Ok(())
    } else {
        Err(ReadFault::TooManyAccounts { item, count, max })
    }
}

/// Only the keys of these accounts, for a code that holds few; everything else stays.
pub fn restricted(registered: &Registered, accounts: &[Account]) -> Registered {
    let ours = |key: &RegisteredKey| {
        key.account
            .is_some_and(|account| accounts.contains(&account))
    };
    Registered {
        keys: registered
            .keys
            .iter()
            .filter(|key| ours(key))
            .cloned()
            .collect(),
        ..registered.clone()
    }
}
