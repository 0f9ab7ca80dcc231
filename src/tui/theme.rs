//! Looks. Sixteen colours or none; colour only repeats what a glyph and a word say. Red is for danger to keys alone.

use crate::ceremony::view::Mark;
use ratatui::style::{Color, Modifier, Style};

/// The looks of everything that is drawn.
#[derive(Clone, Copy)]
pub struct Theme {
    colour: bool,
}

impl Theme {
    /// Looks with or without colour.
    pub fn new(colour: bool) -> Self {
        Self { colour }
    }

    fn paint(self, colour: Color) -> Style {
        if self.colour {
            Style::new().fg(colour)
        } else {
            Style::new()
        }
    }

    /// Running text.
    pub fn plain(self) -> Style {
        Style::new()
    }

    /// Headlines and what stands under the cursor of the eye.
    pub fn strong(self) -> Style {
        Style::new().add_modifier(Modifier::BOLD)
    }

    /// The chosen line, a field, a key.
    pub fn chosen(self) -> Style {
        Style::new().add_modifier(Modifier::REVERSED)
    }

    /// The banner of a rehearsal.
    pub fn banner(self) -> Style {
        self.paint(Color::Yellow)
            .add_modifier(Modifier::BOLD | Modifier::REVERSED)
    }

    /// A QR code: lit modules are the light ones, on any ground.
    pub fn code(self) -> Style {
        self.paint(Color::White).bg(match self.colour {
            true => Color::Black,
            false => Color::Reset,
        })
    }

    /// Danger to keys.
    pub fn danger(self) -> Style {
        self.paint(Color::LightRed).add_modifier(Modifier::BOLD)
    }

    /// A note on the last key.
    pub fn note(self) -> Style {
        self.paint(Color::Yellow).add_modifier(Modifier::BOLD)
    }

    /// How a step stands.
    pub fn mark(self, mark: Mark) -> Style {
        match mark {
            Mark::ToCome => Style::new(),
            Mark::Current => self.paint(Color::Cyan).add_modifier(Modifier::BOLD),
            Mark::Done => self.paint(Color::Green),
            Mark::Refused => self.paint(Color::Yellow).add_modifier(Modifier::BOLD),
            Mark::Exception => self.paint(Color::Magenta),
        }
    }
}

/// The glyph and the word of a mark.
pub fn mark_words(mark: Mark) -> (&'static str, &'static str) {
    match mark {
        Mark::ToCome => ("[ ]", "later"),
        Mark::Current => ("[>]", "now"),
        Mark::Done => ("[x]", "done"),
        Mark::Refused => ("[!]", "refused"),
        Mark::Exception => ("[~]", "exception"),
    }
}
