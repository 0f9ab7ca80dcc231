//! Transcripts on a disk: written, torn, resumed, signed for `ssh-keygen`, and judged by the command.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use qh_ceremony::cli::transcript::{ShowArgs, VerifyArgs, show, verify};
use qh_ceremony::refusal::Refuse;
use qh_ceremony::secret::Secret32;
use qh_ceremony::transcript::chain::{ChainError, Writer};
use qh_ceremony::transcript::entry::{Body, Closed, FORMAT, Opened, Program, Script};
use qh_ceremony::transcript::hex::{Hex, sha256};
use qh_ceremony::transcript::resume::resume;
use qh_ceremony::transcript::sign::CeremonyKey;
use serde_json::json;

const TIME: &str = "2026-11-22T14:00:00Z";

fn key() -> CeremonyKey {
    CeremonyKey::from_seed(&Secret32::init_with(|seed| seed.fill(7)))
}

fn opened() -> Body {
    Body::Opened(Opened {
        format: FORMAT.into(),
        rehearsal: true,
        id: Hex([1; 32]),
        program: Program {
            version: "0.1.0".into(),
            sha256: Hex([3; 32]),
        },
        script: Script {
            name: "key-backup".into(),
            version: 1,
            sha256: Hex([2; 32]),
        },
        ceremony_key: key().public_openssh(),
        ceremony: "BR-2026-11-22-01".into(),
        kind: "key-backup".into(),
    })
}

fn closed() -> Body {
    Body::Closed(Closed {
        outcome: "done".into(),
    })
}

/// An open transcript of three entries.
fn open_file(dir: &Path) -> PathBuf {
    let path = dir.join("transcript.jsonl");
    let mut writer = Writer::create_new(&path).unwrap();
    writer.append(TIME, &opened()).unwrap();
    writer
        .append(TIME, &json!({"type": "signed", "by": "O"}))
        .unwrap();
    writer
        .append(
            TIME,
            &json!({"type": "signed", "by": "W", "note": "a\u{1b}[2J\u{202e}b"}),
        )
        .unwrap();
    path
}

fn refused(path: &Path) -> (&'static str, String) {
    let fault = resume(path).err().expect("refused");
    let name = path.parent().unwrap().to_string_lossy().into_owned() + "/";
    (fault.name(), fault.to_string().replace(&name, ""))
}

#[test]
fn a_transcript_is_made_once_and_ends_with_closed() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("transcript.jsonl");
    let mut writer = Writer::create_new(&path).unwrap();
    assert_eq!(
        Writer::create_new(&path).err().unwrap().name(),
        "transcript-exists"
    );
    let early = writer.append(TIME, &json!({"type": "signed"})).unwrap_err();
    assert_eq!(
        early.to_string(),
        "The entry \"signed\" was not written as entry 0: entry 0, and no other, is \"opened\"."
    );
    let head = writer.append(TIME, &opened()).unwrap();
    let bytes = fs::read(&path).unwrap();
    assert_eq!(
        (head.seq, head.hash),
        (0, sha256(&bytes[..bytes.len() - 1]))
    );
    for (time, entry, name) in [
        ("now", json!({"type": "x"}), "transcript-bad-member"),
        (TIME, json!({"kind": "x"}), "transcript-missing-member"),
        (TIME, json!([]), "transcript-bad-member"),
        (TIME, json!({"type": "closed"}), "transcript-bad-entry"),
        (
            TIME,
            json!({"type": "x", "pad": "p".repeat(65_536)}),
            "transcript-too-long-line",
        ),
    ] {
        assert_eq!(writer.append(time, &entry).unwrap_err().name(), name);
    }
    assert_eq!(
        fs::read(&path).unwrap(),
        bytes,
        "a refused entry leaves no trace"
    );
    assert_eq!(resume(&path).err().unwrap().name(), "transcript-in-use");
    writer.append(TIME, &closed()).unwrap();
    assert_eq!(
        writer.append(TIME, &closed()).unwrap_err().name(),
        "transcript-closed"
    );
    drop(writer);
    assert_eq!(resume(&path).err().unwrap().name(), "transcript-closed");
}

