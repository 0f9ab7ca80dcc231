//! Who may do what: PINs, exceptions, objections, pauses, bags.

use qh_ceremony::ceremony::event::{Event, Refused, Request};
use qh_ceremony::ceremony::policy::{Kind, Label, Sensitive, Slot};
use qh_ceremony::ceremony::prompt::Ask;
use qh_ceremony::ceremony::state::{Ending, SheetState};

use super::fake::{Run, commitment};
use super::walk::guarded;

fn who(label: &str) -> Label {
    Label(label.into())
}

fn page(run: &Run) -> String {
    match run.prompt().ask {
        Ask::Refusal { name } => name,
        other => panic!("no refusal page, but {other:?}"),
    }
}

#[test]
fn three_wrong_pins_pause_for_a_minute_wherever_a_pin_is_asked() {
    let mut run = Run::of("key-backup");
    run.until_prompt("seal.sign");
    for _ in 0..3 {
        run.must(Event::WrongPin { who: who("O") });
        assert_eq!(page(&run), "pin-wrong");
        run.request(Request::Acknowledge);
    }
    let sign = Event::Signed {
        who: who("O"),
        verb: Sensitive::Seal,
    };
    let object = Event::Objected {
        who: who("O"),
        reason: "no".into(),
    };
    for event in [&sign, &object, &Event::WrongPin { who: who("O") }] {
        assert_eq!(run.take(event.clone()).unwrap_err().name, "pin-locked");
    }
    run.must(Event::Signed {
        who: who("W"),
        verb: Sensitive::Seal,
    });
    run.take_at(run.time + 60, sign).unwrap();
    assert!(run.state.busy.is_some());
}

#[test]
fn a_clock_set_back_shortens_no_wait_and_lengthens_none() {
    let mut run = Run::of("key-backup");
    run.until_prompt("seal.sign");
    for _ in 0..3 {
        run.must(Event::WrongPin { who: who("O") });
        run.request(Request::Acknowledge);
    }
    let sign = Event::Signed {
        who: who("O"),
        verb: Sensitive::Seal,
    };
    let back = run.time - 86_400;
    assert_eq!(
        run.take_at(back, sign.clone()).unwrap_err().name,
        "clock-went-back"
    );
    run.take_at(back, Event::ClockBack { seconds: 86_400 })
        .unwrap();
    assert_eq!(
        run.take_at(back + 50, sign.clone()).unwrap_err().name,
        "pin-locked"
    );
    run.take_at(back + 60, sign).unwrap();
    run.until_prompt("certify.closing");
    let shown = run.prompt().facts;
    assert!(shown.contains(&("Clock".into(), "went back by 86400 seconds".into())));
}

#[test]
fn a_forgotten_pin_needs_two_others() {
    let mut run = Run::of("key-backup");
    run.until_prompt("seal.sign");
    run.request(Request::ForgottenPin { who: who("O") });
    let sign = |label: &str| Event::Signed {
        who: who(label),
        verb: Sensitive::Reenrol,
    };
    assert_eq!(
        run.take(sign("O")).unwrap_err().name,
        "signature-not-needed"
    );
    run.must(sign("W"));
    let early = Event::PinChosen { who: who("O") };
    assert_eq!(run.take(early.clone()).unwrap_err().name, "not-asked");
    run.must(sign("C1"));
    run.must(early);
    assert_eq!(run.prompt().key, "seal.sign");
    guarded(&mut Run::of("key-backup"));

    let mut alone = Run::of("key-recovery");
    for number in 1..=5 {
        alone = alone.answer(&format!("enrol.c{number}.present"), "absent");
    }
    alone.until(|run| run.state.closed);
    assert_eq!(alone.state.ending, Some(Ending::NotHeld));
}

#[test]
fn each_signer_who_holds_a_sheet_is_an_exception_of_their_own() {
    let mut run = Run::of("key-backup")
        .answer("enrol.c1.name", "O")
        .answer("enrol.c2.name", "W")
        .answer("signer-is-custodian", "exception");
    guarded(&mut run);
    let texts: Vec<&str> = run
        .state
        .exceptions
        .iter()
        .map(|e| e.text.as_str())
        .collect();
    assert_eq!(
        texts,
        [
            "a signer also holds a sheet: the operator is custodian 1",
            "a signer also holds a sheet: the witness is custodian 2"
        ]
    );
}

#[test]
fn nobody_holds_two_sheets_through_an_exception() {
    let mut run = Run::of("key-backup")
        .answer("enrol.c1.name", "O")
        .answer("enrol.c2.name", "O")
        .answer("signer-is-custodian", "exception");
    run.until(|run| run.state.refusals.len() == 2);
    assert_eq!(page(&run), "custodian-twice");
    assert_eq!(
        run.prompt().say[0],
        "custodian 1 has this name already, and nobody holds two shares."
    );
}

#[test]
fn what_is_never_excepted_offers_none() {
    for name in [
        "pair-does-not-match",
        "share-forged",
        "machine-unfit",
        "quorum-no-key-check",
    ] {
        let mut run = Run::of("key-recovery");
        run.until_prompt("shares.read.0");
        run.must(Event::Refused(Refused {
            name: name.into(),
            what: "No.".into(),
            way_on: "Go on.".into(),
            again: vec![],
        }));
        let ask = Event::Requested {
            request: Request::Exception,
        };
        assert_eq!(run.take(ask).unwrap_err().name, "never-excepted", "{name}");
    }
}

