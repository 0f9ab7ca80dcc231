//! Restored with stock tools alone: a directory of programs in which nothing of ours is.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::process::Command;

use super::setup::{FINE, Ran, Setup, noise, same_files};

/// All that restore.sh may use.
const TOOLS: [&str; 20] = [
    "sh",
    "age",
    "zstd",
    "jq",
    "tar",
    "sha256sum",
    "ssh-keygen",
    "cat",
    "cut",
    "dirname",
    "head",
    "mkdir",
    "ls",
    "grep",
    "chmod",
    "mv",
    "rm",
    "printf",
    "sync",
    "env",
];

fn tools(at: &Path) {
    fs::create_dir(at).unwrap();
    for tool in TOOLS {
        let found = ["/usr/bin", "/bin"]
            .iter()
            .map(|dir| Path::new(dir).join(tool))
            .find(|path| path.exists());
        symlink(
            found.unwrap_or_else(|| panic!("{tool} is not installed")),
            at.join(tool),
        )
        .unwrap();
    }
}

fn restore(setup: &Setup, epoch: &Path, to: &Path, more: &[&str]) -> Ran {
    let name = setup.names().remove(0);
    let mut command = Command::new(setup.path("tools/sh"));
    command
        .arg(epoch.join("restore.sh"))
        .args(["--snapshot", &name, "--identity"])
        .arg(setup.path("identity"));
    command
        .arg("--trust")
        .arg(setup.trust())
        .arg("--to")
        .arg(to)
        .args(more);
    command
        .env_clear()
        .env("PATH", setup.path("tools"))
        .env("HOME", setup.path("tools"));
    Ran::of(command.output().unwrap())
}

#[test]
fn restore_sh_gives_the_same_files_and_refuses_what_we_refuse() {
    let setup = Setup::new();
    tools(&setup.path("tools"));
    fs::write(
        setup.database().join("table_02_03"),
        [noise(5, 10), vec![7; 3_000_000]].concat(),
    )
    .unwrap();
    setup.create(&["--class", "weekly"]).ok();
    let epoch = setup.epoch();
    let manifests = epoch.join("manifests");
    let name = setup.names().remove(0);
    // Not verified yet.
    let to = setup.path("to");
    let ran = restore(&setup, &epoch, &to, &[]);
    assert_eq!(ran.code, 4);
    assert!(
        ran.err
            .contains("no verifier has restored this snapshot yet"),
        "{ran:?}"
    );
    setup.verify(FINE, &[]).ok();
    restore(&setup, &epoch, &to, &[]).ok();
    same_files(&setup.database(), &to);
    // Run again into a directory that is not empty.
    let ran = restore(&setup, &epoch, &to, &[]);
    assert_eq!(ran.code, 1);
    assert!(ran.err.contains("is not empty"), "{ran:?}");
    // The archive, by the one line that the documents give.
    let tar = setup.path("tar");
    fs::create_dir(&tar).unwrap();
    let line = format!(
        "cat archives/{name}.tar.zst.age* | age -d -i {} | zstd -d | tar x -C {}",
        setup.path("identity").display(),
        tar.display()
    );
    let piped = Command::new(setup.path("tools/sh"))
        .args(["-c", &line])
        .current_dir(setup.path("store/dev3/node-1"))
        .env("PATH", setup.path("tools"))
        .output()
        .unwrap();
    Ran::of(piped).ok();
    same_files(&setup.database(), &tar);

    // Each lie, by the script alone.
    let refuse = |what: &str, path: &Path, change: &dyn Fn(&[u8]) -> Option<Vec<u8>>| {
        let before = fs::read(path).unwrap();
        match change(&before) {
            Some(bytes) => fs::write(path, bytes).unwrap(),
            None => fs::remove_file(path).unwrap(),
        }
        let _ = fs::remove_dir_all(setup.path("again"));
        let mut command = Command::new(setup.path("tools/sh"));
        command
            .arg(epoch.join("restore.sh"))
            .args(["--snapshot", &name, "--identity"])
            .arg(setup.path("identity"));
        command
            .arg("--trust")
            .arg(setup.path("trust"))
            .arg("--to")
            .arg(setup.path("again"));
        command.env_clear().env("PATH", setup.path("tools"));
        let ran = Ran::of(command.output().unwrap());
        assert_eq!(ran.code, 4, "{what}: {ran:?}");
        assert!(ran.err.contains(what), "{ran:?}");
        fs::write(path, before).unwrap();
    };
    let flip = |bytes: &[u8]| {
        let mut bytes = bytes.to_vec();
        let at = bytes.len() / 2;
        bytes[at] ^= 1;
        Some(bytes)
    };
    let absent = |_: &[u8]| None;
    let (head, sealed) = (
        manifests.join(format!("{name}.json")),
        manifests.join(format!("{name}.age")),
    );
    refuse("the signature of", &head, &flip);
    refuse(
        "is not signed",
        &manifests.join(format!("{name}.json.sig")),
        &absent,
    );
    refuse(
        "does not count for qh-snapshot-good",
        &manifests.join(format!("{name}.good")),
        &flip,
    );
    refuse("is not the one that was signed", &sealed, &flip);
    refuse("is absent", &sealed, &absent);
    let object = fs::read_dir(epoch.join("objects"))
        .unwrap()
        .next()
        .unwrap()
        .unwrap()
        .path();
    let object = fs::read_dir(object)
        .unwrap()
        .next()
        .unwrap()
        .unwrap()
        .path();
    refuse("does not open", &object, &flip);
    refuse("is absent", &object, &absent);
}
