//! Copies on file systems made for the test: ext4 images on loop devices, and small file systems in memory.
//!
//! They mount, so they need root, and say so.

use std::fs;
use std::path::PathBuf;
use std::process::Command;

use super::super::media::{SimulatedMedia, distinct};
use super::*;
use crate::refusal::Refuse;

const BYTES: &[u8] = b"sealed bytes of a backup";

fn sha256(bytes: &[u8]) -> [u8; 32] {
    Sha256::digest(bytes).into()
}

fn run(program: &str, arguments: &[&str]) -> String {
    let output = Command::new(program)
        .args(arguments)
        .output()
        .unwrap_or_else(|fault| {
            panic!("{program} did not start ({fault}): install the packages mount and e2fsprogs")
        });
    assert!(
        output.status.success(),
        "{program} {arguments:?} failed; this test needs root and loop devices: {}",
        String::from_utf8_lossy(&output.stderr)
    );
    String::from_utf8_lossy(&output.stdout).trim().to_owned()
}

/// A mounted file system that is taken down when the test ends.
struct Mounted {
    home: tempfile::TempDir,
    loop_device: Option<String>,
}

impl Mounted {
    fn at_home() -> Self {
        let home = tempfile::tempdir().unwrap();
        fs::create_dir(home.path().join("at")).unwrap();
        Self {
            home,
            loop_device: None,
        }
    }

    fn in_memory(options: &str) -> Self {
        let own = Self::at_home();
        let at = own.path();
        run(
            "mount",
            &["-t", "tmpfs", "-o", options, "tmpfs", at.to_str().unwrap()],
        );
        own
    }

    /// An ext4 image of 4 MiB, plugged in.
    fn stick() -> Self {
        let mut own = Self::at_home();
        let image = own.image();
        File::create(&image).unwrap().set_len(4 << 20).unwrap();
        run("mkfs.ext4", &["-q", "-F", &image]);
        own.plug();
        own
    }

    fn path(&self) -> PathBuf {
        self.home.path().join("at")
    }

    fn image(&self) -> String {
        let image = self.home.path().join("stick.img");
        image.to_str().unwrap().to_owned()
    }

    fn plug(&mut self) {
        let device = run("losetup", &["--find", "--show", &self.image()]);
        let mounted = run("mount", &[&device, self.path().to_str().unwrap()]);
        assert_eq!(mounted, "");
        self.loop_device = Some(device);
    }

    fn unmount(&self) {
        run("umount", &[self.path().to_str().unwrap()]);
    }

    fn unplug(&mut self) {
        self.unmount();
        if let Some(device) = self.loop_device.take() {
            run("losetup", &["--detach", &device]);
        }
    }
}

impl Drop for Mounted {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg(self.path()).output();
        if let Some(device) = &self.loop_device {
            let _ = Command::new("losetup").args(["--detach", device]).output();
        }
    }
}

fn name_of<T>(answer: Result<T, MediaError>) -> &'static str {
    answer.err().map_or("accepted", |fault| fault.name())
}

#[test]
fn a_copy_goes_the_whole_round() {
    let mut stick = Mounted::stick();
    let medium = MountedMedia.probe(&stick.path()).unwrap();
    assert_eq!(medium.fs_type, "ext4");
    assert!(medium.disks[0].starts_with("loop"));
    assert!(medium.block.is_some());
    assert_eq!(medium.id.as_ref().unwrap().len(), 32);
    MountedMedia
        .write_copy(&medium, "backup.jwe", BYTES)
        .unwrap();
    assert_eq!(
        MountedMedia.unplugged(&medium).unwrap_err().to_string(),
        format!(
            "The medium of {} is still plugged in. Reading it now could read the laptop's memory instead.",
            stick.path().display()
        )
    );
    stick.unmount();
    // Unmounted, yet the device is still there.
    assert_eq!(
        name_of(MountedMedia.unplugged(&medium)),
        "medium-still-plugged"
    );
    run("losetup", &["--detach", &stick.loop_device.take().unwrap()]);
    MountedMedia.unplugged(&medium).unwrap();
    assert_eq!(name_of(MountedMedia.back(&medium)), "medium-absent");
    stick.plug();
    let back = MountedMedia.back(&medium).unwrap();
    assert_eq!(back.id, medium.id);
    let copy = MountedMedia
        .verify_copy(&medium, "backup.jwe", &sha256(BYTES))
        .unwrap();
    assert_eq!(copy.reading, Reading::PastTheCache);
    assert_eq!(copy.sha256, data_encoding::HEXLOWER.encode(&sha256(BYTES)));
    let mode = fs::metadata(stick.path().join("backup.jwe"))
        .unwrap()
        .mode();
    assert_eq!(mode & 0o177, 0o044);
}

