//! A backup from a SoftHSM token and a recovery into a fresh one, by the program as people start it, looked at with
//! `pkcs11-tool` and `openssl`, which are not ours.

use std::fs;
use std::process::{Command, Output, Stdio};

use sha2::Digest;

use super::*;

#[path = "../rehearsal/mod.rs"]
mod rehearsal;

const MODULE: &str = "/usr/lib/softhsm/libsofthsm2.so";
const PIN: &str = "123456";

/// The programs in one directory, as they are installed: the static one where tests/run built it.
fn installed(dir: &Path) -> PathBuf {
    let ceremony = std::env::var_os("QH_CEREMONY_BIN")
        .map_or_else(|| env!("CARGO_BIN_EXE_qh-ceremony").into(), PathBuf::from);
    let own = dir.join("qh-ceremony");
    fs::copy(ceremony, &own).unwrap();
    fs::copy(program(), dir.join("qh-pkcs11")).unwrap();
    own
}

fn rehearse(program: &Path, out: &Path, more: &[&str]) -> Output {
    Command::new(program)
        .args(["rehearse", "--auto", "--hsm", "softhsm", "--out"])
        .arg(out)
        .args(more)
        .stdin(Stdio::null())
        .output()
        .unwrap()
}

fn tool(out: &Path, args: &[&str]) -> Output {
    let output = Command::new("pkcs11-tool")
        .args(["--module", MODULE])
        .args(args)
        .env("SOFTHSM2_CONF", out.join("softhsm/softhsm2.conf"))
        .stdin(Stdio::null())
        .output()
        .expect("install package opensc");
    assert!(
        output.status.success(),
        "{args:?}: {}",
        String::from_utf8_lossy(&output.stderr)
    );
    output
}

/// The same, logged in to a token.
fn in_token(out: &Path, token: &str, args: &[&str]) -> Output {
    let login = ["--token-label", token, "--login", "--pin", PIN];
    tool(out, &[&login[..], args].concat())
}

fn listed(out: &Path, token: &str) -> String {
    let output = in_token(out, token, &["--list-objects"]);
    String::from_utf8(output.stdout).unwrap()
}

/// The id under a label, the same in both tokens: `pkcs11-tool` signs by id alone.
fn id_of(out: &Path, token: &str, label: &str) -> String {
    let text = listed(out, token);
    let mut lines = text
        .lines()
        .map(str::trim)
        .skip_while(|line| line.strip_prefix("label:").map(str::trim) != Some(label));
    let line = lines
        .find_map(|line| line.strip_prefix("ID:"))
        .expect("an id under the label");
    line.trim().to_owned()
}

/// Signs with a token's key by `pkcs11-tool`, verifies with `openssl` under the public key of the *first* token.
fn signature_verifies(
    out: &Path,
    token: &str,
    label: &str,
    mechanism: &str,
    public: &Path,
) -> bool {
    let (message, signature) = (
        out.join("message"),
        out.join(format!("{token}-{label}.sig")),
    );
    // Plain ECDSA signs a digest as it is; `openssl pkeyutl` verifies it as it is.
    let digest = mechanism == "ECDSA";
    let block: Vec<u8> = if digest {
        sha2::Sha256::digest(b"a block to sign").to_vec()
    } else {
        b"a block to sign".to_vec()
    };
    fs::write(&message, block).unwrap();
    let (message, signature) = (message.to_str().unwrap(), signature.to_str().unwrap());
    in_token(
        out,
        token,
        &[
            "--sign",
            "--id",
            &id_of(out, token, label),
            "--mechanism",
            mechanism,
            "--signature-format",
            "openssl",
            "--input-file",
            message,
            "--output-file",
            signature,
        ],
    );
    let public = public.to_str().unwrap();
    let args: Vec<&str> = if digest {
        vec![
            "pkeyutl", "-verify", "-pubin", "-inkey", public, "-sigfile", signature, "-in", message,
        ]
    } else {
        vec![
            "dgst",
            "-sha256",
            "-verify",
            public,
            "-signature",
            signature,
            message,
        ]
    };
    let output = Command::new("openssl").args(args).output().unwrap();
    if !output.status.success() {
        eprintln!(
            "{}{}",
            String::from_utf8_lossy(&output.stdout),
            String::from_utf8_lossy(&output.stderr)
        );
    }
    output.status.success()
}

