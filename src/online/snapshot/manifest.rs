//! What a snapshot is: the sealed manifest (files and chunks), its clear head, and a verifier's attestation.
//!
//! All three are JSON, read strictly. The head is signed and holds the hash of the sealed manifest; the attestation is
//! signed by another key and holds the hash of the head.

use std::io::{self, BufReader, Read, Write};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::names::{Epoch, SnapshotName, SourceName};
use super::object::{Codec, MAX_CHUNK};
use crate::online::class::Class;
use crate::online::engine::Engine;
use crate::refusal::Refuse;
use crate::transcript::hex::{Hash, Hex};

/// Format of the sealed manifest.
pub const MANIFEST_FORMAT: &str = "qh-snapshot/1";
/// Format of the clear head.
pub const HEAD_FORMAT: &str = "qh-snapshot-head/1";
/// Format of the attestation.
pub const ATTESTATION_FORMAT: &str = "qh-snapshot-good/1";
/// Longest head or attestation, in bytes.
pub const MAX_HEAD: usize = 16 * 1024;

/// How the database was held still. The order is that of preference.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "kebab-case")]
pub enum Method {
    /// A snapshot of the btrfs subvolume.
    Btrfs,
    /// A snapshot of the ZFS dataset.
    Zfs,
    /// A snapshot of the logical volume.
    Lvm,
    /// The node stopped, the lock held, files cloned (reflink).
    StoppedReflink,
    /// The node stopped, the lock held, immutable files linked and the others copied (RocksDB).
    StoppedLinks,
    /// The node stopped, the lock held while everything was read.
    StoppedCopy,
    /// A live RocksDB by links and an unchanged MANIFEST.
    LiveLinks,
}

/// A block.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct BlockId {
    /// Its number.
    pub number: u64,
    /// Its hash.
    pub hash: Hash,
}

/// Where an object lies that holds one chunk.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Chunk {
    /// The object's name, below `objects/AB/`.
    pub object: String,
    /// How the plain bytes were packed before they were sealed.
    pub codec: Codec,
    /// Plain bytes.
    pub size: u64,
    /// SHA-256 of the plain bytes.
    pub sha256: Hash,
    /// Bytes of the object.
    pub stored_size: u64,
    /// SHA-256 of the object.
    pub stored_sha256: Hash,
}

/// One file; when it is written, its chunks may come one by one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FileEntry<Chunks = Vec<Chunk>> {
    /// Its name in the database directory.
    pub path: String,
    /// Bytes.
    pub size: u64,
    /// Permission bits, octal.
    pub mode: String,
    /// SHA-256 of the file.
    pub sha256: Hash,
    /// Its chunks, in order, without gaps.
    pub chunks: Chunks,
}

/// The sealed manifest; when it is written, its files may come one by one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Manifest<Files = Vec<FileEntry>> {
    /// [`MANIFEST_FORMAT`].
    pub format: String,
    /// Whether this is a rehearsal's.
    pub rehearsal: bool,
    /// The chain id.
    pub chain: String,
    /// The genesis hash, if a node or a chain spec told it.
    pub genesis: Option<Hash>,
    /// The source's name.
    pub source: String,
    /// The epoch.
    pub epoch: String,
    /// What names the epoch's objects: HMAC(key, SHA-256 of the plain chunk).
    pub epoch_key: Hash,
    /// When the database was held still.
    pub time: Timestamp,
    /// The classes that it serves.
    pub classes: Vec<Class>,
    /// The engine.
    pub engine: Engine,
    /// How it was held still.
    pub method: Method,
    /// How long the node was stopped, in milliseconds.
    pub stopped_ms: u64,
    /// The node's best block shortly before.
    pub best: Option<BlockId>,
    /// The node's finalized block shortly before.
    pub finalized: Option<BlockId>,
    /// The node's version.
    pub node_version: Option<String>,
    /// This program's version.
    pub program: String,
    /// Largest chunk in bytes.
    pub chunk_bytes: u64,
    /// The files.
    pub files: Files,
    /// Files of the directory that are no part of the database.
    pub left_out: Vec<String>,
}

