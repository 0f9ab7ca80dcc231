//! Settings of the commands about snapshots: flags over the configuration file.

use std::path::PathBuf;

use crate::ceremony::event::Refused;
use crate::cli::online::{Failure, Settings};
use crate::files::{self, from_error, refused};
use crate::online::config::Bucket;
use crate::online::snapshot::create::OpenedStore;
use crate::online::snapshot::names::SourceName;
use crate::online::snapshot::trust::Trust;
use crate::online::store::s3::{CredentialSource, ObjectLock, S3Settings};
use crate::online::store::{self, Store, StoreFault};
use crate::secret::SecretText;
use crate::vault::object::{Identities, MAX_IDENTITIES};
use crate::vault::recipient::Recipient;

/// Which store, and whose snapshots in it.
#[derive(Debug, Clone, Default, clap::Args)]
pub struct StoreArgs {
    /// Store: file:///DIRECTORY or s3://BUCKET/PREFIX; repeat it for several
    #[arg(long, value_name = "URL")]
    pub store: Vec<String>,

    /// The chain's id [default: of the database's path]
    #[arg(long, value_name = "ID")]
    pub chain: Option<String>,

    /// The name of the host that makes the snapshots [default: where only one is, that one]
    #[arg(long, value_name = "NAME")]
    pub source: Option<String>,
}

/// How snapshots are opened and judged.
#[derive(Debug, Clone, Default, clap::Args)]
pub struct OpenArgs {
    /// Age identity that snapshots are sealed to
    #[arg(long, value_name = "FILE")]
    pub identity: Option<PathBuf>,

    /// Allowed-signers file: whose snapshots and attestations count
    #[arg(long, value_name = "FILE")]
    pub trust: Option<PathBuf>,
}

fn missing(name: &str, what: &str, way_on: &str) -> Failure {
    Failure::new(2, refused(name, what, way_on))
}

/// The stores of the flags, or of the configuration.
///
/// # Errors
/// Exit 2 if none is named, or one twice.
pub(super) fn stores(args: &StoreArgs, settings: &Settings) -> Result<Vec<OpenedStore>, Failure> {
    let addresses = match args.store.as_slice() {
        [] => settings.file.stores.as_slice(),
        given => given,
    };
    if addresses.is_empty() {
        return Err(missing(
            "store-not-given",
            "Nobody said where snapshots are kept.",
            "Give --store file:///DIRECTORY or s3://BUCKET/PREFIX, or set `stores` in the configuration file.",
        ));
    }
    let buckets = &settings.file.bucket;
    let open = |address: &String| {
        let store = open(address, buckets);
        // One name for one store, however it was written.
        let name = store
            .as_ref()
            .map_or_else(|_| shown(address), |store| store.address().to_owned());
        (name, store)
    };
    let opened: Vec<OpenedStore> = addresses.iter().map(open).collect();
    for (at, (name, _)) in opened.iter().enumerate() {
        if opened[..at].iter().any(|(before, _)| before == name) {
            return Err(missing(
                "store-twice",
                &format!("The store {name} is named twice."),
                "Name each store once.",
            ));
        }
    }
    Ok(opened)
}

/// Opens a store, a bucket with what the configuration says of it.
fn open(address: &str, buckets: &[Bucket]) -> Result<Box<dyn Store>, StoreFault> {
    let fault = |reason: &str| StoreFault::Address {
        given: crate::transcript::visible::visible_short(address, 200),
        reason: reason.to_owned(),
    };
    let bucket = buckets.iter().find(|bucket| bucket.store == address);
    let lock = match bucket.and_then(|bucket| bucket.object_lock.as_deref()) {
        None => None,
        Some(text) => Some(ObjectLock::parse(text).ok_or_else(|| {
            fault("its object_lock is none of auto, off, governance, compliance")
        })?),
    };
    store::open(address, |settings| {
        let Some(bucket) = bucket else { return };
        if let Some(from) = &bucket.credentials {
            settings.credentials = CredentialSource::parse(from);
        }
        if let Some(profile) = &bucket.profile {
            settings.profile.clone_from(profile);
        }
        if let Some(lock) = lock {
            settings.object_lock = lock;
        }
        if let Some(path_style) = bucket.path_style {
            settings.path_style = path_style;
        }
    })
}

/// The name of a store that could not be opened.
fn shown(address: &str) -> String {
    S3Settings::parse(address).map_or_else(|_| address.to_owned(), |settings| settings.address())
}

