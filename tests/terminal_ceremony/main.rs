//! A whole backup and a whole recovery with real media, no network and no rehearsal, by key presses in `tmux`: shares
//! written by hand from the screen and typed back from paper. Stock tools then open the sealed file.
//!
//! It mounts and makes network namespaces, so it needs root, and says so. With `QH_TEST_SCREENS=FILE` the pages that
//! were seen are left in a file, words of shares included: they are of a test's own key.

#[cfg(feature = "online")]
mod host;
mod people;
mod sticks;
mod terminal;
#[cfg(feature = "pkcs11")]
mod token;

use std::collections::BTreeMap;
use std::path::Path;
use std::process::{Command, Stdio};

use people::{Room, Sheet};
use qh_ceremony::run::world::World;
use qh_ceremony::share::words::{WordsOutcome, parse_words};
use sticks::{Stick, run};
use terminal::Terminal;

const PROGRAM: &str = env!("CARGO_BIN_EXE_qh-ceremony");

fn needs_root() {
    assert!(
        rustix::process::geteuid().is_root(),
        "this test mounts media and makes network namespaces: run it as root"
    );
}

fn show(path: &Path) -> String {
    path.display().to_string()
}

/// A keystore and the file of its registered keys, as an online machine would bring them.
fn validator(home: &Path) -> World {
    let world = World {
        out: home.to_owned(),
    };
    world
        .build(0)
        .map_err(|refused| refused.what)
        .expect("a keystore");
    let text = std::fs::read_to_string(world.registered()).expect("registered keys");
    let real = text.replace("\"rehearsal\": true", "\"rehearsal\": false");
    let real = real.replace("\"rehearsal\":true", "\"rehearsal\":false");
    assert_ne!(real, text);
    std::fs::write(world.registered(), real).expect("the test's own directory");
    world
}

fn utc(minutes_ago: i64) -> String {
    let time = jiff::Timestamp::now().as_second() - 60 * minutes_ago;
    qh_ceremony::ceremony::dates::rfc3339(time)[..16].replace('T', " ")
}

fn common() -> (people::Lines, people::Choices) {
    let lines = vec![
        ("What is this ceremony for", "Yearly backup".into()),
        ("By whose authority", "Resolution 7 of 2026-11-01".into()),
        ("Where are we", "Vault room, Basel".into()),
        ("Name of the operator", "Olga Operator".into()),
        ("Name of the witness", "Wim Witness".into()),
        ("Name of custodian", "Carla Custodian {}".into()),
        ("What does the witness's watch say", utc(0)),
    ];
    let choices = vec![
        ("How was the operator identified", "Passport"),
        ("How was the witness identified", "Identity card"),
        ("How was custodian", "Known in person"),
    ];
    (lines, choices)
}

fn backup(home: &Path, world: &World, sticks: Vec<Stick>) -> Room {
    let (mut lines, mut choices) = common();
    lines.extend([
        ("The keystore directory", show(&world.source())),
        ("The node's name", "validator-1".into()),
        (
            "The file with the registered keys",
            show(&world.registered()),
        ),
        ("Label of medium", "STICK-{}".into()),
        ("Bag number", "BAG-{}".into()),
        ("Where will custodian", "Box {}".into()),
    ]);
    choices.extend([
        ("Is custodian", "Present"),
        ("Where do the keys come from", "keystore directory"),
        ("What does this directory lie on", "own disk"),
        ("Does the node run with a keystore password", "No"),
        ("What are the keys compared with", "qh-registered/1"),
        ("How do the shares get onto paper", "By hand"),
        ("Where will medium 1", "Primary"),
        ("Where will medium 2", "Secondary"),
        ("Where will medium 3", "Tertiary"),
        ("Has custodian", "Yes"),
    ]);
    let mut room = Room::new(lines, choices);
    room.sticks = sticks;
    let command = format!(
        "'{PROGRAM}' run key-backup --journal '{}'",
        show(&home.join("journal/BR-2026-11-22-01"))
    );
    let mut terminal = Terminal::new(home, &command, 80, 24);
    let over = room.hold(&mut terminal, "The ceremony is complete");
    assert!(!over.whole.contains("REHEARSAL"));
    code_of_the_head(&mut terminal, &over);
    terminal.key("Enter");
    assert_eq!(terminal.end(), 0, "{}", terminal.scrollback());
    no_words(&terminal.scrollback(), &room.sheets);
    assert_eq!(room.refused.len(), 3, "{:#?}", room.refused);
    room
}