fn public_key(out: &Path, label: &str) -> PathBuf {
    let (der, pem) = (
        out.join(format!("{label}.der")),
        out.join(format!("{label}.pem")),
    );
    let path = der.to_str().unwrap().to_owned();
    tool(
        out,
        &[
            "--token-label",
            "REHEARSAL validator",
            "--read-object",
            "--type",
            "pubkey",
            "--label",
            label,
            "--output-file",
            &path,
        ],
    );
    let status = Command::new("openssl")
        .args(["pkey", "-pubin", "-inform", "DER", "-in", &path, "-out"])
        .arg(&pem)
        .status()
        .unwrap();
    assert!(status.success());
    pem
}

#[test]
fn keys_move_from_one_token_to_another_and_sign_the_same() {
    let dir = tempfile::tempdir().unwrap();
    let program = installed(dir.path());
    let out = dir.path().join("out");
    let said = rehearse(&program, &out, &[]);
    let text = String::from_utf8_lossy(&said.stdout).into_owned();
    assert!(
        said.status.success(),
        "{text}\n{}",
        String::from_utf8_lossy(&said.stderr)
    );
    assert!(!text.contains("refused"), "{text}");

    for (label, mechanism) in [("signer", "ECDSA"), ("archive", "SHA256-RSA-PKCS")] {
        let public = public_key(&out, label);
        for token in ["REHEARSAL validator", "REHEARSAL replacement"] {
            assert!(
                signature_verifies(&out, token, label, mechanism, &public),
                "{label} in {token}"
            );
        }
    }
    // A check that can fail: an RSA signature under a changed message.
    let public = public_key(&out, "archive");
    let message = out.join("message");
    fs::write(&message, b"another block").unwrap();
    let status = Command::new("openssl")
        .args([
            "dgst",
            "-sha256",
            "-verify",
            public.to_str().unwrap(),
            "-signature",
        ])
        .arg(out.join("replacement-archive.sig"))
        .arg(&message)
        .stdout(Stdio::null())
        .status()
        .unwrap();
    assert!(!status.success());

    // Labels, ids and uses are the old ones; what may not leave is only in the first token.
    let (before, after) = (
        listed(&out, "REHEARSAL validator"),
        listed(&out, "REHEARSAL replacement"),
    );
    let lines = |text: &str, begins: &str| -> Vec<String> {
        let mut found: Vec<String> = text
            .lines()
            .map(str::trim)
            .filter(|line| line.starts_with(begins))
            .map(str::to_owned)
            .collect();
        found.sort();
        found
    };
    assert!(
        before.contains("stays-here") && !after.contains("stays-here"),
        "{after}"
    );
    let kept = |text: &str| -> Vec<String> {
        lines(text, "label:")
            .into_iter()
            .filter(|line| !line.contains("stays-here"))
            .collect()
    };
    assert_eq!(kept(&before), kept(&after));
    assert_eq!(
        kept(&after).len(),
        7,
        "two key pairs, one secret, two data objects: {after}"
    );
    assert!(
        lines(&after, "ID:")
            .iter()
            .all(|id| lines(&before, "ID:").contains(id)),
        "{after}"
    );
    for line in lines(&after, "Access:")
        .iter()
        .filter(|line| !line.contains("none"))
    {
        assert!(
            line.contains("sensitive") && !line.contains("extract"),
            "{line}"
        );
    }
    // The session keys that are data objects are byte for byte those of the keystore.
    for entry in fs::read_dir(out.join("keystore-source")).unwrap().flatten() {
        let name = entry.file_name().into_string().unwrap();
        if name.starts_with("61757261") {
            continue; // aura: a generic secret
        }
        let path = out.join("data");
        let args = [
            "--token-label",
            "REHEARSAL replacement",
            "--login",
            "--pin",
            PIN,
            "--read-object",
            "--type",
            "data",
            "--label",
            &name,
            "--output-file",
            path.to_str().unwrap(),
        ];
        tool(&out, &args);
        assert_eq!(
            fs::read(&path).unwrap(),
            fs::read(entry.path()).unwrap(),
            "{name}"
        );
    }
    no_secret_is_left(&out);
    for journal in ["transcript.jsonl", "recovery/transcript.jsonl"] {
        let journal = fs::read_to_string(out.join(journal)).unwrap();
        let wiped = journal
            .lines()
            .find(|line| line.contains("\"result\":\"wiped\""))
            .unwrap();
        assert!(wiped.contains("\"found\":0"), "{wiped}");
    }
    says_what_happened(&out);
    stock_programs_reach_the_keys(&out);
}

