//! The address of a node: what may be asked, and how it is called in texts.

use std::net::IpAddr;

use ureq::http::Uri;

use crate::refusal::Refuse;

/// Longest address that is taken, in bytes.
pub const MAX_URL: usize = 1024;

/// A JSON-RPC address. Credentials and path stay inside: people and documents see scheme, host and port.
#[derive(Clone, PartialEq, Eq)]
pub struct Address {
    uri: Uri,
    host: String,
    name: String,
}

impl Address {
    /// Reads an `http://` or `https://` address.
    ///
    /// # Errors
    /// [`AddressFault`] if it is none, of another scheme, or without a host.
    pub fn parse(url: &str) -> Result<Self, AddressFault> {
        if url.len() > MAX_URL {
            return Err(AddressFault::TooLong);
        }
        let uri: Uri = url.parse().map_err(|_| AddressFault::Malformed)?;
        let scheme = match uri.scheme_str() {
            Some(scheme @ ("http" | "https")) => scheme,
            Some("ws" | "wss") => return Err(AddressFault::WebSocket),
            Some(_) => return Err(AddressFault::Scheme),
            None => return Err(AddressFault::Malformed),
        };
        let host = uri.host().filter(|host| !host.is_empty());
        let host = host.ok_or(AddressFault::Malformed)?.to_owned();
        let named = uri.authority().is_some_and(|authority| {
            let port = authority.as_str().rsplit('@').next().unwrap_or_default();
            port.len() > host.len()
        });
        if named && uri.port_u16().is_none() {
            return Err(AddressFault::Malformed);
        }
        let port = uri
            .port_u16()
            .map_or(String::new(), |port| format!(":{port}"));
        Ok(Self {
            name: format!("{scheme}://{host}{port}"),
            host,
            uri,
        })
    }

    /// Scheme, host and port, as given.
    pub fn name(&self) -> &str {
        &self.name
    }

    pub(super) fn uri(&self) -> &Uri {
        &self.uri
    }

    /// Whether both are one node, as far as addresses tell: on this machine by the port, else by host, port and path.
    pub fn is_same_node(&self, other: &Self) -> bool {
        if self.port() != other.port() {
            return false;
        }
        let path = |address: &Self| address.uri.path().trim_end_matches('/').to_owned();
        (self.is_loopback() && other.is_loopback())
            || (self.host.eq_ignore_ascii_case(&other.host) && path(self) == path(other))
    }

    fn port(&self) -> u16 {
        let usual = match self.uri.scheme_str() {
            Some("https") => 443,
            _ => 80,
        };
        self.uri.port_u16().unwrap_or(usual)
    }

    fn is_loopback(&self) -> bool {
        let host = self.host.trim_start_matches('[').trim_end_matches(']');
        host.eq_ignore_ascii_case("localhost")
            || host.parse::<IpAddr>().is_ok_and(|ip| ip.is_loopback())
    }

    /// Whether somebody between here and the node could change its answers: `http` to another host.
    pub fn is_open(&self) -> bool {
        self.uri.scheme_str() == Some("http") && !self.is_loopback()
    }
}

/// Why an address is refused. The address itself is not repeated: it may hold a password.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AddressFault {
    /// Not an address.
    #[error("A node's address is not a URL with a host.")]
    Malformed,
    /// Longer than addresses are.
    #[error("A node's address has more than {MAX_URL} bytes.")]
    TooLong,
    /// WebSocket.
    #[error("A node's address begins with ws:// or wss://; this program asks over HTTP.")]
    WebSocket,
    /// Another scheme.
    #[error("A node's address begins with neither http:// nor https://.")]
    Scheme,
    /// One address twice.
    #[error("One node's address is given twice, and a node can't confirm itself.")]
    Twice,
}

impl Refuse for AddressFault {
    fn name(&self) -> &'static str {
        match self {
            Self::Malformed => "node-address-malformed",
            Self::TooLong => "node-address-too-long",
            Self::WebSocket => "node-address-web-socket",
            Self::Scheme => "node-address-scheme",
            Self::Twice => "node-address-twice",
        }
    }

    fn way_on(&self) -> &'static str {
        match self {
            Self::WebSocket => {
                "Give the same host and port with http:// or https://; nodes serve both on one port."
            }
            Self::Twice => "Give each node once, and a second one that somebody else runs.",
            _ => "Give it as http://127.0.0.1:9944 or https://rpc.example.org.",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn credentials_and_path_are_not_in_the_name() {
        for (url, name, open) in [
            ("http://127.0.0.1:9944", "http://127.0.0.1:9944", false),
            ("http://localhost:9944/", "http://localhost:9944", false),
            ("http://[::1]:9944", "http://[::1]:9944", false),
            ("http://10.0.0.1:9944", "http://10.0.0.1:9944", true),
            (
                "http://127.0.0.1.example.org",
                "http://127.0.0.1.example.org",
                true,
            ),
            (
                "https://user:pass@rpc.example.org/key?k=1",
                "https://rpc.example.org",
                false,
            ),
            (
                "https://user:pass@rpc.example.org:444/k",
                "https://rpc.example.org:444",
                false,
            ),
        ] {
            let address = Address::parse(url).map_err(|fault| fault.name()).unwrap();
            assert_eq!((address.name(), address.is_open()), (name, open), "{url}");
        }
    }

    #[test]
    fn one_node_by_two_names_is_one() {
        for (one, other, same) in [
            ("http://localhost:9944", "http://127.0.0.1:9944", true),
            ("http://LOCALHOST:9944/", "http://[::1]:9944/x", true),
            ("http://127.0.0.2:9944", "http://127.0.0.1:9944", true),
            ("http://localhost:9944", "http://localhost:9945", false),
            (
                "https://Rpc.Example.org",
                "https://rpc.example.org:443/",
                true,
            ),
            (
                "https://u:p@rpc.example.org",
                "https://rpc.example.org",
                true,
            ),
            (
                "https://rpc.example.org/a",
                "https://rpc.example.org/b",
                false,
            ),
            ("https://rpc.example.org", "http://10.0.0.1:443", false),
        ] {
            let address = |url| Address::parse(url).map_err(|fault| fault.name()).unwrap();
            let (one_, other_) = (address(one), address(other));
            assert_eq!(one_.is_same_node(&other_), same, "{one} {other}");
            assert_eq!(other_.is_same_node(&one_), same, "{other} {one}");
        }
    }

    #[test]
    fn other_addresses_are_refused_by_name() {
        for (url, fault) in [
            ("", AddressFault::Malformed),
            ("127.0.0.1:9944", AddressFault::Malformed),
            ("/etc/passwd", AddressFault::Malformed),
            ("http://", AddressFault::Malformed),
            ("http://:9944", AddressFault::Malformed),
            ("http://host:99999", AddressFault::Malformed),
            ("http://a b", AddressFault::Malformed),
            ("ws://127.0.0.1:9944", AddressFault::WebSocket),
            ("wss://rpc.example.org", AddressFault::WebSocket),
            ("file:///etc/passwd", AddressFault::Malformed),
            ("ftp://host", AddressFault::Scheme),
        ] {
            let found = Address::parse(url).err();
            assert_eq!(found, Some(fault), "{url}");
        }
        let long = format!("http://{}", "a".repeat(MAX_URL));
        assert_eq!(Address::parse(&long).err(), Some(AddressFault::TooLong));
    }
}
