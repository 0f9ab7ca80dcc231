//! What a snapshot makes on disk, noted before it is made, so that the next run removes what a crash left.

use std::fs;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::FreezeFault;
use super::volume;
use crate::files;
use crate::online::snapshot::database::Database;
use crate::transcript::hex::Hex;

/// How directories with pinned files and snapshots of subvolumes begin.
pub const PIN: &str = ".qh-pin-";
/// How notes in the state directory begin.
const NOTE: &str = "held-";
/// Longest note, in bytes.
const MAX_NOTE: usize = 64 * 1024;

/// What was made.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase", deny_unknown_fields)]
pub enum Thing {
    /// A directory with links or clones.
    Pin(PathBuf),
    /// A read-only btrfs subvolume.
    Btrfs(PathBuf),
    /// A ZFS snapshot, `DATASET@NAME`.
    Zfs(String),
    /// An LVM snapshot and where it is mounted.
    Lvm {
        /// `VG/LV`.
        volume: String,
        /// Mount point, a directory of ours.
        mount: PathBuf,
    },
}

impl std::fmt::Display for Thing {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Pin(path) => write!(f, "pinned files {}", path.display()),
            Self::Btrfs(path) => write!(f, "btrfs snapshot {}", path.display()),
            Self::Zfs(name) => write!(f, "ZFS snapshot {name}"),
            Self::Lvm { volume, .. } => write!(f, "LVM snapshot {volume}"),
        }
    }
}

/// Something that was made and is noted.
pub struct Held {
    thing: Thing,
    note: PathBuf,
    path: PathBuf,
}

/// 8 random bytes as hex.
pub(super) fn random_id() -> Result<String, FreezeFault> {
    let mut id = [0; 8];
    getrandom::fill(&mut id).map_err(|error| FreezeFault::System {
        path: PathBuf::from("getrandom"),
        reason: error.to_string(),
    })?;
    Ok(Hex(id).to_string())
}

impl Held {
    /// An empty directory beside the database, on the same file system.
    pub(super) fn pin(database: &Database, state: &Path) -> Result<Self, FreezeFault> {
        let parent = database.dir.parent().unwrap_or(Path::new("/"));
        let path = parent.join(format!("{PIN}{}", random_id()?));
        let held = Self::note(Thing::Pin(path.clone()), path.clone(), state)?;
        rustix::fs::mkdir(&path, rustix::fs::Mode::RWXU)
            .map_err(|errno| FreezeFault::system(&path, &errno.into()))?;
        Ok(held)
    }

    /// Notes `thing`, whose files will lie in `path`.
    pub(super) fn note(thing: Thing, path: PathBuf, state: &Path) -> Result<Self, FreezeFault> {
        let note = state.join(format!("{NOTE}{}.json", random_id()?));
        let text = serde_json::to_vec(&thing).expect("paths that came from text");
        files::write(&note, &text).map_err(|refused| FreezeFault::System {
            path: note.clone(),
            reason: refused.what,
        })?;
        Ok(Self { thing, note, path })
    }

    /// Where the files lie.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Removes it, and then its note.
    ///
    /// # Errors
    /// [`FreezeFault`]; the note stays.
    pub fn remove(self) -> Result<(), FreezeFault> {
        remove(&self.thing)?;
        fs::remove_file(&self.note).map_err(|error| FreezeFault::system(&self.note, &error))
    }
}

fn remove(thing: &Thing) -> Result<(), FreezeFault> {
    match thing {
        Thing::Pin(path) => {
            // Nothing but what we name so is ever removed.
            let ours = path
                .file_name()
                .is_some_and(|name| name.to_string_lossy().starts_with(PIN));
            match fs::remove_dir_all(path) {
                _ if !ours => Err(FreezeFault::system(
                    path,
                    &std::io::Error::other("it is no pin of ours"),
                )),
                Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                    Err(FreezeFault::system(path, &error))
                }
                _ => Ok(()),
            }
        }
        Thing::Btrfs(path) => volume::remove_btrfs(path),
        Thing::Zfs(name) => volume::remove_zfs(name),
        Thing::Lvm { volume, mount } => volume::remove_lvm(volume, mount),
    }
}

/// Removes what an earlier run left, and gives the names of what was removed. Call it while no other run goes on.
///
/// # Errors
/// [`FreezeFault`] of the first thing that can't be removed.
pub fn remove_left(state: &Path) -> Result<Vec<String>, FreezeFault> {
    let fail = |error: std::io::Error| FreezeFault::system(state, &error);
    let mut removed = Vec::new();
    let entries = match fs::read_dir(state) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(removed),
        entries => entries.map_err(fail)?,
    };
    for entry in entries {
        let entry = entry.map_err(fail)?;
        let name = entry.file_name().to_string_lossy().into_owned();
        if name.starts_with(NOTE) && name.ends_with(".part") {
            fs::remove_file(entry.path()).map_err(fail)?; // a note that was not written yet: nothing was made
        }
        if !(name.starts_with(NOTE) && name.ends_with(".json")) {
            continue;
        }
        let note = entry.path();
        let unread = |reason: String| FreezeFault::System {
            path: note.clone(),
            reason,
        };
        let bytes = files::read(&note, MAX_NOTE).map_err(|refused| unread(refused.what))?;
        let thing: Thing =
            serde_json::from_slice(&bytes).map_err(|error| unread(error.to_string()))?;
        remove(&thing)?;
        fs::remove_file(&note).map_err(fail)?;
        removed.push(thing.to_string());
    }
    Ok(removed)
}
