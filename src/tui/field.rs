//! Entry fields and lists: what is typed, without how it looks.
//!
//! A field takes its memory once and never grows out of it, so that no copy of what was typed stays behind.

use super::keymap::Cmd;
use crate::secret::SecretText;
use zeroize::Zeroizing;

/// A line whose content is never drawn.
pub(super) struct Hidden {
    text: Zeroizing<String>,
    most: usize,
}

impl Hidden {
    /// A field for at most `most` bytes.
    pub(super) fn new(most: usize) -> Self {
        Self {
            text: Zeroizing::new(String::with_capacity(most)),
            most,
        }
    }

    /// Adds `c`; `false` when the field is full.
    pub(super) fn push(&mut self, c: char) -> bool {
        let fits = self.text.len() + c.len_utf8() <= self.most;
        if fits {
            self.text.push(c);
        }
        fits
    }

    pub(super) fn pop(&mut self) {
        self.text.pop();
    }

    pub(super) fn clear(&mut self) {
        *self = Self::new(self.most);
    }

    pub(super) fn is_empty(&self) -> bool {
        self.text.is_empty()
    }

    /// How many characters; for dice, whose count is public, and for words, which are bounded.
    pub(super) fn count(&self) -> usize {
        self.text.chars().count()
    }

    pub(super) fn expose(&self) -> &str {
        &self.text
    }

    /// Hands the text over and leaves the field empty.
    pub(super) fn take(&mut self) -> SecretText {
        let text = std::mem::take(&mut *self.text);
        self.clear();
        SecretText::new(text)
    }
}

/// The most characters of a public line.
pub(super) const LINE: usize = 512;

/// A visible line with a cursor.
pub(super) struct Line {
    text: Zeroizing<String>,
    cursor: usize,
}

impl Line {
    pub(super) fn new() -> Self {
        Self {
            text: Zeroizing::new(String::with_capacity(LINE * 4)),
            cursor: 0,
        }
    }

    /// A line that begins with `text`, the cursor behind it.
    pub(super) fn of(text: &str) -> Self {
        let mut line = Self::new();
        for c in text.chars() {
            line.insert(c);
        }
        line
    }

    /// Characters of the line.
    pub(super) fn text(&self) -> &str {
        &self.text
    }

    /// Position of the cursor in characters.
    pub(super) fn cursor(&self) -> usize {
        self.cursor
    }

    fn at(&self, position: usize) -> usize {
        self.text
            .char_indices()
            .nth(position)
            .map_or(self.text.len(), |(at, _)| at)
    }

    fn insert(&mut self, c: char) -> bool {
        let fits = self.text.chars().count() < LINE;
        if fits {
            let at = self.at(self.cursor);
            self.text.insert(at, c);
            self.cursor += 1;
        }
        fits
    }

    fn remove(&mut self, position: usize) {
        let at = self.at(position);
        if at < self.text.len() {
            self.text.remove(at);
        }
    }

    /// Edits by `cmd`. Says what is wrong, where it can't.
    pub(super) fn edit(&mut self, cmd: &Cmd) -> Option<&'static str> {
        const FULL: &str = "The line is full: 512 characters.";
        let length = self.text.chars().count();
        match cmd {
            Cmd::Char(c) if !self.insert(*c) => return Some(FULL),
            Cmd::Paste(text) => {
                for c in text.trim_end_matches(['\r', '\n']).chars() {
                    if c.is_control() {
                        return Some("Only the first line of what was pasted was taken.");
                    }
                    if !self.insert(c) {
                        return Some(FULL);
                    }
                }
            }
            Cmd::Backspace if self.cursor > 0 => {
                self.cursor -= 1;
                self.remove(self.cursor);
            }
            Cmd::Delete => self.remove(self.cursor),
            Cmd::Left => self.cursor = self.cursor.saturating_sub(1),
            Cmd::Right => self.cursor = (self.cursor + 1).min(length),
            Cmd::Home => self.cursor = 0,
            Cmd::End => self.cursor = length,
            _ => {}
        }
        None
    }
}

/// One of several, by arrows or number; Enter chooses.
pub(super) struct Pick {
    pub(super) at: usize,
    pub(super) of: usize,
}

impl Pick {
    pub(super) fn new(of: usize) -> Self {
        Self { at: 0, of }
    }

    /// Moves by `cmd`; the chosen index at Enter. A number moves and does not choose: one wrong key must not answer.
    pub(super) fn key(&mut self, cmd: &Cmd) -> Option<usize> {
        match cmd {
            Cmd::Up | Cmd::Previous => self.at = self.at.saturating_sub(1),
            Cmd::Down | Cmd::Next if self.at + 1 < self.of => self.at += 1,
            Cmd::Home => self.at = 0,
            Cmd::End => self.at = self.of.saturating_sub(1),
            Cmd::Char(c) => {
                if let Some(digit) = c.to_digit(10)
                    && (1..=self.of).contains(&(digit as usize))
                {
                    self.at = digit as usize - 1;
                }
            }
            Cmd::Go if self.at < self.of => return Some(self.at),
            _ => {}
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hidden_field_never_moves_its_text() {
        let mut field = Hidden::new(8);
        let before = field.text.as_ptr();
        for c in "12345678".chars() {
            assert!(field.push(c));
        }
        assert!(!field.push('9'));
        assert_eq!(field.text.as_ptr(), before);
        assert_eq!(field.take().expose(), "12345678");
        assert!(field.is_empty());
    }

    #[test]
    fn a_line_is_edited_at_its_cursor() {
        let mut line = Line::new();
        for c in "Zürch".chars() {
            line.edit(&Cmd::Char(c));
        }
        line.edit(&Cmd::Left);
        line.edit(&Cmd::Left);
        line.edit(&Cmd::Char('i'));
        assert_eq!(line.text(), "Zürich");
        line.edit(&Cmd::Home);
        line.edit(&Cmd::Delete);
        line.edit(&Cmd::Backspace);
        assert_eq!(line.text(), "ürich");
        line.edit(&Cmd::End);
        line.edit(&Cmd::Delete);
        line.edit(&Cmd::Backspace);
        assert_eq!((line.text(), line.cursor()), ("üric", 4));
    }

    #[test]
    fn a_paste_is_one_line_and_bounded() {
        let mut line = Line::new();
        assert_eq!(
            line.edit(&Cmd::Paste(Zeroizing::new("/a b\n".into()))),
            None
        );
        assert_eq!(line.text(), "/a b");
        let two = Cmd::Paste(Zeroizing::new("c\nd".into()));
        assert_eq!(
            line.edit(&two),
            Some("Only the first line of what was pasted was taken.")
        );
        assert_eq!(line.text(), "/a bc");
        let long = Cmd::Paste(Zeroizing::new("e".repeat(600)));
        assert_eq!(line.edit(&long), Some("The line is full: 512 characters."));
        assert_eq!(line.text().len(), 512);
    }

    #[test]
    fn a_number_moves_and_enter_chooses() {
        let mut pick = Pick::new(3);
        assert_eq!(pick.key(&Cmd::Char('3')), None);
        assert_eq!(pick.key(&Cmd::Char('4')), None);
        assert_eq!(pick.key(&Cmd::Char('0')), None);
        assert_eq!(pick.key(&Cmd::Go), Some(2));
        pick.key(&Cmd::Down);
        assert_eq!(pick.at, 2);
        assert_eq!(Pick::new(0).key(&Cmd::Go), None);
    }
}
