//! A bucket as a store, against a strict server: what is there is never replaced, no answer is believed, and no fault of
//! the network or the server makes a short listing, a wrong object or a false "stored".

#![cfg(feature = "online")]

mod identity;
mod others;
mod reading;
#[path = "../s3_server/mod.rs"]
mod s3_server;

use std::collections::BTreeMap;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use qh_ceremony::online::store::s3::{
    BucketLock, CredentialSource, LockMode, ObjectLock, S3, S3Settings,
};
use qh_ceremony::online::store::{Listed, Put, Store, StoreFault};
use qh_ceremony::refusal::Refuse;

use s3_server::{Conditions, Config, Fault, Op, S3Server, Who};

const PROBE: &str = "p/probe/conditional-put";

/// A store of this identity under the prefix `p`, that doesn't pause between its three tries.
fn store_with(server: &S3Server, who: Who, adjust: impl FnOnce(&mut S3Settings)) -> S3 {
    let mut settings = S3Settings::parse(&server.address("p")).unwrap();
    let directory = tempfile::tempdir().unwrap();
    let file = server.credentials_file(directory.path(), who);
    settings.credentials = CredentialSource::File(Some(file));
    settings.tries = 3;
    settings.backoff = Duration::ZERO;
    adjust(&mut settings);
    let store = S3::open(settings).unwrap();
    // Reads the credentials before their directory goes.
    let _ = store.list("none/");
    store
}

fn store(server: &S3Server, who: Who) -> S3 {
    store_with(server, who, |_| ())
}

fn name(fault: &StoreFault) -> &'static str {
    fault.name()
}

#[test]
fn what_is_put_is_there() {
    let server = S3Server::start_with(Config {
        page: 2,
        ..Config::default()
    });
    let (writer, reader) = (store(&server, Who::Writer), store(&server, Who::Reader));
    let large: Vec<u8> = (0..2_500_000_u32).map(|n| (n / 7) as u8).collect();
    for (name, bytes) in [
        ("dev3/n/a", &b"one"[..]),
        ("dev3/n/b/c", b""),
        ("dev3/n/b/d", &large),
        ("dev3/n.x", b"x"),
        ("dev3/m/e", b"e"),
        ("f", b"f"),
    ] {
        assert_eq!(writer.put_new(name, bytes, None), Ok(Put::Stored), "{name}");
        assert_eq!(reader.get(name, bytes.len() as u64).unwrap(), bytes);
    }
    let listed = |prefix: &str| -> Vec<_> {
        let all = writer.list(prefix).unwrap();
        all.into_iter()
            .map(|Listed { name, size }| (name, size))
            .collect()
    };
    let n = [
        ("dev3/n/a".to_owned(), 3),
        ("dev3/n/b/c".to_owned(), 0),
        ("dev3/n/b/d".to_owned(), large.len() as u64),
    ];
    assert_eq!(listed("dev3/n/"), n);
    assert_eq!(listed("").len(), 7, "six and the probe");
    assert_eq!(listed("none/"), []);
    assert_eq!(reader.directories("").unwrap(), ["dev3", "probe"]);
    assert_eq!(reader.directories("dev3/").unwrap(), ["m", "n"]);
    assert_eq!(reader.directories("dev3/n/b/").unwrap(), [""; 0]);

    // A settled name is taken, and a large body isn't sent for nothing.
    let before = server.counts();
    for bytes in [&b"two"[..], &large] {
        assert_eq!(writer.put_new("dev3/n/b/d", bytes, None), Ok(Put::Taken));
    }
    let after = server.counts();
    assert_eq!(after.bytes_in - before.bytes_in, 3);
    assert_eq!(
        after.requests - before.requests,
        2,
        "there is nothing to ask about"
    );

    let pruner = store(&server, Who::Pruner);
    pruner.delete("dev3/n/a").unwrap();
    pruner.delete("dev3/n/a").unwrap();
    let absent = reader.get("dev3/n/a", 9).unwrap_err();
    assert_eq!(name(&absent), "store-object-absent");
    assert_eq!(reader.list("dev3/n/").unwrap().len(), 2);
}

