//! Resuming: what stands, what is void because its secret died with the memory, what starts again.

use super::effect::{Effect, Paper};
use super::engine::wipe_step;
use super::next::exception_text;
use super::outcome::perhaps_written;
use super::policy::{Kind, Verb};
use super::request::void_sheets;
use super::script::Script;
use super::state::{Exception, Sheet, SheetState, State, Work};

/// After a power cut: what lay in memory is gone. See `docs/manual.md`, "Resuming".
pub(super) fn resumed(script: &Script, state: &mut State) {
    state.resumes += 1;
    match state.busy.take() {
        Some(Effect::PrintSheet {
            number,
            custodian,
            paper: paper @ (Paper::Simulated | Paper::Files),
        }) => perhaps_printed(state, number, custodian, paper),
        Some(Effect::WriteKeys {
            dry: false, path, ..
        }) => perhaps_written(state, &path),
        _ => {}
    }
    state.wipe_shares = false;
    state.overlays.clear();
    state.slots.clear();
    state.locks.clear();
    state.people.clear();
    for custodian in &mut state.custodians {
        custodian.present = false;
        custodian.person = None;
    }
    state.facts.recipient = None;
    state.facts.recorded = None; // written anew: it names the ceremony key, which is another now
    state.exceptions.push(Exception {
        name: "resumed".into(),
        text: exception_text("resumed").into(),
        signed: vec![],
    });
    if state.ending.is_some() {
        state.work = Work::default();
        state.step = wipe_step(script);
        return;
    }
    let reached = state.resume_to.unwrap_or(state.step);
    let work = match state.resume_to {
        Some(_) => std::mem::take(&mut state.resume_work),
        None => std::mem::take(&mut state.work),
    };
    state.work = Work::default();
    state.resume_work = Work::default();
    state.step = 0;
    let past = |verb: Verb| script.position(verb).is_some_and(|at| reached > at);
    match state.opened.kind {
        Kind::Backup if reached > last_match(script) => {
            state.resume_to = Some(reached);
            state.resume_work = half_done_removed(state, work);
        }
        Kind::Backup => {
            void_sheets(state);
            state.facts.sealed = None;
            state.facts.opened = false;
            state.facts.set_id.clear();
            state.facts.commitments.clear();
            state.facts.subsets = None;
            state.copies.clear();
            let export = script.position(Verb::Export);
            state.resume_to = export.filter(|at| reached >= *at);
        }
        Kind::Recovery if past(Verb::Write) => {
            state.resume_to = Some(reached);
            state.resume_work = half_done_removed(state, work);
        }
        Kind::Verification | Kind::ShareCheck if past(Verb::Open) && past(Verb::Wipe) => {
            state.resume_to = Some(reached);
        }
        Kind::Recovery | Kind::Verification | Kind::ShareCheck => {
            state.facts.keystore_password = false;
            state.facts.shares.clear();
            state.facts.quorum.clear();
            state.facts.opened = false;
            state.facts.checked.clear();
            if state.opened.kind == Kind::ShareCheck {
                state.custodians.clear();
            }
        }
    }
}

/// The power went while this sheet was printed: it may exist, so it is void and on the list.
fn perhaps_printed(state: &mut State, number: u32, custodian: u8, paper: Paper) {
    if paper == Paper::Files {
        let files = format!("what may lie in sheets/share-{custodian}.*");
        state.facts.destroy.push(files);
    }
    state.sheets.push(Sheet {
        number,
        custodian,
        paper,
        state: SheetState::Void,
        proven: String::new(),
        bag: String::new(),
        place: String::new(),
        carrier: None,
    });
}

/// The index of the last match: past it, sealed file and sheets are proven.
fn last_match(script: &Script) -> usize {
    script
        .steps
        .iter()
        .rposition(|s| s.verb == Verb::Match)
        .unwrap_or(usize::MAX)
}

/// Keeps what is proven, and asks anew for a copy or signature that was under way.
fn half_done_removed(state: &State, mut work: Work) -> Work {
    work.signed.clear();
    work.rechecked = false;
    let verified: Vec<String> = state
        .copies
        .iter()
        .map(|c| format!("store.m{}.", c.number))
        .collect();
    let keep = |key: &String| {
        !key.starts_with("store.")
            || verified
                .iter()
                .any(|prefix| key.starts_with(prefix.as_str()))
    };
    work.answers.retain(|key, _| keep(key));
    work.done.retain(|key, _| keep(key));
    work
}
