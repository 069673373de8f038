//! What each provider is and needs: the source of help texts, of the questions of `rollout init` and of the documents.

use std::{collections::BTreeMap, fmt};

use secrecy::{ExposeSecret, SecretString};
use serde::Serialize;

use crate::{Error, Kind, Limit, Name, Options, Provider, Result, Writes};

/// A provider, described.
#[derive(Debug)]
pub struct Info {
    /// Its word in a domain file.
    pub slug: &'static str,
    /// Its name for people.
    pub title: &'static str,
    /// Where its interface is documented.
    pub docs: &'static str,
    /// Endings of the name servers it uses. A hint, never proof: vanity names and secondaries exist.
    pub nameservers: &'static [&'static str],
    /// What it must be told.
    pub fields: &'static [Field],
    /// What it can do.
    pub capabilities: Capabilities,
    /// How much it can take, where that is documented: what is spent is counted for all runs on one credential.
    pub limits: &'static [Limit],
    /// The least rights its credentials need, as sentences.
    pub rights: &'static str,
    /// The same one by one, and how far each can be seen without a write.
    pub access: Access,
    /// Makes one from checked fields. Call [`Info::open`] instead.
    pub(crate) connect: fn(&Fields<'_>, Options) -> Result<Box<dyn Provider>>,
}

/// Something a provider must be told.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Field {
    /// Its word in a domain file.
    pub key: &'static str,
    /// What it means, as a sentence.
    pub meaning: &'static str,
    /// The environment variable it is taken from when the domain file does not say.
    pub env: &'static str,
    /// Whether it must never be shown. A secret is not accepted from plain text.
    pub secret: bool,
    /// What holds when nothing is said; `None` means it must be said, empty text that it need not be. A secret has no other.
    pub default: Option<&'static str>,
}

impl Field {
    /// Whether it must be said.
    #[must_use]
    pub const fn required(&self) -> bool {
        self.default.is_none()
    }
}

/// What a provider's credentials must be allowed, where they are made, and what can be told of them without a write.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Access {
    /// Every right that a rollout needs; empty where a person does the work.
    pub rights: &'static [Right],
    /// Where the credentials are made: the pages of the vendor's console, or the file of the server.
    pub made_at: &'static str,
    /// What its interface tells of the credentials' own rights, as a sentence.
    pub told: &'static str,
}

/// A right that credentials need.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Right {
    /// Its name in the vendor's own words.
    pub name: &'static str,
    /// What it is needed for, as words after "to".
    pub purpose: &'static str,
    /// What shows that it is there.
    pub shown_by: ShownBy,
}

/// What shows that credentials have a right.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum ShownBy {
    /// That the zone and its record sets can be read.
    Reading,
    /// That the provider says whether the zone is signed.
    SigningStatus,
    /// That the whole zone can be listed. A rollout manages without, with longer waits.
    Listing,
    /// Nothing but a write, which nobody makes only to find out.
    Write,
}

/// What a provider's interface tells of the credentials themselves.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Standing {
    /// Whether they are in force; `None` where it does not say.
    pub active: Option<bool>,
    /// Its own words for how they stand, made safe to show.
    pub said: String,
    /// When they end, in its own words, made safe to show.
    pub ends: Option<String>,
}

/// What a provider can do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Capabilities {
    /// Whether record sets can be read through it; else only DNS tells.
    pub reads: bool,
    /// Whether it signs zones through its interface.
    pub signs: bool,
    /// Whether it tells the keys of a zone that it signs; else only DNS does.
    pub keys: bool,
    /// How well its writes are guarded against somebody else's at the same moment.
    pub writes: Writes,
    /// How a DS gets from a zone it serves to the parent.
    pub delegation: Delegation,
    /// What it takes as a registrar of domains, where its interface reaches the parent: for zones it serves and for others.
    pub registrar: Option<Takes>,
    /// What is known about the smallest TTL.
    pub ttl_floor: &'static str,
}

/// How a DS gets from a zone to the parent, if no registrar's interface brings it there.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Delegation {
    /// A person enters it at the registrar.
    ByHand,
    /// The zone announces it (CDS, RFC 8078) and registries that look take it; elsewhere a person enters it. A provider with a
    /// [`registrar`](crate::Provider::registrar) begins to announce when told, one without as soon as it signs.
    Announced,
}

/// What a registrar takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Takes {
    /// The digest of the key.
    Ds,
    /// The key, of which the registrar or the registry makes the digest.
    Dnskey,
}

/// A field's value, plain or secret.
#[derive(Clone)]
pub enum FieldValue {
    /// Plain text.
    Plain(String),
    /// Never shown.
    Secret(SecretString),
}

impl fmt::Debug for FieldValue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Plain(text) => write!(f, "{text:?}"),
            Self::Secret(_) => f.write_str("[secret]"),
        }
    }
}

