//! What a text is parsed to: nodes in one arena, which refer to each other by number.

use std::collections::HashMap;

use super::{builtin::Builtin, error::Place, function::Function, value::Str};

/// The number of a node.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Id(pub(super) u32);

/// The number of a name: of a field, a variable, a template.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Name(pub(super) u32);

/// A run of entries in one of the pools of a [`Unit`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Run {
    pub(super) start: u32,
    pub(super) len: u32,
}

impl Run {
    fn of<T>(self, pool: &[T]) -> &[T] {
        let start = self.start as usize;
        pool.get(start..start + self.len as usize).unwrap_or(&[])
    }
}

/// What a word that is called stands for.
#[derive(Clone, Copy, Debug)]
pub(super) enum Callee {
    Builtin(Builtin),
    Function(&'static Function),
}

/// A literal number under each of the types that can hold it.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Number {
    pub(super) int: Option<i64>,
    pub(super) uint: Option<u64>,
    pub(super) float: Option<f64>,
    pub(super) complex: Option<(f64, f64)>,
    /// Whether it is written as a float, so that it is one where nothing asks for another type.
    pub(super) looks_like_float: bool,
}

/// A node's kind and what belongs to it.
#[derive(Clone, Copy, Debug)]
pub(super) enum Form {
    List(Run),
    Text {
        start: u32,
        end: u32,
    },
    Action(Id),
    If(Branch),
    With(Branch),
    Range(Branch),
    Template {
        name: Name,
        pipe: Option<Id>,
    },
    Break,
    Continue,
    Pipe {
        variables: Run,
        commands: Run,
        assigns: bool,
    },
    Command(Run),
    Field(Run),
    Chain {
        of: Id,
        fields: Run,
    },
    /// `$x.y.z`: the variable, then fields.
    Variable {
        name: Name,
        fields: Run,
    },
    Function {
        name: Name,
        callee: Callee,
    },
    Dot,
    Nil,
    Bool(bool),
    /// The number in the pool, and its text.
    Number {
        number: u32,
        start: u32,
        end: u32,
    },
    /// The value, and the literal.
    String {
        value: Name,
        start: u32,
        end: u32,
    },
    End,
    Else,
}

/// The parts of `if`, `with` and `range`.
#[derive(Clone, Copy, Debug)]
pub(super) struct Branch {
    pub(super) pipe: Id,
    pub(super) list: Id,
    pub(super) otherwise: Option<Id>,
}

/// A node and where it stands in the text.
#[derive(Clone, Copy, Debug)]
pub(super) struct Node {
    pub(super) form: Form,
    pub(super) at: u32,
}

/// A template that a text defines.
#[derive(Clone, Debug)]
pub(super) struct Definition {
    pub(super) name: Str,
    pub(super) root: Id,
    /// Whether there is nothing in it but space and comments.
    pub(super) empty: bool,
    /// Whether `$` is declared anew somewhere within, so that it is not always the data.
    pub(super) shadows_root: bool,
}

/// One parsed text with all that it defines, itself included. It refers to nothing that changes, so it can be kept,
/// shared between threads, and put into any number of sets.
#[derive(Debug)]
pub struct Unit {
    pub(super) name: String,
    pub(super) text: Str,
    pub(super) nodes: Vec<Node>,
    pub(super) children: Vec<Id>,
    pub(super) fields: Vec<Name>,
    pub(super) names: Vec<Str>,
    pub(super) numbers: Vec<Number>,
    pub(super) definitions: Vec<Definition>,
    /// Where each name is among the definitions.
    pub(super) defined: HashMap<Str, usize>,
}

impl Unit {
    /// The name under which the text was parsed.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The text.
    pub fn text(&self) -> &Str {
        &self.text
    }

    /// The names of the templates that it defines, its own among them.
    pub fn defines(&self) -> impl Iterator<Item = &Str> {
        self.definitions.iter().map(|it| &it.name)
    }

    /// A definition as source again, as the parser understood it.
    pub fn source(&self, name: &[u8]) -> Option<Vec<u8>> {
        let definition = self.definitions.get(*self.defined.get(name)?)?;
        let mut out = Vec::new();
        self.write(&mut out, definition.root);
        Some(out)
    }

    pub(super) fn node(&self, id: Id) -> Node {
        let missing = Node { form: Form::Nil, at: 0 };
        self.nodes.get(id.0 as usize).copied().unwrap_or(missing)
    }

    pub(super) fn children(&self, run: Run) -> &[Id] {
        run.of(&self.children)
    }

    pub(super) fn fields(&self, run: Run) -> &[Name] {
        run.of(&self.fields)
    }

    pub(super) fn name_of(&self, name: Name) -> &Str {
        // Every name was made by the parser of this unit, so the first is there to satisfy the compiler.
        self.names.get(name.0 as usize).unwrap_or(&self.text)
    }

    pub(super) fn number(&self, number: u32) -> Number {
        self.numbers.get(number as usize).copied().unwrap_or_default()
    }

    pub(super) fn slice(&self, start: u32, end: u32) -> &[u8] {
        self.text.get(start as usize..end as usize).unwrap_or(&[])
    }

    /// Line and column of a node.
    pub(super) fn place(&self, id: Id) -> Place {
        let at = self.node(id).at;
        let before = self.slice(0, at);
        let lines = before.iter().filter(|byte| **byte == b'\n').count();
        let column = before.iter().rev().take_while(|byte| **byte != b'\n').count();
        let narrow = |number: usize| u32::try_from(number).unwrap_or(u32::MAX);
        Place { name: self.name.clone(), line: narrow(lines + 1), column: Some(narrow(column)) }
    }
}
