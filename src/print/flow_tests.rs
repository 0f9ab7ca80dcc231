use super::*;
use crate::print::canvas::check::tidy;

fn text(text: &str) -> String {
    text.to_owned()
}

fn everything(rehearsal: bool) -> Document {
    let long = "Bring every sheet you have; more never hurts. ".repeat(12);
    let mut blocks = vec![
        Block::Heading(text("What this is")),
        Block::Para(long.clone()),
        Block::Warning(vec![text("EXCEPTION, listed below"), long.clone()]),
        Block::Warning(vec![long.clone(); 12]),
        Block::Lines(vec![text("one"), text("two"), long.clone()]),
        Block::Big(vec![
            text("0123 4567 89ab cdef"),
            text("ozone pill grain cat fox lid"),
        ]),
        Block::Qr {
            text: "a".repeat(64),
            caption: long.clone(),
        },
        Block::Table {
            header: vec![text("key"), text("public"), text("note")],
            rows: (0..8)
                .map(|nth| vec![format!("key {nth}"), "f".repeat(128), long.clone()])
                .collect(),
        },
        Block::Mono(vec!["x".repeat(100), "y".repeat(300), String::new()]),
    ];
    blocks.extend((0..24).map(|nth| Block::Check(format!("{nth} {long}"))));
    blocks.extend((0..5).map(|_| Block::Sign(text("Operator of the validator host, present"))));
    Document {
        title: "A document of everything, as long as a title may be, ".repeat(2)[..80].to_owned(),
        subtitle: text("With every kind of block"),
        footer: text("BR-2026-11-22-01"),
        rehearsal,
        blocks,
    }
}

#[test]
fn nothing_overlaps_or_leaves_the_paper_on_any_page() {
    for (paper, rehearsal) in [(Paper::A4, true), (Paper::Letter, false)] {
        let pages = canvases(&everything(rehearsal), paper).expect("fits");
        assert!(pages.len() > 3);
        pages.iter().for_each(tidy);
    }
}

#[test]
fn no_check_item_is_lost_between_pages_and_pages_are_numbered() {
    let document = everything(false);
    let pages = canvases(&document, Paper::A4).expect("fits");
    let all: Vec<&str> = pages
        .iter()
        .flat_map(|page| &page.placed)
        .map(|(text, _)| text.as_str())
        .collect();
    for nth in 0..24 {
        let start = format!("{nth} Bring every sheet");
        assert_eq!(
            all.iter().filter(|text| text.starts_with(&start)).count(),
            1,
            "{nth}"
        );
    }
    for nth in 1..=pages.len() {
        assert!(all.contains(&format!("page {nth} of {}", pages.len()).as_str()));
    }
    assert_eq!(
        all.iter()
            .filter(|text| **text == "BR-2026-11-22-01")
            .count(),
        pages.len()
    );
}

#[test]
fn a_heading_is_not_the_last_thing_on_a_page() {
    for filler in 44..56 {
        let mut blocks = vec![Block::Lines(vec![text("line"); filler])];
        blocks.push(Block::Heading(text("Heading")));
        blocks.push(Block::Para(text("Its paragraph.")));
        let document = Document {
            blocks,
            ..everything(false)
        };
        let pages = canvases(&document, Paper::A4).expect("fits");
        let page = pages
            .iter()
            .find(|page| page.placed.iter().any(|(t, _)| t == "Heading"));
        let page = page.expect("the heading is on a page");
        assert!(
            page.placed.iter().any(|(t, _)| t == "Its paragraph."),
            "filler {filler}"
        );
    }
}

#[test]
fn every_page_of_a_rehearsal_says_so() {
    for page in canvases(&everything(true), Paper::Letter).expect("fits") {
        let marks = page
            .placed
            .iter()
            .filter(|(text, _)| text == PAPER_MARK)
            .count();
        assert_eq!(marks, 2);
    }
}

#[test]
fn a_long_title_or_code_is_refused() {
    let document = Document {
        title: "T".repeat(81),
        ..everything(false)
    };
    let refused = document.pages(Paper::A4).err();
    assert_eq!(
        refused,
        Some(PrintError::FieldTooLong {
            field: "Title",
            room: 80
        })
    );
    let blocks = vec![Block::Qr {
        text: "a".repeat(401),
        caption: String::new(),
    }];
    let refused = Document {
        blocks,
        ..everything(false)
    }
    .pages(Paper::A4)
    .err();
    assert_eq!(refused, Some(PrintError::QrTooLong { bytes: 401 }));
}

#[test]
fn a_cut_line_keeps_every_character() {
    let line = "abcdefghijkl";
    assert_eq!(cut(line, 12), [line]);
    assert_eq!(cut(line, 5), ["abcde", "> fgh", "> ijk", "> l"]);
}
