//! As much of JSON Schema draft 7 as our schemas use, to hold files against them in tests.

use regex::Regex;
use serde_json::Value as Json;

/// Whether the schema takes the value; if not, why not.
pub(crate) fn accepts(schema: &Json, value: &Json) -> Result<(), String> {
    check(schema, schema, value, "")
}

fn check(root: &Json, schema: &Json, value: &Json, at: &str) -> Result<(), String> {
    let rules = match schema {
        Json::Bool(true) => return Ok(()),
        Json::Bool(false) => return Err(format!("{at}: nothing is allowed")),
        Json::Object(rules) => rules,
        _ => return Err(format!("{at}: no schema: {schema}")),
    };
    for (rule, wanted) in rules {
        let ok = match rule.as_str() {
            "$ref" => {
                let target = wanted
                    .as_str()
                    .and_then(|target| root.pointer(target.trim_start_matches('#')));
                check(
                    root,
                    target.ok_or_else(|| format!("{at}: no {wanted}"))?,
                    value,
                    at,
                )?;
                true
            }
            "type" => match wanted {
                Json::Array(types) => types.iter().any(|ty| has_type(value, ty)),
                ty => has_type(value, ty),
            },
            "enum" => wanted.as_array().is_some_and(|all| all.contains(value)),
            "const" => wanted == value,
            "pattern" => value
                .as_str()
                .is_none_or(|text| Regex::new(wanted.as_str().unwrap()).unwrap().is_match(text)),
            "minLength" => value
                .as_str()
                .is_none_or(|text| text.chars().count() as u64 >= wanted.as_u64().unwrap()),
            "maxLength" => value
                .as_str()
                .is_none_or(|text| text.chars().count() as u64 <= wanted.as_u64().unwrap()),
            "minimum" => value
                .as_f64()
                .is_none_or(|number| number >= wanted.as_f64().unwrap()),
            "maximum" => value
                .as_f64()
                .is_none_or(|number| number <= wanted.as_f64().unwrap()),
            "minItems" => value
                .as_array()
                .is_none_or(|items| items.len() as u64 >= wanted.as_u64().unwrap()),
            "uniqueItems" => value
                .as_array()
                .is_none_or(|items| (1..items.len()).all(|i| !items[..i].contains(&items[i]))),
            "required" => value.as_object().is_none_or(|map| {
                wanted
                    .as_array()
                    .unwrap()
                    .iter()
                    .all(|key| map.contains_key(key.as_str().unwrap()))
            }),
            "properties" => {
                for (key, value) in value.as_object().into_iter().flatten() {
                    if let Some(schema) = wanted.get(key) {
                        check(root, schema, value, &format!("{at}/{key}"))?;
                    }
                }
                true
            }
            "additionalProperties" => {
                for (key, value) in value.as_object().into_iter().flatten() {
                    if rules
                        .get("properties")
                        .and_then(|known| known.get(key))
                        .is_none()
                    {
                        check(root, wanted, value, &format!("{at}/{key}"))?;
                    }
                }
                true
            }
            "items" => {
                for (index, value) in value.as_array().into_iter().flatten().enumerate() {
                    check(root, wanted, value, &format!("{at}/{index}"))?;
                }
                true
            }
            "allOf" => {
                for schema in wanted.as_array().unwrap() {
                    check(root, schema, value, at)?;
                }
                true
            }
            "anyOf" => wanted
                .as_array()
                .unwrap()
                .iter()
                .any(|schema| check(root, schema, value, at).is_ok()),
            "oneOf" => {
                wanted
                    .as_array()
                    .unwrap()
                    .iter()
                    .filter(|schema| check(root, schema, value, at).is_ok())
                    .count()
                    == 1
            }
            "not" => check(root, wanted, value, at).is_err(),
            "if" => {
                let branch = if check(root, wanted, value, at).is_ok() {
                    "then"
                } else {
                    "else"
                };
                if let Some(schema) = rules.get(branch) {
                    check(root, schema, value, at)?;
                }
                true
            }
            "then" | "else" | "title" | "description" | "default" | "definitions" | "$schema"
            | "format" => true,
            // A rule that this does not know must not pass for checked.
            _ => return Err(format!("{at}: the rule {rule} is not known to this test")),
        };
        if !ok {
            return Err(format!("{at}: {value} breaks {rule}: {wanted}"));
        }
    }
    Ok(())
}

fn has_type(value: &Json, ty: &Json) -> bool {
    match ty.as_str() {
        Some("object") => value.is_object(),
        Some("array") => value.is_array(),
        Some("string") => value.is_string(),
        Some("integer") => value.is_u64() || value.is_i64(),
        Some("number") => value.is_number(),
        Some("boolean") => value.is_boolean(),
        Some("null") => value.is_null(),
        _ => false,
    }
}
