//! A PKCS#11 module for tests that is sound by default and hostile when it is told to be: `QH_HOSTILE` names how.
//!
//! It is a shared object of its own, loaded by `qh-pkcs11` as a vendor's module would be. Its token lives in memory: label
//! `hostile`, PIN `123456`, an EC P-256 key `signer` (id 01), a generic secret `secret` (id 02) of 128 bytes, a data
//! object `note`. The environment says more, each by a file's path: `QH_HOSTILE_FILE` holds the mode, so that it can
//! change between two children; `QH_HOSTILE_SECRET` the secret; `QH_HOSTILE_STATE` keeps the count of wrong PINs, or gets
//! what the module saw. `QH_HOSTILE_EMPTY` is set for an empty token.
//! The modes stand where they act; `tests/hsm_hostile.rs` says what must come of each.
#![allow(non_snake_case, clippy::missing_safety_doc)]

mod objects;
mod token;

use std::ffi::c_void;
use std::ptr::null_mut;
use std::sync::Mutex;

use cryptoki_sys::*;
use token::{State, Wrapped};

static STATE: Mutex<Option<State>> = Mutex::new(None);
static mut LIST: CK_FUNCTION_LIST = list();

/// What the module was told to be.
fn mode() -> String {
    let file = std::env::var("QH_HOSTILE_FILE").ok();
    let told = file.and_then(|path| std::fs::read_to_string(path).ok());
    told.unwrap_or_else(|| std::env::var("QH_HOSTILE").unwrap_or_default())
}

/// Hangs, crashes or goes deaf where the mode says so: `hang-PLACE`, `crash-PLACE`, `deaf-PLACE`.
fn at(place: &str) {
    let mode = mode();
    if mode == format!("hang-{place}") {
        loop {
            std::thread::sleep(std::time::Duration::from_secs(3600));
        }
    }
    if mode == format!("deaf-{place}") {
        // Every pipe closed, and nothing ever again: the parent must not wait for an end.
        let open = std::fs::read_dir("/proc/self/fd")
            .into_iter()
            .flatten()
            .flatten();
        let open: Vec<i32> = open
            .filter_map(|own| own.file_name().to_str()?.parse().ok())
            .collect();
        for fd in open
            .into_iter()
            .filter(|fd| std::fs::read_link(format!("/proc/self/fd/{fd}")).is_ok())
        {
            // SAFETY: it is open, and nothing uses it again.
            unsafe { rustix::io::close(fd) };
        }
        loop {
            std::thread::sleep(std::time::Duration::from_secs(3600));
        }
    }
    if mode == format!("crash-{place}") {
        // SAFETY: none. This is the crash.
        unsafe { null_mut::<u8>().write_volatile(1) };
    }
}

fn with(work: impl FnOnce(&mut State) -> CK_RV) -> CK_RV {
    let mut state = STATE
        .lock()
        .unwrap_or_else(|poisoned| poisoned.into_inner());
    match state.as_mut() {
        Some(state) if state.removed => {
            let _ = state;
            CKR_DEVICE_REMOVED
        }
        Some(state) => work(state),
        None => CKR_CRYPTOKI_NOT_INITIALIZED,
    }
}

unsafe fn bytes<'a>(at: *const u8, length: CK_ULONG) -> &'a [u8] {
    if at.is_null() || length == 0 {
        return &[];
    }
    // SAFETY: the caller of a PKCS#11 function gives so many bytes.
    unsafe { std::slice::from_raw_parts(at, length as usize) }
}

/// Gives `value` by the rules of PKCS#11: a length for no buffer, CKR_BUFFER_TOO_SMALL for a short one.
unsafe fn give(value: &[u8], to: *mut u8, length: *mut CK_ULONG) -> CK_RV {
    // SAFETY: as the standard has it, `length` is valid, and `to` has as many bytes as it says.
    unsafe {
        let room = *length as usize;
        *length = value.len() as CK_ULONG;
        if to.is_null() {
            return CKR_OK;
        }
        if room < value.len() {
            return CKR_BUFFER_TOO_SMALL;
        }
        std::ptr::copy_nonoverlapping(value.as_ptr(), to, value.len());
    }
    CKR_OK
}

