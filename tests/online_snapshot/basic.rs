//! From the database to the store and back; what is sent, what is not, what is refused before anything is begun.

use std::fs::{self, OpenOptions};
use std::os::unix::fs::FileExt;

use super::setup::{FINE, Setup, noise, same_files};

#[test]
fn a_snapshot_comes_back_whole_and_a_second_one_sends_what_changed() {
    let setup = Setup::new();
    let first = setup
        .create(&["--class", "daily", "--class", "hot"])
        .ok()
        .json();
    assert_eq!(first["stores"][0]["refused"], serde_json::Value::Null);
    assert_eq!(first["classes"], serde_json::json!(["hot", "daily"]));
    assert_eq!(first["method"], "stopped-copy");
    let sent = first["stores"][0]["sent_bytes"].as_u64().unwrap();
    assert!(
        (3_600_000..3_700_000).contains(&sent),
        "noise is stored, zeros are packed: {sent}"
    );

    // One byte of a table changes: one chunk of 1 MiB is sent.
    let table = OpenOptions::new()
        .write(true)
        .open(setup.database().join("table_00_15"))
        .unwrap();
    table.write_all_at(b"x", 1_500_000).unwrap();
    std::thread::sleep(std::time::Duration::from_secs(1)); // names are of seconds
    let second = setup.create(&[]).ok().json();
    let sent = second["stores"][0]["sent_bytes"].as_u64().unwrap();
    assert!((1_048_576..1_060_000).contains(&sent), "{sent}");
    std::thread::sleep(std::time::Duration::from_secs(1));
    let third = setup.create(&[]).ok().json();
    assert_eq!(third["stores"][0]["sent_bytes"], 0);

    // Nobody has verified it: restored only when that is said.
    let to = setup.path("restored");
    let refused = setup.restore(&to, &[]);
    assert_eq!(
        (refused.code, refused.refused().as_str()),
        (1, "snapshot-unattested")
    );
    assert!(!to.exists());
    let restored = setup.restore(&to, &["--unattested"]).ok().json();
    assert_eq!(restored["worth"], "unattested");
    same_files(&setup.database(), &to);

    // The first one still is what it was.
    let names = setup.names();
    assert_eq!(names.len(), 3);
    let old = setup.path("old");
    setup
        .restore(&old, &["--unattested", "--snapshot", &names[0]])
        .ok();
    table
        .write_all_at(&noise(1, 1_500_001)[1_500_000..], 1_500_000)
        .unwrap();
    same_files(&setup.database(), &old);
}

#[test]
fn a_verified_snapshot_is_good_and_keys_are_not_in_it() {
    let setup = Setup::new();
    setup.create(&["--class", "weekly"]).ok();
    // The first run of a verifier makes its key; its word counts once the trust file knows it.
    let first = setup.verify(FINE, &[]).ok().json();
    assert_eq!(first[0]["good"], true);
    assert_eq!(first[0]["archived"], true);
    assert_eq!(setup.list().json()[0]["worth"], "good");
    let again = setup.verify(FINE, &[]).ok().json();
    assert_eq!(
        again,
        serde_json::json!([]),
        "there is nothing left to verify"
    );
    let to = setup.path("restored");
    setup.restore(&to, &[]).ok();
    same_files(&setup.database(), &to);
    // Weekly: an archive was made of it, and comes back too.
    let name = setup.names().remove(0);
    let unpacked = setup.path("unpacked");
    setup.restore(&unpacked, &["--archive", &name]).ok();
    same_files(&setup.database(), &unpacked);
    // Nothing in the store but objects; what they hold is the database's files alone.
    let restored: Vec<_> = fs::read_dir(&to)
        .unwrap()
        .map(|e| e.unwrap().file_name().into_string().unwrap())
        .collect();
    assert!(
        restored
            .iter()
            .all(|name| !name.contains("key") && !name.contains("network") && name != "lock"),
        "{restored:?}"
    );
}

#[test]
fn what_is_missing_or_wrong_is_refused_before_anything_is_begun() {
    let setup = Setup::new();
    let refused = |words: &[&str], code: i32, name: &str| {
        let ran = super::setup::Ran::of(
            super::setup::online()
                .args(words)
                .arg("--json")
                .output()
                .unwrap(),
        );
        assert_eq!(
            (ran.code, ran.refused().as_str()),
            (code, name),
            "{words:?}"
        );
    };
    let (database, state, store) = (
        setup.database().display().to_string(),
        setup.path("state").display().to_string(),
        setup.store(),
    );
    let create = ["snapshot", "create", "--state", &state];
    refused(&create, 2, "database-not-given");
    refused(
        &[&create[..], &["--database", "/absent"]].concat(),
        3,
        "database-unreadable",
    );
    let chain = setup.path("chains/dev3/keystore").display().to_string();
    refused(
        &[&create[..], &["--database", &chain]].concat(),
        1,
        "database-absent",
    );
    let with = [&create[..], &["--database", &database]].concat();
    refused(&with, 2, "recipient-not-given");
    refused(
        &[&with[..], &["--recipient", "age1x"]].concat(),
        2,
        "recipient-invalid",
    );
    let with = [&with[..], &["--recipient", &setup.recipient]].concat();
    refused(&with, 2, "store-not-given");
    refused(
        &[&with[..], &["--store", &store, "--store", &store]].concat(),
        2,
        "store-twice",
    );
    refused(
        &[&with[..], &["--store", "file:///absent/store"]].concat(),
        3,
        "store-address",
    );
    refused(
        &[&with[..], &["--store", "ftp://x"]].concat(),
        3,
        "store-address",
    );
    refused(
        &[&with[..], &["--store", &store, "--chain", "other"]].concat(),
        2,
        "chain-id-differs",
    );
    refused(
        &[&with[..], &["--store", &store, "--source", "a/b"]].concat(),
        2,
        "source-name",
    );
    refused(
        &[&with[..], &["--store", &store, "--method", "live-links"]].concat(),
        1,
        "snapshot-node-running",
    );
    assert_eq!(
        fs::read_dir(setup.path("store")).unwrap().count(),
        1,
        "the epoch's readme and script"
    );
    // An open state directory, an open identity, a trust file that trusts nobody.
    std::os::unix::fs::symlink(setup.path("store"), setup.path("link")).unwrap();
    let link = setup.path("link").display().to_string();
    refused(
        &[
            "snapshot",
            "create",
            "--database",
            &database,
            "--recipient",
            &setup.recipient,
            "--store",
            &store,
            "--state",
            &link,
        ],
        3,
        "state-not-a-directory",
    );
    setup.create(&[]).ok();
    let empty = setup.path("empty");
    fs::write(&empty, "").unwrap();
    let empty = empty.display().to_string();
    refused(
        &["snapshot", "list", "--store", &store],
        2,
        "trust-not-given",
    );
    refused(
        &["snapshot", "list", "--store", &store, "--trust", &empty],
        2,
        "trust-empty",
    );
    let identity = setup.path("identity");
    fs::set_permissions(
        &identity,
        std::os::unix::fs::PermissionsExt::from_mode(0o644),
    )
    .unwrap();
    let ran = setup.restore(&setup.path("to"), &["--unattested"]);
    assert_eq!((ran.code, ran.refused().as_str()), (1, "file-not-private"));
}

