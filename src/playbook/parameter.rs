//! Parameters of a playbook: declared in the playbook, set under `settings:` of a domain file.

use std::collections::BTreeMap;
use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Deserializer, Serialize, de};

use super::check::reference;
use super::goal::Given;
use super::kind::{Argument, ArgumentType, LARGEST_TTL};
use super::{Playbook, Schedule};
use crate::source::{Code, duration, one_of, quoted};

/// A value as written: in `settings:`, as a default, or as a step's argument.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(untagged)]
pub enum Value {
    /// A whole number: seconds, or a preference.
    Number(u64),
    /// A word, or a duration such as `5m`.
    Text(String),
}

impl fmt::Display for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Number(number) => write!(f, "{number}"),
            Self::Text(text) => f.write_str(text),
        }
    }
}

/// What a playbook's parameter holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum ParameterType {
    /// Seconds: a plain number as in the DNS, or a duration such as `5m`.
    Seconds,
    /// An MX preference, 0 to 65535.
    Preference,
}

/// One declared parameter.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Parameter {
    /// What it holds.
    #[serde(rename = "type")]
    pub ty: ParameterType,
    /// Its value when the domain file does not set it.
    pub default: Value,
    /// The smallest allowed value. Does not bind a laboratory, whose TTLs are seconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub min: Option<u32>,
    /// The largest allowed value.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max: Option<u32>,
    /// One sentence about it.
    pub about: String,
}

/// The parameters of one run: every declared name with its value in range.
///
/// Made by [`Playbook::parameters`](super::Playbook::parameters); the numbers are seconds or preferences, as declared.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
pub struct Parameters(pub(super) BTreeMap<String, u32>);

impl Parameters {
    /// The value of a parameter; `None` when the playbook declares none of this name.
    pub fn get(&self, name: &str) -> Option<u32> {
        self.0.get(name).copied()
    }

    /// Every parameter with its value, by name.
    pub fn iter(&self) -> impl Iterator<Item = (&str, u32)> {
        self.0.iter().map(|(name, value)| (name.as_str(), *value))
    }
}

impl<'de> Deserialize<'de> for Value {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Visitor;
        impl de::Visitor<'_> for Visitor {
            type Value = Value;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a whole number, a duration such as 5m, or a word")
            }

            fn visit_u64<E: de::Error>(self, number: u64) -> Result<Value, E> {
                Ok(Value::Number(number))
            }

            fn visit_str<E: de::Error>(self, text: &str) -> Result<Value, E> {
                Ok(Value::Text(text.to_owned()))
            }
        }
        deserializer.deserialize_any(Visitor)
    }
}

/// Reads seconds, written as a plain number or with units, within bounds.
fn seconds(value: &Value, min: u32, max: u32) -> Result<u32, String> {
    let seconds = match value {
        Value::Number(number) => *number,
        Value::Text(text) => duration::parse(text)?.get().as_secs(),
    };
    in_range(seconds, min, max, " seconds")
}

/// Reads a plain number within bounds.
fn number(value: &Value, min: u32, max: u32) -> Result<u32, String> {
    match value {
        Value::Number(number) => in_range(*number, min, max, ""),
        Value::Text(_) => Err("a whole number is needed here".to_owned()),
    }
}

fn in_range(number: u64, min: u32, max: u32, unit: &str) -> Result<u32, String> {
    u32::try_from(number)
        .ok()
        .filter(|number| (min..=max).contains(number))
        .ok_or_else(|| match max {
            // The largest that the DNS can carry is no number that helps anybody.
            LARGEST_TTL => format!("{number} is out of range\nallowed: at least {min}{unit}"),
            _ => format!("{number} is out of range\nallowed: {min} to {max}{unit}"),
        })
}

impl Parameter {
    /// The bounds: those declared, within those of the type. A laboratory may go below the declared minimum.
    pub(crate) fn bounds(&self, in_laboratory: bool) -> (u32, u32) {
        let largest = match self.ty {
            ParameterType::Seconds => LARGEST_TTL,
            ParameterType::Preference => u16::MAX.into(),
        };
        let min = if in_laboratory {
            0
        } else {
            self.min.unwrap_or(0)
        };
        (min, self.max.unwrap_or(largest).min(largest))
    }

