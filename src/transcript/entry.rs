//! One line of a transcript, and the bodies that this room knows.
//!
//! A line is one JSON object with exactly `seq`, `time`, `prev`, `entry`, at most [`MAX_LINE`] bytes with its LF.
//! `entry` is an object with a `type`. What else it holds is the business of whoever appends it; the types of four
//! entries stand here, since opening, resuming and closing belong to the transcript itself.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::hex::{Hash, sha256};
use super::strict::{self, StrictError};
use crate::refusal::Refuse;

/// The longest line in bytes, its LF included: 64 KiB.
pub const MAX_LINE: usize = 64 * 1024;

/// The format name in entry 0.
pub const FORMAT: &str = "qh-transcript/1";

/// One entry as read from its line.
#[derive(Debug, Clone, PartialEq)]
pub struct Entry {
    /// The entry's number, from 0.
    pub seq: u64,
    /// UTC, RFC 3339 with `Z`, as the writer's clock said.
    pub time: String,
    /// SHA-256 of the line before without its LF; zeros in entry 0.
    pub prev: [u8; 32],
    /// SHA-256 of this line without its LF: the head, as long as this is the last line.
    pub hash: [u8; 32],
    /// The members of `entry`, `type` among them.
    pub body: Map<String, Value>,
}

#[derive(Serialize)]
struct Line<'a, T: Serialize> {
    seq: u64,
    time: &'a str,
    prev: Hash,
    entry: &'a T,
}

/// What is wrong with one line by itself.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum LineFault {
    /// Longer than [`MAX_LINE`].
    #[error("it is {0} bytes long; at most {MAX_LINE} are allowed")]
    TooLong(usize),
    /// Not JSON.
    #[error("it is not JSON ({0})")]
    NotJson(String),
    /// A member stands twice.
    #[error("its member \"{0}\" stands twice")]
    DuplicateMember(String),
    /// A member that a line does not have.
    #[error("it has the unknown member \"{0}\"")]
    UnknownMember(String),
    /// A member that a line must have.
    #[error("its member \"{0}\" is missing")]
    MissingMember(&'static str),
    /// A member whose value cannot be.
    #[error("its member \"{0}\" is not what the format asks for")]
    BadMember(&'static str),
    /// Bytes between the object and the LF.
    #[error("bytes follow after its object")]
    Trailing,
    /// White space, escapes or an order of members that this program does not write.
    #[error("it is not spelled as this program writes a line")]
    NotCompact,
    /// The body of a known type does not have that type's members.
    #[error("its \"{0}\" entry is not as the format asks: {1}")]
    BadBody(String, String),
}

impl Refuse for LineFault {
    fn name(&self) -> &'static str {
        match self {
            Self::TooLong(_) => "transcript-too-long-line",
            Self::NotJson(_) => "transcript-not-json",
            Self::DuplicateMember(_) => "transcript-duplicate-member",
            Self::UnknownMember(_) => "transcript-unknown-member",
            Self::MissingMember(_) => "transcript-missing-member",
            Self::BadMember(_) => "transcript-bad-member",
            Self::Trailing => "transcript-trailing",
            Self::NotCompact => "transcript-not-compact",
            Self::BadBody(..) => "transcript-bad-entry",
        }
    }

    fn way_on(&self) -> &'static str {
        "Compare this file with another copy of the transcript, and rely on the copy whose head is on the signed \
         certificate."
    }
}

impl Entry {
    /// Writes a line without its LF.
    ///
    /// # Errors
    /// What [`Entry::parse`] would refuse is not written.
    pub fn line<T: Serialize>(
        seq: u64,
        time: &str,
        prev: [u8; 32],
        entry: &T,
    ) -> Result<(Vec<u8>, Self), LineFault> {
        let line = Line {
            seq,
            time,
            prev: super::hex::Hex(prev),
            entry,
        };
        let line = serde_json::to_vec(&line).map_err(|_| LineFault::BadMember("entry"))?;
        let entry = Self::parse(&line)?;
        Ok((line, entry))
    }

