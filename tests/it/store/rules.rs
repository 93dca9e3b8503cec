//! What the store refuses, and what it mends.
#![allow(unused_imports)]
use super::*;
