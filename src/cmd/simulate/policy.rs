//! Names of policies to what places pods: kube-scheduler alone, with dunnage, or as others would do it.
//!
//! One name means one thing in all subcommands: a name that is none of these is a policy of ours, named or in
//! a file, as `serve --policy` takes it.

use crate::cmd::{Usage, files};
use crate::model::unit::{Nanos, Price};
use crate::policy::{NAMED, Policy};
use crate::sim::engine::Engine;
use crate::sim::extender::Dunnage;
use crate::sim::placement::{Asked, Change, Placement};
use crate::sim::record::Record;
use crate::sim::rival::choosing::{Chooser, Rule};
use crate::sim::rival::scoring::{Formula, Scorer};
use crate::sim::scheduler::Scheduler;
use crate::sim::setup::{NodeNumber, Setup};

/// kube-scheduler without an extender.
const STOCK: &str = "stock";
/// Of a rival: one that comes with a weight of its own counts it in its points.
const RIVAL_WEIGHT: u64 = 1;

/// Who places the pods of a run.
#[derive(Clone, Debug)]
pub(super) struct Placer {
    /// As typed.
    pub(super) name: String,
    /// In a few words.
    pub(super) about: String,
    kind: Kind,
}

#[derive(Clone, Debug)]
enum Kind {
    Stock,
    Rule(Rule),
    Formula(Formula),
    Ours(Box<Policy>, u64),
}

/// The placers of these names, each of another; `weight` is that of ours as an extender.
///
/// # Errors
/// If a name is neither known nor a file, or comes twice.
pub(super) fn placers(names: &[String], weight: u64) -> anyhow::Result<Vec<Placer>> {
    for (place, name) in names.iter().enumerate() {
        if names[..place].contains(name) {
            return Err(Usage(format!("--policy {name}: given twice")).into());
        }
    }
    names.iter().map(|name| Placer::named(name, weight)).collect()
}

impl Placer {
    fn named(name: &str, weight: u64) -> anyhow::Result<Self> {
        let rule = Rule::ALL.into_iter().find(|rule| rule.name() == name);
        let formula = Formula::ALL.into_iter().find(|formula| formula.name() == name);
        let kind = match (name, rule, formula) {
            (STOCK, ..) => Kind::Stock,
            (_, Some(rule), _) => Kind::Rule(rule),
            (_, _, Some(formula)) => Kind::Formula(formula),
            _ => Kind::Ours(Box::new(ours(name)?), weight),
        };
        Ok(Self { name: name.to_owned(), about: kind.about().to_owned(), kind })
    }

    /// Whether the avoidable bytes are counted from it.
    pub(super) fn is_spread(&self) -> bool {
        matches!(self.kind, Kind::Rule(Rule::Spread))
    }

    /// What a gigabyte that crosses a zone costs by it; nothing if it does not say.
    pub(super) fn zone_gigabyte_price(&self) -> Price {
        match &self.kind {
            Kind::Ours(policy, _) => policy.stream.zone.gigabyte_price,
            _ => Price::default(),
        }
    }

    /// Runs a setup to its end; `placed` hears of every pod that finds a node.
    pub(super) fn run(&self, setup: &Setup, placed: impl Fn()) -> Record {
        match &self.kind {
            Kind::Stock => run(setup, Scheduler::alone(setup), placed),
            Kind::Rule(rule) => run(setup, Chooser::new(*rule, setup), placed),
            Kind::Formula(formula) => {
                let scorer = Scorer::new(*formula, setup);
                run(setup, Scheduler::with(setup, scorer, RIVAL_WEIGHT), placed)
            }
            Kind::Ours(policy, weight) => {
                let dunnage = Dunnage::new(setup, Policy::clone(policy));
                run(setup, Scheduler::with(setup, dunnage, *weight), placed)
            }
        }
    }
}

fn ours(name: &str) -> anyhow::Result<Policy> {
    let is_known = NAMED.iter().any(|(known, _)| *known == name);
    if !is_known && !std::path::Path::new(name).exists() {
        let rules = Rule::ALL.map(Rule::name);
        let formulas = Formula::ALL.map(Formula::name);
        let named = NAMED.map(|(name, _)| name);
        let names = [STOCK].into_iter().chain(named).chain(rules).chain(formulas);
        let names = names.collect::<Vec<_>>().join(", ");
        anyhow::bail!("policy {name}: neither a file nor one of {names}");
    }
    files::policy(name)
}

fn run(setup: &Setup, placement: impl Placement, placed: impl Fn()) -> Record {
    Engine::new(setup).run(&mut Counted { placement, placed })
}

impl Kind {
    fn about(&self) -> &'static str {
        match self {
            Self::Stock => "kube-scheduler alone",
            Self::Ours(..) => "kube-scheduler with dunnage",
            Self::Rule(Rule::Random) => "any node with room",
            Self::Rule(Rule::Spread) => "the least loaded node",
            Self::Rule(Rule::Pack) => "the most loaded node with room",
            Self::Rule(Rule::Concourse) => "Concourse: most inputs present",
            Self::Rule(Rule::Bounded) => "consistent hashing with bounded load",
            Self::Rule(Rule::Hindsight) => "greedy, knowing all pods to come",
            Self::Formula(Formula::Greedy) => "kube-scheduler with the extender of an afternoon",
            Self::Formula(Formula::Stork) => "kube-scheduler with Stork",
            Self::Formula(Formula::LayerScheduler) => "kube-scheduler with LRScheduler",
            Self::Formula(Formula::Skippy) => "kube-scheduler with Skippy",
        }
    }
}

/// A placement that tells of every pod it found a node for.
struct Counted<P, F> {
    placement: P,
    placed: F,
}

impl<P: Placement, F: Fn()> Placement for Counted<P, F> {
    fn observe(&mut self, at: Nanos, change: &Change) {
        self.placement.observe(at, change);
    }

    fn place(&mut self, at: Nanos, asked: Asked<'_>) -> Option<NodeNumber> {
        let node = self.placement.place(at, asked);
        if node.is_some() {
            (self.placed)();
        }
        node
    }
}
