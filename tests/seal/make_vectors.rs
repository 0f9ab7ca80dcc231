//! Makes vectors that don't exist yet. A published vector never changes: existing files are left alone.

use crate::fixture;
use crate::vectors::{Vector, folder, outcome};
use aes_gcm::aead::AeadInPlace;
use aes_gcm::{Aes256Gcm, KeyInit};
use data_encoding::BASE64URL_NOPAD;
use qh_ceremony::vault::header::Header;
use qh_ceremony::vault::recipient::OneTimeRecipient;
use qh_ceremony::vault::sidecar::Sidecar;
use qh_ceremony::vault::{delivery, seal_age, seal_jwe};
use std::fs;
use std::io::Write;

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).expect("text")
}

/// `text` with its only `old` replaced.
fn swap(text: &str, old: &str, new: &str) -> String {
    assert_eq!(text.matches(old).count(), 1, "`{old}` must stand once");
    text.replace(old, new)
}

fn add(kind: &str, name: &str, expect: &str, body: impl AsRef<[u8]>, sidecar: Option<&str>) {
    let vector = Vector {
        expect: expect.to_owned(),
        sidecar: sidecar.map(|text| text.as_bytes().to_vec()),
        body: body.as_ref().to_vec(),
    };
    assert_eq!(outcome(kind, &vector), expect, "{kind}/{name}");
    let path = folder(kind).join(format!("{name}.vector"));
    if !path.exists() {
        fs::write(path, vector.write()).expect("a writable folder");
    }
}

fn good_bundle() -> String {
    text(fixture::bundle().to_json().expect("valid").expose())
}

fn good_jwe() -> String {
    let file = seal_jwe::seal(
        &fixture::bundle(),
        &fixture::header(),
        &fixture::jwe_key(),
        fixture::IV,
    );
    text(&file.expect("valid"))
}

fn protected_of(jwe: &str) -> String {
    let jwe: serde_json::Value = serde_json::from_str(jwe).expect("JSON");
    let protected = jwe["protected"].as_str().expect("text");
    text(
        &BASE64URL_NOPAD
            .decode(protected.as_bytes())
            .expect("base64url"),
    )
}

/// A JWE whose seal holds, over any header and content.
fn jwe(protected: &str, plain: &str) -> String {
    let protected = BASE64URL_NOPAD.encode(protected.as_bytes());
    let mut buffer = plain.as_bytes().to_vec();
    let tag = Aes256Gcm::new((&fixture::jwe_key_bytes()).into())
        .encrypt_in_place_detached((&fixture::IV).into(), protected.as_bytes(), &mut buffer)
        .expect("short");
    format!(
        r#"{{"protected":"{protected}","iv":"{}","ciphertext":"{}","tag":"{}"}}"#,
        BASE64URL_NOPAD.encode(&fixture::IV),
        BASE64URL_NOPAD.encode(&buffer),
        BASE64URL_NOPAD.encode(&tag)
    )
}

