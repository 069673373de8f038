//! The customers: what each of them has got right, and wrong.

use hickory_proto::op::ResponseCode;
use rollout_servers::certificates::Wanted;
use rollout_servers::crooked::Fault;
use rollout_servers::signer::{Denial, Signing, Validity};

use super::world::{At, Ds, TOP, World, mx_records};

/// SHA-256 of no key in this world.
fn foreign() -> String {
    format!("3 1 1 {}", "ab".repeat(32))
}

fn signed_by(algorithm: &'static str) -> Option<Signing> {
    Some(Signing {
        algorithm,
        ..Signing::default()
    })
}

fn valid(validity: Validity) -> Option<Signing> {
    Some(Signing {
        validity,
        ..Signing::default()
    })
}

fn nsec3(iterations: u16, salt: &'static str, opt_out: bool) -> Option<Signing> {
    Some(Signing {
        denial: Denial::Nsec3 {
            iterations,
            salt,
            opt_out,
        },
        ..Signing::default()
    })
}

pub fn world() -> World {
    let mut world = World::new();
    zones_with_right_hosts(&mut world);
    names_within_zones(&mut world);
    servers_that_misbehave(&mut world);
    addresses_and_families(&mut world);
    hosts_and_their_records(&mut world);
    certificates_of_usage_two(&mut world);
    hosts_that_do_not_speak(&mut world);
    ways_to_a_host(&mut world);
    world
}

/// The host is right; the zone is what the row is about.
fn zones_with_right_hosts(world: &mut World) {
    let good = Some(Signing::default());
    let rows = [
        ("bind", At::Bind, good.clone(), Ds::Right),
        ("knot", At::Knot, good.clone(), Ds::Right),
        ("powerdns", At::PowerDns, None, Ds::Right),
        ("rsasha256", At::Nsd, signed_by("RSASHA256"), Ds::Right),
        ("ed25519", At::Nsd, signed_by("ED25519"), Ds::Right),
        ("ed448", At::Nsd, signed_by("ED448"), Ds::Right),
        ("dead-server", At::NsdAndNobody, good.clone(), Ds::Right),
        ("unsigned", At::Nsd, None, Ds::None),
        ("island", At::Nsd, good.clone(), Ds::None),
        ("wrong-ds", At::Nsd, good, Ds::Wrong),
        ("expired", At::Nsd, valid(Validity::Expired), Ds::Right),
        (
            "just-expired",
            At::Nsd,
            valid(Validity::JustExpired),
            Ds::Right,
        ),
        ("not-yet", At::Nsd, valid(Validity::NotYet), Ds::Right),
        ("ending", At::Nsd, valid(Validity::Ending), Ds::Right),
        ("opt-out", At::Nsd, nsec3(0, "-", true), Ds::Right),
        ("salted", At::Nsd, nsec3(10, "aabbccdd", false), Ds::Right),
        ("rsasha1", At::Nsd, signed_by("RSASHA1"), Ds::Right),
        (
            "nsec3rsasha1",
            At::Nsd,
            Some(Signing {
                algorithm: "NSEC3RSASHA1",
                denial: Denial::Nsec3 {
                    iterations: 0,
                    salt: "-",
                    opt_out: false,
                },
                validity: Validity::Current,
            }),
            Ds::Right,
        ),
    ];
    for (label, at, signing, ds) in rows {
        let records = world.right(label);
        world.zone(label, at, signing, ds, records);
    }
    // Without a TLSA record absence has to be proven.
    let rows = [
        ("no-tlsa", nsec3(0, "-", false)),
        ("no-tlsa-opt-out", nsec3(0, "-", true)),
        ("no-tlsa-150", nsec3(150, "aa", false)),
    ];
    for (label, signing) in rows {
        let certificate = world.certificate(label);
        let records = world.host(label, &certificate, &[]);
        world.zone(label, At::Nsd, signing, Ds::Right, records);
    }
}

/// Denials that are made for the question, names below an apex, names that a wildcard makes.
fn names_within_zones(world: &mut World) {
    let certificate = world.certificate("no-tlsa-powerdns");
    let records = world.host("no-tlsa-powerdns", &certificate, &[]);
    world.zone("no-tlsa-powerdns", At::PowerDns, None, Ds::Right, records);

    let records = world.right("wildcard") + "* MX 10 mx\n*.office MX 10 mx\n";
    world.secure("wildcard", records);
    for name in ["any", "any.office"] {
        world.inner.push(format!("{name}.wildcard.{TOP}"));
    }
}

