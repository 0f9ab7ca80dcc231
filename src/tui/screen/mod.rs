//! Drawing. Everything here takes `&App` and changes nothing.
//!
//! Above: banner, time, ceremony, transcript head. Left: the checklist, always. Right: the prompt, with its widget kept
//! in sight while its text scrolls. Below: why the last key led to nothing, and the keys that work now.

mod checklist;
mod footer;
mod header;
mod help;
mod over;
mod page;
mod qr;
mod sign;
mod widgets;
mod words;

use super::app::App;
use super::overlay::Overlay;
use page::Page;
use ratatui::Frame;
use ratatui::buffer::Buffer;
use ratatui::layout::{Position, Rect, Size};
use ratatui::text::Line;

/// The smallest screen.
pub const SMALLEST: Size = Size::new(80, 24);

/// Rows above and below the panes.
const HEADER: u16 = 2;
const FOOTER: u16 = 3;

/// Whether a screen of `size` can't hold what belongs together.
pub fn too_small(size: Size) -> bool {
    size.width < SMALLEST.width || size.height < SMALLEST.height
}

/// Where things stand on a screen of some size.
struct Places {
    header: Rect,
    /// Both panes with their frame.
    panes: Rect,
    /// Inside of the left pane.
    left: Rect,
    /// Inside of the right pane.
    right: Rect,
    footer: Rect,
}

impl Places {
    fn new(size: Size) -> Self {
        let Size { width, height } = size;
        let rows = height.saturating_sub(HEADER + FOOTER);
        let left = match width {
            ..100 => 32,
            100..120 => 40,
            _ => 44,
        };
        let inside = rows.saturating_sub(2);
        Self {
            header: Rect::new(0, 0, width, HEADER),
            panes: Rect::new(0, HEADER, width, rows),
            left: Rect::new(2, HEADER + 1, left, inside),
            right: Rect::new(left + 5, HEADER + 1, width.saturating_sub(left + 7), inside),
            footer: Rect::new(0, HEADER + rows, width, FOOTER),
        }
    }

    /// Column of the line between the panes.
    fn middle(&self) -> u16 {
        self.left.right() + 1
    }
}

/// Draws `app`.
pub fn draw(frame: &mut Frame, app: &App) {
    let area = frame.area();
    let size = area.as_size();
    if too_small(size) {
        return draw_too_small(frame.buffer_mut(), size);
    }
    if let (Some(Overlay::Qr), Some(view)) = (&app.overlay, &app.view) {
        return qr::draw(frame.buffer_mut(), app.theme, view, size);
    }
    let places = Places::new(size);
    let page = Page::new(app, places.right.as_size());
    let buffer = frame.buffer_mut();
    header::draw(buffer, app, places.header);
    draw_frame(buffer, &places);
    checklist::draw(buffer, app, &places);
    let cursor = page.draw(buffer, app, &places);
    footer::draw(
        buffer,
        app,
        page.overflow(places.right.height) > 0,
        places.footer,
    );
    if let Some(cursor) = cursor {
        frame.set_cursor_position(cursor);
    }
}

/// Lines by which the right pane can be scrolled.
pub(super) fn most_scroll(app: &App) -> usize {
    let right = Places::new(app.size).right;
    Page::new(app, right.as_size()).overflow(right.height)
}

/// Lines by which a page key scrolls.
pub(super) fn page_of(app: &App) -> usize {
    usize::from(Places::new(app.size).right.height / 2).max(1)
}

/// Glyphs of the longest line of the right pane, and how many it has room for.
#[cfg(test)]
pub(super) fn widest(app: &App) -> (usize, usize) {
    let size = Places::new(app.size).right.as_size();
    let page = Page::new(app, size);
    let lines = page.title.iter().chain(&page.body).chain(&page.foot);
    let widest = lines.map(Line::width).max().unwrap_or(0);
    (widest, size.width.into())
}

/// Draws `line` at `x`, `y`, at most `width` wide.
fn put(buffer: &mut Buffer, x: u16, y: u16, line: &Line, width: u16) {
    if buffer.area.contains(Position::new(x, y)) {
        buffer.set_line(x, y, line, width);
    }
}

fn draw_frame(buffer: &mut Buffer, places: &Places) {
    let Rect { y, width, .. } = places.panes;
    let last = places.panes.bottom().saturating_sub(1);
    let middle = places.middle();
    let right = width.saturating_sub(1);
    for row in y..=last {
        let [start, between, end, fill] = if row == y {
            ['┌', '┬', '┐', '─']
        } else if row == last {
            ['└', '┴', '┘', '─']
        } else {
            ['│', '│', '│', ' ']
        };
        for column in 0..width {
            let glyph = match column {
                0 => start,
                _ if column == middle => between,
                _ if column == right => end,
                _ => fill,
            };
            if let Some(cell) = buffer.cell_mut((column, row)) {
                cell.set_char(glyph);
            }
        }
    }
}

fn draw_too_small(buffer: &mut Buffer, size: Size) {
    let text = format!(
        "This terminal has {} columns and {} rows; the ceremony needs {} and {}. Make it larger, or \
         choose a smaller font. Nothing is lost; the keyboard rests until then.",
        size.width, size.height, SMALLEST.width, SMALLEST.height
    );
    let width = usize::from(size.width.saturating_sub(2)).min(60);
    for (row, line) in (0..size.height).zip(super::text::wrap(&text, width)) {
        put(
            buffer,
            1,
            row,
            &Line::from(line),
            size.width.saturating_sub(1),
        );
    }
}
