//! A box of certificates, good and bad, by name.

use std::collections::BTreeMap;

use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, CustomExtension, DistinguishedName,
    DnType, ExtendedKeyUsagePurpose, GeneralSubtree, IsCa, KeyIdMethod, KeyPair, KeyUsagePurpose,
    NameConstraints, date_time_ymd,
};
use rustls_pki_types::CertificateDer;

/// The MX host all of this is about.
pub(super) const HOST: &str = "mx.example.test";

type Issuer = CertifiedIssuer<'static, KeyPair>;

/// The certificates.
pub(super) struct Box {
    all: BTreeMap<&'static str, CertificateDer<'static>>,
}

impl Box {
    pub(super) fn get(&self, name: &str) -> &CertificateDer<'static> {
        self.all
            .get(name)
            .unwrap_or_else(|| panic!("no certificate {name:?}"))
    }

    pub(super) fn chain(&self, names: &str) -> Vec<CertificateDer<'static>> {
        names
            .split_whitespace()
            .map(|n| self.get(n).clone())
            .collect()
    }

    pub(super) fn new() -> Self {
        let mut all = BTreeMap::new();
        let mut put = |name, der: &CertificateDer<'static>| {
            all.insert(name, der.clone());
        };
        let root = root_named("Root", |_| {});
        put("root", root.der());
        let inter = below("Inter", &root, |_| {});
        put("inter", inter.der());
        put("leaf", &leaf(&inter, |_| {}));
        // The same issuer, by its key and name, under another root as well.
        let elsewhere = root_named("Elsewhere", |_| {});
        put("elsewhere-root", elsewhere.der());
        put(
            "inter-cross",
            authority("Inter", |_| {})
                .signed_by(inter.key(), &elsewhere)
                .expect("signed")
                .der(),
        );
        put("direct", &leaf(&root, |_| {}));
        put(
            "sub",
            &leaf(&root, |p| *p = names(&["mail.sub.example.test"])),
        );
        put("wild", &leaf(&root, |p| *p = names(&["*.example.test"])));
        put("widest", &leaf(&root, |p| *p = names(&["*.test"])));
        put("elsewhere", &leaf(&root, |p| *p = names(&["other.test"])));
        put("domain", &leaf(&root, |p| *p = names(&["example.test"])));
        put(
            "common",
            &leaf(&root, |p| {
                *p = names(&[]);
                p.distinguished_name = name(HOST);
            }),
        );
        put(
            "common-beside-names",
            &leaf(&root, |p| {
                *p = names(&["other.test"]);
                p.distinguished_name = name(HOST);
            }),
        );
        put("nameless", &leaf(&root, |p| *p = names(&[])));
        put(
            "old",
            &leaf(&root, |p| p.not_after = date_time_ymd(2021, 1, 1)),
        );
        put(
            "early",
            &leaf(&root, |p| p.not_before = date_time_ymd(2039, 1, 1)),
        );
        put(
            "client",
            &leaf(&root, |p| {
                p.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
            }),
        );
        put(
            "server",
            &leaf(&root, |p| {
                p.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
            }),
        );

        // Same name as the root, another key: what a forger can make.
        let forger = root_named("Root", |_| {});
        put("forger", forger.der());
        put("forged", &leaf(&forger, |_| {}));

        let stranger = root_named("Stranger", |_| {});
        put("stranger", stranger.der());
        put("strange", &leaf(&stranger, |_| {}));

        let gone = root_named("Gone", |p| p.not_after = date_time_ymd(2022, 1, 1));
        put("gone", gone.der());
        put("of-gone", &leaf(&gone, |_| {}));

        let stale = below("Stale", &root, |p| p.not_after = date_time_ymd(2022, 1, 1));
        put("stale", stale.der());
        put("of-stale", &leaf(&stale, |_| {}));

        let humble = below("Humble", &root, |p| {
            p.is_ca = IsCa::NoCa;
            p.key_usages.clear();
        });
        put("humble", humble.der());
        put("of-humble", &leaf(&humble, |_| {}));

        let mute = root_named("Mute", |p| p.key_usages = vec![KeyUsagePurpose::CrlSign]);
        put("mute", mute.der());
        put("of-mute", &leaf(&mute, |_| {}));

        let short = root_named("Short", |p| {
            p.is_ca = IsCa::Ca(BasicConstraints::Constrained(0))
        });
        put("short", short.der());
        put("of-short", &leaf(&short, |_| {}));
        let too_deep = below("Too deep", &short, |_| {});
        put("too-deep", too_deep.der());
        put("of-too-deep", &leaf(&too_deep, |_| {}));

        let fenced = root_named("Fenced", |p| {
            p.name_constraints = Some(NameConstraints {
                permitted_subtrees: vec![GeneralSubtree::DnsName("other.test".into())],
                excluded_subtrees: Vec::new(),
            });
        });
        put("fenced", fenced.der());
        put("of-fenced", &leaf(&fenced, |_| {}));

        let key = KeyPair::generate().expect("key");
        let own = names(&[HOST]).self_signed(&key).expect("signed");
        put("self", own.der());
        let mut lapsed = names(&["whatever.test"]);
        lapsed.not_after = date_time_ymd(2021, 1, 1);
        put(
            "self-lapsed",
            lapsed.self_signed(&key).expect("signed").der(),
        );
        // Dates that nobody can read: of no concern to a record about the key.
        let mut undated = own.der().to_vec();
        let date = undated
            .windows(13)
            .position(|w| w == b"200101000000Z")
            .expect("a date");
        undated[date + 1] = b'x';
        put("undated", &CertificateDer::from(undated));
        put("broken", &CertificateDer::from(vec![0x30, 0x03, 1, 2, 3]));
        Self { all }
    }
}

