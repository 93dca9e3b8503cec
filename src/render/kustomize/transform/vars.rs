//! `vars`: `$(NAME)` in the fields that are configured.

use std::collections::{BTreeMap, HashMap};

use super::super::{
    Error,
    edit::{lookup, split_path_smartly},
    error::Cause,
    fieldspec::{Create, FieldSpec, visit_one},
    kustomization::Var,
    node::{Kind, NodeId, Nodes, Style, Tag},
    resmap::ResMap,
    resource::Resource,
};
use crate::yaml::float;

/// Vars by name. None comes twice.
#[derive(Clone, Debug, Default)]
pub(in super::super) struct VarSet(BTreeMap<String, Var>);

impl VarSet {
    /// Takes vars over, and notes at resources that their values are wanted.
    pub(in super::super) fn merge(
        &mut self,
        nodes: &Nodes<'_>,
        map: &mut ResMap,
        vars: &[Var],
    ) -> Result<(), Error> {
        for var in vars {
            let wanted = &var.object;
            let by_all = !wanted.namespace.is_empty();
            let is_meant = |resource: &Resource| {
                !resource.is_empty(nodes)
                    && resource
                        .all_ids()
                        .any(|id| if by_all { wanted.same(id) } else { wanted.same_but_namespace(id) })
            };
            let matched: Vec<usize> =
                map.list().iter().enumerate().filter(|(_, it)| is_meant(it)).map(|(at, _)| at).collect();
            match matched.as_slice() {
                [] => (),
                [one] => {
                    map.change(*one, |resource| resource.vars.push(var.name.clone()));
                }
                all => {
                    let message = format!(
                        "found {} resId matches for var {} (unable to disambiguate)",
                        all.len(),
                        describe(var)
                    );
                    return Err(Error::because(Cause::Target, message));
                }
            }
        }
        self.add(vars.iter().cloned())
    }

    /// Takes another set over.
    pub(in super::super) fn absorb(&mut self, other: Self) -> Result<(), Error> {
        self.add(other.0.into_values())
    }

    fn add(&mut self, vars: impl Iterator<Item = Var>) -> Result<(), Error> {
        for mut var in vars {
            if self.0.contains_key(&var.name) {
                let message = format!("var '{}' already encountered", var.name);
                return Err(Error::because(Cause::Duplicate, message));
            }
            if var.field_path.is_empty() {
                "metadata.name".clone_into(&mut var.field_path);
            }
            self.0.insert(var.name.clone(), var);
        }
        Ok(())
    }

    /// Replaces what names a var by its value.
    pub(in super::super) fn resolve(
        &self,
        nodes: &mut Nodes<'_>,
        map: &mut ResMap,
        fields: &[FieldSpec],
    ) -> Result<(), Error> {
        let mut values = HashMap::new();
        for (name, var) in &self.0 {
            values.insert(name.as_str(), find(nodes, map.list(), var)?);
        }
        if values.is_empty() {
            return Ok(());
        }
        for resource in map.list() {
            for spec in fields {
                visit_one(nodes, resource.node, spec, Create::NOTHING, &mut |nodes, at| {
                    replace(nodes, at, &values)
                })?;
            }
        }
        Ok(())
    }
}

/// `%v` of a var: of the object only the kind prints itself.
fn describe(var: &Var) -> String {
    format!("{{{} {} {{{}}}}}", var.name, var.object.gvk, var.field_path)
}

/// What a var stands for.
#[derive(Clone, Debug)]
enum VarValue {
    Text(String),
    Int(i64),
    Float(f64),
    Bool(bool),
    /// A list or a mapping, which nothing can be replaced by.
    Other,
}

fn find(nodes: &mut Nodes<'_>, resources: &[Resource], var: &Var) -> Result<VarValue, Error> {
    let Some(resource) = resources.iter().find(|it| it.vars.contains(&var.name)) else {
        let message =
            format!("var '{}' cannot be mapped to a field in the set of known resources", describe(var));
        return Err(Error::because(Cause::Target, message));
    };
    let missing = || {
        let message =
            format!("field specified in var '{}' not found in corresponding resource", describe(var));
        Error::because(Cause::Target, message)
    };
    let path = with_indices(split_path_smartly(&var.field_path, '.'));
    let found = lookup(nodes, resource.node, &path, None).ok().flatten().ok_or_else(missing)?;
    let node = &nodes[found];
    if node.kind != Kind::Scalar {
        return if node.kind == Kind::None { Err(missing()) } else { Ok(VarValue::Other) };
    }
    let text = node.value.to_string();
    Ok(match node.tag {
        Tag::Int => VarValue::Int(text.parse().map_err(|_| missing())?),
        Tag::Float => VarValue::Float(text.parse().map_err(|_| missing())?),
        Tag::Bool => match text.as_str() {
            "1" | "t" | "T" | "TRUE" | "true" | "True" => VarValue::Bool(true),
            "0" | "f" | "F" | "FALSE" | "false" | "False" => VarValue::Bool(false),
            _ => return Err(missing()),
        },
        _ => VarValue::Text(text),
    })
}

