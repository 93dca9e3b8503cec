//! Who may say what. The one gate that every byte passes.

pub mod state;
