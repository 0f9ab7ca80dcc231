//! The legacy node key: `network/secret_ed25519`, an ed25519 seed (RFC 8032).
//!
//! The node writes 32 raw bytes and also reads 64 hex digits (`sc_network::config::Secret`). No file holds its public
//! key, so there is nothing to compare with: the public key is derived, and a report says so.

use ed25519_dalek::SigningKey;
use zeroize::Zeroizing;

use super::PairFault;

/// Derives the 32-byte public key from the content of the file: exactly 32 raw bytes, or exactly 64 hex digits.
///
/// # Errors
/// [`PairFault::Truncated`] and [`PairFault::TooLong`] for other lengths, [`PairFault::NotHex`] for 64 bytes that are
/// not hex digits.
pub fn public_of(content: &[u8]) -> Result<[u8; 32], PairFault> {
    let mut seed = Zeroizing::new([0; 32]);
    match content.len() {
        32 => seed.copy_from_slice(content),
        64 => {
            data_encoding::HEXLOWER_PERMISSIVE
                .decode_mut(content, seed.as_mut_slice())
                .map_err(|_| PairFault::NotHex)?;
        }
        found @ 0..32 => {
            return Err(PairFault::Truncated {
                expected: 32,
                found,
            });
        }
        found => {
            return Err(PairFault::TooLong {
                expected: 32,
                found,
            });
        }
    }
    Ok(SigningKey::from_bytes(&seed).verifying_key().to_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// RFC 8032, section 7.1, test 1.
    const SEED: &str = "9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60";
    const PUBLIC: &str = "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a";

    #[test]
    fn both_forms_give_the_published_key() {
        let decode = |hex: &str| data_encoding::HEXLOWER.decode(hex.as_bytes()).expect("hex");
        assert_eq!(
            public_of(&decode(SEED)).expect("raw").to_vec(),
            decode(PUBLIC)
        );
        assert_eq!(
            public_of(SEED.as_bytes()).expect("hex").to_vec(),
            decode(PUBLIC)
        );
    }

    #[test]
    fn other_lengths_are_named() {
        let truncated = |found| {
            Err(PairFault::Truncated {
                expected: 32,
                found,
            })
        };
        let too_long = |found| {
            Err(PairFault::TooLong {
                expected: 32,
                found,
            })
        };
        assert_eq!(public_of(&[]), truncated(0));
        assert_eq!(public_of(&[7; 31]), truncated(31));
        assert_eq!(public_of(&[7; 33]), too_long(33));
        assert_eq!(public_of(&[b'0'; 65]), too_long(65));
        assert_eq!(public_of(&[b'g'; 64]), Err(PairFault::NotHex));
    }
}
