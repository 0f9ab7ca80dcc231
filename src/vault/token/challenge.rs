//! A challenge that a token's key signs, and its verification outside of the token.

use ed25519_dalek::VerifyingKey;
use hmac::{Hmac, Mac};
use p256::ecdsa::signature::hazmat::PrehashVerifier;
use p256::pkcs8::DecodePublicKey;
use sha2::{Digest, Sha256};

use crate::hsm::{Kind, SignWith};
use crate::secret::SecretBytes;

/// How a key of this kind signs; `None` for what can't.
pub fn sign_with(kind: Kind) -> Option<SignWith> {
    match kind {
        Kind::EcP256 => Some(SignWith::Ecdsa),
        Kind::Rsa => Some(SignWith::RsaPkcs),
        Kind::Ed25519 => Some(SignWith::Eddsa),
        Kind::Generic => Some(SignWith::Hmac),
        Kind::Data | Kind::Other(_) => None,
    }
}

/// What the token is given to sign for this challenge.
pub fn to_sign(with: SignWith, challenge: &[u8; 32]) -> Vec<u8> {
    match with {
        SignWith::Ecdsa => Sha256::digest(challenge).to_vec(),
        SignWith::RsaPkcs | SignWith::Eddsa | SignWith::Hmac => challenge.to_vec(),
    }
}

/// Whether the signature is this key's: `spki` is its SubjectPublicKeyInfo (DER), `value` a generic secret's bytes.
pub fn verify(
    kind: Kind,
    spki: &[u8],
    value: Option<&SecretBytes>,
    challenge: &[u8; 32],
    signature: &[u8],
) -> bool {
    verified(kind, spki, value, challenge, signature).is_some()
}

fn verified(
    kind: Kind,
    spki: &[u8],
    value: Option<&SecretBytes>,
    challenge: &[u8; 32],
    signature: &[u8],
) -> Option<()> {
    match kind {
        Kind::EcP256 => {
            let key = p256::ecdsa::VerifyingKey::from_public_key_der(spki).ok()?;
            let signature = p256::ecdsa::Signature::from_slice(signature).ok()?;
            key.verify_prehash(&Sha256::digest(challenge), &signature)
                .ok()
        }
        Kind::Rsa => {
            let key = rsa::RsaPublicKey::from_public_key_der(spki).ok()?;
            let digest = Sha256::digest(challenge);
            key.verify(rsa::Pkcs1v15Sign::new::<Sha256>(), &digest, signature)
                .ok()
        }
        Kind::Ed25519 => {
            let point = spki.get(spki.len().checked_sub(32)?..)?;
            if crate::hsm::spki::ed25519(point)? != spki {
                return None;
            }
            let key = VerifyingKey::from_bytes(point.try_into().ok()?).ok()?;
            let signature = ed25519_dalek::Signature::from_slice(signature).ok()?;
            key.verify_strict(challenge, &signature).ok()
        }
        Kind::Generic => {
            let mut mac = Hmac::<Sha256>::new_from_slice(value?.expose()).ok()?;
            mac.update(challenge);
            mac.verify_slice(signature).ok()
        }
        Kind::Data | Kind::Other(_) => None,
    }
}
