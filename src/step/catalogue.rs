//! Every finding that a run's start, and its watch over the legacy host, can come to: its stable id, how much it weighs, why
//! it matters, how to mend it, and where that is written.
//!
//! The texts stand here and nowhere else; what was found in a case is said by the judge. `docs/run-findings.md` is made from
//! it, and `rollout plan --rules` prints it.

use serde::Serialize;

use super::{Finding, Severity};

/// A kind of finding.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Rule {
    /// Stable id.
    pub id: &'static str,
    /// How much it weighs, unless a case says otherwise.
    pub severity: Severity,
    /// Where the rule is written.
    pub source: &'static str,
    /// Why it matters.
    pub why: &'static str,
    /// How to mend it, or what to do instead.
    pub mend: &'static str,
}

impl Rule {
    /// This finding in a case.
    #[must_use]
    pub fn found(&self, what: impl Into<String>) -> Finding {
        Finding {
            id: self.id.to_owned(),
            severity: self.severity,
            what: what.into(),
            why: self.why.to_owned(),
            mend: self.mend.to_owned(),
            about: String::new(),
            evidence: Vec::new(),
        }
    }
}

/// The rule with this id.
#[must_use]
pub fn rule(id: &str) -> Option<&'static Rule> {
    ALL.iter().copied().find(|rule| rule.id == id)
}

macro_rules! rules {
    ($($name:ident: $id:literal, $severity:ident, $source:literal, $why:literal, $mend:literal;)*) => {
        $(
            #[doc = concat!("`", $id, "` (", $source, "). ", $why)]
            pub const $name: Rule = Rule {
                id: $id,
                severity: Severity::$severity,
                source: $source,
                why: $why,
                mend: $mend,
            };
        )*
        /// All of them, by area.
        pub const ALL: &[&Rule] = &[$(&$name),*];
    };
}

