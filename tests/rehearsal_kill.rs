//! kill -9 in the middle of a ceremony: it resumes, forgets no sheet, and takes no void share.

mod rehearsal;

use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Command, Stdio};

use rehearsal::*;

/// Rehearses until a line of the output satisfies `enough`, then kills the program as a power cut would.
fn kill_when(dir: &Path, answers: &str, mut enough: impl FnMut(&str) -> bool) -> String {
    let file = dir.with_extension("answers.toml");
    fs::write(&file, answers).unwrap();
    let mut child = Command::new(program())
        .args(["rehearse", "--auto", "--out", dir.to_str().unwrap()])
        .args(["--answers", file.to_str().unwrap()])
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .spawn()
        .expect("qh-ceremony starts");
    let mut seen = String::new();
    for line in BufReader::new(child.stdout.take().unwrap()).lines() {
        let line = line.unwrap();
        seen += &line;
        seen.push('\n');
        if enough(&line) {
            child.kill().unwrap(); // SIGKILL
            child.wait().unwrap();
            return seen;
        }
    }
    panic!(
        "the rehearsal ended before it was killed: {:?}\n{seen}",
        child.wait()
    );
}

fn kill_at(dir: &Path, ceremony: &str, prompt: &str) {
    let answers = format!("[[on]]\nprompt = {prompt:?}\nceremony = {ceremony:?}\nact = \"hang\"\n");
    let wanted = format!("  waiting at {prompt}");
    kill_when(dir, &answers, |line| line == wanted);
}

/// Every sheet that the transcript says was made stands in the record, in a state that accounts for it.
fn no_sheet_forgotten(dir: &Path) {
    let made: Vec<u64> = entries(&dir.join("transcript.jsonl"))
        .iter()
        .filter(|e| e["outcome"]["result"] == "printed")
        .map(|e| e["outcome"]["number"].as_u64().unwrap())
        .collect();
    let states = sheet_states(&json(&dir.join("record.json")));
    let numbers: Vec<u64> = states.iter().map(|(number, _)| *number).collect();
    // A sheet that was being printed as the power went is on the list too.
    let all: Vec<u64> = (1..=numbers.len() as u64).collect();
    assert_eq!(numbers, all, "{states:?}");
    assert!(made.iter().all(|n| numbers.contains(n)), "{made:?}");
    let count = |state: &str| states.iter().filter(|(_, s)| s == state).count();
    assert_eq!(count("handed over"), 5, "{states:?}");
    assert_eq!(count("destroyed"), states.len() - 5, "{states:?}");
}

fn verifies(dir: &Path, said: &Said) {
    let done: Vec<&Path> = vec![dir];
    let recovery = dir.join("recovery");
    let all = done.into_iter().chain([recovery.as_path()]);
    let heads = heads(&said.out);
    let skip = 2 - heads.len();
    for (place, head) in all.skip(skip).zip(heads) {
        let transcript = place.join("transcript.jsonl");
        let args = [
            "transcript",
            "verify",
            transcript.to_str().unwrap(),
            "--head",
            head,
        ];
        run(&args).ended(0);
    }
    let record = dir.join("record.json");
    let transcript = dir.join("transcript.jsonl");
    let args = [
        "transcript",
        "verify",
        transcript.to_str().unwrap(),
        "--record",
    ];
    run(&[&args[..], &[record.to_str().unwrap()]].concat()).ended(0);
}

#[test]
fn a_ceremony_killed_at_twelve_places_resumes_and_forgets_no_sheet() {
    let temp = tempfile::tempdir().unwrap();
    let dir = temp.path().join("out");
    let journal = dir.join("transcript.jsonl");
    let mut void = String::new();
    let places = [
        "export.sign",
        "split.sign",
        "sheets.c3.read",
        "sheets.sign",
        "open.sign",
        "store.m2.plug",
        "hand.c3.bag",
        "certify.sign",
    ];
    for place in places {
        kill_at(&dir, "key-backup", place);
        if place == "sheets.c3.read" {
            // The power went while a line was being written.
            let mut file = fs::OpenOptions::new().append(true).open(&journal).unwrap();
            file.write_all(b"{\"seq\":77,\"time\":\"2026-11").unwrap();
        }
        if place == "sheets.sign" {
            void = sheets(&dir, 5)[0].clone();
        }
    }
    let places = ["shares.read.2", "open.sign", "write.sign", "write.seen"];
    for place in places {
        kill_at(&dir, "key-recovery", place);
    }
    let said = rehearse(&dir, "", "").ended(0);
    same_keys(&dir);
    no_sheet_forgotten(&dir);
    verifies(&dir, &said);

    let record = json(&dir.join("record.json"));
    let resumed = exceptions(&record)
        .iter()
        .filter(|name| **name == "resumed")
        .count();
    assert_eq!(resumed, 8);
    let states = sheet_states(&record);
    // Three sheets at the first cut among sheets, five at each of the next two, five that stand.
    assert_eq!(states.len(), 3 + 5 + 5 + 5);
    let torn: Vec<u64> = entries(&journal)
        .iter()
        .filter(|e| e["type"] == "resumed")
        .map(|e| e["torn_bytes"].as_u64().unwrap())
        .collect();
    assert_eq!(torn, [0, 0, 25, 0, 0, 0, 0, 0]);
    let certificate = fs::read_to_string(dir.join("certificate.txt")).unwrap();
    assert!(
        certificate.to_lowercase().contains("resumed"),
        "{certificate}"
    );
    let record = json(&dir.join("recovery/record.json"));
    assert_eq!(exceptions(&record), ["resumed"; 4]);

    // A sheet of a set that a cut made void opens nothing.
    let again = temp.path().join("again");
    copy_of(&dir, &again);
    fs::remove_dir_all(again.join("recovery")).unwrap();
    fs::remove_dir_all(again.join("keystore-recovered")).unwrap();
    let answers = format!("[[on]]\nprompt = \"shares.read.0\"\nanswer = {void:?}\n");
    let said = rehearse(&again, "", &answers).ended(0);
    assert_eq!(said.refusals(), ["share-foreign-set"]);
    same_keys(&again);
}

