//! What the program does to itself before anything else, and what came of it.
//!
//! - [`harden`] is the first instruction of `main`, before any thread: privileges are fixed for the calling thread and
//!   those that it starts. It may be called again; a second call only reads the state back.
//! - It never decides. It reports [`Hardening`], and [`Hardening::findings`] says what that means: in production
//!   memory that can be swapped or a tracer that watches ends the ceremony; in a rehearsal both are notes.
//! - Nothing counts because a call succeeded: dumps and privileges are read back from the kernel.
//! - Memory is locked for the future too (`MCL_FUTURE`), so every thread's stack and every later allocation is locked.
//!   That is only safe where the limit is high enough: under a low limit later allocations would fail, and the program
//!   would die in the middle of a ceremony. Under a low limit it locks nothing for the future and says so.

use rustix::mm::MlockAllFlags;
use rustix::process::{DumpableBehavior, Resource, Rlimit};
use serde::{Deserialize, Serialize};

/// What a finding means for a ceremony.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Severity {
    /// The ceremony doesn't start, or stops.
    Stop,
    /// The ceremony goes on, and the transcript holds it.
    Note,
}

/// One thing that a check saw. Public: it holds names of devices and limits, never a secret.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Finding {
    /// Stable kebab-case name, e.g. `network-interface`.
    pub name: String,
    /// What it is about: an interface, a file, a limit.
    pub subject: String,
    /// What was seen and what it means, in full sentences.
    pub text: String,
    /// What the person does next, in a full sentence.
    pub way_on: String,
    /// Whether it stops the ceremony.
    pub severity: Severity,
}

impl Finding {
    /// A finding that stops the ceremony.
    pub fn stop(name: &str, subject: &str, text: impl Into<String>, way_on: &str) -> Self {
        Self::new(name, subject, text.into(), way_on, Severity::Stop)
    }

    /// A finding that is only written down.
    pub fn note(name: &str, subject: &str, text: impl Into<String>, way_on: &str) -> Self {
        Self::new(name, subject, text.into(), way_on, Severity::Note)
    }

    fn new(name: &str, subject: &str, text: String, way_on: &str, severity: Severity) -> Self {
        Self {
            name: name.to_owned(),
            subject: subject.to_owned(),
            text,
            way_on: way_on.to_owned(),
            severity,
        }
    }
}

/// Whether keys are real.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Mode {
    /// Keys are real: what isn't hardened stops the ceremony.
    Production,
    /// Nothing is real: what isn't hardened is a note.
    Rehearsal,
}

/// Whether another process watches this one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Tracer {
    /// Nobody does.
    Absent,
    /// The process with this id does.
    Process(u32),
    /// The kernel didn't say; the reason.
    Unknown(String),
}

/// What the kernel answered.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Hardening {
    /// All memory, present and future, is locked: it can't be swapped.
    pub memory_locked: bool,
    /// Why not, when it isn't.
    pub memory_error: Option<String>,
    /// `RLIMIT_MEMLOCK` in bytes; `None` is unlimited or does not bind this process.
    pub memory_limit: Option<u64>,
    /// The core file limit is 0 and the process is not dumpable (both read back).
    pub dumps_off: bool,
    /// Processes of the same user can't attach: the process is not dumpable (read back). Root still can.
    pub ptrace_off: bool,
    /// Nothing this process starts can gain privileges (read back).
    pub no_new_privileges: bool,
    /// Whether a tracer was attached at this moment.
    pub tracer: Tracer,
}

/// Memory that a ceremony may lock, in bytes: program, thread stacks, page rasters, Argon2, pictures. A limit below
/// this counts as too low.
pub const MEMORY_NEEDED: u64 = 512 * 1024 * 1024;

/// CAP_IPC_LOCK, `linux/capability.h`: who has it is not bound by `RLIMIT_MEMLOCK`.
const CAP_IPC_LOCK: u32 = 14;

