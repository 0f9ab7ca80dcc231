//! State roots by `sp-trie`, headers by `sp-runtime`: what a node does with a raw chain spec at its first start.

use std::collections::BTreeMap;

use serde_json::{Value, json};
use sp_core::{Blake2Hasher, H256, Hasher, KeccakHasher};
use sp_runtime::generic::{Digest, Header};
use sp_runtime::traits::{BlakeTwo256, Header as _, Keccak256};
use sp_trie::{LayoutV0, LayoutV1, TrieConfiguration};

use crate::Outcome;

type Entries = BTreeMap<Vec<u8>, Vec<u8>>;
type Fault = Box<dyn std::error::Error>;

pub fn show(path: &str) -> Outcome {
    let spec: Value = serde_json::from_slice(&std::fs::read(path)?)?;
    // Old chain specs have an array of the two.
    let raw = &spec["genesis"]["raw"];
    let (top, children) = match raw.as_array() {
        Some(two) => (&two[0], &two[1]),
        None => (&raw["top"], &raw["childrenDefault"]),
    };
    let top = entries(top)?;
    let mut tries = BTreeMap::new();
    for (key, child) in children.as_object().into_iter().flatten() {
        tries.insert(bytes(key)?, entries(child)?);
    }
    one::<LayoutV1<KeccakHasher>, Keccak256>("keccak", 1, &top, &tries);
    one::<LayoutV0<KeccakHasher>, Keccak256>("keccak", 0, &top, &tries);
    one::<LayoutV1<Blake2Hasher>, BlakeTwo256>("blake2", 1, &top, &tries);
    one::<LayoutV0<Blake2Hasher>, BlakeTwo256>("blake2", 0, &top, &tries);
    Ok(())
}

fn one<L, R>(hasher: &str, version: u8, top: &Entries, children: &BTreeMap<Vec<u8>, Entries>)
where
    L: TrieConfiguration,
    L::Hash: Hasher<Out = H256>,
    R: sp_runtime::traits::Hash<Output = H256>,
{
    let mut all = top.clone();
    for (key, entries) in children.iter().filter(|(_, entries)| !entries.is_empty()) {
        let info = sp_core::storage::ChildInfo::new_default(key);
        let root = sp_trie::child_trie_root::<L, _, _, _>(entries);
        all.insert(
            info.into_prefixed_storage_key().into_inner(),
            root.0.to_vec(),
        );
    }
    let state_root = L::trie_root(all);
    let no_extrinsics = L::trie_root(Entries::new());
    let header = Header::<u32, R>::new(
        0,
        no_extrinsics,
        state_root,
        H256::zero(),
        Digest::default(),
    );
    let line = json!({
        "hasher": hasher, "state_version": version,
        "state_root": format!("{state_root:?}"), "hash": format!("{:?}", header.hash()),
    });
    println!("{line}");
}

fn entries(map: &Value) -> Result<Entries, Fault> {
    let map = map.as_object().ok_or("no map of storage entries")?;
    map.iter()
        .map(|(key, value)| Ok((bytes(key)?, bytes(value.as_str().ok_or("no text")?)?)))
        .collect()
}

fn bytes(text: &str) -> Result<Vec<u8>, Fault> {
    Ok(sp_core::bytes::from_hex(text)?)
}
