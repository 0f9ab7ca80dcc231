//! Whether this machine could talk, or write memory to a disk.
//!
//! - It fails closed: a file that should be there and can't be read is a finding `cannot-tell`, and that stops.
//! - The kernel's view of this program's own network namespace (`/proc/self/net`) decides about interfaces and routes.
//!   `/sys/class/net` may show another namespace: what stands only there is a note.
//! - An interface stops the ceremony whether it is up or not: a cable is plugged in quickly. `lo` alone is tolerated.
//! - A machine without any network stack is the best of all; that is said too.
//! - Nothing here changes the machine. Everything is read below a root directory, `/` outside of tests.
//! - Core dumps: a limit of 0 holds for files only; a pattern that pipes ignores it (core(5)). What stops a piped dump
//!   is that the process is not dumpable, which [`crate::secret::hardening`] reads back. So a piping pattern stops
//!   here if the limit isn't 0 either, and is otherwise a note.

use std::path::Path;

use serde::{Deserialize, Serialize};

use super::interfaces;
use super::kernel_files::{list, plain, read};
pub use crate::secret::hardening::{Finding, Severity};

/// What the check found. Public data, for screen and transcript.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Report {
    /// In the order of the checks.
    pub findings: Vec<Finding>,
    /// Whether nothing found stops a ceremony.
    pub fit: bool,
}

impl Report {
    /// A report that is fit unless a finding stops.
    pub fn new(findings: Vec<Finding>) -> Self {
        let fit = findings
            .iter()
            .all(|found| found.severity != Severity::Stop);
        Self { findings, fit }
    }

    /// The findings that stop the ceremony.
    pub fn stops(&self) -> impl Iterator<Item = &Finding> {
        self.findings
            .iter()
            .filter(|found| found.severity == Severity::Stop)
    }
}

const CHECK_AGAIN: &str = "Mount /proc and /sys, start the program as root, then check again.";
const UNPLUG: &str = "Unplug it or take it out, or start the ceremony image, which has no driver for it; \
                      then check again.";
const NOTHING_TO_DO: &str = "Nothing needs to be done.";

/// Kinds of hardware that can talk without being a network interface: directory of `/sys/class`, finding, wording.
const RADIOS: [(&str, &str, &str); 6] = [
    ("bluetooth", "bluetooth-adapter", "Bluetooth adapter"),
    ("ieee80211", "wireless-radio", "wireless network radio"),
    ("ieee802154", "wireless-radio", "low-power wireless radio"),
    ("wwan", "mobile-modem", "mobile network modem"),
    ("nfc", "near-field-radio", "near-field radio"),
    ("infiniband", "fabric-adapter", "InfiniBand or RDMA adapter"),
];

/// Checks the machine below `root` (`/`, or a tree that looks like it).
pub fn inspect(root: &Path) -> Report {
    let mut findings = Vec::new();
    match (read(root, "proc/self/status"), list(root, "sys/class")) {
        (Ok(Some(_)), Ok(Some(_))) => {}
        (status, class) => {
            for (path, seen) in [
                ("/proc/self/status", status.map(drop)),
                ("/sys/class", class.map(drop)),
            ] {
                if let Err(why) = seen {
                    findings.push(cannot_tell(path, &why));
                } else if !root.join(path.trim_start_matches('/')).exists() {
                    findings.push(cannot_tell(path, "it is not there"));
                }
            }
        }
    }
    network(root, &mut findings);
    radios(root, &mut findings);
    swap(root, &mut findings);
    core_dumps(root, &mut findings);
    Report::new(findings)
}

