//! A snapshot restored to a staging directory, opened with its engine, read through, compared, and attested.
//!
//! On a verifier, with its own identity and its own signing key: a host that is taken over can neither open nor attest
//! what it makes. What an attestation says was read from the restored database itself; the host's word is only compared
//! with it.

use std::collections::BTreeMap;
use std::path::Path;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::catalog::{Entry, Worth};
use super::fetch::{self, Fetch};
use super::key::{ATTESTATIONS, HostKey};
use super::manifest::{
    ATTESTATION_FORMAT, Attestation, BlockId, Head, MAX_HEAD, Manifest, read, write,
};
use super::names::{self, SourceName};
use super::ship::Progress;
use super::staging::Staging;
use crate::ceremony::event::Refused;
use crate::files::{self, from_error, refused};
use crate::online::class::Class;
use crate::online::engine::Engine;
use crate::online::node::Node;
use crate::online::retention;
use crate::online::store::{Put, Store};
use crate::transcript::hex::{Hash, Hex};
use crate::vault::object::Identities;

/// What an engine says of a database that it opened and read through.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Opened {
    /// The engine and its version.
    pub engine: String,
    /// Genesis hash, if it is a node's database.
    pub genesis: Option<Hash>,
    /// Best block.
    pub best: Option<BlockId>,
    /// Finalized block.
    pub finalized: Option<BlockId>,
    /// State root of the finalized block.
    pub state_root: Option<Hash>,
}

/// Opens a database and reads it through: the directory, its engine.
pub type Open<'a> = dyn Fn(&Path, Engine) -> Result<Opened, Refused> + 'a;

/// What a verification needs.
pub struct Verifier<'a> {
    /// The store.
    pub store: &'a dyn Store,
    /// The source.
    pub source: &'a SourceName,
    /// Opens objects.
    pub identities: &'a Identities,
    /// Signs attestations.
    pub key: &'a HostKey,
    /// Opens databases.
    pub open: &'a Open<'a>,
    /// Nodes to compare with.
    pub nodes: &'a [Node],
    /// The genesis hashes that the chain spec can imply; empty without one.
    pub genesis: &'a [Hash],
    /// Where snapshots are restored to; the directory is made and removed.
    pub staging: &'a Path,
    /// Number of threads.
    pub threads: usize,
    /// How far it is.
    pub progress: &'a Progress,
}

/// Which snapshots are verified when nobody names one: the newest of each class, unless it is good already.
pub fn wanted(entries: &[Entry]) -> Vec<&Entry> {
    let mut newest: BTreeMap<Class, &Entry> = BTreeMap::new();
    for entry in entries
        .iter()
        .filter(|entry| !matches!(entry.worth, Worth::Refused(_)))
    {
        for class in entry.classes() {
            newest.insert(class, entry);
        }
    }
    let mut wanted: Vec<&Entry> = newest
        .into_values()
        .filter(|entry| !entry.is_good())
        .collect();
    wanted.sort_by_key(|entry| (entry.name, entry.epoch));
    wanted.dedup_by_key(|entry| (entry.name, entry.epoch));
    wanted
}

/// The heads that name one before them which is not the one before them: something is hidden, lost, or was forked. Where
/// the one before is older than an epoch's objects are locked, what came between may have been pruned, and nothing is said.
pub fn gaps(entries: &[Entry], now: Timestamp) -> Vec<String> {
    let heads: Vec<(&Entry, &Head, Hash)> = entries
        .iter()
        .filter_map(|entry| Some((entry, entry.head.as_ref()?, entry.sha256?)))
        .collect();
    heads
        .windows(2)
        .filter_map(|pair| match pair {
            [(before, _, sha256), (entry, head, _)]
                if head.previous != Some(*sha256)
                    && now.duration_since(before.name.time) < retention::LOCKED =>
            {
                // A host that lost its state begins a new chain with a new epoch, and says so by naming none.
                (head.previous.is_some() || before.epoch == entry.epoch)
                    .then(|| format!("{} does not follow {}", entry.name, before.name))
            }
            _ => None,
        })
        .collect()
}

/// The newest snapshot that was ever seen of a source in a store, in the state directory of who looks.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Seen {
    format: String,
    newest: Timestamp,
    head: Hash,
}

const SEEN: &str = "qh-seen/1";

