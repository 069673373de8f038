//! Postfix as mail hosts with STARTTLS that take mail for chosen domains and throw it away.
//!
//! One Postfix plays all hosts, each at addresses of its own. It must be started as root, since it gives its processes
//! the user `postfix`. Port 25 on 127.x addresses is free inside [`crate::namespace`].

use std::collections::BTreeSet;
use std::fs::File;
use std::net::{IpAddr, SocketAddr};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Mutex;
use std::time::{Duration, SystemTime};

use tempfile::TempDir;

use crate::ServerError;
use crate::certificates::HostCertificate;
use crate::process::{Server, folder, wait_for};
use crate::programs::{find, run};
use crate::smtp::{Verdict, offer};

/// What must be installed.
pub const PROGRAMS: [&str; 3] = ["postfix", "postmap", "master"];

const PATIENCE: Duration = Duration::from_secs(5);

/// One mail host.
#[derive(Clone, Debug)]
pub struct MailHost {
    /// How it greets.
    pub name: String,
    /// Where it listens.
    pub addresses: Vec<IpAddr>,
    /// What it shows after STARTTLS.
    pub certificate: HostCertificate,
    /// The domains whose mail it takes from the start. All other mail gets a 5xx, as at Exchange Online.
    pub accepts: Vec<String>,
    /// Settings of `main.cf` for this host alone, as in `smtpd_tls_security_level=none`.
    pub settings: Vec<String>,
}

/// A running Postfix.
#[derive(Debug)]
pub struct Postfix {
    /// The hosts as they were started.
    pub hosts: Vec<MailHost>,
    /// The port of all hosts.
    pub port: u16,
    accepted: Vec<Mutex<Accepted>>,
    // Before the folder, so that the server is gone when its files go.
    server: Server,
    folder: TempDir,
}

impl Postfix {
    /// Starts all `hosts` on `port` and returns when each of their addresses greets.
    pub fn start(hosts: &[MailHost], port: u16) -> Result<Self, ServerError> {
        if !rustix::process::geteuid().is_root() {
            return Err(ServerError::Unfit(
                "Postfix must be started by root: it gives its processes the user postfix".into(),
            ));
        }
        let folder = folder("postfix")?;
        let path = folder.path();
        // Its processes run as `postfix` and must get in.
        std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o755))
            .map_err(ServerError::io("opening the folder to Postfix"))?;
        for name in ["etc", "spool", "data"] {
            std::fs::create_dir(path.join(name))
                .map_err(ServerError::io(format!("making the folder {name}")))?;
        }
        run(Command::new(find("chown")?)
            .arg("postfix")
            .arg(path.join("data")))?;
        let mut services = String::new();
        for (number, host) in hosts.iter().enumerate() {
            let chain = host
                .certificate
                .write_key_and_chain(path, &format!("host{number}"))
                .map_err(ServerError::io("writing a certificate"))?;
            let accepted = accepted_file(path, number);
            for address in &host.addresses {
                services.push_str(&format!(
                    "{address}:{port} inet n - n - - smtpd\n  \
                     -o myhostname={name}\n  \
                     -o smtpd_tls_chain_files={chain}\n  \
                     -o smtpd_recipient_restrictions=check_recipient_access,hash:{accepted},reject\n",
                    address = bracketed(*address),
                    name = host.name,
                    chain = chain.display(),
                    accepted = accepted.display(),
                ));
                for setting in &host.settings {
                    services.push_str(&format!("  -o {setting}\n"));
                }
            }
        }
        std::fs::write(path.join("etc/main.cf"), main_cf(path)?)
            .map_err(ServerError::io("writing main.cf"))?;
        std::fs::write(path.join("etc/master.cf"), services + MASTER_CF)
            .map_err(ServerError::io("writing master.cf"))?;
        let mut accepted: Vec<Accepted> = hosts.iter().map(Accepted::new).collect();
        for (number, accepted) in accepted.iter_mut().enumerate() {
            write_accepted(path, number, accepted)?;
        }
        // Makes the queue's folders with the right owners.
        run(Command::new(find("postfix")?)
            .arg("-c")
            .arg(path.join("etc"))
            .arg("check"))?;
        let mut command = Command::new(find("master")?);
        command.arg("-c").arg(path.join("etc")).arg("-s");
        let mut server = Server::spawn_leader("Postfix", command, path)?;
        server.wait_until("greeted at every address", || {
            // All at once: each greeting costs Postfix a process.
            std::thread::scope(|threads| {
                let greeted: Vec<_> = hosts
                    .iter()
                    .flat_map(|host| &host.addresses)
                    .map(|address| {
                        let at = SocketAddr::new(*address, port);
                        threads.spawn(move || {
                            let said = offer(at, "postmaster@nowhere.test", PATIENCE);
                            !matches!(said, Verdict::TryAgain(_))
                        })
                    })
                    .collect();
                greeted
                    .into_iter()
                    .all(|thread| thread.join().unwrap_or(false))
            })
        })?;
        Ok(Self {
            accepted: accepted.into_iter().map(Mutex::new).collect(),
            hosts: hosts.to_vec(),
            port,
            server,
            folder,
        })
    }

    /// Whether its programs are installed; prints what is left out otherwise.
    pub fn available(purpose: &str) -> bool {
        crate::programs::available(purpose, &PROGRAMS)
    }

    /// From now on the host called `name` takes the mail of `domain`. Returns when it does.
    pub fn accept(&self, name: &str, domain: &str) -> Result<(), ServerError> {
        self.change(name, domain, true)
    }

    /// From now on the host called `name` answers 5xx to the mail of `domain`. Returns when it does.
    pub fn reject(&self, name: &str, domain: &str) -> Result<(), ServerError> {
        self.change(name, domain, false)
    }

    /// The process id of its master.
    pub fn pid(&self) -> u32 {
        self.server.pid()
    }

    /// All it wrote so far: a line for each session and mail.
    pub fn log(&self) -> String {
        self.server.log()
    }

    /// A folder with a `main.cf`, for programs such as `posttls-finger` that insist on one (`MAIL_CONFIG`).
    pub fn configuration(&self) -> PathBuf {
        self.folder.path().join("etc")
    }

    fn change(&self, name: &str, domain: &str, accept: bool) -> Result<(), ServerError> {
        let number = self
            .hosts
            .iter()
            .position(|host| host.name == name)
            .ok_or_else(|| ServerError::Unfit(format!("there is no mail host called {name}")))?;
        let mut accepted = self.accepted[number].lock().unwrap();
        if accept {
            accepted.domains.insert(domain.to_owned());
        } else {
            accepted.domains.remove(domain);
        }
        // Its processes see that the table has changed before they take the next connection. A reload would make all
        // hosts wait for about two seconds.
        write_accepted(self.folder.path(), number, &mut accepted)?;
        let recipient = format!("somebody@{domain}");
        let done = wait_for(|| {
            self.hosts[number].addresses.iter().all(|address| {
                match offer(SocketAddr::new(*address, self.port), &recipient, PATIENCE) {
                    Verdict::Accepted => accept,
                    Verdict::Rejected(_) => !accept,
                    Verdict::TryAgain(_) => false,
                }
            })
        });
        if done {
            return Ok(());
        }
        Err(self
            .server
            .failure(&format!("has not changed its mind about {domain}")))
    }
}

