//! Real media: mounted file systems on block devices.
//!
//! Mounting is not done here: the image mounts what is plugged in, an operator elsewhere does.

use std::fs::{File, OpenOptions};
use std::io::{self, ErrorKind, Read, Write};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::Path;

use rustix::fs::{Advice, OFlags};
use sha2::{Digest, Sha256};

use super::media::{
    LARGEST_COPY, Media, MediaError, Medium, Reading, VerifiedCopy, plain_name, same_medium, shown,
};
use super::mounts::{self, Mount};

/// Media of this machine.
#[derive(Debug, Clone, Copy, Default)]
pub struct MountedMedia;

impl Media for MountedMedia {
    fn probe(&self, path: &Path) -> Result<Medium, MediaError> {
        let absent = || MediaError::Absent { path: shown(path) };
        let failed = |doing| failed(doing, path);
        let canonical = match path.canonicalize() {
            Ok(canonical) => canonical,
            Err(fault) if fault.kind() == ErrorKind::NotFound => return Err(absent()),
            Err(fault) => return Err(failed("find")(fault)),
        };
        let metadata = canonical.metadata().map_err(failed("read"))?;
        let table = std::fs::read("/proc/self/mountinfo").map_err(failed("find the mount of"))?;
        let mount = Mount::of(&table, &canonical).ok_or_else(absent)?;
        let root = Path::new("/").metadata().map_err(failed("read"))?;
        if mount.point == Path::new("/") || metadata.dev() == root.dev() || !metadata.is_dir() {
            return Err(absent());
        }
        let room =
            rustix::fs::statvfs(&canonical).map_err(|fault| failed("measure")(fault.into()))?;
        let block = mounts::block_of(metadata.dev(), &mount.source);
        let disks = block
            .as_deref()
            .map(mounts::disks_below)
            .unwrap_or_default();
        Ok(Medium {
            path: path.to_owned(),
            device: metadata.dev(),
            id: block
                .as_deref()
                .and_then(|_| mounts::file_system_id(Path::new(&mount.source))),
            removable: disks.first().and_then(|disk| mounts::removable(disk)),
            block,
            disks,
            fs_type: mount.fs_type,
            mount_point: mount.point,
            source: mount.source,
            free: room.f_bavail.saturating_mul(room.f_frsize),
            read_only: mount.read_only,
        })
    }

    fn write_copy(&self, medium: &Medium, name: &str, bytes: &[u8]) -> Result<(), MediaError> {
        plain_name(name)?;
        let now = self.back(medium)?;
        let path = shown(&medium.path);
        if now.read_only {
            return Err(MediaError::ReadOnly { path });
        }
        if now.free < bytes.len() as u64 {
            return Err(MediaError::Full {
                path,
                needed: bytes.len() as u64,
                free: now.free,
            });
        }
        write_new(&medium.path, name, bytes, Some(now.device))
    }

    fn unplugged(&self, medium: &Medium) -> Result<(), MediaError> {
        let still = || MediaError::StillPlugged {
            path: shown(&medium.path),
        };
        let table = std::fs::read("/proc/self/mountinfo")
            .map_err(failed("find the mount of", &medium.path))?;
        if mounts::mounted(&table, medium.device, &medium.source) {
            return Err(still());
        }
        match &medium.block {
            Some(block) if mounts::has_medium(block) => Err(still()),
            _ => Ok(()),
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
        plain_name(name)?;
        let now = self.back(medium)?;
        let copy = read_back(&medium.path, name, sha256, Some(now.device))?;
        // A file system in memory takes O_DIRECT as well, and has no device behind it.
        let reading = if now.block.is_none() {
            Reading::CacheDropped
        } else {
            copy.reading
        };
        Ok(VerifiedCopy { reading, ..copy })
    }
}

fn failed(doing: &'static str, path: &Path) -> impl Fn(io::Error) -> MediaError {
    let path = shown(path);
    move |source| MediaError::Failed {
        doing,
        path: path.clone(),
        source,
    }
}

/// Writes a new file and syncs it, its directory and its file system. With `device`, only on that `st_dev`.
pub(super) fn write_new(
    directory: &Path,
    name: &str,
    bytes: &[u8],
    device: Option<u64>,
) -> Result<(), MediaError> {
    let path = directory.join(name);
    if bytes.len() as u64 > LARGEST_COPY {
        return Err(MediaError::TooLarge {
            file: shown(&path),
            bytes: bytes.len() as u64,
        });
    }
    let place = File::open(directory).map_err(failed("open", directory))?;
    check_device(&place, directory, device)?;
    let named = |fault: io::Error| match fault.kind() {
        ErrorKind::AlreadyExists => MediaError::FileExists { file: shown(&path) },
        ErrorKind::ReadOnlyFilesystem => MediaError::ReadOnly {
            path: shown(directory),
        },
        ErrorKind::StorageFull | ErrorKind::QuotaExceeded => MediaError::Full {
            path: shown(directory),
            needed: bytes.len() as u64,
            free: rustix::fs::fstatvfs(&place)
                .map_or(0, |room| room.f_bavail.saturating_mul(room.f_frsize)),
        },
        _ => failed("write", &path)(fault),
    };
    let mut file = OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o644)
        .open(&path)
        .map_err(named)?;
    let written = check_device(&file, directory, device).and_then(|()| {
        file.write_all(bytes)
            .and_then(|()| file.sync_all())
            .and_then(|()| place.sync_all())
            .and_then(|()| rustix::fs::syncfs(&place).map_err(io::Error::from))
            .map_err(named)
    });
    if written.is_err() {
        // Half a copy must not be taken for one.
        let _ = std::fs::remove_file(&path);
        let _ = place.sync_all();
    }
    written
}

