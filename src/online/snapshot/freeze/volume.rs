//! Snapshots of file systems: btrfs, ZFS, LVM. Made and removed by the systems' own programs.

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use super::held::{Held, PIN, Thing, random_id};
use super::{FreezeFault, Keeper, Still, still_files};
use crate::online::snapshot::database::{Contents, Database};
use crate::online::snapshot::manifest::Method;
use crate::transcript::visible::visible_short;

/// Magic numbers of `statfs`.
const BTRFS: i64 = 0x9123_683e;
const ZFS: i64 = 0x2fc1_2fc1;

/// Inode of the root of a btrfs subvolume.
const SUBVOLUME_ROOT: u64 = 256;

/// How snapshots of ours are named, before 16 hex digits.
const NAME: &str = "qh-snapshot-";

/// Which method the place of the database offers.
///
/// # Errors
/// [`FreezeFault::System`].
pub fn offered(dir: &Path) -> Result<Option<Method>, FreezeFault> {
    let found = rustix::fs::statfs(dir).map_err(|errno| FreezeFault::system(dir, &errno.into()))?;
    let kind = found.f_type as i64;
    Ok(match kind {
        BTRFS => Some(Method::Btrfs),
        ZFS => Some(Method::Zfs),
        _ => logical_volume(dir).map(|_| Method::Lvm),
    })
}

/// Takes a snapshot by `method`, one of the three.
///
/// # Errors
/// [`FreezeFault`].
pub fn take(method: Method, database: &Database, state: &Path) -> Result<Still, FreezeFault> {
    // What is photographed is what a power cut would leave: the less is on its way to the disk, the newer it is.
    let synced = fs::File::open(&database.dir).and_then(|dir| Ok(rustix::fs::syncfs(dir)?));
    synced.map_err(|error| FreezeFault::system(&database.dir, &error))?;
    let held = match method {
        Method::Btrfs => take_btrfs(&database.dir, state)?,
        Method::Zfs => take_zfs(&database.dir, state)?,
        _ => take_lvm(&database.dir, state)?,
    };
    let read = database
        .contents(held.path())
        .map_err(FreezeFault::from)
        .and_then(|contents| Ok((contents, super::open(held.path())?)));
    let (Contents { files, left_out }, open) = match read {
        Ok(read) => read,
        Err(fault) => {
            let _ = held.remove(); // the fault matters more; what stays is noted
            return Err(fault);
        }
    };
    Ok(Still {
        method,
        open,
        dir: held.path().to_owned(),
        files: still_files(database.engine, files),
        left_out,
        keeper: Keeper::Made(held),
    })
}

/// Runs a program and gives its output.
fn run(program: &str, arguments: &[&str]) -> Result<String, FreezeFault> {
    let fault = |reason: String| FreezeFault::Command {
        command: format!("{program} {}", arguments.join(" ")),
        reason,
    };
    let done = Command::new(program)
        .args(arguments)
        .env("LC_ALL", "C")
        .stdin(Stdio::null())
        .output()
        .map_err(|error| fault(error.to_string()))?;
    if done.status.success() {
        String::from_utf8(done.stdout).map_err(|_| fault("its answer is no text".into()))
    } else {
        Err(fault(visible_short(
            String::from_utf8_lossy(&done.stderr).trim(),
            300,
        )))
    }
}

fn text(path: &Path) -> Result<&str, FreezeFault> {
    path.to_str()
        .ok_or_else(|| FreezeFault::system(path, &std::io::Error::other("its name is no text")))
}

/// All files of the database must lie on the file system that is photographed.
fn one_device(method: &'static str, dir: &Path, device: u64) -> Result<(), FreezeFault> {
    let own = fs::metadata(dir)
        .map_err(|error| FreezeFault::system(dir, &error))?
        .dev();
    if own == device {
        Ok(())
    } else {
        Err(FreezeFault::Unfit {
            method,
            path: dir.to_owned(),
            reason: "the database lies in another subvolume or mount than the directory above it"
                .into(),
        })
    }
}