#[test]
fn a_put_whose_answer_is_lost_is_stored_once() {
    // Who may only write and list compares by size and MD5; who may look, by SHA-256, or else by MD5.
    for (who, states_checksums, heads) in [
        (Who::Writer, true, 0),
        (Who::Owner, true, 1),
        (Who::Owner, false, 1),
    ] {
        for fault in [
            || Fault::CloseAfter,
            || Fault::StatusAfter(500, "InternalError"),
            || Fault::StatusAfter(503, "SlowDown"),
            || Fault::WrongChecksum,
            || Fault::Body(vec![0; 17 * 1024 * 1024]),
        ] {
            let server = S3Server::start_with(Config {
                states_checksums,
                ..Config::default()
            });
            let store = store(&server, who);
            server.once(Op::Put, fault());
            assert_eq!(store.put_new("a", b"bytes", None), Ok(Put::Stored));
            let counts = server.counts();
            assert_eq!(
                (counts.puts, counts.heads),
                (2, heads),
                "the probe and one object"
            );
            assert_eq!(server.objects()["p/a"].bytes, b"bytes");
        }
    }
}

#[test]
fn what_others_laid_there_is_never_ours() {
    for who in [Who::Writer, Who::Owner] {
        for states_checksums in [true, false] {
            let server = S3Server::start_with(Config {
                states_checksums,
                ..Config::default()
            });
            let store = store(&server, who);
            for (other, size) in [("p/a", &b"other"[..]), ("p/b", b"longer than that")] {
                server.lay(other, size);
                server.once(Op::Put, Fault::Status(500, "InternalError"));
                let name = other.strip_prefix("p/").unwrap();
                assert_eq!(store.put_new(name, b"bytes", None), Ok(Put::Taken));
            }
            // Another key that begins alike is not it, and a store that doesn't tell is not believed.
            server.lay("p/c", b"bytes");
            server.once(Op::Put, Fault::Status(500, "InternalError"));
            server.inject(|seen| match seen.op {
                Op::List | Op::Head => Some(Fault::Status(403, "AccessDenied")),
                _ => None,
            });
            assert_eq!(store.put_new("c", b"bytes", None), Ok(Put::Taken));
            assert_eq!(server.objects()["p/a"].bytes, b"other");
        }
    }
    // What a listing says of another key, or of another size, is nothing.
    let server = S3Server::start();
    let store = store(&server, Who::Writer);
    for (name, from, to) in [
        ("a", "<Key>p/a<", "<Key>p/a/b<"),
        ("b", "<Size>5<", "<Size>6<"),
        ("c", "</Contents>", ""),
    ] {
        server.lay(&format!("p/{name}"), b"bytes");
        server.once(Op::Put, Fault::Status(500, "InternalError"));
        let edit = Fault::Edit(Box::new(move |text| text.replace(from, to)));
        server.once(Op::List, edit);
        assert_eq!(store.put_new(name, b"bytes", None), Ok(Put::Taken), "{to}");
    }
}

#[test]
fn passing_faults_are_outlived_and_lasting_ones_end() {
    let server = S3Server::start();
    let writer = store(&server, Who::Writer);
    for (number, faults) in [
        vec![Fault::Close, Fault::Close],
        vec![
            Fault::Status(503, "SlowDown"),
            Fault::Status(429, "TooManyRequests"),
        ],
        vec![Fault::Status(409, "ConditionalRequestConflict")],
        vec![
            Fault::Status(400, "RequestTimeout"),
            Fault::Status(400, "BadDigest"),
        ],
    ]
    .into_iter()
    .enumerate()
    {
        for fault in faults {
            server.once(Op::Put, fault);
        }
        let name = format!("a/{number}");
        assert_eq!(
            writer.put_new(&name, b"bytes", None),
            Ok(Put::Stored),
            "{name}"
        );
        server.heal();
    }
    let before = server.counts();
    server.inject(|_| Some(Fault::Status(503, "SlowDown")));
    let fault = writer.put_new("b", b"b", None).unwrap_err();
    assert_eq!(
        fault.to_string(),
        format!(
            "{} failed: PUT p/b, tried 3 times: SlowDown: The test says SlowDown.",
            writer.address()
        )
    );
    assert_eq!(server.counts().requests - before.requests, 3);
    server.heal();
    server.inject(|_| Some(Fault::Close));
    for fault in [
        writer.put_new("b", b"b", None).unwrap_err(),
        writer.list("").unwrap_err(),
        writer.now().unwrap_err(),
    ] {
        assert_eq!(name(&fault), "store-failed");
        assert!(
            fault.to_string().contains("the connection was closed"),
            "{fault}"
        );
    }
    server.heal();
    assert_eq!(writer.put_new("b", b"b", None), Ok(Put::Stored));
}

