use super::*;
use crate::ceremony::policy::Label;
use crate::ceremony::prompt::{Ask, TextKind, Way};
use crate::tui::keys::Key;
use std::time::Duration;

fn text_view(kind: TextKind, optional: bool) -> View {
    let mut view = sample("text");
    view.prompt.ask = Ask::Text { kind, optional };
    view
}

#[test]
fn ready_is_done_by_enter_alone() {
    let mut app = app(sample("ready"));
    assert!(press(&mut app, "abc 1\t\x1b").is_empty());
    assert_eq!(
        answer(one(&mut app, "\r")),
        answered("store.1.unplug", "done")
    );
}

#[test]
fn nothing_is_taken_while_an_answer_is_under_way() {
    let mut app = app(sample("ready"));
    one(&mut app, "\r");
    assert!(press(&mut app, "\r\rq?n").is_empty());
    assert!(app.waiting());
    app.show(sample("choose"));
    assert!(!app.waiting());
    assert_eq!(
        answer(one(&mut app, "\r")),
        answered("enrol.operator.document", "passport")
    );
}

#[test]
fn a_held_enter_answers_one_question() {
    let enter = |app: &mut App, after: u64| {
        app.pass(Duration::from_millis(after));
        app.key(Key::Enter)
    };
    let mut app = app(sample("ready"));
    assert!(enter(&mut app, 0).is_some());
    for _ in 0..20 {
        // Repeats come while the answer is under way, and after the next question is there.
        assert!(enter(&mut app, 92).is_none());
        app.show(sample("refusal"));
        assert!(enter(&mut app, 92).is_none());
    }
    assert!(enter(&mut app, 120).is_some());
}

#[test]
fn quick_enters_within_one_question_count() {
    let mut app = app(samples::read_share(&[Way::Words]));
    let mut sent = Vec::new();
    for word in &setup().words[..36] {
        sent.extend(word.chars().filter_map(|c| app.key(Key::Char(c))));
        sent.extend(app.key(Key::Enter));
    }
    assert!(sent.is_empty());
    assert_eq!(app.key(Key::Enter).map(sent_words), Some(all_words(0)));
}

#[test]
fn a_held_enter_shows_no_more_than_four_words() {
    let mut app = app(sample("handwrite"));
    one(&mut app, "\r");
    app.reveal(crate::secret::SecretText::new(all_words(0)));
    for _ in 0..100 {
        app.pass(Duration::from_millis(92));
        assert!(app.key(Key::Enter).is_none());
    }
    assert!(drawn(&mut app).contains("Words 1 to 4 of 36"));
}

#[test]
fn choices_by_arrow_and_number() {
    let mut app1 = app(sample("choose"));
    let keys = format!("{DOWN}{DOWN}\r");
    assert_eq!(answer(one(&mut app1, &keys)).1, "licence");
    let mut app2 = app(sample("choose"));
    // A number moves; another past the end does nothing.
    assert!(press(&mut app2, "29").is_empty());
    assert_eq!(answer(one(&mut app2, "\r")).1, "id");
}

#[test]
fn text_is_edited_trimmed_and_sent() {
    let mut app1 = app(sample("text"));
    let keys = "/media/qnx?\x7f\x1b[D\x1b[Dx\x1b[F \r";
    assert_eq!(
        answer(one(&mut app1, keys)),
        answered("export.path", "/media/qxnx")
    );
    let mut app2 = app(sample("text"));
    let keys = "\x1b[200~/media/a b\x1b[201~\r";
    assert_eq!(answer(one(&mut app2, keys)).1, "/media/a b");
    let mut app3 = app(sample("text"));
    refused(
        &mut app3,
        "  \r",
        "An answer is needed here. Type it, then Enter.",
    );
    let mut app4 = app(text_view(TextKind::Path, true));
    assert_eq!(answer(one(&mut app4, "\r")).1, "");
}

