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
    /// No credentials to show to the store.
    #[error("No credentials from {from}: {reason}.")]
    Credentials {
        /// A file, or the instance's role.
        from: String,
        /// What is wrong with it; never what is in it.
        reason: String,
    },
    /// The store replaces objects although it is asked not to, or can't be asked.
    #[error("{store} can't be kept from replacing objects: {reason}.")]
    Replaces {
        /// The store's address.
        store: String,
        /// What it did, or its words.
        reason: String,
    },
    /// A listing that can't be whole, or that no honest store gives.
    #[error("{store} gives a broken listing: {reason}.")]
    Listing {
        /// The store's address.
        store: String,
        /// What is wrong with it.
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
            Self::Credentials { .. } => "store-credentials",
            Self::Replaces { .. } => "store-replaces-objects",
            Self::Listing { .. } => "store-listing-broken",
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
                "Look at what the credentials' policy allows (docs/snapshots.md), or at who may write to the directory."
            }
            Self::Full { .. } => {
                "Make space, or prune on the verifier; the snapshots that are there are untouched."
            }
            Self::Credentials { .. } => {
                "Put the access key into a file in AWS's format that is closed to others (chmod 600), or use an instance's role."
            }
            Self::Replaces { .. } => {
                "Use a store with conditional writes (If-None-Match), e.g. AWS S3, MinIO, Ceph or R2 of today."
            }
            Self::Listing { .. } => {
                "Ask again later; if it stays so, another program writes under this prefix, or the server is wrong."
            }
            Self::Failed { .. } => {
                "Look at the store and the network, then start again: what is stored is not sent twice."
            }
        }
    }
}
