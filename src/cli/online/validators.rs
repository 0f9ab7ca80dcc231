//! `qh-online validators`: who validates now and in the next session, and whether this host is among them.

use std::io::Write;

use serde::Serialize;

use super::nodes::{Asking, local_keys};
use super::{Failure, Settings};
use crate::files::refused;
use crate::online::account::{GENERIC_PREFIX, ss58};
use crate::online::registered::Reading;
use crate::vault::registered::{Account, Place};

/// Arguments of `validators`.
#[derive(Debug, clap::Args)]
pub struct ValidatorsArgs {
    /// The chain's id, if there is no chain spec to tell it
    #[arg(long, value_name = "ID")]
    pub chain_id: Option<String>,

    /// Read block 0, the chain's first state, instead of the last finalized block
    #[arg(long)]
    pub genesis: bool,
}

#[derive(Serialize)]
struct Shown {
    block_number: u64,
    block_hash: String,
    validators: Vec<Validator>,
    local_set: &'static str,
    notes: Vec<String>,
}

#[derive(Serialize)]
struct Validator {
    account: String,
    ss58: String,
    active: bool,
    queued: bool,
    local: bool,
    keys: Vec<Key>,
}

#[derive(Serialize)]
struct Key {
    key_type: String,
    public: String,
    local: bool,
    /// Whether blocks are authored with it now.
    authority: bool,
    queued: bool,
    next: bool,
}

pub(super) fn run(
    args: &ValidatorsArgs,
    settings: &Settings,
    out: &mut dyn Write,
) -> Result<u8, Failure> {
    let asking = Asking::of(settings, args.chain_id.as_deref(), local_keys(settings)?)?;
    let (reading, notes) = asking.read(settings, args.genesis)?;
    let prefix = match asking.nodes.first() {
        Some(node) => node.ss58_prefix().ok().flatten(),
        None => None,
    }
    .unwrap_or(GENERIC_PREFIX);
    let validators = list(&asking, &reading, prefix);
    let asked = asking.account.is_some() || !asking.local.is_empty() || settings.keystore.is_some();
    let set = set(&validators);
    let shown = Shown {
        block_number: reading.registered.block_number,
        block_hash: reading
            .registered
            .block_hash
            .map_or_else(String::new, |hash| data_encoding::HEXLOWER.encode(&hash)),
        validators,
        local_set: set,
        notes,
    };
    if settings.json {
        let text = serde_json::to_string_pretty(&shown).expect("strings, numbers and lists");
        writeln!(out, "{text}")?;
        return Ok(if asked && set != "active" { 4 } else { 0 });
    }
    text(&shown, out)?;
    if !asked || set == "active" {
        return Ok(0);
    }
    let what = match set {
        "queued" => "This host's validator is not active; it is queued for the next session.",
        "registered" => {
            "This host's validator is not active and not queued; its keys are registered and nothing more."
        }
        _ => {
            "This host's validator is in no set: the chain knows neither its account nor its keys."
        }
    };
    let way_on = "A change of session keys takes two sessions. Compare the account and the keystore with the list.";
    Err(Failure::new(
        4,
        refused("validator-not-active", what, way_on),
    ))
}

fn list(asking: &Asking, reading: &Reading, prefix: u16) -> Vec<Validator> {
    let mut accounts: Vec<Account> = reading.active.clone();
    let others = reading.registered.keys.iter().filter_map(|key| key.account);
    for account in reading.queued.iter().copied().chain(others) {
        if !accounts.contains(&account) {
            accounts.push(account);
        }
    }
    let of = |account: Account| {
        let keys: Vec<Key> = reading
            .registered
            .keys
            .iter()
            .filter(|key| key.account == Some(account))
            .map(|key| Key {
                key_type: key.key_type.to_string(),
                public: format!("0x{}", data_encoding::HEXLOWER.encode(&key.public)),
                local: asking.is_local(key.key_type, &key.public),
                authority: key.found_in.contains(&Place::Authorities),
                queued: key.found_in.contains(&Place::QueuedKeys),
                next: key.found_in.contains(&Place::NextKeys),
            })
            .collect();
        Validator {
            account: account.to_string(),
            ss58: ss58(&account, prefix),
            active: reading.active.contains(&account),
            queued: reading.queued.contains(&account),
            local: asking.account == Some(account) || keys.iter().any(|key| key.local),
            keys,
        }
    };
    accounts.into_iter().map(of).collect()
}

/// The best set that the host's validator is in.
fn set(validators: &[Validator]) -> &'static str {
    let local = || validators.iter().filter(|validator| validator.local);
    if local().any(|validator| validator.active) {
        "active"
    } else if local().any(|validator| validator.queued) {
        "queued"
    } else if local().next().is_some() {
        "registered"
    } else {
        "none"
    }
}

fn text(shown: &Shown, out: &mut dyn Write) -> std::io::Result<()> {
    writeln!(
        out,
        "Validators at block {}, {}",
        shown.block_number, shown.block_hash
    )?;
    for note in &shown.notes {
        writeln!(out, "{note}")?;
    }
    for validator in &shown.validators {
        let sets = match (validator.active, validator.queued) {
            (true, true) => "active, queued for the next session",
            (true, false) => "active, not queued for the next session",
            (false, true) => "not active, queued for the next session",
            (false, false) => "registered, neither active nor queued",
        };
        let local = if validator.local {
            "  <- this host"
        } else {
            ""
        };
        writeln!(
            out,
            "\n{}  {sets}{local}\n  {}",
            validator.ss58, validator.account
        )?;
        for key in &validator.keys {
            let local = if key.local {
                "  <- in this host's keystore"
            } else {
                ""
            };
            let old = if key.next { "" } else { "  (being replaced)" };
            writeln!(out, "  {} {}{old}{local}", key.key_type, key.public)?;
        }
    }
    Ok(())
}
