//! Locating the word that was misread.
//!
//! 36 words carry three checks: 4 bits of SHA-256 over words 1 to 12, 8 bits over words 13 to 36, and the share's own
//! 64 bits over everything but themselves. A hypothesis (this word is wrong, these two are exchanged) stands if some
//! choice of the words it doubts makes all three fit. With 64 bits a wrong hypothesis practically never does.
//!
//! The order: one word; two words exchanged; two words wrong. Work is counted in hashes and bounded.
//!
//! - One word: 36 x 2047 choices. Two exchanged: 630.
//! - Two wrong words among 1 to 12: the check in bytes 8..16 follows from all the rest, so only choices of words 1 to 6,
//!   which hold the header, are tried, and the words that follow from them are compared with those typed.
//! - One in each group: the few choices of each group that pass its checksum, combined.
//! - Two wrong words among 13 to 36: 1.2 thousand million choices, too many. Tried are those where at least one of the
//!   two looks or sorts like the word typed, as misreadings do.
//!
//! A result names positions only. The words that would fit never leave this module.

mod alike;
mod group;

use std::ops::ControlFlow;

use sha2::{Digest, Sha256};
use zeroize::Zeroizing;

use self::alike::look_alikes;
use self::group::Group;
use crate::refusal::Refuse;
use crate::share::wire;
use crate::share::words::{CHOICES, FIRST_GROUP, Indices, WORDS};

/// The most hashes that a search computes unless told otherwise. All that it tries is about 43 million, where the first
/// group is beyond repair (under ten seconds, measured), and mostly less than 12 million (two seconds).
pub const EFFORT: u64 = 50_000_000;

/// Words 1 to 6 hold bytes 0..8; the lowest two bits of word 6 belong to the check.
const HEADER_WORDS: usize = 6;

/// Which words to read again on the sheet. Positions are those on the sheet, 1 to 36.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Suspect {
    /// One word was misread.
    #[error("Word {position} does not fit the others.")]
    Word {
        /// Its position.
        position: usize,
    },
    /// Two words stand in each other's place.
    #[error("Words {a} and {b} stand in each other's place.")]
    Transposed {
        /// The lower position.
        a: usize,
        /// The higher position.
        b: usize,
    },
    /// Two words were misread.
    #[error("Words {a} and {b} do not fit the others.")]
    TwoWords {
        /// The lower position.
        a: usize,
        /// The higher position.
        b: usize,
    },
    /// No error that was tried explains it.
    #[error("The words do not fit each other, and it cannot be told which are wrong.")]
    Unknown,
}

impl Suspect {
    /// The positions to read again, ascending, 1 to 36; none if nothing was located.
    pub fn positions(&self) -> Vec<u8> {
        let short = |position: &usize| u8::try_from(*position).unwrap_or(u8::MAX);
        match self {
            Self::Word { position } => vec![short(position)],
            Self::Transposed { a, b } | Self::TwoWords { a, b } => vec![short(a), short(b)],
            Self::Unknown => vec![],
        }
    }
}

impl Refuse for Suspect {
    fn name(&self) -> &'static str {
        match self {
            Self::Word { .. } => "share-word-suspect",
            Self::Transposed { .. } => "share-words-transposed",
            Self::TwoWords { .. } => "share-two-words-suspect",
            Self::Unknown => "share-words-unlocated",
        }
    }

    fn way_on(&self) -> &'static str {
        match self {
            Self::Word { .. } => "Read it again on the sheet, letter by letter.",
            Self::Transposed { .. } | Self::TwoWords { .. } => {
                "Read both again on the sheet, letter by letter, with their numbers."
            }
            Self::Unknown => {
                "Read all words again from the sheet, with their numbers; if they are as typed, bring \
                 another custodian's sheet."
            }
        }
    }
}

/// Either goes on, or stops: with what was found, or with nothing since the effort is spent.
type Step = ControlFlow<Suspect>;

/// Finds the suspect among 36 words that do not fit, with at most about `effort` hashes.
pub(super) fn locate(words: &Indices, effort: u64) -> Suspect {
    let mut search = Search::new(words, effort);
    let stages = [
        Search::one_word,
        Search::exchanged,
        Search::one_in_each,
        Search::two_in_first,
        Search::two_in_second,
    ];
    for stage in stages {
        if let ControlFlow::Break(suspect) = stage(&mut search) {
            return suspect;
        }
    }
    Suspect::Unknown
}

