//! Whose signatures count: an allowed-signers file as `ssh-keygen -Y verify -f` reads it.
//!
//! `PRINCIPAL namespaces="qh-snapshot" ssh-ed25519 AAAA...` trusts a host's heads of snapshots,
//! `namespaces="qh-snapshot-good"` a verifier's attestations. A line must name its namespaces: a host that could attest
//! its own snapshots would make the attestation worthless. Other options are refused, since we would not honour them.

use std::path::Path;

use super::key::{ATTESTATIONS, HEADS};
use crate::ceremony::event::Refused;
use crate::files::{self, refused};
use crate::refusal::Refuse;
use crate::transcript::sign::{SignatureFault, fingerprint, verify_for};

/// Longest trust file that is read, in bytes.
const MAX_TRUST: usize = 64 * 1024;

/// One trusted key.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Signer {
    principal: String,
    heads: bool,
    attestations: bool,
    public: String,
}

/// The keys that count.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Trust(Vec<Signer>);

impl Trust {
    /// Reads a trust file.
    ///
    /// # Errors
    /// Those of [`files::read`]; `trust-malformed` with the line.
    pub fn load(path: &Path) -> Result<Self, Refused> {
        let bytes = files::read(path, MAX_TRUST)?;
        Self::parse(&String::from_utf8_lossy(&bytes)).map_err(|(line, reason)| {
            refused(
                "trust-malformed",
                format!("{}, line {line}: {reason}.", path.display()),
                "Write one line a key: PRINCIPAL namespaces=\"qh-snapshot\" ssh-ed25519 AAAA... for a host, namespaces=\"qh-snapshot-good\" for a verifier.",
            )
        })
    }

    fn parse(text: &str) -> Result<Self, (usize, String)> {
        let mut all: Vec<Signer> = Vec::new();
        for (at, line) in text.lines().enumerate() {
            let line = line.trim();
            if line.is_empty() || line.starts_with('#') {
                continue;
            }
            let signer = Self::line(line).map_err(|reason| (at + 1, reason))?;
            if all.iter().any(|known| known.public == signer.public) {
                return Err((
                    at + 1,
                    "the key stands twice; a host and a verifier have keys of their own".into(),
                ));
            }
            all.push(signer);
        }
        Ok(Self(all))
    }

    fn line(line: &str) -> Result<Signer, String> {
        let mut parts = line.split_ascii_whitespace();
        let mut part = || parts.next().ok_or("it ends too early".to_owned());
        let principal = part()?.to_owned();
        let names = part()?
            .strip_prefix("namespaces=\"")
            .and_then(|rest| rest.strip_suffix('"'))
            .ok_or("it names no namespaces, or has another option")?;
        let public = format!("{} {}", part()?, part()?);
        fingerprint(&public).map_err(|_| "its key is not ssh-ed25519".to_owned())?;
        let mut signer = Signer {
            principal,
            heads: false,
            attestations: false,
            public,
        };
        for name in names.split(',') {
            match name {
                HEADS => signer.heads = true,
                ATTESTATIONS => signer.attestations = true,
                _ => return Err("a namespace is neither qh-snapshot nor qh-snapshot-good".into()),
            }
        }
        if signer.heads && signer.attestations {
            return Err("one key may not both make snapshots and attest them".into());
        }
        Ok(signer)
    }

    /// Whether no key counts for heads.
    pub fn is_empty(&self) -> bool {
        !self.0.iter().any(|signer| signer.heads)
    }

    /// Whether no key counts for attestations.
    pub fn has_no_verifier(&self) -> bool {
        !self.0.iter().any(|signer| signer.attestations)
    }

    /// Whether attestations by this key count for nothing.
    pub fn signer_is_unknown(&self, key: &super::key::HostKey) -> bool {
        let public = key.public();
        !self
            .0
            .iter()
            .any(|signer| signer.attestations && signer.public == public)
    }

