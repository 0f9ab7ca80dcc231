//! Is the host's node fit? One line a check, with a word and a reason.
//!
//! A failed check is one after which nobody should act on what the node says, or the validator does not work. A warning
//! deserves a look.

use serde::Serialize;

use super::authorship::Authorship;
use super::config::Limits;
use super::node::{BlockHash, Node, hex};
use super::registered::time;
use super::rpc::NodeFault;
use crate::refusal::Refuse;
use crate::vault::keystore::Listing;

/// The outcome of a check.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Word {
    /// As it should be.
    Ok,
    /// Deserves a look.
    Warning,
    /// Not as it must be.
    Failed,
}

impl Word {
    /// The word, for people and scripts.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Warning => "warning",
            Self::Failed => "failed",
        }
    }
}

/// One check.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Check {
    /// What was looked at.
    pub name: String,
    /// The outcome.
    pub word: Word,
    /// Why, in a sentence.
    pub reason: String,
}

impl Check {
    /// As it should be.
    pub fn ok(name: impl Into<String>, reason: impl Into<String>) -> Self {
        Self::new(Word::Ok, name, reason)
    }

    /// Deserves a look.
    pub fn warning(name: impl Into<String>, reason: impl Into<String>) -> Self {
        Self::new(Word::Warning, name, reason)
    }

    /// Not as it must be.
    pub fn failed(name: impl Into<String>, reason: impl Into<String>) -> Self {
        Self::new(Word::Failed, name, reason)
    }

    fn new(word: Word, name: impl Into<String>, reason: impl Into<String>) -> Self {
        let (name, reason) = (name.into(), reason.into());
        Self { name, word, reason }
    }

    fn either(good: bool, name: String, reason: String) -> Self {
        Self::new(if good { Word::Ok } else { Word::Failed }, name, reason)
    }
}

/// What a node said of itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Facts {
    /// Genesis hash.
    pub genesis: Option<BlockHash>,
    /// Number of its last finalized block.
    pub finalized: Option<u64>,
}

/// Checks one node at `now`, milliseconds since 1970. No facts if it is not there.
pub fn node(node: &Node, limits: &Limits, now: u64) -> (Vec<Check>, Option<Facts>) {
    let name = |what: &str| format!("{} {what}", node.name());
    let mut checks = Vec::new();
    let health = match node.health() {
        Ok(health) => health,
        Err(fault) => {
            checks.push(fault_of(name("reachable"), &fault));
            let there = !fault.is_absence();
            return (
                checks,
                there.then_some(Facts {
                    genesis: None,
                    finalized: None,
                }),
            );
        }
    };
    let mut facts = Facts {
        genesis: None,
        finalized: None,
    };
    checks.push(Check::ok(name("reachable"), "It answers."));
    if node.is_open() {
        checks.push(Check::warning(
            name("transport"),
            "It is asked without TLS: whoever sits on the way could change its answers. Use https.",
        ));
    }
    checks.push(
        match node.chain().and_then(|chain| Ok((chain, node.version()?))) {
            Ok((chain, version)) => {
                Check::ok(name("version"), format!("{chain}, version {version}."))
            }
            Err(fault) => fault_of(name("version"), &fault),
        },
    );
    checks.push(Check::either(
        !health.is_syncing,
        name("sync"),
        if health.is_syncing {
            "It is still syncing.".to_owned()
        } else {
            "It has caught up.".to_owned()
        },
    ));
    let enough = health.peers >= limits.min_peers || !health.should_have_peers;
    checks.push(Check::either(
        enough,
        name("peers"),
        format!(
            "It has {} peers, and {} are needed.",
            health.peers, limits.min_peers
        ),
    ));
    match node.block_hash(0) {
        Ok(genesis) => facts.genesis = genesis,
        Err(fault) => checks.push(fault_of(name("genesis"), &fault)),
    }
    match finality(node, limits, now, &name) {
        Ok((number, found)) => {
            facts.finalized = number;
            checks.extend(found);
        }
        Err(fault) => checks.push(fault_of(name("finality"), &fault)),
    }
    (checks, Some(facts))
}

fn fault_of(name: String, fault: &NodeFault) -> Check {
    Check::failed(name, format!("{fault} [{}]", fault.name()))
}

