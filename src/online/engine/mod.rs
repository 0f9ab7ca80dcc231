//! Database engines of a Substrate node, and the program that opens their files: `qh-engine`, a child process.
//!
//! What is opened came from a store that may be hostile, and its readers are large and partly written in C++. So they run
//! in a process of their own, which is given a staging directory and gives one bounded document. A crash, a hang or
//! nonsense ends that process alone, and is named.

mod child;
mod fault;

use std::fmt;

use serde::{Deserialize, Serialize};

pub use child::{beside, inspect};
pub use fault::EngineFault;

use crate::transcript::hex::Hash;

/// Format of what `qh-engine` gives.
pub const REPORT_FORMAT: &str = "qh-engine-report/1";

/// An engine.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Engine {
    /// RocksDB: immutable tables, a log, a manifest.
    RocksDb,
    /// ParityDB: tables that change in place, and logs.
    ParityDb,
}

impl Engine {
    /// As it stands in documents and on command lines.
    pub const fn word(self) -> &'static str {
        match self {
            Self::RocksDb => "rocksdb",
            Self::ParityDb => "paritydb",
        }
    }
}

impl fmt::Display for Engine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::RocksDb => "RocksDB",
            Self::ParityDb => "ParityDB",
        })
    }
}

/// How much of the finalized block's state is followed from its root.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Walk {
    /// Some thousand nodes.
    Sample,
    /// Every node.
    All,
}

/// A block in a database.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FoundBlock {
    /// Its number.
    pub number: u64,
    /// Its hash.
    pub hash: Hash,
}

/// A Substrate chain in a database.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FoundChain {
    /// Genesis hash.
    pub genesis: Hash,
    /// Best block.
    pub best: FoundBlock,
    /// Finalized block; its header is there, and hashes to this.
    pub finalized: FoundBlock,
    /// The hash that headers have: `blake2-256` or `keccak-256`.
    pub hashing: String,
    /// State root in the finalized header.
    pub state_root: Hash,
    /// How many nodes of its state were followed from the root, each hashing to its key.
    pub state_nodes: u64,
    /// Whether those were all.
    pub whole_state: bool,
}

/// A column, or column family.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Column {
    /// Its name.
    pub name: String,
    /// Values that were read.
    pub values: u64,
    /// Bytes of keys and values that were read.
    pub bytes: u64,
}

/// What `qh-engine` found in a database that it opened and read through.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Report {
    /// [`REPORT_FORMAT`].
    pub format: String,
    /// The engine and its version.
    pub engine: String,
    /// Every column.
    pub columns: Vec<Column>,
    /// The chain, if it is a Substrate node's database.
    pub chain: Option<FoundChain>,
}

/// What `qh-engine` gives when it refuses.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RefusedReport {
    /// [`REPORT_FORMAT`].
    pub format: String,
    /// The fault's name, one of those of [`EngineFault`].
    pub refused: String,
    /// What is wrong.
    pub what: String,
}
