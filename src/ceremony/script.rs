//! Ceremony scripts: one reviewable TOML file per ceremony. Strict: unknown members, odd thresholds and files over
//! 64 KiB are refused with their line.

use super::effect::{Against, Paper, Source, Target};
use super::policy::{Cipher, Kind, Role, Slot, Verb};
use serde::Deserialize;
use std::ops::Range;

/// Largest script accepted, bytes.
pub const MAX_SCRIPT: usize = 64 * 1024;

/// A script that can't be used, with the line that says so.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ScriptError {
    /// Line from 1.
    pub line: usize,
    /// Stable kebab-case name.
    pub name: &'static str,
    /// What and why.
    pub what: String,
}

impl std::fmt::Display for ScriptError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "line {}: {} ({})", self.line, self.what, self.name)
    }
}

impl std::error::Error for ScriptError {}

/// k, n, cipher and what stands on a sheet.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Policy {
    /// Shares needed, 2 to n.
    #[serde(default = "three")]
    pub k: u8,
    /// Shares made, k to 16.
    #[serde(default = "five")]
    pub n: u8,
    /// How the backup is sealed.
    #[serde(default)]
    pub cipher: Cipher,
    /// Whether k and n stand on each sheet.
    #[serde(default)]
    pub show_threshold_on_sheet: bool,
    /// How many media get a copy of the sealed file, 3 to 9.
    #[serde(default = "three")]
    pub media: u8,
}

fn three() -> u8 {
    3
}
fn five() -> u8 {
    5
}

/// A storage place, by label; its address stands in the annex.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Place {
    /// e.g. `place A`.
    pub label: String,
    /// e.g. `Primary: bank safe deposit box`.
    pub text: String,
}

/// When what is due again, in months after the ceremony.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Due {
    /// The task.
    pub task: String,
    /// Months.
    pub months: u8,
}

/// One or several strings.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(untagged)]
pub enum Lines {
    /// One.
    One(String),
    /// Several.
    Many(Vec<String>),
}

impl Lines {
    /// All of them.
    pub fn all(&self) -> Vec<&str> {
        match self {
            Lines::One(line) => vec![line],
            Lines::Many(lines) => lines.iter().map(String::as_str).collect(),
        }
    }
}

/// One step.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Step {
    /// Unique in the script.
    pub id: String,
    /// What it does.
    #[serde(rename = "do")]
    pub verb: Verb,
    /// Short title for the checklist.
    pub title: Option<String>,
    /// The slot that it fills.
    pub into: Option<Slot>,
    /// The slot that it uses.
    pub from: Option<Slot>,
    /// Where keys may come from.
    #[serde(default)]
    pub source: Vec<Source>,
    /// Where keys may go.
    #[serde(default)]
    pub target: Vec<Target>,
    /// What public keys may be compared with.
    #[serde(default)]
    pub against: Vec<Against>,
    /// The token that is meant, as a PKCS#11 URI (RFC 7512); without it people choose one.
    pub hsm: Option<String>,
    /// Whether keys that are written to a token may be exported from it again.
    #[serde(default)]
    pub extractable: bool,
    /// How sheets may be made.
    #[serde(default)]
    pub paper: Vec<Paper>,
    /// What to do, in a full sentence.
    pub say: String,
    /// Why.
    pub why: String,
    /// Who signs.
    #[serde(default)]
    pub sign: Vec<Role>,
    /// The checkboxes of the requirements that this step fulfils.
    pub requirement: Option<Lines>,
}

impl Step {
    /// The title for the checklist.
    pub fn short(&self) -> &str {
        self.title.as_deref().unwrap_or(&self.id)
    }
}

/// A whole script. Only [`Script::parse`] makes one; [`super::check::sound`] proves it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Script {
    /// Name, e.g. `key-backup`.
    pub name: String,
    /// Version of the script.
    pub version: u32,
    /// Title on every screen.
    pub title: String,
    /// k, n, cipher.
    pub policy: Policy,
    /// What to bring.
    pub bring: Vec<String>,
    /// Storage places.
    pub places: Vec<Place>,
    /// What is due when.
    pub due: Vec<Due>,
    /// The steps in order.
    pub steps: Vec<Step>,
    /// The line each step begins at.
    pub lines: Vec<usize>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Raw {
    name: String,
    version: u32,
    title: String,
    policy: toml::Spanned<Policy>,
    #[serde(default)]
    bring: Vec<String>,
    #[serde(default)]
    place: Vec<Place>,
    #[serde(default)]
    due: Vec<Due>,
    step: Vec<toml::Spanned<Step>>,
}

