use crate::refusal::Refuse;
use crate::vault::registered::{Account, Origin};

/// Why a source of registered keys is refused. All of it is public.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RegisteredFault {
    /// Larger than such a file ever is.
    #[error("The file has more than {max} bytes, which is more than such a file ever has.")]
    TooLarge {
        /// Limit in bytes.
        max: usize,
    },
    /// Not the JSON that belongs here: unknown, duplicate, missing or wrong members, or trailing bytes.
    #[error("The file is not what it should be: {reason}.")]
    Json {
        /// What and where.
        reason: String,
    },
    /// Another format or version.
    #[error("The file has the format {found}, and this program reads qh-registered/1.")]
    Format {
        /// The format that it names.
        found: String,
    },
    /// A value that is not in its form.
    #[error("{member} is not {expected}.")]
    Value {
        /// Member of the document.
        member: String,
        /// What belongs there.
        expected: &'static str,
    },
    /// One key twice.
    #[error("The key {public} stands there more than once.")]
    DuplicateKey {
        /// Public key.
        public: String,
    },
    /// A chain spec in readable form, not raw.
    #[error(
        "This chain spec is not in raw form, so it does not hold the keys as the chain stores them."
    )]
    NotRaw,
    /// One storage key twice.
    #[error("The chain spec has the storage key {key} more than once.")]
    DuplicateStorage {
        /// Storage key.
        key: String,
    },
    /// A storage entry that can't be what its key says.
    #[error("{origin}'s {item} is damaged: {reason}.")]
    Storage {
        /// Where it was read.
        origin: Origin,
        /// Storage item.
        item: &'static str,
        /// What is wrong with it.
        reason: &'static str,
    },
    /// Two entries that can't both be true.
    #[error("{origin} contradicts itself: {public} belongs to {one} and to {other}.")]
    Contradiction {
        /// Where it was read.
        origin: Origin,
        /// Public key.
        public: String,
        /// One account.
        one: Account,
        /// The other account.
        other: Account,
    },
    /// `KeyOwner` and `NextKeys` disagree.
    #[error("{origin} contradicts itself: {account} owns {public}, which is not among its keys.")]
    NotAmongKeys {
        /// Where it was read.
        origin: Origin,
        /// Public key.
        public: String,
        /// Its owner.
        account: Account,
    },
    /// No session keys at all.
    #[error("{origin} holds no session keys, so nothing can be matched with it.")]
    NoKeys {
        /// Where they were looked for.
        origin: Origin,
    },
}

impl RegisteredFault {
    fn origin(&self) -> Origin {
        match self {
            Self::Storage { origin, .. }
            | Self::Contradiction { origin, .. }
            | Self::NotAmongKeys { origin, .. }
            | Self::NoKeys { origin } => *origin,
            _ => Origin::ChainSpec,
        }
    }
}

impl Refuse for RegisteredFault {
    fn name(&self) -> &'static str {
        let chain = self.origin() == Origin::Chain;
        match self {
            Self::Storage { .. } if chain => "chain-storage",
            Self::Contradiction { .. } | Self::NotAmongKeys { .. } if chain => {
                "chain-contradiction"
            }
            Self::NoKeys { .. } if chain => "chain-no-keys",
            Self::TooLarge { .. } => "registered-too-large",
            Self::Json { .. } => "registered-malformed",
            Self::Format { .. } => "registered-format",
            Self::Value { .. } => "registered-value",
            Self::DuplicateKey { .. } => "registered-duplicate-key",
            Self::NotRaw => "chain-spec-not-raw",
            Self::DuplicateStorage { .. } => "chain-spec-duplicate-key",
            Self::Storage { .. } => "chain-spec-storage",
            Self::Contradiction { .. } | Self::NotAmongKeys { .. } => "chain-spec-contradiction",
            Self::NoKeys { .. } => "chain-spec-no-keys",
        }
    }

    fn way_on(&self) -> &'static str {
        match self {
            Self::NotRaw => "Have the node make the raw form: build-spec --raw --chain FILE.",
            _ if self.origin() == Origin::Chain => {
                "Ask nodes that others run, and look whether this is the chain you mean."
            }
            Self::NoKeys { .. } => {
                "Read the registered keys off the running chain with qh-online registered."
            }
            Self::Format { .. } => "Use the program version that wrote the file, or write it anew.",
            _ => "Get the file again from its source, and compare its hash there.",
        }
    }
}
