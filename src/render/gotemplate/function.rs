//! Functions of Rust that templates call as if they were Go's.
//!
//! A function declares its parameters with Go's types, and the engine does what Go's `reflect` does before a call: it
//! counts arguments, gives typed nils for untyped ones, and refuses what is not assignable, with Go's words. So a body
//! finds in its [`Args`] just what it declared.

use std::{any::Any, rc::Rc};

use super::{
    budget::Exhausted,
    error::{Error, Link, write_chain},
    value::{List, Map, NilMap, Object, Str, Type, Value},
};

/// The body of a function.
pub type Body = fn(&mut dyn Context, Args<'_>) -> Result<Value, Failure>;

/// A function or method with Go's signature.
#[derive(Debug)]
pub struct Function {
    /// The name that templates use.
    pub name: &'static str,
    /// The parameters. Of a variadic one the last is the type of each further argument.
    pub params: &'static [Type],
    /// Whether the last parameter takes any number of arguments.
    pub variadic: bool,
    /// The result; with [`Type::Any`] it is an interface around a value.
    pub result: Type,
    /// What `%T` prints for it, `func()` unless more is said: a function is hardly ever a value.
    pub type_name: &'static str,
    /// The body.
    pub body: Body,
}

impl Function {
    /// A function with a fixed number of parameters.
    pub const fn new(name: &'static str, params: &'static [Type], result: Type, body: Body) -> Self {
        Self { name, params, variadic: false, result, type_name: "func()", body }
    }

    /// A function whose last parameter takes any number of arguments.
    pub const fn variadic(name: &'static str, params: &'static [Type], result: Type, body: Body) -> Self {
        Self { name, params, variadic: true, result, type_name: "func()", body }
    }
}

/// Where a template's names are looked up as it is parsed. It goes before the builtins, so Sprig's `slice` hides Go's.
pub trait Functions: Send + Sync {
    /// The function of that name.
    fn find(&self, name: &str) -> Option<&'static Function>;

    /// A method of a map or list whose type has a name of its own. It gets the value as its first argument.
    fn method(&self, _type_name: &str, _name: &str) -> Option<&'static Function> {
        None
    }
}

/// No functions but the builtins.
#[derive(Clone, Copy, Debug)]
pub struct Builtins;

impl Functions for Builtins {
    fn find(&self, _name: &str) -> Option<&'static Function> {
        None
    }
}

/// Functions by name, from slices of them; of two with one name the later wins.
#[derive(Clone, Debug, Default)]
pub struct Table(std::collections::HashMap<&'static str, &'static Function>);

impl Table {
    /// A table of all these.
    pub fn new(functions: impl IntoIterator<Item = &'static Function>) -> Self {
        Self(functions.into_iter().map(|it| (it.name, it)).collect())
    }
}

impl Functions for Table {
    fn find(&self, name: &str) -> Option<&'static Function> {
        self.0.get(name).copied()
    }
}

/// What a function may ask of the running render.
pub trait Context {
    /// Executes a defined template into a string (Helm's `include`).
    ///
    /// # Errors
    /// What the template fails with, or that there is none of this name.
    fn execute(&mut self, template: &[u8], dot: &Value) -> Result<Str, Failure>;

    /// Parses `text` under `name` and executes it (Helm's `tpl`). What it defines is visible to it and to what it calls,
    /// and to nobody after it. The parsed text is kept, so that the next call with the same text is cheap.
    ///
    /// # Errors
    /// [`RunError::Parse`] or [`RunError::Execute`], since Helm words them differently.
    fn run(&mut self, name: &str, text: &Str, dot: &Value) -> Result<Str, RunError>;

    /// Whether a template of that name is defined.
    fn is_defined(&self, template: &[u8]) -> bool;

    /// Takes steps from the budget: a function that works in proportion to something does so first.
    ///
    /// # Errors
    /// When nothing is left.
    fn charge(&mut self, steps: u64) -> Result<(), Failure>;

    /// What the caller of the engine gave along for its functions: clock, randomness, answers of a cluster.
    fn host(&self) -> Rc<dyn Any>;
}

/// Why [`Context::run`] failed.
#[derive(Clone, Debug)]
pub enum RunError {
    /// The text is no template.
    Parse(Failure),
    /// Executing it failed.
    Execute(Failure),
}

impl From<RunError> for Failure {
    fn from(error: RunError) -> Self {
        match error {
            RunError::Parse(failure) | RunError::Execute(failure) => failure,
        }
    }
}

