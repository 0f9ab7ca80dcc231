//! One snapshot, from the database to every store.
//!
//! What an earlier run left is put right first: a node that is still stopped, pins, snapshots of file systems. Then the
//! database is held still, shipped, and let go; then each store that has every chunk gets its manifest. A store that
//! failed gets none, and is named; the others count.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use jiff::Timestamp;

use super::commit::{self, Committed, Facts};
use super::database::Database;
use super::freeze::held;
use super::hold::hold_and_ship;
use super::key::HostKey;
use super::ledger::Ledger;
use super::manifest::{BlockId, Method};
use super::names::SourceName;
use super::object::chunk_bytes;
use super::ship::{Progress, Remembered, ShipFault, Target, Work};
use super::stop::{self, NodeControl, Run};
use crate::ceremony::event::Refused;
use crate::files::{from_error, refused};
use crate::online::amount::bytes;
use crate::online::class::Class;
use crate::online::store::{Store, StoreFault};
use crate::transcript::hex::Hash;
use crate::vault::recipient::Recipient;

/// How far the last snapshot may be ahead of a store's clock.
const CLOCKS_DIFFER: jiff::SignedDuration = jiff::SignedDuration::from_mins(10);

/// How far a store's clock may be from this machine's.
const CLOCKS_MAY_DIFFER: jiff::SignedDuration = jiff::SignedDuration::from_hours(24);

/// Bytes that must be free in a directory besides what is expected to be stored.
const SPARE: u64 = 64 * 1024 * 1024;

/// What to make a snapshot of, and how.
pub struct Request<'a> {
    /// The database.
    pub database: &'a Database,
    /// The source.
    pub source: &'a SourceName,
    /// The state directory.
    pub state: &'a Path,
    /// To whom it is sealed.
    pub recipients: &'a [Recipient],
    /// The method that is asked for; else the best one.
    pub method: Option<Method>,
    /// How the node is stopped, if it may be.
    pub control: Option<&'a NodeControl>,
    /// How long it may be stopped, in seconds.
    pub max_stop: u64,
    /// How long it may take to stop, in seconds.
    pub stop_wait: u64,
    /// How long a node that stands must be seen to stand before its database is held: at boot it may be about to start.
    pub settles: Duration,
    /// The program that guards a stopped node: this one.
    pub program: &'a Path,
    /// Number of threads.
    pub threads: usize,
    /// What the nodes say of the chain.
    pub chain: Chain,
    /// Whether stopping is safe: no other authority is down. Asked only if the node is to be stopped.
    pub may_stop: &'a dyn Fn() -> Result<(), Refused>,
}

/// What nodes or a chain spec say, before the database is held still.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Chain {
    /// Genesis hash.
    pub genesis: Option<Hash>,
    /// Best block.
    pub best: Option<BlockId>,
    /// Finalized block.
    pub finalized: Option<BlockId>,
    /// The node's version.
    pub version: Option<String>,
}

/// What came of it.
pub struct Report {
    /// What it is.
    pub facts: Facts,
    /// Plain bytes of all files.
    pub bytes: u64,
    /// Number of files.
    pub files: usize,
    /// How long it took.
    pub took: Duration,
    /// What each store has.
    pub stores: Vec<Outcome>,
}

/// What came of it in one store.
pub struct Outcome {
    /// The store's address.
    pub store: String,
    /// Bytes that were sent.
    pub sent: u64,
    /// Objects that were sent.
    pub puts: u64,
    /// The snapshot, or why there is none.
    pub committed: Result<Committed, Refused>,
    /// When each class was served last.
    pub last: BTreeMap<Class, Timestamp>,
    /// Plain sizes of earlier snapshots, oldest first.
    pub earlier: Vec<u64>,
}

/// The stores, opened, with their ledgers.
pub struct Stores {
    targets: Vec<Target>,
    failed: Vec<(String, Refused)>,
    /// The time of the first store that answers.
    pub now: Timestamp,
}

/// A store with its address, or why it can't be opened.
pub type OpenedStore = (String, Result<Box<dyn Store>, StoreFault>);

