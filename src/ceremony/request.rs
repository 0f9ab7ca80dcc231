//! What people ask for besides answering, and how the ceremony is left before its end.

use super::engine::{Refusal, not_asked, refuse, wipe_step};
use super::event::Request;
use super::policy::{Kind, Label, Slot, Verb};
use super::prompt::Ask;
use super::script::Script;
use super::state::{Clears, Ending, Overlay, SheetState, State, TokenPart, Work};

pub(super) fn requested(
    script: &Script,
    ask: &Ask,
    new: &mut State,
    request: &Request,
) -> Result<(), Refusal> {
    if new.busy.is_some() {
        return refuse(
            "busy",
            "The machine is at work; it can't be left half done.",
        );
    }
    match request {
        Request::Pause => {
            if matches!(ask, Ask::Paused) {
                return not_asked("A pause");
            }
            new.overlays.push(Overlay::Paused);
            Ok(())
        }
        Request::Continue => match new.overlays.last() {
            Some(Overlay::Paused) => {
                new.overlays.pop();
                Ok(())
            }
            _ => not_asked("going on"),
        },
        Request::Acknowledge => match new.overlays.pop() {
            Some(Overlay::Refusal { clears, .. }) => {
                clear(new, &clears);
                Ok(())
            }
            _ => not_asked("an acknowledgement"),
        },
        Request::Reprint => {
            let at_sheets = script
                .steps
                .get(new.step)
                .is_some_and(|s| s.verb == Verb::Sheets);
            // The sheet on the table is the first that isn't proven, as the prompt asks for it.
            let number = match ask {
                Ask::ReadShare { .. } | Ask::Handwrite { .. } if at_sheets => (1..=script.policy.n)
                    .filter_map(|custodian| new.sheet_of(custodian))
                    .find(|s| s.proven.is_empty()),
                _ => None,
            };
            let Some(number) = number.map(|s| s.number) else {
                return not_asked("A reprint");
            };
            new.overlays.push(Overlay::Voiding {
                number,
                checked: false,
                signed: vec![],
            });
            Ok(())
        }
        Request::Exception => match new.overlays.last() {
            Some(Overlay::Refusal {
                exception: Some(offered),
                ..
            }) => {
                if !both_enrolled(new) {
                    return refuse(
                        "not-enrolled",
                        "Operator and witness sign an exception; they are not both enrolled yet.",
                    );
                }
                let offered = offered.clone();
                new.overlays.push(Overlay::Excepting {
                    offered,
                    checked: false,
                    signed: vec![],
                });
                Ok(())
            }
            _ => refuse("never-excepted", "This refusal is never excepted."),
        },
        Request::ForgottenPin { who } => {
            let Ask::Sign { needs, .. } = ask else {
                return not_asked("enrolling anew");
            };
            if !needs.contains(who) || new.signers().count() < 3 {
                return refuse(
                    "reenrol-needs-two-others",
                    "Two other enrolled people must sign for a new PIN, and there are not enough here. Stop the ceremony and begin anew.",
                );
            }
            new.overlays.push(Overlay::Reenrolling {
                who: who.clone(),
                signed: vec![],
            });
            Ok(())
        }
        Request::Back => match new.overlays.last() {
            Some(
                Overlay::Excepting { .. } | Overlay::Voiding { .. } | Overlay::Reenrolling { .. },
            ) => {
                new.overlays.pop();
                Ok(())
            }
            _ => not_asked("going back"),
        },
        Request::Stop { reason } => {
            if new.facts.recorded.is_some() {
                return refuse(
                    "recorded-already",
                    "The record is written; the ceremony can only be closed.",
                );
            }
            stop(script, new, reason.clone());
            Ok(())
        }
    }
}

fn both_enrolled(state: &State) -> bool {
    [Label::operator(), Label::witness()]
        .iter()
        .all(|label| state.person(label).is_some_and(|p| p.pin))
}

