//! What snapshots the stores have, and what each is worth: signed by whom, attested by whom, how old.
//!
//! Everything is read anew and judged; what can't be judged is named, never left out.

use std::fmt;

use jiff::Timestamp;

use super::key::{ATTESTATIONS, HEADS};
use super::manifest::{
    ATTESTATION_FORMAT, Attestation, HEAD_FORMAT, Head, MAX_HEAD, ManifestFault, read,
};
use super::names::{self, Epoch, SnapshotName, SourceName};
use super::object::sha256;
use super::trust::{Trust, Untrusted};
use crate::ceremony::event::Refused;
use crate::files::{from_error, refused};
use crate::online::class::Class;
use crate::online::store::{Store, StoreFault};
use crate::transcript::hex::Hash;
use crate::transcript::sign::MAX_SIGNATURE;

/// Most epochs and snapshots of one source that are read.
const MAX_EPOCHS: usize = 1000;
const MAX_SNAPSHOTS: usize = 20_000;

/// What a snapshot is worth.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Worth {
    /// Signed by a trusted host, attested by a trusted verifier.
    Good(Box<Attestation>),
    /// Signed by a trusted host; nobody has restored it yet, or who did is not trusted.
    Unattested(Option<Refused>),
    /// Not to be used.
    Refused(Refused),
}

/// One snapshot in one store.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// Its epoch.
    pub epoch: Epoch,
    /// Its name.
    pub name: SnapshotName,
    /// Its head, if that could be read.
    pub head: Option<Head>,
    /// SHA-256 of the head.
    pub sha256: Option<Hash>,
    /// Who signed it.
    pub signer: Option<String>,
    /// What it is worth.
    pub worth: Worth,
}

impl Entry {
    /// Whether it was restored and attested.
    pub fn is_good(&self) -> bool {
        matches!(self.worth, Worth::Good(_))
    }

    /// The classes that it serves, as its head says, or its name.
    pub fn classes(&self) -> Vec<Class> {
        self.head
            .as_ref()
            .map_or_else(|| vec![self.name.class], |head| head.classes.clone())
    }
}

impl fmt::Display for Worth {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Good(_) => f.write_str("good"),
            Self::Unattested(None) => f.write_str("not verified yet"),
            Self::Unattested(Some(refused)) => write!(f, "not verified ({})", refused.name),
            Self::Refused(refused) => write!(f, "REFUSED ({})", refused.name),
        }
    }
}

/// The sources that a store has, `CHAIN/NAME`.
///
/// # Errors
/// [`StoreFault`].
pub fn sources(store: &dyn Store) -> Result<Vec<SourceName>, StoreFault> {
    let mut found = Vec::new();
    for chain in store.directories("")? {
        for source in store.directories(&format!("{chain}/"))? {
            found.extend(SourceName::new(&chain, &source));
        }
    }
    Ok(found)
}

/// The epochs of a source, oldest first. Directories that are no epochs are left out: no name of ours is like them.
///
/// # Errors
/// [`StoreFault`].
pub fn epochs(store: &dyn Store, source: &SourceName) -> Result<Vec<Epoch>, StoreFault> {
    let mut found: Vec<Epoch> = store
        .directories(&source.prefix())?
        .iter()
        .filter_map(|name| name.parse().ok())
        .collect();
    if found.len() > MAX_EPOCHS {
        return Err(StoreFault::Failed {
            store: store.address().to_owned(),
            reason: format!(
                "{source} has {} epochs, more than ever are kept",
                found.len()
            ),
        });
    }
    found.sort();
    Ok(found)
}

