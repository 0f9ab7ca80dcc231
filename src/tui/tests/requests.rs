use super::*;
use crate::ceremony::prompt::{Offer, Way};
use std::time::Duration;

#[test]
fn a_refusal_is_read_and_may_offer_an_exception() {
    let mut app1 = app(sample("refusal"));
    assert!(matches!(one(&mut app1, "\r"), Input::Acknowledge));
    let mut app2 = app(sample("refusal"));
    // The first choice is not to.
    assert!(press(&mut app2, "x\r").is_empty());
    assert!(matches!(
        one(&mut app2, &format!("x{DOWN}\r")),
        Input::Exception
    ));
    let mut none = app(samples::suspect());
    assert!(press(&mut none, &format!("x{F6}")).is_empty());
    assert!(none.overlay.is_none());
}

#[test]
fn voiding_a_sheet_asks_to_confirm() {
    let mut app = app(samples::read_share(&[Way::Scanner]));
    assert!(press(&mut app, &format!("{F5}\r")).is_empty());
    assert!(app.overlay.is_none());
    let sent = one(&mut app, &format!("{F5}2\r"));
    assert!(matches!(sent, Input::Reprint));
}

#[test]
fn an_objection_has_a_person_a_pin_and_a_reason() {
    for key in ["n", F2] {
        let mut app = app(sample("ready"));
        press(&mut app, &format!("{key}4\r"));
        assert!(drawn(&mut app).contains("Custodian 2 alone types the PIN:"));
        refused(&mut app, "\r", "Type the PIN first, then Enter.");
        refused(&mut app, "123456\r\r", "A reason is needed.");
        match one(&mut app, "out of sight?\r") {
            Input::Object { who, pin, reason } => assert_eq!(
                (who.as_str(), pin.expose(), reason.as_str()),
                ("C2", "123456", "out of sight?")
            ),
            _ => panic!("an objection"),
        }
    }
}

#[test]
fn nobody_enrolled_nobody_objects() {
    let mut view = sample("ready");
    view.people.clear();
    let mut app = app(view);
    assert!(press(&mut app, "n").is_empty());
    assert!(!drawn(&mut app).contains("I do not agree"));
}

#[test]
fn an_objection_is_withdrawn_or_the_ceremony_stops() {
    let mut app1 = app(sample("objection"));
    match one(&mut app1, "\r123456\r") {
        Input::Withdraw { pin } => assert_eq!(pin.expose(), "123456"),
        _ => panic!("a withdrawal"),
    }
    let mut app2 = app(sample("objection"));
    assert!(press(&mut app2, "2\rno way on\r\r").is_empty());
    let sent = one(&mut app2, "2\rno way on\r2\r");
    assert!(matches!(sent, Input::Stop { reason } if reason == "no way on"));
}

#[test]
fn pausing_and_stopping() {
    for key in ["q", F3, "\x03"] {
        let mut app1 = app(sample("ready"));
        assert!(press(&mut app1, &format!("{key}\r")).is_empty());
        assert!(app1.overlay.is_none());
        assert!(matches!(one(&mut app1, &format!("{key}2\r")), Input::Pause));
    }
    let mut app2 = app(sample("text"));
    assert!(press(&mut app2, "q\x03").is_empty());
    assert!(drawn(&mut app2).contains("Pause, leave, or stop?"));
    press(&mut app2, "4\r");
    refused(&mut app2, "\r", "A reason is needed.");
    press(&mut app2, "q?n\r");
    assert!(drawn(&mut app2).contains("Stop for good?"));
    // Escape goes back to the reason, then to the prompt; what was typed there stands.
    press(&mut app2, ESC);
    press(&mut app2, ESC);
    assert!(app2.overlay.is_none());
    assert_eq!(answer(one(&mut app2, "x\r")).1, "qx");
}

#[test]
fn leaving_is_confirmed_and_sends_nothing() {
    let mut app = app(sample("ready"));
    assert!(press(&mut app, "q3\r").is_empty());
    assert!(drawn(&mut app).contains("Leave now?"));
    assert!(press(&mut app, "\r").is_empty());
    assert!(!app.left() && app.overlay.is_none());
    assert!(press(&mut app, "q3\r2\r").is_empty());
    assert!(app.left());
}

#[test]
fn no_key_kills() {
    for (name, view) in samples::all() {
        if name == "over" {
            continue;
        }
        let mut app = app(view);
        press(&mut app, "\x03\x03\x1a\x1c\x04\x1b");
        assert!(!app.left(), "{name}");
    }
}

#[test]
fn a_pause_ends_by_any_key() {
    for key in ["\r", " ", "q", ESC, DOWN] {
        assert!(matches!(
            one(&mut app(sample("paused")), key),
            Input::Continue
        ));
    }
    // Help is no return, and a key without meaning neither.
    let mut app = app(sample("paused"));
    assert!(press(&mut app, "?\r\x01").is_empty());
    assert!(matches!(one(&mut app, "a"), Input::Continue));
}

#[test]
fn the_end_is_left_by_a_key() {
    for key in ["\r", "q", "\x03"] {
        let mut view = sample("over");
        view.prompt.offers.push(Offer::Pause);
        let mut app = app(view);
        assert!(press(&mut app, "abc").is_empty());
        assert!(!app.left());
        assert!(press(&mut app, key).is_empty());
        assert!(app.left());
    }
}

#[test]
fn work_is_not_interrupted() {
    let mut app = app(sample("wait"));
    refused(&mut app, "\r q", "This work is short and ends by itself");
    assert!(!app.left());
}

#[test]
fn help_is_everywhere_and_goes_back_to_where_it_was_opened() {
    for (name, view) in samples::all() {
        let mut app = app(view);
        let before = drawn(&mut app);
        assert!(press(&mut app, F1).is_empty(), "{name}");
        assert!(drawn(&mut app).contains("this help"), "{name}");
        press(&mut app, "\r");
        // Until the moving glyph stands where it stood.
        app.pass(Duration::from_millis(800) - 2 * HELD);
        assert_eq!(drawn(&mut app), before, "{name}");
    }
    let mut app = app(sample("ready"));
    press(&mut app, "q?");
    assert!(drawn(&mut app).contains("this help"));
    press(&mut app, "?");
    assert!(drawn(&mut app).contains("Pause, leave, or stop?"));
}

#[test]
fn what_is_not_offered_does_nothing() {
    for (name, mut view) in samples::all() {
        view.prompt.offers.clear();
        let mut app = app(view);
        press(&mut app, &format!("{F2}{F3}{F4}{F5}{F6}"));
        assert!(app.overlay.is_none(), "{name}");
    }
}

#[test]
fn escape_leaves_a_question_where_that_is_offered() {
    let mut view = sample("text");
    assert!(press(&mut app(view.clone()), ESC).is_empty());
    view.prompt.offers.push(Offer::Back);
    let mut app1 = app(view);
    assert!(drawn(&mut app1).contains("Esc back"));
    assert!(matches!(one(&mut app1, ESC), Input::Back));
    let mut read = samples::read_share(&[Way::Picture, Way::Simulated]);
    read.prompt.offers.push(Offer::Back);
    let mut app2 = app(read);
    press(&mut app2, "\r");
    assert!(!drawn(&mut app2).contains("Esc back"));
    assert!(press(&mut app2, ESC).is_empty());
    assert!(matches!(one(&mut app2, ESC), Input::Back));
}
