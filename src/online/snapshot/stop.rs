//! The node, stopped for a snapshot and started again, whatever happens to us.
//!
//! 1. Before the node is told to stop, a marker is written: who stops it, and how it is started.
//! 2. A guard process waits for our end. If we die without having started the node, it starts it. It is in a session of
//!    its own, so what ends us doesn't end it.
//! 3. If it dies too, or the host restarts, a systemd unit does the same by the marker (`qh-online schedule install`).
//! 4. Starting is tried again until it succeeds or three tries failed; the marker stays until it succeeded.
//! 5. Who dies while the node is being stopped leaves a stop on its way: a start that comes before it is lost. So then the
//!    node's lock is watched for as long as stopping may take, and the node is started whenever it doesn't hold it.
//!    Commands of one's own must do no harm to a node that runs, or is starting already.

use std::fs::File;
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use rustix::fs::{FlockOperation, Mode, OFlags};
use serde::{Deserialize, Serialize};

use super::database::Database;
use super::freeze::lock;
use crate::ceremony::event::Refused;
use crate::files::{self, refused};
use crate::online::engine::Engine;
use crate::refusal::Refuse;
use crate::transcript::visible::visible_short;

/// The marker's name in the state directory.
pub const MARKER: &str = "node-stopped.json";
/// The name of the file whose lock says that a run goes on.
const RUN_LOCK: &str = "snapshot.lock";
/// How often starting is tried.
const TRIES: u32 = 3;
/// How long a command that starts the node may take, and one that stops it beyond the time that the node may take.
const COMMAND: Duration = Duration::from_secs(120);

/// How the node is stopped and started: programs with their arguments.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NodeControl {
    /// Stops it, and returns when it has stopped or begun to.
    pub stop: Vec<String>,
    /// Starts it.
    pub start: Vec<String>,
}

impl NodeControl {
    /// A systemd service.
    pub fn service(name: &str) -> Self {
        let control = |verb: &str| vec!["systemctl".into(), verb.into(), name.to_owned()];
        Self {
            stop: control("stop"),
            start: control("start"),
        }
    }

    /// A container of Docker, or of what behaves like it.
    pub fn container(program: &str, name: &str) -> Self {
        let control = |words: &[&str]| {
            let words = words.iter().map(|word| (*word).to_owned());
            std::iter::once(program.to_owned())
                .chain(words)
                .chain([name.to_owned()])
                .collect()
        };
        Self {
            stop: control(&["stop", "--time", "60"]),
            start: control(&["start"]),
        }
    }
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Marker {
    since: jiff::Timestamp,
    start: Vec<String>,
    /// Whether it has stopped; else it is being stopped.
    stopped: bool,
    /// The database, whose lock tells whether it runs.
    database: PathBuf,
    engine: Engine,
    /// How long it may take to stop, in seconds.
    wait: u64,
}

impl Marker {
    fn write(&self, state: &Path) -> Result<(), StopFault> {
        let path = state.join(MARKER);
        let text = serde_json::to_vec(self).expect("strings and numbers");
        files::write(&path, &text).map_err(|refused| system(&path, refused.what))
    }

    fn database(&self) -> Database {
        Database {
            dir: self.database.clone(),
            engine: self.engine,
            chain: None,
        }
    }

