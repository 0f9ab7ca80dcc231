//! `qh-online health`: one line a check, with a word and a reason. Exit 0 ok or warnings, 4 any failed, 3 no node
//! reachable.

use std::io::Write;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use super::nodes::{Spec, keystore_dir, now, open};
use super::{Failure, Settings, SettingsArgs};
use crate::ceremony::event::Refused;
use crate::online::authorship::authored;
use crate::online::config::DEFAULT_CONFIG;
use crate::online::health::{self, Check, Word};
use crate::online::node::BlockHash;
use crate::refusal::Refuse;
use crate::vault::keystore;
use crate::vault::schemes::KeyType;

/// Arguments of `health`.
#[derive(Debug, clap::Args)]
pub struct HealthArgs {
    /// Look at so many of the last finalized blocks for this host's own
    #[arg(long, value_name = "N", default_value_t = 100, value_parser = clap::value_parser!(u64).range(1..=2000))]
    pub blocks: u64,
}

pub(super) fn run(
    args: &HealthArgs,
    flags: &SettingsArgs,
    settings: &Settings,
    out: &mut dyn Write,
) -> Result<u8, Failure> {
    let nodes = open(settings)?;
    let mut checks = vec![config(flags.config.as_deref())];
    let mut genesis = Vec::new();
    let mut tip = None;
    let mut reached = false;
    for node in &nodes {
        let (found, facts) = health::node(node, &settings.limits, now());
        checks.extend(found);
        if let Some(facts) = facts {
            reached = true;
            genesis.push((node.name(), facts.genesis));
            tip = tip.or(facts.finalized.map(|number| (node, number)));
        }
    }
    checks.push(health::one_chain(&genesis));
    checks.extend(chain_spec(settings, &genesis));
    let mut aura = Vec::new();
    if let Some(dir) = keystore_dir(settings) {
        match keystore::inspect(&dir) {
            Ok(listing) => {
                aura = listing
                    .keys()
                    .filter_map(|entry| entry.key.clone())
                    .filter(|(key_type, _)| *key_type == KeyType::AURA)
                    .map(|(_, public)| public)
                    .collect();
                checks.extend(health::keystore(&listing));
            }
            Err(fault) => checks.push(Check::failed("keystore", fault.to_string())),
        }
    } else {
        checks.push(Check::warning(
            "keystore",
            "No keystore was named, so none was checked.",
        ));
    }
    for public in &aura {
        if let Some((node, to)) = tip.filter(|(_, number)| *number > 0) {
            let from = to.saturating_sub(args.blocks - 1).max(1);
            checks.push(match authored(node, from, to, public, &mut |_| ()) {
                Ok(found) => health::own_blocks(&found, public),
                Err(fault) => Check::failed("own blocks", format!("{fault} [{}]", fault.name())),
            });
        }
    }
    if settings.json {
        let text = serde_json::to_string_pretty(&checks).expect("strings");
        writeln!(out, "{text}")?;
    } else {
        for check in &checks {
            writeln!(
                out,
                "{:<8} {}: {}",
                check.word.as_str(),
                check.name,
                check.reason
            )?;
        }
    }
    let failed = checks.iter().any(|check| check.word == Word::Failed);
    Ok(match (reached, failed) {
        (false, _) => 3,
        (true, true) => 4,
        (true, false) => 0,
    })
}

/// The chain spec is one, and the nodes serve its chain.
fn chain_spec(settings: &Settings, genesis: &[(&str, Option<BlockHash>)]) -> Vec<Check> {
    let Some(path) = &settings.chain_spec else {
        return vec![Check::warning(
            "chain spec",
            "No chain spec was named, so nobody checked that the nodes serve the right chain.",
        )];
    };
    let refused = |refused: &Refused| format!("{} [{}]", refused.what, refused.name);
    let spec = match Spec::read(path) {
        Ok(spec) => spec,
        Err(failure) => return vec![Check::failed("chain spec", refused(&failure.refused))],
    };
    let told = genesis
        .iter()
        .filter_map(|(node, hash)| Some((node, (*hash)?)));
    told.map(|(node, hash)| {
        let name = format!("{node} chain");
        match spec.compare(node, &hash) {
            Ok(found) => Check::ok(name, format!("It serves the chain spec's chain ({found}).")),
            Err(why) => Check::failed(name, refused(&why)),
        }
    })
    .collect()
}

/// The configuration was read before; here whether others could change it.
fn config(named: Option<&Path>) -> Check {
    let path = named.unwrap_or(Path::new(DEFAULT_CONFIG));
    match std::fs::metadata(path) {
        Err(_) => Check::warning(
            "configuration",
            format!("There is no {}; flags and defaults hold.", path.display()),
        ),
        Ok(found) if found.mode() & 0o022 != 0 => Check::failed(
            "configuration",
            format!(
                "{} has mode {:04o}, so others can change it. Take that right away: chmod go-w.",
                path.display(),
                found.mode() & 0o7777
            ),
        ),
        Ok(found) if ![0, rustix::process::geteuid().as_raw()].contains(&found.uid()) => {
            Check::failed(
                "configuration",
                format!(
                    "{} belongs to user {}, who can change it. Give it to root: chown root.",
                    path.display(),
                    found.uid()
                ),
            )
        }
        Ok(_) => Check::ok("configuration", format!("{} was read.", path.display())),
    }
}
