//! Which block is read, and whether it is one of today.

use super::super::config::Limits;
use super::super::node::{BlockHash, Node, hex};
use super::{ReadFault, ask};

/// twox128("Timestamp"), twox128("Now").
const TIMESTAMP_NOW: [u8; 32] = [
    0xf0, 0xc3, 0x65, 0xc3, 0xcf, 0x59, 0xd6, 0x71, 0xeb, 0x72, 0xda, 0x0e, 0x7a, 0x41, 0x13, 0xc4,
    0x9f, 0x1f, 0x05, 0x15, 0xf4, 0x62, 0xcd, 0xcf, 0x84, 0xe0, 0xf1, 0xd6, 0x04, 0x5d, 0xfc, 0xbb,
];

/// How far the block's time may lie ahead of this machine's clock, in seconds.
const MAX_AHEAD: u64 = 120;

/// The block that is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Block {
    /// The chain's genesis hash.
    pub genesis: BlockHash,
    /// Its number.
    pub number: u64,
    /// Its hash.
    pub hash: BlockHash,
    /// Its age in seconds by its own time, if the chain keeps one.
    pub age: Option<u64>,
}

/// Block 0, the same on all nodes.
///
/// # Errors
/// [`ReadFault`].
pub fn first(nodes: &[Node]) -> Result<Block, ReadFault> {
    let genesis = hash_at(nodes, 0)?;
    Ok(Block {
        genesis,
        number: 0,
        hash: genesis,
        age: None,
    })
}

/// The last block that all nodes have finalized, the same on all of them: none is syncing, far behind, or of yesterday.
/// `now` is in milliseconds since 1970.
///
/// # Errors
/// [`ReadFault`].
pub fn today(nodes: &[Node], limits: &Limits, now: u64) -> Result<Block, ReadFault> {
    let genesis = hash_at(nodes, 0)?;
    let mut heads = Vec::new();
    for node in nodes {
        heads.push((node, finalized(node, limits)?));
    }
    let (low, head) = heads
        .iter()
        .min_by_key(|(_, (number, _))| *number)
        .ok_or(ReadFault::NoNode)?;
    let (number, head) = *head;
    if let Some((high, (ahead, _))) = heads.iter().max_by_key(|(_, (number, _))| *number) {
        let behind = ahead.saturating_sub(number);
        if behind > limits.max_finality_lag {
            return Err(ReadFault::Behind {
                node: low.name().to_owned(),
                number,
                behind,
                other: high.name().to_owned(),
                limit: limits.max_finality_lag,
            });
        }
    }
    if number == 0 {
        return Err(ReadFault::OnlyGenesis {
            node: low.name().to_owned(),
        });
    }
    let hash = hash_at(nodes, number)?;
    if hash != head {
        return Err(ReadFault::Disagree {
            item: format!("the hash of block {number}"),
            one: format!("{} as its last finalized one", low.name()),
            one_says: hex(&head),
            other: "the best chain".to_owned(),
            other_says: hex(&hash),
        });
    }
    Ok(Block {
        genesis,
        number,
        hash,
        age: age(nodes, number, &hash, limits, now)?,
    })
}

/// The hash of a block, the same on all nodes.
fn hash_at(nodes: &[Node], number: u64) -> Result<BlockHash, ReadFault> {
    let item = match number {
        0 => "the genesis hash".to_owned(),
        _ => format!("the hash of block {number}"),
    };
    let hash = ask::same(
        nodes,
        &item,
        |node| node.block_hash(number),
        |hash| ask::shown(hash.as_ref().map(<[u8; 32]>::as_slice)),
    )?;
    hash.ok_or_else(|| ReadFault::NoBlock {
        node: nodes.first().map_or("", Node::name).to_owned(),
        what: format!("block {number}"),
    })
}

/// Number and hash of a node's last finalized block, if the node has caught up and finality is not far behind.
fn finalized(node: &Node, limits: &Limits) -> Result<(u64, BlockHash), ReadFault> {
    let name = || node.name().to_owned();
    if node.health()?.is_syncing {
        return Err(ReadFault::Syncing { node: name() });
    }
    let hash = node.finalized_head()?;
    let header = node.header(&hash)?.ok_or_else(|| ReadFault::NoBlock {
        node: name(),
        what: format!("its own finalized block {}", hex(&hash)),
    })?;
    let best = node.best()?;
    let lag = best.saturating_sub(header.number);
    if lag > limits.max_finality_lag {
        return Err(ReadFault::FinalityLag {
            node: name(),
            number: header.number,
            lag,
            limit: limits.max_finality_lag,
        });
    }
    Ok((header.number, hash))
}

fn age(
    nodes: &[Node],
    number: u64,
    hash: &BlockHash,
    limits: &Limits,
    now: u64,
) -> Result<Option<u64>, ReadFault> {
    let item = "Timestamp.Now";
    let Some(value) = ask::value(nodes, item, &TIMESTAMP_NOW, hash)? else {
        return Ok(None);
    };
    let Ok(time) = <[u8; 8]>::try_from(value).map(u64::from_le_bytes) else {
        let node = nodes.first().ok_or(ReadFault::NoNode)?;
        return Err(node
            .malformed("state_getStorage", "Timestamp.Now is not 8 bytes")
            .into());
    };
    let ahead = time.saturating_sub(now) / 1000;
    if ahead > MAX_AHEAD {
        return Err(ReadFault::Future { number, ahead });
    }
    let age = now.saturating_sub(time) / 1000;
    let limit = limits.max_block_age_seconds;
    if age > limit {
        return Err(ReadFault::Stale { number, age, limit });
    }
    Ok(Some(age))
}

/// The time of a block in milliseconds since 1970, as one node says; `None` if the chain keeps none.
///
/// # Errors
/// [`NodeFault`](super::super::rpc::NodeFault).
pub fn time(node: &Node, hash: &BlockHash) -> Result<Option<u64>, super::super::rpc::NodeFault> {
    let value = node.storage(&TIMESTAMP_NOW, hash)?;
    Ok(value
        .and_then(|value| value.try_into().ok())
        .map(u64::from_le_bytes))
}
