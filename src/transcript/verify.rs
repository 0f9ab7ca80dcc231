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

use std::collections::HashMap;

use super::chain::MAX_FILE;
use super::compare::compare;
use super::entry::{Body, Entry, FORMAT, LineFault, Opened};
use super::finding::{Finding, Weight};
use super::hex::{Hash, Hex, sha256};
use super::record::Record;
use super::sign::{SignatureFault, verify_signature};
use super::visible::visible_short;

/// After this many faults the rest of the file is not looked at.
const MAX_FAULTS: usize = 50;

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
    let named = entries.iter().rev().find_map(|entry| match entry.known() {
        Some(Ok(Body::Record(record))) => Some(record.sha256),
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
        matches!(anchor, Anchor::Record(_)),
    );
    match anchor {
        Anchor::Head(given) => check_head(&mut report, &entries, Hex(given)),
        Anchor::Record(record) => check_record(&mut report, named, record),
        Anchor::None => report.findings.push(Finding::Unanchored),
    }
    report
}

fn check_signature(report: &mut Report, bytes: &[u8], signature: Option<&str>, needed: bool) {
    let Some(signature) = signature else {
        if report.closed.is_some() {
            report.findings.push(Finding::SignatureMissing { needed });
        }
        return;
    };
    // Without entry 0 there is no key, and that is a fault already.
    let Some(opened) = &report.opened else { return };
    match verify_signature(bytes, signature, &opened.ceremony_key) {
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

fn check_record(report: &mut Report, named: Option<Hash>, bytes: &[u8]) {
    let record = match Record::parse(bytes) {
        Ok(record) => record,
        Err(fault) => return report.findings.push(Finding::BadRecord(fault.to_string())),
    };
    let given = Hex(sha256(bytes));
    match named {
        Some(named) if named == given => {}
        Some(named) => {
            return report
                .findings
                .push(Finding::RecordMismatch { given, named });
        }
        // An open transcript may not have come to its record yet; a closed one was made without.
        None => return report.findings.push(Finding::RecordNotNamed),
    }
    let Some(opened) = &report.opened else { return };
    let disagree = [
        ("rehearsal", opened.rehearsal != record.rehearsal),
        ("ceremony", opened.ceremony != record.ceremony),
        ("kind", opened.kind != record.kind),
        ("script", opened.script != record.script),
        ("program", opened.program != record.program),
    ];
    match disagree.iter().find(|(_, disagrees)| *disagrees) {
        Some((member, _)) => report.findings.push(Finding::RecordDisagrees(member)),
        None if report.signed => report.anchored = Anchored::Record,
        None => {}
    }
}

/// The lines of a file, read and put into relation.
pub(super) struct Chain {
    /// All lines that are entries, in the order of the file.
    pub entries: Vec<Entry>,
    /// How many whole lines there are.
    pub lines: usize,
    /// SHA-256 of the last whole line.
    pub head: Option<[u8; 32]>,
    /// Faults and notes of the chain alone: neither an open end nor a missing anchor is one.
    pub findings: Vec<Finding>,
}

/// Reads `bytes` as a chain.
pub(super) fn chain(bytes: &[u8]) -> Chain {
    let mut chain = Chain {
        entries: Vec::new(),
        lines: 0,
        head: None,
        findings: Vec::new(),
    };
    if bytes.is_empty() {
        chain.findings.push(Finding::Empty);
        return chain;
    }
    if bytes.len() as u64 > MAX_FILE {
        chain.findings.push(Finding::TooLarge);
        return chain;
    }
    let mut lines = Vec::new();
    for (index, line) in bytes.split_inclusive(|b| *b == b'\n').enumerate() {
        let number = index + 1;
        let Some(line) = line.strip_suffix(b"\n") else {
            chain.findings.push(Finding::Trailing {
                line: number,
                bytes: line.len(),
            });
            break;
        };
        chain.lines = number;
        let hash = sha256(line);
        chain.head = Some(hash);
        match Entry::parse(line) {
            Ok(entry) => lines.push(Line {
                number,
                hash,
                entry: Some(entry),
            }),
            Err(fault) => {
                lines.push(Line {
                    number,
                    hash,
                    entry: None,
                });
                chain.findings.push(Finding::Line {
                    line: number,
                    fault,
                });
                if chain.findings.len() > MAX_FAULTS {
                    break;
                }
            }
        }
    }
    Relations::of(&lines).judge(&lines, &mut chain.findings);
    judge_bodies(&lines, &mut chain.findings);
    // What is said about one line stands together.
    chain
        .findings
        .sort_by_key(|finding| finding.line().unwrap_or(usize::MAX));
    chain.entries = lines.into_iter().filter_map(|line| line.entry).collect();
    chain
}

struct Line {
    number: usize,
    hash: [u8; 32],
    entry: Option<Entry>,
}

/// Which lines have which entry number; indices into the list of lines.
struct Relations(HashMap<u64, Vec<usize>>);

impl Relations {
    fn of(lines: &[Line]) -> Self {
        let mut places: HashMap<u64, Vec<usize>> = HashMap::new();
        for (index, line) in lines.iter().enumerate() {
            if let Some(entry) = &line.entry {
                places.entry(entry.seq).or_default().push(index);
            }
        }
        Self(places)
    }

    /// Numbers and links. A fault is reported where it is seen and then stepped over, so that one wrong line does not
    /// make all later ones look wrong.
    fn judge(mut self, lines: &[Line], findings: &mut Vec<Finding>) {
        let mut expected = 0u64;
        let mut faults = 0;
        for (index, line) in lines.iter().enumerate() {
            if faults > MAX_FAULTS {
                return;
            }
            let Some(entry) = &line.entry else {
                // An unreadable line counts as the entry that belongs here.
                self.0.entry(expected).or_default().push(index);
                expected = self.next(expected, index);
                continue;
            };
            let before = findings.len();
            let mut linked = true;
            if entry.seq == expected {
                expected = self.next(expected, index);
            } else if let Some(first) = self.earlier(entry.seq, index).map(|at| &lines[at]) {
                linked = false;
                findings.push(repeated(line, entry, first));
            } else if entry.seq < expected || self.later(expected, index) {
                let (line, seq) = (line.number, entry.seq);
                findings.push(Finding::Reordered {
                    line,
                    seq,
                    expected,
                });
            } else {
                // Over the numbers that exist: a forged number can be as large as 2^64 - 1.
                let gap = expected..entry.seq;
                let present = self.0.keys().copied().filter(|seq| gap.contains(seq)).min();
                let to = present.unwrap_or(entry.seq) - 1;
                findings.push(Finding::Cut {
                    line: line.number,
                    from: expected,
                    to,
                });
                expected = self.next(entry.seq, index);
            }
            if linked {
                self.judge_link(lines, line, entry, findings);
            }
            faults += findings.len() - before;
        }
    }

    /// The number after `seq` that no line up to `index` has.
    fn next(&self, seq: u64, index: usize) -> u64 {
        let mut next = seq.saturating_add(1);
        while next < u64::MAX && self.earlier(next, index + 1).is_some() {
            next += 1;
        }
        next
    }

    fn earlier(&self, seq: u64, index: usize) -> Option<usize> {
        self.0.get(&seq)?.iter().copied().find(|at| *at < index)
    }

    fn later(&self, seq: u64, index: usize) -> bool {
        self.0
            .get(&seq)
            .is_some_and(|places| places.iter().any(|at| *at > index))
    }

    fn judge_link(&self, lines: &[Line], line: &Line, entry: &Entry, findings: &mut Vec<Finding>) {
        let Some(previous) = entry.seq.checked_sub(1) else {
            if entry.prev != [0; 32] {
                findings.push(Finding::FirstLink);
            }
            return;
        };
        // No predecessor at all is a gap, and reported as that.
        let Some(places) = self.0.get(&previous) else {
            return;
        };
        if places.iter().all(|at| lines[*at].hash != entry.prev) {
            let before = places
                .first()
                .map_or(line.number - 1, |at| lines[*at].number);
            findings.push(Finding::BrokenLink {
                line: line.number,
                seq: entry.seq,
                before,
            });
        }
    }
}

/// A line whose number an earlier line has.
fn repeated(line: &Line, entry: &Entry, first: &Line) -> Finding {
    let (line_number, seq) = (line.number, entry.seq);
    let same_place = first
        .entry
        .as_ref()
        .is_some_and(|own| own.prev == entry.prev);
    if first.hash == line.hash {
        Finding::Duplicate {
            line: line_number,
            first: first.number,
            seq,
        }
    } else if same_place {
        Finding::Fork {
            line: line_number,
            first: first.number,
            seq,
        }
    } else {
        Finding::DuplicateSeq {
            line: line_number,
            first: first.number,
            seq,
        }
    }
}

/// Opening and closing, members of known bodies, and the clock.
fn judge_bodies(lines: &[Line], findings: &mut Vec<Finding>) {
    let mut closed = false;
    let mut last = None;
    let mut faults = 0;
    for line in lines {
        let Some(entry) = &line.entry else { continue };
        let number = line.number;
        let before = findings.len();
        if closed {
            findings.push(Finding::AfterClosed { line: number });
        }
        match (number, entry.kind()) {
            (1, "opened") => {}
            (1, other) => findings.push(Finding::NotOpened(visible_short(other, 60))),
            (_, "opened") => findings.push(Finding::SecondOpening { line: number }),
            _ => {}
        }
        closed |= entry.kind() == "closed";
        if let Some(fault) = body_fault(entry) {
            findings.push(match fault {
                Ok(version) => Finding::UnknownVersion(version),
                Err(fault) => Finding::Line {
                    line: number,
                    fault,
                },
            });
        }
        faults += findings.len() - before;
        if faults > MAX_FAULTS {
            return;
        }
        let moment = entry.moment();
        if last > moment {
            findings.push(Finding::TimeBackwards {
                line: number,
                seq: entry.seq,
            });
        }
        last = moment;
    }
}

/// An unknown format name (`Ok`), or what is wrong with a body (`Err`).
fn body_fault(entry: &Entry) -> Option<Result<String, LineFault>> {
    if entry.kind() == "opened"
        && let Some(format) = entry.body.get("format").and_then(|format| format.as_str())
        && format != FORMAT
    {
        return Some(Ok(visible_short(format, 60)));
    }
    entry.known()?.err().map(Err)
}

#[cfg(test)]
#[path = "verify_tests.rs"]
mod tests;
