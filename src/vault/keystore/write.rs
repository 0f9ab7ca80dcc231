use std::collections::HashSet;
use std::os::fd::OwnedFd;
use std::path::Path;

use rustix::fs::{AtFlags, Gid, Mode, OFlags, RenameFlags, Uid};
use rustix::io::Errno;
use sha2::{Digest, Sha256};

use super::dir::Directory;
use super::examine::examine_open;
use super::file::{MAX_NAME, content_of, file_name, printable, read_bounded, reason};
use super::{FileFault, FileWarning, Finding, KeystoreFault, ProvenKey, UnprovableKey, WriteFault};
use crate::secret::{SecretBytes, SecretText};
use crate::vault::schemes::KeyType;

/// How the names of files begin that are not complete yet. No such name is hex, so the node ignores them.
const UNFINISHED: &[u8] = b".qh-ceremony-new-";

/// The user and group that written files shall belong to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Owner {
    /// User id, e.g. 1000 in the container image.
    pub uid: u32,
    /// Group id.
    pub gid: u32,
}

/// What became of a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// It was written now.
    Created,
    /// It was there, with the same content.
    AlreadyThere,
}

/// One file after writing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WrittenFile {
    /// File name.
    pub file: String,
    /// What became of it.
    pub state: State,
    /// Permission bits as read back.
    pub mode: u32,
    /// User id as read back.
    pub uid: u32,
    /// Group id as read back.
    pub gid: u32,
    /// What deserves a look; some file systems (FAT) keep neither mode nor owner.
    pub warnings: Vec<FileWarning>,
}

/// The outcome of a writing: every file named, read back, compared and proven again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Written {
    /// The files, in the order given.
    pub files: Vec<WrittenFile>,
    /// Whatever else lies in the directory, by name. A second aura key is a second signer.
    pub others: Vec<String>,
}

/// Makes a keystore or network directory with mode 0700, if it is not there, and syncs its parent. The parent must
/// exist, so that a mistyped path makes nothing. Gives whether it was made now.
///
/// # Errors
/// [`WriteFault`].
pub fn prepare(dir: &Path, owner: Option<Owner>) -> Result<bool, WriteFault> {
    let parent = match dir.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    };
    let parent = Directory::open(parent)?;
    let file = dir.display().to_string();
    let Some(name) = dir.file_name() else {
        return Directory::open(dir)
            .map(|_| false)
            .map_err(WriteFault::from);
    };
    match rustix::fs::mkdirat(&parent, name, Mode::RWXU) {
        Ok(()) => {}
        Err(Errno::EXIST) => {
            return Directory::open(dir)
                .map(|_| false)
                .map_err(WriteFault::from);
        }
        Err(errno) => return Err(failed(&file, "making the directory", errno)),
    }
    let made = Directory::open(dir)?;
    if let Some(owner) = owner {
        change_owner(&made, owner).map_err(|errno| failed(&file, "giving it its owner", errno))?;
    }
    rustix::fs::fsync(&parent).map_err(|errno| failed(&file, "syncing its parent", errno))?;
    Ok(true)
}

/// Writes keys into an existing keystore directory. Never overwrites: a file with the same content counts as there, one
/// with other content refuses the whole writing before anything is written. Afterwards the directory is listed, and
/// every key read, compared and proven again. `excepted` are keys that two people let pass unproven.
///
/// # Errors
/// [`WriteFault`]. Files completed before a fault stay, since each is whole; writing again continues.
pub fn write(
    dir: &Path,
    keys: &[ProvenKey],
    excepted: &[UnprovableKey],
    owner: Option<Owner>,
    password: Option<&SecretText>,
) -> Result<Written, WriteFault> {
    let proven = keys
        .iter()
        .map(|key| (key.key_type(), key.public(), key.secret_text()));
    let excepted = excepted
        .iter()
        .map(|key| (key.key_type(), key.public(), key.secret_text()));
    let all: Vec<(KeyType, &[u8], &SecretBytes)> = proven.chain(excepted).collect();

    let mut files = Vec::new();
    for (key_type, public, secret_text) in &all {
        let name = file_name(*key_type, public);
        let content = content_of(secret_text).map_err(|fault| {
            KeystoreFault::Files(vec![Finding {
                file: name.clone(),
                fault,
            }])
        })?;
        files.push(Planned { name, content });
    }
    let dir = Directory::open(dir)?;
    let written = write_files(&dir, &files, owner)?;

    let examined = examine_open(&dir, password)?;
    for (file, (key_type, public, secret_text)) in files.iter().zip(&all) {
        let again = examined
            .proven
            .iter()
            .map(|key| (key.key_type(), key.public(), key.secret_text()))
            .chain(
                examined
                    .unprovable
                    .iter()
                    .map(|key| (key.key_type(), key.public(), key.secret_text())),
            )
            .find(|(kind, found, _)| kind == key_type && found == public);
        match again {
            Some((_, _, text)) if text.same(secret_text.expose()) => {}
            _ => {
                return Err(WriteFault::NotAsWritten {
                    file: file.name.clone(),
                });
            }
        }
    }
    let names: HashSet<&str> = files.iter().map(|file| file.name.as_str()).collect();
    let others = examined.listing.entries.into_iter().map(|entry| entry.file);
    let others = others
        .filter(|file| !names.contains(file.as_str()))
        .collect();
    Ok(Written {
        files: written,
        others,
    })
}