struct Search {
    first: Group,
    second: Group,
    typed: Indices,
    left: u64,
}

impl Search {
    fn new(words: &Indices, effort: u64) -> Self {
        Self {
            first: Group::new(&words[..FIRST_GROUP]),
            second: Group::new(&words[FIRST_GROUP..]),
            typed: words.clone(),
            left: effort,
        }
    }

    fn put(&mut self, at: usize, word: u16) {
        if at < FIRST_GROUP {
            self.first.put(at, word);
        } else {
            self.second.put(at - FIRST_GROUP, word);
        }
    }

    fn restore(&mut self, at: usize) {
        self.put(at, self.typed[at]);
    }

    fn spend(&mut self, hashes: u64) -> Step {
        match self.left.checked_sub(hashes) {
            Some(left) => {
                self.left = left;
                ControlFlow::Continue(())
            }
            None => ControlFlow::Break(Suspect::Unknown),
        }
    }

    /// Whether the share's own check fits, as the words stand now.
    fn check_fits(&self) -> bool {
        let head = self.first.content();
        self.first.header_possible()
            && wire::check(&head[..8], self.second.content())[..] == head[8..16]
    }

    /// Whether everything fits, as the words stand now.
    fn all_fit(&self) -> bool {
        self.first.header_possible() && self.first.fits() && self.second.fits() && self.check_fits()
    }

    /// The choices for word `at` of the first group that leave version and number possible.
    fn header_choices(&mut self, at: usize) -> Vec<u16> {
        let kept = self.first.get(at);
        let mut choices = Vec::new();
        for word in 0..CHOICES {
            self.first.put(at, word);
            if word != kept && (at > 1 || self.first.header_possible()) {
                choices.push(word);
            }
        }
        self.first.put(at, kept);
        choices
    }

    fn one_word(&mut self) -> Step {
        let first_fits = self.first.fits() && self.first.header_possible();
        let second_fits = self.second.fits();
        for at in 0..WORDS {
            // The group that is not doubted must fit as it is.
            let other_fits = if at < FIRST_GROUP {
                second_fits
            } else {
                first_fits
            };
            if !other_fits {
                continue;
            }
            for word in others(self.typed[at]) {
                self.put(at, word);
                if at < FIRST_GROUP && !self.first.header_possible() {
                    continue;
                }
                self.spend(1)?;
                let fits = if at < FIRST_GROUP {
                    self.first.fits()
                } else {
                    self.second.fits()
                };
                if fits && self.check_fits() {
                    return ControlFlow::Break(Suspect::Word { position: at + 1 });
                }
            }
            self.restore(at);
        }
        ControlFlow::Continue(())
    }

    fn exchanged(&mut self) -> Step {
        for a in 0..WORDS {
            for b in a + 1..WORDS {
                self.spend(2)?;
                self.put(a, self.typed[b]);
                self.put(b, self.typed[a]);
                if self.all_fit() {
                    return ControlFlow::Break(Suspect::Transposed { a: a + 1, b: b + 1 });
                }
                self.restore(a);
                self.restore(b);
            }
        }
        ControlFlow::Continue(())
    }

    /// The words of the first group that follow from the header and the second group as they stand: at which
    /// positions they differ from those typed, if at `most` or fewer.
    fn follows(&mut self, most: usize) -> Option<Vec<usize>> {
        if !self.first.header_possible() {
            return None;
        }
        let mut whole = Group::new(&[0; FIRST_GROUP]);
        let header = &self.first.content()[..8];
        whole.bits[..8].copy_from_slice(header);
        whole.bits[8..16].copy_from_slice(&wire::check(header, self.second.content()));
        whole.bits[16] = Sha256::digest(whole.content())[0] & 0xf0;
        let mut differ = Vec::new();
        for at in 0..FIRST_GROUP {
            if whole.get(at) != self.typed[at] {
                if differ.len() == most {
                    return None;
                }
                differ.push(at);
            }
        }
        Some(differ)
    }

