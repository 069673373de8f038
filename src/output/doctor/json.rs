//! One object per check, and one for the whole.

use serde_json::{Value, json};

use crate::doctor::{Check, Rule, Tally};

/// All objects of one domain file, the summary last.
#[must_use]
pub fn objects(domain: &str, file: &str, checks: &[Check], exit: u8) -> Vec<Value> {
    let mut all: Vec<Value> = checks
        .iter()
        .map(|check| {
            let mut object = json!({"type": "check", "domain": domain, "file": file});
            if let (Some(object), Value::Object(members)) = (object.as_object_mut(), json!(check)) {
                object.extend(members);
            }
            object
        })
        .collect();
    let mut summary = json!(Tally::of(checks));
    summary["type"] = json!("summary");
    summary["domain"] = json!(domain);
    summary["file"] = json!(file);
    summary["exit"] = json!(exit);
    all.push(summary);
    all
}

/// A check of the catalogue.
#[must_use]
pub fn rule_object(rule: &Rule) -> Value {
    let mut object = json!(rule);
    object["type"] = json!("rule");
    object
}
