//! The chain of trust as a tree, from the root down.

use jiff::Timestamp;

use super::super::page::{Line, Page, Tone};
use super::super::{text, time};
use crate::dns::algorithm::{algorithm_name, digest_name};
use crate::dns::chain::{ChainKey, ChainOfTrust, Entry, Role, ZoneLink};
use crate::dns::{Answer, Signatures, Status, Validated};

/// A zone, or a record set at its end, with what hangs below.
#[derive(Default)]
struct Node<'a> {
    zone: Option<&'a ZoneLink>,
    sets: Vec<&'a Validated>,
    trouble: Option<&'a str>,
    below: Vec<Self>,
}

impl<'a> Node<'a> {
    /// Puts a chain in, sharing the zones that are there already.
    fn grow(&mut self, zones: &'a [ZoneLink], chain: &'a ChainOfTrust) {
        let Some((first, rest)) = zones.split_first() else {
            for set in &chain.sets {
                // A type that is not there is of interest only where nothing is.
                let absent = set.answer.is_absent() && !set.status.is_lookup_error();
                let others = chain.sets.iter().any(|set| !set.answer.is_absent());
                if !(absent && others) {
                    self.sets.push(set);
                }
            }
            self.trouble = chain.trouble.as_deref();
            return;
        };
        let known = self
            .below
            .iter()
            .position(|node| node.zone.is_some_and(|zone| zone.zone == first.zone));
        let index = known.unwrap_or_else(|| {
            self.below.push(Self {
                zone: Some(first),
                ..Self::default()
            });
            self.below.len() - 1
        });
        self.below[index].grow(rest, chain);
    }

    fn draw(&self, edge: &str, now: Timestamp, page: &mut Page) {
        let sets = self.sets.len();
        let all = sets + self.below.len() + usize::from(self.trouble.is_some());
        for (index, set) in self.sets.iter().enumerate() {
            record_set(set, &Edge::new(edge, index + 1 == all), now, page);
        }
        for (index, node) in self.below.iter().enumerate() {
            let edge = Edge::new(edge, sets + index + 1 == all);
            if let Some(link) = node.zone {
                zone(link, &edge, now, page);
            }
            node.draw(&edge.inner, now, page);
        }
        if let Some(trouble) = self.trouble {
            page.push(Edge::new(edge, true).branch().tone(Tone::Bad, trouble));
        }
    }
}

/// The lines that a branch hangs from.
struct Edge {
    outer: String,
    corner: &'static str,
    inner: String,
}

impl Edge {
    fn new(outer: &str, last: bool) -> Self {
        let (corner, below) = if last {
            ("\u{2514}\u{2500} ", "   ")
        } else {
            ("\u{251c}\u{2500} ", "\u{2502}  ")
        };
        Self {
            outer: outer.to_owned(),
            corner,
            inner: format!("{outer}{below}"),
        }
    }

    /// The line with the name.
    fn branch(&self) -> Line {
        Line::at(0)
            .hang(self.inner.chars().count() + 2)
            .dim(format!("{}{}", self.outer, self.corner))
    }

    /// A line below it.
    fn inside(&self) -> Line {
        Line::at(0)
            .hang(self.inner.chars().count() + 2)
            .dim(format!("{}\u{2502} ", self.inner))
    }
}

/// Draws several chains as one tree.
#[must_use]
pub fn chain(chains: &[ChainOfTrust], now: Timestamp) -> Page {
    let mut root = Node::default();
    for chain in chains {
        root.grow(&chain.zones, chain);
    }
    let mut page = Page::new();
    root.draw("", now, &mut page);
    page
}

fn zone(link: &ZoneLink, edge: &Edge, now: Timestamp, page: &mut Page) {
    let name = if link.zone.is_empty() {
        ". (root)".to_owned()
    } else {
        link.zone.clone()
    };
    let (word, tone) = status(&link.status);
    page.push(
        edge.branch()
            .strong(name)
            .plain("  ")
            .tone(tone, word)
            .dim(format!("  by {}", link.servers.join(", "))),
    );
    if let Some(why) = link.status.why() {
        page.push(edge.inside().tone(Tone::Bad, why));
    }
    entry(&link.entry, edge, now, page);
    for key in &link.keys {
        page.push(key_line(key, edge));
    }
    if !link.keys.is_empty() {
        page.push(edge.inside().dim(format!(
            "DNSKEY set{}{}",
            ttl(link.keys_ttl),
            signed(link.keys_signatures.as_ref(), now)
        )));
    }
}

