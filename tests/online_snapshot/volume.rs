//! Snapshots of a file system: btrfs on a loop device, while another process writes. And a store that is full.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use super::setup::{Setup, noise};

/// A file system on a loop device, unmounted when dropped.
struct Mounted(PathBuf);

impl Mounted {
    fn new(setup: &Setup, kind: &str, megabytes: u64, at: &str) -> Self {
        assert!(
            rustix::process::geteuid().is_root(),
            "this test mounts file systems: run it as root"
        );
        let (image, at) = (setup.path(&format!("{at}.img")), setup.path(at));
        fs::File::create(&image)
            .unwrap()
            .set_len(megabytes * 1024 * 1024)
            .unwrap();
        run(Command::new(format!("mkfs.{kind}"))
            .arg(if kind == "ext4" { "-q" } else { "-f" })
            .arg(&image));
        fs::create_dir_all(&at).unwrap();
        run(Command::new("mount")
            .args(["-o", "loop"])
            .arg(&image)
            .arg(&at));
        Self(at)
    }
}

impl Drop for Mounted {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("--lazy").arg(&self.0).status();
    }
}

fn run(command: &mut Command) {
    let done = command.output().unwrap();
    assert!(
        done.status.success(),
        "{command:?}: {}",
        String::from_utf8_lossy(&done.stderr)
    );
}

/// A process that is ended with the test, however that ends.
struct Ended(std::process::Child);

