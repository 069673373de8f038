//! The same answer in its other shapes.

use serde_json::{Map, Value, json};

use super::envelope;
use crate::faults::Shape;
use crate::http::HttpReply;

/// The .NET type names that take the place of nested objects when the depth is cut.
const TYPE_NAME: &str = "Microsoft.Exchange.Management.ProvisioningTasks.";

/// The answer with these rows in this shape.
pub(crate) fn reply(shape: &Shape, mut rows: Vec<Value>) -> HttpReply {
    for row in &mut rows {
        if let Value::Object(row) = row {
            reshape(shape, row);
        }
    }
    let mut body = envelope::rows(&rows);
    // `rows` makes an object.
    let Some(top) = body.as_object_mut() else {
        return HttpReply::json(200, &body);
    };
    match shape {
        Shape::ValueMissing => {
            top.remove("value");
        }
        Shape::ValueNull => {
            top.insert("value".to_owned(), Value::Null);
        }
        Shape::ValueEmpty => {
            top.insert("value".to_owned(), json!([]));
        }
        Shape::ValueSingular => {
            top.insert("value".to_owned(), first(rows));
        }
        Shape::ValueCapital => {
            top.remove("value");
            top.insert("Value".to_owned(), Value::Array(rows));
        }
        Shape::BareList => body = Value::Array(rows),
        Shape::BareObject => body = first(rows),
        Shape::Warnings(texts) => {
            top.insert("@adminapi.warnings".to_owned(), json!(texts));
        }
        Shape::Truncated => {
            let next = "https://outlook.office365.com/adminapi/beta/InvokeCommand?$skiptoken=r_1";
            top.insert("@odata.nextLink".to_owned(), json!(next));
        }
        Shape::Unknown => {
            body = json!({"d": {"results": "the service has something else to say"}, "status": 7});
        }
        Shape::DuplicateKeys => {
            // No JSON library writes a key twice, so it is done in the text.
            let text = body.to_string().replace(
                "\"DomainName\":",
                "\"DomainName@data.type\":\"System.String\",\"DomainName@data.type\":{\"Value\":},\"DomainName\":",
            );
            // As malformed as it may be and still be JSON.
            let text = text.replace("{\"Value\":}", "{\"Value\":null,\"\":null}");
            return HttpReply::text(200, "application/json; charset=utf-8", text);
        }
        Shape::HalfABody => {
            let text = body.to_string();
            let half: String = text.chars().take(text.chars().count() / 2).collect();
            return HttpReply::text(200, "application/json; charset=utf-8", half);
        }
        Shape::EnumObject
        | Shape::EnumNumber
        | Shape::EnumUnknown
        | Shape::TypeNames
        | Shape::JsonText
        | Shape::NestedNull
        | Shape::Sidecars => {}
    }
    HttpReply::json(200, &body)
}

fn first(rows: Vec<Value>) -> Value {
    rows.into_iter().next().unwrap_or(Value::Null)
}

fn reshape(shape: &Shape, row: &mut Map<String, Value>) {
    match shape {
        Shape::EnumObject => enums(row, |word| json!({"Value": word})),
        // Exchange's own enums count from Unknown.
        Shape::EnumNumber => enums(row, |word| json!(if word == "Enabled" { 1 } else { 2 })),
        Shape::EnumUnknown => enums(row, |_| json!("PartlyProvisioned")),
        Shape::TypeNames => nested(row, |key, _| json!(format!("{TYPE_NAME}{key}Info"))),
        Shape::JsonText => nested(row, |_, value| Value::String(value.to_string())),
        Shape::NestedNull => nested(row, |_, _| Value::Null),
        Shape::Sidecars => {
            let keys: Vec<String> = row.keys().filter(|k| !k.contains('@')).cloned().collect();
            for key in keys {
                row.insert(format!("{key}@data.type"), json!("System.String"));
                row.insert(format!("{key}@odata.type"), json!("#String"));
            }
        }
        _ => {}
    }
}

fn enums(row: &mut Map<String, Value>, write: impl Fn(&str) -> Value) {
    for value in row.values_mut() {
        if let Some(word @ ("Enabled" | "Disabled")) = value.as_str() {
            *value = write(word);
        }
    }
}

fn nested(row: &mut Map<String, Value>, write: impl Fn(&str, &Value) -> Value) {
    for (key, value) in row.iter_mut() {
        if value.is_object() {
            *value = write(key, value);
        }
    }
}