    /// Who signed `bytes` for the namespace: the principal.
    ///
    /// # Errors
    /// [`SignatureFault::OtherKey`] if no trusted key did; else the first thing that is wrong.
    pub fn signer(
        &self,
        namespace: &'static str,
        bytes: &[u8],
        armored: &str,
    ) -> Result<&str, SignatureFault> {
        let mut fault = SignatureFault::OtherKey;
        for signer in &self.0 {
            let counts = match namespace {
                HEADS => signer.heads,
                _ => signer.attestations,
            };
            if counts {
                match verify_for(namespace, bytes, armored, &signer.public) {
                    Ok(()) => return Ok(&signer.principal),
                    Err(SignatureFault::OtherKey) => {}
                    Err(other) => fault = other,
                }
            }
        }
        Err(fault)
    }
}

/// Why a snapshot's signature doesn't count.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{snapshot} is not signed by a trusted {who}: {}", why(.who, .fault))]
pub struct Untrusted {
    /// The snapshot.
    pub snapshot: String,
    /// `host` or `verifier`.
    pub who: &'static str,
    /// What is wrong with the signature.
    pub fault: SignatureFault,
}

fn why(who: &str, fault: &SignatureFault) -> String {
    match fault {
        SignatureFault::OtherKey => {
            format!("the key that signed it is no {who}'s in the trust file.")
        }
        fault => fault.to_string(),
    }
}

impl Refuse for Untrusted {
    fn name(&self) -> &'static str {
        match self.fault {
            SignatureFault::OtherKey => "snapshot-unpinned-key",
            SignatureFault::Mismatch => "snapshot-forged",
            _ => "snapshot-bad-signature",
        }
    }

    fn way_on(&self) -> &'static str {
        "Use a snapshot that is signed. If the host's key is a new one, compare its fingerprint with the host, and put it into the trust file."
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::online::snapshot::key::HostKey;

    #[test]
    fn a_key_counts_for_what_its_line_says() {
        let (a, b) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let host = HostKey::open_or_make(a.path(), "h").unwrap();
        let verifier = HostKey::open_or_make(b.path(), "v").unwrap();
        let text = format!(
            "# hosts\nnode-1 namespaces=\"qh-snapshot\" {} h\n\nverifier namespaces=\"qh-snapshot-good\" {}\n",
            host.public(),
            verifier.public()
        );
        let trust = Trust::parse(&text).unwrap();
        assert!(!trust.is_empty());
        let signed = host.sign(HEADS, b"x");
        assert_eq!(trust.signer(HEADS, b"x", &signed), Ok("node-1"));
        assert_eq!(
            trust.signer(HEADS, b"y", &signed),
            Err(SignatureFault::Mismatch)
        );
        // The host's key attests nothing, the verifier's makes no snapshots.
        let attested = host.sign(ATTESTATIONS, b"x");
        assert_eq!(
            trust.signer(ATTESTATIONS, b"x", &attested),
            Err(SignatureFault::OtherKey)
        );
        let forged = verifier.sign(HEADS, b"x");
        assert_eq!(
            trust.signer(HEADS, b"x", &forged),
            Err(SignatureFault::OtherKey)
        );
        let good = verifier.sign(ATTESTATIONS, b"x");
        assert_eq!(trust.signer(ATTESTATIONS, b"x", &good), Ok("verifier"));
        assert_eq!(
            trust.signer(HEADS, b"x", &good),
            Err(SignatureFault::OtherKey)
        );
    }

    #[test]
    fn lines_that_would_not_be_honoured_are_refused() {
        let dir = tempfile::tempdir().unwrap();
        let key = HostKey::open_or_make(dir.path(), "h").unwrap().public();
        for bad in [
            format!("h {key}"),
            format!("h cert-authority {key}"),
            format!("h valid-before=\"2030\",namespaces=\"qh-snapshot\" {key}"),
            format!("h namespaces=\"qh-snapshot\",valid-before=\"2030\" {key}"),
            format!("h namespaces=\"\" {key}"),
            format!("h namespaces=\"file\" {key}"),
            format!("h namespaces=\"qh-snapshot,qh-snapshot-good\" {key}"),
            "h namespaces=\"qh-snapshot\" ssh-ed25519 AAAA".into(),
            "h namespaces=\"qh-snapshot\"".into(),
            format!("h namespaces=\"qh-snapshot\" {key}\nv namespaces=\"qh-snapshot-good\" {key}"),
        ] {
            assert!(Trust::parse(&bad).is_err(), "{bad}");
        }
        assert!(Trust::parse("").unwrap().is_empty());
    }
}
