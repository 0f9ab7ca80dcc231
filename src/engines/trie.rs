//! Nodes of Substrate's state trie, followed from a root; each must hash to the key that it lies under.
//!
//! Source: Polkadot specification, "State storage and the storage trie" (as in `online::genesis`, which writes what is read
//! here). Keys of nodes in RocksDB have the node's place in front: whole bytes of its nibbles, and an odd last nibble in the
//! upper half of one more byte. A child trie's root is a value under `:child_storage:default:` and the child's name; the
//! keys of its nodes have that name in front of the place.

use std::collections::VecDeque;
use std::rc::Rc;

use super::Refused;
use super::chain::Hashing;

/// Longest node that is read, in bytes: a value of a node can be a runtime.
const MAX_NODE: usize = 64 * 1024 * 1024;
/// Longest key, in nibbles.
const MAX_NIBBLES: usize = 4096;

/// How far it went.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Walked {
    /// Nodes and large values that were read.
    pub(super) nodes: u64,
    /// Whether those were all.
    pub(super) whole: bool,
}

/// Reads a node by its place and hash.
type Read<'a> = dyn Fn(&[u8], &[u8; 32]) -> Result<Option<Vec<u8>>, Refused> + 'a;

/// Where the roots of child tries are in the state; the child's name follows.
const CHILD_ROOTS: &[u8] = b":child_storage:default:";

/// Something that a node refers to.
struct Next {
    /// The name of the child trie that it is in; `None` in the state itself.
    child: Option<Rc<[u8]>>,
    /// Its key, in nibbles.
    path: Vec<u8>,
    hash: [u8; 32],
    is: Is,
}

/// What it is.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Is {
    Node,
    Value,
}

impl Next {
    /// The place as it stands in keys.
    fn place(&self) -> Vec<u8> {
        let mut place = self.child.as_deref().unwrap_or_default().to_vec();
        place.extend(packed(&self.path));
        place
    }
}

/// Follows a trie from its root, at most `limit` nodes of it, branches in turn so that a sample reaches all parts.
///
/// # Errors
/// What is wrong with it; inside, what the database refused.
pub(super) fn walk(
    root: [u8; 32],
    hashing: Hashing,
    limit: u64,
    read: &Read<'_>,
) -> Result<Result<Walked, Refused>, String> {
    let mut open = VecDeque::from([Next {
        child: None,
        path: vec![],
        hash: root,
        is: Is::Node,
    }]);
    let empty = hashing.hash(&[0]);
    let mut nodes = 0;
    while let Some(next) = open.pop_front() {
        if nodes >= limit {
            return Ok(Ok(Walked {
                nodes,
                whole: false,
            }));
        }
        if next.hash == empty && next.path.is_empty() {
            continue; // an empty trie is stored nowhere
        }
        let far = |what: &str| format!("{what}, {} nibbles from the root", next.path.len());
        let bytes = match read(&next.place(), &next.hash) {
            Ok(Some(bytes)) => bytes,
            Ok(None) => return Err(far("a node is absent")),
            Err(refused) => return Ok(Err(refused)),
        };
        if bytes.len() > MAX_NODE || hashing.hash(&bytes) != next.hash {
            return Err(far("a node does not hash to its key"));
        }
        nodes += 1;
        match next.is {
            Is::Node => children(&bytes, next.path, next.child.as_ref(), &mut open)?,
            Is::Value => child_trie(&next.path, next.child.as_ref(), &bytes, &mut open)?,
        }
    }
    Ok(Ok(Walked { nodes, whole: true }))
}

/// Notes the child trie whose root a value is, if it is one.
fn child_trie(
    path: &[u8],
    child: Option<&Rc<[u8]>>,
    value: &[u8],
    open: &mut VecDeque<Next>,
) -> Result<(), String> {
    if child.is_some() || path.len() % 2 == 1 {
        return Ok(());
    }
    if let Some(name) = packed(path).strip_prefix(CHILD_ROOTS) {
        open.push_back(Next {
            child: Some(name.into()),
            path: vec![],
            hash: value
                .try_into()
                .map_err(|_| "the root of a child trie has not 32 bytes")?,
            is: Is::Node,
        });
    }
    Ok(())
}

/// Nibbles, two to a byte.
fn packed(path: &[u8]) -> Vec<u8> {
    path.chunks(2)
        .map(|pair| pair[0] << 4 | pair.get(1).copied().unwrap_or(0))
        .collect()
}

