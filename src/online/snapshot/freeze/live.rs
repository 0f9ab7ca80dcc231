//! A RocksDB that is open in a running node, held still by links: a protocol like a seqlock.
//!
//! 1. CURRENT and the MANIFEST's bytes are read.
//! 2. The logs (WAL) are listed, `m` is the highest number; the directory is listed again, and every table and every log
//!    up to `m` is linked into the pin.
//! 3. CURRENT and the MANIFEST's size are read again. Anything changed, or missing meanwhile: start over. What is linked
//!    and what was read of the MANIFEST stays, so that every further try is short: tables are written once, the MANIFEST
//!    is appended to alone, and the database never gives a number twice.
//! 4. Only now the logs' sizes are taken, from the highest number down, since a log may still grow while the next one
//!    exists already: what a log holds must never be later than what the one before it holds.
//! 5. What is read later is: linked tables, the logs' first bytes, the MANIFEST's first bytes, a CURRENT that names it.
//!
//! Deleting a file that is needed takes an edit of the MANIFEST first, so an unchanged size proves that every needed file
//! was pinned. Logs are appended to alone, so their first bytes stay; RocksDB reads a log that ends in mid-record up to
//! its last whole one.

use std::fs::{self, File};
use std::io;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use rustix::fs::{AtFlags, CWD};
use rustix::io::Errno;

use super::held::Held;
use super::{Content, FreezeFault, Keeper, Still, StillFile, pin};
use crate::files::Dir;
use crate::online::snapshot::database::{Contents, Database, DatabaseFile, read_small};
use crate::online::snapshot::manifest::Method;

/// How long it is started over.
const PATIENCE: Duration = Duration::from_secs(120);

/// Settings of `OPTIONS-*` and the values with which the protocol holds.
const PRECONDITIONS: [(&str, &[&str]); 5] = [
    ("recycle_log_file_num", &["0"]),
    ("manual_wal_flush", &["false"]),
    ("allow_mmap_writes", &["false"]),
    ("cf_paths", &["", "{}"]),
    ("db_paths", &["", "{}"]),
];

/// Pins a live RocksDB.
///
/// # Errors
/// [`FreezeFault::Precondition`], [`FreezeFault::Restless`], or of the system.
pub fn pin(database: &Database, state: &Path) -> Result<Still, FreezeFault> {
    let (held, into) = Held::pin(database, state)?;
    let mut pin = Pin {
        database,
        into,
        path: held.path().to_owned(),
        manifest: None,
    };
    match pin.until_still() {
        Ok((files, left_out)) => Ok(Still {
            method: Method::LiveLinks,
            open: pin.into,
            dir: pin.path,
            files,
            left_out,
            keeper: Keeper::Made(held),
        }),
        Err(fault) => {
            let _ = held.remove(); // the fault matters more; what stays is noted
            Err(fault)
        }
    }
}

/// What a try found, if nothing changed: files of the database, and names of others.
type Found = (Vec<StillFile>, Vec<String>);

/// What is pinned so far.
struct Pin<'a> {
    database: &'a Database,
    into: Dir,
    path: PathBuf,
    manifest: Option<Manifest>,
}

/// The MANIFEST as far as it was read.
struct Manifest {
    name: String,
    file: File,
    bytes: Vec<u8>,
}

