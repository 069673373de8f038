//! TLS-RPT and SPF from `records.json`, where each row names the section it rests on; DKIM and DMARC here.

use serde::Deserialize;

use crate::mail_records::dkim::{self, SelectorTarget};
use crate::mail_records::dmarc::{self, DmarcPolicy};
use crate::mail_records::{Qualifier, spf, tls_rpt};

#[derive(Deserialize)]
struct Table {
    tls_rpt: Vec<TlsRptRow>,
    spf: Vec<SpfRow>,
}

#[derive(Deserialize)]
struct TlsRptRow {
    texts: Vec<String>,
    to: Option<Vec<String>>,
    error: Option<String>,
    #[serde(default)]
    unknown: Vec<String>,
    #[serde(default)]
    malformed: Vec<String>,
    #[serde(default)]
    unusable: Vec<String>,
}

#[derive(Deserialize)]
struct SpfRow {
    texts: Vec<String>,
    record: Option<String>,
    lookups: Option<usize>,
    #[serde(default)]
    mx: Vec<String>,
    error: Option<String>,
}

fn table() -> Table {
    serde_json::from_str(include_str!("records.json")).expect("a table")
}

/// The variant's name.
fn word(value: &impl std::fmt::Debug) -> String {
    let text = format!("{value:?}");
    text.chars().take_while(char::is_ascii_alphabetic).collect()
}

fn borrowed(texts: &[String]) -> Vec<&str> {
    texts.iter().map(String::as_str).collect()
}

#[test]
fn tls_rpt_records() {
    let rows = table().tls_rpt;
    assert!(rows.len() >= 40);
    for row in rows {
        let texts = borrowed(&row.texts);
        match tls_rpt::parse(&texts) {
            Err(error) => {
                assert_eq!(Some(word(&error)), row.error, "{texts:?}: {error}");
                assert!(error.to_string().len() > 30, "{error}");
            }
            Ok(None) => assert_eq!((row.to, row.error), (None, None), "{texts:?}"),
            Ok(Some(read)) => {
                let to: Vec<String> = read.destinations.iter().map(ToString::to_string).collect();
                assert_eq!(Some(to), row.to, "{texts:?}");
                assert_eq!(read.unknown, row.unknown, "{texts:?}");
                assert_eq!(read.malformed, row.malformed, "{texts:?}");
                let unusable: Vec<String> = read.unusable.iter().map(word).collect();
                assert_eq!(unusable, row.unusable, "{texts:?}");
            }
        }
    }
}

#[test]
fn spf_records() {
    let rows = table().spf;
    assert!(rows.len() >= 60);
    for row in rows {
        let texts = borrowed(&row.texts);
        match spf::parse(&texts) {
            Err(error) => {
                let word = word(&error);
                let expected = row.error.expect("an error");
                // Whether an unknown name or a bad argument: both are permanent errors.
                let either = expected == "bad" && (word == "Term" || word == "Argument");
                assert!(either || word == expected, "{texts:?}: {error}");
                assert!(error.to_string().contains("permanent error"), "{error}");
            }
            Ok(None) => assert_eq!((row.record, row.error), (None, None), "{texts:?}"),
            Ok(Some(read)) => {
                assert_eq!(Some(read.to_string()), row.record, "{texts:?}");
                assert_eq!(Some(read.lookups()), row.lookups, "{texts:?}");
                let follows: Vec<String> = read
                    .follows_mx_of("Firma.Example.")
                    .map(ToString::to_string)
                    .collect();
                assert_eq!(follows, row.mx, "{texts:?}");
            }
        }
    }
}

#[test]
fn what_an_spf_record_asks() {
    let read = |text: &str| spf::parse(&[text]).expect("good").expect("there");
    assert_eq!(read("v=spf1 mx").all(), None);
    assert_eq!(read("v=spf1 ~all").all(), Some(Qualifier::SoftFail));
    assert_eq!(
        read("v=spf1 redirect=a.example").redirect(),
        Some("a.example")
    );
    let many = format!("v=spf1 {} -all", "a:x.example ".repeat(11));
    assert!(read(&many).lookups() > spf::MOST_LOOKUPS);
}

/// An RSA key of 2048 bits, freely made for this test.
fn rsa() -> String {
    let mut der = vec![0x30, 0x82, 0x01, 0x22, 0x30, 0x0d, 0x06, 0x09];
    der.extend([
        0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x01, 0x05, 0x00,
    ]);
    der.extend([
        0x03, 0x82, 0x01, 0x0f, 0x00, 0x30, 0x82, 0x01, 0x0a, 0x02, 0x82, 0x01, 0x01, 0x00,
    ]);
    der.extend([0xc5; 256]);
    der.extend([0x02, 0x03, 0x01, 0x00, 0x01]);
    base64::Engine::encode(&base64::engine::general_purpose::STANDARD, der)
}

