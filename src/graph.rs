//! Which entries wait for which, and who goes on when one becomes ready.
//!
//! `dependsOn` of a bundle's entries and of Flux objects alike. Nothing polls: [`Graph::wakes`] says who can begin
//! because of one that became ready.

use std::{
    cmp::Reverse,
    collections::{BTreeMap, BTreeSet, BinaryHeap, VecDeque},
    fmt,
};

use crate::fault::{Class, Fault};

/// Nodes and what they depend on, without a cycle. A node is a name: of an entry, of a Flux object.
#[derive(Clone, Debug)]
pub struct Graph<K> {
    nodes: Vec<K>,
    /// Positions, by name.
    index: BTreeMap<K, usize>,
    /// What each depends on, by position.
    needs: Vec<BTreeSet<usize>>,
    /// Who depends on each, by position.
    needed_by: Vec<BTreeSet<usize>>,
    /// Positions in an order in which every node comes after what it depends on.
    order: Vec<usize>,
}

/// Why names and dependencies are no graph to work with.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Error<K: fmt::Display + fmt::Debug> {
    /// They wait for each other. Every cycle is given in full, once, beginning with the node that came first.
    #[error("dependencies go in circles: {}", circles(.0))]
    Cycles(Vec<Vec<K>>),
    /// A dependency is not there.
    #[error("`{node}` depends on `{missing}`, which is not there")]
    Missing {
        /// Who depends.
        node: K,
        /// On what.
        missing: K,
    },
    /// One name stands for two nodes.
    #[error("`{0}` is there twice")]
    Twice(K),
}

fn circles<K: fmt::Display>(cycles: &[Vec<K>]) -> String {
    let circle = |cycle: &Vec<K>| {
        let names: Vec<String> = cycle.iter().chain(cycle.first()).map(|it| format!("`{it}`")).collect();
        names.join(" → ")
    };
    cycles.iter().map(circle).collect::<Vec<_>>().join("; ")
}

impl<K: fmt::Display + fmt::Debug> Fault for Error<K> {
    fn code(&self) -> &'static str {
        match self {
            Self::Cycles(_) => "dependency_cycle",
            Self::Missing { .. } => "dependency_missing",
            Self::Twice(_) => "dependency_twice",
        }
    }

    fn class(&self) -> Class {
        Class::Invalid
    }

    fn hint(&self) -> Option<String> {
        match self {
            Self::Cycles(_) => Some("take one `dependsOn` of each circle out".into()),
            Self::Missing { .. } => Some("name it as it is written, or take the `dependsOn` out".into()),
            Self::Twice(_) => None,
        }
    }
}

impl<K: Ord + Clone + fmt::Display + fmt::Debug> Graph<K> {
    /// Takes nodes with what they depend on, in the order in which people wrote them.
    ///
    /// # Errors
    /// When a name is there twice, a dependency is not there, or some wait for each other.
    pub fn new(nodes: impl IntoIterator<Item = (K, Vec<K>)>) -> Result<Self, Error<K>> {
        let (nodes, wanted): (Vec<K>, Vec<Vec<K>>) = nodes.into_iter().unzip();
        let mut index = BTreeMap::new();
        for (at, node) in nodes.iter().enumerate() {
            if index.insert(node.clone(), at).is_some() {
                return Err(Error::Twice(node.clone()));
            }
        }
        let mut needs = Vec::with_capacity(nodes.len());
        let mut needed_by = vec![BTreeSet::new(); nodes.len()];
        for (at, (node, names)) in nodes.iter().zip(wanted).enumerate() {
            let mut positions = BTreeSet::new();
            for name in names {
                let Some(position) = index.get(&name) else {
                    return Err(Error::Missing { node: node.clone(), missing: name });
                };
                positions.insert(*position);
                if let Some(dependants) = needed_by.get_mut(*position) {
                    dependants.insert(at);
                }
            }
            needs.push(positions);
        }
        let order = sort(&needs, &needed_by);
        if order.len() < nodes.len() {
            let cycles = cycles(&needs, &needed_by, &order);
            let named =
                |cycle: Vec<usize>| cycle.into_iter().filter_map(|it| nodes.get(it).cloned()).collect();
            return Err(Error::Cycles(cycles.into_iter().map(named).collect()));
        }
        Ok(Self { nodes, index, needs, needed_by, order })
    }

