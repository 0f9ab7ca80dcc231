//! Secret, seal, shares, sheets, quorum.

use super::keys::key_lines;
use super::{Next, choose, ready, signatures, text};
use crate::ceremony::effect::{Effect, Paper};
use crate::ceremony::policy::{Kind, Sensitive};
use crate::ceremony::prompt::{Ask, Offer, Prompt, SecretKind, TextKind, Way};
use crate::ceremony::script::{Script, Step};
use crate::ceremony::state::{SheetState, State};

/// A hex id in groups of four, as sheets and screens show it.
pub(in crate::ceremony) fn grouped(hex: &str) -> String {
    let digits: Vec<char> = hex.chars().collect();
    digits
        .chunks(4)
        .map(|c| c.iter().collect::<String>())
        .collect::<Vec<_>>()
        .join(" ")
}

pub(super) fn entropy(state: &State, step: &Step) -> Next {
    if state.did("entropy") {
        return Next::Done;
    }
    if state.answer("entropy.dice").is_none() {
        return Prompt::new("entropy.dice", "Roll dice, or don't", Ask::Secret(SecretKind::Dice))
            .say(&step.say)
            .say("Type each roll, 1 to 6; 50 rolls add what the secret needs by themselves. Leave it empty to use the laptop's randomness alone.")
            .into();
    }
    Next::Do(Effect::DrawEntropy)
}

pub(super) fn seal(script: &Script, state: &State, step: &Step) -> Next {
    let facts = [
        (
            "Cipher".to_owned(),
            match script.policy.cipher {
                crate::ceremony::policy::Cipher::AesGcm => "AES-256-GCM (JWE)".to_owned(),
                crate::ceremony::policy::Cipher::Age => "age passphrase file".to_owned(),
            },
        ),
        ("Set".to_owned(), grouped(&state.facts.set_id)),
    ];
    if let Some(next) = signatures(state, step, Sensitive::Seal, &facts) {
        return next;
    }
    if !state.did("seal") {
        return Next::Do(Effect::Seal {
            cipher: script.policy.cipher,
            k: script.policy.k,
            n: script.policy.n,
        });
    }
    Next::Done
}

pub(super) fn split(script: &Script, state: &State, step: &Step) -> Next {
    let facts = [(
        "Shares".to_owned(),
        format!(
            "{} made, any {} open the backup",
            script.policy.n, script.policy.k
        ),
    )];
    if let Some(next) = signatures(state, step, Sensitive::Split, &facts) {
        return next;
    }
    if !state.did("split") {
        return Next::Do(Effect::Split {
            k: script.policy.k,
            n: script.policy.n,
        });
    }
    Next::Done
}

fn paper_of(state: &State) -> Option<Paper> {
    match state.answer("sheets.paper") {
        Some("simulated") => Some(Paper::Simulated),
        Some("handwriting") => Some(Paper::Handwriting),
        Some("files") => Some(Paper::Files),
        _ => None,
    }
}

/// The ways a share may be read.
fn ways(state: &State) -> Vec<Way> {
    let mut ways = vec![Way::Scanner, Way::Words, Way::Picture];
    if state.opened.rehearsal {
        ways.insert(0, Way::Simulated);
    }
    ways
}

