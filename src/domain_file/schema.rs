//! The JSON Schema of a domain file, for editors.

use schemars::generate::SchemaSettings;
use serde_json::{Map, Value as Json, json};

use super::{DEFAULT_PLAYBOOK, DomainFile};
use crate::playbook::{BUILTIN, ParameterType, Playbook, builtin};

/// The schema, as `rollout schema domain` prints it. Draft 7, which editors know best.
pub fn schema() -> Json {
    let mut schema = SchemaSettings::draft07()
        .into_generator()
        .into_root_schema_for::<DomainFile>()
        .to_value();
    if let Some(root) = schema.as_object_mut() {
        root.insert("title".to_owned(), json!("rollout domain file"));
        // With a built-in playbook its settings and gates are known; without `playbook:` the first of them is meant.
        let rules: Vec<Json> = BUILTIN
            .iter()
            .filter_map(|(name, _)| builtin(name))
            .map(|book| rule(&book))
            .collect();
        root.insert("allOf".to_owned(), Json::Array(rules));
    }
    schema
}

fn rule(playbook: &Playbook) -> Json {
    let settings: Map<String, Json> = playbook
        .parameters
        .iter()
        .map(|(name, parameter)| {
            // A laboratory may go below the declared minimum, so the schema does not refuse it.
            let (_, max) = parameter.bounds(false);
            let number = json!({"type": "integer", "minimum": 0, "maximum": max});
            let mut property = match parameter.ty {
                ParameterType::Preference => number,
                ParameterType::Seconds => {
                    json!({"anyOf": [number, {"type": "string", "pattern": crate::source::duration::PATTERN}]})
                }
            };
            property["description"] = json!(parameter.about);
            property["default"] = json!(parameter.default);
            (name.clone(), property)
        })
        .collect();
    // Only the default playbook is meant where none is named.
    let named = if playbook.name == DEFAULT_PLAYBOOK {
        json!([])
    } else {
        json!(["playbook"])
    };
    json!({
        "if": {"properties": {"playbook": {"const": playbook.name}}, "required": named},
        "then": {"properties": {
            "settings": {"properties": settings, "additionalProperties": false},
            "approve": {"anyOf": [{"const": "all"}, {"items": {"enum": playbook.gates()}}]}
        }}
    })
}
