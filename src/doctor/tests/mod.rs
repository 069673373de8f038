//! Table tests of every check and state, and the catalogue as a page.
