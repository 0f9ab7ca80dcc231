//! HSM tokens through the real child and real modules: SoftHSM, NSS, and one that is hostile.

mod ceremony;
mod child;
mod hostile;
mod nss;
mod softhsm;

use std::path::{Path, PathBuf};
use std::time::Duration;

use qh_ceremony::hsm::client::{Client, Patience};
use qh_ceremony::hsm::fault::HsmFault;
use qh_ceremony::hsm::modules::Module;
use qh_ceremony::hsm::{NewObject, Parts, Usage};
use qh_ceremony::secret::{SecretBytes, SecretText};

/// The child program.
pub fn program() -> &'static Path {
    Path::new(env!("CARGO_BIN_EXE_qh-pkcs11"))
}

/// The hostile module, built as an example beside the programs.
pub fn hostile_path() -> PathBuf {
    let path = program()
        .parent()
        .unwrap()
        .join("examples/libhostile_module.so");
    assert!(
        path.exists(),
        "{} is not built: cargo build --all-features --examples",
        path.display()
    );
    path
}

/// The hostile module in this mode, with more environment.
pub fn hostile_module(mode: &str, more: &[(&str, &Path)]) -> Module {
    let mut module = Module::at(&hostile_path());
    module.environment = vec![("QH_HOSTILE".into(), mode.into())];
    module.environment.extend(
        more.iter()
            .map(|(name, path)| ((*name).into(), path.display().to_string())),
    );
    module
}

/// Little patience, so that a hang is over soon.
pub fn impatient() -> Patience {
    Patience {
        usual: Duration::from_secs(5),
        pin_pad: Duration::from_secs(5),
        whole: Duration::from_secs(60),
    }
}

pub fn start(module: &Module) -> Result<Client, HsmFault> {
    let hangs = module
        .environment
        .iter()
        .any(|(_, value)| value.starts_with("hang-"));
    let usual = Duration::from_secs(if hangs { 1 } else { 60 });
    let patience = Patience {
        usual,
        pin_pad: usual,
        whole: Duration::from_secs(120),
    };
    Client::start(program(), module, patience)
}

/// A session with the only token, logged in.
pub fn session(module: &Module, pin: &str, write: bool) -> Result<Client, HsmFault> {
    let mut client = start(module)?;
    let tokens = client.tokens()?;
    client.open(&tokens[0], write)?;
    client.login(SecretText::new(pin.into()))?;
    Ok(client)
}

/// A generic secret to write.
pub fn secret_object(label: &str, bytes: &[u8]) -> NewObject {
    NewObject {
        label: label.into(),
        id: vec![0x55],
        application: String::new(),
        parts: Parts::Secret(SecretBytes::new(bytes.to_vec())),
        wrapped_form: SecretBytes::new(bytes.to_vec()),
        point: vec![],
        usage: Usage {
            sign: true,
            ..Usage::default()
        },
        extractable: true,
    }
}
