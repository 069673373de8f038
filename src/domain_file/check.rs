//! What the types alone cannot tell about a domain file.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;

use super::provider::{FieldInfo, ProviderInfo};
use super::{
    Approve, Delegation, Dns, DomainFile, Endpoint, Field, MtaSts, Place, SecretRefError,
    TextOrFile,
};
use crate::playbook::{Playbook, SettingError};
use crate::source::{Code, Document, Part, Problem, Step as Way, closest, one_of, quoted};

/// Every mistake but those about the playbook.
pub(super) fn check(
    document: &Document,
    file: &DomainFile,
    providers: &[ProviderInfo],
) -> Vec<Problem> {
    let mut checker = Checker {
        document,
        problems: Vec::new(),
    };
    checker.provider(file, providers);
    checker.zone(file);
    checker.resolve(file);
    checker.timing(file);
    checker.files(file);
    checker.problems.extend(file.change.check(document));
    checker.problems.extend(MtaSts::check(file, document));
    checker.problems
}

/// Gates answered beforehand must exist, so that a slip of the finger is no silent stop later.
pub(super) fn gates(document: &Document, file: &DomainFile, playbook: &Playbook) -> Vec<Problem> {
    let mut checker = Checker {
        document,
        problems: Vec::new(),
    };
    let Approve::Gates(gates) = &file.approve else {
        return Vec::new();
    };
    let known = playbook.gates();
    let mut seen = BTreeSet::new();
    for (index, gate) in gates.iter().enumerate() {
        let way = ["approve".into(), index.into()];
        if !known.contains(&gate.as_str()) {
            let text = format!(
                "the playbook {} has no gate {}\n{}; or approve: all",
                playbook.name,
                quoted(gate),
                one_of(gate, &known)
            );
            checker.report(Code::UnknownValue, &way, Part::Value, &text);
        } else if !seen.insert(gate) {
            checker.report(
                Code::Contradiction,
                &way,
                Part::Value,
                &format!("{} stands here twice\nremove one of them", quoted(gate)),
            );
        }
    }
    checker.problems
}

/// The mistakes in `settings:`, each at its key or value.
pub(super) fn settings(document: &Document, errors: &[SettingError]) -> Vec<Problem> {
    let place = |error: &SettingError| {
        let part = if error.code == Code::UnknownKey {
            Part::Key
        } else {
            Part::Value
        };
        document.span(&["settings".into(), error.name.as_str().into()], part)
    };
    errors
        .iter()
        .map(|error| Problem::new(error.code, place(error), &error.text))
        .collect()
}

struct Checker<'a> {
    document: &'a Document,
    problems: Vec<Problem>,
}

