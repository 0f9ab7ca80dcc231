//! What people answer: checked against the prompt that asked, then turned into facts.

use super::bags;
use super::dates;
use super::engine::{Refusal, not_asked, page_offering, refusal_page, refuse};
use super::event::Refused;
use super::next::{BACK, backed_keys, exception_text, short};
use super::policy::{Kind, Label, Role, Slot};
use super::prompt::{Ask, Prompt, TextKind};
use super::request::stop;
use super::script::Script;
use super::state::{Clears, ClockStated, Custodian, Offered, Person, SheetState, State, Work};

/// Longest public answer, characters.
pub const MAX_ANSWER: usize = 512;

pub(super) fn page(state: &mut State, name: &str, what: String, way_on: &str, clears: Clears) {
    let refused = Refused {
        again: vec![],
        name: name.into(),
        what,
        way_on: way_on.into(),
    };
    refusal_page(state, refused, clears);
}

/// A public answer to the prompt with this key.
pub(super) fn answered(
    script: &Script,
    asked: &Prompt,
    state: &mut State,
    key: &str,
    value: &str,
) -> Result<(), Refusal> {
    if asked.key != key {
        return not_asked(&format!("An answer to `{key}`"));
    }
    if value.chars().count() > MAX_ANSWER || value.chars().any(char::is_control) {
        return refuse(
            "answer-unprintable",
            "An answer is one printable line of at most 512 characters.",
        );
    }
    let fits = match &asked.ask {
        Ask::Ready { .. } | Ask::Handwrite { .. } => value == "done",
        Ask::Choose(choices) => choices.iter().any(|c| c.value == value),
        Ask::Text { kind, optional } => {
            let empty = value.trim().is_empty();
            (empty && *optional)
                || (!empty
                    && match kind {
                        TextKind::Line | TextKind::Path => true,
                        TextKind::Date => dates::parse_date(value).is_some(),
                        TextKind::DateTime => dates::parse_minute(value).is_some(),
                        TextKind::Number => value.trim().parse::<u64>().is_ok(),
                    })
        }
        Ask::Confidential
        | Ask::NewPin { .. }
        | Ask::Secret(_)
        | Ask::Sign { .. }
        | Ask::ReadShare { .. }
        | Ask::Wait
        | Ask::Refusal { .. }
        | Ask::Objection { .. }
        | Ask::Paused
        | Ask::Over => return not_asked("A public answer"),
    };
    // What goes into the sealed file must be what the format takes.
    let plain =
        |text: &str| text.len() <= 64 && text.chars().all(|c| c.is_ascii() && !c.is_control());
    let fits = fits && (!matches!(key, "export.node" | "match.chain") || plain(value));
    if !fits {
        page(
            state,
            "answer-not-understood",
            format!("`{value}` is not an answer to this question."),
            "Look at the form that is asked for, and answer again.",
            Clears::Nothing,
        );
        return Ok(());
    }
    state.work.answers.insert(key.to_owned(), value.to_owned());
    let parts: Vec<&str> = key.split('.').collect();
    match parts.as_slice() {
        ["resume", "people"] if value == "fewer" => {
            stop(script, state, "resumed with fewer people".into());
        }
        ["opening", "purpose"] => state.facts.purpose = value.to_owned(),
        ["opening", "authority"] => state.facts.authority = value.to_owned(),
        ["enrol", "custodian"] => {
            let number = value.parse().unwrap_or(1);
            state.custodians = vec![Custodian {
                number,
                present: true,
                sheet: true,
                person: None,
            }];
        }
        ["enrol", slug, "present"] => {
            if let Some(custodian) = custodian_mut(state, slug) {
                custodian.present = value == "present";
            }
        }
        ["enrol", slug, "id"] => enrol(state, slug, value),
        ["clock", "stated"] => {
            let stated = dates::parse_minute(value).unwrap_or(state.time);
            state.facts.clock = Some(ClockStated {
                stated: dates::rfc3339(stated),
                offset: state.time - stated,
            });
            state.work.done.insert("clock".into(), vec![]);
        }
        ["attendance", slug] => {
            if let Some(custodian) = custodian_mut(state, slug) {
                custodian.sheet = value == "yes";
            }
        }
        ["export" | "write", "module" | "token"] if value == BACK => {
            state.work = Work::default();
        }
        ["export", "node"] => state.facts.node = value.to_owned(),
        ["export", "password"] => state.facts.keystore_password = value == "yes",
        ["export", "medium"] if value == "transport" => {
            let path = state.answer("export.path").unwrap_or_default().to_owned();
            let medium = format!("transport medium of {path}");
            state.facts.destroy.retain(|other| *other != medium);
            state.facts.destroy.push(medium);
            needs_exception(
                state,
                "bare-keys-on-medium",
                "Bare key files were carried here on a medium.",
                "Have the host seal its keys to this laptop, or sign the exception and destroy the medium afterwards.",
                "export.",
            );
        }
        ["sheets", "paper"] if value == "files" => needs_exception(
            state,
            "sheets-as-files",
            "Sheets as files put shares on a disk.",
            "Write the sheets by hand, or sign the exception and destroy the medium afterwards.",
            "sheets.paper",
        ),
        ["write", "target"] if value == "delivery" => needs_exception(
            state,
            "not-post-quantum",
            "A delivery is sealed to an X25519 recipient, which a quantum computer could open.",
            "Write to the keystore here, or sign the exception.",
            "write.target",
        ),
        ["write", "target"] if value == "medium" => needs_exception(
            state,
            "bare-keys-on-medium",
            "Bare key files on a medium can be read by whoever holds it.",
            "Seal the keys to the host, or sign the exception and destroy the medium afterwards.",
            "write.target",
        ),
        ["match", "read-out", _, index] => read_out(state, key, index, value),
        ["hand", slug, what] => bags::hand_over(state, key, slug, what, value),
        ["store", _, "label"] => bags::medium_label(state, key, value),
        ["stop", "when"] => stop_time(state, key, value),
        ["stop", "silent-to"] => silence(state, key, value),
        ["void", sheet] if value == "destroyed" => {
            let number = sheet.trim_start_matches('s').parse::<u32>().unwrap_or(0);
            for sheet in state.sheets.iter_mut().filter(|s| s.number == number) {
                sheet.state = SheetState::Destroyed;
            }
        }
        ["rebag", x] => {
            if let Ok(x) = x.parse() {
                bags::rebagged(state, key, x, value);
            }
        }
        _ => {}
    }
    Ok(())
}

