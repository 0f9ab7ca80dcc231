//! Nodes over HTTPS: a TLS server that is not ours (Python's ssl), with certificates that `openssl` made.
#![cfg(feature = "online")]

#[path = "online/node.rs"]
mod node;

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};

use node::Node;

const ROCOCO: &str = include_str!("vectors/rpc/rococo.json");

fn openssl(dir: &Path, line: &str) {
    let made = Command::new("openssl")
        .args(line.split(' '))
        .current_dir(dir)
        .output()
        .expect("openssl is needed: apt-get install openssl");
    assert!(made.status.success(), "{line}: {made:?}");
}

/// An authority, and a certificate of it for a name.
fn certificate(dir: &Path, name: &str) {
    let new = "-newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes";
    if !dir.join("ca.pem").exists() {
        let line =
            format!("req -x509 {new} -keyout ca.key -out ca.pem -days 2 -subj /CN=authority");
        openssl(dir, &line);
    }
    openssl(
        dir,
        &format!("req {new} -keyout {name}.key -out {name}.csr -subj /CN={name}"),
    );
    let extensions = format!("subjectAltName=DNS:{name}\nextendedKeyUsage=serverAuth\n");
    std::fs::write(dir.join("extensions"), extensions).expect("written");
    openssl(
        dir,
        &format!(
            "x509 -req -in {name}.csr -CA ca.pem -CAkey ca.key -CAcreateserial -days 2 -extfile extensions -out {name}.pem"
        ),
    );
}

/// TLS before a node; it ends with its standard input.
struct Tls {
    process: Child,
    url: String,
}

impl Tls {
    fn before(node: &Node, dir: &Path, name: &str) -> Self {
        let port = node.url.rsplit(':').next().expect("a port");
        let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/online/tls.py");
        let mut process = Command::new("python3")
            .args([script, &format!("{name}.pem"), &format!("{name}.key"), port])
            .current_dir(dir)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("python3 is needed");
        let mut own = String::new();
        BufReader::new(process.stdout.take().expect("a pipe"))
            .read_line(&mut own)
            .expect("its port");
        let url = format!("https://localhost:{}", own.trim());
        Self { process, url }
    }
}

impl Drop for Tls {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// The block was recorded long ago, so the limits let it be old.
fn registered(dir: &Path, url: &str, roots: Option<&Path>) -> Output {
    let config = dir.join("config.toml");
    let limits = "[limits]\nmax_block_age_seconds = 1000000000\n";
    std::fs::write(&config, limits).expect("written");
    let mut command = Command::new(env!("CARGO_BIN_EXE_qh-online"));
    command.arg("--config").arg(&config);
    command.args(["registered", "--chain-id", "rococo_v2_2", "--rpc", url]);
    command
        .env_remove("SSL_CERT_DIR")
        .env_remove("SSL_CERT_FILE");
    if let Some(roots) = roots {
        command.env("SSL_CERT_FILE", roots);
    }
    command.output().expect("qh-online runs")
}

#[test]
fn a_node_over_https_is_believed_by_its_certificate_alone() {
    let node = Node::recorded(ROCOCO);
    let dir = tempfile::tempdir().expect("a directory");
    for name in ["localhost", "other.example"] {
        certificate(dir.path(), name);
    }
    let roots = dir.path().join("ca.pem");
    let good = Tls::before(&node, dir.path(), "localhost");
    let said = registered(dir.path(), &good.url, Some(&roots));
    let text = String::from_utf8_lossy(&said.stdout);
    assert_eq!(said.status.code(), Some(0), "{said:?}");
    assert!(text.contains("Registered keys of rococo_v2_2"), "{text}");
    assert!(!text.contains("without TLS"), "{text}");

    // Nobody vouches for it; or somebody does, for another host.
    let foreign = Tls::before(&node, dir.path(), "other.example");
    for (url, roots, why) in [
        (&good.url, None, "UnknownIssuer"),
        (&foreign.url, Some(roots.as_path()), "not valid for name"),
    ] {
        let said = registered(dir.path(), url, roots);
        let text = String::from_utf8_lossy(&said.stderr);
        assert_eq!(said.status.code(), Some(3), "{text}");
        assert!(text.contains("[node-unreachable]"), "{text}");
        assert!(text.contains(why), "{text}");
    }
}
