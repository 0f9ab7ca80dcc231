//! A delivery to this host, opened, proven, matched, and written into the keystore.
//!
//! The steps are functions of their own, in this order: [`open`], [`prove`], [`belongs`], [`look`], [`hold_evidence`],
//! then [`crate::vault::install::install`]. Nothing is written before all of them have agreed.

use std::os::unix::fs::MetadataExt;
use std::path::Path;

use super::chain::{self, Matched};
use super::evidence::Statement;
use super::silence::{self, Authorship, Silent};
use crate::ceremony::event::Refused;
use crate::files::{from_error, refused};
use crate::secret::SecretText;
use crate::vault::delivery::{Delivery, Purpose, open_with};
use crate::vault::gather::{ProvenAll, prove_all};
use crate::vault::install::Target;
use crate::vault::keystore::{self, KeystoreFault, Owner};
use crate::vault::recipient::OneTimeRecipient;
use crate::vault::registered::{Account, KeyMatch, PublicKey, Registered, match_keys};
use crate::vault::schemes::KeyType;

/// Over how many of the last blocks a key that never signed is looked for.
const NEVER_USED_BLOCKS: u64 = 1000;

/// Opens a delivery that was sealed to this host.
///
/// # Errors
/// Those of the delivery by name; `delivery-of-rehearsal` if it is of a rehearsal and this is none, or the reverse.
pub fn open(file: &[u8], own: &OneTimeRecipient, rehearsal: bool) -> Result<Delivery, Refused> {
    let delivery = open_with(file, &own.identity)
        .and_then(|delivery| delivery.require(Purpose::ToHost).map(|()| delivery))
        .map_err(|error| from_error(&error))?;
    if delivery.rehearsal != rehearsal {
        let what = if rehearsal {
            "The delivery is of a real ceremony, and --rehearsal was given."
        } else {
            "The delivery is of a rehearsal. Its keys are no validator's."
        };
        return Err(refused(
            "delivery-of-rehearsal",
            what,
            "Choose the delivery of the ceremony that you mean.",
        ));
    }
    Ok(delivery)
}

/// Proves every pair. A key that no known scheme can prove is refused: the ceremony's exception for it ends at the
/// laptop.
///
/// # Errors
/// The fault of the first pair that is wrong.
pub fn prove(delivery: &Delivery, password: Option<&SecretText>) -> Result<ProvenAll, Refused> {
    let proven =
        prove_all(&delivery.keys, &delivery.files, password).map_err(|fault| from_error(&fault))?;
    match proven.unproven.first() {
        Some(key) => Err(from_error(&key.fault())),
        None => Ok(proven),
    }
}

/// Whether the keys are one registered validator's, of this chain, and go into a directory of this chain.
///
/// # Errors
/// `match-other-chain`, and those of [`chain::hold`].
pub fn belongs(
    delivery: &Delivery,
    path: &Path,
    registered: &Registered,
    account: Option<Account>,
) -> Result<Matched, Refused> {
    chain::same("The delivery", &delivery.network, registered)?;
    let target = chain::id_of_path(path).filter(|id| *id != registered.chain_id);
    if let Some(id) = target {
        return Err(refused(
            "match-other-chain",
            format!(
                "{} is a directory of chain {id}, the delivery is of chain {}.",
                path.display(),
                registered.chain_id
            ),
            "Give the keystore of the delivery's chain.",
        ));
    }
    chain::hold(registered, &delivery.keys, account, delivery.rehearsal)
}

/// What lies where the keys go.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Surroundings {
    /// Where the keys go.
    pub target: Target,
    /// Whom the files shall belong to: the keystore directory's owner, or, if it is not there yet, that of the directory
    /// around it.
    pub owner: Owner,
    /// Files of the delivery that are there already, by name.
    pub there: Vec<String>,
    /// Whatever else is there, by name.
    pub others: Vec<String>,
}

