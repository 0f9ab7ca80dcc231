//! What a rehearsal leaves opens with stock programs alone, verifies, and holds no secret.

mod rehearsal;

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use data_encoding::{BASE32_NOPAD, BASE64, BASE64URL_NOPAD, HEXLOWER};
use rehearsal::*;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

fn text(path: &Path) -> &str {
    path.to_str().unwrap()
}

fn verify(transcript: &Path, more: &[&str]) -> Said {
    run(&[&["transcript", "verify", text(transcript)], more].concat())
}

/// Secrets and key types of an opened bundle are those of the keystore's files.
fn is_keystore(bundle: &Value, keystore: &Path) {
    let bundled: BTreeSet<String> = bundle["keys"]
        .as_array()
        .unwrap()
        .iter()
        .map(|key| {
            let name = HEXLOWER.encode(key["key_type"].as_str().unwrap().as_bytes());
            name + key["public"].as_str().unwrap().trim_start_matches("0x")
        })
        .collect();
    let found = files(keystore);
    assert_eq!(bundled, found.keys().cloned().collect());
    for (name, content) in &found {
        let content: String = serde_json::from_slice(content).unwrap();
        let key =
            bundle["keys"].as_array().unwrap().iter().find(|key| {
                name.ends_with(key["public"].as_str().unwrap().trim_start_matches("0x"))
            });
        let secret = key.unwrap()["secret"].as_str().unwrap();
        assert_eq!(
            secret.trim_start_matches("0x"),
            content.trim_start_matches("0x"),
            "{name}"
        );
    }
}

/// `ssh-keygen -Y verify` with the key that entry 0 names.
fn signature_holds(transcript: &Path) {
    let key = entries(transcript)[0]["ceremony_key"]
        .as_str()
        .unwrap()
        .to_owned();
    let allowed = transcript.with_extension("allowed");
    fs::write(&allowed, format!("ceremony {key}\n")).unwrap();
    let sig = format!("{}.sig", text(transcript));
    let args = [
        "-Y",
        "verify",
        "-f",
        text(&allowed),
        "-I",
        "ceremony",
        "-n",
        "qh-ceremony",
        "-s",
        &sig,
    ];
    let bytes = fs::read(transcript).unwrap();
    let good = stock("ssh-keygen", "openssh-client", &args, &bytes);
    assert!(
        good.status.success(),
        "{}",
        String::from_utf8_lossy(&good.stderr)
    );
    let mut changed = bytes;
    changed[200] ^= 1;
    assert!(
        !stock("ssh-keygen", "openssh-client", &args, &changed)
            .status
            .success()
    );
    fs::remove_file(allowed).unwrap();
}

