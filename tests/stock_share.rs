//! Shares with stock tools alone: Python's standard library, `zbarimg` and `jose`.

use std::io::Write;
use std::path::Path;
use std::process::{Command, Output, Stdio};

use data_encoding::BASE64URL_NOPAD;
use qh_ceremony::secret::Secret32;
use qh_ceremony::share::derive::{age_passphrase, jwe_key, key_check};
use qh_ceremony::share::words::list;
use qh_ceremony::share::{SetId, Share, qr_matrix, split};
use serde_json::Value;

const SET: SetId = SetId([0x88, 0xb1, 0x02, 0xae, 0x5c, 0x19]);

fn seed(byte: u8) -> Secret32 {
    Secret32::init_with(|own| own.fill(byte))
}

fn deal(k: u8, n: u8, rehearsal: bool) -> Vec<Share> {
    split(&seed(k), k, n, SET, rehearsal, &seed(n)).unwrap_or_default()
}

fn check(k: u8) -> String {
    key_check(&seed(k), SET).to_string()
}

fn text(share: &Share) -> String {
    share.to_qr_text().expose().to_owned()
}

/// Runs a program of a Debian package with `input` on its standard input.
fn run(program: &str, package: &str, args: &[&str], input: &[u8]) -> Output {
    let mut child = Command::new(program)
        .args(args)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap_or_else(|error| {
            panic!("{program} does not run ({error}): install package {package}")
        });
    // A program that refuses its arguments may not read its input.
    let _ = child.stdin.take().unwrap().write_all(input);
    child.wait_with_output().unwrap()
}

fn recombine(check: &str, texts: &[String]) -> Output {
    let program = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/stock/recombine.py");
    let input = texts.join("\n");
    run(
        "python3",
        "python3",
        &[program.to_str().unwrap(), check],
        input.as_bytes(),
    )
}

fn assert_opens(k: u8, output: &Output) {
    let trouble = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{trouble}");
    let found: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(found["set_id"], "88b102ae5c19");
    assert_eq!(found["key_check"], check(k));
    let key = BASE64URL_NOPAD.encode(jwe_key(&seed(k), SET).expose());
    assert_eq!(found["jwk"], serde_json::json!({ "kty": "oct", "k": key }));
    assert_eq!(
        found["age_passphrase"],
        age_passphrase(&seed(k), SET).expose()
    );
}

fn assert_refused(output: &Output, trouble: &str) {
    assert_eq!(output.status.code(), Some(1), "{trouble}");
    assert_eq!(output.stdout, b"", "{trouble}");
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(said.trim_end(), format!("recombine: {trouble}"));
}

#[test]
fn python_brings_the_secret_back_from_any_k_shares() {
    for (k, n) in [(2, 2), (3, 5), (5, 7), (16, 16)] {
        for rehearsal in [false, true] {
            let texts: Vec<String> = deal(k, n, rehearsal).iter().map(text).collect();
            let size = usize::from(k);
            assert_opens(k, &recombine(&check(k), &texts[texts.len() - size..]));
            assert_opens(k, &recombine(&check(k), &texts));
        }
    }
}

#[test]
fn python_reads_words_and_arguments_and_leaves_out_a_forged_share() {
    let shares = deal(3, 5, false);
    let words: Vec<String> = shares
        .iter()
        .map(|share| share.to_words().to_text().expose().to_owned())
        .collect();
    assert_opens(3, &recombine(&check(3), &words[2..]));
    assert_opens(
        3,
        &recombine(
            &check(3),
            &[text(&shares[0]), words[1].clone(), text(&shares[4])],
        ),
    );
    let forged = split(&seed(9), 3, 5, SET, false, &seed(9)).unwrap_or_default();
    let mixed = [
        text(&shares[0]),
        text(&forged[1]),
        text(&shares[2]),
        text(&shares[4]),
    ];
    let output = recombine(&check(3), &mixed);
    assert_opens(3, &output);
    let found: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(found["used"], serde_json::json!([1, 3, 5]));
}

#[test]
fn python_refuses_what_is_not_a_quorum() {
    let shares = deal(3, 5, false);
    let texts: Vec<String> = shares.iter().map(text).collect();
    let none = "no combination of these shares gives the key check: too few, or one is forged";
    assert_refused(&recombine(&check(3), &texts[..2]), none);
    assert_refused(&recombine(&check(2), &texts), none);
    assert_refused(
        &recombine(&check(3), &[texts[0].clone(), texts[0].clone()]),
        none,
    );
    let forged = split(&seed(9), 3, 5, SET, false, &seed(9)).unwrap_or_default();
    let with_forged = [texts[0].clone(), texts[1].clone(), text(&forged[2])];
    assert_refused(&recombine(&check(3), &with_forged), none);
    let rehearsed = text(&deal(3, 5, true)[2]);
    assert_refused(
        &recombine(&check(3), &[texts[0].clone(), texts[1].clone(), rehearsed]),
        "the shares are not of one set, or two have one number: 1 of set 88b102ae5c19, \
         2 of set 88b102ae5c19, 3 of set 88b102ae5c19",
    );
    let two_of_one_number = [texts[0].clone(), text(&forged[0])];
    assert_refused(
        &recombine(&check(3), &two_of_one_number),
        "the shares are not of one set, or two have one number: 1 of set 88b102ae5c19, \
         1 of set 88b102ae5c19",
    );
    assert_refused(&recombine(&check(3), &[]), "no share was given");
}

