//! A restored database put in the place of the old one, at once or not at all. What was there is kept.

use std::ffi::OsString;
use std::fs::{self, File};
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use jiff::Timestamp;
use rustix::fs::{CWD, RenameFlags};

use super::database::Database;
use super::freeze::lock;
use super::staging::Staging;
use crate::online::engine::Engine;
use crate::refusal::Refuse;

/// Why nothing is put there.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PlaceFault {
    /// The node runs on it.
    #[error("{} is in use: its node runs.", .path.display())]
    InUse {
        /// The database.
        path: PathBuf,
    },
    /// Another engine's place.
    #[error("{} is the place of another engine than {engine}: {reason}.", .path.display())]
    OtherEngine {
        /// The place.
        path: PathBuf,
        /// The snapshot's engine.
        engine: Engine,
        /// What says so.
        reason: String,
    },
    /// Another chain's place.
    #[error("{} is the place of chain {place}, and the snapshot is of {snapshot}.", .path.display())]
    OtherChain {
        /// The place.
        path: PathBuf,
        /// The chain of the place.
        place: String,
        /// The chain of the snapshot.
        snapshot: String,
    },
    /// Neither a database nor empty.
    #[error("{} is neither a database nor empty: it holds \"{name}\".", .path.display())]
    Strange {
        /// The place.
        path: PathBuf,
        /// What lies there.
        name: String,
    },
    /// A file can't be given to its user.
    #[error("{} can't be given to user {uid}: {reason}.", .path.display())]
    Owner {
        /// The file.
        path: PathBuf,
        /// The user.
        uid: u32,
        /// The system's words.
        reason: String,
    },
    /// The system refused.
    #[error("{}: {reason}.", .path.display())]
    System {
        /// The path.
        path: PathBuf,
        /// The system's words.
        reason: String,
    },
}

impl Refuse for PlaceFault {
    fn name(&self) -> &'static str {
        match self {
            Self::InUse { .. } => "restore-node-running",
            Self::OtherEngine { .. } => "restore-other-engine",
            Self::OtherChain { .. } => "restore-other-chain",
            Self::Strange { .. } => "restore-place-strange",
            Self::Owner { .. } => "restore-owner",
            Self::System { .. } => "restore-system",
        }
    }

    fn way_on(&self) -> &'static str {
        match self {
            Self::InUse { .. } => {
                "Stop the node, and keep it stopped; then try again: what was fetched stays."
            }
            Self::OtherEngine { .. } | Self::OtherChain { .. } | Self::Strange { .. } => {
                "Give the database's own directory with --to, e.g. chains/ID/paritydb/full."
            }
            Self::Owner { .. } => "Run this as root, or as the user that the node runs as.",
            Self::System { .. } => "Look at the directory and its permissions; nothing was moved.",
        }
    }
}

/// What is put there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Restored {
    /// Its engine.
    pub engine: Engine,
    /// Its chain.
    pub chain: String,
    /// Its files.
    pub files: Vec<String>,
}

/// A place that may take a snapshot.
#[derive(Debug)]
pub struct Place {
    to: PathBuf,
    parent: PathBuf,
    owner: (u32, u32),
    old: bool,
}

/// What was done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Placed {
    /// Where the database lies.
    pub to: PathBuf,
    /// Where the old one lies now.
    pub old: Option<PathBuf>,
}

fn system(path: &Path, error: &io::Error) -> PlaceFault {
    PlaceFault::System {
        path: path.to_owned(),
        reason: error.to_string(),
    }
}

fn beside(to: &Path, end: &str) -> PathBuf {
    let mut name = to.file_name().map(OsString::from).unwrap_or_default();
    name.push(end);
    to.with_file_name(name)
}

/// Renames a directory to a name that nothing has.
fn rename_new(from: &Path, to: &Path) -> io::Result<()> {
    match rustix::fs::renameat_with(CWD, from, CWD, to, RenameFlags::NOREPLACE) {
        Err(rustix::io::Errno::INVAL | rustix::io::Errno::NOSYS) => {
            // A plain rename puts a directory in the place of an empty one at most.
            if to.symlink_metadata().is_ok() {
                return Err(io::ErrorKind::AlreadyExists.into());
            }
            fs::rename(from, to)
        }
        renamed => Ok(renamed?),
    }
}

