//! Keys into a token: written, listed back, and a challenge signed and verified out here.

use super::driver::Driver;
use crate::ceremony::event::{Outcome, Refused};
use crate::files::{from_error, refused};
use crate::hsm::client::Client;
use crate::hsm::fault::HsmFault;
use crate::hsm::message::No;
use crate::hsm::{Class, NewObject, ObjectInfo, Parts};
use crate::secret::SecretBytes;
use crate::vault::bundle::Bundle;
use crate::vault::token::{TokenFault, WrapKeys, challenge, new_file, new_object};

/// What is written, and what is needed to see that it is what was written.
struct Planned {
    object: NewObject,
    spoken: String,
    /// The public key as SubjectPublicKeyInfo; empty for secrets and data.
    spki: Vec<u8>,
    /// The value of secrets and data.
    value: Option<SecretBytes>,
}

fn planned(bundle: &Bundle, extractable: bool) -> Result<Vec<Planned>, TokenFault> {
    let copy = |parts: &Parts| match parts {
        Parts::Secret(own) | Parts::Data(own) => Some(SecretBytes::new(own.expose().to_vec())),
        _ => None,
    };
    let mut all = vec![];
    for key in &bundle.keys {
        let (object, spki) = new_object(key, extractable)?;
        all.push(Planned {
            spoken: format!("{} as {}", key.key_type, what(&object)),
            value: copy(&object.parts),
            spki,
            object,
        });
    }
    for file in &bundle.files {
        let object = new_file(file);
        all.push(Planned {
            spoken: format!("{} as {}", file.path.as_str(), what(&object)),
            value: copy(&object.parts),
            spki: vec![],
            object,
        });
    }
    Ok(all)
}

fn what(object: &NewObject) -> &'static str {
    match object.parts {
        Parts::EcP256(_) => "EC P-256 key",
        Parts::Ed25519(_) => "Ed25519 key",
        Parts::Rsa { .. } => "RSA key",
        Parts::Secret(_) => "generic secret",
        Parts::Data(_) => "data object",
    }
}

impl Driver {
    pub(super) fn write_token(
        &mut self,
        uri: &str,
        extractable: bool,
        dry: bool,
    ) -> Result<Outcome, Refused> {
        let opened = self.opened_keys()?;
        let all = planned(&opened.bundle, extractable).map_err(|fault| from_error(&fault))?;
        let (mut client, token) = self.token_session(uri, true)?;
        if dry {
            let mut lines = vec![format!("token {}, serial {}", token.label, token.serial)];
            lines.extend(all.iter().map(|one| one.spoken.clone()));
            let leave = if extractable {
                "may be exported again"
            } else {
                "may not be exported again"
            };
            lines.push(format!("keys: sensitive, {leave}; nothing is overwritten"));
            return Ok(Outcome::Plan { lines });
        }
        let wrap = WrapKeys::fresh().map_err(|fault| from_error(&fault))?;
        match client.use_aes(wrap.aes_key()) {
            Ok(()) => {}
            // It is needed only where a token takes keys in no other way.
            Err(fault) if fault.no() == Some(No::NotOffered) => {}
            Err(fault) => return Err(from_error(&fault)),
        }
        let mut made = vec![];
        let mut lines = vec![format!("token {}, serial {}", token.label, token.serial)];
        for one in all {
            match write(&mut client, one, &mut made) {
                Ok(line) => lines.push(line),
                Err(why) => return Err(undone(&mut client, &made, why)),
            }
        }
        drop(client);
        self.slots.token_pin = None;
        Ok(Outcome::Written { files: lines })
    }
}

/// Takes out of the token again what this writing put there.
fn undone(client: &mut Client, made: &[u64], why: Refused) -> Refused {
    let left = made
        .iter()
        .filter(|handle| client.destroy(**handle).is_err())
        .count();
    let what = match (made.len(), left) {
        (0, _) => why.what,
        (_, 0) => format!(
            "{} What was written before was taken out of the token again.",
            why.what
        ),
        (_, left) => format!(
            "{} {left} objects that were written before may still be in the token.",
            why.what
        ),
    };
    Refused { what, ..why }
}

fn write(client: &mut Client, one: Planned, made: &mut Vec<u64>) -> Result<String, Refused> {
    let Planned {
        object,
        spoken,
        spki,
        value,
    } = one;
    let may_sign = object.usage.sign;
    let (label, id, extractable) = (object.label.clone(), object.id.clone(), object.extractable);
    let of = |fault: HsmFault| {
        let own = from_error(&fault);
        Refused {
            what: format!("{spoken}: {}", own.what),
            ..own
        }
    };
    let info = client.create(object).map_err(of)?;
    made.push(info.handle);
    let differs = |what: &str| {
        refused(
            "hsm-written-differs",
            format!("{spoken}: {what}."),
            "Don't trust this token or its module; take another one.",
        )
    };
    if !spki.is_empty() && info.spki.as_deref() != Some(spki.as_slice()) {
        return Err(differs(
            "the token lists another public key than the one that was written",
        ));
    }
    if (&info.label, &info.id) != (&label, &id) {
        return Err(differs("the token lists it under another label or id"));
    }
    if info.class != Class::Data
        && (info.sensitive, info.extractable) != (Some(true), Some(extractable))
    {
        return Err(differs(
            "the token does not keep it as sensitive, or not as exportable as the script has it",
        ));
    }
    let proof = if info.class == Class::Data {
        let read = client.read(info.handle).map_err(of)?;
        if !value
            .as_ref()
            .is_some_and(|own| same_data(&read, own.expose()))
        {
            return Err(differs("it reads back as other bytes than were written"));
        }
        "read back the same"
    } else if may_sign {
        match challenged(client, &info, &spki, value.as_ref()) {
            Ok(true) => "signed a challenge",
            Ok(false) => return Err(differs("its signature of a challenge does not verify")),
            Err(fault) if fault.no() == Some(No::NotOffered) && !spki.is_empty() => {
                "public key read back; NOT PROVEN: this token signs in no way that is known here"
            }
            Err(fault) if fault.no() == Some(No::NotOffered) => {
                "NOT PROVEN: this token computes no HMAC"
            }
            Err(fault) => return Err(of(fault)),
        }
    } else if spki.is_empty() {
        "NOT PROVEN: it may not sign"
    } else {
        "public key read back; NOT PROVEN: it may not sign"
    };
    Ok(format!("{spoken}: {proof}"))
}

/// Whether what was read back is what was written.
fn same_data(parts: &Parts, value: &[u8]) -> bool {
    match parts {
        Parts::Data(own) | Parts::Secret(own) => own.same(value),
        _ => false,
    }
}

/// Whether the written key signs a fresh challenge so that it verifies out here.
fn challenged(
    client: &mut Client,
    info: &ObjectInfo,
    spki: &[u8],
    value: Option<&SecretBytes>,
) -> Result<bool, HsmFault> {
    let none = || HsmFault::Refused {
        doing: "sign a challenge",
        no: No::NotOffered,
        text: String::new(),
    };
    let with = challenge::sign_with(info.kind).ok_or_else(none)?;
    let mut fresh = [0; 32];
    getrandom::fill(&mut fresh).map_err(|_| none())?;
    let signature = client.sign(info.handle, with, challenge::to_sign(with, &fresh))?;
    Ok(challenge::verify(
        info.kind, spki, value, &fresh, &signature,
    ))
}
