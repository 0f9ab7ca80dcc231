//! An HSM on the real screen of a real ceremony: a module that crashes, a wrong PIN, what stays in the token, and keys that
//! are proven. The ceremony is stopped there; `tests/hsm` goes to the end.

use super::*;

const CHILD: &str = env!("CARGO_BIN_EXE_qh-pkcs11");

fn module() -> String {
    let path = Path::new(CHILD).with_file_name("examples/libhostile_module.so");
    assert!(path.exists(), "{} is not built", path.display());
    show(&path)
}

#[test]
fn a_token_that_misbehaves_does_not_end_the_ceremony() {
    needs_root();
    let home = tempfile::tempdir().expect("a directory");
    let home = home.path();
    let file = |name: &str, content: &str| {
        std::fs::write(home.join(name), content).expect("the test's own directory")
    };
    file(
        "devices.toml",
        &format!(
            "[[hsm.module]]\nname = \"vendor\"\npath = \"{}\"\nenvironment = {{ QH_HOSTILE_FILE = \"{}\", QH_HOSTILE_STATE = \"{}\" }}\n",
            module(),
            show(&home.join("mode")),
            show(&home.join("state")),
        ),
    );
    file("mode", "crash-slots");
    let journal = home.join("BR-2026-11-22-09");
    let command = format!(
        "'{PROGRAM}' run key-backup --devices '{}' --journal '{}'",
        show(&home.join("devices.toml")),
        show(&journal)
    );
    let (mut lines, mut choices) = common();
    lines.push(("The node's name", "validator-1".into()));
    choices.extend([
        ("Is custodian", "Present"),
        ("Where do the keys come from", "hardware security module"),
        ("Which PKCS#11 module", "vendor"),
        ("Which token", "serial 0001"),
        ("Does the node run with a keystore password", "No"),
    ]);
    let mut room = Room::new(lines, choices);
    let mut terminal = Terminal::new(home, &command, 80, 24);

    // The module dies of a real signal; the screen says so, and the same choice is there again.
    let page = room.hold(&mut terminal, "[!] Not accepted");
    let text = page.right.join(" ");
    assert!(
        text.contains("The module crashed while it was asked to list its tokens (signal 11)"),
        "{}",
        page.whole
    );
    file("mode", "crash-login");
    terminal.enter();
    room.hold(&mut terminal, "The token's PIN");
    terminal.text("123456");
    assert!(
        !terminal.screen().contains("123456"),
        "{}",
        terminal.screen()
    );
    terminal.enter();
    let page = room.hold(&mut terminal, "[!] Not accepted");
    assert!(
        page.right.join(" ").contains("asked to log in"),
        "{}",
        page.whole
    );

    // Odd labels move no cursor; the frame of the screen stands.
    file("mode", "escape-label");
    terminal.enter();
    let page = terminal.until("the tokens", |pane| pane.title == "Which token?");
    assert!(page.right.join(" ").contains("?[2J"), "{}", page.whole);
    assert!(page.whole.contains("Back up"), "{}", page.whole);

    // Another token in the slot than the one that was chosen.
    terminal.choose("serial 0001");
    room.hold(&mut terminal, "The token's PIN");
    file("mode", "");
    terminal.text("123456");
    terminal.enter();
    let page = room.hold(&mut terminal, "[!] Not accepted");
    assert!(
        page.right.join(" ").contains("No token is there that fits"),
        "{}",
        page.whole
    );

    // A wrong PIN is told before the next try.
    terminal.enter();
    room.hold(&mut terminal, "The token's PIN");
    terminal.text("999999");
    terminal.enter();
    let page = room.hold(&mut terminal, "[!] Not accepted");
    assert!(
        page.right.join(" ").contains("The token refuses this PIN"),
        "{}",
        page.whole
    );
    terminal.enter();
    let page = room.hold(&mut terminal, "The token's PIN");
    assert!(
        page.right
            .join(" ")
            .contains("There was a wrong PIN before"),
        "{}",
        page.whole
    );
    terminal.text("123456");
    terminal.enter();

    // What stays is listed before anybody signs; the people's first PIN of all is a wrong one.
    let page = room.hold(&mut terminal, "These stay in the token");
    assert!(
        page.right.join(" ").contains("note: data object"),
        "{}",
        page.whole
    );
    terminal.enter();
    let page = room.hold(&mut terminal, "[!] Not accepted");
    assert!(
        page.right.join(" ").contains("not the PIN of the operator"),
        "{}",
        page.whole
    );
    terminal.enter();

    // The token's secret is no session key: it is named, then it is listed among what stays.
    let page = room.hold(&mut terminal, "[!] Not accepted");
    assert!(
        page.right
            .join(" ")
            .contains("secret (id 02) is not exported"),
        "{}",
        page.whole
    );
    terminal.enter();
    let page = room.hold(&mut terminal, "These stay in the token");
    let text = page.right.join(" ");
    assert!(
        text.contains("secret (id 02): generic secret"),
        "{}",
        page.whole
    );
    let page = room.hold(&mut terminal, "The keys are proven");
    let text = page.right.join(" ");
    assert!(
        text.contains("hsm/ec-p256") && text.contains("token hostile, serial 0001"),
        "{}",
        page.whole
    );

    terminal.key("q");
    terminal.until("the menu", |pane| pane.title == "Pause, leave, or stop?");
    terminal.key("Escape");
    let process = terminal.process();
    rustix::process::kill_process(process, rustix::process::Signal::TERM).expect("the program");
    assert_eq!(terminal.end(), 3);
    let said = terminal.scrollback();
    let transcript =
        std::fs::read_to_string(journal.join("transcript.jsonl")).expect("the journal");
    for pin in ["123456", "999999"] {
        assert!(
            !said.contains(pin) && !transcript.contains(pin),
            "a PIN was left behind"
        );
    }
}
