//! What a snapshot would send, need and cost: `snapshot create --dry-run`.

use std::io::Write;

use serde::Serialize;

use super::bytes;
use crate::cli::online::Failure;
use crate::online::config::Prices;
use crate::online::snapshot::create::{Estimate, StoreEstimate};

/// Epochs that lie in a store at once: they begin weekly and stay for their week and 30 days more.
const EPOCHS: f64 = 37.0 / 7.0;
/// Archives that lie in a store at once: weekly for 90 days, monthly for a year.
const ARCHIVES: f64 = 90.0 / 7.0 + 12.0;
/// Epochs and snapshots that begin in a month.
const EPOCHS_A_MONTH: f64 = 30.0 / 7.0;
const SNAPSHOTS_A_MONTH: f64 = 30.0 * 4.0;
/// Objects of a snapshot besides chunks: manifest, signature, head.
const OBJECTS: f64 = 3.0;

#[derive(Serialize)]
struct Json<'a> {
    bytes: u64,
    read_bytes: u64,
    stores: Vec<JsonStore<'a>>,
}

#[derive(Serialize)]
struct JsonStore<'a> {
    store: &'a str,
    sent_bytes_at_most: u64,
    requests_at_most: u64,
    free_needed: u64,
    free: Option<u64>,
    enough: bool,
    monthly_storage: f64,
    monthly_requests: f64,
}

#[expect(clippy::cast_precision_loss, reason = "an estimate of money")]
fn number(value: u64) -> f64 {
    value as f64
}

/// Requests that a snapshot takes at most.
fn requests(found: &Estimate, store: &StoreEstimate) -> u64 {
    store.lacks.div_ceil(found.chunk) + 3
}

/// Whether a run would begin in it.
fn enough(store: &StoreEstimate) -> bool {
    store.free.is_none_or(|free| free >= store.needed)
}

/// What a month costs at the size of today, if a tenth of it is new each week: storage and requests.
fn monthly(found: &Estimate, prices: &Prices) -> (f64, f64) {
    let gigabytes = number(found.bytes) / 1e9;
    let storage = gigabytes * (EPOCHS * 1.1 + ARCHIVES) * prices.gb_month;
    let chunks = number(found.bytes.div_ceil(found.chunk));
    let puts = chunks * 1.1 * EPOCHS_A_MONTH + OBJECTS * SNAPSHOTS_A_MONTH;
    (storage, puts / 1000.0 * prices.put_1000)
}

/// Shows an estimate.
///
/// # Errors
/// `output-not-written`.
pub(super) fn show(
    found: &Estimate,
    prices: &Prices,
    json: bool,
    out: &mut dyn Write,
) -> Result<(), Failure> {
    let (storage, puts) = monthly(found, prices);
    if json {
        let stores = found.stores.iter().map(|store| JsonStore {
            store: &store.store,
            sent_bytes_at_most: store.lacks,
            requests_at_most: requests(found, store),
            free_needed: store.needed,
            free: store.free,
            enough: enough(store),
            monthly_storage: storage,
            monthly_requests: puts,
        });
        let document = Json {
            bytes: found.bytes,
            read_bytes: found.to_read,
            stores: stores.collect(),
        };
        writeln!(
            out,
            "{}",
            serde_json::to_string_pretty(&document).expect("strings and numbers")
        )?;
        return Ok(());
    }
    writeln!(
        out,
        "The database has {}; {} of it must be read.",
        bytes(found.bytes),
        bytes(found.to_read)
    )?;
    for store in &found.stores {
        writeln!(
            out,
            "{}: at most {} in {} requests.",
            store.store,
            bytes(store.lacks),
            requests(found, store)
        )?;
        if let Some(free) = store.free {
            let verdict = if enough(store) {
                "enough"
            } else {
                "NOT ENOUGH"
            };
            writeln!(
                out,
                "  {} are free there, {} must be: {verdict}.",
                bytes(free),
                bytes(store.needed)
            )?;
        }
    }
    writeln!(
        out,
        "A month of one store costs about {:.2}: {storage:.2} for what lies there (5.3 epochs, 13 weekly and 12 monthly archives,\na tenth of the database new each week), {puts:.2} for requests; by the [prices] of the configuration.",
        storage + puts
    )?;
    writeln!(out, "Nothing was sent.")?;
    Ok(())
}