/// Compares the newest signed snapshot with the newest one seen before, and notes it.
///
/// # Errors
/// `store-rolled-back` if it is older; `file-not-written`.
pub fn not_rolled_back(
    state: &Path,
    store: &str,
    source: &SourceName,
    entries: &[Entry],
) -> Result<(), Refused> {
    let id = super::object::sha256(format!("{store}\n{source}").as_bytes()).to_string();
    let dir = state.join("seen");
    files::make_dir(&dir)?;
    let path = dir.join(format!("{}.json", &id[..32]));
    let before: Option<Seen> = files::read(&path, 4096)
        .ok()
        .and_then(|bytes| serde_json::from_slice(&bytes).ok())
        .filter(|seen: &Seen| seen.format == SEEN);
    let newest = entries
        .iter()
        .rev()
        .find_map(|entry| Some((entry.head.as_ref()?.time, entry.sha256?)));
    match (before, newest) {
        (Some(before), newest) if newest.is_none_or(|(time, _)| time < before.newest) => {
            Err(refused(
                "store-rolled-back",
                format!(
                    "{store} had a snapshot of {source} of {}, and its newest one is {} now.",
                    before.newest,
                    newest.map_or_else(|| "none".to_owned(), |(time, _)| format!("of {time}"))
                ),
                "Find out who took snapshots away. Restore from another store meanwhile.",
            ))
        }
        (_, Some((newest, head))) => {
            let seen = Seen {
                format: SEEN.to_owned(),
                newest,
                head,
            };
            files::write(&path, &serde_json::to_vec(&seen).expect("strings"))
        }
        (_, None) => Ok(()),
    }
}

/// What else is done with a snapshot while it lies restored, before an engine opens it, and once it was found good.
pub trait Besides {
    /// It lies in this directory.
    ///
    /// # Errors
    /// Ends the verification.
    fn restored(&mut self, staging: &Path, manifest: &Manifest) -> Result<(), Refused>;

    /// It is good.
    ///
    /// # Errors
    /// Ends the verification.
    fn good(&mut self, manifest: &Manifest, good: &Attestation) -> Result<(), Refused>;
}

/// Restores, opens, compares and attests one snapshot.
///
/// # Errors
/// What is wrong with it, by name; nothing is attested then.
pub fn verify(
    verifier: &Verifier<'_>,
    entry: &Entry,
    now: Timestamp,
    besides: &mut dyn Besides,
) -> Result<Attestation, Refused> {
    if let Worth::Refused(refused) = &entry.worth {
        return Err(refused.clone());
    }
    let (head, sha256) = entry
        .head
        .as_ref()
        .zip(entry.sha256)
        .expect("what is not refused was read");
    let manifest = fetch::manifest(
        verifier.store,
        verifier.source,
        entry,
        head,
        verifier.identities,
    )?;
    files::make_dir(verifier.staging)?;
    let name = format!("staging-{}", &sha256.to_string()[..16]);
    // A crash leaves it for the next run, which goes on with what is there.
    let staging = Staging::open(verifier.staging.join(name))?;
    let fetch = Fetch {
        store: verifier.store,
        source: verifier.source,
        epoch: &entry.epoch,
        identities: verifier.identities,
        threads: verifier.threads,
        progress: verifier.progress,
    };
    fetch::fetch(&fetch, &manifest, &staging)?;
    besides.restored(staging.path(), &manifest)?;
    let opened = (verifier.open)(staging.path(), manifest.engine)?;
    let nodes = compare(verifier, head, &opened)?;
    let attestation = Attestation {
        format: ATTESTATION_FORMAT.to_owned(),
        rehearsal: head.rehearsal,
        head_sha256: sha256,
        verified: Timestamp::from_second(now.as_second()).unwrap_or(now),
        engine: opened.engine,
        genesis: opened.genesis,
        best: opened.best,
        finalized: opened.finalized,
        state_root: opened.state_root,
        nodes,
    };
    besides.good(&manifest, &attestation)?;
    attest(verifier, entry, &attestation)?;
    let path = staging.path().to_owned();
    staging.remove().map_err(|error| {
        refused(
            "staging-not-removed",
            format!("{} could not be removed: {error}.", path.display()),
            "Remove it by hand; the snapshot is attested.",
        )
    })?;
    Ok(attestation)
}