fn name(common: &str) -> DistinguishedName {
    let mut name = DistinguishedName::new();
    name.push(DnType::CommonName, common);
    name
}

fn names(dns: &[&str]) -> CertificateParams {
    let dns: Vec<String> = dns.iter().map(|n| (*n).to_owned()).collect();
    let mut params = CertificateParams::new(dns).expect("names");
    params.distinguished_name = name("A mail server");
    params.not_before = date_time_ymd(2020, 1, 1);
    params.not_after = date_time_ymd(2040, 1, 1);
    params
}

fn authority(common: &str, change: impl FnOnce(&mut CertificateParams)) -> CertificateParams {
    let mut params = names(&[]);
    params.distinguished_name = name(common);
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign];
    change(&mut params);
    params
}

fn root_named(common: &str, change: impl FnOnce(&mut CertificateParams)) -> Issuer {
    let key = KeyPair::generate().expect("key");
    CertifiedIssuer::self_signed(authority(common, change), key).expect("signed")
}

fn below(common: &str, issuer: &Issuer, change: impl FnOnce(&mut CertificateParams)) -> Issuer {
    let key = KeyPair::generate().expect("key");
    CertifiedIssuer::signed_by(authority(common, change), key, issuer).expect("signed")
}

fn leaf(issuer: &Issuer, change: impl FnOnce(&mut CertificateParams)) -> CertificateDer<'static> {
    let key = KeyPair::generate().expect("key");
    let mut params = names(&[HOST]);
    change(&mut params);
    params
        .signed_by(&key, issuer)
        .expect("signed")
        .der()
        .clone()
}

/// A server's certificate and its issuer's, with these key identifiers (RFC 5280, 4.2.1.1 and 4.2.1.2) or without.
pub(super) fn identified(
    authority_key: Option<&[u8]>,
    subject_key: Option<&[u8]>,
) -> [CertificateDer<'static>; 2] {
    let issuer = root_named("Identified", |p| match subject_key {
        Some(id) => p.key_identifier_method = KeyIdMethod::PreSpecified(id.to_vec()),
        None => {
            // The library gives every authority an identifier, so its authority is written by hand.
            p.is_ca = IsCa::NoCa;
            let constraints = vec![0x30, 3, 1, 1, 0xff];
            let mut basic = CustomExtension::from_oid_content(&[2, 5, 29, 19], constraints);
            basic.set_criticality(true);
            p.custom_extensions.push(basic);
        }
    });
    let own = leaf(&issuer, |p| {
        if let Some(id) = authority_key {
            let length = u8::try_from(id.len()).expect("short");
            let content = [&[0x30, length + 2, 0x80, length], id].concat();
            p.custom_extensions
                .push(CustomExtension::from_oid_content(&[2, 5, 29, 35], content));
        }
    });
    [own, issuer.der().clone()]
}
