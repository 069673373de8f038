//! Exchange Online's two cmdlets: S5, S6, S7.

use super::*;
use crate::kernel::Host;
use crate::world::{Chain, FeatureState, SmtpOutcome, TlsaFacts};

fn enabled() -> Case {
    Case::new(&Start {
        ttl: 60,
        signed: true,
        delegated: true,
        dnssec: true,
        ..Start::mx(&[(0, NEW)])
    })
}

fn new_host(case: &mut Case) -> &mut crate::world::HostFacts {
    match case.facts.hosts.get_mut(&Host::new(NEW)) {
        Some(Fact::Known { value, .. }) => value,
        other => panic!("{other:?}"),
    }
}

#[test]
fn the_host_is_read_from_the_answer_and_never_built() {
    let case = Case::new(&Start::default());
    assert_eq!(acts(&case.next(Goal::EnableDnssec)), &Action::EnableDnssec);
    let mut case = case;
    let named = Outcome::Done {
        note: String::new(),
        mx_host: Some(Host::new("contoso-com.q-v9.mx.microsoft")),
    };
    case.record(&Action::EnableDnssec, &named);
    assert_eq!(
        case.memory.new_host,
        Some(Host::new("contoso-com.q-v9.mx.microsoft"))
    );
    is_done(&case.next(Goal::EnableDnssec));

    // Enabled, but nothing names the host, or what is named lies elsewhere: could not tell.
    for named in [None, Some(Host::new("mx.microsoft.example"))] {
        let mut case = Case::new(&Start::default());
        if let Fact::Known { value, .. } = &mut case.facts.exchange {
            value.dnssec = FeatureState::Enabled;
            value.expected_mx = named;
        }
        case.absorb();
        let finding = blocked_by(&case.next(Goal::EnableDnssec), "exchange.mx-host");
        assert_eq!(finding.severity, Severity::CouldNotTell);
    }
}

#[test]
fn s7_exchange_online_unreachable_is_no_answer_and_a_refusal_is_one() {
    for goal in [Goal::EnableDnssec, Goal::EnableDane] {
        let mut case = if goal == Goal::EnableDane {
            enabled()
        } else {
            Case::new(&Start::default())
        };
        case.facts.exchange = could_not_tell();
        assert_eq!(
            blocked_by(&case.next(goal), "exchange.unreachable").severity,
            Severity::CouldNotTell
        );
        case.facts.exchange = Fact::Refused {
            why: "the role is missing".into(),
            at: at(0),
        };
        assert_eq!(
            blocked_by(&case.next(goal), "exchange.refused").severity,
            Severity::Blocker
        );
    }
}

#[test]
fn the_cmdlets_can_be_run_by_hand() {
    for goal in [Goal::EnableDnssec, Goal::EnableDane] {
        let mut case = if goal == Goal::EnableDane {
            enabled()
        } else {
            Case::new(&Start::default())
        };
        let action = acts(&case.next(goal)).clone();
        case.record(&action, &by_hand());
        assert!(matches!(
            case.next(goal),
            Next::Ask(Question::ByHand { .. })
        ));
    }
}

#[test]
fn s5_inbound_dane_only_when_the_host_is_secure_and_its_tls_proven_on_every_address() {
    assert_eq!(acts(&enabled().next(Goal::EnableDane)), &Action::EnableDane);

    type Spoil = fn(&mut crate::world::HostFacts);
    let table: &[(&str, Spoil)] = &[
        ("insecure", |h| h.chain = Chain::Insecure),
        ("bogus", |h| {
            h.chain = Chain::Bogus {
                why: "expired".into(),
            }
        }),
        ("no address", |h| h.addresses.clear()),
        ("no name", |h| h.exists = false),
        ("never probed", |h| h.probed_at = None),
        ("one address without STARTTLS", |h| {
            second(
                h,
                SmtpOutcome::NoTls {
                    why: "not offered".into(),
                },
            )
        }),
        ("one address rejects", |h| {
            second(
                h,
                SmtpOutcome::Rejected {
                    reply: "550".into(),
                },
            )
        }),
        ("one address defers", |h| {
            second(
                h,
                SmtpOutcome::Deferred {
                    reply: "451".into(),
                },
            )
        }),
        ("one address is closed", |h| second(h, SmtpOutcome::Closed)),
        ("one address could not be reached", |h| {
            second(
                h,
                SmtpOutcome::Unreached {
                    why: "no answer in time".into(),
                },
            )
        }),
        ("the TLSA lookup fails", |h| {
            h.tlsa = TlsaFacts::Failed {
                why: "SERVFAIL".into(),
            }
        }),
    ];
    for (what, spoil) in table {
        let mut case = enabled();
        spoil(new_host(&mut case));
        for goal in [Goal::EnableDane, Goal::ProveHost] {
            let next = case.next(goal);
            assert!(
                matches!(next, Next::Wait(_) | Next::Blocked(_)),
                "{what}: {next:?}"
            );
            if matches!(next, Next::Wait(_)) {
                waits_naming(&next, WaitFor::Service, &[NEW]);
            }
        }
    }
    let mut case = enabled();
    case.facts.hosts.insert(Host::new(NEW), could_not_tell());
    blocked_by(&case.next(Goal::EnableDane), "host.unproven");
    case.facts.hosts.clear();
    assert!(matches!(case.next(Goal::EnableDane), Next::Wait(_)));
}