/// Overwrites and removes what a writing that was cut short left behind; gives the names. On flash, overwriting proves
/// nothing: the medium keeps old blocks.
///
/// # Errors
/// [`WriteFault`].
pub fn discard_unfinished(dir: &Path) -> Result<Vec<String>, WriteFault> {
    let dir = Directory::open(dir)?;
    let mut discarded = Vec::new();
    for name in dir.names()?.into_iter().filter(|name| is_unfinished(name)) {
        discard(&dir, &name)?;
        discarded.push(printable(&name));
    }
    if !discarded.is_empty() {
        let place = dir.path().display().to_string();
        rustix::fs::fsync(&dir).map_err(|errno| failed(&place, "syncing it", errno))?;
    }
    Ok(discarded)
}

/// Whether a name is that of a file that is not complete.
pub(super) fn is_unfinished(name: &[u8]) -> bool {
    name.starts_with(UNFINISHED)
}

/// A file to be written.
pub(super) struct Planned {
    pub(super) name: String,
    pub(super) content: zeroize::Zeroizing<Vec<u8>>,
}

/// Plans, then writes, then reads back and compares bytes.
pub(super) fn write_files(
    dir: &Directory,
    files: &[Planned],
    owner: Option<Owner>,
) -> Result<Vec<WrittenFile>, WriteFault> {
    let states = plan(dir, files)?;
    for (file, state) in files.iter().zip(&states) {
        if *state == State::Created {
            create(dir, file, owner)?;
        }
    }
    if states.contains(&State::Created) {
        let place = dir.path().display().to_string();
        rustix::fs::fsync(dir).map_err(|errno| failed(&place, "syncing it", errno))?;
    }
    let mut written = Vec::new();
    for (file, state) in files.iter().zip(states) {
        let name = &file.name;
        if !holds(dir, file).unwrap_or(false) {
            return Err(WriteFault::NotAsWritten { file: name.clone() });
        }
        let stat = dir
            .stat(name.as_bytes())
            .map_err(|errno| failed(name, "reading its attributes", errno))?;
        written.push(WrittenFile {
            file: name.clone(),
            state,
            mode: stat.st_mode & 0o7777,
            uid: stat.st_uid,
            gid: stat.st_gid,
            warnings: dir.warnings(&stat),
        });
    }
    Ok(written)
}

fn plan(dir: &Directory, files: &[Planned]) -> Result<Vec<State>, WriteFault> {
    if files.is_empty() {
        return Err(WriteFault::NothingToWrite);
    }
    let mut names = HashSet::new();
    for file in files {
        if file.name.len() > MAX_NAME {
            return Err(WriteFault::NameTooLong {
                len: file.name.len(),
            });
        }
        if !names.insert(&file.name) {
            return Err(WriteFault::GivenTwice {
                file: file.name.clone(),
            });
        }
    }
    if let Some(name) = dir.names()?.iter().find(|name| is_unfinished(name)) {
        return Err(WriteFault::Unfinished {
            file: printable(name),
        });
    }
    let mut states = Vec::new();
    for file in files {
        let name = &file.name;
        states.push(match dir.stat(name.as_bytes()) {
            Err(Errno::NOENT) => State::Created,
            Err(errno) => return Err(failed(name, "looking for it", errno)),
            Ok(_) => match holds(dir, file) {
                Ok(true) => State::AlreadyThere,
                Ok(false) => return Err(WriteFault::ExistsDifferent { file: name.clone() }),
                Err(fault) => {
                    return Err(WriteFault::ExistsRefused {
                        file: name.clone(),
                        fault,
                    });
                }
            },
        });
    }
    Ok(states)
}

/// Whether the file under that name has exactly the planned content.
fn holds(dir: &Directory, file: &Planned) -> Result<bool, FileFault> {
    use subtle::ConstantTimeEq;
    match read_bounded(dir, file.name.as_bytes(), file.content.len()) {
        Ok(found) => Ok(found.as_slice().ct_eq(file.content.as_slice()).into()),
        Err(FileFault::TooLarge { .. }) => Ok(false),
        Err(fault) => Err(fault),
    }
}

