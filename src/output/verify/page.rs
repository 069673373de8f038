//! A verdict as people read it: the answer first, then what it rests on.

use jiff::Timestamp;

use super::super::page::{Line, Page, Tone};
use super::super::{text, time};
use super::{weight, word};
use crate::dane::TlsaView;
use crate::dane::sender::{Arrives, Protection};
use crate::finding::{Evidence, Finding, Severity};
use crate::verify::catalogue::ALL;
use crate::verify::{Extent, MxHost, Report, Row, Verdict};

/// One line for the domain, one for each finding that stands in the way.
#[must_use]
pub fn brief(report: &Report) -> Page {
    let mut page = Page::from(headline(report));
    for finding in &report.findings {
        if finding.severity >= Severity::CouldNotTell {
            page.push(title(2, finding));
        }
    }
    page
}

/// Everything about one domain.
#[must_use]
pub fn page(report: &Report, now: Timestamp) -> Page {
    let mut page = Page::from(headline(report));
    page.gap();
    hosts(report, &mut page);
    senders(report, &mut page);
    findings(report, now, &mut page);
    page
}

fn headline(report: &Report) -> Line {
    let (word, tone) = match (report.verdict, report.view.extent) {
        // More than the DNS is not known, and "safe" would claim more.
        (Verdict::Safe, Extent::DnsOnly) => ("DNS right", Tone::Good),
        (verdict, _) => word(verdict),
    };
    Line::at(0)
        .strong(&report.view.domain)
        .plain(": ")
        .tone(tone, word)
        .plain(" \u{2013} ")
        .plain(short(&report.headline))
}

fn hosts(report: &Report, page: &mut Page) {
    for host in &report.view.hosts {
        page.push(host_line(host, &report.view.mx.status));
        let rows = report.rows.iter().filter(|row| row.host == host.view.host);
        for row in rows {
            page.push(row_line(row));
        }
    }
    page.gap();
}

fn host_line(host: &MxHost, status: &crate::dns::Status) -> Line {
    let preference = host.preference.map_or_else(
        || "no MX, so the domain itself: ".to_owned(),
        |preference| format!("MX {preference} "),
    );
    let secure = |status: &crate::dns::Status| match status {
        crate::dns::Status::Secure => "signed",
        crate::dns::Status::Insecure => "not signed",
        crate::dns::Status::Bogus { .. } => "bogus",
        crate::dns::Status::Indeterminate { .. } => "could not tell",
    };
    Line::at(2)
        .plain(preference)
        .strong(&host.view.host)
        .dim(format!(
            "  (MX {}, addresses {}, TLSA records: {})",
            secure(status),
            secure(&host.view.security),
            match &host.view.tlsa {
                TlsaView::Secure { records, .. } => records.len().to_string(),
                TlsaView::Insecure { .. } => "not signed".to_owned(),
                TlsaView::Absent { .. } => "none".to_owned(),
                TlsaView::NotAsked { .. } => "not asked for".to_owned(),
                TlsaView::LookupError { .. } => "could not tell".to_owned(),
            }
        ))
}

fn row_line(row: &Row) -> Line {
    let tone = match row.outcome.as_str() {
        "authenticated" => Tone::Good,
        "mismatch" | "lookup-error" | "no-starttls" | "tls-failed" | "unwilling" => Tone::Bad,
        _ => Tone::Warn,
    };
    let with = match (&row.tls, row.key.as_str()) {
        (Some(tls), key) => format!("{tls}, {key} key: "),
        (None, _) => String::new(),
    };
    Line::at(6)
        .plain(format!("{}  ", row.address))
        .tone(tone, &row.outcome)
        .plain("  ")
        .dim(format!("{with}{}", short(&row.why)))
}

/// Digests at a length that can still be told apart; whole ones are in the JSON output.
fn short(text: &str) -> String {
    text.split(' ')
        .map(|word| match word.get(..12) {
            Some(start) if word.len() >= 40 && word.bytes().all(|b| b.is_ascii_hexdigit()) => {
                format!("{start}\u{2026}")
            }
            _ => word.to_owned(),
        })
        .collect::<Vec<_>>()
        .join(" ")
}

