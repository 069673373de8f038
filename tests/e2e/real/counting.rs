//! A relay in front of an HTTP API that counts what passes: PowerDNS keeps no such log.

use std::io::{Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};

/// Methods that change nothing.
const READS: [&str; 2] = ["GET", "HEAD"];
const METHODS: [&str; 6] = ["GET", "HEAD", "PUT", "POST", "PATCH", "DELETE"];

/// What one client sent so far.
type Stream = Arc<Mutex<Vec<u8>>>;

/// The relay; its thread ends with the process (a namespace of its own).
pub struct Relay {
    pub url: String,
    /// What clients sent, a stream for each connection.
    sent: Arc<Mutex<Vec<Stream>>>,
}

impl Relay {
    /// Relays from a free port of 127.0.0.1 to `api`, `http://ADDRESS:PORT`.
    pub fn before(api: &str) -> Self {
        let target: SocketAddr = api.trim_start_matches("http://").parse().unwrap();
        let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let sent = Arc::new(Mutex::new(Vec::new()));
        let streams = Arc::clone(&sent);
        std::thread::spawn(move || {
            for client in listener.incoming().map_while(Result::ok) {
                let stream = Arc::new(Mutex::new(Vec::new()));
                streams.lock().unwrap().push(Arc::clone(&stream));
                let server = TcpStream::connect(target).unwrap();
                let (to, from) = (server.try_clone().unwrap(), client.try_clone().unwrap());
                std::thread::spawn(move || relay(from, to, Some(&stream)));
                std::thread::spawn(move || relay(server, client, None));
            }
        });
        Self { url, sent }
    }

    /// Request lines so far, such as `PATCH /api/v1/servers/localhost/zones/contoso.com.`.
    pub fn requests(&self) -> Vec<String> {
        let streams = self.sent.lock().unwrap();
        streams
            .iter()
            .flat_map(|stream| request_lines(&stream.lock().unwrap()))
            .collect()
    }

    /// Those that may change something.
    pub fn writes(&self) -> Vec<String> {
        let mut requests = self.requests();
        requests.retain(|line| !READS.iter().any(|read| line.starts_with(read)));
        requests
    }
}

/// The body of one request ends where the line of the next begins, so the line is looked for anywhere.
fn request_lines(sent: &[u8]) -> Vec<String> {
    let text = String::from_utf8_lossy(sent);
    text.split("\r\n")
        .filter_map(|line| {
            let (before, _) = line.split_once(" HTTP/1.1")?;
            let (head, path) = before.rsplit_once(' ')?;
            let method = METHODS.iter().find(|method| head.ends_with(**method))?;
            Some(format!("{method} {path}"))
        })
        .collect()
}

fn relay(mut from: TcpStream, mut to: TcpStream, keep: Option<&Mutex<Vec<u8>>>) {
    let mut buffer = [0_u8; 8192];
    while let Ok(length @ 1..) = from.read(&mut buffer) {
        if let Some(keep) = keep {
            keep.lock().unwrap().extend_from_slice(&buffer[..length]);
        }
        if to.write_all(&buffer[..length]).is_err() {
            break;
        }
    }
    let _ = to.shutdown(Shutdown::Write);
}

#[test]
fn requests_are_counted_also_behind_a_body() {
    let sent =
        b"GET /api HTTP/1.1\r\nHost: a\r\n\r\nPATCH /api/x HTTP/1.1\r\nContent-Length: 2\r\n\r\n{}\
                 PUT /api/y HTTP/1.1\r\n\r\n";
    assert_eq!(
        request_lines(sent),
        ["GET /api", "PATCH /api/x", "PUT /api/y"]
    );
}
