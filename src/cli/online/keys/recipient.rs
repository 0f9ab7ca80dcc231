//! `keys recipient`: this host's own recipient, as text, QR code and six words.

use std::io::Write;

use serde_json::json;

use super::super::{Failure, Settings};
use super::ask;
use crate::cli::keys::shown_line;
use crate::files::refused;
use crate::online::keys::identity::{self, IDENTITY_FILE, IdentityFault};
use crate::print::terminal_qr;
use crate::run::driver::random32;
use crate::transcript::six_words::six_words;

/// Arguments of `keys recipient`.
#[derive(Debug, clap::Args)]
pub struct RecipientArgs {
    /// Retire the recipient and make a new one; what was sealed to the old one can't be opened any more
    #[arg(long)]
    pub renew: bool,

    /// Retire without asking
    #[arg(long, requires = "renew")]
    pub yes: bool,

    /// Leave the QR code out
    #[arg(long)]
    pub no_qr: bool,
}

pub(super) fn failed(fault: &IdentityFault) -> Failure {
    match fault {
        IdentityFault::System { .. } | IdentityFault::NotWritten(_) => Failure::environment(fault),
        _ => Failure::refused(fault),
    }
}

pub(super) fn recipient(
    args: &RecipientArgs,
    settings: &Settings,
    out: &mut dyn Write,
) -> Result<u8, Failure> {
    let secret = random32().map_err(|error| {
        let what = format!("The operating system gives no randomness: {error}.");
        Failure::new(3, refused("no-randomness", what, "Restart."))
    })?;
    let state = &settings.state;
    let (own, made) = if args.renew {
        if !args.yes {
            confirm()?;
        }
        (identity::renew(state, &secret), true)
    } else {
        match identity::open_or_make(state, &secret) {
            Ok((own, made)) => (Ok(own), made),
            Err(fault) => (Err(fault), false),
        }
    };
    let own = own.map_err(|fault| failed(&fault))?;
    let words = six_words(&own.recipient.fingerprint());
    let text = own.recipient.as_str();
    if settings.json {
        let document = json!({
            "format": "qh-recipient/1",
            "recipient": text,
            "words": words,
            "made": made,
            "post_quantum": false,
        });
        writeln!(out, "{document:#}")?;
        return Ok(0);
    }
    if made {
        let file = state.join(IDENTITY_FILE);
        writeln!(out, "Made now: {}", file.display())?;
    }
    writeln!(out, "This host's recipient\n  {text}\n")?;
    if !args.no_qr {
        for line in terminal_qr(text) {
            writeln!(out, "{line}")?;
        }
        writeln!(out)?;
    }
    writeln!(
        out,
        "Six words, the same on the laptop's screen before it seals:\n  {words}\n"
    )?;
    writeln!(
        out,
        "What the laptop seals to it, this host opens. X25519 is not post-quantum."
    )?;
    Ok(0)
}

fn confirm() -> Result<(), Failure> {
    let typed = shown_line(
        "Deliveries that were sealed to the recipient until now can't be opened any more.\nType `renew` to go on: ",
    );
    match typed {
        Ok(word) if word == "renew" => Ok(()),
        Ok(_) => Err(Failure::new(
            1,
            refused(
                "not-confirmed",
                "Nothing was changed: `renew` was not typed.",
                "Start again if the recipient shall be renewed.",
            ),
        )),
        Err(error) => Err(ask::no_terminal(
            "not-confirmed",
            &error,
            "Run it on a terminal, or give --yes.",
        )),
    }
}
