//! DNS hosts behind one contract: record sets with compare-and-set, signing, delegation.
#![forbid(unsafe_code)]

#[cfg(test)]
mod arbitrary;
mod error;
mod guard;
mod http;
mod instructions;
mod key;
mod name;
mod provider;
mod record;
mod registry;
mod text;

pub use error::{Error, Kind, Result};
pub use instructions::Instructions;
pub use key::{DelegationKey, DigestType, Dnskey, Ds, KeyError};
pub use name::{Name, NameError};
pub use provider::{
    Call, Counter, Limits, Options, Outcome, Provider, Registrar, Signer, Signing, Writes, Zone,
};
pub use record::{Change, RecordData, RecordError, RecordType, Rrset, TTL_MAX};
pub use registry::{Capabilities, Delegation, Field, FieldValue, Info, find, likely, registry};

/// One line registers all providers: each word is a module with an `INFO`.
macro_rules! providers {
    ($($slug:ident),* $(,)?) => {
        $(mod $slug;)*

        /// Every provider, by slug.
        static PROVIDERS: &[&Info] = &[$(&$slug::INFO),*];
    };
}

providers! { cloudflare, manual, powerdns, rfc2136 }
