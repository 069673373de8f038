//! Which addresses this machine can reach at all.

use super::view::{Failure, Outcome, ServerAnswer, Source};

/// Takes out the addresses of a family to which there is no path from here, if the other family answers.
///
/// A machine without IPv6 must not wait for ever for servers that it cannot see; that one address alone has no route is
/// another matter and stays.
pub(super) fn set_aside<T>(views: &mut Vec<T>, answer: fn(&T) -> &ServerAnswer) -> Vec<Source> {
    let blind = |v6: bool| {
        let mut family = views
            .iter()
            .map(answer)
            .filter(|a| a.from.address.is_ipv6() == v6)
            .peekable();
        family.peek().is_some()
            && family.all(|a| matches!(a.outcome, Outcome::Failed(Failure::NoRoute { .. })))
    };
    let (without_v4, without_v6) = (blind(false), blind(true));
    let (some_v4, some_v6) = (
        views.iter().any(|v| answer(v).from.address.is_ipv4()),
        views.iter().any(|v| answer(v).from.address.is_ipv6()),
    );
    // Nothing is within reach: that is no matter of families, and must be seen.
    if without_v4 == without_v6 || !some_v4 || !some_v6 {
        return Vec::new();
    }
    let (aside, kept) = std::mem::take(views)
        .into_iter()
        .partition(|v| answer(v).from.address.is_ipv6() == without_v6);
    *views = kept;
    let aside: Vec<T> = aside;
    aside.iter().map(|v| answer(v).from.clone()).collect()
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;

    use super::*;
    use crate::dns::Kind;

    fn said(address: &str, outcome: Outcome) -> ServerAnswer {
        ServerAnswer {
            name: "test".into(),
            kind: Kind::Soa,
            outcome,
            rcode: "".into(),
            explained: None,
            cut_off: false,
            aa: true,
            ttl: None,
            records: Vec::new(),
            signatures: None,
            soa: None,
            at: Timestamp::UNIX_EPOCH,
            from: Source {
                server: None,
                address: address.parse().expect("an address"),
            },
            took_ms: 0,
        }
    }

    #[test]
    fn only_a_whole_family_without_a_path_is_set_aside() {
        let no_route = || {
            Outcome::Failed(Failure::NoRoute {
                detail: "network is unreachable".into(),
            })
        };
        let aside = |answers: &[(&str, Outcome)]| {
            let mut views: Vec<ServerAnswer> =
                answers.iter().map(|(a, o)| said(a, o.clone())).collect();
            let aside = set_aside(&mut views, |v| v).len();
            (aside, views.len())
        };
        let (v4, v6, other6) = ("192.0.2.1:53", "[2001:db8::1]:53", "[2001:db8::2]:53");
        assert_eq!(
            aside(&[
                (v4, Outcome::Answer),
                (v6, no_route()),
                (other6, no_route())
            ]),
            (2, 1)
        );
        assert_eq!(aside(&[(v4, no_route()), (v6, Outcome::Answer)]), (1, 1));
        // One address of the family does answer, so there is a path.
        assert_eq!(
            aside(&[
                (v4, Outcome::Answer),
                (v6, no_route()),
                (other6, Outcome::Answer)
            ]),
            (0, 3)
        );
        // Silence is not a missing path.
        assert_eq!(
            aside(&[
                (v4, Outcome::Answer),
                (v6, Outcome::Failed(Failure::Timeout))
            ]),
            (0, 2)
        );
        // Nothing answers: that must be seen.
        assert_eq!(aside(&[(v4, no_route()), (v6, no_route())]), (0, 2));
        assert_eq!(aside(&[(v4, no_route())]), (0, 1));
    }
}
