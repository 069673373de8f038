//! The `registrar:` part: who brings the DS to the parent, where that is not the host of the zone.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt;

use rollout_providers::FieldValue;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::de::{self, MapAccess};
use serde::ser::SerializeMap;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::provider::{self, ProviderInfo};
use super::{Field, SecretError};

/// The registrar of the domain, by its API.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Registrar {
    /// Its slug, as in `rollout providers`.
    pub provider: String,
    /// Its own fields, checked against its registry entry.
    pub fields: BTreeMap<String, Field>,
}

impl Registrar {
    /// The fields in the form that [`rollout_providers::Info::open`] takes, secrets being read now.
    ///
    /// # Errors
    /// A secret that cannot be read.
    pub fn values(&self) -> Result<BTreeMap<String, FieldValue>, SecretError> {
        provider::values(&self.provider, &self.fields)
    }

    /// Fields that are not said are taken from their environment variables, secrets as references to them.
    pub(super) fn complete(
        &mut self,
        providers: &[ProviderInfo],
        lookup: impl Fn(&str) -> Option<String>,
    ) {
        provider::complete(&self.provider, &mut self.fields, providers, lookup);
    }
}

impl Serialize for Registrar {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("provider", &self.provider)?;
        for (key, value) in &self.fields {
            map.serialize_entry(key, value)?;
        }
        map.end()
    }
}

impl<'de> Deserialize<'de> for Registrar {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Visitor;
        impl<'de> de::Visitor<'de> for Visitor {
            type Value = Registrar;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a mapping with the key provider")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Registrar, A::Error> {
                let (mut provider, mut fields) = (None, BTreeMap::new());
                while let Some(key) = map.next_key::<String>()? {
                    if key == "provider" {
                        provider = Some(map.next_value()?);
                    } else if let Some(field) = map.next_value()? {
                        fields.insert(key, field);
                    }
                }
                let provider = provider.ok_or_else(|| de::Error::missing_field("provider"))?;
                Ok(Registrar { provider, fields })
            }
        }
        deserializer.deserialize_map(Visitor)
    }
}

impl JsonSchema for Registrar {
    fn schema_name() -> Cow<'static, str> {
        "Registrar".into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let registrars: Vec<_> = provider::known()
            .iter()
            .filter(|provider| provider.registrar)
            .map(|provider| provider::schema_of(provider, generator, []))
            .collect();
        json_schema!({ "oneOf": registrars })
    }
}
