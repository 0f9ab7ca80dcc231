//! A validator moves: host keystore, sealed export, backup on the laptop, recovery on the laptop, sealed delivery,
//! second host's keystore. Two programs, driven by the keys that people press; afterwards every file is searched.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use super::people::Room;
use super::sticks::{Stick, run};
use super::terminal::{Pane, Terminal};
use super::{PROGRAM, common, files, needs_root, show, utc, validator};

const HOST: &str = env!("CARGO_BIN_EXE_qh-online");

/// Waits until the last line that is not empty holds `question`, then types the answer.
fn answer(terminal: &Terminal, question: &str, answer: &str) {
    let start = Instant::now();
    loop {
        let screen = terminal.screen();
        let last = screen.trim_end().lines().next_back().unwrap_or_default();
        if last.contains(question) {
            break;
        }
        assert!(
            start.elapsed() < Duration::from_secs(60),
            "`{question}` was never asked:\n{screen}"
        );
        std::thread::sleep(Duration::from_millis(50));
    }
    terminal.text(answer);
    terminal.key("Enter");
}

/// What stands behind `label` on a page of the laptop.
fn fact(page: &Pane, label: &str) -> String {
    let line = page.right.iter().find_map(|line| line.strip_prefix(label));
    line.unwrap_or_else(|| panic!("no {label} on\n{}", page.whole))
        .trim()
        .to_owned()
}

/// The secrets of key files, each as people might find them again: raw, hex, base64.
fn forms(keystore: &BTreeMap<String, Vec<u8>>) -> Vec<(String, Vec<u8>)> {
    let mut forms = Vec::new();
    for (name, content) in keystore {
        let text = String::from_utf8_lossy(content);
        let digits = text.trim_matches('"').trim_start_matches("0x");
        let raw = data_encoding::HEXLOWER
            .decode(&digits.as_bytes()[..64])
            .expect("hex");
        let base64 = data_encoding::BASE64.encode(&raw[..30]).into_bytes();
        forms.push((name.clone(), digits.as_bytes()[..64].to_vec()));
        forms.push((
            name.clone(),
            digits.to_uppercase().as_bytes()[..64].to_vec(),
        ));
        forms.push((name.clone(), base64));
        forms.push((name.clone(), raw));
    }
    forms
}

