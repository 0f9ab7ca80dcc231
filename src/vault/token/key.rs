//! Keys of a token, each proven against the public key that the token holds.

use ed25519_dalek::SigningKey;
use p256::elliptic_curve::sec1::ToEncodedPoint;
use p256::pkcs8::der::Encode;
use p256::pkcs8::spki::AlgorithmIdentifierRef;
use p256::pkcs8::{EncodePrivateKey, EncodePublicKey, ObjectIdentifier, PrivateKeyInfo};
use rsa::traits::{PrivateKeyParts, PublicKeyParts};
use rsa::{BigUint, RsaPrivateKey};
use zeroize::Zeroizing;

use super::fault::TokenFault;
use super::wrap::Kernel;
use crate::hsm::{Kind, ObjectInfo, Parts, Usage, spki};
use crate::secret::SecretBytes;
use crate::vault::schemes::stack;

const ED25519: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.101.112");
/// RSA keys that are backed up, bits.
const RSA_BITS: std::ops::RangeInclusive<usize> = 2048..=4096;

/// What came out of a token.
pub enum Material {
    /// Unwrapped: PKCS#8 of a private key, the bare value of a secret.
    Wrapped(SecretBytes),
    /// Attributes in the clear.
    Parts(Parts),
}

/// A key of a token that is proven. It has no `Debug` and no `Clone`.
pub struct TokenKey {
    /// Kind.
    pub kind: Kind,
    /// `CKA_LABEL`.
    pub label: String,
    /// `CKA_ID`.
    pub id: Vec<u8>,
    /// `CKA_APPLICATION` of a data object.
    pub application: String,
    /// What it may be used for.
    pub usage: Usage,
    /// SubjectPublicKeyInfo (DER); empty for secrets and data.
    pub public: Vec<u8>,
    /// PKCS#8 (DER) as this program writes it; the bare value of secrets and data.
    pub secret: SecretBytes,
}

impl TokenKey {
    /// Label and id, for people.
    pub fn spoken(&self) -> String {
        crate::hsm::spoken(&self.label, &self.id)
    }
}

/// A private key of one of the three kinds.
pub(super) enum Pair {
    EcP256(p256::SecretKey),
    Ed25519(SigningKey),
    Rsa(Box<RsaPrivateKey>),
}

impl Pair {
    /// From PKCS#8 of at most some zero bytes behind its end; `None` for anything that is no key of this kind.
    pub(super) fn from_pkcs8(kind: Kind, der: &[u8]) -> Option<Self> {
        let info = PrivateKeyInfo::try_from(whole_der(der)?).ok()?;
        match kind {
            Kind::EcP256 => p256::SecretKey::try_from(info).ok().map(Self::EcP256),
            Kind::Rsa => RsaPrivateKey::try_from(info).ok().and_then(rsa_pair),
            Kind::Ed25519 if info.algorithm.oid == ED25519 => {
                let seed = match info.private_key {
                    [0x04, 0x20, seed @ ..] if seed.len() == 32 => seed,
                    bare => bare,
                };
                ed25519_pair(seed)
            }
            Kind::Ed25519 | Kind::Generic | Kind::Data | Kind::Other(_) => None,
        }
    }

    /// From attributes.
    pub(super) fn from_parts(parts: &Parts) -> Option<Self> {
        match parts {
            Parts::EcP256(value) => {
                // Some modules leave leading zeros out.
                let value = value.expose();
                let mut whole = Zeroizing::new([0; 32]);
                whole
                    .get_mut(32usize.checked_sub(value.len())?..)?
                    .copy_from_slice(value);
                p256::SecretKey::from_slice(&*whole).ok().map(Self::EcP256)
            }
            Parts::Ed25519(value) => match value.expose() {
                seed if seed.len() == 32 => ed25519_pair(seed),
                both if both.len() == 64 => ed25519_pair(both.get(..32)?),
                _ => None,
            },
            Parts::Rsa { n, e, d, p, q, .. } => {
                let number = |own: &SecretBytes| BigUint::from_bytes_be(own.expose());
                let primes = vec![number(p), number(q)];
                RsaPrivateKey::from_components(number(n), number(e), number(d), primes)
                    .ok()
                    .and_then(rsa_pair)
            }
            Parts::Secret(_) | Parts::Data(_) => None,
        }
    }

