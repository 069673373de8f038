//! Stand-ins for vendors of whom no server can be had: what they share.
//!
//! A vendor is a [`Vendor`]: a route from request to answer over a [`Shelf`] that holds the records, in its own words and with
//! its own refusals. The bed around it is the same for all.

pub mod aws;
mod bed;
mod shelf;
pub mod xml;

pub use self::{
    bed::{FakeBed, Vendor, bearer, here, query, split},
    shelf::{Record, Shelf, Zone},
};
