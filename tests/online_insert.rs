//! `qh-online keys insert`, by the real program: what it asks for, what it refuses, what it writes and leaves.
#![cfg(feature = "online")]

mod keystores;
mod online_host;

use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};
use std::path::PathBuf;

use data_encoding::HEXLOWER;
use keystores::{Pair, aura, aura_256s, aura_name, hex};
use online_host::{
    Said, at, chain_dir, files, holds, on_terminal, on_terminal_with, online, published, put,
    put_aura, recipient, spec, suri,
};
use qh_ceremony::ceremony::event::Refused;
use qh_ceremony::online::keys::chain::Matched;
use qh_ceremony::online::keys::evidence::Statement;
use qh_ceremony::online::keys::insert;
use qh_ceremony::online::keys::silence::{Authorship, Count, Silent};
use qh_ceremony::secret::SecretBytes;
use qh_ceremony::vault::contents::{BundleFile, BundleKey, FilePath, Network};
use qh_ceremony::vault::delivery::{Delivery, Purpose, seal_to};
use qh_ceremony::vault::recipient::{OneTimeRecipient, Recipient};
use serde_json::Value;
use tempfile::TempDir;

const STATEMENT: &str = r#"
people = ["Ada Example", "Ben Example"]
[stopped]
host = "validator-1"
how = "service masked, key files moved"
seen_by = "Ada Example"
seen_at = "2026-11-22T14:00:00Z"
silent_since_block = 1000
"#;
const NEVER: &str =
    "people = [\"Ada Example\", \"Ben Example\"]\n[never_used]\nwhy = \"made on the laptop\"\n";

fn aura_key(pair: &Pair) -> BundleKey {
    BundleKey {
        key_type: "aura".into(),
        scheme: "sphincs-shake-256f-simple".into(),
        public: format!("0x{}", hex(&pair.public)),
        secret: SecretBytes::new(format!("0x{}", hex(&pair.secret)).into_bytes()),
        source: aura_name(&pair.public),
    }
}

fn delivery(pairs: &[&Pair]) -> Delivery {
    Delivery {
        purpose: Purpose::ToHost,
        rehearsal: false,
        network: Network {
            chain_id: "dev3".into(),
            genesis_hash: None,
        },
        node: "validator-1".into(),
        created: "2026-11-22T12:00:00Z".into(),
        keystore_password: false,
        keys: pairs.iter().map(|pair| aura_key(pair)).collect(),
        files: vec![],
    }
}

/// A host with a state directory, an empty keystore, and a statement.
struct Host {
    base: TempDir,
    to: Recipient,
}

impl Host {
    fn new() -> Self {
        let base = tempfile::tempdir().unwrap();
        chain_dir(base.path(), &[]);
        let to = Recipient::parse(&recipient(&base.path().join("state")).0).unwrap();
        let host = Self { base, to };
        fs::write(host.path("statement.toml"), STATEMENT).unwrap();
        host
    }

    fn path(&self, name: &str) -> PathBuf {
        self.base.path().join(name)
    }

    fn keystore(&self) -> PathBuf {
        self.path("chains/dev3/keystore")
    }

    fn seal(&self, delivery: &Delivery) {
        fs::write(self.path("d.age"), seal_to(delivery, &self.to).unwrap()).unwrap();
    }

    /// `keys insert` with everything but evidence and source.
    fn bare(&self, more: &[&str]) -> Vec<String> {
        let mut args: Vec<String> = ["keys", "insert"].map(String::from).to_vec();
        for (flag, path) in [
            ("--state", self.path("state")),
            ("--keystore", self.keystore()),
            ("--input", self.path("d.age")),
        ] {
            args.extend([flag.to_owned(), at(&path).to_owned()]);
        }
        args.extend(more.iter().map(|arg| (*arg).to_owned()));
        args
    }

    fn insert(&self, more: &[&str]) -> Said {
        let statement = self.path("statement.toml");
        let spec = spec();
        let all = [
            &["--stop-statement", at(&statement), "--chain-spec", &spec],
            more,
        ]
        .concat();
        run(&self.bare(&all))
    }

    /// Nothing was written to the keystore, and nothing stands in the records.
    #[track_caller]
    fn untouched(&self) {
        assert_eq!(files(&self.keystore()), []);
        assert!(!self.path("state/inserts").exists());
    }

    fn records(&self) -> Vec<Value> {
        files(&self.path("state/inserts"))
            .iter()
            .map(|(_, bytes)| serde_json::from_slice(bytes).unwrap())
            .collect()
    }
}

fn run(args: &[String]) -> Said {
    let args: Vec<&str> = args.iter().map(String::as_str).collect();
    online(&args)
}

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
    with(&seal(&changed), 1, "match-other-chain");
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