/// Looks at the target.
///
/// # Errors
/// `keystore-absent` and the like; `network-files-need-chain-directory`; `second-signer` if a key of the same type lies
/// there and `beside` doesn't say that it may; `second-validator` if that key is another validator's, which nothing
/// excepts; `rehearsal-beside-keys`.
pub fn look(
    path: &Path,
    proven: &ProvenAll,
    registered: &Registered,
    account: Option<Account>,
    beside: bool,
) -> Result<Surroundings, Refused> {
    let target = Target::of(path, !proven.files.is_empty()).map_err(|fault| from_error(&fault))?;
    let owner = owner_of(&target.keystore)?;
    let (mut there, mut others) = (vec![], vec![]);
    let entries = match keystore::inspect(&target.keystore) {
        Ok(listing) => listing.entries,
        Err(KeystoreFault::Absent { .. }) => vec![],
        Err(fault) => return Err(from_error(&fault)),
    };
    for entry in entries {
        let ours = proven
            .keys
            .iter()
            .any(|key| keystore::file_name(key.key_type(), key.public()) == entry.file);
        if ours {
            there.push(entry.file);
            continue;
        }
        if let Some((key_type, public)) = &entry.key {
            beside_ours(
                *key_type,
                public,
                &entry.file,
                proven,
                registered,
                account,
                beside,
            )?;
        }
        others.push(entry.file);
    }
    if registered.rehearsal && !others.is_empty() {
        return Err(refused(
            "rehearsal-beside-keys",
            format!(
                "{} holds more than this rehearsal's keys, such as {}.",
                target.keystore.display(),
                others.join(", ")
            ),
            "Rehearse into a directory of its own.",
        ));
    }
    Ok(Surroundings {
        target,
        owner,
        there,
        others,
    })
}

/// A second key of a type is a second signer.
fn beside_ours(
    key_type: KeyType,
    public: &[u8],
    file: &str,
    proven: &ProvenAll,
    registered: &Registered,
    account: Option<Account>,
    beside: bool,
) -> Result<(), Refused> {
    if proven.keys.iter().all(|key| key.key_type() != key_type) {
        return Ok(());
    }
    let report = match_keys(registered, &[PublicKey { key_type, public }]);
    let other_validator = match report.keys.first() {
        Some(KeyMatch::Registered { account: of, .. }) => of.is_none() || *of != account,
        _ => false,
    };
    if other_validator {
        return Err(refused(
            "second-validator",
            format!("{file} is the {key_type} key of another registered validator."),
            "Look whether this is the right host. One keystore serves one validator.",
        ));
    }
    if beside {
        return Ok(());
    }
    Err(refused(
        "second-signer",
        format!("Another {key_type} key lies there already: {file}."),
        "Find out whose it is. If it may stay, e.g. before a change of session keys takes hold, give --beside-others.",
    ))
}

fn owner_of(keystore: &Path) -> Result<Owner, Refused> {
    let around = match keystore.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    };
    let found = match std::fs::metadata(keystore) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => std::fs::metadata(around),
        found => found,
    };
    let found = found.map_err(|error| {
        refused(
            "keystore-unreadable",
            format!("{} can't be looked at: {error}.", keystore.display()),
            "Give the keystore directory itself, usually chains/<id>/keystore under the base path.",
        )
    })?;
    Ok(Owner {
        uid: found.uid(),
        gid: found.gid(),
    })
}

fn may_have_signed(source: &str) -> Refused {
    refused(
        "never-used-is-authority",
        format!("By {source}, the key is one of the authorities, so it may have signed."),
        "State how its signer was stopped instead; or find out where it signs.",
    )
}

/// Whether the statement holds against what is known, and what the chain shows, if it can be asked: one answer for each
/// aura key. `None` is stated, not measured.
///
/// # Errors
/// Those of [`Statement::check`]; `stop-block-in-future`; `never-used-is-authority`; those of [`silence::measure`].
pub fn hold_evidence(
    statement: &Statement,
    never_used: bool,
    matched: &Matched,
    proven: &ProvenAll,
    chain: Option<&dyn Authorship>,
    now: i64,
) -> Result<Option<Vec<Silent>>, Refused> {
    statement.check(never_used, now)?;
    if never_used && matched.is_authority {
        return Err(may_have_signed(&matched.source));
    }
    if let Some(stopped) = &statement.stopped
        && !matched.genesis_state
        && stopped.silent_since_block > matched.block
    {
        return Err(refused(
            "stop-block-in-future",
            format!(
                "Silent since block {} was stated, but the registered keys were read at block {}.",
                stopped.silent_since_block, matched.block
            ),
            "Read the registered keys anew, or state the right block.",
        ));
    }
    let Some(chain) = chain else {
        return Ok(None);
    };
    let from = match &statement.stopped {
        Some(stopped) => stopped.silent_since_block,
        None => chain
            .finalized()?
            .saturating_add(1)
            .saturating_sub(NEVER_USED_BLOCKS),
    };
    let aura = proven
        .keys
        .iter()
        .filter(|key| key.key_type() == KeyType::AURA);
    let measured: Vec<Silent> = aura
        .map(|key| silence::measure(chain, key.public(), from))
        .collect::<Result<_, _>>()?;
    if never_used && measured.iter().any(|silent| silent.listed > 0) {
        return Err(may_have_signed("the nodes"));
    }
    Ok((!measured.is_empty()).then_some(measured))
}
