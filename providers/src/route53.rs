//! Amazon Route 53.
//!
//! A record set is deleted with exactly the values it has and created anew in one batch, all or nothing: the vendor itself
//! compares. A change is accepted some time before the name servers have it; they are watched by DNS, so nothing is asked about
//! its progress.

mod domains;
mod signing;
mod wire;

use std::{sync::Arc, time::Duration};

use async_trait::async_trait;
use reqwest::Method;
use serde::de::DeserializeOwned;

use self::{
    domains::Domains,
    wire::{WireChanges, WireHostedZone, WireSet, WireSets, WireZones},
};
use crate::{
    Access, Call, Capabilities, Change, Counts, Delegation, Error, Field, HandsOver, Info, Kind, Limit, Name, Outcome, Provider, RecordType,
    Registrar, Result, Right, Rrset, ShownBy, Signer, TTL_MAX, Takes, Writes, Zone,
    auth::{SigV4, canonical_query},
    guard::{self, Verdict},
    http::{Explained, Http, Request},
};

/// The endings that its name servers have: `ns-1.awsdns-00.com` and so on.
macro_rules! awsdns {
    ($($number:literal)*) => {
        &[$(
            concat!("awsdns-", $number, ".com"),
            concat!("awsdns-", $number, ".net"),
            concat!("awsdns-", $number, ".org"),
            concat!("awsdns-", $number, ".co.uk"),
        )*]
    };
}

pub(crate) static INFO: Info = Info {
    slug: "route53",
    title: "Amazon Route 53",
    docs: "https://docs.aws.amazon.com/Route53/latest/APIReference/",
    nameservers: awsdns!(
        "00" "01" "02" "03" "04" "05" "06" "07" "08" "09" "10" "11" "12" "13" "14" "15" "16" "17" "18" "19" "20" "21"
        "22" "23" "24" "25" "26" "27" "28" "29" "30" "31" "32" "33" "34" "35" "36" "37" "38" "39" "40" "41" "42" "43"
        "44" "45" "46" "47" "48" "49" "50" "51" "52" "53" "54" "55" "56" "57" "58" "59" "60" "61" "62" "63"
    ),
    fields: &[
        Field { key: "access-key-id", meaning: "id of an access key", env: "AWS_ACCESS_KEY_ID", secret: false, default: None },
        Field {
            key: "secret-access-key",
            meaning: "the access key's secret",
            env: "AWS_SECRET_ACCESS_KEY",
            secret: true,
            default: None,
        },
        Field {
            key: "session-token",
            meaning: "the session token, where the access key is one that ends",
            env: "AWS_SESSION_TOKEN",
            secret: true,
            default: Some(""),
        },
        Field {
            key: "kms-key",
            meaning: "ARN of the KMS key to sign the zone with; not needed where the zone has an active key-signing key",
            env: "ROUTE53_KMS_KEY",
            secret: false,
            default: Some(""),
        },
        Field {
            key: "url",
            meaning: "address of the interface",
            env: "ROUTE53_URL",
            secret: false,
            default: Some("https://route53.amazonaws.com"),
        },
        Field {
            key: "domains-url",
            meaning: "address of the registrar's interface",
            env: "ROUTE53_DOMAINS_URL",
            secret: false,
            default: Some("https://route53domains.us-east-1.amazonaws.com"),
        },
    ],
    capabilities: Capabilities {
        reads: true,
        signs: true,
        keys: true,
        writes: Writes::Guarded,
        delegation: Delegation::ByHand,
        registrar: Some(Takes::Dnskey),
        ttl_floor: "none",
    },
    // A bucket of 50 requests for the account, filled up by 10 in a second.
    // https://docs.aws.amazon.com/Route53/latest/DeveloperGuide/throttling-api-requests.html
    limits: &[Limit::of_credential(Counts::All, 50, Duration::from_secs(5))],
    rights: "An access key of an IAM user or role with a policy for this hosted zone alone, and for the domain where Route 53 \
             Domains is its registrar. To sign the zone: a KMS key in us-east-1 (customer managed, ECC_NIST_P256, SIGN_VERIFY) \
             whose policy lets dnssec-route53.amazonaws.com use it.",
    access: Access {
        rights: &[
            Right {
                name: "route53:ListHostedZonesByName, route53:GetHostedZone, route53:ListResourceRecordSets",
                purpose: "find the zone and read its record sets",
                shown_by: ShownBy::Reading,
            },
            Right {
                name: "route53:ChangeResourceRecordSets",
                purpose: "change the MX and MTA-STS records",
                shown_by: ShownBy::Write,
            },
            Right { name: "route53:GetDNSSEC", purpose: "tell whether the zone is signed", shown_by: ShownBy::SigningStatus },
            Right {
                name: "route53:CreateKeySigningKey, route53:ActivateKeySigningKey, route53:EnableHostedZoneDNSSEC, \
                       route53:DisableHostedZoneDNSSEC, and kms:DescribeKey, kms:GetPublicKey, kms:Sign, kms:CreateGrant for \
                       the KMS key",
                purpose: "sign the zone, and go back",
                shown_by: ShownBy::Write,
            },
            Right {
                name: "route53domains:GetDomainDetail, route53domains:GetOperationDetail, \
                       route53domains:AssociateDelegationSignerToDomain, route53domains:DisassociateDelegationSignerFromDomain",
                purpose: "publish the DS where Route 53 Domains is the registrar",
                shown_by: ShownBy::Write,
            },
        ],
        made_at: "The AWS console, IAM, Users, Security credentials, Create access key; its policy in IAM, Policies.",
        told: "Route 53 does not say which rights an access key has, only refuses what it may not do.",
    },
    connect: |fields, options| {
        let secret = fields.secret("secret-access-key");
        let token = Some(fields.secret("session-token")).filter(|_| !fields.text("session-token").is_empty());
        let identity: Vec<_> = [secret.clone()].into_iter().chain(token.clone()).collect();
        let client = |url: &str, service, explain| {
            let signer = SigV4 {
                key_id: fields.text("access-key-id").to_owned(),
                secret: secret.clone(),
                token: token.clone(),
                region: "us-east-1",
                service,
            };
            let http = Http::new(&INFO, fields.text(url), &[], explain, &options)?;
            Ok::<_, Error>(http.authorized(&INFO, Arc::new(signer), &identity, &options))
        };
        let kms_key = Some(fields.text("kms-key").to_owned()).filter(|key| !key.is_empty());
        if let Some(key) = &kms_key
            && signing::key_id(key).is_none()
        {
            let why = "it is no ARN of a key in us-east-1, such as arn:aws:kms:us-east-1:111122223333:key/...";
            return Err(fields.wrong("kms-key", why));
        }
        let domains = Domains(client("domains-url", "route53domains", domains::explain)?);
        Ok(Box::new(Route53 { http: client("url", "route53", explain)?, domains, kms_key }))
    },
};

