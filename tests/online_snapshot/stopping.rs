//! A node that is stopped for a snapshot is started again, whatever happens to us.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use super::node::{Chain, Node, hex};
use super::s3_server::{Fault, Op, S3Server, Who};
use super::setup::{Ran, Setup, same_files};

/// A node as far as its database knows: a process that holds the lock. It is started and stopped by scripts.
struct FakeNode {
    pid: PathBuf,
    config: PathBuf,
}

impl FakeNode {
    fn new(setup: &Setup, more: &str) -> Self {
        let (pid, lock, starts) = (
            setup.path("pid"),
            setup.database().join("lock"),
            setup.path("starts"),
        );
        let script = |name: &str, text: String| {
            let path = setup.path(name);
            fs::write(&path, text).unwrap();
            fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
            path
        };
        let start = script(
            "start",
            format!(
                "#!/bin/sh\necho x >>{starts}\nif ! flock -n {lock} true; then exit 0; fi\nsetsid flock {lock} sleep 600 </dev/null >/dev/null 2>&1 &\necho $! >{pid}\n\
                 while flock -n {lock} true; do sleep 0.01; done\n",
                starts = starts.display(),
                lock = lock.display(),
                pid = pid.display()
            ),
        );
        let stop = script(
            "stop",
            format!("#!/bin/sh\nkill -- -$(cat {})\n", pid.display()),
        );
        let config = setup.path("config.toml");
        let text = format!(
            "{more}\n[snapshot]\nallow_stop = true\nstop = [{:?}]\nstart = [{:?}]\nstop_wait_seconds = 3\nmax_stop_seconds = 20\n",
            stop.display().to_string(),
            start.display().to_string()
        );
        fs::write(&config, text).unwrap();
        Command::new(&start).status().unwrap();
        Self { pid, config }
    }

    fn runs(&self) -> bool {
        let pid = fs::read_to_string(&self.pid).unwrap();
        // Dead, it may stay as a zombie for as long as nobody asks for it.
        let state = fs::read_to_string(format!("/proc/{}/stat", pid.trim()));
        state.is_ok_and(|stat| {
            !stat
                .rsplit(')')
                .next()
                .unwrap()
                .trim_start()
                .starts_with('Z')
        })
    }

    fn arguments(&self) -> [&str; 2] {
        ["--config", self.config.to_str().unwrap()]
    }

    /// Waits for it to run again; the design gives it 60 seconds.
    #[track_caller]
    fn runs_again(&self, setup: &Setup, starts: usize) {
        let begun = Instant::now();
        while count(setup) < starts
            || !self.runs()
            || setup.path("state/node-stopped.json").exists()
        {
            assert!(
                begun.elapsed() < Duration::from_secs(60),
                "the node was not started again: {} starts of {starts}, runs: {}, marker: {:?}, pid {:?}",
                count(setup),
                self.runs(),
                fs::read_to_string(setup.path("state/node-stopped.json")),
                fs::read_to_string(&self.pid)
            );
            std::thread::sleep(Duration::from_millis(20));
        }
    }
}

impl Drop for FakeNode {
    fn drop(&mut self) {
        if let Ok(pid) = fs::read_to_string(&self.pid) {
            let _ = Command::new("kill")
                .args(["--", &format!("-{}", pid.trim())])
                .stderr(Stdio::null())
                .status();
        }
    }
}

fn count(setup: &Setup) -> usize {
    fs::read_to_string(setup.path("starts")).map_or(0, |text| text.lines().count())
}

