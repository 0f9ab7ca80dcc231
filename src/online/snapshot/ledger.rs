//! What this host knows of its epoch in one store: the key that names objects, the objects that are stored, the head of
//! the last snapshot.
//!
//! An object counts as stored only if it stands here, and it stands here only after the store has made it durable. Lost
//! or damaged, a new epoch is opened: nothing that lies in a store is ever trusted without our own note of its hash.
//! Files: `STATE/snapshots/ID/epoch.json` (replaced whole) and `objects` (lines that are appended; a torn last line is
//! dropped), where ID is the first half of SHA-256(address, chain, source).

use std::collections::{BTreeMap, HashMap, HashSet};
use std::fs::{File, OpenOptions};
use std::io::{self, BufRead, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::sync::Mutex;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::names::{Epoch, SourceName};
use super::object::{Codec, sha256};
use crate::ceremony::event::Refused;
use crate::files::{self, refused};
use crate::online::class::Class;
use crate::online::store::Listed;
use crate::transcript::hex::Hash;

/// Format of `epoch.json`.
const FORMAT: &str = "qh-ledger/1";
/// Longest `epoch.json`, in bytes.
const MAX_EPOCH: usize = 64 * 1024;
/// How many sizes of earlier snapshots are kept, for their variance.
const SIZES: usize = 30;

/// `epoch.json`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EpochNote {
    format: String,
    /// The store's address.
    store: String,
    /// The source.
    source: String,
    /// The epoch.
    pub epoch: String,
    /// What names its objects.
    pub key: Hash,
    /// SHA-256 of the epoch's restore.sh, once it is stored.
    pub restore_sh: Option<Hash>,
    /// SHA-256 of the last head.
    pub previous: Option<Hash>,
    /// Name and SHA-256 of a head whose commit was begun.
    pub pending: Option<(String, Hash)>,
    /// The time in the last head whose commit was begun; no later one has it or an earlier one.
    pub newest: Option<Timestamp>,
    /// When each class was served last.
    pub last: BTreeMap<Class, Timestamp>,
    /// Plain sizes of the last snapshots, newest last.
    pub sizes: Vec<u64>,
}

/// An object that is stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Known {
    /// Its name below `objects/AB/`.
    pub object: String,
    /// How it is packed.
    pub codec: Codec,
    /// Plain bytes.
    pub size: u64,
    /// Its SHA-256.
    pub stored_sha256: Hash,
    /// Its bytes.
    pub stored_size: u64,
}

/// What this host knows of one store.
pub struct Ledger {
    dir: PathBuf,
    /// The epoch.
    pub note: EpochNote,
    /// The epoch, read.
    pub epoch: Epoch,
    objects: Mutex<Objects>,
}

#[derive(Default)]
struct Objects {
    known: HashMap<Hash, Known>,
    claimed: HashSet<Hash>,
    unwritten: String,
}

/// What becomes of a chunk.
#[derive(Debug, PartialEq, Eq)]
pub enum Claim {
    /// It is stored, or another thread stores it now.
    Done,
    /// Who asked must store it.
    Yours,
}

