//! Epochs that are over, deleted by the command: made and attested by the program's own code at an earlier time of the
//! store, since no clock here can be put back.

use std::fs;
use std::path::Path;

use jiff::{SignedDuration, Timestamp};
use qh_ceremony::ceremony::event::Refused;
use qh_ceremony::files;
use qh_ceremony::online::class::Class;
use qh_ceremony::online::snapshot::catalog;
use qh_ceremony::online::snapshot::create::{Chain, Request, create, open_stores};
use qh_ceremony::online::snapshot::database::Database;
use qh_ceremony::online::snapshot::key::HostKey;
use qh_ceremony::online::snapshot::manifest::{Attestation, Manifest};
use qh_ceremony::online::snapshot::names::SourceName;
use qh_ceremony::online::snapshot::ship::Progress;
use qh_ceremony::online::snapshot::trust::Trust;
use qh_ceremony::online::snapshot::verify::{Besides, Opened, Verifier, verify};
use qh_ceremony::online::store::{Directory, Listed, Put, Store, StoreFault};
use qh_ceremony::vault::object::Identities;
use qh_ceremony::vault::recipient::Recipient;

use super::setup::{FINE, Ran, Setup, online, same_files};

/// A directory whose clock stands.
struct Then(Directory, Timestamp);

impl Store for Then {
    fn address(&self) -> &str {
        self.0.address()
    }
    fn put_new(
        &self,
        name: &str,
        bytes: &[u8],
        lock: Option<Timestamp>,
    ) -> Result<Put, StoreFault> {
        self.0.put_new(name, bytes, lock)
    }
    fn settle(&self) -> Result<(), StoreFault> {
        self.0.settle()
    }
    fn get(&self, name: &str, limit: u64) -> Result<Vec<u8>, StoreFault> {
        self.0.get(name, limit)
    }
    fn list(&self, prefix: &str) -> Result<Vec<Listed>, StoreFault> {
        self.0.list(prefix)
    }
    fn directories(&self, prefix: &str) -> Result<Vec<String>, StoreFault> {
        self.0.directories(prefix)
    }
    fn delete(&self, name: &str) -> Result<(), StoreFault> {
        self.0.delete(name)
    }
    fn now(&self) -> Result<Timestamp, StoreFault> {
        Ok(self.1)
    }
}

/// Nothing besides: no archives.
struct Nothing;

impl Besides for Nothing {
    fn restored(&mut self, _: &Path, _: &Manifest) -> Result<(), Refused> {
        Ok(())
    }
    fn good(&mut self, _: &Manifest, _: &Attestation) -> Result<(), Refused> {
        Ok(())
    }
}

/// A snapshot of so many days ago, attested if it is to be; its name.
fn made(setup: &Setup, identities: &Identities, days: i64, class: Class, good: bool) -> String {
    let then = Timestamp::now() - SignedDuration::from_hours(24 * days);
    let store = || Then(Directory::open(&setup.path("store")).unwrap(), then);
    let source = SourceName::new("dev3", "node-1").unwrap();
    let (state, database) = (
        setup.path("state"),
        Database::find(&setup.database()).unwrap(),
    );
    let recipients = [Recipient::parse(&setup.recipient).unwrap()];
    let opened = vec![(setup.store(), Ok(Box::new(store()) as Box<dyn Store>))];
    let stores = open_stores(opened, &source, &state, then, &mut |_| ()).unwrap();
    let request = Request {
        database: &database,
        source: &source,
        state: &state,
        recipients: &recipients,
        method: None,
        control: None,
        max_stop: 60,
        stop_wait: 60,
        settles: std::time::Duration::ZERO,
        program: Path::new(env!("CARGO_BIN_EXE_qh-online")),
        threads: 2,
        chain: Chain::default(),
        may_stop: &|| Ok(()),
    };
    files::make_dir(&state.join("snapshots")).unwrap();
    let key = HostKey::open_or_make(&state, "node-1").unwrap();
    let progress = Progress::default();
    let report = create(&request, &[class], stores, &key, &progress, &mut |_| ()).unwrap();
    let name = report.stores[0].committed.as_ref().unwrap().name;
    if good {
        let key = HostKey::open_or_make(&setup.path("verifier"), "verifier").unwrap();
        let trust = Trust::load(&setup.trust()).unwrap();
        let entries = catalog::snapshots(&store(), &source, &trust).unwrap();
        let entry = entries.iter().find(|entry| entry.name == name).unwrap();
        let verifier = Verifier {
            store: &store(),
            source: &source,
            identities,
            key: &key,
            open: &|_, _| Ok(Opened::default()),
            nodes: &[],
            genesis: &[],
            staging: &setup.path("verifier/staging"),
            threads: 2,
            progress: &progress,
        };
        verify(&verifier, entry, then, &mut Nothing).unwrap();
    }
    name.to_string()
}

#[test]
fn whole_epochs_that_are_over_go_and_nothing_else() {
    let setup = Setup::new();
    let text = fs::read_to_string(setup.path("identity")).unwrap();
    let identities = Identities::read(&qh_ceremony::secret::SecretText::new(text)).unwrap();
    let of = |days, class, good| made(&setup, &identities, days, class, good);
    let unarchived = of(80, Class::Weekly, true);
    let gone = [of(73, Class::Hot, true), of(66, Class::Hot, false)];
    let daily = of(24, Class::Daily, true);
    let new = setup.create(&[]).ok().json()["stores"][0]["snapshot"]
        .as_str()
        .unwrap()
        .to_owned();
    let names = |setup: &Setup| -> Vec<String> {
        let listed = setup
            .elsewhere(&["snapshot", "list"], &setup.store(), &["--all"])
            .ok()
            .json();
        let listed = listed.as_array().unwrap().iter();
        listed
            .map(|one| one["snapshot"].as_str().unwrap().to_owned())
            .collect()
    };
    assert_eq!(names(&setup).len(), 5);
    let prune = |more: &[&str]| {
        let mut command = online();
        command
            .args(["snapshot", "prune", "--store", &setup.store(), "--trust"])
            .arg(setup.trust());
        Ran::of(
            command
                .arg("--state")
                .arg(setup.path("verifier"))
                .args(more)
                .output()
                .unwrap(),
        )
        .ok()
        .out
    };
    let plan = prune(&["--dry-run"]);
    for reason in [
        "its weekly snapshot has no good archive yet",
        "its 1 snapshot has expired or is archived",
        "it is not over, or its objects are locked",
        "2 of 5 deleted, 0 can't be judged.",
    ] {
        assert!(plan.contains(reason), "{reason}: {plan}");
    }
    assert_eq!(names(&setup).len(), 5, "a dry run deletes nothing");
    let done = prune(&[]);
    assert!(!done.contains(" 0 objects were deleted"), "{done}");
    assert_eq!(names(&setup), [unarchived, daily, new]);
    // Of what went, nothing is left; no directory either.
    let epochs = fs::read_dir(setup.path("store/dev3/node-1"))
        .unwrap()
        .count();
    assert_eq!(epochs, 3);
    assert!(gone.iter().all(|name| !names(&setup).contains(name)));
    // What is left restores, and that older ones were pruned between two that stay is no broken chain.
    let verified = setup.verify(FINE, &[]).ok().json();
    assert!(
        verified
            .as_array()
            .unwrap()
            .iter()
            .all(|one| one["good"] == true),
        "{verified}"
    );
    let copy = setup.path("copy");
    setup.restore(&copy, &[]).ok();
    same_files(&setup.database(), &copy);
    assert!(prune(&[]).contains("0 objects were deleted"));
}
