//! The mail hosts: SMTP with STARTTLS, polite enough for probes and senders (RFC 5321, RFC 3207).

mod session;

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;

use crate::error::LabError;
use crate::options::DomainKind;
use crate::places::MailRole;
use crate::state::State;
use crate::world::World;
use session::{Ended, Session};

/// A mail that a host of the laboratory took over.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Mail {
    /// When.
    pub at: Timestamp,
    /// By which kind of host.
    pub host: MailRole,
    /// Over TLS.
    pub tls: bool,
    /// Its recipients.
    pub recipients: Vec<String>,
}

/// One address of a mail host.
pub(crate) struct MailHost {
    pub(crate) world: Arc<World>,
    pub(crate) role: MailRole,
    acceptor: TlsAcceptor,
    /// What this address presents while [`crate::Faults::one_address_wrong_key`] is on.
    wrong_key: Option<TlsAcceptor>,
}

impl MailHost {
    /// The host of this role at this address.
    pub(crate) fn new(
        world: Arc<World>,
        role: MailRole,
        address: IpAddr,
    ) -> Result<Self, LabError> {
        let identities = &world.certificates;
        let identity = match role {
            MailRole::Legacy => &identities.legacy,
            MailRole::New => &identities.new,
            MailRole::Gateway => &identities.gateway,
        };
        let acceptor = identity.server()?.into();
        let last_new =
            role == MailRole::New && world.layout.mail(MailRole::New).last() == Some(&address);
        let wrong_key = if last_new {
            Some(identities.new_wrong_key.server()?.into())
        } else {
            None
        };
        Ok(Self {
            world,
            role,
            acceptor,
            wrong_key,
        })
    }

    /// Accepts connections until the runtime ends.
    pub(crate) async fn serve(self, listener: TcpListener) {
        let host = Arc::new(self);
        loop {
            match listener.accept().await {
                Ok((stream, peer)) => {
                    // Else session tickets hold up the first reply in TLS, as no real mail server has it.
                    if let Err(error) = stream.set_nodelay(true) {
                        tracing::debug!(%error, "a connection keeps its delays");
                    }
                    let host = Arc::clone(&host);
                    tokio::spawn(async move {
                        if let Err(error) = host.connection(stream, peer.ip()).await {
                            tracing::debug!(%error, "an SMTP connection ended early");
                        }
                    });
                }
                Err(error) => {
                    tracing::debug!(%error, "a connection could not be accepted");
                    tokio::time::sleep(std::time::Duration::from_millis(20)).await;
                }
            }
        }
    }

    async fn connection(&self, stream: TcpStream, peer: IpAddr) -> std::io::Result<()> {
        self.world.asked().smtp += 1;
        let (hangs, no_starttls, wrong, delay) = {
            let faults = self.world.faults();
            (
                faults.port_25_hangs,
                faults.no_starttls,
                faults.one_address_wrong_key,
                faults.smtp_delay,
            )
        };
        if hangs {
            // Silent until the client gives up; the socket stays open.
            std::future::pending::<()>().await;
        }
        let mut session = Session {
            host: self,
            peer,
            tls: false,
            offers_tls: !no_starttls,
            delay,
        };
        if let Ended::StartTls(stream) = session.run(stream, true).await? {
            let acceptor = match &self.wrong_key {
                Some(acceptor) if wrong => acceptor,
                _ => &self.acceptor,
            };
            wait(delay).await;
            let stream = acceptor.accept(stream).await?;
            self.world.asked().tls += 1;
            session.tls = true;
            session.run(stream, false).await?;
        }
        Ok(())
    }

    /// The name in greetings: Microsoft's front ends all call themselves by the legacy zone.
    pub(crate) fn greeting_name(&self) -> &'static str {
        match self.role {
            MailRole::Legacy => "DB5PEPF00014B8E.mail.protection.outlook.com",
            MailRole::New => "AM3PEPF0000A791.mail.protection.outlook.com",
            MailRole::Gateway => crate::seed::GATEWAY_HOST,
        }
    }

    /// Whether this host takes mail for the domain.
    pub(crate) fn accepts(&self, domain: &str) -> bool {
        let faults = self.world.faults();
        let refused = match self.role {
            MailRole::Legacy => faults.legacy_gone.contains(domain),
            MailRole::New => faults.new_host_refuses.contains(domain),
            MailRole::Gateway => false,
        };
        drop(faults);
        !refused && accepts(&self.world.state(), self.role, domain)
    }
}

/// Lets a round trip pass.
async fn wait(delay: Duration) {
    if !delay.is_zero() {
        tokio::time::sleep(delay).await;
    }
}

fn accepts(state: &State, role: MailRole, domain: &str) -> bool {
    let Some(known) = state.domains.get(domain) else {
        return false;
    };
    match role {
        MailRole::Legacy => known.accepted() || known.kind == DomainKind::NotInTenant,
        MailRole::New => known.new_host().is_some(),
        MailRole::Gateway => matches!(known.kind, DomainKind::Gateway | DomainKind::Unverified),
    }
}
