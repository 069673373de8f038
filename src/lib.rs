//! Moves a domain's inbound mail in Exchange Online to SMTP DANE with DNSSEC, without losing a mail.

pub mod domain_file;
pub mod playbook;
pub mod source;
