//! The genesis hash that a raw chain spec implies: what a node calls its network by, computed without a node.
//!
//! 1. The hash is that of block 0: parent 0, number 0, the state root of `genesis.raw`, the root of no extrinsics, an
//!    empty digest, in SCALE. The same hasher makes state root and block hash.
//! 2. A chain spec says neither its hasher nor its state version: both are properties of the runtime inside. So there
//!    are four candidates, and the one that a node reports settles which it is. QuantumHarmony is Keccak-256, version 1.
//! 3. Entries that a node would refuse at genesis, or silently take once of twice, are refused: a root over something
//!    else than the node's state proves nothing.

mod spec;
mod trie;

use std::fmt;

use crate::refusal::Refuse;
use crate::vault::registered::MAX_CHAIN_SPEC;

pub use spec::MAX_STORAGE_KEY;

/// The hash function of a chain's headers and state.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Hashing {
    /// Keccak-256, of before SHA-3: QuantumHarmony.
    Keccak256,
    /// BLAKE2b with 32 bytes: nearly every other Substrate chain.
    Blake2_256,
}

impl fmt::Display for Hashing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Keccak256 => "Keccak-256",
            Self::Blake2_256 => "BLAKE2-256",
        })
    }
}

/// How values stand in the state's trie.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StateVersion {
    /// Every value in its node.
    V0,
    /// Values of more than 32 bytes by their hash.
    V1,
}

impl StateVersion {
    /// The shortest value, in bytes, that stands by its hash. `TRIE_VALUE_NODE_THRESHOLD` of Substrate's `sp-core`.
    const fn threshold(self) -> Option<u32> {
        match self {
            Self::V0 => None,
            Self::V1 => Some(33),
        }
    }
}

impl fmt::Display for StateVersion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::V0 => "state version 0",
            Self::V1 => "state version 1",
        })
    }
}

/// A genesis hash, and under what it is one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Candidate {
    /// Hash of block 0.
    pub hash: [u8; 32],
    /// Root of the genesis state, as it stands in that block's header.
    pub state_root: [u8; 32],
    /// Hash function of header and state.
    pub hasher: Hashing,
    /// How values stand in the state's trie.
    pub state_version: StateVersion,
}

impl fmt::Display for Candidate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            hash,
            hasher,
            state_version,
            ..
        } = self;
        write!(f, "{} ({hasher}, {state_version})", Hex(hash))
    }
}

/// Why a chain spec gives no genesis hash, or another one than the node's. All of it is public.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum GenesisFault {
    /// Larger than a chain spec ever is.
    #[error("The chain spec has more than {max} bytes, which is more than such a file ever has.")]
    TooLarge {
        /// Limit in bytes.
        max: usize,
    },
    /// Not the JSON of a chain spec.
    #[error("The chain spec is not what it should be: {reason}.")]
    Malformed {
        /// What and where.
        reason: String,
    },
    /// In readable form, or with a state root alone.
    #[error(
        "This chain spec is not in raw form, so it does not hold the state that the genesis hash is made of."
    )]
    NotRaw,
    /// A key or a value is not `0x` and hex.
    #[error("The chain spec's storage entry {key} is not 0x and hex.")]
    NotHex {
        /// Storage key as it stands there, shortened.
        key: String,
    },
    /// One storage key twice, in whatever letter case.
    #[error("The chain spec has the storage key {key} more than once.")]
    Duplicate {
        /// Storage key.
        key: String,
    },
    /// A storage key longer than any chain has.
    #[error(
        "The chain spec has a storage key of {found} bytes, and {MAX_STORAGE_KEY} are the most that is read."
    )]
    KeyTooLong {
        /// Length in bytes.
        found: usize,
    },
    /// The root of a child trie is given instead of computed.
    #[error(
        "The chain spec has the storage key {key} among the top entries. It belongs to a child trie, and no node takes that at genesis."
    )]
    ChildInTop {
        /// Storage key.
        key: String,
    },
    /// The node's network is another one.
    #[error(
        "The genesis hash is {}, and this chain spec gives {}.", Hex(.expected), listed(.computed)
    )]
    Mismatch {
        /// The hash that the node reports.
        expected: [u8; 32],
        /// What the chain spec gives.
        computed: Vec<Candidate>,
    },
}

