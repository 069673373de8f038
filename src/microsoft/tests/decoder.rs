//! Recorded shapes, written by us from the documented ones, through the decoder.

use crate::microsoft::answer::{
    AcceptedDomain, DnssecStatus, DomainType, FeatureState, MessageKind,
};
use crate::microsoft::envelope::{Answer, Reading, read};

const ACCEPTED: &str = include_str!("../fixtures/accepted-domains.json");
const STATUS: &str = include_str!("../fixtures/dnssec-status-enabled.json");
const STATUS_CUT: &str = include_str!("../fixtures/dnssec-status-cut.json");
const STATUS_STRINGS: &str = include_str!("../fixtures/dnssec-status-strings.json");
const ERROR_INNER: &str = include_str!("../fixtures/error-inner.json");
const ERROR_CONTEXT: &str = include_str!("../fixtures/error-context.json");
const ERROR_NESTED: &str = include_str!("../fixtures/error-context-nested.json");

/// One line that says what was read.
fn line(reading: &Reading) -> String {
    match reading {
        Reading::Rows(Answer {
            rows,
            warnings,
            truncated,
            ..
        }) => {
            let more = if *truncated { " more" } else { "" };
            format!("rows {} warnings {}{more}", rows.len(), warnings.len())
        }
        Reading::Failed(failure) => {
            let kind = failure.exception.as_deref().unwrap_or("-");
            format!(
                "failed {} | {}",
                kind.rsplit('.').next().unwrap_or(kind),
                failure.message
            )
        }
        Reading::MissingRole(_) => "role".to_owned(),
        Reading::Unreadable(_) => "unreadable".to_owned(),
    }
}

