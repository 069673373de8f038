//! From domain to hosts to TLSA, by the tables in `data/discovery.json`: one object per assertion. Where the right
//! answer is another than that of a sender whose own tables ask the same, its member `why` says so.

use std::net::IpAddr;

use serde::Deserialize;

use crate::dane::sender::{Demand, demand};
use crate::dane::{
    Discovery, HostView, Oddity, Route, TlsaView, WebRoots, ask_anyway, discover,
    observe_destination, observe_host,
};
use crate::dns::{Fixture, Kind, Lookups, Status, Validated};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Group {
    group: String,
    dns: serde_json::Value,
    cases: Vec<Case>,
}

/// What is absent is not asserted.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Case {
    about: String,
    domain: Option<String>,
    host: Option<String>,
    route: Option<String>,
    /// `preference host`, the preference `-` where no MX names it; in order.
    hosts: Option<Vec<String>>,
    /// The name at the end of the aliases.
    expanded: Option<String>,
    /// Whether the first name's own records are signed.
    first_secure: Option<bool>,
    /// Whether all of it is signed.
    secure: Option<bool>,
    oddities: Option<Vec<String>>,
    /// Of each host.
    demands: Option<Vec<String>>,
    family: Option<String>,
    addresses: Option<Vec<IpAddr>>,
    security: Option<String>,
    base: Option<String>,
    /// Where the host is an alias of.
    alias: Option<String>,
    tlsa: Option<String>,
    records: Option<Vec<String>>,
    dane_required: Option<bool>,
    demand: Option<String>,
    /// What the host answers a sender that asks though it should not.
    anyway: Option<String>,
    names: Option<Vec<String>>,
    #[serde(rename = "why")]
    _why: Option<String>,
}

const DATA: &str = include_str!("data/discovery.json");

fn roots() -> WebRoots {
    WebRoots {
        system: false,
        extra: Vec::new(),
    }
}

fn word(value: &impl serde::Serialize, tag: &str) -> String {
    let value = serde_json::to_value(value).expect("plain data");
    value[tag].as_str().expect("a word").to_owned()
}

fn state(status: &Status) -> &'static str {
    match status {
        Status::Secure => "secure",
        Status::Insecure => "insecure",
        _ => "lookup-error",
    }
}

fn tlsa_state(view: &TlsaView) -> String {
    word(view, "state").replace('_', "-")
}

fn first_secure(lookup: &Validated) -> bool {
    lookup
        .aliases
        .first()
        .map_or(&lookup.status, |alias| &alias.status)
        .is_secure()
}

fn same<T: PartialEq + std::fmt::Debug>(told: T, expected: Option<T>, what: &str, about: &str) {
    if let Some(expected) = expected {
        assert_eq!(told, expected, "{about}: {what}");
    }
}

#[tokio::test]
async fn the_tables() {
    let groups: Vec<Group> = serde_json::from_str(DATA).expect("the tables");
    let mut asserted = 0;
    for group in groups {
        let dns = Fixture::from_json(&group.dns.to_string()).expect(&group.group);
        for case in group.cases {
            let about = format!("{}: {}", group.group, case.about);
            asserted += 1;
            match (case.domain.clone(), case.host.clone()) {
                (Some(domain), None) => domain_case(&dns, &domain, &case, &about).await,
                (Some(domain), Some(host)) => names_case(&dns, &domain, &host, &case, &about).await,
                (None, Some(host)) => host_case(&dns, &host, case, &about).await,
                (None, None) => panic!("{about}: about nothing"),
            }
        }
    }
    assert!(asserted > 100, "{asserted}");
}

async fn domain_case(dns: &Fixture, domain: &str, case: &Case, about: &str) {
    let found = discover(dns, domain).await;
    let route = Some(word(&found.route, "route"));
    assert_eq!(route, case.route, "{about}: route of {found:?}");
    if let Route::LookupError { .. } = found.route {
        assert!(found.hosts.is_empty(), "{about}: {found:?}");
    }
    let hosts: Vec<String> = found
        .hosts
        .iter()
        .map(|d| match d.preference {
            Some(preference) => format!("{preference} {}", d.host),
            None => format!("- {}", d.host),
        })
        .collect();
    if let Some(expected) = &case.hosts {
        assert_eq!(&hosts, expected, "{about}: hosts");
    }
    same(
        found.expanded(),
        case.expanded.as_deref(),
        "expanded",
        about,
    );
    same(
        first_secure(&found.mx),
        case.first_secure,
        "first link",
        about,
    );
    if found.route == Route::Mx {
        same(found.mx_secure(), case.secure, "secure", about);
    } else if let Route::Implicit | Route::NullMx = found.route {
        same(found.mx.status.is_secure(), case.secure, "secure", about);
        assert!(!found.mx_secure(), "{about}: no MX to vouch for");
    }
    if let Some(expected) = &case.oddities {
        let odd: Vec<String> = found.oddities.iter().map(|o| word(o, "oddity")).collect();
        assert_eq!(&odd, expected, "{about}: oddities");
    }
    if let Some(expected) = &case.demands {
        let mut demands = Vec::new();
        for destination in &found.hosts {
            let view = observe_destination(dns, &found, destination, None, &roots()).await;
            demands.push(word(&demand(&view), "demand"));
        }
        assert_eq!(&demands, expected, "{about}: demands");
    }
}

