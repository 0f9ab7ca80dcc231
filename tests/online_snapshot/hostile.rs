//! A hostile store or host: each lie is refused by its name, and what is true is found beside it.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use qh_ceremony::online::snapshot::key::{ATTESTATIONS, HEADS, HostKey};

use super::setup::{FINE, Setup, noise, same_files};

/// Two snapshots, the first one good.
fn two() -> (Setup, PathBuf, [String; 2]) {
    let setup = Setup::new();
    setup.create(&["--class", "daily"]).ok();
    setup.verify(FINE, &[]).ok();
    std::thread::sleep(Duration::from_secs(1));
    fs::write(setup.database().join("table_02_01"), noise(9, 50_000)).unwrap();
    setup.create(&["--class", "daily"]).ok();
    let manifests = setup.epoch().join("manifests");
    let names = setup.names();
    let names = [names[0].clone(), names[1].clone()];
    (setup, manifests, names)
}

fn edit(path: &Path, from: &str, to: &str) {
    let text = fs::read_to_string(path).unwrap();
    assert!(text.contains(from), "{text}");
    fs::write(path, text.replacen(from, to, 1)).unwrap();
}

/// What the list says of a snapshot.
fn listed(setup: &Setup, name: &str) -> (i32, String) {
    let ran = setup.list();
    let all = ran.json();
    let one = all
        .as_array()
        .unwrap()
        .iter()
        .find(|one| one["snapshot"] == name)
        .unwrap();
    (ran.code, one["refused"].as_str().unwrap_or("-").to_owned())
}

/// The second snapshot is refused by this name wherever it is looked at, and the first one is still restored.
#[track_caller]
fn refused(setup: &Setup, names: &[String; 2], name: &str) {
    assert_eq!(listed(setup, &names[1]), (4, name.to_owned()));
    let to = setup.path("to");
    let ran = setup.restore(&to, &["--unattested", "--snapshot", &names[1]]);
    assert_eq!((ran.code, ran.refused().as_str()), (4, name));
    assert!(!to.exists());
    let ran = setup.verify(FINE, &[]);
    assert_eq!(ran.code, 4);
    assert!(ran.out.contains(name), "{ran:?}");
    // Offered as the latest, it is skipped, and that is said.
    let ran = setup.restore(&to, &[]).ok();
    assert_eq!(ran.json()["snapshot"], names[0].as_str());
    assert!(
        ran.err.contains(&names[1]) && ran.err.contains(name),
        "{ran:?}"
    );
}

#[test]
fn a_forged_head() {
    let (setup, manifests, names) = two();
    edit(
        &manifests.join(format!("{}.json", names[1])),
        "\"bytes\":5650010",
        "\"bytes\":5650011",
    );
    refused(&setup, &names, "snapshot-forged");
}

#[test]
fn a_database_that_holds_no_chain_where_one_is_meant() {
    let setup = Setup::new();
    setup.create(&[]).ok();
    let spec = concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/tests/vectors/chainspec/stock.json"
    );
    let ran = setup.verify(FINE, &["--chain-spec", spec]);
    assert_eq!(ran.code, 4, "{ran:?}");
    assert!(ran.out.contains("snapshot-not-a-chain"), "{ran:?}");
    let ran = setup.restore(&setup.path("to"), &[]);
    assert_eq!(
        (ran.code, ran.refused().as_str()),
        (1, "snapshot-unattested")
    );
    // Where none is meant, any database that opens and is read through is one.
    setup.verify(FINE, &[]).ok();
}

#[test]
fn an_unsigned_head() {
    let (setup, manifests, names) = two();
    fs::remove_file(manifests.join(format!("{}.json.sig", names[1]))).unwrap();
    refused(&setup, &names, "snapshot-unsigned");
}

#[test]
fn a_head_signed_by_another_key() {
    let (setup, manifests, names) = two();
    let other = HostKey::open_or_make(&setup.path("store"), "x").unwrap();
    let head = fs::read(manifests.join(format!("{}.json", names[1]))).unwrap();
    fs::write(
        manifests.join(format!("{}.json.sig", names[1])),
        other.sign(HEADS, &head),
    )
    .unwrap();
    fs::remove_file(setup.path("store/host_key")).unwrap();
    fs::remove_file(setup.path("store/host_key.pub")).unwrap();
    refused(&setup, &names, "snapshot-unpinned-key");
}

