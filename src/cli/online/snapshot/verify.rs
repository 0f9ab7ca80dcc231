//! `qh-online verify snapshots`, and the same as `snapshot verify`.

use std::io::Write;
use std::path::PathBuf;
use std::time::Duration;

use jiff::Timestamp;

use super::create::threads;
use super::report::shown;
use super::settings::{self, OpenArgs, StoreArgs};
use super::verdict::Verdict;
use super::watch::Watch;
use crate::ceremony::event::Refused;
use crate::cli::online::{Failure, Settings, nodes};
use crate::files::{from_error, refused};
use crate::online::engine::{self, Walk};
use crate::online::metrics::{Measured, VerifiedStore};
use crate::online::snapshot::archive;
use crate::online::snapshot::catalog::{self, Entry};
use crate::online::snapshot::key::HostKey;
use crate::online::snapshot::manifest::{Attestation, BlockId, Manifest};
use crate::online::snapshot::names::{SnapshotName, SourceName};
use crate::online::snapshot::ship::Progress;
use crate::online::snapshot::stop;
use crate::online::snapshot::trust::Trust;
use crate::online::snapshot::verify::{self, Opened, Verifier};
use crate::online::store::Store;
use crate::transcript::hex::Hash;
use crate::vault::object::Identities;
use crate::vault::recipient::Recipient;

/// Arguments of `verify snapshots`.
#[derive(Debug, clap::Args)]
pub struct VerifyArgs {
    /// Which stores; each is verified by itself.
    #[command(flatten)]
    pub stores: StoreArgs,

    /// How snapshots are opened and judged.
    #[command(flatten)]
    pub open: OpenArgs,

    /// This snapshot [default: the newest of each class that is not attested yet]
    #[arg(long, value_name = "NAME")]
    pub snapshot: Option<String>,

    /// Where snapshots are restored to while they are verified [default: STATE/staging]
    #[arg(long, value_name = "DIR")]
    pub staging: Option<PathBuf>,

    /// The program that opens databases [default: qh-engine beside this one]
    #[arg(long, value_name = "FILE")]
    pub engine: Option<PathBuf>,

    /// To whom weekly and monthly archives are sealed; repeat it for several [default: `recipients`]
    #[arg(long, value_name = "age1...")]
    pub recipient: Vec<String>,

    /// Read the whole state of the finalized block, not a sample
    #[arg(long)]
    pub whole_state: bool,
}

/// What a verification is made with.
struct With<'a> {
    settings: &'a Settings,
    args: &'a VerifyArgs,
    identities: Identities,
    recipients: Vec<Recipient>,
    key: HostKey,
    nodes: Vec<crate::online::node::Node>,
    genesis: Vec<Hash>,
    engine: PathBuf,
    staging: PathBuf,
}

pub(in crate::cli::online) fn run(
    args: &VerifyArgs,
    settings: &Settings,
    out: &mut dyn Write,
) -> Result<u8, Failure> {
    let trust = settings::trust(&args.open, settings)?;
    let identities = settings::identities(&args.open, settings)?;
    let recipients = recipients(args, settings)?;
    super::state(&settings.state)?;
    let _run = stop::begin(&settings.state).map_err(|fault| Failure::refused(&fault))?;
    let with = With {
        recipients,
        identities,
        key: HostKey::open_or_make(&settings.state, "verifier").map_err(super::failure)?,
        nodes: if settings.rpc.is_empty() {
            vec![]
        } else {
            nodes::open(settings)?
        },
        genesis: match &settings.chain_spec {
            Some(path) => nodes::Spec::read(path)?.hashes(),
            None => vec![],
        },
        engine: match &args.engine {
            Some(path) => path.clone(),
            None => engine::beside().map_err(|fault| Failure::environment(&fault))?,
        },
        staging: args
            .staging
            .clone()
            .unwrap_or_else(|| settings.state.join("staging")),
        settings,
        args,
    };
    if trust.signer_is_unknown(&with.key) {
        // An attestation that counts for nobody would stand in the way of one that does.
        eprintln!(
            "This verifier's key is not in the trust file yet. Add this line to it here and where snapshots are restored:\n\
             verifier namespaces=\"qh-snapshot-good\" {}",
            with.key.public()
        );
    }
    let watch = Watch::new(settings);
    let mut all = Vec::new();
    let (mut exit, mut found, mut absent) = (0, false, None);
    for (address, store) in settings::stores(&args.stores, settings)? {
        let read = store.and_then(|store| Ok((catalog::sources(&*store)?, store)));
        let (sources, store) = match read {
            Ok(read) => read,
            Err(fault) => {
                let refused = from_error(&fault);
                watch.failed("verify", "store-failed", &refused.name, &refused.what);
                exit = exit.max(3);
                all.push(Verdict::new(&address, "", None, Err(refused), 0.0));
                continue;
            }
        };
        let sources = sources
            .into_iter()
            .filter(|source| meant(&args.stores, source));
        for source in sources {
            found = true;
            let done = match of_source(&with, &*store, &source, &trust, &watch) {
                Ok(done) => done,
                // Another source or store may have it.
                Err(failed) if failed.refused.name == "snapshot-absent" => {
                    absent.get_or_insert(failed);
                    continue;
                }
                // One source doesn't keep the others from being verified.
                Err(Failure { refused, .. }) => {
                    let verdict =
                        Verdict::new(&address, &source.to_string(), None, Err(refused), 0.0);
                    verdict.say(settings.json);
                    verdict.note(&watch);
                    vec![verdict]
                }
            };
            exit = exit.max(done.iter().map(Verdict::exit).max().unwrap_or(0));
            all.extend(done);
        }
    }
    if let Some(absent) = absent.filter(|_| all.is_empty()) {
        return Err(absent);
    }
    if all.is_empty() && !found {
        return Err(Failure::new(
            1,
            refused(
                "snapshot-source-absent",
                "The stores have no snapshots of this chain and host.",
                "See what they have with `qh-online snapshot list`.",
            ),
        ));
    }
    if all.is_empty() && !settings.json {
        writeln!(out, "The newest snapshot of each class is good already.")?;
    }
    if settings.json {
        writeln!(
            out,
            "{}",
            serde_json::to_string_pretty(&all).expect("strings and numbers")
        )?;
    }
    Ok(exit)
}

