//! What the kernel says about its network, read as text.
//!
//! - Pure: every function takes the text of one file of `/proc/self/net` (proc(5)) and says what stands in it.
//! - A line that does not parse is an error, never skipped: a check that can't read cannot pass.
//! - A default route through `lo` that only rejects is the kernel's own and leads nowhere; every network namespace
//!   with IPv6 has it. All other default routes count.

use std::net::{Ipv4Addr, Ipv6Addr};

/// Why a text could not be read: what was expected, and the number of the line, from 1.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("line {line} is not {expected}")]
pub struct NotUnderstood {
    /// What the line should have been.
    pub expected: &'static str,
    /// The line, from 1.
    pub line: usize,
}

fn unread(expected: &'static str) -> impl Fn(usize) -> NotUnderstood {
    move |index| NotUnderstood {
        expected,
        line: index + 1,
    }
}

/// A route of IPv4 as in `/proc/self/net/route`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Route4 {
    /// The interface it leaves by.
    pub interface: String,
    /// The network.
    pub destination: Ipv4Addr,
    /// The mask of the network.
    pub mask: Ipv4Addr,
    /// The gateway, 0.0.0.0 for none.
    pub gateway: Ipv4Addr,
}

impl Route4 {
    /// Whether it leads to everywhere.
    pub fn is_default(&self) -> bool {
        self.mask.is_unspecified()
    }

    /// Whether this address lies in the network of this route.
    pub fn holds(&self, address: Ipv4Addr) -> bool {
        address.to_bits() & self.mask.to_bits() == self.destination.to_bits() && !self.is_default()
    }
}

/// Names of the interfaces in `/proc/self/net/dev`, in its order.
pub fn names(dev: &str) -> Result<Vec<String>, NotUnderstood> {
    let head = unread("the head of a list of interfaces");
    let mut lines = dev.lines().enumerate();
    for begins in ["Inter-|", "face |"] {
        match lines.next() {
            Some((_, line)) if line.trim_start().starts_with(begins) => {}
            Some((at, _)) => return Err(head(at)),
            None => return Err(head(0)),
        }
    }
    lines
        .map(|(at, line)| match line.split_once(':') {
            Some((name, counters))
                if !name.trim().is_empty()
                    && counters.split_whitespace().count() >= 16
                    && counters
                        .split_whitespace()
                        .all(|n| n.parse::<u64>().is_ok()) =>
            {
                Ok(name.trim().to_owned())
            }
            _ => Err(unread("an interface with its counters")(at)),
        })
        .collect()
}

/// Routes in `/proc/self/net/route`.
pub fn routes4(route: &str) -> Result<Vec<Route4>, NotUnderstood> {
    let fault = unread("a route of IPv4");
    let mut lines = route.lines().enumerate();
    match lines.next() {
        // An empty network namespace has an empty file, without even a head.
        None => return Ok(Vec::new()),
        Some((_, head)) if head.starts_with("Iface") => {}
        Some((at, _)) => return Err(fault(at)),
    }
    lines
        .map(|(at, line)| {
            let fields: Vec<&str> = line.split_whitespace().collect();
            let address = |index: usize| {
                fields
                    .get(index)
                    .filter(|hex| hex.len() == 8)
                    .and_then(|hex| u32::from_str_radix(hex, 16).ok())
                    // The kernel prints the big-endian address as a number of its own byte order.
                    .map(|number| Ipv4Addr::from(number.to_ne_bytes()))
                    .ok_or_else(|| fault(at))
            };
            Ok(Route4 {
                interface: fields.first().copied().unwrap_or_default().to_owned(),
                destination: address(1)?,
                gateway: address(2)?,
                mask: address(7)?,
            })
        })
        .collect()
}

/// Interfaces of the default routes in `/proc/self/net/ipv6_route`, except the kernel's own through `lo`.
pub fn default_routes6(route: &str) -> Result<Vec<String>, NotUnderstood> {
    let fault = unread("a route of IPv6");
    let mut found = Vec::new();
    for (at, line) in route.lines().enumerate() {
        let fields: Vec<&str> = line.split_whitespace().collect();
        let [destination, length, _, _, _, _, _, _, flags, interface] = fields[..] else {
            return Err(fault(at));
        };
        address6(destination).ok_or_else(|| fault(at))?;
        let length = u8::from_str_radix(length, 16).map_err(|_| fault(at))?;
        let flags = u32::from_str_radix(flags, 16).map_err(|_| fault(at))?;
        // RTF_REJECT, linux/route.h.
        let rejects = flags & 0x0200 != 0;
        if length == 0 && !(interface == "lo" && rejects) {
            found.push(interface.to_owned());
        }
    }
    Ok(found)
}

/// Addresses of IPv6 and their interfaces in `/proc/self/net/if_inet6`.
pub fn addresses6(if_inet6: &str) -> Result<Vec<(String, Ipv6Addr)>, NotUnderstood> {
    let fault = unread("an address of IPv6");
    if_inet6
        .lines()
        .enumerate()
        .map(|(at, line)| {
            let fields: Vec<&str> = line.split_whitespace().collect();
            let [address, _, _, _, _, interface] = fields[..] else {
                return Err(fault(at));
            };
            let address = address6(address).ok_or_else(|| fault(at))?;
            Ok((interface.to_owned(), address))
        })
        .collect()
}