    /// Starts the node, and, if a stop may still be on its way, sees to it that it stays started.
    fn bring_back(&self) -> Result<(), StopFault> {
        start(&self.start)?;
        if self.stopped {
            return Ok(());
        }
        let database = self.database();
        let begun = Instant::now();
        // Longer than it may take: a node that was slow to stop may be slower yet.
        while begun.elapsed() < Duration::from_secs(self.wait.saturating_mul(3).saturating_add(2)) {
            std::thread::sleep(Duration::from_millis(500));
            // A lock that can't be looked at tells nothing: then it is started, which does no harm.
            if !lock::is_held(&database).unwrap_or(false) {
                start(&self.start)?;
            }
        }
        Ok(())
    }
}

/// Why the node was not stopped or started.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum StopFault {
    /// Another run of ours goes on.
    #[error("Another snapshot is being made or verified with {}.", .state.display())]
    Busy {
        /// The state directory.
        state: PathBuf,
    },
    /// A command failed.
    #[error("The node was not {what}: `{command}` failed: {reason}.")]
    Command {
        /// `stopped` or `started`.
        what: &'static str,
        /// What was run.
        command: String,
        /// Its words, or the system's.
        reason: String,
    },
    /// It goes on running.
    #[error("The node still holds {} {seconds} seconds after it was told to stop.", .path.display())]
    StillRunning {
        /// Its lock.
        path: PathBuf,
        /// How long was waited.
        seconds: u64,
    },
    /// The system refused.
    #[error("{}: {reason}.", .path.display())]
    System {
        /// The path.
        path: PathBuf,
        /// The system's words.
        reason: String,
    },
}

impl Refuse for StopFault {
    fn name(&self) -> &'static str {
        match self {
            Self::Busy { .. } => "snapshot-running",
            Self::Command {
                what: "started", ..
            } => "node-not-started",
            Self::Command { .. } => "node-not-stopped",
            Self::StillRunning { .. } => "node-still-running",
            Self::System { .. } => "snapshot-system",
        }
    }

    fn way_on(&self) -> &'static str {
        match self {
            Self::Busy { .. } => "Wait until it is done.",
            Self::Command {
                what: "started", ..
            } => {
                "START THE NODE BY HAND NOW, then look why the command failed. `qh-online snapshot resume-node` tries it again."
            }
            Self::Command { .. } | Self::StillRunning { .. } => {
                "Look at the node and at the commands that are set for it. The database was not read."
            }
            Self::System { .. } => "Look at the state directory and its permissions.",
        }
    }
}

fn system(path: &Path, reason: impl ToString) -> StopFault {
    StopFault::System {
        path: path.to_owned(),
        reason: reason.to_string(),
    }
}

/// Held by the one run that goes on with a state directory.
pub struct Run {
    #[expect(dead_code, reason = "held, not read")]
    lock: File,
}

/// Begins a run.
///
/// # Errors
/// [`StopFault::Busy`].
pub fn begin(state: &Path) -> Result<Run, StopFault> {
    let path = state.join(RUN_LOCK);
    let flags = OFlags::RDWR | OFlags::CREATE | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let lock = rustix::fs::open(&path, flags, Mode::RUSR | Mode::WUSR)
        .map_err(|errno| system(&path, errno))?;
    match rustix::fs::flock(&lock, FlockOperation::NonBlockingLockExclusive) {
        Ok(()) => Ok(Run { lock: lock.into() }),
        Err(rustix::io::Errno::WOULDBLOCK) => Err(StopFault::Busy {
            state: state.to_owned(),
        }),
        Err(errno) => Err(system(&path, errno)),
    }
}

/// The node, stopped by us.
pub struct Stopped<'a> {
    state: &'a Path,
    marker: Marker,
    since: Instant,
    guard: Option<Child>,
    started: bool,
}

