//! Makes vectors of age files, their sidecars, and deliveries.

use crate::fixture;
use crate::make_vectors::{self, good_bundle, swap, text};
use qh_ceremony::vault::header::Header;
use qh_ceremony::vault::recipient::OneTimeRecipient;
use qh_ceremony::vault::sidecar::Sidecar;
use qh_ceremony::vault::{delivery, seal_age};
use std::io::Write;

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
        make_vectors::add(
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
    let add = |name, expect, body: &[u8]| make_vectors::add("delivery", name, expect, body, None);
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
