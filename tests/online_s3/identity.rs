//! Who asks: each identity's part, files of credentials, keys that change.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::sync::atomic::Ordering;

use qh_ceremony::online::store::s3::{CredentialSource, S3, S3Settings};
use qh_ceremony::online::store::{Put, Store};

use super::s3_server::{S3Server, Who, instance};
use super::{name, store};

static_assertions::assert_not_impl_any!(S3: std::fmt::Debug, Clone);

#[test]
fn credentials_are_kept_from_others_and_out_of_texts() {
    let server = S3Server::start();
    let directory = tempfile::tempdir().unwrap();
    let file = server.credentials_file(directory.path(), Who::Writer);
    let open = |profile: &str| {
        let mut settings = S3Settings::parse(&server.address("p")).unwrap();
        settings.credentials = CredentialSource::parse(file.to_str().unwrap());
        settings.profile = profile.into();
        S3::open(settings).unwrap()
    };
    for mode in [0o644, 0o640, 0o604, 0o660] {
        fs::set_permissions(&file, fs::Permissions::from_mode(mode)).unwrap();
        let fault = open("default").list("").unwrap_err();
        assert_eq!(name(&fault), "store-credentials");
        assert!(
            fault.to_string().contains("others may read or write it"),
            "{fault}"
        );
    }
    fs::set_permissions(&file, fs::Permissions::from_mode(0o400)).unwrap();
    open("default").list("").unwrap();
    let fault = open("other").list("").unwrap_err().to_string();
    assert!(fault.contains("it has no profile [other]"), "{fault}");
    assert_eq!(server.counts().requests, 1);

    let text = fs::read_to_string(&file).unwrap();
    fs::remove_file(&file).unwrap();
    fs::write(&file, text.replace("secret+of", "secret+off")).unwrap();
    fs::set_permissions(&file, fs::Permissions::from_mode(0o600)).unwrap();
    let fault = open("default").list("").unwrap_err();
    assert_eq!(name(&fault), "store-denied");
    let shown = format!("{fault} {fault:?}");
    assert!(
        shown.contains("SignatureDoesNotMatch") && !shown.contains("secret"),
        "{shown}"
    );
}

#[test]
fn new_credentials_are_picked_up() {
    let server = S3Server::start();
    let directory = tempfile::tempdir().unwrap();
    let mut settings = S3Settings::parse(&server.address("p")).unwrap();
    let file = server.credentials_file(directory.path(), Who::Writer);
    settings.credentials = CredentialSource::File(Some(file));
    let writer = S3::open(settings.clone()).unwrap();
    writer.put_new("a", b"a", None).unwrap();
    let (id, secret, token) = server.rotate(Who::Writer);
    assert_eq!(name(&writer.list("").unwrap_err()), "store-denied");
    server.credentials_file(directory.path(), Who::Writer);
    assert_eq!(writer.put_new("b", b"b", None), Ok(Put::Stored));

    // The role of an instance: asked once while its credentials are good, each time when they end soon.
    for (expiration, expected) in [("2099-01-01T00:00:00Z", 1), ("2020-01-01T00:00:00Z", 3)] {
        let (address, given) = instance::serve(&id, &secret, &token, expiration);
        settings.credentials = CredentialSource::Instance(address);
        let writer = S3::open(settings.clone()).unwrap();
        for _ in 0..3 {
            assert_eq!(writer.list("").unwrap().len(), 3);
        }
        assert_eq!(given.load(Ordering::SeqCst), expected);
    }
    for address in [
        "http://192.0.2.1",
        "http://127.0.0.1:80@host.example",
        "https://169.254.169.254",
    ] {
        settings.credentials = CredentialSource::Instance(address.into());
        let store = S3::open(settings.clone()).unwrap();
        let fault = store.list("").unwrap_err().to_string();
        assert!(fault.contains("not link-local"), "{fault}");
    }
}

#[test]
fn each_identity_may_do_its_part_alone() {
    let server = S3Server::start();
    server.lay("p/a", b"a");
    let writer = store(&server, Who::Writer);
    let reader = store(&server, Who::Reader);
    for fault in [
        writer.get("a", 9).unwrap_err(),
        writer.delete("a").unwrap_err(),
        reader.put_new("b", b"b", None).unwrap_err(),
        reader.delete("a").unwrap_err(),
    ] {
        assert_eq!(name(&fault), "store-denied", "{fault}");
        assert!(fault.to_string().contains("AccessDenied"), "{fault}");
    }
    assert_eq!(server.objects().keys().collect::<Vec<_>>(), ["p/a"]);
    assert_eq!(server.counts().deletes, 0);
}
