//! Hardware security modules, as both programs see them: what a token is, what lies in it, and how `qh-ceremony` and its
//! child `qh-pkcs11` speak about it.
//!
//! A vendor's module is foreign code. It runs in the child alone ([`client`] starts it, over pipes), and whatever comes
//! back is bounded ([`frame`]), parsed strictly ([`message`]) and believed by nobody: a key counts when its secret gives
//! its public key, which `vault::token` proves. Tokens are named by PKCS#11 URIs ([`uri`]), modules by a device
//! file or by the module files of p11-kit ([`modules`]).

pub mod client;
pub mod fault;
pub mod frame;
pub mod message;
pub mod modules;
mod parts;
pub mod spki;
pub mod uri;

use crate::secret::SecretBytes;
use data_encoding::HEXLOWER;
use message::No;

/// How many PINs the token still takes, as far as it tells. PKCS#11 has flags, no number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PinState {
    /// No wrong PIN since the last right one.
    Good,
    /// There was a wrong PIN (`CKF_USER_PIN_COUNT_LOW`).
    CountLow,
    /// The next wrong PIN locks the token (`CKF_USER_PIN_FINAL_TRY`).
    FinalTry,
    /// Locked (`CKF_USER_PIN_LOCKED`).
    Locked,
}

/// One token in a slot. Texts are the module's, trimmed, printable.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TokenInfo {
    /// Slot number; it may change when a token is plugged in again.
    pub slot: u64,
    /// Label, at most 32 characters.
    pub label: String,
    /// Manufacturer, at most 32 characters.
    pub manufacturer: String,
    /// Model, at most 16 characters.
    pub model: String,
    /// Serial number, at most 16 characters.
    pub serial: String,
    /// Firmware version, e.g. `2.6`.
    pub firmware: String,
    /// Whether the token and its user PIN are initialised.
    pub initialized: bool,
    /// Whether the PIN is typed on the token's own pad (`CKF_PROTECTED_AUTHENTICATION_PATH`).
    pub pin_pad: bool,
    /// Whether nothing can be written to it.
    pub write_protected: bool,
    /// PINs left.
    pub pin: PinState,
}

/// What an object is (`CKA_CLASS`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Class {
    /// `CKO_PRIVATE_KEY`.
    Private,
    /// `CKO_SECRET_KEY`.
    Secret,
    /// `CKO_DATA`.
    Data,
}

/// The kind of key, as far as a backup knows it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// EC over P-256 (secp256r1).
    EcP256,
    /// RSA of any size.
    Rsa,
    /// Ed25519.
    Ed25519,
    /// A generic secret.
    Generic,
    /// A data object.
    Data,
    /// Anything else, with its `CKA_KEY_TYPE`: it stays in the token.
    Other(u64),
}

impl Kind {
    /// As people read it.
    pub fn spoken(self) -> String {
        match self {
            Kind::EcP256 => "EC P-256 key".into(),
            Kind::Rsa => "RSA key".into(),
            Kind::Ed25519 => "Ed25519 key".into(),
            Kind::Generic => "generic secret".into(),
            Kind::Data => "data object".into(),
            Kind::Other(kind) => format!("key of type 0x{kind:x}"),
        }
    }
}

/// What a key may be used for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Usage {
    /// `CKA_SIGN`.
    pub sign: bool,
    /// `CKA_DECRYPT`.
    pub decrypt: bool,
    /// `CKA_UNWRAP`.
    pub unwrap: bool,
    /// `CKA_DERIVE`.
    pub derive: bool,
}

/// One object of a token: its public side. `None` is an attribute that the module didn't tell.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ObjectInfo {
    /// The handle in this session.
    pub handle: u64,
    /// Class.
    pub class: Class,
    /// Kind.
    pub kind: Kind,
    /// `CKA_LABEL`, printable.
    pub label: String,
    /// `CKA_ID`; empty for data objects.
    pub id: Vec<u8>,
    /// `CKA_APPLICATION` of a data object, printable.
    pub application: String,
    /// Size in bytes of a secret's or data object's value, bits of an RSA modulus; 0 where it isn't told.
    pub size: u64,
    /// The public key as SubjectPublicKeyInfo (DER), where the token holds it.
    pub spki: Option<Vec<u8>>,
    /// `CKA_SENSITIVE`.
    pub sensitive: Option<bool>,
    /// `CKA_EXTRACTABLE`.
    pub extractable: Option<bool>,
    /// `CKA_NEVER_EXTRACTABLE`.
    pub never_extractable: Option<bool>,
    /// `CKA_WRAP_WITH_TRUSTED`.
    pub wrap_with_trusted: Option<bool>,
    /// `CKA_LOCAL`: made in the token.
    pub local: Option<bool>,
    /// What it may be used for.
    pub usage: Usage,
}

impl ObjectInfo {
    /// Why this object stays in the token whatever its module would do; `None` if it may be exported. What is not told
    /// counts as no: some modules wrap keys that they report as not extractable.
    pub fn stays(&self) -> Option<No> {
        match (
            self.class,
            self.extractable,
            self.never_extractable,
            self.wrap_with_trusted,
        ) {
            (Class::Data, ..) => None,
            (_, Some(true), Some(true), _) => Some(No::NotExtractable),
            (_, Some(true), _, Some(true)) => Some(No::TrustedOnly),
            (_, Some(true), ..) => None,
            _ => Some(No::NotExtractable),
        }
    }

