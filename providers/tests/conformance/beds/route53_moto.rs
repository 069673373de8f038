//! moto in place of Route 53: others' work, which checks signatures with Amazon's own code.

use std::{
    collections::BTreeMap,
    net::SocketAddr,
    sync::{Arc, Mutex, Weak},
};

use async_trait::async_trait;
use rollout_providers::{FieldValue, Name, RecordData, RecordType, Rrset};
use rollout_servers::moto::Moto;

use crate::{
    bed::{APEX, Bed, IDN},
    fakes::{
        aws::{AccessKey, Signed, hash},
        xml::{Element, leaf, node},
    },
};

/// A server and the access keys of accounts in it that nobody uses yet: to each case its own account.
struct Server {
    moto: Moto,
    keys: Mutex<Vec<AccessKey>>,
}

/// As many as there are cases, and some more.
const ACCOUNTS: u32 = 30;

pub struct MotoBed {
    server: Arc<Server>,
    key: AccessKey,
    zones: BTreeMap<String, String>,
}

pub async fn start() -> Option<MotoBed> {
    if !Moto::available("the contract on moto") {
        return None;
    }
    let (server, key) = server().await;
    let mut bed = MotoBed {
        server,
        key,
        zones: BTreeMap::new(),
    };
    bed.fill().await;
    Some(bed)
}

/// The server that other cases use just now, as long as it has an account left; else a new one. It takes seconds to start.
async fn server() -> (Arc<Server>, AccessKey) {
    static RUNNING: tokio::sync::Mutex<Weak<Server>> = tokio::sync::Mutex::const_new(Weak::new());
    let mut running = RUNNING.lock().await;
    if let Some(server) = running.upgrade() {
        let key = server.keys.lock().unwrap().pop();
        if let Some(key) = key {
            return (server, key);
        }
    }
    let moto = super::one_at_a_time(|| Moto::start().unwrap()).await;
    let mut keys = Vec::new();
    for account in 1..=ACCOUNTS {
        keys.push(account_key(moto.address, account).await);
    }
    // From now on every signature is checked, and what it may do.
    let body = Some(("text/plain", "0"));
    let reset = ["POST", "/moto-api/reset-auth", ""];
    let (status, _) = send(moto.address, &keys[0], "iam", reset, body).await;
    assert_eq!(status, 200);
    let key = keys.pop().unwrap();
    let server = Arc::new(Server {
        moto,
        keys: Mutex::new(keys),
    });
    *running = Arc::downgrade(&server);
    (server, key)
}

