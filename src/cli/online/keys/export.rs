//! `keys export`: the keystore's keys, sealed to the laptop's one-ceremony recipient.

use std::io::Write;
use std::path::PathBuf;

use serde_json::json;

use super::super::nodes::local_keys;
use super::super::{Failure, Settings};
use super::source::{account_of, registered_of};
use super::{ask, failure, key_type, keystore, now, password, sha256};
use crate::files::{self, refused};
use crate::online::keys::chain::{hold, same_validator};
use crate::online::keys::export::{Export, Request, are_words, prepare};
use crate::transcript::six_words::six_words;
use crate::vault::delivery::seal_to;
use crate::vault::recipient::Recipient;
use crate::vault::schemes::KeyType;

/// Arguments of `keys export`.
#[derive(Debug, clap::Args)]
pub struct ExportArgs {
    /// The recipient that stands on the laptop's screen in this ceremony
    #[arg(long, value_name = "age1...")]
    pub to: String,

    /// The sealed file; it must not exist
    #[arg(long, value_name = "FILE")]
    pub output: PathBuf,

    /// The six words of the laptop's screen, for scripts; otherwise they are asked for on the terminal
    #[arg(long, value_name = "WORDS")]
    pub recipient_words: Option<String>,

    /// Match with this qh-registered/1 file
    #[arg(long, value_name = "FILE")]
    pub registered: Option<PathBuf>,

    /// Only keys of this type, e.g. aura, and no network files; may be given several times
    #[arg(long = "key-type", value_name = "TYPE", value_parser = key_type)]
    pub key_types: Vec<KeyType>,

    /// The node runs with a keystore password (--password-file): ask for it on the terminal
    #[arg(long)]
    pub ask_password: bool,

    /// Export for a rehearsal; only keys that a rehearsal's own registered file knows
    #[arg(long)]
    pub rehearsal: bool,
}

pub(super) fn export(
    args: &ExportArgs,
    settings: &Settings,
    out: &mut dyn Write,
) -> Result<u8, Failure> {
    let path = keystore(settings)?;
    let recipient = Recipient::parse(&args.to).map_err(|error| Failure::refused(&error))?;
    if args.output.symlink_metadata().is_ok() {
        return Err(Failure::new(
            1,
            refused(
                "file-exists",
                format!(
                    "{} exists already; nothing is overwritten.",
                    args.output.display()
                ),
                "Give another file name.",
            ),
        ));
    }
    let account = account_of(settings)?;
    let own = local_keys(settings)?;
    let known = registered_of(settings, args.registered.as_deref(), &own)?;
    let registered = known.as_ref().map(|known| &known.registered);
    let password = args.ask_password.then(password).transpose()?;
    let node = settings.node.clone().unwrap_or_else(host_name);
    let export = prepare(&Request {
        path,
        key_types: &args.key_types,
        password: password.as_ref(),
        registered,
        account,
        rehearsal: args.rehearsal,
        node: &node,
        now: now(),
    })
    .map_err(failure)?;
    if let (Some(matched), Some(live)) = (
        &export.matched,
        known.as_ref().and_then(|known| known.live.as_ref()),
    ) {
        let delivery = &export.delivery;
        let now = hold(live, &delivery.keys, account, args.rehearsal).map_err(failure)?;
        same_validator(matched, &now).map_err(failure)?;
    }
    for note in known.iter().flat_map(|known| &known.notes) {
        eprintln!("{note}");
    }
    let words = six_words(&recipient.fingerprint());
    match &args.recipient_words {
        Some(typed) if are_words(typed, &words) => {}
        Some(_) => return Err(ask::words_differ()),
        None => ask::recipient_words(&words)?,
    }
    let sealed = seal_to(&export.delivery, &recipient).map_err(|error| Failure::refused(&error))?;
    files::write_new(&args.output, &sealed).map_err(failure)?;
    report(args, settings, &export, &sealed, (&recipient, &words), out)?;
    Ok(0)
}

/// The machine's name; empty if it has none in UTF-8.
fn host_name() -> String {
    let name = rustix::system::uname();
    name.nodename().to_str().unwrap_or_default().to_owned()
}

fn report(
    args: &ExportArgs,
    settings: &Settings,
    export: &Export,
    sealed: &[u8],
    (recipient, words): (&Recipient, &str),
    out: &mut dyn Write,
) -> std::io::Result<()> {
    let delivery = &export.delivery;
    let hash = sha256(sealed);
    if settings.json {
        let document = json!({
            "format": "qh-keys-export/1",
            "rehearsal": delivery.rehearsal,
            "file": args.output.display().to_string(),
            "size": sealed.len(),
            "sha256": hash,
            "recipient": recipient.as_str(),
            "words": words,
            "chain_id": delivery.network.chain_id,
            "keys": delivery.keys.iter().map(|key| key.public_key()).collect::<Vec<_>>(),
            "files": delivery.files.iter().map(|file| file.path.as_str()).collect::<Vec<_>>(),
            "matched": export.matched.as_ref().map(|matched| json!({
                "source": matched.source,
                "genesis_state": matched.genesis_state,
                "account": matched.account.map(|account| account.to_string()),
            })),
            "warnings": export.warnings,
            "post_quantum": false,
        });
        return writeln!(out, "{document:#}");
    }
    if delivery.rehearsal {
        writeln!(out, "REHEARSAL: these keys are no validator's.")?;
    }
    writeln!(out, "Sealed {}", args.output.display())?;
    writeln!(out, "  {} bytes, SHA-256 {hash}", sealed.len())?;
    writeln!(out, "  to {recipient}\n  six words: {words}")?;
    writeln!(
        out,
        "  chain {}, node {}",
        delivery.network.chain_id, delivery.node
    )?;
    for key in &delivery.keys {
        writeln!(out, "  {}  {}  {}", key.key_type, key.scheme, key.public)?;
    }
    for file in &delivery.files {
        writeln!(out, "  {}", file.path.as_str())?;
    }
    for warning in &export.warnings {
        writeln!(out, "  warning: {warning}")?;
    }
    match &export.matched {
        Some(matched) => {
            writeln!(out, "Matched by {}:", matched.source)?;
            for line in &matched.lines {
                writeln!(out, "  {line}")?;
            }
            if matched.genesis_state {
                writeln!(
                    out,
                    "Genesis state is what the chain started with, not what it knows today."
                )?;
            }
        }
        None => writeln!(
            out,
            "NOT MATCHED TO CHAIN: no source of registered keys was given. The ceremony asks two people for the key."
        )?,
    }
    writeln!(
        out,
        "X25519 is not post-quantum: whoever keeps this file may open it one day. Delete it after the ceremony."
    )
}
