//! Looks at an MX host: addresses first, TLSA by the rule of RFC 7672, 2.2.2, then every address over SMTP.

use std::net::IpAddr;

use futures::future::join_all;
use jiff::Timestamp;

use super::address::{Sought, look_at, not_looked_at};
use super::host::{HostView, TlsaView};
use super::prober::Prober;
use super::webpki::WebRoots;
use crate::dns::{Data, Kind, Lookups, Name, Soa, Status, Tlsa, Validated, normal};

/// Looks at one MX host as a DANE sender meets it.
///
/// `mx_secure`: whether the domain's MX set validated as secure, for only then is the domain a reference name
/// (RFC 7672, 3.2.2). Without `prober` only the DNS is asked, and each address is [`ProbeResult::NotProbed`].
pub async fn observe_host(
    dns: &dyn Lookups,
    host: &str,
    domain: &str,
    mx_secure: bool,
    prober: Option<&Prober>,
    roots: &WebRoots,
) -> HostView {
    let at = Timestamp::now();
    let host = normal(host);
    let domain = normal(domain);
    let (a, aaaa) = tokio::join!(
        dns.validate(&host, Kind::A),
        dns.validate(&host, Kind::Aaaa)
    );
    let security = address_security(&a, &aaaa);
    let addresses = addresses(&a, &aaaa);
    let (tlsa, base) = look_up_tlsa(dns, &host, &a, &aaaa, &security, addresses.is_empty()).await;
    let negative_ttl = negative_ttl(dns, &base).await;
    let mut names = vec![base.as_str()];
    if mx_secure && !names.contains(&domain.as_str()) {
        names.push(&domain);
    }
    let sought = Sought {
        host: &host,
        base: &base,
        domain: &domain,
        names: &names,
        tlsa: &tlsa,
    };
    let seen = join_all(addresses.into_iter().map(|address| {
        let sought = &sought;
        async move {
            match prober {
                Some(prober) => look_at(address, sought, prober, roots).await,
                None => not_looked_at(address),
            }
        }
    }))
    .await;
    HostView {
        host,
        domain: domain.clone(),
        a,
        aaaa,
        security,
        base: base.clone(),
        tlsa,
        negative_ttl,
        addresses: seen,
        at,
    }
}

/// The verdict over both families: an answer counts before a failure of the other family, because a sender uses what
/// it got.
fn address_security(a: &Validated, aaaa: &Validated) -> Status {
    let both = [a, aaaa];
    let with_records = || {
        both.iter()
            .filter(|v| !v.records().is_empty() && !v.status.is_lookup_error())
    };
    if let Some(insecure) = with_records().find(|v| v.status.is_insecure()) {
        return insecure.status.clone();
    }
    if let Some(secure) = with_records().next() {
        return secure.status.clone();
    }
    a.status.clone().and(aaaa.status.clone())
}

/// The addresses that a sender would use.
fn addresses(a: &Validated, aaaa: &Validated) -> Vec<IpAddr> {
    let mut all: Vec<IpAddr> = [a, aaaa]
        .into_iter()
        .filter(|v| !v.status.is_lookup_error())
        .flat_map(Validated::records)
        .filter_map(|r| match r.data {
            Data::A(ip) => Some(IpAddr::V4(ip)),
            Data::Aaaa(ip) => Some(IpAddr::V6(ip)),
            _ => None,
        })
        .collect();
    all.sort();
    all.dedup();
    all
}

/// TLSA by the rule of RFC 7672, 2.2.2, and the base domain that results.
async fn look_up_tlsa(
    dns: &dyn Lookups,
    host: &str,
    a: &Validated,
    aaaa: &Validated,
    security: &Status,
    no_address: bool,
) -> (TlsaView, Name) {
    let not_asked = |why: String| (TlsaView::NotAsked { why }, host.to_owned());
    if security.is_lookup_error() {
        return not_asked(format!(
            "the addresses could not be looked up: {}",
            security.why().unwrap_or_default()
        ));
    }
    if no_address {
        return not_asked("the host has no address".into());
    }
    let addressed = if a.records().is_empty() { aaaa } else { a };
    let alias = addressed.aliases.first();
    if security.is_secure() {
        let expanded = addressed.final_name().to_owned();
        let found = ask_tlsa(dns, &expanded).await;
        // Nothing at the end of the aliases: the name in the MX record is the second candidate (RFC 7671, 7).
        if expanded != host && matches!(found, TlsaView::Absent { .. } | TlsaView::Insecure { .. })
        {
            let original = ask_tlsa(dns, host).await;
            if !matches!(
                original,
                TlsaView::Absent { .. } | TlsaView::Insecure { .. }
            ) {
                return (original, host.to_owned());
            }
        }
        return (found, expanded);
    }
    if alias.is_some_and(|first| first.status.is_secure()) {
        // A secure alias into an insecure zone: its owner may still publish TLSA under its own name.
        return (ask_tlsa(dns, host).await, host.to_owned());
    }
    not_asked("the host's addresses are not signed, so a sender does not ask".into())
}

async fn ask_tlsa(dns: &dyn Lookups, base: &str) -> TlsaView {
    let name = format!("_25._tcp.{base}");
    let lookup = Box::new(dns.validate(&name, Kind::Tlsa).await);
    if let Some(why) = lookup.status.why() {
        return TlsaView::LookupError {
            why: why.to_owned(),
            name,
            lookup,
        };
    }
    let records: Vec<Tlsa> = lookup
        .records()
        .iter()
        .filter_map(|r| match &r.data {
            Data::Tlsa(tlsa) => Some(tlsa.clone()),
            _ => None,
        })
        .collect();
    if records.is_empty() {
        TlsaView::Absent { name, lookup }
    } else if lookup.status.is_secure() {
        TlsaView::Secure {
            ttl: lookup.ttl.unwrap_or_default(),
            name,
            records,
            lookup,
        }
    } else {
        TlsaView::Insecure {
            name,
            records,
            lookup,
        }
    }
}

/// The negative TTL of the zone that holds the host.
async fn negative_ttl(dns: &dyn Lookups, base: &str) -> Option<u32> {
    let said = dns.validate(base, Kind::Soa).await;
    let own = said.records().iter().find_map(|r| match &r.data {
        Data::Soa(soa) => Some(soa.negative_ttl()),
        _ => None,
    });
    own.or_else(|| said.soa.as_ref().map(Soa::negative_ttl))
}
