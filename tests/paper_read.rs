//! Sheets as they come back: turned, blurred, crumpled, several at once, as JPEG.

mod paper;

use paper::{convert, share_text, sheet};
use qh_ceremony::cli::read_qr::{ReadQrArgs, read_qr};
use qh_ceremony::device::picture::{self, PictureError};
use qh_ceremony::print::page::Paper;
use std::fs;
use std::path::{Path, PathBuf};

/// Writes the sheet of `text` and returns its directory.
fn scanned(text: &str) -> tempfile::TempDir {
    let dir = tempfile::tempdir().expect("a directory");
    let page = sheet(text, Paper::A4, false);
    fs::write(
        dir.path().join("sheet.png"),
        page.png().expect("encodes").expose(),
    )
    .expect("written");
    dir
}

fn decode(dir: &Path, file: &str) -> Result<Vec<picture::Read>, PictureError> {
    picture::decode(&fs::read(dir.join(file)).expect("there"))
}

#[test]
fn both_decoders_read_a_sheet_as_it_was_printed() {
    let text = share_text(3, false);
    let dir = scanned(&text);
    let reads = decode(dir.path(), "sheet.png").expect("read");
    assert_eq!(reads.len(), 1);
    assert!(reads[0].text.expose() == text && reads[0].first && reads[0].second);
    assert_eq!(reads[0].margin, Some(100));
}

#[test]
fn a_sheet_is_read_turned_blurred_noisy_and_small() {
    let text = share_text(4, false);
    let dir = scanned(&text);
    let ways: [(&str, &[&str]); 9] = [
        ("turned.png", &["-background", "white", "-rotate", "7"]),
        ("sideways.png", &["-resize", "50%", "-rotate", "90"]),
        (
            "head-down.jpg",
            &["-resize", "50%", "-rotate", "180", "-quality", "80"],
        ),
        ("slanted.png", &["-background", "white", "-rotate", "-33"]),
        ("blurred.png", &["-blur", "0x5", "-resize", "60%"]),
        (
            "noisy.jpg",
            &[
                "-resize",
                "50%",
                "-attenuate",
                "0.4",
                "+noise",
                "Gaussian",
                "-quality",
                "60",
            ],
        ),
        ("small.png", &["-resize", "25%"]),
        (
            "dark.jpg",
            &[
                "-resize",
                "50%",
                "-brightness-contrast",
                "-30x-40",
                "-rotate",
                "3",
            ],
        ),
        (
            "skewed.png",
            &[
                "-resize",
                "50%",
                "-virtual-pixel",
                "white",
                "-distort",
                "Perspective",
                "0,0 40,60 1239,0 1200,10 0,1753 5,1700 1239,1753 1235,1745",
            ],
        ),
    ];
    for (file, how) in ways {
        convert("sheet.png", how, file, dir.path());
        let reads = decode(dir.path(), file).unwrap_or_else(|error| panic!("{file}: {error}"));
        assert_eq!(reads.len(), 1, "{file}");
        assert!(reads[0].text.expose() == text, "{file} was read wrong");
    }
}

#[test]
fn a_crumpled_sheet_is_read_within_the_margin_of_its_code_and_refused_beyond() {
    let text = share_text(5, false);
    let dir = scanned(&text);
    let spot = |size: u32| {
        // A white tear in the middle of the code, which lies 15 to 67 mm from the left, 37 to 89 from the top.
        let (x, y) = (484, 744);
        let box_ = format!(
            "rectangle {},{} {},{}",
            x - size,
            y - size,
            x + size,
            y + size
        );
        convert(
            "sheet.png",
            &["-fill", "white", "-draw", &box_, "-resize", "50%"],
            "torn.png",
            dir.path(),
        );
        decode(dir.path(), "torn.png")
    };
    let torn = spot(95).expect("level H repairs this");
    assert!(torn[0].text.expose() == text);
    assert!(
        torn[0].margin.is_some_and(|margin| margin < 90),
        "{:?}",
        torn[0].margin
    );
    let error = spot(260).err().expect("no code survives this");
    assert!(
        matches!(error, PictureError::CodeDamaged | PictureError::NoCode),
        "{error}"
    );
}

