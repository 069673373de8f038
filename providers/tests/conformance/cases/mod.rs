//! The cases, by rule of the contract.

mod failures;
mod reading;
mod signing;
mod writing;

pub use failures::*;
pub use reading::*;
pub use signing::*;
pub use writing::*;
