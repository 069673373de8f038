//! A file per command: arguments, calls, exit code.
