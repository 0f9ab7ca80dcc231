//! `keys check`: what it says and how it ends.

mod keystores;

use std::fs;
use std::io;
use std::path::PathBuf;

use clap::Parser;
use keystores::{Keystore, Pair, aura, aura_256s, aura_name, hex};
use qh_ceremony::cli::keys::{CheckArgs, check};
use qh_ceremony::secret::SecretText;

#[derive(Parser)]
struct Program {
    #[command(flatten)]
    args: CheckArgs,
}

struct Outcome {
    code: u8,
    out: String,
    err: String,
}

fn run_with(args: &[&str], password: io::Result<&str>) -> Outcome {
    let args = Program::try_parse_from([&["keys check"], args].concat())
        .expect("arguments")
        .args;
    let mut password = Some(password.map(|text| SecretText::new(text.to_owned())));
    let mut ask = || password.take().expect("asked once");
    let (mut out, mut err) = (Vec::new(), Vec::new());
    let code = check(&args, &mut ask, &mut out, &mut err);
    let text = |bytes| String::from_utf8(bytes).expect("UTF-8");
    Outcome {
        code,
        out: text(out),
        err: text(err),
    }
}

fn run(args: &[&str]) -> Outcome {
    run_with(args, Err(io::Error::other("nobody should ask")))
}

fn json(args: &[&str]) -> (u8, serde_json::Value) {
    let outcome = run(&[args, &["--json"]].concat());
    assert_eq!(outcome.err, "");
    (
        outcome.code,
        serde_json::from_str(&outcome.out).expect("JSON"),
    )
}

fn at(path: &PathBuf) -> &str {
    path.to_str().expect("UTF-8")
}

fn vector(name: &str) -> String {
    format!("{}/tests/vectors/{name}", env!("CARGO_MANIFEST_DIR"))
}

/// The pairs of tests/vectors/keystore/aura.json; the first three are validators of chainspec/raw.json.
fn published(index: usize) -> Pair {
    let pairs: serde_json::Value =
        serde_json::from_str(include_str!("vectors/keystore/aura.json")).expect("vectors");
    let unhex = |member: &str| {
        let text = pairs[index][member].as_str().expect("text");
        data_encoding::HEXLOWER
            .decode(text[2..].as_bytes())
            .expect("hex")
    };
    Pair {
        public: unhex("public"),
        secret: unhex("secret"),
    }
}

/// A raw chain spec's account for a key, looked up without the program.
fn account_of(public: &[u8]) -> String {
    let spec: serde_json::Value =
        serde_json::from_str(include_str!("vectors/chainspec/raw.json")).expect("JSON");
    let top = spec["genesis"]["raw"]["top"].as_object().expect("map");
    let next_keys = "0xcec5070d609dd3497f72bde07fc96ba04c014e6bf8b8c2c011e7290b85696bb3";
    let value = format!("0x{}", hex(public));
    let (key, _) = top
        .iter()
        .find(|(key, found)| key.starts_with(next_keys) && **found == value)
        .expect("registered");
    format!("0x{}", &key[key.len() - 64..])
}

#[test]
fn a_good_keystore_ends_with_0() {
    let pair = aura();
    let keystore = Keystore::with(&[&pair]);
    let outcome = run(&[at(&keystore.dir())]);
    let name = hex(&pair.public);
    let expected = format!(
        "Keystore {}\n  aura  sphincs-shake-256f-simple  0x{}..{}  proven\n\
         Good: 1 proven, 0 refused, not matched with a chain.\n",
        keystore.dir().display(),
        &name[..8],
        &name[120..]
    );
    assert_eq!(
        (outcome.code, outcome.out, outcome.err),
        (0, expected, String::new())
    );
}

#[test]
fn bad_pairs_end_with_4_and_their_name() {
    let (pair, foreign) = (aura(), aura());
    let bad = [
        (aura_256s(), "aura-key-is-256s"),
        (
            Pair {
                public: foreign.public,
                secret: pair.secret.clone(),
            },
            "aura-key-foreign-public",
        ),
        (
            Pair {
                public: pair.public.clone(),
                secret: pair.secret[..90].to_vec(),
            },
            "key-truncated",
        ),
    ];
    for (pair, name) in bad {
        let keystore = Keystore::with(&[&pair]);
        let outcome = run(&[at(&keystore.dir())]);
        assert_eq!(outcome.code, 4);
        let file = aura_name(&pair.public);
        assert!(
            outcome
                .out
                .contains(&format!("  {file}  refused  [{name}]\n")),
            "{}",
            outcome.out
        );
        assert!(
            outcome
                .out
                .ends_with("Failed: 0 proven, 1 refused, not matched with a chain.\n")
        );
        let (code, document) = json(&[at(&keystore.dir())]);
        assert_eq!(code, 4);
        assert_eq!(document["good"], false);
        assert_eq!(document["refused"][0]["name"], name);
        assert_eq!(document["refused"][0]["file"], *file);
    }
}

