//! The check over trees that look like a machine.

use std::fs;
use std::os::unix::fs::PermissionsExt;

use super::super::kernel_files::LIMIT;
use super::*;

const DEV_HEAD: &str = "Inter-|   Receive |  Transmit\n face |bytes packets|bytes packets\n";
const LO: &str = "    lo: 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0\n";
const ETH0: &str = "  eth0: 1 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0\n";
const LIMITS: &str = "Limit                     Soft Limit           Hard Limit           Units\n\
                      Max core file size        0                    0                    bytes\n";
const ROUTE_HEAD: &str = "Iface Destination Gateway Flags RefCnt Use Metric Mask MTU Window IRTT\n";

struct Machine(tempfile::TempDir);

impl Machine {
    /// A machine that is fit: an empty network namespace, no radios, no swap.
    fn fit() -> Self {
        let machine = Self(tempfile::tempdir().unwrap());
        machine
            .with("proc/self/status", "Name:\tqh-ceremony\n")
            .with("proc/self/limits", LIMITS)
            .with("proc/self/net/dev", &format!("{DEV_HEAD}{LO}"))
            .with("proc/self/net/route", "")
            .with("proc/self/net/ipv6_route", "")
            .with("proc/self/net/if_inet6", "")
            .with("proc/self/net/fib_trie", "")
            .with("proc/swaps", "Filename\tType\tSize\tUsed\tPriority\n")
            .with("proc/sys/kernel/core_pattern", "core\n")
            .with("sys/class/net/lo/operstate", "unknown\n")
    }

    fn with(self, path: &str, text: &str) -> Self {
        let path = self.0.path().join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
        self
    }

    fn without(self, path: &str) -> Self {
        let path = self.0.path().join(path);
        if path.is_dir() {
            fs::remove_dir_all(path).unwrap();
        } else {
            fs::remove_file(path).unwrap();
        }
        self
    }

    fn inspect(&self) -> Report {
        inspect(self.0.path())
    }

    /// Names and subjects of what stops.
    fn stops(&self) -> Vec<(String, String)> {
        let report = self.inspect();
        let stops: Vec<_> = report
            .stops()
            .map(|found| (found.name.clone(), found.subject.clone()))
            .collect();
        assert_eq!(report.fit, stops.is_empty());
        stops
    }

    fn assert_stops(&self, name: &str, subject: &str) {
        assert_eq!(self.stops(), [(name.to_owned(), subject.to_owned())]);
    }
}

#[test]
fn loopback_alone_is_fit() {
    let report = Machine::fit().inspect();
    assert!(report.fit);
    assert_eq!(report.findings.len(), 1);
    assert_eq!(report.findings[0].name, "loopback");
    assert_eq!(report.findings[0].severity, Severity::Note);
}

#[test]
fn no_network_stack_is_fit() {
    let machine = Machine::fit()
        .without("proc/self/net")
        .without("sys/class/net");
    let report = machine.inspect();
    assert!(report.fit);
    assert_eq!(report.findings[0].name, "network-stack-absent");
}

#[test]
fn interfaces_in_sysfs_without_a_network_in_proc_cannot_be_told() {
    Machine::fit()
        .without("proc/self/net")
        .assert_stops("cannot-tell", "/proc/self/net");
}

#[test]
fn an_interface_stops_with_its_state_and_addresses() {
    let machine = Machine::fit()
        .with("proc/self/net/dev", &format!("{DEV_HEAD}{LO}{ETH0}"))
        .with("sys/class/net/eth0/operstate", "up\n")
        .with("sys/class/net/eth0/carrier", "1\n")
        .with(
            "proc/self/net/route",
            &format!("{ROUTE_HEAD}eth0 000200C0 00000000 0001 0 0 0 00FFFFFF 0 0 0\n"),
        )
        .with(
            "proc/self/net/fib_trie",
            "Main:\n |-- 127.0.0.1\n /32 host LOCAL\n |-- 192.0.2.2\n /32 host LOCAL\n",
        )
        .with(
            "proc/self/net/if_inet6",
            "fd000000000000000000000000000002 04 40 00 82     eth0\n",
        );
    let report = machine.inspect();
    let stop = report.stops().next().unwrap();
    assert_eq!(stop.name, "network-interface");
    assert_eq!(
        stop.text,
        "The network interface eth0 exists (state up, carrier yes, addresses 192.0.2.2, fd00::2). A machine with a \
         network interface could send keys away."
    );
    assert_eq!(
        stop.way_on,
        "Unplug it or take it out, or start the ceremony image, which has no driver for it; then check again."
    );
    assert!(!report.fit);
}

