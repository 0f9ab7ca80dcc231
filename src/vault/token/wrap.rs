//! The keys under which a token wraps for one export, and what they open.
//!
//! | method | standard |
//! |---|---|
//! | AES-GCM | NIST SP 800-38D, tag of 16 bytes at the end, no further data |
//! | AES-KEY-WRAP-PAD, AES-KEY-WRAP-KWP | RFC 5649; NSS means PKCS#7 padding inside RFC 3394 by the first |
//! | AES-KEY-WRAP | RFC 3394 |
//! | RSA-OAEP | RFC 8017, empty label, MGF1 with the same hash |
//!
//! The binding to PKCS#11 doesn't cut what a module wrote to the length that the module told, so that zeros may follow.
//! Each method detects what isn't whole: of the lengths that are possible, only the right one opens.

use aes_gcm::aead::Aead;
use aes_gcm::{Aes256Gcm, KeyInit, Nonce};
use aes_kw::KekAes256;
use rsa::traits::PublicKeyParts;
use rsa::{Oaep, RsaPrivateKey};
use zeroize::Zeroizing;

use super::fault::TokenFault;
use crate::hsm::Method;
use crate::secret::SecretBytes;
use crate::vault::schemes::stack;

const RSA_BITS: usize = 3072;
/// How many zeros after the real end are looked behind.
const SLACK: usize = 64;

/// A fresh AES-256 key, and an RSA key where a token takes no AES key. Both end with the export.
pub struct WrapKeys {
    aes: SecretBytes,
    rsa: Option<RsaPrivateKey>,
}

impl WrapKeys {
    /// A fresh AES-256 key.
    ///
    /// # Errors
    /// [`TokenFault::NoRandomness`].
    pub fn fresh() -> Result<Self, TokenFault> {
        let mut key = Zeroizing::new(vec![0; 32]);
        getrandom::fill(&mut key).map_err(|_| TokenFault::NoRandomness)?;
        Ok(Self {
            aes: SecretBytes::take(&mut key),
            rsa: None,
        })
    }

    #[cfg(test)]
    pub(super) fn of(aes: &[u8]) -> Self {
        Self {
            aes: SecretBytes::new(aes.to_vec()),
            rsa: None,
        }
    }

    /// A copy of the AES key, for the token.
    pub fn aes_key(&self) -> SecretBytes {
        SecretBytes::new(self.aes.expose().to_vec())
    }

    /// Modulus and exponent of the RSA key, which is made at the first call (some seconds).
    ///
    /// # Errors
    /// [`TokenFault::NoRandomness`].
    pub fn rsa_public(&mut self) -> Result<(Vec<u8>, Vec<u8>), TokenFault> {
        if self.rsa.is_none() {
            let made = stack::wiped(|| RsaPrivateKey::new(&mut Kernel, RSA_BITS));
            self.rsa = Some(made.map_err(|_| TokenFault::NoRandomness)?);
        }
        let rsa = self.rsa.as_ref().ok_or(TokenFault::NoRandomness)?;
        Ok((rsa.n().to_bytes_be(), rsa.e().to_bytes_be()))
    }

    /// A fresh IV for one wrapping.
    ///
    /// # Errors
    /// [`TokenFault::NoRandomness`].
    pub fn fresh_iv() -> Result<[u8; 12], TokenFault> {
        let mut iv = [0; 12];
        getrandom::fill(&mut iv).map_err(|_| TokenFault::NoRandomness)?;
        Ok(iv)
    }

    /// Everything that `blob` can be by this method; empty for what doesn't open. Whether it is the key is another
    /// question.
    pub fn unwrap(&self, method: Method, iv: [u8; 12], blob: &[u8]) -> Vec<SecretBytes> {
        stack::wiped(|| match method {
            Method::AesGcm => self.gcm(iv, blob).into_iter().collect(),
            Method::AesKeyWrapPad | Method::AesKeyWrapKwp => self.padded(blob),
            Method::AesKeyWrap => self.wrapped(blob).into_iter().collect(),
            Method::OaepSha256 => self
                .oaep(Oaep::new::<sha2::Sha256>(), blob)
                .into_iter()
                .collect(),
            Method::OaepSha1 => self
                .oaep(Oaep::new::<sha1::Sha1>(), blob)
                .into_iter()
                .collect(),
        })
    }

