//! What the certificate says: the lines of the page that people sign by hand.
//!
//! Only data; drawing it is the business of `print`. Paper is the anchor of everything else, so the page holds the
//! whole head, the record's hash and the fingerprint of the ceremony key, and it says plainly what is not right:
//! exceptions, sheets not accounted for, keys not matched to the chain.

use super::hex::Hash;
use super::record::{Record, SheetState};
use super::sign::{SignatureFault, fingerprint};
use super::six_words::six_words;
use super::visible::visible;

/// The page's content, top to bottom: title, warnings, head, sections, lines to sign on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Certificate {
    /// One line.
    pub title: String,
    /// What must not be overlooked; to be printed large.
    pub warnings: Vec<String>,
    /// The head: 16 groups of 4 hex digits.
    pub head_hex_groups: Vec<String>,
    /// The head's first 66 bits, for eyes.
    pub six_words: String,
    /// Heading and lines of each section.
    pub sections: Vec<(String, Vec<String>)>,
    /// The labels of those who sign, each with a line.
    pub signers: Vec<String>,
}

/// What the ceremony knows at its end and the record does not hold.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Closing {
    /// The match with the registered validator.
    pub matched: Match,
    /// Findings of the machine check that stand; none is the usual case.
    pub machine: Vec<String>,
    /// What else was seen and done: search of the memory, evidence, files written.
    pub seen: Vec<String>,
    /// What is to be destroyed, besides void sheets.
    pub destroy: Vec<String>,
    /// By person, what he or she takes home.
    pub take_home: Vec<(String, Vec<String>)>,
    /// Times the ceremony was resumed.
    pub resumed: u32,
    /// The labels of those who sign.
    pub signers: Vec<String>,
}

/// Whether the keys are those of the registered validator.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Match {
    /// They are; by which source.
    Matched(String),
    /// It could not be shown; why.
    NotMatched(String),
    /// The ceremony opens no keys.
    NotAsked,
}

impl Certificate {
    /// The certificate for `record`, with the `head` of the closed transcript and the ceremony's public key (OpenSSH).
    ///
    /// `record_sha256` is the hash of the record's file, as the transcript names it.
    ///
    /// # Errors
    /// [`SignatureFault::BadKey`].
    pub fn build(
        record: &Record,
        record_sha256: &Hash,
        head: &[u8; 32],
        ceremony_key: &str,
        closing: &Closing,
    ) -> Result<Self, SignatureFault> {
        let fingerprint = fingerprint(ceremony_key)?;
        let head_hex = super::hex::Hex(*head).to_string();
        let sections = vec![
            ("Ceremony".into(), ceremony(record)),
            (
                "Files".into(),
                vec![
                    format!("Record, SHA-256: {}", grouped(&record_sha256.to_string())),
                    format!("Ceremony key: {fingerprint}"),
                ],
            ),
            ("Keys".into(), keys(record, &closing.matched)),
            ("Shares".into(), shares(record)),
            ("Sheets".into(), sheets(record)),
            ("Sealed copies".into(), copies(record)),
            (
                "Each person takes home".into(),
                take_home(&closing.take_home),
            ),
            ("To be destroyed".into(), destroy(record, &closing.destroy)),
            ("Due".into(), due(record)),
            ("Exceptions".into(), exceptions(record, closing.resumed)),
            (
                "Machine check".into(),
                or_none(closing.machine.iter().map(|f| visible(f)), "No findings."),
            ),
            (
                "Seen and done".into(),
                closing.seen.iter().map(|line| visible(line)).collect(),
            ),
        ];
        Ok(Self {
            title: format!(
                "Certificate of ceremony {} ({})",
                visible(&record.ceremony),
                visible(&record.kind)
            ),
            warnings: warnings(record, closing),
            head_hex_groups: groups(&head_hex),
            six_words: six_words(head),
            sections: sections
                .into_iter()
                .filter(|(_, lines): &(String, Vec<String>)| !lines.is_empty())
                .collect(),
            signers: closing
                .signers
                .iter()
                .map(|signer| visible(signer))
                .collect(),
        })
    }
}

