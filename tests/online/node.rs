//! A stand-in for a Substrate node: HTTP/1.1 and JSON-RPC 2.0 in the standard library alone, on a free port of the
//! loopback interface. It answers from a chain of our making or from recorded pairs, and misbehaves on request.
#![allow(dead_code, reason = "each test program uses a part of it")]

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use qh_ceremony::online::genesis::genesis_hashes;
use serde_json::{Value, json};

/// What a node does with one question.
#[derive(Clone)]
pub enum Answer {
    /// A JSON-RPC result.
    Result(Value),
    /// A JSON-RPC error.
    Error(i64, String),
    /// A body under status 200 with its right length. `ID` in it becomes the question's id.
    Body(String),
    /// The bytes of a whole HTTP answer; then the connection is closed.
    Raw(Vec<u8>),
    /// The bytes, and then silence on an open connection.
    Hang(Vec<u8>),
    /// The head, and then one byte at a time, for ever.
    Drip,
    /// The connection is closed without a word.
    Close,
}

type Answers = Arc<dyn Fn(&str, &Value) -> Answer + Send + Sync>;

/// A running stand-in. It ends with the test program.
pub struct Node {
    pub url: String,
}

impl Node {
    pub fn start(answers: impl Fn(&str, &Value) -> Answer + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let url = format!("http://{}", listener.local_addr().expect("address"));
        let answers: Answers = Arc::new(answers);
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let answers = Arc::clone(&answers);
                std::thread::spawn(move || serve(stream, &answers));
            }
        });
        Self { url }
    }

    /// A node of a chain that behaves.
    pub fn of(chain: &Chain) -> Self {
        let chain = chain.clone();
        Self::start(move |method, params| chain.answer(method, params))
    }

    /// A node of a chain that does something else with one method.
    pub fn but(chain: &Chain, method: &'static str, instead: Answer) -> Self {
        let chain = chain.clone();
        Self::start(move |asked, params| {
            if asked == method {
                instead.clone()
            } else {
                chain.answer(asked, params)
            }
        })
    }

    /// A node that serves recorded pairs: a JSON list of `{"method", "params", "result" or "error"}`.
    pub fn recorded(text: &str) -> Self {
        let pairs: Vec<Value> = serde_json::from_str(text).expect("a list of pairs");
        Self::start(move |method, params| {
            let found = pairs
                .iter()
                .find(|pair| pair["method"] == method && pair["params"] == *params);
            match found {
                Some(pair) if pair.get("error").is_some() => Answer::Body(format!(
                    r#"{{"jsonrpc":"2.0","id":ID,"error":{}}}"#,
                    pair["error"]
                )),
                Some(pair) => Answer::Result(pair["result"].clone()),
                None => Answer::Error(-32601, format!("not recorded: {method} {params}")),
            }
        })
    }
}

fn serve(mut stream: TcpStream, answers: &Answers) {
    let mut reader = BufReader::new(stream.try_clone().expect("a second handle"));
    loop {
        let mut length = 0;
        let mut first = String::new();
        if reader.read_line(&mut first).unwrap_or(0) == 0 {
            return;
        }
        loop {
            let mut line = String::new();
            if reader.read_line(&mut line).unwrap_or(0) == 0 {
                return;
            }
            let line = line.trim().to_ascii_lowercase();
            if line.is_empty() {
                break;
            }
            if let Some(value) = line.strip_prefix("content-length:") {
                length = value.trim().parse().expect("a length");
            }
        }
        let mut body = vec![0; length];
        if reader.read_exact(&mut body).is_err() {
            return;
        }
        let question: Value = serde_json::from_slice(&body).expect("a JSON-RPC question");
        let id = question["id"].clone();
        let method = question["method"].as_str().expect("a method");
        let body = match answers(method, &question["params"]) {
            Answer::Result(result) => {
                json!({"jsonrpc": "2.0", "id": id, "result": result}).to_string()
            }
            Answer::Error(code, message) => {
                json!({"jsonrpc": "2.0", "id": id, "error": {"code": code, "message": message}})
                    .to_string()
            }
            Answer::Body(body) => body.replace("ID", &id.to_string()),
            Answer::Raw(bytes) => {
                let _ = stream.write_all(&bytes);
                return;
            }
            Answer::Hang(bytes) => {
                let _ = stream.write_all(&bytes);
                // Until the other side gives up.
                let _ = reader.read(&mut [0]);
                return;
            }
            Answer::Drip => {
                let _ = stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n");
                while stream.write_all(b" ").is_ok() {
                    std::thread::sleep(Duration::from_millis(50));
                }
                return;
            }
            Answer::Close => return,
        };
        let head = format!(
            "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n",
            body.len()
        );
        if stream.write_all((head + &body).as_bytes()).is_err() {
            return;
        }
    }
}

