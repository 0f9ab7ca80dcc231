//! Judging a transcript as an auditor does.
//!
//! Three questions, in this order. Is the file a chain: every line an entry, numbered, each naming the one before?
//! Is it the whole ceremony: opened, closed, signed? And is it *the* file of the ceremony? Only an anchor answers
//! the last one:
//!
//! - [`Anchor::Head`]: the 256-bit head from the paper that people signed. It fixes every byte of the file.
//! - [`Anchor::Record`]: the record file. The transcript names its hash, both tell of the same ceremony, and the
//!   ceremony key of entry 0 signed the file. It shows that this is a transcript for that record. It does not fix
//!   every byte: whoever rewrites the whole file can put a key of his own into entry 0. The head does.
//! - [`Anchor::None`]: the verdict is UNANCHORED, whatever else is right.

use super::compare::compare;
use super::entry::{Body, Entry, Opened};
use super::finding::{Finding, Weight};
use super::hex::{Hash, Hex, sha256};
use super::links::{Chain, chain};
use super::record::Record;
use super::sign::{SignatureFault, verify_signature};

/// What a file is held against.
#[derive(Clone, Copy)]
pub enum Anchor<'a> {
    /// The head, all 256 bits.
    Head([u8; 32]),
    /// The bytes of the record file.
    Record(&'a [u8]),
    /// Nothing.
    None,
}

/// By what a file is anchored.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Anchored {
    /// By the head.
    Head,
    /// By the record and the signature.
    Record,
    /// By nothing.
    No,
}

/// The outcome in one word.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// Intact, closed and anchored.
    Verified,
    /// Nothing is wrong, but not everything is shown.
    Incomplete,
    /// Something is wrong.
    Failed,
}

/// What was found out about a file.
#[derive(Debug, Clone, PartialEq)]
pub struct Report {
    /// How many whole lines it has.
    pub lines: usize,
    /// SHA-256 of its last whole line without the LF.
    pub head: Option<Hash>,
    /// Entry 0, if it is one.
    pub opened: Option<Opened>,
    /// The outcome in the closing entry, if there is one.
    pub closed: Option<String>,
    /// Whether the signature by the key in entry 0 was checked and is right.
    pub signed: bool,
    /// By what it is anchored.
    pub anchored: Anchored,
    /// All findings, in the order of the file.
    pub findings: Vec<Finding>,
}

impl Report {
    /// The outcome.
    pub fn verdict(&self) -> Verdict {
        match self.findings.iter().map(Finding::weight).max() {
            Some(Weight::Fault) => Verdict::Failed,
            Some(Weight::Incomplete) => Verdict::Incomplete,
            Some(Weight::Note) | None => Verdict::Verified,
        }
    }

    /// Whether it is a rehearsal's, if entry 0 says so or not.
    pub fn rehearsal(&self) -> Option<bool> {
        self.opened.as_ref().map(|opened| opened.rehearsal)
    }

    /// Holds the file, `own`, against `other`, which claims to be a transcript of the same ceremony.
    pub fn hold_against(&mut self, own: &[u8], other: &[u8]) {
        let faulty = chain(other).findings.into_iter().find(|finding| {
            // A torn end of the other file is no reason not to compare.
            finding.is_fault() && !matches!(finding, Finding::Trailing { .. })
        });
        self.findings.push(match faulty {
            Some(finding) => Finding::OtherDamaged(finding.to_string()),
            None => Finding::Other(compare(own, other)),
        });
    }
}

