//! Steps of CI pipelines, one a line, as `ci-pipelines/steps.jsonl` has them: Concourse's jobs, Tekton's
//! tasks, Argo's templates, each with the keys of its system.

use std::collections::BTreeMap;

use serde::Deserialize;

use super::json;
use crate::sim::data::{CiSystem, Step};

#[derive(Deserialize)]
struct StepLine {
    system: System,
    pipeline: String,
    job: String,
    name: String,
    kind: String,
    #[serde(default)]
    seq: u32,
    #[serde(default)]
    stage: u32,
    image: Option<String>,
    #[serde(default)]
    image_from: String,
    #[serde(default)]
    trigger: bool,
    #[serde(default)]
    passed: Vec<String>,
    #[serde(default)]
    hook: String,
    #[serde(default)]
    finally: bool,
    #[serde(default)]
    inputs: Vec<String>,
    #[serde(default)]
    outputs: Vec<String>,
    #[serde(default)]
    caches: Vec<String>,
    #[serde(default)]
    workspaces: Vec<String>,
    #[serde(default)]
    mounts: Vec<String>,
    #[serde(default)]
    run_after: Vec<String>,
    #[serde(default)]
    depends: Depends,
    template: Option<String>,
    #[serde(default)]
    requests: BTreeMap<String, json::Amount>,
}

#[derive(Deserialize)]
#[serde(rename_all = "lowercase")]
enum System {
    Concourse,
    Tekton,
    Argo,
}

/// Argo's `depends`: an expression over names, or a list of them.
#[derive(Deserialize)]
#[serde(untagged)]
enum Depends {
    Names(Vec<String>),
    Expression(String),
}

impl Default for Depends {
    fn default() -> Self {
        Self::Names(Vec::new())
    }
}

impl Depends {
    /// The names in it: `a.Succeeded && (b || !c)` waits for all three, whatever came of them.
    fn names(self) -> Vec<String> {
        let text = match self {
            Self::Names(names) => return names,
            Self::Expression(text) => text,
        };
        let words = text.split(|c: char| c.is_whitespace() || "&|!()".contains(c));
        let names = words.filter_map(|word| word.split('.').next());
        names.filter(|name| !name.is_empty()).map(str::to_owned).collect()
    }
}

/// One step.
pub fn parse(line: &[u8]) -> Result<Step, String> {
    let line: StepLine = json::parse("a step of a pipeline", line)?;
    let requests = match line.requests.is_empty() {
        true => None,
        false => Some(json::requests(&line.requests)?),
    };
    Ok(Step {
        system: match line.system {
            System::Concourse => CiSystem::Concourse,
            System::Tekton => CiSystem::Tekton,
            System::Argo => CiSystem::Argo,
        },
        is_builtin: line.image_from == "builtin",
        on_failure: matches!(line.hook.as_str(), "on_failure" | "on_error" | "on_abort"),
        triggers: line.trigger,
        is_finally: line.finally,
        shared: [line.workspaces, line.mounts].concat(),
        after: [line.run_after, line.depends.names()].concat(),
        pipeline: line.pipeline,
        job: line.job,
        name: line.name,
        kind: line.kind,
        seq: line.seq,
        stage: line.stage,
        image: line.image,
        passed: line.passed,
        inputs: line.inputs,
        outputs: line.outputs,
        caches: line.caches,
        template: line.template,
        requests,
    })
}
