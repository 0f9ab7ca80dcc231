//! Host and laptop together, in a rehearsal: the first host's keystore -> sealed export -> the laptop's backup ->
//! recovery on the laptop -> sealed delivery -> the second host's keystore, byte by byte the same.
#![cfg(feature = "online")]

mod keystores;
mod online_host;
mod rehearsal;

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use data_encoding::HEXLOWER;
use online_host::{at, files, online, recipient};
use qh_ceremony::cli::scripts;
use qh_ceremony::print::page::Paper;
use qh_ceremony::run::answers::Answers;
use qh_ceremony::run::devices::Devices;
use qh_ceremony::run::driver::{Driver, Setup};
use qh_ceremony::run::player::{Move, Player, Written};
use qh_ceremony::run::world::World;
use qh_ceremony::secret::entry::Input;
use qh_ceremony::secret::hardening::harden;

const STATEMENT: &str = r#"
people = ["Ada Example", "Ben Example"]
[stopped]
host = "validator-1"
how = "machine destroyed"
seen_by = "Ada Example"
seen_at = "2026-11-22T14:00:00Z"
silent_since_block = 1
"#;

/// A rehearsed backup in `base` whose keys came by `qh-online keys export`.
fn back_up(base: &Path) {
    let world = World {
        out: base.to_owned(),
    };
    world.build(9).unwrap();
    let source = world.source();
    let registered = world.registered();
    let media = (1..=9).map(|n| world.medium(n)).collect();
    let mut driver = Driver::begin(Setup {
        script: scripts::text_of("key-backup").unwrap(),
        dir: base.to_owned(),
        ceremony: "RH-BACKUP-01".into(),
        rehearsal: true,
        devices: Devices::rehearsal(harden(), Paper::A4, media),
        prefill: BTreeMap::new(),
    })
    .unwrap();
    let answers =
        Answers::parse("[[on]]\nprompt = \"export.source\"\nanswer = \"delivery\"\n").unwrap();
    let mut player = Player::new(world, answers, vec![], base.to_owned(), Written::default());
    loop {
        if driver.busy() {
            driver.work().unwrap();
            continue;
        }
        let prompt = driver.prompt();
        if let qh_ceremony::ceremony::prompt::Ask::Refusal { name } = &prompt.ask {
            panic!("the ceremony refused: {name}");
        }
        if prompt.key == "export.path" {
            let (to, words) = driver.state().facts.recipient.clone().unwrap();
            let output = base.join("export.age");
            let mut args = vec!["keys", "export", "--keystore", at(&source)];
            args.extend([
                "--to",
                &to,
                "--recipient-words",
                &words,
                "--node",
                "validator-1",
            ]);
            args.extend(["--registered", at(&registered), "--output", at(&output)]);
            online(&args).refused(1, "registered-of-rehearsal");
            args.push("--rehearsal");
            let said = online(&args).ended(0);
            assert!(said.out.starts_with("REHEARSAL: "), "{}", said.out);
            let value = output.display().to_string();
            let key = prompt.key;
            driver.input(Input::Answer { key, value }).unwrap();
            continue;
        }
        match player.next(&driver).unwrap() {
            Move::Over => break,
            Move::Hang => panic!("nobody asked to wait"),
            Move::Type(input) => driver.input(input).unwrap(),
        }
    }
    let ending = driver.state().ending.as_ref().map(|e| e.name());
    assert_eq!(ending, Some("completed"));
}

/// Every file below `dir` that holds one of the secrets of the keystore `source`, raw or in hex.
fn holds(dir: &Path, source: &Path) -> Vec<PathBuf> {
    let mut forms = vec![];
    for (_, content) in files(source) {
        let text = String::from_utf8(content).unwrap();
        let digits = text
            .trim_matches('"')
            .strip_prefix("0x")
            .unwrap()
            .to_owned();
        let raw = HEXLOWER.decode(digits.as_bytes()).unwrap();
        // The second half of an aura key is public.
        let part = raw.len().min(64) / 2;
        forms.extend([
            raw[..part].to_vec(),
            digits.into_bytes()[..2 * part].to_vec(),
        ]);
    }
    files(dir)
        .into_iter()
        .filter(|(_, bytes)| {
            let found = |form: &Vec<u8>| bytes.windows(form.len()).any(|w| w == form.as_slice());
            forms.iter().any(found)
        })
        .map(|(path, _)| path)
        .collect()
}

#[test]
fn keys_travel_from_host_to_laptop_to_another_host_unchanged() {
    let dir = tempfile::tempdir().unwrap();
    let whole = dir.path().canonicalize().unwrap();
    let base = whole.join("laptop");
    fs::create_dir(&base).unwrap();
    back_up(&base);

    // The second host shows its recipient; the laptop seals to it instead of writing bare files.
    let state = whole.join("state");
    let (to, _) = recipient(&state);
    let delivery = base.join("delivery.age");
    let answers = format!(
        "[[on]]\nprompt = \"refusal.not-post-quantum\"\nact = \"exception\"\n[[on]]\nprompt = \"write.target\"\nanswer = \"delivery\"\n[[on]]\nprompt = \
         \"write.recipient\"\nanswer = \"{to}\"\n[[on]]\nprompt = \"write.path\"\nanswer = \"{}\"\n",
        delivery.display()
    );
    rehearsal::rehearse(&base, "", &answers).ended(0);
    assert!(delivery.exists());

    let statement = whole.join("statement.toml");
    fs::write(&statement, STATEMENT).unwrap();
    let registered = base.join("registered.json");
    let keystore = whole.join("chains/rehearsal/keystore");
    fs::create_dir_all(&keystore).unwrap();
    let mut args = vec![
        "keys",
        "insert",
        "--state",
        at(&state),
        "--input",
        at(&delivery),
    ];
    args.extend(["--keystore", at(&keystore), "--registered", at(&registered)]);
    args.extend(["--stop-statement", at(&statement)]);
    // Without being told, a host takes nothing of a rehearsal; and never beside other keys.
    online(&args).refused(1, "delivery-of-rehearsal");
    args.push("--rehearsal");
    let other = online_host::put_aura(&keystore, &online_host::published(0));
    online(&[&args[..], &["--beside-others"]].concat()).refused(1, "rehearsal-beside-keys");
    fs::remove_file(other).unwrap();
    let said = online(&args).ended(0);
    assert!(said.out.starts_with("REHEARSAL: "), "{}", said.out);

    let source = base.join("keystore-source");
    assert!(rehearsal::files(&source) == rehearsal::files(&keystore));
    assert_eq!(rehearsal::files(&source).len(), 3);
    // Nowhere else does a secret lie, on laptop, hosts, media or in the answers.
    let places: Vec<PathBuf> = holds(&whole, &source);
    assert_eq!(places.len(), 6, "{places:#?}");
    assert!(
        places
            .iter()
            .all(|path| path.starts_with(&source) || path.starts_with(&keystore))
    );
}
