//! What an object of a token is to a validator: a session key, a file of the node, or a key of its own.

use data_encoding::HEXLOWER;
use zeroize::Zeroizing;

use super::fault::TokenFault;
use super::key::{Pair, TokenKey};
use super::stored;
use crate::hsm::{Kind, ObjectInfo, Parts};
use crate::secret::{SecretBytes, SecretText};
use crate::vault::contents::{BundleFile, BundleKey, FilePath};
use crate::vault::gather::{bundle_key, network_path};
use crate::vault::keystore::{KeyClaim, NotProven, ProvenNetworkFile, parse_name, text_of};
use crate::vault::schemes::{KeyType, Scheme, sphincs, stack};

/// The bytes of a SPHINCS+ secret key.
const SPHINCS_SECRET: usize = 128;

/// A member of a bundle.
pub enum Member {
    /// A key.
    Key(BundleKey),
    /// A file of the node.
    File(BundleFile),
}

/// What a data object is by its name.
enum Named {
    Key(KeyType, Vec<u8>),
    File(FilePath),
}

fn named(label: &str, application: &str) -> Option<Named> {
    [label, application].into_iter().find_map(|name| {
        let key = parse_name(name.as_bytes())
            .ok()
            // A bundle names key types as text: what has none would be sealed and never open again.
            .filter(|(key_type, _)| KeyType::parse(&key_type.to_string()) == Some(*key_type))
            .map(|(key_type, public)| Named::Key(key_type, public));
        key.or_else(|| FilePath::parse(name).map(Named::File))
    })
}

/// Whether a data object is named as a key file or a network file of the node.
pub fn known_data(object: &ObjectInfo) -> bool {
    named(&object.label, &object.application).is_some()
}

/// What an exported object becomes in a bundle, each pair proven. `source` is the object's URI, `password` the keystore
/// password, if the node has one.
///
/// # Errors
/// [`TokenFault`]: a secret that is no session key, data that is no file of the node.
pub fn member(
    key: &TokenKey,
    source: &str,
    password: Option<&SecretText>,
) -> Result<Member, TokenFault> {
    match key.kind {
        Kind::Generic => session_secret(key, source).map(Member::Key),
        Kind::Data => data(key, source, password),
        Kind::Ed25519 => match session_ed25519(key, source) {
            Some(own) => Ok(Member::Key(own)),
            None => of_its_own(key, source),
        },
        Kind::EcP256 | Kind::Rsa | Kind::Other(_) => of_its_own(key, source),
    }
}

fn of_its_own(key: &TokenKey, source: &str) -> Result<Member, TokenFault> {
    stored::bundle_key(key, source)
        .map(Member::Key)
        .ok_or_else(|| TokenFault::Malformed {
            object: key.spoken(),
            kind: key.kind.spoken(),
        })
}

fn hex_text(bytes: &[u8]) -> SecretBytes {
    let mut text = Zeroizing::new(vec![0; 2 + 2 * bytes.len()]);
    text[..2].copy_from_slice(b"0x");
    HEXLOWER.encode_mut(bytes, &mut text[2..]);
    SecretBytes::take(&mut text)
}

/// A generic secret of 128 bytes is the chain's session key: its last 64 bytes are its public key.
fn session_secret(key: &TokenKey, source: &str) -> Result<BundleKey, TokenFault> {
    let unprovable = |why: String| TokenFault::SecretUnprovable {
        object: key.spoken(),
        why,
    };
    let secret = key.secret.expose();
    if secret.len() != SPHINCS_SECRET {
        return Err(unprovable(format!(
            "it has {} bytes, and a session key has {SPHINCS_SECRET}.",
            secret.len()
        )));
    }
    let public = secret[SPHINCS_SECRET - sphincs::PUBLIC_LEN..].to_vec();
    stack::wiped(|| sphincs::prove(secret, &public))
        .map_err(|fault| unprovable(fault.to_string()))?;
    let claim = KeyClaim {
        key_type: KeyType::AURA,
        public,
        secret_text: hex_text(secret),
        source: source.to_owned(),
    };
    Ok(bundle_key(claim, Scheme::SphincsShake256f.name()))
}

/// An Ed25519 key that is labelled as a session key is one, if its seed says so: `gran`, `gran validator-1`.
fn session_ed25519(key: &TokenKey, source: &str) -> Option<BundleKey> {
    let (name, rest) = key.label.split_at_checked(4)?;
    if rest.starts_with(|c: char| c.is_ascii_alphanumeric()) {
        return None;
    }
    let key_type = KeyType::parse(name).filter(|own| own.is_listed())?;
    let Pair::Ed25519(pair) = stack::wiped(|| Pair::from_pkcs8(key.kind, key.secret.expose()))?
    else {
        return None;
    };
    let claim = KeyClaim {
        key_type,
        public: pair.verifying_key().as_bytes().to_vec(),
        secret_text: hex_text(pair.as_bytes()),
        source: source.to_owned(),
    };
    let proven = claim
        .prove(None)
        .ok()
        .filter(|own| own.scheme() == Scheme::Ed25519)?;
    Some(bundle_key(proven.into_claim(), Scheme::Ed25519.name()))
}

fn data(key: &TokenKey, source: &str, password: Option<&SecretText>) -> Result<Member, TokenFault> {
    let object = || key.spoken();
    let wrong = |why: String| TokenFault::DataWrong {
        object: object(),
        why,
    };
    match named(&key.label, &key.application) {
        None => Err(TokenFault::DataUnknown { object: object() }),
        Some(Named::File(path)) => {
            let content = SecretBytes::new(key.secret.expose().to_vec());
            let proven = ProvenNetworkFile::prove(network_path(path), content)
                .map_err(|fault| wrong(fault.to_string()))?;
            let content = SecretBytes::new(proven.content().expose().to_vec());
            Ok(Member::File(BundleFile { path, content }))
        }
        Some(Named::Key(key_type, public)) => {
            let secret_text =
                text_of(key.secret.expose()).map_err(|fault| wrong(fault.to_string()))?;
            let claim = KeyClaim {
                key_type,
                public,
                secret_text,
                source: source.to_owned(),
            };
            match claim.prove(password) {
                Ok(proven) => {
                    let scheme = proven.scheme().name();
                    Ok(Member::Key(bundle_key(proven.into_claim(), scheme)))
                }
                Err(NotProven::Unprovable(own)) => Err(wrong(own.fault().to_string())),
                Err(NotProven::Wrong(fault)) => Err(wrong(fault.to_string())),
            }
        }
    }
}

/// The parts of an Ed25519 session key that came from a token as a key.
pub(super) fn ed25519_parts(text: &[u8]) -> Option<Pair> {
    let digits = text.strip_prefix(b"0x")?;
    let seed = Zeroizing::new(HEXLOWER.decode(digits).ok()?);
    Pair::from_parts(&Parts::Ed25519(SecretBytes::new(seed.to_vec())))
}