#[test]
fn an_interface_that_is_down_stops_as_well() {
    let machine = Machine::fit()
        .with("proc/self/net/dev", &format!("{DEV_HEAD}{LO}{ETH0}"))
        .with("sys/class/net/eth0/operstate", "down\n");
    let report = machine.inspect();
    let stop = report.stops().next().unwrap();
    assert!(
        stop.text
            .contains("(state down, carrier unknown, no address)"),
        "{}",
        stop.text
    );
}

#[test]
fn an_interface_of_another_namespace_is_a_note() {
    let report = Machine::fit()
        .with("sys/class/net/wlan0/operstate", "up\n")
        .inspect();
    assert!(report.fit);
    let note = &report.findings[1];
    assert_eq!(
        (note.name.as_str(), note.subject.as_str()),
        ("network-interface-elsewhere", "wlan0")
    );
    assert!(
        note.text
            .contains("outside this program's network namespace")
    );
}

#[test]
fn a_hostile_interface_name_cannot_steer_the_terminal() {
    let machine = Machine::fit().with(
        "proc/self/net/dev",
        &format!("{DEV_HEAD}{LO}{}", ETH0.replace("eth0", "e\u{1b}[2Jh")),
    );
    machine.assert_stops("network-interface", "e?[2Jh");
}

#[test]
fn default_routes_stop_for_both_protocols() {
    Machine::fit()
        .with(
            "proc/self/net/route",
            &format!("{ROUTE_HEAD}tun0 00000000 00000000 0001 0 0 0 00000000 0 0 0\n"),
        )
        .assert_stops("default-route", "tun0");
    let zeros = "0".repeat(32);
    Machine::fit()
        .with(
            "proc/self/net/ipv6_route",
            &format!("{zeros} 00 {zeros} 00 {zeros} 00000400 00000001 00000000 00000003 ppp0\n"),
        )
        .assert_stops("default-route", "ppp0");
}

#[test]
fn radios_stop_unless_blocked() {
    let radio = |kind: &str, soft: &str, hard: &str| {
        Machine::fit()
            .with("sys/class/rfkill/rfkill0/type", kind)
            .with("sys/class/rfkill/rfkill0/soft", soft)
            .with("sys/class/rfkill/rfkill0/hard", hard)
    };
    for kind in ["wlan\n", "bluetooth\n", "wwan\n", "something new\n"] {
        radio(kind, "0\n", "0\n").assert_stops("radio-unblocked", "rfkill0");
        let blocked = radio(kind, "1\n", "0\n").inspect();
        assert!(blocked.fit);
        assert!(
            blocked
                .findings
                .iter()
                .any(|found| found.name == "radio-blocked")
        );
        assert!(radio(kind, "0\n", "1\n").inspect().fit);
    }
    assert!(radio("gps\n", "0\n", "0\n").inspect().fit);
    radio("wlan\n", "1\n", "0\n")
        .without("sys/class/rfkill/rfkill0/hard")
        .assert_stops("cannot-tell", "/sys/class/rfkill/rfkill0/hard");
    radio("wlan\n", "", "").assert_stops("radio-unblocked", "rfkill0");
}

#[test]
fn hardware_that_can_talk_stops() {
    for (class, device, name) in [
        ("bluetooth", "hci0", "bluetooth-adapter"),
        ("ieee80211", "phy0", "wireless-radio"),
        ("wwan", "wwan0", "mobile-modem"),
        ("nfc", "nfc0", "near-field-radio"),
        ("infiniband", "mlx5_0", "fabric-adapter"),
    ] {
        Machine::fit()
            .with(&format!("sys/class/{class}/{device}/name"), "x")
            .assert_stops(name, device);
    }
}

