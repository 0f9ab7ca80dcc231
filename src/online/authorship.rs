//! Whose blocks they are: the slot of a block's aura pre-digest, modulo the number of authorities, names the author.
//!
//! The authorities are those of the block before, since a block that changes them is still authored by the old ones. A
//! node keeps old state for a while only (256 blocks by default); blocks whose authorities can't be read any more are
//! left out of the range, never counted as somebody else's. What a node says is its claim: ask nodes that others run.

use super::node::{BlockHash, Node};
use super::rpc::{NodeFault, Why};
use crate::refusal::Refuse;
use crate::vault::registered::{Item, Origin, RegisteredFault, State};

/// Most blocks that are looked at in one go.
pub const MAX_BLOCKS: u64 = 10_000;

/// The authors of a range of blocks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Authorship {
    /// First block of the range that could be looked at: the node has thrown away the state of those before.
    pub from: u64,
    /// Last block of the range.
    pub to: u64,
    /// Hash of the last block.
    pub to_hash: BlockHash,
    /// Blocks of the key that was asked for.
    pub own: u64,
    /// Blocks of other keys.
    pub others: u64,
    /// Blocks of the range whose author can't be told: no aura slot, or no authorities.
    pub undetermined: u64,
    /// Number of the key's last block in the range.
    pub last_own: Option<u64>,
    /// Blocks at which the key was among the authorities, so that it could have been the author.
    pub listed: u64,
    /// The largest number of authorities in the range; each authors about one block in so many.
    pub authorities: u64,
}

/// Why authors can't be told.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AuthorshipFault {
    /// The node failed.
    #[error(transparent)]
    Node(#[from] NodeFault),
    /// The authorities are damaged.
    #[error("{node}: {fault}")]
    Authorities {
        /// The node.
        node: String,
        /// What is wrong.
        fault: RegisteredFault,
    },
    /// A range that ends before it begins, begins at genesis, or is too long.
    #[error("The blocks {from} to {to} are no range of 1 to {MAX_BLOCKS} blocks after genesis.")]
    Range {
        /// First block.
        from: u64,
        /// Last block.
        to: u64,
    },
    /// A block that the node should have.
    #[error("{node} does not have block {number}.")]
    NoBlock {
        /// The node.
        node: String,
        /// The block's number.
        number: u64,
    },
    /// Headers that don't follow each other.
    #[error("{node} contradicts itself: the parent of block {number} has the number {found}.")]
    Chain {
        /// The node.
        node: String,
        /// The block's number.
        number: u64,
        /// Its parent's number.
        found: u64,
    },
}

impl Refuse for AuthorshipFault {
    fn name(&self) -> &'static str {
        match self {
            Self::Node(fault) => fault.name(),
            Self::Authorities { fault, .. } => fault.name(),
            Self::Range { .. } => "authorship-range",
            Self::NoBlock { .. } => "authorship-no-block",
            Self::Chain { .. } => "authorship-chain",
        }
    }

    fn way_on(&self) -> &'static str {
        match self {
            Self::Node(fault) => fault.way_on(),
            Self::Authorities { fault, .. } => fault.way_on(),
            Self::Range { .. } => "Ask for a shorter range of blocks after block 0.",
            Self::NoBlock { .. } => "Wait until the node has that block, or ask another node.",
            Self::Chain { .. } => "Do not believe this node; ask another one.",
        }
    }
}

/// Counts who authored the blocks `from` to `to`, both included, along the parents of block `to`, as far back as the
/// node has state: at a block whose authorities it threw away the walk ends. `public` is the raw aura public key, 64 or
/// 32 bytes.
///
/// `progress` is told how many blocks were looked at.
///
/// # Errors
/// [`AuthorshipFault`].
pub fn authored(
    node: &Node,
    from: u64,
    to: u64,
    public: &[u8],
    progress: &mut dyn FnMut(u64),
) -> Result<Authorship, AuthorshipFault> {
    if from == 0 || to < from || to - from >= MAX_BLOCKS {
        return Err(AuthorshipFault::Range { from, to });
    }
    let absent = |number| AuthorshipFault::NoBlock {
        node: node.name().to_owned(),
        number,
    };
    let mut hash = node.block_hash(to)?.ok_or_else(|| absent(to))?;
    let mut found = Authorship {
        from: to.saturating_add(1),
        to,
        to_hash: hash,
        own: 0,
        others: 0,
        undetermined: 0,
        last_own: None,
        listed: 0,
        authorities: 0,
    };
    for number in (from..=to).rev() {
        let header = node.header(&hash)?.ok_or_else(|| absent(number))?;
        if header.number != number {
            return Err(AuthorshipFault::Chain {
                node: node.name().to_owned(),
                number: number.saturating_add(1),
                found: header.number,
            });
        }
        let Some(authorities) = authorities(node, &header.parent)? else {
            break;
        };
        found.from = number;
        progress(to - number + 1);
        found.listed += u64::from(authorities.iter().any(|key| key == public));
        let count = u64::try_from(authorities.len()).unwrap_or(u64::MAX);
        found.authorities = found.authorities.max(count);
        let author = slot(&header.digest)
            .zip(Some(count).filter(|count| *count > 0))
            .and_then(|(slot, len)| usize::try_from(slot % len).ok())
            .and_then(|index| authorities.get(index));
        match author {
            Some(key) if key == public => {
                found.own += 1;
                found.last_own = found.last_own.or(Some(number));
            }
            Some(_) => found.others += 1,
            None => found.undetermined += 1,
        }
        hash = header.parent;
    }
    Ok(found)
}