/// A `qh-registered/1` of block 5000, all keys of one account.
fn registered(keys: &[(&str, &[u8])], rehearsal: bool) -> String {
    let keys: Vec<Value> = keys
        .iter()
        .map(|(key_type, public)| {
            serde_json::json!({
                "key_type": key_type, "public": format!("0x{}", hex(public)),
                "account": format!("0x{}", "07".repeat(32)),
            })
        })
        .collect();
    serde_json::json!({
        "format": "qh-registered/1", "rehearsal": rehearsal,
        "chain_id": if rehearsal { "rehearsal" } else { "dev3" },
        "block_number": 5000, "block_hash": "22".repeat(32),
        "sources": [{"kind": "rpc", "name": "a node", "genesis_state": false}],
        "keys": keys,
    })
    .to_string()
}

#[test]
fn no_key_goes_in_without_evidence() {
    let host = Host::new();
    let pair = published(0);
    host.seal(&delivery(&[&pair]));
    let spec = spec();
    run(&host.bare(&[])).refused(2, "registered-not-given");
    run(&host.bare(&["--chain-spec", &spec])).refused(1, "stop-evidence-missing");
    run(&host.bare(&["--chain-spec", &spec, "--never-used"])).refused(1, "stop-evidence-missing");
    let statement = |text: &str, name: &str| {
        fs::write(host.path("statement.toml"), text).unwrap();
        host.insert(&[]).refused(1, name);
        host.untouched();
    };
    statement("", "stop-statement-malformed");
    statement(
        &STATEMENT.replace("\"Ben", "\"Ada"),
        "stop-statement-one-person",
    );
    statement(
        &STATEMENT.replace("2026-11-22", "2096-11-22"),
        "stop-statement-in-future",
    );
    statement(
        &format!("{STATEMENT}measured = true\n"),
        "stop-statement-malformed",
    );
    statement(NEVER, "stop-statement-other-kind");
    statement(&"#".repeat(20_000), "file-too-large");
    // Genesis says that this key is an authority: nobody can state that it never signed.
    fs::write(host.path("statement.toml"), NEVER).unwrap();
    host.insert(&["--never-used"])
        .refused(1, "never-used-is-authority");
    host.untouched();

    // By registered keys of block 5000, a signer can't be silent since block 5001.
    let file = host.path("registered.json");
    fs::write(&file, registered(&[("aura", &pair.public)], false)).unwrap();
    let path = host.path("statement.toml");
    let more = ["--stop-statement", at(&path), "--registered", at(&file)];
    fs::write(&path, STATEMENT.replace("1000", "5001")).unwrap();
    run(&host.bare(&more)).refused(1, "stop-block-in-future");
    host.untouched();
    // A key that waits for its turn may be stated to be unused.
    fs::write(&path, NEVER).unwrap();
    let said = run(&host.bare(&[&more[..], &["--never-used"]].concat())).ended(0);
    assert!(
        said.out.contains("state: the key never signed anywhere."),
        "{}",
        said.out
    );
    assert_eq!(
        host.records()[0]["statement"]["never_used"]["why"],
        "made on the laptop"
    );
}

#[test]
fn people_are_asked_on_the_terminal() {
    let host = Host::new();
    let pair = published(0);
    host.seal(&delivery(&[&pair]));
    let spec = spec();
    let args = host.bare(&["--chain-spec", &spec]);
    let args: Vec<&str> = args.iter().map(String::as_str).collect();
    let dialogue = |last: &'static str| {
        vec![
            ("First person who states this: ", "Ada Example"),
            ("Second person: ", "Ben Example"),
            ("Which machine signed", "validator-1"),
            ("How was it stopped", "service masked"),
            ("Who saw it stopped? ", ""),
            ("Who saw it stopped? ", "Cleo"),
            ("When (UTC", "an hour ago"),
            ("When (UTC", "2026-11-22 14:00"),
            ("Silent since block number: ", "12,345"),
            ("Type `stopped` if it is true", last),
        ]
    };
    on_terminal(&args, &dialogue("yes")).refused(1, "stop-evidence-missing");
    host.untouched();
    on_terminal(&args, &dialogue("never used")).refused(1, "stop-evidence-missing");
    on_terminal(&args, &dialogue("stopped")).ended(0);
    let stopped = &host.records()[0]["statement"]["stopped"];
    assert_eq!(stopped["seen_by"], "Cleo");
    assert_eq!(stopped["seen_at"], "2026-11-22T14:00:00Z");
    assert_eq!(stopped["silent_since_block"], 12345);
    assert_eq!(holds(host.base.path(), &pair).len(), 1);
}

