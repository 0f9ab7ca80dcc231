use std::time::Duration;

use crate::refusal::Refuse;

/// Why a node gave no usable answer. Every text names the node, by scheme, host and port.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{node} was asked for {method}: {why}")]
pub struct NodeFault {
    /// The node's address, without credentials.
    pub node: String,
    /// What was asked.
    pub method: &'static str,
    /// What happened.
    pub why: Why,
}

/// What happened with one call.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Why {
    /// No connection, or it broke off.
    #[error("it can't be reached: {reason}.")]
    Unreachable {
        /// The system's words.
        reason: String,
    },
    /// No complete answer in time.
    #[error("it gave no complete answer within {} seconds.", .limit.as_secs_f32())]
    TimedOut {
        /// The limit.
        limit: Duration,
    },
    /// An HTTP status other than 200.
    #[error("it answered with HTTP status {status} instead of 200.")]
    Status {
        /// The status.
        status: u16,
    },
    /// More than an answer ever has.
    #[error("its answer has more than {limit} bytes, more than any answer of a node.")]
    TooLarge {
        /// The limit.
        limit: usize,
    },
    /// Not HTTP, not JSON, not JSON-RPC, or not what the method gives.
    #[error("its answer is malformed: {reason}.")]
    Malformed {
        /// What is wrong.
        reason: String,
    },
    /// The answer to something else.
    #[error("it answered another question than the one that was asked (other id).")]
    OtherId,
    /// A JSON-RPC error object.
    #[error("it answered with error {code}: \"{message}\".")]
    Error {
        /// The code.
        code: i64,
        /// The text, bounded and escaped.
        message: String,
    },
}

impl Why {
    /// A malformed answer.
    pub fn malformed(reason: impl Into<String>) -> Self {
        Self::Malformed {
            reason: reason.into(),
        }
    }
}

impl NodeFault {
    /// Whether the node was not there at all, rather than there and wrong.
    pub fn is_absence(&self) -> bool {
        matches!(self.why, Why::Unreachable { .. } | Why::TimedOut { .. })
    }
}

impl Refuse for NodeFault {
    fn name(&self) -> &'static str {
        match self.why {
            Why::Unreachable { .. } => "node-unreachable",
            Why::TimedOut { .. } => "node-timed-out",
            Why::Status { .. } => "node-http-status",
            Why::TooLarge { .. } => "node-answer-too-large",
            Why::Malformed { .. } => "node-answer-malformed",
            Why::OtherId => "node-answer-other-id",
            Why::Error { .. } => "node-error",
        }
    }

    fn way_on(&self) -> &'static str {
        match self.why {
            Why::Unreachable { .. } => {
                "Look whether the node runs and listens there, and whether a firewall is between."
            }
            Why::TimedOut { .. } => {
                "Look at the node's load, ask another node, or raise limits.rpc_timeout_seconds."
            }
            Why::Status { .. } => {
                "Give the address of the node's RPC itself, or look at the proxy before it."
            }
            Why::Error { .. } => {
                "Look at the node's RPC settings and its state pruning, or ask another node."
            }
            Why::TooLarge { .. } | Why::Malformed { .. } | Why::OtherId => {
                "Look whether a node answers at that address; do not believe it until you know why."
            }
        }
    }
}
