//! What people see of a run: progress, and what came of it.

use std::io::Write;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use serde::Serialize;

use super::bytes;
use crate::cli::online::Failure;
use crate::online::class::Class;
use crate::online::snapshot::create::{Outcome, Report};
use crate::online::snapshot::manifest::Method;
use crate::online::snapshot::ship::Progress;

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

/// Shows what came of a run.
pub(super) fn show(
    report: &Report,
    notes: &[String],
    json: bool,
    out: &mut dyn Write,
) -> Result<(), Failure> {
    let facts = &report.facts;
    if json {
        let stores = report.stores.iter().map(|outcome| JsonStore {
            store: &outcome.store,
            sent_bytes: outcome.sent,
            snapshot: outcome
                .committed
                .as_ref()
                .ok()
                .map(|done| done.name.to_string()),
            refused: outcome
                .committed
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
    for Outcome {
        store,
        sent,
        committed,
        ..
    } in &report.stores
    {
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