pub(super) fn sheets(script: &Script, state: &State, step: &Step) -> Next {
    // Read back once more after a long pause: nothing is printed again.
    let accepted = (1..=script.policy.n).all(|custodian| {
        state
            .sheet_of(custodian)
            .is_some_and(|s| s.state != SheetState::Printed)
    });
    let Some(paper) = paper_of(state).or_else(|| {
        let first = state.sheets.first()?;
        accepted.then_some(first.paper)
    }) else {
        let mut choices = vec![];
        if state.opened.rehearsal {
            choices.push((
                "simulated",
                "The rehearsal's printer (PNG and PDF, watermarked)",
            ));
        }
        if step.paper.is_empty() || step.paper.contains(&Paper::Handwriting) {
            choices.push(("handwriting", "By hand on printed blank forms"));
        }
        if step.paper.contains(&Paper::Files) {
            choices.push(("files", "As files to print elsewhere (exception)"));
        }
        return choose(
            "sheets.paper",
            "How do the shares get onto paper?",
            &choices,
        )
        .say(&step.say)
        .say(&step.why)
        .into();
    };
    for custodian in 1..=script.policy.n {
        let Some(sheet) = state.sheet_of(custodian) else {
            let number = u32::try_from(state.sheets.len()).unwrap_or(u32::MAX - 1) + 1;
            return Next::Do(Effect::PrintSheet {
                number,
                custodian,
                paper,
            });
        };
        let place = format!("{} of {}", custodian, script.policy.n);
        let common = |prompt: Prompt| {
            prompt
                .fact("Custodian", &place)
                .fact("Sheet", sheet.number.to_string())
                .fact("Set", grouped(&state.facts.set_id))
                .offer(Offer::Reprint)
        };
        let written = format!("sheets.s{}.written", sheet.number);
        let unwritten = sheet.state == SheetState::Printed && state.answer(&written).is_none();
        if paper == Paper::Handwriting && unwritten {
            return common(
                Prompt::new(
                    &written,
                    &format!("Write the share of custodian {custodian}"),
                    Ask::Handwrite { custodian },
                )
                .say("Write ceremony, set and number on the form, then the 36 words as they are shown, four at a time."),
            )
            .into();
        }
        if sheet.proven.is_empty() {
            return common(
                Prompt::new(
                    &format!("sheets.c{custodian}.read"),
                    &format!("Prove the sheet of custodian {custodian}"),
                    Ask::ReadShare { ways: ways(state) },
                )
                .say("Read the sheet back: scan its QR code, or type its words from the paper.")
                .say(&step.why),
            )
            .into();
        }
    }
    if !state.did("prove") {
        return Next::Do(Effect::ProveSheets { k: script.policy.k });
    }
    let (subsets, all) = state.facts.subsets.unwrap_or((0, false));
    let mut facts = vec![
        (
            "Sheets proven".to_owned(),
            format!("{0} of {0}", script.policy.n),
        ),
        (
            "Sets that recover".to_owned(),
            format!(
                "{subsets}{}",
                if all {
                    ", which is every one"
                } else {
                    " tried of many"
                }
            ),
        ),
    ];
    facts.extend(
        state
            .sheets
            .iter()
            .filter(|s| s.state == SheetState::Void)
            .map(|s| {
                (
                    "Void".to_owned(),
                    format!("sheet {} of custodian {}", s.number, s.custodian),
                )
            }),
    );
    signatures(state, step, Sensitive::AcceptSheets, &facts).unwrap_or(Next::Done)
}

pub(super) fn sealed_file(state: &State, step: &Step) -> Next {
    if state.answer("sealed.path").is_none() {
        return text("sealed.path", "The sealed file", TextKind::Path)
            .say(&step.say)
            .say("Type the path of backup.jwe or backup.age. For backup.age its sidecar backup.age.json must lie beside it.")
            .into();
    }
    if state.answer("sealed.record").is_none() {
        return Prompt::new(
            "sealed.record",
            "The record of the backup",
            Ask::Text { kind: TextKind::Path, optional: true },
        )
        .say("Type the path of record.json, or leave it empty. With it, a forged share is named when it is read.")
        .into();
    }
    if !state.did("load") {
        return Next::Do(Effect::LoadSealed {
            path: state.answer("sealed.path").unwrap_or_default().to_owned(),
            record: state.answer("sealed.record").unwrap_or_default().to_owned(),
        });
    }
    if state.answer("sealed.seen").is_none() {
        let prompt = ready("sealed.seen", "This is the backup", "Go on")
            .say("Compare with the certificate of the backup.");
        let Some(sealed) = &state.facts.sealed else {
            return prompt.into();
        };
        return prompt
            .fact("Ceremony", &sealed.ceremony)
            .fact("Set", grouped(&sealed.set_id))
            .fact("Shares", format!("any {} of {}", sealed.k, sealed.n))
            .fact("Brought", format!("{} sheets", state.brought()))
            .fact(
                "Record",
                if sealed.commitments {
                    "names each share"
                } else {
                    "none given"
                },
            )
            .lines("Keys", &key_lines(&sealed.keys))
            .into();
    }
    Next::Done
}

