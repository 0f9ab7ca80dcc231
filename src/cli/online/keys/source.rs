//! Where the registered keys come from: a `qh-registered/1` file, the nodes, or the raw chain spec, in this order.

use std::path::Path;

use super::super::{Failure, Settings};
use crate::cli::keys::read_source;
use crate::files::refused;
use crate::online::keys::silence::Authorship;
use crate::vault::registered::{Account, Registered};

/// The registered keys of the first source that is given; `None` if there is none.
///
/// # Errors
/// What keeps the source from being read: exit 3; what is wrong with it: exit 4.
pub(super) fn registered_of(
    settings: &Settings,
    file: Option<&Path>,
) -> Result<Option<Registered>, Failure> {
    let read = |file: &Path, spec: bool| {
        read_source(file, spec)
            .map(Some)
            .map_err(|stopped| Failure::new(stopped.exit(), crate::files::from_error(&stopped)))
    };
    match (file, &settings.chain_spec) {
        (Some(file), _) => read(file, false),
        (None, _) if !settings.rpc.is_empty() => live(settings).map(Some),
        (None, Some(spec)) => read(spec, true),
        (None, None) => Ok(None),
    }
}

/// The registered keys of the nodes.
fn live(_settings: &Settings) -> Result<Registered, Failure> {
    Err(Failure::new(
        1,
        refused(
            "nodes-not-asked",
            "This command does not ask nodes itself.",
            "Write the registered keys with `qh-online registered --output FILE`, and give them with --registered FILE.",
        ),
    ))
}

/// The chain that can be asked who authored its blocks; `None` if no node was given.
///
/// # Errors
/// What keeps the nodes from answering.
pub(super) fn authorship(_settings: &Settings) -> Result<Option<Box<dyn Authorship>>, Failure> {
    Ok(None)
}

/// The account that was given.
///
/// # Errors
/// `account-not-understood`, exit 2.
pub(super) fn account_of(settings: &Settings) -> Result<Option<Account>, Failure> {
    let Some(text) = &settings.account else {
        return Ok(None);
    };
    let account = text
        .strip_prefix("0x")
        .and_then(|digits| {
            data_encoding::HEXLOWER_PERMISSIVE
                .decode(digits.as_bytes())
                .ok()
        })
        .and_then(|bytes| bytes.try_into().ok())
        .map(Account);
    account.map(Some).ok_or_else(|| {
        let refused = refused(
            "account-not-understood",
            "The account is not 0x and 64 hex digits.",
            "Give it in that form.",
        );
        Failure::new(2, refused)
    })
}

/// The failure of a command that needs a source and has none.
pub(super) fn needed() -> Failure {
    let refused = refused(
        "registered-not-given",
        "Nobody said which keys are registered, so there is nothing to match with.",
        "Give --registered FILE, --rpc URL or --chain-spec FILE.",
    );
    Failure::new(2, refused)
}
