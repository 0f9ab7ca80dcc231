//! What a server answers, read strictly: errors, pages of a listing, a bucket's object lock.
//!
//! XML without document types, so without entities of its own. A page says each thing once, and counts what it holds;
//! a page that can't be read as a whole is no page.

use percent_encoding::percent_decode_str;
use roxmltree::{Document, Node};

use super::settings::LockMode;
use crate::transcript::visible::visible_short;

/// Code and message of an error, made visible and bounded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct ErrorText {
    pub code: String,
    pub message: String,
}

impl ErrorText {
    /// Reads `<Error><Code/><Message/></Error>`; `None` if the body is something else.
    pub fn read(body: &[u8]) -> Option<Self> {
        let text = std::str::from_utf8(body).ok()?;
        let document = Document::parse(text).ok()?;
        let root = document.root_element();
        if root.tag_name().name() != "Error" {
            return None;
        }
        let part = |name| {
            let text = once(root, name).ok().flatten().unwrap_or_default();
            visible_short(&text, 200)
        };
        Some(Self {
            code: part("Code"),
            message: part("Message"),
        })
    }
}

/// One page of a listing.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Page {
    pub objects: Vec<Object>,
    pub prefixes: Vec<String>,
    /// What asks for the next page, if there is one.
    pub next: Option<String>,
}

#[derive(Debug, PartialEq, Eq)]
pub(super) struct Object {
    pub key: String,
    pub size: u64,
    /// Without quotes. The MD5 of the object in hex, for objects that were put in one part and not encrypted by a key of KMS.
    pub etag: String,
}

/// Text of the child called `name`, which may be there at most once.
fn once(node: Node<'_, '_>, name: &str) -> Result<Option<String>, String> {
    let mut found = node
        .children()
        .filter(|child| child.is_element() && child.tag_name().name() == name);
    let Some(first) = found.next() else {
        return Ok(None);
    };
    if found.next().is_some() {
        return Err(format!("it has {name} twice"));
    }
    if first.children().any(|child| child.is_element()) {
        return Err(format!("its {name} is no text"));
    }
    let texts = first.children().filter(Node::is_text);
    Ok(Some(texts.filter_map(|child| child.text()).collect()))
}

fn need(node: Node<'_, '_>, name: &str) -> Result<String, String> {
    once(node, name)?.ok_or_else(|| format!("it has no {name}"))
}

fn xml<T>(
    body: &[u8],
    root: &str,
    read: impl FnOnce(Node<'_, '_>) -> Result<T, String>,
) -> Result<T, String> {
    let text = std::str::from_utf8(body).map_err(|_| "it is not UTF-8".to_owned())?;
    let document = Document::parse(text)
        .map_err(|error| format!("it is not XML: {}", visible_short(&error.to_string(), 200)))?;
    let found = document.root_element();
    if found.tag_name().name() != root {
        return Err(format!("it is not a {root}"));
    }
    read(found)
}

/// Reads a page of ListObjectsV2.
pub(super) fn page(body: &[u8]) -> Result<Page, String> {
    xml(body, "ListBucketResult", |root| {
        let encoded = match once(root, "EncodingType")?.as_deref() {
            None | Some("") => false,
            Some("url") => true,
            Some(_) => return Err("its EncodingType is not url".into()),
        };
        let decode = |text: String| {
            if !encoded {
                return Ok(text);
            }
            let spaced = text.replace('+', " ");
            let decoded = percent_decode_str(&spaced).decode_utf8();
            decoded
                .map(String::from)
                .map_err(|_| "a key is not UTF-8".to_owned())
        };
        let mut page = Page::default();
        for child in root.children().filter(Node::is_element) {
            match child.tag_name().name() {
                "Contents" => page.objects.push(Object {
                    key: decode(need(child, "Key")?)?,
                    size: need(child, "Size")?
                        .parse()
                        .map_err(|_| "a Size is no number".to_owned())?,
                    etag: once(child, "ETag")?
                        .unwrap_or_default()
                        .trim_matches('"')
                        .to_owned(),
                }),
                "CommonPrefixes" => page.prefixes.push(decode(need(child, "Prefix")?)?),
                _ => {}
            }
        }
        if let Some(count) = once(root, "KeyCount")? {
            // Some servers don't count the directories.
            let (keys, count) = (page.objects.len(), count.parse().ok());
            let held = keys + page.prefixes.len();
            if ![Some(keys), Some(held)].contains(&count) {
                return Err(format!("it holds {held} keys and says another number"));
            }
        }
        let token = once(root, "NextContinuationToken")?.filter(|token| !token.is_empty());
        page.next = match need(root, "IsTruncated")?.as_str() {
            "false" => None,
            "true" if token.as_ref().is_some_and(|token| token.len() > 4096) => {
                return Err("its continuation token is longer than 4096 bytes".into());
            }
            "true" => Some(token.ok_or("it is truncated and has no continuation token")?),
            _ => return Err("its IsTruncated is neither true nor false".into()),
        };
        Ok(page)
    })
}

/// Whether a bucket has object lock, as far as it tells.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum BucketLock {
    /// It has, with this mode and time for objects that ask for none.
    Enabled(Option<LockMode>),
    /// It has not.
    Absent,
    /// It doesn't tell: this identity may not ask.
    Unknown(String),
}

