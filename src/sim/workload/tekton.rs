//! Tekton's pipelines out of their steps: a task is one pod with a container for each step.
//!
//! Modelling choices: a task that the source did not resolve has no images; `finally` tasks wait for all
//! others; a task with a matrix runs once; a workspace that only one task uses (credentials) is no volume;
//! requests of a pod are the sum of what its steps state.

use std::collections::BTreeMap;

use crate::sim::data::Step;
use crate::sim::workload::dag::Task;

/// The tasks of a pipeline.
#[must_use]
pub fn tasks(steps: &[&Step]) -> Vec<Task> {
    let mut tasks: Vec<Task> = Vec::new();
    let mut last = Vec::new();
    for step in steps {
        let at = tasks.iter().position(|task| task.name == step.job).unwrap_or_else(|| {
            last.push(step.is_finally);
            tasks.push(task(step));
            tasks.len() - 1
        });
        add(&mut tasks[at], step);
    }
    let firsts = tasks.iter().zip(&last).filter(|(_, is_finally)| !**is_finally);
    let firsts: Vec<String> = firsts.map(|(task, _)| task.name.clone()).collect();
    let finals = tasks.iter_mut().zip(&last).filter(|(_, is_finally)| **is_finally);
    finals.for_each(|(task, _)| task.after.clone_from(&firsts));
    keep_shared(&mut tasks);
    tasks
}

fn task(step: &Step) -> Task {
    Task {
        name: step.job.clone(),
        after: step.after.clone(),
        shared: step.shared.clone(),
        ..Task::default()
    }
}

fn add(task: &mut Task, step: &Step) {
    if let Some(image) = step.image.as_ref().filter(|image| !task.images.contains(image)) {
        task.images.push(image.clone());
    }
    if let Some(requests) = step.requests {
        let sum = task.requests.unwrap_or_default();
        task.requests = Some(sum.with(requests));
    }
}

/// Workspaces of one task alone hand nothing on.
fn keep_shared(tasks: &mut [Task]) {
    let mut users: BTreeMap<String, u32> = BTreeMap::new();
    for name in tasks.iter().flat_map(|task| &task.shared) {
        *users.entry(name.clone()).or_default() += 1;
    }
    for task in tasks {
        task.shared.retain(|name| users[name] > 1);
    }
}