impl From<&str> for FieldValue {
    fn from(text: &str) -> Self {
        Self::Plain(text.to_owned())
    }
}

impl From<String> for FieldValue {
    fn from(text: String) -> Self {
        Self::Plain(text)
    }
}

impl From<SecretString> for FieldValue {
    fn from(secret: SecretString) -> Self {
        Self::Secret(secret)
    }
}

impl Info {
    /// Makes a provider from the fields. Sends nothing yet.
    ///
    /// # Errors
    /// `Rejected` for an unknown, missing, empty or malformed field, and for a secret given as plain text.
    pub fn open(
        &self,
        fields: &BTreeMap<String, FieldValue>,
        options: Options,
    ) -> Result<Box<dyn Provider>> {
        if let Some(unknown) = fields
            .keys()
            .find(|key| !self.fields.iter().any(|field| field.key == key.as_str()))
        {
            let known: Vec<_> = self.fields.iter().map(|field| field.key).collect();
            let known = if known.is_empty() {
                "none".to_owned()
            } else {
                known.join(", ")
            };
            return Err(self.wrong(format!(
                "there is no field {unknown:?}; the fields are: {known}"
            )));
        }
        for field in self.fields {
            match fields.get(field.key) {
                Some(FieldValue::Plain(_)) if field.secret => {
                    let Field { key, env, .. } = field;
                    return Err(self.wrong(format!(
                        "{key:?} is a secret and was given as plain text; put it into {env}"
                    )));
                }
                Some(FieldValue::Plain(text)) if text.trim().is_empty() => {
                    return Err(self.wrong(format!("{:?} is empty", field.key)));
                }
                Some(FieldValue::Secret(text)) if text.expose_secret().trim().is_empty() => {
                    return Err(self.wrong(format!("{:?} is empty", field.key)));
                }
                None if field.required() => {
                    let Field {
                        key, env, meaning, ..
                    } = field;
                    return Err(self.wrong(format!(
                        "{key:?} is missing ({meaning}); say it there or in {env}"
                    )));
                }
                _ => {}
            }
        }
        (self.connect)(
            &Fields {
                info: self,
                given: fields,
            },
            options,
        )
    }

    /// The fields with everything that was not said taken from `lookup`, such as the environment.
    #[must_use]
    pub fn completed(
        &self,
        mut fields: BTreeMap<String, FieldValue>,
        lookup: impl Fn(&str) -> Option<String>,
    ) -> BTreeMap<String, FieldValue> {
        for field in self.fields {
            if fields.contains_key(field.key) {
                continue;
            }
            if let Some(text) = lookup(field.env).filter(|text| !text.trim().is_empty()) {
                let value = if field.secret {
                    FieldValue::Secret(text.into())
                } else {
                    FieldValue::Plain(text)
                };
                fields.insert(field.key.to_owned(), value);
            }
        }
        fields
    }

    /// Whether these name servers look like this provider's.
    #[must_use]
    pub fn serves(&self, nameservers: &[Name]) -> bool {
        let ours = |server: &Name| {
            self.nameservers
                .iter()
                .any(|ending| Name::parse(ending).is_ok_and(|ending| server.is_within(&ending)))
        };
        nameservers.iter().any(ours)
    }

    fn wrong(&self, message: String) -> Error {
        Error::new(self.slug, "start", Kind::Rejected, message)
    }
}

/// Checked fields: every required one is there, every secret one is a secret.
pub(crate) struct Fields<'a> {
    info: &'a Info,
    given: &'a BTreeMap<String, FieldValue>,
}

impl Fields<'_> {
    /// The text of a plain field, or its default.
    pub(crate) fn text(&self, key: &str) -> &str {
        match self.given.get(key) {
            Some(FieldValue::Plain(text)) => text.trim(),
            Some(FieldValue::Secret(secret)) => secret.expose_secret().trim(),
            None => self
                .info
                .fields
                .iter()
                .find(|field| field.key == key)
                .and_then(|field| field.default)
                .unwrap_or(""),
        }
    }

    /// A secret field.
    pub(crate) fn secret(&self, key: &str) -> SecretString {
        self.text(key).to_owned().into()
    }

    /// A field that cannot be used.
    pub(crate) fn wrong(&self, key: &str, why: impl fmt::Display) -> Error {
        self.info.wrong(format!("{key:?} cannot be used: {why}"))
    }
}

/// Every provider, by slug.
#[must_use]
pub fn registry() -> &'static [&'static Info] {
    crate::PROVIDERS
}

/// The provider with that slug.
#[must_use]
pub fn find(slug: &str) -> Option<&'static Info> {
    registry().iter().find(|info| info.slug == slug).copied()
}

