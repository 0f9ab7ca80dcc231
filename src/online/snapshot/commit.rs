//! The last step of a snapshot in one store: manifest, signature, and the head that makes it count.
//!
//! Everything that a head refers to is durable before the head is put, and the head is put last and once. A run that dies
//! in between leaves objects that nothing refers to, never a head that refers to nothing.

use std::collections::HashSet;
use std::io::Write;

use jiff::Timestamp;
use serde::ser::{Error as _, Serialize, SerializeSeq as _, Serializer};

use super::key::{HEADS, HostKey};
use super::ledger::Known;
use super::manifest::{
    BlockId, Chunk, FileEntry, HEAD_FORMAT, Head, MANIFEST_FORMAT, Manifest, Method, write,
};
use super::names::{self, SnapshotName, SourceName};
use super::object::sha256;
use super::ship::{PlainFile, Target};
use crate::ceremony::event::Refused;
use crate::files::{from_error, refused};
use crate::online::class::Class;
use crate::online::engine::Engine;
use crate::online::store::{MAX_OBJECT, Put, StoreFault};
use crate::transcript::hex::Hash;
use crate::vault::object::sealing;
use crate::vault::recipient::Recipient;

/// The script that restores with stock tools, as it lies in each epoch.
pub const RESTORE_SH: &str = include_str!("restore.sh");

/// What lies beside it for people.
pub const README_TXT: &str = include_str!("epoch-readme.txt");

/// What all stores' manifests of one snapshot have in common.
#[derive(Debug, Clone)]
pub struct Facts {
    /// The source.
    pub source: SourceName,
    /// When the database was held still, to the second, by the first store's clock.
    pub time: Timestamp,
    /// The classes that it serves.
    pub classes: Vec<Class>,
    /// The engine.
    pub engine: Engine,
    /// How the database was held still.
    pub method: Method,
    /// How long the node was stopped, in milliseconds.
    pub stopped_ms: u64,
    /// The genesis hash.
    pub genesis: Option<Hash>,
    /// The node's best block shortly before.
    pub best: Option<BlockId>,
    /// The node's finalized block shortly before.
    pub finalized: Option<BlockId>,
    /// The node's version.
    pub node_version: Option<String>,
    /// Size of chunks.
    pub chunk_bytes: u64,
    /// What was left out.
    pub left_out: Vec<String>,
}

/// A snapshot that counts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Committed {
    /// Its name.
    pub name: SnapshotName,
    /// Its head.
    pub head: Head,
    /// SHA-256 of the head.
    pub sha256: Hash,
}

fn store_fault(fault: &StoreFault) -> Refused {
    from_error(fault)
}

/// Puts what an epoch begins with, unless that was done: restore.sh and README.txt.
///
/// # Errors
/// [`StoreFault`] as a refusal; `file-not-written`.
pub fn open_epoch(
    target: &mut Target,
    source: &SourceName,
    locked_until: Option<Timestamp>,
) -> Result<(), Refused> {
    if target.ledger.note.restore_sh.is_some() {
        return Ok(());
    }
    let prefix = names::epoch_prefix(source, &target.ledger.epoch);
    for (name, text) in [("restore.sh", RESTORE_SH), ("README.txt", README_TXT)] {
        // Taken: an earlier run of ours died before it noted that, or somebody put another one there. The head says
        // which script is the right one.
        target
            .store
            .put_new(&format!("{prefix}{name}"), text.as_bytes(), locked_until)
            .map_err(|fault| store_fault(&fault))?;
    }
    target.ledger.note.restore_sh = Some(sha256(RESTORE_SH.as_bytes()));
    target.ledger.save()
}