impl Drop for Ended {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Writes the same number into two files of the database, durably, the first one first, for ever.
const WRITER: &str = r#"
import os, sys
d = sys.argv[1]
a = os.open(d + "/table_00_01", os.O_RDWR | os.O_CREAT)
b = os.open(d + "/table_00_02", os.O_RDWR | os.O_CREAT)
n = 0
while True:
    n += 1
    block = n.to_bytes(8, "little") * 512
    os.pwrite(a, block, 0)
    os.fsync(a)
    os.pwrite(b, block, 0)
    os.fsync(b)
    if n == 1:
        print("writing", flush=True)
"#;

fn numbers(dir: &Path) -> (u64, u64) {
    let read = |name: &str| {
        let bytes = fs::read(dir.join(name)).unwrap();
        let (first, last) = (&bytes[..8], &bytes[bytes.len() - 8..]);
        assert_eq!(first, last, "{name} is torn");
        u64::from_le_bytes(first.try_into().unwrap())
    };
    (read("table_00_01"), read("table_00_02"))
}

#[test]
fn a_running_paritydb_on_btrfs_is_photographed_and_nothing_is_left() {
    let setup = Setup::new();
    let mounted = Mounted::new(&setup, "btrfs", 300, "disk");
    let database = mounted.0.join("chains/dev3/paritydb/full");
    fs::create_dir_all(&database).unwrap();
    fs::write(database.join("metadata"), b"version=8\n").unwrap();
    fs::write(database.join("lock"), b"").unwrap();
    let mut writer = Ended(
        Command::new("python3")
            .args(["-c", WRITER])
            .arg(&database)
            .stdout(std::process::Stdio::piped())
            .spawn()
            .unwrap(),
    );
    let mut first = [0; 7];
    std::io::Read::read_exact(writer.0.stdout.as_mut().unwrap(), &mut first).unwrap();
    // The node runs: it holds the lock.
    let lock = fs::File::open(database.join("lock")).unwrap();
    lock.lock().unwrap();
    for n in 0..10 {
        let store = setup.store();
        let mut command = super::setup::online();
        command.args([
            "snapshot",
            "create",
            "--json",
            "--source",
            "node-1",
            "--store",
            &store,
            "--recipient",
            &setup.recipient,
        ]);
        command
            .arg("--database")
            .arg(&database)
            .arg("--state")
            .arg(setup.path("state"));
        let done = super::setup::Ran::of(command.output().unwrap()).ok().json();
        assert_eq!(
            (done["method"].as_str(), done["stopped_ms"].as_u64()),
            (Some("btrfs"), Some(0))
        );
        let name = done["stores"][0]["snapshot"].as_str().unwrap().to_owned();
        let to = setup.path(&format!("to-{n}"));
        setup
            .restore(&to, &["--unattested", "--snapshot", &name])
            .ok();
        let (a, b) = numbers(&to);
        assert!(a == b || a == b + 1, "one moment of both files: {a} {b}");
        let left: Vec<_> = fs::read_dir(&mounted.0)
            .unwrap()
            .map(|e| e.unwrap().file_name())
            .collect();
        assert_eq!(left, ["chains"], "no snapshot of the file system is left");
        std::thread::sleep(std::time::Duration::from_secs(1));
    }
    // What a killed run left is removed by the next one, and named.
    let id = ".qh-pin-00112233445566aa";
    run(Command::new("btrfs")
        .args(["subvolume", "snapshot", "-r"])
        .arg(&mounted.0)
        .arg(mounted.0.join(id)));
    let note = serde_json::json!({"btrfs": mounted.0.join(id)});
    fs::write(
        setup.path("state/held-00112233445566aa.json"),
        note.to_string(),
    )
    .unwrap();
    let mut command = super::setup::online();
    command.args([
        "snapshot",
        "create",
        "--json",
        "--source",
        "node-1",
        "--store",
        &setup.store(),
        "--recipient",
        &setup.recipient,
    ]);
    command
        .arg("--database")
        .arg(&database)
        .arg("--state")
        .arg(setup.path("state"));
    let done = super::setup::Ran::of(command.output().unwrap()).ok().json();
    assert!(
        done["notes"].to_string().contains(&format!(
            "removed what an earlier run left: btrfs snapshot {}",
            mounted.0.join(id).display()
        )),
        "{done}"
    );
    assert!(!mounted.0.join(id).exists());
}

#[test]
fn a_stopped_paritydb_on_xfs_is_cloned_and_nothing_is_left() {
    let setup = Setup::new();
    let mounted = Mounted::new(&setup, "xfs", 400, "disk");
    let database = mounted.0.join("chains/dev3/paritydb/full");
    fs::create_dir_all(database.parent().unwrap()).unwrap();
    run(Command::new("cp")
        .arg("-a")
        .arg(setup.database())
        .arg(&database));
    let mut command = super::setup::online();
    command.args(["snapshot", "create", "--json", "--source", "node-1"]);
    command.args(["--store", &setup.store(), "--recipient", &setup.recipient]);
    command.arg("--database").arg(&database);
    command.arg("--state").arg(setup.path("state"));
    let done = super::setup::Ran::of(command.output().unwrap()).ok().json();
    assert_eq!(done["method"], "stopped-reflink", "{done}");
    let to = setup.path("to");
    setup.restore(&to, &["--unattested"]).ok();
    super::setup::same_files(&database, &to);
    let left: Vec<_> = fs::read_dir(&mounted.0)
        .unwrap()
        .map(|entry| entry.unwrap().file_name())
        .collect();
    assert_eq!(left, ["chains"], "no clone is left");
}

#[test]
fn a_mount_point_is_refused_as_a_place_before_anything_is_fetched() {
    let setup = Setup::new();
    setup.create(&[]).ok();
    let mounted = Mounted::new(&setup, "ext4", 110, "disk");
    fs::remove_dir(mounted.0.join("lost+found")).unwrap();
    let ran = setup.restore(&mounted.0, &["--unattested"]);
    assert_eq!((ran.code, ran.refused().as_str()), (3, "restore-system"));
    assert!(ran.out.contains("is mounted there"), "{ran:?}");
    let staged = fs::read_dir(setup.dir.path()).unwrap().any(|entry| {
        let name = entry.unwrap().file_name();
        name.to_string_lossy().contains(".qh-restore-")
    });
    assert!(!staged);
    // A directory in it is one.
    setup
        .restore(&mounted.0.join("full"), &["--unattested"])
        .ok();
}

#[test]
fn a_store_without_space_is_refused_and_what_is_there_stays() {
    let setup = Setup::new();
    let mounted = Mounted::new(&setup, "ext4", 110, "small");
    let store = format!("file://{}", mounted.0.display());
    let create = || super::setup::Ran::of(setup.creating(&store, &[]).output().unwrap());
    let refused = create();
    assert_eq!(refused.code, 0, "{refused:?}");
    // Nothing else fits: it is known before anything is begun.
    fs::write(setup.database().join("table_08_01"), noise(8, 50_000_000)).unwrap();
    let ran = create();
    assert_eq!((ran.code, ran.refused().as_str()), (3, "snapshot-no-space"));
    // Somebody else fills the disk meanwhile: quotas, other programs. Here the last blocks are taken before.
    fs::remove_file(setup.database().join("table_08_01")).unwrap();
    fs::write(setup.database().join("table_08_02"), noise(9, 3_000_000)).unwrap();
    let free = rustix::fs::statvfs(&mounted.0).unwrap();
    let free = free.f_bavail * free.f_frsize;
    fs::write(
        mounted.0.join(".part-ballast"),
        vec![1; usize::try_from(free - 65 * 1024 * 1024).unwrap()],
    )
    .unwrap();
    std::thread::sleep(std::time::Duration::from_secs(1));
    let ran = create();
    assert_eq!((ran.code, ran.refused().as_str()), (3, "snapshot-no-space"));
    let listed = setup
        .elsewhere(&["snapshot", "list"], &store, &[])
        .ok()
        .json();
    assert_eq!(listed.as_array().unwrap().len(), 1);
    fs::remove_file(mounted.0.join(".part-ballast")).unwrap();
    create().ok();
}
