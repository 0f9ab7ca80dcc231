//! The whole screen as data: checklist, corner, prompt.

use super::next;
use super::policy::{Kind, Verb};
use super::prompt::Prompt;
use super::script::Script;
use super::state::{Overlay, State};

/// How a step or a part of it stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mark {
    /// To come.
    ToCome,
    /// Now.
    Current,
    /// Done.
    Done,
    /// Refused, not yet resolved.
    Refused,
    /// Done or passed with a signed exception.
    Exception,
}

/// One line of the checklist.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Item {
    /// Step number from 1.
    pub number: usize,
    /// Short title.
    pub title: String,
    /// How it stands.
    pub mark: Mark,
    /// e.g. `1/5`.
    pub count: Option<String>,
    /// Parts of the current step, e.g. one line a custodian.
    pub parts: Vec<(Mark, String)>,
}

/// Everything a screen shows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct View {
    /// Whether nothing here is real.
    pub rehearsal: bool,
    /// The script's title.
    pub title: String,
    /// The ceremony's name.
    pub ceremony: String,
    /// Six words of the transcript head.
    pub head: String,
    /// UTC seconds.
    pub time: i64,
    /// The checklist.
    pub checklist: Vec<Item>,
    /// Role and label of each person enrolled with a PIN: those who may object.
    pub people: Vec<(String, String)>,
    /// What to do now.
    pub prompt: Prompt,
    /// The prompt's QR code as lines of a terminal; none, if there is none.
    pub qr: Vec<String>,
    /// What stands in the field of a text prompt at first; mostly nothing.
    pub suggestion: String,
}

/// The screen for a state. `head` is six words; `time` is now, UTC seconds.
pub fn view(script: &Script, state: &State, head: &str, time: i64) -> View {
    let checklist = script
        .steps
        .iter()
        .enumerate()
        .map(|(index, step)| item(script, state, index, step.short()))
        .collect();
    View {
        rehearsal: state.opened.rehearsal,
        title: script.title.clone(),
        ceremony: state.opened.ceremony.clone(),
        head: head.to_owned(),
        time,
        checklist,
        people: state
            .signers()
            .map(|p| (p.role.name().to_owned(), p.label.0.clone()))
            .collect(),
        prompt: next::prompt(script, state),
        qr: vec![],
        suggestion: String::new(),
    }
}

fn item(script: &Script, state: &State, index: usize, title: &str) -> Item {
    let verb = script.steps[index].verb;
    let reached = state.resume_to.map_or(state.step, |target| {
        if index <= state.step || index >= target {
            state.step
        } else {
            target
        }
    });
    let refused = matches!(state.overlays.last(), Some(Overlay::Refusal { .. }));
    let mark = match index.cmp(&reached) {
        _ if state.closed && state.ending == Some(super::state::Ending::Completed) => Mark::Done,
        std::cmp::Ordering::Less => Mark::Done,
        std::cmp::Ordering::Equal if refused => Mark::Refused,
        std::cmp::Ordering::Equal => Mark::Current,
        std::cmp::Ordering::Greater => Mark::ToCome,
    };
    let mut item = Item {
        number: index + 1,
        title: title.to_owned(),
        mark,
        count: None,
        parts: vec![],
    };
    if index != state.step {
        if verb == Verb::Enrol && mark == Mark::Done {
            item.count = Some(state.people.len().to_string());
        }
        return item;
    }
    match verb {
        Verb::Sheets => {
            let proven = |n: u8| state.sheet_of(n).is_some_and(|s| !s.proven.is_empty());
            let n = script.policy.n;
            item.count = Some(format!("{}/{n}", (1..=n).filter(|n| proven(*n)).count()));
            let current = (1..=n).find(|n| !proven(*n));
            item.parts = (1..=n)
                .map(|number| {
                    let mark = match current {
                        _ if proven(number) => Mark::Done,
                        Some(current) if current == number => Mark::Current,
                        _ => Mark::ToCome,
                    };
                    (mark, format!("custodian {number}"))
                })
                .collect();
        }
        Verb::Shares => {
            let k = state.facts.sealed.as_ref().map_or(script.policy.k, |s| s.k);
            item.count = Some(format!("{}/{k}", state.facts.shares.len()));
            item.parts = state
                .facts
                .shares
                .iter()
                .map(|(x, how, _)| (Mark::Done, format!("share {x}, by {how}")))
                .collect();
        }
        Verb::Store => {
            item.count = Some(format!("{}/{}", state.copies.len(), script.policy.media));
        }
        Verb::Enrol if state.opened.kind != Kind::ShareCheck => {
            item.count = Some(state.signers().count().to_string());
        }
        _ => {}
    }
    item
}