#[test]
fn a_rehearsal_recovers_and_everything_opens_with_stock_programs() {
    let temp = tempfile::tempdir().unwrap();
    let dir = temp.path().join("out");
    let said = rehearse(&dir, "", "").ended(0);
    assert_eq!(said.refusals(), Vec::<&str>::new());
    same_keys(&dir);
    let mut names = vec![
        "annex.json".to_owned(),
        "record.json".into(),
        "registered.json".into(),
        "sealed/backup.jwe".into(),
        "transcript.jsonl".into(),
        "transcript.jsonl.sig".into(),
        "recovery/record.json".into(),
        "recovery/annex.json".into(),
        "recovery/transcript.jsonl".into(),
        "recovery/transcript.jsonl.sig".into(),
    ];
    for number in 1..=5 {
        names.push(format!("sheets/share-{number}.png"));
        names.push(format!("sheets/share-{number}.pdf"));
    }
    for name in names {
        assert!(dir.join(&name).is_file(), "{name}");
    }
    let record = json(&dir.join("record.json"));
    let check = record["key_check"].as_str().unwrap().to_owned();
    let sheets = sheets(&dir, 5);

    // Any three open, no two do.
    let sealed = dir.join("sealed/backup.jwe");
    let sha256 = HEXLOWER.encode(&Sha256::digest(fs::read(&sealed).unwrap()));
    assert_eq!(record["sealed"][0]["sha256"], sha256);
    for medium in 1..=3 {
        let copy = dir.join(format!("media/{medium}/backup.jwe"));
        assert!(
            fs::read(copy).unwrap() == fs::read(&sealed).unwrap(),
            "copy {medium}"
        );
    }
    let mut keys = BTreeSet::new();
    for three in subsets(&sheets, 3) {
        let found = recombine(&check, &three);
        assert!(
            found.status.success(),
            "{}",
            String::from_utf8_lossy(&found.stderr)
        );
        let found: Value = serde_json::from_slice(&found.stdout).unwrap();
        keys.insert(found["jwk"].to_string());
    }
    assert_eq!(keys.len(), 1, "ten subsets give one key");
    for two in subsets(&sheets, 2) {
        let found = recombine(&check, &two);
        assert_eq!(found.status.code(), Some(1));
        assert_eq!(found.stdout, b"");
    }
    let jwk = temp.path().join("key.jwk");
    fs::write(&jwk, keys.first().unwrap()).unwrap();
    let opened = stock(
        "jose",
        "jose",
        &["jwe", "dec", "-i", text(&sealed), "-k", text(&jwk)],
        b"",
    );
    assert!(
        opened.status.success(),
        "{}",
        String::from_utf8_lossy(&opened.stderr)
    );
    let bundle: Value = serde_json::from_slice(&opened.stdout).unwrap();
    is_keystore(&bundle, &dir.join("keystore-source"));

    // Transcripts.
    let heads = heads(&said.out);
    for (name, head) in ["", "recovery/"].iter().zip(&heads) {
        let transcript = dir.join(format!("{name}transcript.jsonl"));
        let record = dir.join(format!("{name}record.json"));
        signature_holds(&transcript);
        verify(&transcript, &["--head", head]).ended(0);
        verify(&transcript, &["--record", text(&record)]).ended(0);
        let alone = verify(&transcript, &[]).ended(4);
        assert!(
            alone.out.contains("Anchor      UNANCHORED"),
            "{}",
            alone.out
        );
    }
    tampering_is_named(&dir, heads[0], heads[1]);
    our_own_commands_agree(&dir, &sheets);
    no_secret_lies_about(&dir, &said, &bundle, &sheets, &check);
}

fn tampering_is_named(dir: &Path, head: &str, other_head: &str) {
    let transcript = dir.join("transcript.jsonl");
    let whole = fs::read_to_string(&transcript).unwrap();
    let lines: Vec<&str> = whole.lines().collect();
    let last = lines.len() - 1;
    let join = |lines: &[&str]| lines.join("\n") + "\n";
    let mut swapped = lines.clone();
    swapped.swap(4, 5);
    // A stop by somebody else instead of the end: hashes are right, the head is another.
    let rehashed = {
        let mut out: Vec<String> = vec![];
        for line in &lines {
            let mut entry: Value = serde_json::from_str(line).unwrap();
            let changed = line.replace("The rehearsal itself", "Somebody else's word");
            if let Some(before) = out.last() {
                let prev = HEXLOWER.encode(&Sha256::digest(before.as_bytes()));
                let old = entry["prev"].take();
                out.push(changed.replace(old.as_str().unwrap(), &prev));
            } else {
                out.push(changed);
            }
        }
        out.join("\n") + "\n"
    };
    assert_ne!(rehashed, whole);
    let cases = [
        ("cut", join(&lines[..last - 3]), "transcript-open"),
        (
            "torn",
            whole[..whole.len() - 40].to_owned(),
            "transcript-cut",
        ),
        ("reordered", join(&swapped), "transcript-reordered"),
        (
            "changed",
            whole.replacen("Rehearsal", "Rehearsol", 1),
            "transcript-broken-link",
        ),
        ("rehashed", rehashed.clone(), "transcript-head-mismatch"),
        ("rehashed", rehashed.clone(), "transcript-signature-bad"),
    ];
    let sig = dir.join("transcript.jsonl.sig");
    for (name, content, finding) in cases {
        let file = dir.join(format!("{name}.jsonl"));
        fs::write(&file, content).unwrap();
        let said = verify(&file, &["--head", head, "--sig", text(&sig)]).ended(4);
        assert!(
            said.out.contains(finding),
            "{name}: {finding}\n{}",
            said.out
        );
        fs::remove_file(file).unwrap();
    }
    let fork = dir.join("fork.jsonl");
    fs::write(&fork, rehashed).unwrap();
    let said = verify(&transcript, &["--head", head, "--other", text(&fork)]).ended(4);
    assert!(said.out.contains("transcript-fork"), "{}", said.out);
    fs::remove_file(fork).unwrap();
    let said = verify(&transcript, &["--head", other_head]).ended(4);
    assert!(
        said.out.contains("transcript-head-mismatch"),
        "{}",
        said.out
    );
    let record = dir.join("recovery/record.json");
    let said = verify(&transcript, &["--record", text(&record)]).ended(4);
    assert!(said.out.contains("transcript-record"), "{}", said.out);
}

