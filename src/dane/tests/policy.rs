//! Fetching an MTA-STS policy from web servers of every manner.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use rustls::ServerConfig;
use rustls::crypto::aws_lc_rs;
use rustls_pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;

use crate::dane::{HttpsSettings, Mode, MtaStsView, WebRoots, fetch_policy};
use crate::dns::Dns;
use crate::dns::tests::tree::{Place, Tree};

const GOOD: &str = "version: STSv1\nmode: enforce\nmx: mail.secure.test\nmax_age: 86400\n";

struct Web {
    authority: CertifiedIssuer<'static, KeyPair>,
}

impl Web {
    fn new() -> Self {
        let mut params = CertificateParams::new(Vec::new()).expect("names");
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let key = KeyPair::generate().expect("key");
        Self {
            authority: CertifiedIssuer::self_signed(params, key).expect("signed"),
        }
    }

    /// Serves one fixed response, with a certificate for `name`.
    async fn serve(&self, name: &str, response: String) -> SocketAddr {
        let key = KeyPair::generate().expect("key");
        let certificate = CertificateParams::new(vec![name.to_owned()])
            .expect("names")
            .signed_by(&key, &self.authority)
            .expect("signed");
        let config = ServerConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
            .with_safe_default_protocol_versions()
            .expect("versions")
            .with_no_client_auth()
            .with_single_cert(
                vec![certificate.der().clone()],
                PrivateKeyDer::from(PrivatePkcs8KeyDer::from(key.serialize_der())),
            )
            .expect("certificate");
        let acceptor = TlsAcceptor::from(Arc::new(config));
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("bind");
        let address = listener.local_addr().expect("bound");
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let (acceptor, response) = (acceptor.clone(), response.clone());
                tokio::spawn(async move {
                    let Ok(mut stream) = acceptor.accept(stream).await else {
                        return;
                    };
                    let mut request = [0; 4096];
                    let _ = stream.read(&mut request).await;
                    let _ = stream.write_all(response.as_bytes()).await;
                    let _ = stream.shutdown().await;
                });
            }
        });
        address
    }

    fn settings(&self, address: SocketAddr) -> HttpsSettings {
        HttpsSettings {
            address: Some(address),
            roots: WebRoots::pem(self.authority.pem().as_bytes()).expect("roots"),
            timeout: Duration::from_secs(3),
        }
    }
}

fn http(status: &str, media: &str, body: &str) -> String {
    format!(
        "HTTP/1.1 {status}\r\nContent-Type: {media}\r\nContent-Length: {}\r\nConnection: close\r\n\
         Location: https://elsewhere.test/\r\n\r\n{body}",
        body.len()
    )
}

#[tokio::test(flavor = "multi_thread")]
async fn found_wrong_or_not_known() {
    let zone = "_mta-sts 55 TXT \"v=STSv1; \" \"id=2026;\"\nmta-sts 30 A 192.0.2.1\n\
                _mta-sts.two 55 TXT \"v=STSv1; id=1\"\n_mta-sts.two 55 TXT \"v=STSv1; id=2\"\n\
                _mta-sts.aside 55 CNAME _mta-sts\n_mta-sts.nohost 55 TXT \"v=STSv1; id=1\"\n";
    let expired = "_mta-sts 55 TXT \"v=STSv1; id=1\"\n";
    let Some(tree) = Tree::start(Place::find(2), [zone, "", expired]).await else {
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

    for (name, manner, words) in [
        (host, http("404 Not Found", "text/plain", ""), "404"),
        (host, http("301 Moved", "text/plain", ""), "301"),
        (host, http("200 OK", "text/html", GOOD), "text/plain"),
        (
            host,
            http("200 OK", "text/plain", "version: STSv2\n"),
            "STSv1",
        ),
        (
            host,
            http("200 OK", "text/plain", &"x".repeat(70_000)),
            "64 KiB",
        ),
        (
            "other.test",
            http("200 OK", "text/plain", GOOD),
            "certificate",
        ),
    ] {
        let address = web.serve(name, manner).await;
        let view = fetch_policy(&dns, "secure.test", &web.settings(address)).await;
        let MtaStsView::Invalid {
            record: Some(_),
            why,
            ttl: 55,
            ..
        } = &view
        else {
            panic!("{words}: {view:?}");
        };
        assert!(why.contains(words), "{why}");
    }
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

#[test]
fn roots_must_be_certificates() {
    assert!(WebRoots::pem(b"").is_err());
    assert!(
        WebRoots::pem(b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n").is_err()
    );
    assert!(WebRoots::system().system);
}
