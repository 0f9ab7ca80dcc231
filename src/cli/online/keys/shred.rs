//! `keys shred`: secure deletion of a plaintext file that somebody has, and what that proves.

use std::io::Write;
use std::path::PathBuf;

use serde_json::json;

use super::super::{Failure, Settings};
use super::ask;
use crate::cli::keys::shown_line;
use crate::files::refused;
use crate::online::shred::{ShredFault, Target};

/// Arguments of `keys shred`.
#[derive(Debug, clap::Args)]
pub struct ShredArgs {
    /// The file to overwrite and delete
    pub file: PathBuf,

    /// Don't ask
    #[arg(long)]
    pub yes: bool,

    /// Delete it although it is named like a key of a keystore
    #[arg(long)]
    pub keystore_file: bool,
}

pub(super) fn shred(
    args: &ShredArgs,
    settings: &Settings,
    out: &mut dyn Write,
) -> Result<u8, Failure> {
    let target = Target::open(&args.file, args.keystore_file).map_err(|fault| failed(&fault))?;
    let size = target.size();
    let proof = target.proof();
    let open_in = target.open_in();
    if !args.yes {
        confirm(&target)?;
    }
    target
        // Without randomness the zeros of the second pass still overwrite everything.
        .erase(&mut |bytes| _ = getrandom::fill(bytes))
        .map_err(|fault| failed(&fault))?;
    let file = args.file.display();
    if settings.json {
        let document = json!({
            "format": "qh-keys-shred/1",
            "file": file.to_string(),
            "size": size,
            "verdict": proof.verdict.as_str(),
            "reasons": proof.reasons,
            "advice": proof.verdict.advice(),
            "open_in": open_in,
        });
        writeln!(out, "{document:#}")?;
        return Ok(0);
    }
    writeln!(
        out,
        "{file}: {size} bytes overwritten, and its name removed."
    )?;
    for id in open_in {
        writeln!(
            out,
            "  warning: process {id} had it open, and may hold its content."
        )?;
    }
    for reason in &proof.reasons {
        writeln!(out, "  {reason}")?;
    }
    writeln!(out, "{}", proof.verdict.sentence())?;
    writeln!(out, "{}", proof.verdict.advice())?;
    Ok(0)
}

fn confirm(target: &Target) -> Result<(), Failure> {
    let prompt = format!(
        "{}, {} bytes, will be overwritten and deleted for good. Type `delete` to go on: ",
        target.path().display(),
        target.size()
    );
    let typed = shown_line(&prompt).map_err(|error| {
        ask::no_terminal(
            "shred-not-confirmed",
            &error,
            "Run it on a terminal, or say --yes.",
        )
    })?;
    if typed == "delete" {
        return Ok(());
    }
    let what = "Nothing was deleted: `delete` was not typed.";
    Err(Failure::new(
        1,
        refused(
            "shred-not-confirmed",
            what,
            "Start again when you are sure.",
        ),
    ))
}

fn failed(fault: &ShredFault) -> Failure {
    match fault {
        ShredFault::Absent { .. }
        | ShredFault::ReadOnly { .. }
        | ShredFault::NotPermitted { .. }
        | ShredFault::Failed { .. } => Failure::environment(fault),
        ShredFault::Link { .. }
        | ShredFault::NotAFile { .. }
        | ShredFault::HardLinks { .. }
        | ShredFault::Replaced { .. }
        | ShredFault::KeystoreFile { .. } => Failure::refused(fault),
    }
}