fn network(root: &Path, findings: &mut Vec<Finding>) {
    let in_sysfs = match list(root, "sys/class/net") {
        Ok(names) => names
            .unwrap_or_default()
            .into_iter()
            // A control file of the bonding driver, not an interface.
            .filter(|name| name != "bonding_masters")
            .collect(),
        Err(why) => {
            findings.push(cannot_tell("/sys/class/net", &why));
            Vec::new()
        }
    };
    match list(root, "proc/self/net") {
        Err(why) => return findings.push(cannot_tell("/proc/self/net", &why)),
        Ok(None) if in_sysfs.is_empty() => {
            return findings.push(Finding::note(
                "network-stack-absent",
                "kernel",
                "The kernel has no network at all.",
                NOTHING_TO_DO,
            ));
        }
        Ok(None) => {
            return findings.push(cannot_tell(
                "/proc/self/net",
                "it is not there, although /sys/class/net lists interfaces",
            ));
        }
        Ok(Some(_)) => {}
    }
    let names = match read(root, "proc/self/net/dev") {
        Ok(Some(text)) => interfaces::names(&text).map_err(|fault| fault.to_string()),
        Ok(None) => Err("it is not there".to_owned()),
        Err(why) => Err(why),
    };
    let names = match names {
        Ok(names) => names,
        Err(why) => return findings.push(cannot_tell("/proc/self/net/dev", &why)),
    };
    let routes = parsed(root, "proc/self/net/route", interfaces::routes4, findings);
    let defaults6 = parsed(
        root,
        "proc/self/net/ipv6_route",
        interfaces::default_routes6,
        findings,
    );
    let own4 = parsed(
        root,
        "proc/self/net/fib_trie",
        interfaces::addresses4,
        findings,
    );
    let own6 = parsed(
        root,
        "proc/self/net/if_inet6",
        interfaces::addresses6,
        findings,
    );

    for name in &names {
        if name == "lo" {
            findings.push(Finding::note(
                "loopback",
                "lo",
                "Only the loopback interface lo may exist; it leads nowhere.",
                NOTHING_TO_DO,
            ));
            continue;
        }
        let mut addresses: Vec<String> = own4
            .iter()
            .filter(|address| {
                routes
                    .iter()
                    .any(|route| route.interface == *name && route.holds(**address))
            })
            .map(ToString::to_string)
            .collect();
        addresses.extend(
            own6.iter()
                .filter(|(at, _)| at == name)
                .map(|(_, address)| address.to_string()),
        );
        let addresses = if addresses.is_empty() {
            "no address".to_owned()
        } else {
            format!("addresses {}", addresses.join(", "))
        };
        findings.push(Finding::stop(
            "network-interface",
            &plain(name),
            format!(
                "The network interface {} exists (state {}, carrier {}, {addresses}). A machine with a network \
                 interface could send keys away.",
                plain(name),
                attribute(root, name, "operstate", &[]),
                attribute(root, name, "carrier", &[("0", "no"), ("1", "yes")]),
            ),
            UNPLUG,
        ));
    }
    for name in in_sysfs.iter().filter(|name| !names.contains(name)) {
        findings.push(Finding::note(
            "network-interface-elsewhere",
            &plain(name),
            format!(
                "The machine has the network interface {}, outside this program's network namespace. This program \
                 cannot reach it; other programs can.",
                plain(name)
            ),
            "Use a machine without network interfaces where you can.",
        ));
    }
    let defaults4 = routes
        .iter()
        .filter(|route| route.is_default())
        .map(|route| &route.interface);
    for (kind, through) in defaults4
        .map(|at| ("IPv4", at))
        .chain(defaults6.iter().map(|at| ("IPv6", at)))
    {
        findings.push(Finding::stop(
            "default-route",
            &plain(through),
            format!(
                "A default route of {kind} leads out through {}.",
                plain(through)
            ),
            UNPLUG,
        ));
    }
}

/// One attribute of an interface from sysfs, for the text alone.
fn attribute(root: &Path, name: &str, attribute: &str, words: &[(&str, &str)]) -> String {
    // The kernel answers `carrier` with an error while the interface is down.
    let Ok(Some(value)) = read(root, &format!("sys/class/net/{name}/{attribute}")) else {
        return "unknown".to_owned();
    };
    let value = value.trim();
    words
        .iter()
        .find(|(raw, _)| *raw == value)
        .map_or_else(|| plain(value), |(_, word)| (*word).to_owned())
}

/// Parses a file that a kernel without that protocol lacks.
fn parsed<T>(
    root: &Path,
    path: &str,
    parse: impl Fn(&str) -> Result<Vec<T>, interfaces::NotUnderstood>,
    findings: &mut Vec<Finding>,
) -> Vec<T> {
    let fault = match read(root, path) {
        Ok(None) => return Vec::new(),
        Ok(Some(text)) => match parse(&text) {
            Ok(all) => return all,
            Err(fault) => fault.to_string(),
        },
        Err(why) => why,
    };
    findings.push(cannot_tell(&format!("/{path}"), &fault));
    Vec::new()
}

