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
//!    the questions of `rollout init`, what `rollout doctor` says of rights ([`Access`]), quotas ([`Limit`]) and the documents
//!    come from it. Talk through `http::Http`: it authenticates, keeps to the quotas, limits time and size, refuses plain HTTP
//!    off loopback, repeats reads and never writes, and turns failures into [`Kind`]s. Give it a function that reads the
//!    vendor's error body. Where proof of identity is more than a header that stays the same, `auth` has tokens that end
//!    (`Bearer`) and signatures over each request (`Authorize`). Wire types stay private to the file.
//!    A `write` always has the same shape: `guard::admit` (refuses without a request), read, `guard::compare` (conflict, or
//!    nothing to do), the vendor's own call, `guard::confirm` (reads again). Where the vendor can compare by itself
//!    (ETag, exact deletion, prerequisites), use that in its call. Where it changes single records, `guard::steps` says
//!    which, in an order in which the set is never empty. Decide how the vendor writes host names and TXT, and refuse
//!    everything else: never add a dot "if it is missing".
//!    A provider that signs implements [`Signer`], one that reaches the parent [`Registrar`]. A host with name servers of its
//!    own that does neither `signs` nor has a [`Signer`] is one where nobody can sign ([`Info::instead`]).
//! 2. **One word** in `providers!` at the end of this file.
//! 3. **One line** in `tests/conformance.rs`, and a bed in `tests/conformance/beds/`: a real server where one can be had,
//!    else a `Vendor` over the shared shelf of records, which answers in the vendor's words and refuses what the vendor
//!    refuses. `ROLLOUT_WRITE_TABLES=1` writes its row of the table below.
//! 4. **One folder** of example exchanges, `tests/exchanges/<slug>/`: what is asked, what is answered, what comes of it.
//!    For everything a bed does not do by itself: odd answers, errors in the vendor's words, lost answers. Made-up names and
//!    secrets only; never paste a recording without replacing them.
//!
//! The smallest, deSEC, is one file of some 270 lines, 70 of which are data.
//!
//! # Requests
//!
#![doc = include_str!("../docs/requests.md")]
#![forbid(unsafe_code)]

#[cfg(test)]
mod arbitrary;
mod auth;
mod budget;
mod change;
mod delegation;
mod error;
mod guard;
mod http;
mod instead;
mod instructions;
mod key;
mod name;
mod parents;
mod provider;
mod record;
mod registry;
mod split;
mod stepwise;
mod text;

pub use auth::{Token, Tokens};
pub use budget::{Budget, Counts, Limit, Of};
pub use change::Change;
pub use delegation::DelegationKey;
pub use error::{Error, Kind, Result};
pub use instead::SignedBy;
pub use instructions::Instructions;
pub use key::{DigestType, Dnskey, Ds, KeyError};
pub use name::{Name, NameError};
pub use parents::{Announced, Scan, scan_of, scans};
pub use provider::{
    Call, Counter, HandsOver, Options, Outcome, Provider, Registrar, Signer, Signing, Writes, Zone,
};
pub use record::{RecordData, RecordError, RecordType, Rrset, TTL_MAX};
pub use registry::{
    Access, Capabilities, Delegation, Field, FieldValue, Info, Right, ShownBy, Standing, Takes,
    find, likely, registry,
};
pub use split::split;

/// One line registers all providers: each word is a module with an `INFO`.
macro_rules! providers {
    ($($slug:ident),* $(,)?) => {
        $(mod $slug;)*

        /// Every provider, by slug.
        static PROVIDERS: &[&Info] = &[$(&$slug::INFO),*];
    };
}

providers! {
    azure,
    bunny,
    cloudflare,
    desec,
    digitalocean,
    dnsimple,
    gandi,
    godaddy,
    google,
    hetzner,
    infomaniak,
    inwx,
    ionos,
    manual,
    ovh,
    porkbun,
    powerdns,
    rfc2136,
    route53,
    transip,
}
