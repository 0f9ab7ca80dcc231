//! `qh-online alerts`: each alert fires when it should and not before, by promtool's own evaluation.
#![cfg(feature = "online")]

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};

use jiff::Timestamp;
use qh_ceremony::online::class::Class;
use qh_ceremony::online::metrics::{
    HostMeasured, Measured, StoreMeasured, VerifiedStore, VerifierMeasured,
};
use serde_json::Value;

/// Runs `qh-online`; exit code, standard output, standard error.
fn online(args: &[&str]) -> (Option<i32>, String, String) {
    let output = Command::new(env!("CARGO_BIN_EXE_qh-online"))
        .args(args)
        .stdin(Stdio::null())
        .output()
        .expect("qh-online runs");
    let text = |bytes| String::from_utf8(bytes).expect("UTF-8");
    (
        output.status.code(),
        text(output.stdout),
        text(output.stderr),
    )
}

/// Runs `promtool` in a directory and gives what it said; fails the test unless it ended well.
fn promtool(directory: &Path, args: &[&str]) -> String {
    let output = Command::new("promtool")
        .args(args)
        .current_dir(directory)
        .stdin(Stdio::null())
        .output()
        .expect("promtool runs: install package prometheus");
    let said = String::from_utf8([output.stdout, output.stderr].concat()).expect("UTF-8");
    assert!(output.status.success(), "{said}");
    said
}