#[test]
fn a_file_that_another_program_changes_is_not_written_to() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("transcript.jsonl");
    let mut writer = Writer::create_new(&path).unwrap();
    writer.append(TIME, &opened()).unwrap();
    fs::write(&path, b"").unwrap();
    let fault = writer.append(TIME, &json!({"type": "x"})).unwrap_err();
    assert!(
        matches!(fault, ChainError::Changed { found: 0, .. }),
        "{fault}"
    );
    assert_eq!(
        writer.append(TIME, &closed()).unwrap_err().name(),
        "transcript-write-failed"
    );
}

#[test]
fn a_torn_tail_of_any_length_is_set_aside_and_named() {
    let dir = tempfile::tempdir().unwrap();
    let path = open_file(dir.path());
    let whole = fs::read(&path).unwrap();
    let last = whole[..whole.len() - 1]
        .iter()
        .rposition(|b| *b == b'\n')
        .unwrap()
        + 1;
    for end in last + 1..whole.len() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("transcript.jsonl");
        fs::write(&path, &whole[..end]).unwrap();
        let mut resumed = resume(&path).unwrap();
        assert_eq!(
            (resumed.entries.len(), resumed.torn.len()),
            (2, 1),
            "cut at {end}"
        );
        let torn = &resumed.torn[0];
        assert_eq!(torn.path, dir.path().join("transcript.jsonl.torn-2"));
        assert_eq!(torn.bytes, (end - last) as u64);
        assert_eq!(torn.sha256, Hex(sha256(&whole[last..end])));
        assert_eq!(fs::read(&torn.path).unwrap(), &whole[last..end]);
        assert_eq!(fs::read(&path).unwrap(), &whole[..last]);
        let entry = torn.entry("ssh-ed25519 AAAA");
        assert_eq!(resumed.writer.append(TIME, &entry).unwrap().seq, 2);
        drop(resumed);
        let again = resume(&path).unwrap();
        assert_eq!((again.entries.len(), again.torn.len()), (3, 0));
        assert_eq!(again.entries[2].known(), Some(Ok(entry)));
    }
}

#[test]
fn power_may_fail_again_while_a_tail_is_set_aside() {
    let dir = tempfile::tempdir().unwrap();
    let path = open_file(dir.path());
    let whole = fs::read(&path).unwrap();
    let torn = [&whole[..], b"{\"seq\":3"].concat();
    // Copied, but not yet cut.
    fs::write(&path, &torn).unwrap();
    fs::write(dir.path().join("transcript.jsonl.torn-3"), b"{\"seq\":3").unwrap();
    assert_eq!(resume(&path).unwrap().torn.len(), 1);
    // Cut, but `resumed` not written: the tail is still owed its entry. Then `resumed` itself is torn.
    assert_eq!(resume(&path).unwrap().torn.len(), 1);
    fs::write(&path, [&whole[..], b"{\"s"].concat()).unwrap();
    let resumed = resume(&path).unwrap();
    let lengths: Vec<u64> = resumed.torn.iter().map(|torn| torn.bytes).collect();
    assert_eq!(lengths, [8, 3]);
    // Blocks that were never written read as zeros, even when the end of the line came through.
    drop(resumed);
    fs::write(&path, [&whole[..], b"{\"seq\0\0\0\0\0}}\n"].concat()).unwrap();
    assert_eq!(resume(&path).unwrap().torn.len(), 3);
    assert_eq!(fs::read(&path).unwrap(), whole);
}

