//! `docs/commands.md`: every row that works is run as it stands there, and the others are unknown to the program.
#![cfg(feature = "online")]

mod keystores;
#[path = "online/node.rs"]
mod node;
mod online_host;

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use keystores::hex;
use node::{Chain, Node};
use online_host::second::{Host, delivery, registered};
use online_host::{at, chain_dir, files, on_terminal, online, published, put, spec, suri};
use qh_ceremony::secret::SecretBytes;
use qh_ceremony::transcript::six_words::six_words;
use qh_ceremony::vault::contents::BundleKey;
use qh_ceremony::vault::delivery::open_with;
use qh_ceremony::vault::object::Identities;
use qh_ceremony::vault::recipient::OneTimeRecipient;
use qh_ceremony::vault::registered::from_chain_spec;
use serde_json::Value;
use tempfile::TempDir;

/// Every `qh-cli` command of the requirements, in their order, each on one line.
const QH_CLI: [(&str, &str); 9] = [
    (
        "3.2",
        "qh-cli keys export --keystore-path /var/lib/quantum-harmony/keystore --key-type gran --output gran_backup.json",
    ),
    (
        "3.3",
        "qh-cli keys insert --keystore-path /var/lib/quantum-harmony/keystore --key-type gran --input gran_backup.json",
    ),
    (
        "3.3",
        "qh-cli keys list --keystore-path /var/lib/quantum-harmony/keystore",
    ),
    (
        "4.2",
        "qh-cli db snapshot --chain-dir \"$CHAIN_DIR\" --output \"$BACKUP_DIR/$SNAPSHOT_NAME\"",
    ),
    (
        "5.3",
        "qh-cli config verify --config /etc/quantum-harmony/config.toml",
    ),
    (
        "6.2",
        "qh-cli keys insert --keystore-path /var/lib/quantum-harmony/keystore --key-type gran --input /secure/gran_backup.json",
    ),
    (
        "6.2",
        "qh-cli keys insert --keystore-path /var/lib/quantum-harmony/keystore --key-type babe --input /secure/babe_backup.json",
    ),
    ("6.2", "qh-cli system health"),
    (
        "6.2",
        "qh-cli query session validators | grep \"$(cat /etc/quantum-harmony/validator_address)\"",
    ),
];

/// How the other commands begin, by section.
const OTHERS: [(&str, &[&str]); 8] = [
    (
        "3.2",
        &["age -p", "shred -u", "echo \"$PASSWORD\" | ssss-split"],
    ),
    ("3.3", &["ssss-combine", "age -d", "shred -u"]),
    (
        "4.2",
        &[
            "pgrep",
            "sha256sum",
            "tar czf",
            "aws s3 cp",
            "rm -rf",
            "echo",
        ],
    ),
    ("4.3", &["0 2 * * * root"]),
    ("5.2", &["git init", "git add", "git push"]),
    ("5.3", &["git clone"]),
    (
        "6.2",
        &[
            "aws s3 cp",
            "age -d -i",
            "sha256sum -c",
            "tar xzf",
            "git clone",
        ],
    ),
    (
        "7.2",
        &["aws s3 cp", "age -d -i", "git clone --depth 1", "echo"],
    ),
];

/// One line of the table.
struct Row {
    section: String,
    /// The commands of the requirements.
    required: String,
    /// The words of our command.
    here: Vec<String>,
    works: bool,
}

impl Row {
    fn parse(line: &str) -> Self {
        let cells: Vec<String> = line
            .trim_matches('|')
            .replace("\\|", "\0")
            .split('|')
            .map(|cell| cell.trim().replace('\0', "|"))
            .collect();
        let [section, required, here, state] = cells.as_slice() else {
            panic!("four columns: {line}");
        };
        let here = here
            .strip_prefix('`')
            .and_then(|here| here.strip_suffix('`'));
        Self {
            section: section.clone(),
            required: required.trim_matches('`').to_owned(),
            here: here
                .expect("one command")
                .split(' ')
                .map(str::to_owned)
                .collect(),
            works: match state.as_str() {
                "works" => true,
                "not there yet" => false,
                other => panic!("an unknown state: {other}"),
            },
        }
    }

    /// The words up to the first flag or name of the reader's own.
    fn command(&self) -> Vec<&str> {
        self.here
            .iter()
            .map(String::as_str)
            .take_while(|word| !word.starts_with('-') && !is_placeholder(word))
            .collect()
    }

