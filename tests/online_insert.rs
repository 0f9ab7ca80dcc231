//! `qh-online keys insert`, by the real program: what it writes and leaves, and what it refuses.
#![cfg(feature = "online")]

mod keystores;
mod online_host;

use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};

use data_encoding::HEXLOWER;
use keystores::{aura, aura_256s, aura_name, hex};
use online_host::second::{Host, delivery, registered, run};
use online_host::{at, files, holds, on_terminal, published, put, spec, suri};
use qh_ceremony::secret::SecretBytes;
use qh_ceremony::vault::contents::{BundleFile, BundleKey, FilePath};
use qh_ceremony::vault::delivery::{Delivery, Purpose, seal_to};
use qh_ceremony::vault::recipient::OneTimeRecipient;
use serde_json::Value;

#[test]
fn a_delivery_is_installed_as_the_node_would_write_it() {
    let host = Host::new();
    let pair = published(0);
    let mut sealed = delivery(&[&pair]);
    sealed.files.push(BundleFile {
        path: FilePath::SecretEd25519,
        content: SecretBytes::new(vec![0x5a; 32]),
    });
    host.seal(&sealed);
    std::os::unix::fs::chown(host.keystore(), Some(1000), Some(1001)).unwrap();

    let dry = host.insert(&["--dry-run"]).ended(0);
    assert!(dry.out.starts_with("Nothing was written."), "{}", dry.out);
    host.untouched();

    let said = host.insert(&[]).ended(0);
    for text in [
        "listed back and proven again",
        "written, mode 0600, owner 1000:1001",
        "network/secret_ed25519 written",
        "Matched by raw.json (genesis state):",
        "Ada Example and Ben Example state: the signer on validator-1 has stopped, silent since block 1000.",
        "Stated, not measured",
    ] {
        assert!(said.out.contains(text), "{text}: {}", said.out);
    }
    let file = host.keystore().join(aura_name(&pair.public));
    let content = format!("\"0x{}\"", hex(&pair.secret));
    assert_eq!(fs::read(&file).unwrap(), content.as_bytes());
    let about = file.metadata().unwrap();
    assert_eq!(
        (about.mode() & 0o7777, about.uid(), about.gid()),
        (0o600, 1000, 1001)
    );
    let node_key = host.path("chains/dev3/network/secret_ed25519");
    assert_eq!(fs::read(&node_key).unwrap(), [0x5a; 32]);
    assert_eq!(node_key.metadata().unwrap().uid(), 1000);
    // The secret lies in the keystore, and in no other file that host, program or test left.
    assert_eq!(holds(host.base.path(), &pair), [file]);

    let records = host.records();
    assert_eq!(records.len(), 1);
    let record = &records[0];
    assert_eq!(record["format"], "qh-insert/1");
    assert_eq!(record["stage"], "written");
    assert_eq!(record["statement"]["people"][1], "Ben Example");
    assert_eq!(record["silence_measured"], Value::Null);
    assert_eq!(
        record["keys"][0]["public"],
        format!("0x{}", hex(&pair.public))
    );
    let dir = host.path("state/inserts");
    assert_eq!(dir.metadata().unwrap().mode() & 0o7777, 0o700);
    assert_eq!(files(&dir)[0].0.metadata().unwrap().mode() & 0o7777, 0o600);

    // Again: everything is there, and nothing is written twice.
    let again = host.insert(&["--json"]).ended(0).json();
    let written = again["written"][0].as_str().unwrap();
    assert!(written.contains(" was there, "), "{written}");
    assert_eq!(host.records().len(), 2);
}

