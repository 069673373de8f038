//! Every finding that reports can lead to: `docs/tlsrpt-findings.md` is made from it, and `rollout tlsrpt --rules` prints it.

pub use crate::step::catalogue::Rule;

use super::ResultType;
use crate::step::Severity;

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
        /// All of them.
        pub const ALL: &[&Rule] = &[$(&$name),*];
    };
}

rules! {
    STARTTLS: "tlsrpt.starttls-not-supported", Blocker, "RFC 8460 section 4.3.1",
        "where TLS is demanded, such a sender keeps the mail and in the end returns it",
        "see that the host offers STARTTLS to everybody, and that nothing on the way takes it out; `rollout verify` tries it";
    HOST_MISMATCH: "tlsrpt.certificate-host-mismatch", Blocker, "RFC 8460 section 4.3.1",
        "the certificate is for other names, so a sender that checks it does not deliver",
        "have a certificate issued for the name in the MX record";
    EXPIRED: "tlsrpt.certificate-expired", Blocker, "RFC 8460 section 4.3.1",
        "a sender that checks the certificate does not deliver",
        "renew the certificate, and find out why nobody was told before";
    NOT_TRUSTED: "tlsrpt.certificate-not-trusted", Blocker, "RFC 8460 section 4.3.1",
        "the chain leads to no authority that the sender trusts, so it does not deliver",
        "serve the whole chain; for MTA-STS it must lead to a public authority";
    VALIDATION: "tlsrpt.validation-failure", Blocker, "RFC 8460 section 4.3.1",
        "the sender could not validate the session and says no more",
        "read its reason; `rollout verify` shows what a sender meets";
    TLSA_INVALID: "tlsrpt.tlsa-invalid", Blocker, "RFC 8460 section 4.3.2.1; RFC 7672 section 2.2",
        "no TLSA record matches what the host served, so senders that validate DANE keep the mail",
        "compare the TLSA records with the certificate now: `rollout verify`, `rollout dane match`; publish the new key's record before the key is used";
    DNSSEC_INVALID: "tlsrpt.dnssec-invalid", Blocker, "RFC 8460 section 4.3.2.1; RFC 7672 section 2.1.2",
        "a resolver found the domain or its mail host bogus, so senders behind it keep the mail",
        "look at the chain of trust: `rollout verify --explain`";
    DANE_REQUIRED: "tlsrpt.dane-required", Blocker, "RFC 8460 section 4.3.2.1",
        "a sender was told to use nothing but DANE and found no usable TLSA records",
        "publish TLSA records for every MX host, or have that sender told otherwise";
    STS_FETCH: "tlsrpt.sts-policy-fetch-error", Warning, "RFC 8460 section 4.3.2.2; RFC 8461 section 3.3",
        "the sender delivers without the policy, or by the one it had before",
        "see that https://mta-sts.DOMAIN/.well-known/mta-sts.txt answers everybody with 200 and a certificate for that name";
    STS_INVALID: "tlsrpt.sts-policy-invalid", Warning, "RFC 8460 section 4.3.2.2; RFC 8461 section 3.2",
        "a policy that cannot be read protects nobody",
        "mend the policy; `rollout verify` says what is wrong with it";
    STS_WEBPKI: "tlsrpt.sts-webpki-invalid", Blocker, "RFC 8460 section 4.3.2.2; RFC 8461 section 4.2",
        "the mail host's certificate fails ordinary validation, so senders with an enforced policy keep the mail",
        "serve a certificate of a public authority for the name in the MX record, with its whole chain";
    OTHER: "tlsrpt.other", Warning, "RFC 8460 section 4.3.3",
        "the sender names a reason that RFC 8460 does not know",
        "read its words";
    UNEXPLAINED: "tlsrpt.unexplained", Warning, "RFC 8460 section 4.4",
        "sessions failed, and the sender does not say why",
        "ask it by the contact in its report; `rollout verify` shows what a sender meets";
    UNPROTECTED: "tlsrpt.no-policy-found", Note, "RFC 8460 section 4.2",
        "these senders found neither TLSA records nor an MTA-STS policy, so anybody on the way could have taken TLS out",
        "nothing, before the move; after it, look whether they are senders that know neither, or resolvers that do not validate";
    UNREADABLE: "tlsrpt.unreadable", CouldNotTell, "RFC 8460 section 4",
        "what it would have told is missing from all counts",
        "have it sent or saved again; if it stays so, tell its sender";
}

/// The rule for a reason of failure.
#[must_use]
pub const fn of(result: &ResultType) -> &'static Rule {
    match result {
        ResultType::StarttlsNotSupported => &STARTTLS,
        ResultType::CertificateHostMismatch => &HOST_MISMATCH,
        ResultType::CertificateExpired => &EXPIRED,
        ResultType::CertificateNotTrusted => &NOT_TRUSTED,
        ResultType::ValidationFailure => &VALIDATION,
        ResultType::TlsaInvalid => &TLSA_INVALID,
        ResultType::DnssecInvalid => &DNSSEC_INVALID,
        ResultType::DaneRequired => &DANE_REQUIRED,
        ResultType::StsPolicyFetchError => &STS_FETCH,
        ResultType::StsPolicyInvalid => &STS_INVALID,
        ResultType::StsWebpkiInvalid => &STS_WEBPKI,
        ResultType::Other(_) => &OTHER,
    }
}
