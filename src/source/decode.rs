//! From a parsed file to a type, by serde, with the place of each mistake.

use std::cell::RefCell;
use std::fmt::{self, Display};
use std::ops::Range;

use serde::de::{
    self, DeserializeOwned, DeserializeSeed, EnumAccess, Expected, IntoDeserializer, Unexpected,
};
use serde_yaml::Value;

use super::document::{Node, NodeKind};
use super::problem::{Code, Problem};
use super::shown::quoted;
use super::suggest::one_of;

/// Decodes a tree. Unknown keys are collected; of other mistakes, the first ends the work.
pub(super) fn decode<T: DeserializeOwned>(value: &Value, root: &Node) -> Result<T, Vec<Problem>> {
    let unknown = RefCell::new(Vec::new());
    let owner = match &root.kind {
        NodeKind::Map(entries) => entries
            .first()
            .map_or_else(|| root.span.clone(), |entry| entry.1.clone()),
        _ => root.span.clone(),
    };
    let result = At {
        value,
        node: root,
        owner: &owner,
        unknown: &unknown,
    }
    .seed(std::marker::PhantomData);
    let mut problems = unknown.into_inner();
    match result {
        Ok(decoded) if problems.is_empty() => Ok(decoded),
        Ok(_) => Err(problems),
        Err(failure) => {
            // A mistyped key is one mistake, not two.
            let meant = |name: &str| format!("did you mean `{name}`?");
            let mistyped = failure.missing.is_some_and(|name| {
                problems.iter().any(|p| {
                    p.help
                        .as_ref()
                        .is_some_and(|help| help.starts_with(&meant(name)))
                })
            });
            if !mistyped {
                problems.push(failure.into_problem());
            }
            Err(problems)
        }
    }
}

/// A mistake, before and after its place is known.
#[derive(Debug)]
struct Failure {
    code: Code,
    text: String,
    /// The key that the mistake is about, when the mapping around it must find it.
    key: Option<String>,
    missing: Option<&'static str>,
    span: Option<Range<usize>>,
}

impl Failure {
    fn new(code: Code, text: String) -> Self {
        Self {
            code,
            text,
            key: None,
            missing: None,
            span: None,
        }
    }

    fn into_problem(self) -> Problem {
        let problem = Problem::new(self.code, self.span.unwrap_or_default(), &self.text);
        if self.code == Code::LiteralSecret {
            problem.hiding()
        } else {
            problem
        }
    }
}

impl Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl std::error::Error for Failure {}

impl de::Error for Failure {
    fn custom<T: Display>(message: T) -> Self {
        let text = message.to_string();
        let code = if text.starts_with("a secret must not") {
            Code::LiteralSecret
        } else {
            Code::BadValue
        };
        let text = match text.as_str() {
            "invalid IP address syntax" => {
                "this is no IP address\nwrite it as 192.0.2.1 or 2001:db8::1".to_owned()
            }
            "invalid socket address syntax" => {
                "this is no address with a port\nwrite it as 192.0.2.1:443 or [2001:db8::1]:443"
                    .to_owned()
            }
            _ => text,
        };
        Self::new(code, text)
    }

    fn invalid_type(found: Unexpected<'_>, expected: &dyn Expected) -> Self {
        let (found, help) = match found {
            Unexpected::Unit => (
                "nothing",
                "\nwrite a value after the colon, or remove the key",
            ),
            Unexpected::Bool(_) => ("true or false", "\nput it in quotes if a text is meant"),
            Unexpected::Unsigned(_) => ("a number", "\nput it in quotes if a text is meant"),
            Unexpected::Signed(_) => ("a negative number", ""),
            Unexpected::Float(_) => ("a number with a fraction", ""),
            Unexpected::Str(_) => ("text", ""),
            Unexpected::Seq => ("a list", ""),
            Unexpected::Map => ("a mapping", ""),
            _ => ("something else", ""),
        };
        let expected = plain(expected);
        // Quotes help only where text is expected.
        let help = if help.contains("quotes") && expected != "text" {
            ""
        } else {
            help
        };
        Self::new(
            Code::WrongType,
            format!("expected {expected}, found {found}{help}"),
        )
    }

    fn invalid_value(found: Unexpected<'_>, expected: &dyn Expected) -> Self {
        let found = match found {
            Unexpected::Unsigned(number) => number.to_string(),
            Unexpected::Signed(number) => number.to_string(),
            _ => "this".to_owned(),
        };
        Self::new(
            Code::OutOfRange,
            format!("{found} is out of range\nexpected {}", plain(expected)),
        )
    }

    fn unknown_variant(variant: &str, expected: &'static [&'static str]) -> Self {
        Self::new(
            Code::UnknownValue,
            format!(
                "{} is not known here\n{}",
                quoted(variant),
                one_of(variant, expected)
            ),
        )
    }

    fn unknown_field(field: &str, expected: &'static [&'static str]) -> Self {
        Self {
            key: Some(field.to_owned()),
            ..unknown_key(field, expected)
        }
    }

    fn missing_field(field: &'static str) -> Self {
        let text = format!("the key {} is missing\nadd it here", quoted(field));
        Self {
            missing: Some(field),
            ..Self::new(Code::MissingKey, text)
        }
    }
}

