//! `keys insert`: a delivery from the laptop, installed in the keystore.

use std::io::Write;
use std::path::PathBuf;

use serde_json::json;

use super::super::{Failure, Settings};
use super::source::{account_of, authorship, needed, registered_of};
use super::{ask, failure, keystore, now, password, recipient, sha256};
use crate::ceremony::dates;
use crate::files::{self, from_error};
use crate::online::keys::chain::{Matched, same_validator};
use crate::online::keys::evidence::{MAX_STATEMENT, Statement};
use crate::online::keys::insert::{Surroundings, belongs, hold_evidence, look, open, prove};
use crate::online::keys::record::{Facts, Record};
use crate::online::keys::silence::Authorship;
use crate::online::keys::{identity, silence};
use crate::vault::delivery::{Delivery, MAX_SEALED_DELIVERY};
use crate::vault::gather::type_and_public;
use crate::vault::install::{Installed, check, install};
use crate::vault::keystore::State;

/// Arguments of `keys insert`.
#[derive(Debug, clap::Args)]
pub struct InsertArgs {
    /// The delivery that the laptop sealed to this host's recipient
    #[arg(long, value_name = "FILE")]
    pub input: PathBuf,

    /// Match with this qh-registered/1 file
    #[arg(long, value_name = "FILE")]
    pub registered: Option<PathBuf>,

    /// Two people's statement that the old signer has stopped (TOML), for scripts; otherwise it is asked for
    #[arg(long, value_name = "FILE")]
    pub stop_statement: Option<PathBuf>,

    /// The key never signed anywhere, as for a new validator; two people state this instead
    #[arg(long)]
    pub never_used: bool,

    /// Another key of the same type may stay in the keystore
    #[arg(long)]
    pub beside_others: bool,

    /// Do everything but write
    #[arg(long)]
    pub dry_run: bool,

    /// Install a rehearsal's delivery, into a directory that holds nothing else
    #[arg(long)]
    pub rehearsal: bool,
}

/// What was agreed before anything is written.
struct Agreed {
    delivery: Delivery,
    sha256: String,
    matched: Matched,
    around: Surroundings,
    statement: Statement,
    silence: Option<Vec<silence::Silent>>,
    notes: Vec<String>,
}

pub(super) fn insert(
    args: &InsertArgs,
    settings: &Settings,
    out: &mut dyn Write,
) -> Result<u8, Failure> {
    let path = keystore(settings)?;
    let account = account_of(settings)?;
    let own = identity::open(&settings.state).map_err(|fault| recipient::failed(&fault))?;
    let bytes = files::read(&args.input, MAX_SEALED_DELIVERY).map_err(failure)?;
    let delivery = open(&bytes, &own, args.rehearsal).map_err(failure)?;
    drop(own);
    let keys: Vec<_> = delivery.keys.iter().filter_map(type_and_public).collect();
    let known = registered_of(settings, args.registered.as_deref(), &keys)?.ok_or_else(needed)?;
    let registered = known.registered;
    let mut matched = belongs(&delivery, path, &registered, account).map_err(failure)?;
    if let Some(live) = &known.live {
        let now = belongs(&delivery, path, live, account).map_err(failure)?;
        same_validator(&matched, &now).map_err(failure)?;
        // Of today's block, like the silence that is measured.
        matched.is_authority |= now.is_authority;
        matched.block = now.block;
    }
    let password = delivery.keystore_password.then(password).transpose()?;
    let proven = prove(&delivery, password.as_ref()).map_err(failure)?;
    let around = look(
        path,
        &proven,
        &registered,
        matched.account,
        args.beside_others,
    )
    .map_err(failure)?;

    let statement = match &args.stop_statement {
        Some(file) => files::read(file, MAX_STATEMENT)
            .and_then(|bytes| Statement::parse(&bytes))
            .map_err(failure)?,
        None => ask::statement(args.never_used, now())?,
    };
    let chain = authorship(settings, &registered)?;
    let silence = hold_evidence(
        &statement,
        args.never_used,
        &matched,
        &proven,
        chain.as_ref().map(|chain| chain as &dyn Authorship),
        now(),
    )
    .map_err(|refused| match &chain {
        Some(chain) => chain.failure(refused),
        None => failure(refused),
    })?;
    let agreed = Agreed {
        sha256: sha256(&bytes),
        delivery,
        matched,
        around,
        statement,
        silence,
        notes: known.notes,
    };
    if args.dry_run {
        check(&agreed.around.target, &proven, password.as_ref())
            .map_err(|fault| failure(from_error(&fault)))?;
        report(settings, &agreed, None, out)?;
        return Ok(0);
    }

    let mut record = Record::begun(&Facts {
        time: dates::rfc3339(now()),
        delivery: &agreed.delivery,
        sha256: agreed.sha256.clone(),
        keystore: &agreed.around.target.keystore,
        matched: &agreed.matched,
        statement: &agreed.statement,
        silence: agreed.silence.as_deref(),
        others: &agreed.around.others,
    });
    let file = record.write_new(&settings.state).map_err(failure)?;
    let outcome = install(
        &agreed.around.target,
        &proven,
        Some(agreed.around.owner),
        password.as_ref(),
    )
    .map_err(|fault| from_error(&fault));
    record.ended(match &outcome {
        Ok(installed) => Ok(lines(installed)),
        Err(refused) => Err(refused.name.clone()),
    });
    let recorded = record.rewrite(&file);
    let installed = outcome.map_err(failure)?;
    report(settings, &agreed, Some((&installed, &file)), out)?;
    recorded.map_err(failure)?;
    Ok(0)
}