#[test]
fn a_silent_server_is_given_up() {
    let server = S3Server::start();
    let timeout = |settings: &mut S3Settings| settings.timeout = Duration::from_millis(300);
    let writer = store_with(&server, Who::Writer, timeout);
    server.once(Op::Put, Fault::Silent);
    assert_eq!(writer.put_new("a", b"a", None), Ok(Put::Stored));
    server.inject(|_| Some(Fault::Silent));
    let fault = writer.put_new("b", b"b", None).unwrap_err().to_string();
    assert!(
        fault.contains("tried 3 times: no answer within 0.3 s"),
        "{fault}"
    );
}

#[test]
fn a_server_that_replaces_objects_is_refused() {
    for conditions in [Conditions::Ignored, Conditions::Unsupported] {
        let server = S3Server::start_with(Config {
            conditions,
            ..Config::default()
        });
        server.lay("p/a", b"old");
        let writer = store(&server, Who::Writer);
        for fault in [
            writer.probe().unwrap_err(),
            writer.put_new("a", b"new", None).unwrap_err(),
        ] {
            assert_eq!(name(&fault), "store-replaces-objects", "{fault}");
        }
        assert_eq!(server.objects()["p/a"].bytes, b"old");
    }
    // One that keeps to conditions is asked once a program, and keeps one small object.
    let server = S3Server::start();
    for _ in 0..3 {
        let writer = store(&server, Who::Writer);
        writer.probe().unwrap();
        writer.put_new("a", b"a", None).unwrap();
    }
    assert_eq!(server.objects().keys().collect::<Vec<_>>(), ["p/a", PROBE]);
}

#[test]
fn objects_are_locked_as_the_bucket_or_the_setting_says() {
    use LockMode::{Compliance, Governance};
    let until: Timestamp = "2099-01-01T00:00:00.5Z".parse().unwrap();
    let whole: Timestamp = "2099-01-01T00:00:01Z".parse().unwrap();
    for (object_lock, tells_lock, setting, expected) in [
        (
            Some(Some("COMPLIANCE")),
            true,
            ObjectLock::Auto,
            Some("COMPLIANCE"),
        ),
        (Some(None), true, ObjectLock::Auto, Some("GOVERNANCE")),
        (Some(None), false, ObjectLock::Auto, Some("GOVERNANCE")),
        (None, true, ObjectLock::Auto, None),
        (None, false, ObjectLock::Auto, None),
        (Some(None), true, ObjectLock::Off, None),
        (
            Some(None),
            false,
            ObjectLock::On(Compliance),
            Some("COMPLIANCE"),
        ),
        (
            Some(Some("COMPLIANCE")),
            true,
            ObjectLock::On(Governance),
            Some("GOVERNANCE"),
        ),
    ] {
        let server = S3Server::start_with(Config {
            object_lock,
            tells_lock,
            ..Config::default()
        });
        let writer = store_with(&server, Who::Writer, |s| s.object_lock = setting);
        for name in ["a", "b"] {
            assert_eq!(writer.put_new(name, b"a", Some(until)), Ok(Put::Stored));
            let lock = server.objects()[&format!("p/{name}")].lock.clone();
            assert_eq!(
                lock,
                expected.map(|mode| (mode.to_owned(), whole)),
                "{setting:?}"
            );
        }
        assert_eq!(writer.put_new("c", b"c", None), Ok(Put::Stored));
        assert_eq!(server.objects()["p/c"].lock, None);
    }
    let server = S3Server::start();
    let on = |s: &mut S3Settings| s.object_lock = ObjectLock::On(Governance);
    let writer = store_with(&server, Who::Writer, on);
    let fault = writer
        .put_new("a", b"a", Some(until))
        .unwrap_err()
        .to_string();
    assert!(fault.contains("missing Object Lock"), "{fault}");
    // An answer that doesn't tell leaves nothing unlocked.
    let writer = store(&server, Who::Writer);
    for (status, code) in [(400, "AuthorizationHeaderMalformed"), (404, "NoSuchKey")] {
        server.once(Op::LockConfiguration, Fault::Status(status, code));
        assert!(writer.put_new("a", b"a", Some(until)).is_err(), "{code}");
    }
    assert!(!server.objects().contains_key("p/a"));
}