#[test]
fn several_sheets_in_one_picture_are_all_read() {
    let texts = [
        share_text(1, false),
        share_text(2, false),
        share_text(3, false),
    ];
    let dir = tempfile::tempdir().expect("a directory");
    for (nth, text) in texts.iter().enumerate() {
        let page = sheet(text, Paper::A4, false);
        let file = dir.path().join(format!("{nth}.png"));
        fs::write(file, page.png().expect("encodes").expose()).expect("written");
    }
    convert(
        "0.png",
        &["1.png", "2.png", "+append", "-resize", "50%"],
        "all.jpg",
        dir.path(),
    );
    let reads = decode(dir.path(), "all.jpg").expect("read");
    let mut found: Vec<&str> = reads.iter().map(|read| read.text.expose()).collect();
    found.sort_unstable();
    let mut expected: Vec<&str> = texts.iter().map(String::as_str).collect();
    expected.sort_unstable();
    assert!(found == expected, "{} of 3 were read", found.len());
}

#[test]
fn a_jpeg_cut_off_is_refused_as_that() {
    let dir = scanned(&share_text(6, false));
    for how in [
        &["-resize", "40%"][..],
        &["-resize", "40%", "-interlace", "JPEG"],
    ] {
        convert("sheet.png", how, "whole.jpg", dir.path());
        let file = fs::read(dir.path().join("whole.jpg")).expect("there");
        assert!(picture::decode(&file).is_ok());
        for part in [2, 5, 20, 50, 80, 95] {
            let error = picture::decode(&file[..file.len() * part / 100]).err();
            assert_eq!(error, Some(PictureError::Truncated), "{part} % of {how:?}");
        }
    }
}

fn run(images: &[PathBuf], json: bool) -> (u8, String) {
    let mut out = Vec::new();
    let code = read_qr(
        &ReadQrArgs {
            images: images.to_vec(),
            json,
        },
        &mut out,
    );
    (code, String::from_utf8(out).expect("text"))
}

/// Writes the code of any text as a picture.
fn picture_of(text: &str, path: &Path) {
    let code = qrcode::QrCode::with_error_correction_level(text, qrcode::EcLevel::M).expect("fits");
    let (side, colors) = (code.width() + 8, code.to_colors());
    let dark = |x: usize, y: usize| {
        (4..side - 4).contains(&x)
            && (4..side - 4).contains(&y)
            && colors[(y - 4) * (side - 8) + x - 4] == qrcode::Color::Dark
    };
    let wide = side * 8;
    let pixels: Vec<u8> = (0..wide * wide)
        .map(|at| {
            if dark(at % wide / 8, at / wide / 8) {
                0
            } else {
                255
            }
        })
        .collect();
    let file = fs::File::create(path).expect("made");
    let mut encoder = png::Encoder::new(file, wide as u32, wide as u32);
    encoder.set_color(png::ColorType::Grayscale);
    let mut writer = encoder.write_header().expect("a header");
    writer.write_image_data(&pixels).expect("pixels");
}

#[test]
fn read_qr_tells_set_and_x_of_a_share_but_never_its_content() {
    let text = share_text(9, true);
    let dir = scanned(&text);
    let image = dir.path().join("sheet.png");
    let (code, shown) = run(std::slice::from_ref(&image), false);
    assert_eq!(code, 0);
    let expected = format!(
        "{}\n  share, set 88b1 02ae 5c19, x 9, of a rehearsal; both decoders agree; damage margin 100 %\n",
        image.display()
    );
    assert_eq!(shown, expected);
    let (code, json) = run(&[image], true);
    assert_eq!(code, 0);
    let parsed: serde_json::Value = serde_json::from_str(&json).expect("JSON");
    assert_eq!(parsed[0]["codes"][0]["set_id"], "88b102ae5c19");
    assert_eq!(parsed[0]["codes"][0]["x"], 9);
    assert_eq!(parsed[0]["codes"][0]["rehearsal"], true);
    for start in (4..text.len() - 8).step_by(4) {
        let part = &text[start..start + 8];
        assert!(!shown.contains(part) && !json.contains(part));
    }
}

