//! `qh-online snapshot`: made on the host, listed, verified and pruned on the verifier, restored where they are needed.

mod cost;
mod create;
mod list;
mod nodes_say;
mod prune;
mod report;
mod restore;
mod settings;
mod verdict;
pub(super) mod verify;
pub(super) mod watch;

use std::io::Write;
use std::path::Path;

use clap::Subcommand;

pub use create::CreateArgs;
pub use list::ListArgs;
pub use prune::PruneArgs;
pub use restore::RestoreArgs;
pub use verify::VerifyArgs;

use super::{Failure, Settings};
use crate::ceremony::event::Refused;
use crate::online::amount::bytes;
use crate::online::keys::identity;
use crate::online::snapshot::stop;

/// Chain snapshots.
#[derive(Debug, Subcommand)]
pub enum SnapshotCommand {
    /// Make a snapshot of the node's database in every store.
    ///
    /// Exit codes: 0 every store has it; 1 refused; 3 a store, the node or the system failed (the stores that have it are
    /// named).
    Create(CreateArgs),
    /// List the snapshots of a store, and what each is worth.
    ///
    /// Exit codes: 0 none is refused; 4 one is; 3 the store can't be read.
    List(ListArgs),
    /// Restore a snapshot into the place of a node's database.
    ///
    /// It is fetched beside that place, checked, and put there at once; what was there is kept beside it.
    Restore(RestoreArgs),
    /// Restore to a staging directory, open with the engine, read through, compare, and attest; archive weekly and monthly
    /// ones.
    ///
    /// On a verifier, never on the host. Exit codes: 0 all good; 4 one is not; 3 a store can't be read, or the verifier
    /// lacks something.
    Verify(VerifyArgs),
    /// Delete what is no longer kept: the plan with its reasons first, then the deletion.
    ///
    /// On a verifier, under an identity that may delete. Exit codes: 0 done; 1 refused; 3 a store failed.
    Prune(PruneArgs),
    /// Start the node if a snapshot stopped it and died.
    ResumeNode,
    /// Wait for the end of the process that holds our input, then do as resume-node.
    #[command(hide = true)]
    Guard,
}

/// Runs the command and gives the exit code.
///
/// # Errors
/// [`Failure`].
pub fn run(
    command: &SnapshotCommand,
    settings: &Settings,
    out: &mut dyn Write,
) -> Result<u8, Failure> {
    match command {
        SnapshotCommand::Create(args) => create::run(args, settings, out),
        SnapshotCommand::List(args) => list::run(args, settings, out),
        SnapshotCommand::Restore(args) => restore::run(args, settings, out),
        SnapshotCommand::Verify(args) => verify::run(args, settings, out),
        SnapshotCommand::Prune(args) => prune::run(args, settings, out),
        SnapshotCommand::ResumeNode => {
            let started = stop::resume(&settings.state).map_err(failure)?;
            if started {
                writeln!(
                    out,
                    "The node was stopped by a snapshot that died; it is started."
                )?;
            } else {
                let told = if stop::goes_on(&settings.state) {
                    "A snapshot that goes on has stopped the node, and starts it."
                } else {
                    "No snapshot has left the node stopped."
                };
                writeln!(out, "{told}")?;
            }
            Ok(0)
        }
        SnapshotCommand::Guard => stop::guard(&settings.state).map(|_| 0).map_err(failure),
    }
}

/// The state directory, made and checked: for its owner alone.
fn state(path: &Path) -> Result<(), Failure> {
    identity::check_state(path).map_err(|fault| Failure::environment(&fault))
}

/// A refusal with the exit code that belongs to its name: 2 usage, 3 what the system or a store keeps from us, 4 what was
/// looked at and is not right, 1 anything else.
fn failure(refused: Refused) -> Failure {
    Failure::new(exit_of(&refused.name), refused)
}

fn exit_of(name: &str) -> u8 {
    match name {
        "store-credentials"
        | "store-listing-broken"
        | "store-replaces-objects"
        | "store-object-absent"
        | "store-object-too-large"
        | "store-strange-name"
        | "engine-absent"
        | "engine-not-run"
        | "archive-not-made"
        | "staging-not-removed"
        | "node-unreachable"
        | "node-timed-out"
        | "restore-running"
        | "engine-without-rocksdb"
        | "store-clock-differs"
        | "store-denied"
        | "store-failed"
        | "store-full"
        | "store-address"
        | "snapshot-no-store"
        | "snapshot-no-space"
        | "snapshot-system"
        | "snapshot-command-failed"
        | "snapshot-worker"
        | "database-unreadable"
        | "file-not-written"
        | "file-unreadable"
        | "node-not-stopped"
        | "node-not-started"
        | "node-still-running"
        | "restore-no-space"
        | "restore-not-written"
        | "restore-owner"
        | "restore-system"
        | "no-randomness" => 3,
        "snapshot-malformed"
        | "snapshot-replayed"
        | "snapshot-unsigned"
        | "snapshot-unpinned-key"
        | "snapshot-forged"
        | "snapshot-bad-signature"
        | "snapshot-other-host"
        | "snapshot-manifest-swapped"
        | "snapshot-object-swapped"
        | "snapshot-of-a-rehearsal" => 4,
        _ => 1,
    }
}
