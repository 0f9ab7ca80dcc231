//! JSON-RPC 2.0 over HTTP(S), to one node.
//!
//! 1. One POST a question. No redirect is followed, no proxy of the environment used, no compression asked for.
//! 2. Every call ends in time, however slowly the bytes come, and every answer has a bound, declared or not.
//! 3. An answer is JSON-RPC 2.0 with our id and exactly one of result and error, and nothing after it.
//! 4. What a node says reaches a person only bounded and escaped. An address is shown without credentials.

mod address;
mod fault;

pub use address::{Address, AddressFault};
pub use fault::{NodeFault, Why};

use std::fmt;
use std::marker::PhantomData;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use serde::de::{DeserializeOwned, IgnoredAny, MapAccess, Visitor};
use serde::{Deserialize, Deserializer};
use ureq::Agent;
use ureq::tls::{RootCerts, TlsConfig};

use crate::transcript::visible::visible_short;

/// Longest answer that is read, in bytes.
pub const MAX_ANSWER: usize = 4 * 1024 * 1024;

/// Longest foreign text that is shown, in characters.
const MAX_SHOWN: usize = 200;

/// One node's JSON-RPC endpoint. Connections are kept between calls.
pub struct Rpc {
    agent: Agent,
    address: Address,
    name: String,
    timeout: Duration,
    last_id: AtomicU64,
}

impl Rpc {
    /// An endpoint whose calls take at most `timeout` each, from looking up the host to the answer's last byte.
    pub fn new(address: Address, timeout: Duration) -> Self {
        let config = Agent::config_builder()
            .timeout_global(Some(timeout))
            .proxy(None)
            .max_redirects(0)
            .http_status_as_error(false)
            .user_agent("")
            .accept("application/json")
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
            name: address.name().to_owned(),
            address,
            timeout,
            last_id: AtomicU64::new(0),
        }
    }

    /// The node's address without credentials, as texts and documents name it.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Its address.
    pub fn address(&self) -> &Address {
        &self.address
    }

    /// Names it otherwise, when two nodes share host and port.
    pub(super) fn rename(&mut self, name: String) {
        self.name = name;
    }

    /// Asks `method` with `params`, a JSON array. `None` is the result `null`.
    ///
    /// # Errors
    /// [`NodeFault`], with the node's name.
    pub fn call<T: DeserializeOwned>(
        &self,
        method: &'static str,
        params: serde_json::Value,
    ) -> Result<Option<T>, NodeFault> {
        self.ask(method, params)
            .map_err(|why| self.fault(method, why))
    }

    pub(super) fn fault(&self, method: &'static str, why: Why) -> NodeFault {
        NodeFault {
            node: self.name.clone(),
            method,
            why,
        }
    }

    fn ask<T: DeserializeOwned>(
        &self,
        method: &'static str,
        params: serde_json::Value,
    ) -> Result<Option<T>, Why> {
        let id = self.last_id.fetch_add(1, Ordering::Relaxed) + 1;
        let question = serde_json::json!({
            "jsonrpc": "2.0", "id": id, "method": method, "params": params,
        });
        let mut response = self
            .agent
            .post(self.address.uri())
            .header("Content-Type", "application/json")
            .send(question.to_string())
            .map_err(|error| self.why(error))?;
        let status = response.status().as_u16();
        if status != 200 {
            return Err(Why::Status { status });
        }
        let body = response.body_mut();
        let limit = u64::try_from(MAX_ANSWER).unwrap_or(u64::MAX);
        if body.content_length().is_some_and(|bytes| bytes > limit) {
            return Err(Why::TooLarge { limit: MAX_ANSWER });
        }
        let bytes = body
            .with_config()
            .limit(limit)
            .read_to_vec()
            .map_err(|error| self.why(error))?;
        answer(&bytes, id)
    }

    /// In our words: those of the library may repeat the address with its credentials.
    fn why(&self, error: ureq::Error) -> Why {
        use std::io::ErrorKind;
        let unreachable = |reason: String| Why::Unreachable { reason };
        match error {
            ureq::Error::Timeout(_) => Why::TimedOut {
                limit: self.timeout,
            },
            ureq::Error::Io(error) => match error.kind() {
                ErrorKind::TimedOut => Why::TimedOut {
                    limit: self.timeout,
                },
                ErrorKind::UnexpectedEof
                | ErrorKind::ConnectionReset
                | ErrorKind::ConnectionAborted
                | ErrorKind::BrokenPipe => {
                    unreachable("the connection was closed before the answer was complete".into())
                }
                _ => unreachable(visible_short(&error.to_string(), MAX_SHOWN)),
            },
            ureq::Error::HostNotFound => unreachable("there is no host of that name".into()),
            ureq::Error::ConnectionFailed => unreachable("no connection".into()),
            ureq::Error::Tls(reason) => unreachable(format!("TLS failed: {reason}")),
            ureq::Error::Rustls(error) => unreachable(format!(
                "TLS failed: {}",
                visible_short(&error.to_string(), MAX_SHOWN)
            )),
            ureq::Error::BodyExceedsLimit(_) | ureq::Error::LargeResponseHeader(..) => {
                Why::TooLarge { limit: MAX_ANSWER }
            }
            ureq::Error::Protocol(error) => Why::malformed(format!(
                "it is not HTTP/1.1 ({})",
                visible_short(&error.to_string(), MAX_SHOWN)
            )),
            _ => Why::malformed("it is not HTTP/1.1"),
        }
    }
}

