//! Machine, people, clock, attendance.

use super::{Next, choose, text};
use crate::ceremony::effect::Effect;
use crate::ceremony::policy::{Kind, Label, Role};
use crate::ceremony::prompt::{Ask, Prompt, TextKind};
use crate::ceremony::script::{Script, Step};
use crate::ceremony::state::State;

pub(super) fn machine(_script: &Script, state: &State, step: &Step) -> Next {
    if state.resumes > 0 && state.answer("resume.people").is_none() {
        return choose(
            "resume.people",
            "This ceremony was interrupted",
            &[
                ("all", "Operator and witness are here, and enrol anew"),
                ("fewer", "Fewer people are here: wipe, and end this ceremony"),
            ],
        )
        .say("What lay in memory died with it. What was on disk and on paper still stands, or is named void.")
        .lines("Stands", &standing(state))
        .lines("Void: destroy it", &void(state))
        .into();
    }
    if state.work.rechecked {
        return Next::Done;
    }
    let _ = step;
    Next::Do(Effect::CheckMachine)
}

/// What stands after a resume, one line each.
fn standing(state: &State) -> Vec<String> {
    let mut lines = Vec::new();
    if let Some(sealed) = &state.facts.sealed
        && state.opened.kind == Kind::Backup
    {
        lines.push(format!("sealed file {}", sealed.file));
    }
    for sheet in state.sheets.iter().filter(|s| s.stands()) {
        lines.push(format!(
            "sheet {} of custodian {}",
            sheet.number, sheet.custodian
        ));
    }
    for copy in &state.copies {
        lines.push(format!("copy {} ({})", copy.number, copy.label));
    }
    for file in &state.facts.written {
        lines.push(format!("written: {file}"));
    }
    if lines.is_empty() {
        lines.push("nothing: it starts again".into());
    }
    lines
}

fn void(state: &State) -> Vec<String> {
    let mut lines: Vec<String> = state
        .sheets
        .iter()
        .filter(|s| s.state == crate::ceremony::state::SheetState::Void)
        .map(|s| format!("sheet {} of custodian {}", s.number, s.custodian))
        .collect();
    if lines.is_empty() {
        lines.push("no sheet".into());
    }
    lines
}

const DOCUMENTS: [(&str, &str); 5] = [
    ("passport", "Passport"),
    ("identity card", "Identity card"),
    ("driving licence", "Driving licence"),
    ("residence permit", "Residence permit"),
    ("known in person", "Known in person to who states it"),
];

/// The questions about one person: name, identification, PIN.
fn one_person(state: &State, who: &Label, role: Role, slug: &str) -> Option<Next> {
    let name_key = format!("enrol.{slug}.name");
    if state.answer(&name_key).is_none() {
        return Some(
            Prompt::new(&name_key, &format!("Name of {}", who.spoken()), Ask::Confidential)
                .say("Type the full name. It goes into the confidential annex, never into the transcript.")
                .into(),
        );
    }
    let holder = state
        .custodians
        .iter()
        .find(|c| role == Role::Custodian && Label::custodian(c.number) == *who)
        .and_then(|c| c.person.clone());
    if holder.is_some_and(|person| person != *who) {
        return None; // a signer who is custodian by exception is enrolled already
    }
    let id_key = format!("enrol.{slug}.id");
    if state.answer(&id_key).is_none() {
        let stated_by = if role == Role::Witness {
            "operator"
        } else {
            "witness"
        };
        return Some(
            choose(&id_key, &format!("How was {} identified?", who.spoken()), &DOCUMENTS)
                .say(format!(
                    "The {stated_by} looks at the document and states its kind. No number is written down."
                ))
                .into(),
        );
    }
    if !state.person(who).is_some_and(|p| p.pin) {
        return Some(
            Prompt::new(
                &format!("enrol.{slug}.pin"),
                &format!("A PIN for {}", who.spoken()),
                Ask::NewPin { who: who.clone() },
            )
            .say("Choose at least 6 digits for today, and type them twice. Others look away.")
            .say("The PIN proves that you are here, not who you are: your name on paper does that.")
            .into(),
        );
    }
    None
}

