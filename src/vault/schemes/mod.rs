//! Proofs that a secret gives a public key, one file per scheme.
//!
//! 1. Sizes and tails prove nothing. A pair counts only when the public key was computed anew from the secret, by
//!    the scheme's own key generation, and equals the claimed one.
//! 2. The key type fixes the scheme. Only a key type that nobody has listed is tried against every scheme whose public
//!    key has that length; if none fits, the key is *unprovable*, which is a different thing from *wrong*.
//! 3. A fault names what is wrong and never quotes a secret.

pub mod ecdsa;
pub mod ed25519;
pub mod falcon;
mod key_type;
pub mod node_key;
pub mod sphincs;
pub mod sr25519;
pub mod suri;

pub use key_type::KeyType;

use crate::refusal::Refuse;
use crate::secret::{SecretBytes, SecretText};

/// The schemes that this program can prove.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Scheme {
    /// SPHINCS+-SHAKE-256f-simple: 128-byte secret, 64-byte public key.
    SphincsShake256f,
    /// ed25519 from a Substrate secret URI; 32-byte public key.
    Ed25519,
    /// sr25519 (Schnorr over Ristretto) from a Substrate secret URI; 32-byte public key.
    Sr25519,
    /// ECDSA over secp256k1 from a Substrate secret URI; 33-byte compressed public key.
    Ecdsa,
    /// Falcon-1024: 2305-byte secret, 1793-byte public key. The node's P2P identity.
    Falcon1024,
    /// ed25519 from a bare 32-byte seed. The legacy node key of libp2p.
    NodeKeyEd25519,
}

impl Scheme {
    /// Every scheme, in a fixed order.
    pub const ALL: [Self; 6] = [
        Self::SphincsShake256f,
        Self::Ed25519,
        Self::Sr25519,
        Self::Ecdsa,
        Self::Falcon1024,
        Self::NodeKeyEd25519,
    ];

    /// The name as bundles and reports write it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::SphincsShake256f => "sphincs-shake-256f-simple",
            Self::Ed25519 => "ed25519",
            Self::Sr25519 => "sr25519",
            Self::Ecdsa => "ecdsa",
            Self::Falcon1024 => "falcon-1024",
            Self::NodeKeyEd25519 => "node-key-ed25519",
        }
    }

    /// The scheme of that name; `None` for any other text.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|scheme| scheme.name() == name)
    }

    /// Length of the public key in bytes.
    pub const fn public_len(self) -> usize {
        match self {
            Self::SphincsShake256f => sphincs::PUBLIC_LEN,
            Self::Ed25519 | Self::Sr25519 | Self::NodeKeyEd25519 => 32,
            Self::Ecdsa => 33,
            Self::Falcon1024 => falcon::PUBLIC_LEN,
        }
    }
}

impl std::fmt::Display for Scheme {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.name())
    }
}

/// Why a pair is not proven. Holds no secret, and no part of one.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PairFault {
    /// The secret is shorter than its scheme requires.
    #[error("The secret key is truncated: {found} of {expected} bytes are there.")]
    Truncated {
        /// Bytes that the scheme requires.
        expected: usize,
        /// Whole bytes found.
        found: usize,
    },
    /// The secret is longer than its scheme allows.
    #[error("The secret key is too long: {found} bytes where {expected} belong.")]
    TooLong {
        /// Bytes that the scheme requires.
        expected: usize,
        /// Bytes found.
        found: usize,
    },
    /// The secret is not `0x` and hex digits.
    #[error("The secret key is not written as 0x and hex digits.")]
    NotHex,
    /// The secret text is not UTF-8.
    #[error("The secret key is not text.")]
    NotText,
    /// The claimed public key has a length that its key type never has.
    #[error("A {key_type} key has no public key of {found} bytes.")]
    PublicLength {
        /// Key type that was claimed.
        key_type: KeyType,
        /// Length of the claimed public key in bytes.
        found: usize,
    },
    /// The aura secret carries another public key than the claimed one.
    #[error("The secret key belongs to another public key than the one it is filed under.")]
    AuraForeignPublic,
    /// The aura secret is a sound key of the small variant.
    #[error(
        "This is a SPHINCS+-SHAKE-256s key. It has the sizes of a 256f key, and the chain does not accept it."
    )]
    AuraIs256s,
    /// The public key does not follow from the aura secret, under either variant.
    #[error("The public key does not follow from the secret key: the recomputed root differs.")]
    AuraRootMismatch,
    /// The text is not a secret URI.
    #[error(
        "The text is not a Substrate secret URI (phrase or 0x seed, then //hard, /soft, ///password)."
    )]
    SuriFormat,
    /// The phrase is not a BIP-39 phrase: a word, the count or the checksum is wrong.
    #[error("The phrase is not a valid BIP-39 phrase: a word, the count or the checksum is wrong.")]
    SuriPhrase,
    /// The seed is not 32 bytes in hex, or no valid secret of the scheme.
    #[error("The seed is not 32 bytes in hex that make a valid {scheme} secret.")]
    SuriSeed {
        /// Scheme that was tried.
        scheme: Scheme,
    },
    /// A soft junction where only hard ones exist.
    #[error("The secret URI has a soft junction, and {scheme} knows only hard ones.")]
    SuriSoftJunction {
        /// Scheme that was tried.
        scheme: Scheme,
    },
    /// The secret gives another public key.
    #[error(
        "The secret gives another {scheme} public key than the one it is filed under ({}).",
        if *.password { "tried with the keystore password" } else { "tried without a keystore password" }
    )]
    PublicMismatch {
        /// Scheme that was tried.
        scheme: Scheme,
        /// Whether a keystore password was given.
        password: bool,
    },
    /// No known scheme fits the key type and the lengths.
    #[error(
        "No known scheme proves a key of type {key_type} with a public key of {public_len} bytes."
    )]
    Unprovable {
        /// Key type that was claimed.
        key_type: KeyType,
        /// Length of the claimed public key in bytes.
        public_len: usize,
    },
    /// The Falcon secret does not decode, or its parts don't belong together.
    #[error("The Falcon-1024 secret key is damaged: it does not decode to a sound key.")]
    FalconSecret,
    /// The Falcon secret gives another public key.
    #[error("The Falcon-1024 secret key gives another public key than the one beside it.")]
    FalconMismatch,
}

