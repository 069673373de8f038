//! What services, proxies and attackers may send, through the decoder and the scrubber.

use crate::fuzz::{assert_clean, fuzz};
use crate::microsoft::answer::{AcceptedDomain, DnssecStatus, InboundConnector, OutboundConnector};
use crate::microsoft::envelope::{Reading, complaint, read};
use crate::microsoft::error::Call;
use crate::microsoft::graph::{GraphDomain, GraphMx};
use crate::microsoft::outcome;
use crate::microsoft::raw::Raw;
use crate::microsoft::record::{Scrubber, tree::Node};

const WORDS: &[&str] = &[
    "\"value\":",
    "\"Value\":",
    "\"error\":",
    "\"details\":",
    "\"innererror\":",
    "\"internalexception\":",
    "\"message\":",
    "\"@odata.nextLink\":",
    "\"@adminapi.warnings\":",
    "\"DnssecFeatureStatus\":",
    "\"SmtpDaneStatus\":",
    "null",
    "true",
    "{}",
    "[]",
    "\\\"",
    "\"Enabled\"",
    "System.Collections.Generic.List`1",
    "|A.BException|",
    "{\\\"Message\\\":",
    "\0\0\0",
    "\u{feff}",
    "\u{202e}",
    "\u{1b}[2J",
];

fn seeds() -> Vec<Vec<u8>> {
    let mut seeds: Vec<Vec<u8>> = [
        include_str!("../fixtures/accepted-domains.json"),
        include_str!("../fixtures/dnssec-status-enabled.json"),
        include_str!("../fixtures/dnssec-status-cut.json"),
        include_str!("../fixtures/dnssec-status-strings.json"),
        include_str!("../fixtures/error-inner.json"),
        include_str!("../fixtures/error-context.json"),
        include_str!("../fixtures/error-context-nested.json"),
        r#"{"value":[{"Name":"a","SmartHosts":["[192.0.2.1]"],"SenderDomains":["smtp:*;1"]}]}"#,
        r#"{"value":[{"id":"contoso.com","supportedServices":["Email"],"recordType":"Mx","supportedService":"Email"}]}"#,
        "<html>Sign in</html>",
    ]
    .iter()
    .map(|text| text.as_bytes().to_vec())
    .collect();
    seeds.push(vec![0; 64]);
    seeds
}

#[test]
fn envelope_and_readers() {
    fuzz(&seeds(), WORDS, |bytes| {
        let call = Call {
            raw: Some(Raw::new(bytes)),
            ..Call::new("Get-X", Some("contoso.com"))
        };
        for (status, exception) in [(200, None), (400, Some("X.YException")), (403, None)] {
            let reading = read(status, exception, bytes);
            if status == 400 {
                assert!(
                    !matches!(reading, Reading::Rows(_)),
                    "a refusal is never an answer"
                );
            }
            if let Err(error) = outcome::judge(reading.clone(), &call, true) {
                assert_clean(&error.to_string());
            }
            let Reading::Rows(answer) = reading else {
                continue;
            };
            answer
                .warnings
                .iter()
                .for_each(|warning| assert_clean(warning));
            for row in &answer.rows {
                let status = DnssecStatus::from_row(row);
                status
                    .all_messages()
                    .for_each(|message| assert_clean(&message.text));
                let _ = (AcceptedDomain::from_row(row), GraphDomain::from_row(row));
                let _ = (GraphMx::is_mx(row), GraphMx::from_row(row));
                let _ = (
                    InboundConnector::from_row(row),
                    OutboundConnector::from_row(row),
                );
            }
            let _ = (
                outcome::dane_state(&answer.rows),
                outcome::ipv6_state(&answer.rows),
            );
            if let Err(error) = outcome::domains(&call, &answer) {
                assert_clean(&error.to_string());
            }
            if let Err(error) = outcome::allowed(&call, &answer) {
                assert_clean(&error.to_string());
            }
            if let Err(error) = outcome::enabled(call.clone(), &answer) {
                assert_clean(&error.to_string());
            }
        }
        if let Some(said) = complaint(bytes) {
            assert_clean(&said);
        }
        if let Some(raw) = &call.raw {
            assert_clean(&raw.text());
        }
    });
}

#[test]
fn scrubber() {
    fuzz(&seeds(), WORDS, |bytes| {
        let text = String::from_utf8_lossy(bytes);
        let mut scrubber = Scrubber::new("contoso.onmicrosoft.com", "contoso.com");
        if let Some(node) = scrubber.json(&text) {
            let written = node.to_string();
            assert_eq!(
                Node::parse(&written).as_ref(),
                Some(&node),
                "it can be read again"
            );
        }
    });
}
