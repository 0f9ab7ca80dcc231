//! PKCS#11 URIs (RFC 7512), by which scripts and device files name tokens, and a bundle says where a key came from.
//!
//! Read strictly: each attribute once, known attributes alone, percent-encoding whole. `pin-value` and `pin-source` are
//! refused: a PIN is typed, never written down.

use std::fmt::Write;

use super::frame::printable;
use super::{Class, ObjectInfo, TokenInfo};
use crate::refusal::Refuse;

const MAX_URI: usize = 1024;

/// Why a text is no URI that we take.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum UriError {
    /// It isn't a PKCS#11 URI.
    #[error("`{0}` is not a PKCS#11 URI.")]
    Form(String),
    /// An attribute is unknown, stands twice, or at the wrong place.
    #[error("A PKCS#11 URI can't have `{0}` here.")]
    Attribute(String),
    /// It holds a PIN, or says where one lies.
    #[error("The PKCS#11 URI names a PIN.")]
    Pin,
}

impl Refuse for UriError {
    fn name(&self) -> &'static str {
        match self {
            Self::Form(_) | Self::Attribute(_) => "pkcs11-uri-malformed",
            Self::Pin => "pkcs11-uri-with-pin",
        }
    }

    fn way_on(&self) -> &'static str {
        match self {
            Self::Form(_) | Self::Attribute(_) => {
                "Write it as RFC 7512 says, e.g. pkcs11:token=validator;serial=1234?module-name=softhsm2."
            }
            Self::Pin => {
                "Take `pin-value` and `pin-source` out of it, and change that PIN: a PIN is typed, never written down."
            }
        }
    }
}

/// What a URI says of a token and its module. Each is `None` where it says nothing.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TokenUri {
    /// `token`: the label.
    pub token: Option<String>,
    /// `manufacturer`.
    pub manufacturer: Option<String>,
    /// `model`.
    pub model: Option<String>,
    /// `serial`.
    pub serial: Option<String>,
    /// `slot-id`.
    pub slot: Option<u64>,
    /// `object`: an object's label.
    pub object: Option<String>,
    /// `id`: an object's id.
    pub id: Option<Vec<u8>>,
    /// `type`: `private`, `secret-key` or `data`.
    pub kind: Option<String>,
    /// `module-name`.
    pub module_name: Option<String>,
    /// `module-path`.
    pub module_path: Option<String>,
}

impl TokenUri {
    /// Reads a URI of at most 1024 bytes.
    ///
    /// # Errors
    /// [`UriError`].
    pub fn parse(text: &str) -> Result<Self, UriError> {
        // First of all, so that no other error quotes one.
        if text.contains("pin-value") || text.contains("pin-source") {
            return Err(UriError::Pin);
        }
        let form = || UriError::Form(printable(&text.chars().take(64).collect::<String>()));
        let rest = text
            .strip_prefix("pkcs11:")
            .filter(|_| text.len() <= MAX_URI)
            .ok_or_else(form)?;
        let (path, query) = rest.split_once('?').unwrap_or((rest, ""));
        let mut own = Self::default();
        let mut seen: Vec<&str> = vec![];
        let attributes = path
            .split(';')
            .map(|a| (a, true))
            .chain(query.split('&').map(|a| (a, false)));
        for (attribute, in_path) in attributes.filter(|(attribute, _)| !attribute.is_empty()) {
            let (name, value) = attribute.split_once('=').ok_or_else(form)?;
            let wrong = || UriError::Attribute(printable(name));
            if seen.contains(&name) {
                return Err(wrong());
            }
            seen.push(name);
            let bytes = decoded(value).ok_or_else(form)?;
            if (name, in_path) == ("id", true) {
                own.id = Some(bytes);
                continue;
            }
            let value = String::from_utf8(bytes).map_err(|_| form())?;
            if printable(&value) != value {
                return Err(form());
            }
            match (name, in_path) {
                ("token", true) => own.token = Some(value),
                ("manufacturer", true) => own.manufacturer = Some(value),
                ("model", true) => own.model = Some(value),
                ("serial", true) => own.serial = Some(value),
                ("slot-id", true) => own.slot = Some(value.parse().map_err(|_| wrong())?),
                ("object", true) => own.object = Some(value),
                ("type", true) => own.kind = Some(value),
                ("module-name", false) => own.module_name = Some(value),
                ("module-path", false) => own.module_path = Some(value),
                _ => return Err(wrong()),
            }
        }
        Ok(own)
    }

