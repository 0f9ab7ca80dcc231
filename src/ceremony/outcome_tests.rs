//! What an opened file may hold beside what its header says.

use super::super::engine::open;
use super::super::event::{Opened, Program, PublicKey, ScriptRef, SealedFacts};
use super::super::state::Overlay;
use super::*;

fn key(key_type: &str, public: &str) -> PublicKey {
    PublicKey {
        key_type: key_type.into(),
        scheme: "s".into(),
        public: public.into(),
    }
}

/// A recovery that has read a header with these keys.
fn recovery(keys: Vec<PublicKey>) -> State {
    let text = include_str!("../../ceremony-scripts/key-recovery.toml");
    let script = Script::parse(text).unwrap();
    let entry = Opened {
        format: "qh-transcript/1".into(),
        rehearsal: false,
        id: "00".repeat(32),
        ceremony: "BR-2026-11-22-01".into(),
        kind: Kind::Recovery,
        program: Program {
            version: "0.1.0".into(),
            sha256: "00".repeat(32),
        },
        script: ScriptRef {
            name: script.name.clone(),
            version: script.version,
            sha256: "00".repeat(32),
        },
        ceremony_key: String::new(),
    };
    let (mut state, _) = open(&script, entry, 0).unwrap();
    state.facts.sealed = Some(SealedFacts {
        file: "backup.jwe".into(),
        sha256: String::new(),
        ceremony: "BR-2026-11-22-01".into(),
        set_id: String::new(),
        key_check: String::new(),
        k: 3,
        n: 5,
        keys,
        record_sha256: String::new(),
        commitments: false,
    });
    state
}

#[test]
fn network_files_stand_beside_the_keys_that_the_header_names() {
    let mut state = recovery(vec![key("aura", "0xaa")]);
    let inside = [key("aura", "0xaa"), key("network/secret_ed25519", "0xbb")];
    opened(&mut state, &inside);
    assert_eq!(state.overlays, []);
    assert!(state.facts.opened);
    assert_eq!(state.facts.keys, inside);
}

#[test]
fn other_keys_than_the_header_names_are_refused() {
    for inside in [
        vec![key("aura", "0xcc")],
        vec![],
        vec![key("aura", "0xaa"), key("gran", "0xaa")],
    ] {
        let mut state = recovery(vec![key("aura", "0xaa")]);
        opened(&mut state, &inside);
        let Some(Overlay::Refusal {
            refused, exception, ..
        }) = state.overlays.last()
        else {
            panic!("nothing was refused");
        };
        assert_eq!(
            (refused.name.as_str(), exception),
            ("opened-keys-differ", &None)
        );
        assert!(!state.facts.opened && !state.did("open"));
    }
}
