//! Lines put into relation: numbers, links, opening and closing.
//!
//! A wrong line is named for what was done to it: taken out, repeated, moved, exchanged, or put in beside another.

use std::collections::HashMap;

use super::chain::MAX_FILE;
use super::entry::{Entry, FORMAT, LineFault};
use super::finding::Finding;
use super::hex::sha256;
use super::visible::visible_short;

/// After this many faults the rest of the file is not looked at.
pub(super) const MAX_FAULTS: usize = 50;

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
