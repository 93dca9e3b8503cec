//! Go's `text/template`, whole: what Helm's charts are written in.
//!
//! ```text
//! text ─▶ lex ─▶ parse ─▶ Unit (an arena, Send + Sync) ─▶ Templates ─▶ execute(name, dot) ─▶ bytes
//!                           names its functions              a set by name, last definition wins
//! ```
//!
//! The original is Go 1.26's package; a behaviour that looks odd here is one of its. It knows nothing of Helm and
//! nothing of this crate but [`limits`](crate::limits), where its budgets stand.

pub mod budget;
pub mod error;
pub mod function;
pub mod strconv;
pub mod value;

// The functions that charts call; they stand on everything above.
pub mod sprig;

pub use budget::{Budget, Exhausted};
pub use error::{Error, ExecuteError, Place, Why};
pub use function::{Args, Builtins, Context, Failure, Function, Functions, RunError, Table};
pub use value::{Kind, List, Map, Object, Str, Type, Value};