    /// A new key; `None` without randomness, or for what is no key pair.
    pub(super) fn fresh(kind: Kind) -> Option<Self> {
        let mut seed = Zeroizing::new([0; 32]);
        getrandom::fill(&mut *seed).ok()?;
        match kind {
            Kind::EcP256 => p256::SecretKey::from_slice(&*seed).ok().map(Self::EcP256),
            Kind::Ed25519 => ed25519_pair(&*seed),
            Kind::Rsa => RsaPrivateKey::new(&mut Kernel, 2048)
                .ok()
                .and_then(rsa_pair),
            Kind::Generic | Kind::Data | Kind::Other(_) => None,
        }
    }

    /// SubjectPublicKeyInfo, DER.
    pub(super) fn public(&self) -> Option<Vec<u8>> {
        match self {
            Self::EcP256(key) => key
                .public_key()
                .to_public_key_der()
                .ok()
                .map(|der| der.into_vec()),
            Self::Ed25519(key) => spki::ed25519(key.verifying_key().as_bytes()),
            Self::Rsa(key) => key
                .to_public_key()
                .to_public_key_der()
                .ok()
                .map(|der| der.into_vec()),
        }
    }

    /// The point of `CKA_EC_POINT`, bare; empty for RSA.
    pub(super) fn point(&self) -> Vec<u8> {
        match self {
            Self::EcP256(key) => key.public_key().to_encoded_point(false).as_bytes().to_vec(),
            Self::Ed25519(key) => key.verifying_key().as_bytes().to_vec(),
            Self::Rsa(_) => vec![],
        }
    }

    /// PKCS#8 (RFC 5208), DER, as this program writes it.
    pub(super) fn pkcs8(&self) -> Option<SecretBytes> {
        let document = match self {
            Self::EcP256(key) => key.to_pkcs8_der().ok()?,
            Self::Rsa(key) => key.to_pkcs8_der().ok()?,
            Self::Ed25519(key) => {
                let mut inner = Zeroizing::new(vec![0x04, 0x20]);
                inner.extend_from_slice(key.as_bytes());
                let algorithm = AlgorithmIdentifierRef {
                    oid: ED25519,
                    parameters: None,
                };
                let der = Zeroizing::new(PrivateKeyInfo::new(algorithm, &inner).to_der().ok()?);
                return Some(SecretBytes::new(der.to_vec()));
            }
        };
        Some(SecretBytes::new(document.as_bytes().to_vec()))
    }

    /// The attributes of a private key object.
    pub(super) fn parts(&self) -> Option<Parts> {
        let secret = |bytes: &[u8]| SecretBytes::new(bytes.to_vec());
        match self {
            Self::EcP256(key) => Some(Parts::EcP256(secret(&Zeroizing::new(key.to_bytes())[..]))),
            Self::Ed25519(key) => Some(Parts::Ed25519(secret(key.as_bytes()))),
            Self::Rsa(key) => {
                let number = |own: &BigUint| SecretBytes::new(own.to_bytes_be());
                let [p, q] = key.primes() else { return None };
                let mut key = key.clone();
                key.precompute().ok()?;
                Some(Parts::Rsa {
                    n: number(key.n()),
                    e: number(key.e()),
                    d: number(key.d()),
                    p: number(p),
                    q: number(q),
                    dp: number(key.dp()?),
                    dq: number(key.dq()?),
                    qi: SecretBytes::new(key.crt_coefficient()?.to_bytes_be()),
                })
            }
        }
    }

