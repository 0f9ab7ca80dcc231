use super::*;
use crate::refusal::Refuse;
use crate::share::derive::key_check;
use crate::share::split::split;
use proptest::prelude::*;
use static_assertions::assert_not_impl_any;

mod forged;

assert_not_impl_any!(UntrustedQuorum: std::fmt::Debug, Clone, serde::Serialize);
assert_not_impl_any!(Quorum: std::fmt::Debug, Clone, serde::Serialize);

const SET: SetId = SetId([0x88, 0xb1, 0x02, 0xae, 0x5c, 0x19]);

fn seed(byte: u8) -> Secret32 {
    Secret32::init_with(|own| own.fill(byte))
}

fn deal(k: u8, n: u8) -> Vec<Share> {
    split(&seed(1), k, n, SET, false, &seed(2)).unwrap_or_default()
}

fn copy(share: &Share) -> Share {
    Share::from_bytes(share.expose()).unwrap_or_else(|refused| panic!("{refused}"))
}

/// The same number and set, other content, right checksum: what a dishonest custodian would bring.
fn forge(share: &Share) -> Share {
    Share::assemble(share.is_rehearsal(), share.x(), share.set_id(), |y| {
        y.copy_from_slice(share.expose_y());
        y[0] ^= share.x();
        y[31] ^= 1;
    })
}

/// A share of the set with any number and content.
fn invented(x: u8, byte: u8) -> Share {
    Share::assemble(false, x, SET, |y| {
        y.fill(byte);
        y[0] = byte.wrapping_mul(37);
        y[1] = byte.wrapping_mul(101) ^ 5;
        y[2] = byte.wrapping_mul(byte) ^ x;
    })
}

fn expected(k: Option<u8>) -> Expected {
    Expected {
        rehearsal: false,
        set_id: Some(SET),
        key_check: Some(key_check(&seed(1), SET)),
        k,
        commitments: None,
    }
}

fn filled<'a>(expected: Expected, shares: impl IntoIterator<Item = &'a Share>) -> UntrustedQuorum {
    let mut quorum = UntrustedQuorum::new(expected);
    for share in shares {
        quorum.add(copy(share)).unwrap();
    }
    quorum
}

fn refusal(quorum: &UntrustedQuorum) -> QuorumRefusal {
    match quorum.validate() {
        Ok(_) => panic!("a quorum"),
        Err(refused) => refused,
    }
}

fn gives_secret(quorum: &UntrustedQuorum) -> Vec<u8> {
    let quorum = quorum
        .validate()
        .unwrap_or_else(|refused| panic!("{refused}"));
    assert!(quorum.secret().same(&[1; 32]));
    assert_eq!(
        (quorum.set_id(), quorum.key_check()),
        (SET, key_check(&seed(1), SET))
    );
    quorum.used().to_vec()
}

#[test]
fn every_three_of_five_recover_and_no_two_do() {
    let sheets = deal(3, 5);
    for k in [Some(3), None] {
        for chosen in subsets(5, 3) {
            let used = gives_secret(&filled(expected(k), chosen.iter().map(|at| &sheets[*at])));
            assert_eq!(used.len(), 3);
        }
        for chosen in subsets(5, 2) {
            let two = filled(expected(k), chosen.iter().map(|at| &sheets[*at]));
            let name = if k.is_some() {
                "quorum-too-few"
            } else {
                "quorum-no-threshold"
            };
            assert_eq!(refusal(&two).name(), name);
            // Even told a threshold of two, two sheets of three give nothing.
            let lied_to = filled(expected(Some(2)), chosen.iter().map(|at| &sheets[*at]));
            assert_eq!(refusal(&lied_to).name(), "quorum-undecided");
        }
    }
}

#[test]
fn more_sheets_than_needed_never_hurt() {
    for (k, n) in [(2, 2), (2, 5), (3, 5), (5, 7), (8, 16), (16, 16)] {
        for known in [Some(k), None] {
            let used = gives_secret(&filled(expected(known), &deal(k, n)));
            assert_eq!(used.len(), usize::from(k), "{k} of {n}");
        }
    }
}

#[test]
fn order_does_not_matter() {
    let sheets = deal(3, 5);
    assert_eq!(
        gives_secret(&filled(expected(Some(3)), sheets.iter().rev())),
        [5, 4, 3]
    );
}

#[test]
fn refuses_a_share_by_name_and_goes_on() {
    let sheets = deal(3, 5);
    let mut quorum = filled(expected(Some(3)), &sheets[..2]);
    let foreign = split(
        &seed(1),
        3,
        5,
        SetId([0x4f, 0x2a, 0x91, 0xc0, 0x77, 0xd3]),
        false,
        &seed(2),
    );
    let rehearsed = split(&seed(1), 3, 5, SET, true, &seed(2));
    let refused = quorum.add(copy(&sheets[0])).unwrap_err();
    assert_eq!(
        refused.to_string(),
        "Sheet 1 of this set was entered already."
    );
    assert_eq!(refused.name(), "share-duplicate");
    let refused = quorum
        .add(foreign.unwrap_or_default().remove(2))
        .unwrap_err();
    assert_eq!(
        refused.to_string(),
        "This sheet is from another set: it has set 4f2a 91c0 77d3, this backup has set 88b1 02ae 5c19."
    );
    assert_eq!(refused.name(), "share-foreign-set");
    let refused = quorum
        .add(rehearsed.unwrap_or_default().remove(2))
        .unwrap_err();
    assert_eq!(
        refused.to_string(),
        "Sheet 3 of set 88b1 02ae 5c19 is from a rehearsal. It never had a real key behind it."
    );
    assert_eq!(refused.name(), "share-of-rehearsal");
    let refused = quorum.add(forge(&sheets[0])).unwrap_err();
    assert_eq!(refused.name(), "share-same-number-different-content");
    let both = [
        copy(&sheets[0]).commitment(),
        forge(&sheets[0]).commitment(),
    ];
    assert_eq!(
        refused.to_string(),
        format!(
            "There are two sheets with number 1 and different content, so at least one is not genuine. \
             The first has commitment {}, this one {}.",
            both[0].grouped(),
            both[1].grouped()
        )
    );
    assert_eq!((quorum.len(), quorum.numbers()), (2, vec![1, 2]));
    let added = quorum.add(copy(&sheets[4])).unwrap();
    assert_eq!(
        added,
        Added {
            x: 5,
            set_id: SET,
            held: 3
        }
    );
    assert_eq!(gives_secret(&quorum), [1, 2, 5]);
}

