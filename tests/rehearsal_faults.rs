//! Everything that goes wrong in a rehearsal is refused by its own name, and the ceremony goes on.

mod rehearsal;

use std::fmt::Write as _;
use std::fs;
use std::path::Path;
use std::sync::OnceLock;

use data_encoding::BASE64URL_NOPAD;
use rehearsal::*;
use serde_json::Value;

/// One plain backup, which each test recovers from in a copy.
fn backup() -> &'static Path {
    static BACKUP: OnceLock<tempfile::TempDir> = OnceLock::new();
    BACKUP
        .get_or_init(|| {
            let dir = tempfile::tempdir().unwrap();
            rehearse(&dir.path().join("b"), "key-backup", "").ended(0);
            dir
        })
        .path()
}

fn fresh() -> (tempfile::TempDir, std::path::PathBuf) {
    let dir = tempfile::tempdir().unwrap();
    let out = dir.path().join("b");
    copy_of(&backup().join("b"), &out);
    (dir, out)
}

fn on(answers: &mut String, prompt: &str, what: &str, value: &str) {
    writeln!(answers, "[[on]]\nprompt = {prompt:?}\n{what} = {value:?}").unwrap();
}

#[test]
fn a_backup_with_every_mishap_is_completed() {
    let dir = tempfile::tempdir().unwrap();
    let out = dir.path().join("b");
    let answers = fs::read_to_string(beside("sessions/backup-mishaps.toml")).unwrap();
    let said = rehearse(&out, "key-backup", &answers).ended(0);
    assert_eq!(
        said.refusals(),
        [
            "operator-is-witness",
            "custodian-twice",
            "signer-is-custodian",
            "pin-wrong",
            "pin-wrong",
            "pin-wrong",
            "pin-locked",
            "share-foreign-set",
            "share-checksum",
            "share-word-suspect",
            "share-words-transposed",
            "share-not-of-rehearsal",
            "share-forged",
            "share-x-zero",
            "share-version",
            "share-qr-length",
            "share-of-other-custodian",
        ]
    );
    let record = json(&out.join("record.json"));
    assert_eq!(exceptions(&record), ["signer-is-custodian"]);
    assert_eq!(
        record["exceptions"][0]["signed"],
        serde_json::json!(["O", "W"])
    );
    let states = sheet_states(&record);
    let named: Vec<(u64, &str)> = states.iter().map(|(n, s)| (*n, s.as_str())).collect();
    assert_eq!(
        named,
        [
            (1, "handed over"),
            (2, "destroyed"),
            (3, "handed over"),
            (4, "handed over"),
            (5, "handed over"),
            (6, "bagged")
        ]
    );
    let receipt = record["due"].as_array().unwrap().iter().find(|d| {
        d["task"]
            .as_str()
            .unwrap()
            .starts_with("Receipt of bag BAG-C5 by C5")
    });
    assert!(receipt.is_some_and(|d| d["label"] == "W"), "{record}");
    let entries = entries(&out.join("transcript.jsonl"));
    let count = |kind: &str| entries.iter().filter(|e| e["type"] == kind).count();
    assert_eq!((count("objected"), count("withdrawn")), (1, 1));
    assert_eq!(count("wrong-pin"), 3);
}

