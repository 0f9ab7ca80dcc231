//! The machine itself: one event in, a new state and at most one effect out.

use super::check;
use super::effect::Effect;
use super::event::{Event, Opened, Refused};
use super::next::{Next, exception_text, next, prompt};
use super::policy::{Kind, Verb};
use super::prompt::Ask;
use super::script::Script;
use super::state::{Clears, Custodian, Ending, Facts, IDLE_LIMIT, Offered, Overlay, State, Work};
use super::{answer, completion, outcome, request, resume, signing};

/// An event that doesn't fit the state. It changes nothing and is never written to the transcript.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// Stable kebab-case name.
    pub name: &'static str,
    /// What and why.
    pub what: String,
}

impl std::fmt::Display for Refusal {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.what)
    }
}

impl std::error::Error for Refusal {}

pub(super) fn refuse<T>(name: &'static str, what: impl Into<String>) -> Result<T, Refusal> {
    Err(Refusal {
        name,
        what: what.into(),
    })
}

/// Begins a ceremony with its first entry.
///
/// # Errors
/// `script-unsound` for a script that [`check::sound`] refuses.
pub fn open(script: &Script, opened: Opened, time: i64) -> Result<(State, Vec<Effect>), Refusal> {
    if let Err(error) = check::sound(script) {
        return refuse("script-unsound", error.to_string());
    }
    let kind = script.kind();
    let custodians = match kind {
        Kind::ShareCheck => vec![],
        Kind::Backup | Kind::Recovery | Kind::Verification => (1..=script.policy.n)
            .map(|number| Custodian {
                number,
                ..Custodian::default()
            })
            .collect(),
    };
    let mut state = State {
        opened: Opened { kind, ..opened },
        began: time,
        time,
        step: 0,
        resume_to: None,
        resume_work: Work::default(),
        work: Work::default(),
        overlays: vec![],
        busy: None,
        wipe_shares: false,
        people: vec![],
        custodians,
        locks: Default::default(),
        slots: Default::default(),
        sheets: vec![],
        copies: vec![],
        exceptions: vec![],
        refusals: vec![],
        facts: Facts::default(),
        ending: None,
        closed: false,
        resumes: 0,
    };
    let effects = advance(script, &mut state);
    Ok((state, effects))
}

/// One event, at UTC second `time`.
///
/// # Errors
/// A [`Refusal`] when the event was not asked for; the state stands as it was.
pub fn step(
    script: &Script,
    state: &State,
    time: i64,
    event: &Event,
) -> Result<(State, Vec<Effect>), Refusal> {
    if state.closed {
        return refuse(
            "ceremony-closed",
            "The ceremony is closed; nothing can be added to it.",
        );
    }
    let back = state.time - time;
    match event {
        Event::ClockBack { seconds } if *seconds > 0 && *seconds == back => {}
        Event::ClockBack { .. } => {
            return refuse("clock-not-back", "The clock did not go back by so much.");
        }
        _ if back > 0 => {
            return refuse(
                "clock-went-back",
                "The clock went back, and that has no entry yet.",
            );
        }
        _ => {}
    }
    let mut new = state.clone();
    new.time = time;
    apply(script, state, &mut new, event)?;
    let effects = advance(script, &mut new);
    Ok((new, effects))
}

/// Goes on until a person or the driver has a turn.
fn advance(script: &Script, state: &mut State) -> Vec<Effect> {
    while state.busy.is_none() {
        match next(script, state) {
            Next::Ask(_) => break,
            Next::Do(effect) => {
                state.busy = Some(effect.clone());
                return vec![effect];
            }
            Next::Done => complete(script, state),
        }
    }
    vec![]
}

/// The current step is done.
fn complete(script: &Script, state: &mut State) {
    let verb = script.steps[state.step].verb;
    let undecided = state.ending.is_none();
    completion::step_done(script, state, verb);
    state.work = Work::default();
    if undecided && state.ending == Some(Ending::NotHeld) {
        state.step = wipe_step(script);
        return;
    }
    state.step += 1;
    let people_done = script
        .steps
        .get(state.step)
        .is_some_and(|s| !matches!(s.verb, Verb::MachineCheck | Verb::Enrol | Verb::Clock));
    if people_done && let Some(target) = state.resume_to.take() {
        state.step = target;
        state.work = std::mem::take(&mut state.resume_work);
    }
}

pub(super) fn wipe_step(script: &Script) -> usize {
    script.position(Verb::Wipe).unwrap_or(script.steps.len())
}

/// Puts a refusal page over the step.
pub(super) fn refusal_page(state: &mut State, refused: Refused, clears: Clears) {
    let offered = exception_for(&refused.name)
        .filter(|name| !state.excepted(name))
        .map(|name| Offered {
            name,
            text: exception_text(name).to_owned(),
        });
    page_offering(state, refused, offered, clears);
}

