//! `qh-online snapshot list`.

use std::io::Write;

use serde::Serialize;

use super::settings::{self, OpenArgs, StoreArgs};
use super::{bytes, failure};
use crate::ceremony::event::Refused;
use crate::cli::online::{Failure, Settings};
use crate::files::from_error;
use crate::online::class::Class;
use crate::online::retention;
use crate::online::snapshot::archive;
use crate::online::snapshot::catalog::{self, Entry, Worth};

/// Arguments of `snapshot list`.
#[derive(Debug, clap::Args)]
pub struct ListArgs {
    /// Where they are.
    #[command(flatten)]
    pub stores: StoreArgs,

    /// Whose count.
    #[command(flatten)]
    pub open: OpenArgs,

    /// Those that serve this class
    #[arg(long, value_enum, value_name = "CLASS")]
    pub class: Option<Class>,

    /// Those too that are older than their class is kept
    #[arg(long)]
    pub all: bool,
}

#[derive(Serialize)]
struct Json {
    store: String,
    source: String,
    epoch: Option<String>,
    snapshot: String,
    classes: Vec<Class>,
    worth: &'static str,
    refused: Option<String>,
    signer: Option<String>,
    engine: Option<String>,
    finalized: Option<u64>,
    bytes: Option<u64>,
    sent_bytes: Option<u64>,
    /// Whether it is an archive: then `--archive` restores it.
    archive: bool,
}

pub(super) fn run(
    args: &ListArgs,
    settings: &Settings,
    out: &mut dyn Write,
) -> Result<u8, Failure> {
    let trust = settings::trust(&args.open, settings)?;
    let mut all = Vec::new();
    let mut archives = Vec::new();
    let (mut refused, mut failed) = (false, false);
    for (address, store) in settings::stores(&args.stores, settings)? {
        let fail = |fault| Failure::new(3, from_error(&fault));
        let store = match store {
            Ok(store) => store,
            // The others are listed all the same.
            Err(fault) => {
                let fault = from_error(&fault);
                eprintln!("{address}: {} [{}]", fault.what, fault.name);
                failed = true;
                continue;
            }
        };
        for source in catalog::sources(&*store).map_err(fail)? {
            let other = |given: &Option<String>, own: &str| {
                given.as_ref().is_some_and(|given| given != own)
            };
            if other(&args.stores.chain, &source.chain)
                || other(&args.stores.source, &source.source)
            {
                continue;
            }
            let now = store.now().map_err(fail)?;
            for one in archive::list(&*store, &source, &trust).map_err(fail)? {
                let why = match one.name.parse() {
                    Ok(name) if !one.is_good() => {
                        archive::head(&*store, &source, &name, &trust).err()
                    }
                    _ => None,
                };
                if args.class.is_some_and(|class| class != one.class) {
                    continue;
                }
                refused |= one.finished && !one.is_good();
                if args.all || !one.is_good() || now < retention::expiry(one.time, one.class) {
                    archives.push((address.clone(), one, why));
                }
            }
            let entries = catalog::snapshots(&*store, &source, &trust)
                .map_err(|fault| failure(from_error(&fault)))?;
            for entry in entries {
                let classes = entry.classes();
                let kept = classes.iter().map(|class| class.kept_hours()).max();
                let age = now.duration_since(entry.name.time).as_hours();
                // What is refused is always shown: it may lie about its age.
                let shown = args.all
                    || kept.is_some_and(|kept| age <= kept)
                    || matches!(entry.worth, Worth::Refused(_));
                if shown && args.class.is_none_or(|class| classes.contains(&class)) {
                    refused |= matches!(entry.worth, Worth::Refused(_));
                    all.push((address.clone(), source.clone(), entry));
                }
            }
        }
    }
    if settings.json {
        let lines: Vec<Json> = all
            .iter()
            .map(|(store, source, entry)| json(store, &source.to_string(), entry))
            .chain(archives.iter().map(archive_json))
            .collect();
        writeln!(
            out,
            "{}",
            serde_json::to_string_pretty(&lines).expect("strings and numbers")
        )?;
    } else if all.is_empty() && archives.is_empty() {
        writeln!(out, "No snapshots.")?;
    } else {
        let mut place = String::new();
        for (store, source, entry) in &all {
            let here = format!("{store}  {source}");
            if here != place {
                writeln!(out, "{here}")?;
                place = here;
            }
            text(entry, out)?;
        }
        for (store, one, why) in &archives {
            let worth = match why {
                _ if one.is_good() => "good".to_owned(),
                _ if !one.finished => "not finished".to_owned(),
                Some(why) => format!("REFUSED ({})\n    {}", why.name, why.what),
                None => {
                    "REFUSED (archive-damaged)\n    Parts of it are absent or have other sizes."
                        .to_owned()
                }
            };
            writeln!(
                out,
                "{store}  {}  archive {}  {worth}",
                one.source, one.name
            )?;
        }
    }
    Ok(match (failed, refused) {
        (true, _) => 3,
        (_, true) => 4,
        _ => 0,
    })
}

fn text(entry: &Entry, out: &mut dyn Write) -> Result<(), Failure> {
    let name = entry.name.to_string();
    let classes: Vec<String> = entry.classes().iter().map(ToString::to_string).collect();
    match &entry.head {
        Some(head) => {
            let block = head
                .finalized
                .map_or_else(|| "-".to_owned(), |block| block.number.to_string());
            writeln!(
                out,
                "  {name:<24} {:<9} block {block:<9} {:>9} ({} sent)  {}  {}",
                head.engine.to_string(),
                bytes(head.bytes),
                bytes(head.sent_bytes),
                classes.join(","),
                entry.worth
            )?;
        }
        None => writeln!(out, "  {name:<24} {}", entry.worth)?,
    }
    if let Worth::Refused(refused) | Worth::Unattested(Some(refused)) = &entry.worth {
        writeln!(out, "    {}", refused.what)?;
    }
    Ok(())
}

fn json(store: &str, source: &str, entry: &Entry) -> Json {
    let (worth, refused) = match &entry.worth {
        Worth::Good(_) => ("good", None),
        Worth::Unattested(why) => ("unattested", why.as_ref().map(|why| why.name.clone())),
        Worth::Refused(why) => ("refused", Some(why.name.clone())),
    };
    let head = entry.head.as_ref();
    Json {
        store: store.to_owned(),
        source: source.to_owned(),
        epoch: Some(entry.epoch.to_string()),
        snapshot: entry.name.to_string(),
        classes: entry.classes(),
        worth,
        refused,
        signer: entry.signer.clone(),
        engine: head.map(|head| head.engine.to_string()),
        finalized: head
            .and_then(|head| head.finalized)
            .map(|block| block.number),
        bytes: head.map(|head| head.bytes),
        sent_bytes: head.map(|head| head.sent_bytes),
        archive: false,
    }
}

fn archive_json((store, one, why): &(String, retention::Archive, Option<Refused>)) -> Json {
    let (worth, refused) = match why {
        _ if one.is_good() => ("good", None),
        _ if !one.finished => ("unfinished", None),
        Some(why) => ("refused", Some(why.name.clone())),
        None => ("refused", Some("archive-damaged".to_owned())),
    };
    Json {
        store: store.clone(),
        source: one.source.clone(),
        epoch: None,
        snapshot: one.name.clone(),
        classes: vec![one.class],
        worth,
        refused,
        signer: None,
        engine: None,
        finalized: None,
        bytes: None,
        sent_bytes: None,
        archive: true,
    }
}
