//! Gates that are answered before the run.

use std::borrow::Cow;
use std::fmt;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::de::{self, SeqAccess};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// `approve: all`, or a list of gates.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Approve {
    /// Every gate of the playbook.
    All,
    /// These gates, by name, in the order written.
    Gates(Vec<String>),
}

impl Default for Approve {
    fn default() -> Self {
        Self::Gates(Vec::new())
    }
}

impl Approve {
    /// Whether this gate is answered.
    pub fn covers(&self, gate: &str) -> bool {
        match self {
            Self::All => true,
            Self::Gates(gates) => gates.iter().any(|name| name == gate),
        }
    }

    /// Whether no gate is answered.
    pub fn is_empty(&self) -> bool {
        matches!(self, Self::Gates(gates) if gates.is_empty())
    }
}

impl Serialize for Approve {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::All => serializer.serialize_str("all"),
            Self::Gates(gates) => gates.serialize(serializer),
        }
    }
}

impl<'de> Deserialize<'de> for Approve {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Visitor;
        impl<'de> de::Visitor<'de> for Visitor {
            type Value = Approve;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a list of gates, or the word all")
            }

            fn visit_str<E: de::Error>(self, text: &str) -> Result<Approve, E> {
                if text == "all" {
                    return Ok(Approve::All);
                }
                Err(E::custom(
                    "this is neither a list of gates nor the word all\nwrite approve: all, or a list such as approve: [ds, swap]",
                ))
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Approve, A::Error> {
                let mut gates = Vec::new();
                while let Some(gate) = seq.next_element()? {
                    gates.push(gate);
                }
                Ok(Approve::Gates(gates))
            }
        }
        deserializer.deserialize_any(Visitor)
    }
}

impl JsonSchema for Approve {
    fn schema_name() -> Cow<'static, str> {
        "Approve".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "oneOf": [
                {"const": "all"},
                {"type": "array", "items": {"type": "string"}, "uniqueItems": true}
            ]
        })
    }
}