    /// The URI of a token, without a slot number: that changes when it is plugged in again.
    pub fn of_token(token: &TokenInfo) -> Self {
        let told = |text: &String| (!text.is_empty()).then(|| text.clone());
        Self {
            token: told(&token.label),
            manufacturer: told(&token.manufacturer),
            model: told(&token.model),
            serial: told(&token.serial),
            ..Self::default()
        }
    }

    /// The URI of an object in this token.
    pub fn of_object(&self, object: &ObjectInfo) -> Self {
        let kind = match object.class {
            Class::Private => "private",
            Class::Secret => "secret-key",
            Class::Data => "data",
        };
        Self {
            object: Some(object.label.clone()),
            id: (!object.id.is_empty()).then(|| object.id.clone()),
            kind: Some(kind.into()),
            module_name: None,
            module_path: None,
            ..self.clone()
        }
    }

    /// Whether a token is the one that is meant: it has everything that the URI says of it.
    pub fn fits(&self, token: &TokenInfo) -> bool {
        let same = |wanted: &Option<String>, own: &str| wanted.as_ref().is_none_or(|w| w == own);
        same(&self.token, &token.label)
            && same(&self.manufacturer, &token.manufacturer)
            && same(&self.model, &token.model)
            && same(&self.serial, &token.serial)
            && self.slot.is_none_or(|slot| slot == token.slot)
    }
}

impl std::fmt::Display for TokenUri {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("pkcs11:")?;
        let text = |own: &Option<String>| own.as_ref().map(|t| encoded(t.as_bytes()));
        let path = [
            ("model", text(&self.model)),
            ("manufacturer", text(&self.manufacturer)),
            ("serial", text(&self.serial)),
            ("token", text(&self.token)),
            ("slot-id", self.slot.map(|slot| slot.to_string())),
            ("id", self.id.as_ref().map(|id| every_byte(id))),
            ("object", text(&self.object)),
            ("type", text(&self.kind)),
        ];
        let query = [
            ("module-name", text(&self.module_name)),
            ("module-path", text(&self.module_path)),
        ];
        let mut first = true;
        for (name, value) in path {
            if let Some(value) = value {
                write!(f, "{}{name}={value}", if first { "" } else { ";" })?;
                first = false;
            }
        }
        let mut sign = '?';
        for (name, value) in query {
            if let Some(value) = value {
                write!(f, "{sign}{name}={value}")?;
                sign = '&';
            }
        }
        Ok(())
    }
}

/// Percent-encoding, undone; `None` where it is cut or holds what RFC 3986 doesn't allow.
fn decoded(text: &str) -> Option<Vec<u8>> {
    let mut out = Vec::with_capacity(text.len());
    let mut bytes = text.bytes();
    while let Some(byte) = bytes.next() {
        out.push(match byte {
            b'%' => {
                let digit = |b: u8| {
                    char::from(b)
                        .to_digit(16)
                        .and_then(|d| u8::try_from(d).ok())
                };
                digit(bytes.next()?)? << 4 | digit(bytes.next()?)?
            }
            b'!'..=b'~' => byte,
            _ => return None,
        });
    }
    Some(out)
}

fn encoded(bytes: &[u8]) -> String {
    let mut out = String::new();
    for byte in bytes {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(byte) {
            out.push(char::from(*byte));
        } else {
            let _ = write!(out, "%{byte:02X}");
        }
    }
    out
}

fn every_byte(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut out, byte| {
        let _ = write!(out, "%{byte:02X}");
        out
    })
}

#[cfg(test)]
mod tests {
    use super::super::PinState;
    use super::*;

    fn token(label: &str, serial: &str) -> TokenInfo {
        TokenInfo {
            slot: 5,
            label: label.into(),
            manufacturer: "Snake Oil, Inc.".into(),
            model: "1.0".into(),
            serial: serial.into(),
            firmware: String::new(),
            initialized: true,
            pin_pad: false,
            write_protected: false,
            pin: PinState::Good,
        }
    }