/// Judges `bytes`. `signature` is the content of the `.sig` file, if there is one.
pub fn verify(bytes: &[u8], signature: Option<&str>, anchor: Anchor) -> Report {
    let Chain {
        entries,
        lines,
        head,
        findings,
    } = chain(bytes);
    let opened = entries.first().and_then(|entry| match entry.known() {
        Some(Ok(Body::Opened(opened))) if entry.seq == 0 => Some(opened),
        _ => None,
    });
    let closed = entries.last().and_then(|entry| match entry.known() {
        Some(Ok(Body::Closed(closed))) => Some(closed.outcome),
        _ => None,
    });
    // After a power cut the key of entry 0 is gone with the memory, and `resumed` names the next one.
    let key = entries
        .iter()
        .rev()
        .find_map(|entry| match entry.known() {
            Some(Ok(Body::Resumed(resumed))) => Some(resumed.ceremony_key),
            _ => None,
        })
        .or_else(|| opened.as_ref().map(|opened| opened.ceremony_key.clone()));
    let named = entries.iter().rev().find_map(|entry| match entry.known() {
        Some(Ok(Body::Record(record))) => Some((record.sha256, Hex(entry.prev))),
        _ => None,
    });
    let head = head.map(Hex);
    let mut report = Report {
        lines,
        head,
        opened,
        closed,
        signed: false,
        anchored: Anchored::No,
        findings,
    };
    if report.lines == 0 {
        return report;
    }
    if report.closed.is_none() {
        report.findings.push(Finding::Open);
    } else if named.is_none() {
        report.findings.push(Finding::NoRecord);
    }
    check_signature(
        &mut report,
        bytes,
        signature,
        key.as_deref(),
        matches!(anchor, Anchor::Record(_)),
    );
    match anchor {
        Anchor::Head(given) => check_head(&mut report, &entries, Hex(given)),
        Anchor::Record(record) => check_record(&mut report, named, key.as_deref(), record),
        Anchor::None => report.findings.push(Finding::Unanchored),
    }
    report
}

fn check_signature(
    report: &mut Report,
    bytes: &[u8],
    signature: Option<&str>,
    key: Option<&str>,
    needed: bool,
) {
    let Some(signature) = signature else {
        if report.closed.is_some() {
            report.findings.push(Finding::SignatureMissing { needed });
        }
        return;
    };
    // Without entry 0 there is no key, and that is a fault already.
    let Some(key) = key else { return };
    match verify_signature(bytes, signature, key) {
        Ok(()) => report.signed = true,
        Err(SignatureFault::Mismatch) if report.closed.is_none() => {
            report.findings.push(Finding::CutEnd);
        }
        Err(fault) => report
            .findings
            .push(Finding::SignatureBad(fault.to_string())),
    }
}

fn check_head(report: &mut Report, entries: &[Entry], given: Hash) {
    let Some(head) = report.head else { return };
    if head == given {
        report.anchored = Anchored::Head;
        return;
    }
    let earlier = entries.iter().position(|entry| entry.hash == given.0);
    report.findings.push(match earlier {
        Some(at) => Finding::Extended {
            seq: entries[at].seq,
            after: entries.len() - 1 - at,
        },
        None => Finding::HeadMismatch { given, head },
    });
}

fn check_record(report: &mut Report, named: Option<(Hash, Hash)>, key: Option<&str>, bytes: &[u8]) {
    let record = match Record::parse(bytes) {
        Ok(record) => record,
        Err(fault) => return report.findings.push(Finding::BadRecord(fault.to_string())),
    };
    let given = Hex(sha256(bytes));
    let before = match named {
        Some((named, before)) if named == given => before,
        Some((named, _)) => {
            return report
                .findings
                .push(Finding::RecordMismatch { given, named });
        }
        // An open transcript may not have come to its record yet; a closed one was made without.
        None => return report.findings.push(Finding::RecordNotNamed),
    };
    let Some(opened) = &report.opened else { return };
    let disagree = [
        ("rehearsal", opened.rehearsal != record.rehearsal),
        ("ceremony", opened.ceremony != record.ceremony),
        ("kind", opened.kind != record.kind),
        ("script", opened.script != record.script),
        ("program", opened.program != record.program),
        ("transcript id", opened.id != record.transcript.id),
        (
            "ceremony_key",
            key != Some(record.transcript.ceremony_key.as_str()),
        ),
        ("transcript head", before != record.transcript.head),
    ];
    match disagree.iter().find(|(_, disagrees)| *disagrees) {
        Some((member, _)) => report.findings.push(Finding::RecordDisagrees(member)),
        None if report.signed => report.anchored = Anchored::Record,
        None => {}
    }
}

#[cfg(test)]
#[path = "verify_tests.rs"]
mod tests;