/// One line a file.
fn lines(installed: &Installed) -> Vec<String> {
    let keys = installed.keystore.files.iter().map(|file| ("", file));
    let network = installed.network.iter().flat_map(|written| &written.files);
    keys.chain(network.map(|file| ("network/", file)))
        .map(|(dir, file)| {
            let state = match file.state {
                State::Created => "written",
                State::AlreadyThere => "was there",
            };
            format!(
                "{dir}{} {state}, mode {:04o}, owner {}:{}",
                file.file, file.mode, file.uid, file.gid
            )
        })
        .collect()
}

fn report(
    settings: &Settings,
    agreed: &Agreed,
    done: Option<(&Installed, &PathBuf)>,
    out: &mut dyn Write,
) -> std::io::Result<()> {
    let Agreed {
        delivery,
        matched,
        around,
        ..
    } = agreed;
    let keystore = around.target.keystore.display();
    if settings.json {
        let document = json!({
            "format": "qh-keys-insert/1",
            "rehearsal": delivery.rehearsal,
            "dry_run": done.is_none(),
            "keystore": keystore.to_string(),
            "delivery_sha256": agreed.sha256,
            "chain_id": delivery.network.chain_id,
            "keys": delivery.keys.iter().map(|key| key.public_key()).collect::<Vec<_>>(),
            "files": delivery.files.iter().map(|file| file.path.as_str()).collect::<Vec<_>>(),
            "account": matched.account.map(|account| account.to_string()),
            "source": matched.source,
            "genesis_state": matched.genesis_state,
            "silence_measured": agreed.silence.is_some(),
            "written": done.map(|(installed, _)| lines(installed)),
            "others": around.others,
            "notes": agreed.notes,
            "record": done.map(|(_, record)| record.display().to_string()),
        });
        return writeln!(out, "{document:#}");
    }
    if delivery.rehearsal {
        writeln!(out, "REHEARSAL: these keys are no validator's.")?;
    }
    match done {
        Some((installed, _)) => {
            writeln!(out, "Installed in {keystore}, listed back and proven again")?;
            for line in lines(installed) {
                writeln!(out, "  {line}")?;
            }
        }
        None => {
            writeln!(out, "Nothing was written. It would go into {keystore}")?;
            for key in &delivery.keys {
                writeln!(out, "  {}  {}  {}", key.key_type, key.scheme, key.public)?;
            }
            for file in &delivery.files {
                writeln!(out, "  {}", file.path.as_str())?;
            }
            for name in &around.there {
                writeln!(out, "  is there already: {name}")?;
            }
        }
    }
    for name in &around.others {
        writeln!(out, "  also there: {name}")?;
    }
    writeln!(out, "Matched by {}:", matched.source)?;
    for line in matched.lines.iter().chain(&agreed.notes) {
        writeln!(out, "  {line}")?;
    }
    if matched.genesis_state {
        writeln!(
            out,
            "Genesis state is what the chain started with, not what it knows today."
        )?;
    }
    let people = agreed.statement.people.join(" and ");
    let what = match &agreed.statement.stopped {
        Some(stopped) => format!(
            "the signer on {} has stopped, silent since block {}",
            stopped.host, stopped.silent_since_block
        ),
        None => "the key never signed anywhere".into(),
    };
    writeln!(out, "{people} state: {what}.")?;
    match &agreed.silence {
        Some(ranges) => {
            for range in ranges {
                writeln!(
                    out,
                    "Measured: no block of this key from {} to {}; it was one of {} authorities at {} of them.",
                    range.from, range.to, range.authorities, range.listed
                )?;
            }
        }
        None => writeln!(
            out,
            "Stated, not measured: no node was asked for its blocks."
        )?,
    }
    if let Some((_, record)) = done {
        writeln!(out, "Record: {}", record.display())?;
        writeln!(
            out,
            "A node that runs on this keystore signs with these keys from now on."
        )?;
    }
    Ok(())
}