    /// What follows a flag in the requirements.
    fn flag(&self, flag: &str) -> &str {
        let mut words = self.required.split(' ').skip_while(|word| *word != flag);
        words
            .nth(1)
            .unwrap_or_else(|| panic!("{flag}: {}", self.required))
    }

    /// Our command's arguments, as a person types them: their own names instead of the capitals.
    fn typed(&self, own: &[(&str, &str)], config: &Path) -> Vec<String> {
        let own: BTreeMap<&str, &str> = own.iter().copied().collect();
        let mut typed: Vec<String> = self.here[1..]
            .iter()
            .map(|word| match own.get(word.as_str()) {
                Some(name) => (*name).to_owned(),
                None if is_placeholder(word) => panic!("nobody says what {word} is"),
                None => word.clone(),
            })
            .collect();
        typed.extend(["--config".to_owned(), at(config).to_owned()]);
        typed
    }
}

fn is_placeholder(word: &str) -> bool {
    word.len() > 1 && word.chars().all(|c| c.is_ascii_uppercase())
}

fn table() -> Vec<Row> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/commands.md");
    let text = fs::read_to_string(path).unwrap();
    let rows: Vec<Row> = text
        .lines()
        .filter(|line| line.starts_with('|'))
        .skip(2)
        .map(Row::parse)
        .collect();
    assert!(rows.len() > QH_CLI.len());
    rows
}

fn words(typed: &[String]) -> Vec<&str> {
    typed.iter().map(String::as_str).collect()
}

#[test]
fn every_command_of_the_requirements_is_in_the_table() {
    let rows = table();
    let ours: Vec<(&str, &str)> = rows
        .iter()
        .filter(|row| row.required.contains("qh-cli"))
        .map(|row| (row.section.as_str(), row.required.as_str()))
        .collect();
    assert_eq!(ours, QH_CLI);
    for (section, begins) in OTHERS {
        for begin in begins {
            let found = rows
                .iter()
                .any(|row| row.section == section && row.required.starts_with(begin));
            assert!(found, "{section}: {begin}");
        }
    }
}

#[test]
fn what_is_not_there_yet_is_unknown_to_the_program() {
    for row in table().iter().filter(|row| !row.works) {
        let command = row.command();
        assert_eq!(command.len(), row.here.len(), "no flags yet: {command:?}");
        assert_eq!(command[0], "qh-online");
        let said = online(&command[1..]).ended(2);
        assert!(
            said.err.contains("unrecognized subcommand"),
            "{command:?} is there now: the table should say so. {}",
            said.err
        );
    }
}

#[test]
fn what_works_is_run_as_it_stands() {
    let ceremonies = tempfile::tempdir().unwrap();
    for row in table().iter().filter(|row| row.works) {
        match row.command().as_slice() {
            ["qh-online", "keys", "export"] => export(row),
            ["qh-online", "keys", "insert"] => insert(row),
            ["qh-online", "keys", "list"] => list(row),
            ["qh-online", "keys", "shred"] => shred(row),
            ["qh-online", "snapshot", "create"] => snapshot_create(row),
            ["qh-online", "snapshot", "prune"] => snapshot_prune(row),
            ["qh-online", "snapshot", "restore"] => snapshot_restore(row),
            ["qh-online", "verify", "snapshots"] => verify_snapshots(row),
            ["qh-online", "schedule", "install"] => schedule_install(row),
            ["qh-online", "health"] => health(row),
            ["qh-online", "validators"] => validators(row),
            ["qh-ceremony", "run", script] => ceremony(script, ceremonies.path()),
            other => panic!("nothing runs {other:?}"),
        }
    }
}

/// A key of stock Substrate: its file name without the key type, and its text.
fn stock_key(key_type: &str) -> (&'static str, String, String) {
    let scheme = match key_type {
        "gran" => "ed25519",
        "babe" => "sr25519",
        other => panic!("the requirements have no {other}"),
    };
    let (suri, public) = suri(scheme, "walk//Alice");
    (scheme, suri, public)
}

fn file_name(key_type: &str, public: &str) -> String {
    format!("{}{}", hex(key_type.as_bytes()), &public[2..])
}

/// A configuration file that names the state directory, and what else is given.
fn config(base: &Path, more: &str) -> PathBuf {
    let path = base.join("config.toml");
    let text = format!("state = \"{}\"\n{more}", at(&base.join("state")));
    fs::write(&path, text).unwrap();
    path
}

