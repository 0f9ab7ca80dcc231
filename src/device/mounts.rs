//! Which block device, disk and file system lies at a place.
//!
//! Read from `/proc/self/mountinfo` (proc_pid_mountinfo(5)), `/sys/dev/block`, and the first blocks of the device. No
//! udev: the ceremony image has none.

use std::ffi::OsString;
use std::fs::File;
use std::io::Read;
use std::os::unix::ffi::OsStringExt;
use std::os::unix::fs::{FileTypeExt, MetadataExt};
use std::path::{Path, PathBuf};

/// One mount.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mount {
    /// The device as `major:minor`; btrfs has one of its own that is no block device.
    pub device: String,
    /// The mount point.
    pub point: PathBuf,
    /// The type of the file system.
    pub fs_type: String,
    /// What is mounted.
    pub source: String,
    /// Whether the mount or its file system is read-only.
    pub read_only: bool,
}

impl Mount {
    /// The mount that an absolute path without links lies on; `None` if the table does not say.
    pub fn of(table: &[u8], path: &Path) -> Option<Self> {
        let mounts = all(table);
        // Of two mounts on one point the later one hides the other.
        mounts
            .into_iter()
            .filter(|mount| path.starts_with(&mount.point))
            .enumerate()
            .max_by_key(|(index, mount)| (mount.point.components().count(), *index))
            .map(|(_, mount)| mount)
    }

    fn parse(line: &[u8]) -> Option<Self> {
        let fields: Vec<&[u8]> = line.split(|byte| *byte == b' ').collect();
        let dash = fields.iter().position(|field| *field == b"-")?;
        let text = |field: &[u8]| String::from_utf8_lossy(&unescape(field)).into_owned();
        let options = |field: &[u8]| {
            field
                .split(|byte| *byte == b',')
                .any(|option| option == b"ro")
        };
        Some(Self {
            device: text(fields.get(2)?),
            point: PathBuf::from(OsString::from_vec(unescape(fields.get(4)?))),
            fs_type: text(fields.get(dash + 1)?),
            source: text(fields.get(dash + 2)?),
            read_only: options(fields.get(5)?) || options(fields.get(dash + 3)?),
        })
    }
}

fn all(table: &[u8]) -> Vec<Mount> {
    table
        .split(|byte| *byte == b'\n')
        .filter_map(Mount::parse)
        .collect()
}

/// Whether a file system is mounted anywhere, by `st_dev` or by source.
pub fn mounted(table: &[u8], device: u64, source: &str) -> bool {
    let device = numbers(device);
    all(table).iter().any(|mount| {
        mount.device == device || (source.starts_with("/dev/") && mount.source == source)
    })
}

/// `\040` and the like back to bytes.
fn unescape(field: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(field.len());
    let mut rest = field;
    while let Some((first, after)) = rest.split_first() {
        let octal = after
            .first_chunk::<3>()
            .filter(|digits| {
                *first == b'\\' && digits.iter().all(|digit| (b'0'..b'8').contains(digit))
            })
            .and_then(|[a, b, c]| {
                let value =
                    u16::from(a - b'0') * 64 + u16::from(b - b'0') * 8 + u16::from(c - b'0');
                u8::try_from(value).ok()
            });
        match octal {
            Some(byte) => {
                bytes.push(byte);
                rest = &after[3..];
            }
            None => {
                bytes.push(*first);
                rest = after;
            }
        }
    }
    bytes
}

fn numbers(device: u64) -> String {
    format!(
        "{}:{}",
        rustix::fs::major(device),
        rustix::fs::minor(device)
    )
}

/// The block device below a mounted file system as `major:minor`; `None` for file systems in memory.
pub fn block_of(device: u64, source: &str) -> Option<String> {
    if Path::new("/sys/dev/block").join(numbers(device)).exists() {
        return Some(numbers(device));
    }
    let metadata = Path::new(source).metadata().ok()?;
    metadata
        .file_type()
        .is_block_device()
        .then(|| numbers(metadata.rdev()))
}

/// The whole disks below a block device, sorted. A device made of others (encrypted, RAID) is followed down.
pub fn disks_below(block: &str) -> Vec<String> {
    let mut disks = Vec::new();
    // Deeper than this no one stacks devices.
    follow(&Path::new("/sys/dev/block").join(block), 8, &mut disks);
    disks.sort();
    disks.dedup();
    disks
}

fn follow(device: &Path, depth: usize, disks: &mut Vec<String>) {
    let Ok(device) = device.canonicalize() else {
        return;
    };
    let slaves: Vec<PathBuf> = std::fs::read_dir(device.join("slaves"))
        .map(|entries| entries.flatten().map(|entry| entry.path()).collect())
        .unwrap_or_default();
    if depth > 0 && !slaves.is_empty() {
        for slave in slaves {
            follow(&slave, depth - 1, disks);
        }
        return;
    }
    let disk = match device.parent() {
        Some(parent) if device.join("partition").exists() => parent,
        _ => &device,
    };
    if let Some(name) = disk.file_name() {
        disks.push(name.to_string_lossy().into_owned());
    }
}

