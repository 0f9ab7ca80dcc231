//! The public facts about a set of shares: set id, commitments, key check.
//!
//! All are written as lower-case hex without prefix, in JSON too, and read back strictly: any other length, an
//! upper-case digit or a prefix is refused.

use std::fmt;
use std::str::FromStr;

use data_encoding::HEXLOWER;
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

use crate::refusal::Refuse;

/// Why text is not a set id, commitment or key check.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum HexError {
    /// The text has the wrong number of characters.
    #[error("A {what} has {wanted} lower-case hex digits; this text has {found} characters.")]
    Length {
        /// What was read: `set id`, `commitment` or `key check`.
        what: &'static str,
        /// How many digits it must have.
        wanted: usize,
        /// How many characters it has.
        found: usize,
    },
    /// A character is not a lower-case hex digit.
    #[error("A {what} has lower-case hex digits only; character {position} is not one.")]
    Digit {
        /// What was read.
        what: &'static str,
        /// The character's position, counted from 1.
        position: usize,
    },
}

impl Refuse for HexError {
    fn name(&self) -> &'static str {
        match self {
            Self::Length { .. } => "hex-length",
            Self::Digit { .. } => "hex-digit",
        }
    }

    fn way_on(&self) -> &'static str {
        "Compare the text with the record or the sheet it was copied from, and enter it again."
    }
}

fn read<const N: usize>(what: &'static str, text: &str) -> Result<[u8; N], HexError> {
    let digit = |c: char| c.is_ascii_digit() || ('a'..='f').contains(&c);
    let found = text.chars().count();
    if found != 2 * N {
        return Err(HexError::Length {
            what,
            wanted: 2 * N,
            found,
        });
    }
    if let Some(at) = text.chars().position(|c| !digit(c)) {
        return Err(HexError::Digit {
            what,
            position: at + 1,
        });
    }
    let mut bytes = [0; N];
    HEXLOWER
        .decode_mut(text.as_bytes(), &mut bytes)
        .expect("2N lower-case hex digits decode to N bytes");
    Ok(bytes)
}

macro_rules! public_bytes {
    ($(#[$doc:meta])* $name:ident, $length:literal, $what:literal) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub struct $name(pub [u8; $length]);

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&HEXLOWER.encode(&self.0))
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, concat!(stringify!($name), "({})"), self)
            }
        }

        impl FromStr for $name {
            type Err = HexError;

            fn from_str(text: &str) -> Result<Self, HexError> {
                read($what, text).map(Self)
            }
        }

        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
                to.collect_str(self)
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
                struct Text;
                impl de::Visitor<'_> for Text {
                    type Value = $name;

                    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                        f.write_str(concat!("a ", $what, " in lower-case hex"))
                    }

                    fn visit_str<E: de::Error>(self, text: &str) -> Result<$name, E> {
                        text.parse().map_err(E::custom)
                    }
                }
                from.deserialize_str(Text)
            }
        }

        impl $name {
            /// The hex digits in groups of four, as people compare them.
            pub fn grouped(&self) -> String {
                let pairs: Vec<String> = self.0.chunks(2).map(|pair| HEXLOWER.encode(pair)).collect();
                pairs.join(" ")
            }
        }
    };
}

public_bytes! {
    /// The id of a set of shares: 6 random bytes. One set id, one secret, one sealed backup.
    SetId, 6, "set id"
}

public_bytes! {
    /// A share's public commitment: SHA-256(`qh-ceremony commitment v1` ‖ the 48 bytes of the share). It stands in
    /// the record, and tells a forged share from a genuine one.
    Commitment, 32, "commitment"
}

public_bytes! {
    /// The public key check of a secret S: HMAC-SHA-256(S, `qh-ceremony check v1` ‖ set id). It stands in the sealed
    /// header, the record and the certificate, and is compared before anything is opened.
    KeyCheck, 32, "key check"
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_what_it_writes() {
        let set = SetId([0x88, 0xb1, 0x02, 0xae, 0x5c, 0x19]);
        assert_eq!(set.to_string(), "88b102ae5c19");
        assert_eq!(set.grouped(), "88b1 02ae 5c19");
        assert_eq!("88b102ae5c19".parse(), Ok(set));
        assert_eq!(serde_json::to_string(&set).unwrap(), "\"88b102ae5c19\"");
        assert_eq!(
            serde_json::from_str::<SetId>("\"88b102ae5c19\"").unwrap(),
            set
        );
        assert_eq!(format!("{set:?}"), "SetId(88b102ae5c19)");
    }

    #[test]
    fn refuses_other_lengths_and_digits() {
        let short = "88b102ae5c".parse::<SetId>().unwrap_err();
        assert_eq!(
            short.to_string(),
            "A set id has 12 lower-case hex digits; this text has 10 characters."
        );
        assert_eq!(short.name(), "hex-length");
        for bad in [
            "88B102ae5c19",
            "88b102ae5c1g",
            "0x88b102ae5c",
            "88b102ae5cé9",
        ] {
            assert_eq!(
                bad.parse::<SetId>().unwrap_err().name(),
                "hex-digit",
                "{bad}"
            );
        }
        assert!(serde_json::from_str::<SetId>("\"88B102ae5c19\"").is_err());
        assert!(serde_json::from_str::<KeyCheck>("\"88b102ae5c19\"").is_err());
        assert!(serde_json::from_str::<SetId>("12").is_err());
    }
}
