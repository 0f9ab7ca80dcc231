//! Directories as stores: however they are written, read-only, in the wrong place, one of several full.

use std::ffi::OsStr;
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::PermissionsExt;
use std::process::Command;

use serde_json::{Value, json};

use super::setup::{FINE, Ran, Setup, online};

/// A file system mounted until the end of a test.
struct Mounted(std::path::PathBuf);

impl Mounted {
    fn new(setup: &Setup, name: &str, words: &[&str]) -> Self {
        let path = setup.path(name);
        let _ = fs::create_dir(&path);
        let done = Command::new("mount")
            .args(words)
            .arg(&path)
            .output()
            .unwrap();
        assert!(done.status.success(), "{done:?}");
        Self(path)
    }
}

impl Drop for Mounted {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg(&self.0).output();
    }
}

#[test]
fn one_directory_is_one_store_however_it_is_written() {
    let setup = Setup::new();
    let made = setup.create(&[]).ok().json();
    let plain = setup.path("store").display().to_string();
    std::os::unix::fs::symlink(&plain, setup.path("link")).unwrap();
    let link = setup.path("link").display().to_string();
    for other in [
        format!("file://{plain}/"),
        format!("file://{plain}/../store"),
        format!("file://{link}"),
    ] {
        let again = Ran::of(setup.creating(&other, &[]).output().unwrap())
            .ok()
            .json();
        assert_eq!(again["stores"][0]["store"], made["stores"][0]["store"]);
        assert_eq!(again["stores"][0]["sent_bytes"], 0, "{again}");
    }
    let twice = setup
        .creating(&setup.store(), &["--store", &format!("file://{link}")])
        .output()
        .unwrap();
    let twice = Ran::of(twice);
    assert_eq!((twice.code, twice.refused().as_str()), (2, "store-twice"));
    // The chain of heads is whole.
    let verified = setup.verify(FINE, &[]).ok().json();
    assert!(
        verified
            .as_array()
            .unwrap()
            .iter()
            .all(|one| one["good"] == true),
        "{verified}"
    );
}

#[test]
fn a_store_that_may_only_be_read_is_listed_and_restored_from() {
    let setup = Setup::new();
    setup.create(&[]).ok();
    let from = setup.path("store").display().to_string();
    let _mounted = Mounted::new(&setup, "store", &["--bind", &from]);
    let remounted = Command::new("mount")
        .args(["-o", "remount,bind,ro", &from])
        .output()
        .unwrap();
    assert!(remounted.status.success(), "{remounted:?}");
    assert_eq!(setup.list().ok().json()[0]["worth"], "unattested");
    let to = setup.path("copy");
    setup.restore(&to, &["--unattested"]).ok();
    assert!(to.join("table_00_15").is_file());
    let refused = setup.create(&[]);
    assert_eq!(
        (refused.code, refused.refused().as_str()),
        (3, "store-denied")
    );
}

#[test]
fn a_full_store_does_not_keep_the_snapshot_from_the_others() {
    let setup = Setup::new();
    let small = Mounted::new(&setup, "small", &["-t", "tmpfs", "-o", "size=8m", "tmpfs"]);
    let small = format!("file://{}", small.0.display());
    let made = setup
        .creating(&small, &["--store", &setup.store()])
        .output()
        .unwrap();
    let made = Ran::of(made);
    assert_eq!(made.code, 3, "{made:?}");
    let made = made.json();
    assert_eq!(made["stores"][0]["refused"], "snapshot-no-space", "{made}");
    assert_eq!(made["stores"][1]["refused"], Value::Null, "{made}");
    assert_eq!(setup.list().ok().json().as_array().unwrap().len(), 1);
    // Alone, it gives its own reason.
    let alone = Ran::of(setup.creating(&small, &[]).output().unwrap());
    assert_eq!(
        (alone.code, alone.refused().as_str()),
        (3, "snapshot-no-space")
    );
}

#[test]
fn a_store_in_the_chains_directory_is_refused_before_anything_is_written() {
    let setup = Setup::new();
    let chain = setup.path("chains/dev3");
    for place in [chain.clone(), setup.database(), chain.join("backup")] {
        fs::create_dir_all(&place).unwrap();
        let before = fs::read_dir(&place).unwrap().count();
        let refused = setup
            .creating(&format!("file://{}", place.display()), &[])
            .output()
            .unwrap();
        let refused = Ran::of(refused);
        assert_eq!(
            (refused.code, refused.refused().as_str()),
            (2, "store-in-database")
        );
        assert_eq!(fs::read_dir(&place).unwrap().count(), before);
    }
}