#[test]
fn a_delivery_that_is_not_for_this_host_is_refused_by_name() {
    let host = Host::new();
    let pair = published(0);
    host.seal(&delivery(&[&pair]));
    let good = fs::read(host.path("d.age")).unwrap();
    let with = |bytes: &[u8], code: i32, name: &str| {
        fs::write(host.path("d.age"), bytes).unwrap();
        let said = host.insert(&[]).refused(code, name);
        assert!(!said.err.contains(&hex(&pair.secret[..8])));
        host.untouched();
    };
    with(&good[..good.len() - 1], 1, "delivery-damaged");
    with(&[good.as_slice(), b"x"].concat(), 1, "delivery-damaged");
    with(&good[..40], 1, "delivery-first-lines");
    with(b"", 1, "delivery-not-age");
    with(&vec![b'x'; (1 << 20) + (64 << 10) + 1], 1, "file-too-large");
    let seal = |delivery: &Delivery| seal_to(delivery, &host.to).unwrap();
    let other = OneTimeRecipient::generate().recipient;
    with(
        &seal_to(&delivery(&[&pair]), &other).unwrap(),
        1,
        "delivery-not-for-us",
    );
    let mut changed = delivery(&[&pair]);
    changed.purpose = Purpose::ToLaptop;
    with(&seal(&changed), 1, "delivery-other-purpose");
    changed = delivery(&[&pair]);
    changed.rehearsal = true;
    with(&seal(&changed), 1, "delivery-of-rehearsal");
    changed = delivery(&[&pair]);
    changed.network.chain_id = "other".into();
    with(&seal(&changed), 4, "match-other-chain");
    with(&seal(&delivery(&[&aura()])), 4, "keys-not-registered");
    with(
        &seal(&delivery(&[&pair, &published(1)])),
        4,
        "keys-not-registered",
    );
    let mut swapped = published(0);
    swapped.secret = published(1).secret;
    with(&seal(&delivery(&[&swapped])), 4, "aura-key-foreign-public");
    let mut damaged = published(0);
    damaged.secret[3] ^= 1;
    with(&seal(&delivery(&[&damaged])), 4, "aura-key-root-mismatch");
    fs::remove_file(host.path("d.age")).unwrap();
    host.insert(&[]).refused(3, "file-unreadable");

    // A host that never had a recipient can't have been sealed to.
    fs::write(host.path("d.age"), &good).unwrap();
    fs::remove_file(host.path("state/delivery_identity")).unwrap();
    host.insert(&[]).refused(1, "host-identity-absent");
    host.untouched();
}

#[test]
fn a_small_variant_is_refused_even_if_the_chain_knows_it() {
    let host = Host::new();
    let pair = aura_256s();
    let registered = registered(&[("aura", &pair.public)], false);
    fs::write(host.path("registered.json"), registered).unwrap();
    host.seal(&delivery(&[&pair]));
    let (statement, file) = (host.path("statement.toml"), host.path("registered.json"));
    let more = [
        "--stop-statement",
        at(&statement),
        "--registered",
        at(&file),
    ];
    run(&host.bare(&more)).refused(4, "aura-key-is-256s");
    host.untouched();
}

#[test]
fn nothing_is_overwritten_and_a_failure_is_recorded() {
    let host = Host::new();
    let pair = published(0);
    host.seal(&delivery(&[&pair]));
    let name = aura_name(&pair.public);
    let path = put(&host.keystore(), &name, b"\"0x00\"");
    host.insert(&["--dry-run"]).refused(1, "key-exists-refused");
    host.insert(&[]).refused(1, "key-exists-different");
    assert_eq!(fs::read(&path).unwrap(), b"\"0x00\"");
    let record = &host.records()[0];
    assert_eq!(
        (&record["stage"], &record["refused"]),
        (&"failed".into(), &"key-exists-different".into())
    );
    fs::remove_file(&path).unwrap();
    symlink("/dev/null", &path).unwrap();
    host.insert(&[]).refused(1, "key-exists-refused");
    fs::remove_file(&path).unwrap();
    // What a writing that was killed left behind is overwritten and removed, and the key written whole.
    let left = put(
        &host.keystore(),
        ".qh-ceremony-new-0011223344556677",
        b"\"0x61c0",
    );
    host.insert(&[]).ended(0);
    assert!(!left.exists() && path.exists());
    // A state directory that others can reach is trusted for nothing.
    fs::set_permissions(host.path("state"), fs::Permissions::from_mode(0o755)).unwrap();
    host.insert(&[]).refused(1, "state-mode-open");
}

#[test]
fn another_network_file_stops_it_before_the_first_key() {
    let host = Host::new();
    let mut sealed = delivery(&[&published(0)]);
    sealed.files.push(BundleFile {
        path: FilePath::SecretEd25519,
        content: SecretBytes::new(vec![0x5a; 32]),
    });
    host.seal(&sealed);
    let network = host.path("chains/dev3/network");
    fs::create_dir(&network).unwrap();
    for (content, name) in [
        (&[0x5b; 32][..], "key-exists-different"),
        (b"torn", "key-exists-refused"),
    ] {
        put(&network, "secret_ed25519", content);
        host.insert(&["--dry-run"]).refused(1, name);
        host.insert(&[]).refused(1, name);
        assert_eq!(files(&host.keystore()), []);
        assert_eq!(fs::read(network.join("secret_ed25519")).unwrap(), content);
    }
    assert!(
        host.records()
            .iter()
            .all(|record| record["stage"] == "failed")
    );
}

