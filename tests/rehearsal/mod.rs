//! Runs the real program's rehearsals, and looks at what they leave with programs that are not ours.
#![allow(dead_code)]

use std::collections::BTreeMap;
use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use serde_json::Value;

/// The program under test.
pub fn program() -> PathBuf {
    std::env::var_os("QH_CEREMONY_BIN")
        .map_or_else(|| env!("CARGO_BIN_EXE_qh-ceremony").into(), PathBuf::from)
}

/// What a program said.
pub struct Said {
    pub code: Option<i32>,
    pub out: String,
    pub err: String,
}

impl From<Output> for Said {
    fn from(output: Output) -> Self {
        Self {
            code: output.status.code(),
            out: String::from_utf8_lossy(&output.stdout).into_owned(),
            err: String::from_utf8_lossy(&output.stderr).into_owned(),
        }
    }
}

impl Said {
    /// Fails the test unless the program ended so.
    #[track_caller]
    pub fn ended(self, code: i32) -> Self {
        assert_eq!(self.code, Some(code), "{}\n{}", self.out, self.err);
        self
    }

    /// The refusals, by name, in order.
    pub fn refusals(&self) -> Vec<&str> {
        let name = |line: &'_ str| line.split_once("refused ").map(|(_, rest)| rest.len());
        self.out
            .lines()
            .filter_map(|line| {
                let rest = &line[line.len() - name(line)?..];
                rest.split_once(':').map(|(name, _)| name)
            })
            .collect()
    }
}

/// Runs `qh-ceremony` with these arguments.
pub fn run(args: &[&str]) -> Said {
    Command::new(program())
        .args(args)
        .stdin(Stdio::null())
        .output()
        .expect("qh-ceremony starts")
        .into()
}

/// Runs a program of a Debian package.
pub fn stock(name: &str, package: &str, args: &[&str], input: &[u8]) -> Output {
    let mut child = Command::new(name)
        .args(args)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap_or_else(|error| panic!("{name} does not run ({error}): install package {package}"));
    // A program that refuses its arguments may not read its input.
    let _ = child.stdin.take().unwrap().write_all(input);
    child.wait_with_output().unwrap()
}

/// A file or directory of `tests/`.
pub fn beside(name: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests")
        .join(name);
    path.to_str().unwrap().to_owned()
}

/// Rehearses; `script` is a name, a path, or empty for backup and recovery.
pub fn rehearse(dir: &Path, script: &str, answers: &str) -> Said {
    let file = dir.with_extension("answers.toml");
    fs::write(&file, answers).unwrap();
    let mut args = vec!["rehearse", "--auto", "--out", dir.to_str().unwrap()];
    if !answers.is_empty() {
        args.extend(["--answers", file.to_str().unwrap()]);
    }
    if !script.is_empty() {
        args.push(script);
    }
    run(&args)
}

/// A backup that was rehearsed without a hitch, copied to a directory of its own.
pub fn copy_of(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let target = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            copy_of(&entry.path(), &target);
        } else {
            fs::copy(entry.path(), target).unwrap();
        }
    }
}

/// A JSON file.
pub fn json(path: &Path) -> Value {
    serde_json::from_slice(&fs::read(path).unwrap_or_else(|e| panic!("{}: {e}", path.display())))
        .unwrap()
}

/// The bodies of a transcript's entries.
pub fn entries(path: &Path) -> Vec<Value> {
    fs::read_to_string(path)
        .unwrap()
        .lines()
        .map(|line| serde_json::from_str::<Value>(line).unwrap()["entry"].take())
        .collect()
}

/// Every file of a directory, by name.
pub fn files(dir: &Path) -> BTreeMap<String, Vec<u8>> {
    fs::read_dir(dir)
        .unwrap_or_else(|e| panic!("{}: {e}", dir.display()))
        .map(|entry| {
            let entry = entry.unwrap();
            let name = entry.file_name().into_string().unwrap();
            (name, fs::read(entry.path()).unwrap())
        })
        .collect()
}

/// The QR texts of the sheets, read by `zbarimg`.
pub fn sheets(dir: &Path, n: u8) -> Vec<String> {
    (1..=n)
        .map(|number| {
            let png = dir.join(format!("sheets/share-{number}.png"));
            let read = stock(
                "zbarimg",
                "zbar-tools",
                &["--raw", "-q", png.to_str().unwrap()],
                b"",
            );
            assert!(read.status.success(), "zbarimg reads sheet {number}");
            String::from_utf8(read.stdout).unwrap().trim().to_owned()
        })
        .collect()
}

/// `tests/stock/recombine.py`.
pub fn recombine(key_check: &str, texts: &[&str]) -> Output {
    let program = beside("stock/recombine.py");
    stock(
        "python3",
        "python3",
        &[&program, key_check],
        texts.join("\n").as_bytes(),
    )
}

/// All subsets of `size`.
pub fn subsets(texts: &[String], size: usize) -> Vec<Vec<&str>> {
    (0..1_u32 << texts.len())
        .filter(|mask| mask.count_ones() as usize == size)
        .map(|mask| {
            let chosen = texts.iter().enumerate().filter(|(i, _)| mask >> i & 1 == 1);
            chosen.map(|(_, text)| text.as_str()).collect()
        })
        .collect()
}

/// The heads that a rehearsal printed, in order.
pub fn heads(out: &str) -> Vec<&str> {
    out.lines()
        .filter_map(|line| line.trim().strip_prefix("head "))
        .collect()
}

/// Source and recovered keystore hold the same bytes under the same names.
#[track_caller]
pub fn same_keys(dir: &Path) {
    let source = files(&dir.join("keystore-source"));
    assert_eq!(source.len(), 3);
    assert!(
        source == files(&dir.join("keystore-recovered")),
        "the keystores differ"
    );
}

/// `sheets` of a record: number, state.
pub fn sheet_states(record: &Value) -> Vec<(u64, String)> {
    record["sheets"]
        .as_array()
        .unwrap()
        .iter()
        .map(|s| {
            (
                s["number"].as_u64().unwrap(),
                s["state"].as_str().unwrap().to_owned(),
            )
        })
        .collect()
}

/// Names of a record's exceptions.
pub fn exceptions(record: &Value) -> Vec<&str> {
    let list = record["exceptions"].as_array().unwrap();
    list.iter().map(|e| e["name"].as_str().unwrap()).collect()
}