/// Why a function failed: Go's error, or the text of its panic.
#[derive(Clone, Debug)]
pub enum Failure {
    /// Words.
    Message(String),
    /// Words about another failure: `fmt.Errorf("prefix: %w", cause)`.
    Because {
        /// The words before the colon.
        prefix: String,
        /// What lies behind.
        cause: Box<Self>,
    },
    /// A template that the function executed failed.
    Template(Box<Error>),
    /// The budget is used up; nothing may go on.
    Exhausted(Exhausted),
}

impl Failure {
    /// Puts words and a colon before a failure.
    pub fn because(prefix: impl Into<String>, cause: impl Into<Self>) -> Self {
        Self::Because { prefix: prefix.into(), cause: Box::new(cause.into()) }
    }

    /// The budget's failure, where that lies behind it.
    pub fn exhausted(&self) -> Option<&Exhausted> {
        let mut failure = self;
        loop {
            match failure {
                Self::Message(_) => return None,
                Self::Because { cause, .. } => failure = cause,
                Self::Template(error) => return error.exhausted(),
                Self::Exhausted(exhausted) => return Some(exhausted),
            }
        }
    }
}

impl std::fmt::Display for Failure {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write_chain(f, Link::Failure(self))
    }
}

impl std::error::Error for Failure {}

impl From<String> for Failure {
    fn from(text: String) -> Self {
        Self::Message(text)
    }
}

impl From<&str> for Failure {
    fn from(text: &str) -> Self {
        Self::Message(text.to_owned())
    }
}

impl From<NilMap> for Failure {
    fn from(error: NilMap) -> Self {
        Self::Message(error.to_string())
    }
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        Self::Template(Box::new(error))
    }
}

impl From<Exhausted> for Failure {
    fn from(exhausted: Exhausted) -> Self {
        Self::Exhausted(exhausted)
    }
}

/// The arguments of a call, already of the declared types. A getter of another type than the declared one fails, which
/// is our mistake and said so.
#[derive(Clone, Copy, Debug)]
pub struct Args<'a>(pub &'a [Value]);

impl<'a> Args<'a> {
    /// How many there are.
    pub fn len(self) -> usize {
        self.0.len()
    }

    /// Whether there are none.
    pub fn is_empty(self) -> bool {
        self.0.is_empty()
    }

    /// Those from `from` on: what a variadic parameter took.
    pub fn rest(self, from: usize) -> &'a [Value] {
        self.0.get(from..).unwrap_or(&[])
    }

    /// An argument of any type; nil beyond the last one.
    pub fn any(self, at: usize) -> &'a Value {
        self.0.get(at).unwrap_or(&Value::Nil)
    }

    /// A `string`.
    pub fn str(self, at: usize) -> Result<&'a Str, Failure> {
        match self.any(at) {
            Value::Str(text) => Ok(text),
            _ => Err(undeclared(at)),
        }
    }

    /// A signed integer of the declared type.
    pub fn int(self, at: usize) -> Result<i64, Failure> {
        match self.any(at) {
            Value::Int(number, _) => Ok(*number),
            _ => Err(undeclared(at)),
        }
    }

    /// A float.
    pub fn float(self, at: usize) -> Result<f64, Failure> {
        match self.any(at) {
            Value::Float(number, _) => Ok(*number),
            _ => Err(undeclared(at)),
        }
    }

    /// A `bool`.
    pub fn bool(self, at: usize) -> Result<bool, Failure> {
        match self.any(at) {
            Value::Bool(truth) => Ok(*truth),
            _ => Err(undeclared(at)),
        }
    }

    /// A map, which may be the nil map.
    pub fn map(self, at: usize) -> Result<&'a Map, Failure> {
        match self.any(at) {
            Value::Map(map) => Ok(map),
            _ => Err(undeclared(at)),
        }
    }

    /// A list, which may be the nil slice.
    pub fn list(self, at: usize) -> Result<&'a List, Failure> {
        match self.any(at) {
            Value::List(list) => Ok(list),
            _ => Err(undeclared(at)),
        }
    }

    /// An object of a Rust type.
    pub fn object<T: Object>(self, at: usize) -> Result<&'a T, Failure> {
        super::value::downcast(self.any(at)).ok_or_else(|| undeclared(at))
    }
}

fn undeclared(at: usize) -> Failure {
    Failure::Message(format!("argument {at} is read as a type that was not declared"))
}
