//! The JSON Schema of a playbook, for editors.

use schemars::generate::SchemaSettings;
use serde_json::{Map, Value as Json, json};

use super::kind::{ArgumentDefault, ArgumentType, StepKind};
use super::load::Written;

/// The schema, as `rollout schema playbook` prints it. Draft 7, which editors know best.
pub fn schema() -> Json {
    let mut schema = SchemaSettings::draft07()
        .into_generator()
        .into_root_schema_for::<Written>()
        .to_value();
    if let Some(root) = schema.as_object_mut() {
        root.insert("title".to_owned(), json!("rollout playbook"));
    }
    // Which arguments a step takes depends on its kind.
    let rules: Vec<Json> = StepKind::ALL.into_iter().map(arguments_of).collect();
    if let Some(step) = schema
        .pointer_mut("/definitions/Step")
        .and_then(Json::as_object_mut)
    {
        step.insert("allOf".to_owned(), Json::Array(rules));
    }
    schema
}

fn arguments_of(kind: StepKind) -> Json {
    let mut properties = Map::new();
    let mut required = Vec::new();
    for argument in kind.arguments() {
        let literal = match argument.ty {
            ArgumentType::Seconds { min, max } => json!({"anyOf": [
                {"type": "integer", "minimum": min, "maximum": max},
                {"type": "string", "pattern": crate::source::duration::PATTERN},
                {"type": "string", "pattern": "^\\$[a-z]"}
            ]}),
            ArgumentType::Preference => json!({"anyOf": [
                {"type": "integer", "minimum": 0, "maximum": 65535},
                {"type": "string", "pattern": "^\\$[a-z]"}
            ]}),
            ArgumentType::Choice(words) => json!({"enum": words}),
        };
        let mut property = literal;
        if let Some(property) = property.as_object_mut() {
            property.insert("description".to_owned(), json!(argument.about));
            match argument.default {
                ArgumentDefault::Required => required.push(argument.name),
                ArgumentDefault::Number(number) => {
                    property.insert("default".to_owned(), json!(number));
                }
                ArgumentDefault::Word(word) => {
                    property.insert("default".to_owned(), json!(word));
                }
            }
        }
        properties.insert(argument.name.to_owned(), property);
    }
    let mut then = json!({"properties": {"with": {
        "properties": properties, "required": required, "additionalProperties": false
    }}});
    if !required.is_empty() {
        then["required"] = json!(["with"]);
    }
    json!({"if": {"properties": {"step": {"const": kind.name()}}, "required": ["step"]}, "then": then})
}
