//! What a snapshot makes on disk, noted before it is made, so that the next run removes what a crash left.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use rustix::fs::AtFlags;
use serde::{Deserialize, Serialize};

use super::FreezeFault;
use super::volume;
use crate::files::{self, Dir};
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
    /// An empty directory beside the database, on the same file system, held open: the directory around it may be the node
    /// user's, who can move it away and put another thing there.
    pub(super) fn pin(database: &Database, state: &Path) -> Result<(Self, Dir), FreezeFault> {
        let parent = database.dir.parent().unwrap_or(Path::new("/"));
        let name = format!("{PIN}{}", random_id()?);
        let path = parent.join(&name);
        let held = Self::note(Thing::Pin(path.clone()), path.clone(), state)?;
        let made = || {
            let parent = Dir::open(parent)?;
            rustix::fs::mkdirat(&parent, &*name, rustix::fs::Mode::RWXU)?;
            let dir = parent.below(&name)?;
            own(&dir)?;
            if dir.names()?.is_empty() {
                Ok(dir)
            } else {
                Err(io::Error::other("another directory was put in its place"))
            }
        };
        match made() {
            Ok(dir) => Ok((held, dir)),
            Err(error) => {
                let fault = FreezeFault::system(&path, &error);
                let _ = held.remove(); // the fault matters more; what stays is noted
                Err(fault)
            }
        }
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
        Thing::Pin(path) => unpin(path).map_err(|error| FreezeFault::system(path, &error)),
        Thing::Btrfs(path) => volume::remove_btrfs(path),
        Thing::Zfs(name) => volume::remove_zfs(name),
        Thing::Lvm { volume, mount } => volume::remove_lvm(volume, mount),
    }
}

/// Whether a directory is ours, and for us alone.
fn own(dir: &Dir) -> io::Result<()> {
    let found = rustix::fs::fstat(dir)?;
    if found.st_uid == rustix::process::geteuid().as_raw() && found.st_mode & 0o077 == 0 {
        Ok(())
    } else {
        Err(io::Error::other("it is no pin of ours"))
    }
}

/// Removes a pin and the files in it. Nothing but what we name so is ever removed, and no link is followed.
fn unpin(path: &Path) -> io::Result<()> {
    let name = path.file_name().and_then(|name| name.to_str());
    let (Some(parent), Some(name)) = (path.parent(), name.filter(|name| name.starts_with(PIN)))
    else {
        return Err(io::Error::other("it is no pin of ours"));
    };
    let absent = |error: &io::Error| error.kind() == io::ErrorKind::NotFound;
    let parent = match Dir::open(parent) {
        Err(error) if absent(&error) => return Ok(()),
        opened => opened?,
    };
    match parent.below(name) {
        Err(error) if absent(&error) => return Ok(()),
        // A link or a file that somebody put in its place.
        Err(error) if error.kind() == io::ErrorKind::NotADirectory => {
            return parent.remove(name, AtFlags::empty());
        }
        Err(error) => return Err(error),
        Ok(dir) => {
            own(&dir)?;
            for (name, _) in dir.names()? {
                dir.remove(&name, AtFlags::empty())?;
            }
        }
    }
    parent.remove(name, AtFlags::REMOVEDIR)
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::online::engine::Engine;

    #[test]
    fn a_pin_that_was_swapped_harms_nothing_but_itself() {
        let dir = tempfile::tempdir().unwrap();
        let (db, state, theirs) = (
            dir.path().join("db"),
            dir.path().join("state"),
            dir.path().join("theirs"),
        );
        for made in [&db, &state, &theirs] {
            fs::create_dir(made).unwrap();
        }
        fs::write(theirs.join("manifest"), b"good").unwrap();
        let database = Database {
            dir: db,
            engine: Engine::ParityDb,
            chain: None,
        };
        let (held, pin) = Held::pin(&database, &state).unwrap();
        let path = held.path().to_owned();
        pin.file(
            "a",
            rustix::fs::OFlags::WRONLY | rustix::fs::OFlags::CREATE,
            0o600,
        )
        .unwrap();
        assert!(path.join("a").exists());
        fs::rename(&path, dir.path().join("moved")).unwrap();
        std::os::unix::fs::symlink(&theirs, &path).unwrap();
        // What is pinned now goes where the pin is, and removing removes the link.
        pin.file(
            "b",
            rustix::fs::OFlags::WRONLY | rustix::fs::OFlags::CREATE,
            0o600,
        )
        .unwrap();
        held.remove().unwrap();
        assert!(path.symlink_metadata().is_err());
        assert_eq!(fs::read(theirs.join("manifest")).unwrap(), b"good");
        assert_eq!(fs::read_dir(&theirs).unwrap().count(), 1);
        // A note that names something else removes nothing.
        for path in [theirs.clone(), theirs.join(format!("{PIN}x/.."))] {
            assert!(remove(&Thing::Pin(path)).is_err());
        }
        // A directory under the name of a pin that is not ours alone stays.
        let other = dir.path().join(format!("{PIN}0"));
        fs::create_dir(&other).unwrap();
        fs::set_permissions(&other, std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
        fs::write(other.join("x"), b"").unwrap();
        assert!(remove(&Thing::Pin(other.clone())).is_err());
        assert!(other.join("x").exists());
    }
}