#[test]
fn a_stray_file_fails_the_check_and_hides_no_key() {
    let keystore = Keystore::with(&[&aura()]);
    keystore.put("notes.txt", b"");
    let outcome = run(&[at(&keystore.dir())]);
    assert_eq!(outcome.code, 4);
    assert!(outcome.out.contains("  proven\n"));
    assert!(outcome.out.contains(
        "  notes.txt  refused  [key-file-name-not-hex]\n        Its name is not hex, so it is no \
         key file, and the node ignores it.\n"
    ));
}

#[test]
fn a_chain_spec_says_which_validator_a_key_is() {
    for index in 0..3 {
        let pair = published(index);
        let keystore = Keystore::with(&[&pair]);
        let outcome = run(&[
            at(&keystore.dir()),
            "--chain-spec",
            &vector("chainspec/raw.json"),
        ]);
        let line = format!(
            "  is validator {} (NextKeys, QueuedKeys, Authorities, Validators)\n",
            account_of(&pair.public)
        );
        assert!(outcome.out.contains(&line), "{}", outcome.out);
        assert!(outcome.out.contains(
            "Chain dev3, genesis state: what the chain started with, not what it knows today\n"
        ));
        assert!(
            outcome
                .out
                .ends_with("Good: 1 proven, 0 refused, matched with the chain.\n")
        );
        assert_eq!(outcome.code, 0);
    }
}

#[test]
fn a_key_that_the_chain_does_not_know_ends_with_4() {
    let keystore = Keystore::with(&[&published(3)]);
    let spec = vector("chainspec/raw.json");
    let outcome = run(&[at(&keystore.dir()), "--chain-spec", &spec]);
    assert!(
        outcome
            .out
            .contains("  is not a registered validator of this chain\n")
    );
    assert!(
        outcome
            .out
            .ends_with("Failed: 1 proven, 0 refused, NOT MATCHED with the chain.\n")
    );
    assert_eq!(outcome.code, 4);
    let (code, document) = json(&[at(&keystore.dir()), "--chain-spec", &spec]);
    assert_eq!(code, 4);
    assert_eq!(document["keys"][0]["match"]["registered"], false);
    assert_eq!(document["chain"]["verdict"], "no-match");
    assert_eq!(document["chain"]["genesis_state"], true);
}

#[test]
fn keys_of_two_validators_in_one_keystore_end_with_4() {
    let keystore = Keystore::with(&[&published(0), &published(1)]);
    let outcome = run(&[
        at(&keystore.dir()),
        "--chain-spec",
        &vector("chainspec/raw.json"),
    ]);
    assert!(
        outcome
            .out
            .contains("  These keys belong to 2 validators, not to one.\n")
    );
    assert_eq!(outcome.code, 4);
}

#[test]
fn a_registered_file_matches_and_a_rehearsal_says_so() {
    let pair = published(0);
    let keystore = Keystore::with(&[&pair]);
    let account = account_of(&pair.public);
    let file = keystore.chain_dir().join("registered.json");
    let document = format!(
        r#"{{"format":"qh-registered/1","rehearsal":true,"chain_id":"dev3","block_number":9,
        "sources":[{{"kind":"rpc","name":"node","genesis_state":false}}],
        "keys":[{{"key_type":"aura","public":"0x{}","account":"{account}"}}]}}"#,
        hex(&pair.public)
    );
    fs::write(&file, document).expect("write");
    let outcome = run(&[at(&keystore.dir()), "--registered", at(&file)]);
    assert_eq!(outcome.code, 0, "{}", outcome.err);
    let banner = "REHEARSAL: this registered file says nothing about a real chain.\n";
    assert!(
        outcome
            .out
            .contains(&format!("{banner}Chain dev3, block 9\n"))
    );
    assert!(outcome.out.contains(&format!("  is validator {account}\n")));
    let (_, document) = json(&[at(&keystore.dir()), "--registered", at(&file)]);
    assert_eq!(document["rehearsal"], true);
    assert_eq!(
        document["chain"]["validators"],
        serde_json::json!([account])
    );
}

