//! Proves a script sound by walking it as a model: what each verb needs must have been given before it.
//!
//! The engine checks the same needs again at run time; this check lets a reviewer know before the day.

use super::policy::{Role, Slot, Verb};
use super::script::{Script, ScriptError, Step};
use std::collections::BTreeSet;

/// What a step can count on because an earlier one gave it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Fact {
    Machine,
    People,
    Filled(Slot),
    MatchedBundle,
    Sealed,
    SheetsAccepted,
    SealedKnown,
    Attended,
    OpenedMatched,
    Stored,
    Stopped,
    RecordKnown,
}

impl Fact {
    fn phrase(self) -> String {
        match self {
            Fact::Machine => "a machine check".into(),
            Fact::People => "people enrolled".into(),
            Fact::Filled(slot) => format!("the slot `{}` filled", slot_name(slot)),
            Fact::MatchedBundle => "the exported keys matched".into(),
            Fact::Sealed => "a sealed file".into(),
            Fact::SheetsAccepted => "all sheets accepted".into(),
            Fact::SealedKnown => "the sealed file read".into(),
            Fact::Attended => "the question who brought a sheet".into(),
            Fact::OpenedMatched => "the opened keys matched".into(),
            Fact::Stored => "the copies stored".into(),
            Fact::Stopped => "evidence that the old signer has stopped".into(),
            Fact::RecordKnown => "the record read".into(),
        }
    }
}

fn slot_name(slot: Slot) -> &'static str {
    match slot {
        Slot::Bundle => "bundle",
        Slot::Secret => "secret",
        Slot::Shares => "shares",
        Slot::Scanned => "scanned",
        Slot::Opened => "opened",
        Slot::Identity => "identity",
    }
}

/// What a step needs and what it gives.
fn contract(step: &Step) -> (Vec<Fact>, Vec<Fact>) {
    use Fact::*;
    let of_opened = step.from == Some(Slot::Opened);
    match step.verb {
        Verb::MachineCheck => (vec![], vec![Machine]),
        Verb::Enrol => (vec![Machine], vec![People]),
        Verb::Clock => (vec![People], vec![]),
        Verb::Export => (vec![People], vec![Filled(Slot::Bundle)]),
        Verb::Match if of_opened => (vec![Filled(Slot::Opened)], vec![OpenedMatched]),
        Verb::Match => (vec![Filled(Slot::Bundle)], vec![MatchedBundle]),
        Verb::Entropy => (vec![People], vec![Filled(Slot::Secret)]),
        Verb::Seal => (
            vec![Filled(Slot::Bundle), Filled(Slot::Secret), MatchedBundle],
            vec![Sealed, SealedKnown],
        ),
        Verb::Split => (
            vec![Filled(Slot::Secret), Sealed],
            vec![Filled(Slot::Shares)],
        ),
        Verb::Sheets => (
            vec![Filled(Slot::Shares)],
            vec![Filled(Slot::Scanned), SheetsAccepted],
        ),
        Verb::Attendance => (vec![People], vec![Attended]),
        Verb::SealedFile => (vec![People, Attended], vec![SealedKnown]),
        Verb::Shares => (vec![Attended, SealedKnown], vec![Filled(Slot::Scanned)]),
        Verb::Open => (
            vec![Filled(Slot::Scanned), SealedKnown],
            vec![Filled(Slot::Opened)],
        ),
        Verb::Store => (vec![Sealed, SheetsAccepted, OpenedMatched], vec![Stored]),
        Verb::HandOver => (vec![SheetsAccepted, OpenedMatched, Stored], vec![]),
        Verb::StopEvidence => (vec![People], vec![Stopped]),
        Verb::Write => (vec![Filled(Slot::Opened), OpenedMatched, Stopped], vec![]),
        Verb::Record => (vec![People], vec![RecordKnown]),
        Verb::CheckShare => (vec![People, RecordKnown], vec![]),
        Verb::Wipe => (vec![], vec![]),
        Verb::Certify => (vec![People], vec![]),
    }
}

