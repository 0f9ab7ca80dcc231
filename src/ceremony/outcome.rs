//! What the driver reports: each outcome must be one that its effect can have.

use super::effect::{Effect, Paper, Source, Target};
use super::engine::{Refusal, refusal_page, refuse};
use super::event::{Outcome, Refused};
use super::next::{backed_keys, exception_text, key_lines};
use super::policy::{Kind, Slot, Verb};
use super::script::Script;
use super::state::{
    Clears, Exception, MatchFact, Overlay, Sheet, SheetState, State, StoredCopy, TokenPart, Work,
};

/// What is asked anew when an effect failed.
fn clears(effect: &Effect, refused: &Refused) -> Clears {
    match effect {
        Effect::CheckMachine
        | Effect::MakeRecipient
        | Effect::DrawEntropy
        | Effect::ProveSheets { .. }
        | Effect::WipeShares
        | Effect::Wipe
        | Effect::WriteRecord
        | Effect::Close => Clears::Nothing,
        Effect::Seal { .. } | Effect::Split { .. } | Effect::Open => Clears::Signatures,
        Effect::ListModules { .. } | Effect::ListTokens { .. } => Clears::Step,
        Effect::InspectSource {
            source: Source::Hsm,
            ..
        }
        | Effect::ReadKeys {
            source: Source::Hsm,
            ..
        } => Clears::Token(token_part(&refused.name)),
        // Another token may take what this one doesn't.
        Effect::WriteKeys {
            target: Target::Hsm,
            ..
        } => Clears::Token(TokenPart::Token),
        Effect::InspectSource { .. }
        | Effect::ReadKeys { .. }
        | Effect::MatchKeys { .. }
        | Effect::PrintSheet { .. }
        | Effect::LoadSealed { .. }
        | Effect::LoadRecord { .. }
        | Effect::WriteKeys { .. } => Clears::Step,
        Effect::Validate => Clears::Prefix("shares.more.".into()),
        Effect::WriteCopy { copy, .. } => Clears::Prefix(format!("store.m{copy}.")),
        Effect::SeeUnplugged { copy, .. } => Clears::Prefix(format!("store.m{copy}.unplug")),
        Effect::VerifyCopy { copy, .. } if refused.name == "medium-absent" => {
            Clears::Prefix(format!("store.m{copy}.plug"))
        }
        Effect::VerifyCopy { copy, .. } => Clears::Prefix(format!("store.m{copy}.")),
    }
}

/// What of a token is asked anew: an object that can't be exported says nothing against the token. After anything else the
/// token is chosen anew, after a wrong PIN too: it may be another token's.
fn token_part(name: &str) -> TokenPart {
    match name {
        "hsm-export-impossible"
        | "hsm-token-changed"
        | "hsm-not-extractable"
        | "hsm-wrap-trusted-only"
        | "hsm-not-offered"
        | "hsm-key-malformed"
        | "hsm-key-mismatch"
        | "hsm-key-length"
        | "hsm-no-public-key"
        | "hsm-secret-unprovable"
        | "hsm-data-unknown"
        | "hsm-data-twice"
        | "hsm-data-wrong" => TokenPart::Objects,
        _ => TokenPart::Token,
    }
}

fn mark(state: &mut State, name: &str, lines: Vec<String>) {
    state.work.done.insert(name.to_owned(), lines);
}

