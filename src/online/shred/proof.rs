//! What overwriting a file proves: from its file system, its mount and its device, as far as this machine tells.

use std::fs::{self, File};
use std::path::{Path, PathBuf};

use rustix::fs::{IFlags, ioctl_getflags, major, minor};

/// What is proven.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// Overwritten in place on a rotating disk: the old bytes are gone from the file's blocks.
    InPlace,
    /// It lay in memory alone.
    Memory,
    /// Old bytes may stay where nobody can overwrite them.
    Nothing,
}

impl Verdict {
    /// As JSON and reports write it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::InPlace => "overwritten-in-place",
            Self::Memory => "memory",
            Self::Nothing => "proves-nothing",
        }
    }

    /// The verdict in one sentence.
    pub fn sentence(self) -> &'static str {
        match self {
            Self::InPlace => {
                "Overwritten in place on a rotating disk: the old bytes are gone from this file's blocks."
            }
            Self::Memory => "It lay in memory, and is gone from there.",
            Self::Nothing => {
                "On this medium overwriting proves nothing: old bytes may stay where no program can reach them."
            }
        }
    }

    /// What to do about the key.
    pub fn advice(self) -> &'static str {
        match self {
            Self::InPlace | Self::Memory => {
                "Backups, snapshots, swap and editors' copies are not reached. Treat a key that lay here as exposed: rotate it when you can."
            }
            Self::Nothing => {
                "Treat a key that lay here as exposed: rotate it, and destroy the medium or its encryption key. Backups, snapshots, swap and editors' copies are not reached either."
            }
        }
    }
}

/// A verdict and what it rests on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Proof {
    /// The verdict.
    pub verdict: Verdict,
    /// Full sentences.
    pub reasons: Vec<String>,
}

