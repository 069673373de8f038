use super::*;
use crate::kernel::MxSet;
use crate::step::WaitFor;
use crate::world::{Instructions, MxRrset};

fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

fn now() -> Timestamp {
    at("2026-11-21T21:00:00Z")
}

fn wait() -> Pending {
    Pending::Wait(Wait {
        kind: WaitFor::Expiry,
        until: Some(at("2026-11-21T21:05:10Z")),
        why: vec!["caches may hold MX until 2026-11-21T21:05:09.5Z: ns1 served it".to_owned()],
        sooner: "nothing".to_owned(),
    })
}

fn gate() -> Pending {
    Pending::Ask(Question::Approve {
        gate: "swap".to_owned(),
        about: "Prefer the new host.".to_owned(),
        effect: "change MX".to_owned(),
    })
}

#[test]
fn a_wait_says_until_when_because_of_what_and_what_ends_it_sooner() {
    let page = in_full("contoso.com", "add-mx", &wait(), now()).plain();
    assert!(
        page.contains("add-mx waits until 2026-11-21 21:05:10 UTC (in 5 min 10 s)"),
        "{page}"
    );
    assert!(
        page.contains("because: caches may hold MX until 2026-11-21 21:05:10 UTC: ns1 served it"),
        "{page}"
    );
    assert!(page.contains("sooner by: nothing"), "{page}");
}

#[test]
fn an_open_gate_says_how_to_answer_it() {
    let page = in_full("contoso.com", "swap-mx", &gate(), now()).plain();
    assert!(page.contains("rollout approve contoso.com swap"), "{page}");
    assert!(page.contains("effect: change MX"), "{page}");
}

#[test]
fn instructions_are_lines_to_copy() {
    let pending = Pending::Ask(Question::ByHand {
        instructions: Instructions {
            summary: "Run this.".to_owned(),
            lines: vec!["One -Two\nThree\u{1b}[2J".to_owned()],
            answer: None,
            effects: vec![],
        },
    });
    let page = in_full("contoso.com", "enable-dnssec", &pending, now()).plain();
    assert!(
        page.contains("      One -Two\n      Three\\u{1b}[2J\n"),
        "{page}"
    );
}

#[test]
fn an_ending_says_when_and_how_to_come_back() {
    let pending = BTreeMap::from([
        ("add-mx".to_owned(), wait()),
        ("swap-mx".to_owned(), gate()),
    ]);
    let not_yet = Ending::NotYet {
        pending: pending.clone(),
        wake: Some(at("2026-11-21T21:05:10Z")),
    };
    for full in [false, true] {
        let page = ending("contoso.com", Path::new("/d.yml"), &not_yet, now(), full).plain();
        assert!(
            page.contains("Come back in 5 min 10 s (2026-11-21 21:05:10 UTC"),
            "{page}"
        );
        assert!(page.contains("rollout apply /d.yml"), "{page}");
        assert!(page.contains("rollout approve contoso.com swap"), "{page}");
        assert!(page.contains("ns1 served it"), "{page}");
    }
    let only_people = Ending::NotYet {
        pending,
        wake: None,
    };
    let page = ending(
        "contoso.com",
        Path::new("/d.yml"),
        &only_people,
        now(),
        false,
    )
    .plain();
    assert!(
        page.contains("Come back when a person has answered"),
        "{page}"
    );
}

#[test]
fn the_way_back_is_the_record_set_as_it_was_found() {
    let memory = Memory {
        original: Some(MxRrset {
            set: MxSet::new([(10, "mail.contoso.com")]),
            ttl: 3600,
        }),
        ..Memory::default()
    };
    let page = way_back("contoso.com", &memory).plain();
    assert!(
        page.contains("contoso.com. 3600 IN MX 10 mail.contoso.com."),
        "{page}"
    );
}

#[test]
fn findings_show_what_why_and_mend_and_never_escape_sequences() {
    let found = Finding::blocker("x.y", "bad \u{1b}[31mtext", "it matters", "mend it so");
    let page = finding(2, &found).plain();
    assert_eq!(
        page,
        "  blocked: bad \\u{1b}[31mtext [x.y]\n    why it matters: it matters\n    to mend it: mend it so\n"
    );
}