/// Notes what a node refers to.
fn children(
    mut node: &[u8],
    mut path: Vec<u8>,
    child: Option<&Rc<[u8]>>,
    open: &mut VecDeque<Next>,
) -> Result<(), String> {
    let bytes = &mut node;
    let first = take(bytes, 1)?[0];
    // Two upper bits say the kind, or the third and the fourth if those are zero; the lower bits begin the count of nibbles.
    let (branch, value, mask) = match first {
        0 => return Ok(()),
        _ if first >> 6 == 0b01 => (false, Value::Inline, 0b0011_1111),
        _ if first >> 6 == 0b10 => (true, Value::None, 0b0011_1111),
        _ if first >> 6 == 0b11 => (true, Value::Inline, 0b0011_1111),
        _ if first >> 5 == 0b001 => (false, Value::Hash, 0b0001_1111),
        _ if first >> 4 == 0b0001 => (true, Value::Hash, 0b0000_1111),
        _ => return Err("a node has an unknown kind".into()),
    };
    let mut nibbles = usize::from(first & mask);
    if nibbles == usize::from(mask) {
        loop {
            let more = take(bytes, 1)?[0];
            nibbles += usize::from(more);
            if more < 255 {
                break;
            }
            if nibbles > MAX_NIBBLES {
                return Err("a node has too long a key".into());
            }
        }
    }
    let partial = take(bytes, nibbles.div_ceil(2))?;
    let all = partial.iter().flat_map(|byte| [byte >> 4, byte & 15]);
    path.extend(all.skip(nibbles % 2));
    if path.len() > MAX_NIBBLES {
        return Err("a node has too long a key".into());
    }
    let bitmap = if branch {
        u16::from_le_bytes(take(bytes, 2)?.try_into().expect("two"))
    } else {
        0
    };
    match value {
        Value::None => {}
        Value::Inline => {
            let length = compact(bytes)?;
            let length = usize::try_from(length).map_err(|_| "a value is too long")?;
            child_trie(&path, child, take(bytes, length)?, open)?;
        }
        Value::Hash => {
            open.push_back(Next {
                child: child.cloned(),
                path: path.clone(),
                hash: take(bytes, 32)?.try_into().expect("32"),
                is: Is::Value,
            });
        }
    }
    for nibble in (0..16).filter(|nibble| bitmap >> nibble & 1 == 1) {
        let length = compact(bytes)?;
        let inner = take(
            bytes,
            usize::try_from(length).map_err(|_| "a child is too long")?,
        )?;
        if inner.len() > 32 {
            return Err("a child that stands inside its node is too long".into());
        }
        let mut below = path.clone();
        below.push(nibble);
        match <[u8; 32]>::try_from(inner) {
            Ok(hash) => open.push_back(Next {
                child: child.cloned(),
                path: below,
                hash,
                is: Is::Node,
            }),
            Err(_) => children(inner, below, child, open)?,
        }
    }
    if bytes.is_empty() {
        Ok(())
    } else {
        Err("bytes follow after a node".into())
    }
}

enum Value {
    None,
    Inline,
    Hash,
}

fn take<'a>(bytes: &mut &'a [u8], count: usize) -> Result<&'a [u8], String> {
    let (taken, rest) = bytes.split_at_checked(count).ok_or("a node is cut off")?;
    *bytes = rest;
    Ok(taken)
}

