//! Files of the kernel, read below a root directory: bounded, and absent told apart from unreadable.

use std::io::{ErrorKind, Read};
use std::path::Path;

/// No file of the kernel that is read here is larger, in bytes.
pub(super) const LIMIT: u64 = 1024 * 1024;

/// The text of a file; `None` if it does not exist; else why it can't be read.
pub(super) fn read(root: &Path, path: &str) -> Result<Option<String>, String> {
    let mut bytes = Vec::new();
    let read = std::fs::File::open(root.join(path))
        .and_then(|file| file.take(LIMIT + 1).read_to_end(&mut bytes));
    match read {
        Ok(_) if bytes.len() as u64 > LIMIT => Err("it is too large".to_owned()),
        Ok(_) => Ok(Some(String::from_utf8_lossy(&bytes).into_owned())),
        Err(fault) if fault.kind() == ErrorKind::NotFound => Ok(None),
        Err(fault) => Err(fault.to_string()),
    }
}

/// Names in a directory, sorted; `None` if it does not exist; else why it can't be read.
pub(super) fn list(root: &Path, path: &str) -> Result<Option<Vec<String>>, String> {
    let entries = match std::fs::read_dir(root.join(path)) {
        Ok(entries) => entries,
        Err(fault) if fault.kind() == ErrorKind::NotFound => return Ok(None),
        Err(fault) => return Err(fault.to_string()),
    };
    let mut names = Vec::new();
    for entry in entries {
        let entry = entry.map_err(|fault| fault.to_string())?;
        names.push(entry.file_name().to_string_lossy().into_owned());
    }
    names.sort();
    Ok(Some(names))
}

/// A name of the kernel's, fit for a screen: whoever names an interface must not steer the terminal.
pub(super) fn plain(name: &str) -> String {
    name.chars()
        .map(|c| {
            if c.is_ascii_graphic() || c == ' ' {
                c
            } else {
                '?'
            }
        })
        .take(64)
        .collect()
}
