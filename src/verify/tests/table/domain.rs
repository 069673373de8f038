//! From the domain to its hosts.

use super::super::scene::{
    DOMAIN, agree, alias, bogus, family, host, implicit, mx, mx_record, no_such_domain,
    second_host, unknown, without_address,
};
use super::{Row, row};
use crate::dns::{Answer, Kind, Status};
use crate::finding::Severity::{Blocker, CouldNotTell, Note, Warning};
use crate::verify::DomainView;

fn alone(view: &mut DomainView, exchange: &str) {
    view.hosts.clear();
    mx(
        view,
        Status::Secure,
        Answer::Records(vec![mx_record(0, exchange)]),
    );
}

fn null_beside(view: &mut DomainView) {
    let mut records = view.mx.records().to_vec();
    records.push(mx_record(5, ""));
    mx(view, Status::Secure, Answer::Records(records));
}

fn aliased(view: &mut DomainView) {
    let host = host(view);
    let target = "target.example".to_owned();
    host.a.aliases = vec![alias(&host.host.clone(), &target)];
    agree(view);
}

pub(super) fn rows() -> Vec<Row> {
    vec![
        row(
            "mx.lookup-error",
            CouldNotTell,
            [3, 3],
            |v| mx(v, unknown(), Answer::Unknown),
            |v| mx(v, bogus(), Answer::Unknown),
        ),
        row(
            "mx.bogus",
            Blocker,
            [1, 1],
            |v| mx(v, bogus(), Answer::Unknown),
            |v| mx(v, unknown(), Answer::Unknown),
        ),
        row(
            "mx.no-such-domain",
            Blocker,
            [1, 1],
            no_such_domain,
            implicit,
        ),
        row("mx.null", Blocker, [1, 1], |v| alone(v, ""), null_beside),
        row("mx.null-among-others", Blocker, [1, 1], null_beside, |v| {
            alone(v, "")
        }),
        row("mx.implicit", Warning, [0, 0], implicit, no_such_domain),
        row(
            "mx.domain-alias",
            Note,
            [0, 0],
            |v| v.mx.aliases = vec![alias(DOMAIN, "target.example")],
            aliased,
        ),
        row("mx.alias", Warning, [0, 0], aliased, |v| {
            v.mx.aliases = vec![alias(DOMAIN, "target.example")];
        }),
        row(
            "mx.address-literal",
            Blocker,
            [1, 1],
            |v| alone(v, "192.0.2.1"),
            |v| alone(v, "mx.192.0.2.1.example"),
        ),
        row(
            "mx.no-address",
            Blocker,
            [1, 1],
            |v| {
                without_address(host(v));
                agree(v);
            },
            |v| {
                second_host(v);
                family(v, Kind::A, unknown());
            },
        ),
    ]
}