/// All snapshots of a source, oldest first, judged.
///
/// # Errors
/// [`StoreFault`] if the store can't be listed. What can't be read of one snapshot counts against that one.
pub fn snapshots(
    store: &dyn Store,
    source: &SourceName,
    trust: &Trust,
) -> Result<Vec<Entry>, StoreFault> {
    let mut all = Vec::new();
    for epoch in epochs(store, source)? {
        let prefix = format!("{}manifests/", names::epoch_prefix(source, &epoch));
        for listed in store.list(&prefix)? {
            let name = listed
                .name
                .strip_prefix(&prefix)
                .and_then(|name| name.strip_suffix(".json"));
            if let Some(name) = name.and_then(|name| name.parse().ok()) {
                all.push(entry(store, source, &epoch, name, trust));
            }
            if all.len() > MAX_SNAPSHOTS {
                return Err(StoreFault::Failed {
                    store: store.address().to_owned(),
                    reason: format!("{source} has more than {MAX_SNAPSHOTS} snapshots"),
                });
            }
        }
    }
    all.sort_by_key(|entry| (entry.name, entry.epoch));
    Ok(all)
}

/// Reads and judges one snapshot.
pub fn entry(
    store: &dyn Store,
    source: &SourceName,
    epoch: &Epoch,
    name: SnapshotName,
    trust: &Trust,
) -> Entry {
    let mut entry = Entry {
        epoch: *epoch,
        name,
        head: None,
        sha256: None,
        signer: None,
        worth: Worth::Unattested(None),
    };
    if let Err(refused) = judge(store, source, trust, &mut entry) {
        entry.worth = Worth::Refused(refused);
    }
    entry
}

fn judge(
    store: &dyn Store,
    source: &SourceName,
    trust: &Trust,
    entry: &mut Entry,
) -> Result<(), Refused> {
    let snapshot = entry.name.to_string();
    let path = |end: &str| names::manifest(source, &entry.epoch, &entry.name, end);
    let get = |end: &str, limit: usize| store.get(&path(end), limit as u64);
    let bytes = get("json", MAX_HEAD).map_err(|fault| from_error(&fault))?;
    let signature = get("json.sig", MAX_SIGNATURE).map_err(|fault| match fault {
        StoreFault::Absent { .. } => refused(
            "snapshot-unsigned",
            format!("{snapshot} in {} is not signed.", store.address()),
            "Use a snapshot that is signed.",
        ),
        fault => from_error(&fault),
    })?;
    let untrusted = |who, fault| Untrusted {
        snapshot: snapshot.clone(),
        who,
        fault,
    };
    let signer = trust
        .signer(HEADS, &bytes, &String::from_utf8_lossy(&signature))
        .map_err(|fault| from_error(&untrusted("host", fault)))?
        .to_owned();
    if signer != source.source {
        return Err(refused(
            "snapshot-other-host",
            format!(
                "{snapshot} of {source} is signed by {signer}: a host makes snapshots under its own name alone."
            ),
            "Give the key in the trust file the name of its source, if that host makes these snapshots; else find out who did.",
        ));
    }
    let head: Head =
        read("head", &snapshot, HEAD_FORMAT, &bytes).map_err(|fault| from_error(&fault))?;
    head.check_place(source, &entry.epoch, &entry.name)
        .map_err(|fault| from_error(&fault))?;
    if head.rehearsal {
        return Err(refused(
            "snapshot-of-a-rehearsal",
            format!("{snapshot} was made in a rehearsal."),
            "Use another snapshot.",
        ));
    }
    let sha256 = sha256(&bytes);
    (entry.head, entry.sha256, entry.signer) = (Some(head.clone()), Some(sha256), Some(signer));
    let attestation = match get("good", MAX_HEAD) {
        Ok(attestation) => attestation,
        Err(StoreFault::Absent { .. }) => return Ok(()),
        Err(fault) => return Err(from_error(&fault)),
    };
    let judged = get("good.sig", MAX_SIGNATURE)
        .map_err(|fault| from_error(&fault))
        .and_then(|signature| {
            trust
                .signer(
                    ATTESTATIONS,
                    &attestation,
                    &String::from_utf8_lossy(&signature),
                )
                .map_err(|fault| from_error(&untrusted("verifier", fault)))?;
            read::<Attestation>("attestation", &snapshot, ATTESTATION_FORMAT, &attestation)
                .and_then(|good| check_attestation(good, &head, sha256, &snapshot))
                .map_err(|fault| from_error(&fault))
        });
    entry.worth = match judged {
        Ok(good) => Worth::Good(Box::new(good)),
        Err(refused) => Worth::Unattested(Some(refused)),
    };
    Ok(())
}

