//! Every file of `tests/vectors/share`: good sets, and one fault each with the name it is refused by.

use std::path::{Path, PathBuf};

use data_encoding::HEXLOWER;
use qh_ceremony::refusal::Refuse;
use qh_ceremony::secret::Secret32;
use qh_ceremony::secret::entropy::Pool;
use qh_ceremony::share::derive::{age_passphrase, jwe_key, key_check};
use qh_ceremony::share::{
    Commitment, Expected, KeyCheck, QuorumRefusal, SetId, Share, Suspect, UntrustedQuorum,
    WordsError, WordsOutcome, parse_qr_text, parse_words, prove_sheets, split,
};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/vectors/share")
}

/// All vectors that `read` reads, with their file names.
fn vectors<T: DeserializeOwned>(read: &str) -> Vec<(String, T)> {
    let mut found: Vec<(String, T)> = std::fs::read_dir(folder())
        .unwrap()
        .map(|file| file.unwrap().path())
        .filter(|path| {
            path.extension()
                .is_some_and(|extension| extension == "json")
        })
        .map(|path| {
            let name = path.file_stem().unwrap().to_string_lossy().into_owned();
            let text = std::fs::read_to_string(&path).unwrap();
            (name, serde_json::from_str::<Value>(&text).unwrap())
        })
        .filter(|(_, vector)| vector["read"] == read)
        .map(|(name, vector)| {
            let vector = serde_json::from_value(vector);
            (
                name.clone(),
                vector.unwrap_or_else(|error| panic!("{name}: {error}")),
            )
        })
        .collect();
    found.sort_by(|a, b| a.0.cmp(&b.0));
    found
}

fn hex(text: &str) -> Vec<u8> {
    HEXLOWER.decode(text.as_bytes()).unwrap()
}

