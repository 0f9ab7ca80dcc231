//! Verifies AWS Signature Version 4 of a request, from the reference "Authenticating Requests: Using the Authorization
//! Header".

use hmac::{Hmac, Mac};
use jiff::Timestamp;
use sha2::{Digest, Sha256};

use super::http::{Request, decoded, encoded};
use super::{REGION, Shared, Who};

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn mac(key: &[u8], data: &str) -> Vec<u8> {
    let mut mac = Hmac::<Sha256>::new_from_slice(key).unwrap();
    mac.update(data.as_bytes());
    mac.finalize().into_bytes().to_vec()
}

/// Who signed the request, or status and code of the refusal.
pub fn verify(shared: &Shared, request: &Request) -> Result<Who, (u16, &'static str)> {
    let header = |name: &str| request.header(name).unwrap_or_default();
    let malformed = (400, "AuthorizationHeaderMalformed");
    let value = header("authorization").strip_prefix("AWS4-HMAC-SHA256 ");
    let parts: Vec<_> = value.ok_or((403, "AccessDenied"))?.split(',').collect();
    let [credential, signed, signature] = parts[..] else {
        return Err(malformed);
    };
    let part = |text: &'_ str, name: &str| text.trim().strip_prefix(name).map(str::to_owned);
    let credential = part(credential, "Credential=").ok_or(malformed)?;
    let signed = part(signed, "SignedHeaders=").ok_or(malformed)?;
    let signature = part(signature, "Signature=").ok_or(malformed)?;

    let scope: Vec<_> = credential.split('/').collect();
    let [id, day, REGION, "s3", "aws4_request"] = scope[..] else {
        return Err(malformed);
    };
    let keys = shared.keys.lock().unwrap();
    let (who, key) = keys
        .iter()
        .find(|(_, key)| key.id == id)
        .ok_or((403, "InvalidAccessKeyId"))?;
    if key.token.as_deref() != request.header("x-amz-security-token") {
        return Err((403, "InvalidToken"));
    }

    // All of `host` and `x-amz-*` must be signed, in order.
    let names: Vec<_> = signed.split(';').collect();
    let sorted = names.windows(2).all(|pair| pair[0] < pair[1]);
    let must = |name: &String| name == "host" || name.starts_with("x-amz-");
    if !sorted
        || !request
            .headers
            .keys()
            .filter(|name| must(name))
            .all(|name| names.contains(&name.as_str()))
        || header("host") != format!("127.0.0.1:{}", shared.port)
    {
        return Err((403, "AccessDenied"));
    }
    let mut canonical_headers = String::new();
    for name in &names {
        let value = request.header(name).ok_or((403, "SignatureDoesNotMatch"))?;
        canonical_headers += &format!("{name}:{value}\n");
    }
    let mut query: Vec<_> = request
        .parts()
        .iter()
        .map(|(name, value)| format!("{}={}", encoded(name, true), encoded(value, true)))
        .collect();
    query.sort();
    let body = header("x-amz-content-sha256");
    if body.len() != 64 {
        return Err((400, "InvalidRequest"));
    }
    let canonical = format!(
        "{}\n{}\n{}\n{canonical_headers}\n{signed}\n{body}",
        request.method,
        encoded(&decoded(&request.path), false),
        query.join("&")
    );
    let date = header("x-amz-date");
    if !date.starts_with(day) {
        return Err((403, "SignatureDoesNotMatch"));
    }
    let hash = hex(&Sha256::digest(canonical));
    let text = format!("AWS4-HMAC-SHA256\n{date}\n{day}/{REGION}/s3/aws4_request\n{hash}");
    let mut chain = mac(format!("AWS4{}", key.secret).as_bytes(), day);
    for part in [REGION, "s3", "aws4_request"] {
        chain = mac(&chain, part);
    }
    if hex(&mac(&chain, &text)) != signature {
        return Err((403, "SignatureDoesNotMatch"));
    }
    let [year, month, date_, hour, minute, second] =
        [(0, 4), (4, 6), (6, 8), (9, 11), (11, 13), (13, 15)]
            .map(|(from, to)| date.get(from..to).unwrap_or_default());
    let time: Timestamp = format!("{year}-{month}-{date_}T{hour}:{minute}:{second}Z")
        .parse()
        .map_err(|_| (403, "AccessDenied"))?;
    if time.duration_since(shared.now()).abs().as_secs() > 900 {
        return Err((403, "RequestTimeTooSkewed"));
    }
    Ok(*who)
}
