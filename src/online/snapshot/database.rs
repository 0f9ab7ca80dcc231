//! A node's database directory: which engine's it is, which chain's, and which of its files belong to it.

use std::fs;
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use crate::files;
use crate::online::engine::Engine;
use crate::refusal::Refuse;
use crate::transcript::visible::visible_short;

/// Most files that a database may have.
pub const MAX_FILES: usize = 200_000;

/// A database directory that was looked at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Database {
    /// The directory, absolute and without links.
    pub dir: PathBuf,
    /// Its engine.
    pub engine: Engine,
    /// The chain id that its path names (`chains/ID/...`).
    pub chain: Option<String>,
}

/// One of the database's files.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct DatabaseFile {
    /// Its name in the directory.
    pub name: String,
    /// Its size in bytes when it was looked at.
    pub size: u64,
    /// Permission bits.
    pub mode: u32,
    /// Inode, and time of the last change of content in nanoseconds.
    pub identity: (u64, i128),
}

/// What lies in the directory.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Contents {
    /// Files that belong to the database, by name.
    pub files: Vec<DatabaseFile>,
    /// Names of other files; they are left out.
    pub left_out: Vec<String>,
}

/// Why a directory is not taken as a database.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DatabaseFault {
    /// No such directory, or it can't be read.
    #[error("{} can't be read: {reason}.", .path.display())]
    Unreadable {
        /// The path.
        path: PathBuf,
        /// The system's words.
        reason: String,
    },
    /// Neither engine's.
    #[error("{} holds no database: neither RocksDB's CURRENT nor ParityDB's metadata is there.", .path.display())]
    NoDatabase {
        /// The path.
        path: PathBuf,
    },
    /// Two databases below one chain directory.
    #[error("{} holds both a RocksDB (db/full) and a ParityDB (paritydb/full).", .path.display())]
    Both {
        /// The chain directory.
        path: PathBuf,
    },
    /// Keys would get into the snapshot.
    #[error("{} is no directory of a database alone: it holds \"{name}\", and keys must never get into a snapshot.", .path.display())]
    Keys {
        /// The path.
        path: PathBuf,
        /// What lies there.
        name: String,
    },
    /// A link, directory or device among the files.
    #[error("{} holds \"{name}\", which is {kind}; a database of this engine has files alone.", .path.display())]
    Strange {
        /// The directory.
        path: PathBuf,
        /// The entry, made visible.
        name: String,
        /// What it is.
        kind: &'static str,
    },
    /// A file that may be the engine's, by a name that we don't know.
    #[error("{} holds \"{name}\", which may be a file of a {engine}, but no version that is known has one of this name.", .path.display())]
    Unknown {
        /// The directory.
        path: PathBuf,
        /// The file, made visible.
        name: String,
        /// The engine.
        engine: Engine,
    },
    /// More files than any database has.
    #[error("{} has more than {MAX_FILES} files.", .path.display())]
    TooMany {
        /// The directory.
        path: PathBuf,
    },
}

impl Refuse for DatabaseFault {
    fn name(&self) -> &'static str {
        match self {
            Self::Unreadable { .. } => "database-unreadable",
            Self::NoDatabase { .. } => "database-absent",
            Self::Both { .. } => "database-ambiguous",
            Self::Keys { .. } => "database-with-keys",
            Self::Strange { .. } => "database-strange-entry",
            Self::Unknown { .. } => "database-unknown-file",
            Self::TooMany { .. } => "database-too-many-files",
        }
    }

    fn way_on(&self) -> &'static str {
        match self {
            Self::Unreadable { .. } | Self::NoDatabase { .. } => {
                "Give the database's directory with --database: chains/ID/paritydb/full or chains/ID/db/full of the node's base path."
            }
            Self::Both { .. } => "Say with --database which of the two the node uses.",
            Self::Keys { .. } => {
                "Give the database's own directory (paritydb/full, db/full), not one that holds keystore or network."
            }
            Self::Strange { .. } => "Find out who put it there, and move it away.",
            Self::Unknown { .. } => {
                "If somebody put it there, move it away. If the node's engine wrote it, this program is too old for that engine."
            }
            Self::TooMany { .. } => "Look whether this is the right directory.",
        }
    }
}

