//! Go's `text/template`, whole: what Helm's charts are written in.
//!
//! ```text
//! text ─▶ lex ─▶ parse ─▶ Unit ─▶ Templates ─▶ Render ─▶ bytes
//!                         an arena that     a set by name;     one budget, any number of
//!                         names functions   the last one wins  executions, re-entrant
//! ```
//!
//! ```
//! use std::{rc::Rc, sync::Arc};
//! use airlock::render::gotemplate::{Budget, Builtins, Render, Str, Templates, Value};
//! let mut templates = Templates::new("chart", Arc::new(Builtins));
//! templates.parse("hello", r#"{{ range .names }}Hello {{ printf "%q" . }}! {{ end }}"#)?;
//! let names = ["Ada", "Grace"].map(Value::from).into_iter().collect();
//! let dot: Value = [(Str::from("names"), names)].into_iter().collect();
//! let out = Render::new(&templates, Budget::default(), Rc::new(())).output(b"hello", &dot)?;
//! assert_eq!(out, br#"Hello "Ada"! Hello "Grace"! "#);
//! # Ok::<(), airlock::render::gotemplate::Error>(())
//! ```
//!
//! The original is Go 1.26's package; a behaviour that looks odd here is one of its. A parsed [`Unit`] and the
//! [`Templates`] that it is added to can be kept and shared between threads; values live within one [`Render`]. It knows
//! nothing of Helm, and nothing of this crate but [`limits`](crate::limits), where its budgets stand.

pub mod strconv;
pub mod value;
pub mod function;
pub mod fmt;
pub mod error;
pub mod budget;

mod flow;
mod builtin;
mod lex;
mod tree;
mod show;
mod parse;
mod set;
mod exec;

// The functions that charts call; they stand on everything above.
pub mod sprig;

pub use budget::{Budget, Exhausted};
pub use error::{Error, ExecuteError, Place, Why};
pub use exec::Render;
pub use function::{Args, Builtins, Context, Failure, Function, Functions, RunError, Table};
pub use parse::parse;
pub use set::{MissingKey, Templates};
pub use tree::Unit;
pub use value::{Kind, List, Map, Object, Str, Type, Value};
