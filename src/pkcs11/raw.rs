//! The two things that `cryptoki` offers by unsafe code alone. Nothing else in this program is unsafe.

use std::ffi::{CString, c_void};
use std::ptr::NonNull;

use cryptoki::context::{CInitializeArgs, CInitializeFlags};
use cryptoki::mechanism::vendor_defined::VendorDefinedMechanism;
use cryptoki::mechanism::{Mechanism, MechanismType};

/// `CKM_AES_KEY_WRAP_KWP`, PKCS#11 3.0. `cryptoki` 0.12 has no name for it.
const KWP: u64 = 0x210B;

/// The mechanism `CKM_AES_KEY_WRAP_KWP`: RFC 5649.
pub(super) fn kwp() -> Mechanism<'static> {
    // SAFETY: `MechanismType` is `repr(transparent)` over `CK_MECHANISM_TYPE`, an unsigned long, and every value of that
    // is a mechanism type; a module refuses one that it doesn't know. The sizes are compared when this is compiled.
    let mechanism = unsafe { std::mem::transmute::<u64, MechanismType>(KWP) };
    Mechanism::VendorDefined(VendorDefinedMechanism::new::<()>(mechanism, None))
}

/// Initialisation arguments with a text of the module's own (`pReserved`, as p11-kit's `x-init-reserved`).
///
/// The text is never freed: a module may keep the pointer as long as it is loaded, and this process ends with it.
pub(super) fn with_text(text: CString) -> CInitializeArgs {
    let pointer = NonNull::from(Box::leak(text.into_boxed_c_str())).cast::<c_void>();
    // SAFETY: the pointer leads to a text that ends in a zero byte and stays for ever. A module that takes `pReserved`
    // reads such a text there; one that doesn't must refuse any pointer (CKR_ARGUMENTS_BAD), says the standard.
    unsafe { CInitializeArgs::new_with_reserved(CInitializeFlags::OS_LOCKING_OK, pointer) }
}
