//! What a bucket's address and settings are, and which are refused.

use std::net::IpAddr;
use std::time::Duration;

use ureq::http::Uri;

use super::credentials::CredentialSource;
use crate::online::store::{StoreFault, valid_name};
use crate::transcript::visible::visible_short;

/// How an object is locked until a time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LockMode {
    /// Who has a special permission may end the lock early.
    Governance,
    /// Nobody can end the lock early, not even the account's owner.
    Compliance,
}

impl LockMode {
    /// The mode as S3 writes it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Governance => "GOVERNANCE",
            Self::Compliance => "COMPLIANCE",
        }
    }
}

/// The setting `object_lock`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ObjectLock {
    /// As the bucket is configured: its default mode, else governance; no lock if it has no object lock.
    Auto,
    /// Objects are not locked.
    Off,
    /// Objects are locked in this mode, and a bucket that can't is refused.
    On(LockMode),
}

impl ObjectLock {
    /// Reads `auto`, `off`, `governance` or `compliance`.
    pub fn parse(text: &str) -> Option<Self> {
        match text {
            "auto" => Some(Self::Auto),
            "off" => Some(Self::Off),
            "governance" => Some(Self::On(LockMode::Governance)),
            "compliance" => Some(Self::On(LockMode::Compliance)),
            _ => None,
        }
    }
}

/// A bucket, and how to reach it. Holds no secret.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct S3Settings {
    /// The bucket's name.
    pub bucket: String,
    /// What all names of objects begin with in the bucket, without `/` at its end; may be empty.
    pub prefix: String,
    /// Scheme, host and port of a server that is not AWS, e.g. `https://minio.example:9000`.
    pub endpoint: Option<String>,
    /// The region that requests are signed for.
    pub region: String,
    /// Whether the bucket stands in the path instead of the host's name. Always so for addresses that are numbers.
    pub path_style: bool,
    /// Where credentials come from.
    pub credentials: CredentialSource,
    /// The profile in the file of credentials.
    pub profile: String,
    /// Whether and how objects are locked.
    pub object_lock: ObjectLock,
    /// How often a request is sent before it counts as failed, at least once.
    pub tries: u32,
    /// The pause before the second try; twice as long before each further one, at most 30 s, less a random part.
    pub backoff: Duration,
    /// How long a server may be silent; and a request takes at most this and a second for each 64 KiB.
    pub timeout: Duration,
}

impl S3Settings {
    /// Reads `s3://BUCKET/PREFIX`, optionally followed by `?endpoint=URL&region=REGION`; all else is as usual.
    ///
    /// # Errors
    /// [`StoreFault::Address`].
    pub fn parse(address: &str) -> Result<Self, StoreFault> {
        let fail = |reason: &str| StoreFault::Address {
            given: shown(address),
            reason: reason.to_owned(),
        };
        let rest = address
            .strip_prefix("s3://")
            .ok_or_else(|| fail("it does not begin with s3://"))?;
        let (place, query) = rest.split_once('?').unwrap_or((rest, ""));
        let (bucket, prefix) = place.split_once('/').unwrap_or((place, ""));
        let mut settings = Self {
            bucket: bucket.to_owned(),
            prefix: prefix.strip_suffix('/').unwrap_or(prefix).to_owned(),
            endpoint: None,
            region: "us-east-1".to_owned(),
            path_style: false,
            credentials: CredentialSource::File(None),
            profile: "default".to_owned(),
            object_lock: ObjectLock::Auto,
            tries: 6,
            backoff: Duration::from_millis(200),
            timeout: Duration::from_secs(30),
        };
        let (mut endpoint, mut region) = (None, None);
        for part in query.split('&').filter(|part| !part.is_empty()) {
            let place = match part.split_once('=') {
                Some(("endpoint", value)) => endpoint.replace(value),
                Some(("region", value)) => region.replace(value),
                _ => return Err(fail("only endpoint=URL and region=REGION may follow the ?")),
            };
            if place.is_some() {
                return Err(fail("it says something twice"));
            }
        }
        settings.endpoint = endpoint.map(str::to_owned);
        if let Some(region) = region {
            region.clone_into(&mut settings.region);
        }
        settings.place()?;
        Ok(settings)
    }

