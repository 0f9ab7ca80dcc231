//! A share as 36 words of the BIP-39 English list.
//!
//! Words 1 to 12 are bytes 0..16, words 13 to 36 bytes 16..48, each group as BIP-39 has it: the bits, then the first
//! bits of their SHA-256 (4 for 12 words, 8 for 24), in words of 11 bits. They are no wallet phrase.
//!
//! What a person types is checked as a whole: both groups' checksums and the share's own 64-bit check. If they do not
//! fit, the suspect positions are located ([`super::suspect`]) and the person reads them again on the sheet. A word
//! that was found by search is never shown and never filled in: it would let a damaged or forged sheet pass.

use bip39::Language;
use sha2::{Digest, Sha256};
use zeroize::Zeroizing;

use crate::refusal::Refuse;
use crate::secret::{Secret32, SecretText};
use crate::share::suspect::{self, Suspect};
use crate::share::wire::{SHARE_BYTES, Share, ShareError};

/// Words of a share.
pub const WORDS: usize = 36;
/// Words of the first group: version, x, set id and check.
pub const FIRST_GROUP: usize = 12;

/// Longer input is refused unread: 36 words of up to 8 letters need 323 bytes.
const TEXT_MAX: usize = 2048;
/// Words in the list.
pub(super) const CHOICES: u16 = 2048;
/// No index of the list: an empty slot.
const EMPTY: u16 = u16::MAX;

/// The indices of 36 words in the list, in memory that is wiped.
pub(super) type Indices = Box<Zeroizing<[u16; WORDS]>>;

/// Why typed words are not a share, if not because some do not fit ([`Suspect`]).
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum WordsError {
    /// Not 36 words.
    #[error("A share has 36 words; this has {found}.")]
    Count {
        /// How many there are.
        found: usize,
    },
    /// More text than 36 words can have.
    #[error("This text is too long to be the 36 words of a share.")]
    TooLong,
    /// A word is not in the list.
    #[error("Word {position} is not a word of the BIP-39 English list.")]
    Unknown {
        /// Its position, 1 to 36.
        position: usize,
    },
    /// A position was asked for that no sheet has.
    #[error("A sheet has words 1 to 36, and no word {position}.")]
    Position {
        /// The position asked for.
        position: usize,
    },
    /// The entry isn't complete.
    #[error("Word {position} is still missing.")]
    Missing {
        /// The first empty position, 1 to 36.
        position: usize,
    },
    /// The words fit each other, but the bytes are not a share that this program takes.
    #[error(transparent)]
    Share(#[from] ShareError),
}

impl Refuse for WordsError {
    fn name(&self) -> &'static str {
        match self {
            Self::Count { .. } => "share-words-count",
            Self::TooLong => "share-words-too-long",
            Self::Unknown { .. } => "share-word-unknown",
            Self::Position { .. } => "share-word-position",
            Self::Missing { .. } => "share-word-missing",
            Self::Share(refused) => refused.name(),
        }
    }

    fn way_on(&self) -> &'static str {
        match self {
            Self::Count { .. } | Self::TooLong => {
                "Type the words of one sheet, 1 to 36, in order, with spaces between them."
            }
            Self::Unknown { .. } => "Read this word again on the sheet, letter by letter.",
            Self::Position { .. } | Self::Missing { .. } => "Type the word that is asked for.",
            Self::Share(refused) => refused.way_on(),
        }
    }
}

/// What 36 words of the list turn out to be.
pub enum WordsOutcome {
    /// A share: all checks fit.
    Share(Share),
    /// No share: these words are to be read again.
    Suspect(Suspect),
}

/// The 36 words of a share.
pub struct ShareWords(Indices);

impl ShareWords {
    /// The words, in order.
    pub fn expose(&self) -> [&'static str; WORDS] {
        (**self.0).map(word)
    }

    /// One word by its position on the sheet, 1 to 36.
    pub fn expose_word(&self, position: usize) -> Option<&'static str> {
        let index = self.0.get(position.checked_sub(1)?)?;
        Some(word(*index))
    }

    /// The words with single spaces.
    pub fn to_text(&self) -> SecretText {
        joined(&self.0[..])
    }
}

