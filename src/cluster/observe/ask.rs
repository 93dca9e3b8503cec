//! What else is asked of the cluster: before a bundle becomes active, and while it is rendered.

use super::{Asked, Observer, Settled, scopes};
use crate::{
    cluster::{Error, ListOptions, Reference},
    plan::{self, Observed},
    render::{Answers, Needs, Owner, Rendered},
};

impl Observer {
    /// Answers everything that a forecast of deletions asks. `around` has the inventories and the claims.
    ///
    /// # Errors
    /// When the cluster cannot be asked.
    pub async fn observe_forecast(&self, rendered: &Rendered, around: Observed) -> Result<Observed, Error> {
        let owner: &Owner = rendered.owner();
        self.answer_all(None, around, owner, &Settled::default(), |observed| {
            plan::questions_of_forecast(rendered, observed).into_iter().map(Asked::from).collect()
        })
        .await
    }

    /// Answers what a render must know.
    ///
    /// # Errors
    /// When the cluster cannot be asked. A kind that it does not serve is an answer.
    pub async fn answer(&self, needs: &Needs) -> Result<Answers, Error> {
        let mut answers = Answers::default();
        if !needs.scopes.is_empty() {
            let known = scopes(&*self.cluster).await?;
            for kind in &needs.scopes {
                answers.scopes.insert(kind.clone(), known.of(kind));
            }
        }
        for lookup in &needs.lookups {
            let found = match lookup.name.as_str() {
                "" => {
                    let namespace = Some(lookup.namespace.clone()).filter(|it| !it.is_empty());
                    let options = ListOptions { namespace, ..ListOptions::default() };
                    patiently!(self.cluster.list(&lookup.gvk, &options)).map(|(objects, _)| objects)
                }
                name => {
                    let reference = Reference::new(lookup.gvk.clone(), &lookup.namespace, name);
                    patiently!(self.cluster.get(&reference)).map(|object| vec![object])
                }
            };
            let found = match found {
                Ok(objects) => objects,
                Err(error) if error.is_absent() => Vec::new(),
                Err(error) => return Err(error),
            };
            answers.lookups.insert(lookup.clone(), found);
        }
        Ok(answers)
    }
}
