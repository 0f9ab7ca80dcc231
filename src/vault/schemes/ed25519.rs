//! ed25519 keys of stock Substrate keystores (RFC 8032), from a secret URI. Hard junctions only:
//! seed' = BLAKE2b-256(SCALE("Ed25519HDKD") ‖ seed ‖ chain code), as `sp_core::ed25519`.

use ed25519_dalek::SigningKey;

use super::suri::{self, Junction};
use super::{PairFault, Scheme};
use crate::secret::SecretText;

/// The 32-byte public key of the secret URI `text`; `password` takes the place of the one in the URI.
///
/// # Errors
/// The faults of a secret URI, [`PairFault::SuriSoftJunction`] among them.
pub fn public_of(text: &str, password: Option<&SecretText>) -> Result<[u8; 32], PairFault> {
    let uri = suri::parse(text)?;
    let mut seed = uri.seed(Scheme::Ed25519, password)?;
    for junction in uri.junctions() {
        match junction {
            Junction::Hard(code) => seed = suri::hash_step("Ed25519HDKD", &seed, code),
            Junction::Soft(_) => {
                return Err(PairFault::SuriSoftJunction {
                    scheme: Scheme::Ed25519,
                });
            }
        }
    }
    Ok(SigningKey::from_bytes(&seed).verifying_key().to_bytes())
}