#[test]
fn what_cannot_be_read_ends_with_3_and_bad_sources_with_4() {
    let keystore = Keystore::with(&[&aura()]);
    let dir = keystore.dir();
    let absent = run(&["/nowhere/at/all"]);
    assert_eq!(
        (absent.code, absent.out.as_str(), absent.err.as_str()),
        (
            3,
            "",
            "There is no directory /nowhere/at/all. [keystore-absent]\nGive the keystore directory \
             itself, usually chains/<id>/keystore under the base path.\n"
        )
    );
    let no_source = run(&[at(&dir), "--registered", "/nowhere"]);
    assert_eq!(no_source.code, 3);
    assert!(no_source.err.contains("[registered-unreadable]"));
    let not_raw = run(&[at(&dir), "--chain-spec", &vector("chainspec/not-raw.json")]);
    assert_eq!(not_raw.code, 4);
    assert!(not_raw.err.contains("[chain-spec-not-raw]"));
    let empty = Keystore::empty();
    assert_eq!(run(&[at(&empty.dir())]).code, 4);
    let (code, document) = json(&[at(&empty.dir())]);
    assert_eq!(
        (code, &document["stopped"]["name"]),
        (4, &"keystore-empty".into())
    );
}

#[test]
fn a_chain_directory_includes_the_network_keys() {
    let keystore = Keystore::with(&[&aura()]);
    let network = keystore.chain_dir().join("network");
    fs::create_dir(&network).expect("directory");
    fs::write(network.join("secret_ed25519"), [7; 32]).expect("write");
    let dir = keystore.chain_dir().to_path_buf();
    let outcome = run(&[at(&dir)]);
    assert_eq!(outcome.code, 0);
    assert!(
        outcome
            .out
            .contains("  network/secret_ed25519  node-key-ed25519  0x")
    );
    assert!(outcome.out.contains("  derived, not stated anywhere\n"));
    fs::write(network.join("secret_ed25519"), [7; 30]).expect("write");
    let outcome = run(&[at(&dir)]);
    assert_eq!(outcome.code, 4);
    assert!(
        outcome
            .out
            .contains("  network/secret_ed25519  refused  [key-truncated]\n")
    );
}

#[test]
fn the_password_is_asked_for_and_nowhere_shown() {
    let vectors: serde_json::Value =
        serde_json::from_str(include_str!("vectors/keystore/suri.json")).expect("vectors");
    let suri = "bottom drive obey lake curtain smoke basket hold race lonely fit walk//Alice";
    let vectors = vectors.as_array().expect("a list");
    let vector = vectors
        .iter()
        .find(|v| v["scheme"] == "ed25519" && v["suri"] == format!("{suri}///secret"))
        .expect("the vector");
    let public = vector["public"].as_str().expect("text");
    let keystore = Keystore::empty();
    keystore.put(
        &format!("6772616e{}", &public[2..]),
        format!("\"{suri}\"").as_bytes(),
    );
    let dir = keystore.dir();
    let good = run_with(&[at(&dir), "--ask-password"], Ok("secret"));
    assert_eq!(good.code, 0, "{}", good.out);
    assert!(!good.out.contains("secret") && !good.out.contains("Alice"));
    let wrong = run_with(&[at(&dir), "--ask-password"], Ok("Secret"));
    assert_eq!(wrong.code, 4);
    assert!(wrong.out.contains("[key-public-mismatch]"));
    assert!(!wrong.out.contains("Secret") && !wrong.out.contains("Alice"));
    let none = run_with(
        &[at(&dir), "--ask-password"],
        Err(io::Error::other("no terminal")),
    );
    assert_eq!(none.code, 3);
    assert_eq!(
        none.err,
        "The keystore password was not read: no terminal. [password-not-read]\nRun the command on \
         a terminal, and type the password there.\n"
    );
}

#[test]
fn no_report_holds_a_secret() {
    let mut damaged = aura();
    damaged.secret[5] ^= 1;
    let pairs = [aura(), damaged, aura_256s()];
    let keystore = Keystore::with(&pairs.each_ref());
    for args in [&[at(&keystore.dir())][..], &[at(&keystore.dir()), "--json"]] {
        let outcome = run(args);
        let said = outcome.out + &outcome.err;
        for pair in &pairs {
            // The second half is public.
            for part in pair.secret[..64].chunks(8) {
                assert!(!said.contains(&hex(part)));
            }
        }
    }
}

#[test]
fn a_report_that_nobody_can_read_is_not_done() {
    struct Full;
    impl io::Write for Full {
        fn write(&mut self, _: &[u8]) -> io::Result<usize> {
            Err(io::ErrorKind::StorageFull.into())
        }
        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }
    let keystore = Keystore::with(&[&aura()]);
    let args = Program::try_parse_from(["keys check", at(&keystore.dir())])
        .expect("args")
        .args;
    let mut ask = || Err(io::Error::other("nobody should ask"));
    assert_eq!(check(&args, &mut ask, &mut Full, &mut io::sink()), 3);
}

#[test]
fn two_sources_at_once_are_a_usage_error() {
    let parsed =
        Program::try_parse_from(["keys check", "d", "--registered", "a", "--chain-spec", "b"]);
    assert_eq!(
        parsed.err().expect("an error").kind(),
        clap::error::ErrorKind::ArgumentConflict
    );
}
