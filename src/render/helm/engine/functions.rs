//! The functions that need the engine: `include`, `tpl`, `required`, `fail` and `lookup`.

use std::{collections::BTreeMap, rc::Rc};

use memchr::memmem;

use super::{Host, Lookup};
use crate::{
    limits,
    render::gotemplate::{
        Context, Failure, Function, RunError, Str, Type, Value, sprig::Environment, strconv::quote,
    },
};

/// The functions of this module. They hide those of Sprig that have their names.
pub(super) static FUNCTIONS: &[Function] = &[
    Function::new("include", &[Type::String, Type::Any], Type::String, |context, args| {
        let host = host(context)?;
        let name = args.str(0)?;
        {
            let mut included = host.included.borrow_mut();
            let count = included.entry(name.clone()).or_default();
            if *count > limits::INCLUDE_DEPTH {
                let name = name.to_text();
                let why = "unable to execute template";
                return Err(format!("rendering template has a nested reference name: {name}: {why}").into());
            }
            *count += 1;
        }
        let result = context.execute(name, args.any(1));
        if let Some(count) = host.included.borrow_mut().get_mut(name) {
            *count -= 1;
        }
        Ok(result?.into())
    }),
    Function::new("tpl", &[Type::String, Type::Any], Type::String, |context, args| {
        let text = args.str(0)?;
        match context.run("gotpl", text, args.any(1)) {
            Ok(written) => Ok(without_no_value(written).into()),
            Err(error) => Err(match error {
                RunError::Parse(failure) | RunError::Execute(failure) if failure.exhausted().is_some() => {
                    failure
                }
                RunError::Parse(failure) => {
                    Failure::because(format!("cannot parse template {}", quote(text)), failure)
                }
                RunError::Execute(failure) => {
                    let text = quote(text);
                    Failure::because(format!("error during tpl function execution for {text}"), failure)
                }
            }),
        }
    }),
    Function::new("required", &[Type::String, Type::Any], Type::Any, |context, args| match args.any(1) {
        Value::Nil => missing(context, args.str(0)?),
        Value::Str(text) if text.is_empty() => missing(context, args.str(0)?),
        value => Ok(value.clone()),
    }),
    Function::new("fail", &[Type::String], Type::String, |context, args| missing(context, args.str(0)?)),
    Function::new(
        "lookup",
        &[Type::String, Type::String, Type::String, Type::String],
        Type::MAP,
        |context, args| {
            let host = host(context)?;
            let nothing = Value::map(BTreeMap::new());
            let Some(cluster) = &host.cluster else { return Ok(nothing) };
            let text = |at| Ok::<_, Failure>(args.str(at)?.to_text().into_owned());
            let lookup =
                Lookup { api_version: text(0)?, kind: text(1)?, namespace: text(2)?, name: text(3)? };
            match cluster(&lookup) {
                Some(found) => Ok(found.into()),
                None => {
                    // The render goes on, so that all questions can be asked at once.
                    host.needs.borrow_mut().insert(lookup);
                    Ok(nothing)
                }
            }
        },
    ),
];

/// The host of the running render.
///
/// # Errors
/// When it is another one, which is our mistake.
pub(in crate::render::helm) fn host(context: &dyn Context) -> Result<Rc<Host>, Failure> {
    let above = Environment::of(context)?.above();
    above.downcast().map_err(|_| "the host of this render is not one for Helm's functions".into())
}

/// The signs that tell a message of the chart's author from all others.
pub(super) const START: &str = "HELM_ERR_START";
/// As [`START`].
pub(super) const END: &str = "HELM_ERR_END";

fn missing(context: &mut dyn Context, message: &Str) -> Result<Value, Failure> {
    if host(context)?.lenient {
        return Ok("".into());
    }
    Err(format!("{START}{}{END}", message.to_text()).into())
}

/// A message without those signs.
pub(in crate::render::helm) fn without_signs(text: &str) -> String {
    text.replace(START, "").replace(END, "")
}

/// What Go prints for a value that is not there goes from every output, whoever wrote it.
pub(super) fn without_no_value(text: Str) -> Str {
    const NO_VALUE: &[u8] = b"<no value>";
    let find = |text: &[u8]| memmem::find(text, NO_VALUE);
    let Some(mut at) = find(&text) else { return text };
    let mut out = Vec::with_capacity(text.len());
    let mut rest: &[u8] = &text;
    loop {
        let (before, after) = rest.split_at_checked(at).unwrap_or((rest, &[]));
        out.extend_from_slice(before);
        rest = after.get(NO_VALUE.len()..).unwrap_or(&[]);
        match find(rest) {
            Some(next) => at = next,
            None => break,
        }
    }
    out.extend_from_slice(rest);
    out.into()
}
