//! JWE files: nothing changes unnoticed, and nothing opens before its key check.

use crate::fixture::{self, IV, KEY_CHECK, refusal, refused};
use proptest::prelude::*;
use qh_ceremony::refusal::Refuse;
use qh_ceremony::vault::bundle::{Bundle, Threshold};
use qh_ceremony::vault::checked::CheckedKey;
use qh_ceremony::vault::header::Header;
use qh_ceremony::vault::seal_jwe;
use qh_ceremony::vault::sealed::{MAX_SEALED, Sealed, SealedError};
use sha2::{Digest, Sha256};

fn sealed() -> Vec<u8> {
    seal_jwe::seal(
        &fixture::bundle(),
        &fixture::header(),
        &fixture::jwe_key(),
        IV,
    )
    .expect("the test bundle is valid")
}

fn open(file: &[u8]) -> Result<(), SealedError> {
    Sealed::read(file.to_vec(), None)?
        .open(KEY_CHECK, fixture::keys())
        .map(|_| ())
}

#[test]
fn sealing_gives_the_published_bytes() {
    let vector = std::fs::read(crate::vectors::folder("jwe").join("good.vector")).unwrap();
    assert_eq!(vector.strip_prefix(b"expect: ok\n\n").unwrap(), sealed());
}

#[test]
fn opens_to_what_was_sealed() {
    let sealed = Sealed::read(sealed(), None).unwrap();
    assert_eq!(sealed.header(), Some(&fixture::header()));
    assert_eq!(
        sealed.sha256(),
        <[u8; 32]>::from(Sha256::digest(sealed.file()))
    );
    let opened = sealed
        .open(KEY_CHECK, fixture::keys())
        .unwrap_or_else(|e| panic!("{e}"));
    fixture::assert_same(&opened, &fixture::bundle());
}

#[test]
fn every_byte_of_the_file_counts() {
    let good = sealed();
    for at in 0..good.len() {
        // One bit, a different one at each place, and the bit that changes a letter's case.
        for bit in [1 << (at % 8), 0x20] {
            let mut bad = good.clone();
            bad[at] ^= bit;
            assert!(open(&bad).is_err(), "byte {at} changed unnoticed");
        }
    }
}

#[test]
fn every_truncation_is_refused() {
    let good = sealed();
    for length in 0..good.len() {
        assert!(
            open(&good[..length]).is_err(),
            "accepted after {length} bytes"
        );
    }
}

#[test]
fn another_key_check_is_refused_before_opening() {
    let sealed = Sealed::read(sealed(), None).unwrap();
    let error = refusal(sealed.open([0xc8; 32], fixture::keys()));
    assert_eq!(error.name(), "key-check-differs");
    assert_eq!(
        error.to_string(),
        "The key check differs: the secret of these shares is not the one that sealed the file of set 88b102ae5c19."
    );
    assert_eq!(
        error.way_on(),
        "Compare the set id on each sheet with that of the sealed file, and bring one more sheet."
    );
}

#[test]
fn a_key_checked_against_another_file_opens_nothing() {
    let mut other_set = fixture::header();
    other_set.set_id = [1; 6];
    let key = CheckedKey::new(&other_set, KEY_CHECK, fixture::jwe_key())
        .ok()
        .unwrap();
    assert_eq!(
        refused(seal_jwe::open(&sealed(), &key)),
        "key-check-differs"
    );
    let mut other_check = fixture::header();
    other_check.key_check = [1; 32];
    let key = CheckedKey::new(&other_check, [1; 32], fixture::jwe_key())
        .ok()
        .unwrap();
    assert_eq!(
        refused(seal_jwe::open(&sealed(), &key)),
        "key-check-differs"
    );
}

#[test]
fn a_wrong_key_with_the_right_check_says_changed() {
    let wrong = qh_ceremony::secret::Secret32::init_with(|bytes| bytes.fill(1));
    let key = CheckedKey::new(&fixture::header(), KEY_CHECK, wrong)
        .ok()
        .unwrap();
    let error = refusal(seal_jwe::open(&sealed(), &key));
    assert_eq!(error.name(), "sealed-changed");
    assert_eq!(
        error.to_string(),
        "The sealed file was changed or damaged since it was sealed: its seal does not hold."
    );
}

#[test]
fn what_could_not_be_opened_is_not_sealed() {
    let mut header = fixture::header();
    header.n = 6;
    let seal =
        |bundle: Bundle, header: &Header| seal_jwe::seal(&bundle, header, &fixture::jwe_key(), IV);
    let error = refusal(seal(fixture::bundle(), &header));
    assert_eq!(error.name(), "sealed-header-differs");
    assert_eq!(
        error.to_string(),
        "The sealed file's header and the bundle inside differ in `n`: the header was changed or exchanged."
    );
    let mut bundle = fixture::bundle();
    bundle.threshold = None;
    assert_eq!(
        refused(seal(bundle, &fixture::header())),
        "bundle-threshold-missing"
    );
    let mut bundle = fixture::bundle();
    bundle.threshold = Some(Threshold { k: 1, n: 1 });
    let header = bundle.header().unwrap();
    assert_eq!(refused(seal(bundle, &header)), "jwe-header-bad-member");
}

#[test]
fn size_kind_and_company_are_checked() {
    assert_eq!(
        refused(Sealed::read(vec![b'{'; MAX_SEALED + 1], None)),
        "sealed-too-large"
    );
    assert_eq!(
        refused(seal_jwe::read_header(&vec![b' '; MAX_SEALED + 1])),
        "jwe-too-large"
    );
    assert_eq!(
        refused(Sealed::read(sealed(), Some(b"{}"))),
        "sidecar-unexpected"
    );
    let error = refusal(Sealed::read(b"PK\x03\x04".to_vec(), None));
    assert_eq!(error.name(), "sealed-unknown-kind");
    assert_eq!(
        error.to_string(),
        "This is no sealed backup: it is neither a JWE nor an age file."
    );
}

#[test]
fn a_forbidden_member_is_named() {
    let bad = String::from_utf8(sealed())
        .unwrap()
        .replacen('{', "{\"unprotected\":{},", 1);
    let error = refusal(Sealed::read(bad.into_bytes(), None));
    assert_eq!(error.name(), "jwe-unprotected");
    assert_eq!(
        error.to_string(),
        "The sealed file has the member `unprotected`, which this format forbids."
    );
}

#[test]
fn a_rehearsal_says_so_in_its_header() {
    let mut bundle = fixture::bundle();
    bundle.rehearsal = true;
    let header = bundle.header().unwrap();
    let file = seal_jwe::seal(&bundle, &header, &fixture::jwe_key(), IV).unwrap();
    assert!(
        Sealed::read(file, None)
            .unwrap()
            .header()
            .unwrap()
            .rehearsal
    );
}

proptest! {
    #[test]
    fn any_one_byte_change_is_refused(at in any::<prop::sample::Index>(), other in 1..=255u8) {
        let mut bad = sealed();
        let at = at.index(bad.len());
        bad[at] ^= other;
        prop_assert!(open(&bad).is_err());
    }

    #[test]
    fn no_bytes_end_the_program(bytes in prop::collection::vec(any::<u8>(), 0..512)) {
        prop_assert!(open(&bytes).is_err());
        let object = [b"{".as_slice(), &bytes].concat();
        prop_assert!(open(&object).is_err());
        prop_assert!(open(&[b"age-encryption.org/v1\n-> ".as_slice(), &bytes].concat()).is_err());
    }
}
