//! PINs: what a person types to sign a step.
//!
//! A PIN proves presence in this boot, not identity. It is kept as an Argon2id hash in memory alone, never on a disk.

use argon2::{Algorithm, Argon2, Block, Params, Version};
use zeroize::Zeroizing;

use super::{Secret32, SecretBytes, SecretText};
use crate::refusal::Refuse;

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