/// The same, with the exception that it offers.
pub(super) fn page_offering(
    state: &mut State,
    refused: Refused,
    exception: Option<Offered>,
    clears: Clears,
) {
    state.refusals.push(refused.name.clone());
    state.overlays.push(Overlay::Refusal {
        refused,
        exception,
        clears,
    });
}

/// The exception that a refusal offers. Everything else is never excepted.
fn exception_for(refusal: &str) -> Option<&'static str> {
    match refusal {
        "key-unprovable" => Some("unproven-key"),
        "bare-keys-on-medium" => Some("bare-keys-on-medium"),
        "sheets-as-files" => Some("sheets-as-files"),
        "pictures-of-sheets" => Some("pictures-of-sheets"),
        "not-post-quantum" => Some("not-post-quantum"),
        _ => None,
    }
}

fn apply(script: &Script, old: &State, new: &mut State, event: &Event) -> Result<(), Refusal> {
    let asked = prompt(script, old);
    match event {
        Event::Opened(_) => refuse("already-open", "The ceremony is open already."),
        Event::Answered { key, value } => answer::answered(script, &asked, new, key, value),
        Event::Annexed {
            key,
            annex,
            same_as,
        } => answer::annexed(&asked, new, key, annex, same_as.as_ref()),
        Event::PinChosen { who } => match &asked.ask {
            Ask::NewPin { who: expected } if expected == who => {
                if let Some(person) = new.people.iter_mut().find(|p| p.label == *who) {
                    person.pin = true;
                }
                new.locks.remove(who);
                if matches!(new.overlays.last(), Some(Overlay::Reenrolling { .. })) {
                    new.overlays.pop();
                }
                Ok(())
            }
            _ => not_asked("a new PIN"),
        },
        Event::Stored { key, count } => match &asked.ask {
            Ask::Secret(_) if asked.key == *key => {
                new.work.answers.insert(key.clone(), "typed".into());
                if key == "entropy.dice" {
                    new.facts.dice = *count;
                }
                Ok(())
            }
            _ => not_asked("a secret"),
        },
        Event::Signed { who, verb } => signing::signed(&asked.ask, new, who, *verb),
        Event::WrongPin { who } => signing::wrong_pin(&asked.ask, new, who),
        Event::ShareRead { x, how, commitment } => {
            answer::share_read(&asked, new, *x, how, commitment)
        }
        Event::Refused(refused) => {
            if new.busy.is_some() {
                return refuse("busy", "The machine is at work.");
            }
            refusal_page(new, refused.clone(), Clears::Nothing);
            Ok(())
        }
        Event::Finished { outcome } => {
            let Some(effect) = new.busy.take() else {
                return refuse("nothing-pending", "Nothing was under way.");
            };
            outcome::finished(script, new, &effect, outcome)
        }
        Event::Objected { who, reason } => signing::objected(new, who, reason),
        Event::Withdrawn { who } => signing::withdrawn(new, who),
        Event::Requested { request } => request::requested(script, &asked.ask, new, request),
        Event::PauseExpired => {
            if new.busy.is_some() {
                return refuse("busy", "The machine is at work.");
            }
            if new.time - old.time < IDLE_LIMIT {
                return refuse("pause-too-short", "The pause is not half an hour long yet.");
            }
            request::pause_expired(script, new);
            Ok(())
        }
        Event::ClockBack { seconds } => {
            new.facts.clock_jumps.push(*seconds);
            // Who waits after wrong PINs waits no longer because the clock is set back.
            for (_, until) in new.locks.values_mut() {
                *until -= seconds;
            }
            Ok(())
        }
        Event::Resumed { .. } => {
            resume::resumed(script, new);
            Ok(())
        }
        Event::Record { sha256 } => match new.busy.take() {
            Some(Effect::WriteRecord) => {
                new.facts.recorded = Some(sha256.clone());
                Ok(())
            }
            _ => refuse("nothing-pending", "No record was under way."),
        },
        Event::Closed { outcome } => match new.busy.take() {
            Some(Effect::Close) => {
                let ending = new.ending.get_or_insert(Ending::Completed);
                if ending.name() != outcome {
                    return refuse("wrong-ending", format!("It ends as {}.", ending.name()));
                }
                new.closed = true;
                Ok(())
            }
            _ => refuse("nothing-pending", "Closing was not under way."),
        },
    }
}

pub(super) fn not_asked<T>(what: &str) -> Result<T, Refusal> {
    refuse("not-asked", format!("{what} was not asked for now."))
}