    /// Reads a line, given without its LF.
    ///
    /// # Errors
    /// The first [`LineFault`].
    pub fn parse(line: &[u8]) -> Result<Self, LineFault> {
        if line.len() >= MAX_LINE {
            return Err(LineFault::TooLong(line.len() + 1));
        }
        let value = strict::value(line).map_err(|fault| match fault {
            StrictError::NotJson(why) | StrictError::Shape(why) => LineFault::NotJson(why),
            StrictError::Duplicate(name) => LineFault::DuplicateMember(name),
            StrictError::Trailing => LineFault::Trailing,
        })?;
        let Value::Object(mut members) = value else {
            return Err(LineFault::NotJson("a line is an object".into()));
        };
        let mut take = |name| members.remove(name).ok_or(LineFault::MissingMember(name));
        let (seq, time, prev, entry) = (take("seq")?, take("time")?, take("prev")?, take("entry")?);
        if let Some(name) = members.keys().next() {
            return Err(LineFault::UnknownMember(super::visible::visible_short(
                name, 60,
            )));
        }
        let seq = seq.as_u64().ok_or(LineFault::BadMember("seq"))?;
        let time = time
            .as_str()
            .filter(|time| is_time(time))
            .ok_or(LineFault::BadMember("time"))?;
        let prev = prev.as_str().and_then(|prev| prev.parse::<Hash>().ok());
        let prev = prev.ok_or(LineFault::BadMember("prev"))?;
        let Value::Object(body) = entry else {
            return Err(LineFault::BadMember("entry"));
        };
        match body.get("type") {
            None => return Err(LineFault::MissingMember("type")),
            Some(Value::String(kind)) if is_name(kind) => {}
            Some(_) => return Err(LineFault::BadMember("type")),
        }
        // One spelling: the envelope byte for byte, and no byte of the body that JSON does not need.
        let envelope = format!(r#"{{"seq":{seq},"time":"{time}","prev":"{prev}","entry":{{"#);
        let compact = serde_json::to_vec(&body).map_err(|_| LineFault::NotCompact)?;
        if !line.starts_with(envelope.as_bytes()) || line.len() != envelope.len() + compact.len() {
            return Err(LineFault::NotCompact);
        }
        Ok(Self {
            seq,
            time: time.to_owned(),
            prev: prev.0,
            hash: sha256(line),
            body,
        })
    }

    /// The entry's `type`.
    pub fn kind(&self) -> &str {
        self.body
            .get("type")
            .and_then(Value::as_str)
            .unwrap_or_default()
    }

    /// The moment of `time`, for comparison.
    pub fn moment(&self) -> Option<jiff::Timestamp> {
        self.time.parse().ok()
    }

    /// Reads the body strictly as one of those that this room knows; `None` for any other type.
    ///
    /// # Errors
    /// The type is known, but the members are not those of the type.
    pub fn known(&self) -> Option<Result<Body, LineFault>> {
        matches!(self.kind(), "opened" | "resumed" | "record" | "closed").then(|| {
            strict::typed(&Value::Object(self.body.clone()))
                .map_err(|fault| LineFault::BadBody(self.kind().to_owned(), fault.to_string()))
        })
    }
}

/// Whether `text` is `YYYY-MM-DDThh:mm:ss[.f]Z` (RFC 3339, UTC) and a real moment.
pub(super) fn is_time(text: &str) -> bool {
    let bytes = text.as_bytes();
    let Some((head, tail)) = bytes.split_at_checked(19) else {
        return false;
    };
    let mask = b"dddd-dd-ddTdd:dd:dd";
    let fits = head.iter().zip(mask).all(|(byte, mask)| match mask {
        b'd' => byte.is_ascii_digit(),
        other => byte == other,
    });
    let tail = match tail {
        [b'Z'] => true,
        [b'.', digits @ .., b'Z'] => {
            (1..=9).contains(&digits.len()) && digits.iter().all(u8::is_ascii_digit)
        }
        _ => false,
    };
    fits && tail && text.parse::<jiff::Timestamp>().is_ok()
}

/// Whether `text` is a kebab- or snake-case name of at most 64 characters.
pub(super) fn is_name(text: &str) -> bool {
    let fits = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-' || c == '_';
    (1..=64).contains(&text.len()) && text.chars().all(fits)
}

/// The body of an entry that this room knows; its `type` is the variant's name in lower case.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "lowercase")]
pub enum Body {
    /// Entry 0.
    Opened(Opened),
    /// The first entry after a crash or power cut.
    Resumed(Resumed),
    /// The record's hash.
    Record(RecordEntry),
    /// The last entry.
    Closed(Closed),
}

/// A program and the hash of its file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Program {
    /// Its version, as it prints it.
    pub version: String,
    /// SHA-256 of its file.
    pub sha256: Hash,
}

/// A ceremony script and the hash of its file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Script {
    /// Its name, e.g. `key-backup`.
    pub name: String,
    /// Its own version number.
    pub version: u32,
    /// SHA-256 of its file.
    pub sha256: Hash,
}

/// Entry 0, `opened`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Opened {
    /// [`FORMAT`].
    pub format: String,
    /// Whether this is a rehearsal.
    pub rehearsal: bool,
    /// 32 random bytes: no two ceremonies share a chain.
    pub id: Hash,
    /// The program that writes.
    pub program: Program,
    /// The script that is followed.
    pub script: Script,
    /// The ceremony's public key, OpenSSH text (`ssh-ed25519 AAAA...`), which checks the signature.
    pub ceremony_key: String,
    /// The ceremony's name, e.g. `BR-2026-11-22-01`.
    pub ceremony: String,
    /// The kind of ceremony, e.g. `key-backup`.
    pub kind: String,
}

/// Entry `resumed`: the first after a crash or power cut. One for each torn tail; without one, 0 bytes and no hash.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Resumed {
    /// The length of the tail that was set aside, in bytes.
    pub torn_bytes: u64,
    /// Its SHA-256.
    pub torn_sha256: Option<Hash>,
    /// The ceremony's new public key, OpenSSH text: the old one died with the memory.
    pub ceremony_key: String,
}

/// Entry `record`: the record's file hash, shortly before the close.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RecordEntry {
    /// SHA-256 of the record file.
    pub sha256: Hash,
}

/// Entry `closed`: the last one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Closed {
    /// How the ceremony ended: `done`, `stopped`, `not-held` or another name of the script's endings.
    pub outcome: String,
}

#[cfg(test)]
#[path = "entry_tests.rs"]
mod tests;
