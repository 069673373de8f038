//! What is read, and what is refused and why.

use super::*;

#[test]
fn the_example_of_the_rfc_plain_and_gzipped() {
    let read_plain = read(RFC.as_bytes()).unwrap();
    assert_eq!(read(&gzip(RFC.as_bytes())).unwrap(), read_plain);
    let (first, second) = RFC.as_bytes().split_at(100);
    let in_two = [gzip(first), gzip(second)].concat();
    assert_eq!(read(&in_two).unwrap(), read_plain);
    assert_eq!(read_plain.organization, "Company-X");
    assert_eq!(read_plain.from.to_string(), "2016-04-01T00:00:00Z");
    let [policy] = read_plain.policies.as_slice() else {
        panic!()
    };
    assert_eq!(policy.domain, "company-y.example");
    assert_eq!(policy.kind, PolicyKind::StsTesting);
    assert_eq!((policy.successful, policy.failed), (5326, 303));
    let shown: Vec<_> = policy
        .details
        .iter()
        .map(|d| (d.result.as_str(), d.receiving_mx.as_str(), d.sessions))
        .collect();
    assert_eq!(
        shown,
        [
            ("certificate-expired", "mx1.mail.company-y.example", 100),
            ("starttls-not-supported", "mx2.mail.company-y.example", 200),
            ("validation-failure", "mx-backup.mail.company-y.example", 3),
        ]
    );
    assert_eq!(
        policy.details[2].reason,
        "X509_V_ERR_PROXY_PATH_LENGTH_EXCEEDED"
    );
}

