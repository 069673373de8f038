//! What DNS providers can do, for people and programs: each word comes from the provider's own description.

use rollout_providers::{Delegation, Info, Limit, SignedBy, Takes, Writes};
use serde_json::{Value, json};

use super::page::{Line, Page, Tone};

/// A provider's row in the table, in words.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Row {
    /// Its word in a domain file.
    pub slug: &'static str,
    /// Whether record sets can be read through it.
    pub reads: &'static str,
    /// Who signs a zone there.
    pub signs: &'static str,
    /// Whether it tells the keys.
    pub keys: &'static str,
    /// How its writes are guarded.
    pub writes: &'static str,
    /// How a DS gets to the parent.
    pub ds: String,
    /// The smallest TTL.
    pub ttl: &'static str,
    /// Its quota that lasts longest.
    pub quota: String,
}

const HEAD: [&str; 8] = [
    "PROVIDER",
    "READS",
    "SIGNS",
    "KEYS",
    "WRITES",
    "DS",
    "SMALLEST TTL",
    "QUOTA",
];

impl Row {
    /// That of a provider.
    #[must_use]
    pub fn of(info: &Info) -> Self {
        let capabilities = &info.capabilities;
        Self {
            slug: info.slug,
            reads: yes(capabilities.reads),
            signs: match info.signed_by() {
                SignedBy::Interface => "yes",
                SignedBy::Person => "by hand",
                SignedBy::Nobody => "no",
            },
            keys: yes(capabilities.keys),
            writes: writes(capabilities.writes).0,
            ds: ds(info),
            ttl: capabilities.ttl_floor,
            quota: quota(info.limits),
        }
    }

    /// Its cells, in the order of the head.
    #[must_use]
    pub fn cells(&self) -> [&str; 8] {
        [
            self.slug,
            self.reads,
            self.signs,
            self.keys,
            self.writes,
            &self.ds,
            self.ttl,
            &self.quota,
        ]
    }
}

const fn yes(yes: bool) -> &'static str {
    if yes { "yes" } else { "no" }
}

/// How writes are guarded: in a word, and in a sentence.
const fn writes(writes: Writes) -> (&'static str, &'static str) {
    match writes {
        Writes::Guarded => (
            "guarded",
            "the provider itself refuses a write when the set changed since it was read",
        ),
        Writes::Atomic => (
            "atomic",
            "a set changes at once, and is read directly before and after",
        ),
        Writes::Stepwise => (
            "stepwise",
            "one record at a time, in an order in which the set is never empty, and read before and after",
        ),
        Writes::WholeZone => (
            "whole zone",
            "only whole zones are taken: what somebody else changes at the same moment could be lost",
        ),
        Writes::ByHand => ("by hand", "a person makes the change"),
    }
}

/// How a DS gets to the parent, from the best way to the last resort.
fn ds(info: &Info) -> String {
    let capabilities = &info.capabilities;
    let mut ways = Vec::new();
    if capabilities.delegation == Delegation::Announced {
        ways.push("announced");
    }
    match capabilities.registrar {
        Some(Takes::Ds) => ways.push("registrar takes DS"),
        Some(Takes::Dnskey) => ways.push("registrar takes DNSKEY"),
        None => {}
    }
    if ways.is_empty() {
        ways.push("by hand");
    }
    ways.join(", ")
}

/// The quota that lasts longest, and how many there are beside it.
fn quota(limits: &[Limit]) -> String {
    let Some(longest) = limits.iter().max_by_key(|limit| limit.within) else {
        return "none known".to_owned();
    };
    match limits.len() - 1 {
        0 => longest.to_string(),
        more => format!("{longest}, and {more} more"),
    }
}

/// What is to be done where zones cannot be signed.
fn instead(infos: &[&Info]) -> Option<String> {
    let hosts: Vec<&str> = infos
        .iter()
        .filter(|info| info.signed_by() == SignedBy::Nobody)
        .map(|info| info.title)
        .collect();
    (!hosts.is_empty()).then(|| {
        format!(
            "No zone can be signed through the interface of {}: move it to a host that signs, or sign it on a hidden primary; \
             the registrar can stay.",
            hosts.join(", ")
        )
    })
}

