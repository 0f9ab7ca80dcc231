//! `script list|check|show|paper`, and the shipped scripts.

use std::io::Write;
use std::path::Path;

use super::args::ScriptCommand;
use super::exit_of;
use crate::ceremony::check;
use crate::ceremony::policy::Role;
use crate::ceremony::script::Script;
use crate::hsm::uri::TokenUri;
use crate::print::document::{Block, Document};
use crate::print::form::Form;
use crate::print::page::{Paper, pdf};
use crate::refusal::Refuse;

/// The scripts of this version, by name.
pub const SHIPPED: [(&str, &str); 4] = [
    (
        "key-backup",
        include_str!("../../ceremony-scripts/key-backup.toml"),
    ),
    (
        "key-recovery",
        include_str!("../../ceremony-scripts/key-recovery.toml"),
    ),
    (
        "annual-verification",
        include_str!("../../ceremony-scripts/annual-verification.toml"),
    ),
    (
        "share-check",
        include_str!("../../ceremony-scripts/share-check.toml"),
    ),
];

/// A script's text, by shipped name or file. A name without path and ending is never a file.
///
/// # Errors
/// The exit code, and a sentence that names the file and the reason.
pub fn text_of(script: &str) -> Result<String, (u8, String)> {
    if let Some((_, text)) = SHIPPED.iter().find(|(name, _)| *name == script) {
        return Ok((*text).to_owned());
    }
    let bytes = crate::files::read(Path::new(script), crate::ceremony::script::MAX_SCRIPT)
        .map_err(|refused| {
            let shipped = SHIPPED.map(|(name, _)| name).join(", ");
            let text = format!("{} Shipped scripts: {shipped}.", refused.what);
            (exit_of(&refused), text)
        })?;
    String::from_utf8(bytes).map_err(|_| (1, format!("{script} is not UTF-8 text.")))
}

/// A script that is sound, or why it is not.
///
/// # Errors
/// The exit code, and a sentence with line and name.
pub fn sound(script: &str) -> Result<(Script, String), (u8, String)> {
    let text = text_of(script)?;
    let parsed = Script::parse(&text).map_err(|error| (1, format!("{script}, {error}")))?;
    check::sound(&parsed).map_err(|error| (1, format!("{script}, {error}")))?;
    for (step, line) in parsed.steps.iter().zip(&parsed.lines) {
        let uri = step.hsm.as_deref().map(TokenUri::parse).transpose();
        uri.map_err(|error| {
            (
                1,
                format!(
                    "{script}, line {line}: {error} ({}) {}",
                    error.name(),
                    error.way_on()
                ),
            )
        })?;
    }
    Ok((parsed, text))
}

/// The paper of a name.
///
/// # Errors
/// A sentence that names what was given.
pub fn paper_of(name: &str) -> Result<Paper, String> {
    match name.to_ascii_lowercase().as_str() {
        "a4" => Ok(Paper::A4),
        "letter" => Ok(Paper::Letter),
        _ => Err(format!("`{name}` is no paper: give a4 or letter.")),
    }
}

/// Runs the command; the exit code.
pub fn run(command: &ScriptCommand, out: &mut dyn Write) -> u8 {
    match carry_out(command, out) {
        Ok(()) => 0,
        Err((code, text)) => {
            eprintln!("{text}");
            code
        }
    }
}

fn carry_out(command: &ScriptCommand, out: &mut dyn Write) -> Result<(), (u8, String)> {
    let refused = |text: String| (1, text);
    let io = |error: std::io::Error| (3, format!("Output failed: {error}."));
    match command {
        ScriptCommand::List => {
            for (name, text) in SHIPPED {
                let script = Script::parse(text).map_err(|e| refused(e.to_string()))?;
                writeln!(out, "{name:<20} v{}  {}", script.version, script.title).map_err(io)?;
            }
        }
        ScriptCommand::Check { script } => {
            let (parsed, text) = sound(script)?;
            let hash = crate::run::driver::sha256_hex(text.as_bytes());
            writeln!(
                out,
                "{} v{} is sound: {} steps.",
                parsed.name,
                parsed.version,
                parsed.steps.len()
            )
            .map_err(io)?;
            writeln!(out, "SHA-256 {hash}").map_err(io)?;
        }
        ScriptCommand::Show { script } => {
            let (parsed, _) = sound(script)?;
            write!(out, "{}", paper(&parsed).text()).map_err(io)?;
        }
        ScriptCommand::Paper {
            script, pdf: None, ..
        } => {
            let (parsed, _) = sound(script)?;
            write!(out, "{}", paper(&parsed).text()).map_err(io)?;
        }
        ScriptCommand::Paper {
            script,
            pdf: Some(path),
            paper: size,
        } => {
            let (parsed, _) = sound(script)?;
            let size = paper_of(size).map_err(|text| (2, text))?;
            let bytes = paper(&parsed)
                .pdf(size)
                .map_err(|e| refused(e.to_string()))?;
            crate::files::write(path, &bytes).map_err(|r| (3, r.what))?;
            writeln!(out, "{}", path.display()).map_err(io)?;
        }
        ScriptCommand::Form {
            pdf: path,
            paper: size,
        } => {
            let size = paper_of(size).map_err(|text| (2, text))?;
            let form = Form {
                paper: size,
                ceremony: None,
                number: "",
                rehearsal: false,
            };
            let page = form.page().map_err(|e| refused(e.to_string()))?;
            crate::files::write(path, &pdf(&[page])).map_err(|r| (3, r.what))?;
            writeln!(out, "{}", path.display()).map_err(io)?;
        }
    }
    Ok(())
}

/// A script laid out to tick and sign by hand.
pub fn paper(script: &Script) -> Document {
    let mut blocks = vec![
        Block::Para(format!(
            "Any {} of {} shares open the backup. Tick each step when it is done. Sign where lines are given.",
            script.policy.k, script.policy.n
        )),
        Block::Heading("What to bring".into()),
    ];
    blocks.extend(script.bring.iter().map(|item| Block::Check(item.clone())));
    if !script.places.is_empty() {
        blocks.push(Block::Heading("Places".into()));
        blocks.push(Block::Lines(
            script
                .places
                .iter()
                .map(|p| format!("{}: {}", p.label, p.text))
                .collect(),
        ));
    }
    for (index, step) in script.steps.iter().enumerate() {
        blocks.push(Block::Heading(format!("{}  {}", index + 1, step.short())));
        blocks.push(Block::Check(step.say.clone()));
        blocks.push(Block::Para(format!("Why: {}", step.why)));
        if let Some(requirement) = &step.requirement {
            blocks.push(Block::Lines(
                requirement
                    .all()
                    .iter()
                    .map(|line| format!("Requirement {line}"))
                    .collect(),
            ));
        }
        for role in &step.sign {
            blocks.push(Block::Sign(
                match role {
                    Role::Operator => "Operator",
                    Role::Witness => "Witness",
                    Role::Custodian => "Custodian",
                }
                .into(),
            ));
        }
    }
    if !script.due.is_empty() {
        blocks.push(Block::Heading("Due afterwards".into()));
        blocks.extend(
            script
                .due
                .iter()
                .map(|d| Block::Check(format!("{} (after {} months)", d.task, d.months))),
        );
    }
    Document {
        title: script.title.clone(),
        subtitle: format!("Ceremony script {} v{}", script.name, script.version),
        footer: format!("{} v{}", script.name, script.version),
        rehearsal: false,
        blocks,
    }
}