/// Whether the disk says that it is removable.
pub fn removable(disk: &str) -> Option<bool> {
    let said =
        std::fs::read_to_string(Path::new("/sys/block").join(disk).join("removable")).ok()?;
    match said.trim() {
        "0" => Some(false),
        "1" => Some(true),
        _ => None,
    }
}

/// Whether the block device is there with a medium in it: a card reader stays when its card is pulled, with size 0.
pub fn has_medium(block: &str) -> bool {
    match std::fs::read_to_string(Path::new("/sys/dev/block").join(block).join("size")) {
        Ok(sectors) => sectors.trim() != "0",
        Err(fault) => fault.kind() != std::io::ErrorKind::NotFound,
    }
}

/// The id of the file system on a device, as hex of the bytes on disk. `None` if it is unknown or can't be read.
pub fn file_system_id(source: &Path) -> Option<String> {
    if !source.metadata().ok()?.file_type().is_block_device() {
        return None;
    }
    let mut start = Vec::new();
    // btrfs keeps its first superblock at 64 KiB.
    File::open(source)
        .ok()?
        .take(0x11000)
        .read_to_end(&mut start)
        .ok()?;
    id_in(&start)
}

/// Where the id of each kind of file system lies: magic and its offset, then offset and length of the id.
const IDS: [(&[u8], usize, usize, usize); 8] = [
    (b"\x53\xef", 0x438, 0x468, 16),
    (b"FAT32   ", 0x52, 0x43, 4),
    (b"FAT16   ", 0x36, 0x27, 4),
    (b"FAT12   ", 0x36, 0x27, 4),
    (b"EXFAT   ", 0x03, 0x64, 4),
    (b"NTFS    ", 0x03, 0x48, 8),
    (b"XFSB", 0x00, 0x20, 16),
    (b"_BHRfS_M", 0x1_0040, 0x1_0020, 16),
];

fn id_in(start: &[u8]) -> Option<String> {
    IDS.iter().find_map(|(magic, at, id, length)| {
        (start.get(*at..at + magic.len())? == *magic)
            .then(|| start.get(*id..id + length))
            .flatten()
            .map(|id| data_encoding::HEXLOWER.encode(id))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const TABLE: &[u8] = b"\
22 27 0:21 / /proc rw,relatime - proc proc rw
27 1 254:0 / / rw,relatime - ext4 /dev/vda rw,discard
40 27 8:17 / /media/usb\\040one rw,nosuid shared:7 - vfat /dev/sdb1 ro,fmask=0022
41 27 8:33 / /media ro,relatime - ext4 /dev/sdc1 rw
42 27 0:50 / /media/usb\\040one/in rw - tmpfs none rw
43 27 8:49 / /media rw - ext4 /dev/sdd1 rw
";

    fn source(path: &str) -> String {
        Mount::of(TABLE, Path::new(path)).unwrap().source
    }

    #[test]
    fn the_deepest_and_latest_mount_wins() {
        assert_eq!(source("/media/usb one/file"), "/dev/sdb1");
        assert_eq!(source("/media/usb one/in/x"), "none");
        assert_eq!(source("/media/usb"), "/dev/sdd1");
        assert_eq!(source("/mediaeval"), "/dev/vda");
        assert_eq!(Mount::of(b"", Path::new("/")), None);
        assert_eq!(Mount::of(b"what is this\n1 2 3\n", Path::new("/")), None);
    }

    #[test]
    fn read_only_is_seen_on_the_mount_and_on_the_file_system() {
        let read_only = |path| Mount::of(TABLE, Path::new(path)).unwrap().read_only;
        assert!(read_only("/media/usb one"));
        assert!(!read_only("/media/usb one/in"));
        assert!(
            Mount::parse(b"41 27 8:33 / /media ro,relatime - ext4 /dev/sdc1 rw")
                .unwrap()
                .read_only
        );
    }

    #[test]
    fn a_mounted_device_is_found_by_number_or_source() {
        assert!(mounted(TABLE, rustix::fs::makedev(8, 17), ""));
        assert!(mounted(TABLE, 0, "/dev/sdc1"));
        assert!(!mounted(TABLE, rustix::fs::makedev(8, 1), "/dev/sda1"));
        assert!(!mounted(TABLE, rustix::fs::makedev(0, 99), "none"));
    }

    #[test]
    fn escapes_are_undone() {
        assert_eq!(unescape(b"a\\040b\\134c"), b"a b\\c");
        assert_eq!(unescape(b"\\04"), b"\\04");
        assert_eq!(unescape(b"\\777"), b"\\777");
    }

    #[test]
    fn ids_of_file_systems_are_read_where_they_lie() {
        for (magic, at, id, length) in IDS {
            let mut start = vec![0_u8; 0x11000];
            start[at..at + magic.len()].copy_from_slice(magic);
            start[id..id + length].fill(0xab);
            assert_eq!(id_in(&start), Some("ab".repeat(length)), "{magic:?}");
            // Cut before the id or the magic: unknown, not a panic.
            assert_eq!(id_in(&start[..id.min(at)]), None);
        }
        assert_eq!(id_in(&[]), None);
        assert_eq!(id_in(&[0; 4096]), None);
    }
}
