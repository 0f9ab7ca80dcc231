//! What a finished step leaves behind.

use super::effect::Against;
use super::next::backed_keys;
use super::policy::Verb;
use super::script::Script;
use super::state::{Ending, MatchFact, SheetState, State};

/// Turns the step's work into facts that outlive it.
pub(super) fn step_done(script: &Script, state: &mut State, verb: Verb) {
    match verb {
        Verb::Attendance if state.brought() < usize::from(script.policy.k) => {
            state.ending = Some(Ending::NotHeld);
        }
        // From here on the header's threshold counts, whatever the script says.
        Verb::SealedFile if state.facts.shares.is_empty() => {
            let k = state.facts.sealed.as_ref().map_or(0, |s| s.k);
            if state.brought() < usize::from(k) {
                state.ending = Some(Ending::NotHeld);
            }
        }
        Verb::Match if state.answer("match.against") == Some("read-out") => {
            state.facts.match_source = Some((Against::ReadOut, String::new()));
            let lines = backed_keys(&state.facts.keys)
                .iter()
                .map(|k| format!("{} read out by two people", k.key_type))
                .collect();
            state.facts.matched = Some(MatchFact {
                chain_id: state.answer("match.chain").unwrap_or_default().to_owned(),
                genesis_hash: None,
                lines,
                source: "read out by two people".into(),
                on_chain: false,
            });
        }
        Verb::Sheets => {
            for sheet in state
                .sheets
                .iter_mut()
                .filter(|s| s.state == SheetState::Printed)
            {
                sheet.state = SheetState::Accepted;
            }
        }
        Verb::StopEvidence => {
            let line = |label: &str, key: &str| {
                format!("{label}: {}", state.answer(key).unwrap_or_default())
            };
            state.facts.stop = vec![
                line("stopped", "stop.how"),
                line("seen by", "stop.seen-by"),
                line("when", "stop.when"),
                format!(
                    "chain silent over finalized blocks {} to {}",
                    state.answer("stop.silent-from").unwrap_or_default(),
                    state.answer("stop.silent-to").unwrap_or_default()
                ),
            ];
        }
        _ => {}
    }
}
