//! What tests share.

#![allow(dead_code, reason = "not every helper is used in every state of the house")]

pub mod kit;
