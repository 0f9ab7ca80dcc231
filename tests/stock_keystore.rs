//! The validator's keystore beside stock Substrate code: each reads what the other wrote, and signs with it.

mod stock;

use std::collections::BTreeSet;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use qh_ceremony::refusal::Refuse;
use qh_ceremony::secret::{SecretBytes, SecretText};
use qh_ceremony::vault::keystore::{self, FileFault, KeyClaim, ProvenKey};
use qh_ceremony::vault::schemes::{KeyType, PairFault, Scheme, ed25519, sr25519};

const PHRASE: &str = "bottom drive obey lake curtain smoke basket hold race lonely fit walk";
const PASSWORD: &str = "keystore password";

fn text(path: &Path) -> &str {
    path.to_str().expect("a path in UTF-8")
}

fn run(command: &str, dir: &Path, password: Option<&str>) -> std::process::Output {
    let mut arguments = vec![command, text(dir)];
    arguments.extend(
        password
            .iter()
            .flat_map(|password| ["--password", password]),
    );
    stock::substrate(&arguments)
}

/// What the stock keystore lists and signs with: type and public key of each.
fn signed(dir: &Path, password: Option<&str>) -> BTreeSet<(String, String)> {
    let output = run("read", dir, password);
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{errors}");
    stock::lines(&output)
        .iter()
        .map(|line| {
            assert_eq!(line["signed"], true, "{line}");
            let member = |name: &str| line[name].as_str().expect("text").to_owned();
            (member("type"), member("public"))
        })
        .collect()
}

fn written_by_stock(password: Option<&str>) -> tempfile::TempDir {
    let place = tempfile::tempdir().expect("a temporary directory");
    let output = run("write", place.path(), password);
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{errors}");
    place
}

fn secret(password: &str) -> SecretText {
    SecretText::new(password.to_owned())
}

fn named(keys: &[ProvenKey]) -> BTreeSet<(String, String)> {
    let hex = |key: &ProvenKey| data_encoding::HEXLOWER.encode(key.public());
    keys.iter()
        .map(|key| (key.key_type().to_string(), format!("0x{}", hex(key))))
        .collect()
}

fn files(dir: &Path) -> Vec<(String, Vec<u8>, u32)> {
    let mut all: Vec<_> = fs::read_dir(dir)
        .expect("a directory")
        .map(|entry| {
            let entry = entry.expect("an entry");
            let mode = entry.metadata().expect("metadata").permissions().mode() & 0o7777;
            let name = entry.file_name().into_string().expect("an ASCII name");
            (name, fs::read(entry.path()).expect("a file"), mode)
        })
        .collect();
    all.sort();
    all
}

#[test]
fn what_stock_code_wrote_is_proven_key_by_key() {
    for password in [None, Some(PASSWORD)] {
        let place = written_by_stock(password);
        let own = password.map(secret);
        let examined = keystore::examine(place.path(), own.as_ref()).expect("a keystore");
        assert_eq!(examined.findings, []);
        assert_eq!(named(&examined.proven), signed(place.path(), password));
        let count = |scheme| {
            examined
                .proven
                .iter()
                .filter(|key| key.scheme() == scheme)
                .count()
        };
        assert_eq!(count(Scheme::Ed25519), 3);
        assert_eq!(count(Scheme::Sr25519), 6);
        assert_eq!(count(Scheme::Ecdsa), 2);
        for entry in &examined.listing.entries {
            assert_eq!(entry.warnings, [], "{}", entry.file);
        }
    }
}

#[test]
fn stock_code_signs_with_what_we_wrote_byte_for_byte() {
    for password in [None, Some(PASSWORD)] {
        let source = written_by_stock(password);
        let own = password.map(secret);
        let keys = keystore::read(source.path(), own.as_ref()).expect("proven keys");
        let target = tempfile::tempdir().expect("a temporary directory");
        keystore::write(target.path(), &keys, &[], None, own.as_ref()).expect("written");
        assert_eq!(files(target.path()), files(source.path()));
        assert_eq!(signed(target.path(), password), named(&keys));
        assert_eq!(keys.len(), 11);
    }
}

