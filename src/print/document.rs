//! Everything printed that is not a share: a title and blocks, one under the other.
//!
//! A document has no secret in it. The same blocks become pages ([`Document::pages`]) or plain text of 80 columns
//! ([`Document::text`]), so that what is signed on paper and what is read on a screen can't differ in substance.

use super::page::{Page, Paper};
use super::{PrintError, flow, plain};

/// A document: checklist, certificate, format card.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Document {
    /// The title, large on the first page, small on the others; at most 80 characters, up to 38 at full size.
    pub title: String,
    /// One line under the title; may be empty.
    pub subtitle: String,
    /// Stands at the foot of every page beside its number, and binds the pages together; may be empty.
    pub footer: String,
    /// Whether it belongs to a rehearsal: then every page says so.
    pub rehearsal: bool,
    /// The content.
    pub blocks: Vec<Block>,
}

/// A part of a document.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Block {
    /// A heading, kept with what follows.
    Heading(String),
    /// A paragraph, wrapped.
    Para(String),
    /// Lines close to each other, each wrapped on its own.
    Lines(Vec<String>),
    /// A box to tick, and what it means.
    Check(String),
    /// Rows of cells in columns. An empty header is left out.
    Table {
        /// The columns' names.
        header: Vec<String>,
        /// The rows; missing cells are empty.
        rows: Vec<Vec<String>>,
    },
    /// Lines for the name, signature and time of who signs in this role.
    Sign(String),
    /// Lines to be copied exactly, such as a program. On paper the type shrinks to fit the longest line, at most to
    /// 141 characters on A4; what is longer is cut, and the rest marked by `>`. Plain text is never cut.
    Mono(Vec<String>),
    /// Large bold lines for comparing by eye, such as a hash in groups.
    Big(Vec<String>),
    /// Bold lines in a frame: what must not be overlooked.
    Warning(Vec<String>),
    /// The QR code of a public text, and a caption beside it.
    Qr {
        /// What the code holds; at most 400 bytes.
        text: String,
        /// What it is.
        caption: String,
    },
    /// What follows starts a new page.
    PageBreak,
}

impl Document {
    /// Lays the document out as pages.
    ///
    /// # Errors
    /// [`PrintError::QrTooLong`] for a code, [`PrintError::FieldTooLong`] for a title that is longer than its line.
    pub fn pages(&self, paper: Paper) -> Result<Vec<Page>, PrintError> {
        let canvases = flow::canvases(self, paper)?;
        Ok(canvases
            .into_iter()
            .map(super::canvas::Canvas::into_page)
            .collect())
    }

    /// The document as one PDF file.
    ///
    /// # Errors
    /// As [`Document::pages`].
    pub fn pdf(&self, paper: Paper) -> Result<Vec<u8>, PrintError> {
        Ok(super::page::pdf(&self.pages(paper)?))
    }

    /// The document as plain text of at most 80 columns, ending in a line feed. Lines of [`Block::Mono`] stay as long as
    /// they are.
    pub fn text(&self) -> String {
        plain::text(self)
    }
}

/// How wide each column becomes, in characters, so that all of them and 2 between each fit into `room`.
///
/// Columns get what they need; if that is too much, the widest gives way first, down to 4 characters.
pub(super) fn column_widths(header: &[String], rows: &[Vec<String>], room: usize) -> Vec<usize> {
    let count = rows
        .iter()
        .map(Vec::len)
        .chain([header.len()])
        .max()
        .unwrap_or(0);
    let rows = || rows.iter().map(Vec::as_slice).chain([header]);
    let longest = |column: usize| {
        let cells = rows().filter_map(|row| row.get(column));
        let lines = cells
            .flat_map(|cell| cell.split('\n'))
            .map(|line| line.chars().count());
        lines.max().unwrap_or(0)
    };
    let mut widths: Vec<usize> = (0..count).map(longest).collect();
    let room = room.saturating_sub(2 * count.saturating_sub(1));
    while widths.iter().sum::<usize>() > room {
        match widths.iter_mut().max() {
            Some(widest) if *widest > 4 => *widest -= 1,
            _ => break,
        }
    }
    widths
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(cells: &[&str]) -> Vec<String> {
        cells.iter().map(|cell| (*cell).to_owned()).collect()
    }

    #[test]
    fn columns_get_what_they_need_and_the_widest_gives_way() {
        let rows = [row(&["a", "bbbb"]), row(&["aaa", "b", "c"])];
        assert_eq!(column_widths(&[], &rows, 80), [3, 4, 1]);
        let rows = [row(&["short", &"long ".repeat(30)])];
        assert_eq!(column_widths(&row(&["name", "text"]), &rows, 40), [5, 33]);
        assert_eq!(column_widths(&[], &[], 40), Vec::<usize>::new());
        assert_eq!(column_widths(&[], &[row(&["x"; 30])], 10), [1; 30]);
    }
}
