//! sr25519 keys of stock Substrate keystores, from a secret URI. Hard and soft junctions, as `sp_core::sr25519`:
//! the mini secret is expanded in the Ed25519 mode, each junction's chain code drives `SchnorrRistrettoHDKD`.

use schnorrkel::derive::{ChainCode, Derivation};
use schnorrkel::{ExpansionMode, MiniSecretKey, SecretKey};
use zeroize::Zeroizing;

use super::suri::{self, Junction};
use super::{PairFault, Scheme};
use crate::secret::SecretText;

/// The 32-byte public key of the secret URI `text`; `password` takes the place of the one in the URI.
///
/// # Errors
/// The faults of a secret URI.
pub fn public_of(text: &str, password: Option<&SecretText>) -> Result<[u8; 32], PairFault> {
    let scheme = Scheme::Sr25519;
    let uri = suri::parse(text)?;
    let seed = uri.seed(scheme, password)?;
    let mini = Zeroizing::new(
        MiniSecretKey::from_bytes(seed.as_slice()).map_err(|_| PairFault::SuriSeed { scheme })?,
    );
    let mut secret: Zeroizing<SecretKey> = Zeroizing::new(mini.expand(ExpansionMode::Ed25519));
    for junction in uri.junctions() {
        secret = Zeroizing::new(match junction {
            // The nonce of a softly derived key is drawn at random; the key itself, and so the public key, is not.
            Junction::Soft(code) => secret.derived_key_simple(ChainCode(**code), b"").0,
            Junction::Hard(code) => {
                let (mini, _) = secret.hard_derive_mini_secret_key(Some(ChainCode(**code)), b"");
                Zeroizing::new(mini).expand(ExpansionMode::Ed25519)
            }
        });
    }
    Ok(secret.to_public().to_bytes())
}