/// Whether the arguments mean this source.
pub(super) fn meant(args: &StoreArgs, source: &SourceName) -> bool {
    let is = |given: &Option<String>, own: &str| given.as_ref().is_none_or(|given| given == own);
    is(&args.chain, &source.chain) && is(&args.source, &source.source)
}

/// To whom archives are sealed; nobody, if no archive is made. Sealing them to the verifier alone, unasked, would lose
/// all of them with it.
fn recipients(args: &VerifyArgs, settings: &Settings) -> Result<Vec<Recipient>, Failure> {
    if args.recipient.is_empty() && settings.file.recipients.is_empty() {
        return Ok(vec![]);
    }
    settings::recipients(&args.recipient, settings)
}

fn of_source(
    with: &With<'_>,
    store: &dyn Store,
    source: &SourceName,
    trust: &Trust,
    watch: &Watch<'_>,
) -> Result<Vec<Verdict>, Failure> {
    let (settings, address) = (with.settings, store.address().to_owned());
    let mut measured = watch.verifier(&source.to_string());
    let begun = std::time::Instant::now();
    let entries = catalog::snapshots(store, source, trust)
        .map_err(|fault| Failure::new(3, from_error(&fault)))?;
    let mut done = Vec::new();
    if let Err(refused) = verify::not_rolled_back(&settings.state, &address, source, &entries) {
        done.push(Verdict::new(
            &address,
            &source.to_string(),
            None,
            Err(refused),
            0.0,
        ));
    }
    let now = store
        .now()
        .map_err(|fault| Failure::new(3, from_error(&fault)))?;
    for gap in verify::gaps(&entries, now) {
        let refused = refused(
            "snapshot-chain-broken",
            format!(
                "{address}: {gap}: a snapshot was taken away or hidden, or the host's state was copied back."
            ),
            "Find out who could write to the store, and look at the host's state directory. It is said for 30 days.",
        );
        done.push(Verdict::new(
            &address,
            &source.to_string(),
            None,
            Err(refused),
            0.0,
        ));
    }
    let wanted = match &with.args.snapshot {
        None => verify::wanted(&entries),
        Some(name) => {
            let named: Option<SnapshotName> = name.parse().ok();
            let found: Vec<&Entry> = entries
                .iter()
                .filter(|entry| Some(entry.name) == named)
                .collect();
            // What is wrong with the store itself is told all the same.
            if found.is_empty() && done.is_empty() {
                let what = format!("{address} has no snapshot {name} of {source}.");
                let way_on = "See what it has with `qh-online snapshot list`.";
                return Err(Failure::new(1, refused("snapshot-absent", what, way_on)));
            }
            found
        }
    };
    for refused in entries.iter().filter_map(|entry| match &entry.worth {
        catalog::Worth::Refused(refused) => Some((entry.name, refused)),
        _ => None,
    }) {
        done.push(Verdict::new(
            &address,
            &source.to_string(),
            Some(refused.0),
            Err(refused.1.clone()),
            0.0,
        ));
    }
    for entry in wanted {
        let begun = std::time::Instant::now();
        let result = one(with, store, source, entry, trust);
        done.push(Verdict::new(
            &address,
            &source.to_string(),
            Some(entry.name),
            result,
            begun.elapsed().as_secs_f64(),
        ));
    }
    // What kept the verifier from looking says nothing of the snapshots.
    let looked = done.iter().all(|one| one.exit() != 3);
    let success = done.iter().all(|one| one.exit() != 4);
    for one in &done {
        one.say(settings.json);
        one.note(watch);
    }
    let good = done
        .iter()
        .filter(|one| one.good)
        .filter_map(|one| one.snapshot.as_ref()?.parse::<SnapshotName>().ok());
    let before = entries
        .iter()
        .filter(|entry| entry.is_good())
        .map(|entry| entry.name);
    let last_good = good.chain(before).map(|name| name.time).max();
    let old = measured
        .stores
        .iter()
        .position(|known| known.store == address)
        .map(|at| measured.stores.remove(at));
    measured.stores.push(VerifiedStore {
        reachable: true,
        success: if looked || !success {
            Some(success)
        } else {
            old.as_ref().and_then(|old| old.success)
        },
        verified: if looked {
            Some(Timestamp::now())
        } else {
            old.as_ref().and_then(|old| old.verified)
        },
        last_good,
        ..old.unwrap_or_else(|| VerifiedStore {
            store: address,
            ..VerifiedStore::default()
        })
    });
    measured.last_run = Some(Timestamp::now());
    measured.last_run_success = looked;
    measured.duration_seconds = Some(begun.elapsed().as_secs_f64());
    watch.measured(&Measured::Verifier(measured));
    Ok(done)
}

