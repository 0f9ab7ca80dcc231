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

fn wrap_keys(aes: &str) -> WrapKeys {
    WrapKeys::of(&HEXLOWER.decode(aes.as_bytes()).unwrap())
}

fn hex(text: &str) -> Vec<u8> {
    HEXLOWER.decode(text.as_bytes()).unwrap()
}

/// RFC 3394, 4.6: 256 bits of key data with a 256-bit KEK.
const KEK: &str = "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f";
const RFC_3394: &str =
    "28c9f404c4b810f4cbccb35cfb87f8263f5786e2d80ed326cbc7f0e71a99f43bfb988b9b7a02dd21";
const RFC_3394_PLAIN: &str = "00112233445566778899aabbccddeeff000102030405060708090a0b0c0d0e0f";

#[test]
fn what_rfc_3394_wraps_is_unwrapped_with_zeros_behind_it_too() {
    let keys = wrap_keys(KEK);
    let blob = hex(RFC_3394);
    for zeros in [0, 1, 3, 8, 64] {
        let longer = [&blob[..], &vec![0; zeros]].concat();
        let opened = keys.unwrap(Method::AesKeyWrap, [0; 12], &longer);
        assert_eq!(opened.len(), 1, "{zeros}");
        assert_eq!(opened[0].expose(), hex(RFC_3394_PLAIN));
    }
    for at in 0..blob.len() {
        let mut wrong = blob.clone();
        wrong[at] ^= 1;
        assert!(
            keys.unwrap(Method::AesKeyWrap, [0; 12], &wrong).is_empty(),
            "byte {at}"
        );
    }
    for length in 0..blob.len() {
        assert!(
            keys.unwrap(Method::AesKeyWrap, [0; 12], &blob[..length])
                .is_empty(),
            "{length} bytes"
        );
        assert!(
            keys.unwrap(Method::AesKeyWrapPad, [0; 12], &blob[..length])
                .is_empty(),
            "{length} bytes"
        );
    }
    let other = wrap_keys(&KEK.replace("1f", "2f"));
    assert!(other.unwrap(Method::AesKeyWrap, [0; 12], &blob).is_empty());
}

#[test]
fn padding_of_rfc_5649_and_of_nss_is_taken_off() {
    let keys = wrap_keys(KEK);
    let kek = aes_kw::KekAes256::try_from(hex(KEK).as_slice()).unwrap();
    for length in [1, 7, 8, 9, 20, 138] {
        let plain: Vec<u8> = (0..length).map(|n| n as u8 + 1).collect();
        let standard = kek.wrap_with_padding_vec(&plain).unwrap();
        for method in [Method::AesKeyWrapPad, Method::AesKeyWrapKwp] {
            let opened = keys.unwrap(method, [0; 12], &standard);
            assert_eq!(opened.len(), 1);
            assert_eq!(opened[0].expose(), plain);
        }
        let whole = (length / 8 + 1) * 8;
        let pad = whole - length;
        let nss = [&plain[..], &vec![pad as u8; pad]].concat();
        // RFC 3394 wraps two blocks at the least.
        if nss.len() >= 16 {
            let blob = [&kek.wrap_vec(&nss).unwrap()[..], &[0, 0, 0]].concat();
            let opened = keys.unwrap(Method::AesKeyWrapPad, [0; 12], &blob);
            assert_eq!(opened.len(), 1, "{length}");
            assert_eq!(opened[0].expose(), plain);
        }
    }
    // RFC 3394 without any padding inside is nothing that this method makes.
    for last in [0u8, 9, 255] {
        let mut plain = vec![1; 24];
        plain[23] = last;
        let blob = kek.wrap_vec(&plain).unwrap();
        assert!(
            keys.unwrap(Method::AesKeyWrapPad, [0; 12], &blob)
                .is_empty(),
            "{last}"
        );
    }
}

#[test]
fn gcm_opens_whole_and_unchanged_or_not_at_all() {
    use aes_gcm::aead::{Aead, KeyInit};
    let keys = wrap_keys(KEK);
    let cipher = aes_gcm::Aes256Gcm::new_from_slice(&hex(KEK)).unwrap();
    let blob = cipher
        .encrypt(aes_gcm::Nonce::from_slice(&[5; 12]), &b"a key"[..])
        .unwrap();
    for zeros in [0, 1, 64] {
        let longer = [&blob[..], &vec![0; zeros]].concat();
        assert_eq!(
            keys.unwrap(Method::AesGcm, [5; 12], &longer)[0].expose(),
            b"a key"
        );
    }
    let none = |iv: [u8; 12], blob: &[u8]| keys.unwrap(Method::AesGcm, iv, blob).is_empty();
    assert!(none([6; 12], &blob));
    assert!((0..blob.len()).all(|at| {
        let mut wrong = blob.clone();
        wrong[at] ^= 0x80;
        none([5; 12], &wrong) && none([5; 12], &blob[..at])
    }));
    assert!(
        none([5; 12], &[&blob[..], &[0; 65]].concat()),
        "so many zeros are no slack"
    );
}

