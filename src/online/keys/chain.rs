//! Whose keys these are, by a source of registered keys. A match is never excepted.

use std::path::{Path, PathBuf};

use crate::ceremony::event::Refused;
use crate::files::refused;
use crate::vault::contents::{BundleKey, Network};
use crate::vault::gather::type_and_public;
use crate::vault::registered::{
    Account, KeyMatch, Place, PublicKey, Registered, Validator, Verdict, match_keys,
};
use crate::vault::schemes::KeyType;

/// Keys that all belong to one registered validator.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Matched {
    /// The answers, one line a key, then whose they are.
    pub lines: Vec<String>,
    /// The validator's account; `None` if the source knows an authority and not its account.
    pub account: Option<Account>,
    /// Where the registered keys were read, for people.
    pub source: String,
    /// Whether the source is genesis state, and not the chain of today.
    pub genesis_state: bool,
    /// Number of the block that was read.
    pub block: u64,
    /// Whether one of the keys is among today's authorities, as far as the source tells.
    pub is_authority: bool,
}

/// Matches keys with the registered ones, all of one validator; of `account` if that is given.
///
/// # Errors
/// `registered-of-rehearsal`, `registered-not-of-rehearsal`, `keys-not-registered`, `keys-of-other-validator`.
pub fn hold(
    registered: &Registered,
    keys: &[BundleKey],
    account: Option<Account>,
    rehearsal: bool,
) -> Result<Matched, Refused> {
    let source = source(registered);
    if registered.rehearsal != rehearsal {
        return Err(if rehearsal {
            refused(
                "registered-not-of-rehearsal",
                format!("{source} is of a real chain, and this is a rehearsal."),
                "Rehearse with the files that the rehearsal made; real keys never enter it.",
            )
        } else {
            refused(
                "registered-of-rehearsal",
                format!("{source} is of a rehearsal; it says nothing about the chain."),
                "Give what `qh-online registered` reads, or the raw chain spec.",
            )
        });
    }
    let decoded: Vec<(KeyType, Vec<u8>)> = keys.iter().filter_map(type_and_public).collect();
    let public: Vec<PublicKey<'_>> = decoded
        .iter()
        .map(|(key_type, public)| PublicKey {
            key_type: *key_type,
            public,
        })
        .collect();
    let report = match_keys(registered, &public);
    let lines = report.lines(&public);
    if report.verdict != Verdict::Match || decoded.len() != keys.len() {
        return Err(refused(
            "keys-not-registered",
            format!(
                "By {source}, these are not one registered validator's keys: {}.",
                lines.join("; ")
            ),
            "Look whether keys and source belong to the same validator and chain. This is never excepted.",
        ));
    }
    let found = match report.validator {
        Validator::One(found) => Some(found),
        _ => None,
    };
    if account.is_some() && account != found {
        let of = found.map_or("an account that it does not tell".into(), |a| a.to_string());
        return Err(refused(
            "keys-of-other-validator",
            format!("By {source}, these keys belong to {of}, not to the account that was given."),
            "Look whether keystore and account belong to the same validator.",
        ));
    }
    let is_authority = report.keys.iter().any(|key| {
        matches!(key, KeyMatch::Registered { found_in, .. } if found_in.contains(&Place::Authorities))
    });
    Ok(Matched {
        lines,
        account: found,
        genesis_state: registered.is_genesis_state(),
        block: registered.block_number,
        source,
        is_authority,
    })
}

/// Whether two sources give keys to one and the same validator.
///
/// # Errors
/// `keys-of-other-validator`, naming both sources.
pub fn same_validator(one: &Matched, other: &Matched) -> Result<(), Refused> {
    match (one.account, other.account) {
        (Some(by_one), Some(by_other)) if by_one != by_other => Err(refused(
            "keys-of-other-validator",
            format!(
                "By {} these keys belong to {by_one}, by {} to {by_other}.",
                one.source, other.source
            ),
            "Read the registered keys anew, and find out which source is right.",
        )),
        _ => Ok(()),
    }
}

/// Where registered keys were read: names, and what they show.
fn source(registered: &Registered) -> String {
    let names: Vec<&str> = registered.sources.iter().map(|s| s.name.as_str()).collect();
    let what = if registered.is_genesis_state() {
        "genesis state".to_owned()
    } else {
        format!("block {}", registered.block_number)
    };
    format!("{} ({what})", names.join(" and "))
}

/// The network that a source speaks of.
pub fn network(registered: &Registered) -> Network {
    Network {
        chain_id: registered.chain_id.clone(),
        genesis_hash: registered.genesis_hash,
    }
}

/// Compares two networks: ids always, genesis hashes where both know theirs.
///
/// # Errors
/// `match-other-chain`, naming both.
pub fn same(what: &str, ours: &Network, registered: &Registered) -> Result<(), Refused> {
    let way_on = "Give the registered keys, and the directory, of one and the same chain.";
    if ours.chain_id != registered.chain_id {
        return Err(refused(
            "match-other-chain",
            format!(
                "{what} is of chain {}, the registered keys are of chain {}.",
                ours.chain_id, registered.chain_id
            ),
            way_on,
        ));
    }
    match (ours.genesis_hash, registered.genesis_hash) {
        (Some(own), Some(found)) if own != found => Err(refused(
            "match-other-chain",
            format!(
                "{what} is of a chain with genesis {}, the registered keys are of a chain of the same id with {}.",
                data_encoding::HEXLOWER.encode(&own),
                data_encoding::HEXLOWER.encode(&found)
            ),
            way_on,
        )),
        _ => Ok(()),
    }
}

/// The path with its links resolved, as far as it is there; `None` if what is not there yet climbs up again.
fn resolved(path: &Path) -> Option<PathBuf> {
    if let Ok(whole) = path.canonicalize() {
        return Some(whole);
    }
    let name = path.file_name()?; // none for `..`
    let parent = match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    };
    Some(resolved(parent)?.join(name))
}

/// The chain id that a path tells: `chains/ID` or `chains/ID/keystore`, whether or not it is there yet.
pub fn id_of_path(path: &Path) -> Option<String> {
    let whole = resolved(path)?;
    let dir = match whole.file_name() {
        Some(name) if name == "keystore" => whole.parent()?,
        _ => &whole,
    };
    let below_chains = dir.parent()?.file_name()? == "chains";
    below_chains.then(|| dir.file_name()?.to_str().map(str::to_owned))?
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_tells_its_chain_before_it_is_there() {
        let base = tempfile::tempdir().unwrap();
        let chains = base.path().join("chains");
        for there in ["", "dev3", "dev3/keystore"] {
            std::fs::create_dir_all(chains.join(there)).unwrap();
            assert_eq!(id_of_path(&chains.join("dev3")).as_deref(), Some("dev3"));
            let keystore = chains.join("dev3/keystore");
            assert_eq!(id_of_path(&keystore).as_deref(), Some("dev3"), "{there}");
        }
        std::os::unix::fs::symlink(chains.join("dev3"), base.path().join("link")).unwrap();
        let linked = base.path().join("link/keystore");
        assert_eq!(id_of_path(&linked).as_deref(), Some("dev3"));
        assert_eq!(id_of_path(&base.path().join("keystore")), None);
        assert_eq!(id_of_path(&chains.join("absent/../dev3/new")), None);
    }
}