/// Hardens this process and says what came of it. Never fails: a failure is a field of the result.
pub fn harden() -> Hardening {
    // Dumps first: from here on a crash leaves nothing.
    let _ = rustix::process::setrlimit(
        Resource::Core,
        Rlimit {
            current: Some(0),
            maximum: Some(0),
        },
    );
    let _ = rustix::process::set_dumpable_behavior(DumpableBehavior::NotDumpable);
    let _ = rustix::thread::set_no_new_privs(true);

    let core = rustix::process::getrlimit(Resource::Core);
    let undumpable = matches!(
        rustix::process::dumpable_behavior(),
        Ok(DumpableBehavior::NotDumpable)
    );
    let status = std::fs::read_to_string("/proc/self/status").map_err(|fault| fault.to_string());
    let (memory_limit, locked) = lock_memory(status.as_deref().ok());
    Hardening {
        memory_locked: locked.is_ok(),
        memory_error: locked.err(),
        memory_limit,
        dumps_off: core.current == Some(0) && core.maximum == Some(0) && undumpable,
        ptrace_off: undumpable,
        no_new_privileges: rustix::thread::no_new_privs().unwrap_or(false),
        tracer: match &status {
            Ok(text) => tracer(text),
            Err(fault) => Tracer::Unknown(fault.clone()),
        },
    }
}

/// Locks all memory, as far as the limit lets it. The limit that binds, and whether it was locked.
fn lock_memory(status: Option<&str>) -> (Option<u64>, Result<(), String>) {
    let unbound = status.is_some_and(|text| has_capability(text, CAP_IPC_LOCK));
    let mut limit = rustix::process::getrlimit(Resource::Memlock);
    if !unbound && limit.current != limit.maximum {
        let _ = rustix::process::setrlimit(
            Resource::Memlock,
            Rlimit {
                current: limit.maximum,
                maximum: limit.maximum,
            },
        );
        limit = rustix::process::getrlimit(Resource::Memlock);
    }
    let binding = if unbound { None } else { limit.current };
    if let Some(bytes) = binding.filter(|bytes| *bytes < MEMORY_NEEDED) {
        // What is there already is locked if it fits; the result still says "not locked".
        let _ = rustix::mm::mlockall(MlockAllFlags::CURRENT);
        return (
            binding,
            Err(format!(
                "the limit for locked memory (RLIMIT_MEMLOCK) is {bytes} bytes, and {MEMORY_NEEDED} are needed"
            )),
        );
    }
    let locked = rustix::mm::mlockall(MlockAllFlags::CURRENT | MlockAllFlags::FUTURE)
        .map_err(|fault| format!("the kernel refused to lock it ({fault})"));
    (binding, locked)
}

/// The tracer named by the text of `/proc/self/status`, proc(5).
fn tracer(status: &str) -> Tracer {
    match field(status, "TracerPid:").map(str::parse) {
        Some(Ok(0)) => Tracer::Absent,
        Some(Ok(pid)) => Tracer::Process(pid),
        Some(Err(_)) => Tracer::Unknown("TracerPid is not a number".to_owned()),
        None => Tracer::Unknown("/proc/self/status has no TracerPid".to_owned()),
    }
}

/// Whether the effective capabilities in the text of `/proc/self/status` hold this one.
fn has_capability(status: &str, capability: u32) -> bool {
    field(status, "CapEff:")
        .and_then(|hex| u64::from_str_radix(hex, 16).ok())
        .is_some_and(|set| set >> capability & 1 == 1)
}

fn field<'t>(status: &'t str, name: &str) -> Option<&'t str> {
    status
        .lines()
        .find_map(|line| line.strip_prefix(name))
        .map(str::trim)
}

