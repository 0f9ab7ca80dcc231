//! Keys on their way in: created, or unwrapped where the token takes keys in no other way; then listed back.

use aes_kw::KekAes256;
use cryptoki::mechanism::Mechanism;
use cryptoki::object::{Attribute, KeyType, ObjectClass, ObjectHandle};
use zeroize::Zeroizing;

use super::listing::describe;
use super::token::{Token, one_way, only};
use super::{Refusal, raw};
use crate::hsm::message::{No, Reply};
use crate::hsm::{NewObject, ObjectInfo, Parts, spki};

impl Token {
    pub(super) fn create(&mut self, object: &NewObject) -> Result<ObjectInfo, Refusal> {
        let class = class_of(&object.parts);
        self.must_be_new(object, class)?;
        let mut made = vec![];
        let listed = self.create_all(object, class, &mut made);
        match listed {
            Ok((handle, info)) => {
                self.listed.retain(|(_, own)| own.handle != info.handle);
                self.listed.push((handle, info.clone()));
                self.made.push((info.handle, made));
                Ok(info)
            }
            Err(Refusal(no, text)) => {
                // All of it or nothing: half a key pair would be in the way of the next try.
                let session = self.session()?;
                let left = made
                    .into_iter()
                    .filter(|own| session.destroy_object(*own).is_err())
                    .count();
                let text = if left == 0 {
                    text
                } else {
                    format!("{text}; half of it was left in the token")
                };
                Err(Refusal(no, text))
            }
        }
    }

    fn must_be_new(&self, object: &NewObject, class: ObjectClass) -> Result<(), Refusal> {
        let mut template = vec![
            Attribute::Token(true),
            Attribute::Class(class),
            label(object),
        ];
        if !object.id.is_empty() {
            template.push(Attribute::Id(object.id.clone()));
        }
        let session = self.session()?;
        let mut found = session.find_objects(&template).map_err(only)?;
        if class == ObjectClass::PRIVATE_KEY && !object.id.is_empty() {
            // A public key under this id would stand beside ours, and neither would tell what the private key's is.
            let public = [
                Attribute::Token(true),
                Attribute::Class(ObjectClass::PUBLIC_KEY),
                Attribute::Id(object.id.clone()),
            ];
            found.extend(session.find_objects(&public).map_err(only)?);
        }
        match found.first() {
            Some(_) => Err(Refusal(No::Exists, "C_FindObjects".into())),
            None => Ok(()),
        }
    }

    fn create_all(
        &self,
        object: &NewObject,
        class: ObjectClass,
        made: &mut Vec<ObjectHandle>,
    ) -> Result<(ObjectHandle, ObjectInfo), Refusal> {
        let session = self.session()?;
        let mut handle = Err(Refusal(No::NotOffered, String::new()));
        for told in [Told::Everything, Told::OnlyWanted] {
            let common = common(object, class, told);
            let whole: Vec<Attribute> =
                common.iter().cloned().chain(value(&object.parts)).collect();
            handle = session.create_object(&whole).map_err(one_way);
            if let Err(Refusal(No::NotOffered, why)) = &handle
                && class != ObjectClass::DATA
            {
                handle = self.unwrap(object, &common, why.clone());
            }
            if !matches!(handle, Err(Refusal(No::NotOffered, _))) {
                break;
            }
        }
        let handle = handle?;
        made.push(handle);
        if let Some(public) = public(object) {
            made.push(session.create_object(&public).map_err(only)?);
        }
        Ok((handle, describe(session, handle, class)?))
    }

    /// The ways in which modules take wrapped keys, until one does. `why` is why creating failed.
    fn unwrap(
        &self,
        object: &NewObject,
        common: &[Attribute],
        why: String,
    ) -> Result<ObjectHandle, Refusal> {
        let Some((under, key)) = &self.aes else {
            return Err(Refusal(No::NotOffered, why));
        };
        let session = self.session()?;
        let kek = KekAes256::try_from(key.expose())
            .map_err(|_| Refusal(No::Device, "the wrapping key".into()))?;
        let plain = object.wrapped_form.expose();
        let whole = plain.len().next_multiple_of(8);
        let filled = |byte: u8, length: usize| {
            let mut own = Zeroizing::new(plain.to_vec());
            own.resize(length, byte);
            own
        };
        // PKCS#7 padding inside RFC 3394 is what NSS means by AES-KEY-WRAP-PAD; zeros are what SoftHSM makes and takes.
        let pkcs7 = (plain.len() / 8 + 1) * 8;
        let pad = u8::try_from(pkcs7 - plain.len()).unwrap_or(8);
        let padded = kek.wrap_with_padding_vec(plain).ok();
        let ways = [
            (Mechanism::AesKeyWrapPad, padded.clone()),
            (raw::kwp(), padded),
            (
                Mechanism::AesKeyWrapPad,
                kek.wrap_vec(&filled(pad, pkcs7)).ok(),
            ),
            (Mechanism::AesKeyWrap, kek.wrap_vec(&filled(0, whole)).ok()),
        ];
        for (mechanism, blob) in ways {
            let Some(blob) = blob else { continue };
            match session
                .unwrap_key(&mechanism, *under, &blob, common)
                .map_err(one_way)
            {
                Ok(handle) => return Ok(handle),
                Err(Refusal(No::NotOffered, _)) => {}
                Err(refusal) => return Err(refusal),
            }
        }
        Err(Refusal(No::NotOffered, why))
    }

