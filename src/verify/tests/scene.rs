//! A safe domain as it was seen in the embedded laboratory, and ways to change what was seen.

use std::net::IpAddr;
use std::sync::OnceLock;
use std::time::Duration;

use jiff::Timestamp;
use rollout_lab::{DomainKind, DomainSeed, Lab, Options, Timing};

use crate::dane::{
    AddressView, Certificate, HostView, Judgement, Mode, MtaStsView, Policy, ProbeResult, Prober,
    StsRecord, TlsaView, Variant, WebPki, judge as hold,
};
use crate::dns::survey::{Denial, DsFit, Probe as Asked};
use crate::dns::{
    Alias, Answer, Data, Failure, Kind, Opinion, Outcome, Record, ServerAnswer, ServerSurvey,
    ServerView, Status, Survey, Tlsa, Validated, VantageAnswer, VantageVerdict,
};
use crate::surroundings::Surroundings;
use crate::verify::{DomainView, Extent, Report, Verifier, Wish, judge};

pub(crate) const DOMAIN: &str = "adatum.com";

/// A look at a domain that has gone the whole way.
pub(crate) fn safe() -> DomainView {
    static SEEN: OnceLock<DomainView> = OnceLock::new();
    // A thread of its own, because a test may be on a runtime already.
    SEEN.get_or_init(|| std::thread::spawn(look).join().unwrap())
        .clone()
}

fn look() -> DomainView {
    let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
    let options = Options::with_domains([DomainSeed::new(DOMAIN, DomainKind::Finished)]);
    let lab = Lab::start(options).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let path = crate::laboratory::write_domain_file(
        folder.path(),
        DOMAIN,
        &lab.endpoints().unwrap(),
        &Timing::default(),
        "",
    )
    .unwrap();
    let file =
        crate::domain_file::load(&path).unwrap_or_else(|e| panic!("{}", e.render(false, 100)));
    let around = Surroundings::of(&file.file);
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .unwrap();
    let mut view = runtime.block_on(async {
        let verifier =
            Verifier::open(&around, Extent::Full, Some(Prober::new(around.smtp()))).unwrap();
        verifier.look(DOMAIN).await
    });
    // Whatever the second validator is asked by now, the scene has its opinion of the same questions.
    view.opinions.clear();
    let questions: Vec<_> = view
        .vantages
        .iter()
        .map(|v| (v.name.clone(), v.kind))
        .collect();
    for (name, kind) in questions {
        if !view
            .opinions
            .iter()
            .any(|o| (&o.name, o.kind) == (&name, kind))
        {
            view.opinions.push(opinion(&name, kind, view.at));
        }
    }
    agree(&mut view);
    view
}

fn opinion(name: &str, kind: Kind, at: Timestamp) -> Opinion {
    serde_json::from_value(serde_json::json!({
        "name": name, "kind": kind, "status": Status::Secure, "at": at,
    }))
    .unwrap()
}

/// The instant of judging: soon after the look.
pub(crate) fn now(view: &DomainView) -> Timestamp {
    view.at + Duration::from_secs(10)
}

/// Judged for DANE.
pub(crate) fn judged(view: &DomainView) -> Report {
    judge(view.clone(), Wish::Dane, now(view))
}

pub(crate) fn bogus() -> Status {
    Status::Bogus {
        why: "the signature is wrong".into(),
    }
}

pub(crate) fn unknown() -> Status {
    Status::Indeterminate {
        why: "no answer in time".into(),
    }
}

pub(crate) fn servfail() -> Failure {
    Failure::Rcode {
        code: "SERVFAIL".into(),
        explained: None,
    }
}

pub(crate) fn host(view: &mut DomainView) -> &mut HostView {
    &mut view.hosts[0].view
}

/// The second address of the host.
pub(crate) fn address(view: &mut DomainView) -> &mut AddressView {
    &mut host(view).addresses[1]
}

pub(crate) fn survey(view: &mut DomainView) -> &mut Survey {
    view.survey.as_mut().unwrap()
}

/// The second address of the zone's servers, as asked at every look.
pub(crate) fn server(view: &mut DomainView) -> &mut ServerView {
    &mut survey(view).zone.servers[1]
}

/// The same, as the survey goes deeper.
pub(crate) fn deep(view: &mut DomainView) -> &mut ServerSurvey {
    &mut survey(view).servers[1]
}

