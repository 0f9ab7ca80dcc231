//! Makes vectors of key bundles.

use crate::make_vectors::{self, good_bundle, swap};

#[test]
#[ignore = "writes new vectors into the source tree"]
fn make_bundle() {
    let add = |name, expect, body: String| make_vectors::add("bundle", name, expect, body, None);
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