#[test]
fn a_real_sheet_has_no_place_in_a_rehearsal() {
    let mut facts = expected(Some(3));
    facts.rehearsal = true;
    let mut quorum = UntrustedQuorum::new(facts);
    let refused = quorum.add(deal(3, 5).remove(1)).unwrap_err();
    assert_eq!(
        refused.to_string(),
        "Sheet 2 of set 88b1 02ae 5c19 is a real sheet, and this is a rehearsal."
    );
    assert_eq!(refused.name(), "share-not-of-rehearsal");
    assert!(quorum.is_empty());
}

#[test]
fn the_first_sheet_decides_an_unknown_set() {
    let mut facts = expected(Some(3));
    facts.set_id = None;
    let mut quorum = UntrustedQuorum::new(facts);
    assert_eq!(quorum.set_id(), None);
    quorum.add(deal(3, 5).remove(1)).unwrap();
    assert_eq!(quorum.set_id(), Some(SET));
    let foreign = Share::assemble(false, 1, SetId([1; 6]), |y| y.fill(7));
    assert_eq!(quorum.add(foreign).unwrap_err().name(), "share-foreign-set");
    assert!(quorum.remove(2));
    assert!(!quorum.remove(2));
    assert!(
        quorum
            .add(Share::assemble(false, 1, SetId([1; 6]), |y| y.fill(7)))
            .is_ok()
    );
}

#[test]
fn without_key_check_or_with_an_impossible_threshold_nothing_is_validated() {
    let sheets = deal(3, 5);
    for k in [None, Some(3)] {
        let mut facts = expected(k);
        facts.key_check = None;
        facts.commitments = Some(sheets.iter().map(Share::commitment).collect());
        assert_eq!(
            refusal(&filled(facts, &sheets)).name(),
            "quorum-no-key-check"
        );
    }
    for k in [0, 1, 17, 255] {
        let refused = refusal(&filled(expected(Some(k)), &sheets));
        assert_eq!(refused, QuorumRefusal::Threshold { k });
    }
    let none = UntrustedQuorum::new(expected(None));
    assert_eq!(refusal(&none), QuorumRefusal::TooFew { have: 0, need: 2 });
    assert_eq!(refusal(&none).to_string(), "0 of 2 sheets are entered.");
}

#[test]
fn takes_sixteen_sheets_and_tries_their_subsets() {
    let mut quorum = UntrustedQuorum::new(expected(Some(8)));
    for x in 1..=16 {
        quorum.add(invented(x * 10, x)).unwrap();
    }
    assert_eq!(quorum.add(invented(1, 99)), Err(ShareRefusal::TooMany));
    assert_eq!(refusal(&quorum).name(), "quorum-no-combination");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    /// Whatever sheets come, in whatever order, forged or not: the secret, or a refusal, and nothing lost.
    #[test]
    fn never_a_wrong_secret(
        k in 2u8..5,
        more in 0u8..3,
        brought in prop::collection::vec((0usize..7, 0u8..4), 0..9),
        known: bool,
        recorded: bool,
    ) {
        let sheets = deal(k, k + more);
        let mut facts = expected(known.then_some(k));
        facts.commitments = recorded.then(|| sheets.iter().map(Share::commitment).collect());
        let mut quorum = UntrustedQuorum::new(facts);
        for (at, kind) in brought {
            let genuine = &sheets[at % sheets.len()];
            let held = quorum.len();
            let share = if kind == 0 { invented(genuine.x(), kind + 9) } else { copy(genuine) };
            let taken = quorum.add(share).is_ok();
            prop_assert_eq!(quorum.len(), held + usize::from(taken));
            prop_assert!(!(taken && kind == 0 && recorded), "the record names each forgery");
        }
        let held = quorum.len();
        match quorum.validate() {
            Ok(quorum) => prop_assert!(quorum.secret().same(&[1; 32])),
            Err(refused) => prop_assert!(
                !recorded || held < usize::from(k),
                "k genuine sheets and {}", refused.name()
            ),
        }
        prop_assert_eq!(quorum.len(), held);
    }
}

#[test]
fn lists_numbers_as_people_do() {
    assert_eq!(list(&[]), "");
    assert_eq!(list(&[7]), "7");
    assert_eq!(list(&[7, 8]), "7 and 8");
    assert_eq!(list(&[1, 2, 4]), "1, 2 and 4");
}