fn needs_exception(state: &mut State, name: &str, what: &str, way_on: &str, prefix: &str) {
    if !state.excepted(name) {
        page(
            state,
            name,
            what.to_owned(),
            way_on,
            Clears::Prefix(prefix.to_owned()),
        );
    }
}

/// Each person who signs and also holds a sheet is an exception of their own.
fn signer_is_custodian(state: &mut State, signer: &Label, number: u8, prefix: &str) {
    let name = "signer-is-custodian";
    let text = format!(
        "{}: {} is custodian {number}",
        exception_text(name),
        signer.spoken()
    );
    if state
        .exceptions
        .iter()
        .any(|e| e.name == name && e.text == text)
    {
        return;
    }
    let refused = Refused {
        again: vec![],
        name: name.into(),
        what: format!("Custodian {number} is also {}, who signs.", signer.spoken()),
        way_on: "Name another custodian, or sign the exception.".into(),
    };
    let clears = Clears::Prefix(prefix.to_owned());
    page_offering(state, refused, Some(Offered { name, text }), clears);
}

fn custodian_mut<'a>(state: &'a mut State, slug: &str) -> Option<&'a mut Custodian> {
    let number: u8 = slug.strip_prefix('c')?.parse().ok()?;
    state.custodians.iter_mut().find(|c| c.number == number)
}

fn enrol(state: &mut State, slug: &str, identified: &str) {
    let (label, role) = match slug {
        "operator" => (Label::operator(), Role::Operator),
        "witness" => (Label::witness(), Role::Witness),
        other => match other.strip_prefix('c').and_then(|n| n.parse().ok()) {
            Some(number) => (Label::custodian(number), Role::Custodian),
            None => return,
        },
    };
    state.people.retain(|p| p.label != label);
    state.people.push(Person {
        label,
        role,
        identified: identified.to_owned(),
        pin: false,
    });
}

/// The old signer can't have been stopped later than now, as the witness's watch has it.
fn stop_time(state: &mut State, key: &str, value: &str) {
    let offset = state.facts.clock.as_ref().map_or(0, |c| c.offset);
    let now = state.time - offset;
    if dates::parse_minute(value).is_none_or(|when| when > now + 60) {
        state.work.answers.remove(key);
        page(
            state,
            "stop-in-future",
            "This time has not come yet.".into(),
            "Give the time, in UTC, at which the old signer was stopped.",
            Clears::Nothing,
        );
    }
}

/// The blocks over which the chain was silent must be a range.
fn silence(state: &mut State, key: &str, value: &str) {
    let from = state
        .answer("stop.silent-from")
        .and_then(|from| from.trim().parse::<u64>().ok());
    if value.trim().parse::<u64>().ok() < from {
        state.work.answers.remove(key);
        state.work.answers.remove("stop.silent-from");
        page(
            state,
            "silence-not-a-range",
            "The last block comes before the first.".into(),
            "Give the first and the last finalized block that you looked at.",
            Clears::Nothing,
        );
    }
}

/// A public key read out by one of two people: first and last eight digits.
fn read_out(state: &mut State, key: &str, index: &str, value: &str) {
    let typed: String = value
        .to_ascii_lowercase()
        .trim_start_matches("0x")
        .chars()
        .filter(char::is_ascii_hexdigit)
        .collect();
    let expected = index
        .parse::<usize>()
        .ok()
        .and_then(|i| backed_keys(&state.facts.keys).get(i).map(|k| short(k)))
        .map(|short| short.replace(" ... ", ""));
    if expected.as_deref() != Some(typed.as_str()) {
        state.work.answers.remove(key);
        page(
            state,
            "read-out-differs",
            "What was read out is not the first and last eight digits of the exported key.".into(),
            "Read it again from the source. If it still differs, this is another validator's key: stop.",
            Clears::Nothing,
        );
    }
}

