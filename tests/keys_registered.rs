//! Registered keys: the document, chain specs, and whose keys they are.

use qh_ceremony::refusal::Refuse;
use qh_ceremony::vault::registered::{
    self, Account, KeyMatch, Place, PublicKey, Registered, RegisteredFault, Validator, Verdict,
    match_keys,
};
use qh_ceremony::vault::schemes::KeyType;

const RAW: &str = include_str!("vectors/chainspec/raw.json");
const STOCK: &str = include_str!("vectors/chainspec/stock.json");
const STOCK_BARE: &str = include_str!("vectors/chainspec/stock-bare.json");
const NOT_RAW: &str = include_str!("vectors/chainspec/not-raw.json");

fn unhex(text: &str) -> Vec<u8> {
    data_encoding::HEXLOWER
        .decode(text.trim_start_matches("0x").as_bytes())
        .expect("hex")
}

/// The public keys of tests/vectors/keystore/aura.json.
fn aura() -> Vec<Vec<u8>> {
    let pairs: serde_json::Value =
        serde_json::from_str(include_str!("vectors/keystore/aura.json")).expect("vectors");
    let pairs = pairs.as_array().expect("a list").iter();
    pairs
        .map(|pair| unhex(pair["public"].as_str().expect("text")))
        .collect()
}

fn spec(text: &str) -> Registered {
    registered::from_chain_spec(text.as_bytes(), "spec.json").expect("a sound chain spec")
}

fn spec_fault(text: &str) -> RegisteredFault {
    registered::from_chain_spec(text.as_bytes(), "spec.json").expect_err("a refusal")
}

fn ask(registered: &Registered, keys: &[(&str, &[u8])]) -> registered::MatchReport {
    let keys: Vec<_> = keys
        .iter()
        .map(|(key_type, public)| PublicKey {
            key_type: KeyType::parse(key_type).expect("type"),
            public,
        })
        .collect();
    match_keys(registered, &keys)
}

#[test]
fn a_raw_chain_spec_names_all_its_validators() {
    let registered = spec(RAW);
    assert_eq!(registered.chain_id, "dev3");
    assert!(registered.is_genesis_state());
    assert_eq!(
        (registered.block_number, registered.genesis_hash),
        (0, None)
    );
    assert_eq!(registered.keys.len(), 3);
    for key in &registered.keys {
        assert_eq!(key.key_type, KeyType::AURA);
        let places: Vec<_> = key.found_in.iter().map(|place| place.name()).collect();
        assert_eq!(
            places,
            ["NextKeys", "QueuedKeys", "Authorities", "Validators"]
        );
    }
}

#[test]
fn each_key_is_the_validator_that_next_keys_says() {
    let registered = spec(RAW);
    let aura = aura();
    // Two of the accounts are hashes of the key, the third is not; all are found the same way.
    let third = Account(
        <[u8; 32]>::try_from(unhex(
            // SHA-256 of "an account that is no hash of a key"
            &data_encoding::HEXLOWER.encode(&sha256(b"an account that is no hash of a key")),
        ))
        .expect("32 bytes"),
    );
    for (index, public) in aura[..3].iter().enumerate() {
        let report = ask(&registered, &[("aura", public)]);
        assert_eq!(report.verdict, Verdict::Match);
        let Validator::One(account) = report.validator else {
            panic!("one validator")
        };
        assert_eq!(account == third, index == 2);
    }
    let report = ask(&registered, &[("aura", &aura[3])]);
    assert_eq!(report.keys, [KeyMatch::NotRegistered]);
    assert_eq!(
        (report.validator, report.verdict),
        (Validator::None, Verdict::NoMatch)
    );
}

fn sha256(data: &[u8]) -> Vec<u8> {
    use sha2::Digest;
    sha2::Sha256::digest(data).to_vec()
}

#[test]
fn sets_of_keys_are_judged_together() {
    let registered = spec(RAW);
    let aura = aura();
    let two = ask(&registered, &[("aura", &aura[0]), ("aura", &aura[1])]);
    assert!(matches!(two.validator, Validator::Several(ref accounts) if accounts.len() == 2));
    assert_eq!(two.verdict, Verdict::Partial);
    let half = ask(&registered, &[("aura", &aura[0]), ("aura", &aura[3])]);
    assert!(matches!(half.validator, Validator::One(_)));
    assert_eq!(half.verdict, Verdict::Partial);
    assert_eq!(ask(&registered, &[]).verdict, Verdict::NoMatch);
    let other = ask(&registered, &[("gran", &aura[0])]);
    assert_eq!(
        other.keys,
        [KeyMatch::OtherType {
            key_type: KeyType::AURA
        }]
    );
    assert_eq!(other.verdict, Verdict::NoMatch);
}