#[test]
fn dkim_keys() {
    let rsa = rsa();
    let edwards = format!("{}=", "A".repeat(43));
    let good = |text: &str| dkim::parse(&[text]).expect(text).expect(text);
    let plain = good(&format!("v=DKIM1; k=rsa; p={rsa}"));
    assert_eq!(
        (plain.kind.as_str(), plain.bits, plain.testing),
        ("rsa", Some(2048), false)
    );
    let (head, tail) = rsa.split_at(100);
    for text in [
        format!("p={rsa}"),
        format!("v=DKIM1;k=rsa;p={rsa};"),
        format!(" v = DKIM1 ;\tk = rsa ; n=a note ; p = {head} {tail} "),
        format!("v=DKIM1; future=x; p={rsa}"),
    ] {
        assert_eq!(good(&text), plain, "{text}");
    }
    assert!(good(&format!("v=DKIM1; t=s:y; p={rsa}")).testing);
    assert_eq!(good("v=DKIM1; k=rsa; p=").key, "");
    let modern = good(&format!("v=DKIM1; k=ed25519; p={edwards}"));
    assert_eq!((modern.kind.as_str(), modern.bits), ("ed25519", None));
    assert_eq!(good("v=DKIM1; k=later; p=AAAA").bits, None);

    assert_eq!(dkim::parse(&[]), Ok(None));
    for (text, expected) in [
        ("v=DKIM1; k=rsa".to_owned(), "NoKey"),
        (format!("v=DKIM2; p={rsa}"), "Version"),
        (format!("p={rsa}; v=DKIM1"), "Version"),
        (format!("v=DKIM1; p={rsa}; p={rsa}"), "Tags"),
        (format!("v=DKIM1;; p={rsa}"), "Tags"),
        (format!("v=DKIM1; p={}", &rsa[1..]), "Key"),
        (format!("v=DKIM1; p={}", &rsa[..rsa.len() - 8]), "Key"),
        ("v=DKIM1; p=%%%".to_owned(), "Key"),
        (format!("v=DKIM1; k=rsa; p={edwards}"), "Key"),
        (format!("v=DKIM1; k=ed25519; p={rsa}"), "Key"),
        (format!("v=DKIM1; k=r s a; p={rsa}"), "Kind"),
        (format!("v=DKIM1; k=; p={rsa}"), "Kind"),
        ("v=spf1 -all".to_owned(), "Version"),
        ("some words".to_owned(), "Tags"),
        (String::new(), "Tags"),
    ] {
        let error = dkim::parse(&[&text]).expect_err(&text);
        assert_eq!(word(&error), expected, "{text}: {error}");
        assert!(error.to_string().len() > 15, "{error}");
    }
    let two = dkim::parse(&["p=", "p="]).expect_err("two");
    assert_eq!(word(&two), "Several");
}

#[test]
fn where_selectors_lead() {
    type Kind = fn(String) -> SelectorTarget;
    let (tenant, partition, elsewhere): (Kind, Kind, Kind) = (
        SelectorTarget::Tenant,
        SelectorTarget::Partition,
        SelectorTarget::Elsewhere,
    );
    for (target, kind) in [
        (
            "selector1-contoso-com._domainkey.contoso.onmicrosoft.com",
            tenant,
        ),
        (
            "Selector2-Contoso-com._domainkey.Contoso.onmicrosoft.com.",
            tenant,
        ),
        (
            "selector1-contoso-us._domainkey.contoso.onmicrosoft.us",
            tenant,
        ),
        (
            "selector1-contoso-com._domainkey.contoso.n-v1.dkim.mail.microsoft",
            partition,
        ),
        (
            "selector1-contoso-com._domainkey.dkim.mail.microsoft",
            partition,
        ),
        ("selector1._domainkey.contoso.com", elsewhere),
        (
            "selector1-contoso-com._domainkey.xonmicrosoft.com",
            elsewhere,
        ),
        ("contoso.onmicrosoft.com", elsewhere),
        (
            "selector1-contoso-com._domainkey.contoso.onmicrosoft.com.evil.example",
            elsewhere,
        ),
        ("onmicrosoft.com", elsewhere),
        ("", elsewhere),
    ] {
        let expected = kind(crate::dns::normal(target));
        assert_eq!(SelectorTarget::of(target), expected);
    }
}

