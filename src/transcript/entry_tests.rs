//! Lines byte for byte, and the names of their faults.

use super::*;

fn line(seq: &str, time: &str, prev: &str, entry: &str) -> String {
    format!(r#"{{"seq":{seq},"time":"{time}","prev":"{prev}","entry":{entry}}}"#)
}

#[test]
fn a_line_is_written_byte_for_byte_as_designed() {
    let body = Body::Closed(Closed {
        outcome: "done".into(),
    });
    let (bytes, entry) = Entry::line(7, "2026-11-22T14:32:05Z", [0xab; 32], &body).unwrap();
    let expected = line(
        "7",
        "2026-11-22T14:32:05Z",
        &"ab".repeat(32),
        r#"{"type":"closed","outcome":"done"}"#,
    );
    assert_eq!(String::from_utf8(bytes).unwrap(), expected);
    assert_eq!(
        (entry.seq, entry.kind(), entry.hash),
        (7, "closed", sha256(expected.as_bytes()))
    );
    assert_eq!(entry.known(), Some(Ok(body)));
}

#[test]
fn a_known_body_is_read_strictly() {
    let known = |body: &str| {
        let line = line("1", "2026-11-22T14:32:05Z", &"00".repeat(32), body);
        Entry::parse(line.as_bytes()).unwrap().known()
    };
    assert_eq!(known(r#"{"type":"signed","by":"O"}"#), None);
    let good = known(r#"{"type":"resumed","torn_bytes":0,"torn_sha256":null,"ceremony_key":"k"}"#);
    assert_eq!(
        good,
        Some(Ok(Body::Resumed(Resumed {
            torn_bytes: 0,
            torn_sha256: None,
            ceremony_key: "k".into(),
        })))
    );
    for bad in [
        r#"{"type":"resumed","torn_bytes":0}"#,
        r#"{"type":"resumed","torn_bytes":-1,"torn_sha256":null}"#,
        r#"{"type":"closed","outcome":"done","more":1}"#,
        r#"{"type":"record","sha256":"00"}"#,
        r#"{"type":"opened"}"#,
    ] {
        let fault = known(bad).unwrap().unwrap_err();
        assert_eq!(fault.name(), "transcript-bad-entry", "{bad}: {fault}");
    }
}

#[test]
fn faults_of_a_line_are_named() {
    let (time, prev, body) = ("2026-11-22T14:32:05Z", "00".repeat(32), r#"{"type":"x"}"#);
    let good = line("1", time, &prev, body);
    assert!(Entry::parse(good.as_bytes()).is_ok());
    let cases = [
        (format!("{good} "), Some("transcript-not-compact")),
        (format!(" {good}"), Some("transcript-not-compact")),
        (
            good.replace("\"type\"", "\"type\" "),
            Some("transcript-not-compact"),
        ),
        (
            good.replace("\"x\"", "\"\\u0078\""),
            Some("transcript-not-compact"),
        ),
        (format!("{good}\r"), Some("transcript-not-compact")),
        (format!("{good}{{}}"), Some("transcript-trailing")),
        (good.replace("}}", "}"), Some("transcript-not-json")),
        ("[]".into(), Some("transcript-not-json")),
        (String::new(), Some("transcript-not-json")),
        (
            good.replace(r#""seq":1"#, r#""seq":1,"seq":1"#),
            Some("transcript-duplicate-member"),
        ),
        (
            good.replace(r#""type":"x""#, r#""type":"x","a":1,"a":1"#),
            Some("transcript-duplicate-member"),
        ),
        (
            good.replace(r#""seq":1"#, r#""seq":1,"extra":1"#),
            Some("transcript-unknown-member"),
        ),
        (
            good.replace(r#""seq":1,"#, ""),
            Some("transcript-missing-member"),
        ),
        (
            line("1", time, &prev, "{}"),
            Some("transcript-missing-member"),
        ),
        (line("-1", time, &prev, body), Some("transcript-bad-member")),
        (
            line("1.0", time, &prev, body),
            Some("transcript-bad-member"),
        ),
        (
            line("18446744073709551616", time, &prev, body),
            Some("transcript-bad-member"),
        ),
        (
            line("1", time, &"AB".repeat(32), body),
            Some("transcript-bad-member"),
        ),
        (line("1", time, "00", body), Some("transcript-bad-member")),
        (line("1", time, &prev, "[]"), Some("transcript-bad-member")),
        (
            line("1", time, &prev, r#"{"type":1}"#),
            Some("transcript-bad-member"),
        ),
        (
            line("1", time, &prev, r#"{"type":"A b"}"#),
            Some("transcript-bad-member"),
        ),
        (
            line("1", "2026-11-22 14:32:05Z", &prev, body),
            Some("transcript-bad-member"),
        ),
        (
            line("1", "2026-11-22T14:32:05+01:00", &prev, body),
            Some("transcript-bad-member"),
        ),
        (
            line("1", "2026-02-30T14:32:05Z", &prev, body),
            Some("transcript-bad-member"),
        ),
        (
            line("1", "2026-11-22T14:32:05.Z", &prev, body),
            Some("transcript-bad-member"),
        ),
    ];
    for (text, expected) in cases {
        let got = Entry::parse(text.as_bytes()).err();
        assert_eq!(got.as_ref().map(Refuse::name), expected, "{text}: {got:?}");
    }
}

#[test]
fn the_longest_line_is_64_kib_with_its_lf() {
    let body = |n: usize| {
        Map::from_iter([
            ("type".into(), "x".into()),
            ("pad".into(), "p".repeat(n).into()),
        ])
    };
    let empty = Entry::line(1, "2026-11-22T14:32:05Z", [0; 32], &body(0))
        .unwrap()
        .0
        .len();
    let fits = MAX_LINE - 1 - empty;
    assert_eq!(
        Entry::line(1, "2026-11-22T14:32:05Z", [0; 32], &body(fits))
            .unwrap()
            .0
            .len(),
        MAX_LINE - 1
    );
    let fault = Entry::line(1, "2026-11-22T14:32:05Z", [0; 32], &body(fits + 1))
        .err()
        .unwrap();
    assert_eq!(
        fault.to_string(),
        "it is 65537 bytes long; at most 65536 are allowed"
    );
}
