//! `qh-online keys list | match | recipient`, by the real program.
#![cfg(feature = "online")]

mod keystores;
mod online_host;

use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::Path;
use std::process::Command;

use keystores::{aura, aura_256s, aura_name, hex};
use online_host::{
    at, chain_dir, on_terminal, online, published, put, put_aura, recipient, spec, suri,
};
use qh_ceremony::transcript::six_words::six_words;
use qh_ceremony::vault::recipient::Recipient;

fn list(dir: &Path) -> online_host::Said {
    online(&["keys", "list", "--keystore", at(dir)])
}

#[test]
fn a_good_keystore_is_listed_with_modes_and_owners() {
    let base = tempfile::tempdir().unwrap();
    let pair = published(0);
    let chain = chain_dir(base.path(), &[&pair]);
    let keystore = chain.join("keystore");
    fs::set_permissions(&keystore, fs::Permissions::from_mode(0o755)).unwrap();
    let said = list(&keystore).ended(0);
    let short = hex(&pair.public);
    let expected = format!(
        "Keystore {}, mode 0755, owner 0\n  aura  sphincs-shake-256f-simple  0x{}..{}  proven  mode 0600, \
         owner 0:0\nGood: 1 proven, 0 refused, 0 with a warning, not matched with a chain.\n",
        keystore.display(),
        &short[..8],
        &short[120..]
    );
    assert_eq!(said.out, expected);
    let json = online(&["keys", "list", "--json", "--keystore", at(&keystore)])
        .ended(0)
        .json();
    assert_eq!(json["format"], "qh-keys-list/1");
    assert_eq!(json["keys"][0]["mode"], "0600");
    assert_eq!(json["keys"][0]["uid"], 0);
    assert_eq!(json["directory_mode"], "0755");
}

#[test]
fn each_fault_of_a_key_file_is_named() {
    let base = tempfile::tempdir().unwrap();
    let keystore = chain_dir(base.path(), &[]).join("keystore");
    let good = put_aura(&keystore, &published(0));
    let alone = |name: &str, make: &dyn Fn() -> std::path::PathBuf| {
        let path = make();
        let said = list(&keystore).ended(4);
        assert!(
            said.out.contains(&format!("[{name}]")),
            "{name}: {}",
            said.out
        );
        // The sound key is shown beside it all the same.
        assert!(said.out.contains("  proven"), "{name}: {}", said.out);
        if path.symlink_metadata().unwrap().is_dir() {
            fs::remove_dir(path).unwrap();
        } else {
            fs::remove_file(path).unwrap();
        }
        list(&keystore).ended(0);
    };
    alone("key-file-mode-open", &|| {
        let path = put_aura(&keystore, &published(1));
        fs::set_permissions(&path, fs::Permissions::from_mode(0o640)).unwrap();
        path
    });
    alone("key-file-owner-differs", &|| {
        let path = put_aura(&keystore, &published(1));
        std::os::unix::fs::chown(&path, Some(1000), Some(1000)).unwrap();
        path
    });
    alone("aura-key-foreign-public", &|| {
        let (one, other) = (published(1), published(2));
        let content = format!("\"0x{}\"", hex(&other.secret));
        put(&keystore, &aura_name(&one.public), content.as_bytes())
    });
    let (phrase, public) = suri("ed25519", "//Alice///secret");
    alone("key-public-mismatch", &|| {
        let name = format!("6772616e{}", &public[2..]);
        put(
            &keystore,
            &name,
            format!("\"{}\"", phrase.replace("///secret", "")).as_bytes(),
        )
    });
    alone("aura-key-is-256s", &|| put_aura(&keystore, &aura_256s()));
    alone("key-file-symlink", &|| {
        let path = keystore.join(aura_name(&published(1).public));
        symlink(&good, &path).unwrap();
        path
    });
    alone("key-file-directory", &|| {
        let path = keystore.join(aura_name(&published(1).public));
        fs::create_dir(&path).unwrap();
        path
    });
    alone("key-file-special", &|| {
        let path = keystore.join(aura_name(&published(1).public));
        let made = Command::new("mkfifo").arg(&path).status();
        assert!(
            made.expect("mkfifo runs: install package coreutils")
                .success()
        );
        path
    });
    alone("key-truncated", &|| {
        let content = format!("\"0x{}", hex(&published(1).secret));
        put(
            &keystore,
            &aura_name(&published(1).public),
            content.as_bytes(),
        )
    });
    alone("key-file-empty", &|| {
        put(&keystore, &aura_name(&published(1).public), b"")
    });
    alone("key-file-name-not-hex", &|| {
        put(&keystore, "notes.txt", b"x")
    });
    alone("key-file-name-upper-case", &|| {
        let name = aura_name(&published(1).public).to_uppercase();
        put(&keystore, &name, b"\"0x00\"")
    });
    // The longest name that a file system takes: no key of ours has a public key of 123 bytes.
    alone("key-public-length", &|| {
        put(&keystore, &aura_name(&[7; 123]), b"\"0x00\"")
    });
    alone("key-unprovable", &|| {
        put(
            &keystore,
            &format!("7a7a7a7a{}", "07".repeat(20)),
            b"\"0x00\"",
        )
    });
}