/// A line that went into the annex.
pub(super) fn annexed(
    asked: &Prompt,
    state: &mut State,
    key: &str,
    annex: &str,
    same_as: Option<&Label>,
) -> Result<(), Refusal> {
    if asked.ask != Ask::Confidential || asked.key != key {
        return not_asked("A line for the annex");
    }
    let parts: Vec<&str> = key.split('.').collect();
    state.work.answers.insert(key.to_owned(), annex.to_owned());
    match parts.as_slice() {
        ["opening", "location"] => state.facts.location = "room".into(),
        ["hand", slug, "place"] => {
            let number = slug.trim_start_matches('c').parse().unwrap_or(0);
            if let Some(sheet) = state.sheet_of_mut(number) {
                sheet.place = format!("place C{number}");
            }
        }
        ["enrol", "witness", "name"] if same_as.is_some() => {
            state.work.answers.remove(key);
            page(
                state,
                "operator-is-witness",
                "Operator and witness have the same name.".into(),
                "Another person must witness: two people watch each other, one can't.",
                Clears::Nothing,
            );
        }
        ["enrol", slug, "name"] if slug.starts_with('c') => {
            let number: u8 = slug.trim_start_matches('c').parse().unwrap_or(0);
            let own = Label::custodian(number);
            let holder = same_as.and_then(|person| {
                let holds =
                    |c: &&Custodian| c.number != number && c.person.as_ref() == Some(person);
                let held = state.custodians.iter().find(holds)?;
                Some(Label::custodian(held.number))
            });
            match holder.as_ref().or(same_as) {
                Some(other) if other.0.starts_with('C') => {
                    state.work.answers.remove(key);
                    page(
                        state,
                        "custodian-twice",
                        format!(
                            "{} has this name already, and nobody holds two shares.",
                            other.spoken()
                        ),
                        "Name another custodian.",
                        Clears::Nothing,
                    );
                }
                Some(signer) => {
                    if let Some(custodian) = custodian_mut(state, slug) {
                        custodian.person = Some(signer.clone());
                    }
                    signer_is_custodian(state, signer, number, &format!("enrol.{slug}."));
                }
                None => {
                    if let Some(custodian) = custodian_mut(state, slug) {
                        custodian.person = Some(own);
                    }
                }
            }
        }
        _ => {}
    }
    Ok(())
}

/// A share was read, and the driver found it good as far as can be known.
pub(super) fn share_read(
    asked: &Prompt,
    state: &mut State,
    x: u8,
    how: &str,
    commitment: &str,
) -> Result<(), Refusal> {
    if !matches!(asked.ask, Ask::ReadShare { .. }) {
        return not_asked("A share");
    }
    if let Some(custodian) = asked
        .key
        .strip_prefix("sheets.c")
        .and_then(|k| k.strip_suffix(".read"))
    {
        let number: u8 = custodian.parse().unwrap_or(0);
        let expected = usize::from(x)
            .checked_sub(1)
            .and_then(|i| state.facts.commitments.get(i));
        if x != number || expected.map(String::as_str) != Some(commitment) {
            return refuse(
                "share-not-this-sheet",
                "This is not the share of this sheet.",
            );
        }
        if let Some(sheet) = state.sheet_of_mut(number) {
            sheet.proven = how.to_owned();
        }
        state.slots.insert(Slot::Scanned);
        return Ok(());
    }
    if state.opened.kind == Kind::ShareCheck {
        let record = state.facts.record.as_ref();
        let label = record
            .and_then(|r| r.commitments.iter().find(|(c, _)| c == commitment))
            .map(|(_, label)| label.clone());
        let Some(label) = label else {
            return refuse("share-forged", "The record doesn't know this share.");
        };
        let asked_for = state.custodians.first().map(|c| Label::custodian(c.number));
        if asked_for.is_some_and(|custodian| custodian.0 != label) {
            page(
                state,
                "share-of-other-custodian",
                format!(
                    "This is the share of {label} in the record; another custodian's is checked today."
                ),
                "Bring the sheet of the custodian whose month it is.",
                Clears::Nothing,
            );
            return Ok(());
        }
        state
            .facts
            .shares
            .push((x, how.to_owned(), commitment.to_owned()));
        state.facts.checked = vec![
            format!("share {x}, of {label} in the record"),
            format!("read by {how}"),
        ];
        return Ok(());
    }
    if state.facts.shares.iter().any(|(other, ..)| *other == x) {
        return refuse("share-duplicate", format!("Share {x} was entered already."));
    }
    state
        .facts
        .shares
        .push((x, how.to_owned(), commitment.to_owned()));
    state.slots.insert(Slot::Scanned);
    Ok(())
}
