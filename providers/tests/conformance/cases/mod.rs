//! The cases, by rule of the contract.

pub mod by_hand;
mod failures;
mod reading;
mod requests;
mod signing;
mod writing;

pub use failures::*;
pub use reading::*;
pub use requests::*;
pub use signing::*;
pub use writing::*;