#[test]
fn what_cannot_be_read_ends_with_3_and_an_empty_keystore_with_4() {
    let base = tempfile::tempdir().unwrap();
    list(&base.path().join("absent")).refused(3, "keystore-absent");
    let file = put(base.path(), "file", b"x");
    list(&file).refused(3, "keystore-not-directory");
    let keystore = chain_dir(base.path(), &[]).join("keystore");
    list(&keystore).refused(4, "keystore-empty");
    online(&["keys", "list", "--config", "/dev/null"]).refused(3, "file-unreadable");
    let config = put(base.path(), "config.toml", b"");
    online(&["keys", "list", "--config", at(&config)]).refused(2, "keystore-not-given");
    online(&["keys", "list", "--key-type", "aurora"]).ended(2);
}

#[test]
fn a_password_protected_key_needs_its_password_and_shows_nothing_of_it() {
    let base = tempfile::tempdir().unwrap();
    let keystore = chain_dir(base.path(), &[]).join("keystore");
    let (phrase, public) = suri("ed25519", "//Alice///secret");
    let bare = phrase.replace("///secret", "");
    put(
        &keystore,
        &format!("6772616e{}", &public[2..]),
        format!("\"{bare}\"").as_bytes(),
    );
    let without = list(&keystore).ended(4);
    assert!(
        without.out.contains("[key-public-mismatch]"),
        "{}",
        without.out
    );
    let args = [
        "keys",
        "list",
        "--ask-password",
        "--keystore",
        at(&keystore),
    ];
    let with = on_terminal(&args, &[("Keystore password: ", "secret")]).ended(0);
    assert!(with.out.contains("gran  ed25519"), "{}", with.out);
    assert!(!with.out.contains("secret"), "{}", with.out);
    on_terminal(&args, &[("Keystore password: ", "Secret")]).ended(4);
    online(&args).refused(3, "password-not-read");
}

#[test]
fn a_filter_shows_and_judges_one_key_type() {
    let base = tempfile::tempdir().unwrap();
    let keystore = chain_dir(base.path(), &[&published(0)]).join("keystore");
    let broken = put(
        &keystore,
        &format!("6772616e{}", "07".repeat(32)),
        b"\"0x00\"",
    );
    list(&keystore).ended(4);
    let of = |key_type: &str| {
        online(&[
            "keys",
            "list",
            "--key-type",
            key_type,
            "--keystore",
            at(&keystore),
        ])
    };
    let aura = of("aura").ended(0);
    assert!(
        aura.out.contains("Left out: 1 of other key types."),
        "{}",
        aura.out
    );
    assert!(of("gran").ended(4).out.contains("[suri-seed]"));
    of("babe").refused(4, "keystore-empty");
    // A stray file could be anything, and counts in every filter.
    fs::rename(broken, keystore.join("stray")).unwrap();
    assert!(of("aura").ended(4).out.contains("[key-file-name-not-hex]"));
}

#[test]
fn a_match_names_the_validator_and_genesis_state() {
    let base = tempfile::tempdir().unwrap();
    let keystore = chain_dir(base.path(), &[&published(0)]).join("keystore");
    let spec = spec();
    let matching = |more: &[&str]| {
        let args = ["keys", "match", "--keystore", at(&keystore)];
        online(&[&args, more].concat())
    };
    let said = matching(&["--chain-spec", &spec]).ended(0);
    assert!(said.out.contains("is validator 0x"), "{}", said.out);
    assert!(
        said.out.contains("Chain dev3, genesis state"),
        "{}",
        said.out
    );
    assert!(
        said.out.ends_with("matched with the chain.\n"),
        "{}",
        said.out
    );
    let json = matching(&["--chain-spec", &spec, "--json"]).ended(0).json();
    let account = json["chain"]["validators"][0].as_str().unwrap().to_owned();
    assert_eq!(json["chain"]["genesis_state"], true);
    matching(&["--chain-spec", &spec, "--account", &account]).ended(0);
    let other = format!("0x{}", "07".repeat(32));
    matching(&["--chain-spec", &spec, "--account", &other]).refused(4, "keys-of-other-validator");
    matching(&["--chain-spec", &spec, "--account", "0x07"]).refused(2, "account-form");
    matching(&[]).refused(2, "registered-not-given");
    matching(&["--registered", "/absent"]).refused(3, "registered-unreadable");
    matching(&["--registered", &spec]).ended(4);

    put_aura(&keystore, &published(1));
    let two = matching(&["--chain-spec", &spec]).ended(4);
    assert!(two.out.contains("belong to 2 validators"), "{}", two.out);
    fs::remove_file(keystore.join(aura_name(&published(1).public))).unwrap();
    put_aura(&keystore, &aura());
    let unknown = matching(&["--chain-spec", &spec]).ended(4);
    assert!(
        unknown
            .out
            .contains("is not a registered validator of this chain"),
        "{}",
        unknown.out
    );
}

