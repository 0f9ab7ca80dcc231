//! The locker: where a ceremony's secrets lie between steps.
//!
//! - A slot is filled once. Filling it again is refused, so that no step silently replaces a secret that another step
//!   has already sealed or split; whoever means it wipes the slot first.
//! - Taking moves the secret out. Wiping drops it, and dropping zeroes it.
//! - A PIN lies here as an Argon2id hash alone, never on a disk: it proves presence in this boot, not identity.

use std::collections::BTreeMap;
use std::fmt;

use argon2::{Algorithm, Argon2, Block, Params, Version};
use zeroize::Zeroizing;

use super::{Secret32, SecretBytes, SecretText};
use crate::refusal::Refuse;

/// What a slot holds.
pub enum Content {
    /// Bytes of any length.
    Bytes(SecretBytes),
    /// Text.
    Text(SecretText),
    /// A 32-byte key or secret.
    Key32(Secret32),
}

/// Why the locker refuses. Slots are named, contents never.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum LockerError {
    /// The slot already holds something.
    #[error(
        "The slot {slot} already holds a secret. A secret is not replaced without being wiped."
    )]
    Filled {
        /// The slot's name.
        slot: String,
    },
    /// The slot holds nothing.
    #[error(
        "The slot {slot} is empty. The step that fills it has not run, or its secret has been wiped."
    )]
    Empty {
        /// The slot's name.
        slot: String,
    },
    /// The slot holds another kind of secret.
    #[error(
        "The slot {slot} holds a secret of another kind ({holds}) than the step needs ({needs})."
    )]
    OtherKind {
        /// The slot's name.
        slot: String,
        /// The kind it holds.
        holds: &'static str,
        /// The kind that was asked for.
        needs: &'static str,
    },
}

impl Refuse for LockerError {
    fn name(&self) -> &'static str {
        match self {
            Self::Filled { .. } => "slot-filled",
            Self::Empty { .. } => "slot-empty",
            Self::OtherKind { .. } => "slot-other-kind",
        }
    }

    fn way_on(&self) -> &'static str {
        match self {
            Self::Filled { .. } => "Wipe the slot first, or use another one.",
            Self::Empty { .. } => "Run the step that fills it again.",
            Self::OtherKind { .. } => "Stop, and have the ceremony script checked.",
        }
    }
}

/// Slots named by `K`. All are wiped when the locker is dropped.
pub struct Locker<K: Ord + fmt::Debug> {
    slots: BTreeMap<K, Content>,
}

impl<K: Ord + fmt::Debug> Default for Locker<K> {
    fn default() -> Self {
        Self {
            slots: BTreeMap::new(),
        }
    }
}

impl<K: Ord + fmt::Debug> Locker<K> {
    /// An empty locker.
    pub fn new() -> Self {
        Self::default()
    }

    /// Fills the slot `k`. A filled slot keeps what it has, and `content` is wiped ([`LockerError::Filled`]).
    pub fn put(&mut self, k: K, content: Content) -> Result<(), LockerError> {
        if self.slots.contains_key(&k) {
            return Err(LockerError::Filled { slot: named(&k) });
        }
        self.slots.insert(k, content);
        Ok(())
    }

    /// What the slot holds ([`LockerError::Empty`]).
    pub fn get(&self, k: &K) -> Result<&Content, LockerError> {
        self.slots
            .get(k)
            .ok_or_else(|| LockerError::Empty { slot: named(k) })
    }

    /// The bytes in the slot ([`LockerError::Empty`], [`LockerError::OtherKind`]).
    pub fn bytes(&self, k: &K) -> Result<&SecretBytes, LockerError> {
        match self.get(k)? {
            Content::Bytes(bytes) => Ok(bytes),
            other => Err(other_kind(k, other, "bytes")),
        }
    }

    /// The text in the slot ([`LockerError::Empty`], [`LockerError::OtherKind`]).
    pub fn text(&self, k: &K) -> Result<&SecretText, LockerError> {
        match self.get(k)? {
            Content::Text(text) => Ok(text),
            other => Err(other_kind(k, other, "text")),
        }
    }

    /// The key in the slot ([`LockerError::Empty`], [`LockerError::OtherKind`]).
    pub fn key32(&self, k: &K) -> Result<&Secret32, LockerError> {
        match self.get(k)? {
            Content::Key32(key) => Ok(key),
            other => Err(other_kind(k, other, "32-byte key")),
        }
    }

    /// Takes the content out; the slot is empty afterwards ([`LockerError::Empty`]).
    pub fn take(&mut self, k: &K) -> Result<Content, LockerError> {
        self.slots
            .remove(k)
            .ok_or_else(|| LockerError::Empty { slot: named(k) })
    }

    /// Wipes one slot; whether it held something.
    pub fn wipe(&mut self, k: &K) -> bool {
        self.slots.remove(k).is_some()
    }

    /// Wipes all slots; how many held something.
    pub fn wipe_all(&mut self) -> usize {
        let held = self.slots.len();
        self.slots.clear();
        held
    }

