//! The configuration file of `qh-online`, in TOML. Every setting is a flag too, and the flag wins.
//!
//! Unknown keys are refused: a setting that is spelled wrong would otherwise count as not set.

use std::path::{Path, PathBuf};

use serde::Deserialize;

use crate::ceremony::event::Refused;
use crate::files::{self, refused};

/// Where the file is looked for when nobody says where. Absent, nothing is set.
pub const DEFAULT_CONFIG: &str = "/etc/qh-online/config.toml";

/// Where the host keeps its keys when nobody says where.
pub const DEFAULT_STATE: &str = "/var/lib/qh-online";

/// Longest file that is read, in bytes.
pub const MAX_CONFIG: usize = 64 * 1024;

/// What the file may hold. Absent members are not set.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// The keystore directory, or the chain directory (`chains/ID`) around it.
    pub keystore: Option<PathBuf>,
    /// The raw chain spec of the network.
    pub chain_spec: Option<PathBuf>,
    /// JSON-RPC addresses of nodes, `http://` or `https://`. Two or more are compared.
    #[serde(default)]
    pub rpc: Vec<String>,
    /// The directory of the host's own keys.
    pub state: Option<PathBuf>,
    /// The node's name in deliveries, for people.
    pub node: Option<String>,
    /// The validator's account: `0x` and 64 hex digits, or an SS58 address.
    pub account: Option<String>,
    /// The database's directory, or the chain directory (`chains/ID`) around it.
    pub database: Option<PathBuf>,
    /// The chain's id, where the database's path doesn't name it.
    pub chain: Option<String>,
    /// The name of this host in stores.
    pub source: Option<String>,
    /// Addresses of stores.
    #[serde(default)]
    pub stores: Vec<String>,
    /// To whom snapshots are sealed, `age1...`.
    #[serde(default)]
    pub recipients: Vec<String>,
    /// Allowed-signers file: whose snapshots and attestations count.
    pub trust: Option<PathBuf>,
    /// The age identity that opens snapshots. Never on the host that makes them.
    pub identity: Option<PathBuf>,
    /// What counts as healthy.
    #[serde(default)]
    pub limits: Limits,
    /// How snapshots are made.
    #[serde(default)]
    pub snapshot: SnapshotConfig,
    /// What stores cost.
    #[serde(default)]
    pub prices: Prices,
    /// What others watch.
    #[serde(default)]
    pub watch: Watch,
    /// Buckets that need more than their address.
    #[serde(default)]
    pub bucket: Vec<Bucket>,
}

/// What others watch.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Watch {
    /// Directory of the textfile collector of Prometheus' node exporter.
    pub textfile: Option<PathBuf>,
    /// JSON lines, in the format of the node's audit log.
    pub log: Option<PathBuf>,
}

/// How a bucket is spoken with.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Bucket {
    /// Its address, as in `stores`.
    pub store: String,
    /// File in the format of AWS's credentials, or `instance` for the role of the machine.
    pub credentials: Option<String>,
    /// Profile in that file.
    pub profile: Option<String>,
    /// `auto`, `off`, `governance` or `compliance`.
    pub object_lock: Option<String>,
    /// Whether the bucket stands in the path.
    pub path_style: Option<bool>,
}

/// How snapshots are made.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct SnapshotConfig {
    /// Whether the node may be stopped for a snapshot.
    pub allow_stop: bool,
    /// The node's systemd service.
    pub service: Option<String>,
    /// The node's container, of Docker.
    pub container: Option<String>,
    /// A command of one's own that stops the node, with its arguments.
    pub stop: Vec<String>,
    /// A command of one's own that starts it.
    pub start: Vec<String>,
    /// How long it may be stopped, in seconds.
    pub max_stop_seconds: u64,
    /// How long it may take to stop, in seconds.
    pub stop_wait_seconds: u64,
    /// Threads; by default one for each core, and four for stores that are far away.
    pub threads: Option<usize>,
    /// A command that is run when a snapshot failed, with its arguments; the refusal's name is added as the last one.
    pub on_failure: Vec<String>,
}

impl Default for SnapshotConfig {
    fn default() -> Self {
        Self {
            allow_stop: false,
            service: None,
            container: None,
            stop: vec![],
            start: vec![],
            max_stop_seconds: 300,
            stop_wait_seconds: 60,
            threads: None,
            on_failure: vec![],
        }
    }
}

/// What a store costs, in one currency. The defaults are list prices of Amazon S3 Standard in US dollars, 2026.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Prices {
    /// 10^9 bytes for a month.
    pub gb_month: f64,
    /// 1000 requests that write or list.
    pub put_1000: f64,
}

impl Default for Prices {
    fn default() -> Self {
        Self {
            gb_month: 0.023,
            put_1000: 0.005,
        }
    }
}

