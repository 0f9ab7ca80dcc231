//! Sheets and documents, seen by stock tools.

mod paper;

use paper::{good, share_text, sheet, zbarimg};
use qh_ceremony::print::certificate::{Certificate, HEAD_PREFIX};
use qh_ceremony::print::form::Form;
use qh_ceremony::print::page::{self, Paper};
use qh_ceremony::print::terminal_qr;
use std::fs;

#[test]
fn zbarimg_reads_every_sheet_as_png_and_as_pdf() {
    let dir = tempfile::tempdir().expect("a directory");
    for (paper, rehearsal) in [
        (Paper::A4, false),
        (Paper::A4, true),
        (Paper::Letter, false),
        (Paper::Letter, true),
    ] {
        let text = share_text(7, rehearsal);
        let page = sheet(&text, paper, rehearsal);
        fs::write(
            dir.path().join("sheet.png"),
            page.png().expect("encodes").expose(),
        )
        .expect("written");
        fs::write(dir.path().join("sheet.pdf"), page.pdf().expose()).expect("written");
        assert_eq!(
            zbarimg("sheet.png", dir.path()),
            vec![text.clone()],
            "{paper:?} {rehearsal}"
        );
        let args = ["-r", "200", "-png", "-singlefile", "sheet.pdf", "raster"];
        good("poppler-utils", "pdftoppm", &args, dir.path());
        assert_eq!(
            zbarimg("raster.png", dir.path()),
            vec![text],
            "{paper:?} {rehearsal}"
        );
    }
}

#[test]
fn a_pdf_has_the_exact_size_of_its_paper() {
    let dir = tempfile::tempdir().expect("a directory");
    for (paper, size) in [
        (Paper::A4, "595.276 x 841.89 pts (A4)"),
        (Paper::Letter, "612 x 792 pts (letter)"),
    ] {
        let form = Form {
            paper,
            ceremony: None,
            number: "form 1 of 1",
            rehearsal: false,
        };
        let page = form.page().expect("fits");
        fs::write(dir.path().join("two.pdf"), page::pdf(&[page.clone(), page])).expect("written");
        let info = good("poppler-utils", "pdfinfo", &["two.pdf"], dir.path());
        let line = info
            .lines()
            .find(|line| line.starts_with("Page size:"))
            .expect("a size");
        assert!(line.ends_with(size), "{line}");
        assert!(
            info.lines()
                .any(|line| line.starts_with("Pages:") && line.ends_with(" 2"))
        );
        assert!(!info.contains("CreationDate"));
    }
}

#[test]
fn the_certificate_s_code_holds_the_whole_head() {
    let head = "0123456789abcdef".repeat(4);
    let certificate = Certificate {
        title: "Certificate of key backup".to_owned(),
        ceremony: "BR-2026-11-22-01".to_owned(),
        head: head.clone(),
        head_words: "ozone pill grain cat fox lid".to_owned(),
        warnings: vec![
            "NOT MATCHED TO CHAIN: the key was made today".to_owned(),
            "1 EXCEPTION, listed below".to_owned(),
        ],
        sections: Vec::new(),
        declaration: String::new(),
        signatures: vec!["Operator".to_owned()],
        rehearsal: true,
    };
    let pages = certificate
        .document()
        .expect("good")
        .pages(Paper::A4)
        .expect("fits");
    let dir = tempfile::tempdir().expect("a directory");
    fs::write(
        dir.path().join("page.png"),
        pages[0].png().expect("encodes"),
    )
    .expect("written");
    assert_eq!(
        zbarimg("page.png", dir.path()),
        [format!("{HEAD_PREFIX}{head}")]
    );
}

#[test]
fn a_code_on_the_terminal_is_dark_on_light_and_read_by_zbarimg() {
    let text = "age1qyqszqgpqyqszqgpqyqszqgpqyqszqgpqyqszqgpqyqszqgp";
    let lines = terminal_qr(text);
    // As a screen shows it: black ground, and light where a block is; 8 pixels a module.
    let lit = |x: usize, y: usize| {
        let sign = lines[y / 16]
            .chars()
            .nth(x / 8)
            .expect("lines are as wide as the first");
        sign == '\u{2588}'
            || sign
                == if (y / 8).is_multiple_of(2) {
                    '\u{2580}'
                } else {
                    '\u{2584}'
                }
    };
    let (width, height) = (lines[0].chars().count() * 8, lines.len() * 16);
    let mut picture = format!("P5 {width} {height} 255\n").into_bytes();
    let pixels = (0..width * height).map(|at| if lit(at % width, at / width) { 255 } else { 0 });
    picture.extend(pixels);
    let dir = tempfile::tempdir().expect("a directory");
    fs::write(dir.path().join("screen.pgm"), picture).expect("written");
    assert_eq!(zbarimg("screen.pgm", dir.path()), [text]);
}
