//! `qh-ceremony transcript`: verify a transcript, or list it.
//!
//! Exit codes: 0 only if the file is intact, closed and anchored; 4 if anything is wrong, open or unanchored; 3 if
//! a file could not be read; 2 for a wrong argument.

use std::fs::File;
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};

use clap::{Args, Subcommand};
use serde_json::{Value, json};

use crate::refusal::Refuse;
use crate::transcript::certificate::groups;
use crate::transcript::chain::MAX_FILE;
use crate::transcript::entry::Entry;
use crate::transcript::finding::Weight;
use crate::transcript::hex::Hash;
use crate::transcript::record::MAX_RECORD;
use crate::transcript::sign::{MAX_SIGNATURE, fingerprint};
use crate::transcript::six_words;
use crate::transcript::verify::{self, Anchor, Anchored, Report, Verdict};
use crate::transcript::visible::{visible, visible_short};

const DONE: u8 = 0;
const USAGE: u8 = 2;
const ENVIRONMENT: u8 = 3;
const FAILED: u8 = 4;

/// The longest value that `show` prints, in characters.
const MAX_SHOWN: usize = 200;

/// `qh-ceremony transcript ...`
#[derive(Debug, Subcommand)]
pub enum TranscriptCommand {
    /// Check that a transcript is intact, closed, and the one that was signed on paper
    Verify(VerifyArgs),
    /// List the entries of a transcript; this checks nothing
    Show(ShowArgs),
}

/// Arguments of `transcript verify`.
#[derive(Debug, Args)]
pub struct VerifyArgs {
    /// The transcript
    pub file: PathBuf,
    /// The head on the signed certificate: all 64 hex digits, spaces allowed
    #[arg(long, value_name = "HEX", conflicts_with = "record")]
    pub head: Option<String>,
    /// The ceremony's record
    #[arg(long, value_name = "FILE")]
    pub record: Option<PathBuf>,
    /// The signature; by default FILE.sig, if it is there
    #[arg(long, value_name = "FILE")]
    pub sig: Option<PathBuf>,
    /// Another copy of the transcript, to find a fork
    #[arg(long, value_name = "FILE")]
    pub other: Option<PathBuf>,
    /// Print the report as JSON
    #[arg(long)]
    pub json: bool,
}

/// Arguments of `transcript show`.
#[derive(Debug, Args)]
pub struct ShowArgs {
    /// The transcript
    pub file: PathBuf,
}

/// Runs the command; returns the exit code.
pub fn run(command: &TranscriptCommand, out: &mut dyn Write) -> u8 {
    match command {
        TranscriptCommand::Verify(args) => verify(args, out),
        TranscriptCommand::Show(args) => show(args, out),
    }
}

/// Judges a transcript and prints the report; returns the exit code.
pub fn verify(args: &VerifyArgs, out: &mut dyn Write) -> u8 {
    let report = match judge(args) {
        Ok(report) => report,
        Err((code, text)) => return finish(writeln!(out, "{text}"), code),
    };
    let code = if report.verdict() == Verdict::Verified {
        DONE
    } else {
        FAILED
    };
    let printed = match args.json {
        true => writeln!(out, "{:#}", as_json(&args.file, &report)),
        false => print(&args.file, &report, out),
    };
    finish(printed, code)
}

/// Lists a transcript; returns the exit code, 4 if a line is no entry.
pub fn show(args: &ShowArgs, out: &mut dyn Write) -> u8 {
    match read(&args.file, MAX_FILE) {
        Err((code, text)) => finish(writeln!(out, "{text}"), code),
        Ok(bytes) => match list(&bytes, out) {
            Ok(code) => code,
            Err(fault) => finish(Err(fault), ENVIRONMENT),
        },
    }
}

/// An exit code and what is said with it.
type Stop = (u8, String);

