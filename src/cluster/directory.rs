//! A directory that stands in for a cluster.
mod field_set;
mod managed;
mod merge;
mod schema;