#[test]
fn what_senders_write_otherwise_is_read_as_well() {
    let change = |from: &str, to: &str| {
        assert!(RFC.contains(from), "{from}");
        read(RFC.replacen(from, to, 1).as_bytes()).unwrap()
    };
    assert_eq!(
        change(r#""organization-name": "Company-X","#, "").organization,
        ""
    );
    assert_eq!(
        change("2016-04-01T00:00:00Z", "2016-04-01T02:00:00+02:00")
            .from
            .to_string(),
        "2016-04-01T00:00:00Z"
    );
    assert_eq!(
        change(
            "company-y.example\",\n      \"mx-host",
            "Company-Y.Example.\",\n      \"mx-host"
        )
        .policies[0]
            .domain,
        "company-y.example"
    );
    let one =
        r#"["version: STSv1","mode: testing", "mx: *.mail.company-y.example","max_age: 86400"]"#;
    for (strings, kind) in [
        (
            r#""version: STSv1\nmode: enforce\n""#,
            PolicyKind::StsEnforce,
        ),
        (
            r#""version: STSv1\r\nmode: testing\r\n""#,
            PolicyKind::StsTesting,
        ),
        (r#"["mode:none"]"#, PolicyKind::StsTesting),
        ("null", PolicyKind::StsEnforce),
        ("[]", PolicyKind::StsEnforce),
    ] {
        assert_eq!(change(one, strings).policies[0].kind, kind, "{strings}");
    }
    for (kind, wanted) in [
        ("tlsa", PolicyKind::Tlsa),
        ("no-policy-found", PolicyKind::NoPolicyFound),
        ("tea", PolicyKind::Other),
    ] {
        let read = change(
            r#""policy-type": "sts""#,
            &format!(r#""policy-type": "{kind}""#),
        );
        assert_eq!(read.policies[0].kind, wanted);
    }
    assert_eq!(
        change("certificate-expired", "mercury-retrograde").policies[0].details[0]
            .result
            .as_str(),
        "mercury-retrograde"
    );
    // Members that are not known, and no details.
    let bare = report("1", "tlsa", (3, 0), &[]);
    for text in [
        bare.replacen(
            r#""failure-details":[]"#,
            r#""failure-details":null,"x":{"y":[1]}"#,
            1,
        ),
        bare.replacen(r#","failure-details":[]"#, "", 1),
        format!("\u{feff}{bare}\n"),
    ] {
        assert_eq!(read(text.as_bytes()).unwrap().policies[0].details, []);
    }
    let by_address =
        r#"{"result-type":"tlsa-invalid","receiving-ip":"192.0.2.1","failed-session-count":1}"#;
    let text = bare.replacen(
        r#""failure-details":[]"#,
        &format!(r#""failure-details":[{by_address}]"#),
        1,
    );
    let detail = &read(text.as_bytes()).unwrap().policies[0].details[0];
    assert_eq!(
        (detail.receiving_mx.as_str(), detail.sending_mta.as_str()),
        ("192.0.2.1", "")
    );
}

#[test]
fn what_is_no_report_is_refused_with_the_reason() {
    let change = |from: &str, to: &str| {
        assert!(RFC.contains(from), "{from}");
        RFC.replacen(from, to, 1).into_bytes()
    };
    let rows: Vec<(&str, Vec<u8>, &str)> = vec![
        ("nothing", vec![], "it is empty"),
        ("blank", b" \n".to_vec(), "it is empty"),
        (
            "an archive",
            b"PK\x03\x04....".to_vec(),
            "ZIP archive; unpack it",
        ),
        (
            "a mail",
            b"Received: from mx\r\n".to_vec(),
            "a mail; save the report",
        ),
        (
            "text",
            b"hello".to_vec(),
            "no report by RFC 8460: it is no JSON object",
        ),
        ("another JSON", b"{}".to_vec(), "missing field"),
        ("a list", b"[1]".to_vec(), "it is no JSON object"),
        (
            "cut short",
            RFC.as_bytes()[..500].to_vec(),
            "EOF while parsing",
        ),
        (
            "two",
            [RFC, RFC].concat().into_bytes(),
            "trailing characters",
        ),
        (
            "gzip cut short",
            {
                let mut all = gzip(RFC.as_bytes());
                all.truncate(90);
                all
            },
            "cannot be unpacked",
        ),
        ("gzip of nothing", gzip(b""), "it is empty"),
        ("no gzip", b"\x1f\x8bnot".to_vec(), "cannot be unpacked"),
        (
            "no date",
            change("2016-04-01T00:00:00Z", "yesterday"),
            "no report by RFC 8460",
        ),
        (
            "a date without a zone",
            change("2016-04-01T00:00:00Z", "2016-04-01T00:00:00"),
            "no report by RFC 8460",
        ),
        (
            "backwards",
            change("2016-04-01T00:00:00Z", "2016-04-03T00:00:00Z"),
            "ends before it begins",
        ),
        ("negative", change("5326", "-1"), "invalid value"),
        ("a fraction", change("5326", "1.5"), "invalid type"),
        (
            "too many",
            change("5326", "99999999999999999999"),
            "invalid",
        ),
        (
            "a number in a text",
            change("5326", "\"5326\""),
            "invalid type",
        ),
        (
            "no domain",
            change("\"company-y.example\"", "\"not a domain\""),
            "policy-domain `not a domain`",
        ),
        (
            "hostile domain",
            change("\"company-y.example\"", "\"\\u001b[2J\""),
            "\\u{1b}[2J",
        ),
        (
            "no policies",
            change("\"policies\"", "\"polices\""),
            "missing field `policies`",
        ),
        (
            "no id",
            change("\"report-id\"", "\"id\""),
            "missing field `report-id`",
        ),
        (
            "twice",
            change("\"contact-info\"", "\"report-id\""),
            "duplicate field",
        ),
        (
            "deep",
            [b"{\"x\":".to_vec(), b"[".repeat(100_000)].concat(),
            "EOF while parsing",
        ),
        (
            "deep where it is read",
            change(
                "\"policy-string\": [",
                &format!("\"policy-string\": {}", "[".repeat(100_000)),
            ),
            "recursion limit",
        ),
    ];
    for (what, bytes, wanted) in rows {
        let error = read(&bytes).expect_err(what).to_string();
        assert!(error.contains(wanted), "{what}: {error}");
        crate::fuzz::assert_clean(&error);
    }
}

/// A few kilobytes that would be gigabytes.
#[test]
fn what_unpacks_to_more_than_a_report_can_be_is_refused_on_the_way() {
    let much = vec![b' '; usize::try_from(LARGEST_REPORT).unwrap() + 1];
    let bomb = gzip(&much);
    assert!(bomb.len() < 100_000, "{}", bomb.len());
    assert_eq!(read(&bomb), Err(ReportError::TooLarge));
    // Many members are one file as well.
    let half = gzip(&much[..much.len() / 2 + 1]);
    assert_eq!(
        read(&[half.clone(), half].concat()),
        Err(ReportError::TooLarge)
    );
    let just = [RFC.as_bytes(), &much[..much.len() - 1 - RFC.len()]].concat();
    assert!(read(&gzip(&just)).is_ok());
}

#[test]
fn reports_are_merged_by_domain_sender_reason_and_host_and_each_counts_once() {
    let texts = [
        report(
            "1",
            "tlsa",
            (90, 10),
            &[
                ("tlsa-invalid", "198.51.100.1", "mx1.contoso.com", 4),
                ("tlsa-invalid", "198.51.100.2", "MX1.contoso.com.", 6),
            ],
        ),
        report(
            "2",
            "tlsa",
            (50, 7),
            &[("tlsa-invalid", "198.51.100.1", "mx1.contoso.com", 5)],
        ),
        report(
            "1",
            "tlsa",
            (90, 10),
            &[("tlsa-invalid", "198.51.100.1", "mx1.contoso.com", 4)],
        ),
        report("3", "no-policy-found", (8, 0), &[]),
        RFC.to_owned(),
    ];
    let summary = summary(&texts);
    assert_eq!((summary.reports, summary.repeated), (4, 1));
    assert_eq!(summary.domains.len(), 2);
    let domain = &summary.domains["contoso.com"];
    assert_eq!(
        domain.sessions(),
        Sessions {
            successful: 148,
            failed: 17
        }
    );
    assert_eq!(
        domain.policies[&PolicyKind::Tlsa],
        Sessions {
            successful: 140,
            failed: 17
        }
    );
    let failures: Vec<_> = domain
        .failures
        .iter()
        .map(|(key, failure)| {
            (
                key.sending_mta.as_str(),
                key.receiving_mx.as_str(),
                failure.sessions,
            )
        })
        .collect();
    assert_eq!(
        failures,
        [
            ("198.51.100.1", "mx1.contoso.com", 9),
            ("198.51.100.2", "mx1.contoso.com", 6)
        ]
    );
    assert_eq!(domain.unexplained, [(PolicyKind::Tlsa, 2)].into());
    assert_eq!(summary.domains["company-y.example"].failures.len(), 3);
}

#[test]
fn counts_do_not_overflow() {
    let most = u64::MAX;
    let failure = [("tlsa-invalid", "192.0.2.1", "mx", most)];
    let texts: Vec<_> = (0..3)
        .map(|id| report(&id.to_string(), "tlsa", (most, most), &failure))
        .collect();
    let summary = summary(&texts);
    assert_eq!(summary.domains["contoso.com"].sessions().all(), most);
    assert!(!judge(&summary).is_empty());
}
