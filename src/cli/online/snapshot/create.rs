//! `qh-online snapshot create`.

use std::io::Write;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use serde::Serialize;

use super::settings::{self, StoreArgs};
use super::{bytes, failure};
use crate::ceremony::event::Refused;
use crate::cli::online::{Failure, Settings, nodes};
use crate::files::{from_error, refused};
use crate::online::authorship;
use crate::online::class::Class;
use crate::online::config::SnapshotConfig;
use crate::online::node::Node;
use crate::online::snapshot::create::{Chain, Report, Request, create, open_stores, tidy};
use crate::online::snapshot::database::Database;
use crate::online::snapshot::key::HostKey;
use crate::online::snapshot::manifest::{BlockId, Method};
use crate::online::snapshot::names::SourceName;
use crate::online::snapshot::ship::Progress;
use crate::online::snapshot::stop::{self, NodeControl};
use crate::transcript::hex::Hex;

/// How the database is held still.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum MethodArg {
    /// A snapshot of the btrfs subvolume
    Btrfs,
    /// A snapshot of the ZFS dataset
    Zfs,
    /// A snapshot of the logical volume
    Lvm,
    /// Node stopped, files cloned
    StoppedReflink,
    /// Node stopped, RocksDB's tables linked
    StoppedLinks,
    /// Node stopped while everything is read
    StoppedCopy,
    /// A live RocksDB, by links
    LiveLinks,
}

impl From<MethodArg> for Method {
    fn from(method: MethodArg) -> Self {
        match method {
            MethodArg::Btrfs => Self::Btrfs,
            MethodArg::Zfs => Self::Zfs,
            MethodArg::Lvm => Self::Lvm,
            MethodArg::StoppedReflink => Self::StoppedReflink,
            MethodArg::StoppedLinks => Self::StoppedLinks,
            MethodArg::StoppedCopy => Self::StoppedCopy,
            MethodArg::LiveLinks => Self::LiveLinks,
        }
    }
}

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
    pub method: Option<MethodArg>,

    /// Let the node be stopped for it
    #[arg(long)]
    pub allow_stop: bool,
}

#[derive(Serialize)]
struct JsonStore<'a> {
    store: &'a str,
    sent_bytes: u64,
    snapshot: Option<String>,
    refused: Option<&'a str>,
}

#[derive(Serialize)]
struct Json<'a> {
    classes: &'a [Class],
    engine: String,
    method: Method,
    bytes: u64,
    files: usize,
    stopped_ms: u64,
    seconds: f64,
    stores: Vec<JsonStore<'a>>,
    notes: &'a [String],
}

pub(super) fn run(
    args: &CreateArgs,
    settings: &Settings,
    out: &mut dyn Write,
) -> Result<u8, Failure> {
    let done = make(args, settings, out);
    let failed = match &done {
        Ok(None) => None,
        Ok(Some(refused)) => Some(refused.name.clone()),
        Err(failure) => Some(failure.refused.name.clone()),
    };
    if let Some(name) = failed {
        on_failure(&settings.file.snapshot, &name);
    }
    match done? {
        None => Ok(0),
        Some(refused) => Ok(failure(refused).exit),
    }
}

/// Runs the command that was set for failures; that it fails is said.
pub(super) fn on_failure(config: &SnapshotConfig, name: &str) {
    let Some((program, arguments)) = config.on_failure.split_first() else {
        return;
    };
    let ran = Command::new(program)
        .args(arguments)
        .arg(name)
        .stdin(Stdio::null())
        .status();
    if !ran.as_ref().is_ok_and(std::process::ExitStatus::success) {
        eprintln!("on_failure: {program} failed ({ran:?}).");
    }
}

