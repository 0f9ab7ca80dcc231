//! Reading keystore directories: what is right, and each fault by its name.

mod keystores;

use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};

use keystores::{Keystore, aura, aura_256s, aura_name, hex};
use qh_ceremony::refusal::Refuse;
use qh_ceremony::secret::SecretText;
use qh_ceremony::vault::keystore::{self, Examined, FileFault, KeystoreFault};
use qh_ceremony::vault::schemes::{KeyType, Scheme};

fn examine(keystore: &Keystore) -> Examined {
    keystore::examine(&keystore.dir(), None).unwrap_or_else(|fault| panic!("{fault}"))
}

/// Names of all faults, in the order of file names.
fn faults(keystore: &Keystore) -> Vec<&'static str> {
    examine(keystore)
        .findings
        .iter()
        .map(Refuse::name)
        .collect()
}

fn refusal(keystore: &Keystore) -> KeystoreFault {
    keystore::read(&keystore.dir(), None)
        .err()
        .expect("a refusal")
}

#[test]
fn a_stock_keystore_is_read_and_proven() {
    let pair = aura();
    let keystore = Keystore::with(&[&pair]);
    keystore.put(
        "6772616e88dc3417d5058ec4b4503e0c12ea1a0a89be200fe98922423d4334014fa6b0ee",
        b"\"//Alice\"",
    );
    keystore.put(
        "62616265d43593c715fdd31c61141abd04a99fd6822c8558854ccde39a5684e7a56da27d",
        b"\"//Alice\"",
    );
    let keys = keystore::read(&keystore.dir(), None).unwrap_or_else(|fault| panic!("{fault}"));
    let found: Vec<_> = keys
        .iter()
        .map(|key| (key.key_type().to_string(), key.scheme()))
        .collect();
    assert_eq!(
        found,
        [
            ("aura".to_owned(), Scheme::SphincsShake256f),
            ("babe".to_owned(), Scheme::Sr25519),
            ("gran".to_owned(), Scheme::Ed25519),
        ]
    );
    let key = &keys[0];
    assert_eq!(key.public(), pair.public);
    assert!(
        key.secret_text()
            .same(format!("0x{}", hex(&pair.secret)).as_bytes())
    );
    assert_eq!(key.source(), aura_name(&pair.public));
}

#[test]
fn listing_reads_no_content() {
    let pair = aura();
    let keystore = Keystore::empty();
    keystore.put(&aura_name(&pair.public), b"not even a secret");
    let listing = keystore::inspect(&keystore.dir()).expect("a listing");
    let entry = &listing.entries[0];
    assert_eq!(entry.key, Some((KeyType::AURA, pair.public)));
    assert_eq!(
        (entry.size, entry.mode, entry.fault.clone()),
        (17, 0o600, None)
    );
    assert_eq!(listing.keys().count(), 1);
}

#[test]
fn a_256s_key_is_named() {
    let keystore = Keystore::with(&[&aura_256s()]);
    let fault = refusal(&keystore);
    assert_eq!(fault.name(), "aura-key-is-256s");
    assert!(fault.to_string().ends_with(
        ": This is a SPHINCS+-SHAKE-256s key. It has the sizes of a 256f key, and the chain does \
         not accept it."
    ));
    assert_eq!(
        fault.way_on(),
        "Make a new session key with the node itself, and register it on the chain."
    );
}

#[test]
fn a_foreign_public_name_is_named() {
    let keystore = Keystore::empty();
    keystore.put_aura(&aura().public, &aura().secret);
    let fault = refusal(&keystore);
    assert_eq!(fault.name(), "aura-key-foreign-public");
    assert!(fault.to_string().ends_with(
        ": The secret key belongs to another public key than the one it is filed under."
    ));
}

#[test]
fn swapped_names_are_both_named() {
    let (one, other) = (aura(), aura());
    let keystore = Keystore::empty();
    keystore.put_aura(&one.public, &other.secret);
    keystore.put_aura(&other.public, &one.secret);
    let examined = examine(&keystore);
    assert!(examined.proven.is_empty());
    assert_eq!(faults(&keystore), ["key-file-names-swapped"; 2]);
    for finding in &examined.findings {
        let file = if finding.file == aura_name(&one.public) {
            &other
        } else {
            &one
        };
        let other = aura_name(&file.public);
        assert_eq!(finding.fault, FileFault::NamesSwapped { other });
    }
    assert_eq!(refusal(&keystore).name(), "keystore-files-refused");
}

