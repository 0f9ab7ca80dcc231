//! What the child gives up before it runs foreign code.
//!
//! - No new privileges, no dumps, locked memory: [`hardening::harden`], as the parent.
//! - Of the capabilities of root only those that reach files (tokens of software modules, USB devices) and lock memory.
//! - No sockets but unix ones, which `pcscd` is spoken to by; no other program started; no look into another process.
//! - An end to how much memory a module may take.

use std::collections::BTreeMap;

use rustix::process::{Resource, Rlimit};
use rustix::thread::{CapabilitySet, CapabilitySets};
use seccompiler::{
    BpfProgram, SeccompAction, SeccompCmpArgLen, SeccompCmpOp, SeccompCondition, SeccompFilter,
    SeccompRule,
};

use crate::secret::hardening;

/// The most memory a module may take, bytes of address space.
const MEMORY: u64 = 4 * 1024 * 1024 * 1024;
/// The bit that makes a system call one of the x32 interface, which a filter by plain numbers would let pass.
const X32: i64 = 0x4000_0000;

/// Gives up what isn't needed. The answer names what could not be given up; empty for nothing.
pub fn confine() -> String {
    let hardened = hardening::harden();
    let mut left = vec![];
    if !hardened.no_new_privileges {
        left.push("new privileges");
    }
    if !hardened.dumps_off {
        left.push("dumps of memory");
    }
    let _ = rustix::process::setrlimit(
        Resource::As,
        Rlimit {
            current: Some(MEMORY),
            maximum: Some(MEMORY),
        },
    );
    if !drop_capabilities() {
        left.push("capabilities of root");
    }
    if filter().is_none_or(|filter| seccompiler::apply_filter(&filter).is_err()) {
        left.push("network sockets");
    }
    left.join(", ")
}

fn drop_capabilities() -> bool {
    let kept = CapabilitySet::DAC_OVERRIDE
        | CapabilitySet::DAC_READ_SEARCH
        | CapabilitySet::FOWNER
        | CapabilitySet::IPC_LOCK;
    let Ok(has) = rustix::thread::capabilities(None) else {
        return false;
    };
    let less = CapabilitySets {
        effective: has.effective & kept,
        permitted: has.permitted & kept,
        inheritable: CapabilitySet::empty(),
    };
    rustix::thread::set_capabilities(None, less).is_ok()
        && rustix::thread::capabilities(None)
            .is_ok_and(|now| (now.permitted | now.effective) & !kept == CapabilitySet::empty())
}

fn filter() -> Option<BpfProgram> {
    let not_unix = || {
        let unix = u64::from(libc::AF_UNIX.unsigned_abs());
        let other =
            SeccompCondition::new(0, SeccompCmpArgLen::Dword, SeccompCmpOp::Ne, unix).ok()?;
        SeccompRule::new(vec![other]).ok().map(|rule| vec![rule])
    };
    let never = [
        libc::SYS_io_uring_setup, // another way to sockets
        libc::SYS_execve,
        libc::SYS_execveat,
        libc::SYS_ptrace,
        libc::SYS_process_vm_readv,
        libc::SYS_process_vm_writev,
        libc::SYS_pidfd_getfd,
        libc::SYS_bpf,
        libc::SYS_perf_event_open,
    ];
    let mut rules: BTreeMap<i64, Vec<SeccompRule>> = BTreeMap::new();
    for bit in [0, X32] {
        rules.insert(libc::SYS_socket | bit, not_unix()?);
        rules.insert(libc::SYS_socketpair | bit, not_unix()?);
        rules.extend(never.iter().map(|call| (call | bit, vec![])));
    }
    let refusal = SeccompAction::Errno(libc::EACCES.unsigned_abs());
    let arch = std::env::consts::ARCH.try_into().ok()?;
    SeccompFilter::new(rules, SeccompAction::Allow, refusal, arch)
        .ok()?
        .try_into()
        .ok()
}
