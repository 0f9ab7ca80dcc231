use proptest::prelude::*;

use super::alike::distance;
use super::*;
use crate::share::public::SetId;
use crate::share::wire::Share;
use crate::share::words::{Entry, WordsOutcome, list};

fn words(y: &[u8; 32]) -> Vec<&'static str> {
    let share = Share::assemble(false, 4, SetId([9, 8, 7, 6, 5, 4]), |own| {
        own.copy_from_slice(y);
    });
    share.to_words().expose().to_vec()
}

/// What the check says of typed words, with little effort: `None` if it takes them for a share.
fn suspect(typed: &[&str], effort: u64) -> Option<Suspect> {
    let mut entry = Entry::new();
    for (at, word) in typed.iter().enumerate() {
        entry.set(at + 1, word).unwrap();
    }
    match entry.check_within(effort) {
        Ok(WordsOutcome::Share(_)) => None,
        Ok(WordsOutcome::Suspect(suspect)) => Some(suspect),
        Err(refused) => panic!("{refused}"),
    }
}

fn other(word: &str, step: usize) -> &'static str {
    let at = list().iter().position(|other| *other == word).unwrap();
    list()[(at + step) % 2048]
}

const SMALL: u64 = 200_000;

#[test]
fn a_wrong_word_is_located_at_any_position() {
    let right = words(&[0x5c; 32]);
    assert_eq!(suspect(&right, SMALL), None);
    for at in 0..WORDS {
        let mut typed = right.clone();
        typed[at] = other(right[at], 1000 + at);
        assert_eq!(
            suspect(&typed, SMALL),
            Some(Suspect::Word { position: at + 1 })
        );
    }
}

#[test]
fn exchanged_words_are_located_within_and_across_the_groups() {
    let right = words(&std::array::from_fn(|at| (at * 7) as u8));
    for (a, b) in [
        (0, 1),
        (0, 11),
        (5, 6),
        (11, 12),
        (0, 35),
        (12, 13),
        (34, 35),
        (4, 20),
    ] {
        assert_ne!(right[a], right[b], "a pair that differs");
        let mut typed = right.clone();
        typed.swap(a, b);
        let located = Suspect::Transposed { a: a + 1, b: b + 1 };
        assert_eq!(suspect(&typed, SMALL), Some(located));
    }
}

/// Two words in each of the ways that the search goes: 1 to 6 hold the header, 6 to 12 the check.
#[test]
fn two_wrong_words_are_located() {
    let right = words(&std::array::from_fn(|at| (at * 11 + 3) as u8));
    let pairs = [
        (6, 7),
        (7, 11),
        (10, 11),
        (5, 6),
        (5, 11),
        (0, 8),
        (3, 9),
        (2, 12),
        (5, 12),
        (6, 35),
        (11, 20),
        (0, 35),
        (0, 1),
        (0, 4),
    ];
    for (a, b) in pairs {
        let mut typed = right.clone();
        typed[a] = other(right[a], 801);
        typed[b] = other(right[b], 77);
        let located = Suspect::TwoWords { a: a + 1, b: b + 1 };
        assert_eq!(suspect(&typed, 1_500_000), Some(located), "{a} {b}");
    }
}

#[test]
fn two_misread_words_of_the_second_group_are_located() {
    let right = words(&std::array::from_fn(|at| (at * 11 + 3) as u8));
    for (a, b) in [(12, 13), (12, 35), (20, 30), (34, 35)] {
        let mut typed = right.clone();
        typed[a] = other(right[a], 1);
        typed[b] = other(right[b], 2047);
        let located = Suspect::TwoWords { a: a + 1, b: b + 1 };
        assert_eq!(suspect(&typed, 3_000_000), Some(located), "{a} {b}");
    }
}

#[test]
fn gives_up_within_its_effort() {
    let right = words(&[0x5c; 32]);
    let mut typed = right.clone();
    for at in [3, 9, 14, 25, 33] {
        typed[at] = other(right[at], 500);
    }
    assert_eq!(suspect(&typed, 300_000), Some(Suspect::Unknown));
    typed = right.clone();
    typed[35] = other(right[35], 500);
    assert_eq!(
        suspect(&typed, 100),
        Some(Suspect::Unknown),
        "no effort, no result"
    );
}

#[test]
fn says_which_and_never_what() {
    let text = |suspect: Suspect| format!("{suspect} {} ({})", suspect.way_on(), suspect.name());
    assert_eq!(
        text(Suspect::Word { position: 17 }),
        "Word 17 does not fit the others. Read it again on the sheet, letter by letter. \
         (share-word-suspect)"
    );
    assert_eq!(
        text(Suspect::Transposed { a: 3, b: 4 }),
        "Words 3 and 4 stand in each other's place. Read both again on the sheet, letter by letter, \
         with their numbers. (share-words-transposed)"
    );
    assert_eq!(
        text(Suspect::TwoWords { a: 3, b: 20 }),
        "Words 3 and 20 do not fit the others. Read both again on the sheet, letter by letter, with \
         their numbers. (share-two-words-suspect)"
    );
    assert_eq!(Suspect::Unknown.name(), "share-words-unlocated");
}

#[test]
fn look_alikes_are_near() {
    let alike = |word: &str| -> Vec<&str> {
        let at = list().iter().position(|other| *other == word).unwrap();
        let near = look_alikes(at as u16);
        near.iter().map(|at| list()[usize::from(*at)]).collect()
    };
    assert!(alike("road").contains(&"roast"));
    assert!(alike("quit").contains(&"quiz"));
    assert!(!alike("quit").contains(&"quit"));
    assert!(!alike("quit").contains(&"abandon"));
    assert_eq!(distance(b"form", b"from"), 1);
    assert_eq!(distance(b"abandon", b"zoo"), 6);
    assert_eq!(distance(b"abstract", b"abstract"), 0);
}

#[test]
fn puts_words_where_packing_does() {
    let indices: Vec<u16> = (0..24).map(|at| at * 85).collect();
    let mut group = Group::new(&indices);
    assert_eq!((0..24).map(|at| group.get(at)).collect::<Vec<_>>(), indices);
    let mnemonic = bip39::Mnemonic::from_entropy(group.content()).unwrap();
    let packed: Vec<usize> = mnemonic.word_indices().collect();
    assert!(
        packed
            .iter()
            .zip(&indices)
            .take(23)
            .all(|(a, b)| *a == usize::from(*b))
    );
    let sum = mnemonic.checksum();
    group.bits[32] = sum;
    assert!(group.fits());
    group.bits[32] = sum ^ 1;
    assert!(!group.fits());
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn any_substitution_is_located(y: [u8; 32], at in 0..WORDS, step in 1usize..2048) {
        let right = words(&y);
        let mut typed = right.clone();
        typed[at] = other(right[at], step);
        prop_assert_eq!(suspect(&typed, SMALL), Some(Suspect::Word { position: at + 1 }));
    }

    #[test]
    fn any_exchange_is_located(y: [u8; 32], a in 0..WORDS, b in 0..WORDS) {
        let right = words(&y);
        prop_assume!(a != b && right[a] != right[b]);
        let mut typed = right.clone();
        typed.swap(a, b);
        let (a, b) = (a.min(b), a.max(b));
        prop_assert_eq!(suspect(&typed, SMALL), Some(Suspect::Transposed { a: a + 1, b: b + 1 }));
    }
}
