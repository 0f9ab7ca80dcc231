//! The home screen: choose a ceremony, resume one, check the machine.

use std::io::{IsTerminal, Write};
use std::path::PathBuf;

use super::args::{RehearseArgs, RunArgs};
use super::scripts::SHIPPED;
use super::{check, rehearse, run, screen};
use crate::ceremony::prompt::{Ask, Choice, Prompt};
use crate::ceremony::script::Script;
use crate::ceremony::view::View;
use crate::run::driver::{names, now};
use crate::secret::hardening::Hardening;

/// Shows the choices and does what was chosen; the exit code.
pub fn home(hardening: &Hardening, out: &mut dyn Write) -> u8 {
    if !(std::io::stdin().is_terminal() && std::io::stdout().is_terminal()) {
        eprintln!("The home screen needs a terminal. `qh-ceremony --help` lists the commands.");
        return 2;
    }
    let open = open_journals();
    match screen::ask(view(&open)) {
        Err(error) => {
            eprintln!("The terminal can't be used: {error}.");
            3
        }
        Ok(Some(chosen)) => go(&chosen, hardening, out),
        Ok(None) => 0,
    }
}

fn go(chosen: &str, hardening: &Hardening, out: &mut dyn Write) -> u8 {
    if let Some(dir) = chosen.strip_prefix("resume ") {
        let script = PathBuf::from(dir).join(names::SCRIPT).display().to_string();
        let journal = Some(PathBuf::from(dir));
        return run::run(
            &RunArgs {
                script,
                record: None,
                journal,
                devices: None,
            },
            hardening,
            out,
        );
    }
    match chosen {
        "check" => check::check(out, false),
        "rehearse" => rehearse::rehearse(
            &RehearseArgs {
                script: None,
                auto: false,
                answers: None,
                out: None,
                hsm: None,
            },
            hardening,
            out,
        ),
        script => run::run(
            &RunArgs {
                script: script.to_owned(),
                record: None,
                journal: None,
                devices: None,
            },
            hardening,
            out,
        ),
    }
}

/// Journal directories here whose ceremony is not closed, or lacks its certificate.
fn open_journals() -> Vec<String> {
    let Ok(entries) = std::fs::read_dir(".") else {
        return vec![];
    };
    let mut open: Vec<String> = entries
        .filter_map(|entry| Some(entry.ok()?.path()))
        .filter(|dir| {
            dir.join(names::TRANSCRIPT).exists() && !dir.join(names::CERTIFICATE_TEXT).exists()
        })
        .filter_map(|dir| Some(dir.file_name()?.to_string_lossy().into_owned()))
        .filter(|name| name.starts_with("BR-"))
        .collect();
    open.sort();
    open
}

fn view(open: &[String]) -> View {
    let mut choices: Vec<Choice> = open
        .iter()
        .map(|dir| Choice {
            value: format!("resume {dir}"),
            label: format!("Resume {dir}"),
        })
        .collect();
    for (name, text) in SHIPPED {
        let title = Script::parse(text).map_or_else(|_| name.to_owned(), |s| s.title);
        choices.push(Choice {
            value: name.into(),
            label: title,
        });
    }
    choices.push(Choice {
        value: "rehearse".into(),
        label: "Rehearse with simulated devices".into(),
    });
    choices.push(Choice {
        value: "check".into(),
        label: "Check this machine".into(),
    });
    View {
        rehearsal: false,
        title: "Key ceremonies".into(),
        ceremony: String::new(),
        head: String::new(),
        time: now(),
        checklist: vec![],
        people: vec![],
        prompt: Prompt {
            key: "home".into(),
            title: "What do you want to do?".into(),
            say: vec!["Rehearse before you hold a ceremony: it is the same program, and nothing in it is real.".into()],
            facts: vec![],
            ask: Ask::Choose(choices),
            offers: vec![crate::ceremony::prompt::Offer::Back],
            qr: None,
        },
        qr: vec![],
        suggestion: String::new(),
    }
}
