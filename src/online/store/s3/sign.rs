//! Signatures of requests: AWS Signature Version 4, in the header `Authorization`.
//!
//! signature = HMAC-SHA-256(key, `AWS4-HMAC-SHA256` ⏎ time ⏎ scope ⏎ hex(SHA-256(canonical request))), where key is a chain
//! of HMACs over date, region, service and `aws4_request`, begun with `AWS4` ‖ secret. Source: Amazon S3 API Reference,
//! "Authenticating Requests (AWS Signature Version 4)", whose examples are the tests below.
//!
//! Not a presigned URL: buckets may refuse those (`s3:authType`), they put a session's token into logs of addresses, and a
//! wrong clock is answered without its name. Crates that sign headers bring an async runtime or second versions of the
//! hashes; so the few lines are here, over the same `hmac` and `sha2` as elsewhere.

use std::collections::BTreeMap;
use std::fmt::Write;

use data_encoding::HEXLOWER;
use hmac::{Hmac, Mac};
use jiff::Timestamp;
use jiff::tz::TimeZone;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use sha2::{Digest, Sha256};
use zeroize::Zeroizing;

use super::credentials::Credentials;

/// What stays as it is in a query, by RFC 3986: letters, digits, `-._~`.
const ENCODED: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'.')
    .remove(b'_')
    .remove(b'~');

/// What is signed of a request.
pub(super) struct Signed<'a> {
    /// `GET`, `PUT` and so on.
    pub method: &'a str,
    /// The path as sent; names of objects need no encoding.
    pub path: &'a str,
    /// The query as sent, by [`query`].
    pub query: &'a str,
    /// Headers by their names in small letters. All are signed.
    pub headers: &'a BTreeMap<&'static str, String>,
    /// SHA-256 of the body, in hex.
    pub body: &'a str,
}

/// A query in the one spelling that is signed and sent: sorted, all encoded.
pub(super) fn query(parts: &[(&str, &str)]) -> String {
    let mut parts: Vec<_> = parts
        .iter()
        .map(|(name, value)| {
            let encoded = |text| utf8_percent_encode(text, ENCODED).to_string();
            format!("{}={}", encoded(name), encoded(value))
        })
        .collect();
    parts.sort();
    parts.join("&")
}

/// The time as `x-amz-date` has it, e.g. `20130524T000000Z`.
pub(super) fn amz_date(time: Timestamp) -> String {
    let utc = time.to_zoned(TimeZone::UTC);
    utc.strftime("%Y%m%dT%H%M%SZ").to_string()
}

fn mac(key: &[u8], text: &str) -> Zeroizing<[u8; 32]> {
    let mut mac =
        <Hmac<Sha256> as Mac>::new_from_slice(key).expect("HMAC takes a key of any length");
    mac.update(text.as_bytes());
    Zeroizing::new(mac.finalize().into_bytes().into())
}

/// The value of `Authorization` for a request whose `x-amz-date` is `date`.
pub(super) fn authorization(
    credentials: &Credentials,
    region: &str,
    date: &str,
    request: &Signed<'_>,
) -> String {
    let day = &date[..8];
    let mut canonical = format!("{}\n{}\n{}\n", request.method, request.path, request.query);
    for (name, value) in request.headers {
        let _ = writeln!(canonical, "{name}:{}", value.trim());
    }
    let names: Vec<_> = request.headers.keys().copied().collect();
    let names = names.join(";");
    let _ = write!(canonical, "\n{names}\n{}", request.body);

    let scope = format!("{day}/{region}/s3/aws4_request");
    let canonical = HEXLOWER.encode(&Sha256::digest(&canonical));
    let text = format!("AWS4-HMAC-SHA256\n{date}\n{scope}\n{canonical}");

    let secret = Zeroizing::new([b"AWS4", credentials.secret.expose().as_bytes()].concat());
    let mut key = mac(&secret, day);
    for part in [region, "s3", "aws4_request"] {
        key = mac(&*key, part);
    }
    let signature = HEXLOWER.encode(&*mac(&*key, &text));
    format!(
        "AWS4-HMAC-SHA256 Credential={}/{scope},SignedHeaders={names},Signature={signature}",
        credentials.id
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::secret::SecretText;

    const EMPTY: &str = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

    fn signature(
        method: &str,
        path: &str,
        parts: &[(&str, &str)],
        headers: &[(&'static str, &str)],
        body: &str,
    ) -> String {
        let credentials = Credentials {
            id: "AKIAIOSFODNN7EXAMPLE".into(),
            secret: SecretText::new("wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY".into()),
            token: None,
            expires: None,
        };
        let date = amz_date("2013-05-24T00:00:00Z".parse().unwrap());
        let mut all: BTreeMap<_, _> = headers.iter().map(|(n, v)| (*n, (*v).to_owned())).collect();
        all.insert("host", "examplebucket.s3.amazonaws.com".into());
        all.insert("x-amz-content-sha256", body.into());
        all.insert("x-amz-date", date.clone());
        let signed = Signed {
            method,
            path,
            query: &query(parts),
            headers: &all,
            body,
        };
        let value = authorization(&credentials, "us-east-1", &date, &signed);
        assert!(value.starts_with(
            "AWS4-HMAC-SHA256 Credential=AKIAIOSFODNN7EXAMPLE/20130524/us-east-1/s3/aws4_request,SignedHeaders="
        ));
        value.rsplit('=').next().unwrap().to_owned()
    }

    /// The four examples of Amazon's reference.
    #[test]
    fn published_examples() {
        assert_eq!(
            signature("GET", "/test.txt", &[], &[("range", "bytes=0-9")], EMPTY),
            "f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41"
        );
        assert_eq!(
            signature(
                "PUT",
                "/test%24file.text",
                &[],
                &[
                    ("date", "Fri, 24 May 2013 00:00:00 GMT"),
                    ("x-amz-storage-class", "REDUCED_REDUNDANCY"),
                ],
                "44ce7dd67c959e0d3524ffac1771dfbba87d2b6b4b4e99e42034a8b803f8b072",
            ),
            "98ad721746da40c64f1a55b78f14c238d841ea1380cd77a1b5971af0ece108bd"
        );
        assert_eq!(
            signature("GET", "/", &[("lifecycle", "")], &[], EMPTY),
            "fea454ca298b7da1c68078a5d1bdbfbbe0d65c699e0f91ac7a200a0136783543"
        );
        assert_eq!(
            signature(
                "GET",
                "/",
                &[("prefix", "J"), ("max-keys", "2")],
                &[],
                EMPTY
            ),
            "34b48302e7b5fa45bde8084f4b7868a86f0a534bc59db6670ed5711ef69dc6f7"
        );
    }

    #[test]
    fn a_query_is_sorted_and_encoded() {
        assert_eq!(
            query(&[("b", "x/y z"), ("a", "ä+~")]),
            "a=%C3%A4%2B~&b=x%2Fy%20z"
        );
    }
}