fn secret(text: &str) -> Secret32 {
    Secret32::from_slice(&hex(text)).unwrap()
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
#[allow(dead_code, reason = "`about` and `read` are for people")]
struct Fault {
    about: String,
    read: String,
    input: String,
    expect: String,
    #[serde(default)]
    positions: Vec<usize>,
}

/// Runs all faults of a kind; `name` gives the refusal's name and the positions it names.
fn all_refused(read: &str, at_least: usize, name: impl Fn(&str) -> (String, Vec<usize>)) {
    let faults = vectors::<Fault>(read);
    assert!(faults.len() >= at_least, "{} of {read}", faults.len());
    for (file, fault) in faults {
        assert_eq!(
            name(&fault.input),
            (fault.expect, fault.positions),
            "{file}"
        );
    }
}

fn plain<E: Refuse>(read: Result<Share, E>) -> (String, Vec<usize>) {
    let name = read.err().map_or("accepted", |refused| refused.name());
    (name.to_owned(), vec![])
}

#[test]
fn bytes_are_refused_by_name() {
    all_refused("bytes", 13, |input| plain(Share::from_bytes(&hex(input))));
}

#[test]
fn qr_texts_are_refused_by_name() {
    all_refused("qr", 16, |input| plain(parse_qr_text(input)));
}

#[test]
fn words_are_refused_by_name_and_position() {
    all_refused("words", 19, |input| match parse_words(input) {
        Ok(WordsOutcome::Share(_)) => ("accepted".to_owned(), vec![]),
        Ok(WordsOutcome::Suspect(suspect)) => {
            let positions = match suspect {
                Suspect::Word { position } => vec![position],
                Suspect::Transposed { a, b } | Suspect::TwoWords { a, b } => vec![a, b],
                Suspect::Unknown => vec![],
            };
            (suspect.name().to_owned(), positions)
        }
        Err(refused) => {
            let positions = match refused {
                WordsError::Unknown { position } => vec![position],
                _ => vec![],
            };
            (refused.name().to_owned(), positions)
        }
    });
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
#[allow(dead_code, reason = "`about` and `read` are for people")]
struct Sources {
    about: String,
    read: String,
    dice: String,
    hsm: String,
    os: String,
    secret: String,
    coefficient_seed: String,
    set_id: String,
    jwe_iv: String,
    salt_annex: String,
}

#[test]
fn the_pool_gives_what_other_software_gives() {
    let pools = vectors::<Sources>("entropy");
    assert!(!pools.is_empty());
    for (file, vector) in pools {
        let os: [u8; 64] = hex(&vector.os).try_into().unwrap();
        let pool = Pool::gather(vector.dice.as_bytes(), &hex(&vector.hsm), &os);
        assert!(pool.secret().same(&hex(&vector.secret)), "{file}");
        assert!(
            pool.coefficient_seed().same(&hex(&vector.coefficient_seed)),
            "{file}"
        );
        assert_eq!(HEXLOWER.encode(&pool.set_id()), vector.set_id, "{file}");
        assert_eq!(HEXLOWER.encode(&pool.jwe_iv()), vector.jwe_iv, "{file}");
        assert_eq!(
            HEXLOWER.encode(&pool.salt("annex")),
            vector.salt_annex,
            "{file}"
        );
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Sheet {
    x: u8,
    bytes: String,
    qr: String,
    words: String,
    commitment: Commitment,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
#[allow(dead_code, reason = "`about` and `read` are for people")]
struct Set {
    about: String,
    read: String,
    rehearsal: bool,
    k: u8,
    n: u8,
    secret: String,
    coefficient_seed: String,
    set_id: SetId,
    key_check: KeyCheck,
    jwe_key: String,
    age_passphrase: String,
    shares: Vec<Sheet>,
}

#[test]
fn good_sets_have_every_value_as_written() {
    let sets = vectors::<Set>("set");
    assert_eq!(sets.len(), 2);
    for (file, set) in sets {
        let (s, seed) = (secret(&set.secret), secret(&set.coefficient_seed));
        assert_eq!(key_check(&s, set.set_id), set.key_check, "{file}");
        assert!(jwe_key(&s, set.set_id).same(&hex(&set.jwe_key)), "{file}");
        assert_eq!(
            age_passphrase(&s, set.set_id).expose(),
            set.age_passphrase,
            "{file}"
        );
        let shares = split(&s, set.k, set.n, set.set_id, set.rehearsal, &seed).unwrap_or_default();
        assert_eq!(shares.len(), set.shares.len(), "{file}");
        for (share, sheet) in shares.iter().zip(&set.shares) {
            assert_eq!(share.expose()[..], hex(&sheet.bytes), "{file}");
            assert_eq!(
                (share.x(), share.is_rehearsal()),
                (sheet.x, set.rehearsal),
                "{file}"
            );
            assert_eq!(share.to_qr_text().expose(), sheet.qr, "{file}");
            assert_eq!(share.to_words().to_text().expose(), sheet.words, "{file}");
            assert_eq!(share.commitment(), sheet.commitment, "{file}");
            assert!(
                parse_qr_text(&sheet.qr).is_ok_and(|read| read.same_as(share)),
                "{file}"
            );
            let words = parse_words(&sheet.words);
            assert!(
                matches!(words, Ok(WordsOutcome::Share(read)) if read.same_as(share)),
                "{file}"
            );
        }
        assert!(
            prove_sheets(&shares, set.k, &set.key_check).unwrap().all,
            "{file}"
        );
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Known {
    rehearsal: bool,
    set_id: Option<SetId>,
    key_check: Option<KeyCheck>,
    k: Option<u8>,
    commitments: Option<Vec<Commitment>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
#[allow(dead_code, reason = "`about` and `read` are for people")]
struct Brought {
    about: String,
    read: String,
    expected: Known,
    shares: Vec<String>,
    expect: String,
    #[serde(default)]
    numbers: Vec<u8>,
}

/// Brings the sheets one after the other: the name of the first refusal, and the sheets it names.
fn bring(known: Known, texts: &[String]) -> (&'static str, Vec<u8>) {
    let mut quorum = UntrustedQuorum::new(Expected {
        rehearsal: known.rehearsal,
        set_id: known.set_id,
        key_check: known.key_check,
        k: known.k,
        commitments: known.commitments,
    });
    for text in texts {
        let share = parse_qr_text(text).unwrap_or_else(|refused| panic!("{refused}"));
        if let Err(refused) = quorum.add(share) {
            return (refused.name(), vec![]);
        }
    }
    match quorum.validate() {
        Ok(_) => ("accepted", vec![]),
        Err(refused) => match &refused {
            QuorumRefusal::Forged { numbers } => (refused.name(), numbers.clone()),
            _ => (refused.name(), vec![]),
        },
    }
}

#[test]
fn quorums_are_refused_by_name() {
    let cases = vectors::<Brought>("quorum");
    assert!(cases.len() >= 18, "{}", cases.len());
    for (file, case) in cases {
        let found = bring(case.expected, &case.shares);
        assert_eq!(found, (case.expect.as_str(), case.numbers), "{file}");
    }
}

#[test]
fn every_vector_is_read_by_a_test() {
    for file in std::fs::read_dir(folder()).unwrap() {
        let path = file.unwrap().path();
        if path
            .extension()
            .is_some_and(|extension| extension == "json")
        {
            let vector: Value = serde_json::from_slice(&std::fs::read(&path).unwrap()).unwrap();
            let known = ["entropy", "set", "bytes", "qr", "words", "quorum"];
            let read = vector["read"].as_str().unwrap();
            assert!(known.contains(&read), "{}", path.display());
        }
    }
}
