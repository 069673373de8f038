//! Probes addresses as a polite guest.

use std::net::{IpAddr, SocketAddr};

use super::probe::{KeyType, Probe, ProbeResult, SmtpSettings, probe};

/// Talks SMTP to addresses, by the same settings.
#[derive(Debug, Clone)]
pub struct Prober {
    settings: SmtpSettings,
}

/// All that was seen of one address.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Examined {
    /// The conversation as a sender has it.
    pub main: Probe,
    /// Further ones: without SNI, and with each type of server key alone.
    pub others: Vec<Probe>,
}

impl Prober {
    /// Asks nobody yet.
    #[must_use]
    pub fn new(settings: SmtpSettings) -> Self {
        Self { settings }
    }

    /// What it was made from.
    #[must_use]
    pub fn settings(&self) -> &SmtpSettings {
        &self.settings
    }

    /// Examines one address with `base` as SNI.
    pub async fn examine(&self, address: IpAddr, base: &str, domain: &str) -> Examined {
        let smtp = &self.settings;
        let address = SocketAddr::new(address, smtp.port);
        let recipient = smtp.ask_recipient.then(|| format!("postmaster@{domain}"));
        let main = probe(
            smtp,
            address,
            Some(base),
            KeyType::Any,
            recipient.as_deref(),
        )
        .await;
        let mut others = Vec::new();
        if smtp.every_key && matches!(main.result, ProbeResult::Ok { .. }) {
            // One after the other: a prober should be no burden.
            for (sni, key) in [
                (None, KeyType::Any),
                (Some(base), KeyType::Rsa),
                (Some(base), KeyType::Ecdsa),
            ] {
                others.push(probe(smtp, address, sni, key, None).await);
            }
        }
        Examined { main, others }
    }
}
