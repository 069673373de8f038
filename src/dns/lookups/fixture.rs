//! A table of records that answers like the DNS: what a sender would do can be told without a network.

use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::net::{Ipv4Addr, Ipv6Addr};

use async_trait::async_trait;
use jiff::Timestamp;
use serde::Deserialize;

use super::Lookups;
use crate::dns::record::{Data, Kind, Name, Record, Tlsa, normal};
use crate::dns::text::{safe, unhex};
use crate::dns::view::{Alias, Answer, Status, Validated};

/// The longest chain of aliases that is followed, as on the network.
const MOST_ALIASES: usize = 12;

/// Five maps of records, and which answers are signed, bogus, or fail.
///
/// As JSON: `a`, `aaaa`, `mx` (`"10 mail.example.com"`), `cname` and `tlsa` (`"3 1 1 ab…"`) map a name to its records;
/// `all_authentic` says whether answers are signed; `inauthentic`, `authentic`, `bogus` and `fail` name exceptions as
/// `"type name"`, where an alias is of type `cname` whatever was asked for. A name that is nowhere does not exist.
#[derive(Debug, Clone, Default)]
pub struct Fixture {
    records: BTreeMap<(Name, Kind), Vec<Data>>,
    aliases: BTreeMap<Name, Name>,
    all_authentic: bool,
    exceptions: BTreeMap<(Name, Kind), Exception>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Exception {
    Authentic,
    Inauthentic,
    Bogus,
    Fails,
}

/// What is wrong with a fixture.
#[derive(Debug, thiserror::Error)]
pub enum FixtureError {
    /// No JSON, or not of the right shape.
    #[error("it is not of the right form: {0}")]
    Shape(#[from] serde_json::Error),
    /// No JSON object.
    #[error("it is not of the right form: an object with maps of records is expected")]
    NoObject,
    /// A record that is none.
    #[error("{kind} of {name:?}: {text:?} is no such record; {form}")]
    Record {
        /// Which map it is in.
        kind: Kind,
        /// Its owner.
        name: Name,
        /// What stands there.
        text: String,
        /// What ought to.
        form: &'static str,
    },
    /// An exception that is none.
    #[error(
        "{list}: {text:?} names no record set; write a type and a name, as in \"mx example.com\""
    )]
    Exception {
        /// Which list it is in.
        list: &'static str,
        /// What stands there.
        text: String,
    },
    /// The same record set is in two lists of exceptions.
    #[error("{kind} of {name:?} is listed as an exception twice, with two meanings")]
    Contradiction {
        /// The type.
        kind: Kind,
        /// The name.
        name: Name,
    },
    /// An alias beside other records (RFC 1034, 3.6.2).
    #[error("{0:?} is an alias and has other records; an alias has none (RFC 1034, 3.6.2)")]
    AliasBesideRecords(Name),
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Written {
    #[serde(default)]
    a: BTreeMap<String, Vec<Ipv4Addr>>,
    #[serde(default)]
    aaaa: BTreeMap<String, Vec<Ipv6Addr>>,
    #[serde(default)]
    mx: BTreeMap<String, Vec<String>>,
    #[serde(default)]
    cname: BTreeMap<String, String>,
    #[serde(default)]
    tlsa: BTreeMap<String, Vec<String>>,
    #[serde(default)]
    all_authentic: bool,
    #[serde(default)]
    authentic: Vec<String>,
    #[serde(default)]
    inauthentic: Vec<String>,
    #[serde(default)]
    bogus: Vec<String>,
    #[serde(default)]
    fail: Vec<String>,
}

impl Fixture {
    /// Reads a fixture from JSON.
    ///
    /// # Errors
    /// When it is malformed: which entry, and what it should be.
    pub fn from_json(text: &str) -> Result<Self, FixtureError> {
        // Serde would take a list for a shape without names as well.
        if !text.trim_start().starts_with('{') {
            return Err(FixtureError::NoObject);
        }
        Self::build(serde_json::from_str(text)?)
    }

