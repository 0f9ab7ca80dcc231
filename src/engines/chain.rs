//! A Substrate chain in a database: best and finalized block, genesis, the finalized state.
//!
//! Layout of `sc-client-db`: column 0 is meta (`gen` a hash; `best` and `final` a block's lookup key, its number in four
//! bytes, big end first, and its hash), column 4 headers by lookup key, column 1 the nodes of states.

use blake2::Blake2b;
use blake2::digest::consts::U32;
use sha3::{Digest, Keccak256};

use super::{Opened, Refused, trie};
use crate::online::engine::{FoundBlock, FoundChain, Walk};
use crate::transcript::hex::Hex;

const META: u8 = 0;
const STATE: u8 = 1;
const HEADER: u8 = 4;

/// How many nodes of a state a sample has.
const SAMPLE: u64 = 20_000;

/// The hash of headers and nodes of a chain.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Hashing {
    Blake2,
    Keccak,
}

impl Hashing {
    pub(super) fn hash(self, bytes: &[u8]) -> [u8; 32] {
        match self {
            Self::Blake2 => Blake2b::<U32>::digest(bytes).into(),
            Self::Keccak => Keccak256::digest(bytes).into(),
        }
    }

    fn word(self) -> &'static str {
        match self {
            Self::Blake2 => "blake2-256",
            Self::Keccak => "keccak-256",
        }
    }
}

fn broken(what: impl Into<String>) -> Refused {
    Refused::Chain(what.into())
}

/// Reads the chain; `None` if the database has no Substrate meta column.
pub(super) fn read(opened: &dyn Opened, walk: Walk) -> Result<Option<FoundChain>, Refused> {
    let Some(genesis) = opened.get(META, b"gen")? else {
        return match opened.get(META, b"best")? {
            Some(_) => Err(broken("it has a best block and no genesis hash")),
            None => Ok(None),
        };
    };
    let genesis: [u8; 32] = genesis
        .try_into()
        .map_err(|_| broken("its genesis hash has not 32 bytes"))?;
    let (best, _) = block(opened, b"best")?;
    let (finalized, header) = block(opened, b"final")?;
    if finalized.number > best.number {
        return Err(broken("its finalized block is higher than its best one"));
    }
    let hashing = [Hashing::Blake2, Hashing::Keccak]
        .into_iter()
        .find(|hashing| hashing.hash(&header) == finalized.hash.0)
        .ok_or_else(|| broken("the finalized block's header does not hash to its hash"))?;
    let state_root = state_root(&header, finalized.number)?;
    let limit = match walk {
        Walk::Sample => SAMPLE,
        Walk::All => u64::MAX,
    };
    let node = |place: &[u8], hash: &[u8; 32]| -> Result<Option<Vec<u8>>, Refused> {
        let mut key = Vec::with_capacity(place.len() + 32);
        if opened.places_in_keys() {
            key.extend_from_slice(place);
        }
        key.extend_from_slice(hash);
        opened.get(STATE, &key)
    };
    let walked = trie::walk(state_root, hashing, limit, &node).map_err(|what| {
        broken(format!(
            "the state of finalized block {}: {what}",
            finalized.number
        ))
    })??;
    Ok(Some(FoundChain {
        genesis: Hex(genesis),
        best,
        finalized,
        hashing: hashing.word().to_owned(),
        state_root: Hex(state_root),
        state_nodes: walked.nodes,
        whole_state: walked.whole,
    }))
}

/// A block that a meta key names, and its header.
fn block(opened: &dyn Opened, meta: &[u8]) -> Result<(FoundBlock, Vec<u8>), Refused> {
    let name = String::from_utf8_lossy(meta);
    let key = opened
        .get(META, meta)?
        .ok_or_else(|| broken(format!("it has no {name} block")))?;
    let (number, hash) = key
        .split_first_chunk::<4>()
        .and_then(|(number, hash)| Some((number, <[u8; 32]>::try_from(hash).ok()?)))
        .ok_or_else(|| {
            broken(format!(
                "its {name} block has a lookup key of {} bytes",
                key.len()
            ))
        })?;
    let number = u64::from(u32::from_be_bytes(*number));
    let header = opened
        .get(HEADER, &key)?
        .ok_or_else(|| broken(format!("the header of its {name} block {number} is absent")))?;
    let block = FoundBlock {
        number,
        hash: Hex(hash),
    };
    Ok((block, header))
}

/// The state root in a header: parent (32 bytes), number (compact), state root, ...
fn state_root(header: &[u8], number: u64) -> Result<[u8; 32], Refused> {
    let mut rest = header.get(32..).unwrap_or_default();
    let found = trie::compact(&mut rest).map_err(broken)?;
    if found != number {
        return Err(broken(format!(
            "the header of block {number} says that it is block {found}"
        )));
    }
    rest.first_chunk()
        .copied()
        .ok_or_else(|| broken("the finalized header is too short"))
}
