//! `rollout dane plan`: the way of a mail domain's mail, by records from a file: which hosts, in which order, and what a
//! sender by RFC 7672 would demand of each. Asks nobody.

use std::path::PathBuf;

use serde_json::{Value, json};

use super::super::{App, CliError, Exit};
use crate::dane::sender::{Demand, demand};
use crate::dane::{
    Destination, Discovery, HostView, Route, TlsaView, WebRoots, discover, observe_destination,
};
use crate::dns::{Fixture, Name};
use crate::output::{Line, Page, Tone};

/// More than anybody writes by hand.
const LARGEST_FIXTURE: u64 = 1 << 24;

/// Arguments of `dane plan`.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The records: a JSON object with `a`, `aaaa`, `mx`, `cname`, `tlsa`, `all_authentic`, and the lists `authentic`,
    /// `inauthentic`, `bogus` and `fail` of "type name"
    #[arg(long, value_name = "FILE")]
    dns: PathBuf,
    /// The mail domain; several times for several
    #[arg(long, value_name = "NAME", required = true)]
    domain: Vec<Name>,
}

pub(super) async fn run(app: &App, args: &Args) -> Result<Exit, CliError> {
    let dns = read(&args.dns)?;
    let mut exit = Exit::Done;
    let mut page = Page::new();
    for domain in &args.domain {
        let plan = Plan::make(&dns, domain).await;
        plan.show(&mut page);
        app.console.object(&plan.object());
        exit = exit.and(plan.exit());
    }
    app.console.result(page);
    Ok(exit)
}

struct Plan {
    found: Discovery,
    hosts: Vec<(Destination, HostView, Demand)>,
}

impl Plan {
    async fn make(dns: &Fixture, domain: &str) -> Self {
        let found = discover(dns, domain).await;
        // Nobody is probed, so no roots are needed either.
        let roots = WebRoots {
            system: false,
            extra: Vec::new(),
        };
        let mut hosts = Vec::new();
        for destination in &found.hosts {
            let view = observe_destination(dns, &found, destination, None, &roots).await;
            let demanded = demand(&view);
            hosts.push((destination.clone(), view, demanded));
        }
        Self { found, hosts }
    }

    /// 3 where a lookup failed, 1 where mail has no host to go to, else 0.
    fn exit(&self) -> Exit {
        let not_known = |d: &Demand| matches!(d, Demand::NotKnown { .. });
        let usable = |d: &Demand| {
            matches!(
                d,
                Demand::Authenticate | Demand::Encrypt | Demand::Opportunistic
            )
        };
        match self.found.route {
            // Bogus is an answer about the domain, a failure is none.
            Route::LookupError { .. } if self.found.mx.status.is_lookup_error() => {
                match self.found.mx.status {
                    crate::dns::Status::Bogus { .. } => Exit::Failed,
                    _ => Exit::CouldNotTell,
                }
            }
            Route::LookupError { .. } => Exit::CouldNotTell,
            Route::NullMx => Exit::Failed,
            Route::Mx | Route::Implicit | Route::Address => {
                if self.hosts.iter().any(|(_, _, d)| not_known(d)) {
                    Exit::CouldNotTell
                } else if self.hosts.iter().any(|(_, _, d)| usable(d)) {
                    Exit::Done
                } else {
                    Exit::Failed
                }
            }
        }
    }

    fn show(&self, page: &mut Page) {
        let found = &self.found;
        let line = Line::at(0).tone(Tone::Strong, &found.domain).plain(": ");
        page.push(match &found.route {
            Route::Mx if found.mx_secure() => line.plain("a signed MX set"),
            Route::Mx => line.tone(Tone::Warn, "an MX set that is not signed"),
            Route::Implicit => {
                line.plain("no MX, so it takes its mail itself (RFC 5321 section 5.1)")
            }
            Route::NullMx => line.tone(Tone::Bad, "it takes no mail (null MX, RFC 7505)"),
            Route::Address => line.plain("an address, so DANE does not apply"),
            Route::LookupError { why } => line.tone(
                Tone::Bad,
                format!("the MX lookup failed, so mail waits: {why}"),
            ),
        });
        for oddity in &found.oddities {
            page.push(Line::at(2).tone(Tone::Warn, oddity));
        }
        for (destination, view, demanded) in &self.hosts {
            let mut line = Line::at(2);
            if let Some(preference) = destination.preference {
                line = line.plain(format!("{preference} "));
            }
            let (tone, words) = in_words(demanded, view);
            page.push(
                line.tone(Tone::Strong, &destination.host)
                    .plain(": ")
                    .tone(tone, words),
            );
            if let Some(to) = alias_of(view) {
                let words = format!(
                    "it is an alias of {to}, which an MX must not name (RFC 2181 section 10.3)"
                );
                page.push(Line::at(4).tone(Tone::Warn, words));
            }
            for record in view.tlsa.secure_records() {
                page.push(Line::at(4).plain(format!("_25._tcp.{}: {record}", view.base)));
            }
            if *demanded == Demand::Authenticate {
                let names = found.reference_names(&view.base).join(", ");
                page.push(Line::at(4).dim(format!("SNI {}; usage 2 accepts {names}", view.base)));
            }
        }
    }

