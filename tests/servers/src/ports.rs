//! Free ports on loopback.

use std::net::{IpAddr, SocketAddr, TcpListener, UdpSocket};

use crate::ServerError;

/// A port that is free for both UDP and TCP at `address` now.
///
/// Another process may take it before the server does; a server that cannot bind says so and the start fails.
pub fn free(address: IpAddr) -> Result<u16, ServerError> {
    for _ in 0..50 {
        let listener = TcpListener::bind(SocketAddr::new(address, 0))
            .map_err(ServerError::io(format!("taking a port at {address}")))?;
        let port = listener
            .local_addr()
            .map_err(ServerError::io("reading a port"))?
            .port();
        if UdpSocket::bind(SocketAddr::new(address, port)).is_ok() {
            return Ok(port);
        }
    }
    Err(ServerError::Unfit(format!(
        "no port is free for both UDP and TCP at {address}"
    )))
}
