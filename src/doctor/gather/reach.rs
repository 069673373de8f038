//! What can be reached from here: resolvers, authoritative servers, port 25, the MTA-STS policy host, IPv6.

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv6Addr, SocketAddr, UdpSocket};
use std::time::Duration;

use futures::future::join_all;

use crate::dane::{HttpsSettings, MtaStsView, ProbeResult, Prober, discover, fetch_policy};
use crate::dns::{Data, Dns, Failure, Kind, Name, Outcome, settings::root_hints};
use crate::doctor::view::{MailView, ResolverView, ServerView};
use crate::domain_file::{DomainFile, Probe};
use crate::surroundings::Surroundings;

/// Somebody waits at a terminal.
const STEP: Duration = Duration::from_secs(10);

/// Each resolver, asked for something that is always there and always signed.
pub(super) async fn resolvers(dns: &Dns) -> Vec<ResolverView> {
    join_all(dns.settings().vantages.iter().map(|vantage| async move {
        ResolverView {
            name: vantage.name.clone(),
            address: vantage.address,
            root: dns.ask_vantage(vantage, "", Kind::Soa).await,
        }
    }))
    .await
}

/// Each address of the zone's servers, over UDP and TCP.
pub(super) async fn servers(dns: &Dns, domain: &str) -> Result<Vec<ServerView>, Failure> {
    let survey = dns.survey(domain).await?;
    let failure = |outcome: &Outcome| match outcome {
        Outcome::Failed(failure) => Some(failure.clone()),
        _ => None,
    };
    let mut all: Vec<ServerView> = survey
        .servers
        .iter()
        .map(|server| ServerView {
            server: server.server.clone(),
            address: server.address,
            udp: survey
                .zone
                .servers
                .iter()
                .find(|view| view.address == server.address && view.server == server.server)
                .and_then(|view| failure(&view.soa.outcome)),
            tcp: server.tcp.failure.clone(),
        })
        .collect();
    // Only the zone's own servers count here; the parents' are others.
    for away in &survey.zone.out_of_reach {
        let ours = survey.zone.cut.servers.iter();
        let Some(server) = ours
            .filter(|server| server.addresses.contains(&away.address.ip()))
            .find(|server| away.server.as_ref().is_none_or(|name| *name == server.name))
        else {
            continue;
        };
        let failure = || {
            Some(Failure::NoRoute {
                detail: "no path to this address family".to_owned(),
            })
        };
        all.push(ServerView {
            server: server.name.clone(),
            address: away.address,
            udp: failure(),
            tcp: failure(),
        });
    }
    Ok(all)
}

/// One conversation with every address of every host that the MX names.
pub(super) async fn mail(dns: &Dns, file: &DomainFile, around: &Surroundings) -> MailView {
    let domain = file.domain.as_str();
    let mut settings = around.smtp();
    settings.timeout = settings.timeout.min(STEP);
    settings.ask_recipient = false;
    settings.every_key = false;
    let port = settings.port;
    let prober = Prober::for_run(settings);
    let found = discover(dns, domain).await;
    let mut unknown = Vec::new();
    let mut addresses: BTreeMap<(Name, IpAddr), ()> = BTreeMap::new();
    let looked = join_all(found.hosts.iter().map(|host| async {
        match host.address {
            Some(address) => Ok(vec![address]),
            None => lookup(dns, &host.host).await,
        }
    }))
    .await;
    for (host, looked) in found.hosts.iter().zip(looked) {
        match looked {
            Ok(found) => {
                addresses.extend(found.into_iter().map(|ip| ((host.host.clone(), ip), ())));
            }
            Err(why) => unknown.push((host.host.clone(), why)),
        }
    }
    let hosts = join_all(addresses.into_keys().map(|(host, ip)| {
        let prober = &prober;
        async move {
            let seen: ProbeResult = prober.examine(ip, &host, domain).await.main.result;
            (host, SocketAddr::new(ip, port), seen)
        }
    }))
    .await;
    MailView {
        route: found.route,
        required: file.smtp.probe == Probe::Required,
        port,
        hosts,
        unknown,
    }
}

async fn lookup(dns: &Dns, host: &str) -> Result<Vec<IpAddr>, String> {
    let (a, aaaa) = tokio::join!(dns.validate(host, Kind::A), dns.validate(host, Kind::Aaaa));
    let found: Vec<IpAddr> = [&a, &aaaa]
        .into_iter()
        .filter(|lookup| !lookup.status.is_lookup_error())
        .flat_map(|lookup| lookup.records())
        .filter_map(|record| match record.data {
            Data::A(ip) => Some(IpAddr::V4(ip)),
            Data::Aaaa(ip) => Some(IpAddr::V6(ip)),
            _ => None,
        })
        .collect();
    if !found.is_empty() {
        return Ok(found);
    }
    Err(match a.status.and(aaaa.status).why() {
        Some(why) => why.to_owned(),
        None => "it has no address".to_owned(),
    })
}

/// The domain's MTA-STS policy; `None` when it took longer than `patience`.
pub(super) async fn mta_sts(
    dns: &Dns,
    domain: &str,
    https: &HttpsSettings,
    patience: Duration,
) -> Option<MtaStsView> {
    tokio::time::timeout(patience, fetch_policy(dns, domain, https))
        .await
        .ok()
}

/// Whether the system knows a route to an address of the IPv6 internet. Sends nothing: a datagram socket only looks the
/// route up when it is connected.
pub(super) fn ipv6_route() -> bool {
    let mut root = root_hints().into_iter().map(|(_, address)| address);
    let Some(there) = root.find(IpAddr::is_ipv6) else {
        return false;
    };
    UdpSocket::bind((Ipv6Addr::UNSPECIFIED, 0))
        .and_then(|socket| socket.connect((there, 53)))
        .is_ok()
}
