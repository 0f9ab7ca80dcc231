//! `qh-ceremony keys check`: proves every pair of a keystore directory, and says whose keys they are.
//!
//! Nothing is changed and nothing secret is shown. The keystore password is typed on the terminal without echo; it is
//! never an argument or an environment variable, since both can be read by others.
//!
//! Exit codes: 0 every pair is proven, and if a source of registered keys was given, all belong to one validator of
//! it; 3 the directory, the source or the terminal can't be read; 4 anything else.

mod prompt;
mod report;

use std::fs::File;
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};

pub use prompt::password_from_terminal;

use crate::refusal::Refuse;
use crate::secret::SecretText;
use crate::vault::keystore::{
    self, Examined, Finding, KeystoreFault, ProvenKey, ProvenNetworkFile,
};
use crate::vault::registered::{
    self, MAX_CHAIN_SPEC, MAX_DOCUMENT, MatchReport, PublicKey, Registered, RegisteredFault,
    Verdict,
};

/// Every pair proven, and matched if a source was given.
pub const EXIT_DONE: u8 = 0;
/// The directory, the source or the terminal can't be read.
pub const EXIT_ENVIRONMENT: u8 = 3;
/// Some pair, file or match is not right.
pub const EXIT_VERIFICATION: u8 = 4;

/// Arguments of `qh-ceremony keys check`.
#[derive(Debug, clap::Args)]
pub struct CheckArgs {
    /// Keystore directory, or the chain directory (chains/<id>) that holds it; the latter includes the network keys
    #[arg(value_name = "DIR")]
    pub dir: PathBuf,

    /// Match the keys with this qh-registered/1 file
    #[arg(long, value_name = "FILE", conflicts_with = "chain_spec")]
    pub registered: Option<PathBuf>,

    /// Match the keys with this raw chain spec, which shows the chain's first state
    #[arg(long, value_name = "FILE")]
    pub chain_spec: Option<PathBuf>,

    /// Ask for the keystore password (the node's --password-file) on the terminal
    #[arg(long)]
    pub ask_password: bool,

    /// Write one JSON document instead of text
    #[arg(long)]
    pub json: bool,
}

/// Why nothing could be checked.
#[derive(Debug, thiserror::Error)]
enum Stopped {
    #[error(transparent)]
    Keystore(#[from] KeystoreFault),
    #[error("{} cannot be read: {reason}.", .file.display())]
    Source { file: PathBuf, reason: io::Error },
    #[error("{}: {fault}", .file.display())]
    Registered {
        file: PathBuf,
        fault: RegisteredFault,
    },
    #[error("The keystore password was not read: {0}.")]
    Password(io::Error),
}

impl Refuse for Stopped {
    fn name(&self) -> &'static str {
        match self {
            Self::Keystore(fault) => fault.name(),
            Self::Source { .. } => "registered-unreadable",
            Self::Registered { fault, .. } => fault.name(),
            Self::Password(_) => "password-not-read",
        }
    }

    fn way_on(&self) -> &'static str {
        match self {
            Self::Keystore(fault) => fault.way_on(),
            Self::Source { .. } => {
                "Check the path, the permissions and the medium, then try again."
            }
            Self::Registered { fault, .. } => fault.way_on(),
            Self::Password(_) => "Run the command on a terminal, and type the password there.",
        }
    }
}

impl Stopped {
    fn exit(&self) -> u8 {
        match self {
            Self::Keystore(KeystoreFault::Empty { .. } | KeystoreFault::TooManyFiles { .. })
            | Self::Keystore(KeystoreFault::Files(_))
            | Self::Registered { .. } => EXIT_VERIFICATION,
            Self::Keystore(_) | Self::Source { .. } | Self::Password(_) => EXIT_ENVIRONMENT,
        }
    }
}