fn recovery(home: &Path, world: &World, sheets: BTreeMap<u8, Sheet>) {
    let (mut lines, mut choices) = common();
    let journal = home.join("journal/BR-2026-11-22-01");
    lines.extend([
        ("The sealed file", show(&home.join("copy-2/backup.jwe"))),
        (
            "The record of the backup",
            show(&journal.join("record.json")),
        ),
        (
            "The file with the registered keys",
            show(&world.registered()),
        ),
        (
            "How was the old signer stopped",
            "Service masked on host A".into(),
        ),
        ("Who saw it", "O and W".into()),
        ("When was it stopped", utc(90)),
        ("Silent since", "100".into()),
        ("Silent up to", "250".into()),
        (
            "The keystore directory to write to",
            show(&world.recovered()),
        ),
        ("Owner of the key files", String::new()),
        ("New bag number", "BAG-9{}".into()),
    ]);
    choices.extend([
        ("Is custodian 2", "Absent"),
        ("Is custodian 4", "Absent"),
        ("Is custodian", "Present"),
        ("Did custodian", "Yes"),
        ("What are the keys compared with", "qh-registered/1"),
        ("Is there another sheet", "That is all"),
        ("Where do the keys go", "final place"),
    ]);
    let mut room = Room::new(lines, choices);
    room.sheets = sheets;
    room.brought = vec![5, 1, 3];
    let command = format!(
        "'{PROGRAM}' run key-recovery --journal '{}'",
        show(&home.join("journal/BR-2026-11-23-01"))
    );
    let mut terminal = Terminal::new(home, &command, 132, 50);
    room.hold(&mut terminal, "The ceremony is complete");
    terminal.key("Enter");
    assert_eq!(terminal.end(), 0, "{}", terminal.scrollback());
    no_words(&terminal.scrollback(), &room.sheets);
}

/// The whole head stands on the last page, and `v` shows it as a code, which `zbarimg` reads.
fn code_of_the_head(terminal: &mut Terminal, over: &terminal::Pane) {
    let digits: String = over
        .right
        .iter()
        .filter_map(|line| {
            let groups: Vec<&str> = line.trim_start_matches("Head").split_whitespace().collect();
            let hex =
                |group: &&str| group.len() == 4 && group.chars().all(|c| c.is_ascii_hexdigit());
            (groups.len() == 4 && groups.iter().all(hex)).then(|| groups.concat())
        })
        .collect();
    assert_eq!(digits.len(), 64, "{}", over.whole);
    terminal.key("v");
    std::thread::sleep(std::time::Duration::from_millis(400));
    let screen = terminal.screen();
    let rows: Vec<Vec<char>> = screen
        .lines()
        .filter(|line| line.contains('\u{2588}'))
        .map(|line| line.chars().collect())
        .collect();
    let width = rows.iter().map(Vec::len).max().expect("a code");
    let mut image = format!("P1\n{} {}\n", width * 4, rows.len() * 8);
    for row in &rows {
        for lit in ["\u{2588}\u{2580}", "\u{2588}\u{2584}"] {
            let mut line = String::new();
            for column in 0..width {
                let light = row.get(column).is_some_and(|glyph| lit.contains(*glyph));
                line.push_str(if light { "0 0 0 0 " } else { "1 1 1 1 " });
            }
            image.push_str(&format!("{line}\n").repeat(4));
        }
    }
    let file = tempfile::Builder::new()
        .suffix(".pbm")
        .tempfile()
        .expect("a file");
    std::fs::write(file.path(), image).expect("a file");
    let read = run(
        "zbar-tools",
        "zbarimg",
        &["-q", "--raw", &show(file.path())],
    );
    assert_eq!(read, format!("qh-head:{digits}"), "{screen}");
    terminal.key("v");
    terminal.until("the last page", |pane| pane.title == over.title);
}

/// No two neighbouring words of a share stand in `text`, however they are set apart.
fn no_words(text: &str, sheets: &BTreeMap<u8, Sheet>) {
    let letters = |c: char| !c.is_ascii_alphabetic();
    let lower = text.to_lowercase();
    let said: Vec<&str> = lower
        .split(letters)
        .filter(|word| !word.is_empty())
        .collect();
    for words in sheets.values() {
        for pair in words.windows(2) {
            let found = said
                .windows(2)
                .any(|two| two[0] == pair[0] && two[1] == pair[1]);
            assert!(!found, "words of a share stand in\n{text}");
        }
    }
}

fn files(dir: &Path) -> BTreeMap<String, Vec<u8>> {
    let mut all = BTreeMap::new();
    for entry in std::fs::read_dir(dir).unwrap_or_else(|e| panic!("{}: {e}", dir.display())) {
        let path = entry.expect("an entry").path();
        let name = path
            .file_name()
            .expect("a name")
            .to_string_lossy()
            .into_owned();
        if path.is_dir() {
            for (below, bytes) in files(&path) {
                all.insert(format!("{name}/{below}"), bytes);
            }
        } else {
            all.insert(name, std::fs::read(&path).expect("a readable file"));
        }
    }
    all
}

