//! The command line of `qh-online`. Names are fixed by the product's design.
//!
//! Exit codes: 0 done, 1 refused (by name), 2 usage, 3 device or environment, 4 verification failed.

mod alerts;
mod failure;
mod health;
mod keys;
pub mod metrics;
mod nodes;
mod registered;
mod schedule;
mod settings;
mod snapshot;
mod validators;

use std::io::Write;

use clap::{Parser, Subcommand};

pub use failure::Failure;
pub use keys::KeysCommand;
pub use schedule::ScheduleCommand;
pub use settings::{Settings, SettingsArgs};
pub use snapshot::SnapshotCommand;

/// The validator host's half of qh-ceremony: what the chain says of the validator, and keys on their way.
///
/// Exit codes: 0 done, 1 refused (by name), 2 usage, 3 device or environment, 4 verification failed.
#[derive(Debug, Parser)]
#[command(
    name = "qh-online",
    version,
    max_term_width = 100,
    arg_required_else_help = true
)]
pub struct Args {
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
    /// Settings, for every command.
    #[command(flatten)]
    pub settings: SettingsArgs,
}

/// What to do.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Read the registered validators' keys at one finalized block, from every node given.
    Registered(registered::RegisteredArgs),
    /// Show the active and the queued validators, and whether this host's is among them.
    Validators(validators::ValidatorsArgs),
    /// Check nodes, own blocks, keystore and configuration.
    Health(health::HealthArgs),
    /// Keys of this host: list, match, export to the laptop, insert from it; shred a plaintext file.
    #[command(subcommand)]
    Keys(KeysCommand),
    /// Chain snapshots: create, list, verify, restore, prune.
    #[command(subcommand)]
    Snapshot(SnapshotCommand),
    /// What makes snapshots happen on time: install timers, show what is due.
    #[command(subcommand)]
    Schedule(ScheduleCommand),
    /// Prove that backups restore.
    #[command(subcommand)]
    Verify(VerifyCommand),
    /// Show what was measured, as Prometheus reads it.
    Metrics,
    /// Write the alerts for Prometheus.
    Alerts(alerts::AlertsArgs),
}

/// What to verify.
#[derive(Debug, Subcommand)]
pub enum VerifyCommand {
    /// Restore snapshots to a staging directory, open them with their engine, compare, and attest.
    ///
    /// On a verifier, never on the host. Exit codes: 0 all good; 4 one is not; 3 a store can't be read.
    Snapshots(snapshot::VerifyArgs),
}

/// Runs the command and gives the exit code. Results go to `out`; a failure goes to `err`, or to `out` as JSON.
pub fn run(args: &Args, out: &mut dyn Write, err: &mut dyn Write) -> u8 {
    let done = Settings::load(&args.settings).and_then(|settings| dispatch(args, &settings, out));
    match done {
        Ok(code) => code,
        Err(failure) => failure.show(args.settings.json, out, err),
    }
}

fn dispatch(args: &Args, settings: &Settings, out: &mut dyn Write) -> Result<u8, Failure> {
    match &args.command {
        Command::Registered(command) => registered::run(command, settings, out),
        Command::Validators(command) => validators::run(command, settings, out),
        Command::Health(command) => health::run(command, &args.settings, settings, out),
        Command::Keys(command) => keys::run(command, settings, out),
        Command::Snapshot(command) => snapshot::run(command, settings, out),
        Command::Verify(VerifyCommand::Snapshots(args)) => {
            snapshot::verify::run(args, settings, out)
        }
        Command::Metrics => {
            let measured = snapshot::watch::all(settings);
            metrics::show(
                settings.file.watch.textfile.as_deref(),
                &measured,
                settings.json,
                out,
            )
        }
        Command::Schedule(command) => schedule::run(command, &args.settings, settings, out),
        Command::Alerts(command) => alerts::run(command, settings, out),
    }
}