#[test]
#[ignore = "writes new vectors into the source tree"]
fn make_jwe() {
    let add = |name, expect, body: String| add("jwe", name, expect, body, None);
    let good = good_jwe();
    let head = protected_of(&good);
    let plain = good_bundle();
    assert_eq!(jwe(&head, &plain), good);

    add("good", "ok", good.clone());
    add("good-other-order-and-space", "ok", {
        let value: serde_json::Value = serde_json::from_str(&good).expect("JSON");
        serde_json::to_string_pretty(&value).expect("JSON") + "\n"
    });
    let with = |more: &str| swap(&good, "{\"protected\"", &format!("{{{more},\"protected\""));
    add(
        "unprotected",
        "jwe-unprotected",
        with(r#""unprotected":{"enc":"A256GCM"}"#),
    );
    add(
        "unprotected-null",
        "jwe-unprotected",
        with(r#""unprotected":null"#),
    );
    add("header", "jwe-recipient-header", with(r#""header":{}"#));
    add(
        "encrypted-key",
        "jwe-encrypted-key",
        with(r#""encrypted_key":"""#),
    );
    add("recipients", "jwe-recipients", with(r#""recipients":[{}]"#));
    add("aad", "jwe-aad", with(r#""aad":"QQ""#));
    add("extra-member", "jwe-unknown-member", with(r#""x":1"#));
    add(
        "duplicate-member",
        "jwe-duplicate-member",
        with(r#""iv":"CQgHBgUEAwIBAP_-""#),
    );
    add("missing-tag", "jwe-missing-member", {
        let at = good.find(",\"tag\"").expect("a tag");
        format!("{}}}", &good[..at])
    });
    add(
        "iv-is-number",
        "jwe-wrong-type",
        swap(&good, "\"CQgHBgUEAwIBAP_-\"", "7"),
    );
    add(
        "trailing-object",
        "jwe-trailing-bytes",
        format!("{good}{{}}"),
    );
    add(
        "truncated",
        "jwe-not-json",
        good[..good.len() - 1].to_owned(),
    );
    add(
        "compact",
        "sealed-unknown-kind",
        "eyJhbGciOiJkaXIifQ..AAAA.AAAA.AAAA".to_owned(),
    );
    add("array", "sealed-unknown-kind", format!("[{good}]"));
    add("empty", "sealed-unknown-kind", String::new());
    add("padding", "jwe-base64url", swap(&good, "\"}", "==\"}"));
    add(
        "standard-alphabet",
        "jwe-base64url",
        swap(&good, "CQgHBgUEAwIBAP_-", "CQgHBgUEAwIBAP/+"),
    );
    let last = good.as_bytes()[good.len() - 3] as char;
    let next = match last {
        'A' => 'B',
        'Q' => 'R',
        'g' => 'h',
        _ => 'x',
    };
    add(
        "unused-bits",
        "jwe-base64url",
        swap(&good, &format!("{last}\"}}"), &format!("{next}\"}}")),
    );
    add(
        "iv-16-bytes",
        "jwe-bad-member",
        swap(&good, "CQgHBgUEAwIBAP_-", "CQgHBgUEAwIBAP_-AAAAAA"),
    );
    let tag_at = good.find("\"tag\":\"").expect("a tag") + 7;
    add(
        "tag-12-bytes",
        "jwe-bad-member",
        format!("{}\"}}", &good[..tag_at + 16]),
    );
    add(
        "tag-changed",
        "sealed-changed",
        format!("{}AAAA{}", &good[..tag_at], &good[tag_at + 4..]),
    );
    let text_at = good.find("\"ciphertext\":\"").expect("a ciphertext") + 14;
    add(
        "ciphertext-changed",
        "sealed-changed",
        format!("{}AAAA{}", &good[..text_at], &good[text_at + 4..]),
    );
    add(
        "iv-changed",
        "sealed-changed",
        swap(&good, "CQgHBgUEAwIBAP_-", "CQgHBgUEAwIBAP__"),
    );

    // The header, sealed again after the change, so that only one thing is wrong.
    let head_with = |old: &str, new: &str| jwe(&swap(&head, old, new), &plain);
    add(
        "alg-other",
        "jwe-algorithm",
        head_with("\"dir\"", "\"A256GCMKW\""),
    );
    add(
        "enc-other",
        "jwe-algorithm",
        head_with("\"A256GCM\"", "\"A128CBC-HS256\""),
    );
    add(
        "alg-missing",
        "jwe-header-missing-member",
        head_with("\"alg\":\"dir\",", ""),
    );
    add(
        "zip",
        "jwe-header-unknown-member",
        head_with("{\"alg\"", "{\"zip\":\"DEF\",\"alg\""),
    );
    add(
        "crit",
        "jwe-header-unknown-member",
        head_with("{\"alg\"", "{\"crit\":[\"exp\"],\"alg\""),
    );
    add(
        "alg-twice",
        "jwe-header-duplicate-member",
        head_with("{\"alg\"", "{\"alg\":\"dir\",\"alg\""),
    );
    add(
        "cty-other",
        "jwe-header-bad-member",
        head_with("qh-key-bundle+json", "json"),
    );
    add(
        "header-array",
        "jwe-header-wrong-type",
        jwe(&format!("[{head}]"), &plain),
    );
    add(
        "header-trailing",
        "jwe-header-trailing-bytes",
        jwe(&format!("{head}x"), &plain),
    );
    add(
        "kid-upper-case",
        "jwe-header-bad-member",
        head_with("88b102ae5c19", "88B102AE5C19"),
    );
    add(
        "kid-short",
        "jwe-header-bad-member",
        head_with("88b102ae5c19", "88b102ae5c"),
    );
    add(
        "kid-other",
        "sealed-header-differs",
        head_with("88b102ae5c19", "88b102ae5c18"),
    );
    add(
        "format-2",
        "jwe-header-version",
        head_with("qh-sealed/1", "qh-sealed/2"),
    );
    add(
        "format-2-new-member",
        "jwe-header-version",
        jwe(
            &swap(&head, "qh-sealed/1", "qh-sealed/2\",\"places\":\"3"),
            &plain,
        ),
    );
    add(
        "k-1",
        "jwe-header-bad-member",
        head_with("\"k\":3", "\"k\":1"),
    );
    add(
        "k-above-n",
        "jwe-header-bad-member",
        head_with("\"k\":3", "\"k\":6"),
    );
    add(
        "n-17",
        "jwe-header-bad-member",
        head_with("\"n\":5", "\"n\":17"),
    );
    add(
        "n-256",
        "jwe-header-wrong-type",
        head_with("\"n\":5", "\"n\":256"),
    );
    add(
        "k-float",
        "jwe-header-wrong-type",
        head_with("\"k\":3", "\"k\":3.0"),
    );
    add(
        "k-other",
        "sealed-header-differs",
        head_with("\"k\":3", "\"k\":2"),
    );
    add(
        "n-other",
        "sealed-header-differs",
        head_with("\"n\":5", "\"n\":6"),
    );
    add(
        "rehearsal-other",
        "sealed-header-differs",
        head_with("false", "true"),
    );
    add(
        "created-offset",
        "jwe-header-bad-member",
        head_with("14:32:00Z", "14:32:00+00:00"),
    );
    add(
        "created-fraction",
        "jwe-header-bad-member",
        head_with("14:32:00Z", "14:32:00.5Z"),
    );
    add(
        "created-no-date",
        "jwe-header-bad-member",
        head_with("2026-11-22T", "2026-02-30T"),
    );
    add(
        "ceremony-control",
        "jwe-header-bad-member",
        head_with("BR-", "BR\\u001b[2J-"),
    );
    add(
        "ceremony-other",
        "sealed-header-differs",
        head_with("BR-2026", "BR-2027"),
    );
    add(
        "key-check-other",
        "key-check-differs",
        head_with(&"c7".repeat(32), &"c8".repeat(32)),
    );
    add(
        "key-check-short",
        "jwe-header-bad-member",
        head_with(&"c7".repeat(32), &"c7".repeat(31)),
    );
    let aura = "1f".repeat(64);
    add(
        "public-other",
        "sealed-header-differs",
        head_with(&aura, &"1e".repeat(64)),
    );
    add(
        "public-no-prefix",
        "jwe-header-bad-member",
        head_with(&format!("0x{aura}"), &aura),
    );
    let key_array = format!("[\"aura\",\"sphincs-shake-256f-simple\",\"0x{aura}\"]");
    let key_object = format!(
        "{{\"key_type\":\"aura\",\"scheme\":\"sphincs-shake-256f-simple\",\"public\":\"0x{aura}\"}}"
    );
    add(
        "public-key-array",
        "jwe-header-wrong-type",
        head_with(&key_object, &key_array),
    );
    add(
        "public-key-twice",
        "jwe-header-bad-member",
        head_with(&key_object, &format!("{key_object},{key_object}")),
    );
    add("inside-no-json", "bundle-not-json", jwe(&head, "not JSON"));
    add(
        "inside-cut",
        "bundle-not-json",
        jwe(&head, &plain[..plain.len() - 1]),
    );
}

#[test]
#[ignore = "writes new vectors into the source tree"]
fn make_bundle() {
    let add = |name, expect, body: String| add("bundle", name, expect, body, None);
    let good = good_bundle();
    let with = |old: &str, new: &str| swap(&good, old, new);
    add("good", "ok", good.clone());
    add("good-without-k-and-n", "ok", with("\"k\":3,\"n\":5,", ""));
    let genesis = format!("\"{}\"", "42".repeat(32));
    add("good-genesis-unknown", "ok", with(&genesis, "null"));
    add(
        "genesis-missing",
        "bundle-missing-member",
        with(&format!(",\"genesis_hash\":{genesis}"), ""),
    );
    add(
        "genesis-0x",
        "bundle-bad-member",
        with(&genesis, &format!("\"0x{}\"", "42".repeat(32))),
    );
    add(
        "k-without-n",
        "bundle-bad-member",
        with("\"k\":3,\"n\":5,", "\"k\":3,"),
    );
    add("k-null", "bundle-wrong-type", with("\"k\":3", "\"k\":null"));
    add(
        "format-2",
        "bundle-version",
        with("qh-key-bundle/1", "qh-key-bundle/2"),
    );
    add(
        "format-missing",
        "bundle-missing-member",
        with("\"format\":\"qh-key-bundle/1\",", ""),
    );
    add(
        "unknown-member",
        "bundle-unknown-member",
        with("{\"format\"", "{\"x\":0,\"format\""),
    );
    add(
        "unknown-key-member",
        "bundle-unknown-member",
        with("{\"key_type\":\"aura\"", "{\"x\":0,\"key_type\":\"aura\""),
    );
    add(
        "duplicate-member",
        "bundle-duplicate-member",
        with("\"node\"", "\"node\":\"x\",\"node\""),
    );
    add(
        "duplicate-in-key",
        "bundle-duplicate-member",
        with(
            "\"key_type\":\"aura\"",
            "\"key_type\":\"aura\",\"key_type\":\"aura\"",
        ),
    );
    add(
        "trailing-bytes",
        "bundle-trailing-bytes",
        format!("{good}0"),
    );
    add(
        "truncated",
        "bundle-not-json",
        good[..good.len() / 2].to_owned(),
    );
    add(
        "not-utf8-escape",
        "bundle-not-json",
        with("validator-1", "\\ud800"),
    );
    add("array", "bundle-wrong-type", format!("[{good}]"));
    add(
        "password-text",
        "bundle-wrong-type",
        with(
            "\"keystore_password\":false",
            "\"keystore_password\":\"no\"",
        ),
    );
    add("no-keys", "bundle-bad-member", {
        let (start, end) = (
            good.find("\"keys\":[").unwrap() + 8,
            good.find("],\"files\"").unwrap(),
        );
        format!("{}{}", &good[..start], &good[end..])
    });
    add(
        "path-parent",
        "bundle-bad-member",
        with("network/secret_ed25519", "../secret_ed25519"),
    );
    add(
        "path-absolute",
        "bundle-bad-member",
        with("network/secret_ed25519", "/etc/shadow"),
    );
    add(
        "path-not-listed",
        "bundle-bad-member",
        with("network/secret_ed25519", "network/other"),
    );
    add(
        "path-twice",
        "bundle-bad-member",
        with(
            "network/secret_ed25519",
            "network/pqc_transport_identity.json",
        ),
    );
    add(
        "mode-0644",
        "bundle-bad-member",
        good.replacen("\"0600\"", "\"0644\"", 1),
    );
    add(
        "mode-number",
        "bundle-wrong-type",
        good.replacen("\"0600\"", "600", 1),
    );
    add("content-base64url", "bundle-bad-member", {
        let at = good.rfind("\"content\":\"").unwrap() + 11;
        format!("{}_-{}", &good[..at], &good[at + 2..])
    });
    add("content-empty", "bundle-bad-member", {
        let at = good.rfind("\"content\":\"").unwrap() + 11;
        format!("{}\"}}]}}", &good[..at])
    });
    add(
        "secret-empty",
        "bundle-bad-member",
        with(&format!("0x{}", "e3".repeat(128)), ""),
    );
    add(
        "secret-number",
        "bundle-wrong-type",
        with(&format!("\"0x{}\"", "e3".repeat(128)), "7"),
    );
    add(
        "public-upper-case",
        "bundle-bad-member",
        with(&"1f".repeat(64), &"1F".repeat(64)),
    );
    add(
        "source-control",
        "bundle-bad-member",
        good.replacen("\"source\":\"keystore\"", "\"source\":\"a\\nb\"", 1),
    );
    add(
        "deep",
        "bundle-wrong-type",
        format!("{{\"format\":{}", "[".repeat(1_000)),
    );
}

fn age_file() -> (Vec<u8>, String) {
    let (file, sidecar) = seal_age::seal(
        &fixture::bundle(),
        &fixture::header(),
        &fixture::passphrase(),
    )
    .expect("valid");
    (file, text(&sidecar))
}

fn sidecar_of(file: &[u8]) -> String {
    let header: Header = fixture::header();
    text(&Sidecar::new(header, file).expect("valid").to_json())
}

fn first_lines_with(file: &[u8], old: &str, new: &str) -> Vec<u8> {
    let at = file
        .windows(old.len())
        .position(|w| w == old.as_bytes())
        .expect("it stands there");
    [&file[..at], new.as_bytes(), &file[at + old.len()..]].concat()
}

#[test]
#[ignore = "writes new vectors into the source tree"]
fn make_age() {
    let add = |name, expect, body: &[u8], sidecar: &str| {
        add(
            "age",
            name,
            expect,
            body,
            Some(sidecar).filter(|text| !text.is_empty()),
        );
    };
    let (file, sidecar) = age_file();
    add("good", "ok", &file, &sidecar);
    add("sidecar-missing", "sidecar-missing", &file, "");
    let other = |old: &str, new: &str| swap(&sidecar, old, new);
    add(
        "sidecar-k",
        "sealed-header-differs",
        &file,
        &other("\"k\":3", "\"k\":2"),
    );
    add(
        "sidecar-n",
        "sealed-header-differs",
        &file,
        &other("\"n\":5", "\"n\":4"),
    );
    add(
        "sidecar-ceremony",
        "sealed-header-differs",
        &file,
        &other("BR-2026", "BR-2025"),
    );
    add(
        "sidecar-created",
        "sealed-header-differs",
        &file,
        &other("14:32:00Z", "14:32:01Z"),
    );
    add(
        "sidecar-rehearsal",
        "sealed-header-differs",
        &file,
        &other("false", "true"),
    );
    add(
        "sidecar-set-id",
        "sealed-header-differs",
        &file,
        &other("88b102ae5c19", "88b102ae5c18"),
    );
    add(
        "sidecar-public",
        "sealed-header-differs",
        &file,
        &other(&"1f".repeat(64), &"1e".repeat(64)),
    );
    add(
        "sidecar-key-check",
        "key-check-differs",
        &file,
        &other(&"c7".repeat(32), &"c6".repeat(32)),
    );
    add(
        "sidecar-version",
        "sidecar-version",
        &file,
        &other("qh-sealed/1", "qh-sealed/2"),
    );
    add(
        "sidecar-unknown",
        "sidecar-unknown-member",
        &file,
        &other("{\"format\"", "{\"x\":1,\"format\""),
    );
    add(
        "sidecar-twice",
        "sidecar-duplicate-member",
        &file,
        &other("\"k\":3", "\"k\":3,\"k\":3"),
    );
    add(
        "sidecar-no-k",
        "sidecar-missing-member",
        &file,
        &other("\"k\":3,", ""),
    );
    add(
        "sidecar-trailing",
        "sidecar-trailing-bytes",
        &file,
        &format!("{sidecar}}}"),
    );
    add(
        "sidecar-cut",
        "sidecar-not-json",
        &file,
        &sidecar[..sidecar.len() - 1],
    );
    let sha256 = &sidecar[sidecar.len() - 66..sidecar.len() - 2];
    add(
        "sidecar-hash-upper",
        "sidecar-bad-member",
        &file,
        &other(sha256, &sha256.to_uppercase()),
    );
    add(
        "sidecar-hash-other",
        "sidecar-of-other-file",
        &file,
        &other(sha256, &"00".repeat(32)),
    );

    let damaged = |name, expect, bad: &[u8]| add(name, expect, bad, &sidecar_of(bad));
    damaged("payload-cut", "sealed-changed", &file[..file.len() - 1]);
    damaged(
        "payload-longer",
        "sealed-changed",
        &[file.as_slice(), b"x"].concat(),
    );
    let mut flipped = file.clone();
    *flipped.last_mut().expect("bytes") ^= 1;
    damaged("payload-changed", "sealed-changed", &flipped);
    damaged("first-lines-cut", "age-header", &file[..60]);
    damaged(
        "no-stanza",
        "age-header",
        b"age-encryption.org/v1\n--- AAAA\n",
    );
    damaged(
        "version-2",
        "age-version",
        &first_lines_with(&file, "/v1\n", "/v2\n"),
    );
    damaged(
        "work-19",
        "age-work-factor",
        &first_lines_with(&file, " 15\n", " 19\n"),
    );
    damaged(
        "work-63",
        "age-work-factor",
        &first_lines_with(&file, " 15\n", " 63\n"),
    );
    damaged(
        "work-huge",
        "age-header",
        &first_lines_with(&file, " 15\n", " 99999999999999999999\n"),
    );
    damaged(
        "work-zero-led",
        "age-header",
        &first_lines_with(&file, " 15\n", " 015\n"),
    );
    damaged(
        "work-other",
        "sealed-changed",
        &first_lines_with(&file, " 15\n", " 14\n"),
    );
    damaged(
        "two-stanzas",
        "age-not-passphrase",
        &first_lines_with(
            &file,
            "--- ",
            "-> scrypt AAAAAAAAAAAAAAAAAAAAAA 15\nAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA\n--- ",
        ),
    );
    damaged(
        "armored",
        "age-armored",
        b"-----BEGIN AGE ENCRYPTED FILE-----\nYWdl\n",
    );
    let ours = OneTimeRecipient::from_secret(&fixture::delivery_secret());
    let to_key = delivery::seal_to(&fixture::delivery(), &ours.recipient).expect("valid");
    damaged("to-a-recipient", "age-not-passphrase", &to_key);
    let passphrase = fixture::PASSPHRASE.replacen("letter", "advice", 1);
    let mut other_key = age::scrypt::Recipient::new(age::secrecy::SecretString::from(passphrase));
    other_key.set_work_factor(15);
    let foreign = age::encrypt(&other_key, good_bundle().as_bytes()).expect("memory");
    damaged("other-passphrase", "sealed-changed", &foreign);
}

#[test]
#[ignore = "writes new vectors into the source tree"]
fn make_delivery() {
    let add = |name, expect, body: &[u8]| add("delivery", name, expect, body, None);
    let ours = OneTimeRecipient::from_secret(&fixture::delivery_secret());
    let good = delivery::seal_to(&fixture::delivery(), &ours.recipient).expect("valid");
    let plain = text(fixture::delivery().to_json().expect("valid").expose());
    let key: age::x25519::Recipient = ours.recipient.as_str().parse().expect("valid");
    let sealed = |plain: &str| age::encrypt(&key, plain.as_bytes()).expect("memory");
    let with = |old: &str, new: &str| sealed(&swap(&plain, old, new));
    add("good", "ok", &good);
    add(
        "version",
        "delivery-version",
        &with("qh-delivery/1", "qh-delivery/2"),
    );
    add(
        "purpose",
        "delivery-bad-member",
        &with("to-laptop", "to-cloud"),
    );
    add(
        "purpose-missing",
        "delivery-missing-member",
        &with("\"purpose\":\"to-laptop\",", ""),
    );
    add(
        "unknown-member",
        "delivery-unknown-member",
        &with("{\"format\"", "{\"x\":1,\"format\""),
    );
    add(
        "path",
        "delivery-bad-member",
        &with("network/secret_ed25519", "keystore/x"),
    );
    add("a-key-bundle", "delivery-version", &sealed(&good_bundle()));
    add("cut", "delivery-damaged", &good[..good.len() - 1]);
    add(
        "longer",
        "delivery-damaged",
        &[good.as_slice(), b"\n"].concat(),
    );
    add("first-lines-cut", "delivery-first-lines", &good[..50]);
    add("not-age", "delivery-not-age", plain.as_bytes());
    add("passphrase", "delivery-other-kind", &age_file().0);
    let other = age::x25519::Identity::generate().to_public();
    add(
        "not-for-us",
        "delivery-not-for-us",
        &age::encrypt(&other, plain.as_bytes()).expect("memory"),
    );
    let both: [&dyn age::Recipient; 2] = [&key, &other];
    let mut two = Vec::new();
    let mut writer = age::Encryptor::with_recipients(both.into_iter())
        .expect("two recipients")
        .wrap_output(&mut two)
        .expect("memory");
    writer.write_all(plain.as_bytes()).expect("memory");
    writer.finish().expect("memory");
    add("two-recipients", "delivery-several-recipients", &two);
}
