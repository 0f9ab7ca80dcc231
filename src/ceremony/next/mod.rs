//! What comes next: a function of script and facts, and of nothing else.

mod closing;
mod hsm;
mod keys;
mod overlay;
mod people;
mod shares;
mod write;

use super::effect::Effect;
use super::policy::{Label, Role, Sensitive, Verb};
use super::prompt::{Ask, Choice, Offer, Prompt, TextKind};
use super::script::{Script, Step};
use super::state::State;

pub use closing::{destroy_list, due_by_events};
pub(super) use hsm::BACK;
pub use keys::short;
pub(super) use keys::{backed_keys, key_lines};
pub(super) use overlay::exception_text;

/// What comes next.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Next {
    /// A person's turn.
    Ask(Box<Prompt>),
    /// The driver's turn.
    Do(Effect),
    /// The step is done.
    Done,
}

impl From<Prompt> for Next {
    fn from(prompt: Prompt) -> Self {
        Next::Ask(Box::new(prompt))
    }
}

/// What comes next in this state.
pub fn next(script: &Script, state: &State) -> Next {
    if state.closed {
        return closing::over(state).into();
    }
    if let Some(effect) = &state.busy {
        return Prompt::new("wait", "One moment", Ask::Wait)
            .say(effect.progress())
            .into();
    }
    if state.wipe_shares {
        return Next::Do(Effect::WipeShares);
    }
    if let Some(over) = state.overlays.last() {
        return overlay::next(state, over);
    }
    let Some(step) = script.steps.get(state.step) else {
        return closing::over(state).into();
    };
    match step.verb {
        Verb::MachineCheck => people::machine(script, state, step),
        Verb::Enrol => people::enrol(script, state, step),
        Verb::Clock => people::clock(state, step),
        Verb::Attendance => people::attendance(script, state, step),
        Verb::Export => keys::export(state, step),
        Verb::Match => keys::matching(script, state, step),
        Verb::StopEvidence => write::stop(state, step),
        Verb::Write => write::write(state, step),
        Verb::Entropy => shares::entropy(state, step),
        Verb::Seal => shares::seal(script, state, step),
        Verb::Split => shares::split(script, state, step),
        Verb::Sheets => shares::sheets(script, state, step),
        Verb::SealedFile => shares::sealed_file(state, step),
        Verb::Shares => shares::enter(state, step),
        Verb::Open => shares::open(state, step),
        Verb::Record => shares::record(state, step),
        Verb::CheckShare => shares::check(state, step),
        Verb::Store => closing::store(script, state, step),
        Verb::HandOver => closing::hand_over(state, step),
        Verb::Wipe => closing::wipe(state, step),
        Verb::Certify => closing::certify(script, state, step),
    }
}

/// The prompt on screen, whatever the state.
pub fn prompt(script: &Script, state: &State) -> Prompt {
    match next(script, state) {
        Next::Ask(prompt) => *prompt,
        Next::Do(effect) => Prompt::new("wait", "One moment", Ask::Wait).say(effect.progress()),
        Next::Done => Prompt::new("wait", "One moment", Ask::Wait),
    }
}

/// The signatures of a step: machine looked at again, then each signer. `None` when all have signed.
fn signatures(
    state: &State,
    step: &Step,
    verb: Sensitive,
    facts: &[(String, String)],
) -> Option<Next> {
    if !state.work.rechecked {
        return Some(Next::Do(Effect::CheckMachine));
    }
    let needs: Vec<Label> = step.sign.iter().map(label_of).collect();
    if needs.iter().all(|label| state.work.signed.contains(label)) {
        return None;
    }
    let mut prompt = sign_prompt(
        state,
        &format!("{}.sign", step.id),
        verb,
        needs,
        &state.work.signed,
    )
    .say(&step.say)
    .say(&step.why);
    prompt.facts.extend_from_slice(facts);
    Some(prompt.into())
}

fn sign_prompt(
    state: &State,
    key: &str,
    verb: Sensitive,
    needs: Vec<Label>,
    has: &[Label],
) -> Prompt {
    let locked = needs
        .iter()
        .filter_map(|label| {
            let until = state.locks.get(label)?.1;
            (until > state.time).then(|| (label.clone(), until))
        })
        .collect();
    Prompt::new(
        key,
        &format!("Sign to {}", verb.phrase()),
        Ask::Sign {
            verb,
            needs,
            has: has.to_vec(),
            locked,
        },
    )
    .offer(Offer::ForgottenPin)
}

/// The label that signs for a role.
fn label_of(role: &Role) -> Label {
    match role {
        Role::Operator => Label::operator(),
        Role::Witness => Label::witness(),
        Role::Custodian => Label::custodian(1),
    }
}

impl Prompt {
    fn new(key: &str, title: &str, ask: Ask) -> Self {
        let offers = match ask {
            Ask::Wait | Ask::Over | Ask::Paused | Ask::Objection { .. } => vec![],
            // Whoever types on without looking must not land in an objection; it can be made on the page after.
            Ask::Refusal { .. } => vec![Offer::Pause],
            _ => vec![Offer::Object, Offer::Pause],
        };
        Self {
            key: key.into(),
            title: title.into(),
            say: vec![],
            facts: vec![],
            ask,
            offers,
            qr: None,
        }
    }

    fn say(mut self, text: impl Into<String>) -> Self {
        self.say.push(text.into());
        self
    }

    fn fact(mut self, label: impl Into<String>, value: impl Into<String>) -> Self {
        self.facts.push((label.into(), value.into()));
        self
    }

    fn lines(mut self, label: &str, lines: &[String]) -> Self {
        for (index, line) in lines.iter().enumerate() {
            self.facts.push((
                if index == 0 {
                    label.into()
                } else {
                    String::new()
                },
                line.clone(),
            ));
        }
        self
    }

    fn qr(mut self, text: &str) -> Self {
        self.qr = Some(text.to_owned());
        self
    }

    fn offer(mut self, offer: Offer) -> Self {
        self.offers.push(offer);
        self
    }
}

fn choose(key: &str, title: &str, choices: &[(&str, &str)]) -> Prompt {
    let choices = choices
        .iter()
        .map(|(value, label)| Choice {
            value: (*value).into(),
            label: (*label).into(),
        })
        .collect();
    Prompt::new(key, title, Ask::Choose(choices))
}

fn text(key: &str, title: &str, kind: TextKind) -> Prompt {
    Prompt::new(
        key,
        title,
        Ask::Text {
            kind,
            optional: false,
        },
    )
}

fn ready(key: &str, title: &str, label: &str) -> Prompt {
    Prompt::new(
        key,
        title,
        Ask::Ready {
            label: label.into(),
        },
    )
}
