//! Whole ceremonies with the hostile module: each refusal has its name on the screen, the ceremony goes on with the sound
//! module, and what ends up in the backup is the right key or nothing.

use std::collections::BTreeMap;

use data_encoding::HEXLOWER;
use qh_ceremony::ceremony::policy::Verb;
use qh_ceremony::ceremony::prompt::Ask;
use qh_ceremony::cli::scripts::text_of;
use qh_ceremony::print::page::Paper;
use qh_ceremony::run::answers::Answers;
use qh_ceremony::run::devices::Devices;
use qh_ceremony::run::driver::{Driver, Setup};
use qh_ceremony::run::player::{Move, Player, Written};
use qh_ceremony::run::world::World;
use qh_ceremony::secret::hardening::harden;

use super::*;

const SAYS_HSM: &str = r#"
[[on]]
prompt = "export.source"
answer = "hsm"
times = 40
[[on]]
prompt = "write.target"
answer = "hsm"
times = 40
"#;

/// A rehearsal's room with the hostile module in it.
pub struct Room {
    pub base: tempfile::TempDir,
    pub driver: Driver,
    player: Player,
}

impl Room {
    /// A backup whose token holds the session key of the rehearsal's world.
    fn backup(mode: &str) -> Self {
        Self::backup_with(mode, "")
    }

    fn backup_with(mode: &str, answers: &str) -> Self {
        let base = Self::world();
        let modules = vec![Self::hostile(base.path(), false)];
        let room = Self::opened(base, modules, answers);
        room.set(mode);
        room
    }

    /// A backup with these modules.
    pub fn with_modules(modules: Vec<Module>) -> Self {
        Self::opened(Self::world(), modules, "")
    }

    fn world() -> tempfile::TempDir {
        let base = tempfile::tempdir().unwrap();
        let world = World {
            out: base.path().to_owned(),
        };
        world.build(9).unwrap();
        let key = std::fs::read_dir(world.source())
            .unwrap()
            .flatten()
            .find_map(|entry| {
                let name = entry.file_name().into_string().unwrap();
                let text = std::fs::read_to_string(entry.path()).unwrap();
                let digits = text.trim_matches('"').trim_start_matches("0x").to_owned();
                name.starts_with("61757261")
                    .then(|| HEXLOWER.decode(digits.as_bytes()).unwrap())
            });
        std::fs::write(base.path().join("secret"), key.unwrap()).unwrap();
        base
    }

    fn opened(base: tempfile::TempDir, modules: Vec<Module>, answers: &str) -> Self {
        let driver = Self::begin(
            base.path(),
            "key-backup",
            "",
            &text_of("key-backup").unwrap(),
            modules,
        );
        let player = Self::people(
            base.path(),
            &format!("{answers}{SAYS_HSM}"),
            vec![],
            Written::default(),
        );
        Self {
            base,
            driver,
            player,
        }
    }

    /// The hostile module with its files in this directory.
    fn hostile(base: &Path, empty: bool) -> Module {
        let files = [
            ("QH_HOSTILE_FILE", base.join("mode")),
            ("QH_HOSTILE_SECRET", base.join("secret")),
        ];
        let mut module = hostile_module(
            "",
            &files.each_ref().map(|(name, path)| (*name, path.as_path())),
        );
        if empty {
            module
                .environment
                .push(("QH_HOSTILE_EMPTY".into(), "1".into()));
        } else {
            let state = base.join("state").display().to_string();
            module.environment.push(("QH_HOSTILE_STATE".into(), state));
        }
        module
    }

    fn set(&self, mode: &str) {
        std::fs::write(self.base.path().join("mode"), mode).unwrap();
    }

    fn people(base: &Path, answers: &str, lost: Vec<u8>, written: Written) -> Player {
        let world = World {
            out: base.to_owned(),
        };
        Player::new(
            world,
            Answers::parse(answers).unwrap(),
            lost,
            base.to_owned(),
            written,
        )
    }

    fn begin(base: &Path, name: &str, folder: &str, script: &str, modules: Vec<Module>) -> Driver {
        let world = World {
            out: base.to_owned(),
        };
        let media = (1..=9).map(|n| world.medium(n)).collect();
        let mut devices = Devices::rehearsal(harden(), Paper::A4, media);
        devices.hsm.program = program().to_owned();
        devices.hsm.patience = impatient();
        devices.hsm.modules = modules;
        Driver::begin(Setup {
            script: script.to_owned(),
            dir: base.join(folder),
            ceremony: format!("RH-{}-01", name.to_ascii_uppercase()),
            rehearsal: true,
            devices,
            prefill: BTreeMap::new(),
        })
        .unwrap()
    }

