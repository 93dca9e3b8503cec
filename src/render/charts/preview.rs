//! A chart before anybody signed it, as far as a builder can see without the site and its cluster.

use std::rc::Rc;

use super::{
    super::{Draft, Parts, Spec, Why},
    capabilities,
    given::{Known, given},
    parts, release,
};
use crate::{
    bundle::ValuesKind,
    render::{
        gotemplate::{Budget, sprig::clock::Time},
        helm::{self, Chart, Options, Randomness, World},
    },
};

/// Renders a chart from what is known at build. The second of the two is why it must wait for the site: a value, or an
/// object of the cluster, that only the site has.
///
/// # Errors
/// When the chart is wrong whatever the site says.
pub(in crate::render) fn preview(
    chart: &Chart,
    spec: &Spec,
    draft: &Draft<'_>,
) -> Result<Result<Parts, Why>, Why> {
    helm::check(chart)?;
    let known = Known { site: draft.site, answers: None };
    let given = match given(spec, &known) {
        Ok(given) => given,
        Err(why @ Why::ValuesFrom { missing: true, .. }) => return Ok(Err(why)),
        Err(why) => return Err(why),
    };
    let world = |cluster| World {
        now: Time::unix(0),
        // Nobody sees it, and no image depends on it.
        random: Randomness::Derived([0; 32]),
        cluster,
        budget: Budget::default(),
        lenient: false,
    };
    let install = |world| {
        helm::install(
            chart,
            &given,
            &release(spec),
            &capabilities(draft.kubernetes),
            Options::default(),
            world,
        )
    };
    let error = match install(world(None)).map_err(Why::from).and_then(|it| parts(&it)) {
        Ok(parts) => return Ok(Ok(parts)),
        Err(error) => error,
    };
    if matches!(&error, Why::Chart(error) if error.is_lasting()) {
        return Err(error);
    }
    // What the cluster's objects add to the values may be all that is missing.
    if spec.values_from.iter().any(|it| it.kind != ValuesKind::Site) {
        return Ok(Err(error));
    }
    // And so may be what a template looks up.
    match install(world(Some(Rc::new(|_: &_| None)))) {
        Ok(rendered) if !rendered.needs.is_empty() => Ok(Err(error)),
        _ => Err(error),
    }
}
