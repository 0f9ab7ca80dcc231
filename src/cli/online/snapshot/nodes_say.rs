//! What the chain's nodes say before a snapshot: heights for its head, and whether a node may be stopped.

use crate::ceremony::event::Refused;
use crate::files::{from_error, refused};
use crate::online::authorship;
use crate::online::node::Node;
use crate::online::snapshot::create::Chain;
use crate::online::snapshot::manifest::BlockId;
use crate::transcript::hex::Hex;

/// What the first node that answers says. That none does is noted: a backup doesn't wait for that.
pub(super) fn chain(nodes: &[Node], note: &mut dyn FnMut(&str)) -> Chain {
    for node in nodes {
        match ask(node) {
            Ok(chain) => return chain,
            Err(fault) => note(&format!(
                "{fault} Heights are not in the manifest; the verifier reads them."
            )),
        }
    }
    Chain::default()
}

fn ask(node: &Node) -> Result<Chain, crate::online::rpc::NodeFault> {
    let finalized = node.finalized_head()?;
    let number = node.header(&finalized)?.map(|header| header.number);
    let best = node.best()?;
    let hash = node.block_hash(best)?;
    Ok(Chain {
        genesis: node.block_hash(0)?.map(Hex),
        best: hash.map(|hash| BlockId {
            number: best,
            hash: Hex(hash),
        }),
        finalized: number.map(|number| BlockId {
            number,
            hash: Hex(finalized),
        }),
        version: node.version().ok(),
    })
}

/// Whether no other authority is down: one that is down more than that, and the chain stops finalizing.
pub(super) fn may_stop(nodes: &[Node]) -> Result<(), Refused> {
    let Some(node) = nodes.first() else {
        return Err(refused(
            "snapshot-authorities-unknown",
            "The node is to be stopped, and no node says whether all other authorities are up.",
            "Give --rpc URL of a node of the chain, another one than this host's.",
        ));
    };
    let silent = authorship::silent(node).map_err(|fault| from_error(&fault))?;
    if silent.is_empty() {
        return Ok(());
    }
    Err(refused(
        "snapshot-authority-down",
        format!(
            "{} authorities have authored no block in their last three turns; the node is not stopped now.",
            silent.len()
        ),
        "Wait until they are back; or take the snapshot from a node that is no validator.",
    ))
}