#[derive(Debug)]
struct Route53 {
    http: Http,
    domains: Domains,
    kms_key: Option<String>,
}

/// The version of the interface, which begins every path.
const VERSION: &str = "2013-04-01";

fn explain(_: u16, body: &[u8]) -> Explained {
    let Some((code, message)) = wire::complaint(body) else {
        return Explained::default();
    };
    let not_as_believed = ["but it was not found", "do not match the current values", "but it already exists"];
    let kind = match code.as_str() {
        "InvalidChangeBatch" if not_as_believed.iter().any(|words| message.contains(words)) => Some(Kind::Conflict),
        "ConcurrentModification" => Some(Kind::Conflict),
        code => kind_of(code),
    };
    Explained { kind, code: Some(code.into()), message: Some(message) }
}

/// What a code says that all of Amazon's interfaces share, most of them with the status 400.
/// <https://docs.aws.amazon.com/Route53/latest/APIReference/CommonErrors.html>
fn kind_of(code: &str) -> Option<Kind> {
    Some(match code {
        "Throttling" | "ThrottlingException" | "PriorRequestNotComplete" | "OperationLimitExceeded" => Kind::Throttled(None),
        "InvalidClientTokenId" | "UnrecognizedClientException" | "SignatureDoesNotMatch" | "InvalidSignatureException"
        | "IncompleteSignature" | "IncompleteSignatureException" | "MissingAuthenticationToken"
        | "MissingAuthenticationTokenException" | "ExpiredToken" | "ExpiredTokenException" | "RequestExpired" => Kind::Auth,
        "AccessDenied" | "AccessDeniedException" | "NotAuthorized" | "OptInRequired" => Kind::Forbidden,
        _ => return None,
    })
}

