//! A key that may open: only after its key check has been compared.
//!
//! Neither AES-GCM nor ChaCha20-Poly1305 commits to its key: one file can be made to open under two keys, to two
//! contents. A custodian who sees the others' shares can choose the secret, and so the key. The public `key_check`
//! closes this: it is compared first, and because opening takes a [`CheckedKey`], it can't be forgotten.

use super::header::Header;
use super::sealed::SealedError;
use subtle::ConstantTimeEq;

/// A key whose key check equals the one in a sealed file's header. `K` is [`crate::secret::Secret32`] for a JWE and
/// [`crate::secret::SecretText`] for an age file.
pub struct CheckedKey<K> {
    set_id: [u8; 6],
    key_check: [u8; 32],
    key: K,
}

impl<K> CheckedKey<K> {
    /// Compares `computed`, the key check of the secret that `key` was derived from, with the header's.
    ///
    /// # Errors
    /// [`SealedError::KeyCheck`] if they differ; the key is then wiped.
    pub fn new(header: &Header, computed: [u8; 32], key: K) -> Result<Self, SealedError> {
        if bool::from(header.key_check.ct_eq(&computed)) {
            Ok(Self {
                set_id: header.set_id,
                key_check: computed,
                key,
            })
        } else {
            Err(SealedError::KeyCheck {
                set_id: header.set_id_hex(),
            })
        }
    }

    /// The key, if it was compared with the header of this very file.
    pub(super) fn for_header(&self, header: &Header) -> Result<&K, SealedError> {
        if self.set_id == header.set_id && bool::from(self.key_check.ct_eq(&header.key_check)) {
            Ok(&self.key)
        } else {
            Err(SealedError::KeyCheck {
                set_id: header.set_id_hex(),
            })
        }
    }
}
