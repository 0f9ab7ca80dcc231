//! Fixed-length bytes written as lower-case hex without prefix: hashes, ids, key checks.

use std::fmt;
use std::str::FromStr;

use data_encoding::HEXLOWER;
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

/// `N` public bytes; as text, exactly `2 * N` lower-case hex digits.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Hex<const N: usize>(pub [u8; N]);

/// A SHA-256 hash.
pub type Hash = Hex<32>;

/// The text is not exactly the expected number of lower-case hex digits.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("Expected {expected} lower-case hex digits.")]
pub struct HexError {
    /// The number of digits expected.
    pub expected: usize,
}

impl<const N: usize> fmt::Display for Hex<N> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&HEXLOWER.encode(&self.0))
    }
}

impl<const N: usize> fmt::Debug for Hex<N> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl<const N: usize> FromStr for Hex<N> {
    type Err = HexError;

    fn from_str(text: &str) -> Result<Self, HexError> {
        let fault = HexError { expected: 2 * N };
        if text.len() != 2 * N {
            return Err(fault);
        }
        let bytes = HEXLOWER
            .decode(text.as_bytes())
            .map_err(|_| fault.clone())?;
        Ok(Self(bytes.try_into().map_err(|_| fault)?))
    }
}

impl<const N: usize> Serialize for Hex<N> {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.collect_str(self)
    }
}

impl<'de, const N: usize> Deserialize<'de> for Hex<N> {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let text = String::deserialize(from)?;
        text.parse().map_err(de::Error::custom)
    }
}

/// SHA-256 of `bytes`.
pub fn sha256(bytes: &[u8]) -> [u8; 32] {
    use sha2::Digest;
    sha2::Sha256::digest(bytes).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_lower_case_of_the_right_length_is_read() {
        let good: Hex<2> = "0af1".parse().unwrap();
        assert_eq!(good.0, [0x0a, 0xf1]);
        assert_eq!(good.to_string(), "0af1");
        for bad in ["", "0AF1", "0af", "0af1 ", "0x0a", "0af100", "0ag1", "é1 "] {
            let fault = bad.parse::<Hex<2>>().unwrap_err();
            assert_eq!(
                fault.to_string(),
                "Expected 4 lower-case hex digits.",
                "{bad}"
            );
        }
    }
}
