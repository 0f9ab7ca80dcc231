//! Databases that stock `sc-client-db` wrote: see `tests/stock/README.md`.

use std::fs;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use qh_ceremony::online::engine::{Engine, Report, Walk, inspect};
use qh_ceremony::refusal::Refuse;
use serde_json::{Value, json};

use super::running::{Host, json as answer};

fn unpack(engine: &str, beside: &Path) {
    let kept = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/stock/client-db");
    let ran = Command::new("tar")
        .args(["--zstd", "-xf"])
        .arg(kept.join(format!("{engine}.tar.zst")))
        .arg("-C")
        .arg(beside)
        .status()
        .unwrap();
    assert!(ran.success());
}

/// What the program that wrote it says of it.
fn written(engine: &str) -> Value {
    let kept = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/stock/client-db");
    let text = fs::read_to_string(kept.join(format!("{engine}.json"))).unwrap();
    serde_json::from_str(&text.replace("\"0x", "\"")).unwrap()
}

/// A host with such a database.
fn host(engine: &'static str) -> Host {
    let host = Host::new(engine);
    unpack(engine, host.database().parent().unwrap());
    host
}

fn opened(engine: &str, dir: &Path) -> Result<Report, (&'static str, String)> {
    let program = Path::new(env!("CARGO_BIN_EXE_qh-engine"));
    let engine = match engine {
        "rocksdb" => Engine::RocksDb,
        _ => Engine::ParityDb,
    };
    inspect(program, engine, dir, Walk::All, Duration::from_secs(120))
        .map_err(|fault| (fault.name(), fault.to_string()))
}

/// A node's own code wrote the chain; it is found as it was written, and its whole state holds.
fn is_read_and_comes_back(engine: &'static str) {
    let host = host(engine);
    let written = written(engine);
    let made = answer(&host.create(&[]));
    let name = made["stores"][0]["snapshot"].as_str().unwrap().to_owned();
    let verified = host.verify(&["--whole-state"]);
    assert!(verified.status.success(), "{verified:?}");
    let verified = answer(&verified);
    assert_eq!(verified[0]["good"], true, "{verified}");
    let copy = host.path("copy");
    assert!(host.restore(&name, &copy).status.success());
    let report = opened(engine, &copy).unwrap();
    let chain = report.chain.unwrap();
    assert_eq!(
        json!({
            "genesis": chain.genesis, "best": chain.best, "finalized": chain.finalized,
            "hashing": chain.hashing, "state_root": chain.state_root, "whole_state": chain.whole_state,
        }),
        json!({
            "genesis": written["genesis"], "best": written["best"], "finalized": written["finalized"],
            "hashing": written["hashing"], "state_root": written["state_root"], "whole_state": true,
        })
    );
    // 1200 values of which a third stand apart from their nodes, and a child trie of a hundred.
    assert!(chain.state_nodes > 1600, "{}", chain.state_nodes);
}

#[test]
fn a_paritydb_of_stock_code_is_read_and_comes_back() {
    is_read_and_comes_back("paritydb");
}

#[cfg(feature = "engine-rocksdb")]
#[test]
fn a_rocksdb_of_stock_code_is_read_and_comes_back() {
    is_read_and_comes_back("rocksdb");
}

/// ParityDB has no checksums of values: only whoever follows the state sees that one bit of a value is another.
#[test]
fn a_flipped_bit_of_a_value_is_found_by_following_the_state() {
    let host = host("paritydb");
    let value = written("paritydb")["untouched_value"]
        .as_str()
        .unwrap()
        .to_owned();
    let value: Vec<u8> = (0..value.len())
        .step_by(2)
        .map(|at| u8::from_str_radix(&value[at..at + 2], 16).unwrap())
        .collect();
    let mut flipped = 0;
    for entry in fs::read_dir(host.database()).unwrap() {
        let path = entry.unwrap().path();
        if !path
            .file_name()
            .unwrap()
            .to_str()
            .unwrap()
            .starts_with("table_01_")
        {
            continue;
        }
        let mut bytes = fs::read(&path).unwrap();
        let Some(at) = bytes.windows(value.len()).position(|part| part == value) else {
            continue;
        };
        bytes[at + 5] ^= 1;
        fs::write(&path, bytes).unwrap();
        flipped += 1;
    }
    assert_eq!(flipped, 1, "the value is there, uncompressed, once");
    let (name, text) = opened("paritydb", &host.database()).unwrap_err();
    assert_eq!(name, "database-chain-broken");
    assert!(text.contains("does not hash to its key"), "{text}");
}
