//! The 36 words of a share, typed by hand: letters until a word is unique, then on to the next; a finished word is
//! hidden. After a refusal that names suspects only these are typed again.

use super::Step;
use crate::secret::SecretText;
use crate::secret::entry::Input;
use crate::tui::field::Hidden;
use crate::tui::keymap::Cmd;
use zeroize::{Zeroize, Zeroizing};

/// Words of a share.
pub(in crate::tui) const COUNT: usize = 36;
/// Words in one column of the grid.
pub(in crate::tui) const COLUMN: usize = 12;
/// The longest word of the list.
const LONGEST: usize = 8;

/// Words being typed.
pub(in crate::tui) struct Words {
    /// The finished words; each has its memory from the start, so that none moves.
    finished: Vec<Zeroizing<String>>,
    /// Where the cursor stands, from 0; [`COUNT`] when all stand.
    at: usize,
    /// The letters of the word under the cursor.
    letters: Hidden,
    /// Positions named by a refusal, from 0.
    suspects: Vec<usize>,
}

impl Words {
    pub(super) fn new() -> Self {
        Self {
            finished: (0..COUNT)
                .map(|_| Zeroizing::new(String::with_capacity(LONGEST)))
                .collect(),
            at: 0,
            letters: Hidden::new(LONGEST),
            suspects: Vec::new(),
        }
    }

    /// Clears the words at `positions` (from 1), which a refusal named, and goes to the first of them. With none named
    /// all words stand, and any may be typed anew.
    pub(in crate::tui) fn suspect(&mut self, positions: &[usize]) {
        self.suspects = positions
            .iter()
            .filter(|position| (1..=COUNT).contains(*position))
            .map(|position| position - 1)
            .collect();
        for at in &self.suspects {
            self.finished[*at].zeroize();
        }
        self.letters.clear();
        self.at = self.suspects.iter().min().copied().unwrap_or(COUNT);
    }

    /// Where the cursor stands, from 0.
    pub(in crate::tui) fn at(&self) -> usize {
        self.at
    }

    /// How many words are finished.
    pub(in crate::tui) fn done(&self) -> usize {
        self.finished.iter().filter(|word| !word.is_empty()).count()
    }

    /// Whether the word at `at` is finished.
    pub(in crate::tui) fn is_done(&self, at: usize) -> bool {
        self.finished.get(at).is_some_and(|word| !word.is_empty())
    }

    /// Whether a refusal named the word at `at`.
    pub(in crate::tui) fn is_suspect(&self, at: usize) -> bool {
        self.suspects.contains(&at)
    }

    /// Positions that a refusal named, from 1.
    pub(in crate::tui) fn suspects(&self) -> Vec<usize> {
        self.suspects.iter().map(|at| at + 1).collect()
    }

    /// The letters typed so far, which the screen shows while the word is unfinished.
    pub(in crate::tui) fn letters(&self) -> &str {
        self.letters.expose()
    }

