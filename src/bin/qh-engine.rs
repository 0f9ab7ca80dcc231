//! `qh-engine`: opens a database that was restored from a snapshot, for `qh-online`, and says what is in it.
#![deny(unsafe_code)]

use std::io::Write;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Parser, Subcommand, ValueEnum};
use qh_ceremony::engines;
use qh_ceremony::online::engine::{Engine, REPORT_FORMAT, RefusedReport, Walk};

/// Opens a database with its engine, reads all of it, and prints a qh-engine-report/1. The database may be changed: give a
/// copy.
///
/// Exit codes: 0 whole, 2 usage, 3 environment, 4 not whole.
#[derive(Parser)]
#[command(name = "qh-engine", version, max_term_width = 100)]
struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Read a database through.
    Inspect {
        /// Its engine.
        #[arg(long, value_enum)]
        engine: EngineArg,
        /// How much of the finalized block's state is followed.
        #[arg(long, value_enum, default_value = "sample")]
        walk: WalkArg,
        /// The database's directory.
        dir: PathBuf,
    },
}

#[derive(Clone, Copy, ValueEnum)]
enum EngineArg {
    #[value(name = "rocksdb")]
    RocksDb,
    #[value(name = "paritydb")]
    ParityDb,
}

#[derive(Clone, Copy, ValueEnum)]
enum WalkArg {
    Sample,
    All,
}

fn main() -> ExitCode {
    let Command::Inspect { engine, walk, dir } = Args::parse().command;
    let engine = match engine {
        EngineArg::RocksDb => Engine::RocksDb,
        EngineArg::ParityDb => Engine::ParityDb,
    };
    let walk = match walk {
        WalkArg::Sample => Walk::Sample,
        WalkArg::All => Walk::All,
    };
    let (text, code) = match engines::inspect(engine, &dir, walk) {
        Ok(report) => (serde_json::to_string(&report), 0),
        Err(refused) => {
            let report = RefusedReport {
                format: REPORT_FORMAT.to_owned(),
                refused: refused.name().to_owned(),
                what: refused.what().chars().take(2000).collect(),
            };
            (serde_json::to_string(&report), 4)
        }
    };
    let text = text.expect("strings and numbers");
    match writeln!(std::io::stdout(), "{text}") {
        Ok(()) => ExitCode::from(code),
        Err(_) => ExitCode::from(3),
    }
}
