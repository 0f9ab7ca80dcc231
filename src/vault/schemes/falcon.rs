//! Falcon-1024, the P2P identity of a QuantumHarmony node.
//!
//! The secret is a header byte `0x5A`, then f and g (5 bits a coefficient) and F (8 bits); the public key a header byte
//! `0x0A`, then h = g/f mod q (14 bits). Falcon specification v1.2, sections 3.11.3 to 3.11.5. Decoding recomputes h
//! and G = h F mod q and refuses a G that is not short, so f, g and F are all part of the proof.
//!
//! `fn-dsa-sign` stays at 0.3: 0.4 follows a guess of the coming FN-DSA standard, whose secret keys have 2369 bytes.
//! Its feature `no_avx2` must stay on: the AVX2 code of 0.3 and 0.4 tests a bit that is never set, so it accepts any G,
//! and a damaged F would pass. A test below fails if that code comes back.

use fn_dsa_sign::{SigningKey, SigningKey1024};

use super::PairFault;

/// Length of a secret key in bytes.
pub const SECRET_LEN: usize = 2305;
/// Length of a public key in bytes.
pub const PUBLIC_LEN: usize = 1793;

/// Proves that `secret` gives `public`.
///
/// # Errors
/// [`PairFault::Truncated`] or [`PairFault::TooLong`] for the secret, [`PairFault::FalconSecret`] if it does not decode,
/// [`PairFault::FalconMismatch`] if it gives another public key.
pub fn prove(secret: &[u8], public: &[u8]) -> Result<(), PairFault> {
    let (expected, found) = (SECRET_LEN, secret.len());
    match found.cmp(&expected) {
        std::cmp::Ordering::Less => return Err(PairFault::Truncated { expected, found }),
        std::cmp::Ordering::Greater => return Err(PairFault::TooLong { expected, found }),
        std::cmp::Ordering::Equal => {}
    }
    // Boxed, since the key and its work space are 80 kB; it wipes itself when dropped.
    let key = SigningKey1024::decode(secret)
        .map(Box::new)
        .ok_or(PairFault::FalconSecret)?;
    let mut derived = [0; PUBLIC_LEN];
    key.to_verifying_key(&mut derived);
    if derived == public {
        Ok(())
    } else {
        Err(PairFault::FalconMismatch)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use pqcrypto_falcon::{falcon1024, falconpadded1024};
    use pqcrypto_traits::sign::{PublicKey as _, SecretKey as _};

    #[test]
    fn keys_of_the_c_implementation_are_proven() {
        let (public, secret) = falcon1024::keypair();
        assert_eq!(prove(secret.as_bytes(), public.as_bytes()), Ok(()));
        let (public, secret) = falconpadded1024::keypair();
        assert_eq!(prove(secret.as_bytes(), public.as_bytes()), Ok(()));
    }

    #[test]
    fn another_public_key_is_named() {
        let (_, secret) = falcon1024::keypair();
        let (public, _) = falcon1024::keypair();
        assert_eq!(
            prove(secret.as_bytes(), public.as_bytes()),
            Err(PairFault::FalconMismatch)
        );
        assert_eq!(
            prove(secret.as_bytes(), &[]),
            Err(PairFault::FalconMismatch)
        );
    }

    #[test]
    fn a_changed_secret_is_never_proven() {
        let (public, secret) = falcon1024::keypair();
        // The header, and the first and last bytes of f, g and F.
        for at in [0, 1, 640, 641, 1280, 1281, 2304] {
            let mut wrong = secret.as_bytes().to_vec();
            wrong[at] ^= 0x10;
            let fault = prove(&wrong, public.as_bytes()).expect_err("a changed secret was proven");
            assert!(
                matches!(fault, PairFault::FalconSecret | PairFault::FalconMismatch),
                "{at}"
            );
        }
    }

    #[test]
    fn lengths_are_named() {
        let truncated = PairFault::Truncated {
            expected: 2305,
            found: 2304,
        };
        assert_eq!(prove(&[0x5a; 2304], &[]), Err(truncated));
        let too_long = PairFault::TooLong {
            expected: 2305,
            found: 2369,
        };
        assert_eq!(prove(&[0x5a; 2369], &[]), Err(too_long));
    }
}
