//! `qh-online keys export`, by the real program: what it seals, whom it asks, what it refuses and leaves.
#![cfg(feature = "online")]

mod keystores;
mod online_host;

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Command;

use keystores::{aura, aura_256s, aura_name, hex};
use online_host::{
    at, chain_dir, files, holds, on_terminal, online, published, put, put_aura, spec, suri,
};
use qh_ceremony::transcript::six_words::six_words;
use qh_ceremony::vault::delivery::{Delivery, Purpose, open_with};
use qh_ceremony::vault::recipient::OneTimeRecipient;

/// An export with a laptop's recipient of its own.
struct Laptop {
    own: OneTimeRecipient,
    words: String,
}

impl Laptop {
    fn new() -> Self {
        let own = OneTimeRecipient::generate();
        let words = six_words(&own.recipient.fingerprint());
        Self { own, words }
    }

    fn export<'a>(
        &'a self,
        keystore: &'a Path,
        output: &'a Path,
        more: &[&'a str],
    ) -> Vec<&'a str> {
        let args = [
            "keys",
            "export",
            "--keystore",
            at(keystore),
            "--to",
            self.own.recipient.as_str(),
            "--output",
            at(output),
            "--node",
            "validator-1",
        ];
        [&args, more].concat()
    }

    fn open(&self, file: &Path) -> Delivery {
        open_with(&fs::read(file).unwrap(), &self.own.identity).unwrap_or_else(|e| panic!("{e}"))
    }
}

#[test]
fn an_export_opens_with_stock_age_and_leaves_no_plaintext() {
    let base = tempfile::tempdir().unwrap();
    let pair = published(0);
    let chain = chain_dir(base.path(), &[&pair]);
    fs::create_dir(chain.join("network")).unwrap();
    let node_key = [0x5a_u8; 32];
    put(&chain.join("network"), "secret_ed25519", &node_key);
    let laptop = Laptop::new();
    let output = base.path().join("keys.age");
    let (spec, before) = (spec(), files(base.path()));
    let said = online(&laptop.export(
        &chain,
        &output,
        &["--chain-spec", &spec, "--recipient-words", &laptop.words],
    ))
    .ended(0);
    for text in [
        "Matched by raw.json (genesis state):",
        "of validator 0x",
        "X25519 is not post-quantum",
        "network/secret_ed25519",
        "node validator-1",
        "chain dev3",
        &laptop.words,
    ] {
        assert!(said.out.contains(text), "{text}: {}", said.out);
    }
    assert_eq!(
        output.metadata().unwrap().permissions().mode() & 0o7777,
        0o600
    );
    // Nothing but the sealed file is new, and the secret lies in the keystore alone.
    assert_eq!(files(base.path()).len(), before.len() + 1);
    assert_eq!(
        holds(base.path(), &pair),
        [chain.join("keystore").join(aura_name(&pair.public))]
    );
    let sum = Command::new("sha256sum")
        .arg(&output)
        .output()
        .expect("sha256sum: package coreutils");
    assert!(
        said.out
            .contains(&String::from_utf8(sum.stdout).unwrap()[..64])
    );

    let identity = base.path().join("laptop");
    fs::write(&identity, format!("{}\n", laptop.own.identity.expose())).unwrap();
    let age = Command::new("age")
        .args(["-d", "-i", at(&identity), at(&output)])
        .output();
    let age = age.expect("age runs: install package age");
    assert!(age.status.success());
    let plain: serde_json::Value = serde_json::from_slice(&age.stdout).unwrap();
    assert_eq!(plain["purpose"], "to-laptop");
    assert_eq!(plain["rehearsal"], false);
    assert_eq!(plain["network"]["chain_id"], "dev3");
    assert_eq!(
        plain["keys"][0]["secret"],
        format!("0x{}", hex(&pair.secret))
    );
    assert_eq!(plain["files"][0]["path"], "network/secret_ed25519");

    let delivery = laptop.open(&output);
    assert_eq!(
        (delivery.purpose, delivery.keystore_password),
        (Purpose::ToLaptop, false)
    );
    assert_eq!(delivery.files[0].content.expose(), node_key);
    // An existing file is never overwritten, whatever it is.
    online(&laptop.export(&chain, &output, &["--recipient-words", &laptop.words]))
        .refused(1, "file-exists");
    // Of one key type alone there are no network files; without a source it says so.
    let alone = base.path().join("alone.age");
    let said = online(&laptop.export(
        &chain,
        &alone,
        &["--key-type", "aura", "--recipient-words", &laptop.words],
    ))
    .ended(0);
    assert!(said.out.contains("NOT MATCHED TO CHAIN"), "{}", said.out);
    let delivery = laptop.open(&alone);
    assert_eq!((delivery.keys.len(), delivery.files.len()), (1, 0));
    assert_eq!(delivery.network.chain_id, "dev3");
}

