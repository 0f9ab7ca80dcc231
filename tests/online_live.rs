//! `qh-online keys` with nodes that are asked: the match, and whether the old signer is silent.
#![cfg(feature = "online")]

mod keystores;
#[path = "online/node.rs"]
mod node;
mod online_host;

use std::fs;

use keystores::{aura_name, hex};
use node::{Answer, Chain, Node};
use online_host::second::{Host, NEVER, delivery, run};
use online_host::{at, chain_dir, files, online, published, spec};
use serde_json::json;

/// The chain of the raw chain spec, at which the second authority makes every block.
fn chain() -> Chain {
    let mut chain = Chain::of_spec(&fs::read_to_string(spec()).unwrap());
    chain.slot = |number| number * 3 + 1;
    chain
}

/// The authorities' keys, in the order of slots.
fn authorities(chain: &Chain) -> Vec<String> {
    let value =
        &chain.storage["0x57f8dc2f5ab09467896f47300f0424385e0621c4869aa60c02be9adcc98a0d1d"];
    let keys = value.strip_prefix("0x0c").expect("three of them");
    (0..3)
        .map(|n| keys[128 * n..128 * (n + 1)].to_owned())
        .collect()
}

/// `keys insert` with these nodes for match and silence.
fn insert(host: &Host, nodes: &[&Node]) -> online_host::Said {
    let statement = host.path("statement.toml");
    let mut more = vec!["--stop-statement", at(&statement)];
    for node in nodes {
        more.extend(["--rpc", &node.url]);
    }
    run(&host.bare(&more))
}

/// A host with the delivery of an authority that makes no block, and of the one that makes them all.
fn hosts(chain: &Chain) -> (Host, Host) {
    let order = authorities(chain);
    let of = |public: &String| {
        let pair = (0..3)
            .map(published)
            .find(|pair| hex(&pair.public) == *public);
        let host = Host::new();
        host.seal(&delivery(&[&pair.expect("a published pair")]));
        host
    };
    (of(&order[0]), of(&order[1]))
}

#[test]
fn a_match_asks_the_nodes() {
    let chain = chain();
    let (one, two) = (Node::of(&chain), Node::of(&chain));
    let base = tempfile::tempdir().unwrap();
    let dir = chain_dir(base.path(), &[&published(0)]);
    let matching = |nodes: &[&Node]| {
        let mut args = vec!["keys", "match", "--keystore", at(&dir)];
        for node in nodes {
            args.extend(["--rpc", &node.url]);
        }
        online(&args)
    };
    let said = matching(&[&one, &two]).ended(0);
    assert!(said.out.contains("block 1200"), "{}", said.out);
    let mut other = chain.clone();
    other.change("0x57f8dc2f5ab09467896f47300f042438", |value| {
        let last = value.pop().expect("digits");
        value.push(if last == '0' { '1' } else { '0' });
    });
    matching(&[&one, &Node::of(&other)]).refused(4, "nodes-disagree");
    let gone = Node {
        url: "http://127.0.0.1:1".into(),
    };
    matching(&[&one, &gone]).refused(3, "node-unreachable");
}

#[test]
fn a_silent_signer_is_measured_and_a_living_one_refused() {
    let chain = chain();
    let (one, two) = (Node::of(&chain), Node::of(&chain));
    let (silent, alive) = hosts(&chain);

    let refused = insert(&alive, &[&one, &two]).refused(4, "old-signer-alive");
    assert!(
        refused.err.contains("201 of the blocks 1000 to 1200"),
        "{}",
        refused.err
    );
    alive.untouched();

    let said = insert(&silent, &[&one, &two]).ended(0);
    let text = "no block of this key from 1000 to 1200; it was one of 3 authorities at 201 of them";
    assert!(said.out.contains(text), "{}", said.out);
    let record = &silent.records()[0];
    assert_eq!(
        record["silence_measured"],
        json!([{"from": 1000, "to": 1200, "listed": 201, "authorities": 3}])
    );
    let pair = &authorities(&chain)[0];
    let name = &files(&silent.keystore())[0].0;
    assert!(
        name.ends_with(format!("61757261{pair}")),
        "{}",
        name.display()
    );
    assert_eq!(aura_name(&published(0).public).len(), pair.len() + 8);
}

#[test]
fn one_honest_node_is_enough_to_find_a_living_signer() {
    let chain = chain();
    let (_, alive) = hosts(&chain);
    let mut lie = chain.clone();
    lie.slot = |number| number * 3 + 2;
    insert(&alive, &[&Node::of(&lie), &Node::of(&chain)]).refused(4, "old-signer-alive");
    alive.untouched();
}

