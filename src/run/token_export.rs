//! Keys out of a token: wrapped for this ceremony, opened in this memory, each proven before it counts.

use super::driver::Driver;
use super::token::{Hsm, unchanged};
use crate::ceremony::event::Refused;
use crate::files::{from_error, refused};
use crate::hsm::client::Client;
use crate::hsm::fault::HsmFault;
use crate::hsm::message::No;
use crate::hsm::uri::TokenUri;
use crate::hsm::{Class, Method, ObjectInfo};
use crate::refusal::Refuse;
use crate::vault::contents::{BundleFile, BundleKey};
use crate::vault::token::{Material, Member, TokenFault, TokenKey, WrapKeys, member, prove};

/// Random bytes that a token gives to the pool.
const RANDOM: usize = 64;

/// Why one object doesn't come out: the token is gone or broken, or this object stays.
enum Failed {
    /// The module or token: nothing more is asked of it.
    Token(HsmFault),
    /// This object alone.
    Object(Refused),
}

impl From<HsmFault> for Failed {
    fn from(fault: HsmFault) -> Self {
        match fault.no() {
            Some(No::NotExtractable | No::TrustedOnly | No::Sensitive | No::NotOffered) => {
                Self::Object(from_error(&fault))
            }
            _ => Self::Token(fault),
        }
    }
}

impl From<TokenFault> for Failed {
    fn from(fault: TokenFault) -> Self {
        Self::Object(from_error(&fault))
    }
}

/// One export: the session, the keys that it wraps under, and what the token took of them.
struct Export<'a> {
    client: &'a mut Client,
    keys: WrapKeys,
    /// Why the token took no AES key; `None` if it did.
    no_aes: Option<String>,
    /// Once the RSA key was offered: why the token took none.
    no_rsa: Option<Option<String>>,
}

impl Driver {
    /// Exports and proves every object that doesn't stay. `notes` gets how each left the token.
    pub(super) fn export_token(
        &mut self,
        uri: &str,
        password: bool,
        notes: &mut Vec<String>,
    ) -> Result<(Vec<BundleKey>, Vec<BundleFile>), Refused> {
        let (mut client, token) = self.token_session(uri, false)?;
        let library = client.library.clone();
        notes.push(format!(
            "token {}, serial {}, {} {}, firmware {}, module {library}",
            token.label, token.serial, token.manufacturer, token.model, token.firmware
        ));
        match client.random(RANDOM) {
            Ok(bytes) => {
                self.residues.bytes("token random", bytes.expose());
                self.slots.token_random = Some(bytes);
                notes.push(format!(
                    "{RANDOM} random bytes of the token go into the pool"
                ));
            }
            Err(fault) if fault.no().is_some() && fault.no() != Some(No::Removed) => {
                notes.push("the token gives no random bytes".into());
            }
            Err(fault) => return Err(from_error(&fault)),
        }
        let objects = client.objects().map_err(|fault| from_error(&fault))?;
        if !unchanged(&self.devices.hsm.seen, &objects) {
            return Err(refused(
                "hsm-token-changed",
                "The token lists other objects, or other attributes, than those that two people have signed for.",
                "Look at what it lists now, and sign again; if it changes once more, don't trust this module.",
            ));
        }
        let wrap = WrapKeys::fresh().map_err(|fault| from_error(&fault))?;
        self.residues.bytes("wrapping key", wrap.aes_key().expose());
        let no_aes = match client.use_aes(wrap.aes_key()) {
            Ok(()) => None,
            Err(fault) if fault.no() == Some(No::NotOffered) => Some(fault.to_string()),
            Err(fault) => return Err(from_error(&fault)),
        };
        let mut export = Export {
            client: &mut client,
            keys: wrap,
            no_aes,
            no_rsa: None,
        };
        let source = TokenUri::of_token(&token);
        let password = if password {
            self.slots.password.as_ref()
        } else {
            None
        };
        let (mut keys, mut files): (Vec<BundleKey>, Vec<BundleFile>) = (vec![], vec![]);
        for object in &objects {
            if self.devices.hsm.stays(&source, object).is_some() {
                continue;
            }
            let own = source.of_object(object).to_string();
            let got = export
                .one(object)
                .and_then(|(key, how)| Ok((member(&key, &own, password)?, how)));
            match got {
                Ok((Member::Key(key), how)) => {
                    let twice = |other: &BundleKey| {
                        (&other.key_type, &other.public) == (&key.key_type, &key.public)
                    };
                    if keys.iter().any(twice) {
                        notes.push(format!(
                            "{}: the same key once more, taken once",
                            object.spoken()
                        ));
                        continue;
                    }
                    notes.push(format!("{}: {how}", object.spoken()));
                    keys.push(key);
                }
                Ok((Member::File(file), how)) => {
                    match files.iter().find(|other| other.path == file.path) {
                        None => {}
                        Some(other) if other.content.same(file.content.expose()) => {
                            notes.push(format!(
                                "{}: the same file once more, taken once",
                                object.spoken()
                            ));
                            continue;
                        }
                        Some(_) => {
                            let why = refused(
                                "hsm-data-twice",
                                "Another object of the same name holds something else, and a node has one such file.",
                                "Look which of them the node uses, and take the other out of the token.",
                            );
                            return Err(stays(&mut self.devices.hsm, object, why));
                        }
                    }
                    notes.push(format!("{}: {how}", object.spoken()));
                    files.push(file);
                }
                Err(Failed::Token(fault)) => return Err(from_error(&fault)),
                Err(Failed::Object(why)) => return Err(stays(&mut self.devices.hsm, object, why)),
            }
        }
        if keys.is_empty() {
            return Err(refused(
                "hsm-nothing-to-export",
                "No key of this token may be exported.",
                "Choose another token. Keys that may not leave theirs are backed up by the vendor's own means (docs/hsm.md).",
            ));
        }
        Ok((keys, files))
    }
}

