//! Two servers of a zone, and everything that can be wrong with the second.

use super::scene::Scene;
use super::tree::Place;
use super::zones::zones;
use crate::dns::chain::{Entry, Role};
use crate::dns::pin::askable;
use crate::dns::survey::{DsFit, Probe, ProvenBy};
use crate::dns::{Data, Dns, Failure, Kind, Outcome, ServerSurvey, ServerView, Status, Survey};

const SECOND: std::time::Duration = std::time::Duration::from_secs(1);

#[tokio::test(flavor = "multi_thread")]
async fn each_server_is_judged_by_itself() {
    let Some(scene) = Scene::start(Place::find(5), zones()).await else {
        return;
    };
    let dns = scene.dns();
    good(&dns).await;
    out_of_date(&dns).await;
    transports(&dns).await;
    nothing_twice(&scene).await;
    denials(&dns).await;
    nsec3_and_wildcards(&dns).await;
    keys_and_times(&dns).await;
    chains(&dns).await;
    said_the_same(&dns).await;
}

/// The survey, its first server and its second.
async fn look(dns: &Dns, label: &str) -> (Survey, ServerSurvey, ServerSurvey) {
    let apex = format!("{label}.test");
    let survey = dns.survey(&apex).await.expect("a survey");
    let of = |n: u8| {
        let name = format!("ns{n}.{apex}");
        let found = survey.servers.iter().find(|s| s.server == name);
        found.expect("surveyed").clone()
    };
    let (first, second) = (of(1), of(2));
    let text = serde_json::to_string(&survey).expect("plain data");
    assert_eq!(
        serde_json::from_str::<Survey>(&text).expect("plain data"),
        survey
    );
    // In a run over many domains, servers that say the same are judged once, and nothing else comes of it.
    let shared = dns.for_run(SECOND * 60).for_look(&apex);
    let shared = shared.survey(&apex).await.expect("a survey");
    assert_eq!(judged(&shared), judged(&survey), "{label}");
    (survey, first, second)
}

/// All that was found about each server, without the times and the names made by chance.
fn judged(survey: &Survey) -> Vec<String> {
    let servers = survey.servers.iter().map(|s| {
        let denials = s.denials.iter().map(|d| {
            let found = (&d.answer.rcode, &d.answer.outcome, &d.by);
            format!("{found:?} {:?}", std::mem::discriminant(&d.status))
        });
        let denials: Vec<String> = denials.collect();
        let own = (s.address, &s.server, &s.verdicts, &s.keys, &s.links);
        let tcp = (&s.tcp.failure, s.tcp.connections, &s.tcp.differs);
        let non_terminal = s.empty_non_terminal.as_ref().map(|a| &a.outcome);
        format!(
            "{own:#?} {tcp:?} {denials:#?} {non_terminal:?} {:?}",
            s.wildcards
        )
    });
    servers.collect()
}

/// Which addresses are taken for one another's echo: those alone that say the very same.
async fn said_the_same(dns: &Dns) {
    for (label, expected) in [
        ("good", true),
        ("stale", false),
        ("expired", false),
        ("otherkey", false),
    ] {
        let apex = format!("{label}.test");
        let dns = dns.for_run(SECOND * 60).for_look(&apex);
        let cut = dns.zone_cut(&apex).await.expect("a zone");
        // To find the zone its NS set was asked for.
        dns.sharing().expect("a look").forget_pins();
        let pins = dns.pins(&cut.apex, &cut.servers).expect("its addresses");
        let [(_, first), (_, second)] = pins.as_slice() else {
            panic!("{label}: {pins:?}");
        };
        assert!(first.has_heard_the_same_as(second), "nothing yet");
        let asked = |kind| askable([(apex.clone(), kind)]);
        let mut same = true;
        for kind in [Kind::Soa, Kind::Dnskey, Kind::Mx] {
            first.hear(&dns, &asked(kind)).await;
            second.hear(&dns, &asked(kind)).await;
            let said = [first.shown(&apex, kind), second.shown(&apex, kind)];
            assert!(said.iter().all(|a| a.is_known()), "{label}: {said:?}");
            assert_eq!(said[1].from.address, second.from().address, "its own");
            same &= first.has_heard_the_same_as(second);
        }
        assert_eq!(same, expected, "{label}");
        assert_eq!(first.is_echoed_by(&dns, second).await, expected, "{label}");
        // Asked one more thing, it is one more thing to compare.
        assert!(!first.shown(&apex, Kind::Ns).is_known(), "not asked yet");
        first.hear(&dns, &asked(Kind::Ns)).await;
        assert!(!first.has_heard_the_same_as(second), "{label}");
        assert_eq!(first.is_echoed_by(&dns, second).await, expected, "{label}");
    }
}