#[test]
fn dates_and_numbers_are_checked_before_they_are_sent() {
    for (kind, text, why) in [
        (TextKind::Date, "22.11.2026", "That is no date."),
        (TextKind::Date, "2026-02-30", "That is no date."),
        (TextKind::Date, "20261122", "That is no date."),
        (
            TextKind::DateTime,
            "2026-11-22",
            "That is no date and time.",
        ),
        (
            TextKind::DateTime,
            "2026-11-22T14:30",
            "That is no date and time.",
        ),
        (
            TextKind::DateTime,
            "2026-11-22 25:30",
            "That is no date and time.",
        ),
        (TextKind::Number, "1x", "Digits only are wanted here"),
        (TextKind::Number, "-1", "Digits only are wanted here"),
    ] {
        refused(&mut app(text_view(kind, false)), &format!("{text}\r"), why);
    }
    for (kind, text) in [
        (TextKind::Date, "2028-02-29"),
        (TextKind::DateTime, "2026-11-22 14:30"),
        (TextKind::Number, "0114"),
    ] {
        let sent = one(&mut app(text_view(kind, false)), &format!("{text}\r"));
        assert_eq!(answer(sent).1, text);
    }
}

#[test]
fn names_go_to_the_annex() {
    let mut app = app(sample("confidential"));
    refused(&mut app, "\r", "Type it first, then Enter.");
    match one(&mut app, "Zoë q.\r") {
        Input::Confidential { key, text } => {
            assert_eq!(
                (key.as_str(), text.as_str()),
                ("enrol.operator.name", "Zoë q.")
            );
        }
        _ => panic!("a name is confidential"),
    }
}

#[test]
fn a_new_pin_is_typed_twice() {
    let mut app = app(sample("new-pin"));
    refused(&mut app, "\r", "Type the PIN first, then Enter.");
    refused(
        &mut app,
        "12q",
        "A PIN has digits only. That key was not taken.",
    );
    // Backspace empties: how much is left can't be seen.
    refused(&mut app, "\x7f", "The field is empty again.");
    refused(&mut app, "\x1b[200~123456\x1b[201~", "not pasted.");
    match one(&mut app, "123456\r654321\r") {
        Input::NewPin { who, pin, again } => {
            assert_eq!(
                (who.as_str(), pin.expose(), again.expose()),
                ("O", "123456", "654321")
            );
        }
        _ => panic!("a PIN is chosen"),
    }
}

#[test]
fn secrets_are_dice_or_a_password() {
    let mut dice = app(sample("dice"));
    refused(
        &mut dice,
        "7",
        "A die shows 1 to 6. That key was not taken.",
    );
    press(&mut dice, "12 34x56\x7f");
    assert!(drawn(&mut dice).contains(" 5 rolls "));
    match one(&mut dice, "\r") {
        Input::Secret { key, text } => {
            assert_eq!((key.as_str(), text.expose()), ("entropy.dice", "12345"));
        }
        _ => panic!("dice are secret"),
    }
    match one(&mut app(sample("dice")), "\r") {
        Input::Secret { text, .. } => assert_eq!(text.expose(), ""),
        _ => panic!("no dice are an answer"),
    }
    let mut password = app(sample("password"));
    refused(&mut password, "\r", "Type the password first, then Enter.");
    match one(&mut password, "\x1b[200~q?n é \x1b[201~!\r") {
        Input::Secret { text, .. } => assert_eq!(text.expose(), "q?n é !"),
        _ => panic!("a password is secret"),
    }
}

#[test]
fn the_signer_is_chosen_and_types_the_pin() {
    let mut app1 = app(samples::sign(&[], &[]));
    refused(&mut app1, "2\r\r", "Type the PIN first, then Enter.");
    match one(&mut app1, "123456\r") {
        Input::Sign { who, pin } => assert_eq!((who.as_str(), pin.expose()), ("W", "123456")),
        _ => panic!("a signature"),
    }
    // Who has signed can't be chosen, so the other's PIN is typed at once.
    let mut app2 = app(samples::sign(&[Label::witness()], &[]));
    match one(&mut app2, "654321\r") {
        Input::Sign { who, pin } => assert_eq!((who.as_str(), pin.expose()), ("O", "654321")),
        _ => panic!("a signature"),
    }
}

