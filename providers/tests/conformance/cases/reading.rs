//! Rules 1, 2 and 9: what is found is what is there.

use std::time::Duration;

use rollout_providers::{Change, Kind, Outcome, RecordData, RecordType, Rrset, Writes};

use crate::bed::{APEX, Bed, IDN, Subject, cname, mx, name, open, txt};

pub async fn rule_1_the_apex_is_matched_exactly(bed: &dyn Bed) {
    let (provider, counter) = open(bed, bed.fields(bed.address()), Duration::from_secs(10));
    assert_eq!(
        provider.zone(&name("Example.TEST.")).await.unwrap().apex,
        name(APEX)
    );
    // Its parent, a name in it, one below that, names that end or begin alike.
    for other in [
        "test",
        "other.example.test",
        "a.other.example.test",
        "xample.test",
        "example.tes",
        "example.test.test",
    ] {
        let error = provider.zone(&name(other)).await.unwrap_err();
        assert_eq!(error.kind, Kind::NotFound, "{other}: {error}");
    }
    assert_eq!(counter.writes(), 0);
}

pub async fn rule_1_the_zone_says_how_it_can_be_written(bed: &dyn Bed) {
    let Subject { zone, provider, .. } = Subject::of(bed).await;
    assert_eq!(zone.nameservers.is_empty(), !bed.tells_nameservers());
    assert!(zone.ttl.contains(&900) && !zone.ttl.is_empty());
    assert_eq!(zone.writes, provider.info().capabilities.writes);
    assert!(!zone.id.is_empty(), "{zone:?}");
    assert_eq!(zone.hands_over, bed.hands_over());
    assert!(zone.notes.is_empty(), "{zone:?}");
    assert_ne!(zone.writes, Writes::ByHand);
    assert_eq!(provider.info().slug, bed.slug());
}

pub async fn rule_2_what_is_absent_is_none(bed: &dyn Bed) {
    let subject = Subject::of(bed).await;
    // No such name; the name but not the type; a name that only has names below it.
    assert_eq!(
        subject.read("nothing.example.test", RecordType::Mx).await,
        None
    );
    assert_eq!(
        subject.read("www.example.test", RecordType::Txt).await,
        None
    );
    assert_eq!(
        subject.read("name.example.test", RecordType::Mx).await,
        None
    );
    assert_eq!(subject.read(APEX, RecordType::Cname).await, None);
    // An alias answers for every type, but it is no MX of that name.
    bed.foreign(
        APEX,
        &name("alias.example.test"),
        RecordType::Cname,
        Some(cname("alias.example.test", 900, "other.example.test")),
    )
    .await;
    assert_eq!(
        subject.read("alias.example.test", RecordType::Mx).await,
        None
    );
    assert_eq!(
        subject.read("alias.example.test", RecordType::Cname).await,
        Some(cname("alias.example.test", 900, "other.example.test"))
    );
    assert_eq!(subject.counter.writes(), 0);
}

pub async fn rule_2_values_are_canonical(bed: &dyn Bed) {
    let subject = Subject::of(bed).await;
    assert_eq!(
        subject.read(APEX, RecordType::Mx).await,
        Some(mx(APEX, 3600, &[(0, "old.mail.example")]))
    );
    let spf = txt(
        APEX,
        3600,
        &[b"v=spf1 include:spf.example -all", b"MS=ms12345678"],
    );
    assert_eq!(
        subject.read("EXAMPLE.test", RecordType::Txt).await,
        Some(spf)
    );
    // More than fit one page of a small page size, given out of order.
    let many: Vec<_> = (0..9_u16)
        .rev()
        .map(|n| (n % 3 * 10, format!("mx{n}.mail.example")))
        .collect();
    let many: Vec<_> = many
        .iter()
        .map(|(preference, host)| (*preference, host.as_str()))
        .collect();
    let set = mx("many.example.test", 600, &many);
    bed.foreign(
        APEX,
        &name("many.example.test"),
        RecordType::Mx,
        Some(set.clone()),
    )
    .await;
    assert_eq!(
        subject.read("many.example.test", RecordType::Mx).await,
        Some(set)
    );
}

pub async fn rule_2_a_wildcard_is_no_record_set(bed: &dyn Bed) {
    let subject = Subject::of(bed).await;
    let star = txt("*.example.test", 900, &[b"v=spf1 -all"]);
    bed.foreign(APEX, star.name(), RecordType::Txt, Some(star.clone()))
        .await;
    assert_eq!(
        subject.read("*.example.test", RecordType::Txt).await,
        Some(star)
    );
    // Served there, but not there to be changed.
    assert_eq!(
        subject.read("_mta-sts.example.test", RecordType::Txt).await,
        None
    );
    let own = txt("_mta-sts.example.test", 900, &[b"v=STSv1; id=1"]);
    let outcome = subject
        .provider
        .write(&subject.zone, &Change::create(own.clone()))
        .await
        .unwrap();
    assert_eq!(outcome, Outcome::Done);
    assert_eq!(
        bed.truth(own.name(), RecordType::Txt).await,
        Some(own.clone())
    );
    // Beside a wildcard, what is really there is still seen.
    assert_eq!(
        subject.read("_mta-sts.example.test", RecordType::Txt).await,
        Some(own)
    );
}