#[test]
fn a_locked_object_stays_until_its_time() {
    let server = S3Server::start_with(Config {
        object_lock: Some(Some("COMPLIANCE")),
        ..Config::default()
    });
    let (writer, pruner) = (store(&server, Who::Writer), store(&server, Who::Pruner));
    let mode = Some(LockMode::Compliance);
    assert_eq!(writer.lock_configuration(), Ok(BucketLock::Enabled(mode)));
    let until = server.now() + SignedDuration::from_hours(2);
    writer.put_new("a", b"a", Some(until)).unwrap();
    assert_eq!(
        name(&pruner.delete("a").unwrap_err()),
        "store-object-locked"
    );
    // Who isn't told of the lock beforehand is told by the refusal.
    server.once(Op::Head, Fault::Status(403, "AccessDenied"));
    let fault = pruner.delete("a").unwrap_err();
    assert_eq!(name(&fault), "store-object-locked");
    assert!(
        fault.to_string().contains("protected by object lock"),
        "{fault}"
    );
    assert!(server.objects().contains_key("p/a"));
    server.set_clock_ahead(3 * 3600);
    pruner.delete("a").unwrap();
    assert!(!server.objects().contains_key("p/a"));
}

#[test]
fn time_is_the_servers() {
    for ahead in [3600, -3600, 86_400 * 400] {
        let server = S3Server::start();
        let (writer, reader) = (store(&server, Who::Writer), store(&server, Who::Reader));
        server.set_clock_ahead(ahead);
        assert_eq!(writer.put_new("a", b"a", None), Ok(Put::Stored), "{ahead}");
        assert_eq!(server.counts().puts, 2);
        for store in [&writer, &reader] {
            let now = store.now().unwrap();
            assert!(
                now.duration_since(server.now()).abs().as_secs() < 120,
                "{now}"
            );
        }
        assert_eq!(reader.get("a", 1).unwrap(), b"a");
    }
    // A server that finds every time wrong is not asked for ever.
    let server = S3Server::start();
    let writer = store(&server, Who::Writer);
    server.inject(|_| Some(Fault::Status(403, "RequestTimeTooSkewed")));
    let before = server.counts().requests;
    assert_eq!(name(&writer.list("").unwrap_err()), "store-denied");
    assert_eq!(server.counts().requests - before, 2);
}

/// Eight threads, each request going wrong up to four times, in every way there is.
#[test]
fn under_many_faults_every_stored_object_is_there_and_whole() {
    let server = S3Server::start_with(Config {
        page: 7,
        ..Config::default()
    });
    let many = |settings: &mut S3Settings| settings.tries = 6;
    let writer = store_with(&server, Who::Writer, many);
    let reader = store_with(&server, Who::Reader, many);
    let mut seen_before = BTreeMap::new();
    server.inject(move |seen| {
        let tries = seen_before
            .entry((
                format!("{:?}", seen.op),
                seen.key.clone(),
                seen.query.clone(),
            ))
            .or_insert(0_usize);
        *tries += 1;
        let number: usize = seen.key.bytes().map(usize::from).sum();
        (*tries <= number % 5).then(|| match (number + *tries) % 8 {
            0 => Fault::Close,
            1 => Fault::CloseAfter,
            2 => Fault::Status(503, "SlowDown"),
            3 => Fault::StatusAfter(500, "InternalError"),
            4 => Fault::WrongChecksum,
            5 => Fault::Cut(1),
            6 => Fault::Status(429, "TooManyRequests"),
            _ => Fault::StatusAfter(503, "ServiceUnavailable"),
        })
    });
    let bytes = |thread: usize, number: usize| vec![thread as u8; number * 1000];
    std::thread::scope(|scope| {
        for thread in 0..8 {
            let (writer, reader) = (&writer, &reader);
            scope.spawn(move || {
                for number in 0..25 {
                    let (name, bytes) = (format!("t{thread}/{number}"), bytes(thread, number));
                    assert_eq!(
                        writer.put_new(&name, &bytes, None),
                        Ok(Put::Stored),
                        "{name}"
                    );
                    assert_eq!(
                        writer.put_new(&name, b"other", None),
                        Ok(Put::Taken),
                        "{name}"
                    );
                    assert_eq!(reader.get(&name, 25_000).unwrap(), bytes, "{name}");
                }
            });
        }
    });
    assert_eq!(server.counts().puts, 201, "each once, and the probe");
    for thread in 0..8 {
        let listed = reader.list(&format!("t{thread}/")).unwrap();
        let mut expected: Vec<_> = (0..25)
            .map(|number| Listed {
                name: format!("t{thread}/{number}"),
                size: number * 1000,
            })
            .collect();
        expected.sort();
        assert_eq!(listed, expected);
    }
}