#[test]
fn another_signer_gets_an_empty_field() {
    let mut app = app(samples::sign(&[], &[]));
    press(&mut app, "\r123");
    press(&mut app, ESC);
    match one(&mut app, "2\r456789\r") {
        Input::Sign { who, pin } => assert_eq!((who.as_str(), pin.expose()), ("W", "456789")),
        _ => panic!("a signature"),
    }
}

#[test]
fn who_is_locked_cannot_sign() {
    let locked = [
        (Label::operator(), 1_795_358_400),
        (Label::witness(), 1_795_358_400),
    ];
    let mut nobody = app(samples::sign(&[], &locked));
    assert!(press(&mut nobody, "1\r123456\r").is_empty());
    assert!(drawn(&mut nobody).contains("Nobody can sign at this moment."));
    assert!(drawn(&mut nobody).contains("[!] the operator    locked"));
    assert!(drawn(&mut nobody).contains("15:40 local"));
}

#[test]
fn a_forgotten_pin_names_its_person() {
    let mut app1 = app(samples::sign(&[], &[]));
    let sent = one(&mut app1, "f2\r");
    assert!(matches!(sent, Input::ForgottenPin { who } if who == "W"));
    // While a PIN is typed the function key stands for the letter.
    let mut app2 = app(samples::sign(&[Label::witness()], &[]));
    let sent = one(&mut app2, &format!("{F4}\r"));
    assert!(matches!(sent, Input::ForgottenPin { who } if who == "O"));
}

#[test]
fn a_share_is_read_each_way() {
    let ways = [Way::Scanner, Way::Words, Way::Picture, Way::Simulated];
    // A scanner needs no choice first, and its digits choose nothing.
    match one(&mut app(samples::read_share(&ways)), "QHS1ABC234\r") {
        Input::ShareQr(text) => assert_eq!(text.expose(), "QHS1ABC234"),
        _ => panic!("a QR text"),
    }
    match one(
        &mut app(samples::read_share(&ways)),
        "3\r /media/a/sheet.png\r",
    ) {
        Input::SharePicture(path) => assert_eq!(path, "/media/a/sheet.png"),
        _ => panic!("a picture"),
    }
    let sent = one(&mut app(samples::read_share(&ways)), "4\r\r");
    assert!(matches!(sent, Input::ShareSimulated));
    let mut scanner = app(samples::read_share(&[Way::Scanner]));
    refused(&mut scanner, "\r", "Nothing was scanned yet.");
    let long = "A".repeat(600);
    refused(&mut scanner, &long, "");
    match one(&mut app(samples::read_share(&[Way::Scanner])), "qhs1\r") {
        Input::ShareQr(text) => assert_eq!(text.expose(), "qhs1"),
        _ => panic!("a QR text, whatever it is"),
    }
}

#[test]
fn without_a_scanner_capitals_open_nothing() {
    let mut app = app(samples::read_share(&[Way::Words, Way::Picture]));
    assert!(press(&mut app, "QHSABC").is_empty());
    assert!(drawn(&mut app).contains("> 1 By typing its 36 words"));
}

fn all_words(from: usize) -> String {
    setup().words[from..from + 36].join(" ")
}

fn sent_words(input: Input) -> String {
    match input {
        Input::ShareWords(text) => text.expose().to_owned(),
        _ => panic!("36 words"),
    }
}

