//! After a proof, no copy of the secret is left: heap and stack are searched through /proc/self/mem.
//!
//! The secrets are published vectors and stay hex all the time, so raw bytes can only come from the proof. What is searched
//! for is kept inverted, so that the search does not find itself.

use std::fs::{self, File};
use std::os::unix::fs::FileExt;

use qh_ceremony::secret::SecretBytes;
use qh_ceremony::vault::keystore::{KeyClaim, NetworkPath, ProvenNetworkFile};
use qh_ceremony::vault::schemes::KeyType;

#[global_allocator]
static ALLOCATOR: zeroizing_alloc::ZeroAlloc<std::alloc::System> =
    zeroizing_alloc::ZeroAlloc(std::alloc::System);

/// Thirty-two raw bytes in hex, inverted byte by byte.
fn inverted(hex: &str) -> Vec<u8> {
    let digit = |digit: u8| match digit {
        b'0'..=b'9' => digit - b'0',
        _ => digit - b'a' + 10,
    };
    hex.as_bytes()
        .chunks(2)
        .map(|pair| !(digit(pair[0]) << 4 | digit(pair[1])))
        .collect()
}

/// How often the bytes whose inverse is `needle` stand in this process's writable memory.
fn copies(needle: &[u8]) -> usize {
    let maps = fs::read_to_string("/proc/self/maps").expect("maps");
    let memory = File::open("/proc/self/mem").expect("mem");
    let mut found = 0;
    let mut page = vec![0; 1 << 16];
    for map in maps.lines().filter(|map| map.contains(" rw")) {
        let (range, _) = map.split_once(' ').expect("range");
        let (start, end) = range.split_once('-').expect("range");
        let number = |text| u64::from_str_radix(text, 16).expect("hex");
        let (mut at, end) = (number(start), number(end));
        while at < end {
            let want = usize::try_from(end - at)
                .unwrap_or(usize::MAX)
                .min(page.len());
            let Ok(got) = memory.read_at(&mut page[..want], at) else {
                break;
            };
            if got == 0 {
                break;
            }
            let starts = page[..got]
                .iter()
                .enumerate()
                .filter(|(_, byte)| **byte == !needle[0]);
            let fits = |start: usize| {
                let there = page.get(start..start + needle.len());
                there.is_some_and(|there| {
                    there.iter().zip(needle).all(|(one, other)| *one == !other)
                })
            };
            found += starts
                .filter(|(start, _)| *start + needle.len() <= got && fits(*start))
                .count();
            // Overlap, so that nothing is missed at a border; a hit there would count twice, which is no harm.
            at += u64::try_from(got).expect("small");
            if at < end {
                at -= u64::try_from(needle.len() - 1).expect("small");
            }
        }
        page.fill(0);
    }
    found
}

#[test]
fn a_search_finds_what_is_there() {
    let needle = inverted("00112233445566778899aabbccddeeff0f1e2d3c4b5a69788796a5b4c3d2e1f0");
    assert_eq!(copies(&needle), 0);
    let planted: Vec<u8> = needle.iter().map(|byte| !byte).collect();
    assert!(copies(&needle) > 0);
    drop(planted);
    assert_eq!(copies(&needle), 0, "the allocator wipes");
}

fn prove(key_type: &str, public: &[u8], text: &str) {
    let claim = KeyClaim {
        key_type: KeyType::parse(key_type).expect("type"),
        public: public.to_vec(),
        secret_text: SecretBytes::new(text.as_bytes().to_vec()),
        source: String::new(),
    };
    assert!(claim.prove(None).is_ok());
}

#[test]
fn an_aura_secret_leaves_nothing() {
    let vectors: serde_json::Value =
        serde_json::from_str(include_str!("vectors/keystore/aura.json")).expect("vectors");
    let member = |name: &str| vectors[0][name].as_str().expect("text").to_owned();
    let public = data_encoding::HEXLOWER
        .decode(&member("public").as_bytes()[2..])
        .expect("hex");
    let secret = member("secret");
    let (seed, prf) = (inverted(&secret[2..66]), inverted(&secret[66..130]));
    prove("aura", &public, &secret);
    assert_eq!((copies(&seed), copies(&prf)), (0, 0));
}

#[test]
fn seeds_of_secret_uris_leave_nothing() {
    // RFC 8032, section 7.1, test 1; public keys from tests/vectors/keystore.
    let seed = "9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60";
    let needle = inverted(seed);
    let vectors: serde_json::Value =
        serde_json::from_str(include_str!("vectors/keystore/suri.json")).expect("vectors");
    for (key_type, scheme) in [("gran", "ed25519"), ("babe", "sr25519"), ("beef", "ecdsa")] {
        let suri = format!("0x{seed}");
        let vector = vectors
            .as_array()
            .expect("list")
            .iter()
            .find(|vector| vector["scheme"] == scheme && vector["suri"] == suri)
            .expect("vector");
        let public = vector["public"].as_str().expect("text");
        let public = data_encoding::HEXLOWER
            .decode(&public.as_bytes()[2..])
            .expect("hex");
        prove(key_type, &public, &suri);
        assert_eq!(copies(&needle), 0, "{scheme}");
    }
}

#[test]
fn a_phrase_leaves_neither_entropy_nor_seeds() {
    let alice = data_encoding::HEXLOWER
        .decode(b"d43593c715fdd31c61141abd04a99fd6822c8558854ccde39a5684e7a56da27d")
        .expect("hex");
    prove("babe", &alice, "//Alice");
    for known in [
        // The development phrase's entropy, its mini secret, and the mini secret of //Alice; all published.
        "46ebddef8cd9bb167dc30878d7113b7e",
        "fac7959dbfe72f052e5a0c3c8d6530f202b02fd8f9f5ca3580ec8deb7797479e",
        "e5be9a5092b81bca64be81d212e7f2f9eba183bb7a90954f7b76361f6edb5c0a",
    ] {
        assert_eq!(copies(&inverted(known)), 0, "{known}");
    }
}

#[test]
fn a_falcon_secret_leaves_nothing() {
    let identity = include_str!("vectors/keystore/identity.json");
    let secret = identity
        .split_once("falcon_secret_key\": \"0x")
        .expect("member")
        .1;
    // Within F, whose decoded coefficients are the encoded bytes.
    let needle = inverted(&secret[2 * 1400..2 * 1432]);
    let content = SecretBytes::new(identity.as_bytes().to_vec());
    let file = ProvenNetworkFile::prove(NetworkPath::PqcIdentity, content);
    assert!(file.is_ok());
    assert_eq!(copies(&needle), 0);
}