    fn build(written: Written) -> Result<Self, FixtureError> {
        let mut out = Self {
            all_authentic: written.all_authentic,
            ..Self::default()
        };
        for (name, all) in &written.a {
            out.put(name, Kind::A, all.iter().map(|ip| Data::A(*ip)));
        }
        for (name, all) in &written.aaaa {
            out.put(name, Kind::Aaaa, all.iter().map(|ip| Data::Aaaa(*ip)));
        }
        for (name, all) in &written.mx {
            let read = read_all(name, Kind::Mx, all, "write preference and host", mx)?;
            out.put(name, Kind::Mx, read);
        }
        for (name, all) in &written.tlsa {
            let form = "write usage, selector, matching type and data in hexadecimal";
            let read = read_all(name, Kind::Tlsa, all, form, tlsa)?;
            out.put(name, Kind::Tlsa, read);
        }
        for (name, to) in written.cname {
            let name = normal(&name);
            if out.records.keys().any(|(owner, _)| *owner == name) {
                return Err(FixtureError::AliasBesideRecords(name));
            }
            out.aliases.insert(name, normal(&to));
        }
        for (list, entries, exception) in [
            ("authentic", written.authentic, Exception::Authentic),
            ("inauthentic", written.inauthentic, Exception::Inauthentic),
            ("bogus", written.bogus, Exception::Bogus),
            ("fail", written.fail, Exception::Fails),
        ] {
            for text in entries {
                let (kind, name) = text
                    .split_once(' ')
                    .and_then(|(kind, name)| Some((kind_named(kind)?, normal(name))))
                    .ok_or_else(|| FixtureError::Exception {
                        list,
                        text: safe(text.as_bytes()),
                    })?;
                let before = out.exceptions.insert((name.clone(), kind), exception);
                if before.is_some_and(|b| b != exception) {
                    return Err(FixtureError::Contradiction { kind, name });
                }
            }
        }
        Ok(out)
    }

    fn put(&mut self, name: &str, kind: Kind, data: impl IntoIterator<Item = Data>) {
        let set = self.records.entry((normal(name), kind)).or_default();
        set.extend(data);
        set.sort();
        set.dedup();
    }

    fn status(&self, name: &str, kind: Kind) -> Status {
        match self.exceptions.get(&(name.to_owned(), kind)) {
            Some(Exception::Authentic) => Status::Secure,
            Some(Exception::Inauthentic) => Status::Insecure,
            Some(Exception::Bogus) => Status::Bogus {
                why: format!("the signatures over {kind} of {name:?} are not valid"),
            },
            Some(Exception::Fails) => Status::Indeterminate {
                why: format!("{kind} of {name:?} got no usable answer"),
            },
            None if self.all_authentic => Status::Secure,
            None => Status::Insecure,
        }
    }

