//! HSM tokens: listed, inspected, exported from, written to. One child and one login a piece of work.

use std::path::{Path, PathBuf};

use super::driver::Driver;
use super::softhsm::MARK;
use crate::ceremony::event::{ModuleFact, Outcome, Refused, TokenFact, TokenPin};
use crate::files::{from_error, refused};
use crate::hsm::client::{Client, Patience};
use crate::hsm::fault::HsmFault;
use crate::hsm::modules::{self, Module};
use crate::hsm::uri::TokenUri;
use crate::hsm::{Class, Kind, ObjectInfo, PinState, TokenInfo};
use crate::secret::SecretText;
use crate::vault::header::MAX_KEYS;
use crate::vault::token::known_data;

/// The child program and the modules that it may load.
pub struct Hsm {
    /// The child program, `qh-pkcs11`.
    pub program: PathBuf,
    /// Modules that a device file names, or a rehearsal's own.
    pub modules: Vec<Module>,
    /// The token that is meant, where a device file names it and the script doesn't.
    pub token: Option<TokenUri>,
    /// Whether the module files of p11-kit are listed too, and any path may be typed. Not in a rehearsal.
    pub any: bool,
    /// How long a question may take.
    pub patience: Patience,
    chosen: Option<Module>,
    /// Objects whose export failed, with the reason: from then on they are among those that stay.
    failed: Vec<(ObjectInfo, String)>,
}

impl Hsm {
    /// Real tokens, with the child beside this program.
    pub fn real() -> Self {
        Self {
            any: true,
            ..Self::none()
        }
    }

    /// No module: a rehearsal has its own or none.
    pub fn none() -> Self {
        Self {
            program: beside("qh-pkcs11"),
            modules: vec![],
            token: None,
            any: false,
            patience: Patience::default(),
            chosen: None,
            failed: vec![],
        }
    }

    fn all(&self) -> Vec<Module> {
        let mut all = self.modules.clone();
        if self.any {
            let listed = modules::listed(Path::new("/"));
            all.extend(
                listed
                    .into_iter()
                    .filter(|module| self.modules.iter().all(|own| own.path != module.path)),
            );
        }
        all
    }

    /// Remembers that this object can't be exported, and why.
    pub(super) fn stays_from_now(&mut self, object: &ObjectInfo, why: String) {
        self.failed.retain(|(own, _)| !same(own, object));
        self.failed.push((object.clone(), why));
    }

    /// Why an object stays in its token; `None` for one that is exported.
    pub(super) fn stays(&self, object: &ObjectInfo) -> Option<String> {
        if let Some(no) = object.stays() {
            let fault = HsmFault::Refused {
                doing: "export",
                no,
                text: String::new(),
            };
            return Some(fault.to_string().trim_end_matches('.').to_lowercase());
        }
        if let Some((_, why)) = self.failed.iter().find(|(own, _)| same(own, object)) {
            return Some(why.clone());
        }
        match object.kind {
            Kind::Other(_) => Some("keys of this type are not backed up".into()),
            Kind::Data if !known_data(object) => Some("not named as a file of the node".into()),
            _ => None,
        }
    }
}

/// Whether two listings tell of the same object: handles are of one session alone.
fn same(a: &ObjectInfo, b: &ObjectInfo) -> bool {
    (a.class, &a.label, &a.id, &a.application) == (b.class, &b.label, &b.id, &b.application)
}

/// A program in the directory of this one.
fn beside(name: &str) -> PathBuf {
    let own = std::env::current_exe().unwrap_or_default();
    own.with_file_name(name)
}

fn parsed(uri: &str) -> Result<TokenUri, Refused> {
    TokenUri::parse(uri).map_err(|error| from_error(&error))
}

/// The token that the script names, else the one that the device file names, else any.
fn meant(hsm: &Hsm, named: &str) -> Result<TokenUri, Refused> {
    if named.is_empty() {
        Ok(hsm.token.clone().unwrap_or_default())
    } else {
        parsed(named)
    }
}

