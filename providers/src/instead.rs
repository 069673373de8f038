//! Who signs a zone where, and what to do where nobody can.

use serde::Serialize;

use crate::{Info, registry};

/// Who signs a zone that a provider serves.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum SignedBy {
    /// The provider, when it is told to through its interface, or always.
    Interface,
    /// A person: in the server's configuration, or in the pages of the DNS host.
    Person,
    /// Nobody, as far as its interface goes: the zone has to be signed elsewhere.
    Nobody,
}

impl Info {
    /// Who signs a zone that it serves. One that serves zones under names of its own is a host whose servers nobody else
    /// can configure; one without is a server of somebody's own.
    #[must_use]
    pub const fn signed_by(&self) -> SignedBy {
        if self.capabilities.signs {
            SignedBy::Interface
        } else if self.nameservers.is_empty() || !self.capabilities.reads {
            SignedBy::Person
        } else {
            SignedBy::Nobody
        }
    }

    /// What to do instead where it cannot sign, as sentences; `None` where a zone can be signed there.
    #[must_use]
    pub fn instead(&self) -> Option<String> {
        (self.signed_by() == SignedBy::Nobody).then(|| {
            instead(
                self.title,
                self.capabilities.registrar.is_some(),
                &signing_hosts(),
            )
        })
    }
}

/// The hosts that sign through their interface, by title; no servers of one's own.
fn signing_hosts() -> Vec<&'static str> {
    registry()
        .iter()
        .filter(|info| info.capabilities.signs && !info.nameservers.is_empty())
        .map(|info| info.title)
        .collect()
}

fn instead(title: &str, registrar: bool, hosts: &[&str]) -> String {
    let stays = if registrar {
        format!(
            "the domain can stay registered at {title}, which takes the DS through its interface"
        )
    } else {
        "the registrar can stay the same".to_owned()
    };
    format!(
        "{title} offers no way to sign a zone through its interface. Move the zone to a host that signs ({}), or sign it on a \
         hidden primary of your own from which its servers take it by zone transfer; {stays}. If {title} signs in its own \
         pages, turn it on there.",
        hosts.join(", ")
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::find;

    #[test]
    fn every_provider_says_who_signs() {
        let by = |slug: &str| find(slug).unwrap().signed_by();
        assert_eq!(by("desec"), SignedBy::Interface);
        assert_eq!(by("powerdns"), SignedBy::Interface);
        // A server of one's own is signed in its configuration.
        assert_eq!(by("rfc2136"), SignedBy::Person);
        assert_eq!(by("manual"), SignedBy::Person);
        for info in registry() {
            let nobody = info.signed_by() == SignedBy::Nobody;
            assert_eq!(info.instead().is_some(), nobody, "{}", info.slug);
        }
    }

    #[test]
    fn a_host_that_cannot_sign_says_what_to_do_instead() {
        let desec = find("desec").unwrap();
        let host = |registrar| Info {
            slug: "elsewhere",
            title: "Elsewhere",
            nameservers: &["elsewhere.example"],
            capabilities: crate::Capabilities {
                signs: false,
                keys: false,
                registrar,
                ..desec.capabilities
            },
            connect: desec.connect,
            ..*desec
        };
        let said = host(None).instead().unwrap();
        for wanted in [
            "Elsewhere offers no way",
            "deSEC",
            "hidden primary",
            "registrar can stay",
        ] {
            assert!(said.contains(wanted), "{wanted}: {said}");
        }
        assert!(!said.contains("PowerDNS"), "a server is no host: {said}");
        let said = host(Some(crate::Takes::Ds)).instead().unwrap();
        assert!(said.contains("stay registered at Elsewhere"), "{said}");
    }
}
