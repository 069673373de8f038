//! Whether senders are asked to report what they meet: the move is then seen from outside, too.

use super::super::{Context, Finding, catalogue};

/// The TTL of the record that is offered, in seconds.
const TTL: u32 = 3600;

pub(super) fn judge(cx: &Context<'_>, found: &mut Vec<Finding>) {
    if cx.facts.tls_reports.known() != Some(&false) {
        return;
    }
    let domain = cx.setup.domain.as_str();
    // RFC 8460 section 3.
    let name = format!("_smtp._tls.{domain}");
    let to = cx.setup.tls_reports.as_deref();
    let rua = to.unwrap_or("mailto:an-address-of-yours");
    let mut mend = format!("publish: {name}. {TTL} IN TXT \"v=TLSRPTv1; rua={rua}\"");
    if to.is_none() {
        mend += "; with reports: {tlsrpt: mailto:...} in the domain file it is shown whole";
    }
    mend += " (`rollout dns set` can write it, `rollout tlsrpt` reads what comes)";
    found.push(
        catalogue::TLS_RPT_NONE
            .found(format!(
                "{domain} asks nobody for reports on TLS: there is no TXT record {name}"
            ))
            .mending(mend),
    );
}
