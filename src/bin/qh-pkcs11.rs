//! `qh-pkcs11`: the child of `qh-ceremony` that runs a vendor's PKCS#11 module. Give up, load, answer.
//!
//! It has no command line: `qh-ceremony` starts it with pipes for standard input and output.
#![deny(unsafe_code)]

use std::fs::File;
use std::io::IsTerminal;
use std::process::ExitCode;

use qh_ceremony::pkcs11::{confine::confine, serve};

/// Every heap allocation is wiped when it is freed: keys pass through this process.
#[global_allocator]
static ALLOCATOR: zeroizing_alloc::ZeroAlloc<std::alloc::System> =
    zeroizing_alloc::ZeroAlloc(std::alloc::System);

fn main() -> ExitCode {
    if std::io::stdin().is_terminal() || std::env::args_os().len() > 1 {
        eprintln!("qh-pkcs11 is started by qh-ceremony and has no use of its own.");
        return ExitCode::from(2);
    }
    let unconfined = confine();
    match pipes().and_then(|(from, to)| serve(from, to, &unconfined).map_err(std::io::Error::other))
    {
        Ok(()) => ExitCode::SUCCESS,
        Err(_) => ExitCode::from(1),
    }
}

/// The parent's pipes under numbers of their own: what a module prints to standard output must not become an answer, and
/// it has nothing to read from standard input.
fn pipes() -> std::io::Result<(File, File)> {
    let from = rustix::io::fcntl_dupfd_cloexec(rustix::stdio::stdin(), 3)?;
    let to = rustix::io::fcntl_dupfd_cloexec(rustix::stdio::stdout(), 3)?;
    let nothing = File::options().read(true).write(true).open("/dev/null")?;
    rustix::stdio::dup2_stdin(&nothing)?;
    rustix::stdio::dup2_stdout(&nothing)?;
    rustix::stdio::dup2_stderr(&nothing)?;
    Ok((File::from(from), File::from(to)))
}
