//! `qh-online snapshot create`.

use std::io::Write;
use std::path::PathBuf;

use jiff::Timestamp;

use super::failure;
use super::nodes_say::{chain, may_stop};
use super::report::{show, shown};
use super::settings::{self, StoreArgs};
use super::watch::Watch;
use crate::ceremony::event::Refused;
use crate::cli::online::{Failure, Settings, nodes};
use crate::files::{from_error, refused};
use crate::online::audit_log::{Entry, Level};
use crate::online::class::Class;
use crate::online::config::SnapshotConfig;
use crate::online::metrics::{HostMeasured, Measured, StoreMeasured};
use crate::online::schedule::{self, LastSnapshots};
use crate::online::snapshot::create::{
    OpenedStore, Report, Request, create, estimate, open_stores, tidy,
};
use crate::online::snapshot::database::Database;
use crate::online::snapshot::key::HostKey;
use crate::online::snapshot::manifest::Method;
use crate::online::snapshot::names::SourceName;
use crate::online::snapshot::ship::Progress;
use crate::online::snapshot::stop::{self, NodeControl};
use crate::vault::recipient::Recipient;

/// The longest that a node may stand, or take to stop, whatever is configured: a day, in seconds.
const LONGEST: u64 = 86_400;

/// Arguments of `snapshot create`.
#[derive(Debug, clap::Args)]
pub struct CreateArgs {
    /// Where it goes.
    #[command(flatten)]
    pub stores: StoreArgs,

    /// The node's database, or the chain directory (chains/ID) around it
    #[arg(long, visible_alias = "chain-dir", value_name = "DIR")]
    pub database: Option<PathBuf>,

    /// To whom it is sealed; repeat it for several
    #[arg(long, value_name = "age1...")]
    pub recipient: Vec<String>,

    /// The class that it serves [default: hot]
    #[arg(long, value_enum, value_name = "CLASS")]
    pub class: Vec<Class>,

    /// How the database is held still [default: the best way that the place offers]
    #[arg(long, value_enum, value_name = "METHOD")]
    pub method: Option<Method>,

    /// Make one snapshot for the classes that are due, or none if none is
    #[arg(long, conflicts_with = "class")]
    pub due: bool,

    /// Let the node be stopped for it
    #[arg(long)]
    pub allow_stop: bool,

    /// Say what it would send, need and cost, and do nothing
    #[arg(long)]
    pub dry_run: bool,
}

pub(super) fn run(
    args: &CreateArgs,
    settings: &Settings,
    out: &mut dyn Write,
) -> Result<u8, Failure> {
    let watch = Watch::new(settings);
    match make(args, settings, &watch, out) {
        Ok(None) => Ok(0),
        Ok(Some(refused)) => {
            watch.failed("snapshot", "store-failed", &refused.name, &refused.what);
            Ok(failure(refused).exit)
        }
        Err(failed) => {
            // By hand, a wrong flag is seen; in a run that nobody watches, it means that backups have ended.
            if !args.dry_run && (args.due || failed.exit != 2) {
                watch.failed(
                    "snapshot",
                    "failed",
                    &failed.refused.name,
                    &failed.refused.what,
                );
            }
            Err(failed)
        }
    }
}

/// Makes it; gives the refusal of the first store that failed while others have it.
fn make(
    args: &CreateArgs,
    settings: &Settings,
    watch: &Watch<'_>,
    out: &mut dyn Write,
) -> Result<Option<Refused>, Failure> {
    let path = args
        .database
        .as_ref()
        .or(settings.file.database.as_ref())
        .ok_or_else(|| {
            Failure::new(
                2,
                refused(
                    "database-not-given",
                    "Nobody said where the node's database is.",
                    "Give --database DIR, or set `database` in the configuration file.",
                ),
            )
        })?;
    let database = Database::find(path).map_err(|fault| failure(from_error(&fault)))?;
    let source = source(args, settings, &database)?;
    super::state(&settings.state)?;
    let mut measured = watch.host(&source.to_string());
    let made = make_of(args, settings, watch, out, database, source, &mut measured);
    if let Err(failed) = &made
        && !args.dry_run
        && (args.due || failed.exit != 2)
        && failed.refused.name != "snapshot-running"
    {
        measured.last_run = Some(Timestamp::now());
        measured.last_run_success = false;
        watch.measured(&Measured::Host(measured));
    }
    made
}

