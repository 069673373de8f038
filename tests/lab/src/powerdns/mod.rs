//! The DNS provider: an HTTP API shaped like PowerDNS's.