/// Walks the script. `Ok` means: every slot is filled before use, every sensitive verb has two signers, a match follows
/// export and opening at once, nothing is handed over before open, match and copies, nothing is written before stop
/// evidence, and the script ends with wipe and certificate.
///
/// # Errors
/// The first fault, with its line and a name that begins with `unsound-`.
pub fn sound(script: &Script) -> Result<(), ScriptError> {
    let mut facts = BTreeSet::new();
    for (index, step) in script.steps.iter().enumerate() {
        let fault = |name, what| {
            Err(ScriptError {
                line: script.lines[index],
                name,
                what,
            })
        };
        let title = &step.id;
        let next = script.steps.get(index + 1);
        if (index == 0) != (step.verb == Verb::MachineCheck) {
            return fault(
                "unsound-machine-check",
                format!(
                    "`{title}`: the machine check is the first step of every ceremony, and no other"
                ),
            );
        }
        let (needs, gives) = contract(step);
        for need in needs {
            if !facts.contains(&need) {
                return fault(
                    "unsound-order",
                    format!("`{title}` needs {} before it", need.phrase()),
                );
            }
        }
        for gift in &gives {
            if let Fact::Filled(slot) = gift
                && step.into.is_some_and(|named| named != *slot)
            {
                return fault(
                    "unsound-slot",
                    format!(
                        "`{title}` fills the slot `{}`, not the one it names",
                        slot_name(*slot)
                    ),
                );
            }
        }
        let both = [Role::Operator, Role::Witness]
            .iter()
            .all(|role| step.sign.contains(role));
        if (step.verb.sensitive().is_some() || step.verb == Verb::StopEvidence) && !both {
            return fault(
                "unsound-signers",
                format!("`{title}` is sensitive: operator and witness must both sign it"),
            );
        }
        if step.sign.contains(&Role::Custodian) {
            return fault(
                "unsound-signers",
                format!("`{title}`: custodians hold sheets; operator and witness sign"),
            );
        }
        let matched_next = |from: Slot| {
            next.is_some_and(|s| s.verb == Verb::Match && s.from.unwrap_or(Slot::Bundle) == from)
        };
        if step.verb == Verb::Export && !matched_next(Slot::Bundle) {
            return fault(
                "unsound-match",
                format!("`{title}` must be followed at once by a match from the slot `bundle`"),
            );
        }
        if step.verb == Verb::Open && !matched_next(Slot::Opened) {
            return fault(
                "unsound-match",
                format!("`{title}` must be followed at once by a match from the slot `opened`"),
            );
        }
        if step.verb == Verb::Wipe && next.is_none_or(|s| s.verb != Verb::Certify) {
            return fault(
                "unsound-wipe",
                format!("`{title}` must be followed by the certificate and nothing else"),
            );
        }
        if step.verb == Verb::Certify
            && (next.is_some() || index == 0 || script.steps[index - 1].verb != Verb::Wipe)
        {
            return fault(
                "unsound-wipe",
                format!("`{title}` must be the last step, right after a wipe"),
            );
        }
        if step.verb == Verb::Write && script.position(Verb::Split).is_some() {
            return fault(
                "unsound-mixed",
                format!("`{title}`: a script that makes shares doesn't write keystores"),
            );
        }
        if let Some(earlier) = script.steps[..index]
            .iter()
            .find(|s| once(s.verb) && s.verb == step.verb)
        {
            return fault(
                "unsound-twice",
                format!(
                    "`{title}` does again what `{}` did; one secret seals once",
                    earlier.id
                ),
            );
        }
        facts.extend(gives);
    }
    let last = script.steps.len() - 1;
    if script.steps[last].verb != Verb::Certify {
        return Err(ScriptError {
            line: script.lines[last],
            name: "unsound-wipe",
            what: "the script must end with a wipe and the certificate".into(),
        });
    }
    Ok(())
}

/// Verbs that may stand once in a script.
fn once(verb: Verb) -> bool {
    verb != Verb::Match
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shipped(name: &str) -> String {
        let path = format!(
            "{}/ceremony-scripts/{name}.toml",
            env!("CARGO_MANIFEST_DIR")
        );
        std::fs::read_to_string(path).unwrap()
    }

    fn fault(text: &str) -> (&'static str, String) {
        let error = sound(&Script::parse(text).unwrap()).unwrap_err();
        (error.name, error.what)
    }

    /// The script with the blocks (`[[step]]` to the next) that hold `id = "ID"` removed.
    fn without(text: &str, ids: &[&str]) -> String {
        let mut blocks = text.split("[[step]]");
        let head = blocks.next().unwrap().to_owned();
        blocks
            .filter(|b| !ids.iter().any(|id| b.contains(&format!("id = \"{id}\""))))
            .fold(head, |out, block| out + "[[step]]" + block)
    }

    #[test]
    fn shipped_scripts_are_sound() {
        for name in [
            "key-backup",
            "key-recovery",
            "annual-verification",
            "share-check",
        ] {
            let script = Script::parse(&shipped(name)).unwrap();
            assert_eq!(sound(&script), Ok(()), "{name}");
            assert_eq!(script.name, name);
        }
    }

    #[test]
    fn any_step_left_out_of_the_backup_is_noticed() {
        let text = shipped("key-backup");
        let script = Script::parse(&text).unwrap();
        for step in &script.steps {
            let optional = matches!(step.verb, Verb::Clock | Verb::HandOver);
            let cut = Script::parse(&without(&text, &[&step.id])).unwrap();
            assert_eq!(sound(&cut).is_ok(), optional, "without `{}`", step.id);
        }
    }

    #[test]
    fn unsound_scripts_are_refused_by_name() {
        let recovery = shipped("key-recovery");
        let backup = shipped("key-backup");
        assert_eq!(
            fault(&without(&recovery, &["stop"])),
            (
                "unsound-order",
                "`write` needs evidence that the old signer has stopped before it".into()
            )
        );
        assert_eq!(fault(&without(&recovery, &["match"])).0, "unsound-match");
        assert_eq!(fault(&without(&recovery, &["wipe"])).0, "unsound-wipe");
        assert_eq!(
            fault(&without(&backup, &["store"])).1,
            "`hand-over` needs the copies stored before it"
        );
        let single = backup.replacen(
            "sign = [\"operator\", \"witness\"]",
            "sign = [\"operator\"]",
            1,
        );
        assert_eq!(fault(&single).0, "unsound-signers");
        assert_eq!(fault(&without(&backup, &["certify"])).0, "unsound-wipe");
    }
}
