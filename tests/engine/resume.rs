//! A power cut after any event: what stands, what is void, and that the ceremony can go on to its end.

use qh_ceremony::ceremony::effect::{Effect, Paper};
use qh_ceremony::ceremony::event::Event;
use qh_ceremony::ceremony::prompt::Ask;
use qh_ceremony::ceremony::state::{Ending, SheetState};

use super::fake::{NAMES, Run};
use super::guard::Guard;
use super::walk::guarded;

fn cut() -> Event {
    Event::Resumed {
        torn_bytes: 0,
        torn_sha256: None,
        ceremony_key: "ssh-ed25519 other".into(),
    }
}

#[test]
fn a_cut_after_every_event_still_comes_to_the_end() {
    for name in NAMES {
        let mut whole = Run::of(name).answer("enrol.c2.present", "absent");
        guarded(&mut whole);
        for at in 0..whole.log.len() {
            let mut run = Run::of(name).answer("enrol.c2.present", "absent");
            for (time, event) in &whole.log[..at] {
                run.take_at(*time, event.clone()).unwrap();
            }
            let printed = run.state.sheets.clone();
            let handed: Vec<u32> = printed
                .iter()
                .filter(|s| s.state == SheetState::HandedOver)
                .map(|s| s.number)
                .collect();
            let under_way = matches!(
                run.state.busy,
                Some(Effect::PrintSheet {
                    paper: Paper::Simulated | Paper::Files,
                    ..
                })
            );
            run.must(cut());
            assert!(run.state.slots.is_empty() && run.state.people.is_empty());
            // A sheet that was under way may lie in the tray: it counts as made, and void.
            assert_eq!(
                run.state.sheets.len(),
                printed.len() + usize::from(under_way)
            );
            let mut guard = Guard::default();
            while !run.state.closed {
                let event = run.usual();
                let time = run.time + 1;
                assert!(guard.take(&mut run, time, event));
            }
            assert_eq!(run.state.ending, Some(Ending::Completed), "{name} {at}");
            assert!(run.state.excepted("resumed"));
            for sheet in run
                .state
                .sheets
                .iter()
                .filter(|s| handed.contains(&s.number))
            {
                assert_eq!(sheet.state, SheetState::HandedOver, "{name} {at}");
            }
            assert_eq!(run.replayed(), run.state);
        }
    }
}

#[test]
fn fewer_people_can_only_wipe_and_void() {
    let mut run = Run::of("key-backup");
    run.until_prompt("store.m2.path");
    run.must(cut());
    let Ask::Choose(choices) = run.prompt().ask else {
        panic!("{:?}", run.prompt());
    };
    assert_eq!(choices[1].value, "fewer");
    run = run.answer("resume.people", "fewer");
    run.until_closed();
    assert_eq!(
        run.state.ending,
        Some(Ending::Stopped("resumed with fewer people".into()))
    );
    assert!(run.state.people.is_empty(), "nobody enrolled for it");
    assert!(
        run.state
            .sheets
            .iter()
            .all(|s| s.state == SheetState::Destroyed)
    );
    assert!(run.state.facts.wiped.is_some());
}

#[test]
fn a_cut_before_closing_writes_the_record_anew() {
    let mut run = Run::of("key-backup");
    run.until(|run| run.state.facts.recorded.is_some());
    run.must(cut());
    assert_eq!(run.state.facts.recorded, None);
}