/// What the address was asked at every look, where the survey goes deeper.
fn seen<'a>(survey: &'a Survey, of: &ServerSurvey) -> &'a ServerView {
    let mut views = survey.zone.servers.iter();
    views
        .find(|v| (v.address, &v.server) == (of.address, &of.server))
        .expect("seen")
}

#[track_caller]
fn is_bogus(status: Option<&Status>, words: &str) {
    let why = match status {
        Some(Status::Bogus { why }) => why,
        other => panic!("{other:?}"),
    };
    assert!(why.contains(words), "{why}");
}

async fn good(dns: &Dns) {
    let (survey, first, second) = look(dns, "good").await;
    assert_eq!(survey.delegation, Status::Secure);
    for server in [&first, &second] {
        assert_eq!(server.status(), Status::Secure, "{server:?}");
        assert_eq!(server.tcp.failure, None);
        assert_eq!((server.tcp.connections, server.tcp.answers.len()), (1, 5));
        assert!(server.tcp.answers.iter().all(|a| a.is_known()));
        assert_eq!(server.tcp.differs, []);
        assert_eq!(server.wildcards, [""; 0]);
        assert!(!server.cuts_off_names());
        for (probe, outcome, rcode) in [
            (Probe::TlsaOfDomain, Outcome::NxDomain, "NXDOMAIN"),
            (Probe::RandomName, Outcome::NxDomain, "NXDOMAIN"),
            (Probe::TypeAtApex, Outcome::NoData, "NOERROR"),
        ] {
            let denial = server.denial(probe).expect("asked");
            assert!(denial.is_proven(), "{denial:?}");
            assert_eq!(denial.answer.outcome, outcome);
            assert_eq!(denial.answer.rcode, rcode);
            assert_eq!(denial.by, ProvenBy::Nsec { compact: false });
        }
        let [key] = server.keys.as_slice() else {
            panic!("{:?}", server.keys);
        };
        assert_eq!((key.algorithm, key.bits, key.flags), (13, Some(256), 257));
        assert!(key.zone_key && key.entry_point && !key.revoked);
        assert!(key.signs_keys && key.signs_zone);
        let [link] = server.links.as_slice() else {
            panic!("{:?}", server.links);
        };
        assert!(link.holds() && link.zone_wide == Some(true), "{link:?}");
        assert_eq!((link.ds.key_tag, link.parents.len()), (key.tag, 1));
        assert_eq!(server.outlived().count(), 0);
        for kind in ["DNSKEY", "SOA", "MX", "NS", "NSEC"] {
            assert!(server.signed.iter().any(|s| s.kind == kind), "{kind}");
        }
    }
    assert!(survey.random_name.ends_with(".good.test"));
    for kind in [Kind::Soa, Kind::Dnskey, Kind::Mx, Kind::Ns] {
        assert_eq!(survey.zone.camps(kind).len(), 1, "{kind}");
    }
}

