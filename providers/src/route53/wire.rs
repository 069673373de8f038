//! What Route 53 says and is told, in XML.

use serde::{Deserialize, Serialize, de::IgnoredAny};

use crate::{Name, RecordData, RecordType, Rrset, text};

/// The media type of a body.
pub(super) const XML: &str = "application/xml";
pub(super) const NAMESPACE: &str = "https://route53.amazonaws.com/doc/2013-04-01/";

#[derive(Deserialize)]
pub(super) struct WireZones {
    #[serde(rename = "HostedZones", default)]
    pub(super) zones: ZoneList,
    #[serde(rename = "IsTruncated", default)]
    pub(super) is_truncated: bool,
    #[serde(rename = "NextDNSName")]
    pub(super) next_name: Option<String>,
    #[serde(rename = "NextHostedZoneId")]
    pub(super) next_id: Option<String>,
}

#[derive(Default, Deserialize)]
pub(super) struct ZoneList {
    #[serde(rename = "HostedZone", default)]
    pub(super) list: Vec<WireHostedZone>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct WireHostedZone {
    pub(super) id: String,
    pub(super) name: String,
    config: Option<ZoneConfig>,
    pub(super) linked_service: Option<IgnoredAny>,
}

#[derive(Deserialize)]
struct ZoneConfig {
    #[serde(rename = "PrivateZone", default)]
    private: bool,
}

impl WireHostedZone {
    pub(super) fn is_private(&self) -> bool {
        self.config.as_ref().is_some_and(|config| config.private)
    }
}

#[derive(Deserialize)]
pub(super) struct WireZone {
    #[serde(rename = "DelegationSet", default)]
    delegation: DelegationSet,
}

#[derive(Default, Deserialize)]
struct DelegationSet {
    #[serde(rename = "NameServers", default)]
    servers: ServerList,
}

#[derive(Default, Deserialize)]
struct ServerList {
    #[serde(rename = "NameServer", default)]
    list: Vec<String>,
}

/// The name servers it uses for a zone.
pub(super) fn nameservers(zone: WireZone) -> Result<Vec<Name>, String> {
    let parse = |text: &String| name(text).ok_or_else(|| format!("{:?} is no host name", text::harmless(text, 80)));
    zone.delegation.servers.list.iter().map(parse).collect()
}

#[derive(Deserialize)]
pub(super) struct WireSets {
    #[serde(rename = "ResourceRecordSets", default)]
    pub(super) sets: SetList,
    #[serde(rename = "IsTruncated", default)]
    is_truncated: bool,
    #[serde(rename = "NextRecordName")]
    next_name: Option<String>,
    #[serde(rename = "NextRecordType")]
    next_type: Option<String>,
    #[serde(rename = "NextRecordIdentifier")]
    next_identifier: Option<String>,
}

#[derive(Default, Deserialize)]
pub(super) struct SetList {
    #[serde(rename = "ResourceRecordSet", default)]
    pub(super) list: Vec<WireSet>,
}

impl WireSets {
    /// The query for the next page; empty after the last.
    pub(super) fn next(self) -> Vec<(&'static str, String)> {
        let next = [("name", self.next_name), ("type", self.next_type), ("identifier", self.next_identifier)];
        let next = next.into_iter().filter(|_| self.is_truncated);
        next.filter_map(|(key, value)| value.map(|value| (key, value))).collect()
    }
}

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct WireSet {
    #[serde(rename = "Name")]
    name: String,
    #[serde(rename = "Type")]
    rtype: String,
    #[serde(rename = "TTL", skip_serializing_if = "Option::is_none")]
    pub(super) ttl: Option<u32>,
    #[serde(rename = "ResourceRecords", default)]
    records: Records,
    // Each of these makes it another thing than one set with these values for everybody.
    #[serde(rename = "AliasTarget", skip_serializing)]
    alias: Option<IgnoredAny>,
    #[serde(rename = "SetIdentifier", skip_serializing)]
    identifier: Option<IgnoredAny>,
    #[serde(rename = "HealthCheckId", skip_serializing)]
    health_check: Option<IgnoredAny>,
    #[serde(rename = "TrafficPolicyInstanceId", skip_serializing)]
    traffic_policy: Option<IgnoredAny>,
}

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
struct Records {
    #[serde(rename = "ResourceRecord", default)]
    list: Vec<WireRecord>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct WireRecord {
    #[serde(rename = "Value")]
    value: String,
}

impl WireSet {
    pub(super) fn is_of(&self, owner: &Name, rtype: RecordType) -> bool {
        self.rtype == rtype.as_str() && name(&self.name).as_ref() == Some(owner)
    }

    pub(super) const fn is_routed(&self) -> bool {
        self.alias.is_some() || self.identifier.is_some() || self.health_check.is_some() || self.traffic_policy.is_some()
    }

