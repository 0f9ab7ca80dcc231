//! Whether the old signer is silent, measured on the chain: blocks that its key authored over a finalized range.
//!
//! Silence over a few blocks says nothing: each authority has its turn once a round. The range must hold at least
//! [`ROUNDS`] rounds of all authorities, and [`MIN_BLOCKS`] blocks. What is measured is authorship; a key of another
//! kind (finality votes) leaves no trace that is counted here.

use crate::ceremony::event::Refused;
use crate::files::refused;

/// How many turns the key must have let pass.
pub const ROUNDS: u64 = 3;

/// Least number of blocks in a range.
pub const MIN_BLOCKS: u64 = 100;

/// What was counted over a range of finalized blocks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Count {
    /// Blocks that the key authored.
    pub authored: u64,
    /// The last of them.
    pub last: Option<u64>,
    /// Blocks whose author can't be told.
    pub undetermined: u64,
    /// Blocks at which the key was among the authorities, so that it could have been the author.
    pub listed: u64,
    /// How many authorities took turns.
    pub authorities: u64,
}

/// A chain that can be asked who authored its blocks.
pub trait Authorship {
    /// Number of the last finalized block.
    ///
    /// # Errors
    /// What keeps the chain from answering, by name.
    fn finalized(&self) -> Result<u64, Refused>;

    /// Counts the blocks `from` to `to`, both included, that the aura key `public` authored.
    ///
    /// # Errors
    /// As [`Authorship::finalized`].
    fn count(&self, public: &[u8], from: u64, to: u64) -> Result<Count, Refused>;
}

/// Silence of a key over a range.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Silent {
    /// First block of the range.
    pub from: u64,
    /// Last block of the range, finalized.
    pub to: u64,
    /// In how many of its blocks the key was among the authorities. Where it was not, its silence says nothing.
    pub listed: u64,
    /// How many authorities took turns.
    pub authorities: u64,
}

/// Measures whether `public`, an aura key, authored nothing from block `from` to the last finalized one.
///
/// # Errors
/// `old-signer-alive` if it did; `silence-undetermined` if some authors can't be told; `silence-too-short` if the range says too little; what keeps the chain from answering.
pub fn measure(chain: &dyn Authorship, public: &[u8], from: u64) -> Result<Silent, Refused> {
    let to = chain.finalized()?;
    let blocks = to.saturating_add(1).saturating_sub(from);
    let too_short = |least: u64| {
        refused(
            "silence-too-short",
            format!(
                "From block {from} to the last finalized block {to} there are {blocks} blocks; at least {least} are needed to say that a signer is silent."
            ),
            "Wait for more finalized blocks, then run it again.",
        )
    };
    if blocks < MIN_BLOCKS {
        return Err(too_short(MIN_BLOCKS));
    }
    let count = chain.count(public, from, to)?;
    if count.authored > 0 {
        let last = count.last.map_or_else(String::new, |last| {
            format!(", the last of them block {last}")
        });
        return Err(refused(
            "old-signer-alive",
            format!(
                "The key authored {} of the blocks {from} to {to}{last}: somebody signs with it.",
                count.authored
            ),
            "Find the machine that signs, and stop it. Two signers with one key are what gets a validator slashed.",
        ));
    }
    if count.undetermined > 0 {
        return Err(refused(
            "silence-undetermined",
            format!(
                "Of the blocks {from} to {to}, {} have an author that can't be told; one of them may be the key's.",
                count.undetermined
            ),
            "Ask a node that has kept the state of these blocks (an archive node).",
        ));
    }
    let least = MIN_BLOCKS.max(ROUNDS.saturating_mul(count.authorities));
    if blocks < least {
        return Err(too_short(least));
    }
    Ok(Silent {
        from,
        to,
        listed: count.listed,
        authorities: count.authorities,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Chain {
        finalized: u64,
        authored: Vec<u64>,
        authorities: u64,
        undetermined: u64,
    }

    impl Authorship for Chain {
        fn finalized(&self) -> Result<u64, Refused> {
            Ok(self.finalized)
        }

        fn count(&self, _: &[u8], from: u64, to: u64) -> Result<Count, Refused> {
            let in_range = self.authored.iter().filter(|n| (from..=to).contains(n));
            Ok(Count {
                authored: in_range.clone().count() as u64,
                last: in_range.max().copied(),
                undetermined: self.undetermined,
                listed: to + 1 - from,
                authorities: self.authorities,
            })
        }
    }

    fn name(chain: &Chain, from: u64) -> String {
        match measure(chain, &[1; 64], from) {
            Ok(silent) => format!("silent {} to {}", silent.from, silent.to),
            Err(refused) => refused.name,
        }
    }

    #[test]
    fn silence_needs_a_range_that_says_something() {
        let mut chain = Chain {
            finalized: 1099,
            authored: vec![990, 999],
            authorities: 3,
            undetermined: 0,
        };
        assert_eq!(name(&chain, 1000), "silent 1000 to 1099");
        assert_eq!(name(&chain, 1001), "silence-too-short");
        assert_eq!(name(&chain, 5000), "silence-too-short");
        assert_eq!(name(&chain, 999), "old-signer-alive");
        let refused = measure(&chain, &[1; 64], 980).unwrap_err();
        assert!(
            refused
                .what
                .contains("authored 2 of the blocks 980 to 1099, the last of them block 999")
        );
        chain.undetermined = 1;
        assert_eq!(name(&chain, 1000), "silence-undetermined");
        chain.undetermined = 0;
        // With 50 authorities, each has its turn every 50 blocks.
        chain.authorities = 50;
        assert_eq!(name(&chain, 1000), "silence-too-short");
        chain.finalized = 1149;
        assert_eq!(name(&chain, 1000), "silent 1000 to 1149");
    }
}
