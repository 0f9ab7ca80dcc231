//! Keys from the secret S. HMAC is HMAC-SHA-256 keyed with S; the set id is its 6 bytes.
//!
//! - key check = HMAC(S, `qh-ceremony check v1` ‖ set id), public
//! - JWE key = HMAC(S, `qh-ceremony jwe v1` ‖ set id)
//! - age passphrase = the 24 BIP-39 words, with single spaces, of HMAC(S, `qh-ceremony age v1` ‖ set id)

use hmac::digest::FixedOutput;
use hmac::{Hmac, Mac};
use sha2::Sha256;
use subtle::ConstantTimeEq;

use super::public::{KeyCheck, SetId};
use super::words::phrase;
use crate::secret::{Secret32, SecretText};

fn keyed(s: &Secret32, label: &str, set: SetId) -> Hmac<Sha256> {
    let mut mac =
        <Hmac<Sha256> as Mac>::new_from_slice(s.expose()).expect("HMAC takes a key of any length");
    mac.update(label.as_bytes());
    mac.update(&set.0);
    mac
}

fn derive(s: &Secret32, label: &str, set: SetId) -> Secret32 {
    Secret32::init_with(|own| {
        keyed(s, label, set).finalize_into(own.into());
    })
}

/// The key check of S: public, compared before anything is opened.
pub fn key_check(s: &Secret32, set: SetId) -> KeyCheck {
    KeyCheck(
        keyed(s, "qh-ceremony check v1", set)
            .finalize()
            .into_bytes()
            .into(),
    )
}

/// Whether S gives this key check; compares in constant time.
pub fn gives(s: &Secret32, set: SetId, expected: &KeyCheck) -> bool {
    key_check(s, set).0.ct_eq(&expected.0).into()
}

/// The 256-bit key of the sealed `*.jwe` (`alg` `dir`, `enc` `A256GCM`).
pub fn jwe_key(s: &Secret32, set: SetId) -> Secret32 {
    derive(s, "qh-ceremony jwe v1", set)
}

/// The passphrase of the sealed `*.age`: 24 lower-case words with single spaces.
pub fn age_passphrase(s: &Secret32, set: SetId) -> SecretText {
    phrase(&derive(s, "qh-ceremony age v1", set))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels_and_set_ids_separate() {
        let s = Secret32::init_with(|own| own.fill(9));
        let (one, two) = (SetId([1; 6]), SetId([2; 6]));
        assert!(!jwe_key(&s, one).same(&key_check(&s, one).0));
        assert!(!jwe_key(&s, one).same(jwe_key(&s, two).expose()));
        assert!(gives(&s, one, &key_check(&s, one)));
        assert!(!gives(&s, two, &key_check(&s, one)));
        let other = Secret32::init_with(|own| own.fill(8));
        assert!(!gives(&other, one, &key_check(&s, one)));
    }

    #[test]
    fn the_age_passphrase_is_a_bip39_phrase() {
        let s = Secret32::init_with(|own| own.fill(9));
        let passphrase = age_passphrase(&s, SetId([1; 6]));
        let read =
            bip39::Mnemonic::parse_in_normalized(bip39::Language::English, passphrase.expose())
                .unwrap();
        assert_eq!(read.word_count(), 24);
        assert!(derive(&s, "qh-ceremony age v1", SetId([1; 6])).same(&read.to_entropy()));
    }
}
