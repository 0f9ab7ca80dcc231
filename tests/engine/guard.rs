//! What must hold after every accepted event, kept apart from the engine's own book-keeping.

use std::collections::{BTreeMap, BTreeSet};

use qh_ceremony::ceremony::effect::Effect;
use qh_ceremony::ceremony::event::{Event, Outcome};
use qh_ceremony::ceremony::policy::{Kind, Label, Sensitive, Slot};
use qh_ceremony::ceremony::state::{Ending, SheetState, State};

use super::fake::Run;

/// Who signed what since the machine was last looked at, by the events alone.
#[derive(Default)]
pub struct Guard {
    signed: BTreeMap<(usize, Sensitive), BTreeSet<Label>>,
    statement: BTreeSet<Label>,
    ever: BTreeSet<Sensitive>,
}

/// The verbs under one of which an effect may run.
fn verbs(effect: &Effect, state: &State) -> &'static [Sensitive] {
    match effect {
        Effect::ReadKeys { .. } => &[Sensitive::Export],
        Effect::Seal { .. } => &[Sensitive::Seal],
        Effect::Split { .. } => &[Sensitive::Split],
        Effect::Open => &[Sensitive::Open],
        Effect::WriteKeys { dry: false, .. } => &[Sensitive::Write, Sensitive::Deliver],
        Effect::WriteRecord if state.ending.is_none() => &[Sensitive::Certify],
        _ => &[],
    }
}

impl Guard {
    fn both(&self, step: usize, verb: Sensitive) -> bool {
        let two = BTreeSet::from([Label::operator(), Label::witness()]);
        self.signed
            .get(&(step, verb))
            .is_some_and(|signed| signed.is_superset(&two))
    }

    /// Takes one event through the engine and looks at what came of it. Whether it was accepted.
    pub fn take(&mut self, run: &mut Run, time: i64, event: Event) -> bool {
        let old = run.state.clone();
        if run.take_at(time, event.clone()).is_err() {
            assert_eq!(old, run.state);
            return false;
        }
        assert!(!old.closed, "an event after the end: {event:?}");
        match &event {
            Event::Signed { who, verb } => {
                assert!(old.person(who).is_some_and(|p| p.pin), "{who} has no PIN");
                self.signed
                    .entry((old.step, *verb))
                    .or_default()
                    .insert(who.clone());
                if *verb == Sensitive::Statement {
                    self.statement.insert(who.clone());
                }
                self.ever.insert(*verb);
            }
            Event::Finished {
                outcome: Outcome::Machine { .. },
            } => self.signed.clear(),
            Event::Resumed { .. } => {
                self.signed.clear();
                self.statement.clear();
            }
            _ => {}
        }
        self.effects(&old, &run.state);
        self.sheets(run, &old, &event);
        self.endings(run);
        true
    }

    fn effects(&self, old: &State, new: &State) {
        let Some(effect) = &new.busy else { return };
        if old.busy.as_ref() == Some(effect) && old.step == new.step {
            return;
        }
        let verbs = verbs(effect, new);
        assert!(
            verbs.is_empty() || verbs.iter().any(|verb| self.both(new.step, *verb)),
            "{effect:?} without two signatures"
        );
        match effect {
            Effect::Seal { .. } => {
                assert!(new.facts.matched.is_some());
                assert!(new.slots.contains(&Slot::Bundle) && new.slots.contains(&Slot::Secret));
            }
            Effect::Split { .. } => assert!(new.facts.sealed.is_some()),
            Effect::WriteKeys { dry: false, .. } => {
                assert!(!new.facts.stop.is_empty() && self.statement.len() == 2);
                assert!(new.slots.contains(&Slot::Opened));
                assert!(new.facts.matched.as_ref().is_some_and(|m| m.on_chain));
            }
            Effect::Open if new.opened.kind != Kind::Backup => {
                assert!(!new.facts.quorum.is_empty());
            }
            Effect::WriteCopy { .. } => assert!(new.facts.opened),
            _ => {}
        }
    }

    fn sheets(&self, run: &Run, old: &State, event: &Event) {
        let new = &run.state;
        for (at, before) in old.sheets.iter().enumerate() {
            let now = &new.sheets[at];
            assert_eq!(now.number, before.number, "a sheet was forgotten");
            assert!(
                before.stands() || !now.stands(),
                "a void sheet stands again"
            );
            if before.state == SheetState::Printed && now.state == SheetState::Accepted {
                assert!(self.both(old.step, Sensitive::AcceptSheets), "{event:?}");
                for number in 1..=run.script.policy.n {
                    let sheet = new.sheet_of(number).expect("a sheet for everybody");
                    assert!(!sheet.proven.is_empty(), "sheet {number} isn't proven");
                }
            }
        }
        for number in 1..=16 {
            let standing = new
                .sheets
                .iter()
                .filter(|s| s.custodian == number && s.stands());
            assert!(
                standing.count() <= 1,
                "two sheets of custodian {number} stand"
            );
        }
        for exception in &new.exceptions {
            let by_itself = matches!(exception.name.as_str(), "resumed" | "residue");
            assert_eq!(exception.signed.len(), if by_itself { 0 } else { 2 });
        }
        if new.opened.kind == Kind::ShareCheck {
            assert!(new.facts.shares.len() <= 1);
        }
    }

    fn endings(&self, run: &Run) {
        let state = &run.state;
        if !state.closed {
            return;
        }
        assert!(state.busy.is_none());
        assert!(state.facts.recorded.is_some(), "closed without a record");
        assert!(state.facts.wiped.is_some(), "closed without a wipe");
        match &state.ending {
            Some(Ending::Completed) => {
                assert!(self.ever.contains(&Sensitive::Certify));
                assert!(state.slots.is_empty(), "{:?}", state.slots);
            }
            Some(Ending::Stopped(_)) => assert!(state.sheets.iter().all(|s| !s.stands())),
            Some(Ending::NotHeld) => assert!(state.facts.shares.is_empty()),
            None => panic!("closed without an ending"),
        }
    }
}
