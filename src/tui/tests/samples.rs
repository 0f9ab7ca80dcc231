//! Views made by hand, one a kind of prompt.

use crate::ceremony::policy::{Label, Sensitive};
use crate::ceremony::prompt::{Ask, Choice, Offer, Prompt, SecretKind, TextKind, Way};
use crate::ceremony::view::{Item, Mark, View};

fn item(number: usize, title: &str, mark: Mark) -> Item {
    Item {
        number,
        title: title.into(),
        mark,
        count: None,
        parts: Vec::new(),
    }
}

/// The checklist of a backup in its sixth step.
pub fn checklist() -> Vec<Item> {
    let mut list = vec![
        item(1, "Machine check", Mark::Done),
        item(2, "People enrolled (7)", Mark::Done),
        item(3, "Export from keystore", Mark::Done),
        item(4, "Match the registered validator", Mark::Exception),
        item(5, "Seal and split", Mark::Done),
        item(6, "Shares on paper", Mark::Current),
        item(7, "Open with shares only", Mark::ToCome),
        item(8, "Match public key", Mark::ToCome),
        item(9, "Store sealed copies", Mark::ToCome),
        item(10, "Places and dates", Mark::ToCome),
        item(11, "Wipe, prove, certify", Mark::ToCome),
    ];
    list[5].count = Some("1/5".into());
    list[5].parts = vec![
        (Mark::Done, "custodian 1".into()),
        (Mark::Current, "custodian 2".into()),
        (Mark::ToCome, "custodian 3".into()),
        (Mark::ToCome, "custodian 4".into()),
        (Mark::ToCome, "custodian 5".into()),
    ];
    list
}

/// A backup that asks `ask`.
pub fn view(key: &str, title: &str, say: &[&str], facts: &[(&str, &str)], ask: Ask) -> View {
    let offers = match ask {
        Ask::Wait | Ask::Over | Ask::Paused => vec![],
        Ask::Objection { .. } | Ask::Refusal { .. } => vec![Offer::Pause],
        _ => vec![Offer::Object, Offer::Pause],
    };
    View {
        rehearsal: true,
        title: "Key backup".into(),
        ceremony: "BR-2026-11-22-01".into(),
        head: "ozone pill grain cat fox lid".into(),
        time: 1_795_357_920,
        checklist: checklist(),
        people: vec![
            ("operator".into(), "O".into()),
            ("witness".into(), "W".into()),
            ("custodian".into(), "C1".into()),
            ("custodian".into(), "C2".into()),
        ],
        prompt: Prompt {
            key: key.into(),
            title: title.into(),
            say: say.iter().map(|text| (*text).into()).collect(),
            facts: facts
                .iter()
                .map(|(a, b)| ((*a).into(), (*b).into()))
                .collect(),
            ask,
            offers,
            qr: None,
        },
        qr: vec![],
        suggestion: String::new(),
    }
}

/// Reading a share, by `ways`.
pub fn read_share(ways: &[Way]) -> View {
    let mut view = view(
        "sheets.2.read",
        "Prove the share of custodian 2",
        &[
            "Read the sheet back. Reading it back proves that the paper works; until then the sheet \
             counts for nothing.",
        ],
        &[
            ("Custodian", "C2 (place A)"),
            ("Sheet", "2 of this set"),
            ("Set", "88b1 02ae 5c19"),
        ],
        Ask::ReadShare {
            ways: ways.to_vec(),
        },
    );
    view.prompt.offers.insert(0, Offer::Reprint);
    view
}

/// The refusal that names suspect words.
pub fn suspect() -> View {
    view(
        "refusal",
        "A word does not fit the others",
        &[
            "The words do not check. One of them was probably read or typed wrongly: word 17.",
            "That does not mean that the sheet is damaged.",
            "Read word 17 again on the sheet, letter by letter. All others stand.",
        ],
        &[("read again", "17")],
        Ask::Refusal {
            name: "share-word-suspect".into(),
        },
    )
}

/// A signature; the witness has signed as told.
pub fn sign(has: &[Label], locked: &[(Label, i64)]) -> View {
    let mut view = view(
        "export.sign",
        "Sign the export",
        &[
            "The keys are proven and match the registered validator. Signing lets the ceremony seal \
             them.",
        ],
        &[("Keys", "1 (aura)"), ("Public", "0x8f12 03c4 99aa ...")],
        Ask::Sign {
            verb: Sensitive::Export,
            needs: vec![Label::operator(), Label::witness()],
            has: has.to_vec(),
            locked: locked.to_vec(),
        },
    );
    view.prompt.offers.push(Offer::ForgottenPin);
    view
}

