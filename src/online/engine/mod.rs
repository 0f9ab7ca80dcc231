//! Database engines of a Substrate node.

use std::fmt;

/// An engine.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Engine {
    /// RocksDB: immutable tables, a log, a manifest.
    RocksDb,
    /// ParityDB: tables that change in place, and logs.
    ParityDb,
}

impl fmt::Display for Engine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::RocksDb => "RocksDB",
            Self::ParityDb => "ParityDB",
        })
    }
}