pub async fn rule_9_every_value_survives(bed: &dyn Bed) {
    let subject = Subject::of(bed).await;
    let null = Rrset::new(
        name("null.example.test"),
        RecordType::Mx,
        900,
        [RecordData::mx(0, name("."))],
    )
    .unwrap();
    let long = [
        r#"v=DKIM1; k=rsa; p="quoted" \ back\slash; "#,
        &"A1+/".repeat(160),
    ]
    .concat();
    let sets = [
        null,
        mx(
            "idn.example.test",
            900,
            &[
                (10, "mx.bücher.test"),
                (10, "www.example.test"),
                (65535, "last.example"),
            ],
        ),
        txt("long.example.test", 900, &[long.as_bytes()]),
        txt(
            "exact.example.test",
            900,
            &[&[b'x'; 255], &[b'y'; 256], &[b'z'; 510]],
        ),
        txt(
            "odd.example.test",
            900,
            &[
                b"",
                b" ",
                b"\"",
                b"\\",
                b";",
                b"a\"b\\c;d",
                b"\\059",
                "ü€".as_bytes(),
                &[0, 7, 27, 127, 128, 255],
            ],
        ),
        txt("spf.example.test", 900, &[b"v=spf1 -all", b"MS=ms87654321"]),
        cname("mta-sts.example.test", 900, "mta-sts.bücher.test"),
        txt(
            "_mta-sts.example.test",
            900,
            &[b"v=STSv1; id=20261121T210000;"],
        ),
    ];
    let (sets, impossible): (Vec<_>, Vec<_>) = sets.into_iter().partition(|set| bed.holds(set));
    for set in &impossible {
        // What the vendor cannot hold is refused with a reason, and nothing comes of it.
        let change = Change::create(set.clone());
        let error = subject
            .provider
            .write(&subject.zone, &change)
            .await
            .unwrap_err();
        assert_eq!(error.kind, Kind::Rejected, "{set}: {error}");
        assert_eq!(bed.truth(set.name(), set.rtype()).await, None, "{set}");
    }
    for set in &sets {
        let outcome = subject
            .provider
            .write(&subject.zone, &Change::create(set.clone()))
            .await;
        assert_eq!(outcome, Ok(Outcome::Done), "{set}");
        assert_eq!(
            bed.truth(set.name(), set.rtype()).await.as_ref(),
            Some(set),
            "{set}"
        );
        assert_eq!(
            subject
                .provider
                .read(&subject.zone, set.name(), set.rtype())
                .await
                .unwrap()
                .as_ref(),
            Some(set)
        );
    }
    for set in sets {
        let (owner, rtype) = (set.name().clone(), set.rtype());
        assert_eq!(
            subject
                .provider
                .write(&subject.zone, &Change::delete(set))
                .await,
            Ok(Outcome::Done)
        );
        assert_eq!(bed.truth(&owner, rtype).await, None);
    }
}

pub async fn rule_9_an_internationalised_apex_works(bed: &dyn Bed) {
    let (provider, _) = open(bed, bed.fields(bed.address()), Duration::from_secs(10));
    let zone = provider.zone(&name("Bücher.test")).await.unwrap();
    assert_eq!(zone.apex, name(IDN));
    let before = provider
        .read(&zone, &zone.apex, RecordType::Mx)
        .await
        .unwrap()
        .unwrap();
    let after = mx(IDN, 900, &[(0, "bücher-test.x-v1.mx.example")]);
    let outcome = provider
        .write(&zone, &Change::replace(before, after.clone()).unwrap())
        .await
        .unwrap();
    assert_eq!(outcome, Outcome::Done);
    assert_eq!(bed.truth(&zone.apex, RecordType::Mx).await, Some(after));
}

pub async fn the_largest_ttl_is_found_where_it_can_be_listed(bed: &dyn Bed) {
    let subject = Subject::of(bed).await;
    // More records than one message of a transfer or one page holds.
    for number in 0..12 {
        let owner = format!("n{number}.example.test");
        bed.foreign(
            APEX,
            &name(&owner),
            RecordType::Txt,
            Some(txt(&owner, 600, &[b"one of many"])),
        )
        .await;
    }
    // The last of all, in whatever order: by name, by age.
    let long = txt("zz.example.test", 86_400, &[b"kept for a day"]);
    bed.foreign(APEX, long.name(), RecordType::Txt, Some(long.clone()))
        .await;
    let largest = subject.provider.largest_ttl(&subject.zone).await.unwrap();
    assert_eq!(largest, bed.lists().then_some(86_400));
    assert_eq!(subject.counter.writes(), 0);
}
