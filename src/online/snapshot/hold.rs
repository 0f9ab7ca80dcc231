//! The order of methods: a snapshot of the file system, a node that is stopped already, a live RocksDB, a stop of ours.

use std::path::Path;
use std::time::{Duration, Instant};

use super::create::Request;
use super::database::Database;
use super::freeze::{self, FreezeFault, Keeper, Still, live, lock, volume};
use super::manifest::Method;
use super::ship::{PlainFile, Remembered, ShipFault, Work, ship};
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
            still.release().map_err(fail)?;
            shipped
        }
        Holding::InPlace => ship_in_place(request, work),
        Holding::Stop(control) => {
            (request.may_stop)()?;
            stop_and_ship(request, control, work, note)
        }
    }
}

enum Holding<'a> {
    Still(Still),
    /// Somebody else stopped the node, and its files can only be read where they lie.
    InPlace,
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
        if let Some(still) = stopped(request, &held)? {
            return Ok(Holding::Still(still));
        }
        return match request.method {
            // Asked for: however long it takes.
            Some(_) => freeze::in_place(database, held).map(Holding::Still),
            None => Ok(Holding::InPlace),
        };
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

/// A stopped node's database, pinned; `None` where that is not possible, or not what is asked for.
fn stopped(request: &Request<'_>, held: &lock::Held) -> Result<Option<Still>, FreezeFault> {
    if request.method != Some(Method::StoppedCopy) {
        match freeze::pinned(request.database, held, request.state)? {
            Some(still) if request.method.is_none_or(|method| method == still.method) => {
                return Ok(Some(still));
            }
            Some(still) => still.release()?,
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
    Ok(None)
}

/// Sends what can be sent while nothing holds the database still. What is read is torn, and nothing refers to it but by
/// content: it only makes the time short for which the database is held.
fn warm<'w>(
    request: &Request<'_>,
    work: &dyn Fn(Option<(Instant, u64)>) -> Work<'w>,
) -> Result<(), Refused> {
    let database = request.database;
    let contents = database
        .contents(&database.dir)
        .map_err(|fault| from_error(&fault))?;
    let warm = Still {
        method: Method::StoppedCopy,
        open: freeze::open(&database.dir).map_err(|fault| from_error(&fault))?,
        dir: database.dir.clone(),
        files: freeze::still_files(database.engine, contents.files),
        left_out: vec![],
        keeper: Keeper::Nothing,
    };
    let tolerant = Work {
        tolerant: true,
        ..work(None)
    };
    ship(&warm, &tolerant)
        .map(|_| ())
        .map_err(|fault| from_error(&fault))
}

/// Ships the database of a node that somebody else stopped, or that is only about to start: its lock is held for as short
/// as can be, and never longer than the node may stand, since a node that finds it taken gives up.
fn ship_in_place<'w>(
    request: &Request<'_>,
    work: &dyn Fn(Option<(Instant, u64)>) -> Work<'w>,
) -> Result<Shipped, Refused> {
    let database = request.database;
    let fail = |fault: FreezeFault| from_error(&fault);
    let started = || {
        fail(FreezeFault::Live {
            engine: database.engine,
            reason: "it was started while its database was read".into(),
        })
    };
    warm(request, work)?;
    let begun = Instant::now();
    while begun.elapsed() < request.settles {
        if lock::is_held(database).map_err(fail)? {
            return Err(started());
        }
        std::thread::sleep(Duration::from_millis(500));
    }
    let held = lock::try_hold(database)
        .map_err(fail)?
        .ok_or_else(started)?;
    let deadline = Instant::now() + Duration::from_secs(request.max_stop);
    let mut still = freeze::in_place(database, held).map_err(fail)?;
    let keeper = std::mem::replace(&mut still.keeper, Keeper::Nothing);
    let work = work(Some((deadline, request.max_stop)));
    let (files, released) = ship_until(&still, &work, move || keeper.release());
    released.map_err(fail)?;
    files.map(|files| Shipped::new(&mut still, Duration::ZERO, files))
}

/// Ships, and calls `let_go` when that is done; or at the deadline, whatever a store is waited for then. What was shipped
/// counts for nothing in that case: what was read after it may be torn.
fn ship_until<T: Send>(
    still: &Still,
    work: &Work<'_>,
    let_go: impl FnOnce() -> T + Send,
) -> (Result<Vec<PlainFile>, Refused>, T) {
    let (deadline, seconds) = work.deadline.expect("who holds a node up has a bound");
    std::thread::scope(|scope| {
        let (done, over) = std::sync::mpsc::channel::<()>();
        let watch = scope.spawn(move || {
            let left = deadline.saturating_duration_since(Instant::now());
            let late = matches!(
                over.recv_timeout(left),
                Err(std::sync::mpsc::RecvTimeoutError::Timeout)
            );
            (late, let_go())
        });
        let files = ship(still, work).map_err(|fault| from_error(&fault));
        drop(done);
        let (late, gone) = watch.join().expect("it does not panic");
        let files = match files {
            Ok(_) if late => Err(from_error(&ShipFault::Window { seconds })),
            files => files,
        };
        (files, gone)
    })
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
    warm(request, work)?;
    (request.may_stop)()?; // again: the first pass may have taken hours
    note("the node is being stopped");
    let wait = Duration::from_secs(request.stop_wait);
    let (node, held) = stop::stop(control, database, request.state, request.program, wait)
        .map_err(|fault| from_error(&fault))?;
    let deadline = node.since() + Duration::from_secs(request.max_stop);
    let start = |node: Stopped<'_>| node.start().map_err(|fault| from_error(&fault));
    let pinned = match freeze::pinned(database, &held, request.state) {
        Ok(pinned) => pinned,
        Err(fault) => {
            drop(held);
            return Err(node.start_after(fail(fault)));
        }
    };
    match pinned {
        Some(mut still) => {
            drop(held);
            let window = start(node)?;
            note(&format!(
                "the node was stopped for {:.1} seconds",
                window.as_secs_f64()
            ));
            let files = ship(&still, &work(None)).map_err(|fault| from_error(&fault));
            let shipped = files.map(|files| Shipped::new(&mut still, window, files));
            still.release().map_err(fail)?;
            shipped
        }
        None => {
            let mut still = match freeze::in_place(database, held) {
                Ok(still) => still,
                Err(fault) => return Err(node.start_after(fail(fault))),
            };
            let keeper = std::mem::replace(&mut still.keeper, Keeper::Nothing);
            let work = work(Some((deadline, request.max_stop)));
            let (files, started) = ship_until(&still, &work, move || {
                // The lock, before the node wants it.
                match keeper.release() {
                    Ok(()) => start(node),
                    Err(fault) => Err(node.start_after(fail(fault))),
                }
            });
            let window = started?;
            note(&format!(
                "the node was stopped for {:.1} seconds",
                window.as_secs_f64()
            ));
            files.map(|files| Shipped::new(&mut still, window, files))
        }
    }
}