#[derive(Deserialize)]
struct ErrorObject {
    /// Servers of other makers leave it out, against JSON-RPC 2.0.
    #[serde(default)]
    code: i64,
    message: String,
}

/// An answer's members, each at most once. A result that is `null` is there; an absent one is not.
struct Answer<T> {
    version: Option<String>,
    id: Option<serde_json::Value>,
    result: Option<Option<T>>,
    error: Option<ErrorObject>,
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Answer<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct AnswerVisitor<T>(PhantomData<T>);

        impl<'de, T: Deserialize<'de>> Visitor<'de> for AnswerVisitor<T> {
            type Value = Answer<T>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a JSON-RPC answer")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Answer<T>, A::Error> {
                fn once<T, E: serde::de::Error>(
                    place: &mut Option<T>,
                    value: T,
                    name: &'static str,
                ) -> Result<(), E> {
                    match place.replace(value) {
                        None => Ok(()),
                        Some(_) => Err(E::duplicate_field(name)),
                    }
                }
                let mut answer = Answer {
                    version: None,
                    id: None,
                    result: None,
                    error: None,
                };
                while let Some(member) = map.next_key::<String>()? {
                    match member.as_str() {
                        "jsonrpc" => once(&mut answer.version, map.next_value()?, "jsonrpc")?,
                        "id" => once(&mut answer.id, map.next_value()?, "id")?,
                        "result" => once(&mut answer.result, map.next_value()?, "result")?,
                        "error" => once(&mut answer.error, map.next_value()?, "error")?,
                        _ => {
                            map.next_value::<IgnoredAny>()?;
                        }
                    }
                }
                Ok(answer)
            }
        }

        deserializer.deserialize_map(AnswerVisitor(PhantomData))
    }
}

fn answer<T: DeserializeOwned>(bytes: &[u8], id: u64) -> Result<Option<T>, Why> {
    let answer: Answer<T> = serde_json::from_slice(bytes)
        .map_err(|error| Why::malformed(visible_short(&error.to_string(), MAX_SHOWN)))?;
    if answer.version.as_deref() != Some("2.0") {
        return Err(Why::malformed("it does not say jsonrpc 2.0"));
    }
    match (answer.id, answer.result, answer.error) {
        (Some(theirs), ..) if theirs.as_u64() != Some(id) => Err(Why::OtherId),
        (None, ..) => Err(Why::malformed("it has no id")),
        (_, Some(result), None) => Ok(result),
        (_, None, Some(error)) => Err(Why::Error {
            code: error.code,
            message: visible_short(&error.message, MAX_SHOWN),
        }),
        (_, Some(_), Some(_)) => Err(Why::malformed("it has both a result and an error")),
        (_, None, None) => Err(Why::malformed("it has neither a result nor an error")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(bytes: &str) -> Result<Option<String>, Why> {
        answer(bytes.as_bytes(), 7)
    }

    #[test]
    fn a_result_may_be_null_but_not_absent() {
        assert_eq!(
            text(r#"{"jsonrpc":"2.0","id":7,"result":"a"}"#),
            Ok(Some("a".into()))
        );
        assert_eq!(text(r#"{"jsonrpc":"2.0","id":7,"result":null}"#), Ok(None));
        // Servers of other makers add members; those change nothing.
        assert_eq!(
            text(r#"{"x":[1],"result":"a","id":7,"jsonrpc":"2.0"}"#),
            Ok(Some("a".into()))
        );
    }

    #[test]
    fn whatever_is_no_answer_is_refused() {
        for bytes in [
            "",
            "{",
            "[]",
            "null",
            r#"{"jsonrpc":"2.0","id":7}"#,
            r#"{"jsonrpc":"2.0","id":7,"result":1}"#,
            r#"{"jsonrpc":"1.0","id":7,"result":"a"}"#,
            r#"{"id":7,"result":"a"}"#,
            r#"{"jsonrpc":"2.0","result":"a"}"#,
            r#"{"jsonrpc":"2.0","id":7,"result":"a"}x"#,
            r#"{"jsonrpc":"2.0","id":7,"result":"a","result":"b"}"#,
            r#"{"jsonrpc":"2.0","id":7,"id":7,"result":"a"}"#,
            r#"{"jsonrpc":"2.0","id":7,"result":"a","error":{"code":1,"message":"m"}}"#,
            r#"{"jsonrpc":"2.0","id":7,"error":"no"}"#,
            r#"[{"jsonrpc":"2.0","id":7,"result":"a"}]"#,
        ] {
            let why = text(bytes).unwrap_err();
            assert!(matches!(why, Why::Malformed { .. }), "{bytes}: {why:?}");
        }
        for id in ["8", "null", "\"7\"", "7.0", "-7"] {
            let bytes = format!(r#"{{"jsonrpc":"2.0","id":{id},"result":"a"}}"#);
            assert_eq!(text(&bytes), Err(Why::OtherId), "{id}");
        }
    }

    #[test]
    fn an_error_text_is_bounded_and_escaped() {
        let long = "x".repeat(1000);
        let bytes = format!(
            r#"{{"jsonrpc":"2.0","id":7,"error":{{"code":-32601,"message":"\u001b[2J{long}","data":[]}}}}"#
        );
        let Err(Why::Error { code, message }) = text(&bytes) else {
            panic!("an error object")
        };
        assert_eq!(code, -32601);
        assert!(message.starts_with("\\u{1b}[2Jxxx"), "{message}");
        assert!(message.ends_with("[804 more bytes]"), "{message}");
    }
}
