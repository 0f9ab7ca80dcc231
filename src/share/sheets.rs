//! Proving a new set of sheets, as scanned or typed back, before any is handed over.

use super::interpolate::{agreeing, lies_on, pick, proven_secret};
use super::public::KeyCheck;
use super::quorum::list;
use super::split::{K_MIN, N_MAX};
use super::subsets::{count, subsets};
use super::wire::Share;
use crate::refusal::Refuse;

/// Up to so many subsets are all tried.
const ALL_SUBSETS: u64 = 500;

/// All sheets lie on one polynomial of degree below k, and the subsets tried gave the key check.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SheetsProof {
    /// How many subsets of k sheets were tried.
    pub subsets: u32,
    /// Whether these were all there are. If not, each pair of sheets was together in at least one.
    pub all: bool,
}

/// Why sheets are not a proven set.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SheetsRefusal {
    /// k or the number of sheets is none that a set can have.
    #[error("{n} sheets with a threshold of {k} are no set: it must be 2 <= k <= n <= 16.")]
    Policy {
        /// The threshold.
        k: u8,
        /// How many sheets there are.
        n: usize,
    },
    /// Two sheets have one number.
    #[error("Two of the sheets have number {x}.")]
    SameNumber {
        /// The number.
        x: u8,
    },
    /// Sheets of several sets, or of rehearsal and production.
    #[error("Sheets {first} and {other} are not of one set.")]
    Mixed {
        /// The number of the first sheet.
        first: u8,
        /// The number of the first sheet that differs from it.
        other: u8,
    },
    /// Some k sheets give the key check, and these contradict them.
    #[error("Sheet {} is wrong: it does not lie on the polynomial of the others.", list(.numbers))]
    OffPolynomial {
        /// The numbers of the wrong sheets.
        numbers: Vec<u8>,
    },
    /// Sheets that do not give the key check.
    #[error("Sheets {} together do not give the key check.", list(.numbers))]
    KeyCheck {
        /// Their numbers.
        numbers: Vec<u8>,
    },
}

impl Refuse for SheetsRefusal {
    fn name(&self) -> &'static str {
        match self {
            Self::Policy { .. } => "sheets-policy",
            Self::SameNumber { .. } => "sheets-same-number",
            Self::Mixed { .. } => "sheets-mixed",
            Self::OffPolynomial { .. } => "sheets-off-polynomial",
            Self::KeyCheck { .. } => "sheets-key-check",
        }
    }

    fn way_on(&self) -> &'static str {
        match self {
            Self::Policy { .. } => "Bring all sheets of the set, and no other.",
            Self::SameNumber { .. } | Self::Mixed { .. } => {
                "Set aside the sheet that is not of this set, and read the right one."
            }
            Self::OffPolynomial { .. } => {
                "Void that sheet, print or write it anew, and read it back."
            }
            Self::KeyCheck { .. } => "Void all sheets of this set, and split anew.",
        }
    }
}

/// Proves that `shares`, all sheets of a set, lie on one polynomial of degree below `k` in each byte, and that subsets
/// of `k` of them give the key check.
///
/// Up to 500 subsets are all tried. Above that the first proof already implies the second, and a covering selection
/// is tried besides: for each pair of sheets, the subset of the pair and the k - 2 sheets that follow it.
///
/// # Errors
/// See [`SheetsRefusal`]. A wrong sheet is named if any k others give the key check.
pub fn prove_sheets(
    shares: &[Share],
    k: u8,
    key_check: &KeyCheck,
) -> Result<SheetsProof, SheetsRefusal> {
    let n = shares.len();
    if k < K_MIN || usize::from(k) > n || n > usize::from(N_MAX) {
        return Err(SheetsRefusal::Policy { k, n });
    }
    one_set(shares)?;
    let size = usize::from(k);
    let numbers = || shares.iter().map(Share::x);
    let good = subsets(n, size)
        .map(|chosen| pick(shares, &chosen))
        .find(|chosen| proven_secret(chosen, key_check).is_some())
        .ok_or_else(|| SheetsRefusal::KeyCheck {
            numbers: numbers().collect(),
        })?;
    if !shares.iter().all(|share| lies_on(&good, share)) {
        let groups = agreeing(shares, size, key_check);
        let largest = groups.first().map_or(0, Vec::len);
        // Of several groups of one size none is believed: what is not in all of them is doubted.
        let believed = groups.iter().take_while(|group| group.len() == largest);
        let wrong = |x: &u8| !believed.clone().all(|group| group.contains(x));
        return Err(SheetsRefusal::OffPolynomial {
            numbers: numbers().filter(wrong).collect(),
        });
    }
    let all = count(n, size) <= ALL_SUBSETS;
    let selection: Vec<Vec<usize>> = if all {
        subsets(n, size).collect()
    } else {
        covering(n, size)
    };
    for chosen in &selection {
        let chosen = pick(shares, chosen);
        if proven_secret(&chosen, key_check).is_none() {
            return Err(SheetsRefusal::KeyCheck {
                numbers: chosen.iter().map(|share| share.x()).collect(),
            });
        }
    }
    let subsets = u32::try_from(selection.len()).unwrap_or(u32::MAX);
    Ok(SheetsProof { subsets, all })
}

