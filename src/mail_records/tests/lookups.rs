//! From lookups of every outcome.

use jiff::Timestamp;

use crate::dns::{Alias, Answer, Data, Kind, Record, Status, Validated};
use crate::mail_records::dkim::SelectorTarget;
use crate::mail_records::{MailRecords, Seen, questions, read};

fn lookup(name: &str, status: Status, answer: Answer) -> Validated {
    Validated {
        name: name.to_owned(),
        kind: Kind::Txt,
        status,
        answer,
        aliases: Vec::new(),
        ttl: Some(300),
        soa: None,
        signatures: None,
        at: Timestamp::UNIX_EPOCH,
        from: None,
    }
}

fn texts(name: &str, texts: &[&str]) -> Validated {
    let records = texts.iter().map(|text| Record {
        name: name.to_owned(),
        ttl: 300,
        data: Data::Txt((*text).to_owned()),
    });
    lookup(name, Status::Secure, Answer::Records(records.collect()))
}

/// Every question answered alike.
fn all(domain: &str, answer: impl Fn(&str) -> Validated) -> MailRecords {
    let answers: Vec<Validated> = questions(domain)
        .iter()
        .map(|(name, _)| answer(name))
        .collect();
    read(domain, &answers)
}

fn leads_to_microsoft(target: &SelectorTarget) -> bool {
    matches!(
        target,
        SelectorTarget::Tenant(_) | SelectorTarget::Partition(_)
    )
}

#[test]
fn what_is_asked() {
    let names = |domain| -> Vec<String> {
        let asked = questions(domain);
        assert!(asked.iter().all(|(_, kind)| *kind == Kind::Txt));
        asked.into_iter().map(|(name, _)| name).collect()
    };
    assert_eq!(
        names("Contoso.COM."),
        [
            "_smtp._tls.contoso.com",
            "contoso.com",
            "_dmarc.contoso.com",
            "selector1._domainkey.contoso.com",
            "selector2._domainkey.contoso.com"
        ]
    );
    let below = names("a.b.contoso.com");
    for place in ["a.b.contoso.com", "b.contoso.com", "contoso.com"] {
        assert!(below.contains(&format!("_dmarc.{place}")), "{below:?}");
    }
    assert!(!below.contains(&"_dmarc.com".to_owned()));
    assert!(names(&"a.".repeat(100)).len() < 15);
}

/// Each state, as a word.
fn states(seen: &MailRecords) -> Vec<String> {
    let value = serde_json::to_value(seen).expect("plain data");
    let mut out = vec![
        value["tls_rpt"]["state"].clone(),
        value["spf"]["state"].clone(),
        value["dmarc"]["record"]["state"].clone(),
    ];
    out.extend(
        value["dkim"]
            .as_array()
            .expect("two")
            .iter()
            .map(|s| s["key"]["state"].clone()),
    );
    let back: MailRecords = serde_json::from_value(value).expect("plain data");
    assert_eq!(&back, seen);
    out.iter()
        .map(|v| v.as_str().expect("a word").to_owned())
        .collect()
}

#[test]
fn could_not_tell_is_never_none() {
    let why = || "nobody answered".to_owned();
    for status in [
        Status::Bogus { why: why() },
        Status::Indeterminate { why: why() },
    ] {
        for answer in [
            Answer::NoData,
            Answer::NxDomain,
            Answer::Unknown,
            Answer::Records(vec![]),
        ] {
            let seen = all("a.contoso.com", |name| {
                lookup(name, status.clone(), answer.clone())
            });
            assert_eq!(states(&seen), ["could_not_tell"; 5]);
            assert!(
                seen.dkim
                    .iter()
                    .all(|s| s.target == SelectorTarget::CouldNotTell)
            );
        }
    }
    // Nobody asked, or the answer is none although the status is well.
    assert_eq!(states(&read("contoso.com", &[])), ["could_not_tell"; 5]);
    let seen = all("contoso.com", |name| {
        lookup(name, Status::Secure, Answer::Unknown)
    });
    assert_eq!(states(&seen), ["could_not_tell"; 5]);
    for status in [Status::Secure, Status::Insecure] {
        for answer in [Answer::NoData, Answer::NxDomain] {
            let seen = all("a.contoso.com", |name| {
                lookup(name, status.clone(), answer.clone())
            });
            assert_eq!(states(&seen), ["none"; 5]);
            assert_eq!(seen.tls_rpt, Seen::None { ttl: Some(300) });
        }
    }
}