fn warnings(record: &Record, closing: &Closing) -> Vec<String> {
    let mut lines = Vec::new();
    if record.rehearsal {
        lines.push("REHEARSAL - nothing here is real".into());
    }
    let excepted = record.has_exception("not-matched-to-chain");
    match &closing.matched {
        Match::NotMatched(why) => lines.push(format!("NOT MATCHED TO CHAIN: {}", visible(why))),
        _ if excepted => lines.push("NOT MATCHED TO CHAIN".into()),
        _ => {}
    }
    let open = record.open_sheets().count();
    if open > 0 {
        lines.push(format!("SHEETS NOT RECONCILED: {}", counted(open, "sheet")));
    }
    if closing.resumed > 0 {
        lines.push(format!(
            "RESUMED {}: all people enrolled anew",
            counted(closing.resumed as usize, "time")
        ));
    }
    if !record.exceptions.is_empty() {
        lines.push(format!(
            "{}, listed below",
            counted(record.exceptions.len(), "EXCEPTION")
        ));
    }
    if !closing.machine.is_empty() {
        lines.push(format!(
            "MACHINE CHECK: {}, listed below",
            counted(closing.machine.len(), "finding")
        ));
    }
    lines
}

fn ceremony(record: &Record) -> Vec<String> {
    let clock = match &record.clock {
        Some(clock) => format!(
            "Clock: the watch of {} was {} s {} the laptop",
            visible(&clock.stated_by),
            clock.offset_seconds.unsigned_abs(),
            if clock.offset_seconds < 0 {
                "behind"
            } else {
                "ahead of"
            },
        ),
        None => "Clock: not compared with a watch".into(),
    };
    let mut lines = vec![
        format!("Purpose: {}", visible(&record.purpose)),
        format!("Authority: {}", visible(&record.authority)),
        format!("Place: {}", visible(&record.location)),
        format!("From {} to {} (UTC)", record.started, record.ended),
        clock,
        format!(
            "Script: {} version {}",
            visible(&record.script.name),
            record.script.version
        ),
        format!("   SHA-256 {}", grouped(&record.script.sha256.to_string())),
        format!("Program: qh-ceremony {}", visible(&record.program.version)),
        format!("   SHA-256 {}", grouped(&record.program.sha256.to_string())),
    ];
    if let Some(previous) = &record.previous_record {
        lines.push(format!(
            "Previous record, SHA-256: {}",
            grouped(&previous.to_string())
        ));
    }
    lines
}

fn keys(record: &Record, matched: &Match) -> Vec<String> {
    let mut lines = Vec::new();
    for key in &record.public_keys {
        lines.push(format!(
            "{} ({}):",
            visible(&key.key_type),
            visible(&key.scheme)
        ));
        let digits = key.public.strip_prefix("0x").unwrap_or(&key.public);
        let groups: Vec<String> = groups(digits);
        // A Falcon key has 3586 digits; its ends are enough to tell it apart, the whole is in the record.
        if groups.len() > 32 {
            lines.push(format!("   {}", groups[..8].join(" ")));
            lines.push(format!(
                "   ... {} bytes, in full in the record ...",
                digits.len() / 2
            ));
            lines.push(format!("   {}", groups[groups.len() - 8..].join(" ")));
        } else {
            lines.extend(
                groups
                    .chunks(8)
                    .map(|line| format!("   {}", line.join(" "))),
            );
        }
    }
    match matched {
        Match::Matched(source) => {
            lines.push(format!("Matched to the chain by {}", visible(source)))
        }
        Match::NotMatched(why) => lines.push(format!("NOT MATCHED TO CHAIN: {}", visible(why))),
        Match::NotAsked if record.has_exception("not-matched-to-chain") => {
            lines.push("NOT MATCHED TO CHAIN".into());
        }
        Match::NotAsked => {}
    }
    lines
}

fn shares(record: &Record) -> Vec<String> {
    let mut lines = Vec::new();
    if let (Some(k), Some(n)) = (record.k, record.n) {
        lines.push(format!("{k} of {n} shares open the backup"));
    }
    if let Some(set_id) = &record.set_id {
        lines.push(format!("Set: {}", grouped(&set_id.to_string())));
    }
    if let Some(check) = &record.key_check {
        lines.push(format!("Key check: {}", grouped(&check.to_string())));
    }
    let line = |c: &super::record::Commitment| {
        format!(
            "Commitment of {}: {}",
            visible(&c.label),
            grouped(&c.commitment.to_string())
        )
    };
    lines.extend(record.commitments.iter().map(line));
    lines
}