fn our_own_commands_agree(dir: &Path, sheets: &[String]) {
    let pictures: Vec<PathBuf> = (1..=5)
        .map(|n| dir.join(format!("sheets/share-{n}.png")))
        .collect();
    let mut args = vec!["read-qr"];
    args.extend(pictures.iter().map(|p| text(p)));
    let said = run(&args).ended(0);
    let set = json(&dir.join("record.json"))["set_id"]
        .as_str()
        .unwrap()
        .to_owned();
    let said_set = said.out.replace(' ', "").to_lowercase();
    assert_eq!(said_set.matches(&set).count(), 5, "{}", said.out);
    for sheet in sheets {
        assert!(
            !said.out.contains(&sheet[20..]),
            "read-qr shows a share's content"
        );
    }
    let record = dir.join("record.json");
    run(&[
        "share",
        "check",
        "--record",
        text(&record),
        "--image",
        text(&pictures[1]),
    ])
    .ended(0);
    let keystore = dir.join("keystore-source");
    let registered = dir.join("registered.json");
    run(&[
        "keys",
        "check",
        text(&keystore),
        "--registered",
        text(&registered),
    ])
    .ended(0);
    let recovered = dir.join("keystore-recovered");
    run(&[
        "keys",
        "check",
        text(&recovered),
        "--registered",
        text(&registered),
    ])
    .ended(0);
}

/// Raw bytes and the ways in which they could be written.
fn forms(secret: &[u8]) -> Vec<Vec<u8>> {
    let hex = HEXLOWER.encode(secret);
    vec![
        secret.to_vec(),
        hex.to_uppercase().into_bytes(),
        hex.into_bytes(),
        BASE32_NOPAD.encode(secret).into_bytes(),
        BASE32_NOPAD.encode(secret).to_lowercase().into_bytes(),
        BASE64
            .encode(secret)
            .trim_end_matches('=')
            .as_bytes()
            .to_vec(),
        BASE64URL_NOPAD.encode(secret).into_bytes(),
    ]
}

fn mul(mut a: u32, mut b: u32) -> u32 {
    let mut product = 0;
    while b > 0 {
        product ^= a * (b & 1);
        a = (a << 1) ^ ((a >> 7) * 0x11d);
        b >>= 1;
    }
    product
}

/// Coefficients of degree 0, 1, 2 of each byte's polynomial, from three shares.
fn coefficients(shares: &[Vec<u8>]) -> [Vec<u8>; 3] {
    let inverse = |a: u32| (1..256).find(|b| mul(a, *b) == 1).unwrap();
    let mut all = [vec![0; 32], vec![0; 32], vec![0; 32]];
    let x = |i: usize| u32::from(shares[i][1]);
    for (i, share) in shares.iter().enumerate().take(3) {
        let (j, k) = ((i + 1) % 3, (i + 2) % 3);
        let under = inverse(mul(x(i) ^ x(j), x(i) ^ x(k)));
        let basis = [mul(x(j), x(k)), x(j) ^ x(k), 1];
        for (byte, y) in share[16..].iter().enumerate() {
            for (degree, base) in basis.iter().enumerate() {
                all[degree][byte] ^= mul(mul(*base, under), u32::from(*y)) as u8;
            }
        }
    }
    all
}

