//! What `keys check` tells, as text for people and as JSON for scripts.

use std::io::{self, Write};

use serde_json::{Value, json};

use super::{Checked, EXIT_DONE, Look, Stopped};
use crate::refusal::Refuse;
use crate::vault::keystore::{Entry, FileWarning, Finding};
use crate::vault::registered::{KeyMatch, Place, Registered, SourceKind, Validator, Verdict};

/// First and last four bytes; enough to tell the keys of one machine apart, not to compare keys.
fn short(public: &[u8]) -> String {
    let hex = full(public);
    match (hex.get(..10), hex.get(hex.len().saturating_sub(8)..)) {
        (Some(head), Some(tail)) if hex.len() > 20 => format!("{head}..{tail}"),
        _ => hex,
    }
}

fn full(public: &[u8]) -> String {
    format!("0x{}", data_encoding::HEXLOWER.encode(public))
}

fn places(found_in: &std::collections::BTreeSet<Place>) -> String {
    found_in
        .iter()
        .map(|place| place.name())
        .collect::<Vec<_>>()
        .join(", ")
}

/// Mode and owner, where the report is of a host.
fn attributes(checked: &Checked, entry: Option<&Entry>) -> String {
    match entry {
        Some(entry) if checked.look == Look::Host => format!(
            "  mode {:04o}, owner {}:{}",
            entry.mode, entry.uid, entry.gid
        ),
        _ => String::new(),
    }
}

fn warnings(entry: Option<&Entry>, out: &mut dyn Write) -> io::Result<()> {
    for warning in entry.map_or(&[][..], |entry| &entry.warnings) {
        writeln!(out, "        warning: {warning} [{}]", warning.name())?;
    }
    Ok(())
}

pub(super) fn text(checked: &Checked, out: &mut dyn Write) -> io::Result<()> {
    write!(out, "Keystore {}", checked.dir.display())?;
    let listing = &checked.keystore.listing;
    match checked.look {
        Look::Copy => writeln!(out)?,
        Look::Host => writeln!(out, ", mode {:04o}, owner {}", listing.mode, listing.uid)?,
    }
    for key in &checked.keystore.proven {
        let (key_type, scheme, public) = (key.key_type(), key.scheme(), short(key.public()));
        let entry = checked.entry(key.source());
        let attributes = attributes(checked, entry);
        writeln!(out, "  {key_type}  {scheme}  {public}  proven{attributes}")?;
        warnings(entry, out)?;
    }
    for file in &checked.network {
        let (path, scheme, public) = (file.path().path(), file.scheme(), short(file.public()));
        let how = if file.public_was_stated() {
            "proven"
        } else {
            "derived, not stated anywhere"
        };
        let entry = checked.network_entry(file);
        let attributes = attributes(checked, entry);
        writeln!(out, "  {path}  {scheme}  {public}  {how}{attributes}")?;
        if checked.look == Look::Host {
            warnings(entry, out)?;
        }
    }
    for finding in &checked.findings {
        let attributes = attributes(checked, checked.entry(&finding.file));
        let (file, name) = (&finding.file, finding.name());
        writeln!(out, "  {file}  refused  [{name}]{attributes}")?;
        writeln!(out, "        {}", finding.fault)?;
        writeln!(out, "        {}", finding.way_on())?;
    }
    if let Some((registered, report)) = &checked.chain {
        chain_header(registered, out)?;
        for (key, answer) in checked.keystore.proven.iter().zip(&report.keys) {
            let (key_type, public) = (key.key_type(), short(key.public()));
            writeln!(out, "  {key_type}  {public}  {}", sentence(answer))?;
        }
        if let Validator::Several(accounts) = &report.validator {
            let count = accounts.len();
            writeln!(
                out,
                "  These keys belong to {count} validators, not to one."
            )?;
        }
    }
    let (proven, refused) = (
        checked.keystore.proven.len() + checked.network.len(),
        checked.findings.len(),
    );
    let matched = match checked.chain.as_ref().map(|(_, report)| report.verdict) {
        None => "not matched with a chain",
        Some(Verdict::Match) => "matched with the chain",
        Some(Verdict::NoMatch | Verdict::Partial) => "NOT MATCHED with the chain",
    };
    let word = if checked.exit() == EXIT_DONE {
        "Good"
    } else {
        "Failed"
    };
    if checked.left_out > 0 {
        let count = checked.left_out;
        writeln!(out, "Left out: {count} of other key types.")?;
    }
    let warned = match checked.look {
        Look::Copy => String::new(),
        Look::Host => format!(" {} with a warning,", checked.warned()),
    };
    writeln!(
        out,
        "{word}: {proven} proven, {refused} refused,{warned} {matched}."
    )
}

fn chain_header(registered: &Registered, out: &mut dyn Write) -> io::Result<()> {
    if registered.rehearsal {
        writeln!(
            out,
            "REHEARSAL: this registered file says nothing about a real chain."
        )?;
    }
    write!(out, "Chain {}", registered.chain_id)?;
    if registered.is_genesis_state() {
        writeln!(
            out,
            ", genesis state: what the chain started with, not what it knows today"
        )
    } else {
        writeln!(out, ", block {}", registered.block_number)
    }
}