fn servers_that_misbehave(world: &mut World) {
    let good = Some(Signing::default());
    let faults = [
        ("servfail", Fault::Code(ResponseCode::ServFail)),
        ("notimp", Fault::Code(ResponseCode::NotImp)),
        ("silent", Fault::Silence),
        ("no-denial", Fault::NoDenial),
    ];
    for (label, fault) in faults {
        let certificate = world.certificate(label);
        let records = world.host(label, &certificate, &[]);
        world.zone(label, At::Crooked(fault), good.clone(), Ds::Right, records);
    }
    // One of two servers has missed a change: it still names a second host, which is right as well.
    let records = world.right("stale");
    let certificate = world.authority.issue(&[&format!("old.stale.{TOP}")]);
    let address = world.address();
    world.postfix(&format!("old.stale.{TOP}"), &[address], &certificate, &[]);
    let records = format!(
        "{records}old A {address}\n_25._tcp.old TLSA {}\n",
        certificate.tlsa(3, 1, 1)
    );
    let before = format!("{records}@ MX 20 old\n");
    world.zone("stale", At::NsdAndStaleBind, good, Ds::Right, records);
    if let Some(zone) = world.zones.last_mut() {
        zone.stale = before;
    }
}

fn addresses_and_families(world: &mut World) {
    let both = [world.address(), world.address_v6()];
    let certificate = world.certificate("match");
    world.postfix(&format!("mx.match.{TOP}"), &both, &certificate, &[]);
    let records = mx_records(&both, &[certificate.tlsa(3, 1, 1)]);
    world.zone(
        "match",
        At::NsdBoth,
        Some(Signing::default()),
        Ds::Right,
        format!("@ MX 10 mx\n{records}"),
    );

    let six = [world.address_v6()];
    let certificate = world.certificate("ipv6");
    world.postfix(&format!("mx.ipv6.{TOP}"), &six, &certificate, &[]);
    let records = mx_records(&six, &[certificate.tlsa(3, 1, 1)]);
    world.zone(
        "ipv6",
        At::NsdV6,
        Some(Signing::default()),
        Ds::Right,
        format!("@ MX 10 mx\n{records}"),
    );

    // The certificate was renewed at one of them only.
    for (label, second_is_v6) in [("one-of-two", false), ("one-of-two-ipv6", true)] {
        let (old, new) = (world.certificate(label), world.certificate(label));
        let first = world.address();
        let second = if second_is_v6 {
            world.address_v6()
        } else {
            world.address()
        };
        let name = format!("mx.{label}.{TOP}");
        world.postfix(&name, &[first], &new, &[]);
        world.postfix(&name, &[second], &old, &[]);
        let records = mx_records(&[first, second], &[new.tlsa(3, 1, 1)]);
        world.secure(label, format!("@ MX 10 mx\n{records}"));
    }
}

fn hosts_and_their_records(world: &mut World) {
    let certificate = world.certificate("partial");
    let records = world.host(
        "partial",
        &certificate,
        &[certificate.tlsa(3, 1, 1), foreign()],
    );
    world.secure("partial", records);

    let certificate = world.certificate("mismatch");
    let records = world.host("mismatch", &certificate, &[foreign()]);
    world.secure("mismatch", records);

    // Usages 0 and 1 are unusable on port 25 (RFC 7672 section 3.1.3).
    let certificate = world.certificate("unusable");
    let records = world.host("unusable", &certificate, &[certificate.tlsa(1, 1, 1)]);
    world.secure("unusable", records);

    // SHA-512 is the stronger digest, and it is the stale one (RFC 7671 section 9).
    let certificate = world.certificate("agility");
    let stale = world.certificate("agility").tlsa(3, 1, 2);
    let records = world.host("agility", &certificate, &[certificate.tlsa(3, 1, 1), stale]);
    world.secure("agility", records);

    let name = format!("mx.two-keys.{TOP}");
    let of = |world: &World, rsa: bool| {
        let wanted = Wanted {
            rsa,
            expired: false,
        };
        world.authority.issue_as(&[&name], wanted)
    };
    let (rsa, ecdsa) = (of(world, true), of(world, false));
    let records = world.host("two-keys", &rsa.clone().and(&ecdsa), &[rsa.tlsa(3, 1, 1)]);
    world.secure("two-keys", records);

    let certificate = world.certificate("alias");
    let records = world.host("alias", &certificate, &[]);
    world.secure(
        "alias",
        format!(
            "{records}_25._tcp.mx CNAME tlsa\ntlsa TLSA {}\n",
            certificate.tlsa(3, 1, 1)
        ),
    );
}