impl Hardening {
    /// What it means for a ceremony. Empty when everything holds.
    pub fn findings(&self, mode: Mode) -> Vec<Finding> {
        let found = |name: &str, subject: &str, text: String, way_on: &str| match mode {
            Mode::Production => Finding::stop(name, subject, text, way_on),
            Mode::Rehearsal => Finding::note(name, subject, text, way_on),
        };
        let mut all = Vec::new();
        if !self.memory_locked {
            let why = self
                .memory_error
                .as_deref()
                .unwrap_or("no reason was given");
            all.push(found(
                "memory-not-locked",
                "memory",
                format!("Memory could be written to a swap device, because {why}."),
                "Start the program as root, or raise the limit (ulimit -l unlimited), then check again.",
            ));
        }
        if !self.dumps_off {
            all.push(found(
                "dumps-not-off",
                "core dumps",
                "The kernel did not turn core dumps off for this program, so a crash could write memory to a disk."
                    .to_owned(),
                "Start the program from the ceremony image, then check again.",
            ));
        }
        if !self.ptrace_off {
            all.push(found(
                "tracing-not-off",
                "tracing",
                "Other programs of this user could read the memory of this program.".to_owned(),
                "Start the program from the ceremony image, then check again.",
            ));
        }
        if !self.no_new_privileges {
            all.push(found(
                "privileges-not-fixed",
                "privileges",
                "Programs started by this one could gain privileges.".to_owned(),
                "Start the program from the ceremony image, then check again.",
            ));
        }
        match &self.tracer {
            Tracer::Absent => {}
            Tracer::Process(pid) => all.push(found(
                "being-traced",
                &format!("process {pid}"),
                format!(
                    "Process {pid} is attached to this program and can read all of its memory."
                ),
                "Stop the debugger or tracer, and start the program again without it.",
            )),
            Tracer::Unknown(why) => all.push(found(
                "cannot-tell",
                "tracing",
                format!("Whether a tracer is attached cannot be told: {why}."),
                "Mount /proc, then check again.",
            )),
        }
        all
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sound() -> Hardening {
        Hardening {
            memory_locked: true,
            memory_error: None,
            memory_limit: None,
            dumps_off: true,
            ptrace_off: true,
            no_new_privileges: true,
            tracer: Tracer::Absent,
        }
    }

    #[test]
    fn a_sound_state_has_no_findings() {
        assert_eq!(sound().findings(Mode::Production), []);
        assert_eq!(sound().findings(Mode::Rehearsal), []);
    }

    #[test]
    fn each_fault_has_its_own_name_and_stops_only_production() {
        let faults: [(&str, Hardening); 6] = [
            (
                "memory-not-locked",
                Hardening {
                    memory_locked: false,
                    ..sound()
                },
            ),
            (
                "dumps-not-off",
                Hardening {
                    dumps_off: false,
                    ..sound()
                },
            ),
            (
                "tracing-not-off",
                Hardening {
                    ptrace_off: false,
                    ..sound()
                },
            ),
            (
                "privileges-not-fixed",
                Hardening {
                    no_new_privileges: false,
                    ..sound()
                },
            ),
            (
                "being-traced",
                Hardening {
                    tracer: Tracer::Process(7),
                    ..sound()
                },
            ),
            (
                "cannot-tell",
                Hardening {
                    tracer: Tracer::Unknown("gone".to_owned()),
                    ..sound()
                },
            ),
        ];
        for (name, state) in faults {
            let production = state.findings(Mode::Production);
            assert_eq!(production.len(), 1, "{name}");
            assert_eq!(production[0].name, name);
            assert_eq!(production[0].severity, Severity::Stop);
            let rehearsal = state.findings(Mode::Rehearsal);
            assert_eq!(rehearsal[0].name, name);
            assert_eq!(rehearsal[0].severity, Severity::Note);
        }
    }

    #[test]
    fn the_text_says_what_why_and_the_way_on() {
        let state = Hardening {
            memory_locked: false,
            memory_error: Some(
                "the limit for locked memory (RLIMIT_MEMLOCK) is 65536 bytes, and 536870912 are needed".to_owned(),
            ),
            ..sound()
        };
        let finding = &state.findings(Mode::Production)[0];
        assert_eq!(
            finding.text,
            "Memory could be written to a swap device, because the limit for locked memory (RLIMIT_MEMLOCK) is \
             65536 bytes, and 536870912 are needed."
        );
        assert_eq!(
            finding.way_on,
            "Start the program as root, or raise the limit (ulimit -l unlimited), then check again."
        );
    }

    #[test]
    fn a_tracer_is_read_from_the_status_text() {
        assert_eq!(tracer("Name:\tx\nTracerPid:\t0\n"), Tracer::Absent);
        assert_eq!(
            tracer("Name:\tx\nTracerPid:\t4711\n"),
            Tracer::Process(4711)
        );
        assert!(matches!(tracer("Name:\tx\n"), Tracer::Unknown(_)));
        assert!(matches!(tracer("TracerPid:\tnone\n"), Tracer::Unknown(_)));
    }

    #[test]
    fn a_capability_is_read_from_the_status_text() {
        assert!(has_capability("CapEff:\t000001ffffffffff\n", CAP_IPC_LOCK));
        assert!(has_capability("CapEff:\t0000000000004000\n", CAP_IPC_LOCK));
        assert!(!has_capability("CapEff:\t0000000000000000\n", CAP_IPC_LOCK));
        assert!(!has_capability("CapEff:\tzz\n", CAP_IPC_LOCK));
        assert!(!has_capability("", CAP_IPC_LOCK));
    }
}
