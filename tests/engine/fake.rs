//! A driver and people without any device: each effect has a plausible outcome, each prompt a plausible answer.

use std::collections::BTreeMap;

use qh_ceremony::ceremony::effect::{Effect, Source};
use qh_ceremony::ceremony::engine::{self, Refusal};
use qh_ceremony::ceremony::event::{
    Event, ModuleFact, Opened, Outcome, Program, PublicKey, RecordFacts, Request, ScriptRef,
    SealedFacts, TokenFact, TokenPin,
};
use qh_ceremony::ceremony::next::prompt;
use qh_ceremony::ceremony::policy::{Kind, Label};
use qh_ceremony::ceremony::prompt::{Ask, Prompt};
use qh_ceremony::ceremony::script::Script;
use qh_ceremony::ceremony::state::State;
use qh_ceremony::cli::scripts::SHIPPED;

/// The scripts of this version, parsed.
pub fn shipped(name: &str) -> Script {
    let (_, text) = SHIPPED.iter().find(|(n, _)| *n == name).unwrap();
    Script::parse(text).unwrap()
}

pub const NAMES: [&str; 4] = [
    "key-backup",
    "key-recovery",
    "annual-verification",
    "share-check",
];

/// UTC seconds at which every fake ceremony begins: 2026-11-22 12:00.
pub const NOON: i64 = 1_795_348_800;

/// A ceremony with everything that was accepted.
#[derive(Clone)]
pub struct Run {
    pub script: Script,
    pub state: State,
    pub time: i64,
    pub log: Vec<(i64, Event)>,
    /// Answers that differ from the usual ones, by prompt key.
    pub answers: BTreeMap<String, String>,
    /// k of the sealed file's header.
    pub header: (u8, u8),
}

pub fn opened(script: &Script) -> Opened {
    Opened {
        format: "qh-transcript/1".into(),
        rehearsal: true,
        id: "11".repeat(32),
        ceremony: "BR-2026-11-22-01".into(),
        kind: script.kind(),
        program: Program {
            version: "0".into(),
            sha256: "22".repeat(32),
        },
        script: ScriptRef {
            name: script.name.clone(),
            version: script.version,
            sha256: "33".repeat(32),
        },
        ceremony_key: "ssh-ed25519 fake".into(),
    }
}

pub fn keys() -> Vec<PublicKey> {
    vec![
        PublicKey {
            key_type: "aura".into(),
            scheme: "sphincs".into(),
            public: format!("0x{}", "ab12cd34".repeat(16)),
        },
        PublicKey {
            key_type: "network/secret_ed25519".into(),
            scheme: "ed25519".into(),
            public: format!("0x{}", "55".repeat(32)),
        },
    ]
}

pub fn commitment(x: u8) -> String {
    format!("{x:02x}").repeat(32)
}

impl Run {
    pub fn new(script: Script) -> Self {
        let (state, _) = engine::open(&script, opened(&script), NOON).unwrap();
        let header = (script.policy.k, script.policy.n);
        Self {
            script,
            state,
            time: NOON,
            log: vec![],
            answers: BTreeMap::new(),
            header,
        }
    }

    pub fn of(name: &str) -> Self {
        Self::new(shipped(name))
    }

    pub fn answer(mut self, key: &str, value: &str) -> Self {
        self.answers.insert(key.into(), value.into());
        self
    }

    pub fn prompt(&self) -> Prompt {
        prompt(&self.script, &self.state)
    }

    /// Tries an event one second later; a refused one leaves no trace.
    pub fn take(&mut self, event: Event) -> Result<(), Refusal> {
        self.take_at(self.time + 1, event)
    }

    pub fn take_at(&mut self, time: i64, event: Event) -> Result<(), Refusal> {
        let before = self.state.clone();
        let result = engine::step(&self.script, &self.state, time, &event);
        assert_eq!(
            before, self.state,
            "a step must not change the state before it"
        );
        let (state, _) = result?;
        self.state = state;
        self.time = time;
        self.log.push((time, event));
        Ok(())
    }

    pub fn must(&mut self, event: Event) {
        let text = format!("{event:?}");
        self.take(event)
            .unwrap_or_else(|refusal| panic!("{text}: {refusal}, at {:?}", self.prompt()));
    }

    pub fn request(&mut self, request: Request) {
        self.must(Event::Requested { request });
    }

    /// What usually happens next.
    pub fn usual(&self) -> Event {
        match &self.state.busy {
            Some(effect) => self.outcome(effect),
            None => self.reply(&self.prompt()),
        }
    }