/// Lets a complete, synced file with the right mode and owner appear under its name.
fn create(dir: &Directory, file: &Planned, owner: Option<Owner>) -> Result<(), WriteFault> {
    let name = &file.name;
    // Derived from the name, so that the next run meets what this one may leave behind.
    let tag = Sha256::digest(name.as_bytes());
    let tag = data_encoding::HEXLOWER.encode(tag.get(..8).unwrap_or_default());
    let unfinished = [UNFINISHED, tag.as_bytes()].concat();

    let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let fd = match rustix::fs::openat(dir, &*unfinished, flags, Mode::RUSR | Mode::WUSR) {
        Ok(fd) => fd,
        Err(Errno::EXIST) => {
            return Err(WriteFault::Unfinished {
                file: printable(&unfinished),
            });
        }
        Err(errno) => return Err(failed(name, "creating it", errno)),
    };
    let outcome = fill(dir, &fd, &unfinished, file, owner);
    if outcome.is_err() {
        drop(fd);
        // If even this fails, the next listing names what is left.
        let _ = discard(dir, &unfinished);
    }
    outcome
}

fn fill(
    dir: &Directory,
    fd: &OwnedFd,
    unfinished: &[u8],
    file: &Planned,
    owner: Option<Owner>,
) -> Result<(), WriteFault> {
    let name = &file.name;
    if let Some(owner) = owner {
        change_owner(fd, owner).map_err(|errno| failed(name, "giving it its owner", errno))?;
    }
    write_all(fd, &file.content).map_err(|errno| failed(name, "writing it", errno))?;
    rustix::fs::fsync(fd).map_err(|errno| failed(name, "syncing it", errno))?;
    publish(dir, unfinished, name.as_bytes()).map_err(|errno| match errno {
        Errno::EXIST => WriteFault::ExistsDifferent { file: name.clone() },
        errno => failed(name, "naming it", errno),
    })
}

/// Gives the complete file its name; an existing name is an error, never overwritten.
fn publish(dir: &Directory, unfinished: &[u8], name: &[u8]) -> Result<(), Errno> {
    match rustix::fs::renameat_with(dir, unfinished, dir, name, RenameFlags::NOREPLACE) {
        // Some file systems can't rename without replacing; a hard link doesn't replace either.
        Err(Errno::INVAL | Errno::NOSYS | Errno::OPNOTSUPP) => {
            rustix::fs::linkat(dir, unfinished, dir, name, AtFlags::empty())?;
            rustix::fs::unlinkat(dir, unfinished, AtFlags::empty())
        }
        outcome => outcome,
    }
}

fn change_owner(fd: impl std::os::fd::AsFd, owner: Owner) -> Result<(), Errno> {
    let (uid, gid) = (Uid::from_raw(owner.uid), Gid::from_raw(owner.gid));
    rustix::fs::fchown(&fd, Some(uid), Some(gid))
}

fn write_all(fd: &OwnedFd, mut content: &[u8]) -> Result<(), Errno> {
    while !content.is_empty() {
        match rustix::io::write(fd, content) {
            Ok(0) => return Err(Errno::IO),
            Ok(count) => content = content.get(count..).unwrap_or_default(),
            Err(Errno::INTR) => {}
            Err(errno) => return Err(errno),
        }
    }
    Ok(())
}

/// Overwrites a file of ours with zeros and removes it.
fn discard(dir: &Directory, name: &[u8]) -> Result<(), WriteFault> {
    let file = printable(name);
    let flags = OFlags::WRONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
    if let Ok(fd) = rustix::fs::openat(dir, name, flags, Mode::empty())
        && let Ok(stat) = rustix::fs::fstat(&fd)
        && super::file::require_regular(&stat).is_ok()
    {
        let size = usize::try_from(stat.st_size)
            .unwrap_or(0)
            .min(super::MAX_KEY_FILE);
        // Best effort: the name must go even when the device no longer takes writes.
        let _ = write_all(&fd, &vec![0; size]).and_then(|()| rustix::fs::fsync(&fd));
    }
    rustix::fs::unlinkat(dir, name, AtFlags::empty())
        .map_err(|errno| failed(&file, "removing it", errno))
}

fn failed(file: &str, action: &'static str, errno: Errno) -> WriteFault {
    let file = file.to_owned();
    match errno {
        Errno::NOSPC | Errno::DQUOT => WriteFault::DiskFull { file },
        Errno::ROFS => WriteFault::ReadOnly { file },
        Errno::PERM | Errno::ACCESS => WriteFault::NotPermitted { file, action },
        errno => WriteFault::Failed {
            file,
            action,
            reason: reason(errno),
        },
    }
}

/// For [`super::write_network`], which has no key type.
pub(super) fn names_beside(
    dir: &Directory,
    written: &[WrittenFile],
) -> Result<Vec<String>, KeystoreFault> {
    let names = dir.names()?.into_iter().map(|name| printable(&name));
    Ok(names
        .filter(|name| written.iter().all(|file| file.file != *name))
        .collect())
}
