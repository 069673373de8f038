//! Every check: its stable id, what it looks at, why a rollout needs it, which checks have to pass before it, and where
//! that is written.
//!
//! The texts stand here and nowhere else. What was found in a case is said by the judge.

use serde::Serialize;

use super::check::{Area, Check, State};

/// A kind of check.
#[derive(Debug, PartialEq, Eq, Serialize)]
pub struct Rule {
    /// Stable id.
    pub id: &'static str,
    /// What it belongs to.
    pub area: Area,
    /// What is looked at.
    pub looks_at: &'static str,
    /// Why it is needed.
    pub why: &'static str,
    /// What has to pass before it can be made.
    pub after: &'static [&'static str],
    /// Where that is written.
    pub source: &'static str,
}

impl Rule {
    /// What is needed is there.
    #[must_use]
    pub fn passed(&self, what: impl Into<String>) -> Check {
        self.ended(State::Passed, what)
    }

    /// It is not there.
    #[must_use]
    pub fn failed(&self, what: impl Into<String>) -> Check {
        self.ended(State::Failed, what)
    }

    /// Nobody knows.
    #[must_use]
    pub fn could_not_tell(&self, what: impl Into<String>) -> Check {
        self.ended(State::CouldNotTell, what)
    }

    /// This domain file does not need it.
    #[must_use]
    pub fn not_needed(&self, what: impl Into<String>) -> Check {
        self.ended(State::NotNeeded, what)
    }

    /// Another check has to pass before this one can be made.
    #[must_use]
    pub fn not_checked(&self, because: &'static str) -> Check {
        Check {
            because: Some(because),
            ..self.ended(
                State::CouldNotTell,
                format!("Not checked, because {because} did not pass."),
            )
        }
    }

    fn ended(&self, state: State, what: impl Into<String>) -> Check {
        Check {
            id: self.id,
            area: self.area,
            about: String::new(),
            state,
            what: what.into(),
            why: self.why,
            because: None,
            mend: None,
            remarks: Vec::new(),
            source: self.source,
        }
    }
}

impl Check {
    /// The same, about one of several things of the kind.
    #[must_use]
    pub fn about(mut self, about: impl Into<String>) -> Self {
        self.about = about.into();
        self
    }
}

/// The rule with this id.
#[must_use]
pub fn rule(id: &str) -> Option<&'static Rule> {
    ALL.iter().copied().find(|rule| rule.id == id)
}

macro_rules! rules {
    ($($name:ident: $id:literal, $area:ident, $after:expr, $source:literal, $looks_at:literal, $why:literal;)*) => {
        $(
            #[doc = concat!("`", $id, "` (", $source, "): ", $looks_at)]
            pub const $name: Rule = Rule {
                id: $id,
                area: Area::$area,
                looks_at: $looks_at,
                why: $why,
                after: $after,
                source: $source,
            };
        )*
        /// All of them, by area, in the order shown.
        pub const ALL: &[&Rule] = &[$(&$name),*];
    };
}