    pub(super) fn key(&mut self, cmd: &Cmd, list: &[&'static str]) -> Step {
        match cmd {
            Cmd::Char(' ') | Cmd::Next | Cmd::Go => self.finish(*cmd == Cmd::Go, list),
            Cmd::Char(c) => self.letter(*c, list),
            Cmd::Paste(_) => Step::Say("Words are typed from the sheet, not pasted."),
            Cmd::Backspace if self.letters.is_empty() => {
                self.go(self.at.saturating_sub(1));
                Step::Nothing
            }
            Cmd::Backspace => {
                self.letters.pop();
                Step::Nothing
            }
            Cmd::Up | Cmd::Previous => {
                self.go(self.at.saturating_sub(1));
                Step::Nothing
            }
            Cmd::Down => {
                self.go(self.at + 1);
                Step::Nothing
            }
            Cmd::Left => {
                self.go(self.at.saturating_sub(COLUMN));
                Step::Nothing
            }
            Cmd::Right => {
                self.go(self.at + COLUMN);
                Step::Nothing
            }
            Cmd::Home => {
                self.go(0);
                Step::Nothing
            }
            Cmd::End => {
                self.go(self.next_empty(0));
                Step::Nothing
            }
            _ => Step::Nothing,
        }
    }

    /// Behind the last word stands who has finished them all.
    fn go(&mut self, at: usize) {
        let last = if self.done() == COUNT {
            COUNT
        } else {
            COUNT - 1
        };
        self.at = at.min(last);
        self.letters.clear();
    }

    fn next_empty(&self, from: usize) -> usize {
        (from..COUNT)
            .chain(0..from.min(COUNT))
            .find(|at| self.finished[*at].is_empty())
            .unwrap_or(COUNT)
    }

    fn letter(&mut self, c: char, list: &[&'static str]) -> Step {
        if self.at >= COUNT {
            return Step::Say("All 36 words stand. Enter sends them; arrows go back to one.");
        }
        let c = c.to_ascii_lowercase();
        if !c.is_ascii_lowercase() {
            return Step::Say("Words have letters only. That key was not taken.");
        }
        if self.letters.push(c) {
            if !matching(list, self.letters.expose()).is_empty() {
                return Step::Nothing;
            }
            self.letters.pop();
        }
        Step::Say("No word of the list goes on like that. Look at the letters again.")
    }

    fn finish(&mut self, go: bool, list: &[&'static str]) -> Step {
        if self.letters.is_empty() {
            if self.at >= COUNT && go {
                return self.send();
            }
            if self.is_done(self.at) {
                self.go(self.next_empty(self.at + 1));
                return Step::Nothing;
            }
            return Step::Say("Type the letters of this word as they stand on the sheet.");
        }
        let Some(word) = chosen(list, self.letters.expose()) else {
            return Step::Say("Several words begin like that. Type on.");
        };
        self.finished[self.at].zeroize();
        self.finished[self.at].push_str(word);
        self.go(self.next_empty(self.at + 1));
        Step::Nothing
    }

    fn send(&mut self) -> Step {
        let mut text = String::with_capacity(COUNT * (LONGEST + 1));
        for word in &self.finished {
            if !text.is_empty() {
                text.push(' ');
            }
            text.push_str(word);
        }
        Step::Send(Input::ShareWords(SecretText::new(text)))
    }
}

/// The words of the sorted `list` that begin with `letters`.
pub(in crate::tui) fn matching<'a>(list: &'a [&'static str], letters: &str) -> &'a [&'static str] {
    let from = list.partition_point(|word| *word < letters);
    let rest = &list[from..];
    &rest[..rest.partition_point(|word| word.starts_with(letters))]
}

/// The word that `letters` mean: the only one that begins so, or exactly this one.
pub(in crate::tui) fn chosen(list: &[&'static str], letters: &str) -> Option<&'static str> {
    match matching(list, letters) {
        [only] => Some(only),
        [first, ..] if *first == letters => Some(first),
        _ => None,
    }
}

/// The words beside `word` in the sorted `list`, which a hasty eye may take for it.
pub(in crate::tui) fn neighbours(list: &[&'static str], word: &str) -> [Option<&'static str>; 2] {
    let at = list.partition_point(|other| *other < word);
    [
        at.checked_sub(1).and_then(|at| list.get(at)).copied(),
        list.get(at + 1).copied(),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn list() -> &'static [&'static str] {
        bip39::Language::English.word_list()
    }

    fn type_in(words: &mut Words, text: &str) {
        for c in text.chars() {
            words.key(&Cmd::Char(c), list());
        }
    }

    fn said(step: Step) -> &'static str {
        match step {
            Step::Say(text) => text,
            _ => "",
        }
    }

    #[test]
    fn completions_stop_at_the_unique_word() {
        assert_eq!(
            matching(list(), "ro"),
            [
                "road", "roast", "robot", "robust", "rocket", "romance", "roof", "rookie", "room",
                "rose", "rotate", "rough", "round", "route", "royal"
            ]
        );
        assert_eq!(chosen(list(), "rob"), None);
        assert_eq!(chosen(list(), "robo"), Some("robot"));
        // Exactly a word, though "action" and others begin with it.
        assert_eq!(chosen(list(), "act"), Some("act"));
        assert_eq!(chosen(list(), "zz"), None);
        assert_eq!(neighbours(list(), "robot"), [Some("roast"), Some("robust")]);
        assert_eq!(neighbours(list(), "abandon"), [None, Some("ability")]);
        assert_eq!(neighbours(list(), "zoo"), [Some("zone"), None]);
    }

    #[test]
    fn a_letter_that_leads_nowhere_is_refused() {
        let mut words = Words::new();
        type_in(&mut words, "ro");
        assert_eq!(
            said(words.key(&Cmd::Char('q'), list())),
            "No word of the list goes on like that. Look at the letters again."
        );
        assert_eq!(words.letters(), "ro");
        assert_eq!(
            said(words.key(&Cmd::Next, list())),
            "Several words begin like that. Type on."
        );
        assert_eq!(
            said(words.key(&Cmd::Char('7'), list())),
            "Words have letters only. That key was not taken."
        );
    }

    #[test]
    fn thirty_six_words_are_sent_with_single_spaces() {
        let mut words = Words::new();
        for word in &list()[100..136] {
            type_in(&mut words, word);
            assert!(matches!(words.key(&Cmd::Go, list()), Step::Nothing));
        }
        assert_eq!((words.at(), words.done()), (COUNT, COUNT));
        match words.key(&Cmd::Go, list()) {
            Step::Send(Input::ShareWords(text)) => {
                assert_eq!(text.expose(), list()[100..136].join(" "));
            }
            _ => panic!("all words stand, so they are sent"),
        }
    }

    #[test]
    fn fewer_words_are_not_sent() {
        let mut words = Words::new();
        type_in(&mut words, "zoo ");
        words.key(&Cmd::End, list());
        assert_eq!(
            said(words.key(&Cmd::Go, list())),
            "Type the letters of this word as they stand on the sheet."
        );
        words.go(COUNT - 1);
        words.key(&Cmd::Right, list());
        assert_eq!(words.at(), COUNT - 1);
        assert!(!matches!(words.key(&Cmd::Go, list()), Step::Send(_)));
    }

    #[test]
    fn only_the_suspects_are_typed_again() {
        let mut words = Words::new();
        for word in &list()[0..36] {
            type_in(&mut words, word);
            words.key(&Cmd::Next, list());
        }
        words.suspect(&[22, 17, 0, 99]);
        assert_eq!((words.at(), words.done()), (16, 34));
        assert_eq!(words.suspects(), [22, 17]);
        type_in(&mut words, "zoo ");
        assert_eq!(words.at(), 21);
        type_in(&mut words, "zone ");
        assert_eq!(words.at(), COUNT);
        match words.key(&Cmd::Go, list()) {
            Step::Send(Input::ShareWords(text)) => {
                let sent: Vec<_> = text.expose().split(' ').collect();
                assert_eq!((sent[16], sent[21], sent[0]), ("zoo", "zone", "abandon"));
            }
            _ => panic!("all words stand, so they are sent"),
        }
    }
}
