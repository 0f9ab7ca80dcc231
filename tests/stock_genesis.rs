//! Genesis hashes beside stock Substrate code: chains that everybody knows, and states that nobody has thought of.
#![cfg(feature = "online")]

mod stock;

use std::fmt::Write;
use std::fs;
use std::path::Path;

use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};
use qh_ceremony::online::genesis::{self, Candidate, Hashing, StateVersion};

/// Public raw chain specs, and the genesis hashes by which their networks are known.
const KNOWN: [(&str, &str); 5] = [
    (
        "polkadot.json",
        "91b171bb158e2d3848fa23a9f1c25182fb8e20313b2c1eb49219da7a70ce90c3",
    ),
    (
        "kusama.json",
        "b0a8d493285c2df73290dfb7e61f870f17b41801197a149ca93654499ea3dafe",
    ),
    (
        "westend.json",
        "e143f23803ac50e8f6f8e62695d1ce9e4e1d68aa36c1cd2cfd15340213f3423e",
    ),
    (
        "rococo.json",
        "6408de7737c59c238890533af25896a2c20608d8b380bb01029acb392781063e",
    ),
    (
        "paseo.json",
        "77afd6190f1554ad45fd0d31aee62aacc33c6db0ea801129acb813f913e0764f",
    ),
];

fn hash(hex: &str) -> [u8; 32] {
    let bytes = data_encoding::HEXLOWER.decode(hex.as_bytes()).expect("hex");
    bytes.try_into().expect("32 bytes")
}

/// State root and hash of each combination of hasher and state version, by stock code.
fn stock_roots(spec: &Path) -> Vec<Candidate> {
    let output = stock::substrate(&["root", spec.to_str().expect("a path in UTF-8")]);
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    let found: Vec<Candidate> = stock::lines(&output)
        .iter()
        .map(|line| Candidate {
            hash: hash(
                line["hash"]
                    .as_str()
                    .expect("text")
                    .trim_start_matches("0x"),
            ),
            state_root: hash(
                line["state_root"]
                    .as_str()
                    .expect("text")
                    .trim_start_matches("0x"),
            ),
            hasher: match line["hasher"].as_str().expect("text") {
                "keccak" => Hashing::Keccak256,
                _ => Hashing::Blake2_256,
            },
            state_version: match line["state_version"].as_u64().expect("number") {
                1 => StateVersion::V1,
                _ => StateVersion::V0,
            },
        })
        .collect();
    assert_eq!(found.len(), 4);
    found
}

/// Ours leave out the second of two equal hashes.
fn without_repeats(all: Vec<Candidate>) -> Vec<Candidate> {
    let mut kept: Vec<Candidate> = Vec::new();
    for one in all {
        if kept.iter().all(|other| other.hash != one.hash) {
            kept.push(one);
        }
    }
    kept
}

#[test]
fn public_networks_have_the_hashes_they_are_known_by() {
    let specs = stock::place("QH_STOCK_SPECS");
    for (file, known) in KNOWN {
        let path = specs.join(file);
        let spec = fs::read(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        let found =
            genesis::check(&spec, &hash(known)).unwrap_or_else(|fault| panic!("{file}: {fault}"));
        assert_eq!(
            (found.hasher, found.state_version),
            (Hashing::Blake2_256, StateVersion::V0),
            "{file}"
        );
        assert_eq!(
            genesis::genesis_hashes(&spec),
            Ok(stock_roots(&path)),
            "{file}"
        );
    }
}

#[test]
fn a_chain_spec_of_another_network_is_refused() {
    let specs = stock::place("QH_STOCK_SPECS");
    let westend = fs::read(specs.join("westend.json")).expect("westend.json");
    let fault = genesis::check(&westend, &hash(KNOWN[0].1)).expect_err("a refusal");
    let text = fault.to_string();
    assert!(
        text.contains(KNOWN[0].1) && text.contains(KNOWN[2].1),
        "{text}"
    );
}

type Entries = Vec<(Vec<u8>, (usize, u8))>;

/// Keys that often begin alike, and values around the lengths at which their form changes.
fn entries(most: usize) -> impl Strategy<Value = Entries> {
    let key = prop_oneof![
        proptest::collection::vec(prop_oneof![Just(0x11), Just(0x12), Just(0x21)], 0..8),
        proptest::collection::vec(any::<u8>(), 0..4),
        (0usize..=300).prop_map(|len| vec![0x11; len]),
    ];
    let len = prop_oneof![0usize..70, Just(16383), Just(16384)];
    proptest::collection::vec((key, (len, any::<u8>())), 0..most)
}

fn json(entries: &Entries) -> String {
    let mut seen = std::collections::BTreeSet::new();
    let mut text = String::new();
    for (key, (len, byte)) in entries.iter().filter(|(key, _)| seen.insert(key.clone())) {
        let comma = if text.is_empty() { "" } else { "," };
        let value = data_encoding::HEXLOWER.encode(&vec![*byte; *len]);
        let key = data_encoding::HEXLOWER.encode(key);
        write!(text, r#"{comma}"0x{key}":"0x{value}""#).expect("a string grows");
    }
    format!("{{{text}}}")
}

#[test]
fn any_state_has_the_roots_of_stock_code() {
    let place = tempfile::tempdir().expect("a temporary directory");
    let path = place.path().join("spec.json");
    let config = Config {
        cases: 200,
        failure_persistence: None,
        ..Config::default()
    };
    let children = proptest::collection::btree_map(any::<u8>(), entries(6), 0..3);
    TestRunner::new(config)
        .run(&(entries(60), children), |(top, children)| {
            let children: Vec<String> = children
                .iter()
                .map(|(key, entries)| format!(r#""0x{key:02x}":{}"#, json(entries)))
                .collect();
            let spec = format!(
                r#"{{"genesis":{{"raw":{{"top":{},"childrenDefault":{{{}}}}}}}}}"#,
                json(&top),
                children.join(",")
            );
            fs::write(&path, &spec).expect("written");
            let ours = genesis::genesis_hashes(spec.as_bytes());
            prop_assert_eq!(ours, Ok(without_repeats(stock_roots(&path))));
            Ok(())
        })
        .unwrap_or_else(|failure| panic!("{failure}"));
}
