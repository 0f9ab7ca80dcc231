//! Makes vectors of JWE files.

use crate::fixture;
use crate::make_vectors::{self, good_bundle, swap, text};
use aes_gcm::aead::AeadInPlace;
use aes_gcm::{Aes256Gcm, KeyInit};
use data_encoding::BASE64URL_NOPAD;
use qh_ceremony::vault::seal_jwe;

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
    let add = |name, expect, body: String| make_vectors::add("jwe", name, expect, body, None);
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
