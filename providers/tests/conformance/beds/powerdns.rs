//! A real PowerDNS with a SQLite database.

use std::{collections::BTreeMap, net::SocketAddr};

use async_trait::async_trait;
use rollout_providers::{FieldValue, Name, RecordType, Rrset};
use rollout_servers::pdns::PowerDns;
use serde_json::{Value, json};

use super::RECORDS;
use crate::bed::{APEX, Bed, IDN};

pub struct PowerDnsBed(PowerDns);

pub async fn start() -> Option<PowerDnsBed> {
    if !PowerDns::available("the contract on PowerDNS") {
        return None;
    }
    let start = || PowerDnsBed(PowerDns::start(&[(APEX, RECORDS), (IDN, RECORDS)]).unwrap());
    let bed = super::one_at_a_time(start).await;
    let zone = bed.get(&bed.url(APEX)).await;
    assert_eq!(zone["name"], "example.test.", "another server has its port");
    Some(bed)
}

impl PowerDnsBed {
    fn url(&self, zone: &str) -> String {
        format!("{}/api/v1/servers/localhost/zones/{zone}.", self.0.api_url)
    }

    async fn get(&self, url: &str) -> Value {
        let client = reqwest::Client::builder().no_proxy().build().unwrap();
        let answer = client
            .get(url)
            .header("X-API-Key", &self.0.api_key)
            .send()
            .await
            .unwrap();
        answer.json().await.unwrap_or_default()
    }

    async fn patch(&self, zone: &str, set: Value) {
        let client = reqwest::Client::builder().no_proxy().build().unwrap();
        let request = client
            .patch(self.url(zone))
            .header("X-API-Key", &self.0.api_key);
        let answer = request
            .json(&json!({ "rrsets": [set] }))
            .send()
            .await
            .unwrap();
        assert!(
            answer.status().is_success(),
            "{}",
            answer.text().await.unwrap()
        );
    }
}

#[async_trait]
impl Bed for PowerDnsBed {
    fn slug(&self) -> &'static str {
        "powerdns"
    }

    fn address(&self) -> SocketAddr {
        self.0
            .api_url
            .trim_start_matches("http://")
            .parse()
            .unwrap()
    }

    fn fields(&self, address: SocketAddr) -> BTreeMap<String, FieldValue> {
        BTreeMap::from([
            (
                "url".to_owned(),
                FieldValue::Plain(format!("http://{address}")),
            ),
            (
                "api-key".to_owned(),
                FieldValue::Secret(self.0.api_key.clone().into()),
            ),
        ])
    }

    fn is_write(&self) -> fn(&[u8]) -> bool {
        crate::proxy::http_write
    }

    async fn foreign(&self, zone: &str, name: &Name, rtype: RecordType, set: Option<Rrset>) {
        let change = match set {
            None => json!({ "name": name.fqdn(), "type": rtype.as_str(), "changetype": "DELETE" }),
            Some(set) => {
                let records: Vec<_> = set
                    .values()
                    .iter()
                    .map(|value| json!({ "content": value.to_string(), "disabled": false }))
                    .collect();
                json!({ "name": name.fqdn(), "type": rtype.as_str(), "changetype": "REPLACE", "ttl": set.ttl(), "records": records })
            }
        };
        self.patch(zone, change).await;
    }

    async fn truth(&self, name: &Name, rtype: RecordType) -> Option<Rrset> {
        super::served(self.0.dns_addr, name, rtype).await
    }

    /// A comment on the set and a record that is switched off, put there at the first call.
    async fn vendor_fields(&self, name: &Name, rtype: RecordType) -> Option<String> {
        let url = format!(
            "{}?rrset_name={}&rrset_type={rtype}",
            self.url(APEX),
            name.fqdn()
        );
        let get = || async {
            let zone = self.get(&url).await;
            let ours = |set: &&Value| set["name"] == name.fqdn() && set["type"] == rtype.as_str();
            zone["rrsets"]
                .as_array()
                .unwrap()
                .iter()
                .find(ours)
                .cloned()
                .unwrap()
        };
        let mut set = get().await;
        let off = |set: &Value| {
            set["records"]
                .as_array()
                .unwrap()
                .iter()
                .filter(|record| record["disabled"] == true)
                .cloned()
                .collect::<Vec<_>>()
        };
        if off(&set).is_empty() {
            set["changetype"] = "REPLACE".into();
            set["comments"] = json!([{ "content": "kept by hand", "account": "admin" }]);
            set["records"]
                .as_array_mut()
                .unwrap()
                .push(json!({ "content": "99 off.mail.example.", "disabled": true }));
            self.patch(APEX, set).await;
            set = get().await;
        }
        Some(format!("{:?} {}", off(&set), set["comments"][0]["content"]))
    }

    async fn independent_ds(&self) -> Vec<String> {
        super::ds_of_served(self.0.dns_addr).await
    }
}
