//! A RocksDB that is open in a running node, held still by links: a protocol like a seqlock.
//!
//! 1. CURRENT and the MANIFEST's bytes are read.
//! 2. The logs (WAL) are listed, `m` is the highest number; the directory is listed again, and every table and every log
//!    up to `m` is linked into the pin.
//! 3. CURRENT and the MANIFEST's size are read again. Anything changed, or missing meanwhile: start over.
//! 4. Only now the logs' sizes are taken, from the highest number down, since a log may still grow while the next one
//!    exists already: what a log holds must never be later than what the one before it holds.
//! 5. What is read later is: linked tables, the logs' first bytes, the MANIFEST's first bytes, a CURRENT that names it.
//!
//! Deleting a file that is needed takes an edit of the MANIFEST first, so an unchanged size proves that every needed file
//! was pinned. Logs are appended to alone, so their first bytes stay; RocksDB reads a log that ends in mid-record up to
//! its last whole one.

use std::fs;
use std::io;
use std::path::Path;

use super::held::Held;
use super::{Content, FreezeFault, Keeper, Still, StillFile, pin};
use crate::online::snapshot::database::{Contents, Database, read_small};
use crate::online::snapshot::manifest::Method;

/// How often it is started over.
const TRIES: u32 = 1000;

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
    for _ in 0..TRIES {
        let held = Held::pin(database, state)?;
        match attempt(database, held.path()) {
            Ok(Some((files, left_out))) => {
                return Ok(Still {
                    method: Method::LiveLinks,
                    dir: held.path().to_owned(),
                    files,
                    left_out,
                    keeper: Keeper::Made(held),
                });
            }
            Ok(None) => held.remove()?,
            Err(fault) => {
                let _ = held.remove(); // the fault matters more; what stays is noted
                return Err(fault);
            }
        }
    }
    Err(FreezeFault::Restless { tries: TRIES })
}

/// One try; `None` if something changed.
#[expect(clippy::type_complexity, reason = "read by one caller")]
fn attempt(
    database: &Database,
    into: &Path,
) -> Result<Option<(Vec<StillFile>, Vec<String>)>, FreezeFault> {
    let dir = &database.dir;
    let Some((current, manifest)) = current(dir)? else {
        return Ok(None);
    };
    let size = |name: &str| fs::metadata(dir.join(name)).map(|found| found.len());
    let Ok(manifest_size) = size(&manifest) else {
        return Ok(None);
    };
    let manifest_bytes = pin::prefix(&dir.join(&manifest), manifest_size)?;

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
            match fs::hard_link(dir.join(&file.name), into.join(&file.name)) {
                Ok(()) => Content::File,
                Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
                Err(error) => return Err(FreezeFault::system(&into.join(&file.name), &error)),
            }
        } else if file.name == "CURRENT" {
            Content::Bytes(current.clone())
        } else if file.name == manifest {
            Content::Bytes(manifest_bytes.clone())
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
    let unchanged = again.is_some_and(|(bytes, _)| bytes == current)
        && size(&manifest).is_ok_and(|size| size == manifest_size);
    if !unchanged {
        return Ok(None);
    }
    check(options.as_deref(), dir)?;
    // Sorted by name, and numbers have leading zeros up to six digits: sort by number to be sure.
    let mut logs: Vec<&mut StillFile> = still
        .iter_mut()
        .filter(|file| log_number(&file.name).is_some())
        .collect();
    logs.sort_by_key(|file| std::cmp::Reverse(log_number(&file.name)));
    for log in logs {
        let path = into.join(&log.name);
        log.size = fs::metadata(&path)
            .map_err(|error| FreezeFault::system(&path, &error))?
            .len();
    }
    // A table that was still being written when it was listed has grown; it is named in no MANIFEST that we have.
    Ok(Some((still, left_out)))
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