impl Refuse for PairFault {
    fn name(&self) -> &'static str {
        match self {
            Self::Truncated { .. } => "key-truncated",
            Self::TooLong { .. } => "key-too-long",
            Self::NotHex => "key-secret-not-hex",
            Self::NotText => "key-secret-not-text",
            Self::PublicLength { .. } => "key-public-length",
            Self::AuraForeignPublic => "aura-key-foreign-public",
            Self::AuraIs256s => "aura-key-is-256s",
            Self::AuraRootMismatch => "aura-key-root-mismatch",
            Self::SuriFormat => "suri-format",
            Self::SuriPhrase => "suri-phrase",
            Self::SuriSeed { .. } => "suri-seed",
            Self::SuriSoftJunction { .. } => "suri-soft-junction",
            Self::PublicMismatch { .. } => "key-public-mismatch",
            Self::Unprovable { .. } => "key-unprovable",
            Self::FalconSecret => "falcon-secret-damaged",
            Self::FalconMismatch => "falcon-public-mismatch",
        }
    }

    fn way_on(&self) -> &'static str {
        match self {
            Self::Truncated { .. } | Self::TooLong { .. } | Self::FalconSecret => {
                "Copy the file again from the validator; if it is the same there, the key is lost."
            }
            Self::NotHex | Self::NotText | Self::SuriFormat | Self::SuriPhrase => {
                "Look at how the key was put into the keystore; the node cannot use it as it is."
            }
            Self::SuriSeed { .. } | Self::SuriSoftJunction { .. } => {
                "Look at how the key was put into the keystore; the node cannot use it as it is."
            }
            Self::PublicLength { .. } => {
                "Compare the file name with the validator; the name is cut or holds another key type."
            }
            Self::AuraForeignPublic => {
                "Find the file that belongs to this public key; two file names may have been swapped."
            }
            Self::AuraIs256s => {
                "Make a new session key with the node itself, and register it on the chain."
            }
            Self::AuraRootMismatch | Self::FalconMismatch => {
                "Do not use this key; copy the file again from the validator and check once more."
            }
            Self::PublicMismatch {
                password: false, ..
            } => {
                "If the node runs with a keystore password, give it; otherwise the file holds another key."
            }
            Self::PublicMismatch { password: true, .. } => {
                "Check the keystore password; if it is right, the file holds another key."
            }
            Self::Unprovable { .. } => {
                "Leave the key out, or take it unproven by an exception that two people sign."
            }
        }
    }
}

/// Proves that `secret_text`, as it stands between the quotes of a keystore file, gives `public` under the scheme of
/// `key_type`, and returns that scheme. `password` is the keystore password; it takes the place of a password in a
/// secret URI, as in `sc-keystore`.
///
/// # Errors
/// The fault of the one scheme that the key type allows, or of the last one tried; [`PairFault::Unprovable`] for a key
/// type that is not listed when no scheme fits.
pub fn prove(
    key_type: KeyType,
    public: &[u8],
    secret_text: &SecretBytes,
    password: Option<&SecretText>,
) -> Result<Scheme, PairFault> {
    let text = std::str::from_utf8(secret_text.expose()).map_err(|_| PairFault::NotText)?;
    let mut last = None;
    for scheme in key_type.candidates(public.len())? {
        match prove_scheme(*scheme, public, text, password) {
            Ok(()) => return Ok(*scheme),
            Err(fault) => last = Some(fault),
        }
    }
    match last {
        Some(fault) if key_type.is_listed() => Err(fault),
        _ => Err(PairFault::Unprovable {
            key_type,
            public_len: public.len(),
        }),
    }
}

fn prove_scheme(
    scheme: Scheme,
    public: &[u8],
    text: &str,
    password: Option<&SecretText>,
) -> Result<(), PairFault> {
    let derived: Vec<u8> = match scheme {
        Scheme::SphincsShake256f => return sphincs::prove_text(text, public),
        Scheme::Ed25519 => ed25519::public_of(text, password)?.to_vec(),
        Scheme::Sr25519 => sr25519::public_of(text, password)?.to_vec(),
        Scheme::Ecdsa => ecdsa::public_of(text, password)?.to_vec(),
        // These two never lie in a keystore directory, so no key type names them.
        Scheme::Falcon1024 | Scheme::NodeKeyEd25519 => return Err(PairFault::SuriFormat),
    };
    if derived == public {
        Ok(())
    } else {
        Err(PairFault::PublicMismatch {
            scheme,
            password: password.is_some(),
        })
    }
}
