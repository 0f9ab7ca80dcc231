//! `qh-online alerts`: the rules file for Prometheus.

use std::io::Write;
use std::path::PathBuf;

use serde::Serialize;

use super::{Failure, Settings};
use crate::cli::exit_of;
use crate::files::{must_be_new, publish};
use crate::online::alerts::{Rule, rules, valid_source, yaml};

/// Arguments of `alerts`.
#[derive(Debug, clap::Args)]
pub struct AlertsArgs {
    /// Write the rules to this file instead of showing them
    #[arg(long, value_name = "FILE")]
    pub output: Option<PathBuf>,

    /// Write over the file if it is there
    #[arg(long, requires = "output")]
    pub replace: bool,

    /// A source that must be there, such as dev3/node-1; give each, so that none is missed among others
    #[arg(long, value_name = "SOURCE", value_parser = source)]
    pub source: Vec<String>,
}

#[derive(Serialize)]
struct Shown {
    format: &'static str,
    output: Option<String>,
    rules: Vec<Rule>,
}

fn source(text: &str) -> Result<String, String> {
    if valid_source(text) {
        Ok(text.to_owned())
    } else {
        Err("a source is CHAIN/NAME, of letters, digits and ._-".into())
    }
}

pub(super) fn run(
    args: &AlertsArgs,
    settings: &Settings,
    out: &mut dyn Write,
) -> Result<u8, Failure> {
    let rules = rules(&args.source);
    let text = yaml(&rules);
    if let Some(path) = &args.output {
        if !args.replace {
            must_be_new(path).map_err(Failure::of_file)?;
        }
        publish(path, text.as_bytes())
            .map_err(|refused| Failure::new(exit_of(&refused), refused))?;
    }
    if settings.json {
        let shown = Shown {
            format: "qh-alerts/1",
            output: args.output.as_ref().map(|path| path.display().to_string()),
            rules,
        };
        let text = serde_json::to_string_pretty(&shown).expect("strings");
        writeln!(out, "{text}")?;
    } else if let Some(path) = &args.output {
        writeln!(
            out,
            "{} alerts are in {}.\nName it under rule_files in prometheus.yml, and let Prometheus read it again.",
            rules.len(),
            path.display()
        )?;
    } else {
        write!(out, "{text}")?;
    }
    Ok(0)
}
