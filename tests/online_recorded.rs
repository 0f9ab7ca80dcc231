//! `qh-online` with the recorded answers of a real runtime: seven session keys an account, and what the chain spec of the
//! same chain says of them. `tests/vectors/rpc/README.md` tells where the answers come from.
#![cfg(feature = "online")]

#[path = "online/node.rs"]
mod node;
mod stock;

use std::collections::BTreeSet;
use std::process::Command;

use node::Node;
use qh_ceremony::vault::registered::{self, Registered};

const ROCOCO: &str = include_str!("vectors/rpc/rococo.json");

/// Runs `qh-online` with a limit on ages that lets a recording pass: code, standard output, standard error.
fn run(node: &Node, args: &[&str]) -> (i32, String, String) {
    let dir = tempfile::tempdir().unwrap();
    let config = dir.path().join("config.toml");
    std::fs::write(&config, "[limits]\nmax_block_age_seconds = 4000000000\n").unwrap();
    let output = Command::new(env!("CARGO_BIN_EXE_qh-online"))
        .args(args)
        .args(["--config", config.to_str().unwrap(), "--rpc", &node.url])
        .output()
        .expect("qh-online runs");
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    (
        output.status.code().expect("no signal"),
        text(&output.stdout),
        text(&output.stderr),
    )
}

/// As [`run`], both outputs as one.
fn online(node: &Node, args: &[&str]) -> (i32, String) {
    let (code, out, err) = run(node, args);
    (code, out + &err)
}

fn keys(registered: &Registered) -> BTreeSet<(String, Vec<u8>, Option<String>)> {
    let keys = registered.keys.iter();
    keys.map(|key| {
        let account = key.account.map(|account| account.to_string());
        (key.key_type.to_string(), key.public.clone(), account)
    })
    .collect()
}

#[test]
fn a_real_runtime_says_what_its_chain_spec_says() {
    let path = stock::place("QH_STOCK_SPECS").join("rococo.json");
    let spec = std::fs::read(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    let spec = registered::from_chain_spec(&spec, "rococo.json").unwrap();
    let node = Node::recorded(ROCOCO);
    for (more, number) in [(None, 1), (Some("--genesis"), 0)] {
        let mut args = vec!["registered", "--json", "--chain-id", "rococo_v2_2"];
        args.extend(more);
        let (code, said, notes) = run(&node, &args);
        assert_eq!(code, 0, "{notes}");
        // The document stands alone in the output; that one node alone was believed is said beside it.
        assert!(notes.contains("One node alone"), "{notes}");
        let read = registered::parse(said.as_bytes()).unwrap();
        assert_eq!(read.block_number, number);
        let of_accounts: BTreeSet<_> = keys(&spec)
            .into_iter()
            .filter(|(.., account)| account.is_some())
            .collect();
        assert_eq!(keys(&read), of_accounts);
        assert_eq!(read.keys.len(), 56);
        let types: BTreeSet<String> = read
            .keys
            .iter()
            .map(|key| key.key_type.to_string())
            .collect();
        assert_eq!(types.len(), 7, "{types:?}");
    }
}

#[test]
fn validators_and_health_of_a_real_runtime() {
    let node = Node::recorded(ROCOCO);
    let (code, said) = online(&node, &["validators", "--chain-id", "rococo_v2_2"]);
    assert_eq!(code, 0, "{said}");
    assert_eq!(
        said.matches("active, queued for the next session").count(),
        8,
        "{said}"
    );
    assert!(
        said.contains("5EHZkbp22djdbuMFH9qt1DVzSCvqi3zWpj6DAYfANa828oei"),
        "{said}"
    );
    let account = "5DvH8oEjQPYhzCoQVo7WDU91qmQfLZvxe9wJcrojmJKebCmG";
    let args = [
        "validators",
        "--chain-id",
        "rococo_v2_2",
        "--account",
        account,
    ];
    let (code, said) = online(&node, &args);
    assert_eq!(code, 0, "{said}");
    // An account that nobody recorded: the stand-in has no answer, and the node's error is named.
    let other = format!("0x{}", "07".repeat(32));
    let args = [
        "validators",
        "--chain-id",
        "rococo_v2_2",
        "--account",
        &other,
    ];
    let (code, said) = online(&node, &args);
    assert_eq!(code, 3, "{said}");
    assert!(said.contains("[node-error]"), "{said}");

    let (code, said) = online(&node, &["health"]);
    assert_eq!(code, 0, "{said}");
    assert!(
        said.contains("Block 1 is finalized, 0 behind the best one"),
        "{said}"
    );
}

#[test]
fn a_code_that_would_hold_too_much_is_refused_and_one_account_fits() {
    let node = Node::recorded(ROCOCO);
    let dir = tempfile::tempdir().unwrap();
    let png = dir.path().join("keys.png");
    let png = png.to_str().unwrap();
    let args = ["registered", "--chain-id", "rococo_v2_2", "--qr-png", png];
    let (code, said) = online(&node, &args);
    assert_eq!(code, 1, "{said}");
    assert!(said.contains("[registered-qr-too-long]"), "{said}");
    assert!(!std::path::Path::new(png).exists());
    let account = "5DvH8oEjQPYhzCoQVo7WDU91qmQfLZvxe9wJcrojmJKebCmG";
    let args = [&args[..], &["--account", account]].concat();
    let (code, said) = online(&node, &args);
    assert_eq!(code, 0, "{said}");
    let read = Command::new("zbarimg")
        .args(["-q", "--raw", png])
        .output()
        .expect("zbarimg runs: install zbar-tools");
    let one = registered::parse(String::from_utf8_lossy(&read.stdout).trim().as_bytes()).unwrap();
    assert_eq!(one.keys.len(), 7);
    let accounts: BTreeSet<_> = one.keys.iter().map(|key| key.account).collect();
    assert_eq!(accounts.len(), 1);
}
