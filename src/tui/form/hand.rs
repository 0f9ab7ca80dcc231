//! Writing a share by hand: its words are asked for, shown four at a time, and gone when the form is left.

use super::Step;
use crate::secret::SecretText;
use crate::secret::entry::Input;
use crate::tui::keymap::Cmd;

/// Words shown at a time.
pub(in crate::tui) const GROUP: usize = 4;

/// Where the writing stands.
pub(in crate::tui) enum Hand {
    /// Nothing is shown yet.
    Closed,
    /// Words are shown: the group, from 0.
    Open(SecretText, usize),
    /// All were shown; none is any more.
    Written(SecretText),
}

impl Hand {
    pub(super) fn new() -> Self {
        Hand::Closed
    }

    /// Takes the words, and shows the first group.
    pub(in crate::tui) fn reveal(&mut self, words: SecretText) {
        *self = Hand::Open(words, 0);
    }

    /// The words on the screen now, with the number of the first from 1.
    pub(in crate::tui) fn shown(&self) -> Option<(usize, Vec<&str>)> {
        match self {
            Hand::Open(words, group) => {
                let from = group * GROUP;
                let words = words.expose().split_whitespace();
                Some((from + 1, words.skip(from).take(GROUP).collect()))
            }
            Hand::Closed | Hand::Written(_) => None,
        }
    }

    /// How many words there are; 0 as long as they aren't known.
    pub(in crate::tui) fn count(&self) -> usize {
        match self {
            Hand::Closed => 0,
            Hand::Open(words, _) | Hand::Written(words) => {
                words.expose().split_whitespace().count()
            }
        }
    }

    pub(super) fn key(&mut self, cmd: &Cmd, key: &str) -> Step {
        let groups = self.count().div_ceil(GROUP);
        let (step, next) = match (std::mem::replace(self, Hand::Closed), cmd) {
            (Hand::Closed, Cmd::Go) => {
                let key = key.to_owned();
                (Step::Send(Input::Reveal { key }), Hand::Closed)
            }
            (Hand::Closed, Cmd::Esc) => (Step::Leave, Hand::Closed),
            (Hand::Closed, _) => (Step::Nothing, Hand::Closed),
            // Hidden again: dropping the words wipes them.
            (Hand::Open(..) | Hand::Written(_), Cmd::Esc) => (Step::Nothing, Hand::Closed),
            (Hand::Open(words, group), Cmd::Go | Cmd::Char(' ')) if group + 1 < groups => {
                (Step::Nothing, Hand::Open(words, group + 1))
            }
            (Hand::Open(words, _), Cmd::Go | Cmd::Char(' ')) => {
                (Step::Nothing, Hand::Written(words))
            }
            (Hand::Open(words, group), Cmd::Backspace) => {
                (Step::Nothing, Hand::Open(words, group.saturating_sub(1)))
            }
            (Hand::Written(_), Cmd::Go) => (super::answer(key, "done"), Hand::Closed),
            (Hand::Written(words), Cmd::Backspace) => {
                (Step::Nothing, Hand::Open(words, groups.saturating_sub(1)))
            }
            (same, _) => (Step::Nothing, same),
        };
        *self = next;
        step
    }
}