#[test]
fn the_hosts_recipient_is_made_once_and_kept_well() {
    let base = tempfile::tempdir().unwrap();
    let state = base.path().join("state");
    let (text, words) = recipient(&state);
    assert_eq!(
        words,
        six_words(&Recipient::parse(&text).unwrap().fingerprint())
    );
    assert_eq!(recipient(&state).0, text);
    let mode = |path: &Path| path.metadata().unwrap().permissions().mode() & 0o7777;
    let file = state.join("delivery_identity");
    assert_eq!((mode(&state), mode(&file)), (0o700, 0o600));
    // Stock age reads it: what is sealed to the recipient opens with the file.
    let identity = fs::read_to_string(&file).unwrap();
    let keygen = Command::new("age-keygen").arg("-y").arg(&file).output();
    let keygen = keygen.expect("age-keygen runs: install package age");
    assert_eq!(String::from_utf8(keygen.stdout).unwrap().trim(), text);

    let shown = online(&["keys", "recipient", "--state", at(&state)]).ended(0);
    assert!(
        shown.out.contains(&text) && shown.out.contains(&words) && shown.out.contains('\u{2588}')
    );
    assert!(!shown.out.contains(identity.trim()) && !shown.out.contains("Made now"));

    let renew = ["keys", "recipient", "--renew", "--state", at(&state)];
    online(&renew).refused(1, "not-confirmed");
    on_terminal(&renew, &[("Type `renew`", "yes")]).refused(1, "not-confirmed");
    assert_eq!(recipient(&state).0, text);
    let link = base.path().join("link");
    fs::hard_link(&file, &link).unwrap();
    online(&["keys", "recipient", "--state", at(&state)]).refused(1, "host-identity-hard-linked");
    fs::remove_file(&link).unwrap();
    let open = fs::File::open(&file).unwrap();
    on_terminal(&renew, &[("Type `renew`", "renew")]).ended(0);
    assert_ne!(recipient(&state).0, text);
    // The old file's blocks were overwritten before it went.
    use std::io::Read;
    let mut old = Vec::new();
    (&open).read_to_end(&mut old).unwrap();
    assert_eq!(old, vec![0; identity.len()]);
    online(&[&renew[..], &["--yes"]].concat()).ended(0);
}

#[test]
fn a_state_that_others_can_reach_is_refused_by_name() {
    let base = tempfile::tempdir().unwrap();
    let state = base.path().join("state");
    recipient(&state);
    let file = state.join("delivery_identity");
    let sound = fs::read(&file).unwrap();
    let look = || online(&["keys", "recipient", "--state", at(&state)]);
    let mode =
        |path: &Path, mode| fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
    let owner = |path: &Path, id| std::os::unix::fs::chown(path, Some(id), Some(id)).unwrap();

    mode(&state, 0o750);
    look().refused(1, "state-mode-open");
    mode(&state, 0o700);
    owner(&state, 1000);
    look().refused(1, "state-owner-differs");
    owner(&state, 0);
    mode(&file, 0o640);
    let said = look().refused(1, "host-identity-mode-open");
    assert!(
        said.err
            .contains("has mode 0640, and others than its owner can reach it"),
        "{}",
        said.err
    );
    mode(&file, 0o600);
    owner(&file, 1000);
    look().refused(1, "host-identity-owner-differs");
    owner(&file, 0);
    for content in [
        &b""[..],
        b"AGE-SECRET-KEY-1QQQ\n",
        &sound[..70],
        &sound.repeat(2),
        &[sound.as_slice(), b"\n"].concat(),
    ] {
        fs::write(&file, content).unwrap();
        let said = look().refused(1, "host-identity-malformed");
        assert!(!said.err.contains("AGE-SECRET-KEY"));
    }
    fs::rename(&file, base.path().join("away")).unwrap();
    symlink(base.path().join("away"), &file).unwrap();
    look().refused(1, "host-identity-not-a-file");
    fs::remove_file(&file).unwrap();
    fs::create_dir(&file).unwrap();
    look().refused(1, "host-identity-not-a-file");
    let linked = base.path().join("linked");
    symlink(&state, &linked).unwrap();
    online(&["keys", "recipient", "--state", at(&linked)]).refused(1, "state-not-a-directory");
    online(&[
        "keys",
        "recipient",
        "--state",
        at(&base.path().join("no/state")),
    ])
    .refused(3, "host-identity-unreadable");
}