/// Takes in how `effect` ended.
pub(super) fn finished(
    script: &Script,
    state: &mut State,
    effect: &Effect,
    outcome: &Outcome,
) -> Result<(), Refusal> {
    match (effect, outcome) {
        (_, Outcome::Failed(refused)) => failed(script, state, effect, refused),
        (Effect::CheckMachine, Outcome::Machine { fit, findings }) => {
            state.facts.machine = findings.clone();
            if *fit {
                machine_fit(state);
            } else {
                let stops: Vec<&str> = findings
                    .iter()
                    .filter(|f| f.stop)
                    .map(|f| f.text.as_str())
                    .collect();
                let refused = Refused {
                    again: vec![],
                    name: "machine-unfit".into(),
                    what: format!("This machine is not fit for a ceremony: {}", stops.join(" ")),
                    way_on: "Remove or switch off what is named, then let the machine be looked at again.".into(),
                };
                refusal_page(state, refused, Clears::Nothing);
            }
        }
        (
            Effect::MakeRecipient,
            Outcome::Recipient {
                recipient,
                fingerprint,
            },
        ) => {
            state.facts.recipient = Some((recipient.clone(), fingerprint.clone()));
            state.slots.insert(Slot::Identity);
        }
        (Effect::ListModules { .. }, Outcome::Modules { modules }) => {
            state.work.modules = Some(modules.clone());
        }
        (Effect::ListTokens { .. }, Outcome::Tokens { library, tokens }) => {
            state.work.tokens = Some((library.clone(), tokens.clone()));
            let usable = |uri: &str| tokens.iter().any(|t| t.uri == uri && t.pin.usable());
            let gone = |key: &str, uri: &str| key.ends_with(".token") && !usable(uri);
            state.work.answers.retain(|key, value| !gone(key, value));
        }
        (Effect::InspectSource { .. }, Outcome::Inspected { files, stays }) => {
            mark(state, "inspect", files.clone());
            if !stays.is_empty() {
                mark(state, "stays", stays.clone());
            }
        }
        (Effect::ReadKeys { .. }, Outcome::Keys { keys, notes }) => {
            state.facts.keys = keys.clone();
            state.facts.key_notes = notes.clone();
            state.slots.insert(Slot::Bundle);
            mark(state, "read", key_lines(keys));
        }
        (
            Effect::MatchKeys { against, path, .. },
            Outcome::Matched {
                chain_id,
                genesis_hash,
                lines,
                source,
            },
        ) => {
            state.facts.matched = Some(MatchFact {
                chain_id: chain_id.clone(),
                genesis_hash: genesis_hash.clone(),
                lines: lines.clone(),
                source: source.clone(),
                on_chain: true,
            });
            state.facts.match_source = Some((*against, path.clone()));
            mark(state, "match", lines.clone());
        }
        (
            Effect::DrawEntropy,
            Outcome::Entropy {
                set_id,
                token_bytes,
            },
        ) => {
            state.facts.set_id = set_id.clone();
            state.facts.token_bytes = *token_bytes;
            state.slots.insert(Slot::Secret);
            mark(state, "entropy", vec![]);
        }
        (
            Effect::Seal { k, n, .. },
            Outcome::Sealed {
                file,
                sha256,
                key_check,
            },
        ) => {
            state.facts.sealed = Some(super::event::SealedFacts {
                file: file.clone(),
                sha256: sha256.clone(),
                ceremony: state.opened.ceremony.clone(),
                set_id: state.facts.set_id.clone(),
                key_check: key_check.clone(),
                k: *k,
                n: *n,
                keys: state.facts.keys.clone(),
                record_sha256: String::new(),
                commitments: false,
            });
            state.slots.remove(&Slot::Bundle);
            mark(state, "seal", vec![]);
        }
        (Effect::Split { n, .. }, Outcome::Split { commitments }) => {
            if commitments.len() != usize::from(*n) {
                return refuse("outcome-unfit", "The driver made another number of shares.");
            }
            state.facts.commitments = commitments.clone();
            state.slots.remove(&Slot::Secret);
            state.slots.insert(Slot::Shares);
            mark(state, "split", vec![]);
        }
        (
            Effect::PrintSheet {
                number, custodian, ..
            },
            Outcome::Printed {
                number: printed,
                paper,
                files,
            },
        ) => {
            if number != printed {
                return refuse("outcome-unfit", "The driver printed another sheet.");
            }
            if *paper == Paper::Files {
                state
                    .facts
                    .destroy
                    .extend(files.iter().map(|f| format!("file {f}")));
            }
            state.sheets.push(Sheet {
                number: *number,
                custodian: *custodian,
                paper: *paper,
                state: SheetState::Printed,
                proven: String::new(),
                bag: String::new(),
                place: String::new(),
                carrier: None,
            });
        }
        (Effect::ProveSheets { .. }, Outcome::SheetsProven { subsets, all }) => {
            state.facts.subsets = Some((*subsets, *all));
            mark(state, "prove", vec![]);
        }
        (Effect::Open, Outcome::Opened { keys }) => opened(state, keys),
        (Effect::WriteCopy { copy, .. }, Outcome::CopyWritten { medium, .. }) => {
            mark(
                state,
                &format!("store.m{copy}.written"),
                vec![medium.clone()],
            );
        }
        (Effect::SeeUnplugged { copy, .. }, Outcome::Unplugged { .. }) => {
            mark(state, &format!("store.m{copy}.gone"), vec![]);
        }
        (
            Effect::VerifyCopy { copy, .. },
            Outcome::CopyVerified {
                sha256, past_cache, ..
            },
        ) => {
            copy_verified(state, *copy, sha256, *past_cache);
        }
        (Effect::LoadSealed { .. }, Outcome::SealedLoaded(sealed)) => {
            let same = state.facts.sealed.as_ref().is_some_and(|before| {
                before.set_id == sealed.set_id && before.key_check == sealed.key_check
            });
            if !same {
                // Shares entered for another file say nothing about this one.
                state.facts.shares.clear();
                state.facts.quorum.clear();
                state.slots.remove(&Slot::Scanned);
            }
            state.facts.set_id = sealed.set_id.clone();
            state.facts.keystore_password = false;
            state.facts.sealed = Some((**sealed).clone());
            mark(state, "load", vec![]);
        }
        (Effect::LoadRecord { .. }, Outcome::RecordLoaded(record)) => {
            state.facts.set_id = record.set_id.clone();
            state.facts.record = Some((**record).clone());
            mark(state, "record", vec![]);
        }
        (Effect::Validate, Outcome::Quorum { used }) => state.facts.quorum = used.clone(),
        (Effect::Validate, Outcome::QuorumFailed { refused, dropped }) => {
            state.facts.shares.retain(|(x, ..)| !dropped.contains(x));
            refusal_page(
                state,
                refused.clone(),
                Clears::Prefix("shares.more.".into()),
            );
        }
        (Effect::WriteKeys { dry: true, .. }, Outcome::Plan { lines }) => {
            mark(state, "plan", lines.clone());
        }
        (
            Effect::WriteKeys {
                dry: false,
                target,
                path,
                ..
            },
            Outcome::Written { files },
        ) => {
            if *target == Target::Medium {
                state
                    .facts
                    .destroy
                    .push(format!("medium with bare key files, {path}"));
            }
            state.facts.written.extend(files.iter().cloned());
            mark(state, "write", vec![]);
        }
        (Effect::WipeShares, Outcome::SharesWiped) => {
            state.wipe_shares = false;
            state.slots.remove(&Slot::Scanned);
        }
        (
            Effect::Wipe,
            Outcome::Wiped {
                searched,
                found,
                note,
            },
        ) => {
            state.slots.clear();
            state.facts.wiped = Some((*searched, *found, note.clone()));
            if *found > 0 || *searched == 0 {
                state.exceptions.push(Exception {
                    name: "residue".into(),
                    text: exception_text("residue").into(),
                    signed: vec![],
                });
            }
            mark(state, "wipe", vec![]);
        }
        _ => {
            return refuse(
                "outcome-unfit",
                "The outcome doesn't belong to the effect under way.",
            );
        }
    }
    Ok(())
}