/// The clear part.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Head {
    /// [`HEAD_FORMAT`].
    pub format: String,
    /// Whether this is a rehearsal's.
    pub rehearsal: bool,
    /// The chain id.
    pub chain: String,
    /// The genesis hash.
    pub genesis: Option<Hash>,
    /// The source's name.
    pub source: String,
    /// The epoch.
    pub epoch: String,
    /// When the database was held still.
    pub time: Timestamp,
    /// The classes that it serves.
    pub classes: Vec<Class>,
    /// The engine.
    pub engine: Engine,
    /// How it was held still.
    pub method: Method,
    /// How long the node was stopped, in milliseconds.
    pub stopped_ms: u64,
    /// Best block.
    pub best: Option<BlockId>,
    /// Finalized block.
    pub finalized: Option<BlockId>,
    /// Number of files.
    pub files: u64,
    /// Plain bytes of all files.
    pub bytes: u64,
    /// Number of different objects.
    pub objects: u64,
    /// Bytes of all different objects.
    pub stored_bytes: u64,
    /// Bytes that were sent for this snapshot.
    pub sent_bytes: u64,
    /// SHA-256 of the sealed manifest.
    pub manifest_sha256: Hash,
    /// SHA-256 of the epoch's restore.sh.
    pub restore_sh_sha256: Hash,
    /// SHA-256 of the head before this one, by this source in this store.
    pub previous: Option<Hash>,
}

/// A verifier's word that a snapshot was restored, opened and read through.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Attestation {
    /// [`ATTESTATION_FORMAT`].
    pub format: String,
    /// Whether this is a rehearsal's.
    pub rehearsal: bool,
    /// SHA-256 of the head.
    pub head_sha256: Hash,
    /// When it was verified.
    pub verified: Timestamp,
    /// The engine program that opened it, with versions.
    pub engine: String,
    /// Genesis hash in the database.
    pub genesis: Option<Hash>,
    /// Best block in the database.
    pub best: Option<BlockId>,
    /// Finalized block in the database.
    pub finalized: Option<BlockId>,
    /// State root of the finalized block.
    pub state_root: Option<Hash>,
    /// How many nodes agreed with it.
    pub nodes: u64,
}

/// Why a document of a snapshot was refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ManifestFault {
    /// Not the document that it should be.
    #[error("The {document} of {snapshot} is malformed: {reason}.")]
    Malformed {
        /// Which: head, manifest, attestation.
        document: &'static str,
        /// The snapshot.
        snapshot: String,
        /// What is wrong.
        reason: String,
    },
    /// It says something else than its place or its head.
    #[error("The {document} of {snapshot} speaks of something else: {reason}.")]
    Other {
        /// Which.
        document: &'static str,
        /// The snapshot.
        snapshot: String,
        /// What differs.
        reason: String,
    },
}

impl Refuse for ManifestFault {
    fn name(&self) -> &'static str {
        match self {
            Self::Malformed { .. } => "snapshot-malformed",
            Self::Other { .. } => "snapshot-replayed",
        }
    }

    fn way_on(&self) -> &'static str {
        "Use another snapshot or another store, and find out who changed this one."
    }
}

/// Reads a document of one of the three formats.
///
/// # Errors
/// [`ManifestFault::Malformed`].
pub fn read<T: serde::de::DeserializeOwned + Serialize>(
    document: &'static str,
    snapshot: &str,
    format: &str,
    bytes: &[u8],
) -> Result<T, ManifestFault> {
    let fault = |reason: String| ManifestFault::Malformed {
        document,
        snapshot: snapshot.to_owned(),
        reason,
    };
    let value =
        crate::transcript::strict::value(bytes).map_err(|error| fault(error.to_string()))?;
    let found = value.get("format").and_then(|format| format.as_str());
    if found != Some(format) {
        return Err(fault(format!("its format is not {format}")));
    }
    crate::transcript::strict::typed(&value).map_err(|error| fault(error.to_string()))
}

/// Reads a manifest as it comes, without its text in memory, which may be a hundred megabytes: `None` unless it is written
/// byte for byte as this program writes one. What is not may still be one, for [`read`] to say.
pub fn read_own(text: impl Read) -> Option<Manifest> {
    let mut text = BufReader::new(Hashing {
        inner: text,
        hash: Sha256::new(),
    });
    let manifest: Manifest = serde_json::from_reader(&mut text).ok()?;
    let mut again = Hashing {
        inner: io::sink(),
        hash: Sha256::new(),
    };
    let mut writer = io::BufWriter::new(&mut again);
    serde_json::to_writer(&mut writer, &manifest).ok()?;
    writer.write_all(b"\n").ok()?;
    writer.flush().ok()?;
    drop(writer);
    // Nothing is left to read: JSON ends with the text.
    let same = text.into_inner().hash.finalize() == again.hash.finalize();
    (same && manifest.format == MANIFEST_FORMAT).then_some(manifest)
}

/// A reader or writer, and the hash of what went through it.
struct Hashing<T> {
    inner: T,
    hash: Sha256,
}

impl<T: Read> Read for Hashing<T> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let read = self.inner.read(into)?;
        self.hash.update(&into[..read]);
        Ok(read)
    }
}

