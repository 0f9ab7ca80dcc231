//! One connection: requests are read, verified, allowed, carried out and answered, or go wrong as the test wants.

use std::io::{BufReader, Read, Write};
use std::net::TcpStream;

use data_encoding::{BASE64, HEXLOWER};
use jiff::Timestamp;
use jiff::tz::TimeZone;
use sha2::{Digest, Sha256};

use super::http::{self, Request, Response, decoded};
use super::list::{etag, list};
use super::{BUCKET, Conditions, Fault, Object, Op, Seen, Shared, Who, sign};

/// Longest body, so that a test that goes wrong doesn't take the machine with it.
const MAX_BODY: u64 = 512 * 1024 * 1024;

pub fn connection(shared: &Shared, stream: TcpStream) {
    let Ok(reader) = stream.try_clone() else {
        return;
    };
    let (mut reader, mut stream) = (BufReader::new(reader), stream);
    while let Ok(Some(request)) = http::read(&mut reader) {
        let Some((mut response, keep)) = answer(shared, &request, &mut reader, &mut stream) else {
            return;
        };
        if !keep {
            response = response.header("connection", "close");
        }
        let utc = shared.now().to_zoned(TimeZone::UTC);
        let date = utc.strftime("%a, %d %b %Y %H:%M:%S GMT").to_string();
        let head_only = request.method == "HEAD";
        let Ok(sent) = response.write(&mut stream, head_only, &date) else {
            return;
        };
        shared.count(|counts| counts.bytes_out += sent as u64);
        if !keep || response.cut.is_some() {
            return;
        }
    }
}

/// The kind of request, and the key.
fn kind(request: &Request) -> Option<(Op, String)> {
    let path = decoded(&request.path);
    let rest = path.strip_prefix('/')?.strip_prefix(BUCKET)?;
    let key = rest.strip_prefix('/').unwrap_or(rest).to_owned();
    let parts = request.parts();
    let method = request.method.as_str();
    let op = match (method, key.is_empty()) {
        ("GET", true) if parts.contains_key("object-lock") => Op::LockConfiguration,
        ("GET", true) => {
            let prefix = parts.get("prefix").cloned().unwrap_or_default();
            return Some((Op::List, prefix));
        }
        ("HEAD", true) => Op::HeadBucket,
        ("PUT", false) if parts.contains_key("retention") => Op::PutRetention,
        (_, false) if !parts.is_empty() => return None,
        ("PUT", false) => Op::Put,
        ("GET", false) => Op::Get,
        ("HEAD", false) => Op::Head,
        ("DELETE", false) => Op::Delete,
        _ => return None,
    };
    Some((op, key))
}

fn may(shared: &Shared, who: Who, op: Op) -> bool {
    match op {
        _ if who == Who::Owner => true,
        Op::List | Op::HeadBucket => true,
        Op::LockConfiguration => shared.config.tells_lock,
        Op::Put | Op::PutRetention => matches!(who, Who::Writer | Who::Verifier),
        Op::Get | Op::Head => who != Who::Writer,
        Op::Delete => matches!(who, Who::Pruner | Who::Verifier),
    }
}