/// A key that ends, of a role that may do everything with Route 53 and nothing else.
async fn account_key(server: SocketAddr, account: u32) -> AccessKey {
    // Until signatures are checked, any key will do.
    let nobody = AccessKey {
        id: "AKIAIOSFODNN7EXAMPLE".to_owned(),
        secret: "none".to_owned(),
        token: None,
    };
    let role = format!("arn:aws:iam::{account:012}:role/rollout");
    let assume = [
        ("Action", "AssumeRole"),
        ("Version", "2011-06-15"),
        ("RoleArn", &role),
        ("RoleSessionName", "test"),
    ];
    let made = form(server, &nobody, "sts", &assume).await;
    let part = |name: &str| {
        let path = ["AssumeRoleResult", "Credentials", name];
        made.text_at(&path).to_owned()
    };
    let key = AccessKey {
        id: part("AccessKeyId"),
        secret: part("SecretAccessKey"),
        token: Some(part("SessionToken")),
    };
    let policy = |statement: &str| {
        let statement = format!(r#"{{"Effect":"Allow",{statement}}}"#);
        format!(r#"{{"Version":"2012-10-17","Statement":[{statement}]}}"#)
    };
    let trust = policy(r#""Principal":{"AWS":"*"},"Action":"sts:AssumeRole""#);
    let may = policy(r#""Action":"route53:*","Resource":"*""#);
    let common = [("Version", "2010-05-08"), ("RoleName", "rollout")];
    let create = [
        ("Action", "CreateRole"),
        ("AssumeRolePolicyDocument", &trust),
    ];
    let allow = [
        ("Action", "PutRolePolicy"),
        ("PolicyName", "dns"),
        ("PolicyDocument", &may),
    ];
    form(server, &key, "iam", &[&common[..], &create].concat()).await;
    form(server, &key, "iam", &[&common[..], &allow].concat()).await;
    key
}

async fn form(
    server: SocketAddr,
    key: &AccessKey,
    service: &str,
    pairs: &[(&str, &str)],
) -> Element {
    let body = reqwest::Url::parse_with_params("http://none", pairs).unwrap();
    let body = Some(("application/x-www-form-urlencoded", body.query().unwrap()));
    let (status, text) = send(server, key, service, ["POST", "/", ""], body).await;
    assert_eq!(status, 200, "{text}");
    Element::parse(text.as_bytes()).unwrap()
}

/// Sends a signed request with this method, path and query; what is answered.
async fn send(
    server: SocketAddr,
    key: &AccessKey,
    service: &str,
    [method, path, query]: [&str; 3],
    body: Option<(&str, &str)>,
) -> (u16, String) {
    let text = body.map_or("", |(_, text)| text);
    let now = jiff::Timestamp::now();
    let mut headers = vec![
        ("host", server.to_string()),
        ("x-amz-date", now.strftime("%Y%m%dT%H%M%SZ").to_string()),
        ("x-amz-content-sha256", hash(text.as_bytes())),
    ];
    let token = key.token.clone();
    headers.extend(token.map(|token| ("x-amz-security-token", token)));
    headers.extend(body.map(|(kind, _)| ("content-type", kind.to_owned())));
    headers.sort();
    let headers = headers
        .into_iter()
        .map(|(name, value)| (name.to_owned(), value));
    let signed = Signed {
        method,
        path,
        query,
        headers: headers.collect(),
        body: text.as_bytes(),
    };
    let authorization = signed.authorization(key, service);
    let client = reqwest::Client::builder().no_proxy().build().unwrap();
    let url = format!("http://{server}{path}?{query}");
    let mut request = client
        .request(method.parse().unwrap(), url)
        .header("authorization", authorization);
    for (name, value) in &signed.headers {
        request = request.header(name, value);
    }
    let answer = request.body(text.to_owned()).send().await.unwrap();
    (answer.status().as_u16(), answer.text().await.unwrap())
}

impl MotoBed {
    /// Makes the zones and what is in them.
    async fn fill(&mut self) {
        for zone in [APEX, IDN] {
            let request = leaf("Name", zone) + &leaf("CallerReference", zone);
            let request = node("CreateHostedZoneRequest", request);
            let made = self.xml("POST", "hostedzone", "", &request).await;
            let id = made.text_at(&["HostedZone", "Id"]);
            let id = id.trim_start_matches("/hostedzone/").to_owned();
            self.zones.insert(zone.to_owned(), id);
            let mut sets: BTreeMap<(String, &str, &str), Vec<&str>> = BTreeMap::new();
            // What it makes itself has a TTL that is longer than that of any record here.
            sets.insert((zone.to_owned(), "900", "NS"), vec!["ns-1.awsdns-00.com."]);
            for line in super::RECORDS.lines() {
                let [owner, ttl, rtype, data] = line.splitn(4, ' ').collect::<Vec<_>>()[..] else {
                    panic!("{line}")
                };
                let owner = if owner == "@" {
                    zone.to_owned()
                } else {
                    format!("{owner}.{zone}")
                };
                sets.entry((owner, ttl, rtype)).or_default().push(data);
            }
            for ((owner, ttl, rtype), values) in sets {
                let values: Vec<_> = values.into_iter().map(str::to_owned).collect();
                self.change(zone, "UPSERT", &owner, rtype, ttl, &values)
                    .await;
            }
        }
    }

    async fn xml(&self, method: &str, path: &str, query: &str, body: &str) -> Element {
        let body = Some(("application/xml", body)).filter(|(_, text)| !text.is_empty());
        let path = format!("/2013-04-01/{path}");
        let (status, text) = send(
            self.address(),
            &self.key,
            "route53",
            [method, &path, query],
            body,
        )
        .await;
        assert!(status < 300, "{method} {path}: {status} {text}");
        Element::parse(text.as_bytes()).unwrap()
    }

    async fn change(
        &self,
        zone: &str,
        action: &str,
        owner: &str,
        rtype: &str,
        ttl: &str,
        values: &[String],
    ) {
        let values = values
            .iter()
            .map(|value| node("ResourceRecord", leaf("Value", value)));
        let set = leaf("Name", owner)
            + &leaf("Type", rtype)
            + &leaf("TTL", ttl)
            + &node("ResourceRecords", values.collect::<String>());
        let change = node(
            "Change",
            leaf("Action", action) + &node("ResourceRecordSet", set),
        );
        let batch = node("ChangeBatch", node("Changes", change));
        let path = format!("hostedzone/{}/rrset/", self.zones[zone]);
        self.xml(
            "POST",
            &path,
            "",
            &node("ChangeResourceRecordSetsRequest", batch),
        )
        .await;
    }

    async fn held(&self, zone: &str, name: &Name, rtype: RecordType) -> Option<Element> {
        let path = format!("hostedzone/{}/rrset", self.zones[zone]);
        let mut page = self.xml("GET", &path, "", "").await;
        let sets = page
            .children
            .iter_mut()
            .find(|child| child.name == "ResourceRecordSets")?;
        let owner = format!("{}.", name.as_str());
        let of = |set: &Element| {
            set.text_at(&["Name"]) == owner && set.text_at(&["Type"]) == rtype.as_str()
        };
        let at = sets.children.iter().position(of)?;
        Some(sets.children.swap_remove(at))
    }
}

fn values(set: &Element) -> Vec<String> {
    let records = &set.child("ResourceRecords").unwrap().children;
    records
        .iter()
        .map(|record| record.text_at(&["Value"]).to_owned())
        .collect()
}

/// Octal numbers to decimal ones, which are those of zone files.
fn decimal(text: &str) -> String {
    let mut parts = text.split('\\');
    let mut decimal = parts.next().unwrap().to_owned();
    let mut escaped = false;
    for part in parts {
        // Between two backslashes that belong together there is nothing.
        let number = part
            .get(..3)
            .filter(|_| !escaped)
            .and_then(|octal| u8::from_str_radix(octal, 8).ok());
        escaped = part.is_empty() && !escaped;
        match number {
            Some(number) => decimal += &format!("\\{number:03}{}", &part[3..]),
            None => decimal += &format!("\\{part}"),
        }
    }
    decimal
}

#[async_trait]
impl Bed for MotoBed {
    fn slug(&self) -> &'static str {
        "route53"
    }

    fn documents(&self) -> bool {
        false
    }

    fn lacks(&self, case: &str) -> Option<&'static str> {
        Some(match case {
            "rule_8_signing_is_idempotent_and_its_digest_is_derived"
            | "the_requests_of_a_rollout_are_as_documented" => {
                "moto has no key-signing keys and does not sign"
            }
            "rule_8_the_delegation_is_compared_and_set" => "moto's registrar takes no keys",
            "rule_3_applied_again_writes_nothing" | "rule_4_the_set_is_never_empty" => {
                "moto refuses to create again what was once created and deleted"
            }
            "rule_3_a_foreign_edit_between_read_and_write_is_not_lost" => {
                "moto lets a set be deleted by any values that it ever had"
            }
            _ => return None,
        })
    }

    fn address(&self) -> SocketAddr {
        self.server.moto.address
    }

    fn fields(&self, address: SocketAddr) -> BTreeMap<String, FieldValue> {
        let plain = |text: &str| FieldValue::Plain(text.to_owned());
        let url = format!("http://{address}");
        BTreeMap::from([
            ("access-key-id".to_owned(), plain(&self.key.id)),
            (
                "secret-access-key".to_owned(),
                FieldValue::Secret(self.key.secret.clone().into()),
            ),
            (
                "session-token".to_owned(),
                FieldValue::Secret(self.key.token.clone().unwrap().into()),
            ),
            ("url".to_owned(), plain(&url)),
            ("domains-url".to_owned(), plain(&url)),
        ])
    }

    fn is_write(&self) -> fn(&[u8]) -> bool {
        crate::proxy::http_write
    }

    async fn foreign(&self, zone: &str, name: &Name, rtype: RecordType, set: Option<Rrset>) {
        let Some(set) = set else {
            let held = self.held(zone, name, rtype).await.unwrap();
            let ttl = held.text_at(&["TTL"]);
            return self
                .change(
                    zone,
                    "DELETE",
                    name.as_str(),
                    rtype.as_str(),
                    ttl,
                    &values(&held),
                )
                .await;
        };
        let values: Vec<_> = set.values().iter().map(ToString::to_string).collect();
        self.change(
            zone,
            "UPSERT",
            name.as_str(),
            rtype.as_str(),
            &set.ttl().to_string(),
            &values,
        )
        .await;
    }

    async fn truth(&self, name: &Name, rtype: RecordType) -> Option<Rrset> {
        let zone = [APEX, IDN]
            .into_iter()
            .find(|zone| name.is_within(&zone.parse().unwrap()))
            .unwrap();
        let set = self.held(zone, name, rtype).await?;
        let values = values(&set)
            .into_iter()
            .map(|value| RecordData::parse(rtype, &decimal(&value)).unwrap());
        Some(
            Rrset::new(
                name.clone(),
                rtype,
                set.text_at(&["TTL"]).parse().unwrap(),
                values,
            )
            .unwrap(),
        )
    }
}
