//! A token's key inside a bundle: `qh-token-key/1`, the secret of a key of type `hsm/...`.

use data_encoding::{BASE64, HEXLOWER};
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use super::fault::TokenFault;
use super::key::{Pair, TokenKey};
use crate::hsm::frame::printable;
use crate::hsm::{Kind, Parts, Usage};
use crate::secret::SecretBytes;
use crate::vault::contents::BundleKey;
use crate::vault::schemes::stack;
use crate::vault::strict_json::{HiddenText, Object, write_secret};

const FORMAT: &str = "qh-token-key/1";
const PREFIX: &str = "hsm/";
/// Bytes of a label, as frames between the programs carry it.
const MAX_LABEL: usize = 1024;
/// Bytes of an id.
const MAX_ID: usize = 255;

/// Whether a key of this type is a token's, which no keystore holds.
pub fn is_token_key(key_type: &str) -> bool {
    key_type.starts_with(PREFIX)
}

/// Key type and scheme of a kind.
fn names(kind: Kind, bits: usize) -> Option<(&'static str, String)> {
    match kind {
        Kind::EcP256 => Some(("hsm/ec-p256", "ecdsa-p256".into())),
        Kind::Rsa => Some(("hsm/rsa", format!("rsa-{bits}"))),
        Kind::Ed25519 => Some(("hsm/ed25519", "ed25519".into())),
        Kind::Generic | Kind::Data | Kind::Other(_) => None,
    }
}

#[derive(Serialize)]
struct Out<'a> {
    format: &'static str,
    label: &'a str,
    id: String,
    usage: Vec<&'static str>,
    pkcs8: Hidden,
}

struct Hidden(Zeroizing<String>);

impl Serialize for Hidden {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0)
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct In {
    format: String,
    label: String,
    id: String,
    usage: Vec<String>,
    pkcs8: HiddenText,
}

/// What may stand in `usage`, in this order.
fn usages(usage: Usage) -> Vec<&'static str> {
    let all = [
        (usage.sign, "sign"),
        (usage.decrypt, "decrypt"),
        (usage.unwrap, "unwrap"),
        (usage.derive, "derive"),
    ];
    all.into_iter()
        .filter(|(yes, _)| *yes)
        .map(|(_, name)| name)
        .collect()
}

/// The key as a bundle holds it; `None` for kinds that have no form of their own. `source` is the object's URI.
pub(super) fn bundle_key(key: &TokenKey, source: &str) -> Option<BundleKey> {
    let pair = stack::wiped(|| Pair::from_pkcs8(key.kind, key.secret.expose()))?;
    let (key_type, scheme) = names(key.kind, pair.bits())?;
    let mut json = write_secret(&Out {
        format: FORMAT,
        label: &key.label,
        id: HEXLOWER.encode(&key.id),
        usage: usages(key.usage),
        pkcs8: Hidden(Zeroizing::new(BASE64.encode(key.secret.expose()))),
    });
    Some(BundleKey {
        key_type: key_type.into(),
        scheme,
        public: format!("0x{}", HEXLOWER.encode(&key.public)),
        secret: SecretBytes::new(std::mem::take(&mut *json)),
        source: source.to_owned(),
    })
}

/// The secret numbers of a key of type `hsm/...`, for the search of what must be gone: each cut so that its base64 is a
/// part of the document's. Everything else in the document is public.
pub fn secret_numbers(key: &BundleKey) -> Vec<SecretBytes> {
    let Ok(own) = token_key(key) else {
        return vec![];
    };
    let der = own.secret.expose();
    let parts = stack::wiped(|| Pair::from_pkcs8(own.kind, der))
        .and_then(|pair| stack::wiped(|| pair.parts()));
    let numbers = match parts {
        Some(Parts::EcP256(value) | Parts::Ed25519(value)) => vec![value],
        Some(Parts::Rsa { d, p, q, .. }) => vec![d, p, q],
        _ => vec![],
    };
    let cut = |number: &SecretBytes| {
        let at = der
            .windows(number.len())
            .position(|window| number.same(window))?;
        let (from, to) = (at.next_multiple_of(3), (at + number.len()) / 3 * 3);
        der.get(from..to).map(|own| SecretBytes::new(own.to_vec()))
    };
    numbers.iter().filter_map(cut).collect()
}

/// Reads a key of type `hsm/...` and proves its pair anew.
///
/// # Errors
/// [`TokenFault::Stored`]: another format, another scheme, a pair that doesn't belong together.
pub fn token_key(key: &BundleKey) -> Result<TokenKey, TokenFault> {
    let bad = |why| TokenFault::Stored {
        key_type: key.key_type.clone(),
        why,
    };
    let kind = [Kind::EcP256, Kind::Rsa, Kind::Ed25519]
        .into_iter()
        .find(|kind| names(*kind, 0).is_some_and(|(name, _)| name == key.key_type))
        .ok_or_else(|| bad("this program knows no such key type"))?;
    let Object(read): Object<In> = serde_json::from_slice(key.secret.expose())
        .map_err(|_| bad("its secret is no qh-token-key/1"))?;
    let usage = Usage {
        sign: read.usage.iter().any(|name| name == "sign"),
        decrypt: read.usage.iter().any(|name| name == "decrypt"),
        unwrap: read.usage.iter().any(|name| name == "unwrap"),
        derive: read.usage.iter().any(|name| name == "derive"),
    };
    let canonical = read.format == FORMAT
        && usages(usage) == read.usage
        && read.label.len() <= MAX_LABEL
        && printable(&read.label) == read.label;
    let id = HEXLOWER
        .decode(read.id.as_bytes())
        .ok()
        .filter(|id| canonical && id.len() <= MAX_ID);
    let id = id.ok_or_else(|| bad("its secret is no qh-token-key/1"))?;
    let pkcs8 = BASE64
        .decode(&read.pkcs8.0)
        .map(Zeroizing::new)
        .map_err(|_| bad("its PKCS#8 is not base64"))?;
    let pair = stack::wiped(|| Pair::from_pkcs8(kind, &pkcs8))
        .ok_or_else(|| bad("its PKCS#8 is no sound key"))?;
    let own = stack::wiped(|| pair.pkcs8()).ok_or_else(|| bad("its PKCS#8 is no sound key"))?;
    let public = pair
        .public()
        .ok_or_else(|| bad("its PKCS#8 is no sound key"))?;
    if format!("0x{}", HEXLOWER.encode(&public)) != key.public {
        return Err(bad("its secret gives another public key"));
    }
    if names(kind, pair.bits()).is_none_or(|(_, scheme)| scheme != key.scheme) {
        return Err(bad("its scheme is another one"));
    }
    Ok(TokenKey {
        kind,
        label: read.label,
        id,
        application: String::new(),
        usage,
        public,
        secret: own,
    })
}
