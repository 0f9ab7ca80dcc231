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

pub use prompt::{hidden_line, password_from_terminal, shown_line};

use crate::refusal::Refuse;
use crate::secret::SecretText;
use crate::vault::gather::{Selection, places};
use crate::vault::keystore::{
    self, Entry, Examined, FileWarning, Finding, KeystoreFault, Listing, ProvenKey,
    ProvenNetworkFile,
};
use crate::vault::registered::{
    self, MAX_CHAIN_SPEC, MAX_DOCUMENT, MatchReport, PublicKey, Registered, RegisteredFault,
    Verdict,
};
use crate::vault::schemes::KeyType;

/// Every pair proven, and matched if a source was given.
pub const EXIT_DONE: u8 = 0;
/// The directory, the source or the terminal can't be read.
pub const EXIT_ENVIRONMENT: u8 = 3;
/// Some pair, file or match is not right.
pub const EXIT_VERIFICATION: u8 = 4;

/// Arguments of `qh-ceremony keys check`.
#[derive(Debug, clap::Args)]
pub struct CheckArgs {
    /// Keystore directory, or the chain directory (chains/ID) that holds it; the latter includes the network keys
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
pub(crate) enum Stopped {
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
    pub(crate) fn exit(&self) -> u8 {
        match self {
            Self::Keystore(KeystoreFault::Empty { .. } | KeystoreFault::TooManyFiles { .. })
            | Self::Keystore(KeystoreFault::Files(_))
            | Self::Registered { .. } => EXIT_VERIFICATION,
            Self::Keystore(_) | Self::Source { .. } | Self::Password(_) => EXIT_ENVIRONMENT,
        }
    }
}

/// Who looks, and so what counts and what is told.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Look {
    /// A copy on the laptop: mode and owner say little, and deserve a look.
    Copy,
    /// The node's own keystore on its host: mode and owner are shown, and a wrong one fails the check.
    Host,
}

/// Everything that a report tells.
pub(crate) struct Checked {
    look: Look,
    dir: PathBuf,
    keystore: Examined,
    network: Vec<ProvenNetworkFile>,
    network_listing: Option<Listing>,
    findings: Vec<Finding>,
    /// How many entries a selection of key types left out.
    left_out: usize,
    chain: Option<(Registered, MatchReport)>,
}

impl Checked {
    /// The exit code that goes with it.
    pub(crate) fn exit(&self) -> u8 {
        let matched = self
            .chain
            .as_ref()
            .is_none_or(|(_, report)| report.verdict == Verdict::Match);
        let warned = self.look == Look::Host && self.warned() > 0;
        if self.findings.is_empty() && matched && !warned {
            EXIT_DONE
        } else {
            EXIT_VERIFICATION
        }
    }

    fn warned(&self) -> usize {
        let keys = self
            .keystore
            .proven
            .iter()
            .map(|key| self.entry(key.source()));
        let network = self.network.iter().map(|file| self.network_entry(file));
        keys.chain(network)
            .flatten()
            .filter(|entry| !entry.warnings.is_empty())
            .count()
    }

    fn entry(&self, file: &str) -> Option<&Entry> {
        let entries = &self.keystore.listing.entries;
        entries.iter().find(|entry| entry.file == file)
    }

    fn network_entry(&self, file: &ProvenNetworkFile) -> Option<&Entry> {
        let (_, name) = file.path().path().split_once('/')?;
        let entries = &self.network_listing.as_ref()?.entries;
        entries.iter().find(|entry| entry.file == name)
    }

    fn warnings(&self, key: &ProvenKey) -> &[FileWarning] {
        self.entry(key.source())
            .map_or(&[][..], |entry| &entry.warnings)
    }

    /// What the chain says, if a source was given. The host asks further.
    #[cfg(feature = "online")]
    pub(crate) fn matched(&self) -> Option<&MatchReport> {
        self.chain.as_ref().map(|(_, report)| report)
    }

    /// Writes the report as text, or as one JSON document.
    ///
    /// # Errors
    /// Those of `out`.
    pub(crate) fn report(&self, json: bool, out: &mut dyn Write) -> io::Result<()> {
        if json {
            report::json(self, out)
        } else {
            report::text(self, out)
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
        Ok(checked) => (checked.exit(), checked.report(args.json, out)),
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

    judge(Look::Copy, &args.dir, &[], registered, password.as_ref())
}

/// Reads and judges a keystore directory, or a chain directory with its network files; of `key_types` alone unless that
/// is empty.
pub(crate) fn judge(
    look: Look,
    path: &Path,
    key_types: &[KeyType],
    registered: Option<Registered>,
    password: Option<&SecretText>,
) -> Result<Checked, Stopped> {
    let selection = Selection {
        key_types,
        ..Selection::default()
    };
    let (dir, chain_dir) = places(path);
    let mut keystore = keystore::examine(&dir, password)?;
    let mut findings = std::mem::take(&mut keystore.findings);
    let all = keystore.proven.len() + findings.len();
    findings.retain(|finding| selection.takes_file(&finding.file));
    keystore
        .proven
        .retain(|key| selection.takes(key.key_type()));
    let left_out = all - keystore.proven.len() - findings.len();
    let (mut network, mut network_listing) = (Vec::new(), None);
    if let Some(chain_dir) = chain_dir.filter(|_| key_types.is_empty()) {
        let (proven, more) = keystore::examine_network(&chain_dir)?;
        network_listing = match proven.is_empty() {
            true => None,
            false => Some(keystore::inspect(&chain_dir.join("network"))?),
        };
        network = proven;
        findings.extend(more);
    }
    if left_out > 0 && keystore.proven.is_empty() && findings.is_empty() {
        return Err(KeystoreFault::Empty { dir }.into());
    }
    let chain = registered.map(|registered| {
        let keys: Vec<_> = keystore.proven.iter().map(public).collect();
        let report = registered::match_keys(&registered, &keys);
        (registered, report)
    });
    Ok(Checked {
        look,
        dir,
        keystore,
        network,
        network_listing,
        findings,
        left_out,
        chain,
    })
}

fn source(args: &CheckArgs) -> Result<Option<Registered>, Stopped> {
    match (&args.registered, &args.chain_spec) {
        (Some(file), _) => read_source(file, false).map(Some),
        (None, Some(file)) => read_source(file, true).map(Some),
        (None, None) => Ok(None),
    }
}

/// Reads a `qh-registered/1` file, or a raw chain spec.
pub(crate) fn read_source(file: &Path, spec: bool) -> Result<Registered, Stopped> {
    let max = if spec { MAX_CHAIN_SPEC } else { MAX_DOCUMENT };
    let bytes = read(file, max).map_err(|reason| Stopped::Source {
        file: file.to_owned(),
        reason,
    })?;
    let name = file.file_name().unwrap_or_default().to_string_lossy();
    let registered = if spec {
        registered::from_chain_spec(&bytes, &name)
    } else {
        registered::parse(&bytes)
    };
    registered.map_err(|fault| Stopped::Registered {
        file: file.to_owned(),
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
