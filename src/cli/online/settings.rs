//! Settings of every command: the flags, over the configuration file, over the defaults.

use std::path::PathBuf;

use crate::online::config::{Config, DEFAULT_STATE, Limits};

use super::Failure;
use crate::cli::exit_of;

/// Flags that every command takes. Each overrides the setting of the same name in the configuration file.
#[derive(Debug, Clone, Default, clap::Args)]
#[command(next_help_heading = "Settings")]
pub struct SettingsArgs {
    /// Configuration file [default: /etc/qh-online/config.toml, if it is there]
    #[arg(long, global = true, value_name = "FILE")]
    pub config: Option<PathBuf>,

    /// Keystore directory, or the chain directory (chains/ID) that holds it
    #[arg(
        long,
        visible_alias = "keystore-path",
        global = true,
        value_name = "DIR"
    )]
    pub keystore: Option<PathBuf>,

    /// Raw chain spec of the network
    #[arg(long, global = true, value_name = "FILE")]
    pub chain_spec: Option<PathBuf>,

    /// JSON-RPC address of a node; give two or more, what they say is compared
    #[arg(long, global = true, value_name = "URL")]
    pub rpc: Vec<String>,

    /// Directory of this host's own keys [default: /var/lib/qh-online]
    #[arg(long, global = true, value_name = "DIR")]
    pub state: Option<PathBuf>,

    /// The node's name, for people
    #[arg(long, global = true, value_name = "NAME")]
    pub node: Option<String>,

    /// The validator's account: 0x and 64 hex digits, or an SS58 address
    #[arg(long, global = true, value_name = "ACCOUNT")]
    pub account: Option<String>,

    /// Write JSON instead of text
    #[arg(long, global = true)]
    pub json: bool,
}

/// What holds for this command.
#[derive(Debug, Clone)]
pub struct Settings {
    /// The keystore directory, or the chain directory around it.
    pub keystore: Option<PathBuf>,
    /// The raw chain spec.
    pub chain_spec: Option<PathBuf>,
    /// Addresses of nodes.
    pub rpc: Vec<String>,
    /// The directory of the host's keys.
    pub state: PathBuf,
    /// The node's name.
    pub node: Option<String>,
    /// The validator's account, as given.
    pub account: Option<String>,
    /// What counts as healthy, and how long a node may take.
    pub limits: Limits,
    /// JSON instead of text.
    pub json: bool,
    /// The configuration file's part about snapshots; flags of the commands go over it.
    pub file: Config,
}

impl Settings {
    /// Reads the configuration file and puts the flags over it.
    ///
    /// # Errors
    /// Those of [`Config::load`]; exit 3 if the file can't be read, else 1.
    pub fn load(args: &SettingsArgs) -> Result<Self, Failure> {
        let config = Config::load(args.config.as_deref())
            .map_err(|refused| Failure::new(exit_of(&refused), refused))?;
        let args = args.clone();
        let file = config.clone();
        Ok(Self {
            file,
            keystore: args.keystore.or(config.keystore),
            chain_spec: args.chain_spec.or(config.chain_spec),
            rpc: if args.rpc.is_empty() {
                config.rpc
            } else {
                args.rpc
            },
            state: args
                .state
                .or(config.state)
                .unwrap_or_else(|| DEFAULT_STATE.into()),
            node: args.node.or(config.node),
            account: args.account.or(config.account),
            limits: config.limits,
            json: args.json,
        })
    }
}