#[test]
fn a_head_that_is_no_document_of_ours_though_signed() {
    let (setup, manifests, names) = two();
    let key = HostKey::open_or_make(&setup.path("state"), "x").unwrap();
    for (from, to, name) in [
        (
            "qh-snapshot-head/1",
            "qh-snapshot-head/2",
            "snapshot-malformed",
        ),
        ("\"files\":", "\"more\":1,\"files\":", "snapshot-malformed"),
        (
            "\"rehearsal\":false",
            "\"rehearsal\":true",
            "snapshot-of-a-rehearsal",
        ),
        (
            "\"source\":\"node-1\"",
            "\"source\":\"node-2\"",
            "snapshot-replayed",
        ),
    ] {
        let path = manifests.join(format!("{}.json", names[1]));
        let before = fs::read_to_string(&path).unwrap();
        edit(&path, from, to);
        let signature = key.sign(HEADS, &fs::read(&path).unwrap());
        fs::write(manifests.join(format!("{}.json.sig", names[1])), signature).unwrap();
        assert_eq!(listed(&setup, &names[1]), (4, name.to_owned()), "{to}");
        fs::write(&path, before).unwrap();
    }
}

#[test]
fn an_old_good_one_under_a_new_name() {
    let (setup, manifests, names) = two();
    for end in ["json", "json.sig", "age", "good", "good.sig"] {
        let from = manifests.join(format!("{}.{end}", names[0]));
        fs::write(
            manifests.join(format!("{}.{end}", names[1])),
            fs::read(from).unwrap(),
        )
        .unwrap();
    }
    refused(&setup, &names, "snapshot-replayed");
}

#[test]
fn an_attestation_of_another_snapshot_or_by_the_host_counts_for_nothing() {
    let (setup, manifests, names) = two();
    let copy = |end: &str| {
        let from = manifests.join(format!("{}.{end}", names[0]));
        fs::write(
            manifests.join(format!("{}.{end}", names[1])),
            fs::read(from).unwrap(),
        )
        .unwrap();
    };
    copy("good");
    copy("good.sig");
    assert_eq!(
        listed(&setup, &names[1]),
        (0, "snapshot-replayed".to_owned())
    );
    let ran = setup.restore(&setup.path("to"), &["--snapshot", &names[1]]);
    assert_eq!(
        (ran.code, ran.refused().as_str()),
        (1, "snapshot-unattested")
    );
    // The host attests its own snapshot.
    let host = HostKey::open_or_make(&setup.path("state"), "x").unwrap();
    let good = fs::read(manifests.join(format!("{}.good", names[1]))).unwrap();
    fs::write(
        manifests.join(format!("{}.good.sig", names[1])),
        host.sign(ATTESTATIONS, &good),
    )
    .unwrap();
    assert_eq!(
        listed(&setup, &names[1]),
        (0, "snapshot-unpinned-key".to_owned())
    );
    // A verifier that finds another one's word there says so, and goes no further.
    let ran = setup.verify(FINE, &[]);
    assert_eq!(ran.code, 4);
    assert!(ran.out.contains("attestation-there-already"), "{ran:?}");
}

#[test]
fn a_swapped_damaged_or_absent_object_and_manifest() {
    let (setup, manifests, names) = two();
    let objects = setup.epoch().join("objects");
    let mut all = Vec::new();
    for two in fs::read_dir(&objects).unwrap() {
        all.extend(
            fs::read_dir(two.unwrap().path())
                .unwrap()
                .map(|e| e.unwrap().path()),
        );
    }
    all.sort_by_key(|path| fs::metadata(path).unwrap().len());
    let [small, .., large] = all.as_slice() else {
        panic!()
    };
    let bytes = fs::read(large).unwrap();
    let mut flipped = bytes.clone();
    flipped[bytes.len() / 2] ^= 1;
    let to = setup.path("to");
    for wrong in [
        Some(flipped),
        Some(bytes[..bytes.len() - 1].to_vec()),
        Some(fs::read(small).unwrap()),
        Some(vec![]),
        None,
    ] {
        match wrong {
            Some(wrong) => fs::write(large, wrong).unwrap(),
            None => fs::remove_file(large).unwrap(),
        }
        let ran = setup.restore(&to, &["--unattested"]);
        assert_eq!(
            (ran.code, ran.refused().as_str()),
            (4, "snapshot-object-swapped")
        );
        assert!(!to.exists());
    }
    let ran = setup.verify(FINE, &[]);
    assert_eq!(ran.code, 4);
    assert!(ran.out.contains("snapshot-object-swapped"), "{ran:?}");
    assert_eq!(setup.list().json()[1]["worth"], "unattested");
    // Put back, what was fetched until then is gone on with.
    fs::write(large, &bytes).unwrap();
    let again = setup.restore(&to, &["--unattested"]).ok().json();
    assert!(
        again["fetched_bytes"].as_u64().unwrap() < 3_600_000,
        "{again}"
    );
    same_files(&setup.database(), &to);
    let manifest = manifests.join(format!("{}.age", names[1]));
    fs::write(
        &manifest,
        fs::read(manifests.join(format!("{}.age", names[0]))).unwrap(),
    )
    .unwrap();
    let ran = setup.restore(&setup.path("more"), &["--unattested"]);
    assert_eq!(
        (ran.code, ran.refused().as_str()),
        (4, "snapshot-manifest-swapped")
    );
}