impl Share {
    /// The share as 36 words.
    pub fn to_words(&self) -> ShareWords {
        let mut indices = empty();
        let (head, y) = self.expose().split_at(16);
        pack(head, &mut indices[..FIRST_GROUP]);
        pack(y, &mut indices[FIRST_GROUP..]);
        ShareWords(indices)
    }
}

/// Reads 36 words, separated by any white space, in upper or lower case.
///
/// # Errors
/// Too long, not 36 words, a word outside of the list; or words that fit each other and yet are no share.
pub fn parse_words(text: &str) -> Result<WordsOutcome, WordsError> {
    parse_words_within(text, suspect::EFFORT)
}

/// As [`parse_words`], where the search for a suspect computes at most `effort` hashes.
///
/// # Errors
/// Those of [`parse_words`].
pub fn parse_words_within(text: &str, effort: u64) -> Result<WordsOutcome, WordsError> {
    if text.len() > TEXT_MAX {
        return Err(WordsError::TooLong);
    }
    let found = text.split_whitespace().count();
    if found != WORDS {
        return Err(WordsError::Count { found });
    }
    let mut entry = Entry::new();
    for (at, typed) in text.split_whitespace().enumerate() {
        entry.set(at + 1, typed)?;
    }
    entry.check_within(effort)
}

/// The entry of a share's words: 36 slots, filled in any order.
pub struct Entry(Indices);

impl Default for Entry {
    fn default() -> Self {
        Self::new()
    }
}

impl Entry {
    /// An empty entry.
    pub fn new() -> Self {
        Self(empty())
    }

    /// Puts the word typed for `position` (1 to 36) into its slot, in place of what was there.
    ///
    /// # Errors
    /// If no sheet has that position, or the word is not in the list; the slot then stays as it was.
    pub fn set(&mut self, position: usize, typed: &str) -> Result<(), WordsError> {
        let slot = position
            .checked_sub(1)
            .and_then(|at| self.0.get_mut(at))
            .ok_or(WordsError::Position { position })?;
        *slot = index_of(typed.trim()).ok_or(WordsError::Unknown { position })?;
        Ok(())
    }

    /// Empties the slot of `position`, if there is one.
    pub fn clear(&mut self, position: usize) {
        if let Some(slot) = position.checked_sub(1).and_then(|at| self.0.get_mut(at)) {
            *slot = EMPTY;
        }
    }

    /// The word in the slot of `position`: what was typed there, never what a search found.
    pub fn expose_word(&self, position: usize) -> Option<&'static str> {
        let index = *self.0.get(position.checked_sub(1)?)?;
        (index != EMPTY).then(|| word(index))
    }

    /// How many slots are filled.
    pub fn filled(&self) -> usize {
        self.0.iter().filter(|index| **index != EMPTY).count()
    }

    /// The first empty position, 1 to 36; none once the entry is complete.
    pub fn missing(&self) -> Option<usize> {
        let at = self.0.iter().position(|index| *index == EMPTY)?;
        Some(at + 1)
    }

    /// Checks the complete entry, and locates the suspect if it does not fit. May take a few seconds.
    ///
    /// # Errors
    /// If a word is missing, or the words fit each other and yet are no share.
    pub fn check(&self) -> Result<WordsOutcome, WordsError> {
        self.check_within(suspect::EFFORT)
    }

    /// As [`Entry::check`], where the search computes at most `effort` hashes.
    ///
    /// # Errors
    /// Those of [`Entry::check`].
    pub fn check_within(&self, effort: u64) -> Result<WordsOutcome, WordsError> {
        if let Some(position) = self.missing() {
            return Err(WordsError::Missing { position });
        }
        let mut bytes = Box::new(Zeroizing::new([0; SHARE_BYTES]));
        let (head, y) = bytes.split_at_mut(16);
        let fit = unpack(&self.0[..FIRST_GROUP], head) & unpack(&self.0[FIRST_GROUP..], y);
        let suspect = || WordsOutcome::Suspect(suspect::locate(&self.0, effort));
        if !fit {
            return Ok(suspect());
        }
        match Share::from_bytes(&bytes[..]) {
            Ok(share) => Ok(WordsOutcome::Share(share)),
            // Both groups fit by chance, with one misread word in a group in 16 or 256 cases.
            Err(ShareError::Checksum) => Ok(suspect()),
            Err(ShareError::Version { found }) => match suspect::locate(&self.0, effort) {
                Suspect::Unknown => Err(ShareError::Version { found }.into()),
                located => Ok(WordsOutcome::Suspect(located)),
            },
            Err(refused) => Err(refused.into()),
        }
    }
}