fn certificates_of_usage_two(world: &mut World) {
    let rows: [(&str, (u8, u8, u8), bool); 4] = [
        ("anchor", (2, 1, 1), true),
        ("bare-key", (2, 1, 0), true),
        ("no-anchor-2-1-1", (2, 1, 1), false),
        ("no-anchor-2-0-0", (2, 0, 0), false),
    ];
    for (label, (usage, selector, matching), sent) in rows {
        let mut certificate = world.certificate(label);
        let tlsa = certificate.tlsa(usage, selector, matching);
        if !sent {
            certificate = certificate.without_anchor();
        }
        let records = world.host(label, &certificate, &[tlsa]);
        world.secure(label, records);
    }
    for (label, (usage, selector, matching), expired) in [
        ("expired-leaf-3-1-1", (3, 1, 1), true),
        ("expired-leaf-2-0-1", (2, 0, 1), true),
        ("wrong-name-3-1-1", (3, 1, 1), false),
        ("wrong-name-2-0-1", (2, 0, 1), false),
    ] {
        let name = if expired {
            format!("mx.{label}.{TOP}")
        } else {
            "somebody.else.example".to_owned()
        };
        let wanted = Wanted {
            rsa: false,
            expired,
        };
        let certificate = world.authority.issue_as(&[&name], wanted);
        let tlsa = certificate.tlsa(usage, selector, matching);
        let records = world.host(label, &certificate, &[tlsa]);
        world.secure(label, records);
    }
}

fn hosts_that_do_not_speak(world: &mut World) {
    const CLEAR: &[&str] = &["smtpd_tls_security_level=none"];
    let certificate = world.certificate("no-starttls");
    let tlsa = [certificate.tlsa(3, 1, 1)];
    let records = world.host_with("no-starttls", &certificate, &tlsa, CLEAR);
    world.secure("no-starttls", records);
    let certificate = world.certificate("plain");
    let records = world.host_with("plain", &certificate, &[], CLEAR);
    world.secure("plain", records);

    // OpenSSL 3 speaks TLS 1.0 at security level 0 only.
    let certificate = world.certificate("tls10");
    let tlsa = [certificate.tlsa(3, 1, 1)];
    let old = &[
        "smtpd_tls_protocols=>=TLSv1,<=TLSv1",
        "smtpd_tls_ciphers=medium",
        "tls_medium_cipherlist=ALL:@SECLEVEL=0",
    ];
    let records = world.host_with("tls10", &certificate, &tlsa, old);
    world.secure("tls10", records);

    for label in ["hang", "refuse"] {
        let certificate = world.certificate(label);
        let address = world.address();
        if label == "hang" {
            world.mute.push(address);
        }
        let records = mx_records(&[address], &[certificate.tlsa(3, 1, 1)]);
        world.secure(label, format!("@ MX 10 mx\n{records}"));
    }
}

fn ways_to_a_host(world: &mut World) {
    world.secure("null-mx", "@ MX 0 .\n".to_owned());

    let domain = format!("implicit.{TOP}");
    let certificate = world.authority.issue(&[&domain]);
    let address = world.address();
    world.postfix(&domain, &[address], &certificate, &[]);
    let tlsa = certificate.tlsa(3, 1, 1);
    world.secure("implicit", format!("@ A {address}\n_25._tcp TLSA {tlsa}\n"));

    // The MX names an alias, which it must not (RFC 2181 section 10.3) and does.
    let certificate = world.authority.issue(&[&format!("real.mx-alias.{TOP}")]);
    let address = world.address();
    world.postfix(
        &format!("real.mx-alias.{TOP}"),
        &[address],
        &certificate,
        &[],
    );
    world.secure(
        "mx-alias",
        format!(
            "@ MX 10 mx\nmx CNAME real\nreal A {address}\n_25._tcp.real TLSA {}\n",
            certificate.tlsa(3, 1, 1)
        ),
    );

    // Half DANE: the domain is unsigned, its host is secure.
    world.zone(
        "insecure-mx",
        At::Nsd,
        None,
        Ds::None,
        format!("@ MX 10 mx.match.{TOP}.\n"),
    );
    // The domain is signed, its host is not, and TLSA questions there are not understood: `*.mail.protection.outlook.com`.
    let certificate = world.certificate("legacy");
    let records = world.host("legacy", &certificate, &[]);
    let fault = Fault::Code(ResponseCode::NotImp);
    world.zone("legacy", At::Crooked(fault), None, Ds::None, records);
    world.secure("insecure-host", format!("@ MX 10 mx.legacy.{TOP}.\n"));

    // The preferred host is right, the other is not.
    let records = world.right("backup");
    let certificate = world.authority.issue(&[&format!("mx2.backup.{TOP}")]);
    let address = world.address();
    world.postfix(&format!("mx2.backup.{TOP}"), &[address], &certificate, &[]);
    world.secure(
        "backup",
        format!(
            "{records}@ MX 20 mx2\nmx2 A {address}\n_25._tcp.mx2 TLSA {}\n",
            foreign()
        ),
    );

    world.secure("no-address", "@ MX 10 mx\nmx TXT nobody\n".to_owned());
}