impl Pin<'_> {
    fn until_still(&mut self) -> Result<Found, FreezeFault> {
        let begun = Instant::now();
        let mut tries = 0;
        loop {
            if let Some(found) = self.attempt()? {
                self.forget_others(&found.0)?;
                return Ok(found);
            }
            tries += 1;
            if begun.elapsed() > PATIENCE {
                return Err(FreezeFault::Restless { tries });
            }
            // Uneven, so as not to keep step with the node.
            std::thread::sleep(Duration::from_millis(u64::from(tries % 20)));
        }
    }

    /// One try; `None` if something changed.
    fn attempt(&mut self) -> Result<Option<Found>, FreezeFault> {
        let database = self.database;
        let dir = &database.dir;
        let Some((current, name)) = current(dir)? else {
            return Ok(None);
        };
        let Some(manifest) = read_manifest(dir, &mut self.manifest, &name)? else {
            return Ok(None);
        };

        let newest_log = database
            .contents(dir)?
            .files
            .iter()
            .filter_map(|file| log_number(&file.name))
            .max();
        let Contents { files, left_out } = database.contents(dir)?;
        let mut options = None;
        let mut still = Vec::new();
        for file in files {
            let log = log_number(&file.name);
            let table = file.name.ends_with(".sst") || file.name.ends_with(".blob");
            let content = if table || (log.is_some() && log <= newest_log) {
                if !link(dir, &self.into, &file)? {
                    return Ok(None);
                }
                Content::File
            } else if file.name == "CURRENT" {
                Content::Bytes(current.clone())
            } else if file.name == manifest.name {
                Content::Bytes(vec![]) // as it was read; put in when nothing changed
            } else if file.name == "IDENTITY"
                || file.name == "db_version"
                || file.name.starts_with("OPTIONS-")
            {
                match pin::prefix(&dir.join(&file.name), file.size) {
                    Ok(bytes) => Content::Bytes(bytes),
                    Err(_) => return Ok(None), // replaced or deleted meanwhile
                }
            } else {
                continue; // a later log, an older MANIFEST
            };
            if let (true, Content::Bytes(bytes)) = (file.name.starts_with("OPTIONS-"), &content) {
                // Sorted by name: the last one is the newest.
                options = Some(String::from_utf8_lossy(bytes).into_owned());
            }
            still.push(StillFile {
                unchanging: table.then_some(file.identity),
                size: match &content {
                    Content::Bytes(bytes) => bytes.len() as u64,
                    Content::File => file.size,
                },
                name: file.name,
                mode: file.mode,
                content,
            });
        }
        let again = self::current(dir)?;
        let size = fs::metadata(dir.join(&name)).map(|found| found.len());
        let unchanged = again.is_some_and(|(bytes, _)| bytes == current)
            && size.is_ok_and(|size| size == manifest.bytes.len() as u64);
        if !unchanged {
            return Ok(None);
        }
        check(options.as_deref(), dir)?;
        for file in still.iter_mut().filter(|file| file.name == name) {
            file.size = manifest.bytes.len() as u64;
            file.content = Content::Bytes(manifest.bytes.clone());
        }
        // Sorted by name, and numbers have leading zeros up to six digits: sort by number to be sure.
        let mut logs: Vec<&mut StillFile> = still
            .iter_mut()
            .filter(|file| log_number(&file.name).is_some())
            .collect();
        logs.sort_by_key(|file| std::cmp::Reverse(log_number(&file.name)));
        for log in logs {
            let found = self.into.stat(log.name.as_ref());
            let found = found.map_err(|error| FreezeFault::system(&self.path, &error))?;
            log.size = u64::try_from(found.st_size).unwrap_or(0);
        }
        // A table that was still being written when it was listed has grown; it is named in no MANIFEST that we have.
        Ok(Some((still, left_out)))
    }

    /// Removes links that earlier tries made and that are not needed: the node could not free their space.
    fn forget_others(&self, needed: &[StillFile]) -> Result<(), FreezeFault> {
        let forget = || {
            for (name, _) in self.into.names()? {
                if !needed.iter().any(|file| *file.name == *name) {
                    self.into.remove(&name, AtFlags::empty())?;
                }
            }
            Ok(())
        };
        forget().map_err(|error: io::Error| FreezeFault::system(&self.path, &error))
    }
}

/// Reads what was added to the MANIFEST; `None` if it was replaced.
fn read_manifest<'m>(
    dir: &Path,
    kept: &'m mut Option<Manifest>,
    name: &str,
) -> Result<Option<&'m Manifest>, FreezeFault> {
    let path = dir.join(name);
    let fail = |error: &io::Error| FreezeFault::system(&path, error);
    if kept.as_ref().is_none_or(|read| read.name != name) {
        *kept = match pin::open(&path) {
            Ok(file) => Some(Manifest {
                name: name.to_owned(),
                file,
                bytes: Vec::new(),
            }),
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(fail(&error)),
        };
    }
    let Some(Manifest { file, bytes, .. }) = kept else {
        return Ok(None);
    };
    let size = file.metadata().map_err(|error| fail(&error))?.len();
    if size > pin::MAX_IN_MEMORY {
        return Err(fail(&pin::too_long(size)));
    }
    let (read, size) = (bytes.len(), usize::try_from(size).expect("64 bits"));
    if size < read {
        return Err(fail(&io::Error::other("it became shorter")));
    }
    bytes.resize(size, 0);
    file.read_exact_at(&mut bytes[read..], read as u64)
        .map_err(|error| fail(&error))?;
    Ok(kept.as_ref())
}