    #[test]
    fn uris_of_the_rfc_are_read() {
        let text = "pkcs11:token=The%20Software%20PKCS%2311%20Softtoken;manufacturer=Snake%20Oil,%20Inc.;model=1.0;object=my-certificate;type=cert;id=%69%95%3E%5C%F4%BD%EC%91;serial=?module-name=softhsm2";
        let uri = TokenUri::parse(text).unwrap();
        assert_eq!(uri.token.as_deref(), Some("The Software PKCS#11 Softtoken"));
        assert_eq!(uri.manufacturer.as_deref(), Some("Snake Oil, Inc."));
        assert_eq!(
            uri.id.as_deref(),
            Some(&[0x69, 0x95, 0x3e, 0x5c, 0xf4, 0xbd, 0xec, 0x91][..])
        );
        assert_eq!(uri.serial.as_deref(), Some(""));
        assert_eq!(uri.module_name.as_deref(), Some("softhsm2"));
        assert_eq!(TokenUri::parse("pkcs11:"), Ok(TokenUri::default()));
        assert_eq!(TokenUri::parse(&uri.to_string()), Ok(uri));
    }

    #[test]
    fn what_is_no_uri_is_refused_by_name() {
        let form = [
            "",
            "pkcs11",
            "http://x",
            "pkcs11:token",
            "pkcs11:token=%2",
            "pkcs11:token=%zz",
            "pkcs11:token=a b",
            "pkcs11:token=%0A",
            "pkcs11:token=%ff",
        ];
        for text in form {
            assert_eq!(
                TokenUri::parse(text).unwrap_err().name(),
                "pkcs11-uri-malformed",
                "{text}"
            );
        }
        let long = format!("pkcs11:token={}", "a".repeat(MAX_URI));
        assert!(TokenUri::parse(&long).is_err());
        for text in [
            "pkcs11:token=a;token=b",
            "pkcs11:colour=red",
            "pkcs11:module-name=x",
            "pkcs11:?token=a",
            "pkcs11:slot-id=x",
        ] {
            assert!(
                matches!(TokenUri::parse(text), Err(UriError::Attribute(_))),
                "{text}"
            );
        }
        for text in [
            "pkcs11:token=a?pin-value=1234",
            "pkcs11:token=a?pin-source=file:/pin",
            "pkcs11:pin-value=1234",
            "pkcs11:token=a b;pin-value=1234",
        ] {
            let error = TokenUri::parse(text).unwrap_err();
            assert_eq!(error.name(), "pkcs11-uri-with-pin");
            assert!(!error.to_string().contains("1234"));
        }
    }

    #[test]
    fn a_token_fits_by_everything_that_is_said() {
        let uri = TokenUri::of_token(&token("validator one", "0001"));
        assert_eq!(
            uri.to_string(),
            "pkcs11:model=1.0;manufacturer=Snake%20Oil%2C%20Inc.;serial=0001;token=validator%20one"
        );
        assert!(uri.fits(&token("validator one", "0001")));
        assert!(!uri.fits(&token("validator one", "0002")));
        assert!(
            TokenUri::parse("pkcs11:token=validator%20one")
                .unwrap()
                .fits(&token("validator one", "9"))
        );
        assert!(
            !TokenUri::parse("pkcs11:slot-id=6")
                .unwrap()
                .fits(&token("validator one", "9"))
        );
    }

    proptest::proptest! {
        /// Any text is a URI or none, and what was read is written so that it is read again.
        #[test]
        fn any_text_is_a_uri_or_none(text in "(pkcs11:)?[a-z0-9=;?&%:-]{0,80}") {
            if let Ok(uri) = TokenUri::parse(&text) {
                proptest::prop_assert_eq!(TokenUri::parse(&uri.to_string()), Ok(uri));
            }
        }

        #[test]
        fn any_label_comes_back(label in "\\PC{0,32}", serial in "\\PC{0,16}") {
            let own = token(&printable(&label), &printable(&serial));
            let uri = TokenUri::of_token(&own);
            proptest::prop_assert!(TokenUri::parse(&uri.to_string()).unwrap().fits(&own));
        }
    }
}