impl Driver {
    pub(super) fn list_modules(&self, named: &str) -> Result<Outcome, Refused> {
        let uri = meant(&self.devices.hsm, named)?;
        let mut all = self.devices.hsm.all();
        if let Some(path) = &uri.module_path
            && all.iter().all(|module| module.path != Path::new(path))
        {
            all.push(Module::at(Path::new(path)));
        }
        let fits = |module: &Module| match (&uri.module_path, &uri.module_name) {
            (Some(path), _) => module.path == Path::new(path),
            (None, Some(name)) => &module.name == name,
            (None, None) => false,
        };
        if let (Some(name), false) = (&uri.module_name, all.iter().any(fits)) {
            return Err(refused(
                "hsm-module-unknown",
                format!("No module is called {name}, as script or device file have it."),
                "Name it in the device file (`[[hsm.module]]`), or install its module file for p11-kit.",
            ));
        }
        let fact = |module: &Module| ModuleFact {
            name: module.name.clone(),
            path: module.path.display().to_string(),
            named: fits(module),
        };
        Ok(Outcome::Modules {
            modules: all.iter().map(fact).collect(),
        })
    }

    pub(super) fn list_tokens(&mut self, path: &str, named: &str) -> Result<Outcome, Refused> {
        let uri = meant(&self.devices.hsm, named)?;
        let real = self.devices.real;
        let hsm = &mut self.devices.hsm;
        let known = hsm
            .all()
            .into_iter()
            .find(|module| module.path == Path::new(path));
        let module = match known {
            Some(module) => module,
            None if hsm.any => Module::at(Path::new(path)),
            None => {
                return Err(refused(
                    "not-of-this-rehearsal",
                    format!(
                        "{path} is no module of this rehearsal, and real keys never enter one."
                    ),
                    "Choose the rehearsal's own module; rehearse with --hsm softhsm to have one.",
                ));
            }
        };
        let mut client = start(hsm, &module)?;
        let tokens = client.tokens().map_err(|fault| from_error(&fault))?;
        let mut fitting: Vec<&TokenInfo> = tokens.iter().filter(|token| uri.fits(token)).collect();
        of_this_world(real, &mut fitting)?;
        let facts: Vec<TokenFact> = fitting.iter().map(|token| fact(token)).collect();
        if facts.is_empty() {
            let wanted = if uri == TokenUri::default() {
                "this module".to_owned()
            } else {
                uri.to_string()
            };
            return Err(from_error(&HsmFault::NoToken { wanted }));
        }
        for (at, one) in facts.iter().enumerate() {
            let count = facts.iter().filter(|other| other.uri == one.uri).count();
            if facts[..at].iter().any(|earlier| earlier.uri == one.uri) {
                return Err(from_error(&HsmFault::Ambiguous {
                    wanted: one.uri.clone(),
                    count,
                }));
            }
        }
        if !facts.iter().any(|token| token.pin.usable()) {
            let locked = facts.iter().any(|token| token.pin == TokenPin::Locked);
            let names: Vec<&str> = facts.iter().map(|token| token.text.as_str()).collect();
            return Err(if locked {
                refused(
                    "hsm-pin-locked",
                    format!(
                        "The PIN of each token that fits is locked: {}.",
                        names.join("; ")
                    ),
                    "The token's security officer unlocks it with the vendor's tool, or take another token.",
                )
            } else {
                refused(
                    "hsm-token-not-initialised",
                    format!("No token that fits has a user PIN: {}.", names.join("; ")),
                    "Initialise the token with the vendor's tool, then choose it again.",
                )
            });
        }
        hsm.failed.clear();
        hsm.chosen = Some(module);
        Ok(Outcome::Tokens {
            library: client.library.clone(),
            tokens: facts,
        })
    }

