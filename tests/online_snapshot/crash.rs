//! Killed at random moments: what is listed restores, what was good stays good, and the next run goes on.

use std::fs;
use std::process::Stdio;
use std::time::Duration;

use super::setup::{FINE, Setup, noise, same_files};

/// How often; the time between is spread over the length of a whole run.
const KILLS: u64 = 200;

#[test]
fn killed_at_200_moments() {
    let setup = Setup::new();
    setup.create(&["--class", "daily"]).ok();
    setup.verify(FINE, &[]).ok();
    let good = setup.names().remove(0);
    let good_dir = setup.path("good");
    setup.restore(&good_dir, &[]).ok();
    let begun = std::time::Instant::now();
    std::thread::sleep(Duration::from_secs(1));
    fs::write(setup.database().join("table_04_01"), noise(400, 2_000_000)).unwrap();
    setup.create(&[]).ok();
    let whole = begun.elapsed() - Duration::from_secs(1);
    for kill in 0..KILLS {
        // Each run has something new to send.
        fs::write(
            setup.database().join("table_05_01"),
            noise(1000 + kill, 1_500_000),
        )
        .unwrap();
        let mut child = setup
            .creating(&setup.store(), &[])
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let moment = u32::try_from(kill * 7919 % KILLS).unwrap();
        std::thread::sleep(whole * moment / u32::try_from(KILLS).unwrap());
        child.kill().unwrap();
        child.wait().unwrap();
    }
    // What is listed restores, each of it.
    let listed = setup.list();
    assert_eq!(listed.code, 0, "{listed:?}");
    let names = setup.names();
    assert!(names.len() > 2, "some runs came to their end: {names:?}");
    for name in &names {
        let to = setup.path("to");
        setup
            .restore(&to, &["--unattested", "--snapshot", name])
            .ok();
        assert_eq!(
            fs::metadata(to.join("table_00_15")).unwrap().len(),
            3_500_000
        );
        if *name == good {
            same_files(&good_dir, &to);
        }
        fs::remove_dir_all(&to).unwrap();
    }
    assert_eq!(setup.list().json()[0]["worth"], "good");
    // The next run goes on, in the same epoch, and tells nothing but what is there.
    std::thread::sleep(Duration::from_secs(1));
    setup.create(&[]).ok();
    let to = setup.path("to");
    setup.restore(&to, &["--unattested"]).ok();
    same_files(&setup.database(), &to);
    setup.epoch();
    // A good chain of heads, though runs died between a head and our note of it.
    setup.verify(FINE, &[]).ok();
    // Pins and temporary files of the killed runs are gone.
    let left: Vec<_> = fs::read_dir(setup.database().parent().unwrap())
        .unwrap()
        .map(|entry| entry.unwrap().file_name())
        .filter(|name| name != "full")
        .collect();
    assert!(left.is_empty(), "{left:?}");
}

#[test]
fn a_restore_that_is_killed_goes_on_and_changes_nothing_before_it_is_whole() {
    let setup = Setup::new();
    for table in 0..6 {
        fs::write(
            setup.database().join(format!("table_07_{table:02}")),
            noise(70 + table, 4_000_000),
        )
        .unwrap();
    }
    setup.create(&[]).ok();
    let to = setup.path("chains/dev3/restored");
    fs::create_dir(&to).unwrap();
    fs::write(to.join("metadata"), b"the old one").unwrap();
    let begun = std::time::Instant::now();
    setup.restore(&setup.path("first"), &["--unattested"]).ok();
    let whole = begun.elapsed();
    let mut fetched_before = false;
    for kill in 0..20 {
        let mut command = super::setup::online();
        command
            .args([
                "snapshot",
                "restore",
                "--unattested",
                "--store",
                &setup.store(),
                "--to",
            ])
            .arg(&to);
        command
            .arg("--trust")
            .arg(setup.trust())
            .arg("--identity")
            .arg(setup.path("identity"));
        let mut child = command
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        std::thread::sleep(whole * kill / 25);
        child.kill().unwrap();
        child.wait().unwrap();
        if fs::read(to.join("metadata")).unwrap() != b"the old one" {
            same_files(&setup.database(), &to);
            return; // it came to its end before it was killed
        }
        assert_eq!(fs::read_dir(&to).unwrap().count(), 1, "nothing was changed");
        fetched_before = true;
    }
    assert!(fetched_before);
    let done = setup.restore(&to, &["--unattested"]).ok().json();
    same_files(&setup.database(), &to);
    let old = std::path::PathBuf::from(done["old"].as_str().unwrap());
    assert_eq!(fs::read(old.join("metadata")).unwrap(), b"the old one");
    let beside: Vec<_> = fs::read_dir(setup.path("chains/dev3"))
        .unwrap()
        .map(|e| e.unwrap().file_name().into_string().unwrap())
        .collect();
    assert!(
        beside.iter().all(|name| !name.contains("qh-restore")),
        "{beside:?}"
    );
}
