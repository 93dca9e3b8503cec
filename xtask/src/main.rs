//! Tasks of the connected side.
fn main() {}
