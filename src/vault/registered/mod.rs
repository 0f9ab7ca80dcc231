//! The registered validator: which public keys a chain knows, and whose they are.
//!
//! 1. Everything here is public. It comes from `qh-registered/1` documents (read off a running chain), or from a raw
//!    chain spec, which is genesis state and says so.
//! 2. An account is never computed from a key. At genesis a hash of the key happens to be the account of some
//!    validators and not of others; only `Session.NextKeys` tells.
//! 3. Two entries that contradict each other refuse the whole source: a match is worth what its source is worth.

mod chain_spec;
mod document;
mod fault;
mod item;
mod matching;
mod scale;
mod state;

pub use chain_spec::{MAX_CHAIN_SPEC, from_chain_spec};
pub use document::{MAX_DOCUMENT, emit, emit_compact, fingerprint, parse};
pub use fault::RegisteredFault;
pub use item::Item;
pub use matching::{KeyMatch, MatchReport, PublicKey, Validator, Verdict, match_keys};
pub use state::{Origin, State};

use std::collections::BTreeSet;

use crate::vault::schemes::KeyType;

/// The key type of a key whose type its source doesn't tell: a part of stock `NextKeys` without `KeyOwner`.
pub const UNKNOWN_TYPE: KeyType = KeyType::from_bytes(*b"????");

/// A 32-byte account id.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Account(pub [u8; 32]);

impl std::fmt::Display for Account {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "0x{}", data_encoding::HEXLOWER.encode(&self.0))
    }
}

impl std::fmt::Debug for Account {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        std::fmt::Display::fmt(self, f)
    }
}

/// The keys that a chain knows at one block.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Registered {
    /// Chain id, e.g. `quantumharmony_prod`.
    pub chain_id: String,
    /// Genesis hash. A raw chain spec does not hold it.
    pub genesis_hash: Option<[u8; 32]>,
    /// Number of the block that was read; 0 for genesis state.
    pub block_number: u64,
    /// Hash of that block. A raw chain spec does not hold it.
    pub block_hash: Option<[u8; 32]>,
    /// Whether this belongs to a rehearsal.
    pub rehearsal: bool,
    /// Where the keys were read; at least one.
    pub sources: Vec<Source>,
    /// The keys, each (key type, public key) once.
    pub keys: Vec<RegisteredKey>,
}

impl Registered {
    /// Whether any source is genesis state rather than the chain of today.
    pub fn is_genesis_state(&self) -> bool {
        self.sources.iter().any(|source| source.genesis_state)
    }
}

/// Where registered keys were read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Source {
    /// What it is.
    pub kind: SourceKind,
    /// A file name or an endpoint, for people.
    pub name: String,
    /// Whether it shows the chain's first state only.
    pub genesis_state: bool,
}

/// Kinds of sources.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum SourceKind {
    /// A node's RPC.
    Rpc,
    /// A raw chain spec.
    ChainSpec,
}

/// One key that the chain knows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RegisteredKey {
    /// Key type; [`UNKNOWN_TYPE`] if the source doesn't tell.
    pub key_type: KeyType,
    /// Public key, raw bytes.
    pub public: Vec<u8>,
    /// The validator's account. A key that stands only in the list of authorities has none.
    pub account: Option<Account>,
    /// Where it stands on the chain. A document doesn't record that, so it is empty then.
    pub found_in: BTreeSet<Place>,
}

/// Storage items that name a key or its owner.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Place {
    /// `Session.NextKeys`.
    NextKeys,
    /// `Session.QueuedKeys`.
    QueuedKeys,
    /// `Aura.Authorities`.
    Authorities,
    /// `Session.Validators` has the key's account.
    Validators,
}

impl Place {
    /// The storage item's name.
    pub const fn name(self) -> &'static str {
        match self {
            Self::NextKeys => "NextKeys",
            Self::QueuedKeys => "QueuedKeys",
            Self::Authorities => "Authorities",
            Self::Validators => "Validators",
        }
    }
}