impl Script {
    /// Parses TOML strictly.
    ///
    /// # Errors
    /// `script-too-large`, `script-unreadable`, `script-threshold`, `script-empty`, `script-duplicate-step`, each with its line.
    pub fn parse(text: &str) -> Result<Script, ScriptError> {
        if text.len() > MAX_SCRIPT {
            return Err(ScriptError {
                line: 1,
                name: "script-too-large",
                what: format!(
                    "the script has {} bytes; {MAX_SCRIPT} is the most",
                    text.len()
                ),
            });
        }
        let raw: Raw = toml::from_str(text).map_err(|error| ScriptError {
            line: line_of(text, error.span().unwrap_or(0..0)),
            name: "script-unreadable",
            what: error.message().to_owned(),
        })?;
        let policy_line = line_of(text, raw.policy.span());
        let policy = raw.policy.into_inner();
        if !(2 <= policy.k && policy.k <= policy.n && policy.n <= 16) {
            return Err(ScriptError {
                line: policy_line,
                name: "script-threshold",
                what: format!(
                    "k = {}, n = {}, but 2 <= k <= n <= 16 must hold",
                    policy.k, policy.n
                ),
            });
        }
        if !(3..=9).contains(&policy.media) {
            return Err(ScriptError {
                line: policy_line,
                name: "script-media",
                what: format!("media = {}, but a backup needs 3 to 9 copies", policy.media),
            });
        }
        let lines: Vec<usize> = raw.step.iter().map(|s| line_of(text, s.span())).collect();
        let steps: Vec<Step> = raw
            .step
            .into_iter()
            .map(toml::Spanned::into_inner)
            .collect();
        if steps.is_empty() {
            return Err(ScriptError {
                line: 1,
                name: "script-empty",
                what: "the script has no steps".into(),
            });
        }
        for (index, step) in steps.iter().enumerate() {
            // A PIN in a script would be one that everybody knows; the rest of the URI is read where tokens are.
            let pin = |uri: &str| uri.contains("pin-value") || uri.contains("pin-source");
            if step
                .hsm
                .as_deref()
                .is_some_and(|uri| !uri.starts_with("pkcs11:") || pin(uri))
            {
                return Err(ScriptError {
                    line: lines[index],
                    name: "script-hsm-uri",
                    what: format!(
                        "`{}`: `hsm` must be a PKCS#11 URI (RFC 7512) without a PIN",
                        step.id
                    ),
                });
            }
            if steps[..index].iter().any(|earlier| earlier.id == step.id) {
                return Err(ScriptError {
                    line: lines[index],
                    name: "script-duplicate-step",
                    what: format!("two steps have the id `{}`", step.id),
                });
            }
        }
        Ok(Script {
            name: raw.name,
            version: raw.version,
            title: raw.title,
            policy,
            bring: raw.bring,
            places: raw.place,
            due: raw.due,
            steps,
            lines,
        })
    }

    /// What the script is for, by its verbs.
    pub fn kind(&self) -> Kind {
        let has = |verb| self.steps.iter().any(|s| s.verb == verb);
        if has(Verb::Split) {
            Kind::Backup
        } else if has(Verb::Write) {
            Kind::Recovery
        } else if has(Verb::Open) {
            Kind::Verification
        } else {
            Kind::ShareCheck
        }
    }

    /// The first step that does `verb`.
    pub fn position(&self, verb: Verb) -> Option<usize> {
        self.steps.iter().position(|s| s.verb == verb)
    }
}

/// The line, from 1, of a byte range.
fn line_of(text: &str, span: Range<usize>) -> usize {
    let end = span.start.min(text.len());
    1 + text.as_bytes()[..end]
        .iter()
        .filter(|b| **b == b'\n')
        .count()
}

#[cfg(test)]
mod tests {
    use super::*;

    const MINIMAL: &str = "name = \"x\"\nversion = 1\ntitle = \"X\"\npolicy = { k = 3, n = 5 }\n\n[[step]]\nid = \"a\"\ndo = \"wipe\"\nsay = \"s\"\nwhy = \"w\"\n";

    #[test]
    fn defaults_are_three_of_five_with_aes() {
        let script = Script::parse(&MINIMAL.replace("{ k = 3, n = 5 }", "{}")).unwrap();
        assert_eq!((script.policy.k, script.policy.n), (3, 5));
        assert_eq!(script.policy.cipher, Cipher::AesGcm);
        assert_eq!(script.policy.media, 3);
    }

    #[test]
    fn faults_name_their_line() {
        let cases = [
            (MINIMAL.replace("k = 3", "k = 6"), "script-threshold", 4),
            (MINIMAL.replace("k = 3", "k = 1"), "script-threshold", 4),
            (
                MINIMAL.replace("\"wipe\"", "\"erase\""),
                "script-unreadable",
                8,
            ),
            (
                MINIMAL.replace("why = \"w\"", "whi = \"w\""),
                "script-unreadable",
                10,
            ),
            (
                format!("{MINIMAL}[[step]]\nid = \"a\"\ndo = \"wipe\"\nsay = \"s\"\nwhy = \"w\"\n"),
                "script-duplicate-step",
                11,
            ),
            (" ".repeat(MAX_SCRIPT + 1), "script-too-large", 1),
        ];
        for (text, name, line) in cases {
            let error = Script::parse(&text).unwrap_err();
            assert_eq!((error.name, error.line), (name, line), "{error}");
        }
    }
}