/// Finds out whether a commit that was begun by an earlier run was done.
///
/// # Errors
/// [`StoreFault`] as a refusal; `file-not-written`. Where the identity may not list, it counts as done.
pub fn resolve_pending(target: &mut Target, source: &SourceName) -> Result<(), Refused> {
    let Some((name, head)) = target.ledger.note.pending.clone() else {
        return Ok(());
    };
    let prefix = source.prefix();
    let end = format!("/manifests/{name}.json");
    let done = match target.store.list(&prefix) {
        Ok(listed) => listed.iter().any(|listed| listed.name.ends_with(&end)),
        Err(StoreFault::Denied { .. }) => true,
        Err(fault) => return Err(store_fault(&fault)),
    };
    if done {
        target.ledger.note.previous = Some(head);
    }
    target.ledger.note.pending = None;
    target.ledger.save()
}

/// Commits the snapshot in one store that has every chunk.
///
/// # Errors
/// What the store or the state directory refused; `snapshot-name-taken`. Nothing counts then.
pub fn commit(
    target: &mut Target,
    facts: &Facts,
    files: &[PlainFile],
    recipients: &[Recipient],
    key: &HostKey,
    locked_until: Option<Timestamp>,
) -> Result<Committed, Refused> {
    target.settle();
    if let Some(fault) = target.fault() {
        return Err(fault);
    }
    let objects = objects(target, files)?;
    let class = facts.classes.iter().max().copied().unwrap_or(Class::Hot);
    let name = SnapshotName {
        time: facts.time,
        class,
    };
    let sealed = seal_document(&manifest(target, facts, files), recipients)?;
    if sealed.len() as u64 > MAX_OBJECT {
        return Err(refused(
            "snapshot-manifest-too-large",
            format!(
                "The manifest of {} files has {} bytes, more than a store takes.",
                files.len(),
                sealed.len()
            ),
            "Tell its makers: no known database has so many chunks.",
        ));
    }
    let head = head(target, facts, files, objects, &sealed);
    let bytes = write(&head);
    let signature = key.sign(HEADS, &bytes);
    let sha256 = sha256(&bytes);

    // From here on this time is used up, whatever happens: two heads of one name could not be told apart.
    target.ledger.note.pending = Some((name.to_string(), sha256));
    target.ledger.note.newest = Some(facts.time);
    target.ledger.save()?;
    let put = |end: &str, bytes: &[u8]| {
        let path = names::manifest(&facts.source, &target.ledger.epoch, &name, end);
        match target.store.put_new(&path, bytes, locked_until) {
            Ok(Put::Stored) => target.store.settle().map_err(|fault| store_fault(&fault)),
            Ok(Put::Taken) => Err(refused(
                "snapshot-name-taken",
                format!("{} has {path} already.", target.store.address()),
                "Start again. If it happens twice, find out who else writes as this source, or whether the clock stands still.",
            )),
            Err(fault) => Err(store_fault(&fault)),
        }
    };
    put("age", &sealed)?;
    put("json.sig", signature.as_bytes())?;
    put("json", &bytes)?;
    target
        .ledger
        .note
        .committed(sha256, &facts.classes, facts.time, head.bytes);
    target.ledger.save()?;
    Ok(Committed { name, head, sha256 })
}

/// Seals a document as it is written: the manifest of a large database has many megabytes.
fn seal_document(manifest: &impl Serialize, recipients: &[Recipient]) -> Result<Vec<u8>, Refused> {
    let write = || -> std::io::Result<Vec<u8>> {
        let mut writer = std::io::BufWriter::new(sealing(recipients, Vec::new())?);
        serde_json::to_writer(&mut writer, manifest)?;
        writer.write_all(b"\n")?;
        writer
            .into_inner()
            .map_err(|error| error.into_error())?
            .finish()
    };
    write().map_err(|error| {
        refused(
            "snapshot-not-sealed",
            format!("The manifest could not be sealed: {error}."),
            "Look at the memory that is free, and start again: what is stored is not sent twice.",
        )
    })
}

/// What the ledger knows of a chunk of this hash and size.
fn known(target: &Target, (plain, size): &(Hash, u64)) -> Option<Known> {
    let known = target.ledger.known(plain);
    known.filter(|known| known.size == *size)
}

