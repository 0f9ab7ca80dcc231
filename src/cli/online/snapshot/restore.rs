//! `qh-online snapshot restore`.

use std::io::Write;
use std::path::PathBuf;

use serde::Serialize;

use super::create::{shown, threads};
use super::settings::{self, OpenArgs, StoreArgs};
use super::{bytes, failure};
use crate::cli::online::{Failure, Settings};
use crate::files::{from_error, refused};
use crate::online::class::Class;
use crate::online::snapshot::catalog::{self, Allowed, Wanted, Worth};
use crate::online::snapshot::fetch::{self, Fetch};
use crate::online::snapshot::place;
use crate::online::snapshot::ship::Progress;

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
    let wanted = match (&args.snapshot, args.class) {
        (Some(name), _) => Wanted::Name(name.parse().map_err(|()| {
            Failure::new(
                2,
                refused(
                    "snapshot-name",
                    format!("\"{name}\" is no snapshot's name."),
                    "Give a name as `qh-online snapshot list` shows it, e.g. 20261127T020000Z-daily.",
                ),
            )
        })?),
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
    let head = entry.head.as_ref().expect("what was chosen was read");
    let sha256 = entry.sha256.expect("what was chosen was read");
    let manifest = fetch::manifest(&*store, &source, entry, head, &identities).map_err(failure)?;
    let place = place::look(&args.to, &manifest).map_err(|fault| failure(from_error(&fault)))?;
    let staging = place.staging(&sha256);
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
        .put(&staging, &manifest, now)
        .map_err(|fault| failure(from_error(&fault)))?;
    let fetched = progress.sent.load(std::sync::atomic::Ordering::Relaxed);
    let seconds = begun.elapsed().as_secs_f64();
    if settings.json {
        let document = Json {
            snapshot: entry.name.to_string(),
            worth: if matches!(entry.worth, Worth::Good(_)) {
                "good"
            } else {
                "unattested"
            },
            to: placed.to.display().to_string(),
            old: placed.old.map(|old| old.display().to_string()),
            bytes: head.bytes,
            files: manifest.files.len(),
            fetched_bytes: fetched,
            finalized: head.finalized.map(|block| block.number),
            seconds,
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
        "{} is restored into {} in {seconds:.1} s ({} fetched).",
        entry.name,
        placed.to.display(),
        bytes(fetched)
    )?;
    if !matches!(entry.worth, Worth::Good(_)) {
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