#[test]
fn stock_keys_match_by_type() {
    let registered = spec(STOCK);
    assert_eq!(registered.keys.len(), 6);
    let beef = [&[2][..], &[49; 32]].concat();
    let all = ask(
        &registered,
        &[("aura", &[17; 32]), ("gran", &[33; 32]), ("beef", &beef)],
    );
    assert_eq!(all.validator, Validator::One(Account([1; 32])));
    assert_eq!(all.verdict, Verdict::Match);
    let wrong = ask(&registered, &[("gran", &[17; 32])]);
    assert_eq!(
        wrong.keys,
        [KeyMatch::OtherType {
            key_type: KeyType::AURA
        }]
    );
}

#[test]
fn stock_keys_without_owner_match_at_32_byte_steps() {
    let registered = spec(STOCK_BARE);
    assert_eq!(registered.keys.len(), 6);
    let both = ask(&registered, &[("aura", &[18; 32]), ("gran", &[34; 32])]);
    assert_eq!(both.validator, Validator::One(Account([2; 32])));
    // Bytes across two keys are no key.
    let across = [[18; 16], [34; 16]].concat();
    assert_eq!(
        ask(&registered, &[("aura", &across)]).validator,
        Validator::None
    );
}

#[test]
fn an_authority_without_session_keys_has_no_account() {
    let only_authorities: String = {
        let mut spec: serde_json::Value = serde_json::from_str(RAW).expect("JSON");
        let top = spec["genesis"]["raw"]["top"]
            .as_object_mut()
            .expect("a map");
        top.retain(|key, _| key.starts_with("0x57f8dc2f"));
        spec.to_string()
    };
    let registered = spec(&only_authorities);
    let report = ask(&registered, &[("aura", &aura()[0])]);
    assert_eq!(
        (report.validator, report.verdict),
        (Validator::Unnamed, Verdict::Match)
    );
    let KeyMatch::Registered {
        account: None,
        found_in,
    } = &report.keys[0]
    else {
        panic!("known")
    };
    assert_eq!(found_in.iter().collect::<Vec<_>>(), [&Place::Authorities]);
}

#[test]
fn unfit_chain_specs_are_refused_by_name() {
    let fault = spec_fault(NOT_RAW);
    assert_eq!(fault, RegisteredFault::NotRaw);
    assert_eq!(
        fault.to_string(),
        "This chain spec is not in raw form, so it does not hold the keys as the chain stores them."
    );
    assert_eq!(
        fault.way_on(),
        "Have the node make the raw form: build-spec --raw --chain FILE."
    );
    for (text, name) in [
        (String::new(), "registered-malformed"),
        ("[]".to_owned(), "registered-malformed"),
        (RAW[..RAW.len() / 2].to_owned(), "registered-malformed"),
        (format!("{RAW}x"), "registered-malformed"),
        (
            RAW.replacen("\"id\"", "\"id\": \"a\", \"id\"", 1),
            "registered-malformed",
        ),
        (
            RAW.replacen("\"id\": \"dev3\"", "\"id\": \"a b\"", 1),
            "registered-value",
        ),
        (
            RAW.replacen("\"0x3a636f6465\"", "\"3a636f6465\"", 1),
            "registered-malformed",
        ),
        (
            RAW.replacen("\"top\": {", "\"top\": {\"0x3A636F6465\": \"0x00\",", 1),
            "chain-spec-duplicate-key",
        ),
        (
            r#"{"id":"x","genesis":{"raw":{"top":{"0x00":"0x00"}}}}"#.to_owned(),
            "chain-spec-no-keys",
        ),
        (
            r#"{"id":"x","genesis":{"raw":{"top":[]}}}"#.to_owned(),
            "registered-malformed",
        ),
    ] {
        assert_eq!(
            spec_fault(&text).name(),
            name,
            "{}",
            &text[..text.len().min(60)]
        );
    }
}

/// Changes one storage entry of the raw chain spec.
fn changed(prefix: &str, change: impl Fn(&mut String, &mut String)) -> String {
    let mut spec: serde_json::Value = serde_json::from_str(RAW).expect("JSON");
    let top = spec["genesis"]["raw"]["top"]
        .as_object_mut()
        .expect("a map");
    let mut key = top
        .keys()
        .find(|key| key.starts_with(prefix))
        .expect("entry")
        .clone();
    let mut value = top
        .remove(&key)
        .expect("entry")
        .as_str()
        .expect("text")
        .to_owned();
    change(&mut key, &mut value);
    top.insert(key, value.into());
    spec.to_string()
}