/// The object is among those that stay from now on; people see the reason and decide.
fn stays(hsm: &mut Hsm, object: &ObjectInfo, why: Refused) -> Refused {
    let reason = why.what.trim_end_matches('.').to_owned();
    hsm.stays_from_now(object, format!("{reason} ({})", why.name));
    Refused {
        what: format!("{} is not exported. {}", object.spoken(), why.what),
        way_on: format!(
            "{} It is listed next among what stays in the token.",
            why.way_on
        ),
        ..why
    }
}

impl Export<'_> {
    /// One object, proven, and how it left the token.
    fn one(&mut self, object: &ObjectInfo) -> Result<(TokenKey, String), Failed> {
        if object.class == Class::Data {
            let parts = self.client.read(object.handle)?;
            let key = prove(object, Material::Parts(parts))?;
            return Ok((key, "read in the clear, as data objects are".into()));
        }
        let mut tried = vec![];
        let mut wrong: Option<TokenFault> = None;
        for method in Method::ALL {
            if let Some(why) = self.missing(method)? {
                tried.push(format!("{}: {why}", method.name()));
                continue;
            }
            let iv = WrapKeys::fresh_iv()?;
            let (iv, blob) = match self.client.wrap(object.handle, method, iv) {
                Ok(wrapped) => wrapped,
                Err(fault) => match fault.no() {
                    // What is no way out is not the last word on the others.
                    Some(No::NotOffered | No::Sensitive | No::NotExtractable) => {
                        tried.push(format!("{}: {}", method.name(), brief(&fault)));
                        continue;
                    }
                    _ => return Err(fault.into()),
                },
            };
            let opened = self.keys.unwrap(method, iv, &blob);
            if opened.is_empty() {
                tried.push(format!("{}: what came out doesn't open", method.name()));
            }
            for plain in opened {
                match prove(object, Material::Wrapped(plain)) {
                    Ok(key) => {
                        let quantum = if method.is_rsa() {
                            ", not post-quantum"
                        } else {
                            ""
                        };
                        return Ok((key, format!("wrapped by {}{quantum}", method.name())));
                    }
                    Err(fault) => wrong = Some(fault),
                }
            }
        }
        if object.sensitive == Some(false) {
            let parts = self.client.read(object.handle)?;
            let key = prove(object, Material::Parts(parts))?;
            return Ok((
                key,
                "read in the clear: the token does not call it sensitive".into(),
            ));
        }
        if let Some(fault) = wrong {
            return Err(fault.into());
        }
        Err(Failed::Object(refused(
            "hsm-export-impossible",
            format!(
                "The token gives this {} out in no way that is known here ({}).",
                object.kind.spoken(),
                tried.join("; ")
            ),
            "Back it up by the vendor's own means, from token to token (docs/hsm.md), or go on without it.",
        )))
    }

    /// Why the key that a method wraps under is not in the token; `None` if it is.
    fn missing(&mut self, method: Method) -> Result<Option<String>, Failed> {
        if !method.is_rsa() {
            return Ok(self.no_aes.clone());
        }
        if let Some(told) = &self.no_rsa {
            return Ok(told.clone());
        }
        let (n, e) = self.keys.rsa_public()?;
        let told = match self.client.use_rsa(n, e) {
            Ok(()) => None,
            Err(fault) if fault.no() == Some(No::NotOffered) => Some(brief(&fault)),
            Err(fault) => return Err(fault.into()),
        };
        self.no_rsa = Some(told.clone());
        Ok(told)
    }
}

/// The module's own code for a refusal.
fn brief(fault: &HsmFault) -> String {
    match fault {
        HsmFault::Refused { text, .. } if !text.is_empty() => text.clone(),
        other => other.name().to_owned(),
    }
}
