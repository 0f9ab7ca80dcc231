//! The order of methods: a snapshot of the file system, a node that is stopped already, a live RocksDB, a stop of ours.

use std::path::Path;
use std::time::{Duration, Instant};

use super::create::Request;
use super::database::Database;
use super::freeze::{self, FreezeFault, Keeper, Still, live, lock, volume};
use super::manifest::Method;
use super::ship::{PlainFile, Remembered, Work, ship};
use super::stop::{self, NodeControl, Stopped};
use crate::ceremony::event::Refused;
use crate::files::from_error;
use crate::online::engine::Engine;

/// What was shipped, and how it was held still.
pub(super) struct Shipped {
    pub(super) method: Method,
    pub(super) stopped: Duration,
    pub(super) files: Vec<PlainFile>,
    pub(super) left_out: Vec<String>,
    pub(super) remembered: Remembered,
}

impl Shipped {
    fn new(still: &mut Still, stopped: Duration, files: Vec<PlainFile>) -> Self {
        Self {
            method: still.method,
            stopped,
            remembered: Remembered::new(still, &files),
            files,
            left_out: std::mem::take(&mut still.left_out),
        }
    }
}

/// Holds the database still by the best method that there is, and ships it.
///
/// # Errors
/// Why it can't be held still or shipped.
pub(super) fn hold_and_ship<'w>(
    request: &Request<'_>,
    work: &dyn Fn(Option<(Instant, u64)>) -> Work<'w>,
    note: &mut dyn FnMut(&str),
) -> Result<Shipped, Refused> {
    let fail = |fault: FreezeFault| from_error(&fault);
    match hold(request).map_err(fail)? {
        Holding::Still(mut still) => {
            let files = ship(&still, &work(None)).map_err(|fault| from_error(&fault));
            let shipped = files.map(|files| Shipped::new(&mut still, Duration::ZERO, files));
            still.keeper.release().map_err(fail)?;
            shipped
        }
        Holding::Stop(control) => {
            (request.may_stop)()?;
            stop_and_ship(request, control, work, note)
        }
    }
}

enum Holding<'a> {
    Still(Still),
    Stop(&'a NodeControl),
}

/// Holds the database still without stopping the node, or says that it must be stopped.
fn hold<'a>(request: &Request<'a>) -> Result<Holding<'a>, FreezeFault> {
    let (database, state) = (request.database, request.state);
    let asked = |methods: &[Method]| {
        request
            .method
            .is_none_or(|method| methods.contains(&method))
    };
    let images = [Method::Btrfs, Method::Zfs, Method::Lvm];
    if asked(&images) {
        let offered = volume::offered(&database.dir)?;
        match (request.method, offered) {
            (Some(method), _) => return volume::take(method, database, state).map(Holding::Still),
            (None, Some(method)) => match volume::take(method, database, state) {
                Ok(still) => return Ok(Holding::Still(still)),
                // Its program is not installed, or there is no space for it: the other methods remain.
                Err(FreezeFault::Command { .. } | FreezeFault::Unfit { .. }) => {}
                Err(fault) => return Err(fault),
            },
            (None, None) => {}
        }
    }
    if request.method == Some(Method::LiveLinks) {
        return live_links(database, state);
    }
    if let Some(held) = lock::try_hold(database)? {
        return stopped(request, held).map(Holding::Still);
    }
    if database.engine == Engine::RocksDb && asked(&[Method::LiveLinks]) {
        return live_links(database, state);
    }
    match request.control {
        Some(control) => Ok(Holding::Stop(control)),
        None => Err(FreezeFault::Live {
            engine: database.engine,
            reason:
                "its file system has no snapshots that we can make, and the node may not be stopped"
                    .into(),
        }),
    }
}

fn live_links<'a>(database: &Database, state: &Path) -> Result<Holding<'a>, FreezeFault> {
    match database.engine {
        Engine::RocksDb => live::pin(database, state).map(Holding::Still),
        Engine::ParityDb => Err(FreezeFault::Live {
            engine: database.engine,
            reason: "its files change in place, so links don't hold it still".into(),
        }),
    }
}

/// A stopped node's database: pinned, or held by its lock where that is asked for or nothing else is possible.
fn stopped(request: &Request<'_>, held: lock::Held) -> Result<Still, FreezeFault> {
    if request.method != Some(Method::StoppedCopy) {
        match freeze::pinned(request.database, &held, request.state)? {
            Some(still) if request.method.is_none_or(|method| method == still.method) => {
                return Ok(still);
            }
            Some(still) => still.keeper.release()?,
            None => {}
        }
        if let Some(method) = request.method {
            return Err(FreezeFault::Unfit {
                method: "The method that was asked for",
                path: request.database.dir.clone(),
                reason: format!("{method:?} needs a file system with clones, or RocksDB"),
            });
        }
    }
    freeze::in_place(request.database, held)
}

/// Ships what can be shipped while the node runs, stops it, pins or ships what changed, and starts it.
fn stop_and_ship<'w>(
    request: &Request<'_>,
    control: &NodeControl,
    work: &dyn Fn(Option<(Instant, u64)>) -> Work<'w>,
    note: &mut dyn FnMut(&str),
) -> Result<Shipped, Refused> {
    let fail = |fault: FreezeFault| from_error(&fault);
    let database = request.database;
    // The first pass is torn, and nothing refers to what it sends but by content: it only makes the window short.
    let contents = database
        .contents(&database.dir)
        .map_err(|fault| from_error(&fault))?;
    let warm = Still {
        method: Method::StoppedCopy,
        dir: database.dir.clone(),
        files: freeze::still_files(database.engine, contents.files),
        left_out: vec![],
        keeper: Keeper::Nothing,
    };
    let tolerant = Work {
        tolerant: true,
        ..work(None)
    };
    ship(&warm, &tolerant).map_err(|fault| from_error(&fault))?;
    note("the node is being stopped");
    let wait = Duration::from_secs(request.stop_wait);
    let (node, held) = stop::stop(control, database, request.state, request.program, wait)
        .map_err(|fault| from_error(&fault))?;
    let deadline = node.since() + Duration::from_secs(request.max_stop);
    let start = |node: Stopped<'_>| node.start().map_err(|fault| from_error(&fault));
    match freeze::pinned(database, &held, request.state).map_err(fail)? {
        Some(mut still) => {
            drop(held);
            let window = start(node)?;
            note(&format!(
                "the node was stopped for {:.1} seconds",
                window.as_secs_f64()
            ));
            let files = ship(&still, &work(None)).map_err(|fault| from_error(&fault));
            let shipped = files.map(|files| Shipped::new(&mut still, window, files));
            still.keeper.release().map_err(fail)?;
            shipped
        }
        None => {
            let mut still = freeze::in_place(database, held).map_err(fail)?;
            let files = ship(&still, &work(Some((deadline, request.max_stop))))
                .map_err(|fault| from_error(&fault));
            let keeper = std::mem::replace(&mut still.keeper, Keeper::Nothing);
            keeper.release().map_err(fail)?; // the lock, before the node wants it
            let window = start(node)?;
            note(&format!(
                "the node was stopped for {:.1} seconds",
                window.as_secs_f64()
            ));
            files.map(|files| Shipped::new(&mut still, window, files))
        }
    }
}
