//! A sender that never stops: it asks for a domain's MX through a caching resolver, and offers its mail, again and again.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{JoinHandle, sleep};
use std::time::{Duration, Instant};

use hickory_proto::op::ResponseCode;
use hickory_proto::rr::{RData, RecordType};

use crate::ask::{Ask, data};
use crate::smtp::{Verdict, offer};

/// How long one question or one host may take. Far below what real senders grant, so that a stall shows as a gap.
const PATIENCE: Duration = Duration::from_secs(2);

/// A sender at work in a thread of its own.
#[derive(Debug)]
pub struct Poller {
    stop: Arc<AtomicBool>,
    thread: JoinHandle<Report>,
}

/// What a sender lived through.
#[derive(Clone, Debug, Default)]
pub struct Report {
    /// How often it tried.
    pub attempts: usize,
    /// How often some MX took the mail.
    pub accepted: usize,
    /// Tries without any MX that took the mail: since the start, and why.
    pub failures: Vec<(Duration, String)>,
    /// Mail that a real sender would have returned at once, since the host it asked said 5xx: since the start, and why.
    pub bounces: Vec<(Duration, String)>,
    /// The longest time from one accepted mail to the next, or to the end.
    pub longest_gap: Duration,
    /// The host that took the mail, each time it changed: since the start.
    pub hosts: Vec<(Duration, String)>,
}

impl Report {
    /// Whether there was always a working MX.
    pub fn always_worked(&self) -> bool {
        self.attempts > 0 && self.failures.is_empty() && self.bounces.is_empty()
    }
}

impl Poller {
    /// Starts sending to `somebody@domain` through `resolver`, to `port` of the MX hosts, pausing for `pause` after each try.
    pub fn start(resolver: SocketAddr, domain: &str, port: u16, pause: Duration) -> Self {
        let stop = Arc::new(AtomicBool::new(false));
        let stopped = Arc::clone(&stop);
        let domain = domain.to_owned();
        let thread = std::thread::spawn(move || {
            let begun = Instant::now();
            let mut report = Report::default();
            let mut last_accepted = Duration::ZERO;
            while !stopped.load(Ordering::Relaxed) {
                let at = begun.elapsed();
                let result = attempt(resolver, &domain, port);
                report.attempts += 1;
                match result {
                    Ok(host) => {
                        report.accepted += 1;
                        let now = begun.elapsed();
                        report.longest_gap = report.longest_gap.max(now - last_accepted);
                        last_accepted = now;
                        if report.hosts.last().is_none_or(|(_, last)| *last != host) {
                            report.hosts.push((at, host));
                        }
                    }
                    Err(Failure::Bounce(why)) => report.bounces.push((at, why)),
                    Err(Failure::Later(why)) => report.failures.push((at, why)),
                }
                sleep(pause);
            }
            report.longest_gap = report.longest_gap.max(begun.elapsed() - last_accepted);
            report
        });
        Self { stop, thread }
    }

    /// Ends the sender and tells what it lived through.
    pub fn stop(self) -> Report {
        self.stop.store(true, Ordering::Relaxed);
        self.thread.join().unwrap()
    }
}

enum Failure {
    /// Returned to its author.
    Bounce(String),
    /// Kept for a later try.
    Later(String),
}

/// One delivery as RFC 5321 section 5.1 has it: the MX hosts by preference, all addresses of each.
fn attempt(resolver: SocketAddr, domain: &str, port: u16) -> Result<String, Failure> {
    let mut hosts: Vec<(u16, String)> = look_up(resolver, domain, RecordType::MX)?
        .into_iter()
        .filter_map(|found| match found {
            RData::MX(mx) => Some((mx.preference, mx.exchange.to_ascii())),
            _ => None,
        })
        .collect();
    hosts.sort();
    let mut troubles = Vec::new();
    if hosts.is_empty() {
        troubles.push(format!("{domain} has no MX"));
    }
    for (_, host) in hosts {
        let addresses = match look_up(resolver, &host, RecordType::A) {
            Ok(found) => found,
            Err(Failure::Later(why) | Failure::Bounce(why)) => {
                troubles.push(why);
                continue;
            }
        };
        if addresses.is_empty() {
            troubles.push(format!("{host} has no address"));
        }
        for address in addresses {
            let RData::A(address) = address else { continue };
            let server = SocketAddr::new(IpAddr::V4(address.0), port);
            match offer(server, &format!("somebody@{domain}"), PATIENCE) {
                Verdict::Accepted => return Ok(host),
                Verdict::Rejected(why) => return Err(Failure::Bounce(format!("{host}: {why}"))),
                Verdict::TryAgain(why) => troubles.push(format!("{host}: {why}")),
            }
        }
    }
    Err(Failure::Later(troubles.join("; ")))
}

/// The data of one type; none when the resolver says that there is none. Any other answer is a reason to try later.
fn look_up(resolver: SocketAddr, name: &str, kind: RecordType) -> Result<Vec<RData>, Failure> {
    let ask = Ask {
        timeout: PATIENCE,
        ..Ask::default()
    };
    let answer = ask
        .send(resolver, name, kind)
        .map_err(|error| Failure::Later(format!("{name} {kind}: {error}")))?;
    match answer.metadata.response_code {
        ResponseCode::NoError | ResponseCode::NXDomain => Ok(data(&answer, kind)),
        other => Err(Failure::Later(format!("{name} {kind}: {other}"))),
    }
}
