//! The bridge to crate `blahaj`, which knows only the value at 0.
//!
//! In GF(2^8) a polynomial f shifted by a, g(t) = f(t + a), has the points (x + a, y) and g(0) = f(a); addition is
//! XOR. So the value at any place comes from the same interpolation.

use blahaj::Sharks;
use zeroize::Zeroizing;

use super::derive::gives;
use super::public::KeyCheck;
use super::subsets::subsets;
use super::wire::Share;
use crate::secret::Secret32;

/// The value at `at` of the polynomials of lowest degree through `shares`: S for 0.
///
/// The numbers of `shares` differ from each other and from `at`, and there is at least one: `blahaj` would answer
/// wrongly without a word, so callers rule it out first.
pub(super) fn value_at(shares: &[&Share], at: u8) -> Secret32 {
    debug_assert!(!shares.is_empty() && shares.iter().all(|share| share.x() != at));
    let points: Vec<blahaj::Share> = shares
        .iter()
        .map(|share| {
            let mut point = Zeroizing::new([0; 33]);
            point[0] = share.x() ^ at;
            point[1..].copy_from_slice(share.expose_y());
            blahaj::Share::try_from(&point[..]).expect("33 bytes are a number and 32 values")
        })
        .collect();
    let value = Sharks(1)
        .recover(&points)
        .map(Zeroizing::new)
        .expect("there is a share, and all have 32 values");
    Secret32::from_slice(&value).expect("32 values in, 32 bytes out")
}

/// Whether `share` lies on the polynomials through `through`; compares in constant time. A share of `through` does.
pub(super) fn lies_on(through: &[&Share], share: &Share) -> bool {
    match through.iter().find(|other| other.x() == share.x()) {
        Some(same) => same.same_as(share),
        None => value_at(through, share.x()).same(share.expose_y()),
    }
}

/// The secret of these shares, if it gives the key check.
pub(super) fn proven_secret(chosen: &[&Share], key_check: &KeyCheck) -> Option<Secret32> {
    let set_id = chosen.first()?.set_id();
    let secret = value_at(chosen, 0);
    gives(&secret, set_id, key_check).then_some(secret)
}

/// The shares at these places.
pub(super) fn pick<'a>(shares: &'a [Share], chosen: &[usize]) -> Vec<&'a Share> {
    chosen.iter().filter_map(|at| shares.get(*at)).collect()
}

/// The numbers of the shares that agree, for each way in which `k` of them give the key check; largest first.
///
/// One group is the rule, and one forger can't make a second. Two who know each other's shares can change both so that
/// the changes cancel at 0: then there are several, and only the larger one, if any, is believed.
pub(super) fn agreeing(shares: &[Share], k: usize, key_check: &KeyCheck) -> Vec<Vec<u8>> {
    let mut groups: Vec<Vec<u8>> = Vec::new();
    for chosen in subsets(shares.len(), k) {
        let chosen = pick(shares, &chosen);
        let known = |group: &Vec<u8>| chosen.iter().all(|share| group.contains(&share.x()));
        if groups.iter().any(known) || proven_secret(&chosen, key_check).is_none() {
            continue;
        }
        let on = shares.iter().filter(|share| lies_on(&chosen, share));
        groups.push(on.map(Share::x).collect());
    }
    groups.sort_by_key(|group| std::cmp::Reverse(group.len()));
    groups
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::share::public::SetId;

    /// y = 3 + 5x over GF(2^8) with polynomial 0x11d, in each byte; worked out by hand.
    fn line(x: u8, y: u8) -> Share {
        Share::assemble(true, x, SetId([0; 6]), |own| own.fill(y))
    }

    #[test]
    fn a_line_worked_out_by_hand() {
        // 5·0x80 = 0x80·4 + 0x80 = (0x1d << 1) ^ 0x80 = 0xba; 0xba ^ 3 = 0xb9.
        let (one, two, far) = (line(1, 3 ^ 5), line(2, 3 ^ 10), line(0x80, 0xb9));
        assert!(value_at(&[&one, &two], 0).same(&[3; 32]));
        assert!(value_at(&[&one, &far], 0).same(&[3; 32]));
        assert!(lies_on(&[&one, &two], &far));
        assert!(lies_on(&[&two, &far], &two));
        assert!(!lies_on(&[&one, &two], &line(0x80, 0xb8)));
        assert!(!lies_on(&[&one, &two], &line(2, 8)));
    }
}
