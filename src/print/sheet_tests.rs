use super::*;
use crate::print::canvas::check::tidy;
use crate::refusal::Refuse;

const WORDS: [&str; 36] = [
    "abstract", "ozone", "pill", "grain", "cat", "fox", "lid", "zoo", "abandon", "ability", "able",
    "about", "above", "absent", "absorb", "abstract", "absurd", "abuse", "access", "accident",
    "account", "accuse", "achieve", "acid", "acoustic", "acquire", "across", "act", "action",
    "actor", "actress", "actual", "adapt", "add", "addict", "vehicle",
];

fn modules() -> Vec<bool> {
    (0..41 * 41).map(|nth| nth % 3 == 0).collect()
}

fn sheet<'a>(modules: &'a [bool], lines: &'a [String]) -> Sheet<'a> {
    Sheet {
        paper: Paper::A4,
        ceremony: "BR-2026-11-22-01",
        set_id: [0x88, 0xb1, 0x02, 0xae, 0x5c, 0x19],
        x: 2,
        label: "C2",
        place: Some("place B"),
        sheet: "2 of this set, printed 14:31 UTC",
        created: "2026-11-22",
        fingerprints: lines,
        qr: QrImage::new(modules, 41).expect("a code's shape"),
        words: &WORDS,
        threshold: None,
        rehearsal: false,
        reprint: 0,
    }
}

fn texts(canvas: &Canvas) -> Vec<&str> {
    canvas
        .placed
        .iter()
        .map(|(text, _)| text.as_str())
        .collect()
}

#[test]
fn nothing_overlaps_or_leaves_the_paper_even_with_every_field_full() {
    let modules = modules();
    let lines: Vec<String> = (0..4).map(|_| "f".repeat(64)).collect();
    let (long, short) = ("M".repeat(44), "M".repeat(22));
    for paper in [Paper::A4, Paper::Letter] {
        let full = Sheet {
            paper,
            ceremony: &long,
            x: 255,
            label: "MMMMMMMM",
            place: Some(&short),
            sheet: &long,
            created: &short,
            threshold: Some((16, 16)),
            rehearsal: true,
            reprint: u32::MAX,
            words: &["abstract"; 36],
            ..sheet(&modules, &lines)
        };
        tidy(&full.canvas().expect("fits"));
    }
}

#[test]
fn every_word_stands_beside_its_number() {
    let modules = modules();
    let canvas = sheet(&modules, &[]).canvas().expect("fits");
    let at = |text: &str, nth: usize| {
        let all = canvas.placed.iter().filter(|(own, _)| own == text);
        all.map(|(_, area)| *area).nth(nth)
    };
    for (nth, word) in WORDS.iter().enumerate() {
        let number = (nth + 1).to_string();
        // "abstract" is word 1 and word 16; numbers 2 and 9 are also x and so on, hence "near" below.
        let before = WORDS
            .iter()
            .take(nth)
            .filter(|other| other == &word)
            .count();
        let word = at(word, before).expect("the word is there");
        let near = canvas.placed.iter().any(|(own, area)| {
            *own == number
                && (0..mm(5.0)).contains(&(word.x - area.x - area.w))
                && (area.y + area.h - word.y - word.h).abs() < mm(1.0)
        });
        assert!(near, "number {number} is not beside its word");
    }
}

#[test]
fn the_code_is_at_least_50_mm_wide_and_has_its_quiet_zone() {
    let modules = vec![true; 41 * 41];
    let canvas = sheet(&modules, &[]).canvas().expect("fits");
    let row = mm(17.0 + 13.0 + 3.0) + mm(30.0);
    let dark: Vec<i32> = (0..mm(82.0)).filter(|x| canvas.is_black(*x, row)).collect();
    let (first, last) = (dark[0], dark[dark.len() - 1]);
    let width = last - first + 1;
    assert!(
        width >= mm(50.0) && width == dark.len() as i32,
        "{width} px"
    );
    let module = width / 41;
    assert!(first >= 4 * module && !canvas.is_black(first - 1, row));
}

