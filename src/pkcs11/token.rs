//! One module, one token, one session: each question is answered here.

use std::ffi::CString;

use cryptoki::context::{CInitializeArgs, CInitializeFlags, Pkcs11};
use cryptoki::error::{Error, RvError};
use cryptoki::mechanism::Mechanism;
use cryptoki::mechanism::eddsa::{EddsaParams, EddsaSignatureScheme};
use cryptoki::object::ObjectHandle;
use cryptoki::session::{Session, UserType};
use cryptoki::slot::Slot;
use cryptoki::types::AuthPin;

use super::{Refusal, raw};
use crate::hsm::frame::{cut, printable};
use crate::hsm::message::{MAX_LISTED, MAX_SAID, No, Reply, Request};
use crate::hsm::{ObjectInfo, PinState, SignWith, TokenInfo};
use crate::secret::{SecretBytes, SecretText};

/// What the child holds.
#[derive(Default)]
pub(super) struct Token {
    pub(super) module: Option<Pkcs11>,
    pub(super) session: Option<Session>,
    /// Objects as they were listed, by handle.
    pub(super) listed: Vec<(ObjectHandle, ObjectInfo)>,
    /// What was written in this session: a private or secret key, with its public key.
    pub(super) made: Vec<(u64, Vec<ObjectHandle>)>,
    /// The AES key to wrap under, in the token and here.
    pub(super) aes: Option<(ObjectHandle, SecretBytes)>,
    /// The RSA key to wrap under.
    pub(super) rsa: Option<ObjectHandle>,
}

/// What an answer is tried for: another way may do where the token offers none.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Trying {
    /// There is no other way.
    Only,
    /// Whatever the module says, short of being gone, means "not this way".
    OneOfSeveral,
}

/// The refusal that an error of the module is.
pub(super) fn refusal(error: &Error, trying: Trying) -> Refusal {
    let (code, function) = match error {
        Error::Pkcs11(code, function) => (Some(*code), format!("C_{function:?}")),
        Error::LibraryLoading(why) => return Refusal(No::NotLoaded, short(&why.to_string())),
        other => (None, format!("{other:?}")),
    };
    let no = match code {
        Some(
            RvError::DeviceRemoved
            | RvError::TokenNotPresent
            | RvError::TokenNotRecognized
            | RvError::SessionHandleInvalid
            | RvError::SessionClosed
            | RvError::SlotIdInvalid,
        ) => No::Removed,
        Some(RvError::PinIncorrect | RvError::PinInvalid | RvError::PinLenRange) => No::PinWrong,
        Some(RvError::PinLocked) => No::PinLocked,
        Some(RvError::KeyUnextractable) => No::NotExtractable,
        Some(RvError::AttributeSensitive) => No::Sensitive,
        // These say nothing about the way that was tried.
        Some(
            RvError::DeviceError
            | RvError::DeviceMemory
            | RvError::HostMemory
            | RvError::UserNotLoggedIn,
        ) => No::Device,
        _ if trying == Trying::OneOfSeveral => No::NotOffered,
        _ => No::Device,
    };
    let code = code.map_or_else(String::new, |code| format!(": {code:?}"));
    Refusal(no, short(&format!("{function}{code}")))
}

/// A module's words as one short, printable line.
fn short(text: &str) -> String {
    cut(&printable(text), MAX_SAID)
}

pub(super) fn only(error: Error) -> Refusal {
    refusal(&error, Trying::Only)
}

pub(super) fn one_way(error: Error) -> Refusal {
    refusal(&error, Trying::OneOfSeveral)
}

fn early(what: &str) -> Refusal {
    Refusal(No::Device, format!("asked too early: {what}"))
}

impl Token {
    pub(super) fn answer(&mut self, request: Request, unconfined: &str) -> Result<Reply, Refusal> {
        match request {
            Request::Load { module, init } => self.load(&module, &init, unconfined),
            Request::Tokens => self.tokens().map(Reply::Tokens),
            Request::Open {
                slot,
                label,
                serial,
                write,
            } => self.open(slot, &label, &serial, write),
            Request::Login { pin } => self.login(&pin),
            Request::Objects => self.list().map(Reply::Objects),
            Request::Random { count } => self.random(count),
            Request::UseAes { key } => self.use_aes(key),
            Request::UseRsa { n, e } => self.use_rsa(n, e),
            Request::Wrap { handle, method, iv } => self.wrap(handle, method, iv),
            Request::Read { handle } => self.read(handle).map(Reply::Plain),
            Request::Create(object) => self.create(&object).map(Reply::Created),
            Request::Sign {
                handle,
                with,
                message,
            } => self.sign(handle, with, &message),
            Request::Destroy { handle } => self.destroy(handle),
        }
    }

    /// Logs out, closes the session with the keys that lived in it, and takes leave of the module.
    pub(super) fn leave(mut self) {
        if let Some(session) = self.session.take() {
            let _ = session.logout();
            let _ = session.close();
        }
        if let Some(module) = self.module.take() {
            let _ = module.finalize();
        }
    }

