//! `qh-online keys insert`: nothing goes in without evidence that the key signs nowhere else.
#![cfg(feature = "online")]

mod keystores;
mod online_host;

use std::fs;

use keystores::{aura, aura_name, hex};
use online_host::second::{Host, NEVER, STATEMENT, delivery, registered, run};
use online_host::{at, files, holds, on_terminal, on_terminal_with, published, put_aura, spec};
use qh_ceremony::ceremony::event::Refused;
use qh_ceremony::online::keys::chain::Matched;
use qh_ceremony::online::keys::evidence::Statement;
use qh_ceremony::online::keys::insert;
use qh_ceremony::online::keys::silence::{Authorship, Count, Silent};

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

/// A chain that has authored these blocks with the key.
/// Last finalized block, blocks that the key authored, whether it is an authority.
struct Chain(u64, Vec<u64>, bool);

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
            from,
            authored: blocks.len() as u64,
            last: blocks.last().copied(),
            undetermined: 0,
            listed: if self.2 { to + 1 - from } else { 0 },
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
    let silent = |from: u64, to: u64| {
        Ok(Some(vec![Silent {
            from,
            to,
            listed: to + 1 - from,
            authorities: 3,
        }]))
    };
    let chain = |finalized, blocks: &[u64]| Some(Chain(finalized, blocks.to_vec(), true));
    let cases = [
        (chain(2500, &[998, 999]), silent(1000, 2500)),
        // The stated range is longer than what is looked at.
        (chain(5000, &[998, 999]), silent(3001, 5000)),
        (chain(2500, &[999, 1000]), Err("old-signer-alive".into())),
        (chain(5000, &[5000]), Err("old-signer-alive".into())),
        (chain(1098, &[]), Err("silence-too-short".into())),
    ];
    for (chain, expected) in cases {
        assert_eq!(hold(STATEMENT, false, &matched, chain.as_ref()), expected);
    }
    // A key that never signed is looked for in the last thousand blocks, and must not be listed in them.
    assert_eq!(
        hold(NEVER, true, &matched, Some(&Chain(5000, vec![4000], false))),
        Ok(Some(vec![Silent {
            from: 4001,
            to: 5000,
            listed: 0,
            authorities: 3,
        }]))
    );
    assert_eq!(
        hold(NEVER, true, &matched, chain(5000, &[4000]).as_ref()),
        Err("never-used-is-authority".into())
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

/// What can't be an answer is told at once and asked again, not after all questions.
#[test]
fn a_wrong_answer_is_told_before_the_next_question() {
    let host = Host::new();
    host.seal(&delivery(&[&published(0)]));
    let spec = spec();
    let args = host.bare(&["--chain-spec", &spec]);
    let args: Vec<&str> = args.iter().map(String::as_str).collect();
    let dialogue = [
        ("First person who states this: ", " "),
        ("First person who states this: ", "Ada Example"),
        ("Second person: ", "ada  EXAMPLE"),
        ("Second person: ", "Ben Example"),
        ("Which machine signed", "validator-1"),
        ("How was it stopped", "service masked"),
        ("Who saw it stopped? ", "Ada Example"),
        ("When (UTC", "tomorrow"),
        ("When (UTC", "2999-01-01 00:00"),
        ("When (UTC", "2026-11-22 14:00"),
        ("Silent since block number: ", "many"),
        ("Silent since block number: ", "1,000"),
        ("Type `stopped`", "stopped"),
    ];
    let said = on_terminal(&args, &dialogue).ended(0);
    for told in [
        "`The answer` must be 1 to 1024 bytes without control characters.",
        "A key is installed on the word of two different people.",
        "seen_at must be a time in UTC such as",
        "2999-01-01T00:00:00Z is in the future of this host's clock.",
        "A block number has digits alone.",
    ] {
        assert_eq!(said.out.matches(told).count(), 1, "{told}\n{}", said.out);
    }
    // Three wrong answers end it.
    let host = Host::new();
    host.seal(&delivery(&[&published(0)]));
    let args = host.bare(&["--chain-spec", &spec]);
    let args: Vec<&str> = args.iter().map(String::as_str).collect();
    let mut dialogue = vec![("First person who states this: ", "Ada Example")];
    dialogue.extend([("Second person: ", "Ada Example"); 3]);
    on_terminal(&args, &dialogue).refused(1, "stop-evidence-missing");
    host.untouched();
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
