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
    /// The objects as people saw them before they signed.
    pub(super) seen: Vec<ObjectInfo>,
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
            seen: vec![],
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
    pub(super) fn stays(&self, source: &TokenUri, object: &ObjectInfo) -> Option<String> {
        if source.of_object(object).to_string().len() > MAX_SOURCE {
            return Some("its label and id are too long for a backup".into());
        }
        if let Some(no) = object.stays() {
            return Some(no.reason().into());
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

/// The longest `source` of a key in a bundle, bytes.
const MAX_SOURCE: usize = 1024;
/// The longest PIN, bytes.
const MAX_PIN: usize = 256;

/// Whether two listings tell the same of the same objects; handles are of one session alone.
pub(super) fn unchanged(before: &[ObjectInfo], now: &[ObjectInfo]) -> bool {
    let told = |object: &ObjectInfo| ObjectInfo {
        handle: 0,
        ..object.clone()
    };
    let mut left: Vec<ObjectInfo> = before.iter().map(told).collect();
    now.len() == left.len()
        && now.iter().all(|object| {
            let at = left.iter().position(|own| *own == told(object));
            at.map(|at| left.swap_remove(at)).is_some()
        })
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
        let usable: Vec<&TokenFact> = facts.iter().filter(|token| token.pin.usable()).collect();
        for one in &usable {
            let count = usable.iter().filter(|other| other.uri == one.uri).count();
            if count > 1 {
                return Err(from_error(&HsmFault::Ambiguous {
                    wanted: one.uri.clone(),
                    count,
                }));
            }
        }
        if usable.is_empty() {
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
        hsm.seen.clear();
        // Whatever was typed before was typed for another token.
        self.slots.token_pin = None;
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
        if typed.len() > MAX_PIN {
            return Err(refused(
                "hsm-pin-wrong",
                "What was typed is longer than any token's PIN; the token was not asked.",
                "Type the PIN again.",
            ));
        }
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
        let (mut client, token) = self.token_session(uri, false)?;
        let source = TokenUri::of_token(&token);
        let objects = client.objects().map_err(|fault| from_error(&fault))?;
        self.devices.hsm.seen = objects.clone();
        let (mut files, mut stays) = (vec![], vec![]);
        for object in &objects {
            match self.devices.hsm.stays(&source, object) {
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
#[path = "token_tests.rs"]
mod tests;