    /// Goes on until `stop` holds at a prompt; the refusals on the way.
    pub fn until(&mut self, stop: impl Fn(&Driver) -> bool) -> Vec<String> {
        let before = self.driver.state().refusals.len();
        for _ in 0..4000 {
            if self.driver.busy() {
                self.driver.work().unwrap();
                continue;
            }
            if stop(&self.driver) {
                return self.driver.state().refusals[before..].to_vec();
            }
            match self.player.next(&self.driver).unwrap() {
                Move::Type(input) => self.driver.input(input).unwrap(),
                Move::Over => return self.driver.state().refusals[before..].to_vec(),
                Move::Hang => panic!("nobody hangs here"),
            }
        }
        panic!("it turns in a circle at {:?}", self.driver.prompt());
    }

    /// Goes on from the refusal that is on the screen, if there is one, to the next.
    fn until_refused(&mut self) -> String {
        let reads = |driver: &Driver| matches!(driver.prompt().ask, Ask::Refusal { .. });
        self.until(|driver| !reads(driver));
        let mut names = self.until(reads);
        names.pop().expect("a refusal")
    }

    fn until_exported(&mut self) -> Vec<String> {
        self.until(|driver| driver.prompt().key == "export.seen")
    }

    pub fn key_types(&self) -> Vec<&str> {
        self.driver
            .state()
            .facts
            .keys
            .iter()
            .map(|key| key.key_type.as_str())
            .collect()
    }

    /// A recovery of the finished backup into the hostile module's empty token.
    fn recovery(self, mode: &str) -> Self {
        let modules = vec![Self::hostile(self.base.path(), true)];
        let room = self.recovery_into(modules);
        room.set(mode);
        room
    }

    /// A recovery of the finished backup with these modules.
    pub fn recovery_into(self, modules: Vec<Module>) -> Self {
        self.recovery_with(modules, "")
    }

    fn recovery_with(self, modules: Vec<Module>, answers: &str) -> Self {
        let script = text_of("key-recovery").unwrap();
        let driver = Self::begin(
            self.base.path(),
            "key-recovery",
            "recovery",
            &script,
            modules,
        );
        let answers = format!("{answers}{SAYS_HSM}");
        let player = Self::people(self.base.path(), &answers, vec![2, 4], self.player.written);
        Self {
            driver,
            player,
            base: self.base,
        }
    }
}

fn in_step(driver: &Driver, verb: Verb) -> bool {
    driver
        .script()
        .steps
        .get(driver.state().step)
        .is_some_and(|step| step.verb == verb)
}

#[test]
fn the_right_keys_come_out_and_the_others_are_listed() {
    let mut room = Room::backup("");
    room.until(|driver| driver.prompt().key == "export.stays");
    let facts: Vec<String> = room
        .driver
        .prompt()
        .facts
        .into_iter()
        .map(|(_, text)| text)
        .collect();
    assert!(
        facts.contains(&"note: data object, not named as a file of the node".to_owned()),
        "{facts:?}"
    );
    assert_eq!(room.until_exported(), [""; 0]);
    assert_eq!(room.key_types(), ["hsm/ec-p256", "aura"]);
    let notes = &room.driver.state().facts.key_notes;
    assert!(
        notes.contains(&"signer (id 01): wrapped by AES-GCM".to_owned()),
        "{notes:?}"
    );
    assert!(
        notes[0].starts_with("token hostile, serial 0001, qh tests model"),
        "{notes:?}"
    );
    let journal = std::fs::read_to_string(room.base.path().join("transcript.jsonl")).unwrap();
    assert!(!journal.contains("123456"), "the PIN is in the transcript");
}

