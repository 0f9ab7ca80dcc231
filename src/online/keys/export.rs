//! Keys of the host's keystore, as a delivery to the laptop. Every pair is proven, and matched with the chain where a
//! source is given; a key that was made today is registered nowhere yet, and then goes as NOT MATCHED.

use std::path::Path;

use super::chain::{self, Matched};
use crate::ceremony::dates;
use crate::ceremony::event::Refused;
use crate::files::{from_error, refused};
use crate::secret::SecretText;
use crate::vault::contents::Network;
use crate::vault::delivery::{Delivery, Purpose};
use crate::vault::gather::{Selection, gather};
use crate::vault::registered::{Account, Registered};
use crate::vault::schemes::KeyType;

/// What to export.
pub struct Request<'a> {
    /// The keystore directory, or the chain directory around it with the network files.
    pub path: &'a Path,
    /// Only these key types; empty for everything.
    pub key_types: &'a [KeyType],
    /// The keystore password, if the node has one.
    pub password: Option<&'a SecretText>,
    /// The source to match with.
    pub registered: Option<&'a Registered>,
    /// Whose keys they must be.
    pub account: Option<Account>,
    /// Whether it is for a rehearsal.
    pub rehearsal: bool,
    /// The node's name, for people.
    pub node: &'a str,
    /// UTC seconds.
    pub now: i64,
}

/// A delivery, ready to be sealed.
pub struct Export {
    /// The delivery.
    pub delivery: Delivery,
    /// Whose keys they are; `None` is NOT MATCHED.
    pub matched: Option<Matched>,
    /// What deserves a look, by file.
    pub warnings: Vec<String>,
}

/// Gathers, proves and matches.
///
/// # Errors
/// The keystore's faults by name; those of the match; `chain-unknown`; `rehearsal-needs-registered`.
pub fn prepare(request: &Request<'_>) -> Result<Export, Refused> {
    if request.rehearsal && request.registered.is_none() {
        return Err(refused(
            "rehearsal-needs-registered",
            "Keys enter a rehearsal only if a rehearsal's own registered file knows them.",
            "Give it with --registered; real keys never enter a rehearsal.",
        ));
    }
    let told = chain::id_of_path(request.path);
    let network = match (request.registered, told) {
        (Some(registered), Some(chain_id)) => {
            let told = Network {
                chain_id,
                genesis_hash: None,
            };
            chain::same("The directory", &told, registered)?;
            chain::network(registered)
        }
        (Some(registered), None) => chain::network(registered),
        (None, Some(chain_id)) => Network {
            chain_id,
            genesis_hash: None,
        },
        (None, None) => {
            return Err(refused(
                "chain-unknown",
                format!(
                    "{} does not tell which chain it belongs to.",
                    request.path.display()
                ),
                "Give the directory as chains/ID or chains/ID/keystore, or a source of registered keys.",
            ));
        }
    };
    let selection = Selection {
        key_types: request.key_types,
        unprovable: false,
    };
    let gathered =
        gather(request.path, selection, request.password).map_err(|fault| from_error(&fault))?;
    let matched = match request.registered {
        Some(registered) => Some(chain::hold(
            registered,
            &gathered.keys,
            request.account,
            request.rehearsal,
        )?),
        None => None,
    };
    let warnings = gathered
        .warnings
        .iter()
        .map(|(file, warning)| format!("{file}: {warning} [{}]", warning.name()))
        .collect();
    Ok(Export {
        delivery: Delivery {
            purpose: Purpose::ToLaptop,
            rehearsal: request.rehearsal,
            network,
            node: request.node.to_owned(),
            created: dates::rfc3339(request.now),
            keystore_password: request.password.is_some(),
            keys: gathered.keys,
            files: gathered.files,
        },
        matched,
        warnings,
    })
}

/// Whether `typed` are the six words, each whole or by its first four letters, which are unique in the list.
pub fn are_words(typed: &str, words: &str) -> bool {
    let typed: Vec<String> = typed.split_whitespace().map(str::to_lowercase).collect();
    let words: Vec<&str> = words.split(' ').collect();
    typed.len() == words.len()
        && typed.iter().zip(words).all(|(typed, word)| {
            typed == word || (typed.chars().count() >= 4 && word.starts_with(typed.as_str()))
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn six_words_are_compared_whole_or_by_four_letters() {
        let words = "ability able about above absent zoo";
        for same in [
            words,
            "  ABILITY able\tabout above  absent zoo\n",
            "abil able abou abov abse zoo",
        ] {
            assert!(are_words(same, words), "{same}");
        }
        for other in [
            "",
            "ability able about above absent",
            "ability able about above absent zoo zoo",
            "ability able about above absent zo",
            "abi able about above absent zoo",
            "able ability about above absent zoo",
            "abilityx able about above absent zoo",
        ] {
            assert!(!are_words(other, words), "{other}");
        }
    }
}
