//! Writes a chain with stock `sc-client-db`, and prints what it wrote, as JSON.
//!
//!     client-db parity|rocks blake2|keccak DIRECTORY
//!
//! 120 blocks over a state of a thousand values, with a runtime-sized one, a child trie, values that stand in their
//! nodes and values that stand apart; states before the last 16 finalized blocks are pruned. The finalized block is
//! four behind the best.

use std::collections::BTreeMap;
use std::path::PathBuf;

use sc_client_api::{Backend as _, BlockImportOperation, NewBlockState, TrieCacheContext};
use sc_client_db::{Backend, BlocksPruning, DatabaseSettings, DatabaseSource, PruningMode};
use sp_core::H256;
use sp_core::storage::{ChildInfo, StateVersion, Storage, StorageChild};
use sp_runtime::traits::{BlakeTwo256, Block as _, Hash, Header as _, Keccak256};
use sp_runtime::{OpaqueExtrinsic, generic};
use sp_state_machine::Backend as _;

const BLOCKS: u32 = 120;
const BEHIND: u32 = 4;
const VALUES: u32 = 1200;
const CHILD: &[u8] = b"a child trie";

type Block<H> = generic::Block<generic::Header<u32, H>, OpaqueExtrinsic>;

/// A value's key: as spread as keys of maps are.
fn key(number: u32) -> Vec<u8> {
    [
        b"map:".as_slice(),
        &BlakeTwo256::hash(&number.to_le_bytes()).0[..20],
    ]
    .concat()
}

/// A value: every third is long enough to stand apart from its node.
fn value(number: u32, block: u32) -> Vec<u8> {
    let seed = BlakeTwo256::hash(&[number.to_le_bytes(), block.to_le_bytes()].concat()).0;
    match number % 3 {
        0 => seed.repeat(3),
        1 => seed[..24].to_vec(),
        _ => seed[..4].to_vec(),
    }
}

fn write<H>(source: DatabaseSource, hashing: &str)
where
    H: Hash<Output = H256> + 'static,
    generic::Header<u32, H>: sp_runtime::traits::Header<Number = u32, Hash = H256, Hashing = H>,
    Block<H>: sp_runtime::traits::Block<
            Header = generic::Header<u32, H>,
            Hash = H256,
            Extrinsic = OpaqueExtrinsic,
        >,
{
    let settings = DatabaseSettings {
        trie_cache_maximum_size: None,
        state_pruning: Some(PruningMode::blocks_pruning(16)),
        source,
        blocks_pruning: BlocksPruning::KeepFinalized,
        pruning_filters: vec![],
        metrics_registry: None,
    };
    let backend = Backend::<Block<H>>::new(settings, 4096).expect("the database opens");
    let child = ChildInfo::new_default(CHILD);
    let mut top = BTreeMap::from([(b":code".to_vec(), vec![7; 100_000])]);
    top.extend((0..VALUES).map(|number| (key(number), value(number, 0))));
    let data = (0..100)
        .map(|number| (key(number), value(number, 0)))
        .collect();
    let storage = Storage {
        top,
        children_default: [(
            CHILD.to_vec(),
            StorageChild {
                data,
                child_info: child.clone(),
            },
        )]
        .into(),
    };
    let mut operation = backend.begin_operation().expect("an operation");
    let root = operation
        .set_genesis_state(storage, true, StateVersion::V1)
        .expect("a genesis state");
    let header =
        generic::Header::<u32, H>::new(0, H256::zero(), root, H256::zero(), Default::default());
    let genesis = header.hash();
    operation
        .set_block_data(header, Some(vec![]), None, None, NewBlockState::Final, true)
        .expect("a genesis block");
    backend
        .commit_operation(operation)
        .expect("genesis is written");

    let mut blocks = vec![(genesis, root)];
    for number in 1..=BLOCKS {
        let (parent, _) = *blocks.last().expect("a parent");
        let changed: Vec<(Vec<u8>, Option<Vec<u8>>)> = (0..40)
            .map(|at| {
                let which = 1 + (number * 97 + at * 13) % (VALUES + 500);
                (key(which), (at % 10 != 0).then(|| value(which, number)))
            })
            .collect::<BTreeMap<_, _>>()
            .into_iter()
            .collect();
        let in_child = [(key(number % 120), Some(value(number % 120, number)))];
        let state = backend
            .state_at(parent, TrieCacheContext::Untrusted)
            .expect("the parent's state");
        let (root, nodes) = state.full_storage_root(
            changed
                .iter()
                .map(|(key, value)| (key.as_slice(), value.as_deref())),
            [(
                &child,
                in_child
                    .iter()
                    .map(|(key, value)| (key.as_slice(), value.as_deref())),
            )]
            .into_iter(),
            StateVersion::V1,
        );
        let header =
            generic::Header::<u32, H>::new(number, H256::zero(), root, parent, Default::default());
        let hash = header.hash();
        let mut operation = backend.begin_operation().expect("an operation");
        backend
            .begin_state_operation(&mut operation, parent)
            .expect("the parent's state");
        operation.update_db_storage(nodes).expect("nodes");
        let body = vec![OpaqueExtrinsic::from_blob(vec![1; 60])];
        operation
            .set_block_data(header, Some(body), None, None, NewBlockState::Best, true)
            .expect("a block");
        if let Some(old) = number.checked_sub(BEHIND) {
            let (finalized, _) = blocks[old as usize];
            if old > 0 {
                operation
                    .mark_finalized(finalized, None)
                    .expect("a finalized block");
            }
        }
        drop(state);
        backend
            .commit_operation(operation)
            .expect("a block is written");
        blocks.push((hash, root));
    }
    let (best, _) = blocks[BLOCKS as usize];
    let (finalized, root) = blocks[(BLOCKS - BEHIND) as usize];
    drop(backend);
    let written = serde_json::json!({
        "hashing": hashing,
        "genesis": format!("{genesis:?}"),
        "best": { "number": BLOCKS, "hash": format!("{best:?}") },
        "finalized": { "number": BLOCKS - BEHIND, "hash": format!("{finalized:?}") },
        "state_root": format!("{root:?}"),
        // The value of key 0, which no block changes.
        "untouched_value": H256::from_slice(&value(0, 0)[..32]),
    });
    println!("{written}");
}

fn main() {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let [engine, hashing, path] = words.as_slice() else {
        panic!("client-db parity|rocks blake2|keccak DIRECTORY");
    };
    let path = PathBuf::from(path);
    let source = match engine.as_str() {
        "parity" => DatabaseSource::ParityDb { path },
        #[cfg(feature = "rocksdb")]
        "rocks" => DatabaseSource::RocksDb {
            path,
            cache_size: 16,
        },
        _ => panic!("no such engine: {engine}"),
    };
    match hashing.as_str() {
        "blake2" => write::<BlakeTwo256>(source, "blake2-256"),
        "keccak" => write::<Keccak256>(source, "keccak-256"),
        _ => panic!("no such hash: {hashing}"),
    }
}