/// Makes it; gives the refusal of the first store that failed while others have it.
fn make(
    args: &CreateArgs,
    settings: &Settings,
    out: &mut dyn Write,
) -> Result<Option<Refused>, Failure> {
    let config = &settings.file.snapshot;
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
    let recipients = settings::recipients(&args.recipient, settings)?;
    let opened = settings::stores(&args.stores, settings)?;
    super::state(&settings.state)?;
    let control = control(args, config)?;
    let run = stop::begin(&settings.state).map_err(|fault| Failure::refused(&fault))?;
    let mut notes = Vec::new();
    let json = settings.json;
    let mut note = |text: &str| {
        if !json {
            eprintln!("{text}");
        }
        notes.push(text.to_owned());
    };
    tidy(&run, &settings.state, &mut note).map_err(failure)?;
    let far = opened
        .iter()
        .any(|(address, _)| !address.starts_with("file://"));
    let stores = open_stores(opened, &source, &settings.state, &mut note).map_err(failure)?;
    let classes = if args.class.is_empty() {
        vec![Class::Hot]
    } else {
        sorted(&args.class)
    };
    let key = HostKey::open_or_make(&settings.state, &source.source).map_err(failure)?;
    let nodes = if settings.rpc.is_empty() {
        vec![]
    } else {
        nodes::open(settings)?
    };
    let program = std::env::current_exe().map_err(|error| {
        Failure::new(
            3,
            refused(
                "program-unknown",
                format!("The program's own path is not known: {error}."),
                "Start it by its path.",
            ),
        )
    })?;
    let request = Request {
        database: &database,
        source: &source,
        state: &settings.state,
        recipients: &recipients,
        method: args.method.map(Method::from),
        control: control.as_ref(),
        max_stop: config.max_stop_seconds,
        stop_wait: config.stop_wait_seconds,
        program: &program,
        threads: config.threads.unwrap_or_else(|| threads(far)).clamp(1, 64),
        chain: chain(&nodes, &mut note),
        may_stop: &|| may_stop(&nodes),
    };
    let progress = Progress::default();
    let report = shown(&progress, json, || {
        create(&request, &classes, stores, &key, &progress, &mut note)
    })
    .map_err(failure)?;
    show(&report, &notes, json, out)?;
    Ok(report
        .stores
        .into_iter()
        .find_map(|(_, _, committed)| committed.err()))
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

/// What the first node that answers says. That none does is noted: a backup doesn't wait for that.
fn chain(nodes: &[Node], note: &mut dyn FnMut(&str)) -> Chain {
    for node in nodes {
        match ask(node) {
            Ok(chain) => return chain,
            Err(fault) => note(&format!(
                "{fault} Heights are not in the manifest; the verifier reads them."
            )),
        }
    }
    Chain::default()
}

fn ask(node: &Node) -> Result<Chain, crate::online::rpc::NodeFault> {
    let finalized = node.finalized_head()?;
    let number = node.header(&finalized)?.map(|header| header.number);
    let best = node.best()?;
    let hash = node.block_hash(best)?;
    Ok(Chain {
        genesis: node.block_hash(0)?.map(Hex),
        best: hash.map(|hash| BlockId {
            number: best,
            hash: Hex(hash),
        }),
        finalized: number.map(|number| BlockId {
            number,
            hash: Hex(finalized),
        }),
        version: node.version().ok(),
    })
}

/// Whether no other authority is down: one that is down more than that, and the chain stops finalizing.
fn may_stop(nodes: &[Node]) -> Result<(), Refused> {
    let Some(node) = nodes.first() else {
        return Err(refused(
            "snapshot-authorities-unknown",
            "The node is to be stopped, and no node says whether all other authorities are up.",
            "Give --rpc URL of a node of the chain, another one than this host's.",
        ));
    };
    let silent = authorship::silent(node).map_err(|fault| from_error(&fault))?;
    if silent.is_empty() {
        return Ok(());
    }
    Err(refused(
        "snapshot-authority-down",
        format!(
            "{} authorities have authored no block in their last three turns; the node is not stopped now.",
            silent.len()
        ),
        "Wait until they are back; or take the snapshot from a node that is no validator.",
    ))
}

/// Shows progress on a terminal while `work` goes on.
pub(super) fn shown<T>(progress: &Progress, json: bool, work: impl FnOnce() -> T) -> T {
    if json || !rustix::termios::isatty(std::io::stderr()) {
        return work();
    }
    let stop = AtomicBool::new(false);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            let begun = Instant::now();
            let mut shown = false;
            while !stop.load(Ordering::Relaxed) {
                std::thread::sleep(Duration::from_millis(200));
                let total = progress.total.load(Ordering::Relaxed);
                if total > 0 && begun.elapsed() > Duration::from_secs(1) {
                    eprint!("\r\x1b[K{}", line(progress, total, begun.elapsed()));
                    shown = true;
                }
            }
            if shown {
                eprint!("\r\x1b[K");
            }
        });
        let done = work();
        stop.store(true, Ordering::Relaxed);
        done
    })
}

