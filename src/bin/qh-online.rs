//! `qh-online`: the validator host's half. Harden, parse, dispatch, exit code.
#![deny(unsafe_code)]

use std::io::Write;
use std::process::ExitCode;

use clap::Parser;
use qh_ceremony::cli::online::{Args, run};
use qh_ceremony::secret::hardening;

/// Every heap allocation is wiped when it is freed: crates make temporary copies that we can't reach.
#[global_allocator]
static ALLOCATOR: zeroizing_alloc::ZeroAlloc<std::alloc::System> =
    zeroizing_alloc::ZeroAlloc(std::alloc::System);

fn main() -> ExitCode {
    // Before anything else: no dumps, no tracing, locked memory as far as the host lets us.
    let _ = hardening::harden();
    let args = Args::parse();
    let mut out = std::io::stdout();
    let code = run(&args, &mut out, &mut std::io::stderr());
    let flushed = out.flush();
    ExitCode::from(if flushed.is_err() { code.max(3) } else { code })
}