const NEXT_KEYS: &str = "0xcec5070d609dd3497f72bde07fc96ba04c014e6bf8b8c2c011e7290b85696bb3";
const KEY_OWNER: &str = "0xcec5070d609dd3497f72bde07fc96ba0726380404683fc89e8233450c8aa1950";
const QUEUED: &str = "0xcec5070d609dd3497f72bde07fc96ba0e0cdd062e6eaf24295ad4ccfc41d4609";
const VALIDATORS: &str = "0xcec5070d609dd3497f72bde07fc96ba088dcde934c658227ee1dfafcd6e16903";
const AUTHORITIES: &str = "0x57f8dc2f5ab09467896f47300f0424385e0621c4869aa60c02be9adcc98a0d1d";

#[test]
fn damaged_or_contradicting_storage_is_refused_by_name() {
    let flip = |text: &mut String| {
        let last = if text.pop() == Some('0') { '1' } else { '0' };
        text.push(last);
    };
    for (spec, name) in [
        (changed(NEXT_KEYS, |key, _| flip(key)), "chain-spec-storage"),
        (
            changed(NEXT_KEYS, |key, _| key.truncate(70)),
            "chain-spec-storage",
        ),
        (
            changed(NEXT_KEYS, |_, value| flip(value)),
            "chain-spec-contradiction",
        ),
        (changed(KEY_OWNER, |key, _| flip(key)), "chain-spec-storage"),
        (
            changed(KEY_OWNER, |_, value| flip(value)),
            "chain-spec-contradiction",
        ),
        (
            changed(KEY_OWNER, |_, value| value.truncate(10)),
            "chain-spec-storage",
        ),
        (
            changed(QUEUED, |_, value| value.truncate(100)),
            "chain-spec-storage",
        ),
        (
            changed(VALIDATORS, |_, value| value.truncate(10)),
            "chain-spec-storage",
        ),
        (
            changed(AUTHORITIES, |_, value| value.truncate(100)),
            "chain-spec-storage",
        ),
        (
            changed(AUTHORITIES, |_, value| *value = "0x".to_owned()),
            "chain-spec-storage",
        ),
    ] {
        assert_eq!(spec_fault(&spec).name(), name);
    }
}

#[test]
fn documents_round_trip() {
    let mut registered = spec(RAW);
    registered.genesis_hash = Some([7; 32]);
    registered.block_hash = Some([8; 32]);
    registered.block_number = 123;
    let text = registered::emit(&registered);
    let again = registered::parse(text.as_bytes()).expect("our own document");
    assert_eq!(registered::emit(&again), text);
    assert_eq!(again.genesis_hash, Some([7; 32]));
    let report = ask(&again, &[("aura", &aura()[0])]);
    assert!(matches!(report.validator, Validator::One(_)));
    assert!(text.starts_with("{\n  \"format\": \"qh-registered/1\",\n  \"rehearsal\": false,\n"));
}

const GOOD: &str = r#"{"format":"qh-registered/1","rehearsal":false,"chain_id":"dev3","genesis_hash":"GG","block_number":5,"block_hash":"GG","sources":[{"kind":"rpc","name":"node 1","genesis_state":false}],"keys":[{"key_type":"aura","public":"0x0102","account":"0xGG"}]}"#;

