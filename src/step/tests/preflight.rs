//! Every finding of the catalogue: a world that has it, and its neighbour that has it not.

use std::collections::BTreeSet;

use super::super::catalogue::{self, ALL};
use super::super::{Alarm, preflight};
use super::*;
use crate::kernel::{Host, KeyId, ZoneKeys};
use crate::playbook::Scope;
use crate::world::{
    Advice, Chain, Connector, ConnectorFacts, DnsHost, DomainFlags, ExchangeFacts, FeatureState,
    HandsOver, HostFacts, Listing, OnFile, PolicyMode, SigningFacts, SmtpOutcome, TenantFacts,
    VantageFacts,
};

/// What a test makes of a world.
type Change = fn(&mut Case);
/// A world that has the finding, and one beside it that has it not.
type Row = (&'static str, Change, Change);

fn same(_: &mut Case) {}

fn value<T>(fact: &mut Fact<T>) -> &mut T {
    match fact {
        Fact::Known { value, .. } => value,
        _ => panic!("not known"),
    }
}

fn refused<T>() -> Fact<T> {
    Fact::Refused {
        why: "a missing right".into(),
        at: at(0),
    }
}

fn tenant(case: &mut Case) -> &mut TenantFacts {
    value(&mut case.facts.tenant)
}

fn exchange(case: &mut Case) -> &mut ExchangeFacts {
    value(&mut case.facts.exchange)
}

fn by_hand(case: &mut Case, source: &str) {
    exchange(case).manual = true;
    exchange(case).source = Some(source.into());
}

fn flags(case: &mut Case, flags: DomainFlags) {
    exchange(case).flags = flags;
}

fn has_ds(case: &mut Case) {
    let ds = vec![KeyId::new("1 13 2 aa")];
    value(&mut case.facts.provider).on_file = OnFile::Known { ds };
}

fn signed(case: &mut Case) {
    for server in &mut case.zone().servers {
        server.keys = Answer::Got {
            value: ZoneKeys::Signed([KeyId::new("1 13 2 aa")].into()),
            ttl: 3600,
        };
    }
}

fn connectors(case: &mut Case) -> &mut ConnectorFacts {
    value(&mut case.facts.connectors)
}

fn connector(enabled: Option<bool>, host: &str) -> Listing {
    Listing::Known {
        connectors: vec![Connector {
            name: "To the world".into(),
            enabled,
            hosts: vec![Host::new(host)],
            unread: vec![],
        }],
    }
}

fn unread(enabled: bool) -> Listing {
    Listing::Known {
        connectors: vec![Connector {
            name: "To the world".into(),
            enabled: Some(enabled),
            hosts: vec![],
            unread: vec!["SmartHosts".into()],
        }],
    }
}

fn mx(case: &mut Case, mx: &[(u16, &'static str)]) {
    for server in 0..2 {
        case.serve(server, mx, 3600);
    }
    let set = MxSet::new(mx.iter().copied());
    value(&mut case.facts.provider).mx = Some(MxRrset { set, ttl: 3600 });
}

fn host<'c>(case: &'c mut Case, name: &str) -> &'c mut HostFacts {
    value(case.facts.hosts.get_mut(&Host::new(name)).unwrap())
}

fn legacy(case: &mut Case, smtp: SmtpOutcome) {
    host(case, LEGACY).addresses[0].smtp = smtp;
}

fn says(case: &mut Case, reply: &str) {
    legacy(
        case,
        SmtpOutcome::Rejected {
            reply: reply.into(),
        },
    );
}

fn unreached(case: &mut Case) {
    legacy(
        case,
        SmtpOutcome::Unreached {
            why: "timeout".into(),
        },
    );
}

fn vantage(case: &mut Case, mx: Answer<MxSet>) {
    case.facts.vantages = vec![VantageFacts {
        vantage: "quad9".into(),
        mx,
        authentic: false,
        at: at(0),
    }];
}

fn got(mx: &[(u16, &str)]) -> Answer<MxSet> {
    Answer::Got {
        value: MxSet::new(mx.iter().copied()),
        ttl: 60,
    }
}

fn advice(case: &mut Case, code: &str) {
    exchange(case).advice = vec![Advice {
        code: Some(code.into()),
        text: "Priority of MX record did not match the expected one.".into(),
    }];
}

fn moved(case: &mut Case, graph: &str) {
    exchange(case).dnssec = FeatureState::Enabled;
    exchange(case).expected_mx = Some(Host::new(NEW));
    tenant(case).mx_hosts = vec![Host::new(graph)];
}

fn cannot_sign(case: &mut Case) {
    value(&mut case.facts.provider).signing = SigningFacts::Nowhere {
        instead: "move it to a host that signs".into(),
    };
}

fn split(case: &mut Case, ours: &str, serials: [u32; 2]) {
    value(&mut case.facts.provider).provider = ours.into();
    let zone = case.zone();
    zone.split_between = ["deSEC", "Cloudflare"]
        .map(|host| DnsHost {
            host: host.into(),
            servers: vec![format!("ns.{}.example", host.to_lowercase())],
        })
        .into();
    for (server, serial) in zone.servers.iter_mut().zip(serials) {
        server.serial = Some(serial);
    }
}

fn begun(case: &mut Case) {
    case.memory.way_back_kept = true;
}

fn gone(case: &mut Case) {
    begun(case);
    host(case, LEGACY).exists = false;
}

/// Rows that need a line of their own in a neighbour: `|c| ...`; `same` is the domain as it starts.
#[rustfmt::skip]
const ROWS: &[Row] = &[
    ("dns.zone", |c| c.facts.zone = could_not_tell(), same),
    ("dns.zone", |c| c.facts.zone = refused(), same),
    ("dns.server", |c| c.zone().servers[1].mx = Answer::Failed { why: "SERVFAIL".into() }, same),
    ("dns.no-path", |c| c.zone().out_of_reach = vec!["ns3 (2001:db8::3)".into()], same),
    ("dns.delegation", |c| c.zone().delegation_differs = vec!["ns3 is only in the zone".into()], same),
    ("dns.two-hosts", |c| split(c, "deSEC", [7, 7]), same),
    ("chain.bogus", |c| c.facts.chain = known(Chain::Bogus { why: "expired".into() }), |c| c.facts.chain = known(Chain::Insecure)),
    ("chain.unknown", |c| c.facts.chain = could_not_tell(), |c| c.facts.chain = known(Chain::Secure)),
    ("vantage.differs", |c| vantage(c, got(&[(5, LEGACY)])), |c| vantage(c, got(&[(0, LEGACY)]))),
    ("vantage.failed", |c| vantage(c, Answer::Failed { why: "SERVFAIL".into() }), |c| vantage(c, got(&[(0, LEGACY)]))),
    ("provider.refused", |c| c.facts.provider = refused(), |c| c.facts.provider = could_not_tell()),
    ("provider.unreachable", |c| c.facts.provider = could_not_tell(), |c| c.facts.provider = refused()),
    ("provider.differs", |c| value(&mut c.facts.provider).mx = Some(rrset(&[(5, LEGACY)], 3600)), |c| value(&mut c.facts.provider).mx = Some(rrset(&[(0, LEGACY)], 60))),
    ("provider.announces", |c| value(&mut c.facts.provider).announces = true, same),
    ("provider.hands-over", |c| value(&mut c.facts.provider).hands_over = HandsOver::IfRegisteredThere, |c| { value(&mut c.facts.provider).hands_over = HandsOver::Always; signed(c); }),
    ("provider.hands-over", |c| value(&mut c.facts.provider).hands_over = HandsOver::Always, same),
    ("provider.note", |c| value(&mut c.facts.provider).notes = vec!["served elsewhere".into()], same),
    ("registrar.refused", |c| value(&mut c.facts.provider).on_file = OnFile::Refused { why: "no such domain".into() }, |c| value(&mut c.facts.provider).on_file = OnFile::Known { ds: vec![] }),
    ("registrar.unreachable", |c| value(&mut c.facts.provider).on_file = OnFile::CouldNotTell { why: "no answer".into() }, same),
    ("registrar.has-ds", has_ds, |c| { has_ds(c); signed(c); }),
    ("provider.signing", |c| value(&mut c.facts.provider).signing = SigningFacts::Elsewhere, |c| value(&mut c.facts.provider).signing = SigningFacts::Pending),
    ("provider.cannot-sign", cannot_sign, |c| { cannot_sign(c); signed(c); }),
    ("mx.differs", |c| c.serve(1, &[(5, LEGACY)], 3600), |c| c.serve(1, &[(0, LEGACY)], 60)),
    ("mx.null", |c| mx(c, &[(0, "")]), same),
    ("mx.none", |c| mx(c, &[]), same),
    ("mx.gateway", |c| mx(c, &[(10, "mx.filter.example")]), |c| mx(c, &[(0, LEGACY), (10, "mx.filter.example")])),
    ("mx.third-party", |c| mx(c, &[(0, LEGACY), (10, "mx.filter.example")]), |c| mx(c, &[(0, LEGACY), (10, "b.mail.protection.outlook.com")])),
    ("mx.national-cloud", |c| mx(c, &[(0, "contoso.mail.protection.office365.us")]), |c| mx(c, &[(0, "mail.protection.office365.us.example")])),
    ("mx.national-cloud", |c| mx(c, &[(0, "contoso.mail.protection.partner.outlook.cn")]), |c| mx(c, &[(0, "contoso.partner.outlook.cn")])),
    ("mx.already-new", |c| mx(c, &[(0, NEW)]), |c| mx(c, &[(0, NEW), (30, LEGACY)])),
    ("mx.unproven", unreached, same),
    ("mx.unproven", |c| says(c, "550 5.7.606 Access denied, banned sending IP"), same),
    ("mx.rejects", |c| says(c, "550 5.7.64 TenantAttribution; Relay Access Denied"), |c| says(c, "550 5.7.606 Access denied, banned sending IP")),
    ("mx.down", |c| host(c, LEGACY).addresses.clear(), unreached),
    ("mx.down", |c| legacy(c, SmtpOutcome::Deferred { reply: "451 4.4.62 wrong region. ATTR35".into() }), |c| legacy(c, SmtpOutcome::Deferred { reply: "451 4.3.2 later ATTR3.4".into() })),
    ("mta-sts.enforced", |c| value(&mut c.facts.policy).mode = PolicyMode::Enforce, |c| value(&mut c.facts.policy).mode = PolicyMode::Testing),
    ("mta-sts.unknown", |c| c.facts.policy = could_not_tell(), same),
    ("graph.refused", |c| c.facts.tenant = refused(), |c| c.facts.tenant = could_not_tell()),
    ("graph.unreachable", |c| c.facts.tenant = could_not_tell(), |c| c.facts.tenant = refused()),
    ("tenant.unknown-domain", |c| tenant(c).exists = false, same),
    ("tenant.unverified", |c| tenant(c).verified = false, same),
    ("tenant.initial", |c| tenant(c).initial = true, same),
    ("tenant.initial", |c| flags(c, DomainFlags { initial: Some(true), ..DomainFlags::default() }), |c| flags(c, DomainFlags { initial: Some(false), ..DomainFlags::default() })),
    ("tenant.initial", |c| c.setup.domain = Host::new("contoso.onmicrosoft.com"), |c| c.setup.domain = Host::new("contoso-onmicrosoft.com")),
    ("tenant.delegated", |c| tenant(c).admin_managed = false, same),
    ("tenant.no-email", |c| tenant(c).email = false, same),
    ("exchange.refused", |c| c.facts.exchange = refused(), |c| c.facts.exchange = could_not_tell()),
    ("exchange.unreachable", |c| c.facts.exchange = could_not_tell(), |c| c.facts.exchange = refused()),
    ("exchange.not-accepted", |c| exchange(c).accepted = false, same),
    ("exchange.unsupported", |c| exchange(c).status_refused = Some("not for this domain".into()), same),
    ("exchange.pending-removal", |c| flags(c, DomainFlags { pending_removal: Some(true), ..DomainFlags::default() }), |c| flags(c, DomainFlags { pending_removal: Some(false), ..DomainFlags::default() })),
    ("exchange.pending-completion", |c| flags(c, DomainFlags { pending_completion: Some(true), ..DomainFlags::default() }), same),
    ("exchange.no-inbound", |c| flags(c, DomainFlags { outbound_only: Some(true), ..DomainFlags::default() }), |c| flags(c, DomainFlags { email_only: Some(true), ..DomainFlags::default() })),
    ("exchange.no-inbound", |c| flags(c, DomainFlags { sending_to_disabled: Some(true), ..DomainFlags::default() }), |c| flags(c, DomainFlags { sending_to_disabled: Some(false), ..DomainFlags::default() })),
    ("exchange.relay", |c| exchange(c).domain_type = "InternalRelay".into(), |c| exchange(c).domain_type = "authoritative".into()),
    ("exchange.coexistence", |c| flags(c, DomainFlags { coexistence: Some(true), ..DomainFlags::default() }), same),
    ("exchange.email-only", |c| flags(c, DomainFlags { email_only: Some(true), ..DomainFlags::default() }), same),
    ("exchange.state", |c| exchange(c).dane = FeatureState::Unknown, same),
    ("exchange.state", |c| exchange(c).dnssec = FeatureState::Unknown, same),
    ("exchange.mx-differs", |c| moved(c, LEGACY), |c| moved(c, NEW)),
    ("exchange.mx-differs", |c| moved(c, "contoso-com.e-v1.mx.microsoft"), |c| moved(c, NEW)),
    ("exchange.ex003", |c| advice(c, "EX003"), |c| advice(c, "EX004")),
    ("exchange.advice", |c| advice(c, "EX004"), |c| advice(c, "EX003")),
    ("exchange.ipv6", |c| c.facts.ipv6 = known(FeatureState::Enabled), |c| c.facts.ipv6 = could_not_tell()),
    ("exchange.ipv6-differs", |c| c.facts.ipv6 = known(FeatureState::Enabled), |c| { c.facts.ipv6 = known(FeatureState::Enabled); host(c, LEGACY).addresses[0].address = "2001:db8::25".into(); }),
    ("exchange.ipv6-differs", |c| host(c, LEGACY).addresses[0].address = "2001:db8::25".into(), |c| { c.facts.ipv6 = known(FeatureState::Unknown); host(c, LEGACY).addresses[0].address = "2001:db8::25".into(); }),
    ("connectors.smart-host", |c| connectors(c).outbound = connector(Some(true), LEGACY), |c| connectors(c).outbound = connector(Some(true), "contoso.mail.protection.outlook.com")),
    ("connectors.smart-host", |c| connectors(c).outbound = connector(None, LEGACY), |c| connectors(c).outbound = connector(Some(false), LEGACY)),
    ("connectors.disabled", |c| connectors(c).outbound = connector(Some(false), LEGACY), |c| connectors(c).outbound = connector(Some(true), LEGACY)),
    ("connectors.inbound", |c| connectors(c).inbound = connector(Some(true), LEGACY), |c| connectors(c).inbound = connector(Some(true), "mail.partner.example")),
    ("connectors.unknown", |c| connectors(c).outbound = Listing::CouldNotTell { why: "a missing role".into() }, same),
    ("connectors.unknown", |c| connectors(c).inbound = Listing::CouldNotTell { why: "a missing role".into() }, same),
    ("connectors.unknown", |c| connectors(c).outbound = unread(true), |c| connectors(c).outbound = unread(false)),
    ("connectors.unknown", |c| c.facts.connectors = could_not_tell(), |c| c.facts.connectors = Fact::Unasked),
    ("connectors.unseen", same, |c| moved(c, NEW)),
    ("graph.not-asked", |c| c.facts.tenant = Fact::Unasked, same),
    ("exchange.by-hand", |c| exchange(c).manual = true, |c| by_hand(c, "Get-AcceptedDomain, as pasted by somebody")),
    ("exchange.pasted", |c| by_hand(c, "Get-AcceptedDomain, as pasted by somebody"), |c| exchange(c).manual = true),
    ("legacy.gone", gone, |c| host(c, LEGACY).exists = false),
    ("legacy.no-address", |c| { begun(c); host(c, LEGACY).addresses.clear(); }, gone),
    ("legacy.refuses", |c| { begun(c); says(c, "550 5.7.64 TenantAttribution; Relay Access Denied"); }, |c| { begun(c); says(c, "550 5.7.606 Access denied"); }),
    ("legacy.refuses", |c| { begun(c); legacy(c, SmtpOutcome::Deferred { reply: "451 4.4.62 wrong region. ATTR35".into() }); }, |c| { begun(c); legacy(c, SmtpOutcome::Deferred { reply: "451 4.3.2 later ATTR3.4".into() }); }),
    ("legacy.silent", |c| { begun(c); unreached(c); c.now = at(40); }, |c| { begun(c); unreached(c); c.now = at(20); }),
    ("legacy.unknown", |c| { begun(c); unreached(c); }, |c| { begun(c); unreached(c); c.setup.probe_required = false; }),
    ("legacy.unknown", |c| { begun(c); c.facts.hosts.insert(Host::new(LEGACY), could_not_tell()); }, begun),
    ("tls-rpt.none", |c| c.facts.tls_reports = known(false), |c| c.facts.tls_reports = could_not_tell()),
    ("change.freezes", |c| { c.setup.change.freeze_file = true; c.facts.freezes = could_not_tell(); }, |c| { c.setup.change.freeze_file = true; c.facts.freezes = known(vec![]); }),
    ("clock.jumped", |c| c.facts.clock_jumped = Some(60), same),
];

/// The findings of playbooks that are about less than a move: a world that has it, and one beside it.
const SCOPED: &[(&str, Scope, Change, Change)] = &[
    ("mx.not-new", DANE, same, |c| mx(c, &[(0, NEW)])),
    ("mx.not-gateway", GATEWAY, same, |c| {
        mx(c, &[(0, "mx.filter.example")])
    }),
    (
        "mx.not-gateway",
        GATEWAY,
        |c| mx(c, &[(0, "mx.filter.example"), (10, LEGACY)]),
        |c| mx(c, &[(0, "mx.filter.example")]),
    ),
    ("chain.insecure", DANE, same, |c| {
        c.facts.chain = known(Chain::Secure)
    }),
    ("chain.insecure", GATEWAY, same, |c| {
        c.facts.chain = known(Chain::Secure)
    }),
];
const DANE: Scope = Scope::Dane { signs: false };
const GATEWAY: Scope = Scope::Gateway { signs: false };

fn judged(change: fn(&mut Case)) -> Vec<Finding> {
    judged_for(Scope::Move, change)
}

fn judged_for(scope: Scope, change: fn(&mut Case)) -> Vec<Finding> {
    let mut case = Case::new(&Start::default());
    let begun_before = case.memory.way_back_kept;
    change(&mut case);
    let begun = case.memory.way_back_kept || begun_before;
    case.memory = Memory {
        way_back_kept: begun,
        ..Memory::default()
    };
    case.absorb();
    let cx = case.context();
    let mut found = preflight::findings(&cx, scope);
    found.extend(Alarm::of(LOWER, &cx).map(|alarm| alarm.finding()));
    found
}

#[test]
fn every_finding_has_a_world_with_it_and_a_neighbour_without() {
    let mut shown = BTreeSet::new();
    for (id, with, without) in ROWS {
        let found = judged(*with);
        let finding = found
            .iter()
            .find(|finding| finding.id == *id)
            .unwrap_or_else(|| panic!("no {id} in {found:#?}"));
        assert!(
            !finding.what.is_empty() && !finding.mend.is_empty(),
            "{finding:?}"
        );
        let rule = catalogue::rule(id).unwrap_or_else(|| panic!("{id} is not in the catalogue"));
        assert_eq!(finding.why, rule.why, "{id}");
        let beside = judged(*without);
        assert!(
            !beside.iter().any(|f| f.id == *id),
            "{id} also in {beside:#?}"
        );
        shown.insert(*id);
        for finding in found.iter().chain(&beside) {
            assert!(catalogue::rule(&finding.id).is_some(), "{finding:?}");
            for place in ["DOMAIN", "TENANT."] {
                assert!(!finding.mend.contains(place), "{finding:?}");
            }
        }
    }
    for (id, scope, with, without) in SCOPED {
        let has = |change| judged_for(*scope, change).iter().any(|f| f.id == *id);
        assert!(has(*with), "{id}");
        assert!(!has(*without), "{id}");
        shown.insert(*id);
    }
    for rule in ALL {
        assert!(shown.contains(rule.id), "no row shows {}", rule.id);
    }
}

/// Each playbook asks for what its steps need, and hears of nothing else.
#[test]
fn a_playbook_is_not_stopped_by_what_none_of_its_steps_needs() {
    let gateway: Change = |c| mx(c, &[(0, "mx.filter.example")]);
    let cases: [(Scope, Change, bool); 12] = [
        (Scope::Dnssec, |c| c.facts.exchange = refused(), false),
        (Scope::Dnssec, |c| c.facts.tenant = could_not_tell(), false),
        (Scope::Dnssec, |c| mx(c, &[(0, ".")]), false),
        (Scope::Dnssec, gateway, false),
        (Scope::Dnssec, |c| says(c, "550 no"), false),
        (Scope::Dnssec, |c| c.facts.provider = refused(), true),
        (Scope::Dane { signs: true }, |c| mx(c, &[(0, NEW)]), false),
        (
            Scope::Dane { signs: true },
            |c| {
                mx(c, &[(0, NEW)]);
                c.facts.provider = refused();
            },
            true,
        ),
        (
            DANE,
            |c| {
                mx(c, &[(0, NEW)]);
                c.facts.chain = known(Chain::Secure);
                c.facts.provider = refused();
            },
            false,
        ),
        (
            DANE,
            |c| {
                mx(c, &[(0, NEW)]);
                c.facts.chain = known(Chain::Secure);
                c.facts.exchange = refused();
            },
            true,
        ),
        (
            Scope::Gateway { signs: true },
            |c| {
                mx(c, &[(0, "mx.filter.example")]);
                c.facts.policy = could_not_tell();
            },
            false,
        ),
        (Scope::Move, gateway, true),
    ];
    for (index, (scope, change, stops)) in cases.into_iter().enumerate() {
        let found = judged_for(scope, change);
        let stopping: Vec<_> = found.iter().filter(|f| f.stops()).collect();
        assert_eq!(!stopping.is_empty(), stops, "{index}: {stopping:#?}");
    }
}

#[test]
fn two_hosts_stop_a_run_only_where_a_change_would_reach_half_of_the_servers() {
    let weight = |change| {
        let found = judged(change);
        let finding = found.into_iter().find(|f| f.id == "dns.two-hosts").unwrap();
        for wanted in [
            "deSEC (ns.desec.example)",
            "Cloudflare (ns.cloudflare.example)",
        ] {
            assert!(finding.what.contains(wanted), "{finding:?}");
        }
        finding.severity
    };
    assert_eq!(weight(|c| split(c, "deSEC", [7, 8])), Severity::Blocker);
    assert_eq!(
        weight(|c| split(c, "Cloudflare", [7, 8])),
        Severity::Blocker
    );
    // One is the other's secondary.
    assert_eq!(weight(|c| split(c, "deSEC", [7, 7])), Severity::Warning);
    // A person changes both, or a hidden primary does.
    assert_eq!(weight(|c| split(c, "By hand", [7, 8])), Severity::Warning);
    // Without credentials nobody knows whose zone is changed.
    let unasked = |c: &mut Case| {
        split(c, "deSEC", [7, 8]);
        c.facts.provider = Fact::Unasked;
    };
    assert_eq!(weight(unasked), Severity::Warning);
}

#[test]
fn an_undisturbed_domain_hears_only_of_what_nobody_can_see() {
    let found = judged(same);
    let ids: Vec<_> = found.iter().map(|f| f.id.as_str()).collect();
    assert_eq!(ids, ["connectors.unseen"], "{found:#?}");
    assert!(
        found[0]
            .mend
            .contains("rollout approve contoso.com smart-hosts")
    );
    assert!(
        found[0]
            .mend
            .contains("contoso.mail.protection.outlook.com")
    );
}

/// What stops a run says which connector it is, and what to write instead.
#[test]
fn a_connector_on_the_legacy_host_is_named_with_what_to_write_instead() {
    let found = judged(|c| connectors(c).outbound = connector(Some(true), LEGACY));
    let finding = found
        .iter()
        .find(|f| f.id == "connectors.smart-host")
        .unwrap();
    assert_eq!(finding.severity, Severity::Blocker);
    assert!(finding.what.contains("To the world") && finding.what.contains(LEGACY));
    assert!(
        finding.mend.contains("contoso.mail.protection.outlook.com"),
        "{}",
        finding.mend
    );
    let unclear = judged(|c| connectors(c).outbound = connector(None, LEGACY));
    let finding = unclear
        .iter()
        .find(|f| f.id == "connectors.smart-host")
        .unwrap();
    assert_eq!(finding.severity, Severity::CouldNotTell);
}

/// The words of a message decide nothing: only its code does.
#[test]
fn advice_is_told_apart_by_its_code_alone() {
    let of = |code: Option<&str>, text: &str| {
        let mut case = Case::new(&Start::default());
        exchange(&mut case).advice = vec![Advice {
            code: code.map(str::to_owned),
            text: text.into(),
        }];
        let found = preflight::findings(&case.context(), Scope::Move);
        found
            .into_iter()
            .find(|f| f.id.starts_with("exchange."))
            .unwrap()
    };
    assert_eq!(of(Some("EX003"), "anything").severity, Severity::Note);
    assert_eq!(
        of(None, "EX003:Priority of MX record").id,
        "exchange.advice"
    );
    assert_eq!(of(Some("EX999"), "EX003").id, "exchange.advice");
    assert!(!of(Some("ES001"), "enforcing").stops());
}

/// Two sources that name two hosts are no source: the host is not taken up until they agree.
#[test]
fn two_services_that_name_two_hosts_are_waited_for() {
    let mut case = Case::new(&Start::default());
    moved(&mut case, "contoso-com.e-v1.mx.microsoft");
    case.absorb();
    assert_eq!(case.memory.new_host, None);
    waits_naming(
        &case.next(Goal::EnableDnssec),
        WaitFor::Service,
        &["contoso-com.e-v1.mx.microsoft", NEW],
    );
    // Graph that still names the legacy host lags: that is a warning, not another source.
    moved(&mut case, LEGACY);
    case.absorb();
    assert_eq!(case.memory.new_host, Some(Host::new(NEW)));
    is_done(&case.next(Goal::EnableDnssec));
}

const HEAD: &str = "\
# Findings of `rollout plan` and `rollout apply`

Made from the catalogue in `src/step/catalogue.rs`; `rollout plan --rules` prints the same. Ids are stable. Beside these, a
plan shows what of [the findings of `rollout verify`](findings.md) bears on the start.

A blocker ends in exit 1; what could not be told in exit 3, unless there is a blocker; warnings and notes stop nothing. A
finding may weigh otherwise in a case, and its text may say more. `legacy.*` are about the host that mail came to before the
move: they are looked for before each step, until no cache can name it any more. Then a run changes nothing but what lessens
how much senders rely on it, as far as that is safe, and stops.

DOMAIN stands for the domain, TENANT for the first label of the tenant's initial domain.

| id | severity | source | why it matters | how to mend it, or what to do instead |
|---|---|---|---|---|
";

/// `ROLLOUT_WRITE_DOCS=1 cargo test --lib findings` writes it anew.
#[test]
fn the_page_of_the_runs_findings_is_up_to_date() {
    use std::fmt::Write as _;
    let mut page = HEAD.to_owned();
    for rule in ALL {
        let severity = match rule.severity {
            Severity::Note => "note",
            Severity::Warning => "warning",
            Severity::CouldNotTell => "could not tell",
            Severity::Blocker => "blocker",
        };
        let cell = |text: &str| text.replace('|', "\\|").replace('*', "\\*");
        writeln!(
            page,
            "| `{}` | {severity} | {} | {} | {} |",
            rule.id,
            cell(rule.source),
            cell(rule.why),
            cell(rule.mend)
        )
        .unwrap();
    }
    let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/run-findings.md");
    if std::env::var_os("ROLLOUT_WRITE_DOCS").is_some() {
        std::fs::write(&path, &page).unwrap();
    }
    let committed = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(
        committed == page,
        "{} is not up to date: run ROLLOUT_WRITE_DOCS=1 cargo test --lib findings",
        path.display()
    );
}

#[test]
fn ids_are_unique_and_texts_are_sentences_without_their_ends() {
    let mut ids = BTreeSet::new();
    for rule in ALL {
        assert!(ids.insert(rule.id), "{} twice", rule.id);
        for text in [rule.why, rule.mend, rule.source] {
            assert!(
                !text.is_empty() && !text.ends_with('.'),
                "{}: {text}",
                rule.id
            );
        }
    }
}

#[test]
fn the_record_that_asks_for_reports_is_shown_whole() {
    let mend = |to: Option<&str>| {
        let mut case = Case::new(&Start::default());
        case.facts.tls_reports = known(false);
        case.setup.tls_reports = to.map(str::to_owned);
        let found = preflight::findings(&case.context(), Scope::Move);
        let finding = found.into_iter().find(|f| f.id == "tls-rpt.none").unwrap();
        assert!(!finding.stops());
        finding.mend
    };
    let record = "_smtp._tls.contoso.com. 3600 IN TXT \"v=TLSRPTv1; rua=mailto:tls@contoso.com\"";
    assert!(mend(Some("mailto:tls@contoso.com")).contains(record));
    assert!(mend(None).contains("reports: {tlsrpt: mailto:...}"));
}
