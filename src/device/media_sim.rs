//! Media of a rehearsal: directories, unplugged in name only.
//!
//! A medium is a directory below the rehearsal's output. [`SimulatedMedia::unplug`] and [`SimulatedMedia::plug`] play
//! the hand at the socket. Everything that a real medium refuses is refused here by the same name.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};

use super::media::{
    LARGEST_COPY, Media, MediaError, Medium, Reading, VerifiedCopy, plain_name, same_medium, shown,
};
use super::media_real::{read_back, write_new};

/// Directories that play media.
#[derive(Default)]
pub struct SimulatedMedia {
    out: BTreeSet<PathBuf>,
    /// Once unplugged at least since the last probe; behind a lock because a rehearsal's worker shares it.
    unplugged: Mutex<BTreeSet<PathBuf>>,
}

impl SimulatedMedia {
    /// The media of a rehearsal: these directories, plugged in. They must exist when a copy is written.
    pub fn new(directories: impl IntoIterator<Item = PathBuf>) -> Self {
        Self {
            out: directories.into_iter().collect(),
            unplugged: Mutex::default(),
        }
    }

    /// Pulls the medium out. Whether it was in.
    pub fn unplug(&self, path: &Path) -> bool {
        self.pulled().insert(path.to_owned())
    }

    /// Plugs the medium in again. Whether it was out.
    pub fn plug(&self, path: &Path) -> bool {
        self.pulled().remove(path)
    }

    fn pulled(&self) -> MutexGuard<'_, BTreeSet<PathBuf>> {
        self.unplugged
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }

    fn number(&self, path: &Path) -> Option<u64> {
        let at = self.out.iter().position(|known| known == path)?;
        Some(at as u64 + 1)
    }
}

impl Media for SimulatedMedia {
    fn probe(&self, path: &Path) -> Result<Medium, MediaError> {
        let absent = || MediaError::Absent { path: shown(path) };
        let number = self.number(path).ok_or_else(absent)?;
        if self.pulled().contains(path) || !path.is_dir() {
            return Err(absent());
        }
        Ok(Medium {
            path: path.to_owned(),
            device: number,
            block: None,
            disks: vec![format!("simulated-{number}")],
            id: Some(format!("{number:08x}")),
            fs_type: "simulated".to_owned(),
            mount_point: path.to_owned(),
            source: format!("simulated medium {number}"),
            free: LARGEST_COPY,
            removable: Some(true),
            read_only: false,
        })
    }

    fn write_copy(&self, medium: &Medium, name: &str, bytes: &[u8]) -> Result<(), MediaError> {
        self.back(medium)?;
        plain_name(name)?;
        write_new(&medium.path, name, bytes, None)
    }

    fn unplugged(&self, medium: &Medium) -> Result<(), MediaError> {
        if self.pulled().contains(&medium.path) {
            Ok(())
        } else {
            Err(MediaError::StillPlugged {
                path: shown(&medium.path),
            })
        }
    }

    fn back(&self, medium: &Medium) -> Result<Medium, MediaError> {
        let now = self.probe(&medium.path)?;
        if same_medium(medium, &now) {
            Ok(now)
        } else {
            Err(MediaError::Other {
                path: shown(&medium.path),
            })
        }
    }

    fn verify_copy(
        &self,
        medium: &Medium,
        name: &str,
        sha256: &[u8; 32],
    ) -> Result<VerifiedCopy, MediaError> {
        self.back(medium)?;
        plain_name(name)?;
        let copy = read_back(&medium.path, name, sha256, None)?;
        Ok(VerifiedCopy {
            reading: Reading::CacheDropped,
            ..copy
        })
    }
}
