//! Why a store did not do what it was asked.

use crate::refusal::Refuse;

/// Texts name the store, the object and the reason; never credentials.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum StoreFault {
    /// The address is no store.
    #[error("\"{given}\" is no address of a store: {reason}.")]
    Address {
        /// What was given.
        given: String,
        /// What is wrong with it.
        reason: String,
    },
    /// No object has this name.
    #[error("{store} has no object {name}.")]
    Absent {
        /// The store's address.
        store: String,
        /// The object.
        name: String,
    },
    /// More bytes than the object may have.
    #[error("{name} in {store} has more than {limit} bytes.")]
    TooLarge {
        /// The store's address.
        store: String,
        /// The object.
        name: String,
        /// The bound.
        limit: u64,
    },
    /// A name that this program would not have given.
    #[error("{store} has an object with a strange name: \"{name}\".")]
    StrangeName {
        /// The store's address.
        store: String,
        /// The name, made visible.
        name: String,
    },
    /// An object lock keeps it.
    #[error("{name} in {store} is locked: {reason}.")]
    Locked {
        /// The store's address.
        store: String,
        /// The object.
        name: String,
        /// The store's words.
        reason: String,
    },
    /// The identity may not do this, or is not accepted.
    #[error("{store} refuses this identity: {reason}.")]
    Denied {
        /// The store's address.
        store: String,
        /// The store's words.
        reason: String,
    },
    /// The place is full.
    #[error("{store} has no space left: {reason}.")]
    Full {
        /// The store's address.
        store: String,
        /// The store's words.
        reason: String,
    },
    /// Anything else: no answer, a broken answer, an error of the system.
    #[error("{store} failed: {reason}.")]
    Failed {
        /// The store's address.
        store: String,
        /// What happened, and how often it was tried.
        reason: String,
    },
}

impl Refuse for StoreFault {
    fn name(&self) -> &'static str {
        match self {
            Self::Address { .. } => "store-address",
            Self::Absent { .. } => "store-object-absent",
            Self::TooLarge { .. } => "store-object-too-large",
            Self::StrangeName { .. } => "store-strange-name",
            Self::Locked { .. } => "store-object-locked",
            Self::Denied { .. } => "store-denied",
            Self::Full { .. } => "store-full",
            Self::Failed { .. } => "store-failed",
        }
    }

    fn way_on(&self) -> &'static str {
        match self {
            Self::Address { .. } => "Give file:///DIRECTORY or s3://BUCKET/PREFIX.",
            Self::Absent { .. } => "Choose another snapshot, or ask another store for this one.",
            Self::TooLarge { .. } | Self::StrangeName { .. } => {
                "Find out who wrote to this store besides qh-online; use another store meanwhile."
            }
            Self::Locked { .. } => "Wait until the lock ends; it is never shortened.",
            Self::Denied { .. } => {
                "Look at the credentials and at what their policy allows (docs/snapshots.md)."
            }
            Self::Full { .. } => {
                "Make space, or prune on the verifier; the snapshots that are there are untouched."
            }
            Self::Failed { .. } => {
                "Look at the store and the network, then start again: what is stored is not sent twice."
            }
        }
    }
}
