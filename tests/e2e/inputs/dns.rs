//! What is wrong with zones, servers, resolvers, mail hosts, policies and the DNS provider.

use std::time::Duration;

use rollout_lab::{DomainKind, DomainSeed, Lab, Options};

use super::case::{Case, PLAN, case};

pub fn cases() -> Vec<Case> {
    let mut cases = providers();
    cases.extend(records());
    cases.extend(servers());
    cases.extend(mail());
    cases
}

fn providers() -> Vec<Case> {
    vec![
        case(
            "provider token wrong",
            1,
            &["powerdns", "401", "contoso.com", "Check the credentials"],
            |stage| std::fs::write(stage.at("powerdns-key"), "not-the-key-at-all").unwrap(),
        )
        .never(&["not-the-key-at-all"]),
        case(
            "provider token without the right zone",
            1,
            &[
                "powerdns",
                "contoso.com",
                "404",
                "these credentials see the account that holds the zone",
            ],
            |stage| {
                // Another customer's server: right key, other zones.
                let other =
                    Lab::start(Options::with_domains([DomainSeed::ordinary("fabrikam.ch")]));
                let other = other.unwrap();
                let e = other.endpoints().unwrap();
                stage.set("url", &e.powerdns);
                std::fs::write(stage.at("powerdns-key"), &e.powerdns_key).unwrap();
                stage.others.push(other);
            },
        ),
        case(
            "provider down",
            3,
            &[
                "the DNS provider could not be asked",
                "contoso.com",
                "127.0.0.1:1",
                "nothing was changed",
            ],
            |stage| stage.set("url", "http://127.0.0.1:1"),
        ),
    ]
}

fn records() -> Vec<Case> {
    vec![
        case(
            "second third-party MX",
            1,
            &[
                "contoso.com also lists mx1.filter-service.net",
                "remove the record first",
            ],
            |stage| {
                let legacy = format!("0 {}", stage.legacy());
                stage.edit("MX", 4, &[&legacy, "20 mx1.filter-service.net."]);
                settle();
            },
        ),
        case(
            "gateway MX",
            1,
            &[
                "mail for contoso.com enters at mx1.filter-service.net",
                "gateway's smart host",
                "DnssecMxValue",
            ],
            |_| {},
        )
        .seed(DomainSeed::new("contoso.com", DomainKind::Gateway).signed()),
        case(
            "null MX",
            1,
            &["contoso.com has a null MX", "RFC 7505"],
            |stage| {
                stage.edit("MX", 4, &["0 ."]);
                settle();
            },
        ),
        case(
            "no MX",
            1,
            &["contoso.com has no MX record", "publish the MX"],
            |stage| {
                let delete = rollout_lab::Edit::Delete {
                    name: "contoso.com".to_owned(),
                    rtype: "MX".to_owned(),
                };
                stage.bench.lab.edit_zone("contoso.com", &[delete]).unwrap();
                settle();
            },
        ),
        case(
            "bogus zone (wrong DS)",
            1,
            &[
                "contoso.com does not validate",
                "compare the DS at the registrar with the zone's keys",
            ],
            |stage| {
                let wrong = format!("12345 13 2 {}", "ab".repeat(32));
                stage.bench.lab.set_ds("contoso.com", &[wrong]).unwrap();
                settle();
            },
        )
        // With CDS the parent would put the right DS back.
        .seed(DomainSeed::ordinary("contoso.com").signed().without_cds()),
        case(
            "bogus zone (broken signatures)",
            1,
            &[
                "contoso.com does not validate",
                "look at the signatures' dates",
            ],
            |stage| {
                stage.bench.lab.change_faults(|faults| {
                    faults.bogus_zones.insert("contoso.com".to_owned());
                });
                settle();
            },
        ),
        case(
            "the domain does not exist",
            1,
            &[
                "nowhere-at-all.com does not exist",
                "NXDOMAIN",
                "check the domain's name",
            ],
            |stage| stage.set("domain", "nowhere-at-all.com"),
        ),
    ]
}

fn servers() -> Vec<Case> {
    vec![
        case(
            "an unreachable resolver",
            3,
            &[
                "resolver resolver-2 (127.0.0.1:1) does not answer for contoso.com",
                "resolve.resolvers",
            ],
            |stage| {
                let resolver = stage.bench.lab.endpoints().unwrap().resolvers[1];
                stage.rewrite(&format!("\"{resolver}\""), "\"127.0.0.1:1\"");
            },
        ),
        case(
            "a SERVFAIL resolver",
            3,
            &["resolver resolver-2", "SERVFAIL", "contoso.com"],
            |stage| {
                stage.bench.lab.change_faults(|faults| {
                    faults.resolvers_failing.insert(1);
                });
            },
        ),
        case(
            "one authoritative server dead",
            3,
            &[
                "ns3.nameservice.net",
                "does not answer for contoso.com",
                "take it out of the delegation",
            ],
            |stage| {
                let address = stage.bench.lab.servers_of("contoso.com")[0].ip();
                let std::net::IpAddr::V4(v4) = address else {
                    unreachable!()
                };
                let [a, b, c, _] = v4.octets();
                stage.edit_at(
                    "net",
                    "ns3.nameservice.net",
                    "A",
                    4,
                    &[&format!("{a}.{b}.{c}.99")],
                );
                let names = [
                    "ns1.nameservice.net.",
                    "ns2.nameservice.net.",
                    "ns3.nameservice.net.",
                ];
                stage.edit_at("com", "contoso.com", "NS", 4, &names);
                stage.edit("NS", 4, &names);
                settle();
            },
        ),
        case(
            "one stale authoritative server",
            3,
            &[
                "the servers of contoso.com serve different MX",
                "ns2.nameservice.net",
                "mend the one that lags",
            ],
            |stage| {
                stage.bench.lab.change_faults(|faults| {
                    faults.stale_zones.insert("contoso.com".to_owned());
                });
                let legacy = format!("5 {}", stage.legacy());
                stage.edit("MX", 4, &[&legacy]);
                settle();
            },
        ),
        case(
            "the root servers cannot be reached",
            3,
            &["contoso.com could not be observed", "answer from here"],
            |stage| stage.set("port", "1"),
        ),
    ]
}

fn mail() -> Vec<Case> {
    let enforcing = || DomainSeed::new("contoso.com", DomainKind::EnforcingMtaSts).signed();
    vec![
        case(
            "port 25 hanging",
            3,
            &[
                "contoso-com.mail.protection.outlook.com takes mail could not be told",
                "port 25",
                "smtp.probe: advisory",
            ],
            |stage| {
                stage
                    .bench
                    .lab
                    .change_faults(|faults| faults.port_25_hangs = true)
            },
        ),
        case(
            "unreachable MTA-STS policy",
            3,
            &["the MTA-STS policy could not be read", "_mta-sts"],
            |stage| {
                stage.rewrite(
                    "mta_sts_address: \"",
                    "mta_sts_address: \"127.0.0.1:1\" } # \"",
                )
            },
        )
        .seed(enforcing())
        .args(PLAN),
        case(
            "MTA-STS policy not found",
            3,
            &["the MTA-STS policy could not be read", "404", "_mta-sts"],
            |stage| stage.bench.lab.set_policy("contoso.com", None),
        )
        .seed(enforcing()),
    ]
}

/// Until the slower server and every cache know what was just changed.
fn settle() {
    std::thread::sleep(Duration::from_millis(5500));
}
