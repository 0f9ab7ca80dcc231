//! The format card: its commands run as they are printed, and the command that prints it.

mod paper;

use aes_gcm::aead::{AeadInPlace, KeyInit};
use data_encoding::BASE64URL_NOPAD;
use paper::{good, tool};
use qh_ceremony::cli::format_card::{FormatCardArgs, PaperArg, format_card};
use qh_ceremony::print::document::Block;
use sha2::{Digest, Sha256};
use std::fs;
use std::path::{Path, PathBuf};

/// The lines to type under the heading that starts with `section`.
fn commands(section: &str) -> Vec<Vec<String>> {
    let card = qh_ceremony::print::format_card::format_card("pass\n");
    let mut blocks = card.blocks.into_iter();
    let found = blocks
        .by_ref()
        .find(|block| matches!(block, Block::Heading(text) if text.starts_with(section)));
    assert!(found.is_some(), "section {section}");
    let here = blocks.take_while(|block| !matches!(block, Block::Heading(_)));
    here.filter_map(|block| {
        if let Block::Mono(lines) = block {
            Some(lines)
        } else {
            None
        }
    })
    .collect()
}

fn sh(lines: &[String], dir: &Path) -> String {
    good("dash", "sh", &["-ec", &lines.join("\n")], dir)
}

/// A JWE as a ceremony makes it, and the key.
fn jwe(dir: &Path, bundle: &str) {
    let key = [7_u8; 32];
    let header =
        r#"{"alg":"dir","enc":"A256GCM","kid":"88b102ae5c19","qh":{"key_check":"c0ffee"}}"#;
    let protected = BASE64URL_NOPAD.encode(header.as_bytes());
    let mut text = bundle.as_bytes().to_vec();
    let cipher = aes_gcm::Aes256Gcm::new(&key.into());
    let tag = cipher
        .encrypt_in_place_detached(&[9; 12].into(), protected.as_bytes(), &mut text)
        .expect("seals");
    let part = |bytes: &[u8]| BASE64URL_NOPAD.encode(bytes);
    let file = serde_json::json!({
        "protected": protected, "iv": part(&[9; 12]), "ciphertext": part(&text), "tag": part(&tag),
    });
    fs::write(dir.join("backup.jwe"), file.to_string()).expect("written");
    let found = serde_json::json!({ "jwk": { "kty": "oct", "k": part(&key) } });
    fs::write(dir.join("found.json"), found.to_string()).expect("written");
}

#[test]
fn the_sealed_file_s_commands_open_a_jwe_and_refuse_a_changed_one() {
    let dir = tempfile::tempdir().expect("a directory");
    let bundle = r#"{"keys":[]}"#;
    jwe(dir.path(), bundle);
    good("jq", "jq", &["--version"], dir.path());
    let check = commands("3 ")[1][..1].to_vec();
    assert_eq!(sh(&check, dir.path()), "c0ffee\n");
    let open = commands("4 ")[0].clone();
    assert_eq!(sh(&open, dir.path()), "good\n");
    assert_eq!(
        fs::read_to_string(dir.path().join("bundle.json")).expect("there"),
        bundle
    );

    let file = fs::read_to_string(dir.path().join("backup.jwe")).expect("there");
    let changed = file.replace("\"tag\":\"", "\"tag\":\"A");
    fs::write(dir.path().join("backup.jwe"), changed).expect("written");
    let output = tool("dash", "sh", &["-c", &open.join("\n")], dir.path());
    assert!(!output.status.success() && output.stdout.is_empty());
}