    fn object(&self) -> Value {
        let hosts: Vec<Value> = self
            .hosts
            .iter()
            .map(|(destination, view, demanded)| {
                json!({
                    "host": destination.host,
                    "preference": destination.preference,
                    "alias_of": alias_of(view),
                    "addresses": view.addresses.iter().map(|a| a.address).collect::<Vec<_>>(),
                    "security": view.security,
                    "base": view.base,
                    "names": self.found.reference_names(&view.base),
                    "tlsa": match &view.tlsa {
                        TlsaView::NotAsked { .. } => "not-asked",
                        TlsaView::Secure { .. } => "secure",
                        TlsaView::Insecure { .. } => "insecure",
                        TlsaView::Absent { .. } => "absent",
                        TlsaView::LookupError { .. } => "lookup-error",
                    },
                    "records": view.tlsa.secure_records(),
                    "action": demanded,
                    "dane_required": !matches!(demanded, Demand::Opportunistic | Demand::NoAddress),
                })
            })
            .collect();
        json!({
            "type": "dane-plan",
            "domain": self.found.domain,
            "expanded": self.found.expanded(),
            "route": self.found.route,
            "mx_secure": self.found.mx_secure(),
            "oddities": self.found.oddities,
            "hosts": hosts,
            "exit": self.exit().code(),
        })
    }
}

/// The name that the host, named in an MX, is only an alias of.
fn alias_of(view: &HostView) -> Option<&str> {
    [&view.a, &view.aaaa]
        .into_iter()
        .find_map(|lookup| lookup.aliases.last())
        .map(|alias| alias.to.as_str())
}

fn in_words(demanded: &Demand, view: &HostView) -> (Tone, String) {
    match demanded {
        Demand::Authenticate => (
            Tone::Good,
            "TLS, and its certificate must match a TLSA record".to_owned(),
        ),
        Demand::Encrypt => (
            Tone::Warn,
            "TLS, and nobody checks who it is: no TLSA record can be used".to_owned(),
        ),
        Demand::Opportunistic => {
            let why = match &view.tlsa {
                TlsaView::NotAsked { why } => why.as_str(),
                TlsaView::Insecure { .. } => "its TLSA records are not signed",
                _ => "it has no TLSA record",
            };
            (Tone::Warn, format!("TLS if it offers it: {why}"))
        }
        Demand::NoAddress => (Tone::Bad, "it has no address".to_owned()),
        Demand::Down { why } => (Tone::Bad, format!("it counts as down: {why}")),
        Demand::NotKnown { why } => (
            Tone::Bad,
            format!("could not tell, and a sender that meets the same takes it for down: {why}"),
        ),
    }
}

fn read(path: &std::path::Path) -> Result<Fixture, CliError> {
    let file = |source| CliError::File {
        doing: "read the records",
        path: path.to_owned(),
        source,
    };
    let bad =
        |why: String| CliError::Usage(format!("{} holds no DNS records: {why}", path.display()));
    if std::fs::metadata(path).map_err(file)?.len() > LARGEST_FIXTURE {
        return Err(bad("it is larger than 16 MiB".to_owned()));
    }
    let bytes = std::fs::read(path).map_err(file)?;
    let text = String::from_utf8(bytes).map_err(|_| bad("it is not UTF-8".to_owned()))?;
    Fixture::from_json(&text).map_err(|error| bad(error.to_string()))
}
