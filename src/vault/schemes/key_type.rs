use super::{PairFault, Scheme};

/// A Substrate key type: four bytes, usually printable ASCII (`sp_core::crypto::KeyTypeId`).
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct KeyType(pub [u8; 4]);

impl KeyType {
    /// `aura`, the one session key type of QuantumHarmony.
    pub const AURA: Self = Self(*b"aura");

    /// The key type of four printable ASCII characters; `None` for anything else.
    pub fn parse(text: &str) -> Option<Self> {
        let bytes: [u8; 4] = text.as_bytes().try_into().ok()?;
        bytes
            .iter()
            .all(u8::is_ascii_graphic)
            .then_some(Self(bytes))
    }

    /// The key type of four raw bytes, as in a keystore file name.
    pub const fn from_bytes(bytes: [u8; 4]) -> Self {
        Self(bytes)
    }

    /// Whether the scheme of this type is known, so that a failed proof means a wrong key.
    pub fn is_listed(self) -> bool {
        listed(self).is_some()
    }

    /// The schemes that a key of this type with a public key of `public_len` bytes can have.
    ///
    /// Sources: `sp_core::crypto::key_types`, `sp_consensus_beefy::KEY_TYPE`, and the QuantumHarmony node for 64-byte
    /// aura keys.
    ///
    /// # Errors
    /// [`PairFault::PublicLength`] if a listed type never has that length; [`PairFault::Unprovable`] if an unlisted
    /// type has a length of no known scheme.
    pub fn candidates(self, public_len: usize) -> Result<&'static [Scheme], PairFault> {
        const ANY: &[Scheme] = &[
            Scheme::Ed25519,
            Scheme::Sr25519,
            Scheme::Ecdsa,
            Scheme::SphincsShake256f,
        ];
        let of_length = |schemes: &'static [Scheme]| -> &'static [Scheme] {
            // Schemes of one length stand together, so a sub-slice is enough.
            let start = schemes.iter().position(|s| s.public_len() == public_len);
            let count = schemes
                .iter()
                .filter(|s| s.public_len() == public_len)
                .count();
            start
                .and_then(|start| schemes.get(start..start + count))
                .unwrap_or(&[])
        };
        let (schemes, fault) = match listed(self) {
            Some(schemes) => (
                schemes,
                PairFault::PublicLength {
                    key_type: self,
                    found: public_len,
                },
            ),
            None => (
                ANY,
                PairFault::Unprovable {
                    key_type: self,
                    public_len,
                },
            ),
        };
        match of_length(schemes) {
            [] => Err(fault),
            fitting => Ok(fitting),
        }
    }
}

/// The schemes of a key type that is known, those of one public-key length together.
fn listed(key_type: KeyType) -> Option<&'static [Scheme]> {
    match &key_type.0 {
        b"aura" => Some(&[Scheme::SphincsShake256f, Scheme::Sr25519, Scheme::Ed25519]),
        b"gran" => Some(&[Scheme::Ed25519]),
        b"babe" | b"imon" | b"audi" | b"para" | b"asgn" => Some(&[Scheme::Sr25519]),
        b"beef" => Some(&[Scheme::Ecdsa]),
        b"acco" => Some(&[Scheme::Sr25519, Scheme::Ed25519, Scheme::Ecdsa]),
        _ => None,
    }
}

impl std::fmt::Display for KeyType {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match std::str::from_utf8(&self.0) {
            Ok(text) if self.0.iter().all(u8::is_ascii_graphic) => f.write_str(text),
            _ => write!(f, "0x{}", data_encoding::HEXLOWER.encode(&self.0)),
        }
    }
}

impl std::fmt::Debug for KeyType {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        std::fmt::Display::fmt(self, f)
    }
}
