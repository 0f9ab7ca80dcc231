//! What the certificate must not leave out.

use super::*;
use crate::secret::Secret32;
use crate::transcript::record::{Exception, tests::sample};
use crate::transcript::sign::CeremonyKey;

fn closing() -> Closing {
    Closing {
        matched: Match::Matched("registered.json, block 1200".into()),
        machine: Vec::new(),
        seen: Vec::new(),
        destroy: vec!["transport stick".into()],
        take_home: vec![
            ("C1".into(), vec!["bag A-114".into()]),
            ("O".into(), Vec::new()),
        ],
        resumed: 0,
        signers: vec!["O".into(), "W".into()],
    }
}

fn build(record: &Record, closing: &Closing) -> Certificate {
    let key = CeremonyKey::from_seed(&Secret32::init_with(|seed| seed.fill(9)));
    let head = std::array::from_fn(|n| n as u8);
    Certificate::build(
        record,
        &record.sha256(),
        &head,
        &key.public_openssh(),
        closing,
    )
    .unwrap()
}

fn section<'a>(certificate: &'a Certificate, heading: &str) -> &'a [String] {
    let found = certificate.sections.iter().find(|(own, _)| own == heading);
    &found.unwrap_or_else(|| panic!("no section {heading}")).1
}

#[test]
fn a_certificate_holds_the_whole_head() {
    let own = build(&sample(), &closing());
    assert_eq!(
        own.title,
        "Certificate of ceremony BR-2026-11-22-01 (key-backup)"
    );
    assert_eq!(own.head_hex_groups.len(), 16);
    assert_eq!(own.head_hex_groups[..2], ["0001", "0203"]);
    assert_eq!(own.head_hex_groups.concat().len(), 64);
    assert_eq!(own.six_words.split(' ').count(), 6);
    assert_eq!(own.warnings, ["REHEARSAL - nothing here is real"]);
    assert_eq!(own.signers, ["O", "W"]);
    assert_eq!(
        section(&own, "Sheets")[0],
        "3 printed = 3 handed over + 0 destroyed"
    );
    assert_eq!(
        section(&own, "Sheets")[1],
        "Sheet 1 of C1: handed over, bag A-114"
    );
    assert_eq!(
        section(&own, "Each person takes home"),
        ["C1: bag A-114", "O: nothing"]
    );
    assert_eq!(section(&own, "To be destroyed"), ["transport stick"]);
    assert_eq!(section(&own, "Due"), ["2027-11-22  O: annual verification"]);
    assert_eq!(section(&own, "Exceptions"), ["None."]);
    assert_eq!(section(&own, "Machine check"), ["No findings."]);
    assert!(
        section(&own, "Ceremony")
            .contains(&"Clock: the watch of W was 3 s behind the laptop".into())
    );
    assert!(section(&own, "Files")[1].starts_with("Ceremony key: SHA256:"));
}

#[test]
fn what_is_not_right_is_said_first() {
    let mut record = sample();
    record.rehearsal = false;
    record.sheets[1].state = SheetState::Void;
    record.exceptions.push(Exception {
        name: "signer-is-custodian".into(),
        text: "C2 signs as witness".into(),
        signed: vec!["O".into(), "C1".into()],
    });
    let mut end = closing();
    end.matched = Match::NotMatched("the key is not registered yet".into());
    end.resumed = 2;
    end.machine.push("clock went back".into());
    let own = build(&record, &end);
    assert_eq!(
        own.warnings,
        [
            "NOT MATCHED TO CHAIN: the key is not registered yet",
            "SHEETS NOT RECONCILED: 1 sheet",
            "RESUMED 2 times: all people enrolled anew",
            "1 EXCEPTION, listed below",
            "MACHINE CHECK: 1 finding, listed below",
        ]
    );
    assert_eq!(
        section(&own, "Sheets")[0],
        "3 printed = 2 handed over + 0 destroyed + 1 OPEN"
    );
    assert_eq!(
        section(&own, "To be destroyed"),
        ["Sheet 2 of C2 (void)", "transport stick"]
    );
    assert_eq!(
        section(&own, "Exceptions"),
        [
            "signer-is-custodian: C2 signs as witness (signed: O, C1)",
            "resumed: 2 times after an interruption"
        ]
    );
    assert_eq!(section(&own, "Machine check"), ["clock went back"]);
}

#[test]
fn an_exception_alone_also_says_not_matched() {
    let mut record = sample();
    let name = "not-matched-to-chain".into();
    record.exceptions.push(Exception {
        name,
        text: "new key".into(),
        signed: Vec::new(),
    });
    let mut end = closing();
    end.matched = Match::NotAsked;
    assert!(
        build(&record, &end)
            .warnings
            .contains(&"NOT MATCHED TO CHAIN".into())
    );
}

#[test]
fn foreign_text_is_escaped_and_long_keys_are_cut() {
    let mut record = sample();
    record.purpose = "x\u{1b}[2J\n".into();
    record.public_keys[0].public = format!("0x{}", "cd".repeat(1793));
    let own = build(&record, &closing());
    assert_eq!(section(&own, "Ceremony")[0], "Purpose: x\\u{1b}[2J\\u{a}");
    assert!(section(&own, "Keys").contains(&"   ... 1793 bytes, in full in the record ...".into()));
    let bad = Certificate::build(
        &record,
        &record.sha256(),
        &[0; 32],
        "ssh-rsa AAAA",
        &closing(),
    );
    assert_eq!(bad, Err(SignatureFault::BadKey));
}