/// Looks at the place before anything is fetched.
///
/// # Errors
/// [`PlaceFault`].
pub fn look(to: &Path, restored: &Restored) -> Result<Place, PlaceFault> {
    let parent = to
        .parent()
        .filter(|parent| !parent.as_os_str().is_empty())
        .unwrap_or(Path::new("."));
    let parent = fs::canonicalize(parent).map_err(|error| match error.kind() {
        io::ErrorKind::NotFound => system(
            parent,
            &io::Error::other("there is no such directory; make it first, for the node's user"),
        ),
        _ => system(parent, &error),
    })?;
    let name = to
        .file_name()
        .ok_or_else(|| system(to, &io::Error::other("it has no name")))?;
    let to = parent.join(name);
    let wrong_engine = |reason: String| PlaceFault::OtherEngine {
        path: to.clone(),
        engine: restored.engine,
        reason,
    };
    let mut parts = to.iter().rev().map(|part| part.to_string_lossy());
    if let (Some(full), Some(kind), Some(id), Some(chains)) =
        (parts.next(), parts.next(), parts.next(), parts.next())
        && full == "full"
        && chains == "chains"
    {
        let engine = match &*kind {
            "db" => Some(Engine::RocksDb),
            "paritydb" => Some(Engine::ParityDb),
            _ => None,
        };
        if engine.is_some_and(|engine| engine != restored.engine) {
            return Err(wrong_engine(format!("its path has {kind}/full")));
        }
        if engine.is_some() && id != restored.chain {
            return Err(PlaceFault::OtherChain {
                path: to.clone(),
                place: id.into_owned(),
                snapshot: restored.chain.clone(),
            });
        }
    }
    let mut old = false;
    let mut owner = fs::metadata(&parent).map_err(|error| system(&parent, &error))?;
    match fs::symlink_metadata(&to) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => {}
        Err(error) => return Err(system(&to, &error)),
        Ok(found) if !found.is_dir() => {
            return Err(system(&to, &io::Error::other("it is no directory")));
        }
        Ok(found) if found.dev() != owner.dev() => {
            let what =
                "a file system is mounted there, which can't be exchanged: give a directory in it";
            return Err(system(&to, &io::Error::other(what)));
        }
        Ok(found) => {
            owner = found;
            old = true;
            let first = fs::read_dir(&to)
                .map_err(|error| system(&to, &error))?
                .next();
            if let Some(first) = first {
                let first = first.map_err(|error| system(&to, &error))?.file_name();
                match Database::find(&to) {
                    Ok(database) if database.dir == to => {
                        if database.engine != restored.engine {
                            return Err(wrong_engine(format!("it holds a {}", database.engine)));
                        }
                        not_in_use(&database)?;
                    }
                    _ => {
                        return Err(PlaceFault::Strange {
                            path: to,
                            name: first.to_string_lossy().into_owned(),
                        });
                    }
                }
            }
        }
    }
    Ok(Place {
        parent,
        owner: (owner.uid(), owner.gid()),
        old,
        to,
    })
}

fn not_in_use(database: &Database) -> Result<(), PlaceFault> {
    match lock::is_held(database) {
        Ok(false) => Ok(()),
        Ok(true) => Err(PlaceFault::InUse {
            path: database.dir.clone(),
        }),
        Err(fault) => Err(PlaceFault::System {
            path: database.dir.clone(),
            reason: fault.to_string(),
        }),
    }
}

impl Place {
    /// Where the files are to be fetched to: beside the place, the same for the same snapshot.
    pub fn staging(&self, head_sha256: &crate::transcript::hex::Hash) -> PathBuf {
        beside(
            &self.to,
            &format!(".qh-restore-{}", &head_sha256.to_string()[..16]),
        )
    }

