//! The composed internet: a customer's zone becomes secure by hand, and the judges see it.

use std::net::SocketAddr;
use std::time::Duration;

use rollout_servers::internet::{Customer, DnsHost, Internet, RESOLVER};
use rollout_servers::judge::{self, Delv};
use rollout_servers::namespace;

#[test]
fn starts() {
    namespace::run_inside("starts", Internet::PROGRAMS, || {
        let t = std::time::Instant::now();
        let internet = Internet::start(&[
            Customer::new("contoso.com", DnsHost::PowerDns),
            Customer::new("fabrikam.com", DnsHost::Bind),
        ])
        .unwrap();
        eprintln!("start {:?}", t.elapsed());
        let d = |n: &str, t: &str| {
            let r = judge::delv(
                internet.resolvers[0].dns_addr,
                &internet.bind_anchor_file(),
                n,
                t,
            )
            .unwrap();
            eprintln!("{n} {t} {r:?}");
        };
        d("contoso.com", "MX");
        d("mx.microsoft", "SOA");
        d("_25._tcp.smtpdane.mx.microsoft", "TLSA");
        internet.new_mx_appears("contoso.com").unwrap();
        internet.tlsa_appears("contoso.com").unwrap();
        d("contoso-com.o-v1.mx.microsoft", "A");
        d("_25._tcp.contoso-com.o-v1.mx.microsoft", "TLSA");
        d("nope.o-v1.mx.microsoft", "A");
        internet.bind.sign("fabrikam.com").unwrap();
        internet
            .publish_ds("fabrikam.com", &internet.ds_of("fabrikam.com").unwrap())
            .unwrap();
        std::thread::sleep(Duration::from_secs(6));
        d("fabrikam.com", "MX");
        internet
            .publish_ds(
                "fabrikam.com",
                &[
                    "12345 13 2 0000000000000000000000000000000000000000000000000000000000000000"
                        .into(),
                ],
            )
            .unwrap();
        std::thread::sleep(Duration::from_secs(6));
        d("fabrikam.com", "MX");
        eprintln!(
            "{:?}",
            judge::posttls_finger(
                &internet.postfix.configuration(),
                "[contoso-com.o-v1.mx.microsoft]"
            )
        );
        eprintln!(
            "{:?}",
            judge::posttls_finger(&internet.postfix.configuration(), "contoso.com")
        );
        eprintln!(
            "{:?}",
            judge::posttls_finger(&internet.postfix.configuration(), "fabrikam.com")
        );
        eprintln!("{:?}", judge::danetool("contoso-com.o-v1.mx.microsoft", 25));
        let chain = internet.folder().join("chain.pem");
        std::fs::write(&chain, &internet.new_certificate.chain_pem).unwrap();
        eprintln!(
            "{:?}",
            judge::ldns_dane(
                &internet.anchor_file(),
                &chain,
                "contoso-com.o-v1.mx.microsoft",
                25
            )
        );
    });
}