#[test]
fn an_archive_is_not_sealed_to_the_verifier_alone_unasked() {
    let setup = Setup::new();
    setup.create(&["--class", "weekly"]).ok();
    let engine = setup.path("engine");
    fs::write(&engine, format!("#!/bin/sh\ncat <<'END'\n{FINE}\nEND\n")).unwrap();
    fs::set_permissions(&engine, fs::Permissions::from_mode(0o755)).unwrap();
    let (engine, identity) = (
        engine.display().to_string(),
        setup.path("identity").display().to_string(),
    );
    let words = ["--engine", &engine, "--identity", &identity];
    let ran = setup.elsewhere(&["verify", "snapshots"], &setup.store(), &words);
    assert_eq!(
        (ran.code, ran.json()[0]["refused"].as_str()),
        (3, Some("recipient-not-given"))
    );
    assert_eq!(setup.list().json()[0]["worth"], "unattested");
    let done = setup.verify(FINE, &[]).ok().json();
    assert_eq!(
        (&done[0]["good"], &done[0]["archived"]),
        (&json!(true), &json!(true))
    );
}

/// Nobody reads what a timer's run says: a configuration that it can't work with is told to `on_failure`.
#[test]
fn a_scheduled_run_tells_of_a_configuration_that_ends_backups() {
    let setup = Setup::new();
    let (config, told) = (setup.path("config.toml"), setup.path("told"));
    let script = setup.path("tell");
    fs::write(
        &script,
        format!("#!/bin/sh\necho \"$1\" >{}\n", told.display()),
    )
    .unwrap();
    fs::set_permissions(&script, fs::Permissions::from_mode(0o755)).unwrap();
    fs::write(
        &config,
        format!(
            "state = \"{}\"\nsource = \"node-1\"\ndatabase = \"{}\"\nstores = [\"{}\"]\n[snapshot]\non_failure = [\"{}\"]\n",
            setup.path("state").display(), setup.database().display(), setup.store(), script.display()
        ),
    )
    .unwrap();
    let run = |more: &[&str]| {
        let mut command = online();
        command
            .args(["--config"])
            .arg(&config)
            .args(["snapshot", "create", "--json"])
            .args(more);
        Ran::of(command.output().unwrap())
    };
    let by_hand = run(&[]);
    assert_eq!(
        (by_hand.code, by_hand.refused().as_str()),
        (2, "recipient-not-given")
    );
    assert!(!told.exists(), "who types it, sees it");
    let due = run(&["--due"]);
    assert_eq!(
        (due.code, due.refused().as_str()),
        (2, "recipient-not-given")
    );
    assert_eq!(fs::read_to_string(&told).unwrap(), "recipient-not-given\n");
}

#[test]
fn a_database_whose_path_is_not_text_is_refused_by_name() {
    let setup = Setup::new();
    let path = setup.path("").join(OsStr::from_bytes(b"data\xff"));
    fs::create_dir(&path).unwrap();
    let mut command = online();
    command.args(["snapshot", "create", "--json", "--store", &setup.store()]);
    command.args(["--state"]).arg(setup.path("state"));
    let ran = Ran::of(command.arg("--database").arg(&path).output().unwrap());
    assert_eq!(
        (ran.code, ran.refused().as_str()),
        (3, "database-unreadable")
    );
}

/// Whoever may write could put an archive's clear part there, so that none is ever made.
#[test]
fn an_archive_that_somebody_put_there_before_is_not_taken_for_one() {
    let setup = Setup::new();
    let made = setup.create(&["--class", "monthly"]).ok().json();
    let name = made["stores"][0]["snapshot"].as_str().unwrap();
    let archives = setup.path("store/dev3/node-1/archives");
    fs::create_dir(&archives).unwrap();
    let squatted = archives.join(format!("{name}.json"));
    fs::write(&squatted, b"{}\n").unwrap();
    let ran = setup.verify(FINE, &[]);
    assert_eq!(
        (ran.code, ran.json()[0]["refused"].as_str()),
        (4, Some("archive-name-taken"))
    );
    assert_eq!(setup.list().json()[0]["worth"], "unattested");
    fs::remove_file(&squatted).unwrap();
    assert_eq!(setup.verify(FINE, &[]).ok().json()[0]["archived"], true);
}