/// An error of a request that came after another one that was taken: something was changed, whatever became of this one.
fn halfway(error: Error) -> Error {
    let kind = if error.is_temporary() { Kind::Unknown } else { error.kind };
    Error { kind, ..error }
}

impl Route53 {
    fn request(&self, call: Call, operation: &str, method: Method, below: &[&str]) -> Request {
        self.http.request(call, operation, method, &[&[VERSION], below].concat())
    }

    /// A question with a query, which is sent exactly as it is signed.
    fn question(&self, call: Call, operation: &str, below: &[&str], query: &[(&str, &str)]) -> Request {
        let mut request = self.request(call, operation, Method::GET, below).query(query);
        let exact = canonical_query(&request.url);
        request.url.set_query(Some(exact.as_str()).filter(|query| !query.is_empty()));
        request
    }

    async fn xml<T: DeserializeOwned>(&self, request: &Request) -> Result<T> {
        let answer = self.http.send(request).await?;
        quick_xml::de::from_reader(answer.body.as_slice()).map_err(|error| self.http.unread(request, error))
    }

    /// Every zone of that name, private ones too. The list begins at the name, and goes on to the end of all.
    async fn zones(&self, apex: &Name, operation: &str) -> Result<Vec<WireHostedZone>> {
        let mut found = Vec::new();
        let mut from = (apex.fqdn(), None::<String>);
        loop {
            let mut query = vec![("dnsname", from.0.as_str())];
            query.extend(from.1.as_deref().map(|id| ("hostedzoneid", id)));
            let page: WireZones = self.xml(&self.question(Call::Zone, operation, &["hostedzonesbyname"], &query)).await?;
            found.extend(page.zones.list.into_iter().filter(|zone| wire::name(&zone.name).as_ref() == Some(apex)));
            match (page.next_name, page.next_id) {
                (Some(name), Some(id)) if page.is_truncated && wire::name(&name).as_ref() == Some(apex) => {
                    from = (name, Some(id));
                }
                _ => return Ok(found),
            }
        }
    }

    /// The set, and how the vendor wrote it: a deletion must repeat exactly that.
    async fn live(&self, zone: &Zone, name: &Name, rtype: RecordType) -> Result<Option<(Rrset, WireSet)>> {
        let operation = format!("read {rtype} at {name}");
        let query = [("name", name.fqdn()), ("type", rtype.to_string()), ("maxitems", "1".to_owned())];
        let query = query.each_ref().map(|(key, value)| (*key, value.as_str()));
        let request = self.question(Call::Read, &operation, &["hostedzone", &zone.id, "rrset"], &query);
        let page: WireSets = self.xml(&request).await?;
        // The list begins at or after what was asked for.
        let first = page.sets.list.into_iter().next();
        let Some(set) = first.filter(|set| set.is_of(name, rtype)) else {
            return Ok(None);
        };
        if set.is_routed() {
            let message = format!(
                "the {rtype} set at {name} is answered by a routing policy, an alias or a health check, which is not changed \
                 here; make it a simple record set first"
            );
            return Err(Error::new(INFO.slug, operation, Kind::Rejected, message));
        }
        let decoded = set.decode(name, rtype).map_err(|why| self.http.unread(&request, why))?;
        Ok(Some((decoded, set)))
    }
}

