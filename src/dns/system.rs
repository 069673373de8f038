//! The resolvers that this machine is set up with, as witnesses.

use std::net::SocketAddr;

use hickory_resolver::config::ResolverConfig;

use super::{SettingsError, Vantage};

/// The resolvers of this machine's own configuration (`/etc/resolv.conf`, or what stands in its place).
///
/// What programs on this machine see may differ from what the internet sees: inside a company a name server of
/// its own often answers for its own domain.
///
/// # Errors
/// When the configuration cannot be read.
pub fn system_vantages() -> Result<Vec<Vantage>, SettingsError> {
    let (config, _) = hickory_resolver::system_conf::read_system_conf().map_err(|error| {
        SettingsError::System {
            why: error.to_string(),
        }
    })?;
    Ok(vantages(&config))
}

fn vantages(config: &ResolverConfig) -> Vec<Vantage> {
    let mut found: Vec<Vantage> = Vec::new();
    for server in config.name_servers() {
        for connection in &server.connections {
            let address = SocketAddr::new(server.ip, connection.port);
            if !found.iter().any(|known| known.address == address) {
                found.push(Vantage {
                    name: "this machine's".to_owned(),
                    address,
                });
            }
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use hickory_resolver::config::{ConnectionConfig, NameServerConfig};

    use super::*;

    #[test]
    fn each_server_is_one_vantage_whatever_its_transports() {
        let server = |ip: &str, port| {
            let mut udp = ConnectionConfig::udp();
            udp.port = port;
            let mut tcp = ConnectionConfig::tcp();
            tcp.port = port;
            NameServerConfig::new(ip.parse().unwrap(), true, vec![udp, tcp])
        };
        let config = ResolverConfig::from_parts(
            None,
            vec![],
            vec![server("192.0.2.1", 53), server("2001:db8::1", 5353)],
        );
        let found: Vec<_> = vantages(&config)
            .into_iter()
            .map(|v| v.address.to_string())
            .collect();
        assert_eq!(found, ["192.0.2.1:53", "[2001:db8::1]:5353"]);
    }
}
