//! A PKCS#11 token on its way to be used: its module, the token, its PIN.

use super::{Next, choose, ready, text};
use crate::ceremony::effect::Effect;
use crate::ceremony::event::{TokenFact, TokenPin};
use crate::ceremony::prompt::{Ask, Prompt, SecretKind, TextKind};
use crate::ceremony::script::Step;
use crate::ceremony::state::State;

/// What a person answers who names a module by its path.
const OTHER: &str = "other";
/// What a person answers who wants something else than this module or these tokens.
pub(in crate::ceremony) const BACK: &str = "back";
const BACK_LABEL: &str = "None of these: back to the first question";

/// The URI of the token that was chosen, once its PIN is there; else what comes next. `prefix` begins each question's key.
pub(super) fn token(state: &State, step: &Step, prefix: &str) -> Result<String, Box<Next>> {
    let named = step.hsm.clone().unwrap_or_default();
    let module = module(state, step, prefix, &named)?;
    let Some((library, tokens)) = &state.work.tokens else {
        return Err(Box::new(Next::Do(Effect::ListTokens { module, named })));
    };
    let key = format!("{prefix}.token");
    let chosen = state.answer(&key);
    let Some(token) = tokens
        .iter()
        .find(|token| Some(token.uri.as_str()) == chosen)
    else {
        return Err(Box::new(choose_token(&key, library, tokens, &named)));
    };
    let key = format!("{prefix}.pin");
    if state.answer(&key).is_none() {
        return Err(Box::new(pin(&key, token)));
    }
    Ok(token.uri.clone())
}

fn module(state: &State, step: &Step, prefix: &str, named: &str) -> Result<String, Box<Next>> {
    let Some(modules) = &state.work.modules else {
        let named = named.to_owned();
        return Err(Box::new(Next::Do(Effect::ListModules { named })));
    };
    // What the script names is not asked for.
    if let Some(module) = modules.iter().find(|module| module.named) {
        return Ok(module.path.clone());
    }
    let key = format!("{prefix}.module");
    match state.answer(&key) {
        Some(OTHER) => {
            let key = format!("{prefix}.module-path");
            match state.answer(&key) {
                Some(path) => Ok(path.to_owned()),
                None => Err(Box::new(
                    text(&key, "The vendor's PKCS#11 module", TextKind::Path)
                        .say("Type the path of the shared object (.so) as this laptop sees it.")
                        .into(),
                )),
            }
        }
        Some(path) => Ok(path.to_owned()),
        None => {
            let mut choices: Vec<(&str, &str)> = modules
                .iter()
                .map(|module| (module.path.as_str(), module.name.as_str()))
                .collect();
            choices.push((OTHER, "Another one, by its path"));
            choices.push((BACK, BACK_LABEL));
            let prompt = choose(&key, "Which PKCS#11 module?", &choices)
                .say(&step.say)
                .say("The vendor's module is foreign code: it runs in a process of its own, and only once it is chosen here.");
            Err(Box::new(prompt.into()))
        }
    }
}

fn choose_token(key: &str, library: &str, tokens: &[TokenFact], named: &str) -> Next {
    let mut choices: Vec<(&str, &str)> = tokens
        .iter()
        .filter(|token| token.pin.usable())
        .map(|token| (token.uri.as_str(), token.text.as_str()))
        .collect();
    choices.push((BACK, BACK_LABEL));
    let mut prompt = choose(key, "Which token?", &choices).fact("Module", library);
    if !named.is_empty() {
        prompt = prompt.fact("Script names", named);
    }
    for token in tokens {
        let told = match token.pin {
            TokenPin::Locked => "locked",
            TokenPin::Unset => "none set",
            TokenPin::FinalTry => "ONE TRY LEFT",
            TokenPin::CountLow => "fewer tries left",
            TokenPin::Good | TokenPin::Pad => continue,
        };
        prompt = prompt.fact("PIN", format!("{told}: {}", token.text));
    }
    prompt
        .say("Compare label and serial number with what is printed on the token.")
        .into()
}

fn pin(key: &str, token: &TokenFact) -> Next {
    if token.pin == TokenPin::Pad {
        return ready(key, "The PIN on the token's own pad", "I am at the pad")
            .say("The token asks for its PIN on its own keys, each time that it is opened. Go on, then type it there.")
            .fact("Token", &token.text)
            .into();
    }
    let prompt = Prompt::new(key, "The token's PIN", Ask::Secret(SecretKind::TokenPin))
        .fact("Token", &token.text);
    match token.pin {
        TokenPin::FinalTry => prompt
            .say("THE NEXT WRONG PIN LOCKS THIS TOKEN. Look the PIN up before you type it.")
            .fact("Tries left", "one"),
        TokenPin::CountLow => prompt
            .say("There was a wrong PIN before. A token locks itself after a few.")
            .fact("Tries left", "fewer than at first"),
        TokenPin::Good | TokenPin::Pad | TokenPin::Locked | TokenPin::Unset => prompt,
    }
    .say("It is not shown, and it is given to the token alone.")
    .into()
}

/// What stays in the token, before anybody signs.
pub(super) fn stays(found: &[String], stays: &[String]) -> Next {
    ready("export.stays", "These stay in the token", "Go on without them")
        .say("They are not in this backup. Keys that may not leave a token are backed up by the vendor's own means, from token to token.")
        .lines("Stays", stays)
        .lines("Goes in", found)
        .into()
}
