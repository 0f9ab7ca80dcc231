//! One request and its answer: signed, bounded in time and size, whole or not at all.
//!
//! 1. No redirect is followed, no proxy of the environment used, no compression asked for.
//! 2. A server that is silent for the time-out ends the exchange, and so does one that dribbles.
//! 3. An answer whose body is shorter or longer than it says is no answer.

use std::collections::BTreeMap;
use std::io;
use std::time::Duration;

use data_encoding::HEXLOWER;
use jiff::Timestamp;
use sha2::{Digest, Sha256};
use ureq::Agent;
use ureq::http::header::HeaderValue;
use ureq::http::{HeaderMap, Method, Request};
use ureq::tls::{RootCerts, TlsConfig};

use super::credentials::Credentials;
use super::settings::Place;
use super::sign::{self, Signed};
use crate::transcript::visible::visible_short;

/// Longest answer that is no object, in bytes: a page of a thousand keys of a thousand letters, all encoded, and more.
pub(super) const MAX_ANSWER: u64 = 16 * 1024 * 1024;

/// Fewer bytes a second than this is no connection.
const SLOWEST: u64 = 64 * 1024;

/// Bodies from this size on wait for the server's consent, so that a refusal comes before the body is sent.
const ASK_FIRST: usize = 1024 * 1024;

/// What is asked.
pub(super) struct Ask<'a> {
    pub method: Method,
    /// The object's whole key; empty for the bucket.
    pub key: &'a str,
    pub query: Vec<(&'a str, &'a str)>,
    /// Further headers, by names in small letters.
    pub headers: Vec<(&'static str, String)>,
    pub body: &'a [u8],
    /// SHA-256 of the body.
    pub hash: [u8; 32],
    /// Longest body of an answer.
    pub limit: u64,
}

impl<'a> Ask<'a> {
    pub fn new(method: Method, key: &'a str) -> Self {
        Self {
            method,
            key,
            query: vec![],
            headers: vec![],
            body: &[],
            hash: Sha256::digest([]).into(),
            limit: MAX_ANSWER,
        }
    }
}

/// A whole answer, of any status.
#[derive(Debug)]
pub(super) struct Answer {
    pub status: u16,
    pub headers: HeaderMap,
    pub body: Vec<u8>,
}

impl Answer {
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }

    /// The server's time.
    pub fn date(&self) -> Option<Timestamp> {
        let date = jiff::fmt::rfc2822::parse(self.header("date")?).ok()?;
        Some(date.timestamp())
    }
}

/// Why there is no answer.
#[derive(Debug)]
pub(super) enum Broken {
    /// What was to be read is longer than the limit.
    TooLarge,
    /// Anything else. Whether the request arrived can't be told.
    Lost(String),
}

/// The way to one bucket. Connections are kept.
pub(super) struct Wire {
    agent: Agent,
    place: Place,
    region: String,
    timeout: Duration,
}

impl Wire {
    pub fn new(place: Place, region: String, timeout: Duration) -> Self {
        let config = Agent::config_builder()
            .timeout_connect(Some(timeout))
            .timeout_resolve(Some(timeout))
            .timeout_per_read(Some(timeout))
            .timeout_per_write(Some(timeout))
            .max_idle_connections(64)
            .max_idle_connections_per_host(64)
            .proxy(None)
            .max_redirects(0)
            .http_status_as_error(false)
            .user_agent("")
            .accept("")
            .accept_encoding("")
            .tls_config(
                // The host's own roots: whoever runs the host decides whom it trusts.
                TlsConfig::builder()
                    .root_certs(RootCerts::PlatformVerifier)
                    .build(),
            )
            .build();
        Self {
            agent: config.new_agent(),
            place,
            region,
            timeout,
        }
    }

