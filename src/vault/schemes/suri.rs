//! Secret URIs of Substrate: `phrase-or-seed //hard /soft ///password`.
//!
//! The rules are those of `sp_core::crypto` (`SecretUri`, `DeriveJunction`, `Pair::from_string`):
//! - an empty phrase stands for the public development phrase, so `//Alice` is a whole URI;
//! - `0x` and 64 hex digits are the seed itself, and a password then has no effect;
//! - a phrase is BIP-39 English; its seed is PBKDF2 over the *entropy*, not over the words (`substrate-bip39`);
//! - a junction that reads as `u64` is SCALE-encoded as that, any other as a string; over 32 bytes it is hashed by
//!   BLAKE2b-256, below that padded with zeros;
//! - a keystore password takes the place of the password in the URI.

use bip39::{Language, Mnemonic};
use blake2::Blake2b;
use blake2::digest::{Digest, consts::U32};
use zeroize::Zeroizing;

use super::{PairFault, Scheme};
use crate::secret::SecretText;

/// The phrase that an empty one stands for. Published; keys from it are for development only.
pub const DEV_PHRASE: &str =
    "bottom drive obey lake curtain smoke basket hold race lonely fit walk";

/// One step of derivation, with its 32-byte chain code. Part of the secret.
pub enum Junction {
    /// `//name`: needs the secret.
    Hard(Zeroizing<[u8; 32]>),
    /// `/name`: exists for sr25519 only.
    Soft(Zeroizing<[u8; 32]>),
}

/// A secret URI taken apart; borrows the text.
pub struct SecretUri<'a> {
    phrase: &'a str,
    junctions: Vec<Junction>,
    password: Option<&'a str>,
}

/// Takes a secret URI apart.
///
/// # Errors
/// [`PairFault::SuriFormat`].
pub fn parse(text: &str) -> Result<SecretUri<'_>, PairFault> {
    let (phrase, mut rest) = text.split_at(text.find('/').unwrap_or(text.len()));
    let in_phrase = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == ' ';
    if !phrase.chars().all(in_phrase) {
        return Err(PairFault::SuriFormat);
    }
    let mut junctions = Vec::new();
    let mut password = None;
    while !rest.is_empty() {
        if let Some(after) = rest.strip_prefix("///") {
            password = Some(after);
            break;
        }
        let (hard, after) = match (rest.strip_prefix("//"), rest.strip_prefix('/')) {
            (Some(after), _) => (true, after),
            (None, Some(after)) => (false, after),
            (None, None) => return Err(PairFault::SuriFormat),
        };
        let (name, next) = after.split_at(after.find('/').unwrap_or(after.len()));
        if name.is_empty() {
            return Err(PairFault::SuriFormat);
        }
        let code = chain_code(name);
        junctions.push(if hard {
            Junction::Hard(code)
        } else {
            Junction::Soft(code)
        });
        rest = next;
    }
    let phrase = if phrase.is_empty() {
        DEV_PHRASE
    } else {
        phrase
    };
    Ok(SecretUri {
        phrase,
        junctions,
        password,
    })
}

impl SecretUri<'_> {
    /// The steps of derivation, in order.
    pub fn junctions(&self) -> &[Junction] {
        &self.junctions
    }

    /// The 32-byte seed before any derivation.
    ///
    /// # Errors
    /// [`PairFault::SuriSeed`] or [`PairFault::SuriPhrase`].
    pub fn seed(
        &self,
        scheme: Scheme,
        password: Option<&SecretText>,
    ) -> Result<Zeroizing<[u8; 32]>, PairFault> {
        let mut seed = Zeroizing::new([0; 32]);
        if let Some(digits) = self.phrase.strip_prefix("0x") {
            if digits.len() != 64 {
                return Err(PairFault::SuriSeed { scheme });
            }
            data_encoding::HEXLOWER_PERMISSIVE
                .decode_mut(digits.as_bytes(), seed.as_mut_slice())
                .map_err(|_| PairFault::SuriSeed { scheme })?;
            return Ok(seed);
        }
        let password = password
            .map(SecretText::expose)
            .or(self.password)
            .unwrap_or("");
        // `Mnemonic` wipes itself (feature `zeroize`); the entropy that it hands out does not.
        let mnemonic = Mnemonic::parse_in(Language::English, self.phrase)
            .map_err(|_| PairFault::SuriPhrase)?;
        let entropy = Zeroizing::new(mnemonic.to_entropy());
        let big = substrate_bip39::seed_from_entropy(&entropy, password)
            .map(Zeroizing::new)
            .map_err(|_| PairFault::SuriPhrase)?;
        seed.iter_mut()
            .zip(big.iter())
            .for_each(|(to, from)| *to = *from);
        Ok(seed)
    }
}

