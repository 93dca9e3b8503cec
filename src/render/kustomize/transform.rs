//! The transformers, one a file.

pub(super) mod hash;
pub(super) mod images;
pub(super) mod metadata;
pub(super) mod name;
pub(super) mod namespace;
pub(super) mod patch;
pub(super) mod references;
pub(super) mod replacements;
pub(super) mod replicas;
pub(super) mod value;
pub(super) mod vars;
