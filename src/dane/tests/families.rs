//! Hosts with IPv4 and IPv6: each address counts by itself, and one out of reach says nothing.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, TcpListener};
use std::time::Duration;

use super::certificates::HOST;
use super::names::Names;
use super::server::{Manners, Server, anywhere};
use crate::dane::{
    Certificate, HostOutcome, HostView, Outcome, ProbeResult, Prober, SmtpSettings, WebRoots,
    observe_host,
};
use crate::dns::Data;

/// A link-local address without its link: the operating system has no path there, so nothing is ever sent.
const NOWHERE: Ipv6Addr = Ipv6Addr::new(0xfe80, 0, 0, 0, 0, 0, 0, 1);

struct Both {
    four: Server,
    six: Server,
}

impl Both {
    /// One server for each family, at the same port. `same`: with the same keys.
    async fn start(same: bool) -> Option<Self> {
        if TcpListener::bind((Ipv6Addr::LOCALHOST, 0)).is_err() {
            eprintln!("skipped: this machine has no IPv6, not even loopback");
            return None;
        }
        for _ in 0..20 {
            let mut four = Server::start(anywhere(), &[HOST], Manners::default()).await;
            let at = SocketAddr::new(IpAddr::V6(Ipv6Addr::LOCALHOST), four.address.port());
            if TcpListener::bind(at).is_err() {
                continue;
            }
            let six = if same {
                four.also_at(at, Manners::default()).await;
                Server::start(anywhere(), &[HOST], Manners::default()).await
            } else {
                Server::start(at, &[HOST], Manners::default()).await
            };
            return Some(Self { four, six });
        }
        panic!("no port is free in both families");
    }

    async fn see(&self, keys_of: &[&Server], addresses: &[IpAddr]) -> HostView {
        let mut names = Names::default();
        for address in addresses {
            names = names.with(
                HOST,
                match address {
                    IpAddr::V4(ip) => Data::A(*ip),
                    IpAddr::V6(ip) => Data::Aaaa(*ip),
                },
            );
        }
        for server in keys_of {
            for certificate in [&server.ecdsa, &server.rsa] {
                let key = Certificate::read(certificate).spki_sha256.expect("a key");
                names = names.with_key(HOST, &key);
            }
        }
        let prober = Prober::for_run(SmtpSettings {
            port: self.four.address.port(),
            timeout: Duration::from_millis(1500),
            ..SmtpSettings::default()
        });
        let roots = WebRoots {
            system: false,
            extra: Vec::new(),
        };
        observe_host(&names, HOST, "example.test", true, Some(&prober), &roots).await
    }
}

const FOUR: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);
const SIX: IpAddr = IpAddr::V6(Ipv6Addr::LOCALHOST);

fn authenticated(view: &HostView) -> Vec<Option<bool>> {
    view.addresses
        .iter()
        .map(|a| {
            let judgement = a.judgement.as_ref()?;
            Some(matches!(judgement.outcome, Outcome::Authenticated { .. }))
        })
        .collect()
}

#[tokio::test]
async fn both_families_right() {
    let Some(both) = Both::start(true).await else {
        return;
    };
    let view = both.see(&[&both.four], &[FOUR, SIX]).await;
    assert_eq!(view.outcome(), HostOutcome::Authenticated, "{view:#?}");
    assert_eq!(authenticated(&view), [Some(true), Some(true)]);
    assert_eq!(both.four.log.connections(), 6);
    // The same chain at both is kept once.
    let chains: Vec<_> = view
        .addresses
        .iter()
        .map(|a| a.probe.result.shared_chain().expect("shown"))
        .collect();
    assert!(std::sync::Arc::ptr_eq(chains[0], chains[1]));
}

#[tokio::test]
async fn one_family_right() {
    let Some(both) = Both::start(false).await else {
        return;
    };
    let only_four = both.see(&[&both.four], &[FOUR, SIX]).await;
    assert_eq!(only_four.outcome(), HostOutcome::Mismatch, "{only_four:#?}");
    assert_eq!(authenticated(&only_four), [Some(true), Some(false)]);
    let only_six = both.see(&[&both.six], &[FOUR, SIX]).await;
    assert_eq!(only_six.outcome(), HostOutcome::Mismatch);
    assert_eq!(authenticated(&only_six), [Some(false), Some(true)]);
    let records_of_both = both.see(&[&both.four, &both.six], &[FOUR, SIX]).await;
    assert_eq!(records_of_both.outcome(), HostOutcome::Authenticated);
}

#[tokio::test]
async fn an_address_without_a_path_says_nothing_either_way() {
    let Some(both) = Both::start(false).await else {
        return;
    };
    let far = IpAddr::V6(NOWHERE);
    for (keys, expected) in [
        (&both.four, HostOutcome::Authenticated),
        (&both.six, HostOutcome::Mismatch),
    ] {
        let view = both.see(&[keys], &[FOUR, far]).await;
        assert_eq!(view.outcome(), expected, "{view:#?}");
        let unreached = &view.addresses[1];
        assert!(
            matches!(unreached.probe.result, ProbeResult::NoRoute { .. }),
            "{unreached:#?}"
        );
        assert!(unreached.probe.result.could_not_tell());
        assert!(unreached.judgement.is_none() && unreached.variants.is_empty());
    }
    let alone = both.see(&[&both.four], &[far]).await;
    assert_eq!(alone.outcome(), HostOutcome::NotReached, "{alone:#?}");
    // A refusal on one family neither.
    let silent = both
        .see(&[&both.four], &[FOUR, IpAddr::from([127, 0, 0, 77])])
        .await;
    assert_eq!(silent.outcome(), HostOutcome::Authenticated, "{silent:#?}");
    assert_eq!(silent.addresses[1].probe.result, ProbeResult::Refused);
}
