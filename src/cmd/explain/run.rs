//! The run of a pod as lines of text.

use super::size;
use crate::edge::view::run::{RunView, VolumeView};

/// Run and step with who told, then one line a volume, then what is wrong with the annotations.
pub(super) fn lines(run: &RunView) -> String {
    let mut text = String::new();
    if run.source != "untold" {
        let name = run.run.as_deref().unwrap_or("unknown");
        let step = run.step.as_ref().map(|step| format!(", step {step}")).unwrap_or_default();
        text.push_str(&format!("Run {name}{step} (told by {})\n", run.source));
    }
    let (needs, produces) = (&run.needs_source, &run.produces_source);
    let lists = [("Reads", &run.needs, needs), ("Makes", &run.produces, produces)];
    for (verb, volumes, source) in lists {
        if !volumes.is_empty() {
            text.push_str(&format!("{verb} (told by {source})\n"));
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
