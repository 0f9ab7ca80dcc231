//! A document flowing over pages.
//!
//! Blocks follow each other downwards; a block that can be divided (paragraph, table, program) goes over to the next page
//! between lines, any other moves there whole. A heading never stands last on a page. Every page has its number, how
//! many there are, and the document's footer, so that a page can't be taken out unseen.

use super::PrintError;
use super::canvas::{Area, Canvas, Type};
use super::document::{Block, Document, column_widths};
use super::font::{columns, mm, wrap};
use super::frame::{self, MARGIN, PAPER_MARK, fits};
use super::page::Paper;
use super::qr;

const BODY: Type = Type::book(9.5);
const SMALL: Type = Type::book(7.5);

/// The pages of `document`, still as canvases.
pub(super) fn canvases(document: &Document, paper: Paper) -> Result<Vec<Canvas>, PrintError> {
    let mut flow = Flow::new(document, paper)?;
    let mut blocks = document.blocks.iter().peekable();
    while let Some(block) = blocks.next() {
        flow.block(block, blocks.peek().copied())?;
    }
    Ok(flow.finish())
}

struct Flow<'a> {
    document: &'a Document,
    paper: Paper,
    done: Vec<Canvas>,
    canvas: Canvas,
    y: i32,
}

impl<'a> Flow<'a> {
    fn new(document: &'a Document, paper: Paper) -> Result<Self, PrintError> {
        fits("Title", &document.title, 80)?;
        fits("Subtitle", &document.subtitle, 90)?;
        fits("Footer", &document.footer, 84)?;
        let mut canvas = Self::open(document, paper);
        let y = frame::title(&mut canvas, &document.title, &document.subtitle, "");
        Ok(Self {
            document,
            paper,
            done: Vec::new(),
            canvas,
            y,
        })
    }

    fn open(document: &Document, paper: Paper) -> Canvas {
        frame::open(paper, document.rehearsal.then_some(PAPER_MARK))
    }

    fn next_page(&mut self) {
        let mut canvas = Self::open(self.document, self.paper);
        let set = Type::bold(9.0);
        canvas.text(mm(MARGIN), mm(17.0) + set.cap(), &self.document.title, set);
        canvas.rule(mm(MARGIN), mm(21.0), frame::inner(&canvas), 3);
        self.done.push(std::mem::replace(&mut self.canvas, canvas));
        self.y = mm(25.0);
    }

    /// Makes sure that `height` pixels are free below.
    fn need(&mut self, height: i32) {
        if self.y + height > self.canvas.height() - mm(22.0) {
            self.next_page();
        }
    }

    fn finish(mut self) -> Vec<Canvas> {
        self.done.push(self.canvas);
        let count = self.done.len();
        for (nth, canvas) in self.done.iter_mut().enumerate() {
            let line = canvas.height() - mm(20.0);
            canvas.rule(mm(MARGIN), line, frame::inner(canvas), 2);
            let base = line + mm(1.5) + SMALL.cap();
            canvas.text(mm(MARGIN), base, &self.document.footer, SMALL);
            let number = format!("page {} of {count}", nth + 1);
            canvas.text_right(frame::right(canvas), base, &number, SMALL);
        }
        self.done
    }

    fn block(&mut self, block: &Block, next: Option<&Block>) -> Result<(), PrintError> {
        match block {
            Block::Heading(text) => self.heading(text, next),
            Block::Para(text) => {
                self.lines(text, 0);
                self.y += mm(1.8);
            }
            Block::Lines(lines) => {
                lines.iter().for_each(|line| self.lines(line, 0));
                self.y += mm(1.8);
            }
            Block::Check(text) => self.check(text),
            Block::Table { header, rows } => self.table(header, rows),
            Block::Sign(role) => self.sign(role),
            Block::Mono(lines) => self.mono(lines),
            Block::Big(lines) => self.big(lines),
            Block::Warning(lines) => self.warning(lines),
            Block::Qr { text, caption } => self.code(text, caption)?,
            Block::PageBreak => self.next_page(),
        }
        Ok(())
    }

