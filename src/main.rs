//! `qh-ceremony`: key ceremonies on an air-gapped laptop. Harden, parse, dispatch, exit code.
#![deny(unsafe_code)]

use std::io::Write;
use std::process::ExitCode;

use clap::Parser;
use qh_ceremony::cli::args::{Args, Command, KeysCommand};
use qh_ceremony::cli::{
    check, format_card, home, keys, read_qr, rehearse, run, scripts, share, transcript,
};
use qh_ceremony::secret::hardening;

/// Every heap allocation is wiped when it is freed: crates make temporary copies that we can't reach.
#[global_allocator]
static ALLOCATOR: zeroizing_alloc::ZeroAlloc<std::alloc::System> =
    zeroizing_alloc::ZeroAlloc(std::alloc::System);

/// The recovery program that the format card prints.
const RECOMBINE: &str = include_str!("../tests/stock/recombine.py");

fn main() -> ExitCode {
    // Before anything else: no dumps, no tracing, locked memory.
    let hardening = hardening::harden();
    let args = Args::parse();
    let mut out = std::io::stdout();
    let code = match &args.command {
        None => home::home(&hardening, &mut out),
        Some(Command::Run(args)) => run::run(args, &hardening, &mut out),
        Some(Command::Rehearse(args)) => rehearse::rehearse(args, &hardening, &mut out),
        Some(Command::Check { json }) => check::check(&mut out, *json),
        Some(Command::Script(command)) => scripts::run(command, &mut out),
        Some(Command::Transcript(command)) => transcript::run(command, &mut out),
        Some(Command::Share(command)) => share::run(command, &hardening, &mut out),
        Some(Command::Keys(KeysCommand::Check(args))) => keys::check(
            args,
            &mut keys::password_from_terminal,
            &mut out,
            &mut std::io::stderr(),
        ),
        Some(Command::ReadQr(args)) => read_qr::read_qr(args, &mut out),
        Some(Command::FormatCard(args)) => format_card::format_card(args, RECOMBINE, &mut out),
    };
    let _ = out.flush();
    ExitCode::from(code)
}