/// Prints what must not become an answer of the child.
fn noise() {
    if mode() == "stdout" {
        print!("QHP\x01\x00\x00\x00\x01\x03 and more");
        eprint!("QHP\x01\x00\x00\x00\x01\x03");
    }
}

unsafe extern "C" fn C_Initialize(_: *mut c_void) -> CK_RV {
    at("initialize");
    noise();
    token::look_around(&mode());
    *STATE
        .lock()
        .unwrap_or_else(|poisoned| poisoned.into_inner()) = Some(State::new(&mode()));
    CKR_OK
}

unsafe extern "C" fn C_Finalize(_: *mut c_void) -> CK_RV {
    CKR_OK
}

unsafe extern "C" fn C_GetInfo(info: *mut CK_INFO) -> CK_RV {
    let mut own = CK_INFO {
        cryptokiVersion: CK_VERSION {
            major: 2,
            minor: 40,
        },
        libraryVersion: CK_VERSION { major: 1, minor: 0 },
        ..Default::default()
    };
    own.manufacturerID = token::padded(b"qh tests");
    own.libraryDescription = token::padded(b"hostile module");
    // SAFETY: the caller gives a struct to fill.
    unsafe { *info = own };
    CKR_OK
}

/// The list of functions, as a module gives it.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn C_GetFunctionList(to: *mut *mut CK_FUNCTION_LIST) -> CK_RV {
    // SAFETY: the caller gives a place for the pointer; the list is never written to.
    unsafe { *to = &raw mut LIST };
    CKR_OK
}

unsafe extern "C" fn C_GetSlotList(
    _: CK_BBOOL,
    to: *mut CK_SLOT_ID,
    count: *mut CK_ULONG,
) -> CK_RV {
    at("slots");
    with(|state| {
        let slots = state.slots();
        // SAFETY: `count` is valid, and `to` has as many places as it says.
        unsafe {
            if mode() == "many-slots" {
                *count = 300;
                if !to.is_null() {
                    (0..300).for_each(|at| *to.add(at) = 1);
                }
                return CKR_OK;
            }
            *count = slots.len() as CK_ULONG;
            if !to.is_null() {
                slots
                    .iter()
                    .enumerate()
                    .for_each(|(at, slot)| *to.add(at) = *slot);
            }
        }
        CKR_OK
    })
}

unsafe extern "C" fn C_GetTokenInfo(slot: CK_SLOT_ID, to: *mut CK_TOKEN_INFO) -> CK_RV {
    with(|state| {
        // SAFETY: the caller gives a struct to fill.
        unsafe { *to = state.token_info(slot) };
        CKR_OK
    })
}

unsafe extern "C" fn C_OpenSession(
    _: CK_SLOT_ID,
    _: CK_FLAGS,
    _: *mut c_void,
    _: CK_NOTIFY,
    to: *mut CK_SESSION_HANDLE,
) -> CK_RV {
    // SAFETY: the caller gives a place.
    unsafe { *to = 1 };
    CKR_OK
}

unsafe extern "C" fn C_CloseSession(_: CK_SESSION_HANDLE) -> CK_RV {
    CKR_OK
}

unsafe extern "C" fn C_Login(
    _: CK_SESSION_HANDLE,
    _: CK_USER_TYPE,
    pin: *mut u8,
    length: CK_ULONG,
) -> CK_RV {
    at("login");
    // SAFETY: the caller gives so many bytes.
    let pin = unsafe { bytes(pin, length) };
    with(|state| state.login(pin))
}

unsafe extern "C" fn C_Logout(_: CK_SESSION_HANDLE) -> CK_RV {
    CKR_OK
}

unsafe extern "C" fn C_CreateObject(
    _: CK_SESSION_HANDLE,
    template: *mut CK_ATTRIBUTE,
    count: CK_ULONG,
    to: *mut CK_OBJECT_HANDLE,
) -> CK_RV {
    // SAFETY: the caller gives `count` attributes, each with its bytes.
    let attributes = unsafe { objects::read(template, count) };
    with(|state| {
        if attributes.get(&CKA_TOKEN).is_some_and(|own| own == &[1]) {
            at("create");
        }
        // SAFETY: the caller gives a place.
        unsafe { *to = state.create(attributes) };
        CKR_OK
    })
}