/// Two verifiers never mix their parts, whose sizes are the same: the second leaves what the first one has begun.
#[test]
fn parts_of_another_verifier_are_left_alone() {
    let setup = Setup::new();
    let made = setup.create(&["--class", "weekly"]).ok().json();
    let name = made["stores"][0]["snapshot"].as_str().unwrap();
    let archives = setup.path("store/dev3/node-1/archives");
    fs::create_dir(&archives).unwrap();
    let theirs = archives.join(format!("{name}.tar.zst.age"));
    fs::write(&theirs, b"their part").unwrap();
    let ran = setup.verify(FINE, &[]);
    assert_eq!(
        ran.json()[0]["refused"].as_str(),
        Some("archive-name-taken"),
        "{ran:?}"
    );
    assert_eq!(fs::read(&theirs).unwrap(), b"their part");
    // It is listed as what it is, and is no fault of the store's.
    let listed = setup.list();
    assert_eq!(listed.code, 0, "{listed:?}");
    let all = listed.json();
    let archive = all.as_array().unwrap().last().unwrap();
    assert_eq!(
        (&archive["archive"], &archive["worth"]),
        (&true.into(), &"unfinished".into())
    );
    // A run of its own that was ended before the clear part was put: it makes that one anew.
    fs::remove_file(&theirs).unwrap();
    assert_eq!(setup.verify(FINE, &[]).ok().json()[0]["archived"], true);
    let note = fs::read_dir(setup.path("verifier"))
        .unwrap()
        .map(|entry| entry.unwrap().file_name())
        .find(|name| name.to_string_lossy().starts_with("archiving-"));
    assert_eq!(note, None, "what is done is not noted any more");
    let all = setup.list().ok().json();
    let archive = all.as_array().unwrap().last().unwrap();
    assert_eq!(archive["worth"], "good");
    assert_eq!(archive["snapshot"], name);
}

/// A verifier that is killed before it has put the clear part knows its own parts, and makes them anew.
#[test]
fn an_archive_of_a_killed_verifier_is_made_anew() {
    let setup = Setup::new();
    let made = setup.create(&["--class", "weekly"]).ok().json();
    let name = made["stores"][0]["snapshot"].as_str().unwrap();
    let engine = setup.private("waits", b"#!/bin/sh\nexec sleep 600\n");
    fs::set_permissions(&engine, std::os::unix::fs::PermissionsExt::from_mode(0o700)).unwrap();
    let mut command = super::setup::online();
    command.args(["verify", "snapshots", "--store", &setup.store(), "--trust"]);
    command
        .arg(setup.trust())
        .arg("--state")
        .arg(setup.path("verifier"));
    command
        .arg("--engine")
        .arg(&engine)
        .arg("--identity")
        .arg(setup.path("identity"));
    command.args(["--recipient", &setup.recipient]);
    command
        .stdout(std::process::Stdio::null())
        .stderr(std::process::Stdio::null());
    let mut killed = command.spawn().unwrap();
    let part = setup.path(&format!("store/dev3/node-1/archives/{name}.tar.zst.age"));
    while !part.exists() {
        assert!(killed.try_wait().unwrap().is_none(), "it ended by itself");
        std::thread::sleep(std::time::Duration::from_millis(10));
    }
    killed.kill().unwrap();
    killed.wait().unwrap();
    let before = fs::read(&part).unwrap();
    assert_eq!(setup.verify(FINE, &[]).ok().json()[0]["archived"], true);
    assert_ne!(fs::read(&part).unwrap(), before, "sealed anew");
    let to = setup.path("to");
    setup.restore(&to, &["--archive", name]).ok();
    super::setup::same_files(&setup.database(), &to);
}

/// Of a snapshot that its engine refuses, no part of an archive stays.
#[test]
fn an_archive_of_what_is_not_good_leaves_nothing() {
    let setup = Setup::new();
    setup.create(&["--class", "weekly"]).ok();
    let broken = r#"{"format":"qh-engine-report/1","refused":"database-damaged","what":"a value is damaged"}"#;
    let ran = setup.verify(broken, &[]);
    assert_eq!(ran.code, 4, "{ran:?}");
    let archives = setup.path("store/dev3/node-1/archives");
    assert!(!archives.exists() || fs::read_dir(&archives).unwrap().next().is_none());
}

/// The database of a node that somebody else stopped is held for as short as the node may stand, unless that is asked for.
#[test]
fn a_node_that_stands_anyway_is_not_locked_out_for_long() {
    let setup = Setup::new();
    let config = setup.private("host.toml", b"[snapshot]\nmax_stop_seconds = 0\n");
    let config = config.display().to_string();
    let ran = setup.create(&["--config", &config]);
    assert_eq!(ran.refused(), "snapshot-window-exceeded", "{ran:?}");
    let asked = ["--config", &config, "--method", "stopped-copy"];
    assert_eq!(setup.create(&asked).ok().json()["method"], "stopped-copy");
}