impl Ledger {
    /// Opens the ledger of `address` and `source`. A new epoch begins with each ISO week, and when there is no ledger or a
    /// damaged one; `random` names it and keys it. Says why a new one was opened.
    ///
    /// # Errors
    /// `file-not-written`.
    pub fn open(
        state: &Path,
        address: &str,
        source: &SourceName,
        now: Timestamp,
        random: [u8; 40],
    ) -> Result<(Self, Option<&'static str>), Refused> {
        let id = sha256(format!("{address}\n{source}").as_bytes()).to_string();
        let dir = state.join("snapshots").join(&id[..32]);
        files::make_dir(&dir)?;
        let path = dir.join("epoch.json");
        let why;
        let mut before = None;
        if path.symlink_metadata().is_err() {
            why = Some("there is no ledger of this store yet, or it was lost");
        } else {
            let read = files::read(&path, MAX_EPOCH)
                .ok()
                .and_then(|bytes| serde_json::from_slice::<EpochNote>(&bytes).ok())
                .filter(|note| {
                    note.format == FORMAT
                        && note.store == address
                        && note.source == source.to_string()
                });
            match read.and_then(|note| Some((note.epoch.parse::<Epoch>().ok()?, note))) {
                Some((epoch, note)) if epoch.is_now(now) => {
                    let known = read_objects(&dir.join("objects"))?;
                    let objects = Mutex::new(Objects {
                        known,
                        ..Objects::default()
                    });
                    return Ok((
                        Self {
                            dir,
                            note,
                            epoch,
                            objects,
                        },
                        None,
                    ));
                }
                Some((_, note)) => {
                    why = Some("a new week began");
                    before = Some(note);
                }
                None => why = Some("its ledger was damaged"),
            }
        }
        let (id, key) = random.split_first_chunk::<8>().expect("40 bytes");
        let epoch = Epoch::new(now, *id);
        let mut own = [0; 32];
        own.copy_from_slice(key);
        let note = EpochNote {
            format: FORMAT.to_owned(),
            store: address.to_owned(),
            source: source.to_string(),
            epoch: epoch.to_string(),
            key: crate::transcript::hex::Hex(own),
            restore_sh: None,
            previous: before.as_ref().and_then(|b| b.previous),
            pending: before.as_ref().and_then(|b| b.pending.clone()),
            newest: before.as_ref().and_then(|b| b.newest),
            last: before.as_ref().map(|b| b.last.clone()).unwrap_or_default(),
            sizes: before.map(|b| b.sizes).unwrap_or_default(),
        };
        // Objects first: an old list under a new key would be wrong.
        match std::fs::remove_file(dir.join("objects")) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                return Err(not_written(&dir, &error));
            }
            _ => {}
        }
        let ledger = Self {
            dir,
            note,
            epoch,
            objects: Mutex::default(),
        };
        ledger.save()?;
        Ok((ledger, why))
    }

    /// Writes `epoch.json`.
    ///
    /// # Errors
    /// `file-not-written`.
    pub fn save(&self) -> Result<(), Refused> {
        let text = serde_json::to_vec(&self.note).expect("strings and numbers");
        files::write(&self.dir.join("epoch.json"), &text)
    }

    /// Forgets objects that the store doesn't list, or lists with another size; says how many.
    pub fn compare(&self, listed: &[Listed]) -> usize {
        let sizes: HashMap<&str, u64> = listed
            .iter()
            .filter_map(|l| Some((l.name.rsplit('/').next()?, l.size)))
            .collect();
        let mut objects = self.lock();
        let before = objects.known.len();
        objects
            .known
            .retain(|_, known| sizes.get(known.object.as_str()) == Some(&known.stored_size));
        before - objects.known.len()
    }

    /// Whether any object is known.
    pub fn has_objects(&self) -> bool {
        !self.lock().known.is_empty()
    }

    /// The stored object of a plain chunk.
    pub fn known(&self, plain: &Hash) -> Option<Known> {
        self.lock().known.get(plain).cloned()
    }

    /// Claims a chunk for the thread that asks, unless it is stored or claimed.
    pub fn claim(&self, plain: &Hash) -> Claim {
        let mut objects = self.lock();
        if objects.known.contains_key(plain) || !objects.claimed.insert(*plain) {
            Claim::Done
        } else {
            Claim::Yours
        }
    }

    /// Notes an object that was put. It counts for this run at once, for later ones after [`Ledger::settled`].
    pub fn stored(&self, plain: Hash, known: Known) {
        let codec = match known.codec {
            Codec::Stored => "stored",
            Codec::Zstd => "zstd",
        };
        let line = format!(
            "{plain} {} {} {} {codec} {}\n",
            known.stored_sha256, known.stored_size, known.size, known.object
        );
        let mut objects = self.lock();
        objects.unwritten.push_str(&line);
        objects.known.insert(plain, known);
    }

    /// Takes the lines that were not written yet; call it before the store is asked to settle.
    pub fn unwritten(&self) -> String {
        std::mem::take(&mut self.lock().unwritten)
    }

    /// Writes lines of [`Ledger::unwritten`], after the store has made their objects durable.
    ///
    /// # Errors
    /// `file-not-written`.
    pub fn settled(&self, lines: &str) -> Result<(), Refused> {
        let write = || -> io::Result<()> {
            let mut file = OpenOptions::new()
                .append(true)
                .create(true)
                .mode(0o600)
                .open(self.dir.join("objects"))?;
            file.write_all(lines.as_bytes())?;
            file.sync_data()?;
            File::open(&self.dir)?.sync_all() // the file may be new
        };
        if lines.is_empty() {
            return Ok(());
        }
        write().map_err(|error| not_written(&self.dir, &error))
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Objects> {
        self.objects
            .lock()
            .expect("no thread panics while it holds this")
    }
}

impl EpochNote {
    /// Notes that a snapshot was committed.
    pub fn committed(&mut self, head: Hash, classes: &[Class], time: Timestamp, bytes: u64) {
        self.previous = Some(head);
        self.pending = None;
        for class in classes {
            self.last.insert(*class, time);
        }
        self.sizes.push(bytes);
        let surplus = self.sizes.len().saturating_sub(SIZES);
        self.sizes.drain(..surplus);
    }
}

fn not_written(dir: &Path, error: &io::Error) -> Refused {
    refused(
        "file-not-written",
        format!("{} could not be written: {error}.", dir.display()),
        "Look at the state directory and its free space.",
    )
}

