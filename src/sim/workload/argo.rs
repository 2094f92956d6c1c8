//! Argo's workflows out of their templates: a task of a `dag` is one pod of its template, and a workflow
//! without a `dag` is a chain of its templates.
//!
//! Modelling choices: a task whose template is no container (a list of steps) runs the file's first one; a
//! `depends` expression waits for all that it names, whatever came of them; templates that take artifacts
//! read all that the tasks directly before left.

use std::collections::BTreeMap;

use crate::sim::data::{CiSystem, Step};
use crate::sim::workload::dag::{Pipeline, Task};

/// The workflows among `steps`, in the order of their names; those without a container are none.
#[must_use]
pub fn pipelines<'a>(steps: impl Iterator<Item = &'a Step>) -> Vec<Pipeline> {
    let mut by_file: BTreeMap<&str, Vec<&Step>> = BTreeMap::new();
    for step in steps.filter(|step| step.system == CiSystem::Argo) {
        by_file.entry(&step.pipeline).or_default().push(step);
    }
    let pipelines = by_file.into_iter().map(|(name, steps)| pipeline(name, &steps));
    pipelines.filter(|pipeline| !pipeline.tasks.is_empty()).collect()
}

fn pipeline(name: &str, steps: &[&Step]) -> Pipeline {
    let (dag, templates): (Vec<&Step>, Vec<&Step>) =
        steps.iter().copied().partition(|step| step.kind == "dag");
    let tasks = if dag.is_empty() { chain(&templates) } else { graph(&dag, &templates) };
    Pipeline { name: name.to_owned(), tasks }
}

fn graph(dag: &[&Step], templates: &[&Step]) -> Vec<Task> {
    let Some(first) = templates.first() else {
        return Vec::new();
    };
    let of = |line: &Step| {
        let named = templates.iter().find(|step| Some(&step.job) == line.template.as_ref());
        let template = named.unwrap_or(first);
        Task { name: line.name.clone(), after: line.after.clone(), ..task(template) }
    };
    dag.iter().map(|line| of(line)).collect()
}

fn chain(templates: &[&Step]) -> Vec<Task> {
    let mut tasks: Vec<Task> = Vec::new();
    for template in templates {
        let after = tasks.last().map(|before| before.name.clone()).into_iter().collect();
        tasks.push(Task { after, ..task(template) });
    }
    tasks
}

fn task(template: &Step) -> Task {
    Task {
        name: template.job.clone(),
        images: template.image.clone().into_iter().collect(),
        requests: template.requests,
        after: Vec::new(),
        shared: template.shared.clone(),
        takes_artifacts: !template.inputs.is_empty(),
        outputs: template.outputs.clone(),
    }
}
