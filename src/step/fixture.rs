//! A world for table tests of single steps.
