//! What is answered with, one widget a kind of [`Ask`].

use super::sign;
use crate::ceremony::prompt::{Ask, SecretKind, TextKind, Way};
use crate::tui::app::App;
use crate::tui::field::{Hidden, Line as Entry, Pick};
use crate::tui::form::Form;
use crate::tui::form::hand::Hand;
use crate::tui::form::read::{Read, Stage};
use crate::tui::text::{clean, minutes, wrap};
use crate::tui::theme::Theme;
use ratatui::text::{Line, Span};

/// Lines, and where the cursor stands in them.
pub(super) type Foot = (Vec<Line<'static>>, Option<(usize, usize)>);

/// The widget for `ask`, at most `room` lines where it can be shortened.
pub(super) fn foot(app: &App, ask: &Ask, width: usize, room: usize) -> Foot {
    let theme = app.theme;
    match &app.form {
        Form::Still => (still(app, ask, width), None),
        Form::Ready => {
            let label = match ask {
                Ask::Ready { label } if !label.is_empty() => label.as_str(),
                _ => "Go on",
            };
            (button(theme, "Enter", label, width), None)
        }
        Form::Choose(choices, pick) => {
            let labels: Vec<_> = choices.iter().map(|choice| choice.label.as_str()).collect();
            (list(theme, &labels, pick, width, room), None)
        }
        Form::Text {
            kind,
            optional,
            line,
        } => field(theme, hint(*kind, *optional), line, width),
        Form::Confidential(line) => field(
            theme,
            "This goes into the confidential annex, not into the transcript.",
            line,
            width,
        ),
        Form::NewPin(form) => {
            let mut lines = text(
                "At least 6 digits. Nobody else looks at the keyboard.",
                width,
            );
            for (at, label) in ["PIN      ", "once more"].into_iter().enumerate() {
                let mark = if form.at == at { "> " } else { "  " };
                let mut line = vec![Span::raw(format!("{mark}{label}  "))];
                line.push(secret_field(theme, form.at == at));
                lines.push(Line::from(line));
            }
            (lines, None)
        }
        Form::Secret(kind, entry) => (secret(theme, *kind, entry, width), None),
        Form::Sign(form) => match ask {
            Ask::Sign {
                verb,
                needs,
                has,
                locked,
            } => {
                let offset = app.setup.local_offset;
                (
                    sign::lines(theme, form, *verb, (needs, has, locked), offset, width),
                    None,
                )
            }
            _ => (Vec::new(), None),
        },
        Form::Read(read) => reading(theme, read, width, room),
        Form::Hand(hand) => (handwriting(app, hand, width), None),
        Form::Refusal => (button(theme, "Enter", "I have read this", width), None),
        Form::Objection { pick, pin } => {
            let by = match ask {
                Ask::Objection { by } => by.spoken(),
                _ => "the author".into(),
            };
            let lines = match pin {
                Some(_) => pin_line(theme, &by, width),
                None => {
                    let withdraw = format!("Withdraw it ({by}, with the PIN)");
                    list(
                        theme,
                        &[&withdraw, "Stop the ceremony here"],
                        pick,
                        width,
                        room,
                    )
                }
            };
            (lines, None)
        }
        Form::Paused => (button(theme, "Any key", "Come back", width), None),
    }
}

/// Wrapped text.
pub(super) fn text(text: &str, width: usize) -> Vec<Line<'static>> {
    wrap(text, width).into_iter().map(Line::from).collect()
}

/// A key that does the one thing to do.
pub(super) fn button(theme: Theme, key: &str, label: &str, width: usize) -> Vec<Line<'static>> {
    let lead = key.len() + 4;
    let mut lines = Vec::new();
    for (at, text) in wrap(label, width.saturating_sub(lead))
        .into_iter()
        .enumerate()
    {
        lines.push(if at == 0 {
            Line::from(vec![
                Span::styled(format!(" {key} "), theme.chosen()),
                Span::raw("  "),
                Span::styled(text, theme.strong()),
            ])
        } else {
            Line::from(format!("{:lead$}{text}", ""))
        });
    }
    lines
}