impl Checker<'_> {
    fn report(&mut self, code: Code, way: &[Way<'_>], part: Part, text: &str) {
        self.problems
            .push(Problem::new(code, self.document.span(way, part), text));
    }

    fn provider(&mut self, file: &DomainFile, providers: &[ProviderInfo]) {
        let slugs: Vec<&str> = providers.iter().map(|provider| provider.slug).collect();
        let dns = &file.dns;
        let known = self.party(
            "dns",
            (&dns.provider, &dns.fields),
            &Dns::KEYS,
            (providers, &slugs),
        );
        if dns.delegation == Delegation::Registrar
            && file.registrar.is_none()
            && let Some(provider) = known.filter(|provider| !provider.registrar)
        {
            let text = format!(
                "the provider {} is no registrar, so it cannot publish the DS at the parent\nallowed here: auto, cds, manual; \
                 or name the registrar under registrar",
                provider.slug
            );
            self.report(
                Code::Contradiction,
                &["dns".into(), "delegation".into()],
                Part::Value,
                &text,
            );
        }
        let Some(registrar) = &file.registrar else {
            return;
        };
        if matches!(dns.delegation, Delegation::Cds | Delegation::Manual) {
            self.report(
                Code::Contradiction,
                &["dns".into(), "delegation".into()],
                Part::Value,
                "a registrar is named, and the DS shall not be brought to the parent by it\nuse auto or registrar here, or remove registrar",
            );
        }
        let registrars: Vec<&str> = providers
            .iter()
            .filter(|provider| provider.registrar)
            .map(|provider| provider.slug)
            .collect();
        let party = (registrar.provider.as_str(), &registrar.fields);
        self.party("registrar", party, &["provider"], (providers, &registrars));
    }

    /// A part that names a provider and its fields; `allowed` are those it may name.
    fn party<'p>(
        &mut self,
        section: &'static str,
        (name, fields): (&str, &BTreeMap<String, Field>),
        keys: &[&'static str],
        (providers, allowed): (&'p [ProviderInfo], &[&str]),
    ) -> Option<&'p ProviderInfo> {
        let Some(provider) = providers
            .iter()
            .find(|provider| provider.slug == name && allowed.contains(&provider.slug))
        else {
            let what = if section == "dns" {
                "provider"
            } else {
                "registrar"
            };
            let text = format!(
                "there is no {what} {}\n{}",
                quoted(name),
                one_of(name, allowed)
            );
            self.report(
                Code::UnknownValue,
                &[section.into(), "provider".into()],
                Part::Value,
                &text,
            );
            return None;
        };
        let known: Vec<&str> = keys
            .iter()
            .copied()
            .chain(provider.fields.iter().map(|field| field.key.as_str()))
            .collect();
        let mut meant = Vec::new();
        for (key, value) in fields {
            let way = [Way::Key(section), Way::Key(key)];
            let Some(field) = provider.fields.iter().find(|field| field.key == *key) else {
                meant.extend(closest(key, known.iter().copied()));
                let text = format!(
                    "the provider {} has no field {}\n{}",
                    provider.slug,
                    quoted(key),
                    one_of(key, &known)
                );
                // What stands under a mistyped key may be a secret.
                let problem =
                    Problem::new(Code::UnknownKey, self.document.span(&way, Part::Key), &text);
                self.problems.push(match value {
                    Field::Text(_) => problem.hiding_also(self.document.span(&way, Part::Value)),
                    Field::Secret(_) => problem,
                });
                continue;
            };
            let place = self.document.span(&way, Part::Value);
            self.problems.extend(field_problem(field, value, place));
        }
        for field in provider
            .fields
            .iter()
            .filter(|field| field.required() && !fields.contains_key(&field.key))
            // A mistyped key is one mistake, not two.
            .filter(|field| !meant.contains(&field.key.as_str()))
        {
            let form = if field.secret {
                "env:NAME or file:PATH"
            } else {
                "..."
            };
            let text = format!(
                "the provider {} needs the field {} ({})\nadd {}: {form} under {section}, or set the environment variable {}",
                provider.slug,
                quoted(&field.key),
                field.about,
                field.key,
                field.env
            );
            self.report(
                Code::MissingKey,
                &[section.into(), "provider".into()],
                Part::Value,
                &text,
            );
        }
        Some(provider)
    }

    fn zone(&mut self, file: &DomainFile) {
        if let Some(zone) = &file.dns.zone
            && !file.domain.is_in(zone)
        {
            let text = format!(
                "the domain {} is not in this zone\nthe zone is the domain itself or one of its parents",
                file.domain
            );
            self.report(
                Code::Contradiction,
                &["dns".into(), "zone".into()],
                Part::Value,
                &text,
            );
        }
    }

    fn resolve(&mut self, file: &DomainFile) {
        let resolve = &file.resolve;
        if !resolve.roots.is_empty() && !resolve.forwarders.is_empty() {
            self.report(Code::Contradiction, &["resolve".into(), "forwarders".into()], Part::Key, "both roots and forwarders are given\nkeep one: roots to walk down from them, forwarders to ask others");
        }
        for (section, port) in [("resolve", resolve.port), ("smtp", file.smtp.port)] {
            if port == 0 {
                self.report(
                    Code::OutOfRange,
                    &[section.into(), "port".into()],
                    Part::Value,
                    "0 is no port\nallowed: 1 to 65535",
                );
            }
        }
        if resolve.resolvers.is_empty() {
            self.report(Code::BadValue, &["resolve".into(), "resolvers".into()], Part::Key, "without a resolver nobody shows what senders see\nname at least one, or remove the key to use the public ones");
        }
        let mut names = BTreeSet::new();
        for (index, resolver) in resolve.resolvers.iter().enumerate() {
            let way = [
                "resolve".into(),
                "resolvers".into(),
                index.into(),
                "name".into(),
            ];
            if resolver.name.trim().is_empty() {
                self.report(
                    Code::BadValue,
                    &way,
                    Part::Value,
                    "the name is empty\nsay what output shall call this resolver",
                );
            } else if !names.insert(&resolver.name) {
                self.report(Code::Contradiction, &way, Part::Value, "another resolver has this name\ngive each its own, so that output can tell them apart");
            }
        }
    }

    fn timing(&mut self, file: &DomainFile) {
        for (key, value, min, max) in file.timing.bounds() {
            if value < min || value > max {
                let text = format!("{value} is out of range\nallowed: {min} to {max}");
                self.report(
                    Code::OutOfRange,
                    &["timing".into(), key.into()],
                    Part::Value,
                    &text,
                );
            }
        }
    }

    fn files(&mut self, file: &DomainFile) {
        let anchor = match &file.resolve.trust_anchor {
            Some(TextOrFile::File(place)) => Some(place),
            _ => None,
        };
        let places: [(&str, &str, Option<&Place>); 2] = [
            ("resolve", "trust_anchor", anchor),
            ("https", "roots", file.https.roots.as_ref()),
        ];
        for (section, key, place) in places {
            if let Some(path) = place.map(Place::path)
                && !path.is_file()
            {
                let text = format!(
                    "there is no file {}\nthe path is relative to this file",
                    quoted(&path.display().to_string())
                );
                self.report(
                    Code::BadValue,
                    &[section.into(), key.into()],
                    Part::Value,
                    &text,
                );
            }
        }
    }
}

/// What is wrong with the value of a provider's field.
fn field_problem(field: &FieldInfo, value: &Field, place: Range<usize>) -> Option<Problem> {
    match value {
        Field::Text(text) if field.secret => {
            let (code, error) = match text.split_once(':') {
                Some(("env", _)) => (Code::BadValue, SecretRefError::BadVariable),
                Some(("file", _)) => (Code::BadValue, SecretRefError::BadPath),
                _ => (Code::LiteralSecret, SecretRefError::Literal),
            };
            Some(Problem::new(code, place, &error.to_string()).hiding())
        }
        Field::Text(text) if text.trim().is_empty() => Some(Problem::new(
            Code::BadValue,
            place,
            "this is empty\nwrite a value, or remove the key",
        )),
        // Whatever looks like the address of an API has to be safe to send secrets to.
        Field::Text(text) if text.contains("://") => {
            let error = text.parse::<Endpoint>().err()?;
            Some(Problem::new(Code::BadValue, place, &error.to_string()))
        }
        Field::Secret(_) if !field.secret => {
            let text = format!(
                "{} is no secret, so it takes the value itself\nwrite the value instead of the reference",
                quoted(&field.key)
            );
            Some(Problem::new(Code::BadValue, place, &text))
        }
        Field::Text(_) | Field::Secret(_) => None,
    }
}
