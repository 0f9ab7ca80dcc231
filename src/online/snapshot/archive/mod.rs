//! Weekly and monthly archives: one sealed tar file a snapshot, made by the verifier of a snapshot that it has restored.
//!
//! `CHAIN/SOURCE/archives/TIME-CLASS.tar.zst.age`, and where that is longer than a part, `.tar.zst.age.0001` and so on:
//! `cat NAME.tar.zst.age* | age -d -i IDENTITY | zstd -d | tar x` gives the database's files. `TIME-CLASS.json` names the
//! parts with their hashes, and is signed by the verifier (namespace `qh-snapshot-good`). It is put last.

mod unpack;

use std::collections::BTreeSet;
use std::fs::File;
use std::io::{self, Read as _, Write};
use std::path::{Path, PathBuf};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

pub use unpack::unpack;

use super::key::{ATTESTATIONS, HostKey};
use super::manifest::{Attestation, BlockId, Manifest, write};
use super::names::{SnapshotName, SourceName};
use super::object::sha256;
use super::trust::{Trust, Untrusted};
use crate::ceremony::event::Refused;
use crate::files::{self, from_error, refused};
use crate::online::class::Class;
use crate::online::engine::Engine;
use crate::online::retention;
use crate::online::store::{Listed, Put, Store, StoreFault};
use crate::transcript::hex::Hash;
use crate::transcript::sign::MAX_SIGNATURE;
use crate::vault::object::sealing;
use crate::vault::recipient::Recipient;

/// Format of the clear part.
const FORMAT: &str = "qh-archive/1";
/// Longest clear part, in bytes.
const MAX_HEAD: usize = 1024 * 1024;
/// Bytes of a part.
const PART: usize = 32 * 1024 * 1024;
/// Most parts: 3 TB.
const MAX_PARTS: usize = 9999;
/// How the archive's file ends.
const END: &str = "tar.zst.age";

/// One part of an archive.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Part {
    /// Bytes.
    pub size: u64,
    /// SHA-256.
    pub sha256: Hash,
}

/// The clear part.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ArchiveHead {
    /// `qh-archive/1`.
    pub format: String,
    /// Whether it is a rehearsal's.
    pub rehearsal: bool,
    /// The chain id.
    pub chain: String,
    /// The source's name.
    pub source: String,
    /// When the database was held still.
    pub time: Timestamp,
    /// Weekly or monthly.
    pub class: Class,
    /// The engine.
    pub engine: Engine,
    /// Plain bytes.
    pub bytes: u64,
    /// SHA-256 of the snapshot's head.
    pub head_sha256: Hash,
    /// Genesis hash in the database.
    pub genesis: Option<Hash>,
    /// Finalized block in the database.
    pub finalized: Option<BlockId>,
    /// State root of that block.
    pub state_root: Option<Hash>,
    /// The parts.
    pub parts: Vec<Part>,
}

impl ArchiveHead {
    fn name(&self) -> SnapshotName {
        let (time, class) = (self.time, self.class);
        SnapshotName { time, class }
    }
}

fn prefix(source: &SourceName) -> String {
    format!("{}archives/", source.prefix())
}

fn part_name(source: &SourceName, name: &SnapshotName, part: usize) -> String {
    let first = format!("{}{name}.{END}", prefix(source));
    match part {
        0 => first,
        part => format!("{first}.{part:04}"),
    }
}

/// The class under which a snapshot is archived: weekly and monthly ones are.
pub fn class(classes: &[Class]) -> Option<Class> {
    classes
        .iter()
        .copied()
        .max()
        .filter(|class| *class >= Class::Weekly)
}

/// An archive whose parts are stored, and that nothing refers to yet.
pub struct Pending {
    name: SnapshotName,
    parts: Vec<Part>,
    begun: PathBuf,
}

/// The note in the state directory of an archive that this verifier began in this store: SHA-256 of its first part.
fn begun(state: &Path, store: &dyn Store, source: &SourceName, name: &SnapshotName) -> PathBuf {
    let id = sha256(format!("{}\n{source}\n{name}", store.address()).as_bytes()).to_string();
    state.join(format!("archiving-{}", &id[..32]))
}