/// Compares what the engine says with the head, with the chain that is meant, and with nodes. Gives how many nodes agreed.
fn compare(verifier: &Verifier<'_>, head: &Head, opened: &Opened) -> Result<u64, Refused> {
    let differs = |name: &str, what: String| {
        Err(refused(
            name,
            what,
            "Don't restore from it. Find out whether the host, the store or the node is at fault.",
        ))
    };
    let meant = head.genesis.is_some()
        || head.finalized.is_some()
        || !verifier.genesis.is_empty()
        || !verifier.nodes.is_empty();
    if meant && (opened.genesis.is_none() || opened.finalized.is_none()) {
        return differs(
            "snapshot-not-a-chain",
            "The database holds no chain that could be compared with the host's word, the chain spec or nodes."
                .to_owned(),
        );
    }
    if let Some(found) = opened.genesis {
        if let Some(said) = head.genesis
            && said != found
        {
            return differs(
                "snapshot-other-genesis",
                format!("The database's genesis hash is {found}, and the host says {said}."),
            );
        }
        if !verifier.genesis.is_empty() && !verifier.genesis.contains(&found) {
            return differs(
                "snapshot-other-genesis",
                format!(
                    "The database's genesis hash is {found}, which is not that of the chain spec."
                ),
            );
        }
    }
    // The host asked its node before it held the database still, so the database is at that block or later.
    if let (Some(said), Some(found)) = (head.finalized, opened.finalized) {
        if found.number < said.number {
            return differs(
                "snapshot-behind-its-head",
                format!(
                    "The database's finalized block is {}, and the host says {}.",
                    found.number, said.number
                ),
            );
        }
        if found.number == said.number && found.hash != said.hash {
            return differs(
                "snapshot-other-block",
                format!(
                    "Finalized block {} is {} in the database, and the host says {}.",
                    found.number, found.hash, said.hash
                ),
            );
        }
    }
    let mut agreed = 0;
    for node in verifier.nodes {
        let Some(finalized) = opened.finalized else {
            break; // refused above
        };
        let ask = |number| node.block_hash(number).map_err(|fault| from_error(&fault));
        let wrong = |number: u64, says: Option<[u8; 32]>, found: Hash| {
            let says = says.map_or_else(
                || "that it has no such block".to_owned(),
                |hash| Hex(hash).to_string(),
            );
            format!(
                "Block {number} is {found} in the database, and {} says {says}.",
                node.name()
            )
        };
        let genesis = ask(0)?;
        if let Some(own) = opened.genesis
            && genesis != Some(own.0)
        {
            return differs("snapshot-other-genesis", wrong(0, genesis, own));
        }
        let hash = ask(finalized.number)?;
        if hash != Some(finalized.hash.0) {
            return differs(
                "snapshot-other-block",
                wrong(finalized.number, hash, finalized.hash),
            );
        }
        let header = node
            .header(&finalized.hash.0)
            .map_err(|fault| from_error(&fault))?;
        let root = header.map(|header| Hex(header.state_root));
        if opened.state_root.is_some() && root != opened.state_root {
            return differs(
                "snapshot-other-state",
                format!(
                    "{} says another state root of block {}.",
                    node.name(),
                    finalized.number
                ),
            );
        }
        agreed += 1;
    }
    Ok(agreed)
}

/// Puts the attestation, then its signature, which makes it count. What an interrupted run put is taken up, if it says
/// what we found.
fn attest(
    verifier: &Verifier<'_>,
    entry: &Entry,
    attestation: &Attestation,
) -> Result<(), Refused> {
    let path = |end: &str| names::manifest(verifier.source, &entry.epoch, &entry.name, end);
    let put = |end: &str, bytes: &[u8]| {
        let put = verifier.store.put_new(&path(end), bytes, None);
        let put = put.map_err(|fault| from_error(&fault))?;
        verifier
            .store
            .settle()
            .map_err(|fault| from_error(&fault))?;
        Ok(put)
    };
    let strange = |end: &str| {
        Err(refused(
            "attestation-there-already",
            format!(
                "{} has {} already, and it is not what this verifier found.",
                verifier.store.address(),
                path(end)
            ),
            "Another verifier may have begun, or this one with other nodes; or somebody else put it there. Remove it with the identity that prunes, then verify again.",
        ))
    };
    let mut bytes = write(attestation);
    if put("good", &bytes)? == Put::Taken {
        let there = verifier
            .store
            .get(&path("good"), MAX_HEAD as u64)
            .map_err(|fault| from_error(&fault))?;
        let name = entry.name.to_string();
        let before = read::<Attestation>("attestation", &name, ATTESTATION_FORMAT, &there);
        let same = before.is_ok_and(|before| {
            let verified = attestation.verified;
            Attestation { verified, ..before } == *attestation
        });
        if !same {
            return strange("good");
        }
        bytes = there;
    }
    match put(
        "good.sig",
        verifier.key.sign(ATTESTATIONS, &bytes).as_bytes(),
    )? {
        Put::Stored => Ok(()),
        Put::Taken => strange("good.sig"),
    }
}
