//! What the commands that ask nodes have in common: the nodes, the chain's id, the account, the host's public keys.

use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use super::{Failure, Settings};
use crate::ceremony::event::Refused;
use crate::files::{self, refused};
use crate::online::account;
use crate::online::genesis::{self, Candidate};
use crate::online::node::{self, BlockHash, Node};
use crate::online::registered::{self as online, ReadFault, Reading, Request};
use crate::online::rpc::Why;
use crate::transcript::hex::{Hash, Hex};
use crate::vault::keystore::{self, KeystoreFault};
use crate::vault::registered::{self, Account, MAX_CHAIN_SPEC};
use crate::vault::schemes::KeyType;

/// Everything that is known before a node is asked.
pub(super) struct Asking {
    pub nodes: Vec<Node>,
    pub chain_id: String,
    pub spec: Option<Spec>,
    pub account: Option<Account>,
    pub local: Vec<(KeyType, Vec<u8>)>,
}

impl Asking {
    /// # Errors
    /// Exit 2 if nodes or chain are not named, else what reading files or addresses gives.
    pub(super) fn of(
        settings: &Settings,
        chain_id: Option<&str>,
        local: Vec<(KeyType, Vec<u8>)>,
    ) -> Result<Self, Failure> {
        let nodes = open(settings)?;
        let spec = settings.chain_spec.as_deref().map(Spec::read).transpose()?;
        Ok(Self {
            nodes,
            chain_id: named(settings, chain_id, spec.as_ref())?,
            spec,
            account: given_account(settings)?,
            local,
        })
    }

    /// Reads the registered validators, after the nodes' genesis was compared with the chain spec, if there is one. The
    /// second value says in words what was compared.
    ///
    /// # Errors
    /// [`Failure`] of the read, with its exit code.
    pub(super) fn read(
        &self,
        settings: &Settings,
        genesis: bool,
    ) -> Result<(Reading, Vec<String>), Failure> {
        let mut notes = self.notes();
        if let Some(spec) = &self.spec {
            spec.is_of_all(&self.nodes)?;
            notes.push(format!(
                "The nodes' genesis is that of the chain spec {}.",
                spec.file
            ));
        }
        let accounts: Vec<Account> = self.account.into_iter().collect();
        let request = Request {
            chain_id: &self.chain_id,
            accounts: &accounts,
            local: &self.local,
            limits: &settings.limits,
            genesis,
            now: now(),
        };
        let reading = online::read(&self.nodes, &request).map_err(failure)?;
        Ok((reading, notes))
    }

    fn notes(&self) -> Vec<String> {
        let mut notes = Vec::new();
        if let [only] = self.nodes.as_slice() {
            notes.push(format!(
                "One node alone, {}, was believed: nobody confirmed what it says. Give a second --rpc that somebody \
                 else runs.",
                only.name()
            ));
        }
        for node in self.nodes.iter().filter(|node| node.is_open()) {
            notes.push(format!(
                "{} is asked without TLS: whoever sits on the way could change its answers. Use https.",
                node.name()
            ));
        }
        notes
    }

    /// Whether a key lies in this host's keystore.
    pub(super) fn is_local(&self, key_type: KeyType, public: &[u8]) -> bool {
        let same = |(t, p): &(KeyType, Vec<u8>)| *t == key_type && p == public;
        self.local.iter().any(same)
    }
}

/// The nodes of the settings; at least one.
pub(super) fn open(settings: &Settings) -> Result<Vec<Node>, Failure> {
    if settings.rpc.is_empty() {
        return Err(failure(ReadFault::NoNode));
    }
    let timeout = Duration::from_secs(settings.limits.rpc_timeout_seconds.clamp(1, 3600));
    node::nodes(&settings.rpc, timeout).map_err(|fault| Failure::new(2, files::from_error(&fault)))
}

/// A refused read with its exit code: 1 a chain or node in no fit state, 2 usage, 3 no answer, 4 wrong answers.
pub(super) fn failure(fault: ReadFault) -> Failure {
    let exit = match &fault {
        ReadFault::NoNode | ReadFault::TooManyNodes { .. } => 2,
        ReadFault::Node(fault) => match fault.why {
            Why::Unreachable { .. }
            | Why::TimedOut { .. }
            | Why::Status { .. }
            | Why::Error { .. } => 3,
            Why::TooLarge { .. } | Why::Malformed { .. } | Why::OtherId => 4,
        },
        ReadFault::Disagree { .. }
        | ReadFault::Registered(_)
        | ReadFault::NoBlock { .. }
        | ReadFault::NoSuchAccount { .. } => 4,
        ReadFault::Syncing { .. }
        | ReadFault::Behind { .. }
        | ReadFault::FinalityLag { .. }
        | ReadFault::Stale { .. }
        | ReadFault::Future { .. }
        | ReadFault::OnlyGenesis { .. }
        | ReadFault::TooManyAccounts { .. } => 1,
    };
    Failure::new(exit, files::from_error(&fault))
}

/// Milliseconds since 1970.
pub(super) fn now() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    since.map_or(0, |since| {
        u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
    })
}

