use super::super::rpc::NodeFault;
use crate::refusal::Refuse;
use crate::vault::registered::RegisteredFault;

/// Why nothing is said about registered keys.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ReadFault {
    /// A node failed.
    #[error(transparent)]
    Node(#[from] NodeFault),
    /// What the nodes say can't be true, or names no keys.
    #[error(transparent)]
    Registered(#[from] RegisteredFault),
    /// No node was given.
    #[error("No node was given, so there is nobody to ask.")]
    NoNode,
    /// More nodes than are asked.
    #[error("{given} nodes were given, and at most {max} are asked.")]
    TooManyNodes {
        /// How many were given.
        given: usize,
        /// Limit.
        max: usize,
    },
    /// A node that is catching up.
    #[error("{node} is still syncing, so what it calls the last block is not the chain's.")]
    Syncing {
        /// The node.
        node: String,
    },
    /// Two nodes of different chains, or of a fork, or one that lies.
    #[error(
        "The nodes disagree about {item}: {one} says {one_says}, and {other} says {other_says}."
    )]
    Disagree {
        /// What was asked.
        item: String,
        /// One node.
        one: String,
        /// Its answer.
        one_says: String,
        /// The other node.
        other: String,
        /// Its answer.
        other_says: String,
    },
    /// A node whose finalized block is far behind that of another.
    #[error(
        "{node} has finalized block {number}, {behind} blocks behind {other}, and {limit} are allowed."
    )]
    Behind {
        /// The node.
        node: String,
        /// Its finalized block.
        number: u64,
        /// How far behind.
        behind: u64,
        /// The node that is ahead.
        other: String,
        /// Limit.
        limit: u64,
    },
    /// Finality stands still or is slow.
    #[error(
        "On {node} the last finalized block {number} lies {lag} blocks behind the best one, and {limit} are allowed."
    )]
    FinalityLag {
        /// The node.
        node: String,
        /// Its finalized block.
        number: u64,
        /// How far behind.
        lag: u64,
        /// Limit.
        limit: u64,
    },
    /// The block is old by its own time.
    #[error(
        "The last finalized block {number} is {age} seconds old by its own time, and {limit} are allowed."
    )]
    Stale {
        /// The block.
        number: u64,
        /// Its age in seconds.
        age: u64,
        /// Limit.
        limit: u64,
    },
    /// The block's time lies ahead of this machine's.
    #[error("Block {number} has a time that lies {ahead} seconds ahead of this machine's clock.")]
    Future {
        /// The block.
        number: u64,
        /// How far ahead, in seconds.
        ahead: u64,
    },
    /// Nothing but genesis is finalized.
    #[error("{node} has finalized nothing but block 0, the chain's first state.")]
    OnlyGenesis {
        /// The node.
        node: String,
    },
    /// A node lacks a block that it must have.
    #[error("{node} does not have {what}, although it must.")]
    NoBlock {
        /// The node.
        node: String,
        /// Which block.
        what: String,
    },
    /// More validators than are read.
    #[error("{item} names {count} accounts, and at most {max} are read.")]
    TooManyAccounts {
        /// Storage item.
        item: &'static str,
        /// How many it names.
        count: usize,
        /// Limit.
        max: usize,
    },
    /// The account that was asked for has no keys.
    #[error("The account {account} has no session keys on this chain at block {number}.")]
    NoSuchAccount {
        /// The account.
        account: String,
        /// The block that was read.
        number: u64,
    },
}

impl Refuse for ReadFault {
    fn name(&self) -> &'static str {
        match self {
            Self::Node(fault) => fault.name(),
            Self::Registered(fault) => fault.name(),
            Self::NoNode => "no-node",
            Self::TooManyNodes { .. } => "too-many-nodes",
            Self::Syncing { .. } => "node-syncing",
            Self::Disagree { .. } => "nodes-disagree",
            Self::Behind { .. } => "node-behind",
            Self::FinalityLag { .. } => "finality-lag",
            Self::Stale { .. } => "block-stale",
            Self::Future { .. } => "block-in-future",
            Self::OnlyGenesis { .. } => "block-genesis",
            Self::NoBlock { .. } => "node-lacks-block",
            Self::TooManyAccounts { .. } => "too-many-accounts",
            Self::NoSuchAccount { .. } => "account-without-keys",
        }
    }

    fn way_on(&self) -> &'static str {
        match self {
            Self::Node(fault) => fault.way_on(),
            Self::Registered(fault) => fault.way_on(),
            Self::NoNode => "Give --rpc URL, twice or more with nodes that different people run.",
            Self::TooManyNodes { .. } => "Give fewer nodes.",
            Self::Syncing { .. } | Self::Behind { .. } => {
                "Wait until the node has caught up, or ask another one."
            }
            Self::Disagree { .. } => {
                "One of them is wrong, of another chain, or lying. Find out which before you go on; ask a third."
            }
            Self::FinalityLag { .. } | Self::Stale { .. } => {
                "Look whether the chain finalizes blocks and whether the node has peers; ask another node."
            }
            Self::Future { .. } => "Set this machine's clock right, then ask again.",
            Self::OnlyGenesis { .. } => {
                "Wait for finality, or read the chain's first state on purpose with --genesis."
            }
            Self::NoBlock { .. } => "Ask a node that has the whole chain.",
            Self::TooManyAccounts { .. } => "Look whether this is the chain you mean.",
            Self::NoSuchAccount { .. } => {
                "Look whether this is the validator's stash account, and whether it has set keys."
            }
        }
    }
}
