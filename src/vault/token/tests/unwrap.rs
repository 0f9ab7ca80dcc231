//! Unwrapping, against published vectors and against what is cut, changed, or longer than it was.

use super::*;

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
            &mut crate::vault::token::wrap::Kernel,
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
