//! Writing a domain file, for `rollout init` and `rollout demo`.

use serde_yaml::{Mapping, Value};

use super::{DomainFile, Https, Resolve, Smtp, Timing};
use crate::playbook::Schedule;

impl DomainFile {
    /// The file as YAML. Secrets keep their form as references; what is at its default is left out. `schema` is the
    /// path or URL of the JSON Schema, named for editors.
    ///
    /// # Errors
    /// None in practice; the writer's own, if it fails.
    pub fn to_yaml(&self, schema: Option<&str>) -> Result<String, serde_yaml::Error> {
        let mut value = serde_yaml::to_value(self)?;
        if let Value::Mapping(map) = &mut value {
            drop_default(map, "schedule", serde_yaml::to_value(Schedule::default())?);
            drop_default(map, "resolve", serde_yaml::to_value(Resolve::default())?);
            drop_default(map, "smtp", serde_yaml::to_value(Smtp::default())?);
            drop_default(map, "https", serde_yaml::to_value(Https::default())?);
            drop_default(map, "timing", serde_yaml::to_value(Timing::default())?);
            if let Some(Value::Mapping(microsoft)) = map.get_mut("microsoft") {
                drop_default(microsoft, "backend", Value::from("api"));
                drop_default(microsoft, "cloud", Value::from("worldwide"));
            }
            if let Some(Value::Mapping(dns)) = map.get_mut("dns") {
                drop_default(dns, "delegation", Value::from("auto"));
            }
        }
        let body = serde_yaml::to_string(&value)?;
        // One line: a line break in the path would start a line of YAML.
        let schema = schema.map(|schema| schema.replace(char::is_control, ""));
        Ok(match schema {
            Some(schema) => format!("# yaml-language-server: $schema={schema}\n{body}"),
            None => body,
        })
    }
}

/// Removes a key at its default, or those of its keys that are.
fn drop_default(map: &mut Mapping, key: &str, default: Value) {
    match (map.get_mut(key), &default) {
        (Some(Value::Mapping(section)), Value::Mapping(defaults)) => {
            section.retain(|name, value| defaults.get(name) != Some(value));
            if section.is_empty() {
                map.shift_remove(key);
            }
        }
        (Some(value), default) if value == default => {
            map.shift_remove(key);
        }
        _ => {}
    }
}
