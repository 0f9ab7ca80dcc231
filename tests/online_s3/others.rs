//! The same store against servers of other makers.
//!
//! - `moto` (Python): runs where `QH_MOTO` names a `moto_server`. It doesn't check signatures or checksums, but has object
//!   lock and versions.
//! - Any server: runs where `QH_S3_ADDRESS` (as [`S3Settings::parse`] takes it) and `QH_S3_CREDENTIALS` (a file) name one.
//!   It writes under a prefix of its own, and deletes what it wrote.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use qh_ceremony::online::store::s3::{BucketLock, CredentialSource, S3, S3Settings};
use qh_ceremony::online::store::{Put, Store};
use qh_ceremony::refusal::Refuse;

/// What must hold at every server. `many` objects are more than a page.
fn suite(store: &S3, many: usize) {
    store.probe().unwrap();
    store.probe().unwrap();
    let large: Vec<u8> = (0..3_000_000_u32).map(|n| (n / 5) as u8).collect();
    for (name, bytes) in [
        ("dev3/n/a", &b"one"[..]),
        ("dev3/n/b/c", b""),
        ("dev3/n/b/d", &large),
        ("dev3/n.x_y-Z", b"x"),
        ("f", b"f"),
    ] {
        assert_eq!(store.put_new(name, bytes, None), Ok(Put::Stored), "{name}");
        for other in [&b"two"[..], &large, bytes] {
            assert_eq!(store.put_new(name, other, None), Ok(Put::Taken), "{name}");
        }
        assert_eq!(store.get(name, bytes.len() as u64).unwrap(), bytes);
    }
    assert_eq!(
        store.get("dev3/n/a", 2).unwrap_err().name(),
        "store-object-too-large"
    );
    assert_eq!(
        store.get("dev3/none", 2).unwrap_err().name(),
        "store-object-absent"
    );
    let listed = store.list("dev3/").unwrap();
    let listed: Vec<_> = listed.iter().map(|l| (l.name.as_str(), l.size)).collect();
    let expected = [
        ("dev3/n.x_y-Z", 1),
        ("dev3/n/a", 3),
        ("dev3/n/b/c", 0),
        ("dev3/n/b/d", large.len() as u64),
    ];
    assert_eq!(listed, expected);
    assert_eq!(store.directories("").unwrap(), ["dev3", "probe"]);
    assert_eq!(store.directories("dev3/").unwrap(), ["n"]);
    assert_eq!(store.list("none/").unwrap(), []);

    for number in 0..many {
        let put = store.put_new(&format!("many/{number:04}"), b"", None);
        assert_eq!(put, Ok(Put::Stored), "{number}");
    }
    let listed = store.list("many/").unwrap();
    let expected: Vec<_> = (0..many).map(|n| format!("many/{n:04}")).collect();
    assert!(listed.iter().map(|l| &l.name).eq(&expected), "{listed:?}");

    let now = store.now().unwrap();
    assert!(
        now.duration_since(Timestamp::now()).abs().as_secs() < 3600,
        "{now}"
    );
    for object in store.list("").unwrap() {
        store.delete(&object.name).unwrap();
        store.delete(&object.name).unwrap();
    }
    assert_eq!(store.list("").unwrap(), []);
}

#[test]
fn any_other_server() {
    let (Ok(address), Ok(file)) = (
        std::env::var("QH_S3_ADDRESS"),
        std::env::var("QH_S3_CREDENTIALS"),
    ) else {
        eprintln!("QH_S3_ADDRESS and QH_S3_CREDENTIALS name no server: not run");
        return;
    };
    let mut settings = S3Settings::parse(&address).unwrap();
    settings.credentials = CredentialSource::parse(&file);
    let mut random = [0; 8];
    getrandom::fill(&mut random).unwrap();
    let random = data_encoding::HEXLOWER.encode(&random);
    let above = settings.prefix.as_str();
    let slash = if above.is_empty() { "" } else { "/" };
    settings.prefix = format!("{above}{slash}qh-test-{random}");
    suite(&S3::open(settings).unwrap(), 1_003);
}

/// A running moto, killed when dropped.
struct Moto {
    child: Child,
    port: u16,
}