/// Keys that no stock code had a hand in: our derivation, our file.
#[test]
fn stock_code_signs_with_keys_that_we_derived() {
    let seed = format!("0x{}", "7e".repeat(32));
    for password in [None, Some(PASSWORD)] {
        let own = password.map(secret);
        let mut keys = Vec::new();
        for suri in [
            format!("{PHRASE}//Frank"),
            seed.clone(),
            "//George//3".to_owned(),
        ] {
            let public = ed25519::public_of(&suri, own.as_ref()).expect("ed25519");
            keys.push(proven("gran", &public, &suri, own.as_ref()));
            for (key_type, path) in [("babe", ""), ("imon", "/soft//hard"), ("aura", "/7")] {
                let suri = format!("{suri}{path}");
                let public = sr25519::public_of(&suri, own.as_ref()).expect("sr25519");
                keys.push(proven(key_type, &public, &suri, own.as_ref()));
            }
        }
        let place = tempfile::tempdir().expect("a temporary directory");
        keystore::write(place.path(), &keys, &[], None, own.as_ref()).expect("written");
        assert_eq!(signed(place.path(), password), named(&keys));
        assert_eq!(keys.len(), 12);
    }
}

fn proven(key_type: &str, public: &[u8], suri: &str, password: Option<&SecretText>) -> ProvenKey {
    let claim = KeyClaim {
        key_type: KeyType::parse(key_type).expect("a key type"),
        public: public.to_vec(),
        secret_text: SecretBytes::new(suri.as_bytes().to_vec()),
        source: "test".to_owned(),
    };
    claim
        .prove(password)
        .unwrap_or_else(|fault| panic!("{}", fault.fault()))
}

/// Both refuse the same files, and prove the same: a seed in hex has no password.
#[test]
fn without_its_password_both_refuse_the_same_keys() {
    let place = written_by_stock(Some(PASSWORD));
    for wrong in [None, Some("another")] {
        let own = wrong.map(secret);
        let examined = keystore::examine(place.path(), own.as_ref()).expect("a keystore");
        let output = run("read", place.path(), wrong);
        assert!(!output.status.success());
        let by_stock: BTreeSet<_> = stock::lines(&output)
            .iter()
            .filter(|line| line["signed"] == true)
            .map(|line| {
                let member = |name: &str| line[name].as_str().expect("text").to_owned();
                (member("type"), member("public"))
            })
            .collect();
        assert_eq!(named(&examined.proven), by_stock);
        assert_eq!(by_stock.len(), 2);
        assert_eq!(examined.findings.len(), 9);
        for finding in &examined.findings {
            let FileFault::Pair(fault @ PairFault::PublicMismatch { password, .. }) =
                &finding.fault
            else {
                panic!("{}: {}", finding.file, finding.fault);
            };
            assert_eq!(*password, wrong.is_some());
            assert_eq!(fault.name(), "key-public-mismatch");
        }
    }
}

/// The stock keystore takes any secret under any name; ours names it, and stock code can't sign with it.
#[test]
fn a_secret_under_a_foreign_name_is_refused_by_both() {
    let place = written_by_stock(None);
    let all = files(place.path());
    let of = |prefix: &str| {
        let mut found = all.iter().filter(|(name, ..)| name.starts_with(prefix));
        (
            found.next().expect("a file"),
            found.next().expect("another"),
        )
    };
    // `gran`: the content of one under the name of the other.
    let (one, other) = of("6772616e");
    fs::write(place.path().join(&one.0), &other.1).expect("overwritten");
    let examined = keystore::examine(place.path(), None).expect("a keystore");
    let faults: Vec<_> = examined
        .findings
        .iter()
        .map(|finding| (finding.file.as_str(), finding.fault.name()))
        .collect();
    assert_eq!(faults, [(one.0.as_str(), "key-public-mismatch")]);
    let output = run("read", place.path(), None);
    assert!(!output.status.success());
    let unsigned: Vec<_> = stock::lines(&output)
        .iter()
        .filter(|line| line["signed"] == false)
        .map(|line| line["public"].as_str().expect("text").to_owned())
        .collect();
    assert_eq!(unsigned, [format!("0x{}", &one.0[8..])]);
}

/// Names that are no key files: the stock keystore passes over what our listing names.
#[test]
fn what_our_writing_leaves_when_cut_short_is_no_key_to_stock_code() {
    let place = written_by_stock(None);
    let before = signed(place.path(), None);
    fs::write(place.path().join(".qh-ceremony-new-6772616e00"), b"\"//Al").expect("written");
    fs::write(place.path().join("notes.txt"), b"x").expect("written");
    assert_eq!(signed(place.path(), None), before);
    let examined = keystore::examine(place.path(), None).expect("a keystore");
    let faults: Vec<_> = examined
        .findings
        .iter()
        .map(|finding| finding.fault.name())
        .collect();
    assert_eq!(
        faults,
        ["key-file-unfinished-write", "key-file-name-not-hex"]
    );
}
