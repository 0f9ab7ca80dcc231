//! Files that others read while they are written anew: complete at every moment, and readable by all.

use std::fs::{self, File, OpenOptions, Permissions};
use std::io::{self, Write};
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

use super::{refused, rename};
use crate::ceremony::event::Refused;

/// Writes `bytes` to `path` (mode 0644 whatever the umask): a new temporary file beside it, synced, renamed. What had
/// that name is replaced, a link included; links are not followed, since the directory may be another user's.
///
/// The temporary file is `.NAME.PID.part`. Those of processes that ended before they renamed theirs are removed.
///
/// # Errors
/// `file-not-written` with the path and the system's reason; `path` is then as it was.
pub fn publish(path: &Path, bytes: &[u8]) -> Result<(), Refused> {
    let fail = |error: io::Error| {
        refused(
            "file-not-written",
            format!("{} could not be written: {error}.", path.display()),
            "Look at the directory, its rights and its free space.",
        )
    };
    let part = prepare(path).map_err(fail)?;
    let written = write(&part, bytes);
    if let Err(error) = written {
        // Ours alone: it was made just now.
        let _ = fs::remove_file(&part);
        return Err(fail(error));
    }
    rename(&part, path).inspect_err(|_| {
        let _ = fs::remove_file(&part);
    })
}

fn write(part: &Path, bytes: &[u8]) -> io::Result<()> {
    let mut file: File = OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(part)?;
    file.write_all(bytes)?;
    file.set_permissions(Permissions::from_mode(0o644))?;
    file.sync_all()
}

/// The temporary file's path, after what was left over under such names is gone.
fn prepare(path: &Path) -> io::Result<PathBuf> {
    let name = path
        .file_name()
        .and_then(|name| name.to_str())
        .ok_or(io::ErrorKind::InvalidFilename)?;
    let directory = match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    };
    let own = std::process::id();
    for entry in fs::read_dir(directory)? {
        let entry = entry?;
        let left = entry.file_name().to_str().and_then(|found| {
            found
                .strip_prefix(&format!(".{name}."))?
                .strip_suffix(".part")?
                .parse::<u32>()
                .ok()
        });
        // What another process still writes is its own.
        if let Some(pid) = left
            && (pid == own || !Path::new(&format!("/proc/{pid}")).exists())
        {
            fs::remove_file(entry.path())?;
        }
    }
    Ok(directory.join(format!(".{name}.{own}.part")))
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::{MetadataExt, symlink};

    use super::*;

    fn names(dir: &Path) -> Vec<String> {
        let mut names: Vec<_> = fs::read_dir(dir)
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        names.sort();
        names
    }

    #[test]
    fn it_is_whole_readable_and_leaves_nothing() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("a.prom");
        publish(&path, b"first\n").unwrap();
        let inode = fs::metadata(&path).unwrap().ino();
        // The old content stays with whoever reads it.
        let reader = File::open(&path).unwrap();
        publish(&path, b"second\n").unwrap();
        assert_eq!(io::read_to_string(reader).unwrap(), "first\n");
        assert_eq!(fs::read(&path).unwrap(), b"second\n");
        let found = fs::metadata(&path).unwrap();
        assert_ne!(found.ino(), inode);
        assert_eq!(found.mode() & 0o7777, 0o644);
        assert_eq!(names(dir.path()), ["a.prom"]);
    }

    #[test]
    fn leftovers_go_and_those_of_the_living_stay() {
        let dir = tempfile::tempdir().unwrap();
        // No process has a number above the kernel's bound of 2^22; process 1 lives.
        for name in [
            ".a.prom.4194305.part",
            ".a.prom.1.part",
            ".b.prom.4194305.part",
        ] {
            fs::write(dir.path().join(name), b"half").unwrap();
        }
        publish(&dir.path().join("a.prom"), b"x").unwrap();
        assert_eq!(
            names(dir.path()),
            [".a.prom.1.part", ".b.prom.4194305.part", "a.prom"]
        );
    }

    #[test]
    fn links_are_replaced_and_not_followed() {
        let dir = tempfile::tempdir().unwrap();
        let (victim, path) = (dir.path().join("victim"), dir.path().join("a.prom"));
        fs::write(&victim, b"precious").unwrap();
        symlink(&victim, &path).unwrap();
        let part = dir
            .path()
            .join(format!(".a.prom.{}.part", std::process::id()));
        symlink(&victim, part).unwrap();
        publish(&path, b"x").unwrap();
        assert_eq!(fs::read(&victim).unwrap(), b"precious");
        assert!(fs::symlink_metadata(&path).unwrap().is_file());
        assert_eq!(names(dir.path()), ["a.prom", "victim"]);
    }

    #[test]
    fn what_can_not_be_written_is_refused() {
        let dir = tempfile::tempdir().unwrap();
        let refused = publish(&dir.path().join("absent/a.prom"), b"x").unwrap_err();
        assert_eq!(refused.name, "file-not-written");
        fs::create_dir(dir.path().join("a.prom")).unwrap();
        let refused = publish(&dir.path().join("a.prom"), b"x").unwrap_err();
        assert_eq!(refused.name, "file-not-written");
        assert_eq!(names(dir.path()), ["a.prom"], "the temporary file is gone");
    }
}
