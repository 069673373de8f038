//! What the domain file needs to know about DNS providers: their slugs and fields.

use std::borrow::Cow;
use std::collections::BTreeMap;

use rollout_providers::FieldValue;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde_json::{Map, Value as Json, json};

use super::{Delegation, Dns, DomainName, Field, SecretError, SecretRef};

/// A DNS provider that `dns.provider` may name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProviderInfo {
    /// The word in the file.
    pub slug: &'static str,
    /// Its own fields.
    pub fields: Vec<FieldInfo>,
    /// Whether it can publish a DS at the parent, being the registrar too.
    pub registrar: bool,
}

/// A field of a provider.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FieldInfo {
    /// The key in the file: that of the registry with underscores, as all keys of a domain file.
    pub key: String,
    /// The key in the registry.
    pub registered: &'static str,
    /// Whether it holds a secret, so that only a reference is taken.
    pub secret: bool,
    /// What holds when nothing is said; `None` means that it must be said.
    pub default: Option<&'static str>,
    /// The environment variable that it is taken from when the file does not say.
    pub env: &'static str,
    /// What it means.
    pub about: &'static str,
}

impl FieldInfo {
    /// Whether it must be said, here or in its environment variable.
    pub const fn required(&self) -> bool {
        self.default.is_none()
    }
}

/// The providers that this build knows, from their registry.
pub fn known() -> Vec<ProviderInfo> {
    rollout_providers::registry()
        .iter()
        .map(|info| ProviderInfo {
            slug: info.slug,
            fields: info.fields.iter().map(known_field).collect(),
            registrar: info.capabilities.registrar.is_some(),
        })
        .collect()
}

fn known_field(field: &rollout_providers::Field) -> FieldInfo {
    FieldInfo {
        key: field.key.replace('-', "_"),
        registered: field.key,
        secret: field.secret,
        default: field.default,
        env: field.env,
        about: field.meaning,
    }
}

/// Fields in the form that [`rollout_providers::Info::open`] takes, secrets being read now.
///
/// # Errors
/// A secret that cannot be read.
pub(super) fn values(
    provider: &str,
    fields: &BTreeMap<String, Field>,
) -> Result<BTreeMap<String, FieldValue>, SecretError> {
    let info = rollout_providers::find(provider);
    let registered = |key: &str| {
        let field = info.and_then(|info| {
            info.fields
                .iter()
                .find(|field| field.key.replace('-', "_") == key)
        });
        field.map_or(key, |field| field.key).to_owned()
    };
    fields
        .iter()
        .map(|(key, field)| {
            let value = match field {
                Field::Text(text) => FieldValue::Plain(text.clone()),
                Field::Secret(secret) => FieldValue::Secret(secret.read()?),
            };
            Ok((registered(key), value))
        })
        .collect()
}

/// Fields that are not said are taken from their environment variables, secrets as references to them.
pub(super) fn complete(
    provider: &str,
    fields: &mut BTreeMap<String, Field>,
    providers: &[ProviderInfo],
    lookup: impl Fn(&str) -> Option<String>,
) {
    let Some(provider) = providers.iter().find(|known| known.slug == provider) else {
        return;
    };
    for field in provider.fields.iter().filter(|field| !field.env.is_empty()) {
        if fields.contains_key(&field.key) {
            continue;
        }
        let Some(text) = lookup(field.env).filter(|text| !text.trim().is_empty()) else {
            continue;
        };
        let value = match SecretRef::env(field.env) {
            Ok(secret) if field.secret => Field::Secret(secret),
            _ if field.secret => continue,
            _ => Field::Text(text),
        };
        fields.insert(field.key.clone(), value);
    }
}

impl Dns {
    /// The fields in the form that [`rollout_providers::Info::open`] takes, secrets being read now.
    ///
    /// # Errors
    /// A secret that cannot be read.
    pub fn values(&self) -> Result<BTreeMap<String, FieldValue>, SecretError> {
        values(&self.provider, &self.fields)
    }

    /// Fields that are not said are taken from their environment variables, secrets as references to them.
    pub(super) fn complete(
        &mut self,
        providers: &[ProviderInfo],
        lookup: impl Fn(&str) -> Option<String>,
    ) {
        complete(&self.provider, &mut self.fields, providers, lookup);
    }
}

/// The schema of a part that names this provider: `more` are the keys that are not the provider's.
pub(super) fn schema_of(
    provider: &ProviderInfo,
    generator: &mut SchemaGenerator,
    more: impl IntoIterator<Item = (&'static str, Json)>,
) -> Json {
    let secret = generator.subschema_for::<SecretRef>();
    let mut properties = Map::new();
    properties.insert("provider".to_owned(), json!({"const": provider.slug}));
    properties.extend(
        more.into_iter()
            .map(|(key, schema)| (key.to_owned(), schema)),
    );
    for field in &provider.fields {
        let description = match field.default {
            Some("") => format!("{}; optional", field.about),
            Some(default) => format!("{}; {default} unless set", field.about),
            None => field.about.to_owned(),
        };
        let schema = if field.secret {
            json!({"allOf": [secret], "description": description})
        } else {
            json!({"type": ["string", "integer", "boolean"], "description": description})
        };
        properties.insert(field.key.clone(), schema);
    }
    json!({
        "type": "object",
        "title": provider.slug,
        "properties": properties,
        "required": ["provider"],
        "additionalProperties": false
    })
}

impl JsonSchema for Dns {
    fn schema_name() -> Cow<'static, str> {
        "Dns".into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let zone = generator.subschema_for::<DomainName>();
        let delegation = generator.subschema_for::<Delegation>();
        let providers: Vec<Json> = known()
            .iter()
            .map(|provider| {
                let more = [
                    ("zone", json!({"allOf": [zone], "description": "The zone, when it is not found by itself."})),
                    ("delegation", json!({"allOf": [delegation], "default": "auto", "description": "How the DS reaches the parent zone."})),
                ];
                schema_of(provider, generator, more)
            })
            .collect();
        json_schema!({ "oneOf": providers })
    }
}
