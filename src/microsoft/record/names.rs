//! Stand-ins for names: the same name always becomes the same stand-in, and what hangs together keeps hanging together.

use std::collections::BTreeMap;

use super::words::{is_front_door, service_suffix};
use crate::microsoft::host::host_name;

/// Microsoft's own example domains, in the order they are given out.
const DOMAINS: [&str; 6] = [
    "contoso.com",
    "fabrikam.com",
    "tailspintoys.com",
    "wingtiptoys.com",
    "adatum.com",
    "litwareinc.com",
];

/// The stand-ins given out so far.
#[derive(Debug, Default)]
pub(super) struct Names {
    domains: BTreeMap<String, String>,
    labels: BTreeMap<String, String>,
    ids: BTreeMap<String, String>,
    addresses: BTreeMap<String, String>,
    people: BTreeMap<String, String>,
    texts: BTreeMap<String, String>,
}

fn given(
    map: &mut BTreeMap<String, String>,
    key: &str,
    make: impl FnOnce(usize) -> String,
) -> String {
    let next = map.len() + 1;
    map.entry(key.to_ascii_lowercase())
        .or_insert_with(|| make(next))
        .clone()
}

impl Names {
    /// Gives a domain its stand-in before any other does.
    pub(super) fn introduce(&mut self, domain: &str) {
        self.domain(domain);
    }

    /// A host or domain name, without trailing dot. Names at or below a domain that has a stand-in stay below it.
    pub(super) fn domain(&mut self, name: &str) -> String {
        let name = name.to_ascii_lowercase();
        if is_front_door(&name)
            || self.domains.values().any(|known| *known == name)
                && !self.domains.contains_key(&name)
        {
            return name;
        }
        if let Some(known) = self.domains.get(&name) {
            return known.clone();
        }
        if let Some(suffix) = service_suffix(&name) {
            return self.at_a_service(&name[..name.len() - suffix.len()], suffix);
        }
        let parent = name
            .match_indices('.')
            .map(|(at, _)| (&name[..at], &name[at + 1..]))
            .find_map(|(below, parent)| Some((below, self.domains.get(parent)?.clone())));
        if let Some((below, parent)) = parent {
            let labels: Vec<String> = below.split('.').map(|label| self.label(label)).collect();
            return format!("{}.{parent}", labels.join("."));
        }
        let next = self.domains.len();
        let stand_in = DOMAINS.get(next).map_or_else(
            || format!("domain{}.example", next + 1),
            |known| (*known).to_owned(),
        );
        self.domains.insert(name, stand_in.clone());
        stand_in
    }

    /// `contoso-com.o-v1.mx.microsoft` and its kin: the label is the domain with dashes, the partition says nothing.
    fn at_a_service(&mut self, below: &str, suffix: &str) -> String {
        let (label, partition) = match below.split_once('.') {
            Some((label, rest)) if suffix == ".mx.microsoft" => (label, format!(".{rest}")),
            _ => (below, String::new()),
        };
        if let Some((_, stand_in)) = self
            .domains
            .iter()
            .find(|(domain, _)| domain.replace('.', "-") == label)
        {
            return format!("{}{partition}{suffix}", stand_in.replace('.', "-"));
        }
        let labels: Vec<String> = label.split('.').map(|label| self.label(label)).collect();
        format!("{}{partition}{suffix}", labels.join("."))
    }

    /// One label. A dashed name that ends like one of Microsoft's own example hosts is one already.
    fn label(&mut self, label: &str) -> String {
        if label == "*" || self.labels.values().any(|known| known == label) {
            return label.to_owned();
        }
        given(&mut self.labels, label, |n| format!("label{n}"))
    }

    /// A GUID.
    pub(super) fn id(&mut self, id: &str) -> String {
        const HEAD: &str = "00000000-0000-0000-0000-";
        if id.starts_with(HEAD) {
            return id.to_owned();
        }
        given(&mut self.ids, id, |n| format!("{HEAD}{n:012}"))
    }

    /// An IP address, from the blocks for documentation (RFC 5737, RFC 3849).
    pub(super) fn address(&mut self, address: std::net::IpAddr) -> String {
        if address.is_loopback() {
            return address.to_string();
        }
        let is_v6 = address.is_ipv6();
        given(&mut self.addresses, &address.to_string(), |n| {
            if is_v6 {
                format!("2001:db8::{n:x}")
            } else {
                format!("192.0.2.{}", n % 256)
            }
        })
    }

    /// A person or mailbox: the part before the `@`.
    pub(super) fn person(&mut self, name: &str) -> String {
        given(&mut self.people, name, |n| format!("user{n}"))
    }

    /// Any other text. What our decoder looks for in a text stays visible.
    pub(super) fn text(&mut self, text: &str) -> String {
        let text = text.trim();
        if text.starts_with("text ") && text[5..].bytes().all(|b| b.is_ascii_digit()) {
            return text.to_owned();
        }
        let already = text.to_ascii_lowercase().contains("already");
        let stand_in = given(&mut self.texts, text, |n| format!("text {n}"));
        if already {
            format!("{stand_in}, already")
        } else {
            stand_in
        }
    }

    /// A domain name, a wildcard over one, or a host with trailing dot; `None` when it is none.
    pub(super) fn host(&mut self, text: &str) -> Option<String> {
        let (star, rest) = match text.strip_prefix("*.") {
            Some(rest) => ("*.", rest),
            None => ("", text),
        };
        let (rest, dot) = match rest.strip_suffix('.') {
            Some(rest) => (rest, "."),
            None => (rest, ""),
        };
        // A name whose last label is a number is an address or a version.
        let last = rest.rsplit('.').next().unwrap_or_default();
        if !rest.contains('.') || last.bytes().all(|b| b.is_ascii_digit()) {
            return None;
        }
        host_name(rest).ok()?;
        Some(format!("{star}{}{dot}", self.domain(rest)))
    }

    /// Everything that was replaced: none of it may be left in what is written.
    pub(super) fn originals(&self) -> impl Iterator<Item = &str> {
        [&self.domains, &self.ids, &self.addresses]
            .into_iter()
            .flatten()
            .filter(|(of, by)| of != by)
            .map(|(of, _)| of.as_str())
    }
}
