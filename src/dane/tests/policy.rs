//! Fetching an MTA-STS policy from web servers of every manner.

use std::net::SocketAddr;
use std::sync::atomic::Ordering;
use std::time::Duration;

use rcgen::{CertificateParams, DistinguishedName, DnType, date_time_ymd};
use tokio::net::TcpListener;

use super::web::{Manner, Web, http};
use crate::dane::{HttpsSettings, Mode, MtaStsView, WebRoots, fetch_policy};
use crate::dns::Dns;
use crate::dns::tests::tree::{Place, Tree};

const GOOD: &str = "version: STSv1\nmode: enforce\nmx: mail.secure.test\nmax_age: 86400\n";

#[tokio::test(flavor = "multi_thread")]
async fn found_wrong_or_not_known() {
    let zone = "_mta-sts 55 TXT \"v=STSv1; \" \"id=2026;\"\nmta-sts 30 A 192.0.2.1\n\
                _mta-sts.two 55 TXT \"v=STSv1; id=1\"\n_mta-sts.two 55 TXT \"v=STSv1; id=2\"\n\
                _mta-sts.aside 55 CNAME _mta-sts\n_mta-sts.nohost 55 TXT \"v=STSv1; id=1\"\n\
                _mta-sts.cross 55 TXT \"v=STSv1; id=1\"\nmta-sts.cross 30 CNAME mta-sts.expired.test.\n\
                _mta-sts.far 55 TXT \"v=STSv1; id=1\"\nmta-sts.far 30 CNAME mta-sts.plain.test.\n";
    let expired = "_mta-sts 55 TXT \"v=STSv1; id=1\"\nmta-sts 30 A 127.0.0.1\n";
    let Some(tree) = Tree::start(Place::find(2), [zone, "mta-sts 30 A 127.0.0.1\n", expired]).await
    else {
        return;
    };
    let dns = tree.dns();
    let web = Web::new();
    let host = "mta-sts.secure.test";
    let good = web
        .serve(host, http("200 OK", "text/plain; charset=utf-8", GOOD))
        .await;

    let view = fetch_policy(&dns, "Secure.Test", &web.settings(good)).await;
    let MtaStsView::Found {
        record,
        policy,
        ttl,
        ..
    } = &view
    else {
        panic!("{view:?}");
    };
    assert_eq!((record.id.as_str(), *ttl), ("2026", 55));
    assert_eq!((policy.mode, policy.max_age), (Mode::Enforce, 86400));
    assert!(policy.allows("mail.secure.test"));
    let text = serde_json::to_string(&view).expect("plain data");
    assert_eq!(
        serde_json::from_str::<MtaStsView>(&text).expect("plain data"),
        view
    );

    // A certificate of nobody we trust.
    let stranger = HttpsSettings {
        roots: Web::new().settings(good).roots,
        ..web.settings(good)
    };
    let view = fetch_policy(&dns, "secure.test", &stranger).await;
    assert!(
        matches!(&view, MtaStsView::Invalid { why, .. } if why.contains("certificate")),
        "{view:?}"
    );

    without_a_policy(&dns, &web, good).await;
    refused(&dns, &web).await;
    not_known(&dns, &web).await;
    taken(&dns, &web).await;
}

async fn without_a_policy(dns: &Dns, web: &Web, good: SocketAddr) {
    let at =
        |domain: &'static str| async move { fetch_policy(dns, domain, &web.settings(good)).await };
    assert!(matches!(at("n3.test").await, MtaStsView::None { .. }));
    assert!(matches!(
        at("two.secure.test").await,
        MtaStsView::Invalid { record: None, .. }
    ));
    // The TXT record may be an alias; the policy host then needs a certificate for its own name.
    assert!(matches!(
        at("aside.secure.test").await,
        MtaStsView::Invalid {
            record: Some(_),
            ..
        }
    ));
    // A TXT lookup that fails is not "no MTA-STS".
    assert!(matches!(
        at("expired.test").await,
        MtaStsView::Unknown { record: None, .. }
    ));
    assert!(matches!(
        at("dead.test").await,
        MtaStsView::Unknown { record: None, .. }
    ));

    let closed = {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("bind");
        listener.local_addr().expect("bound")
    };
    let view = fetch_policy(dns, "secure.test", &web.settings(closed)).await;
    assert!(
        matches!(
            view,
            MtaStsView::Unknown {
                record: Some(_),
                ..
            }
        ),
        "{view:?}"
    );

    let by_dns = HttpsSettings {
        address: None,
        ..web.settings(good)
    };
    let view = fetch_policy(dns, "nohost.secure.test", &by_dns).await;
    assert!(
        matches!(&view, MtaStsView::Invalid { why, .. } if why.contains("no address")),
        "{view:?}"
    );
}