/// The files of a manifest, written one chunk at a time: of a large database there are more than should lie in memory
/// twice.
struct Files<'a>(&'a Target, Vec<&'a PlainFile>);

impl Serialize for Files<'_> {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.collect_seq(self.1.iter().map(|file| FileEntry {
            path: file.name.clone(),
            size: file.size,
            mode: format!("{:04o}", file.mode),
            sha256: file.sha256,
            chunks: Chunks(self.0, &file.chunks),
        }))
    }
}

struct Chunks<'a>(&'a Target, &'a [(Hash, u64)]);

impl Serialize for Chunks<'_> {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        let mut all = to.serialize_seq(Some(self.1.len()))?;
        for chunk in self.1 {
            let known =
                known(self.0, chunk).ok_or_else(|| S::Error::custom("the ledger lost a chunk"))?;
            all.serialize_element(&Chunk {
                object: known.object,
                codec: known.codec,
                size: chunk.1,
                sha256: chunk.0,
                stored_size: known.stored_size,
                stored_sha256: known.stored_sha256,
            })?;
        }
        all.end()
    }
}

fn manifest<'a>(target: &'a Target, facts: &Facts, files: &'a [PlainFile]) -> Manifest<Files<'a>> {
    let mut files: Vec<&PlainFile> = files.iter().collect();
    files.sort_by(|a, b| a.name.cmp(&b.name));
    Manifest {
        format: MANIFEST_FORMAT.to_owned(),
        rehearsal: false,
        chain: facts.source.chain.clone(),
        genesis: facts.genesis,
        source: facts.source.source.clone(),
        epoch: target.ledger.epoch.to_string(),
        epoch_key: target.ledger.note.key,
        time: facts.time,
        classes: facts.classes.clone(),
        engine: facts.engine,
        method: facts.method,
        stopped_ms: facts.stopped_ms,
        best: facts.best,
        finalized: facts.finalized,
        node_version: facts.node_version.clone(),
        program: concat!("qh-online ", env!("CARGO_PKG_VERSION")).to_owned(),
        chunk_bytes: facts.chunk_bytes,
        files: Files(target, files),
        left_out: facts.left_out.clone(),
    }
}

/// The number of different objects of these files, and their bytes.
fn objects(target: &Target, files: &[PlainFile]) -> Result<(u64, u64), Refused> {
    let mut seen = HashSet::new();
    let mut bytes = 0;
    for chunk in files.iter().flat_map(|file| &file.chunks) {
        let known = known(target, chunk).ok_or_else(|| {
            refused(
                "snapshot-incomplete",
                format!("{} lacks chunks of this snapshot.", target.store.address()),
                "Start again: what is stored is not sent twice.",
            )
        })?;
        if seen.insert(chunk.0) {
            bytes += known.stored_size;
        }
    }
    Ok((seen.len() as u64, bytes))
}

fn head(
    target: &Target,
    facts: &Facts,
    files: &[PlainFile],
    (objects, stored_bytes): (u64, u64),
    sealed: &[u8],
) -> Head {
    Head {
        format: HEAD_FORMAT.to_owned(),
        rehearsal: false,
        chain: facts.source.chain.clone(),
        genesis: facts.genesis,
        source: facts.source.source.clone(),
        epoch: target.ledger.epoch.to_string(),
        time: facts.time,
        classes: facts.classes.clone(),
        engine: facts.engine,
        method: facts.method,
        stopped_ms: facts.stopped_ms,
        best: facts.best,
        finalized: facts.finalized,
        files: files.len() as u64,
        bytes: files.iter().map(|file| file.size).sum(),
        objects,
        stored_bytes,
        sent_bytes: target.sent.load(std::sync::atomic::Ordering::Relaxed),
        manifest_sha256: sha256(sealed),
        restore_sh_sha256: target.ledger.note.restore_sh.expect("the epoch was opened"),
        previous: target.ledger.note.previous,
    }
}
