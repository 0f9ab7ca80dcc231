//! The widget of a signature: who must sign, who has, who can't for now, and the PIN.

use super::widgets::{pin_line, text};
use crate::ceremony::policy::{Label, Sensitive};
use crate::ceremony::view::Mark;
use crate::tui::form::sign::Sign;
use crate::tui::text::{clean, time_of_day};
use crate::tui::theme::Theme;
use ratatui::text::{Line, Span};

/// Who must sign, who has, who may not until when.
type People<'a> = (&'a [Label], &'a [Label], &'a [(Label, i64)]);

pub(super) fn lines(
    theme: Theme,
    form: &Sign,
    verb: Sensitive,
    (needs, has, locked): People,
    offset: i32,
    width: usize,
) -> Vec<Line<'static>> {
    let mut lines = text(&format!("To {}, these sign:", verb.phrase()), width);
    for who in needs {
        let lock = locked.iter().find(|(label, _)| label == who);
        let chosen = form.pin.is_none() && form.signer() == Some(who);
        let (glyph, word, style) = if has.contains(who) {
            ("[x]", "has signed", theme.mark(Mark::Done))
        } else if lock.is_some() {
            ("[!]", "locked", theme.mark(Mark::Refused))
        } else if form.signer() == Some(who) && form.pin.is_some() {
            ("[>]", "signs now", theme.mark(Mark::Current))
        } else {
            ("[ ]", "to sign", theme.plain())
        };
        let style = if chosen { theme.chosen() } else { style };
        let mark = if chosen { '>' } else { ' ' };
        // Numbers count those who can be chosen, as the number keys do.
        let number = match form.open.iter().position(|open| open == who) {
            Some(at) if form.pin.is_none() => format!("{} ", at + 1),
            _ if form.pin.is_none() => "  ".to_owned(),
            _ => String::new(),
        };
        let name = format!(
            "{mark} {number}{glyph} {:<14}  {word}",
            clean(&who.spoken())
        );
        lines.push(Line::from(Span::styled(name, style)));
    }
    for (who, until) in locked {
        let at = until_text(*until, offset);
        let again = format!(
            "Too many wrong PINs: {} may sign again at {at}.",
            who.spoken()
        );
        lines.extend(text(&again, width));
    }
    match (&form.pin, form.signer()) {
        (Some(_), Some(who)) => {
            lines.push(Line::default());
            lines.extend(pin_line(theme, &who.spoken(), width));
        }
        (None, Some(_)) => {}
        (_, None) => {
            lines.push(Line::default());
            lines.extend(text(
                "Nobody can sign at this moment. Wait until a lock ends.",
                width,
            ));
        }
    }
    lines
}

fn until_text(until: i64, offset: i32) -> String {
    match offset {
        0 => format!("{} UTC", time_of_day(until, 0)),
        _ => format!("{} local", time_of_day(until, offset)),
    }
}
