//! Where a snapshot may be put, and where not.

use std::fs;

use super::setup::{Setup, same_files};

#[test]
fn only_into_the_place_of_such_a_database_that_nobody_uses() {
    let setup = Setup::new();
    setup.create(&[]).ok();
    let refused = |to: &std::path::Path, name: &str, code: i32| {
        let ran = setup.restore(to, &["--unattested"]);
        assert_eq!(
            (ran.code, ran.refused().as_str()),
            (code, name),
            "{}",
            to.display()
        );
    };
    refused(&setup.path("absent/to"), "restore-system", 3);
    // Another engine's place, by its path and by what lies there.
    let rocks = setup.path("chains/dev3/db/full");
    fs::create_dir_all(&rocks).unwrap();
    refused(&rocks, "restore-other-engine", 1);
    let elsewhere = setup.path("elsewhere");
    fs::create_dir(&elsewhere).unwrap();
    fs::write(elsewhere.join("CURRENT"), b"MANIFEST-000001\n").unwrap();
    refused(&elsewhere, "restore-other-engine", 1);
    // Another chain's.
    let chain = setup.path("chains/other/paritydb/full");
    fs::create_dir_all(&chain).unwrap();
    refused(&chain, "restore-other-chain", 1);
    // A directory with something else in it: the chain directory, somebody's home.
    refused(&setup.path("chains/dev3"), "restore-place-strange", 1);
    let home = setup.path("home");
    fs::create_dir(&home).unwrap();
    fs::write(home.join("letter"), b"").unwrap();
    refused(&home, "restore-place-strange", 1);
    fs::write(setup.path("file"), b"").unwrap();
    refused(&setup.path("file"), "restore-system", 3);
    // In use: the node holds its lock.
    let lock = fs::File::open(setup.database().join("lock")).unwrap();
    lock.lock().unwrap();
    refused(&setup.database(), "restore-node-running", 1);
    drop(lock);
    let before = setup.path("before");
    fs::create_dir(&before).unwrap();
    for entry in fs::read_dir(setup.database()).unwrap() {
        let path = entry.unwrap().path();
        fs::copy(&path, before.join(path.file_name().unwrap())).unwrap();
    }
    fs::write(setup.database().join("table_00_15"), b"corrupted").unwrap();
    let done = setup
        .restore(&setup.database(), &["--unattested"])
        .ok()
        .json();
    same_files(&before, &setup.database());
    let old = std::path::PathBuf::from(done["old"].as_str().unwrap());
    assert_eq!(
        fs::read(old.join("table_00_15")).unwrap(),
        b"corrupted",
        "the old one is kept"
    );
}

/// A second restore of the same snapshot doesn't write into what the first one puts in place.
#[test]
fn two_restores_at_once_do_not_share_a_directory() {
    let setup = Setup::new();
    setup.create(&[]).ok();
    let to = setup.path("to");
    // What the first one has made so far, and holds.
    setup.restore(&to, &["--unattested"]).ok();
    let head = fs::read_dir(setup.epoch().join("manifests"))
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .find(|path| path.extension().is_some_and(|end| end == "json"))
        .unwrap();
    let id = qh_ceremony::online::snapshot::object::sha256(&fs::read(head).unwrap()).to_string();
    let staging = setup.path(&format!("to.qh-restore-{}", &id[..16]));
    fs::rename(&to, &staging).unwrap();
    fs::set_permissions(
        &staging,
        std::os::unix::fs::PermissionsExt::from_mode(0o700),
    )
    .unwrap();
    let held = fs::File::open(&staging).unwrap();
    held.lock().unwrap();
    let ran = setup.restore(&to, &["--unattested"]);
    assert_eq!((ran.code, ran.refused().as_str()), (3, "restore-running"));
    assert!(staging.join("table_00_15").exists() && !to.exists());
    drop(held);
    let done = setup.restore(&to, &["--unattested"]).ok().json();
    // What was fetched is not fetched again, but for chunks that are all zeros.
    assert!(done["fetched_bytes"].as_u64().unwrap() < 10_000, "{done}");
    same_files(&setup.database(), &to);
}

#[test]
fn an_empty_directory_is_filled_and_nothing_is_left_beside_it() {
    let setup = Setup::new();
    setup.create(&[]).ok();
    let to = setup.path("new/paritydb/full");
    fs::create_dir_all(&to).unwrap();
    let done = setup.restore(&to, &["--unattested"]).ok().json();
    assert_eq!(done["old"], serde_json::Value::Null);
    same_files(&setup.database(), &to);
    assert_eq!(fs::read_dir(to.parent().unwrap()).unwrap().count(), 1);
}

#[test]
fn a_link_in_the_place_of_the_staging_directory_is_not_followed() {
    let setup = Setup::new();
    setup.create(&[]).ok();
    let to = setup.path("new/full");
    fs::create_dir_all(to.parent().unwrap()).unwrap();
    let name = setup.names().remove(0);
    let head = fs::read(setup.epoch().join(format!("manifests/{name}.json"))).unwrap();
    let id = qh_ceremony::online::snapshot::object::sha256(&head).to_string();
    let (staging, other) = (
        setup.path(&format!("new/full.qh-restore-{}", &id[..16])),
        setup.path("other"),
    );
    fs::create_dir(&other).unwrap();
    fs::write(other.join("letter"), b"mine").unwrap();
    std::os::unix::fs::symlink(&other, &staging).unwrap();
    let ran = setup.restore(&to, &["--unattested"]);
    assert_eq!(
        (ran.code, ran.refused().as_str()),
        (3, "restore-not-written")
    );
    assert_eq!(fs::read(other.join("letter")).unwrap(), b"mine");
    assert_eq!(fs::read_dir(&other).unwrap().count(), 1);
}

#[test]
fn each_old_database_is_kept_though_restores_follow_each_other_at_once() {
    let setup = Setup::new();
    setup.create(&[]).ok();
    let to = setup.path("new/full");
    fs::create_dir_all(&to).unwrap();
    let mut kept = std::collections::BTreeSet::new();
    for n in 0..3 {
        fs::write(to.join("metadata"), format!("old {n}")).unwrap();
        let done = setup.restore(&to, &["--unattested"]).ok().json();
        let old = std::path::PathBuf::from(done["old"].as_str().unwrap());
        assert_eq!(
            fs::read_to_string(old.join("metadata")).unwrap(),
            format!("old {n}")
        );
        assert!(kept.insert(old));
        same_files(&setup.database(), &to);
    }
    for (n, old) in kept.iter().enumerate() {
        assert_eq!(
            fs::read_to_string(old.join("metadata")).unwrap(),
            format!("old {n}")
        );
    }
    assert_eq!(fs::read_dir(to.parent().unwrap()).unwrap().count(), 4);
}
