//! `qh-online registered`, `validators` and `health` against stand-in nodes that behave, fail and lie.
#![cfg(feature = "online")]

#[path = "online/node.rs"]
mod node;

use std::process::{Command, Output};

use node::{Answer, Chain, Node};
use qh_ceremony::vault::registered::{self, Registered};
use serde_json::{Value, json};

const RAW: &str = include_str!("vectors/chainspec/raw.json");
const STOCK: &str = include_str!("vectors/chainspec/stock.json");

fn vector(name: &str) -> String {
    format!("{}/tests/vectors/{name}", env!("CARGO_MANIFEST_DIR"))
}

/// Runs `qh-online` with a configuration of its own, so that the host's is not read.
fn online(command: &str, nodes: &[&Node], more: &[&str]) -> Output {
    limited(command, nodes, more, "rpc_timeout_seconds = 20")
}

fn limited(command: &str, nodes: &[&Node], more: &[&str], limits: &str) -> Output {
    let dir = tempfile::tempdir().expect("a directory");
    let config = dir.path().join("config.toml");
    std::fs::write(&config, format!("[limits]\n{limits}\n")).expect("a configuration");
    let mut run = Command::new(env!("CARGO_BIN_EXE_qh-online"));
    run.arg(command).arg("--config").arg(&config);
    for node in nodes {
        run.args(["--rpc", &node.url]);
    }
    // A proxy of the environment must not be used: nothing listens there.
    run.env("http_proxy", "http://127.0.0.1:1")
        .env("ALL_PROXY", "http://127.0.0.1:1");
    run.args(more).output().expect("qh-online runs")
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// The exit code and the name of the refusal, from its JSON.
fn refusal(output: &Output) -> (i32, String, String) {
    let said: Value = serde_json::from_slice(&output.stdout)
        .unwrap_or_else(|error| panic!("{error}: {output:?}"));
    (
        output.status.code().expect("an exit code"),
        said["refused"].as_str().expect("a name").to_owned(),
        said["what"].as_str().expect("a text").to_owned(),
    )
}

fn refused(nodes: &[&Node], exit: i32, name: &str) -> String {
    let output = online("registered", nodes, &["--chain-id", "dev3", "--json"]);
    let (code, found, what) = refusal(&output);
    assert_eq!((code, found.as_str()), (exit, name), "{what}");
    what
}

fn document(nodes: &[&Node], more: &[&str]) -> Registered {
    let more = [&["--json"], more].concat();
    let output = online("registered", nodes, &more);
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    registered::parse(&output.stdout).expect("a document")
}

fn spec(text: &str) -> Registered {
    registered::from_chain_spec(text.as_bytes(), "spec").expect("a spec")
}

/// Keys without the places, which a document doesn't have.
fn keys(registered: &Registered) -> Vec<(String, Vec<u8>, Option<registered::Account>)> {
    let keys = registered.keys.iter();
    keys.map(|key| (key.key_type.to_string(), key.public.clone(), key.account))
        .collect()
}

#[test]
fn genesis_and_today_equal_what_the_chain_spec_says() {
    for (text, id) in [(RAW, "dev3"), (STOCK, "local_testnet")] {
        let mut chain = Chain::of_spec(text);
        if id == "local_testnet" {
            // The stock vector has no list of validators; a running chain has.
            let accounts = [[4 << 1].as_slice(), &[1; 32], &[2; 32]].concat();
            chain
                .storage
                .insert(VALIDATORS.into(), node::hex(&accounts));
        }
        let (one, two) = (Node::of(&chain), Node::of(&chain));
        let genesis = document(&[&one, &two], &["--chain-id", id, "--genesis"]);
        assert_eq!(keys(&genesis), keys(&spec(text)));
        assert!(genesis.is_genesis_state());
        assert_eq!(genesis.block_number, 0);
        let today = document(&[&one, &two], &["--chain-id", id]);
        assert_eq!(keys(&today), keys(&spec(text)));
        assert!(!today.is_genesis_state());
        assert_eq!(today.block_number, 1200);
        assert_eq!(today.sources.len(), 2);
        assert_eq!(today.sources[0].name, one.url);
    }
}

#[test]
fn a_chain_spec_of_the_same_chain_is_compared_and_another_refused() {
    let chain = Chain::of_spec(RAW);
    let node = Node::of(&chain);
    let output = online(
        "registered",
        &[&node],
        &["--chain-spec", &vector("chainspec/raw.json")],
    );
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    let said = text(&output.stdout);
    assert!(
        said.contains("The nodes' genesis is that of the chain spec raw.json."),
        "{said}"
    );
    assert!(said.contains("One node alone"), "{said}");
    let output = online(
        "registered",
        &[&node],
        &["--chain-spec", &vector("chainspec/stock.json"), "--json"],
    );
    let (code, name, _) = refusal(&output);
    assert_eq!((code, name.as_str()), (4, "genesis-mismatch"));
    let output = online(
        "registered",
        &[&node],
        &[
            "--chain-spec",
            &vector("chainspec/raw.json"),
            "--chain-id",
            "x",
            "--json",
        ],
    );
    assert_eq!(refusal(&output).1, "chain-id-differs");
}

#[test]
fn the_chain_must_be_named() {
    let chain = Chain::of_spec(RAW);
    let node = Node::of(&chain);
    let (code, name, _) = refusal(&online("registered", &[&node], &["--json"]));
    assert_eq!((code, name.as_str()), (2, "chain-id-unknown"));
    let (code, name, _) = refusal(&online("registered", &[], &["--json"]));
    assert_eq!((code, name.as_str()), (2, "no-node"));
    let (code, name, _) = refusal(&online("registered", &[&node, &node], &["--json"]));
    assert_eq!((code, name.as_str()), (2, "node-address-twice"));
    let dir = tempfile::tempdir().expect("a directory");
    let keystore = dir.path().join("chains/dev3/keystore");
    std::fs::create_dir_all(&keystore).expect("a keystore");
    let keystore = keystore.to_str().expect("text");
    assert_eq!(
        document(&[&node], &["--keystore", keystore]).chain_id,
        "dev3"
    );
}

#[test]
fn chains_in_no_fit_state_are_refused_by_name() {
    let good = Chain::of_spec(RAW);
    let with = |change: fn(&mut Chain)| {
        let mut chain = good.clone();
        change(&mut chain);
        Node::of(&chain)
    };
    refused(&[&with(|chain| chain.syncing = true)], 1, "node-syncing");
    let what = refused(
        &[&with(|chain| {
            chain.time = chain.time.map(|time| time - 3_600_000)
        })],
        1,
        "block-stale",
    );
    assert!(what.contains("block 1200 is 360"), "{what}");
    refused(
        &[&with(|chain| {
            chain.time = chain.time.map(|time| time + 3_600_000)
        })],
        1,
        "block-in-future",
    );
    refused(&[&with(|chain| chain.best = 1265)], 1, "finality-lag");
    refused(
        &[&with(|chain| (chain.best, chain.finalized) = (2, 0))],
        1,
        "block-genesis",
    );
    let behind = with(|chain| (chain.best, chain.finalized) = (1103, 1100));
    let what = refused(&[&Node::of(&good), &behind], 1, "node-behind");
    assert!(what.starts_with(&behind.url), "{what}");
    // A few blocks apart is how nodes are; the lower one is read.
    let near = with(|chain| chain.finalized = 1190);
    let read = document(&[&Node::of(&good), &near], &["--chain-id", "dev3"]);
    assert_eq!(read.block_number, 1190);
    // A chain without a clock is read, and says so.
    let node = with(|chain| chain.time = None);
    let said = online("registered", &[&node], &["--chain-id", "dev3"]);
    assert!(
        text(&said.stdout).contains("this chain keeps no time"),
        "{said:?}"
    );
}

const SESSION: &str = "0xcec5070d609dd3497f72bde07fc96ba0";
const VALIDATORS: &str = "0xcec5070d609dd3497f72bde07fc96ba088dcde934c658227ee1dfafcd6e16903";

#[test]
fn a_lying_second_node_is_refused_with_both_answers() {
    let good = Chain::of_spec(RAW);
    let honest = Node::of(&good);
    let mut other = good.clone();
    other.salt = 2;
    other.genesis = other.hash(1);
    let what = refused(&[&honest, &Node::of(&other)], 4, "nodes-disagree");
    assert!(what.contains("the genesis hash"), "{what}");
    assert!(
        what.contains(&good.hash(0)) && what.contains(&other.hash(0)),
        "{what}"
    );
    for (suffix, item) in [
        ("88dcde934c658227ee1dfafcd6e16903", "Session.Validators"),
        ("e0cdd062e6eaf24295ad4ccfc41d4609", "Session.QueuedKeys"),
        ("4c014e6bf8b8c2c011e7290b85696bb3", "Session.NextKeys"),
        ("726380404683fc89e8233450c8aa1950", "Session.KeyOwner"),
        ("", "Aura.Authorities"),
        ("time", "Timestamp.Now"),
    ] {
        let mut chain = good.clone();
        let prefix = match suffix {
            "" => "0x57f8dc2f5ab09467896f47300f042438".to_owned(),
            _ => format!("{SESSION}{suffix}"),
        };
        if suffix == "time" {
            chain.time = chain.time.map(|time| time + 1);
        } else {
            chain.change(&prefix, |value| {
                let last = if value.pop() == Some('0') { '1' } else { '0' };
                value.push(last);
            });
        }
        let liar = Node::of(&chain);
        let what = refused(&[&honest, &liar], 4, "nodes-disagree");
        assert!(what.contains(item), "{item}: {what}");
        assert!(
            what.contains(&honest.url) && what.contains(&liar.url),
            "{what}"
        );
    }
    // One that says there is nothing.
    let mut chain = good.clone();
    chain.storage.remove(VALIDATORS);
    let what = refused(&[&honest, &Node::of(&chain)], 4, "nodes-disagree");
    assert!(what.ends_with("says nothing."), "{what}");
}

#[test]
fn a_fork_is_refused() {
    let good = Chain::of_spec(RAW);
    let forked = good.clone();
    let fork = Node::start(move |method, params| {
        let asked = method == "chain_getBlockHash" && params[0] == 1200;
        if asked {
            Answer::Result(json!(format!("0x{}", "ee".repeat(32))))
        } else {
            forked.answer(method, params)
        }
    });
    let what = refused(&[&Node::of(&good), &fork], 4, "nodes-disagree");
    assert!(what.contains("the hash of block 1200"), "{what}");
    refused(&[&fork], 4, "nodes-disagree");
}

#[test]
fn answers_that_are_none_are_refused_by_name() {
    let chain = Chain::of_spec(RAW);
    let body = |text: &str| Answer::Body(text.to_owned());
    let raw = |text: &str| Answer::Raw(text.as_bytes().to_vec());
    let large = format!(
        "{{\"jsonrpc\":\"2.0\",\"id\":ID,\"result\":\"{}\"}}",
        "a".repeat(5 << 20)
    );
    let undeclared = format!("HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n{large}");
    for (answer, exit, name) in [
        (body(""), 4, "node-answer-malformed"),
        (body("not JSON"), 4, "node-answer-malformed"),
        (
            body("{\"jsonrpc\":\"2.0\",\"id\":ID"),
            4,
            "node-answer-malformed",
        ),
        (
            body("{\"jsonrpc\":\"2.0\",\"id\":ID}"),
            4,
            "node-answer-malformed",
        ),
        (
            body("{\"jsonrpc\":\"2.0\",\"id\":ID,\"result\":null}"),
            4,
            "node-answer-malformed",
        ),
        (
            body("{\"jsonrpc\":\"2.0\",\"id\":ID,\"result\":\"0x12\"}"),
            4,
            "node-answer-malformed",
        ),
        (
            body("{\"jsonrpc\":\"2.0\",\"id\":ID,\"result\":[]}"),
            4,
            "node-answer-malformed",
        ),
        (
            body("{\"jsonrpc\":\"1.0\",\"id\":ID,\"result\":\"0x12\"}"),
            4,
            "node-answer-malformed",
        ),
        (
            body("{\"jsonrpc\":\"2.0\",\"id\":999,\"result\":\"0x\"}"),
            4,
            "node-answer-other-id",
        ),
        (body(&large), 4, "node-answer-too-large"),
        (raw(&undeclared), 4, "node-answer-too-large"),
        (
            raw("HTTP/1.1 200 OK\r\nContent-Length: 99999999999\r\n\r\n"),
            4,
            "node-answer-too-large",
        ),
        (raw("SSH-2.0-OpenSSH_9\r\n\r\n"), 4, "node-answer-malformed"),
        (
            raw("HTTP/1.1 500 Internal Server Error\r\nContent-Length: 0\r\n\r\n"),
            3,
            "node-http-status",
        ),
        (
            raw("HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:1/\r\nContent-Length: 0\r\n\r\n"),
            3,
            "node-http-status",
        ),
        (
            raw(
                "HTTP/1.1 307 Temporary Redirect\r\nLocation: http://127.0.0.1:1/\r\nContent-Length: 0\r\n\r\n",
            ),
            3,
            "node-http-status",
        ),
        (
            raw("HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{\"jsonrpc\""),
            3,
            "node-unreachable",
        ),
        (Answer::Close, 3, "node-unreachable"),
        (
            Answer::Error(-32000, "\u{1b}[31mno".into()),
            3,
            "node-error",
        ),
    ] {
        let node = Node::but(&chain, "chain_getFinalizedHead", answer);
        let what = refused(&[&node], exit, name);
        assert!(what.starts_with(&node.url), "{what}");
        assert!(what.contains("chain_getFinalizedHead"), "{what}");
        assert!(!what.contains('\u{1b}'), "{what}");
    }
}

#[test]
fn a_node_that_hangs_is_left() {
    let chain = Chain::of_spec(RAW);
    let started = b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{\"json";
    for answer in [
        Answer::Hang(Vec::new()),
        Answer::Hang(started.to_vec()),
        Answer::Drip,
    ] {
        let node = Node::but(&chain, "chain_getFinalizedHead", answer);
        let output = limited(
            "registered",
            &[&node],
            &["--chain-id", "dev3", "--json"],
            "rpc_timeout_seconds = 1",
        );
        let (code, name, what) = refusal(&output);
        assert_eq!((code, name.as_str()), (3, "node-timed-out"), "{what}");
        assert!(what.contains("within 1 seconds"), "{what}");
    }
}

#[test]
fn credentials_are_shown_nowhere() {
    let chain = Chain::of_spec(RAW);
    let node = Node::of(&chain);
    let secret = node.url.replace("http://", "http://user:hunter2@") + "/path-token";
    for (url, exit) in [
        (secret.as_str(), 0),
        ("http://user:hunter2@127.0.0.1:1/path-token", 3),
    ] {
        for more in [&["--json"][..], &[]] {
            let args = [&["--rpc", url, "--chain-id", "dev3"], more].concat();
            let output = online("registered", &[], &args);
            assert_eq!(output.status.code(), Some(exit), "{output:?}");
            let said = text(&output.stdout) + &text(&output.stderr);
            assert!(
                !said.contains("hunter2") && !said.contains("path-token"),
                "{said}"
            );
        }
    }
}

#[test]
fn the_file_is_new_and_the_code_reads_back() {
    let chain = Chain::of_spec(RAW);
    let node = Node::of(&chain);
    let dir = tempfile::tempdir().expect("a directory");
    let place = |name: &str| dir.path().join(name).to_str().expect("text").to_owned();
    let (file, png) = (place("registered.json"), place("code.png"));
    let args = [
        "--chain-id",
        "dev3",
        "--output",
        &file,
        "--qr-png",
        &png,
        "--qr",
    ];
    let output = online("registered", &[&node], &args);
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    let written = registered::parse(&std::fs::read(&file).expect("the file")).expect("a document");
    let read = Command::new("zbarimg")
        .args(["--quiet", "--raw", "--oneshot", "-Sbinary", &png])
        .output()
        .expect("zbarimg is needed: apt-get install zbar-tools");
    let code = text(&read.stdout);
    assert_eq!(code.trim_end(), registered::emit_compact(&written));
    let again = registered::parse(code.as_bytes()).expect("a document");
    assert_eq!(
        registered::fingerprint(&again),
        registered::fingerprint(&written)
    );
    let words = qh_ceremony::transcript::six_words(&registered::fingerprint(&written));
    let said = text(&output.stdout);
    assert!(said.contains(&words), "{said}");
    // Nothing is overwritten.
    let output = online(
        "registered",
        &[&node],
        &["--chain-id", "dev3", "--output", &file, "--json"],
    );
    let (code, name, _) = refusal(&output);
    assert_eq!((code, name.as_str()), (1, "file-exists"));
    // Both outputs or none.
    let other = place("other.json");
    let output = online(
        "registered",
        &[&node],
        &[
            "--chain-id",
            "dev3",
            "--output",
            &other,
            "--qr-png",
            &png,
            "--json",
        ],
    );
    let (code, name, _) = refusal(&output);
    assert_eq!((code, name.as_str()), (1, "file-exists"));
    assert!(!std::path::Path::new(&other).exists());
}

#[test]
fn validators_mark_the_local_one_and_say_which_set() {
    let chain = Chain::of_spec(RAW);
    let node = Node::of(&chain);
    let known = spec(RAW).keys[0].clone();
    let account = known.account.expect("an account").to_string();
    let args = ["--chain-id", "dev3", "--account", &account, "--json"];
    let output = online("validators", &[&node], &args);
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    let shown: Value = serde_json::from_slice(&output.stdout).expect("JSON");
    assert_eq!(shown["local_set"], "active");
    let validators = shown["validators"].as_array().expect("a list");
    assert_eq!(validators.len(), 3);
    let local: Vec<_> = validators
        .iter()
        .filter(|one| one["local"] == true)
        .collect();
    assert_eq!(local.len(), 1);
    assert_eq!(local[0]["account"], account);
    // The SS58 form of the same account is the same account.
    let ss58 = local[0]["ss58"].as_str().expect("text");
    let output = online(
        "validators",
        &[&node],
        &["--chain-id", "dev3", "--account", ss58],
    );
    assert_eq!(output.status.code(), Some(0), "{output:?}");

    // Not active any more, yet registered.
    let mut left = chain.clone();
    let active = node::hex(&[&[8][..], &[1; 32], &[2; 32]].concat());
    left.storage.insert(VALIDATORS.into(), active);
    let output = online(
        "validators",
        &[&Node::of(&left)],
        &["--chain-id", "dev3", "--account", &account],
    );
    assert_eq!(output.status.code(), Some(4), "{output:?}");
    assert!(text(&output.stderr).contains("[validator-not-active]"));
    assert!(text(&output.stderr).contains("it is queued for the next session"));

    let stranger = format!("0x{}", "99".repeat(32));
    let args = ["--chain-id", "dev3", "--account", &stranger, "--json"];
    let (code, name, _) = refusal(&online("validators", &[&node], &args));
    assert_eq!((code, name.as_str()), (4, "account-without-keys"));
    let args = ["--chain-id", "dev3", "--account", "5Grw", "--json"];
    assert_eq!(refusal(&online("validators", &[&node], &args)).0, 2);
}

/// A keystore directory with this public key's name and a content that nothing here reads.
fn keystore(public: &[u8]) -> tempfile::TempDir {
    use std::os::unix::fs::PermissionsExt;
    let dir = tempfile::tempdir().expect("a directory");
    let path = dir.path().join(format!(
        "61757261{}",
        data_encoding::HEXLOWER.encode(public)
    ));
    std::fs::write(&path, "\"0x00\"").expect("a file");
    std::fs::set_permissions(&path, PermissionsExt::from_mode(0o600)).expect("a mode");
    std::fs::set_permissions(dir.path(), PermissionsExt::from_mode(0o700)).expect("a mode");
    dir
}

fn checks(output: &Output) -> Vec<(String, String, String)> {
    let found: Vec<Value> = serde_json::from_slice(&output.stdout).expect("JSON");
    let text = |check: &Value, member: &str| check[member].as_str().expect("text").to_owned();
    found
        .iter()
        .map(|check| {
            (
                text(check, "word"),
                text(check, "name"),
                text(check, "reason"),
            )
        })
        .collect()
}

#[test]
fn health_counts_own_blocks_and_names_what_failed() {
    let chain = Chain::of_spec(RAW);
    let good = Node::of(&chain);
    let own = keystore(&spec(RAW).keys[0].public);
    let dir = own.path().to_str().expect("text");
    let output = online(
        "health",
        &[&good],
        &[
            "--keystore",
            dir,
            "--chain-spec",
            &vector("chainspec/raw.json"),
            "--blocks",
            "30",
            "--json",
        ],
    );
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    let found = checks(&output);
    let served = |name: &str| found.iter().any(|(_, what, _)| what.ends_with(name));
    assert!(served(" chain"), "{found:?}");
    assert!(found.iter().all(|(word, ..)| word == "ok"), "{found:?}");
    let (_, _, reason) = found.last().expect("own blocks");
    assert_eq!(
        reason,
        "10 of its own in blocks 1171 to 1200, 20 of others, 0 that can't be told."
    );

    let mut sick = chain.clone();
    (sick.syncing, sick.peers) = (true, 0);
    let output = online("health", &[&Node::of(&sick)], &["--json"]);
    assert_eq!(output.status.code(), Some(4), "{output:?}");
    let failed: Vec<String> = checks(&output)
        .into_iter()
        .filter(|(word, ..)| word == "failed")
        .map(|(_, name, _)| name.rsplit(' ').next().expect("a word").to_owned())
        .collect();
    assert_eq!(failed, ["sync", "peers"]);

    let gone = Node {
        url: "http://127.0.0.1:1".into(),
    };
    let output = online("health", &[&gone], &["--json"]);
    assert_eq!(output.status.code(), Some(3), "{output:?}");
    assert!(text(&output.stdout).contains("[node-unreachable]"));

    let mut other = chain.clone();
    other.salt = 9;
    other.genesis = other.hash(1);
    let output = online("health", &[&good, &Node::of(&other)], &[]);
    assert_eq!(output.status.code(), Some(4), "{output:?}");
    assert!(text(&output.stdout).contains("failed   chain: The nodes are of different chains"));
}

#[test]
fn recorded_answers_are_served_as_they_were() {
    let node = Node::recorded(
        r#"[{"method":"system_health","params":[],"result":{"peers":1,"isSyncing":true,"shouldHavePeers":true}}]"#,
    );
    let what = refused(&[&node], 3, "node-error");
    assert!(
        what.contains("not recorded: chain_getBlockHash [0]"),
        "{what}"
    );
}
