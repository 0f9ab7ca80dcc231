//! One question to every node, and one answer.

use super::super::node::{BlockHash, Node, hex};
use super::super::rpc::NodeFault;
use super::ReadFault;
use crate::vault::registered::Item;

/// Longest value that a refusal repeats, in bytes.
const MAX_REPEATED: usize = 160;

/// Asks every node, and refuses answers that differ, with both.
pub(super) fn same<T: PartialEq>(
    nodes: &[Node],
    item: &str,
    ask: impl Fn(&Node) -> Result<T, NodeFault>,
    show: impl Fn(&T) -> String,
) -> Result<T, ReadFault> {
    let mut first: Option<(&Node, T)> = None;
    for node in nodes {
        let answer = ask(node)?;
        match &first {
            None => first = Some((node, answer)),
            Some((one, known)) if *known != answer => {
                return Err(ReadFault::Disagree {
                    item: item.to_owned(),
                    one: one.name().to_owned(),
                    one_says: show(known),
                    other: node.name().to_owned(),
                    other_says: show(&answer),
                });
            }
            Some(_) => {}
        }
    }
    first.map(|(_, answer)| answer).ok_or(ReadFault::NoNode)
}

/// The value of a storage key at one block, the same on every node.
pub(super) fn value(
    nodes: &[Node],
    item: &str,
    key: &[u8],
    at: &BlockHash,
) -> Result<Option<Vec<u8>>, ReadFault> {
    same(
        nodes,
        item,
        |node| node.storage(key, at),
        |value| shown(value.as_deref()),
    )
}

/// The value of one of our storage items, named with its map key.
pub(super) fn entry(
    nodes: &[Node],
    item: &Item,
    at: &BlockHash,
) -> Result<Option<Vec<u8>>, ReadFault> {
    let name = match item {
        Item::NextKeys(account) => format!("{} of {account}", item.name()),
        Item::KeyOwner(key_type, public) => {
            format!("{} of {key_type} {}", item.name(), shown(Some(public)))
        }
        _ => item.name().to_owned(),
    };
    value(nodes, &name, &item.storage_key(), at)
}

pub(super) fn shown(value: Option<&[u8]>) -> String {
    match value {
        None => "nothing".to_owned(),
        Some(bytes) => match bytes.split_at_checked(MAX_REPEATED) {
            Some((head, rest)) if !rest.is_empty() => {
                format!("{}... ({} bytes)", hex(head), bytes.len())
            }
            _ => hex(bytes),
        },
    }
}
