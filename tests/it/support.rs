//! What tests of several stages stand on.

pub mod bundle;
pub mod case;
pub mod model;