impl<T: Write> Write for Hashing<T> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let written = self.inner.write(bytes)?;
        self.hash.update(&bytes[..written]);
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.inner.flush()
    }
}

/// Writes a document. It always ends in LF.
pub fn write<T: Serialize>(document: &T) -> Vec<u8> {
    let mut bytes = serde_json::to_vec(document).expect("documents of strings and numbers");
    bytes.push(b'\n');
    bytes
}

impl Head {
    /// Whether the head is the one of this place: another snapshot's under this name would be a replay.
    ///
    /// # Errors
    /// [`ManifestFault::Other`].
    pub fn check_place(
        &self,
        source: &SourceName,
        epoch: &Epoch,
        name: &SnapshotName,
    ) -> Result<(), ManifestFault> {
        let other = |reason: String| {
            Err(ManifestFault::Other {
                document: "head",
                snapshot: name.to_string(),
                reason,
            })
        };
        if self.chain != source.chain || self.source != source.source {
            return other(format!(
                "it is of {}/{}, not of {source}",
                self.chain, self.source
            ));
        }
        if self.epoch != epoch.to_string() {
            return other(format!("it is of the epoch {}, not of {epoch}", self.epoch));
        }
        let class = self.classes.iter().max();
        if self.time != name.time || class != Some(&name.class) {
            return other(format!("it was taken at {}", self.time));
        }
        Ok(())
    }
}

impl Manifest {
    /// Whether the manifest says what its head says, and is whole: every file's chunks tile it.
    ///
    /// # Errors
    /// [`ManifestFault`].
    pub fn check(&self, head: &Head, snapshot: &str) -> Result<(), ManifestFault> {
        let same = self.rehearsal == head.rehearsal
            && self.chain == head.chain
            && self.genesis == head.genesis
            && self.source == head.source
            && self.epoch == head.epoch
            && self.time == head.time
            && self.classes == head.classes
            && self.engine == head.engine
            && self.method == head.method
            && self.finalized == head.finalized
            && self.best == head.best
            && self.files.len() as u64 == head.files
            && self.bytes() == Some(head.bytes);
        if !same {
            return Err(ManifestFault::Other {
                document: "manifest",
                snapshot: snapshot.to_owned(),
                reason: "it and its clear head differ".to_owned(),
            });
        }
        let fault = |reason: String| ManifestFault::Malformed {
            document: "manifest",
            snapshot: snapshot.to_owned(),
            reason,
        };
        if self.chunk_bytes == 0 || self.chunk_bytes > MAX_CHUNK {
            return Err(fault(format!("its chunks have {} bytes", self.chunk_bytes)));
        }
        let mut before: Option<&str> = None;
        for file in &self.files {
            let path = &file.path;
            if !super::database::belongs(self.engine, path) {
                return Err(fault(format!(
                    "\"{}\" is no file of a {}",
                    crate::transcript::visible::visible_short(path, 100),
                    self.engine
                )));
            }
            if before.is_some_and(|before| before >= path.as_str()) {
                return Err(fault(format!("{path} is out of order or stands twice")));
            }
            before = Some(path);
            if file.mode().is_none() {
                return Err(fault(format!("{path} has no permission bits")));
            }
            let mut left = file.size;
            for chunk in &file.chunks {
                let whole = chunk.size == self.chunk_bytes.min(left) && chunk.size > 0;
                if !whole
                    || !object_name(&chunk.object)
                    || chunk.stored_size > crate::online::store::MAX_OBJECT
                {
                    return Err(fault(format!("a chunk of {path} is not as it must be")));
                }
                left -= chunk.size;
            }
            if left != 0 {
                return Err(fault(format!("{path} lacks {left} bytes")));
            }
        }
        Ok(())
    }

    /// Plain bytes of all files; `None` if they are more than any disk has.
    pub fn bytes(&self) -> Option<u64> {
        self.files
            .iter()
            .try_fold(0_u64, |sum, file| sum.checked_add(file.size))
    }
}

impl FileEntry {
    /// Permission bits.
    pub fn mode(&self) -> Option<u32> {
        (self.mode.len() == 4)
            .then(|| u32::from_str_radix(&self.mode, 8).ok())?
            .filter(|mode| *mode <= 0o777)
    }
}

/// 64 hex digits, and, where that name was taken, a dash and 16 more.
pub fn object_name(name: &str) -> bool {
    let (main, suffix) = name.split_once('-').unwrap_or((name, "0000000000000000"));
    main.parse::<Hash>().is_ok() && suffix.parse::<Hex<8>>().is_ok()
}
