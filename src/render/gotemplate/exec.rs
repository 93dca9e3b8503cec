//! Executing templates.

mod argument;
mod call;
mod field;
mod pipeline;
mod range;
mod walk;

use std::{any::Any, collections::HashMap, rc::Rc, sync::Arc};

use super::{
    budget::{Budget, Exhausted, Meter},
    error::{Error, ExecuteError, Why},
    flow::{Flow, Variable},
    function::{Context, Failure, RunError},
    parse::parse,
    set::{Entry, Templates},
    tree::{Id, Unit},
    value::{Str, Value},
};
use crate::limits;

/// One render: templates of a set are executed within one budget, and what `tpl` parsed is kept for all of them.
pub struct Render<'t> {
    templates: &'t Templates,
    /// What running texts define, the innermost last.
    overlays: Vec<Arc<Unit>>,
    /// What was parsed already, by name and text.
    parsed: HashMap<(String, Str), Arc<Unit>>,
    out: Vec<u8>,
    variables: Vec<Variable>,
    /// Emptied argument lists, to be used again.
    spare: Vec<Vec<Value>>,
    meter: Meter,
    depth: u32,
    host: Rc<dyn Any>,
}

/// A template that fails does so through every level; a box keeps that cheap.
type Fail = Box<ExecuteError>;

/// One template while it is executed.
struct State<'u, 'r, 't> {
    render: &'r mut Render<'t>,
    unit: &'u Unit,
    template: &'u Str,
    shadows_root: bool,
    /// The node that errors name: the one that was looked at last.
    at: Id,
    /// Where the template's variables begin; the first is `$`.
    base: usize,
}

impl<'t> Render<'t> {
    /// Begins a render. What `host` is, is between the caller and its functions.
    pub fn new(templates: &'t Templates, budget: Budget, host: Rc<dyn Any>) -> Self {
        Self {
            templates,
            overlays: Vec::new(),
            parsed: HashMap::new(),
            out: Vec::new(),
            variables: Vec::new(),
            spare: Vec::new(),
            meter: Meter::new(budget),
            depth: 0,
            host,
        }
    }

    /// Executes a template on some data, and returns what it writes.
    ///
    /// # Errors
    /// What it fails with, or that there is none of this name.
    pub fn output(&mut self, name: &[u8], dot: &Value) -> Result<Vec<u8>, Error> {
        self.partial_output(name, dot).map_err(|(error, _)| error)
    }

    /// As [`output`](Self::output); an error comes with what was written before it.
    ///
    /// # Errors
    /// As [`output`](Self::output).
    pub fn partial_output(&mut self, name: &[u8], dot: &Value) -> Result<Vec<u8>, (Error, Vec<u8>)> {
        self.out.clear();
        let result = self.named(name, dot);
        self.variables.clear();
        let written = std::mem::take(&mut self.out);
        match result {
            Ok(()) => Ok(written),
            Err(error) => Err((error, written)),
        }
    }

    fn named(&mut self, name: &[u8], dot: &Value) -> Result<(), Error> {
        let Some(entry) = self.find(name) else {
            let name = String::from_utf8_lossy(name).into_owned();
            return Err(Error::NoTemplate { name, set: self.templates.name().to_owned() });
        };
        self.enter(&entry, Flow::plain(dot.clone())).map_err(Error::Execute)
    }

    /// The definition that holds now: what running texts define hides what the set has, if there is anything in it.
    fn find(&self, name: &[u8]) -> Option<Entry> {
        let mut empty = None;
        for unit in self.overlays.iter().rev() {
            let Some(definition) = unit.defined.get(name).copied() else { continue };
            let entry = Entry { unit: Arc::clone(unit), definition };
            if entry.definition().is_some_and(|it| !it.empty) {
                return Some(entry);
            }
            // Of several that are empty the outermost was there first.
            empty = Some(entry);
        }
        self.templates.find(name).cloned().or(empty)
    }

    /// Executes a definition at the next depth. The variables of the caller are out of its reach.
    fn enter(&mut self, entry: &Entry, dot: Flow) -> Result<(), Fail> {
        let Some(definition) = entry.definition() else { return Ok(()) };
        let base = self.variables.len();
        self.variables.push(Variable { name: 0, flow: dot.clone() });
        self.depth += 1;
        let mut state = State {
            unit: &entry.unit,
            template: &definition.name,
            shadows_root: definition.shadows_root,
            at: definition.root,
            base,
            render: self,
        };
        let deep = state.render.meter.depth(state.render.depth);
        let result = match deep {
            Ok(()) => state.walk(&dot, definition.root).map(|_| ()),
            Err(exhausted) => Err(state.exhausted(exhausted)),
        };
        self.depth -= 1;
        self.variables.truncate(base);
        result
    }

