//! Where the registered keys come from: a `qh-registered/1` file, the nodes, or the raw chain spec, in this order. A file
//! is held against the nodes, if there are any.

use std::path::Path;

use super::super::nodes::{Asking, Spec, failure, given_account, local_keys, now, open};
use super::super::{Failure, Settings};
use crate::ceremony::event::Refused;
use crate::cli::keys::read_source;
use crate::files::{from_error, refused};
use crate::online::authorship::{AuthorshipFault, authored};
use crate::online::keys::silence::{Authorship, Count};
use crate::online::node::{Node, hex};
use crate::online::registered::today;
use crate::vault::registered::{Account, Registered};
use crate::vault::schemes::KeyType;

/// The registered keys, and how far they are to be believed.
pub(super) struct Known {
    /// Of the first source that was given.
    pub registered: Registered,
    /// What the nodes say, where the first source is a file: what holds by the file must hold by them too.
    pub live: Option<Registered>,
    /// What people should know of the sources.
    pub notes: Vec<String>,
}

/// The registered keys of the first source that is given; `None` if there is none. Nodes are asked for the owners of
/// `keys` as well.
///
/// # Errors
/// What keeps the source from being read: exit 3; what is wrong with it: exit 4; `registered-too-old`.
pub(super) fn registered_of(
    settings: &Settings,
    file: Option<&Path>,
    keys: &[(KeyType, Vec<u8>)],
) -> Result<Option<Known>, Failure> {
    let read = |file: &Path, spec: bool| {
        read_source(file, spec)
            .map_err(|stopped| Failure::new(stopped.exit(), crate::files::from_error(&stopped)))
    };
    let alone = |registered, notes| Known {
        registered,
        live: None,
        notes,
    };
    match (file, &settings.chain_spec) {
        (Some(file), _) if settings.rpc.is_empty() => {
            let registered = read(file, false)?;
            let note = format!(
                "How old the file is can't be told without a node: it is of block {}.",
                registered.block_number
            );
            Ok(Some(alone(registered, vec![note])))
        }
        (Some(file), _) => {
            let registered = read(file, false)?;
            let (live, mut notes) = live(settings, Some(&registered), keys)?;
            notes.push(age(&registered, &live, settings.limits.max_registered_age)?);
            Ok(Some(Known {
                registered,
                live: Some(live),
                notes,
            }))
        }
        (None, _) if !settings.rpc.is_empty() => {
            let (registered, notes) = live(settings, None, keys)?;
            Ok(Some(alone(registered, notes)))
        }
        (None, Some(spec)) => Ok(Some(alone(read(spec, true)?, vec![]))),
        (None, None) => Ok(None),
    }
}

/// The registered keys, read from the nodes at one finalized block, and notes on the nodes. If a file is given, its
/// block must be one of the nodes' chain.
fn live(
    settings: &Settings,
    file: Option<&Registered>,
    keys: &[(KeyType, Vec<u8>)],
) -> Result<(Registered, Vec<String>), Failure> {
    let chain_id = file.map(|file| file.chain_id.as_str());
    let mut asking = Asking::of(settings, chain_id, local_keys(settings)?)?;
    let more = keys.iter().filter(|key| !asking.local.contains(key));
    let more: Vec<_> = more.cloned().collect();
    asking.local.extend(more);
    let (reading, notes) = asking.read(settings, false)?;
    if let Some((file, own)) = file.and_then(|file| Some((file, file.block_hash?))) {
        for node in &asking.nodes {
            let theirs = node
                .block_hash(file.block_number)
                .map_err(|fault| failure(fault.into()))?;
            if theirs != Some(own) {
                let what = format!(
                    "The file with the registered keys is of block {} with hash {}, which {} does not have: it is of another chain or fork, or the node lags behind it.",
                    file.block_number,
                    hex(&own),
                    node.name()
                );
                return Err(chain_differs(what));
            }
        }
    }
    Ok((reading.registered, notes))
}

fn chain_differs(what: String) -> Failure {
    let way_on = "Give the file and the nodes of one and the same chain.";
    Failure::new(4, refused("registered-chain-differs", what, way_on))
}

/// How far the file lies behind the nodes, which must be of the same chain.
fn age(file: &Registered, live: &Registered, limit: u64) -> Result<String, Failure> {
    if let (Some(own), Some(found)) = (file.genesis_hash, live.genesis_hash)
        && own != found
    {
        let what = format!(
            "The file with the registered keys is of a chain with genesis {}, the nodes serve one with {}.",
            hex(&own),
            hex(&found)
        );
        return Err(chain_differs(what));
    }
    let blocks = live.block_number.saturating_sub(file.block_number);
    if blocks > limit {
        let what = format!(
            "The file with the registered keys is of block {}, {blocks} blocks before the nodes' last finalized one; at most {limit} are allowed.",
            file.block_number
        );
        let way_on =
            "Read the registered keys anew, or leave --registered out: the nodes tell them.";
        return Err(Failure::new(1, refused("registered-too-old", what, way_on)));
    }
    Ok(format!(
        "The file is of block {}, {blocks} blocks before the nodes' last finalized one, and they say the same of these keys.",
        file.block_number
    ))
}