fn check_attestation(
    good: Attestation,
    head: &Head,
    sha256: Hash,
    snapshot: &str,
) -> Result<Attestation, ManifestFault> {
    let other = |reason: &str| ManifestFault::Other {
        document: "attestation",
        snapshot: snapshot.to_owned(),
        reason: reason.to_owned(),
    };
    if good.head_sha256 != sha256 {
        return Err(other("it attests another head"));
    }
    if good.rehearsal {
        return Err(other("it was made in a rehearsal"));
    }
    if head.genesis.is_some() && good.genesis.is_some() && head.genesis != good.genesis {
        return Err(other("the genesis hashes differ"));
    }
    Ok(good)
}

/// Which snapshot is asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Wanted {
    /// The newest good one, of any class.
    Latest,
    /// The newest good one that serves this class.
    Class(Class),
    /// This one.
    Name(SnapshotName),
}

/// What may be taken besides.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Allowed {
    /// Snapshots that no verifier attested.
    pub unattested: bool,
    /// Snapshots that are older than their class allows.
    pub old: bool,
}

/// Chooses among the judged snapshots of one store at the store's time `now`.
///
/// # Errors
/// `snapshot-absent`, `snapshot-unattested`, `snapshot-too-old`, `snapshot-from-the-future`, or what the one that was
/// named was refused for.
pub fn choose<'a>(
    entries: &'a [Entry],
    wanted: &Wanted,
    allowed: Allowed,
    now: Timestamp,
) -> Result<&'a Entry, Refused> {
    let fits = |entry: &&Entry| match wanted {
        Wanted::Latest => true,
        Wanted::Class(class) => entry.classes().contains(class),
        Wanted::Name(name) => entry.name == *name,
    };
    let fitting: Vec<&Entry> = entries.iter().filter(fits).collect();
    let mut first: Option<Refused> = None;
    for entry in fitting.iter().rev() {
        match usable(entry, allowed, now) {
            Ok(()) => return Ok(entry),
            // The newest one's fault is told, and that an older one would do but for its age.
            Err(refused) => match &mut first {
                None => first = Some(refused),
                Some(first) if refused.name == "snapshot-too-old" && entry.is_good() => {
                    first.way_on = format!(
                        "{} {} is good, but old: --old takes it.",
                        first.way_on, entry.name
                    );
                    break;
                }
                Some(_) => {}
            },
        }
    }
    Err(first.unwrap_or_else(|| {
        refused(
            "snapshot-absent",
            "The store has no such snapshot.",
            "See what it has with `qh-online snapshot list`, or ask another store.",
        )
    }))
}

fn usable(entry: &Entry, allowed: Allowed, now: Timestamp) -> Result<(), Refused> {
    let name = entry.name;
    match &entry.worth {
        Worth::Refused(refused) => return Err(refused.clone()),
        Worth::Unattested(why) if !allowed.unattested => {
            let why = why
                .as_ref()
                .map_or_else(String::new, |why| format!(" ({})", why.what));
            return Err(refused(
                "snapshot-unattested",
                format!("{name} was not verified by a trusted verifier{why}."),
                "Verify it with `qh-online verify snapshots`, use another one, or say --unattested if there is none.",
            ));
        }
        _ => {}
    }
    let age = now.duration_since(name.time).as_hours();
    if name.time.duration_since(now) > jiff::SignedDuration::from_mins(10) {
        return Err(refused(
            "snapshot-from-the-future",
            format!("{name} is from the future: the store's clock says {now}."),
            "Look at the clocks of the host and of the store.",
        ));
    }
    let kept = entry
        .classes()
        .iter()
        .map(|class| class.kept_hours())
        .max()
        .unwrap_or(0);
    if age > kept && !allowed.old {
        return Err(refused(
            "snapshot-too-old",
            format!(
                "{name} is {age} hours old, and its class is kept for {kept}: a store that hides newer ones offers an old one."
            ),
            "Look why there is none that is newer; say --old to take it nevertheless.",
        ));
    }
    Ok(())
}
