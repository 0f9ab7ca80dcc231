use bip39::Mnemonic;
use proptest::prelude::*;
use static_assertions::assert_not_impl_any;

use super::*;
use crate::share::public::SetId;

assert_not_impl_any!(ShareWords: std::fmt::Debug, Clone, serde::Serialize);
assert_not_impl_any!(Entry: std::fmt::Debug, Clone, serde::Serialize);
assert_not_impl_any!(WordsOutcome: std::fmt::Debug, Clone, serde::Serialize);

fn share(y: &[u8; 32]) -> Share {
    Share::assemble(true, 2, SetId([1, 2, 3, 4, 5, 6]), |own| {
        own.copy_from_slice(y)
    })
}

fn read(text: &str) -> Result<Share, String> {
    match parse_words(text) {
        Ok(WordsOutcome::Share(share)) => Ok(share),
        Ok(WordsOutcome::Suspect(suspect)) => Err(suspect.to_string()),
        Err(refused) => Err(refused.to_string()),
    }
}

fn refusal(text: &str) -> String {
    read(text).err().unwrap_or_else(|| "accepted".into())
}

#[test]
fn words_are_bip39_of_both_groups() {
    let share = share(&[0xa7; 32]);
    let words = share.to_words();
    let head = Mnemonic::from_entropy(&share.expose()[..16]).unwrap();
    let y = Mnemonic::from_entropy(&share.expose()[16..]).unwrap();
    assert_eq!(words.to_text().expose(), format!("{head} {y}"));
    assert_eq!(words.expose()[35], y.words().last().unwrap());
    assert_eq!(words.expose_word(1), head.words().next());
    assert_eq!((words.expose_word(0), words.expose_word(37)), (None, None));
}

#[test]
fn refuses_what_is_not_36_words_of_the_list() {
    let text = share(&[0xa7; 32]).to_words().to_text();
    let good = text.expose();
    let (all_but_last, _) = good.rsplit_once(' ').unwrap();
    assert_eq!(refusal(""), "A share has 36 words; this has 0.");
    assert_eq!(refusal(all_but_last), "A share has 36 words; this has 35.");
    assert_eq!(
        refusal(&format!("{good} zoo")),
        "A share has 36 words; this has 37."
    );
    assert_eq!(
        refusal(&format!("{all_but_last} zoologist")),
        "Word 36 is not a word of the BIP-39 English list."
    );
    assert_eq!(
        refusal(&"zoo ".repeat(1000)),
        "This text is too long to be the 36 words of a share."
    );
}

#[test]
fn case_and_white_space_do_not_count() {
    let share = share(&[0xa7; 32]);
    let text = share.to_words().to_text();
    let typed = text.expose().to_uppercase().replace(' ', "\r\n\t ");
    assert!(read(&typed).is_ok_and(|read| read.same_as(&share)));
}

#[test]
fn consistent_words_that_are_no_share_are_named() {
    let words = |bytes: &[u8]| {
        let (head, y) = bytes.split_at(16);
        let (head, y) = (
            Mnemonic::from_entropy(head).unwrap(),
            Mnemonic::from_entropy(y).unwrap(),
        );
        format!("{head} {y}")
    };
    let with_check = |version, x| {
        let mut bytes = vec![version, x, 1, 2, 3, 4, 5, 6];
        bytes.extend(crate::share::wire::check(&bytes, &[9; 32]));
        bytes.extend([9; 32]);
        words(&bytes)
    };
    assert!(read(&with_check(1, 1)).is_ok());
    assert_eq!(
        refusal(&with_check(1, 0)),
        "This share has number 0, which no sheet can have."
    );
    match parse_words_within(&with_check(2, 1), 200_000) {
        Err(refused) => assert_eq!(refused, WordsError::Share(ShareError::Version { found: 2 })),
        Ok(_) => panic!("version 2 was taken"),
    }
}

#[test]
fn an_entry_is_filled_in_any_order() {
    let share = share(&[0x31; 32]);
    let words = share.to_words();
    let mut entry = Entry::new();
    assert_eq!((entry.filled(), entry.missing()), (0, Some(1)));
    for position in (2..=36).rev() {
        entry
            .set(position, words.expose_word(position).unwrap())
            .unwrap();
    }
    assert_eq!((entry.filled(), entry.missing()), (35, Some(1)));
    assert_eq!(
        entry.check().err(),
        Some(WordsError::Missing { position: 1 })
    );
    assert_eq!(
        entry.set(0, "zoo"),
        Err(WordsError::Position { position: 0 })
    );
    assert_eq!(
        entry.set(37, "zoo"),
        Err(WordsError::Position { position: 37 })
    );
    assert_eq!(entry.set(1, "zo"), Err(WordsError::Unknown { position: 1 }));
    assert_eq!(entry.expose_word(1), None);
    entry
        .set(1, &format!(" {} ", words.expose_word(1).unwrap()))
        .unwrap();
    assert_eq!(entry.expose_word(1), words.expose_word(1));
    assert!(matches!(entry.check(), Ok(WordsOutcome::Share(read)) if read.same_as(&share)));
    entry.clear(36);
    entry.clear(99);
    assert_eq!(entry.missing(), Some(36));
    assert_eq!(entry.expose_word(36), None);
}

#[test]
fn completes_once_letters_make_a_word_unique() {
    assert_eq!(completions("ro")[..4], ["road", "roast", "robot", "robust"]);
    assert_eq!(completions("").len(), 2048);
    assert_eq!(completions("zoé"), Vec::<&str>::new());
    assert_eq!(unique("ro"), None);
    assert_eq!(unique("roas"), Some("roast"));
    assert_eq!(unique("ROAS"), Some("roast"));
    assert_eq!(unique("act"), None, "act, action, actor, actress, actual");
    assert!(is_word("act") && is_word("Act"));
    assert!(!is_word("acts") && !is_word(""));
}

#[test]
fn four_letters_are_enough() {
    for word in list() {
        let start = &word[..word.len().min(4)];
        assert!(is_word(start) || unique(start) == Some(word), "{word}");
    }
}

proptest! {
    #[test]
    fn any_share_reads_back(y: [u8; 32], x in 1u8.., rehearsal: bool, set: [u8; 6]) {
        let share = Share::assemble(rehearsal, x, SetId(set), |own| own.copy_from_slice(&y));
        let text = share.to_words().to_text();
        prop_assert!(read(text.expose()).is_ok_and(|read| read.same_as(&share)));
    }

    #[test]
    fn packing_is_bip39(entropy: [u8; 32]) {
        let phrase = phrase(&Secret32::init_with(|own| *own = entropy));
        prop_assert_eq!(phrase.expose(), Mnemonic::from_entropy(&entropy).unwrap().to_string());
        let mut indices = [0; 24];
        pack(&entropy, &mut indices);
        let mut bytes = [0; 32];
        prop_assert!(unpack(&indices, &mut bytes));
        prop_assert_eq!(bytes, entropy);
        indices[23] ^= 1;
        prop_assert!(!unpack(&indices, &mut bytes));
    }
}