/// The whole token is in question: the same keys come out once the module is sound.
#[test]
fn the_ceremony_goes_on_after_hangs_and_crashes() {
    let cases = [
        ("hang-initialize", "hsm-module-hangs"),
        ("hang-wrap", "hsm-module-hangs"),
        ("crash-slots", "hsm-module-crashed"),
        ("crash-login", "hsm-module-crashed"),
        ("crash-wrap", "hsm-module-crashed"),
        ("long-wrap", "hsm-module-crashed"),
        ("removed-wrap", "hsm-token-removed"),
        ("removed-find", "hsm-token-removed"),
        ("many-objects", "hsm-device"),
        ("changing-label", "hsm-device"),
        ("changing-public", "hsm-device"),
        ("same-random", "hsm-module-garbage"),
        ("locked", "hsm-pin-locked"),
        ("twins", "hsm-token-ambiguous"),
        ("crowd-slots", "outcome-too-long"),
        ("lying-extractable", "hsm-nothing-to-export"),
    ];
    for (mode, name) in cases {
        let mut room = Room::backup(mode);
        assert_eq!(room.until_refused(), name, "{mode}");
        room.set("");
        room.until_exported();
        assert_eq!(room.key_types(), ["hsm/ec-p256", "aura"], "{mode}");
    }
}

/// One object is in question: it is named, stays, and the rest goes on.
#[test]
fn a_wrong_key_stays_and_the_rest_goes_on() {
    let cases = [
        ("other-key", "hsm-key-mismatch", "aura"),
        ("changing-key", "hsm-key-mismatch", "aura"),
        ("no-public", "hsm-no-public-key", "aura"),
        ("other-secret", "hsm-secret-unprovable", "hsm/ec-p256"),
        ("short-secret", "hsm-key-length", "hsm/ec-p256"),
    ];
    for (mode, name, left) in cases {
        let mut room = Room::backup(mode);
        assert_eq!(room.until_refused(), name, "{mode}");
        assert_eq!(room.until_exported(), [""; 0], "{mode}");
        assert_eq!(room.key_types(), [left], "{mode}");
    }
    for mode in ["garbage-wrap", "short-wrap", "grow-wrap"] {
        let mut room = Room::backup(mode);
        assert_eq!(room.until_refused(), "hsm-export-impossible", "{mode}");
        let names = room.until(|driver| driver.state().refusals.len() == 3);
        assert_eq!(
            names,
            ["hsm-export-impossible", "hsm-nothing-to-export"],
            "{mode}"
        );
    }
}

#[test]
fn a_wrong_pin_is_asked_again_and_the_last_try_is_announced() {
    let wrong = "[[on]]\nprompt = \"export.pin\"\nanswer = \"000000\"\ntimes = 2\n";
    let mut room = Room::backup_with("", wrong);
    assert_eq!(room.until_refused(), "hsm-pin-wrong");
    room.until(|driver| driver.prompt().key == "export.pin");
    let said = room.driver.prompt().say.join(" ");
    assert!(said.contains("There was a wrong PIN before"), "{said}");
    assert_eq!(room.until_refused(), "hsm-pin-wrong");
    room.until(|driver| driver.prompt().key == "export.pin");
    let said = room.driver.prompt().say.join(" ");
    assert!(
        said.contains("THE NEXT WRONG PIN LOCKS THIS TOKEN"),
        "{said}"
    );
    // Module, token, source and all the other answers stand: only the PIN is typed anew.
    assert_eq!(room.until_exported(), [""; 0]);
    assert_eq!(room.key_types(), ["hsm/ec-p256", "aura"]);
}

#[test]
fn a_token_that_locks_in_the_middle_is_not_offered_any_more() {
    let wrong = "[[on]]\nprompt = \"export.pin\"\nanswer = \"000000\"\ntimes = 3\n";
    let mut room = Room::backup_with("", wrong);
    for _ in 0..3 {
        assert_eq!(room.until_refused(), "hsm-pin-wrong");
        room.until(|driver| !matches!(driver.prompt().ask, Ask::Refusal { .. }));
    }
    assert_eq!(
        room.driver.state().refusals.last().unwrap(),
        "hsm-pin-locked"
    );
    // Unlocked by its security officer.
    std::fs::write(room.base.path().join("state"), "0").unwrap();
    room.until_exported();
    assert_eq!(room.key_types(), ["hsm/ec-p256", "aura"]);
}

/// Two people sign for what was listed. A module that lists something else afterwards is refused, whichever way it goes.
#[test]
fn what_is_exported_is_what_was_signed_for() {
    for (signed, then) in [
        ("", "lying-extractable"),
        ("", "trusted-only"),
        ("", "no-public"),
        ("lying-note", ""),
    ] {
        let mut room = Room::backup(signed);
        room.until(|driver| driver.prompt().key == "export.sign");
        room.set(then);
        assert_eq!(
            room.until_refused(),
            "hsm-token-changed",
            "{signed} then {then}"
        );
        room.set("");
        room.until(|driver| !matches!(driver.prompt().ask, Ask::Refusal { .. }));
        assert!(
            room.driver.state().work.signed.is_empty(),
            "what was signed before counts no more"
        );
        room.until_exported();
        assert_eq!(room.key_types(), ["hsm/ec-p256", "aura"]);
    }
}

