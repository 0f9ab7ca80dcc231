//! The objects of a token, public side. Attributes are asked one by one: a module that doesn't know one then still tells
//! the others, and "sensitive" is told from "unknown".

use cryptoki::error::{Error, RvError};
use cryptoki::object::{
    Attribute, AttributeInfo, AttributeType, KeyType, ObjectClass, ObjectHandle,
};
use cryptoki::session::Session;

use super::Refusal;
use super::token::{Token, only};
use crate::hsm::frame::{cut, printable};
use crate::hsm::message::{MAX_LISTED, No};
use crate::hsm::{Class, Kind, ObjectInfo, Usage, spki};

/// The longest attribute that is read, bytes; the value of a data object is the longest.
const MAX_ATTRIBUTE: usize = 64 * 1024;

/// One attribute; `None` where the module doesn't tell it.
pub(super) fn one(
    session: &Session,
    object: ObjectHandle,
    wanted: AttributeType,
) -> Result<Option<Attribute>, Refusal> {
    let told = session
        .get_attribute_info(object, &[wanted])
        .map_err(only)?;
    match told.first() {
        Some(AttributeInfo::Available(length)) if *length <= MAX_ATTRIBUTE => {}
        Some(AttributeInfo::Available(length)) => {
            return Err(Refusal(
                No::Device,
                format!("C_GetAttributeValue: {length} bytes of {wanted}"),
            ));
        }
        _ => return Ok(None),
    }
    match session.get_attributes(object, &[wanted]) {
        Ok(found) => Ok(found.into_iter().next()),
        Err(Error::Pkcs11(RvError::AttributeTypeInvalid | RvError::AttributeSensitive, _)) => {
            Ok(None)
        }
        Err(error) => Err(only(error)),
    }
}

fn flag(
    session: &Session,
    object: ObjectHandle,
    wanted: AttributeType,
) -> Result<Option<bool>, Refusal> {
    Ok(match one(session, object, wanted)? {
        Some(
            Attribute::Sensitive(yes)
            | Attribute::Extractable(yes)
            | Attribute::NeverExtractable(yes)
            | Attribute::WrapWithTrusted(yes)
            | Attribute::Local(yes)
            | Attribute::Sign(yes)
            | Attribute::Decrypt(yes)
            | Attribute::Unwrap(yes)
            | Attribute::Derive(yes),
        ) => Some(yes),
        _ => None,
    })
}

pub(super) fn bytes(
    session: &Session,
    object: ObjectHandle,
    wanted: AttributeType,
) -> Result<Option<Vec<u8>>, Refusal> {
    Ok(match one(session, object, wanted)? {
        Some(
            Attribute::Label(own)
            | Attribute::Id(own)
            | Attribute::Application(own)
            | Attribute::EcParams(own)
            | Attribute::EcPoint(own)
            | Attribute::Modulus(own)
            | Attribute::PublicExponent(own)
            | Attribute::PublicKeyInfo(own)
            | Attribute::Value(own)
            | Attribute::PrivateExponent(own)
            | Attribute::Prime1(own)
            | Attribute::Prime2(own)
            | Attribute::Exponent1(own)
            | Attribute::Exponent2(own)
            | Attribute::Coefficient(own),
        ) => Some(own),
        _ => None,
    })
}

fn text(session: &Session, object: ObjectHandle, wanted: AttributeType) -> Result<String, Refusal> {
    let own = bytes(session, object, wanted)?.unwrap_or_default();
    let own = String::from_utf8_lossy(&own);
    Ok(cut(&printable(own.trim_end_matches('\0')), 255))
}

impl Token {
    /// Private keys, secret keys and data objects.
    pub(super) fn list(&mut self) -> Result<Vec<ObjectInfo>, Refusal> {
        let session = self.session()?;
        let mut found = vec![];
        for class in [
            ObjectClass::PRIVATE_KEY,
            ObjectClass::SECRET_KEY,
            ObjectClass::DATA,
        ] {
            let template = [Attribute::Token(true), Attribute::Class(class)];
            for handle in session.iter_objects(&template).map_err(only)? {
                if found.len() as u64 >= MAX_LISTED {
                    return Err(Refusal(
                        No::Device,
                        format!("C_FindObjects: more than {MAX_LISTED} objects"),
                    ));
                }
                found.push((handle.map_err(only)?, class));
            }
        }
        let mut listed = vec![];
        for (handle, class) in found {
            listed.push((handle, describe(session, handle, class)?));
        }
        let infos = listed
            .iter()
            .map(|(_, info): &(_, ObjectInfo)| info.clone())
            .collect();
        self.listed = listed;
        Ok(infos)
    }
}

