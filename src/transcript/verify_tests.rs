//! Attacks on a transcript, and what each is called.

use proptest::prelude::*;
use serde_json::json;

use super::super::entry::{Closed, FORMAT, RecordEntry};
use super::super::links::MAX_FAULTS;
use super::super::record::{Record, tests::sample};
use super::super::sign::CeremonyKey;
use super::*;
use crate::refusal::Refuse;
use crate::secret::Secret32;

fn key() -> CeremonyKey {
    CeremonyKey::from_seed(&Secret32::init_with(|seed| seed.fill(7)))
}

fn opened(record: &Record) -> Body {
    Body::Opened(Opened {
        format: FORMAT.into(),
        rehearsal: record.rehearsal,
        id: Hex([1; 32]),
        program: record.program.clone(),
        script: record.script.clone(),
        ceremony_key: key().public_openssh(),
        ceremony: record.ceremony.clone(),
        kind: record.kind.clone(),
    })
}

/// A chain over `bodies`, one second apart.
fn chained(bodies: &[serde_json::Value]) -> Vec<String> {
    let mut prev = [0; 32];
    let mut lines = Vec::new();
    for (seq, body) in bodies.iter().enumerate() {
        let time = format!("2026-11-22T14:00:{seq:02}Z");
        let (line, entry) = Entry::line(seq as u64, &time, prev, body).unwrap();
        prev = entry.hash;
        lines.push(String::from_utf8(line).unwrap());
    }
    lines
}

/// What stands before the record.
fn work() -> Vec<serde_json::Value> {
    vec![
        serde_json::to_value(opened(&sample())).unwrap(),
        json!({"type": "signed", "step": "export", "by": "O"}),
        json!({"type": "signed", "step": "export", "by": "W"}),
        json!({"type": "done", "step": "export"}),
    ]
}

/// The record of the chain of [`bodies`].
fn record() -> Record {
    let mut record = sample();
    record.transcript.ceremony_key = key().public_openssh();
    record.transcript.head = Hex(sha256(chained(&work()).last().unwrap().as_bytes()));
    record
}

fn bodies() -> Vec<serde_json::Value> {
    let record = record();
    let mut bodies = work();
    bodies.extend([
        serde_json::to_value(Body::Record(RecordEntry {
            sha256: record.sha256(),
        }))
        .unwrap(),
        serde_json::to_value(Body::Closed(Closed {
            outcome: "done".into(),
        }))
        .unwrap(),
    ]);
    bodies
}

fn joined(lines: &[String]) -> Vec<u8> {
    lines
        .iter()
        .flat_map(|line| [line.as_bytes(), b"\n"].concat())
        .collect()
}

fn good() -> (Vec<String>, Vec<u8>, [u8; 32], String) {
    let lines = chained(&bodies());
    let bytes = joined(&lines);
    let head = sha256(lines.last().unwrap().as_bytes());
    let signature = key().sign(&bytes);
    (lines, bytes, head, signature)
}

fn names(report: &Report) -> Vec<&'static str> {
    report.findings.iter().map(Refuse::name).collect()
}

fn judged(lines: &[String]) -> Vec<String> {
    let head = sha256(lines.last().unwrap().as_bytes());
    let report = verify(&joined(lines), None, Anchor::Head(head));
    let own = report.findings.iter();
    own.filter(|f| **f != Finding::SignatureMissing { needed: false })
        .map(|f| f.to_string())
        .collect()
}

#[test]
fn an_intact_file_is_as_good_as_its_anchor() {
    let (_, bytes, head, signature) = good();
    let record = record().to_json();
    let by_head = verify(&bytes, Some(&signature), Anchor::Head(head));
    assert_eq!(
        (by_head.verdict(), by_head.anchored),
        (Verdict::Verified, Anchored::Head)
    );
    assert_eq!((by_head.lines, by_head.signed), (6, true));
    assert_eq!(
        (by_head.closed.as_deref(), by_head.rehearsal()),
        (Some("done"), Some(true))
    );
    let by_record = verify(&bytes, Some(&signature), Anchor::Record(record.as_bytes()));
    assert_eq!(
        (by_record.verdict(), by_record.anchored),
        (Verdict::Verified, Anchored::Record)
    );
    let alone = verify(&bytes, Some(&signature), Anchor::None);
    assert_eq!(
        (alone.verdict(), alone.anchored),
        (Verdict::Incomplete, Anchored::No)
    );
    assert_eq!(names(&alone), ["transcript-unanchored"]);
    // The head fixes every byte; the record counts only with the signature.
    let unsigned = verify(&bytes, None, Anchor::Head(head));
    assert_eq!(unsigned.verdict(), Verdict::Verified);
    assert_eq!(names(&unsigned), ["transcript-signature-missing"]);
    let unsigned = verify(&bytes, None, Anchor::Record(record.as_bytes()));
    assert_eq!(
        (unsigned.verdict(), unsigned.anchored),
        (Verdict::Incomplete, Anchored::No)
    );
}

