//! Going on after a crash or a power cut.
//!
//! An entry counts once its line ends in LF. What stands behind the last LF was never acknowledged: it is a torn
//! tail. So is a last line that holds NUL bytes, which a file system leaves where a block was never written. A tail
//! is moved, not lost: into `NAME.torn-<seq>` beside the transcript, where seq is the number that the next entry gets. Only
//! when that copy is on the disk is the transcript cut. Any other damage is refused by name and line.

use std::fs::{File, OpenOptions};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use super::chain::{ChainError, Head, MAX_FILE, Writer, failed, lock, shown, sync_parent};
use super::entry::{Body, Entry};
use super::finding::Finding;
use super::hex::{Hash, Hex, sha256};
use super::links;
use crate::refusal::Refuse;

/// A transcript that goes on.
pub struct Resume {
    /// Appends behind the last whole entry.
    pub writer: Writer,
    /// All entries so far, to replay.
    pub entries: Vec<Entry>,
    /// Tails set aside since the last entry; mostly none or one. Each is owed a `resumed` entry.
    pub torn: Vec<Torn>,
}

/// A torn tail that was set aside.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Torn {
    /// Where it lies now.
    pub path: PathBuf,
    /// Its length in bytes.
    pub bytes: u64,
    /// Its SHA-256.
    pub sha256: Hash,
}

/// Opens the transcript at `path` to go on, after setting a torn tail aside.
///
/// # Errors
/// [`ChainError::Absent`], [`ChainError::NotAFile`], [`ChainError::InUse`], [`ChainError::TooLarge`],
/// [`ChainError::NothingToResume`], [`ChainError::Closed`], [`ChainError::Damaged`], [`ChainError::Io`]. The file is
/// changed only where the result is good.
pub fn resume(path: &Path) -> Result<Resume, ChainError> {
    let mut file = open(path)?;
    lock(&file, path)?;
    let bytes = read_all(&mut file, path)?;
    let whole = whole_length(&bytes);
    let entries = check(&bytes[..whole], path)?;
    let Some(last) = entries.last() else {
        return Err(ChainError::NothingToResume(shown(path)));
    };
    if last.kind() == "closed" {
        return Err(ChainError::Closed(shown(path)));
    }
    let head = Head {
        seq: last.seq,
        hash: last.hash,
    };
    let tail = &bytes[whole..];
    if !tail.is_empty() {
        set_aside(path, head.seq + 1, tail)?;
        file.set_len(whole as u64)
            .map_err(failed("Cutting", path))?;
    }
    // Also after a clean end: what was read may still have been on its way to the disk.
    file.sync_all().map_err(failed("Flushing", path))?;
    sync_parent(path)?;
    let torn = tails(path, head.seq + 1)?;
    file.seek(SeekFrom::End(0))
        .map_err(failed("Reading", path))?;
    Ok(Resume {
        writer: Writer::continued(file, path, whole as u64, head),
        entries,
        torn,
    })
}

/// Reads the closed transcript at `path`; its writer appends nothing.
///
/// # Errors
/// As [`resume`], and [`ChainError::NotClosed`]. The file is not changed.
pub fn closed(path: &Path) -> Result<Resume, ChainError> {
    let mut file = open(path)?;
    lock(&file, path)?;
    let bytes = read_all(&mut file, path)?;
    let entries = check(&bytes, path)?;
    let head = entries
        .last()
        .filter(|last| last.kind() == "closed")
        .map(|last| Head {
            seq: last.seq,
            hash: last.hash,
        })
        .ok_or_else(|| ChainError::NotClosed(shown(path)))?;
    Ok(Resume {
        writer: Writer::ended(file, path, bytes.len() as u64, head),
        entries,
        torn: vec![],
    })
}

fn open(path: &Path) -> Result<File, ChainError> {
    // A link or a pipe in the place of the transcript is not ours; O_NONBLOCK so that a pipe cannot hang us.
    let flags = rustix::fs::OFlags::NOFOLLOW | rustix::fs::OFlags::NONBLOCK;
    let opened = OpenOptions::new()
        .read(true)
        .append(true)
        .custom_flags(flags.bits() as i32)
        .open(path);
    let file = opened.map_err(|cause| match cause.kind() {
        io::ErrorKind::NotFound => ChainError::Absent(shown(path)),
        io::ErrorKind::IsADirectory => ChainError::NotAFile(shown(path)),
        _ if cause.raw_os_error() == Some(rustix::io::Errno::LOOP.raw_os_error()) => {
            ChainError::NotAFile(shown(path))
        }
        _ => failed("Opening", path)(cause),
    })?;
    match file.metadata().map_err(failed("Reading", path))?.is_file() {
        true => Ok(file),
        false => Err(ChainError::NotAFile(shown(path))),
    }
}