#[test]
fn a_keystore_that_is_not_there_yet_is_made_for_its_owner() {
    let host = Host::new();
    host.seal(&delivery(&[&published(0)]));
    fs::remove_dir(host.keystore()).unwrap();
    std::os::unix::fs::chown(host.path("chains/dev3"), Some(1000), Some(1000)).unwrap();
    host.insert(&[]).ended(0);
    let about = host.keystore().metadata().unwrap();
    assert_eq!((about.uid(), about.mode() & 0o7777), (1000, 0o700));
    let file = host.keystore().join(aura_name(&published(0).public));
    assert_eq!(file.metadata().unwrap().uid(), 1000);
    // A path that leads nowhere makes nothing.
    fs::remove_dir_all(host.path("chains")).unwrap();
    host.insert(&[]).refused(3, "keystore-unreadable");
    assert!(!host.path("chains").exists());
}

#[test]
fn a_keystore_of_another_chain_is_refused() {
    let host = Host::new();
    host.seal(&delivery(&[&published(0)]));
    fs::rename(host.path("chains/dev3"), host.path("chains/dev4")).unwrap();
    let other = host.path("chains/dev4/keystore");
    let said = host.insert(&["--account", &format!("0x{}", "07".repeat(32))]);
    said.refused(4, "keys-of-other-validator");
    let spec = spec();
    let statement = host.path("statement.toml");
    let mut args = host.bare(&["--chain-spec", &spec, "--stop-statement", at(&statement)]);
    args[5] = at(&other).to_owned();
    run(&args).refused(4, "match-other-chain");
    assert_eq!(files(&other), []);
}

#[test]
fn a_keystore_password_is_asked_for_and_proves_the_pair() {
    let host = Host::new();
    let (phrase, public) = suri("ed25519", "//Alice///secret");
    let bytes = HEXLOWER.decode(&public.as_bytes()[2..]).unwrap();
    let mut sealed = delivery(&[]);
    sealed.keystore_password = true;
    sealed.keys.push(BundleKey {
        key_type: "gran".into(),
        scheme: "ed25519".into(),
        public,
        secret: SecretBytes::new(phrase.replace("///secret", "").into_bytes()),
        source: "keystore".into(),
    });
    host.seal(&sealed);
    let (statement, file) = (host.path("statement.toml"), host.path("registered.json"));
    fs::write(&file, registered(&[("gran", &bytes)], false)).unwrap();
    let args = host.bare(&[
        "--stop-statement",
        at(&statement),
        "--registered",
        at(&file),
    ]);
    run(&args).refused(3, "password-not-read");
    let args: Vec<&str> = args.iter().map(String::as_str).collect();
    on_terminal(&args, &[("Keystore password: ", "Secret")]).refused(4, "key-public-mismatch");
    host.untouched();
    on_terminal(&args, &[("Keystore password: ", "secret")]).ended(0);
    assert_eq!(files(&host.keystore()).len(), 1);
}

/// A killed insertion leaves whole key files or none, whenever the kill comes.
#[test]
fn a_kill_leaves_whole_files_or_none() {
    let host = Host::new();
    let pair = published(0);
    host.seal(&delivery(&[&pair]));
    let spec = spec();
    let statement = host.path("statement.toml");
    let args = host.bare(&["--chain-spec", &spec, "--stop-statement", at(&statement)]);
    let file = host.keystore().join(aura_name(&pair.public));
    let content = format!("\"0x{}\"", hex(&pair.secret));
    for after in 0..12_u64 {
        let mut child = std::process::Command::new(env!("CARGO_BIN_EXE_qh-online"))
            .args(&args)
            .stdout(std::process::Stdio::null())
            .stderr(std::process::Stdio::null())
            .spawn()
            .unwrap();
        std::thread::sleep(std::time::Duration::from_millis(after * 8));
        child.kill().unwrap();
        child.wait().unwrap();
        for (path, bytes) in files(&host.keystore()) {
            let name = path.file_name().unwrap().to_str().unwrap().to_owned();
            let whole = path == file && bytes == content.as_bytes();
            assert!(whole || name.starts_with(".qh-ceremony-new-"), "{name}");
        }
        if file.exists() {
            fs::remove_file(&file).unwrap();
        }
        if host.path("state/inserts").exists() {
            fs::remove_dir_all(host.path("state/inserts")).unwrap();
        }
    }
    host.insert(&[]).ended(0);
    assert_eq!(fs::read(&file).unwrap(), content.as_bytes());
}