    fn heading(&mut self, text: &str, next: Option<&Block>) {
        let set = Type::bold(11.5);
        let with = match next {
            Some(Block::Qr { .. }) => mm(45.0),
            Some(Block::Big(lines)) => mm(7.0) * lines.len() as i32,
            _ => mm(15.0),
        };
        self.need(mm(11.0) + with);
        self.y += mm(2.5);
        for line in wrap(text, columns(frame::inner(&self.canvas), set.size)) {
            self.canvas.text(mm(MARGIN), self.y + set.cap(), &line, set);
            self.y += set.leading();
        }
        self.y += mm(1.0);
    }

    /// Wrapped body text, `indent` pixels from the margin.
    fn lines(&mut self, text: &str, indent: i32) {
        for line in wrap(
            text,
            columns(frame::inner(&self.canvas) - indent, BODY.size),
        ) {
            self.need(BODY.leading());
            self.canvas
                .text(mm(MARGIN) + indent, self.y + BODY.cap(), &line, BODY);
            self.y += BODY.leading();
        }
    }

    fn check(&mut self, text: &str) {
        let indent = mm(7.0);
        let count = wrap(
            text,
            columns(frame::inner(&self.canvas) - indent, BODY.size),
        )
        .len();
        self.need(BODY.leading() * (count as i32).min(40) + mm(1.0));
        let side = mm(3.8);
        let top = self.y + (BODY.cap() - side) / 2;
        self.canvas.frame(
            Area {
                x: mm(MARGIN),
                y: top,
                w: side,
                h: side,
            },
            3,
        );
        self.lines(text, indent);
        self.y += mm(1.6);
    }

    fn table(&mut self, header: &[String], rows: &[Vec<String>]) {
        let set = Type::book(9.0);
        let room = columns(frame::inner(&self.canvas), set.size);
        let widths = column_widths(header, rows, room);
        if !header.is_empty() {
            self.need(3 * set.leading());
            self.row(header, &widths, Type::bold(9.0));
            let width = frame::inner(&self.canvas);
            self.canvas.rule(mm(MARGIN), self.y - mm(1.3), width, 3);
        }
        for row in rows {
            self.row(row, &widths, set);
            let width = frame::inner(&self.canvas);
            self.canvas.dotted(mm(MARGIN), self.y - mm(1.3), width);
        }
        self.y += mm(2.0);
    }

    fn row(&mut self, cells: &[String], widths: &[usize], set: Type) {
        let cells: Vec<Vec<String>> = cells
            .iter()
            .zip(widths)
            .map(|(cell, width)| wrap(cell, *width))
            .collect();
        let count = cells.iter().map(Vec::len).max().unwrap_or(1);
        // A row stays on one page, unless it alone would fill one.
        self.need(set.leading() * (count as i32).min(40) + mm(1.3));
        for nth in 0..count {
            self.need(set.leading());
            let mut before = 0;
            for (lines, width) in cells.iter().zip(widths) {
                let blank = " ".repeat(before);
                let x = mm(MARGIN) + set.width(&blank);
                if let Some(line) = lines.get(nth).filter(|line| !line.is_empty()) {
                    self.canvas.text(x, self.y + set.cap(), line, set);
                }
                before += width + 2;
            }
            self.y += set.leading();
        }
        self.y += mm(1.3);
    }

    fn sign(&mut self, role: &str) {
        let set = Type::bold(9.0);
        let role = wrap(role, columns(mm(40.0), set.size));
        let height = mm(16.0).max(mm(6.0) + set.leading() * role.len() as i32);
        self.need(height);
        for (nth, line) in role.iter().enumerate() {
            let y = self.y + mm(5.0) + nth as i32 * set.leading();
            self.canvas.text(mm(MARGIN), y + set.cap(), line, set);
        }
        let end = frame::right(&self.canvas);
        let left = mm(MARGIN + 42.0);
        let parts = [
            ("name", 0, 36),
            ("signature", 37, 75),
            ("date, time", 76, 100),
        ];
        for (name, from, to) in parts {
            let x = left + (end - left) * from / 100;
            let width = (end - left) * (to - from) / 100;
            self.canvas.rule(x, self.y + mm(10.5), width, 3);
            self.canvas
                .text(x, self.y + mm(11.5) + SMALL.cap(), name, SMALL);
        }
        self.y += height;
    }