fn no_secret_lies_about(dir: &Path, said: &Said, bundle: &Value, sheets: &[String], check: &str) {
    let shares: Vec<Vec<u8>> = sheets
        .iter()
        .map(|t| BASE32_NOPAD.decode(&t.as_bytes()[4..]).unwrap())
        .collect();
    let degrees = coefficients(&shares[..3]);
    assert_eq!(
        degrees,
        coefficients(&shares[2..]),
        "five sheets lie on one polynomial"
    );
    let mut needles: Vec<(String, Vec<u8>)> = vec![];
    let mut watch = |label: &str, secret: &[u8]| {
        for form in forms(secret) {
            needles.push((label.to_owned(), form));
        }
    };
    for (degree, bytes) in degrees.iter().enumerate() {
        watch(&format!("coefficients of degree {degree}"), bytes);
    }
    // blahaj keeps the polynomials of all bytes side by side, the highest or the lowest degree first.
    let interleaved: Vec<u8> = (0..32)
        .flat_map(|i| [0, 1, 2].map(|d| degrees[d][i]))
        .collect();
    watch("interleaved coefficients", &interleaved[..24]);
    let turned: Vec<u8> = (0..32)
        .flat_map(|i| [2, 1, 0].map(|d| degrees[d][i]))
        .collect();
    watch("interleaved coefficients, turned", &turned[..24]);
    for share in &shares {
        watch(&format!("share {}", share[1]), &share[16..]);
    }
    for key in bundle["keys"].as_array().unwrap() {
        let secret = key["secret"].as_str().unwrap().trim_start_matches("0x");
        let bytes = HEXLOWER.decode(secret.as_bytes()).unwrap();
        // The second half of a SPHINCS+ secret is its public key.
        let private = &bytes[..bytes.len().min(64)];
        watch(&format!("secret of {}", key["key_type"]), private);
        watch(
            &format!("secret of {}, a part", key["key_type"]),
            &private[..32],
        );
    }
    let found = recombine(
        check,
        &sheets.iter().map(String::as_str).collect::<Vec<_>>(),
    );
    let found: Value = serde_json::from_slice(&found.stdout).unwrap();
    let key = found["jwk"]["k"].as_str().unwrap();
    watch("JWE key", &BASE64URL_NOPAD.decode(key.as_bytes()).unwrap());
    let words = found["age_passphrase"].as_str().unwrap();
    needles.push(("age passphrase".into(), words.as_bytes().to_vec()));
    for (sheet, share) in sheets.iter().zip(&shares) {
        // `share-N.pdf` and paper aside, words stand nowhere: five in a row are beyond chance.
        let list = fs::read_to_string(beside("stock/english.txt")).unwrap();
        let list: Vec<&str> = list.lines().collect();
        let mut data = share[16..48].to_vec();
        data.push(Sha256::digest(&share[16..48])[0]);
        let bit = |at: usize| usize::from(data[at / 8] >> (7 - at % 8) & 1);
        let words: Vec<&str> = (0..24)
            .map(|w| list[(0..11).fold(0, |all, b| all << 1 | bit(w * 11 + b))])
            .collect();
        for five in words.chunks(5) {
            needles.push((
                format!("words of {}", share[1]),
                five.join(" ").into_bytes(),
            ));
        }
        needles.push((
            format!("QR text of {}", share[1]),
            sheet.as_bytes()[10..50].to_vec(),
        ));
    }
    let mut searched = vec![];
    collect(dir, &mut searched);
    assert!(searched.len() > 15, "{} files", searched.len());
    searched.push(("output".into(), said.out.as_bytes().to_vec()));
    searched.push(("errors".into(), said.err.as_bytes().to_vec()));
    for (name, content) in &searched {
        for (label, needle) in &needles {
            let hit = needle.len() <= content.len()
                && content.windows(needle.len()).any(|window| window == needle);
            assert!(!hit, "{label} stands in {name}");
        }
    }
    // The search finds what is there.
    let sheet = &files(&dir.join("keystore-source"));
    let aura = sheet
        .iter()
        .find(|(name, _)| name.starts_with("61757261"))
        .unwrap()
        .1;
    assert!(
        needles
            .iter()
            .any(|(_, n)| aura.windows(n.len()).any(|w| w == n))
    );
}

/// Every file outside of keystores and sheets.
fn collect(dir: &Path, all: &mut Vec<(String, Vec<u8>)>) {
    for entry in fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_str().unwrap().to_owned();
        if path.is_dir() {
            if !name.starts_with("keystore-") && name != "sheets" {
                collect(&path, all);
            }
        } else {
            all.push((text(&path).to_owned(), fs::read(&path).unwrap()));
        }
    }
}

