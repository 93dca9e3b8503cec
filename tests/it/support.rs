//! What tests share.

#![allow(dead_code, reason = "not every helper is used in every state of the house")]

pub mod bundle;
pub mod case;
pub mod counted;
pub mod faulty;
pub mod forgetful;
pub mod front;
pub mod git_server;
pub mod kit;
pub mod medium;
pub mod model;
pub mod peer;
pub mod recipe;
pub mod registry;
pub mod wire;