async fn out_of_date(dns: &Dns) {
    // Unsigned as it was before: bogus by itself, while the zone validates through the other.
    let (survey, first, second) = look(dns, "stale").await;
    assert_eq!(first.status(), Status::Secure, "{first:?}");
    is_bogus(second.verdict(Kind::Mx), "serves no DNSKEY");
    is_bogus(second.verdict(Kind::Dnskey), "no DNSKEY");
    assert!(!second.denial(Probe::RandomName).expect("asked").is_proven());
    assert_eq!(second.links[0].fit, DsFit::NoKey);
    assert_eq!(second.links[0].zone_wide, Some(false));
    for kind in [Kind::Soa, Kind::Dnskey, Kind::Mx] {
        let camps = survey.zone.camps(kind);
        assert_eq!(camps.len(), 2, "{kind}: {camps:?}");
        assert!(camps.iter().all(|c| c.addresses.len() == 1));
    }
    assert_eq!(survey.zone.camps(Kind::Ns).len(), 1);

    let (_, first, second) = look(dns, "expired").await;
    assert_eq!(first.status(), Status::Secure);
    for kind in [Kind::Dnskey, Kind::Mx, Kind::Soa] {
        is_bogus(second.verdict(kind), "expired at 2024-02-01");
    }
    assert_eq!(second.links[0].fit, DsFit::Fits);
    assert!(!second.keys[0].signs_keys && !second.links[0].holds());

    let (survey, first, second) = look(dns, "otherkey").await;
    assert_eq!(first.status(), Status::Secure);
    is_bogus(second.verdict(Kind::Mx), "DS is for key");
    assert_eq!(second.links[0].fit, DsFit::NoKey);
    assert!(second.keys[0].signs_keys, "it signs itself well");
    assert_eq!(survey.zone.camps(Kind::Dnskey).len(), 2);
    assert_eq!(survey.zone.camps(Kind::Mx).len(), 1);

    let (_, first, second) = look(dns, "unsigned").await;
    assert_eq!(first.status(), Status::Secure);
    assert!(second.verdicts.iter().all(|v| v.status.is_lookup_error()));
    is_bogus(second.verdict(Kind::Mx), "not signed");

    // Its only key has a DS, but does not sign the set that it is in.
    let (_, _, second) = look(dns, "bare").await;
    for kind in [Kind::Dnskey, Kind::Mx] {
        is_bogus(
            second.verdict(kind),
            "DNSKEY at \"bare.test\" is not signed",
        );
    }
    assert!(!second.links[0].holds());
}

async fn transports(dns: &Dns) {
    let (_, first, second) = look(dns, "udponly").await;
    assert_eq!(first.tcp.failure, None);
    assert_eq!(second.tcp.failure, Some(Failure::ConnectionRefused));
    assert_eq!(second.status(), Status::Secure, "UDP by itself is well");
    assert_eq!(second.tcp.differs, []);

    let (survey, _, second) = look(dns, "cut").await;
    assert_eq!(second.status(), Status::Secure, "TCP helps");
    let view = seen(&survey, &second);
    assert!(view.dnskey.cut_off && !view.mx.cut_off);
    assert_eq!(view.dnskey.outcome, Outcome::Answer);

    let (survey, _, second) = look(dns, "cutonly").await;
    let view = seen(&survey, &second);
    assert!(view.dnskey.cut_off);
    assert_eq!(
        view.dnskey.outcome,
        Outcome::Failed(Failure::ConnectionRefused)
    );
    // The keys exist, and nobody can fetch them here: not bogus, but no answer either.
    let mx = second.verdict(Kind::Mx).expect("asked");
    assert!(matches!(mx, Status::Indeterminate { .. }), "{mx:?}");

    let (_, first, second) = look(dns, "apart").await;
    assert_eq!(first.tcp.differs, []);
    assert_eq!(second.tcp.differs, [Kind::Mx]);
    assert_eq!(second.tcp.failure, None);
}

/// One survey asks an address each question once over UDP and once over TCP, whatever is made of the answers.
async fn nothing_twice(scene: &Scene) {
    let alone = scene.dns();
    let of_run = alone.for_run(SECOND * 60).for_look("ent.test");
    for dns in [alone, of_run] {
        let before = scene.asked("ent.test").len();
        dns.survey("ent.test").await.expect("a survey");
        let asked = scene.asked("ent.test").split_off(before);
        let mut once = asked.clone();
        once.sort();
        once.dedup();
        assert_eq!(once.len(), asked.len(), "{asked:?}");
        let over_tcp = asked.iter().filter(|a| a.2).count();
        assert_eq!(over_tcp, 5, "{asked:?}");
        assert!(asked.len() - over_tcp <= 11, "{asked:?}");
    }
}