#[test]
fn nodes_that_cannot_tell_authors_prove_no_silence() {
    let chain = chain();
    let (silent, _) = hosts(&chain);
    // A header without the slot.
    let bare = json!({
        "number": "0x4b0",
        "parentHash": chain.hash(1199),
        "stateRoot": format!("0x{}", "22".repeat(32)),
        "extrinsicsRoot": format!("0x{}", "33".repeat(32)),
        "digest": {"logs": []},
    });
    let own = chain.clone();
    let node = Node::start(move |method, params| match method {
        "chain_getHeader" if params[0] == own.hash(1200) => Answer::Result(bare.clone()),
        _ => own.answer(method, params),
    });
    insert(&silent, &[&node]).refused(1, "silence-undetermined");
    silent.untouched();

    let mut young = chain.clone();
    (young.finalized, young.best) = (1050, 1053);
    insert(&silent, &[&Node::of(&young)]).refused(1, "silence-too-short");
    silent.untouched();
}

/// On another chain everybody is silent.
#[test]
fn silence_on_another_chain_than_the_registered_keys_is_refused() {
    let chain = chain();
    let (_, alive) = hosts(&chain);
    let file = alive.path("registered.json");
    let node = Node::of(&chain);
    online(&[
        "registered",
        "--rpc",
        &node.url,
        "--chain-id",
        "dev3",
        "--output",
        at(&file),
    ])
    .ended(0);
    let mut other = chain.clone();
    other.genesis = other.hash(1);
    other.slot = |number| number * 3;
    let statement = alive.path("statement.toml");
    let insert = |node: &Node| {
        let more = [
            "--stop-statement",
            at(&statement),
            "--registered",
            at(&file),
            "--rpc",
            &node.url,
        ];
        run(&alive.bare(&more))
    };
    insert(&Node::of(&other)).refused(4, "registered-chain-differs");
    insert(&node).refused(4, "old-signer-alive");
    alive.untouched();
}

/// What `qh-online registered` writes, but for the genesis hash, which the format lets out.
fn written_without_genesis(chain: &Chain, file: &std::path::Path) {
    let whole = file.with_extension("whole");
    let url = Node::of(chain).url;
    let args = [
        "registered",
        "--rpc",
        &url,
        "--chain-id",
        "dev3",
        "--output",
        at(&whole),
    ];
    online(&args).ended(0);
    let mut document: serde_json::Value =
        serde_json::from_slice(&fs::read(&whole).unwrap()).unwrap();
    let left = document.as_object_mut().unwrap().remove("genesis_hash");
    assert!(left.is_some());
    fs::write(file, document.to_string()).unwrap();
}

/// In the past, or alone on a fork, everybody is silent too: with a registered file the nodes are held to what reading
/// from them asks for.
#[test]
fn silence_at_nodes_of_yesterday_is_refused() {
    let chain = chain();
    let (_, alive) = hosts(&chain);
    let order = authorities(&chain);
    let file = alive.path("registered.json");
    written_without_genesis(&chain, &file);
    let spec = spec();
    let statement = alive.path("statement.toml");
    let insert = |nodes: &[&Node], more: &[&str]| {
        let mut args = vec![
            "--stop-statement",
            at(&statement),
            "--registered",
            at(&file),
        ];
        args.extend(more);
        for node in nodes {
            args.extend(["--rpc", &node.url]);
        }
        run(&alive.bare(&args))
    };
    let with_spec = ["--chain-spec", spec.as_str()];
    let (mut syncing, mut stale, mut fork) = (chain.clone(), chain.clone(), chain.clone());
    syncing.syncing = true;
    stale.time = Some(1_000_000);
    fork.salt += 1;
    let node = Node::of(&chain);
    for (other, exit, name) in [
        (syncing, 1, "node-syncing"),
        (stale, 4, "nodes-disagree"),
        (fork, 4, "nodes-disagree"),
    ] {
        insert(&[&node, &Node::of(&other)], &with_spec).refused(exit, name);
    }
    insert(&[&node], &with_spec).refused(4, "old-signer-alive");
    // Nothing says which chain the file is of.
    insert(&[&node], &[]).refused(2, "genesis-unknown");
    // A file of a block that this chain doesn't have.
    let good = fs::read_to_string(&file).unwrap();
    let mut document: serde_json::Value = serde_json::from_str(&good).unwrap();
    document["block_hash"] = json!("ab".repeat(32));
    fs::write(&file, document.to_string()).unwrap();
    insert(&[&node], &with_spec).refused(4, "registered-chain-differs");
    fs::write(&file, good).unwrap();
    // A file from long ago, and one that says something else than the nodes do.
    let mut old = chain.clone();
    (old.finalized, old.best) = (40_000, 40_003);
    insert(&[&Node::of(&old)], &with_spec).refused(1, "registered-too-old");
    let mut without = chain.clone();
    without
        .storage
        .retain(|_, value| !value.contains(&order[1]));
    let said = insert(&[&Node::of(&without)], &with_spec);
    assert_eq!(said.code, Some(4), "{}", said.err);
    alive.untouched();
}