fn judge(args: &VerifyArgs) -> Result<Report, Stop> {
    let head = args.head.as_deref().map(parse_head).transpose()?;
    let bytes = read(&args.file, MAX_FILE)?;
    let record = args
        .record
        .as_deref()
        .map(|path| read(path, MAX_RECORD as u64 + 1))
        .transpose()?;
    let signature = signature(args)?;
    let anchor = match (head, &record) {
        (Some(head), _) => Anchor::Head(head.0),
        (None, Some(record)) => Anchor::Record(record),
        (None, None) => Anchor::None,
    };
    let mut report = verify::verify(&bytes, signature.as_deref(), anchor);
    if let Some(other) = &args.other {
        report.hold_against(&bytes, &read(other, MAX_FILE)?);
    }
    Ok(report)
}

fn parse_head(text: &str) -> Result<Hash, Stop> {
    let digits: String = text.chars().filter(|c| *c != ' ').collect();
    digits.to_ascii_lowercase().parse().map_err(|_| {
        let text = "--head wants all 64 hex digits from the certificate. Six words or the first digits are for eyes \
                    only: they do not fix the file. Type the 16 groups of 4 digits.";
        (USAGE, text.to_owned())
    })
}

fn signature(args: &VerifyArgs) -> Result<Option<String>, Stop> {
    let path = match &args.sig {
        Some(path) => path.clone(),
        None => {
            let mut path = args.file.clone().into_os_string();
            path.push(".sig");
            PathBuf::from(path)
        }
    };
    let beside = args.sig.is_none();
    if beside
        && std::fs::symlink_metadata(&path).is_err_and(|f| f.kind() == io::ErrorKind::NotFound)
    {
        return Ok(None);
    }
    // What is not text is no signature either; the verifier says so.
    read(&path, MAX_SIGNATURE as u64 + 1).map(|b| Some(String::from_utf8_lossy(&b).into_owned()))
}

/// At most `limit` bytes of a regular file, or one more, so that the reader sees that it is too large.
fn read(path: &Path, limit: u64) -> Result<Vec<u8>, Stop> {
    let stop = |why: String| {
        let name = visible(&path.to_string_lossy());
        (
            ENVIRONMENT,
            format!(
                "{name} was not read: {why}. Check the name, and that its medium is plugged in."
            ),
        )
    };
    let kind = std::fs::metadata(path).map_err(|fault| stop(fault.to_string()))?;
    if !kind.is_file() {
        return Err(stop("it is not a regular file".into()));
    }
    let mut bytes = Vec::new();
    let file = File::open(path).map_err(|fault| stop(fault.to_string()))?;
    file.take(limit + 1)
        .read_to_end(&mut bytes)
        .map_err(|fault| stop(fault.to_string()))?;
    Ok(bytes)
}

fn print(file: &Path, report: &Report, out: &mut dyn Write) -> io::Result<()> {
    writeln!(out, "Transcript  {}", visible(&file.to_string_lossy()))?;
    if let Some(opened) = &report.opened {
        let mark = if opened.rehearsal { "  REHEARSAL" } else { "" };
        writeln!(
            out,
            "Ceremony    {} ({}){mark}",
            visible(&opened.ceremony),
            visible(&opened.kind)
        )?;
    }
    let state = match &report.closed {
        Some(outcome) => format!("closed: {}", visible(outcome)),
        None => "OPEN".into(),
    };
    writeln!(out, "Entries     {}, {state}", report.lines)?;
    if let Some(head) = &report.head {
        for (n, line) in groups(&head.to_string()).chunks(8).enumerate() {
            writeln!(
                out,
                "{}{}",
                if n == 0 {
                    "Head        "
                } else {
                    "            "
                },
                line.join(" ")
            )?;
        }
        writeln!(out, "            {}", six_words(&head.0))?;
    }
    if report.signed {
        let key = report
            .opened
            .as_ref()
            .and_then(|opened| fingerprint(&opened.ceremony_key).ok());
        writeln!(
            out,
            "Signature   by the key that entry 0 names, {}",
            key.unwrap_or_default()
        )?;
    }
    writeln!(out, "Anchor      {}", anchor(report))?;
    for finding in &report.findings {
        let weight = match finding.weight() {
            Weight::Fault => "FAULT",
            Weight::Incomplete => "NOT SHOWN",
            Weight::Note => "note",
        };
        writeln!(
            out,
            "\n{weight}  {}\n  {finding}\n  {}",
            finding.name(),
            finding.way_on()
        )?;
    }
    let result = match report.verdict() {
        Verdict::Verified => "Verified: intact, closed and anchored.",
        Verdict::Incomplete => {
            "Not verified: no fault was found, but what is named above is not shown."
        }
        Verdict::Failed => "Not verified: this file must not be relied on.",
    };
    writeln!(out, "\n{result}")
}

