//! Signing. OVHcloud makes the keys and does not tell them: DNS does.

use async_trait::async_trait;
use reqwest::Method;
use serde::Deserialize;

use super::{INFO, Ovh};
use crate::{Call, Error, Kind, Outcome, Result, Signer, Signing, Zone, text};

#[derive(Deserialize)]
struct WireDnssec {
    status: String,
}

impl Ovh {
    async fn dnssec(&self, zone: &Zone, operation: &str) -> Result<String> {
        Ok(self.get::<WireDnssec>(Call::ReadSigning, operation, &zone.id, &["dnssec"]).await?.status)
    }

    async fn set_dnssec(&self, zone: &Zone, operation: &str, method: Method) -> Result<Outcome> {
        self.http.send(&self.request(Call::WriteSigning, operation, method, &zone.id, &["dnssec"])).await?;
        Ok(Outcome::Done)
    }
}

#[async_trait]
impl Signer for Ovh {
    async fn status(&self, zone: &Zone) -> Result<Signing> {
        let operation = format!("tell whether {} is signed", zone.apex);
        match self.dnssec(zone, &operation).await?.as_str() {
            "disabled" => Ok(Signing::Off),
            "enabled" => Ok(Signing::On(Vec::new())),
            "enableInProgress" | "disableInProgress" => Ok(Signing::Pending),
            other => {
                let message = format!("the status {:?} is not known", text::harmless(other, 40));
                Err(Error::new(INFO.slug, operation, Kind::Protocol, message))
            }
        }
    }

    async fn enable(&self, zone: &Zone) -> Result<Outcome> {
        let operation = format!("sign {}", zone.apex);
        match self.dnssec(zone, &operation).await?.as_str() {
            "enabled" | "enableInProgress" => Ok(Outcome::Unchanged),
            _ => self.set_dnssec(zone, &operation, Method::POST).await,
        }
    }

    async fn disable(&self, zone: &Zone) -> Result<Outcome> {
        let operation = format!("stop signing {}", zone.apex);
        match self.dnssec(zone, &operation).await?.as_str() {
            "disabled" | "disableInProgress" => Ok(Outcome::Unchanged),
            _ => self.set_dnssec(zone, &operation, Method::DELETE).await,
        }
    }
}