#[test]
fn people_can_turn_to_another_source() {
    let back = "[[on]]\nprompt = \"export.token\"\nanswer = \"back\"\n[[on]]\nprompt = \"export.module\"\nanswer = \"back\"\n";
    let mut room = Room::backup_with("", back);
    room.until(|driver| driver.prompt().key == "export.token");
    room.until(|driver| driver.prompt().key == "export.source");
    assert_eq!(room.driver.state().work.answers.len(), 0);
    room.until_exported();
    assert_eq!(room.key_types(), ["hsm/ec-p256", "aura"]);
}

#[test]
fn two_tokens_with_one_label_are_told_apart_by_their_serial_numbers() {
    let mut room = Room::backup("two-tokens");
    room.until(|driver| driver.prompt().key == "export.token");
    let Ask::Choose(choices) = room.driver.prompt().ask else {
        panic!("not a choice")
    };
    let labels: Vec<&str> = choices.iter().map(|choice| choice.label.as_str()).collect();
    assert_eq!(
        labels,
        [
            "hostile, serial 0001, model, slot 1",
            "hostile, serial 0002, model, slot 2",
            "None of these: back to the first question"
        ]
    );
    assert_eq!(choices[1].value, "pkcs11:serial=0002;token=hostile");
    room.until_exported();
    assert_eq!(room.key_types(), ["hsm/ec-p256", "aura"]);
}

#[test]
fn a_script_names_its_token() {
    let script = |uri: &str| {
        let text = text_of("key-backup").unwrap();
        text.replace(
            "source = [\"keystore\", \"delivery\", \"hsm\"]",
            &format!("source = [\"hsm\"]\nhsm = \"{uri}\""),
        )
    };
    let begin = |uri: &str| {
        let room = Room::backup("two-tokens");
        let driver = {
            let modules = vec![Room::hostile(room.base.path(), false)];
            Room::begin(
                room.base.path(),
                "key-backup",
                "named",
                &script(uri),
                modules,
            )
        };
        Room { driver, ..room }
    };
    let mut room = begin("pkcs11:token=hostile;serial=0002?module-name=libhostile_module");
    room.until(|driver| driver.prompt().key == "export.token");
    let Ask::Choose(choices) = room.driver.prompt().ask else {
        panic!("not a choice")
    };
    assert_eq!(choices.len(), 2, "the one that fits, and the way back");
    assert_eq!(choices[0].value, "pkcs11:serial=0002;token=hostile");
    room.until_exported();
    assert!(room.driver.state().facts.key_notes[0].contains("serial 0002"));
    for (uri, name) in [
        (
            "pkcs11:token=other?module-name=libhostile_module",
            "hsm-no-token",
        ),
        (
            "pkcs11:token=hostile?module-name=absent",
            "hsm-module-unknown",
        ),
        ("pkcs11:colour=red", "pkcs11-uri-malformed"),
    ] {
        assert_eq!(begin(uri).until_refused(), name, "{uri}");
    }
}

#[test]
fn a_script_with_a_bad_uri_is_unsound() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("script.toml");
    for (uri, name) in [
        ("pkcs11:token=a?pin-value=987654", "script-hsm-uri"),
        ("pkcs11:token=a?pin-source=file:/pin", "script-hsm-uri"),
        ("token=a", "script-hsm-uri"),
        ("pkcs11:token=a;token=b", "pkcs11-uri-malformed"),
        ("pkcs11:colour=red", "pkcs11-uri-malformed"),
        ("pkcs11:token=%zz", "pkcs11-uri-malformed"),
    ] {
        let text = text_of("key-backup").unwrap().replace(
            "into = \"bundle\"",
            &format!("into = \"bundle\"\nhsm = \"{uri}\""),
        );
        std::fs::write(&path, text).unwrap();
        let (code, said) = qh_ceremony::cli::scripts::sound(path.to_str().unwrap())
            .err()
            .unwrap();
        assert_eq!(code, 1);
        assert!(
            said.contains(name) && said.contains("line "),
            "{uri}: {said}"
        );
        assert!(!said.contains("987654"), "{said}");
    }
}

