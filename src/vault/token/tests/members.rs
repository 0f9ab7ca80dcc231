//! Members of a bundle, out of a token and into one, and challenges.

use super::*;

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
        // What is searched for is the secret alone, in the form in which it stands in the document.
        let numbers = secret_numbers(&key);
        assert_eq!(numbers.len(), if kind == Kind::Rsa { 3 } else { 1 });
        let document = String::from_utf8(key.secret.expose().to_vec()).unwrap();
        let public = format!("{:?}", pair(kind).public().unwrap());
        for number in numbers {
            assert!(number.len() >= 29);
            assert!(document.contains(&BASE64.encode(number.expose())));
            assert!(!public.contains(format!("{:?}", number.expose()).trim_matches(['[', ']'])));
        }
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
