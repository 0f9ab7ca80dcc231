//! `qh-ceremony read-qr IMAGE...`: every QR code in the pictures, by kind.
//!
//! A share's content is never shown: only that it is one, of which set, and its x. A text is shown only if it is of a
//! kind that is known to be public. Anything else is counted, not shown: it could be a passphrase or a key.

use crate::device::picture::{self, MAX_FILE, PictureError, Read as CodeRead};
use crate::print::certificate::HEAD_PREFIX;
use crate::refusal::Refuse;
use data_encoding::BASE32_NOPAD;
use serde::Serialize;
use sha2::{Digest, Sha256};
use std::fs::File;
use std::io::{Read, Write};
use std::path::{Path, PathBuf};
use zeroize::Zeroizing;

/// Reads every QR code in pictures: kind and set, never the content of a share.
#[derive(Debug, clap::Args)]
pub struct ReadQrArgs {
    /// PNG or JPEG pictures.
    #[arg(value_name = "IMAGE", required = true)]
    pub images: Vec<PathBuf>,
    /// One JSON document instead of text.
    #[arg(long)]
    pub json: bool,
}

/// One picture's outcome, as `--json` shows it.
#[derive(Debug, Serialize)]
struct Outcome {
    file: String,
    codes: Vec<Code>,
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<Fault>,
}

/// One code. It holds no text but a public one.
#[derive(Debug, PartialEq, Eq, Serialize)]
struct Code {
    kind: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    set_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    x: Option<u8>,
    #[serde(skip_serializing_if = "Option::is_none")]
    rehearsal: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    text: Option<String>,
    first_decoder: bool,
    second_decoder: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    margin_percent: Option<u8>,
}

#[derive(Debug, Serialize)]
struct Fault {
    name: &'static str,
    message: String,
    way_on: &'static str,
}

/// Runs the command and returns the exit code: 0 if every picture gave codes that all check, 1 if one was refused or
/// holds a damaged share, 3 if a file can't be read.
pub fn read_qr(args: &ReadQrArgs, out: &mut dyn Write) -> u8 {
    let mut worst = 0;
    let mut outcomes = Vec::new();
    for path in &args.images {
        let (outcome, code) = one(path);
        worst = worst.max(code);
        outcomes.push(outcome);
    }
    let shown = if args.json {
        let written = serde_json::to_writer_pretty(&mut *out, &outcomes);
        written
            .map_err(std::io::Error::from)
            .and_then(|()| writeln!(out))
    } else {
        outcomes.iter().try_for_each(|outcome| show(outcome, out))
    };
    if shown.is_ok() { worst } else { 3 }
}

fn one(path: &Path) -> (Outcome, u8) {
    let file = path.display().to_string();
    let failed = |error, code| {
        (
            Outcome {
                file: file.clone(),
                codes: Vec::new(),
                error: Some(error),
            },
            code,
        )
    };
    let bytes = match bounded(path) {
        Ok(bytes) => bytes,
        Err(error) => {
            let message = format!("The file can't be read: {error}.");
            let way_on = "Check the name, and that the medium is plugged in.";
            return failed(
                Fault {
                    name: "picture-file",
                    message,
                    way_on,
                },
                3,
            );
        }
    };
    let reads = match picture::decode(&bytes) {
        Ok(reads) => reads,
        Err(error) => return failed(fault(&error), 1),
    };
    let codes: Vec<Code> = reads.iter().map(classify).collect();
    let damaged = codes.iter().any(|code| code.kind == DAMAGED);
    (
        Outcome {
            file,
            codes,
            error: None,
        },
        u8::from(damaged),
    )
}

fn fault(error: &PictureError) -> Fault {
    Fault {
        name: error.name(),
        message: error.to_string(),
        way_on: error.way_on(),
    }
}

/// The file, at most one byte over the limit: the decoder refuses that by name.
fn bounded(path: &Path) -> std::io::Result<Zeroizing<Vec<u8>>> {
    let mut bytes = Zeroizing::new(Vec::new());
    File::open(path)?
        .take(MAX_FILE as u64 + 1)
        .read_to_end(&mut bytes)?;
    Ok(bytes)
}