/// Choices, the one under the cursor marked; as many around it as `room` holds.
pub(super) fn list(
    theme: Theme,
    labels: &[&str],
    pick: &Pick,
    width: usize,
    room: usize,
) -> Vec<Line<'static>> {
    let mut lines = Vec::new();
    let mut focus = 0..0;
    for (at, label) in labels.iter().enumerate() {
        let from = lines.len();
        let chosen = at == pick.at;
        for (row, text) in wrap(label, width.saturating_sub(5)).into_iter().enumerate() {
            let number = match (row, at) {
                (0, 0..9) => (at + 1).to_string(),
                _ => " ".into(),
            };
            let mark = if chosen && row == 0 { '>' } else { ' ' };
            let text = format!(
                "{mark} {number} {text:rest$}",
                rest = width.saturating_sub(4)
            );
            let style = if chosen {
                theme.chosen()
            } else {
                theme.plain()
            };
            lines.push(Line::from(Span::styled(text, style)));
        }
        if chosen {
            focus = from..lines.len();
        }
    }
    if lines.len() <= room {
        return lines;
    }
    // One line of the room says what is out of sight.
    let room = room.saturating_sub(1).max(1);
    let from = focus
        .end
        .saturating_sub(room)
        .max(focus.start.saturating_sub(room / 2));
    let from = from.min(lines.len() - room);
    let rest = lines.len() - from - room;
    let mut window: Vec<_> = lines.into_iter().skip(from).take(room).collect();
    let outside = match (from, rest) {
        (0, below) => format!("    ({below} more below)"),
        (above, 0) => format!("    ({above} more above)"),
        (above, below) => format!("    ({above} more above, {below} below)"),
    };
    window.push(Line::from(outside));
    window
}

/// A visible field under its hint, with the cursor.
pub(super) fn field(theme: Theme, hint: &str, entry: &Entry, width: usize) -> Foot {
    let mut lines = text(hint, width);
    let room = width.saturating_sub(3).max(1);
    // The cursor's part of a long line is the one in sight.
    let from = (entry.cursor() + 1).saturating_sub(room);
    let shown: String = entry.text().chars().skip(from).take(room).collect();
    let length = shown.chars().count();
    let cut = if from > 0 { '<' } else { '>' };
    // Character by character as typed: `clean` may make three of one, so each stands for itself here.
    let shown: String = shown
        .chars()
        .map(|c| clean(&c.to_string()).chars().next().unwrap_or('?'))
        .collect();
    let pad = " ".repeat(room.saturating_sub(length) + 1);
    lines.push(Line::from(vec![
        Span::styled(format!("{cut} "), theme.strong()),
        Span::styled(format!("{shown}{pad}"), theme.chosen()),
    ]));
    let cursor = (lines.len() - 1, 2 + entry.cursor() - from);
    (lines, Some(cursor))
}

/// A field of which nothing is shown, not even whether anything was typed.
fn secret_field(theme: Theme, here: bool) -> Span<'static> {
    let style = if here { theme.chosen() } else { theme.plain() };
    Span::styled(" nothing you type is shown ", style)
}

/// The PIN of `who`.
pub(super) fn pin_line(theme: Theme, who: &str, width: usize) -> Vec<Line<'static>> {
    let mut who = who.to_owned();
    if let Some(first) = who.get_mut(..1) {
        first.make_ascii_uppercase();
    }
    let mut lines = text(&format!("{who} alone types the PIN:"), width);
    lines.push(Line::from(vec![Span::raw("> "), secret_field(theme, true)]));
    lines
}

fn hint(kind: TextKind, optional: bool) -> &'static str {
    match (kind, optional) {
        (TextKind::Line, false) => "Type it, then Enter.",
        (TextKind::Line, true) => "Type it, then Enter. Enter alone leaves it empty.",
        (TextKind::Path, false) => "Type the path, such as /media/a, then Enter.",
        (TextKind::Path, true) => "Type the path, then Enter. Enter alone: there is none.",
        (TextKind::Date, false) => "Year-month-day, such as 2026-11-22.",
        (TextKind::Date, true) => "Year-month-day, such as 2026-11-22; or Enter alone.",
        (TextKind::DateTime, false) => "Such as 2026-11-22 14:30.",
        (TextKind::DateTime, true) => "Such as 2026-11-22 14:30; or Enter alone.",
        (TextKind::Number, false) => "Digits, then Enter.",
        (TextKind::Number, true) => "Digits, then Enter; or Enter alone.",
    }
}

