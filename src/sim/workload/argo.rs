//! Argo's workflows out of their templates: a task of a `dag` is one pod of its template, and a workflow
//! without a `dag` is a chain of its templates.
//!
//! Modelling choices: a task whose template is no container (a list of steps) runs the file's first one; a
//! `depends` expression waits for all that it names, whatever came of them; templates that take artifacts
//! read all that the tasks directly before left.

use crate::sim::data::Step;
use crate::sim::workload::dag::Task;

/// The tasks of a workflow; none if no template is a container.
#[must_use]
pub fn tasks(steps: &[&Step]) -> Vec<Task> {
    let (dag, templates): (Vec<&Step>, Vec<&Step>) =
        steps.iter().copied().partition(|step| step.kind == "dag");
    if dag.is_empty() { chain(&templates) } else { graph(&dag, &templates) }
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