#[test]
fn oaep_opens_under_its_own_hash_alone() {
    let mut keys = WrapKeys::fresh().ok().unwrap();
    let (n, e) = keys.rsa_public().ok().unwrap();
    assert_eq!((n.len(), &e[..]), (384, &[1, 0, 1][..]));
    assert!(
        keys.rsa_public().ok().unwrap().0 == n,
        "one key for the whole export"
    );
    let number = rsa::BigUint::from_bytes_be;
    let public = rsa::RsaPublicKey::new(number(&n), number(&e)).unwrap();
    let blob = public
        .encrypt(
            &mut super::wrap::Kernel,
            rsa::Oaep::new::<Sha256>(),
            b"a key",
        )
        .unwrap();
    let opened = keys.unwrap(Method::OaepSha256, [0; 12], &[&blob[..], &[0, 0]].concat());
    assert_eq!(opened[0].expose(), b"a key");
    assert!(keys.unwrap(Method::OaepSha1, [0; 12], &blob).is_empty());
    assert!(
        keys.unwrap(Method::OaepSha256, [0; 12], &blob[..383])
            .is_empty()
    );
    let fresh = WrapKeys::fresh().ok().unwrap();
    assert!(
        fresh.unwrap(Method::OaepSha256, [0; 12], &blob).is_empty(),
        "no RSA key was made"
    );
    assert!(!fresh.aes_key().same(keys.aes_key().expose()));
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

fn key_of(member: Result<Member, TokenFault>) -> BundleKey {
    match member {
        Ok(Member::Key(key)) => key,
        _ => panic!("not a key"),
    }
}

#[test]
fn a_token_key_goes_into_a_bundle_and_back_into_a_token() {
    for (kind, key_type, scheme) in [
        (Kind::EcP256, "hsm/ec-p256", "ecdsa-p256"),
        (Kind::Ed25519, "hsm/ed25519", "ed25519"),
        (Kind::Rsa, "hsm/rsa", "rsa-2048"),
    ] {
        let key = key_of(member(&proven(kind), SOURCE, None));
        assert_eq!(
            (
                key.key_type.as_str(),
                key.scheme.as_str(),
                key.source.as_str()
            ),
            (key_type, scheme, SOURCE)
        );
        assert!(is_token_key(&key.key_type));
        let read = token_key(&key).ok().unwrap();
        assert!(
            read.secret.same(proven(kind).secret.expose()) && read.public == proven(kind).public
        );
        assert_eq!(
            (read.label.as_str(), &read.id[..], read.usage.derive),
            ("a key", &[10, 11][..], true)
        );
        let (back, spki) = new_object(&key, false).ok().unwrap();
        assert_eq!(
            (back.label.as_str(), &back.id[..], back.extractable),
            ("a key", &[10, 11][..], false)
        );
        assert_eq!(
            (back.usage.sign, back.usage.derive, back.usage.decrypt),
            (true, true, false)
        );
        assert_eq!(Some(spki.clone()), pair(kind).public());
        let again = prove(&object(kind, Some(spki)), Material::Parts(back.parts));
        assert!(again.is_ok());
    }
}

#[test]
fn a_changed_token_key_in_a_bundle_is_refused() {
    let whole = key_of(member(&proven(Kind::EcP256), SOURCE, None));
    let json = String::from_utf8(whole.secret.expose().to_vec()).unwrap();
    let other = Pair::fresh(Kind::EcP256).unwrap();
    let ed = BASE64.encode(proven(Kind::Ed25519).secret.expose());
    let own = BASE64.encode(proven(Kind::EcP256).secret.expose());
    let secrets = [
        json.replace("qh-token-key/1", "qh-token-key/2"),
        json.replacen('{', "{\"more\":1,", 1),
        json.replacen("\"label\"", "\"label\":\"twice\",\"label\"", 1),
        json.replace("[\"sign\",\"derive\"]", "[\"derive\",\"sign\"]"),
        json.replace("[\"sign\",\"derive\"]", "[\"sign\",\"fly\"]"),
        json.replace("\"0a0b\"", "\"0A0B\""),
        json.replace("a key", "a\\u001b[2Jkey"),
        json.replace(&own, &ed),
        json.replace(&own, &own[..own.len() - 4]),
        json.replace(&own, &BASE64.encode(other.pkcs8().unwrap().expose())),
        format!("{json} x"),
        String::new(),
    ];
    for secret in secrets {
        assert_ne!(secret, json);
        let key = BundleKey {
            secret: bytes(secret.as_bytes()),
            ..clone(&whole)
        };
        assert_eq!(name_of(token_key(&key)), "token-key-malformed");
        assert_eq!(name_of(new_object(&key, true)), "token-key-malformed");
    }
    for key in [
        BundleKey {
            scheme: "rsa-2048".into(),
            ..clone(&whole)
        },
        BundleKey {
            key_type: "hsm/rsa".into(),
            ..clone(&whole)
        },
        BundleKey {
            key_type: "hsm/other".into(),
            ..clone(&whole)
        },
        BundleKey {
            public: format!("0x{}", HEXLOWER.encode(&other.public().unwrap())),
            ..clone(&whole)
        },
    ] {
        assert_eq!(name_of(token_key(&key)), "token-key-malformed");
    }
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

fn secret_key(value: &[u8]) -> TokenKey {
    let mut listed = object(Kind::Generic, None);
    listed.size = value.len() as u64;
    prove(&listed, Material::Wrapped(bytes(value)))
        .ok()
        .unwrap()
}

#[test]
fn a_secret_of_128_bytes_is_the_session_key_or_nothing() {
    use fips205::traits::SerDes;
    let (_, secret) =
        <fips205::slh_dsa_shake_256f::KG as fips205::traits::KeyGen>::keygen_from_seed(
            &[1; 32], &[2; 32], &[3; 32],
        );
    let secret = secret.into_bytes();
    let key = key_of(member(&secret_key(&secret), SOURCE, None));
    assert_eq!(
        (key.key_type.as_str(), key.scheme.as_str()),
        ("aura", "sphincs-shake-256f-simple")
    );
    assert_eq!(key.public, format!("0x{}", HEXLOWER.encode(&secret[64..])));
    let (back, spki) = new_object(&key, true).ok().unwrap();
    assert_eq!(
        (back.label.as_str(), &back.id[..], spki.len()),
        ("a key", &[10, 11][..], 0)
    );
    assert!(matches!(&back.parts, Parts::Secret(value) if value.same(&secret)));
    // Bytes 32 to 63 only vary signatures: no public key tells whether they are right.
    for at in [0, 31, 70, 127] {
        let mut wrong = secret;
        wrong[at] ^= 1;
        assert_eq!(
            name_of(member(&secret_key(&wrong), SOURCE, None)),
            "hsm-secret-unprovable",
            "byte {at}"
        );
    }
    for length in [1, 32, 127] {
        assert_eq!(
            name_of(member(&secret_key(&secret[..length]), SOURCE, None)),
            "hsm-secret-unprovable"
        );
    }
}

fn data_key(label: &str, application: &str, value: &[u8]) -> TokenKey {
    let mut listed = object(Kind::Data, None);
    (listed.label, listed.application) = (label.into(), application.into());
    listed.id.clear();
    prove(&listed, Material::Parts(Parts::Data(bytes(value))))
        .ok()
        .unwrap()
}

#[test]
fn a_data_object_is_the_file_that_its_name_says_or_nothing() {
    let seed = "0x".to_owned() + &"07".repeat(32);
    let public = crate::vault::schemes::ed25519::public_of(&seed, None).unwrap();
    let name = format!("6772616e{}", HEXLOWER.encode(&public));
    let content = format!("\"{seed}\"");
    let key = key_of(member(
        &data_key(&name, "", content.as_bytes()),
        SOURCE,
        None,
    ));
    assert_eq!(
        (key.key_type.as_str(), key.scheme.as_str()),
        ("gran", "ed25519")
    );
    // By the application as well, where labels are the vendor's.
    assert!(member(&data_key("x", &name, content.as_bytes()), SOURCE, None).is_ok());
    // It goes back as the file that it was: this source says `type=private`, a data object's doesn't.
    let key = BundleKey {
        source: "pkcs11:token=t;type=data".into(),
        ..key
    };
    let (back, _) = new_object(&key, true).ok().unwrap();
    assert_eq!(
        (back.label.as_str(), back.application.as_str()),
        (name.as_str(), "qh-ceremony")
    );
    assert!(matches!(&back.parts, Parts::Data(value) if value.same(content.as_bytes())));
    let other = format!("6772616e{}", HEXLOWER.encode(&[9; 32]));
    for (label, content, refusal) in [
        (other.as_str(), content.as_str(), "hsm-data-wrong"),
        (&name, &seed, "hsm-data-wrong"),
        (&name, "", "hsm-data-wrong"),
        ("notes", &content, "hsm-data-unknown"),
        ("network/secret_ed25519", "too short", "hsm-data-wrong"),
        (
            "network/pqc_transport_identity.json",
            "{}",
            "hsm-data-wrong",
        ),
    ] {
        assert_eq!(
            name_of(member(
                &data_key(label, "", content.as_bytes()),
                SOURCE,
                None
            )),
            refusal,
            "{label}"
        );
    }
    let Ok(Member::File(file)) = member(
        &data_key("network/secret_ed25519", "", &[7; 32]),
        SOURCE,
        None,
    ) else {
        panic!("a node key is 32 bytes");
    };
    assert_eq!(file.path, FilePath::SecretEd25519);
    let back = new_file(&BundleFile {
        path: file.path,
        content: bytes(&[7; 32]),
    });
    assert_eq!(back.label, "network/secret_ed25519");
}

#[test]
fn an_ed25519_key_with_a_session_keys_label_is_that_session_key() {
    let mut own = proven(Kind::Ed25519);
    for label in ["gran", "gran validator-1"] {
        own.label = label.into();
        let key = key_of(member(&own, SOURCE, None));
        assert_eq!(
            (key.key_type.as_str(), key.scheme.as_str()),
            ("gran", "ed25519")
        );
        let (back, spki) = new_object(&key, false).ok().unwrap();
        assert!(matches!(&back.parts, Parts::Ed25519(_)));
        assert_eq!(Some(spki), pair(Kind::Ed25519).public());
    }
    for label in ["granite", "gra", "", "nope key", "\u{e9}\u{e9}\u{e9}"] {
        own.label = label.into();
        assert_eq!(
            key_of(member(&own, SOURCE, None)).key_type,
            "hsm/ed25519",
            "{label}"
        );
    }
}

#[test]
fn signatures_of_a_challenge_verify_and_changed_ones_do_not() {
    let fresh = [3; 32];
    let signed: Vec<(Kind, Vec<u8>)> = KINDS
        .into_iter()
        .map(|kind| {
            let with = challenge::sign_with(kind).unwrap();
            let block = challenge::to_sign(with, &fresh);
            let signature = match pair(kind) {
                Pair::EcP256(key) => {
                    let signature: p256::ecdsa::Signature = p256::ecdsa::SigningKey::from(key)
                        .sign_prehash(&block)
                        .unwrap();
                    signature.to_bytes().to_vec()
                }
                Pair::Ed25519(key) => key.sign(&block).to_bytes().to_vec(),
                Pair::Rsa(key) => key
                    .sign(rsa::Pkcs1v15Sign::new::<Sha256>(), &Sha256::digest(&block))
                    .unwrap(),
            };
            (kind, signature)
        })
        .collect();
    for (kind, signature) in signed {
        let spki = pair(kind).public().unwrap();
        let verify = |spki: &[u8], fresh: &[u8; 32], signature: &[u8]| {
            challenge::verify(kind, spki, None, fresh, signature)
        };
        assert!(verify(&spki, &fresh, &signature), "{kind:?}");
        let mut flipped = signature.clone();
        flipped[5] ^= 1;
        assert!(!verify(&spki, &fresh, &flipped));
        assert!(!verify(&spki, &fresh, &signature[1..]) && !verify(&spki, &fresh, &[]));
        assert!(!verify(&spki, &[4; 32], &signature) && !verify(&spki[1..], &fresh, &signature));
        assert!(!verify(
            &Pair::fresh(kind).unwrap().public().unwrap(),
            &fresh,
            &signature
        ));
    }
    let mut mac = <Hmac<Sha256> as Mac>::new_from_slice(&[7; 128]).unwrap();
    mac.update(&challenge::to_sign(SignWith::Hmac, &fresh));
    let tag = mac.finalize().into_bytes();
    let hmac = |value: &[u8], tag: &[u8]| {
        challenge::verify(Kind::Generic, &[], Some(&bytes(value)), &fresh, tag)
    };
    assert!(hmac(&[7; 128], &tag) && !hmac(&[8; 128], &tag) && !hmac(&[7; 128], &tag[1..]));
    assert_eq!(challenge::sign_with(Kind::Data), None);
}
