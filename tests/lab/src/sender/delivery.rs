//! One attempt to deliver: MX in order of preference, addresses in turn, TLS as the profile demands (RFC 5321 5.1).

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use hickory_proto::rr::rdata::TLSA;
use hickory_proto::rr::{Name, RData, Record, RecordType};
use rustls_pki_types::{CertificateDer, ServerName};
use tokio::io::{AsyncBufReadExt as _, AsyncRead, AsyncWrite, AsyncWriteExt as _, BufStream};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

use super::SenderProfile;
use super::tls::{self, Match};
use crate::dns::resolver::Resolver;
use crate::dns::validate::Security;

/// A host that has not answered by then is left for the next one.
const PATIENCE: Duration = Duration::from_secs(5);

/// A mail to be delivered again and again.
pub(super) struct Delivery {
    pub(super) resolver: Arc<Resolver>,
    pub(super) port: u16,
    pub(super) domain: String,
    pub(super) profile: SenderProfile,
}

/// How an attempt ended.
#[derive(Debug)]
pub(super) enum Outcome {
    Delivered { host: String, authenticated: bool },
    Deferred(String),
    Bounced(String),
}

/// Why one address did not take the mail.
enum Refusal {
    /// Try the next address or host.
    Next(String),
    /// The mail is refused for good.
    Final(String),
}

/// What DNS says about authenticating a host.
enum Policy {
    MayBePlain,
    /// TLS is mandatory and judged by these.
    Dane(Vec<TLSA>),
}

type Hosts = Vec<(u16, Name)>;

impl Delivery {
    pub(super) async fn attempt(&self) -> Outcome {
        let hosts = match self.hosts().await {
            Ok(hosts) => hosts,
            Err(outcome) => return outcome,
        };
        let mut reasons = Vec::new();
        for (_, host) in hosts {
            let name = host.to_ascii();
            let name = name.trim_end_matches('.').to_owned();
            match self.try_host(&host, &name).await {
                Ok(authenticated) => {
                    return Outcome::Delivered {
                        host: name,
                        authenticated,
                    };
                }
                Err(Refusal::Final(reason)) => {
                    return Outcome::Bounced(format!("{name}: {reason}"));
                }
                Err(Refusal::Next(reason)) => reasons.push(format!("{name}: {reason}")),
            }
        }
        Outcome::Deferred(reasons.join("; "))
    }

    async fn lookup(
        &self,
        name: &Name,
        kind: RecordType,
    ) -> Result<(Vec<Record>, Security), String> {
        let found = self.resolver.resolve(name, kind).await;
        if found.security < Security::Insecure {
            return Err(format!(
                "lookup of {name} {kind} failed ({:?})",
                found.security
            ));
        }
        let records = found
            .answers
            .into_iter()
            .filter(|r| r.record_type() == kind)
            .collect();
        Ok((records, found.security))
    }

    /// The hosts in order of preference; the domain itself if it names none.
    async fn hosts(&self) -> Result<Hosts, Outcome> {
        let name = crate::dns::name(&self.domain).map_err(|e| Outcome::Bounced(e.to_string()))?;
        let (records, _) = self
            .lookup(&name, RecordType::MX)
            .await
            .map_err(Outcome::Deferred)?;
        let mut hosts: Hosts = records
            .iter()
            .filter_map(|record| match &record.data {
                RData::MX(mx) => Some((mx.preference, mx.exchange.to_lowercase())),
                _ => None,
            })
            .collect();
        if hosts.is_empty() {
            hosts.push((0, name));
        }
        if hosts.len() == 1 && hosts.iter().all(|(_, host)| host.is_root()) {
            return Err(Outcome::Bounced(
                "the domain takes no mail (null MX)".to_owned(),
            ));
        }
        hosts.sort();
        Ok(hosts)
    }

    async fn try_host(&self, host: &Name, name: &str) -> Result<bool, Refusal> {
        let (records, security) = self
            .lookup(host, RecordType::A)
            .await
            .map_err(Refusal::Next)?;
        let addresses: Vec<IpAddr> = records
            .iter()
            .filter_map(|record| match &record.data {
                RData::A(a) => Some(IpAddr::V4(a.0)),
                _ => None,
            })
            .collect();
        if addresses.is_empty() {
            return Err(Refusal::Next("it has no address".to_owned()));
        }
        let policy = self.policy(host, security).await.map_err(Refusal::Next)?;
        let mut last = Refusal::Next("it has no address".to_owned());
        for address in addresses {
            let talk = self.talk(address, name, &policy);
            match tokio::time::timeout(PATIENCE, talk).await {
                Ok(Ok(authenticated)) => return Ok(authenticated),
                Ok(Err(Refusal::Final(reason))) => {
                    return Err(Refusal::Final(format!("{address} {reason}")));
                }
                Ok(Err(Refusal::Next(reason))) => {
                    last = Refusal::Next(format!("{address} {reason}"));
                }
                Err(_) => last = Refusal::Next(format!("{address} did not answer in time")),
            }
        }
        Err(last)
    }

