//! TLS-RPT, SPF, DMARC and DKIM: read only, since a changed MX may change what they mean.

use super::Found;
use crate::dns::text::safe;
use crate::mail_records::spf::MOST_LOOKUPS;
use crate::mail_records::{self, Seen, SelectorTarget};
use crate::verify::DomainView;
use crate::verify::catalogue::{
    DKIM_SELECTORS, DMARC_INVALID, DMARC_NONE, Rule, SPF_INVALID, SPF_MX, TEXTS_UNKNOWN,
    TLS_RPT_INVALID, TLS_RPT_NONE,
};

pub(super) fn judge(view: &DomainView, found: &mut Found) {
    let records = mail_records::read(&view.domain, &view.texts);
    look(
        &records.tls_rpt,
        "TLS-RPT",
        Some(&TLS_RPT_NONE),
        &TLS_RPT_INVALID,
        found,
    );
    if let Some(record) = records.tls_rpt.found() {
        for why in &record.unusable {
            found.add(TLS_RPT_INVALID.found(
                "",
                format!("a destination for TLS reports cannot be used: {why}"),
            ));
        }
    }
    look(&records.spf, "SPF", None, &SPF_INVALID, found);
    if let Some(spf) = records.spf.found() {
        for directive in spf.follows_mx_of(&view.domain) {
            found.add(SPF_MX.found("", format!("SPF has the term {directive}")));
        }
        if spf.lookups() > MOST_LOOKUPS {
            found.add(SPF_INVALID.found(
                "",
                format!(
                    "the SPF record has {} terms that ask the DNS; receivers stop at {MOST_LOOKUPS}",
                    spf.lookups()
                ),
            ));
        }
    }
    look(
        &records.dmarc.record,
        "DMARC",
        Some(&DMARC_NONE),
        &DMARC_INVALID,
        found,
    );
    let microsoft = view.hosts.iter().any(|host| is_microsoft(&host.view.host));
    if microsoft {
        for selector in &records.dkim {
            let what = match &selector.target {
                SelectorTarget::NoAlias => "is not published",
                SelectorTarget::Elsewhere(_) => "does not lead to Microsoft",
                SelectorTarget::CouldNotTell => {
                    found.add(TEXTS_UNKNOWN.found(
                        selector.name.clone(),
                        format!("{} could not be looked up", selector.name),
                    ));
                    continue;
                }
                SelectorTarget::Tenant(_) | SelectorTarget::Partition(_) => continue,
            };
            found.add(
                DKIM_SELECTORS.found(selector.name.clone(), format!("{} {what}", selector.name)),
            );
        }
    }
}

fn look<T, E: std::fmt::Display>(
    seen: &Seen<T, E>,
    name: &str,
    none: Option<&Rule>,
    wrong: &Rule,
    found: &mut Found,
) {
    match seen {
        Seen::Found { .. } => {}
        Seen::None { .. } => {
            if let Some(rule) = none {
                found.add(rule.found("", format!("there is no {name} record")));
            }
        }
        Seen::Wrong { why, .. } => {
            found.add(wrong.found("", format!("the {name} record cannot be used: {why}")));
        }
        Seen::CouldNotTell { why } => found.add(TEXTS_UNKNOWN.found(
            name,
            format!("{name} could not be told: {}", safe(why.as_bytes())),
        )),
    }
}

/// Whether Exchange Online runs the host.
fn is_microsoft(host: &str) -> bool {
    ["mail.protection.outlook.com", "mx.microsoft"]
        .iter()
        .any(|zone| crate::dns::record::is_within(host, zone))
}
