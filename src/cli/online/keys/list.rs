//! `keys list` and `keys match`.

use std::io::Write;
use std::path::PathBuf;

use super::super::nodes::local_keys;
use super::super::{Failure, Settings};
use super::source::{account_of, needed, registered_of};
use super::{key_type, keystore, password};
use crate::cli::keys::{Checked, EXIT_VERIFICATION, Look, Stopped, judge};
use crate::files::{from_error, refused};
use crate::vault::registered::Validator;
use crate::vault::schemes::KeyType;

/// Arguments of `keys list`.
#[derive(Debug, clap::Args)]
pub struct ListArgs {
    /// Only keys of this type, e.g. aura; may be given several times
    #[arg(long = "key-type", value_name = "TYPE", value_parser = key_type)]
    pub key_types: Vec<KeyType>,

    /// Ask for the keystore password (the node's --password-file) on the terminal
    #[arg(long)]
    pub ask_password: bool,
}

/// Arguments of `keys match`.
#[derive(Debug, clap::Args)]
pub struct MatchArgs {
    /// Match with this qh-registered/1 file
    #[arg(long, value_name = "FILE")]
    pub registered: Option<PathBuf>,

    /// What is listed and compared
    #[command(flatten)]
    pub list: ListArgs,
}

pub(super) fn list(
    args: &ListArgs,
    settings: &Settings,
    out: &mut dyn Write,
) -> Result<u8, Failure> {
    let checked = look(args, settings, None)?;
    checked.report(settings.json, out)?;
    Ok(checked.exit())
}

pub(super) fn matching(
    args: &MatchArgs,
    settings: &Settings,
    out: &mut dyn Write,
) -> Result<u8, Failure> {
    let account = account_of(settings)?;
    let own = local_keys(settings)?;
    let known = registered_of(settings, args.registered.as_deref(), &own)?.ok_or_else(needed)?;
    let checked = look(&args.list, settings, Some(known.registered))?;
    if let Some(live) = known.live {
        let now = look(&args.list, settings, Some(live))?;
        if now.exit() != checked.exit() {
            let refused = refused(
                "registered-differs-from-nodes",
                "By the file with the registered keys and by the nodes these keys don't match alike.",
                "Read the registered keys anew, or leave --registered out, and look again.",
            );
            return Err(Failure::new(EXIT_VERIFICATION, refused));
        }
    }
    for note in &known.notes {
        eprintln!("{note}");
    }
    let found = checked.matched().map(|report| &report.validator);
    if let (Some(account), Some(Validator::One(found))) = (account, found)
        && account != *found
    {
        let refused = refused(
            "keys-of-other-validator",
            format!("These keys belong to validator {found}, not to {account}."),
            "Look whether keystore and account belong to the same validator.",
        );
        return Err(Failure::new(EXIT_VERIFICATION, refused));
    }
    checked.report(settings.json, out)?;
    Ok(checked.exit())
}

fn look(
    args: &ListArgs,
    settings: &Settings,
    registered: Option<crate::vault::registered::Registered>,
) -> Result<Checked, Failure> {
    let dir = keystore(settings)?;
    let password = args.ask_password.then(password).transpose()?;
    judge(
        Look::Host,
        dir,
        &args.key_types,
        registered,
        password.as_ref(),
    )
    .map_err(|stopped: Stopped| Failure::new(stopped.exit(), from_error(&stopped)))
}