/// The chain that can be asked who authored its blocks; `None` if no node was given. Every node is asked, since one
/// could keep silent about a block. They must have caught up, agree on today's finalized block, and serve the chain
/// that the keys were matched with: on another one, or in the past, everybody is silent.
///
/// # Errors
/// As for reading the registered keys; `genesis-unknown` if nothing says which chain the keys were matched with.
pub(super) fn authorship(
    settings: &Settings,
    registered: &Registered,
) -> Result<Option<Chain>, Failure> {
    if settings.rpc.is_empty() {
        return Ok(None);
    }
    let nodes = open(settings)?;
    if let Some(path) = &settings.chain_spec {
        Spec::read(path)?.is_of_all(&nodes)?;
    }
    let block = today(&nodes, &settings.limits, now()).map_err(failure)?;
    match registered.genesis_hash {
        Some(genesis) if genesis != block.genesis => {
            let what = format!(
                "The nodes serve another chain than {}, which the keys were matched with: their genesis is {}, that of the registered keys {}.",
                registered.chain_id,
                hex(&block.genesis),
                hex(&genesis)
            );
            let way_on = "Ask nodes of the chain that the registered keys are of.";
            return Err(Failure::new(4, refused("node-other-chain", what, way_on)));
        }
        None if settings.chain_spec.is_none() => {
            let what = "The registered keys don't say of which genesis they are, so silence could be measured on another chain.";
            let way_on = "Give the raw chain spec with --chain-spec FILE as well.";
            return Err(Failure::new(2, refused("genesis-unknown", what, way_on)));
        }
        _ => {}
    }
    Ok(Some(Chain {
        nodes,
        finalized: block.number,
        failed: std::cell::Cell::new(1),
    }))
}

/// Nodes that agree on a finalized block, asked for authors.
pub(super) struct Chain {
    nodes: Vec<Node>,
    finalized: u64,
    /// The exit code that belongs to the last fault of a node.
    failed: std::cell::Cell<u8>,
}

impl Chain {
    /// The failure of a refusal by [`Authorship`]: a node's fault keeps its own exit code.
    pub fn failure(&self, refused: Refused) -> Failure {
        match self.failed.get() {
            1 => super::failure(refused),
            exit => Failure::new(exit, refused),
        }
    }
}

impl Authorship for Chain {
    fn finalized(&self) -> Result<u64, Refused> {
        Ok(self.finalized)
    }

    /// What the worst of the nodes tells.
    fn count(&self, public: &[u8], from: u64, to: u64) -> Result<Count, Refused> {
        let from = from.max(1);
        let mut worst = Count {
            from,
            authored: 0,
            last: None,
            undetermined: 0,
            listed: 0,
            authorities: 0,
        };
        for node in &self.nodes {
            let shown = Progress::new(node.name(), to.saturating_add(1).saturating_sub(from));
            let found = authored(node, from, to, public, &mut |done| shown.tell(done)).map_err(
                |fault| {
                    self.failed.set(match &fault {
                        AuthorshipFault::Node(fault) => failure(fault.clone().into()).exit,
                        AuthorshipFault::Range { .. } => 1,
                        AuthorshipFault::Authorities { .. }
                        | AuthorshipFault::NoBlock { .. }
                        | AuthorshipFault::Chain { .. } => 4,
                    });
                    from_error(&fault)
                },
            )?;
            worst.from = worst.from.max(found.from);
            worst.authored = worst.authored.max(found.own);
            worst.last = worst.last.max(found.last_own);
            worst.undetermined = worst.undetermined.max(found.undetermined);
            worst.listed = worst.listed.max(found.listed);
            worst.authorities = worst.authorities.max(found.authorities);
        }
        Ok(worst)
    }
}

/// How far the walk over a node's blocks is, on a terminal.
struct Progress<'a> {
    node: &'a str,
    blocks: u64,
    terminal: bool,
}

impl<'a> Progress<'a> {
    fn new(node: &'a str, blocks: u64) -> Self {
        use std::io::IsTerminal;
        let terminal = std::io::stderr().is_terminal();
        Self {
            node,
            blocks,
            terminal,
        }
    }

    fn tell(&self, done: u64) {
        if self.terminal && done.is_multiple_of(50) {
            eprint!(
                "\rLooking for blocks of this key at {}: {done} of {}",
                self.node, self.blocks
            );
        }
    }
}

impl Drop for Progress<'_> {
    fn drop(&mut self) {
        if self.terminal {
            eprintln!();
        }
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
