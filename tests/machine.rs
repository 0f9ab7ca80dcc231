//! The machine check in real network namespaces, made with `unshare` and `ip`.

use std::path::Path;
use std::process::Command;

use qh_ceremony::device::machine::{Report, inspect};

/// Not a test by itself: [`inside`] runs it in another namespace and reads what it prints.
#[test]
#[ignore = "run by the other tests, inside a network namespace"]
fn print_report() {
    let report = inspect(Path::new("/"));
    println!("\nREPORT {}", serde_json::to_string(&report).unwrap());
    assert!(!report.findings.is_empty());
}

/// The report of a process in a new network namespace, after `prepare` was run there by the shell.
fn inside(prepare: &str) -> Report {
    let me = std::env::current_exe().unwrap();
    let script = format!(
        "ulimit -c 0; {prepare} exec '{}' --exact print_report --ignored --nocapture",
        me.display()
    );
    let output = Command::new("unshare")
        .args(["--net", "sh", "-c", &script])
        .output()
        .unwrap_or_else(|fault| {
            panic!("unshare did not start ({fault}): install the package util-linux")
        });
    let text = String::from_utf8_lossy(&output.stdout);
    let report = text.lines().find_map(|line| line.strip_prefix("REPORT "));
    let report = report.unwrap_or_else(|| {
        panic!(
            "no report came out of the network namespace; this test needs root and the package iproute2: {text}{}",
            String::from_utf8_lossy(&output.stderr)
        )
    });
    serde_json::from_str(report).unwrap()
}

/// Names and subjects of what stops, apart from swap: that is the test machine's own affair.
fn stops(report: &Report) -> Vec<(&str, &str)> {
    report
        .stops()
        .map(|found| (found.name.as_str(), found.subject.as_str()))
        .filter(|(name, _)| *name != "swap-active")
        .collect()
}

#[test]
fn an_empty_network_namespace_is_fit() {
    let report = inside("");
    assert_eq!(stops(&report), []);
    assert!(report.findings.iter().any(|found| found.name == "loopback"));
}

#[test]
fn loopback_may_be_up() {
    assert_eq!(stops(&inside("ip link set lo up &&")), []);
}

#[test]
fn a_virtual_pair_stops_and_is_named() {
    let report = inside("ip link add qh-a type veth peer name qh-b &&");
    assert_eq!(
        stops(&report),
        [("network-interface", "qh-b"), ("network-interface", "qh-a")]
    );
    assert!(!report.fit);
}

#[test]
fn addresses_and_default_routes_are_named() {
    let report = inside(
        "ip link add qh-a type veth peer name qh-b && ip address add 192.0.2.7/24 dev qh-a && \
         ip link set qh-a up && ip link set qh-b up && ip route add default via 192.0.2.1 &&",
    );
    let found = stops(&report);
    assert!(found.contains(&("network-interface", "qh-a")));
    assert!(found.contains(&("default-route", "qh-a")));
    let interface = report
        .stops()
        .find(|found| found.subject == "qh-a")
        .unwrap();
    assert!(interface.text.contains("192.0.2.7"), "{}", interface.text);
    assert!(interface.text.contains("fe80::"), "{}", interface.text);
}