fn anchor(report: &Report) -> &'static str {
    match report.anchored {
        Anchored::Head => "ANCHORED to head: every byte of the file is fixed by the head given",
        Anchored::Record => {
            "ANCHORED to record: the record names the chain up to its own entry, and the key that signed the file"
        }
        Anchored::No => "UNANCHORED",
    }
}

fn as_json(file: &Path, report: &Report) -> Value {
    let finding = |finding: &crate::transcript::finding::Finding| {
        json!({
            "name": finding.name(),
            "weight": match finding.weight() {
                Weight::Fault => "fault",
                Weight::Incomplete => "not-shown",
                Weight::Note => "note",
            },
            "line": finding.line(),
            "text": finding.to_string(),
        })
    };
    json!({
        "format": "qh-transcript-report/1",
        "rehearsal": report.rehearsal(),
        "file": file.to_string_lossy(),
        "ceremony": report.opened.as_ref().map(|opened| &opened.ceremony),
        "entries": report.lines,
        "head": report.head,
        "closed": report.closed,
        "signed": report.signed,
        "anchored": match report.anchored {
            Anchored::Head => "head",
            Anchored::Record => "record",
            Anchored::No => "UNANCHORED",
        },
        "verified": report.verdict() == Verdict::Verified,
        "findings": report.findings.iter().map(finding).collect::<Vec<_>>(),
    })
}

fn list(bytes: &[u8], out: &mut dyn Write) -> io::Result<u8> {
    let mut code = if bytes.is_empty() { FAILED } else { DONE };
    for (index, line) in bytes.split_inclusive(|b| *b == b'\n').enumerate() {
        let whole = line.strip_suffix(b"\n");
        match (whole, Entry::parse(whole.unwrap_or(line))) {
            (Some(_), Ok(entry)) => show_entry(&entry, out)?,
            (None, _) => {
                code = FAILED;
                writeln!(
                    out,
                    "line {}: {} bytes that are no whole line",
                    index + 1,
                    line.len()
                )?;
            }
            (_, Err(fault)) => {
                code = FAILED;
                writeln!(out, "line {}: no entry: {fault}", index + 1)?;
            }
        }
    }
    writeln!(
        out,
        "\nThis is a listing. `qh-ceremony transcript verify` tells whether it can be relied on."
    )?;
    Ok(code)
}

fn show_entry(entry: &Entry, out: &mut dyn Write) -> io::Result<()> {
    write!(
        out,
        "{:>5}  {}  {}",
        entry.seq,
        entry.time,
        visible(entry.kind())
    )?;
    for (name, value) in entry.body.iter().filter(|(name, _)| *name != "type") {
        // JSON keeps strings apart from what surrounds them; escaping keeps them on their line.
        let value = value.to_string();
        write!(
            out,
            "  {}={}",
            visible_short(name, MAX_SHOWN),
            visible_json(&value)
        )?;
    }
    writeln!(out)
}

/// JSON text, escaped where JSON itself does not; its own backslashes stay single.
fn visible_json(json: &str) -> String {
    visible_short(json, MAX_SHOWN).replace("\\\\", "\\")
}

fn finish(printed: io::Result<()>, code: u8) -> u8 {
    // A report that nobody could read is no success.
    if printed.is_err() && code == DONE {
        ENVIRONMENT
    } else {
        code
    }
}