#[test]
fn envelopes() {
    let html = "<html><body>Sign in</body></html>";
    let nul = "\0".repeat(512);
    let x = Some("X.YException");
    let not_found = "failed ManagementObjectNotFoundException | The operation couldn't be performed because object 'nope.example' couldn't be found on 'DB8PR.example'.";
    #[rustfmt::skip]
    let table: &[(&str, u16, Option<&str>, &str, &str)] = &[
        ("three domains", 200, None, ACCEPTED, "rows 3 warnings 0"),
        ("byte order mark", 200, None, "\u{feff}{\"value\":[{\"a\":1}]}", "rows 1 warnings 0"),
        ("empty body", 200, None, "", "rows 0 warnings 0"),
        ("no content", 204, None, "", "rows 0 warnings 0"),
        ("only white space", 200, None, " \r\n", "rows 0 warnings 0"),
        ("null", 200, None, "null", "rows 0 warnings 0"),
        ("value missing", 200, None, r#"{"@odata.context":"x","@adminapi.warnings":[]}"#, "rows 0 warnings 0"),
        ("value null", 200, None, r#"{"@odata.context":"x","value":null}"#, "rows 0 warnings 0"),
        ("value empty", 200, None, r#"{"value":[]}"#, "rows 0 warnings 0"),
        ("value of nulls", 200, None, r#"{"value":[null,null]}"#, "rows 0 warnings 0"),
        ("value singular", 200, None, r#"{"value":{"DomainName":"contoso.com"}}"#, "rows 1 warnings 0"),
        ("Value with a capital", 200, None, r#"{"Value":[{"DomainName":"contoso.com"}]}"#, "rows 1 warnings 0"),
        ("no envelope", 200, None, r#"{"DomainName":"contoso.com","Result":"Success"}"#, "rows 1 warnings 0"),
        ("no envelope, a Value among others", 200, None, r#"{"Value":"x","Result":"Success"}"#, "rows 1 warnings 0"),
        ("an envelope with a count", 200, None, r#"{"value":[{"a":1},{"a":2}],"Count":2,"Extra":"x"}"#, "rows 2 warnings 0"),
        ("a list without an envelope", 200, None, r#"[{"a":1},{"a":2}]"#, "rows 2 warnings 0"),
        ("value is a text of JSON", 200, None, r#"{"value":"[{\"a\":1}]"}"#, "rows 1 warnings 0"),
        ("value is a text", 200, None, r#"{"value":"done"}"#, "rows 1 warnings 0"),
        ("value is a type name", 200, None, r#"{"value":"Microsoft.Exchange.Data.Thing"}"#, "unreadable"),
        ("value is texts", 200, None, r#"{"value":["a","b"]}"#, "rows 2 warnings 0"),
        ("one warning", 200, None, r#"{"@adminapi.warnings":["careful"],"value":[]}"#, "rows 0 warnings 1"),
        ("warning as a text", 200, None, r#"{"@adminapi.warnings":"careful","value":[]}"#, "rows 0 warnings 1"),
        ("warnings null", 200, None, r#"{"@adminapi.warnings":null,"value":[]}"#, "rows 0 warnings 0"),
        ("next link", 200, None, r#"{"value":[{"a":1}],"@odata.nextLink":"https://x/y"}"#, "rows 1 warnings 0 more"),
        ("next link null", 200, None, r#"{"value":[{"a":1}],"@odata.nextLink":null}"#, "rows 1 warnings 0"),
        ("duplicate key", 200, None, r#"{"value":[{"A@data.type":"x","A@data.type":"x","A":1}]}"#, "rows 1 warnings 0"),
        ("html with 200", 200, None, html, "unreadable"),
        ("NUL with 200", 200, None, "\0\0\0", "unreadable"),
        ("cut JSON", 200, None, r#"{"value":[{"a":"#, "unreadable"),
        ("a number", 200, None, "17", "unreadable"),
        ("NUL run", 403, None, &nul, "role"),
        ("empty 403", 403, None, "", "role"),
        ("html 403", 403, None, html, "unreadable"),
        ("403 that is a failure", 403, None, ERROR_CONTEXT, "failed FeatureAlreadyEnabledException | DNSSEC is already enabled for the domain."),
        ("403 access denied", 403, None, r#"{"error":{"code":"Forbidden","message":"x","innererror":{"internalexception":{"message":"no","type":"System.UnauthorizedAccessException"}}}}"#, "role"),
        ("unknown cmdlet", 400, None, r#"{"error":{"code":"BadRequest","message":"x","details":[{"message":"|System.Management.Automation.CommandNotFoundException|The term is not recognized."}]}}"#, "role"),
        ("inner exception", 400, None, ERROR_INNER, not_found),
        ("inner exception with 404", 404, None, ERROR_INNER, not_found),
        ("failure with 200", 200, None, ERROR_INNER, not_found),
        ("error null with 200", 200, None, r#"{"error":null,"value":[{"a":1}]}"#, "rows 1 warnings 0"),
        ("embedded JSON", 400, None, ERROR_CONTEXT, "failed FeatureAlreadyEnabledException | DNSSEC is already enabled for the domain."),
        ("embedded JSON, nested", 400, None, ERROR_NESTED, "failed NotVerifiedException | the domain is not verified"),
        ("type between bars", 400, None, r#"{"error":{"code":"B","message":"Invalid Operation","details":[{"message":"|A.B.CException|why not"}]}}"#, "failed CException | why not"),
        ("type from the header", 400, x, r#"{"error":{"code":"B","message":"Invalid Operation","details":[{"message":"why not"}]}}"#, "failed YException | why not"),
        ("constant message alone", 400, x, r#"{"error":{"code":"BadRequest","message":"Invalid Operation"}}"#, "failed YException | Invalid Operation"),
        ("details empty", 400, None, r#"{"error":{"code":"BadRequest","message":"m","details":[]}}"#, "failed - | m"),
        ("details null, code alone", 400, None, r#"{"error":{"code":"BadRequest","details":null,"message":""}}"#, "failed - | BadRequest"),
        ("error is a text", 400, None, r#"{"error":"nope"}"#, "failed - | nope"),
        ("inside without envelope", 400, None, r#"{"code":"X","message":"bare"}"#, "failed - | bare"),
        ("parameter set", 400, None, r#"{"error":{"message":"x","innererror":{"internalexception":{"type":"System.Management.Automation.AmbiguousParameterSetException","message":"Parameter set cannot be resolved."}}}}"#, "failed AmbiguousParameterSetException | Parameter set cannot be resolved."),
        ("header alone", 400, x, "", "failed YException | the service answered HTTP 400 without a text"),
        ("400 empty", 400, None, "", "unreadable"),
        ("400 html", 400, None, html, "unreadable"),
        ("400 with rows", 400, None, r#"{"value":[{"a":1}]}"#, "unreadable"),
        ("404 html", 404, None, html, "unreadable"),
    ];
    assert!(table.len() >= 40);
    for (name, status, header, body, expected) in table {
        assert_eq!(
            line(&read(*status, *header, body.as_bytes())),
            *expected,
            "{name}"
        );
    }
}

fn rows(body: &str) -> Vec<crate::microsoft::loose::Row> {
    match read(200, None, body.as_bytes()) {
        Reading::Rows(answer) => answer.rows,
        other => panic!("{other:?}"),
    }
}

#[test]
fn accepted_domains() {
    let found: Vec<_> = rows(ACCEPTED)
        .iter()
        .map(|row| AcceptedDomain::from_row(row).unwrap())
        .collect();
    assert_eq!(found[0].domain, "contoso.com");
    assert_eq!(found[0].domain_type, DomainType::Authoritative);
    assert_eq!(
        (found[0].initial, found[0].default),
        (Some(false), Some(true))
    );
    assert!(found[0].dane.is_disabled());
    assert_eq!(
        (found[1].domain.as_str(), found[1].initial),
        ("contoso.onmicrosoft.com", Some(true))
    );
    assert_eq!(found[2].domain_type, DomainType::InternalRelay);
    assert!(found[2].dane.is_enabled());
    assert_eq!(found[2].initial, None, "a missing flag is not false");
    for bad in [
        r#"{"value":[{"Name":"x"}]}"#,
        r#"{"value":[{"DomainName":"a b"}]}"#,
        r#"{"value":[{"DomainName":null}]}"#,
    ] {
        assert!(AcceptedDomain::from_row(&rows(bad)[0]).is_none(), "{bad}");
    }
}

#[test]
fn enum_wrappers() {
    let on = [
        "\"Enabled\"",
        "\"enabled\"",
        "{\"Value\":\"Enabled\"}",
        "{\"value\":\"Enabled\"}",
        "[\"Enabled\"]",
        "{\"Value\":{\"Value\":\"Enabled\"}}",
        "\"{\\\"Value\\\":\\\"Enabled\\\"}\"",
    ];
    let unclear = [
        "1",
        "0",
        "{\"Value\":1}",
        "null",
        "\"\"",
        "\"Unknown\"",
        "true",
        "{}",
        "[]",
        "\"Microsoft.Exchange.Management.FeatureStatus\"",
        "\"NotEnabled\"",
        "[\"Enabled\",\"Disabled\"]",
    ];
    let state = |value: &str| {
        let body = format!(r#"{{"value":[{{"DomainName":"a.b","SmtpDaneStatus":{value}}}]}}"#);
        AcceptedDomain::from_row(&rows(&body)[0]).unwrap().dane
    };
    for value in on {
        assert_eq!(state(value), FeatureState::Enabled, "{value}");
        assert_eq!(
            state(
                &value
                    .replace("Enabled", "Disabled")
                    .replace("enabled", "disabled")
            ),
            FeatureState::Disabled,
            "{value}"
        );
    }
    for value in unclear {
        assert!(
            matches!(state(value), FeatureState::CouldNotTell { .. }),
            "{value}: {:?}",
            state(value)
        );
    }
}

fn status(body: &str) -> DnssecStatus {
    DnssecStatus::from_row(&rows(body)[0])
}

#[test]
fn dnssec_status_with_nested_objects() {
    let status = status(STATUS);
    assert!(
        status.feature.is_enabled() && status.lost.is_empty(),
        "{status:?}"
    );
    let expected = status.expected_mx.as_ref().unwrap();
    assert_eq!(
        expected.record,
        "@ 60 IN MX 10 contoso-com.e-v1.mx.microsoft"
    );
    assert_eq!(
        expected.dnssec_host().unwrap().as_str(),
        "contoso-com.e-v1.mx.microsoft"
    );
    assert_eq!(status.dns.status.as_deref(), Some("Valid"));
    assert_eq!(status.mx.messages[0].kind, MessageKind::Advice);
    assert_eq!(status.mx.messages[0].code.as_deref(), Some("EX003"));
    assert_eq!(status.mx.messages[1].kind, MessageKind::Warning);
    assert_eq!(status.actual_mx.len(), 1);
    assert_eq!(
        (status.mta_sts_available, status.mta_sts_mode.as_deref()),
        (Some(false), Some("Unavailable"))
    );
    let kept = serde_json::to_string(&status).unwrap();
    assert_eq!(serde_json::from_str::<DnssecStatus>(&kept).unwrap(), status);
}

#[test]
fn dnssec_status_with_cut_depth_says_what_is_lost() {
    let status = status(STATUS_CUT);
    assert!(status.feature.is_enabled());
    assert!(status.expected_mx.is_none());
    for part in [
        "ExpectedMxRecord",
        "Errors",
        "DnsValidation",
        "MxValidation.ActualMxRecords",
    ] {
        assert!(
            status.lost.iter().any(|lost| lost == part),
            "{part}: {:?}",
            status.lost
        );
    }
    assert!(
        !status.lost.iter().any(|lost| lost.starts_with("MtaSts")),
        "null is not lost"
    );
}

#[test]
fn dnssec_status_as_texts_of_json() {
    let status = status(STATUS_STRINGS);
    assert!(
        status.feature.is_enabled() && status.lost.is_empty(),
        "{status:?}"
    );
    assert!(status.expected_mx.as_ref().unwrap().dnssec_host().is_some());
    assert_eq!(status.messages[0].code.as_deref(), Some("EG001"));
    assert_eq!(
        (status.mta_sts_available, status.mta_sts_mode.as_deref()),
        (Some(true), Some("Testing"))
    );
    assert_eq!(status.all_messages().count(), 1);
}

#[test]
fn expected_mx_in_every_shape() {
    let host = |value: &str| {
        let status = status(&format!(
            r#"{{"value":[{{"DnssecFeatureStatus":"Disabled","ExpectedMxRecord":{value}}}]}}"#
        ));
        (
            status.expected_mx.map(|expected| expected.host),
            status.lost.len(),
        )
    };
    let new = Some("a-b.x-v1.mx.microsoft".to_owned());
    for (value, expected) in [
        (
            r#"{"Record":"@ 60 IN MX 10 a-b.x-v1.mx.microsoft."}"#,
            (new.clone(), 0),
        ),
        (r#"{"record":"a-b.x-v1.mx.microsoft"}"#, (new.clone(), 0)),
        (r#""@ 60 IN MX 10 A-b.x-v1.mx.microsoft""#, (new.clone(), 0)),
        (
            r#"[{"Record":"@ 60 IN MX 10 a-b.x-v1.mx.microsoft"}]"#,
            (new, 0),
        ),
        (
            r#"{"Record":"@ 3600 IN MX 0 contoso-com.mail.protection.outlook.com"}"#,
            (Some("contoso-com.mail.protection.outlook.com".into()), 0),
        ),
        ("null", (None, 0)),
        (r#""""#, (None, 0)),
        (r#"{"Record":null}"#, (None, 0)),
        ("{}", (None, 0)),
        (
            r#""Microsoft.Exchange.Management.ProvisioningTasks.ExpectedMxRecordInfo""#,
            (None, 1),
        ),
        (r#"{"Record":"garbage"}"#, (None, 1)),
        ("7", (None, 1)),
    ] {
        assert_eq!(host(value), expected, "{value}");
    }
}

#[test]
fn validation_codes_are_read_tolerantly() {
    use crate::microsoft::answer::ValidationMessage as Message;
    for (text, warnings, code, kind) in [
        ("EX003:Priority", false, Some("EX003"), MessageKind::Advice),
        ("ED001: no data", false, Some("ED001"), MessageKind::Error),
        ("WG002:mild", false, Some("WG002"), MessageKind::Warning),
        ("ZZ999: unknown", false, None, MessageKind::Error),
        ("plain text", true, None, MessageKind::Warning),
        ("EX03: short", false, None, MessageKind::Error),
    ] {
        let message = Message::parse(text, warnings);
        assert_eq!(
            (message.code.as_deref(), message.kind),
            (code, kind),
            "{text}"
        );
    }
}