#[test]
fn no_other_module_enters_a_rehearsal() {
    let answers = "[[on]]\nprompt = \"export.module\"\nanswer = \"other\"\n[[on]]\nprompt = \"export.module-path\"\nanswer = \"/usr/lib/vendor.so\"\n";
    let mut room = Room::backup_with("", answers);
    assert_eq!(room.until_refused(), "not-of-this-rehearsal");
    room.until_exported();
    assert_eq!(room.key_types(), ["hsm/ec-p256", "aura"]);
}

/// Backup from one token, recovery into an empty one whose module lies about what it wrote.
#[test]
fn a_lie_about_what_was_written_is_found() {
    let mut room = Room::backup("");
    room.until(|driver| driver.closed());
    assert_eq!(
        room.driver.state().ending.as_ref().unwrap().name(),
        "completed"
    );
    let mut room = room.recovery("bad-signature");
    room.until(|driver| in_step(driver, Verb::Write));
    let cases = [
        ("bad-signature", "hsm-written-differs"),
        ("other-create", "hsm-written-differs"),
        ("false-create", "hsm-written-differs"),
        ("weak-create", "hsm-written-differs"),
        ("changing-label", "hsm-written-differs"),
        ("crash-create", "hsm-module-crashed"),
        ("hang-sign", "hsm-module-hangs"),
        ("write-protected", "hsm-write-protected"),
        ("removed-find", "hsm-token-removed"),
    ];
    for (mode, name) in cases {
        room.set(mode);
        assert_eq!(room.until_refused(), name, "{mode}");
        // The refusal page is read before the next try begins with the next mode.
        room.set("");
        room.until(|driver| !matches!(driver.prompt().ask, Ask::Refusal { .. }) && !driver.busy());
    }
    room.set("");
    room.until(|driver| driver.prompt().key == "write.seen");
    let written = room.driver.state().facts.written.join("\n");
    assert!(
        written.contains("hsm/ec-p256 as EC P-256 key: signed a challenge"),
        "{written}"
    );
    assert!(
        written.contains("aura as generic secret: signed a challenge"),
        "{written}"
    );
    assert!(
        written.contains("some keys may have been written to pkcs11:"),
        "{written}"
    );
    room.until(|driver| driver.closed());
    assert_eq!(
        room.driver.state().ending.as_ref().unwrap().name(),
        "completed"
    );
}

/// Keys that no chain registers: read out by two people, and for a token alone.
#[test]
fn a_backup_of_token_keys_alone_is_read_out_and_goes_into_a_token() {
    let read_out = "[[on]]\nprompt = \"match.against\"\nanswer = \"registered\"\n[[on]]\nprompt = \"match.against\"\nanswer = \"read-out\"\ntimes = 9\n";
    let mut room = Room::backup_with("", read_out);
    std::fs::remove_file(room.base.path().join("secret")).unwrap();
    assert_eq!(room.until_refused(), "hsm-secret-unprovable");
    assert_eq!(room.until_refused(), "no-session-keys");
    room.until(|driver| driver.prompt().key == "match.read-out.operator.0");
    room.until(|driver| driver.closed());
    assert_eq!(
        room.driver.state().ending.as_ref().unwrap().name(),
        "completed"
    );
    assert_eq!(room.key_types(), ["hsm/ec-p256"]);
    let certificate = std::fs::read_to_string(room.base.path().join("certificate.txt")).unwrap();
    assert!(
        certificate.contains("NOT MATCHED TO CHAIN"),
        "{certificate}"
    );

    let modules = vec![Room::hostile(room.base.path(), true)];
    let keystore = "[[on]]\nprompt = \"write.target\"\nanswer = \"keystore\"\n";
    let mut room = room.recovery_with(modules, &format!("{read_out}{keystore}"));
    assert_eq!(room.until_refused(), "no-session-keys");
    assert_eq!(room.until_refused(), "token-keys-alone");
    room.until(|driver| driver.closed());
    assert_eq!(
        room.driver.state().ending.as_ref().unwrap().name(),
        "completed"
    );
    let written = room.driver.state().facts.written.join("\n");
    assert!(
        written.contains("hsm/ec-p256 as EC P-256 key: signed a challenge"),
        "{written}"
    );
}
