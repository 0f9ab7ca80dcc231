//! What people are asked on the terminal: the laptop's six words, and the evidence that the old signer has stopped.

use std::io;

use super::super::Failure;
use crate::ceremony::dates;
use crate::ceremony::event::Refused;
use crate::cli::keys::shown_line;
use crate::files::refused;
use crate::online::keys::evidence::{self, NeverUsed, Statement, Stopped};
use crate::online::keys::export::are_words;

/// How often a wrong answer may be typed again.
const TRIES: usize = 3;

/// The failure of a question that nobody could answer.
pub(super) fn no_terminal(name: &str, error: &io::Error, way_on: &str) -> Failure {
    let what = match error.kind() {
        io::ErrorKind::UnexpectedEof => "The question was given up.".to_owned(),
        _ => format!("There is no terminal to ask on: {error}."),
    };
    Failure::new(1, refused(name, what, way_on))
}

/// Has the six words typed that stand on the laptop's screen. They are not shown before, so that whoever types them has
/// looked there.
pub(super) fn recipient_words(words: &str) -> Result<(), Failure> {
    let mut prompt = String::from(
        "Type the six words that stand on the laptop's screen beside its recipient;\nthe first four letters of each are enough: ",
    );
    for _ in 0..TRIES {
        let typed = shown_line(&prompt).map_err(|error| {
            no_terminal(
                "recipient-not-confirmed",
                &error,
                "Run it on a terminal with the laptop in view, or give the laptop's words with --recipient-words.",
            )
        })?;
        if are_words(&typed, words) {
            return Ok(());
        }
        prompt =
            "These are not the words of the recipient that was given. The laptop's six words: "
                .into();
    }
    Err(words_differ())
}

/// The failure of words that are not the recipient's.
pub(super) fn words_differ() -> Failure {
    Failure::new(
        1,
        refused(
            "recipient-words-differ",
            "The words are not those of the recipient that was given with --to.",
            "Copy the recipient from the laptop's screen again. If the words still differ, stop: somebody may have exchanged it.",
        ),
    )
}

/// Asks for the evidence, one question after the other, and has it confirmed. What can't be an answer is told at once,
/// and asked again. `now` is in UTC seconds.
pub(super) fn statement(never_used: bool, now: i64) -> Result<Statement, Failure> {
    let first = line("First person who states this: ")?;
    let second = again("Second person: ", |text| {
        evidence::text("people", text)?;
        evidence::two_people(&[first.clone(), text.to_owned()])?;
        Ok(text.to_owned())
    })?;
    let people = vec![first, second];
    let statement = if never_used {
        let why = line("Where was the key made, and why did nobody sign with it? ")?;
        Statement {
            people,
            stopped: None,
            never_used: Some(NeverUsed { why }),
        }
    } else {
        let host = line("Which machine signed with this key before? ")?;
        let how = line("How was it stopped (service masked, key files moved, ...)? ")?;
        let seen_by = line("Who saw it stopped? ")?;
        let seen_at = again("When (UTC, e.g. 2026-11-22 14:00)? ", |text| {
            let seen = dates::parse_minute(text)
                .or_else(|| dates::parse_rfc3339(text))
                .map(dates::rfc3339)
                .unwrap_or_default();
            evidence::seen(&seen, now)?;
            Ok(seen)
        })?;
        let silent_since_block = again("Silent since block number: ", |text| {
            let digits = text.replace([',', ' '], "");
            digits
                .parse()
                .map_err(|_| evidence::bad("A block number has digits alone."))
        })?;
        Statement {
            people,
            stopped: Some(Stopped {
                host,
                how,
                seen_by,
                seen_at,
                silent_since_block,
            }),
            never_used: None,
        }
    };
    let both = statement.people.join(" and ");
    let typed = line(&format!(
        "{both} state this. Two signers with one key are what gets a validator slashed.\nType `stopped` if it is true, for a key that never signed `never used`: "
    ))?;
    let wanted = if never_used { "never used" } else { "stopped" };
    if typed == wanted {
        Ok(statement)
    } else {
        Err(Failure::new(
            1,
            refused(
                "stop-evidence-missing",
                format!("Nothing was written: `{wanted}` was not typed."),
                "Find out whether the old signer has stopped, then start again.",
            ),
        ))
    }
}

fn line(prompt: &str) -> Result<String, Failure> {
    again(prompt, |text| {
        evidence::text("The answer", text)?;
        Ok(text.to_owned())
    })
}

fn again<T>(prompt: &str, read: impl Fn(&str) -> Result<T, Refused>) -> Result<T, Failure> {
    for _ in 0..TRIES {
        let typed = shown_line(prompt).map_err(|error| {
            no_terminal(
                "stop-evidence-missing",
                &error,
                "Run it on a terminal with the two people who state that the old signer has stopped, or give --stop-statement FILE.",
            )
        })?;
        match read(&typed) {
            Ok(value) => return Ok(value),
            Err(refused) => eprintln!("{}", refused.what),
        }
    }
    Err(Failure::new(
        1,
        refused(
            "stop-evidence-missing",
            "A question about the old signer was not answered.",
            "Find out what is asked, then start again.",
        ),
    ))
}