/// Stores the parts of an archive of a snapshot that lies restored in `staging`, before an engine opens it there and
/// changes its files. `None` if there is an archive of it already, or it is of a class that has none.
///
/// # Errors
/// What the store or the system refused. Nothing counts then.
pub fn prepare(
    store: &dyn Store,
    source: &SourceName,
    staging: &Path,
    manifest: &Manifest,
    recipients: &[Recipient],
    trust: &Trust,
    state: &Path,
) -> Result<Option<Pending>, Refused> {
    let Some(class) = class(&manifest.classes) else {
        return Ok(None);
    };
    let name = SnapshotName {
        time: manifest.time,
        class,
    };
    let end = |end: &str| format!("{}{name}.{end}", prefix(source));
    let listed = store
        .list(&prefix(source))
        .map_err(|fault| from_error(&fault))?;
    if listed.iter().any(|listed| listed.name == end("json")) {
        // Whoever may write could put one there, so that none is ever made.
        return head(store, source, &name, trust).map(|_| None).map_err(|why| {
            if why.name.starts_with("store-") && why.name != "store-object-absent" {
                return why; // it could not be looked at
            }
            refused(
                "archive-name-taken",
                format!(
                    "{} has an archive {name} already, and it does not count: {}",
                    store.address(),
                    why.what
                ),
                "Find out who put it there. Remove it with the identity that prunes, and verify again.",
            )
        });
    }
    let begun = begun(state, store, source, &name);
    let mut left = listed
        .into_iter()
        .map(|listed| listed.name)
        .filter(|found| found.starts_with(&end(END)) || *found == end("json.sig"))
        .peekable();
    if left.peek().is_some() {
        remove_left(store, &begun, &part_name(source, &name, 0), left)?;
    }
    let mut parts = Parts {
        store,
        name: &|part| part_name(source, &name, part),
        begun: &begun,
        buffer: Vec::with_capacity(PART),
        parts: vec![],
        fault: None,
    };
    let packed = pack(staging, manifest, recipients, &mut parts);
    if let Some(refused) = parts.fault {
        return Err(refused);
    }
    packed.map_err(|error| {
        refused(
            "archive-not-made",
            format!("The archive {name} was not made: {error}."),
            "Look at the verifier's disk, and verify again.",
        )
    })?;
    Ok(Some(Pending {
        name,
        parts: parts.parts,
        begun,
    }))
}

/// Removes parts without a head, if they are what a run of this verifier left: the first one is what it noted. Others may
/// be of a verifier that makes the archive at this moment, and two would mix their parts.
fn remove_left(
    store: &dyn Store,
    begun: &Path,
    first: &str,
    left: impl Iterator<Item = String>,
) -> Result<(), Refused> {
    let fail = |fault: StoreFault| from_error(&fault);
    let noted: Option<Hash> = files::read(begun, 64)
        .ok()
        .and_then(|note| String::from_utf8(note).ok()?.parse().ok());
    let found = match store.get(first, PART as u64) {
        Ok(part) => Some(sha256(&part)),
        Err(StoreFault::Absent { .. } | StoreFault::TooLarge { .. }) => None,
        Err(fault) => return Err(fail(fault)),
    };
    if noted.is_none() || noted != found {
        return Err(refused(
            "archive-name-taken",
            format!(
                "{} has parts of an archive that this verifier didn't make: {first} and others.",
                store.address()
            ),
            "If another verifier is making it, wait. Else remove them with the identity that prunes, and verify again.",
        ));
    }
    // The first one last: it tells whose they are.
    for name in left.filter(|name| name != first) {
        store.delete(&name).map_err(fail)?;
    }
    store.delete(first).map_err(fail)
}