rules! {
    FILE_LOADS: "file.loads", Here, &[], "README, domain file",
        "the domain file and the playbook that it names are read and have no mistake",
        "everything else is said in it";
    SECRET_READABLE: "secret.readable", Here, &["file.loads"], "README, domain file",
        "each secret that the domain file refers to can be read, is long enough to be kept out of output, and is nobody else's to read",
        "without it the service behind it refuses everything";
    STATE_FOLDER: "state.folder", Here, &[], "rule S10",
        "the folder of the state file is there or can be made, belongs to its owner alone, and can be written",
        "a run that cannot be journalled is not begun, and its journal is nobody else's to read or change";
    CLOCK_SKEW: "clock.skew", Here, &["reach.https"], "RFC 9110 section 6.6.1; RFC 8945 section 5.2.3",
        "this machine's clock against the Date of every answer over HTTPS; 30 s are worth a remark, 5 min fail",
        "tokens, certificates, DNSSEC signatures and TSIG are refused outside of their time, and waits end at absolute times";

    SIGN_IN_GRAPH: "sign-in.graph", Microsoft, &["secret.readable"], "Microsoft Entra, OAuth 2.0 client credentials",
        "signing in for Microsoft Graph",
        "Graph says whether the tenant has the domain, who manages its DNS and which MX it expects";
    SIGN_IN_EXCHANGE: "sign-in.exchange", Microsoft, &["secret.readable"], "Microsoft Entra, OAuth 2.0 client credentials",
        "signing in for Exchange Online",
        "Exchange Online assigns the new MX host and switches inbound DANE on";
    TOKEN_TENANT: "token.tenant", Microsoft, &["sign-in.graph", "sign-in.exchange"], "Microsoft Entra, access token claims (tid)",
        "the tenant that the tokens are for is the one of the domain file",
        "a token of another tenant would look at, and change, somebody else's domains";
    GRAPH_PERMISSION: "graph.permission", Microsoft, &["sign-in.graph"], "Microsoft Graph, List serviceConfigurationRecords",
        "the permission Domain.Read.All on Microsoft Graph, or a higher one",
        "without it Graph does not show the domain";
    GRAPH_DOMAIN: "graph.domain", Microsoft, &["sign-in.graph", "graph.permission"], "Microsoft Graph, Get domain",
        "a call to Graph for the domain works, and the tenant has the domain and has proven that it owns it",
        "only a verified domain of the tenant can be moved";
    EXCHANGE_PERMISSION: "exchange.permission", Microsoft, &["sign-in.exchange"], "Microsoft, App-only authentication in Exchange Online PowerShell",
        "the permission Exchange.ManageAsApp on Office 365 Exchange Online, told apart from those that look alike",
        "without it Exchange Online answers every cmdlet with HTTP 401";
    EXCHANGE_ROLE: "exchange.role", Microsoft, &["sign-in.exchange", "exchange.permission"], "Microsoft, App-only authentication in Exchange Online PowerShell",
        "the directory role Exchange Administrator, or an Exchange role group that holds the same cmdlets",
        "the permission opens the door, the role says what may be done behind it: without it every cmdlet is refused with HTTP 403";
    EXCHANGE_CMDLETS: "exchange.cmdlets", Microsoft, &["sign-in.exchange", "exchange.permission", "exchange.role"], "Exchange Online, EXOModuleFile",
        "every cmdlet that a rollout and its way back run is among those that this identity may run",
        "a rollout that lacks one would stand half-way";
    EXCHANGE_DOMAIN: "exchange.domain", Microsoft, &["sign-in.exchange", "exchange.permission", "exchange.role"], "Exchange Online, Get-AcceptedDomain",
        "a call to Exchange Online for the domain works, and the domain is an accepted domain",
        "Exchange Online takes mail for accepted domains only";
    PERSON_RIGHTS: "person.rights", Microsoft, &[], "Microsoft, Connect to Exchange Online PowerShell",
        "what runs the cmdlets instead of this program, a person or Microsoft's PowerShell module, needs; nothing is asked",
        "with backend: manual or pwsh nobody signs in for this program";

    PROVIDER_ACCESS: "provider.access", Provider, &["secret.readable"], "the provider's interface",
        "the DNS provider takes the credentials, and they see the zone and its MX records",
        "every record of a rollout is changed through it";
    PROVIDER_RIGHTS: "provider.rights", Provider, &["provider.access"], "the provider's interface",
        "each right that the provider's credentials need, as far as anything but a write shows it",
        "a rollout that may not write a record would stand half-way";
    REGISTRAR_ACCESS: "registrar.access", Provider, &["secret.readable"], "the registrar's interface",
        "the registrar takes the credentials, and they see which DS records it has on file for the domain",
        "the DS that ties the zone to its parent is brought there";

    REACH_HTTPS: "reach.https", Reach, &[], "Microsoft 365 URLs and IP address ranges",
        "HTTPS to sign-in, Graph, Exchange Online and the DNS provider's interface",
        "every call goes there";
    REACH_RESOLVER: "reach.resolver", Reach, &[], "RFC 4035 section 3.2",
        "each resolver of the domain file answers, and validates DNSSEC",
        "they show what senders see; one that does not answer holds a rollout up, one that does not validate shows nothing of DNSSEC";
    REACH_DNS_UDP: "reach.dns-udp", Reach, &[], "RFC 1035 section 4.2.1",
        "port 53 over UDP to every authoritative server of the zone",
        "a wait begins when every server was seen with the change";
    REACH_DNS_TCP: "reach.dns-tcp", Reach, &["reach.dns-udp"], "RFC 7766 section 5",
        "port 53 over TCP to every authoritative server of the zone",
        "keys and signatures do not always fit into UDP";
    REACH_SMTP: "reach.port-25", Reach, &[], "RFC 5321 section 4.5.4",
        "port 25 outward, to the hosts that the domain's MX names",
        "hosts are proven as senders meet them, before anything relies on them";
    REACH_MTA_STS: "reach.mta-sts", Reach, &[], "RFC 8461 section 3.3",
        "HTTPS to the MTA-STS policy host, where the domain has a policy",
        "an enforcing policy that does not name the new host would hold mail up";
    REACH_IPV6: "reach.ipv6", Reach, &[], "RFC 4291 section 2",
        "a path to IPv6, where servers of the zone or its mail hosts have such addresses",
        "senders with IPv6 use these addresses, and what nobody sees from here is not proven";
}