async fn names_case(dns: &Fixture, domain: &str, host: &str, case: &Case, about: &str) {
    let found: Discovery = discover(dns, domain).await;
    let destination = found.hosts.iter().find(|d| d.host == host).expect(about);
    let view = observe_destination(dns, &found, destination, None, &roots()).await;
    same(view.base.as_str(), case.base.as_deref(), "base", about);
    let names = found.reference_names(&view.base);
    same(&names, case.names.as_ref(), "names", about);
}

async fn host_case(dns: &Fixture, host: &str, case: Case, about: &str) {
    if let Some(family) = &case.family {
        let kind = if family == "A" { Kind::A } else { Kind::Aaaa };
        let said = dns.validate(host, kind).await;
        assert_eq!(state(&said.status), case.security.expect(about), "{about}");
        let count = case.addresses.map_or(0, |a| a.len());
        assert_eq!(said.records().len(), count, "{about}");
        return;
    }
    let view: HostView = observe_host(dns, host, "sender.test", true, None, &roots()).await;
    let addresses: Vec<IpAddr> = view.addresses.iter().map(|a| a.address).collect();
    same(addresses, case.addresses, "addresses", about);
    same(
        state(&view.security),
        case.security.as_deref(),
        "security",
        about,
    );
    let used = if view.a.status.is_lookup_error() {
        &view.aaaa
    } else {
        &view.a
    };
    same(
        used.final_name(),
        case.expanded.as_deref(),
        "expanded",
        about,
    );
    same(first_secure(used), case.first_secure, "first link", about);
    same(view.base.as_str(), case.base.as_deref(), "base", about);
    if let Some(alias) = case.alias {
        assert_eq!(used.final_name(), alias, "{about}: alias");
        assert!(!used.aliases.is_empty(), "{about}: alias");
    }
    same(tlsa_state(&view.tlsa), case.tlsa, "TLSA", about);
    let records: Vec<String> = view
        .tlsa
        .secure_records()
        .iter()
        .map(ToString::to_string)
        .collect();
    same(records, case.records, "records", about);
    let demanded = demand(&view);
    same(word(&demanded, "demand"), case.demand, "demand", about);
    let required = matches!(
        demanded,
        Demand::Authenticate | Demand::Encrypt | Demand::Down { .. } | Demand::NotKnown { .. }
    );
    same(required, case.dane_required, "DANE required", about);
    if let Some(anyway) = case.anyway {
        let asked = ask_anyway(dns, &view).await.expect(about);
        assert_eq!(tlsa_state(&asked), anyway, "{about}: asked all the same");
    }
}

#[tokio::test]
async fn oddities_are_told_in_a_sentence() {
    let dns = Fixture::from_json(
        r#"{"mx": {"a.test": ["10 b.test", "20 b.test", "30 .", "40 192.0.2.1"]}, "cname": {"c.test": "a.test"}}"#,
    )
    .expect("good");
    let found = discover(&dns, "C.Test.").await;
    let said: Vec<String> = found.oddities.iter().map(Oddity::to_string).collect();
    let said = said.join("; ");
    for words in ["alias of a.test", "null MX", "b.test is named", "192.0.2.1"] {
        assert!(said.contains(words), "{words}: {said}");
    }
}

/// A from one table, all else from another: what an alias that changes in between, or a forger, can bring about.
struct Torn {
    a: Fixture,
    rest: Fixture,
}

#[async_trait::async_trait]
impl Lookups for Torn {
    async fn validate(&self, name: &str, kind: Kind) -> Validated {
        match kind {
            Kind::A => self.a.validate(name, kind).await,
            _ => self.rest.validate(name, kind).await,
        }
    }
}

#[tokio::test]
async fn a_failed_family_chooses_no_base() {
    let dns = Torn {
        a: Fixture::from_json(
            r#"{"all_authentic": true, "cname": {"mx.test": "elsewhere.test"}, "a": {"elsewhere.test": ["192.0.2.66"]},
                "bogus": ["cname mx.test", "a elsewhere.test"]}"#,
        )
        .expect("good"),
        rest: Fixture::from_json(
            r#"{"all_authentic": true, "aaaa": {"mx.test": ["2001:db8::1"]},
                "tlsa": {"_25._tcp.mx.test": ["1 1 1 aa"], "_25._tcp.elsewhere.test": ["3 1 1 bb"]}}"#,
        )
        .expect("good"),
    };
    let view = observe_host(&dns, "mx.test", "sender.test", true, None, &roots()).await;
    assert_eq!(view.addresses.len(), 1, "what is bogus is no address");
    assert_eq!(view.base, "mx.test");
    assert_eq!(demand(&view), Demand::Encrypt);
}