#[test]
fn swap_stops_by_device() {
    Machine::fit()
        .with(
            "proc/swaps",
            "Filename\tType\tSize\tUsed\tPriority\n/dev/sda2 partition 8 0 -2\n",
        )
        .assert_stops("swap-active", "/dev/sda2");
    assert!(Machine::fit().without("proc/swaps").inspect().fit);
    Machine::fit()
        .with("proc/swaps", "")
        .assert_stops("cannot-tell", "/proc/swaps");
}

#[test]
fn core_dumps_stop() {
    for limits in [
        "0                    unlimited            bytes",
        "1024 1024 bytes",
    ] {
        Machine::fit()
            .with(
                "proc/self/limits",
                &format!("Max core file size        {limits}\n"),
            )
            .assert_stops("core-dumps", "core file size");
    }
    Machine::fit()
        .with("proc/self/limits", "Limit Soft\n")
        .assert_stops("cannot-tell", "/proc/self/limits");
}

#[test]
fn a_piping_core_pattern_stops_only_where_dumps_are_on() {
    let piping = || {
        Machine::fit().with(
            "proc/sys/kernel/core_pattern",
            "|/usr/share/apport/apport -p%p\n",
        )
    };
    let report = piping().inspect();
    assert!(report.fit);
    let note = &report.findings[1];
    assert_eq!(note.name, "core-pattern-pipe");
    assert_eq!(
        note.text,
        "A crash would hand memory to the program /usr/share/apport/apport. This program is closed to it, as long \
         as dumps are off."
    );
    let names: Vec<_> = piping()
        .with("proc/self/limits", "Max core file size 1 1 bytes\n")
        .stops()
        .into_iter()
        .map(|(name, _)| name)
        .collect();
    assert_eq!(names, ["core-dumps", "core-pattern-pipe"]);
}

#[test]
fn what_cannot_be_read_stops() {
    for (path, subject) in [
        ("proc/self/net/dev", "/proc/self/net/dev"),
        ("proc/self/status", "/proc/self/status"),
        ("proc/self/limits", "/proc/self/limits"),
    ] {
        Machine::fit()
            .without(path)
            .assert_stops("cannot-tell", subject);
    }
    for path in ["dev", "route", "ipv6_route", "if_inet6", "fib_trie"] {
        let path = format!("proc/self/net/{path}");
        // A directory in place of the file: reading it fails even for root.
        let machine = Machine::fit().without(&path).with(&format!("{path}/x"), "");
        machine.assert_stops("cannot-tell", &format!("/{path}"));
    }
    for path in ["route", "ipv6_route", "if_inet6"] {
        let path = format!("proc/self/net/{path}");
        Machine::fit()
            .with(&path, "what is this\n")
            .assert_stops("cannot-tell", &format!("/{path}"));
    }
    Machine::fit()
        .with("proc/self/net/dev", &"x".repeat(LIMIT as usize + 1))
        .assert_stops("cannot-tell", "/proc/self/net/dev");
    let nothing = Machine(tempfile::tempdir().unwrap());
    assert!(
        nothing
            .stops()
            .iter()
            .all(|(name, _)| name == "cannot-tell")
    );
    assert!(nothing.stops().len() >= 2);
}

#[test]
fn what_may_not_be_read_stops() {
    let machine = Machine::fit();
    let dev = machine.0.path().join("proc/self/net/dev");
    fs::set_permissions(&dev, fs::Permissions::from_mode(0o000)).unwrap();
    // Root reads it all the same, and then the machine is fit; anyone else must be told.
    if fs::read(&dev).is_err() {
        machine.assert_stops("cannot-tell", "/proc/self/net/dev");
    } else {
        assert!(machine.inspect().fit);
    }
}

#[test]
fn a_report_travels_as_json_and_back() {
    let report = Machine::fit()
        .with("sys/class/bluetooth/hci0/name", "x")
        .inspect();
    let json = serde_json::to_string(&report).unwrap();
    assert_eq!(serde_json::from_str::<Report>(&json).unwrap(), report);
    assert!(json.contains(r#""severity":"stop""#));
    let extra = json.replacen('{', r#"{"more":1,"#, 1);
    assert!(serde_json::from_str::<Report>(&extra).is_err());
}