#[test]
fn keys_travel_from_one_host_to_another() {
    needs_root();
    let home = tempfile::tempdir().expect("a directory");
    let home = home.path();
    let world = validator(home);
    let keystore = files(&world.source());
    let registered = show(&world.registered());
    let journal = Stick::new(home, "journal");

    // The backup: the laptop shows its recipient, the first host seals to it.
    let export = home.join("export.age");
    let (mut lines, mut choices) = common();
    lines.extend([
        ("The sealed delivery file", show(&export)),
        ("The node's name", "validator-1".into()),
        ("The file with the registered keys", registered.clone()),
        ("Label of medium", "STICK-{}".into()),
        ("Bag number", "BAG-{}".into()),
        ("Where will custodian", "Box {}".into()),
    ]);
    choices.extend([
        ("Is custodian", "Present"),
        ("Where do the keys come from", "the host sealed"),
        ("Does the node run with a keystore password", "No"),
        ("What are the keys compared with", "qh-registered/1"),
        ("How do the shares get onto paper", "By hand"),
        ("Where will medium 1", "Primary"),
        ("Where will medium 2", "Secondary"),
        ("Where will medium 3", "Tertiary"),
        ("Has custodian", "Yes"),
    ]);
    let mut room = Room::new(lines, choices);
    room.sticks = (1..=3)
        .map(|n| Stick::new(home, &format!("copy-{n}")))
        .collect();
    let backup = home.join("journal/BR-2026-11-22-01");
    let command = format!("'{PROGRAM}' run key-backup --journal '{}'", show(&backup));
    let mut laptop = Terminal::new(home, &command, 132, 50);
    let page = room.hold(&mut laptop, "Seal to this laptop");
    let (recipient, words) = (fact(&page, "Recipient"), fact(&page, "Six words"));
    let command = format!(
        "'{HOST}' keys export --keystore '{}' --registered '{registered}' --to {recipient} --output '{}'",
        show(&world.source()),
        show(&export)
    );
    let mut host = Terminal::new(home, &command, 100, 40);
    answer(&host, "are enough:", "zoo zoo zoo zoo zoo zoo");
    assert!(!export.exists());
    answer(&host, "The laptop's six words:", &words);
    assert_eq!(host.end(), 0, "{}", host.scrollback());
    let said = host.scrollback();
    assert!(
        said.contains(&words) && said.contains("not post-quantum"),
        "{said}"
    );
    drop(host);
    laptop.enter();
    room.hold(&mut laptop, "The ceremony is complete");
    laptop.key("Enter");
    assert_eq!(laptop.end(), 0, "{}", laptop.scrollback());
    drop(laptop);

    // The second host shows its recipient, and the recovery seals to that.
    let state = home.join("state");
    let said = run(
        "qh-online",
        HOST,
        &["--state", &show(&state), "--json", "keys", "recipient"],
    );
    let own: serde_json::Value = serde_json::from_str(&said).expect("JSON");
    let recipient = own["recipient"].as_str().expect("a recipient").to_owned();
    let words = own["words"].as_str().expect("six words").to_owned();
    let delivery = home.join("delivery.age");
    let (mut lines, mut choices) = common();
    lines.extend([
        ("The sealed file", show(&home.join("copy-2/backup.jwe"))),
        (
            "The record of the backup",
            show(&backup.join("record.json")),
        ),
        ("The file with the registered keys", registered.clone()),
        (
            "How was the old signer stopped",
            "Service masked on host A".into(),
        ),
        ("Who saw it", "O and W".into()),
        ("When was it stopped", utc(90)),
        ("Silent since", "100".into()),
        ("Silent up to", "250".into()),
        ("The host's recipient", recipient),
        ("The delivery file to write", show(&delivery)),
        ("New bag number", "BAG-9{}".into()),
    ]);
    choices.extend([
        ("Is custodian 2", "Absent"),
        ("Is custodian 4", "Absent"),
        ("Is custodian", "Present"),
        ("Did custodian", "Yes"),
        ("What are the keys compared with", "qh-registered/1"),
        ("Is there another sheet", "That is all"),
        ("Where do the keys go", "sealed to the host"),
        ("Depart from the script", "ask for the exception"),
    ]);
    let sheets = std::mem::take(&mut room.sheets);
    let mut room = Room::new(lines, choices);
    room.sheets = sheets;
    room.brought = vec![5, 1, 3];
    let recovery = home.join("journal/BR-2026-11-23-01");
    let command = format!(
        "'{PROGRAM}' run key-recovery --journal '{}'",
        show(&recovery)
    );
    let mut laptop = Terminal::new(home, &command, 132, 50);
    // What is signed for names the recipient by its six words.
    let page = room.hold(&mut laptop, "Sign to seal the keys to the host");
    assert!(page.right.join(" ").contains(&words), "{}", page.whole);
    room.hold(&mut laptop, "The ceremony is complete");
    laptop.key("Enter");
    assert_eq!(laptop.end(), 0, "{}", laptop.scrollback());
    drop(laptop);

    // The second host installs them.
    let chain = home.join("second/chains/rehearsal");
    std::fs::create_dir_all(&chain).expect("the test's own directory");
    let target = chain.join("keystore");
    std::fs::create_dir(&target).expect("the test's own directory");
    let command = format!(
        "'{HOST}' keys insert --state '{}' --keystore '{}' --registered '{registered}' --input '{}'",
        show(&state),
        show(&target),
        show(&delivery)
    );
    let mut host = Terminal::new(home, &command, 100, 40);
    for (question, text) in [
        ("First person", "Olga Operator"),
        ("Second person", "Wim Witness"),
        ("Which machine signed", "host A"),
        ("How was it stopped", "service masked"),
        ("Who saw it", "Olga and Wim"),
        ("When (UTC", &utc(90)),
        ("Silent since block", "100"),
        ("Type `stopped`", "stopped"),
    ] {
        assert_eq!(files(&target).len(), 0);
        answer(&host, question, text);
    }
    assert_eq!(host.end(), 0, "{}", host.scrollback());
    drop(host);
    assert_eq!(files(&target), keystore);

    // Plaintext lies in the two keystores, and nowhere else.
    let (source, second) = (show(&world.source()), show(&target));
    let forms = forms(&keystore);
    let mut searched = 0;
    for (name, bytes) in files(home) {
        let path = show(&home.join(&name));
        if path.starts_with(&source) || path.starts_with(&second) || name.starts_with("tmux-") {
            continue;
        }
        searched += 1;
        for (key, form) in &forms {
            let found = bytes.windows(form.len()).any(|part| part == form);
            assert!(!found, "the secret of {key} lies in {path}");
        }
    }
    assert!(searched > 20, "{searched} files");
    drop(room);
    drop(journal);
}