/// The answer and whether the connection is kept; `None` ends it without an answer.
fn answer(
    shared: &Shared,
    request: &Request,
    reader: &mut BufReader<TcpStream>,
    stream: &mut TcpStream,
) -> Option<(Response, bool)> {
    shared.count(|counts| counts.requests += 1);
    // A body that is not read ends the connection.
    let bodyless = request.length() == 0;
    let early = |status, code| Some((Response::error(status, code), bodyless));
    if request.header("transfer-encoding").is_some() || request.length() > MAX_BODY {
        return early(501, "NotImplemented");
    }
    if request.method == "PUT" && request.header("content-length").is_none() {
        return early(411, "MissingContentLength");
    }
    let who = match sign::verify(shared, request) {
        Ok(who) => who,
        Err((status, code)) => return early(status, code),
    };
    let Some((op, key)) = kind(request) else {
        return early(501, "NotImplemented");
    };
    if !may(shared, who, op) {
        return early(403, "AccessDenied");
    }
    let seen = Seen {
        op,
        key,
        who,
        query: request.query.clone(),
    };
    let fault = shared.fault(&seen);
    let waits = request.header("expect") == Some("100-continue");
    match fault {
        Some(Fault::Close) => return None,
        Some(Fault::Status(status, code)) => {
            // Whose body is on its way may never see an answer on a connection that ends: a small one is taken first.
            let mut body = vec![];
            if !waits && request.length() <= 64 * 1024 {
                let mut all = reader.by_ref().take(request.length());
                all.read_to_end(&mut body).ok()?;
            }
            return early(status, code);
        }
        _ => {}
    }
    if waits && op == Op::Put {
        let taken = shared.objects.lock().unwrap().contains_key(&seen.key);
        if taken && conditional(shared, request) && fault.is_none() {
            return early(412, "PreconditionFailed");
        }
        stream.write_all(b"HTTP/1.1 100 Continue\r\n\r\n").ok()?;
    }
    let mut body = vec![];
    let length = request.length();
    reader.by_ref().take(length).read_to_end(&mut body).ok()?;
    shared.count(|counts| counts.bytes_in += body.len() as u64);
    if body.len() as u64 != length {
        return None;
    }
    if Some(HEXLOWER.encode(&Sha256::digest(&body)).as_str())
        != request.header("x-amz-content-sha256")
    {
        return Some((Response::error(400, "XAmzContentSHA256Mismatch"), true));
    }
    if let Some(Fault::Silent) = fault {
        // Until the client hangs up.
        let _ = reader.read(&mut [0]);
        return None;
    }
    let mut response = carry_out(shared, &seen, request, body);
    match fault {
        Some(Fault::CloseAfter) => return None,
        Some(Fault::StatusAfter(status, code)) => response = Response::error(status, code),
        Some(Fault::Cut(bytes)) => response.cut = Some(bytes),
        Some(Fault::WrongChecksum) => {
            response
                .headers
                .retain(|(name, _)| *name != "x-amz-checksum-sha256");
            let wrong = BASE64.encode(&Sha256::digest(b"other bytes"));
            response = response.header("x-amz-checksum-sha256", wrong);
        }
        Some(Fault::Body(bytes)) => (response.status, response.body) = (200, bytes),
        Some(Fault::Edit(edit)) => {
            let text = String::from_utf8(response.body).unwrap();
            response.body = edit(text).into_bytes();
        }
        _ => {}
    }
    Some((response, true))
}

fn conditional(shared: &Shared, request: &Request) -> bool {
    shared.config.conditions == Conditions::Kept && request.header("if-none-match") == Some("*")
}

fn carry_out(shared: &Shared, seen: &Seen, request: &Request, body: Vec<u8>) -> Response {
    let key = &seen.key;
    let mut objects = shared.objects.lock().unwrap();
    match seen.op {
        Op::Put => {
            let taken = objects.get(key).cloned();
            let response = put(shared, taken.as_ref(), request, body);
            let (response, Some(object)) = response else {
                return response.0;
            };
            objects.insert(key.clone(), object);
            shared.count(|counts| counts.puts += 1);
            response
        }
        Op::PutRetention => retention(shared, objects.get_mut(key), &body),
        Op::Get | Op::Head => {
            shared.count(|counts| match seen.op {
                Op::Get => counts.gets += 1,
                _ => counts.heads += 1,
            });
            let Some(object) = objects.get(key) else {
                return Response::error(404, "NoSuchKey");
            };
            let mut response = Response::new(200).header("etag", etag(&object.bytes));
            if request.header("x-amz-checksum-mode") == Some("ENABLED")
                && shared.config.states_checksums
            {
                let sum = BASE64.encode(&Sha256::digest(&object.bytes));
                response = response.header("x-amz-checksum-sha256", sum);
            }
            if let Some((mode, until)) = &object.lock {
                response = response
                    .header("x-amz-object-lock-mode", mode)
                    .header("x-amz-object-lock-retain-until-date", until.to_string());
            }
            response.length = Some(object.bytes.len());
            if seen.op == Op::Get {
                response.body = object.bytes.clone();
                response.length = None;
            }
            response
        }
        Op::Delete => {
            shared.count(|counts| counts.deletes += 1);
            let lock = objects.get(key).and_then(|object| object.lock.as_ref());
            if lock.is_some_and(|(_, until)| *until > shared.now()) {
                let mut response = Response::error(403, "AccessDenied");
                response.body = b"<Error><Code>AccessDenied</Code><Message>Access Denied because object protected by object lock.</Message></Error>".to_vec();
                return response;
            }
            objects.remove(key);
            Response::new(204)
        }
        Op::List => {
            shared.count(|counts| counts.lists += 1);
            list(&objects, &request.parts(), shared.config.page)
        }
        Op::HeadBucket => Response::new(200),
        Op::LockConfiguration => match &shared.config.object_lock {
            None => Response::error(404, "ObjectLockConfigurationNotFoundError"),
            Some(mode) => {
                let rule = mode.map_or(String::new(), |mode| {
                    format!("<Rule><DefaultRetention><Mode>{mode}</Mode><Days>1</Days></DefaultRetention></Rule>")
                });
                let body = format!(
                    "<ObjectLockConfiguration><ObjectLockEnabled>Enabled</ObjectLockEnabled>{rule}</ObjectLockConfiguration>"
                );
                Response {
                    body: body.into_bytes(),
                    ..Response::new(200)
                }
            }
        },
    }
}