#[test]
fn a_ceremony_killed_while_it_works_resumes() {
    let temp = tempfile::tempdir().unwrap();
    let dir = temp.path().join("out");
    // Lines of output after which the power goes: among keys, seal, sheets, copies, bags.
    for lines in [36, 43, 46, 50, 64, 58] {
        let mut seen = 0;
        kill_when(&dir, "", |_| {
            seen += 1;
            seen == lines
        });
    }
    let said = rehearse(&dir, "", "").ended(0);
    same_keys(&dir);
    no_sheet_forgotten(&dir);
    verifies(&dir, &said);
}

#[test]
fn a_sheet_that_was_being_printed_as_the_power_went_is_not_forgotten() {
    let temp = tempfile::tempdir().unwrap();
    let dir = temp.path().join("out");
    kill_at(&dir, "key-backup", "sheets.c3.read");
    // The third sheet is on the table, and the power went before the journal said so.
    let journal = dir.join("transcript.jsonl");
    let text = fs::read_to_string(&journal).unwrap();
    let last = text.lines().last().unwrap();
    assert!(
        last.contains("\"result\":\"printed\",\"number\":3"),
        "{last}"
    );
    fs::write(&journal, &text[..text.len() - last.len() - 1]).unwrap();
    rehearse(&dir, "key-backup", "").ended(0);
    no_sheet_forgotten(&dir);
    let states = sheet_states(&json(&dir.join("record.json")));
    assert_eq!(states[2], (3, "destroyed".into()));
    assert_eq!(states.len(), 8);
}

#[test]
fn a_ceremony_cut_between_its_closing_line_and_its_papers_gets_them() {
    let temp = tempfile::tempdir().unwrap();
    let dir = temp.path().join("out");
    rehearse(&dir, "key-backup", "").ended(0);
    let name = |name: &str| dir.join(name);
    let (signature, ahead) = (
        name("transcript.jsonl.sig"),
        name("transcript.jsonl.sig.ahead"),
    );
    let transcript = fs::read(name("transcript.jsonl")).unwrap();
    let signed = fs::read(&signature).unwrap();
    let certificate = fs::read(name("certificate.txt")).unwrap();
    assert!(!ahead.exists());

    // As a cut right after the closing line leaves it: the signature was made ahead, nothing else.
    let cut = || {
        for paper in ["certificate.txt", "certificate.pdf"] {
            let _ = fs::remove_file(name(paper));
        }
        let _ = fs::remove_file(&signature);
    };
    cut();
    fs::write(&ahead, &signed).unwrap();
    let said = rehearse(&dir, "key-backup", "").ended(0);
    assert!(said.out.contains("was laid out anew"), "{}", said.out);
    assert!(!said.out.contains("no signature"), "{}", said.out);
    assert_eq!(fs::read(&signature).unwrap(), signed);
    assert_eq!(fs::read(name("certificate.txt")).unwrap(), certificate);
    assert!(name("certificate.pdf").exists() && !ahead.exists());

    // A signature that is not this transcript's is not taken, and its absence is said.
    cut();
    let mut forged = signed.clone();
    forged[200] ^= 1;
    fs::write(&ahead, &forged).unwrap();
    let said = rehearse(&dir, "key-backup", "").ended(4);
    assert!(said.out.contains("no signature"), "{}", said.out);
    assert!(!signature.exists());
    assert_eq!(fs::read(name("transcript.jsonl")).unwrap(), transcript);
}

#[test]
fn names_that_cannot_be_read_again_are_never_overwritten() {
    let base = tempfile::tempdir().unwrap();
    let dir = base.path().join("r");
    kill_at(&dir, "key-backup", "export.source");
    let annex = dir.join("annex.json");
    let good = fs::read(&annex).unwrap();
    let text = String::from_utf8(good.clone()).unwrap();
    let other = text.replace("RH-BACKUP-01", "RH-BACKUP-02");
    assert_ne!(text, other);
    let again = || run(&["rehearse", "--auto", "--out", dir.to_str().unwrap()]);
    let cases: [(&[u8], &str); 3] = [
        (&good[..good.len() / 2], "The annex was not read"),
        (b"", "The annex was not read"),
        (other.as_bytes(), "annex-of-other-ceremony"),
    ];
    for (bytes, name) in cases {
        fs::write(&annex, bytes).unwrap();
        let said = again().ended(1);
        assert!(said.err.contains(name), "{}", said.err);
        assert_eq!(fs::read(&annex).unwrap(), bytes, "{name}");
    }
    // Unreadable: a directory in its place.
    fs::remove_file(&annex).unwrap();
    fs::create_dir(&annex).unwrap();
    let said = again();
    assert!(matches!(said.code, Some(1 | 3)), "{:?}", said.code);
    assert!(said.err.contains("annex.json"), "{}", said.err);
    fs::remove_dir(&annex).unwrap();
    fs::write(&annex, &good).unwrap();
    again().ended(0);
}
