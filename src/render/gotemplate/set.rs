//! Templates that know each other by name.

use std::{collections::HashMap, sync::Arc};

use super::{
    error::Error,
    function::Functions,
    parse::parse,
    tree::{Definition, Unit},
    value::Str,
};

/// What a map gives for a key that it does not have.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum MissingKey {
    /// Nothing at all, which prints as `<no value>` and of which every field is nothing too.
    #[default]
    Default,
    /// The zero value of the map's type: of `map[string]interface {}` a nil, of which a field is an error.
    Zero,
    /// An error.
    Error,
}

/// A set of templates, to be executed any number of times, by any number of threads.
#[derive(Clone)]
pub struct Templates {
    name: String,
    functions: Arc<dyn Functions>,
    missing_key: MissingKey,
    defined: HashMap<Str, Entry>,
}

/// Where a template is: the unit that defines it, and which of its definitions it is.
#[derive(Clone, Debug)]
pub(super) struct Entry {
    pub(super) unit: Arc<Unit>,
    pub(super) definition: usize,
}

impl Entry {
    pub(super) fn definition(&self) -> Option<&Definition> {
        self.unit.definitions.get(self.definition)
    }
}

impl Templates {
    /// An empty set. Its name is shown where a template is missing.
    pub fn new(name: impl Into<String>, functions: Arc<dyn Functions>) -> Self {
        let missing_key = MissingKey::default();
        Self { name: name.into(), functions, missing_key, defined: HashMap::new() }
    }

    /// Go's option `missingkey`.
    #[must_use]
    pub fn missing_key(mut self, missing_key: MissingKey) -> Self {
        self.missing_key = missing_key;
        self
    }

    /// Parses a text and adds what it defines. A name that is defined already is defined anew, unless the new body has
    /// nothing but space and comments.
    ///
    /// # Errors
    /// When the text is no template; then nothing is added.
    pub fn parse(&mut self, name: &str, text: impl Into<Str>) -> Result<(), Error> {
        self.add(&Arc::new(parse(name, text, self.functions.as_ref())?));
        Ok(())
    }

    /// Adds what a unit defines, as [`parse`](Self::parse) does. It must have been parsed with the same functions.
    pub fn add(&mut self, unit: &Arc<Unit>) {
        for (at, definition) in unit.definitions.iter().enumerate() {
            if definition.empty && self.defined.contains_key(&definition.name) {
                continue;
            }
            let entry = Entry { unit: Arc::clone(unit), definition: at };
            self.defined.insert(definition.name.clone(), entry);
        }
    }

    /// Whether there is a template of that name.
    pub fn is_defined(&self, name: &[u8]) -> bool {
        self.defined.contains_key(name)
    }

    /// The names of all templates, in no order.
    pub fn names(&self) -> impl Iterator<Item = &Str> {
        self.defined.keys()
    }

    /// The name of the set.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The functions that its texts were parsed with.
    pub fn functions(&self) -> &Arc<dyn Functions> {
        &self.functions
    }

    pub(super) fn on_missing_key(&self) -> MissingKey {
        self.missing_key
    }

    pub(super) fn find(&self, name: &[u8]) -> Option<&Entry> {
        self.defined.get(name)
    }
}

impl std::fmt::Debug for Templates {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Templates({}, {} defined)", self.name, self.defined.len())
    }
}