/// Reads lines until the first that isn't whole, and cuts the file there: what is appended later must not stand behind a
/// torn line.
fn read_objects(path: &Path) -> Result<HashMap<Hash, Known>, Refused> {
    let mut known = HashMap::new();
    let Ok(file) = OpenOptions::new().read(true).write(true).open(path) else {
        return Ok(known);
    };
    let mut reader = io::BufReader::new(&file);
    let (mut line, mut whole) = (Vec::new(), 0);
    while let Ok(1..) = reader.read_until(b'\n', &mut line) {
        let text = line
            .strip_suffix(b"\n")
            .and_then(|line| std::str::from_utf8(line).ok());
        let Some((plain, object)) = text.and_then(read_line) else {
            break;
        };
        known.insert(plain, object);
        whole += line.len() as u64;
        line.clear();
    }
    let cut = || -> io::Result<()> {
        if file.metadata()?.len() > whole {
            file.set_len(whole)?;
            file.sync_data()?;
        }
        Ok(())
    };
    cut().map_err(|error| not_written(path, &error))?;
    Ok(known)
}

fn read_line(line: &str) -> Option<(Hash, Known)> {
    let mut parts = line.split(' ');
    let mut part = || parts.next();
    let plain = part()?.parse().ok()?;
    let known = Known {
        stored_sha256: part()?.parse().ok()?,
        stored_size: part()?.parse().ok()?,
        size: part()?.parse().ok()?,
        codec: match part()? {
            "stored" => Codec::Stored,
            "zstd" => Codec::Zstd,
            _ => return None,
        },
        object: part()?.to_owned(),
    };
    (part().is_none() && super::manifest::object_name(&known.object)).then_some((plain, known))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn known(n: u8) -> Known {
        Known {
            object: sha256(&[n]).to_string(),
            codec: Codec::Zstd,
            size: 10,
            stored_sha256: sha256(&[n, n]),
            stored_size: 5,
        }
    }

    #[test]
    fn what_is_not_settled_is_forgotten_and_a_lost_ledger_opens_an_epoch() {
        let dir = tempfile::tempdir().unwrap();
        let source = SourceName::new("dev3", "n").unwrap();
        let now: Timestamp = "2026-11-27T00:00:00Z".parse().unwrap();
        let open = |random: u8, now| {
            Ledger::open(dir.path(), "file:///s", &source, now, [random; 40]).unwrap()
        };
        let (ledger, why) = open(1, now);
        assert_eq!(
            why,
            Some("there is no ledger of this store yet, or it was lost")
        );
        assert_eq!(ledger.claim(&sha256(b"a")), Claim::Yours);
        assert_eq!(ledger.claim(&sha256(b"a")), Claim::Done);
        ledger.stored(sha256(b"a"), known(1));
        ledger.settled(&ledger.unwritten()).unwrap();
        ledger.stored(sha256(b"b"), known(2));
        let epoch = ledger.epoch;
        let (mut ledger, why) = open(2, now);
        assert_eq!((why, ledger.epoch), (None, epoch));
        assert_eq!(ledger.known(&sha256(b"a")), Some(known(1)));
        assert_eq!(ledger.known(&sha256(b"b")), None);
        // A torn line and all after it are dropped.
        let objects = ledger.dir.join("objects");
        let whole = std::fs::read(&objects).unwrap();
        std::fs::write(&objects, [&whole[..], &whole[..50]].concat()).unwrap();
        assert_eq!(open(2, now).0.known(&sha256(b"a")), Some(known(1)));
        // It is cut off, so that what is appended after it is read.
        assert_eq!(std::fs::read(&objects).unwrap(), whole);
        std::fs::write(&objects, &whole[..50]).unwrap();
        let (torn, _) = open(2, now);
        assert_eq!(torn.known(&sha256(b"a")), None);
        torn.stored(sha256(b"a"), known(1));
        torn.settled(&torn.unwritten()).unwrap();
        assert_eq!(open(2, now).0.known(&sha256(b"a")), Some(known(1)));
        std::fs::write(&objects, &whole).unwrap();
        // What the store doesn't have, or has with another size, is sent again.
        let (listing, _) = open(2, now);
        let listed = |size| Listed {
            name: format!("x/objects/ab/{}", known(1).object),
            size,
        };
        assert_eq!(listing.compare(&[listed(5)]), 0);
        assert_eq!(listing.compare(&[listed(6)]), 1);
        // A new week keeps what is known of classes and the chain of heads, and no objects.
        ledger.note.committed(sha256(b"h"), &[Class::Hot], now, 7);
        ledger.save().unwrap();
        let (next, why) = open(3, "2026-11-30T00:00:00Z".parse().unwrap());
        assert_eq!(why, Some("a new week began"));
        assert!(next.epoch != epoch && next.known(&sha256(b"a")).is_none());
        assert_eq!(next.note.previous, Some(sha256(b"h")));
        assert_eq!(next.note.last.get(&Class::Hot), Some(&now));
        assert_ne!(next.note.key, ledger.note.key);
        std::fs::write(next.dir.join("epoch.json"), b"{}").unwrap();
        let (lost, why) = open(4, now);
        assert_eq!(why, Some("its ledger was damaged"));
        assert_eq!(lost.note.previous, None);
    }
}