async fn denials(dns: &Dns) {
    for (label, code, explained) in [
        ("notimp", "NOTIMP", None),
        (
            "servfail",
            "SERVFAIL",
            Some("extended error 22, no reachable authority: no \u{fffd}[31mhope"),
        ),
    ] {
        let (survey, first, second) = look(dns, label).await;
        assert_eq!(first.status(), Status::Secure);
        assert!(survey.zone.mx.status.is_secure());
        for denial in &second.denials {
            assert_eq!(denial.answer.rcode, code);
            assert_eq!(denial.answer.explained.as_deref(), explained);
            assert!(!denial.is_proven(), "an error is no absence");
            let why = denial.status.why().expect("could not tell");
            assert!(matches!(denial.status, Status::Indeterminate { .. }) && why.contains(code));
        }
        assert!(second.verdict(Kind::Mx).is_some_and(Status::is_secure));
    }
    let (_, first, second) = look(dns, "noproof").await;
    assert_eq!(first.status(), Status::Secure);
    for denial in &second.denials {
        assert!(matches!(denial.status, Status::Bogus { .. }), "{denial:?}");
        assert_eq!(denial.by, ProvenBy::Nothing);
        assert!(!denial.is_proven());
    }
    assert!(second.verdict(Kind::Soa).is_some_and(Status::is_secure));

    let (_, first, second) = look(dns, "ent").await;
    assert!(first.empty_non_terminal.is_some() && !first.cuts_off_names());
    assert!(second.cuts_off_names());
    let tlsa = second.denial(Probe::TlsaOfDomain).expect("asked");
    assert!(tlsa.status.is_secure() && !tlsa.is_proven(), "it exists");
}

async fn nsec3_and_wildcards(dns: &Dns) {
    let (_, first, _) = look(dns, "n3").await;
    assert_eq!(
        first.denial(Probe::RandomName).expect("asked").by,
        ProvenBy::Nsec3 {
            iterations: 5,
            salt_length: 2,
            opt_out: true
        }
    );
    assert_eq!(first.status(), Status::Secure, "{first:?}");
    assert_eq!(first.wildcards, [""; 0], "below another name");
    let (_, first, _) = look(dns, "wild").await;
    assert_eq!(first.wildcards, ["*.wild.test"]);
    let over = first.wildcard_over("_25._tcp.wild.test");
    assert_eq!(over.map(String::as_str), Some("*.wild.test"));
    assert_eq!(first.wildcard_over("wild.test"), None);
    assert_eq!(first.wildcard_over("_mta-sts.other.test"), None);
    let random = first.denial(Probe::RandomName).expect("asked");
    assert_eq!(random.answer.outcome, Outcome::NoData);
    assert!(random.is_proven(), "{random:?}");
    let (_, first, _) = look(dns, "wild3").await;
    assert_eq!(first.wildcards, ["*.wild3.test"]);
    assert_eq!(first.status(), Status::Secure, "{first:?}");
    assert_eq!(
        first.denial(Probe::TypeAtApex).expect("asked").by,
        ProvenBy::Nsec3 {
            iterations: 0,
            salt_length: 0,
            opt_out: false
        }
    );
    let (_, first, _) = look(dns, "wildtlsa").await;
    assert_eq!(first.wildcards, ["*.wildtlsa.test"]);
    let tlsa = first.denial(Probe::TlsaOfDomain).expect("asked");
    assert_eq!(tlsa.answer.outcome, Outcome::Answer);
    assert!(tlsa.status.is_secure(), "{tlsa:?}");
    let (survey, first, _) = look(dns, "plainwild").await;
    assert_eq!(survey.delegation, Status::Insecure);
    assert_eq!(first.status(), Status::Insecure);
    assert_eq!(first.wildcards, ["*.plainwild.test"]);
}