const DAMAGED: &str = "share that does not check";

fn classify(read: &CodeRead) -> Code {
    let text = read.text.expose();
    let mut code = Code {
        kind: "unknown",
        set_id: None,
        x: None,
        rehearsal: None,
        text: None,
        first_decoder: read.first,
        second_decoder: read.second,
        margin_percent: read.margin,
    };
    if let Some(rehearsal) = share_prefix(text) {
        code.kind = DAMAGED;
        if let Some((set_id, x)) = share_facts(text, rehearsal) {
            code = Code {
                kind: "share",
                set_id: Some(set_id),
                x: Some(x),
                rehearsal: Some(rehearsal),
                ..code
            };
        }
    } else if let Some(kind) = public_kind(text) {
        code.kind = kind;
        code.text = Some(text.to_owned());
    }
    code
}

fn share_prefix(text: &str) -> Option<bool> {
    match text.get(..3)?.to_ascii_uppercase().as_str() {
        "QHS" => Some(false),
        "QHR" => Some(true),
        _ => None,
    }
}

/// Set id in hex and x of a share whose check sum is right.
fn share_facts(text: &str, rehearsal: bool) -> Option<(String, u8)> {
    let body = text.strip_prefix(if rehearsal { "QHR1" } else { "QHS1" })?;
    let share = Zeroizing::new(BASE32_NOPAD.decode(body.as_bytes()).ok()?);
    let [version, x, a, b, c, d, e, f, rest @ ..] = share.as_slice() else {
        return None;
    };
    let (check, y) = rest.split_at_checked(8)?;
    let version_fits = *version == if rehearsal { 129 } else { 1 };
    if y.len() != 32 || *x == 0 || !version_fits {
        return None;
    }
    let hash = Sha256::new()
        .chain_update("qh-ceremony share v1")
        .chain_update(&share[..8])
        .chain_update(y)
        .finalize();
    let set_id = [a, b, c, d, e, f]
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect();
    (hash[..8] == *check).then_some((set_id, *x))
}

/// The kinds of text that are public by their very form.
fn public_kind(text: &str) -> Option<&'static str> {
    let printable = text.bytes().all(|byte| (b' '..=b'~').contains(&byte));
    let hex = |digit: u8| matches!(digit, b'0'..=b'9' | b'a'..=b'f');
    if !printable {
        None
    } else if text.starts_with("age1") && text.bytes().all(|byte| byte.is_ascii_alphanumeric()) {
        Some("age recipient")
    } else if text.starts_with("ssh-ed25519 ") {
        Some("SSH public key")
    } else if text.starts_with("{\"format\":\"qh-registered/1\"") {
        Some("registered keys")
    } else if text
        .strip_prefix(HEAD_PREFIX)
        .is_some_and(|head| head.len() == 64 && head.bytes().all(hex))
    {
        Some("transcript head")
    } else {
        None
    }
}

fn show(outcome: &Outcome, out: &mut dyn Write) -> std::io::Result<()> {
    writeln!(out, "{}", outcome.file)?;
    if let Some(Fault {
        name,
        message,
        way_on,
    }) = &outcome.error
    {
        return writeln!(out, "  not read ({name}): {message} {way_on}");
    }
    for code in &outcome.codes {
        write!(out, "  {}", code.kind)?;
        if let (Some(set_id), Some(x)) = (&code.set_id, code.x) {
            let groups: Vec<&str> = [0..4, 4..8, 8..12]
                .into_iter()
                .filter_map(|part| set_id.get(part))
                .collect();
            write!(out, ", set {}, x {x}", groups.join(" "))?;
        }
        if code.rehearsal == Some(true) {
            write!(out, ", of a rehearsal")?;
        }
        match (code.first_decoder, code.second_decoder) {
            (true, true) => write!(out, "; both decoders agree")?,
            (true, false) => write!(out, "; only the first decoder read this")?,
            _ => write!(out, "; only the second decoder read this")?,
        }
        if let Some(margin) = code.margin_percent {
            write!(out, "; damage margin {margin} %")?;
        }
        writeln!(out)?;
        if let Some(text) = &code.text {
            writeln!(out, "    {text}")?;
        }
    }
    Ok(())
}