/// The list: 2048 words in alphabetical order; a word's index is its 11 bits.
pub fn list() -> &'static [&'static str; 2048] {
    Language::English.word_list()
}

/// The words that start with `prefix`, in alphabetical order; all 2048 for an empty one.
pub fn completions(prefix: &str) -> Vec<&'static str> {
    let starts = |word: &&&str| {
        word.as_bytes()
            .get(..prefix.len())
            .is_some_and(|start| start.eq_ignore_ascii_case(prefix.as_bytes()))
    };
    list().iter().filter(starts).copied().collect()
}

/// The only word that starts with `prefix`, if there is exactly one.
pub fn unique(prefix: &str) -> Option<&'static str> {
    match completions(prefix)[..] {
        [only] => Some(only),
        _ => None,
    }
}

/// Whether `typed` is a word of the list, in upper or lower case.
pub fn is_word(typed: &str) -> bool {
    index_of(typed).is_some()
}

/// The 24 words of 32 bytes, with single spaces.
pub(super) fn phrase(bytes: &Secret32) -> SecretText {
    let mut indices = Zeroizing::new([0; WORDS - FIRST_GROUP]);
    pack(bytes.expose(), &mut indices[..]);
    joined(&indices[..])
}

fn joined(indices: &[u16]) -> SecretText {
    // No word has more than 8 letters: the text never moves while it grows.
    let mut text = String::with_capacity(9 * indices.len());
    for (at, index) in indices.iter().enumerate() {
        if at > 0 {
            text.push(' ');
        }
        text.push_str(word(*index));
    }
    SecretText::new(text)
}

fn empty() -> Indices {
    Box::new(Zeroizing::new([EMPTY; WORDS]))
}

fn word(index: u16) -> &'static str {
    list()[usize::from(index % CHOICES)]
}

fn index_of(typed: &str) -> Option<u16> {
    let at = list()
        .iter()
        .position(|word| word.eq_ignore_ascii_case(typed))?;
    u16::try_from(at).ok()
}

/// The BIP-39 checksum byte of a group; 12 words use its upper 4 bits.
fn checksum(bytes: &[u8]) -> u8 {
    Sha256::digest(bytes)[0]
}

/// Writes 16 bytes as 12 words, or 32 bytes as 24.
fn pack(bytes: &[u8], indices: &mut [u16]) {
    let checksum = checksum(bytes);
    let bits = bytes.iter().chain(std::iter::once(&checksum));
    let mut bits = bits.flat_map(|byte| (0..8).rev().map(move |bit| u16::from(byte >> bit & 1)));
    for index in indices {
        *index = bits.by_ref().take(11).fold(0, |word, bit| word << 1 | bit);
    }
}

/// Reads 12 words into 16 bytes, or 24 into 32; whether their checksum fits.
fn unpack(indices: &[u16], bytes: &mut [u8]) -> bool {
    let mut bits = indices
        .iter()
        .flat_map(|index| (0..11).rev().map(move |bit| (index >> bit & 1) as u8));
    for byte in bytes.iter_mut() {
        *byte = bits.by_ref().take(8).fold(0, |byte, bit| byte << 1 | bit);
    }
    let sum_bits = bytes.len() / 4;
    let typed = bits.fold(0, |sum, bit| sum << 1 | bit);
    typed == checksum(bytes) >> (8 - sum_bits)
}

#[cfg(test)]
mod tests;
