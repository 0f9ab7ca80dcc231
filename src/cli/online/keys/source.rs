//! Where the registered keys come from: a `qh-registered/1` file, the nodes, or the raw chain spec, in this order.

use std::path::Path;

use super::super::nodes::{Asking, Spec, failure, given_account, open};
use super::super::{Failure, Settings};
use crate::ceremony::event::Refused;
use crate::cli::keys::read_source;
use crate::files::{from_error, refused};
use crate::online::authorship::authored;
use crate::online::keys::silence::{Authorship, Count};
use crate::online::node::{BlockHash, Node, hex};
use crate::online::registered::ReadFault;
use crate::vault::registered::{Account, Registered};

/// The registered keys of the first source that is given; `None` if there is none.
///
/// # Errors
/// What keeps the source from being read: exit 3; what is wrong with it: exit 4.
pub(super) fn registered_of(
    settings: &Settings,
    file: Option<&Path>,
) -> Result<Option<Registered>, Failure> {
    let read = |file: &Path, spec: bool| {
        read_source(file, spec)
            .map(Some)
            .map_err(|stopped| Failure::new(stopped.exit(), crate::files::from_error(&stopped)))
    };
    match (file, &settings.chain_spec) {
        (Some(file), _) => read(file, false),
        (None, _) if !settings.rpc.is_empty() => live(settings).map(Some),
        (None, Some(spec)) => read(spec, true),
        (None, None) => Ok(None),
    }
}

/// The registered keys, read from the nodes at one finalized block.
fn live(settings: &Settings) -> Result<Registered, Failure> {
    let asking = Asking::of(settings, None)?;
    let (reading, _) = asking.read(settings, false)?;
    Ok(reading.registered)
}

/// The chain that can be asked who authored its blocks; `None` if no node was given. Every node is asked, since one
/// could keep silent about a block. It must be the chain that the keys were matched with: on another one everybody is
/// silent.
///
/// # Errors
/// Exit 4 if a node serves another chain; what keeps the nodes from answering.
pub(super) fn authorship(
    settings: &Settings,
    registered: &Registered,
) -> Result<Option<Box<dyn Authorship>>, Failure> {
    if settings.rpc.is_empty() {
        return Ok(None);
    }
    let nodes = open(settings)?;
    if let Some(path) = &settings.chain_spec {
        Spec::read(path)?.is_of_all(&nodes)?;
    }
    if let Some(genesis) = registered.genesis_hash {
        nodes
            .iter()
            .try_for_each(|node| is_of(node, &genesis, &registered.chain_id))?;
    }
    Ok(Some(Box::new(Nodes(nodes))))
}

fn is_of(node: &Node, genesis: &BlockHash, chain_id: &str) -> Result<(), Failure> {
    let found = node
        .block_hash(0)
        .map_err(|fault| failure(ReadFault::from(fault)))?;
    if found.as_ref() == Some(genesis) {
        return Ok(());
    }
    let theirs = found.map_or_else(|| "none".to_owned(), |hash| hex(&hash));
    let what = format!(
        "{} serves another chain than {chain_id}, which the keys were matched with: its genesis is {theirs}, that of the registered keys {}.",
        node.name(),
        hex(genesis)
    );
    Err(Failure::new(
        4,
        refused(
            "node-other-chain",
            what,
            "Ask nodes of the chain that the registered keys are of.",
        ),
    ))
}

/// Nodes, asked for authors.
struct Nodes(Vec<Node>);

impl Authorship for Nodes {
    /// The lowest of what the nodes have finalized.
    fn finalized(&self) -> Result<u64, Refused> {
        let mut lowest = u64::MAX;
        for node in &self.0 {
            let told = node
                .finalized_head()
                .and_then(|head| node.header(&head))
                .map_err(|fault| from_error(&fault))?;
            let header = told.ok_or_else(|| {
                from_error(&ReadFault::NoBlock {
                    node: node.name().to_owned(),
                    what: "its finalized head".to_owned(),
                })
            })?;
            lowest = lowest.min(header.number);
        }
        Ok(lowest)
    }

    /// What the worst of the nodes tells.
    fn count(&self, public: &[u8], from: u64, to: u64) -> Result<Count, Refused> {
        let mut worst = Count {
            authored: 0,
            last: None,
            undetermined: 0,
            listed: 0,
            authorities: 0,
        };
        for node in &self.0 {
            let found =
                authored(node, from.max(1), to, public).map_err(|fault| from_error(&fault))?;
            worst.authored = worst.authored.max(found.own);
            worst.last = worst.last.max(found.last_own);
            worst.undetermined = worst.undetermined.max(found.undetermined);
            worst.listed = worst.listed.max(found.listed);
            worst.authorities = worst.authorities.max(found.authorities);
        }
        Ok(worst)
    }
}

/// The account that was given.
///
/// # Errors
/// Exit 2: not `0x` and 64 hex digits, nor an SS58 address.
pub(super) fn account_of(settings: &Settings) -> Result<Option<Account>, Failure> {
    given_account(settings)
}

/// The failure of a command that needs a source and has none.
pub(super) fn needed() -> Failure {
    let refused = refused(
        "registered-not-given",
        "Nobody said which keys are registered, so there is nothing to match with.",
        "Give --registered FILE, --rpc URL or --chain-spec FILE.",
    );
    Failure::new(2, refused)
}