#[test]
fn an_age_backup_of_two_of_three_opens_with_age_and_recovers() {
    let temp = tempfile::tempdir().unwrap();
    let dir = temp.path().join("out");
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("ceremony-scripts/key-backup.toml");
    let script = fs::read_to_string(source).unwrap().replace(
        "k = 3, n = 5, cipher = \"aes-256-gcm\"",
        "k = 2, n = 3, cipher = \"age\"",
    );
    assert!(script.contains("cipher = \"age\""));
    let file = temp.path().join("two-of-three.toml");
    fs::write(&file, script).unwrap();
    rehearse(&dir, text(&file), "").ended(0);

    let sealed = dir.join("sealed/backup.age");
    let sidecar = json(&dir.join("sealed/backup.age.json"));
    let sha256 = HEXLOWER.encode(&Sha256::digest(fs::read(&sealed).unwrap()));
    assert!(sidecar.to_string().contains(&sha256), "{sidecar}");
    assert_eq!((&sidecar["k"], &sidecar["n"]), (&json!(2), &json!(3)));
    let sheets = sheets(&dir, 3);
    let check = sidecar["key_check"].as_str().unwrap().to_owned();
    let mut phrases = BTreeSet::new();
    for two in subsets(&sheets, 2) {
        let found = recombine(&check, &two);
        assert!(
            found.status.success(),
            "{}",
            String::from_utf8_lossy(&found.stderr)
        );
        let found: Value = serde_json::from_slice(&found.stdout).unwrap();
        phrases.insert(found["age_passphrase"].as_str().unwrap().to_owned());
    }
    assert_eq!(phrases.len(), 1);
    let opened = temp.path().join("bundle.json");
    let program = beside("stock/age_passphrase.py");
    let phrase = phrases.first().unwrap();
    let args = [
        &program,
        phrase.as_str(),
        "age",
        "-d",
        "-o",
        text(&opened),
        text(&sealed),
    ];
    let age = stock("python3", "python3", &args, b"");
    assert!(
        age.status.success(),
        "{}",
        String::from_utf8_lossy(&age.stderr)
    );
    is_keystore(&json(&opened), &dir.join("keystore-source"));

    // A sidecar changed by one bit, and a sealed file changed by one bit, are refused; then the good ones recover.
    let bad = temp.path().join("bad");
    fs::create_dir(&bad).unwrap();
    let worse = temp.path().join("worse");
    fs::create_dir(&worse).unwrap();
    let lone = temp.path().join("lone");
    fs::create_dir(&lone).unwrap();
    let side = fs::read_to_string(dir.join("sealed/backup.age.json")).unwrap();
    fs::write(bad.join("backup.age"), fs::read(&sealed).unwrap()).unwrap();
    fs::write(
        bad.join("backup.age.json"),
        side.replace(&check, &flipped(&check)),
    )
    .unwrap();
    let mut changed = fs::read(&sealed).unwrap();
    let last = changed.len() - 3;
    changed[last] ^= 1;
    fs::write(worse.join("backup.age"), changed).unwrap();
    fs::write(worse.join("backup.age.json"), &side).unwrap();
    fs::write(lone.join("backup.age"), fs::read(&sealed).unwrap()).unwrap();
    let mut answers = String::new();
    // Without record and sidecar nothing public is known; with the record the lone file opens.
    for case in [&bad, &worse, &lone, &lone] {
        let path = case.join("backup.age");
        answers += &format!(
            "[[on]]\nprompt = \"sealed.path\"\nanswer = {:?}\n",
            text(&path)
        );
    }
    let record = dir.join("record.json");
    let record = text(&record);
    answers += &format!(
        "[[on]]\nprompt = \"sealed.record\"\nanswer = {record:?}\ntimes = 2\n\
         [[on]]\nprompt = \"sealed.record\"\nanswer = \"\"\n"
    );
    let said = rehearse(&dir, "key-recovery", &answers).ended(0);
    assert_eq!(
        said.refusals(),
        ["sealed-changed", "sidecar-of-other-file", "sidecar-missing"]
    );
    same_keys(&dir);
    let again = fs::read_to_string(dir.join("recovery/sealed/backup.age.json")).unwrap();
    assert_eq!(again, side, "the lost sidecar is made again");
}

/// The same hex digits with one bit changed.
fn flipped(digits: &str) -> String {
    let mut byte = HEXLOWER.decode(digits.as_bytes()).unwrap();
    byte[0] ^= 1;
    HEXLOWER.encode(&byte)
}