#[test]
fn truncated_secrets_are_named() {
    let pair = aura();
    let secret = hex(&pair.secret);
    for content in [
        format!("\"0x{}\"", &secret[..254]),
        format!("\"0x{}\"", &secret[..255]),
        format!("\"0x{}\"", &secret[..192]),
        "\"0x\"".to_owned(),
        format!("\"0x{}", &secret[..100]),
        format!("\"0x{secret}"),
        "\"".to_owned(),
    ] {
        let keystore = Keystore::empty();
        keystore.put(&aura_name(&pair.public), content.as_bytes());
        assert_eq!(
            faults(&keystore),
            ["key-truncated"],
            "{} bytes",
            content.len()
        );
    }
}

#[test]
fn a_truncated_secret_says_how_much_is_there() {
    let pair = aura();
    let keystore = Keystore::with(&[]);
    keystore.put_aura(&pair.public, &pair.secret[..100]);
    assert_eq!(
        refusal(&keystore).to_string(),
        format!(
            "{}: The secret key is truncated: 100 of 128 bytes are there.",
            aura_name(&pair.public)
        )
    );
}

#[test]
fn content_that_no_node_writes_is_named() {
    let pair = aura();
    let secret = hex(&pair.secret);
    for (content, name) in [
        (String::new(), "key-file-empty"),
        (format!("0x{secret}"), "key-file-not-json"),
        (format!("[\"0x{secret}\"]"), "key-file-not-json"),
        (format!("\"0x{secret}\"\n"), "key-file-trailing-bytes"),
        (
            format!("\"0x{secret}\"\"0x{secret}\""),
            "key-file-trailing-bytes",
        ),
        (format!(" \"0x{secret}\""), "key-file-json-form"),
        (format!("\"\\u0030x{secret}\""), "key-file-json-form"),
        (format!("\"{secret}\""), "key-secret-not-hex"),
        (format!("\"0xzz{}\"", &secret[2..]), "key-secret-not-hex"),
        (format!("\"0x{secret}00\""), "key-too-long"),
        (format!("\"0x{}\"", secret.repeat(40)), "key-file-too-large"),
        ("\"//Alice\"".to_owned(), "key-secret-not-hex"),
    ] {
        let keystore = Keystore::empty();
        keystore.put(&aura_name(&pair.public), content.as_bytes());
        assert_eq!(faults(&keystore), [name]);
    }
}

#[test]
fn a_secret_of_foreign_bytes_is_not_json() {
    let keystore = Keystore::empty();
    keystore.put(&aura_name(&[7; 64]), b"\"\xff\xfe\"");
    assert_eq!(faults(&keystore), ["key-file-not-json"]);
}

#[test]
fn one_changed_byte_is_named() {
    let mut pair = aura();
    pair.secret[3] ^= 1;
    let keystore = Keystore::with(&[&pair]);
    assert_eq!(faults(&keystore), ["aura-key-root-mismatch"]);
}

#[test]
fn strays_are_named_and_the_good_key_stays_proven() {
    let pair = aura();
    let keystore = Keystore::with(&[&pair]);
    keystore.put("README.md", b"a note");
    keystore.put("61757261", b"\"0x00\"");
    keystore.put("61757261ABCD", b"\"0x00\"");
    keystore.put(".qh-ceremony-new-0011223344556677", b"\"0x00");
    fs::create_dir(keystore.dir().join("old")).expect("directory");
    let target = keystore.chain_dir().join("elsewhere");
    fs::write(&target, format!("\"0x{}\"", hex(&pair.secret))).expect("write");
    symlink(&target, keystore.dir().join(aura_name(&[9; 64]))).expect("link");
    let examined = examine(&keystore);
    assert_eq!(examined.proven.len(), 1);
    assert_eq!(examined.proven[0].public(), pair.public);
    let mut found: Vec<_> = examined.findings.iter().map(Refuse::name).collect();
    found.sort_unstable();
    assert_eq!(
        found,
        [
            "key-file-directory",
            "key-file-name-not-hex",
            "key-file-name-too-short",
            "key-file-name-upper-case",
            "key-file-symlink",
            "key-file-unfinished-write",
        ]
    );
}

#[test]
fn a_pipe_does_not_stop_the_ceremony() {
    let keystore = Keystore::empty();
    let path = keystore.dir().join(aura_name(&[1; 64]));
    let made = std::process::Command::new("mkfifo")
        .arg(&path)
        .status()
        .expect("mkfifo");
    assert!(made.success());
    assert_eq!(faults(&keystore), ["key-file-special"]);
}

