//! The name of a release, made from a template.

use std::{rc::Rc, sync::Arc};

use super::World;
use crate::render::gotemplate::{Render, Templates, Value};

/// What a template of a name comes to (`--name-template`). It sees nothing but the functions.
///
/// # Errors
/// In the original's words, when it is none or fails.
pub fn name_of_template(text: &str, world: World) -> Result<String, String> {
    let mut templates = Templates::new("name-template", Arc::clone(super::functions()));
    templates.parse("name-template", text).map_err(|error| error.to_string())?;
    let environment = super::environment(world, "", "");
    let mut render = Render::new(&templates, Default::default(), Rc::new(environment));
    let name = render.output(b"name-template", &Value::Nil);
    let name = name.map_err(|error| super::engine::without_signs(&error.to_string()))?;
    Ok(String::from_utf8_lossy(&name).into_owned())
}
