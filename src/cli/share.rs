//! `share check`: one share by itself, outside of a ceremony. Machine check first; nothing is echoed or written.

use std::io::{BufRead, IsTerminal, Write};
use std::path::Path;

use serde_json::json;

use super::args::ShareCommand;
use super::exit_of;
use crate::device::{machine, picture};
use crate::files;
use crate::refusal::Refuse;
use crate::secret::SecretText;
use crate::secret::hardening::{Hardening, Mode, Severity};
use crate::share::qr::parse_qr_text;
use crate::share::wire::Share;
use crate::share::words::{WordsOutcome, parse_words};
use crate::transcript::record::{MAX_RECORD, Record};

/// Runs the command; the exit code: 0 good, 1 refused, 3 machine unfit, 4 the share is not good.
pub fn run(command: &ShareCommand, hardening: &Hardening, out: &mut dyn Write) -> u8 {
    let ShareCommand::Check {
        record,
        image,
        json,
    } = command;
    match check(record.as_deref(), image.as_deref(), hardening) {
        Ok(Good { share, label }) => {
            let set = share.set_id();
            let text = if *json {
                json!({
                    "share": "good",
                    "x": share.x(),
                    "set_id": set.to_string(),
                    "rehearsal": share.is_rehearsal(),
                    "commitment": share.commitment().to_string(),
                    "label": label,
                })
                .to_string()
            } else {
                let compared = label.map_or_else(
                    || "Compare its commitment with the record, or give --record.".to_owned(),
                    |label| format!("It is the share of {label} in the record."),
                );
                format!(
                    "Share {} of set {} reads well{}.\nCommitment {}\n{compared}",
                    share.x(),
                    set.grouped(),
                    if share.is_rehearsal() {
                        ", and is of a REHEARSAL"
                    } else {
                        ""
                    },
                    share.commitment(),
                )
            };
            let _ = writeln!(out, "{text}");
            0
        }
        Err((code, name, text)) => {
            if *json {
                let _ = writeln!(
                    out,
                    "{}",
                    json!({ "share": "refused", "name": name, "text": text })
                );
            } else {
                eprintln!("{text} ({name})");
            }
            code
        }
    }
}

struct Good {
    share: Share,
    label: Option<String>,
}

type Bad = (u8, String, String);

fn bad<E: Refuse>(code: u8, error: &E) -> Bad {
    (
        code,
        error.name().into(),
        format!("{error} {}", error.way_on()),
    )
}

fn check(record: Option<&Path>, image: Option<&Path>, hardening: &Hardening) -> Result<Good, Bad> {
    let mut findings = hardening.findings(Mode::Production);
    findings.extend(machine::inspect(Path::new("/")).findings);
    let stops: Vec<&str> = findings
        .iter()
        .filter(|f| f.severity == Severity::Stop)
        .map(|f| f.text.as_str())
        .collect();
    let page = |code: u8, r: crate::ceremony::event::Refused| {
        (code, r.name, format!("{} {}", r.what, r.way_on))
    };
    let record = match record {
        Some(path) => {
            let bytes = files::read(path, MAX_RECORD).map_err(|r| page(exit_of(&r), r))?;
            Some(Record::parse(&bytes).map_err(|e| bad(1, &e))?)
        }
        None => None,
    };
    let rehearsal = record.as_ref().is_some_and(|r| r.rehearsal);
    if !stops.is_empty() && !rehearsal {
        return Err((
            3,
            "machine-unfit".into(),
            format!(
                "This machine is not fit to read a share: {}",
                stops.join(" ")
            ),
        ));
    }
    let share = match image {
        Some(path) => from_picture(path)?,
        None => typed()?,
    };
    if stops.is_empty() || share.is_rehearsal() {
        compare(share, record)
    } else {
        Err((
            3,
            "machine-unfit".into(),
            format!(
                "This is a real share, and the machine is not fit for it: {}",
                stops.join(" ")
            ),
        ))
    }
}

fn compare(share: Share, record: Option<Record>) -> Result<Good, Bad> {
    let Some(record) = record else {
        return Ok(Good { share, label: None });
    };
    if record.rehearsal != share.is_rehearsal() {
        return Err((
            4,
            "share-of-rehearsal".into(),
            "One of share and record is of a rehearsal, the other is not.".into(),
        ));
    }
    let set = share.set_id();
    if record.set_id.as_ref().is_none_or(|id| id.0 != set.0) {
        return Err((
            4,
            "share-foreign-set".into(),
            format!(
                "This share is of set {}, the record of another.",
                set.grouped()
            ),
        ));
    }
    let own = share.commitment();
    match record.commitments.iter().find(|c| c.commitment.0 == own.0) {
        Some(found) => Ok(Good {
            share,
            label: Some(found.label.clone()),
        }),
        None => Err((
            4,
            "share-forged".into(),
            "The share reads well, but the record has no share with this content: it is forged."
                .into(),
        )),
    }
}

fn from_picture(path: &Path) -> Result<Share, Bad> {
    let bytes = files::read(path, picture::MAX_FILE)
        .map_err(|r| (exit_of(&r), r.name, format!("{} {}", r.what, r.way_on)))?;
    let reads = picture::decode(&bytes).map_err(|e| bad(4, &e))?;
    let mut error = None;
    for read in &reads {
        match parse_qr_text(read.text.expose()) {
            Ok(share) => return Ok(share),
            Err(found) => error = Some(found),
        }
    }
    match error {
        Some(found) => Err(bad(4, &found)),
        None => Err((
            4,
            "picture-no-share".into(),
            "No share is on this picture.".into(),
        )),
    }
}

/// One line without echo: QR text, or 36 words.
fn typed() -> Result<Share, Bad> {
    let text = if std::io::stdin().is_terminal() {
        eprintln!(
            "Scan the code, or type the 36 words with single spaces, then Enter. Nothing is shown."
        );
        super::keys::hidden_line("Share: ").map_err(|e| {
            (
                3,
                "terminal-unusable".into(),
                format!("Nothing could be read: {e}."),
            )
        })?
    } else {
        let mut line = zeroize::Zeroizing::new(String::with_capacity(1024));
        std::io::stdin().lock().read_line(&mut line).map_err(|e| {
            (
                3,
                "terminal-unusable".into(),
                format!("Nothing could be read: {e}."),
            )
        })?;
        SecretText::new(line.trim().to_owned())
    };
    if text.expose().trim_start().starts_with("QH") {
        return parse_qr_text(text.expose()).map_err(|e| bad(4, &e));
    }
    let words = zeroize::Zeroizing::new(
        text.expose()
            .split_whitespace()
            .collect::<Vec<_>>()
            .join(" "),
    );
    match parse_words(&words) {
        Ok(WordsOutcome::Share(share)) => Ok(share),
        Ok(WordsOutcome::Suspect(suspect)) => Err(bad(4, &suspect)),
        Err(error) => Err(bad(4, &error)),
    }
}