impl Refuse for GenesisFault {
    fn name(&self) -> &'static str {
        match self {
            Self::TooLarge { .. } => "chain-spec-too-large",
            Self::Malformed { .. } => "chain-spec-malformed",
            Self::NotRaw => "chain-spec-not-raw",
            Self::NotHex { .. } => "chain-spec-not-hex",
            Self::Duplicate { .. } => "chain-spec-duplicate-key",
            Self::KeyTooLong { .. } => "chain-spec-key-too-long",
            Self::ChildInTop { .. } => "chain-spec-child-in-top",
            Self::Mismatch { .. } => "genesis-mismatch",
        }
    }

    fn way_on(&self) -> &'static str {
        match self {
            Self::NotRaw => "Have the node make the raw form: build-spec --raw --chain FILE.",
            Self::Mismatch { .. } => {
                "Find out which of the two belongs to your network: the node runs another chain, or the chain spec is of another one."
            }
            _ => "Get the file again from its source, and compare its hash there.",
        }
    }
}

/// Every genesis hash that a raw chain spec can imply, under two hashers and two state versions. Where no value has more
/// than 32 bytes, the versions give one hash, and it stands there once, as version 1.
///
/// # Errors
/// [`GenesisFault`], all but [`GenesisFault::Mismatch`].
pub fn genesis_hashes(spec: &[u8]) -> Result<Vec<Candidate>, GenesisFault> {
    if spec.len() > MAX_CHAIN_SPEC {
        return Err(GenesisFault::TooLarge {
            max: MAX_CHAIN_SPEC,
        });
    }
    let state = spec::parse(spec)?;
    let mut found: Vec<Candidate> = Vec::new();
    for hasher in [Hashing::Keccak256, Hashing::Blake2_256] {
        for state_version in [StateVersion::V1, StateVersion::V0] {
            let (state_root, hash) = match hasher {
                Hashing::Keccak256 => trie::genesis::<trie::Keccak>(&state, state_version),
                Hashing::Blake2_256 => trie::genesis::<trie::Blake2>(&state, state_version),
            };
            if found.iter().all(|other| other.hash != hash) {
                found.push(Candidate {
                    hash,
                    state_root,
                    hasher,
                    state_version,
                });
            }
        }
    }
    Ok(found)
}

/// Compares a raw chain spec with the genesis hash that a node reports, and says under what they agree.
///
/// # Errors
/// [`GenesisFault`]; [`GenesisFault::Mismatch`] if the chain spec gives other hashes.
pub fn check(spec: &[u8], genesis_hash: &[u8; 32]) -> Result<Candidate, GenesisFault> {
    among(&genesis_hashes(spec)?, genesis_hash)
}

/// The one of `computed` that is `genesis_hash`.
///
/// # Errors
/// [`GenesisFault::Mismatch`].
pub fn among(computed: &[Candidate], genesis_hash: &[u8; 32]) -> Result<Candidate, GenesisFault> {
    let found = computed.iter().find(|one| one.hash == *genesis_hash);
    found.copied().ok_or_else(|| GenesisFault::Mismatch {
        expected: *genesis_hash,
        computed: computed.to_vec(),
    })
}

/// Bytes as a chain writes them.
struct Hex<'a>(&'a [u8]);

impl fmt::Display for Hex<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "0x{}", data_encoding::HEXLOWER.encode(self.0))
    }
}

fn listed(candidates: &[Candidate]) -> String {
    let shown: Vec<String> = candidates.iter().map(Candidate::to_string).collect();
    shown.join(" or ")
}