/// Bounds on answers and ages. Absent members have the defaults that stand in the example.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Limits {
    /// How long a node may take for one answer, in seconds.
    pub rpc_timeout_seconds: u64,
    /// How old the finalized block may be by its own timestamp, in seconds.
    pub max_block_age_seconds: u64,
    /// How many blocks finality may lie behind the best block.
    pub max_finality_lag: u64,
    /// How many blocks a file of registered keys may lie behind the nodes, where both are given.
    pub max_registered_age: u64,
    /// How few peers are too few: this many are needed.
    pub min_peers: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            rpc_timeout_seconds: 10,
            max_block_age_seconds: 600,
            max_finality_lag: 64,
            max_registered_age: 28_800,
            min_peers: 1,
        }
    }
}

impl Config {
    /// Reads the file's text.
    ///
    /// # Errors
    /// `config-malformed` with the line and the reason.
    pub fn parse(text: &str) -> Result<Self, Refused> {
        toml::from_str(text).map_err(|error| {
            refused(
                "config-malformed",
                format!("The configuration is refused: {}.", error.message()),
                "Compare it with the commented example docs/qh-online.toml.",
            )
        })
    }

    /// Reads `path`, or the default place if nobody named one; an absent default place sets nothing.
    ///
    /// # Errors
    /// `file-unreadable`, `file-too-large`, `config-malformed`, naming the file.
    pub fn load(path: Option<&Path>) -> Result<Self, Refused> {
        let named = path.is_some();
        let path = path.unwrap_or(Path::new(DEFAULT_CONFIG));
        if !named && !path.exists() {
            return Ok(Self::default());
        }
        let bytes = files::read(path, MAX_CONFIG)?;
        let parsed = std::str::from_utf8(&bytes)
            .map_err(|_| {
                refused(
                    "config-malformed",
                    "The configuration is refused: it is not UTF-8.",
                    "Compare it with the commented example docs/qh-online.toml.",
                )
            })
            .and_then(Self::parse);
        parsed.map_err(|mut refused| {
            refused.what = format!("{}: {}", path.display(), refused.what);
            refused
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The commented example that is shipped.
    const EXAMPLE: &str = include_str!("../../docs/qh-online.toml");

    #[test]
    fn the_example_shows_the_defaults() {
        assert_eq!(Config::parse(EXAMPLE).unwrap(), Config::default());
        // With every setting turned on, it is still a configuration, and nothing is forgotten in it.
        let all: String = EXAMPLE
            .lines()
            .map(|line| match line.strip_prefix("#") {
                Some(setting) if !setting.starts_with(' ') => format!("{setting}\n"),
                _ => format!("{line}\n"),
            })
            .collect();
        let config = Config::parse(&all).unwrap();
        assert_eq!(config.limits, Limits::default());
        assert!(config.keystore.is_some() && config.chain_spec.is_some());
        assert!(config.state.is_some() && config.node.is_some() && config.account.is_some());
        assert_eq!(config.rpc.len(), 2);
        assert_eq!((config.stores.len(), config.recipients.len()), (2, 1));
        assert!(config.database.is_some() && config.chain.is_some() && config.source.is_some());
        assert!(config.trust.is_some() && config.identity.is_some());
        assert_eq!(config.bucket.len(), 1);
        assert!(config.watch.textfile.is_some() && config.watch.log.is_some());
        assert!(!config.snapshot.stop.is_empty() && !config.snapshot.on_failure.is_empty());
    }

    #[test]
    fn unknown_settings_are_refused() {
        for text in [
            "keystor = \"/k\"",
            "[limits]\nmin_peer = 1",
            "[more]\nx = 1",
        ] {
            let refused = Config::parse(text).unwrap_err();
            assert_eq!(refused.name, "config-malformed");
            assert!(refused.what.contains("unknown field"), "{}", refused.what);
        }
        assert!(Config::parse("rpc = [1]").is_err());
        assert!(Config::parse("keystore = \"/a\"\nkeystore = \"/b\"").is_err());
    }

    #[test]
    fn a_named_file_must_be_there() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("config.toml");
        let refused = Config::load(Some(&path)).unwrap_err();
        assert_eq!(refused.name, "file-unreadable");
        std::fs::write(&path, "node = \"validator-1\"\n").unwrap();
        let config = Config::load(Some(&path)).unwrap();
        assert_eq!(config.node.as_deref(), Some("validator-1"));
        std::fs::write(&path, b"node = \"\xff\"\n").unwrap();
        let refused = Config::load(Some(&path)).unwrap_err();
        assert_eq!(refused.name, "config-malformed");
        assert!(refused.what.contains("config.toml: "), "{}", refused.what);
    }
}
