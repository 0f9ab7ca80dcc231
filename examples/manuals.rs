//! Manual pages and completions of both programs, from their command lines.
//!
//! `cargo run --features online --example manuals -- DIR` writes `DIR/man/*.1` and `DIR/completions/*`.

use std::io;
use std::path::Path;

use clap::{Command, CommandFactory};
use clap_complete::Shell;

/// The command lines of the programs that people start.
pub fn programs() -> [Command; 2] {
    [
        qh_ceremony::cli::args::Args::command(),
        qh_ceremony::cli::online::Args::command(),
    ]
}

/// Writes everything below `dir`, which is made.
///
/// # Errors
/// Those of the file system.
pub fn write(dir: &Path) -> io::Result<()> {
    let (man, completions) = (dir.join("man"), dir.join("completions"));
    std::fs::create_dir_all(&man)?;
    std::fs::create_dir_all(&completions)?;
    for program in programs() {
        clap_mangen::generate_to(program.clone(), &man)?;
        for shell in [Shell::Bash, Shell::Zsh, Shell::Fish] {
            let name = program.get_name().to_owned();
            clap_complete::generate_to(shell, &mut program.clone(), name, &completions)?;
        }
    }
    Ok(())
}

#[allow(dead_code, reason = "the tests use what is above")]
fn main() -> io::Result<()> {
    match std::env::args_os().nth(1) {
        Some(dir) => write(Path::new(&dir)),
        None => Err(io::Error::other("give the directory to write to")),
    }
}
