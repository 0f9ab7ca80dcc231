//! Files, read with a bound, and written whole, synced, renamed, or not at all.

mod dir;
mod publish;

use std::fs::{File, OpenOptions};
use std::io::{Read, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use crate::ceremony::event::Refused;

pub use dir::Dir;
pub use publish::publish;

/// A refusal with this name.
pub fn refused(name: &str, what: impl Into<String>, way_on: &str) -> Refused {
    Refused {
        name: name.into(),
        what: what.into(),
        way_on: way_on.into(),
        again: vec![],
    }
}

/// Any of our errors as a refusal for the transcript.
pub fn from_error<E: crate::refusal::Refuse>(error: &E) -> Refused {
    refused(error.name(), error.to_string(), error.way_on())
}

/// Writes `bytes` to `path` (mode 0600): a temporary file beside it, synced, renamed, the directory synced.
///
/// # Errors
/// `file-not-written` with the path and the system's reason.
pub fn write(path: &Path, bytes: &[u8]) -> Result<(), Refused> {
    let fail = |error: std::io::Error| {
        refused(
            "file-not-written",
            format!("{} could not be written: {error}.", path.display()),
            "Free some space or use another journal directory, then try again.",
        )
    };
    let mut temporary = path.as_os_str().to_owned();
    temporary.push(".part");
    let temporary = Path::new(&temporary);
    let mut file = OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(true)
        .mode(0o600)
        .open(temporary)
        .map_err(fail)?;
    file.write_all(bytes)
        .and_then(|()| file.sync_all())
        .map_err(fail)?;
    rename(temporary, path)
}

/// Gives a complete file its name, durably; what had that name is replaced.
///
/// # Errors
/// `file-not-written` with the path and the system's reason.
pub fn rename(from: &Path, to: &Path) -> Result<(), Refused> {
    std::fs::rename(from, to)
        .and_then(|()| sync_parent(to))
        .map_err(|error| {
            refused(
                "file-not-written",
                format!("{} could not be written: {error}.", to.display()),
                "Free some space or use another journal directory, then try again.",
            )
        })
}

/// Makes a directory and those around it, unless they are there.
///
/// # Errors
/// `file-not-written` with the path and the system's reason.
pub fn make_dir(path: &Path) -> Result<(), Refused> {
    std::fs::create_dir_all(path).map_err(|error| {
        refused(
            "file-not-written",
            format!("{} can't be made: {error}.", path.display()),
            "Look at the medium, or give another directory.",
        )
    })
}

/// Makes the name of a file as durable as its bytes.
fn sync_parent(path: &Path) -> std::io::Result<()> {
    let parent = path
        .parent()
        .filter(|p| !p.as_os_str().is_empty())
        .unwrap_or(Path::new("."));
    File::open(parent)?.sync_all()
}

fn exists(path: &Path) -> Refused {
    refused(
        "file-exists",
        format!("{} exists already; nothing is overwritten.", path.display()),
        "Give another file name.",
    )
}

/// Whether nothing lies under a name yet, for those who write several files or none.
///
/// # Errors
/// `file-exists`.
pub fn must_be_new(path: &Path) -> Result<(), Refused> {
    match path.symlink_metadata() {
        Ok(_) => Err(exists(path)),
        Err(_) => Ok(()), // what else is wrong, writing will say
    }
}

/// Writes `bytes` to a new file (mode 0600), synced with its directory. Nothing is overwritten, no link followed. A
/// file that could not be written whole is removed again.
///
/// # Errors
/// `file-exists`, `file-not-written`, naming the path.
pub fn write_new(path: &Path, bytes: &[u8]) -> Result<(), Refused> {
    let fail = |error: std::io::Error| match error.kind() {
        std::io::ErrorKind::AlreadyExists => exists(path),
        _ => refused(
            "file-not-written",
            format!("{} could not be written: {error}.", path.display()),
            "Look at the place and its free space, or give another.",
        ),
    };
    let mut file = OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(path)
        .map_err(fail)?;
    let written = file.write_all(bytes).and_then(|()| file.sync_all());
    if let Err(error) = written {
        // Ours alone: it was made just now.
        let _ = std::fs::remove_file(path);
        return Err(fail(error));
    }
    sync_parent(path).map_err(fail)
}

/// Reads a file of at most `limit` bytes.
///
/// # Errors
/// `file-unreadable`, `file-too-large`, naming the path.
pub fn read(path: &Path, limit: usize) -> Result<Vec<u8>, Refused> {
    let fail = |error: std::io::Error| {
        refused(
            "file-unreadable",
            format!("{} could not be read: {error}.", path.display()),
            "Look at the path and the medium, and type it again.",
        )
    };
    let mut bytes = Vec::new();
    // O_NONBLOCK: a pipe in the file's place would wait for its writer for ever.
    let flags = rustix::fs::OFlags::NONBLOCK.bits().cast_signed();
    let file = OpenOptions::new()
        .read(true)
        .custom_flags(flags)
        .open(path)
        .map_err(fail)?;
    if !file.metadata().map_err(fail)?.is_file() {
        return Err(refused(
            "file-unreadable",
            format!("{} is not a file.", path.display()),
            "Type the path of the file itself.",
        ));
    }
    file.take(limit as u64 + 1)
        .read_to_end(&mut bytes)
        .map_err(fail)?;
    if bytes.len() > limit {
        return Err(refused(
            "file-too-large",
            format!(
                "{} has more than {limit} bytes, more than any file of its kind.",
                path.display()
            ),
            "Look whether this is the right file.",
        ));
    }
    Ok(bytes)
}

/// As [`read`], for a file that holds a secret: it must belong to who runs the program, be reachable by nobody else, and
/// be neither a link nor linked elsewhere.
///
/// # Errors
/// Those of [`read`]; `file-not-private` with what is open.
pub fn read_private(path: &Path, limit: usize) -> Result<zeroize::Zeroizing<Vec<u8>>, Refused> {
    use std::os::unix::fs::MetadataExt;
    let open = |what: String| {
        refused(
            "file-not-private",
            format!("{} {what}.", path.display()),
            "Find out who could read or change it; if nobody did, make it a file of its own with mode 0600, and try again.",
        )
    };
    if let Ok(found) = path.symlink_metadata() {
        let own = rustix::process::geteuid().as_raw();
        let mode = found.mode() & 0o7777;
        if found.is_symlink() {
            return Err(open("is a symbolic link".into()));
        }
        if found.is_file() && found.uid() != own {
            return Err(open(format!(
                "belongs to user {}, and this program runs as user {own}",
                found.uid()
            )));
        }
        if found.is_file() && mode & 0o077 != 0 {
            return Err(open(format!(
                "has mode {mode:04o}, and others than its owner can reach it"
            )));
        }
        if found.is_file() && found.nlink() > 1 {
            return Err(open("has other names (hard links)".into()));
        }
    }
    read(path, limit).map(zeroize::Zeroizing::new)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pipe_in_the_place_of_a_file_is_refused_at_once() {
        let dir = tempfile::tempdir().unwrap();
        let pipe = dir.path().join("pipe");
        rustix::fs::mkfifoat(rustix::fs::CWD, &pipe, rustix::fs::Mode::RUSR).unwrap();
        let refused = read(&pipe, 10).unwrap_err();
        assert_eq!(refused.name, "file-unreadable");
        assert!(
            refused.what.ends_with("pipe is not a file."),
            "{}",
            refused.what
        );
        assert_eq!(read(dir.path(), 10).unwrap_err().name, "file-unreadable");
        let file = dir.path().join("file");
        write_new(&file, b"0123456789").unwrap();
        assert_eq!(read(&file, 10).unwrap(), b"0123456789");
        assert_eq!(read(&file, 9).unwrap_err().name, "file-too-large");
        assert_eq!(write_new(&file, b"x").unwrap_err().name, "file-exists");
    }
    #[test]
    fn a_secret_is_not_read_from_a_file_that_others_reach() {
        use std::os::unix::fs::PermissionsExt;
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("secret");
        write_new(&file, b"s").unwrap();
        assert_eq!(*read_private(&file, 10).unwrap(), b"s");
        let name = |path: &Path| read_private(path, 10).unwrap_err().name;
        std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o640)).unwrap();
        assert_eq!(name(&file), "file-not-private");
        std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o600)).unwrap();
        let (hard, soft) = (dir.path().join("hard"), dir.path().join("soft"));
        std::os::unix::fs::symlink(&file, &soft).unwrap();
        assert_eq!(name(&soft), "file-not-private");
        std::fs::hard_link(&file, hard).unwrap();
        assert_eq!(name(&file), "file-not-private");
        assert_eq!(name(&dir.path().join("absent")), "file-unreadable");
    }
}