    /// Whether the name, or one below it, has anything.
    fn exists(&self, name: &str) -> bool {
        let below = format!(".{name}");
        let owners: BTreeSet<&Name> = self
            .records
            .iter()
            .filter(|(_, data)| !data.is_empty())
            .map(|((owner, _), _)| owner)
            .chain(self.aliases.keys())
            .collect();
        owners.iter().any(|o| *o == name || o.ends_with(&below))
    }
}

#[async_trait]
impl Lookups for Fixture {
    async fn validate(&self, name: &str, kind: Kind) -> Validated {
        let name = normal(name);
        let mut out = Validated {
            name: name.clone(),
            kind,
            status: Status::Secure,
            answer: Answer::Unknown,
            aliases: Vec::new(),
            ttl: None,
            soa: None,
            signatures: None,
            at: Timestamp::now(),
            from: None,
        };
        let mut current = name;
        let mut seen = HashSet::from([current.clone()]);
        // The failure of an answer hits whoever asks for it, whether or not an alias stands there.
        loop {
            let own = self.status(&current, kind);
            let alias = self.aliases.get(&current).filter(|_| kind != Kind::Cname);
            let Some(to) = alias.filter(|_| !matches!(own, Status::Indeterminate { .. })) else {
                out.status = out.status.and(own);
                break;
            };
            let link = self.status(&current, Kind::Cname);
            out.status = out.status.and(link.clone());
            if matches!(link, Status::Indeterminate { .. }) {
                return out;
            }
            out.aliases.push(Alias {
                from: current,
                to: to.clone(),
                ttl: 0,
                status: link,
            });
            if !seen.insert(to.clone()) || out.aliases.len() > MOST_ALIASES {
                out.status = out.status.and(Status::Indeterminate {
                    why: format!("the aliases from {} never end", out.name),
                });
                return out;
            }
            current = to.clone();
        }
        // What is served under bogus signatures is shown, as on the network; nobody may go by it.
        if matches!(out.status, Status::Indeterminate { .. }) {
            return out;
        }
        let found = self.records.get(&(current.clone(), kind));
        out.answer = match found.filter(|data| !data.is_empty()) {
            Some(data) => Answer::Records(
                data.iter()
                    .map(|data| Record {
                        name: current.clone(),
                        ttl: 0,
                        data: data.clone(),
                    })
                    .collect(),
            ),
            None if self.exists(&current) => Answer::NoData,
            None => Answer::NxDomain,
        };
        out
    }
}

fn read_all(
    name: &str,
    kind: Kind,
    texts: &[String],
    form: &'static str,
    read: impl Fn(&str) -> Option<Data>,
) -> Result<Vec<Data>, FixtureError> {
    texts
        .iter()
        .map(|text| {
            read(text).ok_or_else(|| FixtureError::Record {
                kind,
                name: safe(name.as_bytes()),
                text: safe(text.as_bytes()),
                form,
            })
        })
        .collect()
}

fn mx(text: &str) -> Option<Data> {
    let (preference, exchange) = text.trim().split_once(char::is_whitespace)?;
    let exchange = exchange.trim();
    if exchange.is_empty() || exchange.contains(char::is_whitespace) {
        return None;
    }
    Some(Data::Mx {
        preference: preference.parse().ok()?,
        exchange: normal(exchange),
    })
}

fn tlsa(text: &str) -> Option<Data> {
    let mut words = text.split_whitespace();
    let mut number = || words.next()?.parse::<u8>().ok();
    let (usage, selector, matching) = (number()?, number()?, number()?);
    let data: String = words.collect::<String>().to_ascii_lowercase();
    unhex(&data)?;
    Some(Data::Tlsa(Tlsa {
        usage,
        selector,
        matching,
        data,
    }))
}

fn kind_named(text: &str) -> Option<Kind> {
    [Kind::A, Kind::Aaaa, Kind::Mx, Kind::Cname, Kind::Tlsa]
        .into_iter()
        .find(|kind| kind.name().eq_ignore_ascii_case(text))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bad_entries_are_named() {
        for (text, words) in [
            ("[]", "right form"),
            (r#"{"ns": {}}"#, "unknown field"),
            (r#"{"mx": {"a.test": ["mail"]}}"#, "preference and host"),
            (
                r#"{"mx": {"a.test": ["70000 b.test"]}}"#,
                "preference and host",
            ),
            (
                r#"{"mx": {"a.test": ["1 b.test c"]}}"#,
                "preference and host",
            ),
            (r#"{"tlsa": {"a.test": ["3 1 1 xy"]}}"#, "hexadecimal"),
            (r#"{"tlsa": {"a.test": ["3 1"]}}"#, "hexadecimal"),
            (r#"{"a": {"a.test": ["2001:db8::1"]}}"#, "right form"),
            (r#"{"fail": ["soa a.test"]}"#, "names no record set"),
            (r#"{"fail": ["mx"]}"#, "names no record set"),
            (
                r#"{"fail": ["mx a.test"], "bogus": ["MX A.test."]}"#,
                "twice",
            ),
            (
                r#"{"a": {"A.test.": ["192.0.2.1"]}, "cname": {"a.test": "b.test"}}"#,
                "alias",
            ),
        ] {
            let error = Fixture::from_json(text).expect_err(text).to_string();
            assert!(error.contains(words), "{text}: {error}");
        }
    }

    #[tokio::test]
    async fn an_alias_that_cannot_be_read_fails_every_question() {
        let fixture = Fixture::from_json(
            r#"{"all_authentic": true, "cname": {"a.test": "b.test"}, "a": {"b.test": ["192.0.2.1"]},
                "fail": ["cname a.test", "mx c.test"]}"#,
        )
        .expect("good");
        for (name, kind, error, answer) in [
            ("a.test", Kind::A, true, Answer::Unknown),
            ("c.test", Kind::Mx, true, Answer::Unknown),
            ("c.test", Kind::A, false, Answer::NxDomain),
            ("b.test", Kind::Aaaa, false, Answer::NoData),
            ("test", Kind::A, false, Answer::NoData),
        ] {
            let said = fixture.validate(name, kind).await;
            assert_eq!(
                (said.status.is_lookup_error(), &said.answer),
                (error, &answer),
                "{name} {kind}"
            );
        }
    }
}
