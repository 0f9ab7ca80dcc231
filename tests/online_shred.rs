//! `qh-online keys shred`, by the real program: what it deletes, what it refuses, what it claims.
#![cfg(feature = "online")]

mod keystores;
mod online_host;

use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::Command;

use online_host::{Said, at, files, on_terminal, on_terminal_with, online};

const SECRET: &[u8] = b"\"0x5ec2e7-this-is-the-plaintext-of-a-key-5ec2e7\"";

fn shred(path: &Path, more: &[&str]) -> Said {
    online(&[&["keys", "shred", at(path)], more].concat())
}

/// Runs a program of a Debian package as root.
fn tool(package: &str, program: &str, args: &[&str]) -> String {
    let output = Command::new(program)
        .args(args)
        .output()
        .unwrap_or_else(|error| panic!("{program} does not run ({error}): install {package}"));
    assert!(
        output.status.success(),
        "{program} {args:?} needs root and loop devices: {}",
        String::from_utf8_lossy(&output.stderr)
    );
    String::from_utf8_lossy(&output.stdout).trim().to_owned()
}

/// A file system of our own in a file; unmounted when dropped.
struct Mounted {
    image: PathBuf,
    at: PathBuf,
}

impl Mounted {
    fn new(base: &Path) -> Self {
        Self::made(base, &[])
    }

    /// With more arguments of `mkfs.ext4`.
    fn made(base: &Path, more: &[&str]) -> Self {
        let (image, at) = (base.join("disk.img"), base.join("disk"));
        fs::create_dir(&at).unwrap();
        fs::File::create(&image).unwrap().set_len(8 << 20).unwrap();
        tool(
            "e2fsprogs",
            "mkfs.ext4",
            &[more, &["-q", "-F", image.to_str().unwrap()]].concat(),
        );
        let own = Self { image, at };
        own.mount("loop");
        own
    }

    fn mount(&self, options: &str) {
        let (image, at) = (self.image.to_str().unwrap(), self.at.to_str().unwrap());
        tool("mount", "mount", &["-o", options, image, at]);
    }

    fn unmount(&self) {
        tool("mount", "umount", &[self.at.to_str().unwrap()]);
    }
}

impl Drop for Mounted {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg(&self.at).output();
    }
}

fn holds(image: &Path) -> bool {
    fs::read(image)
        .unwrap()
        .windows(SECRET.len())
        .any(|part| part == SECRET)
}

#[test]
fn the_old_bytes_are_gone_from_an_ext4_disk() {
    let base = tempfile::tempdir().unwrap();
    let disk = Mounted::new(base.path());
    let file = disk.at.join("gran_backup.json");
    fs::write(&file, SECRET).unwrap();
    disk.unmount();
    assert!(holds(&disk.image), "the plaintext was on the disk");

    disk.mount("loop");
    let said = shred(&file, &["--yes"]).ended(0);
    assert!(said.out.contains("loop device"), "{}", said.out);
    assert!(said.out.contains("proves nothing"), "{}", said.out);
    assert!(said.out.contains("rotate it"), "{}", said.out);
    assert!(
        files(&disk.at)
            .iter()
            .all(|(path, _)| !path.ends_with("gran_backup.json"))
    );
    disk.unmount();
    assert!(!holds(&disk.image), "the plaintext is still on the disk");

    disk.mount("loop");
    fs::write(&file, SECRET).unwrap();
    disk.unmount();
    disk.mount("loop,ro");
    shred(&file, &["--yes"]).refused(3, "shred-read-only");
    assert_eq!(fs::read(&file).unwrap(), SECRET);
}

#[test]
fn empty_large_and_sparse_files_are_deleted() {
    let base = tempfile::tempdir().unwrap();
    for (name, size) in [("empty", 0), ("large", (3 << 20) + 17), ("odd", 4097)] {
        let path = base.path().join(name);
        fs::write(&path, vec![7; size]).unwrap();
        let said = shred(&path, &["--yes", "--json"]).ended(0).json();
        assert_eq!(said["size"], size);
        assert_eq!(said["format"], "qh-keys-shred/1");
        assert!(!said["reasons"].as_array().unwrap().is_empty());
    }
    let sparse = base.path().join("sparse");
    fs::File::create(&sparse).unwrap().set_len(1 << 22).unwrap();
    shred(&sparse, &["--yes"]).ended(0);
    assert_eq!(files(base.path()), []);
}

#[test]
fn what_is_not_a_plain_file_is_refused_and_stays() {
    let base = tempfile::tempdir().unwrap();
    let dir = base.path();
    let file = dir.join("key.json");
    fs::write(&file, SECRET).unwrap();

    let link = dir.join("link");
    symlink(&file, &link).unwrap();
    shred(&link, &["--yes"]).refused(1, "shred-link");
    shred(dir, &["--yes"]).refused(1, "shred-not-a-file");
    shred(Path::new("/dev/null"), &["--yes"]).refused(1, "shred-not-a-file");
    shred(&dir.join("absent"), &["--yes"]).refused(3, "shred-absent");
    shred(&dir.join("key.json/below"), &["--yes"]).refused(3, "shred-absent");
    let pipe = dir.join("pipe");
    tool("coreutils", "mkfifo", &[pipe.to_str().unwrap()]);
    shred(&pipe, &["--yes"]).refused(1, "shred-not-a-file");

    let second = dir.join("second");
    fs::hard_link(&file, &second).unwrap();
    let said = shred(&file, &["--yes"]).refused(1, "shred-hard-links");
    assert!(said.err.contains("2 names"), "{}", said.err);
    fs::remove_file(&second).unwrap();

    let key = dir.join(format!("6772616e{}", "ab".repeat(32)));
    fs::write(&key, SECRET).unwrap();
    shred(&key, &["--yes"]).refused(1, "shred-keystore-file");
    assert_eq!(fs::read(&key).unwrap(), SECRET);
    shred(&key, &["--yes", "--keystore-file"]).ended(0);
    assert!(!key.exists());

    assert_eq!(fs::read(&file).unwrap(), SECRET);
    assert!(link.exists() && pipe.exists());
}