#[test]
fn another_stick_at_the_same_place_is_named() {
    let mut first = Mounted::stick();
    let medium = MountedMedia.probe(&first.path()).unwrap();
    first.unplug();
    run("mkfs.ext4", &["-q", "-F", &first.image()]);
    first.plug();
    assert_eq!(name_of(MountedMedia.back(&medium)), "medium-other");
    assert_eq!(
        name_of(MountedMedia.write_copy(&medium, "x", BYTES)),
        "medium-other"
    );
    assert_eq!(
        name_of(MountedMedia.verify_copy(&medium, "x", &[0; 32])),
        "medium-other"
    );
}

#[test]
fn a_changed_copy_differs_by_name() {
    let stick = Mounted::stick();
    let medium = MountedMedia.probe(&stick.path()).unwrap();
    // Longer than one chunk, and no multiple of a block.
    let long: Vec<u8> = (0..600_001_u32).map(|n| n as u8).collect();
    MountedMedia.write_copy(&medium, "long.jwe", &long).unwrap();
    assert!(
        MountedMedia
            .verify_copy(&medium, "long.jwe", &sha256(&long))
            .is_ok()
    );
    let file = stick.path().join("long.jwe");
    for changed in [
        &long[..long.len() - 1],
        &[&long[..], b"x"].concat()[..],
        b"",
    ] {
        fs::write(&file, changed).unwrap();
        let answer = MountedMedia.verify_copy(&medium, "long.jwe", &sha256(&long));
        let fault = answer.unwrap_err();
        assert_eq!(fault.name(), "copy-differs");
        assert!(
            fault
                .to_string()
                .contains(&data_encoding::HEXLOWER.encode(&sha256(changed)))
        );
    }
    fs::remove_file(&file).unwrap();
    assert_eq!(
        name_of(MountedMedia.verify_copy(&medium, "long.jwe", &[0; 32])),
        "copy-absent"
    );
    std::os::unix::fs::symlink("/etc/hostname", &file).unwrap();
    assert_eq!(
        name_of(MountedMedia.verify_copy(&medium, "long.jwe", &[0; 32])),
        "medium-failed"
    );
}

#[test]
fn nothing_is_overwritten_and_no_link_is_followed() {
    let memory = Mounted::in_memory("size=1m");
    let medium = MountedMedia.probe(&memory.path()).unwrap();
    MountedMedia.write_copy(&medium, "a.jwe", b"first").unwrap();
    let again = MountedMedia
        .write_copy(&medium, "a.jwe", BYTES)
        .unwrap_err();
    assert_eq!(
        again.to_string(),
        format!(
            "A file {} already exists. Nothing on a medium is overwritten.",
            memory.path().join("a.jwe").display()
        )
    );
    assert_eq!(fs::read(memory.path().join("a.jwe")).unwrap(), b"first");
    std::os::unix::fs::symlink(
        memory.home.path().join("target"),
        memory.path().join("b.jwe"),
    )
    .unwrap();
    assert_eq!(
        name_of(MountedMedia.write_copy(&medium, "b.jwe", BYTES)),
        "file-exists"
    );
    assert!(!memory.home.path().join("target").exists());
    assert_eq!(
        name_of(MountedMedia.write_copy(&medium, "../c", BYTES)),
        "copy-bad-name"
    );
    assert_eq!(
        name_of(MountedMedia.verify_copy(&medium, "../c", &[0; 32])),
        "copy-bad-name"
    );
}

#[test]
fn a_full_medium_is_named_and_keeps_no_half_copy() {
    let memory = Mounted::in_memory("size=64k");
    let medium = MountedMedia.probe(&memory.path()).unwrap();
    let large = vec![1_u8; 128 * 1024];
    let full = MountedMedia
        .write_copy(&medium, "a.jwe", &large)
        .unwrap_err();
    assert_eq!(
        full.to_string(),
        format!(
            "The medium at {} is full: 131072 bytes are needed and 65536 are free.",
            memory.path().display()
        )
    );
    // Full in the middle of writing: the room was there when it was measured.
    assert_eq!(
        name_of(write_new(&memory.path(), "a.jwe", &large, None)),
        "medium-full"
    );
    assert_eq!(fs::read_dir(memory.path()).unwrap().count(), 0);
}