#[test]
fn a_key_that_the_nodes_list_was_not_never_used() {
    let chain = chain();
    let (silent, _) = hosts(&chain);
    let file = silent.path("registered.json");
    written_without_genesis(&chain, &file);
    let never = silent.path("never.toml");
    fs::write(&never, NEVER).unwrap();
    let (node, spec) = (Node::of(&chain), spec());
    let args = [
        "--stop-statement",
        at(&never),
        "--never-used",
        "--registered",
        at(&file),
        "--chain-spec",
        &spec,
        "--rpc",
        &node.url,
    ];
    run(&silent.bare(&args)).refused(1, "never-used-is-authority");
    silent.untouched();
}

/// A keystore that is not there yet is made; the directory's name tells its chain all the same.
#[test]
fn keys_go_into_a_keystore_that_is_not_there_yet() {
    let chain = chain();
    let (silent, _) = hosts(&chain);
    fs::remove_dir(silent.keystore()).unwrap();
    let (one, two) = (Node::of(&chain), Node::of(&chain));
    let elsewhere = silent.path("chains/other3");
    fs::create_dir_all(&elsewhere).unwrap();
    let statement = silent.path("statement.toml");
    let mut args = silent.bare(&["--stop-statement", at(&statement), "--rpc", &one.url]);
    for arg in &mut args {
        if arg.ends_with("/keystore") {
            *arg = elsewhere.join("keystore").display().to_string();
        }
    }
    let spec = spec();
    args.extend(["--chain-spec".to_owned(), spec]);
    run(&args).refused(4, "match-other-chain");
    assert!(!elsewhere.join("keystore").exists());
    insert(&silent, &[&one, &two]).ended(0);
    assert_eq!(files(&silent.keystore()).len(), 1);
}

#[test]
fn one_node_by_two_names_confirms_nothing() {
    let chain = chain();
    let node = Node::of(&chain);
    let base = tempfile::tempdir().unwrap();
    let dir = chain_dir(base.path(), &[&published(0)]);
    let again = node.url.replace("127.0.0.1", "localhost");
    assert_ne!(again, node.url);
    let args = [
        "keys",
        "match",
        "--keystore",
        at(&dir),
        "--rpc",
        &node.url,
        "--rpc",
        &again,
    ];
    online(&args).refused(2, "node-address-twice");
}

/// A node that keeps the state of the last 256 blocks, as a stock node does.
#[test]
fn a_node_that_threw_old_state_away_is_asked_for_what_it_has() {
    let mut chain = chain();
    (chain.finalized, chain.best) = (5000, 5003);
    let (silent, _) = hosts(&chain);
    let own = chain.clone();
    let kept = (4745..=5003)
        .map(|number| json!(own.hash(number)))
        .collect::<Vec<_>>();
    let node = Node::start(move |method, params| {
        if method == "state_getStorage" && !kept.contains(&params[1]) {
            return Answer::Error(4003, "State already discarded".into());
        }
        own.answer(method, params)
    });
    let said = insert(&silent, &[&node]).ended(0);
    let text = "no block of this key from 4746 to 5000";
    assert!(said.out.contains(text), "{}", said.out);
}

#[test]
fn a_chain_of_more_validators_than_are_read_is_refused() {
    let mut chain = chain();
    let list = "0xcec5070d609dd3497f72bde07fc96ba088dcde934c658227ee1dfafcd6e16903";
    let accounts = format!("0x451f{}", "07".repeat(32 * 2001));
    chain.storage.insert(list.into(), accounts);
    let base = tempfile::tempdir().unwrap();
    let dir = chain_dir(base.path(), &[&published(0)]);
    let node = Node::of(&chain);
    let said = online(&["keys", "match", "--keystore", at(&dir), "--rpc", &node.url]);
    said.refused(1, "too-many-accounts");
}

#[test]
fn a_configuration_that_others_can_write_is_not_healthy() {
    use std::os::unix::fs::PermissionsExt;
    let base = tempfile::tempdir().unwrap();
    let config = base.path().join("config.toml");
    fs::write(&config, "[limits]\nmin_peers = 1\n").unwrap();
    let node = Node::of(&chain());
    let args = ["health", "--config", at(&config), "--rpc", &node.url];
    online(&args).ended(0);
    if rustix::process::geteuid().is_root() {
        std::os::unix::fs::chown(&config, Some(1234), None).unwrap();
        let said = online(&args).ended(4);
        assert!(said.out.contains("belongs to user 1234"), "{}", said.out);
        std::os::unix::fs::chown(&config, Some(0), None).unwrap();
    }
    fs::set_permissions(&config, fs::Permissions::from_mode(0o666)).unwrap();
    let said = online(&args).ended(4);
    assert!(
        said.out.contains("failed   configuration: "),
        "{}",
        said.out
    );
    fs::write(&config, "[limits]\nmin_peer = 1\n").unwrap();
    online(&args).refused(1, "config-malformed");
    let absent = base.path().join("absent.toml");
    online(&["health", "--config", at(&absent), "--rpc", &node.url]).refused(3, "file-unreadable");
}
