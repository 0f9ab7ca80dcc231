//! Evidence that a key signs nowhere else: two people's statement, and the chain's silence where it can be measured.
//!
//! Two people name themselves, and state either how the old signer was stopped, who saw it stopped and when, and the
//! block since which it is silent; or that the key never signed anywhere. It is their word: what the chain shows is
//! measured beside it, or the outcome says that it was stated and not measured.

use serde::{Deserialize, Serialize};

use crate::ceremony::event::Refused;
use crate::files::refused;

/// Longest statement file that is read, in bytes.
pub const MAX_STATEMENT: usize = 16 * 1024;

/// Longest name or text of a statement, in bytes.
const MAX_TEXT: usize = 1024;

/// How far clocks may differ, in seconds: a stop can't have been seen later than this from now.
const CLOCK: i64 = 300;

/// What two people state.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Statement {
    /// The two people, by name.
    pub people: Vec<String>,
    /// The old signer was stopped.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stopped: Option<Stopped>,
    /// The key never signed anywhere.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub never_used: Option<NeverUsed>,
}

/// How the old signer was stopped.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Stopped {
    /// The machine that signed with the key.
    pub host: String,
    /// What was done, e.g. service masked and key files moved.
    pub how: String,
    /// Who saw it stopped.
    pub seen_by: String,
    /// When: RFC 3339, UTC, e.g. `2026-11-22T14:00:00Z`.
    pub seen_at: String,
    /// The first block since which it has authored nothing.
    pub silent_since_block: u64,
}

/// Why the key can't have signed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NeverUsed {
    /// Where the key was made, and why nobody signed with it.
    pub why: String,
}

/// The refusal of something that can't stand in a statement.
pub fn bad(what: impl Into<String>) -> Refused {
    refused(
        "stop-statement-malformed",
        what,
        "See `Stop evidence` in the operations manual; then state it again.",
    )
}

impl Statement {
    /// Reads a statement in TOML.
    ///
    /// # Errors
    /// `stop-statement-malformed` with the reason.
    pub fn parse(bytes: &[u8]) -> Result<Self, Refused> {
        let text = std::str::from_utf8(bytes)
            .map_err(|_| bad("The statement is refused: it is not UTF-8."))?;
        toml::from_str(text)
            .map_err(|error| bad(format!("The statement is refused: {}.", error.message())))
    }

    /// Checks its own rules. `now` is in UTC seconds; `never_used` says which of the two statements is called for.
    ///
    /// # Errors
    /// `stop-statement-one-person`, `stop-statement-other-kind`, `stop-statement-malformed`, `stop-statement-in-future`.
    pub fn check(&self, never_used: bool, now: i64) -> Result<(), Refused> {
        self.check_people()?;
        match (&self.stopped, &self.never_used, never_used) {
            (Some(stopped), None, false) => stopped.check(now),
            (None, Some(never), true) => text("why", &never.why),
            (Some(_), Some(_), _) | (None, None, _) => Err(bad(
                "The statement must hold either [stopped] or [never_used].",
            )),
            (Some(_), None, true) => Err(refused(
                "stop-statement-other-kind",
                "The statement tells of an old signer, and --never-used says that there is none.",
                "Leave --never-used away; or find out what is true of this key.",
            )),
            (None, Some(_), false) => Err(refused(
                "stop-statement-other-kind",
                "The statement says that the key was never used, and --never-used is not given.",
                "Give --never-used if that is what two people state of this key.",
            )),
        }
    }

    fn check_people(&self) -> Result<(), Refused> {
        for name in &self.people {
            text("people", name)?;
        }
        two_people(&self.people)
    }
}

/// Whether these are the names of two different people. Case and spaces don't make another person.
///
/// # Errors
/// `stop-statement-one-person`.
pub fn two_people(names: &[String]) -> Result<(), Refused> {
    let fold = |name: &String| {
        let words: Vec<String> = name.split_whitespace().map(str::to_lowercase).collect();
        words.join(" ")
    };
    match names {
        [first, second] if fold(first) != fold(second) => Ok(()),
        _ => Err(refused(
            "stop-statement-one-person",
            "A key is installed on the word of two different people.",
            "Name the two people who state this.",
        )),
    }
}

