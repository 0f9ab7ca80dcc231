//! A group of words as bits, for trying words in place.

use sha2::{Digest, Sha256};
use zeroize::Zeroizing;

use crate::share::wire::{VERSION, VERSION_REHEARSAL};

/// The bits of a group of words, in which single words are changed in place.
pub(super) struct Group {
    /// Up to 33 bytes of bits, and room so that any word is within three bytes.
    pub(super) bits: Box<Zeroizing<[u8; 36]>>,
    /// Bytes before the checksum: 16 or 32.
    bytes: usize,
}

impl Group {
    pub(super) fn new(words: &[u16]) -> Self {
        let mut group = Self {
            bits: Box::new(Zeroizing::new([0; 36])),
            bytes: words.len() * 4 / 3,
        };
        for (at, word) in words.iter().enumerate() {
            group.put(at, *word);
        }
        group
    }

    fn window(&mut self, at: usize) -> (&mut [u8], usize) {
        let bit = 11 * at;
        (&mut self.bits[bit / 8..bit / 8 + 3], 13 - bit % 8)
    }

    /// Puts the word at place `at`, counted from 0.
    pub(super) fn put(&mut self, at: usize, word: u16) {
        let (window, shift) = self.window(at);
        let old = u32::from_be_bytes([0, window[0], window[1], window[2]]);
        let new = old & !(0x7ff << shift) | u32::from(word) << shift;
        window.copy_from_slice(&new.to_be_bytes()[1..]);
    }

    /// The word at place `at`.
    pub(super) fn get(&mut self, at: usize) -> u16 {
        let (window, shift) = self.window(at);
        let bits = u32::from_be_bytes([0, window[0], window[1], window[2]]) >> shift;
        (bits & 0x7ff) as u16
    }

    /// The bytes before the checksum.
    pub(super) fn content(&self) -> &[u8] {
        &self.bits[..self.bytes]
    }

    /// Whether the BIP-39 checksum fits: 4 bits or 8.
    pub(super) fn fits(&self) -> bool {
        let unused = 8 - self.bytes / 4;
        (Sha256::digest(self.content())[0] ^ self.bits[self.bytes]) >> unused == 0
    }

    /// Whether the first byte is a version of this program; of the first group only.
    pub(super) fn version_known(&self) -> bool {
        matches!(self.bits[0], VERSION | VERSION_REHEARSAL)
    }

    /// Whether version and number are possible; of the first group only.
    pub(super) fn header_possible(&self) -> bool {
        self.version_known() && self.bits[1] != 0
    }
}