pub const TIMESTAMP: &str = "0xf0c365c3cf59d671eb72da0e7a4113c49f1f0515f462cdcf84e0f1d6045dfcbb";

/// A chain whose storage is the same at every block.
#[derive(Clone)]
pub struct Chain {
    /// Storage, hex of both with `0x`.
    pub storage: BTreeMap<String, String>,
    /// Sets the hashes of this chain apart from those of others.
    pub salt: u64,
    /// Hash of block 0: the one that the chain spec implies.
    pub genesis: String,
    pub best: u64,
    pub finalized: u64,
    /// Time of the finalized block, milliseconds since 1970; `None` if the chain keeps none.
    pub time: Option<u64>,
    pub syncing: bool,
    pub peers: u64,
    /// The slot in which a block was made. One a block: all authorities take turns.
    pub slot: fn(u64) -> u64,
}

impl Chain {
    /// A chain whose storage is that of a raw chain spec.
    pub fn of_spec(text: &str) -> Self {
        let spec: Value = serde_json::from_str(text).expect("a chain spec");
        let top = spec["genesis"]["raw"]["top"].as_object().expect("a map");
        let now = SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .expect("a clock");
        Self {
            storage: top
                .iter()
                .map(|(key, value)| (key.clone(), value.as_str().expect("text").to_owned()))
                .collect(),
            salt: 1,
            genesis: hex(&genesis_hashes(text.as_bytes()).expect("a raw chain spec")[0].hash),
            best: 1203,
            finalized: 1200,
            time: Some(u64::try_from(now.as_millis()).expect("a time") - 6_000),
            syncing: false,
            peers: 5,
            slot: |number| number,
        }
    }

    pub fn hash(&self, number: u64) -> String {
        if number == 0 {
            return self.genesis.clone();
        }
        format!("0x{:032x}{number:032x}", self.salt)
    }

    pub fn answer(&self, method: &str, params: &Value) -> Answer {
        let number = |hash: &str| {
            if hash == self.genesis {
                return Some(0);
            }
            let digits = hash.strip_prefix(&format!("0x{:032x}", self.salt))?;
            u64::from_str_radix(digits, 16)
                .ok()
                .filter(|n| *n <= self.best)
        };
        Answer::Result(match method {
            "system_chain" => json!("Test"),
            "system_version" => json!("1.0.0-stand-in"),
            "system_properties" => json!({"ss58Format": 42, "tokenDecimals": 12}),
            "system_health" => {
                json!({"peers": self.peers, "isSyncing": self.syncing, "shouldHavePeers": true})
            }
            "system_syncState" => {
                json!({"startingBlock": 0, "currentBlock": self.best, "highestBlock": self.best})
            }
            "chain_getBlockHash" => match params[0].as_u64() {
                Some(number) if number <= self.best => json!(self.hash(number)),
                _ => Value::Null,
            },
            "chain_getFinalizedHead" => json!(self.hash(self.finalized)),
            "chain_getHeader" => match params[0].as_str().and_then(number) {
                Some(number) => self.header(number),
                None => Value::Null,
            },
            "state_getStorage" => {
                let key = params[0].as_str().expect("a key");
                match params[1].as_str().and_then(number) {
                    None => return Answer::Error(4003, "Client error: UnknownBlock".into()),
                    Some(0) if key == TIMESTAMP => Value::Null,
                    Some(_) if key == TIMESTAMP => {
                        json!(self.time.map(|time| hex(&time.to_le_bytes())))
                    }
                    Some(_) => json!(self.storage.get(key)),
                }
            }
            _ => return Answer::Error(-32601, "Method not found".into()),
        })
    }

    fn header(&self, number: u64) -> Value {
        let slot = [
            b"\x06aura\x20".as_slice(),
            &(self.slot)(number).to_le_bytes(),
        ]
        .concat();
        json!({
            "number": format!("{number:#x}"),
            "parentHash": self.hash(number.saturating_sub(1)),
            "stateRoot": format!("0x{}", "22".repeat(32)),
            "extrinsicsRoot": format!("0x{}", "33".repeat(32)),
            "digest": {"logs": [hex(&slot)]},
        })
    }

    /// Changes the one storage value whose key begins so.
    pub fn change(&mut self, prefix: &str, change: impl Fn(&mut String)) {
        let (_, value) = self
            .storage
            .iter_mut()
            .find(|(key, _)| key.starts_with(prefix))
            .expect("an entry");
        change(value);
    }
}

pub fn hex(bytes: &[u8]) -> String {
    format!("0x{}", data_encoding::HEXLOWER.encode(bytes))
}
