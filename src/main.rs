//! `qh-ceremony`: key ceremonies on an air-gapped laptop.
#![deny(unsafe_code)]

/// Every heap allocation is wiped when it is freed: crates make temporary copies that we can't reach.
#[global_allocator]
static ALLOCATOR: zeroizing_alloc::ZeroAlloc<std::alloc::System> =
    zeroizing_alloc::ZeroAlloc(std::alloc::System);

fn main() {}