/// Takes back the parts of an archive whose snapshot was not found good. What can't be deleted stays: the next run of the
/// same snapshot deletes it.
pub fn discard(store: &dyn Store, source: &SourceName, pending: &Pending) {
    // The first one last: it tells whose they are.
    let parts = (0..pending.parts.len()).rev();
    let mut names = parts.map(|part| part_name(source, &pending.name, part));
    if names.all(|name| store.delete(&name).is_ok()) {
        let _ = std::fs::remove_file(&pending.begun); // left, it does no harm
    }
}

/// Makes an archive count: its snapshot was found good.
///
/// # Errors
/// What the store refused.
pub fn commit(
    store: &dyn Store,
    source: &SourceName,
    pending: Pending,
    manifest: &Manifest,
    good: &Attestation,
    key: &HostKey,
) -> Result<(), Refused> {
    let Pending { name, parts, begun } = pending;
    let head = ArchiveHead {
        format: FORMAT.to_owned(),
        rehearsal: manifest.rehearsal,
        chain: manifest.chain.clone(),
        source: manifest.source.clone(),
        time: manifest.time,
        class: name.class,
        engine: manifest.engine,
        bytes: manifest.bytes().unwrap_or(0),
        head_sha256: good.head_sha256,
        genesis: good.genesis,
        finalized: good.finalized,
        state_root: good.state_root,
        parts,
    };
    let bytes = write(&head);
    let signature = key.sign(ATTESTATIONS, &bytes);
    let end = |end: &str| format!("{}{name}.{end}", prefix(source));
    store.settle().map_err(|fault| from_error(&fault))?;
    for (name, bytes) in [
        (end("json.sig"), signature.as_bytes()),
        (end("json"), &bytes),
    ] {
        put(store, &name, bytes)?;
        store.settle().map_err(|fault| from_error(&fault))?;
    }
    let _ = std::fs::remove_file(begun); // left, it does no harm
    Ok(())
}

fn put(store: &dyn Store, name: &str, bytes: &[u8]) -> Result<(), Refused> {
    match store
        .put_new(name, bytes, None)
        .map_err(|fault| from_error(&fault))?
    {
        Put::Stored => Ok(()),
        Put::Taken => Err(refused(
            "archive-name-taken",
            format!("{} has {name} already.", store.address()),
            "Remove it with the identity that prunes, if it is of an interrupted run, and verify again.",
        )),
    }
}

fn pack(
    staging: &Path,
    manifest: &Manifest,
    recipients: &[Recipient],
    parts: &mut Parts<'_>,
) -> io::Result<()> {
    let sealed = sealing(recipients, &mut *parts)?;
    // Level 1: tables hardly get smaller, and a verifier has more to do.
    let mut tar = tar::Builder::new(zstd::stream::write::Encoder::new(sealed, 1)?);
    for file in &manifest.files {
        let mut header = tar::Header::new_gnu();
        header.set_size(file.size);
        header.set_mode(file.mode().unwrap_or(0o600));
        header.set_mtime(u64::try_from(manifest.time.as_second()).unwrap_or(0));
        let opened = File::open(staging.join(&file.path))?;
        tar.append_data(&mut header, &file.path, opened.take(file.size))?;
    }
    let zstd = tar.into_inner()?;
    zstd.finish()?.finish()?;
    parts.send()
}

/// Cuts a stream into parts.
struct Parts<'a> {
    store: &'a dyn Store,
    name: &'a dyn Fn(usize) -> String,
    begun: &'a Path,
    buffer: Vec<u8>,
    parts: Vec<Part>,
    fault: Option<Refused>,
}

impl Parts<'_> {
    fn send(&mut self) -> io::Result<()> {
        let number = self.parts.len();
        if number > MAX_PARTS {
            return Err(io::Error::other("it has too many parts"));
        }
        let hash = sha256(&self.buffer);
        let noted = match number {
            0 => files::write(self.begun, hash.to_string().as_bytes()),
            _ => Ok(()),
        };
        noted
            .and_then(|()| put(self.store, &(self.name)(number), &self.buffer))
            .map_err(|refused| {
                let error = io::Error::other(refused.what.clone());
                self.fault = Some(refused);
                error
            })?;
        self.parts.push(Part {
            size: self.buffer.len() as u64,
            sha256: hash,
        });
        self.buffer.clear();
        Ok(())
    }
}

