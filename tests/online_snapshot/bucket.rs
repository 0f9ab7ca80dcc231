//! The same in a bucket, of a strict server that fails on demand.

use std::fs;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use super::s3_server::{Fault, Op, S3Server, Who};
use super::setup::{FINE, Ran, Setup, same_files};

/// A server, and configuration files for its three identities.
struct Bucket {
    server: S3Server,
    address: String,
}

impl Bucket {
    fn new(setup: &Setup) -> Self {
        let server = S3Server::start();
        let address = server.address("chain");
        for (name, who) in [("host.toml", Who::Writer), ("verifier.toml", Who::Verifier)] {
            let credentials = server.credentials_file(setup.dir.path(), who);
            let text = format!(
                "[[bucket]]\nstore = {address:?}\ncredentials = {:?}\n",
                credentials.display().to_string()
            );
            fs::write(setup.path(name), text).unwrap();
        }
        Self { server, address }
    }

    fn create(&self, setup: &Setup) -> Ran {
        let config = setup.path("host.toml").display().to_string();
        Ran::of(
            setup
                .creating(&self.address, &["--config", &config])
                .output()
                .unwrap(),
        )
    }

    fn elsewhere(&self, setup: &Setup, words: &[&str], more: &[&str]) -> Ran {
        let config = setup.path("verifier.toml").display().to_string();
        setup.elsewhere(
            words,
            &self.address,
            &[&["--config", &config], more].concat(),
        )
    }

    fn names(&self, setup: &Setup) -> Vec<String> {
        let document = self
            .elsewhere(setup, &["snapshot", "list"], &[])
            .ok()
            .json();
        document
            .as_array()
            .unwrap()
            .iter()
            .map(|one| one["snapshot"].as_str().unwrap().to_owned())
            .collect()
    }

    /// Everything that is listed restores to the database as it is.
    #[track_caller]
    fn all_restore(&self, setup: &Setup) {
        let identity = setup.path("identity").display().to_string();
        for name in self.names(setup) {
            let to = setup.path(&format!("to-{name}"));
            let _ = fs::remove_dir_all(&to);
            let dir = to.display().to_string();
            let words = [
                "--identity",
                &identity,
                "--to",
                &dir,
                "--unattested",
                "--snapshot",
                &name,
            ];
            self.elsewhere(setup, &["snapshot", "restore"], &words).ok();
            same_files(&setup.database(), &to);
        }
    }
}

#[test]
fn made_by_an_identity_that_may_only_write_verified_and_restored_by_others() {
    let setup = Setup::new();
    let bucket = Bucket::new(&setup);
    let first = bucket.create(&setup).ok().json();
    assert!(first["stores"][0]["sent_bytes"].as_u64().unwrap() > 3_600_000);
    std::thread::sleep(Duration::from_secs(1));
    assert_eq!(
        bucket.create(&setup).ok().json()["stores"][0]["sent_bytes"],
        0
    );
    let config = setup.path("verifier.toml").display().to_string();
    setup
        .verify_in(&bucket.address, FINE, &["--config", &config])
        .ok();
    let all = bucket
        .elsewhere(&setup, &["snapshot", "list"], &[])
        .ok()
        .json();
    assert_eq!(
        all.as_array()
            .unwrap()
            .iter()
            .filter(|one| one["worth"] == "good")
            .count(),
        1
    );
    bucket.all_restore(&setup);
    assert!(bucket.server.counts().puts > 8);
}

#[test]
fn a_server_that_fails_now_and_then_costs_time_and_nothing_else() {
    let setup = Setup::new();
    let bucket = Bucket::new(&setup);
    // Every third request fails, each time in another way.
    let count = Arc::new(AtomicU64::new(0));
    bucket.server.inject(move |seen| {
        let n = count.fetch_add(1, Ordering::Relaxed);
        if n % 3 != 1 {
            return None;
        }
        Some(match (n / 3 % 6, seen.op) {
            (0, _) => Fault::Status(503, "SlowDown"),
            (1, _) => Fault::Status(500, "InternalError"),
            (2, Op::Put) => Fault::StatusAfter(500, "InternalError"),
            (3, Op::Put) => Fault::CloseAfter,
            (4, Op::Get) => Fault::Cut(10),
            _ => Fault::Close,
        })
    });
    bucket.create(&setup).ok();
    std::thread::sleep(Duration::from_secs(1));
    bucket.create(&setup).ok();
    bucket.all_restore(&setup);
}