/// Everything that a report tells.
struct Checked {
    dir: PathBuf,
    keystore: Examined,
    network: Vec<ProvenNetworkFile>,
    findings: Vec<Finding>,
    chain: Option<(Registered, MatchReport)>,
}

impl Checked {
    fn exit(&self) -> u8 {
        let matched = self
            .chain
            .as_ref()
            .is_none_or(|(_, report)| report.verdict == Verdict::Match);
        if self.findings.is_empty() && matched {
            EXIT_DONE
        } else {
            EXIT_VERIFICATION
        }
    }
}

/// Runs `keys check` and gives the exit code. The report goes to `out`; what stops the whole check goes to `err`, or to
/// `out` as JSON. `password` reads the keystore password, and is called only when the arguments ask for it.
pub fn check(
    args: &CheckArgs,
    password: &mut dyn FnMut() -> io::Result<SecretText>,
    out: &mut dyn Write,
    err: &mut dyn Write,
) -> u8 {
    let (code, shown) = match examine(args, password) {
        Ok(checked) if args.json => (checked.exit(), report::json(&checked, out)),
        Ok(checked) => (checked.exit(), report::text(&checked, out)),
        Err(stopped) => {
            let shown = if args.json {
                report::stopped_json(&stopped, out)
            } else {
                writeln!(err, "{stopped} [{}]\n{}", stopped.name(), stopped.way_on())
            };
            (stopped.exit(), shown)
        }
    };
    // A report that nobody could read must not count as done.
    if shown.and_then(|()| out.flush()).is_err() {
        EXIT_ENVIRONMENT
    } else {
        code
    }
}

fn examine(
    args: &CheckArgs,
    password: &mut dyn FnMut() -> io::Result<SecretText>,
) -> Result<Checked, Stopped> {
    let registered = source(args)?;
    let password = args
        .ask_password
        .then(password)
        .transpose()
        .map_err(Stopped::Password)?;

    let chain_dir = keystore::is_chain_dir(&args.dir);
    let dir = if chain_dir {
        args.dir.join("keystore")
    } else {
        args.dir.clone()
    };
    let mut keystore = keystore::examine(&dir, password.as_ref())?;
    let mut findings = std::mem::take(&mut keystore.findings);
    let network = if chain_dir {
        let (proven, more) = keystore::examine_network(&args.dir)?;
        findings.extend(more);
        proven
    } else {
        Vec::new()
    };
    let chain = registered.map(|registered| {
        let keys: Vec<_> = keystore.proven.iter().map(public).collect();
        let report = registered::match_keys(&registered, &keys);
        (registered, report)
    });
    Ok(Checked {
        dir,
        keystore,
        network,
        findings,
        chain,
    })
}

fn source(args: &CheckArgs) -> Result<Option<Registered>, Stopped> {
    let (file, spec) = match (&args.registered, &args.chain_spec) {
        (Some(file), _) => (file, false),
        (None, Some(file)) => (file, true),
        (None, None) => return Ok(None),
    };
    let max = if spec { MAX_CHAIN_SPEC } else { MAX_DOCUMENT };
    let bytes = read(file, max).map_err(|reason| Stopped::Source {
        file: file.clone(),
        reason,
    })?;
    let name = file.file_name().unwrap_or_default().to_string_lossy();
    let registered = if spec {
        registered::from_chain_spec(&bytes, &name)
    } else {
        registered::parse(&bytes)
    };
    registered.map(Some).map_err(|fault| Stopped::Registered {
        file: file.clone(),
        fault,
    })
}

fn public(key: &ProvenKey) -> PublicKey<'_> {
    PublicKey {
        key_type: key.key_type(),
        public: key.public(),
    }
}

/// Reads a public file, at most one byte more than `max`; the parser then refuses it by name.
fn read(file: &Path, max: usize) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    let limit = u64::try_from(max).unwrap_or(u64::MAX).saturating_add(1);
    File::open(file)?.take(limit).read_to_end(&mut bytes)?;
    Ok(bytes)
}