fn says_what_happened(out: &Path) {
    let journal = fs::read_to_string(out.join("transcript.jsonl")).unwrap();
    for text in [
        "signer (id ",
        ": wrapped by AES-KEY-WRAP-PAD",
        "read in the clear, as data objects are",
        "stays-here (id ",
        "the token reports the object as not extractable",
        "64 random bytes of the token go into the pool",
        "\"token_bytes\":64",
        "serial ",
    ] {
        assert!(journal.contains(text), "{text} is not in the transcript");
    }
    let journal = fs::read_to_string(out.join("recovery/transcript.jsonl")).unwrap();
    for text in [
        "hsm/ec-p256 as EC P-256 key: signed a challenge",
        "hsm/rsa as RSA key: signed a challenge",
        "aura as generic secret: signed a challenge",
        "gran as data object: read back the same",
        "keys: sensitive, may not be exported again",
    ] {
        assert!(journal.contains(text), "{text} is not in the transcript");
    }
}

/// No key and no PIN in any file of both ceremonies but the tokens' own and the keystore that they came from.
fn no_secret_is_left(out: &Path) {
    let mut secrets: Vec<Vec<u8>> = vec![];
    for entry in fs::read_dir(out.join("keystore-source")).unwrap().flatten() {
        let text = fs::read_to_string(entry.path()).unwrap();
        let digits = text.trim_matches('"').trim_start_matches("0x");
        secrets.push(digits.as_bytes()[..64].to_vec());
        secrets.push(
            data_encoding::HEXLOWER
                .decode(&digits.as_bytes()[..64])
                .unwrap(),
        );
    }
    let mut open = vec![out.to_owned()];
    let mut looked = 0;
    while let Some(path) = open.pop() {
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        if name == "keystore-source" || name == "softhsm" || name == "data" {
            continue;
        }
        if path.is_dir() {
            open.extend(
                fs::read_dir(&path)
                    .unwrap()
                    .map(|entry| entry.unwrap().path()),
            );
            continue;
        }
        let bytes = fs::read(&path).unwrap();
        for secret in &secrets {
            assert!(
                !bytes.windows(secret.len()).any(|window| window == secret),
                "a secret in {}",
                path.display()
            );
        }
        looked += 1;
    }
    assert!(looked > 20, "{looked} files looked at");
}