    fn mono(&mut self, lines: &[String]) {
        let (indent, inner) = (mm(3.0), frame::inner(&self.canvas));
        let longest = lines
            .iter()
            .map(|line| line.chars().count())
            .max()
            .unwrap_or(0);
        let sizes = [8.5, 8.0, 7.5, 7.0, 6.5, 6.0];
        let fitting = sizes
            .iter()
            .find(|size| columns(inner - indent, **size) >= longest);
        let set = Type::book(fitting.copied().unwrap_or(6.0));
        let room = columns(inner - indent, set.size);
        for line in lines {
            for part in cut(line, room) {
                self.need(set.leading());
                let bar = Area {
                    x: mm(MARGIN),
                    y: self.y - mm(0.4),
                    w: 4,
                    h: set.leading(),
                };
                self.canvas.fill(bar, super::canvas::Ink::Black);
                self.canvas
                    .text(mm(MARGIN) + indent, self.y + set.cap(), &part, set);
                self.y += set.leading();
            }
        }
        self.y += mm(2.2);
    }

    fn big(&mut self, lines: &[String]) {
        let set = Type::bold(13.0);
        let room = columns(frame::inner(&self.canvas), set.size);
        for line in lines.iter().flat_map(|line| wrap(line, room)) {
            self.need(mm(7.0));
            self.canvas.text(mm(MARGIN), self.y + set.cap(), &line, set);
            self.y += mm(7.0);
        }
        self.y += mm(1.0);
    }

    fn warning(&mut self, lines: &[String]) {
        let (set, pad) = (Type::bold(10.5), mm(3.0));
        let inner = frame::inner(&self.canvas);
        let room = columns(inner - 2 * pad, set.size);
        let lines: Vec<String> = lines.iter().flat_map(|line| wrap(line, room)).collect();
        // Each frame must fit on one page.
        for part in lines.chunks(30) {
            let h = set.leading() * part.len() as i32 + 2 * pad - mm(1.0);
            self.need(h + mm(3.0));
            self.canvas.frame(
                Area {
                    x: mm(MARGIN),
                    y: self.y,
                    w: inner,
                    h,
                },
                6,
            );
            for (nth, line) in part.iter().enumerate() {
                let base = self.y + pad + nth as i32 * set.leading() + set.cap();
                self.canvas.text(mm(MARGIN) + pad, base, line, set);
            }
            self.y += h + mm(3.0);
        }
    }

    fn code(&mut self, text: &str, caption: &str) -> Result<(), PrintError> {
        let code = qr::public(text)?;
        let image = code.image();
        let module = (mm(42.0) / (image.width() as i32 + 8)).max(4);
        let side = module * (image.width() as i32 + 8);
        self.need(side);
        let (x, y) = (mm(MARGIN), self.y);
        self.canvas.code(x, y, &image, module);
        let left = side + mm(5.0);
        let room = columns(frame::inner(&self.canvas) - left, BODY.size);
        let lines = side / BODY.leading() - 1;
        for (nth, line) in wrap(caption, room)
            .iter()
            .take(lines.max(1) as usize)
            .enumerate()
        {
            let base = y + mm(4.0) + nth as i32 * BODY.leading() + BODY.cap();
            self.canvas.text(x + left, base, line, BODY);
        }
        self.y = y + side + mm(2.0);
        Ok(())
    }
}

/// Cuts a line into parts of at most `room` characters; the rest of a line starts with `>`.
fn cut(line: &str, room: usize) -> Vec<String> {
    let letters: Vec<char> = line.chars().collect();
    if letters.len() <= room {
        return vec![line.to_owned()];
    }
    let (first, rest) = letters.split_at(room);
    let mut parts = vec![first.iter().collect()];
    for part in rest.chunks(room.saturating_sub(2).max(1)) {
        parts.push(format!("> {}", part.iter().collect::<String>()));
    }
    parts
}

#[cfg(test)]
#[path = "flow_tests.rs"]
mod tests;
