//! Appending one line.

use std::fs::{File, OpenOptions, Permissions};
use std::io::{self, ErrorKind, Write};
use std::os::unix::fs::{FileExt, MetadataExt, OpenOptionsExt, PermissionsExt};
use std::path::Path;
use std::time::Duration;

use rustix::fs::{FlockOperation, OFlags, flock};

use super::LogFault;

/// Appends `line` by one write call. A file that isn't there is made, mode 0640 whatever the umask; its directory is not.
pub(super) fn append(path: &Path, line: &[u8]) -> Result<(), LogFault> {
    let fail = |error: io::Error| LogFault::NotWritten {
        path: path.to_owned(),
        reason: error.to_string(),
    };
    let mut file = open(path).map_err(|error| {
        match error
            .raw_os_error()
            .map(rustix::io::Errno::from_raw_os_error)
        {
            // A link, where O_NOFOLLOW was told.
            Some(rustix::io::Errno::LOOP) => LogFault::NoFile(path.to_owned()),
            _ => fail(error),
        }
    })?;
    let found = file.metadata().map_err(fail)?;
    if !found.is_file() {
        return Err(LogFault::NoFile(path.to_owned()));
    }
    if found.mode() & 0o002 != 0 {
        return Err(LogFault::OthersWrite(path.to_owned()));
    }
    // A line that was torn, by a full disk or a power cut, is ended first, and stays one broken line. A line that another
    // of us is writing looks the same, so this is looked at under a lock.
    let mut bytes = Vec::with_capacity(line.len() + 1);
    if locked(&file) && torn(&file).map_err(fail)? {
        bytes.push(b'\n');
    }
    bytes.extend_from_slice(line);
    let written = loop {
        match file.write(&bytes) {
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            written => break written.map_err(fail)?,
        }
    };
    if written < bytes.len() {
        return Err(fail(ErrorKind::StorageFull.into()));
    }
    Ok(())
}

/// Takes the file's lock, which ends with the file. Whoever may read the log may hold its lock, so nobody waits for long: without
/// it a line is written all the same.
fn locked(file: &File) -> bool {
    (0..100).any(|attempt| {
        if attempt > 0 {
            std::thread::sleep(Duration::from_millis(5));
        }
        flock(file, FlockOperation::NonBlockingLockExclusive).is_ok()
    })
}

/// Whether the last line has no end.
fn torn(file: &File) -> io::Result<bool> {
    let length = file.metadata()?.len();
    let mut last = [b'\n'];
    if length > 0 {
        file.read_at(&mut last, length - 1)?;
    }
    Ok(last != *b"\n")
}

fn open(path: &Path) -> io::Result<File> {
    // NONBLOCK: a pipe in the file's place would wait for its reader for ever.
    let flags = (OFlags::NOFOLLOW | OFlags::NONBLOCK).bits().cast_signed();
    let mut options = OpenOptions::new();
    options
        .append(true)
        .read(true)
        .custom_flags(flags)
        .mode(0o600);
    match options.clone().create_new(true).open(path) {
        Ok(file) => {
            file.set_permissions(Permissions::from_mode(0o640))?;
            Ok(file)
        }
        Err(error) if error.kind() == ErrorKind::AlreadyExists => options.open(path),
        Err(error) => Err(error),
    }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::symlink;

    use jiff::Timestamp;

    use super::super::{AuditLog, Entry, Level};
    use super::*;

    fn entry(n: u64) -> Entry {
        Entry::new(Level::Info, "test", "line")
            .with("n", n)
            .with_text("filler", "x".repeat(3000))
    }

    #[test]
    fn lines_of_many_writers_never_mix() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("audit.log");
        std::thread::scope(|scope| {
            for writer in 0..8 {
                let log = AuditLog::new(Some(path.clone()), false, format!("node-{writer}"));
                scope.spawn(move || {
                    for n in 0..100 {
                        log.write(Timestamp::UNIX_EPOCH, &entry(n)).unwrap();
                    }
                });
            }
        });
        let text = fs::read_to_string(&path).unwrap();
        let mut next = [0_u64; 8];
        for line in text.lines() {
            let value: serde_json::Value = serde_json::from_str(line).unwrap();
            let writer: usize = value["node_id"].as_str().unwrap()[5..].parse().unwrap();
            assert_eq!(value["fields"]["n"], next[writer]);
            next[writer] += 1;
        }
        assert_eq!(next, [100; 8]);
        assert_eq!(fs::metadata(&path).unwrap().mode() & 0o7777, 0o640);
    }

    #[test]
    fn a_torn_line_is_ended_and_a_rotated_file_made_anew() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("audit.log");
        fs::write(&path, "{\"timestamp\":\"20").unwrap();
        append(&path, b"{}\n").unwrap();
        append(&path, b"{}\n").unwrap();
        assert_eq!(
            fs::read_to_string(&path).unwrap(),
            "{\"timestamp\":\"20\n{}\n{}\n"
        );
        fs::rename(&path, dir.path().join("audit.log.1")).unwrap();
        append(&path, b"{}\n").unwrap();
        assert_eq!(fs::read_to_string(&path).unwrap(), "{}\n");
    }

    #[test]
    fn who_holds_the_lock_stops_nobody() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("audit.log");
        append(&path, b"{}\n").unwrap();
        let reader = File::open(&path).unwrap();
        flock(&reader, FlockOperation::LockExclusive).unwrap();
        append(&path, b"{}\n").unwrap();
        assert_eq!(fs::read_to_string(&path).unwrap(), "{}\n{}\n");
    }

    #[test]
    fn what_is_no_log_is_refused() {
        let dir = tempfile::tempdir().unwrap();
        let (victim, link) = (dir.path().join("victim"), dir.path().join("link"));
        fs::write(&victim, "precious").unwrap();
        symlink(&victim, &link).unwrap();
        assert_eq!(append(&link, b"{}\n"), Err(LogFault::NoFile(link)));
        assert_eq!(fs::read_to_string(&victim).unwrap(), "precious");
        fs::set_permissions(&victim, Permissions::from_mode(0o666)).unwrap();
        assert_eq!(append(&victim, b"{}\n"), Err(LogFault::OthersWrite(victim)));
        let absent = dir.path().join("absent/audit.log");
        assert!(matches!(
            append(&absent, b"{}\n"),
            Err(LogFault::NotWritten { .. })
        ));
        assert!(matches!(
            append(dir.path(), b"{}\n"),
            Err(LogFault::NotWritten { .. })
        ));
        let pipe = dir.path().join("pipe");
        rustix::fs::mkfifoat(
            rustix::fs::CWD,
            &pipe,
            rustix::fs::Mode::RUSR | rustix::fs::Mode::WUSR,
        )
        .unwrap();
        assert_eq!(append(&pipe, b"{}\n"), Err(LogFault::NoFile(pipe)));
    }
}
