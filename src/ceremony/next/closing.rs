//! Copies, bags, wipe, certificate.

use super::{Next, choose, ready, signatures, text};
use crate::ceremony::dates;
use crate::ceremony::effect::{Effect, Paper};
use crate::ceremony::policy::{Kind, Label, Sensitive};
use crate::ceremony::prompt::{Ask, Prompt, TextKind};
use crate::ceremony::script::{Script, Step};
use crate::ceremony::state::{Ending, Sheet, SheetState, State};

pub(super) fn store(script: &Script, state: &State, step: &Step) -> Next {
    for copy in 1..=script.policy.media {
        let key = |what: &str| format!("store.m{copy}.{what}");
        let label = format!("medium {copy} of {}", script.policy.media);
        if state.did(&key("verified")) {
            continue;
        }
        if state.answer(&key("label")).is_none() {
            return text(&key("label"), &format!("Label of {label}"), TextKind::Line)
                .say(&step.say)
                .say("Write a label on the medium, and type it here.")
                .into();
        }
        if state.answer(&key("place")).is_none() && !script.places.is_empty() {
            let places: Vec<(&str, &str)> = script
                .places
                .iter()
                .map(|p| (p.label.as_str(), p.text.as_str()))
                .collect();
            return choose(
                &key("place"),
                &format!("Where will {label} be kept?"),
                &places,
            )
            .into();
        }
        if state.answer(&key("path")).is_none() {
            return text(&key("path"), &format!("Path of {label}"), TextKind::Path)
                .say("Plug it in and type the directory where it is mounted.")
                .say("Source, journal and copies must be different media.")
                .into();
        }
        let path = state.answer(&key("path")).unwrap_or_default().to_owned();
        if !state.did(&key("written")) {
            return Next::Do(Effect::WriteCopy { copy, path });
        }
        if state.answer(&key("unplug")).is_none() {
            return ready(
                &key("unplug"),
                &format!("Unplug {label}"),
                "It is unplugged",
            )
            .say("The copy is written and synced. Unmount and unplug the medium now.")
            .say(&step.why)
            .into();
        }
        if !state.did(&key("gone")) {
            return Next::Do(Effect::SeeUnplugged { copy, path });
        }
        if state.answer(&key("plug")).is_none() {
            return ready(
                &key("plug"),
                &format!("Plug {label} in again"),
                "It is plugged in",
            )
            .say("Mount it at the same place. The copy is then read back past the cache.")
            .fact("Path", &path)
            .into();
        }
        return Next::Do(Effect::VerifyCopy { copy, path });
    }
    Next::Done
}

pub(super) fn hand_over(state: &State, step: &Step) -> Next {
    for custodian in &state.custodians {
        let number = custodian.number;
        let with_custodian = |s: &Sheet| s.state == SheetState::HandedOver;
        if state.sheet_of(number).is_some_and(with_custodian) {
            continue;
        }
        let key = |what: &str| format!("hand.c{number}.{what}");
        let who = format!("custodian {number}");
        if state.answer(&key("bag")).is_none() {
            return text(
                &key("bag"),
                &format!("Bag number for {who}"),
                TextKind::Line,
            )
            .say("Put the sheet into its tamper-evident bag, close it, and type the bag's number.")
            .say(&step.why)
            .into();
        }
        if state.answer(&key("place")).is_none() {
            return Prompt::new(
                &key("place"),
                &format!("Where will {who} keep it?"),
                Ask::Confidential,
            )
            .say(format!(
                "Type the place. It goes into the annex; the record says `place C{number}`."
            ))
            .into();
        }
        if custodian.present {
            if state.answer(&key("done")).is_none() {
                return choose(
                    &key("done"),
                    &format!("Has {who} taken the bag?"),
                    &[("handed over", "Yes, handed over")],
                )
                .into();
            }
        } else {
            if state.answer(&key("carrier")).is_none() {
                return text(
                    &key("carrier"),
                    &format!("Who carries the bag to {who}?"),
                    TextKind::Line,
                )
                .say("Give a label or an office, no name.")
                .into();
            }
            if state.answer(&key("receipt")).is_none() {
                return text(&key("receipt"), "Receipt due by", TextKind::Date)
                    .say("Until receipt is confirmed the sheet counts as bagged, not as handed over.")
                    .into();
            }
        }
    }
    Next::Done
}

pub(super) fn wipe(state: &State, _step: &Step) -> Next {
    if state.opened.kind != Kind::Backup && state.ending.is_none() {
        for (x, ..) in &state.facts.shares {
            let key = format!("rebag.{x}");
            if state.answer(&key).is_none() {
                return text(
                    &key,
                    &format!("New bag number for share {x}"),
                    TextKind::Line,
                )
                .say("The sheet was opened. Put it into a new numbered bag, and type the number.")
                .into();
            }
        }
    }
    if !state.did("wipe") {
        return Next::Do(Effect::Wipe);
    }
    Next::Done
}

/// What must be destroyed, one line each.
pub fn destroy_list(state: &State) -> Vec<String> {
    let mut list = state.facts.destroy.clone();
    for sheet in state.sheets.iter().filter(|s| s.state == SheetState::Void) {
        list.push(format!(
            "void sheet {} of custodian {}",
            sheet.number, sheet.custodian
        ));
    }
    if state.sheets.iter().any(|s| s.paper == Paper::Handwriting) {
        list.push("rough paper, and the pad under the written forms".into());
    }
    if let (Some(Ending::Stopped(_)), Kind::Backup, Some(sealed)) =
        (&state.ending, state.opened.kind, &state.facts.sealed)
    {
        list.push(format!(
            "sealed file {} in the journal directory",
            sealed.file
        ));
        for copy in &state.copies {
            list.push(format!("copy {} of it: medium {}", copy.number, copy.label));
        }
    }
    if state.excepted("pictures-of-sheets") {
        list.push("picture files of sheets, and the media they lie on".into());
    }
    list
}

