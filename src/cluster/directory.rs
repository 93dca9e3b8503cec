//! A directory that stands in for a cluster.
