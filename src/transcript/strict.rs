//! JSON read strictly: no duplicate members at any depth, nothing after the document, one spelling of each document.
//!
//! `serde` alone is too kind for documents that are hashed and signed: a `Value` keeps the last of two members, and
//! derived structs accept arrays and missing optional members. So a document is read into a value that refuses
//! duplicates, then into its type, and what that type would write must be the same value again.

use std::cell::RefCell;
use std::fmt;

use serde::Serialize;
use serde::de::{
    DeserializeOwned, DeserializeSeed, Deserializer, Error, MapAccess, SeqAccess, Visitor,
};
use serde_json::{Map, Number, Value};

use super::visible::visible_short;

/// Why a document was not read. Texts from the document are already made visible.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum StrictError {
    /// Not JSON, or not UTF-8, or nested too deeply.
    #[error("it is not JSON ({0})")]
    NotJson(String),
    /// A member stands twice in one object.
    #[error("the member \"{0}\" stands twice")]
    Duplicate(String),
    /// Something follows the document.
    #[error("bytes follow after its end")]
    Trailing,
    /// JSON, but not of the shape that the format asks for.
    #[error("{0}")]
    Shape(String),
}

/// Reads one JSON value from all of `bytes`.
pub fn value(bytes: &[u8]) -> Result<Value, StrictError> {
    let duplicate = RefCell::new(None);
    let mut reader = serde_json::Deserializer::from_slice(bytes);
    let value = Strict(&duplicate).deserialize(&mut reader);
    if let Some(name) = duplicate.into_inner() {
        return Err(StrictError::Duplicate(visible_short(&name, 60)));
    }
    let value =
        value.map_err(|fault| StrictError::NotJson(visible_short(&fault.to_string(), 120)))?;
    reader.end().map_err(|_| StrictError::Trailing)?;
    Ok(value)
}

/// Reads `value` as a `T` that would be written as exactly that value.
pub fn typed<T: DeserializeOwned + Serialize>(value: &Value) -> Result<T, StrictError> {
    let shape =
        |fault: serde_json::Error| StrictError::Shape(visible_short(&fault.to_string(), 160));
    let typed: T = serde_json::from_value(value.clone()).map_err(shape)?;
    let again = serde_json::to_value(&typed).map_err(shape)?;
    match difference(value, &again) {
        None => Ok(typed),
        Some(path) => Err(StrictError::Shape(format!(
            "the member \"{}\" is missing or not written as the format asks",
            visible_short(&path, 100)
        ))),
    }
}

/// The first place where two values differ.
fn difference(a: &Value, b: &Value) -> Option<String> {
    match (a, b) {
        (Value::Object(a), Value::Object(b)) => {
            a.keys()
                .chain(b.keys())
                .find_map(|name| match (a.get(name), b.get(name)) {
                    (Some(a), Some(b)) => difference(a, b)
                        .map(|rest| format!("{name}.{rest}").trim_end_matches('.').into()),
                    _ => Some(name.clone()),
                })
        }
        (Value::Array(a), Value::Array(b)) if a.len() == b.len() => {
            let pairs = a.iter().zip(b).enumerate();
            pairs.into_iter().find_map(|(n, (a, b))| {
                difference(a, b).map(|rest| format!("{n}.{rest}").trim_end_matches('.').into())
            })
        }
        _ => (a != b).then(String::new),
    }
}

struct Strict<'a>(&'a RefCell<Option<String>>);

impl<'de> DeserializeSeed<'de> for Strict<'_> {
    type Value = Value;

    fn deserialize<D: Deserializer<'de>>(self, from: D) -> Result<Value, D::Error> {
        from.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Strict<'_> {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value")
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_bool<E>(self, own: bool) -> Result<Value, E> {
        Ok(own.into())
    }

    fn visit_u64<E>(self, own: u64) -> Result<Value, E> {
        Ok(own.into())
    }

    fn visit_i64<E>(self, own: i64) -> Result<Value, E> {
        Ok(own.into())
    }

    fn visit_f64<E: Error>(self, own: f64) -> Result<Value, E> {
        let number = Number::from_f64(own).ok_or_else(|| E::custom("number out of range"))?;
        Ok(Value::Number(number))
    }

    fn visit_str<E>(self, own: &str) -> Result<Value, E> {
        Ok(own.into())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut from: A) -> Result<Value, A::Error> {
        let mut list = Vec::new();
        while let Some(value) = from.next_element_seed(Strict(self.0))? {
            list.push(value);
        }
        Ok(Value::Array(list))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut from: A) -> Result<Value, A::Error> {
        let mut members = Map::new();
        while let Some(name) = from.next_key::<String>()? {
            let value = from.next_value_seed(Strict(self.0))?;
            if members.insert(name.clone(), value).is_some() {
                self.0.replace(Some(name));
                return Err(A::Error::custom("duplicate member"));
            }
        }
        Ok(Value::Object(members))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde::Deserialize;

    #[derive(Debug, Serialize, Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Outer {
        a: Option<u8>,
        list: Vec<Inner>,
    }

    #[derive(Debug, Serialize, Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Inner {
        b: u8,
    }

    fn read(text: &str) -> Result<Outer, String> {
        value(text.as_bytes())
            .and_then(|v| typed(&v))
            .map_err(|fault| fault.to_string())
    }

    #[test]
    fn one_spelling_is_read_and_no_other() {
        let good = read(r#"{"a":null,"list":[{"b":1}]}"#).unwrap();
        assert_eq!((good.a, good.list.len()), (None, 1));
        for (bad, why) in [
            (
                r#"{"list":[]}"#,
                "the member \"a\" is missing or not written as the format asks",
            ),
            (
                r#"[null,[]]"#,
                "the member \"\" is missing or not written as the format asks",
            ),
            (
                r#"{"a":1,"list":[[7]]}"#,
                "the member \"list.0\" is missing or not written as the format asks",
            ),
            (
                r#"{"a":1,"a":1,"list":[]}"#,
                "the member \"a\" stands twice",
            ),
            (
                r#"{"a":1,"list":[{"b":1,"b":1}]}"#,
                "the member \"b\" stands twice",
            ),
            (r#"{"a":1,"list":[]} {}"#, "bytes follow after its end"),
            (
                r#"{"a":1,"list":[],"c":0}"#,
                "unknown field `c`, expected `a` or `list`",
            ),
            (
                r#"{"a":1,"list":["#,
                "it is not JSON (EOF while parsing a list at line 1 column 15)",
            ),
        ] {
            assert_eq!(read(bad).unwrap_err(), why, "{bad}");
        }
        let deep = "[".repeat(200);
        assert!(matches!(
            value(deep.as_bytes()),
            Err(StrictError::NotJson(_))
        ));
        assert!(matches!(value(b"\"\xff\""), Err(StrictError::NotJson(_))));
    }
}