/// The one store that is read.
///
/// # Errors
/// Exit 2 if several are named, 3 if it can't be opened.
pub(super) fn one_store(args: &StoreArgs, settings: &Settings) -> Result<Box<dyn Store>, Failure> {
    let mut stores = stores(args, settings)?;
    if stores.len() > 1 && args.store.is_empty() {
        stores.truncate(1); // the configuration names the primary first
    }
    if stores.len() > 1 {
        return Err(missing(
            "store-not-one",
            "Several stores are named.",
            "Name the one store to read from.",
        ));
    }
    let (_, store) = stores.remove(0);
    store.map_err(|fault| Failure::new(3, from_error(&fault)))
}

/// The source of the flags, of the configuration, or the only one that the store has.
///
/// # Errors
/// Exit 2 if it isn't one.
pub(super) fn source(
    args: &StoreArgs,
    settings: &Settings,
    store: &dyn Store,
) -> Result<SourceName, Failure> {
    let chain = args.chain.as_ref().or(settings.file.chain.as_ref());
    let name = args.source.as_ref().or(settings.file.source.as_ref());
    let found = crate::online::snapshot::catalog::sources(store)
        .map_err(|fault| Failure::new(3, from_error(&fault)))?;
    let fits = |source: &&SourceName| {
        chain.is_none_or(|chain| *chain == source.chain)
            && name.is_none_or(|name| *name == source.source)
    };
    let fitting: Vec<&SourceName> = found.iter().filter(fits).collect();
    match fitting.as_slice() {
        [one] => Ok((*one).clone()),
        [] => Err(Failure::new(
            1,
            refused(
                "snapshot-source-absent",
                format!(
                    "{} has no snapshots of this chain and host.",
                    store.address()
                ),
                "See what it has with `qh-online snapshot list`, without --chain and --source.",
            ),
        )),
        several => {
            let names: Vec<String> = several.iter().map(ToString::to_string).collect();
            Err(missing(
                "snapshot-source-ambiguous",
                &format!("{} has snapshots of {}.", store.address(), names.join(", ")),
                "Say with --chain and --source which is meant.",
            ))
        }
    }
}

/// The recipients, each checked.
///
/// # Errors
/// Exit 2 if there is none or a wrong one.
pub(super) fn recipients(given: &[String], settings: &Settings) -> Result<Vec<Recipient>, Failure> {
    let texts = if given.is_empty() {
        &settings.file.recipients[..]
    } else {
        given
    };
    if texts.is_empty() {
        return Err(missing(
            "recipient-not-given",
            "Nobody said to whom snapshots are sealed.",
            "Make an identity on the verifier with `age-keygen`, and give its recipient with --recipient age1..., or set `recipients`.",
        ));
    }
    let read = |text: &String| {
        Recipient::parse(text).map_err(|error| {
            let mut refused = from_error(&error);
            refused.what = format!("{text}: {}", refused.what);
            Failure::new(2, refused)
        })
    };
    texts.iter().map(read).collect()
}

/// The identities that open snapshots.
///
/// # Errors
/// Exit 2 if no file is named, 3 if it can't be read, 1 if others can read it.
pub(super) fn identities(args: &OpenArgs, settings: &Settings) -> Result<Identities, Failure> {
    let path = args.identity.as_ref().or(settings.file.identity.as_ref()).ok_or_else(|| {
        missing(
            "identity-not-given",
            "Nobody said which identity opens snapshots.",
            "Give --identity FILE, or set `identity` in the configuration file of the verifier.",
        )
    })?;
    let bytes = files::read_private(path, MAX_IDENTITIES).map_err(of_read)?;
    let text = std::str::from_utf8(&bytes).unwrap_or_default();
    Identities::read(&SecretText::new(text.to_owned())).map_err(|error| {
        let mut refused = from_error(&error);
        refused.what = format!("{} holds no age identities alone.", path.display());
        refused.way_on = "Give the file that age-keygen wrote.".into();
        Failure::new(1, refused)
    })
}

/// The trust file.
///
/// # Errors
/// Exit 2 if no file is named or no host is in it, 3 if it can't be read, 1 if it is malformed.
pub(super) fn trust(args: &OpenArgs, settings: &Settings) -> Result<Trust, Failure> {
    let path = args.trust.as_ref().or(settings.file.trust.as_ref()).ok_or_else(|| {
        missing(
            "trust-not-given",
            "Nobody said whose snapshots count.",
            "Give --trust FILE with the line of the host's key (STATE/host_key.pub on that host), or set `trust`.",
        )
    })?;
    let trust = Trust::load(path).map_err(of_read)?;
    if trust.is_empty() {
        return Err(missing(
            "trust-empty",
            &format!("{} trusts no host.", path.display()),
            "Add a line: NAME namespaces=\"qh-snapshot\" ssh-ed25519 AAAA...",
        ));
    }
    Ok(trust)
}

fn of_read(refused: Refused) -> Failure {
    let exit = if refused.name == "file-unreadable" {
        3
    } else {
        1
    };
    Failure::new(exit, refused)
}
