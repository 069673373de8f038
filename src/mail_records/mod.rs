//! The TXT records about a domain's mail: TLS-RPT, SPF, DKIM and DMARC.
//!
//! Read only, for notes: nothing here stops a rollout, but a changed MX gives an `mx` mechanism in SPF another meaning,
//! and an admin wants to know whether anybody reports failures. Pure: [`questions`] says what to ask the DNS, [`read`]
//! makes what came of it.

pub mod dkim;
pub mod dmarc;
pub mod grammar;
pub mod spf;
pub mod spf_term;
pub mod tls_rpt;

mod read;
mod seen;

pub use dkim::{DkimError, DkimKey, Selector, SelectorTarget};
pub use dmarc::{Dmarc, DmarcError, DmarcPolicy, DmarcView};
pub use read::{MailRecords, questions, read};
pub use seen::Seen;
pub use spf::Spf;
pub use spf_term::{Directive, Mechanism, Modifier, Qualifier, SpfError, Term};
pub use tls_rpt::{TlsRpt, TlsRptError};

#[cfg(test)]
mod tests;
