//! Sealed copies on media: a USB stick, a card, a disk in a bay.
//!
//! - Only sealed files come here, never a share or a plaintext.
//! - A copy counts after this round: written and synced, unplugged, plugged in again, read past the cache, and its
//!   SHA-256 compared. Until it was unplugged, a reading may only prove that memory works.
//! - A directory is not a medium. The place must be a mounted file system of its own, apart from the root's.
//! - A medium is known again by the id in its file system (UUID or serial), since its device name changes with the
//!   plug. Two partitions of one stick are one medium.
//! - Nothing is overwritten. What was begun and failed is removed again.
//! - [`Media`] is a trait because rehearsals have media too: [`SimulatedMedia`], directories that are unplugged in name.

use std::io;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::refusal::Refuse;

pub use super::media_real::MountedMedia;
pub use super::media_sim::SimulatedMedia;

/// The largest sealed file that is copied or verified, in bytes.
pub const LARGEST_COPY: u64 = 64 * 1024 * 1024;

/// A medium as it stands at a place.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Medium {
    /// The directory that copies go to, as given.
    pub path: PathBuf,
    /// `st_dev` of that directory.
    pub device: u64,
    /// The block device as `major:minor`; none for file systems in memory.
    pub block: Option<String>,
    /// The whole disks below it, by name of `/sys/block`: one for a stick, the lowest ones for an encrypted device.
    pub disks: Vec<String>,
    /// UUID or serial of the file system, in hex as it stands on the disk; none if unknown.
    pub id: Option<String>,
    /// The type of the file system, e.g. `ext4`, `vfat`.
    pub fs_type: String,
    /// The mount point.
    pub mount_point: PathBuf,
    /// What is mounted, e.g. `/dev/sdb1`.
    pub source: String,
    /// Free bytes.
    pub free: u64,
    /// Whether the disk says that it is removable; none if it says nothing.
    pub removable: Option<bool>,
    /// Whether it is mounted read-only.
    pub read_only: bool,
}

/// How a copy was read back.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Reading {
    /// From the device itself (`O_DIRECT`).
    PastTheCache,
    /// The kernel was asked to drop its cache and may have; only a medium that was unplugged in between proves more.
    CacheDropped,
}

/// A copy that was read back and is right.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct VerifiedCopy {
    /// SHA-256 of the file, 32 bytes as lower-case hex.
    pub sha256: String,
    /// How it was read.
    pub reading: Reading,
}

/// Why a medium or a copy is refused.
#[derive(Debug, thiserror::Error)]
pub enum MediaError {
    /// Nothing of its own is mounted there.
    #[error(
        "No medium is at {path}. What lies there belongs to the laptop itself or does not exist."
    )]
    Absent {
        /// The place.
        path: String,
    },
    /// Another medium than the one that is meant.
    #[error("Another medium is at {path} than the one that the copy was written to.")]
    Other {
        /// The place.
        path: String,
    },
    /// No room.
    #[error("The medium at {path} is full: {needed} bytes are needed and {free} are free.")]
    Full {
        /// The place.
        path: String,
        /// Bytes of the copy.
        needed: u64,
        /// Bytes that are free.
        free: u64,
    },
    /// Can't be written.
    #[error("The medium at {path} is read-only, so no copy can be written.")]
    ReadOnly {
        /// The place.
        path: String,
    },
    /// Two places, one medium.
    #[error(
        "{first} and {second} are the same medium ({disk}). If it fails, both copies are lost."
    )]
    SameDevice {
        /// One place.
        first: String,
        /// The other place.
        second: String,
        /// What they share.
        disk: String,
    },
    /// It wasn't unplugged.
    #[error(
        "The medium of {path} is still plugged in. Reading it now could read the laptop's memory instead."
    )]
    StillPlugged {
        /// The place.
        path: String,
    },
    /// The copy is not what was written.
    #[error(
        "The copy {file} differs from the sealed file: SHA-256 is {found}, and should be {expected}."
    )]
    Differs {
        /// The file.
        file: String,
        /// SHA-256 that was read, or what is wrong with the length.
        found: String,
        /// SHA-256 that it should have.
        expected: String,
    },
    /// There is a file of that name.
    #[error("A file {file} already exists. Nothing on a medium is overwritten.")]
    FileExists {
        /// The file.
        file: String,
    },
    /// The file isn't there.
    #[error("The copy {file} is not on the medium.")]
    FileAbsent {
        /// The file.
        file: String,
    },
    /// Not a plain file name.
    #[error("{name:?} is not a file name: a copy lies directly on its medium.")]
    BadName {
        /// The name.
        name: String,
    },
    /// Larger than any sealed file.
    #[error("The file {file} has {bytes} bytes, more than any sealed file.")]
    TooLarge {
        /// The file.
        file: String,
        /// Its size.
        bytes: u64,
    },
    /// The device or the kernel failed.
    #[error("The medium failed while it should {doing} {path}: {source}.")]
    Failed {
        /// What was being done, as in "write".
        doing: &'static str,
        /// The file or place.
        path: String,
        /// What the kernel answered.
        source: io::Error,
    },
}