impl Moto {
    fn start(program: &str) -> Self {
        let mut child = Command::new(program)
            .args(["-H", "127.0.0.1", "-p", "0"])
            .env("MOTO_S3_DEFAULT_MAX_KEYS", "3")
            .stderr(Stdio::piped())
            .stdout(Stdio::null())
            .spawn()
            .unwrap();
        let mut said = BufReader::new(child.stderr.take().unwrap());
        let port = loop {
            let mut line = String::new();
            assert_ne!(said.read_line(&mut line).unwrap(), 0, "moto ended");
            if let Some((_, port)) = line.trim().rsplit_once("http://127.0.0.1:") {
                let digits: String = port.chars().take_while(char::is_ascii_digit).collect();
                break digits.parse().unwrap();
            }
        };
        // It must not stop at a full pipe.
        std::thread::spawn(move || std::io::copy(&mut said, &mut std::io::sink()));
        Self { child, port }
    }

    /// A request that needs no signature here; the answer with its head.
    fn raw(&self, method: &str, target: &str, header: &str) -> String {
        let mut stream = TcpStream::connect(("127.0.0.1", self.port)).unwrap();
        write!(
            stream,
            "{method} {target} HTTP/1.1\r\nHost: 127.0.0.1:{}\r\nAuthorization: AWS4-HMAC-SHA256 Credential=AK/20260101/us-east-1/s3/aws4_request, SignedHeaders=host, Signature=00\r\n{header}Content-Length: 0\r\nConnection: close\r\n\r\n",
            self.port
        )
        .unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        assert!(answer.lines().next().unwrap().contains(" 200 "), "{answer}");
        answer
    }

    fn store(&self, bucket: &str) -> S3 {
        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join("credentials");
        let mut new = std::fs::OpenOptions::new();
        std::os::unix::fs::OpenOptionsExt::mode(&mut new, 0o600);
        let mut opened = new.write(true).create_new(true).open(&file).unwrap();
        let text = "[default]\naws_access_key_id = AK\naws_secret_access_key = SK\n";
        opened.write_all(text.as_bytes()).unwrap();
        let address = format!("s3://{bucket}/a/b?endpoint=http://127.0.0.1:{}", self.port);
        let mut settings = S3Settings::parse(&address).unwrap();
        settings.credentials = CredentialSource::File(Some(file));
        settings.backoff = Duration::ZERO;
        let store = S3::open(settings).unwrap();
        // Reads the credentials before their directory goes.
        let _ = store.list("");
        store
    }
}

impl Drop for Moto {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[test]
fn moto() {
    let Ok(program) = std::env::var("QH_MOTO") else {
        eprintln!("QH_MOTO names no moto_server: not run");
        return;
    };
    let moto = Moto::start(&program);
    moto.raw("PUT", "/plain", "");
    let store = moto.store("plain");
    assert_eq!(store.lock_configuration(), Ok(BucketLock::Absent));
    suite(&store, 20);

    let lock = "x-amz-bucket-object-lock-enabled: true\r\n";
    moto.raw("PUT", "/locked", lock);
    let store = moto.store("locked");
    assert_eq!(store.lock_configuration(), Ok(BucketLock::Enabled(None)));
    let until = Timestamp::now() + SignedDuration::from_hours(1);
    assert_eq!(store.put_new("a", b"a", Some(until)), Ok(Put::Stored));
    assert_eq!(store.put_new("a", b"b", Some(until)), Ok(Put::Taken));
    assert_eq!(store.delete("a").unwrap_err().name(), "store-object-locked");
    assert_eq!(store.get("a", 1).unwrap(), b"a");
    // Without a lock the object's version goes, not just its name.
    assert_eq!(store.put_new("b", b"b", None), Ok(Put::Stored));
    store.delete("b").unwrap();
    assert_eq!(store.get("b", 1).unwrap_err().name(), "store-object-absent");
    let versions = moto.raw("GET", "/locked?versions", "");
    assert!(versions.contains("<Key>a/b/a</Key>"), "{versions}");
    assert!(!versions.contains("<Key>a/b/b</Key>"), "{versions}");

    let absent = S3Settings {
        bucket: "absent".into(),
        ..S3Settings::parse(store.address()).unwrap()
    };
    assert_eq!(
        absent.address(),
        store.address().replace("locked", "absent")
    );
}
