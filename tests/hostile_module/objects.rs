//! Objects as maps from attribute to value.

use std::collections::BTreeMap;

use cryptoki_sys::*;
use p256::pkcs8::EncodePrivateKey;

pub type Attributes = BTreeMap<CK_ATTRIBUTE_TYPE, Vec<u8>>;

/// A template of the caller.
///
/// # Safety
/// `template` leads to `count` attributes, each with as many bytes as it says.
pub unsafe fn read(template: *const CK_ATTRIBUTE, count: CK_ULONG) -> Attributes {
    let mut own = Attributes::new();
    for index in 0..count as usize {
        // SAFETY: as above.
        unsafe {
            let attribute = &*template.add(index);
            own.insert(
                attribute.type_,
                super::bytes(attribute.pValue.cast(), attribute.ulValueLen).to_vec(),
            );
        }
    }
    own
}

pub fn long(value: CK_ULONG) -> Vec<u8> {
    value.to_ne_bytes().to_vec()
}

pub fn is(attributes: &Attributes, wanted: CK_ATTRIBUTE_TYPE, value: CK_ULONG) -> bool {
    attributes.get(&wanted) == Some(&long(value))
}

pub fn key(seed: u8) -> p256::SecretKey {
    p256::SecretKey::from_slice(&[seed; 32]).expect("a scalar")
}

/// PKCS#8 of a P-256 key by its scalar.
pub fn pkcs8(scalar: &[u8]) -> Option<Vec<u8>> {
    let key = p256::SecretKey::from_slice(scalar).ok()?;
    Some(key.to_pkcs8_der().ok()?.as_bytes().to_vec())
}

/// `CKA_EC_POINT`: an OCTET STRING around the point.
pub fn point(key: &p256::SecretKey) -> Vec<u8> {
    let mut own = vec![0x04, 0x41];
    own.extend_from_slice(&key.public_key().to_sec1_bytes());
    own
}

const P256: [u8; 10] = [0x06, 0x08, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07];

/// The objects that lie in the token from the start: a key pair, a secret, a note.
pub fn first() -> Vec<Attributes> {
    let own = key(7);
    let common = |class: CK_ULONG, label: &str, id: u8| -> Attributes {
        [
            (CKA_CLASS, long(class)),
            (CKA_TOKEN, vec![1]),
            (CKA_LABEL, label.as_bytes().to_vec()),
            (CKA_ID, vec![id]),
        ]
        .into()
    };
    let secret_attributes: [(CK_ATTRIBUTE_TYPE, Vec<u8>); 7] = [
        (CKA_PRIVATE, vec![1]),
        (CKA_SENSITIVE, vec![1]),
        (CKA_EXTRACTABLE, vec![1]),
        (CKA_NEVER_EXTRACTABLE, vec![0]),
        (CKA_LOCAL, vec![1]),
        (CKA_SIGN, vec![1]),
        (CKA_DERIVE, vec![0]),
    ];
    let mut private = common(CKO_PRIVATE_KEY, "signer", 1);
    private.extend(secret_attributes.clone());
    private.extend([
        (CKA_KEY_TYPE, long(CKK_EC)),
        (CKA_EC_PARAMS, P256.to_vec()),
        (CKA_VALUE, own.to_bytes().to_vec()),
    ]);
    let mut public = common(CKO_PUBLIC_KEY, "signer", 1);
    public.extend([
        (CKA_KEY_TYPE, long(CKK_EC)),
        (CKA_EC_PARAMS, P256.to_vec()),
        (CKA_EC_POINT, point(&own)),
    ]);
    let told = std::env::var("QH_HOSTILE_SECRET")
        .ok()
        .and_then(|path| std::fs::read(path).ok());
    let value = told.unwrap_or_else(|| (0..128).collect());
    let mut secret = common(CKO_SECRET_KEY, "secret", 2);
    secret.extend(secret_attributes);
    secret.extend([
        (CKA_KEY_TYPE, long(CKK_GENERIC_SECRET)),
        (CKA_VALUE, value),
        (CKA_VALUE_LEN, long(128)),
    ]);
    let mut note = common(CKO_DATA, "note", 0);
    note.remove(&CKA_ID);
    note.insert(CKA_VALUE, b"remember".to_vec());
    vec![private, public, secret, note]
}