/// Names that directories with keys have. None may lie in what is taken as a database.
const KEY_NAMES: [&str; 4] = [
    "keystore",
    "network",
    "secret_ed25519",
    "pqc_transport_identity.json",
];

impl Database {
    /// Looks at `path`: a database directory, or the chain directory (`chains/ID`) around one.
    ///
    /// # Errors
    /// [`DatabaseFault`].
    pub fn find(path: &Path) -> Result<Self, DatabaseFault> {
        let path = fs::canonicalize(path).map_err(|error| unreadable(path, &error))?;
        if path.to_str().is_none() {
            // What is made beside it is noted as text.
            let fault = io::Error::other("its path is not UTF-8");
            return Err(unreadable(&path, &fault));
        }
        if let Some(found) = Self::at(&path)? {
            return Ok(found);
        }
        let below = [
            Self::below(&path, "paritydb/full")?,
            Self::below(&path, "db/full")?,
        ];
        match below {
            [Some(_), Some(_)] => Err(DatabaseFault::Both { path }),
            [Some(found), None] | [None, Some(found)] => Ok(found),
            [None, None] => Err(DatabaseFault::NoDatabase { path }),
        }
    }

    fn below(path: &Path, part: &str) -> Result<Option<Self>, DatabaseFault> {
        let below = path.join(part);
        match fs::canonicalize(&below) {
            Ok(below) => Self::at(&below),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(unreadable(&below, &error)),
        }
    }

    fn at(dir: &Path) -> Result<Option<Self>, DatabaseFault> {
        let is_file = |name: &str| dir.join(name).symlink_metadata().is_ok_and(|m| m.is_file());
        let engine = match (is_file("CURRENT"), is_file("metadata")) {
            (true, false) => Engine::RocksDb,
            (false, true) => Engine::ParityDb,
            (true, true) => {
                return Err(DatabaseFault::Both {
                    path: dir.to_owned(),
                });
            }
            (false, false) => return Ok(None),
        };
        for name in KEY_NAMES {
            if dir.join(name).symlink_metadata().is_ok() {
                return Err(DatabaseFault::Keys {
                    path: dir.to_owned(),
                    name: name.to_owned(),
                });
            }
        }
        Ok(Some(Self {
            dir: dir.to_owned(),
            engine,
            chain: chain_of(dir),
        }))
    }

    /// The file whose lock the node holds while it runs.
    pub fn lock_file(&self) -> PathBuf {
        self.dir.join(match self.engine {
            Engine::RocksDb => "LOCK",
            Engine::ParityDb => "lock",
        })
    }

    /// The files in `dir`, which is this database's directory or a frozen image of it.
    ///
    /// # Errors
    /// [`DatabaseFault`]. An entry that vanishes while it is looked at is as if it had never been.
    pub fn contents(&self, dir: &Path) -> Result<Contents, DatabaseFault> {
        let fail = |error: io::Error| unreadable(dir, &error);
        let mut contents = Contents::default();
        for entry in fs::read_dir(dir).map_err(fail)? {
            let entry = entry.map_err(fail)?;
            let metadata = match entry.metadata() {
                Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
                metadata => metadata.map_err(fail)?,
            };
            let name = entry.file_name();
            let name = name.to_string_lossy();
            let kind = metadata.file_type();
            if !kind.is_file() {
                let path = dir.to_owned();
                if KEY_NAMES.contains(&&*name) {
                    let name = name.into_owned();
                    return Err(DatabaseFault::Keys { path, name });
                }
                return Err(DatabaseFault::Strange {
                    path,
                    name: visible_short(&name, 100),
                    kind: if kind.is_dir() {
                        "a directory"
                    } else if kind.is_symlink() {
                        "a symbolic link"
                    } else {
                        "a device, pipe or socket"
                    },
                });
            }
            if belongs(self.engine, &name) {
                contents.files.push(DatabaseFile {
                    name: name.into_owned(),
                    size: metadata.len(),
                    mode: metadata.mode() & 0o777,
                    identity: (
                        metadata.ino(),
                        i128::from(metadata.mtime()) * 1_000_000_000
                            + i128::from(metadata.mtime_nsec()),
                    ),
                });
            } else if resembles(self.engine, &name) {
                return Err(DatabaseFault::Unknown {
                    path: dir.to_owned(),
                    name: visible_short(&name, 100),
                    engine: self.engine,
                });
            } else {
                contents.left_out.push(visible_short(&name, 100));
            }
            if contents.files.len() + contents.left_out.len() > MAX_FILES {
                return Err(DatabaseFault::TooMany {
                    path: dir.to_owned(),
                });
            }
        }
        contents.files.sort();
        contents.left_out.sort();
        Ok(contents)
    }
}

