//! The chain of trust as a tree, from the root down.

use jiff::Timestamp;

use super::super::page::{Line, Page, Tone};
use super::super::{text, time};
use crate::dns::algorithm::{algorithm_name, digest_name};
use crate::dns::chain::{ChainKey, ChainOfTrust, Entry, Role, ZoneLink};
use crate::dns::{Answer, Signatures, Status, Validated};

/// Draws it.
#[must_use]
pub fn chain(chain: &ChainOfTrust, now: Timestamp) -> Page {
    let mut page = Page::new();
    page.push(Line::at(0).dim("chain of trust to ").strong(&chain.name));
    let mut depth = 0;
    for link in &chain.zones {
        zone(link, depth, now, &mut page);
        depth += 1;
    }
    for set in &chain.sets {
        record_set(set, depth, now, &mut page);
    }
    if let Some(trouble) = &chain.trouble {
        page.push(branch(depth).tone(Tone::Bad, trouble));
    }
    page
}

/// A line that hangs from the one above.
fn branch(depth: usize) -> Line {
    let indent = depth * 3;
    Line::at(indent).hang(indent + 3).dim("\u{2514}\u{2500} ")
}

/// A line inside the box of a zone.
fn inside(depth: usize) -> Line {
    let indent = (depth + 1) * 3;
    Line::at(indent).hang(indent + 2).dim("\u{2502} ")
}

fn zone(link: &ZoneLink, depth: usize, now: Timestamp, page: &mut Page) {
    let name = if link.zone.is_empty() {
        ". (root)".to_owned()
    } else {
        link.zone.clone()
    };
    let (word, tone) = status(&link.status);
    page.push(
        branch(depth)
            .strong(name)
            .plain("  ")
            .tone(tone, word)
            .dim(format!(
                "  {} servers: {}",
                link.servers.len(),
                link.servers.join(", ")
            )),
    );
    if let Some(why) = link.status.why() {
        page.push(inside(depth).tone(Tone::Bad, why));
    }
    entry(&link.entry, depth, now, page);
    for key in &link.keys {
        page.push(key_line(key, depth));
    }
    if !link.keys.is_empty() {
        page.push(inside(depth).dim(format!(
            "DNSKEY set{}{}",
            ttl(link.keys_ttl),
            signed(link.keys_signatures.as_ref(), now)
        )));
    }
}

fn entry(entry: &Entry, depth: usize, now: Timestamp, page: &mut Page) {
    match entry {
        Entry::Anchor { tags } => {
            page.push(inside(depth).plain(format!("trust anchor: key {}", list(tags))))
        }
        Entry::Ds {
            set,
            ttl: seconds,
            signatures,
        } => {
            for ds in set {
                let line = inside(depth).plain(format!(
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
            page.push(inside(depth).dim(format!(
                "DS set{}{}",
                ttl(*seconds),
                signed(signatures.as_ref(), now)
            )));
        }
        Entry::NoDs {
            proof,
            ttl: seconds,
        } => page.push(
            inside(depth)
                .tone(Tone::Warn, format!("no DS: {proof}"))
                .dim(ttl(*seconds)),
        ),
        Entry::Unknown => {}
    }
}

fn key_line(key: &ChainKey, depth: usize) -> Line {
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
    inside(depth).plain(format!(
        "key {} {role} {}{signs}",
        key.key.key_tag,
        algorithm_name(key.key.algorithm)
    ))
}

fn record_set(set: &Validated, depth: usize, now: Timestamp, page: &mut Page) {
    for alias in &set.aliases {
        let (word, tone) = status(&alias.status);
        page.push(
            branch(depth)
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
        branch(depth)
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
        page.push(inside(depth).tone(Tone::Bad, why));
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
