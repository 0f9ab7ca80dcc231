//! What the sheet of a share and the blank form have in common: margins, banners, title, rules, signature lines.

use super::PrintError;
use super::canvas::{Area, Canvas, Ink, Type};
use super::font::{columns, mm, wrap};
use super::page::Paper;

/// Left and right margin, in mm.
pub(super) const MARGIN: f32 = 15.0;

/// What a rehearsal's share says about itself.
pub(super) const SHARE_MARK: &str = "REHEARSAL - NOT A REAL SHARE";

/// What any other paper of a rehearsal says about itself.
pub(super) const PAPER_MARK: &str = "REHEARSAL - NOTHING HERE IS REAL";

/// The handling rules of every sheet.
pub(super) const HANDLING: [&str; 4] = [
    "Bring every sheet you have; more never hurts.",
    "This is not a wallet phrase: do not type it into any wallet, phone or website.",
    "Do not photograph or copy.",
    "Keep it flat, dry, sealed in the numbered bag.",
];

/// A new page; in a rehearsal with watermark and both banners.
pub(super) fn open(paper: Paper, mark: Option<&str>) -> Canvas {
    let mut canvas = Canvas::new(paper);
    if let Some(mark) = mark {
        canvas.watermark(mark);
        for y in [mm(6.0), canvas.height() - mm(13.0)] {
            banner(&mut canvas, y, mark);
        }
    }
    canvas
}

fn banner(canvas: &mut Canvas, y: i32, mark: &str) {
    let (x, w, h) = (mm(MARGIN), canvas.width() - 2 * mm(MARGIN), mm(7.0));
    canvas.fill(Area { x, y, w, h }, Ink::Black);
    let set = Type::bold(13.0);
    let start = x + (w - set.width(mark)) / 2;
    canvas.text_white(start, y + (h + set.cap()) / 2, mark, set);
}

/// The right margin's position in pixels.
pub(super) fn right(canvas: &Canvas) -> i32 {
    canvas.width() - mm(MARGIN)
}

/// The width between the margins in pixels.
pub(super) fn inner(canvas: &Canvas) -> i32 {
    canvas.width() - 2 * mm(MARGIN)
}

/// Title at the left, `label` framed at the right, a line under both. Returns where content may start.
pub(super) fn title(canvas: &mut Canvas, title: &str, under: &str, label: &str) -> i32 {
    let set = Type::bold(22.0);
    let top = mm(17.0);
    // A long title is set smaller: 80 characters of 10 points fit.
    let sizes = [22.0, 18.0, 15.0, 12.0, 10.0];
    let long = title.chars().count();
    let size = sizes
        .iter()
        .find(|size| columns(inner(canvas), **size) >= long)
        .unwrap_or(&10.0);
    canvas.text(mm(MARGIN), top + set.cap(), title, Type::bold(*size));
    canvas.text(mm(MARGIN), top + mm(10.5), under, Type::book(9.0));
    if !label.is_empty() {
        let (w, h) = (set.width(label) + mm(7.0), mm(11.5));
        let x = right(canvas) - w;
        canvas.frame(
            Area {
                x,
                y: top - mm(1.0),
                w,
                h,
            },
            5,
        );
        let base = top - mm(1.0) + (h + set.cap()) / 2;
        canvas.text(x + mm(3.5), base, label, set);
    }
    let line = top + mm(13.0);
    canvas.rule(mm(MARGIN), line, inner(canvas), 4);
    line + mm(3.0)
}

/// A small bold heading. Returns where the text under it starts.
pub(super) fn heading(canvas: &mut Canvas, y: i32, text: &str) -> i32 {
    let set = Type::bold(9.5);
    canvas.text(mm(MARGIN), y + set.cap(), text, set);
    y + mm(4.6)
}

/// Paragraphs of 8.5 points, each after a dash. Returns where they end.
pub(super) fn bullets(canvas: &mut Canvas, mut y: i32, lines: &[&str]) -> i32 {
    let set = Type::book(8.5);
    let (x, step) = (mm(MARGIN), mm(3.9));
    let room = columns(inner(canvas) - mm(4.0), set.size);
    for text in lines {
        canvas.text(x, y + set.cap(), "-", set);
        for line in wrap(text, room) {
            canvas.text(x + mm(4.0), y + set.cap(), &line, set);
            y += step;
        }
    }
    y
}

/// The lines that people sign, two beside each other. The last lies just above the bottom banner.
pub(super) fn signatures(canvas: &mut Canvas) {
    let fields = [
        ["Operator (name, signature)", "Witness (name, signature)"],
        ["Custodian (name, signature)", "Bag number"],
    ];
    let column = (inner(canvas) - mm(8.0)) / 2;
    let bottom = canvas.height() - mm(19.5);
    for (row, names) in fields.iter().enumerate() {
        for (nth, name) in names.iter().enumerate() {
            let x = mm(MARGIN) + nth as i32 * (column + mm(8.0));
            let y = bottom - mm(13.0) * (1 - row as i32);
            canvas.rule(x, y, column, 3);
            let set = Type::book(7.5);
            canvas.text(x, y + mm(1.2) + set.cap(), name, set);
        }
    }
}

/// The set id as people compare it: "88b1 02ae 5c19".
pub(super) fn grouped_set_id(set_id: [u8; 6]) -> String {
    let [a, b, c, d, e, f] = set_id;
    format!("{a:02x}{b:02x} {c:02x}{d:02x} {e:02x}{f:02x}")
}

/// Refuses a field that is longer than its room.
pub(super) fn fits(field: &'static str, text: &str, room: usize) -> Result<(), PrintError> {
    if text.chars().count() > room || text.contains(char::is_control) {
        return Err(PrintError::FieldTooLong { field, room });
    }
    Ok(())
}
