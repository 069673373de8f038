//! Which conversations it takes to know an address: few where all is well, more only to tell causes apart.

use std::net::SocketAddr;

use super::probe::{Hello, KeyType, Probe, ProbeResult, TlsVersions};
use super::visits::Visits;

/// All that was seen of one address.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Examined {
    /// The conversation as a sender has it.
    pub main: Probe,
    /// Further ones: the other type of server key, without SNI, TLS 1.2 alone, and what it took to tell causes apart.
    pub others: Vec<Probe>,
}

/// Examines an address with `base` as SNI.
///
/// Three handshakes cover both types of key, with and without SNI, TLS 1.2 and 1.3: one as senders do it, one for the
/// other type of key, one for TLS 1.2 without SNI.
pub(super) async fn examine(
    visits: &Visits,
    address: SocketAddr,
    base: &str,
    recipient: Option<&str>,
) -> Examined {
    let usual = Hello {
        sni: Some(base),
        ..Hello::default()
    };
    let mut main = visits.visit(address, usual, recipient).await;
    let others = if !visits.settings().every_key {
        Vec::new()
    } else {
        match &mut main.result {
            ProbeResult::Ok { .. } => further(visits, address, usual, &main).await,
            ProbeResult::TlsFailed { .. } | ProbeResult::NothingInCommon { .. } => {
                let others = why_not(visits, address, usual).await;
                // With another name or version there is something in common, so it is not for want of ciphers.
                if others
                    .iter()
                    .any(|probe| matches!(probe.result, ProbeResult::Ok { .. }))
                {
                    fails(&mut main);
                }
                others
            }
            ProbeResult::NoStartTls { why } => {
                // A server must not keep first-time clients waiting for STARTTLS (RFC 7672, 9.2): is this one another
                // server to those it has met?
                let again = visits.visit(address, usual, None).await;
                if matches!(again.result, ProbeResult::Ok { .. }) {
                    why.push_str(
                        "; on the next connection it did, so it treats first-time clients differently (RFC 7672, 9.2)",
                    );
                }
                vec![again]
            }
            _ => Vec::new(),
        }
    };
    Examined { main, others }
}

/// After a good conversation: the other combinations.
async fn further(
    visits: &Visits,
    address: SocketAddr,
    usual: Hello<'_>,
    main: &Probe,
) -> Vec<Probe> {
    let key = match leaf_key(main) {
        Some("rsa") => KeyType::Ecdsa,
        _ => KeyType::Rsa,
    };
    let bare = Hello {
        versions: TlsVersions::Only12,
        ..Hello::default()
    };
    let (other_key, bare) = tokio::join!(
        visits.visit(address, Hello { key, ..usual }, None),
        visits.visit(address, bare, None)
    );
    let new_to_tls13 =
        matches!(&main.result, ProbeResult::Ok { tls_version, .. } if tls_version == "TLSv1.3");
    let known = |probe: &Probe| {
        [main, &other_key]
            .iter()
            .any(|seen| seen.result.proven_chain() == probe.result.proven_chain())
    };
    let unclear = match bare.result {
        ProbeResult::TlsFailed { .. } => true,
        ProbeResult::Ok { .. } => !known(&bare),
        _ => false,
    };
    let without_any_tls = matches!(bare.result, ProbeResult::TlsFailed { .. });
    let mut all = vec![other_key, bare];
    // Was it the missing name, or the older version? Where the first one spoke TLS 1.2, it was the name.
    if unclear && new_to_tls13 {
        let older = Hello {
            versions: TlsVersions::Only12,
            ..usual
        };
        let older = visits.visit(address, older, None).await;
        let no_older = matches!(older.result, ProbeResult::TlsFailed { .. });
        all.push(older);
        if without_any_tls && no_older {
            let mut nameless = visits.visit(address, Hello::default(), None).await;
            // With the name there was something in common.
            fails(&mut nameless);
            all.push(nameless);
        }
    }
    all
}

/// After a failed handshake: is it the newer version, or the name?
async fn why_not(visits: &Visits, address: SocketAddr, usual: Hello<'_>) -> Vec<Probe> {
    let older = Hello {
        versions: TlsVersions::Only12,
        ..usual
    };
    let (older, mut bare) = tokio::join!(
        visits.visit(address, older, None),
        visits.visit(address, Hello::default(), None)
    );
    // What that says of senders is said by the conversation before, which offered the name as they do.
    fails(&mut bare);
    vec![older, bare]
}

/// Nothing in common, where the server is known to have something in common with us otherwise: a failure.
fn fails(probe: &mut Probe) {
    if let ProbeResult::NothingInCommon { why } = &mut probe.result {
        probe.result = ProbeResult::TlsFailed {
            why: std::mem::take(why),
            chain: std::sync::Arc::default(),
        };
    }
}

fn leaf_key(probe: &Probe) -> Option<&str> {
    let leaf = probe.result.chain()?.first()?;
    Some(leaf.key.as_str())
}
