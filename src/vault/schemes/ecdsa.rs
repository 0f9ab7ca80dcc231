//! ECDSA keys over secp256k1 (BEEFY), from a secret URI. Hard junctions only:
//! seed' = BLAKE2b-256(SCALE("Secp256k1HDKD") ‖ seed ‖ chain code), as `sp_core::ecdsa`.

use k256::SecretKey;
use k256::elliptic_curve::sec1::ToEncodedPoint;

use super::suri::{self, Junction};
use super::{PairFault, Scheme};
use crate::secret::SecretText;

/// The 33-byte compressed public key (SEC 1, section 2.3.3) of the secret URI `text`; `password` takes the place of the
/// one in the URI.
///
/// # Errors
/// The faults of a secret URI; [`PairFault::SuriSeed`] if a seed on the way is zero or not below the group order.
pub fn public_of(text: &str, password: Option<&SecretText>) -> Result<[u8; 33], PairFault> {
    let uri = suri::parse(text)?;
    let scheme = Scheme::Ecdsa;
    let mut seed = uri.seed(scheme, password)?;
    let key =
        |seed: &[u8; 32]| SecretKey::from_slice(seed).map_err(|_| PairFault::SuriSeed { scheme });
    let mut secret = key(&seed)?;
    for junction in uri.junctions() {
        match junction {
            Junction::Hard(code) => seed = suri::hash_step("Secp256k1HDKD", &seed, code),
            Junction::Soft(_) => return Err(PairFault::SuriSoftJunction { scheme }),
        }
        secret = key(&seed)?;
    }
    let point = secret.public_key().to_encoded_point(true);
    point
        .as_bytes()
        .try_into()
        .map_err(|_| PairFault::SuriSeed { scheme })
}
