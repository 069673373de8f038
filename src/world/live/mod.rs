//! stub while merging
