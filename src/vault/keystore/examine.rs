use std::path::Path;

use super::dir::{Directory, Entry, Listing};
use super::file::{MAX_KEY_FILE, read_bounded, text_of};
use super::{FileFault, Finding, KeyClaim, KeystoreFault, NotProven, ProvenKey, UnprovableKey};
use crate::secret::{SecretBytes, SecretText};
use crate::vault::schemes::{KeyType, PairFault, sphincs};

/// A keystore directory, read and judged.
pub struct Examined {
    /// Public facts of everything in the directory.
    pub listing: Listing,
    /// The keys that are proven, by file name.
    pub proven: Vec<ProvenKey>,
    /// The keys of a type that no known scheme can prove, by file name. Each is also a finding.
    pub unprovable: Vec<UnprovableKey>,
    /// Every fault, by file name.
    pub findings: Vec<Finding>,
}

/// Reads and judges every file of a keystore directory. `password` is the keystore password, if the node has one.
///
/// # Errors
/// [`KeystoreFault`] if the directory as a whole is refused: absent, unreadable, too large, or empty. What is wrong with
/// single files is in [`Examined::findings`].
pub fn examine(dir: &Path, password: Option<&SecretText>) -> Result<Examined, KeystoreFault> {
    examine_open(&Directory::open(dir)?, password)
}

/// Reads a keystore directory in which everything is right.
///
/// # Errors
/// As [`examine`]; [`KeystoreFault::Files`] with every finding if there is one.
pub fn read(dir: &Path, password: Option<&SecretText>) -> Result<Vec<ProvenKey>, KeystoreFault> {
    let examined = examine(dir, password)?;
    if examined.findings.is_empty() {
        Ok(examined.proven)
    } else {
        Err(KeystoreFault::Files(examined.findings))
    }
}

pub(super) fn examine_open(
    dir: &Directory,
    password: Option<&SecretText>,
) -> Result<Examined, KeystoreFault> {
    let listing = dir.listing()?;
    if listing.entries.is_empty() {
        return Err(KeystoreFault::Empty {
            dir: dir.path().to_path_buf(),
        });
    }
    let (mut proven, mut unprovable, mut findings) = (Vec::new(), Vec::new(), Vec::new());
    for entry in &listing.entries {
        let mut find = |fault| {
            findings.push(Finding {
                file: entry.file.clone(),
                fault,
            })
        };
        let claim = match claim(dir, entry) {
            Ok(claim) => claim,
            Err(fault) => {
                find(fault);
                continue;
            }
        };
        let swapped = swapped_with(&listing, entry, claim.key_type, &claim.secret_text);
        match claim.prove(password) {
            Ok(key) => proven.push(key),
            Err(NotProven::Unprovable(key)) => {
                find(key.fault().into());
                unprovable.push(key);
            }
            Err(NotProven::Wrong(fault)) => find(match (fault, swapped) {
                (PairFault::AuraForeignPublic, Some(other)) => FileFault::NamesSwapped { other },
                (fault, _) => fault.into(),
            }),
        }
    }
    Ok(Examined {
        listing,
        proven,
        unprovable,
        findings,
    })
}

fn claim(dir: &Directory, entry: &Entry) -> Result<KeyClaim, FileFault> {
    if let Some(fault) = &entry.fault {
        return Err(fault.clone());
    }
    let (key_type, public) = entry.key.clone().ok_or(FileFault::NameNotHex)?;
    let content = read_bounded(dir, entry.file.as_bytes(), MAX_KEY_FILE)?;
    let secret_text = text_of(&content)?;
    Ok(KeyClaim {
        key_type,
        public,
        secret_text,
        source: entry.file.clone(),
    })
}

/// The other file of this directory whose public key an aura secret carries. A public key from a file name is public;
/// one that stands in a wrong secret alone is not shown, since a damaged file could hold anything there.
fn swapped_with(
    listing: &Listing,
    entry: &Entry,
    key_type: KeyType,
    secret_text: &SecretBytes,
) -> Option<String> {
    let carried = sphincs::carried_public(secret_text.expose())?;
    let other = listing.entries.iter().find(|other| {
        let same = |(other_type, public): &(KeyType, Vec<u8>)| {
            *other_type == key_type && *public == carried
        };
        other.file != entry.file && other.key.as_ref().is_some_and(same)
    })?;
    Some(other.file.clone())
}