fn keystore(base: &TempDir, key_type: &str) -> (PathBuf, PathBuf) {
    let dir = chain_dir(base.path(), &[]).join("keystore");
    let (_, suri, public) = stock_key(key_type);
    let content = serde_json::to_string(&suri).unwrap();
    let file = put(&dir, &file_name(key_type, &public), content.as_bytes());
    (dir, file)
}

fn export(row: &Row) {
    let key_type = row.flag("--key-type");
    let base = tempfile::tempdir().unwrap();
    let (dir, file) = keystore(&base, key_type);
    let (_, suri, _) = stock_key(key_type);
    let laptop = OneTimeRecipient::generate();
    let sealed = base.path().join("sealed.age");
    let own = [
        ("KEYSTORE", at(&dir)),
        ("RECIPIENT", laptop.recipient.as_str()),
        ("SEALED", at(&sealed)),
    ];
    let typed = row.typed(&own, &config(base.path(), ""));
    let seen = six_words(&laptop.recipient.fingerprint());
    on_terminal(&words(&typed), &[("six words", &seen)]).ended(0);
    let opened = open_with(&fs::read(&sealed).unwrap(), &laptop.identity)
        .unwrap_or_else(|fault| panic!("{fault}"));
    assert_eq!(opened.keys.len(), 1);
    assert_eq!(opened.keys[0].key_type, key_type);
    assert_eq!(opened.keys[0].secret.expose(), suri.as_bytes());
    let plain: Vec<PathBuf> = files(base.path())
        .into_iter()
        .filter(|(_, bytes)| String::from_utf8_lossy(bytes).contains(&suri))
        .map(|(path, _)| path)
        .collect();
    assert_eq!(plain, [file], "the keystore alone has it in the clear");
}

fn insert(row: &Row) {
    let key_type = row.flag("--key-type");
    let (scheme, suri, public) = stock_key(key_type);
    let host = Host::new();
    let mut sealed = delivery(&[]);
    sealed.keys.push(BundleKey {
        key_type: key_type.into(),
        scheme: scheme.into(),
        public: public.clone(),
        secret: SecretBytes::new(suri.clone().into_bytes()),
        source: file_name(key_type, &public),
    });
    host.seal(&sealed);
    let raw = data_encoding::HEXLOWER
        .decode(&public.as_bytes()[2..])
        .unwrap();
    let source = host.path("registered.json");
    fs::write(&source, registered(&[(key_type, &raw)], false)).unwrap();
    let (dir, input) = (host.keystore(), host.path("d.age"));
    let own = [
        ("KEYSTORE", at(&dir)),
        ("DELIVERY", at(&input)),
        ("REGISTERED", at(&source)),
    ];
    let typed = row.typed(&own, &config(host.base.path(), ""));
    let dialogue = [
        ("First person who states this: ", "Ada Example"),
        ("Second person: ", "Ben Example"),
        ("Which machine signed", "validator-1"),
        ("How was it stopped", "service masked"),
        ("Who saw it stopped? ", "Cleo"),
        ("When (UTC", "2026-11-22 14:00"),
        ("Silent since block number: ", "4000"),
        ("Type `stopped` if it is true", "stopped"),
    ];
    on_terminal(&words(&typed), &dialogue).ended(0);
    let written = fs::read_to_string(dir.join(file_name(key_type, &public))).unwrap();
    assert_eq!(written, serde_json::to_string(&suri).unwrap());
}

fn list(row: &Row) {
    let base = tempfile::tempdir().unwrap();
    let (dir, _) = keystore(&base, "gran");
    let typed = row.typed(&[("KEYSTORE", at(&dir))], &config(base.path(), ""));
    let said = online(&words(&typed)).ended(0);
    let (_, suri, public) = stock_key("gran");
    assert!(
        said.out.contains("gran") && said.out.contains(&public[..10]),
        "{}",
        said.out
    );
    assert!(!said.out.contains(&suri));
}

fn shred(row: &Row) {
    let base = tempfile::tempdir().unwrap();
    let file = base.path().join(row.required.rsplit(' ').next().unwrap());
    fs::write(&file, "a plaintext").unwrap();
    let typed = row.typed(&[("PLAINTEXT", at(&file))], &config(base.path(), ""));
    let said = on_terminal(&words(&typed), &[("Type `delete`", "delete")]).ended(0);
    assert!(
        said.out.contains("Treat a key that lay here as exposed"),
        "{}",
        said.out
    );
    assert!(!file.exists());
}

/// A host with a stopped node's database, a store, and what opens and judges its snapshots.
struct Snapshots {
    base: TempDir,
    database: PathBuf,
    recipient: String,
}

