//! age files and their sidecars.

use crate::fixture::{self, KEY_CHECK, refusal, refused};
use qh_ceremony::refusal::Refuse;
use qh_ceremony::secret::SecretBytes;
use qh_ceremony::vault::bundle::Bundle;
use qh_ceremony::vault::checked::CheckedKey;
use qh_ceremony::vault::seal_age;
use qh_ceremony::vault::sealed::Sealed;
use qh_ceremony::vault::sidecar::{MAX_SIDECAR, Sidecar};

fn sealed(bundle: &Bundle) -> (Vec<u8>, Vec<u8>) {
    let header = bundle.header().expect("k and n");
    seal_age::seal(bundle, &header, &fixture::passphrase()).expect("the test bundle is valid")
}

/// Opens with a sidecar made for these very bytes, so that only the seal can refuse.
fn open_with_own_sidecar(file: &[u8]) -> &'static str {
    let sidecar = Sidecar::new(fixture::header(), file).unwrap();
    let key = CheckedKey::new(&sidecar.header, KEY_CHECK, fixture::passphrase())
        .ok()
        .unwrap();
    refused(seal_age::open(file, &sidecar, &key))
}

#[test]
fn opens_to_what_was_sealed_with_and_without_sidecar() {
    let (file, sidecar) = sealed(&fixture::bundle());
    let whole = Sealed::read(file.clone(), Some(&sidecar)).unwrap();
    assert_eq!(whole.header(), Some(&fixture::header()));
    let opened = whole
        .open(KEY_CHECK, fixture::keys())
        .unwrap_or_else(|e| panic!("{e}"));
    fixture::assert_same(&opened, &fixture::bundle());

    let alone = Sealed::read(file.clone(), None).unwrap();
    assert_eq!(alone.header(), None);
    let error = refusal(alone.open(KEY_CHECK, fixture::keys()));
    assert_eq!(error.name(), "sidecar-missing");
    assert_eq!(
        error.to_string(),
        "The sidecar of the age file is missing, so its set and key check are not known."
    );
    let opened = seal_age::open_without_sidecar(&file, KEY_CHECK, &fixture::passphrase())
        .unwrap_or_else(|e| panic!("{e}"));
    assert_eq!(Sidecar::rebuild(&opened, &file).unwrap().to_json(), sidecar);
    let other = seal_age::open_without_sidecar(&file, [0; 32], &fixture::passphrase());
    assert_eq!(refused(other), "key-check-differs");
}

#[test]
fn every_bit_of_the_sidecar_counts() {
    let (file, good) = sealed(&fixture::bundle());
    let bundle = fixture::bundle();
    for at in 0..good.len() {
        for bit in 0..8 {
            let mut bad = good.clone();
            bad[at] ^= 1 << bit;
            // The steps of opening, without the work of scrypt.
            let noticed = Sidecar::parse(&bad).map_or(true, |sidecar| {
                sidecar.belongs_to(&file).is_err()
                    || CheckedKey::new(&sidecar.header, KEY_CHECK, ()).is_err()
                    || bundle.header_agrees(&sidecar.header).is_err()
            });
            assert!(noticed, "bit {bit} of byte {at} changed unnoticed");
        }
    }
}

#[test]
fn every_byte_of_the_file_counts() {
    let (good, sidecar) = sealed(&fixture::bundle());
    for at in 0..good.len() {
        let mut bad = good.clone();
        bad[at] ^= 1 << (at % 8);
        assert!(
            Sealed::read(bad, Some(&sidecar)).is_err(),
            "byte {at} changed unnoticed"
        );
    }
}

#[test]
fn the_seal_itself_notices_changes_anywhere() {
    let (good, _) = sealed(&fixture::bundle());
    let step = good.len() / 8;
    for at in (0..8).map(|i| i * step + i).chain([good.len() - 1]) {
        let mut bad = good.clone();
        bad[at] ^= 1;
        let name = open_with_own_sidecar(&bad);
        assert!(
            [
                "sealed-changed",
                "age-header",
                "age-version",
                "age-not-passphrase"
            ]
            .contains(&name)
                || (at < 19 && name == "sealed-unknown-kind"),
            "byte {at}: {name}"
        );
    }
}

#[test]
fn a_file_cut_between_two_chunks_is_refused() {
    let mut bundle = fixture::bundle();
    bundle.files[0].content = SecretBytes::new(vec![7; 64 * 1024]);
    let (file, _) = sealed(&bundle);
    let chunks = file.windows(5).position(|w| w == b"\n--- ").unwrap() + 5 + 43 + 1 + 16;
    let cut = chunks + 64 * 1024 + 16;
    assert!(cut < file.len());
    assert_eq!(open_with_own_sidecar(&file[..cut]), "sealed-changed");
    assert_eq!(open_with_own_sidecar(&file[..chunks]), "sealed-changed");
}

#[test]
fn a_sidecar_of_another_file_is_named_with_both_hashes() {
    let (file, sidecar) = sealed(&fixture::bundle());
    let (other, _) = sealed(&fixture::bundle());
    assert_ne!(file, other);
    let error = refusal(Sealed::read(other, Some(&sidecar)));
    assert_eq!(error.name(), "sidecar-of-other-file");
    let text = error.to_string();
    assert!(
        text.starts_with("The sidecar belongs to another file: it states SHA-256 "),
        "{text}"
    );
    assert_eq!(
        text.split_whitespace()
            .filter(|w| w.trim_end_matches(['.', ',']).len() == 64)
            .count(),
        2
    );
}

#[test]
fn too_much_work_is_refused_before_it_is_done() {
    let (file, _) = sealed(&fixture::bundle());
    let line_end = file.windows(4).position(|w| w == b" 15\n").unwrap();
    for log_n in ["19", "63"] {
        let mut bad = file.clone();
        bad[line_end + 1..line_end + 3].copy_from_slice(log_n.as_bytes());
        assert_eq!(
            open_with_own_sidecar(&bad),
            "age-work-factor",
            "log N {log_n}"
        );
    }
    let mut bad = file.clone();
    bad[line_end + 1..line_end + 3].copy_from_slice(b"20");
    let error = refusal(Sealed::read(bad, None));
    assert_eq!(
        error.to_string(),
        "The age file demands scrypt work of 2^20; at most 2^18 is done."
    );
}

#[test]
fn a_sidecar_is_bounded() {
    assert_eq!(
        refused(Sidecar::parse(&vec![b' '; MAX_SIDECAR + 1])),
        "sidecar-too-large"
    );
}