fn unknown_key(field: &str, expected: &[&str]) -> Failure {
    Failure::new(
        Code::UnknownKey,
        format!(
            "the key {} is not known here\n{}",
            quoted(field),
            one_of(field, expected)
        ),
    )
}

/// The words of serde and of Rust types in plain ones.
fn plain(expected: &dyn Expected) -> String {
    let text = expected.to_string();
    match text.as_str() {
        "a string" => "text".to_owned(),
        "a boolean" => "true or false".to_owned(),
        "u8" => "a whole number from 0 to 255".to_owned(),
        "u16" => "a whole number from 0 to 65535".to_owned(),
        "u32" => "a whole number from 0 to 4294967295".to_owned(),
        "u64" => "a whole number".to_owned(),
        "a sequence" => "a list".to_owned(),
        "a map" => "a mapping".to_owned(),
        "IP address" => "an IP address".to_owned(),
        "socket address" => "an address with a port".to_owned(),
        _ if text.starts_with("struct ") => "a mapping".to_owned(),
        _ if text.starts_with("enum ") || text == "variant identifier" => "a word".to_owned(),
        _ => text,
    }
}

/// A value at its place.
#[derive(Clone, Copy)]
struct At<'a> {
    value: &'a Value,
    node: &'a Node,
    /// The key in front of it, where what is missing in it is reported.
    owner: &'a Range<usize>,
    unknown: &'a RefCell<Vec<Problem>>,
}

impl<'a> At<'a> {
    /// Decodes this value; a mistake in it gets this place unless it has a closer one.
    fn seed<'de, S: DeserializeSeed<'de>>(self, seed: S) -> Result<S::Value, Failure> {
        seed.deserialize(self).map_err(|mut failure| {
            if failure.span.is_none() {
                failure.span = Some(self.place_of(&failure));
            }
            failure
        })
    }

    fn place_of(self, failure: &Failure) -> Range<usize> {
        if let (Some(key), NodeKind::Map(entries)) = (&failure.key, &self.node.kind)
            && let Some((_, place, _)) = entries.iter().find(|entry| entry.0 == *key)
        {
            return place.clone();
        }
        match self.node.kind {
            NodeKind::Map(_) => self.owner.clone(),
            NodeKind::List(_) if failure.missing.is_some() => self.owner.clone(),
            _ => self.node.span.clone(),
        }
    }

    fn child(self, value: &'a Value, node: &'a Node, owner: &'a Range<usize>) -> Self {
        Self {
            value,
            node,
            owner,
            ..self
        }
    }

    fn note_unknown(self, fields: &'static [&'static str]) {
        let NodeKind::Map(entries) = &self.node.kind else {
            return;
        };
        for (name, place, value) in entries
            .iter()
            .filter(|entry| !fields.contains(&entry.0.as_str()))
        {
            let mut problem = unknown_key(name, fields).into_problem();
            problem.span = Some(place.clone());
            // A secret under a mistyped key is still a secret.
            if let NodeKind::Scalar(text, _) = &value.kind
                && text.len() >= 12
                && !text.contains(char::is_whitespace)
            {
                problem = problem.hiding_also(value.span.clone());
            }
            self.unknown.borrow_mut().push(problem);
        }
    }

    fn map<'de, V: de::Visitor<'de>>(
        self,
        visitor: V,
        known: Option<&'static [&'static str]>,
    ) -> Result<V::Value, Failure> {
        match (self.value, &self.node.kind) {
            (Value::Mapping(map), NodeKind::Map(entries)) => {
                let values = map.iter().map(|(_, value)| value).zip(entries);
                let fits = |name: &str| known.is_none_or(|known| known.contains(&name));
                let rest: Vec<_> = values.filter(|(_, entry)| fits(&entry.0)).collect();
                visitor.visit_map(MapWalk {
                    at: self,
                    rest: rest.into_iter(),
                    current: None,
                })
            }
            _ => de::Deserializer::deserialize_any(self, visitor),
        }
    }
}