impl Snapshots {
    fn new() -> Self {
        let base = tempfile::tempdir().unwrap();
        let database = chain_dir(base.path(), &[]).join("paritydb/full");
        fs::create_dir_all(&database).unwrap();
        put(&database, "metadata", b"version=8\n");
        put(&database, "table_00_15", &[7; 10_000]);
        fs::create_dir(base.path().join("store")).unwrap();
        let (own, text) = Identities::generate();
        let identity = put(base.path(), "identity", text.as_bytes());
        fs::set_permissions(identity, fs::Permissions::from_mode(0o600)).unwrap();
        let report = r#"{"format":"qh-engine-report/1","engine":"Test","columns":[],"chain":null}"#;
        let engine = put(
            base.path(),
            "engine",
            format!("#!/bin/sh\necho '{report}'\n").as_bytes(),
        );
        fs::set_permissions(engine, fs::Permissions::from_mode(0o755)).unwrap();
        let recipient = own.recipients().remove(0);
        Self {
            base,
            database,
            recipient,
        }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.base.path().join(name)
    }

    /// Runs a row's command with a state directory of this name.
    fn run(&self, row: &Row, state: &str) -> online_host::Said {
        let mut trust = String::new();
        for (state, line) in [
            ("host", "node-1 namespaces=\"qh-snapshot\""),
            ("verifier", "v namespaces=\"qh-snapshot-good\""),
        ] {
            if let Ok(key) = fs::read_to_string(self.path(state).join("host_key.pub")) {
                let key: Vec<&str> = key.split(' ').take(2).collect();
                trust += &format!("{line} {}\n", key.join(" ").trim());
            }
        }
        fs::write(self.path("trust"), trust).unwrap();
        let config = self.path("config.toml");
        fs::write(
            &config,
            format!(
                "state = \"{}\"\nsource = \"node-1\"\n",
                at(&self.path(state))
            ),
        )
        .unwrap();
        let store = format!("file://{}", at(&self.path("store")));
        let paths = ["trust", "identity", "engine", "place"].map(|name| self.path(name));
        let own = [
            ("DATABASE", at(&self.database)),
            ("RECIPIENT", &self.recipient),
            ("STORE", &store),
            ("TRUST", at(&paths[0])),
            ("IDENTITY", at(&paths[1])),
            ("ENGINE", at(&paths[2])),
            ("PLACE", at(&paths[3])),
        ];
        online(&words(&row.typed(&own, &config)))
    }

    /// Runs the first row of this command.
    fn first(&self, command: &[&str], state: &str) {
        let row = table()
            .into_iter()
            .find(|row| row.command() == command)
            .unwrap();
        self.run(&row, state).ended(0);
    }
}

fn snapshot_create(row: &Row) {
    let host = Snapshots::new();
    let said = host.run(row, "host").ended(0);
    assert!(said.out.contains("-hot is stored"), "{}", said.out);
}

fn verify_snapshots(row: &Row) {
    let host = Snapshots::new();
    host.first(&["qh-online", "snapshot", "create"], "host");
    let said = host.run(row, "verifier").ended(0);
    assert!(said.out.contains("-hot: GOOD"), "{}", said.out);
    let said = host.run(row, "verifier").ended(0);
    assert!(said.out.contains("is good already"), "{}", said.out);
    let host = Snapshots::new();
    host.first(&["qh-online", "snapshot", "create"], "host");
    let object = files(&host.path("store"))
        .into_iter()
        .find(|(path, _)| at(path).contains("/objects/"));
    fs::write(object.unwrap().0, b"x").unwrap();
    host.run(row, "verifier").ended(4);
}

fn snapshot_restore(row: &Row) {
    let host = Snapshots::new();
    host.first(&["qh-online", "snapshot", "create"], "host");
    host.run(row, "host").ended(1);
    host.first(&["qh-online", "verify", "snapshots"], "verifier");
    host.run(row, "host").ended(0);
    assert_eq!(
        fs::read(host.path("place/table_00_15")).unwrap(),
        [7; 10_000]
    );
}

fn snapshot_prune(row: &Row) {
    let host = Snapshots::new();
    host.first(&["qh-online", "snapshot", "create"], "host");
    host.run(row, "verifier").ended(2); // nobody's word says what is good
    host.first(&["qh-online", "verify", "snapshots"], "verifier");
    let said = host.run(row, "verifier").ended(0);
    assert!(said.out.contains("0 objects were deleted"), "{}", said.out);
}