/// Tasks that follow from what happened, with their date `YYYY-MM-DD`; those of the script stand in the script.
pub fn due_by_events(state: &State) -> Vec<(String, String)> {
    let mut due = vec![];
    for sheet in state
        .sheets
        .iter()
        .filter(|s| s.state == SheetState::Bagged)
    {
        if let Some((carrier, date)) = &sheet.carrier {
            let who = Label::custodian(sheet.custodian);
            due.push((
                date.clone(),
                format!(
                    "Receipt of bag {} by {who}, carried by {carrier}",
                    sheet.bag
                ),
            ));
        }
    }
    if state.damaged_sheet() {
        due.push((
            dates::months_after(state.time, 1),
            "Reissue: a sheet did not read well; make a fresh backup with new sheets".to_owned(),
        ));
    }
    due
}

pub(super) fn certify(script: &Script, state: &State, step: &Step) -> Next {
    for sheet in state.sheets.iter().filter(|s| s.state == SheetState::Void) {
        let key = format!("void.s{}", sheet.number);
        if state.answer(&key).is_none() {
            return choose(
                &key,
                &format!(
                    "Void sheet {} of custodian {}",
                    sheet.number, sheet.custodian
                ),
                &[
                    ("destroyed", "Destroyed before witnesses"),
                    ("later", "Not yet: an open item"),
                ],
            )
            .say("A void sheet still holds a share. Cut it and burn it before witnesses, now.")
            .into();
        }
    }
    if state.ending.is_none() {
        if state.answer("certify.closing").is_none() {
            return closing_page(script, state).into();
        }
        if let Some(next) = signatures(state, step, Sensitive::Certify, &[]) {
            return next;
        }
    }
    if state.facts.recorded.is_none() {
        return Next::Do(Effect::WriteRecord);
    }
    Next::Do(Effect::Close)
}

fn closing_page(script: &Script, state: &State) -> Prompt {
    let mut prompt = ready("certify.closing", "Before you sign", "Go on to signing")
        .say("What each person takes home, what is destroyed, and what is due.");
    for sheet in state.sheets.iter().filter(|s| s.stands()) {
        prompt = prompt.fact(
            Label::custodian(sheet.custodian).0,
            format!(
                "sheet {}, bag {}, {}",
                sheet.number,
                sheet.bag,
                sheet.state.name()
            ),
        );
    }
    for sheet in state.open_sheets() {
        prompt = prompt.fact(
            "Open item",
            format!("sheet {} is {}", sheet.number, sheet.state.name()),
        );
    }
    for (x, bag) in &state.facts.rebagged {
        prompt = prompt.fact(format!("Share {x}"), format!("bag {bag}"));
    }
    for copy in &state.copies {
        prompt = prompt.fact(
            format!("Copy {}", copy.number),
            format!("{}, {}", copy.label, copy.place),
        );
    }
    let destroy = destroy_list(state);
    prompt = prompt.lines("Destroy", if destroy.is_empty() { &[] } else { &destroy });
    for due in &script.due {
        prompt = prompt.fact(dates::months_after(state.time, due.months), &due.task);
    }
    for task in due_by_events(state) {
        prompt = prompt.fact(task.0, task.1);
    }
    for seconds in &state.facts.clock_jumps {
        prompt = prompt.fact("Clock", format!("went back by {seconds} seconds"));
    }
    if state.facts.matched.as_ref().is_some_and(|m| !m.on_chain) {
        prompt = prompt.fact("NOT MATCHED", "to chain: register the key, then verify");
    }
    for exception in &state.exceptions {
        prompt = prompt.fact("Exception", &exception.text);
    }
    if let Some((searched, found, note)) = &state.facts.wiped {
        let text = match (*searched, *found) {
            (0, _) => format!("not searched: {note}"),
            (_, 0) => "memory searched, nothing left".to_owned(),
            (_, found) => format!("{found} places not empty: power off for ten minutes"),
        };
        prompt = prompt.fact("Wipe", text);
    }
    prompt
}

pub(super) fn over(state: &State) -> Prompt {
    let (title, say) = match &state.ending {
        Some(Ending::Completed) | None => (
            "The ceremony is complete",
            "Print the certificate, or copy the head onto the blank one by hand, and let everybody sign it. The head proves the transcript: without it nothing can be verified.",
        ),
        Some(Ending::Stopped(_)) => (
            "The ceremony was stopped",
            "Nothing of it counts as a backup. Destroy what is listed, and begin anew when you can.",
        ),
        Some(Ending::NotHeld) => (
            "The ceremony was not held",
            "Too few sheets were brought. Nothing was entered and nothing was exposed. Call the custodians whose sheets are missing, and meet again.",
        ),
    };
    let prompt = Prompt::new("over", title, Ask::Over).say(say);
    let prompt = match &state.ending {
        Some(Ending::Stopped(reason)) => prompt.fact("Reason", reason),
        _ => prompt,
    };
    let missing: Vec<String> = match state.ending {
        Some(Ending::NotHeld) => state
            .custodians
            .iter()
            .filter(|c| !c.present || !c.sheet)
            .map(|c| format!("custodian {}", c.number))
            .collect(),
        _ => vec![],
    };
    prompt
        .lines("Call", &missing)
        .lines("Destroy", &destroy_list(state))
}
