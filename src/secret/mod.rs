//! Secrets in memory.
//!
//! A secret is one of the types of this room. None of them implements `Debug`, `Display`, `Clone` or `Serialize`;
//! each is wiped when dropped. Whoever needs the bytes calls `expose`, so that `grep expose` finds every place
//! where a secret is read. Copies that crates make on the heap are wiped by the zeroing allocator of the program.

pub mod entropy;
pub mod entry;
pub mod hardening;
mod mappings;
pub mod pin;
pub mod residue;

use secrecy::{ExposeSecret, ExposeSecretMut, SecretBox};
use subtle::ConstantTimeEq;
use zeroize::Zeroize;

/// Secret bytes of any length.
pub struct SecretBytes(SecretBox<[u8]>);

impl SecretBytes {
    /// Takes over `bytes`.
    pub fn new(bytes: Vec<u8>) -> Self {
        Self(SecretBox::new(bytes.into_boxed_slice()))
    }

    /// Copies `bytes`, and wipes the original.
    pub fn take(bytes: &mut [u8]) -> Self {
        let own = Self::new(bytes.to_vec());
        bytes.zeroize();
        own
    }

    /// The bytes themselves.
    pub fn expose(&self) -> &[u8] {
        self.0.expose_secret()
    }

    /// The number of bytes.
    pub fn len(&self) -> usize {
        self.expose().len()
    }

    /// Whether there are no bytes.
    pub fn is_empty(&self) -> bool {
        self.expose().is_empty()
    }

    /// Compares in constant time (for equal lengths).
    pub fn same(&self, other: &[u8]) -> bool {
        self.expose().ct_eq(other).into()
    }
}

/// A 32-byte secret: the secret S, a derived key, a seed.
pub struct Secret32(SecretBox<[u8; 32]>);

impl Secret32 {
    /// Lets `fill` write the secret in place.
    pub fn init_with(fill: impl FnOnce(&mut [u8; 32])) -> Self {
        let mut own = SecretBox::new(Box::new([0; 32]));
        fill(own.expose_secret_mut());
        Self(own)
    }

    /// Copies exactly 32 bytes; `None` for any other length.
    pub fn from_slice(bytes: &[u8]) -> Option<Self> {
        (bytes.len() == 32).then(|| Self::init_with(|own| own.copy_from_slice(bytes)))
    }

    /// The bytes themselves.
    pub fn expose(&self) -> &[u8; 32] {
        self.0.expose_secret()
    }

    /// Compares in constant time.
    pub fn same(&self, other: &[u8]) -> bool {
        self.expose().as_slice().ct_eq(other).into()
    }
}

/// Secret text: typed words, a passphrase, a PIN, a QR text.
pub struct SecretText(SecretBox<str>);

impl SecretText {
    /// Takes over `text`.
    pub fn new(text: String) -> Self {
        Self(SecretBox::new(text.into_boxed_str()))
    }

    /// The text itself.
    pub fn expose(&self) -> &str {
        self.0.expose_secret()
    }
}
