//! The `reports:` part: where senders shall report to.

use std::borrow::Cow;
use std::fmt;
use std::str::FromStr;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

use crate::mail_records::tls_rpt;

/// Where senders shall report to.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Reports {
    /// Where reports on TLS go (RFC 8460), as in mailto:tls-reports@contoso.com; several with commas between them. Where the
    /// domain asks nobody for reports, the run adds the record that asks for them, before the move.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tlsrpt: Option<ReportsTo>,
}

impl Reports {
    /// Whether nothing is said.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

/// Destinations of TLS reports, as they stand after `rua=`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReportsTo(String);

/// Why a text is none.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(
    "nobody can report to this\nwrite a mailto: or https: address, as in mailto:tls-reports@contoso.com"
)]
pub struct ReportsToError;

impl ReportsTo {
    /// As it stands after `rua=`.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for ReportsTo {
    type Err = ReportsToError;

    fn from_str(text: &str) -> Result<Self, ReportsToError> {
        let record = format!("v=TLSRPTv1; rua={text}");
        match tls_rpt::parse(&[&record]) {
            Ok(Some(read))
                if read.unusable.is_empty()
                    && read.malformed.is_empty()
                    && read.unknown.is_empty()
                    && read.to_string() == record =>
            {
                Ok(Self(text.to_owned()))
            }
            _ => Err(ReportsToError),
        }
    }
}

impl fmt::Display for ReportsTo {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl Serialize for ReportsTo {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for ReportsTo {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        text.parse().map_err(de::Error::custom)
    }
}

impl JsonSchema for ReportsTo {
    fn schema_name() -> Cow<'static, str> {
        "ReportsTo".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "type": "string",
            "pattern": "^([Mm][Aa][Ii][Ll][Tt][Oo]:|[Hh][Tt][Tt][Pp][Ss]:)",
            "description": "A mailto: or https: address; several with commas between them."
        })
    }
}