/// Makes it of a database that was found; notes in `measured` what a run has shown.
fn make_of(
    args: &CreateArgs,
    settings: &Settings,
    watch: &Watch<'_>,
    out: &mut dyn Write,
    database: Database,
    source: SourceName,
    measured: &mut HostMeasured,
) -> Result<Option<Refused>, Failure> {
    let config = &settings.file.snapshot;
    let parts = Parts {
        recipients: settings::recipients(&args.recipient, settings)?,
        control: control(args, config)?,
        database,
        source,
    };
    let opened = settings::stores(&args.stores, settings)?;
    apart(&opened, &parts.database)?;
    if !args.dry_run {
        let used = |store: &String| {
            let now = opened.iter().any(|(address, _)| address == store);
            now || settings.file.stores.contains(store)
        };
        // A store that is in use no more would be missed for ever.
        measured.stores.retain(|known| used(&known.store));
    }
    let mut last = LastSnapshots::load(&settings.state).map_err(failure)?;
    let classes = match (args.due, args.class.as_slice()) {
        (true, _) => schedule::due(Timestamp::now(), &last.0),
        (false, []) => vec![Class::Hot],
        (false, given) => sorted(given),
    };
    if classes.is_empty() {
        // What was measured is published again, so that it doesn't look forgotten.
        watch.measured(&Measured::Host(measured.clone()));
        if settings.json {
            writeln!(out, "{{\"due\": false}}")?;
        } else {
            writeln!(out, "No snapshot is due.")?;
        }
        return Ok(None);
    }
    let run = stop::begin(&settings.state).map_err(|fault| Failure::refused(&fault))?;
    let made = make_in(args, settings, out, &parts, opened, &classes, &run);
    if args.dry_run {
        return made.map(|_| None);
    }
    measured.last_run = Some(Timestamp::now());
    measured.stop_window_limit_seconds = Some(seconds(config.max_stop_seconds.min(LONGEST) * 1000));
    let Some(report) = made? else {
        return Ok(None);
    };
    let refused = note(&report, measured, watch);
    watch.measured(&Measured::Host(measured.clone()));
    last.note(&classes, report.facts.time);
    last.save(&settings.state).map_err(failure)?;
    Ok(refused)
}

/// Refuses a store in the database or in its chain's directory, before anything is written there.
fn apart(stores: &[OpenedStore], database: &Database) -> Result<(), Failure> {
    let chain = database
        .dir
        .ancestors()
        .find(|above| above.file_name().and_then(|name| name.to_str()) == database.chain.as_deref())
        .filter(|_| database.chain.is_some())
        .unwrap_or(&database.dir);
    for (address, store) in stores {
        let path = address.strip_prefix("file://").map(std::path::Path::new);
        if store.is_ok() && path.is_some_and(|path| path.starts_with(chain)) {
            return Err(Failure::new(
                2,
                refused(
                    "store-in-database",
                    format!(
                        "{address} lies in {}, which it is to save.",
                        chain.display()
                    ),
                    "Name a directory on another disk.",
                ),
            ));
        }
    }
    Ok(())
}

/// Thousandths as seconds.
fn seconds(millis: u64) -> f64 {
    #[expect(
        clippy::cast_precision_loss,
        reason = "a duration for people and graphs"
    )]
    let millis = millis as f64;
    millis / 1000.0
}

/// Notes for others what came of it; gives the refusal of the first store that failed.
fn note(report: &Report, measured: &mut HostMeasured, watch: &Watch<'_>) -> Option<Refused> {
    measured.duration_seconds = Some(report.took.as_secs_f64());
    measured.stop_window_seconds = Some(seconds(report.facts.stopped_ms));
    let mut refused = None;
    for outcome in &report.stores {
        match &outcome.committed {
            Ok(done) => {
                measured.stores.retain(|known| known.store != outcome.store);
                measured.stores.push(StoreMeasured {
                    store: outcome.store.clone(),
                    last_backup: Some(done.head.time),
                    by_class: outcome.last.clone(),
                    size: Some(done.head.bytes),
                    previous_sizes: outcome.earlier.clone(),
                    shipped: Some(outcome.sent),
                    objects: Some(done.head.objects),
                });
                let entry = Entry::new(Level::Info, "snapshot", "created")
                    .with_text("snapshot", done.name.to_string())
                    .with_text("store", outcome.store.clone())
                    .with_text("head_sha256", done.sha256.to_string())
                    .with("bytes", done.head.bytes)
                    .with("sent_bytes", outcome.sent)
                    .with("stopped_ms", report.facts.stopped_ms);
                watch.log(&entry);
            }
            Err(fault) => {
                if !measured
                    .stores
                    .iter()
                    .any(|known| known.store == outcome.store)
                {
                    measured.stores.push(StoreMeasured {
                        store: outcome.store.clone(),
                        ..StoreMeasured::default()
                    });
                }
                refused.get_or_insert_with(|| fault.clone());
            }
        }
    }
    measured.last_run_success = refused.is_none();
    refused
}

/// What was read of the arguments.
struct Parts {
    database: Database,
    source: SourceName,
    recipients: Vec<Recipient>,
    control: Option<NodeControl>,
}

