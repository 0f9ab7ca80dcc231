//! Stock Substrate code, for the tests of qh-ceremony to compare with. It is not part of that program.
//!
//! - `write DIR [--password TEXT]`: puts keys from secret URIs into a keystore, and one generated key a scheme.
//! - `read DIR [--password TEXT]`: for each key there, signs by the keystore and verifies by the public key.
//! - `root SPEC`: state root and genesis hash of a raw chain spec, for both hashers and state versions.
//!
//! Each result is one line of JSON. Exit code 1 if anything is not as it should be. Keys here are made up and public.

mod keystore;
mod root;

use std::process::ExitCode;

type Outcome = Result<(), Box<dyn std::error::Error>>;

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let done = match arguments.as_slice() {
        ["write", dir] => keystore::write(dir, None),
        ["write", dir, "--password", password] => keystore::write(dir, Some(password)),
        ["read", dir] => keystore::read(dir, None),
        ["read", dir, "--password", password] => keystore::read(dir, Some(password)),
        ["root", spec] => root::show(spec),
        _ => Err("write DIR | read DIR [--password TEXT] | root SPEC".into()),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}
