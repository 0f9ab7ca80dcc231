//! The checklist: glyph, number, title, count and word of each step; it scrolls so that the current step is in sight.

use super::{Places, put};
use crate::ceremony::view::{Item, Mark};
use crate::tui::app::App;
use crate::tui::text::wrap;
use crate::tui::theme::{Theme, mark_words};
use ratatui::buffer::Buffer;
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
    let title = format!("{:>2} {}", item.number, item.title);
    entry(
        lines,
        0,
        item.mark,
        &title,
        3,
        item.count.as_deref(),
        width,
        theme,
    );
    let mut current = None;
    for (mark, part) in &item.parts {
        if matches!(mark, Mark::Current | Mark::Refused) {
            current.get_or_insert(lines.len());
        }
        entry(lines, 7, *mark, part, 0, None, width, theme);
    }
    current
}

#[allow(
    clippy::too_many_arguments,
    reason = "one line's parts, used twice, above"
)]
fn entry(
    lines: &mut Vec<Line<'static>>,
    indent: usize,
    mark: Mark,
    title: &str,
    hang: usize,
    count: Option<&str>,
    width: usize,
    theme: Theme,
) {
    let (glyph, word) = mark_words(mark);
    let end = match count {
        Some(count) => format!("{count} {word}"),
        None => word.to_owned(),
    };
    let style = theme.mark(mark);
    let room = width.saturating_sub(indent + 4 + end.chars().count() + 1);
    // A number leads its title: further lines hang behind it.
    let (number, rest) = title.split_at_checked(hang).unwrap_or(("", title));
    for (at, text) in wrap(rest, room.saturating_sub(hang))
        .into_iter()
        .enumerate()
    {
        let lead = if at == 0 { number } else { "" };
        let text = format!("{lead:hang$}{text}");
        lines.push(if at == 0 {
            Line::from(vec![
                Span::raw(" ".repeat(indent)),
                Span::styled(format!("{glyph} "), style),
                Span::styled(format!("{text:room$} "), style),
                Span::styled(end.clone(), style),
            ])
        } else {
            Line::from(vec![
                Span::raw(" ".repeat(indent + 4)),
                Span::styled(text, style),
            ])
        });
    }
}