#[async_trait]
impl Provider for Route53 {
    fn info(&self) -> &'static Info {
        &INFO
    }

    async fn zone(&self, apex: &Name) -> Result<Zone> {
        let operation = format!("find the zone {apex}");
        let fail = |kind, message: String| Err(Error::new(INFO.slug, &operation, kind, message));
        let found = self.zones(apex, &operation).await?;
        let (hidden, public): (Vec<_>, Vec<_>) = found.iter().partition(|zone| zone.is_private());
        let zone = match public.as_slice() {
            [zone] => zone,
            [] if hidden.is_empty() => return fail(Kind::NotFound, format!("the account has no hosted zone {apex}")),
            [] => return fail(Kind::NotFound, format!("the account has a private hosted zone {apex}, but no public one")),
            _ => {
                let message = format!("the account has several public hosted zones {apex}; delete those that no parent points to");
                return fail(Kind::Rejected, message);
            }
        };
        if zone.linked_service.is_some() {
            let message = "another AWS service made this zone and alone may change it".to_owned();
            return fail(Kind::Rejected, message);
        }
        let id = zone.id.trim_start_matches("/hostedzone/").to_owned();
        let request = self.request(Call::Zone, &operation, Method::GET, &["hostedzone", &id]);
        let nameservers = wire::nameservers(self.xml(&request).await?).map_err(|why| self.http.unread(&request, why))?;
        Ok(Zone { id, apex: apex.clone(), nameservers, ttl: 0..=TTL_MAX, writes: INFO.capabilities.writes, hands_over: HandsOver::Never, notes: Vec::new() })
    }

    async fn read(&self, zone: &Zone, name: &Name, rtype: RecordType) -> Result<Option<Rrset>> {
        Ok(self.live(zone, name, rtype).await?.map(|(set, _)| set))
    }

    async fn write(&self, zone: &Zone, change: &Change) -> Result<Outcome> {
        guard::admit(INFO.slug, zone, change)?;
        let (live, exact) = self.live(zone, change.name(), change.rtype()).await?.unzip();
        if guard::compare(INFO.slug, live.as_ref(), change)? == Verdict::Unchanged {
            return Ok(Outcome::Unchanged);
        }
        let operation = guard::operation(change);
        let body = WireChanges::new(exact, change.after())
            .to_xml()
            .map_err(|error| Error::new(INFO.slug, &operation, Kind::Rejected, error.to_string()))?;
        let request = self.request(Call::Write, &operation, Method::POST, &["hostedzone", &zone.id, "rrset", ""]);
        self.http.send(&request.body(wire::XML, body)).await?;
        guard::confirm(self, zone, change).await
    }

    /// Aliases have no TTL of their own: they are served with that of their target.
    async fn largest_ttl(&self, zone: &Zone) -> Result<Option<u32>> {
        let operation = format!("list the zone {}", zone.apex);
        let mut from: Vec<(&str, String)> = Vec::new();
        let mut largest = None;
        loop {
            let query: Vec<_> = from.iter().map(|(key, value)| (*key, value.as_str())).collect();
            let request = self.question(Call::List, &operation, &["hostedzone", &zone.id, "rrset"], &query);
            let page: WireSets = self.xml(&request).await?;
            largest = largest.max(page.sets.list.iter().filter_map(|set| set.ttl).max());
            let next = page.next();
            if next.is_empty() || next == from {
                return Ok(largest);
            }
            from = next;
        }
    }

    fn signer(&self) -> Option<&dyn Signer> {
        Some(self)
    }

    fn registrar(&self) -> Option<&dyn Registrar> {
        Some(self)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn what_is_encoded_is_decoded(set in crate::arbitrary::rrset()) {
            let xml = WireChanges::new(None, Some(&set)).to_xml().unwrap();
            let (_, rest) = xml.split_once("</Action>").unwrap();
            let (wire, _) = rest.split_once("</Change>").unwrap();
            let wire: WireSet = quick_xml::de::from_str(wire).unwrap();
            prop_assert!(wire.is_of(set.name(), set.rtype()) && !wire.is_routed());
            prop_assert_eq!(wire.decode(set.name(), set.rtype()).unwrap(), set.clone());
            // What is deleted is what was there.
            let deletion = WireChanges::new(Some(wire), None).to_xml().unwrap();
            prop_assert_eq!(deletion, xml.replace("CREATE", "DELETE"));
        }
    }

    #[test]
    fn names_are_read_as_they_are_written_there() {
        let name = |text: &str| wire::name(text).map(|name| name.to_string());
        assert_eq!(name("\\052.example.com."), Some("*.example.com".to_owned()));
        assert_eq!(name("_mta-sts.Example.com"), Some("_mta-sts.example.com".to_owned()));
        assert_eq!(name("b\\374cher.example.com."), None);
        assert_eq!(name("a\\04"), None);
    }

    #[test]
    fn a_kms_key_is_one_that_route_53_can_use() {
        assert_eq!(signing::key_id("arn:aws:kms:us-east-1:111122223333:key/0a1b-2c"), Some("0a1b-2c"));
        for arn in [
            "arn:aws:kms:eu-central-1:111122223333:key/0a1b-2c",
            "arn:aws:kms:us-east-1:111122223333:alias/signing",
            "arn:aws:iam:us-east-1:111122223333:key/0a1b-2c",
            "0a1b-2c",
            "arn:aws:kms:us-east-1:111122223333:key/",
        ] {
            assert_eq!(signing::key_id(arn), None, "{arn}");
        }
    }
}
