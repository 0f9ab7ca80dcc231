//! Keys in, keys compared, keys out.

use super::{Next, choose, hsm, ready, signatures, text};
use crate::ceremony::effect::{Against, Effect, Source};
use crate::ceremony::event::PublicKey;
use crate::ceremony::policy::{Kind, Sensitive, Slot};
use crate::ceremony::prompt::{Ask, Prompt, SecretKind, TextKind};
use crate::ceremony::script::{Script, Step};
use crate::ceremony::state::State;

/// Public keys, each on lines that fit a pane of 44 columns.
pub(in crate::ceremony) fn key_lines(keys: &[PublicKey]) -> Vec<String> {
    keys.iter()
        .map(|key| format!("{} {}", key.key_type, short(key)))
        .collect()
}

/// First and last eight digits: what people read out and compare. Of a token's key, those of the key proper: what stands
/// around it in a SubjectPublicKeyInfo is the same in every key.
pub fn short(key: &PublicKey) -> String {
    let digits = key.public.trim_start_matches("0x");
    let (before, after) = match key.key_type.as_str() {
        "hsm/ec-p256" => (54, 0), // ... 04, then x and y
        "hsm/ed25519" => (24, 0),
        "hsm/rsa" if digits.ends_with("0203010001") => (66, 10), // the modulus, then 65537
        _ => (0, 0),
    };
    let proper = digits
        .len()
        .checked_sub(after)
        .and_then(|end| digits.get(before..end));
    ends(proper.unwrap_or(digits))
}

pub(super) fn ends(digits: &str) -> String {
    match (
        digits.get(..8),
        digits.get(digits.len().saturating_sub(8)..),
    ) {
        (Some(first), Some(last)) if digits.len() > 16 => format!("{first} ... {last}"),
        _ => digits.to_owned(),
    }
}

/// Keys, as a header names them; network files are extras.
pub(in crate::ceremony) fn backed_keys(keys: &[PublicKey]) -> Vec<&PublicKey> {
    keys.iter()
        .filter(|k| !k.key_type.starts_with("network/"))
        .collect()
}

const SOURCES: [(Source, &str, &str); 3] = [
    (
        Source::Keystore,
        "keystore",
        "A keystore directory, or the chain directory around it",
    ),
    (
        Source::Delivery,
        "delivery",
        "A file that the host sealed to this laptop",
    ),
    (Source::Hsm, "hsm", "A hardware security module (PKCS#11)"),
];

fn source_of(state: &State, step: &Step) -> Option<Source> {
    match state.answer("export.source") {
        Some(answer) => SOURCES
            .iter()
            .find(|(_, value, _)| *value == answer)
            .map(|(source, ..)| *source),
        None if step.source.is_empty() => Some(Source::Keystore),
        None if step.source.len() == 1 => step.source.first().copied(),
        None => None,
    }
}

pub(super) fn export(state: &State, step: &Step) -> Next {
    let Some(source) = source_of(state, step) else {
        let offered: Vec<(&str, &str)> = SOURCES
            .iter()
            .filter(|(source, ..)| step.source.contains(source))
            .map(|(_, value, label)| (*value, *label))
            .collect();
        return choose("export.source", "Where do the keys come from?", &offered)
            .say(&step.say)
            .say(&step.why)
            .into();
    };
    if source == Source::Delivery {
        let Some((recipient, words)) = &state.facts.recipient else {
            return Next::Do(Effect::MakeRecipient);
        };
        if state.answer("export.recipient").is_none() {
            return ready("export.recipient", "Seal to this laptop", "The host has sealed its keys")
                .say("On the host, seal the keys to this recipient, typed or read from the QR code. Compare the six words on both screens.")
                .fact("Six words", words)
                .fact("Recipient", recipient)
                .qr(recipient)
                .into();
        }
    }
    let token = match source {
        Source::Hsm => match hsm::token(state, step, "export") {
            Ok(uri) => Some(uri),
            Err(next) => return *next,
        },
        Source::Delivery | Source::Keystore => None,
    };
    if token.is_none() && state.answer("export.path").is_none() {
        let title = match source {
            Source::Delivery => "The sealed delivery file",
            Source::Keystore | Source::Hsm => "The keystore directory",
        };
        return text("export.path", title, TextKind::Path)
            .say("Type the path as this laptop sees it.")
            .into();
    }
    if source == Source::Keystore && state.answer("export.medium").is_none() {
        return choose(
            "export.medium",
            "What does this directory lie on?",
            &[
                ("own", "The keystore's own disk"),
                ("transport", "A medium that carried bare key files here"),
            ],
        )
        .say("Bare key files on a medium are an exception: two people sign it, and the medium is destroyed afterwards, since overwriting flash proves nothing.")
        .into();
    }
    if state.answer("export.node").is_none() {
        return text("export.node", "The node's name", TextKind::Line)
            .say("How the people call this validator, e.g. validator-1. It stands inside the sealed file.")
            .into();
    }
    if state.answer("export.password").is_none() {
        return choose(
            "export.password",
            "Does the node run with a keystore password?",
            &[("no", "No"), ("yes", "Yes (--password or --password-file)")],
        )
        .say("A keystore password is part of the key phrases of ed25519, sr25519 and ecdsa keys. The backup records whether one is in use.")
        .into();
    }
    if state.answer("export.password") == Some("yes")
        && state.answer("export.password-text").is_none()
    {
        return Prompt::new(
            "export.password-text",
            "The keystore password",
            Ask::Secret(SecretKind::Password),
        )
        .say("It is not shown, not even its length.")
        .into();
    }
    let path = match token {
        Some(uri) => uri,
        None => state.answer("export.path").unwrap_or_default().to_owned(),
    };
    let Some(files) = state.work.done.get("inspect") else {
        return Next::Do(Effect::InspectSource { source, path });
    };
    let mut facts = labelled("Found", files);
    if let Some(stays) = state.work.done.get("stays") {
        if state.answer("export.stays").is_none() {
            return hsm::stays(files, stays);
        }
        facts.extend(labelled("Stays", stays));
    }
    if let Some(next) = signatures(state, step, Sensitive::Export, &facts) {
        return next;
    }
    if !state.did("read") {
        return Next::Do(Effect::ReadKeys {
            source,
            path,
            node: state.answer("export.node").unwrap_or_default().to_owned(),
            password: state.answer("export.password") == Some("yes"),
            allow_unproven: state.excepted("unproven-key"),
        });
    }
    if state.answer("export.seen").is_none() {
        return ready("export.seen", "The keys are proven", "Go on")
            .say("Each secret gives its public key. First and last eight digits of each:")
            .lines("Keys", &key_lines(&state.facts.keys))
            .lines("Notes", &state.facts.key_notes)
            .into();
    }
    Next::Done
}

