//! The inside of `qh-engine`: opens a database with its engine, reads all of it, and follows the chain in it.
//!
//! 1. Every value of every column is read, so that whatever the engine checks is checked: RocksDB's block checksums,
//!    ParityDB's indexes, sizes and compression.
//! 2. ParityDB has no checksums of values. So the finalized header must hash to its key, and the state is followed from its
//!    root, each node hashing to the key it lies under: a sample, or all of it.
//! 3. A database without a Substrate chain is read through all the same; it has no chain in its report.

mod chain;
mod parity;
#[cfg(feature = "engine-rocksdb")]
mod rocks;
mod trie;

use std::path::Path;

use crate::online::engine::{Column, Engine, FoundChain, REPORT_FORMAT, Report, Walk};

/// Why a database is refused.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Refused {
    /// This program was built without RocksDB.
    WithoutRocksDb,
    /// It does not open.
    NotOpened(String),
    /// It opens, and something is damaged.
    Damaged(String),
    /// The chain in it is not whole.
    Chain(String),
}

impl Refused {
    /// The fault's name, as the parent knows it.
    pub fn name(&self) -> &'static str {
        match self {
            Self::WithoutRocksDb => "engine-without-rocksdb",
            Self::NotOpened(_) => "database-not-opened",
            Self::Damaged(_) => "database-damaged",
            Self::Chain(_) => "database-chain-broken",
        }
    }

    /// What is wrong.
    pub fn what(&self) -> &str {
        match self {
            Self::WithoutRocksDb => "this qh-engine was built without RocksDB",
            Self::NotOpened(what) | Self::Damaged(what) | Self::Chain(what) => what,
        }
    }
}

/// A database that was opened.
trait Opened {
    /// The engine and its version.
    fn engine(&self) -> String;

    /// Reads every value of every column.
    fn read_all(&self) -> Result<Vec<Column>, Refused>;

    /// The value of a key in a column of Substrate's; `None` too if there is no such column.
    fn get(&self, column: u8, key: &[u8]) -> Result<Option<Vec<u8>>, Refused>;

    /// Whether keys of state nodes have the node's place in front.
    fn places_in_keys(&self) -> bool;
}

/// Opens the database and reads all of it.
///
/// # Errors
/// [`Refused`].
pub fn inspect(engine: Engine, dir: &Path, walk: Walk) -> Result<Report, Refused> {
    match engine {
        #[cfg(feature = "engine-rocksdb")]
        Engine::RocksDb => report(&rocks::Rocks::open(dir)?, walk),
        #[cfg(not(feature = "engine-rocksdb"))]
        Engine::RocksDb => Err(Refused::WithoutRocksDb),
        Engine::ParityDb => report(&parity::Parity::open(dir)?, walk),
    }
}

fn report(opened: &dyn Opened, walk: Walk) -> Result<Report, Refused> {
    let columns = opened.read_all()?;
    let chain: Option<FoundChain> = chain::read(opened, walk)?;
    Ok(Report {
        format: REPORT_FORMAT.to_owned(),
        engine: opened.engine(),
        columns,
        chain,
    })
}
