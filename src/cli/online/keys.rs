//! `qh-online keys`: the keystore on its host, and keys on their way between host and laptop.

mod ask;
mod export;
mod insert;
mod list;
mod recipient;
mod shred;
mod source;

use std::io::Write;
use std::path::Path;

use clap::Subcommand;

pub use export::ExportArgs;
pub use insert::InsertArgs;
pub use list::{ListArgs, MatchArgs};
pub use recipient::RecipientArgs;
pub use shred::ShredArgs;

use super::{Failure, Settings};
use crate::ceremony::event::Refused;
use crate::cli::keys::password_from_terminal;
use crate::files::refused;
use crate::secret::SecretText;
use crate::vault::schemes::KeyType;

/// Keys of the validator on its host.
#[derive(Debug, Subcommand)]
pub enum KeysCommand {
    /// List the keystore: types, schemes, pair proofs, modes, owners; never a secret.
    ///
    /// Exit codes: 0 every pair is proven and every file has the right mode and owner; 4 any fault; 3 not readable.
    List(ListArgs),
    /// Compare the keystore with the registered validator: --registered FILE, --rpc URL or --chain-spec FILE.
    ///
    /// Exit codes: 0 every key is one registered validator's; 4 anything else; 3 not readable.
    Match(MatchArgs),
    /// Show this host's own recipient, to which the laptop seals recovered keys. It is made at first use.
    Recipient(RecipientArgs),
    /// Seal the keystore's keys to the laptop's one-ceremony recipient.
    ///
    /// Every pair is proven, and matched with the chain if a source is given. A key that is registered nowhere yet can be
    /// exported without a source; the outcome then says NOT MATCHED. Nothing but the sealed file is written.
    Export(ExportArgs),
    /// Install keys that the laptop sealed to this host.
    ///
    /// Every pair is proven and matched with the chain; two people state that the old signer has stopped; nothing is
    /// overwritten. The keys are listed back and proven again.
    Insert(InsertArgs),
    /// Overwrite and delete a plaintext file, and say what that proves.
    ///
    /// On flash and on file systems that copy on write it proves nothing, and the command says so.
    Shred(ShredArgs),
}

/// Runs the command and gives the exit code.
///
/// # Errors
/// [`Failure`].
pub fn run(command: &KeysCommand, settings: &Settings, out: &mut dyn Write) -> Result<u8, Failure> {
    match command {
        KeysCommand::List(args) => list::list(args, settings, out),
        KeysCommand::Match(args) => list::matching(args, settings, out),
        KeysCommand::Recipient(args) => recipient::recipient(args, settings, out),
        KeysCommand::Export(args) => export::export(args, settings, out),
        KeysCommand::Insert(args) => insert::insert(args, settings, out),
        KeysCommand::Shred(args) => shred::shred(args, settings, out),
    }
}

/// A key type on the command line: four printable characters.
fn key_type(text: &str) -> Result<KeyType, String> {
    KeyType::parse(text)
        .ok_or_else(|| "a key type has four printable characters, such as aura".into())
}

fn keystore(settings: &Settings) -> Result<&Path, Failure> {
    settings.keystore.as_deref().ok_or_else(|| {
        let refused = refused(
            "keystore-not-given",
            "Nobody said where the keystore is.",
            "Give --keystore DIR, or set `keystore` in the configuration file.",
        );
        Failure::new(2, refused)
    })
}

/// Asks for the keystore password, without echo.
fn password() -> Result<SecretText, Failure> {
    password_from_terminal().map_err(|error| {
        let refused = refused(
            "password-not-read",
            format!("The keystore password was not read: {error}."),
            "Run the command on a terminal, and type the password there.",
        );
        Failure::new(3, refused)
    })
}

/// A refusal with the exit code that belongs to its name: 3 what the system keeps from us, 4 what was looked at and is
/// not right, 1 anything else.
fn failure(refused: Refused) -> Failure {
    let exit = match refused.name.as_str() {
        "keys-not-registered"
        | "match-other-chain"
        | "registered-chain-differs"
        | "keys-of-other-validator"
        | "old-signer-alive"
        | "keystore-empty"
        | "keystore-too-many-files"
        | "keystore-files-refused"
        | "key-not-as-written"
        | "key-malformed" => 4,
        "keystore-absent"
        | "keystore-not-directory"
        | "keystore-unreadable"
        | "file-unreadable"
        | "file-not-written"
        | "host-identity-unreadable"
        | "host-identity-not-written"
        | "key-write-disk-full"
        | "key-write-read-only"
        | "key-write-not-permitted"
        | "key-write-failed" => 3,
        // Faults of pairs and of key files.
        name if FAULTS.iter().any(|start| name.starts_with(start)) => 4,
        _ => 1,
    };
    Failure::new(exit, refused)
}

/// How the names of faults of pairs and key files begin.
const FAULTS: [&str; 10] = [
    "key-file-",
    "identity-file-",
    "key-truncated",
    "key-too-long",
    "key-secret-",
    "key-public-",
    "key-unprovable",
    "aura-key-",
    "suri-",
    "falcon-",
];

fn sha256(bytes: &[u8]) -> String {
    use sha2::Digest;
    data_encoding::HEXLOWER.encode(&sha2::Sha256::digest(bytes))
}

/// UTC seconds.
fn now() -> i64 {
    jiff::Timestamp::now().as_second()
}