/// Stops the node and takes its database's lock. `guard` is the program that is run as `snapshot guard --state DIR`.
///
/// # Errors
/// [`StopFault`]; the node was started again then, or the fault says that it was not.
pub fn stop<'a>(
    control: &NodeControl,
    database: &Database,
    state: &'a Path,
    guard: &Path,
    wait: Duration,
) -> Result<(Stopped<'a>, lock::Held), StopFault> {
    let marker = Marker {
        since: jiff::Timestamp::now(),
        start: control.start.clone(),
        stopped: false,
        database: database.dir.clone(),
        engine: database.engine,
        wait: wait.as_secs(),
    };
    let guard = Command::new(guard)
        .args(["snapshot", "guard", "--state"])
        .arg(state)
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .current_dir("/")
        .spawn()
        .map_err(|error| system(guard, error))?;
    let mut stopped = Stopped {
        state,
        marker,
        since: Instant::now(),
        guard: Some(guard),
        started: true, // nothing is stopped yet
    };
    stopped.marker.write(state)?;
    stopped.started = false;
    stopped.since = Instant::now();
    let told = run("stopped", &control.stop, wait + COMMAND);
    let deadline = Instant::now() + wait;
    let result = told.and_then(|()| {
        loop {
            match lock::try_hold(database).map_err(|fault| system(&database.lock_file(), fault))? {
                Some(held) => return Ok(held),
                None if Instant::now() > deadline => {
                    return Err(StopFault::StillRunning {
                        path: database.lock_file(),
                        seconds: wait.as_secs(),
                    });
                }
                None => std::thread::sleep(Duration::from_millis(50)),
            }
        }
    });
    match result {
        Ok(held) => {
            stopped.marker.stopped = true;
            stopped.marker.write(state)?; // on an error it is dropped, and so started
            Ok((stopped, held))
        }
        Err(fault) => {
            stopped.start()?;
            Err(fault)
        }
    }
}

impl Stopped<'_> {
    /// Since when the node is being stopped.
    pub fn since(&self) -> Instant {
        self.since
    }

    /// Starts the node, and says how long it was stopped. Give up the database's lock before.
    ///
    /// # Errors
    /// [`StopFault::Command`]; the marker stays, and the systemd unit goes on trying.
    pub fn start(mut self) -> Result<Duration, StopFault> {
        self.start_now()
    }

    /// Starts the node on the way out of a fault. That it was not started is graver, and is told first.
    pub fn start_after(self, fault: Refused) -> Refused {
        match self.start() {
            Ok(_) => fault,
            Err(graver) => {
                let mut graver = files::from_error(&graver);
                graver.what = format!("{} Before that: {}", graver.what, fault.what);
                graver
            }
        }
    }

    fn start_now(&mut self) -> Result<Duration, StopFault> {
        self.started = true; // by us, now; or it is said that it was not
        let done = self.marker.bring_back();
        let window = self.since.elapsed();
        if done.is_ok() {
            remove_marker(self.state)?;
        }
        if let Some(mut guard) = self.guard.take() {
            if let (Ok(()), Some(mut pipe)) = (&done, guard.stdin.take()) {
                let _ = pipe.write_all(b"started\n"); // else it starts the node once more, which does no harm
            }
            drop(guard.stdin.take());
            if done.is_ok() {
                let _ = guard.wait();
            } // else it tries again once we have ended: until then it can't have our lock
        }
        done.map(|()| window)
    }
}

impl Drop for Stopped<'_> {
    fn drop(&mut self) {
        if !self.started {
            let _ = self.start_now(); // on the way out of an error; the marker stays if it fails
        } else if let Some(mut guard) = self.guard.take() {
            if let Some(mut pipe) = guard.stdin.take() {
                let _ = pipe.write_all(b"started\n");
            }
            let _ = guard.wait();
        }
    }
}

fn remove_marker(state: &Path) -> Result<(), StopFault> {
    let path = state.join(MARKER);
    match std::fs::remove_file(&path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(system(&path, error)),
        _ => Ok(()),
    }
}

/// Starts the node: three tries, a second apart.
fn start(command: &[String]) -> Result<(), StopFault> {
    let mut last = Ok(());
    for attempt in 0..TRIES {
        if attempt > 0 {
            std::thread::sleep(Duration::from_secs(1));
        }
        last = run("started", command, COMMAND);
        if last.is_ok() {
            break;
        }
    }
    last
}