fn sheets(record: &Record) -> Vec<String> {
    if record.sheets.is_empty() {
        return Vec::new();
    }
    let count = |state| {
        record
            .sheets
            .iter()
            .filter(|sheet| sheet.state == state)
            .count()
    };
    let open = record.open_sheets().count();
    let mut lines = vec![format!(
        "{} printed = {} handed over + {} destroyed{}",
        record.sheets.len(),
        count(SheetState::HandedOver),
        count(SheetState::Destroyed),
        if open == 0 {
            String::new()
        } else {
            format!(" + {open} OPEN")
        },
    )];
    lines.extend(record.sheets.iter().map(|sheet| {
        let bag = sheet
            .bag
            .as_ref()
            .map(|bag| format!(", bag {}", visible(bag)))
            .unwrap_or_default();
        format!(
            "Sheet {} of {}: {}{bag}",
            sheet.number,
            visible(&sheet.label),
            state(sheet.state)
        )
    }));
    lines
}

fn state(state: SheetState) -> &'static str {
    match state {
        SheetState::Printed => "printed, NOT PROVEN",
        SheetState::Accepted => "accepted, not yet bagged",
        SheetState::Bagged => "bagged, not yet handed over",
        SheetState::HandedOver => "handed over",
        SheetState::Void => "void, TO BE DESTROYED",
        SheetState::Destroyed => "destroyed",
    }
}

fn copies(record: &Record) -> Vec<String> {
    let mut lines = Vec::new();
    for sealed in &record.sealed {
        lines.push(format!(
            "{}, SHA-256 {}",
            visible(&sealed.file),
            grouped(&sealed.sha256.to_string())
        ));
        let copy = |copy: &super::record::Copy| {
            format!("   {}: {}", visible(&copy.label), visible(&copy.place))
        };
        lines.extend(sealed.copies.iter().map(copy));
    }
    lines
}

fn take_home(list: &[(String, Vec<String>)]) -> Vec<String> {
    let line = |(person, things): &(String, Vec<String>)| {
        let things: Vec<String> = things.iter().map(|thing| visible(thing)).collect();
        let things = if things.is_empty() {
            "nothing".into()
        } else {
            things.join("; ")
        };
        format!("{}: {things}", visible(person))
    };
    list.iter().map(line).collect()
}

fn destroy(record: &Record, others: &[String]) -> Vec<String> {
    let void = record
        .sheets
        .iter()
        .filter(|sheet| sheet.state == SheetState::Void);
    let void =
        void.map(|sheet| format!("Sheet {} of {} (void)", sheet.number, visible(&sheet.label)));
    or_none(
        void.chain(others.iter().map(|thing| visible(thing))),
        "Nothing.",
    )
}

fn due(record: &Record) -> Vec<String> {
    let mut due: Vec<_> = record.due.iter().collect();
    due.sort_by_key(|due| due.date.as_str());
    let line = |due: &super::record::Due| {
        format!(
            "{}  {}: {}",
            due.date,
            visible(&due.label),
            visible(&due.task)
        )
    };
    or_none(due.into_iter().map(line), "Nothing.")
}

fn exceptions(record: &Record, resumed: u32) -> Vec<String> {
    let own = record.exceptions.iter().map(|exception| {
        let signed: Vec<String> = exception
            .signed
            .iter()
            .map(|label| visible(label))
            .collect();
        let signed = if signed.is_empty() {
            "it happened, nobody signed".to_owned()
        } else {
            format!("signed: {}", signed.join(", "))
        };
        format!(
            "{}: {} ({signed})",
            visible(&exception.name),
            visible(&exception.text),
        )
    });
    let resumed = (resumed > 0 && !record.has_exception("resumed")).then(|| {
        format!(
            "resumed: {} after an interruption",
            counted(resumed as usize, "time")
        )
    });
    or_none(own.chain(resumed), "None.")
}

fn or_none(lines: impl Iterator<Item = String>, none: &str) -> Vec<String> {
    let lines: Vec<String> = lines.collect();
    if lines.is_empty() {
        vec![none.into()]
    } else {
        lines
    }
}

fn counted(count: usize, noun: &str) -> String {
    let plural = match (count, noun.chars().all(char::is_uppercase)) {
        (1, _) => "",
        (_, true) => "S",
        (_, false) => "s",
    };
    format!("{count} {noun}{plural}")
}

/// Hex digits in groups of four.
pub fn groups(hex: &str) -> Vec<String> {
    let digits: Vec<char> = hex.chars().collect();
    digits
        .chunks(4)
        .map(|group| group.iter().collect())
        .collect()
}

fn grouped(hex: &str) -> String {
    groups(hex).join(" ")
}

#[cfg(test)]
#[path = "certificate_tests.rs"]
mod tests;
