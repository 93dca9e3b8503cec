//! From tokens to a [`Unit`].

mod control;
mod number;
mod pipeline;

use std::collections::HashMap;

use memchr::memmem;

use super::{
    builtin::Builtin,
    error::{Error, Place},
    function::Functions,
    lex::{Item, Lexer, Token},
    strconv::quote,
    tree::{Callee, Definition, Form, Id, Name, Node, Run, Unit},
    value::Str,
};

/// How many nodes an action has, more or less.
const NODES: usize = 6;

/// For no more actions than these room is made before any is read.
const ACTIONS: usize = 10_000;

/// Parses a text under a name.
///
/// # Errors
/// [`Error::Parse`], where the text is no template or names a function that there is not.
pub fn parse(name: &str, text: impl Into<Str>, functions: &dyn Functions) -> Result<Unit, Error> {
    let text = text.into();
    let is_word = |name: &str| functions.find(name).is_some();
    let lexer = Lexer::new(&text, !is_word("break"), !is_word("continue"));
    // To grow step by step takes longer than to count.
    let actions = memmem::find_iter(&text, b"{{").take(ACTIONS).count();
    let unit = Unit {
        name: name.to_owned(),
        text: text.clone(),
        nodes: Vec::with_capacity(actions * NODES),
        children: Vec::with_capacity(actions * NODES),
        fields: Vec::new(),
        names: Vec::new(),
        numbers: Vec::new(),
        definitions: Vec::new(),
        defined: HashMap::new(),
    };
    let mut parser = Parser {
        text: &text,
        lexer,
        unit,
        functions,
        known: HashMap::new(),
        callees: Vec::new(),
        open: Vec::new(),
        nesting: 0,
        tree: Tree::new(Name(0)),
    };
    // The first name is the variable `$`, which every template has.
    let root = parser.name(b"$");
    parser.tree = Tree::new(root);
    parser.text()?;
    Ok(parser.unit)
}

struct Parser<'t> {
    text: &'t [u8],
    lexer: Lexer<'t>,
    unit: Unit,
    functions: &'t dyn Functions,
    known: HashMap<Str, Name>,
    /// What each name is called for, once it was.
    callees: Vec<Option<Callee>>,
    /// The nodes so far of all lists, pipelines and commands that have not ended.
    open: Vec<Id>,
    /// How deep blocks and parentheses are in each other.
    nesting: usize,
    tree: Tree,
}

/// What belongs to one definition while it is read.
struct Tree {
    /// Three tokens can be put back.
    tokens: [Item; 3],
    peeked: usize,
    variables: Vec<Name>,
    /// How often each variable is among them.
    declared: HashMap<u32, u32>,
    /// The line on which the action began that is being read; 0 outside of one.
    action_line: u32,
    ranges: usize,
    shadows_root: bool,
}

impl Tree {
    fn new(root: Name) -> Self {
        let nothing = Item { token: Token::Eof, start: 0, end: 0, line: 0 };
        Self {
            tokens: [nothing; 3],
            peeked: 0,
            variables: vec![root],
            declared: HashMap::from([(root.0, 1)]),
            action_line: 0,
            ranges: 0,
            shadows_root: false,
        }
    }
}

impl Tree {
    fn declare(&mut self, name: Name) {
        self.variables.push(name);
        *self.declared.entry(name.0).or_default() += 1;
    }

    fn is_declared(&self, name: Name) -> bool {
        // The first name is `$`, which every template has.
        name.0 == 0 || self.declared.get(&name.0).is_some_and(|count| *count > 0)
    }

    /// Forgets what was declared since there were `count` variables.
    fn forget(&mut self, count: usize) {
        for name in self.variables.drain(count.min(self.variables.len())..) {
            if let Some(count) = self.declared.get_mut(&name.0) {
                *count -= 1;
            }
        }
    }
}

impl<'t> Parser<'t> {
    // Tokens.

    fn next(&mut self) -> Item {
        let tree = &mut self.tree;
        match tree.peeked.checked_sub(1) {
            Some(left) => tree.peeked = left,
            None => tree.tokens[0] = self.lexer.next(),
        }
        tree.tokens.get(tree.peeked).copied().unwrap_or(tree.tokens[0])
    }

    fn backup(&mut self) {
        self.tree.peeked += 1;
    }

    /// Puts a token back before the one that was read last.
    fn backup2(&mut self, before: Item) {
        self.tree.tokens[1] = before;
        self.tree.peeked = 2;
    }

    fn backup3(&mut self, first: Item, second: Item) {
        self.tree.tokens[1] = second;
        self.tree.tokens[2] = first;
        self.tree.peeked = 3;
    }

    fn peek(&mut self) -> Item {
        let item = self.next();
        self.backup();
        item
    }

    fn next_non_space(&mut self) -> Item {
        loop {
            let item = self.next();
            if item.token != Token::Space {
                return item;
            }
        }
    }

    fn peek_non_space(&mut self) -> Item {
        let item = self.next_non_space();
        self.backup();
        item
    }

    fn expect(&mut self, token: Token, context: &str) -> Result<Item, Error> {
        let item = self.next_non_space();
        if item.token == token { Ok(item) } else { Err(self.unexpected(&item, context)) }
    }