#[test]
fn damage_before_the_tail_is_refused_by_line_and_left_alone() {
    let dir = tempfile::tempdir().unwrap();
    let path = open_file(dir.path());
    let whole = fs::read(&path).unwrap();
    let lines: Vec<&[u8]> = whole.split_inclusive(|b| *b == b'\n').collect();
    let cases: [(Vec<u8>, &str, &str); 5] = [
        (
            lines[1..].concat(),
            "transcript-cut",
            "transcript.jsonl, line 1: ",
        ),
        (
            [lines[0], lines[2]].concat(),
            "transcript-cut",
            "transcript.jsonl, line 2: ",
        ),
        (
            [lines[0], b"{}\n", lines[1]].concat(),
            "transcript-missing-member",
            "transcript.jsonl, line 2: ",
        ),
        (
            [&whole[..], b"{\"seq\":3}\n"].concat(),
            "transcript-missing-member",
            "transcript.jsonl, line 4: ",
        ),
        (
            [&whole[..], lines[2], b"torn"].concat(),
            "transcript-duplicate-line",
            "transcript.jsonl, line 4: ",
        ),
    ];
    for (bytes, name, text) in cases {
        fs::write(&path, &bytes).unwrap();
        let found = refused(&path);
        assert_eq!(found.0, name, "{}", found.1);
        assert!(found.1.starts_with(text), "{}", found.1);
        assert_eq!(fs::read(&path).unwrap(), bytes);
        assert_eq!(
            fs::read_dir(dir.path()).unwrap().count(),
            1,
            "nothing was set aside"
        );
    }
}

#[test]
fn what_is_no_transcript_is_not_resumed() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("t");
    assert_eq!(
        refused(&path),
        ("transcript-absent", "t does not exist.".into())
    );
    fs::write(&path, b"").unwrap();
    let nothing = "t has no complete entry: the ceremony stopped before anything was done.";
    assert_eq!(
        refused(&path),
        ("transcript-nothing-to-resume", nothing.into())
    );
    fs::write(&path, b"{\"seq\":0,\"ti").unwrap();
    assert_eq!(refused(&path).0, "transcript-nothing-to-resume");
    assert_eq!(fs::read(&path).unwrap(), b"{\"seq\":0,\"ti");
    let link = dir.path().join("link");
    std::os::unix::fs::symlink(&path, &link).unwrap();
    assert_eq!(refused(&link).0, "transcript-not-a-file");
    assert_eq!(refused(dir.path()).0, "transcript-not-a-file");
}

fn ssh_keygen(args: &[&str], dir: &Path, input: &Path) -> bool {
    let run = Command::new("ssh-keygen")
        .args(args)
        .current_dir(dir)
        .stdin(fs::File::open(input).unwrap())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status();
    run.expect("ssh-keygen is missing: install the package openssh-client")
        .success()
}

#[test]
fn ssh_keygen_accepts_the_signature_of_this_file_for_this_purpose_only() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("t");
    fs::write(&file, b"one line\n").unwrap();
    fs::write(dir.path().join("t.sig"), key().sign(b"one line\n")).unwrap();
    let signers = format!("ceremony {}\n", key().public_openssh());
    fs::write(dir.path().join("allowed"), signers).unwrap();
    let check = |namespace: &str, input: &Path| {
        let args = [
            "-Y", "verify", "-f", "allowed", "-I", "ceremony", "-n", namespace, "-s", "t.sig",
        ];
        ssh_keygen(&args, dir.path(), input)
    };
    let alone = ["-Y", "check-novalidate", "-n", "qh-ceremony", "-s", "t.sig"];
    assert!(check("qh-ceremony", &file));
    assert!(ssh_keygen(&alone, dir.path(), &file));
    assert!(!check("file", &file));
    let changed = dir.path().join("changed");
    fs::write(&changed, b"one linf\n").unwrap();
    assert!(!check("qh-ceremony", &changed));
    assert!(!ssh_keygen(&alone, dir.path(), &changed));
}

fn args(file: &Path) -> VerifyArgs {
    VerifyArgs {
        file: file.into(),
        head: None,
        record: None,
        sig: None,
        other: None,
        json: false,
    }
}

fn told(args: &VerifyArgs) -> (u8, String) {
    let mut out = Vec::new();
    let code = verify(args, &mut out);
    (code, String::from_utf8(out).unwrap())
}