#[test]
fn a_domain_as_it_should_be() {
    let seen = all("contoso.com", |name| {
        let key = ["v=DKIM1; k=rsa; p="];
        let mut answer = match name {
            "_smtp._tls.contoso.com" => texts(name, &["v=TLSRPTv1; rua=mailto:t@contoso.com"]),
            "_dmarc.contoso.com" => texts(name, &["v=DMARC1; p=reject"]),
            "contoso.com" => texts(
                name,
                &["MS=1", "v=spf1 mx include:spf.protection.outlook.com -all"],
            ),
            _ => texts(name, &key),
        };
        if let Some(selector) = name.strip_suffix("._domainkey.contoso.com") {
            answer.aliases.push(Alias {
                from: name.to_owned(),
                to: format!("{selector}-contoso-com._domainkey.contoso.n-v1.dkim.mail.microsoft"),
                ttl: 60,
                status: Status::Secure,
            });
        }
        answer
    });
    assert_eq!(states(&seen), ["found"; 5]);
    assert!(
        seen.spf
            .found()
            .is_some_and(|r| r.follows_mx_of("contoso.com").count() == 1)
    );
    assert!(seen.dkim.iter().all(|s| leads_to_microsoft(&s.target)));
    assert_eq!(seen.dmarc.at, "contoso.com");
}

#[test]
fn an_alias_counts_even_if_its_end_cannot_be_asked() {
    let name = "selector1._domainkey.contoso.com";
    let mut answer = lookup(
        name,
        Status::Indeterminate {
            why: "timeout".into(),
        },
        Answer::Unknown,
    );
    let mut alias = Alias {
        from: name.to_owned(),
        to: "selector1-contoso-com._domainkey.contoso.onmicrosoft.com".to_owned(),
        ttl: 60,
        status: Status::Insecure,
    };
    answer.aliases = vec![alias.clone()];
    let seen = read("contoso.com", std::slice::from_ref(&answer));
    assert!(leads_to_microsoft(&seen.dkim[0].target));
    assert!(matches!(seen.dkim[0].key, Seen::CouldNotTell { .. }));
    // A bogus alias says nothing.
    alias.status = Status::Bogus {
        why: "forged".into(),
    };
    answer.aliases = vec![alias];
    assert_eq!(
        read("contoso.com", &[answer]).dkim[0].target,
        SelectorTarget::CouldNotTell
    );
}

#[test]
fn dmarc_of_a_domain_above() {
    let with = |records: &[(&str, &str)]| {
        all("a.b.gov.test", |name| {
            records
                .iter()
                .find(|(at, _)| name == format!("_dmarc.{at}"))
                .map_or_else(
                    || lookup(name, Status::Secure, Answer::NxDomain),
                    |(_, text)| texts(name, &[text]),
                )
        })
        .dmarc
    };
    let (suffix, org, own) = (
        "v=DMARC1; p=reject; psd=y",
        "v=DMARC1; p=none",
        "v=DMARC1; p=quarantine",
    );
    assert_eq!(with(&[]).at, "a.b.gov.test");
    assert_eq!(
        with(&[("a.b.gov.test", own), ("b.gov.test", org)]).at,
        "a.b.gov.test"
    );
    assert_eq!(with(&[("b.gov.test", org)]).at, "b.gov.test");
    assert_eq!(
        with(&[("b.gov.test", org), ("gov.test", org)]).at,
        "gov.test"
    );
    assert_eq!(
        with(&[("b.gov.test", org), ("gov.test", suffix)]).at,
        "b.gov.test"
    );
    assert_eq!(with(&[("gov.test", suffix)]).at, "gov.test");
    // An unreadable record at the domain itself is not passed over.
    let broken = with(&[("a.b.gov.test", "v=DMARC1"), ("b.gov.test", org)]);
    assert!(matches!(broken.record, Seen::Wrong { .. }) && broken.at == "a.b.gov.test");
}
