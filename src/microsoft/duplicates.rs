//! JSON in which a key may stand twice: live answers had such records (`microsoft.md` 3.4).
//!
//! Of two values that say the same, or of which one is null, the one that says something is taken. Two values that
//! contradict each other say nothing: they become an object that no reader takes for a value, so that what depends on it
//! is "could not tell" and never the one that happens to stand last.

use std::fmt;

use serde::de::{Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Number, Value};

/// The only key of an object that stands for values which contradict each other.
pub(crate) const BOTH: &str = "the key stands twice";

/// Reads a body; `None` when it is no JSON.
#[must_use]
pub(crate) fn parse(body: &[u8]) -> Option<Value> {
    serde_json::from_slice(body)
        .ok()
        .map(|Lenient(value)| value)
}

/// A value in which no key was dropped.
struct Lenient(Value);

impl<'de> Deserialize<'de> for Lenient {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Reader).map(Self)
    }
}

struct Reader;

impl<'de> Visitor<'de> for Reader {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }

    fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
        Ok(Value::Bool(value))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Value, E> {
        Ok(Value::Number(value.into()))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Value, E> {
        Ok(Value::Number(value.into()))
    }

    fn visit_f64<E>(self, value: f64) -> Result<Value, E> {
        Ok(Number::from_f64(value).map_or(Value::Null, Value::Number))
    }

    fn visit_str<E>(self, value: &str) -> Result<Value, E> {
        Ok(Value::String(value.to_owned()))
    }

    fn visit_string<E>(self, value: String) -> Result<Value, E> {
        Ok(Value::String(value))
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut access: A) -> Result<Value, A::Error> {
        let mut items = Vec::new();
        while let Some(Lenient(item)) = access.next_element()? {
            items.push(item);
        }
        Ok(Value::Array(items))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut access: A) -> Result<Value, A::Error> {
        let mut map = Map::new();
        while let Some((key, Lenient(value))) = access.next_entry::<String, Lenient>()? {
            let value = match map.get(&key) {
                None => value,
                Some(before) => both(before, value),
            };
            map.insert(key, value);
        }
        Ok(Value::Object(map))
    }
}

fn both(before: &Value, now: Value) -> Value {
    if before.is_null() || *before == now {
        return now;
    }
    if now.is_null() {
        return before.clone();
    }
    let mut seen = match before.get(BOTH) {
        Some(Value::Array(seen)) => seen.clone(),
        _ => vec![before.clone()],
    };
    if !seen.contains(&now) {
        seen.push(now);
    }
    Value::Object(Map::from_iter([(BOTH.to_owned(), Value::Array(seen))]))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn read(text: &str) -> Value {
        parse(text.as_bytes()).unwrap()
    }

    #[test]
    fn agreeing_and_empty_duplicates_are_one() {
        assert_eq!(read(r#"{"a":1,"a":1}"#), json!({"a": 1}));
        assert_eq!(read(r#"{"a":null,"a":"x"}"#), json!({"a": "x"}));
        assert_eq!(read(r#"{"a":"x","a":null}"#), json!({"a": "x"}));
    }

    #[test]
    fn contradicting_ones_are_no_value() {
        assert_eq!(
            read(r#"{"r":[{"a":"Enabled","a":"Disabled","a":"Enabled","b":1}]}"#),
            json!({"r": [{"a": {BOTH: ["Enabled", "Disabled"]}, "b": 1}]})
        );
    }

    #[test]
    fn everything_else_reads_as_ever() {
        let text = r#"{"a":[1,-2,3.5,true,null,"ü\u0000"],"b":{"c":{}},"d":18446744073709551615}"#;
        assert_eq!(read(text), serde_json::from_str::<Value>(text).unwrap());
        for bad in ["", "{", "{\"a\":}", "[1,]", "nul", "\0\0"] {
            assert_eq!(parse(bad.as_bytes()), None, "{bad:?}");
        }
        // Deep nesting is refused, not followed until the stack ends.
        assert_eq!(parse("[".repeat(100_000).as_bytes()), None);
    }
}
