//! Why a key of a token doesn't count. Texts name objects, never values.

use crate::refusal::Refuse;

/// Why a key of a token doesn't count.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TokenFault {
    /// No randomness for the wrapping keys.
    #[error("The operating system gives no randomness.")]
    NoRandomness,
    /// What came out is no key of the object's kind.
    #[error("What the token gave out for {object} is no {kind}.")]
    Malformed {
        /// Label and id.
        object: String,
        /// The kind of key that it should be.
        kind: String,
    },
    /// The secret gives another public key.
    #[error(
        "The secret that the token gave out for {object} gives another public key than the one in the token."
    )]
    Mismatch {
        /// Label and id.
        object: String,
    },
    /// The token holds no public key to compare with.
    #[error(
        "The token holds no public key beside {object}, so nothing says that what comes out is this key."
    )]
    NoPublicKey {
        /// Label and id.
        object: String,
    },
    /// A secret of another length than the token says.
    #[error("The token says that {object} has {told} bytes, and {found} came out.")]
    Length {
        /// Label and id.
        object: String,
        /// Bytes, as listed.
        told: u64,
        /// Bytes that came out.
        found: usize,
    },
    /// A generic secret that is no session key.
    #[error(
        "The generic secret {object} is no SPHINCS+ session key, and nothing else proves it: {why}"
    )]
    SecretUnprovable {
        /// Label and id.
        object: String,
        /// Why.
        why: String,
    },
    /// A data object that is no file of the node.
    #[error("The data object {object} is not named as a key file or network file of the node.")]
    DataUnknown {
        /// Label.
        object: String,
    },
    /// A data object that is named as a file of the node and is none.
    #[error("The data object {object} is not what its name says: {why}")]
    DataWrong {
        /// Label.
        object: String,
        /// Why.
        why: String,
    },
    /// A token's key inside a bundle that is none.
    #[error("The {key_type} key in the backup is damaged: {why}.")]
    Stored {
        /// Key type.
        key_type: String,
        /// Why.
        why: &'static str,
    },
}

impl Refuse for TokenFault {
    fn name(&self) -> &'static str {
        match self {
            Self::NoRandomness => "no-randomness",
            Self::Malformed { .. } => "hsm-key-malformed",
            Self::Mismatch { .. } => "hsm-key-mismatch",
            Self::NoPublicKey { .. } => "hsm-no-public-key",
            Self::Length { .. } => "hsm-key-length",
            Self::SecretUnprovable { .. } => "hsm-secret-unprovable",
            Self::DataUnknown { .. } => "hsm-data-unknown",
            Self::DataWrong { .. } => "hsm-data-wrong",
            Self::Stored { .. } => "token-key-malformed",
        }
    }

    fn way_on(&self) -> &'static str {
        match self {
            Self::NoRandomness => "Restart the laptop.",
            Self::Malformed { .. } | Self::Mismatch { .. } | Self::Length { .. } => {
                "Don't trust this module: try another version of it, or go on without this key."
            }
            Self::NoPublicKey { .. } => {
                "Put the public key into the token beside it, under the same id, or go on without this key."
            }
            Self::SecretUnprovable { .. } | Self::DataUnknown { .. } => {
                "Back it up by the vendor's own means, or go on without it."
            }
            Self::DataWrong { .. } => "Look at how it was put into the token, or go on without it.",
            Self::Stored { .. } => "Look for another copy of the backup.",
        }
    }
}
