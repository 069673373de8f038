//! Files that people write, and errors that point at the line.

pub mod duration;
