use proptest::prelude::*;

use super::wire;
use crate::{RecordData, RecordType, Rrset};

#[test]
fn a_stub() {}
