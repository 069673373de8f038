//! What can be reached from here.

use super::*;
use crate::dane::{MtaStsView, Route};
use crate::dns::{Failure, VantageVerdict};

fn resolver(view: &mut View, verdict: VantageVerdict, ad: bool) {
    view.resolvers[0].root = root(verdict, ad);
}

fn servcode() -> Failure {
    Failure::Rcode {
        code: "SERVFAIL".into(),
        explained: None,
    }
}

pub(super) const REACH: &[Row] = &[
    (|_| (), "reach.https", Passed, "answers."),
    (
        |v| v.https[0].answer = Err("connection refused".into()),
        "reach.https",
        Failed,
        "lets HTTPS out to https://sign-in.example",
    ),
    (
        |v| v.https.clear(),
        "reach.https",
        NotNeeded,
        "names no service",
    ),
    (|_| (), "reach.resolver", Passed, "validates DNSSEC"),
    (
        |v| v.resolvers.clear(),
        "reach.resolver",
        NotNeeded,
        "names no resolver",
    ),
    (
        |v| resolver(v, VantageVerdict::Answer, false),
        "reach.resolver",
        Failed,
        "does not validate",
    ),
    (
        |v| resolver(v, VantageVerdict::Bogus { explained: None }, false),
        "reach.resolver",
        Failed,
        "bogus",
    ),
    (
        |v| resolver(v, VantageVerdict::NxDomain, false),
        "reach.resolver",
        Failed,
        "no SOA",
    ),
    (
        |v| resolver(v, VantageVerdict::Failed(servcode()), false),
        "reach.resolver",
        Failed,
        "answered SERVFAIL",
    ),
    (
        |v| resolver(v, VantageVerdict::Failed(Failure::Timeout), false),
        "reach.resolver",
        Failed,
        "port 53 (UDP and TCP) to 192.0.2.53:53",
    ),
    (
        |v| resolver(v, VantageVerdict::Failed(no_route()), false),
        "reach.resolver",
        CouldNotTell,
        "no path",
    ),
    (|_| (), "reach.dns-udp", Passed, "All 3 addresses"),
    (
        |v| v.servers = Err(Failure::Timeout),
        "reach.dns-udp",
        CouldNotTell,
        "resolve.forwarders",
    ),
    (
        |v| v.servers = Ok(Vec::new()),
        "reach.dns-udp",
        CouldNotTell,
        "no server",
    ),
    (
        |v| {
            v.servers = Ok(vec![
                server("192.0.2.1:53", Some(Failure::Timeout), None),
                server("192.0.2.2:53", None, None),
            ])
        },
        "reach.dns-udp",
        CouldNotTell,
        "1 of 2 addresses",
    ),
    (
        |v| v.servers = Ok(vec![server("192.0.2.1:53", Some(Failure::Timeout), None)]),
        "reach.dns-udp",
        Failed,
        "opens port 53 over UDP outward",
    ),
    (
        |v| {
            v.servers = Ok(vec![server(
                "192.0.2.1:53",
                Some(no_route()),
                Some(no_route()),
            )])
        },
        "reach.dns-udp",
        Failed,
        "no path to any",
    ),
    // An address family without a path is said once, elsewhere.
    (
        |v| {
            v.servers = Ok(vec![
                server("192.0.2.1:53", None, None),
                server("[2001:db8::1]:53", Some(no_route()), Some(no_route())),
            ])
        },
        "reach.dns-udp",
        Passed,
        "All 1 addresses",
    ),
    (|_| (), "reach.dns-tcp", Passed, "over TCP"),
    (
        |v| v.servers = Ok(vec![server("192.0.2.1:53", None, Some(Failure::Timeout))]),
        "reach.dns-tcp",
        Failed,
        "opens port 53 over TCP outward",
    ),
    (
        |v| {
            v.servers = Ok(vec![
                server("192.0.2.1:53", None, Some(Failure::ConnectionRefused)),
                server("192.0.2.2:53", None, None),
            ])
        },
        "reach.dns-tcp",
        CouldNotTell,
        "refused the connection",
    ),
    (|_| (), "reach.port-25", Passed, "1 of 1 addresses"),
    (
        |v| v.mail.hosts = vec![host("192.0.2.25:25", hangs())],
        "reach.port-25",
        CouldNotTell,
        "--from-chain",
    ),
    (
        |v| v.mail.hosts = vec![host("192.0.2.25:25", hangs())],
        "reach.port-25",
        CouldNotTell,
        "smtp.probe: advisory",
    ),
    (
        |v| v.mail.hosts = vec![host("192.0.2.25:25", crate::dane::ProbeResult::Refused)],
        "reach.port-25",
        CouldNotTell,
        "port 25 is blocked",
    ),
    (
        |v| {
            v.mail.hosts = vec![host("192.0.2.25:25", hangs())];
            v.mail.required = false
        },
        "reach.port-25",
        NotNeeded,
        "advisory",
    ),
    (
        |v| v.mail.hosts.push(host("192.0.2.26:25", hangs())),
        "reach.port-25",
        Passed,
        "does not answer in time (connecting)",
    ),
    (
        |v| v.mail.hosts.clear(),
        "reach.port-25",
        CouldNotTell,
        "no mail host",
    ),
    (
        |v| {
            v.mail.hosts.clear();
            v.mail.unknown = vec![("a.example".into(), "SERVFAIL".into())]
        },
        "reach.port-25",
        CouldNotTell,
        "a.example has no known address: SERVFAIL",
    ),
    (
        |v| {
            v.mail.route = Route::LookupError {
                why: "SERVFAIL".into(),
            }
        },
        "reach.port-25",
        CouldNotTell,
        "could not be looked up: SERVFAIL",
    ),
    (
        |v| v.mail.route = Route::NullMx,
        "reach.port-25",
        NotNeeded,
        "RFC 7505",
    ),
    (
        |_| (),
        "reach.mta-sts",
        Passed,
        "mta-sts.contoso.com gives the policy",
    ),
    (
        |v| {
            v.mta_sts = Some(MtaStsView::None {
                lookup: Box::new(none()),
            })
        },
        "reach.mta-sts",
        NotNeeded,
        "no MTA-STS record",
    ),
    (
        |v| {
            v.mta_sts = Some(MtaStsView::Invalid {
                record: None,
                why: "no mode".into(),
                ttl: 1,
                at: jiff::Timestamp::UNIX_EPOCH,
            })
        },
        "reach.mta-sts",
        Passed,
        "wrong: no mode",
    ),
    (
        |v| {
            v.mta_sts = Some(MtaStsView::Unknown {
                record: None,
                why: "timed out".into(),
                at: jiff::Timestamp::UNIX_EPOCH,
            })
        },
        "reach.mta-sts",
        CouldNotTell,
        "without a proxy",
    ),
    (
        |v| v.mta_sts = None,
        "reach.mta-sts",
        CouldNotTell,
        "in time",
    ),
    (|_| (), "reach.ipv6", Passed, "ns1.contoso.com"),
    (
        |v| v.servers = Ok(vec![server("192.0.2.1:53", None, None)]),
        "reach.ipv6",
        NotNeeded,
        "has an IPv6 address",
    ),
    (
        |v| {
            v.servers = Ok(vec![server(
                "[2001:db8::1]:53",
                Some(no_route()),
                Some(no_route()),
            )]);
            v.ipv6_route = false
        },
        "reach.ipv6",
        CouldNotTell,
        "has no IPv6",
    ),
    (
        |v| {
            v.servers = Ok(vec![server(
                "[2001:db8::1]:53",
                Some(Failure::Timeout),
                None,
            )])
        },
        "reach.ipv6",
        CouldNotTell,
        "has an IPv6 route, but",
    ),
    (
        |v| {
            v.servers = Ok(Vec::new());
            v.mail.hosts = vec![host("[2001:db8::25]:25", greeted())]
        },
        "reach.ipv6",
        Passed,
        "contoso-com.mail.protection.outlook.com",
    ),
];