fn line(progress: &Progress, total: u64, since: Duration) -> String {
    let done = progress.done.load(Ordering::Relaxed).min(total);
    let sent = progress.sent.load(Ordering::Relaxed);
    let millis = u64::try_from(since.as_millis()).unwrap_or(u64::MAX).max(1);
    let rate = done.saturating_mul(1000) / millis;
    let left = (total - done).checked_div(rate).unwrap_or(0);
    format!(
        "{} of {} ({} %), {} moved, {}/s, {}:{:02} left",
        bytes(done),
        bytes(total),
        done.saturating_mul(100) / total,
        bytes(sent),
        bytes(rate),
        left / 60,
        left % 60
    )
}

fn show(report: &Report, notes: &[String], json: bool, out: &mut dyn Write) -> Result<(), Failure> {
    let facts = &report.facts;
    if json {
        let stores = report
            .stores
            .iter()
            .map(|(store, sent_bytes, committed)| JsonStore {
                store,
                sent_bytes: *sent_bytes,
                snapshot: committed.as_ref().ok().map(|done| done.name.to_string()),
                refused: committed
                    .as_ref()
                    .err()
                    .map(|refused| refused.name.as_str()),
            });
        let document = Json {
            classes: &facts.classes,
            engine: facts.engine.to_string(),
            method: facts.method,
            bytes: report.bytes,
            files: report.files,
            stopped_ms: facts.stopped_ms,
            seconds: report.took.as_secs_f64(),
            stores: stores.collect(),
            notes,
        };
        writeln!(
            out,
            "{}",
            serde_json::to_string_pretty(&document).expect("strings and numbers")
        )?;
        return Ok(());
    }
    let classes: Vec<String> = facts.classes.iter().map(ToString::to_string).collect();
    writeln!(
        out,
        "{} of {}: {} in {} files, {}, for {}.",
        facts.engine,
        facts.source,
        bytes(report.bytes),
        report.files,
        method(facts.method),
        classes.join(", ")
    )?;
    if let Some(block) = facts.finalized {
        writeln!(out, "Finalized block {} {}", block.number, block.hash)?;
    }
    if facts.stopped_ms > 0 {
        writeln!(
            out,
            "The node was stopped for {}.{} s.",
            facts.stopped_ms / 1000,
            facts.stopped_ms % 1000 / 100
        )?;
    }
    for (store, sent, committed) in &report.stores {
        match committed {
            Ok(done) => writeln!(
                out,
                "{store}: {} is stored, {} sent, {} in {} objects.",
                done.name,
                bytes(*sent),
                bytes(done.head.stored_bytes),
                done.head.objects
            )?,
            Err(refused) => writeln!(
                out,
                "{store}: NOT STORED. {} [{}]\n{}",
                refused.what, refused.name, refused.way_on
            )?,
        }
    }
    let seconds = report.took.as_secs_f64();
    writeln!(
        out,
        "It took {seconds:.1} s. It counts as good once a verifier has restored it."
    )?;
    Ok(())
}

/// The method in words.
pub(super) fn method(method: Method) -> &'static str {
    match method {
        Method::Btrfs => "by a btrfs snapshot",
        Method::Zfs => "by a ZFS snapshot",
        Method::Lvm => "by an LVM snapshot",
        Method::StoppedReflink => "cloned while the node was stopped",
        Method::StoppedLinks => "linked while the node was stopped",
        Method::StoppedCopy => "read while the node was stopped",
        Method::LiveLinks => "pinned while the node ran",
    }
}