/// Reads the answer to GetObjectLockConfiguration: whether enabled, and the default mode.
pub(super) fn lock(body: &[u8]) -> Result<BucketLock, String> {
    xml(body, "ObjectLockConfiguration", |root| {
        if once(root, "ObjectLockEnabled")?.as_deref() != Some("Enabled") {
            return Ok(BucketLock::Absent);
        }
        let mode = root
            .descendants()
            .filter(|node| node.tag_name().name() == "Mode")
            .find_map(|node| node.text());
        Ok(BucketLock::Enabled(match mode {
            None => None,
            Some("GOVERNANCE") => Some(LockMode::Governance),
            Some("COMPLIANCE") => Some(LockMode::Compliance),
            Some(_) => return Err("its Mode is none".into()),
        }))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn list(inside: &str) -> Result<Page, String> {
        page(format!("<?xml version=\"1.0\"?><ListBucketResult xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\">{inside}</ListBucketResult>").as_bytes())
    }

    #[test]
    fn a_page() {
        let read = list(
            "<EncodingType>url</EncodingType><KeyCount>2</KeyCount><IsTruncated>true</IsTruncated>\
             <NextContinuationToken>t+/=</NextContinuationToken>\
             <Contents><Key>a%2Fb+%25</Key><Size>3</Size><ETag>&quot;x&quot;</ETag></Contents>\
             <CommonPrefixes><Prefix>c/</Prefix></CommonPrefixes>",
        );
        let object = Object {
            key: "a/b %".into(),
            size: 3,
            etag: "x".into(),
        };
        assert_eq!(
            read,
            Ok(Page {
                objects: vec![object],
                prefixes: vec!["c/".into()],
                next: Some("t+/=".into())
            })
        );
        let raw = list(
            "<IsTruncated>false</IsTruncated><Contents><Key>a+%2F</Key><Size>0</Size></Contents>",
        );
        assert_eq!(raw.unwrap().objects[0].key, "a+%2F");
    }

    #[test]
    fn whatever_is_no_page_is_refused() {
        for (inside, reason) in [
            ("", "it has no IsTruncated"),
            (
                "<IsTruncated>yes</IsTruncated>",
                "its IsTruncated is neither true nor false",
            ),
            (
                "<IsTruncated>true</IsTruncated>",
                "it is truncated and has no continuation token",
            ),
            (
                "<IsTruncated>false</IsTruncated><IsTruncated>false</IsTruncated>",
                "it has IsTruncated twice",
            ),
            (
                "<IsTruncated>false</IsTruncated><Contents><Key>a</Key></Contents>",
                "it has no Size",
            ),
            (
                "<IsTruncated>false</IsTruncated><Contents><Key>a</Key><Key>b</Key><Size>1</Size></Contents>",
                "it has Key twice",
            ),
            (
                "<IsTruncated>false</IsTruncated><Contents><Key>a</Key><Size>-1</Size></Contents>",
                "a Size is no number",
            ),
            (
                "<IsTruncated>false</IsTruncated><KeyCount>2</KeyCount><Contents><Key>a</Key><Size>1</Size></Contents>",
                "it holds 1 keys and says another number",
            ),
            (
                "<IsTruncated>false</IsTruncated><EncodingType>url</EncodingType><Contents><Key>%ff</Key><Size>1</Size></Contents>",
                "a key is not UTF-8",
            ),
        ] {
            assert_eq!(list(inside).unwrap_err(), reason, "{inside}");
        }
        assert_eq!(
            page(b"<Error/>").unwrap_err(),
            "it is not a ListBucketResult"
        );
        let bomb = b"<!DOCTYPE a [<!ENTITY b \"b\">]><ListBucketResult>&b;</ListBucketResult>";
        assert!(page(bomb).unwrap_err().starts_with("it is not XML"));
        assert!(page(b"<ListBucketResult><IsTruncated>false</IsTruncated>").is_err());
    }

    #[test]
    fn an_error_is_bounded_and_visible() {
        let long = format!(
            "<Error><Code>No\u{202e}</Code><Message>{}</Message></Error>",
            "x".repeat(900)
        );
        let read = ErrorText::read(long.as_bytes()).unwrap();
        assert_eq!(read.code, "No\\u{202e}");
        assert!(
            read.message.ends_with("[700 more bytes]"),
            "{}",
            read.message
        );
        assert_eq!(ErrorText::read(b"<html/>"), None);
        assert_eq!(ErrorText::read(b"oops"), None);
    }

    #[test]
    fn a_lock() {
        let read = |inside: &str| {
            lock(format!("<ObjectLockConfiguration>{inside}</ObjectLockConfiguration>").as_bytes())
        };
        assert_eq!(
            read("<ObjectLockEnabled>Enabled</ObjectLockEnabled>"),
            Ok(BucketLock::Enabled(None))
        );
        assert_eq!(
            read(
                "<ObjectLockEnabled>Enabled</ObjectLockEnabled><Rule><DefaultRetention><Mode>COMPLIANCE</Mode><Days>1</Days></DefaultRetention></Rule>"
            ),
            Ok(BucketLock::Enabled(Some(LockMode::Compliance)))
        );
        assert_eq!(read(""), Ok(BucketLock::Absent));
    }
}