/// Nothing in the files of a journal is a share or a key: raw, hex, base32, base64, words.
fn no_secret(journal: &Path, sheets: &BTreeMap<u8, Sheet>, keystore: &BTreeMap<String, Vec<u8>>) {
    let mut secrets: Vec<Vec<u8>> = vec![];
    for words in sheets.values() {
        let Ok(WordsOutcome::Share(share)) = parse_words(&words.join(" ")) else {
            panic!("what was written is a share");
        };
        secrets.push(share.expose()[16..].to_vec());
    }
    for content in keystore.values() {
        let text = String::from_utf8_lossy(content);
        let digits = text.trim_matches('"').trim_start_matches("0x");
        secrets.push(
            data_encoding::HEXLOWER
                .decode(&digits.as_bytes()[..64])
                .expect("hex"),
        );
    }
    assert_eq!(secrets.len(), 8);
    let all = files(journal);
    assert!(
        all.keys().any(|name| name.ends_with("transcript.jsonl")),
        "{:?}",
        all.keys()
    );
    for (name, bytes) in &all {
        no_words(&String::from_utf8_lossy(bytes), sheets);
        for secret in &secrets {
            let hex = data_encoding::HEXLOWER.encode(secret).into_bytes();
            let base32 = data_encoding::BASE32_NOPAD.encode(secret).into_bytes();
            let base64 = data_encoding::BASE64.encode(&secret[..30]).into_bytes();
            for form in [secret.clone(), hex, base32, base64] {
                let found = bytes.windows(form.len()).any(|part| part == form);
                assert!(!found, "a secret lies in {name}");
            }
        }
    }
}

/// Python puts the secret together from three sheets' words, `jose` opens the sealed file with it.
fn stock_tools_open(
    home: &Path,
    sheets: &BTreeMap<u8, Sheet>,
    record: &serde_json::Value,
) -> serde_json::Value {
    use std::io::Write;
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/stock/recombine.py");
    let mut python = Command::new("python3")
        .args([script, record["key_check"].as_str().expect("a key check")])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("install the package python3");
    let lines: Vec<String> = [2, 3, 4].iter().map(|n| sheets[n].join(" ")).collect();
    let mut stdin = python.stdin.take().expect("a pipe");
    stdin
        .write_all(lines.join("\n").as_bytes())
        .expect("a pipe");
    drop(stdin);
    let output = python.wait_with_output().expect("python3");
    assert!(output.status.success(), "recombine.py refused the words");
    let found: serde_json::Value = serde_json::from_slice(&output.stdout).expect("JSON");
    assert_eq!(found["set_id"], record["set_id"]);
    let key = home.join("key.jwk");
    std::fs::write(&key, found["jwk"].to_string()).expect("the test's own directory");
    let sealed = show(&home.join("copy-3/backup.jwe"));
    let text = run(
        "jose",
        "jose",
        &["jwe", "dec", "-i", &sealed, "-k", &show(&key)],
    );
    serde_json::from_str(&text).expect("a bundle")
}

/// The transcript verifies against the head that is on the certificate, and against no other.
fn anchored(journal: &Path) {
    let all = files(journal);
    let mut lines = all["transcript.jsonl"].split(|byte| *byte == b'\n');
    let last = lines.rfind(|line| !line.is_empty()).expect("a line");
    let head = qh_ceremony::run::driver::sha256_hex(last);
    let certificate = String::from_utf8_lossy(&all["certificate.txt"]);
    let digits: String = certificate.split_whitespace().collect();
    assert!(digits.contains(&head), "{certificate}");
    let transcript = show(&journal.join("transcript.jsonl"));
    let said = run(
        "qh-ceremony",
        PROGRAM,
        &["transcript", "verify", &transcript, "--head", &head],
    );
    assert!(
        !said.contains("UNANCHORED") && !said.contains("OPEN"),
        "{said}"
    );
    let other = "0".repeat(64);
    let output = Command::new(PROGRAM)
        .args(["transcript", "verify", &transcript, "--head", &other])
        .output()
        .expect("the program");
    assert_eq!(output.status.code(), Some(4));
}