/// The providers that these name servers look like. A hint for `rollout init`, never proof.
#[must_use]
pub fn likely(nameservers: &[Name]) -> Vec<&'static Info> {
    registry()
        .iter()
        .filter(|info| info.serves(nameservers))
        .copied()
        .collect()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn every_provider_is_described() {
        let slugs: BTreeSet<_> = registry().iter().map(|info| info.slug).collect();
        assert_eq!(slugs.len(), registry().len(), "two providers share a slug");
        for info in registry() {
            assert!(
                info.docs.starts_with("https://") && !info.title.is_empty(),
                "{}",
                info.slug
            );
            assert!(info.rights.ends_with('.'), "{}", info.slug);
            assert!(
                info.access.made_at.ends_with('.') && info.access.told.ends_with('.'),
                "{}",
                info.slug
            );
            // Who changes records through it says with which right.
            assert_eq!(
                info.access.rights.is_empty(),
                !info.capabilities.reads,
                "{}",
                info.slug
            );
            for right in info.access.rights {
                assert!(
                    !right.name.is_empty() && !right.purpose.is_empty(),
                    "{}",
                    info.slug
                );
            }
            assert_eq!(find(info.slug).map(|found| found.slug), Some(info.slug));
            let ending = |ending: &&str| Name::parse(ending).is_ok();
            assert!(info.nameservers.iter().all(ending), "{}", info.slug);
            let keys: BTreeSet<_> = info.fields.iter().map(|field| field.key).collect();
            assert_eq!(keys.len(), info.fields.len(), "{}", info.slug);
            for field in info.fields {
                assert!(
                    field
                        .key
                        .chars()
                        .all(|c| c.is_ascii_lowercase() || c == '-'),
                    "{}",
                    field.key
                );
                assert!(
                    field
                        .env
                        .chars()
                        .all(|c| c.is_ascii_uppercase() || c.is_ascii_digit() || c == '_'),
                    "{}",
                    field.env
                );
                assert!(
                    !field.secret || field.default.is_none_or(str::is_empty),
                    "a secret with a default: {}",
                    field.key
                );
            }
        }
        assert!(find("nothing").is_none());
    }

    #[test]
    fn name_servers_hint_at_their_host() {
        let hint = |server: &str| {
            likely(&[server.parse().unwrap()])
                .iter()
                .map(|info| info.slug)
                .collect::<Vec<_>>()
        };
        assert_eq!(hint("ada.ns.cloudflare.com"), ["cloudflare"]);
        assert!(hint("ns.notcloudflare.com").is_empty() && hint("ns1.example").is_empty());
    }

    #[test]
    fn fields_come_from_the_environment_where_they_are_not_said() {
        let info = find("powerdns").unwrap();
        let given = BTreeMap::from([("url".to_owned(), FieldValue::from("http://127.0.0.1:1"))]);
        let fields = info.completed(given, |variable| match variable {
            "POWERDNS_API_KEY" => Some("hush".to_owned()),
            "POWERDNS_URL" => Some("http://127.0.0.1:2".to_owned()),
            _ => None,
        });
        assert!(matches!(&fields["url"], FieldValue::Plain(url) if url.ends_with(":1")));
        assert!(
            matches!(fields["api-key"], FieldValue::Secret(_))
                && !format!("{fields:?}").contains("hush")
        );
        assert!(!fields.contains_key("server"));
        assert!(info.open(&fields, Options::default()).is_ok());
    }

    #[test]
    fn wrong_fields_are_refused_by_name() {
        let info = find("powerdns").unwrap();
        let open = |fields: &[(&str, FieldValue)]| {
            let fields = fields
                .iter()
                .map(|(key, value)| ((*key).to_owned(), value.clone()))
                .collect();
            info.open(&fields, Options::default())
                .map(drop)
                .map_err(|error| error.message)
        };
        let (url, key) = (
            FieldValue::from("https://ns1.example"),
            FieldValue::Secret("hush".to_owned().into()),
        );
        assert_eq!(
            open(&[("url", url.clone()), ("api-key", key.clone())]),
            Ok(())
        );
        let said = |fields: &[(&str, FieldValue)], word: &str| {
            let message = open(fields).unwrap_err();
            assert!(
                message.contains(word) && !message.contains("hush"),
                "{message}"
            );
        };
        said(&[("url", url.clone())], "POWERDNS_API_KEY");
        said(
            &[("url", url.clone()), ("api-key", FieldValue::from("hush"))],
            "plain text",
        );
        said(
            &[("url", url), ("api-key", key.clone()), ("ulr", "x".into())],
            "\"ulr\"",
        );
        said(&[("url", " ".into()), ("api-key", key.clone())], "empty");
        said(
            &[("url", "http://ns1.example".into()), ("api-key", key)],
            "plain HTTP",
        );
    }
}
