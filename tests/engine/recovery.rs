//! Recovery: the header's threshold, the keystore password, the old signer.

use qh_ceremony::ceremony::event::{Event, Outcome, Refused};
use qh_ceremony::ceremony::prompt::Ask;
use qh_ceremony::ceremony::state::Ending;

use super::fake::Run;
use super::walk::guarded;

fn refused(name: &str) -> Refused {
    Refused {
        name: name.into(),
        what: "No.".into(),
        way_on: "Go on.".into(),
        again: vec![],
    }
}

#[test]
fn the_headers_threshold_counts() {
    let mut few = Run::of("key-recovery").answer("attendance.c5", "no");
    few.header = (5, 7);
    guarded(&mut few);
    assert_eq!(few.state.ending, Some(Ending::NotHeld));
    assert!(few.state.facts.shares.is_empty());

    let mut enough = Run::of("key-recovery");
    enough.header = (5, 7);
    guarded(&mut enough);
    assert_eq!(enough.state.ending, Some(Ending::Completed));
    assert_eq!(enough.state.facts.shares.len(), 5);
}

#[test]
fn a_keystore_password_is_asked_for_when_opening_needs_it() {
    for wrong in 0..3 {
        let mut run = Run::of("key-recovery");
        run.until(|run| run.state.busy.is_some() && run.prompt().say[0].starts_with("Opening"));
        let mut name = "keystore-password-needed";
        for _ in 0..=wrong {
            run.must(Event::Finished {
                outcome: Outcome::Failed(refused(name)),
            });
            run.until_prompt("open.password-text");
            assert!(matches!(run.prompt().ask, Ask::Secret(_)));
            run.until(|run| run.state.busy.is_some() && run.prompt().say[0].starts_with("Opening"));
            name = "key-public-mismatch";
        }
        run.until_closed();
        assert_eq!(run.state.ending, Some(Ending::Completed));
    }
}

#[test]
fn a_stop_statement_is_plausible() {
    let mut run = Run::of("key-recovery").answer("stop.when", "2026-11-23 12:00");
    run.until(|run| !run.state.refusals.is_empty());
    assert_eq!(run.state.refusals, ["stop-in-future"]);
    let mut run = Run::of("key-recovery").answer("stop.silent-to", "99");
    run.until(|run| !run.state.refusals.is_empty());
    assert_eq!(run.state.refusals, ["silence-not-a-range"]);
}

#[test]
fn a_sheet_that_read_badly_gives_a_due_task() {
    let mut run = Run::of("key-recovery");
    run.until_prompt("shares.read.0");
    run.must(Event::Refused(refused("share-checksum")));
    run.until_prompt("certify.closing");
    let facts = run.prompt().facts;
    assert!(
        facts
            .iter()
            .any(|(date, task)| date == "2026-12-22" && task.starts_with("Reissue:")),
        "{facts:?}"
    );
}
