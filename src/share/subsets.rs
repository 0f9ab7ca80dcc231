//! Subsets of a few sheets, in lexicographic order.

/// All `k`-element subsets of the indices 0 to `n` - 1. One empty subset for `k` = 0, none for `k` > `n`.
pub(super) fn subsets(n: usize, k: usize) -> impl Iterator<Item = Vec<usize>> {
    let mut next = (k <= n).then(|| (0..k).collect::<Vec<usize>>());
    std::iter::from_fn(move || {
        let current = next.take()?;
        let mut following = current.clone();
        if let Some(at) = (0..k).rev().find(|&at| current[at] < n - k + at) {
            following[at] += 1;
            for later in at + 1..k {
                following[later] = following[later - 1] + 1;
            }
            next = Some(following);
        }
        Some(current)
    })
}

/// How many `k`-element subsets of `n` there are, for `n` up to 64 or so; saturates.
pub(super) fn count(n: usize, k: usize) -> u64 {
    if k > n {
        return 0;
    }
    let product = (0..k as u128).fold(1u128, |product, i| {
        product.saturating_mul(n as u128 - i) / (i + 1)
    });
    u64::try_from(product).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_each_once() {
        let of_five: Vec<_> = subsets(5, 3).collect();
        assert_eq!(of_five.len(), 10);
        assert_eq!(of_five[0], [0, 1, 2]);
        assert_eq!(of_five[9], [2, 3, 4]);
        assert!(of_five.is_sorted());
        assert_eq!(subsets(3, 3).collect::<Vec<_>>(), [[0, 1, 2]]);
        assert_eq!(subsets(2, 3).count(), 0);
        assert_eq!(subsets(2, 0).count(), 1);
        for (n, k) in [(16, 8), (7, 5), (16, 16), (16, 3)] {
            assert_eq!(subsets(n, k).count() as u64, count(n, k));
        }
        assert_eq!(count(2, 3), 0);
    }
}