#[test]
fn read_qr_shows_only_texts_that_are_public_by_their_form() {
    let dir = tempfile::tempdir().expect("a directory");
    let path = dir.path().join("code.png");
    let head = format!("qh-head:{}", "0123456789abcdef".repeat(4));
    for (text, kind) in [
        (head.as_str(), "transcript head"),
        (
            "age1qyqszqgpqyqszqgpqyqszqgpqyqszqgpqyqszqgpqyqszqgp",
            "age recipient",
        ),
        ("ssh-ed25519 AAAAC3Nza ceremony", "SSH public key"),
        ("{\"format\":\"qh-registered/1\"}", "registered keys"),
    ] {
        picture_of(text, &path);
        let (code, shown) = run(std::slice::from_ref(&path), false);
        assert_eq!(code, 0);
        assert!(
            shown.contains(&format!("  {kind}; both decoders agree\n    {text}\n")),
            "{shown}"
        );
    }
    let hex = "0123456789abcdef".repeat(4);
    for secret in [
        "abandon ability able",
        "AGE-SECRET-KEY-1QQQQ",
        &hex,
        "age1 x\u{1b}[2J",
        "//Alice",
        "qh-head:0",
    ] {
        picture_of(secret, &path);
        for json in [false, true] {
            let (code, shown) = run(std::slice::from_ref(&path), json);
            assert!(code == 0 && shown.contains("unknown"), "{shown}");
            assert!(!shown.contains(secret), "{shown}");
        }
    }
}

#[test]
fn read_qr_says_when_a_share_does_not_check_and_does_not_show_it() {
    let dir = tempfile::tempdir().expect("a directory");
    let path = dir.path().join("code.png");
    let good = share_text(2, false);
    let flipped = good.replacen(
        &good[60..61],
        if &good[60..61] == "A" { "B" } else { "A" },
        1,
    );
    let relabelled = good.replacen("QHS1", "QHR1", 1);
    let longer = format!("{good}A");
    let newer = good.replacen("QHS1", "QHS2", 1);
    for text in [
        flipped.as_str(),
        &relabelled,
        &longer,
        &newer,
        &good[..80],
        "qhs1abc",
        "QHS",
    ] {
        picture_of(text, &path);
        let (code, shown) = run(std::slice::from_ref(&path), false);
        assert_eq!(code, 1);
        assert!(
            shown.contains("  share that does not check; both decoders agree"),
            "{shown}"
        );
        assert!(text.len() < 8 || !shown.contains(&text[4..]));
    }
}

#[test]
fn read_qr_goes_on_after_a_picture_that_can_t_be_read() {
    let dir = scanned(&share_text(2, false));
    let (empty, gone) = (dir.path().join("empty.png"), dir.path().join("gone.png"));
    fs::write(&empty, b"").expect("written");
    let sheet = dir.path().join("sheet.png");
    let (code, shown) = run(&[gone.clone(), empty.clone(), sheet.clone()], false);
    assert_eq!(code, 3);
    assert!(shown.contains("(picture-file): The file can't be read: No such file or directory"));
    let refused = "not read (picture-kind-unknown): The file is neither a PNG nor a JPEG picture. \
                   Save the scan as PNG or JPEG and read it again.";
    assert!(shown.contains(refused), "{shown}");
    assert!(shown.contains("share, set 88b1 02ae 5c19, x 2; both decoders agree"));
    assert_eq!(run(&[empty], true).0, 1);
}
