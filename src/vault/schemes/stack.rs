//! Wiping what the crates of the schemes leave on the stack.
//!
//! They hand secrets around by value, and a moved value stays behind in the frame that it left; tests found up to ten
//! copies of a seed. Those frames lie below the caller's and are dead once the proof returns, so they are overwritten.

/// More than the deepest proof uses (Falcon-1024, about 330 kB), and far less than a thread's stack (2 MiB).
const DEPTH: usize = 768 * 1024;

/// Runs `work` in frames of its own, then overwrites them.
pub(in crate::vault) fn wiped<T>(work: impl FnOnce() -> T) -> T {
    let outcome = apart(work);
    overwrite();
    outcome
}

/// Never inlined: otherwise the secrets would lie in the caller's frame, which is not overwritten.
#[inline(never)]
fn apart<T>(work: impl FnOnce() -> T) -> T {
    work()
}

#[inline(never)]
fn overwrite() {
    let mut dead = [0_u8; DEPTH];
    // Without this the compiler sees that nobody reads the zeros, and leaves them out.
    std::hint::black_box(&mut dead);
}
