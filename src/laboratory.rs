//! Domain files for the embedded laboratory: every endpoint on loopback, TTLs of seconds.
//!
//! The laboratory stands in for the internet behind `rollout demo` and the end-to-end tests; the commands
//! that run on it are the real ones.

use std::fmt::Write as _;
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use rollout_lab::{DomainSeed, Endpoints, Options, Timing};

/// The folder below a demo's folder in which the laboratory keeps itself.
pub const LAB_FOLDER: &str = "lab";

/// The demo's internet: domains of several kinds, TTLs of seconds.
#[must_use]
pub fn demo_options() -> Options {
    Options {
        domains: vec![
            DomainSeed::ordinary("contoso.com").without_cds(),
            DomainSeed::ordinary("fabrikam.ch").signed(),
            DomainSeed::new("proseware.ch", rollout_lab::DomainKind::Moved),
            DomainSeed::new("adatum.com", rollout_lab::DomainKind::Finished),
            DomainSeed::new("treyresearch.com", rollout_lab::DomainKind::Gateway),
        ],
        timing: demo_timing(),
        ..Options::default()
    }
}

/// Times of the demo, in the proportions of the real ones.
#[must_use]
pub fn demo_timing() -> Timing {
    Timing {
        // We ask the registry only when it is safe, so it need not hesitate by itself.
        parent_hold: Duration::from_secs(2),
        ..Timing::default()
    }
}

/// Writes a domain file and the secrets it refers to, owner-only, and returns its path.
///
/// # Errors
/// When the folder cannot be written.
pub fn write_domain_file(
    folder: &Path,
    domain: &str,
    endpoints: &Endpoints,
    timing: &Timing,
    extra: &str,
) -> io::Result<PathBuf> {
    std::fs::create_dir_all(folder)?;
    write_private(&folder.join("client-secret"), &endpoints.client_secret)?;
    write_private(&folder.join("powerdns-key"), &endpoints.powerdns_key)?;
    write_private(&folder.join("roots.pem"), &endpoints.https_roots_pem)?;
    write_private(
        &folder.join("trust-anchor"),
        &format!("{}\n", endpoints.trust_anchor.dnskey),
    )?;
    let path = folder.join(format!("{domain}.yml"));
    write_private(&path, &text(domain, endpoints, timing, extra))?;
    Ok(path)
}

/// The domain file's text.
fn text(domain: &str, endpoints: &Endpoints, timing: &Timing, extra: &str) -> String {
    let mut text = format!(
        "# A domain of the embedded laboratory. `rollout plan`, `apply`, `status`, `why` and `history`\n\
         # work on it as on a real one; the laboratory starts by itself and keeps its state in ./{LAB_FOLDER}.\n\
         domain: {domain}\n\
         laboratory: ./{LAB_FOLDER}\n\
         \n\
         microsoft:\n\
         \x20 tenant: {tenant}\n\
         \x20 sign_in:\n\
         \x20   method: client-secret\n\
         \x20   client_id: {client}\n\
         \x20   secret: file:client-secret\n\
         \x20 endpoints:\n\
         \x20   authority: {authority}\n\
         \x20   graph: {graph}\n\
         \x20   exchange: {exchange}\n\
         \n\
         dns:\n\
         \x20 provider: powerdns\n\
         \x20 url: {powerdns}\n\
         \x20 api_key: file:powerdns-key\n\
         \n\
         resolve:\n\
         \x20 port: {port}\n\
         \x20 trust_anchor: file:trust-anchor\n\
         \x20 roots:\n",
        tenant = endpoints.tenant_id,
        client = endpoints.client_id,
        authority = endpoints.authority,
        graph = endpoints.graph,
        exchange = endpoints.exchange,
        powerdns = endpoints.powerdns,
        port = endpoints.dns_port,
    );
    for root in &endpoints.root_hints {
        // Writing to a string cannot fail.
        let _ = writeln!(
            text,
            "    - {{ name: {}, address: {} }}",
            root.name, root.address
        );
    }
    text.push_str("  resolvers:\n");
    for (index, resolver) in endpoints.resolvers.iter().enumerate() {
        let _ = writeln!(
            text,
            "    - {{ name: resolver-{}, address: \"{resolver}\" }}",
            index + 1
        );
    }
    let whole = |duration: Duration| duration.as_secs_f64().ceil();
    let _ = write!(
        text,
        "\nsmtp: {{ port: {smtp} }}\n\
         https: {{ roots: file:roots.pem, mta_sts_address: \"{sts}\" }}\n\
         \n\
         # Seconds instead of hours; a real domain file leaves these at their defaults.\n\
         settings: {{ ttl: 2, final_ttl: {ttl}, added_soak: 0, swapped_soak: 0 }}\n\
         timing:\n\
         \x20 resolver_floor: 0s\n\
         \x20 margin: 0s\n\
         \x20 zone_largest_ttl: {ttl}s\n\
         \x20 poll: 1s\n\
         \x20 usual_cmdlet: {cmdlet}s\n\
         \x20 usual_tlsa: {tlsa}s\n\
         \x20 usual_propagation: 1s\n\
         \x20 usual_delegation: {delegation}s\n",
        smtp = endpoints.smtp_port,
        sts = endpoints.mta_sts,
        ttl = timing.record_ttl,
        cmdlet = whole(timing.cmdlet + timing.new_host),
        tlsa = whole(timing.cmdlet + timing.tlsa),
        delegation = whole(timing.parent_scan + timing.parent_hold + timing.parent_batch),
    );
    text.push_str(extra);
    text
}

/// Writes a file that only its owner can read.
fn write_private(path: &Path, text: &str) -> io::Result<()> {
    use std::io::Write as _;
    let mut options = std::fs::OpenOptions::new();
    options.write(true).create(true).truncate(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut file = options.open(path)?;
    file.write_all(text.as_bytes())
}
