//! The HSM of a rehearsal: SoftHSM 2 with two tokens, made in the rehearsal's own directory.
//!
//! The token `REHEARSAL validator` holds what a validator's may: the SPHINCS+ session key as a generic secret, other session keys
//! as data objects, an EC and an RSA key, and one key that may not leave. The token `REHEARSAL replacement` is empty.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use super::token::Hsm;
use crate::ceremony::event::Refused;
use crate::files::{self, from_error, refused};
use crate::hsm::client::Client;
use crate::hsm::modules::Module;
use crate::hsm::{Kind, NewObject};
use crate::secret::SecretText;
use crate::vault::gather::{Selection, gather};
use crate::vault::token::{fresh_object, new_object};

/// The user PIN of a rehearsal's tokens. It is no secret: nothing in them is real.
pub const PIN: &str = "123456";
/// How the labels of a rehearsal's tokens begin. A real ceremony takes none of them.
pub const MARK: &str = "REHEARSAL ";
/// The token that holds keys.
pub const SOURCE: &str = "REHEARSAL validator";
/// The empty one.
pub const TARGET: &str = "REHEARSAL replacement";

const SECURITY_OFFICER: &str = "12345678";
const LIBRARIES: [&str; 5] = [
    "/usr/lib/softhsm/libsofthsm2.so",
    "/usr/lib/x86_64-linux-gnu/softhsm/libsofthsm2.so",
    "/usr/lib64/pkcs11/libsofthsm2.so",
    "/usr/lib64/softhsm/libsofthsm2.so",
    "/usr/local/lib/softhsm/libsofthsm2.so",
];
const WAY_ON: &str =
    "Install SoftHSM 2 (Debian: apt-get install softhsm2), then start the rehearsal again.";

/// A rehearsal's SoftHSM.
pub struct SoftHsm {
    dir: PathBuf,
}

impl SoftHsm {
    /// The one in this rehearsal's directory.
    pub fn of(out: &Path) -> Self {
        Self {
            dir: out.join("softhsm"),
        }
    }

    fn config(&self) -> PathBuf {
        self.dir.join("softhsm2.conf")
    }

    fn finished(&self) -> PathBuf {
        self.dir.join("ready")
    }

    /// Whether it was made, and whole.
    pub fn exists(&self) -> bool {
        self.finished().exists()
    }

    /// The rehearsal's HSM: this module and no other.
    ///
    /// # Errors
    /// `softhsm-missing`.
    pub fn hsm(&self) -> Result<Hsm, Refused> {
        let library = LIBRARIES.iter().map(Path::new).find(|path| path.exists());
        let library = library.ok_or_else(|| {
            refused(
                "softhsm-missing",
                "SoftHSM's module is not on this machine.",
                WAY_ON,
            )
        })?;
        let module = Module {
            name: "softhsm2".into(),
            environment: vec![("SOFTHSM2_CONF".into(), self.config().display().to_string())],
            ..Module::at(library)
        };
        let mut hsm = Hsm::none();
        hsm.modules = vec![module];
        Ok(hsm)
    }

    /// Makes both tokens, and puts the keys of the rehearsal's `keystore` and some of its own into the first.
    ///
    /// # Errors
    /// `softhsm-missing`, `softhsm-failed`, and what the child refuses.
    pub fn build(&self, keystore: &Path) -> Result<(), Refused> {
        if self.exists() {
            return Ok(());
        }
        let hsm = self.hsm()?;
        // What a kill left half made is made anew.
        let _ = std::fs::remove_dir_all(&self.dir);
        let tokens = self.dir.join("tokens");
        files::make_dir(&tokens)?;
        let config = format!(
            "directories.tokendir = {}\nobjectstore.backend = file\nlog.level = ERROR\nslots.removable = false\n",
            tokens.display()
        );
        files::write(&self.config(), config.as_bytes())?;
        for label in [SOURCE, TARGET] {
            self.initialise(label)?;
        }
        self.fill(&hsm, keystore)?;
        files::write(&self.finished(), b"")
    }

    fn initialise(&self, label: &str) -> Result<(), Refused> {
        let status = Command::new("softhsm2-util")
            .args([
                "--init-token",
                "--free",
                "--label",
                label,
                "--pin",
                PIN,
                "--so-pin",
                SECURITY_OFFICER,
            ])
            .env("SOFTHSM2_CONF", self.config())
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .status();
        match status {
            Ok(status) if status.success() => Ok(()),
            Ok(status) => Err(refused(
                "softhsm-failed",
                format!("softhsm2-util could not make the token {label} ({status})."),
                WAY_ON,
            )),
            Err(error) => Err(refused(
                "softhsm-missing",
                format!("softhsm2-util can't be started: {error}."),
                WAY_ON,
            )),
        }
    }

    fn fill(&self, hsm: &Hsm, keystore: &Path) -> Result<(), Refused> {
        let module = hsm
            .modules
            .first()
            .ok_or_else(|| refused("softhsm-missing", "No module.", WAY_ON))?;
        let fault = |fault| from_error(&fault);
        let mut client = Client::start(&hsm.program, module, hsm.patience).map_err(fault)?;
        let tokens = client.tokens().map_err(fault)?;
        let token = tokens.iter().find(|token| token.label == SOURCE);
        let token = token
            .ok_or_else(|| refused("softhsm-failed", "The new token is not listed.", WAY_ON))?;
        client.open(token, true).map_err(fault)?;
        client.login(SecretText::new(PIN.into())).map_err(fault)?;
        for object in objects(keystore)? {
            client.create(object).map_err(fault)?;
        }
        Ok(())
    }
}

fn objects(keystore: &Path) -> Result<Vec<NewObject>, Refused> {
    let gathered =
        gather(keystore, Selection::default(), None).map_err(|fault| from_error(&fault))?;
    let mut all = vec![];
    for key in &gathered.keys {
        all.push(new_object(key, true).map_err(|fault| from_error(&fault))?.0);
    }
    for (kind, label, extractable) in [
        (Kind::EcP256, "signer", true),
        (Kind::Rsa, "archive", true),
        (Kind::EcP256, "stays-here", false),
    ] {
        all.push(fresh_object(kind, label, extractable).map_err(|fault| from_error(&fault))?);
    }
    Ok(all)
}
