//! Members of a bundle as objects for a token.

use data_encoding::HEXLOWER_PERMISSIVE;
use sha2::{Digest, Sha256};
use zeroize::Zeroizing;

use super::fault::TokenFault;
use super::key::Pair;
use super::members::ed25519_parts;
use super::stored::{is_token_key, token_key};
use crate::hsm::uri::TokenUri;
use crate::hsm::{Kind, NewObject, Parts, Usage};
use crate::secret::SecretBytes;
use crate::vault::contents::{BundleFile, BundleKey};
use crate::vault::gather::type_and_public;
use crate::vault::keystore::{content_of, file_name};
use crate::vault::schemes::{KeyType, Scheme, sphincs, stack};

/// `CKA_APPLICATION` of the data objects that this program writes.
const APPLICATION: &str = "qh-ceremony";
const SIGNS: Usage = Usage {
    sign: true,
    decrypt: false,
    unwrap: false,
    derive: false,
};

fn copy(own: &SecretBytes) -> SecretBytes {
    SecretBytes::new(own.expose().to_vec())
}

/// The object for a key, and its public key as SubjectPublicKeyInfo, which is empty for secrets and data.
///
/// A token's key gets its label, id and uses back. A SPHINCS+ session key becomes a generic secret, an Ed25519 session
/// key that came from a token as a key becomes one again; every other session key becomes a data object under the name of
/// its key file, since no token signs with it.
///
/// # Errors
/// [`TokenFault::Stored`] of a key that isn't whole.
pub fn new_object(key: &BundleKey, extractable: bool) -> Result<(NewObject, Vec<u8>), TokenFault> {
    let bad = |why| TokenFault::Stored {
        key_type: key.key_type.clone(),
        why,
    };
    if is_token_key(&key.key_type) {
        let own = token_key(key)?;
        let pair = stack::wiped(|| Pair::from_pkcs8(own.kind, own.secret.expose()));
        let pair = pair.ok_or_else(|| bad("its PKCS#8 is no sound key"))?;
        return private(&pair, own.label, own.id, own.usage, extractable)
            .ok_or_else(|| bad("its PKCS#8 is no sound key"));
    }
    let (key_type, public) = type_and_public(key).ok_or_else(|| bad("it is not a keystore key"))?;
    let from = TokenUri::parse(&key.source).unwrap_or_default();
    let label = from.object.clone().unwrap_or_else(|| key.key_type.clone());
    let id = from
        .id
        .clone()
        .unwrap_or_else(|| Sha256::digest(&public)[..8].to_vec());
    if key_type == KeyType::AURA && key.scheme == Scheme::SphincsShake256f.name() {
        let digits = key.secret.expose().strip_prefix(b"0x");
        let value = digits
            .and_then(|digits| HEXLOWER_PERMISSIVE.decode(digits).ok())
            .map(Zeroizing::new);
        let value = value.ok_or_else(|| bad("its secret is not 0x and hex digits"))?;
        stack::wiped(|| sphincs::prove(&value, &public))
            .map_err(|_| bad("its secret does not give its public key"))?;
        return Ok((
            NewObject {
                label,
                id,
                application: String::new(),
                parts: Parts::Secret(SecretBytes::new(value.to_vec())),
                wrapped_form: SecretBytes::new(value.to_vec()),
                point: vec![],
                usage: SIGNS,
                extractable,
            },
            vec![],
        ));
    }
    if key.scheme == Scheme::Ed25519.name()
        && from.kind.as_deref() == Some("private")
        && let Some(pair) = stack::wiped(|| ed25519_parts(key.secret.expose()))
    {
        if pair.point() != public {
            return Err(bad("its secret does not give its public key"));
        }
        return private(&pair, label, id, SIGNS, extractable)
            .ok_or_else(|| bad("its secret is no seed"));
    }
    let content =
        content_of(&key.secret).map_err(|_| bad("its secret is no text of a key file"))?;
    let value = SecretBytes::new(content.to_vec());
    Ok((data(file_name(key_type, &public), value), vec![]))
}

/// A new key for a token, as a rehearsal needs some; RSA with 2048 bits, to be quick.
///
/// # Errors
/// [`TokenFault::NoRandomness`], for kinds too that have no key pairs.
pub fn fresh_object(kind: Kind, label: &str, extractable: bool) -> Result<NewObject, TokenFault> {
    let pair = stack::wiped(|| Pair::fresh(kind)).ok_or(TokenFault::NoRandomness)?;
    let mut id = vec![0; 8];
    getrandom::fill(&mut id).map_err(|_| TokenFault::NoRandomness)?;
    let made = private(&pair, label.to_owned(), id, SIGNS, extractable);
    made.map(|(object, _)| object)
        .ok_or(TokenFault::NoRandomness)
}

/// The object for a file of the node.
pub fn new_file(file: &BundleFile) -> NewObject {
    data(file.path.as_str().to_owned(), copy(&file.content))
}

fn data(label: String, value: SecretBytes) -> NewObject {
    NewObject {
        label,
        id: vec![],
        application: APPLICATION.into(),
        wrapped_form: copy(&value),
        parts: Parts::Data(value),
        point: vec![],
        usage: Usage::default(),
        extractable: true,
    }
}

fn private(
    pair: &Pair,
    label: String,
    id: Vec<u8>,
    usage: Usage,
    extractable: bool,
) -> Option<(NewObject, Vec<u8>)> {
    let object = NewObject {
        label,
        id,
        application: String::new(),
        parts: stack::wiped(|| pair.parts())?,
        wrapped_form: stack::wiped(|| pair.pkcs8())?,
        point: pair.point(),
        usage,
        extractable,
    };
    Some((object, pair.public()?))
}