    pub(super) fn decode(&self, owner: &Name, rtype: RecordType) -> Result<Rrset, String> {
        let ttl = self.ttl.ok_or("a record set without a TTL")?;
        let values = self.records.list.iter().map(|record| decode(rtype, &record.value)).collect::<Result<Vec<_>, _>>()?;
        Rrset::new(owner.clone(), rtype, ttl, values).map_err(|error| error.to_string())
    }

    fn encode(set: &Rrset) -> Self {
        let list = set.values().iter().map(|value| WireRecord { value: encode(value) }).collect();
        Self {
            name: set.name().fqdn(),
            rtype: set.rtype().to_string(),
            ttl: Some(set.ttl()),
            records: Records { list },
            ..Self::default()
        }
    }
}

/// A value. Every host name in one is absolute, with or without a final dot.
/// <https://docs.aws.amazon.com/Route53/latest/DeveloperGuide/ResourceRecordTypes.html>
fn decode(rtype: RecordType, value: &str) -> Result<RecordData, String> {
    let decoded = match rtype {
        RecordType::Mx => value.trim().split_once([' ', '\t']).and_then(|(preference, host)| {
            Some(RecordData::mx(preference.parse().ok()?, name(host.trim())?))
        }),
        RecordType::Txt => text::unquoted_octal(value).map(RecordData::Txt),
        RecordType::Cname => name(value.trim()).map(RecordData::Cname),
    };
    decoded.ok_or_else(|| format!("{:?} is no {rtype} value", text::harmless(value, 300)))
}

fn encode(value: &RecordData) -> String {
    match value {
        RecordData::Txt(bytes) => text::quoted_octal(bytes),
        RecordData::Mx { .. } | RecordData::Cname(_) => value.to_string(),
    }
}

/// A name in which everything but letters, digits, hyphen and underscore is an octal escape, such as `\052` for `*`. `None` for
/// one that no name here can be equal to.
pub(super) fn name(text: &str) -> Option<Name> {
    let mut plain = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let [first, after @ ..] = rest {
        rest = after;
        plain.push(match (first, after) {
            (b'\\', [a @ b'0'..=b'3', b @ b'0'..=b'7', c @ b'0'..=b'7', after @ ..]) => {
                rest = after;
                (a - b'0') << 6 | (b - b'0') << 3 | (c - b'0')
            }
            _ => *first,
        });
    }
    Name::parse(std::str::from_utf8(&plain).ok()?).ok()
}

/// A batch of changes, all or nothing.
#[derive(Serialize)]
#[serde(rename = "ChangeResourceRecordSetsRequest")]
pub(super) struct WireChanges {
    #[serde(rename = "@xmlns")]
    namespace: &'static str,
    #[serde(rename = "ChangeBatch")]
    batch: Batch,
}

#[derive(Serialize)]
struct Batch {
    #[serde(rename = "Changes")]
    changes: ChangeList,
}

#[derive(Serialize)]
struct ChangeList {
    #[serde(rename = "Change")]
    list: Vec<WireChange>,
}

#[derive(Serialize)]
struct WireChange {
    #[serde(rename = "Action")]
    action: &'static str,
    #[serde(rename = "ResourceRecordSet")]
    set: WireSet,
}

impl WireChanges {
    /// Deletes exactly `before` and creates `after`: refused by the vendor when `before` is not what there is.
    pub(super) fn new(before: Option<WireSet>, after: Option<&Rrset>) -> Self {
        let delete = before.map(|set| WireChange { action: "DELETE", set });
        let create = after.map(|set| WireChange { action: "CREATE", set: WireSet::encode(set) });
        let list = delete.into_iter().chain(create).collect();
        Self { namespace: NAMESPACE, batch: Batch { changes: ChangeList { list } } }
    }

    pub(super) fn to_xml(&self) -> Result<String, quick_xml::SeError> {
        quick_xml::se::to_string(self)
    }
}

/// Code and message of an error: `<ErrorResponse><Error>...`, with `<Errors>` between in an older form, or the messages of a
/// batch by themselves.
pub(super) fn complaint(body: &[u8]) -> Option<(String, String)> {
    #[derive(Deserialize)]
    struct Body {
        #[serde(rename = "Error")]
        error: Option<Complaint>,
        #[serde(rename = "Errors")]
        errors: Option<Complaints>,
        #[serde(rename = "Messages")]
        messages: Option<Messages>,
    }
    #[derive(Deserialize)]
    struct Complaints {
        #[serde(rename = "Error")]
        error: Complaint,
    }
    #[derive(Deserialize)]
    struct Complaint {
        #[serde(rename = "Code")]
        code: String,
        #[serde(rename = "Message", alias = "message", default)]
        message: String,
    }
    #[derive(Deserialize)]
    struct Messages {
        #[serde(rename = "Message", default)]
        list: Vec<String>,
    }
    let body: Body = quick_xml::de::from_reader(body).ok()?;
    let error = body.error.or_else(|| body.errors.map(|errors| errors.error));
    match (error, body.messages) {
        (Some(error), _) => Some((error.code, error.message)),
        (None, Some(messages)) => Some(("InvalidChangeBatch".to_owned(), messages.list.join("; "))),
        (None, None) => None,
    }
}