fn still(app: &App, ask: &Ask, width: usize) -> Vec<Line<'static>> {
    match ask {
        Ask::Over => button(app.theme, "Enter", "Leave", width),
        _ => {
            let line = format!("{} working, {}", spinner(app), elapsed(app));
            vec![Line::from(Span::styled(line, app.theme.strong()))]
        }
    }
}

/// A moving glyph: the screen lives.
pub(super) fn spinner(app: &App) -> char {
    const TURN: [char; 4] = ['|', '/', '-', '\\'];
    let step = app.since_prompt.as_millis() / 200 % 4;
    TURN[usize::try_from(step).unwrap_or(0)]
}

/// How long it has taken so far.
pub(super) fn elapsed(app: &App) -> String {
    minutes(app.since_prompt.as_secs())
}

fn secret(theme: Theme, kind: SecretKind, entry: &Hidden, width: usize) -> Vec<Line<'static>> {
    match kind {
        SecretKind::Dice => {
            let mut lines = text(
                "Type each roll, 1 to 6. Enter when done, or alone for none.",
                width,
            );
            let count = match entry.count() {
                1 => " 1 roll ".to_owned(),
                count => format!(" {count} rolls "),
            };
            lines.push(Line::from(vec![
                Span::raw("> "),
                Span::styled(count, theme.chosen()),
                Span::raw("  (rolls are not shown)"),
            ]));
            lines
        }
        SecretKind::Password => {
            let mut lines = text("The password, then Enter:", width);
            lines.push(Line::from(vec![Span::raw("> "), secret_field(theme, true)]));
            lines
        }
        SecretKind::TokenPin => {
            let mut lines = text("The token's PIN, then Enter:", width);
            lines.push(Line::from(vec![Span::raw("> "), secret_field(theme, true)]));
            lines
        }
    }
}

fn reading(theme: Theme, read: &Read, width: usize, room: usize) -> Foot {
    let several = read.ways.len() > 1;
    match &read.stage {
        Stage::Ways(pick) => {
            let labels: Vec<_> = read
                .ways
                .iter()
                .map(|way| match way {
                    Way::Scanner => "With a scanner (scan at any time)",
                    Way::Words => "By typing its 36 words",
                    Way::Picture => "From a picture file",
                    Way::Simulated => "With the simulated scanner",
                })
                .collect();
            (list(theme, &labels, pick, width, room), None)
        }
        Stage::Scanner(_) => {
            let mut lines = text(
                "Hold the QR in front of the scanner. It types by itself.",
                width,
            );
            lines.push(Line::from(vec![Span::raw("> "), secret_field(theme, true)]));
            (lines, None)
        }
        Stage::Picture(line) => field(
            theme,
            "Do not photograph sheets. Path of the picture:",
            line,
            width,
        ),
        Stage::Simulated => {
            let label = if several {
                "Let the simulated scanner read"
            } else {
                "Read the sheet"
            };
            (button(theme, "Enter", label, width), None)
        }
        // The words have a page of their own.
        Stage::Words(_) => (Vec::new(), None),
    }
}

fn handwriting(app: &App, hand: &Hand, width: usize) -> Vec<Line<'static>> {
    match hand {
        Hand::Closed => {
            let mut lines: Vec<_> = wrap(
                "The words are about to stand on this screen. Only their custodian looks.",
                width,
            )
            .into_iter()
            .map(|line| Line::from(Span::styled(line, app.theme.danger())))
            .collect();
            lines.extend(button(
                app.theme,
                "Enter",
                "Show the first four words",
                width,
            ));
            lines
        }
        // The words have a page of their own.
        Hand::Open(..) => Vec::new(),
        Hand::Written(_) => {
            let label = format!("I have written all {} words", hand.count());
            button(app.theme, "Enter", &label, width)
        }
    }
}
