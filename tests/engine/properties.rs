//! Any events in any order: nothing panics, nothing is done without two people, everything replays.

use proptest::prelude::*;
use qh_ceremony::ceremony::effect::Effect;
use qh_ceremony::ceremony::event::{Event, Finding, Outcome, Refused, Request};
use qh_ceremony::ceremony::policy::{Label, Sensitive};
use qh_ceremony::ceremony::prompt::Ask;
use qh_ceremony::ceremony::script::Script;

use super::fake::{NAMES, NOON, Run, commitment, keys, shipped};
use super::guard::Guard;

const LABELS: [&str; 6] = ["O", "W", "C1", "C2", "C5", "X"];
const VERBS: [Sensitive; 12] = [
    Sensitive::Export,
    Sensitive::Seal,
    Sensitive::Split,
    Sensitive::AcceptSheets,
    Sensitive::Void,
    Sensitive::Open,
    Sensitive::Write,
    Sensitive::Deliver,
    Sensitive::Exception,
    Sensitive::Statement,
    Sensitive::Reenrol,
    Sensitive::Certify,
];
const NAMED: [&str; 9] = [
    "share-checksum",
    "key-unprovable",
    "pictures-of-sheets",
    "not-post-quantum",
    "bare-keys-on-medium",
    "signer-is-custodian",
    "medium-absent",
    "machine-unfit",
    "keystore-password-needed",
];

fn label(n: u8) -> Label {
    Label(LABELS[usize::from(n) % LABELS.len()].into())
}

fn refused(n: u8) -> Refused {
    Refused {
        name: NAMED[usize::from(n) % NAMED.len()].into(),
        what: "No.".into(),
        way_on: "Go on.".into(),
        again: vec![],
    }
}

/// An outcome that may or may not fit the effect under way.
fn outcome(run: &Run, a: u8, b: u8) -> Outcome {
    let other = |effect: Effect| match run.outcome(&effect) {
        Event::Finished { outcome } => outcome,
        _ => Outcome::SharesWiped,
    };
    match a % 12 {
        0..=3 => Outcome::Failed(refused(b)),
        4 => Outcome::Machine {
            fit: false,
            findings: vec![Finding {
                name: "network-up".into(),
                text: "eth0".into(),
                stop: true,
            }],
        },
        5 => Outcome::QuorumFailed {
            refused: refused(b),
            dropped: vec![b % 6],
        },
        6 => Outcome::Opened {
            keys: keys().into_iter().skip(usize::from(b % 2)).collect(),
        },
        7 => Outcome::CopyVerified {
            copy: b % 4,
            sha256: "00".repeat(32),
            past_cache: false,
        },
        8 => Outcome::Wiped {
            searched: u64::from(b % 2),
            found: u32::from(b % 3),
            note: "not possible".into(),
        },
        9 => Outcome::Split {
            commitments: (1..=b % 7).map(commitment).collect(),
        },
        10 => other(Effect::LoadSealed {
            path: "x".into(),
            record: String::new(),
        }),
        _ => other(Effect::Open),
    }
}

fn request(a: u8, b: u8) -> Request {
    match a % 10 {
        0 => Request::Pause,
        1 => Request::Continue,
        2 | 3 => Request::Acknowledge,
        4 | 5 => Request::Reprint,
        6 => Request::Exception,
        7 => Request::ForgottenPin { who: label(b) },
        8 => Request::Back,
        _ if b < 24 => Request::Stop {
            reason: "enough".into(),
        },
        _ => Request::Exception,
    }
}

