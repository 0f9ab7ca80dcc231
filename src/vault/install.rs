//! Proven keys, written into a keystore and the network directory beside it, read back and proven again.
//!
//! The laptop's ceremony and the validator host both write through here. Nothing is ever overwritten.

use std::path::{Path, PathBuf};

use super::gather::{ProvenAll, places};
use super::keystore::{self, KeystoreFault, Owner, WriteFault, Written};
use crate::refusal::Refuse;
use crate::secret::SecretText;

/// Why keys were not installed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InstallFault {
    /// Network files, and nobody knows where the chain directory is.
    #[error("The backup holds network files, which belong beside the keystore.")]
    NeedsChainDirectory,
    /// Not written, or not all.
    #[error(transparent)]
    Write(#[from] WriteFault),
}

impl Refuse for InstallFault {
    fn name(&self) -> &'static str {
        match self {
            Self::NeedsChainDirectory => "network-files-need-chain-directory",
            Self::Write(fault) => fault.name(),
        }
    }

    fn way_on(&self) -> &'static str {
        match self {
            Self::NeedsChainDirectory => {
                "Give the chain directory (chains/<id>) or its keystore directory."
            }
            Self::Write(fault) => fault.way_on(),
        }
    }
}

/// Where keys go.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Target {
    /// The keystore directory.
    pub keystore: PathBuf,
    /// The chain directory around it, if the path tells.
    pub chain: Option<PathBuf>,
}

impl Target {
    /// The directories of `path`, which is a chain directory or a keystore directory.
    ///
    /// # Errors
    /// [`InstallFault::NeedsChainDirectory`] if there are network files, and `path` tells no chain directory.
    pub fn of(path: &Path, network_files: bool) -> Result<Self, InstallFault> {
        let (keystore, chain) = places(path);
        let beside = keystore.file_name().is_some_and(|name| name == "keystore");
        let chain = chain.or_else(|| {
            beside
                .then(|| keystore.parent().map(Path::to_owned))
                .flatten()
        });
        if network_files && chain.is_none() {
            return Err(InstallFault::NeedsChainDirectory);
        }
        Ok(Self { keystore, chain })
    }
}

/// What was written where.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Installed {
    /// Key files, and what else lies in the keystore.
    pub keystore: Written,
    /// Network files, if there are any.
    pub network: Option<Written>,
}

/// Whether what lies under the names of these keys and files, if anything, is the same; nothing is written.
///
/// # Errors
/// [`InstallFault`], as [`install`] would refuse it.
pub fn check(
    target: &Target,
    proven: &ProvenAll,
    password: Option<&SecretText>,
) -> Result<(), InstallFault> {
    check_network(target, proven)?;
    let there = match keystore::examine(&target.keystore, password) {
        Ok(there) => there,
        Err(KeystoreFault::Absent { .. } | KeystoreFault::Empty { .. }) => return Ok(()),
        Err(fault) => return Err(WriteFault::from(fault).into()),
    };
    for key in &proven.keys {
        let file = keystore::file_name(key.key_type(), key.public());
        if let Some(finding) = there.findings.iter().find(|found| found.file == file) {
            let fault = finding.fault.clone();
            return Err(WriteFault::ExistsRefused { file, fault }.into());
        }
        let same = |other: &keystore::ProvenKey| {
            other.source() != file || other.secret_text().same(key.secret_text().expose())
        };
        if !there.proven.iter().all(same) {
            return Err(WriteFault::ExistsDifferent { file }.into());
        }
    }
    Ok(())
}

/// Network files come after the keys: what would refuse them is looked for before the first key is written.
fn check_network(target: &Target, proven: &ProvenAll) -> Result<(), InstallFault> {
    let chain = match &target.chain {
        _ if proven.files.is_empty() => return Ok(()),
        None => return Err(InstallFault::NeedsChainDirectory),
        Some(chain) => chain,
    };
    let (there, findings) = keystore::examine_network(chain).map_err(WriteFault::from)?;
    for file in &proven.files {
        let name = file.path().path().to_owned();
        if let Some(finding) = findings.iter().find(|found| found.file == name) {
            let fault = finding.fault.clone();
            return Err(WriteFault::ExistsRefused { file: name, fault }.into());
        }
        let same = |other: &keystore::ProvenNetworkFile| {
            other.path() != file.path() || other.content().same(file.content().expose())
        };
        if !there.iter().all(same) {
            return Err(WriteFault::ExistsDifferent { file: name }.into());
        }
    }
    Ok(())
}

/// Writes keys and network files. The directories are made if they are not there, and what an earlier writing left
/// unfinished is overwritten and removed first. `password` is the keystore password, if the node has one.
///
/// # Errors
/// [`InstallFault`]. What was completed before stays, since each file is whole; writing again continues.
pub fn install(
    target: &Target,
    proven: &ProvenAll,
    owner: Option<Owner>,
    password: Option<&SecretText>,
) -> Result<Installed, InstallFault> {
    check_network(target, proven)?;
    keystore::prepare(&target.keystore, owner)?;
    keystore::discard_unfinished(&target.keystore)?;
    let written = keystore::write(
        &target.keystore,
        &proven.keys,
        &proven.unproven,
        owner,
        password,
    )?;
    let network = match &target.chain {
        _ if proven.files.is_empty() => None,
        None => return Err(InstallFault::NeedsChainDirectory),
        Some(chain) => {
            keystore::prepare(&chain.join("network"), owner)?;
            keystore::discard_unfinished(&chain.join("network"))?;
            Some(keystore::write_network(chain, &proven.files, owner)?)
        }
    };
    Ok(Installed {
        keystore: written,
        network,
    })
}
