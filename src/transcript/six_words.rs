//! The head in six words, for eyes.

use bip39::Language;

/// The first 66 bits of `head`, most significant first, as six words of the English BIP-39 list.
///
/// For people who compare screens and copy notes. Verification uses all 256 bits: 66 bits are within reach of
/// whoever may choose both texts.
pub fn six_words(head: &[u8; 32]) -> String {
    let list = Language::English.word_list();
    let bits = head[..16]
        .iter()
        .fold(0u128, |bits, byte| bits << 8 | u128::from(*byte));
    let words: Vec<&str> = (1..=6)
        .map(|n| list[(bits >> (128 - 11 * n)) as usize & 0x7ff])
        .collect();
    words.join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_the_first_66_bits() {
        assert_eq!(
            six_words(&[0; 32]),
            "abandon abandon abandon abandon abandon abandon"
        );
        assert_eq!(six_words(&[0xff; 32]), "zoo zoo zoo zoo zoo zoo");
        // 00000000001 00000000010 ... : indices 1 to 6.
        let mut head = [0; 32];
        let bits = (1u128..=6).fold(0, |bits, index| bits << 11 | index) << (128 - 66);
        head[..16].copy_from_slice(&bits.to_be_bytes());
        assert_eq!(six_words(&head), "ability able about above absent absorb");
        // Bit 66 and what follows do not count.
        head[8] |= 0x3f;
        head[9..].fill(0xff);
        assert_eq!(six_words(&head), "ability able about above absent absorb");
    }
}
