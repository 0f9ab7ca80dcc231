//! Help for every prompt: what it is, which keys there are, and the rules that always hold.

use crate::ceremony::prompt::{Ask, SecretKind, TextKind};
use crate::tui::app::App;

/// Keys and what they do.
type Keys = &'static [(&'static str, &'static str)];

/// What stands now, the keys, and the rules.
pub(super) fn text(app: &App) -> (&'static str, Keys, Vec<String>) {
    let about = app.view.as_ref().map_or("", |view| about(&view.prompt.ask));
    let rules = RULES.iter().map(|rule| (*rule).to_owned()).collect();
    (about, KEYS, rules)
}

const KEYS: Keys = &[
    ("F1  ?", "this help"),
    ("F2  n", "I do not agree"),
    ("F3  q", "pause or stop; so does Ctrl-C"),
    ("F4  f", "forgotten PIN"),
    ("F5  r", "reprint a sheet"),
    ("F6  x", "exception"),
    ("F7  v", "QR code, where there is one"),
    ("PgUp PgDn", "scroll the text"),
];

const RULES: &[&str] = &[
    "Letters work where nothing is typed, function keys everywhere. The keys that work now stand at the \
     bottom of the screen; no others do anything.",
    "Nothing happens by itself and nothing is skipped. Take the time that you need.",
    "A sensitive step waits until two people have each typed their own PIN for it. A PIN is never \
     shown, not even how long it is.",
    "The six words after \"head\" stand for everything so far. Witnesses may copy them at any time and \
     compare them with the certificate.",
    "Anybody with a PIN may say \"I do not agree\". The ceremony then stands still.",
    "A refusal loses nothing. It says what was refused, why, and what to do.",
    "In the list: [x] done, [>] now, [ ] later, [!] refused, [~] done by an exception.",
];

fn about(ask: &Ask) -> &'static str {
    match ask {
        Ask::Ready { .. } => {
            "Read what stands here, do it, and press Enter when it is done. Enter states that it was \
             done; the transcript keeps it."
        }
        Ask::Choose(_) => {
            "Move with the arrows or the number, and press Enter to choose. A number alone chooses \
             nothing."
        }
        Ask::Text { kind, .. } => match kind {
            TextKind::Line | TextKind::Number => {
                "What you type here goes into the transcript, which others will read. Write no names \
                 and nothing secret."
            }
            TextKind::Path => {
                "Type the path of a file or directory. It may be pasted. The path goes into the \
                 transcript, the content does not."
            }
            TextKind::Date | TextKind::DateTime => {
                "Type the date as year-month-day, and a time as hours:minutes, in 24 hours."
            }
        },
        Ask::Confidential => {
            "Names and places go into the confidential annex. The transcript holds a salted hash of \
             them, from which nothing can be read."
        }
        Ask::NewPin { .. } => {
            "A PIN has at least 6 digits and is typed twice. It lives in memory until this ceremony \
             ends. Choose one that you use nowhere else."
        }
        Ask::Secret(SecretKind::Dice) => {
            "Dice rolls are mixed with the machine's own randomness: neither alone can weaken the \
             secret. Only their number is recorded. Without dice press Enter."
        }
        Ask::Secret(SecretKind::Password) => {
            "The node's keystore password is part of its keys, so it is sealed with them. It is never \
             shown or recorded."
        }
        Ask::Secret(SecretKind::TokenPin) => {
            "The token's user PIN is given to the token alone, by the process that runs its module. It \
             is never shown or recorded. A token locks itself after a few wrong PINs; only its security \
             officer can unlock it."
        }
        Ask::Sign { .. } => {
            "Whoever signs types the PIN without others looking. Signing says: I saw that this step \
             is right. Wrong PINs are counted; three pause the ceremony."
        }
        Ask::ReadShare { .. } => {
            "A share is read from its QR by a scanner, or typed as 36 words, or read from a picture. \
             Only as many letters of a word are needed as make it the only one; a finished word is \
             hidden. Leaving the words wipes them."
        }
        Ask::Handwrite { .. } => {
            "The custodian writes 36 words on the printed form, four at a time. Backspace shows the \
             four before, Esc hides the words. They are typed back afterwards, so a slip is found."
        }
        Ask::Wait => "The machine works. This page says at what, and how long it may take.",
        Ask::Refusal { .. } => {
            "Something was refused, and nothing was lost by it. Read why, and what to do now; Enter \
             goes on from there."
        }
        Ask::Objection { .. } => {
            "Somebody does not agree. Only the same person can withdraw it, with the PIN; otherwise \
             the ceremony is stopped."
        }
        Ask::Paused => {
            "The ceremony is paused. Nothing is lost; after half an hour entered shares are wiped and \
             would be entered again."
        }
        Ask::Over => "The ceremony is over. Copy the head's six words if you have not yet.",
    }
}