    /// Lets the usual happen until `stop` holds before an event.
    pub fn until(&mut self, stop: impl Fn(&Run) -> bool) {
        for _ in 0..2000 {
            if stop(self) {
                return;
            }
            assert!(!self.state.closed, "closed before the place was reached");
            let event = self.usual();
            if let Event::Signed { .. } = event
                && let Ask::Sign { locked, .. } = &self.prompt().ask
                && let Some(until) = locked.iter().map(|(_, until)| *until).max()
            {
                self.time = self.time.max(until);
            }
            self.must(event);
        }
        panic!("it turns in a circle at {:?}", self.prompt());
    }

    pub fn until_prompt(&mut self, key: &str) {
        self.until(|run| run.prompt().key == key);
    }

    pub fn until_closed(&mut self) {
        self.until(|run| run.state.closed);
    }

    /// Folds the accepted events from the start, each through JSON as the transcript keeps it.
    pub fn replayed(&self) -> State {
        let (mut state, _) = engine::open(&self.script, opened(&self.script), NOON).unwrap();
        for (time, event) in &self.log {
            let json = serde_json::to_string(event).unwrap();
            let read: Event = serde_json::from_str(&json).unwrap();
            assert_eq!(&read, event, "{json}");
            state = engine::step(&self.script, &state, *time, &read).unwrap().0;
        }
        state
    }

    fn value(&self, prompt: &Prompt, usual: impl Into<String>) -> Event {
        Event::Answered {
            key: prompt.key.clone(),
            value: self
                .answers
                .get(&prompt.key)
                .cloned()
                .unwrap_or_else(|| usual.into()),
        }
    }

    pub fn reply(&self, prompt: &Prompt) -> Event {
        let key = prompt.key.clone();
        let parts: Vec<&str> = key.split('.').collect();
        match &prompt.ask {
            Ask::Ready { .. } | Ask::Handwrite { .. } => self.value(prompt, "done"),
            Ask::Choose(choices) => match parts.as_slice() {
                ["store", medium, "place"] => {
                    let number: usize = medium[1..].parse().unwrap();
                    self.value(prompt, choices[(number - 1) % choices.len()].value.clone())
                }
                _ => self.value(prompt, choices[0].value.clone()),
            },
            Ask::Text { .. } => {
                let usual = match parts.as_slice() {
                    ["clock", "stated"] | ["stop", "when"] => "2026-11-22 12:00".to_owned(),
                    ["stop", "silent-from"] => "100".into(),
                    ["stop", "silent-to"] => "250".into(),
                    ["hand", slug, "bag"] => format!("BAG-{slug}"),
                    ["hand", _, "receipt"] => "2026-12-22".into(),
                    ["rebag", x] => format!("NEW-{x}"),
                    ["store", medium, "label"] => format!("MEDIUM-{medium}"),
                    ["match", "read-out", _, index] => {
                        let index: usize = index.parse().unwrap();
                        let digits = self.state.facts.keys[index].public.trim_start_matches("0x");
                        format!("{} {}", &digits[..8], &digits[digits.len() - 8..])
                    }
                    _ => format!("some {key}"),
                };
                self.value(prompt, usual)
            }
            Ask::Confidential => Event::Annexed {
                same_as: self.answers.get(&key).map(|label| Label(label.clone())),
                key,
                annex: "44".repeat(32),
            },
            Ask::NewPin { who } => Event::PinChosen { who: who.clone() },
            Ask::Secret(_) => Event::Stored { key, count: 7 },
            Ask::Sign {
                verb, needs, has, ..
            } => Event::Signed {
                who: needs.iter().find(|who| !has.contains(who)).unwrap().clone(),
                verb: *verb,
            },
            Ask::ReadShare { .. } => {
                let x = match key
                    .strip_prefix("sheets.c")
                    .and_then(|k| k.strip_suffix(".read"))
                {
                    Some(number) => number.parse().unwrap(),
                    None if self.state.opened.kind == Kind::ShareCheck => {
                        self.state.custodians[0].number
                    }
                    None => (1..=16)
                        .find(|x| self.state.facts.shares.iter().all(|(other, ..)| other != x))
                        .unwrap(),
                };
                Event::ShareRead {
                    x,
                    how: "words".into(),
                    commitment: commitment(x),
                }
            }
            Ask::Refusal { name } => Event::Requested {
                request: if self.answers.get(name).map(String::as_str) == Some("exception") {
                    Request::Exception
                } else {
                    Request::Acknowledge
                },
            },
            Ask::Objection { by } => Event::Withdrawn { who: by.clone() },
            Ask::Paused => Event::Requested {
                request: Request::Continue,
            },
            Ask::Wait | Ask::Over => panic!("nothing to answer at {key}"),
        }
    }