/// A fit machine opens the signatures that waited for it. Those of the step under an exception are given again.
fn machine_fit(state: &mut State) {
    state.work.rechecked = true;
    let waiting = state.overlays.iter_mut().rev().find_map(|over| match over {
        Overlay::Excepting { checked, .. } | Overlay::Voiding { checked, .. } if !*checked => {
            Some(checked)
        }
        _ => None,
    });
    if let Some(checked) = waiting {
        *checked = true;
        state.work.signed.clear();
    }
}

fn failed(script: &Script, state: &mut State, effect: &Effect, refused: &Refused) {
    let asks_password = *effect == Effect::Open
        && state.opened.kind != Kind::Backup
        && (refused.name == "keystore-password-needed"
            || (state.facts.keystore_password && refused.name == "key-public-mismatch"));
    if asks_password {
        // The file opened; its phrases need the node's keystore password, or another one.
        state.facts.keystore_password = true;
        refusal_page(state, refused.clone(), Clears::Step);
        return;
    }
    refusal_page(state, refused.clone(), clears(effect, refused));
    match effect {
        Effect::ProveSheets { .. } => {
            for sheet in state.sheets.iter_mut().filter(|s| s.stands()) {
                sheet.proven.clear();
            }
        }
        Effect::Open if state.opened.kind != Kind::Backup => {
            // Another copy of the sealed file may open: go back to it, the shares still stand.
            state.facts.quorum.clear();
            state.work = Work::default();
            state.step = script.position(Verb::SealedFile).unwrap_or(state.step);
        }
        Effect::MatchKeys {
            from: Slot::Opened, ..
        } if state.opened.kind == Kind::Backup => {
            state.facts.match_source = None; // the file is asked for again
        }
        Effect::WriteKeys {
            dry: false, path, ..
        } => perhaps_written(state, path),
        Effect::PrintSheet {
            custodian,
            paper: Paper::Files,
            ..
        } => {
            state
                .facts
                .destroy
                .push(format!("what may lie in sheets/share-{custodian}.*"));
        }
        _ => {}
    }
}

