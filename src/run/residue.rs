//! What must be gone at the end: every secret of the ceremony is watched in each form that it took.

use data_encoding::{BASE32_NOPAD, BASE64, HEXLOWER};
use zeroize::Zeroizing;

use crate::secret::Secret32;
use crate::secret::residue::{Form, Residue};
use crate::share::wire::Share;
use crate::vault::contents::{BundleFile, BundleKey};
use crate::vault::token::{is_token_key, secret_numbers};

/// The watches of one ceremony.
pub struct Residues(Residue);

impl Residues {
    /// No watches yet.
    pub fn new(key: &Secret32) -> Self {
        Self(Residue::new(*key.expose()))
    }

    /// Watches raw, hex, base32 and base64 forms. A secret too short or too plain to tell from chance is left out:
    /// a search for it would prove nothing.
    pub fn bytes(&mut self, label: &str, secret: &[u8]) {
        let hex = Zeroizing::new(HEXLOWER.encode(secret));
        let base32 = Zeroizing::new(BASE32_NOPAD.encode(secret));
        let base64 = Zeroizing::new(BASE64.encode(secret));
        let forms: [(Form, &[u8]); 4] = [
            (Form::Raw, secret),
            (Form::Hex, hex.as_bytes()),
            (Form::Base32, base32.as_bytes()),
            (Form::Base64, base64.as_bytes()),
        ];
        for (form, needle) in forms {
            let _ = self.0.watch(label, form, needle);
        }
    }

    /// Watches a key as its file's text gives it: hex of which only the secret half counts, or a phrase.
    pub fn key(&mut self, label: &str, text: &[u8]) {
        let hex = text.strip_prefix(b"0x").and_then(|hex| {
            data_encoding::HEXLOWER_PERMISSIVE
                .decode(hex)
                .ok()
                .map(Zeroizing::new)
        });
        match hex {
            // The second half of a SPHINCS+ secret is its public key, which stands in many public places.
            Some(raw) if raw.len() == 128 => self.bytes(label, &raw[..64]),
            Some(raw) => self.bytes(label, &raw),
            None => {
                let _ = self.0.watch(label, Form::Raw, text);
            }
        }
    }

    /// Watches every secret of a bundle.
    pub fn bundle(&mut self, keys: &[BundleKey], files: &[BundleFile]) {
        for key in keys {
            let label = format!("{} secret", key.key_type);
            if is_token_key(&key.key_type) {
                for number in secret_numbers(key) {
                    self.bytes(&label, number.expose());
                }
            } else {
                self.key(&label, key.secret.expose());
            }
        }
        for file in files {
            self.network_file(file.path.as_str(), file.content.expose());
        }
    }

    /// Watches a network file: the secret of a Falcon identity, or all of a node key.
    pub fn network_file(&mut self, label: &str, content: &[u8]) {
        const MEMBER: &[u8] = b"\"falcon_secret_key\"";
        let at = content
            .windows(MEMBER.len())
            .position(|window| window == MEMBER);
        let Some(at) = at else {
            return self.bytes(label, content);
        };
        let rest = &content[at + MEMBER.len()..];
        let mut quoted = rest.split(|byte| *byte == b'"');
        if let Some(value) = quoted.nth(1) {
            self.key(label, value);
        }
    }

    /// Watches words, single spaces between.
    pub fn words(&mut self, label: &str, text: &str) {
        let _ = self.0.watch(label, Form::Words, text.as_bytes());
    }

    /// Watches a share, its QR text and its words.
    pub fn share(&mut self, share: &Share) {
        let label = format!("share {}", share.x());
        self.bytes(&label, &share.expose()[16..]);
        let _ = self.0.watch(
            &label,
            Form::Words,
            share.to_words().to_text().expose().as_bytes(),
        );
    }

    /// Searches memory: bytes searched, places found, and why a search was not possible.
    pub fn search(&self) -> (u64, u32, String) {
        match self.0.search() {
            Ok(searched) => {
                let mut labels: Vec<String> = searched
                    .finds
                    .iter()
                    .map(|f| format!("{} in {}", f.label, f.mapping))
                    .collect();
                labels.dedup();
                labels.truncate(8);
                let found = u32::try_from(searched.finds.len()).unwrap_or(u32::MAX);
                (searched.bytes, found, labels.join("; "))
            }
            Err(error) => (0, 0, error.to_string()),
        }
    }
}