    fn gcm(&self, iv: [u8; 12], blob: &[u8]) -> Option<SecretBytes> {
        let cipher = Aes256Gcm::new_from_slice(self.aes.expose()).ok()?;
        ends(blob).find_map(|cut| {
            cipher
                .decrypt(Nonce::from_slice(&iv), cut)
                .ok()
                .map(SecretBytes::new)
        })
    }

    fn kek(&self) -> Option<KekAes256> {
        KekAes256::try_from(self.aes.expose()).ok()
    }

    fn wrapped(&self, blob: &[u8]) -> Option<SecretBytes> {
        let kek = self.kek()?;
        let whole = |cut: &&[u8]| cut.len() >= 24 && cut.len().is_multiple_of(8);
        ends(blob)
            .filter(whole)
            .find_map(|cut| kek.unwrap_vec(cut).ok().map(SecretBytes::new))
    }

    fn padded(&self, blob: &[u8]) -> Vec<SecretBytes> {
        let Some(kek) = self.kek() else {
            return vec![];
        };
        let whole = |cut: &&[u8]| cut.len() >= 16 && cut.len().is_multiple_of(8);
        let standard = ends(blob)
            .filter(whole)
            .find_map(|cut| kek.unwrap_with_padding_vec(cut).ok());
        if let Some(plain) = standard {
            return vec![SecretBytes::new(plain)];
        }
        let inside = self
            .wrapped(blob)
            .and_then(|plain| without_pkcs7(plain.expose()).map(|p| SecretBytes::new(p.to_vec())));
        inside.into_iter().collect()
    }

    fn oaep(&self, padding: Oaep, blob: &[u8]) -> Option<SecretBytes> {
        let rsa = self.rsa.as_ref()?;
        let block = ends(blob).find(|cut| cut.len() == rsa.size())?;
        rsa.decrypt(padding, block).ok().map(SecretBytes::new)
    }
}

/// The blob, then without one zero at its end, two, and so on.
fn ends(blob: &[u8]) -> impl Iterator<Item = &[u8]> {
    let zeros = blob
        .iter()
        .rev()
        .take_while(|byte| **byte == 0)
        .count()
        .min(SLACK);
    (0..=zeros).map(|cut| &blob[..blob.len() - cut])
}

/// PKCS#7 padding to blocks of 8 bytes, taken off; `None` if it isn't there.
fn without_pkcs7(plain: &[u8]) -> Option<&[u8]> {
    let pad = usize::from(*plain.last()?);
    let end = plain
        .len()
        .checked_sub(pad)
        .filter(|_| (1..=8).contains(&pad))?;
    let (own, padding) = plain.split_at(end);
    padding
        .iter()
        .all(|byte| usize::from(*byte) == pad)
        .then_some(own)
}

/// The kernel's generator as the crate `rsa` wants one.
pub(super) struct Kernel;

impl rsa::rand_core::RngCore for Kernel {
    fn next_u32(&mut self) -> u32 {
        rsa::rand_core::impls::next_u32_via_fill(self)
    }

    fn next_u64(&mut self) -> u64 {
        rsa::rand_core::impls::next_u64_via_fill(self)
    }

    fn fill_bytes(&mut self, bytes: &mut [u8]) {
        // The kernel gave the AES key a moment ago: that it fails now and not then is beyond repair here.
        getrandom::fill(bytes).expect("the kernel gives randomness once it has begun to");
    }

    fn try_fill_bytes(&mut self, bytes: &mut [u8]) -> Result<(), rsa::rand_core::Error> {
        self.fill_bytes(bytes);
        Ok(())
    }
}

impl rsa::rand_core::CryptoRng for Kernel {}
