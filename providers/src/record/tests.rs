use proptest::prelude::*;

use super::*;
use crate::Change;

fn name(text: &str) -> Name {
    text.parse().unwrap()
}

fn mx(preference: u16, host: &str) -> RecordData {
    RecordData::mx(preference, name(host))
}

#[test]
fn sets_that_serve_the_same_are_equal() {
    let set = |values: Vec<RecordData>| {
        Rrset::new(name("a.example"), RecordType::Mx, 60, values).unwrap()
    };
    let one = set(vec![
        mx(10, "B.example"),
        mx(0, "a.example"),
        mx(10, "b.example."),
    ]);
    assert_eq!(one, set(vec![mx(0, "A.EXAMPLE"), mx(10, "b.example")]));
    assert_eq!(one.values().len(), 2);
    assert_eq!(
        one.to_string(),
        "a.example. 60 IN MX 0 a.example.\na.example. 60 IN MX 10 b.example."
    );
}

#[test]
fn what_is_no_set_is_refused() {
    let owner = || name("a.example");
    let new =
        |rtype, ttl, values: Vec<RecordData>| Rrset::new(owner(), rtype, ttl, values).unwrap_err();
    assert!(matches!(
        new(RecordType::Mx, 60, vec![]),
        RecordError::Empty { .. }
    ));
    assert!(matches!(
        new(RecordType::Mx, 60, vec![RecordData::txt("x")]),
        RecordError::Mixed { .. }
    ));
    assert!(matches!(
        new(RecordType::Txt, TTL_MAX + 1, vec![RecordData::txt("x")]),
        RecordError::Ttl(_)
    ));
    let two = vec![
        RecordData::Cname(name("b.example")),
        RecordData::Cname(name("c.example")),
    ];
    assert!(matches!(
        new(RecordType::Cname, 60, two),
        RecordError::SeveralTargets(_)
    ));
}

#[test]
fn a_host_without_its_final_dot_is_refused() {
    for (rtype, text) in [
        (RecordType::Mx, "10 mx.example"),
        (RecordType::Mx, "mx.example."),
        (RecordType::Mx, "65536 mx.example."),
        (RecordType::Cname, "host.example"),
        (RecordType::Txt, "bare"),
        (RecordType::Mx, "0 a.example. b"),
    ] {
        assert!(RecordData::parse(rtype, text).is_err(), "{text}");
    }
    assert_eq!(
        RecordData::parse(RecordType::Mx, "0 .").unwrap(),
        RecordData::mx(0, Name::root())
    );
}

#[test]
fn a_change_holds_together() {
    let set = |owner: &str, ttl| {
        Rrset::new(name(owner), RecordType::Mx, ttl, [mx(0, "m.example")]).unwrap()
    };
    assert!(Change::new(name("a.example"), RecordType::Mx, None, None).is_err());
    assert!(Change::replace(set("a.example", 60), set("b.example", 60)).is_err());
    assert!(
        Change::new(
            name("a.example"),
            RecordType::Txt,
            Some(set("a.example", 60)),
            None
        )
        .is_err()
    );
    let change = Change::replace(set("a.example", 60), set("a.example", 30)).unwrap();
    assert_eq!(change.inverse().inverse(), change);
    assert_eq!(
        Change::create(set("a.example", 60)).inverse(),
        Change::delete(set("a.example", 60))
    );
    let json = serde_json::to_value(&change).unwrap();
    assert_eq!(json["before"]["values"][0], "0 m.example.");
    assert_eq!(
        serde_json::from_value::<Change>(json.clone()).unwrap(),
        change
    );
    // A stored change that was tampered with is no change.
    let mut bent = json;
    bent["after"]["name"] = "b.example".into();
    assert!(serde_json::from_value::<Change>(bent).is_err());
}

proptest! {
    #[test]
    fn a_stored_set_comes_back(set in crate::arbitrary::rrset()) {
        let json = serde_json::to_string(&set).unwrap();
        prop_assert_eq!(serde_json::from_str::<Rrset>(&json).unwrap(), set);
    }

    #[test]
    fn reading_never_panics(text in ".*") {
        for rtype in [RecordType::Mx, RecordType::Txt, RecordType::Cname] {
            let _ = RecordData::parse(rtype, &text);
        }
    }
}
