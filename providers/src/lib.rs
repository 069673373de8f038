//! DNS hosts behind one contract: record sets with compare-and-set, signing, delegation.
//!
//! The unit of work is one record set. A [`Change`] says what must be live and what shall be; a [`Provider`] makes it or
//! says why not, and overwrites nothing that the caller has not seen. What a person has to do is an outcome like any other
//! ([`Outcome::Asked`]). The rules every provider keeps are listed at [`Provider`]; `tests/conformance.rs` holds each of them
//! against each provider.
//!
//! ```
//! # async fn lower_the_ttl() -> Result<(), Box<dyn std::error::Error>> {
//! use std::collections::BTreeMap;
//! use rollout_providers::{Change, FieldValue, Name, Options, RecordType, find};
//!
//! let fields = BTreeMap::from([
//!     ("server".to_owned(), FieldValue::from("192.0.2.1")),
//!     ("key-name".to_owned(), FieldValue::from("rollout")),
//!     ("key-secret".to_owned(), FieldValue::Secret(std::env::var("RFC2136_KEY_SECRET")?.into())),
//! ]);
//! let provider = find("rfc2136").ok_or("no such provider")?.open(&fields, Options::default())?;
//! let apex: Name = "example.com".parse()?;
//! let zone = provider.zone(&apex).await?;
//! if let Some(mx) = provider.read(&zone, &apex, RecordType::Mx).await? {
//!     let change = Change::replace(mx.clone(), mx.with_ttl(300)?)?;
//!     provider.write(&zone, &change).await?;
//! }
//! # Ok(())
//! # }
//! ```
//!
//! # Adding a provider
//!
//! One file, one word, one line, one folder:
//!
//! 1. **One file**, `src/<slug>.rs`, with `pub(crate) static INFO: Info` and an `impl Provider`. `INFO` is data: help texts,
//!    the questions of `rollout init`, what `rollout doctor` says of rights ([`Access`]) and the documents come from it. Talk through `http::Http`: it authenticates, limits
//!    time and size, refuses plain HTTP off loopback, repeats reads and never writes, and turns failures into [`Kind`]s.
//!    Give it a function that reads the vendor's error body. Wire types stay private to the file.
//!    A `write` always has the same shape: `guard::admit` (refuses without a request), read, `guard::compare` (conflict, or
//!    nothing to do), the vendor's own call, `guard::confirm` (reads again). Where the vendor can compare by itself
//!    (ETag, exact deletion, prerequisites), use that in its call. Where it changes single records, `guard::steps` says
//!    which, in an order in which the set is never empty. Decide how the vendor writes host names and TXT, and refuse
//!    everything else: never add a dot "if it is missing".
//!    A provider that signs implements [`Signer`], one that reaches the parent [`Registrar`].
//! 2. **One word** in `providers!` at the end of this file.
//! 3. **One line** in `tests/conformance.rs`, and a bed in `tests/conformance/beds/`: a real server where one can be had,
//!    else a stand-in that remembers and refuses what the vendor refuses.
//! 4. **One folder** of example exchanges, `tests/exchanges/<slug>/`: what is asked, what is answered, what comes of it.
//!    For everything a bed does not do by itself: odd answers, errors in the vendor's words, lost answers. Made-up names and
//!    secrets only; never paste a recording without replacing them.
#![forbid(unsafe_code)]

#[cfg(test)]
mod arbitrary;
mod change;
mod delegation;
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

pub use change::Change;
pub use delegation::DelegationKey;
pub use error::{Error, Kind, Result};
pub use instructions::Instructions;
pub use key::{DigestType, Dnskey, Ds, KeyError};
pub use name::{Name, NameError};
pub use provider::{
    Call, Counter, Limits, Options, Outcome, Provider, Registrar, Signer, Signing, Writes, Zone,
};
pub use record::{RecordData, RecordError, RecordType, Rrset, TTL_MAX};
pub use registry::{
    Access, Capabilities, Delegation, Field, FieldValue, Info, Right, ShownBy, Standing, find,
    likely, registry,
};

/// One line registers all providers: each word is a module with an `INFO`.
macro_rules! providers {
    ($($slug:ident),* $(,)?) => {
        $(mod $slug;)*

        /// Every provider, by slug.
        static PROVIDERS: &[&Info] = &[$(&$slug::INFO),*];
    };
}

providers! { cloudflare, manual, powerdns, rfc2136 }
