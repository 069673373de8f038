//! Domains as plain data, by records from a fixture and outcomes set by hand.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use jiff::Timestamp;
use serde_json::{Value, json};

use crate::dane::certificate::spki_of;
use crate::dane::sender::{Arrives, Delivery, Mail, Profile, Protection, deliver};
use crate::dane::tests::certificates::{self, HOST};
use crate::dane::tlsa::digest_of;
use crate::dane::{
    Certificate, Discovery, HostView, KeyType, Mode, MtaStsView, Policy, ProbeResult, Recipient,
    StsRecord, TlsaView, Variant, WebPki, WebRoots, ask_anyway, discover, judge,
    observe_destination,
};
use crate::dns::text::hex;
use crate::dns::{Fixture, Name};

pub(super) const DOMAIN: &str = "example.test";
pub(super) const NOW: &str = "2026-11-21T00:00:00Z";

static BOX: LazyLock<certificates::Box> = LazyLock::new(certificates::Box::new);

/// `usage selector matching certificate`, the data made from the named certificate; `=hex` literally.
pub(super) fn record(text: &str) -> String {
    let fields: Vec<&str> = text.split_whitespace().collect();
    let matching: u8 = fields[2].parse().expect("a number");
    let data = match fields[3].strip_prefix('=') {
        Some(literal) => literal.to_owned(),
        None => {
            let der = BOX.get(fields[3]);
            let bytes = match fields[1] {
                "1" => spki_of(der).expect("a key"),
                _ => der.as_ref(),
            };
            hex(&digest_of(matching, bytes))
        }
    };
    format!("{} {} {} {data}", fields[0], fields[1], fields[2])
}

/// A domain as it was seen.
pub(super) struct Scene {
    pub(super) found: Discovery,
    pub(super) hosts: Vec<(Option<u16>, HostView)>,
    pub(super) policy: MtaStsView,
    pub(super) asked: BTreeMap<Name, TlsaView>,
}

impl Scene {
    /// By these records; every address takes mail with the chain `leaf inter`, and there is no policy.
    pub(super) fn of(dns: Value) -> Self {
        let dns = Fixture::from_json(&dns.to_string()).expect("a fixture");
        let look = async {
            let found = discover(&dns, DOMAIN).await;
            let roots = WebRoots {
                system: false,
                extra: Vec::new(),
            };
            let mut hosts = Vec::new();
            let mut asked = BTreeMap::new();
            for destination in &found.hosts {
                let view = observe_destination(&dns, &found, destination, None, &roots).await;
                if let Some(anyway) = ask_anyway(&dns, &view).await {
                    asked.insert(view.host.clone(), anyway);
                }
                hosts.push((destination.preference, view));
            }
            (found, hosts, asked)
        };
        let (found, hosts, asked) = futures::executor::block_on(look);
        let mut scene = Self {
            found,
            hosts,
            policy: policy(None, &[]),
            asked,
        };
        for host in 0..scene.hosts.len() {
            for address in 0..scene.hosts[host].1.addresses.len() {
                scene.set(host, address, ok("leaf inter"), WebPki::Valid);
            }
        }
        scene
    }

    /// One signed host with these TLSA records and this chain.
    pub(super) fn signed(records: &[&str], chain: &str) -> Self {
        let records: Vec<String> = records.iter().map(|r| record(r)).collect();
        let tlsa = format!("_25._tcp.{HOST}");
        let mut scene = Self::of(json!({
            "all_authentic": true,
            "mx": {DOMAIN: [format!("10 {HOST}")]},
            "a": {HOST: ["192.0.2.1"]},
            "tlsa": {tlsa: records},
        }));
        scene.set(0, 0, ok(chain), WebPki::Valid);
        scene
    }

    /// What an address does.
    pub(super) fn set(&mut self, host: usize, address: usize, result: ProbeResult, web: WebPki) {
        let found = &self.found;
        let view = &mut self.hosts[host].1;
        let names = found.reference_names(&view.base);
        let names: Vec<&str> = names.iter().map(String::as_str).collect();
        let records = view.tlsa.secure_records().to_vec();
        let seen = &mut view.addresses[address];
        seen.probe.at = now();
        seen.probe.sni = Some(view.base.clone());
        seen.probe.result = result;
        seen.webpki = web;
        seen.judgement = match (&seen.probe.result, records.is_empty()) {
            (ProbeResult::Ok { chain, .. }, false) => {
                let chain: Vec<_> = chain.iter().map(Certificate::bytes).collect();
                Some(judge(&records, &chain, &names, now()))
            }
            _ => None,
        };
    }

    /// Another handshake with the first address.
    pub(super) fn also(&mut self, key: KeyType, sni: bool, result: ProbeResult) {
        let seen = &mut self.hosts[0].1.addresses[0];
        let mut probe = seen.probe.clone();
        probe.key = key;
        probe.result = result;
        if !sni {
            probe.sni = None;
        }
        seen.variants.push(Variant {
            probe,
            judgement: None,
        });
    }

    pub(super) fn mail<'a>(&'a self, hosts: &'a [(Option<u16>, &'a HostView)]) -> Mail<'a> {
        Mail {
            mx: &self.found.mx,
            hosts,
            policy: &self.policy,
        }
    }

    pub(super) fn views(&self) -> Vec<(Option<u16>, &HostView)> {
        self.hosts.iter().map(|(p, view)| (*p, view)).collect()
    }

    pub(super) fn by(&self, profile: Profile) -> Delivery {
        deliver(profile, &self.mail(&self.views()))
    }

    pub(super) fn short(&self, profile: Profile) -> (Arrives, Protection) {
        let told = self.by(profile);
        (told.arrives, told.protection)
    }
}

pub(super) fn now() -> Timestamp {
    NOW.parse().expect("a time")
}

/// TLS came about, with these certificates.
pub(super) fn ok(chain: &str) -> ProbeResult {
    with_recipient(chain, Some(Recipient::Accepted))
}

pub(super) fn with_recipient(chain: &str, rcpt: Option<Recipient>) -> ProbeResult {
    static READ: LazyLock<std::sync::Mutex<BTreeMap<String, Vec<Certificate>>>> =
        LazyLock::new(Default::default);
    let mut read = READ.lock().expect("no test panics with it");
    let chain = read
        .entry(chain.to_owned())
        .or_insert_with(|| {
            let chain = BOX.chain(chain);
            chain.iter().map(|c| Certificate::read(c)).collect()
        })
        .clone();
    ProbeResult::Ok {
        chain: chain.into(),
        group: None,
        tls_version: "TLSv1.3".into(),
        cipher: "TLS13_AES_256_GCM_SHA384".into(),
        rcpt,
    }
}

pub(super) fn policy(mode: Option<Mode>, patterns: &[&str]) -> MtaStsView {
    let Some(mode) = mode else {
        let dns = Fixture::default();
        let lookup = futures::executor::block_on(crate::dns::Lookups::validate(
            &dns,
            "_mta-sts.example.test",
            crate::dns::Kind::Txt,
        ));
        return MtaStsView::None {
            lookup: std::boxed::Box::new(lookup),
        };
    };
    MtaStsView::Found {
        record: StsRecord {
            id: "1".into(),
            text: "v=STSv1; id=1".into(),
        },
        policy: Policy {
            mode,
            max_age: 86400,
            patterns: patterns.iter().map(|p| (*p).to_owned()).collect(),
            body: String::new(),
        },
        ttl: 300,
        at: now(),
    }
}
