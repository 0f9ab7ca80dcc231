//! Entropy: everything random in a backup comes from one pool, to which people, HSM and machine contribute.
//!
//! pool = HMAC-SHA-256(key `qh-ceremony entropy v1`, le32(len) ‖ dice ‖ le32(len) ‖ hsm ‖ le32(len) ‖ os), which is
//! HKDF-Extract (RFC 5869) with the label as salt: the pool is the pseudorandom key (PRK). Each output is HKDF-Expand
//! of it with an `info` label of its own:
//!
//! | output | `info` | bytes |
//! |---|---|---|
//! | secret S | `qh-ceremony secret v1` | 32 |
//! | seed of the polynomials' coefficients | `qh-ceremony coefficients v1` | 32 |
//! | set id | `qh-ceremony set id v1` | 6 |
//! | iv of the JWE | `qh-ceremony jwe iv v1` | 12 |
//! | salt for a named use | `qh-ceremony salt v1` ‖ `:` ‖ name | 32 |
//!
//! One pool serves one set: a second set needs a second pool, with 64 fresh bytes of the operating system. The pool is
//! as good as its best source, as long as the operating system's bytes are drawn last, after dice and HSM are fixed.

use hkdf::Hkdf;
use hmac::digest::FixedOutput;
use hmac::{Hmac, Mac};
use sha2::Sha256;

use super::Secret32;

/// The pool: a 32-byte pseudorandom key that never leaves this type.
pub struct Pool(Secret32);

impl Pool {
    /// Gathers the sources: dice as typed (any bytes, possibly none), bytes of the HSM (possibly none), and 64 bytes
    /// drawn last from the operating system's generator.
    pub fn gather(dice: &[u8], hsm: &[u8], os: &[u8; 64]) -> Self {
        let mut mac = <Hmac<Sha256> as Mac>::new_from_slice(b"qh-ceremony entropy v1")
            .expect("HMAC takes a key of any length");
        for source in [dice, hsm, os.as_slice()] {
            let length = u32::try_from(source.len()).expect("a source has less than 4 GiB");
            mac.update(&length.to_le_bytes());
            mac.update(source);
        }
        Self(Secret32::init_with(|own| mac.finalize_into(own.into())))
    }

    fn expand(&self, info: &[&[u8]], out: &mut [u8]) {
        Hkdf::<Sha256>::from_prk(self.0.expose())
            .expect("32 bytes are a whole PRK of SHA-256")
            .expand_multi_info(info, out)
            .expect("HKDF gives up to 8160 bytes");
    }

    fn secret_of(&self, label: &str) -> Secret32 {
        Secret32::init_with(|own| self.expand(&[label.as_bytes()], own))
    }

    fn public_of<const N: usize>(&self, label: &str) -> [u8; N] {
        let mut out = [0; N];
        self.expand(&[label.as_bytes()], &mut out);
        out
    }

    /// The secret S that is split into shares.
    pub fn secret(&self) -> Secret32 {
        self.secret_of("qh-ceremony secret v1")
    }

    /// The seed from which all polynomial coefficients are drawn.
    pub fn coefficient_seed(&self) -> Secret32 {
        self.secret_of("qh-ceremony coefficients v1")
    }

    /// The id of the set of shares. Public.
    pub fn set_id(&self) -> [u8; 6] {
        self.public_of("qh-ceremony set id v1")
    }

    /// The iv of the sealed JWE. Public. One pool seals one JWE, with a key that is used once.
    pub fn jwe_iv(&self) -> [u8; 12] {
        self.public_of("qh-ceremony jwe iv v1")
    }

    /// A public salt for the use called `name`; other names give unrelated salts.
    pub fn salt(&self, name: &str) -> [u8; 32] {
        let mut out = [0; 32];
        self.expand(&[b"qh-ceremony salt v1:", name.as_bytes()], &mut out);
        out
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use static_assertions::assert_not_impl_any;

    use super::*;

    assert_not_impl_any!(Pool: std::fmt::Debug, Clone, PartialEq, serde::Serialize);

    fn outputs(pool: &Pool) -> Vec<Vec<u8>> {
        vec![
            pool.secret().expose().to_vec(),
            pool.coefficient_seed().expose().to_vec(),
            pool.salt("").to_vec(),
            pool.salt("annex").to_vec(),
            pool.set_id().to_vec(),
            pool.jwe_iv().to_vec(),
        ]
    }

    #[test]
    fn outputs_are_unrelated() {
        let all = outputs(&Pool::gather(b"1234", b"", &[7; 64]));
        let starts: HashSet<&[u8]> = all.iter().map(|output| &output[..6]).collect();
        assert_eq!(starts.len(), all.len());
    }

    #[test]
    fn every_source_and_boundary_counts() {
        let os = [7; 64];
        let pools = [
            Pool::gather(b"1234", b"", &os),
            Pool::gather(b"", b"1234", &os),
            Pool::gather(b"12", b"34", &os),
            Pool::gather(b"1235", b"", &os),
            Pool::gather(b"1234", b"", &[8; 64]),
        ];
        let secrets: HashSet<[u8; 32]> = pools.iter().map(|pool| *pool.secret().expose()).collect();
        assert_eq!(secrets.len(), pools.len());
        let again = Pool::gather(b"1234", b"", &os);
        assert_eq!(outputs(&again), outputs(&pools[0]));
    }

    #[test]
    fn the_pool_is_hkdf_extract() {
        let message = [
            &[2u8, 0, 0, 0][..],
            b"66",
            &[0; 4],
            &[64, 0, 0, 0],
            &[7; 64],
        ]
        .concat();
        let whole = Hkdf::<Sha256>::new(Some(b"qh-ceremony entropy v1"), &message);
        let mut secret = [0; 32];
        whole.expand(b"qh-ceremony secret v1", &mut secret).unwrap();
        assert!(Pool::gather(b"66", b"", &[7; 64]).secret().same(&secret));
    }
}
