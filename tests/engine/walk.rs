//! Each shipped script from its first prompt to its last entry.

use qh_ceremony::ceremony::effect::Paper;
use qh_ceremony::ceremony::state::{Ending, SheetState};

use super::fake::{NAMES, Run};
use super::guard::Guard;

/// Drives to the end with every invariant looked at.
pub fn guarded(run: &mut Run) {
    let mut guard = Guard::default();
    for _ in 0..2000 {
        if run.state.closed {
            return;
        }
        let event = run.usual();
        let text = format!("{event:?}");
        assert!(guard.take(run, run.time + 1, event), "{text}");
    }
    panic!("it turns in a circle at {:?}", run.prompt());
}

#[test]
fn every_shipped_script_runs_to_its_end() {
    for name in NAMES {
        let mut run = Run::of(name);
        guarded(&mut run);
        assert_eq!(run.state.ending, Some(Ending::Completed), "{name}");
        assert_eq!(run.state.step, run.script.steps.len() - 1, "{name}");
        assert_eq!(run.state.refusals, Vec::<String>::new(), "{name}");
        assert_eq!(run.replayed(), run.state, "{name}");
    }
}

#[test]
fn a_backup_reconciles_its_sheets() {
    let mut run = Run::of("key-backup");
    guarded(&mut run);
    assert_eq!(run.state.sheets.len(), 5);
    assert!(
        run.state
            .sheets
            .iter()
            .all(|s| s.state == SheetState::HandedOver)
    );
    assert_eq!(run.state.copies.len(), 3);
    assert_eq!(run.state.facts.quorum, Vec::<u8>::new());
}

#[test]
fn every_way_through_a_backup_ends() {
    for (key, value) in [
        ("export.source", "delivery"),
        ("export.password", "yes"),
        ("match.against", "chain-spec"),
        ("match.against", "read-out"),
        ("sheets.paper", "handwriting"),
        ("enrol.c2.present", "absent"),
    ] {
        let mut run = Run::of("key-backup").answer(key, value);
        guarded(&mut run);
        assert_eq!(run.state.ending, Some(Ending::Completed), "{key} {value}");
    }
    let mut run = Run::of("key-backup").answer("sheets.paper", "handwriting");
    guarded(&mut run);
    assert!(
        run.state
            .sheets
            .iter()
            .all(|s| s.paper == Paper::Handwriting)
    );
}

#[test]
fn every_way_out_of_a_recovery_ends() {
    for (target, exception) in [
        ("keystore", None),
        ("delivery", Some("not-post-quantum")),
        ("medium", Some("bare-keys-on-medium")),
    ] {
        let mut run = Run::of("key-recovery").answer("write.target", target);
        if let Some(name) = exception {
            run = run.answer(name, "exception");
        }
        guarded(&mut run);
        assert_eq!(run.state.ending, Some(Ending::Completed), "{target}");
        let signed: Vec<&str> = run
            .state
            .exceptions
            .iter()
            .map(|e| e.name.as_str())
            .collect();
        assert_eq!(signed, exception.into_iter().collect::<Vec<_>>());
    }
}
