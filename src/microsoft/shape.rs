//! The shape of a JSON text: its keys and the kinds of its values, without the values.

use serde_json::Value;

/// Deeper than any answer of the service; what is below is one shape.
const DEEPEST: usize = 24;

/// The shape as a text: `{DomainName:s,Errors:[s]}`. A list shows each different kind of element once.
#[must_use]
pub fn of(body: &[u8]) -> String {
    match serde_json::from_slice(body) {
        Ok(value) => shape(&value, 0),
        Err(_) if body.iter().all(|byte| *byte == 0) => "NUL".to_owned(),
        Err(_) => "no JSON".to_owned(),
    }
}

fn shape(value: &Value, depth: usize) -> String {
    if depth > DEEPEST {
        return "…".to_owned();
    }
    match value {
        Value::Null => "null".to_owned(),
        Value::Bool(_) => "b".to_owned(),
        Value::Number(_) => "n".to_owned(),
        Value::String(_) => "s".to_owned(),
        Value::Array(items) => {
            let mut kinds: Vec<String> = items.iter().map(|item| shape(item, depth + 1)).collect();
            kinds.sort_unstable();
            kinds.dedup();
            format!("[{}]", kinds.join("|"))
        }
        Value::Object(map) => {
            let fields: Vec<String> = map
                .iter()
                .map(|(key, value)| format!("{key}:{}", shape(value, depth + 1)))
                .collect();
            format!("{{{}}}", fields.join(","))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_do_not_count_kinds_do() {
        assert_eq!(of(br#"{"a":[1,2,"x"],"b":null}"#), "{a:[n|s],b:null}");
        assert_eq!(of(br#"{"a":"1"}"#), of(br#"{"a":"2"}"#));
        assert_eq!(of(&[0; 9]), "NUL");
        assert_eq!(of(b"<html>"), "no JSON");
    }
}
