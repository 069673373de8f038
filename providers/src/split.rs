//! Whether a delegation's name servers are those of more than one known host.

use crate::{Info, Name, registry};

/// The known hosts that a delegation is split between, each with the name servers that look like its own. Empty where no two
/// are needed to explain the names; servers that look like nobody's say nothing. A hint, never proof.
#[must_use]
pub fn split(nameservers: &[Name]) -> Vec<(&'static Info, Vec<Name>)> {
    between(registry(), nameservers)
}

fn between(registry: &[&'static Info], nameservers: &[Name]) -> Vec<(&'static Info, Vec<Name>)> {
    let mut likely: Vec<(&'static Info, Vec<Name>)> = registry
        .iter()
        .map(|info| {
            let theirs = |server: &&Name| info.serves(std::slice::from_ref(*server));
            (*info, nameservers.iter().filter(theirs).cloned().collect())
        })
        .collect();
    // Several may share an ending: as few hosts as explain the names, those with the most servers first.
    likely.sort_by_key(|(_, theirs): &(_, Vec<Name>)| std::cmp::Reverse(theirs.len()));
    let mut hosts: Vec<(&'static Info, Vec<Name>)> = Vec::new();
    for (info, theirs) in likely {
        let known = |server: &Name| hosts.iter().any(|(_, known)| known.contains(server));
        if theirs.iter().any(|server| !known(server)) {
            hosts.push((info, theirs));
        }
    }
    if hosts.len() < 2 { Vec::new() } else { hosts }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::find;

    fn slugs(hosts: &[(&'static Info, Vec<Name>)]) -> Vec<(&'static str, usize)> {
        hosts
            .iter()
            .map(|(info, servers)| (info.slug, servers.len()))
            .collect()
    }

    fn names(texts: &[&str]) -> Vec<Name> {
        texts.iter().map(|text| text.parse().unwrap()).collect()
    }

    #[test]
    fn two_hosts_are_told_from_one_with_several_names() {
        let of = |texts: &[&str]| slugs(&split(&names(texts)));
        assert_eq!(of(&["ns1.desec.io", "ns2.desec.org"]), []);
        assert_eq!(of(&["ns1.desec.io", "ns1.vanity.example"]), []);
        assert_eq!(of(&["ns1.example", "ns2.elsewhere.example"]), []);
        assert_eq!(of(&[]), []);
        assert_eq!(
            of(&[
                "ada.ns.cloudflare.com",
                "ns1.desec.io",
                "ns2.desec.org",
                "ns.vanity.example"
            ]),
            [("desec", 2), ("cloudflare", 1)]
        );
    }

    #[test]
    fn hosts_that_share_an_ending_are_not_two() {
        let desec = find("desec").unwrap();
        let twin: &'static Info = Box::leak(Box::new(Info {
            slug: "twin",
            nameservers: &["desec.io"],
            connect: desec.connect,
            ..*desec
        }));
        let both = |texts: &[&str]| slugs(&between(&[twin, desec], &names(texts)));
        assert_eq!(both(&["ns1.desec.io", "ns2.desec.org"]), []);
        assert_eq!(both(&["ns1.desec.io"]), []);
    }
}
