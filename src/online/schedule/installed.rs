//! What is installed already.

use std::path::{Path, PathBuf};

use super::plan::{MAX, below};
use super::units::{By, Host, Role, UnitFile, files};
use crate::files::read;

/// A file of ours that is there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Installed {
    /// The file, as this program would write it.
    pub file: UnitFile,
    /// Where it lies.
    pub path: PathBuf,
    /// Whether it is as this program would write it.
    pub same: bool,
    /// Whether systemd starts it, if it is for systemd to start.
    pub enabled: Option<bool>,
}

/// What is installed of one way and role: nothing, all of it or a part, and how many files it has when it is whole.
pub fn installed(root: &Path, by: By, role: Role, host: &Host) -> (Vec<Installed>, usize) {
    let files = files(by, role, host);
    let whole = files.len();
    let found = files.into_iter().filter_map(|file| {
        let path = below(root, &file.path);
        path.symlink_metadata().ok()?;
        let same = read(&path, MAX).is_ok_and(|bytes| bytes == file.text.as_bytes());
        let link = file.wanted_by.map(|target| {
            path.with_file_name(format!("{target}.wants"))
                .join(file.name())
        });
        Some(Installed {
            enabled: link.map(|link| link.symlink_metadata().is_ok()),
            same,
            path,
            file,
        })
    });
    (found.collect(), whole)
}