#[test]
fn threshold_and_owners_are_on_the_sheet_only_when_the_script_says_so() {
    let modules = modules();
    let plain = sheet(&modules, &[]);
    let canvas = plain.canvas().expect("fits");
    assert!(
        texts(&canvas)
            .iter()
            .all(|text| !text.contains("Threshold") && *text != "3 of 5")
    );
    let shown = Sheet {
        threshold: Some((3, 5)),
        ..sheet(&modules, &[])
    };
    let canvas = shown.canvas().expect("fits");
    assert!(texts(&canvas).contains(&"3 of 5"));
}

#[test]
fn it_says_what_must_be_said() {
    let modules = modules();
    let lines = vec!["aura 0x1f2e3d4c...".to_owned()];
    let canvas = Sheet {
        reprint: 1,
        ..sheet(&modules, &lines)
    }
    .canvas()
    .expect("fits");
    let all = texts(&canvas).join("\n");
    for text in [
        "Bring every sheet you have; more never hurts.",
        "This is not a wallet phrase: do not type it into any wallet, phone or website.",
        "Do not photograph or copy.",
        "Keep it flat, dry, sealed in the numbered bag.",
        "88b1 02ae 5c19",
        "BR-2026-11-22-01",
        "C2",
        "aura 0x1f2e3d4c...",
        "2 of this set, printed 14:31 UTC",
        "Operator (name, signature)",
        "Witness (name, signature)",
        "Custodian (name, signature)",
        "Bag number",
        "Reprint 1: every earlier print is void.",
    ] {
        assert!(all.contains(text), "{text:?} is missing");
    }
    assert!(!all.contains("REHEARSAL"));
    let rehearsal = Sheet {
        rehearsal: true,
        ..sheet(&modules, &lines)
    };
    let canvas = rehearsal.canvas().expect("fits");
    let banners = texts(&canvas)
        .iter()
        .filter(|text| **text == SHARE_MARK)
        .count();
    assert_eq!(banners, 2);
}

#[test]
fn the_text_layout_stays_as_it_is() {
    let modules = modules();
    let lines = vec!["aura 0x1f2e3d4c...".to_owned()];
    let canvas = sheet(&modules, &lines).canvas().expect("fits");
    let dump: Vec<String> = canvas
        .placed
        .iter()
        .map(|(text, area)| {
            let to_mm = |pixels: i32| pixels as f32 * 25.4 / 300.0;
            format!("{:6.1} {:6.1}  {text}", to_mm(area.x), to_mm(area.y))
        })
        .collect();
    insta::assert_snapshot!(dump.join("\n"));
}

#[test]
fn what_does_not_fit_is_refused_by_name() {
    let modules = modules();
    let long = "M".repeat(45);
    let refused = Sheet {
        ceremony: &long,
        ..sheet(&modules, &[])
    }
    .page()
    .err()
    .expect("refused");
    assert_eq!(
        refused.to_string(),
        "The field \"Ceremony\" does not fit the page: it has room for 44 characters."
    );
    assert_eq!(refused.name(), "print-field-too-long");
    for bad in ["", "ab", "Abandon", "abandoned", "zoo ", "z\u{f6}o"] {
        let mut words = WORDS;
        words[16] = bad;
        let refused = Sheet {
            words: &words,
            ..sheet(&modules, &[])
        }
        .page()
        .err();
        assert_eq!(refused, Some(PrintError::NotAWord { position: 17 }));
    }
    let shown = PrintError::NotAWord { position: 17 }.to_string();
    assert_eq!(
        shown,
        "Word 17 of the share is not a word of the English BIP-39 list."
    );
    let refused = Sheet {
        x: 0,
        ..sheet(&modules, &[])
    }
    .page()
    .err();
    assert_eq!(refused, Some(PrintError::OutOfRange { field: "Share x" }));
    let five = vec![String::new(); 5];
    let refused = sheet(&modules, &five).page().err();
    assert_eq!(
        refused,
        Some(PrintError::OutOfRange {
            field: "Fingerprint"
        })
    );
    let refused = Sheet {
        label: "C\n2",
        ..sheet(&modules, &[])
    }
    .page()
    .err();
    assert_eq!(
        refused,
        Some(PrintError::FieldTooLong {
            field: "Custodian",
            room: 8
        })
    );
}