fn sentence(answer: &KeyMatch) -> String {
    let of = |found_in: &std::collections::BTreeSet<Place>| {
        if found_in.is_empty() {
            String::new()
        } else {
            format!(" ({})", places(found_in))
        }
    };
    match answer {
        KeyMatch::Registered {
            account: Some(account),
            found_in,
        } => {
            format!("is validator {account}{}", of(found_in))
        }
        KeyMatch::Registered {
            account: None,
            found_in,
        } => {
            format!(
                "is an authority whose account the source does not tell{}",
                of(found_in)
            )
        }
        KeyMatch::OtherType { key_type } => {
            format!("is registered as a key of type {key_type}, not of its own type")
        }
        KeyMatch::NotRegistered => "is not a registered validator of this chain".to_owned(),
    }
}

pub(super) fn json(checked: &Checked, out: &mut dyn Write) -> io::Result<()> {
    let matches = checked
        .chain
        .as_ref()
        .map(|(_, report)| report.keys.as_slice());
    let keys: Vec<Value> = checked
        .keystore
        .proven
        .iter()
        .enumerate()
        .map(|(index, key)| {
            let warnings = checked.warnings(key);
            let mut json = json!({
                "file": key.source(),
                "key_type": key.key_type().to_string(),
                "scheme": key.scheme().name(),
                "public": full(key.public()),
                "warnings": warnings.iter().map(FileWarning::name).collect::<Vec<_>>(),
                "match": matches.and_then(|matches| matches.get(index)).map(answer_json),
            });
            add_attributes(checked, checked.entry(key.source()), &mut json);
            json
        })
        .collect();
    let network: Vec<Value> = checked
        .network
        .iter()
        .map(|file| {
            let mut json = json!({
                "file": file.path().path(),
                "scheme": file.scheme().name(),
                "public": full(file.public()),
                "public_stated": file.public_was_stated(),
            });
            let entry = checked.network_entry(file);
            if let (Look::Host, Some(entry)) = (checked.look, entry) {
                let names = entry.warnings.iter().map(FileWarning::name);
                json["warnings"] = names.collect::<Vec<_>>().into();
            }
            add_attributes(checked, entry, &mut json);
            json
        })
        .collect();
    let refused = checked.findings.iter().map(|finding| {
        let mut json = finding_json(finding);
        add_attributes(checked, checked.entry(&finding.file), &mut json);
        json
    });
    let mut document = json!({
        "format": "qh-keys-check/1",
        "rehearsal": checked.chain.as_ref().is_some_and(|(registered, _)| registered.rehearsal),
        "good": checked.exit() == EXIT_DONE,
        "directory": checked.dir.to_string_lossy(),
        "keys": keys,
        "network": network,
        "refused": refused.collect::<Vec<_>>(),
        "chain": checked.chain.as_ref().map(|(registered, report)| json!({
            "chain_id": registered.chain_id,
            "genesis_state": registered.is_genesis_state(),
            "block_number": registered.block_number,
            "sources": registered.sources.iter().map(|source| json!({
                "kind": match source.kind {
                    SourceKind::Rpc => "rpc",
                    SourceKind::ChainSpec => "chain-spec",
                },
                "name": source.name,
            })).collect::<Vec<_>>(),
            "verdict": match report.verdict {
                Verdict::Match => "match",
                Verdict::NoMatch => "no-match",
                Verdict::Partial => "partial",
            },
            "validators": match &report.validator {
                Validator::One(account) => vec![account.to_string()],
                Validator::Several(accounts) => accounts.iter().map(ToString::to_string).collect(),
                Validator::Unnamed | Validator::None => Vec::new(),
            },
        })),
    });
    if checked.look == Look::Host {
        let listing = &checked.keystore.listing;
        document["format"] = "qh-keys-list/1".into();
        document["directory_mode"] = format!("{:04o}", listing.mode).into();
        document["directory_uid"] = listing.uid.into();
        document["left_out"] = checked.left_out.into();
    }
    writeln!(out, "{document:#}")
}

/// Mode and owner, where the report is of a host.
fn add_attributes(checked: &Checked, entry: Option<&Entry>, json: &mut Value) {
    if let (Look::Host, Some(entry)) = (checked.look, entry) {
        json["mode"] = format!("{:04o}", entry.mode).into();
        json["uid"] = entry.uid.into();
        json["gid"] = entry.gid.into();
    }
}

fn answer_json(answer: &KeyMatch) -> Value {
    match answer {
        KeyMatch::Registered { account, found_in } => json!({
            "registered": true,
            "account": account.map(|account| account.to_string()),
            "found_in": found_in.iter().map(|place| place.name()).collect::<Vec<_>>(),
        }),
        KeyMatch::OtherType { key_type } => {
            json!({ "registered": false, "registered_as": key_type.to_string() })
        }
        KeyMatch::NotRegistered => json!({ "registered": false }),
    }
}

fn finding_json(finding: &Finding) -> Value {
    json!({
        "file": finding.file,
        "name": finding.name(),
        "message": finding.fault.to_string(),
        "way_on": finding.way_on(),
    })
}

pub(super) fn stopped_json(stopped: &Stopped, out: &mut dyn Write) -> io::Result<()> {
    let document = json!({
        "format": "qh-keys-check/1",
        "good": false,
        "stopped": {
            "name": stopped.name(),
            "message": stopped.to_string(),
            "way_on": stopped.way_on(),
        },
    });
    writeln!(out, "{document:#}")
}