#[test]
fn a_dry_run_says_what_it_would_cost_and_sends_nothing() {
    let setup = Setup::new();
    let found = setup.create(&["--dry-run"]).ok().json();
    assert_eq!(found["bytes"], 5_600_010);
    assert_eq!(found["stores"][0]["sent_bytes_at_most"], 5_600_010);
    assert_eq!(found["stores"][0]["requests_at_most"], 6 + 3);
    assert_eq!(fs::read_dir(setup.path("store")).unwrap().count(), 0);
}

#[test]
fn only_what_is_due_is_made_and_one_snapshot_serves_all_of_it() {
    let setup = Setup::new();
    let first = setup.create(&["--due"]).ok().json();
    assert_eq!(
        first["classes"],
        serde_json::json!(["hot", "daily", "weekly", "monthly"])
    );
    assert_eq!(setup.create(&["--due"]).ok().json()["due"], false);
    assert_eq!(setup.names().len(), 1);
    assert!(setup.names()[0].ends_with("-monthly"));
}

#[test]
fn a_store_that_fails_is_named_and_the_others_have_the_snapshot() {
    let setup = Setup::new();
    let full = setup.path("second");
    fs::create_dir(&full).unwrap();
    let second = format!("file://{}", full.display());
    setup.create(&["--store", &second]).ok();
    fs::rename(&full, setup.path("away")).unwrap();
    std::thread::sleep(std::time::Duration::from_secs(1));
    let ran = setup.create(&["--store", &second]);
    assert_eq!(ran.code, 3, "{ran:?}");
    let stores = &ran.json()["stores"];
    let refused = |n: usize| stores[n]["refused"].as_str();
    assert_eq!(
        (refused(0), refused(1)),
        (Some("store-address"), None),
        "{stores}"
    );
    // It comes back, and gets the next one with all that it lacks.
    fs::rename(setup.path("away"), &full).unwrap();
    std::thread::sleep(std::time::Duration::from_secs(1));
    setup.create(&["--store", &second]).ok();
    let in_second = setup
        .elsewhere(&["snapshot", "list"], &second, &[])
        .ok()
        .json();
    assert_eq!(in_second.as_array().unwrap().len(), 2);
    assert_eq!(setup.names().len(), 3);
}

#[test]
fn objects_that_are_gone_from_the_store_are_sent_again() {
    let setup = Setup::new();
    setup.create(&[]).ok();
    let objects = setup.epoch().join("objects");
    fs::remove_dir_all(&objects).unwrap();
    std::thread::sleep(std::time::Duration::from_secs(1));
    let again = setup.create(&[]).ok().json();
    assert!(
        again["notes"]
            .to_string()
            .contains("are gone from the store"),
        "{again}"
    );
    setup.restore(&setup.path("to"), &["--unattested"]).ok();
    same_files(&setup.database(), &setup.path("to"));
    // The first one has its objects again too: sealed anew, but with the same plain bytes, which is what counts.
    let first = setup.names().remove(0);
    setup
        .restore(
            &setup.path("first"),
            &["--unattested", "--snapshot", &first],
        )
        .ok();
    same_files(&setup.database(), &setup.path("first"));
}

#[test]
fn a_lost_state_opens_a_new_epoch() {
    let setup = Setup::new();
    setup.create(&[]).ok();
    fs::remove_dir_all(setup.path("state/snapshots")).unwrap();
    std::thread::sleep(std::time::Duration::from_secs(1));
    let again = setup.create(&[]).ok().json();
    assert!(again["notes"].to_string().contains("a new epoch is opened"));
    assert!(again["stores"][0]["sent_bytes"].as_u64().unwrap() > 3_600_000);
    let epochs = fs::read_dir(setup.path("store/dev3/node-1"))
        .unwrap()
        .count();
    assert_eq!((epochs, setup.names().len()), (2, 2));
    for name in setup.names() {
        let to = setup.path(&name);
        setup
            .restore(&to, &["--unattested", "--snapshot", &name])
            .ok();
        same_files(&setup.database(), &to);
    }
}