/// A chain with so many authorities whose blocks come in turn, but for those that are silent.
fn chain(silent: bool) -> Node {
    let authorities: Vec<Vec<u8>> = (0..3).map(|n| vec![n; 64]).collect();
    let mut value = vec![3 << 2];
    authorities.iter().for_each(|key| value.extend(key));
    let key = "0x57f8dc2f5ab09467896f47300f0424385e0621c4869aa60c02be9adcc98a0d1d".to_owned();
    let mut chain = Chain::of_spec(r#"{"genesis":{"raw":{"top":{}}}}"#);
    chain.storage = BTreeMap::from([(key, hex(&value))]);
    if silent {
        // Every third slot is the silent one's.
        chain.slot = |number| number / 2 * 3 + number % 2;
    }
    Node::of(&chain)
}

#[test]
fn a_store_that_does_not_answer_does_not_keep_the_node_down() {
    let setup = Setup::new();
    let server = S3Server::start();
    let (address, silent) = (server.address("chain"), setup.path("silent"));
    let credentials = server.credentials_file(setup.dir.path(), Who::Writer);
    let rpc = chain(false);
    let node = FakeNode::new(
        &setup,
        &format!(
            "[[bucket]]\nstore = {address:?}\ncredentials = {:?}",
            credentials.display().to_string()
        ),
    );
    let config = fs::read_to_string(&node.config).unwrap();
    fs::write(
        &node.config,
        config.replace("max_stop_seconds = 20", "max_stop_seconds = 3"),
    )
    .unwrap();
    // The node changes a table on its way down; from then on the store takes what it is sent and never answers.
    let stop = format!(
        "#!/bin/sh\nkill -- -$(cat {})\nprintf changed | dd of={} conv=notrunc bs=1 seek=9 2>/dev/null\n: >{}\n",
        node.pid.display(),
        setup.database().join("table_00_15").display(),
        silent.display()
    );
    fs::write(setup.path("stop"), stop).unwrap();
    let quiet = silent.clone();
    server.inject(move |seen| {
        (seen.op == Op::Put && quiet.exists() && seen.key.contains("/objects/"))
            .then_some(Fault::Silent)
    });
    let mut child = setup
        .creating(
            &address,
            &[&node.arguments()[..], &["--rpc", &rpc.url]].concat(),
        )
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    while !silent.exists() {
        std::thread::sleep(Duration::from_millis(10));
    }
    let stopped = Instant::now();
    node.runs_again(&setup, 2);
    let down = stopped.elapsed();
    assert!(
        down < Duration::from_secs(10),
        "{down:?} is more than 3 s and a start"
    );
    // The answer is still waited for.
    assert!(child.try_wait().unwrap().is_none());
    fs::remove_file(&silent).unwrap();
    let ran = Ran::of(child.wait_with_output().unwrap());
    assert_eq!(
        (ran.code, ran.refused().as_str()),
        (1, "snapshot-window-exceeded")
    );
    assert!(server.objects().keys().all(|key| !key.ends_with(".json")));
}

#[test]
fn a_running_paritydb_is_not_read_unless_a_stop_is_allowed() {
    let setup = Setup::new();
    let node = FakeNode::new(&setup, "");
    let ran = setup.create(&[]);
    assert_eq!(
        (ran.code, ran.refused().as_str()),
        (1, "snapshot-node-running")
    );
    for method in ["stopped-copy", "stopped-reflink"] {
        let ran = setup.create(&["--method", method]);
        assert_eq!(
            (ran.code, ran.refused().as_str()),
            (1, "snapshot-node-running")
        );
    }
    let ran = setup.create(&["--allow-stop"]);
    assert_eq!(
        (ran.code, ran.refused().as_str()),
        (2, "node-control-not-one")
    );
    // No node says whether the other authorities are up.
    let ran = setup.create(&node.arguments());
    assert_eq!(
        (ran.code, ran.refused().as_str()),
        (1, "snapshot-authorities-unknown")
    );
    assert!(node.runs() && count(&setup) == 1, "it was never stopped");
}

#[test]
fn stopped_read_and_started() {
    let setup = Setup::new();
    let node = FakeNode::new(&setup, "");
    let rpc = chain(false);
    let done = setup
        .create(&[&node.arguments()[..], &["--rpc", &rpc.url]].concat())
        .ok()
        .json();
    assert_eq!(done["method"], "stopped-copy");
    let stopped = done["stopped_ms"].as_u64().unwrap();
    assert!(stopped > 0 && stopped < 20_000, "{stopped}");
    assert!(node.runs());
    assert_eq!(count(&setup), 2);
    setup.restore(&setup.path("to"), &["--unattested"]).ok();
    same_files(&setup.database(), &setup.path("to"));
}

#[test]
fn not_while_another_authority_is_down() {
    let setup = Setup::new();
    let node = FakeNode::new(&setup, "");
    let rpc = chain(true);
    let ran = setup.create(&[&node.arguments()[..], &["--rpc", &rpc.url]].concat());
    assert_eq!(
        (ran.code, ran.refused().as_str()),
        (1, "snapshot-authority-down")
    );
    assert!(node.runs() && count(&setup) == 1);
}

#[test]
fn killed_while_the_node_is_stopped() {
    let setup = Setup::new();
    let node = FakeNode::new(&setup, "");
    let rpc = chain(false);
    // Large enough that the window is met.
    fs::write(
        setup.database().join("table_09_15"),
        super::setup::noise(9, 60_000_000),
    )
    .unwrap();
    let mut kills = 0;
    let begun = Instant::now();
    while kills < 5 {
        assert!(
            begun.elapsed() < Duration::from_secs(120),
            "only {kills} were met while the node was stopped"
        );
        let mut child = setup
            .creating(
                &setup.store(),
                &[&node.arguments()[..], &["--rpc", &rpc.url]].concat(),
            )
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let marker = setup.path("state/node-stopped.json");
        while node.runs() && child.try_wait().unwrap().is_none() {
            std::thread::sleep(Duration::from_millis(1));
        }
        // A guard of the run before may hold the state for a moment: then this run is refused, and the node goes on.
        if child.try_wait().unwrap().is_none() {
            assert!(
                marker.exists() || node.runs(),
                "the marker is there before the node stops"
            );
            std::thread::sleep(Duration::from_millis(5 * kills));
            kills += 1;
        }
        let before = count(&setup);
        child.kill().unwrap();
        child.wait().unwrap();
        node.runs_again(&setup, before);
    }
    assert!(count(&setup) >= 6, "it was started after each kill");
}

#[test]
fn the_guard_dies_too_and_the_unit_starts_the_node() {
    let setup = Setup::new();
    let node = FakeNode::new(&setup, "");
    // What a reboot leaves: a marker, no process, a node that doesn't run.
    Command::new(setup.path("stop")).status().unwrap();
    let start = setup.path("start").display().to_string();
    let marker = |start: &str| {
        let (since, database) = ("2026-11-27T00:00:00Z", setup.database());
        serde_json::json!({"since": since, "start": [start], "stopped": true, "database": database, "engine": "paritydb", "wait": 5}).to_string()
    };
    fs::write(setup.path("state/node-stopped.json"), marker(&start)).unwrap();
    let resume = || {
        let mut command = super::setup::online();
        Ran::of(
            command
                .args(["snapshot", "resume-node", "--state"])
                .arg(setup.path("state"))
                .output()
                .unwrap(),
        )
    };
    assert!(resume().ok().out.contains("it is started"));
    node.runs_again(&setup, 2);
    assert!(
        resume()
            .ok()
            .out
            .contains("No snapshot has left the node stopped.")
    );
    assert_eq!(count(&setup), 2);
    // The next snapshot does it too, and says so.
    Command::new(setup.path("stop")).status().unwrap();
    fs::write(setup.path("state/node-stopped.json"), marker(&start)).unwrap();
    let ran = setup.create(&[]);
    assert_eq!(ran.refused(), "snapshot-node-running");
    node.runs_again(&setup, 3);
    // A start that fails is said, loudly, and the marker stays.
    fs::write(setup.path("state/node-stopped.json"), marker("/bin/false")).unwrap();
    let ran = resume();
    assert_eq!(ran.code, 3);
    assert!(ran.err.contains("START THE NODE BY HAND NOW"), "{ran:?}");
    assert!(setup.path("state/node-stopped.json").exists());
}

#[test]
fn a_node_that_does_not_stop_is_left_as_it_is() {
    let setup = Setup::new();
    let node = FakeNode::new(&setup, "");
    let rpc = chain(false);
    fs::write(setup.path("stop"), "#!/bin/sh\nexit 0\n").unwrap();
    let ran = setup.create(&[&node.arguments()[..], &["--rpc", &rpc.url]].concat());
    assert_eq!(
        (ran.code, ran.refused().as_str()),
        (3, "node-still-running")
    );
    assert!(node.runs() && !setup.path("state/node-stopped.json").exists());
    fs::write(
        setup.path("stop"),
        "#!/bin/sh\necho no right to >&2\nexit 7\n",
    )
    .unwrap();
    let ran = setup.create(&[&node.arguments()[..], &["--rpc", &rpc.url]].concat());
    assert_eq!((ran.code, ran.refused().as_str()), (3, "node-not-stopped"));
    assert!(ran.out.contains("no right to"), "{ran:?}");
    assert_eq!(setup.list().json().as_array().map(Vec::len), Some(0));
}