fn one_set(shares: &[Share]) -> Result<(), SheetsRefusal> {
    for (at, share) in shares.iter().enumerate() {
        let first = &shares[0];
        if share.set_id() != first.set_id() || share.is_rehearsal() != first.is_rehearsal() {
            return Err(SheetsRefusal::Mixed {
                first: first.x(),
                other: share.x(),
            });
        }
        if shares[..at].iter().any(|before| before.x() == share.x()) {
            return Err(SheetsRefusal::SameNumber { x: share.x() });
        }
    }
    Ok(())
}

/// Subsets of `size` among `n` such that each pair is together in at least one, without repetition.
fn covering(n: usize, size: usize) -> Vec<Vec<usize>> {
    let mut selection: Vec<Vec<usize>> = subsets(n, 2)
        .map(|pair| {
            let following = (1..n).map(|step| (pair[1] + step) % n);
            let others = following.filter(|at| !pair.contains(at)).take(size - 2);
            let mut chosen: Vec<usize> = pair.iter().copied().chain(others).collect();
            chosen.sort_unstable();
            chosen
        })
        .collect();
    selection.sort_unstable();
    selection.dedup();
    selection
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::secret::Secret32;
    use crate::share::derive::key_check;
    use crate::share::public::SetId;
    use crate::share::split::split;

    const SET: SetId = SetId([3; 6]);

    fn seed(byte: u8) -> Secret32 {
        Secret32::init_with(|own| own.fill(byte))
    }

    fn deal(k: u8, n: u8) -> Vec<Share> {
        split(&seed(1), k, n, SET, true, &seed(2)).unwrap_or_default()
    }

    fn changed(share: &Share) -> Share {
        Share::assemble(share.is_rehearsal(), share.x(), share.set_id(), |y| {
            y.copy_from_slice(share.expose_y());
            y[31] ^= 1;
        })
    }

    fn check() -> KeyCheck {
        key_check(&seed(1), SET)
    }

    #[test]
    fn proves_all_subsets_or_a_covering_selection() {
        let proof = |k, n| prove_sheets(&deal(k, n), k, &check()).unwrap();
        assert_eq!(
            proof(3, 5),
            SheetsProof {
                subsets: 10,
                all: true
            }
        );
        assert_eq!(
            proof(2, 2),
            SheetsProof {
                subsets: 1,
                all: true
            }
        );
        assert_eq!(
            proof(2, 16),
            SheetsProof {
                subsets: 120,
                all: true
            }
        );
        assert_eq!(
            proof(16, 16),
            SheetsProof {
                subsets: 1,
                all: true
            }
        );
        let selected = proof(8, 16);
        assert!(!selected.all);
        assert!(selected.subsets >= 16, "{selected:?}");
    }

    #[test]
    fn the_selection_covers_each_pair() {
        for (n, size) in [(16, 3), (16, 8), (12, 6), (16, 13)] {
            let selection = covering(n, size);
            assert!(selection.iter().all(|chosen| {
                chosen.len() == size && chosen.is_sorted() && chosen.iter().all(|at| *at < n)
            }));
            assert!(subsets(n, 2).all(|pair| {
                selection
                    .iter()
                    .any(|chosen| pair.iter().all(|at| chosen.contains(at)))
            }));
        }
    }

    #[test]
    fn names_the_wrong_sheet_wherever_it_is() {
        for wrong in 0..5 {
            let mut sheets = deal(3, 5);
            sheets[wrong] = changed(&sheets[wrong]);
            let refused = prove_sheets(&sheets, 3, &check()).unwrap_err();
            let numbers = vec![sheets[wrong].x()];
            assert_eq!(refused, SheetsRefusal::OffPolynomial { numbers });
        }
    }

    #[test]
    fn a_polynomial_of_higher_degree_is_no_set() {
        // Dealt with a threshold of 4: every subset of 3 gives something else.
        let refused = prove_sheets(&deal(4, 5), 3, &check()).unwrap_err();
        assert_eq!(
            refused.to_string(),
            "Sheets 1, 2, 3, 4 and 5 together do not give the key check."
        );
        assert_eq!(refused.name(), "sheets-key-check");
    }

    #[test]
    fn refuses_what_is_no_set() {
        let name = |sheets: &[Share], k| prove_sheets(sheets, k, &check()).unwrap_err().name();
        assert_eq!(name(&deal(3, 5)[..2], 3), "sheets-policy");
        assert_eq!(name(&deal(3, 5), 1), "sheets-policy");
        assert_eq!(name(&[], 0), "sheets-policy");
        let mut twice = deal(3, 5);
        twice[4] = deal(3, 5).remove(0);
        assert_eq!(name(&twice, 3), "sheets-same-number");
        let mut mixed = deal(3, 5);
        mixed[4] = Share::assemble(false, 5, SET, |y| y.fill(0));
        assert_eq!(name(&mixed, 3), "sheets-mixed");
        mixed[4] = Share::assemble(true, 5, SetId([4; 6]), |y| y.fill(0));
        assert_eq!(name(&mixed, 3), "sheets-mixed");
        let other = key_check(&seed(9), SET);
        assert_eq!(
            prove_sheets(&deal(3, 5), 3, &other).unwrap_err().name(),
            "sheets-key-check"
        );
    }
}