const HOST: &str = "mta-sts.secure.test";

/// What every sender refuses (RFC 8461, 3.2 and 3.3): each is the domain's own fault, and said to be.
async fn refused(dns: &Dns, web: &Web) {
    let plain = |status: &str| http(status, "text/plain", GOOD);
    let untyped = format!(
        "HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n{GOOD}",
        GOOD.len()
    );
    for (manner, words) in [
        (plain("404 Not Found"), "404"),
        (plain("403 Forbidden"), "403"),
        (plain("500 Internal Server Error"), "500"),
        (plain("503 Service Unavailable"), "503"),
        (plain("201 Created"), "201"),
        (plain("203 Non-Authoritative Information"), "203"),
        (plain("300 Multiple Choices"), "300"),
        (http("200 OK", "text/html", GOOD), "text/plain"),
        (http("200 OK", "text/plainer", GOOD), "text/plain"),
        (
            http("200 OK", "application/octet-stream", GOOD),
            "text/plain",
        ),
        (http("200 OK", "", GOOD), "text/plain"),
        (untyped, "text/plain"),
        (http("200 OK", "text/plain", ""), "version"),
        (http("200 OK", "text/plain", "bogus"), "bogus"),
        (http("200 OK", "text/plain", "version: STSv2\n"), "STSv1"),
        (
            http("200 OK", "text/plain", &GOOD.replace('\n', "\r")),
            "STSv1",
        ),
        (http("200 OK", "text/plain", &long(64 * 1024 + 1)), "64 KiB"),
        (http("200 OK", "text/plain", &long(1 << 20)), "64 KiB"),
    ] {
        wrong(dns, web, &[HOST], |_| {}, Manner::answer(manner), words).await;
    }
    let latin = [
        b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nConnection: close\r\n\r\n".as_slice(),
        b"v\xe9rsion: STSv1\n",
    ]
    .concat();
    wrong(dns, web, &[HOST], |_| {}, Manner::answer(latin), "no text").await;
    // Packed although nobody asked for it.
    let packed = [b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Encoding: gzip\r\nConnection: close\r\n\r\n".as_slice(), b"\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\x03\x03\x00\x00\x00\x00\x00\x00\x00\x00\x00"].concat();
    wrong(dns, web, &[HOST], |_| {}, Manner::answer(packed), "no text").await;

    // A redirect is refused, and nobody goes where it points.
    let (elsewhere, visits) = web
        .serve_like(
            &[HOST, "elsewhere.test"],
            |_| {},
            Manner::answer(plain("200 OK")),
        )
        .await;
    for status in [
        "301 Moved",
        "302 Found",
        "303 See Other",
        "307 Temporary Redirect",
        "308 Permanent Redirect",
    ] {
        let to = format!(
            "https://{HOST}:{}/.well-known/mta-sts.txt",
            elsewhere.port()
        );
        let response = format!(
            "HTTP/1.1 {status}\r\nLocation: {to}\r\nContent-Type: text/plain\r\nContent-Length: 0\r\n\r\n"
        );
        wrong(
            dns,
            web,
            &[HOST],
            |_| {},
            Manner::answer(response),
            &status[..3],
        )
        .await;
    }
    assert_eq!(visits.load(Ordering::SeqCst), 0);

    certificates(dns, web).await;
}

/// The certificate must be for the policy host, by a DNS name, now, from somebody trusted.
async fn certificates(dns: &Dns, web: &Web) {
    let good = || Manner::answer(http("200 OK", "text/plain", GOOD));
    for names in [
        &["other.test"][..],
        &["secure.test"],
        &["*.test"],
        &["*.mta-sts.secure.test"],
        &["192.0.2.1"],
    ] {
        wrong(dns, web, names, |_| {}, good(), "certificate").await;
    }
    let common = |params: &mut CertificateParams| {
        let mut name = DistinguishedName::new();
        name.push(DnType::CommonName, HOST);
        params.distinguished_name = name;
    };
    wrong(dns, web, &[], common, good(), "certificate").await;
    let old = |params: &mut CertificateParams| {
        params.not_before = date_time_ymd(2001, 1, 1);
        params.not_after = date_time_ymd(2002, 1, 1);
    };
    wrong(dns, web, &[HOST], old, good(), "certificate").await;
    let early = |params: &mut CertificateParams| params.not_before = date_time_ymd(2990, 1, 1);
    wrong(dns, web, &[HOST], early, good(), "certificate").await;
}

async fn wrong(
    dns: &Dns,
    web: &Web,
    names: &[&str],
    edit: impl FnOnce(&mut CertificateParams),
    manner: Manner,
    words: &str,
) {
    let (address, visits) = web.serve_like(names, edit, manner).await;
    let view = fetch_policy(dns, "secure.test", &web.settings(address)).await;
    let MtaStsView::Invalid {
        record: Some(_),
        why,
        ttl: 55,
        ..
    } = &view
    else {
        panic!("{words}: {view:?}");
    };
    assert!(why.contains(words), "{words}: {why}");
    assert_eq!(visits.load(Ordering::SeqCst), 1, "{words}: asked once");
}

/// What may be the network's fault or ours is never "no policy" (S7).
async fn not_known(dns: &Dns, web: &Web) {
    let unknown = |view: MtaStsView, words: &'static str| {
        let MtaStsView::Unknown {
            record: Some(_),
            why,
            ..
        } = &view
        else {
            panic!("{words}: {view:?}");
        };
        assert!(why.contains(words), "{words}: {why}");
    };
    // Ends early.
    let cut = format!(
        "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 4000\r\n\r\n{GOOD}"
    );
    let silent = Manner {
        pieces: Vec::new(),
        pause: Duration::ZERO,
    };
    for manner in [Manner::answer(cut), silent] {
        let (address, _) = web.serve_like(&[HOST], |_| {}, manner).await;
        unknown(
            fetch_policy(dns, "secure.test", &web.settings(address)).await,
            HOST,
        );
    }
    // Each piece comes in good time, all together does not.
    let head = b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\n\r\n".to_vec();
    let pieces = std::iter::once(head)
        .chain(GOOD.bytes().map(|b| vec![b]))
        .collect();
    let (address, _) = web
        .serve_like(
            &[HOST],
            |_| {},
            Manner {
                pieces,
                pause: Duration::from_millis(100),
            },
        )
        .await;
    let hurried = HttpsSettings {
        timeout: Duration::from_secs(1),
        ..web.settings(address)
    };
    let begun = std::time::Instant::now();
    unknown(fetch_policy(dns, "secure.test", &hurried).await, HOST);
    assert!(
        begun.elapsed() < Duration::from_secs(3),
        "{:?}",
        begun.elapsed()
    );
    // Takes the connection and says nothing at all.
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("bind");
    let mute = HttpsSettings {
        timeout: Duration::from_secs(1),
        ..web.settings(listener.local_addr().expect("bound"))
    };
    unknown(fetch_policy(dns, "secure.test", &mute).await, HOST);
    // The policy host's address is bogus: what was served is not used.
    let by_dns = HttpsSettings {
        address: None,
        ..web.settings(address)
    };
    unknown(
        fetch_policy(dns, "cross.secure.test", &by_dns).await,
        "expired",
    );
    // An alias to an unsigned zone is followed: HTTPS needs no DNSSEC. Nothing listens there.
    unknown(
        fetch_policy(dns, "far.secure.test", &by_dns).await,
        "mta-sts.far.secure.test",
    );
}

