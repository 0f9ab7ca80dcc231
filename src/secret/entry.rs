//! What comes in from people: the one type that carries typed secrets from a screen to the locker.

use super::SecretText;

/// One input of a person. It has no `Debug`: some of it is secret.
pub enum Input {
    /// A public answer (text, choice value, or `done`) to the prompt with this key.
    Answer {
        /// Key of the prompt.
        key: String,
        /// The answer.
        value: String,
    },
    /// A line for the confidential annex.
    Confidential {
        /// Key of the prompt.
        key: String,
        /// The line.
        text: String,
    },
    /// A new PIN, typed twice.
    NewPin {
        /// The person's label.
        who: String,
        /// First time.
        pin: SecretText,
        /// Second time.
        again: SecretText,
    },
    /// A secret answer (dice, password).
    Secret {
        /// Key of the prompt.
        key: String,
        /// The secret.
        text: SecretText,
    },
    /// A signature for the verb now open.
    Sign {
        /// The person's label.
        who: String,
        /// The PIN.
        pin: SecretText,
    },
    /// QR text of a share, from a scanner that types.
    ShareQr(SecretText),
    /// The 36 words of a share, in order, separated by single spaces.
    ShareWords(SecretText),
    /// A picture file with a share on it.
    SharePicture(String),
    /// A rehearsal's simulated scanner reads the sheet on the table.
    ShareSimulated,
    /// The custodian is ready to write by hand: show the words of the prompt with this key.
    Reveal {
        /// Key of the prompt.
        key: String,
    },
    /// "I do not agree", with the PIN and a reason.
    Object {
        /// The person's label.
        who: String,
        /// The PIN.
        pin: SecretText,
        /// Why.
        reason: String,
    },
    /// The objection's author withdraws it.
    Withdraw {
        /// The PIN.
        pin: SecretText,
    },
    /// Pause.
    Pause,
    /// Come back from a pause.
    Continue,
    /// A refusal was read.
    Acknowledge,
    /// Void the sheet on the table and print anew.
    Reprint,
    /// Ask for the exception that the refusal offers.
    Exception,
    /// Somebody forgot a PIN.
    ForgottenPin {
        /// The person's label.
        who: String,
    },
    /// Leave a question opened by a request.
    Back,
    /// Stop the ceremony.
    Stop {
        /// Why.
        reason: String,
    },
    /// Nothing happened for a while; lets the driver look at the clock.
    Tick,
}