    /// Bits of an RSA modulus.
    pub(super) fn bits(&self) -> usize {
        match self {
            Self::Rsa(key) => key.n().bits(),
            Self::EcP256(_) | Self::Ed25519(_) => 256,
        }
    }
}

fn ed25519_pair(seed: &[u8]) -> Option<Pair> {
    let seed = Zeroizing::new(<[u8; 32]>::try_from(seed).ok()?);
    Some(Pair::Ed25519(SigningKey::from_bytes(&seed)))
}

fn rsa_pair(key: RsaPrivateKey) -> Option<Pair> {
    let sound =
        RSA_BITS.contains(&key.n().bits()) && key.primes().len() == 2 && key.validate().is_ok();
    sound.then(|| Pair::Rsa(Box::new(key)))
}

/// The outermost DER value, if nothing but fewer than 8 zero bytes follows: modules pad PKCS#8 to the wrapping's blocks.
fn whole_der(bytes: &[u8]) -> Option<&[u8]> {
    let (head, length) = match *bytes {
        [0x30, short @ 0..=0x7f, ..] => (2, usize::from(short)),
        [0x30, 0x81, a, ..] => (3, usize::from(a)),
        [0x30, 0x82, a, b, ..] => (4, usize::from(u16::from_be_bytes([a, b]))),
        _ => return None,
    };
    let (own, rest) = bytes.split_at_checked(head + length)?;
    (rest.len() < 8 && rest.iter().all(|byte| *byte == 0)).then_some(own)
}

/// Proves that `material` is the object's: its secret gives the public key in the token, its length is the one that the
/// token told. What can't be proven so (secrets, data) is proven when it becomes a member of a bundle.
///
/// # Errors
/// [`TokenFault`]: no key of the kind, another key, no public key to compare with, another length.
pub fn prove(object: &ObjectInfo, material: Material) -> Result<TokenKey, TokenFault> {
    let name = || object.spoken();
    let malformed = || TokenFault::Malformed {
        object: name(),
        kind: object.kind.spoken(),
    };
    let own = |public: Vec<u8>, secret: SecretBytes| TokenKey {
        kind: object.kind,
        label: object.label.clone(),
        id: object.id.clone(),
        application: object.application.clone(),
        usage: object.usage,
        public,
        secret,
    };
    match (object.kind, material) {
        (Kind::EcP256 | Kind::Ed25519 | Kind::Rsa, material) => {
            let pair = stack::wiped(|| match &material {
                Material::Wrapped(plain) => Pair::from_pkcs8(object.kind, plain.expose()),
                Material::Parts(parts) if kind_of(parts) == object.kind => Pair::from_parts(parts),
                Material::Parts(_) => None,
            });
            let pair = pair.ok_or_else(malformed)?;
            let public = pair.public().ok_or_else(malformed)?;
            match &object.spki {
                None => return Err(TokenFault::NoPublicKey { object: name() }),
                Some(told) if *told != public => {
                    return Err(TokenFault::Mismatch { object: name() });
                }
                Some(_) => {}
            }
            let pkcs8 = stack::wiped(|| pair.pkcs8()).ok_or_else(malformed)?;
            Ok(own(public, pkcs8))
        }
        (Kind::Generic, Material::Wrapped(value) | Material::Parts(Parts::Secret(value)))
        | (Kind::Data, Material::Parts(Parts::Data(value))) => {
            if object.size != 0 && object.size != value.len() as u64 {
                return Err(TokenFault::Length {
                    object: name(),
                    told: object.size,
                    found: value.len(),
                });
            }
            Ok(own(vec![], value))
        }
        _ => Err(malformed()),
    }
}

fn kind_of(parts: &Parts) -> Kind {
    match parts {
        Parts::EcP256(_) => Kind::EcP256,
        Parts::Ed25519(_) => Kind::Ed25519,
        Parts::Rsa { .. } => Kind::Rsa,
        Parts::Secret(_) => Kind::Generic,
        Parts::Data(_) => Kind::Data,
    }
}