#[test]
fn a_key_named_twice_is_named() {
    let pair = aura();
    let keystore = Keystore::with(&[&pair]);
    let upper = format!("61757261{}", hex(&pair.public).to_uppercase());
    keystore.put(&upper, format!("\"0x{}\"", hex(&pair.secret)).as_bytes());
    let found = faults(&keystore);
    assert_eq!(found, ["key-file-duplicate-public"]);
}

#[test]
fn names_with_control_characters_are_escaped() {
    let keystore = Keystore::with(&[&aura()]);
    keystore.put("\u{1b}[2Jgone", b"");
    let fault = refusal(&keystore).to_string();
    assert!(
        fault.starts_with("\\x1b[2Jgone: Its name is not hex"),
        "{fault}"
    );
}

#[test]
fn open_modes_and_other_names_are_warnings() {
    let keystore = Keystore::with(&[&aura()]);
    let listing = keystore::inspect(&keystore.dir()).expect("a listing");
    assert!(listing.entries[0].warnings.is_empty());
    let path = keystore.dir().join(&listing.entries[0].file);
    fs::set_permissions(&path, fs::Permissions::from_mode(0o644)).expect("mode");
    fs::hard_link(&path, keystore.chain_dir().join("copy")).expect("link");
    let examined = examine(&keystore);
    assert!(examined.findings.is_empty(), "still read");
    let warnings: Vec<_> = examined.listing.entries[0]
        .warnings
        .iter()
        .map(|w| (w.name(), w.to_string()))
        .collect();
    assert_eq!(
        warnings,
        [
            (
                "key-file-mode-open",
                "Its mode is 0644, so others than its owner can reach it; a key file has 0600."
                    .to_owned()
            ),
            (
                "key-file-hard-linked",
                "It has 2 names (hard links); the secret is also reachable elsewhere.".to_owned()
            ),
        ]
    );
}

#[test]
fn whole_directories_are_refused_by_name() {
    let keystore = Keystore::empty();
    assert_eq!(refusal(&keystore).name(), "keystore-empty");
    let at = |name: &str| keystore::read(&keystore.chain_dir().join(name), None).err();
    let absent = at("nothing").expect("a refusal");
    assert_eq!(absent.name(), "keystore-absent");
    assert_eq!(
        absent.way_on(),
        "Give the keystore directory itself, usually chains/<id>/keystore under the base path."
    );
    fs::write(keystore.chain_dir().join("file"), b"").expect("write");
    assert_eq!(
        at("file").expect("a refusal").name(),
        "keystore-not-directory"
    );
    for number in 0..1025 {
        keystore.put(&format!("{number:08x}00"), b"");
    }
    assert_eq!(refusal(&keystore).name(), "keystore-too-many-files");
}

#[test]
fn an_unprovable_key_is_kept_for_an_exception_and_is_a_finding() {
    let keystore = Keystore::empty();
    keystore.put(&format!("62613338{}", "07".repeat(48)), b"\"//Alice\"");
    let examined = examine(&keystore);
    assert!(examined.proven.is_empty());
    assert_eq!(examined.unprovable.len(), 1);
    assert_eq!(examined.unprovable[0].key_type().to_string(), "ba38");
    assert_eq!(faults(&keystore), ["key-unprovable"]);
}

#[test]
fn a_keystore_password_is_part_of_the_proof() {
    // sr25519 of the development phrase //Alice with the password "secret", from tests/vectors/keystore.
    let keystore = Keystore::empty();
    let vectors: serde_json::Value =
        serde_json::from_str(include_str!("vectors/keystore/suri.json")).expect("vectors");
    let suri = "bottom drive obey lake curtain smoke basket hold race lonely fit walk//Alice";
    let vector = vectors
        .as_array()
        .expect("a list")
        .iter()
        .find(|v| v["scheme"] == "sr25519" && v["suri"] == format!("{suri}///secret"))
        .expect("the vector");
    let public = vector["public"].as_str().expect("text");
    keystore.put(
        &format!("62616265{}", &public[2..]),
        format!("\"{suri}\"").as_bytes(),
    );
    assert_eq!(faults(&keystore), ["key-public-mismatch"]);
    assert_eq!(
        refusal(&keystore).way_on(),
        "If the node runs with a keystore password, give it; otherwise the file holds another key."
    );
    let password = SecretText::new("secret".to_owned());
    let keys = keystore::read(&keystore.dir(), Some(&password));
    assert_eq!(
        keys.unwrap_or_else(|fault| panic!("{fault}"))[0].scheme(),
        Scheme::Sr25519
    );
}
