//! Hardening of a real process. It changes its process for good, so it has a test program of its own.

use std::hint::black_box;
use std::process::Command;

use qh_ceremony::secret::hardening::{Mode, Tracer, harden};
use qh_ceremony::secret::residue::{Form, Residue};

#[test]
fn a_hardened_process_is_locked_undumpable_and_unprivileged() {
    let state = harden();
    assert!(
        state.memory_locked,
        "memory is not locked ({:?}): run this test as root or with ulimit -l unlimited",
        state.memory_error
    );
    assert!(state.dumps_off && state.ptrace_off && state.no_new_privileges);
    assert_eq!(state.tracer, Tracer::Absent);
    assert_eq!(state.findings(Mode::Production), []);
    assert_eq!(harden(), state);

    // A test runs in a thread, and privileges belong to a thread and those that it starts.
    let status = std::fs::read_to_string("/proc/thread-self/status").unwrap();
    let field = |name: &str| {
        let line = status.lines().find_map(|line| line.strip_prefix(name));
        line.unwrap().trim().to_owned()
    };
    assert_eq!(field("NoNewPrivs:"), "1");
    let locked: u64 = field("VmLck:").trim_end_matches(" kB").parse().unwrap();
    assert!(locked > 1000, "{locked} kB are locked");

    // Not dumpable, and yet root finds what still lies in its own memory.
    let mut canary = vec![0_u8; 32];
    getrandom::fill(&mut canary).unwrap();
    let mut residue = Residue::new([1; 32]);
    residue.watch("canary", Form::Raw, &canary).unwrap();
    let searched = match residue.search() {
        Ok(searched) => searched,
        Err(fault) => panic!("{fault} Run this test as root."),
    };
    assert!(searched.finds.iter().any(|find| find.whole));
    black_box(canary);

    // What is allocated and started later is locked too, and children inherit the limit on core files.
    let later = vec![1_u8; 8 << 20];
    let thread = std::thread::spawn(|| std::fs::read_to_string("/proc/self/status").unwrap());
    let after = thread.join().unwrap();
    let line = after.lines().find_map(|line| line.strip_prefix("VmLck:"));
    let now: u64 = line
        .unwrap()
        .trim()
        .trim_end_matches(" kB")
        .parse()
        .unwrap();
    assert!(now >= locked + (later.len() as u64 >> 10));
    let child = Command::new("sh")
        .args(["-c", "ulimit -c"])
        .output()
        .unwrap();
    assert_eq!(String::from_utf8_lossy(&child.stdout).trim(), "0");
}
