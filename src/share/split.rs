//! Splitting S into n shares, any k of which give it back.

use blahaj::Sharks;
use rand_chacha::ChaCha20Rng;
use rand_chacha::rand_core::SeedableRng;
use zeroize::Zeroizing;

use super::public::SetId;
use super::wire::Share;
use crate::refusal::Refuse;
use crate::secret::Secret32;

/// The smallest threshold k.
pub const K_MIN: u8 = 2;
/// The most shares of a set.
pub const N_MAX: u8 = 16;

/// Why a secret can't be split so.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SplitError {
    /// k is below 2.
    #[error("A threshold of {k} protects nothing: at least 2 shares must be needed.")]
    ThresholdTooSmall {
        /// The threshold asked for.
        k: u8,
    },
    /// k is above n.
    #[error("{k} shares cannot be needed of only {n}.")]
    ThresholdAboveShares {
        /// The threshold asked for.
        k: u8,
        /// The number of shares asked for.
        n: u8,
    },
    /// n is above 16.
    #[error("A set has at most 16 shares; {n} were asked for.")]
    TooManyShares {
        /// The number of shares asked for.
        n: u8,
    },
}

impl Refuse for SplitError {
    fn name(&self) -> &'static str {
        match self {
            Self::ThresholdTooSmall { .. } => "split-threshold-too-small",
            Self::ThresholdAboveShares { .. } => "split-threshold-above-shares",
            Self::TooManyShares { .. } => "split-too-many-shares",
        }
    }

    fn way_on(&self) -> &'static str {
        "Choose a script whose policy has 2 <= k <= n <= 16."
    }
}

/// Splits `secret` into `n` shares with numbers 1 to n, any `k` of which give it back.
///
/// `coefficient_seed` seeds ChaCha20, from which crate `blahaj` draws all coefficients: it must be fresh for each
/// split, and no one may know it. How coefficients are drawn is not part of the format: recovery doesn't depend on it.
///
/// # Errors
/// Unless 2 <= k <= n <= 16.
pub fn split(
    secret: &Secret32,
    k: u8,
    n: u8,
    set_id: SetId,
    rehearsal: bool,
    coefficient_seed: &Secret32,
) -> Result<Vec<Share>, SplitError> {
    if k < K_MIN {
        return Err(SplitError::ThresholdTooSmall { k });
    }
    if n > N_MAX {
        return Err(SplitError::TooManyShares { n });
    }
    if k > n {
        return Err(SplitError::ThresholdAboveShares { k, n });
    }
    // On the heap, where freed memory is wiped: the generator's state gives all coefficients away.
    let mut generator = Box::new(ChaCha20Rng::from_seed(*coefficient_seed.expose()));
    let dealt = Sharks(k).dealer_rng(secret.expose(), &mut *generator);
    let shares = dealt
        .take(usize::from(n))
        .map(|point| {
            let bytes = Zeroizing::new(Vec::from(&point));
            Share::assemble(rehearsal, bytes[0], set_id, |y| {
                y.copy_from_slice(&bytes[1..]);
            })
        })
        .collect();
    Ok(shares)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn secret(byte: u8) -> Secret32 {
        Secret32::init_with(|own| own.fill(byte))
    }

    #[test]
    fn deals_numbered_shares_of_one_set() {
        let set = SetId([6; 6]);
        let shares = split(&secret(1), 3, 16, set, true, &secret(2)).unwrap_or_default();
        let numbers: Vec<u8> = shares.iter().map(Share::x).collect();
        assert_eq!(numbers, (1..=16).collect::<Vec<u8>>());
        assert!(shares.iter().all(|share| share.set_id() == set));
        assert!(shares.iter().all(Share::is_rehearsal));
        assert!(
            shares
                .iter()
                .all(|share| Share::from_bytes(share.expose()).is_ok())
        );
        assert!(shares.iter().all(|share| share.expose_y() != [1; 32]));
    }

    #[test]
    fn the_seed_decides_the_shares() {
        let deal = |seed| split(&secret(1), 2, 2, SetId([6; 6]), false, &secret(seed));
        let first = |seed| deal(seed).unwrap_or_default().remove(0);
        assert!(first(2).same_as(&first(2)));
        assert!(!first(2).same_as(&first(3)));
    }

    #[test]
    fn refuses_other_thresholds() {
        let refused = |k, n| {
            split(&secret(1), k, n, SetId([6; 6]), false, &secret(2))
                .err()
                .map(|refused| (refused.name(), refused.to_string()))
        };
        assert_eq!(
            refused(1, 5),
            Some((
                "split-threshold-too-small",
                "A threshold of 1 protects nothing: at least 2 shares must be needed.".into()
            ))
        );
        assert_eq!(
            refused(4, 3),
            Some((
                "split-threshold-above-shares",
                "4 shares cannot be needed of only 3.".into()
            ))
        );
        assert_eq!(
            refused(2, 17),
            Some((
                "split-too-many-shares",
                "A set has at most 16 shares; 17 were asked for.".into()
            ))
        );
        assert_eq!(
            refused(0, 0).map(|(name, _)| name),
            Some("split-threshold-too-small")
        );
        assert_eq!(refused(2, 2), None);
        assert_eq!(refused(16, 16), None);
    }
}