    fn slice(&self, item: &Item) -> &'t [u8] {
        self.text.get(item.start..item.end).unwrap_or(&[])
    }

    // Errors.

    fn error(&self, message: impl Into<String>) -> Error {
        let place = Place { name: self.unit.name.clone(), line: self.tree.tokens[0].line, column: None };
        Error::Parse { place, message: message.into() }
    }

    fn unexpected(&self, item: &Item, context: &str) -> Error {
        if item.token != Token::Error {
            return self.error(format!("unexpected {} in {context}", self.lexer.show(item)));
        }
        let text = &self.lexer.error;
        let line = self.tree.action_line;
        if line == 0 || line == item.line {
            return self.error(text.as_str());
        }
        let action = if text.ends_with(" action") { "" } else { " in action" };
        self.error(format!("{text}{action} started at {}:{line}", self.unit.name))
    }

    // Nodes.

    fn push(&mut self, at: usize, form: Form) -> Id {
        let id = Id(narrow(self.unit.nodes.len()));
        self.unit.nodes.push(Node { form, at: narrow(at) });
        id
    }

    /// Makes a run of what was opened since there were `mark` open nodes.
    fn close(&mut self, mark: usize) -> Run {
        let start = self.unit.children.len();
        self.unit.children.extend(self.open.drain(mark.min(self.open.len())..));
        Run { start: narrow(start), len: narrow(self.unit.children.len() - start) }
    }

    /// A run without fields, to which [`field`](Self::field) adds as long as it is the last one.
    fn no_fields(&self) -> Run {
        Run { start: narrow(self.unit.fields.len()), len: 0 }
    }

    /// The last run of fields, with one more: the text of a field without its dot.
    fn field(&mut self, fields: Run, item: &Item) -> Run {
        let name = self.name(self.slice(item).get(1..).unwrap_or(&[]));
        self.unit.fields.push(name);
        Run { len: fields.len + 1, ..fields }
    }

    fn name(&mut self, bytes: &[u8]) -> Name {
        if let Some(known) = self.known.get(bytes) {
            return *known;
        }
        let name = Name(narrow(self.unit.names.len()));
        let text = Str::from(bytes);
        self.unit.names.push(text.clone());
        self.known.insert(text, name);
        name
    }

    /// What a word stands for that is called.
    fn callee(&mut self, name: Name) -> Option<Callee> {
        let at = name.0 as usize;
        if let Some(Some(known)) = self.callees.get(at) {
            return Some(*known);
        }
        let word = self.unit.name_of(name).to_text();
        let callee = match self.functions.find(&word) {
            Some(function) => Callee::Function(function),
            None => Callee::Builtin(Builtin::find(&word)?),
        };
        if self.callees.len() <= at {
            self.callees.resize(at + 1, None);
        }
        *self.callees.get_mut(at)? = Some(callee);
        Some(callee)
    }

    fn at(&self, id: Id) -> usize {
        self.unit.node(id).at as usize
    }

    // Definitions.

    /// Everything: text, actions and definitions to the end.
    fn text(&mut self) -> Result<(), Error> {
        let at = self.peek().start;
        let mark = self.open.len();
        while self.peek().token != Token::Eof {
            if self.peek().token == Token::LeftDelim {
                let delim = self.next();
                if self.next_non_space().token == Token::Define {
                    self.definition()?;
                    continue;
                }
                self.backup2(delim);
            }
            let node = self.text_or_action()?;
            if matches!(self.unit.node(node).form, Form::End | Form::Else) {
                return Err(self.error(format!("unexpected {}", self.unit.show(node))));
            }
            self.open.push(node);
        }
        let run = self.close(mark);
        let root = self.push(at, Form::List(run));
        let name = Str::from(self.unit.name.as_str());
        self.define(name, root)
    }

    /// `{{define "name"}} … {{end}}`, after the word.
    fn definition(&mut self) -> Result<(), Error> {
        let outer = std::mem::replace(&mut self.tree, Tree::new(Name(0)));
        let name = self.next_non_space();
        if !matches!(name.token, Token::String | Token::RawString) {
            return Err(self.unexpected(&name, "define clause"));
        }
        let name = self.literal(&name)?;
        self.expect(Token::RightDelim, "define clause")?;
        self.body(name.into(), "define clause")?;
        self.tree = outer;
        Ok(())
    }

    /// The body of a definition, in a tree of its own.
    fn body(&mut self, name: Str, context: &str) -> Result<(), Error> {
        let (root, end) = self.item_list()?;
        if !matches!(self.unit.node(end).form, Form::End) {
            return Err(self.error(format!("unexpected {} in {context}", self.unit.show(end))));
        }
        self.define(name, root)
    }

    /// Adds a definition. One that is empty gives way, and never takes another's place.
    fn define(&mut self, name: Str, root: Id) -> Result<(), Error> {
        let empty = self.is_empty(root);
        let shadows_root = self.tree.shadows_root;
        let fresh = Definition { name, root, empty, shadows_root };
        let known = self.unit.defined.get(&fresh.name).copied();
        match known.and_then(|at| self.unit.definitions.get_mut(at)) {
            None => {
                self.unit.defined.insert(fresh.name.clone(), self.unit.definitions.len());
                self.unit.definitions.push(fresh);
            }
            Some(known) if known.empty => *known = fresh,
            Some(_) if empty => (),
            Some(_) => {
                let name = quote(&fresh.name);
                return Err(self.error(format!("template: multiple definition of template {name}")));
            }
        }
        Ok(())
    }

    fn is_empty(&self, list: Id) -> bool {
        let Form::List(run) = self.unit.node(list).form else { return false };
        self.unit.children(run).iter().all(|child| match self.unit.node(*child).form {
            Form::Text { start, end } => {
                let text = str::from_utf8(self.unit.slice(start, end));
                text.is_ok_and(|text| text.chars().all(char::is_whitespace))
            }
            _ => false,
        })
    }
}

/// Texts have at most 4 GiB, since nobody holds more in memory.
fn narrow(number: usize) -> u32 {
    u32::try_from(number).unwrap_or(u32::MAX)
}