rules! {
    // The zone, its servers and the resolvers.
    DNS_ZONE: "dns.zone", CouldNotTell, "RFC 1034 section 4.2",
        "without seeing what every server of the zone serves, no change is safe",
        "check the domain's name and its delegation, and that the zone's servers and the resolvers in the domain file answer from here";
    DNS_SERVER: "dns.server", CouldNotTell, "RFC 1034 section 4.3.5",
        "a sender may ask just this server, and a change is not visible before all of them serve it",
        "mend the server, or take it out of the delegation";
    DNS_NO_PATH: "dns.no-path", Warning, "RFC 4291 section 2",
        "these addresses could not be asked whether they serve a change; their other family was",
        "run where both address families work, if you can";
    DNS_DELEGATION: "dns.delegation", Warning, "RFC 1034 section 4.2.2",
        "parent and zone name different servers; only those the parent names are certain to be asked",
        "make both lists equal";
    DNS_TWO_HOSTS: "dns.two-hosts", Warning, "RFC 8901; RFC 1034 section 4.2.2",
        "each host may have a copy of the zone of its own, to be changed and signed apart, with all keys in both and a DS for each; this program changes one",
        "take one host out of the delegation, or make one the secondary of the other, so that both serve one zone; if a person keeps both alike, use `provider: manual`";
    CHAIN_BOGUS: "chain.bogus", Blocker, "RFC 4035 section 5",
        "validating senders get no answer already now",
        "mend it first: compare the DS at the registrar with the zone's keys, look at the signatures' dates";
    CHAIN_INSECURE: "chain.insecure", Blocker, "RFC 7672 section 2.2.1",
        "DANE protects a domain only where its MX records validate, and no step of this playbook signs the zone",
        "walk `playbook: dnssec-only` first, then run again; `exchange-dane` and `gateway-inline` sign by themselves";
    CHAIN_UNKNOWN: "chain.unknown", CouldNotTell, "RFC 4035 section 4.3",
        "a rollout must not start on a chain of trust that nobody could check",
        "check that root, parent and zone servers can be reached from here, over UDP and TCP";
    VANTAGE_DIFFERS: "vantage.differs", Warning, "RFC 1034 section 4.3.5",
        "senders behind it use that: an earlier version, or another view of the zone",
        "if it stays so after that time, find out where this resolver has it from";
    VANTAGE_FAILED: "vantage.failed", CouldNotTell, "RFC 7672 section 2.1.2",
        "either it cannot be reached, or it cannot resolve the domain: senders behind it could not deliver",
        "take it out of `resolve.resolvers` if it is not reachable from here; otherwise find out what it dislikes";
    PROVIDER_REFUSED: "provider.refused", Blocker, "the DNS provider's API",
        "without it the zone can be neither read nor changed",
        "check the credential and its rights in the domain file's `dns:` section";
    PROVIDER_UNREACHABLE: "provider.unreachable", CouldNotTell, "the DNS provider's API",
        "the next change depends on what it says",
        "try again; nothing was changed";
    PROVIDER_DIFFERS: "provider.differs", Blocker, "RFC 1034 section 4.2",
        "the account may hold another copy of the zone than the one that is delegated",
        "check that the delegation points to this provider and account";
    PROVIDER_ANNOUNCES: "provider.announces", Warning, "RFC 7344; RFC 8078 section 3",
        "a registry that scans for it publishes the DS without being asked, past the gate `ds`; registries wait some days before they do",
        "if the DS must wait for your word, do not start before you could give it";
    PROVIDER_HANDS_OVER: "provider.hands-over", Warning, "RFC 4035 section 5.2 (with a DS, answers without signatures are bogus)",
        "the DS can be live while caches still hold answers without signatures, past the gate `ds`: a validating resolver behind such a cache fails until they are gone, at the latest after the zone's largest TTL",
        "lower the TTLs of the zone's records first, wait as long as the largest of them was, and start then";
    PROVIDER_NOTE: "provider.note", Warning, "the DNS provider's API",
        "a change may not come to be seen in DNS as it should, and the run would wait for it",
        "settle it at the provider before the first change";
    REGISTRAR_REFUSED: "registrar.refused", Blocker, "the registrar's API",
        "the DS could not be brought to the parent when its time has come",
        "check the credential and its rights in the domain file's `registrar:` section, and that the domain is in that account";
    REGISTRAR_UNREACHABLE: "registrar.unreachable", CouldNotTell, "the registrar's API",
        "what it has on file for the domain is not known, and a DS that is there must not be overwritten",
        "try again; nothing was changed";
    REGISTRAR_HAS_DS: "registrar.has-ds", Blocker, "RFC 4035 section 5.2",
        "once the parent serves it, validating senders take the unsigned zone for bogus and deliver nothing",
        "remove that DS at the registrar, or find out which keys it belongs to";
    PROVIDER_SIGNING: "provider.signing", Warning, "RFC 4035 section 2",
        "the run will stop at a gate and ask for it",
        "turn DNSSEC on at the name server when asked, or move the zone to a provider that signs";
    PROVIDER_CANNOT_SIGN: "provider.cannot-sign", Blocker, "RFC 7672 section 2.2",
        "without DNSSEC no sender can rely on the domain's MX records, so there is no inbound DANE",
        "move the zone to a DNS host that signs (`rollout providers` lists them), or sign it on a hidden primary of your own from which the servers take it; the registrar can stay. Then run again";

    // The MX set: where mail goes now, and what Microsoft's procedure starts from.
    MX_DIFFERS: "mx.differs", CouldNotTell, "RFC 1034 section 4.3.5",
        "a change may be on its way, or one server is stale",
        "wait until all serve the same, or mend the one that lags";
    MX_NULL: "mx.null", Blocker, "RFC 7505",
        "it says that the domain takes no mail (RFC 7505)",
        "remove it if the domain shall take mail";
    MX_NONE: "mx.none", Blocker, "RFC 5321 section 5.1",
        "the documented procedure starts from a working MX at Exchange Online",
        "publish the MX that Microsoft 365 shows for the domain, then run again";
    MX_GATEWAY: "mx.gateway", Blocker, "Microsoft: implementing inbound SMTP DANE (limitations)",
        "with a gateway in front the MX stays where it is; what moves is the gateway's smart host, and DANE then protects the way from the gateway only",
        "leave this domain's MX alone; set the gateway's smart host to the DnssecMxValue of Enable-DnssecForVerifiedDomain, and see that the gateway validates DANE. `playbook: gateway-inline` in the domain file walks that";
    MX_NOT_NEW: "mx.not-new", Blocker, "Microsoft: how SMTP DANE works (prerequisites)",
        "this playbook turns DANE on for a domain that receives by mx.microsoft already, and moves nothing",
        "walk `playbook: exchange-dane`, which moves the MX first";
    MX_NOT_GATEWAY: "mx.not-gateway", Blocker, "Microsoft: implementing inbound SMTP DANE (limitations)",
        "this playbook is for a domain whose MX are all a gateway's and stay there",
        "walk `playbook: exchange-dane` where the MX are Exchange Online's; take the one or the other out of a set that names both";
    MX_NATIONAL_CLOUD: "mx.national-cloud", Blocker, "no page of Microsoft's describes mx.microsoft outside the worldwide cloud",
        "nothing shows that Exchange Online offers inbound DANE in this cloud",
        "keep the domain as it is; ask Microsoft when the cloud gets it";
    MX_THIRD_PARTY: "mx.third-party", Blocker, "Microsoft: how SMTP DANE works (prerequisites)",
        "a second MX at somebody else is outside Microsoft's procedure, and senders that fall to it get no DANE",
        "remove the record first, or keep the domain as it is";
    MX_ALREADY_NEW: "mx.already-new", Note, "Microsoft: Multi-Geo In-Region Routing; MC1048624",
        "the MX was moved before, or Exchange Online assigned it so: what is left are DNSSEC and Enable-SmtpDaneInbound",
        "nothing to do";
    MX_UNPROVEN: "mx.unproven", CouldNotTell, "RFC 5321 section 5.1",
        "the run looks at the mail hosts before each change, and from here it cannot",
        "run where port 25 is open outwards, or set `smtp.probe: advisory` to accept the risk";
    MX_REJECTS: "mx.rejects", Blocker, "RFC 5321 section 4.2.1",
        "mail is bouncing already now",
        "mend the tenant's mail flow first";
    MX_DOWN: "mx.down", Blocker, "RFC 5321 section 4.5.4.1",
        "mail is waiting already now",
        "find out why before anything is changed";
    MTA_STS_ENFORCED: "mta-sts.enforced", Warning, "RFC 8461 section 4.1",
        "it has to name the new host before the legacy one is removed",
        "the run will say exactly what to publish, and wait for it";
    MTA_STS_UNKNOWN: "mta-sts.unknown", CouldNotTell, "RFC 8461 section 3.3",
        "an enforcing policy that does not name the new host would stop mail to it",
        "make the policy reachable under https://mta-sts.DOMAIN/.well-known/mta-sts.txt, or remove the TXT record _mta-sts.DOMAIN";

    // The tenant, as Microsoft Graph knows it.
    GRAPH_REFUSED: "graph.refused", Blocker, "Microsoft Graph: domain resource",
        "Graph says which domains the tenant has and what they are for",
        "mend what is named above; `rollout plan` then looks again without changing anything";
    GRAPH_NOT_ASKED: "graph.not-asked", Warning, "Microsoft Graph: domain resource",
        "whether the domain is verified, has the Email service, and is not delegated to Microsoft 365 rests on Exchange Online and DNS alone",
        "add sign_in: under microsoft: in the domain file, with the permission Domain.Read.All, to have it cross-checked";
    EXCHANGE_BY_HAND: "exchange.by-hand", Note, "rollout: backend manual",
        "whether the domain is accepted, of which type, and what the service expects is then seen late or not at all",
        "run the reading cmdlets that `rollout microsoft commands FILE` shows, and give their output with --answer";
    EXCHANGE_PASTED: "exchange.pasted", Note, "rollout: backend manual",
        "it is a person's word; whatever DNS shows is looked up there instead",
        "paste newer output with --answer when something changed";
    GRAPH_UNREACHABLE: "graph.unreachable", CouldNotTell, "Microsoft Graph: domain resource",
        "it says whether the domain is verified and who runs its DNS",
        "try again; nothing was changed";
    TENANT_UNKNOWN_DOMAIN: "tenant.unknown-domain", Blocker, "Microsoft Graph: domain resource",
        "only a domain of the tenant can be moved",
        "check `domain:` and `microsoft.tenant` in the domain file";
    TENANT_UNVERIFIED: "tenant.unverified", Blocker, "Microsoft Graph: domain resource, isVerified",
        "Exchange Online takes no mail for it",
        "finish its set-up in the Microsoft 365 admin center";
    TENANT_INITIAL: "tenant.initial", Blocker, "Microsoft: implementing inbound SMTP DANE (limitations)",
        "Microsoft does not support DNSSEC and DANE for it, and nobody but Microsoft can change its zone",
        "move a domain of your own instead";
    TENANT_DELEGATED: "tenant.delegated", Blocker, "Microsoft: implementing inbound SMTP DANE (limitations); Graph isAdminManaged",
        "Microsoft does not support DNSSEC for domains whose name servers it runs",
        "move the zone to a DNS host that signs, then run again";
    TENANT_NO_EMAIL: "tenant.no-email", Blocker, "Microsoft Graph: domain resource, supportedServices",
        "it has no MX host at Exchange Online",
        "add the Email service to the domain in the Microsoft 365 admin center";

    // The domain, as Exchange Online knows it.
    EXCHANGE_REFUSED: "exchange.refused", Blocker, "Microsoft: Get-AcceptedDomain",
        "without it Exchange Online can be neither asked nor told anything",
        "mend what is named above; `rollout plan` then looks again without changing anything";
    EXCHANGE_UNREACHABLE: "exchange.unreachable", CouldNotTell, "Microsoft: Get-AcceptedDomain",
        "the next step depends on what it says",
        "try again; nothing was changed";
    EXCHANGE_NOT_ACCEPTED: "exchange.not-accepted", Blocker, "Microsoft: how SMTP DANE works (prerequisites)",
        "Exchange Online refuses its mail",
        "add it under Exchange admin center > Mail flow > Accepted domains";
    EXCHANGE_UNSUPPORTED: "exchange.unsupported", Blocker, "Microsoft: implementing inbound SMTP DANE (limitations)",
        "no field tells a self-service (viral) tenant's domain from others, only the cmdlet does: Microsoft supports neither those, nor initial, nor fully delegated domains",
        "read Microsoft's words above; a self-service tenant is taken over by an admin first (Microsoft: admin takeover), then run again";
    EXCHANGE_PENDING_REMOVAL: "exchange.pending-removal", Blocker, "Microsoft: Get-AcceptedDomain, PendingRemoval",
        "the domain is leaving the tenant, and its MX hosts leave with it: an MX that names them would lead nowhere",
        "let the removal be finished and leave the domain alone, or call it off with Set-AcceptedDomain -PendingRemoval $false";
    EXCHANGE_PENDING_COMPLETION: "exchange.pending-completion", Warning, "Microsoft: Get-AcceptedDomain, PendingCompletion",
        "Exchange Online has not finished setting the domain up; Enable-DnssecForVerifiedDomain may refuse it",
        "nothing to do unless the cmdlet refuses: then wait until the domain is Healthy in the admin center";
    EXCHANGE_NO_INBOUND: "exchange.no-inbound", Blocker, "Microsoft: Get-AcceptedDomain, OutboundOnly, SendingToDomainDisabled",
        "there is no inbound mail at Exchange Online to move",
        "make it a receiving domain first, with Set-AcceptedDomain -OutboundOnly $false or -SendingToDomainDisabled $false; or leave its MX where it is";
    EXCHANGE_RELAY: "exchange.relay", Warning, "Microsoft: accepted domains; hybrid deployments",
        "mail for recipients that the tenant does not know leaves by a connector, mostly to own servers, and those often send back to the domain's legacy host",
        "check the smart hosts of the own servers' send connectors (Get-SendConnector on them): where one is the legacy host, write TENANT.mail.protection.outlook.com";
    EXCHANGE_COEXISTENCE: "exchange.coexistence", Warning, "Microsoft: Get-AcceptedDomain, IsCoexistenceDomain",
        "own servers route by this name, so their send connectors may name its legacy host, which cannot be seen from the tenant",
        "check the own servers' send connectors: where a smart host is the legacy host, write TENANT.mail.protection.outlook.com";
    EXCHANGE_EMAIL_ONLY: "exchange.email-only", Note, "Microsoft: Get-AcceptedDomain, EmailOnly",
        "the domain's users sign in elsewhere; for its mail that makes no difference",
        "nothing to do";
    EXCHANGE_STATE: "exchange.state", Warning, "Microsoft: Get-DnssecStatusForVerifiedDomain",
        "the run looks at DNS instead and reads back after each cmdlet",
        "nothing to do";
    EXCHANGE_MX_DIFFERS: "exchange.mx-differs", Warning, "Microsoft: Get-DnssecStatusForVerifiedDomain; Graph serviceConfigurationRecords",
        "one of the two lags or errs; the run takes a host from Exchange Online alone, and only when Graph does not name another one under mx.microsoft",
        "wait an hour and plan again; if they still differ, compare with the admin center (Settings > Domains > DNS records) and ask Microsoft";
    EXCHANGE_EX003: "exchange.ex003", Note, "Microsoft: Get-DnssecStatusForVerifiedDomain, -SkipMxValidation",
        "the service's check expects preference 10, while Microsoft's own procedure ends at 0: who follows it gets this message, and 0 and 10 are both right",
        "nothing to do; what the MX is worth is decided by the DNS";
    EXCHANGE_ADVICE: "exchange.advice", Warning, "Microsoft: Get-DnssecStatusForVerifiedDomain",
        "the service's own validation; it contradicts the documented procedure at times",
        "nothing to do unless a step stops";
    EXCHANGE_IPV6: "exchange.ipv6", Note, "Microsoft: Get-IPv6StatusForAcceptedDomain; MC835648",
        "senders may come by either family, and each address has to be right; the state can be an hour old and does not depend on DANE",
        "nothing to do: every address of a host is looked at";
    EXCHANGE_IPV6_DIFFERS: "exchange.ipv6-differs", Note, "Microsoft: Get-IPv6StatusForAcceptedDomain; MC835648",
        "the state can be an hour old, so one of the two is on its way",
        "nothing to do; if it stays so, ask Microsoft: Enable- or Disable-IPv6ForAcceptedDomain decides";

    // What sends to the legacy host by its name.
    CONNECTORS_SMART_HOST: "connectors.smart-host", Blocker, "Microsoft: how SMTP DANE works (smart hosts and connectors)",
        "Microsoft warns that mail sent to the domain's own legacy name fails after the move",
        "write the tenant's name instead: TENANT.mail.protection.outlook.com (Set-OutboundConnector -SmartHosts), then run again";
    CONNECTORS_DISABLED: "connectors.disabled", Note, "Microsoft: how SMTP DANE works (smart hosts and connectors)",
        "switched on again after the move, it would send to a name that may be gone",
        "change or remove it when you can";
    CONNECTORS_INBOUND: "connectors.inbound", Warning, "Microsoft: Get-InboundConnector, TlsSenderCertificateName",
        "it recognises who delivers by that name, which nothing has any more after the move",
        "see which server it is meant for, and name that server's certificate";
    CONNECTORS_UNKNOWN: "connectors.unknown", Warning, "Microsoft: Get-OutboundConnector, Get-InboundConnector",
        "a connector whose smart host is the domain's legacy host fails after the move, and nobody looked whether there is one",
        "grant the identity View-Only Configuration (or Exchange Administrator), or look yourself: Get-OutboundConnector | Format-List Name,Enabled,SmartHosts";
    CONNECTORS_UNSEEN: "connectors.unseen", Note, "Microsoft: how SMTP DANE works (smart hosts and connectors)",
        "own servers, devices, services with an address of their own and partners may have the legacy host as smart host, which no tenant can see; their mail fails after the move",
        "ask them, and have them write TENANT.mail.protection.outlook.com; then answer the gate `smart-hosts`, by `rollout approve DOMAIN smart-hosts` or `approve: [smart-hosts]` in the domain file";

    // The legacy host while the run relies on it.
    LEGACY_GONE: "legacy.gone", Blocker, "Microsoft: how SMTP DANE works (smart hosts and connectors); RFC 8020",
        "caches may still name a host that no sender can find any more",
        "see what is safe now, above";
    LEGACY_NO_ADDRESS: "legacy.no-address", Blocker, "RFC 5321 section 5.1",
        "caches may still name a host that has no address any more",
        "see what is safe now, above";
    LEGACY_SILENT: "legacy.silent", Blocker, "RFC 5321 section 4.5.4.1",
        "caches may still name a host that no longer answers, while others answer from here",
        "see what is safe now, above";
    LEGACY_REFUSES: "legacy.refuses", Blocker, "RFC 5321 section 4.2.1; Microsoft: In-Region Routing (SMTP errors)",
        "caches may still name a host that refuses the domain's mail",
        "see what is safe now, above";
    LEGACY_UNKNOWN: "legacy.unknown", CouldNotTell, "RFC 7672 section 2.1.2",
        "the MX set relies on this host, or going back does, and nobody saw it taking mail",
        "run again; if it stays so, run where DNS and port 25 are open outwards, or set `smtp.probe: advisory` to accept the risk";
    TLS_RPT_NONE: "tls-rpt.none", Note, "RFC 8460 section 3",
        "senders that meet a failure of TLS would tell, and nobody asks them to",
        "publish a TLS-RPT record; `rollout plan` shows the whole of it";
    CHANGE_FREEZES: "change.freezes", CouldNotTell, "rollout: change.freeze_file in the domain file",
        "a freeze may have been declared, and a change must not be made in one",
        "mend the freeze file, or take `freeze_file` out of the domain file; then run again";
    CLOCK_JUMPED: "clock.jumped", Blocker, "the rules of time, T5",
        "waits end at absolute instants; a wrong clock ends them too early",
        "synchronise the clock, then run again";
}
