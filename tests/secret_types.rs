//! No secret type can be printed, copied or serialised. This file compiles only while that holds.

use std::fmt::{Debug, Display};

use qh_ceremony::secret::locker::{Content, Locker};
use qh_ceremony::secret::pin::PinHash;
use qh_ceremony::secret::residue::Residue;
use qh_ceremony::secret::{Secret32, SecretBytes, SecretText};
use static_assertions::assert_not_impl_any;

assert_not_impl_any!(SecretBytes: Debug, Display, Clone, Copy, serde::Serialize, PartialEq);
assert_not_impl_any!(Secret32: Debug, Display, Clone, Copy, serde::Serialize, PartialEq);
assert_not_impl_any!(SecretText: Debug, Display, Clone, Copy, serde::Serialize, PartialEq);
assert_not_impl_any!(Content: Debug, Display, Clone, Copy, serde::Serialize, PartialEq);
assert_not_impl_any!(Locker<u8>: Debug, Display, Clone, Copy, serde::Serialize, PartialEq);
assert_not_impl_any!(PinHash: Debug, Display, Clone, Copy, serde::Serialize, PartialEq);
assert_not_impl_any!(Residue: Debug, Display, Clone, Copy, serde::Serialize, PartialEq);

#[test]
fn a_secret_is_read_by_asking_for_it() {
    let mut typed = *b"typed";
    let secret = SecretBytes::take(&mut typed);
    assert_eq!(typed, [0; 5]);
    assert!(secret.same(b"typed"));
}