    /// RFC 7672 2.2.2: TLSA is asked only for hosts whose address is secure; a failed lookup puts the host out of use.
    async fn policy(&self, host: &Name, address: Security) -> Result<Policy, String> {
        let ask = match self.profile {
            SenderProfile::Opportunistic => false,
            SenderProfile::Dane => address == Security::Secure,
            SenderProfile::Sloppy => true,
        };
        if !ask {
            return Ok(Policy::MayBePlain);
        }
        let owner = crate::dns::name(&format!("_25._tcp.{host}")).map_err(|e| e.to_string())?;
        let (records, security) = self.lookup(&owner, RecordType::TLSA).await?;
        let records: Vec<TLSA> = records
            .into_iter()
            .filter_map(|record| match record.data {
                RData::TLSA(tlsa) => Some(tlsa),
                _ => None,
            })
            .collect();
        if records.is_empty() || security != Security::Secure {
            Ok(Policy::MayBePlain)
        } else {
            Ok(Policy::Dane(records))
        }
    }

    async fn talk(&self, address: IpAddr, host: &str, policy: &Policy) -> Result<bool, Refusal> {
        let failed = |e: std::io::Error| Refusal::Next(e.to_string());
        let stream = TcpStream::connect((address, self.port))
            .await
            .map_err(failed)?;
        let mut plain = BufStream::new(stream);
        expect(&mut plain, 220).await?;
        let offers_tls = hello(&mut plain).await?;
        if !offers_tls {
            if matches!(policy, Policy::Dane(_)) {
                return Err(Refusal::Next(
                    "it offers no STARTTLS, but DANE demands it".to_owned(),
                ));
            }
            self.mail(&mut plain).await?;
            return Ok(false);
        }
        say(&mut plain, "STARTTLS").await?;
        expect(&mut plain, 220).await?;
        let server =
            ServerName::try_from(host.to_owned()).map_err(|e| Refusal::Next(e.to_string()))?;
        let config = tls::client().map_err(|e| Refusal::Next(e.to_string()))?;
        let secured = TlsConnector::from(config)
            .connect(server, plain.into_inner())
            .await
            .map_err(|e| Refusal::Next(format!("TLS failed: {e}")))?;
        let authenticated = authenticate(policy, secured.get_ref().1.peer_certificates())?;
        let mut secured = BufStream::new(secured);
        hello(&mut secured).await?;
        self.mail(&mut secured).await?;
        Ok(authenticated)
    }

    async fn mail<S: AsyncRead + AsyncWrite + Unpin>(
        &self,
        stream: &mut BufStream<S>,
    ) -> Result<(), Refusal> {
        say(stream, "MAIL FROM:<sender@sender.example>").await?;
        expect(stream, 250).await?;
        say(stream, &format!("RCPT TO:<postmaster@{}>", self.domain)).await?;
        expect(stream, 250).await?;
        say(stream, "DATA").await?;
        expect(stream, 354).await?;
        say(stream, "Subject: still there?\r\n\r\nHello.\r\n.").await?;
        expect(stream, 250).await?;
        // The mail is taken; how the goodbye goes no longer matters.
        let _ = say(stream, "QUIT").await;
        Ok(())
    }
}

fn authenticate(policy: &Policy, chain: Option<&[CertificateDer<'_>]>) -> Result<bool, Refusal> {
    let Policy::Dane(records) = policy else {
        return Ok(false);
    };
    let first = chain.and_then(<[_]>::first);
    match first.map_or(Match::Mismatch, |certificate| {
        tls::judge(records, certificate)
    }) {
        Match::Authenticated => Ok(true),
        Match::Unusable => Ok(false),
        Match::Mismatch => Err(Refusal::Next(
            "no TLSA record names its certificate".to_owned(),
        )),
    }
}

async fn hello<S: AsyncRead + AsyncWrite + Unpin>(
    stream: &mut BufStream<S>,
) -> Result<bool, Refusal> {
    say(stream, "EHLO sender.example").await?;
    let lines = expect(stream, 250).await?;
    Ok(lines.iter().any(|l| l.eq_ignore_ascii_case("STARTTLS")))
}

async fn say<S: AsyncRead + AsyncWrite + Unpin>(
    stream: &mut BufStream<S>,
    text: &str,
) -> Result<(), Refusal> {
    let whole = async {
        stream.write_all(text.as_bytes()).await?;
        stream.write_all(b"\r\n").await?;
        stream.flush().await
    };
    whole.await.map_err(|e| Refusal::Next(e.to_string()))
}

/// Reads a reply; its texts if it has the wished code. 5xx is final, everything else means the next host.
async fn expect<S: AsyncRead + AsyncWrite + Unpin>(
    stream: &mut BufStream<S>,
    code: u16,
) -> Result<Vec<String>, Refusal> {
    let mut lines = Vec::new();
    loop {
        let mut line = String::new();
        let read = stream.read_line(&mut line).await;
        if read.map_err(|e| Refusal::Next(e.to_string()))? == 0 {
            return Err(Refusal::Next("it closed the connection".to_owned()));
        }
        let line = line.trim_end();
        let got: u16 = line.get(..3).and_then(|c| c.parse().ok()).unwrap_or(0);
        lines.push(line.get(4..).unwrap_or_default().to_owned());
        if line.as_bytes().get(3) == Some(&b'-') {
            continue;
        }
        if got == code {
            return Ok(lines);
        }
        return Err(if (500..600).contains(&got) {
            Refusal::Final(format!("said {line}"))
        } else {
            Refusal::Next(format!("said {line}"))
        });
    }
}
