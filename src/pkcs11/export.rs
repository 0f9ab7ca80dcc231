//! Keys on their way out: wrapped under a key of the ceremony, or read where they are not sensitive.

use cryptoki::mechanism::aead::GcmParams;
use cryptoki::mechanism::rsa::{PkcsMgfType, PkcsOaepParams, PkcsOaepSource};
use cryptoki::mechanism::{Mechanism, MechanismType};
use cryptoki::object::{Attribute, AttributeType, KeyType, ObjectClass};
use cryptoki::types::Ulong;

use super::listing::{bytes, describe};
use super::token::{Token, one_way, only};
use super::{Refusal, raw};
use crate::hsm::message::{No, Reply};
use crate::hsm::{Class, Kind, Method, ObjectInfo, Parts};
use crate::secret::SecretBytes;

impl Token {
    pub(super) fn use_aes(&mut self, key: SecretBytes) -> Result<Reply, Refusal> {
        let template = [
            Attribute::Class(ObjectClass::SECRET_KEY),
            Attribute::KeyType(KeyType::AES),
            Attribute::Token(false),
            Attribute::Sensitive(true),
            Attribute::Extractable(false),
            Attribute::Wrap(true),
            Attribute::Unwrap(true),
            Attribute::Value(key.expose().to_vec()),
        ];
        let handle = self.session()?.create_object(&template).map_err(one_way)?;
        self.aes = Some((handle, key));
        Ok(Reply::Done)
    }

    pub(super) fn use_rsa(&mut self, n: Vec<u8>, e: Vec<u8>) -> Result<Reply, Refusal> {
        let template = [
            Attribute::Class(ObjectClass::PUBLIC_KEY),
            Attribute::KeyType(KeyType::RSA),
            Attribute::Token(false),
            Attribute::Wrap(true),
            Attribute::Modulus(n),
            Attribute::PublicExponent(e),
        ];
        self.rsa = Some(self.session()?.create_object(&template).map_err(one_way)?);
        Ok(Reply::Done)
    }

    /// The object as it is at this moment: what was listed a while ago may not hold any more.
    fn fresh(&self, handle: u64) -> Result<(cryptoki::object::ObjectHandle, ObjectInfo), Refusal> {
        let (object, listed) = self.object(handle)?;
        let class = match listed.class {
            Class::Private => ObjectClass::PRIVATE_KEY,
            Class::Secret => ObjectClass::SECRET_KEY,
            Class::Data => ObjectClass::DATA,
        };
        let now = describe(self.session()?, object, class)?;
        if &now != listed {
            return Err(Refusal(
                No::Device,
                "C_GetAttributeValue: other attributes than a moment ago".into(),
            ));
        }
        if let Some(no) = now.stays() {
            return Err(Refusal(no, "CKA_EXTRACTABLE".into()));
        }
        Ok((object, now))
    }

    pub(super) fn wrap(
        &self,
        handle: u64,
        method: Method,
        mut iv: [u8; 12],
    ) -> Result<Reply, Refusal> {
        let (object, _) = self.fresh(handle)?;
        let session = self.session()?;
        let none = || Refusal(No::NotOffered, "no wrapping key".into());
        let oaep = |hash, mgf| {
            Mechanism::RsaPkcsOaep(PkcsOaepParams::new(hash, mgf, PkcsOaepSource::empty()))
        };
        let under = if method.is_rsa() {
            self.rsa
        } else {
            self.aes.as_ref().map(|(handle, _)| *handle)
        };
        let under = under.ok_or_else(none)?;
        let blob = match method {
            Method::AesGcm => {
                let params = GcmParams::new(&mut iv, &[], Ulong::new(128)).map_err(only)?;
                session.wrap_key(&Mechanism::AesGcm(params), under, object)
            }
            Method::AesKeyWrapPad => session.wrap_key(&Mechanism::AesKeyWrapPad, under, object),
            Method::AesKeyWrapKwp => session.wrap_key(&raw::kwp(), under, object),
            Method::AesKeyWrap => session.wrap_key(&Mechanism::AesKeyWrap, under, object),
            Method::OaepSha256 => session.wrap_key(
                &oaep(MechanismType::SHA256, PkcsMgfType::MGF1_SHA256),
                under,
                object,
            ),
            Method::OaepSha1 => session.wrap_key(
                &oaep(MechanismType::SHA1, PkcsMgfType::MGF1_SHA1),
                under,
                object,
            ),
        }
        .map_err(one_way)?;
        Ok(Reply::Wrapped { iv, blob })
    }

    pub(super) fn read(&self, handle: u64) -> Result<Parts, Refusal> {
        let (object, info) = self.fresh(handle)?;
        if info.sensitive != Some(false) {
            return Err(Refusal(No::Sensitive, "CKA_SENSITIVE".into()));
        }
        let session = self.session()?;
        let part = |wanted: AttributeType| -> Result<SecretBytes, Refusal> {
            let own = bytes(session, object, wanted)?.map(SecretBytes::new);
            own.ok_or_else(|| Refusal(No::Sensitive, format!("C_GetAttributeValue: {wanted}")))
        };
        Ok(match info.kind {
            Kind::EcP256 => Parts::EcP256(part(AttributeType::Value)?),
            Kind::Ed25519 => Parts::Ed25519(part(AttributeType::Value)?),
            Kind::Rsa => Parts::Rsa {
                n: part(AttributeType::Modulus)?,
                e: part(AttributeType::PublicExponent)?,
                d: part(AttributeType::PrivateExponent)?,
                p: part(AttributeType::Prime1)?,
                q: part(AttributeType::Prime2)?,
                dp: part(AttributeType::Exponent1)?,
                dq: part(AttributeType::Exponent2)?,
                qi: part(AttributeType::Coefficient)?,
            },
            Kind::Generic => Parts::Secret(part(AttributeType::Value)?),
            Kind::Data => Parts::Data(part(AttributeType::Value)?),
            Kind::Other(_) => return Err(Refusal(No::NotOffered, "CKA_KEY_TYPE".into())),
        })
    }
}
