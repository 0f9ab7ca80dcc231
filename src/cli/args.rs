//! The command line of `qh-ceremony`. Names are fixed by the product's design.

use std::path::PathBuf;

use clap::{Parser, Subcommand};

use super::format_card::FormatCardArgs;
use super::keys::CheckArgs;
use super::read_qr::ReadQrArgs;
use super::transcript::TranscriptCommand;

/// Key ceremonies on an air-gapped laptop: back up, verify and recover a validator's keys.
///
/// Exit codes: 0 done, 1 refused (by name), 2 usage, 3 device or environment, 4 verification failed.
#[derive(Debug, Parser)]
#[command(name = "qh-ceremony", version, max_term_width = 100)]
pub struct Args {
    /// Without a command: the home screen.
    #[command(subcommand)]
    pub command: Option<Command>,
}

/// What to do.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Hold a ceremony, or resume the one in the journal directory.
    Run(RunArgs),
    /// Rehearse backup, loss of two sheets, and recovery with simulated people and devices.
    Rehearse(RehearseArgs),
    /// Look at this machine; exit 0 only if it is fit for a ceremony.
    Check {
        /// As JSON.
        #[arg(long)]
        json: bool,
    },
    /// Ceremony scripts.
    #[command(subcommand)]
    Script(ScriptCommand),
    /// Transcripts: verify, show.
    #[command(subcommand)]
    Transcript(TranscriptCommand),
    /// Shares.
    #[command(subcommand)]
    Share(ShareCommand),
    /// Keystore directories.
    #[command(subcommand)]
    Keys(KeysCommand),
    /// Say what every QR code in the pictures is; never a share's content.
    ReadQr(ReadQrArgs),
    /// Print the recovery instructions that need none of our software.
    FormatCard(FormatCardArgs),
}

/// `run`.
#[derive(Debug, clap::Args)]
pub struct RunArgs {
    /// A shipped script's name (key-backup, key-recovery, annual-verification, share-check) or a file.
    pub script: String,
    /// The record of the backup, for recovery, verification and share check.
    #[arg(long)]
    pub record: Option<PathBuf>,
    /// The journal directory [default: ./CEREMONY, e.g. ./BR-2026-11-22-01].
    #[arg(long)]
    pub journal: Option<PathBuf>,
    /// A TOML file about devices: paper size, HSM modules (docs/manual.md).
    #[arg(long)]
    pub devices: Option<PathBuf>,
}

/// `rehearse`.
#[derive(Debug, clap::Args)]
pub struct RehearseArgs {
    /// A shipped script's name or a file; without it backup, loss of two sheets, and recovery.
    pub script: Option<String>,
    /// Play by itself.
    #[arg(long)]
    pub auto: bool,
    /// What the simulated people do differently (TOML), with scripted faults; implies --auto.
    #[arg(long)]
    pub answers: Option<PathBuf>,
    /// Where everything is left [default: ./rehearsal-TIME].
    #[arg(long)]
    pub out: Option<PathBuf>,
    /// Keys come from an HSM and go into another: tokens of SoftHSM 2, made in the rehearsal's directory.
    #[arg(long)]
    pub hsm: Option<RehearsalHsm>,
}

/// An HSM that a rehearsal can make.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum RehearsalHsm {
    /// SoftHSM 2.
    #[value(name = "softhsm")]
    SoftHsm,
}

/// `script`.
#[derive(Debug, Subcommand)]
pub enum ScriptCommand {
    /// List the shipped scripts.
    List,
    /// Prove a script sound; an unsound one is refused with its line.
    Check {
        /// Name or file.
        script: String,
    },
    /// Show a script's steps.
    Show {
        /// Name or file.
        script: String,
    },
    /// Lay a script out to sign by hand.
    Paper {
        /// Name or file.
        script: String,
        /// Write a PDF here instead of printing text.
        #[arg(long)]
        pdf: Option<PathBuf>,
        /// Paper: a4 or letter.
        #[arg(long, default_value = "a4")]
        paper: String,
    },
    /// Print blank forms for shares written by hand.
    Form {
        /// Write the PDF here.
        #[arg(long)]
        pdf: PathBuf,
        /// Paper: a4 or letter.
        #[arg(long, default_value = "a4")]
        paper: String,
    },
}

/// `share`.
#[derive(Debug, Subcommand)]
pub enum ShareCommand {
    /// Check one share: machine check first, then words or QR text without echo.
    Check {
        /// The record of the backup: with it the share is compared with its commitment.
        #[arg(long)]
        record: Option<PathBuf>,
        /// Read the share from a picture instead.
        #[arg(long)]
        image: Option<PathBuf>,
        /// As JSON.
        #[arg(long)]
        json: bool,
    },
}

/// `keys`.
#[derive(Debug, Subcommand)]
pub enum KeysCommand {
    /// Prove each pair of a keystore directory, and match it with the chain.
    Check(CheckArgs),
}