fn unreadable(path: &Path, error: &io::Error) -> DatabaseFault {
    DatabaseFault::Unreadable {
        path: path.to_owned(),
        reason: error.to_string(),
    }
}

/// `ID` of `.../chains/ID/db/full` or `.../chains/ID/paritydb/full`.
fn chain_of(dir: &Path) -> Option<String> {
    let mut parts = dir.iter().rev().map(|part| part.to_string_lossy());
    let (full, kind) = (parts.next()?, parts.next()?);
    let (id, chains) = (parts.next()?, parts.next()?);
    (full == "full" && (kind == "db" || kind == "paritydb") && chains == "chains")
        .then(|| id.into_owned())
}

/// Whether a database of the engine has files of this name that a snapshot needs: all but locks and text logs.
///
/// Names: RocksDB's `file/filename.cc`, ParityDB's `table.rs` (column decimal, size tier hex), `index.rs`, `ref_count.rs`,
/// `log.rs`, `options.rs`, and Substrate's `db_version`.
pub fn belongs(engine: Engine, name: &str) -> bool {
    let digits = |text: &str, digit: fn(&u8) -> bool| {
        !text.is_empty() && text.len() <= 20 && text.as_bytes().iter().all(digit)
    };
    let number = |text: &str| digits(text, u8::is_ascii_digit);
    let numbered = |prefix: &str| name.strip_prefix(prefix).is_some_and(number);
    let pair = |prefix: &str| {
        name.strip_prefix(prefix)
            .and_then(|rest| rest.split_once('_'))
            .is_some_and(|(a, b)| number(a) && digits(b, u8::is_ascii_hexdigit) && b.len() <= 4)
    };
    name == "db_version"
        || match engine {
            Engine::RocksDb => {
                name == "CURRENT"
                    || name == "IDENTITY"
                    || numbered("MANIFEST-")
                    || numbered("OPTIONS-")
                    || name.rsplit_once('.').is_some_and(|(stem, end)| {
                        number(stem) && matches!(end, "sst" | "log" | "blob")
                    })
            }
            Engine::ParityDb => {
                name == "metadata"
                    || pair("table_")
                    || pair("index_")
                    || pair("refcount_")
                    || numbered("log")
            }
        }
}

/// Whether a name that doesn't belong is so like one that does, that leaving the file out could be wrong: another version
/// of the engine may need it.
fn resembles(engine: Engine, name: &str) -> bool {
    let starts: &[&str] = match engine {
        Engine::RocksDb => &["MANIFEST", "OPTIONS", "CURRENT", "IDENTITY"],
        Engine::ParityDb => &["table", "index", "ref", "log", "metadata"],
    };
    let ends: &[&str] = match engine {
        Engine::RocksDb => &[".sst", ".blob", ".log"],
        Engine::ParityDb => &[],
    };
    // What engines write before they rename it is no part of a database yet.
    let temporary = [".tmp", ".dbtmp"].iter().any(|end| name.ends_with(end));
    !temporary
        && (starts.iter().any(|start| name.starts_with(start))
            || ends.iter().any(|end| name.ends_with(end)))
}

