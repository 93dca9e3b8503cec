//! Helm's charts.

pub mod funcs;