fn finality(
    node: &Node,
    limits: &Limits,
    now: u64,
    name: &impl Fn(&str) -> String,
) -> Result<(Option<u64>, Vec<Check>), NodeFault> {
    let hash = node.finalized_head()?;
    let Some(header) = node.header(&hash)? else {
        let reason = format!("It does not have its own finalized block {}.", hex(&hash));
        return Ok((None, vec![Check::failed(name("finality"), reason)]));
    };
    let lag = node.best()?.saturating_sub(header.number);
    let number = header.number;
    let mut checks = vec![Check::either(
        lag <= limits.max_finality_lag,
        name("finality"),
        format!(
            "Block {number} is finalized, {lag} behind the best one, and {} are allowed.",
            limits.max_finality_lag
        ),
    )];
    checks.push(match time(node, &hash)? {
        None => Check::warning(
            name("age"),
            "The block has no time, so its age is not known.",
        ),
        Some(time) => {
            let age = now.saturating_sub(time) / 1000;
            Check::either(
                age <= limits.max_block_age_seconds && time.saturating_sub(now) <= 120_000,
                name("age"),
                format!(
                    "The finalized block is {age} seconds old, and {} are allowed.",
                    limits.max_block_age_seconds
                ),
            )
        }
    });
    Ok((Some(number), checks))
}

/// Whether all nodes have the same genesis.
pub fn one_chain(genesis: &[(&str, Option<BlockHash>)]) -> Check {
    let name = "chain";
    let mut known = genesis
        .iter()
        .filter_map(|(node, hash)| Some((node, (*hash)?)));
    let Some((first, hash)) = known.next() else {
        return Check::failed(name, "No node tells its genesis hash.");
    };
    match known.find(|(_, other)| *other != hash) {
        Some((other, theirs)) => Check::failed(
            name,
            format!(
                "The nodes are of different chains: {first} has genesis {}, {other} has {}.",
                hex(&hash),
                hex(&theirs)
            ),
        ),
        None => Check::ok(name, format!("The genesis hash is {}.", hex(&hash))),
    }
}

/// What a keystore's names and attributes tell.
pub fn keystore(listing: &Listing) -> Vec<Check> {
    let mut checks = Vec::new();
    if listing.mode & 0o077 != 0 {
        checks.push(Check::warning(
            "keystore",
            format!(
                "{} has mode {:04o}: others can look into it. chmod 0700 closes it.",
                listing.dir.display(),
                listing.mode
            ),
        ));
    }
    for entry in &listing.entries {
        if let Some(fault) = &entry.fault {
            let reason = format!("{}: {fault} [{}]", entry.file, fault.name());
            checks.push(Check::failed("keystore", reason));
        }
        for warning in &entry.warnings {
            let reason = format!("{}: {warning} [{}]", entry.file, warning.name());
            checks.push(Check::failed("keystore", reason));
        }
    }
    let keys = listing.keys().count();
    if keys == 0 {
        let reason = format!("{} holds no key.", listing.dir.display());
        checks.push(Check::failed("keystore", reason));
    } else if checks.is_empty() {
        let reason = format!(
            "{} holds {keys} keys, for their owner alone.",
            listing.dir.display()
        );
        checks.push(Check::ok("keystore", reason));
    }
    checks
}

/// Whether the host's key authored its share.
pub fn own_blocks(found: &Authorship, public: &[u8]) -> Check {
    let name = format!("own blocks of {}", hex(public.get(..8).unwrap_or(public)));
    let range = format!("in blocks {} to {}", found.from, found.to);
    if found.from > found.to {
        return Check::warning(
            name,
            "The node has no state of these blocks, so nobody can tell.",
        );
    }
    if found.listed == 0 && found.undetermined == 0 {
        return Check::warning(name, format!("The key is no authority {range}."));
    }
    let counted = format!(
        "{} of its own {range}, {} of others, {} that can't be told.",
        found.own, found.others, found.undetermined
    );
    if found.own > 0 {
        Check::ok(name, counted)
    } else if found.undetermined > 0 || found.listed < found.authorities.saturating_mul(3) {
        // Too few blocks at which it could author to conclude anything from none, e.g. after a change of session keys.
        Check::warning(name, counted)
    } else {
        Check::failed(
            name,
            format!("{counted} The key is an authority and authors nothing."),
        )
    }
}