    /// Label and id, as people tell objects apart.
    pub fn spoken(&self) -> String {
        spoken(&self.label, &self.id)
    }
}

/// Label and id of an object, as people tell objects apart.
pub fn spoken(label: &str, id: &[u8]) -> String {
    let id = HEXLOWER.encode(&id[..id.len().min(8)]);
    let label = shortened(label);
    match (label.is_empty(), id.is_empty()) {
        (false, true) => label,
        (false, false) => format!("{label} (id {id})"),
        (true, _) => format!("id {id}"),
    }
}

/// A label that fits a line: of a long one, such as a key file's name, the first and the last eight letters.
fn shortened(label: &str) -> String {
    let letters: Vec<char> = label.chars().collect();
    if letters.len() <= 40 {
        return label.to_owned();
    }
    let part = |own: &[char]| own.iter().collect::<String>();
    format!(
        "{} ... {}",
        part(&letters[..8]),
        part(&letters[letters.len() - 8..])
    )
}

/// How a key leaves the token, in the order in which it is tried.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Method {
    /// `CKM_AES_GCM` under the ceremony's AES-256 key.
    AesGcm,
    /// `CKM_AES_KEY_WRAP_PAD` (0x210A): RFC 5649, though modules mean different things by it.
    AesKeyWrapPad,
    /// `CKM_AES_KEY_WRAP_KWP` (0x210B): RFC 5649.
    AesKeyWrapKwp,
    /// `CKM_AES_KEY_WRAP`: RFC 3394.
    AesKeyWrap,
    /// `CKM_RSA_PKCS_OAEP` with SHA-256 under the ceremony's RSA key.
    OaepSha256,
    /// `CKM_RSA_PKCS_OAEP` with SHA-1: some modules know no other.
    OaepSha1,
}

impl Method {
    /// Every method, in the order in which they are tried.
    pub const ALL: [Method; 6] = [
        Method::AesGcm,
        Method::AesKeyWrapPad,
        Method::AesKeyWrapKwp,
        Method::AesKeyWrap,
        Method::OaepSha256,
        Method::OaepSha1,
    ];

    /// As reports write it.
    pub fn name(self) -> &'static str {
        match self {
            Method::AesGcm => "AES-GCM",
            Method::AesKeyWrapPad => "AES-KEY-WRAP-PAD",
            Method::AesKeyWrapKwp => "AES-KEY-WRAP-KWP",
            Method::AesKeyWrap => "AES-KEY-WRAP",
            Method::OaepSha256 => "RSA-OAEP (SHA-256)",
            Method::OaepSha1 => "RSA-OAEP (SHA-1)",
        }
    }

    /// Whether it needs the RSA key.
    pub fn is_rsa(self) -> bool {
        matches!(self, Method::OaepSha256 | Method::OaepSha1)
    }
}

/// The secret parts of a key or data object, as PKCS#11 attributes name them. Numbers are big-endian.
pub enum Parts {
    /// `CKA_VALUE` of an EC private key over P-256.
    EcP256(SecretBytes),
    /// `CKA_VALUE` of an Ed25519 private key: the seed.
    Ed25519(SecretBytes),
    /// An RSA private key.
    Rsa {
        /// `CKA_MODULUS`.
        n: SecretBytes,
        /// `CKA_PUBLIC_EXPONENT`.
        e: SecretBytes,
        /// `CKA_PRIVATE_EXPONENT`.
        d: SecretBytes,
        /// `CKA_PRIME_1`.
        p: SecretBytes,
        /// `CKA_PRIME_2`.
        q: SecretBytes,
        /// `CKA_EXPONENT_1`.
        dp: SecretBytes,
        /// `CKA_EXPONENT_2`.
        dq: SecretBytes,
        /// `CKA_COEFFICIENT`.
        qi: SecretBytes,
    },
    /// `CKA_VALUE` of a generic secret.
    Secret(SecretBytes),
    /// `CKA_VALUE` of a data object.
    Data(SecretBytes),
}

/// An object to be written to a token.
pub struct NewObject {
    /// `CKA_LABEL`.
    pub label: String,
    /// `CKA_ID`.
    pub id: Vec<u8>,
    /// `CKA_APPLICATION` of a data object.
    pub application: String,
    /// Its secret parts.
    pub parts: Parts,
    /// The same as PKCS#8 (private keys) or as bare bytes, for modules that take keys only wrapped.
    pub wrapped_form: SecretBytes,
    /// The public key: the EC point (uncompressed, 65 bytes), the Ed25519 key (32 bytes); empty for others.
    pub point: Vec<u8>,
    /// What it may be used for.
    pub usage: Usage,
    /// Whether it may be exported again.
    pub extractable: bool,
}

/// What to sign with, and what was signed: PKCS#11 differs by kind.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SignWith {
    /// `CKM_ECDSA` over a SHA-256 digest; the signature is r and s, 64 bytes.
    Ecdsa,
    /// `CKM_SHA256_RSA_PKCS`.
    RsaPkcs,
    /// `CKM_EDDSA`.
    Eddsa,
    /// `CKM_SHA256_HMAC` with a generic secret.
    Hmac,
}
