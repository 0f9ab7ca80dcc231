//! Keys out: the old signer stopped, then keystore, delivery, token or medium.

use super::keys::{ends, labelled};
use super::{Next, choose, hsm, ready, signatures, text};
use crate::ceremony::effect::{Effect, Target};
use crate::ceremony::policy::Sensitive;
use crate::ceremony::prompt::{Ask, Prompt, TextKind};
use crate::ceremony::script::Step;
use crate::ceremony::state::State;

/// Lines on written files, names of key files told as their key: 136 digits are for nobody to read.
fn written(lines: &[String]) -> Vec<String> {
    let told = |line: &String| {
        let (name, rest) = line.split_once(' ').unwrap_or((line, ""));
        let key_type: Option<String> = (0..4)
            .map(|at| u8::from_str_radix(name.get(2 * at..2 * at + 2)?, 16).ok())
            .map(|byte| byte.filter(u8::is_ascii_graphic).map(char::from))
            .collect();
        match (key_type, name.get(8..)) {
            (Some(key_type), Some(public)) if public.len() >= 64 => {
                format!("{key_type} {} {rest}", ends(public))
            }
            _ => line.clone(),
        }
    };
    lines.iter().map(told).collect()
}

pub(super) fn stop(state: &State, step: &Step) -> Next {
    let questions = [
        (
            "stop.how",
            "How was the old signer stopped?",
            TextKind::Line,
            "Say what was done and to which host: service masked, key files moved, machine destroyed.",
        ),
        (
            "stop.seen-by",
            "Who saw it?",
            TextKind::Line,
            "Give labels or offices, no names: names stand in the annex.",
        ),
        (
            "stop.when",
            "When was it stopped?",
            TextKind::DateTime,
            "UTC: YYYY-MM-DD HH:MM.",
        ),
        (
            "stop.silent-from",
            "Silent since which block?",
            TextKind::Number,
            "The first finalized block since then without a block of this validator.",
        ),
        (
            "stop.silent-to",
            "Silent up to which block?",
            TextKind::Number,
            "The last finalized block that you looked at.",
        ),
    ];
    for (key, title, kind, say) in questions {
        if state.answer(key).is_none() {
            return text(key, title, kind).say(say).say(&step.why).into();
        }
    }
    let labels = ["How", "Seen by", "Since (UTC)", "Silent from", "Silent to"];
    let facts: Vec<(String, String)> = labels
        .iter()
        .zip(&questions)
        .map(|(label, (key, ..))| {
            let answer = state.answer(key).unwrap_or_default();
            ((*label).to_owned(), answer.to_owned())
        })
        .collect();
    signatures(state, step, Sensitive::Statement, &facts).unwrap_or(Next::Done)
}

pub(super) fn write(state: &State, step: &Step) -> Next {
    let target = match state.answer("write.target") {
        Some("keystore") => Target::Keystore,
        Some("delivery") => Target::Delivery,
        Some("medium") => Target::Medium,
        Some("hsm") => Target::Hsm,
        _ => {
            let all = [
                (Target::Keystore, "keystore", "The keystore's final place"),
                (
                    Target::Delivery,
                    "delivery",
                    "A file sealed to the host (exception: not post-quantum)",
                ),
                (Target::Hsm, "hsm", "A hardware security module (PKCS#11)"),
                (
                    Target::Medium,
                    "medium",
                    "Bare key files on a medium (exception)",
                ),
            ];
            let choices: Vec<(&str, &str)> = all
                .iter()
                .filter(|(t, ..)| step.target.is_empty() || step.target.contains(t))
                .map(|(_, value, label)| (*value, *label))
                .collect();
            return choose("write.target", "Where do the keys go?", &choices)
                .say(&step.say)
                .say(&step.why)
                .into();
        }
    };
    if target == Target::Delivery && state.answer("write.recipient").is_none() {
        return text("write.recipient", "The host's recipient", TextKind::Line)
            .say(
                "Type or scan the recipient (age1...) that the host shows, then compare six words.",
            )
            .into();
    }
    let token = match target {
        Target::Hsm => match hsm::token(state, step, "write") {
            Ok(uri) => Some(uri),
            Err(next) => return *next,
        },
        Target::Keystore | Target::Delivery | Target::Medium => None,
    };
    if token.is_none() && state.answer("write.path").is_none() {
        let title = match target {
            Target::Keystore | Target::Medium | Target::Hsm => "The keystore directory to write to",
            Target::Delivery => "The delivery file to write",
        };
        return text("write.path", title, TextKind::Path)
            .say("Nothing is overwritten: an existing different file is refused.")
            .into();
    }
    let with_owner = matches!(target, Target::Keystore | Target::Medium);
    if with_owner && state.answer("write.owner").is_none() {
        return Prompt::new(
            "write.owner",
            "Owner of the key files",
            Ask::Text { kind: TextKind::Line, optional: true },
        )
        .say("Type uid:gid of the node's user, e.g. 1000:1000 for the container image, or leave it empty.")
        .into();
    }
    let effect = |dry: bool| Effect::WriteKeys {
        target,
        path: match &token {
            Some(uri) => uri.clone(),
            None => state.answer("write.path").unwrap_or_default().to_owned(),
        },
        owner: state.answer("write.owner").unwrap_or_default().to_owned(),
        recipient: state
            .answer("write.recipient")
            .unwrap_or_default()
            .to_owned(),
        extractable: step.extractable,
        dry,
    };
    let Some(plan) = state.work.done.get("plan") else {
        return Next::Do(effect(true));
    };
    let facts = labelled("Plan", plan);
    let verb = if target == Target::Delivery {
        Sensitive::Deliver
    } else {
        Sensitive::Write
    };
    if let Some(next) = signatures(state, step, verb, &facts) {
        return next;
    }
    if !state.did("write") {
        return Next::Do(effect(false));
    }
    if state.answer("write.seen").is_none() {
        let label = if target == Target::Hsm {
            "Objects"
        } else {
            "Files"
        };
        return ready("write.seen", "Written, listed back, compared", "Go on")
            .lines(label, &written(&state.facts.written))
            .into();
    }
    Next::Done
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn key_files_are_told_as_their_keys() {
        let name = format!("61757261{}{}", "ab".repeat(60), "0123cdef");
        let lines = [format!("{name} mode 0600"), "network/a b".to_owned()];
        assert_eq!(
            written(&lines),
            ["aura abababab ... 0123cdef mode 0600", "network/a b"]
        );
        // Not hex, not long enough, cut inside a character: as it is.
        for odd in [
            "",
            "6175",
            "zz757261 x",
            "\u{e9}\u{e9}\u{e9}\u{e9}\u{e9} mode",
        ] {
            assert_eq!(written(&[odd.to_owned()]), [odd]);
        }
    }
}