#[test]
fn a_backup_by_hand_and_a_recovery_by_words() {
    needs_root();
    let home = tempfile::tempdir().expect("a directory");
    let home = home.path();
    let world = validator(home);
    let journal = Stick::new(home, "journal");
    let sticks = (1..=3)
        .map(|n| Stick::new(home, &format!("copy-{n}")))
        .collect();
    let room = backup(home, &world, sticks);

    let dir = home.join("journal/BR-2026-11-22-01");
    let keystore = files(&world.source());
    assert_eq!(keystore.len(), 3);
    let text = std::fs::read(dir.join("record.json")).expect("a record");
    let record: serde_json::Value = serde_json::from_slice(&text).expect("JSON");
    assert_eq!(record["rehearsal"], false);
    assert_eq!(record["purpose"], "Yearly backup");
    assert_eq!((&record["k"], &record["n"]), (&3.into(), &5.into()));
    assert_eq!(record["commitments"].as_array().expect("an array").len(), 5);
    assert_eq!(record["public_keys"].as_array().expect("an array").len(), 3);
    let sealed = std::fs::read(home.join("copy-1/backup.jwe")).expect("a copy");
    for copy in ["copy-2", "copy-3"] {
        assert_eq!(
            std::fs::read(home.join(copy).join("backup.jwe")).expect("a copy"),
            sealed
        );
    }
    anchored(&dir);
    no_secret(&dir, &room.sheets, &keystore);

    let bundle = stock_tools_open(home, &room.sheets, &record);
    assert_eq!(bundle["format"], "qh-key-bundle/1");
    assert_eq!(bundle["keys"].as_array().expect("an array").len(), 3);

    recovery(home, &world, room.sheets.clone());
    assert_eq!(files(&world.recovered()), keystore);
    let dir = home.join("journal/BR-2026-11-23-01");
    anchored(&dir);
    no_secret(&dir, &room.sheets, &keystore);
    drop(room);
    drop(journal);
}

#[test]
fn a_small_terminal_a_signal_and_a_resume() {
    needs_root();
    let home = tempfile::tempdir().expect("a directory");
    let home = home.path();
    let journal = home.join("BR-2026-11-22-07");
    let command = format!("'{PROGRAM}' run key-backup --journal '{}'", show(&journal));
    let (lines, choices) = common();
    let mut room = Room::new(lines, choices);
    let mut terminal = Terminal::new(home, &command, 80, 24);
    let before = room.hold(&mut terminal, "Name of the witness");

    terminal.resize(60, 20);
    std::thread::sleep(std::time::Duration::from_millis(500));
    let small = terminal.screen();
    assert!(small.contains("60 columns and 20 rows"), "{small}");
    terminal.text("this is typed to nobody");
    terminal.key("Enter");
    terminal.resize(80, 24);
    let after = terminal.until("the page again", |pane| pane.title == before.title);
    assert_eq!(after.right, before.right);

    // Ctrl-C asks; it ends nothing.
    terminal.key("C-c");
    terminal.until("the menu", |pane| pane.title == "Pause, leave, or stop?");
    terminal.key("Escape");
    terminal.until("the page again", |pane| pane.title == before.title);

    // Garbage is text, and never a command.
    terminal.text("qqq???\u{e9}\u{65e5}");
    terminal.until("what was typed", |pane| {
        pane.right.join(" ").contains("qqq???")
    });

    let process = terminal.process();
    rustix::process::kill_process(process, rustix::process::Signal::TERM).expect("the program");
    assert_eq!(terminal.end(), 3);
    let said = terminal.scrollback();
    let said: String = said.split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(
        said.contains("Ended by signal 15. Memory is wiped;"),
        "{said}"
    );
    assert!(!said.contains("qqq"), "the screens are gone: {said}");
    drop(terminal);

    let mut terminal = Terminal::new(home, &command, 132, 50);
    let page = terminal.page();
    assert_eq!(page.title, "This ceremony was interrupted");
    assert!(
        page.right.join(" ").contains("nothing: it starts again"),
        "{}",
        page.whole
    );
    terminal.choose("Fewer people");
    let over = room.hold(&mut terminal, "The ceremony was stopped");
    assert!(over.right.join(" ").contains("Head"), "{}", over.whole);
    terminal.key("Enter");
    assert_eq!(terminal.end(), 1);
}

#[test]
fn an_interactive_rehearsal_knows_its_own_paths() {
    needs_root();
    let home = tempfile::tempdir().expect("a directory");
    let home = home.path();
    let command = format!("'{PROGRAM}' rehearse --out '{}'", show(&home.join("out")));
    let (lines, mut choices) = common();
    choices.push(("Is custodian", "Present"));
    choices.push(("Where do the keys come from", "keystore directory"));
    let mut room = Room::new(lines, choices);
    let mut terminal = Terminal::new(home, &command, 80, 24);
    let page = room.hold(&mut terminal, "A rehearsal begins");
    assert!(page.whole.contains("REHEARSAL"), "{}", page.whole);
    let page = room.hold(&mut terminal, "The keystore directory");
    assert!(page.whole.contains("REHEARSAL"), "{}", page.whole);
    assert!(
        page.right.join("").contains("keystore-source"),
        "{}",
        page.whole
    );
    let page = terminal.enter();
    assert_eq!(page.title, "What does this directory lie on?");
}