    /// The address as people and the state directory know it: `s3://BUCKET/PREFIX`, and the endpoint if it is not AWS's,
    /// whose buckets' names are unique.
    pub fn address(&self) -> String {
        let mut address = format!("s3://{}", self.bucket);
        if !self.prefix.is_empty() {
            address = format!("{address}/{}", self.prefix);
        }
        match &self.endpoint {
            None => address,
            Some(endpoint) => format!("{address}?endpoint={endpoint}"),
        }
    }

    /// Checks everything, and says where requests go.
    ///
    /// # Errors
    /// [`StoreFault::Address`].
    pub(super) fn place(&self) -> Result<Place, StoreFault> {
        let fail = |reason: &str| StoreFault::Address {
            given: shown(&self.address()),
            reason: reason.to_owned(),
        };
        let alphanumeric = |b: Option<&u8>| b.is_some_and(u8::is_ascii_alphanumeric);
        let bucket = self.bucket.as_bytes();
        let in_bucket = |b: &u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b"-.".contains(b);
        if !(3..=63).contains(&bucket.len())
            || !bucket.iter().all(in_bucket)
            || !alphanumeric(bucket.first())
            || !alphanumeric(bucket.last())
            || self.bucket.contains("..")
        {
            return Err(fail("a bucket's name is 3 to 63 of a-z, 0-9, . and -"));
        }
        if !self.prefix.is_empty() && (self.prefix.len() > 256 || !valid_name(&self.prefix)) {
            return Err(fail(
                "the prefix is at most 256 bytes of A-Z, a-z, 0-9, . _ - in parts between / that begin with no dot",
            ));
        }
        let in_region = |b: u8| b.is_ascii_alphanumeric() || b"-_.".contains(&b);
        if !(1..=64).contains(&self.region.len()) || !self.region.bytes().all(in_region) {
            return Err(fail("the region is no region's name"));
        }
        let endpoint = match &self.endpoint {
            Some(endpoint) => endpoint.clone(),
            None if self.region.starts_with("cn-") => {
                format!("https://s3.{}.amazonaws.com.cn", self.region)
            }
            None => format!("https://s3.{}.amazonaws.com", self.region),
        };
        let uri: Uri = endpoint
            .parse()
            .map_err(|_| fail("the endpoint is not a URL"))?;
        let (Some(scheme), Some(authority)) = (uri.scheme_str(), uri.authority()) else {
            return Err(fail(
                "the endpoint is not https://HOST or https://HOST:PORT",
            ));
        };
        let host = authority.host();
        let port = authority.port_u16();
        let named = port.map_or_else(|| host.to_owned(), |port| format!("{host}:{port}"));
        if host.is_empty()
            || endpoint.trim_end_matches('/') != format!("{scheme}://{named}")
            || !["http", "https"].contains(&scheme)
        {
            return Err(fail(
                "the endpoint is not https://HOST or https://HOST:PORT",
            ));
        }
        let ip = host.trim_start_matches('[').trim_end_matches(']');
        let ip = ip.parse::<IpAddr>().ok();
        let local = host.eq_ignore_ascii_case("localhost");
        if scheme == "http" && !local && !ip.is_some_and(|ip| ip.is_loopback()) {
            return Err(fail(
                "http would show and trust everything on the way; only https is taken, but on this machine itself",
            ));
        }
        // A certificate for *.HOST does not hold for names with more dots.
        let in_path = self.path_style || local || ip.is_some() || self.bucket.contains('.');
        let usual = matches!((scheme, port), ("https", Some(443)) | ("http", Some(80)));
        let shown = if usual { host } else { &named };
        Ok(if in_path {
            Place {
                scheme: scheme.to_owned(),
                host: shown.to_owned(),
                path: format!("/{}", self.bucket),
            }
        } else {
            Place {
                scheme: scheme.to_owned(),
                host: format!("{}.{shown}", self.bucket),
                path: String::new(),
            }
        })
    }
}

