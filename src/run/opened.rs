//! Opened keys: proven anew, then written to a keystore or sealed to the host.

use std::path::Path;

use super::driver::{Driver, now, sha256_hex};
use super::keys::public_keys;
use super::slots::Opened;
use crate::ceremony::dates;
use crate::ceremony::effect::Target;
use crate::ceremony::event::{Outcome, Refused};
use crate::ceremony::policy::Kind;
use crate::device::media::Medium;
use crate::files::{self, from_error, refused};
use crate::secret::SecretBytes;
use crate::transcript::six_words::six_words;
use crate::vault::bundle::Bundle;
use crate::vault::contents::{BundleFile, BundleKey};
use crate::vault::delivery::{Delivery, Purpose, seal_to};
use crate::vault::gather::prove_all;
use crate::vault::install;
use crate::vault::keystore::Owner;
use crate::vault::recipient::Recipient;
use crate::vault::token::is_token_key;

impl Driver {
    /// Proves every pair of an opened bundle.
    pub(super) fn prove_opened(&mut self, bundle: Bundle) -> Result<Outcome, Refused> {
        if bundle.keystore_password
            && self.slots.password.is_none()
            && self.state.opened.kind != Kind::Backup
        {
            return Err(refused(
                "keystore-password-needed",
                "The node of this backup ran with a keystore password, which is part of its key phrases and not in the backup.",
                "Type the keystore password; it is asked for next.",
            ));
        }
        let password = if bundle.keystore_password {
            self.slots.password.as_ref()
        } else {
            None
        };
        let proven =
            prove_all(&bundle.keys, &bundle.files, password).map_err(|fault| from_error(&fault))?;
        self.residues.bundle(&bundle.keys, &bundle.files);
        let public = public_keys(&bundle.keys, &proven.files);
        self.slots.opened = Some(Opened { proven, bundle });
        Ok(Outcome::Opened { keys: public })
    }

    /// The keys that were opened.
    pub(super) fn opened_keys(&self) -> Result<&Opened, Refused> {
        self.slots.opened.as_ref().ok_or_else(|| {
            refused(
                "slot-empty",
                "There are no opened keys.",
                "Start from the shares again.",
            )
        })
    }

    pub(super) fn write_keys(
        &mut self,
        target: Target,
        path: &str,
        owner: &str,
        recipient: &str,
        dry: bool,
    ) -> Result<Outcome, Refused> {
        let opened = self.opened_keys()?;
        if opened.proven.keys.is_empty()
            && opened.proven.unproven.is_empty()
            && opened.proven.files.is_empty()
        {
            return Err(refused(
                "token-keys-alone",
                "This backup holds keys of a token alone, which no keystore and no host can use.",
                "Choose a hardware security module as target.",
            ));
        }
        if target == Target::Delivery {
            let recipient = Recipient::parse(recipient).map_err(|e| from_error(&e))?;
            let words = six_words(&recipient.fingerprint());
            let to = Path::new(path);
            if to.exists() {
                return Err(refused(
                    "file-exists",
                    format!("{path} exists already; nothing is overwritten."),
                    "Give another file name.",
                ));
            }
            if dry {
                let mut lines = left_out(&opened.bundle);
                lines.extend([format!("seal to {path}"), format!("six words: {words}")]);
                return Ok(Outcome::Plan { lines });
            }
            let sealed =
                seal_to(&delivery_of(&opened.bundle), &recipient).map_err(|e| from_error(&e))?;
            files::write_new(to, &sealed)?;
            return Ok(Outcome::Written {
                files: vec![format!("{path}, SHA-256 {}", sha256_hex(&sealed))],
            });
        }
        self.own_world(path)?;
        if target == Target::Keystore {
            final_place(path, self.devices.mounted_medium(path).as_ref())?;
        }
        let owner = parse_owner(owner)?;
        let proven = &opened.proven;
        let target = install::Target::of(Path::new(path), !proven.files.is_empty())
            .map_err(|fault| from_error(&fault))?;
        if dry {
            let mut lines = left_out(&opened.bundle);
            lines.push(format!(
                "{} key files into {}",
                proven.keys.len() + proven.unproven.len(),
                target.keystore.display()
            ));
            lines.extend(proven.files.iter().map(|f| f.path().path().to_owned()));
            lines.push("mode 0600; nothing is overwritten".into());
            return Ok(Outcome::Plan { lines });
        }
        let password = if opened.bundle.keystore_password {
            self.slots.password.as_ref()
        } else {
            None
        };
        let installed = install::install(&target, proven, owner, password)
            .map_err(|fault| from_error(&fault))?;
        let written = installed.keystore;
        let mut lines: Vec<String> = written
            .files
            .iter()
            .map(|f| format!("{} mode {:04o}", f.file, f.mode & 0o7777))
            .collect();
        // A second key of a type is a second signer: people see what else lies there.
        lines.extend(
            written
                .others
                .iter()
                .map(|name| format!("also there: {name}")),
        );
        if let Some(network) = installed.network {
            lines.extend(network.files.iter().map(|f| format!("network/{}", f.file)));
        }
        Ok(Outcome::Written { files: lines })
    }
}

