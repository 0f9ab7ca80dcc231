//! What a server answers: listings, objects, words. None is believed.

use qh_ceremony::online::store::{Put, Store};

use super::s3_server::{Config, Fault, Op, S3Server, Who};
use super::{name, store};

#[test]
fn a_listing_is_whole_or_refused() {
    type Edit = fn(String) -> String;
    let edits: [(&str, &str, Edit); 10] = [
        ("a page cut short", "not XML", |t| {
            t[..t.len() - 40].to_owned()
        }),
        ("truncated, no token", "no continuation token", |t| {
            let (before, rest) = t.split_once("<NextC").unwrap();
            format!(
                "{before}{}",
                rest.split_once("Token>")
                    .unwrap()
                    .1
                    .split_once("Token>")
                    .unwrap()
                    .1
            )
        }),
        ("another count", "says another number", |t| {
            t.replace("<KeyCount>2<", "<KeyCount>3<")
        }),
        ("a key left out", "says another number", |t| {
            let (before, rest) = t.split_once("<Contents>").unwrap();
            format!("{before}{}", rest.split_once("</Contents>").unwrap().1)
        }),
        ("a key twice", "out of order", |t| {
            t.replace("p/a/2", "p/a/1")
        }),
        ("keys in disorder", "out of order", |t| {
            t.replace("p/a/1", "p/a/7")
        }),
        ("a key outside", "is not below p/a/", |t| {
            t.replace("p/a/1", "p/Z")
        }),
        ("no size", "a Size is no number", |t| {
            t.replace("<Size>1<", "<Size>x<")
        }),
        ("neither", "neither true nor false", |t| {
            t.replace("<IsTruncated>true", "<IsTruncated>maybe")
        }),
        ("a directory", "not asked for", |t| {
            t.replace(
                "<Contents>",
                "<CommonPrefixes><Prefix>p/a/x/</Prefix></CommonPrefixes><Contents>",
            )
            .replacen(
                "<CommonPrefixes><Prefix>p/a/x/</Prefix></CommonPrefixes>",
                "",
                1,
            )
            .replace("<KeyCount>2<", "<KeyCount>3<")
        }),
    ];
    let server = S3Server::start_with(Config {
        page: 2,
        ..Config::default()
    });
    for number in 1..=5 {
        server.lay(&format!("p/a/{number}"), b"x");
    }
    let reader = store(&server, Who::Reader);
    for (what, reason, edit) in edits {
        server.once(Op::List, Fault::Edit(Box::new(edit)));
        let fault = reader.list("a/").unwrap_err();
        assert_eq!(name(&fault), "store-listing-broken", "{what}: {fault}");
        assert!(fault.to_string().contains(reason), "{what}: {fault}");
        server.heal();
    }
    // A token that comes again, with pages that are empty so that no key shows it.
    server.inject(|seen| {
        let again = "<ListBucketResult><IsTruncated>true</IsTruncated><NextContinuationToken>t</NextContinuationToken></ListBucketResult>";
        (seen.op == Op::List).then(|| Fault::Body(again.into()))
    });
    let fault = reader.list("a/").unwrap_err().to_string();
    assert!(
        fault.contains("the same continuation token twice"),
        "{fault}"
    );
    server.heal();
    server.once(Op::List, Fault::Body(vec![b' '; 17 * 1024 * 1024]));
    let fault = reader.list("a/").unwrap_err();
    assert_eq!(name(&fault), "store-listing-broken", "{fault}");
    // Nested without end: refused, and the program lives.
    server.once(Op::List, Fault::Body("<a>".repeat(1_000_000).into()));
    assert_eq!(
        name(&reader.list("a/").unwrap_err()),
        "store-listing-broken"
    );
    // What passes is asked again.
    server.once(Op::List, Fault::Cut(100));
    server.once(Op::List, Fault::Status(500, "InternalError"));
    assert_eq!(reader.list("a/").unwrap().len(), 5);
    assert_eq!(reader.directories("").unwrap(), ["a"]);
    // Whoever may write can't stop us with a name that no object has, and it hides none.
    for strange in ["p/b c/d", "p/a/..", "p/a/\u{202e}", "p/a//1", "p/a/2 "] {
        server.lay(strange, b"");
    }
    assert_eq!(reader.directories("").unwrap(), ["a"]);
    let names: Vec<_> = reader
        .list("a/")
        .unwrap()
        .into_iter()
        .map(|listed| listed.name)
        .collect();
    assert_eq!(names, ["a/1", "a/2", "a/3", "a/4", "a/5"]);
    for prefix in ["a", "/", "../", "a//"] {
        assert_eq!(
            name(&reader.list(prefix).unwrap_err()),
            "store-strange-name"
        );
    }
}