pub(crate) fn denial(view: &mut DomainView) -> &mut Denial {
    denied(view, Asked::TypeAtApex)
}

/// What the server was asked to deny.
pub(crate) fn denied(view: &mut DomainView, probe: Asked) -> &mut Denial {
    let mut all = deep(view).denials.iter_mut();
    all.find(|denial| denial.probe == probe).unwrap()
}

pub(crate) fn vantage(view: &mut DomainView, kind: Kind) -> &mut VantageAnswer {
    view.vantages.iter_mut().find(|v| v.kind == kind).unwrap()
}

pub(crate) fn second(view: &mut DomainView, kind: Kind) -> &mut Opinion {
    view.opinions.iter_mut().find(|o| o.kind == kind).unwrap()
}

pub(crate) fn record(name: &str, data: Data) -> Record {
    Record {
        name: name.into(),
        ttl: 60,
        data,
    }
}

pub(crate) fn mx_record(preference: u16, exchange: &str) -> Record {
    record(
        DOMAIN,
        Data::Mx {
            preference,
            exchange: exchange.into(),
        },
    )
}

/// What all others say of each question becomes what we say.
pub(crate) fn agree(view: &mut DomainView) {
    let ours: Vec<Validated> = questions(view).cloned().collect();
    for answer in &mut view.vantages {
        let Some(ours) = ours
            .iter()
            .find(|o| (&o.name, o.kind) == (&answer.name, answer.kind))
        else {
            continue;
        };
        answer.ad = ours.status.is_secure();
        answer.ttl = ours.ttl.or(Some(1));
        answer.records = ours.records().to_vec();
        answer.verdict = match (&ours.status, &ours.answer) {
            (Status::Bogus { .. }, _) => VantageVerdict::Bogus { explained: None },
            (Status::Indeterminate { .. }, _) | (_, Answer::Unknown) => {
                VantageVerdict::Failed(Failure::Timeout)
            }
            (_, Answer::Records(_)) => VantageVerdict::Answer,
            (_, Answer::NoData) => VantageVerdict::NoData,
            (_, Answer::NxDomain) => VantageVerdict::NxDomain,
        };
    }
    for opinion in &mut view.opinions {
        if let Some(ours) = ours
            .iter()
            .find(|o| (&o.name, o.kind) == (&opinion.name, opinion.kind))
        {
            opinion.status = ours.status.clone();
        }
    }
}

/// The lookups that the verdict hangs on.
pub(crate) fn questions(view: &DomainView) -> impl Iterator<Item = &Validated> {
    let hosts = view.hosts.iter().flat_map(|host| {
        let tlsa = host.view.tlsa.lookup();
        [Some(&host.view.a), Some(&host.view.aaaa), tlsa]
            .into_iter()
            .flatten()
    });
    std::iter::once(&view.mx).chain(hosts)
}

/// The MX lookup comes out like this, and everybody says so.
pub(crate) fn mx(view: &mut DomainView, status: Status, answer: Answer) {
    view.mx.status = status;
    view.mx.answer = answer;
    view.route = crate::dane::discover::read(view.mx.clone()).route;
    if view.mx.status.is_lookup_error() || view.mx.answer == Answer::Unknown {
        view.hosts.clear();
    }
    agree(view);
}

/// A domain without MX: the domain is its own host.
pub(crate) fn implicit(view: &mut DomainView) {
    view.hosts[0].preference = None;
    rename(&mut view.hosts[0].view, DOMAIN);
    mx(view, Status::Secure, Answer::NoData);
}

/// A name that does not exist.
pub(crate) fn no_such_domain(view: &mut DomainView) {
    implicit(view);
    let host = host(view);
    for lookup in [&mut host.a, &mut host.aaaa] {
        lookup.answer = Answer::NxDomain;
    }
    without_address(host);
    mx(view, Status::Secure, Answer::NxDomain);
}

/// The lookups say that there is no address.
pub(crate) fn without_address(host: &mut HostView) {
    for lookup in [&mut host.a, &mut host.aaaa] {
        if !lookup.answer.is_absent() {
            lookup.answer = Answer::NoData;
        }
    }
    host.addresses.clear();
    host.tlsa = TlsaView::NotAsked {
        why: "the host has no address".into(),
    };
}

