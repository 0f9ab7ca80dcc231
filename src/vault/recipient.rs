//! To whom a delivery is sealed: an age X25519 recipient.
//!
//! The laptop makes one for each ceremony and shows its text and fingerprint; the host's operator reads the fingerprint
//! on both screens before sealing to it. A recipient whose point has a small order is refused: whatever is sealed to it
//! opens for everybody. X25519 is not post-quantum; the ceremony says so when a key leaves that way.

use crate::refusal::Refuse;
use crate::secret::{Secret32, SecretText};
use age::secrecy::ExposeSecret;
use bech32::primitives::decode::CheckedHrpstring;
use bech32::{Bech32, Hrp};
use sha2::{Digest, Sha256};
use std::fmt;
use thiserror::Error;
use zeroize::Zeroizing;

const RECIPIENT_PREFIX: Hrp = Hrp::parse_unchecked("age");
const IDENTITY_PREFIX: Hrp = Hrp::parse_unchecked("age-secret-key-");

/// Why a recipient or an identity was refused.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum RecipientError {
    /// Not an age X25519 recipient in its one canonical form.
    #[error("This is no age recipient: it must be `age1` and 58 lower-case characters that check.")]
    Invalid,
    /// A point of small order.
    #[error("This age recipient is forged: what is sealed to it could be opened by anyone.")]
    Weak,
    /// Not an age X25519 identity.
    #[error("The identity that should open the delivery is not an age X25519 identity.")]
    Identity,
}

impl Refuse for RecipientError {
    fn name(&self) -> &'static str {
        match self {
            Self::Invalid => "recipient-invalid",
            Self::Weak => "recipient-weak",
            Self::Identity => "identity-invalid",
        }
    }

    fn way_on(&self) -> &'static str {
        match self {
            Self::Invalid => {
                "Copy the recipient again, letter by letter, and compare its six words."
            }
            Self::Weak => "Stop, and find out where this recipient came from.",
            Self::Identity => "Start the delivery again with a new recipient.",
        }
    }
}

/// An age X25519 recipient, checked. It is public.
#[derive(Clone, PartialEq, Eq)]
pub struct Recipient {
    text: String,
    key: age::x25519::Recipient,
}

impl Recipient {
    /// Reads `age1...` in its canonical form.
    ///
    /// # Errors
    /// [`RecipientError::Invalid`], [`RecipientError::Weak`].
    pub fn parse(text: &str) -> Result<Self, RecipientError> {
        let key: age::x25519::Recipient = if text.len() <= 128 {
            text.parse().ok()
        } else {
            None
        }
        .ok_or(RecipientError::Invalid)?;
        if key.to_string() != text {
            return Err(RecipientError::Invalid);
        }
        let point: [u8; 32] = CheckedHrpstring::new::<Bech32>(text)
            .ok()
            .filter(|checked| checked.hrp() == RECIPIENT_PREFIX)
            .and_then(|checked| checked.byte_iter().collect::<Vec<_>>().try_into().ok())
            .ok_or(RecipientError::Invalid)?;
        // Any scalar is clamped to a multiple of 8, so a point of small order, and no other, gives zero (RFC 7748, 6.1).
        if x25519_dalek::x25519([1; 32], point) == [0; 32] {
            return Err(RecipientError::Weak);
        }
        Ok(Self {
            text: text.to_owned(),
            key,
        })
    }

    /// `age1...`
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// SHA-256(`qh-ceremony recipient v1` and the recipient's text); its first 66 bits are the six words that people
    /// compare on both screens.
    pub fn fingerprint(&self) -> [u8; 32] {
        Sha256::new()
            .chain_update(b"qh-ceremony recipient v1")
            .chain_update(self.text.as_bytes())
            .finalize()
            .into()
    }

    pub(super) fn key(&self) -> &age::x25519::Recipient {
        &self.key
    }
}

impl fmt::Display for Recipient {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl fmt::Debug for Recipient {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Recipient").field(&self.text).finish()
    }
}

/// The recipient of one ceremony, with the identity that opens what is sealed to it.
pub struct OneTimeRecipient {
    /// `AGE-SECRET-KEY-1...`
    pub identity: SecretText,
    /// `age1...`
    pub recipient: Recipient,
}

impl OneTimeRecipient {
    /// Makes one from the operating system's generator, inside of the `age` crate.
    pub fn generate() -> Self {
        Self::of(&age::x25519::Identity::generate())
    }

    /// Makes one from 32 bytes of the ceremony's pool, the X25519 private key.
    pub fn from_secret(secret: &Secret32) -> Self {
        const WHY: &str = "32 bytes fit in Bech32, and `age` reads what it writes";
        let text = Zeroizing::new(
            bech32::encode_upper::<Bech32>(IDENTITY_PREFIX, secret.expose()).expect(WHY),
        );
        Self::of(&text.parse().expect(WHY))
    }

    /// Reads the identity of a recipient that lasts longer: `AGE-SECRET-KEY-1...` in its one canonical form.
    ///
    /// # Errors
    /// [`RecipientError::Identity`].
    pub fn of_identity(text: &SecretText) -> Result<Self, RecipientError> {
        let own = Self::of(&read_identity(text)?);
        if own.identity.expose() == text.expose() {
            Ok(own)
        } else {
            Err(RecipientError::Identity)
        }
    }

    fn of(identity: &age::x25519::Identity) -> Self {
        let key = identity.to_public();
        Self {
            identity: SecretText::new(identity.to_string().expose_secret().to_owned()),
            recipient: Recipient {
                text: key.to_string(),
                key,
            },
        }
    }
}

/// Reads an identity.
pub(super) fn read_identity(text: &SecretText) -> Result<age::x25519::Identity, RecipientError> {
    text.expose().parse().map_err(|_| RecipientError::Identity)
}