fn run(what: &'static str, command: &[String], longest: Duration) -> Result<(), StopFault> {
    let fault = |reason: String| StopFault::Command {
        what,
        command: command.join(" "),
        reason,
    };
    let (program, arguments) = command
        .split_first()
        .ok_or_else(|| fault("no command is set".into()))?;
    // What it starts may keep its standard error for as long as it lives, so that goes to a file, not a pipe.
    let words = unnamed_file().map_err(|error| fault(error.to_string()))?;
    let mut child = Command::new(program)
        .args(arguments)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(
            words
                .try_clone()
                .map_err(|error| fault(error.to_string()))?,
        )
        .spawn()
        .map_err(|error| fault(error.to_string()))?;
    let begun = Instant::now();
    let status = loop {
        if let Some(status) = child.try_wait().map_err(|error| fault(error.to_string()))? {
            break status;
        }
        if begun.elapsed() > longest {
            let _ = child.kill().and_then(|()| child.wait());
            return Err(fault(format!(
                "it took longer than {} s",
                longest.as_secs()
            )));
        }
        std::thread::sleep(Duration::from_millis(20));
    };
    if status.success() {
        return Ok(());
    }
    let mut said = [0; 600];
    let length = std::os::unix::fs::FileExt::read_at(&words, &mut said, 0).unwrap_or(0);
    let said = String::from_utf8_lossy(&said[..length]);
    Err(fault(format!(
        "{status}: {}",
        visible_short(said.trim(), 300)
    )))
}

/// A file without a name, in memory.
fn unnamed_file() -> io::Result<File> {
    let file = rustix::fs::memfd_create("qh-command", rustix::fs::MemfdFlags::CLOEXEC)?;
    Ok(file.into())
}

/// Whether a run goes on that has stopped the node.
pub fn goes_on(state: &Path) -> bool {
    state.join(MARKER).symlink_metadata().is_ok()
        && matches!(begin(state), Err(StopFault::Busy { .. }))
}

/// Starts the node if a run that stopped it has died: the marker is there and no run goes on. Says whether it did.
///
/// # Errors
/// [`StopFault`]; `snapshot-system` for a marker that can't be read.
pub fn resume(state: &Path) -> Result<bool, Refused> {
    if state.join(MARKER).symlink_metadata().is_err() {
        return Ok(false);
    }
    match begin(state) {
        Ok(run) => resume_in(&run, state),
        Err(StopFault::Busy { .. }) => Ok(false), // that run starts it
        Err(fault) => Err(files::from_error(&fault)),
    }
}

/// As [`resume`], for the run that goes on.
///
/// # Errors
/// As [`resume`].
pub fn resume_in(_run: &Run, state: &Path) -> Result<bool, Refused> {
    let path = state.join(MARKER);
    if path.symlink_metadata().is_err() {
        return Ok(false);
    }
    let bytes = files::read(&path, 64 * 1024)?;
    let marker: Marker = serde_json::from_slice(&bytes).map_err(|error| {
        refused(
            "snapshot-system",
            format!("{}: {error}.", path.display()),
            "START THE NODE BY HAND NOW, then remove this file.",
        )
    })?;
    marker
        .bring_back()
        .and_then(|()| remove_marker(state))
        .map_err(|fault| files::from_error(&fault))?;
    Ok(true)
}

/// The guard: waits for the end of whoever started us, and starts the node unless that was done.
///
/// # Errors
/// Those of [`resume`].
pub fn guard(state: &Path) -> Result<bool, Refused> {
    // Alone in a session: what ends our parent's terminal or group doesn't end us.
    let _ = rustix::process::setsid();
    let mut said = Vec::new();
    let _ = io::stdin().take(64).read_to_end(&mut said); // an error is an end too
    if said == b"started\n" {
        return Ok(false);
    }
    // Our input may end a moment before the dead run's lock is free. A new run that has it starts the node itself.
    let begun = Instant::now();
    while !resume(state)? {
        if state.join(MARKER).symlink_metadata().is_err()
            || begun.elapsed() > Duration::from_secs(30)
        {
            return Ok(false);
        }
        std::thread::sleep(Duration::from_millis(20));
    }
    Ok(true)
}