fn rename(host: &mut HostView, name: &str) {
    let old = std::mem::replace(&mut host.host, name.to_owned());
    host.base = name.to_owned();
    for lookup in [&mut host.a, &mut host.aaaa] {
        lookup.name = name.to_owned();
        if let Answer::Records(records) = &mut lookup.answer {
            for record in records.iter_mut().filter(|r| r.name == old) {
                record.name = name.to_owned();
            }
        }
    }
    let owner = format!("_25._tcp.{name}");
    match &mut host.tlsa {
        TlsaView::NotAsked { .. } => {}
        TlsaView::Secure { name, lookup, .. }
        | TlsaView::Insecure { name, lookup, .. }
        | TlsaView::Absent { name, lookup }
        | TlsaView::LookupError { name, lookup, .. } => {
            name.clone_from(&owner);
            lookup.name = owner;
        }
    }
}

/// A second host beside the first one, as good as it.
pub(crate) fn second_host(view: &mut DomainView) {
    if view.hosts.len() > 1 {
        return;
    }
    let mut other = view.hosts[0].clone();
    other.preference = other.preference.map(|preference| preference + 10);
    let old = other.view.host.clone();
    let new = format!("second.{old}");
    rename(&mut other.view, &new);
    for (index, address) in other.view.addresses.iter_mut().enumerate() {
        let ip = IpAddr::from([192, 0, 2, u8::try_from(index).unwrap() + 1]);
        address.address = ip;
        address.probe.address.set_ip(ip);
        for variant in &mut address.variants {
            variant.probe.address.set_ip(ip);
        }
    }
    let addresses: Vec<IpAddr> = other.view.addresses.iter().map(|a| a.address).collect();
    other.view.a.answer = Answer::Records(
        addresses
            .iter()
            .filter_map(|ip| match ip {
                IpAddr::V4(ip) => Some(record(&new, Data::A(*ip))),
                IpAddr::V6(_) => None,
            })
            .collect(),
    );
    let extra = mx_record(other.preference.unwrap(), &new);
    let Answer::Records(records) = &mut view.mx.answer else {
        panic!("the scene has an MX set")
    };
    records.push(extra);
    records.sort();
    view.hosts.push(other);
    agree(view);
}

/// The domain is not signed (`keys`: it is, but nobody says so above).
pub(crate) fn unsigned(view: &mut DomainView, keys: bool) {
    view.mx.status = Status::Insecure;
    let survey = survey(view);
    survey.delegation = Status::Insecure;
    for parent in &mut survey.zone.parents {
        absent(&mut parent.ds);
    }
    for server in &mut survey.servers {
        server.links.clear();
        for set in &mut server.verdicts {
            set.status = Status::Insecure;
        }
        for denial in &mut server.denials {
            denial.status = Status::Insecure;
        }
        if !keys {
            server.keys.clear();
            server.signed.clear();
        }
    }
    for server in survey.zone.servers.iter_mut().filter(|_| !keys) {
        absent(&mut server.dnskey);
    }
    agree(view);
}

pub(crate) fn absent(answer: &mut ServerAnswer) {
    answer.outcome = Outcome::NoData;
    answer.records.clear();
}

pub(crate) fn failed(answer: &mut ServerAnswer, failure: Failure) {
    answer.outcome = Outcome::Failed(failure);
    answer.records.clear();
    answer.soa = None;
}

/// How a DS fits where no keys were seen.
pub(crate) fn no_keys(deep: &mut ServerSurvey) {
    deep.keys.clear();
    for link in &mut deep.links {
        link.fit = DsFit::NoKey;
        link.signs_keys = false;
    }
}

/// A server that does not answer at all.
pub(crate) fn silent(view: &mut DomainView, index: usize) {
    let survey = survey(view);
    let server = &mut survey.zone.servers[index];
    for answer in [
        &mut server.mx,
        &mut server.soa,
        &mut server.dnskey,
        &mut server.ns,
        &mut server.cds,
        &mut server.txt,
        &mut server.denial,
    ] {
        failed(answer, Failure::Timeout);
    }
    let deep = &mut survey.servers[index];
    for set in &mut deep.verdicts {
        set.status = unknown();
    }
    for denial in &mut deep.denials {
        failed(&mut denial.answer, Failure::Timeout);
        denial.status = unknown();
    }
    deep.keys.clear();
    deep.signed.clear();
    no_keys(deep);
    deep.wildcards.clear();
    deep.empty_non_terminal = None;
    deep.tcp.failure = Some(Failure::Timeout);
    deep.tcp.differs.clear();
    for answer in &mut deep.tcp.answers {
        failed(answer, Failure::Timeout);
    }
}

