//! What an interactive rehearsal shows between its ceremonies, and the paths that it suggests.

use std::collections::BTreeMap;
use std::path::Path;

use super::{Act, Failure, lost_sheets};
use crate::ceremony::policy::Kind;
use crate::ceremony::prompt::{Ask, Offer, Prompt};
use crate::ceremony::script::Script;
use crate::ceremony::view::View;
use crate::run::driver::{names, now};
use crate::run::softhsm::{self, SoftHsm};
use crate::run::world::World;

/// The page before ceremony number `at` (from 0).
pub(super) fn page(at: usize, act: &Act, base: &Path) -> Result<View, Failure> {
    let script = Script::parse(&act.script).map_err(|error| (1, error.to_string()))?;
    let lost: Vec<String> = lost_sheets(script.policy.k, script.policy.n)
        .iter()
        .map(u8::to_string)
        .collect();
    let lost = lost.join(" and ");
    let mut say = vec![
        "Paths of the rehearsal's own files stand in their fields already: Enter takes them."
            .into(),
        "Nothing here is real. Every file wears a watermark, and no real ceremony accepts it."
            .into(),
    ];
    if SoftHsm::of(base).exists() {
        say.push(format!(
            "There is an HSM: the token `{}` holds the keys, `{}` is empty. The PIN of both is {}.",
            softhsm::SOURCE,
            softhsm::TARGET,
            softhsm::PIN
        ));
    }
    let (title, then) = match (at, script.kind()) {
        (0, _) => (
            "A rehearsal begins",
            "You play everybody: operator, witness, custodians. Choose any names and PINs, and remember the PINs.".to_owned(),
        ),
        (_, Kind::Recovery) => (
            "Some years later",
            format!("The validator's disk is gone, and the sheets of custodians {lost} are lost. Say so when you are asked who is here; the others recover the keys."),
        ),
        (_, Kind::Verification) => (
            "A year later",
            "Custodians bring their sheets, and the backup is opened to see that it still can be. Nothing is written.".to_owned(),
        ),
        (_, _) => (
            "A month later",
            "One custodian's sheet is checked against the record.".to_owned(),
        ),
    };
    Ok(View {
        rehearsal: true,
        title: script.title.clone(),
        ceremony: act.name.clone(),
        head: String::new(),
        time: now(),
        checklist: vec![],
        people: vec![],
        prompt: Prompt {
            key: "rehearsal".into(),
            title: title.into(),
            say: std::iter::once(then).chain(say).collect(),
            facts: vec![
                ("Next".into(), script.title),
                ("Files in".into(), base.display().to_string()),
            ],
            ask: Ask::Ready {
                label: "Begin".into(),
            },
            offers: vec![Offer::Pause],
            qr: None,
        },
        qr: vec![],
        suggestion: String::new(),
    })
}

/// Paths of the rehearsal's files by prompt key.
pub(super) fn paths(base: &Path) -> BTreeMap<String, String> {
    let world = World {
        out: base.to_owned(),
    };
    let sealed = base.join(names::SEALED);
    let age = sealed.join("backup.age");
    let sealed = if age.exists() {
        age
    } else {
        sealed.join("backup.jwe")
    };
    let record = base.join(names::RECORD);
    let mut paths: BTreeMap<String, String> = [
        ("export.path", world.source()),
        ("match.path", world.registered()),
        ("sealed.path", sealed),
        ("sealed.record", record.clone()),
        ("record.path", record),
        ("write.path", world.recovered()),
    ]
    .into_iter()
    .map(|(key, path)| (key.to_owned(), path.display().to_string()))
    .collect();
    for number in 1..=9 {
        let path = world.medium(number).display().to_string();
        paths.insert(format!("store.m{number}.path"), path);
    }
    paths
}
