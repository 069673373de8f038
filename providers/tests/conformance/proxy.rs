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
    io::{AsyncReadExt, AsyncWriteExt},
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
    let losing = Arc::new(AtomicBool::new(false));
    let mute = losing.clone();
    // Ends when the server is done, or when it gave the answer that is to be lost; either cuts the line to the client.
    let mut back = tokio::spawn(async move {
        let mut buffer = vec![0; 64 << 10];
        while let Ok(length @ 1..) = server_in.read(&mut buffer).await {
            let lost = mute.load(Ordering::SeqCst);
            if lost || client_out.write_all(&buffer[..length]).await.is_err() {
                break;
            }
        }
    });
    let mut buffer = vec![0; 64 << 10];
    loop {
        let length = tokio::select! {
            _ = &mut back => return,
            read = client_in.read(&mut buffer) => read.unwrap_or(0),
        };
        if length == 0 {
            break;
        }
        if is_write(&buffer[..length]) {
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
                OnWrite::LoseAnswer => losing.store(true, Ordering::SeqCst),
                OnWrite::First(moment) => {
                    if !done.swap(true, Ordering::SeqCst) {
                        moment().await;
                    }
                }
            }
        }
        if server_out.write_all(&buffer[..length]).await.is_err() {
            break;
        }
    }
    if losing.load(Ordering::SeqCst) {
        // The client gave up first: the server still gets to answer.
        let _ = back.await;
    }
}
