//! Why a database was not accepted.

use std::path::PathBuf;

use crate::refusal::Refuse;

/// Texts hold what the engine said, made visible and bounded.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum EngineFault {
    /// The program that opens databases is not there.
    #[error("{} is not there; without it no database can be opened.", .path.display())]
    NoProgram {
        /// Where it was looked for.
        path: PathBuf,
    },
    /// It could not be run.
    #[error("{} could not be run: {reason}.", .path.display())]
    NotRun {
        /// The program.
        path: PathBuf,
        /// The system's words.
        reason: String,
    },
    /// It ended without a word, as a crash does.
    #[error("The reader of the database died ({how}).")]
    Died {
        /// Its exit status.
        how: String,
    },
    /// It was built without this engine.
    #[error("This qh-engine was built without RocksDB.")]
    WithoutRocksDb,
    /// It took too long.
    #[error("The reader of the database did not come to an end in {seconds} seconds.")]
    TooLong {
        /// The bound.
        seconds: u64,
    },
    /// It gave something else than a report.
    #[error("The reader of the database gave no report that could be read: {reason}.")]
    Nonsense {
        /// What is wrong with it.
        reason: String,
    },
    /// The database does not open.
    #[error("The database does not open: {reason}.")]
    NotOpened {
        /// The engine's words.
        reason: String,
    },
    /// It opens, and something in it is damaged.
    #[error("The database is damaged: {reason}.")]
    Damaged {
        /// What, in the engine's words or ours.
        reason: String,
    },
    /// It opens, and the chain in it is not whole.
    #[error("The chain in the database is not whole: {reason}.")]
    Chain {
        /// What is wrong.
        reason: String,
    },
}

impl EngineFault {
    /// The fault of this name, as the child tells it.
    pub(super) fn named(name: &str, what: String) -> Option<Self> {
        let reason = what;
        Some(match name {
            "engine-without-rocksdb" => Self::WithoutRocksDb,
            "database-not-opened" => Self::NotOpened { reason },
            "database-damaged" => Self::Damaged { reason },
            "database-chain-broken" => Self::Chain { reason },
            _ => return None,
        })
    }
}

impl Refuse for EngineFault {
    fn name(&self) -> &'static str {
        match self {
            Self::NoProgram { .. } => "engine-absent",
            Self::NotRun { .. } => "engine-not-run",
            Self::WithoutRocksDb => "engine-without-rocksdb",
            Self::Died { .. } => "engine-died",
            Self::TooLong { .. } => "engine-too-long",
            Self::Nonsense { .. } => "engine-nonsense",
            Self::NotOpened { .. } => "database-not-opened",
            Self::Damaged { .. } => "database-damaged",
            Self::Chain { .. } => "database-chain-broken",
        }
    }

    fn way_on(&self) -> &'static str {
        match self {
            Self::NoProgram { .. } | Self::NotRun { .. } => {
                "Install qh-engine (feature `engines`) beside qh-online, or name it with --engine."
            }
            Self::WithoutRocksDb => {
                "Build it with feature engine-rocksdb; the snapshot was not judged."
            }
            Self::Died { .. } | Self::TooLong { .. } | Self::Nonsense { .. } => {
                "Don't restore from this snapshot. Try another one; if all fail so, look at the verifier's memory and disk."
            }
            Self::NotOpened { .. } | Self::Damaged { .. } | Self::Chain { .. } => {
                "Don't restore from this snapshot. Look at the host's disk and at how its snapshots are made."
            }
        }
    }
}