/// Opens ledgers and asks the stores for their time and for what they have; `own` is this machine's time. A store that
/// fails is noted.
///
/// # Errors
/// `snapshot-no-store` if none is left.
pub fn open_stores(
    stores: Vec<OpenedStore>,
    source: &SourceName,
    state: &Path,
    own: Timestamp,
    note: &mut dyn FnMut(&str),
) -> Result<Stores, Refused> {
    let mut targets = Vec::new();
    let mut failed = Vec::new();
    let mut first: Option<Timestamp> = None;
    for (address, store) in stores {
        let opened = store
            .map_err(|fault| from_error(&fault))
            .and_then(|store| open_one(store, source, state, own, note));
        match opened {
            Ok((target, now)) => {
                first.get_or_insert(now);
                targets.push(target);
            }
            Err(refused) => {
                note(&format!("{address}: {}", refused.what));
                failed.push((address, refused));
            }
        }
    }
    match first {
        Some(now) => Ok(Stores {
            targets,
            failed,
            now,
        }),
        None => Err(none_left(
            failed.into_iter().map(|(_, refused)| refused).collect(),
        )),
    }
}

fn open_one(
    store: Box<dyn Store>,
    source: &SourceName,
    state: &Path,
    own: Timestamp,
    note: &mut dyn FnMut(&str),
) -> Result<(Target, Timestamp), Refused> {
    let now = store.now().map_err(|fault| from_error(&fault))?;
    let now = Timestamp::from_second(now.as_second()).unwrap_or(now);
    if now.duration_since(own).abs() > CLOCKS_MAY_DIFFER {
        // Its time would become the snapshot's, in every store, and say how long objects are locked.
        return Err(refused(
            "store-clock-differs",
            format!(
                "The clock of {} says {now}, and this machine's says {own}.",
                store.address()
            ),
            "Set the one that is wrong.",
        ));
    }
    let mut random = [0; 40];
    getrandom::fill(&mut random).map_err(|error| {
        refused(
            "no-randomness",
            format!("The system gives no random bytes: {error}."),
            "Wait until it has started up, and try again.",
        )
    })?;
    let (ledger, why) = Ledger::open(state, store.address(), source, now, random)?;
    let address = store.address().to_owned();
    if let Some(why) = why {
        note(&format!(
            "{address}: a new epoch is opened ({why}); everything is sent once"
        ));
    } else {
        let prefix = format!(
            "{}objects/",
            super::names::epoch_prefix(source, &ledger.epoch)
        );
        match store.list(&prefix) {
            Ok(listed) => {
                let gone = ledger.compare(&listed);
                if gone > 0 {
                    note(&format!(
                        "{address}: {gone} objects are gone from the store or changed; they are sent again"
                    ));
                }
            }
            Err(StoreFault::Denied { .. }) => {
                note(&format!(
                    "{address}: this identity may not list, so what we noted as stored is not compared"
                ));
            }
            Err(fault) => return Err(from_error(&fault)),
        }
    }
    Ok((Target::new(store, ledger), now))
}

/// Why no store is left: the one store's own refusal, or those of all.
fn none_left(mut faults: Vec<Refused>) -> Refused {
    if faults.len() == 1 {
        return faults.remove(0);
    }
    let all: Vec<String> = faults.into_iter().map(|refused| refused.what).collect();
    from_error(&ShipFault::NoStore(all.join(" ")))
}

/// Why each store failed.
fn faults(stores: Stores) -> Vec<Refused> {
    let never = stores.failed.into_iter().map(|(_, refused)| refused);
    never
        .chain(stores.targets.iter().filter_map(Target::fault))
        .collect()
}

/// Puts right what an earlier run left. Says what.
///
/// # Errors
/// What can't be put right.
pub fn tidy(run: &Run, state: &Path, note: &mut dyn FnMut(&str)) -> Result<(), Refused> {
    if stop::resume_in(run, state)? {
        note("the node was still stopped by an earlier run; it was started");
    }
    let removed = held::remove_left(state).map_err(|fault| from_error(&fault))?;
    for thing in removed {
        note(&format!("removed what an earlier run left: {thing}"));
    }
    Ok(())
}