fn take_btrfs(dir: &Path, state: &Path) -> Result<Held, FreezeFault> {
    let root = dir
        .ancestors()
        .find(|above| fs::metadata(above).is_ok_and(|found| found.ino() == SUBVOLUME_ROOT))
        .ok_or_else(|| FreezeFault::Unfit {
            method: "A btrfs snapshot",
            path: dir.to_owned(),
            reason: "no directory above it is a subvolume".into(),
        })?;
    let device = fs::metadata(root)
        .map_err(|error| FreezeFault::system(root, &error))?
        .dev();
    one_device("A btrfs snapshot", dir, device)?;
    let below = dir.strip_prefix(root).expect("an ancestor");
    let snapshot = root.join(format!("{PIN}{}", random_id()?));
    let held = Held::note(Thing::Btrfs(snapshot.clone()), snapshot.join(below), state)?;
    if let Err(fault) = run(
        "btrfs",
        &["subvolume", "snapshot", "-r", text(root)?, text(&snapshot)?],
    ) {
        let _ = held.remove(); // the fault matters more
        return Err(fault);
    }
    Ok(held)
}

pub(super) fn remove_btrfs(snapshot: &Path) -> Result<(), FreezeFault> {
    let ours = snapshot
        .file_name()
        .is_some_and(|name| name.to_string_lossy().starts_with(PIN));
    if !ours || snapshot.symlink_metadata().is_err() {
        return Ok(());
    }
    // The program would follow a link that somebody put in its place.
    if !fs::symlink_metadata(snapshot).is_ok_and(|found| found.ino() == SUBVOLUME_ROOT) {
        let error = std::io::Error::other("it is no subvolume: look who put it there");
        return Err(FreezeFault::system(snapshot, &error));
    }
    run("btrfs", &["subvolume", "delete", text(snapshot)?]).map(|_| ())
}

fn take_zfs(dir: &Path, state: &Path) -> Result<Held, FreezeFault> {
    let listed = run("zfs", &["list", "-H", "-o", "name,mountpoint", text(dir)?])?;
    let (dataset, mountpoint) =
        listed
            .trim_end()
            .split_once('\t')
            .ok_or_else(|| FreezeFault::Unfit {
                method: "A ZFS snapshot",
                path: dir.to_owned(),
                reason: "`zfs list` doesn't say its dataset".into(),
            })?;
    let mountpoint = Path::new(mountpoint);
    let below = dir
        .strip_prefix(mountpoint)
        .map_err(|_| FreezeFault::Unfit {
            method: "A ZFS snapshot",
            path: dir.to_owned(),
            reason: format!("its dataset is mounted at {}", mountpoint.display()),
        })?;
    let device = fs::metadata(mountpoint)
        .map_err(|error| FreezeFault::system(mountpoint, &error))?
        .dev();
    one_device("A ZFS snapshot", dir, device)?;
    let name = format!("{NAME}{}", random_id()?);
    let snapshot = format!("{dataset}@{name}");
    let files = mountpoint.join(".zfs/snapshot").join(&name).join(below);
    let held = Held::note(Thing::Zfs(snapshot.clone()), files, state)?;
    run("zfs", &["snapshot", &snapshot])?;
    Ok(held)
}

pub(super) fn remove_zfs(snapshot: &str) -> Result<(), FreezeFault> {
    let ours = snapshot
        .split_once('@')
        .is_some_and(|(_, name)| name.starts_with(NAME));
    if !ours {
        return Ok(());
    }
    // A list of all of the dataset's: that it fails doesn't mean that this one is gone.
    let dataset = snapshot.split('@').next().unwrap_or_default();
    let words = [
        "list", "-H", "-d", "1", "-t", "snapshot", "-o", "name", dataset,
    ];
    if !run("zfs", &words)?
        .lines()
        .any(|line| line.trim() == snapshot)
    {
        return Ok(());
    }
    run("zfs", &["destroy", snapshot]).map(|_| ())
}