/// A writing that was cut short or failed may have left whole key files: nobody may forget them.
pub(super) fn perhaps_written(state: &mut State, path: &str) {
    let line = format!(
        "some keys may have been written to {path}: look, before anything is started there"
    );
    if !state.facts.written.contains(&line) {
        state.facts.written.push(line);
    }
}

fn opened(state: &mut State, keys: &[super::event::PublicKey]) {
    let as_said = match (state.opened.kind, &state.facts.sealed) {
        (Kind::Backup, _) => state.facts.keys == keys,
        // A header names every key; network files stand inside the seal alone.
        (_, Some(sealed)) => backed_keys(keys).into_iter().eq(&sealed.keys),
        (_, None) => true,
    };
    if !as_said {
        let refused = Refused {
            again: vec![],
            name: "opened-keys-differ".into(),
            what: "The keys inside the sealed file are not the keys it was said to hold.".into(),
            way_on: "Stop: this sealed file can't be trusted. Look for another copy.".into(),
        };
        refusal_page(state, refused, Clears::Signatures);
        return;
    }
    state.facts.keys = keys.to_vec();
    state.facts.opened = true;
    // The driver keeps no share beyond this.
    state.slots.remove(&Slot::Scanned);
    state.slots.remove(&Slot::Shares);
    state.slots.insert(Slot::Opened);
    mark(state, "open", vec![]);
}

fn copy_verified(state: &mut State, copy: u8, sha256: &str, past_cache: bool) {
    let key = |what: &str| format!("store.m{copy}.{what}");
    if state
        .facts
        .sealed
        .as_ref()
        .is_none_or(|s| s.sha256 != sha256)
    {
        let refused = Refused {
            again: vec![],
            name: "copy-differs".into(),
            what: format!("Copy {copy} reads back as other bytes than were written."),
            way_on: "Take another medium for this copy; destroy this one.".into(),
        };
        refusal_page(state, refused, Clears::Prefix(format!("store.m{copy}.")));
        return;
    }
    let text = |what: &str| state.answer(&key(what)).unwrap_or_default().to_owned();
    let medium = state
        .work
        .done
        .get(&key("written"))
        .and_then(|lines| lines.first())
        .cloned()
        .unwrap_or_default();
    let stored = StoredCopy {
        number: copy,
        label: text("label"),
        place: text("place"),
        medium,
        past_cache,
    };
    state.copies.retain(|c| c.number != copy);
    state.copies.push(stored);
    mark(state, &key("verified"), vec![]);
}

#[cfg(test)]
#[path = "outcome_tests.rs"]
mod tests;