    fn load(&mut self, module: &str, init: &str, unconfined: &str) -> Result<Reply, Refusal> {
        if !unconfined.is_empty() {
            // Foreign code is not run by a process that could still do everything.
            return Ok(Reply::Loaded {
                library: String::new(),
                unconfined: unconfined.to_owned(),
            });
        }
        let not_loaded = |error: Error| Refusal(No::NotLoaded, refusal(&error, Trying::Only).1);
        let own = Pkcs11::new(module).map_err(not_loaded)?;
        let arguments = if init.is_empty() {
            CInitializeArgs::new(CInitializeFlags::OS_LOCKING_OK)
        } else {
            let text = CString::new(init).map_err(|_| Refusal(No::NotLoaded, "init".into()))?;
            raw::with_text(text)
        };
        own.initialize(arguments).map_err(not_loaded)?;
        let library = own.get_library_info().map_or_else(
            |_| String::new(),
            |info| {
                let version = info.library_version();
                let name = info.library_description().trim();
                short(&format!("{name} {}.{}", version.major(), version.minor()))
            },
        );
        self.module = Some(own);
        Ok(Reply::Loaded {
            library,
            unconfined: String::new(),
        })
    }

    fn module(&self) -> Result<&Pkcs11, Refusal> {
        self.module.as_ref().ok_or_else(|| early("no module"))
    }

    pub(super) fn session(&self) -> Result<&Session, Refusal> {
        self.session.as_ref().ok_or_else(|| early("no session"))
    }

    pub(super) fn object(&self, handle: u64) -> Result<(ObjectHandle, &ObjectInfo), Refusal> {
        let found = self.listed.iter().find(|(_, info)| info.handle == handle);
        found
            .map(|(own, info)| (*own, info))
            .ok_or_else(|| early("no such object was listed"))
    }

    fn tokens(&self) -> Result<Vec<TokenInfo>, Refusal> {
        let module = self.module()?;
        let slots = module.get_slots_with_token().map_err(only)?;
        let most = usize::try_from(MAX_LISTED).unwrap_or(usize::MAX);
        if slots.len() > most {
            return Err(Refusal(
                No::Device,
                format!("C_GetSlotList: {} slots", slots.len()),
            ));
        }
        slots.into_iter().map(|slot| self.token(slot)).collect()
    }

    fn token(&self, slot: Slot) -> Result<TokenInfo, Refusal> {
        let info = self.module()?.get_token_info(slot).map_err(only)?;
        let firmware = info.firmware_version();
        let text = |text: &str| printable(text.trim_end_matches([' ', '\0']));
        Ok(TokenInfo {
            slot: slot.id(),
            label: text(info.label()),
            manufacturer: text(info.manufacturer_id()),
            model: text(info.model()),
            serial: text(info.serial_number()),
            firmware: format!("{}.{}", firmware.major(), firmware.minor()),
            initialized: info.token_initialized() && info.user_pin_initialized(),
            pin_pad: info.protected_authentication_path(),
            write_protected: info.write_protected(),
            pin: if info.user_pin_locked() {
                PinState::Locked
            } else if info.user_pin_final_try() {
                PinState::FinalTry
            } else if info.user_pin_count_low() {
                PinState::CountLow
            } else {
                PinState::Good
            },
        })
    }

    fn open(
        &mut self,
        slot: u64,
        label: &str,
        serial: &str,
        write: bool,
    ) -> Result<Reply, Refusal> {
        let module = self.module()?;
        let slots = module.get_slots_with_token().map_err(only)?;
        let gone = || Refusal(No::NoToken, "C_GetSlotList".into());
        let slot = slots
            .into_iter()
            .find(|own| own.id() == slot)
            .ok_or_else(gone)?;
        let token = self.token(slot)?;
        if (token.label.as_str(), token.serial.as_str()) != (label, serial) {
            return Err(gone());
        }
        let session = if write {
            module.open_rw_session(slot)
        } else {
            module.open_ro_session(slot)
        };
        self.session = Some(session.map_err(only)?);
        Ok(Reply::Done)
    }

    fn login(&self, pin: &SecretText) -> Result<Reply, Refusal> {
        let session = self.session()?;
        let result = if pin.expose().is_empty() {
            session.login(UserType::User, None)
        } else {
            session.login(UserType::User, Some(&AuthPin::from(pin.expose())))
        };
        match result {
            Ok(()) | Err(Error::Pkcs11(RvError::UserAlreadyLoggedIn, _)) => Ok(Reply::Done),
            Err(error) => Err(only(error)),
        }
    }

    fn random(&self, count: u64) -> Result<Reply, Refusal> {
        let count = u32::try_from(count).map_err(|_| early("too much"))?;
        let bytes = self.session()?.generate_random_vec(count).map_err(only)?;
        Ok(Reply::Random(SecretBytes::new(bytes)))
    }

    fn sign(&self, handle: u64, with: SignWith, message: &[u8]) -> Result<Reply, Refusal> {
        let key = self.object(handle)?.0;
        let mechanism = match with {
            SignWith::Ecdsa => Mechanism::Ecdsa,
            SignWith::RsaPkcs => Mechanism::Sha256RsaPkcs,
            SignWith::Eddsa => Mechanism::Eddsa(EddsaParams::new(EddsaSignatureScheme::Ed25519)),
            SignWith::Hmac => Mechanism::Sha256Hmac,
        };
        let unknown = |error: Error| match error {
            // Not known at all. Any other failure is one: a key that doesn't sign may be another key.
            Error::Pkcs11(
                RvError::MechanismInvalid
                | RvError::MechanismParamInvalid
                | RvError::FunctionNotSupported,
                _,
            )
            | Error::NullFunctionPointer => one_way(error),
            other => only(other),
        };
        let signature = self
            .session()?
            .sign(&mechanism, key, message)
            .map_err(unknown)?;
        Ok(Reply::Signature(signature))
    }
}