pub(super) fn enrol(script: &Script, state: &State, step: &Step) -> Next {
    let openings = [
        (
            "opening.purpose",
            "What is this ceremony for?",
            "Say the purpose in a line; it stands in the record.",
        ),
        (
            "opening.authority",
            "By whose authority?",
            "Name the decision or office that ordered it, e.g. a resolution and its date.",
        ),
    ];
    for (key, title, say) in openings {
        let known = match key {
            "opening.purpose" => &state.facts.purpose,
            _ => &state.facts.authority,
        };
        if known.is_empty() {
            return text(key, title, TextKind::Line).say(say).into();
        }
    }
    if state.facts.location.is_empty() {
        return Prompt::new("opening.location", "Where are we?", Ask::Confidential)
            .say("Type the place. It goes into the annex; the record says `room`.")
            .into();
    }
    for (who, role, slug) in [
        (Label::operator(), Role::Operator, "operator"),
        (Label::witness(), Role::Witness, "witness"),
    ] {
        if let Some(next) = one_person(state, &who, role, slug) {
            return next;
        }
    }
    if state.opened.kind == Kind::ShareCheck && state.answer("enrol.custodian").is_none() {
        let numbers: Vec<(String, String)> = (1..=script.policy.n)
            .map(|n| (n.to_string(), format!("Custodian {n}")))
            .collect();
        let numbers: Vec<(&str, &str)> = numbers
            .iter()
            .map(|(a, b)| (a.as_str(), b.as_str()))
            .collect();
        return choose("enrol.custodian", "Whose sheet is checked today?", &numbers)
            .say("One custodian a month, in rotation, so that the threshold is never in one room.")
            .into();
    }
    for custodian in &state.custodians {
        let number = custodian.number;
        let slug = format!("c{number}");
        let who = Label::custodian(number);
        if state.opened.kind != Kind::ShareCheck {
            let present_key = format!("enrol.{slug}.present");
            if state.answer(&present_key).is_none() {
                return choose(
                    &present_key,
                    &format!("Is custodian {number} in the room?"),
                    &[("present", "Present"), ("absent", "Absent")],
                )
                .say(&step.say)
                .say("Only people present enrol.")
                .into();
            }
        }
        if custodian.present {
            if let Some(next) = one_person(state, &who, Role::Custodian, &slug) {
                return next;
            }
        } else if state.opened.kind == Kind::Backup {
            let name_key = format!("enrol.{slug}.name");
            if state.answer(&name_key).is_none() {
                return Prompt::new(
                    &name_key,
                    &format!("Name of custodian {number}, who is absent"),
                    Ask::Confidential,
                )
                .say("The sheet will travel in a sealed bag. It counts as handed over only when receipt is confirmed.")
                .into();
            }
        }
    }
    Next::Done
}

pub(super) fn clock(state: &State, step: &Step) -> Next {
    if state.facts.clock.is_some() && state.did("clock") {
        return Next::Done;
    }
    text(
        "clock.stated",
        "What does the witness's watch say?",
        TextKind::DateTime,
    )
    .say(&step.say)
    .say("Type the date and time in UTC as the watch shows it now: YYYY-MM-DD HH:MM.")
    .say(&step.why)
    .into()
}

pub(super) fn attendance(script: &Script, state: &State, step: &Step) -> Next {
    for custodian in state.custodians.iter().filter(|c| c.present) {
        let number = custodian.number;
        let key = format!("attendance.c{number}");
        if state.answer(&key).is_none() {
            return choose(
                &key,
                &format!("Did custodian {number} bring a sheet?"),
                &[("yes", "Yes, in its closed bag"), ("no", "No")],
            )
            .say(&step.say)
            .say(&step.why)
            .fact("Needed", format!("{} sheets", script.policy.k))
            .into();
        }
    }
    Next::Done
}
