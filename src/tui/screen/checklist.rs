//! The checklist: glyph, number, title, count and word of each step; it scrolls so that the current step is in sight.

use super::{Places, put};
use crate::ceremony::view::{Item, Mark};
use crate::tui::app::App;
use crate::tui::text::{clean, wrap};
use crate::tui::theme::{Theme, mark_words};
use ratatui::buffer::Buffer;
use ratatui::style::Style;
use ratatui::text::{Line, Span};

pub(super) fn draw(buffer: &mut Buffer, app: &App, places: &Places) {
    let Some(view) = &app.view else { return };
    let area = places.left;
    let width = usize::from(area.width);
    let rows = usize::from(area.height);
    let mut lines = Vec::new();
    let mut focus = 0..0;
    for item in &view.checklist {
        let from = lines.len();
        let part = step(&mut lines, item, width, app.theme);
        if matches!(item.mark, Mark::Current | Mark::Refused) {
            focus = part.unwrap_or(from)..lines.len();
        }
    }
    // As late as possible, but the current part, if not the whole current step, in sight.
    let most = lines.len().saturating_sub(rows);
    let wanted = (focus.end + 1)
        .saturating_sub(rows)
        .min(focus.start.saturating_sub(1));
    let from = wanted.min(most);
    for (row, line) in (area.y..area.bottom()).zip(lines.iter().skip(from)) {
        put(buffer, area.x, row, line, area.width);
    }
    if from > 0 {
        let text = format!(" {from} more above ");
        put(buffer, area.x, area.y - 1, &Line::from(text), area.width);
    }
    if from < most {
        let text = format!(" {} more below ", most - from);
        put(buffer, area.x, area.bottom(), &Line::from(text), area.width);
    }
}

/// Adds the lines of `item`; the index of its first current part's line, if it has one.
fn step(lines: &mut Vec<Line<'static>>, item: &Item, width: usize, theme: Theme) -> Option<usize> {
    let (glyph, word) = mark_words(item.mark);
    let end = match &item.count {
        Some(count) => format!("{count} {word}"),
        None => word.to_owned(),
    };
    let lead = format!("{glyph} {:>2} ", item.number);
    entry(
        lines,
        &lead,
        &item.title,
        &end,
        width,
        theme.mark(item.mark),
    );
    let mut current = None;
    for (mark, part) in &item.parts {
        if matches!(mark, Mark::Current | Mark::Refused) {
            current.get_or_insert(lines.len());
        }
        let (glyph, word) = mark_words(*mark);
        let lead = format!("       {glyph} ");
        entry(lines, &lead, part, word, width, theme.mark(*mark));
    }
    current
}

/// Adds one entry: `lead`, the title, and `end` at the right of its first line. Further lines hang under the title.
fn entry(
    lines: &mut Vec<Line<'static>>,
    lead: &str,
    title: &str,
    end: &str,
    width: usize,
    style: Style,
) {
    let hang = lead.chars().count();
    let end = clean(end);
    let room = width.saturating_sub(hang + end.chars().count() + 1);
    // Only the first line shares its row with the word.
    let mut texts = wrap(title, room);
    if texts.len() > 1 {
        let rest = texts.split_off(1).join(" ");
        texts.extend(wrap(&rest, width.saturating_sub(hang)));
    }
    for (at, text) in texts.into_iter().enumerate() {
        let text = match at {
            0 => format!("{lead}{text:room$} {end}"),
            _ => format!("{:hang$}{text}", ""),
        };
        lines.push(Line::from(Span::styled(text, style)));
    }
}