impl Refuse for MediaError {
    fn name(&self) -> &'static str {
        match self {
            Self::Absent { .. } => "medium-absent",
            Self::Other { .. } => "medium-other",
            Self::Full { .. } => "medium-full",
            Self::ReadOnly { .. } => "medium-read-only",
            Self::SameDevice { .. } => "medium-same-device",
            Self::StillPlugged { .. } => "medium-still-plugged",
            Self::Differs { .. } => "copy-differs",
            Self::FileExists { .. } => "file-exists",
            Self::FileAbsent { .. } => "copy-absent",
            Self::BadName { .. } => "copy-bad-name",
            Self::TooLarge { .. } => "copy-too-large",
            Self::Failed { .. } => "medium-failed",
        }
    }

    fn way_on(&self) -> &'static str {
        match self {
            Self::Absent { .. } => "Plug the medium in, mount it at that place, and try again.",
            Self::Other { .. } => {
                "Plug in the medium with the label that the screen shows, and try again."
            }
            Self::Full { .. } => "Use another medium, or an empty one.",
            Self::ReadOnly { .. } => "Take off the write protection or use another medium.",
            Self::SameDevice { .. } => "Use a medium of its own for each copy.",
            Self::StillPlugged { .. } => {
                "Unmount it, pull it out, wait for five seconds, and plug it in again."
            }
            Self::Differs { .. } | Self::FileAbsent { .. } => {
                "Put this medium on the destroy list and write the copy to another one."
            }
            Self::FileExists { .. } => "Use an empty medium.",
            Self::BadName { .. } | Self::TooLarge { .. } => {
                "Choose the sealed file of this ceremony."
            }
            Self::Failed { .. } => "Try again once, then use another medium.",
        }
    }
}

/// What a ceremony asks of media.
pub trait Media {
    /// The medium at `path` ([`MediaError::Absent`]).
    fn probe(&self, path: &Path) -> Result<Medium, MediaError>;

    /// Writes `bytes` as the new file `name` on the medium, and returns once the device has them.
    ///
    /// [`MediaError::Other`], [`MediaError::Full`], [`MediaError::ReadOnly`], [`MediaError::FileExists`],
    /// [`MediaError::BadName`], [`MediaError::TooLarge`], [`MediaError::Failed`].
    fn write_copy(&self, medium: &Medium, name: &str, bytes: &[u8]) -> Result<(), MediaError>;

    /// Whether the medium is out of the laptop ([`MediaError::StillPlugged`]). Unmounting is not enough.
    fn unplugged(&self, medium: &Medium) -> Result<(), MediaError>;

    /// The same medium, plugged in again ([`MediaError::Absent`], [`MediaError::Other`]).
    fn back(&self, medium: &Medium) -> Result<Medium, MediaError>;

    /// Reads the copy past the cache and compares its SHA-256.
    ///
    /// [`MediaError::Differs`], [`MediaError::FileAbsent`], [`MediaError::Other`], [`MediaError::TooLarge`],
    /// [`MediaError::Failed`].
    fn verify_copy(
        &self,
        medium: &Medium,
        name: &str,
        sha256: &[u8; 32],
    ) -> Result<VerifiedCopy, MediaError>;
}

