//! The run of a pod as lines of text.

use super::{size, told_by};
use crate::edge::view::run::{RunView, VolumeView};

/// Run and step with who told, then one line a volume, then what is wrong with the annotations. Volumes that
/// it reads are left out where `needs_follow`: where the decision looked for them, it says more of each.
pub(super) fn lines(run: &RunView, needs_follow: bool) -> String {
    let mut text = String::new();
    if run.source != "untold" {
        let name = run.run.as_deref().unwrap_or("unknown");
        let step = run.step.as_ref().map(|step| format!(", step {step}")).unwrap_or_default();
        text.push_str(&format!("Run {name}{step} (told by {})\n", run.source));
    }
    let reads: &[VolumeView] = if needs_follow { &[] } else { &run.needs };
    let lists =
        [("Reads", reads, &run.needs_source), ("Makes", &run.produces, &run.produces_source)];
    for (verb, volumes, source) in lists {
        if !volumes.is_empty() {
            text.push_str(&format!(
                "{verb}{}
",
                told_by(source)
            ));
            volumes.iter().for_each(|volume| text.push_str(&line(volume)));
        }
    }
    if let Some(malformed) = &run.malformed {
        text.push_str(&format!("Malformed: {malformed}\n"));
    }
    text
}

fn line(volume: &VolumeView) -> String {
    let bytes = volume.bytes.map_or_else(|| "-".to_owned(), size);
    format!("  {}  {bytes}  {}\n", volume.key, volume.kind)
}
