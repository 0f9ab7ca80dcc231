//! Keys of tokens: what proves them, and what is refused.

mod members;
mod strictness;
mod unwrap;

use data_encoding::{BASE64, HEXLOWER};
use ed25519_dalek::Signer;
use hmac::{Hmac, Mac};
use p256::ecdsa::signature::hazmat::PrehashSigner;
use sha2::{Digest, Sha256};

use super::key::Pair;
use super::*;
use crate::hsm::{Class, Kind, Method, ObjectInfo, Parts, SignWith, Usage};
use crate::refusal::Refuse;
use crate::secret::SecretBytes;
use crate::vault::contents::{BundleFile, BundleKey, FilePath};

const KINDS: [Kind; 3] = [Kind::EcP256, Kind::Ed25519, Kind::Rsa];
const SOURCE: &str = "pkcs11:serial=1;token=t;id=%0A%0B;object=a%20key;type=private";

fn bytes(own: &[u8]) -> SecretBytes {
    SecretBytes::new(own.to_vec())
}

fn clone(key: &BundleKey) -> BundleKey {
    BundleKey {
        key_type: key.key_type.clone(),
        scheme: key.scheme.clone(),
        public: key.public.clone(),
        secret: bytes(key.secret.expose()),
        source: key.source.clone(),
    }
}

fn object(kind: Kind, spki: Option<Vec<u8>>) -> ObjectInfo {
    ObjectInfo {
        handle: 1,
        class: match kind {
            Kind::Generic => Class::Secret,
            Kind::Data => Class::Data,
            _ => Class::Private,
        },
        kind,
        label: "a key".into(),
        id: vec![10, 11],
        application: String::new(),
        size: 0,
        spki,
        sensitive: Some(true),
        extractable: Some(true),
        never_extractable: Some(false),
        wrap_with_trusted: None,
        local: None,
        usage: Usage {
            sign: true,
            derive: true,
            ..Usage::default()
        },
    }
}

/// A pair, made once a kind: RSA keys take their time.
fn pair(kind: Kind) -> &'static Pair {
    use std::sync::OnceLock;
    static PAIRS: [OnceLock<Pair>; 3] = [OnceLock::new(), OnceLock::new(), OnceLock::new()];
    let at = KINDS.iter().position(|own| *own == kind).unwrap();
    PAIRS[at].get_or_init(|| Pair::fresh(kind).unwrap())
}

fn proven(kind: Kind) -> TokenKey {
    let pair = pair(kind);
    prove(
        &object(kind, pair.public()),
        Material::Wrapped(pair.pkcs8().unwrap()),
    )
    .ok()
    .unwrap()
}

fn name_of<T>(result: Result<T, TokenFault>) -> &'static str {
    result.err().expect("a refusal").name()
}

#[test]
fn each_kind_is_proven_from_pkcs8_and_from_attributes() {
    for kind in KINDS {
        let pair = pair(kind);
        let listed = object(kind, pair.public());
        let own = proven(kind);
        assert_eq!(
            (own.kind, own.label.as_str(), &own.id[..]),
            (kind, "a key", &[10, 11][..])
        );
        let parts = prove(&listed, Material::Parts(pair.parts().unwrap()))
            .ok()
            .unwrap();
        assert!(own.secret.same(parts.secret.expose()));
        // SoftHSM fills PKCS#8 with zeros to whole blocks of 8.
        let der = pair.pkcs8().unwrap();
        for (tail, is_key) in [
            (&[0, 0, 0][..], true),
            (&[0; 8], false),
            (&[0, 1], false),
            (&[1], false),
        ] {
            let longer = Material::Wrapped(bytes(&[der.expose(), tail].concat()));
            assert_eq!(prove(&listed, longer).is_ok(), is_key, "{kind:?} {tail:?}");
        }
        for length in [0, 1, 2, 10, der.len() - 1] {
            let cut = Material::Wrapped(bytes(&der.expose()[..length]));
            assert_eq!(
                name_of(prove(&listed, cut)),
                "hsm-key-malformed",
                "{kind:?} {length}"
            );
        }
    }
}

#[test]
fn another_key_than_the_one_in_the_token_is_refused() {
    for kind in KINDS {
        let der = || Material::Wrapped(pair(kind).pkcs8().unwrap());
        let other = Pair::fresh(kind).unwrap();
        assert_eq!(
            name_of(prove(&object(kind, other.public()), der())),
            "hsm-key-mismatch"
        );
        assert_eq!(
            name_of(prove(&object(kind, None), der())),
            "hsm-no-public-key"
        );
        assert_eq!(
            name_of(prove(&object(kind, Some(vec![])), der())),
            "hsm-key-mismatch"
        );
        for foreign in KINDS.into_iter().filter(|own| *own != kind) {
            let listed = object(foreign, pair(foreign).public());
            assert_eq!(
                name_of(prove(&listed, der())),
                "hsm-key-malformed",
                "{kind:?} as {foreign:?}"
            );
            let parts = Material::Parts(pair(kind).parts().unwrap());
            assert_eq!(name_of(prove(&listed, parts)), "hsm-key-malformed");
        }
    }
}

#[test]
fn an_rsa_key_that_is_not_sound_is_refused() {
    let listed = object(Kind::Rsa, pair(Kind::Rsa).public());
    let change = |at: usize| {
        let Some(Parts::Rsa {
            n,
            e,
            d,
            p,
            q,
            dp,
            dq,
            qi,
        }) = pair(Kind::Rsa).parts()
        else {
            panic!("RSA")
        };
        let mut all = [n, e, d, p, q, dp, dq, qi];
        let mut wrong = all[at].expose().to_vec();
        *wrong.last_mut().unwrap() ^= 4;
        all[at] = bytes(&wrong);
        let [n, e, d, p, q, dp, dq, qi] = all;
        prove(
            &listed,
            Material::Parts(Parts::Rsa {
                n,
                e,
                d,
                p,
                q,
                dp,
                dq,
                qi,
            }),
        )
    };
    for at in 0..5 {
        assert!(change(at).is_err(), "part {at}");
    }
    // The CRT numbers are computed anew, so a wrong one changes nothing.
    for at in 5..8 {
        assert!(change(at).is_ok(), "part {at}");
    }
}

#[test]
fn a_secret_has_the_length_that_the_token_told() {
    let mut listed = object(Kind::Generic, None);
    listed.size = 128;
    assert_eq!(
        name_of(prove(&listed, Material::Wrapped(bytes(&[1; 127])))),
        "hsm-key-length"
    );
    assert!(prove(&listed, Material::Wrapped(bytes(&[1; 128]))).is_ok());
    assert_eq!(
        name_of(prove(
            &listed,
            Material::Parts(Parts::Data(bytes(&[1; 128])))
        )),
        "hsm-key-malformed"
    );
    let data = object(Kind::Data, None);
    assert_eq!(
        name_of(prove(&data, Material::Wrapped(bytes(b"x")))),
        "hsm-key-malformed"
    );
    assert_eq!(
        name_of(prove(
            &object(Kind::Other(3), None),
            Material::Wrapped(bytes(b"x"))
        )),
        "hsm-key-malformed"
    );
}
