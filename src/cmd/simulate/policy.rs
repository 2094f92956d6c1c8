//! Names of policies to what places pods: kube-scheduler alone, with dunnage, or as others would do it.
//!
//! One name means one thing in all subcommands: a name that is none of these is a policy of ours, named or in
//! a file, as `serve --policy` takes it. `NAME@N` is the same with the extender's weight set to N in the
//! scheduler's configuration.

use std::fmt::Write;
use std::path::Path;

use crate::cmd::{EXTENDER_WEIGHT, Usage, files};
use crate::model::unit::{Nanos, Price};
use crate::policy::{NAMED, Policy};
use crate::sim::engine::Engine;
use crate::sim::extender::Dunnage;
use crate::sim::placement::{Asked, Change, Placement};
use crate::sim::record::Record;
use crate::sim::rival::choosing::{Chooser, Rule};
use crate::sim::rival::recorded::Recorded;
use crate::sim::rival::scoring::{Formula, Scorer};
use crate::sim::scheduler::Scheduler;
use crate::sim::setup::{NodeNumber, Setup};
use crate::sim::view::Delayed;

/// kube-scheduler without an extender.
const STOCK: &str = "stock";
/// Where pods were bound when a trace was recorded.
const RECORDED: &str = "recorded";
/// A rival's points are worth what they say at their source.
const RIVAL_WEIGHT: u64 = 1;
/// At a tenth of it one point is more than all of the scheduler's own plugins together.
const WEIGHT_MAX: u64 = 1000;

/// Who places the pods of a run.
#[derive(Clone, Debug)]
pub(super) struct Placer {
    /// As typed.
    pub(super) name: String,
    /// In a few words.
    pub(super) about: String,
    kind: Kind,
    /// The extender's weight.
    weight: u64,
}

#[derive(Clone, Debug)]
enum Kind {
    Stock,
    Recorded,
    Rule(Rule),
    Formula(Formula),
    Ours(Box<Policy>),
}

/// The placers of these names, each of another.
///
/// # Errors
/// If a name is neither known nor a file, or comes twice.
pub(super) fn placers(names: &[String]) -> anyhow::Result<Vec<Placer>> {
    for (place, name) in names.iter().enumerate() {
        if names[..place].contains(name) {
            return Err(Usage(format!("--policy {name}: given twice")).into());
        }
    }
    names.iter().map(|name| Placer::named(name)).collect()
}

impl Placer {
    fn named(typed: &str) -> anyhow::Result<Self> {
        let (name, weight) = weighted(typed)?;
        let rule = Rule::ALL.into_iter().find(|rule| rule.name() == name);
        let formula = Formula::ALL.into_iter().find(|formula| formula.name() == name);
        let kind = match (name, rule, formula) {
            (STOCK, ..) => Kind::Stock,
            (RECORDED, ..) => Kind::Recorded,
            (_, Some(rule), _) => Kind::Rule(rule),
            (_, _, Some(formula)) => Kind::Formula(formula),
            _ => Kind::Ours(Box::new(ours(name)?)),
        };
        let mut about = kind.about().to_owned();
        if let Some(weight) = weight {
            if matches!(kind, Kind::Stock | Kind::Recorded | Kind::Rule(_)) {
                return Err(Usage(format!("--policy {typed}: {name} is no extender")).into());
            }
            write!(about, ", weight {weight}")?;
        }
        let usual = if matches!(kind, Kind::Ours(_)) { EXTENDER_WEIGHT } else { RIVAL_WEIGHT };
        Ok(Self { name: typed.to_owned(), about, kind, weight: weight.unwrap_or(usual) })
    }

    /// Whether the avoidable bytes are counted from it.
    pub(super) fn is_spread(&self) -> bool {
        matches!(self.kind, Kind::Rule(Rule::Spread))
    }

    /// What a gigabyte that crosses a zone costs by it; nothing if it does not say.
    pub(super) fn zone_gigabyte_price(&self) -> Price {
        match &self.kind {
            Kind::Ours(policy) => policy.stream.zone.gigabyte_price,
            _ => Price::default(),
        }
    }

    /// That it can place the pods of a setup.
    ///
    /// # Errors
    /// If it goes by a record, and the setup has none.
    pub(super) fn check(&self, setup: &Setup) -> Result<(), Usage> {
        if !matches!(self.kind, Kind::Recorded) || !setup.recorded.is_empty() {
            return Ok(());
        }
        let refusal = "--policy recorded: where pods were bound is known of a trace on its own \
                       nodes alone: give a scenario with trace, and without nodes and scaling";
        Err(Usage(refusal.to_owned()))
    }

    /// Runs a setup that was checked to its end; `placed` hears of every pod that finds a node.
    pub(super) fn run(&self, setup: &Setup, placed: impl Fn()) -> Record {
        match &self.kind {
            Kind::Stock => run(setup, Scheduler::alone(setup), placed),
            Kind::Recorded => {
                let placement = Recorded::new(setup);
                Engine::recorded(setup).run(&mut Counted { placement, placed })
            }
            Kind::Rule(rule) => run(setup, Chooser::new(*rule, setup), placed),
            Kind::Formula(formula) => {
                let scorer = Delayed::new(Scorer::new(*formula, setup), &setup.view);
                run(setup, Scheduler::with(setup, scorer, self.weight), placed)
            }
            Kind::Ours(policy) => {
                let dunnage = Dunnage::new(setup, Policy::clone(policy));
                let dunnage = Delayed::new(dunnage, &setup.view);
                run(setup, Scheduler::with(setup, dunnage, self.weight), placed)
            }
        }
    }
}

/// The name without the weight that it ends with, if it does and is no file of that very name.
fn weighted(typed: &str) -> anyhow::Result<(&str, Option<u64>)> {
    let Some((name, weight)) = typed.rsplit_once('@').filter(|_| !Path::new(typed).exists()) else {
        return Ok((typed, None));
    };
    match weight.parse() {
        Ok(weight @ 1..=WEIGHT_MAX) => Ok((name, Some(weight))),
        _ => Err(Usage(format!("--policy {typed}: expected NAME@N with N from 1 to 1000")).into()),
    }
}

fn ours(name: &str) -> anyhow::Result<Policy> {
    let is_known = NAMED.iter().any(|(known, _)| *known == name);
    if !is_known && !Path::new(name).exists() {
        let rules = Rule::ALL.map(Rule::name);
        let formulas = Formula::ALL.map(Formula::name);
        let named = NAMED.map(|(name, _)| name);
        let names = [STOCK].into_iter().chain(named).chain([RECORDED]).chain(rules).chain(formulas);
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
            Self::Recorded => "where they were when the trace was recorded",
            Self::Ours(_) => "kube-scheduler with dunnage",
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
