//! What is written is read again as the same; case and blanks matter where the RFCs say so and nowhere else.

use proptest::prelude::*;

use crate::mail_records::spf_term::Prefix;
use crate::mail_records::tls_rpt::Destination;
use crate::mail_records::{
    Directive, Dmarc, DmarcPolicy, Mechanism, Modifier, Qualifier, Spf, Term, TlsRpt, dkim, dmarc,
    spf, tls_rpt,
};

fn host() -> impl Strategy<Value = String> {
    "[a-z0-9]([a-z0-9-]{0,8}[a-z0-9])?(\\.[a-z][a-z0-9]{0,8}){1,3}"
}

fn domain() -> impl Strategy<Value = String> {
    prop_oneof![
        host(),
        Just("%{d}".to_owned()),
        Just("%{ir}.%{v}._spf.%{d2}".to_owned()),
        Just("%{L3r+-/}.x%%%_%-.example".to_owned()),
    ]
}

fn prefix() -> impl Strategy<Value = Prefix> {
    (prop::option::of(0..=32_u8), prop::option::of(0..=128_u8))
        .prop_map(|(v4, v6)| Prefix { v4, v6 })
}

fn mechanism() -> impl Strategy<Value = Mechanism> {
    prop_oneof![
        Just(Mechanism::All),
        domain().prop_map(Mechanism::Include),
        domain().prop_map(Mechanism::Exists),
        prop::option::of(domain()).prop_map(Mechanism::Ptr),
        (prop::option::of(domain()), prefix())
            .prop_map(|(domain, prefix)| Mechanism::A { domain, prefix }),
        (prop::option::of(domain()), prefix())
            .prop_map(|(domain, prefix)| Mechanism::Mx { domain, prefix }),
        (any::<u32>(), 0..=32_u8).prop_map(|(ip, n)| Mechanism::Ip4(ip.into(), n)),
        (any::<u128>(), 0..=128_u8).prop_map(|(ip, n)| Mechanism::Ip6(ip.into(), n)),
    ]
}

fn qualifier() -> impl Strategy<Value = Qualifier> {
    prop_oneof![
        Just(Qualifier::Pass),
        Just(Qualifier::Fail),
        Just(Qualifier::SoftFail),
        Just(Qualifier::Neutral)
    ]
}

fn record() -> impl Strategy<Value = Spf> {
    let directive = (qualifier(), mechanism()).prop_map(|(qualifier, mechanism)| {
        Term::Directive(Directive {
            qualifier,
            mechanism,
        })
    });
    (
        prop::collection::vec(directive, 0..8),
        prop::option::of(domain()),
        prop::option::of(domain()),
        prop::option::of("[a-z][a-z0-9]{6,9}"),
    )
        .prop_map(|(mut terms, redirect, exp, other)| {
            terms.extend(redirect.map(|d| Term::Modifier(Modifier::Redirect(d))));
            terms.extend(exp.map(|d| Term::Modifier(Modifier::Exp(d))));
            terms.extend(
                other
                    .filter(|n| n != "redirect")
                    .map(|n| Term::Modifier(Modifier::Other(n, "x=%%".into()))),
            );
            Spf { terms }
        })
}

fn policy() -> impl Strategy<Value = DmarcPolicy> {
    prop_oneof![
        Just(DmarcPolicy::None),
        Just(DmarcPolicy::Quarantine),
        Just(DmarcPolicy::Reject)
    ]
}

proptest! {
    #[test]
    fn spf(record in record(), blanks in 1..4_usize) {
        let text = record.to_string();
        prop_assert_eq!(spf::parse(&[&text]), Ok(Some(record.clone())));
        let spaced = text.replace(' ', &" ".repeat(blanks));
        prop_assert_eq!(spf::parse(&[&spaced]), Ok(Some(record.clone())));
        let other = record.to_string().to_uppercase();
        let upper = spf::parse(&[&other]).expect("case does not matter").expect("there");
        prop_assert_eq!(upper.lookups(), record.lookups());
        prop_assert_eq!(upper.follows_mx_of("a.b").count(), record.follows_mx_of("a.b").count());
        prop_assert!(record.lookups() <= record.terms.len());
        let pair = [text.as_str(), text.as_str()];
        prop_assert!(spf::parse(&pair).is_err());
    }

    #[test]
    fn tls_rpt(
        mails in prop::collection::vec(("[a-z0-9.+-]{1,12}", host()), 0..3),
        sites in prop::collection::vec((host(), "(/[a-z0-9]{0,5}(%2C)?){0,3}"), 0..3),
        blanks in "[ \t]{0,3}",
    ) {
        let mut destinations: Vec<Destination> = mails.iter().map(|(l, d)| Destination::Mail(format!("{l}@{d}"))).collect();
        destinations.extend(sites.iter().map(|(h, p)| Destination::Https(format!("https://{h}{p}"))));
        prop_assume!(!destinations.is_empty());
        let record = TlsRpt { destinations, unusable: vec![], unknown: vec![], malformed: vec![] };
        let text = record.to_string();
        prop_assert_eq!(tls_rpt::parse(&[&text]), Ok(Some(record.clone())));
        let spaced = text.replace(',', &format!("{blanks},{blanks}")).replace("; ", &format!("{blanks};{blanks}"));
        prop_assert_eq!(tls_rpt::parse(&[&spaced]), Ok(Some(record.clone())));
        let schemes = text.replace("mailto:", "MAILTO:").replace("https:", "HTTPS:");
        prop_assert_eq!(tls_rpt::parse(&[&schemes]), Ok(Some(record)));
    }

    #[test]
    fn dmarc(
        policy in policy(),
        below in prop::option::of(policy()),
        percent in 0..=100_u8,
        suffix in any::<bool>(),
        reports in prop::collection::vec(("[a-z]{1,8}", host(), prop::option::of(1..99_u8)), 0..3),
        blanks in "[ \t]{0,3}",
    ) {
        let reports = reports
            .into_iter()
            .map(|(l, d, size)| format!("mailto:{l}@{d}{}", size.map(|n| format!("!{n}m")).unwrap_or_default()))
            .collect();
        let record = Dmarc { policy, below, percent, suffix, reports, ignored: vec![] };
        let text = record.to_string();
        prop_assert_eq!(dmarc::parse(&[&text]), Ok(Some(record.clone())));
        let spaced = text.replace("; ", &format!("{blanks};{blanks}")).replace('=', &format!("{blanks}={blanks}"));
        prop_assert_eq!(dmarc::parse(&[&spaced]), Ok(Some(record.clone())));
        let words = text.replace("none", "None").replace("reject", "REJECT");
        prop_assert_eq!(dmarc::parse(&[&words]), Ok(Some(record)));
    }

    #[test]
    fn dkim(key in prop::collection::vec(any::<u8>(), 32), testing in any::<bool>(), at in 0..40_usize) {
        let key = base64::Engine::encode(&base64::engine::general_purpose::STANDARD, key);
        let record = dkim::DkimKey { kind: "ed25519".into(), key, bits: None, testing };
        let text = record.to_string();
        prop_assert_eq!(dkim::parse(&[&text]), Ok(Some(record.clone())));
        let (head, tail) = record.key.split_at(at);
        let folded = text.replace(&record.key, &format!("{head}\r\n\t{tail}"));
        prop_assert_eq!(dkim::parse(&[&folded]), Ok(Some(record)));
    }
}