fn entry(entry: &Entry, edge: &Edge, now: Timestamp, page: &mut Page) {
    match entry {
        Entry::Anchor { tags } => page.push(
            edge.inside()
                .plain(format!("trust anchor: key {}", list(tags))),
        ),
        Entry::Ds {
            set,
            ttl: seconds,
            signatures,
        } => {
            for ds in set {
                let line = edge.inside().plain(format!(
                    "DS {} {} {}",
                    ds.ds.key_tag,
                    algorithm_name(ds.ds.algorithm),
                    digest_name(ds.ds.digest_type)
                ));
                page.push(match ds.key {
                    Some(key) => line.tone(Tone::Good, format!(" \u{2192} key {key}")),
                    None => line.tone(Tone::Warn, " \u{2192} no key here"),
                });
            }
            page.push(edge.inside().dim(format!(
                "DS set{}{}",
                ttl(*seconds),
                signed(signatures.as_ref(), now)
            )));
        }
        Entry::NoDs {
            proof,
            ttl: seconds,
        } => page.push(
            edge.inside()
                .tone(Tone::Warn, format!("no DS: {proof}"))
                .dim(ttl(*seconds)),
        ),
        Entry::Unknown => {}
    }
}

fn key_line(key: &ChainKey, edge: &Edge) -> Line {
    let role = match key.role {
        Role::Ksk => "KSK",
        Role::Zsk => "ZSK",
        Role::Revoked => "revoked",
        Role::NotAZoneKey => "no zone key",
    };
    let signs = if key.signs_keys {
        ", signs the keys"
    } else {
        ""
    };
    edge.inside().plain(format!(
        "key {} {role} {}{signs}",
        key.key.key_tag,
        algorithm_name(key.key.algorithm)
    ))
}

fn record_set(set: &Validated, edge: &Edge, now: Timestamp, page: &mut Page) {
    for alias in &set.aliases {
        let (word, tone) = status(&alias.status);
        // The set itself comes after it.
        page.push(
            Edge::new(&edge.outer, false)
                .branch()
                .plain(format!("{} CNAME {}  ", alias.from, alias.to))
                .tone(tone, word),
        );
    }
    let (word, tone) = status(&set.status);
    let what = match &set.answer {
        Answer::Records(records) => records
            .iter()
            .map(|record| record.data.to_string())
            .collect::<Vec<_>>()
            .join("; "),
        Answer::NoData => "no such record".to_owned(),
        Answer::NxDomain => "no such name".to_owned(),
        Answer::Unknown => "no usable answer".to_owned(),
    };
    page.push(
        edge.branch()
            .strong(format!("{} {}", set.kind, text::clean(set.final_name())))
            .plain("  ")
            .tone(tone, word)
            .plain(format!("  {what}"))
            .dim(format!(
                "{}{}",
                ttl(set.ttl),
                signed(set.signatures.as_ref(), now)
            )),
    );
    if let Some(why) = set.status.why() {
        page.push(edge.inside().tone(Tone::Bad, why));
    }
}

const fn status(status: &Status) -> (&'static str, Tone) {
    match status {
        Status::Secure => ("secure", Tone::Good),
        Status::Insecure => ("insecure", Tone::Warn),
        Status::Bogus { .. } => ("bogus", Tone::Bad),
        Status::Indeterminate { .. } => ("could not tell", Tone::Warn),
    }
}

fn ttl(seconds: Option<u32>) -> String {
    seconds.map_or_else(String::new, |seconds| format!("  TTL {seconds} s"))
}

fn signed(signatures: Option<&Signatures>, now: Timestamp) -> String {
    match signatures {
        None => String::new(),
        Some(signatures) if signatures.expires > now => format!(
            "  signed by key {} for another {}",
            list(&signatures.key_tags),
            time::duration(time::between(now, signatures.expires))
        ),
        Some(signatures) => format!(
            "  signed by key {}, expired {}",
            list(&signatures.key_tags),
            time::ago(signatures.expires, now)
        ),
    }
}

fn list(tags: &[u16]) -> String {
    tags.iter()
        .map(ToString::to_string)
        .collect::<Vec<_>>()
        .join(", ")
}
