//! Proofs of key pairs, against keys that other implementations made.

use qh_ceremony::secret::{SecretBytes, SecretText};
use qh_ceremony::vault::schemes::{self, KeyType, PairFault, Scheme};

#[derive(serde::Deserialize)]
struct Vector {
    scheme: String,
    suri: String,
    public: String,
}

fn vectors() -> Vec<Vector> {
    serde_json::from_str(include_str!("vectors/keystore/suri.json")).expect("vectors")
}

fn bytes(hex: &str) -> Vec<u8> {
    let digits = hex.strip_prefix("0x").expect("0x");
    data_encoding::HEXLOWER
        .decode(digits.as_bytes())
        .expect("hex")
}

fn secret(text: &str) -> SecretBytes {
    SecretBytes::new(text.as_bytes().to_vec())
}

fn key_type(scheme: Scheme) -> KeyType {
    KeyType::parse(match scheme {
        Scheme::Ed25519 => "gran",
        Scheme::Sr25519 => "babe",
        Scheme::Ecdsa => "beef",
        _ => "aura",
    })
    .expect("four characters")
}

#[test]
fn every_published_uri_gives_its_public_key() {
    let vectors = vectors();
    assert!(vectors.len() > 100, "only {} vectors", vectors.len());
    for vector in vectors {
        let scheme = Scheme::from_name(&vector.scheme).expect("scheme");
        let public = bytes(&vector.public);
        let proof = schemes::prove(key_type(scheme), &public, &secret(&vector.suri), None);
        assert_eq!(proof, Ok(scheme), "{} {}", vector.scheme, vector.suri);
    }
}

/// The development account that every Substrate document names.
#[test]
fn alice_is_alice() {
    let alice = |key_type, public| {
        schemes::prove(
            KeyType::parse(key_type).expect("type"),
            &bytes(public),
            &secret("//Alice"),
            None,
        )
    };
    assert_eq!(
        alice(
            "babe",
            "0xd43593c715fdd31c61141abd04a99fd6822c8558854ccde39a5684e7a56da27d"
        ),
        Ok(Scheme::Sr25519)
    );
    assert_eq!(
        alice(
            "gran",
            "0x88dc3417d5058ec4b4503e0c12ea1a0a89be200fe98922423d4334014fa6b0ee"
        ),
        Ok(Scheme::Ed25519)
    );
    assert_eq!(
        alice(
            "beef",
            "0x020a1091341fe5664bfa1782d5e04779689068c916b04cb365ec3153755684d9a1"
        ),
        Ok(Scheme::Ecdsa)
    );
}

#[test]
fn a_keystore_password_takes_the_place_of_the_one_in_the_uri() {
    let mut tried = 0;
    for vector in vectors() {
        let Some((uri, password)) = vector.suri.split_once("///") else {
            continue;
        };
        let scheme = Scheme::from_name(&vector.scheme).expect("scheme");
        let public = bytes(&vector.public);
        let prove = |uri: &str, password: Option<&str>| {
            let password = password.map(|text| SecretText::new(text.to_owned()));
            schemes::prove(key_type(scheme), &public, &secret(uri), password.as_ref())
        };
        assert_eq!(prove(uri, Some(password)), Ok(scheme));
        assert_eq!(prove(&format!("{uri}///other"), Some(password)), Ok(scheme));
        let mismatch = |password| Err(PairFault::PublicMismatch { scheme, password });
        assert_eq!(prove(uri, None), mismatch(false));
        assert_eq!(prove(&vector.suri, Some("other")), mismatch(true));
        tried += 1;
    }
    assert!(tried > 6);
}

#[test]
fn soft_junctions_are_refused_where_they_do_not_exist() {
    for (name, scheme, len) in [("gran", Scheme::Ed25519, 32), ("beef", Scheme::Ecdsa, 33)] {
        let key_type = KeyType::parse(name).expect("type");
        let proof = schemes::prove(key_type, &vec![0; len], &secret("//Alice/soft"), None);
        assert_eq!(proof, Err(PairFault::SuriSoftJunction { scheme }));
    }
}

#[test]
fn an_ecdsa_seed_outside_of_the_group_is_refused() {
    let beef = KeyType::parse("beef").expect("type");
    for seed in ["00".repeat(32), "ff".repeat(32)] {
        let proof = schemes::prove(beef, &[2; 33], &secret(&format!("0x{seed}")), None);
        assert_eq!(
            proof,
            Err(PairFault::SuriSeed {
                scheme: Scheme::Ecdsa
            })
        );
    }
}

#[test]
fn key_types_fix_the_scheme() {
    let alice_ed = bytes("0x88dc3417d5058ec4b4503e0c12ea1a0a89be200fe98922423d4334014fa6b0ee");
    let alice_sr = bytes("0xd43593c715fdd31c61141abd04a99fd6822c8558854ccde39a5684e7a56da27d");
    let prove = |name: &str, public: &[u8]| {
        schemes::prove(
            KeyType::parse(name).expect("type"),
            public,
            &secret("//Alice"),
            None,
        )
    };
    assert_eq!(prove("aura", &alice_sr), Ok(Scheme::Sr25519));
    assert_eq!(prove("aura", &alice_ed), Ok(Scheme::Ed25519));
    let mismatch = |scheme| {
        Err(PairFault::PublicMismatch {
            scheme,
            password: false,
        })
    };
    assert_eq!(prove("gran", &alice_sr), mismatch(Scheme::Ed25519));
    assert_eq!(prove("babe", &alice_ed), mismatch(Scheme::Sr25519));
    let (key_type, found) = (KeyType::AURA, 63);
    assert_eq!(
        prove("aura", &[0; 63]),
        Err(PairFault::PublicLength { key_type, found })
    );
}

#[test]
fn an_unlisted_type_is_tried_and_otherwise_unprovable() {
    let alice_sr = bytes("0xd43593c715fdd31c61141abd04a99fd6822c8558854ccde39a5684e7a56da27d");
    let key_type = KeyType::parse("zzzz").expect("type");
    assert_eq!(
        schemes::prove(key_type, &alice_sr, &secret("//Alice"), None),
        Ok(Scheme::Sr25519)
    );
    for public in [vec![1; 32], vec![1; 48], vec![1; 1]] {
        let proof = schemes::prove(key_type, &public, &secret("//Alice"), None);
        assert_eq!(
            proof,
            Err(PairFault::Unprovable {
                key_type,
                public_len: public.len()
            })
        );
    }
}

#[test]
fn scheme_names_are_stable() {
    let names: Vec<&str> = Scheme::ALL.into_iter().map(Scheme::name).collect();
    assert_eq!(
        names,
        [
            "sphincs-shake-256f-simple",
            "ed25519",
            "sr25519",
            "ecdsa",
            "falcon-1024",
            "node-key-ed25519"
        ]
    );
    assert_eq!(Scheme::from_name("sphincs"), None);
}