#[test]
fn what_is_read_is_what_is_there() {
    for states_checksums in [true, false] {
        let server = S3Server::start_with(Config {
            states_checksums,
            ..Config::default()
        });
        let reader = store(&server, Who::Reader);
        server.lay("p/a", b"0123456789");
        for fault in [
            Fault::Cut(0),
            Fault::Cut(9),
            Fault::Close,
            Fault::Status(500, "InternalError"),
        ] {
            server.once(Op::Get, fault);
            assert_eq!(reader.get("a", 10).unwrap(), b"0123456789");
        }
        let fault = reader.get("a", 9).unwrap_err();
        assert_eq!(name(&fault), "store-object-too-large");
        server.inject(|_| Some(Fault::Cut(5)));
        let fault = reader.get("a", 10).unwrap_err();
        assert_eq!(name(&fault), "store-failed", "{fault}");
        server.heal();
    }
    let server = S3Server::start();
    let reader = store(&server, Who::Reader);
    server.lay("p/a", b"0123456789");
    server.once(Op::Get, Fault::WrongChecksum);
    server.once(Op::Get, Fault::Body(b"0123456780".to_vec()));
    assert_eq!(reader.get("a", 10).unwrap(), b"0123456789");
    server.inject(|_| Some(Fault::Body(b"0123456780".to_vec())));
    let fault = reader.get("a", 10).unwrap_err().to_string();
    assert!(fault.contains("don't have the checksum"), "{fault}");
}

#[test]
fn a_servers_words_are_bounded_and_visible() {
    let server = S3Server::start();
    let writer = store(&server, Who::Writer);
    let long = "x".repeat(5000);
    let edit =
        move |_| format!("<Error><Code>Strange</Code><Message>&#x202E;{long}</Message></Error>");
    server.once(Op::List, Fault::Status(418, "x"));
    assert_eq!(name(&writer.list("").unwrap_err()), "store-failed");
    server.once(Op::Put, Fault::Edit(Box::new(edit)));
    server.lay("p/a", b"a");
    // The edited text comes with the status of what was carried out: 412, which is no error of ours.
    assert_eq!(writer.put_new("a", b"a", None), Ok(Put::Taken));
    for (status, code, expected) in [
        (301, "PermanentRedirect", "store-address"),
        (307, "TemporaryRedirect", "store-address"),
        (404, "NoSuchBucket", "store-address"),
        (403, "QuotaExceeded", "store-full"),
        (507, "XMinioStorageFull", "store-full"),
        (400, "Strange", "store-failed"),
        (200, "Strange", "store-listing-broken"),
    ] {
        server.heal();
        server.inject(move |_| Some(Fault::Status(status, code)));
        let before = server.counts().requests;
        let fault = writer.list("").unwrap_err();
        assert_eq!(name(&fault), expected, "{fault}");
        assert_eq!(server.counts().requests - before, 1, "not asked twice");
    }
    assert_eq!(
        name(&writer.put_new("a b", b"", None).unwrap_err()),
        "store-strange-name"
    );
}
