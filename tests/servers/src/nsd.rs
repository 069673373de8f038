//! NSD: serves zones exactly as they are written, signatures included.

use std::net::SocketAddr;
use std::process::Command;

use tempfile::TempDir;

use crate::process::{Server, folder};
use crate::{ServerError, ask, programs, zone};

/// What must be installed.
pub const PROGRAMS: [&str; 1] = ["nsd"];

/// A running NSD.
#[derive(Debug)]
pub struct Nsd {
    /// Where it answers DNS, by UDP and TCP.
    pub addresses: Vec<SocketAddr>,
    // Before the folder, so that the server is gone when its files go.
    server: Server,
    _folder: TempDir,
}

impl Nsd {
    /// Starts it at `addresses`, which share a port, with `zones`: an apex and a complete zone file (see [`zone::file`]).
    /// Returns when it answers for each.
    pub fn start_at(addresses: &[SocketAddr], zones: &[(&str, &str)]) -> Result<Self, ServerError> {
        let folder = folder("nsd")?;
        let path = folder.path();
        let mut configuration = format!(
            "server:\n\
             \tusername: \"\"\n\
             \tchroot: \"\"\n\
             \tzonesdir: \"{folder}\"\n\
             \tzonelistfile: \"{folder}/zone.list\"\n\
             \txfrdfile: \"\"\n\
             \txfrdir: \"{folder}\"\n\
             \tdatabase: \"\"\n\
             \tpidfile: \"\"\n\
             \tlogfile: \"\"\n\
             \tserver-count: 1\n\
             \trrl-ratelimit: 0\n",
            folder = path.display(),
        );
        for address in addresses {
            configuration.push_str(&format!(
                "\tip-address: {}@{}\n",
                address.ip(),
                address.port()
            ));
        }
        configuration.push_str("remote-control:\n\tcontrol-enable: no\n");
        for (apex, text) in zones {
            let name = zone::file_name(apex);
            std::fs::write(path.join(format!("{name}.zone")), text)
                .map_err(ServerError::io(format!("writing the zone {apex}")))?;
            configuration.push_str(&format!(
                "zone:\n\tname: \"{}.\"\n\tzonefile: \"{name}.zone\"\n",
                apex.trim_end_matches('.')
            ));
        }
        let file = path.join("nsd.conf");
        std::fs::write(&file, configuration).map_err(ServerError::io("writing nsd.conf"))?;
        let mut command = Command::new(programs::find("nsd")?);
        command.arg("-d").arg("-c").arg(&file);
        let mut server = Server::spawn("NSD", command, path)?;
        server.wait_until("answered for every zone", || {
            zones
                .iter()
                .all(|(apex, _)| addresses.iter().all(|address| ask::serves(*address, apex)))
        })?;
        Ok(Self {
            addresses: addresses.to_vec(),
            server,
            _folder: folder,
        })
    }

    /// The process id.
    pub fn pid(&self) -> u32 {
        self.server.pid()
    }

    /// All it wrote so far.
    pub fn log(&self) -> String {
        self.server.log()
    }
}