    /// A session with the chosen token, logged in.
    pub(super) fn token_session(
        &self,
        uri: &str,
        write: bool,
    ) -> Result<(Client, TokenInfo), Refused> {
        let chosen = self.devices.hsm.chosen.as_ref().ok_or_else(|| {
            refused(
                "slot-empty",
                "No module is chosen.",
                "Choose module and token again.",
            )
        })?;
        let wanted = parsed(uri)?;
        let mut client = start(&self.devices.hsm, chosen)?;
        let tokens = client.tokens().map_err(|fault| from_error(&fault))?;
        let mut fitting: Vec<TokenInfo> = tokens
            .into_iter()
            .filter(|token| wanted.fits(token))
            .collect();
        let token = match (fitting.pop(), fitting.len()) {
            (Some(token), 0) => token,
            (None, _) => {
                return Err(from_error(&HsmFault::NoToken {
                    wanted: uri.to_owned(),
                }));
            }
            (Some(_), others) => {
                let fault = HsmFault::Ambiguous {
                    wanted: uri.to_owned(),
                    count: others + 1,
                };
                return Err(from_error(&fault));
            }
        };
        if write && token.write_protected {
            return Err(refused(
                "hsm-write-protected",
                format!("The token {} is write-protected.", token.label),
                "Take the protection off, or choose another token.",
            ));
        }
        let typed = self.slots.token_pin.as_ref().map_or("", |pin| pin.expose());
        let pin = SecretText::new(if token.pin_pad {
            String::new()
        } else {
            typed.to_owned()
        });
        if !token.pin_pad && typed.is_empty() {
            return Err(refused(
                "hsm-pin-wrong",
                "The PIN is gone with the memory.",
                "Type the PIN again.",
            ));
        }
        client
            .open(&token, write)
            .and_then(|()| client.login(pin))
            .map_err(|fault| from_error(&fault))?;
        Ok((client, token))
    }

    pub(super) fn inspect_token(&mut self, uri: &str) -> Result<Outcome, Refused> {
        let (mut client, _) = self.token_session(uri, false)?;
        let objects = client.objects().map_err(|fault| from_error(&fault))?;
        let (mut files, mut stays) = (vec![], vec![]);
        for object in &objects {
            match self.devices.hsm.stays(object) {
                Some(why) => stays.push(format!(
                    "{}: {}, {why}",
                    object.spoken(),
                    object.kind.spoken()
                )),
                None => files.push(described(object)),
            }
        }
        if files.is_empty() {
            return Err(refused(
                "hsm-nothing-to-export",
                format!(
                    "Nothing in this token may be exported{}{}.",
                    if stays.is_empty() { "" } else { ": " },
                    stays.join("; ")
                ),
                "Choose another token. Keys that may not leave theirs are backed up by the vendor's own means (docs/hsm.md).",
            ));
        }
        if files.len() > MAX_KEYS {
            return Err(refused(
                "hsm-too-many-keys",
                format!(
                    "{} objects of this token could go in, and a backup holds {MAX_KEYS}.",
                    files.len()
                ),
                "Keep the keys of a validator in a token of their own.",
            ));
        }
        let more = stays.len().saturating_sub(MAX_KEYS);
        stays.truncate(MAX_KEYS);
        if more > 0 {
            stays.push(format!("and {more} more"));
        }
        Ok(Outcome::Inspected { files, stays })
    }
}

/// A real ceremony takes no token of a rehearsal.
fn of_this_world(real: bool, tokens: &mut Vec<&TokenInfo>) -> Result<(), Refused> {
    let before = tokens.len();
    tokens.retain(|token| !(real && token.label.starts_with(MARK)));
    if tokens.is_empty() && before > 0 {
        return Err(refused(
            "token-of-rehearsal",
            "The only token that fits is one of a rehearsal: nothing in it is real.",
            "Plug the real token in, and choose its module again.",
        ));
    }
    Ok(())
}

fn start(hsm: &Hsm, module: &Module) -> Result<Client, Refused> {
    Client::start(&hsm.program, module, hsm.patience).map_err(|fault| from_error(&fault))
}

