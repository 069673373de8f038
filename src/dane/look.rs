//! Looks at an MX host: addresses first, TLSA by the rule of RFC 7672, 2.2.2, then every address over SMTP.

use std::net::IpAddr;

use futures::future::join_all;
use jiff::Timestamp;

use super::address::{Sought, look_at, not_looked_at};
use super::discover::{Destination, Discovery, literal};
use super::host::{HostView, TlsaView};
use super::prober::Prober;
use super::webpki::WebRoots;
use crate::dns::{Answer, Data, Kind, Lookups, Name, Record, Soa, Status, Tlsa, Validated, normal};

/// Looks at one MX host as a DANE sender meets it.
///
/// `mx_secure`: whether the domain's MX set validated as secure, for only then is the domain a reference name
/// (RFC 7672, 3.2.2). Without `prober` only the DNS is asked, and each address is [`ProbeResult::NotProbed`]. Where the
/// mail domain may be an alias or have no MX, use [`observe_destination`], which knows all the reference names.
///
/// [`ProbeResult::NotProbed`]: super::ProbeResult::NotProbed
pub async fn observe_host(
    dns: &dyn Lookups,
    host: &str,
    domain: &str,
    mx_secure: bool,
    prober: Option<&Prober>,
    roots: &WebRoots,
) -> HostView {
    let domain = normal(domain);
    let further = if mx_secure {
        vec![domain.clone()]
    } else {
        Vec::new()
    };
    look(dns, &normal(host), &domain, &further, prober, roots).await
}

/// Looks at one host of a mail domain as a DANE sender meets it, with the reference names of RFC 7672, 3.2.2.
pub async fn observe_destination(
    dns: &dyn Lookups,
    found: &Discovery,
    destination: &Destination,
    prober: Option<&Prober>,
    roots: &WebRoots,
) -> HostView {
    // Those beside the base, which is not known yet.
    let further = found.reference_names("").split_off(1);
    let (host, domain) = (&destination.host, &found.domain);
    look(dns, host, domain, &further, prober, roots).await
}

async fn look(
    dns: &dyn Lookups,
    host: &str,
    domain: &str,
    further: &[Name],
    prober: Option<&Prober>,
    roots: &WebRoots,
) -> HostView {
    let at = Timestamp::now();
    let (a, aaaa) = match literal(host) {
        Some(address) => as_written(host, address),
        None => tokio::join!(dns.validate(host, Kind::A), dns.validate(host, Kind::Aaaa)),
    };
    let security = address_security(&a, &aaaa);
    let addresses = addresses(&a, &aaaa);
    let (tlsa, base) = if literal(host).is_some() {
        let why = "it is an address, and DANE needs a name (RFC 7672 section 2.2)".to_owned();
        (TlsaView::NotAsked { why }, host.to_owned())
    } else {
        look_up_tlsa(dns, host, &a, &aaaa, &security, addresses.is_empty()).await
    };
    let negative_ttl = match known_negative_ttl(&base, [&a, &aaaa]) {
        Some(known) => Some(known),
        None => negative_ttl(dns, &base).await,
    };
    let mut names = vec![base.as_str()];
    for name in further {
        if !names.contains(&name.as_str()) {
            names.push(name);
        }
    }
    let sought = Sought {
        host,
        base: &base,
        domain,
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
        host: host.to_owned(),
        domain: domain.to_owned(),
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

/// The two lookups of a host that is an address already: nothing is asked, and nothing vouches for it.
fn as_written(host: &str, address: IpAddr) -> (Validated, Validated) {
    let lookup = |kind, data: Option<Data>| Validated {
        name: host.to_owned(),
        kind,
        status: Status::Insecure,
        answer: match data {
            Some(data) => Answer::Records(vec![Record {
                name: host.to_owned(),
                ttl: 0,
                data,
            }]),
            None => Answer::NoData,
        },
        aliases: Vec::new(),
        ttl: None,
        soa: None,
        signatures: None,
        at: Timestamp::now(),
        from: None,
    };
    let (four, six) = match address {
        IpAddr::V4(ip) => (Some(Data::A(ip)), None),
        IpAddr::V6(ip) => (None, Some(Data::Aaaa(ip))),
    };
    (lookup(Kind::A, four), lookup(Kind::Aaaa, six))
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
    // What a failed lookup happened to serve is for the report only, its aliases too.
    let gave = |v: &Validated| !v.records().is_empty() && !v.status.is_lookup_error();
    let addressed = match (gave(a), gave(aaaa)) {
        // The less trusted of the two decides, as it does for the security above.
        (true, true) if aaaa.status.is_insecure() && a.status.is_secure() => aaaa,
        (true, _) => a,
        _ => aaaa,
    };
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

/// Asks for the TLSA records of a host that a sender by the RFC does not ask, its addresses being unsigned: some ask all
/// the same, and defer the mail when the answer is an error (`Profile::Sloppy`).
pub async fn ask_anyway(dns: &dyn Lookups, view: &HostView) -> Option<TlsaView> {
    let skipped = matches!(view.tlsa, TlsaView::NotAsked { .. })
        && !view.addresses.is_empty()
        && literal(&view.host).is_none();
    match skipped {
        true => Some(ask_tlsa(dns, &view.base).await),
        false => None,
    }
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

/// The negative TTL of the zone that holds the host, where one of its lookups has told: with the absence of a type at a name
/// comes the SOA of the very zone that holds it (RFC 2308, 3).
fn known_negative_ttl(base: &str, lookups: [&Validated; 2]) -> Option<u32> {
    lookups
        .into_iter()
        .filter(|v| v.answer == Answer::NoData && !v.status.is_lookup_error())
        .filter(|v| v.final_name() == base)
        .find_map(|v| v.soa.as_ref().map(Soa::negative_ttl))
}

/// The same, asked for.
async fn negative_ttl(dns: &dyn Lookups, base: &str) -> Option<u32> {
    let said = dns.validate(base, Kind::Soa).await;
    let own = said.records().iter().find_map(|r| match &r.data {
        Data::Soa(soa) => Some(soa.negative_ttl()),
        _ => None,
    });
    own.or_else(|| said.soa.as_ref().map(Soa::negative_ttl))
}