fn senders(report: &Report, page: &mut Page) {
    // Of the DNS alone nobody can say what becomes of mail.
    if report.senders.is_empty() || report.view.extent == Extent::DnsOnly {
        return;
    }
    let all = || report.senders.iter().chain([&report.sloppy]);
    let width = all()
        .map(|sender| sender.profile.name().len())
        .max()
        .unwrap_or_default();
    page.push(Line::at(2).dim("Senders"));
    for sender in all() {
        let (arrives, tone) = match sender.arrives {
            Arrives::Yes => ("arrives", Tone::Good),
            Arrives::Degraded => ("late", Tone::Warn),
            Arrives::No => ("does not arrive", Tone::Bad),
            Arrives::CouldNotTell => ("could not tell", Tone::Warn),
        };
        let protection = match sender.protection {
            _ if sender.arrives == Arrives::No => "",
            Protection::Dane => ", by DANE",
            Protection::MtaSts => ", by MTA-STS",
            Protection::Opportunistic => ", encrypted to whoever answers",
            Protection::None => ", perhaps in the clear",
            Protection::CouldNotTell => "",
        };
        page.push(
            Line::at(6)
                .hang(8 + width)
                .plain(format!("{:width$}  ", sender.profile.name()))
                .tone(tone, arrives)
                .plain(protection)
                .dim(format!("  {}", sender.why)),
        );
    }
    page.gap();
}

fn findings(report: &Report, now: Timestamp, page: &mut Page) {
    for finding in &report.findings {
        page.push(title(2, finding));
        // A note is one line; the rest says why it matters and what to do.
        if finding.severity == Severity::Note {
            continue;
        }
        page.push(Line::at(6).hang(12).dim("why:  ").plain(&finding.why));
        page.push(Line::at(6).hang(12).dim("mend: ").plain(&finding.mend));
        for evidence in &finding.evidence {
            page.push(seen(evidence, now));
        }
    }
}

fn title(indent: usize, finding: &Finding) -> Line {
    let (word, tone) = weight(finding.severity);
    Line::at(indent)
        .hang(indent + 4)
        .tone(tone, word)
        .plain("  ")
        .plain(short(&finding.what))
        .dim(format!("  [{}]", finding.id))
}

fn seen(evidence: &Evidence, now: Timestamp) -> Line {
    let mut marks = Vec::new();
    if let Some(rcode) = &evidence.rcode {
        marks.push(text::clean(rcode));
    }
    match evidence.ad {
        Some(true) => marks.push("AD".to_owned()),
        Some(false) => marks.push("no AD".to_owned()),
        None => {}
    }
    if let Some(explained) = &evidence.explained {
        marks.push(text::clean(explained));
    }
    if let Some(ttl) = evidence.ttl {
        marks.push(format!("TTL {ttl} s"));
    }
    if let Some(digest) = &evidence.digest {
        marks.push(format!(
            "key {}\u{2026}",
            digest.get(..16).unwrap_or(digest)
        ));
    }
    if let Some(at) = evidence.at {
        marks.push(time::ago(at, now));
    }
    let marks = if marks.is_empty() {
        String::new()
    } else {
        format!("  ({})", marks.join(", "))
    };
    Line::at(6)
        .hang(12)
        .dim("seen: ")
        .plain(format!("{}: {}: ", evidence.from, evidence.about))
        .plain(short(&evidence.said))
        .dim(marks)
}

/// Every finding that there is.
#[must_use]
pub fn rules() -> Page {
    let mut page = Page::new();
    for rule in ALL {
        let (word, tone) = weight(rule.severity);
        page.push(
            Line::at(0)
                .strong(rule.id)
                .plain("  ")
                .tone(tone, word)
                .dim(format!("  {}", rule.source)),
        );
        page.push(Line::at(4).plain(rule.why));
        page.push(Line::at(4).dim("mend: ").plain(rule.mend));
    }
    page
}