fn vectors(name: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/alerts")
        .join(name);
    fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// Writes the rules with these arguments, and has promtool check them and play these files of tests.
fn play(arguments: &[&str], files: &[&str]) {
    let dir = tempfile::tempdir().unwrap();
    let rules = dir.path().join("rules.yml");
    let mut args = vec!["alerts", "--output", rules.to_str().unwrap()];
    args.extend(arguments);
    let (code, out, err) = online(&args);
    assert_eq!(code, Some(0), "{out}\n{err}");
    let said = promtool(dir.path(), &["check", "rules", "rules.yml"]);
    assert!(said.contains(" rules found"), "{said}");
    for file in files {
        fs::write(dir.path().join(file), vectors(file)).unwrap();
        let said = promtool(dir.path(), &["test", "rules", file]);
        assert!(said.contains("SUCCESS"), "{said}");
    }
}

#[test]
fn alerts_fire_at_their_thresholds_and_where_metrics_are_missing() {
    play(&[], &["ages.yml", "values.yml", "absent.yml"]);
}

#[test]
fn each_source_that_is_named_is_missed_for_itself() {
    play(
        &["--source", "dev3/node-1", "--source", "dev3/node-2"],
        &["sources.yml"],
    );
}

/// How often each alert is expected, and expected not.
fn cases(text: &str) -> BTreeMap<String, (usize, usize)> {
    let mut found: BTreeMap<String, (usize, usize)> = BTreeMap::new();
    let mut alert = String::new();
    for line in text.lines().map(str::trim) {
        if let Some(name) = line.strip_prefix("alertname: ") {
            alert = name.to_owned();
        } else if line == "exp_alerts: []" {
            found.entry(alert.clone()).or_default().1 += 1;
        } else if line == "exp_alerts:" {
            found.entry(alert.clone()).or_default().0 += 1;
        }
    }
    found
}

#[test]
fn every_alert_is_tested_both_ways() {
    let (code, out, _) = online(&["alerts", "--json"]);
    assert_eq!(code, Some(0));
    let shown: Value = serde_json::from_str(&out).unwrap();
    assert_eq!(shown["format"], "qh-alerts/1");
    let cases = cases(
        &["ages.yml", "values.yml", "absent.yml"]
            .map(vectors)
            .concat(),
    );
    let mut alerts = BTreeSet::new();
    for rule in shown["rules"].as_array().unwrap() {
        let name = rule["alert"].as_str().unwrap();
        let (fires, rests) = cases.get(name).copied().unwrap_or_default();
        assert!(
            fires > 0 && rests > 0,
            "{name}: {fires} times expected, {rests} times not"
        );
        alerts.insert(name.to_owned());
    }
    let tested: BTreeSet<_> = cases.into_keys().collect();
    assert_eq!(tested, alerts, "tests are of alerts that there are");
}

/// What a host and a verifier measure when all is well, at time 0.
fn healthy(source: &str) -> [Measured; 2] {
    let now = Some(Timestamp::UNIX_EPOCH);
    let store = "s3://bucket/prefix";
    let host = HostMeasured {
        source: source.into(),
        last_run: now,
        last_run_success: true,
        duration_seconds: Some(60.0),
        stop_window_seconds: Some(0.0),
        stop_window_limit_seconds: Some(120.0),
        stores: vec![StoreMeasured {
            store: store.into(),
            last_backup: now,
            by_class: Class::ALL
                .map(|class| (class, Timestamp::UNIX_EPOCH))
                .into(),
            size: Some(1_100),
            previous_sizes: vec![1_000],
            shipped: Some(10),
            objects: Some(3),
        }],
    };
    let verifier = VerifierMeasured {
        source: source.into(),
        last_run: now,
        last_run_success: true,
        duration_seconds: Some(600.0),
        stores: vec![VerifiedStore {
            store: store.into(),
            reachable: true,
            success: Some(true),
            verified: now,
            last_good: now,
            replication_lag_seconds: Some(0.0),
            retained: Class::ALL.map(|class| (class, 3)).into(),
        }],
    };
    [Measured::Host(host), Measured::Verifier(verifier)]
}

/// The names and labels that are written are those that the alerts read: nothing is missing, and nothing is alarming.
#[test]
fn no_alert_where_all_is_well() {
    let sources = ["dev3/node-1", "dev3/node.2"];
    for arguments in [vec![], vec!["--source", sources[0], "--source", sources[1]]] {
        let dir = tempfile::tempdir().unwrap();
        let rules = dir.path().join("rules.yml");
        let mut args = vec!["alerts", "--json", "--output", rules.to_str().unwrap()];
        args.extend(arguments);
        let (_, out, _) = online(&args);
        let shown: Value = serde_json::from_str(&out).unwrap();
        let mut play = String::from(
            "rule_files: [rules.yml]\nevaluation_interval: 1m\ntests:\n  - interval: 1m\n    input_series:\n",
        );
        let mut series = |name: &str, value: &str| {
            play += &format!("      - series: '{name}'\n        values: '{value}x100'\n");
        };
        series("node_textfile_scrape_error", "0");
        for measured in sources.into_iter().flat_map(healthy) {
            let file = format!("/textfiles/{}", measured.file_name());
            series(
                &format!("node_textfile_mtime_seconds{{file=\"{file}\"}}"),
                "0",
            );
            for line in measured
                .text()
                .lines()
                .filter(|line| !line.starts_with('#'))
            {
                let (name, value) = line.rsplit_once(' ').unwrap();
                series(name, value);
            }
        }
        play += "    alert_rule_test:\n";
        let alerts = shown["rules"].as_array().unwrap();
        assert!(alerts.len() > 30);
        for rule in alerts {
            let name = rule["alert"].as_str().unwrap();
            play += &format!(
                "      - eval_time: 90m\n        alertname: {name}\n        exp_alerts: []\n"
            );
        }
        fs::write(dir.path().join("play.yml"), play).unwrap();
        promtool(dir.path(), &["test", "rules", "play.yml"]);
    }
}

#[test]
fn rules_are_shown_or_written_and_nothing_is_written_over() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("rules.yml");
    let at = path.to_str().unwrap();
    let (code, shown, _) = online(&["alerts"]);
    assert_eq!(code, Some(0));
    fs::write(&path, "mine\n").unwrap();
    let (code, _, err) = online(&["alerts", "--output", at]);
    assert_eq!(code, Some(1));
    assert!(err.contains("[file-exists]"), "{err}");
    assert_eq!(fs::read_to_string(&path).unwrap(), "mine\n");
    let (code, out, _) = online(&["alerts", "--output", at, "--replace"]);
    assert_eq!(code, Some(0));
    assert!(out.contains("rule_files"), "{out}");
    assert_eq!(fs::read_to_string(&path).unwrap(), shown);
    let (code, _, err) = online(&[
        "alerts",
        "--output",
        dir.path().join("absent/rules.yml").to_str().unwrap(),
    ]);
    assert_eq!(code, Some(3));
    assert!(err.contains("[file-not-written]"), "{err}");
    for source in ["a b", "a\"b", "", "a//b", "../b"] {
        assert_eq!(
            online(&["alerts", "--source", source]).0,
            Some(2),
            "{source}"
        );
    }
}
