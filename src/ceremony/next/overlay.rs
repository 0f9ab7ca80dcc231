//! What lies over the current step: refusals, objections, pauses, exceptions.

use super::{Next, sign_prompt};
use crate::ceremony::effect::Effect;
use crate::ceremony::policy::{Label, Sensitive};
use crate::ceremony::prompt::{Ask, Offer, Prompt};
use crate::ceremony::state::{Overlay, State};

/// The closed list of exceptions that people can sign, and what each means.
pub(in crate::ceremony) fn exception_text(name: &str) -> &'static str {
    match name {
        "signer-is-custodian" => "a signer also holds a sheet",
        "unproven-key" => "a key of a type that can't be proven is in the backup",
        "bare-keys-on-medium" => "bare key files lay on a medium, which must be destroyed",
        "sheets-as-files" => "sheets were written as files, which must be destroyed",
        "pictures-of-sheets" => "sheets were read from picture files, which must be destroyed",
        "not-post-quantum" => "keys left sealed to an X25519 recipient: not post-quantum",
        "resumed" => "the ceremony was interrupted and resumed; everybody enrolled anew",
        "residue" => "the memory search found something after the wipe, or was not possible",
        _ => "an exception",
    }
}

pub(super) fn next(state: &State, over: &Overlay) -> Next {
    let both = || vec![Label::operator(), Label::witness()];
    match over {
        Overlay::Refusal { refused, exception, .. } => {
            let prompt = Prompt::new("refusal", "Not accepted", Ask::Refusal { name: refused.name.clone() })
                .say(&refused.what)
                .say(&refused.way_on)
                .say("Nothing was lost by this.");
            let prompt = if refused.again.is_empty() {
                prompt
            } else {
                let again: Vec<String> = refused.again.iter().map(u8::to_string).collect();
                prompt.fact("read again", again.join(" "))
            };
            match exception {
                Some(offered) => prompt
                    .fact("Exception", &offered.text)
                    .offer(Offer::Exception)
                    .into(),
                None => prompt.into(),
            }
        }
        Overlay::Objection { by, reason } => {
            Prompt::new("objection", "Somebody does not agree", Ask::Objection { by: by.clone() })
                .say(format!(
                    "The ceremony waits. {} can withdraw the objection with the PIN; else it is stopped.",
                    capital(&by.spoken())
                ))
                .fact("By", by.spoken())
                .fact("Reason", reason)
                .into()
        }
        Overlay::Paused => Prompt::new("paused", "Paused", Ask::Paused)
            .say("Nobody leaves the room alone with the sheets. After 30 minutes entered shares are wiped.")
            .into(),
        Overlay::Excepting { checked: false, .. } | Overlay::Voiding { checked: false, .. } => {
            Next::Do(Effect::CheckMachine)
        }
        Overlay::Excepting { offered, signed, .. } => {
            sign_prompt(state, &format!("exception.{}", offered.name), Sensitive::Exception, both(), signed)
                .say(format!("Exception: {}.", offered.text))
                .say("It stands in the record and on the certificate, with both signatures.")
                .offer(Offer::Back)
                .into()
        }
        Overlay::Voiding { number, signed, .. } => {
            sign_prompt(state, &format!("void.{number}"), Sensitive::Void, both(), signed)
                .say(format!("Sheet {number} becomes void and must be destroyed; a new one is made."))
                .offer(Offer::Back)
                .into()
        }
        Overlay::Reenrolling { who, signed } => {
            let needs: Vec<Label> = state
                .signers()
                .map(|p| p.label.clone())
                .filter(|label| label != who)
                .take(2)
                .collect();
            if needs.iter().all(|label| signed.contains(label)) {
                return Prompt::new(
                    &format!("reenrol.{who}.pin"),
                    &format!("A new PIN for {}", who.spoken()),
                    Ask::NewPin { who: who.clone() },
                )
                .say("Choose at least 6 digits, and type them twice.")
                .into();
            }
            sign_prompt(state, &format!("reenrol.{who}"), Sensitive::Reenrol, needs, signed)
                .say(format!("{} forgot the PIN. Two others confirm who it is.", capital(&who.spoken())))
                .offer(Offer::Back)
                .into()
        }
    }
}

fn capital(text: &str) -> String {
    let mut chars = text.chars();
    chars.next().map_or_else(String::new, |first| {
        first.to_uppercase().chain(chars).collect()
    })
}
