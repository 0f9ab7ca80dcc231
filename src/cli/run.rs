//! `run`: a ceremony with real keys, begun or resumed.

use std::collections::BTreeMap;
use std::io::{IsTerminal, Write};
use std::path::{Path, PathBuf};

use serde::Deserialize;

use super::args::RunArgs;
use super::exit_of;
use super::{screen, scripts};
use crate::ceremony::dates;
use crate::files;
use crate::hsm::modules::Module;
use crate::hsm::uri::TokenUri;
use crate::print::page::Paper;
use crate::refusal::Refuse;
use crate::run::Again;
use crate::run::devices::Devices;
use crate::run::driver::{Driver, Setup, names};
use crate::run::token::Hsm;
use crate::secret::hardening::Hardening;

/// The device file.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct DeviceFile {
    /// Paper size.
    page: Option<String>,
    /// HSMs.
    hsm: Option<HsmPart>,
}

/// `[hsm]` of the device file.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct HsmPart {
    /// The child program, `qh-pkcs11`; without it the one beside this program.
    program: Option<PathBuf>,
    /// The token that is meant, where the script doesn't say: a PKCS#11 URI.
    token: Option<String>,
    /// Modules by name.
    #[serde(default)]
    module: Vec<ModulePart>,
}

/// One `[[hsm.module]]`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct ModulePart {
    /// Short name, as scripts say it (`module-name=`).
    name: String,
    /// The shared object.
    path: PathBuf,
    /// Initialisation arguments, where the module needs some.
    #[serde(default)]
    init: String,
    /// Environment variables that the module reads. No PIN.
    #[serde(default)]
    environment: BTreeMap<String, String>,
}

impl DeviceFile {
    fn paper(&self) -> Result<Paper, (u8, String)> {
        self.page.as_deref().map_or(Ok(Paper::A4), |page| {
            scripts::paper_of(page).map_err(|t| (2, t))
        })
    }

    fn hsm(self) -> Result<Hsm, (u8, String)> {
        let mut hsm = Hsm::real();
        let part = self.hsm.unwrap_or_default();
        if let Some(program) = part.program {
            hsm.program = program;
        }
        let module = |own: ModulePart| Module {
            name: own.name,
            path: own.path,
            init: own.init,
            environment: own.environment.into_iter().collect(),
        };
        hsm.modules = part.module.into_iter().map(module).collect();
        let token = part.token.as_deref().map(TokenUri::parse).transpose();
        hsm.token =
            token.map_err(|error| (2, format!("{error} ({}) {}", error.name(), error.way_on())))?;
        Ok(hsm)
    }
}

/// Runs the ceremony; the exit code.
pub fn run(args: &RunArgs, hardening: &Hardening, out: &mut dyn Write) -> u8 {
    match hold(args, hardening, out) {
        Ok(code) => code,
        Err((code, text)) => {
            eprintln!("{text}");
            code
        }
    }
}

fn hold(args: &RunArgs, hardening: &Hardening, out: &mut dyn Write) -> Result<u8, (u8, String)> {
    if !(std::io::stdin().is_terminal() && std::io::stdout().is_terminal()) {
        return Err((2, "A ceremony needs a terminal and people at it.".into()));
    }
    let (script, text) = scripts::sound(&args.script)?;
    let file = match &args.devices {
        Some(path) => device_file(path)?,
        None => DeviceFile::default(),
    };
    let mut devices = Devices::real(hardening.clone(), file.paper()?);
    devices.hsm = file.hsm()?;
    let (dir, ceremony) = journal(args.journal.as_deref());
    let journal_dir = dir.clone();
    let begun = if dir.join(names::TRANSCRIPT).exists() {
        same_script(&dir, &script.name)?;
        Driver::again(&dir, devices)
    } else {
        let mut prefill = BTreeMap::new();
        if let Some(record) = &args.record {
            let record = record.display().to_string();
            for key in ["sealed.record", "record.path"] {
                prefill.insert(key.to_owned(), record.clone());
            }
        }
        Driver::begin(Setup {
            script: text,
            dir,
            ceremony,
            rehearsal: false,
            devices,
            prefill,
        })
        .map(|driver| Again::Open(Box::new(driver)))
    };
    match begun.map_err(|e| (1, format!("{e} ({}) {}", e.name(), e.way_on())))? {
        Again::Open(driver) => screen::hold(*driver, out),
        Again::Closed(finished) => {
            writeln!(out, "{}", finished.text(&journal_dir))
                .map_err(|e| (3, format!("The result could not be written: {e}.")))?;
            Ok(if finished.signed { 0 } else { 4 })
        }
    }
}

/// The journal's ceremony must be the one that was asked for; refused before anything is written to it.
fn same_script(dir: &Path, name: &str) -> Result<(), (u8, String)> {
    let own = scripts::sound(&dir.join(names::SCRIPT).display().to_string())?.0;
    if own.name == name {
        return Ok(());
    }
    Err((
        1,
        format!(
            "The journal directory holds another ceremony ({}). Give another with --journal.",
            own.name
        ),
    ))
}

fn device_file(path: &Path) -> Result<DeviceFile, (u8, String)> {
    let bytes = files::read(path, 64 * 1024).map_err(|r| (exit_of(&r), r.what))?;
    toml::from_str(&String::from_utf8_lossy(&bytes))
        // The message alone: the line that it is about may hold what doesn't belong there.
        .map_err(|error: toml::de::Error| (2, format!("{}: {}", path.display(), error.message())))
}

/// The journal directory and the ceremony's name: the one given, or the first free `BR-DATE-NN` here.
fn journal(given: Option<&Path>) -> (PathBuf, String) {
    let today = dates::rfc3339(crate::run::driver::now())[..10].to_owned();
    let name = |number: u32| format!("BR-{today}-{number:02}");
    match given {
        Some(dir) => {
            let own = dir.file_name().map(|n| n.to_string_lossy().into_owned());
            let ceremony = own.filter(|n| n.starts_with("BR-") && n.len() <= 24 && n.is_ascii());
            (dir.to_owned(), ceremony.unwrap_or_else(|| name(1)))
        }
        None => {
            let free = (1..100)
                .find(|n| !Path::new(&name(*n)).exists())
                .unwrap_or(99);
            (PathBuf::from(name(free)), name(free))
        }
    }
}
