//! Credentials of an EC2 instance's role, from its metadata service (IMDSv2).
//!
//! A session token is asked for by PUT, and sent with each question: version 1, which answers without, is not used.
//! The address is link-local, or loopback in tests; nothing else is asked. Answers are short, and come soon.

use std::time::Duration;

use jiff::Timestamp;
use serde::Deserialize;
use ureq::Agent;
use ureq::http::{Method, Request};
use zeroize::Zeroizing;

use super::credentials::{Credentials, INSTANCE_METADATA, fault, sendable};
use crate::online::store::StoreFault;
use crate::secret::SecretText;
use crate::transcript::visible::visible_short;

const FROM: &str = "the instance's role";
const MAX_ANSWER: u64 = 64 * 1024;

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Answer {
    code: String,
    access_key_id: String,
    secret_access_key: String,
    token: String,
    expiration: String,
}

pub(super) fn ask(address: &str) -> Result<Credentials, StoreFault> {
    let known = [INSTANCE_METADATA, "http://[fd00:ec2::254]"].contains(&address);
    let local = address
        .strip_prefix("http://127.0.0.1:")
        .is_some_and(|port| port.parse::<u16>().is_ok());
    if !known && !local {
        return Err(fault(FROM, "the metadata address is not link-local"));
    }
    let agent = Agent::config_builder()
        .timeout_global(Some(Duration::from_secs(5)))
        .proxy(None)
        .max_redirects(0)
        .http_status_as_error(false)
        .user_agent("")
        .accept_encoding("")
        .build()
        .new_agent();
    let question = |method: Method, path: &str, header: (&str, &str)| {
        let text = |reason: String| fault(FROM, format!("{method} {path}: {reason}"));
        let request = Request::builder()
            .method(&method)
            .uri(format!("{address}/latest/{path}"))
            .header(header.0, header.1);
        let sent = if method == Method::PUT {
            let request = request.body(&[][..]).map_err(|e| text(e.to_string()))?;
            agent.run(request)
        } else {
            let request = request.body(()).map_err(|e| text(e.to_string()))?;
            agent.run(request)
        };
        let mut response = sent.map_err(|error| text(visible_short(&error.to_string(), 200)))?;
        let status = response.status().as_u16();
        if status != 200 {
            return Err(text(format!("HTTP {status}")));
        }
        let body = response.body_mut().with_config().limit(MAX_ANSWER);
        let bytes = Zeroizing::new(
            body.read_to_vec()
                .map_err(|error| text(error.to_string()))?,
        );
        match std::str::from_utf8(&bytes) {
            Ok(answer) => Ok(SecretText::new(answer.trim().to_owned())),
            Err(_) => Err(text("it is not UTF-8".into())),
        }
    };
    let life = ("x-aws-ec2-metadata-token-ttl-seconds", "21600");
    let token = question(Method::PUT, "api/token", life)?;
    if !sendable(token.expose()) {
        return Err(fault(FROM, "the session token is no such value"));
    }
    let session = ("x-aws-ec2-metadata-token", token.expose());
    let roles = "meta-data/iam/security-credentials/";
    let role = question(Method::GET, roles, session)?;
    let role = role.expose().lines().next().unwrap_or_default();
    let plain = |b: u8| b.is_ascii_alphanumeric() || b"+=,.@_-".contains(&b);
    if role.is_empty() || role.len() > 128 || !role.bytes().all(plain) {
        return Err(fault(FROM, "the instance has no role"));
    }
    let answer = question(Method::GET, &format!("{roles}{role}"), session)?;
    let answer: Answer = serde_json::from_str(answer.expose())
        // The parser's words may repeat what it read.
        .map_err(|error| fault(FROM, format!("no credentials (line {})", error.line())))?;
    let secret = SecretText::new(answer.secret_access_key);
    let token = SecretText::new(answer.token);
    let expires = answer.expiration.parse::<Timestamp>();
    let expires = expires.map_err(|_| fault(FROM, "their end is no time"))?;
    if answer.code != "Success" {
        let code = visible_short(&answer.code, 100);
        return Err(fault(FROM, format!("the service says {code}")));
    }
    if ![
        answer.access_key_id.as_str(),
        secret.expose(),
        token.expose(),
    ]
    .into_iter()
    .all(sendable)
    {
        return Err(fault(FROM, "the credentials are no such values"));
    }
    Ok(Credentials {
        id: answer.access_key_id,
        secret,
        token: Some(token),
        expires: Some(expires),
    })
}
