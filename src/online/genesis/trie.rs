//! Substrate's state trie and header: base 16, no extension nodes, SCALE lengths.
//!
//! A node is a header with the count of nibbles in its partial key, the partial key, for a branch the two bytes that
//! say which children there are, then the value or its hash, then each child: the child's own encoding if that has less
//! than 32 bytes, else its hash, with its length in front. Source: Polkadot specification, "State storage and the
//! storage trie"; the same as `sp-trie`, with which the tests compare.

use blake2::Blake2b;
use blake2::digest::{Digest, consts::U32};
use sha3::Keccak256;
use trie_root::{Hasher, TrieStream, Value, trie_root_no_extension};

use super::StateVersion;
use super::spec::{Entries, State};

pub(super) struct Keccak;
pub(super) struct Blake2;

impl Hasher for Keccak {
    type Out = [u8; 32];
    type StdHasher = std::hash::DefaultHasher;
    const LENGTH: usize = 32;

    fn hash(bytes: &[u8]) -> Self::Out {
        Keccak256::digest(bytes).into()
    }
}

impl Hasher for Blake2 {
    type Out = [u8; 32];
    type StdHasher = std::hash::DefaultHasher;
    const LENGTH: usize = 32;

    fn hash(bytes: &[u8]) -> Self::Out {
        Blake2b::<U32>::digest(bytes).into()
    }
}

/// State root and hash of block 0.
pub(super) fn genesis<H: Hasher<Out = [u8; 32]>>(
    state: &State,
    version: StateVersion,
) -> ([u8; 32], [u8; 32]) {
    // A child without entries leaves no root behind.
    let children: Vec<(&[u8], [u8; 32])> = state
        .children
        .iter()
        .filter(|(_, entries)| !entries.is_empty())
        .map(|(place, entries)| (place.as_slice(), root::<H>(borrowed(entries), version)))
        .collect();
    let roots = children
        .iter()
        .map(|(place, root)| (*place, root.as_slice()));
    let state_root = root::<H>(borrowed(&state.top).chain(roots), version);
    let extrinsics_root = root::<H>(std::iter::empty(), version);

    let mut header = Vec::with_capacity(98);
    header.extend([0; 32]); // parent
    header.push(0); // number, compact
    header.extend(state_root);
    header.extend(extrinsics_root);
    header.push(0); // digest: no items
    (state_root, H::hash(&header))
}

fn borrowed(entries: &Entries) -> impl Iterator<Item = (&[u8], &[u8])> {
    entries
        .iter()
        .map(|(key, value)| (key.as_slice(), value.as_slice()))
}

fn root<'a, H: Hasher<Out = [u8; 32]>>(
    entries: impl Iterator<Item = (&'a [u8], &'a [u8])>,
    version: StateVersion,
) -> [u8; 32] {
    trie_root_no_extension::<H, Nodes, _, _, _>(entries, version.threshold())
}

/// The first bits of a node, and how many of the first byte they are.
#[derive(Clone, Copy)]
struct Kind {
    prefix: u8,
    bits: u32,
}

const LEAF: Kind = Kind {
    prefix: 0b0100_0000,
    bits: 2,
};
const BRANCH: Kind = Kind {
    prefix: 0b1000_0000,
    bits: 2,
};
const BRANCH_WITH_VALUE: Kind = Kind {
    prefix: 0b1100_0000,
    bits: 2,
};
const LEAF_WITH_HASH: Kind = Kind {
    prefix: 0b0010_0000,
    bits: 3,
};
const BRANCH_WITH_HASH: Kind = Kind {
    prefix: 0b0001_0000,
    bits: 4,
};
const EMPTY: u8 = 0;

/// One node being written.
struct Nodes(Vec<u8>);

impl Nodes {
    fn header(&mut self, kind: Kind, partial: &[u8]) {
        // The count fills the first byte's free bits; what is over follows, 255 meaning that there is more.
        let most = usize::from(u8::MAX >> kind.bits);
        if partial.len() < most {
            self.0.push(kind.prefix | low_byte(partial.len()));
        } else {
            self.0.push(kind.prefix | low_byte(most));
            let mut left = partial.len() - most;
            while left >= 255 {
                self.0.push(255);
                left -= 255;
            }
            self.0.push(low_byte(left));
        }
        let (odd, pairs) = partial.split_at(partial.len() % 2);
        self.0.extend(odd);
        self.0
            .extend(pairs.chunks_exact(2).map(|pair| pair[0] << 4 | pair[1]));
    }

    fn value(&mut self, value: &Value<'_>) {
        match value {
            Value::Inline(bytes) => self.sized(bytes),
            Value::Node(hash) => self.0.extend(hash),
        }
    }

    fn sized(&mut self, bytes: &[u8]) {
        compact(bytes.len(), &mut self.0);
        self.0.extend(bytes);
    }
}

fn low_byte(number: usize) -> u8 {
    number.to_le_bytes()[0]
}

/// SCALE's compact form of a length.
fn compact(number: usize, out: &mut Vec<u8>) {
    let bytes = number.to_le_bytes();
    let shifted = (number << 2).to_le_bytes();
    match number {
        0..=0x3f => out.push(shifted[0]),
        0x40..=0x3fff => out.extend([shifted[0] | 1, shifted[1]]),
        0x4000..=0x3fff_ffff => {
            out.push(shifted[0] | 2);
            out.extend(&shifted[1..4]);
        }
        _ => {
            let len = bytes.len() - number.leading_zeros() as usize / 8;
            out.push(low_byte(len - 4) << 2 | 3);
            out.extend(&bytes[..len]);
        }
    }
}

impl TrieStream for Nodes {
    fn new() -> Self {
        Self(Vec::new())
    }

    fn append_empty_data(&mut self) {
        self.0.push(EMPTY);
    }

    fn append_leaf(&mut self, partial: &[u8], value: Value<'_>) {
        let kind = match value {
            Value::Inline(_) => LEAF,
            Value::Node(_) => LEAF_WITH_HASH,
        };
        self.header(kind, partial);
        self.value(&value);
    }

    fn begin_branch(
        &mut self,
        partial: Option<&[u8]>,
        value: Option<Value<'_>>,
        has_children: impl Iterator<Item = bool>,
    ) {
        let kind = match value {
            None => BRANCH,
            Some(Value::Inline(_)) => BRANCH_WITH_VALUE,
            Some(Value::Node(_)) => BRANCH_WITH_HASH,
        };
        self.header(kind, partial.unwrap_or_default());
        let children = has_children
            .take(16)
            .enumerate()
            .fold(0u16, |bits, (at, has)| bits | u16::from(has) << at);
        self.0.extend(children.to_le_bytes());
        if let Some(value) = &value {
            self.value(value);
        }
    }

    /// Never called: this trie has no extension nodes.
    fn append_extension(&mut self, _partial: &[u8]) {}

    fn append_substream<H: Hasher>(&mut self, other: Self) {
        match other.0.len() {
            0..32 => self.sized(&other.0),
            _ => self.sized(H::hash(&other.0).as_ref()),
        }
    }

    fn out(self) -> Vec<u8> {
        self.0
    }
}