/// Reads a small file of a database, such as RocksDB's `CURRENT`.
///
/// # Errors
/// Those of [`files::read`], as text.
pub(super) fn read_small(path: &Path, limit: usize) -> Result<Vec<u8>, DatabaseFault> {
    files::read(path, limit).map_err(|refused| DatabaseFault::Unreadable {
        path: path.to_owned(),
        reason: refused.what,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_files_of_the_engine_belong() {
        for name in [
            "CURRENT",
            "IDENTITY",
            "MANIFEST-000004",
            "OPTIONS-000007",
            "000012.sst",
            "12.log",
            "000003.blob",
            "db_version",
        ] {
            assert!(belongs(Engine::RocksDb, name), "{name}");
        }
        for name in [
            "metadata",
            "table_00_15",
            "table_00_2c",
            "index_11_16",
            "log0",
            "log12",
            "refcount_01_16",
            "db_version",
        ] {
            assert!(belongs(Engine::ParityDb, name), "{name}");
        }
        let neither = [
            "LOCK",
            "lock",
            "LOG",
            "LOG.old.1",
            "keystore",
            "network",
            "secret_ed25519",
            "x.sst",
            ".sst",
            "MANIFEST-",
            "000012.sst.bak",
            "log",
            "table_00",
            "table_0_x",
            "table_0x_1",
            "table__1",
            "pqc_transport_identity.json",
            "metadata.tmp",
            "000001.dbtmp",
            "61757261aa",
            "core",
            "../CURRENT",
            "",
        ];
        for name in neither {
            assert!(!belongs(Engine::RocksDb, name), "{name}");
            assert!(!belongs(Engine::ParityDb, name), "{name}");
        }
    }

    #[test]
    fn keys_links_and_directories_cannot_get_in() {
        let dir = tempfile::tempdir().unwrap();
        let chain = dir.path().join("chains/dev3");
        let full = chain.join("paritydb/full");
        fs::create_dir_all(&full).unwrap();
        fs::create_dir_all(chain.join("keystore")).unwrap();
        fs::create_dir_all(chain.join("network")).unwrap();
        assert_eq!(
            Database::find(&chain).unwrap_err().name(),
            "database-absent"
        );
        fs::write(full.join("metadata"), b"m").unwrap();
        fs::write(full.join("lock"), b"").unwrap();
        fs::write(full.join("61757261aa"), b"\"0x00\"").unwrap();
        let found = Database::find(&chain).unwrap();
        assert_eq!(found, Database::find(&full).unwrap());
        assert_eq!(
            (found.engine, found.chain.as_deref()),
            (Engine::ParityDb, Some("dev3"))
        );
        let contents = found.contents(&found.dir).unwrap();
        assert_eq!(contents.files.len(), 1);
        assert_eq!(contents.left_out, ["61757261aa", "lock"]);
        // What may be the engine's is not left out in silence.
        fs::write(full.join("table_00_new"), b"").unwrap();
        assert_eq!(
            found.contents(&found.dir).unwrap_err().name(),
            "database-unknown-file"
        );
        fs::remove_file(full.join("table_00_new")).unwrap();
        std::os::unix::fs::symlink(chain.join("keystore"), full.join("table_00_01")).unwrap();
        assert_eq!(
            found.contents(&found.dir).unwrap_err().name(),
            "database-strange-entry"
        );
        fs::remove_file(full.join("table_00_01")).unwrap();
        fs::create_dir(full.join("keystore")).unwrap();
        assert_eq!(
            found.contents(&found.dir).unwrap_err().name(),
            "database-with-keys"
        );
        assert_eq!(
            Database::find(&full).unwrap_err().name(),
            "database-with-keys"
        );
        // A chain directory that looks like a database is refused for the keys beside it.
        fs::write(chain.join("metadata"), b"m").unwrap();
        assert_eq!(
            Database::find(&chain).unwrap_err().name(),
            "database-with-keys"
        );
        fs::remove_file(chain.join("metadata")).unwrap();
        fs::remove_dir(full.join("keystore")).unwrap();
        fs::create_dir_all(chain.join("db/full")).unwrap();
        fs::write(chain.join("db/full/CURRENT"), b"MANIFEST-000001\n").unwrap();
        assert_eq!(
            Database::find(&chain).unwrap_err().name(),
            "database-ambiguous"
        );
        assert_eq!(
            Database::find(&dir.path().join("absent"))
                .unwrap_err()
                .name(),
            "database-unreadable"
        );
    }
}