#[test]
fn one_fault_each_is_refused_by_name() {
    let hash = "ab".repeat(32);
    let good = GOOD.replace("GG", &hash);
    let parsed = registered::parse(good.as_bytes()).expect("a good document");
    assert_eq!(parsed.keys[0].account, Some(Account([0xab; 32])));
    let twice = r#"},{"key_type":"aura","public":"0x0102"}]"#;
    for (from, to, name) in [
        ("qh-registered/1", "qh-registered/2", "registered-format"),
        ("qh-registered/1", "qh-record/1", "registered-format"),
        (r#""rehearsal":false,"#, "", "registered-malformed"),
        (
            r#""rehearsal":false"#,
            r#""rehearsal":0"#,
            "registered-malformed",
        ),
        (
            r#""rehearsal":false"#,
            r#""rehearsal":false,"x":1"#,
            "registered-malformed",
        ),
        (
            r#""rehearsal":false"#,
            r#""rehearsal":false,"rehearsal":true"#,
            "registered-malformed",
        ),
        ("}]}", "}]}x", "registered-malformed"),
        ("}]}", "}]", "registered-malformed"),
        (
            r#""chain_id":"dev3""#,
            r#""chain_id":"""#,
            "registered-value",
        ),
        (
            r#""chain_id":"dev3""#,
            r#""chain_id":"a\nb""#,
            "registered-value",
        ),
        (
            r#""genesis_hash":""#,
            r#""genesis_hash":"0x"#,
            "registered-value",
        ),
        (
            r#""block_number":5"#,
            r#""block_number":-5"#,
            "registered-malformed",
        ),
        (
            r#""block_number":5"#,
            r#""block_number":5.0"#,
            "registered-malformed",
        ),
        (
            r#"{"kind":"rpc","name":"node 1","genesis_state":false}"#,
            "",
            "registered-value",
        ),
        (
            r#""kind":"rpc""#,
            r#""kind":"chain-spec""#,
            "registered-value",
        ),
        (
            r#""kind":"rpc""#,
            r#""kind":"hearsay""#,
            "registered-malformed",
        ),
        (
            r#"{"kind":"rpc","name":"node 1","genesis_state":false}"#,
            r#"["rpc","n",false]"#,
            "registered-malformed",
        ),
        (
            r#""name":"node 1""#,
            r#""name":"\u001b[2J""#,
            "registered-value",
        ),
        (
            r#""key_type":"aura""#,
            r#""key_type":"aur""#,
            "registered-value",
        ),
        (
            r#""public":"0x0102""#,
            r#""public":"0102""#,
            "registered-value",
        ),
        (
            r#""public":"0x0102""#,
            r#""public":"0x""#,
            "registered-value",
        ),
        (
            r#""public":"0x0102""#,
            r#""public":"0xAB""#,
            "registered-value",
        ),
        (r#""account":"0x"#, r#""account":"0x00"#, "registered-value"),
        (r#""account":""#, r#""acount":""#, "registered-malformed"),
        ("}]}", &format!("{twice}}}"), "registered-duplicate-key"),
    ] {
        let text = good.replacen(from, to, 1);
        assert_ne!(text, good, "{from}");
        let fault = registered::parse(text.as_bytes()).expect_err(to);
        assert_eq!(fault.name(), name, "{to}");
    }
    let null = good.replace(
        &format!("\"genesis_hash\":\"{hash}\""),
        "\"genesis_hash\":null",
    );
    assert_eq!(
        registered::parse(null.as_bytes()).expect_err("null").name(),
        "registered-malformed"
    );
    let large = vec![b' '; registered::MAX_DOCUMENT + 1];
    assert_eq!(
        registered::parse(&large).expect_err("large").name(),
        "registered-too-large"
    );
}

/// A queued key that was replaced has no owner any more; the layout that other accounts show still tells its type.
#[test]
fn a_replaced_key_is_still_told_by_the_layout() {
    let mut text: serde_json::Value = serde_json::from_str(STOCK).expect("JSON");
    let beef = [&[2][..], &[99; 32]].concat();
    let entry = [&[1; 32][..], &[97; 32], &[98; 32], &beef].concat();
    let queued = format!(
        "0x{}",
        data_encoding::HEXLOWER.encode(&[&[4][..], &entry].concat())
    );
    text["genesis"]["raw"]["top"]
        .as_object_mut()
        .expect("a map")
        .insert(QUEUED.into(), queued.into());
    let registered = spec(&text.to_string());
    assert_eq!(registered.keys.len(), 9);
    let old = ask(
        &registered,
        &[("aura", &[97; 32]), ("gran", &[98; 32]), ("beef", &beef)],
    );
    assert_eq!(old.validator, Validator::One(Account([1; 32])));
    assert_eq!(old.verdict, Verdict::Match);
}

/// The file and the code that people carry have one fingerprint, and any change has another.
#[test]
fn the_compact_form_is_the_same_document() {
    let registered = spec(RAW);
    let compact = registered::emit_compact(&registered);
    assert!(!compact.contains(['\n', ' ']));
    let again = registered::parse(compact.as_bytes()).expect("our own document");
    let file =
        registered::parse(registered::emit(&registered).as_bytes()).expect("our own document");
    assert_eq!(again, file);
    let fingerprint = registered::fingerprint(&file);
    assert_eq!(registered::fingerprint(&registered), fingerprint);
    assert_eq!(
        fingerprint.to_vec(),
        sha256(format!("qh-ceremony registered v1{compact}").as_bytes())
    );
    let mut other = registered;
    other.block_number = 1;
    assert_ne!(registered::fingerprint(&other), fingerprint);
}

/// Kusama's spec has the values of `raw` in a list.
#[test]
fn the_old_form_of_a_raw_spec_says_the_same() {
    let mut spec: serde_json::Value = serde_json::from_str(RAW).unwrap();
    let top = spec["genesis"]["raw"]["top"].take();
    spec["genesis"]["raw"] = serde_json::json!([top, {}]);
    let old = registered::from_chain_spec(spec.to_string().as_bytes(), "raw.json").unwrap();
    assert_eq!(
        old,
        registered::from_chain_spec(RAW.as_bytes(), "raw.json").unwrap()
    );
    spec["genesis"]["raw"] = serde_json::json!([]);
    let refused = registered::from_chain_spec(spec.to_string().as_bytes(), "raw.json").unwrap_err();
    assert_eq!(refused.name(), "registered-malformed");
}