/// An event that was perhaps not asked for, and its time.
fn hostile(run: &Run, kind: u8, a: u8, b: u8) -> (i64, Event) {
    let soon = run.time + i64::from(a % 3);
    let prompt = run.prompt();
    let event = match kind % 20 {
        0 => Event::Finished {
            outcome: outcome(run, a, b),
        },
        1 | 2 => Event::Signed {
            who: label(a),
            verb: match (&prompt.ask, b % 2) {
                (Ask::Sign { verb, .. }, 0) => *verb,
                _ => VERBS[usize::from(b) % VERBS.len()],
            },
        },
        3 => Event::WrongPin { who: label(a) },
        4 => Event::Refused(refused(a)),
        5..=7 => Event::Requested {
            request: request(a, b),
        },
        8 => Event::Objected {
            who: label(a),
            reason: "no".into(),
        },
        9 => Event::Withdrawn { who: label(a) },
        10 => {
            return (
                run.time + if a < 128 { 1800 } else { 5 },
                Event::PauseExpired,
            );
        }
        11 => {
            let seconds = i64::from(b);
            return (run.time - seconds, Event::ClockBack { seconds });
        }
        12 if a < 60 => Event::Resumed {
            torn_bytes: 0,
            torn_sha256: None,
            ceremony_key: "ssh-ed25519 other".into(),
        },
        12 => Event::Opened(run.state.opened.clone()),
        13 => Event::ShareRead {
            x: a % 7,
            how: "words".into(),
            commitment: commitment(b % 7),
        },
        14 => match &prompt.ask {
            Ask::Choose(choices) => Event::Answered {
                key: prompt.key.clone(),
                value: choices[usize::from(a) % choices.len()].value.clone(),
            },
            Ask::Confidential => Event::Annexed {
                key: prompt.key.clone(),
                annex: "00".into(),
                same_as: Some(label(a)),
            },
            _ => Event::Answered {
                key: prompt.key.clone(),
                value: ["", "done", "yes", "17", "2026-11-22", "C1"][usize::from(a) % 6].into(),
            },
        },
        15 => Event::Answered {
            key: [
                "hand.c1.bag",
                "certify.closing",
                "rebag.1",
                "void.s1",
                "opening.purpose",
            ][usize::from(a) % 5]
                .into(),
            value: "done".into(),
        },
        16 => Event::PinChosen { who: label(a) },
        17 => Event::Stored {
            key: prompt.key.clone(),
            count: u32::from(a),
        },
        18 => Event::Record {
            sha256: "99".repeat(32),
        },
        _ => Event::Closed {
            outcome: ["completed", "stopped", "not-held"][usize::from(a) % 3].into(),
        },
    };
    (soon, event)
}

fn play(script: Script, deeds: &[(u8, u8, u8, u8)]) -> Run {
    let mut run = Run::new(script);
    let mut guard = Guard::default();
    for (usual, kind, a, b) in deeds {
        for _ in 0..*usual {
            if run.state.closed {
                break;
            }
            let event = run.usual();
            let at = run.time + 70; // past every wait after wrong PINs
            let text = format!("{event:?}");
            assert!(
                guard.take(&mut run, at, event),
                "{text} at {:?}",
                run.prompt()
            );
        }
        let (time, event) = hostile(&run, *kind, *a, *b);
        guard.take(&mut run, time, event);
    }
    assert_eq!(run.replayed(), run.state);
    // Whatever happened, it can be brought to an end.
    for _ in 0..3000 {
        if run.state.closed {
            return run;
        }
        let (time, event) = (run.time + 70, run.usual());
        let text = format!("{event:?}");
        assert!(
            guard.take(&mut run, time, event),
            "{text} at {:?}",
            run.prompt()
        );
    }
    panic!("it turns in a circle at {:?}", run.prompt());
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 96, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn no_order_of_events_goes_past_two_people(
        script in 0usize..4,
        deeds in proptest::collection::vec((0u8..24, any::<u8>(), any::<u8>(), any::<u8>()), 0..40),
    ) {
        let run = play(shipped(NAMES[script]), &deeds);
        prop_assert!(run.state.closed);
        let late = run.clone().take_at(run.time + 1, Event::PauseExpired).unwrap_err();
        prop_assert_eq!(late.name, "ceremony-closed");
    }

    #[test]
    fn events_at_random_alone_never_panic(
        script in 0usize..4,
        deeds in proptest::collection::vec((any::<u8>(), any::<u8>(), any::<u8>()), 0..120),
    ) {
        let mut run = Run::new(shipped(NAMES[script]));
        let mut guard = Guard::default();
        for (kind, a, b) in deeds {
            let (time, event) = hostile(&run, kind, a, b);
            guard.take(&mut run, time, event);
        }
        prop_assert!(run.time > NOON - 120 * 256);
        prop_assert_eq!(run.replayed(), run.state);
    }
}