/// BLAKE2b-256(SCALE(`label`) ‖ seed ‖ chain code): a hard junction of ed25519 and ECDSA.
pub(super) fn hash_step(label: &str, seed: &[u8; 32], code: &[u8; 32]) -> Zeroizing<[u8; 32]> {
    let hash = Blake2b::<U32>::new()
        .chain_update(scale_length(label.len()))
        .chain_update(label)
        .chain_update(seed)
        .chain_update(code)
        .finalize();
    Zeroizing::new(hash.into())
}

fn chain_code(name: &str) -> Zeroizing<[u8; 32]> {
    let encoded = Zeroizing::new(match name.parse::<u64>() {
        Ok(number) => number.to_le_bytes().to_vec(),
        Err(_) => [scale_length(name.len()).as_slice(), name.as_bytes()].concat(),
    });
    let mut code = Zeroizing::new([0; 32]);
    if encoded.len() > code.len() {
        *code = Blake2b::<U32>::digest(&*encoded).into();
    } else {
        code.iter_mut()
            .zip(encoded.iter())
            .for_each(|(to, from)| *to = *from);
    }
    code
}

/// SCALE compact length; a keystore file is far below the limit of the three-byte mode.
fn scale_length(len: usize) -> Vec<u8> {
    match len {
        0..64 => vec![(len as u8) << 2],
        64..16_384 => ((len as u16) << 2 | 1).to_le_bytes().to_vec(),
        _ => ((len as u32) << 2 | 2).to_le_bytes().to_vec(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fault(text: &str) -> Option<PairFault> {
        parse(text).err()
    }

    #[test]
    fn malformed_uris_are_refused() {
        for text in [
            "//",
            "/",
            "//Alice/",
            "//Alice//",
            "a,b",
            "0x12\n",
            "phrase\u{a0}word",
            "ä",
        ] {
            assert_eq!(fault(text), Some(PairFault::SuriFormat), "{text:?}");
        }
        for text in [
            "",
            "//Alice",
            "/soft",
            "///",
            "////",
            "//a///p/q",
            "0x00",
            "a_b 1",
        ] {
            assert_eq!(fault(text), None, "{text:?}");
        }
    }

    #[test]
    fn the_password_is_everything_after_three_slashes() {
        assert_eq!(
            parse("//a///p/q///r").ok().and_then(|uri| uri.password),
            Some("p/q///r")
        );
        assert_eq!(parse("////x").ok().and_then(|uri| uri.password), Some("/x"));
        assert_eq!(parse("//a").ok().and_then(|uri| uri.password), None);
    }

    #[test]
    fn seeds_and_phrases_are_checked() {
        let seed = |text: &str| {
            let uri = parse(text).expect("well-formed");
            uri.seed(Scheme::Ed25519, None).err()
        };
        let bad_seed = Some(PairFault::SuriSeed {
            scheme: Scheme::Ed25519,
        });
        assert_eq!(seed("0x"), bad_seed);
        assert_eq!(seed(&format!("0x{}", "0".repeat(63))), bad_seed);
        assert_eq!(seed(&format!("0x{}", "0".repeat(65))), bad_seed);
        assert_eq!(seed(&format!("0x{}", "g".repeat(64))), bad_seed);
        assert_eq!(seed(&format!("0x{}", "aB".repeat(32))), None);
        assert_eq!(seed(DEV_PHRASE), None);
        assert_eq!(seed(""), None);
        assert_eq!(
            seed(&DEV_PHRASE.replace("walk", "walnut")),
            Some(PairFault::SuriPhrase)
        );
        assert_eq!(
            seed(&DEV_PHRASE.replace(" walk", "")),
            Some(PairFault::SuriPhrase)
        );
        assert_eq!(seed("bottom"), Some(PairFault::SuriPhrase));
    }

    #[test]
    fn numbers_are_little_endian_and_long_names_hashed() {
        assert_eq!(chain_code("1")[..9], [1, 0, 0, 0, 0, 0, 0, 0, 0]);
        assert_eq!(chain_code("a")[..3], [4, b'a', 0]);
        assert_eq!(chain_code(&"a".repeat(31))[..2], [31 << 2, b'a']);
        assert_ne!(chain_code(&"a".repeat(32))[..2], [32 << 2, b'a']);
        // One more than u64::MAX is a string.
        assert_eq!(chain_code("18446744073709551616")[0], 20 << 2);
    }
}