unsafe extern "C" fn C_DestroyObject(_: CK_SESSION_HANDLE, object: CK_OBJECT_HANDLE) -> CK_RV {
    with(|state| match state.objects.remove(&object) {
        Some(_) => CKR_OK,
        None => CKR_OBJECT_HANDLE_INVALID,
    })
}

unsafe extern "C" fn C_GetAttributeValue(
    _: CK_SESSION_HANDLE,
    object: CK_OBJECT_HANDLE,
    template: *mut CK_ATTRIBUTE,
    count: CK_ULONG,
) -> CK_RV {
    with(|state| {
        let mut result = CKR_OK;
        for index in 0..count as usize {
            // SAFETY: the caller gives `count` attributes.
            let wanted = unsafe { &mut *template.add(index) };
            match state.attribute(object, wanted.type_) {
                Ok(value) if mode() == "long-attribute" && wanted.type_ == CKA_LABEL => {
                    let _ = value;
                    wanted.ulValueLen = 1 << 40;
                }
                // SAFETY: the attribute's buffer has as many bytes as it says.
                Ok(value) => {
                    match unsafe { give(&value, wanted.pValue.cast(), &mut wanted.ulValueLen) } {
                        CKR_OK => {}
                        other => result = other,
                    }
                }
                Err(code) => {
                    wanted.ulValueLen = CK_UNAVAILABLE_INFORMATION;
                    result = code;
                }
            }
        }
        result
    })
}

unsafe extern "C" fn C_FindObjectsInit(
    _: CK_SESSION_HANDLE,
    template: *mut CK_ATTRIBUTE,
    count: CK_ULONG,
) -> CK_RV {
    at("objects");
    // SAFETY: the caller gives `count` attributes, each with its bytes.
    let wanted = unsafe { objects::read(template, count) };
    with(|state| {
        if mode() == "removed-find" {
            state.removed = true;
            return CKR_DEVICE_REMOVED;
        }
        state.find(&wanted);
        CKR_OK
    })
}

unsafe extern "C" fn C_FindObjects(
    _: CK_SESSION_HANDLE,
    to: *mut CK_OBJECT_HANDLE,
    most: CK_ULONG,
    count: *mut CK_ULONG,
) -> CK_RV {
    with(|state| {
        let batch = if mode() == "many-objects" {
            vec![1; most as usize]
        } else {
            let most = state.found.len().min(most as usize);
            state.found.drain(..most).collect()
        };
        // SAFETY: `to` has `most` places.
        unsafe {
            batch
                .iter()
                .enumerate()
                .for_each(|(at, handle)| *to.add(at) = *handle);
            *count = batch.len() as CK_ULONG;
        }
        CKR_OK
    })
}

unsafe extern "C" fn C_FindObjectsFinal(_: CK_SESSION_HANDLE) -> CK_RV {
    CKR_OK
}

unsafe extern "C" fn C_SignInit(
    _: CK_SESSION_HANDLE,
    mechanism: *mut CK_MECHANISM,
    key: CK_OBJECT_HANDLE,
) -> CK_RV {
    at("sign");
    // SAFETY: the caller gives a mechanism.
    let mechanism = unsafe { (*mechanism).mechanism };
    with(|state| {
        state.signing = (mechanism, key);
        CKR_OK
    })
}

unsafe extern "C" fn C_Sign(
    _: CK_SESSION_HANDLE,
    data: *mut u8,
    length: CK_ULONG,
    to: *mut u8,
    room: *mut CK_ULONG,
) -> CK_RV {
    // SAFETY: the caller gives so many bytes.
    let data = unsafe { bytes(data, length) };
    with(|state| match state.sign(data) {
        // SAFETY: `to` has as many bytes as `room` says.
        Ok(signature) => unsafe { give(&signature, to, room) },
        Err(code) => code,
    })
}

