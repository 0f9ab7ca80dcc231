//! The little of SCALE that session storage needs (Substrate's "Simple Concatenated Aggregate Little-Endian").

/// A compact number below 2^30 and the bytes after it; `None` if cut off, larger, or not in its shortest form.
pub(super) fn compact(bytes: &[u8]) -> Option<(usize, &[u8])> {
    let (first, _) = bytes.split_first()?;
    let (number, rest, least) = match first & 3 {
        0 => (u32::from(*first) >> 2, bytes.get(1..)?, 0),
        1 => {
            let (head, rest) = bytes.split_first_chunk::<2>()?;
            (u32::from(u16::from_le_bytes(*head)) >> 2, rest, 1 << 6)
        }
        2 => {
            let (head, rest) = bytes.split_first_chunk::<4>()?;
            (u32::from_le_bytes(*head) >> 2, rest, 1 << 14)
        }
        _ => return None,
    };
    (number >= least).then_some((usize::try_from(number).ok()?, rest))
}

/// A length below 2^30 in its shortest compact form; larger ones are no length of ours.
pub(super) fn compact_of(number: usize) -> Vec<u8> {
    let number = u32::try_from(number).unwrap_or(u32::MAX);
    match number {
        0..=0x3f => number.wrapping_shl(2).to_le_bytes()[..1].to_vec(),
        0x40..=0x3fff => (number << 2 | 1).to_le_bytes()[..2].to_vec(),
        _ => (number << 2 | 2).to_le_bytes().to_vec(),
    }
}

/// A vector of items of one length: gives that length and the items' bytes. `None` if the bytes don't divide.
pub(super) fn vector(bytes: &[u8]) -> Option<(usize, &[u8])> {
    let (count, rest) = compact(bytes)?;
    match count {
        0 => rest.is_empty().then_some((0, rest)),
        _ => rest
            .len()
            .is_multiple_of(count)
            .then(|| (rest.len() / count, rest)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Examples of the Substrate documentation on SCALE.
    #[test]
    fn published_examples() {
        assert_eq!(compact(&[0x04]), Some((1, &[][..])));
        assert_eq!(compact(&[0xa8]), Some((42, &[][..])));
        assert_eq!(compact(&[0x15, 0x01]), Some((69, &[][..])));
        assert_eq!(compact(&[0xfe, 0xff, 0x03, 0x00]), Some((65535, &[][..])));
        assert_eq!(compact(&[0x01, 0x01, 9]), Some((64, &[9][..])));
    }

    #[test]
    fn lengths_read_back() {
        assert_eq!(compact_of(64), [0x01, 0x01]);
        for len in [0, 1, 32, 33, 63, 64, 65, 16383, 16384, 1 << 20] {
            assert_eq!(compact(&compact_of(len)), Some((len, &[][..])), "{len}");
        }
    }

    #[test]
    fn cut_or_padded_numbers_are_refused() {
        for bytes in [
            &[][..],
            &[0x15],
            &[0xfe, 0xff, 0x03],
            &[0x03, 0, 0, 0, 0],
            &[0x05, 0x00],
        ] {
            assert_eq!(compact(bytes), None, "{bytes:?}");
        }
        assert_eq!(vector(&[0]), Some((0, &[][..])));
        assert_eq!(vector(&[0, 1]), None);
        assert_eq!(vector(&[8, 1, 2, 3]), None);
        assert_eq!(vector(&[8, 1, 2, 3, 4]), Some((2, &[1, 2, 3, 4][..])));
    }
}