#[test]
fn an_object_that_lay_there_before_is_not_taken_for_ours() {
    let setup = Setup::new();
    setup.create(&[]).ok();
    // A new table's chunk: its object's name is taken by somebody who knows the epoch's key.
    let key = fs::read_dir(setup.path("state/snapshots"))
        .unwrap()
        .find_map(|entry| fs::read_to_string(entry.unwrap().path().join("epoch.json")).ok())
        .map(|text| {
            serde_json::from_str::<serde_json::Value>(&text).unwrap()["key"]
                .as_str()
                .unwrap()
                .to_owned()
        })
        .unwrap();
    let key: qh_ceremony::transcript::hex::Hash = key.parse().unwrap();
    let table = noise(77, 60_000);
    let name = qh_ceremony::online::snapshot::object::name(
        &key.0,
        &qh_ceremony::online::snapshot::object::sha256(&table),
    );
    let place = setup.epoch().join("objects").join(&name[..2]);
    fs::create_dir_all(&place).unwrap();
    fs::write(place.join(&name), b"poison").unwrap();
    fs::write(setup.database().join("table_03_01"), &table).unwrap();
    std::thread::sleep(Duration::from_secs(1));
    setup.create(&[]).ok();
    assert_eq!(
        fs::read(place.join(&name)).unwrap(),
        b"poison",
        "nothing is replaced"
    );
    setup.restore(&setup.path("to"), &["--unattested"]).ok();
    same_files(&setup.database(), &setup.path("to"));
}

#[test]
fn a_store_that_is_rolled_back_or_hides_one_is_found_out_by_the_verifier() {
    let (setup, manifests, names) = two();
    setup.verify(FINE, &[]).ok();
    std::thread::sleep(Duration::from_secs(1));
    setup.create(&["--class", "daily"]).ok();
    let names = [&names[..], &setup.names()[2..]].concat();
    setup.verify(FINE, &[]).ok();
    let hide = |name: &str| {
        for end in ["json", "json.sig", "age", "good", "good.sig"] {
            let path = manifests.join(format!("{name}.{end}"));
            let _ = fs::rename(&path, setup.path(&format!("hidden-{name}.{end}")));
        }
    };
    hide(&names[1]);
    let ran = setup.verify(FINE, &[]);
    assert_eq!(ran.code, 4);
    assert!(ran.out.contains("snapshot-chain-broken"), "{ran:?}");
    hide(&names[2]);
    let ran = setup.verify(FINE, &[]);
    assert_eq!(ran.code, 4);
    assert!(ran.out.contains("store-rolled-back"), "{ran:?}");
}

#[test]
fn a_snapshot_that_its_engine_refuses_is_never_good() {
    let setup = Setup::new();
    setup.create(&[]).ok();
    let refusals = [
        (
            r#"{"format":"qh-engine-report/1","refused":"database-damaged","what":"block checksum mismatch"}"#,
            "engine-nonsense",
        ),
        ("garbage", "engine-nonsense"),
        (
            r#"{"format":"qh-engine-report/1","engine":"T","columns":[],"chain":{"genesis":"00","best":1}}"#,
            "engine-nonsense",
        ),
    ];
    for (report, name) in refusals {
        let ran = setup.verify(report, &[]);
        assert_eq!(ran.code, 4);
        assert!(ran.out.contains(name), "{ran:?}");
    }
    let ran = setup.verify(FINE, &["--engine", "/absent/engine"]);
    assert_eq!(ran.code, 2, "twice is usage: {ran:?}");
    assert_eq!(setup.list().json()[0]["worth"], "unattested");
    setup.verify(FINE, &[]).ok();
    assert_eq!(setup.list().json()[0]["worth"], "good");
}