impl Stopped {
    fn check(&self, now: i64) -> Result<(), Refused> {
        text("host", &self.host)?;
        text("how", &self.how)?;
        text("seen_by", &self.seen_by)?;
        seen(&self.seen_at, now)
    }
}

/// Whether this is a time at which something can have been seen: in UTC, and not after `now` by more than clocks differ.
///
/// # Errors
/// `stop-statement-malformed`, `stop-statement-in-future`.
pub fn seen(at: &str, now: i64) -> Result<(), Refused> {
    let seen = at
        .parse::<jiff::Timestamp>()
        .ok()
        .filter(|_| at.ends_with('Z') && at.len() == 20)
        .ok_or_else(|| bad("seen_at must be a time in UTC such as 2026-11-22T14:00:00Z."))?;
    if seen.as_second() > now.saturating_add(CLOCK) {
        return Err(refused(
            "stop-statement-in-future",
            format!("{at} is in the future of this host's clock."),
            "Look at the clock, and at the time that was stated.",
        ));
    }
    Ok(())
}

/// A name or text that people can read, and that leads nobody astray on a screen.
///
/// # Errors
/// `stop-statement-malformed`, naming the member.
pub fn text(member: &str, text: &str) -> Result<(), Refused> {
    let misleading = |c: char| {
        c.is_control()
            || matches!(c, '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
    };
    if text.trim().is_empty() || text.len() > MAX_TEXT || text.chars().any(misleading) {
        Err(bad(format!(
            "`{member}` must be 1 to {MAX_TEXT} bytes without control characters."
        )))
    } else {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const GOOD: &str = r#"
people = ["Ada Example", "Ben Example"]
[stopped]
host = "validator-1"
how = "service masked, key files moved"
seen_by = "Ada Example"
seen_at = "2026-11-22T14:00:00Z"
silent_since_block = 1000
"#;
    /// 2026-11-22T15:00:00Z.
    const NOW: i64 = 1_795_359_600;

    fn name(text: &str, never_used: bool) -> String {
        let checked = Statement::parse(text.as_bytes()).and_then(|s| s.check(never_used, NOW));
        checked
            .err()
            .map_or_else(String::new, |refused| refused.name)
    }

    #[test]
    fn statements_are_held_to_their_rules() {
        assert_eq!(name(GOOD, false), "");
        assert_eq!(name(GOOD, true), "stop-statement-other-kind");
        let cases = [
            (
                "\"Ben Example\"",
                "\" ada  EXAMPLE\"",
                "stop-statement-one-person",
            ),
            (", \"Ben Example\"", "", "stop-statement-one-person"),
            (
                "\"Ben Example\"",
                "\"Ben\", \"Cleo\"",
                "stop-statement-one-person",
            ),
            ("\"Ben Example\"", "\"\"", "stop-statement-malformed"),
            ("14:00:00Z", "15:05:01Z", "stop-statement-in-future"),
            ("14:00:00Z", "14:00:00+00:00", "stop-statement-malformed"),
            (
                "2026-11-22T14:00:00Z",
                "yesterday",
                "stop-statement-malformed",
            ),
            ("1000", "-1", "stop-statement-malformed"),
            ("1000", "\"1000\"", "stop-statement-malformed"),
            ("host =", "hosts =", "stop-statement-malformed"),
            (
                "how = \"service masked, key files moved\"\n",
                "",
                "stop-statement-malformed",
            ),
            (
                "service masked",
                "\\u202emasked",
                "stop-statement-malformed",
            ),
            ("1000\n", "1000\nmore = 1\n", "stop-statement-malformed"),
            (
                "1000\n",
                "1000\n[never_used]\nwhy = \"new\"\n",
                "stop-statement-malformed",
            ),
        ];
        for (old, new, expected) in cases {
            assert!(GOOD.contains(old), "{old}");
            assert_eq!(name(&GOOD.replace(old, new), false), expected, "{new}");
        }
        let never =
            "people = [\"Ada\", \"Ben\"]\n[never_used]\nwhy = \"made today on the laptop\"\n";
        assert_eq!(name(never, true), "");
        assert_eq!(name(never, false), "stop-statement-other-kind");
        assert_eq!(
            name("people = [\"Ada\", \"Ben\"]\n", true),
            "stop-statement-malformed"
        );
        let refused = Statement::parse(b"people = 1\xff").unwrap_err();
        assert_eq!(refused.name, "stop-statement-malformed");
    }
}
