//! What Exchange Online does in DNS and at its mail hosts. A test's fake of Microsoft's APIs calls these.

use super::{Internet, NEW_MX, start};
use crate::zone::SHORT_TTL;
use crate::{ServerError, update};

/// The zone of all new MX hosts.
pub const NEW_ZONE: &str = "o-v1.mx.microsoft";
/// The zone of all legacy MX hosts.
pub const LEGACY_ZONE: &str = "mail.protection.outlook.com";
/// The name whose TLSA records all new MX hosts share.
pub const SHARED_TLSA: &str = "_25._tcp.smtpdane.mx.microsoft";

/// How the legacy MX host greets.
pub const LEGACY_HOST: &str = "mail.protection.outlook.com";
/// How the new MX host greets.
pub const NEW_HOST: &str = "smtpdane.mx.microsoft";

impl Internet {
    /// The legacy MX name of a customer: `contoso-com.mail.protection.outlook.com`.
    pub fn legacy_mx(domain: &str) -> String {
        format!("{}.{LEGACY_ZONE}", domain.replace('.', "-"))
    }

    /// The new MX name of a customer: `contoso-com.o-v1.mx.microsoft`.
    pub fn new_mx(domain: &str) -> String {
        format!("{}.{NEW_ZONE}", domain.replace('.', "-"))
    }

    /// What `Enable-DnssecForVerifiedDomain` brings about: the new MX name gets its addresses and takes the domain's
    /// mail. Returns the name.
    pub fn new_mx_appears(&self, domain: &str) -> Result<String, ServerError> {
        let name = Self::new_mx(domain);
        self.postfix.accept(NEW_HOST, domain)?;
        let addresses: Vec<String> = NEW_MX
            .iter()
            .map(|address| format!("add {name}. {SHORT_TTL} A {address}"))
            .collect();
        self.change_microsoft(NEW_ZONE, &addresses)?;
        Ok(name)
    }

    /// What `Disable-DnssecForVerifiedDomain` brings about: the new MX name and its TLSA are gone.
    pub fn new_mx_disappears(&self, domain: &str) -> Result<(), ServerError> {
        let name = Self::new_mx(domain);
        self.change_microsoft(
            NEW_ZONE,
            &[
                format!("delete _25._tcp.{name}. CNAME"),
                format!("delete {name}. A"),
            ],
        )?;
        self.postfix.reject(NEW_HOST, domain)
    }

    /// What `Enable-SmtpDaneInbound` brings about, later: the TLSA name becomes an alias of the shared set.
    pub fn tlsa_appears(&self, domain: &str) -> Result<(), ServerError> {
        let name = Self::new_mx(domain);
        let alias = format!("add _25._tcp.{name}. {SHORT_TTL} CNAME {SHARED_TLSA}.");
        self.change_microsoft(NEW_ZONE, &[alias])
    }

    /// What `Disable-SmtpDaneInbound` brings about.
    pub fn tlsa_disappears(&self, domain: &str) -> Result<(), ServerError> {
        let name = Self::new_mx(domain);
        self.change_microsoft(NEW_ZONE, &[format!("delete _25._tcp.{name}. CNAME")])
    }

    /// Adds one record, in zone file format with its full name and TTL, to one of Microsoft's zones.
    pub fn add_record(&self, zone: &str, record: &str) -> Result<(), ServerError> {
        self.change_microsoft(zone, &[format!("add {record}")])
    }

    /// Removes what matches, `NAME [TYPE [RDATA]]`, from one of Microsoft's zones.
    pub fn remove_record(&self, zone: &str, what: &str) -> Result<(), ServerError> {
        self.change_microsoft(zone, &[format!("delete {what}")])
    }

    fn change_microsoft(&self, zone: &str, changes: &[String]) -> Result<(), ServerError> {
        debug_assert!(start::MICROSOFT_ZONES.contains(&zone));
        update::update(self.microsoft.dns_addr, &self.microsoft.key, zone, changes)
    }
}