/// Verifies one snapshot, and archives it if it is weekly or monthly.
fn one(
    with: &With<'_>,
    store: &dyn Store,
    source: &SourceName,
    entry: &Entry,
    trust: &Trust,
) -> Result<(Attestation, bool), Refused> {
    if archive::class(&entry.classes()).is_some() && with.recipients.is_empty() {
        return Err(refused(
            "recipient-not-given",
            "It is to be archived, and nobody said to whom archives are sealed.",
            "Give --recipient age1... for everyone who must be able to open them, the identity on paper too, or set `recipients`.",
        ));
    }
    let now = store.now().map_err(|fault| from_error(&fault))?;
    let walk = if with.args.whole_state {
        Walk::All
    } else {
        Walk::Sample
    };
    // A database of any size is read through; who waits longer than a day has another fault.
    let open = |dir: &std::path::Path, engine| {
        let report = engine::inspect(
            &with.engine,
            engine,
            dir,
            walk,
            Duration::from_secs(24 * 3600),
        )
        .map_err(|fault| from_error(&fault))?;
        Ok(opened(report))
    };
    let progress = Progress::default();
    let far = !store.address().starts_with("file://");
    let verifier = Verifier {
        store,
        source,
        identities: &with.identities,
        key: &with.key,
        open: &open,
        nodes: &with.nodes,
        genesis: &with.genesis,
        staging: &with.staging,
        threads: with
            .settings
            .file
            .snapshot
            .threads
            .unwrap_or_else(|| threads(far))
            .clamp(1, 64),
        progress: &progress,
    };
    let mut archiver = Archiver {
        with,
        store,
        source,
        trust,
        pending: None,
        archived: false,
    };
    let attestation = shown(&progress, with.settings.json, || {
        verify::verify(&verifier, entry, now, &mut archiver)
    });
    if let Some(pending) = &archiver.pending {
        archive::discard(store, source, pending);
    }
    Ok((attestation?, archiver.archived))
}

/// Archives weekly and monthly snapshots.
struct Archiver<'a> {
    with: &'a With<'a>,
    store: &'a dyn Store,
    source: &'a SourceName,
    trust: &'a Trust,
    pending: Option<archive::Pending>,
    archived: bool,
}

impl verify::Besides for Archiver<'_> {
    fn restored(&mut self, staging: &std::path::Path, manifest: &Manifest) -> Result<(), Refused> {
        self.pending = archive::prepare(
            self.store,
            self.source,
            staging,
            manifest,
            &self.with.recipients,
            self.trust,
            &self.with.settings.state,
        )?;
        Ok(())
    }

    fn good(&mut self, manifest: &Manifest, good: &Attestation) -> Result<(), Refused> {
        if let Some(pending) = self.pending.take() {
            archive::commit(
                self.store,
                self.source,
                pending,
                manifest,
                good,
                &self.with.key,
            )?;
            self.archived = true;
        }
        Ok(())
    }
}

/// What an attestation takes of a report.
fn opened(report: engine::Report) -> Opened {
    let block = |block: engine::FoundBlock| BlockId {
        number: block.number,
        hash: block.hash,
    };
    let chain = report.chain;
    Opened {
        engine: report.engine,
        genesis: chain.as_ref().map(|chain| chain.genesis),
        best: chain.as_ref().map(|chain| block(chain.best)),
        finalized: chain.as_ref().map(|chain| block(chain.finalized)),
        state_root: chain.map(|chain| chain.state_root),
    }
}
