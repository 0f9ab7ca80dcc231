//! Reading a share: which way, then that way. A scanner may be used at once: its text begins with a capital letter,
//! which no list understands, so it opens the scanner's field by itself.

use super::words::Words;
use super::{Line, Pick, Step};
use crate::ceremony::prompt::Way;
use crate::secret::entry::Input;
use crate::tui::field::Hidden;
use crate::tui::keymap::Cmd;

/// The most characters of a QR text; a share has 81.
const QR: usize = 512;

/// Where the reading stands.
pub(in crate::tui) enum Stage {
    /// Which way.
    Ways(Pick),
    /// A scanner types; nothing of it is drawn.
    Scanner(Hidden),
    /// 36 words by hand.
    Words(Box<Words>),
    /// The path of a picture.
    Picture(Line),
    /// Enter lets the simulated scanner read.
    Simulated,
}

/// A share being read.
pub(in crate::tui) struct Read {
    pub(in crate::tui) ways: Vec<Way>,
    pub(in crate::tui) stage: Stage,
    /// Escape was pressed once where it would wipe typed words.
    leaving: bool,
}

impl Read {
    pub(super) fn new(ways: &[Way]) -> Self {
        Self {
            stage: match ways {
                [only] => stage(*only),
                _ => Stage::Ways(Pick::new(ways.len())),
            },
            ways: ways.to_vec(),
            leaving: false,
        }
    }

    /// The form with words that were typed before a refusal.
    pub(in crate::tui) fn again(ways: &[Way], words: Box<Words>) -> Self {
        Self {
            ways: ways.to_vec(),
            stage: Stage::Words(words),
            leaving: false,
        }
    }

    pub(super) fn typing(&self) -> bool {
        !matches!(self.stage, Stage::Ways(_) | Stage::Simulated)
    }

    /// The words being typed, if that is the way.
    pub(in crate::tui) fn words(&self) -> Option<&Words> {
        match &self.stage {
            Stage::Words(words) => Some(words),
            _ => None,
        }
    }

    /// Takes the words out, to keep them over a refusal.
    pub(in crate::tui) fn into_words(self) -> Option<Box<Words>> {
        match self.stage {
            Stage::Words(words) => Some(words),
            _ => None,
        }
    }

    pub(super) fn key(&mut self, cmd: &Cmd, list: &[&'static str]) -> Step {
        if *cmd == Cmd::Esc {
            return self.back();
        }
        self.leaving = false;
        match &mut self.stage {
            Stage::Ways(pick) => {
                if let Cmd::Char(c) = cmd
                    && c.is_ascii_uppercase()
                    && self.ways.contains(&Way::Scanner)
                {
                    let mut field = Hidden::new(QR);
                    field.push(*c);
                    self.stage = Stage::Scanner(field);
                } else if let Some(way) = pick.key(cmd).and_then(|at| self.ways.get(at)) {
                    self.stage = stage(*way);
                }
                Step::Nothing
            }
            Stage::Scanner(field) => scanner(field, cmd),
            Stage::Words(words) => words.key(cmd, list),
            Stage::Picture(line) => match cmd {
                Cmd::Go if line.text().trim().is_empty() => {
                    Step::Say("Type the path of the picture, then Enter.")
                }
                Cmd::Go => Step::Send(Input::SharePicture(line.text().trim().to_owned())),
                _ => line.edit(cmd).map_or(Step::Nothing, Step::Say),
            },
            Stage::Simulated => match cmd {
                Cmd::Go => Step::Send(Input::ShareSimulated),
                _ => Step::Nothing,
            },
        }
    }

    fn back(&mut self) -> Step {
        if let Stage::Words(words) = &self.stage
            && words.done() > 0
            && !self.leaving
        {
            self.leaving = true;
            return Step::Say("Esc again leaves and wipes the words that you typed.");
        }
        if self.ways.len() < 2 {
            // Leaving may not be possible here, so the announced wipe happens in any case.
            if let [only] = self.ways[..] {
                self.stage = stage(only);
            }
            return Step::Leave;
        }
        match self.stage {
            Stage::Ways(_) => Step::Leave,
            _ => {
                self.stage = Stage::Ways(Pick::new(self.ways.len()));
                Step::Nothing
            }
        }
    }
}

fn stage(way: Way) -> Stage {
    match way {
        Way::Scanner => Stage::Scanner(Hidden::new(QR)),
        Way::Words => Stage::Words(Box::new(Words::new())),
        Way::Picture => Stage::Picture(Line::new()),
        Way::Simulated => Stage::Simulated,
    }
}

fn scanner(field: &mut Hidden, cmd: &Cmd) -> Step {
    const LONG: &str = "That was longer than any share. Nothing was taken; scan again.";
    let taken = match cmd {
        Cmd::Char(c) => field.push(*c),
        Cmd::Paste(text) => {
            let text = text.trim_end_matches(['\r', '\n']);
            text.chars().all(|c| field.push(c))
        }
        _ => true,
    };
    if !taken {
        field.clear();
        return Step::Say(LONG);
    }
    match cmd {
        Cmd::Backspace | Cmd::Delete => field.clear(),
        // Some scanners send an Enter more than one wants.
        Cmd::Go if field.is_empty() => return Step::Say("Nothing was scanned yet."),
        Cmd::Go => return Step::Send(Input::ShareQr(field.take())),
        _ => {}
    }
    Step::Nothing
}
