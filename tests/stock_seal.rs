//! Sealed files open with stock programs, and stock programs' files open here.

#[path = "seal/fixture.rs"]
mod fixture;

use data_encoding::BASE64URL_NOPAD;
use fixture::{IV, KEY_CHECK, PASSPHRASE};
use qh_ceremony::vault::bundle::Bundle;
use qh_ceremony::vault::delivery::{self, Delivery};
use qh_ceremony::vault::recipient::OneTimeRecipient;
use qh_ceremony::vault::sealed::Sealed;
use qh_ceremony::vault::sidecar::Sidecar;
use qh_ceremony::vault::{seal_age, seal_jwe};
use std::fs;
use std::path::Path;
use std::process::{Command, Output};

fn run(package: &str, dir: &Path, program: &str, arguments: &[&str]) -> Output {
    match Command::new(program)
        .args(arguments)
        .current_dir(dir)
        .output()
    {
        Ok(output) => output,
        Err(error) => panic!("`{program}` did not start ({error}): install the package {package}"),
    }
}

fn jose(dir: &Path, arguments: &[&str]) -> Output {
    run("jose", dir, "jose", arguments)
}

fn age(dir: &Path, arguments: &[&str]) -> Output {
    run("age", dir, "age", arguments)
}

fn age_with_passphrase(dir: &Path, passphrase: &str, arguments: &[&str]) -> Output {
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/stock/age_passphrase.py");
    age(dir, &["--version"]);
    let mut all = vec![script, passphrase, "age"];
    all.extend(arguments);
    run("python3", dir, "python3", &all)
}

fn assert_ran(output: &Output) {
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
}

