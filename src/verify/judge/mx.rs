//! From the domain to its hosts (RFC 5321 section 5.1, RFC 7505).

use super::Found;
use crate::dns::text::safe;
use crate::dns::{Answer, Data, Status};
use crate::verify::DomainView;
use crate::verify::catalogue::{
    MX_ADDRESS_LITERAL, MX_ALIAS, MX_BOGUS, MX_DOMAIN_ALIAS, MX_IMPLICIT, MX_LOOKUP_ERROR,
    MX_NO_ADDRESS, MX_NO_SUCH_DOMAIN, MX_NULL, MX_NULL_AMONG_OTHERS,
};
use crate::verify::evidence;

pub(super) fn judge(view: &DomainView, found: &mut Found) {
    let mx = &view.mx;
    let shown = [evidence::validated(mx)];
    if let Some(alias) = mx.aliases.first() {
        found.add(
            MX_DOMAIN_ALIAS
                .found("", format!("{} is an alias of {}", view.domain, alias.to))
                .shown_by(shown.clone()),
        );
    }
    match &mx.status {
        Status::Bogus { why } => {
            found.add(
                MX_BOGUS
                    .found("", format!("the MX set is bogus: {why}"))
                    .shown_by(shown),
            );
            return;
        }
        Status::Indeterminate { why } => {
            found.add(
                MX_LOOKUP_ERROR
                    .found("", format!("the MX could not be looked up: {why}"))
                    .shown_by(shown),
            );
            return;
        }
        Status::Secure | Status::Insecure => {}
    }
    match &mx.answer {
        Answer::NxDomain => found.add(
            MX_NO_SUCH_DOMAIN
                .found("", format!("{} does not exist", view.domain))
                .shown_by(shown),
        ),
        Answer::NoData => found.add(
            MX_IMPLICIT
                .found("", format!("{} has no MX", view.domain))
                .shown_by(shown),
        ),
        Answer::Records(records) => {
            let null = records
                .iter()
                .filter(|r| matches!(&r.data, Data::Mx { exchange, .. } if exchange.is_empty()))
                .count();
            if null > 0 && null == records.len() {
                found.add(
                    MX_NULL
                        .found("", format!("{} takes no mail (null MX)", view.domain))
                        .shown_by(shown),
                );
            } else if null > 0 {
                found.add(
                    MX_NULL_AMONG_OTHERS
                        .found("", "a null MX stands beside others")
                        .shown_by(shown),
                );
            }
            for record in records {
                if let Data::Mx { exchange, .. } = &record.data
                    && exchange.parse::<std::net::IpAddr>().is_ok()
                {
                    found.add(MX_ADDRESS_LITERAL.found(
                        exchange.clone(),
                        format!("an MX names the address {}", safe(exchange.as_bytes())),
                    ));
                }
            }
        }
        Answer::Unknown => found.add(
            MX_LOOKUP_ERROR
                .found("", "the MX lookup gave no usable answer")
                .shown_by(shown),
        ),
    }
    for host in &view.hosts {
        let seen = &host.view;
        let both = [&seen.a, &seen.aaaa];
        if let Some(alias) = both.iter().find_map(|lookup| lookup.aliases.first()) {
            found.add(
                MX_ALIAS
                    .found(
                        seen.host.clone(),
                        format!("{} is an alias of {}", seen.host, alias.to),
                    )
                    .shown_by(both.map(evidence::validated)),
            );
        }
        // Where a lookup failed, the host's own findings say so.
        let failed = both
            .iter()
            .any(|lookup| lookup.status.is_lookup_error() || lookup.answer == Answer::Unknown);
        if seen.addresses.is_empty() && !failed && view.mx.answer != Answer::NxDomain {
            found.add(
                MX_NO_ADDRESS
                    .found(seen.host.clone(), format!("{} has no address", seen.host))
                    .shown_by(both.map(evidence::validated)),
            );
        }
    }
}
