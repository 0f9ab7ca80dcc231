//! Runs the real `qh-online` as an operator would, in a pipe or on a terminal, and searches what it leaves on disk.
#![allow(dead_code, reason = "each test program uses a part of it")]

pub mod second;

use std::fs;
use std::io::{Read, Write};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use serde_json::Value;

use crate::keystores::{Pair, hex};

/// What a program said.
pub struct Said {
    pub code: Option<i32>,
    pub out: String,
    pub err: String,
}

impl Said {
    /// Fails the test unless the program ended so.
    #[track_caller]
    pub fn ended(self, code: i32) -> Self {
        assert_eq!(self.code, Some(code), "{}\n{}", self.out, self.err);
        self
    }

    /// Fails the test unless the program refused with this code and name.
    #[track_caller]
    pub fn refused(self, code: i32, name: &str) -> Self {
        let said = self.ended(code);
        let named = format!("[{name}]");
        assert!(said.err.contains(&named), "{named}: {}", said.err);
        said
    }

    pub fn json(&self) -> Value {
        serde_json::from_str(&self.out).unwrap_or_else(|e| panic!("{e}: {}", self.out))
    }
}

/// Runs `qh-online` without a terminal: in a session of its own, so that `/dev/tty` leads nowhere.
pub fn online(args: &[&str]) -> Said {
    let output = Command::new("setsid")
        .args(["--wait", env!("CARGO_BIN_EXE_qh-online")])
        .args(args)
        .stdin(Stdio::null())
        .output()
        .expect("setsid runs: install package util-linux");
    Said {
        code: output.status.code(),
        out: String::from_utf8(output.stdout).expect("UTF-8"),
        err: String::from_utf8(output.stderr).expect("UTF-8"),
    }
}

/// Runs `qh-online` on a terminal; each answer is typed when its question stands there. What is on the screen is `out`.
pub fn on_terminal(args: &[&str], dialogue: &[(&str, &str)]) -> Said {
    on_terminal_with(args, dialogue, &mut || {})
}

/// The same; `look` is called at each question, before it is answered.
pub fn on_terminal_with(args: &[&str], dialogue: &[(&str, &str)], look: &mut dyn FnMut()) -> Said {
    let quote = |arg: &&str| format!("'{arg}'");
    let line: Vec<String> = std::iter::once(&env!("CARGO_BIN_EXE_qh-online"))
        .chain(args)
        .map(quote)
        .collect();
    let mut child = Command::new("script")
        .args(["-qec", &line.join(" "), "/dev/null"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("script runs: install package bsdutils");
    let (mut keys, mut screen) = (child.stdin.take().unwrap(), child.stdout.take().unwrap());
    let (mut seen, mut from) = (String::new(), 0);
    for (question, answer) in dialogue {
        while !seen[from..].contains(question) {
            let mut bytes = [0; 4096];
            let count = screen.read(&mut bytes).unwrap();
            assert!(count > 0, "never asked: {question}\n{seen}");
            seen += &String::from_utf8_lossy(&bytes[..count]);
        }
        from = seen.len();
        look();
        keys.write_all(format!("{answer}\n").as_bytes()).unwrap();
    }
    let mut rest = Vec::new();
    screen.read_to_end(&mut rest).unwrap();
    seen += &String::from_utf8_lossy(&rest);
    Said {
        code: child.wait().unwrap().code(),
        out: seen.clone(),
        err: seen,
    }
}

pub fn at(path: &Path) -> &str {
    path.to_str().expect("UTF-8")
}

pub fn vector(name: &str) -> String {
    format!("{}/tests/vectors/{name}", env!("CARGO_MANIFEST_DIR"))
}

/// The raw chain spec that knows the first three of [`published`].
pub fn spec() -> String {
    vector("chainspec/raw.json")
}

/// The pairs of tests/vectors/keystore/aura.json.
pub fn published(index: usize) -> Pair {
    let text = fs::read_to_string(vector("keystore/aura.json")).expect("vectors");
    let pairs: Value = serde_json::from_str(&text).expect("vectors");
    let unhex = |member: &str| {
        let text = pairs[index][member].as_str().expect("text");
        data_encoding::HEXLOWER
            .decode(&text.as_bytes()[2..])
            .expect("hex")
    };
    Pair {
        public: unhex("public"),
        secret: unhex("secret"),
    }
}

/// The SURI vectors: suri, public key, of this scheme.
pub fn suri(scheme: &str, ending: &str) -> (String, String) {
    let text = fs::read_to_string(vector("keystore/suri.json")).expect("vectors");
    let all: Vec<Value> = serde_json::from_str(&text).expect("vectors");
    let member = |v: &Value, name: &str| v[name].as_str().expect("text").to_owned();
    all.iter()
        .find(|v| v["scheme"] == scheme && member(v, "suri").ends_with(ending))
        .map(|v| (member(v, "suri"), member(v, "public")))
        .expect("a vector")
}

/// A chain directory `chains/dev3` with a keystore of these pairs.
pub fn chain_dir(base: &Path, pairs: &[&Pair]) -> PathBuf {
    let chain = base.join("chains/dev3");
    fs::create_dir_all(chain.join("keystore")).unwrap();
    for pair in pairs {
        put_aura(&chain.join("keystore"), pair);
    }
    chain
}

pub fn put(dir: &Path, name: &str, content: &[u8]) -> PathBuf {
    let path = dir.join(name);
    fs::write(&path, content).expect("write");
    fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).expect("mode");
    path
}

pub fn put_aura(dir: &Path, pair: &Pair) -> PathBuf {
    let content = format!("\"0x{}\"", hex(&pair.secret));
    put(
        dir,
        &crate::keystores::aura_name(&pair.public),
        content.as_bytes(),
    )
}

/// Every file below `dir` that holds the secret's first half, raw or in hex; the second half is public.
pub fn holds(dir: &Path, pair: &Pair) -> Vec<PathBuf> {
    let secret = &pair.secret[..64];
    let forms = [secret.to_vec(), hex(secret).into_bytes()];
    files(dir)
        .into_iter()
        .filter(|(_, bytes)| {
            forms.iter().any(|form| {
                bytes
                    .windows(16)
                    .any(|window| form.windows(16).any(|part| part == window))
            })
        })
        .map(|(path, _)| path)
        .collect()
}

/// Every regular file below `dir` with its bytes.
pub fn files(dir: &Path) -> Vec<(PathBuf, Vec<u8>)> {
    let mut found = vec![];
    for entry in fs::read_dir(dir).unwrap() {
        let entry = entry.unwrap();
        let kind = entry.file_type().unwrap();
        if kind.is_dir() {
            found.extend(files(&entry.path()));
        } else if kind.is_file() {
            found.push((entry.path(), fs::read(entry.path()).unwrap()));
        }
    }
    found.sort();
    found
}

/// This host's recipient, and its six words.
pub fn recipient(state: &Path) -> (String, String) {
    let said = online(&["keys", "recipient", "--json", "--state", at(state)]).ended(0);
    let json = said.json();
    let text = |name: &str| json[name].as_str().unwrap().to_owned();
    (text("recipient"), text("words"))
}