    /// Executes a definition into a string.
    fn captured(&mut self, entry: &Entry, dot: &Value) -> Result<Str, Error> {
        let start = self.out.len();
        let result = self.enter(entry, Flow::plain(dot.clone()));
        let text = self.out.get(start..).map_or_else(Str::default, Str::from);
        self.out.truncate(start);
        result.map(|()| text).map_err(Error::Execute)
    }
}

impl Context for Render<'_> {
    fn execute(&mut self, template: &[u8], dot: &Value) -> Result<Str, Failure> {
        let Some(entry) = self.find(template) else {
            let name = String::from_utf8_lossy(template).into_owned();
            return Err(Error::NoTemplate { name, set: self.templates.name().to_owned() }.into());
        };
        Ok(self.captured(&entry, dot)?)
    }

    fn run(&mut self, name: &str, text: &Str, dot: &Value) -> Result<Str, RunError> {
        let key = (name.to_owned(), text.clone());
        let unit = match self.parsed.get(&key) {
            Some(unit) => Arc::clone(unit),
            None => {
                // A byte takes about as long to read as a step to execute takes, or less.
                let steps = self.meter.step(text.len() as u64 + 1);
                steps.map_err(|exhausted| RunError::Parse(exhausted.into()))?;
                let unit = parse(name, text.clone(), self.templates.functions().as_ref());
                let unit = Arc::new(unit.map_err(|error| RunError::Parse(error.into()))?);
                if self.parsed.len() >= limits::TEMPLATE_TEXTS {
                    self.parsed.clear();
                }
                self.parsed.insert(key, Arc::clone(&unit));
                unit
            }
        };
        let own = unit.defined.get(name.as_bytes()).copied();
        let entry = Entry { unit: Arc::clone(&unit), definition: own.unwrap_or(usize::MAX) };
        self.overlays.push(unit);
        let result = self.captured(&entry, dot);
        self.overlays.pop();
        result.map_err(|error| RunError::Execute(error.into()))
    }

    fn is_defined(&self, template: &[u8]) -> bool {
        self.find(template).is_some()
    }

    fn charge(&mut self, steps: u64) -> Result<(), Failure> {
        Ok(self.meter.step(steps)?)
    }

    fn host(&self) -> Rc<dyn Any> {
        Rc::clone(&self.host)
    }
}

impl State<'_, '_, '_> {
    fn fail(&self, why: Why) -> Fail {
        let mut node = self.unit.show(self.at);
        // Each of a thousand templates may show a node with megabytes of text in it.
        if node.len() > limits::TEMPLATE_NODE_BYTES {
            node.truncate(node.floor_char_boundary(limits::TEMPLATE_NODE_BYTES));
            node.push_str("...");
        }
        let template = self.template.to_text().into_owned();
        Box::new(ExecuteError { place: Some(self.unit.place(self.at)), template, node, why })
    }

    fn message(&self, message: impl Into<String>) -> Fail {
        self.fail(Why::Message(message.into()))
    }

    /// The node may be a block with all that is in it, of which the beginning is enough.
    fn exhausted(&self, exhausted: Exhausted) -> Fail {
        let mut fail = self.fail(Why::Exhausted(exhausted));
        let line = fail.node.lines().next().unwrap_or_default();
        let begin: String = line.chars().take(60).collect();
        if begin.len() < fail.node.len() {
            fail.node = format!("{begin}...");
        }
        fail
    }

    /// The budget's failure behind one of a function: what that was printing had less room than the budget says.
    fn used_up(&mut self, failure: &Failure) -> Option<Fail> {
        let Failure::Exhausted(exhausted) = failure else { return None };
        let exhausted = match exhausted {
            Exhausted::Bytes(_) => self.render.meter.no_more_bytes(),
            other => *other,
        };
        Some(self.exhausted(exhausted))
    }

    fn step(&mut self) -> Result<(), Fail> {
        self.pay(1)
    }

    fn pay(&mut self, steps: u64) -> Result<(), Fail> {
        match self.render.meter.step(steps) {
            Ok(()) => Ok(()),
            Err(exhausted) => Err(self.exhausted(exhausted)),
        }
    }
}