#[test]
fn the_laptops_words_are_typed_by_who_has_seen_them() {
    let base = tempfile::tempdir().unwrap();
    let chain = chain_dir(base.path(), &[&published(0)]);
    let laptop = Laptop::new();
    let output = base.path().join("keys.age");
    let args = laptop.export(&chain, &output, &[]);
    online(&args).refused(1, "recipient-not-confirmed");
    let wrong = Laptop::new().words;
    online(&laptop.export(&chain, &output, &["--recipient-words", &wrong]))
        .refused(1, "recipient-words-differ");
    let (first, again) = ("the first four letters", "The laptop's six words:");
    let refused = on_terminal(&args, &[(first, &wrong), (again, ""), (again, &wrong)]);
    let refused = refused.refused(1, "recipient-words-differ");
    // They are not shown to whoever shall have read them elsewhere.
    assert!(!refused.out.contains(&laptop.words), "{}", refused.out);
    assert!(!output.exists());
    let letters: Vec<&str> = laptop
        .words
        .split(' ')
        .map(|word| &word[..word.len().min(4)])
        .collect();
    on_terminal(&args, &[(first, &wrong), (again, &letters.join(" "))]).ended(0);
    assert_eq!(laptop.open(&output).keys.len(), 1);
}

#[test]
fn an_export_refuses_what_is_not_right_and_writes_nothing() {
    let base = tempfile::tempdir().unwrap();
    let chain = chain_dir(base.path(), &[&published(0)]);
    let laptop = Laptop::new();
    let (output, spec) = (base.path().join("keys.age"), spec());
    let words = ["--recipient-words", laptop.words.as_str()];
    let export = |path: &Path, more: &[&str]| {
        online(&laptop.export(path, &output, &[&words, more].concat()))
    };

    // A recipient of small order, one that is none, one with a letter changed.
    for (to, name) in [
        (
            "age1qqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqq0sa9hh",
            "recipient-invalid",
        ),
        ("ssh-ed25519 AAAA", "recipient-invalid"),
    ] {
        let args = [
            "keys",
            "export",
            "--keystore",
            at(&chain),
            "--output",
            at(&output),
            "--to",
            to,
        ];
        online(&args).refused(1, name);
    }
    export(&chain, &["--rehearsal"]).refused(1, "rehearsal-needs-registered");
    export(&chain, &["--rehearsal", "--chain-spec", &spec])
        .refused(1, "registered-not-of-rehearsal");
    let other = format!("0x{}", "07".repeat(32));
    export(&chain, &["--chain-spec", &spec, "--account", &other])
        .refused(4, "keys-of-other-validator");
    let elsewhere = base.path().join("chains/other");
    fs::create_dir_all(&elsewhere).unwrap();
    fs::rename(chain.join("keystore"), elsewhere.join("keystore")).unwrap();
    export(&elsewhere, &["--chain-spec", &spec]).refused(4, "match-other-chain");
    let bare = base.path().join("bare");
    fs::rename(elsewhere.join("keystore"), &bare).unwrap();
    export(&bare, &[]).refused(1, "chain-unknown");
    put_aura(&bare, &aura());
    export(&bare, &["--chain-spec", &spec]).refused(4, "keys-not-registered");
    put_aura(&bare, &aura_256s());
    export(&bare, &["--chain-spec", &spec]).refused(4, "aura-key-is-256s");
    assert!(!output.exists());
    // A directory that can't be written to is named.
    let away = base.path().join("no/keys.age");
    fs::remove_dir_all(&bare).unwrap();
    let chain = chain_dir(base.path(), &[&published(0)]);
    online(&laptop.export(&chain, &away, &words)).refused(3, "file-not-written");
}

#[test]
fn a_node_with_a_password_says_so_in_its_delivery() {
    let base = tempfile::tempdir().unwrap();
    let chain = chain_dir(base.path(), &[]);
    let (phrase, public) = suri("ed25519", "//Alice///secret");
    let bare = phrase.replace("///secret", "");
    put(
        &chain.join("keystore"),
        &format!("6772616e{}", &public[2..]),
        format!("\"{bare}\"").as_bytes(),
    );
    let laptop = Laptop::new();
    let output = base.path().join("keys.age");
    let args = laptop.export(
        &chain,
        &output,
        &["--ask-password", "--recipient-words", &laptop.words],
    );
    on_terminal(&args, &[("Keystore password: ", "secret")]).ended(0);
    let delivery = laptop.open(&output);
    assert!(delivery.keystore_password);
    // The password itself stays with people.
    assert_eq!(delivery.keys[0].secret.expose(), bare.as_bytes());
}
