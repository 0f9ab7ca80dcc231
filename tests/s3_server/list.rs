//! ListObjectsV2.

use std::collections::BTreeMap;

use md5::{Digest, Md5};

use super::http::{Response, encoded};
use super::{BUCKET, Object};

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

pub fn etag(bytes: &[u8]) -> String {
    format!("\"{}\"", hex(&Md5::digest(bytes)))
}

pub fn list(
    objects: &BTreeMap<String, Object>,
    parts: &BTreeMap<String, String>,
    page: usize,
) -> Response {
    const KNOWN: [&str; 6] = [
        "list-type",
        "prefix",
        "delimiter",
        "max-keys",
        "continuation-token",
        "encoding-type",
    ];
    let part = |name: &str| parts.get(name).map(String::as_str);
    if parts.keys().any(|name| !KNOWN.contains(&name.as_str()))
        || part("list-type") != Some("2")
        || part("encoding-type").is_some_and(|kind| kind != "url")
    {
        return Response::error(501, "NotImplemented");
    }
    let prefix = part("prefix").unwrap_or_default();
    let delimiter = part("delimiter").unwrap_or_default();
    let most = part("max-keys").map_or(Ok(1000), str::parse);
    let Ok(most) = most.map(|most: usize| most.min(page)) else {
        return Response::error(400, "InvalidArgument");
    };
    // The token is the last entry of the page before.
    let after = match part("continuation-token") {
        None => String::new(),
        Some(token) => match token.strip_prefix("after+") {
            Some(last) => last.to_owned(),
            None => return Response::error(400, "InvalidArgument"),
        },
    };
    let spelled = |key: &str| match part("encoding-type") {
        Some(_) => encoded(key, false),
        None => key.to_owned(),
    };
    let (mut body, mut count, mut last, mut more) = (String::new(), 0, after.clone(), false);
    for (key, object) in objects.range(prefix.to_owned()..) {
        if !key.starts_with(prefix) {
            break;
        }
        let cut = (!delimiter.is_empty())
            .then(|| key[prefix.len()..].find(delimiter))
            .flatten();
        let entry = match cut {
            Some(at) => &key[..prefix.len() + at + delimiter.len()],
            None => key.as_str(),
        };
        if !last.is_empty() && entry <= last.as_str() {
            continue;
        }
        if count == most {
            more = true;
            break;
        }
        count += 1;
        last = entry.to_owned();
        if cut.is_some() {
            body += &format!(
                "<CommonPrefixes><Prefix>{}</Prefix></CommonPrefixes>",
                spelled(entry)
            );
        } else {
            body += &format!(
                "<Contents><Key>{}</Key><LastModified>2026-01-01T00:00:00.000Z</LastModified><ETag>{}</ETag><Size>{}</Size><StorageClass>STANDARD</StorageClass></Contents>",
                spelled(entry),
                etag(&object.bytes).replace('"', "&quot;"),
                object.bytes.len()
            );
        }
    }
    let token = if more {
        format!("<NextContinuationToken>after+{last}</NextContinuationToken>")
    } else {
        String::new()
    };
    let kind = part("encoding-type").map_or(String::new(), |kind| {
        format!("<EncodingType>{kind}</EncodingType>")
    });
    let body = format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<ListBucketResult xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\"><Name>{BUCKET}</Name><Prefix>{}</Prefix>{kind}<KeyCount>{count}</KeyCount><MaxKeys>{most}</MaxKeys><IsTruncated>{more}</IsTruncated>{token}{body}</ListBucketResult>",
        spelled(prefix)
    );
    Response {
        body: body.into_bytes(),
        ..Response::new(200)
    }
    .header("content-type", "application/xml")
}