/// An address as it may be shown: what stands before an @ may be a password.
fn shown(address: &str) -> String {
    match address.rsplit_once('@') {
        None => visible_short(address, 200),
        Some((_, rest)) => format!("s3://...@{}", visible_short(rest, 200)),
    }
}

/// Where requests go: `scheme://host` and what each path begins with.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Place {
    pub scheme: String,
    /// With the port, unless it is the usual one: the header `Host`.
    pub host: String,
    /// `/bucket`, or empty.
    pub path: String,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn place(address: &str) -> String {
        match S3Settings::parse(address).and_then(|settings| settings.place()) {
            Ok(Place { scheme, host, path }) => format!("{scheme}://{host}{path}"),
            Err(StoreFault::Address { reason, .. }) => reason,
            Err(other) => panic!("{other}"),
        }
    }

    #[test]
    fn places() {
        for (address, expected) in [
            (
                "s3://back-up/dev3",
                "https://back-up.s3.us-east-1.amazonaws.com",
            ),
            (
                "s3://back.up/?region=eu-north-1",
                "https://s3.eu-north-1.amazonaws.com/back.up",
            ),
            (
                "s3://abc?region=cn-north-1",
                "https://abc.s3.cn-north-1.amazonaws.com.cn",
            ),
            (
                "s3://abc/a/b?endpoint=https://r2.example:8443/",
                "https://abc.r2.example:8443",
            ),
            (
                "s3://abc?endpoint=https://10.1.2.3:443",
                "https://10.1.2.3/abc",
            ),
            (
                "s3://abc?endpoint=http://127.0.0.1:9000",
                "http://127.0.0.1:9000/abc",
            ),
            (
                "s3://abc?endpoint=http://[::1]:9000",
                "http://[::1]:9000/abc",
            ),
            (
                "s3://abc?endpoint=http://localhost:9000",
                "http://localhost:9000/abc",
            ),
        ] {
            assert_eq!(place(address), expected, "{address}");
        }
        let kept = S3Settings::parse("s3://abc/a/b/?endpoint=https://x.example").unwrap();
        assert_eq!(kept.address(), "s3://abc/a/b?endpoint=https://x.example");
        assert_eq!(S3Settings::parse("s3://abc").unwrap().address(), "s3://abc");
    }

    #[test]
    fn what_is_no_address_is_refused() {
        let http = "http would show and trust everything on the way; only https is taken, but on this machine itself";
        let endpoint = "the endpoint is not https://HOST or https://HOST:PORT";
        let bucket = "a bucket's name is 3 to 63 of a-z, 0-9, . and -";
        for (address, reason) in [
            ("s4://abc", "it does not begin with s3://"),
            ("s3://", bucket),
            ("s3://ab", bucket),
            ("s3://-bc", bucket),
            ("s3://a_bc", bucket),
            ("s3://key:secret@abc", bucket),
            ("s3://a..bc", bucket),
            ("s3://abc?endpoint=http://10.0.0.1", http),
            ("s3://abc?endpoint=http://localhost.example.com", http),
            ("s3://abc?endpoint=http://0.0.0.0:9000", http),
            ("s3://abc?endpoint=ftp://host.example", endpoint),
            ("s3://abc?endpoint=https://host.example/path", endpoint),
            ("s3://abc?endpoint=https://me:pw@host.example", endpoint),
            ("s3://abc?endpoint=https://host.example:99999", endpoint),
            ("s3://abc?endpoint=host.example", endpoint),
            ("s3://abc?region=a/b", "the region is no region's name"),
            ("s3://abc?region=a&region=b", "it says something twice"),
            (
                "s3://abc?profile=x",
                "only endpoint=URL and region=REGION may follow the ?",
            ),
        ] {
            assert_eq!(place(address), reason, "{address}");
        }
        for address in ["s3://k:pw@abc", "s3://abc?endpoint=https://me:pw@h.example"] {
            let fault = S3Settings::parse(address).unwrap_err().to_string();
            assert!(!fault.contains("pw"), "{fault}");
        }
        for prefix in ["a//b", "/a", "..", "a/.b", "a b", "ä"] {
            assert!(
                place(&format!("s3://abc/{prefix}")).starts_with("the prefix is"),
                "{prefix}"
            );
        }
    }
}