/// Links a file into the pin; false if it was deleted meanwhile.
fn link(dir: &Path, into: &Dir, file: &DatabaseFile) -> Result<bool, FreezeFault> {
    let from = dir.join(&file.name);
    let fail = |error: io::Error| FreezeFault::system(&from, &error);
    match rustix::fs::linkat(CWD, &from, into, &file.name, AtFlags::empty()) {
        Ok(()) => Ok(true),
        Err(Errno::NOENT) => Ok(false),
        Err(Errno::EXIST) => {
            // From an earlier try. Another file under its name would be a database that was made anew.
            let found = into.stat(file.name.as_ref()).map_err(fail)?;
            let same = found.st_ino == file.identity.0;
            if !same {
                into.remove(&file.name, AtFlags::empty()).map_err(fail)?;
            }
            Ok(same)
        }
        Err(errno) => Err(fail(errno.into())),
    }
}

/// CURRENT's bytes and the name of the MANIFEST in it; `None` if it was being replaced.
fn current(dir: &Path) -> Result<Option<(Vec<u8>, String)>, FreezeFault> {
    let bytes = read_small(&dir.join("CURRENT"), 4096)?;
    let name = std::str::from_utf8(&bytes)
        .ok()
        .and_then(|text| text.strip_suffix('\n'))
        .filter(|name| name.starts_with("MANIFEST-") && !name.contains('/'))
        .map(str::to_owned);
    Ok(name.map(|name| (bytes, name)))
}

fn log_number(name: &str) -> Option<u64> {
    name.strip_suffix(".log")?.parse().ok()
}

/// Refuses settings under which the protocol doesn't hold.
fn check(options: Option<&str>, dir: &Path) -> Result<(), FreezeFault> {
    let fault = |reason: String| FreezeFault::Precondition { reason };
    let options = options
        .ok_or_else(|| fault("there is no OPTIONS file to read its settings from".into()))?;
    let mut seen_any = false;
    for line in options.lines() {
        let Some((key, value)) = line.trim().split_once('=') else {
            continue;
        };
        let (key, value) = (key.trim(), value.trim());
        if let Some((_, allowed)) = PRECONDITIONS.iter().find(|(name, _)| *name == key) {
            if !allowed.contains(&value) {
                return Err(fault(format!("its OPTIONS say {key}={value}")));
            }
            seen_any |= key == "recycle_log_file_num";
        }
        let elsewhere = || {
            Path::new(value) != dir
                && !value.is_empty()
                && fs::canonicalize(value).ok().as_deref() != Some(dir)
        };
        if key == "wal_dir" && elsewhere() {
            return Err(fault(format!("its logs lie elsewhere (wal_dir={value})")));
        }
    }
    if seen_any {
        Ok(())
    } else {
        Err(fault("its OPTIONS don't say recycle_log_file_num".into()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::refusal::Refuse;

    #[test]
    fn settings_that_break_the_protocol_are_refused() {
        let dir = Path::new("/db");
        let good = "[DBOptions]\n  recycle_log_file_num=0\n  manual_wal_flush=false\n  wal_dir=\n";
        assert_eq!(check(Some(good), dir), Ok(()));
        assert_eq!(
            check(Some("recycle_log_file_num=0\nwal_dir=/db"), dir),
            Ok(())
        );
        for bad in [
            None,
            Some(""),
            Some("manual_wal_flush=false"),
            Some("recycle_log_file_num=4"),
            Some("recycle_log_file_num=0\nmanual_wal_flush=true"),
            Some("recycle_log_file_num=0\nwal_dir=/other"),
            Some("recycle_log_file_num=0\nallow_mmap_writes=true"),
            Some("recycle_log_file_num=0\ncf_paths={/x}"),
        ] {
            assert_eq!(
                check(bad, dir).unwrap_err().name(),
                "snapshot-live-precondition",
                "{bad:?}"
            );
        }
    }
}
