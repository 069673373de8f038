//! Record sets for property tests: null MX, internationalised names, TXT of any octets and any length.

use proptest::{collection::vec, prelude::*};

use crate::{Name, RecordData, RecordType, Rrset};

fn name() -> impl Strategy<Value = Name> {
    let label = prop_oneof![
        "[a-z0-9]([a-z0-9-]{0,20}[a-z0-9])?",
        "_[a-z0-9]{1,12}",
        Just("bücher".to_owned()),
        Just("点看".to_owned()),
    ];
    vec(label, 1..4)
        .prop_map(|labels| labels.join("."))
        .prop_filter_map("IDNA", |text| Name::parse(&text).ok())
}

fn exchange() -> impl Strategy<Value = Name> {
    prop_oneof![9 => name(), 1 => Just(Name::root())]
}

fn text() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![
        vec(any::<u8>(), 0..700),
        "[ -~]{0,600}".prop_map(String::into_bytes),
        "[\"\\\\;' 0-9]{0,40}".prop_map(String::into_bytes),
        Just(b"v=spf1 include:spf.example -all".to_vec()),
        Just(b"MS=ms12345678".to_vec()),
    ]
}

pub(crate) fn rrset() -> impl Strategy<Value = Rrset> {
    let values = prop_oneof![
        vec(
            (any::<u16>(), exchange())
                .prop_map(|(preference, host)| RecordData::mx(preference, host)),
            1..5
        ),
        vec(text().prop_map(RecordData::Txt), 1..5),
        name().prop_map(|target| vec![RecordData::Cname(target)]),
    ];
    (name(), 60_u32..86_400, values).prop_map(|(owner, ttl, values)| {
        let rtype: RecordType = values[0].rtype();
        Rrset::new(owner, rtype, ttl, values).unwrap()
    })
}
