//! The genesis hash of a raw chain spec: against roots of stock code, and what is refused.
#![cfg(feature = "online")]

use std::fs;
use std::path::{Path, PathBuf};

use qh_ceremony::online::genesis::{
    self, Candidate, GenesisFault, Hashing, MAX_STORAGE_KEY, StateVersion, genesis_hashes,
};
use qh_ceremony::refusal::Refuse;
use qh_ceremony::vault::registered::MAX_CHAIN_SPEC;
use serde_json::Value;

fn vectors(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/vectors")
        .join(name)
}

fn state() -> Vec<u8> {
    fs::read(vectors("genesis/state.json")).expect("the vector")
}

/// A chain spec around what stands in `genesis`.
fn spec(genesis: &str) -> Vec<u8> {
    format!(r#"{{"name":"Test","id":"test","genesis":{genesis}}}"#).into_bytes()
}

fn raw(top: &str, children: &str) -> Vec<u8> {
    spec(&format!(
        r#"{{"raw":{{"top":{{{top}}},"childrenDefault":{{{children}}}}}}}"#
    ))
}

fn refused(spec: &[u8]) -> GenesisFault {
    genesis_hashes(spec).expect_err("a refusal")
}

fn hash(text: &str) -> [u8; 32] {
    let digits = text.strip_prefix("0x").expect("0x");
    data_encoding::HEXLOWER
        .decode(digits.as_bytes())
        .expect("hex")
        .try_into()
        .expect("32 bytes")
}

#[test]
fn every_candidate_is_what_stock_code_computes() {
    let expected: Vec<Candidate> = fs::read_to_string(vectors("genesis/expected.jsonl"))
        .expect("the vector")
        .lines()
        .map(|line| {
            let line: Value = serde_json::from_str(line).expect("JSON");
            Candidate {
                hash: hash(line["hash"].as_str().expect("text")),
                state_root: hash(line["state_root"].as_str().expect("text")),
                hasher: match line["hasher"].as_str() {
                    Some("keccak") => Hashing::Keccak256,
                    other => {
                        assert_eq!(other, Some("blake2"));
                        Hashing::Blake2_256
                    }
                },
                state_version: match line["state_version"].as_u64() {
                    Some(1) => StateVersion::V1,
                    other => {
                        assert_eq!(other, Some(0));
                        StateVersion::V0
                    }
                },
            }
        })
        .collect();
    assert_eq!(expected.len(), 4);
    assert_eq!(genesis_hashes(&state()).expect("hashes"), expected);
    for candidate in expected {
        assert_eq!(genesis::check(&state(), &candidate.hash), Ok(candidate));
    }
}

#[test]
fn one_bit_of_the_state_makes_another_hash() {
    let good = genesis_hashes(&raw(r#""0x01":"0x02""#, "")).expect("hashes");
    let other = genesis_hashes(&raw(r#""0x01":"0x03""#, "")).expect("hashes");
    assert!(
        good.iter()
            .all(|one| other.iter().all(|two| one.hash != two.hash))
    );
    // No value has over 32 bytes, so each hasher gives one hash, under version 1.
    let under: Vec<_> = good
        .iter()
        .map(|one| (one.hasher, one.state_version))
        .collect();
    assert_eq!(
        under,
        [
            (Hashing::Keccak256, StateVersion::V1),
            (Hashing::Blake2_256, StateVersion::V1)
        ]
    );
}

#[test]
fn an_empty_state_has_the_known_empty_root() {
    let found = genesis_hashes(&raw("", "")).expect("hashes");
    // BLAKE2-256 of one zero byte: the empty trie of every stock Substrate chain.
    let known = "0x03170a2e7597b7b7e3d84c05391d139a62b157e78786d8c082f29dcf4c111314";
    assert_eq!(found[1].state_root, hash(known));
}

#[test]
fn a_child_without_entries_leaves_no_root() {
    let without = genesis_hashes(&raw(r#""0x01":"0x02""#, "")).expect("hashes");
    let empty = genesis_hashes(&raw(r#""0x01":"0x02""#, r#""0xcc":{}"#)).expect("hashes");
    let filled = genesis_hashes(&raw(r#""0x01":"0x02""#, r#""0xcc":{"0x":"0x"}"#)).expect("hashes");
    assert_eq!(without, empty);
    assert_ne!(without, filled);
}

#[test]
fn letter_case_and_order_make_no_difference() {
    let one = genesis_hashes(&raw(r#""0xab":"0xcd","0x01":"0x""#, "")).expect("hashes");
    let two = genesis_hashes(&raw(r#""0x01":"0x","0xAB":"0xCD""#, "")).expect("hashes");
    assert_eq!(one, two);
}

#[test]
fn the_array_of_old_chain_specs_is_read_alike() {
    let old = spec(r#"{"raw":[{"0x01":"0x02"},{"0xcc":{"0x03":"0x04"}}]}"#);
    let new = raw(r#""0x01":"0x02""#, r#""0xcc":{"0x03":"0x04"}"#);
    assert_eq!(genesis_hashes(&old), genesis_hashes(&new));
}

#[test]
fn another_network_is_named_with_both_hashes() {
    let fault = genesis::check(&raw(r#""0x01":"0x02""#, ""), &[0x5a; 32]).expect_err("a refusal");
    assert_eq!(fault.name(), "genesis-mismatch");
    let computed = genesis_hashes(&raw(r#""0x01":"0x02""#, "")).expect("hashes");
    let hex = |at: usize| data_encoding::HEXLOWER.encode(&computed[at].hash);
    assert_eq!(
        fault.to_string(),
        format!(
            "The genesis hash is 0x{}, and this chain spec gives 0x{} (Keccak-256, state version 1) or 0x{} \
             (BLAKE2-256, state version 1).",
            "5a".repeat(32),
            hex(0),
            hex(1)
        )
    );
    assert!(
        fault
            .way_on()
            .contains("which of the two belongs to your network")
    );
}

#[test]
fn a_storage_key_that_stands_there_twice_is_refused() {
    for (top, children, key) in [
        (r#""0x0a":"0x","0x0a":"0x""#, "", "0x0a"),
        (r#""0x0a":"0x","0x0A":"0x01""#, "", "0x0A"),
        ("", r#""0xcc":{},"0xcc":{}"#, "0xcc"),
        ("", r#""0xcc":{"0x01":"0x","0x01":"0x"}"#, "0x01"),
    ] {
        let fault = refused(&raw(top, children));
        assert_eq!(
            fault.to_string(),
            format!("The chain spec has the storage key {key} more than once.")
        );
        assert_eq!(fault.name(), "chain-spec-duplicate-key");
    }
}

#[test]
fn what_is_not_hex_is_named_by_its_key() {
    for (top, children, key) in [
        (r#""0a":"0x""#, "", "0a"),
        (r#""0x0":"0x""#, "", "0x0"),
        (r#""0x0g":"0x""#, "", "0x0g"),
        (r#""0x0a":"""#, "", "0x0a"),
        (r#""0x0a":"0x1""#, "", "0x0a"),
        (r#""0x0a":"ff""#, "", "0x0a"),
        ("", r#""zz":{}"#, "zz"),
        ("", r#""0xcc":{"0x02":"0x3"}"#, "0x02"),
    ] {
        let fault = refused(&raw(top, children));
        let text = format!("The chain spec's storage entry {key} is not 0x and hex.");
        assert_eq!(fault.to_string(), text);
    }
}

#[test]
fn the_root_of_a_child_is_not_taken_from_the_file() {
    // ":child_storage:default:" and one byte, as a dump of a running chain has it.
    let key = "0x3a6368696c645f73746f726167653a64656661756c743aaa";
    let top = format!(r#""{key}":"0x{}""#, "00".repeat(32));
    let fault = refused(&raw(&top, ""));
    assert_eq!(fault.name(), "chain-spec-child-in-top");
    assert!(fault.to_string().contains(key));
}

#[test]
fn what_is_no_raw_chain_spec_is_refused() {
    for genesis in [
        r#"{"runtime":{}}"#,
        r#"{"runtimeGenesis":{"code":"0x"}}"#,
        r#"{"stateRootHash":"0x00"}"#,
        r#"{"raw":null}"#,
    ] {
        assert_eq!(refused(&spec(genesis)), GenesisFault::NotRaw);
    }
    let mut trailing = state();
    trailing.extend(b"{}");
    let cut = state();
    for bytes in [
        b"".as_slice(),
        b"\xff\xfe",
        b"[]",
        b"{}",
        &cut[..cut.len() / 2],
        &trailing,
        &spec("[]"),
        &spec(r#"{"raw":{}}"#),
        &spec(r#"{"raw":{"top":{},"top":{}}}"#),
        &spec(r#"{"raw":{"top":{}},"raw":{"top":{}}}"#),
        &spec(r#"{"raw":{"top":{},"childrenDefault":{},"childrenOther":{}}}"#),
        &spec(r#"{"raw":{"top":{"0x01":7}}}"#),
        &spec(r#"{"raw":{"top":{"0x01":{"0x":"0x"}}}}"#),
        &spec(r#"{"raw":[{},{},{}]}"#),
        &spec(r#"{"raw":{"top":[]}}"#),
    ] {
        let fault = refused(bytes);
        assert_eq!(fault.name(), "chain-spec-malformed", "{fault}");
    }
}

#[test]
fn size_and_key_length_are_bounded() {
    let fault = refused(&vec![b' '; MAX_CHAIN_SPEC + 1]);
    assert_eq!(fault.name(), "chain-spec-too-large");
    let key = |bytes: usize| format!(r#""0x{}":"0x""#, "11".repeat(bytes));
    assert_eq!(
        refused(&raw(&key(MAX_STORAGE_KEY + 1), "")).to_string(),
        "The chain spec has a storage key of 513 bytes, and 512 are the most that is read."
    );
    assert!(genesis_hashes(&raw(&key(MAX_STORAGE_KEY), "")).is_ok());
}

#[test]
fn the_deepest_trie_fits_the_stack_of_a_thread() {
    // Each nibble of the longest key is a branch.
    let mut top = Vec::new();
    for bytes in 0..MAX_STORAGE_KEY {
        let path = "11".repeat(bytes);
        for end in ["", "11", "12", "21"] {
            top.push(format!("0x{path}{end}"));
        }
    }
    top.sort();
    top.dedup();
    let top: Vec<_> = top.iter().map(|key| format!(r#""{key}":"0x""#)).collect();
    let found = genesis_hashes(&raw(&top.join(","), "")).expect("hashes");
    assert_eq!(found.len(), 2);
}

#[test]
fn foreign_text_in_a_fault_is_short_and_printable() {
    let long = "z".repeat(5000);
    let text = refused(&raw(&format!(r#""{long}":"0x""#), "")).to_string();
    assert!(text.len() < 250, "{text}");
    let text = refused(&raw("\"0x\u{9b}2J\":\"0x\"", "")).to_string();
    assert!(!text.chars().any(char::is_control), "{text:?}");
}
