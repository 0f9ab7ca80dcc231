//! The bodies of the fuzz targets of this room: whatever comes in, nothing panics, and what is taken for a share reads
//! back as the same share.

use super::qr::parse_qr_text;
use super::wire::Share;
use super::words::{Entry, WordsOutcome, list, parse_words_within};

/// Little enough that a fuzzer tries thousands of inputs a second, past the first choices of each search.
const EFFORT: u64 = 200;

/// Any bytes as a share.
///
/// # Panics
/// If a share doesn't read back: a bug.
pub fn share_bytes(data: &[u8]) {
    if let Ok(share) = Share::from_bytes(data) {
        assert_eq!(share.expose()[..], *data, "a share has one form");
        assert_same(&share);
    }
}

/// Any text as QR text.
///
/// # Panics
/// If a share doesn't read back: a bug.
pub fn share_qr_text(data: &str) {
    if let Ok(share) = parse_qr_text(data) {
        assert_eq!(
            share.to_qr_text().expose(),
            data.trim(),
            "a share has one QR text"
        );
        assert_same(&share);
    }
}

/// Any text as words.
///
/// # Panics
/// If a share doesn't read back: a bug.
pub fn share_words(data: &str) {
    if let Ok(WordsOutcome::Share(share)) = parse_words_within(data, EFFORT) {
        assert_same(&share);
    }
}

/// Any numbers as the words of an entry, two bytes for each word: nearly every input gets as far as the search.
///
/// # Panics
/// If a share doesn't read back: a bug.
pub fn share_entry(data: &[u8]) {
    let mut entry = Entry::new();
    for (at, pair) in data.chunks_exact(2).enumerate() {
        let index = usize::from(u16::from_le_bytes([pair[0], pair[1]]) % 2048);
        let taken = entry.set(at + 1, list()[index]).is_ok();
        assert_eq!(taken, at < 36, "a sheet has 36 words");
    }
    if let Ok(WordsOutcome::Share(share)) = entry.check_within(EFFORT) {
        assert_same(&share);
    }
}

fn assert_same(share: &Share) {
    let from_text = parse_qr_text(share.to_qr_text().expose());
    assert!(
        from_text.is_ok_and(|read| read.same_as(share)),
        "its QR text reads back"
    );
    match parse_words_within(share.to_words().to_text().expose(), EFFORT) {
        Ok(WordsOutcome::Share(read)) => assert!(read.same_as(share), "its words read back"),
        Ok(WordsOutcome::Suspect(_)) | Err(_) => panic!("the words of a share are refused"),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::share::public::SetId;

    proptest! {
        #[test]
        fn bodies_hold(bytes: Vec<u8>, text in "\\PC*", indices in prop::collection::vec(any::<u8>(), 60..80)) {
            share_bytes(&bytes);
            share_qr_text(&text);
            share_words(&text);
            share_entry(&indices);
            let share = Share::assemble(false, 1, SetId([7; 6]), |y| {
                y.copy_from_slice(&indices[..32]);
            });
            share_bytes(share.expose());
            share_qr_text(share.to_qr_text().expose());
            share_words(share.to_words().to_text().expose());
            prop_assert!(share.to_words().expose().iter().all(|word| list().contains(word)));
        }
    }
}