/// All of them as a table.
#[must_use]
pub fn table(infos: &[&Info]) -> Page {
    let rows: Vec<Row> = infos.iter().map(|info| Row::of(info)).collect();
    let mut widths = HEAD.map(str::len);
    for row in &rows {
        for (width, cell) in widths.iter_mut().zip(row.cells()) {
            *width = (*width).max(cell.chars().count());
        }
    }
    // The last two are sentences: they share what is left of the line.
    let fixed = HEAD.len() - 2;
    let hang: usize = widths[..fixed].iter().map(|width| width + 2).sum();
    let mut page = Page::new();
    let line = |cells: [&str; 8], head: bool| {
        let mut line = Line::at(0).hang(hang);
        for (at, (cell, width)) in cells.into_iter().zip(widths).take(fixed).enumerate() {
            let tone = match (head, at) {
                (true, _) => Tone::Dim,
                (false, 0) => Tone::Strong,
                (false, _) => Tone::Plain,
            };
            line = line.tone(tone, format!("{cell:width$}  "));
        }
        let tone = if head { Tone::Dim } else { Tone::Plain };
        line.tone(tone, cells[fixed])
            .dim("  |  ")
            .tone(tone, cells[fixed + 1])
    };
    page.push(line(HEAD, true));
    for row in &rows {
        page.push(line(row.cells(), false));
    }
    page.gap();
    if let Some(instead) = instead(infos) {
        page.push(Line::at(0).plain(instead));
    }
    page.push(
        Line::at(0)
            .plain("rollout providers NAME tells what one needs, and what each word means for it."),
    );
    page
}

/// One of them with everything that is known.
#[must_use]
pub fn details(info: &Info) -> Page {
    let capabilities = &info.capabilities;
    let mut page = Page::new();
    page.push(
        Line::at(0)
            .strong(info.slug)
            .plain(format!("  {}", info.title)),
    );
    let mut say = |label: &str, text: &str| {
        page.push(Line::at(2).hang(4).dim(format!("{label}: ")).plain(text));
    };
    say("records", reading(info));
    say("signing", &signing(info));
    say("DS", &to_the_parent(info));
    say("writes", writes(capabilities.writes).1);
    say("smallest TTL", capabilities.ttl_floor);
    if info.limits.is_empty() {
        say("quota", "none known");
    }
    for limit in info.limits {
        say("quota", &limit.to_string());
    }
    if let Some(instead) = info.instead() {
        say("instead", &instead);
    }
    say("rights", info.rights);
    say("credentials", info.access.made_at);
    for field in info.fields {
        // A domain file writes its keys with underscores.
        let key = field.key.replace('-', "_");
        let line = Line::at(4)
            .hang(8)
            .strong(format!("{key}: "))
            .plain(field.meaning);
        let kind = if field.secret { ", a secret" } else { "" };
        let usual = match field.default {
            None => format!(" (required{kind}"),
            Some("") => format!(" (optional{kind}"),
            Some(default) => format!(" (default {default}{kind}"),
        };
        page.push(line.dim(format!("{usual}; or {})", field.env)));
    }
    page.push(Line::at(2).dim("documented at ").plain(info.docs));
    page
}

fn reading(info: &Info) -> &'static str {
    if info.capabilities.reads {
        "read through its interface"
    } else {
        "not read; only DNS tells what is live"
    }
}

fn signing(info: &Info) -> String {
    let who = match info.signed_by() {
        SignedBy::Interface => "signs the zone through its interface",
        SignedBy::Person => {
            "a person switches it on, in the server's configuration or at the DNS host"
        }
        SignedBy::Nobody => "no way through its interface",
    };
    let keys = if info.capabilities.keys {
        "it tells the keys"
    } else {
        "the keys are read from DNS"
    };
    match info.signed_by() {
        SignedBy::Nobody => who.to_owned(),
        _ => format!("{who}; {keys}"),
    }
}

fn to_the_parent(info: &Info) -> String {
    let capabilities = &info.capabilities;
    let mut ways = Vec::new();
    if capabilities.delegation == Delegation::Announced {
        ways.push("announced by CDS, which some registries take by themselves");
    }
    match capabilities.registrar {
        Some(Takes::Ds) => ways.push("as a registrar it takes the DS through its interface"),
        Some(Takes::Dnskey) => {
            ways.push("as a registrar it takes the DNSKEY through its interface")
        }
        None => {}
    }
    ways.push("else entered by hand at the registrar");
    let all = ways.join("; ");
    all.strip_prefix("else ").map(str::to_owned).unwrap_or(all)
}

/// The same for programs.
#[must_use]
pub fn object(info: &Info) -> Value {
    json!({
        "type": "provider", "slug": info.slug, "title": info.title, "docs": info.docs,
        "nameservers": info.nameservers, "fields": info.fields,
        "capabilities": info.capabilities, "signed_by": info.signed_by(), "instead": info.instead(),
        "limits": info.limits, "rights": info.rights, "access": info.access,
    })
}

#[cfg(test)]
#[path = "providers_tests.rs"]
mod tests;