#[test]
fn the_command_says_verified_only_of_an_anchored_closed_file() {
    let dir = tempfile::tempdir().unwrap();
    let path = open_file(dir.path());
    let (code, text) = told(&args(&path));
    assert_eq!(code, 4);
    assert!(
        text.contains("OPEN") && text.contains("UNANCHORED"),
        "{text}"
    );

    let mut writer = resume(&path).unwrap().writer;
    let head = writer.append(TIME, &closed()).unwrap();
    let signature = key().sign(&fs::read(&path).unwrap());
    fs::write(dir.path().join("transcript.jsonl.sig"), signature).unwrap();
    let (code, text) = told(&args(&path));
    assert_eq!(code, 4);
    assert!(
        text.contains("\nAnchor      UNANCHORED\n") && !text.contains("good"),
        "{text}"
    );
    assert!(text.contains("Not verified: no fault was found"), "{text}");

    let hex = Hex(head.hash).to_string();
    let spaced = qh_ceremony::transcript::certificate::groups(&hex).join(" ");
    let (code, text) = told(&VerifyArgs {
        head: Some(spaced),
        ..args(&path)
    });
    assert_eq!(code, 0, "{text}");
    assert!(
        text.contains("ANCHORED to head")
            && text.contains("Verified: intact, closed and anchored.")
    );
    assert!(text.contains("REHEARSAL"));
    let (code, text) = told(&VerifyArgs {
        head: Some(hex),
        json: true,
        ..args(&path)
    });
    let report: serde_json::Value = serde_json::from_str(&text).unwrap();
    assert_eq!(
        (code, &report["verified"], &report["anchored"]),
        (0, &json!(true), &json!("head"))
    );

    for short in [
        &Hex(head.hash).to_string()[..16],
        "ozone pill grain cat fox lid",
        "",
    ] {
        let (code, text) = told(&VerifyArgs {
            head: Some(short.into()),
            ..args(&path)
        });
        assert_eq!(code, 2);
        assert!(
            text.starts_with("--head wants all 64 hex digits from the certificate."),
            "{text}"
        );
    }
    let (code, text) = told(&args(&dir.path().join("absent")));
    assert_eq!(code, 3);
    assert!(text.contains("absent was not read: No such file"), "{text}");
}

#[test]
fn a_listing_cannot_drive_the_terminal() {
    let dir = tempfile::tempdir().unwrap();
    let path = open_file(dir.path());
    fs::write(
        &path,
        [&fs::read(&path).unwrap()[..], b"\x1b[31m\xe2\x80\xae\n"].concat(),
    )
    .unwrap();
    let mut out = Vec::new();
    assert_eq!(show(&ShowArgs { file: path }, &mut out), 4);
    let text = String::from_utf8(out).unwrap();
    assert!(
        text.chars()
            .all(|c| c == '\n' || (!c.is_control() && c != '\u{202e}')),
        "{text:?}"
    );
    assert!(
        text.contains("    1  2026-11-22T14:00:00Z  signed  by=\"O\"\n"),
        "{text}"
    );
    assert!(text.contains("note=\"a\\u001b[2J\\u{202e}b\""), "{text}");
    assert!(text.contains("line 4: no entry: it is not JSON"), "{text}");
}

/// Each vector has one fault; its first line in `expected.txt` names what is found without an anchor.
#[test]
fn vectors_have_the_fault_that_they_are_named_for() {
    let dir = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/vectors/transcript");
    let expected = fs::read_to_string(dir.join("expected.txt")).unwrap();
    let mut count = 0;
    for line in expected.lines().filter(|line| !line.starts_with('#')) {
        let mut fields = line.split_whitespace();
        let (file, head, code, names) = (
            fields.next().unwrap(),
            fields.next().unwrap(),
            fields.next().unwrap(),
            fields.next().unwrap(),
        );
        let head = (head != "-").then(|| head.to_owned());
        let args = VerifyArgs {
            head,
            json: true,
            ..args(&dir.join(file))
        };
        let (found, text) = told(&args);
        let report: serde_json::Value = serde_json::from_str(&text).unwrap();
        let list = report["findings"].as_array().unwrap().iter();
        let list: Vec<&str> = list
            .map(|finding| finding["name"].as_str().unwrap())
            .collect();
        assert_eq!(
            (found.to_string().as_str(), list.join(",").as_str()),
            (code, names),
            "{file}"
        );
        count += 1;
    }
    let files = fs::read_dir(&dir).unwrap().filter(|file| {
        file.as_ref()
            .unwrap()
            .path()
            .extension()
            .is_some_and(|ext| ext == "jsonl")
    });
    assert_eq!(files.count(), count, "every vector is in expected.txt");
    assert!(count >= 10);
}