fn radios(root: &Path, findings: &mut Vec<Finding>) {
    for (class, name, wording) in RADIOS {
        match list(root, &format!("sys/class/{class}")) {
            Ok(None) => {}
            Ok(Some(devices)) => findings.extend(devices.iter().map(|device| {
                Finding::stop(
                    name,
                    &plain(device),
                    format!(
                        "The {wording} {} is present. It could send keys away.",
                        plain(device)
                    ),
                    UNPLUG,
                )
            })),
            Err(why) => findings.push(cannot_tell(&format!("/sys/class/{class}"), &why)),
        }
    }
    let switches = match list(root, "sys/class/rfkill") {
        Ok(switches) => switches.unwrap_or_default(),
        Err(why) => return findings.push(cannot_tell("/sys/class/rfkill", &why)),
    };
    for switch in switches {
        let value = |attribute: &str| {
            let path = format!("sys/class/rfkill/{switch}/{attribute}");
            match read(root, &path) {
                Ok(Some(text)) => Ok(text.trim().to_owned()),
                Ok(None) => Err(cannot_tell(&format!("/{path}"), "it is not there")),
                Err(why) => Err(cannot_tell(&format!("/{path}"), &why)),
            }
        };
        match (value("type"), value("soft"), value("hard")) {
            // Receivers only: they can't send.
            (Ok(kind), _, _) if kind == "gps" || kind == "fm" => {}
            (Ok(kind), Ok(soft), Ok(hard)) if soft == "1" || hard == "1" => findings.push(Finding::note(
                "radio-blocked",
                &plain(&switch),
                format!("The radio {} ({}) is blocked.", plain(&switch), plain(&kind)),
                "Take the radio out of the laptop where you can: a block is software.",
            )),
            (Ok(kind), Ok(_), Ok(_)) => findings.push(Finding::stop(
                "radio-unblocked",
                &plain(&switch),
                format!("The radio {} ({}) is not blocked and could send.", plain(&switch), plain(&kind)),
                "Switch radios off in the firmware, with the laptop's switch, or with rfkill block all; then check \
                 again.",
            )),
            (kind, soft, hard) => findings.extend([kind, soft, hard].into_iter().filter_map(Result::err)),
        }
    }
}

fn swap(root: &Path, findings: &mut Vec<Finding>) {
    let text = match read(root, "proc/swaps") {
        // A kernel without swap has no such file.
        Ok(None) => return,
        Ok(Some(text)) if text.starts_with("Filename") => text,
        Ok(Some(_)) => return findings.push(cannot_tell("/proc/swaps", "line 1 is not its head")),
        Err(why) => return findings.push(cannot_tell("/proc/swaps", &why)),
    };
    for device in text
        .lines()
        .skip(1)
        .filter_map(|line| line.split_whitespace().next())
    {
        findings.push(Finding::stop(
            "swap-active",
            &plain(device),
            format!(
                "Swap is active on {}. Memory, and keys with it, could be written there.",
                plain(device)
            ),
            "Turn swap off with swapoff -a, then check again.",
        ));
    }
}

fn core_dumps(root: &Path, findings: &mut Vec<Finding>) {
    let limits = match read(root, "proc/self/limits") {
        Ok(Some(text)) => core_limits(&text).ok_or("it has no core file size".to_owned()),
        Ok(None) => Err("it is not there".to_owned()),
        Err(why) => Err(why),
    };
    let off = match &limits {
        Ok((soft, hard)) => soft == "0" && hard == "0",
        Err(why) => {
            findings.push(cannot_tell("/proc/self/limits", why));
            true
        }
    };
    if !off {
        findings.push(Finding::stop(
            "core-dumps",
            "core file size",
            "The limit for core files is not 0, so a crash could write memory to a disk.",
            "Start the program from the ceremony image, or with ulimit -c 0; then check again.",
        ));
    }
    match read(root, "proc/sys/kernel/core_pattern") {
        // A kernel without core dumps has no such file.
        Ok(None) => {}
        Err(why) => findings.push(cannot_tell("/proc/sys/kernel/core_pattern", &why)),
        Ok(Some(pattern)) if pattern.starts_with('|') => {
            let text = format!(
                "A crash would hand memory to the program {}.",
                plain(
                    pattern
                        .trim_start_matches('|')
                        .split_whitespace()
                        .next()
                        .unwrap_or("without a name")
                )
            );
            let way_on = "Run sysctl kernel.core_pattern=core as root, then check again.";
            findings.push(if off {
                let text =
                    format!("{text} This program is closed to it, as long as dumps are off.");
                Finding::note("core-pattern-pipe", "core_pattern", text, way_on)
            } else {
                Finding::stop("core-pattern-pipe", "core_pattern", text, way_on)
            });
        }
        Ok(Some(_)) => {}
    }
}

/// Soft and hard limit of core files in the text of `/proc/self/limits`.
fn core_limits(limits: &str) -> Option<(String, String)> {
    let rest = limits
        .lines()
        .find_map(|line| line.strip_prefix("Max core file size"))?;
    let mut fields = rest.split_whitespace();
    Some((fields.next()?.to_owned(), fields.next()?.to_owned()))
}

fn cannot_tell(subject: &str, why: &str) -> Finding {
    Finding::stop(
        "cannot-tell",
        subject,
        format!("Whether this machine is fit cannot be told from {subject}: {why}."),
        CHECK_AGAIN,
    )
}

#[cfg(test)]
#[path = "machine_tests.rs"]
mod tests;