/// What a file system does with a block that is written again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Habit {
    InPlace(&'static str),
    Elsewhere(&'static str),
    Memory(&'static str),
    Unknown,
}

/// By `f_type` of statfs(2), linux/magic.h.
fn habit(magic: u64) -> Habit {
    match magic {
        0xEF53 => Habit::InPlace("ext2, ext3 or ext4"),
        0x4d44 | 0x2011_bab0 => Habit::InPlace("FAT or exFAT"),
        0x5846_5342 => Habit::Elsewhere("XFS, where files may share blocks"),
        0x9123_683E => Habit::Elsewhere("btrfs"),
        0x2fc1_2fc1 => Habit::Elsewhere("ZFS"),
        0xF2F5_2010 => Habit::Elsewhere("F2FS"),
        0xca45_1a4e => Habit::Elsewhere("bcachefs"),
        0x794c_7630 => Habit::Elsewhere("overlayfs"),
        0x6969 => Habit::Elsewhere("NFS, on another machine"),
        0xFF53_4D42 | 0xFE53_4D42 => Habit::Elsewhere("SMB, on another machine"),
        0x6573_5546 => Habit::Elsewhere("FUSE, a program of its own"),
        0x0102_1994 => Habit::Memory("tmpfs"),
        0x8584_58f6 => Habit::Memory("ramfs"),
        _ => Habit::Unknown,
    }
}

/// The device under a file system.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
struct Disk {
    rotational: Option<bool>,
    encrypted: bool,
    looped: bool,
}

impl Proof {
    pub(super) fn of(file: &File, device: u64) -> Self {
        let magic = rustix::fs::fstatfs(file).map(|about| about.f_type as u64);
        let number = format!("{}:{}", major(device), minor(device));
        let options = fs::read_to_string("/proc/self/mountinfo")
            .ok()
            .and_then(|text| super_options(&text, &number));
        judge(
            magic.map_or(Habit::Unknown, habit),
            options.as_deref().unwrap_or_default(),
            Layout::of(file),
            disk(Path::new("/sys/dev/block"), &number),
        )
    }
}

/// How the file itself is stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
struct Layout {
    /// It has content, and less than one block.
    blockless: bool,
    /// `chattr +j`.
    journaled: bool,
    /// `chattr +c`.
    compressed: bool,
}

impl Layout {
    fn of(file: &File) -> Self {
        use std::os::unix::fs::MetadataExt;
        // ext4 counts the sectors that content beside the name and times would fill: less than a block.
        let block = rustix::fs::fstatfs(file)
            .ok()
            .and_then(|about| u64::try_from(about.f_bsize).ok())
            .unwrap_or(512);
        // Not every file system has flags.
        let flags = ioctl_getflags(file).unwrap_or(IFlags::empty());
        Self {
            blockless: file
                .metadata()
                .is_ok_and(|about| about.size() > 0 && about.blocks() * 512 < block),
            journaled: flags.contains(IFlags::JOURNALING),
            compressed: flags.contains(IFlags::COMPRESSED),
        }
    }
}

fn judge(habit: Habit, options: &str, layout: Layout, disk: Disk) -> Proof {
    let mut reasons = Vec::new();
    let mut proven = true;
    match habit {
        Habit::Memory(name) => {
            return Proof {
                verdict: Verdict::Memory,
                reasons: vec![format!(
                    "The file system is {name}, which lies in memory; what was swapped out is not reached."
                )],
            };
        }
        Habit::InPlace(name) => reasons.push(format!(
            "The file system ({name}) writes a block again where it was."
        )),
        Habit::Elsewhere(name) => {
            proven = false;
            reasons.push(format!(
                "The file system ({name}) writes changed blocks elsewhere, and may keep the old ones."
            ));
        }
        Habit::Unknown => {
            proven = false;
            reasons.push("The file system is of a kind that is not known here.".to_owned());
        }
    }
    if options.split(',').any(|option| option == "data=journal") {
        proven = false;
        reasons.push("Its journal holds copies of data (data=journal).".to_owned());
    }
    if layout.journaled {
        proven = false;
        reasons.push("The journal holds copies of this file's data (chattr +j).".to_owned());
    }
    if layout.compressed {
        proven = false;
        reasons
            .push("The file is compressed: what is written over it takes other blocks.".to_owned());
    }
    if layout.blockless {
        proven = false;
        reasons.push(
            "The content lies in no block of its own: it stands beside the file's name and times, and so in the journal."
                .to_owned(),
        );
    }
    if disk.looped {
        proven = false;
        reasons.push("It lies on a loop device, that is, within another file.".to_owned());
    } else {
        match disk.rotational {
            Some(true) => reasons.push("The disk says that it rotates.".to_owned()),
            Some(false) => {
                proven = false;
                reasons.push(
                    "The disk is flash: it writes elsewhere each time, and keeps old blocks."
                        .to_owned(),
                );
            }
            None => {
                proven = false;
                reasons.push("Nobody says what kind of disk lies below.".to_owned());
            }
        }
    }
    if disk.encrypted {
        reasons.push(
            "The device is encrypted (dm-crypt): whoever lacks its key reads no old block."
                .to_owned(),
        );
    }
    Proof {
        verdict: if proven {
            Verdict::InPlace
        } else {
            Verdict::Nothing
        },
        reasons,
    }
}

/// The superblock options of the mount with this device number, proc_pid_mountinfo(5).
fn super_options(mountinfo: &str, number: &str) -> Option<String> {
    mountinfo.lines().find_map(|line| {
        let (mount, after) = line.split_once(" - ")?;
        let own = mount.split(' ').nth(2)? == number;
        own.then(|| after.split(' ').nth(2).map(str::to_owned))?
    })
}

fn disk(devices: &Path, number: &str) -> Disk {
    let Ok(place) = devices.join(number).canonicalize() else {
        return Disk::default();
    };
    let read = |path: PathBuf| fs::read_to_string(path).ok();
    // A partition has no queue of its own; the disk around it has.
    let rotational = read(place.join("queue/rotational"))
        .or_else(|| read(place.parent()?.join("queue/rotational")))
        .and_then(|text| match text.trim() {
            "0" => Some(false),
            "1" => Some(true),
            _ => None,
        });
    let encrypted = read(place.join("dm/uuid")).is_some_and(|uuid| uuid.starts_with("CRYPT-"));
    Disk {
        rotational,
        encrypted,
        looped: place.join("loop").exists(),
    }
}

/// Processes that have this file open, by id, as far as we may look.
pub(super) fn open_in(device: u64, inode: u64) -> Vec<u32> {
    use std::os::unix::fs::MetadataExt;
    let own = std::process::id();
    let mut found = Vec::new();
    let processes = fs::read_dir("/proc").into_iter().flatten().flatten();
    for process in processes {
        let Some(id) = process.file_name().to_str().and_then(|id| id.parse().ok()) else {
            continue;
        };
        let files = fs::read_dir(process.path().join("fd"));
        let same = |path: &Path| {
            fs::metadata(path).is_ok_and(|about| about.dev() == device && about.ino() == inode)
        };
        if id != own
            && files
                .into_iter()
                .flatten()
                .flatten()
                .any(|file| same(&file.path()))
        {
            found.push(id);
        }
    }
    found.sort_unstable();
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_rotating_disk_under_a_plain_file_system_proves_anything() {
        let spinning = Disk {
            rotational: Some(true),
            ..Disk::default()
        };
        let flash = Disk {
            rotational: Some(false),
            encrypted: true,
            looped: false,
        };
        let looped = Disk {
            looped: true,
            ..spinning
        };
        let cases = [
            (0xEF53, "rw", spinning, Verdict::InPlace, "rotates"),
            (0x5846_5342, "rw", spinning, Verdict::Nothing, "XFS"),
            (
                0xEF53,
                "rw,data=journal",
                spinning,
                Verdict::Nothing,
                "journal",
            ),
            (0xEF53, "rw", flash, Verdict::Nothing, "flash"),
            (0xEF53, "rw", flash, Verdict::Nothing, "dm-crypt"),
            (0xEF53, "rw", looped, Verdict::Nothing, "loop device"),
            (
                0xEF53,
                "rw",
                Disk::default(),
                Verdict::Nothing,
                "Nobody says",
            ),
            (0x9123_683E, "rw", spinning, Verdict::Nothing, "btrfs"),
            (0x2fc1_2fc1, "rw", spinning, Verdict::Nothing, "ZFS"),
            (0x794c_7630, "rw", spinning, Verdict::Nothing, "overlayfs"),
            (0x1234, "rw", spinning, Verdict::Nothing, "not known"),
            (
                0x0102_1994,
                "rw",
                Disk::default(),
                Verdict::Memory,
                "swapped",
            ),
        ];
        for (magic, options, disk, verdict, part) in cases {
            let proof = judge(habit(magic), options, Layout::default(), disk);
            assert_eq!(proof.verdict, verdict, "{magic:x} {proof:?}");
            assert!(proof.reasons.join(" ").contains(part), "{proof:?}");
        }
        let none = Layout::default();
        for (layout, part) in [
            (
                Layout {
                    blockless: true,
                    ..none
                },
                "no block of its own",
            ),
            (
                Layout {
                    journaled: true,
                    ..none
                },
                "chattr +j",
            ),
            (
                Layout {
                    compressed: true,
                    ..none
                },
                "compressed",
            ),
        ] {
            let proof = judge(habit(0xEF53), "rw", layout, spinning);
            assert_eq!(proof.verdict, Verdict::Nothing, "{proof:?}");
            assert!(proof.reasons.join(" ").contains(part), "{proof:?}");
        }
    }

    #[test]
    fn mounts_and_disks_are_found_by_their_number() {
        let text = "22 1 8:1 / / rw,relatime shared:1 - ext4 /dev/sda1 rw,data=journal\n\
                    23 22 0:5 / /proc rw - proc proc rw\n";
        assert_eq!(
            super_options(text, "8:1").as_deref(),
            Some("rw,data=journal")
        );
        assert_eq!(super_options(text, "8:2"), None);
        let sys = tempfile::tempdir().unwrap();
        let part = sys.path().join("sda/sda1");
        fs::create_dir_all(&part).unwrap();
        fs::create_dir_all(sys.path().join("sda/queue")).unwrap();
        fs::write(sys.path().join("sda/queue/rotational"), "1\n").unwrap();
        std::os::unix::fs::symlink(&part, sys.path().join("8:1")).unwrap();
        assert_eq!(disk(sys.path(), "8:1").rotational, Some(true));
        let crypt = sys.path().join("dm-0");
        fs::create_dir_all(crypt.join("dm")).unwrap();
        fs::create_dir_all(crypt.join("queue")).unwrap();
        fs::write(crypt.join("dm/uuid"), "CRYPT-LUKS2-x\n").unwrap();
        fs::write(crypt.join("queue/rotational"), "0\n").unwrap();
        std::os::unix::fs::symlink(&crypt, sys.path().join("253:0")).unwrap();
        let found = disk(sys.path(), "253:0");
        assert_eq!((found.rotational, found.encrypted), (Some(false), true));
        assert_eq!(disk(sys.path(), "9:9"), Disk::default());
    }
}