/// Reads a file back, past the cache where the file system lets it, and compares its SHA-256.
pub(super) fn read_back(
    directory: &Path,
    name: &str,
    sha256: &[u8; 32],
    device: Option<u64>,
) -> Result<VerifiedCopy, MediaError> {
    let path = directory.join(name);
    let file = open(&path, OFlags::empty()).map_err(|fault| match fault.kind() {
        ErrorKind::NotFound => MediaError::FileAbsent { file: shown(&path) },
        _ => failed("open", &path)(fault),
    })?;
    check_device(&file, directory, device)?;
    let length = file.metadata().map_err(failed("read", &path))?.len();
    if length > LARGEST_COPY {
        return Err(MediaError::TooLarge {
            file: shown(&path),
            bytes: length,
        });
    }
    // What is dirty can't be dropped.
    let _ = file.sync_all();
    let _ = rustix::fs::fadvise(&file, 0, None, Advice::DontNeed);
    let direct = open(&path, OFlags::DIRECT).and_then(|direct| hash(direct, length));
    let (found, reading) = match direct {
        Ok(found) => (found, Reading::PastTheCache),
        // The file system has no O_DIRECT.
        Err(fault)
            if matches!(
                fault.kind(),
                ErrorKind::InvalidInput | ErrorKind::Unsupported
            ) =>
        {
            (
                hash(file, length).map_err(failed("read", &path))?,
                Reading::CacheDropped,
            )
        }
        Err(fault) => return Err(failed("read", &path)(fault)),
    };
    let expected = data_encoding::HEXLOWER.encode(sha256);
    match found {
        Some(found) if found == expected => Ok(VerifiedCopy {
            sha256: found,
            reading,
        }),
        found => Err(MediaError::Differs {
            file: shown(&path),
            found: found.unwrap_or_else(|| "not there, since the file ends early".to_owned()),
            expected,
        }),
    }
}

fn open(path: &Path, flags: OFlags) -> io::Result<File> {
    // Neither a link nor a pipe is a copy: the one is not followed, the other does not block.
    let flags = flags | OFlags::NOFOLLOW | OFlags::NONBLOCK;
    let file = OpenOptions::new()
        .read(true)
        .custom_flags(flags.bits() as i32)
        .open(path)?;
    if !file.metadata()?.is_file() {
        return Err(io::Error::other("it is not a file"));
    }
    Ok(file)
}

fn check_device(file: &File, place: &Path, device: Option<u64>) -> Result<(), MediaError> {
    let found = file.metadata().map_err(failed("read", place))?.dev();
    if device.is_some_and(|device| device != found) {
        return Err(MediaError::Other { path: shown(place) });
    }
    Ok(())
}

/// SHA-256 in hex of exactly `length` bytes; none if the file ends before.
fn hash(mut file: File, length: u64) -> io::Result<Option<String>> {
    // O_DIRECT wants memory, offset and size in multiples of the device's block, which is at most this.
    const BLOCK: usize = 4096;
    const CHUNK: usize = 64 * BLOCK;
    let mut memory = vec![0_u8; CHUNK + BLOCK];
    let skip = memory.as_ptr().align_offset(BLOCK).min(BLOCK);
    let buffer = &mut memory[skip..skip + CHUNK];
    let mut hasher = Sha256::new();
    let mut left = length;
    while left > 0 {
        let read = match file.read(buffer) {
            Ok(0) => return Ok(None),
            Ok(read) => read,
            Err(fault) if fault.kind() == ErrorKind::Interrupted => continue,
            Err(fault) => return Err(fault),
        };
        let counted = usize::try_from(left).unwrap_or(usize::MAX).min(read);
        hasher.update(&buffer[..counted]);
        left -= counted as u64;
    }
    Ok(Some(data_encoding::HEXLOWER.encode(&hasher.finalize())))
}

#[cfg(test)]
#[path = "media_tests.rs"]
mod tests;
