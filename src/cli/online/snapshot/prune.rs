//! `qh-online snapshot prune`.

use std::collections::BTreeSet;
use std::io::Write;

use jiff::Timestamp;

use super::settings::{self, OpenArgs, StoreArgs};
use super::verify::meant;
use super::watch::Watch;
use super::{bytes, failure};
use crate::cli::online::{Failure, Settings};
use crate::files::{from_error, refused};
use crate::online::audit_log::{Entry, Level};
use crate::online::class::Class;
use crate::online::metrics::{Measured, VerifiedStore};
use crate::online::retention::Holdings;
use crate::online::snapshot::catalog;
use crate::online::snapshot::prune::{Pruned, delete, holdings, plan};
use crate::online::store::Store;

/// Arguments of `snapshot prune`.
#[derive(Debug, clap::Args)]
pub struct PruneArgs {
    /// Which stores; each by itself, the first is the primary.
    #[command(flatten)]
    pub stores: StoreArgs,

    /// Whose snapshots count.
    #[command(flatten)]
    pub open: OpenArgs,

    /// Show the plan, and delete nothing
    #[arg(long)]
    pub dry_run: bool,
}

pub(super) fn run(
    args: &PruneArgs,
    settings: &Settings,
    out: &mut dyn Write,
) -> Result<u8, Failure> {
    let trust = settings::trust(&args.open, settings)?;
    if trust.has_no_verifier() {
        let what = "The trust file trusts no verifier, so which snapshots are good is not known.";
        let way_on = "Add the verifier's line: verifier namespaces=\"qh-snapshot-good\" ssh-ed25519 AAAA... Nothing was deleted.";
        return Err(Failure::new(2, refused("trust-no-verifier", what, way_on)));
    }
    super::state(&settings.state)?;
    let watch = Watch::new(settings);
    let mut exit = 0;
    let mut held_by_store = Vec::new();
    for (address, store) in settings::stores(&args.stores, settings)? {
        let done = store.map_err(|fault| from_error(&fault)).and_then(|store| {
            let sources = catalog::sources(&*store).map_err(|fault| from_error(&fault))?;
            let sources: Vec<_> = sources
                .into_iter()
                .filter(|source| meant(&args.stores, source))
                .collect();
            let held = holdings(&*store, &sources, &trust).map_err(|fault| from_error(&fault))?;
            let now = store.now().map_err(|fault| from_error(&fault))?;
            held_by_store.push((address.clone(), now, Some(held.clone())));
            let plan = plan(now, Timestamp::now(), &held)?;
            Ok((store, plan))
        });
        match done {
            Ok((store, plan)) => {
                if settings.json {
                    writeln!(
                        out,
                        "{}",
                        serde_json::to_string_pretty(&plan).expect("strings")
                    )?;
                } else {
                    writeln!(out, "{address}\n{plan}")?;
                }
                if !args.dry_run
                    && let Err(failed) = act(&*store, &plan, &watch, settings.json, out)
                {
                    // The other stores are pruned all the same.
                    let Failure {
                        refused,
                        exit: code,
                    } = failed;
                    watch.failed("prune", "failed", &refused.name, &refused.what);
                    eprintln!(
                        "{address}: {} [{}]\n{}",
                        refused.what, refused.name, refused.way_on
                    );
                    exit = exit.max(code);
                }
            }
            Err(refused) => {
                if !held_by_store.iter().any(|(known, _, _)| *known == address) {
                    held_by_store.push((address.clone(), Timestamp::now(), None));
                }
                watch.failed("prune", "failed", &refused.name, &refused.what);
                let failed = failure(refused);
                eprintln!(
                    "{address}: {} [{}]\n{}",
                    failed.refused.what, failed.refused.name, failed.refused.way_on
                );
                exit = exit.max(failed.exit);
            }
        }
    }
    measure(&held_by_store, exit == 0, &watch);
    Ok(exit)
}

fn act(
    store: &dyn Store,
    plan: &crate::online::retention::Plan,
    watch: &Watch<'_>,
    json: bool,
    out: &mut dyn Write,
) -> Result<(), Failure> {
    let mut pruned = Pruned::default();
    let done = plan
        .deleted()
        .try_for_each(|what| delete(store, what, &mut pruned));
    if pruned != Pruned::default() {
        watch.log(
            &Entry::new(Level::Info, "prune", "deleted")
                .with_text("store", store.address())
                .with("objects", pruned.objects)
                .with("bytes", pruned.bytes),
        );
    }
    done.map_err(failure)?;
    if !json {
        writeln!(
            out,
            "{} objects were deleted, {}.",
            pruned.objects,
            bytes(pruned.bytes)
        )?;
        if !pruned.locked.is_empty() {
            writeln!(out, "{} objects are locked, and stay.", pruned.locked.len())?;
        }
    }
    Ok(())
}

/// What the verifier measures besides verification: how far replicas lag, and how many snapshots are kept.
fn measure(stores: &[(String, Timestamp, Option<Holdings>)], success: bool, watch: &Watch<'_>) {
    let sources: BTreeSet<String> = stores
        .iter()
        .filter_map(|(_, _, held)| held.as_ref())
        .flat_map(|held| held.epochs.iter().map(|epoch| epoch.source.clone()))
        .collect();
    for source in sources {
        let mut measured = watch.verifier(&source);
        let good = |held: &Holdings| -> BTreeSet<Timestamp> {
            let own = held.epochs.iter().filter(|epoch| epoch.source == source);
            own.flat_map(|epoch| &epoch.manifests)
                .filter(|one| one.signed)
                .map(|one| one.time)
                .collect()
        };
        let primary = stores
            .first()
            .and_then(|(_, _, held)| held.as_ref())
            .map(good)
            .unwrap_or_default();
        for (address, now, held) in stores {
            let old = measured
                .stores
                .iter()
                .position(|known| known.store == *address);
            let mut one = old.map_or_else(VerifiedStore::default, |at| measured.stores.remove(at));
            one.store.clone_from(address);
            one.reachable = held.is_some();
            if let Some(held) = held {
                let own = good(held);
                // What began before the replica's first snapshot was never meant for it.
                let first = own.first().copied();
                let lacks = primary
                    .iter()
                    .find(|time| !own.contains(time) && first.is_none_or(|first| **time > first));
                #[expect(clippy::cast_precision_loss, reason = "seconds of a graph")]
                let lag = lacks.map_or(0.0, |time| now.duration_since(*time).as_secs() as f64);
                one.replication_lag_seconds = Some(lag);
                let listed = held
                    .epochs
                    .iter()
                    .filter(|epoch| epoch.source == source)
                    .flat_map(|epoch| &epoch.manifests)
                    .flat_map(|manifest| manifest.listed(*now));
                let mut retained = std::collections::BTreeMap::new();
                for class in Class::ALL {
                    retained.insert(class, 0);
                }
                for class in listed {
                    *retained.entry(class).or_insert(0) += 1;
                }
                one.retained = retained;
            }
            measured.stores.push(one);
        }
        measured.last_run = Some(Timestamp::now());
        measured.last_run_success = success;
        watch.measured(&Measured::Verifier(measured));
    }
}
