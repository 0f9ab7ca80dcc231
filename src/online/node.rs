//! One node, asked in types. Only methods that every Substrate node serves are needed, `system_properties` excepted.
//!
//! Hashes and values are `0x` and hex; numbers of blocks are hex texts in headers. Anything else is a malformed answer.

use std::time::Duration;

use serde::Deserialize;
use serde_json::json;

use super::rpc::{Address, AddressFault, NodeFault, Rpc, Why};
use crate::transcript::visible::visible_short;

/// A block hash.
pub type BlockHash = [u8; 32];

/// Most nodes that are asked.
pub const MAX_NODES: usize = 8;

/// Longest name of a chain or version that is taken, in characters.
const MAX_TEXT: usize = 64;

/// A node.
pub struct Node {
    rpc: Rpc,
}

/// `system_health`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Health {
    /// Connected peers.
    pub peers: u64,
    /// Whether it is catching up with the chain.
    pub is_syncing: bool,
    /// Whether it expects peers at all; a development chain does not.
    pub should_have_peers: bool,
}

/// `system_syncState`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SyncState {
    /// Its best block.
    pub current_block: u64,
    /// The highest block that it heard of; absent before it heard of any.
    #[serde(default)]
    pub highest_block: Option<u64>,
}

/// A block's header, as far as it matters here.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Header {
    /// Number of the block.
    pub number: u64,
    /// Hash of the block before.
    pub parent: BlockHash,
    /// State root.
    pub state_root: [u8; 32],
    /// Digest items, SCALE bytes each.
    pub digest: Vec<Vec<u8>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct RawHeader {
    number: String,
    parent_hash: String,
    state_root: String,
    digest: RawDigest,
}

#[derive(Deserialize)]
struct RawDigest {
    logs: Vec<String>,
}

/// Connects nothing yet, but reads all addresses: at least one, none twice. A call takes at most `timeout`.
///
/// # Errors
/// [`AddressFault`] of the first address that is refused.
pub fn nodes(urls: &[String], timeout: Duration) -> Result<Vec<Node>, AddressFault> {
    let mut nodes: Vec<Node> = Vec::new();
    for url in urls {
        let address = Address::parse(url)?;
        if nodes
            .iter()
            .any(|node| node.rpc.address().is_same_node(&address))
        {
            return Err(AddressFault::Twice);
        }
        let same = nodes
            .iter()
            .filter(|node| node.rpc.address().name() == address.name())
            .count();
        let mut rpc = Rpc::new(address, timeout);
        if same > 0 {
            rpc.rename(format!("{} ({})", rpc.name(), same + 1));
        }
        nodes.push(Node { rpc });
    }
    Ok(nodes)
}

impl Node {
    /// A node at this address.
    pub fn new(address: Address, timeout: Duration) -> Self {
        Self {
            rpc: Rpc::new(address, timeout),
        }
    }

    /// Its address without credentials.
    pub fn name(&self) -> &str {
        self.rpc.name()
    }

    /// Whether somebody on the way could change its answers.
    pub fn is_open(&self) -> bool {
        self.rpc.address().is_open()
    }

    /// The chain's name for people, e.g. `QuantumHarmony Production`; escaped and bounded.
    ///
    /// # Errors
    /// [`NodeFault`].
    pub fn chain(&self) -> Result<String, NodeFault> {
        self.text("system_chain")
    }

    /// The node's version; escaped and bounded.
    ///
    /// # Errors
    /// [`NodeFault`].
    pub fn version(&self) -> Result<String, NodeFault> {
        self.text("system_version")
    }

    /// Peers and whether it is catching up.
    ///
    /// # Errors
    /// [`NodeFault`].
    pub fn health(&self) -> Result<Health, NodeFault> {
        self.required("system_health", json!([]))
    }

    /// Its best block and the highest that it heard of.
    ///
    /// # Errors
    /// [`NodeFault`].
    pub fn sync_state(&self) -> Result<SyncState, NodeFault> {
        self.required("system_syncState", json!([]))
    }

    /// The number of its best block: of its sync state, or, where it has no such method, of its best header.
    ///
    /// # Errors
    /// [`NodeFault`].
    pub fn best(&self) -> Result<u64, NodeFault> {
        match self.sync_state() {
            Ok(state) => Ok(state.current_block),
            Err(NodeFault {
                why: Why::Error { .. },
                ..
            }) => {
                let method = "chain_getHeader";
                let raw: RawHeader = self.required(method, json!([]))?;
                Ok(self.read_header(method, raw)?.number)
            }
            Err(fault) => Err(fault),
        }
    }