fn put(
    shared: &Shared,
    taken: Option<&Object>,
    request: &Request,
    body: Vec<u8>,
) -> (Response, Option<Object>) {
    let refuse = |status, code| (Response::error(status, code), None);
    let sum = BASE64.encode(&Sha256::digest(&body));
    match request.header("x-amz-checksum-sha256") {
        None => return refuse(400, "InvalidRequest"),
        Some(theirs) if theirs != sum => return refuse(400, "BadDigest"),
        Some(_) => {}
    }
    match (shared.config.conditions, request.header("if-none-match")) {
        (Conditions::Unsupported, Some(_)) => return refuse(501, "NotImplemented"),
        (_, Some(condition)) if condition != "*" => return refuse(501, "NotImplemented"),
        _ => {}
    }
    if taken.is_some() && conditional(shared, request) {
        return refuse(412, "PreconditionFailed");
    }
    let mode = request.header("x-amz-object-lock-mode");
    let until = request.header("x-amz-object-lock-retain-until-date");
    let lock = match (mode, until) {
        (None, None) => None,
        (Some(mode @ ("GOVERNANCE" | "COMPLIANCE")), Some(until)) => {
            if shared.config.object_lock.is_none() {
                let mut response = Response::error(400, "InvalidRequest");
                response.body = b"<Error><Code>InvalidRequest</Code><Message>Bucket is missing Object Lock Configuration</Message></Error>".to_vec();
                return (response, None);
            }
            match until.parse::<Timestamp>() {
                Ok(until) if until > shared.now() => Some((mode.to_owned(), until)),
                _ => return refuse(400, "InvalidArgument"),
            }
        }
        _ => return refuse(400, "InvalidArgument"),
    };
    // There are no versions: what would replace a locked object is refused.
    let held = taken.and_then(|object| object.lock.as_ref());
    if held.is_some_and(|(_, until)| *until > shared.now()) {
        return refuse(403, "AccessDenied");
    }
    let mut response = Response::new(200).header("etag", etag(&body));
    if shared.config.states_checksums {
        response = response.header("x-amz-checksum-sha256", sum);
    }
    (response, Some(Object { bytes: body, lock }))
}

/// PutObjectRetention: a lock may be made longer, never shorter.
fn retention(shared: &Shared, object: Option<&mut Object>, body: &[u8]) -> Response {
    let text = String::from_utf8_lossy(body);
    let between = |from: &str, to: &str| {
        let rest = text.split_once(from)?.1;
        Some(rest.split_once(to)?.0.to_owned())
    };
    let (Some(object), Some(mode), Some(until)) = (
        object,
        between("<Mode>", "</Mode>"),
        between("<RetainUntilDate>", "</RetainUntilDate>"),
    ) else {
        return Response::error(400, "MalformedXML");
    };
    let Ok(until) = until.parse::<Timestamp>() else {
        return Response::error(400, "InvalidArgument");
    };
    let shorter = object.lock.as_ref().is_some_and(|(_, held)| until < *held);
    if shared.config.object_lock.is_none() || shorter {
        return Response::error(403, "AccessDenied");
    }
    object.lock = Some((mode, until));
    Response::new(200)
}