/// Makes a snapshot that serves `classes`.
///
/// # Errors
/// Why no store has it. If some have it, the report says which.
pub fn create(
    request: &Request<'_>,
    classes: &[Class],
    mut stores: Stores,
    key: &HostKey,
    progress: &Progress,
    note: &mut dyn FnMut(&str),
) -> Result<Report, Refused> {
    let begun = Instant::now();
    let chunk = chunk_bytes(request.database.engine);
    let memory = memory(request);
    let remembered = Remembered::read(&memory, chunk);
    space(request, &mut stores, note)?;
    for target in &mut stores.targets {
        let locked = target.locked_until();
        let begun = commit::resolve_pending(target, request.source)
            .and_then(|()| commit::open_epoch(target, request.source, locked));
        if let Err(refused) = begun {
            note(&format!("{}: {}", target.store.address(), refused.what));
            target.fail(refused);
        }
    }
    if stores.targets.iter().all(|target| target.fault().is_some()) {
        return Err(none_left(faults(stores)));
    }
    let work = |deadline| Work {
        targets: &stores.targets,
        source: request.source,
        recipients: request.recipients,
        chunk,
        threads: request.threads,
        deadline,
        remembered: &remembered,
        progress,
        tolerant: false,
    };
    unused(&stores)?; // before a node is stopped for what can't be named
    let shipped = match hold_and_ship(request, &work, note) {
        Err(refused) if refused.name == "snapshot-no-store" => {
            return Err(none_left(faults(stores)));
        }
        shipped => shipped?,
    };
    let facts = Facts {
        source: request.source.clone(),
        time: unused(&stores)?,
        classes: classes.to_vec(),
        engine: request.database.engine,
        method: shipped.method,
        stopped_ms: u64::try_from(shipped.stopped.as_millis()).unwrap_or(u64::MAX),
        genesis: request.chain.genesis,
        best: request.chain.best,
        finalized: request.chain.finalized,
        node_version: request.chain.version.clone(),
        chunk_bytes: chunk,
        left_out: shipped.left_out,
    };
    let failed = |(store, refused)| Outcome {
        store,
        sent: 0,
        puts: 0,
        committed: Err(refused),
        last: BTreeMap::new(),
        earlier: vec![],
    };
    let mut done: Vec<Outcome> = stores.failed.into_iter().map(failed).collect();
    for target in &mut stores.targets {
        let locked = target.locked_until();
        let earlier = target.ledger.note.sizes.clone();
        let (files, recipients) = (&shipped.files, request.recipients);
        let committed = commit::commit(target, &facts, files, recipients, key, locked);
        done.push(Outcome {
            store: target.store.address().to_owned(),
            sent: target.sent.load(Ordering::Relaxed),
            puts: target.puts.load(Ordering::Relaxed),
            committed,
            last: target.ledger.note.last.clone(),
            earlier,
        });
    }
    if done.iter().all(|outcome| outcome.committed.is_err()) {
        let faults = done.into_iter().filter_map(|one| one.committed.err());
        return Err(none_left(faults.collect()));
    }
    if let Err(refused) = shipped.remembered.write(&memory) {
        note(&format!("{} The next run reads every file.", refused.what));
    }
    Ok(Report {
        bytes: shipped.files.iter().map(|file| file.size).sum(),
        files: shipped.files.len(),
        facts,
        took: begun.elapsed(),
        stores: done,
    })
}

/// What a snapshot would cost, before anything is done.
pub struct Estimate {
    /// Plain bytes of all files.
    pub bytes: u64,
    /// Plain bytes of files that must be read, since they are new or may have changed.
    pub to_read: u64,
    /// Each store.
    pub stores: Vec<StoreEstimate>,
    /// Size of chunks.
    pub chunk: u64,
}