#[test]
fn a_recovery_with_every_bad_share_and_file_is_completed() {
    let (_dir, out) = fresh();
    let other = tempfile::tempdir().unwrap();
    let mut answers = String::new();
    let mut expected = vec![];

    let good: Value = json(&out.join("sealed/backup.jwe"));
    let text = good.to_string();
    let with = |member: &str| text.replacen('{', &format!("{{{member},"), 1);
    let flip = |member: &str| {
        let mut changed = good.clone();
        let field = changed[member].as_str().unwrap();
        let mut bytes = BASE64URL_NOPAD.decode(field.as_bytes()).unwrap();
        bytes[7] ^= 1;
        changed[member] = BASE64URL_NOPAD.encode(&bytes).into();
        changed.to_string()
    };
    let of_other = {
        let header = good["protected"].as_str().unwrap();
        let header = BASE64URL_NOPAD.decode(header.as_bytes()).unwrap();
        let header = String::from_utf8(header)
            .unwrap()
            .replace("RH-BACKUP-01", "RH-BACKUP-99");
        let mut changed = good.clone();
        changed["protected"] = BASE64URL_NOPAD.encode(header.as_bytes()).into();
        changed.to_string()
    };
    let tag = good["tag"].to_string();
    let cases = [
        ("other", of_other, "record-of-other-backup"),
        ("tag", flip("tag"), "sealed-changed"),
        ("ciphertext", flip("ciphertext"), "sealed-changed"),
        ("iv", flip("iv"), "sealed-changed"),
        (
            "unprotected",
            with(r#""unprotected":{}"#),
            "jwe-unprotected",
        ),
        ("header", with(r#""header":{}"#), "jwe-recipient-header"),
        ("recipients", with(r#""recipients":[]"#), "jwe-recipients"),
        ("extra", with(r#""extra":1"#), "jwe-unknown-member"),
        (
            "twice",
            with(&format!(r#""tag":{tag}"#)),
            "jwe-duplicate-member",
        ),
        ("cut", text[..text.len() - 9].to_owned(), "jwe-not-json"),
        ("tail", format!("{text}x"), "jwe-trailing-bytes"),
    ];
    for (name, content, refusal) in cases {
        let path = other.path().join(format!("{name}.jwe"));
        fs::write(&path, content).unwrap();
        on(
            &mut answers,
            "sealed.path",
            "answer",
            path.to_str().unwrap(),
        );
        expected.push(refusal);
    }
    for (fault, refusal) in [
        ("foreign-set", "share-foreign-set"),
        ("bit-flip", "share-checksum"),
        ("wrong-word", "share-word-suspect"),
        ("swapped-words", "share-words-transposed"),
        ("of-production", "share-not-of-rehearsal"),
        ("forged", "share-forged"),
        ("x-zero", "share-x-zero"),
        ("unknown-version", "share-version"),
        ("truncated", "share-qr-length"),
        ("duplicate", "share-duplicate"),
    ] {
        on(&mut answers, "shares.read.1", "fault", fault);
        expected.push(refusal);
    }
    on(&mut answers, "open.sign", "act", "object");
    on(&mut answers, "open.sign", "act", "pause");

    let mut registered = fs::read_to_string(out.join("registered.json")).unwrap();
    let key = json(&out.join("record.json"))["public_keys"][0]["public"].to_string();
    let digits = key.trim_matches('"').trim_start_matches("0x").to_owned();
    assert!(registered.contains(&digits));
    registered = registered.replace(&digits, &digits.chars().rev().collect::<String>());
    let path = other.path().join("registered.json");
    fs::write(&path, registered).unwrap();
    on(&mut answers, "match.path", "answer", path.to_str().unwrap());
    expected.push("keys-not-registered");

    let taken = out.join("keystore-taken");
    fs::create_dir(&taken).unwrap();
    let name = files(&out.join("keystore-source"))
        .into_keys()
        .next()
        .unwrap();
    fs::write(taken.join(&name), "\"0x00\"").unwrap();
    on(
        &mut answers,
        "write.path",
        "answer",
        taken.to_str().unwrap(),
    );
    expected.push("key-exists-different");

    let said = rehearse(&out, "key-recovery", &answers).ended(0);
    assert_eq!(said.refusals(), expected);
    same_keys(&out);
    assert_eq!(fs::read(taken.join(name)).unwrap(), b"\"0x00\"");
    assert_eq!(files(&taken).len(), 1, "nothing else was written there");
}

#[test]
fn without_the_record_a_forged_share_is_found_by_key_check_and_subsets() {
    let (dir, out) = fresh();
    let key = dir.path().join("host.key");
    let made = stock("age-keygen", "age", &["-o", key.to_str().unwrap()], b"");
    assert!(made.status.success());
    let recipient = stock("age-keygen", "age", &["-y", key.to_str().unwrap()], b"");
    let recipient = String::from_utf8(recipient.stdout).unwrap();
    let delivery = dir.path().join("delivery.age");

    let mut answers = String::new();
    on(&mut answers, "attendance.c2", "answer", "yes");
    on(&mut answers, "sealed.record", "answer", "");
    on(&mut answers, "shares.read.0", "fault", "forged");
    on(&mut answers, "shares.more.3", "answer", "enough");
    on(&mut answers, "shares.more.3", "answer", "more");
    on(&mut answers, "write.target", "answer", "delivery");
    on(&mut answers, "refusal.not-post-quantum", "act", "exception");
    on(&mut answers, "write.recipient", "answer", recipient.trim());
    on(
        &mut answers,
        "write.path",
        "answer",
        delivery.to_str().unwrap(),
    );
    let said = rehearse(&out, "key-recovery", &answers).ended(0);
    assert_eq!(
        said.refusals(),
        [
            "quorum-undecided",
            "quorum-forged-share",
            "not-post-quantum"
        ]
    );
    assert!(
        said.out.contains("share 1") || said.out.contains("sheet 1"),
        "{}",
        said.out
    );
    let record = json(&out.join("recovery/record.json"));
    assert_eq!(exceptions(&record), ["not-post-quantum"]);
    let args = [
        "-d",
        "-i",
        key.to_str().unwrap(),
        delivery.to_str().unwrap(),
    ];
    let opened = stock("age", "age", &args, b"");
    assert!(opened.status.success());
    let opened: Value = serde_json::from_slice(&opened.stdout).unwrap();
    assert_eq!(opened["format"], "qh-delivery/1");
    assert_eq!(opened["keys"].as_array().unwrap().len(), 3);
}

#[test]
fn a_sealed_file_changed_by_one_bit_does_not_open_even_without_its_record() {
    let (dir, out) = fresh();
    let mut changed = json(&out.join("sealed/backup.jwe"));
    let text = changed["ciphertext"].as_str().unwrap().to_owned();
    let mut bytes = BASE64URL_NOPAD.decode(text.as_bytes()).unwrap();
    bytes[100] ^= 1;
    changed["ciphertext"] = BASE64URL_NOPAD.encode(&bytes).into();
    let path = dir.path().join("backup.jwe");
    fs::write(&path, changed.to_string()).unwrap();
    let mut answers = String::new();
    on(
        &mut answers,
        "sealed.path",
        "answer",
        path.to_str().unwrap(),
    );
    on(&mut answers, "sealed.record", "answer", "");
    let said = rehearse(&out, "key-recovery", &answers).ended(0);
    assert_eq!(said.refusals(), ["sealed-changed"]);
    same_keys(&out);
}

#[test]
fn too_few_sheets_end_not_held_and_nothing_is_entered() {
    let (_dir, out) = fresh();
    let mut answers = String::new();
    on(&mut answers, "attendance.c1", "answer", "no");
    let said = rehearse(&out, "key-recovery", &answers).ended(1);
    assert!(
        said.out.contains("  not-held; everything is in"),
        "{}",
        said.out
    );
    let entries = entries(&out.join("recovery/transcript.jsonl"));
    assert!(entries.iter().all(|e| e["type"] != "share-read"));
    assert_eq!(entries.last().unwrap()["outcome"], "not-held");
    assert!(!out.join("keystore-recovered").exists());
    let transcript = out.join("recovery/transcript.jsonl");
    let head = heads(&said.out)[0];
    run(&[
        "transcript",
        "verify",
        transcript.to_str().unwrap(),
        "--head",
        head,
    ])
    .ended(0);
}

#[test]
fn an_objection_that_stands_stops_the_ceremony_and_voids_its_sheets() {
    let dir = tempfile::tempdir().unwrap();
    let out = dir.path().join("b");
    let mut answers = String::new();
    on(&mut answers, "sheets.c4.read", "act", "object");
    on(&mut answers, "objection", "act", "stop");
    let said = rehearse(&out, "", &answers).ended(1);
    assert!(
        said.out.contains("  stopped; everything is in"),
        "{}",
        said.out
    );
    assert!(
        !said.out.contains("key-recovery"),
        "nothing is recovered from a stopped backup"
    );
    let record = json(&out.join("record.json"));
    let states = sheet_states(&record);
    assert_eq!(states.len(), 4);
    assert!(
        states.iter().all(|(_, state)| state == "destroyed"),
        "{states:?}"
    );
    let transcript = out.join("transcript.jsonl");
    let args = [
        "transcript",
        "verify",
        transcript.to_str().unwrap(),
        "--head",
    ];
    run(&[&args[..], &[heads(&said.out)[0]]].concat()).ended(0);
}

#[test]
fn a_key_that_is_not_registered_yet_is_read_out_and_sheets_are_written_by_hand() {
    let dir = tempfile::tempdir().unwrap();
    let out = dir.path().join("b");
    let answers = fs::read_to_string(beside("sessions/read-out-by-hand.toml")).unwrap();
    let said = rehearse(&out, "", &answers).ended(0);
    assert_eq!(
        said.refusals(),
        ["dice-not-understood", "read-out-differs"][..]
            .iter()
            .rev()
            .copied()
            .collect::<Vec<_>>()
    );
    same_keys(&out);
    assert!(
        !out.join("sheets").exists(),
        "no picture of a sheet written by hand"
    );
    let record = json(&out.join("record.json"));
    assert_eq!(exceptions(&record), ["not-matched-to-chain"]);
    let due = record["due"].to_string();
    assert!(
        due.contains("Register the key, then verify this backup against the chain"),
        "{due}"
    );
    let certificate = fs::read_to_string(out.join("certificate.txt")).unwrap();
    assert!(
        certificate.contains("NOT MATCHED TO CHAIN"),
        "{certificate}"
    );
    let stored = entries(&out.join("transcript.jsonl"));
    let dice = stored
        .iter()
        .find(|e| e["type"] == "stored" && e["key"] == "entropy.dice");
    assert_eq!(dice.unwrap()["count"], 14);
}

#[test]
fn an_answer_that_is_never_asked_for_fails_the_rehearsal() {
    let (_dir, out) = fresh();
    let mut answers = String::new();
    on(&mut answers, "no.such.prompt", "answer", "x");
    let said = rehearse(&out, "key-recovery", &answers).ended(1);
    assert_eq!(
        said.err.trim(),
        "These lines of the answers file were never reached: no.such.prompt."
    );
}

/// The host's screen as a picture: its QR code is the file with the registered keys, and the six words agree.
#[test]
fn registered_keys_are_read_from_a_picture_of_the_hosts_screen() {
    use qh_ceremony::print::qr;
    use qh_ceremony::transcript::six_words::six_words;
    use qh_ceremony::vault::registered;
    let (_keep, out) = fresh();
    let text = fs::read(out.join("registered.json")).unwrap();
    let known = registered::parse(&text).unwrap();
    let code = qr::document(&registered::emit_compact(&known)).unwrap();
    let picture = out.join("screen.png");
    fs::write(&picture, qr::png(&code.image()).unwrap()).unwrap();
    let other = out.join("other.png");
    let share = qr::document("qh-head:00").unwrap();
    fs::write(&other, qr::png(&share.image()).unwrap()).unwrap();
    let mut answers = String::new();
    on(
        &mut answers,
        "match.path",
        "answer",
        other.to_str().unwrap(),
    );
    on(
        &mut answers,
        "match.path",
        "answer",
        picture.to_str().unwrap(),
    );
    let said = rehearse(&out, "", &answers).ended(0);
    assert_eq!(said.refusals(), ["registered-malformed"]);
    same_keys(&out);
    let words = six_words(&registered::fingerprint(&known));
    let certificate = fs::read_to_string(out.join("recovery/certificate.txt")).unwrap();
    let certificate: String = certificate.split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(
        certificate.contains(&format!("six words of the file: {words}")),
        "{certificate}"
    );
}
