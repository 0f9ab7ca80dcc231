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

/// How many of the last finalized blocks are looked at, where nodes still have their state (256 blocks by default, all
/// of them in an archive node). What was measured is said; what lies before it is stated.
pub const WINDOW: u64 = 2_000;

/// What was counted over a range of finalized blocks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Count {
    /// First block of the range that could be looked at; after its last one if none could.
    pub from: u64,
    /// Blocks that the key authored.
    pub authored: u64,
    /// The last of them.
    pub last: Option<u64>,
    /// Blocks that were looked at, and whose author can't be told.
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

    /// Counts the blocks `from` to `to`, both included, that the aura key `public` authored, from `to` as far back as
    /// their authors can be told.
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

/// Measures whether `public`, an aura key, authored nothing from block `from` to the last finalized one, or in the last
/// [`WINDOW`] of these blocks, or as far back as nodes have state.
///
/// # Errors
/// `old-signer-alive` if it did; `silence-undetermined` if too few authors can be told; `silence-too-short` if the range
/// says too little; what keeps the chain from answering.
pub fn measure(chain: &dyn Authorship, public: &[u8], from: u64) -> Result<Silent, Refused> {
    let to = chain.finalized()?;
    let blocks = |from: u64| to.saturating_add(1).saturating_sub(from);
    if blocks(from) < MIN_BLOCKS {
        return Err(too_short(from, to, MIN_BLOCKS));
    }
    let start = from.max(to.saturating_add(1).saturating_sub(WINDOW));
    let count = chain.count(public, start, to)?;
    let known = count.from.max(start);
    if count.authored > 0 {
        return Err(alive(&count, known, to));
    }
    if count.undetermined > 0 {
        return Err(undetermined(format!(
            "Of the blocks {known} to {to}, {} have an author that can't be told; one of them may be the key's.",
            count.undetermined
        )));
    }
    let least = MIN_BLOCKS.max(ROUNDS.saturating_mul(count.authorities));
    if blocks(known) >= least {
        return Ok(Silent {
            from: known,
            to,
            listed: count.listed,
            authorities: count.authorities,
        });
    }
    if known > start {
        return Err(undetermined(format!(
            "The authors of {} blocks up to block {to} can be told, and {least} are needed: the state of the blocks before is gone.",
            blocks(known)
        )));
    }
    Err(too_short(start, to, least))
}

fn undetermined(what: String) -> Refused {
    refused(
        "silence-undetermined",
        what,
        "Ask nodes that have kept the state of older blocks (archive nodes).",
    )
}

fn too_short(from: u64, to: u64, least: u64) -> Refused {
    let blocks = to.saturating_add(1).saturating_sub(from);
    refused(
        "silence-too-short",
        format!(
            "From block {from} to the last finalized block {to} there are {blocks} blocks; at least {least} are needed to say that a signer is silent."
        ),
        "Wait for more finalized blocks, then run it again.",
    )
}

fn alive(count: &Count, from: u64, to: u64) -> Refused {
    let last = count.last.map_or_else(String::new, |last| {
        format!(", the last of them block {last}")
    });
    refused(
        "old-signer-alive",
        format!(
            "The key authored {} of the blocks {from} to {to}{last}: somebody signs with it.",
            count.authored
        ),
        "Find the machine that signs, and stop it. Two signers with one key are what gets a validator slashed.",
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Chain {
        finalized: u64,
        authored: Vec<u64>,
        authorities: u64,
        /// The first block whose state is kept.
        kept_from: u64,
        /// Blocks without an aura slot.
        untold: u64,
    }

    impl Authorship for Chain {
        fn finalized(&self) -> Result<u64, Refused> {
            Ok(self.finalized)
        }

        fn count(&self, _: &[u8], from: u64, to: u64) -> Result<Count, Refused> {
            let from = self.kept_from.clamp(from, to + 1);
            let in_range = self.authored.iter().filter(|n| (from..=to).contains(n));
            Ok(Count {
                from,
                authored: in_range.clone().count() as u64,
                last: in_range.max().copied(),
                undetermined: self.untold,
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
            kept_from: 0,
            untold: 0,
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
        chain.kept_from = 1001;
        assert_eq!(name(&chain, 1000), "silence-undetermined");
        chain.kept_from = 5000;
        assert_eq!(name(&chain, 1000), "silence-undetermined");
        chain.kept_from = 0;
        chain.untold = 1;
        assert_eq!(name(&chain, 1000), "silence-undetermined");
        chain.untold = 0;
        // With 50 authorities, each has its turn every 50 blocks.
        chain.authorities = 50;
        assert_eq!(name(&chain, 1000), "silence-too-short");
        chain.finalized = 1149;
        assert_eq!(name(&chain, 1000), "silent 1000 to 1149");
    }

    #[test]
    fn a_long_silence_is_measured_over_the_last_blocks() {
        let mut chain = Chain {
            finalized: 99_999,
            authored: vec![97_000],
            authorities: 3,
            kept_from: 0,
            untold: 0,
        };
        assert_eq!(name(&chain, 1), "silent 98000 to 99999");
        // A node that keeps the state of 256 blocks: all of them are looked at.
        chain.kept_from = 99_744;
        assert_eq!(name(&chain, 1), "silent 99744 to 99999");
        chain.authored.push(99_900);
        assert_eq!(name(&chain, 1), "old-signer-alive");
        chain.authored.clear();
        // They are turns enough for 85 authorities; for more, only an archive node can tell, and the advice says so.
        chain.authorities = 85;
        assert_eq!(name(&chain, 1), "silent 99744 to 99999");
        chain.authorities = 86;
        let refused = measure(&chain, &[1; 64], 1).unwrap_err();
        assert_eq!(refused.name, "silence-undetermined");
        assert_eq!(
            refused.what,
            "The authors of 256 blocks up to block 99999 can be told, and 258 are needed: the state of the blocks before is gone."
        );
        assert_eq!(
            refused.way_on,
            "Ask nodes that have kept the state of older blocks (archive nodes)."
        );
        chain.kept_from = 0;
        assert_eq!(name(&chain, 1), "silent 98000 to 99999");
    }
}
