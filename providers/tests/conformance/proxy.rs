//! A wire between a provider and its server that can be cut at the worst moment.

use std::{
    future::Future,
    net::SocketAddr,
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt, copy},
    net::{TcpListener, TcpStream},
};

/// What happens when a write comes along. Reads always pass.
#[derive(Clone)]
pub enum OnWrite {
    /// It is taken and goes nowhere: no answer ever.
    Swallow,
    /// It reaches the server; its answer is lost and the connection cut.
    LoseAnswer,
    /// Somebody does something first; once.
    First(Moment),
}

/// Whether an HTTP request asks for a change.
pub fn http_write(sent: &[u8]) -> bool {
    [&b"PATCH"[..], b"PUT", b"POST", b"DELETE"]
        .iter()
        .any(|method| sent.starts_with(method))
}

/// Whether a DNS message over TCP asks for a change: after two octets of length, opcode 5 in the flags, and something in
/// the update section.
pub fn dns_write(sent: &[u8]) -> bool {
    matches!(sent, [_, _, _, _, flags, _, _, _, _, _, high, low, ..] if flags >> 3 & 0xF == 5 && (*high, *low) != (0, 0))
}

/// Something to do at that moment.
pub type Moment = Arc<dyn Fn() -> Pin<Box<dyn Future<Output = ()> + Send>> + Send + Sync>;

/// Listens on a free port and passes everything on to `server`.
pub async fn start(
    server: SocketAddr,
    is_write: fn(&[u8]) -> bool,
    on_write: OnWrite,
) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let done = Arc::new(AtomicBool::new(false));
    tokio::spawn(async move {
        while let Ok((client, _)) = listener.accept().await {
            tokio::spawn(pass(
                client,
                server,
                is_write,
                on_write.clone(),
                done.clone(),
            ));
        }
    });
    address
}

async fn pass(
    client: TcpStream,
    server: SocketAddr,
    is_write: fn(&[u8]) -> bool,
    on_write: OnWrite,
    done: Arc<AtomicBool>,
) {
    let Ok(server) = TcpStream::connect(server).await else {
        return;
    };
    let (mut client_in, mut client_out) = client.into_split();
    let (mut server_in, mut server_out) = server.into_split();
    let back = tokio::spawn(async move { copy(&mut server_in, &mut client_out).await });
    let mut buffer = vec![0; 64 << 10];
    let mut losing = false;
    loop {
        let Ok(length) = client_in.read(&mut buffer).await else {
            break;
        };
        if length == 0 {
            break;
        }
        let sent = &buffer[..length];
        if losing || is_write(sent) {
            match &on_write {
                OnWrite::Swallow => {
                    // Held open: only the client's own patience ends it.
                    while client_in
                        .read(&mut buffer)
                        .await
                        .is_ok_and(|length| length > 0)
                    {}
                    break;
                }
                OnWrite::LoseAnswer => {
                    losing = true;
                    back.abort();
                }
                OnWrite::First(moment) => {
                    if !done.swap(true, Ordering::SeqCst) {
                        moment().await;
                    }
                }
            }
        }
        if server_out.write_all(sent).await.is_err() {
            break;
        }
        if losing {
            // Long enough for the server to act, then the line is dead.
            tokio::time::sleep(std::time::Duration::from_millis(300)).await;
            break;
        }
    }
    drop((client_in, server_out));
    if !losing {
        let _ = back.await;
    }
}
