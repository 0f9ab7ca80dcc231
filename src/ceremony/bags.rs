//! What is written on bags and media: each number and label stands for one thing, whatever its case or spaces.

use super::answer::page;
use super::state::{Clears, SheetState, State};

/// Whether two numbers or labels would be taken for the same.
fn same(a: &str, b: &str) -> bool {
    let plain = |text: &str| -> String {
        text.chars()
            .filter(|c| c.is_alphanumeric())
            .flat_map(char::to_lowercase)
            .collect()
    };
    plain(a) == plain(b)
}

/// Puts up a page, and asks anew, when another thing has this bag number.
fn bag_taken(state: &mut State, key: &str, bag: &str) -> bool {
    let taken = state.sheets.iter().any(|s| s.stands() && same(&s.bag, bag))
        || state.facts.rebagged.iter().any(|(_, b)| same(b, bag));
    if taken {
        state.work.answers.remove(key);
        page(
            state,
            "bag-twice",
            format!("Bag {bag} holds another sheet already."),
            "Read the number on the bag again; each sheet has a bag of its own.",
            Clears::Nothing,
        );
    }
    taken
}

/// An answer of the handing over, about the sheet of the custodian `slug`.
pub(super) fn hand_over(state: &mut State, key: &str, slug: &str, what: &str, value: &str) {
    let Some(number) = slug.strip_prefix('c').and_then(|n| n.parse::<u8>().ok()) else {
        return;
    };
    if what == "bag" && bag_taken(state, key, value) {
        return;
    }
    let carrier = state
        .answer(&format!("hand.c{number}.carrier"))
        .unwrap_or_default()
        .to_owned();
    let Some(sheet) = state.sheet_of_mut(number) else {
        return;
    };
    match what {
        "bag" => sheet.bag = value.to_owned(),
        "done" => {
            sheet.state = SheetState::HandedOver;
            sheet.carrier = None;
        }
        "receipt" => {
            sheet.state = SheetState::Bagged;
            sheet.carrier = Some((carrier, value.to_owned()));
        }
        _ => {}
    }
}

/// The new bag of share `x`, whose sheet was opened today.
pub(super) fn rebagged(state: &mut State, key: &str, x: u8, bag: &str) {
    state.facts.rebagged.retain(|(other, _)| *other != x); // asked again after a resume
    if !bag_taken(state, key, bag) {
        state.facts.rebagged.push((x, bag.to_owned()));
    }
}

/// The label of a medium.
pub(super) fn medium_label(state: &mut State, key: &str, label: &str) {
    let taken = state.work.answers.iter().any(|(other, value)| {
        other != key
            && other.starts_with("store.m")
            && other.ends_with(".label")
            && same(value, label)
    });
    if taken {
        state.work.answers.remove(key);
        page(
            state,
            "label-twice",
            format!("Another medium of this ceremony has the label {label}."),
            "Write a label on this medium that no other has, and type it here.",
            Clears::Nothing,
        );
    }
}