/// Whether each medium is another than all the others; names the first two that are not
/// ([`MediaError::SameDevice`]).
pub fn distinct(media: &[Medium]) -> Result<(), MediaError> {
    for (index, first) in media.iter().enumerate() {
        for second in media.iter().skip(index + 1) {
            if let Some(disk) = shared(first, second) {
                return Err(MediaError::SameDevice {
                    first: shown(&first.path),
                    second: shown(&second.path),
                    disk,
                });
            }
        }
    }
    Ok(())
}

fn shared(first: &Medium, second: &Medium) -> Option<String> {
    if let Some(disk) = first.disks.iter().find(|disk| second.disks.contains(disk)) {
        return Some(format!("disk {disk}"));
    }
    if first.device == second.device {
        return Some(format!("device {}", first.source));
    }
    // One stick, plugged in at two times under two names.
    match (&first.id, &second.id) {
        (Some(id), Some(other)) if id == other => Some(format!("file system {id}")),
        _ => None,
    }
}

/// Whether two probes, at two times, saw one medium.
pub(super) fn same_medium(then: &Medium, now: &Medium) -> bool {
    if then.fs_type != now.fs_type {
        return false;
    }
    match (&then.id, &now.id) {
        (Some(then), Some(now)) => then == now,
        (None, None) => then.device == now.device,
        _ => false,
    }
}

/// A plain file name: not empty, no directories, nothing that a terminal would act on.
pub(super) fn plain_name(name: &str) -> Result<(), MediaError> {
    let plain = (1..=128).contains(&name.len())
        && !name.starts_with('.')
        && name
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || b".-_".contains(&byte));
    if plain {
        Ok(())
    } else {
        Err(MediaError::BadName {
            name: name.chars().take(64).collect(),
        })
    }
}

/// A path as text, without what a terminal would act on.
pub(super) fn shown(path: &Path) -> String {
    path.to_string_lossy()
        .chars()
        .map(|c| if c.is_control() { '?' } else { c })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn medium(path: &str, device: u64, disk: &str, id: Option<&str>) -> Medium {
        Medium {
            path: PathBuf::from(path),
            device,
            block: None,
            disks: vec![disk.to_owned()],
            id: id.map(str::to_owned),
            fs_type: "vfat".to_owned(),
            mount_point: PathBuf::from(path),
            source: "/dev/sdb1".to_owned(),
            free: 0,
            removable: Some(true),
            read_only: false,
        }
    }

    #[test]
    fn two_partitions_of_one_stick_are_one_medium() {
        let media = [
            medium("/media/a", 1, "sda", Some("11")),
            medium("/media/b", 2, "sdb", Some("22")),
            medium("/media/c", 3, "sdb", Some("33")),
        ];
        assert!(distinct(&media[..2]).is_ok());
        assert_eq!(
            distinct(&media).unwrap_err().to_string(),
            "/media/b and /media/c are the same medium (disk sdb). If it fails, both copies are lost."
        );
    }

    #[test]
    fn one_stick_under_two_names_is_one_medium() {
        let media = [
            medium("/media/a", 1, "sda", Some("11")),
            medium("/media/b", 2, "sdb", Some("11")),
        ];
        assert_eq!(distinct(&media).unwrap_err().name(), "medium-same-device");
        let mut bind = medium("/media/b", 1, "x", None);
        bind.disks.clear();
        assert!(distinct(&[media[0].clone(), bind]).is_err());
        assert!(distinct(&[]).is_ok());
    }

    #[test]
    fn a_medium_is_known_again_by_its_id() {
        let then = medium("/media/a", 1, "sda", Some("11"));
        assert!(same_medium(
            &then,
            &medium("/media/a", 9, "sdc", Some("11"))
        ));
        assert!(!same_medium(
            &then,
            &medium("/media/a", 1, "sda", Some("12"))
        ));
        assert!(!same_medium(&then, &medium("/media/a", 1, "sda", None)));
    }

    #[test]
    fn only_plain_names_are_file_names() {
        assert!(plain_name("backup-1.age.json").is_ok());
        for name in [
            "",
            ".",
            "..",
            ".hidden",
            "a/b",
            "../x",
            "a b",
            "x\n",
            "\u{1b}[2J",
            &"x".repeat(129),
        ] {
            assert_eq!(
                plain_name(name).unwrap_err().name(),
                "copy-bad-name",
                "{name:?}"
            );
        }
    }
}
