//! The program of `tests/stock/substrate`: stock Substrate code to compare with.
#![allow(dead_code, reason = "each test program uses a part of it")]

use std::path::PathBuf;
use std::process::{Command, Output};

use serde_json::Value;

/// Where the environment says that something is.
///
/// # Panics
/// If it says nothing, with what to do.
pub fn place(variable: &str) -> PathBuf {
    std::env::var_os(variable)
        .unwrap_or_else(|| {
            panic!(
                "{variable} is not set. tests/run builds tests/stock/substrate and sets it; \
                 tests/stock/README.md says how by hand."
            )
        })
        .into()
}

/// Runs the stock program.
pub fn substrate(arguments: &[&str]) -> Output {
    let program = place("QH_STOCK_SUBSTRATE");
    Command::new(&program)
        .args(arguments)
        .output()
        .unwrap_or_else(|error| panic!("{} does not run: {error}", program.display()))
}

/// The lines of JSON that it prints.
pub fn lines(output: &Output) -> Vec<Value> {
    let text = std::str::from_utf8(&output.stdout).expect("UTF-8");
    text.lines()
        .map(|line| serde_json::from_str(line).expect("a line of JSON"))
        .collect()
}