#[test]
fn a_wrong_pin_is_named_and_the_ceremony_goes_on() {
    let dir = tempfile::tempdir().unwrap();
    let program = installed(dir.path());
    let out = dir.path().join("out");
    // A wrong PIN first, then the right one; then everything as usual.
    let answers = dir.path().join("answers.toml");
    fs::write(&answers, "[[on]]\nprompt = \"export.pin\"\nanswer = \"999999\"\n[[on]]\nprompt = \"write.pin\"\nanswer = \"999999\"\n").unwrap();
    let said = rehearse(&program, &out, &["--answers", answers.to_str().unwrap()]);
    let text = String::from_utf8_lossy(&said.stdout).into_owned();
    assert!(said.status.success(), "{text}");
    assert_eq!(text.matches("refused hsm-pin-wrong").count(), 2, "{text}");
    for journal in ["transcript.jsonl", "recovery/transcript.jsonl"] {
        let journal = fs::read_to_string(out.join(journal)).unwrap();
        assert!(!journal.contains("999999"), "a PIN is in the transcript");
    }
}

#[test]
fn a_rehearsal_without_the_child_or_softhsm_says_what_is_missing() {
    let dir = tempfile::tempdir().unwrap();
    let program = installed(dir.path());
    fs::remove_file(dir.path().join("qh-pkcs11")).unwrap();
    let said = rehearse(&program, &dir.path().join("out"), &[]);
    let text = String::from_utf8_lossy(&said.stderr).into_owned();
    assert_eq!(said.status.code(), Some(3), "{text}");
    assert!(
        text.contains("hsm-child-missing") && text.contains("qh-pkcs11"),
        "{text}"
    );
    // Half made: the next start makes it anew.
    fs::copy(super::program(), dir.path().join("qh-pkcs11")).unwrap();
    let again = rehearse(&program, &dir.path().join("out"), &["key-backup"]);
    assert!(
        again.status.success(),
        "{}",
        String::from_utf8_lossy(&again.stderr)
    );
    let no_path = Command::new(&program)
        .args(["rehearse", "--auto", "--hsm", "softhsm", "--out"])
        .arg(dir.path().join("third"))
        .env("PATH", "/nowhere")
        .stdin(Stdio::null())
        .output()
        .unwrap();
    let text = String::from_utf8_lossy(&no_path.stderr).into_owned();
    assert_eq!(no_path.status.code(), Some(3), "{text}");
    assert!(
        text.contains("softhsm-missing") && text.contains("apt-get install softhsm2"),
        "{text}"
    );
}

/// Without this program: shares by `zbarimg` and Python, the sealed file by `jose`, the key by `openssl`.
fn stock_programs_reach_the_keys(out: &Path) {
    let record = rehearsal::json(&out.join("record.json"));
    let sheets = rehearsal::sheets(out, 5);
    let three: Vec<&str> = sheets[..3].iter().map(String::as_str).collect();
    let found = rehearsal::recombine(record["key_check"].as_str().unwrap(), &three);
    let found: serde_json::Value = serde_json::from_slice(&found.stdout).unwrap();
    let key = out.join("key.jwk");
    fs::write(&key, found["jwk"].to_string()).unwrap();
    let sealed = out.join("sealed/backup.jwe");
    let args = [
        "jwe",
        "dec",
        "-i",
        sealed.to_str().unwrap(),
        "-k",
        key.to_str().unwrap(),
    ];
    let opened = rehearsal::stock("jose", "jose", &args, b"");
    let bundle: serde_json::Value = serde_json::from_slice(&opened.stdout).unwrap();
    let mut read = 0;
    for own in bundle["keys"].as_array().unwrap() {
        if !own["key_type"].as_str().unwrap().starts_with("hsm/") {
            continue;
        }
        let secret: serde_json::Value =
            serde_json::from_str(own["secret"].as_str().unwrap()).unwrap();
        let der = data_encoding::BASE64
            .decode(secret["pkcs8"].as_str().unwrap().as_bytes())
            .unwrap();
        let public = rehearsal::stock(
            "openssl",
            "openssl",
            &["pkey", "-inform", "DER", "-pubout"],
            &der,
        );
        let pem = public_key(out, secret["label"].as_str().unwrap());
        assert_eq!(fs::read(pem).unwrap(), public.stdout, "{}", own["key_type"]);
        read += 1;
    }
    assert_eq!(read, 2);
}
