//! While the database is written at full speed.

use std::fs;
use std::path::Path;
use std::process::Command;

use super::running::{Host, Running, check, json};

/// How many snapshots of a live RocksDB; by `cp -a` and `tar` as many. `QH_LIVE_SNAPSHOTS` says another number: 200 take
/// ten minutes.
#[cfg(feature = "engine-rocksdb")]
fn snapshots() -> usize {
    std::env::var("QH_LIVE_SNAPSHOTS").map_or(25, |text| text.parse().expect("a number"))
}

#[cfg(feature = "engine-rocksdb")]
#[test]
fn snapshots_of_a_live_rocksdb_and_as_many_copies() {
    let snapshots = snapshots();
    let host = Host::new("rocksdb");
    let running = Running::start("rocksdb", &host.database());
    running.wait_for(3000);
    let (copy, tar) = (host.path("copy"), host.path("copy.tar"));
    let (mut good, mut by_cp, mut by_tar) = (0, 0, 0);
    let mut faults = Vec::new();
    for _ in 0..snapshots {
        let before = running.acknowledged();
        let made = host.create(&[]);
        let made = json(&made);
        assert_eq!(made["method"], "live-links", "{made}");
        let name = made["stores"][0]["snapshot"].as_str().unwrap().to_owned();
        let restored = host.restore(&name, &copy);
        assert!(restored.status.success(), "{restored:?}");
        match check("rocksdb", &copy, before) {
            Ok(_) => good += 1,
            Err(fault) => faults.push(fault),
        }
        fs::remove_dir_all(&copy).unwrap();

        // The same moment by the means of the requirements' script.
        let before = running.acknowledged();
        let _ = Command::new("cp")
            .arg("-a")
            .arg(host.database())
            .arg(&copy)
            .output()
            .unwrap();
        by_cp += usize::from(check("rocksdb", &copy, before).is_ok());
        fs::remove_dir_all(&copy).unwrap();
        let before = running.acknowledged();
        let _ = Command::new("tar")
            .arg("cf")
            .arg(&tar)
            .arg("-C")
            .arg(host.database())
            .arg(".")
            .output()
            .unwrap();
        fs::create_dir(&copy).unwrap();
        let _ = Command::new("tar")
            .arg("xf")
            .arg(&tar)
            .arg("-C")
            .arg(&copy)
            .output()
            .unwrap();
        by_tar += usize::from(check("rocksdb", &copy, before).is_ok());
        fs::remove_dir_all(&copy).unwrap();
    }
    println!(
        "consistent at or after the acknowledged block: {good} of {snapshots}; cp -a {by_cp}; tar {by_tar}"
    );
    assert_eq!(faults, Vec::<String>::new());
    assert_eq!(good, snapshots);
    assert!(
        by_cp < snapshots && by_tar < snapshots,
        "if these were right too, the database was not written"
    );
    let left: Vec<_> = fs::read_dir(host.database().parent().unwrap())
        .unwrap()
        .map(|e| e.unwrap().file_name())
        .collect();
    assert_eq!(left, ["full"], "no pin is left");
}

#[test]
fn a_live_paritydb_is_refused_and_a_stopped_one_is_right() {
    let host = Host::new("paritydb");
    let running = Running::start("paritydb", &host.database());
    running.wait_for(2500);
    for method in [&[][..], &["--method", "live-links"]] {
        let ran = host.create(method);
        assert_eq!(
            (ran.status.code(), json(&ran)["refused"].as_str()),
            (Some(1), Some("snapshot-node-running"))
        );
    }
    let last = running.stop();
    let made = json(&host.create(&[]));
    let name = made["stores"][0]["snapshot"].as_str().unwrap();
    let copy = host.path("copy");
    assert!(host.restore(name, &copy).status.success());
    assert_eq!(check("paritydb", &copy, last), Ok(last));
    // The verifier opens it with the engine that wrote it.
    let verified = host.verify(&[]);
    assert!(verified.status.success(), "{verified:?}");
    assert_eq!(json(&verified)[0]["good"], true);
}

#[cfg(feature = "engine-rocksdb")]
#[test]
fn a_stopped_rocksdb_is_linked_and_right_though_the_node_goes_on_meanwhile() {
    let host = Host::new("rocksdb");
    let running = Running::start("rocksdb", &host.database());
    running.wait_for(2500);
    let last = running.stop();
    let made = json(&host.create(&[]));
    assert_eq!(made["method"], "stopped-links");
    let name = made["stores"][0]["snapshot"].as_str().unwrap();
    let copy = host.path("copy");
    assert!(host.restore(name, &copy).status.success());
    assert_eq!(check("rocksdb", &copy, last), Ok(last));
    let verified = host.verify(&[]);
    assert!(verified.status.success(), "{verified:?}");
}

#[test]
fn a_running_paritydb_on_btrfs_is_right() {
    let host = Host::new("paritydb");
    let (image, disk) = (host.path("disk.img"), host.path("chains"));
    fs::remove_dir_all(&disk).unwrap();
    fs::create_dir(&disk).unwrap();
    fs::File::create(&image)
        .unwrap()
        .set_len(1024 * 1024 * 1024)
        .unwrap();
    let run = |command: &mut Command| {
        let done = command.output().unwrap();
        assert!(
            done.status.success(),
            "{command:?}: {}",
            String::from_utf8_lossy(&done.stderr)
        );
    };
    run(Command::new("mkfs.btrfs").arg("-q").arg(&image));
    run(Command::new("mount")
        .args(["-o", "loop"])
        .arg(&image)
        .arg(&disk));
    struct Unmount<'a>(&'a Path);
    impl Drop for Unmount<'_> {
        fn drop(&mut self) {
            let _ = Command::new("umount").arg("--lazy").arg(self.0).status();
        }
    }
    let _unmount = Unmount(&disk);
    fs::create_dir_all(host.database().parent().unwrap()).unwrap();
    let running = Running::start("paritydb", &host.database());
    running.wait_for(2500);
    for n in 0..20 {
        let made = json(&host.create(&[]));
        assert_eq!(made["method"], "btrfs", "{made}");
        let name = made["stores"][0]["snapshot"].as_str().unwrap().to_owned();
        let copy = host.path(&format!("copy-{n}"));
        assert!(host.restore(&name, &copy).status.success());
        // ParityDB acknowledges a commit before it is durable: any block that was whole on the disk is right.
        check("paritydb", &copy, 1).unwrap_or_else(|fault| panic!("snapshot {n}: {fault}"));
    }
    drop(running);
}
