//! `qh-online snapshot restore`.

use std::io::Write;
use std::path::PathBuf;

use serde::Serialize;

use super::create::threads;
use super::report::shown;
use super::settings::{self, OpenArgs, StoreArgs};
use super::{bytes, failure};
use crate::cli::online::{Failure, Settings};
use crate::files::{from_error, refused};
use crate::online::class::Class;
use crate::online::snapshot::archive;
use crate::online::snapshot::catalog::{self, Allowed, Wanted, Worth};
use crate::online::snapshot::fetch::{self, Fetch};
use crate::online::snapshot::names::{SnapshotName, SourceName};
use crate::online::snapshot::place::{self, Placed, Restored};
use crate::online::snapshot::ship::Progress;
use crate::online::snapshot::staging::Staging;
use crate::online::snapshot::trust::Trust;
use crate::online::store::Store;
use crate::vault::object::Identities;

/// Arguments of `snapshot restore`.
#[derive(Debug, clap::Args)]
pub struct RestoreArgs {
    /// From where.
    #[command(flatten)]
    pub stores: StoreArgs,

    /// How it is opened and judged.
    #[command(flatten)]
    pub open: OpenArgs,

    /// The database's directory, e.g. chains/ID/paritydb/full
    #[arg(long, value_name = "DIR")]
    pub to: PathBuf,

    /// This snapshot, as `snapshot list` names it [default: the newest good one]
    #[arg(long, value_name = "NAME", conflicts_with = "class")]
    pub snapshot: Option<String>,

    /// The newest good one that serves this class
    #[arg(long, value_enum, value_name = "CLASS")]
    pub class: Option<Class>,

    /// This archive, as `snapshot list` names it
    #[arg(long, value_name = "NAME", conflicts_with_all = ["class", "snapshot"])]
    pub archive: Option<String>,

    /// Take a snapshot that no verifier has restored yet
    #[arg(long)]
    pub unattested: bool,

    /// Take a snapshot that is older than its class is kept
    #[arg(long)]
    pub old: bool,
}

#[derive(Serialize)]
struct Json {
    snapshot: String,
    worth: &'static str,
    to: String,
    old: Option<String>,
    bytes: u64,
    files: usize,
    fetched_bytes: u64,
    finalized: Option<u64>,
    seconds: f64,
}

pub(super) fn run(
    args: &RestoreArgs,
    settings: &Settings,
    out: &mut dyn Write,
) -> Result<u8, Failure> {
    let begun = std::time::Instant::now();
    let trust = settings::trust(&args.open, settings)?;
    let identities = settings::identities(&args.open, settings)?;
    let store = settings::one_store(&args.stores, settings)?;
    let source = settings::source(&args.stores, settings, &*store)?;
    let fail = |fault| Failure::new(3, from_error(&fault));
    let now = store.now().map_err(fail)?;
    if let Some(name) = &args.archive {
        return archived(
            args,
            settings,
            &named(name)?,
            &*store,
            &source,
            &trust,
            &identities,
            out,
        );
    }
    let wanted = match (&args.snapshot, args.class) {
        (Some(name), _) => Wanted::Name(named(name)?),
        (None, Some(class)) => Wanted::Class(class),
        (None, None) => Wanted::Latest,
    };
    let entries = catalog::snapshots(&*store, &source, &trust)
        .map_err(|fault| failure(from_error(&fault)))?;
    let allowed = Allowed {
        unattested: args.unattested,
        old: args.old,
    };
    let entry = catalog::choose(&entries, &wanted, allowed, now).map_err(failure)?;
    for newer in entries.iter().filter(|newer| newer.name > entry.name) {
        if let Worth::Refused(refused) = &newer.worth {
            eprintln!("SKIPPED: {} [{}]", refused.what, refused.name);
        }
    }
    let head = entry.head.as_ref().expect("what was chosen was read");
    let sha256 = entry.sha256.expect("what was chosen was read");
    let manifest = fetch::manifest(&*store, &source, entry, head, &identities).map_err(failure)?;
    let restored = Restored {
        engine: manifest.engine,
        chain: manifest.chain.clone(),
        files: manifest
            .files
            .iter()
            .map(|file| file.path.clone())
            .collect(),
    };
    let place = place::look(&args.to, &restored).map_err(|fault| failure(from_error(&fault)))?;
    let staging = Staging::open(place.staging(&sha256)).map_err(failure)?;
    if !settings.json {
        eprintln!(
            "Restoring {} of {source}: {} in {} files.",
            entry.name,
            bytes(head.bytes),
            head.files
        );
    }
    let progress = Progress::default();
    let far = !store.address().starts_with("file://");
    let fetch = Fetch {
        store: &*store,
        source: &source,
        epoch: &entry.epoch,
        identities: &identities,
        threads: settings
            .file
            .snapshot
            .threads
            .unwrap_or_else(|| threads(far))
            .clamp(1, 64),
        progress: &progress,
    };
    shown(&progress, settings.json, || {
        fetch::fetch(&fetch, &manifest, &staging)
    })
    .map_err(failure)?;
    let placed = place
        .put(&staging, &restored, now)
        .map_err(|fault| failure(from_error(&fault)))?;
    let done = Done {
        name: entry.name,
        good: matches!(entry.worth, Worth::Good(_)),
        bytes: head.bytes,
        files: restored.files.len(),
        fetched: progress.sent.load(std::sync::atomic::Ordering::Relaxed),
        finalized: head.finalized.map(|block| block.number),
        seconds: begun.elapsed().as_secs_f64(),
    };
    show(&done, placed, settings.json, out)
}