#[test]
fn a_rehashed_file_is_found_by_its_anchor_alone() {
    let (_, _, head, signature) = good();
    let mut bodies = bodies();
    bodies[2]["by"] = "O".into();
    let bytes = joined(&chained(&bodies));
    let report = verify(&bytes, None, Anchor::None);
    assert_eq!(
        names(&report),
        ["transcript-signature-missing", "transcript-unanchored"]
    );
    let report = verify(&bytes, Some(&signature), Anchor::Head(head));
    assert_eq!(
        names(&report),
        ["transcript-signature-bad", "transcript-head-mismatch"]
    );
    let record = record().to_json();
    let report = verify(&bytes, Some(&signature), Anchor::Record(record.as_bytes()));
    assert_eq!(
        names(&report),
        ["transcript-signature-bad", "transcript-record-disagrees"]
    );
    assert_eq!(
        (report.verdict(), report.anchored),
        (Verdict::Failed, Anchored::No)
    );
}

#[test]
fn whoever_rewrites_the_chain_under_a_key_of_his_own_fails_against_the_record() {
    let forger = CeremonyKey::from_seed(&Secret32::init_with(|seed| seed.fill(8)));
    let record = record().to_json();
    for own_key in [true, false] {
        let mut bodies = bodies();
        bodies[2]["by"] = "O".into();
        if own_key {
            bodies[0]["ceremony_key"] = forger.public_openssh().into();
        }
        let bytes = joined(&chained(&bodies));
        let signature = if own_key {
            forger.sign(&bytes)
        } else {
            key().sign(&bytes)
        };
        let report = verify(&bytes, Some(&signature), Anchor::Record(record.as_bytes()));
        assert_eq!(names(&report), ["transcript-record-disagrees"]);
        assert_eq!(report.anchored, Anchored::No);
    }
}

#[test]
fn a_record_anchors_only_its_own_transcript() {
    let (_, bytes, _, signature) = good();
    let check = |bytes: &[u8], signature: &str, record: &str| {
        let report = verify(bytes, Some(signature), Anchor::Record(record.as_bytes()));
        assert_eq!(report.anchored, Anchored::No);
        names(&report)
    };
    let mut other = record();
    other.purpose = "another".into();
    assert_eq!(
        check(&bytes, &signature, &other.to_json()),
        ["transcript-record-mismatch"]
    );
    assert_eq!(check(&bytes, &signature, "{}"), ["transcript-bad-record"]);
    // The hash agrees, the contents do not.
    let mut bodies = bodies();
    bodies[0]["rehearsal"] = false.into();
    let real = joined(&chained(&bodies));
    let record = record().to_json();
    assert_eq!(
        check(&real, &key().sign(&real), &record),
        ["transcript-record-disagrees"]
    );
    bodies.remove(4);
    let none = joined(&chained(&bodies));
    assert_eq!(
        check(&none, &key().sign(&none), &record),
        ["transcript-no-record", "transcript-record-mismatch"]
    );
}

#[test]
fn a_cut_end_is_open_and_a_signature_or_head_names_the_cut() {
    let (lines, _, head, signature) = good();
    let cut = joined(&lines[..4]);
    let report = verify(&cut, None, Anchor::None);
    assert_eq!(names(&report), ["transcript-open", "transcript-unanchored"]);
    assert_eq!(report.verdict(), Verdict::Incomplete);
    let report = verify(&cut, Some(&signature), Anchor::Head(head));
    assert_eq!(
        names(&report),
        [
            "transcript-open",
            "transcript-cut",
            "transcript-head-mismatch"
        ]
    );
    let (_, whole, ..) = good();
    let early = sha256(lines[2].as_bytes());
    let report = verify(&whole, None, Anchor::Head(early));
    assert!(
        report
            .findings
            .contains(&Finding::Extended { seq: 2, after: 3 })
    );
    assert_eq!(report.verdict(), Verdict::Failed);
}

