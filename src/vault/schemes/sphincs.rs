//! SPHINCS+-SHAKE-256f-simple, the session key of QuantumHarmony.
//!
//! A secret key is SK.seed, SK.prf, PK.seed, PK.root, 32 bytes each; the public key is its second half (FIPS 205,
//! section 9.1; SPHINCS+ round 3.1 generates keys alike). That the second half equals a public key is no proof: a key
//! of the small variant 256s has the same sizes and the same layout. The proof recomputes PK.root from the first three
//! parts.

use fips205::traits::{KeyGen, SerDes};
use fips205::{slh_dsa_shake_256f, slh_dsa_shake_256s};
use zeroize::Zeroizing;

use super::PairFault;

/// Length of a secret key in bytes.
pub const SECRET_LEN: usize = 128;
/// Length of a public key in bytes.
pub const PUBLIC_LEN: usize = 64;

/// Proves that the 128-byte `secret` gives `public` under 256f.
///
/// # Errors
/// Each way a pair can be wrong has its own fault; a sound 256s key is named as that (which takes about a second).
pub fn prove(secret: &[u8], public: &[u8]) -> Result<(), PairFault> {
    if secret.len() < SECRET_LEN {
        return Err(PairFault::Truncated {
            expected: SECRET_LEN,
            found: secret.len(),
        });
    }
    let too_long = || PairFault::TooLong {
        expected: SECRET_LEN,
        found: secret.len(),
    };
    let secret: &[u8; SECRET_LEN] = secret.try_into().map_err(|_| too_long())?;
    let (seeds, own_public) = secret.split_at(SECRET_LEN - PUBLIC_LEN);
    if own_public != public {
        return Err(PairFault::AuraForeignPublic);
    }
    let part = |bytes: &[u8]| {
        let mut part = Zeroizing::new([0; 32]);
        part.iter_mut()
            .zip(bytes)
            .for_each(|(to, from)| *to = *from);
        part
    };
    let (seed, prf) = seeds.split_at(32);
    let (seed, prf, public_seed) = (part(seed), part(prf), part(own_public));

    let (public_256f, _secret) =
        slh_dsa_shake_256f::KG::keygen_from_seed(&*seed, &*prf, &*public_seed);
    if public_256f.into_bytes().as_slice() == public {
        return Ok(());
    }
    let (public_256s, _secret) =
        slh_dsa_shake_256s::KG::keygen_from_seed(&*seed, &*prf, &*public_seed);
    if public_256s.into_bytes().as_slice() == public {
        Err(PairFault::AuraIs256s)
    } else {
        Err(PairFault::AuraRootMismatch)
    }
}

/// Proves the pair from the text of a keystore file: `0x` and 256 hex digits, of either case.
///
/// # Errors
/// As [`prove`], and [`PairFault::NotHex`].
pub fn prove_text(text: &str, public: &[u8]) -> Result<(), PairFault> {
    let digits = text.strip_prefix("0x").ok_or(PairFault::NotHex)?;
    if !digits.bytes().all(|digit| digit.is_ascii_hexdigit()) {
        return Err(PairFault::NotHex);
    }
    if digits.len() < 2 * SECRET_LEN {
        return Err(PairFault::Truncated {
            expected: SECRET_LEN,
            found: digits.len() / 2,
        });
    }
    if digits.len() > 2 * SECRET_LEN {
        return Err(PairFault::TooLong {
            expected: SECRET_LEN,
            found: digits.len().div_ceil(2),
        });
    }
    let mut secret = Zeroizing::new([0; SECRET_LEN]);
    data_encoding::HEXLOWER_PERMISSIVE
        .decode_mut(digits.as_bytes(), secret.as_mut_slice())
        .map_err(|_| PairFault::NotHex)?;
    prove(secret.as_slice(), public)
}

/// The public key that an aura secret text carries in its second half; not proven. It tells whose secret a wrongly
/// named file holds. `None` unless the text has the right form.
pub fn carried_public(text: &[u8]) -> Option<[u8; PUBLIC_LEN]> {
    let digits = text.strip_prefix(b"0x")?;
    let tail = digits.get(2 * (SECRET_LEN - PUBLIC_LEN)..)?;
    let mut public = [0; PUBLIC_LEN];
    if tail.len() != 2 * PUBLIC_LEN {
        return None;
    }
    data_encoding::HEXLOWER_PERMISSIVE
        .decode_mut(tail, &mut public)
        .ok()?;
    Some(public)
}

#[cfg(test)]
mod tests {
    use super::*;
    use pqcrypto_sphincsplus::{sphincsshake256fsimple as f, sphincsshake256ssimple as s};
    use pqcrypto_traits::sign::{PublicKey as _, SecretKey as _};

    #[test]
    fn a_key_of_the_c_implementation_is_proven() {
        let (public, secret) = f::keypair();
        assert_eq!(prove(secret.as_bytes(), public.as_bytes()), Ok(()));
    }

    #[test]
    fn a_256s_key_is_named() {
        let (public, secret) = s::keypair();
        let (secret, public) = (secret.as_bytes(), public.as_bytes());
        assert_eq!(
            secret[64..],
            *public,
            "its tail fits, so the tail proves nothing"
        );
        assert_eq!(prove(secret, public), Err(PairFault::AuraIs256s));
    }

    #[test]
    fn every_changed_part_is_noticed() {
        let (public, secret) = f::keypair();
        for (at, fault) in [
            (0, PairFault::AuraRootMismatch),
            (31, PairFault::AuraRootMismatch),
            (64, PairFault::AuraForeignPublic),
            (127, PairFault::AuraForeignPublic),
        ] {
            let mut wrong = secret.as_bytes().to_vec();
            wrong[at] ^= 1;
            assert_eq!(prove(&wrong, public.as_bytes()), Err(fault), "byte {at}");
        }
    }

    #[test]
    fn changed_in_secret_and_name_alike_is_a_root_mismatch() {
        let (public, secret) = f::keypair();
        let (mut secret, mut public) = (secret.as_bytes().to_vec(), public.as_bytes().to_vec());
        secret[127] ^= 1;
        public[63] ^= 1;
        assert_eq!(prove(&secret, &public), Err(PairFault::AuraRootMismatch));
    }

    /// SK.prf has no part in the root (FIPS 205, algorithm 18), so no comparison of public keys can prove it.
    #[test]
    fn the_prf_part_is_outside_of_the_proof() {
        let (public, secret) = f::keypair();
        let mut other = secret.as_bytes().to_vec();
        other[40] ^= 1;
        assert_eq!(prove(&other, public.as_bytes()), Ok(()));
    }

    #[test]
    fn lengths_are_named() {
        let truncated = PairFault::Truncated {
            expected: 128,
            found: 127,
        };
        assert_eq!(prove(&[0; 127], &[0; 64]), Err(truncated.clone()));
        let too_long = PairFault::TooLong {
            expected: 128,
            found: 129,
        };
        assert_eq!(prove(&[0; 129], &[0; 64]), Err(too_long.clone()));
        let text = |digits: usize| format!("0x{}", "0".repeat(digits));
        assert_eq!(prove_text(&text(255), &[0; 64]), Err(truncated));
        assert_eq!(prove_text(&text(257), &[0; 64]), Err(too_long));
        assert_eq!(prove_text("00", &[0; 64]), Err(PairFault::NotHex));
        assert_eq!(prove_text("0x0g", &[0; 64]), Err(PairFault::NotHex));
    }
}
