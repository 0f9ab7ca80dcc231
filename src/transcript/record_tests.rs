//! The record's strict reading.

use super::*;
use crate::refusal::Refuse;

/// A record of a backup where all went well.
pub fn sample() -> Record {
    let place = |label: &str, place: &str| Copy {
        label: label.into(),
        place: place.into(),
    };
    let sheet = |number: u32, state, bag: Option<&str>| SheetLine {
        number,
        label: format!("C{number}"),
        state,
        bag: bag.map(String::from),
    };
    Record {
        transcript: Transcript {
            id: Hex([1; 32]),
            ceremony_key: "ssh-ed25519 AAAA".into(),
            head: Hex([0; 32]),
        },
        format: FORMAT.into(),
        rehearsal: true,
        ceremony: "BR-2026-11-22-01".into(),
        kind: "key-backup".into(),
        purpose: "First backup".into(),
        authority: "Board, 2026-11-01".into(),
        location: "place A".into(),
        started: "2026-11-22T14:00:00Z".into(),
        ended: "2026-11-22T15:30:00Z".into(),
        clock: Some(Clock {
            offset_seconds: -3,
            stated_by: "W".into(),
        }),
        script: Script {
            name: "key-backup".into(),
            version: 1,
            sha256: Hex([2; 32]),
        },
        program: Program {
            version: "0.1.0".into(),
            sha256: Hex([3; 32]),
        },
        k: Some(2),
        n: Some(3),
        set_id: Some(Hex([4; 6])),
        key_check: Some(Hex([5; 32])),
        commitments: (1..=3)
            .map(|n| Commitment {
                commitment: Hex([n; 32]),
                label: format!("C{n}"),
            })
            .collect(),
        public_keys: vec![PublicKeyLine {
            key_type: "aura".into(),
            scheme: "sphincs+-shake-256f-simple".into(),
            public: format!("0x{}", "ab".repeat(64)),
        }],
        sealed: vec![Sealed {
            file: "backup.jwe".into(),
            sha256: Hex([6; 32]),
            copies: vec![place("stick 1", "place A"), place("stick 2", "place B")],
        }],
        sheets: vec![
            sheet(1, SheetState::HandedOver, Some("A-114")),
            sheet(2, SheetState::HandedOver, Some("A-115")),
            sheet(3, SheetState::HandedOver, Some("A-116")),
        ],
        due: vec![Due {
            date: "2027-11-22".into(),
            task: "annual verification".into(),
            label: "O".into(),
        }],
        exceptions: Vec::new(),
        previous_record: None,
        annex: Vec::new(),
    }
}

#[test]
fn a_record_is_written_and_read_again() {
    let own = sample();
    let text = own.to_json();
    assert!(text.starts_with("{\n  \"format\": \"qh-record/1\",\n  \"rehearsal\": true,\n"));
    assert!(text.ends_with("}\n"));
    assert_eq!(Record::parse(text.as_bytes()).unwrap(), own);
    assert!(text.contains("\"state\": \"handed over\""));
    assert_eq!(own.sha256().0, sha256(text.as_bytes()));
}

#[test]
fn faults_of_a_record_are_named() {
    let good = sample().to_json();
    let cases = [
        (
            "\"qh-record/1\"",
            "\"qh-record/2\"",
            "record-unknown-version",
        ),
        ("\"format\": \"qh-record/1\",", "", "record-malformed"),
        ("\"rehearsal\": true,", "", "record-malformed"),
        (
            "\"rehearsal\": true,",
            "\"rehearsal\": 1,",
            "record-malformed",
        ),
        (
            "\"rehearsal\": true,",
            "\"rehearsal\": true, \"rehearsal\": false,",
            "record-malformed",
        ),
        (
            "\"rehearsal\": true,",
            "\"rehearsal\": true, \"extra\": null,",
            "record-malformed",
        ),
        ("\"previous_record\": null,", "", "record-malformed"),
        (
            "\"state\": \"handed over\"",
            "\"state\": \"handed-over\"",
            "record-malformed",
        ),
        (
            "\"bag\": \"A-114\"",
            "\"bag\": \"A-114\", \"x\": 0",
            "record-malformed",
        ),
        (
            "\"set_id\": \"040404040404\"",
            "\"set_id\": \"04040404040\"",
            "record-malformed",
        ),
        (
            "\"set_id\": \"040404040404\"",
            "\"set_id\": \"0x0404040404\"",
            "record-malformed",
        ),
        (
            "\"kind\": \"key-backup\"",
            "\"kind\": \"Key backup\"",
            "record-bad-value",
        ),
        (
            "2026-11-22T14:00:00Z",
            "2026-11-22 14:00",
            "record-bad-value",
        ),
        (
            "2026-11-22T15:30:00Z",
            "2026-11-31T15:30:00Z",
            "record-bad-value",
        ),
        ("\"k\": 2", "\"k\": 1", "record-bad-value"),
        ("\"k\": 2", "\"k\": 4", "record-bad-value"),
        ("\"k\": 2", "\"k\": null", "record-bad-value"),
        ("\"n\": 3", "\"n\": 17", "record-bad-value"),
        ("\"n\": 3", "\"n\": 2", "record-bad-value"),
        ("\"0xabab", "\"abab", "record-bad-value"),
        ("\"backup.jwe\"", "\"../backup.jwe\"", "record-bad-value"),
        ("\"number\": 2", "\"number\": 1", "record-bad-value"),
        ("\"number\": 2", "\"number\": 0", "record-bad-value"),
        ("2027-11-22", "2027-13-22", "record-bad-value"),
    ];
    for (from, to, name) in cases {
        let bad = good.replacen(from, to, 1);
        assert_ne!(bad, good, "{from}");
        let fault = Record::parse(bad.as_bytes()).unwrap_err();
        assert_eq!(fault.name(), name, "{from} -> {to}: {fault}");
    }
    let trailing = format!("{good}{{}}");
    assert_eq!(
        Record::parse(trailing.as_bytes()).unwrap_err().name(),
        "record-malformed"
    );
    for end in 0..good.len() - 1 {
        assert!(
            Record::parse(&good.as_bytes()[..end]).is_err(),
            "cut at {end}"
        );
    }
    let large = vec![b' '; MAX_RECORD + 1];
    assert_eq!(
        Record::parse(&large).unwrap_err().to_string(),
        "The record is larger than 1 MiB."
    );
}

#[test]
fn commitments_are_each_of_their_own() {
    let mut record = sample();
    record.commitments[1].commitment = record.commitments[0].commitment;
    let fault = Record::parse(record.to_json().as_bytes()).unwrap_err();
    assert_eq!(
        fault.to_string(),
        "The record was not read: its member \"commitments\" cannot be as it is."
    );
}

#[test]
fn sheets_are_open_until_handed_over_or_destroyed() {
    let mut record = sample();
    assert_eq!(record.open_sheets().count(), 0);
    record.sheets[0].state = SheetState::Void;
    record.sheets[1].state = SheetState::Destroyed;
    let open: Vec<u32> = record.open_sheets().map(|sheet| sheet.number).collect();
    assert_eq!(open, [1]);
}