#[test]
fn lines_taken_out_are_named() {
    let (lines, ..) = good();
    let mut own = lines.clone();
    own.drain(2..4);
    assert_eq!(judged(&own), ["Before line 3, entries 2 to 3 are missing."]);
    assert_eq!(
        judged(&lines[2..]),
        [
            "Before line 1, entries 0 to 1 are missing.",
            "Line 1 is no opening entry; it is \"signed\"."
        ]
    );
}

#[test]
fn reordered_repeated_and_inserted_lines_are_named() {
    let (lines, ..) = good();
    let mut own = lines.clone();
    own.swap(2, 3);
    let found = judged(&own);
    assert_eq!(
        found,
        [
            "Line 3 is entry 3 where entry 2 belongs: lines were put in another order.",
            "Line 4 (entry 2) is earlier than the entry before it: the clock went back."
        ]
    );
    let mut own = lines.clone();
    own.insert(3, lines[2].clone());
    assert_eq!(judged(&own), ["Line 4 repeats line 3 (entry 2)."]);
    // A line forged to continue entry 1 as well.
    let (_, entry) =
        Entry::line(1, "2026-11-22T14:00:01Z", [0; 32], &json!({"type": "x"})).unwrap();
    assert_eq!(entry.kind(), "x");
    let prev = sha256(lines[1].as_bytes());
    let body = json!({"type": "signed", "step": "export", "by": "X"});
    let (forged, _) = Entry::line(2, "2026-11-22T14:00:01Z", prev, &body).unwrap();
    let mut own = lines.clone();
    own.insert(2, String::from_utf8(forged).unwrap());
    assert!(judged(&own).contains(
        &"A fork: lines 3 and 4 are both entry 2 and continue the same entry in two ways.".into()
    ));
    // Numbered anew, but not hashed anew.
    let mut own = lines.clone();
    own[2] = own[2].replace("\"by\":\"W\"", "\"by\":\"O\"");
    assert_eq!(
        judged(&own),
        [
            "Line 4 (entry 3) does not continue the line before it: line 3 was changed after it was written, or \
             another was put in its place."
        ]
    );
    let mut own = lines.clone();
    own.push(own[1].clone());
    assert_eq!(
        judged(&own)[..2],
        [
            "Line 7 repeats line 2 (entry 1).",
            "Line 7 follows the closing entry."
        ]
    );
}

#[test]
fn opening_and_closing_happen_once() {
    let mut again = bodies();
    again.insert(1, again[0].clone());
    assert_eq!(
        judged(&chained(&again)),
        ["Line 2 opens a transcript again."]
    );
    let mut other = bodies();
    other[0]["format"] = "qh-transcript/2".into();
    let found = judged(&chained(&other));
    assert_eq!(
        found,
        ["Entry 0 names the format \"qh-transcript/2\"; this program reads qh-transcript/1."]
    );
    let mut more = bodies();
    more[0]["extra"] = 1.into();
    assert!(
        judged(&chained(&more))[0]
            .starts_with("Line 1 is no entry: its \"opened\" entry is not as")
    );
    let mut lines = good().0;
    lines[0] = lines[0].replacen(&"0".repeat(64), &"1".repeat(64), 1);
    assert_eq!(
        judged(&lines)[0],
        "Line 1 is entry 0, but its \"prev\" is not zeros."
    );
}

#[test]
fn foreign_bytes_end_in_a_bounded_report() {
    for bytes in [&b""[..], b"\n", b"x", b"{}\n", b"\0\0\0\n", b"\xff\xfe\n"] {
        let report = verify(bytes, None, Anchor::None);
        assert_eq!(report.verdict(), Verdict::Failed, "{bytes:?}");
    }
    let report = verify(&vec![b'\n'; 100_000], None, Anchor::None);
    assert!(report.findings.len() < 2 * MAX_FAULTS + 10);
    let mut huge = good().1;
    huge.extend(vec![b'a'; 70_000]);
    huge.push(b'\n');
    assert!(names(&verify(&huge, None, Anchor::None)).contains(&"transcript-too-long-line"));
    let deep = format!("{}\n", "[".repeat(60_000));
    assert!(names(&verify(deep.as_bytes(), None, Anchor::None)).contains(&"transcript-not-json"));
    let last = Entry::line(
        u64::MAX,
        "2026-11-22T14:00:00Z",
        [0; 32],
        &json!({"type": "x"}),
    );
    let twice = joined(&vec![String::from_utf8(last.unwrap().0).unwrap(); 2]);
    assert_eq!(
        verify(&twice, None, Anchor::None).verdict(),
        Verdict::Failed
    );
}

