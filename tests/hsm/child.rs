//! The child alone: what it gave up, what it shows of itself, and what it is linked with.

use std::io::Write;
use std::process::{Command, Stdio};

use qh_ceremony::hsm::fault::HsmFault;
use qh_ceremony::hsm::modules::Module;
use qh_ceremony::refusal::Refuse;
use qh_ceremony::secret::SecretText;

use super::*;

#[test]
fn the_pin_is_neither_in_the_environment_nor_in_the_arguments() {
    let dir = tempfile::tempdir().unwrap();
    let seen = dir.path().join("seen");
    // The parent's own environment holds what must not reach the child.
    let module = hostile_module("peek", &[("QH_HOSTILE_STATE", &seen)]);
    let mut client = start(&module).unwrap();
    let tokens = client.tokens().unwrap();
    client.open(&tokens[0], false).unwrap();
    let _ = client.login(SecretText::new("271828182845".into()));
    let text = String::from_utf8_lossy(&std::fs::read(&seen).unwrap()).into_owned();
    assert!(
        text.contains("QH_HOSTILE_STATE"),
        "the module saw its environment: {text}"
    );
    assert!(text.contains("qh-pkcs11"), "and its command line: {text}");
    for absent in ["271828182845", "CARGO", "HOME", "PATH="] {
        assert!(!text.contains(absent), "{absent} in {text}");
    }
}

#[test]
fn the_child_gives_up_what_it_does_not_need() {
    let dir = tempfile::tempdir().unwrap();
    let seen = dir.path().join("seen");
    start(&hostile_module("socket", &[("QH_HOSTILE_STATE", &seen)])).unwrap();
    let text = std::fs::read_to_string(&seen).unwrap();
    let line = |name: &str| {
        text.lines()
            .find_map(|line| line.strip_prefix(name))
            .unwrap_or("")
            .trim()
            .to_owned()
    };
    assert_eq!(line("inet:"), "PermissionDenied", "{text}");
    assert_eq!(line("unix:"), "made", "{text}");
    assert_eq!(line("program:"), "PermissionDenied", "{text}");
    assert_eq!(line("thread:"), "made", "{text}");
    assert_eq!(line("signal:"), "PermissionDenied", "{text}");
    assert_ne!(line("terminal:"), "made", "{text}");
    assert_eq!(line("NoNewPrivs:"), "1", "{text}");
    // CHOWN and all the others but DAC_OVERRIDE (1), DAC_READ_SEARCH (2), FOWNER (3), IPC_LOCK (14).
    let kept = u64::from_str_radix(&line("CapEff:"), 16).unwrap();
    assert_eq!(kept & !(1 << 1 | 1 << 2 | 1 << 3 | 1 << 14), 0, "{text}");
}

#[test]
fn what_is_missing_is_named() {
    let module = hostile_module("", &[]);
    let absent = Client::start(Path::new("/nowhere/qh-pkcs11"), &module, impatient())
        .err()
        .unwrap();
    assert_eq!(absent.name(), "hsm-child-missing");
    assert!(
        absent.to_string().contains("/nowhere/qh-pkcs11"),
        "{absent}"
    );
    // A program that is no child of ours: its answer is none.
    let other = Client::start(Path::new("/bin/cat"), &module, impatient())
        .err()
        .unwrap();
    assert_eq!(other.name(), "hsm-module-garbage");
    let silent = Client::start(Path::new("/bin/true"), &module, impatient())
        .err()
        .unwrap();
    assert_eq!(silent.name(), "hsm-module-crashed");
    for path in [
        "/nowhere/module.so",
        "/etc/passwd",
        env!("CARGO_BIN_EXE_qh-pkcs11"),
    ] {
        let fault = start(&Module::at(Path::new(path))).err().unwrap();
        assert_eq!(fault.name(), "hsm-module-not-loaded", "{path}: {fault}");
        assert!(matches!(fault, HsmFault::Refused { .. }));
    }
}

#[test]
fn a_question_that_is_none_ends_the_child() {
    let frames: [&[u8]; 4] = [
        b"QHP\x01\x00\x00\x00\x01\xff",
        b"QHP\x02\x00\x00\x00\x01\x02",
        b"QHP\x01\xff\xff\xff\xff",
        b"QHP\x01\x00\x00\x00\x02\x02\x02",
    ];
    for frame in frames {
        let mut child = Command::new(program())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut to = child.stdin.take().unwrap();
        to.write_all(frame).unwrap();
        drop(to);
        let output = child.wait_with_output().unwrap();
        assert_eq!(
            (output.status.code(), output.stdout.len()),
            (Some(1), 0),
            "{frame:02x?}"
        );
    }
    let by_hand = Command::new(program()).arg("--help").output().unwrap();
    assert_eq!(by_hand.status.code(), Some(2));
    let alone = Command::new(program())
        .stdin(Stdio::null())
        .output()
        .unwrap();
    assert_eq!((alone.status.code(), alone.stdout.len()), (Some(0), 0));
}

#[test]
fn the_child_is_dynamic_and_the_ceremony_program_knows_no_cryptoki() {
    let needed = |path: &str| {
        let output = Command::new("readelf")
            .args(["--dynamic", "--wide", path])
            .output()
            .unwrap();
        assert!(output.status.success());
        String::from_utf8_lossy(&output.stdout)
            .matches("(NEEDED)")
            .count()
    };
    assert!(
        needed(env!("CARGO_BIN_EXE_qh-pkcs11")) > 0,
        "qh-pkcs11 must be able to load shared objects"
    );
    if let Some(built) = std::env::var_os("QH_CEREMONY_BIN") {
        assert_eq!(
            needed(built.to_str().unwrap()),
            0,
            "qh-ceremony must be static"
        );
    }
    let tree = |features: &[&str]| {
        let output = Command::new(env!("CARGO"))
            .args([
                "tree", "--locked", "--edges", "normal", "--prefix", "none", "--format", "{p}",
            ])
            .args(features)
            .arg("--manifest-path")
            .arg(concat!(env!("CARGO_MANIFEST_DIR"), "/Cargo.toml"))
            .output()
            .unwrap();
        assert!(output.status.success());
        String::from_utf8(output.stdout).unwrap()
    };
    for absent in ["cryptoki", "libloading", "seccompiler"] {
        let in_tree = |tree: &str| {
            tree.lines()
                .any(|line| line.split(' ').next() == Some(absent))
        };
        assert!(!in_tree(&tree(&[])), "{absent} is in qh-ceremony");
        assert!(
            in_tree(&tree(&["--features", "pkcs11"])),
            "{absent} is in qh-pkcs11"
        );
    }
}