#[test]
fn a_second_signer_in_the_keystore_stops_it() {
    let host = Host::new();
    let pair = published(0);
    host.seal(&delivery(&[&pair]));
    let stranger = aura();
    let path = put_aura(&host.keystore(), &stranger);
    let said = host.insert(&[]).refused(1, "second-signer");
    assert!(
        said.err.contains(&aura_name(&stranger.public)),
        "{}",
        said.err
    );
    let said = host.insert(&["--beside-others"]).ended(0);
    assert!(said.out.contains("also there: 61757261"), "{}", said.out);
    assert_eq!(host.records()[0]["others"][0], aura_name(&stranger.public));
    fs::remove_file(path).unwrap();
    fs::remove_file(host.keystore().join(aura_name(&pair.public))).unwrap();
    // Another registered validator's key is never let pass.
    put_aura(&host.keystore(), &published(1));
    host.insert(&["--beside-others"])
        .refused(1, "second-validator");
    assert_eq!(files(&host.keystore()).len(), 1);
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

/// A chain that has authored these blocks with the key.
struct Chain(u64, Vec<u64>);

impl Authorship for Chain {
    fn finalized(&self) -> Result<u64, Refused> {
        Ok(self.0)
    }

    fn count(&self, public: &[u8], from: u64, to: u64) -> Result<Count, Refused> {
        assert_eq!(public, published(0).public);
        let blocks: Vec<u64> = self
            .1
            .iter()
            .copied()
            .filter(|n| (from..=to).contains(n))
            .collect();
        Ok(Count {
            authored: blocks.len() as u64,
            last: blocks.last().copied(),
            authorities: 3,
        })
    }
}

#[test]
fn what_the_chain_shows_outweighs_what_people_state() {
    let sealed = delivery(&[&published(0)]);
    let proven = insert::prove(&sealed, None).unwrap_or_else(|refused| panic!("{}", refused.what));
    let mut matched = Matched {
        lines: vec![],
        account: None,
        source: "a node (block 5000)".into(),
        genesis_state: false,
        block: 5000,
        is_authority: false,
    };
    let now = 1_795_500_000;
    let hold = |statement: &str, never: bool, matched: &Matched, chain: Option<&Chain>| {
        let statement = Statement::parse(statement.as_bytes()).unwrap();
        let chain = chain.map(|chain| chain as &dyn Authorship);
        insert::hold_evidence(&statement, never, matched, &proven, chain, now)
            .map_err(|refused| refused.name)
    };
    assert_eq!(hold(STATEMENT, false, &matched, None), Ok(None));
    let silent = |from, to| {
        let authorities = 3;
        Ok(Some(vec![Silent {
            from,
            to,
            authorities,
        }]))
    };
    let chain = |finalized, blocks: &[u64]| Some(Chain(finalized, blocks.to_vec()));
    let cases = [
        (chain(5000, &[998, 999]), silent(1000, 5000)),
        (chain(5000, &[999, 1000]), Err("old-signer-alive".into())),
        (chain(5000, &[5000]), Err("old-signer-alive".into())),
        (chain(1098, &[]), Err("silence-too-short".into())),
    ];
    for (chain, expected) in cases {
        assert_eq!(hold(STATEMENT, false, &matched, chain.as_ref()), expected);
    }
    // A key that never signed is looked for in the last thousand blocks.
    assert_eq!(
        hold(NEVER, true, &matched, chain(5000, &[4000]).as_ref()),
        silent(4001, 5000)
    );
    assert_eq!(
        hold(NEVER, true, &matched, chain(5000, &[4001]).as_ref()),
        Err("old-signer-alive".into())
    );
    matched.is_authority = true;
    assert_eq!(
        hold(NEVER, true, &matched, chain(5000, &[]).as_ref()),
        Err("never-used-is-authority".into())
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
    run(&args).refused(1, "match-other-chain");
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

/// Arguments, environment and open files of the running program never tell what it carries.
#[test]
fn arguments_and_environment_hold_no_secret() {
    let host = Host::new();
    let pair = published(0);
    host.seal(&delivery(&[&pair]));
    let spec = spec();
    let args = host.bare(&["--chain-spec", &spec]);
    let args: Vec<&str> = args.iter().map(String::as_str).collect();
    let identity = fs::read_to_string(host.path("state/delivery_identity")).unwrap();
    let secret = hex(&pair.secret[..64]);
    let input = host.path("d.age");
    let mut looked = 0;
    // At its first question it has the keys open in memory; now it is looked at from outside.
    let said = on_terminal_with(
        &args,
        &[("First person who states this: ", "\u{4}")],
        &mut || {
            for process in fs::read_dir("/proc").unwrap() {
                let process = process.unwrap().path();
                let read = |name: &str| fs::read(process.join(name)).unwrap_or_default();
                let line = String::from_utf8_lossy(&read("cmdline")).into_owned();
                if !line.contains(at(&input)) || !line.starts_with(env!("CARGO_BIN_EXE_qh-online"))
                {
                    continue;
                }
                looked += 1;
                let told = line + &String::from_utf8_lossy(&read("environ"));
                assert!(!told.contains(&secret) && !told.contains(identity.trim()));
                for file in fs::read_dir(process.join("fd")).unwrap() {
                    let to = fs::read_link(file.unwrap().path()).unwrap_or_default();
                    assert!(
                        !to.starts_with("/tmp") && !to.starts_with(host.base.path()),
                        "{to:?}"
                    );
                }
            }
        },
    );
    assert_eq!(looked, 1);
    said.refused(1, "stop-evidence-missing");
    host.untouched();
}