    /// Reads a value of this parameter.
    ///
    /// # Errors
    /// A sentence, after a line break the help.
    pub(crate) fn read(&self, value: &Value, in_laboratory: bool) -> Result<u32, String> {
        let (min, max) = self.bounds(in_laboratory);
        match self.ty {
            ParameterType::Seconds => seconds(value, min, max),
            ParameterType::Preference => number(value, min, max),
        }
    }
}

impl Argument {
    /// Reads a literal value of this argument.
    ///
    /// # Errors
    /// A sentence, after a line break the help.
    pub(super) fn read(&self, value: &Value) -> Result<Given, String> {
        match self.ty {
            ArgumentType::Seconds { min, max } => seconds(value, min, max).map(Given::Number),
            ArgumentType::Preference => number(value, 0, u16::MAX.into()).map(Given::Number),
            ArgumentType::Choice(words) => words
                .iter()
                .find(|word| matches!(value, Value::Text(text) if text == *word))
                .map(|word| Given::Word(word))
                .ok_or_else(|| {
                    format!(
                        "this is not one of the choices\nallowed: {}",
                        words.join(", ")
                    )
                }),
        }
    }
}

/// A setting that cannot be used.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SettingError {
    /// The parameter it is about.
    pub name: String,
    /// The kind of mistake.
    pub code: Code,
    /// A sentence, after a line break the help.
    pub text: String,
}

impl Playbook {
    /// The parameters of a run: the settings of a domain file over the defaults. A laboratory may go below the
    /// declared minimum, since its TTLs are seconds.
    ///
    /// # Errors
    /// Settings that no parameter declares, that are out of range, or that contradict each other.
    pub fn parameters(
        &self,
        settings: &BTreeMap<String, Value>,
        in_laboratory: bool,
    ) -> Result<Parameters, Vec<SettingError>> {
        let mut errors = Vec::new();
        let mut fail = |name: &str, code, text| {
            errors.push(SettingError {
                name: name.to_owned(),
                code,
                text,
            })
        };
        let declared: Vec<&str> = self.parameters.keys().map(String::as_str).collect();
        for name in settings
            .keys()
            .filter(|name| !self.parameters.contains_key(*name))
        {
            let text = format!(
                "the playbook {} has no parameter {}\n{}",
                self.name,
                quoted(name),
                one_of(name, &declared)
            );
            fail(name, Code::UnknownKey, text);
        }
        let mut values = BTreeMap::new();
        for (name, parameter) in &self.parameters {
            let value = settings.get(name).unwrap_or(&parameter.default);
            match parameter
                .read(value, in_laboratory)
                .and_then(|number| self.fits_arguments(name, number))
            {
                Ok(number) => {
                    values.insert(name.clone(), number);
                }
                Err(text) => fail(name, Code::OutOfRange, text),
            }
        }
        let parameters = Parameters(values);
        for step in self.planned(Schedule::Overlap, &parameters) {
            if let Some(text) = step.goal.contradiction()
                && let Some(name) = self.blamed(&step.id, settings)
            {
                fail(&name, Code::Contradiction, text);
            }
        }
        if errors.is_empty() {
            Ok(parameters)
        } else {
            Err(errors)
        }
    }

    /// The bounds of the arguments that a parameter fills.
    fn fits_arguments(&self, name: &str, number: u32) -> Result<u32, String> {
        for step in &self.steps {
            for (key, value) in &step.arguments {
                if reference(value) == Some(name)
                    && let Some(argument) = step.kind.argument(key)
                {
                    argument.read(&Value::Number(number.into()))?;
                }
            }
        }
        Ok(number)
    }

    /// The parameter to point at when the arguments of a step contradict each other: one that was set, if any.
    fn blamed(&self, id: &str, settings: &BTreeMap<String, Value>) -> Option<String> {
        let names: Vec<&str> = self
            .step(id)?
            .arguments
            .values()
            .filter_map(reference)
            .collect();
        let set = names.iter().find(|name| settings.contains_key(**name));
        set.or_else(|| names.first()).map(|name| (*name).to_owned())
    }
}