    /// Sends the request once, signed for `time`.
    pub fn exchange(
        &self,
        ask: &Ask<'_>,
        credentials: &Credentials,
        time: Timestamp,
    ) -> Result<Answer, Broken> {
        let path = match (self.place.path.as_str(), ask.key) {
            ("", key) => format!("/{key}"),
            (bucket, "") => bucket.to_owned(),
            (bucket, key) => format!("{bucket}/{key}"),
        };
        let query = sign::query(&ask.query);
        let date = sign::amz_date(time);
        let hash = HEXLOWER.encode(&ask.hash);
        let mut headers: BTreeMap<_, _> = ask.headers.iter().cloned().collect();
        headers.insert("host", self.place.host.clone());
        headers.insert("x-amz-date", date.clone());
        headers.insert("x-amz-content-sha256", hash.clone());
        if let Some(token) = &credentials.token {
            headers.insert("x-amz-security-token", token.expose().to_owned());
        }
        let signed = Signed {
            method: ask.method.as_str(),
            path: &path,
            query: &query,
            headers: &headers,
            body: &hash,
        };
        let authorization = sign::authorization(credentials, &self.region, &date, &signed);
        headers.insert("authorization", authorization);
        let mark = if query.is_empty() { "" } else { "?" };
        let uri = format!(
            "{}://{}{path}{mark}{query}",
            self.place.scheme, self.place.host
        );
        let mut request = Request::builder().method(&ask.method).uri(uri);
        for (name, value) in headers {
            let mut value = HeaderValue::try_from(value)
                .map_err(|_| Broken::Lost(format!("{name} can't stand in a header")))?;
            value.set_sensitive(["authorization", "x-amz-security-token"].contains(&name));
            request = request.header(name, value);
        }
        if ask.body.len() >= ASK_FIRST {
            request = request.header("expect", "100-continue");
        }
        let bytes = ask.limit.max(ask.body.len() as u64);
        let longest = self.timeout + Duration::from_secs(bytes / SLOWEST);
        let unsendable = |error: ureq::http::Error| Broken::Lost(error.to_string());
        let sent = if ask.method == Method::PUT {
            let request = request.body(ask.body).map_err(unsendable)?;
            let request = self.agent.configure_request(request);
            self.agent
                .run(request.timeout_global(Some(longest)).build())
        } else {
            let request = request.body(()).map_err(unsendable)?;
            let request = self.agent.configure_request(request);
            self.agent
                .run(request.timeout_global(Some(longest)).build())
        };
        let mut response = sent.map_err(|error| self.lost(error))?;
        let declared = length(response.headers()).map_err(Broken::Lost)?;
        let bodyless =
            ask.method == Method::HEAD || [204, 304].contains(&response.status().as_u16());
        // An error's text is bounded on its own: what an object may have says nothing about it.
        let good = response.status().is_success();
        let limit = if good { ask.limit } else { MAX_ANSWER };
        let too_large = || match (good, &ask.method) {
            (true, &Method::GET) => Broken::TooLarge,
            _ => Broken::Lost("the answer is longer than answers are".into()),
        };
        if !bodyless && declared.is_some_and(|bytes| bytes > limit) {
            return Err(too_large());
        }
        let body = if bodyless {
            vec![]
        } else {
            let body = response
                .body_mut()
                .with_config()
                .limit(limit.saturating_add(1));
            match body.read_to_vec() {
                Err(ureq::Error::BodyExceedsLimit(_)) => return Err(too_large()),
                read => read.map_err(|error| self.lost(error))?,
            }
        };
        if body.len() as u64 > limit {
            return Err(too_large());
        }
        if !bodyless && declared.is_some_and(|bytes| bytes != body.len() as u64) {
            return Err(Broken::Lost("the answer is shorter than it says".into()));
        }
        let (parts, _) = response.into_parts();
        Ok(Answer {
            status: parts.status.as_u16(),
            headers: parts.headers,
            body,
        })
    }

    /// In our words: those of the library may repeat the address.
    fn lost(&self, error: ureq::Error) -> Broken {
        use io::ErrorKind;
        let timed_out = || format!("no answer within {} s", self.timeout.as_secs_f32());
        Broken::Lost(match error {
            ureq::Error::Timeout(_) => timed_out(),
            ureq::Error::Io(error) => match error.kind() {
                ErrorKind::TimedOut => timed_out(),
                ErrorKind::UnexpectedEof
                | ErrorKind::ConnectionReset
                | ErrorKind::ConnectionAborted
                | ErrorKind::BrokenPipe => {
                    "the connection was closed before the answer was complete".into()
                }
                _ => visible_short(&error.to_string(), 200),
            },
            ureq::Error::HostNotFound => "there is no host of that name".into(),
            ureq::Error::ConnectionFailed => "no connection".into(),
            ureq::Error::Tls(reason) => format!("TLS failed: {reason}"),
            ureq::Error::Rustls(error) => {
                format!("TLS failed: {}", visible_short(&error.to_string(), 200))
            }
            ureq::Error::Protocol(error) => format!(
                "the answer is not HTTP/1.1 ({})",
                visible_short(&error.to_string(), 200)
            ),
            _ => "the answer is not HTTP/1.1".into(),
        })
    }
}

/// The length that an answer declares.
fn length(headers: &HeaderMap) -> Result<Option<u64>, String> {
    let mut all = headers.get_all("content-length").iter();
    let Some(first) = all.next() else {
        return Ok(None);
    };
    let number = first.to_str().ok().and_then(|text| text.parse().ok());
    match (number, all.next()) {
        (Some(number), None) => Ok(Some(number)),
        _ => Err("the answer's Content-Length is no number".into()),
    }
}