/// One object as it is now.
pub(super) fn describe(
    session: &Session,
    object: ObjectHandle,
    class: ObjectClass,
) -> Result<ObjectInfo, Refusal> {
    let label = text(session, object, AttributeType::Label)?;
    if class == ObjectClass::DATA {
        let size = session
            .get_attribute_info(object, &[AttributeType::Value])
            .map_err(only)?;
        return Ok(ObjectInfo {
            handle: object.handle(),
            class: Class::Data,
            kind: Kind::Data,
            label,
            id: vec![],
            application: text(session, object, AttributeType::Application)?,
            size: match size.first() {
                Some(AttributeInfo::Available(length)) => *length as u64,
                _ => 0,
            },
            spki: None,
            sensitive: Some(false),
            extractable: None,
            never_extractable: None,
            wrap_with_trusted: None,
            local: None,
            usage: Usage::default(),
        });
    }
    let mut id = bytes(session, object, AttributeType::Id)?.unwrap_or_default();
    id.truncate(255);
    let key_type = match one(session, object, AttributeType::KeyType)? {
        Some(Attribute::KeyType(own)) => Some(own),
        _ => None,
    };
    let public = if class == ObjectClass::PRIVATE_KEY {
        public_of(session, &id, &label, key_type)?
    } else {
        None
    };
    let (kind, size) = kind_of(session, object, public, key_type)?;
    let is = |wanted| flag(session, object, wanted);
    Ok(ObjectInfo {
        handle: object.handle(),
        class: if class == ObjectClass::PRIVATE_KEY {
            Class::Private
        } else {
            Class::Secret
        },
        kind,
        label,
        spki: spki_of(session, object, public, kind)?,
        id,
        application: String::new(),
        size,
        sensitive: is(AttributeType::Sensitive)?,
        extractable: is(AttributeType::Extractable)?,
        never_extractable: is(AttributeType::NeverExtractable)?,
        wrap_with_trusted: is(AttributeType::WrapWithTrusted)?,
        local: is(AttributeType::Local)?,
        usage: Usage {
            sign: is(AttributeType::Sign)?.unwrap_or(false),
            decrypt: is(AttributeType::Decrypt)?.unwrap_or(false),
            unwrap: is(AttributeType::Unwrap)?.unwrap_or(false),
            derive: is(AttributeType::Derive)?.unwrap_or(false),
        },
    })
}

/// The public key object beside a private key: of its type, with its id, or its label where it has no id.
fn public_of(
    session: &Session,
    id: &[u8],
    label: &str,
    key_type: Option<KeyType>,
) -> Result<Option<ObjectHandle>, Refusal> {
    let (Some(key_type), false) = (key_type, id.is_empty() && label.is_empty()) else {
        return Ok(None);
    };
    let template = [
        Attribute::Token(true),
        Attribute::Class(ObjectClass::PUBLIC_KEY),
        Attribute::KeyType(key_type),
        if id.is_empty() {
            Attribute::Label(label.as_bytes().to_vec())
        } else {
            Attribute::Id(id.to_vec())
        },
    ];
    let mut found = session.iter_objects(&template).map_err(only)?;
    match (found.next().transpose().map_err(only)?, found.next()) {
        (first, None) => Ok(first),
        // Two public keys under one id and type: neither tells what the private key's is.
        _ => Ok(None),
    }
}

fn kind_of(
    session: &Session,
    object: ObjectHandle,
    public: Option<ObjectHandle>,
    key_type: Option<KeyType>,
) -> Result<(Kind, u64), Refusal> {
    let Some(key_type) = key_type else {
        return Ok((Kind::Other(u64::MAX), 0));
    };
    let either = |wanted| -> Result<Option<Vec<u8>>, Refusal> {
        match (bytes(session, object, wanted)?, public) {
            (Some(own), _) => Ok(Some(own)),
            (None, Some(public)) => bytes(session, public, wanted),
            (None, None) => Ok(None),
        }
    };
    Ok(match key_type {
        KeyType::RSA => {
            let n = either(AttributeType::Modulus)?.unwrap_or_default();
            (Kind::Rsa, spki::bits(&n))
        }
        KeyType::EC => match either(AttributeType::EcParams)? {
            Some(params) if params == spki::P256_PARAMS => (Kind::EcP256, 0),
            _ => (Kind::Other(*key_type), 0),
        },
        KeyType::EC_EDWARDS => match either(AttributeType::EcParams)? {
            Some(params) if spki::is_ed25519(&params) => (Kind::Ed25519, 0),
            _ => (Kind::Other(*key_type), 0),
        },
        KeyType::GENERIC_SECRET => match one(session, object, AttributeType::ValueLen)? {
            Some(Attribute::ValueLen(length)) => (Kind::Generic, *length),
            _ => (Kind::Generic, 0),
        },
        other => (Kind::Other(*other), 0),
    })
}

fn spki_of(
    session: &Session,
    object: ObjectHandle,
    public: Option<ObjectHandle>,
    kind: Kind,
) -> Result<Option<Vec<u8>>, Refusal> {
    if !matches!(kind, Kind::EcP256 | Kind::Rsa | Kind::Ed25519) {
        return Ok(None);
    }
    // The public key object first; a private key's own attributes are the second best.
    for place in [public, Some(object)].into_iter().flatten() {
        let found = match kind {
            Kind::Rsa => {
                let n = bytes(session, place, AttributeType::Modulus)?;
                let e = bytes(session, place, AttributeType::PublicExponent)?;
                n.zip(e).and_then(|(n, e)| spki::rsa(&n, &e))
            }
            Kind::EcP256 => {
                bytes(session, place, AttributeType::EcPoint)?.and_then(|p| spki::p256(&p))
            }
            _ => bytes(session, place, AttributeType::EcPoint)?.and_then(|p| spki::ed25519(&p)),
        };
        if found.is_some() {
            return Ok(found);
        }
    }
    let told = bytes(session, object, AttributeType::PublicKeyInfo)?;
    Ok(told.filter(|der| !der.is_empty() && der.len() <= 2048))
}