/// Ends the ceremony: every sheet that stands is void, everything is wiped, the transcript closes as stopped.
/// A ceremony that is ending already goes on to end so, without what blocks it; else a reason names the objections
/// that nobody withdrew.
pub(super) fn stop(script: &Script, state: &mut State, mut reason: String) {
    if state.ending.is_some() {
        state
            .overlays
            .retain(|over| !matches!(over, Overlay::Objection { .. } | Overlay::Paused));
        return;
    }
    for over in &state.overlays {
        if let Overlay::Objection {
            by,
            reason: objection,
        } = over
        {
            reason = format!("{reason}; {by} did not agree: {objection}");
        }
    }
    state.ending = Some(Ending::Stopped(reason));
    void_sheets(state);
    state.overlays.clear();
    state.work = Work::default();
    state.resume_to = None;
    state.step = wipe_step(script);
}

pub(super) fn void_sheets(state: &mut State) {
    for sheet in state.sheets.iter_mut().filter(|s| s.stands()) {
        sheet.state = SheetState::Void;
        sheet.proven.clear();
    }
}

fn clear(state: &mut State, clears: &Clears) {
    match clears {
        Clears::Nothing => {}
        Clears::Signatures => {
            state.work.signed.clear();
            state.work.rechecked = false;
        }
        Clears::Prefix(prefix) => {
            state
                .work
                .answers
                .retain(|key, _| !key.starts_with(prefix.as_str()));
            state
                .work
                .done
                .retain(|key, _| !key.starts_with(prefix.as_str()));
            if let Some(number) = prefix.strip_prefix("enrol.c")
                && let Ok(number) = number.trim_end_matches('.').parse::<u8>()
            {
                for custodian in state.custodians.iter_mut().filter(|c| c.number == number) {
                    custodian.person = None;
                }
            }
        }
        Clears::Token(part) => clear_token(&mut state.work, *part),
        Clears::Step => state.work = Work::default(),
    }
}

/// What was listed and signed for a token is void; what was chosen before the part that failed stands.
fn clear_token(work: &mut Work, part: TokenPart) {
    let ends = |key: &str| {
        key.split_once('.')
            .map(|(_, end)| end.to_owned())
            .unwrap_or_default()
    };
    work.answers.retain(|key, _| match ends(key).as_str() {
        "stays" => false,
        "pin" | "token" => part < TokenPart::Token,
        _ => true,
    });
    for name in ["inspect", "stays", "read", "plan"] {
        work.done.remove(name);
    }
    work.signed.clear();
    work.rechecked = false;
    if part >= TokenPart::Token {
        work.tokens = None; // its PIN may have fewer tries left now
    }
}

pub(super) fn pause_expired(script: &Script, state: &mut State) {
    let verb = script.steps.get(state.step).map(|s| s.verb);
    if state.slots.contains(&Slot::Scanned) {
        match verb {
            Some(Verb::Sheets) => {
                for sheet in state.sheets.iter_mut().filter(|s| s.stands()) {
                    sheet.proven.clear();
                }
                state.work.done.remove("prove");
                state.work.signed.clear();
                state.wipe_shares = true;
            }
            Some(Verb::Open) if state.opened.kind == Kind::Backup => {
                // The sheets still lie on the table: they are read back once more.
                for sheet in state.sheets.iter_mut().filter(|s| s.stands()) {
                    sheet.proven.clear();
                }
                state.work = Work::default();
                state.step = script.position(Verb::Sheets).unwrap_or(state.step);
                state.wipe_shares = true;
            }
            Some(Verb::SealedFile | Verb::Shares | Verb::Open)
                if state.opened.kind != Kind::Backup =>
            {
                state.facts.shares.clear();
                state.facts.quorum.clear();
                state.work = Work::default();
                state.step = script.position(Verb::Shares).unwrap_or(state.step);
                state.wipe_shares = true;
            }
            _ => {}
        }
    }
    if !matches!(state.overlays.last(), Some(Overlay::Paused)) {
        state.overlays.push(Overlay::Paused);
    }
}