/// Makes it, in a run that was begun; a dry run gives no report.
fn make_in(
    args: &CreateArgs,
    settings: &Settings,
    out: &mut dyn Write,
    parts: &Parts,
    opened: Vec<OpenedStore>,
    classes: &[Class],
    run: &stop::Run,
) -> Result<Option<Report>, Failure> {
    let config = &settings.file.snapshot;
    let json = settings.json;
    let mut notes = Vec::new();
    let mut note = |text: &str| {
        if !json {
            eprintln!("{text}");
        }
        notes.push(text.to_owned());
    };
    tidy(run, &settings.state, &mut note).map_err(failure)?;
    let far = opened
        .iter()
        .any(|(address, _)| !address.starts_with("file://"));
    let nodes = if settings.rpc.is_empty() {
        vec![]
    } else {
        nodes::open(settings)?
    };
    let program = std::env::current_exe().map_err(|error| {
        let what = format!("The program's own path is not known: {error}.");
        Failure::new(3, refused("program-unknown", what, "Start it by its path."))
    })?;
    let request = Request {
        database: &parts.database,
        source: &parts.source,
        state: &settings.state,
        recipients: &parts.recipients,
        method: args.method,
        control: parts.control.as_ref(),
        max_stop: config.max_stop_seconds.min(LONGEST),
        stop_wait: config.stop_wait_seconds.min(LONGEST),
        settles: settles(args.due),
        program: &program,
        threads: config.threads.unwrap_or_else(|| threads(far)).clamp(1, 64),
        chain: chain(&nodes, &mut note),
        may_stop: &|| may_stop(&nodes),
    };
    let stores = open_stores(
        opened,
        &parts.source,
        &settings.state,
        Timestamp::now(),
        &mut note,
    )
    .map_err(failure)?;
    if args.dry_run {
        let found = estimate(&request, &stores).map_err(failure)?;
        super::cost::show(&found, &settings.file.prices, json, out)?;
        return Ok(None);
    }
    let key = HostKey::open_or_make(&settings.state, &parts.source.source).map_err(failure)?;
    let progress = Progress::default();
    let made = shown(&progress, json, || {
        create(&request, classes, stores, &key, &progress, &mut note)
    });
    let report = made.map_err(failure)?;
    show(&report, &notes, json, out)?;
    Ok(Some(report))
}

/// A timer that catches up at boot runs beside the node's own start: then it is watched for a minute.
fn settles(due: bool) -> std::time::Duration {
    let up = rustix::system::sysinfo().uptime;
    std::time::Duration::from_secs(if due && up < 600 { 60 } else { 0 })
}

fn sorted(classes: &[Class]) -> Vec<Class> {
    let mut classes = classes.to_vec();
    classes.sort();
    classes.dedup();
    classes
}

/// One thread a core; more if they wait for a network.
pub(super) fn threads(far: bool) -> usize {
    let cores = std::thread::available_parallelism()
        .map_or(2, std::num::NonZeroUsize::get)
        .min(8);
    if far { cores.max(4) } else { cores }
}

fn source(
    args: &CreateArgs,
    settings: &Settings,
    database: &Database,
) -> Result<SourceName, Failure> {
    let given = args.stores.chain.as_ref().or(settings.file.chain.as_ref());
    let chain = match (given, &database.chain) {
        (Some(given), Some(path)) if given != path => {
            return Err(Failure::new(
                2,
                refused(
                    "chain-id-differs",
                    format!("The database is of {path} by its path, and the settings say {given}."),
                    "Give the database of the chain you mean, and leave --chain out.",
                ),
            ));
        }
        (Some(chain), _) | (None, Some(chain)) => chain.clone(),
        (None, None) => {
            return Err(Failure::new(
                2,
                refused(
                    "chain-id-unknown",
                    format!("The path {} doesn't name a chain.", database.dir.display()),
                    "Give --chain ID, or set `chain`.",
                ),
            ));
        }
    };
    let name = args
        .stores
        .source
        .clone()
        .or_else(|| settings.file.source.clone())
        .unwrap_or_else(|| {
            rustix::system::uname()
                .nodename()
                .to_string_lossy()
                .into_owned()
        });
    SourceName::new(&chain, &name).ok_or_else(|| {
        Failure::new(
            2,
            refused(
                "source-name",
                format!("\"{chain}\" and \"{name}\" can't both be parts of a name in a store."),
                "Use letters, digits, dots, dashes and underscores, at most 64: give --chain and --source.",
            ),
        )
    })
}

fn control(args: &CreateArgs, config: &SnapshotConfig) -> Result<Option<NodeControl>, Failure> {
    if !(args.allow_stop || config.allow_stop) {
        return Ok(None);
    }
    let own = !config.stop.is_empty() && !config.start.is_empty();
    match (&config.service, &config.container, own) {
        (Some(name), None, false) => Ok(Some(NodeControl::service(name))),
        (None, Some(name), false) => Ok(Some(NodeControl::container("docker", name))),
        (None, None, true) => Ok(Some(NodeControl {
            stop: config.stop.clone(),
            start: config.start.clone(),
        })),
        _ => Err(Failure::new(
            2,
            refused(
                "node-control-not-one",
                "The node may be stopped, and it is not set in one way how.",
                "Set `service`, or `container`, or both `stop` and `start`, in [snapshot] of the configuration file.",
            ),
        )),
    }
}