#[test]
fn it_asks_first() {
    let base = tempfile::tempdir().unwrap();
    let file = base.path().join("key.json");
    fs::write(&file, SECRET).unwrap();
    shred(&file, &[]).refused(1, "shred-not-confirmed");
    let args = ["keys", "shred", at(&file)];
    on_terminal(&args, &[("Type `delete`", "yes")]).refused(1, "shred-not-confirmed");
    assert_eq!(fs::read(&file).unwrap(), SECRET);
    on_terminal(&args, &[("Type `delete`", "delete")]).ended(0);
    assert!(!file.exists());
}

#[test]
fn a_process_that_has_it_open_is_named() {
    let base = tempfile::tempdir().unwrap();
    let file = base.path().join("key.json");
    fs::write(&file, SECRET).unwrap();
    let mut reader = Command::new("sleep")
        .arg("60")
        .stdin(fs::File::open(&file).unwrap())
        .spawn()
        .unwrap();
    let said = shred(&file, &["--yes", "--json"]).ended(0).json();
    let open: Vec<u64> = said["open_in"]
        .as_array()
        .unwrap()
        .iter()
        .map(|id| id.as_u64().unwrap())
        .collect();
    assert!(open.contains(&u64::from(reader.id())), "{open:?}");
    reader.kill().unwrap();
    reader.wait().unwrap();
}

#[test]
fn a_file_that_took_its_place_meanwhile_stays() {
    let base = tempfile::tempdir().unwrap();
    let file = base.path().join("key.json");
    let other = base.path().join("saved");
    fs::write(&file, SECRET).unwrap();
    fs::write(&other, "the editor's new file").unwrap();
    let args = ["keys", "shred", at(&file)];
    let asked = [("Type `delete`", "delete")];
    let said = on_terminal_with(&args, &asked, &mut || fs::rename(&other, &file).unwrap())
        .refused(1, "shred-replaced");
    assert!(said.err.contains("Nothing was changed."), "{}", said.err);
    assert_eq!(files(base.path()).len(), 1);
    assert_eq!(fs::read_to_string(&file).unwrap(), "the editor's new file");

    on_terminal_with(&args, &asked, &mut || fs::hard_link(&file, &other).unwrap())
        .refused(1, "shred-hard-links");
    assert_eq!(fs::read_to_string(&other).unwrap(), "the editor's new file");
    fs::remove_file(&other).unwrap();
    on_terminal_with(&args, &asked, &mut || fs::remove_file(&file).unwrap())
        .refused(1, "shred-replaced");
    assert_eq!(files(base.path()), []);
}

#[test]
fn copies_that_the_file_system_keeps_are_named() {
    let base = tempfile::tempdir().unwrap();
    let disk = Mounted::made(base.path(), &["-O", "inline_data", "-I", "256"]);
    let file = disk.at.join("key.json");
    fs::write(&file, SECRET).unwrap();
    let said = shred(&file, &["--yes"]).ended(0);
    assert!(said.out.contains("no block of its own"), "{}", said.out);

    disk.unmount();
    disk.mount("loop,data=journal");
    fs::write(&file, [7; 5000]).unwrap();
    let said = shred(&file, &["--yes"]).ended(0);
    assert!(said.out.contains("data=journal"), "{}", said.out);

    for mark in ["i", "a"] {
        fs::write(&file, SECRET).unwrap();
        tool("e2fsprogs", "chattr", &[&format!("+{mark}"), at(&file)]);
        let said = shred(&file, &["--yes"]).refused(3, "shred-not-permitted");
        tool("e2fsprogs", "chattr", &[&format!("-{mark}"), at(&file)]);
        assert!(said.err.contains("lsattr"), "{}", said.err);
        assert_eq!(fs::read(&file).unwrap(), SECRET);
    }
    shred(&file, &["--yes"]).ended(0);
}

#[test]
fn its_former_name_and_neighbours_are_left_alone() {
    let base = tempfile::tempdir().unwrap();
    let file = base.path().join("ab");
    fs::write(&file, SECRET).unwrap();
    // Names that it would take itself on its way out.
    for taken in ["00", "01"] {
        fs::write(base.path().join(taken), taken).unwrap();
    }
    shred(&file, &["--yes"]).ended(0);
    let left: Vec<Vec<u8>> = files(base.path()).into_iter().map(|(_, b)| b).collect();
    assert_eq!(left, [b"00", b"01"]);
}