/// A compact number of SCALE, up to 2^32 - 1 and the longer form up to eight bytes.
pub(super) fn compact(bytes: &mut &[u8]) -> Result<u64, String> {
    let first = take(bytes, 1)?[0];
    let more = match first & 3 {
        0 => return Ok(u64::from(first >> 2)),
        1 => 1,
        2 => 3,
        _ => {
            let length = usize::from(first >> 2) + 4;
            let rest = take(bytes, length)?;
            let mut wide = [0; 8];
            wide.get_mut(..length)
                .ok_or("a number is too long")?
                .copy_from_slice(rest);
            return Ok(u64::from_le_bytes(wide));
        }
    };
    let mut wide = [0; 8];
    wide[0] = first;
    wide[1..=more].copy_from_slice(take(bytes, more)?);
    Ok(u64::from_le_bytes(wide) >> 2)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashMap;

    #[test]
    fn compact_numbers() {
        for (bytes, number) in [
            (&[0x00][..], 0),
            (&[0xfc], 63),
            (&[0x01, 0x01], 64),
            (&[0x02, 0x00, 0x01, 0x00], 16_384),
            (&[0x03, 0x00, 0x00, 0x00, 0x40], 1 << 30),
        ] {
            assert_eq!(compact(&mut &bytes[..]), Ok(number));
        }
        assert!(compact(&mut &[][..]).is_err());
        assert!(compact(&mut &[0x01][..]).is_err());
    }

    #[test]
    fn a_place_is_packed_nibbles() {
        assert_eq!(packed(&[]), b"");
        assert_eq!(packed(&[1, 2]), [0x12]);
        assert_eq!(packed(&[1, 2, 3]), [0x12, 0x30]);
    }

    /// Nodes by their hashes, with their places.
    type Nodes = HashMap<[u8; 32], (Vec<u8>, Vec<u8>)>;

    /// A branch over two leaves with values of 40 bytes, made by hand.
    fn small() -> (Nodes, [u8; 32]) {
        let hash = |bytes: &[u8]| Hashing::Blake2.hash(bytes);
        let leaf = |byte: u8| {
            let mut node = vec![0x41, 0x05, 40 << 2];
            node.extend([byte; 40]);
            node
        };
        let (a, b) = (leaf(1), leaf(2));
        let mut branch = vec![0x80, 0b0000_0010, 0b0000_0001];
        for child in [&a, &b] {
            branch.push(32 << 2);
            branch.extend(hash(child));
        }
        let root = hash(&branch);
        let nodes = [
            (hash(&a), (vec![0x10], a)),
            (hash(&b), (vec![0x80], b)),
            (root, (vec![], branch)),
        ];
        (nodes.into(), root)
    }

    #[test]
    fn every_node_is_followed_and_an_absent_or_wrong_one_is_named() {
        let (nodes, root) = small();
        let walked = |nodes: &Nodes, limit| {
            walk(root, Hashing::Blake2, limit, &|place, hash| {
                Ok(nodes
                    .get(hash)
                    .filter(|(own, _)| own == place)
                    .map(|(_, node)| node.clone()))
            })
        };
        assert_eq!(
            walked(&nodes, 10),
            Ok(Ok(Walked {
                nodes: 3,
                whole: true
            }))
        );
        assert_eq!(
            walked(&nodes, 2),
            Ok(Ok(Walked {
                nodes: 2,
                whole: false
            }))
        );
        for key in nodes.keys() {
            let mut less = nodes.clone();
            less.remove(key);
            assert!(walked(&less, 10).unwrap_err().contains("absent"));
            let mut wrong = nodes.clone();
            wrong.get_mut(key).unwrap().1[1] ^= 1;
            assert!(walked(&wrong, 10).unwrap_err().contains("does not hash"));
        }
        assert_eq!(
            walk(Hashing::Keccak.hash(&[0]), Hashing::Keccak, 1, &|_, _| Ok(
                None
            )),
            Ok(Ok(Walked {
                nodes: 0,
                whole: true
            }))
        );
    }

    #[test]
    fn a_child_trie_is_followed_under_its_name() {
        let (children, child_root) = small();
        let mut nodes: Nodes = children
            .into_iter()
            .map(|(hash, (place, node))| (hash, ([b"contract".as_slice(), &place].concat(), node)))
            .collect();
        // One leaf, its key `:child_storage:default:contract`: 62 nibbles.
        let mut leaf = vec![0x7e];
        leaf.extend(b":child_storage:default:contract");
        leaf.push(32 << 2);
        leaf.extend(child_root);
        let root = Hashing::Blake2.hash(&leaf);
        nodes.insert(root, (vec![], leaf));
        let walked = |nodes: &Nodes| {
            walk(root, Hashing::Blake2, 10, &|place, hash| {
                Ok(nodes
                    .get(hash)
                    .filter(|(own, _)| own == place)
                    .map(|(_, node)| node.clone()))
            })
        };
        assert_eq!(
            walked(&nodes),
            Ok(Ok(Walked {
                nodes: 4,
                whole: true
            }))
        );
        for hash in nodes.keys() {
            let mut less = nodes.clone();
            less.remove(hash);
            assert!(walked(&less).unwrap_err().contains("absent"));
        }
    }

    #[test]
    fn a_node_that_nests_without_end_is_refused() {
        // A branch whose one child stands inside it and is longer than any that may.
        let mut node = vec![0x80, 1, 0, 40 << 2];
        node.extend([0x80; 40]);
        let mut open = VecDeque::new();
        assert!(
            children(&node, vec![], None, &mut open)
                .unwrap_err()
                .contains("too long")
        );
    }
}