    pub fn outcome(&self, effect: &Effect) -> Event {
        let outcome = match effect {
            Effect::CheckMachine => Outcome::Machine {
                fit: true,
                findings: vec![],
            },
            Effect::MakeRecipient => Outcome::Recipient {
                recipient: "age1fake".into(),
                fingerprint: "six words".into(),
            },
            Effect::ListModules { .. } => Outcome::Modules {
                modules: vec![ModuleFact {
                    name: "soft".into(),
                    path: "/soft.so".into(),
                    named: false,
                }],
            },
            Effect::ListTokens { .. } => Outcome::Tokens {
                library: "a library".into(),
                tokens: vec![TokenFact {
                    uri: "pkcs11:token=one".into(),
                    text: "one".into(),
                    pin: TokenPin::Good,
                }],
            },
            Effect::InspectSource { source, .. } => Outcome::Inspected {
                files: vec!["one".into(), "two".into()],
                stays: match source {
                    Source::Hsm => vec!["three, not extractable".into()],
                    _ => vec![],
                },
            },
            Effect::ReadKeys { .. } => Outcome::Keys {
                keys: keys(),
                notes: vec![],
            },
            Effect::MatchKeys { .. } => Outcome::Matched {
                chain_id: "dev3".into(),
                genesis_hash: None,
                lines: vec!["aura".into()],
                source: "a file".into(),
            },
            Effect::DrawEntropy => Outcome::Entropy {
                set_id: "0102030405ff".into(),
                token_bytes: 0,
            },
            Effect::Seal { cipher, .. } => Outcome::Sealed {
                file: cipher.file_name().into(),
                sha256: "66".repeat(32),
                key_check: "77".repeat(32),
            },
            Effect::Split { n, .. } => Outcome::Split {
                commitments: (1..=*n).map(commitment).collect(),
            },
            Effect::PrintSheet { number, paper, .. } => Outcome::Printed {
                number: *number,
                paper: *paper,
                files: vec![format!("share-{number}.png")],
            },
            Effect::ProveSheets { .. } => Outcome::SheetsProven {
                subsets: 10,
                all: true,
            },
            Effect::Open => Outcome::Opened { keys: keys() },
            Effect::WriteCopy { copy, .. } => Outcome::CopyWritten {
                copy: *copy,
                medium: format!("stick {copy}"),
            },
            Effect::SeeUnplugged { copy, .. } => Outcome::Unplugged { copy: *copy },
            Effect::VerifyCopy { copy, .. } => Outcome::CopyVerified {
                copy: *copy,
                sha256: "66".repeat(32),
                past_cache: true,
            },
            Effect::LoadSealed { .. } => Outcome::SealedLoaded(Box::new(SealedFacts {
                file: "backup.jwe".into(),
                sha256: "66".repeat(32),
                ceremony: "BR-2026-01-01-01".into(),
                set_id: "0102030405ff".into(),
                key_check: "77".repeat(32),
                k: self.header.0,
                n: self.header.1,
                // A header names session keys alone.
                keys: keys().into_iter().take(1).collect(),
                record_sha256: "88".repeat(32),
                commitments: true,
            })),
            Effect::LoadRecord { .. } => Outcome::RecordLoaded(Box::new(RecordFacts {
                sha256: "88".repeat(32),
                ceremony: "BR-2026-01-01-01".into(),
                set_id: "0102030405ff".into(),
                key_check: "77".repeat(32),
                k: self.header.0,
                n: self.header.1,
                commitments: (1..=self.header.1)
                    .map(|x| (commitment(x), format!("C{x}")))
                    .collect(),
            })),
            Effect::Validate => Outcome::Quorum {
                used: self.state.facts.shares.iter().map(|(x, ..)| *x).collect(),
            },
            Effect::WriteKeys { dry: true, .. } => Outcome::Plan {
                lines: vec!["one file".into()],
            },
            Effect::WriteKeys { .. } => Outcome::Written {
                files: vec!["one file".into()],
            },
            Effect::WipeShares => Outcome::SharesWiped,
            Effect::Wipe => Outcome::Wiped {
                searched: 1000,
                found: 0,
                note: String::new(),
            },
            Effect::WriteRecord => {
                return Event::Record {
                    sha256: "99".repeat(32),
                };
            }
            Effect::Close => {
                return Event::Closed {
                    outcome: self
                        .state
                        .ending
                        .as_ref()
                        .map_or("completed", |e| e.name())
                        .into(),
                };
            }
        };
        Event::Finished { outcome }
    }
}
