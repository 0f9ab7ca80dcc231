//! Below: why the last key led to nothing, and the keys that work now.

use super::put;
use super::widgets::{elapsed, spinner};
use crate::ceremony::prompt::{Ask, Offer};
use crate::tui::app::App;
use crate::tui::form::Form;
use crate::tui::form::hand::Hand;
use crate::tui::form::read::Stage;
use crate::tui::form::words::COUNT;
use crate::tui::overlay::Overlay;
use crate::tui::text::wrap;
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::text::{Line, Span};

/// A key as people call it, and what it does.
type Key = (&'static str, &'static str);

pub(super) fn draw(buffer: &mut Buffer, app: &App, scrolls: bool, area: Rect) {
    let width = usize::from(area.width.saturating_sub(2));
    if let Some(note) = app.note {
        let note = wrap(note, width).into_iter().next().unwrap_or_default();
        let line = Line::from(Span::styled(note, app.theme.note()));
        put(buffer, 1, area.y, &line, area.width - 1);
    } else if app.waiting() && app.view.is_some() && app.since_prompt.as_millis() >= 400 {
        let line = Line::from(format!("{} one moment, {}", spinner(app), elapsed(app)));
        put(buffer, 1, area.y, &line, area.width - 1);
    }
    let mut row = area.y + 1;
    let mut line: Vec<Span> = Vec::new();
    let mut length = 0;
    for (key, what) in keys(app, scrolls) {
        let size = key.len() + 1 + what.len();
        if length > 0 && length + 3 + size > width {
            put(
                buffer,
                1,
                row,
                &Line::from(std::mem::take(&mut line)),
                area.width - 1,
            );
            row += 1;
            length = 0;
        }
        if length > 0 {
            line.push(Span::raw("   "));
            length += 3;
        }
        line.push(Span::styled(key, app.theme.strong()));
        line.push(Span::raw(format!(" {what}")));
        length += size;
    }
    if row < area.bottom() {
        put(buffer, 1, row, &Line::from(line), area.width - 1);
    }
}

/// The keys that work now.
pub(super) fn keys(app: &App, scrolls: bool) -> Vec<Key> {
    let mut keys = Vec::new();
    if app.player {
        keys.push(("q", "leave"));
    } else if app.waiting() {
        // Nothing works until the answer to the last key is there.
    } else if let Some(overlay) = &app.overlay {
        keys.extend(of_overlay(overlay));
    } else {
        keys.extend(of_form(app));
        keys.extend(of_all(app));
    }
    if scrolls {
        keys.push(("PgUp PgDn", "scroll"));
    }
    keys
}

const CHOOSE: [Key; 2] = [("arrows, 1-9", "move"), ("Enter", "choose")];

fn of_overlay(overlay: &Overlay) -> Vec<Key> {
    let mut keys: Vec<Key> = match overlay {
        Overlay::Help(_) => return vec![("Enter", "close help")],
        Overlay::Qr => return vec![("any key", "back")],
        Overlay::Menu(_)
        | Overlay::StopConfirm { .. }
        | Overlay::Person(..)
        | Overlay::Confirm(..) => CHOOSE.to_vec(),
        Overlay::StopReason(_) | Overlay::ObjectPin { .. } => vec![("Enter", "go on")],
        Overlay::ObjectReason { .. } => vec![("Enter", "object")],
    };
    keys.push(("Esc", "back"));
    keys.push(if overlay.typing() {
        ("F1", "help")
    } else {
        ("?", "help")
    });
    keys
}

fn of_form(app: &App) -> Vec<Key> {
    let ask = app.view.as_ref().map(|view| &view.prompt.ask);
    match &app.form {
        Form::Still => match ask {
            Some(Ask::Over) => vec![("Enter", "leave")],
            _ => Vec::new(),
        },
        Form::Ready | Form::Refusal => vec![("Enter", "go on")],
        Form::Choose(..) => CHOOSE.to_vec(),
        Form::Text { .. } | Form::Confidential(_) | Form::Secret(..) => vec![("Enter", "go on")],
        Form::NewPin(form) if form.at == 0 => vec![("Enter", "once more")],
        Form::NewPin(_) => vec![("Enter", "choose this PIN"), ("Up", "first field")],
        Form::Sign(sign) if sign.open.is_empty() => Vec::new(),
        Form::Sign(sign) => match (&sign.pin, sign.open.len()) {
            (None, _) => CHOOSE.to_vec(),
            (Some(_), 1) => vec![("Enter", "sign")],
            (Some(_), _) => vec![("Enter", "sign"), ("Esc", "another signer")],
        },
        Form::Read(read) => {
            let mut keys = match &read.stage {
                Stage::Ways(_) => return CHOOSE.to_vec(),
                Stage::Scanner(_) => Vec::new(),
                Stage::Words(words) if words.at() < COUNT => {
                    vec![("Space", "next word"), ("arrows", "move")]
                }
                Stage::Words(_) => vec![("Enter", "check them"), ("arrows", "move")],
                Stage::Picture(_) | Stage::Simulated => vec![("Enter", "read")],
            };
            if read.ways.len() > 1 {
                keys.push(("Esc", "another way"));
            }
            keys
        }
        Form::Hand(Hand::Closed) => vec![("Enter", "show")],
        Form::Hand(Hand::Open(..)) => {
            vec![
                ("Enter", "next"),
                ("Backspace", "four before"),
                ("Esc", "hide"),
            ]
        }
        Form::Hand(Hand::Written(_)) => {
            vec![
                ("Enter", "written"),
                ("Backspace", "four before"),
                ("Esc", "hide"),
            ]
        }
        Form::Objection { pin: None, .. } => CHOOSE.to_vec(),
        Form::Objection { pin: Some(_), .. } => vec![("Enter", "withdraw"), ("Esc", "back")],
        Form::Paused => vec![("any key", "come back")],
    }
}

/// Keys of every prompt, in the names that work here.
fn of_all(app: &App) -> Vec<Key> {
    // A pause ends by any other key.
    if matches!(app.form, Form::Paused) {
        return vec![("?", "help")];
    }
    let typing = app.typing();
    let name = |function, letter| if typing { function } else { letter };
    let people = app
        .view
        .as_ref()
        .is_some_and(|view| !view.people.is_empty());
    let mut keys = Vec::new();
    for (offer, key) in [
        (
            Offer::Reprint,
            (name("F5", "r"), "reprint (voids this sheet)"),
        ),
        (Offer::Exception, (name("F6", "x"), "exception (two sign)")),
        (Offer::ForgottenPin, (name("F4", "f"), "forgotten PIN")),
        (Offer::Object, (name("F2", "n"), "I do not agree")),
    ] {
        let somebody = !matches!(offer, Offer::ForgottenPin | Offer::Object) || people;
        if app.offers(offer) && somebody {
            keys.push(key);
        }
    }
    if app.offers(Offer::Back) && app.escape_leaves() {
        keys.push(("Esc", "back"));
    }
    if app.has_qr() {
        keys.push((name("F7", "v"), "QR code"));
    }
    keys.push((name("F1", "?"), "help"));
    if app.offers(Offer::Pause) {
        keys.push((name("F3", "q"), "pause"));
    }
    keys
}