fn address6(hex: &str) -> Option<Ipv6Addr> {
    (hex.len() == 32)
        .then(|| u128::from_str_radix(hex, 16).ok())
        .flatten()
        .map(Ipv6Addr::from)
}

/// This machine's own addresses of IPv4 in `/proc/self/net/fib_trie`, each once. The file does not name interfaces.
pub fn addresses4(fib_trie: &str) -> Result<Vec<Ipv4Addr>, NotUnderstood> {
    let mut found = Vec::new();
    let mut leaf = None;
    for (at, line) in fib_trie.lines().enumerate() {
        let line = line.trim();
        if let Some(address) = line.strip_prefix("|-- ") {
            let address: Ipv4Addr = address
                .parse()
                .map_err(|_| unread("an address of IPv4")(at))?;
            leaf = Some(address);
        } else if line.starts_with("/32 host LOCAL") {
            let address = leaf.ok_or_else(|| unread("under an address of IPv4")(at))?;
            if !found.contains(&address) {
                found.push(address);
            }
        }
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    const DEV: &str = "\
Inter-|   Receive                                                |  Transmit
 face |bytes    packets errs drop fifo frame compressed multicast|bytes    packets errs drop fifo colls carrier compressed
    lo:    3193      29    0    0    0     0          0         0     3193      29    0    0    0     0       0          0
  eth0:227811571    9667    0    0    0     0          0         0   753121    6276    0    0    0     0       0          0
";

    #[test]
    fn interfaces_are_named() {
        assert_eq!(names(DEV).unwrap(), ["lo", "eth0"]);
    }

    #[test]
    fn a_list_of_interfaces_that_is_cut_or_foreign_is_not_understood() {
        assert_eq!(names("").unwrap_err().line, 1);
        assert_eq!(names("Inter-| x\n").unwrap_err().line, 1);
        assert_eq!(names("hello\nworld\n").unwrap_err().line, 1);
        let cut = &DEV[..DEV.len() - 60];
        assert_eq!(
            names(cut).unwrap_err().to_string(),
            "line 4 is not an interface with its counters"
        );
        assert!(names(&DEV.replace("  eth0:", "  eth0 ")).is_err());
    }

    #[test]
    fn routes_of_ipv4() {
        let text = "Iface\tDestination\tGateway \tFlags\tRefCnt\tUse\tMetric\tMask\t\tMTU\tWindow\tIRTT\n\
                    eth0\t00000000\t010200C0\t0003\t0\t0\t0\t00000000\t0\t0\t0\n\
                    eth0\t000200C0\t00000000\t0001\t0\t0\t0\t00FFFFFF\t0\t0\t0\n";
        let routes = routes4(text).unwrap();
        assert!(routes[0].is_default());
        assert_eq!(routes[0].gateway, Ipv4Addr::new(192, 0, 2, 1));
        assert!(!routes[1].is_default());
        assert!(routes[1].holds(Ipv4Addr::new(192, 0, 2, 2)));
        assert!(!routes[1].holds(Ipv4Addr::new(192, 0, 3, 2)));
        assert_eq!(routes4("").unwrap(), []);
        assert_eq!(routes4("eth0\t00000000\n").unwrap_err().line, 1);
        assert_eq!(
            routes4(&text.replace("010200C0", "gateway"))
                .unwrap_err()
                .line,
            2
        );
    }

    #[test]
    fn the_kernels_own_reject_route_is_no_default_route() {
        let zeros = "0".repeat(32);
        let own =
            format!("{zeros} 00 {zeros} 00 {zeros} ffffffff 00000001 00000000 00200200       lo\n");
        assert_eq!(default_routes6(&own).unwrap(), [""; 0]);
        let real = format!(
            "{zeros} 00 {zeros} 00 fd{} 00000400 00000002 00000000 00000003     eth0\n",
            "0".repeat(30)
        );
        assert_eq!(default_routes6(&format!("{own}{real}")).unwrap(), ["eth0"]);
        // Through lo, but not rejecting: somebody made it.
        assert_eq!(
            default_routes6(&own.replace("00200200", "00200001")).unwrap(),
            ["lo"]
        );
        assert!(default_routes6("short line\n").is_err());
    }

    #[test]
    fn addresses_of_both_kinds() {
        let six = "fd000000000000000000000000000002 04 40 00 82     eth0\n";
        assert_eq!(
            addresses6(six).unwrap(),
            [("eth0".to_owned(), "fd00::2".parse().unwrap())]
        );
        assert!(addresses6("fd00 04 40 00 82 eth0\n").is_err());
        let trie = "Main:\n  +-- 0.0.0.0/0 3 0 5\n     |-- 0.0.0.0\n        /0 universe UNICAST\n\
                    \x20          |-- 192.0.2.2\n              /32 host LOCAL\n        |-- 192.0.2.255\n\
                    \x20          /32 link BROADCAST\nLocal:\n           |-- 192.0.2.2\n              /32 host LOCAL\n";
        assert_eq!(addresses4(trie).unwrap(), [Ipv4Addr::new(192, 0, 2, 2)]);
        assert!(addresses4("").unwrap().is_empty());
        assert!(addresses4("/32 host LOCAL\n").is_err());
    }
}