#[test]
fn dmarc_records() {
    let good = |text: &str| dmarc::parse(&[text]).expect(text).expect(text);
    let a = "mailto:dmarc@firma.example";
    let full = good(&format!(
        "v=DMARC1; p=quarantine; sp=Reject; pct=20; rua={a}!10m, mailto:x@y.example; adkim=s; fo=1;"
    ));
    assert_eq!(
        (full.policy, full.below, full.percent),
        (DmarcPolicy::Quarantine, Some(DmarcPolicy::Reject), 20)
    );
    assert_eq!(
        full.reports,
        [format!("{a}!10m"), "mailto:x@y.example".to_owned()]
    );
    assert_eq!(full.ignored, [""; 0]);
    for text in [
        "v=DMARC1;p=reject",
        "v = DMARC1 ; p = REJECT ;",
        "v=DMARC1; later=1; p=reject",
        "v=DMARC1; p=reject; pct=100",
    ] {
        let read = good(text);
        assert_eq!(
            (read.policy, read.percent),
            (DmarcPolicy::Reject, 100),
            "{text}"
        );
        assert_eq!(read.below, None);
    }
    // A policy that cannot be read counts as none where reports have somewhere to go (RFC 7489, 6.6.3).
    for text in [
        format!("v=DMARC1; rua={a}"),
        format!("v=DMARC1; p=strict; rua={a}"),
        format!("v=DMARC1; p=reject; sp=x; rua={a}"),
    ] {
        let read = good(&text);
        assert_eq!(
            (read.policy, read.ignored.len()),
            (DmarcPolicy::None, 1),
            "{text}"
        );
    }
    for (text, ignored) in [
        ("v=DMARC1; p=none; pct=101", "pct=101"),
        ("v=DMARC1; p=none; pct=+5", "pct=+5"),
        (
            "v=DMARC1; p=none; rua=dmarc@firma.example",
            "rua=dmarc@firma.example",
        ),
        (
            "v=DMARC1; p=none; rua=mailto:x@y.example!big",
            "rua=mailto:x@y.example!big",
        ),
    ] {
        assert_eq!(good(text).ignored, [ignored], "{text}");
    }
    assert!(good("v=DMARC1; p=reject; psd=y").suffix);
    for text in [
        "",
        "v=DMARC2; p=none",
        "v=dmarc1; p=none",
        "p=none; v=DMARC1",
        "v=DMARC10; p=none",
        "v=spf1 -all",
        "DMARC1",
    ] {
        assert_eq!(dmarc::parse(&[text]), Ok(None), "{text}");
    }
    for (text, expected) in [
        ("v=DMARC1", "Policy"),
        ("v=DMARC1; p=", "Policy"),
        ("v=DMARC1; p=strict", "Policy"),
        ("v=DMARC1; p=none; sp=strict", "Policy"),
        ("v=DMARC1; p=none; p=reject", "Tags"),
        ("v=DMARC1; p", "Tags"),
        ("v=DMARC1 p=none", "Tags"),
        ("v=DMARC1; ; p=none", "Tags"),
    ] {
        match dmarc::parse(&[text]) {
            Err(error) => {
                assert_eq!(word(&error), expected, "{text}");
                assert!(error.to_string().contains("DMARC"), "{error}");
            }
            // `DMARC1 p=none` is another version.
            other => assert_eq!((other, text), (Ok(None), "v=DMARC1 p=none")),
        }
    }
    let two = dmarc::parse(&["v=DMARC1; p=none", "v=DMARC1; p=reject"]).expect_err("two");
    assert_eq!(word(&two), "Several");
    assert!(
        dmarc::parse(&["v=DMARC1; p=none", "other"])
            .expect("one")
            .is_some()
    );
}

/// Every text of the tables, as seeds.
pub(super) fn every_text() -> Vec<String> {
    let table = table();
    let texts = table.tls_rpt.into_iter().flat_map(|row| row.texts);
    let mut all: Vec<String> = texts
        .chain(table.spf.into_iter().flat_map(|row| row.texts))
        .collect();
    all.push(format!("v=DKIM1; k=rsa; n=note; p={}", rsa()));
    all.push(format!("v=DKIM1; k=ed25519; t=y:s; p={}=", "A".repeat(43)));
    all.push("v=DMARC1; p=reject; sp=none; pct=50; psd=y; rua=mailto:a@b.example!10m,mailto:c@d.example; fo=1".into());
    all
}
