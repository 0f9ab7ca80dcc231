//! What the tests of paper share: a share's text and sheet, and the stock tools.

#![allow(dead_code, reason = "each test program uses a part")]

use data_encoding::BASE32_NOPAD;
use qh_ceremony::print::page::{Paper, SecretPage};
use qh_ceremony::print::qr::QrImage;
use qh_ceremony::print::sheet::Sheet;
use qrcode::bits::Bits;
use qrcode::{Color, EcLevel, QrCode, Version};
use sha2::{Digest, Sha256};
use std::path::Path;
use std::process::{Command, Output};

/// Words of 3 to 8 letters: their values don't matter to paper.
pub const WORDS: [&str; 36] = [
    "abstract", "ozone", "pill", "grain", "cat", "fox", "lid", "zoo", "abandon", "ability", "able",
    "about", "above", "absent", "absorb", "stomach", "absurd", "abuse", "access", "accident",
    "account", "accuse", "achieve", "acid", "acoustic", "acquire", "across", "act", "action",
    "actor", "actress", "actual", "adapt", "add", "addict", "vehicle",
];

/// The QR text of a share with a right check sum; `seed` makes different ones.
pub fn share_text(seed: u8, rehearsal: bool) -> String {
    let version = if rehearsal { 129 } else { 1 };
    let head = [version, seed.max(1), 0x88, 0xb1, 0x02, 0xae, 0x5c, 0x19];
    let y: [u8; 32] = Sha256::digest([seed]).into();
    let check = Sha256::new()
        .chain_update("qh-ceremony share v1")
        .chain_update(head)
        .chain_update(y)
        .finalize();
    let share = [&head[..], &check[..8], &y[..]].concat();
    format!(
        "{}{}",
        if rehearsal { "QHR1" } else { "QHS1" },
        BASE32_NOPAD.encode(&share)
    )
}

/// The modules of a share's code, as the design fixes it: alphanumeric mode, version 6, level H.
pub fn share_modules(text: &str) -> Vec<bool> {
    let mut bits = Bits::new(Version::Normal(6));
    bits.push_alphanumeric_data(text.as_bytes())
        .expect("alphanumeric");
    bits.push_terminator(EcLevel::H).expect("fits");
    let code = QrCode::with_bits(bits, EcLevel::H).expect("fits");
    code.into_colors()
        .into_iter()
        .map(|color| color == Color::Dark)
        .collect()
}

/// A sheet with the code of `text`.
pub fn sheet(text: &str, paper: Paper, rehearsal: bool) -> SecretPage {
    let modules = share_modules(text);
    let fingerprints = [
        "aura     0x5f1c 02d9 77a0 41be ... 9c3e d210 08b7 6f4a".to_owned(),
        "p2p      0x0a44 91c0 ce52 1d38 ... 20bb 7e19 f6a3 04d5".to_owned(),
    ];
    let sheet = Sheet {
        paper,
        ceremony: "BR-2026-11-22-01",
        set_id: [0x88, 0xb1, 0x02, 0xae, 0x5c, 0x19],
        x: 2,
        label: "C2",
        place: Some("place B"),
        sheet: "2 of this set, printed 14:31 UTC",
        created: "2026-11-22",
        fingerprints: &fingerprints,
        qr: QrImage::new(&modules, 41).expect("a code"),
        words: &WORDS,
        threshold: None,
        rehearsal,
        reprint: 0,
    };
    sheet.page().expect("the sheet fits")
}

/// Runs a stock tool; fails with the name of its package if it is missing.
pub fn tool(package: &str, program: &str, args: &[&str], dir: &Path) -> Output {
    let output = Command::new(program).args(args).current_dir(dir).output();
    output.unwrap_or_else(|error| panic!("{program} does not run ({error}): install {package}"))
}

/// Runs a stock tool that must succeed, and returns what it prints.
pub fn good(package: &str, program: &str, args: &[&str], dir: &Path) -> String {
    let output = tool(package, program, args, dir);
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{program} {args:?}: {errors}");
    String::from_utf8(output.stdout).expect("text")
}

/// What `zbarimg` reads from a picture, one line a code.
pub fn zbarimg(file: &str, dir: &Path) -> Vec<String> {
    let args = ["--quiet", "--raw", "-Sdisable", "-Sqrcode.enable", file];
    good("zbar-tools", "zbarimg", &args, dir)
        .lines()
        .map(str::to_owned)
        .collect()
}

/// Distorts a picture with ImageMagick.
pub fn convert(from: &str, how: &[&str], to: &str, dir: &Path) {
    let args = [&[from][..], how, &[to]].concat();
    good("imagemagick", "convert", &args, dir);
}