/// Lines under one label.
pub(super) fn labelled(label: &str, lines: &[String]) -> Vec<(String, String)> {
    let label = |at: usize| {
        if at == 0 {
            label.to_owned()
        } else {
            String::new()
        }
    };
    lines
        .iter()
        .enumerate()
        .map(|(at, line)| (label(at), line.clone()))
        .collect()
}

/// The `against` of a match step, as chosen now or, for the second match, as chosen for the first.
fn against_of(state: &State) -> Option<Against> {
    match state.answer("match.against") {
        Some("registered") => Some(Against::Registered),
        Some("chain-spec") => Some(Against::ChainSpec),
        Some("read-out") => Some(Against::ReadOut),
        _ => None,
    }
}

pub(super) fn matching(_script: &Script, state: &State, step: &Step) -> Next {
    let from = step.from.unwrap_or(Slot::Bundle);
    if state.did("match") {
        return if state.answer("match.seen").is_none() {
            seen(state).into()
        } else {
            Next::Done
        };
    }
    let first = state.facts.matched.as_ref();
    if from == Slot::Opened && state.opened.kind == Kind::Backup {
        // The opened keys were compared with the exported ones when they were opened.
        match first.map(|m| (m.on_chain, state.facts.match_source.clone())) {
            Some((true, Some((against, path)))) => {
                return Next::Do(Effect::MatchKeys {
                    from,
                    against,
                    path,
                });
            }
            // The file of the first match is not where it was: it is asked for again.
            Some((true, None)) => {}
            _ => return Next::Done,
        }
    }
    let Some(against) = against_of(state) else {
        let mut choices = vec![
            (
                "registered",
                "A file of the registered keys (qh-registered/1)",
            ),
            ("chain-spec", "A raw chain spec: the keys at genesis"),
        ];
        // Keys that the chain doesn't register at all can be compared in no other way, at recovery too.
        let keys = backed_keys(&state.facts.keys);
        let token_alone =
            !keys.is_empty() && keys.iter().all(|key| key.key_type.starts_with("hsm/"));
        let may = state.opened.kind == Kind::Backup || token_alone;
        if step.against.contains(&Against::ReadOut) && may {
            choices.push((
                "read-out",
                "The key isn't registered yet: two people read it out",
            ));
        }
        return choose(
            "match.against",
            "What are the keys compared with?",
            &choices,
        )
        .say(&step.say)
        .say(&step.why)
        .into();
    };
    if against == Against::ReadOut {
        return read_out(state);
    }
    let Some(path) = state.answer("match.path") else {
        return text(
            "match.path",
            "The file with the registered keys",
            TextKind::Path,
        )
        .say("Type the path as this laptop sees it. A PNG or JPEG of the host's QR code will do as well.")
        .into();
    };
    Next::Do(Effect::MatchKeys {
        from,
        against,
        path: path.to_owned(),
    })
}

fn read_out(state: &State) -> Next {
    for (index, key) in backed_keys(&state.facts.keys).iter().enumerate() {
        for who in ["operator", "witness"] {
            let name = format!("match.read-out.{who}.{index}");
            if state.answer(&name).is_none() {
                return text(&name, &format!("Key {} as the {who} reads it", key.key_type), TextKind::Line)
                    .say(format!(
                        "The {who} reads the public key from a source of their own, not from this screen: type its first eight and last eight hex digits."
                    ))
                    .say("The certificate will say NOT MATCHED TO CHAIN, and a due task follows.")
                    .into();
            }
        }
    }
    if state.answer("match.chain").is_none() {
        return text("match.chain", "The chain's id", TextKind::Line)
            .say("The id that the chain spec gives, e.g. quantumharmony_prod.")
            .into();
    }
    Next::Done
}

fn seen(state: &State) -> Prompt {
    let prompt = ready("match.seen", "The keys match", "Go on")
        .say("Compare with what you know of this validator, and six words with those that the host showed with the file.");
    match &state.facts.matched {
        Some(matched) => prompt
            .fact("Chain", &matched.chain_id)
            .fact("Source", &matched.source)
            .lines("Keys", &matched.lines),
        None => prompt,
    }
}