#[test]
fn a_commit_whose_answer_is_lost_is_one_snapshot() {
    let setup = Setup::new();
    let bucket = Bucket::new(&setup);
    let mut lost = false;
    bucket.server.inject(move |seen| {
        let commit = seen.op == Op::Put && seen.key.ends_with(".json") && !lost;
        lost |= commit;
        commit.then_some(Fault::CloseAfter)
    });
    bucket.create(&setup).ok();
    bucket.server.heal();
    assert_eq!(bucket.names(&setup).len(), 1);
    std::thread::sleep(Duration::from_secs(1));
    bucket.create(&setup).ok();
    assert_eq!(bucket.names(&setup).len(), 2);
    bucket.all_restore(&setup);
}

#[test]
fn a_server_that_stays_down_fails_the_run_and_loses_nothing() {
    let setup = Setup::new();
    let bucket = Bucket::new(&setup);
    bucket.create(&setup).ok();
    std::thread::sleep(Duration::from_secs(1));
    fs::write(
        setup.database().join("table_05_01"),
        super::setup::noise(3, 200_000),
    )
    .unwrap();
    bucket.server.inject(|seen| {
        (seen.op == Op::Put && seen.key.contains("/manifests/"))
            .then_some(Fault::Status(403, "AccessDenied"))
    });
    let ran = bucket.create(&setup);
    assert_eq!((ran.code, ran.refused().as_str()), (3, "store-denied"));
    bucket.server.heal();
    assert_eq!(bucket.names(&setup).len(), 1);
    // What was sent then is not sent again.
    std::thread::sleep(Duration::from_secs(1));
    let again = bucket.create(&setup).ok().json();
    assert_eq!(again["stores"][0]["sent_bytes"], 0, "{again}");
}

#[test]
fn the_clock_of_the_store_counts() {
    let setup = Setup::new();
    let bucket = Bucket::new(&setup);
    bucket.server.set_clock_ahead(3600);
    bucket.create(&setup).ok();
    let name = bucket.names(&setup).remove(0);
    let hour = bucket.server.now().strftime("%Y%m%dT%H").to_string();
    assert!(name.starts_with(&hour), "{name} {hour}");
    bucket.all_restore(&setup);
}

#[test]
fn a_clock_that_is_days_off_is_refused_and_says_nothing_to_other_stores() {
    let setup = Setup::new();
    let bucket = Bucket::new(&setup);
    bucket.server.set_clock_ahead(3 * 24 * 3600);
    let ran = bucket.create(&setup);
    assert_eq!(
        (ran.code, ran.refused().as_str()),
        (3, "store-clock-differs")
    );
    bucket.server.set_clock_ahead(0);
    bucket.create(&setup).ok();
    bucket.all_restore(&setup);
}

#[test]
fn killed_on_the_way_to_a_bucket() {
    let setup = Setup::new();
    let bucket = Bucket::new(&setup);
    bucket.create(&setup).ok();
    let config = setup.path("host.toml").display().to_string();
    for kill in 0..40_u64 {
        fs::write(
            setup.database().join("table_05_01"),
            super::setup::noise(500 + kill, 1_500_000),
        )
        .unwrap();
        let mut command = setup.creating(&bucket.address, &["--config", &config]);
        command
            .stdout(std::process::Stdio::null())
            .stderr(std::process::Stdio::null());
        let mut child = command.spawn().unwrap();
        std::thread::sleep(Duration::from_millis(kill * 7 % 280));
        child.kill().unwrap();
        child.wait().unwrap();
    }
    std::thread::sleep(Duration::from_secs(1));
    bucket.create(&setup).ok();
    let identity = setup.path("identity").display().to_string();
    for name in bucket.names(&setup) {
        let to = setup.path(&format!("to-{name}")).display().to_string();
        let words = [
            "--identity",
            &identity,
            "--to",
            &to,
            "--unattested",
            "--snapshot",
            &name,
        ];
        bucket
            .elsewhere(&setup, &["snapshot", "restore"], &words)
            .ok();
    }
}