/// A keystore's final place is no stick: bare key files on a medium are an exception that people sign.
fn final_place(path: &str, medium: Option<&Medium>) -> Result<(), Refused> {
    match medium {
        Some(medium) if medium.removable == Some(true) => Err(refused(
            "keystore-on-removable-medium",
            format!(
                "{path} lies on {}, a removable medium, which is no keystore's final place.",
                medium.source
            ),
            "Give the node's own disk, or choose the medium as target: an exception that two people sign.",
        )),
        _ => Ok(()),
    }
}

/// Keys that belong in a token, and are not written anywhere else.
fn left_out(bundle: &Bundle) -> Vec<String> {
    let token_keys = bundle.keys.iter().filter(|key| is_token_key(&key.key_type));
    token_keys
        .map(|key| format!("left out: {}, which belongs in a token", key.key_type))
        .collect()
}

fn delivery_of(bundle: &Bundle) -> Delivery {
    let copy = |bytes: &SecretBytes| SecretBytes::new(bytes.expose().to_vec());
    Delivery {
        purpose: Purpose::ToHost,
        rehearsal: bundle.rehearsal,
        network: bundle.network.clone(),
        node: bundle.node.clone(),
        created: dates::rfc3339(now()),
        keystore_password: bundle.keystore_password,
        keys: bundle
            .keys
            .iter()
            .filter(|key| !is_token_key(&key.key_type))
            .map(|key| BundleKey {
                key_type: key.key_type.clone(),
                scheme: key.scheme.clone(),
                public: key.public.clone(),
                secret: copy(&key.secret),
                source: key.source.clone(),
            })
            .collect(),
        files: bundle
            .files
            .iter()
            .map(|file| BundleFile {
                path: file.path,
                content: copy(&file.content),
            })
            .collect(),
    }
}

fn parse_owner(text: &str) -> Result<Option<Owner>, Refused> {
    if text.trim().is_empty() {
        return Ok(None);
    }
    let owner = text.trim().split_once(':').and_then(|(uid, gid)| {
        Some(Owner {
            uid: uid.parse().ok()?,
            gid: gid.parse().ok()?,
        })
    });
    owner.map(Some).ok_or_else(|| {
        refused(
            "owner-not-understood",
            format!("`{text}` is not uid:gid in digits."),
            "Type e.g. 1000:1000, or leave it empty.",
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stick_is_no_final_place() {
        let mut medium = Medium {
            path: "/media/stick".into(),
            device: 1,
            block: Some("8:17".into()),
            disks: vec!["sdb".into()],
            id: None,
            fs_type: "vfat".into(),
            mount_point: "/media/stick".into(),
            source: "/dev/sdb1".into(),
            free: 1,
            removable: Some(true),
            read_only: false,
        };
        let refused = final_place("/media/stick/keystore", Some(&medium)).unwrap_err();
        assert_eq!(refused.name, "keystore-on-removable-medium");
        assert_eq!(
            refused.what,
            "/media/stick/keystore lies on /dev/sdb1, a removable medium, which is no keystore's final place."
        );
        for said in [Some(false), None] {
            medium.removable = said;
            assert!(final_place("/x", Some(&medium)).is_ok());
        }
        assert!(final_place("/x", None).is_ok());
    }
}