    /// Takes an object out again that was written in this session, with the public key that was written beside it.
    pub(super) fn destroy(&mut self, handle: u64) -> Result<Reply, Refusal> {
        let at = self.made.iter().position(|(own, _)| *own == handle);
        let at = at.ok_or_else(|| Refusal(No::Device, "not written in this session".into()))?;
        let (_, objects) = self.made.swap_remove(at);
        for object in objects {
            self.session()?.destroy_object(object).map_err(only)?;
        }
        Ok(Reply::Done)
    }
}

fn class_of(parts: &Parts) -> ObjectClass {
    match parts {
        Parts::EcP256(_) | Parts::Ed25519(_) | Parts::Rsa { .. } => ObjectClass::PRIVATE_KEY,
        Parts::Secret(_) => ObjectClass::SECRET_KEY,
        Parts::Data(_) => ObjectClass::DATA,
    }
}

fn label(object: &NewObject) -> Attribute {
    Attribute::Label(object.label.clone().into_bytes())
}

fn key_type(parts: &Parts) -> Option<KeyType> {
    match parts {
        Parts::EcP256(_) => Some(KeyType::EC),
        Parts::Ed25519(_) => Some(KeyType::EC_EDWARDS),
        Parts::Rsa { .. } => Some(KeyType::RSA),
        Parts::Secret(_) => Some(KeyType::GENERIC_SECRET),
        Parts::Data(_) => None,
    }
}

/// Which uses of a key are told to the token. What isn't told is up to it, and SoftHSM then allows everything; but a module
/// may refuse an attribute that a kind of key can't have, even as "no".
#[derive(Clone, Copy, PartialEq, Eq)]
enum Told {
    Everything,
    OnlyWanted,
}

/// Everything but the secret itself.
fn common(object: &NewObject, class: ObjectClass, told: Told) -> Vec<Attribute> {
    let mut all = vec![
        Attribute::Class(class),
        Attribute::Token(true),
        Attribute::Private(true),
        label(object),
    ];
    let Some(key_type) = key_type(&object.parts) else {
        all.push(Attribute::Application(
            object.application.clone().into_bytes(),
        ));
        return all;
    };
    all.extend([
        Attribute::KeyType(key_type),
        Attribute::Id(object.id.clone()),
        Attribute::Sensitive(true),
        Attribute::Extractable(object.extractable),
        Attribute::Sign(object.usage.sign),
    ]);
    let usage = object.usage;
    let mut uses = vec![
        (usage.decrypt, Attribute::Decrypt(usage.decrypt)),
        (usage.unwrap, Attribute::Unwrap(usage.unwrap)),
        (usage.derive, Attribute::Derive(usage.derive)),
    ];
    // A private key encrypts, wraps and verifies nothing: PKCS#11 has no such attributes of it.
    if class == ObjectClass::SECRET_KEY {
        uses.extend([
            (usage.sign, Attribute::Verify(usage.sign)),
            (false, Attribute::Encrypt(false)),
            (false, Attribute::Wrap(false)),
        ]);
    }
    uses.retain(|(wanted, _)| told == Told::Everything || *wanted);
    all.extend(uses.into_iter().map(|(_, attribute)| attribute));
    all
}

fn value(parts: &Parts) -> Vec<Attribute> {
    match parts {
        Parts::EcP256(own) => vec![
            Attribute::EcParams(spki::P256_PARAMS.to_vec()),
            Attribute::Value(own.expose().to_vec()),
        ],
        Parts::Ed25519(own) => vec![
            Attribute::EcParams(spki::ED25519_NAME.to_vec()),
            Attribute::Value(own.expose().to_vec()),
        ],
        Parts::Rsa {
            n,
            e,
            d,
            p,
            q,
            dp,
            dq,
            qi,
        } => vec![
            Attribute::Modulus(n.expose().to_vec()),
            Attribute::PublicExponent(e.expose().to_vec()),
            Attribute::PrivateExponent(d.expose().to_vec()),
            Attribute::Prime1(p.expose().to_vec()),
            Attribute::Prime2(q.expose().to_vec()),
            Attribute::Exponent1(dp.expose().to_vec()),
            Attribute::Exponent2(dq.expose().to_vec()),
            Attribute::Coefficient(qi.expose().to_vec()),
        ],
        Parts::Secret(own) | Parts::Data(own) => vec![Attribute::Value(own.expose().to_vec())],
    }
}

/// The public key object beside a private key.
fn public(object: &NewObject) -> Option<Vec<Attribute>> {
    let mut all = vec![
        Attribute::Class(ObjectClass::PUBLIC_KEY),
        Attribute::KeyType(key_type(&object.parts)?),
        Attribute::Token(true),
        Attribute::Private(false),
        label(object),
        Attribute::Id(object.id.clone()),
        Attribute::Verify(object.usage.sign),
        Attribute::Encrypt(object.usage.decrypt),
        Attribute::Wrap(object.usage.unwrap),
    ];
    match &object.parts {
        Parts::EcP256(_) => all.extend([
            Attribute::EcParams(spki::P256_PARAMS.to_vec()),
            Attribute::EcPoint(spki::octet_string(&object.point)),
        ]),
        Parts::Ed25519(_) => all.extend([
            Attribute::EcParams(spki::ED25519_NAME.to_vec()),
            Attribute::EcPoint(spki::octet_string(&object.point)),
        ]),
        Parts::Rsa { n, e, .. } => all.extend([
            Attribute::Modulus(n.expose().to_vec()),
            Attribute::PublicExponent(e.expose().to_vec()),
        ]),
        Parts::Secret(_) | Parts::Data(_) => return None,
    }
    Some(all)
}
