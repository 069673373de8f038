//! From a parsed file to a type, by serde, with the place of each mistake.

use std::cell::RefCell;
use std::ops::Range;

use serde::de::{
    self, DeserializeOwned, DeserializeSeed, EnumAccess, IntoDeserializer, Unexpected,
};
use serde_yaml::Value;

use super::document::{Entry, Node, NodeKind};
use super::failure::{Failure, unknown_key};
use super::problem::{Code, Problem};

/// Decodes a tree. Unknown keys are collected; of other mistakes, the first ends the work.
pub(super) fn decode<T: DeserializeOwned>(value: &Value, root: &Node) -> Result<T, Vec<Problem>> {
    let unknown = RefCell::new(Vec::new());
    let result = At {
        value,
        node: root,
        owner: root.first(),
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
            && let Some(entry) = entries.iter().find(|entry| entry.key == *key)
        {
            return entry.place.clone();
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
        for Entry { key, place, value } in entries
            .iter()
            .filter(|entry| !fields.contains(&entry.key.as_str()))
        {
            let mut problem = unknown_key(key, fields).into_problem();
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
                let rest: Vec<_> = values.filter(|(_, entry)| fits(&entry.key)).collect();
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

struct MapWalk<'a> {
    at: At<'a>,
    rest: std::vec::IntoIter<(&'a Value, &'a Entry)>,
    current: Option<(&'a Value, &'a Entry)>,
}

impl<'de> de::MapAccess<'de> for MapWalk<'_> {
    type Error = Failure;

    fn next_key_seed<K: DeserializeSeed<'de>>(
        &mut self,
        seed: K,
    ) -> Result<Option<K::Value>, Failure> {
        self.current = self.rest.next();
        let Some((_, Entry { key, place, .. })) = self.current else {
            return Ok(None);
        };
        seed.deserialize(key.as_str().into_deserializer())
            .map(Some)
            .map_err(|mut failure: Failure| {
                failure.span.get_or_insert_with(|| place.clone());
                failure
            })
    }

    fn next_value_seed<V: DeserializeSeed<'de>>(&mut self, seed: V) -> Result<V::Value, Failure> {
        let Some((value, entry)) = self.current.take() else {
            return Err(Failure::new(
                Code::Syntax,
                "a value was asked for without its key".to_owned(),
            ));
        };
        self.at.child(value, &entry.value, &entry.place).seed(seed)
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
        self.at
            .child(value, node, node.first())
            .seed(seed)
            .map(Some)
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