    /// The slots that hold something, in order.
    pub fn filled(&self) -> impl Iterator<Item = &K> {
        self.slots.keys()
    }

    /// Whether no slot holds anything.
    pub fn is_empty(&self) -> bool {
        self.slots.is_empty()
    }
}

fn named<K: fmt::Debug>(k: &K) -> String {
    format!("{k:?}")
}

fn other_kind<K: fmt::Debug>(k: &K, holds: &Content, needs: &'static str) -> LockerError {
    LockerError::OtherKind {
        slot: named(k),
        holds: match holds {
            Content::Bytes(_) => "bytes",
            Content::Text(_) => "text",
            Content::Key32(_) => "32-byte key",
        },
        needs,
    }
}

/// Why a PIN is not accepted. The texts never say the PIN, nor its length.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum PinError {
    /// Fewer than 6 digits.
    #[error("The PIN is too short. A PIN has at least 6 digits.")]
    TooShort,
    /// More than 32 digits.
    #[error("The PIN is too long. A PIN has at most 32 digits.")]
    TooLong,
    /// Something else than the digits 0 to 9.
    #[error("The PIN holds something else than digits. A PIN has only the digits 0 to 9.")]
    NotDigits,
    /// One digit, repeated.
    #[error("The PIN repeats one digit. Anyone would try that first.")]
    Repeated,
    /// Digits in a row, up or down.
    #[error("The PIN counts up or down. Anyone would try that first.")]
    Counting,
    /// The hash function had no memory.
    #[error("The PIN could not be stored, because there was not enough memory.")]
    NoMemory,
}

impl Refuse for PinError {
    fn name(&self) -> &'static str {
        match self {
            Self::TooShort => "pin-too-short",
            Self::TooLong => "pin-too-long",
            Self::NotDigits => "pin-not-digits",
            Self::Repeated => "pin-repeated",
            Self::Counting => "pin-counting",
            Self::NoMemory => "pin-no-memory",
        }
    }

    fn way_on(&self) -> &'static str {
        match self {
            Self::NoMemory => "Close other programs, or use a machine with more memory.",
            _ => "Choose another PIN of at least 6 digits, and type it twice.",
        }
    }
}

/// A PIN, hashed with Argon2id (RFC 9106; 19 MiB, 2 passes, 1 lane). It never leaves the locker.
pub struct PinHash {
    salt: [u8; 16],
    hash: Secret32,
}

/// Memory of one hash, in KiB. Enough to make trying out slow, little enough for an old laptop.
const PIN_MEMORY: u32 = 19 * 1024;
const PIN_PASSES: u32 = 2;

impl PinHash {
    /// Hashes a PIN with 16 random bytes of salt. The rules: 6 to 32 digits, not one digit repeated, not counting up
    /// or down (nor through 9 to 0 or 0 to 9).
    pub fn new(pin: &SecretText, salt: [u8; 16]) -> Result<Self, PinError> {
        rules(pin.expose().as_bytes())?;
        let hash = stretch(pin, &salt).ok_or(PinError::NoMemory)?;
        Ok(Self { salt, hash })
    }

    /// Whether this is the PIN. The comparison takes the same time whatever differs.
    pub fn verify(&self, pin: &SecretText) -> bool {
        stretch(pin, &self.salt).is_some_and(|hash| self.hash.same(hash.expose()))
    }
}

fn rules(pin: &[u8]) -> Result<(), PinError> {
    if !pin.iter().all(u8::is_ascii_digit) {
        return Err(PinError::NotDigits);
    }
    match pin.len() {
        0..6 => return Err(PinError::TooShort),
        33.. => return Err(PinError::TooLong),
        _ => {}
    }
    // The step from digit to digit, modulo ten: 0 repeats, 1 counts up, 9 counts down.
    let mut steps = pin.windows(2).map(|pair| (pair[1] + 10 - pair[0]) % 10);
    let first = steps.next();
    match first.filter(|first| steps.all(|step| step == *first)) {
        Some(0) => Err(PinError::Repeated),
        Some(1 | 9) => Err(PinError::Counting),
        _ => Ok(()),
    }
}

/// `None` without memory.
fn stretch(pin: &SecretText, salt: &[u8; 16]) -> Option<Secret32> {
    let params = Params::new(PIN_MEMORY, PIN_PASSES, 1, Some(32)).ok()?;
    // The blocks are ours, so that they are wiped whatever allocator the program has, and so that running out of
    // memory is an answer and not an abort.
    let mut blocks: Vec<Block> = Vec::new();
    blocks.try_reserve_exact(params.block_count()).ok()?;
    blocks.resize(params.block_count(), Block::new());
    let mut done = false;
    let hash = Secret32::init_with(|out| {
        done = Argon2::new(Algorithm::Argon2id, Version::V0x13, params)
            .hash_password_into_with_memory(pin.expose().as_bytes(), salt, out, &mut blocks[..])
            .is_ok();
    });
    wipe(&mut blocks);
    done.then_some(hash)
}