/// The authorities that authored none of the last blocks, though their turn came three times. Aura goes round by slots, so
/// an authority that is up authors one block in each round.
///
/// # Errors
/// [`AuthorshipFault`]; of the node if it has no state of the last block.
pub fn silent(node: &Node) -> Result<Vec<Vec<u8>>, AuthorshipFault> {
    let absent = |number| AuthorshipFault::NoBlock {
        node: node.name().to_owned(),
        number,
    };
    let best = node.best()?;
    let mut hash = node.block_hash(best)?.ok_or_else(|| absent(best))?;
    let keys = authorities(node, &hash)?.ok_or_else(|| absent(best))?;
    let count = keys.len() as u64;
    let mut seen = vec![false; keys.len()];
    let mut newest = None;
    for number in (1..=best).rev() {
        let header = node.header(&hash)?.ok_or_else(|| absent(number))?;
        if let Some(slot) = slot(&header.digest) {
            let newest = *newest.get_or_insert(slot);
            if newest.saturating_sub(slot) >= 3 * count {
                break;
            }
            let author = slot
                .checked_rem(count)
                .and_then(|index| usize::try_from(index).ok());
            if let Some(seen) = author.and_then(|index| seen.get_mut(index)) {
                *seen = true;
            }
        }
        hash = header.parent;
        if best - number > MAX_BLOCKS {
            break;
        }
    }
    let silent = keys.into_iter().zip(seen).filter(|(_, seen)| !seen);
    Ok(silent.map(|(key, _)| key).collect())
}

/// The authorities after a block; `None` if the node threw that state away, which it says by an error.
fn authorities(node: &Node, at: &BlockHash) -> Result<Option<Vec<Vec<u8>>>, AuthorshipFault> {
    let item = Item::Authorities.storage_key();
    let value = match node.storage(&item, at) {
        Ok(value) => value,
        Err(NodeFault {
            why: Why::Error { .. },
            ..
        }) => return Ok(None),
        Err(fault) => return Err(fault.into()),
    };
    let mut state = State::new(Origin::Chain);
    if let Some(value) = value {
        state.put(&item, value);
    }
    let keys = state.authorities().map(|keys| {
        let keys = keys.into_iter();
        Some(keys.map(<[u8]>::to_vec).collect())
    });
    keys.map_err(|fault| AuthorshipFault::Authorities {
        node: node.name().to_owned(),
        fault,
    })
}

/// The slot of the aura pre-digest: variant 6 (`PreRuntime`), engine `aura`, 8 bytes, u64 little-endian. Two of them
/// name no author.
pub fn slot(digest: &[Vec<u8>]) -> Option<u64> {
    let mut slots = digest
        .iter()
        .filter_map(|item| item.strip_prefix(b"\x06aura\x20"))
        .map(|slot| slot.try_into().ok().map(u64::from_le_bytes));
    match (slots.next(), slots.next()) {
        (Some(slot), None) => slot,
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slot_is_read_from_its_digest_item() {
        let aura = |slot: u64| [b"\x06aura\x20".as_slice(), &slot.to_le_bytes()].concat();
        let seal = b"\x05aura\x01\x01".to_vec();
        assert_eq!(slot(&[aura(0x0102), seal.clone()]), Some(0x0102));
        assert_eq!(slot(&[seal]), None);
        assert_eq!(slot(&[aura(1), aura(2)]), None);
        assert_eq!(slot(&[aura(1)[..13].to_vec()]), None);
        let long = [aura(1), vec![0]].concat();
        assert_eq!(slot(&[long]), None);
        assert_eq!(slot(&[b"\x06BABE\x20\0\0\0\0\0\0\0\0".to_vec()]), None);
    }
}