    fn one_in_each(&mut self) -> Step {
        // Choices of one header word that pass the first group's checksum, the check as typed.
        let mut firsts = Zeroizing::new(Vec::<(usize, u16)>::new());
        for at in 0..HEADER_WORDS {
            for word in self.header_choices(at) {
                self.spend(1)?;
                self.first.put(at, word);
                if self.first.header_possible() && self.first.fits() {
                    firsts.push((at, word));
                }
            }
            self.restore(at);
        }
        for at in FIRST_GROUP..WORDS {
            for word in others(self.typed[at]) {
                self.spend(1)?;
                self.put(at, word);
                if !self.second.fits() {
                    continue;
                }
                self.spend(1)?;
                if let Some(&[first]) = self.follows(1).as_deref() {
                    return two(first, at);
                }
                for &(first, choice) in firsts.iter() {
                    self.spend(1)?;
                    self.first.put(first, choice);
                    if self.check_fits() {
                        return two(first, at);
                    }
                    self.restore(first);
                }
            }
            self.restore(at);
        }
        ControlFlow::Continue(())
    }

    fn two_in_first(&mut self) -> Step {
        if !self.second.fits() {
            return ControlFlow::Continue(());
        }
        if let Some(&[a, b]) = self.follows(2).as_deref() {
            return two(a, b);
        }
        for at in 0..HEADER_WORDS {
            for word in self.header_choices(at) {
                self.spend(2)?;
                self.first.put(at, word);
                if let Some(&[a, b]) = self.follows(2).as_deref() {
                    return two(a, b);
                }
            }
            self.restore(at);
        }
        for a in 0..HEADER_WORDS {
            for b in a + 1..HEADER_WORDS {
                self.two_header_words(a, b)?;
                self.restore(a);
                self.restore(b);
            }
        }
        ControlFlow::Continue(())
    }

    /// Two wrong words that both lie in the header: everything else stands as typed, so the checksum sorts out.
    fn two_header_words(&mut self, a: usize, b: usize) -> Step {
        for word in others(self.typed[a]) {
            self.first.put(a, word);
            if a == 0 && !self.first.version_known() {
                continue;
            }
            for other in others(self.typed[b]) {
                self.first.put(b, other);
                if !self.first.header_possible() {
                    continue;
                }
                self.spend(1)?;
                if self.first.fits() && self.check_fits() {
                    return two(a, b);
                }
            }
        }
        ControlFlow::Continue(())
    }

    fn two_in_second(&mut self) -> Step {
        if !self.first.fits() || !self.first.header_possible() {
            return ControlFlow::Continue(());
        }
        let alike: Vec<Zeroizing<Vec<u16>>> = self.typed[FIRST_GROUP..]
            .iter()
            .map(|word| Zeroizing::new(look_alikes(*word)))
            .collect();
        let any: Vec<u16> = (0..CHOICES).collect();
        for both in [true, false] {
            for (a, of_a) in alike.iter().enumerate() {
                for (b, of_b) in alike.iter().enumerate() {
                    if a == b || (both && a > b) {
                        continue;
                    }
                    let others = if both { of_b } else { &any };
                    self.two_second_words(a, of_a, b, others)?;
                }
            }
        }
        ControlFlow::Continue(())
    }

    fn two_second_words(&mut self, a: usize, of_a: &[u16], b: usize, of_b: &[u16]) -> Step {
        let (kept_a, kept_b) = (self.second.get(a), self.second.get(b));
        for word in of_a.iter().filter(|word| **word != kept_a) {
            self.second.put(a, *word);
            for other in of_b.iter().filter(|other| **other != kept_b) {
                self.second.put(b, *other);
                self.spend(1)?;
                if self.second.fits() && self.check_fits() {
                    return two(FIRST_GROUP + a.min(b), FIRST_GROUP + a.max(b));
                }
            }
        }
        self.second.put(a, kept_a);
        self.second.put(b, kept_b);
        ControlFlow::Continue(())
    }
}

/// The whole list without one word.
fn others(typed: u16) -> impl Iterator<Item = u16> {
    (0..CHOICES).filter(move |word| *word != typed)
}

fn two(a: usize, b: usize) -> Step {
    ControlFlow::Break(Suspect::TwoWords { a: a + 1, b: b + 1 })
}

#[cfg(test)]
mod tests;