#[test]
fn python_refuses_a_damaged_share() {
    let share = &deal(3, 5, false)[0];
    let good = text(share);
    let refused = |text: String, trouble| assert_refused(&recombine(&check(3), &[text]), trouble);
    let damage = "a share is damaged: its check does not fit, or its version is not 1";
    let letter = if &good[40..41] == "A" { "B" } else { "A" };
    refused(format!("{}{letter}{}", &good[..40], &good[41..]), damage);
    refused(
        good.replace("QHS1", "QHR1"),
        "a QR text does not fit its own version",
    );
    refused(
        format!("{}0{}", &good[..40], &good[41..]),
        "a QR text has a character that base32 has not",
    );
    refused(
        good[..80].to_owned(),
        "neither the QR text of a share nor 36 words",
    );
    refused(
        "https://example.org/".to_owned(),
        "neither the QR text of a share nor 36 words",
    );
    let mut words = share.to_words().expose().to_vec();
    let right = words[20];
    words[20] = if right == "zoo" { "abandon" } else { "zoo" };
    let output = recombine(&check(3), &[words.join(" ")]);
    assert_eq!(output.status.code(), Some(1));
    words[20] = "zoologist";
    refused(words.join(" "), "a word is not in the word list");
}

#[test]
fn the_program_is_short_and_its_word_list_is_bip39() {
    let stock = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/stock");
    let program = std::fs::read_to_string(stock.join("recombine.py")).unwrap();
    assert!(program.lines().count() <= 80, "{}", program.lines().count());
    assert!(program.lines().all(|line| line.len() <= 100));
    let words = std::fs::read_to_string(stock.join("english.txt")).unwrap();
    assert_eq!(words, format!("{}\n", list().join("\n")));
}

#[test]
fn zbarimg_reads_the_symbols_and_python_takes_what_it_prints() {
    let folder = tempfile::tempdir().unwrap();
    let mut scanned = Vec::new();
    for (at, share) in deal(3, 5, true)[1..4].iter().enumerate() {
        let file = folder.path().join(format!("{at}.png"));
        draw(share, &file);
        let output = run(
            "zbarimg",
            "zbar-tools",
            &["--raw", "-q", file.to_str().unwrap()],
            b"",
        );
        let line = String::from_utf8(output.stdout).unwrap();
        assert_eq!(line.trim_end(), text(share));
        scanned.push(line);
    }
    assert_opens(3, &recombine(&check(3), &scanned));
}

#[test]
fn jose_takes_the_key_that_python_prints() {
    let folder = tempfile::tempdir().unwrap();
    let file = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    let texts: Vec<String> = deal(3, 5, false).iter().map(text).collect();
    for (name, chosen) in [("one.jwk", &texts[..3]), ("other.jwk", &texts[2..])] {
        let found: Value = serde_json::from_slice(&recombine(&check(3), chosen).stdout).unwrap();
        std::fs::write(file(name), found["jwk"].to_string()).unwrap();
    }
    let template = r#"{"protected":{"alg":"dir","enc":"A256GCM"}}"#;
    let sealed = file("backup.jwe");
    let key = file("one.jwk");
    let seal = [
        "jwe", "enc", "-i", template, "-I", "-", "-k", &key, "-o", &sealed,
    ];
    let output = run("jose", "jose", &seal, b"key material");
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    let key = file("other.jwk");
    let output = run(
        "jose",
        "jose",
        &["jwe", "dec", "-i", &sealed, "-k", &key],
        b"",
    );
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    assert_eq!(output.stdout, b"key material");
}

/// One symbol as a PNG, six pixels a module, with a quiet zone of four modules.
fn draw(share: &Share, file: &Path) {
    let matrix = qr_matrix(&share.to_qr_text()).unwrap_or_else(|refused| panic!("{refused}"));
    let (scale, quiet) = (6, 4);
    let side = (matrix.width() + 2 * quiet) * scale;
    let pixel = |x: usize, y: usize| {
        let module = |at: usize| {
            (at / scale)
                .checked_sub(quiet)
                .filter(|at| *at < matrix.width())
        };
        let dark = module(x)
            .zip(module(y))
            .is_some_and(|(column, row)| matrix.expose()[row * matrix.width() + column]);
        if dark { 0 } else { 255 }
    };
    let pixels: Vec<u8> = (0..side * side)
        .map(|at| pixel(at % side, at / side))
        .collect();
    let out = std::fs::File::create(file).unwrap();
    let mut encoder = png::Encoder::new(out, side as u32, side as u32);
    encoder.set_color(png::ColorType::Grayscale);
    encoder.set_depth(png::BitDepth::Eight);
    encoder
        .write_header()
        .unwrap()
        .write_image_data(&pixels)
        .unwrap();
}
