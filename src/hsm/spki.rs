//! Public keys of tokens as SubjectPublicKeyInfo (RFC 5480, 8017, 8410), from the attributes in which PKCS#11 has them.

/// `CKA_EC_PARAMS` of P-256: the OID 1.2.840.10045.3.1.7.
pub const P256_PARAMS: [u8; 10] = [0x06, 0x08, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07];
/// `CKA_EC_PARAMS` of Ed25519 as most modules have it: the PrintableString `edwards25519`.
pub const ED25519_NAME: [u8; 14] = *b"\x13\x0cedwards25519";
/// The same as the OID 1.3.101.112.
const ED25519_OID: [u8; 5] = [0x06, 0x03, 0x2b, 0x65, 0x70];

const P256_HEAD: [u8; 26] = [
    0x30, 0x59, 0x30, 0x13, 0x06, 0x07, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01, 0x06, 0x08, 0x2a,
    0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07, 0x03, 0x42, 0x00,
];
const ED25519_HEAD: [u8; 12] = [
    0x30, 0x2a, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x03, 0x21, 0x00,
];
/// AlgorithmIdentifier of rsaEncryption, with its NULL.
const RSA_ALGORITHM: [u8; 15] = [
    0x30, 0x0d, 0x06, 0x09, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x01, 0x05, 0x00,
];

/// Whether `CKA_EC_PARAMS` are those of Ed25519.
pub fn is_ed25519(params: &[u8]) -> bool {
    params == ED25519_NAME || params == ED25519_OID
}

/// DER: a tag, a length, the value.
fn der(tag: u8, value: &[u8]) -> Vec<u8> {
    let length = value.len().to_be_bytes();
    let first = length
        .iter()
        .position(|byte| *byte != 0)
        .unwrap_or(length.len() - 1);
    let mut out = vec![tag];
    if value.len() < 128 {
        out.push(length[length.len() - 1]);
    } else {
        out.push(0x80 | u8::try_from(length.len() - first).unwrap_or(8));
        out.extend_from_slice(&length[first..]);
    }
    out.extend_from_slice(value);
    out
}

/// An OCTET STRING, as `CKA_EC_POINT` wraps points in.
pub fn octet_string(value: &[u8]) -> Vec<u8> {
    der(0x04, value)
}

/// A point as `CKA_EC_POINT` holds it: inside of an OCTET STRING, or bare as some modules have it.
fn point(attribute: &[u8], length: usize) -> Option<&[u8]> {
    match attribute {
        [0x04, own, rest @ ..] if usize::from(*own) == length && rest.len() == length => Some(rest),
        bare if bare.len() == length => Some(bare),
        _ => None,
    }
}

/// P-256 from `CKA_EC_POINT`: an uncompressed point, 65 bytes.
pub fn p256(attribute: &[u8]) -> Option<Vec<u8>> {
    let point = point(attribute, 65).filter(|point| point.first() == Some(&4))?;
    Some([&P256_HEAD, point].concat())
}

/// Ed25519 from `CKA_EC_POINT`: 32 bytes.
pub fn ed25519(attribute: &[u8]) -> Option<Vec<u8>> {
    Some([&ED25519_HEAD, point(attribute, 32)?].concat())
}

fn without_zeros(number: &[u8]) -> &[u8] {
    let first = number
        .iter()
        .position(|byte| *byte != 0)
        .unwrap_or(number.len());
    &number[first..]
}

/// How many bits a big-endian number has.
pub fn bits(number: &[u8]) -> u64 {
    match without_zeros(number) {
        [] => 0,
        [first, rest @ ..] => rest.len() as u64 * 8 + u64::from(8 - first.leading_zeros()),
    }
}

fn integer(number: &[u8]) -> Vec<u8> {
    let number = without_zeros(number);
    match number.first() {
        Some(first) if *first < 0x80 => der(0x02, number),
        _ => der(0x02, &[&[0], number].concat()),
    }
}

/// RSA from `CKA_MODULUS` and `CKA_PUBLIC_EXPONENT`; `None` for numbers that are none.
pub fn rsa(n: &[u8], e: &[u8]) -> Option<Vec<u8>> {
    if bits(n) < 1024 || bits(n) > 8192 || bits(e) == 0 || bits(e) > 64 {
        return None;
    }
    let key = der(0x30, &[integer(n), integer(e)].concat());
    let string = der(0x03, &[vec![0], key].concat());
    Some(der(0x30, &[&RSA_ALGORITHM[..], &string].concat()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use p256::pkcs8::EncodePublicKey as _;
    use rsa::pkcs8::DecodePublicKey as _;
    use rsa::traits::PublicKeyParts as _;

    #[test]
    fn points_make_what_other_code_reads() {
        let own = p256::SecretKey::from_slice(&[7; 32]).unwrap().public_key();
        let sec1 = own.to_sec1_bytes();
        let der = own.to_public_key_der().unwrap();
        assert_eq!(super::p256(&octet_string(&sec1)).unwrap(), der.as_bytes());
        assert_eq!(super::p256(&sec1).unwrap(), der.as_bytes());
        for wrong in [
            &sec1[1..],
            &[&[0x04, 0x41], &sec1[..64]].concat(),
            &[3; 65],
            &[],
        ] {
            assert_eq!(super::p256(wrong), None);
        }
        assert_eq!(ed25519(&[1; 32]).unwrap().len(), 44);
        assert_eq!(ed25519(&octet_string(&[1; 32])), ed25519(&[1; 32]));
        assert_eq!(ed25519(&[1; 33]), None);
    }

    #[test]
    fn rsa_keys_make_what_other_code_reads() {
        let mut n = vec![0xc3; 256];
        n[255] = 0x01;
        for front in [vec![], vec![0, 0]] {
            let der = rsa(&[front, n.clone()].concat(), &[1, 0, 1]).unwrap();
            let read = ::rsa::RsaPublicKey::from_public_key_der(&der).unwrap();
            assert_eq!(read.n().to_bytes_be(), n);
        }
        assert_eq!(bits(&n), 2048);
        assert_eq!(bits(&[0, 1, 0]), 9);
        for (n, e) in [
            (&[][..], &[3][..]),
            (&[1; 2000], &[3]),
            (&[0xff; 256], &[]),
            (&[0xff; 256], &[9; 9]),
        ] {
            assert_eq!(rsa(n, e), None);
        }
    }
}