/// The host's addresses are not signed.
pub(crate) fn insecure_host(host: &mut HostView) {
    for lookup in [&mut host.a, &mut host.aaaa] {
        lookup.status = Status::Insecure;
    }
    host.security = Status::Insecure;
    host.tlsa = TlsaView::NotAsked {
        why: "the host's addresses are not signed, so a sender does not ask".into(),
    };
    rejudge(host);
}

/// One family of addresses comes out like this; nothing else of the host changes unless nothing is left.
pub(crate) fn family(view: &mut DomainView, kind: Kind, status: Status) {
    let host = host(view);
    let lookup = if kind == Kind::A {
        &mut host.a
    } else {
        &mut host.aaaa
    };
    if !lookup.answer.is_absent() || status.is_lookup_error() {
        lookup.answer = Answer::Unknown;
    }
    lookup.status = status.clone();
    host.addresses
        .retain(|address| address.address.is_ipv4() != (kind == Kind::A));
    if host.addresses.is_empty() {
        host.security = status;
        host.tlsa = TlsaView::NotAsked {
            why: "the addresses could not be looked up".into(),
        };
    }
    agree(view);
}

/// The record that fits the key of every address.
pub(crate) fn fitting(view: &DomainView) -> Tlsa {
    let chain = view.hosts[0].view.addresses[0]
        .probe
        .result
        .chain()
        .unwrap();
    tlsa(3, 1, 1, chain[0].spki_sha256.as_deref().unwrap())
}

pub(crate) fn tlsa(usage: u8, selector: u8, matching: u8, data: &str) -> Tlsa {
    Tlsa {
        usage,
        selector,
        matching,
        data: data.into(),
    }
}

/// A record of this form that fits nothing.
pub(crate) fn strange(usage: u8, selector: u8, matching: u8) -> Tlsa {
    tlsa(usage, selector, matching, &"ab".repeat(32))
}

/// The host publishes these records, signed.
pub(crate) fn publish(host: &mut HostView, records: &[Tlsa]) {
    let lookup = tlsa_lookup(host);
    let owner = lookup.final_name().to_owned();
    let mut lookup = lookup;
    lookup.answer = Answer::Records(
        records
            .iter()
            .map(|tlsa| record(&owner, Data::Tlsa(tlsa.clone())))
            .collect(),
    );
    host.tlsa = TlsaView::Secure {
        name: lookup.name.clone(),
        records: records.to_vec(),
        ttl: lookup.ttl.unwrap_or(60),
        lookup: Box::new(lookup),
    };
    rejudge(host);
}

fn tlsa_lookup(host: &HostView) -> Validated {
    let mut lookup = host.tlsa.lookup().cloned().unwrap_or_else(|| Validated {
        name: host.tlsa_name(),
        kind: Kind::Tlsa,
        ..host.a.clone()
    });
    lookup.status = Status::Secure;
    lookup
}

/// The TLSA lookup comes out like this.
pub(crate) fn no_records(host: &mut HostView, status: Status) {
    let mut lookup = tlsa_lookup(host);
    let name = lookup.name.clone();
    lookup.status = status;
    lookup.answer = if lookup.status.is_lookup_error() {
        Answer::Unknown
    } else {
        Answer::NoData
    };
    let lookup = Box::new(lookup);
    host.tlsa = match lookup.status.why() {
        Some(why) => TlsaView::LookupError {
            name,
            why: why.to_owned(),
            lookup,
        },
        None => TlsaView::Absent { name, lookup },
    };
    rejudge(host);
}

/// The records are there and not signed.
pub(crate) fn unsigned_records(host: &mut HostView) {
    let mut lookup = tlsa_lookup(host);
    lookup.status = Status::Insecure;
    host.tlsa = TlsaView::Insecure {
        name: lookup.name.clone(),
        records: host.tlsa.secure_records().to_vec(),
        lookup: Box::new(lookup),
    };
    rejudge(host);
}

/// Holds every chain against the records anew.
pub(crate) fn rejudge(host: &mut HostView) {
    let names = [host.base.clone(), host.domain.clone()];
    let tlsa = host.tlsa.clone();
    for address in &mut host.addresses {
        address.judgement = judgement(&address.probe.result, &tlsa, &names, host.at);
        for variant in &mut address.variants {
            variant.judgement = judgement(&variant.probe.result, &tlsa, &names, host.at);
        }
    }
}

