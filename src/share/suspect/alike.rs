//! Words that a person may take for one another.

use crate::share::words::{CHOICES, list};

/// The words that a person may take for this one: within two letters of it, with the same first three letters, or
/// next to it in the list.
pub(super) fn look_alikes(index: u16) -> Vec<u16> {
    let word = list()[usize::from(index)].as_bytes();
    let alike = |other: &u16| {
        let text = list()[usize::from(*other)].as_bytes();
        *other != index
            && (other.abs_diff(index) <= 1 || text[..3] == word[..3] || distance(word, text) <= 2)
    };
    (0..CHOICES).filter(alike).collect()
}

/// Letters inserted, left out, changed or exchanged with a neighbour, between two words of up to 8 letters (optimal
/// string alignment distance).
pub(super) fn distance(a: &[u8], b: &[u8]) -> usize {
    let mut rows = [[0; 9]; 9];
    for (i, row) in rows.iter_mut().enumerate() {
        row[0] = i;
    }
    rows[0] = std::array::from_fn(|j| j);
    for i in 1..=a.len() {
        for j in 1..=b.len() {
            let changed = rows[i - 1][j - 1] + usize::from(a[i - 1] != b[j - 1]);
            let mut least = changed.min(rows[i - 1][j] + 1).min(rows[i][j - 1] + 1);
            if i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] {
                least = least.min(rows[i - 2][j - 2] + 1);
            }
            rows[i][j] = least;
        }
    }
    rows[a.len()][b.len()]
}