fn wipe(blocks: &mut [Block]) {
    for block in blocks.iter_mut() {
        // A block is 128 words; writing through the slice keeps the wipe from being optimised away.
        let words: &mut [u64] = block.as_mut();
        zeroize::Zeroize::zeroize(words);
    }
}

/// Digits of a new PIN as typed, compared with its repetition in constant time. False as well when the lengths differ.
pub fn typed_twice(first: &SecretText, second: &SecretText) -> bool {
    let first = Zeroizing::new(first.expose().as_bytes().to_vec());
    SecretBytes::new(second.expose().as_bytes().to_vec()).same(&first)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(value: &str) -> SecretText {
        SecretText::new(value.to_owned())
    }

    fn refused(pin: &str) -> Option<PinError> {
        PinHash::new(&text(pin), [7; 16]).err()
    }

    #[test]
    fn a_slot_is_filled_once_and_keeps_its_first_content() {
        let mut locker = Locker::new();
        locker
            .put("bundle", Content::Bytes(SecretBytes::new(vec![1, 2])))
            .unwrap();
        let again = locker.put("bundle", Content::Bytes(SecretBytes::new(vec![3])));
        assert_eq!(
            again.unwrap_err().to_string(),
            "The slot \"bundle\" already holds a secret. A secret is not replaced without being wiped."
        );
        assert_eq!(
            locker.bytes(&"bundle").ok().map(SecretBytes::expose),
            Some(&[1, 2][..])
        );
    }

    #[test]
    fn an_empty_slot_and_another_kind_are_named() {
        let mut locker = Locker::new();
        let empty = locker.bytes(&"s").err().unwrap();
        assert_eq!(empty.name(), "slot-empty");
        locker.put("s", Content::Text(text("x"))).unwrap();
        let other = locker.key32(&"s").err().unwrap();
        assert_eq!(
            other.to_string(),
            "The slot \"s\" holds a secret of another kind (text) than the step needs (32-byte key)."
        );
        assert!(locker.text(&"s").is_ok());
    }

    #[test]
    fn taking_and_wiping_empty_the_slot() {
        let mut locker = Locker::new();
        for slot in 1..=4 {
            locker
                .put(
                    slot,
                    Content::Key32(Secret32::init_with(|own| own.fill(slot))),
                )
                .unwrap();
        }
        assert!(matches!(locker.take(&1), Ok(Content::Key32(key)) if key.expose() == &[1; 32]));
        assert!(locker.take(&1).is_err());
        assert!(locker.wipe(&2));
        assert!(!locker.wipe(&2));
        assert_eq!(locker.filled().copied().collect::<Vec<_>>(), [3, 4]);
        assert_eq!(locker.wipe_all(), 2);
        assert!(locker.is_empty());
    }

    #[test]
    fn a_pin_is_known_again_and_no_other_is() {
        let pin = PinHash::new(&text("402917"), [7; 16]).ok().unwrap();
        assert!(pin.verify(&text("402917")));
        assert!(!pin.verify(&text("402918")));
        assert!(!pin.verify(&text("4029170")));
        assert!(!pin.verify(&text("")));
    }

    #[test]
    fn the_hash_is_argon2id_of_rfc_9106() {
        // Made with the reference library by way of argon2-cffi 25:
        // hash_secret_raw(b"402917", bytes([7] * 16), 2, 19456, 1, 32, Type.ID).
        let pin = PinHash::new(&text("402917"), [7; 16]).ok().unwrap();
        let hex = data_encoding::HEXLOWER.encode(pin.hash.expose());
        assert_eq!(
            hex,
            "dd90dda6828059d9a9263b52fedb800188837e21b9445cb8ba4c8c701ef55c83"
        );
    }

    #[test]
    fn weak_pins_are_refused_by_name() {
        assert_eq!(refused("12345"), Some(PinError::TooShort));
        assert_eq!(refused(""), Some(PinError::TooShort));
        assert_eq!(refused(&"31".repeat(17)), Some(PinError::TooLong));
        assert_eq!(refused("12345a"), Some(PinError::NotDigits));
        assert_eq!(refused("40 2917"), Some(PinError::NotDigits));
        // Arabic-Indic digits are digits to Unicode, not to a keypad.
        assert_eq!(refused("٤٠٢٩١٧"), Some(PinError::NotDigits));
        assert_eq!(refused("777777"), Some(PinError::Repeated));
        assert_eq!(refused("123456"), Some(PinError::Counting));
        assert_eq!(refused("987654"), Some(PinError::Counting));
        assert_eq!(refused("678901"), Some(PinError::Counting));
        assert_eq!(refused("210987"), Some(PinError::Counting));
        assert_eq!(refused("135790"), None);
        assert_eq!(refused("112233"), None);
    }

    #[test]
    fn typing_twice_compares_all_of_it() {
        assert!(typed_twice(&text("402917"), &text("402917")));
        assert!(!typed_twice(&text("402917"), &text("402918")));
        assert!(!typed_twice(&text("402917"), &text("40291")));
    }
}