/// One view of each kind, by name.
pub fn all() -> Vec<(&'static str, View)> {
    let say = &["Do this one thing, because the next depends on it."];
    let choice = |value: &str, label: &str| Choice {
        value: value.into(),
        label: label.into(),
    };
    vec![
        (
            "ready",
            view(
                "store.1.unplug",
                "Unplug the first medium",
                &[
                    "The copy is written and synced. Unplug the medium, so that reading it back \
                     can't come from the machine's memory.",
                ],
                &[
                    ("Medium", "A (label: blue, 16 GB)"),
                    (
                        "SHA-256",
                        "9f86d081 884c7d65 9a2feaa0 c55ad015 a3bf4f1b 2b0b822c d15d6c15 b0f00a08",
                    ),
                ],
                Ask::Ready {
                    label: "It is unplugged".into(),
                },
            ),
        ),
        (
            "choose",
            view(
                "enrol.operator.document",
                "How was the operator identified?",
                &[
                    "The witness looks at a document and states its kind. No number is written down.",
                ],
                &[],
                Ask::Choose(vec![
                    choice("passport", "Passport"),
                    choice("id", "Identity card"),
                    choice("licence", "Driving licence"),
                    choice(
                        "known",
                        "No document: known in person to the witness for over a year",
                    ),
                ]),
            ),
        ),
        (
            "text",
            view(
                "export.path",
                "Where is the keystore?",
                say,
                &[],
                Ask::Text {
                    kind: TextKind::Path,
                    optional: false,
                },
            ),
        ),
        (
            "date",
            view(
                "clock",
                "Read date and time from a watch",
                say,
                &[("This machine", "2026-11-22 14:32 UTC")],
                Ask::Text {
                    kind: TextKind::DateTime,
                    optional: false,
                },
            ),
        ),
        (
            "confidential",
            view(
                "enrol.operator.name",
                "Name of the operator",
                say,
                &[],
                Ask::Confidential,
            ),
        ),
        (
            "new-pin",
            view(
                "enrol.operator.pin",
                "The operator chooses a PIN",
                say,
                &[],
                Ask::NewPin {
                    who: Label::operator(),
                },
            ),
        ),
        (
            "dice",
            view(
                "entropy.dice",
                "Roll dice",
                say,
                &[],
                Ask::Secret(SecretKind::Dice),
            ),
        ),
        (
            "password",
            view(
                "export.password",
                "The keystore's password",
                say,
                &[],
                Ask::Secret(SecretKind::Password),
            ),
        ),
        ("sign", sign(&[], &[])),
        ("sign-second", sign(&[Label::witness()], &[])),
        (
            "sign-locked",
            sign(&[], &[(Label::operator(), 1_795_358_400)]),
        ),
        (
            "read-share",
            read_share(&[Way::Scanner, Way::Words, Way::Picture]),
        ),
        ("read-scanner", read_share(&[Way::Scanner])),
        ("read-picture", read_share(&[Way::Picture])),
        ("read-simulated", read_share(&[Way::Simulated])),
        (
            "handwrite",
            view(
                "sheets.2.write",
                "Custodian 2 writes the share by hand",
                &[
                    "Take the printed form of custodian 2 and a pen that doesn't smear. Others look away.",
                ],
                &[("Set", "88b1 02ae 5c19")],
                Ask::Handwrite { custodian: 2 },
            ),
        ),
        (
            "wait",
            view(
                "wait",
                "Sealing",
                &["Sealing (up to half a minute on a slow laptop)."],
                &[],
                Ask::Wait,
            ),
        ),
        ("refusal", {
            let mut view = view(
                "refusal",
                "Not accepted: this share is from another set",
                &[
                    "The sheet reads well, so it is not damaged. It belongs to a backup made on another day.",
                    "Look for the sheet with set 88b1 02ae 5c19.",
                    "Nothing was lost; two shares still stand.",
                ],
                &[
                    ("this sheet", "set 4f2a 91c0 77d3"),
                    ("this backup", "set 88b1 02ae 5c19"),
                ],
                Ask::Refusal {
                    name: "share-foreign-set".into(),
                },
            );
            view.prompt.offers.insert(0, Offer::Exception);
            view.checklist[5].parts[1].0 = Mark::Refused;
            view
        }),
        ("refusal-words", suspect()),
        (
            "objection",
            view(
                "objection",
                "Custodian 2 does not agree",
                &[
                    "Reason: the sheet was out of sight for a minute.",
                    "The ceremony stands still.",
                ],
                &[],
                Ask::Objection {
                    by: Label::custodian(2),
                },
            ),
        ),
        (
            "paused",
            view(
                "paused",
                "Paused",
                &["Entered shares are wiped at 15:02 UTC."],
                &[],
                Ask::Paused,
            ),
        ),
        ("over", {
            let mut view = view(
                "over",
                "The ceremony is complete",
                &["Each person takes home what stands here."],
                &[
                    ("C1", "bag 114"),
                    ("C2", "bag 115"),
                    ("to destroy", "sheet 3 (void), rough paper"),
                ],
                Ask::Over,
            );
            view.rehearsal = false;
            for item in &mut view.checklist {
                item.parts.clear();
                item.mark = Mark::Done;
            }
            view
        }),
        (
            "long",
            view(
                "long",
                "A page with more text than fits",
                &["One sentence that fills some lines of the pane on the right of the screen."; 9],
                &[("first", "88b1 02ae"), ("second", "88b1 02ae")],
                Ask::Choose(
                    (1..=12)
                        .map(|n| choice(&n.to_string(), &format!("Choice {n}")))
                        .collect(),
                ),
            ),
        ),
    ]
}