    /// All nodes, each after what it depends on, otherwise as people wrote them.
    pub fn order(&self) -> impl Iterator<Item = &K> {
        self.order.iter().filter_map(|at| self.nodes.get(*at))
    }

    /// What a node waits for while only `ready` are ready; nothing where it may begin.
    pub fn waits_for<'a>(&'a self, node: &K, ready: impl Fn(&K) -> bool) -> Vec<&'a K> {
        let needs = self.index.get(node).and_then(|at| self.needs.get(*at));
        self.named(needs).filter(|it| !ready(it)).collect()
    }

    /// Who may begin because `node` became ready: its dependants that wait for nothing else.
    pub fn wakes<'a>(&'a self, node: &K, ready: impl Fn(&K) -> bool) -> Vec<&'a K> {
        let dependants = self.index.get(node).and_then(|at| self.needed_by.get(*at));
        let waits = |it: &&K| self.waits_for(it, |other| other == node || ready(other)).is_empty();
        self.named(dependants).filter(waits).collect()
    }

    /// Everyone that depends on a node, directly or through others: what waits when it is not ready.
    pub fn behind<'a>(&'a self, node: &K) -> Vec<&'a K> {
        let mut found = BTreeSet::new();
        let mut ahead: VecDeque<usize> = self.index.get(node).copied().into_iter().collect();
        while let Some(at) = ahead.pop_front() {
            for dependant in self.needed_by.get(at).into_iter().flatten() {
                if found.insert(*dependant) {
                    ahead.push_back(*dependant);
                }
            }
        }
        self.named(Some(&found)).collect()
    }

    fn named<'a>(&'a self, positions: Option<&BTreeSet<usize>>) -> impl Iterator<Item = &'a K> {
        let positions: Vec<usize> = positions.into_iter().flatten().copied().collect();
        positions.into_iter().filter_map(|at| self.nodes.get(at))
    }
}

/// Kahn's algorithm; of those that may come next, the one that was written first. What is in or behind a cycle is
/// left out.
fn sort(needs: &[BTreeSet<usize>], needed_by: &[BTreeSet<usize>]) -> Vec<usize> {
    let mut open: Vec<usize> = needs.iter().map(BTreeSet::len).collect();
    let free = open.iter().enumerate().filter(|(_, count)| **count == 0);
    let mut next: BinaryHeap<Reverse<usize>> = free.map(|(at, _)| Reverse(at)).collect();
    let mut order = Vec::with_capacity(needs.len());
    while let Some(Reverse(at)) = next.pop() {
        order.push(at);
        for dependant in needed_by.get(at).into_iter().flatten() {
            let Some(count) = open.get_mut(*dependant) else { continue };
            *count -= 1;
            if *count == 0 {
                next.push(Reverse(*dependant));
            }
        }
    }
    order
}

/// One cycle for every group of nodes that wait for each other: the shortest through the group's first node.
fn cycles(needs: &[BTreeSet<usize>], needed_by: &[BTreeSet<usize>], sorted: &[usize]) -> Vec<Vec<usize>> {
    // What can be sorted from either end is in no cycle.
    let sorted: BTreeSet<usize> = sorted.iter().copied().chain(sort(needed_by, needs)).collect();
    let mut told = BTreeSet::new();
    let mut cycles = Vec::new();
    for at in (0..needs.len()).filter(|at| !sorted.contains(at)) {
        if told.contains(&at) {
            continue;
        }
        if let Some(cycle) = shortest_cycle(needs, at) {
            told.extend(cycle.iter().copied());
            cycles.push(cycle);
        }
    }
    cycles
}

/// The shortest way from a node back to itself along what it depends on.
fn shortest_cycle(needs: &[BTreeSet<usize>], start: usize) -> Option<Vec<usize>> {
    let mut came_from: BTreeMap<usize, usize> = BTreeMap::new();
    let mut ahead = VecDeque::from([start]);
    while let Some(at) = ahead.pop_front() {
        for next in needs.get(at)? {
            if *next == start {
                let mut cycle = vec![at];
                while let Some(before) =
                    cycle.last().filter(|it| **it != start).and_then(|it| came_from.get(it))
                {
                    cycle.push(*before);
                }
                cycle.reverse();
                return Some(cycle);
            }
            if !came_from.contains_key(next) {
                came_from.insert(*next, at);
                ahead.push_back(*next);
            }
        }
    }
    None
}