#[test]
fn an_objection_that_nobody_withdraws_ends_as_stopped() {
    let mut run = Run::of("key-backup");
    run.until_prompt("open.sign");
    run.must(Event::Objected {
        who: who("C2"),
        reason: "the bag was open".into(),
    });
    let withdraw = Event::Withdrawn { who: who("O") };
    assert_eq!(run.take(withdraw).unwrap_err().name, "not-its-author");
    run.request(Request::Stop {
        reason: "not resolved".into(),
    });
    run.until_closed();
    assert_eq!(
        run.state.ending,
        Some(Ending::Stopped(
            "not resolved; C2 did not agree: the bag was open".into()
        ))
    );
    assert!(
        run.state
            .sheets
            .iter()
            .all(|s| s.state == SheetState::Destroyed)
    );
}

#[test]
fn half_an_hour_wipes_entered_shares_and_no_less() {
    for (name, prompt) in [
        ("key-recovery", "shares.more.3"),
        ("key-recovery", "open.sign"),
        ("key-backup", "sheets.sign"),
        ("key-backup", "open.sign"),
    ] {
        let mut run = Run::of(name);
        run.until_prompt(prompt);
        assert!(run.state.slots.contains(&Slot::Scanned));
        let short = run.take_at(run.time + 1799, Event::PauseExpired);
        assert_eq!(short.unwrap_err().name, "pause-too-short");
        run.take_at(run.time + 1800, Event::PauseExpired).unwrap();
        let wiped = run.usual();
        run.must(wiped);
        assert!(!run.state.slots.contains(&Slot::Scanned), "{prompt}");
        assert!(run.state.facts.shares.is_empty());
        assert!(run.state.sheets.iter().all(|s| s.proven.is_empty()));
        run.until_closed();
        assert_eq!(run.state.ending, Some(Ending::Completed), "{prompt}");
        let printed = if run.state.opened.kind == Kind::Backup {
            5
        } else {
            0
        };
        assert_eq!(run.state.sheets.len(), printed, "nothing is printed again");
    }
}

#[test]
fn an_absent_custodian_has_a_bag_on_its_way_and_an_open_item() {
    let mut run = Run::of("key-backup").answer("enrol.c2.present", "absent");
    run.until_prompt("certify.closing");
    let facts = run.prompt().facts;
    assert!(facts.contains(&("Open item".into(), "sheet 2 is bagged".into())));
    assert!(facts.iter().any(
        |(date, task)| date == "2026-12-22" && task.starts_with("Receipt of bag BAG-c2 by C2")
    ));
    run.until_closed();
    assert_eq!(run.state.sheets[1].state, SheetState::Bagged);
    assert_eq!(run.state.open_sheets().count(), 1);
}

#[test]
fn bags_and_labels_stand_for_one_thing() {
    let mut run = Run::of("key-backup").answer("store.m2.label", "medium M1");
    run.until(|run| !run.state.refusals.is_empty());
    assert_eq!(page(&run), "label-twice");
    let mut run = Run::of("key-backup").answer("hand.c3.bag", "bag c2");
    run.until(|run| !run.state.refusals.is_empty());
    assert_eq!(page(&run), "bag-twice");
    let mut run = Run::of("key-recovery").answer("rebag.2", " new-1 ");
    run.until(|run| !run.state.refusals.is_empty());
    assert_eq!(page(&run), "bag-twice");
}

#[test]
fn a_reprint_voids_the_sheet_that_is_asked_for() {
    let mut run = Run::of("key-backup");
    run.until_prompt("sheets.sign");
    run.take_at(run.time + 1800, Event::PauseExpired).unwrap();
    run.until_prompt("sheets.c1.read");
    run.request(Request::Reprint);
    run.until(|run| run.state.sheets.iter().any(|s| !s.stands()));
    let void: Vec<u8> = run
        .state
        .sheets
        .iter()
        .filter(|s| !s.stands())
        .map(|s| s.custodian)
        .collect();
    assert_eq!(void, [1]);
    guarded(&mut Run::of("key-backup"));
    run.until_closed();
    assert_eq!(run.state.sheets.len(), 6);
    assert_eq!(run.state.open_sheets().count(), 0);
}

#[test]
fn a_share_check_holds_one_share_of_the_one_asked_for() {
    let mut run = Run::of("share-check").answer("enrol.custodian", "2");
    run.until_prompt("check.read");
    let read = |x: u8| Event::ShareRead {
        x,
        how: "words".into(),
        commitment: commitment(x),
    };
    assert_eq!(run.take(read(9)).unwrap_err().name, "share-forged");
    run.must(read(3));
    assert_eq!(page(&run), "share-of-other-custodian");
    run.request(Request::Acknowledge);
    run.must(read(2));
    assert_eq!(run.take(read(3)).unwrap_err().name, "not-asked");
    assert_eq!(run.state.facts.shares.len(), 1);
}
