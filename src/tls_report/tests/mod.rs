//! Reports as senders write them, and as nobody should.

mod findings;
mod fuzz;
mod reading;

use std::io::Write as _;

use super::*;

/// RFC 8460, appendix B, with its line breaks inside texts taken out.
pub(super) const RFC: &str = r#"{
  "organization-name": "Company-X",
  "date-range": {
    "start-datetime": "2016-04-01T00:00:00Z",
    "end-datetime": "2016-04-01T23:59:59Z"
  },
  "contact-info": "sts-reporting@company-x.example",
  "report-id": "5065427c-23d3-47ca-b6e0-946ea0e8c4be",
  "policies": [{
    "policy": {
      "policy-type": "sts",
      "policy-string": ["version: STSv1","mode: testing", "mx: *.mail.company-y.example","max_age: 86400"],
      "policy-domain": "company-y.example",
      "mx-host": "*.mail.company-y.example"
    },
    "summary": {
      "total-successful-session-count": 5326,
      "total-failure-session-count": 303
    },
    "failure-details": [{
      "result-type": "certificate-expired",
      "sending-mta-ip": "2001:db8:abcd:0012::1",
      "receiving-mx-hostname": "mx1.mail.company-y.example",
      "failed-session-count": 100
    }, {
      "result-type": "starttls-not-supported",
      "sending-mta-ip": "2001:db8:abcd:0013::1",
      "receiving-mx-hostname": "mx2.mail.company-y.example",
      "receiving-ip": "203.0.113.56",
      "failed-session-count": 200,
      "additional-information": "https://reports.company-x.example/report_info ? id = 5065427 c - 23 d3# StarttlsNotSupported "
    }, {
      "result-type": "validation-failure",
      "sending-mta-ip": "198.51.100.62",
      "receiving-ip": "203.0.113.58",
      "receiving-mx-hostname": "mx-backup.mail.company-y.example",
      "failed-session-count": 3,
      "failure-reason-code": "X509_V_ERR_PROXY_PATH_LENGTH_EXCEEDED"
    }]
  }]
}"#;

/// A report of one policy and its failures: result, sending host, mail host, sessions.
pub(super) fn report(
    id: &str,
    policy: &str,
    (good, bad): (u64, u64),
    failures: &[(&str, &str, &str, u64)],
) -> String {
    let details: Vec<_> = failures
        .iter()
        .map(|(result, from, to, sessions)| {
            serde_json::json!({"result-type": result, "sending-mta-ip": from, "receiving-mx-hostname": to, "failed-session-count": sessions})
        })
        .collect();
    let strings = match policy {
        "sts" => serde_json::json!(["version: STSv1", "mode: enforce", "mx: mx.contoso.com"]),
        _ => serde_json::json!([]),
    };
    serde_json::json!({
        "organization-name": "Fabrikam",
        "date-range": {"start-datetime": "2026-11-01T00:00:00Z", "end-datetime": "2026-11-01T23:59:59Z"},
        "contact-info": "tls@fabrikam.com",
        "report-id": id,
        "policies": [{
            "policy": {"policy-type": policy, "policy-string": strings, "policy-domain": "contoso.com"},
            "summary": {"total-successful-session-count": good, "total-failure-session-count": bad},
            "failure-details": details,
        }],
    })
    .to_string()
}

pub(super) fn summary(texts: &[String]) -> Summary {
    let mut summary = Summary::default();
    for text in texts {
        summary.add(&read(text.as_bytes()).unwrap());
    }
    summary
}

pub(super) fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}