    /// The chain's SS58 prefix, if the node says one.
    ///
    /// # Errors
    /// [`NodeFault`]; a node without that method counts as one that says nothing.
    pub fn ss58_prefix(&self) -> Result<Option<u16>, NodeFault> {
        #[derive(Deserialize)]
        #[serde(rename_all = "camelCase")]
        struct Properties {
            #[serde(default)]
            ss58_format: Option<serde_json::Value>,
        }
        match self.rpc.call::<Properties>("system_properties", json!([])) {
            Ok(properties) => Ok(properties
                .and_then(|properties| properties.ss58_format?.as_u64())
                .and_then(|prefix| u16::try_from(prefix).ok())),
            Err(NodeFault {
                why: Why::Error { .. },
                ..
            }) => Ok(None),
            Err(fault) => Err(fault),
        }
    }

    /// The hash of the block with this number on its best chain; `None` if it has none yet.
    ///
    /// # Errors
    /// [`NodeFault`].
    pub fn block_hash(&self, number: u64) -> Result<Option<BlockHash>, NodeFault> {
        let method = "chain_getBlockHash";
        let text: Option<String> = self.rpc.call(method, json!([number]))?;
        text.map(|text| self.hash(method, &text)).transpose()
    }

    /// The hash of the last finalized block.
    ///
    /// # Errors
    /// [`NodeFault`].
    pub fn finalized_head(&self) -> Result<BlockHash, NodeFault> {
        let method = "chain_getFinalizedHead";
        let text: String = self.required(method, json!([]))?;
        self.hash(method, &text)
    }

    /// The header of a block; `None` if the node does not know it.
    ///
    /// # Errors
    /// [`NodeFault`].
    pub fn header(&self, hash: &BlockHash) -> Result<Option<Header>, NodeFault> {
        let method = "chain_getHeader";
        let raw: Option<RawHeader> = self.rpc.call(method, json!([hex(hash)]))?;
        raw.map(|raw| self.read_header(method, raw)).transpose()
    }

    fn read_header(&self, method: &'static str, raw: RawHeader) -> Result<Header, NodeFault> {
        let number = raw
            .number
            .strip_prefix("0x")
            .filter(|digits| (1..=16).contains(&digits.len()))
            .filter(|digits| digits.bytes().all(|byte| byte.is_ascii_hexdigit()))
            .and_then(|digits| u64::from_str_radix(digits, 16).ok())
            .ok_or_else(|| self.malformed(method, "the block's number is not 0x and hex"))?;
        let digest = raw.digest.logs.iter().map(|log| {
            unhex(log).ok_or_else(|| self.malformed(method, "a digest item is not 0x and hex"))
        });
        Ok(Header {
            number,
            parent: self.hash(method, &raw.parent_hash)?,
            state_root: self.hash(method, &raw.state_root)?,
            digest: digest.collect::<Result<_, _>>()?,
        })
    }

    /// The value of a storage key at a block; `None` if there is none.
    ///
    /// # Errors
    /// [`NodeFault`]; a node that has thrown that block's state away answers with an error.
    pub fn storage(&self, key: &[u8], at: &BlockHash) -> Result<Option<Vec<u8>>, NodeFault> {
        let method = "state_getStorage";
        let value: Option<String> = self.rpc.call(method, json!([hex(key), hex(at)]))?;
        value
            .map(|text| {
                unhex(&text).ok_or_else(|| self.malformed(method, "the value is not 0x and hex"))
            })
            .transpose()
    }

    fn text(&self, method: &'static str) -> Result<String, NodeFault> {
        let text: String = self.required(method, json!([]))?;
        Ok(visible_short(&text, MAX_TEXT))
    }

    fn required<T: serde::de::DeserializeOwned>(
        &self,
        method: &'static str,
        params: serde_json::Value,
    ) -> Result<T, NodeFault> {
        self.rpc
            .call(method, params)?
            .ok_or_else(|| self.malformed(method, "the result is null"))
    }

    fn hash(&self, method: &'static str, text: &str) -> Result<BlockHash, NodeFault> {
        unhex(text)
            .and_then(|bytes| bytes.try_into().ok())
            .ok_or_else(|| self.malformed(method, "a hash is not 0x and 64 hex digits"))
    }

    pub(super) fn malformed(&self, method: &'static str, reason: &str) -> NodeFault {
        self.rpc.fault(method, Why::malformed(reason))
    }
}

/// `0x` and lower-case hex.
pub fn hex(bytes: &[u8]) -> String {
    format!("0x{}", data_encoding::HEXLOWER.encode(bytes))
}

fn unhex(text: &str) -> Option<Vec<u8>> {
    data_encoding::HEXLOWER_PERMISSIVE
        .decode(text.strip_prefix("0x")?.as_bytes())
        .ok()
}