async fn keys_and_times(dns: &Dns) {
    let (_, first, _) = look(dns, "twods").await;
    assert_eq!(first.status(), Status::Secure, "one valid path is enough");
    let fits: Vec<DsFit> = first.links.iter().map(|l| l.fit).collect();
    assert!(
        fits.contains(&DsFit::Fits) && fits.contains(&DsFit::NoKey),
        "{fits:?}"
    );
    let wide: Vec<_> = first
        .links
        .iter()
        .map(|l| (l.ds.algorithm, l.zone_wide))
        .collect();
    assert!(
        wide.contains(&(13, Some(true))) && wide.contains(&(8, Some(false))),
        "{wide:?}"
    );
    let holding = first.links.iter().filter(|l| l.holds()).count();
    assert_eq!(holding, 1);

    let (_, first, _) = look(dns, "short").await;
    let outlived: Vec<&str> = first.outlived().map(|s| s.kind.as_str()).collect();
    assert_eq!(outlived, ["MX"], "the others live for a minute");
    let left = first.signed[0].expires.as_second() - first.at.as_second();
    assert!((3000..=3600).contains(&left), "{left}");

    // Signed, and nobody knows yet: what is looked at before the DS goes up.
    let (survey, first, _) = look(dns, "island").await;
    assert_eq!(survey.delegation, Status::Insecure);
    assert_eq!(first.status(), Status::Insecure);
    assert!(first.keys[0].signs_keys && first.links.is_empty());
}

async fn chains(dns: &Dns) {
    let chain = dns.chain_of_trust("good.test").await;
    let zones: Vec<&str> = chain.zones.iter().map(|z| z.zone.as_str()).collect();
    assert_eq!(zones, ["", "test", "good.test"]);
    assert_eq!(chain.status(), Status::Secure, "{chain:?}");
    let root = &chain.zones[0];
    let Entry::Anchor { tags } = &root.entry else {
        panic!("{root:?}");
    };
    assert_eq!(tags, &[root.keys[0].key.key_tag]);
    let leaf = &chain.zones[2];
    let Entry::Ds {
        set,
        ttl,
        signatures,
    } = &leaf.entry
    else {
        panic!("{leaf:?}");
    };
    assert_eq!(*ttl, Some(40));
    assert_eq!(signatures.as_ref().map(|s| s.signer.as_str()), Some("test"));
    assert_eq!(set[0].key, Some(leaf.keys[0].key.key_tag));
    assert_eq!(leaf.keys[0].role, Role::Ksk);
    assert!(leaf.keys[0].signs_keys && leaf.keys_signatures.is_some());
    assert_eq!(leaf.servers, ["ns1.good.test", "ns2.good.test"]);
    let kinds: Vec<Kind> = chain.sets.iter().map(|s| s.kind).collect();
    assert_eq!(kinds, [Kind::Mx, Kind::A, Kind::Aaaa]);
    assert!(matches!(
        chain.sets[0].records()[0].data,
        Data::Mx { preference: 10, .. }
    ));
    let text = serde_json::to_string(&chain).expect("plain data");
    let back: crate::dns::ChainOfTrust = serde_json::from_str(&text).expect("plain data");
    assert_eq!(back, chain);

    let chain = dns.chain_of_trust("_25._tcp.ent.test").await;
    assert_eq!(chain.sets.len(), 1);
    assert_eq!(chain.sets[0].kind, Kind::Tlsa);

    let chain = dns.chain_of_trust("island.test").await;
    assert_eq!(chain.status(), Status::Insecure);
    let Entry::NoDs { proof, ttl } = &chain.zones[2].entry else {
        panic!("{chain:?}");
    };
    assert!(proof.contains("NSEC") && proof.contains("no DS"), "{proof}");
    assert_eq!(*ttl, Some(20));

    let two = dns.chain_of_trust("twods.test").await;
    let Entry::Ds { set, .. } = &two.zones[2].entry else {
        panic!("{two:?}");
    };
    assert_eq!(set.iter().filter(|ds| ds.key.is_none()).count(), 1);
}
