//! A QR code of public data on the whole screen, for another machine's camera.

use super::put;
use crate::ceremony::view::View;
use crate::tui::theme::Theme;
use ratatui::buffer::Buffer;
use ratatui::layout::Size;
use ratatui::text::{Line, Span};

/// The code, centred, and one line under it.
pub(super) fn draw(buffer: &mut Buffer, theme: Theme, view: &View, size: Size) {
    let banner = if view.rehearsal {
        "REHEARSAL - nothing here is real. "
    } else {
        ""
    };
    let columns = view.qr.first().map_or(0, |line| line.chars().count());
    let fits = view.qr.len() < usize::from(size.height) && columns <= usize::from(size.width);
    let lines: &[String] = if fits { &view.qr } else { &[] };
    let left = usize::from(size.width).saturating_sub(columns) / 2;
    let left = u16::try_from(left).unwrap_or(0);
    for (row, line) in (0..).zip(lines) {
        let line = Line::from(Span::styled(line.clone(), theme.code()));
        put(buffer, left, row, &line, size.width);
    }
    let say = if fits {
        "This code is public. Any key: back."
    } else {
        "Too small for the code. Any key: back."
    };
    let line = Line::from(Span::styled(format!("{banner}{say}"), theme.strong()));
    let last = size.height.saturating_sub(1);
    put(buffer, 1, last, &line, size.width.saturating_sub(1));
}
