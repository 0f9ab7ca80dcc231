//! What is sealed opens again, and what is read is read strictly.

use data_encoding::HEXUPPER;
use fips205::traits::{KeyGen, SerDes};
use p256::pkcs8::PrivateKeyInfo;
use p256::pkcs8::der::Encode;

use super::*;
use crate::vault::gather::prove_all;

fn labelled(kind: Kind, label: &str, spki: Option<Vec<u8>>) -> ObjectInfo {
    ObjectInfo {
        label: label.into(),
        ..object(kind, spki)
    }
}

fn exported(label: &str) -> BundleKey {
    let pair = Pair::fresh(Kind::EcP256).unwrap();
    let listed = labelled(Kind::EcP256, label, pair.public());
    let key = prove(&listed, Material::Wrapped(pair.pkcs8().unwrap()));
    match member(&key.ok().unwrap(), SOURCE, None) {
        Ok(Member::Key(key)) => key,
        _ => panic!("not a key"),
    }
}

/// The child lists labels of up to 255 characters, and a character has up to four bytes.
#[test]
fn a_label_that_is_exported_is_read_again() {
    for label in [
        "k".repeat(255),
        "\u{e4}".repeat(128),
        "\u{1f511}".repeat(255),
    ] {
        let key = exported(&label);
        assert!(
            prove_all(&[clone(&key)], &[], None).is_ok(),
            "{} bytes",
            label.len()
        );
        assert_eq!(new_object(&key, true).ok().unwrap().0.label, label);
    }
}

#[test]
fn a_document_is_an_object_and_no_array() {
    let mut key = exported("a key");
    let json: serde_json::Value = serde_json::from_slice(key.secret.expose()).unwrap();
    let members = ["format", "label", "id", "usage", "pkcs8"].map(|name| json[name].clone());
    key.secret = bytes(serde_json::to_string(&members).unwrap().as_bytes());
    assert_eq!(name_of(token_key(&key)), "token-key-malformed");
}

#[test]
fn a_stored_pkcs8_comes_back_in_its_one_form() {
    let mut key = exported("a key");
    let mut json: serde_json::Value = serde_json::from_slice(key.secret.expose()).unwrap();
    let der = BASE64
        .decode(json["pkcs8"].as_str().unwrap().as_bytes())
        .unwrap();
    json["pkcs8"] = BASE64.encode(&[&der[..], &[0; 3]].concat()).into();
    key.secret = bytes(json.to_string().as_bytes());
    if let Ok(read) = token_key(&key) {
        assert!(read.secret.same(&der));
    }
}

fn aura() -> [u8; 128] {
    let (_, secret) =
        fips205::slh_dsa_shake_256f::KG::keygen_from_seed(&[1; 32], &[2; 32], &[3; 32]);
    secret.into_bytes()
}

fn aura_key(text: String, secret: &[u8]) -> BundleKey {
    BundleKey {
        key_type: "aura".into(),
        scheme: "sphincs-shake-256f-simple".into(),
        public: format!("0x{}", HEXLOWER.encode(&secret[64..128])),
        secret: bytes(text.as_bytes()),
        source: "/chain/keystore".into(),
    }
}

/// A keystore's text may have digits of either case, and such a key is sealed and opened.
#[test]
fn an_aura_key_in_upper_case_goes_into_a_token() {
    let secret = aura();
    let key = aura_key(format!("0x{}", HEXUPPER.encode(&secret)), &secret);
    assert!(prove_all(&[clone(&key)], &[], None).is_ok());
    let made = new_object(&key, true).map(|(object, _)| object.parts);
    assert!(matches!(made, Ok(Parts::Secret(value)) if value.same(&secret)));
}

#[test]
fn an_aura_key_that_is_not_proven_goes_into_no_token() {
    let secret = aura();
    let mut wrong = secret;
    wrong[0] ^= 1;
    let (_, small) =
        fips205::slh_dsa_shake_256s::KG::keygen_from_seed(&[1; 32], &[2; 32], &[3; 32]);
    let small = small.into_bytes();
    for (text, whole) in [
        (HEXLOWER.encode(&wrong), secret),
        (HEXLOWER.encode(&secret[..127]), secret),
        (HEXLOWER.encode(&[&secret[..], &[0]].concat()), secret),
        (String::new(), secret),
        (HEXLOWER.encode(&small), small),
    ] {
        let key = aura_key(format!("0x{text}"), &whole);
        assert_eq!(
            name_of(new_object(&key, true)),
            "token-key-malformed",
            "{} digits",
            text.len()
        );
    }
}

#[test]
fn an_ed25519_session_key_of_another_public_key_goes_into_no_token() {
    let key = BundleKey {
        key_type: "gran".into(),
        scheme: "ed25519".into(),
        public: format!("0x{}", "09".repeat(32)),
        secret: bytes(format!("0x{}", "07".repeat(32)).as_bytes()),
        source: SOURCE.into(),
    };
    assert_eq!(name_of(new_object(&key, true)), "token-key-malformed");
}

