//! Worlds for table tests: facts built by hand, a model to walk them.

use std::time::Duration;

use jiff::Timestamp;

use super::{Memory, Setup};
use crate::kernel::{Host, KeyId, MxSet, Timing, ZoneKeys};
use crate::world::DelegationBy;
use crate::world::{
    AddressFacts, Answer, Chain, ConnectorFacts, DomainFlags, Estimates, ExchangeFacts, Fact,
    Facts, FeatureState, HostFacts, Listing, MxRrset, ParentFacts, ParentServer, PolicyFacts,
    PolicyMode, ProviderFacts, ServerFacts, SigningFacts, SmtpOutcome, TenantFacts, TlsaFacts,
    ZoneFacts,
};

pub(crate) const DOMAIN: &str = "contoso.com";
pub(crate) const LEGACY: &str = "contoso-com.mail.protection.outlook.com";
pub(crate) const NEW: &str = "contoso-com.o-v1.mx.microsoft";
pub(crate) const KEY: &str = "4711 13 2 aabb";

pub(crate) fn at(second: i64) -> Timestamp {
    Timestamp::from_second(1_800_000_000 + second).unwrap()
}

pub(crate) fn setup() -> Setup {
    Setup {
        domain: Host::new(DOMAIN),
        probe_required: true,
        manual_exchange: false,
        delegation: DelegationBy::Auto,
        timing: Timing::default(),
        zone_largest_ttl: 86_400,
        strict_mta_sts: false,
        settle: Duration::from_secs(30),
        settle_cmdlet: Duration::from_secs(30),
        overdue: Duration::from_secs(3600),
        tls_reports: None,
        mta_sts: Default::default(),
        change: crate::calendar::Calendar::default(),
    }
}

pub(crate) fn estimates() -> Estimates {
    Estimates {
        visible: Duration::from_secs(60),
        cmdlet: Duration::from_secs(180),
        tlsa: Duration::from_secs(1800),
        delegation: Duration::from_secs(3600),
        negative_ttl: Duration::from_secs(300),
    }
}

pub(crate) fn known<T>(value: T) -> Fact<T> {
    Fact::Known { value, at: at(0) }
}

pub(crate) fn could_not_tell<T>() -> Fact<T> {
    Fact::CouldNotTell {
        why: "did not answer in time".into(),
        at: at(0),
    }
}