fn second(host: &mut crate::world::HostFacts, smtp: SmtpOutcome) {
    host.addresses.push(crate::world::AddressFacts {
        address: "192.0.2.26".into(),
        smtp,
        tlsa_matches: None,
    });
}

#[test]
fn s7_a_blocked_port_is_accepted_only_where_the_domain_file_says_so() {
    let mut case = enabled();
    new_host(&mut case).addresses[0].smtp = SmtpOutcome::Unreached {
        why: "no answer in time".into(),
    };
    blocked_by(&case.next(Goal::ProveHost), "host.unproven");
    case.setup.probe_required = false;
    let Next::Done(how) = case.next(Goal::ProveHost) else {
        panic!()
    };
    assert!(
        how.contains("smtp.probe: advisory"),
        "the override is named: {how}"
    );
}

#[test]
fn dane_that_is_on_is_done() {
    let mut case = enabled();
    if let Fact::Known { value, .. } = &mut case.facts.exchange {
        value.dane = FeatureState::Enabled;
    }
    is_done(&case.next(Goal::EnableDane));
    let mut case = enabled();
    new_host(&mut case).tlsa = records();
    is_done(&case.next(Goal::EnableDane));
}

#[test]
fn tlsa_records_are_waited_for_proven_and_never_assumed() {
    let mut case = enabled();
    waits_naming(
        &case.next(Goal::VerifyTlsa),
        WaitFor::Service,
        &[NEW, "TLSA", "Microsoft"],
    );
    new_host(&mut case).tlsa = records();
    new_host(&mut case).addresses[0].tlsa_matches = Some(true);
    is_done(&case.next(Goal::VerifyTlsa));
    new_host(&mut case).addresses[0].tlsa_matches = Some(false);
    assert_eq!(
        blocked_by(&case.next(Goal::VerifyTlsa), "tlsa.mismatch").severity,
        Severity::Blocker
    );
    new_host(&mut case).addresses[0].tlsa_matches = None;
    new_host(&mut case).tlsa = TlsaFacts::Failed {
        why: "SERVFAIL".into(),
    };
    assert_eq!(
        blocked_by(&case.next(Goal::VerifyTlsa), "tlsa.lookup").severity,
        Severity::CouldNotTell
    );
    new_host(&mut case).tlsa = TlsaFacts::NotAsked;
    blocked_by(&case.next(Goal::VerifyTlsa), "host.insecure");
    case.facts.hosts.insert(Host::new(NEW), could_not_tell());
    blocked_by(&case.next(Goal::VerifyTlsa), "host.unproven");
}

/// S6: no step, no decision and no world can come to the cmdlet that may take away a host that caches
/// still name. It is reachable by a person's own words alone.
#[test]
fn s6_disabling_dnssec_is_no_action() {
    // Every action there is, by a match that does not compile when one is added unseen.
    let harmless = |action: &Action| match action {
        Action::WriteMx { .. }
        | Action::WritePolicy { .. }
        | Action::WriteTxt { .. }
        | Action::SignZone
        | Action::PublishDs { .. }
        | Action::WithdrawDs { .. }
        | Action::UnsignZone
        | Action::EnableDnssec
        | Action::EnableDane
        | Action::DisableDane => !action.to_string().contains("Disable-Dnssec"),
    };
    let mx = rrset(&[(0, LEGACY)], 60);
    for action in [
        Action::WriteMx {
            before: mx.clone(),
            after: mx,
        },
        Action::SignZone,
        Action::PublishDs { ds: vec![] },
        Action::WithdrawDs { ds: vec![] },
        Action::UnsignZone,
        Action::DisableDane,
        Action::EnableDnssec,
        Action::EnableDane,
    ] {
        assert!(harmless(&action), "{action}");
    }
    fn sources(directory: &std::path::Path, found: &mut Vec<std::path::PathBuf>) {
        for entry in std::fs::read_dir(directory).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                sources(&path, found);
            } else if path.extension().is_some_and(|e| e == "rs") {
                found.push(path);
            }
        }
    }
    let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut files = Vec::new();
    for part in ["step", "engine", "kernel", "world", "playbook"] {
        sources(&root.join(part), &mut files);
    }
    assert!(files.len() > 40, "the sources are where they were");
    for file in files {
        if file.components().any(|c| c.as_os_str() == "tests") {
            continue;
        }
        let text = std::fs::read_to_string(&file).unwrap().to_lowercase();
        for word in ["disable-dnssec", "disable_dnssec", "disablednssec"] {
            assert!(!text.contains(word), "{word} in {}", file.display());
        }
    }
}