unsafe extern "C" fn C_WrapKey(
    _: CK_SESSION_HANDLE,
    mechanism: *mut CK_MECHANISM,
    under: CK_OBJECT_HANDLE,
    key: CK_OBJECT_HANDLE,
    to: *mut u8,
    room: *mut CK_ULONG,
) -> CK_RV {
    at("wrap");
    noise();
    if mode() == "exit-wrap" {
        std::process::exit(0);
    }
    // SAFETY: the caller gives a mechanism, with parameters where it has some.
    let (kind, iv) = unsafe {
        let mechanism = &*mechanism;
        let iv = if mechanism.mechanism == CKM_AES_GCM {
            let params = &*mechanism.pParameter.cast::<CK_GCM_PARAMS>();
            bytes(params.pIv, params.ulIvLen).to_vec()
        } else {
            vec![]
        };
        (mechanism.mechanism, iv)
    };
    with(
        |state| match state.wrap(kind, &iv, under, key, to.is_null()) {
            Ok(Wrapped { blob, told }) => {
                // SAFETY: `room` is valid, and `to` has as many bytes as it says.
                unsafe {
                    if to.is_null() {
                        *room = told;
                        return CKR_OK;
                    }
                    give(&blob, to, room)
                }
            }
            Err(code) => code,
        },
    )
}

unsafe extern "C" fn C_GenerateRandom(
    _: CK_SESSION_HANDLE,
    to: *mut u8,
    length: CK_ULONG,
) -> CK_RV {
    if mode() == "same-random" {
        return CKR_OK; // the buffer is left as it was
    }
    // SAFETY: `to` has `length` bytes.
    let own = unsafe { std::slice::from_raw_parts_mut(to, length as usize) };
    match getrandom::fill(own) {
        Ok(()) => CKR_OK,
        Err(_) => CKR_DEVICE_ERROR,
    }
}

const fn list() -> CK_FUNCTION_LIST {
    CK_FUNCTION_LIST {
        version: CK_VERSION {
            major: 2,
            minor: 40,
        },
        C_Initialize: Some(C_Initialize),
        C_Finalize: Some(C_Finalize),
        C_GetInfo: Some(C_GetInfo),
        C_GetFunctionList: Some(C_GetFunctionList),
        C_GetSlotList: Some(C_GetSlotList),
        C_GetSlotInfo: None,
        C_GetTokenInfo: Some(C_GetTokenInfo),
        C_GetMechanismList: None,
        C_GetMechanismInfo: None,
        C_InitToken: None,
        C_InitPIN: None,
        C_SetPIN: None,
        C_OpenSession: Some(C_OpenSession),
        C_CloseSession: Some(C_CloseSession),
        C_CloseAllSessions: None,
        C_GetSessionInfo: None,
        C_GetOperationState: None,
        C_SetOperationState: None,
        C_Login: Some(C_Login),
        C_Logout: Some(C_Logout),
        C_CreateObject: Some(C_CreateObject),
        C_CopyObject: None,
        C_DestroyObject: Some(C_DestroyObject),
        C_GetObjectSize: None,
        C_GetAttributeValue: Some(C_GetAttributeValue),
        C_SetAttributeValue: None,
        C_FindObjectsInit: Some(C_FindObjectsInit),
        C_FindObjects: Some(C_FindObjects),
        C_FindObjectsFinal: Some(C_FindObjectsFinal),
        C_EncryptInit: None,
        C_Encrypt: None,
        C_EncryptUpdate: None,
        C_EncryptFinal: None,
        C_DecryptInit: None,
        C_Decrypt: None,
        C_DecryptUpdate: None,
        C_DecryptFinal: None,
        C_DigestInit: None,
        C_Digest: None,
        C_DigestUpdate: None,
        C_DigestKey: None,
        C_DigestFinal: None,
        C_SignInit: Some(C_SignInit),
        C_Sign: Some(C_Sign),
        C_SignUpdate: None,
        C_SignFinal: None,
        C_SignRecoverInit: None,
        C_SignRecover: None,
        C_VerifyInit: None,
        C_Verify: None,
        C_VerifyUpdate: None,
        C_VerifyFinal: None,
        C_VerifyRecoverInit: None,
        C_VerifyRecover: None,
        C_DigestEncryptUpdate: None,
        C_DecryptDigestUpdate: None,
        C_SignEncryptUpdate: None,
        C_DecryptVerifyUpdate: None,
        C_GenerateKey: None,
        C_GenerateKeyPair: None,
        C_WrapKey: Some(C_WrapKey),
        C_UnwrapKey: None,
        C_DeriveKey: None,
        C_SeedRandom: None,
        C_GenerateRandom: Some(C_GenerateRandom),
        C_GetFunctionStatus: None,
        C_CancelFunction: None,
        C_WaitForSlotEvent: None,
    }
}
