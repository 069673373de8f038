//! What the domain file needs to know about DNS providers: their slugs and fields.

use std::borrow::Cow;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde_json::{Map, Value as Json, json};

use super::{Delegation, Dns, DomainName, SecretRef};

/// A DNS provider that `dns.provider` may name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProviderInfo {
    /// The word in the file.
    pub slug: &'static str,
    /// Its own fields.
    pub fields: Vec<FieldInfo>,
}

/// A field of a provider.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FieldInfo {
    /// The key in the file.
    pub key: &'static str,
    /// Whether it holds a secret, so that only a reference is taken.
    pub secret: bool,
    /// Whether the file must have it.
    pub required: bool,
    /// One sentence about it.
    pub about: &'static str,
}

const fn field(key: &'static str, secret: bool, required: bool, about: &'static str) -> FieldInfo {
    FieldInfo {
        key,
        secret,
        required,
        about,
    }
}

/// The providers that this build knows.
pub fn known() -> Vec<ProviderInfo> {
    vec![
        ProviderInfo {
            slug: "cloudflare",
            fields: vec![
                field(
                    "token",
                    true,
                    true,
                    "API token that may read the zone and write its DNS records.",
                ),
                field(
                    "endpoint",
                    false,
                    false,
                    "Base URL of the API, when it is not Cloudflare's own.",
                ),
            ],
        },
        ProviderInfo {
            slug: "powerdns",
            fields: vec![
                field(
                    "url",
                    false,
                    true,
                    "Base URL of the server's web API, as in https://ns1.contoso.com:8081.",
                ),
                field("api_key", true, true, "The server's api-key."),
                field(
                    "server",
                    false,
                    false,
                    "The server id, localhost unless set.",
                ),
            ],
        },
        ProviderInfo {
            slug: "rfc2136",
            fields: vec![
                field(
                    "server",
                    false,
                    true,
                    "Address of the primary server, with its port unless it is 53.",
                ),
                field("key_name", false, true, "Name of the TSIG key."),
                field("key_secret", true, true, "The TSIG key in base64."),
                field(
                    "algorithm",
                    false,
                    false,
                    "TSIG algorithm, hmac-sha256 unless set.",
                ),
            ],
        },
        ProviderInfo {
            slug: "manual",
            fields: Vec::new(),
        },
    ]
}

impl JsonSchema for Dns {
    fn schema_name() -> Cow<'static, str> {
        "Dns".into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let zone = generator.subschema_for::<DomainName>();
        let delegation = generator.subschema_for::<Delegation>();
        let secret = generator.subschema_for::<SecretRef>();
        let providers: Vec<Json> = known()
            .iter()
            .map(|provider| {
                let mut properties = Map::new();
                properties.insert("provider".to_owned(), json!({"const": provider.slug}));
                properties.insert("zone".to_owned(), json!({"allOf": [zone], "description": "The zone, when it is not found by itself."}));
                properties.insert("delegation".to_owned(), json!({"allOf": [delegation], "default": "auto", "description": "How the DS reaches the parent zone."}));
                for field in &provider.fields {
                    let schema = if field.secret {
                        json!({"allOf": [secret], "description": field.about})
                    } else {
                        json!({"type": ["string", "integer", "boolean"], "description": field.about})
                    };
                    properties.insert(field.key.to_owned(), schema);
                }
                let required: Vec<&str> = std::iter::once("provider")
                    .chain(provider.fields.iter().filter(|field| field.required).map(|field| field.key))
                    .collect();
                json!({
                    "type": "object",
                    "title": provider.slug,
                    "properties": properties,
                    "required": required,
                    "additionalProperties": false
                })
            })
            .collect();
        json_schema!({ "oneOf": providers })
    }
}