impl Write for Parts<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let taken = bytes.len().min(PART - self.buffer.len());
        self.buffer.extend_from_slice(&bytes[..taken]);
        if self.buffer.len() == PART {
            self.send()?;
        }
        Ok(taken)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// The objects of one archive, by its name: its clear part first.
///
/// # Errors
/// [`StoreFault`].
pub fn parts(
    store: &dyn Store,
    source: &SourceName,
    name: &str,
) -> Result<Vec<Listed>, StoreFault> {
    let start = format!("{}{name}.", prefix(source));
    let mut own: Vec<Listed> = store
        .list(&prefix(source))?
        .into_iter()
        .filter(|listed| listed.name.starts_with(&start))
        .collect();
    own.sort_by_key(|listed| (!listed.name.ends_with(".json"), listed.name.clone()));
    Ok(own)
}

/// All archives of a source, judged, as the retention room wants them. Good are those whose clear part a trusted verifier
/// signed and whose parts are all there. Without a clear part they are what an interrupted run left.
///
/// # Errors
/// [`StoreFault`].
pub fn list(
    store: &dyn Store,
    source: &SourceName,
    trust: &Trust,
) -> Result<Vec<retention::Archive>, StoreFault> {
    let prefix = prefix(source);
    let listed = store.list(&prefix)?;
    let names: BTreeSet<SnapshotName> = listed
        .iter()
        .filter_map(|one| {
            one.name
                .strip_prefix(&prefix)?
                .split_once('.')?
                .0
                .parse()
                .ok()
        })
        .collect();
    let size = |name: &str| {
        let at = listed.binary_search_by(|one| one.name.as_str().cmp(name));
        at.ok().map(|at| listed[at].size)
    };
    let archive = |name: SnapshotName| {
        let finished = size(&format!("{prefix}{name}.json")).is_some();
        let head = finished
            .then(|| head(store, source, &name, trust).ok())
            .flatten();
        let whole = head.as_ref().is_some_and(|head| {
            let mut parts = head.parts.iter().enumerate();
            parts.all(|(at, part)| size(&part_name(source, &name, at)) == Some(part.size))
        });
        retention::Archive {
            source: source.to_string(),
            name: name.to_string(),
            time: name.time,
            class: name.class,
            good: whole,
            signed: head.is_some(),
            finished,
        }
    };
    Ok(names.into_iter().map(archive).collect())
}

/// Reads and judges the clear part of an archive.
///
/// # Errors
/// What is wrong with it.
pub fn head(
    store: &dyn Store,
    source: &SourceName,
    name: &SnapshotName,
    trust: &Trust,
) -> Result<ArchiveHead, Refused> {
    let get = |end: &str, limit: usize| {
        let path = format!("{}{name}.{end}", prefix(source));
        store
            .get(&path, limit as u64)
            .map_err(|fault| from_error(&fault))
    };
    let bytes = get("json", MAX_HEAD)?;
    let signature = get("json.sig", MAX_SIGNATURE)?;
    let snapshot = format!("The archive {name}");
    trust
        .signer(ATTESTATIONS, &bytes, &String::from_utf8_lossy(&signature))
        .map_err(|fault| {
            from_error(&Untrusted {
                snapshot,
                who: "verifier",
                fault,
            })
        })?;
    let head: ArchiveHead = super::manifest::read("clear part", &name.to_string(), FORMAT, &bytes)
        .map_err(|fault| from_error(&fault))?;
    let here = head.name() == *name
        && head.chain == source.chain
        && head.source == source.source
        && !head.rehearsal;
    if !here || head.parts.is_empty() || head.parts.len() > MAX_PARTS + 1 {
        return Err(refused(
            "snapshot-replayed",
            format!("The clear part of the archive {name} speaks of something else."),
            "Use another archive or another store, and find out who changed this one.",
        ));
    }
    Ok(head)
}