fn read_all(file: &mut File, path: &Path) -> Result<Vec<u8>, ChainError> {
    let mut bytes = Vec::new();
    file.take(MAX_FILE + 1)
        .read_to_end(&mut bytes)
        .map_err(failed("Reading", path))?;
    if bytes.len() as u64 > MAX_FILE {
        return Err(ChainError::TooLarge(shown(path)));
    }
    Ok(bytes)
}

/// How many bytes of the file are whole lines.
fn whole_length(bytes: &[u8]) -> usize {
    let after_lf = |bytes: &[u8]| {
        bytes
            .iter()
            .rposition(|b| *b == b'\n')
            .map_or(0, |lf| lf + 1)
    };
    let whole = after_lf(bytes);
    if whole == 0 {
        return 0;
    }
    let start = after_lf(&bytes[..whole - 1]);
    // No JSON text holds a NUL: blocks before the last one were never written.
    if bytes[start..whole].contains(&0) {
        start
    } else {
        whole
    }
}

/// The entries of `whole`, a chain without fault.
fn check(whole: &[u8], path: &Path) -> Result<Vec<Entry>, ChainError> {
    if whole.is_empty() {
        return Err(ChainError::NothingToResume(shown(path)));
    }
    let chain = links::chain(whole);
    if let Some(finding) = chain.findings.iter().find(|finding| finding.is_fault()) {
        return Err(ChainError::Damaged {
            path: shown(path),
            line: finding.line().unwrap_or(1),
            fault: Finding::to_string(finding),
            name: finding.name(),
        });
    }
    Ok(chain.entries)
}

/// Copies `tail` to a file of its own; it is on the disk on return.
fn set_aside(path: &Path, seq: u64, tail: &[u8]) -> Result<(), ChainError> {
    for name in names(path, seq) {
        match OpenOptions::new()
            .write(true)
            .create_new(true)
            .mode(0o644)
            .open(&name)
        {
            Ok(mut copy) => {
                copy.write_all(tail).map_err(failed("Writing", &name))?;
                copy.sync_all().map_err(failed("Flushing", &name))?;
                return sync_parent(path);
            }
            // A cut between this copy and the cutting of the transcript leaves the same tail in both.
            Err(cause) if cause.kind() == io::ErrorKind::AlreadyExists => {
                if read_tail(&name)?.is_some_and(|found| found == tail) {
                    return Ok(());
                }
            }
            Err(cause) => return Err(failed("Creating", &name)(cause)),
        }
    }
    Err(ChainError::Exists(shown(&name(path, seq, 1))))
}

/// All tails set aside at `seq`. None of them has its `resumed` entry yet, since that would have taken the number.
fn tails(path: &Path, seq: u64) -> Result<Vec<Torn>, ChainError> {
    let mut torn = Vec::new();
    for path in names(path, seq) {
        let Some(bytes) = read_tail(&path)? else {
            break;
        };
        torn.push(Torn {
            path,
            bytes: bytes.len() as u64,
            sha256: Hex(sha256(&bytes)),
        });
    }
    Ok(torn)
}

fn read_tail(path: &Path) -> Result<Option<Vec<u8>>, ChainError> {
    match open(path) {
        Ok(mut file) => read_all(&mut file, path).map(Some),
        Err(ChainError::Absent(_)) => Ok(None),
        Err(fault) => Err(fault),
    }
}

fn names(path: &Path, seq: u64) -> impl Iterator<Item = PathBuf> {
    (1..=99).map(move |n| name(path, seq, n))
}

/// `NAME.torn-<seq>`, then `NAME.torn-<seq>-2` and so on, when power fails again before `resumed` is written.
fn name(path: &Path, seq: u64, n: u32) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(format!(".torn-{seq}"));
    if n > 1 {
        name.push(format!("-{n}"));
    }
    name.into()
}

impl Torn {
    /// The entry that names this tail, with the ceremony's new public key.
    pub fn entry(&self, ceremony_key: &str) -> Body {
        Body::Resumed(super::entry::Resumed {
            torn_bytes: self.bytes,
            torn_sha256: Some(self.sha256),
            ceremony_key: ceremony_key.to_owned(),
        })
    }
}