fn fact(token: &TokenInfo) -> TokenFact {
    // Label and serial number are what people compare; without a serial number, everything that there is.
    let whole = TokenUri::of_token(token);
    let uri = if whole.serial.is_some() {
        TokenUri {
            manufacturer: None,
            model: None,
            ..whole
        }
    } else {
        whole
    };
    let pin = match token.pin {
        _ if !token.initialized => TokenPin::Unset,
        PinState::Locked => TokenPin::Locked,
        _ if token.pin_pad => TokenPin::Pad,
        PinState::FinalTry => TokenPin::FinalTry,
        PinState::CountLow => TokenPin::CountLow,
        PinState::Good => TokenPin::Good,
    };
    let serial = if token.serial.is_empty() {
        "no serial number".to_owned()
    } else {
        format!("serial {}", token.serial)
    };
    let label = if token.label.is_empty() {
        "(no label)"
    } else {
        &token.label
    };
    TokenFact {
        uri: uri.to_string(),
        text: format!("{label}, {serial}, {}, slot {}", token.model, token.slot),
        pin,
    }
}

/// One object that will be exported, with the attributes that matter.
fn described(object: &ObjectInfo) -> String {
    let mut line = format!("{}: {}", object.spoken(), object.kind.spoken());
    match object.kind {
        Kind::Rsa => line.push_str(&format!(", {} bits", object.size)),
        Kind::Generic | Kind::Data if object.size > 0 => {
            line.push_str(&format!(", {} bytes", object.size))
        }
        _ => {}
    }
    if let Some(spki) = &object.spki {
        let sha256 = super::driver::sha256_hex(spki);
        line.push_str(&format!(", public key SHA-256 {}", &sha256[..16]));
    }
    if object.class != Class::Data {
        line.push_str(if object.sensitive == Some(false) {
            ", not sensitive"
        } else {
            ", sensitive"
        });
        line.push_str(match object.local {
            Some(true) => ", made in the token",
            Some(false) => ", imported",
            None => "",
        });
        let uses = [
            (object.usage.sign, "signs"),
            (object.usage.decrypt, "decrypts"),
            (object.usage.unwrap, "unwraps"),
            (object.usage.derive, "derives"),
        ];
        for (_, use_of) in uses.iter().filter(|(may, _)| *may) {
            line.push_str(&format!(", {use_of}"));
        }
    }
    line
}

#[cfg(test)]
mod tests {
    use super::*;

    fn token(label: &str, serial: &str, pin: PinState) -> TokenInfo {
        TokenInfo {
            slot: 1,
            label: label.into(),
            manufacturer: "maker".into(),
            model: "model".into(),
            serial: serial.into(),
            firmware: "1.0".into(),
            initialized: true,
            pin_pad: false,
            write_protected: false,
            pin,
        }
    }

    #[test]
    fn a_token_is_named_by_label_and_serial_number_and_tells_its_pin() {
        let own = fact(&token("a b", "01", PinState::FinalTry));
        assert_eq!(own.uri, "pkcs11:serial=01;token=a%20b");
        assert_eq!(own.pin, TokenPin::FinalTry);
        assert_eq!(own.text, "a b, serial 01, model, slot 1");
        let own = fact(&token("a", "", PinState::Locked));
        assert_eq!(own.uri, "pkcs11:model=model;manufacturer=maker;token=a");
        assert!(!own.pin.usable());
        let pad = TokenInfo {
            pin_pad: true,
            ..token("a", "1", PinState::Good)
        };
        assert_eq!(fact(&pad).pin, TokenPin::Pad);
        let blank = TokenInfo {
            initialized: false,
            ..pad
        };
        assert_eq!(fact(&blank).pin, TokenPin::Unset);
    }

    #[test]
    fn a_real_ceremony_takes_no_token_of_a_rehearsal() {
        let (own, other) = (
            token("REHEARSAL validator", "1", PinState::Good),
            token("validator", "2", PinState::Good),
        );
        let mut both = vec![&own, &other];
        of_this_world(true, &mut both).unwrap();
        assert_eq!(both, [&other]);
        let mut one = vec![&own];
        assert_eq!(
            of_this_world(true, &mut one).unwrap_err().name,
            "token-of-rehearsal"
        );
        let mut one = vec![&own];
        of_this_world(false, &mut one).unwrap();
        assert_eq!(one, [&own]);
        of_this_world(true, &mut vec![]).unwrap();
    }
}