/// The table of the domains that one host takes mail for.
#[derive(Debug)]
struct Accepted {
    domains: BTreeSet<String>,
    last: SystemTime,
}

impl Accepted {
    fn new(host: &MailHost) -> Self {
        Self {
            domains: host.accepts.iter().cloned().collect(),
            last: SystemTime::UNIX_EPOCH,
        }
    }
}

fn bracketed(address: IpAddr) -> String {
    match address {
        IpAddr::V4(address) => address.to_string(),
        IpAddr::V6(address) => format!("[{address}]"),
    }
}

fn accepted_file(folder: &Path, number: usize) -> PathBuf {
    folder.join(format!("host{number}.accepted"))
}

fn write_accepted(
    folder: &Path,
    number: usize,
    accepted: &mut Accepted,
) -> Result<(), ServerError> {
    let Accepted { domains, last } = accepted;
    let text: String = domains
        .iter()
        .map(|domain| format!("{domain} OK\n"))
        .collect();
    let file = accepted_file(folder, number);
    std::fs::write(&file, text).map_err(ServerError::io(format!("writing {}", file.display())))?;
    run(Command::new(find("postmap")?)
        .arg("-c")
        .arg(folder.join("etc"))
        .arg(format!("hash:{}", file.display())))?;
    // Postfix notices a change by the table's time in whole seconds: two changes within one second must differ.
    let table = file.with_extension("accepted.db");
    let stamp = File::options().write(true).open(&table).and_then(|opened| {
        let next = opened
            .metadata()?
            .modified()?
            .max(*last + Duration::from_secs(1));
        opened.set_modified(next)?;
        Ok(next)
    });
    *last = stamp.map_err(ServerError::io(format!("stamping {}", table.display())))?;
    Ok(())
}

fn main_cf(folder: &Path) -> Result<String, ServerError> {
    let daemons = find("master")?;
    let daemons = daemons
        .parent()
        .unwrap_or_else(|| Path::new("/usr/lib/postfix/sbin"));
    Ok(format!(
        "compatibility_level = 3.6\n\
         maillog_file = /dev/stdout\n\
         queue_directory = {folder}/spool\n\
         data_directory = {folder}/data\n\
         command_directory = /usr/sbin\n\
         daemon_directory = {daemons}\n\
         mail_owner = postfix\n\
         setgid_group = postdrop\n\
         inet_protocols = all\n\
         myhostname = mail.invalid\n\
         mydestination =\n\
         mynetworks =\n\
         local_recipient_maps =\n\
         alias_maps =\n\
         alias_database =\n\
         relay_domains =\n\
         default_transport = discard:\n\
         relay_transport = discard:\n\
         smtpd_peername_lookup = no\n\
         smtpd_relay_restrictions =\n\
         smtpd_tls_security_level = may\n",
        folder = folder.display(),
        daemons = daemons.display(),
    ))
}

const MASTER_CF: &str = "\
pickup unix n - n 60 1 pickup
cleanup unix n - n - 0 cleanup
qmgr unix n - n 300 1 qmgr
tlsmgr unix - - n 1000? 1 tlsmgr
rewrite unix - - n - - trivial-rewrite
bounce unix - - n - 0 bounce
defer unix - - n - 0 bounce
trace unix - - n - 0 bounce
error unix - - n - - error
retry unix - - n - - error
discard unix - - n - - discard
anvil unix - - n - 1 anvil
proxymap unix - - n - - proxymap
postlog unix-dgram n - n - 1 postlogd
";