fn judgement(
    seen: &ProbeResult,
    tlsa: &TlsaView,
    names: &[String; 2],
    at: Timestamp,
) -> Option<Judgement> {
    let (TlsaView::Secure { records, .. }, ProbeResult::Ok { chain, .. }) = (tlsa, seen) else {
        return None;
    };
    let chain: Vec<_> = chain.iter().map(Certificate::bytes).collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    Some(hold(records, &chain, &names, at))
}

/// A certificate that no record names.
pub(crate) fn other_certificate() -> Certificate {
    static MADE: OnceLock<Certificate> = OnceLock::new();
    MADE.get_or_init(|| {
        let made = rcgen::generate_simple_self_signed(["elsewhere.example".to_owned()]).unwrap();
        Certificate::read(made.cert.der())
    })
    .clone()
}

/// The address shows another certificate, also in every other handshake.
pub(crate) fn other_key(view: &mut DomainView, index: usize) {
    let address = &mut host(view).addresses[index];
    let others = address.variants.iter_mut().map(|v| &mut v.probe.result);
    for result in std::iter::once(&mut address.probe.result).chain(others) {
        if let ProbeResult::Ok { chain, .. } = result {
            *chain = vec![other_certificate()].into();
        }
    }
    address.webpki = WebPki::Invalid {
        why: "its issuer is not known".into(),
    };
    rejudge(host(view));
}

/// The conversation with the address ends like this.
pub(crate) fn ends(address: &mut AddressView, result: ProbeResult) {
    if !matches!(result, ProbeResult::Ok { .. }) {
        address.judgement = None;
        address.variants.clear();
        address.webpki = WebPki::NotTold {
            why: "no certificate was seen".into(),
        };
    }
    address.probe.result = result;
}

pub(crate) fn timeout() -> ProbeResult {
    ProbeResult::Timeout {
        stage: "connecting".into(),
    }
}

/// A further handshake with the address, which ends like this.
pub(crate) fn variant(address: &mut AddressView, sni: bool, result: ProbeResult) -> &mut Variant {
    let mut probe = address.probe.clone();
    if !sni {
        probe.sni = None;
    }
    probe.result = result;
    let variants = &mut address.variants;
    variants.insert(
        0,
        Variant {
            probe,
            judgement: None,
        },
    );
    &mut variants[0]
}

pub(crate) fn policy(view: &mut DomainView, mode: Mode, patterns: &[&str]) {
    let patterns: Vec<String> = patterns.iter().map(|&p| p.to_owned()).collect();
    let mut policy = Policy {
        mode,
        max_age: 86_400,
        patterns,
        body: String::new(),
    };
    policy.body = policy.to_string();
    view.policy = MtaStsView::Found {
        record: sts_record(),
        policy,
        ttl: 60,
        at: view.at,
    };
}

pub(crate) fn sts_record() -> StsRecord {
    StsRecord {
        id: "1".into(),
        text: "v=STSv1; id=1;".into(),
    }
}

/// A policy that names the hosts there are.
pub(crate) fn covering(view: &mut DomainView, mode: Mode) {
    let names: Vec<String> = view.hosts.iter().map(|h| h.view.host.clone()).collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    policy(view, mode, &names);
}

/// The TXT records at a name that is asked for.
pub(crate) fn text(view: &mut DomainView, name: &str, texts: &[&str]) {
    let lookup = view.texts.iter_mut().find(|t| t.name == name).unwrap();
    lookup.status = Status::Secure;
    lookup.answer = if texts.is_empty() {
        Answer::NoData
    } else {
        Answer::Records(
            texts
                .iter()
                .map(|&text| record(name, Data::Txt(text.into())))
                .collect(),
        )
    };
}

pub(crate) fn alias(from: &str, to: &str) -> Alias {
    Alias {
        from: from.into(),
        to: to.into(),
        ttl: 60,
        status: Status::Secure,
    }
}

/// Only the DNS was asked.
pub(crate) fn dns_only(view: &mut DomainView) {
    view.extent = Extent::DnsOnly;
    for host in &mut view.hosts {
        for address in &mut host.view.addresses {
            ends(address, ProbeResult::NotProbed);
        }
    }
    if let MtaStsView::Found { record, at, .. } = view.policy.clone() {
        view.policy = MtaStsView::Unknown {
            record: Some(record),
            why: "the policy was not fetched".into(),
            at,
        };
    }
}
