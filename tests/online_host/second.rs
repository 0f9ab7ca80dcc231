//! A host that is sent keys: its state, its keystore, deliveries to it, a statement of two people.
#![allow(dead_code, reason = "each test program uses a part of it")]

use std::fs;
use std::path::PathBuf;

use qh_ceremony::secret::SecretBytes;
use qh_ceremony::vault::contents::{BundleKey, Network};
use qh_ceremony::vault::delivery::{Delivery, Purpose, seal_to};
use qh_ceremony::vault::recipient::Recipient;
use serde_json::Value;
use tempfile::TempDir;

use super::{Said, at, chain_dir, files, online, recipient, spec};
use crate::keystores::{Pair, aura_name, hex};

pub const STATEMENT: &str = r#"
people = ["Ada Example", "Ben Example"]
[stopped]
host = "validator-1"
how = "service masked, key files moved"
seen_by = "Ada Example"
seen_at = "2026-11-22T14:00:00Z"
silent_since_block = 1000
"#;
pub const NEVER: &str =
    "people = [\"Ada Example\", \"Ben Example\"]\n[never_used]\nwhy = \"made on the laptop\"\n";

pub fn aura_key(pair: &Pair) -> BundleKey {
    BundleKey {
        key_type: "aura".into(),
        scheme: "sphincs-shake-256f-simple".into(),
        public: format!("0x{}", hex(&pair.public)),
        secret: SecretBytes::new(format!("0x{}", hex(&pair.secret)).into_bytes()),
        source: aura_name(&pair.public),
    }
}

pub fn delivery(pairs: &[&Pair]) -> Delivery {
    Delivery {
        purpose: Purpose::ToHost,
        rehearsal: false,
        network: Network {
            chain_id: "dev3".into(),
            genesis_hash: None,
        },
        node: "validator-1".into(),
        created: "2026-11-22T12:00:00Z".into(),
        keystore_password: false,
        keys: pairs.iter().map(|pair| aura_key(pair)).collect(),
        files: vec![],
    }
}

/// A host with a state directory, an empty keystore, and a statement.
pub struct Host {
    pub base: TempDir,
    pub to: Recipient,
}

impl Host {
    pub fn new() -> Self {
        let base = tempfile::tempdir().unwrap();
        chain_dir(base.path(), &[]);
        let to = Recipient::parse(&recipient(&base.path().join("state")).0).unwrap();
        let host = Self { base, to };
        fs::write(host.path("statement.toml"), STATEMENT).unwrap();
        host
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.base.path().join(name)
    }

    pub fn keystore(&self) -> PathBuf {
        self.path("chains/dev3/keystore")
    }

    pub fn seal(&self, delivery: &Delivery) {
        fs::write(self.path("d.age"), seal_to(delivery, &self.to).unwrap()).unwrap();
    }

    /// `keys insert` with everything but evidence and source.
    pub fn bare(&self, more: &[&str]) -> Vec<String> {
        let mut args: Vec<String> = ["keys", "insert"].map(String::from).to_vec();
        for (flag, path) in [
            ("--state", self.path("state")),
            ("--keystore", self.keystore()),
            ("--input", self.path("d.age")),
        ] {
            args.extend([flag.to_owned(), at(&path).to_owned()]);
        }
        args.extend(more.iter().map(|arg| (*arg).to_owned()));
        args
    }

    pub fn insert(&self, more: &[&str]) -> Said {
        let statement = self.path("statement.toml");
        let spec = spec();
        let all = [
            &["--stop-statement", at(&statement), "--chain-spec", &spec],
            more,
        ]
        .concat();
        run(&self.bare(&all))
    }

    /// Nothing was written to the keystore, and nothing stands in the records.
    #[track_caller]
    pub fn untouched(&self) {
        assert_eq!(files(&self.keystore()), []);
        assert!(!self.path("state/inserts").exists());
    }

    pub fn records(&self) -> Vec<Value> {
        files(&self.path("state/inserts"))
            .iter()
            .map(|(_, bytes)| serde_json::from_slice(bytes).unwrap())
            .collect()
    }
}

pub fn run(args: &[String]) -> Said {
    let args: Vec<&str> = args.iter().map(String::as_str).collect();
    online(&args)
}

/// A `qh-registered/1` of block 5000, all keys of one account.
pub fn registered(keys: &[(&str, &[u8])], rehearsal: bool) -> String {
    let keys: Vec<Value> = keys
        .iter()
        .map(|(key_type, public)| {
            serde_json::json!({
                "key_type": key_type, "public": format!("0x{}", hex(public)),
                "account": format!("0x{}", "07".repeat(32)),
            })
        })
        .collect();
    serde_json::json!({
        "format": "qh-registered/1", "rehearsal": rehearsal,
        "chain_id": if rehearsal { "rehearsal" } else { "dev3" },
        "block_number": 5000, "block_hash": "22".repeat(32),
        "sources": [{"kind": "rpc", "name": "a node", "genesis_state": false}],
        "keys": keys,
    })
    .to_string()
}