#[test]
fn two_continuations_are_a_fork() {
    let (lines, bytes, head, _) = good();
    let mut other = bodies();
    other[3]["step"] = "seal".into();
    let other = joined(&chained(&other));
    let against = |other: &[u8]| {
        let mut report = verify(&bytes, None, Anchor::Head(head));
        report.findings.clear();
        report.hold_against(&bytes, other);
        (
            names(&report)[0],
            report.verdict(),
            report.findings[0].to_string(),
        )
    };
    let (name, verdict, text) = against(&other);
    assert_eq!((name, verdict), ("transcript-fork", Verdict::Failed));
    assert!(
        text.starts_with("A fork: both files agree for 3 lines and part at entry 3."),
        "{text}"
    );
    assert_eq!(against(&bytes).0, "transcript-same");
    assert_eq!(against(&joined(&lines[..4])).0, "transcript-other-shorter");
    assert_eq!(
        against(&bytes[..bytes.len() - 9]).0,
        "transcript-other-shorter"
    );
    let mut damaged = bytes.clone();
    damaged[700] ^= 1;
    let (name, verdict, _) = against(&damaged);
    assert_eq!(
        (name, verdict),
        ("transcript-other-damaged", Verdict::Incomplete)
    );
    let mut unrelated = bodies();
    unrelated[0]["id"] = "02".repeat(32).into();
    assert_eq!(
        against(&joined(&chained(&unrelated))).0,
        "transcript-other-ceremony"
    );
    let mut report = verify(&joined(&lines[..4]), None, Anchor::None);
    report.hold_against(&joined(&lines[..4]), &bytes);
    assert_eq!(
        report.findings.last().unwrap().to_string(),
        "The file was cut: it has 4 lines and the other file goes on to 6."
    );
}

#[test]
fn any_flipped_bit_is_found_against_the_head() {
    let (_, bytes, head, _) = good();
    for at in 0..bytes.len() {
        let mut changed = bytes.clone();
        changed[at] ^= 1 << (at % 8);
        let report = verify(&changed, None, Anchor::Head(head));
        assert_ne!(report.verdict(), Verdict::Verified, "byte {at}");
        // Without the anchor all but the last line is protected by the lines behind it.
        if at < bytes.len() - 250 {
            assert_eq!(
                verify(&changed, None, Anchor::None).verdict(),
                Verdict::Failed,
                "byte {at}"
            );
        }
    }
}

proptest! {
    #[test]
    fn no_bytes_break_the_verifier(bytes in proptest::collection::vec(any::<u8>(), 0..400)) {
        prop_assert_eq!(verify(&bytes, None, Anchor::None).verdict(), Verdict::Failed);
    }

    #[test]
    fn no_edit_of_lines_is_verified(
        order in proptest::collection::vec(0usize..6, 0..9),
        cut in 0usize..40,
    ) {
        let (lines, bytes, head, signature) = good();
        let mut edited = joined(&order.iter().map(|n| lines[*n].clone()).collect::<Vec<_>>());
        edited.truncate(edited.len().saturating_sub(cut));
        prop_assume!(edited != bytes);
        let report = verify(&edited, Some(&signature), Anchor::Head(head));
        prop_assert_ne!(report.verdict(), Verdict::Verified);
    }

    #[test]
    fn changed_bytes_are_never_verified(at in any::<prop::sample::Index>(), byte in any::<u8>()) {
        let (_, mut bytes, head, _) = good();
        let at = at.index(bytes.len());
        prop_assume!(bytes[at] != byte);
        bytes[at] = byte;
        prop_assert_ne!(verify(&bytes, None, Anchor::Head(head)).verdict(), Verdict::Verified);
    }
}