#[test]
fn the_keystore_s_commands_write_the_file_that_the_node_reads() {
    let dir = tempfile::tempdir().expect("a directory");
    let secret = format!("0x{}", "5a".repeat(128));
    let public = "0f".repeat(64);
    let bundle = serde_json::json!({ "keys": [
        { "key_type": "aura", "scheme": "s", "public": format!("0x{public}"), "secret": secret },
    ]});
    fs::write(dir.path().join("bundle.json"), bundle.to_string()).expect("written");
    fs::create_dir(dir.path().join("keystore")).expect("made");
    assert_eq!(
        sh(&commands("5 ")[0], dir.path()),
        format!("aura\ns\n0x{public}\n")
    );
    sh(&commands("6 ")[0], dir.path());
    let file = dir
        .path()
        .join("keystore")
        .join(format!("61757261{public}"));
    assert_eq!(
        fs::read_to_string(&file).expect("the file has this name"),
        format!("\"{secret}\"")
    );
    let mode =
        std::os::unix::fs::PermissionsExt::mode(&fs::metadata(&file).expect("there").permissions());
    assert_eq!(mode & 0o777, 0o600);
}

#[test]
fn the_transcript_s_commands_find_the_head_and_accept_only_the_signed_file() {
    let dir = tempfile::tempdir().expect("a directory");
    let args = ["-q", "-t", "ed25519", "-N", "", "-C", "", "-f", "key"];
    good("openssh-client", "ssh-keygen", &args, dir.path());
    let key = fs::read_to_string(dir.path().join("key.pub")).expect("there");
    let (mut text, mut head) = (String::new(), "0".repeat(64));
    for seq in 0..3 {
        let line = serde_json::json!({
            "seq": seq, "time": "2026-11-22T14:31:00Z", "prev": head,
            "entry": { "type": "opened", "ceremony_key": key.trim() },
        });
        let line = line.to_string();
        head = Sha256::digest(&line)
            .iter()
            .map(|byte| format!("{byte:02x}"))
            .collect();
        text = text + &line + "\n";
    }
    let path = dir.path().join("transcript.jsonl");
    fs::write(&path, &text).expect("written");
    let args = [
        "-q",
        "-Y",
        "sign",
        "-f",
        "key",
        "-n",
        "qh-ceremony",
        "transcript.jsonl",
    ];
    good("openssh-client", "ssh-keygen", &args, dir.path());

    let [chain, signature] = &commands("7 ")[..] else {
        panic!("two lists of commands")
    };
    assert_eq!(sh(chain, dir.path()), format!("{head}\n"));
    assert!(sh(signature, dir.path()).starts_with("Good \"qh-ceremony\" signature for ceremony"));

    fs::write(&path, text.replacen("14:31", "14:32", 1)).expect("written");
    for lines in [chain, signature] {
        let output = tool("dash", "sh", &["-ec", &lines.join("\n")], dir.path());
        assert!(
            !output.status.success(),
            "{lines:?} accepts a changed transcript"
        );
    }
}

fn run(pdf: Option<PathBuf>, text: bool) -> (u8, String) {
    let mut out = Vec::new();
    let code = format_card(
        &FormatCardArgs {
            pdf,
            text,
            paper: PaperArg::Letter,
        },
        "pass\n",
        &mut out,
    );
    (code, String::from_utf8(out).expect("text"))
}

#[test]
fn the_command_prints_text_and_writes_a_pdf_but_never_over_a_file() {
    let dir = tempfile::tempdir().expect("a directory");
    let (code, text) = run(None, false);
    assert_eq!(code, 0);
    assert!(text.starts_with("Format card\n===========\n"));
    let file = dir.path().join("card.pdf");
    let (code, said) = run(Some(file.clone()), false);
    assert_eq!((code, said), (0, format!("{}: written\n", file.display())));
    let info = good("poppler-utils", "pdfinfo", &["card.pdf"], dir.path());
    assert!(info.contains("612 x 792 pts (letter)"), "{info}");
    let before = fs::read(&file).expect("there");
    let (code, said) = run(Some(file.clone()), true);
    assert_eq!(code, 3);
    assert!(
        said.contains("the format card was not written: File exists"),
        "{said}"
    );
    assert_eq!(fs::read(&file).expect("there"), before);
}
