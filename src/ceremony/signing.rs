//! PINs: who signs, who objects, who must wait, and what two signatures bring about.

use super::engine::{Refusal, not_asked, refusal_page, refuse};
use super::event::Refused;
use super::policy::{Label, Sensitive};
use super::prompt::Ask;
use super::state::{Clears, Exception, Overlay, PIN_PAUSE, SheetState, State};

/// Somebody who has a PIN here, and need not wait after wrong ones.
fn may_enter(state: &State, who: &Label) -> Result<(), Refusal> {
    if !state.person(who).is_some_and(|p| p.pin) {
        return refuse("not-enrolled", format!("{} has no PIN here.", who.spoken()));
    }
    if state.locked(who, state.time) {
        return refuse(
            "pin-locked",
            format!("{} must wait after wrong PINs.", who.spoken()),
        );
    }
    Ok(())
}

/// A right PIN for the verb now open.
pub(super) fn signed(
    ask: &Ask,
    new: &mut State,
    who: &Label,
    verb: Sensitive,
) -> Result<(), Refusal> {
    let Ask::Sign {
        verb: open,
        needs,
        has,
        ..
    } = ask
    else {
        return not_asked("A signature");
    };
    if *open != verb || !needs.contains(who) || has.contains(who) {
        return refuse(
            "signature-not-needed",
            format!("{} doesn't sign to {} now.", who.spoken(), verb.phrase()),
        );
    }
    may_enter(new, who)?;
    new.locks.remove(who);
    let complete = |signed: &[Label]| needs.iter().all(|label| signed.contains(label));
    match new.overlays.last_mut() {
        Some(Overlay::Excepting {
            offered, signed, ..
        }) => {
            signed.push(who.clone());
            if complete(signed) {
                let exception = Exception {
                    name: offered.name.to_owned(),
                    text: offered.text.clone(),
                    signed: signed.clone(),
                };
                new.exceptions.push(exception);
                new.overlays.pop();
                new.overlays.pop(); // the refusal that offered it
            }
        }
        Some(Overlay::Voiding { number, signed, .. }) => {
            signed.push(who.clone());
            if complete(signed) {
                let number = *number;
                for sheet in new.sheets.iter_mut().filter(|s| s.number == number) {
                    sheet.state = SheetState::Void;
                    sheet.proven.clear();
                }
                new.work.done.remove("prove");
                new.overlays.pop();
            }
        }
        Some(Overlay::Reenrolling { signed, .. }) => signed.push(who.clone()),
        Some(Overlay::Refusal { .. } | Overlay::Objection { .. } | Overlay::Paused) => {
            return not_asked("A signature");
        }
        None => new.work.signed.push(who.clone()),
    }
    Ok(())
}

/// A wrong PIN. The third in a row makes the person wait, wherever a PIN is asked for.
pub(super) fn wrong_pin(ask: &Ask, new: &mut State, who: &Label) -> Result<(), Refusal> {
    if matches!(ask, Ask::Wait | Ask::Over) {
        return not_asked("A PIN");
    }
    may_enter(new, who)?;
    let (wrong, until) = new.locks.entry(who.clone()).or_insert((0, 0));
    *wrong += 1;
    let left = 3u32.saturating_sub(*wrong);
    let way_on = if left == 0 {
        *wrong = 0;
        *until = new.time + PIN_PAUSE;
        "Wait a minute, then try again; or enrol anew with F: two others sign for it."
    } else {
        "Try again. After three wrong PINs there is a pause."
    };
    let refused = Refused {
        again: vec![],
        name: "pin-wrong".into(),
        what: format!("This is not the PIN of {}.", who.spoken()),
        way_on: way_on.into(),
    };
    refusal_page(new, refused, Clears::Nothing);
    Ok(())
}

/// "I do not agree": blocks until its author withdraws it, or the ceremony is stopped.
pub(super) fn objected(new: &mut State, who: &Label, reason: &str) -> Result<(), Refusal> {
    if new.facts.recorded.is_some() {
        return refuse(
            "recorded-already",
            "The record is written. Who does not agree does not sign the certificate.",
        );
    }
    may_enter(new, who)?;
    new.overlays.push(Overlay::Objection {
        by: who.clone(),
        reason: reason.to_owned(),
    });
    Ok(())
}

/// Its author withdraws it.
pub(super) fn withdrawn(new: &mut State, who: &Label) -> Result<(), Refusal> {
    match new.overlays.last() {
        Some(Overlay::Objection { by, .. }) if by == who => {
            may_enter(new, who)?;
            new.overlays.pop();
            Ok(())
        }
        _ => refuse("not-its-author", "Only its author withdraws an objection."),
    }
}