fn schedule_install(row: &Row) {
    let base = tempfile::tempdir().unwrap();
    let root = base.path().join("root");
    // The program as it lies below that root.
    let program = root.join(
        Path::new(env!("CARGO_BIN_EXE_qh-online"))
            .strip_prefix("/")
            .unwrap(),
    );
    fs::create_dir_all(program.parent().unwrap()).unwrap();
    fs::write(&program, "").unwrap();
    fs::set_permissions(&program, fs::Permissions::from_mode(0o755)).unwrap();
    online(&words(
        &row.typed(&[("ROOT", at(&root))], &config(base.path(), "")),
    ))
    .ended(0);
    let timer = files(&root)
        .into_iter()
        .find(|(path, _)| at(path).ends_with("qh-online-snapshot.timer"));
    let text = String::from_utf8(timer.unwrap().1).unwrap();
    assert!(text.contains("Persistent=true"), "{text}");
}

/// A host whose node is the one of the chain spec, and whose key is the first published one.
fn host_of_the_chain(base: &Path) -> (PathBuf, String) {
    let text = fs::read_to_string(spec()).unwrap();
    let node = Node::of(&Chain::of_spec(&text));
    let dir = chain_dir(base, &[&published(0)]).join("keystore");
    fs::set_permissions(&dir, fs::Permissions::from_mode(0o700)).unwrap();
    let more = format!(
        "keystore = \"{}\"\nchain_spec = \"{}\"\nrpc = [\"{}\"]\n",
        at(&dir),
        spec(),
        node.url
    );
    let known = from_chain_spec(text.as_bytes(), "raw.json").unwrap();
    let public = published(0).public;
    let own = known.keys.iter().find(|key| key.public == public);
    (
        config(base, &more),
        own.unwrap().account.unwrap().to_string(),
    )
}

fn health(row: &Row) {
    let base = tempfile::tempdir().unwrap();
    let (config, _) = host_of_the_chain(base.path());
    let said = online(&words(&row.typed(&[], &config))).ended(0);
    assert!(said.out.contains("of its own in blocks"), "{}", said.out);
    // The keystore's key lies open: no longer healthy.
    let key = files(&base.path().join("chains")).remove(0).0;
    fs::set_permissions(&key, fs::Permissions::from_mode(0o644)).unwrap();
    online(&words(&row.typed(&[], &config))).ended(4);
}

fn validators(row: &Row) {
    let base = tempfile::tempdir().unwrap();
    let (config, account) = host_of_the_chain(base.path());
    let said = online(&words(&row.typed(&[("ACCOUNT", &account)], &config))).ended(0);
    assert!(said.out.contains(&account), "{}", said.out);
    let stranger = format!("0x{}", "99".repeat(32));
    online(&words(&row.typed(&[("ACCOUNT", &stranger)], &config))).ended(4);
}

/// Rehearses a ceremony: the same program, with simulated people. One backup serves those that need one before them.
fn ceremony(script: &str, base: &Path) {
    let said = Command::new(env!("CARGO_BIN_EXE_qh-ceremony"))
        .args(["rehearse", script, "--auto", "--out", at(base)])
        .output()
        .unwrap();
    assert!(
        said.status.success(),
        "{script}: {}{}",
        String::from_utf8_lossy(&said.stdout),
        String::from_utf8_lossy(&said.stderr)
    );
    let record = |dir: &Path| -> Value {
        serde_json::from_slice(&fs::read(dir.join("record.json")).unwrap()).unwrap()
    };
    match script {
        "key-backup" => {
            // Split as in the requirements, and sealed before it leaves memory.
            let record = record(base);
            assert_eq!((&record["k"], &record["n"]), (&3.into(), &5.into()));
            assert!(base.join("sealed/backup.jwe").is_file());
        }
        "key-recovery" => {
            let source = files(&base.join("keystore-source"));
            let names = |all: &[(PathBuf, Vec<u8>)], dir: &str| -> Vec<(PathBuf, Vec<u8>)> {
                all.iter()
                    .map(|(path, bytes)| {
                        let path = path.strip_prefix(base.join(dir)).unwrap();
                        (path.to_owned(), bytes.clone())
                    })
                    .collect()
            };
            let recovered = files(&base.join("keystore-recovered"));
            assert!(!source.is_empty());
            assert_eq!(
                names(&recovered, "keystore-recovered"),
                names(&source, "keystore-source")
            );
        }
        "annual-verification" => {
            let record = record(&base.join("verification"));
            assert_eq!(record["kind"], "verification");
        }
        other => panic!("nothing is known of {other}"),
    }
}
