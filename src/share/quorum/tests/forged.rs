//! Forged shares whose checksum is right.

use super::*;

#[test]
fn the_record_names_a_forged_share() {
    let sheets = deal(3, 5);
    let mut facts = expected(Some(3));
    facts.commitments = Some(sheets.iter().map(Share::commitment).collect());
    let mut quorum = filled(facts.clone(), &sheets[..2]);
    for x in [2, 3] {
        // Also where its number is taken: the record knows which of the two is genuine.
        let forged = forge(&sheets[x - 1]);
        let commitment = forged.commitment();
        let refused = quorum.add(forged).unwrap_err();
        assert_eq!(
            refused,
            ShareRefusal::Forged {
                x: x as u8,
                commitment
            }
        );
        assert_eq!(refused.name(), "share-forged");
        assert_eq!(
            refused.to_string(),
            format!(
                "Sheet {x} is forged: it reads well, but the record has no sheet with this content \
                 (commitment {}).",
                commitment.grouped()
            )
        );
    }
    quorum.add(copy(&sheets[2])).unwrap();
    assert_eq!(gives_secret(&quorum), [1, 2, 3]);
    facts.key_check = Some(key_check(&seed(9), SET));
    let refused = refusal(&filled(facts, &sheets));
    assert_eq!(refused.name(), "quorum-record-mismatch");
}

#[test]
fn subsets_name_a_forged_share_without_record() {
    for forged in 0..5 {
        for (known, held) in [(Some(3), 4), (Some(3), 5), (None, 4), (None, 5)] {
            let mut sheets = deal(3, 5);
            sheets[forged] = forge(&sheets[forged]);
            sheets.rotate_left(forged);
            let mut quorum = filled(expected(known), &sheets[..held]);
            let number = forged as u8 + 1;
            let refused = refusal(&quorum);
            assert_eq!(
                refused,
                QuorumRefusal::Forged {
                    numbers: vec![number]
                }
            );
            assert_eq!(refused.name(), "quorum-forged-share");
            assert_eq!(
                refused.to_string(),
                format!(
                    "Forged: sheet {number}. The other sheets give the key check, and it contradicts them."
                )
            );
            assert!(quorum.remove(number));
            assert_eq!(gives_secret(&quorum).len(), 3);
        }
    }
}

#[test]
fn two_forged_shares_are_both_named() {
    let mut sheets = deal(3, 5);
    sheets[0] = forge(&sheets[0]);
    sheets[3] = forge(&sheets[3]);
    let refused = refusal(&filled(expected(Some(3)), &sheets));
    assert_eq!(
        refused,
        QuorumRefusal::Forged {
            numbers: vec![1, 4]
        }
    );
    let refused = refusal(&filled(expected(Some(3)), &sheets[..4]));
    assert_eq!(
        refused.to_string(),
        "No 3 of sheets 1, 2, 3 and 4 give the key check: more than one is forged, or the key check is \
         of another backup."
    );
    assert_eq!(refused.name(), "quorum-no-combination");
}

/// 1 and 4 change their shares by the same amount, which cancels at 0 beside sheet 5: {1, 4, 5} give the secret.
#[test]
fn forgers_who_act_together_cannot_throw_the_blame() {
    let mut sheets = deal(3, 6);
    for at in [0, 3] {
        let share = &sheets[at];
        sheets[at] = Share::assemble(false, share.x(), SET, |y| {
            y.copy_from_slice(share.expose_y());
            y[0] ^= 1;
        });
    }
    let refused = refusal(&filled(expected(Some(3)), &sheets[..5]));
    assert_eq!(refused.name(), "quorum-contradiction");
    assert_eq!(
        refused.to_string(),
        "Sheets 1, 4 and 5 give the key check, and so do sheets 2, 3 and 5, but the two contradict each \
         other: at least two sheets are forged, and it cannot be said which."
    );
    let refused = refusal(&filled(expected(Some(3)), &sheets));
    assert_eq!(
        refused,
        QuorumRefusal::Forged {
            numbers: vec![1, 4]
        }
    );
}

#[test]
fn exactly_k_with_a_forged_one_cannot_say_which() {
    let mut sheets = deal(3, 5);
    sheets[0] = forge(&sheets[0]);
    let refused = refusal(&filled(expected(Some(3)), &sheets[..3]));
    assert_eq!(refused.name(), "quorum-undecided");
    assert_eq!(
        refused.to_string(),
        "Sheets 1, 2 and 3 together do not give the key check: one of them is forged, or the key check \
         is of another backup. With these sheets alone it cannot be said which."
    );
    assert_eq!(
        refused.way_on(),
        "Bring another custodian's sheet, or the record, which tells the genuine ones."
    );
    let refused = refusal(&filled(expected(None), &sheets[..3]));
    assert_eq!(refused.name(), "quorum-no-threshold");
}