pub(super) fn enter(state: &State, step: &Step) -> Next {
    let k = usize::from(state.facts.sealed.as_ref().map_or(u8::MAX, |s| s.k));
    let have = state.facts.shares.len();
    if !state.facts.quorum.is_empty() {
        return Next::Done;
    }
    let more = state.answer(&format!("shares.more.{have}"));
    if have < k || more == Some("more") {
        let mut prompt = Prompt::new(
            &format!("shares.read.{have}"),
            &format!("Share {} of {}", have + 1, k.max(have + 1)),
            Ask::ReadShare { ways: ways(state) },
        )
        .say(&step.say)
        .say("Damaged? Type the words. Not readable? Another custodian's sheet serves as well.");
        if let Some(sealed) = &state.facts.sealed {
            prompt = prompt.fact("This backup", format!("set {}", grouped(&sealed.set_id)));
        }
        for (x, how, _) in &state.facts.shares {
            prompt = prompt.fact("Entered", format!("share {x}, by {how}"));
        }
        return prompt.into();
    }
    if more.is_none() {
        return choose(
            &format!("shares.more.{have}"),
            "Is there another sheet?",
            &[("enough", "That is all"), ("more", "Another sheet is here")],
        )
        .say("More sheets than needed let a wrong one be found.")
        .fact("Entered", format!("{have}, needed {k}"))
        .into();
    }
    Next::Do(Effect::Validate)
}

pub(super) fn open(state: &State, step: &Step) -> Next {
    if state.opened.kind != Kind::Backup
        && state.facts.keystore_password
        && !state.did("open")
        && state.answer("open.password-text").is_none()
    {
        return Prompt::new(
            "open.password-text",
            "The keystore password",
            Ask::Secret(SecretKind::Password),
        )
        .say("The node of this backup ran with a keystore password, which is part of its key phrases and not in the backup.")
        .say("It is not shown, not even its length.")
        .into();
    }
    let facts: Vec<(String, String)> = state
        .facts
        .sealed
        .iter()
        .flat_map(|s| {
            [
                ("Sealed file".to_owned(), s.file.clone()),
                ("Set".to_owned(), grouped(&s.set_id)),
                ("Key check".to_owned(), "agrees".to_owned()),
            ]
        })
        .collect();
    if let Some(next) = signatures(state, step, Sensitive::Open, &facts) {
        return next;
    }
    if !state.did("open") {
        return Next::Do(Effect::Open);
    }
    Next::Done
}

pub(super) fn record(state: &State, step: &Step) -> Next {
    if state.answer("record.path").is_none() {
        return text("record.path", "The record of the backup", TextKind::Path)
            .say(&step.say)
            .say(&step.why)
            .into();
    }
    if !state.did("record") {
        return Next::Do(Effect::LoadRecord {
            path: state.answer("record.path").unwrap_or_default().to_owned(),
        });
    }
    Next::Done
}

pub(super) fn check(state: &State, step: &Step) -> Next {
    if state.facts.checked.is_empty() {
        return Prompt::new(
            "check.read",
            "Enter the share",
            Ask::ReadShare { ways: ways(state) },
        )
        .say(&step.say)
        .say(&step.why)
        .into();
    }
    if state.answer("check.seen").is_none() {
        return ready("check.seen", "The share is good", "Go on")
            .say("It is the share that was accepted when the backup was made. It is wiped already.")
            .lines("Share", &state.facts.checked)
            .into();
    }
    Next::Done
}