/// What a snapshot would cost in one store.
pub struct StoreEstimate {
    /// Its address.
    pub store: String,
    /// Plain bytes that it may lack.
    pub lacks: u64,
    /// Bytes that must be free.
    pub needed: u64,
    /// Bytes that are free, if it has an end.
    pub free: Option<u64>,
}

/// Looks what a snapshot would send. Files that can't change and are known are told apart; of the others all may be new.
///
/// # Errors
/// Of the database's directory.
pub fn estimate(request: &Request<'_>, stores: &Stores) -> Result<Estimate, Refused> {
    let chunk = chunk_bytes(request.database.engine);
    let remembered = Remembered::read(&memory(request), chunk);
    let contents = request
        .database
        .contents(&request.database.dir)
        .map_err(|fault| from_error(&fault))?;
    let files = super::freeze::still_files(request.database.engine, contents.files);
    let bytes: u64 = files.iter().map(|file| file.size).sum();
    let lacks = |target: &Target| {
        let lacking =
            |(hash, size): &(crate::transcript::hex::Hash, u64)| match target.ledger.known(hash) {
                Some(_) => 0,
                None => *size,
            };
        let of = |file: &super::freeze::StillFile| match remembered.of(file) {
            Some(known) => known.chunks.iter().map(lacking).sum(),
            None => file.size,
        };
        files.iter().map(of).sum::<u64>()
    };
    let each = |target: &Target| StoreEstimate {
        store: target.store.address().to_owned(),
        lacks: lacks(target),
        needed: needed(target, bytes),
        free: target.store.free(),
    };
    let unread = files.iter().filter(|file| remembered.of(file).is_none());
    Ok(Estimate {
        bytes,
        to_read: unread.map(|file| file.size).sum(),
        stores: stores.targets.iter().map(each).collect(),
        chunk,
    })
}

/// The stores' time, or the first second after the last head's: names of snapshots are of seconds.
fn unused(stores: &Stores) -> Result<Timestamp, Refused> {
    let newest = stores
        .targets
        .iter()
        .filter_map(|target| target.ledger.note.newest)
        .max();
    let next =
        newest.and_then(|newest| newest.checked_add(jiff::SignedDuration::from_secs(1)).ok());
    match next {
        Some(next) if next.duration_since(stores.now) > CLOCKS_DIFFER => Err(refused(
            "snapshot-clock-back",
            format!(
                "The last snapshot is of {}, and the store's clock says {}.",
                next, stores.now
            ),
            "Look at the clocks of the stores. What was sent is not sent again.",
        )),
        Some(next) => Ok(next.max(stores.now)),
        None => Ok(stores.now),
    }
}

/// Where is remembered what is known of unchanging files.
fn memory(request: &Request<'_>) -> PathBuf {
    let source = request.source;
    request
        .state
        .join("snapshots")
        .join(format!("{}-{}.files", source.chain, source.source))
}

/// Gives up the directory stores that have not what a run needs.
fn space(
    request: &Request<'_>,
    stores: &mut Stores,
    note: &mut dyn FnMut(&str),
) -> Result<(), Refused> {
    let files = request
        .database
        .contents(&request.database.dir)
        .map_err(|fault| from_error(&fault))?
        .files;
    let total: u64 = files.iter().map(|file| file.size).sum();
    for target in &mut stores.targets {
        let (needed, free) = (needed(target, total), target.store.free());
        if let Some(free) = free.filter(|free| *free < needed) {
            let what = format!(
                "{} has {} free, and the snapshot may need {}.",
                target.store.address(),
                bytes(free),
                bytes(needed)
            );
            let way_on = "Make space, or prune on the verifier; nothing was begun there.";
            note(&what);
            target.fail(refused("snapshot-no-space", what, way_on));
        }
    }
    Ok(())
}

/// Bytes that a snapshot of `total` bytes may need in a store: all of it in a new epoch, else what grew since the last.
fn needed(target: &Target, total: u64) -> u64 {
    let before = target
        .ledger
        .note
        .sizes
        .last()
        .filter(|_| target.ledger.has_objects());
    total
        .saturating_sub(before.copied().unwrap_or(0))
        .saturating_add(SPARE)
}