/// A domain to start from; change what a test is about.
pub(crate) struct Start {
    pub mx: Vec<(u16, &'static str)>,
    pub ttl: u32,
    pub signed: bool,
    pub delegated: bool,
    pub dnssec: bool,
    pub dane: bool,
}

impl Default for Start {
    fn default() -> Self {
        Self {
            mx: vec![(0, LEGACY)],
            ttl: 3600,
            signed: false,
            delegated: false,
            dnssec: false,
            dane: false,
        }
    }
}

impl Start {
    pub(crate) fn mx(mx: &[(u16, &'static str)]) -> Self {
        Self {
            mx: mx.to_vec(),
            ..Self::default()
        }
    }

    /// The domain after the whole procedure.
    pub(crate) fn finished() -> Self {
        Self {
            mx: vec![(0, NEW)],
            ttl: 3600,
            signed: true,
            delegated: true,
            dnssec: true,
            dane: true,
        }
    }

    pub(crate) fn rrset(&self) -> MxRrset {
        MxRrset {
            set: MxSet::new(self.mx.iter().copied()),
            ttl: self.ttl,
        }
    }

    /// The MX RRset under another TTL.
    pub(crate) fn rrset_with(&self, ttl: u32) -> MxRrset {
        MxRrset {
            ttl,
            ..self.rrset()
        }
    }

    pub(crate) fn facts(&self) -> Facts {
        let rrset = self.rrset();
        let keys = if self.signed {
            ZoneKeys::Signed([KeyId::new(KEY)].into())
        } else {
            ZoneKeys::Unsigned
        };
        let server = |name: &str| ServerFacts {
            server: name.into(),
            mx: Answer::Got {
                value: rrset.set.clone(),
                ttl: rrset.ttl,
            },
            keys: Answer::Got {
                value: keys.clone(),
                ttl: 3600,
            },
            serial: Some(1),
            signed_until: None,
        };
        let parent = |name: &str| ParentServer {
            server: name.into(),
            ds: Answer::Got {
                value: if self.delegated {
                    [KeyId::new(KEY)].into()
                } else {
                    Default::default()
                },
                ttl: 900,
            },
        };
        Facts {
            zone: known(ZoneFacts {
                apex: Host::new(DOMAIN),
                servers: vec![server("ns1 (192.0.2.1)"), server("ns2 (192.0.2.2)")],
                negative_ttl: 900,
                largest_ttl: 3600,
                delegation_differs: vec![],
                split_between: vec![],
                out_of_reach: vec![],
                publishes_cds: false,
            }),
            parent: known(ParentFacts {
                scans_after: None,
                zone: Host::new("com"),
                servers: vec![parent("a.gtld (192.0.2.3)"), parent("b.gtld (192.0.2.4)")],
                negative_ttl: 900,
            }),
            chain: known(if self.delegated {
                Chain::Secure
            } else {
                Chain::Insecure
            }),
            vantages: vec![],
            hosts: [
                (
                    Host::new(LEGACY),
                    known(host(Chain::Insecure, TlsaFacts::NotAsked)),
                ),
                (
                    Host::new(NEW),
                    known(if self.dane {
                        let mut moved = host(Chain::Secure, records());
                        moved.addresses[0].tlsa_matches = Some(true);
                        moved
                    } else {
                        host(Chain::Secure, TlsaFacts::Absent { negative_ttl: 300 })
                    }),
                ),
            ]
            .into(),
            verdict: known(crate::world::VerdictFacts::foreseen()),
            policy: known(PolicyFacts {
                mode: PolicyMode::None,
                patterns: Default::default(),
                max_age: 0,
                record_ttl: 300,
                id: None,
                body: String::new(),
                lagging: vec![],
            }),
            tenant: known(TenantFacts {
                exists: true,
                verified: true,
                initial: false,
                admin_managed: true,
                email: true,
                mx_hosts: vec![],
            }),
            exchange: known(ExchangeFacts {
                manual: false,
                source: None,
                accepted: true,
                domain_type: "Authoritative".into(),
                flags: DomainFlags::default(),
                dnssec: state(self.dnssec),
                dane: state(self.dane),
                expected_mx: self.dnssec.then(|| Host::new(NEW)),
                status_refused: None,
                advice: vec![],
            }),
            connectors: known(ConnectorFacts {
                outbound: Listing::Known { connectors: vec![] },
                inbound: Listing::Known { connectors: vec![] },
                initial_domain: Some(Host::new("contoso.onmicrosoft.com")),
            }),
            ipv6: known(FeatureState::Disabled),
            provider: known(ProviderFacts {
                provider: "PowerDNS".into(),
                manual: false,
                ttl_min: 1,
                ttl_max: 604_800,
                mx: Some(rrset),
                signing: if self.signed {
                    SigningFacts::On {
                        ds: vec![KeyId::new(KEY)],
                    }
                } else {
                    SigningFacts::Off
                },
                largest_ttl: Some(7200),
                registrar: true,
                on_file: crate::world::OnFile::NotAsked,
                announces: false,
                hands_over: crate::world::HandsOver::Never,
                notes: vec![],
            }),
            freezes: Fact::Unasked,
            tls_reports: known(true),
            policy_file: Fact::Unasked,
            texts: Default::default(),
            clock_jumped: None,
        }
    }

    /// A memory that has taken these facts in.
    pub(crate) fn memory(&self) -> Memory {
        let mut memory = Memory::default();
        memory.absorb(&self.facts(), &setup(), at(0));
        memory
    }
}

fn state(on: bool) -> FeatureState {
    if on {
        FeatureState::Enabled
    } else {
        FeatureState::Disabled
    }
}

pub(crate) fn records() -> TlsaFacts {
    TlsaFacts::Records {
        records: vec!["3 1 1 00".into()],
        digest: "set".into(),
        ttl: 900,
        negative_ttl: 300,
    }
}

pub(crate) fn host(chain: Chain, tlsa: TlsaFacts) -> HostFacts {
    HostFacts {
        exists: true,
        chain,
        addresses: vec![AddressFacts {
            address: "192.0.2.25".into(),
            smtp: SmtpOutcome::Accepted { web_pki: true },
            tlsa_matches: None,
        }],
        tlsa,
        probed_at: Some(at(0)),
    }
}
