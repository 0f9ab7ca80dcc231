//! The search of the program's own memory, in a process with the program's allocator.

use std::hint::black_box;
use std::sync::{Mutex, PoisonError};

use qh_ceremony::secret::residue::{Form, Residue, Searched, scrub_stack};
use qh_ceremony::secret::{Secret32, SecretBytes};

#[global_allocator]
static ALLOCATOR: zeroizing_alloc::ZeroAlloc<std::alloc::System> =
    zeroizing_alloc::ZeroAlloc(std::alloc::System);

/// Bytes that stand nowhere in this test's program, differing with each run and call.
fn canary() -> Secret32 {
    Secret32::init_with(|own| getrandom::fill(own).expect("the kernel gives random bytes"))
}

/// One test at a time: a neighbour's stack and heap are part of this process too.
static ALONE: Mutex<()> = Mutex::new(());

fn search(residue: &Residue) -> Searched {
    scrub_stack();
    match residue.search() {
        Ok(searched) => searched,
        Err(fault) => panic!("{fault} Run this test as root."),
    }
}

#[test]
fn a_canary_is_found_while_it_lives_and_absent_after_it_is_dropped() {
    let _alone = ALONE.lock().unwrap_or_else(PoisonError::into_inner);
    let secret = canary();
    let mut residue = Residue::new([9; 32]);
    residue.watch("canary", Form::Raw, secret.expose()).unwrap();
    let alive = search(&residue);
    assert_eq!(alive.finds.len(), 1, "{:?}", alive.finds);
    assert_eq!(alive.finds[0].label, "canary");
    assert!(alive.finds[0].whole);
    assert!(!alive.absent());
    assert!(alive.bytes > 100_000);
    drop(secret);
    let gone = search(&residue);
    assert!(gone.absent(), "{:?}", gone.finds);
    assert_eq!(gone.watched, 1);
}

#[test]
fn each_form_is_found_by_itself() {
    let _alone = ALONE.lock().unwrap_or_else(PoisonError::into_inner);
    let secret = canary();
    let mut residue = Residue::new([10; 32]);
    let forms = [
        (
            "hex",
            Form::Hex,
            data_encoding::HEXLOWER.encode(secret.expose()),
        ),
        (
            "base32",
            Form::Base32,
            data_encoding::BASE32_NOPAD.encode(secret.expose()),
        ),
        (
            "base64",
            Form::Base64,
            data_encoding::BASE64.encode(secret.expose()),
        ),
        (
            "words",
            Form::Words,
            bip39::Mnemonic::from_entropy(secret.expose())
                .unwrap()
                .to_string(),
        ),
    ];
    residue.watch("raw", Form::Raw, secret.expose()).unwrap();
    for (label, form, text) in &forms {
        residue.watch(label, *form, text.as_bytes()).unwrap();
    }
    let mut labels: Vec<_> = search(&residue)
        .finds
        .into_iter()
        .map(|find| find.label)
        .collect();
    labels.sort();
    labels.dedup();
    assert_eq!(labels, ["base32", "base64", "hex", "raw", "words"]);
    drop(secret);
    drop(forms);
    let gone = search(&residue);
    assert!(gone.absent(), "{:?}", gone.finds);
}

#[test]
fn a_fragment_is_found_as_a_part() {
    let _alone = ALONE.lock().unwrap_or_else(PoisonError::into_inner);
    let secret = canary();
    let mut residue = Residue::new([11; 32]);
    residue.watch("canary", Form::Raw, secret.expose()).unwrap();
    let fragment = SecretBytes::new(secret.expose()[7..27].to_vec());
    drop(secret);
    let searched = search(&residue);
    assert_eq!(searched.finds.len(), 1, "{:?}", searched.finds);
    assert!(!searched.finds[0].whole);
    black_box(&fragment);
    drop(fragment);
    assert!(search(&residue).absent());
}

#[test]
fn a_long_secret_is_found_and_the_watch_itself_is_not() {
    let _alone = ALONE.lock().unwrap_or_else(PoisonError::into_inner);
    let mut long = vec![0_u8; 2305];
    getrandom::fill(&mut long).unwrap();
    let long = SecretBytes::take(&mut long);
    let mut residue = Residue::new([12; 32]);
    residue.watch("falcon", Form::Raw, long.expose()).unwrap();
    assert!(search(&residue).finds.iter().any(|find| find.whole));
    drop(long);
    let gone = search(&residue);
    assert!(gone.absent(), "{:?}", gone.finds);
}