fn named(name: &str) -> Result<SnapshotName, Failure> {
    name.parse().map_err(|()| {
        Failure::new(
            2,
            refused(
                "snapshot-name",
                format!("\"{name}\" is no snapshot's name."),
                "Give a name as `qh-online snapshot list` shows it, e.g. 20261127T020000Z-daily.",
            ),
        )
    })
}

/// Restores an archive.
#[expect(
    clippy::too_many_arguments,
    reason = "one caller, which has read all of them"
)]
fn archived(
    args: &RestoreArgs,
    settings: &Settings,
    name: &SnapshotName,
    store: &dyn Store,
    source: &SourceName,
    trust: &Trust,
    identities: &Identities,
    out: &mut dyn Write,
) -> Result<u8, Failure> {
    let begun = std::time::Instant::now();
    let head = archive::head(store, source, name, trust).map_err(failure)?;
    let mut restored = Restored {
        engine: head.engine,
        chain: head.chain.clone(),
        files: vec![],
    };
    let place = place::look(&args.to, &restored).map_err(|fault| failure(from_error(&fault)))?;
    // An archive is one stream: what an interrupted run left can't be gone on with.
    let staging = Staging::fresh(place.staging(&head.head_sha256)).map_err(failure)?;
    if !settings.json {
        eprintln!(
            "Unpacking the archive {name} of {source}: {}.",
            bytes(head.bytes)
        );
    }
    restored.files =
        archive::unpack(store, source, &head, identities, &staging).map_err(failure)?;
    let now = store
        .now()
        .map_err(|fault| Failure::new(3, from_error(&fault)))?;
    let placed = place
        .put(&staging, &restored, now)
        .map_err(|fault| failure(from_error(&fault)))?;
    let done = Done {
        name: *name,
        good: true,
        bytes: head.bytes,
        files: restored.files.len(),
        fetched: head.parts.iter().map(|part| part.size).sum(),
        finalized: head.finalized.map(|block| block.number),
        seconds: begun.elapsed().as_secs_f64(),
    };
    show(&done, placed, settings.json, out)
}

/// What was restored.
struct Done {
    name: SnapshotName,
    good: bool,
    bytes: u64,
    files: usize,
    fetched: u64,
    finalized: Option<u64>,
    seconds: f64,
}

fn show(done: &Done, placed: Placed, json: bool, out: &mut dyn Write) -> Result<u8, Failure> {
    if json {
        let document = Json {
            snapshot: done.name.to_string(),
            worth: if done.good { "good" } else { "unattested" },
            to: placed.to.display().to_string(),
            old: placed.old.map(|old| old.display().to_string()),
            bytes: done.bytes,
            files: done.files,
            fetched_bytes: done.fetched,
            finalized: done.finalized,
            seconds: done.seconds,
        };
        writeln!(
            out,
            "{}",
            serde_json::to_string_pretty(&document).expect("strings and numbers")
        )?;
        return Ok(0);
    }
    writeln!(
        out,
        "{} is restored into {} in {:.1} s ({} fetched).",
        done.name,
        placed.to.display(),
        done.seconds,
        bytes(done.fetched)
    )?;
    if !done.good {
        writeln!(
            out,
            "NO VERIFIER HAS RESTORED IT BEFORE: look whether the node opens it and goes on from it."
        )?;
    }
    if let Some(old) = placed.old {
        writeln!(
            out,
            "The database that was there is kept: {}\nRemove it when the node has caught up.",
            old.display()
        )?;
    }
    writeln!(
        out,
        "What the node knew of finality went back in time with it. A VALIDATOR MUST NOT SIGN until it has caught up and one\nfull session has passed: start it as a full node, without --validator, until then."
    )?;
    Ok(0)
}
