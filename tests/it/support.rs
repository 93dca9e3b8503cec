//! What tests share.

#![allow(dead_code, reason = "not every helper is used in every state of the house")]

pub mod faulty;
pub mod forgetful;
pub mod kit;
pub mod medium;
pub mod recipe;