/// A file name may hold a key type that is no text; a bundle can't name it, so that no backup with it would open.
#[test]
fn a_key_type_that_a_bundle_can_not_name_stays_in_the_token() {
    let seed = format!("0x{}", "07".repeat(32));
    let public = crate::vault::schemes::ed25519::public_of(&seed, None).unwrap();
    let label = format!("01020304{}", HEXLOWER.encode(&public));
    let listed = labelled(Kind::Data, &label, None);
    let value = bytes(format!("\"{seed}\"").as_bytes());
    let data = prove(&listed, Material::Parts(Parts::Data(value)))
        .ok()
        .unwrap();
    match member(&data, SOURCE, None) {
        Ok(Member::Key(key)) => {
            let opens = prove_all(&[key], &[], None).is_ok();
            assert!(opens, "what was taken doesn't open again");
        }
        Ok(Member::File(_)) => panic!("no file"),
        Err(fault) => assert_eq!(fault.name(), "hsm-data-unknown"),
    }
    assert!(!known_data(&listed));
}

/// `CurvePrivateKey` bare, without its OCTET STRING: the first two bytes of such a seed may look like one.
#[test]
fn a_bare_ed25519_seed_may_begin_like_an_octet_string() {
    let mut seed = [7; 32];
    seed[..2].copy_from_slice(&[0x04, 0x20]);
    let Some(pair) = Pair::from_parts(&Parts::Ed25519(bytes(&seed))) else {
        panic!("a seed")
    };
    let whole = pair.pkcs8().unwrap();
    let algorithm = PrivateKeyInfo::try_from(whole.expose()).unwrap().algorithm;
    let bare = PrivateKeyInfo::new(algorithm, &seed).to_der().unwrap();
    let listed = labelled(Kind::Ed25519, "a key", pair.public());
    let read = prove(&listed, Material::Wrapped(bytes(&bare)));
    assert!(read.is_ok_and(|key| key.secret.same(whole.expose())));
}

#[test]
fn behind_an_oaep_block_stand_zeros_or_nothing() {
    let mut keys = WrapKeys::fresh().ok().unwrap();
    let (n, e) = keys.rsa_public().ok().unwrap();
    let number = rsa::BigUint::from_bytes_be;
    let public = rsa::RsaPublicKey::new(number(&n), number(&e)).unwrap();
    let padding = rsa::Oaep::new::<sha1::Sha1>();
    let blob = public
        .encrypt(&mut super::super::wrap::Kernel, padding, b"a key")
        .unwrap();
    for (tail, opens) in [
        (&[][..], true),
        (&[0; 64], true),
        (&[0; 65], false),
        (&[1], false),
    ] {
        let longer = [&blob[..], tail].concat();
        let opened = !keys.unwrap(Method::OaepSha1, [0; 12], &longer).is_empty();
        assert_eq!(opened, opens, "{tail:?}");
    }
}

/// Hostile numbers end in a refusal, never in a panic of the arithmetic.
#[test]
fn hostile_rsa_numbers_are_refused() {
    let listed = labelled(Kind::Rsa, "a key", Some(vec![1]));
    let numbers: [&[u8]; 5] = [&[], &[0], &[1], &[2], &[0xff; 256]];
    for choice in 0..5_usize.pow(5) {
        let at = |place: u32| bytes(numbers[choice / 5_usize.pow(place) % 5]);
        let parts = Parts::Rsa {
            n: at(0),
            e: at(1),
            d: at(2),
            p: at(3),
            q: at(4),
            dp: bytes(&[]),
            dq: bytes(&[]),
            qi: bytes(&[]),
        };
        assert_eq!(
            name_of(prove(&listed, Material::Parts(parts))),
            "hsm-key-malformed"
        );
    }
}

/// RFC 5649, section 6: 20 and 7 bytes under a key of 192 bits. The room's key has 256, so the vectors check the crate.
#[test]
fn the_vectors_of_rfc_5649_hold() {
    let hex = |text: &str| HEXLOWER.decode(text.as_bytes()).unwrap();
    let kek: [u8; 24] = hex("5840df6e29b02af1ab493b705bf16ea1ae8338f4dcc176a8")
        .try_into()
        .unwrap();
    let kek = aes_kw::KekAes192::from(kek);
    for (plain, blob) in [
        (
            "c37b7e6492584340bed12207808941155068f738",
            "138bdeaa9b8fa7fc61f97742e72248ee5ae6ae5360d1ae6a5f54f373fa543b6a",
        ),
        ("466f7250617369", "afbeb0f07dfbf5419200f2ccb50bb24f"),
    ] {
        assert_eq!(kek.unwrap_with_padding_vec(&hex(blob)).unwrap(), hex(plain));
    }
}
