//! Showing a person where to sign in.

use std::time::Duration;

use reqwest::Url;

/// Where a person is to sign in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Invitation {
    /// With a code that is entered on a page, in any browser anywhere.
    Code {
        /// The page.
        page: String,
        /// The code. It is shown to the person only, and opens nothing without that person's own sign-in.
        code: String,
        /// How long it is good for.
        good_for: Duration,
    },
    /// In the browser of this machine, which was opened.
    Browser {
        /// How long the answer is awaited.
        good_for: Duration,
    },
}

/// A person at a terminal. What is shown comes from a service, so whoever shows it escapes it.
pub trait Prompt: Send + Sync + std::fmt::Debug {
    /// Shows where to sign in. Returns at once.
    fn invite(&self, invitation: &Invitation);

    /// Opens an address in a browser of this machine; false where there is none to open.
    fn open(&self, address: &Url) -> bool;

    /// The person has signed in, under this name if the token tells one.
    fn welcome(&self, user: Option<&str>);
}