fn write_jwk(dir: &Path) {
    let k = BASE64URL_NOPAD.encode(&fixture::jwe_key_bytes());
    fs::write(
        dir.join("jwk.json"),
        format!(r#"{{"kty":"oct","k":"{k}"}}"#),
    )
    .unwrap();
}

fn sealed_jwe() -> Vec<u8> {
    seal_jwe::seal(
        &fixture::bundle(),
        &fixture::header(),
        &fixture::jwe_key(),
        IV,
    )
    .unwrap()
}

#[test]
fn jose_opens_our_jwe() {
    let dir = tempfile::tempdir().unwrap();
    write_jwk(dir.path());
    fs::write(dir.path().join("backup.jwe"), sealed_jwe()).unwrap();
    let output = jose(
        dir.path(),
        &["jwe", "dec", "-i", "backup.jwe", "-k", "jwk.json"],
    );
    assert_ran(&output);
    let bundle = fixture::bundle().to_json().unwrap();
    assert!(
        bundle.same(&output.stdout),
        "jose gives other bytes than were sealed"
    );
}

#[test]
fn jose_refuses_our_jwe_with_one_bit_changed_in_each_member() {
    let dir = tempfile::tempdir().unwrap();
    write_jwk(dir.path());
    let good = String::from_utf8(sealed_jwe()).unwrap();
    for member in ["protected", "iv", "ciphertext", "tag"] {
        let start = good.find(&format!("\"{member}\":\"")).unwrap() + member.len() + 4;
        // The first character's low bit is a bit of the first byte, whatever the character is.
        let old = BASE64URL_NOPAD
            .decode(&good.as_bytes()[start..start + 4])
            .unwrap();
        let new = BASE64URL_NOPAD.encode(&[old[0], old[1] ^ 1, old[2]]);
        let bad = format!("{}{new}{}", &good[..start], &good[start + 4..]);
        assert_ne!(bad, good);
        fs::write(dir.path().join("bad.jwe"), bad).unwrap();
        let output = jose(
            dir.path(),
            &["jwe", "dec", "-i", "bad.jwe", "-k", "jwk.json"],
        );
        assert!(
            !output.status.success(),
            "jose accepts a changed `{member}`"
        );
    }
}

#[test]
fn a_jwe_made_by_jose_from_our_template_opens() {
    let dir = tempfile::tempdir().unwrap();
    write_jwk(dir.path());
    let ours: serde_json::Value = serde_json::from_slice(&sealed_jwe()).unwrap();
    let protected = BASE64URL_NOPAD
        .decode(ours["protected"].as_str().unwrap().as_bytes())
        .unwrap();
    let protected: serde_json::Value = serde_json::from_slice(&protected).unwrap();
    let template = serde_json::json!({ "protected": protected });
    fs::write(dir.path().join("template.json"), template.to_string()).unwrap();
    fs::write(
        dir.path().join("bundle.json"),
        fixture::bundle().to_json().unwrap().expose(),
    )
    .unwrap();
    assert_ran(&jose(
        dir.path(),
        &[
            "jwe",
            "enc",
            "-i",
            "template.json",
            "-I",
            "bundle.json",
            "-k",
            "jwk.json",
            "-o",
            "theirs.jwe",
        ],
    ));
    let theirs = fs::read(dir.path().join("theirs.jwe")).unwrap();
    let sealed = Sealed::read(theirs, None).unwrap();
    assert_eq!(sealed.header(), Some(&fixture::header()));
    let opened = sealed
        .open(KEY_CHECK, fixture::keys())
        .unwrap_or_else(|e| panic!("{e}"));
    fixture::assert_same(&opened, &fixture::bundle());
}

#[test]
fn age_opens_our_age_file_and_refuses_it_changed() {
    let dir = tempfile::tempdir().unwrap();
    let (file, _) = seal_age::seal(
        &fixture::bundle(),
        &fixture::header(),
        &fixture::passphrase(),
    )
    .unwrap();
    assert!(file.starts_with(b"age-encryption.org/v1\n-> scrypt "));
    let first_lines = String::from_utf8_lossy(&file[..80]).into_owned();
    assert!(
        first_lines.lines().nth(1).unwrap().ends_with(" 15"),
        "log N is not 15"
    );
    fs::write(dir.path().join("backup.age"), &file).unwrap();
    let open = ["-d", "-o", "bundle.json", "backup.age"];
    assert_ran(&age_with_passphrase(dir.path(), PASSPHRASE, &open));
    let plain = fs::read(dir.path().join("bundle.json")).unwrap();
    assert!(fixture::bundle().to_json().unwrap().same(&plain));

    let mut changed = file;
    *changed.last_mut().unwrap() ^= 1;
    fs::write(dir.path().join("changed.age"), &changed).unwrap();
    let open = ["-d", "-o", "no.json", "changed.age"];
    assert!(
        !age_with_passphrase(dir.path(), PASSPHRASE, &open)
            .status
            .success()
    );
    let open = ["-d", "-o", "no.json", "backup.age"];
    assert!(
        !age_with_passphrase(dir.path(), "letter advice", &open)
            .status
            .success()
    );
}

#[test]
fn an_age_file_made_by_age_opens() {
    let dir = tempfile::tempdir().unwrap();
    fs::write(
        dir.path().join("bundle.json"),
        fixture::bundle().to_json().unwrap().expose(),
    )
    .unwrap();
    let seal = ["-p", "-o", "theirs.age", "bundle.json"];
    assert_ran(&age_with_passphrase(dir.path(), PASSPHRASE, &seal));
    let theirs = fs::read(dir.path().join("theirs.age")).unwrap();
    let opened = seal_age::open_without_sidecar(&theirs, KEY_CHECK, &fixture::passphrase())
        .unwrap_or_else(|e| panic!("{e}"));
    fixture::assert_same(&opened, &fixture::bundle());

    let sidecar = Sidecar::rebuild(&opened, &theirs).unwrap().to_json();
    let sealed = Sealed::read(theirs, Some(&sidecar)).unwrap();
    let opened = sealed
        .open(KEY_CHECK, fixture::keys())
        .unwrap_or_else(|e| panic!("{e}"));
    fixture::assert_same(&opened, &fixture::bundle());
}

#[test]
fn age_opens_our_delivery() {
    let dir = tempfile::tempdir().unwrap();
    let OneTimeRecipient {
        identity,
        recipient,
    } = OneTimeRecipient::generate();
    let file = delivery::seal_to(&fixture::delivery(), &recipient).unwrap();
    fs::write(dir.path().join("keys.age"), file).unwrap();
    fs::write(dir.path().join("identity.txt"), identity.expose()).unwrap();
    let output = age(dir.path(), &["-d", "-i", "identity.txt", "keys.age"]);
    assert_ran(&output);
    assert!(fixture::delivery().to_json().unwrap().same(&output.stdout));
}

#[test]
fn a_delivery_made_by_age_opens_and_one_for_two_does_not() {
    let dir = tempfile::tempdir().unwrap();
    let ours = OneTimeRecipient::generate();
    let other = OneTimeRecipient::generate();
    fs::write(
        dir.path().join("delivery.json"),
        fixture::delivery().to_json().unwrap().expose(),
    )
    .unwrap();
    let (to_us, to_other) = (ours.recipient.as_str(), other.recipient.as_str());
    assert_ran(&age(
        dir.path(),
        &["-r", to_us, "-o", "one.age", "delivery.json"],
    ));
    let one = fs::read(dir.path().join("one.age")).unwrap();
    let opened: Delivery =
        delivery::open_with(&one, &ours.identity).unwrap_or_else(|e| panic!("{e}"));
    assert!(
        opened
            .to_json()
            .unwrap()
            .same(fixture::delivery().to_json().unwrap().expose())
    );
    assert_eq!(
        fixture::refused(delivery::open_with(&one, &other.identity)),
        "delivery-not-for-us"
    );

    let both = [
        "-r",
        to_us,
        "-r",
        to_other,
        "-o",
        "two.age",
        "delivery.json",
    ];
    assert_ran(&age(dir.path(), &both));
    let two = fs::read(dir.path().join("two.age")).unwrap();
    assert_eq!(
        fixture::refused(delivery::open_with(&two, &ours.identity)),
        "delivery-several-recipients"
    );
    assert_ran(&age(
        dir.path(),
        &["-a", "-r", to_us, "-o", "armored.age", "delivery.json"],
    ));
    let armored = fs::read(dir.path().join("armored.age")).unwrap();
    assert_eq!(
        fixture::refused(delivery::open_with(&armored, &ours.identity)),
        "delivery-armored"
    );
}

#[test]
fn the_identity_of_a_secret_is_the_one_that_age_derives() {
    let dir = tempfile::tempdir().unwrap();
    let ours = OneTimeRecipient::from_secret(&fixture::delivery_secret());
    fs::write(dir.path().join("identity.txt"), ours.identity.expose()).unwrap();
    let output = run("age", dir.path(), "age-keygen", &["-y", "identity.txt"]);
    assert_ran(&output);
    assert_eq!(
        String::from_utf8_lossy(&output.stdout).trim(),
        ours.recipient.as_str()
    );
}

#[test]
fn stock_output_is_a_bundle_of_this_format() {
    let dir = tempfile::tempdir().unwrap();
    write_jwk(dir.path());
    fs::write(dir.path().join("backup.jwe"), sealed_jwe()).unwrap();
    let output = jose(
        dir.path(),
        &["jwe", "dec", "-i", "backup.jwe", "-k", "jwk.json"],
    );
    assert_ran(&output);
    let members: serde_json::Map<String, serde_json::Value> =
        serde_json::from_slice(&output.stdout).unwrap();
    for member in [
        "format",
        "rehearsal",
        "ceremony",
        "set_id",
        "key_check",
        "network",
        "node",
        "created",
        "keystore_password",
        "keys",
        "files",
    ] {
        assert!(members.contains_key(member), "the bundle lacks `{member}`");
    }
    assert_eq!(members["files"][0]["mode"], "0600");
    assert_eq!(members["keys"][1]["secret"], fixture::SURI);
    assert!(Bundle::parse(&output.stdout).is_ok());
}