/// `VG/LV` and file system type of the logical volume that `dir` lies on, and its mount point.
fn logical_volume(dir: &Path) -> Option<(String, String, PathBuf)> {
    let device = fs::metadata(dir).ok()?.dev();
    let (major, minor) = (rustix::fs::major(device), rustix::fs::minor(device));
    // Device-mapper devices say in /sys what they are.
    let uuid = fs::read_to_string(format!("/sys/dev/block/{major}:{minor}/dm/uuid")).ok()?;
    if !uuid.starts_with("LVM-") {
        return None;
    }
    let mounts = fs::read_to_string("/proc/self/mountinfo").ok()?;
    let line = mounts.lines().find(|line| {
        let mut fields = line.split(' ');
        fields.nth(2) == Some(&format!("{major}:{minor}")) && fields.next() == Some("/")
    })?;
    let (before, after) = line.split_once(" - ")?;
    let mountpoint = PathBuf::from(before.split(' ').nth(4)?);
    let mut after = after.split(' ');
    let (kind, source) = (after.next()?, after.next()?);
    let name = run(
        "lvs",
        &[
            "--noheadings",
            "--separator",
            "/",
            "-o",
            "vg_name,lv_name",
            source,
        ],
    )
    .ok()?;
    Some((name.trim().to_owned(), kind.to_owned(), mountpoint))
}

fn take_lvm(dir: &Path, state: &Path) -> Result<Held, FreezeFault> {
    let unfit = |reason: &str| FreezeFault::Unfit {
        method: "An LVM snapshot",
        path: dir.to_owned(),
        reason: reason.to_owned(),
    };
    let (volume, kind, mountpoint) =
        logical_volume(dir).ok_or_else(|| unfit("it lies on no logical volume"))?;
    let below = dir
        .strip_prefix(&mountpoint)
        .map_err(|_| unfit("its mount point is not above it"))?;
    let group = volume.split('/').next().unwrap_or_default().to_owned();
    let id = random_id()?;
    let name = format!("{}{id}", NAME.replace('-', "_"));
    let mount = state.join(format!("mount-{id}"));
    let thing = Thing::Lvm {
        volume: format!("{group}/{name}"),
        mount: mount.clone(),
    };
    let held = Held::note(thing, mount.join(below), state)?;
    let taken = (|| {
        // A thin volume needs no size; a thick one gets a fifth of the origin to write its changes to.
        let thin = run(
            "lvcreate",
            &[
                "--snapshot",
                "--setactivationskip",
                "n",
                "--name",
                &name,
                &volume,
            ],
        );
        if thin.is_err() {
            run(
                "lvcreate",
                &[
                    "--snapshot",
                    "--extents",
                    "20%ORIGIN",
                    "--name",
                    &name,
                    &volume,
                ],
            )?;
        }
        rustix::fs::mkdir(&mount, rustix::fs::Mode::RWXU)
            .map_err(|errno| FreezeFault::system(&mount, &errno.into()))?;
        let options = if kind == "xfs" {
            "ro,nouuid,nosuid,nodev,noexec"
        } else {
            "ro,nosuid,nodev,noexec"
        };
        run(
            "mount",
            &[
                "-t",
                &kind,
                "-o",
                options,
                &format!("/dev/{group}/{name}"),
                text(&mount)?,
            ],
        )
    })();
    if let Err(fault) = taken {
        let _ = held.remove(); // the fault matters more; what stays is noted
        return Err(fault);
    }
    Ok(held)
}

pub(super) fn remove_lvm(volume: &str, mount: &Path) -> Result<(), FreezeFault> {
    let ours = volume
        .split_once('/')
        .is_some_and(|(_, name)| name.starts_with(&NAME.replace('-', "_")));
    if !ours {
        return Ok(());
    }
    if mount.is_dir() {
        let mounted = fs::metadata(mount).map(|m| m.dev()).ok()
            != mount
                .parent()
                .and_then(|p| fs::metadata(p).ok())
                .map(|m| m.dev());
        if mounted {
            run("umount", &[text(mount)?])?;
        }
        fs::remove_dir(mount).map_err(|error| FreezeFault::system(mount, &error))?;
    }
    // A list of all of the group's: that it fails doesn't mean that this one is gone.
    let (group, name) = volume.split_once('/').expect("ours has one");
    let listed = run("lvs", &["--noheadings", "-o", "lv_name", group])?;
    if !listed.lines().any(|line| line.trim() == name) {
        return Ok(());
    }
    run("lvremove", &["--yes", volume]).map(|_| ())
}