    /// Gives the staged files to the place's owner, and puts them in place.
    ///
    /// # Errors
    /// [`PlaceFault`]; then the old database is where it was.
    pub fn put(
        self,
        staging: &Staging,
        restored: &Restored,
        now: Timestamp,
    ) -> Result<Placed, PlaceFault> {
        // The node may have been started meanwhile.
        let again = look(&self.to, restored)?;
        // From here until the old one has another name no node can open it.
        let lock = match Database::find(&self.to) {
            Ok(database) if self.old && database.dir == self.to => {
                let held = lock::try_hold(&database).map_err(|fault| PlaceFault::System {
                    path: database.dir.clone(),
                    reason: fault.to_string(),
                })?;
                Some(held.ok_or(PlaceFault::InUse { path: database.dir })?)
            }
            _ => None,
        };
        let placed = self
            .give(staging, restored, again.owner)
            .and_then(|()| self.swap(staging.path(), now));
        if placed.is_err() {
            staging.take_back();
        }
        drop(lock);
        let placed = placed?;
        File::open(&self.parent)
            .and_then(|dir| dir.sync_all())
            .map_err(|error| system(&self.parent, &error))?;
        Ok(placed)
    }

    /// Gives what is staged to the place's owner, with the mode of what it replaces.
    fn give(
        &self,
        staging: &Staging,
        restored: &Restored,
        owner: (u32, u32),
    ) -> Result<(), PlaceFault> {
        let mode = if self.old {
            let old = fs::metadata(&self.to).map_err(|error| system(&self.to, &error))?;
            Some(old.mode() & 0o7777)
        } else {
            None
        };
        staging
            .give(&restored.files, owner, mode)
            .map_err(|(path, error)| PlaceFault::Owner {
                path,
                uid: owner.0,
                reason: error.to_string(),
            })?;
        staging
            .lies()
            .map_err(|error| system(staging.path(), &error))
    }

    /// A name beside the place that nothing has: that of this second, or one of the next.
    fn unused(&self, now: Timestamp) -> PathBuf {
        let at = |second: i64| {
            let time = now
                .checked_add(jiff::SignedDuration::from_secs(second))
                .unwrap_or(now);
            beside(
                &self.to,
                &format!(".before-{}", time.strftime("%Y%m%dT%H%M%SZ")),
            )
        };
        (0..60)
            .map(at)
            .find(|path| path.symlink_metadata().is_err())
            .unwrap_or_else(|| at(60))
    }

    fn swap(&self, staging: &Path, now: Timestamp) -> Result<Placed, PlaceFault> {
        let to = self.to.clone();
        if !self.old {
            rename_new(staging, &to).map_err(|error| system(&to, &error))?;
            return Ok(Placed { to, old: None });
        }
        let empty = fs::read_dir(&to).is_ok_and(|mut entries| entries.next().is_none());
        // The new database gets the name under which the old one is to be kept, and then the two change names: after a
        // crash at any moment the old one lies under its own name or under the one where it is looked for. Where two can't
        // change names (NFS, older ZFS), it may lie under `.qh-replaced` then.
        let old = self.unused(now);
        rename_new(staging, &old).map_err(|error| system(staging, &error))?;
        match rustix::fs::renameat_with(CWD, &old, CWD, &to, RenameFlags::EXCHANGE) {
            Ok(()) => {}
            Err(rustix::io::Errno::INVAL | rustix::io::Errno::NOSYS) => {
                // No exchange on this file system: for a moment nothing has the place's name.
                let aside = beside(&to, ".qh-replaced");
                let moved = rename_new(&to, &aside).and_then(|()| {
                    fs::rename(&old, &to).inspect_err(|_| {
                        let _ = fs::rename(&aside, &to);
                    })
                });
                if let Err(error) = moved {
                    let _ = fs::rename(&old, staging); // for the next try; the fault matters more
                    return Err(system(&to, &error));
                }
                if fs::rename(&aside, &old).is_err() {
                    // The new one is in its place; the old one is told under the name that it has.
                    return Ok(Placed {
                        to,
                        old: Some(aside),
                    });
                }
            }
            Err(errno) => {
                let _ = fs::rename(&old, staging); // for the next try; the fault matters more
                return Err(system(&to, &errno.into()));
            }
        }
        if empty {
            let _ = fs::remove_dir(&old); // nothing was in it
            return Ok(Placed { to, old: None });
        }
        Ok(Placed { to, old: Some(old) })
    }
}
