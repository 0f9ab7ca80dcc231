//! The QR code of public data, and what stands in a field at first.

use super::{answer, app, draw, lines, one, press, samples};
use crate::ceremony::prompt::{Ask, Offer, TextKind};
use crate::ceremony::view::View;

fn coded(ask: Ask) -> View {
    let mut view = samples::view("over", "The end", &["Say."], &[], ask);
    view.qr = vec!["\u{2588}\u{2580} \u{2584}\u{2588}".into(); 23];
    view
}

#[test]
fn the_code_has_the_whole_screen_until_any_key() {
    let mut app = app(coded(Ask::Over));
    let before = lines(&draw(&mut app, 80, 24));
    assert!(before.contains("v QR code"), "{before}");
    assert!(press(&mut app, "v").is_empty());
    let code = lines(&draw(&mut app, 80, 24));
    let code: Vec<&str> = code.lines().collect();
    assert!(
        code[..23]
            .iter()
            .all(|line| line.trim() == "\u{2588}\u{2580} \u{2584}\u{2588}"),
        "{code:#?}"
    );
    assert_eq!(
        code[23].trim(),
        "REHEARSAL - nothing here is real. This code is public. Any key: back."
    );
    // The key that comes back does nothing else: Enter would leave the ceremony.
    assert!(press(&mut app, "\r").is_empty());
    assert!(!app.left());
    assert_eq!(lines(&draw(&mut app, 80, 24)), before);
}

#[test]
fn a_code_too_tall_for_the_screen_says_so() {
    let mut view = coded(Ask::Over);
    view.qr = vec!["\u{2588}".repeat(49); 25];
    let mut app = app(view);
    press(&mut app, "v");
    let page = lines(&draw(&mut app, 80, 24));
    assert!(
        page.contains("Too small for the code. Any key: back."),
        "{page}"
    );
    assert!(!page.contains('\u{2588}'), "{page}");
}

#[test]
fn where_there_is_no_code_its_key_does_nothing() {
    let mut view = coded(Ask::Over);
    view.qr.clear();
    let mut app = app(view);
    let before = lines(&draw(&mut app, 80, 24));
    assert!(!before.contains("QR code"));
    assert!(press(&mut app, "v").is_empty());
    assert_eq!(lines(&draw(&mut app, 80, 24)), before);
}

#[test]
fn a_suggested_line_is_taken_by_enter_or_changed() {
    let mut view = coded(Ask::Text {
        kind: TextKind::Path,
        optional: false,
    });
    view.prompt.offers = vec![Offer::Pause];
    view.suggestion = "/out/media/1".into();
    let mut first = app(view.clone());
    assert_eq!(answer(one(&mut first, "\r")).1, "/out/media/1");
    let mut second = app(view);
    assert_eq!(answer(one(&mut second, "\u{7f}2\r")).1, "/out/media/2");
}
