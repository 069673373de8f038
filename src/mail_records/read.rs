//! From lookups to what they say.

use serde::{Deserialize, Serialize};

use super::dkim::{self, SELECTORS, Selector, SelectorTarget};
use super::dmarc::{self, DmarcView};
use super::seen::{Seen, seen};
use super::spf::{self, Spf};
use super::spf_term::SpfError;
use super::tls_rpt::{self, TlsRpt, TlsRptError};
use crate::dns::{Answer, Kind, Name, Validated, normal};

/// What the TXT records about a domain's mail say.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct MailRecords {
    /// The domain.
    pub domain: Name,
    /// Where senders report failures of TLS.
    pub tls_rpt: Seen<TlsRpt, TlsRptError>,
    /// Who may send for the domain.
    pub spf: Seen<Spf, SpfError>,
    /// What to do with mail that fails.
    pub dmarc: DmarcView,
    /// The two selectors of Microsoft 365.
    pub dkim: Vec<Selector>,
}

/// The names and types to ask for.
#[must_use]
pub fn questions(domain: &str) -> Vec<(String, Kind)> {
    let domain = normal(domain);
    let mut names = vec![tls_rpt::name(&domain), domain.clone()];
    names.extend(dmarc_places(&domain).map(|place| dmarc_name(&place)));
    names.extend(SELECTORS.iter().map(|s| selector_name(s, &domain)));
    names.into_iter().map(|name| (name, Kind::Txt)).collect()
}

/// Reads the answers to [`questions`], in any order; a question without an answer is "could not tell".
#[must_use]
pub fn read(domain: &str, answers: &[Validated]) -> MailRecords {
    let domain = normal(domain);
    let find = |name: &str| {
        answers
            .iter()
            .find(|a| a.kind == Kind::Txt && normal(&a.name) == name)
    };
    let dkim = SELECTORS
        .iter()
        .map(|s| {
            let name = selector_name(s, &domain);
            let lookup = find(&name);
            Selector {
                target: target(lookup),
                key: seen(lookup, &name, dkim::parse),
                name,
            }
        })
        .collect();
    let name = tls_rpt::name(&domain);
    MailRecords {
        tls_rpt: seen(find(&name), &name, tls_rpt::parse),
        spf: seen(find(&domain), &domain, spf::parse),
        dmarc: dmarc(&domain, find),
        dkim,
        domain,
    }
}

fn dmarc_name(domain: &str) -> Name {
    format!("_dmarc.{domain}")
}

fn selector_name(selector: &str, domain: &str) -> Name {
    format!("{selector}._domainkey.{domain}")
}

/// The domain and those above it, but for top-level domains. Which of them is the organisation's own only a list of
/// public suffixes tells; asking all is cheap, and above it there is nothing.
fn dmarc_places(domain: &str) -> impl Iterator<Item = Name> {
    const MOST: usize = 8;
    std::iter::successors(Some(domain.to_owned()), |name| {
        crate::dns::record::parent_of(name).filter(|up| up.contains('.'))
    })
    .take(MOST)
}

/// The record at the domain or, if there is none, the highest one above it, which is that of the organisation; one of a
/// public suffix counts only where there is no other (RFC 9091).
fn dmarc<'a>(domain: &str, find: impl Fn(&str) -> Option<&'a Validated>) -> DmarcView {
    let look = |place: Name| {
        let name = dmarc_name(&place);
        DmarcView {
            record: seen(find(&name), &name, dmarc::parse),
            at: place,
        }
    };
    let own = look(domain.to_owned());
    if !matches!(own.record, Seen::None { .. }) {
        return own;
    }
    let above: Vec<DmarcView> = dmarc_places(domain)
        .skip(1)
        .map(look)
        .filter(|view| !matches!(view.record, Seen::None { .. }))
        .collect();
    let is_suffix = |view: &&DmarcView| view.record.found().is_some_and(|r| r.suffix);
    above
        .iter()
        .rev()
        .find(|view| !is_suffix(view))
        .or_else(|| above.last())
        .cloned()
        .unwrap_or(own)
}

/// An alias that was seen and is not bogus counts, even if what lies behind it could not be asked.
fn target(lookup: Option<&Validated>) -> SelectorTarget {
    let Some(lookup) = lookup else {
        return SelectorTarget::CouldNotTell;
    };
    match lookup.aliases.first() {
        Some(alias) if alias.status.is_lookup_error() => SelectorTarget::CouldNotTell,
        Some(alias) => SelectorTarget::of(&alias.to),
        None if lookup.status.is_lookup_error() || lookup.answer == Answer::Unknown => {
            SelectorTarget::CouldNotTell
        }
        None => SelectorTarget::NoAlias,
    }
}
