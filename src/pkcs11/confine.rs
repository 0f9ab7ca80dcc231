//! What the child gives up before it runs foreign code.
//!
//! - No new privileges, no dumps, locked memory: [`hardening::harden`], as the parent.
//! - Of the capabilities of root only those that reach files (tokens of software modules, USB devices) and lock memory.
//! - No sockets but unix ones, which `pcscd` is spoken to by; no other process or program started; no look into another
//!   process, no signal to it, no change of its limits.
//! - No terminal: a session of its own. It ends when its parent does.
//! - An end to how much memory a module may take.
//!
//! It keeps the parent's user: as root, a module can read and write what root's files are. `docs/threat-model.md` says so.

use std::collections::BTreeMap;

use rustix::process::{Resource, Rlimit, Signal};
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
    let memory = Rlimit {
        current: Some(MEMORY),
        maximum: Some(MEMORY),
    };
    if rustix::process::setrlimit(Resource::As, memory).is_err() {
        left.push("unbounded memory");
    }
    if rustix::process::setsid().is_err() {
        left.push("the terminal");
    }
    if rustix::process::set_parent_process_death_signal(Some(Signal::KILL)).is_err() {
        left.push("a life after its parent");
    }
    if !drop_capabilities() {
        left.push("capabilities of root");
    }
    let applied = |filter: Option<BpfProgram>| {
        filter.is_some_and(|own| seccompiler::apply_filter(&own).is_ok())
    };
    // Glibc asks for the older call where the newer one isn't known; the newer one's flags can't be looked at.
    let newer = compiled(rules_of(&[libc::SYS_clone3]), libc::ENOSYS);
    if !applied(newer) || !applied(forbidden().and_then(|rules| compiled(rules, libc::EACCES))) {
        left.push("network sockets and other processes");
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

type Rules = BTreeMap<i64, Vec<SeccompRule>>;

fn compiled(rules: Rules, errno: i32) -> Option<BpfProgram> {
    let refusal = SeccompAction::Errno(errno.unsigned_abs());
    let arch = std::env::consts::ARCH.try_into().ok()?;
    SeccompFilter::new(rules, SeccompAction::Allow, refusal, arch)
        .ok()?
        .try_into()
        .ok()
}

/// Calls that are refused whatever they ask for.
fn rules_of(calls: &[i64]) -> Rules {
    calls
        .iter()
        .flat_map(|call| [(*call, vec![]), (*call | X32, vec![])])
        .collect()
}

fn forbidden() -> Option<Rules> {
    let never = [
        libc::SYS_io_uring_setup, // another way to sockets
        libc::SYS_execve,
        libc::SYS_execveat,
        libc::SYS_fork,
        libc::SYS_vfork,
        libc::SYS_ptrace,
        libc::SYS_process_vm_readv,
        libc::SYS_process_vm_writev,
        libc::SYS_pidfd_getfd,
        libc::SYS_pidfd_send_signal,
        libc::SYS_tkill,
        libc::SYS_bpf,
        libc::SYS_perf_event_open,
    ];
    let own = u64::from(
        rustix::process::getpid()
            .as_raw_nonzero()
            .get()
            .unsigned_abs(),
    );
    let unix = u64::from(libc::AF_UNIX.unsigned_abs());
    let threads = u64::from(libc::CLONE_THREAD.unsigned_abs());
    let first = |length: SeccompCmpArgLen, operator: SeccompCmpOp, value: u64| {
        SeccompCondition::new(0, length, operator, value).ok()
    };
    let is_not = |value: u64| first(SeccompCmpArgLen::Dword, SeccompCmpOp::Ne, value);
    let when = |conditions: Vec<SeccompCondition>| {
        SeccompRule::new(conditions).ok().map(|rule| vec![rule])
    };
    let some: [(i64, Vec<SeccompRule>); 6] = [
        (libc::SYS_socket, when(vec![is_not(unix)?])?),
        (libc::SYS_socketpair, when(vec![is_not(unix)?])?),
        // Signals to itself alone; an abort is one.
        (libc::SYS_kill, when(vec![is_not(own)?])?),
        (libc::SYS_tgkill, when(vec![is_not(own)?])?),
        (libc::SYS_prlimit64, when(vec![is_not(0)?, is_not(own)?])?),
        // Threads, but no processes.
        (
            libc::SYS_clone,
            when(vec![first(
                SeccompCmpArgLen::Qword,
                SeccompCmpOp::MaskedEq(threads),
                0,
            )?])?,
        ),
    ];
    let mut rules = rules_of(&never);
    for (call, own) in some {
        rules.insert(call | X32, own.clone());
        rules.insert(call, own);
    }
    Some(rules)
}