/// `ports[0]` is `ports` and `0`.
fn with_indices(path: Vec<String>) -> Vec<String> {
    let mut result = Vec::new();
    for part in path {
        let index = part.strip_suffix(']').and_then(|it| it.rsplit_once('['));
        match index {
            Some((name, index)) if !index.is_empty() && index.bytes().all(|byte| byte.is_ascii_digit()) => {
                if !name.is_empty() {
                    result.push(name.to_owned());
                }
                result.push(index.to_owned());
            }
            _ => result.push(part),
        }
    }
    result
}

type Values<'v> = HashMap<&'v str, VarValue>;

fn replace(nodes: &mut Nodes<'_>, at: NodeId, values: &Values<'_>) -> Result<(), Error> {
    if nodes.is_null(at) {
        return Ok(());
    }
    match nodes[at].kind {
        Kind::Scalar => {
            if nodes.is_string(at) {
                update(nodes, at, values);
            }
        }
        Kind::Mapping => {
            for (key, value) in nodes.entries(at).collect::<Vec<_>>() {
                if !nodes.is_string(key) {
                    let tag = nodes.tag_text(nodes[key].tag).unwrap_or("");
                    let message = format!("invalid map key: value='{}', tag='{tag}'", nodes[key].value);
                    return Err(Error::new(message));
                }
                if nodes.is_string(value) {
                    update(nodes, value, values);
                }
            }
        }
        Kind::Sequence => {
            for item in nodes[at].content.clone() {
                if !nodes.is_string(item) {
                    return Err(Error::new("invalid value type expect a string"));
                }
                update(nodes, item, values);
            }
        }
        Kind::None => return Err(Error::new("invalid type encountered 0")),
    }
    Ok(())
}

fn update(nodes: &mut Nodes<'_>, at: NodeId, values: &Values<'_>) {
    let (text, tag) = match expand(&nodes[at].value, values) {
        VarValue::Text(text) => (text, Tag::Str),
        VarValue::Int(value) => (value.to_string(), Tag::Int),
        VarValue::Bool(value) => (value.to_string(), Tag::Bool),
        VarValue::Float(value) => (plain_float(value), Tag::Float),
        VarValue::Other => return,
    };
    let node = &mut nodes[at];
    node.value = text.into();
    node.tag = tag;
    node.style = Style::Plain;
}

/// `strconv.FormatFloat(value, 'f', -1, 64)`.
fn plain_float(value: f64) -> String {
    format!("{value}")
}

/// `%v`.
fn print(value: &VarValue) -> String {
    match value {
        VarValue::Text(text) => text.clone(),
        VarValue::Int(value) => value.to_string(),
        VarValue::Bool(value) => value.to_string(),
        VarValue::Float(value) => {
            let mut text = String::new();
            float::push_general(&mut text, *value);
            text
        }
        VarValue::Other => String::new(),
    }
}

/// Replaces `$(NAME)` by values; `$$` is `$`. A text that is nothing but a name becomes what the value is.
fn expand(text: &str, values: &Values<'_>) -> VarValue {
    let mut out = String::new();
    let mut rest = text;
    while let Some(at) = rest.find('$') {
        let (head, tail) = rest.split_at_checked(at).unwrap_or((rest, ""));
        let after = tail.strip_prefix('$').unwrap_or("");
        let Some(next) = after.chars().next() else { break };
        out.push_str(head);
        match next {
            '$' => {
                out.push('$');
                rest = after.strip_prefix('$').unwrap_or("");
            }
            '(' => {
                let inner = after.strip_prefix('(').unwrap_or("");
                match inner.split_once(')') {
                    Some((name, behind)) => {
                        let value = match values.get(name) {
                            Some(VarValue::Other) | None => VarValue::Text(format!("$({name})")),
                            Some(value) => value.clone(),
                        };
                        if text.len() == name.len() + 3 {
                            return value;
                        }
                        out.push_str(&print(&value));
                        rest = behind;
                    }
                    None => {
                        out.push_str("$(");
                        rest = inner;
                    }
                }
            }
            other => {
                out.push('$');
                out.push(other);
                rest = after.strip_prefix(other).unwrap_or("");
            }
        }
    }
    out.push_str(rest);
    VarValue::Text(out)
}