#[test]
fn after_a_suspect_only_that_word_is_typed_again() {
    let mut app = app(samples::read_share(&[Way::Words]));
    assert_eq!(
        sent_words(one(&mut app, &format!("{} \r", all_words(0)))),
        all_words(0)
    );
    app.show(sample("wait"));
    app.show(samples::suspect());
    assert!(matches!(one(&mut app, "\r"), Input::Acknowledge));
    app.show(samples::read_share(&[Way::Words]));
    let text = drawn(&mut app);
    assert!(
        text.contains("Word 17: read it again, letter by letter"),
        "{text}"
    );
    let sent = sent_words(one(&mut app, "zoo \r"));
    let mut wanted = setup().words[0..36].to_vec();
    wanted[16] = "zoo";
    assert_eq!(sent, wanted.join(" "));
}

#[test]
fn after_swapped_words_both_are_typed_again_and_after_none_located_any_may() {
    let refused = |name: &str, facts: &[(&str, &str)]| {
        let mut app = app(samples::read_share(&[Way::Words]));
        one(&mut app, &format!("{} \r", all_words(0)));
        let mut refusal = samples::suspect();
        let facts = facts.iter().map(|(a, b)| ((*a).into(), (*b).into()));
        refusal.prompt.facts = facts.collect();
        refusal.prompt.ask = Ask::Refusal { name: name.into() };
        app.show(refusal);
        one(&mut app, "\r");
        app.show(samples::read_share(&[Way::Words]));
        app
    };
    let mut swapped = refused("share-words-transposed", &[("read again", "5 6")]);
    assert!(drawn(&mut swapped).contains("Word 5: read it again"));
    assert_eq!(
        sent_words(one(&mut swapped, "zoo zone \r"))
            .split(' ')
            .nth(5),
        Some("zone")
    );
    let mut unlocated = refused("share-words-unlocated", &[]);
    assert!(drawn(&mut unlocated).contains("All 36 words stand"));
    // Back to the last one, which is typed anew.
    let sent = sent_words(one(&mut unlocated, "\x1b[Azoo \r"));
    assert!(sent.starts_with("abandon ") && sent.ends_with(" zoo"));
}

#[test]
fn words_are_not_kept_over_anything_else() {
    let send = |app: &mut App| one(app, &format!("{} \r", all_words(0)));
    // Another refusal.
    let mut app1 = app(samples::read_share(&[Way::Words]));
    send(&mut app1);
    app1.show(sample("refusal"));
    one(&mut app1, "\r");
    app1.show(samples::read_share(&[Way::Words]));
    assert!(drawn(&mut app1).contains("Word 1 of 36"));
    // Another sheet.
    let mut app2 = app(samples::read_share(&[Way::Words]));
    send(&mut app2);
    app2.show(samples::suspect());
    one(&mut app2, "\r");
    let mut other = samples::read_share(&[Way::Words]);
    other.prompt.key = "sheets.3.read".into();
    app2.show(other);
    assert!(drawn(&mut app2).contains("Word 1 of 36"));
    // A pause between.
    let mut app3 = app(samples::read_share(&[Way::Words]));
    send(&mut app3);
    app3.show(samples::suspect());
    app3.show(sample("paused"));
    app3.show(samples::read_share(&[Way::Words]));
    assert!(drawn(&mut app3).contains("Word 1 of 36"));
}

#[test]
fn words_are_left_by_a_second_escape() {
    let mut app = app(samples::read_share(&[Way::Words, Way::Picture]));
    press(&mut app, "\rzoo ");
    refused(
        &mut app,
        ESC,
        "Esc again leaves and wipes the words that you typed.",
    );
    press(&mut app, "zo");
    refused(
        &mut app,
        ESC,
        "Esc again leaves and wipes the words that you typed.",
    );
    press(&mut app, ESC);
    assert!(drawn(&mut app).contains("> 1 By typing its 36 words"));
}

#[test]
fn a_view_of_the_same_question_keeps_what_is_typed() {
    let mut app = app(sample("text"));
    press(&mut app, "/med");
    let mut later = sample("text");
    later.time += 60;
    app.show(later);
    assert_eq!(answer(one(&mut app, "ia\r")).1, "/media");
    // After an answer the same question begins anew.
    app.show(sample("text"));
    assert_eq!(answer(one(&mut app, "x\r")).1, "x");
}