impl<'de> de::Deserializer<'de> for At<'_> {
    type Error = Failure;

    fn deserialize_any<V: de::Visitor<'de>>(self, visitor: V) -> Result<V::Value, Failure> {
        match (self.value, &self.node.kind) {
            (Value::Null, _) => visitor.visit_unit(),
            (Value::Bool(value), _) => visitor.visit_bool(*value),
            (Value::Number(number), _) => match (number.as_u64(), number.as_i64(), number.as_f64())
            {
                (Some(number), _, _) => visitor.visit_u64(number),
                (_, Some(number), _) => visitor.visit_i64(number),
                (_, _, Some(number)) => visitor.visit_f64(number),
                _ => Err(Failure::new(
                    Code::WrongType,
                    "this number cannot be read".to_owned(),
                )),
            },
            (Value::String(text), _) => visitor.visit_str(text),
            (Value::Sequence(values), NodeKind::List(items)) => visitor.visit_seq(ListWalk {
                at: self,
                rest: values.iter().zip(items).rev().collect(),
            }),
            (Value::Mapping(_), NodeKind::Map(_)) => self.map(visitor, None),
            _ => Err(Failure::new(
                Code::Syntax,
                "this YAML is not taken here".to_owned(),
            )),
        }
    }

    fn deserialize_option<V: de::Visitor<'de>>(self, visitor: V) -> Result<V::Value, Failure> {
        match self.value {
            Value::Null => visitor.visit_none(),
            _ => visitor.visit_some(self),
        }
    }

    fn deserialize_struct<V: de::Visitor<'de>>(
        self,
        _: &'static str,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Failure> {
        self.note_unknown(fields);
        // serde's derived visitors also take a list, by position; nobody writes files like that.
        match self.value {
            Value::Mapping(_) => self.map(visitor, Some(fields)),
            Value::Sequence(_) => Err(de::Error::invalid_type(Unexpected::Seq, &"a mapping")),
            _ => self.deserialize_any(visitor),
        }
    }

    fn deserialize_newtype_struct<V: de::Visitor<'de>>(
        self,
        _: &'static str,
        visitor: V,
    ) -> Result<V::Value, Failure> {
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_enum<V: de::Visitor<'de>>(
        self,
        _: &'static str,
        _: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Failure> {
        match self.value {
            Value::String(text) => visitor.visit_enum(Word(text)),
            _ => self.deserialize_any(visitor),
        }
    }

    fn deserialize_ignored_any<V: de::Visitor<'de>>(self, visitor: V) -> Result<V::Value, Failure> {
        visitor.visit_unit()
    }

    serde::forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf
        unit unit_struct seq tuple tuple_struct map identifier
    }
}

/// A value beside its key, the key's place, and its node.
type Keyed<'a> = (&'a Value, &'a (String, Range<usize>, Node));

struct MapWalk<'a> {
    at: At<'a>,
    rest: std::vec::IntoIter<Keyed<'a>>,
    current: Option<Keyed<'a>>,
}

impl<'de> de::MapAccess<'de> for MapWalk<'_> {
    type Error = Failure;

    fn next_key_seed<K: DeserializeSeed<'de>>(
        &mut self,
        seed: K,
    ) -> Result<Option<K::Value>, Failure> {
        self.current = self.rest.next();
        let Some((_, (name, place, _))) = self.current else {
            return Ok(None);
        };
        seed.deserialize(name.as_str().into_deserializer())
            .map(Some)
            .map_err(|mut failure: Failure| {
                failure.span.get_or_insert_with(|| place.clone());
                failure
            })
    }

    fn next_value_seed<V: DeserializeSeed<'de>>(&mut self, seed: V) -> Result<V::Value, Failure> {
        let Some((value, (_, place, node))) = self.current.take() else {
            return Err(Failure::new(
                Code::Syntax,
                "a value was asked for without its key".to_owned(),
            ));
        };
        self.at.child(value, node, place).seed(seed)
    }
}

struct ListWalk<'a> {
    at: At<'a>,
    rest: Vec<(&'a Value, &'a Node)>,
}

impl<'de> de::SeqAccess<'de> for ListWalk<'_> {
    type Error = Failure;

    fn next_element_seed<S: DeserializeSeed<'de>>(
        &mut self,
        seed: S,
    ) -> Result<Option<S::Value>, Failure> {
        let Some((value, node)) = self.rest.pop() else {
            return Ok(None);
        };
        // What is missing in an item is reported at its first key.
        let owner = match &node.kind {
            NodeKind::Map(entries) => entries.first().map_or(&node.span, |entry| &entry.1),
            _ => &node.span,
        };
        self.at.child(value, node, owner).seed(seed).map(Some)
    }

    fn size_hint(&self) -> Option<usize> {
        Some(self.rest.len())
    }
}

/// A word where an enum is expected.
struct Word<'a>(&'a str);

impl<'de> EnumAccess<'de> for Word<'_> {
    type Error = Failure;
    type Variant = Unit;

    fn variant_seed<V: DeserializeSeed<'de>>(self, seed: V) -> Result<(V::Value, Unit), Failure> {
        Ok((seed.deserialize(self.0.into_deserializer())?, Unit))
    }
}

struct Unit;

impl<'de> de::VariantAccess<'de> for Unit {
    type Error = Failure;

    fn unit_variant(self) -> Result<(), Failure> {
        Ok(())
    }

    fn newtype_variant_seed<T: DeserializeSeed<'de>>(self, _: T) -> Result<T::Value, Failure> {
        Err(de::Error::invalid_type(
            Unexpected::UnitVariant,
            &"a mapping",
        ))
    }

    fn tuple_variant<V: de::Visitor<'de>>(self, _: usize, _: V) -> Result<V::Value, Failure> {
        Err(de::Error::invalid_type(Unexpected::UnitVariant, &"a list"))
    }

    fn struct_variant<V: de::Visitor<'de>>(
        self,
        _: &'static [&'static str],
        _: V,
    ) -> Result<V::Value, Failure> {
        Err(de::Error::invalid_type(
            Unexpected::UnitVariant,
            &"a mapping",
        ))
    }
}
