//! The MTA-STS policy host: one HTTPS server for every `mta-sts.<domain>` (RFC 8461 3.3).

use std::sync::Arc;

use async_trait::async_trait;
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;

use crate::error::LabError;
use crate::http::{Api, HttpReply, HttpRequest, connection};
use crate::log::Service;
use crate::world::World;

struct Policies(Arc<World>);

#[async_trait]
impl Api for Policies {
    async fn handle(&self, request: HttpRequest) -> HttpReply {
        let host = request.header("host").unwrap_or_default();
        let host = host.rsplit_once(':').map_or(host, |(name, _)| name);
        let domain = host
            .to_ascii_lowercase()
            .strip_prefix("mta-sts.")
            .map(str::to_owned);
        let right_path = request.parts() == [".well-known", "mta-sts.txt"];
        let asked = domain
            .as_ref()
            .filter(|_| right_path && request.method == "GET");
        let text = asked.and_then(|domain| {
            let state = self.0.state();
            let file = state.policy_files.get(domain).cloned();
            let policy = state.policies.get(domain).cloned();
            drop(state);
            match file {
                Some(file) => std::fs::read_to_string(file).ok(),
                None => policy.map(|policy| policy.text()),
            }
        });
        let reply = text.map_or_else(
            || HttpReply::text(404, "text/plain", "Not Found\n"),
            |text| HttpReply::text(200, "text/plain", text),
        );
        let outcome = reply.status().to_string();
        self.0.record(
            Service::MtaSts,
            "GET policy",
            domain.as_deref(),
            false,
            outcome,
        );
        reply
    }
}

/// What serves policies; it needs the certificate at hand before it starts.
pub(crate) struct PolicyHost {
    acceptor: TlsAcceptor,
    policies: Arc<Policies>,
}

impl PolicyHost {
    pub(crate) fn new(world: &Arc<World>) -> Result<Self, LabError> {
        Ok(Self {
            acceptor: world.certificates.policy.server()?.into(),
            policies: Arc::new(Policies(Arc::clone(world))),
        })
    }

    /// Accepts connections until the runtime ends.
    pub(crate) async fn serve(self, listener: TcpListener) {
        loop {
            let Ok((stream, _)) = listener.accept().await else {
                tokio::time::sleep(std::time::Duration::from_millis(20)).await;
                continue;
            };
            let acceptor = self.acceptor.clone();
            let policies = Arc::clone(&self.policies);
            tokio::spawn(async move {
                match acceptor.accept(stream).await {
                    Ok(stream) => connection(stream, policies).await,
                    Err(error) => tracing::debug!(%error, "a TLS handshake failed"),
                }
            });
        }
    }
}
