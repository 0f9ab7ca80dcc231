//! No secret type can be printed, copied, compared or serialised. This file compiles only while that holds.

use std::fmt::{Debug, Display};

use qh_ceremony::device::picture::Read;
use qh_ceremony::print::page::SecretPage;
use qh_ceremony::run::residue::Residues;
use qh_ceremony::run::slots::{Opened, Slots};
use qh_ceremony::secret::entropy::Pool;
use qh_ceremony::secret::entry::Input;
use qh_ceremony::secret::pin::PinHash;
use qh_ceremony::secret::residue::Residue;
use qh_ceremony::secret::{Secret32, SecretBytes, SecretText};
use qh_ceremony::share::{Entry, Quorum, Share, ShareWords, UntrustedQuorum};
use qh_ceremony::transcript::sign::CeremonyKey;
use qh_ceremony::vault::bundle::Bundle;
use qh_ceremony::vault::contents::{BundleFile, BundleKey};
use qh_ceremony::vault::delivery::Delivery;
use qh_ceremony::vault::keystore::{KeyClaim, ProvenKey, UnprovableKey};
use qh_ceremony::vault::recipient::OneTimeRecipient;
use qh_ceremony::vault::schemes::suri::SecretUri;
use qh_ceremony::vault::sealed::SealKeys;
use static_assertions::assert_not_impl_any;

macro_rules! secret {
    ($($kind:ty),+ $(,)?) => {
        $(assert_not_impl_any!($kind: Debug, Display, Clone, Copy, serde::Serialize, PartialEq);)+
    };
}

secret!(SecretBytes, Secret32, SecretText);
secret!(PinHash, Pool, Residue);
secret!(
    Slots,
    Opened,
    Residues,
    Input,
    CeremonyKey,
    SecretPage,
    Read
);
secret!(Share, ShareWords, Entry, UntrustedQuorum, Quorum);
secret!(Bundle, BundleKey, BundleFile, SealKeys);
secret!(Delivery, OneTimeRecipient);
secret!(KeyClaim, ProvenKey, UnprovableKey, SecretUri<'static>);

#[test]
fn a_secret_is_read_by_asking_for_it() {
    let mut typed = *b"typed";
    let secret = SecretBytes::take(&mut typed);
    assert_eq!(typed, [0; 5]);
    assert!(secret.same(b"typed"));
}