/// What senders take.
async fn taken(dns: &Dns, web: &Web) {
    let crlf = GOOD.replace('\n', "\r\n");
    for manner in [
        http("200 OK", "TEXT/Plain;charset=US-ASCII", GOOD),
        http("200 OK", "text/plain", &crlf),
        http("200 OK", "text/plain", &long(64 * 1024)),
        http(
            "200 OK",
            "text/plain",
            "version:STSv1\nmode:none\nmax_age:1",
        ),
    ] {
        let address = web.serve(HOST, manner).await;
        let view = fetch_policy(dns, "secure.test", &web.settings(address)).await;
        assert!(matches!(view, MtaStsView::Found { .. }), "{view:?}");
    }
    // A wildcard in the certificate stands for one label, as anywhere on the web.
    let address = web
        .serve("*.secure.test", http("200 OK", "text/plain", GOOD))
        .await;
    let view = fetch_policy(dns, "secure.test", &web.settings(address)).await;
    assert!(matches!(view, MtaStsView::Found { .. }), "{view:?}");
}

/// A good policy of so many bytes.
fn long(bytes: usize) -> String {
    let mut text = format!("{GOOD}pad: ");
    text.push_str(&"x".repeat(bytes - text.len()));
    text
}

#[test]
fn roots_must_be_certificates() {
    assert!(WebRoots::pem(b"").is_err());
    assert!(
        WebRoots::pem(b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n").is_err()
    );
    assert!(WebRoots::default().system);
}