#[test]
fn a_read_only_medium_is_named() {
    let memory = Mounted::in_memory("size=64k,ro");
    let medium = MountedMedia.probe(&memory.path()).unwrap();
    assert!(medium.read_only);
    assert_eq!(
        name_of(MountedMedia.write_copy(&medium, "a", BYTES)),
        "medium-read-only"
    );
    assert_eq!(
        name_of(write_new(&memory.path(), "a", BYTES, None)),
        "medium-read-only"
    );
}

#[test]
fn a_directory_is_no_medium() {
    let root = Path::new("/usr/share");
    assert_eq!(
        MountedMedia.probe(root).unwrap_err().to_string(),
        "No medium is at /usr/share. What lies there belongs to the laptop itself or does not exist."
    );
    assert_eq!(
        name_of(MountedMedia.probe(Path::new("/media/no such place"))),
        "medium-absent"
    );
}

#[test]
fn memory_is_never_read_past_a_cache() {
    let memory = Mounted::in_memory("size=64k");
    let medium = MountedMedia.probe(&memory.path()).unwrap();
    assert_eq!(medium.disks, [""; 0]);
    MountedMedia.write_copy(&medium, "a", BYTES).unwrap();
    let copy = MountedMedia
        .verify_copy(&medium, "a", &sha256(BYTES))
        .unwrap();
    assert_eq!(copy.reading, Reading::CacheDropped);
}

#[test]
fn two_sticks_are_distinct_and_two_places_on_one_are_not() {
    let (first, second) = (Mounted::stick(), Mounted::stick());
    let one = MountedMedia.probe(&first.path()).unwrap();
    let two = MountedMedia.probe(&second.path()).unwrap();
    distinct(&[one.clone(), two]).unwrap();
    fs::create_dir(first.path().join("sub")).unwrap();
    let inside = MountedMedia.probe(&first.path().join("sub")).unwrap();
    assert_eq!(name_of(distinct(&[one, inside])), "medium-same-device");
}

#[test]
fn what_is_larger_than_any_sealed_file_is_refused() {
    let home = tempfile::tempdir().unwrap();
    let large = home.path().join("large");
    File::create(&large)
        .unwrap()
        .set_len(LARGEST_COPY + 1)
        .unwrap();
    assert_eq!(
        name_of(read_back(home.path(), "large", &[0; 32], None)),
        "copy-too-large"
    );
    let small = home.path().join("small");
    fs::write(&small, BYTES).unwrap();
    let device = small.metadata().unwrap().dev();
    assert!(read_back(home.path(), "small", &sha256(BYTES), Some(device)).is_ok());
    assert_eq!(
        name_of(read_back(home.path(), "small", &[0; 32], Some(device + 1))),
        "medium-other"
    );
    assert_eq!(
        name_of(write_new(home.path(), "new", BYTES, Some(device + 1))),
        "medium-other"
    );
    assert!(!home.path().join("new").exists());
}

#[test]
fn a_rehearsal_has_the_same_round() {
    let home = tempfile::tempdir().unwrap();
    let (a, b) = (home.path().join("medium-A"), home.path().join("medium-B"));
    fs::create_dir(&a).unwrap();
    fs::create_dir(&b).unwrap();
    let media = SimulatedMedia::new([a.clone(), b.clone()]);
    let medium = media.probe(&a).unwrap();
    distinct(&[medium.clone(), media.probe(&b).unwrap()]).unwrap();
    media.write_copy(&medium, "backup.jwe", BYTES).unwrap();
    assert_eq!(
        name_of(media.write_copy(&medium, "backup.jwe", BYTES)),
        "file-exists"
    );
    assert_eq!(name_of(media.unplugged(&medium)), "medium-still-plugged");
    assert!(media.unplug(&a));
    media.unplugged(&medium).unwrap();
    assert_eq!(
        name_of(media.verify_copy(&medium, "backup.jwe", &sha256(BYTES))),
        "medium-absent"
    );
    assert!(media.plug(&a));
    let copy = media
        .verify_copy(&medium, "backup.jwe", &sha256(BYTES))
        .unwrap();
    assert_eq!(copy.reading, Reading::CacheDropped);
    assert_eq!(
        name_of(media.verify_copy(&medium, "backup.jwe", &[0; 32])),
        "copy-differs"
    );
    assert_eq!(name_of(media.probe(home.path())), "medium-absent");
    assert_eq!(
        name_of(media.write_copy(&medium, "../x", BYTES)),
        "copy-bad-name"
    );
}