/// The account of the settings.
pub(super) fn given_account(settings: &Settings) -> Result<Option<Account>, Failure> {
    let account = settings.account.as_deref().map(account::parse);
    account
        .transpose()
        .map_err(|fault| Failure::new(2, files::from_error(&fault)))
}

/// The keystore directory itself, if the settings name one or the chain directory around it.
pub(super) fn keystore_dir(settings: &Settings) -> Option<PathBuf> {
    let dir = settings.keystore.as_ref()?;
    Some(if keystore::is_chain_dir(dir) {
        dir.join("keystore")
    } else {
        dir.clone()
    })
}

/// Types and public keys of this host's keystore. A keystore that is not there yet holds none.
pub(super) fn local_keys(settings: &Settings) -> Result<Vec<(KeyType, Vec<u8>)>, Failure> {
    let Some(dir) = keystore_dir(settings) else {
        return Ok(Vec::new());
    };
    let listing = match keystore::inspect(&dir) {
        Ok(listing) => listing,
        Err(KeystoreFault::Absent { .. }) => return Ok(Vec::new()),
        Err(fault) => return Err(Failure::environment(&fault)),
    };
    Ok(listing
        .keys()
        .filter_map(|entry| entry.key.clone())
        .collect())
}

/// A raw chain spec, and the genesis hashes that it can imply.
pub(super) struct Spec {
    file: String,
    chain_id: String,
    genesis: Vec<Candidate>,
}

impl Spec {
    /// # Errors
    /// Exit 3 if the file can't be read, 4 if it is no raw chain spec.
    pub(super) fn read(path: &Path) -> Result<Self, Failure> {
        let bytes =
            files::read(path, MAX_CHAIN_SPEC).map_err(|refused| Failure::new(3, refused))?;
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        let wrong = |mut refused: Refused| {
            refused.what = format!("{}: {}", path.display(), refused.what);
            Failure::new(4, refused)
        };
        let registered = registered::from_chain_spec(&bytes, &name)
            .map_err(|fault| wrong(files::from_error(&fault)))?;
        let genesis =
            genesis::genesis_hashes(&bytes).map_err(|fault| wrong(files::from_error(&fault)))?;
        Ok(Self {
            file: name.into_owned(),
            chain_id: registered.chain_id,
            genesis,
        })
    }

    /// The genesis hashes that the spec can imply.
    pub(super) fn hashes(&self) -> Vec<Hash> {
        self.genesis
            .iter()
            .map(|candidate| Hex(candidate.hash))
            .collect()
    }

    /// Compares the genesis hash that a node tells.
    pub(super) fn compare(&self, node: &str, hash: &BlockHash) -> Result<Candidate, Refused> {
        genesis::among(&self.genesis, hash).map_err(|fault| {
            let mut refused = files::from_error(&fault);
            refused.what = format!(
                "{node} serves another chain than {}: {}",
                self.file, refused.what
            );
            refused
        })
    }

    /// # Errors
    /// Exit 4 if a node serves another chain; what keeps it from answering.
    pub(super) fn is_of_all(&self, nodes: &[Node]) -> Result<(), Failure> {
        nodes.iter().try_for_each(|node| self.is_of(node))
    }

    fn is_of(&self, node: &Node) -> Result<(), Failure> {
        let hash = node.block_hash(0).map_err(|fault| failure(fault.into()))?;
        let Some(hash) = hash else {
            return Err(failure(ReadFault::NoBlock {
                node: node.name().to_owned(),
                what: "block 0".to_owned(),
            }));
        };
        self.compare(node.name(), &hash)
            .map(drop)
            .map_err(|refused| Failure::new(4, refused))
    }
}

/// The chain's id: the spec's, else the one given, else the directory's name. A spec and a flag that differ are refused.
fn named(settings: &Settings, given: Option<&str>, spec: Option<&Spec>) -> Result<String, Failure> {
    if let (Some(spec), Some(given)) = (spec, given)
        && spec.chain_id != given
    {
        return Err(Failure::new(
            2,
            refused(
                "chain-id-differs",
                format!(
                    "The chain spec is of {}, and --chain-id says {given}.",
                    spec.chain_id
                ),
                "Give the spec of the chain you mean, and leave --chain-id out.",
            ),
        ));
    }
    let of_directory = || {
        let dir = keystore_dir(settings)?;
        let chain = dir.parent()?;
        let inside = chain.parent()?.file_name()? == "chains" && dir.file_name()? == "keystore";
        inside.then(|| {
            chain
                .file_name()
                .map(|id| id.to_string_lossy().into_owned())
        })?
    };
    let id = spec
        .map(|spec| spec.chain_id.clone())
        .or_else(|| given.map(str::to_owned))
        .or_else(of_directory);
    let printable =
        |id: &String| (1..=64).contains(&id.len()) && id.bytes().all(|b| b.is_ascii_graphic());
    id.filter(printable).ok_or_else(|| {
        Failure::new(
            2,
            refused(
                "chain-id-unknown",
                "No node tells the chain's id, and neither --chain-spec nor --chain-id nor a keystore under chains/ID \
                 was given.",
                "Give the raw chain spec with --chain-spec FILE; or --chain-id ID, 1 to 64 printable characters.",
            ),
        )
    })
}
