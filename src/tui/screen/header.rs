//! The two lines above: is it real, what time is it, which ceremony, and the transcript head for witnesses to copy.

use super::put;
use crate::tui::app::App;
use crate::tui::text::{clean, date, time_of_day};
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::text::{Line, Span};

const BANNER: &str = " REHEARSAL - nothing here is real ";

pub(super) fn draw(buffer: &mut Buffer, app: &App, area: Rect) {
    let Some(view) = &app.view else {
        return put(buffer, 0, 0, &Line::from(" qh-ceremony"), area.width);
    };
    let now = view
        .time
        .saturating_add(i64::try_from(app.since_view.as_secs()).unwrap_or(0));
    let offset = app.setup.local_offset;
    let mut clock = format!(" {} {} UTC", date(now, 0), time_of_day(now, 0));
    if offset != 0 {
        clock.push_str(&format!("  {} local", time_of_day(now, offset)));
    }
    clock.push(' ');
    let (banner, style) = if view.rehearsal {
        (BANNER, app.theme.banner())
    } else {
        (" qh-ceremony ", app.theme.strong())
    };
    let rule = usize::from(area.width).saturating_sub(banner.len() + clock.len());
    let line = Line::from(vec![
        Span::styled(banner, style),
        Span::raw("─".repeat(rule)),
        Span::raw(clock),
    ]);
    put(buffer, 0, area.y, &line, area.width);

    // The ceremony's name and the head must stand whole; the title gives way.
    let name = clean(&view.ceremony);
    let head = if view.head.is_empty() {
        String::new()
    } else {
        format!("head: {} ", clean(&view.head))
    };
    let room = usize::from(area.width).saturating_sub(name.chars().count() + head.len() + 5);
    let mut title = clean(&view.title);
    if title.chars().count() > room {
        title = match room {
            0..6 => String::new(),
            _ => title.chars().take(room - 2).chain("..".chars()).collect(),
        };
    }
    let mut left = vec![Span::raw(" ")];
    if !title.is_empty() {
        left.push(Span::styled(title, app.theme.strong()));
        left.push(Span::raw("  "));
    }
    left.push(Span::raw(name));
    put(buffer, 0, area.y + 1, &Line::from(left), area.width);
    let length = u16::try_from(head.chars().count())
        .unwrap_or(0)
        .min(area.width);
    let head = Line::from(Span::styled(head, app.theme.strong()));
    put(buffer, area.width - length, area.y + 1, &head, length);
}
